"""Transformers, ageing, overhead lines and demand, against worked examples of the standards and slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from resilience import heat
from resilience.errors import ConfigurationError, DataError

TYPES = [heat.PowerTransformer(), heat.FanCooledTransformer(), heat.DistributionTransformer()]


@pytest.mark.parametrize(
    ("load", "ambient", "wanted", "ageing"),
    [(1.0, 30.0, 110.0, 1.0), (1.0, 40.0, 120.0, 2.7089), (0.8, 40.0, 97.46, 0.2656)],
)
def test_worked_example_of_a_steady_transformer(load, ambient, wanted, ageing):
    """IEEE C57.91 with dTO_R 55, dH_R 25, R 4.87, n 0.9, m 0.8, by formula."""
    hot = heat.hot_spot(ambient, load)
    assert hot == pytest.approx(wanted, abs=5e-4)
    assert heat.ageing_rate(hot) == pytest.approx(ageing, abs=5e-5)


def test_rises_of_the_worked_example():
    assert heat.top_oil(40.0, 0.8) - 40.0 == pytest.approx(39.966, abs=5e-4)
    assert heat.hot_spot(40.0, 0.8) - heat.top_oil(40.0, 0.8) == pytest.approx(17.494, abs=5e-4)


@pytest.mark.parametrize(("ambient", "wanted"), [(30.0, 1.0), (35.0, 0.95840), (40.0, 0.91539), (45.0, 0.87078)])
def test_allowed_load_of_the_worked_example(ambient, wanted):
    got = heat.allowed_load(ambient)
    assert got == pytest.approx(wanted, abs=5e-6)
    assert heat.hot_spot(ambient, got) == pytest.approx(110.0, abs=1e-9)
    assert heat.approximate_allowed_load(ambient) == pytest.approx(wanted, abs=0.002)


def test_the_rule_of_thumb_is_the_slope_of_the_allowed_load():
    slope = float(heat.allowed_load(45.0) - heat.allowed_load(30.0)) / 15.0
    assert slope == pytest.approx(-0.0085, abs=2e-4)


@pytest.mark.parametrize("transformer", [heat.Transformer(), *TYPES], ids=lambda one: type(one).__name__)
@given(st.floats(-20.0, 55.0), st.floats(0.01, 5.0))
def test_allowed_load_holds_the_limit_and_falls_with_heat(transformer, ambient, warmer):
    load = heat.allowed_load(ambient, transformer=transformer)
    assert heat.hot_spot(ambient, load, transformer=transformer) == pytest.approx(110.0, abs=1e-8)
    assert heat.allowed_load(min(ambient + warmer, 60.0), transformer=transformer) <= load


def test_no_load_is_allowed_where_the_idle_transformer_is_too_hot():
    tight = heat.Transformer(hot_spot_limit=50.0)
    np.testing.assert_array_equal(heat.allowed_load([45.0, 60.0], transformer=tight), [0.0, 0.0])


@pytest.mark.parametrize(("hot", "wanted"), [(98.0, 0.28174), (110.0, 1.0), (120.0, 2.70893), (140.0, 17.19946)])
def test_ageing_of_upgraded_paper(hot, wanted):
    assert heat.ageing_rate(hot) == pytest.approx(wanted, abs=5e-6)


def test_ageing_of_other_paper():
    old = heat.OldInsulation()
    assert heat.ageing_rate(95.0, insulation=old) == pytest.approx(1.0, abs=1e-12)
    assert heat.ageing_rate(110.0, insulation=old) == pytest.approx(math.exp(15000 / 368 - 15000 / 383), rel=1e-12)


def test_days_aged_as_the_library_of_alliander_has_them():
    """Test values of transformer-thermal-model: one day at a constant hot spot."""
    day = np.ones(96)
    assert heat.equivalent_ageing(heat.paper_ageing_rate(98.0 * day)) == pytest.approx(1.0, abs=1e-12)
    assert heat.equivalent_ageing(heat.paper_ageing_rate(100.0 * day)) == pytest.approx(1.259921, abs=5e-7)
    # 0.3499425..., of which the digit given is cut off, not rounded.
    assert heat.equivalent_ageing(heat.ageing_rate(100.0 * day)) == pytest.approx(0.349942, abs=1e-6)


def test_loss_of_life_of_a_normal_life_is_all_of_it():
    assert heat.loss_of_life(np.ones(1000), step_hours=180.0) == pytest.approx(1.0, abs=1e-12)
    assert heat.loss_of_life(np.full(24, 10.0)) == pytest.approx(24 * 10 / 180_000, rel=1e-12)


def test_failures_grow_with_ageing():
    assert heat.failure_rate(heat.ageing_rate(120.0)) == pytest.approx(0.01 * 2.70893, abs=1e-7)


def test_trips_on_either_limit_and_on_both_sides_of_it():
    nan = math.nan
    got = heat.trips([140.0, 140.01, 100.0, 100.0, nan, 150.0, nan], [110.0, 90.0, 110.0, 110.01, 90.0, nan, 111.0])
    np.testing.assert_array_equal(got, [0, 1, 0, 1, nan, 1, 1])


def series_twin(air, load, step_hours, start, c):
    """(2.1) one number at a time, in the words of the standard: minutes, exponentials."""
    dt = step_hours * 60.0

    def rise(k):
        return c.oil_rise * ((1 + c.loss_ratio * k**2) / (1 + c.loss_ratio)) ** c.oil_exponent

    def gradient(k):
        return c.hot_spot_rise * k**c.winding_exponent

    steady = start == "steady"
    oil = air[0] + c.surcharge + (rise(load[0]) if steady else 0.0)
    h1 = c.k21 * gradient(load[0]) if steady else 0.0
    h2 = (c.k21 - 1) * gradient(load[0]) if steady else 0.0
    out = []
    for a, k in zip(air, load, strict=True):
        oil += (a + c.surcharge + rise(k) - oil) * (1 - math.exp(-dt / (c.k11 * c.oil_time)))
        one, two = c.k21 * gradient(k), (c.k21 - 1) * gradient(k)
        h1 = one + (h1 - one) * math.exp(-dt / (c.k22 * c.winding_time))
        h2 = two + (h2 - two) * math.exp(-dt * c.k22 / c.oil_time)
        out.append((oil, oil + h1 - h2))
    return np.array(out).T


@pytest.mark.parametrize("start", ["steady", "ambient"])
@pytest.mark.parametrize("transformer", TYPES, ids=lambda one: type(one).__name__)
def test_series_equals_the_standard_one_asset_at_a_time(transformer, start):
    rng = np.random.default_rng(1)
    air, load = rng.uniform(20, 40, (3, 50)), rng.uniform(0.2, 1.4, (3, 50))
    oil, hot = heat.transformer_series(air, load, step_hours=0.25, start=start, transformer=transformer)
    for i in range(3):
        wanted = series_twin(air[i], load[i], 0.25, start, transformer)
        np.testing.assert_allclose([oil[i], hot[i]], wanted, rtol=1e-12)
    first = heat.transformer_series(air.T, load.T, step_hours=0.25, start=start, transformer=transformer, axis=0)
    np.testing.assert_array_equal(first[1].T, hot)


@pytest.mark.parametrize("transformer", TYPES, ids=lambda one: type(one).__name__)
def test_series_of_constant_weather_is_the_steady_state(transformer):
    air = np.full(200, 35.0)
    steady = heat.hot_spot(35.0, 0.9, transformer=transformer)
    _, hot = heat.transformer_series(air, 0.9, transformer=transformer)
    np.testing.assert_allclose(hot, steady, rtol=1e-12)
    oil, cold = heat.transformer_series(air, 0.9, start="ambient", transformer=transformer)
    assert cold[0] < steady
    assert cold[-1] == pytest.approx(steady, abs=1e-6)
    assert oil[-1] == pytest.approx(heat.top_oil(35.0, 0.9, transformer=transformer), abs=1e-6)


def test_two_steps_of_constant_input_are_one_of_twice_the_length():
    air, load = np.array([25.0, 30.0, 38.0]), np.array([0.4, 1.0, 1.2])
    _, long = heat.transformer_series(air, load, step_hours=1.0)
    _, short = heat.transformer_series(np.repeat(air, 2), np.repeat(load, 2), step_hours=0.5)
    np.testing.assert_allclose(short[1::2], long, rtol=1e-12)


def test_a_sudden_load_overshoots_where_the_winding_is_faster_than_the_oil():
    load = np.array([0.3] + [1.2] * 2000)
    _, hot = heat.transformer_series(np.full(load.size, 30.0), load, step_hours=1 / 60)
    gradient = 22.1 * 1.2**1.3
    oil, _ = heat.transformer_series(np.full(load.size, 30.0), load, step_hours=1 / 60)
    assert (hot - oil).max() > 1.2 * gradient
    assert (hot - oil)[-1] == pytest.approx(gradient, abs=1e-3)


@given(st.lists(st.floats(-10.0, 45.0), min_size=1, max_size=30), st.floats(0.0, 1.5), st.floats(0.0, 10.0))
def test_a_hotter_or_more_loaded_history_is_nowhere_cooler(air, load, warmer):
    first = np.array(air)
    for got, more in [
        (heat.transformer_series(first, load), heat.transformer_series(first + warmer, load)),
        (heat.transformer_series(first, load), heat.transformer_series(first, load + 0.1)),
    ]:
        assert (more[0] >= got[0] - 1e-9).all()
        assert (more[1] >= got[1] - 1e-9).all()


def test_a_labelled_series_keeps_its_order_of_dimensions():
    rng = np.random.default_rng(2)
    air = xr.DataArray(
        rng.uniform(20, 40, (2, 5, 3)),
        dims=("event", "time", "asset"),
        coords={"asset": ["a", "b", "c"]},
        attrs={"units": "degC"},
    )
    load = xr.DataArray([0.5, 1.0, 1.2], dims="asset", coords={"asset": ["a", "b", "c"]})
    oil, hot = heat.transformer_series(air, load)
    assert hot.dims == oil.dims == air.dims
    assert hot.attrs["units"] == "degC"
    for i in range(3):
        np.testing.assert_allclose(hot.values[:, :, i], heat.transformer_series(air.values[:, :, i], load.values[i])[1])
    rate = heat.ageing_rate(hot)
    assert heat.equivalent_ageing(rate).dims == ("event", "asset")
    np.testing.assert_allclose(heat.equivalent_ageing(rate), rate.mean("time"))
    in_chunks = heat.transformer_series(air.chunk(asset=1), load)[1]
    assert in_chunks.chunks is not None
    np.testing.assert_array_equal(in_chunks, hot)


def test_an_unknown_hour_makes_the_rest_unknown_and_nothing_else():
    air = np.full((2, 6), 30.0)
    air[1, 3] = math.nan
    _, hot = heat.transformer_series(air)
    assert np.isfinite(hot[0]).all()
    assert np.isfinite(hot[1, :3]).all()
    assert np.isnan(hot[1, 3:]).all()
    assert np.isnan(heat.equivalent_ageing(heat.ageing_rate(hot))[1])


def test_a_series_needs_time_a_step_and_a_known_start():
    with pytest.raises(DataError, match="a series along axis -1"):
        heat.transformer_series(30.0)
    with pytest.raises(DataError, match="a series along dimension 'time'"):
        heat.transformer_series(xr.DataArray([30.0], dims="hour"))
    with pytest.raises(ConfigurationError, match=r"step_hours(.|\n)*start"):
        heat.transformer_series([30.0], step_hours=0.0, start="warm")
    with pytest.raises(ConfigurationError, match=r"step_hours: -1.0; wanted: hours, > 0"):
        heat.loss_of_life([1.0], step_hours=-1.0)
    in_parts = xr.DataArray(np.full(4, 30.0), dims="time").chunk(time=2)
    with pytest.raises(DataError, match="ambient: several chunks along time; wanted: one chunk along time"):
        heat.transformer_series(in_parts)
    assert heat.transformer_series(np.empty((3, 0)))[0].shape == (3, 0)


# Drake 795 ACSR, IEEE 738: ambient 40, own 100 degC, wind 0.61 m/s across, at sea level.


def test_cooling_of_the_worked_example():
    conductor = heat.Conductor()
    alone = {
        "q_c1": (heat.Conductor(forced_high=0.0, natural=0.0), 82.083),
        "q_c2": (heat.Conductor(forced_offset=0.0, forced_low=0.0, natural=0.0), 77.034),
        "q_cn": (heat.Conductor(forced_offset=0.0, forced_low=0.0, forced_high=0.0), 42.416),
    }
    for name, (part, wanted) in alone.items():
        assert heat.convective_cooling(40.0, 100.0, conductor=part) == pytest.approx(wanted, abs=5e-4), name
    assert heat.convective_cooling(40.0, 100.0) == pytest.approx(82.083, abs=5e-4)
    assert heat.radiative_cooling(40.0, 100.0) == pytest.approx(39.105, abs=5e-4)
    assert conductor.resistance(np.array(100.0)) == pytest.approx(9.3905e-5, abs=5e-10)
    # The Reynolds number out of the high-wind equation.
    film = conductor.convection(np.array(40.0), np.array(100.0), np.array(0.61), np.array(90.0), np.array(0.0))
    assert film == pytest.approx(82.083, abs=5e-4)
    conductivity = 2.424e-2 + 7.477e-5 * 70 - 4.407e-9 * 70**2
    only = heat.convective_cooling(40.0, 100.0, conductor=alone["q_c2"][0])
    assert (only / (0.754 * conductivity * 60.0)) ** (1 / 0.6) == pytest.approx(864.44, abs=5e-3)


def test_rating_of_the_worked_example():
    assert heat.line_rating(40.0) == pytest.approx(1025.5, abs=0.05)
    assert heat.line_rating(40.0) == pytest.approx(1025, abs=1)  # the example of the standard


def test_convective_cooling_of_annex_b():
    """Acceptance value of Statnett's linerate, tolerance theirs."""
    drake = heat.Conductor(diameter=0.02812, emissivity=0.5)
    assert heat.convective_cooling(40.0, 100.7, conductor=drake) == pytest.approx(83.061, abs=0.5)


