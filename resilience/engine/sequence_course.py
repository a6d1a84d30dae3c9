"""Who is out at which moment of a sequence in which some hazards change over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import EventPlan
from resilience.cascade.timeline import Keep
from resilience.engine.hazard_course import HazardCourse, Minutes
from resilience.kernels.buffers import keep_failed
from resilience.kernels.rows import Words, empty_rows


@dataclass(frozen=True)
class SequenceCourse:
    """The courses of the hazards of a sequence.

    Parameters
    ----------
    onset : tuple of int
        Minute at which each hazard comes; one with a course begins then.
    courses : tuple of HazardCourse or None
        None where all that the hazard puts out is so from its onset until it recovers.
    """

    onset: tuple[int, ...]
    courses: tuple[HazardCourse | None, ...]

    @property
    def end(self) -> int:
        """Minute from which on no hazard begins an outage or does damage any more."""
        known = zip(self.onset, self.courses, strict=True)
        return max((onset + course.end for onset, course in known if course is not None), default=0)

    @property
    def begins_before_peak(self) -> bool:
        """Whether a hazard that comes at time zero has a course."""
        known = zip(self.onset, self.courses, strict=True)
        return any(onset == 0 and course is not None for onset, course in known)

    def keep(self, plan: EventPlan, first_word: int, restored: Minutes) -> Keep:
        """Return what writes the struck assets of a moment, for one word group.

        Parameters
        ----------
        plan : EventPlan
            Of the same sequence.
        first_word : int
            Of the word group.
        restored : (n_struck, 512) int32
            Minute of the sequence from which on each is repaired, or back where its hazard has no course.
        """
        keeps: list[tuple[int, slice, Keep]] = []
        first = 0
        for strike, course in zip(plan.strikes, self.courses, strict=True):
            rows = slice(first, first + strike.row.size)
            first += strike.row.size
            own = restored[rows] - np.int32(strike.onset)
            if course is not None:
                keeps.append((strike.onset, rows, course.keep(strike.plan, first_word, own)))
                continue
            drawn = empty_rows(strike.row.size)
            strike.plan.sample(first_word, drawn)
            keeps.append((strike.onset, rows, partial(keep_failed, drawn, own)))
        return partial(_keep, keeps)


def _keep(keeps: Sequence[tuple[int, slice, Keep]], moment: NDArray[np.int32], struck: Words) -> None:
    for onset, rows, keep in keeps:
        # Onsets are points of the grid: all samples are before or none is.
        if moment[0] >= onset:
            keep(moment - np.int32(onset), struck[rows])
        else:
            struck[rows] = 0
