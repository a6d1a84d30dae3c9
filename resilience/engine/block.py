"""One block of samples of one event: where the stages meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.cascade import CauseCounter
from resilience.engine.city import City, EventTask
from resilience.engine.over_time import AT_WORST, States, TimeCounter
from resilience.engine.sums import PER_SAMPLE, SQUARE_STEPS, BlockSums, list_arrays
from resilience.kernels.reduction import count_samples, sum_over_failures
from resilience.kernels.rows import SAMPLES, WORDS
from resilience.service import ServiceCounter


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
    further = frozenset().union(*task.services.slowed.values())
    slowed = {name: compiled.sectors.index(name) + task.water_root for name in further}
    scaled = {one.sector: compiled.sectors.index(one.sector) + task.factor_root for one in task.factors}
    causes = CauseCounter(cascade, city.baseline.down, sorted({*slowed.values(), *scaled.values()}), scaled)
    slowed_root = {name: int(np.searchsorted(causes.root_sectors, sector)) for name, sector in slowed.items()}
    services = ServiceCounter(
        compiled, task.services, city.baseline, causes.root_sectors.size, slowed_root, city.districts,
        fraction_row=None if city.levels is None else city.levels.provider_row,
    )  # fmt: skip
    n_service = len(city.layout.names)
    people = np.empty((n_service, n_words * 64), np.int64)
    failed = np.zeros(plan.failing.size, np.int64)
    loss_failed = np.zeros((n_service, plan.failing.size), np.int64)
    loss_square_failed = np.zeros((n_service, plan.failing.size), np.int64)
    loss_square = np.zeros(n_service, np.int64)
    unserved = np.empty((len(city.supplied), n_words * 64))
    total = np.maximum(city.people, 1)[:, np.newaxis]
    peak = AT_WORST if city.grid is not None and task.begins_before_peak else 0
    over_time = None
    if city.grid is not None:
        over_time = TimeCounter(
            city, city.grid, causes, services, states.levels, n_words * 64, from_peak=peak == 0, toll=task.toll
        )  # fmt: skip
    for group in range(n_words // WORDS):
        here = slice(group * SAMPLES, (group + 1) * SAMPLES)
        for point, stands in states.run(first_word + group * WORDS):
            services.meet(
                cascade.up, plan.buffer_row, cascade.buffered, water=states.water(point, stands=stands),
                fraction=states.levels.fraction(),
            )  # fmt: skip
            if over_time is not None and not stands:
                services.look(cascade.up)
                over_time.course.begin_step(point, here, services.people)
                continue
            if over_time is not None and point != peak:
                over_time.count(point, here)
                continue
            causes.count()
            count_samples(cascade.failed, failed)
            roots = need_roots = None
            if city.with_roots:
                causes.trace()
                roots = causes.roots
                need_roots = causes.zone_roots(services.met, states.levels.reduced(services.reduced))
            services.count(cascade.up, roots, need_roots)
            services.count_access()
            people[:, here] = services.people
            unserved[:, here] = states.levels.unserved(city.baseline.gap)
            if over_time is not None and peak == 0:
                over_time.see(0, here)
            squares = (services.people * SQUARE_STEPS // total) ** 2
            loss_square += squares.sum(axis=1)
            for service in range(n_service):
                sum_over_failures(cascade.failed, services.people[service], loss_failed[service])
                sum_over_failures(cascade.failed, squares[service], loss_square_failed[service])
        if over_time is not None:
            over_time.course.close(here)
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
        access=services.access,
        unserved=unserved,
    )
    if over_time is not None:
        sums.over_time = over_time.join(sums, plan.affected)
    return sums


def form_of_sums(city: City, task: EventTask, n_words: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return type and shape of every array of a block's sums, by the names of :func:`list_arrays`; solves nothing.

    Parameters
    ----------
    city, task, n_words
        As in :func:`solve_block`.
    """
    found = {}
    for name, array in list_arrays(solve_block(city, task, 0, 0)).items():
        by_sample = name in PER_SAMPLE and not (name == "over_time.toll" and task.toll is None)
        found[name] = array.dtype, (*array.shape[:-1], n_words * 64) if by_sample else array.shape
    return found
