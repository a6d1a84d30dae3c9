"""Four planes of a comparison at once against four single ones, and against whole numbers."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import comparison
from resilience.kernels.compiler import INTERPRETED

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")


def lanes(words: np.ndarray) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").astype(bool)


@pytest.mark.parametrize("bits", range(16))
def test_four_planes_compare_numbers_below_sixteen(bits: int) -> None:
    rng = np.random.default_rng(bits)
    planes = rng.integers(0, 2**64, (4, 8), dtype=np.uint64)
    result, undecided = (rng.integers(0, 2**64, (3, 8), dtype=np.uint64) for _ in range(2))
    old, open_lanes = lanes(result)[2], lanes(undecided)[1]
    # Row r holds the plane that comes PLANE_ORDER.index(r)-th.
    number = sum(lanes(planes)[row].astype(int) << (3 - place) for place, row in enumerate(comparison.PLANE_ORDER))
    still = comparison.plain_decide_four(result, 2, undecided, 1, planes, np.uint64(bits))
    np.testing.assert_array_equal(lanes(result)[2], old | (open_lanes & (number < bits)))
    np.testing.assert_array_equal(lanes(undecided)[1], open_lanes & (number == bits))
    assert still == (open_lanes & (number == bits)).any()


@compiled_only
def test_vector_body_equals_plain_body() -> None:
    of_vector = comparison.vector_decide_four
    vector = numba.njit(lambda r, i, u, j, p, bits: of_vector(r, i, u, j, p, bits))
    rng = np.random.default_rng(1)
    for number in range(64):
        planes = rng.integers(0, 2**64, (7, 8), dtype=np.uint64)[2:6]
        result, undecided = (rng.integers(0, 2**64, (4, 8), dtype=np.uint64) for _ in range(2))
        if number % 4 == 3:
            undecided[:] = 0
        twins = result.copy(), undecided.copy()
        i, j = (int(v) for v in rng.integers(0, 4, 2))
        bits = np.uint64(number % 16)
        got = vector(result, i, undecided, j, planes, bits)
        assert got == comparison.plain_decide_four(twins[0], i, twins[1], j, planes, bits)
        np.testing.assert_array_equal(result, twins[0])
        np.testing.assert_array_equal(undecided, twins[1])
    with pytest.raises(TypingError, match="one behind the other"):
        vector(result, 0, undecided, 0, np.zeros((4, 16), np.uint64)[:, :8], np.uint64(1))
