"""A whole city: two threads against one, and where the time of a run goes."""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience import pipeline
from resilience.engine import BlockSums, City, EventTask, simulate

STAGES = (
    "load_inputs", "expose_and_damage", "weigh_events", "prepare", "run_samples", "label_sums", "add_annual", "exceed",
    "rank_assets", "write_run",
)  # fmt: skip
SAMPLES = 4096


def prepared_city(n_asset: int, *, events: int | None = None) -> tuple[City, list[EventTask]]:
    """Return the synthetic city and its events, ready to be sampled."""
    scenario = pipeline.demo_scenario(size=n_asset, samples=512)
    inputs = pipeline.load_inputs(scenario)
    damaged = pipeline.expose_and_damage(inputs)
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

    def run(workers: int) -> NDArray[np.int64]:
        people: list[Any] = []
        sums: list[BlockSums] = simulate(
            city, tasks, n_samples=samples, block_samples=min(samples, pipeline.BLOCK_SAMPLES), workers=workers,
            on_block=lambda _, block: people.append(block.people),
        )  # fmt: skip
        return np.concatenate([np.concatenate(people, axis=1).ravel(), *(part.failed for part in sums)])

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


@case("chain")
def chain(size: Size) -> Iterator[Contest | Row]:
    """Every stage of a run at time zero, with what is written."""
    n = size.of(tiny=600, quick=5_000, full=100_000)
    samples = size.of(tiny=512, quick=512, full=SAMPLES)
    scenario = pipeline.demo_scenario(size=n, samples=samples)
    with tempfile.TemporaryDirectory() as folder:
        if size.name != "tiny":
            # Once small, so that no kernel is compiled on the clock.
            pipeline.assess(pipeline.demo_scenario(size=600, samples=512), out=Path(folder) / "warm")
        stop, memory = threading.Event(), [0]
        watch = threading.Thread(target=_peak_memory, args=(stop, memory))
        watch.start()
        started = time.perf_counter()
        with Stopwatch() as stopwatch:
            result = pipeline.assess(scenario, out=Path(folder) / "run")
        whole = time.perf_counter() - started
        stop.set()
        watch.join()
    events = result.dataset.sizes["event"]
    work = f"whole chain, {n:,} assets, {events} events x {samples:,} samples, time zero"
    shares = ", ".join(
        f"{name} {100 * seconds / whole:.0f} %"
        for name, seconds in sorted(stopwatch.wall.items(), key=lambda item: -item[1])
    )
    outside = {name: seconds for name, seconds in stopwatch.wall.items() if name != "run_samples"}
    worst = max(outside, key=lambda name: outside[name])
    yield Row(work, "every stage", note=shares, seconds=whole)
    yield Row(
        f"{work}: largest stage outside the kernels ({worst})", "wall time of the run", outside[worst] / whole,
        Goal("<=", 0.2),
    )  # fmt: skip
    yield Row(f"{work}: memory, GB", "2 GB", max(memory) / 1e9, Goal("<=", 2.0))
