"""What a run would take: blocks, memory, disk and time, from a trial of few samples; nothing is written anywhere."""

from __future__ import annotations

import pickle
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from resilience.branches import check_branches
from resilience.engine import Block, City, EventTask, list_arrays, solve_block
from resilience.engine.blocks import Take
from resilience.engine.threads import processors
from resilience.errors import count_of
from resilience.hazard_error import check_errors
from resilience.inputs import load_inputs
from resilience.kernels.rows import SAMPLES
from resilience.ledger import pack
from resilience.options import check_options
from resilience.pipeline import solve, solve_branches, solve_options
from resilience.result import Result
from resilience.sampling import Sampler, block_samples, fit_blocks
from resilience.scenario import Scenario
from resilience.status import tell_seconds

# Bytes, as docs/performance.md tells; the others were measured with the built-in city, 5,000 to 100,000 assets. A test
# holds the memory of a small run to a fifth of what it really takes.
_FIGURES, _FIGURES_OVER_TIME = 8, 48  # per event, service and sample
_COPIES, _COPIES_OVER_TIME = 3, 9  # of the people of all samples, while figures and tables are made of them
_STATES, _CAUSES = 64, 8  # per asset and root, of a thread
_WRITING = 130  # per event and asset, while tables are written
_DISK, _DISK_OF_PAIR = 1.2e6, 60  # of a run directory; per event and asset, compressed, with its tables
_COMPRESSED = 0.02  # share of the figures of samples
_WRITING_SECONDS, _SECONDS_OF_PAIR = 0.5, 4e-6  # per event and asset
_MORE_THREADS = 0.6
_WORKER_IMPORTS = 0.8  # of what the packages of this process take


