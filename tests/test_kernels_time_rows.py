"""Rows of times, with and without labels: plain bodies against NumPy, vector bodies against the plain ones."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import time_labels, time_rows
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.time_rows import CLOSED

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")
SEEDS = range(20)
PLACE = np.array([4, 0, 7, 5, 1, 8], np.int32)
SLOT = np.array([3, 9, 1, 0, 11, 6])


def rows(rng: np.random.Generator, n: int, high: int = 6) -> np.ndarray:
    """Small numbers, so that there are ties, and closed lanes; a view, so that no vector is aligned by accident."""
    times = rng.integers(0, high, (n + 2, 16)).astype(np.uint32)
    times[rng.random(times.shape) < 0.2] = CLOSED
    return times[1 : 1 + n]


def bits(rng: np.random.Generator) -> np.uint16:
    return np.uint16(rng.integers(0, 2**16))


def lanes(word: np.uint16) -> np.ndarray:
    return (int(word) >> np.arange(16)) & 1 == 1


def better(time: np.ndarray, name: np.ndarray, old: np.ndarray, old_name: np.ndarray) -> np.ndarray:
    return (time < old) | ((time == old) & (name < old_name))


def fill(rng, t, n):
    def wanted():
        t[2] = 7

    return "fill", (t, 2, np.uint32(7)), wanted


def copy(rng, t, n):
    source = rows(rng, 3)

    def wanted():
        t[2] = source[1]

    return "copy", (t, 2, source, 1), wanted


def select(rng, t, n):
    word = bits(rng)

    def wanted():
        t[2] = np.where(lanes(word), 3, CLOSED)

    return "select", (t, 2, word, np.uint32(3)), wanted


def lower(rng, t, n):
    word = bits(rng)

    def wanted():
        t[2] = np.where(lanes(word), np.minimum(t[2], 3), t[2])

    return "lower", (t, 2, word, np.uint32(3)), wanted


def spread(rng, t, n):
    edge, a = rows(rng, 12), rows(rng, 2)

    def wanted():
        for x in range(3):
            t[PLACE[2 + x]] = np.minimum(t[PLACE[2 + x]], a[1] + edge[4 + x])

    return "spread", (t, PLACE, 2, 3, a, 1, edge, 4), wanted


def collect(rng, t, n):
    edge, source = rows(rng, 12), rows(rng, 9)

    def wanted():
        for x in range(3):
            t[2] = np.minimum(t[2], source[PLACE[2 + x]] + edge[4 + x])

    return "collect", (t, 2, source, PLACE, 2, 3, edge, 4), wanted


def collect_same(rng, t, n):
    edge, source = rows(rng, 6)[:, 0].copy(), rows(rng, 9)

    def wanted():
        for x in range(3):
            t[2] = np.minimum(t[2], source[PLACE[2 + x]] + edge[2 + x])

    return "collect_same", (t, 2, source, PLACE, 2, 3, edge), wanted


def push(rng, t, n):
    edge, gained = rows(rng, 12), rng.integers(0, 2, 9).astype(np.uint8)
    marks = gained.copy()

    def wanted():
        for x in range(1, 5):
            time = t[3] + edge[SLOT[x]]
            marks[PLACE[x]] |= (time < t[1 + PLACE[x]]).any()
            t[1 + PLACE[x]] = np.minimum(t[1 + PLACE[x]], time)
        np.testing.assert_array_equal(gained, marks)

    return "push", (t, 1, PLACE, 1, 4, edge, SLOT, gained, 2), wanted


def lower_label(rng, t, n):
    word = bits(rng)

    def wanted():
        wins = lanes(word) & better(3, 2, t[2], n[2])
        t[2], n[2] = np.where(wins, 3, t[2]), np.where(wins, 2, n[2])

    return "lower_label", (t, n, 2, word, np.uint32(3), np.uint32(2)), wanted


def meet(t, n, i, time, name) -> bool:
    wins = better(time, name, t[i], n[i])
    t[i], n[i] = np.where(wins, time, t[i]), np.where(wins, name, n[i])
    return bool(wins.any())


def spread_label(rng, t, n):
    edge = rows(rng, 12)

    def wanted():
        for x in range(3):
            meet(t, n, PLACE[2 + x], t[2] + edge[4 + x], n[2])

    return "spread_label", (t, n, PLACE, 2, 3, 2, edge, 4), wanted


def collect_label(rng, t, n):
    edge = rows(rng, 12)

    def wanted():
        for x in range(3):
            meet(t, n, 2, t[PLACE[2 + x]] + edge[4 + x], n[PLACE[2 + x]])

    return "collect_label", (t, n, 2, PLACE, 2, 3, edge, 4), wanted


def collect_same_label(rng, t, n):
    edge = rows(rng, 6)[:, 0].copy()

    def wanted():
        for x in range(3):
            meet(t, n, 2, t[PLACE[2 + x]] + edge[2 + x], n[PLACE[2 + x]])

    return "collect_same_label", (t, n, 2, PLACE, 2, 3, edge), wanted


def push_label(rng, t, n):
    edge, gained = rows(rng, 12), rng.integers(0, 2, 9).astype(np.uint8)
    marks = gained.copy()

    def wanted():
        for x in range(1, 5):
            marks[PLACE[x]] |= meet(t, n, 1 + PLACE[x], t[3] + edge[SLOT[x]], n[3])
        np.testing.assert_array_equal(gained, marks)

    return "push_label", (t, n, 1, PLACE, 1, 4, edge, SLOT, gained, 2), wanted


OF_TIMES = (fill, copy, select, lower, spread, collect, collect_same, push)
OF_LABELS = (lower_label, spread_label, collect_label, collect_same_label, push_label)
CASES = [(time_rows, case) for case in OF_TIMES] + [(time_labels, case) for case in OF_LABELS]


def body_of(module, kind: str, name: str) -> Callable:
    body = getattr(module, f"{kind}_{name}")
    if kind == "plain":
        return body
    # An intrinsic is called from compiled code only; the number of arguments is part of its signature.
    scope: dict = {"body": body}
    names = ", ".join(f"a{i}" for i in range(body._defn.__code__.co_argcount - 1))
    exec(f"def call({names}):\n    return body({names})", scope)
    return numba.njit(scope["call"])


@pytest.mark.parametrize("kind", ["plain", pytest.param("vector", marks=compiled_only)])
@pytest.mark.parametrize(("module", "case"), CASES, ids=lambda item: getattr(item, "__name__", "").rsplit(".")[-1])
def test_operation(module, case, kind: str) -> None:
    call = None
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        times, names = rows(rng, 10), rng.integers(0, 4, (10, 16)).astype(np.uint32)
        name, arguments, wanted = case(rng, times, names)
        call = call or body_of(module, kind, name)
        before = times.copy(), names.copy()
        call(*arguments)
        got = times.copy(), names.copy()
        times[:], names[:] = before
        wanted()
        np.testing.assert_array_equal(got[0], times)
        np.testing.assert_array_equal(got[1], names)
        assert times.max() <= CLOSED


@pytest.mark.parametrize("kind", ["plain", pytest.param("vector", marks=compiled_only)])
def test_within_and_any(kind: str) -> None:
    within, found = body_of(time_rows, kind, "within"), body_of(time_rows, kind, "any")
    for seed in SEEDS:
        times = rows(np.random.default_rng(seed), 3)
        times[2] = CLOSED
        for i in range(3):
            assert within(times, i, np.uint32(3)) == sum(1 << s for s in range(16) if times[i, s] <= 3)
            assert found(times, i) == (times[i] < CLOSED).any()
    body_of(time_rows, kind, "ask")(times, 1)


@compiled_only
def test_rows_with_gaps_are_refused() -> None:
    with pytest.raises(TypingError, match="layout C"):
        body_of(time_rows, "vector", "fill")(np.zeros((4, 32), np.uint32)[:, ::2], 0, np.uint32(1))


def test_the_choice_is_the_plain_body_when_interpreted_and_the_vector_body_when_compiled() -> None:
    kind = "plain" if INTERPRETED else "vector"
    for name in ("fill", "copy", "select", "lower", "spread", "collect", "push", "any", "ask"):
        assert getattr(time_rows, f"{name}_times") is getattr(time_rows, f"{kind}_{name}")
    assert time_rows.within_limit is getattr(time_rows, f"{kind}_within")
    assert time_rows.collect_same is getattr(time_rows, f"{kind}_collect_same")
    for case in OF_LABELS:
        assert getattr(time_labels, case.__name__) is getattr(time_labels, f"{kind}_{case.__name__}")
