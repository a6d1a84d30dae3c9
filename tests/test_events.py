"""Annual weights against worked numbers and laws."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, DataError
from resilience.events import EventFamily, annual_weights, family_of, family_weights

PERIODS = np.array([2.0, 10.0, 50.0, 100.0, 500.0])
DAMAGE = np.array([0.0, 10.0, 50.0, 80.0, 150.0])


def make_events(rates, name="storms", axis="events"):
    rates = np.asarray(rates, dtype=float)
    names = tuple(f"e{k}" for k in range(rates.size))
    return EventFamily(name=name, axis=axis, events=names, return_period=np.full(rates.size, np.nan), annual_rate=rates)


def test_trapezoid_and_tail_of_the_five_point_example():
    weights, tail, beyond = annual_weights(PERIODS)
    assert weights @ DAMAGE == pytest.approx(5.970)
    assert tail @ DAMAGE == pytest.approx(0.300)
    assert beyond == 1 / 500


def test_log_linear_of_the_five_point_example():
    assert annual_weights(PERIODS, rule="log_linear").weights @ DAMAGE == pytest.approx(4.954368, abs=5e-7)


def test_no_tail_counts_nothing_and_still_tells_the_truncated_probability():
    weights, tail, beyond = annual_weights(PERIODS, tail="none")
    assert tail.sum() == 0.0
    assert beyond == 1 / 500
    assert weights @ DAMAGE == pytest.approx(5.970)


def test_protection_up_to_50_years():
    # Nothing happens up to 50 years and the full damage beyond: the axis begins there.
    weights, tail, _ = annual_weights(PERIODS[2:])
    assert weights @ DAMAGE[2:] == pytest.approx(1.570)
    assert tail @ DAMAGE[2:] == pytest.approx(0.300)


def test_order_of_the_input_does_not_matter():
    for rule in ("trapezoid", "log_linear"):
        straight = annual_weights(PERIODS, rule=rule, onset=1.5)
        order = np.array([3, 0, 4, 2, 1])
        mixed = annual_weights(PERIODS[order], rule=rule, onset=1.5)
        np.testing.assert_array_equal(mixed.weights, straight.weights[order])
        np.testing.assert_array_equal(mixed.tail_weights, straight.tail_weights[order])


def test_losses_stay_with_their_frequency():
    # Rare first, as many tables are printed: 1.5 + 4 between the points; sorted frequencies alone would mix them up.
    weights = annual_weights([100, 10, 5], tail="none").weights
    damage = np.array([100.0, 10.0, 0.0])
    by_hand = (0.2 - 0.1) * (0 + 10) / 2 + (0.1 - 0.01) * (10 + 100) / 2
    assert weights @ damage == pytest.approx(by_hand)
    assert by_hand != pytest.approx(np.sort(weights) @ damage)


def test_one_return_period_is_not_worth_nothing():
    weights, tail, _ = annual_weights([100])
    assert weights @ [50.0] == 0.0
    assert tail @ [50.0] == pytest.approx(0.5)
    weights, _, _ = annual_weights([100], tail="none", onset=50)
    assert weights @ [50.0] == pytest.approx((1 / 50 - 1 / 100) * 50 / 2)
    with pytest.raises(ConfigurationError, match="one return period and no tail"):
        annual_weights([100], tail="none")


@pytest.mark.parametrize("rule", ["trapezoid", "log_linear"])
def test_logarithmic_damage_has_its_analytic_value(rule):
    onset, slope = 5.0, 3.0
    periods = onset * np.exp(np.linspace(0.0, 16.0, 4001))
    weights, tail, _ = annual_weights(periods, rule=rule)
    total = (weights + tail) @ (slope * np.log(periods / onset))
    assert total == pytest.approx(slope / onset, rel=1e-5)


def test_log_linear_is_exact_where_damage_is_logarithmic():
    periods = np.array([5.0, 50.0, 1000.0])
    weights, tail, beyond = annual_weights(periods, rule="log_linear")
    total = (weights + tail) @ np.log(periods / 5.0)
    assert total == pytest.approx(1 / 5.0 - beyond, rel=1e-12)


def test_onset_adds_the_part_below_the_first_map():
    # Damage is logarithmic from the onset: the rule is exact again, although the onset has no map.
    weights, tail, beyond = annual_weights([10.0, 100.0], rule="log_linear", onset=5.0)
    assert (weights + tail) @ np.log(np.array([10.0, 100.0]) / 5.0) == pytest.approx(1 / 5.0 - beyond, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(1.0, 1e4), min_size=2, max_size=9, unique=True),
    st.sampled_from(["trapezoid", "log_linear"]),
)
def test_weights_are_a_measure_of_the_probability_covered(periods, rule):
    weights, tail, _ = annual_weights(periods, rule=rule)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1 / min(periods) - 1 / max(periods), rel=1e-9, abs=1e-15)
    assert tail.sum() == pytest.approx(1 / max(periods))


def test_log_linear_tends_to_the_trapezoid_for_close_return_periods():
    periods = [100.0, 100.0 + 1e-7]
    close = annual_weights(periods, rule="log_linear").weights
    np.testing.assert_allclose(close, annual_weights(periods).weights, rtol=1e-6)


@pytest.mark.parametrize("periods", [[10, 10], [0.5, 10], [np.nan, 10], [np.inf, 10], [-1, 2], []])
def test_bad_return_periods_are_refused(periods):
    with pytest.raises(DataError, match="return_periods"):
        annual_weights(periods)


def test_bad_words_are_refused_together():
    with pytest.raises(ConfigurationError) as caught:
        annual_weights(PERIODS, rule="trapeze", tail="hodl")
    assert "did you mean 'trapezoid'?" in str(caught.value)
    assert "did you mean 'hold'?" in str(caught.value)
    with pytest.raises(ConfigurationError, match="onset"):
        annual_weights(PERIODS, onset=2.0)


def test_distinct_events_weigh_their_rate():
    weights, tail, beyond = family_weights(make_events([0.5, 0.01]))
    assert weights.tolist() == [0.5, 0.01]
    assert tail.tolist() == [0.0, 0.0]
    assert beyond == 0.0


def test_family_without_rates_says_why_it_has_no_annual_value():
    with pytest.raises(ConfigurationError, match=r"family 'forecast': 2 events have no annual rate .*return_periods"):
        family_weights(make_events([np.nan, np.nan], name="forecast"))


def test_family_of_a_hazard_dataset():
    hazard = xr.Dataset(
        coords={
            "event": ["rp10", "rp100"],
            "return_period": ("event", [10.0, 100.0]),
            "annual_rate": ("event", [0.1, 0.01]),
        },
        attrs={"family": "river", "axis": "severity"},
    )
    family = family_of(hazard, onset=5.0)
    expected = annual_weights([10.0, 100.0], onset=5.0, rule="log_linear")
    np.testing.assert_array_equal(family_weights(family, rule="log_linear").weights, expected.weights)
