"""The options that say what solves the blocks of a run."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from resilience.errors import ConfigurationError

ADDRESS = "DASK_SCHEDULER_ADDRESS"

Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads of this process; without any, one per processor."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Processes of this machine in the place of threads.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help=f"Dask cluster, e.g. tcp://10.0.0.1:8786; {ADDRESS} of the environment does the same.",
    ),
]
Dashboard = Annotated[
    str | None,
    typer.Option(
        "--dashboard",
        metavar="[HOST:]PORT",
        help="Show in a browser what --workers do; without HOST to this machine alone. Port 0 is any that is free.",
    ),
]


def choose_pool(
    *, threads: int | None, workers: int | None, scheduler: str | None, dashboard: str | None
) -> dict[str, Any]:
    """Return what :func:`resilience.assess` is to be told; an option goes before the environment.

    Raises
    ------
    typer.BadParameter
        Options that cannot be used together.

    Examples
    --------
    >>> choose_pool(threads=2, workers=None, scheduler=None, dashboard=None)
    {'threads': 2}
    """
    options = {"--threads": threads, "--workers": workers, "--scheduler": scheduler}
    asked = [name for name, value in options.items() if value is not None]
    if len(asked) > 1:
        raise typer.BadParameter(f"{' and '.join(asked)} cannot be used together")
    if dashboard is not None and workers is None:
        raise typer.BadParameter("--dashboard is of --workers; a scheduler has its own")
    if dashboard is not None:
        from resilience.engine.pools import place_dashboard

        try:
            place_dashboard(dashboard)
        except ConfigurationError as error:
            raise typer.BadParameter(str(error), param_hint="--dashboard") from None
    if not asked:
        scheduler = os.environ.get(ADDRESS) or None
    told = {"threads": threads, "workers": workers, "scheduler": scheduler, "dashboard": dashboard}
    return {name: value for name, value in told.items() if value is not None}
