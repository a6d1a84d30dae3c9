"""A run: every event's blocks solved, and added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resilience.engine.blocks import Block, Pool, Record, Take, cut_blocks
from resilience.engine.city import City, EventTask
from resilience.engine.sums import BlockSums
from resilience.errors import OutOfTimeError, Problem


def simulate(
    city: City,
    tasks: Sequence[EventTask],
    *,
    n_samples: int,
    block_samples: int,
    pool: Pool,
    on_block: Take,
    first_sample: int = 0,
    record: Record | None = None,
    progress: Callable[[int, int], None] | None = None,
    more: Callable[[], bool] = lambda: True,
) -> list[BlockSums]:
    """Return the sums of every event over its samples; people per sample go to `on_block`.

    Parameters
    ----------
    city : City
    tasks : sequence of EventTask
    n_samples, block_samples : int
        Multiples of 512.
    pool : Pool
    on_block : callable
        Called with every block and its sums, in any order, one call at a time.
    first_sample : int
        A multiple of `block_samples`.
    record : Record, optional
        Blocks that it has are not solved again; it gets the others as they end.
    progress : callable, optional
        Called with the number of finished blocks and of all blocks.
    more : callable
        Asked before a block is begun.

    Raises
    ------
    OutOfTimeError
        `more` said no before all blocks were begun.
    """
    blocks = [
        block for task in tasks for block in cut_blocks(task, n_samples, block_samples, first_sample=first_sample)
    ]
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

    def keep(block: Block, sums: BlockSums) -> None:
        if record is not None:
            record.keep(block, sums)
        take(block, sums)

    left = []
    for block in blocks:
        known = None if record is None else record.read(block)
        if known is None:
            left.append(block)
        else:
            take(block, known)
    pool.run(city, left, keep, more=more)
    if done < len(blocks):
        got = f"{done:,} of {len(blocks):,} blocks done"
        raise OutOfTimeError(Problem("time for the run", wanted="a later call, which goes on from here", got=got))
    return [total[task.event] for task in tasks]
