"""The verbs. What they need is imported when they run: help must not wait for the geospatial stack."""

from __future__ import annotations

import json
import logging
import re
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resilience import __version__
from resilience.cli.answer import Answer, Failure
from resilience.cli.arguments import (
    AllowOutside,
    AsJson,
    Changes,
    Described,
    Events,
    ExportFormat,
    InLanguage,
    Language,
    NoReport,
    Processes,
    Quiet,
    RunDirectory,
    ScenarioFile,
    Verbose,
)
from resilience.cli.outcome import INTERRUPTED, exit_code_of
from resilience.cli.pools import Dashboard, Scheduler, Threads, Workers, choose_pool
from resilience.cli.terminal import aligned, open_closed_streams, write
from resilience.cli.volume import Voice, told_aloud
from resilience.errors import ConfigurationError

if TYPE_CHECKING:
    from resilience.scenario import Scenario

_EXIT_CODES = """Exit codes: 0 done, 2 usage, 65 bad data, 66 missing input, 69 cluster unavailable, 70 a defect
of the program, 73 cannot create, 74 reading or writing failed, 75 locked or out of time, 78 wrong scenario or
environment, 130 and 143 interrupted."""

_STARTED = time.perf_counter()

app = typer.Typer(
    name="resilience",
    help="Flood and heat maps of a city go in; the risk to its people's services comes out.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
    no_report: NoReport = False,
    lang: InLanguage = Language.en,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> Answer:
    """Assess the built-in city, which is synthetic: who is without which service, for how long, and why."""
    pool = choose_pool(threads=threads, workers=workers, scheduler=scheduler, dashboard=dashboard)
    from resilience.pipeline import demo_scenario

    given = {name: value for name, value in (("size", size), ("seed", seed)) if value is not None}
    voice = Voice(as_json=as_json, verbose=verbose, quiet=quiet)
    return _assess(demo_scenario(**given, over_time=True), out, voice, report=None if no_report else lang, **pool)


@app.command()
def check(
    scenario: ScenarioFile,
    changes: Changes,
    allow_outside: AllowOutside,
    full: Annotated[
        bool, typer.Option("--full", help="Also read the maps where assets stand, and try a finer time grid.")
    ] = False,
    as_json: AsJson = False,
) -> Answer:
    """Read a scenario and its inputs and tell what is wrong."""
    read = _read(scenario, changes, allow_outside)
    from resilience.check import check as check_inputs

    report = check_inputs(read, quick=not full)
    return Answer(report.to_dict(), report.lines())


@app.command()
def run(
    *,
    scenario: Annotated[
        Path | None, typer.Argument(metavar="SCENARIO", readable=False, help="Scenario file (YAML).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="RUN", readable=False, help="Run directory.")
    ] = None,
    changes: Changes,
    allow_outside: AllowOutside,
    restart: Annotated[bool, typer.Option("--restart", help="Remove what RUN has of an earlier run.")] = False,
    max_wall: Annotated[
        str | None,
        typer.Option("--max-wall", metavar="TIME", help="Stop in time, e.g. 90m or 3h; a later call goes on."),
    ] = None,
    threads: Threads = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dashboard: Dashboard = None,
    no_report: NoReport = False,
    lang: InLanguage = Language.en,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify", metavar="RUN", readable=False,
            help="Instead: look whether a finished run is as it says, and solve some blocks again.",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> Answer:  # fmt: skip
    """Assess a scenario and keep the run; what an earlier call finished is not done again."""
    pool = choose_pool(threads=threads, workers=workers, scheduler=scheduler, dashboard=dashboard)
    if verify is not None:
        if scenario is not None or out is not None:
            raise typer.BadParameter("stands alone, without SCENARIO and --out", param_hint="--verify")
        from resilience.verify import verify_run

        verified = verify_run(verify)
        return Answer(verified.to_dict(), verified.lines())
    for given, name in ((scenario, "SCENARIO"), (out, "--out")):
        if given is None:
            raise typer.BadParameter("is missing", param_hint=name)
    assert scenario is not None  # told above
    limit = None if max_wall is None else _seconds(max_wall)
    voice = Voice(as_json=as_json, verbose=verbose, quiet=quiet)
    read = _read(scenario, changes, allow_outside)
    report = None if no_report else lang
    return _assess(read, out, voice, report=report, restart=restart, max_wall=limit, **pool)


@app.command()
def plan(
    scenario: ScenarioFile,
    changes: Changes,
    allow_outside: AllowOutside,
    threads: Annotated[int | None, typer.Option("--threads", min=1, metavar="N", help="Threads of the run.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Processes of the run, in the place of threads.")
    ] = None,
    as_json: AsJson = False,
) -> Answer:
    """Tell what a run would take: blocks, memory, disk, time; solves 512 samples, writes nothing."""
    if threads is not None and workers is not None:
        raise typer.BadParameter("not both", param_hint="--threads, --workers")
    read = _read(scenario, changes, allow_outside)
    from resilience.plan import make_plan

    found = make_plan(read, threads=threads, workers=workers, started=_STARTED)
    return Answer(found.to_dict(), found.lines())


@app.command()
def status(
    run: RunDirectory,
    as_json: AsJson = False,
) -> Answer:
    """Tell how far a run is, also while it runs."""
    from resilience.status import read_status

    found = read_status(run)
    return Answer(found.to_dict(), found.lines())


@app.command()
def report(
    run: RunDirectory,
    lang: InLanguage = Language.en,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="OTHER", readable=False, help="Also tell what has changed since this run."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", readable=False, help="By default report.html of RUN."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: AsJson = False,
) -> Answer:
    """Write the report of a finished run: one page, for any browser, without a network."""
    from resilience.report import write_report

    written = write_report(run, lang=lang, against=against, out=out).absolute()
    if show:
        import webbrowser

        webbrowser.open(written.as_uri())
    return Answer({"report": str(written), "bytes": written.stat().st_size, "lang": str(lang)}, [str(written)])


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(metavar="[scenario|manifest]", help="What is described.")] = (
        Described.scenario
    ),
) -> None:
    """Write the JSON Schema of scenario files, or of the manifests of runs."""
    if of is Described.manifest:
        from resilience.manifest import Manifest

        write(json.dumps(Manifest.model_json_schema(), indent=2))
        return
    from resilience.scenario import Scenario

    write(json.dumps(Scenario.json_schema(), indent=2))


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", readable=False, help="Folder of the new scenario; made if need be.")
    ],
    as_json: AsJson = False,
) -> Answer:
    """Write a scenario to begin with, full of explanations, and its schema for editors."""
    from resilience.scenario.begin import begin_scenario, name_of

    files = [str(path) for path in begin_scenario(folder)]
    name, of_folder = name_of(folder), folder.absolute().name
    asides = [] if name == of_folder else [f"note: a scenario cannot be called {of_folder!r}: this one is {name!r}"]
    lines = [f"written: {', '.join(files)}", f"next: resilience check {shlex.quote(files[0])}"]
    return Answer({"files": files, "name": name}, lines, asides)


