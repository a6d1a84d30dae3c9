"""Where everything meets: one block of samples of one event, and the blocks of a run as Dask tasks.

A block is a whole number of word groups. All sums are whole numbers, so they do not depend on how samples are cut into
blocks or in which order the blocks end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.threaded
import numpy as np
from numpy.typing import NDArray

from resilience.cascade import Cascade, CauseCounter, EventPlan, Start, TimeGrid, Timeline, plan_event
from resilience.kernels.reduction import count_samples, sum_over_failures
from resilience.kernels.rows import ONES, SAMPLES, WORDS
from resilience.network.compile import PERSON, CompiledNetwork, SectorGraph
from resilience.service import (
    Baseline,
    ServiceCounter,
    ServiceLayout,
    ServicePlan,
    ServiceSums,
    find_served,
    plan_services,
    weigh_zones,
)

Integers = NDArray[np.int64]

# Squares of losses are summed as whole numbers of (people / 2**19) squared, so that any order gives the same sum;
# with one more bit, 2**24 samples in which everybody is without would not fit into 63.
_SQUARE_STEPS = 1 << 19
_NEVER = np.int32(2**31 - 1)


@dataclass(frozen=True)
class City:
    """What is the same for all events.

    Parameters
    ----------
    compiled : CompiledNetwork
    graphs : dict of str to SectorGraph
        Sectors that are supplied from sources.
    layout : ServiceLayout
    baseline : Baseline
    seed : int
    start : {"all_up", "all_down"}
    with_roots : bool
        Whether root causes are traced.
    grid : TimeGrid, optional
        Without one, the state at the peak of the hazard is all that is found.
    """

    compiled: CompiledNetwork
    graphs: dict[str, SectorGraph]
    layout: ServiceLayout
    baseline: Baseline
    seed: int
    start: Start = "all_up"
    with_roots: bool = True
    grid: TimeGrid | None = None

    @property
    def people(self) -> Integers:
        """People whom each service reaches in the intact city, in units of 1 / PERSON, ``(n_service,) int64``.

        The most that an event can take: whom only some groups of a `mean` reach counts for their share.
        """
        total = np.zeros(len(self.layout.names), np.int64)
        for number, part in enumerate(self.layout.parts):
            total[part.service] += weigh_zones(self.compiled, part, self.baseline.served[number]).sum()
        return total


@dataclass(frozen=True)
class EventTask:
    """One event, prepared.

    Parameters
    ----------
    event : int
        Position of the event.
    plan : EventPlan
    services : ServicePlan
    restored : (n_failing,) int32
        Minute after the peak from which each asset that the hazard put out of function is back; used with a grid only.
    """

    event: int
    plan: EventPlan
    services: ServicePlan
    restored: NDArray[np.int32]


@dataclass
class TimeSums:
    """What a block adds over the time grid.

    Parameters
    ----------
    sample_minutes : (n_service, n_sample) int64
        People without each service times minutes, by sample, in units of 1 / PERSON.
    people : (n_time, n_service) int64
        People without each service at each grid point, summed over samples.
    zone_samples : (n_time, n_zone, n_service) int64
        Samples without the service, in shares.
    root_people : (n_time, n_service, n_root) int64
    cause_minutes : (n_affected, n_cause) int64
        Minutes for which each affected asset was down, by proximate cause, summed over samples.
    root_minutes : (n_affected, n_root) int64
        The same by root cause, in shares.
    """

    sample_minutes: Integers
    people: Integers
    zone_samples: Integers
    root_people: Integers
    cause_minutes: Integers
    root_minutes: Integers

    def add(self, other: TimeSums) -> None:
        """Add another block's sums; samples are not joined."""
        for name in ("people", "zone_samples", "root_people", "cause_minutes", "root_minutes"):
            getattr(self, name).__iadd__(getattr(other, name))


