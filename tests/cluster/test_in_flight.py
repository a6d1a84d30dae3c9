"""What is under way at one time on a cluster, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

from resilience.engine import Block
from resilience.engine.cluster import Cluster
from resilience.engine.connection import connect
from resilience.kernels.compiler import INTERPRETED
from tests.cluster.runs import SAMPLES, solved
from tests.cluster.servers import Server, with_solve

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels"),
]


def test_no_more_is_in_flight_than_a_block_per_thread_and_one(city, by_hand: Server, monkeypatch) -> None:
    with connect(by_hand.address) as cluster:
        begun, taken, most = 0, 0, 0
        submit = cluster._client.submit

        def count(*arguments: Any, **named: Any) -> Any:
            nonlocal begun, most
            begun += 1
            most = max(most, begun - taken)
            return submit(*arguments, **named)

        def take(_block: Block) -> None:
            nonlocal taken
            taken += 1

        monkeypatch.setattr(cluster._client, "submit", count)
        solved(city, cluster, on_block=take)
        assert begun == taken == len(city[1]) * SAMPLES // 512
        assert 3 <= most <= 6


def test_none_is_begun_once_there_is_to_be_no_more(city, processes: Cluster) -> None:
    taken: list[Block] = []
    asked = 0

    def more() -> bool:
        nonlocal asked
        asked += 1
        return len(taken) < 3

    blocks = [Block(task, 0, 0, 8) for task in city[1] * 4]
    processes.run(city[0], blocks, lambda block, _: taken.append(block), more=more)
    assert 3 <= len(taken) <= 6
    processes.run(city[0], blocks, lambda block, _: taken.append(block), more=lambda: False)
    assert len(taken) <= 6


def test_what_a_block_or_its_taking_raises_ends_the_run(city, processes: Cluster) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("of a block")

    blocks = [Block(city[1][0], number, 0, 8) for number in range(6)]
    with pytest.raises(ZeroDivisionError, match="of a block"):
        with_solve(processes, fail).run(city[0], blocks, lambda *_: None)
    with pytest.raises(ZeroDivisionError, match="of a block"):
        processes.run(city[0], blocks, fail)
