"""The kernels of risk against exact sums."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.risk import accumulate_exceedance, add_weighted_events, average_tails


def add_weighted_events_slowly(values, weights, out):
    """The same sum, exactly rounded once per column."""
    return np.array([math.fsum([out[c], *(w * v for w, v in zip(weights, values[:, c], strict=True))])
                     for c in range(values.shape[1])])  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 6), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_weighted_sum_equals_the_exact_sum(n_event, n, seed):
    random = np.random.default_rng(seed)
    values, weights, out = random.normal(size=(n_event, n)), random.random(n_event), random.normal(size=n)
    wanted = add_weighted_events_slowly(values, weights, out)
    add_weighted_events(values, weights, out)
    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-14)


def test_weighted_sum_of_a_column_ignores_its_neighbours_and_the_layout():
    random = np.random.default_rng(1)
    values, weights = random.normal(size=(7, 5000)), random.random(7)
    whole, part, other = np.zeros(5000), np.zeros(1), np.zeros(5000)
    add_weighted_events(values, weights, whole)
    add_weighted_events(np.ascontiguousarray(values[:, 4321:4322]), weights, part)
    add_weighted_events(np.asfortranarray(values), weights, other)
    assert part[0] == whole[4321]
    np.testing.assert_array_equal(other, whole)


def test_weighted_sum_in_two_calls_is_that_of_one():
    random = np.random.default_rng(2)
    values, weights = random.normal(size=(6, 3000)), random.random(6)
    once, twice = np.zeros(3000), np.zeros(3000)
    add_weighted_events(values, weights, once)
    add_weighted_events(values[:2], weights[:2], twice)
    add_weighted_events(values[2:], weights[2:], twice)
    np.testing.assert_array_equal(once, twice)


def test_missing_values_stay_in_their_column():
    out = np.zeros(3)
    add_weighted_events(np.array([[1.0, np.nan, 2.0]]), np.array([0.5]), out)
    np.testing.assert_array_equal(out, [0.5, np.nan, 1.0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), max_size=30))
def test_exceedance_is_the_rate_of_all_losses_at_least_as_large(rows):
    loss = np.array([float(row[0]) for row in rows])
    rate = np.array([row[1] for row in rows])
    order = np.argsort(loss, kind="stable")
    out = np.empty(len(rows))
    accumulate_exceedance(loss[order], rate, order, out)
    wanted = [math.fsum(rate[loss >= loss[position]]) for position in order]
    np.testing.assert_allclose(out, wanted, rtol=1e-13)


@pytest.mark.skipif(INTERPRETED, reason="speed of compiled code")
@pytest.mark.slow
def test_expected_annual_damage_is_as_fast_as_a_matrix_product():
    """1e6 assets x 8 return periods within twice `D @ w`; three times here, where other work may run beside."""
    random = np.random.default_rng(4)
    table, weights = random.random((1_000_000, 8)), random.random(8)
    events = np.ascontiguousarray(table.T)
    out = np.zeros(1_000_000)
    add_weighted_events(events[:, :1].copy(), weights, out[:1])
    ours, theirs = [], []
    for _ in range(7):
        start = time.process_time()
        out = np.zeros(1_000_000)
        add_weighted_events(events, weights, out)
        ours.append(time.process_time() - start)
        start = time.process_time()
        product = table @ weights
        theirs.append(time.process_time() - start)
    np.testing.assert_allclose(out, product, rtol=1e-12)
    print(f"ratio {np.median(ours) / np.median(theirs):.2f}, {np.median(ours) * 1e3:.2f} ms")
    # The least of each: what runs beside slows single rounds.
    assert min(ours) < 3 * min(theirs)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_tails_of_drawn_years_are_means_of_the_sorted_draws(n_year, n, seed):
    random = np.random.default_rng(seed)
    largest = np.sort(np.round(random.exponential(size=(n_year, n)), 1), axis=0)[::-1].copy()
    drawn = random.integers(0, n_year, random.integers(1, 2 * n_year + 1))
    above = random.integers(0, drawn.size, random.integers(1, 5))
    rest = np.where(above == 0, 1.0, np.round(random.random(above.size), 2))
    out = np.full((above.size, n), np.nan)
    average_tails(drawn, largest, above, rest, np.argsort(above), np.empty(n_year, np.int64), out)
    for share, k in enumerate(above):
        for column in range(n):
            values = sorted(largest[drawn, column], reverse=True)
            wanted = (sum(values[:k]) + rest[share] * values[k]) / (k + rest[share])
            assert out[share, column] == pytest.approx(wanted, rel=1e-12)


def test_the_sort_does_not_decide_in_which_order_rates_of_equal_losses_are_added():
    random = np.random.default_rng(8)
    loss, rate = random.integers(0, 5, 60).astype(float), random.random(60)
    stable = np.argsort(loss, kind="stable")
    other = np.concatenate([random.permutation(np.flatnonzero(loss == value)) for value in np.unique(loss)])
    told = np.empty((2, 60))
    for row, order in zip(told, (stable, other), strict=True):
        accumulate_exceedance(loss[order], rate, order, row)
    assert told[0].tobytes() == told[1].tobytes()
