"""Blocks on threads: taken as they end, none begun once no more are wanted, an error ends the run."""

from __future__ import annotations

import threading
import time

import pytest

from resilience.engine import (
    Block,
    Threads,
    cut_blocks,
)


def test_a_block_that_is_solved_is_taken_while_another_goes_on() -> None:
    others, found = threading.Event(), []

    def solve(_city: object, _task: object, first: int, n: int) -> tuple[int, int]:
        if first == 0:
            assert others.wait(10)
        return first, n

    def take(block: Block, sums: tuple[int, int]) -> None:
        found.append((block.number, *sums))
        if len(found) == 8:
            others.set()

    Threads(3, solve=solve).run(None, cut_blocks(None, 512 * 9, 512), take)
    assert sorted(found) == [(i, 8 * i, 8) for i in range(9)]
    assert found[-1][0] == 0


def test_no_block_is_begun_once_no_more_are_wanted() -> None:
    begun, found = [], []

    def solve(_city: object, _task: object, first: int, _n: int) -> int:
        begun.append(first // 8)
        return first

    Threads(1, solve=solve).run(
        None, cut_blocks(None, 512 * 9, 512), lambda block, _: found.append(block.number), more=lambda: len(found) < 4
    )
    assert len(begun) == 4
    assert found == begun


def test_blocks_that_were_begun_are_taken_before_an_interrupt_reaches_the_caller() -> None:
    together, begun, found = threading.Barrier(3), [], []

    def solve(_city: object, _task: object, first: int, _n: int) -> None:
        begun.append(first // 8)
        if together.wait(10) == 0:
            begun.remove(first // 8)
            raise KeyboardInterrupt
        time.sleep(0.2)

    with pytest.raises(KeyboardInterrupt):
        Threads(3, solve=solve).run(None, cut_blocks(None, 512 * 9, 512), lambda block, _: found.append(block.number))
    assert len(begun) == 2
    assert sorted(found) == sorted(begun)


def test_what_goes_wrong_in_a_block_ends_the_run() -> None:
    def take(block: Block, _: object) -> None:
        if block.number == 2:
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        Threads(2, solve=lambda *_: None).run(None, cut_blocks(None, 512 * 9, 512), take)
