"""A run: every event's blocks solved, and added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resilience.engine.blocks import Block, Pool, Take, cut_blocks
from resilience.engine.city import City, EventTask
from resilience.engine.sums import BlockSums


def simulate(
    city: City,
    tasks: Sequence[EventTask],
    *,
    n_samples: int,
    block_samples: int,
    pool: Pool,
    on_block: Take,
    progress: Callable[[int, int], None] | None = None,
) -> list[BlockSums]:
    """Return the sums of every event over all its samples; people per sample go to `on_block`.

    Parameters
    ----------
    city : City
    tasks : sequence of EventTask
    n_samples, block_samples : int
        Multiples of 512.
    pool : Pool
    on_block : callable
        Called with every block and its sums, in any order, one call at a time.
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

    pool.run(city, blocks, take)
    return [total[task.event] for task in tasks]
