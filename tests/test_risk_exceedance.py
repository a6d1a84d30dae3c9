"""Exceedance curves and tail risk against the compound Poisson law, closed forms and slow twins."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from resilience.errors import DataError
from resilience.kernels.compiler import INTERPRETED
from resilience.risk.exceedance import (
    encounter_probability,
    encountered_return_period,
    exceedance_curve,
    exceedance_frequency,
    exceedance_probability,
    occurrence_probability,
)
from resilience.risk.intervals import bootstrap_interval
from resilience.risk.tail import catalogue_risk, tail_risk, tail_value_at_risk, value_at_risk

RATE, MEAN = 0.2, 100.0
LEVELS = np.array([100.0, 200.0, 300.0])


def aggregate_exceedance(x):
    """P(S > x) of a compound Poisson sum of exponential losses: a Poisson mixture of gamma laws."""
    k = np.arange(1, 60)
    return float(np.sum(stats.poisson.pmf(k, RATE) * stats.gamma.sf(x, k, scale=MEAN)))


def aggregate_tail_mean(x):
    k = np.arange(1, 60)
    beyond = np.sum(stats.poisson.pmf(k, RATE) * k * MEAN * stats.gamma.sf(x, k + 1, scale=MEAN))
    return float(beyond / aggregate_exceedance(x))


@pytest.fixture(scope="module")
def years():
    """Largest and summed loss of 400,000 years of the compound Poisson example."""
    random = np.random.default_rng(20)
    n = 400_000
    count = random.poisson(RATE, n)
    year = np.repeat(np.arange(n), count)
    loss = random.exponential(MEAN, year.size)
    largest, total = np.zeros(n), np.zeros(n)
    np.maximum.at(largest, year, loss)
    np.add.at(total, year, loss)
    return largest, total


def test_the_law_used_here_gives_the_known_numbers():
    np.testing.assert_allclose([aggregate_exceedance(x) for x in LEVELS], [0.0733464, 0.0295964, 0.0119126], atol=5e-8)
    value = optimize.brentq(lambda x: aggregate_exceedance(x) - 0.01, 1, 1000)
    assert value == pytest.approx(319.2006, abs=1e-4)
    assert aggregate_tail_mean(value) == pytest.approx(428.6101, abs=1e-4)


def test_occurrence_curve_from_rates():
    # the severity law in 1e5 equal parts, each at its median: F(x) to 5e-6
    n = 100_000
    loss = stats.expon.ppf((np.arange(n) + 0.5) / n, scale=MEAN)
    curve = exceedance_curve(np.random.default_rng(1).permutation(loss), rates=RATE / n)
    found = occurrence_probability(exceedance_frequency(curve, LEVELS))
    np.testing.assert_allclose(found, [0.0709344, 0.0267040, 0.0099080], atol=2e-6)
    probability = occurrence_probability(curve.frequency)
    for period, wanted in ((100, 299.0711), (250, 391.0020)):
        reached = curve.loss[np.searchsorted(-probability, -1 / period)]
        assert reached == pytest.approx(wanted, abs=0.1)


def test_yearly_mean_and_spread(years):
    _, total = years
    assert total.mean() == pytest.approx(20.0, abs=4 * 63.2456 / math.sqrt(total.size))
    assert total.std() == pytest.approx(63.2456, rel=0.01)


def test_occurrence_and_aggregate_curves_of_a_catalogue(years):
    largest, total = years
    for values, wanted in (
        (largest, [0.0709344, 0.0267040, 0.0099080]),
        (total, [0.0733464, 0.0295964, 0.0119126]),
    ):
        share, interval = exceedance_probability(values, LEVELS, confidence=0.9999)
        assert ((interval.low < wanted) & (wanted < interval.high)).all()
        np.testing.assert_allclose(share, wanted, rtol=0.05)


def test_losses_of_return_periods(years):
    largest, total = years
    occurrence = tail_risk(largest, [100.0, 250.0], confidence=0.9999, replicates=400)
    wanted = np.array([299.0711, 391.0020])
    assert ((occurrence.low < wanted) & (wanted < occurrence.high)).all()
    np.testing.assert_allclose(occurrence.value, wanted, rtol=0.02)
    aggregate = tail_risk(total, [100.0], replicates=400)
    assert aggregate.value[0] == pytest.approx(319.2006, rel=0.02)
    # the mean beyond: spread of the tail plus that of its threshold, by the bootstrap's own width
    error = (aggregate.tail_high[0] - aggregate.tail_low[0]) / (2 * 1.96)
    assert aggregate.tail_value[0] == pytest.approx(428.6101, abs=4 * error)
    assert error / 428.6 < 0.01
    assert aggregate.replicates == 400
    assert aggregate.n_years == total.size


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1e6), max_size=4), min_size=3, max_size=40), st.floats(0, 1e6))
def test_aggregate_is_never_below_occurrence(catalogue, level):
    largest = np.array([max(year, default=0.0) for year in catalogue])
    total = np.array([sum(year) for year in catalogue])
    assert exceedance_probability(total, [level])[0] >= exceedance_probability(largest, [level])[0]
    periods = [1.5, len(catalogue) / 1.0]
    oep, aep = tail_risk(largest, periods, replicates=2), tail_risk(total, periods, replicates=2)
    assert (aep.value >= oep.value).all()
    assert (aep.tail_value >= oep.tail_value * (1 - 1e-12)).all()


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1)), min_size=1, max_size=30))
def test_curve_from_rates_against_a_slow_twin(rows):
    loss, rate = np.array([float(row[0]) for row in rows]), np.array([row[1] for row in rows])
    curve = exceedance_curve(loss, rates=rate)
    np.testing.assert_array_equal(curve.loss, np.sort(loss))
    np.testing.assert_allclose(curve.frequency, [math.fsum(rate[loss >= x]) for x in curve.loss], rtol=1e-13)
    np.testing.assert_allclose(
        exceedance_frequency(curve, np.arange(8.0)), [math.fsum(rate[loss > x]) for x in range(8)], rtol=1e-13
    )
    even = exceedance_curve(loss, rates=0.25)
    np.testing.assert_array_equal(even.frequency, [0.25 * np.sum(loss >= x) for x in even.loss])


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_curve_ignores_the_order_of_its_input(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    a, b = exceedance_curve(values, rates=0.1), exceedance_curve(shuffled, rates=0.1)
    np.testing.assert_array_equal(a.loss, b.loss)
    np.testing.assert_array_equal(a.frequency, b.frequency)


@pytest.mark.parametrize(
    ("law", "probability", "value", "tail"),
    [
        (stats.expon(scale=10), 0.95, 29.95732, 39.95732),
        (stats.expon(scale=10), 0.99, 46.05170, 56.05170),
        (stats.norm(), 0.95, 1.644854, 2.062713),
        (stats.norm(), 0.99, 2.326348, 2.665214),
    ],
)
def test_value_at_risk_of_known_laws(law, probability, value, tail):
    n = 400_000
    even = law.ppf((np.arange(n) + 0.5) / n)
    assert value_at_risk(even, probability) == pytest.approx(value, rel=2e-4)
    assert tail_value_at_risk(even, probability) == pytest.approx(tail, rel=2e-4)
    drawn = law.rvs(size=50_000, random_state=8)
    low, high = bootstrap_interval(
        drawn, lambda row: np.array([value_at_risk(row, probability), tail_value_at_risk(row, probability)]),
        replicates=60, confidence=0.9,
    )  # fmt: skip
    spread = (high - low) / 3.3
    assert (np.abs((low + high) / 2 - [value, tail]) < 4 * spread).all()


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(1, 127))
def test_tail_value_is_the_integral_of_the_quantile(values, part):
    probability = part / 128
    row = np.sort(np.array(values, dtype=float))
    fine = 128 * row.size  # every step of the quantile function ends on a multiple of 1 / (128 n)
    levels = (np.arange(fine) + 0.5) / fine
    quantiles = row[np.minimum((levels * row.size).astype(int), row.size - 1)]
    wanted = quantiles[levels > probability].mean()
    assert tail_value_at_risk(values, probability) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert tail_value_at_risk(values, probability) >= value_at_risk(values, probability) - 1e-9
    assert value_at_risk(values, probability) == np.quantile(row, probability, method="inverted_cdf")


def test_bootstrap_of_the_tail_equals_the_plain_bootstrap_in_law():
    row = np.random.default_rng(9).exponential(size=1500)
    fast = tail_risk(row, [20.0, 100.0], replicates=3000, seed=1)
    plain = bootstrap_interval(
        row, lambda y: np.array([tail_value_at_risk(y, 0.95), tail_value_at_risk(y, 0.99)]), replicates=3000, seed=2
    )
    width = plain.high - plain.low
    np.testing.assert_allclose(fast.tail_low, plain.low, atol=0.08 * width.max())
    np.testing.assert_allclose(fast.tail_high, plain.high, atol=0.08 * width.max())


def test_tail_interval_covers_over_repeated_catalogues():
    random = np.random.default_rng(10)
    truth = math.log(50) + 1
    covered = 0
    for number in range(150):
        found = tail_risk(random.exponential(size=4000), [50.0], replicates=200, seed=number)
        covered += found.tail_low[0] <= truth <= found.tail_high[0]
    assert covered / 150 > 0.95 - 4 * math.sqrt(0.05 * 0.95 / 150)


def test_same_seed_same_interval_and_order_of_years_is_nothing():
    row = np.random.default_rng(11).exponential(size=500)
    one, two = tail_risk(row, [10.0], seed=3, replicates=50), tail_risk(row[::-1], [10.0], seed=3, replicates=50)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_labelled_risk_of_a_catalogue_is_that_of_its_columns():
    random = np.random.default_rng(12)
    total = random.exponential(size=(2, 400))
    years = xr.Dataset(
        {"yearly_maximum": (("service", "year"), total / 2), "yearly_sum": (("service", "year"), total)},
        coords={"service": ["power", "water"]},
    )
    years["yearly_sum"].attrs["units"] = "persons"
    found = catalogue_risk(years.transpose("year", "service"), [10.0, 50.0], replicates=50, seed=4)
    for number, service in enumerate(("power", "water")):
        one = tail_risk(total[number], [10.0, 50.0], replicates=50, seed=4)
        here = found.sel(service=service)
        np.testing.assert_array_equal(here.aggregate_value, one.value)
        np.testing.assert_array_equal(here.aggregate_value_low, one.low)
        np.testing.assert_array_equal(here.aggregate_tail_value_high, one.tail_high)
        np.testing.assert_allclose(here.occurrence_tail_value, one.tail_value / 2)
        assert here.yearly_mean.item() == pytest.approx(total[number].mean())
        assert here.yearly_standard_error.item() == pytest.approx(total[number].std(ddof=1) / 20)
    assert found.aggregate_value.dims == ("service", "return_period")
    assert found.yearly_mean.attrs["units"] == "persons/year"
    assert found.attrs == {"n_years": 400, "replicates": 50, "confidence": 0.95}
    with pytest.raises(DataError, match=r"(?s)yearly_maximum.*yearly_sum"):
        catalogue_risk(xr.Dataset(), [10.0])


def test_too_few_years_leave_a_side_open():
    found = tail_risk(np.arange(50.0), [50.0], replicates=10)
    assert found.high[0] == np.inf
    assert found.tail_value[0] == 49.0
    quiet = tail_risk(np.zeros(50), [50.0], replicates=10)
    assert (quiet.value[0], quiet.tail_high[0]) == (0.0, 0.0)


def test_wrong_requests_are_told():
    with pytest.raises(DataError, match=r"(?s)return_periods: 2 of 3 outside.*100 years.*replicates"):
        tail_risk(np.ones(100), [1.0, 50.0, 1000.0], replicates=1)
    with pytest.raises(DataError, match="1 of 2 negative"):
        exceedance_curve([1.0, -1.0], rates=1.0)
    with pytest.raises(DataError, match="1 of 2 negative, infinite or missing"):
        exceedance_probability([1.0, np.nan], [1.0])
    with pytest.raises(DataError, match="one rate for all or 2"):
        exceedance_curve([1.0, 1.0], rates=[1.0])
    with pytest.raises(DataError, match="per year, >= 0"):
        exceedance_curve([1.0, 1.0], rates=[1.0, np.nan])
    with pytest.raises(DataError, match="at least one"):
        exceedance_curve([], rates=1.0)
    with pytest.raises(DataError, match="probability"):
        value_at_risk([1.0], 99.0)
    with pytest.raises(DataError, match="missing"):
        tail_value_at_risk([np.nan], 0.9)
    with pytest.raises(DataError, match="arrivals"):
        encountered_return_period(0.1, 50, arrivals="monthly")


def test_encounter_probabilities():
    assert encounter_probability(100, 30) == pytest.approx(0.260300, abs=5e-7)
    assert encounter_probability(50, 50) == pytest.approx(0.635830, abs=5e-7)
    assert encounter_probability(1, 5) == 1.0
    assert encountered_return_period(0.1, 50) == pytest.approx(475.06, abs=0.005)
    assert encountered_return_period(0.1, 50, arrivals="poisson") == pytest.approx(474.56, abs=0.005)
    np.testing.assert_allclose(encounter_probability(encountered_return_period(0.3, 20), 20), 0.3)


@pytest.mark.skipif(INTERPRETED, reason="speed of compiled code")
@pytest.mark.slow
def test_curve_of_a_million_is_as_fast_as_sort_and_sum():
    """Within twice argsort + cumsum; three times here, where other work may run beside."""
    random = np.random.default_rng(12)
    loss, rate = random.exponential(size=1_000_000), random.random(1_000_000)
    exceedance_curve(loss[:10], rates=rate[:10])
    ours, theirs = [], []
    for _ in range(5):
        start = time.process_time()
        curve = exceedance_curve(loss, rates=rate)
        ours.append(time.process_time() - start)
        start = time.process_time()
        order = np.argsort(loss)[::-1]
        summed = np.cumsum(rate[order])
        theirs.append(time.process_time() - start)
    np.testing.assert_allclose(curve.frequency[::-1], summed, rtol=1e-9)
    print(f"ratio {np.median(ours) / np.median(theirs):.2f}, {np.median(ours) * 1e3:.1f} ms")
    # The least of each: what runs beside slows single rounds.
    assert min(ours) < 3 * min(theirs)
