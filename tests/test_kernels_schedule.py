"""Scheduling: an event simulation in plain Python, published schedules, and laws of list scheduling."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.kernels.schedule import (
    FIFO,
    LONGEST,
    NEVER,
    PRIORITY,
    SHORTEST,
    Jobs,
    Plan,
    accumulate_capacity,
    finish_work,
    resume_jobs,
    schedule_jobs,
)

RULES = (FIFO, SHORTEST, LONGEST, PRIORITY)
FULL_TIME = ((0, 1000),)


class City(NamedTuple):
    """Assets 0 .. n-1 with their sector and priority, crews per sector, who waits for whom, steps of capacity."""

    sector: list[int]
    crews: list[int]
    priority: list[int]
    before: list[list[int]]
    steps: tuple[tuple[int, int], ...] = FULL_TIME


class Job(NamedTuple):
    asset: int
    duration: int
    travel: int = 0
    earliest: int = 0


def plan_of(city: City) -> Plan:
    indptr = np.cumsum([0, *(len(names) for names in city.before)], dtype=np.int64)
    before = np.array([name for names in city.before for name in names], dtype=np.int32)
    step = np.array([time for time, _ in city.steps], dtype=np.int64)
    capacity = np.array([share for _, share in city.steps], dtype=np.int64)
    done = np.empty_like(step)
    accumulate_capacity(step, capacity, done)
    sector, crews = np.array(city.sector, dtype=np.int32), np.array(city.crews, dtype=np.int64)
    return Plan(sector, crews, np.array(city.priority, dtype=np.int64), indptr, before, step, capacity, done)


def jobs_of(samples: list[list[Job]]) -> Jobs:
    flat = [job for sample in samples for job in sample]
    indptr = np.cumsum([0, *(len(sample) for sample in samples)], dtype=np.int64)
    columns = [np.array([job[k] for job in flat], dtype=np.int64) for k in range(4)]
    return Jobs(indptr, columns[0].astype(np.int32), columns[1], columns[2], columns[3])


def run(samples: list[list[Job]], city: City, rule: int) -> tuple[list[int], list[int]]:
    jobs = jobs_of(samples)
    start, end = np.empty(jobs.asset.size, np.int64), np.empty(jobs.asset.size, np.int64)
    schedule_jobs(jobs, plan_of(city), rule, start, end)
    return start.tolist(), end.tolist()


def one_sector(durations: list[int], crews: int, rule: int = FIFO, before: list[list[int]] | None = None) -> list[int]:
    n = len(durations)
    city = City([0] * n, [crews], list(range(n)), before or [[] for _ in range(n)])
    return run([[Job(i, d) for i, d in enumerate(durations)]], city, rule)[1]


def finish_slowly(begin: int, duration: int, steps: tuple[tuple[int, int], ...]) -> int:
    """Second by second."""
    left, now = 1000 * duration, begin
    while left > 0:
        rate = [share for time, share in steps if time <= now][-1]
        if rate == 0 and now >= steps[-1][0]:
            return int(NEVER)
        left -= rate
        now += 1
    return now


def schedule_slowly(
    sample: list[Job], city: City, rule: int, *, onset: int = 0, begun: dict[int, tuple[int, int]] | None = None
) -> tuple[list[int], list[int]]:
    """From event to event, from `onset` on; all jobs are looked at whenever a crew may set off.

    What has `begun`, with its start and end, binds its crew.
    """
    begun = begun or {}
    start, end = [int(NEVER)] * len(sample), [int(NEVER)] * len(sample)
    broken = {job.asset for job in sample}
    repaired: set[int] = set()
    idle = list(city.crews)
    waiting = [i for i, job in enumerate(sample) if job.earliest != NEVER and i not in begun]
    events: list[tuple[int, int]] = [(max(sample[i].earliest, onset), -1) for i in waiting]
    for i, times in begun.items():
        start[i], end[i] = times
        idle[city.sector[sample[i].asset]] -= 1
        if end[i] != NEVER:
            events.append((end[i], i))
    heapq.heapify(events)
    key = {
        FIFO: lambda job: job.earliest,
        SHORTEST: lambda job: job.travel + job.duration,
        LONGEST: lambda job: -(job.travel + job.duration),
        PRIORITY: lambda job: city.priority[job.asset],
    }[rule]
    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            _, i = heapq.heappop(events)
            if i >= 0:
                repaired.add(sample[i].asset)
                idle[city.sector[sample[i].asset]] += 1
        for i in sorted(waiting, key=lambda i: (key(sample[i]), i)):
            job = sample[i]
            sector = city.sector[job.asset]
            blocked = any(name in broken and name not in repaired for name in city.before[job.asset])
            if idle[sector] == 0 or job.earliest > now or blocked:
                continue
            idle[sector] -= 1
            start[i] = now + job.travel
            end[i] = finish_slowly(start[i], job.duration, city.steps)
            if end[i] != NEVER:
                heapq.heappush(events, (end[i], i))
        waiting = [i for i in waiting if start[i] == NEVER]
    return start, end


@st.composite
def cities(draw, *, precedence=True, heat=True):
    n = draw(st.integers(1, 9))
    sectors = draw(st.integers(1, 3))
    before = [
        draw(st.lists(st.integers(0, i - 1), max_size=2)) if precedence and i and draw(st.booleans()) else []
        for i in range(n)
    ]
    # A random naming: precedence need not follow the order of the assets.
    name = draw(st.permutations(range(n)))
    renamed = [[] for _ in range(n)]
    for i, firsts in enumerate(before):
        renamed[name[i]] = [name[k] for k in firsts]
    steps = FULL_TIME
    if heat and draw(st.booleans()):
        times = sorted(draw(st.sets(st.integers(1, 60), max_size=4)))
        shares = draw(st.lists(st.sampled_from([0, 1, 333, 500, 1000]), min_size=len(times) + 1, max_size=9))
        steps = tuple(zip([0, *times], shares, strict=False))
    return City(
        [draw(st.integers(0, sectors - 1)) for _ in range(n)],
        [draw(st.integers(0, 3)) for _ in range(sectors)],
        [draw(st.integers(0, 4)) for _ in range(n)],
        renamed,
        steps,
    )


@st.composite
def samples_of(draw, city, *, apart=True):
    broken = draw(st.sets(st.integers(0, len(city.sector) - 1)))
    release = st.sampled_from([0, 0, 3, 7, int(NEVER)]) if apart else st.just(0)
    return [
        Job(asset, draw(st.integers(0, 12)), draw(st.sampled_from([0, 0, 1, 5])), draw(release))
        for asset in draw(st.permutations(sorted(broken)))
    ]


@given(st.data(), st.sampled_from(RULES))
def test_schedules_are_those_of_an_event_simulation(data, rule):
    city = data.draw(cities())
    samples = data.draw(st.lists(samples_of(city), min_size=1, max_size=3))
    start, end = run(samples, city, rule)
    wanted = [schedule_slowly(sample, city, rule) for sample in samples]
    assert start == [time for starts, _ in wanted for time in starts]
    assert end == [time for _, ends in wanted for time in ends]


@given(st.data(), st.sampled_from(RULES))
def test_jobs_released_together_and_without_precedence_too(data, rule):
    city = data.draw(cities(precedence=False))
    sample = data.draw(samples_of(city, apart=False))
    assert run([sample], city, rule) == schedule_slowly(sample, city, rule)


def resume(
    samples: list[list[Job]], city: City, rule: int, onset: int, begun: list[dict[int, tuple[int, int]]]
) -> tuple[list[int], list[int]]:
    jobs = jobs_of(samples)
    start, end = np.full(jobs.asset.size, NEVER), np.full(jobs.asset.size, NEVER)
    for first, of_sample in zip(jobs.indptr.tolist(), begun, strict=False):
        for i, times in of_sample.items():
            start[first + i], end[first + i] = times
    resume_jobs(jobs, plan_of(city), rule, onset, start, end)
    return start.tolist(), end.tolist()


@given(st.data(), st.sampled_from(RULES), st.integers(0, 25))
def test_what_is_decided_anew_is_that_of_an_event_simulation(data, rule, onset):
    """Of the broken of each sample some are under way, never more in a sector than it has crews."""
    city = data.draw(cities())
    samples = data.draw(st.lists(samples_of(city), min_size=1, max_size=3))
    begun: list[dict[int, tuple[int, int]]] = []
    for sample in samples:
        idle, of_sample = list(city.crews), {}
        for i, job in enumerate(sample):
            if idle[city.sector[job.asset]] and data.draw(st.booleans()):
                idle[city.sector[job.asset]] -= 1
                start = onset + data.draw(st.integers(-3, 3))
                of_sample[i] = start, data.draw(st.sampled_from([onset, onset + 4, int(NEVER)]))
        begun.append(of_sample)
    wanted = [
        schedule_slowly(sample, city, rule, onset=onset, begun=of_sample)
        for sample, of_sample in zip(samples, begun, strict=True)
    ]
    start, end = resume(samples, city, rule, onset, begun)
    assert start == [time for starts, _ in wanted for time in starts]
    assert end == [time for _, ends in wanted for time in ends]


@given(st.data(), st.sampled_from(RULES), st.integers(0, 25))
def test_where_nothing_is_new_all_goes_on_as_it_was(data, rule, onset):
    city = data.draw(cities())
    sample = data.draw(samples_of(city))
    start, end = run([sample], city, rule)
    left = [i for i, time in enumerate(end) if time > onset]
    begun = {
        k: (start[i], end[i]) for k, i in enumerate(left)
        if start[i] != NEVER and start[i] - sample[i].travel < onset
    }  # fmt: skip
    again = resume([[sample[i] for i in left]], city, rule, onset, [begun])
    assert again == ([start[i] for i in left], [end[i] for i in left])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=10), st.integers(0, 30))
def test_work_ends_with_the_integral_of_capacity(shares, begin):
    steps = tuple((7 * k, 25 * share) for k, share in enumerate(shares))
    plan = plan_of(City([], [], [], [], steps))
    for duration in (0, 1, 2, 13):
        wanted = finish_slowly(begin, duration, steps) if duration else begin
        assert finish_work(begin, duration, plan.step, plan.capacity, plan.done) == wanted


def test_half_the_capacity_doubles_the_time():
    city = City([0], [1], [0], [[]], ((0, 1000), (10, 500), (20, 1000)))
    assert run([[Job(0, 12)]], city, FIFO) == ([0], [14])  # 10 s at full, 2 s of work in 4 s
    assert run([[Job(0, 12, travel=10)]], city, FIFO) == ([10], [27])  # 5 s of work in 10 s, 7 s at full


PUBLISHED = {FIFO: ([3, 5, 5, 9], 5.5, 9), SHORTEST: ([3, 8, 2, 6], 4.75, 8), LONGEST: ([7, 5, 7, 4], 5.75, 7)}


@pytest.mark.parametrize("rule", PUBLISHED)
def test_four_jobs_and_two_crews(rule):
    ends, mean, last = PUBLISHED[rule]
    got = one_sector([3, 5, 2, 4], 2, rule)
    assert (got, np.mean(got), max(got)) == (ends, mean, last)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("crews", [1, 2, 3, 7, 9])
def test_equal_jobs_end_in_rounds(crews, rule):
    assert one_sector([11] * 7, crews, rule) == [-(-i // crews) * 11 for i in range(1, 8)]


def test_ties_go_to_the_job_named_first():
    assert one_sector([2, 2, 2, 2], 2, SHORTEST) == [2, 2, 4, 4]
    assert run([[Job(1, 2), Job(0, 2)]], City([0, 0], [1], [0, 0], [[], []]), PRIORITY)[1] == [2, 4]


def test_priority_serves_the_smallest_rank_first():
    assert run([[Job(i, 5) for i in range(3)]], City([0] * 3, [1], [2, 0, 1], [[]] * 3), PRIORITY)[1] == [15, 5, 10]


def test_what_cannot_be_repaired_never_ends_and_holds_up_only_what_waits_for_it():
    city = City([0, 0, 0, 1], [1, 0], [0] * 4, [[], [0], [], []])
    sample = [Job(0, 5, earliest=int(NEVER)), Job(1, 5), Job(2, 5), Job(3, 5)]
    assert run([sample], city, FIFO)[1] == [NEVER, NEVER, 5, NEVER]


def test_a_predecessor_that_is_intact_is_not_waited_for():
    city = City([0, 0], [1], [0, 0], [[1], []])
    assert run([[Job(0, 5)], [Job(0, 5), Job(1, 4)]], city, FIFO)[1] == [5, 9, 4]


def test_power_before_water_across_crews():
    city = City([0, 1, 1], [1, 1], [0] * 3, [[], [0], []])
    start, end = run([[Job(0, 10, travel=2), Job(1, 4, travel=1), Job(2, 20)]], city, FIFO)
    # The crew for water takes the other job, and cannot leave it for the one that is released at 12.
    assert (start, end) == ([2, 21, 0], [12, 25, 20])


@given(st.data(), st.sampled_from(RULES), st.integers(1, 3))
def test_more_crews_never_delay_a_job_without_precedence_and_travel(data, rule, more):
    city = data.draw(cities(precedence=False))
    sample = [job._replace(travel=0) for job in data.draw(samples_of(city, apart=False))]
    richer = city._replace(crews=[crews + more for crews in city.crews])
    few, many = run([sample], city, rule), run([sample], richer, rule)
    assert all(b <= a for a, b in zip(few[0], many[0], strict=True))
    assert all(b <= a for a, b in zip(few[1], many[1], strict=True))


@given(st.data(), st.integers(0, 20))
def test_jobs_of_other_sectors_and_samples_change_nothing(data, seed):
    city = data.draw(cities(precedence=False))
    sample = data.draw(samples_of(city))
    _, end = run([sample, sample], city, SHORTEST)
    assert end[: len(sample)] == end[len(sample) :]
    for sector in range(len(city.crews)):
        own = [i for i, job in enumerate(sample) if city.sector[job.asset] == sector]
        assert run([[sample[i] for i in own]], city, SHORTEST)[1] == [end[i] for i in own]


# Graham (1969), figures 1 to 5: nine jobs in the order of a list.
GRAHAM = [3, 2, 2, 2, 4, 4, 4, 4, 9]
GRAHAM_BEFORE = [[], [], [], [], [3], [3], [3], [3], [0]]


@pytest.mark.parametrize(
    ("shorter", "crews", "without", "makespan"),
    [(0, 3, (), 12), (0, 4, (), 15), (1, 3, (), 13), (0, 3, (4, 5), 16)],
    ids=["as it is", "one crew more", "every job shorter", "fewer to wait for"],
)
def test_with_precedence_better_can_be_worse(shorter, crews, without, makespan):
    before = [[] if i in without else names for i, names in enumerate(GRAHAM_BEFORE)]
    assert max(one_sector([d - shorter for d in GRAHAM], crews, PRIORITY, before)) == makespan


def test_empty_samples_and_no_jobs():
    city = City([0], [1], [0], [[]])
    assert run([[], [Job(0, 3)], []], city, FIFO) == ([0], [3])
    assert run([[]], city, FIFO) == ([], [])
