"""From travel times to outcomes, and the blame for a facility that lacks: against NumPy."""

from __future__ import annotations

import numpy as np

from resilience.kernels.access import blame_nearest, sort_access
from resilience.kernels.time_rows import CLOSED
from tests.bits import lanes, words


def test_outcomes_of_times() -> None:
    rng = np.random.default_rng(1)
    n, limit = 4, 50
    intact_time = np.array([10, 40, 49, 3], np.uint32)
    intact_label = np.array([0, 2, 1, 1], np.int32)
    free_time = (intact_time[:, np.newaxis] + rng.integers(0, 40, (n, 512))).astype(np.uint32)
    time = (free_time + rng.integers(0, 3, (n, 512)) * 20).astype(np.uint32)
    time[rng.random((n, 512)) < 0.2] = CLOSED
    time[0, :9] = 5
    label = rng.integers(0, 3, (n, 512)).astype(np.int32)
    late, moved, by_facility = (rng.integers(0, 2**64, (n, 8), dtype=np.uint64) for _ in range(3))
    added, detour, isolated = np.full(n, 7), np.full(n, 5), np.full(n, 9)
    sort_access(
        time, label, free_time, intact_time, intact_label, limit, late, moved, by_facility, added, detour, isolated
    )
    np.testing.assert_array_equal(lanes(late), time > limit)
    np.testing.assert_array_equal(lanes(moved), (time <= limit) & (label != intact_label[:, np.newaxis]))
    np.testing.assert_array_equal(lanes(by_facility), (time > limit) & (free_time <= limit))
    delay = np.maximum(time.astype(np.int64) - intact_time[:, np.newaxis], 0)
    np.testing.assert_array_equal(added, 7 + np.where(time < CLOSED, delay, 0).sum(axis=1))
    np.testing.assert_array_equal(detour, 5 + np.where(time <= min(limit, CLOSED - 1), delay, 0).sum(axis=1))
    np.testing.assert_array_equal(isolated, 9 + (time == CLOSED).sum(axis=1))


def test_the_facility_that_would_be_nearest_is_blamed_where_it_is_down() -> None:
    rng = np.random.default_rng(2)
    facility = np.array([4, 1, 2], np.int32)
    lost, up = rng.random((3, 512)) < 0.4, rng.random((6, 512)) < 0.6
    lost[1] = False
    label = rng.integers(0, 3, (3, 512)).astype(np.int32)
    roots, before = rng.random((2, 6, 512)) < 0.5, rng.random((2, 3, 512)) < 0.1
    found = np.stack([words(one) for one in before])
    blame_nearest(words(lost), label, facility, np.stack([words(one) for one in roots]), words(up), found)
    asset, lane = facility[label], np.arange(512)
    blamed = lost & ~up[asset, lane]
    for category in range(2):
        np.testing.assert_array_equal(
            lanes(found[category]), before[category] | (blamed & roots[category][asset, lane])
        )
