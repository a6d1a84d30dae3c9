"""Eight planes of a comparison at once, against the definition of the random numbers in whole-number arithmetic."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import comparison
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.fragility import sample_uniforms
from tests.bits import lanes

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_byte_of_the_number_is_compared(seed: int) -> None:
    rng = np.random.default_rng(seed)
    key, identity = rng.integers(0, 2**64, 2, dtype=np.uint64)
    first_word = int(rng.integers(0, 2**29)) * 8
    uniform = np.empty((1, 512), np.uint32)
    sample_uniforms(key, np.array([identity]), first_word, uniform)
    number = uniform[0] >> 24
    for bits in (0, 1, 255, int(number[7]), *rng.integers(0, 256, 4)):
        result, undecided = (rng.integers(0, 2**64, (3, 8), dtype=np.uint64) for _ in range(2))
        still = comparison.plain_decide_eight(
            result, 2, undecided, 1, identity & LOW, identity >> HALF, np.uint64(first_word), np.uint64(bits),
            key & LOW, key >> HALF,
        )  # fmt: skip
        np.testing.assert_array_equal(lanes(result)[2], number < bits)
        np.testing.assert_array_equal(lanes(undecided)[1], number == bits)
        assert still == sum(int(open_word) << w for w, open_word in enumerate(undecided[1] != 0))


@compiled_only
def test_vector_body_equals_plain_body() -> None:
    of_vector = comparison.vector_decide_eight
    vector = numba.njit(lambda r, i, u, j, *rest: of_vector(r, i, u, j, *rest))
    rng = np.random.default_rng(1)
    for number in range(64):
        result, undecided = (rng.integers(0, 2**64, (6, 8), dtype=np.uint64)[1:5] for _ in range(2))
        twins = result.base.copy(), undecided.base.copy()
        i, j = (int(v) for v in rng.integers(0, 4, 2))
        low, high, word, k0, k1 = rng.integers(0, 2**32 - 8, 5, dtype=np.uint64)
        if number % 8 == 7:
            low, high, word, k0, k1 = (np.uint64(v) for v in (0, 2**32 - 1, 2**32 - 8, 2**32 - 1, 2**32 - 1))
        counter = (low, high, word, np.uint64(rng.integers(0, 256)), k0, k1)
        got = vector(result, i, undecided, j, *counter)
        assert got == comparison.plain_decide_eight(twins[0][1:5], i, twins[1][1:5], j, *counter)
        np.testing.assert_array_equal(result.base, twins[0])
        np.testing.assert_array_equal(undecided.base, twins[1])
    scattered = np.zeros((4, 16), np.uint64)[:, :8]
    for arrays in ((scattered, undecided), (result, scattered)):
        with pytest.raises(TypingError, match="one behind the other"):
            vector(arrays[0], 0, arrays[1], 0, *counter)
