"""The samples of a run, part by part, and what a run directory keeps of them on the way."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from resilience.engine import (
    Block,
    BlockSums,
    City,
    EventTask,
    Pool,
    choose_block_samples,
    cut_blocks,
    form_of_sums,
    list_arrays,
    simulate,
    sums_of,
)
from resilience.errors import count_of
from resilience.ledger import Form, Ledger, Part
from resilience.run_log import RunLog
from resilience.scenario import Scenario

Progress = Callable[[int, int], None]
MAIN = "run"
"""The part whose progress is told: how many blocks branches, options and pairs have is known only after it."""
# A task of a second or more on a city of 100,000 assets; a small city gets the same, its tasks are short anyway.
BLOCK_SAMPLES = 4096


def block_samples(scenario: Scenario) -> int:
    """Return how many samples a block has."""
    return min(scenario.monte_carlo.block or BLOCK_SAMPLES, scenario.monte_carlo.samples)


def fit_blocks(scenario: Scenario, city: City, tasks: Sequence[EventTask], *, least: int, processes: int | None) -> int:
    """Return how many samples a block has; where nobody said so and it goes to processes, as many as take a second."""
    counts = scenario.monte_carlo
    if counts.block is not None or counts.tolerance is not None or processes is None:
        return least
    return choose_block_samples(city, tasks, n_samples=counts.samples, least=least, workers=processes)


class PartRecord:
    """The blocks of one part, as the engine keeps and reads them.

    Parameters
    ----------
    part : Part
    form : callable
        Returns the form of a block's sums.
    on_keep : callable
        Called with each block that is kept.
    """

    def __init__(self, part: Part, *, form: Callable[[Block], Form], on_keep: Callable[[Block], None]) -> None:
        self._part = part
        self._form = form
        self._on_keep = on_keep

    def read(self, block: Block) -> BlockSums | None:
        """Return what was kept; what is damaged is told and as if it were not there."""
        form = partial(self._form, block)
        arrays = self._part.read(block.task.event, block.number, **_samples(block), form=form)
        for line in self._part.damaged:
            warnings.warn(f"{line}: the block is solved again", RuntimeWarning, stacklevel=2)
        self._part.damaged.clear()
        return None if arrays is None else sums_of(arrays)

    def keep(self, block: Block, sums: BlockSums) -> None:
        """Keep a block."""
        self._part.keep(block.task.event, block.number, **_samples(block), arrays=list_arrays(sums))
        self._on_keep(block)


def _samples(block: Block) -> dict[str, int]:
    return {"first_sample": block.first_word * 64, "samples": block.n_words * 64}


def _forms(city: City) -> Callable[[Block], Form]:
    """Return what tells the form of the sums of blocks; of one event and length it is always the same."""
    known: dict[tuple[int, int], Form] = {}

    def form(block: Block) -> Form:
        key = block.task.event, block.n_words
        if key not in known:
            known[key] = form_of_sums(city, block.task, block.n_words)
        return known[key]

    return form


class Deadline:
    """Says when no more blocks are to be begun: where the next, half as long again as others took, would end too late.

    Parameters
    ----------
    seconds : float, optional
        From now; without, there is no end.
    workers : int
        Blocks that are solved at the same time.
    clock : callable
        Returns seconds; not that of the day, which can be set.

    Examples
    --------
    >>> now = iter([0.0, 1.0, 3.0, 7.0])
    >>> deadline = Deadline(10.0, clock=lambda: next(now))
    >>> deadline.leaves_time(), deadline.note_block(), deadline.leaves_time(), deadline.leaves_time()
    (True, None, True, False)
    """

    def __init__(self, seconds: float | None, *, workers: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds
        self._workers = workers
        self._first: float | None = None
        self._done = 0

    def leaves_time(self) -> bool:
        """Return whether a block may be begun; asked before each."""
        if self._end is None:
            return True
        now = self._clock()
        if self._first is None:
            self._first = now
        takes = 1.5 * (now - self._first) * self._workers / self._done if self._done else 0.0
        return now + takes < self._end

    def note_block(self) -> None:
        """Count a block that is done."""
        self._done += 1


class Sampler:
    """Solves the parts of a run, each with a record of its own where there is a run directory.

    Parameters
    ----------
    pool : Pool
    block_samples : int
    deadline : Deadline, optional
    progress : callable, optional
        Called with the number of finished blocks and of all blocks of the run itself.
    log : RunLog, optional
        Is told of every part, and of every block that is kept.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        block_samples: int,
        deadline: Deadline | None = None,
        progress: Progress | None = None,
        log: RunLog | None = None,
    ) -> None:
        self.pool = pool
        self.block_samples = block_samples
        self._ledger: Ledger | None = None
        self._deadline = deadline or Deadline(None)
        self._progress = progress
        self._log = log

    def keep_in(self, ledger: Ledger, *, block_samples: int) -> None:
        """Keep blocks of the size that a run has in its ledger from now on, and take from it what it has."""
        self._ledger = ledger
        self.block_samples = block_samples

    def solve(
        self,
        part: str,
        city: City,
        tasks: Sequence[EventTask],
        *,
        n_samples: int,
        on_block: Callable[[Block, BlockSums], None],
        title: str = "",
        first_sample: int = 0,
    ) -> list[BlockSums]:
        """Return the sums of every event over the samples from the first up to `n_samples`.

        Parameters
        ----------
        part : str
            Name of the part's folder.
        city, tasks, n_samples, on_block, first_sample
            As in :func:`resilience.engine.simulate`.
        title : str
            What the part is.
        """
        record = None
        n_block = sum(len(cut_blocks(task, n_samples, self.block_samples)) for task in tasks)
        if self._log is not None:
            told: dict[str, Any] = {"part": part, "blocks": n_block, "events": len(tasks), "samples": n_samples}
            self._log.tell("part_started", f"solving {title or part}: {count_of(n_block, 'block')}", **told)

        def note(block: Block) -> None:
            self._deadline.note_block()
            if self._log is not None:
                event, number = block.task.event, block.number
                line = f"block {number} of event {event} finished"
                self._log.tell("block_finished", line, part=part, hazard_event=event, block=number, **_samples(block))

        if self._ledger is not None:
            kept = self._ledger.part(part)
            kept.begin(title=title or part, blocks=n_block)
            record = PartRecord(kept, form=_forms(city), on_keep=note)
        return simulate(
            city, tasks, n_samples=n_samples, block_samples=self.block_samples, pool=self.pool, on_block=on_block,
            first_sample=first_sample, record=record, progress=self._progress if part == MAIN else None,
            more=self._deadline.leaves_time,
        )  # fmt: skip
