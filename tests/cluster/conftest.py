"""Clusters that the tests of this folder share, and what they solve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from resilience import pipeline
from resilience.engine import City, EventTask, Threads
from resilience.engine.cluster import Cluster
from resilience.engine.connection import connect, start_workers
from tests.cluster.runs import SAMPLES, small_scenario, solved
from tests.cluster.servers import Server, await_that, serve


@pytest.fixture(scope="session")
def city() -> tuple[City, list[EventTask]]:
    scenario = small_scenario()
    inputs = pipeline.load_inputs(scenario)
    damaged, hourly = pipeline.expose_and_damage(inputs, scenario.heat)
    horizon = pipeline.plan_horizon(inputs, scenario, hourly)
    city, tasks = pipeline.prepare(inputs, damaged, scenario, horizon, None, hourly)
    return city, tasks[1::3]


@pytest.fixture(scope="session")
def expected(city: tuple[City, list[EventTask]]) -> dict[str, Any]:
    return solved(city, Threads(1), block=SAMPLES)


@pytest.fixture(scope="session")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("cluster"), 3) as server:
        with connect(server.address) as cluster:
            await_that(lambda: len(cluster._client.nthreads()) == 3)
        yield server


@pytest.fixture(scope="session")
def processes() -> Iterator[Cluster]:
    with start_workers(2) as cluster:
        yield cluster