@dataclass
class BlockSums:
    """What a block adds to the result.

    Parameters
    ----------
    people : (n_service, n_sample) int64
        People without each service, by sample, in units of 1 / PERSON.
    failed : (n_failing,) int64
        Samples in which the hazard put each failing asset out of function.
    causes : (n_affected, n_cause) int64
        Samples in which each affected asset was down, by proximate cause.
    root_shares : (n_affected, n_root) int64
        The same by root cause, in shares.
    zone_samples : (n_zone, n_service) int64
        Samples without the service, in shares.
    zone_roots : (n_zone, n_service, n_root) int64
        The same by root cause.
    root_people : (n_service, n_root) int64
    loss_failed, loss_square_failed : (n_failing, n_service) int64
        Sum of people without, and of its square in steps, over the samples in which the asset failed.
    loss_square : (n_service,) int64
    root_sectors : (n_root,) int64
    over_time : TimeSums or None
        With a time grid.
    """

    people: Integers
    failed: Integers
    causes: Integers
    root_shares: Integers
    zone_samples: Integers
    zone_roots: Integers
    root_people: Integers
    loss_failed: Integers
    loss_square_failed: Integers
    loss_square: Integers
    root_sectors: Integers
    over_time: TimeSums | None = None

    def add(self, other: BlockSums) -> None:
        """Add another block's sums; samples are not joined."""
        if self.over_time is not None and other.over_time is not None:
            self.over_time.add(other.over_time)
        for name in (
            "failed", "causes", "root_shares", "zone_samples", "zone_roots", "root_people", "loss_failed",
            "loss_square_failed", "loss_square",
        ):  # fmt: skip
            getattr(self, name).__iadd__(getattr(other, name))


def find_baseline(
    compiled: CompiledNetwork, graphs: dict[str, SectorGraph], layout: ServiceLayout, start: Start
) -> Baseline:
    """Return what the intact city serves, found with the same code and no hazard.

    Parameters
    ----------
    compiled : CompiledNetwork
    graphs : dict of str to SectorGraph
    layout : ServiceLayout
    start : {"all_up", "all_down"}

    Notes
    -----
    Buffers do not count: what only a buffer keeps alive is a gap of the intact city.
    """
    plan = plan_event(
        compiled, np.zeros(compiled.n_asset), graphs=graphs, seed=0, family="", start=start, buffers=False
    )
    cascade = Cascade(compiled, plan)
    cascade.sample(0)
    cascade.solve_from(start)
    down = ~(cascade.up == ONES).all(axis=1)
    return Baseline(down=np.asarray(down), served=find_served(compiled, layout, cascade.up))


def prepare_event(
    city: City,
    event: int,
    failure_probability: NDArray[np.float64],
    *,
    family: str,
    depth: NDArray[np.float64] | None = None,
    restored_hours: NDArray[np.float64] | None = None,
) -> EventTask:
    """Return the event as a task.

    Parameters
    ----------
    city : City
    event : int
    failure_probability : (n_asset,) float64
    family : str
        Event family; its events share their random numbers.
    depth : (n_asset,) float64, optional, m
        Water at each asset.
    restored_hours : (n_asset,) float64, optional, h
        After the peak, from when on an asset is back in function that the hazard put out; infinite without.
    """
    plan = plan_event(
        city.compiled, failure_probability, graphs=city.graphs, seed=city.seed, family=family, depth=depth,
        start=city.start, horizon_hours=0.0 if city.grid is None else float(city.grid.minute[-1]) / 60,
    )  # fmt: skip
    restored = np.full(plan.failing.size, _NEVER)
    if restored_hours is not None:
        minute = np.ceil(restored_hours[plan.failing] * 60)
        restored = np.where(minute < _NEVER, minute, _NEVER).astype(np.int32)
    can_be_down = np.zeros(city.compiled.n_asset, bool)
    can_be_down[plan.affected] = True
    can_be_down |= city.baseline.down
    return EventTask(event, plan, plan_services(city.layout, can_be_down), restored)


