"""The arguments that several verbs share, and the words that a verb chooses from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """Languages of the report."""

    en = "en"
    ko = "ko"


class Described(StrEnum):
    """What has a schema."""

    scenario = "scenario"
    manifest = "manifest"


class ExportFormat(StrEnum):
    """Formats of other programs."""

    netcdf = "netcdf"
    cog = "cog"
    gpkg = "gpkg"
    geoparquet = "geoparquet"
    csv = "csv"
    rdls = "rdls"
    climada = "climada"


# `readable=False`: whether it can be read is told by the reader, with its own exit code.
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", readable=False, help="Scenario file (YAML).")]
RunDirectory = Annotated[Path, typer.Argument(metavar="RUN", readable=False, help="Run directory.")]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set",
        default_factory=list,
        metavar="KEY=VALUE",
        help="Replace a value of the scenario, e.g. monte_carlo.samples=1024; repeatable.",
        show_default=False,
    ),
]
AllowOutside = Annotated[
    list[Path],
    typer.Option(
        "--allow-outside",
        default_factory=list,
        show_default=False,
        metavar="DIR",
        envvar="RESILIENCE_ALLOW_OUTSIDE",
        readable=False,
        help="Folder below which the scenario may name files, beside its own; repeatable.",
    ),
]
NoReport = Annotated[bool, typer.Option("--no-report", envvar="RESILIENCE_NO_REPORT", help="Leave report.html out.")]
InLanguage = Annotated[Language, typer.Option("--lang", help="Language of the report.")]

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say every step.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Events = Annotated[
    list[str],
    typer.Option(
        "--event",
        default_factory=list,
        metavar="EVENT",
        help="Figures of this event; repeatable.",
        show_default=False,
    ),
]
Processes = Annotated[
    list[str],
    typer.Option(
        default_factory=list,
        metavar="FAMILY=PROCESS",
        help="rdls: what floods come from, e.g. river=fluvial_flood.",
        show_default=False,
    ),
]
