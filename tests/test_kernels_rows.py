"""Row operations: the plain bodies against NumPy, the vector bodies against the plain ones."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import lane_sums, rows
from resilience.kernels.compiler import INTERPRETED

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")

# Name: number of operands, new value of the target, and what is returned (None: nothing).
OPERATIONS: dict[str, tuple[int, Callable, Callable | None]] = {
    "copy": (2, lambda t, s: s, None),
    "copy_not": (2, lambda t, s: ~s, None),
    "or": (2, lambda t, s: t | s, None),
    "and": (2, lambda t, s: t & s, None),
    "and_not": (2, lambda t, s: t & ~s, None),
    "and_and": (3, lambda t, a, b: t & a & b, None),
    "and_either": (3, lambda t, a, b: t & (a | b), None),
    "or_and": (3, lambda t, a, b: t | (a & b), None),
    "push": (4, lambda t, a, b, c: t | (a & b & c), lambda t, a, b, c: bool((a & b & c & ~t).any())),
    "shrink": (2, lambda t, s: t & s, lambda t, s: bool((t & ~s).any())),
    "shrink_or": (3, lambda t, a, b: t & (a | b), lambda t, a, b: bool((t & ~(a | b)).any())),
    "any": (1, lambda t: t, lambda t: bool(t.any())),
    "count": (1, lambda t: t, lambda t: int(np.bitwise_count(t).sum())),
    "prefetch": (1, lambda t: t, None),
}


def random_rows(rng: np.random.Generator, n: int, sparse: bool = False) -> np.ndarray:
    """Rows in the middle of a larger array, so that an operation that ignores the offset is found out."""
    whole = rng.integers(0, 2**64, (n + 5, 8), dtype=np.uint64)
    if sparse:
        whole &= np.uint64(1) << rng.integers(0, 64, whole.shape, dtype=np.uint64)
        whole[rng.random(whole.shape) < 0.9] = 0
    return whole[3 : 3 + n]


def as_kernel(operation: Callable, n_operand: int) -> Callable:
    if n_operand == 1:
        return numba.njit(lambda a, i: operation(a, i))
    if n_operand == 2:
        return numba.njit(lambda a, i, b, j: operation(a, i, b, j))
    if n_operand == 3:
        return numba.njit(lambda a, i, b, j, c, k: operation(a, i, b, j, c, k))
    return numba.njit(lambda a, i, b, j, c, k, d, m: operation(a, i, b, j, c, k, d, m))


def cases(rng: np.random.Generator, n_operand: int, n: int = 40):
    for number in range(n):
        arrays = [random_rows(rng, int(rng.integers(1, 7)), sparse=bool(number % 2)) for _ in range(n_operand)]
        if number % 5 == 4:
            # Operands often live in one array, at times in one row.
            arrays = [arrays[0]] * n_operand
        if number % 7 == 6:
            arrays[-1][:] = 0
        yield arrays, [int(rng.integers(len(array))) for array in arrays]


def interleaved(arrays: list[np.ndarray], places: list[int]) -> list:
    return [item for pair in zip(arrays, places, strict=True) for item in pair]


@pytest.mark.parametrize("name", OPERATIONS)
def test_plain_body_means_what_it_says(name: str) -> None:
    n_operand, new_value, answer = OPERATIONS[name]
    plain = getattr(rows, f"plain_{name}")
    for arrays, places in cases(np.random.default_rng(1), n_operand):
        values = [array[place].copy() for array, place in zip(arrays, places, strict=True)]
        wanted = arrays[0].copy()
        wanted[places[0]] = new_value(*values)
        got = plain(*interleaved(arrays, places))
        np.testing.assert_array_equal(arrays[0], wanted)
        assert got == (None if answer is None else answer(*values))


@compiled_only
@pytest.mark.parametrize("name", OPERATIONS)
def test_vector_body_equals_plain_body(name: str) -> None:
    n_operand = OPERATIONS[name][0]
    vector = as_kernel(getattr(rows, f"vector_{name}"), n_operand)
    plain = as_kernel(numba.njit(getattr(rows, f"plain_{name}")), n_operand)
    for arrays, places in cases(np.random.default_rng(2), n_operand, 200):
        whole = [array.base for array in arrays]
        before = [array.copy() for array in whole]
        got = vector(*interleaved(arrays, places))
        after = [array.copy() for array in whole]
        for array, old in zip(whole, before, strict=True):
            array[:] = old
        assert got == plain(*interleaved(arrays, places))
        for array, new in zip(whole, after, strict=True):
            np.testing.assert_array_equal(new, array)


def test_plain_decide_is_one_plane_of_a_comparison() -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        result, undecided, plane = (random_rows(rng, 3) for _ in range(3))
        for bit in (rows.ZERO, rows.ONES):
            wanted_result, wanted_open = result[1].copy(), undecided[2].copy()
            if bit:
                wanted_result |= undecided[2] & ~plane[0]
                wanted_open &= plane[0]
            else:
                wanted_open &= ~plane[0]
            rows.plain_decide(result, 1, undecided, 2, plane, 0, bit)
            np.testing.assert_array_equal(result[1], wanted_result)
            np.testing.assert_array_equal(undecided[2], wanted_open)


def bits_of(row: np.ndarray) -> np.ndarray:
    return np.unpackbits(row.view(np.uint8), bitorder="little").astype(bool)


def test_plain_lanes_follow_the_bits() -> None:
    rng = np.random.default_rng(5)
    for sparse in (False, True):
        source = random_rows(rng, 4, sparse)
        lanes = rng.integers(-(2**50), 2**50, 512)
        wanted = lanes + np.where(bits_of(source[2]), 12345678901, 0)
        assert lane_sums.plain_dot(lanes, source, 2) == int(lanes[bits_of(source[2])].sum())
        lane_sums.plain_add(lanes, source, 2, 12345678901)
        np.testing.assert_array_equal(lanes, wanted)


@compiled_only
def test_vector_lanes_equal_plain_lanes() -> None:
    add_vector, add_plain = lane_sums.vector_add, numba.njit(lane_sums.plain_add)
    dot_vector, dot_plain = lane_sums.vector_dot, numba.njit(lane_sums.plain_dot)
    add = numba.njit(lambda lanes, source, i, weight: add_vector(lanes, source, i, weight))
    add_slowly = numba.njit(lambda lanes, source, i, weight: add_plain(lanes, source, i, weight))
    dot = numba.njit(lambda lanes, source, i: dot_vector(lanes, source, i))
    dot_slowly = numba.njit(lambda lanes, source, i: dot_plain(lanes, source, i))
    rng = np.random.default_rng(6)
    for number in range(60):
        source = random_rows(rng, 5, sparse=bool(number % 2))
        whole = rng.integers(-(2**50), 2**50, (3, 512))
        other = whole.copy()
        i = int(rng.integers(5))
        weight = int(rng.integers(-(2**40), 2**40))
        assert dot(whole[1], source, i) == dot_slowly(whole[1], source, i)
        add(whole[1], source, i, weight)
        add_slowly(other[1], source, i, weight)
        np.testing.assert_array_equal(whole, other)


@compiled_only
@pytest.mark.parametrize("name", [*OPERATIONS, "add", "dot"])
def test_scattered_rows_are_refused(name: str) -> None:
    """Rows with gaps between them, read as if they had none, would be silent nonsense."""
    scattered = np.zeros((3, 16), np.uint64)[:, :8]
    vector = getattr(lane_sums if name in ("add", "dot") else rows, f"vector_{name}")
    good = np.zeros((3, 8), np.uint64)
    if name in ("add", "dot"):
        lanes = np.zeros(512, np.int64)
        weight = [1] if name == "add" else []
        call = numba.njit(lambda lanes, s, *rest: vector(lanes, s, 0, *rest))
        call(lanes, good, *weight)
        with pytest.raises(TypingError, match="one behind the other"):
            call(lanes, scattered, *weight)
        return
    n_operand = OPERATIONS[name][0]
    call = as_kernel(vector, n_operand)
    call(*interleaved([good] * n_operand, [0] * n_operand))
    for wrong in range(n_operand):
        arrays = [scattered if i == wrong else good for i in range(n_operand)]
        with pytest.raises(TypingError, match="one behind the other"):
            call(*interleaved(arrays, [0] * n_operand))


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_rows_of_a_new_array_are_cache_lines(n: int) -> None:
    array = rows.empty_rows(n)
    assert array.shape == (n, 8)
    assert array.dtype == np.uint64
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert n == 0 or array.ctypes.data % 64 == 0


def test_fill_writes_every_word_of_its_row_only() -> None:
    array = random_rows(np.random.default_rng(7), 4)
    wanted = array.base.copy()
    wanted[3 + 2] = 99
    rows.fill_row(array, 2, np.uint64(99))
    np.testing.assert_array_equal(array.base, wanted)


def test_the_choice_is_the_plain_body_when_interpreted_and_the_vector_body_when_compiled() -> None:
    kind = "plain" if INTERPRETED else "vector"
    for name in OPERATIONS:
        assert getattr(rows, f"{name}_row") is getattr(rows, f"{kind}_{name}")
    for name in ("add", "dot"):
        assert getattr(lane_sums, f"{name}_lanes") is getattr(lane_sums, f"{kind}_{name}")
