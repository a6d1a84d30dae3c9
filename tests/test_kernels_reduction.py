"""Sums over bits against sums over lanes."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.kernels.reduction import add_people, count_samples, sum_over_failures
from tests.bits import lanes


def random_bits(rng: np.random.Generator, n: int) -> np.ndarray:
    bits = rng.integers(0, 2**64, (n, 8), dtype=np.uint64)
    bits[::3] = 0
    return bits


@pytest.mark.parametrize("n", [0, 1, 17])
def test_people_by_sample(n: int) -> None:
    rng = np.random.default_rng(n)
    bits, weight = random_bits(rng, n), rng.integers(0, 10**9, n)
    weight[1::4] = 0
    before = rng.integers(0, 1000, 512)
    out = before.copy()
    add_people(bits, weight, out)
    np.testing.assert_array_equal(out, before + (lanes(bits) * weight[:, np.newaxis]).sum(axis=0))


@pytest.mark.parametrize("scale", [2**20, 2**31, 2**34, 2**50])
def test_sums_beyond_what_short_lanes_hold(scale: int) -> None:
    rng = np.random.default_rng(scale % 1000)
    n = 203
    bits, weight = random_bits(rng, n), rng.integers(0, scale, n)
    weight[::5] = 3
    weight[80:120] = 2**32 - 1 if scale > 2**30 else 7
    out = np.zeros(512, np.int64)
    add_people(bits, weight, out)
    np.testing.assert_array_equal(out, (lanes(bits) * weight[:, np.newaxis]).sum(axis=0))


@pytest.mark.parametrize("n", [0, 1, 17])
def test_samples_by_row(n: int) -> None:
    rng = np.random.default_rng(n)
    bits, before = random_bits(rng, n), rng.integers(0, 1000, n)
    out = before.copy()
    count_samples(bits, out)
    np.testing.assert_array_equal(out, before + lanes(bits).sum(axis=1))


@pytest.mark.parametrize("n", [0, 1, 17])
def test_sums_where_a_row_is_set(n: int) -> None:
    rng = np.random.default_rng(n)
    bits, values, before = random_bits(rng, n), rng.integers(0, 2**50, 512), rng.integers(0, 1000, n)
    out = before.copy()
    sum_over_failures(bits, values, out)
    np.testing.assert_array_equal(out, before + lanes(bits).astype(np.int64) @ values)
