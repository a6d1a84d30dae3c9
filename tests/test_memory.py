"""What a run keeps in memory, by the formula in docs/performance.md; never the memory of the whole process."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from resilience import pipeline
from resilience.annual import add_annual
from resilience.engine import Threads, simulate
from resilience.horizon import plan_horizon
from resilience.kernels.rows import SAMPLES, WORDS
from resilience.scenario import Scenario


def scenario(size: int, samples: int = 512) -> Scenario:
    told = pipeline.demo_scenario(size=size, samples=samples).model_dump(exclude_none=True, exclude_unset=True)
    return Scenario.from_dict({**told, "time": {"repair": {}}})


def prepared(size: int):
    asked = scenario(size)
    inputs = pipeline.load_inputs(asked)
    damaged, hourly = pipeline.expose_and_damage(inputs)
    return pipeline.prepare(inputs, damaged, asked, plan_horizon(inputs, asked, hourly), None, hourly)


def bytes_of(value) -> int:
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return value.nbytes if isinstance(value, np.ndarray) else 0


def peak_of(work) -> int:
    """Return the most bytes that work holds at one time beyond what there was before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("samples", [512, 1024])
def test_the_sums_of_an_event_follow_the_formula(samples):
    city, tasks = prepared(1500)
    sums = simulate(
        city, tasks, n_samples=samples, block_samples=512, pool=Threads(1), on_block=lambda *_: None
    )  # fmt: skip
    n_service, n_zone, n_step = len(city.layout.names), city.compiled.n_zone, city.grid.step.size
    for task, one in zip(tasks, sums, strict=True):
        affected, failing, roots = task.plan.affected.size, task.plan.failing.size, one.root_sectors.size
        assert affected < city.compiled.n_asset
        per_asset = 2 * affected * (2 + len(city.compiled.services) + roots) + failing * (1 + 2 * n_service)
        per_zone = n_zone * n_service * (1 + roots + n_step)
        per_step = n_service * n_step * (1 + roots)
        # People, hours, worst and interrupted are int64, the minute of the worst and of three levels int32.
        per_sample = 512 * (n_service * (4 + 4 / 2) + 2 * len(city.supplied))
        few = n_service * (2 + roots) + roots
        assert bytes_of(one) - bytes_of(one.access) <= 8 * (per_asset + per_zone + per_step + per_sample + few)


def test_repairs_are_scheduled_without_the_jobs_of_all_samples_at_once():
    _, tasks = prepared(5000)
    task = max(tasks, key=lambda one: int(one.plan.failing.size))
    recovery, plan = task.recovery, task.plan
    recovery.restored(plan, 0)
    damaged = recovery.damaged(plan, 0)
    in_word = np.bitwise_count(damaged[0]).sum(axis=0)
    rows = plan.failing.size * (4 * SAMPLES + 3 * 8 * WORDS * len(damaged) + 100)
    assert int(in_word.sum()) > 4 * plan.failing.size
    assert peak_of(lambda: recovery.restored(plan, 0)) <= rows + 110 * int(in_word.max()) + 100_000


def test_figures_per_year_copy_no_figures_of_assets_and_causes():
    dataset = pipeline.assess(scenario(3000)).dataset
    large = sum(dataset[name].nbytes for name in ("root_share", "down_count", "sum_loss_failed", "root_hours"))
    sampled = sum(one.nbytes for one in dataset.variables.values() if "sample" in one.dims)
    assert peak_of(lambda: add_annual(dataset)) < 4 * sampled + large / 2
