"""Blocks on processes and clusters: the same bits as on threads, whatever dies; and one clear error when all does."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import resilience
from resilience import pipeline
from resilience.cli import main
from resilience.engine import (
    Block,
    BlockSums,
    City,
    EventTask,
    Threads,
    choose_block_samples,
    list_arrays,
    open_pool,
    simulate,
    solve_block,
)
from resilience.engine.cluster import Cluster
from resilience.engine.connection import ENVIRONMENT, connect, start_workers
from resilience.engine.dispatch import MOST_DEATHS, Dispatch
from resilience.engine.versions import compare_versions, version_report
from resilience.errors import ClusterError, ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.ledger import Ledger
from resilience.resume import describe_code
from resilience.scenario import Scenario

pytestmark = pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels")

SAMPLES = 2048
ROOT = Path(__file__).parents[1]


def small_scenario(**more: Any) -> Scenario:
    return Scenario.from_dict(
        {"schema_version": 1, "name": "a", "network": {"synthetic": {"size": 600}},
         "monte_carlo": {"samples": SAMPLES}, "time": {"repair": {}}, "cascade": {"levels": {"water": "share"}},
         "risk": {"catalogue_years": 0}, "importance": {"top": 0}, **more}
    )  # fmt: skip


@pytest.fixture(scope="module")
def city() -> tuple[City, list[EventTask]]:
    scenario = small_scenario()
    inputs = pipeline.load_inputs(scenario)
    damaged, hourly = pipeline.expose_and_damage(inputs, scenario.heat)
    horizon = pipeline.plan_horizon(inputs, scenario, hourly)
    city, tasks = pipeline.prepare(inputs, damaged, scenario, horizon, None, hourly)
    return city, tasks[1::3]


def solved(city: tuple[City, list[EventTask]], pool: Any, block: int = 512, **how: Any) -> dict[str, Any]:
    """Return every array that the run gives, those of samples in order."""
    people: dict[tuple[int, int], Any] = {}

    def keep(block: Block, sums: BlockSums) -> None:
        assert (block.task.event, block.number) not in people, "taken twice"
        people[block.task.event, block.number] = sums.people.copy()
        if "on_block" in how:
            how["on_block"](block)

    sums = simulate(*city, n_samples=SAMPLES, block_samples=block, pool=pool, on_block=keep)
    found = {f"people {event}": np.concatenate([people[key] for key in sorted(people) if key[0] == event], axis=1)
             for event in {key[0] for key in people}}  # fmt: skip
    per_sample = ("people", "unserved", "over_time.sample_minutes", "over_time.unserved_minutes", "over_time.toll",
                  "over_time.worst", "over_time.worst_minute", "over_time.interrupted", "over_time.restored",
                  "access.people")  # fmt: skip
    for task, one in zip(city[1], sums, strict=True):
        found |= {f"{name} {task.event}": array for name, array in list_arrays(one).items() if name not in per_sample}
    return found


def assert_same_bits(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    other = [name for name in wanted if found[name].tobytes() != wanted[name].tobytes()]
    assert other == []


@pytest.fixture(scope="module")
def expected(city: tuple[City, list[EventTask]]) -> dict[str, Any]:
    return solved(city, Threads(1), block=SAMPLES)


class Server:
    """A scheduler by hand and its workers, processes that end with the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                                     "--dashboard-address", "127.0.0.1:0", "--idle-timeout", "300")  # fmt: skip
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""
        await_that(self._read_address, self.scheduler)

    def _read_address(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            self.address = json.loads(self._file.read_text())["address"]
        return bool(self.address)

    def _start(self, command: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", "--scheduler-file", str(self._file), *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, cwd=self._folder,
            )  # fmt: skip

    def add(self, count: int, **environment: str) -> list[subprocess.Popen[bytes]]:
        new = [
            self._start("dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
                        "--death-timeout", "60", **environment)
            for _ in range(count)
        ]  # fmt: skip
        self.workers += new
        return new

    def end(self) -> None:
        for process in (self.scheduler, *self.workers):
            process.kill()
        for process in (self.scheduler, *self.workers):
            process.wait(30)


def await_that(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert process is None or process.poll() is None, "it ended"
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


@contextlib.contextmanager
def serve(folder: Path, workers: int) -> Iterator[Server]:
    server = Server(folder)
    try:
        server.add(workers)
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("cluster"), 3) as server:
        with connect(server.address) as cluster:
            await_that(lambda: len(cluster._client.nthreads()) == 3)
        yield server


@pytest.fixture(scope="module")
def processes() -> Iterator[Cluster]:
    with start_workers(2) as cluster:
        yield cluster


# The same bits


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
    monkeypatch.setattr(pipeline, "BLOCK_SAMPLES", 512)
    scenario = small_scenario(
        branches=[{"name": "dear", "cost_factor": 2.0}], importance={"top": 1}, monte_carlo={"samples": 1024}
    )
    here = resilience.assess(scenario, threads=1).dataset
    there = resilience.assess(scenario, scheduler=by_hand.address, out=tmp_path / "run").dataset
    xr.testing.assert_identical(there, here)
    about = Ledger(tmp_path / "run").about()
    assert about is not None
    assert about["block"] == 1024, "blocks of a cluster are larger"
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


def with_solve(cluster: Cluster, solve: Any, **limits: float) -> Cluster:
    """Return the same workers with something else to do; a function inside another is sent by value."""
    other = Cluster(cluster._client, address="here", solve=solve, **limits)
    other.check()
    return other


# What is in flight


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_every_block_is_done_once_whatever_dies(seed: int, n_block: int) -> None:
    chance = random.Random(seed)
    dispatch = Dispatch(n_block)
    threads = {"a": 1, "b": 2}
    held: dict[str, list[int]] = {"a": [], "b": []}
    done: Counter[int] = Counter()
    while dispatch.waiting or dispatch.busy:
        for worker, count in threads.items():
            while (number := dispatch.give(worker, threads=count)) is not None:
                held[worker].append(number)
            assert len(held[worker]) <= count + 1
        assert sorted(dispatch.workers) == [worker for worker in held if held[worker]]
        worker = chance.choice(dispatch.workers)
        number = chance.choice(held[worker])
        match chance.randrange(8):
            case 0:
                assert dispatch.lose(worker) == held[worker]
                held[worker] = []
                continue
            case 1:
                dispatch.retry(worker, number)
            case _:
                dispatch.finish(worker, number)
                done[number] += 1
        held[worker].remove(number)
    assert done == Counter(range(n_block))


@given(st.integers(0, 9), st.integers(1, 3), st.integers(1, 3))
def test_the_block_that_kills_is_found_and_no_other(killer: int, workers: int, threads: int) -> None:
    dispatch = Dispatch(10)
    deaths = 0
    while deaths < 20:
        for worker in [f"{deaths}-{i}" for i in range(workers)] + dispatch.workers:
            while dispatch.give(worker, threads=threads) is not None:
                pass
        killed = next((worker for worker in dispatch.workers if killer in dispatch._at[worker]), None)
        if killed is None:
            worker = dispatch.workers[0]
            dispatch.finish(worker, dispatch._at[worker][0])
            continue
        deaths += 1
        guilty = dispatch.guilty(dispatch.lose(killed))
        if guilty is not None:
            break
    assert (guilty, deaths) == (killer, MOST_DEATHS)


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


# What dies


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


# Who may compute


def test_versions_are_compared_by_package_and_told_together() -> None:
    wanted = {"numba": "1", "numpy": "2"}
    found = {"a": {"numba": "1", "numpy": "3"}, "b": {"numba": "0", "numpy": "3"}, "c": dict(wanted)}
    assert [str(one) for one in compare_versions(wanted, found)] == [
        "numba: 1 of 3 workers have another (first: b has 0); wanted: 1 on every worker, as here",
        "numpy: 2 of 3 workers have another (first: a has 3, b has 3); wanted: 2 on every worker, as here",
    ]
    assert compare_versions(wanted, {"a": wanted}) == []


def test_the_report_follows_the_sources(tmp_path: Path) -> None:
    code = (
        "from resilience.engine.versions import version_report; from resilience.resume import describe_code;"
        "print(version_report()()['sources of resilience'], describe_code()['sources'])"
    )
    copy = tmp_path / "src" / "resilience"
    shutil.copytree(ROOT / "resilience", copy, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(copy.parent)}

    def report() -> list[str]:
        told = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return str(told.stdout).split()

    here = [version_report()()["sources of resilience"], describe_code()["sources"]]
    assert report() == here, "a checkout and an installed copy are the same"
    with (copy / "kernels" / "rows.py").open("a") as file:
        file.write("\n")
    assert all(changed != before for changed, before in zip(report(), here, strict=True))


def test_workers_with_another_version_are_refused(by_hand: Server, monkeypatch) -> None:
    monkeypatch.setattr(resilience, "__version__", "99.0")
    with pytest.raises(ClusterError, match=r"urban-resilience: 3 of 3 workers have another .*tcp://.* has 0\.1\.0"):
        connect(by_hand.address).__enter__()


def test_a_worker_of_another_environment_gets_no_block(city, expected, by_hand: Server, tmp_path: Path) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text("__version__ = '0.1'\n")
    with connect(by_hand.address) as cluster:
        (other,) = by_hand.add(1, PYTHONPATH=str(tmp_path))
        try:
            await_that(lambda: len(cluster._client.nthreads()) == 4, other)
            assert_same_bits(solved(city, cluster), expected)
            cluster._look(now=True)
            assert cluster.workers == 3
            with pytest.raises(ClusterError, match=r"numba: 1 of 4 workers have another \(first: tcp://.* has 0\.1\)"):
                connect(by_hand.address).__enter__()
        finally:
            other.kill()
        await_that(lambda: len(cluster._client.nthreads()) == 3)


# Processes of this machine


def test_processes_have_one_thread_each_and_do_not_change_this_one(city, processes: Cluster) -> None:
    def look(*_: Any) -> tuple[dict[str, str | None], str, int]:
        import multiprocessing

        import numba

        return dict(os.environ), multiprocessing.get_start_method(), numba.config.NUMBA_NUM_THREADS

    found: list[Any] = []
    with_solve(processes, look).run(city[0], [Block(city[1][0], 0, 0, 8)], lambda _, told: found.append(told))
    ((environment, method, threads),) = found
    assert {name: environment[name] for name in ENVIRONMENT} == ENVIRONMENT
    assert "MALLOC_TRIM_THRESHOLD_" not in environment
    assert threads == 1
    assert method == "spawn"


@pytest.mark.usefixtures("hears_interrupts")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_interrupted_ends_its_processes_without_a_word(number, code: int, tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "resilience.cli", "demo", "--size", "5000", "--out", str(tmp_path), "--workers", "1"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        await_that(lambda: any((tmp_path / "ledger").glob("*/*-*.json")), run)
        # As a terminal does, which interrupts all that stands in its foreground.
        (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
        _, said = run.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    lines = [line for line in said.splitlines() if "blocks (" not in line]
    assert (run.returncode, lines) == (code, ["interrupted" if number == signal.SIGINT else "terminated"])


def test_many_processes_begin_on_an_empty_cache(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from resilience.kernels.compiler import CACHE_FOLDER;"
        "from resilience.kernels.curves import interpolate_curve, lognormal_probability;"
        "x, y = np.array([0.0, 1.0]), np.array([0.0, 3.0]);"
        "print(CACHE_FOLDER, interpolate_curve(0.5, 0, 2, x, y), lognormal_probability(1.0, 1.0, 0.5))"
    )
    environment = {**os.environ, "RESILIENCE_CACHE_DIR": str(tmp_path)}
    together = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=120) for process in together]
    assert [process.returncode for process in together] == [0] * 3, told
    assert len({out for out, _ in told}) == 1
    assert told[0][0].startswith(str(tmp_path).encode())
    assert told[0][0].endswith(b" 1.5 0.5\n")


# How it is asked for


def test_one_kind_of_pool_at_a_time() -> None:
    for wrong in ({"threads": 1, "workers": 1}, {"workers": 0}, {"threads": -1}, {"threads": 1, "dashboard": ":1"}):
        with pytest.raises(ConfigurationError), open_pool(**wrong):
            pass


@pytest.mark.parametrize("options", [
    ["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], ["--threads", "1", "--workers", "1"], ["--workers", "0"],
    ["--dashboard", ":1"], ["--scheduler", "x", "--dashboard", ":1"],
])  # fmt: skip
def test_options_that_contradict_are_wrong_usage(options: list[str], capsys) -> None:
    assert main(["demo", *options]) == 2
    assert "--" in capsys.readouterr().err


def test_an_option_goes_before_the_environment(monkeypatch, capsys) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "of-the-environment")
    assert main(["demo", "--size", "600"]) == 69
    assert "cluster of-the-environment: " in capsys.readouterr().err
    assert main(["demo", "--size", "600", "--scheduler", "of-the-option"]) == 69
    assert "cluster of-the-option: " in capsys.readouterr().err
    assert main(["demo", "--size", "600", "--threads", "1"]) == 0


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


def test_threads_do_not_import_distributed() -> None:
    code = "import sys, resilience.pipeline; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
