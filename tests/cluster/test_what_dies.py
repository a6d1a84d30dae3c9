"""Workers, schedulers and whole clusters that die: blocks are done again, or one clear error tells it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xarray as xr

import resilience
from resilience.engine import Block, BlockSums, City, EventTask, open_pool, solve_block
from resilience.engine.cluster import Cluster
from resilience.engine.connection import connect
from resilience.errors import ClusterError
from resilience.kernels.compiler import INTERPRETED
from resilience.ledger import Ledger
from tests.cluster.runs import SAMPLES, assert_same_bits, small_scenario, solved
from tests.cluster.servers import Server, await_that, serve, with_solve

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels"),
]


def test_blocks_of_a_worker_that_is_killed_are_done_again(city, expected, by_hand: Server) -> None:
    def slow(city: City, task: EventTask, first: int, words: int) -> BlockSums:
        time.sleep(0.02)
        return solve_block(city, task, first, words)

    (fourth,) = by_hand.add(1)
    with connect(by_hand.address) as cluster:
        await_that(lambda: len(cluster._client.nthreads()) == 4)
        cluster = with_solve(cluster, slow)
        assert cluster.workers == 4
        seen = 0

        def kill(_block: Block) -> None:
            nonlocal seen
            seen += 1
            if seen == 8:
                fourth.kill()

        assert_same_bits(solved(city, cluster, on_block=kill), expected)
        assert fourth.wait(30) == -signal.SIGKILL
        assert cluster.workers == 3


def test_a_city_that_died_with_all_workers_is_sent_again(city, expected, processes: Cluster, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def solve(city: City, task: EventTask, first: int, words: int) -> BlockSums:
        (Path(folder) / str(os.getpid())).touch()
        return solve_block(city, task, first, words)

    killed: list[int] = []

    def kill(_block: Block) -> None:
        if not killed:
            killed.extend(int(path.name) for path in tmp_path.iterdir())
            for process in killed:
                os.kill(process, signal.SIGKILL)

    assert_same_bits(solved(city, with_solve(processes, solve), on_block=kill), expected)
    assert killed
    assert {int(path.name) for path in tmp_path.iterdir()} - set(killed)


def test_a_block_that_kills_its_worker_each_time_is_named(city, processes: Cluster) -> None:
    def solve(city: City, task: EventTask, first: int, words: int) -> BlockSums:
        if (task.event, first) == (4, 16):
            os.kill(os.getpid(), signal.SIGKILL)
        return solve_block(city, task, first, words)

    with pytest.raises(ClusterError, match=r"block 2 of event 4 \(samples 1,024 to 1,535\) kills them"):
        solved(city, with_solve(processes, solve))


def test_a_run_whose_scheduler_dies_keeps_its_blocks_and_goes_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("resilience.engine.connection.CONNECT_SECONDS", 2.0)
    monkeypatch.setattr("resilience.engine.cluster.SILENCE_SECONDS", 2.0)
    scenario = small_scenario(monte_carlo={"samples": SAMPLES, "block": 512})
    with serve(tmp_path, 1) as server:

        def kill(done: int, _total: int) -> None:
            if done == 5:
                server.scheduler.kill()

        began = time.monotonic()
        with pytest.raises(ClusterError, match=f"cluster {server.address}: the connection was lost; wanted: .*again"):
            resilience.assess(scenario, out=tmp_path / "run", progress=kill, scheduler=server.address)
        assert time.monotonic() - began < 60
    kept = len(list(Ledger(tmp_path / "run").part("run").records()))
    assert 5 <= kept <= 7
    told: list[int] = []
    again = resilience.assess(scenario, out=tmp_path / "run", progress=lambda done, _: told.append(done), threads=1)
    xr.testing.assert_identical(again.dataset, resilience.assess(scenario, threads=2).dataset)


def test_no_worker_is_waited_for_in_vain(city, tmp_path: Path) -> None:
    with serve(tmp_path, 0) as server:
        with pytest.raises(ClusterError, match=r"cluster tcp://.*: no worker; wanted: a worker within 1 s"):
            connect(server.address, start_seconds=1.0).__enter__()
        (only,) = server.add(1)
        wanted = pytest.raises(ClusterError, match="no worker for 1 s; wanted: workers; look why they ended")
        with connect(server.address, no_worker_seconds=1.0) as cluster, wanted:
            solved(city, cluster, on_block=lambda _: only.kill())


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{}", "nothing", "tcp://127.0.0.1:port", "tls://127.0.0.1:{}"])
def test_an_address_without_a_scheduler_is_told(address: str, monkeypatch) -> None:
    monkeypatch.setattr("resilience.engine.connection.CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # Something that is no scheduler and never says a word.
        address = address.format(taken.getsockname()[1])
        wanted = pytest.raises(ClusterError, match=f"cluster {address}: .*; wanted: the address of a Dask scheduler")
        with wanted, open_pool(scheduler=address):
            pass


def test_the_command_says_what_happened_when_its_scheduler_dies(tmp_path: Path) -> None:
    """No traceback and nothing that Dask logs stands on standard error."""
    with serve(tmp_path, 1) as server:
        run = subprocess.Popen(
            [sys.executable, "-m", "resilience.cli", "demo", "--size", "600", "--out", str(tmp_path / "run"),
             "--scheduler", server.address], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            await_that(lambda: any((tmp_path / "run" / "ledger").glob("*/*-*.json")), run)
            server.scheduler.kill()
            _, said = run.communicate(timeout=120)
        finally:
            run.kill()
    lines = [line for line in said.splitlines() if "blocks (" not in line]
    assert run.returncode == 69
    assert len(lines) == 2, said
    assert lines[0].startswith("the scheduler does not answer, it is waited for: ")
    assert lines[1].startswith(f"error: cluster {server.address}: ")
    logged = [json.loads(line) for line in (tmp_path / "run" / "logs" / "run.jsonl").read_text().splitlines()]
    assert any(line["logger"] == "resilience.engine.cluster" for line in logged)
    assert logged[-1]["event"] == "run_failed"
