"""When what a sequence of hazards put out of function is back: one queue of repairs for all of them.

The damage of a later hazard joins the queue at its onset: work under way goes on, what waits is chosen anew among what
is unfinished and new. An asset that is damaged again before it is repaired is repaired from the start, by the longer of
both works, once both hazards are over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import EventPlan
from resilience.engine.recovery import NEVER_MINUTE, Minutes, Recovery, cut_words, done_minutes
from resilience.kernels.rows import SAMPLES
from resilience.kernels.schedule import NEVER, Jobs
from resilience.repair import RepairPlan, resume, schedule

Seconds = NDArray[np.int64]


class _Queue(NamedTuple):
    """Work that is not done, ascending by `key`: sample times the number of assets, plus the asset."""

    key: NDArray[np.int64]
    duration: Seconds
    travel: Seconds
    earliest: Seconds
    start: Seconds
    end: Seconds

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> _Queue:
        """Return some of the work."""
        return _Queue(*(values[chosen] for values in self))


@dataclass(frozen=True)
class SequenceRecovery:
    """Returns of a sequence.

    Parameters
    ----------
    recoveries : tuple of Recovery
        Of each hazard alone, in the order of the plan's strikes.
    crews : RepairPlan, optional
        Over all assets that can fail in the sequence, in the order of `order`; None where nothing is repaired.
    order : (n_failing,) int64, optional
        Those assets by their ids.
    """

    recoveries: tuple[Recovery, ...]
    crews: RepairPlan | None = None
    order: NDArray[np.int64] | None = None

    def restored(self, plan: EventPlan, first_word: int) -> Minutes:
        """Return the minute from which each struck asset is back, ``(n_struck, 512) int32``.

        Parameters
        ----------
        plan : EventPlan
            Of the same sequence.
        first_word : int
            Of the word group.

        Notes
        -----
        An asset that is damaged again before it is repaired is back, as far as either hazard goes, when the later
        repair ends: both kept it out until then.
        """
        outages, least = (
            [
                np.minimum(minute.astype(np.int64) + strike.onset, NEVER_MINUTE).astype(np.int32)
                for minute, strike in zip(minutes, plan.strikes, strict=True)
            ]
            for minutes in ([one.outage for one in self.recoveries], [one.least for one in self.recoveries])
        )
        parts = [np.repeat(outage[:, np.newaxis], SAMPLES, axis=1) for outage in outages]
        if self.crews is None or self.order is None:
            return np.concatenate(parts)
        place = np.empty(self.order.size, np.int64)
        place[self.order] = np.arange(self.order.size)
        n = max(plan.failing.size, 1)
        damage = [
            one.damaged(strike.plan, first_word) for one, strike in zip(self.recoveries, plan.strikes, strict=True)
        ]
        for words in cut_words(self.recoveries):
            queue = _Queue(*(np.empty(0, np.int64) for _ in _Queue._fields))
            # Which hazard put which asset out, while its repair is not done.
            told: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
            for number, (strike, recovery, damaged) in enumerate(
                zip(plan.strikes, self.recoveries, damage, strict=True)
            ):
                onset = 60 * strike.onset
                queue = queue.take(queue.end > onset)
                open_ = [(k, asset, key, np.isin(key, queue.key)) for k, asset, key in told]
                told = [(k, asset[left], key[left]) for k, asset, key, left in open_]
                if damaged is None or recovery.order is None:
                    continue
                jobs = recovery.jobs(strike.plan, first_word, damaged, words)
                struck = recovery.order[jobs.asset]
                new = _list_new(jobs, place[strike.row[struck]], n, onset)
                told.append((number, struck, new.key))
                queue = _schedule(self.crews, _join(queue, new, onset), n, onset)
                for k, asset, key in told:
                    done = done_minutes(queue.end[np.searchsorted(queue.key, key)])
                    parts[k][asset, key // n] = np.maximum(least[k][asset], done)
        return np.concatenate(parts)


def _list_new(jobs: Jobs, asset: NDArray[np.int64], n: int, onset: int) -> _Queue:
    """Return the jobs of a hazard that comes at `onset`, s; their assets ascend within a sample, as all go by id."""
    sample = np.repeat(np.arange(SAMPLES, dtype=np.int64), np.diff(jobs.indptr))
    earliest = np.where(jobs.earliest == NEVER, NEVER, np.minimum(jobs.earliest, NEVER - onset) + onset)
    never = np.full(sample.size, NEVER)
    return _Queue(sample * n + asset, jobs.duration, jobs.travel, earliest, never, never)


def _join(queue: _Queue, new: _Queue, onset: int) -> _Queue:
    """Return what is to be done from `onset` on; only work under way, that nothing struck again, has a start."""
    again = np.isin(queue.key, new.key)
    place = np.searchsorted(new.key, queue.key[again])
    longer, earliest = new.duration.copy(), new.earliest.copy()
    longer[place] = np.maximum(longer[place], queue.duration[again])
    earliest[place] = np.maximum(earliest[place], queue.earliest[again])
    kept = queue.take(~again)
    under_way = (kept.start != NEVER) & (kept.start - kept.travel < onset)
    kept = kept._replace(start=np.where(under_way, kept.start, NEVER), end=np.where(under_way, kept.end, NEVER))
    struck = new._replace(duration=longer, earliest=earliest)
    both = _Queue(*(np.concatenate(pair) for pair in zip(kept, struck, strict=True)))
    return both.take(np.argsort(both.key, kind="stable"))


def _schedule(crews: RepairPlan, queue: _Queue, n: int, onset: int) -> _Queue:
    indptr = np.searchsorted(queue.key, np.arange(SAMPLES + 1) * n)
    jobs = Jobs(indptr, (queue.key % n).astype(np.int32), queue.duration, queue.travel, queue.earliest)
    if (queue.start == NEVER).all() and (queue.earliest >= onset).all():
        start, end = schedule(crews, jobs)
    else:
        start, end = resume(crews, jobs, onset, queue.start, queue.end)
    return queue._replace(start=start, end=end)