@app.command()
def export(
    *,
    run: RunDirectory,
    to: Annotated[ExportFormat, typer.Option("--to", help="Format.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="PATH", readable=False, help="File or folder; by default beside RUN."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    event: Events,
    publisher: Annotated[str | None, typer.Option(metavar="NAME", help="rdls: who publishes the data.")] = None,
    contact: Annotated[str | None, typer.Option(metavar="ADDRESS", help="rdls: mail or web address.")] = None,
    license: Annotated[str | None, typer.Option(metavar="NAME", help="rdls: licence, e.g. CC-BY-4.0.")] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="rdls: where the data are to be had.")] = None,
    process: Processes,
    as_json: AsJson = False,
) -> Answer:  # fmt: skip
    """Write a finished run in a format of other programs."""
    pairs = [one.partition("=") for one in process]
    if any(not (family and word) for family, _, word in pairs):
        raise typer.BadParameter("is FAMILY=PROCESS, e.g. river=fluvial_flood", param_hint="--process")
    from resilience.export import About, export_run

    about = About(publisher, contact, license, url, {family: word for family, _, word in pairs})
    found = export_run(run, to.value, out=out, overwrite=overwrite, events=event, about=about)
    return Answer({"format": to.value, "path": str(found.path), "files": found.files}, [f"written: {found.path}"])


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", readable=False, help="Run directory, before.")],
    b: Annotated[Path, typer.Argument(metavar="B", readable=False, help="Run directory, after.")],
    as_json: AsJson = False,
) -> Answer:
    """Tell how far what is lost differs between two finished runs, and in what the runs differ."""
    from resilience.comparison import compare_directories

    found = compare_directories(a, b)
    return Answer(found.to_dict(), [*aligned(found.table()), "", *found.lines()])


