"""Schedulers and workers as processes, which end with their context."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from resilience.engine.cluster import Cluster

ROOT = Path(__file__).parents[2]


class Server:
    """A scheduler by hand and its workers, processes that end with the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                                     "--dashboard-address", "127.0.0.1:0", "--idle-timeout", "3600")  # fmt: skip
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


def with_solve(cluster: Cluster, solve: Any, **limits: float) -> Cluster:
    """Return the same workers with something else to do; a function inside another is sent by value."""
    other = Cluster(cluster._client, address="here", solve=solve, **limits)
    other.check()
    return other
