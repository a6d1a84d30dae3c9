"""From an address, or a number of processes, to a cluster that solves blocks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask
import distributed

from resilience.engine.block import solve_block
from resilience.engine.blocks import Solve
from resilience.engine.cluster import Cluster
from resilience.errors import ClusterError, Problem, count_of

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0

# Parallelism is of the blocks alone; GDAL's cache would be a share of all memory in each worker.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "64",
}

# What is shared is small, and a result that went to disk would only have to come back. A process that was killed is
# started again for as long as the cluster lives: Dask would give it up where that takes longer than 15 s.
# Dask sets MALLOC_TRIM_THRESHOLD_, with which every array is fetched from the system anew: 1.7 times the work.
SETTINGS = {
    "distributed.deploy.lost-worker-timeout": "365 days",
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.active-memory-manager.start": False,
}

# A terminal interrupts every process of a command; it is for this one to end the others.
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"

# Whoever asked for a dashboard must hear where it is, though no other step is told.
_shown = logging.getLogger(f"{__name__}.dashboard")
_shown.setLevel(logging.INFO)

LOGGERS = ("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application", "asyncio")


@contextlib.contextmanager
def connect(address: str, *, solve: Solve = solve_block, **limits: float) -> Iterator[Cluster]:
    """Give the cluster whose scheduler has this address.

    Parameters
    ----------
    address : str
    solve : callable, optional
        As :func:`solve_block`.
    **limits : float
        Of :class:`Cluster`.

    Raises
    ------
    ClusterError
        It cannot be reached, has no workers, or workers with other versions.
    """
    with _logged(), _client(address, address) as client:
        cluster = Cluster(client, address=address, solve=solve, **limits)
        cluster.check()
        yield cluster


@contextlib.contextmanager
def start_workers(
    count: int, *, dashboard: tuple[str, int] | None = None, solve: Solve = solve_block, **limits: float
) -> Iterator[Cluster]:
    """Give a cluster of processes of this machine, of one thread each, which end with it.

    Parameters
    ----------
    count : int
    dashboard : (str, int), optional
        Host and port to show the dashboard on; its address is logged, as steps are, whatever level is heard.
    solve : callable, optional
        As :func:`solve_block`.
    **limits : float
        Of :class:`Cluster`.

    Raises
    ------
    ClusterError
        They did not start.
    """
    name = f"of {count_of(count, 'process')} of this machine"
    host, port = dashboard or ("127.0.0.1", 0)
    free = _free_port(host, port)
    with _logged(), _kept_environment(), dask.config.set(SETTINGS):
        try:
            processes = distributed.LocalCluster(
                n_workers=count, threads_per_worker=1, host="127.0.0.1", silence_logs=logging.CRITICAL, preload=[DEAF],
                scheduler_kwargs={"dashboard": dashboard is not None, "dashboard_address": f"{host}:{free}"},
            )  # fmt: skip
        except (OSError, RuntimeError) as error:
            wanted = 'processes that start; a script of its own needs `if __name__ == "__main__":`'
            if dashboard is not None:
                wanted = f"processes that start, and {host}:{port} as a place for their dashboard"
            raise ClusterError(Problem(f"cluster {name}", wanted=wanted, got=_one_line(error))) from error
        try:
            if dashboard is not None:
                other = f"; port {port} cannot be had" if free != port else ""
                place = f"http://{host}:{processes.scheduler.services['dashboard'].port}/status"
                _shown.info("dashboard: %s%s", place, other)
            with _client(processes, name, direct_to_workers=True) as client:
                cluster = Cluster(client, address=name, solve=solve, **limits)
                cluster.check()
                yield cluster
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                processes.close(timeout=CLOSE_SECONDS)


def _free_port(host: str, port: int) -> int:
    """Return the port if it can be listened on, 0 for any other if not: Dask leaves a socket open where it fails."""
    with contextlib.suppress(OSError), socket.create_server((host, port)):
        return port
    return 0


async def _greet(address: str) -> None:
    """Raise unless a server of Dask answers there: a client that was refused complains once more as it goes."""
    secrets = distributed.Security().get_connection_args("client")
    async with asyncio.timeout(CONNECT_SECONDS + 1):
        line = await distributed.comm.connect(address, timeout=CONNECT_SECONDS, **secrets)
        line.abort()


@contextlib.contextmanager
def _client(where: Any, address: str, **how: Any) -> Iterator[Any]:
    try:
        if isinstance(where, str):
            # In a thread of its own: a notebook has an event loop in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, _greet(where)).result()
        with warnings.catch_warnings():
            # Versions that matter are compared, and told as an error.
            warnings.filterwarnings("ignore", "\\s*Mismatched versions")
            client = distributed.Client(where, timeout=CONNECT_SECONDS, set_as_default=False, **how)
    except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
        wanted = "the address of a Dask scheduler that runs, like tcp://10.0.0.1:8786"
        raise ClusterError(Problem(f"cluster {address}", wanted=wanted, got=_one_line(error))) from error
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, RuntimeError, AssertionError):
            client.close(timeout=CLOSE_SECONDS)


@contextlib.contextmanager
def _kept_environment() -> Iterator[None]:
    """Take back what Dask sets here so that its processes have it from their first import."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """Let what Dask logs go where the caller and the log of the run hear it, and not to standard error."""
    kept = []
    for name in (*LOGGERS, "resilience"):
        logger = logging.getLogger(name)
        kept.append((logger, logger.handlers[:], logger.propagate))
        # Dask gives its loggers a handler as it is imported; one of ours is there because somebody asked for it.
        own = name in LOGGERS
        to_terminal = [one for one in logger.handlers if own and getattr(one, "stream", None) is sys.stderr]
        # One that does nothing keeps Python from printing warnings where there is no other.
        logger.handlers = [one for one in logger.handlers if one not in to_terminal] + [logging.NullHandler()]
        logger.propagate = True
    try:
        yield
    finally:
        for logger, handlers, propagate in kept:
            logger.handlers, logger.propagate = handlers, propagate


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:300] or "no answer that a scheduler would give"
