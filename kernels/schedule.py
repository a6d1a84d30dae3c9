"""Who repairs what when: list scheduling of crews, one sample after the other.

Whenever a crew of a sector is free it takes, of the jobs of its sector that can begin, the first by the rule; it is
bound by the way and the work, and is then free for the next. No crew waits for a better job. This is Graham's list
scheduling (1969, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17, 416-429, doi 10.1137/0117039)
with several kinds of crews, release times and precedence.

Times are whole seconds and capacities whole thousandths. So sums are exact in any order of work, two jobs that end
together do so on every machine and not only where rounding agrees, and which of them frees its crew first never depends
on the last bit of a float. Ties of the rule go to the job named first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

NEVER = np.int64(2**63 - 1)
FULL = 1000  # thousandths: work at full capacity
FIFO, SHORTEST, LONGEST, PRIORITY = range(4)

Times = NDArray[np.int64]


class Jobs(NamedTuple):
    """What is broken, by sample.

    Parameters
    ----------
    indptr : (n_sample + 1,) int64
        Sample ``s`` owns the jobs ``indptr[s]`` to ``indptr[s + 1]``.
    asset : (n_job,) int32
        Each asset once per sample.
    duration, travel, earliest : (n_job,) int64, s
        Work at full capacity, way of the crew, and when the crew can set off; `NEVER` where it cannot. All >= 0.
    """

    indptr: Times
    asset: NDArray[np.int32]
    duration: Times
    travel: Times
    earliest: Times


class Plan(NamedTuple):
    """What all samples share.

    Parameters
    ----------
    sector : (n_asset,) int32
    crews : (n_sector,) int64
    priority : (n_asset,) int64
        For the rule PRIORITY; the smallest first.
    before_indptr : (n_asset + 1,) int64
    before : (n_before,) int32
        Assets whose repair must end before a crew sets off for the asset; those that are not broken do not count.
        No cycles.
    step : (n_step,) int64, s
        Where the capacity for work changes; ascending from 0.
    capacity : (n_step,) int64
        Thousandths, from ``step[k]`` to the next; the last goes on.
    done : (n_step,) int64
        Work done by ``step[k]`` by somebody who began at 0, thousandths of a second: from :func:`accumulate_capacity`.
    """

    sector: NDArray[np.int32]
    crews: Times
    priority: Times
    before_indptr: Times
    before: NDArray[np.int32]
    step: Times
    capacity: Times
    done: Times


@kernel
def accumulate_capacity(step: Times, capacity: Times, done: Times) -> None:
    """Write the integral of `capacity` up to each step to `done`, all (n_step,) int64."""
    done[0] = 0
    for k in range(1, step.size):
        done[k] = done[k - 1] + (step[k] - step[k - 1]) * capacity[k - 1]


@kernel
def finish_work(begin: int, duration: int, step: Times, capacity: Times, done: Times) -> int:
    """Return when work of `duration` seconds at full capacity ends, or NEVER.

    Notes
    -----
    The least whole second e with ``integral_begin^e capacity >= duration``. O(log n_step). A later begin never gives an
    earlier end.
    """
    if duration == 0:
        return begin
    if step.size == 1 and capacity[0] == FULL:
        return begin + duration
    k = np.searchsorted(step, begin, side="right") - 1
    wanted = done[k] + (begin - step[k]) * capacity[k] + duration * FULL
    k = np.searchsorted(done, wanted, side="left") - 1
    if capacity[k] == 0:
        return int(NEVER)
    return int(step[k] - (done[k] - wanted) // capacity[k])


@kernel
def _lower(heap: Times, item: Times, place: int) -> None:
    """Move an entry towards the root until no parent is larger."""
    time, what = heap[place], item[place]
    while place > 0:
        parent = (place - 1) // 2
        if heap[parent] <= time:
            break
        heap[place], item[place] = heap[parent], item[parent]
        place = parent
    heap[place], item[place] = time, what


@kernel
def _sink(heap: Times, item: Times, size: int) -> None:
    """Move the root away until no child is smaller."""
    time, what = heap[0], item[0]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= time:
            break
        heap[place], item[place] = heap[child], item[child]
        place = child
    heap[place], item[place] = time, what


@kernel
def _order_jobs(jobs: Jobs, plan: Plan, rule: int, first: int, n: int) -> Times:
    """Return the jobs of a sample in the order of the rule; equal ones as they are named."""
    key = np.empty(n, np.int64)
    for i in range(n):
        j = first + i
        if rule == FIFO:
            key[i] = jobs.earliest[j]
        elif rule == PRIORITY:
            key[i] = plan.priority[jobs.asset[j]]
        else:
            bound = jobs.travel[j] + jobs.duration[j]
            key[i] = bound if rule == SHORTEST else -bound
    return np.argsort(key, kind="mergesort")


@kernel
def _are_enough(jobs: Jobs, plan: Plan, first: int, n: int) -> bool:
    """Return whether no sector has more jobs than crews."""
    idle = plan.crews.copy()
    for j in range(first, first + n):
        idle[plan.sector[jobs.asset[j]]] -= 1
    return bool(idle.min() >= 0)


@kernel
def _at_once(jobs: Jobs, plan: Plan, first: int, n: int, start: Times, end: Times) -> None:
    """Schedule jobs that wait for none where each has a crew of its own."""
    step, capacity, done = plan.step, plan.capacity, plan.done
    for j in range(first, first + n):
        if jobs.earliest[j] != NEVER:
            start[j] = jobs.earliest[j] + jobs.travel[j]
            end[j] = finish_work(start[j], jobs.duration[j], step, capacity, done)


@kernel
def _in_order(jobs: Jobs, plan: Plan, first: int, order: Times, start: Times, end: Times) -> None:
    """Schedule jobs that can all begin at one time and wait for none: each to the crew that is free first."""
    n = order.size
    step, capacity, done = plan.step, plan.capacity, plan.done
    begin = np.zeros(plan.crews.size + 1, np.int64)
    for s in range(plan.crews.size):
        begin[s + 1] = begin[s] + min(plan.crews[s], np.int64(n))
    free = np.zeros(begin[plan.crews.size], np.int64)
    crew = np.zeros(free.size, np.int64)
    for rank in range(n):
        j = first + order[rank]
        s = plan.sector[jobs.asset[j]]
        a, b = begin[s], begin[s + 1]
        if a == b or jobs.earliest[j] == NEVER or free[a] == NEVER:
            continue
        start[j] = max(free[a], jobs.earliest[j]) + jobs.travel[j]
        end[j] = finish_work(start[j], jobs.duration[j], step, capacity, done)
        free[a] = end[j]
        _sink(free[a:b], crew[a:b], b - a)


@kernel
def _by_events(
    jobs: Jobs, plan: Plan, first: int, order: Times, position: NDArray[np.int32], start: Times, end: Times, onset: int
) -> None:
    """Schedule jobs with release times and precedence: from one event to the next, from `onset` on.

    Jobs whose start is known are under way: each binds a crew to its end.
    """
    n = order.size
    n_sector = plan.crews.size
    step, capacity, done = plan.step, plan.capacity, plan.done
    waits = np.zeros(n, np.int64)  # repairs that must end first
    after_indptr = np.zeros(n + 1, np.int64)
    ready_begin = np.zeros(n_sector + 1, np.int64)
    for i in range(n):
        asset = jobs.asset[first + i]
        ready_begin[plan.sector[asset] + 1] += 1
        for e in range(plan.before_indptr[asset], plan.before_indptr[asset + 1]):
            p = position[plan.before[e]]
            if p >= 0:
                waits[i] += 1
                after_indptr[p + 1] += 1
    after_indptr[:] = np.cumsum(after_indptr)
    ready_begin[:] = np.cumsum(ready_begin)
    after = np.empty(after_indptr[n], np.int64)
    place = after_indptr[:n].copy()
    rank = np.empty(n, np.int64)
    for i in range(n):
        rank[order[i]] = i
        asset = jobs.asset[first + i]
        for e in range(plan.before_indptr[asset], plan.before_indptr[asset + 1]):
            p = position[plan.before[e]]
            if p >= 0:
                after[place[p]] = i
                place[p] += 1
    # Per sector a heap of the jobs that can begin, by rank; one heap of the work under way, by its end.
    ready, ready_job = np.empty(n, np.int64), np.empty(n, np.int64)
    n_ready = np.zeros(n_sector, np.int64)
    idle = plan.crews.copy()
    ends, working = np.empty(n, np.int64), np.empty(n, np.int64)
    n_working = 0
    earliest = np.maximum(jobs.earliest[first : first + n], onset)
    releases = np.argsort(earliest, kind="mergesort")
    released = np.zeros(n, np.bool_)
    n_released = 0
    for i in range(n):
        j = first + i
        if start[j] == NEVER:
            continue
        waits[i] = NEVER
        idle[plan.sector[jobs.asset[j]]] -= 1
        if end[j] != NEVER:
            ends[n_working], working[n_working] = end[j], i
            _lower(ends, working, n_working)
            n_working += 1
    while True:
        now = ends[0] if n_working > 0 else NEVER
        if n_released < n:
            now = min(now, earliest[releases[n_released]])
        if now == NEVER:
            break
        while n_working > 0 and ends[0] == now:
            i = working[0]
            n_working -= 1
            ends[0], working[0] = ends[n_working], working[n_working]
            _sink(ends, working, n_working)
            idle[plan.sector[jobs.asset[first + i]]] += 1
            for e in range(after_indptr[i], after_indptr[i + 1]):
                waits[after[e]] -= 1
                if waits[after[e]] == 0 and released[after[e]]:
                    _push_ready(ready, ready_job, ready_begin, n_ready, plan.sector[jobs.asset[first + after[e]]],
                                rank[after[e]], after[e])  # fmt: skip
        while n_released < n and earliest[releases[n_released]] == now:
            i = releases[n_released]
            n_released += 1
            released[i] = True
            if waits[i] == 0:
                _push_ready(
                    ready, ready_job, ready_begin, n_ready, plan.sector[jobs.asset[first + i]], rank[i], i
                )  # fmt: skip
        for s in range(n_sector):
            a, b = ready_begin[s], ready_begin[s + 1]
            while idle[s] > 0 and n_ready[s] > 0:
                i = ready_job[a]
                n_ready[s] -= 1
                ready[a], ready_job[a] = ready[a + n_ready[s]], ready_job[a + n_ready[s]]
                _sink(ready[a:b], ready_job[a:b], n_ready[s])
                idle[s] -= 1
                j = first + i
                start[j] = now + jobs.travel[j]
                end[j] = finish_work(start[j], jobs.duration[j], step, capacity, done)
                if end[j] != NEVER:
                    ends[n_working], working[n_working] = end[j], i
                    _lower(ends, working, n_working)
                    n_working += 1


@kernel
def _push_ready(
    ready: Times, ready_job: Times, ready_begin: Times, n_ready: Times, sector: int, rank: int, job: int
) -> None:
    a, b = ready_begin[sector], ready_begin[sector + 1]
    ready[a + n_ready[sector]], ready_job[a + n_ready[sector]] = rank, job
    _lower(ready[a:b], ready_job[a:b], n_ready[sector])
    n_ready[sector] += 1


@kernel
def schedule_jobs(jobs: Jobs, plan: Plan, rule: int, start: Times, end: Times) -> None:
    """Write when the work of each job begins and ends.

    Parameters
    ----------
    jobs : Jobs
    plan : Plan
    rule : int
        FIFO by `earliest`, SHORTEST or LONGEST by way and work together, PRIORITY.
    start, end : (n_job,) int64, s
        Output; `start` is at the asset, after the way. NEVER where the asset cannot be reached, waits for one that is
        never repaired, has no crew, or the capacity ends at 0. An asset is repaired from ``end`` on.

    Notes
    -----
    Per sample O(n log n) for the order and O(n log c) for the crews; with release times that differ or precedence
    O((n + m) log n). At one time, first all that ends then ends, then all that is released then is released, and then
    crews set off. The way of a crew is given per job: it does not depend on where the crew comes from, and heat does
    not slow it.
    """
    position = np.full(plan.sector.size, -1, np.int32)
    start[:] = NEVER
    end[:] = NEVER
    for sample in range(jobs.indptr.size - 1):
        first = jobs.indptr[sample]
        n = jobs.indptr[sample + 1] - first
        if n == 0:
            continue
        together = True
        common = NEVER
        for i in range(n):
            earliest = jobs.earliest[first + i]
            if earliest != NEVER:
                together = together and common in (NEVER, earliest)
                common = earliest
        if plan.before.size > 0:
            for i in range(n):
                position[jobs.asset[first + i]] = i
            for i in range(n):
                asset = jobs.asset[first + i]
                for e in range(plan.before_indptr[asset], plan.before_indptr[asset + 1]):
                    together = together and position[plan.before[e]] < 0
        if together and _are_enough(jobs, plan, first, n):
            _at_once(jobs, plan, first, n, start, end)
        elif together:
            _in_order(jobs, plan, first, _order_jobs(jobs, plan, rule, first, n), start, end)
        else:
            order = _order_jobs(jobs, plan, rule, first, n)
            _by_events(jobs, plan, first, order, position, start, end, 0)
        if plan.before.size > 0:
            for i in range(n):
                position[jobs.asset[first + i]] = -1


@kernel
def resume_jobs(jobs: Jobs, plan: Plan, rule: int, onset: int, start: Times, end: Times) -> None:
    """Write when the work of each job begins and ends, decided anew at `onset`.

    Parameters
    ----------
    jobs : Jobs
        What is unfinished or broken from then on.
    plan : Plan
    rule : int
    onset : int, s
        No crew sets off before.
    start, end : (n_job,) int64, s
        Jobs under way have theirs and keep them: a crew set off before the onset and is bound to the end. All others
        are NEVER, and are written.

    Notes
    -----
    As :func:`schedule_jobs`: what was decided before by the same rule, with the jobs known then, goes on as it was.
    The order of the rule is that of the jobs' own times: with FIFO, what has waited longer comes first.
    """
    position = np.full(plan.sector.size, -1, np.int32)
    for sample in range(jobs.indptr.size - 1):
        first = jobs.indptr[sample]
        n = jobs.indptr[sample + 1] - first
        if n == 0:
            continue
        for i in range(n):
            position[jobs.asset[first + i]] = i
        _by_events(jobs, plan, first, _order_jobs(jobs, plan, rule, first, n), position, start, end, onset)
        for i in range(n):
            position[jobs.asset[first + i]] = -1