class Stopwatch:
    """A pool that solves one block after the other and notes what each takes.

    Parameters
    ----------
    fit : callable, optional
        Is given the city and its events before anything is solved, and returns the samples of a block.
    clock : callable
        Returns seconds.

    Attributes
    ----------
    block : int
        What `fit` returned; 0 without.
    seconds : list of float
        Of each block.
    bytes_of_record : int
        Of the largest block in a ledger.
    city, task : City and EventTask
        What a worker is sent; the largest event.
    """

    workers = 1
    remote = False

    def __init__(
        self,
        fit: Callable[[City, Sequence[EventTask]], int] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._fit = fit
        self._clock = clock
        self.block = 0
        self.seconds: list[float] = []
        self.bytes_of_record = 0
        self.city: City | None = None
        self.task: EventTask | None = None

    def run(self, city: City, blocks: Sequence[Block], take: Take, *, more: Callable[[], bool] = lambda: True) -> None:
        """As :meth:`resilience.engine.Pool.run`."""
        if self.city is None and blocks:
            self.city = city
            if self._fit is not None:
                self.block = self._fit(city, [block.task for block in blocks])
            # Kernels are loaded, or compiled, by the first block: that is not what a block takes.
            solve_block(city, blocks[0].task, blocks[0].first_word, blocks[0].n_words)
        for block in blocks:
            start = self._clock()
            sums = solve_block(city, block.task, block.first_word, block.n_words)
            self.seconds.append(self._clock() - start)
            record = len(pack(list_arrays(sums)))
            if record > self.bytes_of_record:
                self.bytes_of_record, self.task = record, block.task
            take(block, sums)


@dataclass(frozen=True)
class Plan:
    """What a run would take.

    Parameters
    ----------
    name : str
    assets, events, branches, options : int
    samples : int
        At most; with a tolerance it may end earlier.
    block : int
        Samples of a block.
    blocks : int
        Of the run, its branches, options and paired runs.
    workers : int
    processes : bool
        Whether the workers are processes of their own.
    seconds : float
        From the call to the end.
    memory : float
        Bytes of this process at most.
    worker_memory : float or None
        Bytes of each worker process.
    disk : float
        Bytes of the run directory.
    assumed : tuple of str
        What the figures rest on.
    """

    name: str
    assets: int
    events: int
    branches: int
    options: int
    samples: int
    block: int
    blocks: int
    workers: int
    processes: bool
    seconds: float
    memory: float
    worker_memory: float | None
    disk: float
    assumed: tuple[str, ...] = field(default_factory=tuple)

    def lines(self) -> list[str]:
        """Return lines for people."""
        workers = count_of(self.workers, "process" if self.processes else "thread")
        further = ((self.branches, "branch"), (self.options, "option"))
        told = "".join(f", {count_of(number, noun)}" for number, noun in further if number)
        assets, events = count_of(self.assets, "asset"), count_of(self.events, "event")
        lines = [
            f"{self.name}: {assets}, {events}{told}, {self.samples:,} samples each",
            f"blocks: {self.blocks:,} of {self.block:,} samples, on {workers}",
            f"memory: {tell_bytes(self.memory)}",
            f"disk: {tell_bytes(self.disk)}",
            f"time: about {tell_seconds(self.seconds)}",
        ]
        if self.worker_memory is not None:
            lines[2] += f", and {tell_bytes(self.worker_memory)} in each process"
        return [*lines, *(f"assumed: {one}" for one in self.assumed)]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as data; memory and disk in bytes."""
        return asdict(self)


def make_plan(
    scenario: Scenario, *, threads: int | None = None, workers: int | None = None, started: float | None = None
) -> Plan:
    """Return what a run of a scenario would take.

    Parameters
    ----------
    scenario : Scenario
    threads : int, optional
        Of this process; by default the processors that it may use.
    workers : int, optional
        Processes in the place of threads.
    started : float, optional
        When the call began, by :func:`time.perf_counter`: what it took until now a run takes too.

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        As the run would.

    Notes
    -----
    Inputs are read and every event is solved once with 512 samples, and all figures are made of them; what grows with
    samples and workers is added. So a plan takes as long as a run of 512 samples.
    """
    began, base = time.perf_counter() if started is None else started, _memory("VmRSS")
    counts = scenario.monte_carlo
    few = scenario.model_copy(
        update={"monte_carlo": counts.model_copy(update={"samples": SAMPLES, "block": None, "tolerance": None})}
    )
    inputs = load_inputs(few)
    check_branches(few.branches, inputs)
    check_options(few, inputs)
    check_errors(inputs, few)
    watch = Stopwatch(partial(fit_blocks, scenario, least=block_samples(scenario), processes=workers))
    sampler = Sampler(watch, block_samples=SAMPLES)
    result, _ = solve(few, inputs, sampler)
    if few.branches:
        solve_branches(few, inputs, sampler, samples=SAMPLES)
    if few.options:
        solve_options(few, inputs, sampler, result)
    trial = time.perf_counter() - began
    return _scale(
        scenario, result, watch, trial=trial, base=base, peak=_memory("VmHWM"), processes=workers is not None,
        workers=workers or threads or processors(),
    )  # fmt: skip


def _scale(
    scenario: Scenario,
    result: Result,
    watch: Stopwatch,
    *,
    trial: float,
    base: float,
    peak: float,
    processes: bool,
    workers: int,
) -> Plan:
    dataset, counts = result.dataset, scenario.monte_carlo
    samples, block = counts.samples, watch.block or block_samples(scenario)
    n_event, n_asset, n_service = (dataset.sizes[name] for name in ("event", "asset", "service"))
    n_root = dataset.sizes["root"]
    over_time = scenario.time is not None
    # Figures of every sample, and of the samples of a block of each event while it is added up.
    figure = n_event * n_service * (_FIGURES_OVER_TIME if over_time else _FIGURES)
    copies = 8 * n_event * n_service * (_COPIES_OVER_TIME if over_time else _COPIES)
    # What the run itself found stays beside what an option finds.
    held = 2 * figure if scenario.options else figure
    grown = (samples - SAMPLES) * (held + copies) + (block - SAMPLES) * figure
    thread = n_asset * (_STATES * (n_root + 6) + _CAUSES * n_root) * (2 if over_time else 1)
    city = len(pickle.dumps((watch.city, watch.task), protocol=5)) if processes else 0
    pairs = n_event * n_asset
    memory = peak + grown + _WRITING * pairs + (0 if processes else (workers - 1) * thread)
    n_block = -(-samples // block)
    speed = workers if processes else 1 + _MORE_THREADS * (workers - 1)
    solved = sum(watch.seconds)
    record = watch.bytes_of_record + _COMPRESSED * (block - SAMPLES) * figure / n_event
    return Plan(
        name=scenario.name,
        assets=n_asset,
        events=n_event,
        branches=len(scenario.branches),
        options=len(scenario.options),
        samples=samples,
        block=block,
        blocks=len(watch.seconds) * n_block,
        workers=workers,
        processes=processes,
        seconds=trial - solved + solved * samples / SAMPLES / speed + _WRITING_SECONDS + _SECONDS_OF_PAIR * pairs,
        memory=memory,
        worker_memory=_WORKER_IMPORTS * base + city + thread if processes else None,
        disk=_DISK + _DISK_OF_PAIR * pairs + _COMPRESSED * samples * figure + record * len(watch.seconds) * n_block,
        assumed=_assumed(scenario, workers=workers, processes=processes),
    )


def _assumed(scenario: Scenario, *, workers: int, processes: bool) -> tuple[str, ...]:
    told = [f"{SAMPLES} samples of every event take as long as any others of it, on a machine as busy as now"]
    if workers > 1 and not processes:
        told.append(f"each thread beyond the first does {_MORE_THREADS:g} of what one alone does")
    if processes:
        told.append("the cluster has what this machine has; its start is not counted")
        if scenario.monte_carlo.block is None and scenario.monte_carlo.tolerance is None:
            told.append(
                "a block takes a second, as timed now; a run times it anew, and may choose half or twice as many"
            )
    if scenario.monte_carlo.tolerance is not None:
        told.append("all samples are needed: with a tolerance the run may end earlier")
    return (*told, "disk: what arrays and tables of the built-in city are compressed to")


def tell_bytes(number: float) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> tell_bytes(2_500_000_000), tell_bytes(3_000_000)
    ('2.5 GB', '3 MB')
    """
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


def _memory(what: str) -> float:
    """Return the bytes that this process holds (`VmRSS`), or held at most (`VmHWM`)."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{what}:"):
                return 1024.0 * int(line.split()[1])
    # Where there is no such file, the most that was ever held stands for both; in kB but for macOS.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else 1024 * most)