def test_the_shortcut_is_near_the_rating():
    full = float(heat.line_rating(40.0) / heat.line_rating(25.0))
    assert full == pytest.approx(0.8846, abs=5e-5)
    assert heat.approximate_line_rating(40.0) == pytest.approx(0.8944, abs=5e-5)
    assert heat.approximate_line_rating(40.0) == pytest.approx(full, rel=0.08)


@given(st.floats(-20.0, 55.0), st.floats(0.0, 15.0), st.floats(0.0, 90.0))
def test_rating_falls_with_heat_and_grows_with_wind(ambient, wind, angle):
    rating = heat.line_rating(ambient, wind, angle)
    assert heat.line_rating(ambient + 1.0, wind, angle) <= rating
    assert heat.line_rating(ambient, wind + 0.5, angle) >= rating
    assert heat.line_rating(ambient, wind, angle, 0.0, 40.0) <= rating


def test_a_line_that_the_sun_alone_heats_to_its_limit_carries_nothing():
    assert heat.line_rating(59.0, solar_heating=22.0, conductor=heat.Conductor(limit=59.5)) == 0.0
    assert heat.line_rating(60.0, conductor=heat.Conductor(limit=55.0)) == 0.0


@pytest.mark.parametrize(("mean", "wanted"), [(20.0, 1.0), (24.0, 1.0), (25.0, 1.0275), (32.0, 1.22)])
def test_demand_grows_above_its_base(mean, wanted):
    assert heat.demand(mean) == pytest.approx(wanted, abs=1e-12)


def test_demand_keeps_the_unit_of_its_base():
    base = xr.DataArray([80.0, 90.0], dims="district", attrs={"units": "MW"})
    got = heat.demand(30.0, base)
    assert got.attrs["units"] == "MW"
    np.testing.assert_allclose(got, base * (1 + 6 * 0.0275))
