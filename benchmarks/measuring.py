"""Interleaved repetitions, process CPU time, medians; ratios only."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.registry import Contest, Peer, Row, Size, is_installed

CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


def processor() -> tuple[str, bool]:
    """Return the processor's name and whether it has AVX-512."""
    path = Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return (names[0] if names else "unknown processor", "avx512f" in text)


def seconds_of(run: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Return how long one run took."""
    started = clock()
    run()
    return clock() - started


def race(contest: Contest, size: Size, *, only: Callable[[Peer], bool] = lambda peer: True) -> Iterator[Row]:
    """Yield one row per peer of a contest.

    Every repetition runs this package and then every peer, so that a disturbance of the machine meets both.
    """
    clock = CLOCKS[contest.clock]
    answer = contest.run()
    runs: dict[str, Callable[[], Any]] = {}
    peers = [peer for peer in contest.peers if only(peer)]
    for peer in peers:
        if not is_installed(peer.module):
            continue
        run = peer.make()
        found = run()
        if peer.agree is not None:
            peer.agree(answer, found)
        runs[peer.name] = run
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    for repetition in range(size.repetitions):
        ours.append(seconds_of(contest.run, clock))
        for peer in peers:
            if peer.name in runs and repetition < (peer.repetitions or size.repetitions):
                theirs[peer.name].append(seconds_of(runs[peer.name], clock))
    own = median(ours) / contest.units
    for peer in peers:
        if peer.name not in runs:
            yield Row(contest.subject, peer.name, goal=peer.goal, note=f"{peer.module} is not installed")
            continue
        other = median(theirs[peer.name]) / peer.units
        faster = peer.goal is None or peer.goal.sense == ">="
        ratio = other / own if faster else own / other
        yield Row(contest.subject, peer.name, ratio, peer.goal, contest.note, own, other)


def measure(
    items: Iterable[Contest | Row], size: Size, *, only: Callable[[Peer], bool] = lambda peer: True
) -> Iterator[Row]:
    """Yield the rows of a case."""
    for item in items:
        if isinstance(item, Row):
            yield item
        else:
            yield from race(item, size, only=only)


def slowest_over_fastest(runs: Iterable[Callable[[], Any]], repetitions: int) -> tuple[float, float, list[float]]:
    """Return slowest / fastest of the medians, the fastest, and all medians in CPU seconds, of interleaved runs."""
    runs = list(runs)
    for run in runs:
        run()
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repetitions):
        for run, taken in zip(runs, times, strict=True):
            taken.append(seconds_of(run, time.process_time))
    medians = [median(taken) for taken in times]
    return max(medians) / max(min(medians), 1e-9), min(medians), medians
