"""Blocks on the threads of this process, as Dask tasks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dask.threaded

from resilience.engine.block import solve_block
from resilience.engine.blocks import Block, Solve, Take
from resilience.engine.city import City


class Threads:
    """Threads of this process.

    Parameters
    ----------
    workers : int, optional
        By default the processors that this process may use.
    solve : callable, optional
        As :func:`solve_block`; kernels release the interpreter lock.

    Notes
    -----
    A thread that is done takes what it found and begins the next block, so no more blocks than threads are held at any
    time, whatever the number of samples. An error or an interrupt reaches the caller when the blocks that were begun
    have ended and are taken: nothing goes on behind it.
    """

    remote = False

    def __init__(self, workers: int | None = None, *, solve: Solve = solve_block) -> None:
        self.workers = workers or processors()
        self._solve = solve

    def run(self, city: City, blocks: Sequence[Block], take: Take, *, more: Callable[[], bool] = lambda: True) -> None:
        """As :meth:`resilience.engine.Pool.run`."""
        one_at_a_time, ending = threading.Lock(), threading.Event()

        def solve_one(block: Block) -> None:
            if ending.is_set() or not more():
                return
            sums = self._solve(city, block.task, block.first_word, block.n_words)
            with one_at_a_time:
                take(block, sums)

        # A graph by hand: collections of Dask would copy it at every block.
        graph = {("block", number): (partial(solve_one, block),) for number, block in enumerate(blocks)}
        if not graph:
            return
        with ThreadPoolExecutor(self.workers) as threads:
            try:
                dask.threaded.get(graph, list(graph), pool=threads)
            except BaseException:
                ending.set()
                raise


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
