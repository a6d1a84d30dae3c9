"""Processes of this machine: one thread each, and gone with the run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from resilience.cli import main
from resilience.engine import Block, connection
from resilience.engine.cluster import Cluster
from resilience.engine.connection import ENVIRONMENT, start_workers
from resilience.kernels.compiler import INTERPRETED
from tests.cluster.servers import await_that, with_solve

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(INTERPRETED, reason="blocks take minutes without compiled kernels"),
]


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


def listening() -> dict[int, str]:
    """Return the address of every port on which this process waits for others."""
    found = psutil.Process().net_connections(kind="inet")
    return {one.laddr.port: one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


def test_a_dashboard_is_shown_to_this_machine_and_says_where(capsys) -> None:
    seen: list[tuple[int, bytes, dict[int, str]]] = []

    def look(*_: int) -> None:
        if seen:
            return
        (port,) = re.findall(r"^dashboard: http://127.0.0.1:(\d+)/status$", capsys.readouterr().err, flags=re.MULTILINE)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=30) as page:
            seen.append((int(port), page.read(), listening()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resilience.cli.progress.show_progress", lambda **_: contextlib.nullcontext(look))
        assert main(["demo", "--size", "600", "--workers", "1", "--dashboard", ":0"]) == 0
    ((port, page, places),) = seen
    assert b"Bokeh" in page
    assert port in places
    assert set(places.values()) == {"127.0.0.1"}


def test_a_port_that_is_taken_is_told_with_the_one_that_is_used(monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(connection._shown, "handle", lambda record: told.append(record.getMessage()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = taken.getsockname()[1]
        with start_workers(1, dashboard=("127.0.0.1", asked)) as cluster:
            assert cluster.workers == 1
    (line,) = told
    assert re.fullmatch(rf"dashboard: http://127.0.0.1:\d+/status; port {asked} cannot be had", line)
    assert f":{asked}/" not in line
