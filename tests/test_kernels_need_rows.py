"""Where a need is met, one row at a time: the plain body against a count, the vector body against the plain one."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import need_rows
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.rows import empty_rows, unpack_rows

compiled_only = pytest.mark.skipif(INTERPRETED, reason="the vector bodies exist compiled only")
SIZES = [0, 1, 2, 3, 4, 5, 6, 9]


def system(rng: np.random.Generator, sizes: list[int], required: list[int]) -> tuple:
    """Needs of these sizes, half of them with a buffer, and who is up."""
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    provider = rng.integers(0, 12, indptr[-1]).astype(np.int32)
    held = rng.random(len(sizes)) < 0.5
    buffer_row = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
    buffered, up = empty_rows(len(sizes)), empty_rows(12)
    buffered[:] = rng.integers(0, 2**64, buffered.shape, dtype=np.uint64) & rng.integers(
        0, 2**64, buffered.shape, dtype=np.uint64
    )
    up[:] = rng.integers(0, 2**64, up.shape, dtype=np.uint64)
    return indptr, provider, np.array(required, np.int32), buffer_row, buffered, up


def all_shapes() -> tuple[list[int], list[int]]:
    """Every size with every number required, from none to one more than there are."""
    pairs = [(size, k) for size in SIZES for k in range(size + 2)]
    return [size for size, _ in pairs], [k for _, k in pairs]


def met_by_count(need: int, case: tuple) -> np.ndarray:
    indptr, provider, required, buffer_row, buffered, up = case
    rows = unpack_rows(up)
    count = sum((rows[p].astype(int) for p in provider[indptr[need] : indptr[need + 1]]), np.zeros(512, int))
    met = count >= required[need]
    return met | unpack_rows(buffered)[buffer_row[need]] if buffer_row[need] >= 0 else met


@pytest.mark.parametrize("seed", range(3))
def test_a_need_is_met_where_enough_providers_are_up_or_its_buffer_holds(seed: int) -> None:
    sizes, required = all_shapes()
    case = system(np.random.default_rng(seed), sizes, required)
    tally = empty_rows(max(required) + 1)
    for need in range(len(sizes)):
        need_rows.plain_meet(need, *case, tally)
        np.testing.assert_array_equal(unpack_rows(tally[:1])[0], met_by_count(need, case))


@compiled_only
@pytest.mark.parametrize("seed", range(3))
def test_the_vector_body_equals_the_plain_body_and_writes_nothing_else(seed: int) -> None:
    sizes, required = all_shapes()
    case = system(np.random.default_rng(seed), sizes, required)
    before = [array.copy() for array in case]
    of_vector = need_rows.vector_meet
    vector = numba.njit(lambda *arguments: of_vector(*arguments))
    mine, other = empty_rows(max(required) + 3), empty_rows(max(required) + 3)
    for need in range(len(sizes)):
        mine[:] = other[:] = np.uint64(need)
        vector(need, *case, mine)
        need_rows.plain_meet(need, *case, other)
        np.testing.assert_array_equal(mine[0], other[0])
        assert (mine[required[need] + 1 :] == need).all()
    for array, copy in zip(case, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@compiled_only
def test_rows_that_do_not_lie_one_behind_the_other_are_refused() -> None:
    *case, up = system(np.random.default_rng(0), [2], [1])
    of_vector = need_rows.vector_meet
    vector = numba.njit(lambda *arguments: of_vector(*arguments))
    with pytest.raises(TypingError, match="one behind the other"):
        vector(0, *case, np.zeros((12, 16), np.uint64)[:, :8], empty_rows(2))
    with pytest.raises(TypingError, match="one behind the other"):
        vector(0, *case, up, np.zeros((2, 16), np.uint64)[:, :8])


def test_the_choice_is_the_plain_body_when_interpreted_and_the_vector_body_when_compiled() -> None:
    assert need_rows.meet_need is (need_rows.plain_meet if INTERPRETED else need_rows.vector_meet)
