"""Buffers over time: plain bodies against the definition, vector bodies against the plain ones."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from resilience.kernels import buffers
from resilience.kernels.buffers import NEVER, draw_on_buffers, hold_buffers, keep_failed
from resilience.kernels.compiler import INTERPRETED
from tests.bits import lanes

compiled_only = pytest.mark.skipif(INTERPRETED, reason="vector bodies exist only compiled")


def words(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2**64, (n, 8), dtype=np.uint64)


def points(rng: np.random.Generator, n: int) -> np.ndarray:
    found = rng.integers(0, 12, (n, 512)).astype(np.uint8)
    found[rng.random(found.shape) < 0.4] = NEVER
    return found


def test_a_buffer_holds_until_it_was_drawn_on_for_too_long() -> None:
    rng = np.random.default_rng(1)
    started, since, buffered = words(rng, 5), points(rng, 5), words(rng, 5)
    kind = np.array([2, 0, 1, 1, 2], np.int32)
    full_from = rng.choice(np.array([0, 3, 7, 12, NEVER, NEVER + 1], np.uint8), (3, 512))
    hold_buffers(started, since, kind, full_from, buffered)
    np.testing.assert_array_equal(lanes(buffered), lanes(started) & (since >= full_from[kind]))


def history(met: np.ndarray, recharge: int) -> list[int]:
    """Since when the buffer has been drawn on, point by point, of one sample, by the definition in words."""
    found, since, back = [], NEVER, NEVER
    for point, is_met in enumerate(met):
        if not is_met:
            back = NEVER
            since = point if since == NEVER else since
        elif since != NEVER:
            back = point if back == NEVER else back
            # Met from `back` to now: full again after `recharge` steps.
            if point - back >= recharge:
                since = back = NEVER
        found.append(since)
    return found


@pytest.mark.parametrize("recharge", [0, 1, 3, 20])
def test_buffers_follow_their_history(recharge: int) -> None:
    rng = np.random.default_rng(recharge)
    n_time = 14
    met = (rng.random((n_time, 1, 512)) < 0.5) & (rng.random((n_time, 1, 512)) < rng.choice([0.9, 1.0], (1, 1, 512)))
    since, back = np.full((1, 512), NEVER, np.uint8), np.full((1, 512), NEVER, np.uint8)
    told = []
    for point in range(n_time):
        rows = np.packbits(met[point], axis=1, bitorder="little").view(np.uint64)
        full_before = np.full((1, 512), max(point - recharge + 1, 0), np.uint8)
        draw_on_buffers(rows, point, np.zeros(1, np.int32), full_before, since, back)
        told.append(since[0].tolist())
    for s in range(0, 512, 7):
        assert [row[s] for row in told] == history(met[:, 0, s], recharge)


def test_who_is_still_out() -> None:
    rng = np.random.default_rng(2)
    drawn, failed = words(rng, 4), words(rng, 4)
    restored = rng.integers(0, 10, (4, 512)).astype(np.int32)
    for latest in (0, 4, 5, 11):
        minute = rng.integers(0, latest + 1, 512).astype(np.int32)
        keep_failed(drawn, restored, minute, failed)
        np.testing.assert_array_equal(lanes(failed), lanes(drawn) & (restored > minute))


@compiled_only
def test_vector_bodies_equal_plain_bodies() -> None:
    names = ("hold", "note", "remain")
    vector, plain = ({name: getattr(buffers, f"{kind}_{name}") for name in names} for kind in ("vector", "plain"))
    hold = numba.njit(lambda *a: vector_hold(*a))
    vector_hold, vector_note, vector_remain = (vector[name] for name in names)
    note = numba.njit(lambda *a: vector_note(*a))
    remain = numba.njit(lambda *a: vector_remain(*a))
    rng = np.random.default_rng(3)
    for number in range(60):
        buffered, started, since, back, met = (
            words(rng, 3),
            words(rng, 3),
            points(rng, 3),
            points(rng, 3),
            words(rng, 4),
        )
        back[since == NEVER] = NEVER
        restored = rng.integers(0, 10, (3, 512)).astype(np.int32)
        twins = buffered.copy(), since.copy(), back.copy()
        i, point = number % 3, int(rng.integers(12, 20))
        full_from, full_before = (rng.integers(0, 14, (4, 512)).astype(np.uint8) for _ in range(2))
        full_from[rng.random(full_from.shape) < 0.2] = NEVER + 1
        minute = rng.integers(0, 10, 512).astype(np.int32)
        k = number % 4
        hold(buffered, i, started, since, full_from, k)
        plain["hold"](twins[0], i, started, twins[1], full_from, k)
        np.testing.assert_array_equal(buffered, twins[0])
        note(since, back, i, met, 3 - i, point, full_before, k)
        plain["note"](twins[1], twins[2], i, met, 3 - i, point, full_before, k)
        np.testing.assert_array_equal(since, twins[1])
        np.testing.assert_array_equal(back, twins[2])
        remain(buffered, i, started, restored, minute)
        plain["remain"](twins[0], i, started, restored, minute)
        np.testing.assert_array_equal(buffered, twins[0])
    scattered = np.zeros((3, 16), np.uint64)[:, :8]
    with pytest.raises(TypingError, match="one behind the other"):
        hold(scattered, 0, started, since, full_from, 1)
    with pytest.raises(TypingError, match="one behind the other"):
        note(since, back, 0, scattered, 0, 1, full_before, 1)
    with pytest.raises(TypingError, match="one behind the other"):
        remain(scattered, 0, started, restored, minute)
