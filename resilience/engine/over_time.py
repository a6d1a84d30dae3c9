"""The states of samples, at the peak of the hazard or over a time grid, and what they add up to over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import Cascade, CauseCounter, TimeGrid, Timeline
from resilience.engine.city import City, EventTask, Toll
from resilience.engine.course import CourseCounter
from resilience.engine.levels import LevelStates
from resilience.engine.sums import BlockSums, TimeSums
from resilience.kernels.received import receive_shares
from resilience.kernels.rows import SAMPLES, pack_rows
from resilience.service import PEAK, ROUNDING, AssignedPart, ServiceCounter, ServiceSums

AT_WORST = -1
"""In the place of a step: the state in which all is out that the event puts out at any time."""

Integers = NDArray[np.int64]


class States:
    """The states of one event's samples: one at the peak of the hazard, or one per point of a time grid.

    Parameters
    ----------
    city : City
    task : EventTask

    Attributes
    ----------
    cascade : Cascade
        Holds the present state.
    levels : LevelStates
        Sectors that are solved state by state.
    """

    def __init__(self, city: City, task: EventTask) -> None:
        self._start = city.start
        self._task = task
        self._grid = city.grid
        self._timeline = None
        self.levels = LevelStates(city.levels, task.factors, city.n_step)
        if city.grid is None:
            self._until = 0
            self.cascade = Cascade(city.compiled, task.plan, self.levels.rows)
        else:
            self._until = max(task.followed_until, task.scaled_until(city.grid))
            lessen = None if city.levels is None else partial(self._lessen, city)
            self._timeline = Timeline(
                city.compiled, task.plan, city.grid, start=city.start, levels=self.levels.rows, lessen=lessen
            )  # fmt: skip
            self.cascade = self._timeline.cascade

    def _lessen(self, city: City, needs: NDArray[np.int32], met: NDArray[np.uint64]) -> None:
        """Take from `met` where a zone receives less than in the intact city: its buffer is drawn on then."""
        compiled, fraction = city.compiled, self.levels.fraction()
        first = int(compiled.need_indptr[-1])
        of_zone = np.flatnonzero(needs >= first)
        if city.levels is None or fraction is None or not of_zone.size:
            return
        received = np.empty((of_zone.size, SAMPLES))
        receive_shares(
            needs[of_zone], compiled.provider_indptr, compiled.provider, compiled.required,
            np.full_like(self._task.plan.buffer_row, -1), np.empty((0, 8), np.uint64), self.cascade.up,
            city.levels.provider_row, fraction, received,
        )  # fmt: skip
        intact = city.baseline.need_share[needs[of_zone] - first]
        met[of_zone] &= ~pack_rows(received < intact[:, np.newaxis] - ROUNDING)

    def water(self, point: int, *, stands: bool) -> int:
        """Return the level of the water in the step that begins at a point of the grid, or at that point."""
        water = self._task.water
        if water is None:
            return PEAK
        if self._grid is None or point == AT_WORST:
            return water.level(0, 0)
        return water.level(int(self._grid.minute[point]), int(self._grid.minute[point + stands]))

    def run(self, first_word: int) -> Iterator[tuple[int, bool]]:
        """Yield the number of every step and whether the state in `cascade` stands for it; at the peak 0 and True.

        Where the event has a course of its own, its peak is no step of it: it comes before, as :data:`AT_WORST`.
        """
        if self._timeline is None:
            self.cascade.sample(first_word)
            self.cascade.solve_from(self._start)
            yield 0, True
        else:
            self._timeline.sample(first_word)
            task = self._task
            restored = task.recovery.restored(task.plan, first_word)
            keep = None if task.course is None else task.course.keep(task.plan, first_word, restored)
            if task.begins_before_peak:
                self.cascade.merge(0)
                self.cascade.solve_from(self._start, step=AT_WORST)
                yield AT_WORST, True
            yield from self._timeline.run(restored, until=self._until, keep=keep)


class TimeCounter:
    """Counts the states of a time grid; the first one is taken from the sums at the peak, if it is one.

    Parameters
    ----------
    city : City
    grid : TimeGrid
    causes : CauseCounter
    services : ServiceCounter
    levels : LevelStates
    n_sample : int
    from_peak : bool
        Whether the event begins at its peak.
    toll : Toll, optional
        What is summed for every sample.
    """

    def __init__(
        self,
        city: City,
        grid: TimeGrid,
        causes: CauseCounter,
        services: ServiceCounter,
        levels: LevelStates,
        n_sample: int,
        *,
        from_peak: bool = True,
        toll: Toll | None = None,
    ) -> None:
        n_service, n_root = len(city.layout.names), causes.root_sectors.size
        self._with_roots = city.with_roots
        self._step = grid.step
        self._first = 1 if from_peak else 0
        n_zone = city.compiled.n_zone
        # Which roots a zone has at which time is not told: all points write into one array.
        zone_roots = np.zeros((n_zone, n_service, n_root), np.int64)
        self._services = [
            replace(ServiceSums.zeros(n_zone, n_service, 0), root_people=people, zone_roots=zone_roots)
            for people in np.zeros((self._step.size - self._first, n_service, n_root), np.int64)
        ]
        self._people = np.zeros((self._step.size, n_service), np.int64)
        self._sample_minutes = np.zeros((n_service, n_sample), np.int64)
        self._cause_minutes = np.zeros_like(causes.causes)
        self._root_minutes = np.zeros_like(causes.root_shares)
        self._causes = causes
        self._counter = services
        self._levels = levels
        self._gap = city.baseline.gap
        self._unserved_minutes = np.zeros((len(city.supplied), n_sample))
        self._toll = np.zeros(0 if toll is None else n_sample, np.int64)
        self._weights: dict[int, Integers] = {}
        for number, part in enumerate(services.parts):
            if toll is not None and isinstance(part, AssignedPart) and part.service == toll.service:
                served = city.baseline.served[number, part.zone]
                self._weights[number] = np.ascontiguousarray(toll.weight[:, part.zone] * served)
        self.course = CourseCounter(city, grid, services, n_sample)

    def count(self, point: int, here: slice) -> None:
        """Add the state of a grid point that is not the peak."""
        causes, services = self._causes, self._counter
        minutes = int(self._step[point])
        causes.count(self._cause_minutes, weight=minutes)
        roots = need_roots = None
        if self._with_roots:
            causes.trace(self._root_minutes, weight=minutes)
            roots, need_roots = causes.roots, causes.zone_roots(services.met, self._levels.reduced(services.reduced))
        services.count(causes.cascade.up, roots, need_roots, into=self._services[point - self._first])
        self._people[point] += services.people.sum(axis=1)
        self._sample_minutes[:, here] += services.people * minutes
        self._unserved_minutes[:, here] += self._levels.unserved(self._gap) * minutes
        self.see(point, here)

    def see(self, point: int, here: slice) -> None:
        """Take the state that stands for a step, and that the service counter has counted."""
        self.course.see(point, here, self._counter.people)
        for number, weight in self._weights.items():
            lanes = np.zeros(SAMPLES, np.int64)
            self._counter.add_lost(number, weight[point], lanes)
            self._toll[here] += lanes

    def join(self, peak: BlockSums, affected: NDArray[np.int32]) -> TimeSums:
        """Return the sums of all points."""
        first = int(self._step[0]) * self._first
        if self._first:
            self._people[0] = peak.people.sum(axis=1)
        begin: Sequence[BlockSums | ServiceSums] = [peak][: self._first]
        return TimeSums(
            sample_minutes=self._sample_minutes + peak.people * first,
            people=self._people,
            zone_samples=np.stack([sums.zone_samples for sums in (*begin, *self._services)]),
            root_people=np.stack([sums.root_people for sums in (*begin, *self._services)]),
            cause_minutes=self._cause_minutes[affected] + peak.causes * first,
            root_minutes=self._root_minutes[affected] + peak.root_shares * first,
            worst=self.course.worst,
            worst_minute=self.course.worst_minute,
            at_end=self.course.at_end,
            toll=self._toll,
            interrupted=self.course.interrupted,
            restored=self.course.restored,
            unserved_minutes=self._unserved_minutes + peak.unserved * first,
        )
