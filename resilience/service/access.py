"""Ways in time: who reaches a functional facility within a limit, which one, how much later, and why others do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.access import blame_nearest, sort_access
from resilience.kernels.reduction import count_samples
from resilience.network.travel import NO_WAY, TravelSolver
from resilience.service.layout import Integers, TimedPart, Words
from resilience.service.plan import Baseline, DrivePlan, Labels

OUTCOMES = ("undisrupted", "other_facility", "lost_road", "lost_facility")
"""What becomes of people whom a facility serves in time in the intact city: served by that facility; served in time
by another one; without, because the way takes too long; without, though in time if every facility were functional."""


@dataclass
class AccessSums:
    """What is summed over samples, of zones that the intact city serves in time.

    Parameters
    ----------
    outcome : (n_timed, n_zone, 4) int64
        Samples by outcome, see :data:`OUTCOMES`.
    added : (n_timed, n_zone) int64, ms
        Time beyond that of the intact city, over samples with a way.
    detour : (n_timed, n_zone) int64, ms
        The same over samples in time.
    isolated : (n_timed, n_zone) int64
        Samples without any way.
    above : (n_indicator, n_district) int64
        Samples in which too many of the district are without, whoever was so in the intact city included.
    without : (n_indicator, n_district) int64
        Those people, in units of 1 / PERSON, over all samples.
    """

    outcome: Integers
    added: Integers
    detour: Integers
    isolated: Integers
    above: Integers
    without: Integers

    @classmethod
    def zeros(cls, n_timed: int, n_zone: int, n_indicator: int = 0, n_district: int = 0) -> AccessSums:
        """Return sums of nothing."""
        shapes = ((n_timed, n_zone, len(OUTCOMES)), *[(n_timed, n_zone)] * 3, *[(n_indicator, n_district)] * 2)
        return cls(*(np.zeros(shape, np.int64) for shape in shapes))

    def add(self, other: AccessSums) -> None:
        """Add another block's sums."""
        for name in ("outcome", "added", "detour", "isolated", "above", "without"):
            getattr(self, name).__iadd__(getattr(other, name))


@dataclass(frozen=True)
class Ways:
    """Ways of one part in the present word group.

    Parameters
    ----------
    late, moved, by_facility : (n_zone_served, 8) uint64
        See :func:`resilience.kernels.access.sort_access`.
    free_label : (n_zone_served, 512) int32
        The nearest facility if all were functional.
    added, detour, isolated : (n_zone_served,) int64
        Of the word group.
    """

    late: Words
    moved: Words
    by_facility: Words
    free_label: Labels
    added: Integers
    detour: Integers
    isolated: Integers


class Drives:
    """Travel times of one vehicle over the word groups of one event; one per thread.

    Parameters
    ----------
    plan : DrivePlan
    """

    def __init__(self, plan: DrivePlan) -> None:
        self._plan = plan
        self._solvers: dict[int, TravelSolver] = {}

    def _solver(self, level: int) -> TravelSolver:
        plan = self._plan.plans[level]
        if id(plan) not in self._solvers:
            self._solvers[id(plan)] = TravelSolver(plan)
        return self._solvers[id(plan)]

    def follow(self, up: Words, baseline: Baseline, *, water: int) -> dict[int, Ways]:
        """Return the ways of each part, by its number.

        Parameters
        ----------
        up : (n_asset, 8) uint64
        baseline : Baseline
        water : int
            Level of the water, see ``resilience.service.plan.PEAK``.
        """
        found = self._solver(water).nearest(up)
        ways = {}
        for k, (number, part) in enumerate(self._plan.parts.items()):
            (time, label), (free_time, free_label) = found[2 * k : 2 * k + 2]
            n = part.zone.size
            late, moved, by_facility = (np.empty((n, 8), np.uint64) for _ in range(3))
            added, detour, isolated = (np.zeros(n, np.int64) for _ in range(3))
            sort_access(
                time, label, free_time, baseline.time[number, part.zone], baseline.label[number, part.zone],
                part.drive.limit, late, moved, by_facility, added, detour, isolated,
            )  # fmt: skip
            ways[number] = Ways(late, moved, by_facility, free_label, added, detour, isolated)
        return ways

    def intact(self, up: Words, baseline: Baseline) -> None:
        """Fill in what the intact city serves, from the first sample of `up`."""
        found = self._solver(0).nearest(up)
        for k, (number, part) in enumerate(self._plan.parts.items()):
            time, label = found[2 * k]
            baseline.time[number, part.zone] = time[:, 0]
            baseline.label[number, part.zone] = label[:, 0]
            baseline.served[number, part.zone] = time[:, 0] <= min(part.drive.limit, NO_WAY - 1)


def add_ways(sums: AccessSums, row: int, part: TimedPart, ways: Ways, served: NDArray[np.bool_]) -> None:
    """Add the ways of one part of the present word group to row `row` of the sums, of zones that are served."""
    zone = part.zone[served[part.zone]]
    kept = served[part.zone]
    rows = (~(ways.late | ways.moved), ways.moved, ways.late & ~ways.by_facility, ways.by_facility)
    for outcome, bits in enumerate(rows):
        samples = np.zeros(part.zone.size, np.int64)
        count_samples(np.ascontiguousarray(bits), samples)
        sums.outcome[row, zone, outcome] += samples[kept]
    sums.added[row, zone] += ways.added[kept]
    sums.detour[row, zone] += ways.detour[kept]
    sums.isolated[row, zone] += ways.isolated[kept]


def trace_ways(
    part: TimedPart, ways: Ways, up: Words, roots: NDArray[np.uint64], road_blame: Words
) -> NDArray[np.uint64]:
    """Return the roots of zones that are late, ``(n_root, n_zone_served, 8) uint64``.

    Where a facility lacks, the roots are those of the facility that would be the nearest; elsewhere, and where that
    facility has none, those of the road.
    """
    found = np.zeros((roots.shape[0], part.zone.size, 8), np.uint64)
    blame_nearest(ways.by_facility, ways.free_label, part.facility, roots, up, found)
    by_road = ways.late & ~np.bitwise_or.reduce(found, axis=0)
    if by_road.any():
        found |= by_road & road_blame[:, np.newaxis]
    return found
