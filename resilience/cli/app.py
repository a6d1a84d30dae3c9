"""The verbs. What they need is imported when they run: help must not wait for the geospatial stack."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resilience import __version__
from resilience.cli.outcome import exit_code_of
from resilience.cli.terminal import say, write, write_rows

if TYPE_CHECKING:
    from resilience.scenario import Scenario

_EXIT_CODES = """Exit codes: 0 done, 2 usage, 65 bad data, 66 missing input, 69 cluster unavailable, 70 internal error,
73 cannot create the result, 74 reading or writing failed, 75 locked (try later), 78 wrong scenario, 130 and 143
interrupted."""

ADDRESS = "DASK_SCHEDULER_ADDRESS"

app = typer.Typer(
    name="resilience",
    help="Flood and heat maps of a city go in; the risk to its people's services comes out.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# `readable=False`: whether the file can be read is told by the reader, with its own exit code.
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", readable=False, help="Scenario file (YAML).")]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Replace a value of the scenario, e.g. monte_carlo.samples=1024; repeatable."
    ),
]

Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads of this process; without any, one per processor."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Processes of this machine, instead of threads.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", show_default=False,
        help=f"Scheduler of a Dask cluster, e.g. tcp://10.0.0.1:8786; without, {ADDRESS} of the environment.",
    ),
]  # fmt: skip
Dashboard = Annotated[
    str | None,
    typer.Option("--dashboard", metavar="ADDRESS", help="With --workers: show them at, e.g., 127.0.0.1:8787."),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        write(f"resilience {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", readable=False, help="Keep the run here.")] = None,
    size: Annotated[int | None, typer.Option("--size", metavar="N", help="Number of assets of the city.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the city and of all draws of chance.")] = None,
    threads: Threads = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dashboard: Dashboard = None,
) -> None:
    """Assess the built-in city."""
    pool = _pool(threads, workers, scheduler, dashboard)
    from resilience.pipeline import demo_scenario

    given = {name: value for name, value in (("size", size), ("seed", seed)) if value is not None}
    _assess(demo_scenario(**given), out, pool)


@app.command()
def check(scenario: ScenarioFile, changes: Changes = []) -> None:  # noqa: B006 - typer reads the default only
    """Read a scenario and its inputs and tell what is wrong."""
    read = _read(scenario, changes)
    from resilience.check import check as check_inputs

    for line in check_inputs(read).lines():
        write(line)


@app.command()
def run(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RUN", readable=False, help="Run directory.")],
    changes: Changes = [],  # noqa: B006 - typer reads the default only
    threads: Threads = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dashboard: Dashboard = None,
) -> None:
    """Assess a scenario and keep the run."""
    pool = _pool(threads, workers, scheduler, dashboard)
    _assess(_read(scenario, changes), out, pool)


@app.command()
def schema() -> None:
    """Write the JSON Schema of scenario files."""
    from resilience.scenario import Scenario

    write(json.dumps(Scenario.json_schema(), indent=2))


def _read(path: Path, changes: Sequence[str]) -> Scenario:
    from resilience.scenario import Scenario

    return Scenario.from_yaml(path, changes=changes)


def _pool(threads: int | None, workers: int | None, scheduler: str | None, dashboard: str | None) -> dict[str, Any]:
    """Return what solves the blocks, as the library wants it; an option goes before the environment."""
    options = {"--threads": threads, "--workers": workers, "--scheduler": scheduler}
    asked = [name for name, value in options.items() if value is not None]
    if len(asked) > 1:
        raise typer.BadParameter(f"{' and '.join(asked)} cannot be used together")
    if dashboard is not None and workers is None:
        raise typer.BadParameter("--dashboard is of --workers: a scheduler has its own")
    if not asked:
        scheduler = os.environ.get(ADDRESS) or None
    return {"threads": threads, "workers": workers, "scheduler": scheduler, "dashboard": dashboard}


def _assess(scenario: Scenario, out: Path | None, pool: dict[str, Any]) -> None:
    from resilience.cli.places import check_run_directory
    from resilience.cli.progress import show_progress

    if out is not None:
        check_run_directory(out)
    from resilience.pipeline import assess

    with show_progress() as progress:
        result = assess(scenario, out=out, progress=progress, **pool)
    write_rows(result.summary_table())
    for table in (result.why_table(), result.origins_table()):
        if table:
            write("")
            write_rows(table)
    for note in result.notes:
        say(f"note: {note}")
    if result.path is not None:
        say(f"run directory: {result.path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of one call of the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Examples
    --------
    >>> main(["--version"])
    resilience 0.1.0
    0
    """

    def call() -> Any:
        return app(args=None if arguments is None else list(arguments), standalone_mode=False, prog_name="resilience")

    # Zarr writes arrays side by side; where several fail at once, one error is told and asyncio would print the others.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return exit_code_of(call)
