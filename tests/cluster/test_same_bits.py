"""Blocks on processes and clusters: the same bits as on threads."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import resilience
from resilience import sampling
from resilience.engine import Block, City, EventTask, choose_block_samples, list_arrays, open_pool, solve_block
from resilience.engine.cluster import Cluster
from resilience.kernels.compiler import INTERPRETED
from resilience.ledger import Ledger
from resilience.plan import make_plan
from tests.cluster.runs import assert_same_bits, small_scenario, solved
from tests.cluster.servers import Server, with_solve

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels"),
]


def test_what_is_sent_to_workers_survives_it(city: tuple[City, list[EventTask]]) -> None:
    there, tasks = pickle.loads(pickle.dumps(city))
    for task, sent in zip(city[1][::2], tasks[::2], strict=True):
        ours, theirs = (list_arrays(solve_block(*one, 8, 16)) for one in ((city[0], task), (there, sent)))
        back = list_arrays(pickle.loads(pickle.dumps(solve_block(city[0], task, 8, 16))))
        assert_same_bits(theirs, ours)
        assert_same_bits(back, ours)


@pytest.mark.parametrize("block", [512, 1536, 8192])
def test_processes_give_the_bits_of_threads(city, expected, processes: Cluster, block: int) -> None:
    assert processes.workers == 2
    assert_same_bits(solved(city, processes, block=block), expected)


@pytest.mark.parametrize("block", [512, 2048])
def test_a_scheduler_with_three_workers_gives_the_bits_of_threads(city, expected, by_hand: Server, block: int) -> None:
    with open_pool(scheduler=by_hand.address) as pool:
        assert pool.workers == 3
        assert_same_bits(solved(city, pool, block=block), expected)


def test_a_whole_run_is_the_same_on_a_cluster(by_hand: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sampling, "BLOCK_SAMPLES", 512)
    scenario = small_scenario(
        branches=[{"name": "dear", "cost_factor": 2.0}], importance={"top": 1}, monte_carlo={"samples": 1024},
        options=[{"name": "high", "cost": 1, "life_years": 9, "changes": {"raise": {"kind": "substation"}, "by_m": 1}}],
    )  # fmt: skip
    here = resilience.assess(scenario, threads=1).dataset
    there = resilience.assess(scenario, scheduler=by_hand.address, out=tmp_path / "run").dataset
    xr.testing.assert_identical(there, here)
    about = Ledger(tmp_path / "run").about()
    assert about is not None
    assert about["block"] == 1024, "blocks of a cluster are larger"
    assert make_plan(scenario, workers=3).block == 1024
    told: list[tuple[int, int]] = []
    again = resilience.assess(scenario, threads=1, out=tmp_path / "run", progress=lambda *done: told.append(done))
    xr.testing.assert_identical(again.dataset, here)
    assert told[-1] == (13, 13), "blocks go on as they were begun"


@pytest.mark.parametrize(("seconds", "n_samples", "workers", "wanted"), [
    (0.01, 1 << 20, 2, 1 << 16), (0.05, 1 << 20, 2, 1 << 14), (0.2, 1 << 20, 2, 4096), (1e-6, 1 << 20, 2, 1 << 16),
    (1e-6, 1 << 14, 1, 1 << 14), (1e-6, 1 << 14, 2, 1 << 13), (1e-6, 1 << 14, 9, 4096), (1e-6, 2048, 1, 4096),
])  # fmt: skip
def test_blocks_that_travel_take_a_second(city, seconds: float, n_samples: int, workers: int, wanted: int) -> None:
    times = iter([0.0, seconds])
    size = choose_block_samples(
        *city, n_samples=n_samples, least=4096, workers=workers, clock=lambda: next(times)
    )  # fmt: skip
    assert size == wanted


def test_arrays_come_to_workers_as_they_are_here(city, processes: Cluster) -> None:
    """Kernels are compiled anew, for seconds, where an array is aligned or writeable otherwise."""

    def look(city: City, task: EventTask, _first: int, _words: int) -> list[tuple[str, bool, bool]]:
        import dataclasses

        def arrays(thing: Any, path: str) -> Iterator[tuple[str, bool, bool]]:
            if isinstance(thing, np.ndarray):
                yield path, thing.flags.aligned, thing.flags.writeable
            elif dataclasses.is_dataclass(thing):
                for field in dataclasses.fields(thing):
                    yield from arrays(getattr(thing, field.name), f"{path}.{field.name}")
            elif isinstance(thing, dict):
                for key, value in thing.items():
                    yield from arrays(value, f"{path}.{key}")
            elif isinstance(thing, (tuple, list)):
                for number, value in enumerate(thing):
                    yield from arrays(value, f"{path}.{number}")

        return [*arrays(city, "city"), *arrays(task, "task")]

    found: list[Any] = []
    blocks = [Block(task, 0, 0, 8) for task in city[1]]
    with_solve(processes, look).run(city[0], blocks, lambda block, told: found.append((block.task, told)))
    for task, told in found:
        assert told == look(city[0], task, 0, 8)
        assert len(told) > 100
