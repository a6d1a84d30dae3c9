"""Processes against each other, and what sending costs; the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.chain import prepared_city
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.engine import Pool, Threads, open_pool, simulate


def peak_of_workers() -> float:
    """Return the largest memory that any process started from here ever had, GB."""
    peaks = [0]
    for process in psutil.Process().children(recursive=True):
        status = Path(f"/proc/{process.pid}/status")
        if status.exists():
            peaks += [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return max(peaks) * 1024 / 1e9


@case("processes")
def processes(size: Size) -> Iterator[Contest | Row]:
    """Two processes against one, and one against a thread of this process: what sending costs."""
    n = size.of(tiny=600, quick=5_000, full=100_000)
    samples = size.of(tiny=512, quick=8192, full=32_768)
    block = size.of(tiny=512, quick=4096, full=16_384)
    city, tasks = prepared_city(n)

    def run(pool: Pool) -> NDArray[np.int64]:
        people: list[Any] = []
        sums = simulate(
            city, tasks, n_samples=samples, block_samples=block, pool=pool,
            on_block=lambda block, sums: people.append(((block.task.event, block.number), sums.people)),
        )  # fmt: skip
        people.sort(key=itemgetter(0))
        return np.concatenate([*(part.ravel() for _, part in people), *(part.failed for part in sums)])

    work = f"{n:,} assets, {len(tasks)} events x {samples:,} samples"
    same = np.testing.assert_array_equal
    with open_pool(workers=2) as two, open_pool(workers=1) as one:
        alone = Peer("one process", lambda: partial(run, one), 1, Goal(">=", 1.4), agree=same)
        yield Contest(f"2 processes, {work}", partial(run, two), 1, "run", (alone,), clock="wall")
        thread = Peer("a thread of this process", lambda: partial(run, Threads(1)), 1, Goal("<=", 1.05), agree=same)
        yield Contest(f"1 process, {work}", partial(run, one), 1, "run", (thread,), clock="wall")
        yield Row(f"a process, {work}: memory, GB", "2 GB", peak_of_workers(), Goal("<=", 2.0))
