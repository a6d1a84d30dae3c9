"""The verbs. What they need is imported when they run: help must not wait for the geospatial stack."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resilience import __version__
from resilience.cli.outcome import exit_code_of
from resilience.cli.terminal import say, write, write_rows

if TYPE_CHECKING:
    from resilience.scenario import Scenario

_EXIT_CODES = """Exit codes: 0 done, 2 usage, 65 bad data, 66 missing input, 70 internal error, 73 cannot create the
result, 74 reading or writing failed, 75 locked (try later), 78 wrong scenario, 130 and 143 interrupted."""

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
) -> None:
    """Assess the built-in city."""
    from resilience.pipeline import demo_scenario

    given = {name: value for name, value in (("size", size), ("seed", seed)) if value is not None}
    _assess(demo_scenario(**given), out)


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
    restart: Annotated[bool, typer.Option("--restart", help="Remove what RUN has of an earlier run.")] = False,
    max_wall: Annotated[
        str | None,
        typer.Option("--max-wall", metavar="TIME", help="Stop in time, e.g. 90m or 3h; a later call goes on."),
    ] = None,
) -> None:
    """Assess a scenario and keep the run; what an earlier call finished is not done again."""
    limit = None if max_wall is None else _seconds(max_wall)
    _assess(_read(scenario, changes), out, restart=restart, max_wall=limit)


@app.command()
def schema() -> None:
    """Write the JSON Schema of scenario files."""
    from resilience.scenario import Scenario

    write(json.dumps(Scenario.json_schema(), indent=2))


def _read(path: Path, changes: Sequence[str]) -> Scenario:
    from resilience.scenario import Scenario

    return Scenario.from_yaml(path, changes=changes)


def _seconds(told: str) -> float:
    """Return the seconds of a time such as 90m."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", told.strip())
    if found is None:
        raise typer.BadParameter(f"{told!r} is no time such as 3600, 90m or 3h", param_hint="--max-wall")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _assess(scenario: Scenario, out: Path | None, *, restart: bool = False, max_wall: float | None = None) -> None:
    from resilience.cli.places import check_run_directory
    from resilience.cli.progress import show_progress

    if out is not None:
        check_run_directory(out)
    from resilience.pipeline import assess

    with show_progress() as progress:
        result = assess(scenario, out=out, progress=progress, restart=restart, max_wall=max_wall)
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
