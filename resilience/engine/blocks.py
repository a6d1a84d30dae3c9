"""What a run is cut into, and what solves the pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from resilience.engine.city import City, EventTask
from resilience.engine.sums import BlockSums

Take = Callable[["Block", BlockSums], None]
Solve = Callable[[City, EventTask, int, int], BlockSums]


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


class Pool(Protocol):
    """Solves blocks of samples, many at once."""

    @property
    def workers(self) -> int:
        """Blocks that are solved at the same time."""

    @property
    def remote(self) -> bool:
        """Whether blocks and their sums travel to other processes and back."""

    def run(self, city: City, blocks: Sequence[Block], take: Take, *, more: Callable[[], bool] = ...) -> None:
        """Solve every block and hand it to `take` with its sums.

        Parameters
        ----------
        city : City
        blocks : sequence of Block
        take : callable
            Called with each block and its sums as soon as they are there, in any order, one call at a time, from any
            thread. What it raises ends the run.
        more : callable
            Asked before a block is begun; once it says no, none is begun any more and those that were are taken.
        """


class Record(Protocol):
    """Keeps the sums of finished blocks."""

    def read(self, block: Block) -> BlockSums | None:
        """Return what was kept of a block; None where nothing was."""

    def keep(self, block: Block, sums: BlockSums) -> None:
        """Keep the sums of a block."""


def cut_blocks(task: EventTask, n_samples: int, block_samples: int, *, first_sample: int = 0) -> list[Block]:
    """Return the blocks of an event's samples from the first up to `n_samples`; the last may be shorter.

    Parameters
    ----------
    task : EventTask
    n_samples, block_samples : int
        Multiples of 512.
    first_sample : int
        A multiple of `block_samples`.

    Examples
    --------
    >>> [block.n_words for block in cut_blocks(None, 2560, 1024)]
    [16, 16, 8]
    >>> [block.number for block in cut_blocks(None, 2560, 1024, first_sample=1024)]
    [1, 2]
    """
    words, size = n_samples // 64, block_samples // 64
    firsts = range(first_sample // 64, words, size)
    return [Block(task, first // size, first, min(size, words - first)) for first in firsts]
