"""What solves the blocks of a run, as asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from resilience.engine.blocks import Pool
from resilience.engine.threads import Threads
from resilience.errors import ConfigurationError, Problem, Problems


@contextlib.contextmanager
def open_pool(
    *,
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    dashboard: str | None = None,
) -> Iterator[Pool]:
    """Yield what solves blocks; processes that it starts end with it.

    Parameters
    ----------
    threads : int, optional
        Threads of this process; by default as many as it may use processors, where nothing else is asked for.
    workers : int, optional
        Processes of this machine, of one thread each.
    scheduler : str, optional
        Address of a Dask scheduler, like ``tcp://10.0.0.1:8786``.
    dashboard : str, optional
        Where to show the dashboard of `workers`, see :func:`place_dashboard`; without, there is none.

    Raises
    ------
    ConfigurationError
        More than one is asked for, or none of what was asked for.
    ClusterError
        The cluster cannot be used.

    Examples
    --------
    >>> with open_pool(threads=2) as pool:
    ...     pool.workers
    2
    """
    problems = Problems()
    counts = {name: count for name, count in (("threads", threads), ("workers", workers)) if count is not None}
    asked = [*counts, *(["scheduler"] if scheduler is not None else [])]
    if len(asked) > 1:
        problems.add(" and ".join(asked), wanted="one of them", got="more than one")
    for name, count in counts.items():
        if count < 1:
            problems.add(name, wanted="1 or more", got=str(count))
    if dashboard is not None and workers is None:
        problems.add("dashboard", wanted="together with workers", got="without them: a scheduler has its own")
    problems.raise_if_any(ConfigurationError)
    place = None if dashboard is None else place_dashboard(dashboard)
    if workers is None and scheduler is None:
        yield Threads(threads)
        return
    # Takes a second to import, which only who asked for it pays.
    from resilience.engine.connection import connect, start_workers

    opened = connect(scheduler) if scheduler is not None else start_workers(workers or 1, dashboard=place)
    with opened as pool:
        yield pool


def place_dashboard(address: str) -> tuple[str, int]:
    """Return host and port of a dashboard; of this machine alone unless a host is named.

    Parameters
    ----------
    address : str
        ``HOST:PORT``, ``:PORT`` or ``PORT``; port 0 is any that is free.

    Raises
    ------
    ConfigurationError
        It is something else.

    Examples
    --------
    >>> place_dashboard("8787"), place_dashboard(":0"), place_dashboard("0.0.0.0:8787")
    (('127.0.0.1', 8787), ('127.0.0.1', 0), ('0.0.0.0', 8787))
    """
    host, _, port = address.strip().rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16) or ":" in host or "/" in host:
        wanted = "HOST:PORT, or a PORT of this machine alone, like 127.0.0.1:8787"
        raise ConfigurationError(Problem("dashboard", wanted, repr(address)))
    return host or "127.0.0.1", int(port)
