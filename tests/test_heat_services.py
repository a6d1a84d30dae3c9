"""Rails, roads, data centres, people, emergency rooms and crews in the heat, against published and hand-made values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience import heat
from resilience.errors import ConfigurationError, DataError


@pytest.mark.parametrize(
    ("rail", "speed"),
    [(54.999, 300), (55.0, 230), (59.999, 230), (60.0, 70), (63.999, 70), (64.0, 0), (80.0, 0)],
)
def test_rail_speed_on_both_sides_of_each_step(rail, speed):
    assert heat.rail_speed(rail) * 3.6 == pytest.approx(speed, abs=1e-9)


def test_a_conventional_line_is_slow_from_60():
    line = heat.ConventionalRail()
    assert heat.rail_speed([59.999, 60.0], rail=line) * 3.6 == pytest.approx([150.0, 70.0])


def test_rail_temperature_is_within_what_was_observed():
    """Korea, 2018-07-23: 61.4 degC at 37 degC of the air; the default lies below, the UK rule of 1.5 lower still."""
    assert heat.rail_temperature(37.0) == pytest.approx(59.2, abs=1e-9)
    assert 1.5 * 37.0 < heat.rail_temperature(37.0) < 61.4
    assert heat.rail_temperature(37.0, rail=heat.Rail(sun_ratio=61.4 / 37.0)) == pytest.approx(61.4)
    assert round(61.4 / 37.0, 2) == 1.66
    assert heat.rail_temperature(-5.0) == -5.0


@given(st.floats(-30.0, 60.0), st.floats(0.0, 5.0))
def test_hotter_air_never_lets_trains_run_faster(air, warmer):
    hotter = min(air + warmer, 60.0)
    assert heat.rail_speed(heat.rail_temperature(hotter)) <= heat.rail_speed(heat.rail_temperature(air))


def test_roads_lose_capacity_from_the_third_hot_day_on():
    nan = math.nan
    daily = np.array([36.0, 36.0, 36.0, 36.0, 35.9, 36.0, 36.0, 36.0])
    np.testing.assert_array_equal(heat.pavement_capacity(daily), [1, 1, 0.9, 0.9, 1, 1, 1, 0.9])
    np.testing.assert_array_equal(heat.pavement_capacity([36.0, nan, 36.0, 30.0, nan]), [1, 1, nan, 1, 1])
    one = heat.Pavement(days=1)
    np.testing.assert_array_equal(heat.pavement_capacity([36.0, 30.0], pavement=one), [0.9, 1.0])


def test_closure_of_a_kilometre_for_a_day_is_the_parameter():
    assert heat.pavement_closure(1000.0, 1.0) == pytest.approx(1e-4, rel=1e-12)
    assert heat.pavement_closure(2000.0, 3.0) == pytest.approx(1 - (1 - 1e-4) ** 6, rel=1e-9)
    assert heat.pavement_closure(0.0, 3.0) == 0.0
    assert heat.pavement_closure(1000.0, 1.0, pavement=heat.Pavement(closure=1.0)) == pytest.approx(1.0)


@pytest.mark.parametrize(("outdoor", "wanted"), [(-5, 1), (35, 1), (35.11, 0.99), (40.5, 0.5), (46, 0), (50, 0)])
def test_cooling_capacity_falls_between_design_and_maximum(outdoor, wanted):
    assert heat.cooling_capacity(float(outdoor)) == pytest.approx(wanted, abs=1e-12)


def test_inlet_temperature_rises_by_the_heat_that_is_not_taken_away():
    # 1 MW of servers, 1.2 MW of cooling at half power: 0.4 MW stay in 100 kg/s of air.
    assert heat.inlet_temperature(40.5, 1e6, 1.2e6, 100.0) == pytest.approx(24.0 + 0.4e6 / (100 * 1005), rel=1e-12)
    assert heat.inlet_temperature(30.0, 1e6, 1.2e6, 100.0) == 24.0
    assert heat.inlet_temperature(50.0, 1e6, 1.2e6, 100.0) == pytest.approx(24.0 + 1e6 / (100 * 1005), rel=1e-12)


def test_time_to_shutdown_without_cooling_is_within_what_is_told():
    """5 to 10 minutes to 32..35 degC at high density; a judgement, by hand: 56 s/K times 8 K = 448 s."""
    assert heat.time_to_shutdown(1e6) * 3600.0 == pytest.approx(448.0, rel=1e-12)
    assert heat.time_to_shutdown(5e6) == heat.time_to_shutdown(1e6)
    assert 5.0 < heat.time_to_shutdown(1e6) * 60.0 < 10.0
    assert 5.0 < heat.time_to_shutdown(1e6, cooling=heat.CoolingA2()) * 60.0 < 11.0
    assert heat.time_to_shutdown(1e6, 0.5e6) == pytest.approx(2 * heat.time_to_shutdown(1e6), rel=1e-12)
    assert heat.time_to_shutdown(1e6, 1e6) == math.inf


@pytest.mark.parametrize(
    ("cooling", "limit"),
    [(heat.Cooling(), 32), (heat.CoolingA2(), 35), (heat.CoolingA3(), 40), (heat.CoolingA4(), 45)],
)
def test_servers_shut_down_above_the_limit_of_their_class(cooling, limit):
    got = heat.servers_shut_down([limit, limit + 0.01, math.nan], cooling=cooling)
    np.testing.assert_array_equal(got, [0, 1, math.nan])


def test_mortality_of_seoul_three_degrees_above_the_threshold():
    """By formula from 2.99 % per degree."""
    rr = heat.relative_risk(34.0)
    assert rr == pytest.approx(1.092409, abs=5e-7)
    assert heat.attributable_fraction(rr) == pytest.approx(0.084592, abs=5e-7)
    assert heat.attributable_deaths(34.0, 100.0) == pytest.approx(8.4592, abs=5e-5)


def test_no_heat_no_deaths():
    assert heat.relative_risk(31.0, 1.0) == 1.0
    assert heat.attributable_deaths([20.0, 31.0], 100.0).tolist() == [0.0, 0.0]
    assert heat.attributable_fraction(0.8) == 0.0


def test_illness_at_35_degrees():
    """By formula from 1.691 per degree above 31.2 degC."""
    assert heat.relative_risk(35.0, response=heat.HeatIllness()) == pytest.approx(7.361, abs=5e-4)
    assert heat.relative_risk(32.2, response=heat.ElderlyHeatIllness()) == pytest.approx(1.863, abs=1e-9)


def test_people_without_cooling_have_more_risk_in_proportion_to_their_share():
    dry = heat.relative_risk(34.0)
    np.testing.assert_allclose(heat.relative_risk(34.0, [0.0, 0.5, 1.0]), [dry, 1.25 * dry, 1.5 * dry], rtol=1e-12)


def test_a_response_without_a_threshold_of_its_own_must_be_given_one():
    with pytest.raises(TypeError, match="threshold"):
        heat.LocalMortality()
    assert heat.relative_risk(26.0, response=heat.DaeguMortality(threshold=25.0)) == pytest.approx(1.0352, abs=1e-9)
    assert heat.relative_risk(34.0, response=heat.LocalMortality(threshold=31.0)) == pytest.approx(1.092409, abs=5e-7)


@given(st.floats(-20.0, 55.0), st.floats(0.0, 5.0), st.floats(0.0, 0.9))
def test_risk_never_falls_with_heat_or_outage(t, warmer, share):
    assert heat.relative_risk(t + warmer, share) >= heat.relative_risk(t, share)
    assert heat.relative_risk(t, share + 0.1) >= heat.relative_risk(t, share)


def test_heat_patients_of_the_whole_country_are_the_published_slope():
    assert heat.heat_patients(34.3, 51.7e6) == pytest.approx(51.0, rel=1e-9)
    assert heat.heat_patients(33.3, 51.7e6) == 0.0
    assert heat.heat_patients(34.3, 5.17e6) == pytest.approx(5.1, rel=1e-9)
    assert heat.offered_load(48.0) == pytest.approx(8.0)


def test_erlang_loss_of_ten_bays():
    """By the recursion, and by the sum of the definition."""
    assert heat.erlang_loss(10, 8.0) == pytest.approx(0.121661, abs=5e-7)


@given(st.integers(0, 30), st.floats(0.0, 40.0))
def test_erlang_loss_equals_its_definition(servers, a):
    terms = [a**j / math.factorial(j) for j in range(servers + 1)]
    assert heat.erlang_loss(servers, a) == pytest.approx(terms[-1] / sum(terms), rel=1e-9, abs=1e-300)
    assert heat.erlang_loss(servers + 1, a) <= heat.erlang_loss(servers, a)


@pytest.mark.parametrize("servers", [-1, 2.5, True])
def test_bays_are_counted_in_whole_numbers(servers):
    with pytest.raises(DataError, match=r"servers: .*wanted: a whole number"):
        heat.erlang_loss(servers, 1.0)


@pytest.mark.parametrize(
    ("wbgt", "wanted"),
    [(20, 0.96407), (25, 0.86728), (28, 0.76129), (30, 0.67327), (32, 0.57798), (33.63, 0.5), (35, 0.43715)],
)
def test_work_capacity_of_the_formula(wbgt, wanted):
    """Foster et al. (2021), by formula."""
    assert heat.work_capacity(wbgt) == pytest.approx(wanted, abs=5e-6)


def test_cold_crews_work_in_full():
    assert heat.work_capacity(-10.0) == 1.0


@given(st.floats(-20.0, 50.0), st.floats(0.0, 5.0))
def test_work_capacity_never_grows_with_heat(wbgt, warmer):
    assert heat.work_capacity(wbgt + warmer) <= heat.work_capacity(wbgt)


def test_coefficients_that_cannot_be_meant_are_all_told_at_once():
    with pytest.raises(ConfigurationError, match=r"Crew.half(.|\n)*Crew.exponent"):
        heat.Crew(half=-1.0, exponent=math.nan)


def test_coefficients_in_the_wrong_order_are_told():
    with pytest.raises(ConfigurationError, match="Cooling: 50 and 46; wanted: design < maximum"):
        heat.Cooling(design=50.0)
    with pytest.raises(ConfigurationError, match="Conductor: 25 and 25"):
        heat.Conductor(high_temperature=25.0)
