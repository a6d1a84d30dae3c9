"""A whole city: two threads against one, and where the time of a run goes."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience import pipeline, sampling
from resilience.engine import BlockSums, City, EventTask, Threads, simulate
from resilience.pipeline import demo_scenario
from resilience.scenario import Scenario

STAGES = (
    "load_inputs", "expose_and_damage", "weigh_events", "prepare", "run_samples", "label_sums", "add_annual", "exceed",
    "rank_assets", "write_run",
)  # fmt: skip
SAMPLES = 4096


def prepared_city(n_asset: int, *, events: int | None = None) -> tuple[City, list[EventTask]]:
    """Return the synthetic city and its events, ready to be sampled."""
    scenario = pipeline.demo_scenario(size=n_asset, samples=512)
    inputs = pipeline.load_inputs(scenario)
    damaged, _ = pipeline.expose_and_damage(inputs)
    if events is not None:
        damaged = damaged.isel(event=np.linspace(0, damaged.sizes["event"] - 1, events).astype(int))
    return pipeline.prepare(inputs, damaged, scenario)


@case("threads")
def threads(size: Size) -> Iterator[Contest | Row]:
    """Dask with two threads against one; the same numbers."""
    n = size.of(tiny=600, quick=5_000, full=100_000)
    # Every event, as in a run: one takes six times as long as another, and two alone could not share the work evenly.
    city, tasks = prepared_city(n)
    samples = size.of(tiny=512, quick=4096, full=SAMPLES)

    def run(n_thread: int) -> NDArray[np.int64]:
        people: list[Any] = []
        sums: list[BlockSums] = simulate(
            city, tasks, n_samples=samples, block_samples=min(samples, sampling.BLOCK_SAMPLES), pool=Threads(n_thread),
            on_block=lambda block, sums: people.append(((block.task.event, block.number), sums.people)),
        )  # fmt: skip
        people.sort(key=itemgetter(0))
        joined = np.concatenate([part for _, part in people], axis=1)
        return np.concatenate([joined.ravel(), *(part.failed for part in sums)])

    peer = Peer("one thread", lambda: partial(run, 1), 1, Goal(">=", 1.4), agree=np.testing.assert_array_equal)
    yield Contest(
        f"Dask, 2 threads, {n:,} assets, {len(tasks)} events x {samples:,} samples",
        partial(run, 2),
        1,
        "run",
        (peer,),
        clock="wall",
    )


class Stopwatch:
    """Wall and CPU seconds spent in the stages of `pipeline.assess`."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self._kept = {name: getattr(pipeline, name) for name in STAGES}

    def __enter__(self) -> Stopwatch:
        for name, stage in self._kept.items():
            setattr(pipeline, name, partial(self._timed, name, stage))
        return self

    def __exit__(self, *_: object) -> None:
        for name, stage in self._kept.items():
            setattr(pipeline, name, stage)

    def _timed(self, name: str, stage: Any, *arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return stage(*arguments, **named)
        finally:
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - started


def _peak_memory(stop: threading.Event, found: list[int]) -> None:
    path = Path("/proc/self/statm")
    while path.exists() and not stop.wait(0.05):
        found.append(int(path.read_text().split()[1]) * resource.getpagesize())


class Measured(NamedTuple):
    """What one run took, and people without each service by event and sample."""

    people: xr.DataArray
    n_asset: int
    n_step: int
    wall: float
    cpu: float
    stages: dict[str, float]
    memory: float


def make_scenario(n_asset: int, samples: int, **time: Any) -> Scenario:
    """Return the scenario of the built-in city, over time where `time` says how."""
    scenario = demo_scenario(size=n_asset, samples=samples)
    told = scenario.model_dump(exclude_none=True, exclude_unset=True)
    return Scenario.from_dict({**told, **time})


def measure_run(size: Size, **time_section: Any) -> Measured:
    """Return what a run takes: seconds of wall and processors, of its stages, and its largest memory, GB.

    In a process of its own: what an earlier run left would count as memory of this one.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measure_here, size, time_section).result()


def _measure_here(size: Size, time_section: dict[str, Any]) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return _measure_in(Path(folder), size, time_section)


def _measure_in(folder: Path, size: Size, time_section: dict[str, Any]) -> Measured:
    if size.name != "tiny":
        # Once small, so that no kernel is compiled on the clock.
        pipeline.assess(make_scenario(600, 512, **time_section), out=folder / "warm")
    scenario = make_scenario(*chain_size(size), **time_section)
    stop, memory = threading.Event(), [0]
    watch = threading.Thread(target=_peak_memory, args=(stop, memory))
    watch.start()
    started, used = time.perf_counter(), time.process_time()
    with Stopwatch() as stopwatch:
        result = pipeline.assess(scenario, out=folder / "run")
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    stop.set()
    watch.join()
    ds = result.dataset
    return Measured(
        ds["people_without_service"].load(), ds.sizes["asset"], ds.sizes.get("time", 0), wall, cpu, stopwatch.wall,
        max(memory) / 1e9,
    )  # fmt: skip


def stage_rows(work: str, found: Measured) -> Iterator[Row]:
    """Yield where the time of a run went, its largest stage outside the kernels, and its memory."""
    shares = ", ".join(
        f"{name} {100 * seconds / found.wall:.0f} %"
        for name, seconds in sorted(found.stages.items(), key=lambda item: -item[1])
    )
    outside = {name: seconds for name, seconds in found.stages.items() if name != "run_samples"}
    worst = max(outside, key=lambda name: outside[name])
    yield Row(work, "every stage", note=shares, seconds=found.wall)
    title = f"{work}: largest stage outside the kernels ({worst})"
    yield Row(title, "wall time of the run", outside[worst] / found.wall, Goal("<=", 0.2))
    yield Row(f"{work}: memory, GB", "2 GB", found.memory, Goal("<=", 2.0))


def chain_size(size: Size) -> tuple[int, int]:
    """Return the number of assets and of samples."""
    return size.of(tiny=600, quick=5_000, full=100_000), size.of(tiny=512, quick=512, full=SAMPLES)


def work_of(found: Measured, how: str) -> str:
    """Return what was run, for the table."""
    sizes = found.people.sizes
    return f"whole chain, {found.n_asset:,} assets, {sizes['event']} events x {sizes['sample']:,} samples, {how}"


@case("chain")
def chain(size: Size) -> Iterator[Contest | Row]:
    """Every stage of a run at time zero, with what is written."""
    found = measure_run(size)
    yield from stage_rows(work_of(found, "time zero"), found)


@case("time_steps")
def time_steps(size: Size) -> Iterator[Contest | Row]:
    """The same run over twelve steps of a time grid, and the ends that fall between them, against time zero."""
    zero = measure_run(size)
    for name, section in (("", {}), (", with repair", {"repair": {}})):
        found = measure_run(size, time=section)
        np.testing.assert_array_equal(found.people, zero.people)
        work = work_of(found, f"{found.n_step} steps{name}")
        alone = found.stages["run_samples"] / zero.stages["run_samples"]
        yield Row(
            work, "the run at time zero, processor time", found.cpu / zero.cpu, Goal("<=", 8.0),
            f"its samples alone {alone:.1f}x", found.cpu,
        )  # fmt: skip
        yield from stage_rows(work, found)