@app.command()
def doctor(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", readable=False, help="Run directory to look at too.")
    ] = None,
    as_json: AsJson = False,
) -> Answer:
    """Tell whether this machine and environment can do the work, and what to do where they cannot."""
    from resilience.doctor import WRONG, examine

    findings = examine(run)
    wrong = any(one.state == WRONG for one in findings)
    return Answer(
        {"findings": [asdict(one) for one in findings]},
        [line for one in findings for line in one.lines()],
        exit_code=ConfigurationError.exit_code if wrong else 0,
    )


def _read(path: Path, changes: Sequence[str], allow_outside: Sequence[Path]) -> Scenario:
    from resilience.scenario import Scenario

    return Scenario.from_yaml(path, changes=changes, allow_outside=allow_outside)


def _seconds(told: str) -> float:
    """Return the seconds of a time such as 90m."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", told.strip())
    if found is None:
        raise typer.BadParameter(f"{told!r} is no time such as 3600, 90m or 3h", param_hint="--max-wall")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _assess(scenario: Scenario, out: Path | None, voice: Voice, *, report: Language | None, **asked: Any) -> Answer:
    from resilience.cli.places import check_run_directory
    from resilience.cli.progress import show_progress

    if out is not None:
        check_run_directory(out)
    from resilience.pipeline import assess

    with told_aloud(verbose=voice.verbose, quiet=voice.quiet), show_progress(quiet=voice.quiet) as progress:
        result = assess(scenario, out=out, progress=progress, **asked)
    lines = list(aligned(result.summary_table()))
    for table in (result.why_table(), result.origins_table(), result.branches_table(), result.options_table()):
        if table:
            lines += ["", *aligned(table)]
    asides = [f"note: {note}" for note in result.notes]
    written = None
    if result.path is not None:
        asides.append(f"run directory: {result.path}")
        if report is not None:
            from resilience.report import write_report

            written = write_report(result.path, lang=report)
            asides.append(f"report: {written}")
    if voice.quiet:
        asides = []
    if not voice.as_json:
        return Answer({}, lines, asides)
    from resilience.cli.records import describe_result

    return Answer({**describe_result(result), "report": None if written is None else str(written)}, asides=asides)


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
    given = sys.argv[1:] if arguments is None else list(arguments)
    verb = next((word for word in given if not word.startswith("-")), None)
    # Before anything is read: a call that cannot be understood is answered in the form that it asked for.
    as_json = "--json" in given

    def call() -> int:
        # Not the app itself: it would take `sys.excepthook` for its own.
        answer = typer.main.get_command(app)(args=given, standalone_mode=False, prog_name="resilience")
        if answer == INTERRUPTED:  # some releases of typer turn the interrupt into an exit of their own
            raise KeyboardInterrupt
        if not isinstance(answer, Answer):
            return answer if isinstance(answer, int) else 0
        answer.tell(verb=str(verb), as_json=as_json)
        return answer.exit_code

    open_closed_streams()
    # Zarr writes arrays side by side; where several fail at once, one error is told and asyncio would print the others.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return exit_code_of(call, report=partial(Failure.tell, verb=verb) if as_json else None)
