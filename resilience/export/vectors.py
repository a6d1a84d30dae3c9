"""Assets and zones as GeoPackage and GeoParquet."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd

from resilience.errors import ConfigurationError, Problem
from resilience.export.source import Source
from resilience.export.targets import file_names
from resilience.frames import make_frame


def write_geopackage(source: Source, target: Path) -> dict[str, str]:
    """Write layers of assets and zones: per year, and of each event that is asked for."""
    layers: list[str] = []
    for what, event, frame in _frames(source):
        layer = what if event is None else f"{what} {event}"
        # A layer of one name takes the place of another, whatever its case.
        frame.reset_index().to_file(target, layer=layer, driver="GPKG", engine="pyogrio", append=bool(layers))
        layers.append(layer)
    return {target.name: f"layers {', '.join(layers)}"}


def write_geoparquet(source: Source, folder: Path) -> dict[str, str]:
    """Write a file of assets and one of zones: per year, and of each event that is asked for.

    Raises
    ------
    ConfigurationError
        pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        wanted = "pyarrow: pip install 'urban-resilience[parquet]'"
        raise ConfigurationError(Problem("geoparquet", wanted=wanted, got="not installed"))
    names = dict(zip(source.events(), file_names(source.events()), strict=True))
    files = {}
    for what, event, frame in _frames(source):
        path = folder / (f"{what}.parquet" if event is None else f"{what}-{names[event]}.parquet")
        frame.to_parquet(path)
        files[path.name] = f"{what}, {event or 'per year'}"
    return files


def _frames(source: Source) -> Iterator[tuple[str, str | None, gpd.GeoDataFrame]]:
    """Yield kind, event and frame of what is written: without rates and without a choice, every event."""
    events: list[str | None] = [*source.events()] if source.asked or not source.run.rated else []
    if source.run.rated:
        events = [None, *events]
    for event in events:
        for what in ("assets", "zones"):
            yield what, event, make_frame(source.run.dataset, source.run.network, what=what, event=event)
