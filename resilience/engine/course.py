"""The course of each sample over time: the most that is lost, who is ever without, and when service is back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import TimeGrid
from resilience.engine.city import City
from resilience.kernels.received import add_share_people
from resilience.kernels.reduction import add_people
from resilience.kernels.rows import SAMPLES
from resilience.service import ServiceCounter

Integers = NDArray[np.int64]

LEVELS = (50, 90, 100)
"""Levels of service whose return is told, per cent of the people whom the intact city serves."""
NEVER = 2**31 - 1
"""Instead of a minute: not within the time grid."""


class CourseCounter:
    """Follows word groups step by step and keeps what each sample came to; one per thread.

    Parameters
    ----------
    city : City
    grid : TimeGrid
    services : ServiceCounter
    n_sample : int

    Attributes
    ----------
    worst : (n_service, n_sample) int64
        Most people without the service at one time, in units of 1 / PERSON.
    worst_minute : (n_service, n_sample) int32
        When that was first so.
    interrupted : (n_service, n_sample) int64
        People who were without it at any time; of a zone that was served in part, the most that it lost at one time.
    restored : (n_level, n_service, n_sample) int32
        Minute from which on the level is held to the end of the grid; 0 where it always is, :data:`NEVER` where it is
        not held at the end. The end of the step that is below the level when it is seen, or the beginning of one that
        is below then only: as moments are spread over steps, that has the right mean.
    at_end : (n_service,) int64
        People without the service at the end of the grid, summed over samples.
    """

    def __init__(self, city: City, grid: TimeGrid, services: ServiceCounter, n_sample: int) -> None:
        n_service = len(city.layout.names)
        self._services = services
        self._minute = grid.minute
        served = city.people
        # With rounding down, a level counts as held only where it is.
        self._allowed = np.stack([served * (100 - level) // 100 for level in LEVELS])[:, :, np.newaxis]
        partial = services.partial
        self._ever = {
            number: np.zeros((part.zone.size, 8), np.uint64)
            for number, part in enumerate(services.parts)
            if number not in partial
        }
        self._most = {number: np.zeros((part.zone.size, SAMPLES)) for number, part in partial.items()}
        self.worst = np.zeros((n_service, n_sample), np.int64)
        self.worst_minute = np.zeros((n_service, n_sample), np.int32)
        self.interrupted = np.zeros((n_service, n_sample), np.int64)
        self.at_end = np.zeros(n_service, np.int64)
        self.restored = np.zeros((len(LEVELS), n_service, n_sample), np.int32)

    def begin_step(self, point: int, here: slice, people: Integers) -> None:
        """Take the state at the beginning of a step, or at the end of the grid; `people` as of the service counter."""
        at_end = point == self._minute.size - 1
        self._note(self._minute[point], here, people, NEVER if at_end else self._minute[point])
        if at_end:
            self.at_end += people.sum(axis=1)

    def see(self, point: int, here: slice, people: Integers) -> None:
        """Take the state that stands for a step."""
        self._note(self._minute[point], here, people, self._minute[point + 1])

    def _note(self, now: int, here: slice, people: Integers, back: int) -> None:
        worse = people > self.worst[:, here]
        self.worst[:, here][worse] = people[worse]
        self.worst_minute[:, here][worse] = now
        self.restored[:, :, here][people > self._allowed] = back
        for number, ever in self._ever.items():
            ever |= self._services.present[number]
        for number, most in self._most.items():
            np.maximum(most, self._services.lost_shares[number], out=most)

    def close(self, here: slice) -> None:
        """End a word group."""
        services = self._services
        for number, part in enumerate(services.parts):
            lanes = np.zeros(SAMPLES, np.int64)
            if number in self._most:
                add_share_people(self._most[number], services.weights[number], lanes)
                self._most[number][:] = 0
            else:
                add_people(self._ever[number], services.weights[number], lanes)
                self._ever[number][:] = 0
            self.interrupted[part.service, here] += lanes
