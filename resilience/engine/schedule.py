"""The blocks of a run as Dask tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.threaded

from resilience.engine.block import solve_block
from resilience.engine.city import City, EventTask
from resilience.engine.sums import BlockSums


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
