"""One row against a list of rows: plain bodies against NumPy, vector bodies against the plain ones."""

from __future__ import annotations

from itertools import combinations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import lane_sums, row_lists
from resilience.kernels.compiler import INTERPRETED

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")


def some_rows(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2**64, (n + 4, 8), dtype=np.uint64)[2 : 2 + n]


def spread_case(rng: np.random.Generator) -> tuple:
    target, a, b, c = some_rows(rng, 9), some_rows(rng, 3), some_rows(rng, 4), some_rows(rng, 12)
    if rng.random() < 0.3:
        b[2] = ~a[1]
    place = rng.integers(0, 9, 12).astype(np.int32)
    first, count = int(rng.integers(0, 6)), int(rng.integers(0, 6))
    return target, place, first, count, a, 1, b, 2, c, 3


def test_spread_adds_to_every_place_of_the_list() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        target, place, first, count, a, i, b, j, c, k = case = spread_case(rng)
        wanted = target.copy()
        for t in range(count):
            wanted[place[first + t]] |= a[i] & b[j] & c[k + t]
        row_lists.plain_spread(*case)
        np.testing.assert_array_equal(target, wanted)


def join_case(rng: np.random.Generator) -> tuple:
    place = rng.integers(0, 9, 50).astype(np.int32)
    first, count = int(rng.integers(0, 14)), int(rng.integers(0, 10))
    return some_rows(rng, 9), place, first, count, some_rows(rng, 14), some_rows(rng, 14), 4, some_rows(rng, 5), 3


def test_join_adds_to_the_place_of_every_pair() -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        target, place, first, count, a, b, k, up, j = case = join_case(rng)
        wanted = target.copy()
        for at, (x, y) in enumerate(combinations(range(count), 2)):
            wanted[place[first + at]] |= a[k + x] & up[j] & b[k + y]
        row_lists.plain_join(*case)
        np.testing.assert_array_equal(target, wanted)


def collect_case(rng: np.random.Generator) -> tuple:
    place = rng.integers(0, 9, 12).astype(np.int32)
    first, count = int(rng.integers(0, 6)), int(rng.integers(0, 6))
    return some_rows(rng, 5), 2, some_rows(rng, 9), place, first, count, some_rows(rng, 12), 4, some_rows(rng, 5)


def test_collect_takes_from_every_place_of_the_list() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        target, i, source, place, first, count, edge, k, up = case = collect_case(rng)
        wanted = target.copy()
        for t in range(count):
            wanted[i] |= source[place[first + t]] & edge[k + t]
        wanted[i] &= up[i]
        row_lists.plain_collect(*case)
        np.testing.assert_array_equal(target, wanted)


def push_case(rng: np.random.Generator) -> tuple:
    target = some_rows(rng, 11)
    if rng.random() < 0.3:
        target[3:8] = np.uint64(2**64 - 1)
    place = rng.choice([0, 1, 2, 4, 5, 6, 7], 6, replace=False).astype(np.int32)
    slot = rng.integers(0, 12, 6)
    gained = rng.integers(0, 2, 8).astype(np.uint8)
    first, count = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    return target, 3, place, first, count, target, some_rows(rng, 12), slot, gained, 3


def test_push_marks_who_gains() -> None:
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(40):
        target, base, place, first, count, a, edge, slot, gained, i = case = push_case(rng)
        wanted, marks = target.copy(), gained.copy()
        for x in range(first, first + count):
            new = a[base + i] & edge[slot[x]] & ~wanted[base + place[x]]
            wanted[base + place[x]] |= new
            marks[place[x]] |= new.any()
        row_lists.plain_push(*case)
        np.testing.assert_array_equal(target, wanted)
        np.testing.assert_array_equal(gained, marks)
        seen += int(marks.sum())
    assert seen > 0


def copy_of(case: tuple) -> tuple:
    """Copies of all arrays; one that occurs twice stays one."""
    copies: dict[int, np.ndarray] = {}
    for item in case:
        if isinstance(item, np.ndarray):
            copies.setdefault(id(item), item.copy())
    return tuple(copies[id(item)] if isinstance(item, np.ndarray) else item for item in case)


@compiled_only
@pytest.mark.parametrize("name", ["join", "spread", "collect", "push"])
def test_vector_body_equals_plain_body(name: str) -> None:
    cases = {"join": join_case, "spread": spread_case, "collect": collect_case, "push": push_case}
    make = cases[name]
    of_vector, of_plain = (getattr(row_lists, f"{kind}_{name}") for kind in ("vector", "plain"))
    vector = numba.njit(lambda *case: of_vector(*case))
    rng = np.random.default_rng(4)
    for _ in range(100):
        case = make(rng)
        twin = copy_of(case)
        whole = case[0].base.copy()
        vector(*case)
        of_plain(*twin)
        for mine, other in zip(case, twin, strict=True):
            np.testing.assert_array_equal(mine, other)
        whole[2:-2] = case[0]
        np.testing.assert_array_equal(case[0].base, whole)
    scattered = np.zeros((9, 16), np.uint64)[:, :8]
    for place, item in enumerate(case):
        if isinstance(item, np.ndarray) and item.dtype == np.uint64:
            with pytest.raises(TypingError, match="one behind the other"):
                vector(*case[:place], scattered, *case[place + 1 :])


def test_eight_rows_add_their_weights() -> None:
    rng = np.random.default_rng(5)
    bits = some_rows(rng, 10)
    weight = rng.integers(0, 2**20, 8).astype(np.uint32)
    lanes = rng.integers(0, 2**20, 512).astype(np.uint32)
    set_bits = np.unpackbits(bits[1:9].copy().view(np.uint8), axis=1, bitorder="little")
    wanted = lanes + (weight[:, np.newaxis] * set_bits).sum(axis=0)
    twin = lanes.copy()
    lane_sums.plain_add_eight(lanes, bits, 1, weight)
    np.testing.assert_array_equal(lanes, wanted)
    if not INTERPRETED:
        of_vector = lane_sums.vector_add_eight
        numba.njit(lambda lanes, bits, first, weight: of_vector(lanes, bits, first, weight))(twin, bits, 1, weight)
        np.testing.assert_array_equal(twin, wanted)


def test_the_choice_is_the_plain_body_when_interpreted_and_the_vector_body_when_compiled() -> None:
    kind = "plain" if INTERPRETED else "vector"
    assert row_lists.join_rows is getattr(row_lists, f"{kind}_join")
    assert row_lists.spread_row is getattr(row_lists, f"{kind}_spread")
    assert row_lists.collect_row is getattr(row_lists, f"{kind}_collect")
    assert row_lists.push_list is getattr(row_lists, f"{kind}_push")
    assert lane_sums.add_eight is getattr(lane_sums, f"{kind}_add_eight")
