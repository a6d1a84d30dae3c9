"""Intervals against published numbers, exact laws and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resilience.errors import DataError
from resilience.risk.intervals import (
    bootstrap_interval,
    exceedance_interval,
    mean_interval,
    quantile_rank,
    quantile_ranks,
    random_generator,
    samples_needed,
    wilson_interval,
)
from resilience.risk.standard_errors import sample_variance, standard_error


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_ends_solve_the_score_equation(counts, confidence):
    x, n = counts
    low, high = wilson_interval(x, n, confidence=confidence)
    z = stats.norm.ppf(0.5 + confidence / 2)
    assert 0.0 <= low <= x / n <= high <= 1.0
    for end in (low, high):
        if 0.0 < end < 1.0:
            np.testing.assert_allclose((x / n - end) ** 2, z * z * end * (1 - end) / n, rtol=1e-6, atol=1e-15)


def test_wilson_without_trials_is_missing_and_wrong_counts_are_told():
    assert np.isnan(wilson_interval(0, 0)).all()
    with pytest.raises(DataError, match="successes: 2 of 3 outside"):
        wilson_interval([3, -1, 1], 2)


def test_return_period_of_the_hundredth_largest_of_ten_thousand():
    low, high = exceedance_interval(100, 10_000)
    assert (round(1 / high, 1), round(1 / low, 1)) == (83.1, 122.8)
    reference = stats.beta(100, 9901).ppf([0.025, 0.975])
    np.testing.assert_allclose([low, high], reference, rtol=1e-9)
    with pytest.raises(DataError, match="rank"):
        exceedance_interval([0, 5], 10)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.floats(0.001, 0.999), st.floats(0.5, 0.999))
def test_quantile_ranks_are_the_tightest_that_keep_their_promise(n, exceedance, confidence):
    low, high = quantile_ranks(n, exceedance, confidence=confidence)
    above, outside = stats.binom(n, exceedance), (1 - confidence) / 2
    assert 0 <= high < low <= n + 1
    assert above.cdf(high - 1) <= outside < above.cdf(high) * (1 + 1e-9)
    assert above.sf(low - 1) <= outside < above.sf(low - 2) * (1 + 1e-9)


def test_quantile_ranks_cover_the_true_quantile():
    random = np.random.default_rng(5)
    n, exceedance = 1000, 0.02
    low, high = quantile_ranks(n, exceedance)
    largest = -np.sort(-random.exponential(size=(2000, n)), axis=1)
    truth = -np.log(exceedance)
    covered = np.mean((largest[:, low - 1] <= truth) & (truth <= largest[:, high - 1]))
    assert covered >= 0.95 - 4 * np.sqrt(0.05 * 0.95 / 2000)


@given(st.integers(1, 5000), st.integers(2, 5000))
def test_quantile_rank_of_whole_numbers_is_whole(k, period):
    n = k * period
    assert quantile_rank(n, 1.0 / period) == k
    assert quantile_rank(n, 1.0 - (1.0 - 1.0 / period)) == k


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50))
def test_running_sums_give_the_standard_error_of_the_values(values):
    row = np.array(values)
    error = standard_error(row.sum(), (row**2).sum(), row.size)
    np.testing.assert_allclose(error, row.std(ddof=1) / np.sqrt(row.size), rtol=1e-6, atol=1e-4)
    assert np.isnan(sample_variance(1.0, 1.0, 1))


def test_convergence_figures():
    # compound Poisson, rate .2, exponential losses of mean 100: cv^2 = 10
    cv_mean, sd = 20.0, np.sqrt(0.2 * 2 * 100.0**2)
    assert sd == pytest.approx(63.2456, abs=5e-5)
    assert samples_needed(cv_mean, sd, relative_error=0.05) == 4_000
    assert samples_needed(cv_mean, sd, relative_error=0.01) == 100_000
    # P(Z > 4): a relative error of .1777 takes a million samples
    p = 3.167124e-5
    assert samples_needed(p, np.sqrt(p * (1 - p)), relative_error=0.1777) == pytest.approx(1e6, rel=1e-3)
    with pytest.raises(DataError, match="mean"):
        samples_needed(0.0, 1.0, relative_error=0.1)


def test_mean_interval_of_arrays():
    low, high = mean_interval(np.array([0.0, 1.0]), np.array([1.0, 0.0]), confidence=0.9)
    np.testing.assert_allclose(low, [-1.6448536, 1.0])
    np.testing.assert_allclose(high, [1.6448536, 1.0])


def test_bootstrap_of_a_mean_has_the_width_of_its_standard_error():
    years = np.random.default_rng(6).exponential(size=2000)
    low, high = bootstrap_interval(years, lambda drawn: drawn.mean(axis=0), replicates=2000, seed=3)
    error = years.std(ddof=1) / np.sqrt(2000)
    assert (high - low) / (2 * 1.959964 * error) == pytest.approx(1.0, abs=0.08)
    again = bootstrap_interval(years, lambda drawn: drawn.mean(axis=0), replicates=2000, seed=3)
    assert (low, high) == again
    assert (low, high) != bootstrap_interval(years, lambda drawn: drawn.mean(axis=0), replicates=2000, seed=4)


def test_drawing_events_instead_of_years_would_hide_that_years_cluster():
    random = np.random.default_rng(7)
    count = random.poisson(0.2, 4000) * random.integers(1, 6, 4000)  # events of a year come together
    interval = bootstrap_interval(count.astype(float), lambda years: years.mean(axis=0), seed=1)
    spread = (interval.high - interval.low) / (2 * 1.959964)
    as_if_poisson = np.sqrt(count.mean() / 4000)
    assert spread > 1.5 * as_if_poisson


def test_wrong_requests_are_told():
    with pytest.raises(DataError, match=r"(?s)values.*replicates"):
        bootstrap_interval([], np.mean, replicates=1)
    with pytest.raises(DataError, match="confidence"):
        wilson_interval(1, 2, confidence=95)
    with pytest.raises(DataError, match="seed"):
        random_generator(-1, "bootstrap")


def test_purposes_and_seeds_have_streams_of_their_own():
    draws = {(seed, purpose): random_generator(seed, purpose).random() for seed in (0, 1) for purpose in ("a", "b")}
    assert len(set(draws.values())) == 4
