"""Where the figures come from: method, inputs, licences, what produced them, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from resilience.datasets.curve_library import load_curves, load_sources
from resilience.reading import FinishedRun


@dataclass(frozen=True)
class InputLine:
    """An input: its name, what it is told as, its size and the beginning of its hash."""

    name: str
    told: str
    size: str
    digest: str


@dataclass(frozen=True)
class Licence:
    """A source of figures that the project ships and the city uses."""

    title: str
    source: str
    licence: str
    judged: bool


def input_lines(run: FinishedRun) -> list[InputLine]:
    """Return the files that the run read."""
    told: dict[str, str] = {}
    for hazard in run.manifest.hazards:
        told |= dict.fromkeys(hazard.files, f"{hazard.family}: {hazard.peril}, {hazard.unit}, {hazard.crs}")
    told |= {layer.path: f"{layer.what}, {layer.crs}" for layer in run.manifest.network.layers}
    return [
        InputLine(PurePath(one.path).name, told.get(one.path, ""), _size(one.bytes), one.sha256[:12])
        for one in run.manifest.inputs
    ]


def licences(run: FinishedRun) -> list[Licence]:
    """Return the sources of the shipped curves that assets of the city have."""
    assets = run.network.assets
    used = {
        name
        for column in assets.columns
        if column.endswith("_curve")
        for name in assets[column].astype(str).unique()
        if name
    }
    shipped = load_curves()
    origins = {shipped[name].source for name in used if name in shipped}
    return [
        Licence(about["title"], about["source"], about["licence"], about["basis"] == "default")
        for about in load_sources().values()
        if about["source"] in origins
    ]


def _size(n: int) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> _size(812), _size(2_400_000)
    ('812 B', '2.4 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} B"
