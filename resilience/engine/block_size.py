"""How many samples a block is to have, so that sending it and its sums takes little beside solving it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from resilience.engine.block import solve_block
from resilience.engine.city import City, EventTask
from resilience.engine.sums import list_arrays
from resilience.kernels.rows import SAMPLES, WORDS

MOST_SAMPLES = 65_536
BLOCK_SECONDS = 1.0
BLOCK_BYTES = 64 << 20
BLOCKS_PER_WORKER = 4


def choose_block_samples(
    city: City,
    tasks: Sequence[EventTask],
    *,
    n_samples: int,
    least: int,
    workers: int,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Return the samples of a block that takes a second: `least` times a power of two.

    Parameters
    ----------
    city : City
    tasks : sequence of EventTask
        The one with a middling number of assets that can fail is timed, over 512 samples.
    n_samples : int
        Of each event.
    least : int
        What a block has at least.
    workers : int
        Blocks that are solved at the same time; four for each are left, if that is possible.
    clock : callable
        Returns seconds.

    Notes
    -----
    At most 65,536 samples, and 64 MB of sums. The choice changes no result.
    """
    if not tasks or least >= n_samples:
        return least
    middle = sorted(tasks, key=lambda task: task.plan.failing.size)[len(tasks) // 2]
    # Once untimed: kernels are loaded, or compiled.
    solve_block(city, middle, 0, WORDS)
    began = clock()
    sums = solve_block(city, middle, 0, WORDS)
    seconds = clock() - began
    per_sample = sum(array.nbytes for array in list_arrays(sums).values() if array.shape[-1:] == (SAMPLES,)) / SAMPLES

    def fits(size: int) -> bool:
        enough = len(tasks) * -(-n_samples // size) >= BLOCKS_PER_WORKER * workers
        return size <= min(MOST_SAMPLES, n_samples) and size * per_sample <= BLOCK_BYTES and enough

    size = least
    while size / SAMPLES * seconds < BLOCK_SECONDS and fits(2 * size):
        size *= 2
    return size
