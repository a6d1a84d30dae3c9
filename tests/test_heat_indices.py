"""Heat indices against values worked out by hand from the published formulas, charts and press texts.

"Formula" means: computed once from the equation in the docstring, outside this program, and rounded to the digits
given here. The tolerance is half a unit of the last digit.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from resilience import heat
from resilience.errors import DataError


def celsius(fahrenheit):
    return (fahrenheit - 32.0) / 1.8


def fahrenheit(celsius):
    return celsius * 1.8 + 32.0


def test_a_misprinted_wet_bulb_coefficient_is_not_ours():
    misprint = heat.WetBulb(power_slope=0.02301)
    assert abs(heat.wet_bulb(20.0, 50.0, fit=misprint) - 13.699342) > 1e-3
    assert heat.WetBulb().power_slope == 0.023101


def test_apparent_temperature_of_the_press_text():
    """KMA, 2023-05-15: as warm as the air at 55 %, 32.0 at 35 degC and 30 %, a degree more per ten per cent."""
    assert heat.apparent_temperature(35.0, 55.0) == pytest.approx(35.0, abs=0.05)
    assert heat.apparent_temperature(35.0, 30.0) == pytest.approx(32.0, abs=0.05)
    steps = np.diff(heat.apparent_temperature(35.0, np.arange(50.0, 91.0, 10.0)))
    assert (np.round(steps) == 1.0).all()
    # Its third value, 36.2 at 80 %, fits neither the other two nor that slope.
    assert heat.apparent_temperature(35.0, 80.0) == pytest.approx(37.25, abs=0.005)


def test_heat_index_adjustments_end_where_they_are_said_to():
    def difference(t, r):
        return 1.8 * float(heat.heat_index(celsius(t), r) - heat.rothfusz_regression(celsius(t), r))

    assert difference(100.0, 10.0) == pytest.approx(-0.75 * math.sqrt(12 / 17), abs=1e-9)
    assert difference(100.0, 12.999) == pytest.approx(0.0, abs=1e-3)
    assert difference(100.0, 13.0) == pytest.approx(0.0, abs=1e-9)
    assert difference(112.0, 10.0) == pytest.approx(0.0, abs=1e-9)  # the root is 0 at either end
    assert difference(95.0, 10.0) == pytest.approx(-0.75, abs=1e-9)
    assert difference(113.0, 10.0) == pytest.approx(0.0, abs=1e-9)
    assert difference(80.0, 100.0) == pytest.approx(1.5 * 7 / 5, abs=1e-9)
    assert difference(86.0, 90.0) == pytest.approx(0.5 * 1 / 5, abs=1e-9)
    assert difference(87.0, 90.0) == pytest.approx(0.0, abs=1e-9)
    assert difference(87.1, 90.0) == pytest.approx(0.0, abs=1e-9)
    assert difference(86.0, 85.0) == pytest.approx(0.0, abs=1e-9)


def test_mild_weather_has_the_simple_heat_index():
    t, r = 70.0, 50.0
    simple = 0.5 * (t + 61.0 + 1.2 * (t - 68.0) + 0.094 * r)
    assert fahrenheit(heat.heat_index(celsius(t), r)) == pytest.approx(simple, abs=1e-9)


def test_a_heat_index_takes_celsius_and_refuses_fahrenheit():
    assert heat.heat_index(35.0, 50.0) == pytest.approx(celsius(105.216), abs=5e-4)
    with pytest.raises(DataError, match="degrees Fahrenheit read as degC"):
        heat.heat_index(95.0, 50.0)


def test_globe_in_shade_and_sun():
    shade = 0.7 * 13.699342 + 0.3 * 20.0  # by hand
    assert heat.shade_wbgt(20.0, 50.0) == pytest.approx(shade, abs=5e-7)
    assert heat.sun_wbgt(20.0, 50.0) == pytest.approx(shade + 3.0, abs=5e-7)


@given(
    st.floats(0.0, 50.0), st.floats(-30.0, 90.0), st.floats(0.0, 30.0),
)  # fmt: skip
def test_the_globe_is_in_balance(air, radiant, wind):
    local = wind * math.log10(110.0) / 3.0
    d = 1.1e8 * local**0.6 / (0.95 * 0.15**0.4)

    def net(g):
        return g**4 + d * (g - air - 273.15) - (radiant + 273.15) ** 4

    ends = sorted((air + 273.15, radiant + 273.15))
    wanted = brentq(net, ends[0] - 1e-6, ends[1] + 1e-6, xtol=1e-11)
    assert heat.globe_temperature(air, radiant, wind) == pytest.approx(wanted - 273.15, abs=1e-8)


def test_humidity_from_the_dew_point_gives_back_the_vapour_pressure():
    t, dew = np.array([30.0, 35.0, 20.0]), np.array([20.0, 24.0, 20.0])
    rh = heat.relative_humidity(t, dew)
    np.testing.assert_allclose(heat.vapour_pressure(t, rh), heat.vapour_pressure(dew, 100.0), rtol=1e-12)
    assert rh[2] == pytest.approx(100.0, abs=1e-12)
    assert heat.relative_humidity(20.0, 21.0) == 100.0


RISING = [
    heat.apparent_temperature, heat.heat_index, heat.steadman_temperature, heat.humidex, heat.simplified_wbgt,
    heat.shade_wbgt, heat.sun_wbgt, heat.wet_bulb, heat.vapour_pressure,
]  # fmt: skip


@pytest.mark.parametrize("index", RISING, ids=lambda index: index.__name__)
@given(st.floats(28.0, 44.0), st.floats(0.01, 1.0), st.floats(40.0, 95.0), st.floats(0.01, 4.0))
def test_hotter_or_more_humid_air_is_never_felt_cooler(index, t, warmer, rh, wetter):
    # The published regressions themselves fall at the edge of their range: this is its inside.
    assert index(t + warmer, rh) >= index(t, rh) - 1e-9
    assert index(t, rh + wetter) >= index(t, rh) - 1e-9


def test_alert_days_need_the_threshold_and_a_row_of_days():
    daily = np.array([33.0, 33.0, 32.99, 36.0, 31.0, 35.0, 35.0, 35.0])
    np.testing.assert_array_equal(heat.alert_days(daily), [1, 1, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(heat.alert_days(daily, alert=heat.WARNING), [0, 0, 0, 0, 0, 1, 1, 1])
    three = heat.Alert(threshold=33.0, days=3)
    np.testing.assert_array_equal(heat.alert_days(daily, alert=three), [0, 0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(heat.alert_days(daily[:2], alert=three), [0, 0])


def test_an_unknown_day_is_told_only_where_it_decides():
    nan = math.nan
    got = heat.alert_days([36.0, nan, 30.0, nan, 30.0, 34.0, 34.0, nan])
    np.testing.assert_array_equal(got, [nan, nan, 0, 0, 0, 1, 1, nan])


@given(st.lists(st.floats(20.0, 45.0), min_size=1, max_size=20), st.integers(1, 4))
def test_alert_days_equal_a_count_of_rows(daily, days):
    hot = [value >= 33.0 for value in daily]
    wanted = []
    for i, value in enumerate(hot):
        first = last = i
        while value and first and hot[first - 1]:
            first -= 1
        while value and last + 1 < len(hot) and hot[last + 1]:
            last += 1
        wanted.append(float(value and last - first + 1 >= days))
    np.testing.assert_array_equal(heat.alert_days(daily, alert=heat.Alert(days=days)), wanted)
