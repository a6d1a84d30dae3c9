"""Fewer samples for rare losses, against closed forms and samples drawn plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from resilience.errors import DataError
from resilience.risk import importance_mean, neyman_allocation, stratified_mean

BEYOND = 3.167124e-5  # P(Z > 4)


def test_a_rare_probability_and_the_ratio_of_variances() -> None:
    assert norm.sf(4.0) == pytest.approx(BEYOND, rel=1e-6)
    crude = np.sqrt((1 - BEYOND) / (BEYOND * 1e6))
    assert crude == pytest.approx(0.1777, abs=5e-5)
    # E[w^2 1(Z > 4)] under the shifted density is exp(16) P(Z > 8).
    exact = (np.exp(16.0) * norm.sf(8.0) - BEYOND**2) / (BEYOND * (1 - BEYOND))
    assert exact == pytest.approx(1.43e-4, rel=5e-3)
    n = 200_000
    z = np.random.default_rng(1).normal(4.0, 1.0, n)
    found = importance_mean(z > 4.0, 8.0 - 4.0 * z)
    assert abs(found.mean - BEYOND) <= 4 * found.standard_error
    assert found.standard_error**2 * n / (BEYOND * (1 - BEYOND)) == pytest.approx(exact, rel=0.03)


def test_weights_of_the_right_distribution_are_one_on_average() -> None:
    z = np.random.default_rng(2).normal(1.0, 1.0, 100_000)
    found = importance_mean(z, 0.5 - z)
    assert abs(found.weight_mean - 1.0) <= 4 * found.weight_standard_error
    assert found.effective_samples == pytest.approx(100_000 / np.e, rel=0.05)  # E[w^2] = exp(1)
    wrong = importance_mean(z, 1.0 - z)
    assert abs(wrong.weight_mean - 1.0) > 4 * wrong.weight_standard_error
    same = importance_mean(z, np.zeros(z.size))
    assert (same.mean, same.weight_mean, same.effective_samples) == pytest.approx((z.mean(), 1.0, z.size))


def test_strata_of_return_periods_need_a_fraction_of_the_samples() -> None:
    rng = np.random.default_rng(3)
    weights = np.array([0.9, 0.08, 0.015, 0.005])
    means, spreads = np.array([0.0, 10.0, 200.0, 3000.0]), np.array([0.0, 5.0, 80.0, 900.0])
    counts = neyman_allocation(weights, spreads, samples=4000)
    found = stratified_mean([rng.normal(m, s, n) for m, s, n in zip(means, spreads, counts, strict=True)], weights)
    known = float(weights @ means)
    assert abs(found.mean - known) <= 4 * found.standard_error
    assert found.standard_error == pytest.approx(weights @ spreads / np.sqrt(4000), rel=0.05)
    plain = np.sqrt((weights @ (means**2 + spreads**2) - known**2) / 4000)
    assert (plain / found.standard_error) ** 2 > 100


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e6)), min_size=1, max_size=8).filter(
        lambda rows: any(weight > 1e-9 for weight, _ in rows)
    ),
    st.integers(16, 5000),
)
def test_counts_add_up_and_no_other_allocation_near_by_is_better(rows: list[tuple[float, float]], samples: int) -> None:
    weight, spread = (np.array(column) for column in zip(*rows, strict=True))
    count = neyman_allocation(weight, spread, samples=samples)
    assert count.sum() == samples
    assert ((count >= 2) == (weight > 0)).all()
    term = np.square(weight * spread)
    used = count > 0
    variance = (term[used] / count[used]).sum()
    for giver in np.flatnonzero(count > 3):
        for taker in np.flatnonzero(used):
            other = count.copy()
            other[giver] -= 1
            other[taker] += 1
            # Whole numbers by largest remainder are within one sample of the best.
            assert (term[used] / other[used]).sum() >= variance * (1 - 2.0 / min(count[giver], count[taker])) - 1e-9


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DataError, match="as many of both"):
        importance_mean([1.0, 2.0], [0.0])
    with pytest.raises(DataError, match="missing or infinite"):
        importance_mean([1.0, np.nan], [0.0, np.inf])
    with pytest.raises(DataError, match=r"one for each of 2(.|\n)*two samples or more"):
        stratified_mean([[1.0], [1.0, 2.0]], [1.0])
    with pytest.raises(DataError, match="numbers, and weights >= 0"):
        stratified_mean([[1.0, np.nan]], [1.0])
    with pytest.raises(DataError, match="one of both for each stratum"):
        neyman_allocation([1.0], [1.0, 2.0], samples=10)
    with pytest.raises(DataError, match=r"spreads(.|\n)*4 or more"):
        neyman_allocation([0.5, 0.5], [1.0, np.nan], samples=3)
    with pytest.raises(DataError, match="one above 0"):
        neyman_allocation([0.0], [1.0], samples=3)