def solve_block(city: City, task: EventTask, first_word: int, n_words: int) -> BlockSums:
    """Return the sums of `n_words` words of samples of one event.

    Parameters
    ----------
    city : City
    task : EventTask
    first_word : int
        A multiple of 8.
    n_words : int
        A multiple of 8, 64 samples each.
    """
    compiled, plan = city.compiled, task.plan
    states = States(city, task)
    cascade = states.cascade
    causes = CauseCounter(cascade, city.baseline.down)
    services = ServiceCounter(compiled, task.services, city.baseline.served, causes.root_sectors.size)
    n_service = len(city.layout.names)
    people = np.empty((n_service, n_words * 64), np.int64)
    failed = np.zeros(plan.failing.size, np.int64)
    loss_failed = np.zeros((n_service, plan.failing.size), np.int64)
    loss_square_failed = np.zeros((n_service, plan.failing.size), np.int64)
    loss_square = np.zeros(n_service, np.int64)
    total = np.maximum(city.people, 1)[:, np.newaxis]
    later = None if city.grid is None else Later(city, city.grid, causes, n_words * 64)
    for group in range(n_words // WORDS):
        here = slice(group * SAMPLES, (group + 1) * SAMPLES)
        for point in states.run(first_word + group * WORDS):
            services.meet(cascade.up, plan.buffer_row, cascade.buffered)
            if later is not None and point:
                later.count(point, here, causes, services)
                continue
            causes.count()
            count_samples(cascade.failed, failed)
            roots = need_roots = None
            if city.with_roots:
                causes.trace()
                roots, need_roots = causes.roots, causes.zone_roots(services.met)
            services.count(cascade.up, roots, need_roots)
            people[:, here] = services.people
            squares = (services.people * _SQUARE_STEPS // total) ** 2
            loss_square += squares.sum(axis=1)
            for service in range(n_service):
                sum_over_failures(cascade.failed, services.people[service], loss_failed[service])
                sum_over_failures(cascade.failed, squares[service], loss_square_failed[service])
    sums = BlockSums(
        people=people,
        failed=failed,
        causes=causes.causes[plan.affected],
        root_shares=causes.root_shares[plan.affected],
        zone_samples=services.sums.zone_samples,
        zone_roots=services.sums.zone_roots,
        root_people=services.sums.root_people,
        loss_failed=loss_failed.T.copy(),
        loss_square_failed=loss_square_failed.T.copy(),
        loss_square=loss_square,
        root_sectors=causes.root_sectors,
    )
    if later is not None:
        sums.over_time = later.join(sums, plan.affected)
    return sums


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
    """

    def __init__(self, city: City, task: EventTask) -> None:
        self._start = city.start
        self._timeline = None
        if city.grid is None:
            self.cascade = Cascade(city.compiled, task.plan)
        else:
            self._timeline = Timeline(city.compiled, task.plan, city.grid, start=city.start)
            self.cascade = self._timeline.cascade
            self._restored = np.repeat(task.restored[:, np.newaxis], SAMPLES, axis=1)

    def run(self, first_word: int) -> Iterator[int]:
        """Yield 0, and the number of every further point of a grid, each while its state is in `cascade`."""
        if self._timeline is None:
            self.cascade.sample(first_word)
            self.cascade.solve_from(self._start)
            yield 0
        else:
            self._timeline.sample(first_word)
            yield from self._timeline.run(self._restored)


class Later:
    """Sums over a time grid; what belongs to its first point is taken from the sums at the peak.

    Parameters
    ----------
    city : City
    grid : TimeGrid
    causes : CauseCounter
    n_sample : int
    """

    def __init__(self, city: City, grid: TimeGrid, causes: CauseCounter, n_sample: int) -> None:
        n_service, n_root = len(city.layout.names), causes.root_sectors.size
        self._with_roots = city.with_roots
        self._step = grid.step
        self._services = [
            ServiceSums.zeros(city.compiled.n_zone, n_service, n_root) for _ in range(self._step.size - 1)
        ]
        self._people = np.zeros((self._step.size, n_service), np.int64)
        self._sample_minutes = np.zeros((n_service, n_sample), np.int64)
        self._cause_minutes = np.zeros_like(causes.causes)
        self._root_minutes = np.zeros_like(causes.root_shares)

    def count(self, point: int, here: slice, causes: CauseCounter, services: ServiceCounter) -> None:
        """Add the state of a grid point after the first."""
        minutes = int(self._step[point])
        causes.count(self._cause_minutes, weight=minutes)
        roots = need_roots = None
        if self._with_roots:
            causes.trace(self._root_minutes, weight=minutes)
            roots, need_roots = causes.roots, causes.zone_roots(services.met)
        services.count(causes.cascade.up, roots, need_roots, into=self._services[point - 1])
        self._people[point] += services.people.sum(axis=1)
        self._sample_minutes[:, here] += services.people * minutes

    def join(self, peak: BlockSums, affected: NDArray[np.int32]) -> TimeSums:
        """Return the sums of all points."""
        first = int(self._step[0])
        self._people[0] = peak.people.sum(axis=1)
        return TimeSums(
            sample_minutes=self._sample_minutes + peak.people * first,
            people=self._people,
            zone_samples=np.stack([peak.zone_samples, *(sums.zone_samples for sums in self._services)]),
            root_people=np.stack([peak.root_people, *(sums.root_people for sums in self._services)]),
            cause_minutes=self._cause_minutes[affected] + peak.causes * first,
            root_minutes=self._root_minutes[affected] + peak.root_shares * first,
        )


def square_step(city: City) -> NDArray[np.float64]:
    """Return what one step of a sum of squares is worth, in people squared, ``(n_service,) float64``."""
    return (np.maximum(city.people, 1) / PERSON / _SQUARE_STEPS) ** 2


@dataclass(frozen=True)
class Block:
    """One task of a run.

    Parameters
    ----------
    task : EventTask
    number : int
        Of the block within its event.
    first_word, n_words : int
    """

    task: EventTask
    number: int
    first_word: int
    n_words: int


def cut_blocks(task: EventTask, n_samples: int, block_samples: int) -> list[Block]:
    """Return the blocks of an event; the last may be shorter.

    Examples
    --------
    >>> [block.n_words for block in cut_blocks(None, 2560, 1024)]
    [16, 16, 8]
    """
    words, size = n_samples // 64, block_samples // 64
    return [Block(task, number, first, min(size, words - first)) for number, first in enumerate(range(0, words, size))]


def run_blocks(
    city: City,
    blocks: Sequence[Block],
    *,
    workers: int,
    take: Callable[[Block, BlockSums], None],
    solve: Callable[..., BlockSums] = solve_block,
) -> None:
    """Solve every block with Dask threads and hand it to `take` with its sums.

    Parameters
    ----------
    city : City
    blocks : sequence of Block
    workers : int
        Threads; kernels release the interpreter lock.
    take : callable
        Called in the order of the blocks, one call at a time, from any of the threads.
    solve : callable
        As :func:`solve_block`.

    Notes
    -----
    A thread that is done starts the next block while others go on: blocks of events with few failures take a tenth of
    the time of others. No block starts more than two per thread ahead of the one that is taken next, so memory does
    not grow with the number of samples.
    """

    def solve_one(block: Block, _free: None = None) -> BlockSums:
        return solve(city, block.task, block.first_word, block.n_words)

    def take_one(block: Block, sums: BlockSums, _before: None = None) -> None:
        take(block, sums)

    # A graph by hand: collections of Dask would copy it at every block.
    graph: dict[tuple[str, int], tuple[Any, ...]] = {}
    for number, block in enumerate(blocks):
        free = [("taken", number - 2 * workers)] if number >= 2 * workers else []
        before = [("taken", number - 1)] if number else []
        graph["solved", number] = (partial(solve_one, block), *free)
        graph["taken", number] = (partial(take_one, block), ("solved", number), *before)
    if blocks:
        dask.threaded.get(graph, ("taken", len(blocks) - 1), num_workers=workers)


def simulate(
    city: City,
    tasks: Sequence[EventTask],
    *,
    n_samples: int,
    block_samples: int,
    workers: int,
    on_block: Callable[[Block, BlockSums], None],
    progress: Callable[[int, int], None] | None = None,
) -> list[BlockSums]:
    """Return the sums of every event over all its samples; people per sample go to `on_block`.

    Parameters
    ----------
    city : City
    tasks : sequence of EventTask
    n_samples, block_samples : int
        Multiples of 512.
    workers : int
    on_block : callable
        Called with every block and its sums, in order, one call at a time.
    progress : callable, optional
        Called with the number of finished blocks and of all blocks.
    """
    blocks = [block for task in tasks for block in cut_blocks(task, n_samples, block_samples)]
    total: dict[int, BlockSums] = {}
    done = 0

    def take(block: Block, sums: BlockSums) -> None:
        nonlocal done
        on_block(block, sums)
        if block.task.event in total:
            total[block.task.event].add(sums)
        else:
            total[block.task.event] = sums
        done += 1
        if progress is not None:
            progress(done, len(blocks))

    run_blocks(city, blocks, workers=workers, take=take)
    return [total[task.event] for task in tasks]
