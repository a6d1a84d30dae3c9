"""A hazard whose strength changes over time: who is out at which moment, for the random numbers of the event."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import EventPlan
from resilience.cascade.timeline import Keep
from resilience.kernels.hazard_course import follow_hazard
from resilience.kernels.rows import Words

Minutes = NDArray[np.int32]
Thresholds = NDArray[np.uint32]


@dataclass(frozen=True)
class HazardCourse:
    """When one event keeps assets out of function.

    Parameters
    ----------
    minute : (n_step,) int64
        From the beginning of the event, when each step of the hazard begins, ascending from 0. In the last one nothing
        is out through the hazard's strength.
    threshold : (n_failing, n_step) uint32
        U below it is an outage in the step.
    damage : (n_failing,) uint32
        U below it is damage, which lasts from `damaged_at` until it is repaired.
    damaged_at : (n_failing,) int32
        The minute at which each asset's hazard is at its worst.
    """

    minute: NDArray[np.int64]
    threshold: Thresholds
    damage: Thresholds
    damaged_at: Minutes

    @property
    def end(self) -> int:
        """Minute from which on the hazard begins no outage and does no damage any more."""
        return int(self.minute[-1])

    @property
    def begins_before_peak(self) -> bool:
        """Whether the hazard begins before its peak: it has a course."""
        return True

    def keep(self, plan: EventPlan, first_word: int, restored: Minutes) -> Keep:
        """Return what writes the failed assets of a moment, for one word group.

        Parameters
        ----------
        plan : EventPlan
            Of the same event.
        first_word : int
            Of the word group.
        restored : (n_failing, 512) int32
            Minute from which on what is damaged is repaired.

        Notes
        -----
        The U of an asset are the same at all moments, and those that decide whether it fails at all: out at a moment is
        a part of out at the peak.
        """
        return partial(self._follow, plan.uniforms(first_word), restored)

    def _follow(self, uniform: NDArray[np.uint32], restored: Minutes, moment: Minutes, failed: Words) -> None:
        step = (np.searchsorted(self.minute, moment, side="right") - 1).astype(np.int32)
        follow_hazard(uniform, self.threshold, step, self.damage, self.damaged_at, restored, moment, failed)
