"""What solves the blocks of a run, as asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from resilience.engine.blocks import Pool
from resilience.engine.threads import Threads
from resilience.errors import ConfigurationError, Problems


@contextlib.contextmanager
def open_pool(
    *,
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    dashboard: str | None = None,
) -> Iterator[Pool]:
    """Give what solves blocks; processes that it starts end with it.

    Parameters
    ----------
    threads : int, optional
        Threads of this process; by default as many as it may use processors, where nothing else is asked for.
    workers : int, optional
        Processes of this machine, of one thread each.
    scheduler : str, optional
        Address of a Dask scheduler, like ``tcp://10.0.0.1:8786``.
    dashboard : str, optional
        Address to show the dashboard of `workers` on, like ``127.0.0.1:8787``; without, there is none.

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
    if workers is None and scheduler is None:
        yield Threads(threads)
        return
    # Takes a second to import, which only who asked for it pays.
    from resilience.engine.connection import connect, start_workers

    opened = connect(scheduler) if scheduler is not None else start_workers(workers or 1, dashboard=dashboard)
    with opened as pool:
        yield pool
