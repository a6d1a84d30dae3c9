"""Assets and zones as cloud-optimised GeoTIFF, a file per event and kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from resilience.export.source import Source
from resilience.export.targets import file_names
from resilience.frames import make_frame
from resilience.grid import Grid
from resilience.network import representative_points

_CELLS = 1000
_STEPS = np.array([1.0, 2.0, 5.0, 10.0])
PER_YEAR = "per-year"


def write_rasters(source: Source, folder: Path) -> dict[str, str]:
    """Write, per event and per year, the zones with a band per service, and the assets with the worst one of a cell.

    Cells are squares of 1, 2 or 5 times a power of ten metres, 1,000 at most along the longer side of the city. A cell
    is of the zone that has its centre; a zone without one has the cell of its point. Cells without a zone, or without
    an asset, have no data.
    """
    zones = make_frame(source.run.dataset, source.run.network, what="zones", event=source.events()[0])
    grid = choose_grid(zones, make_frame(source.run.dataset, source.run.network, event=source.events()[0]))
    place = _zone_cells(zones, grid)
    files: dict[str, str] = {}
    wanted: list[str | None] = list(source.events())
    names = file_names(source.events())
    if source.run.rated and not source.asked:
        wanted, names = [None, *wanted], [PER_YEAR, *names]
    for event, name in zip(wanted, names, strict=True):
        frame = make_frame(source.run.dataset, source.run.network, what="zones", event=event)
        bands = {
            column: np.where(place >= 0, frame[column].to_numpy(dtype=np.float32)[place], np.float32(np.nan))
            for column in frame.columns
            if column not in ("district", "people", "geometry")
        }
        tags = {**source.attributes(), "event": event or "per year, over all events with rates"}
        path = folder / f"{name}-zones.tif"
        _write_raster(path, grid, bands, frame.attrs["units"], tags)
        files[path.name] = f"share of each service lost, by zone: {event or 'per year'}"
        frame = make_frame(source.run.dataset, source.run.network, event=event)
        column = "annual_down_rate" if event is None else "down_probability"
        path = folder / f"{name}-assets.tif"
        _write_raster(path, grid, {column: _worst(frame, column, grid)}, frame.attrs["units"], tags)
        files[path.name] = f"{column} of the worst asset of a cell: {event or 'per year'}"
    return files


def choose_grid(*frames: gpd.GeoDataFrame) -> Grid:
    """Return the grid of a city: round cells on round coordinates.

    Examples
    --------
    >>> from shapely import box
    >>> grid = choose_grid(gpd.GeoDataFrame(geometry=[box(3, 5, 11_003, 4_005)], crs="EPSG:5186"))
    >>> grid.transform.a, grid.width, grid.bounds[:2]
    (20.0, 551, (0.0, 0.0))
    """
    bounds = np.array([frame.total_bounds for frame in frames if len(frame)])
    west, south = bounds[:, :2].min(axis=0)
    east, north = bounds[:, 2:].max(axis=0)
    finest = max(east - west, north - south, 1.0) / _CELLS
    power = 10.0 ** np.floor(np.log10(finest))
    cell = float(power * _STEPS[np.searchsorted(_STEPS, finest / power)])
    left, top = cell * np.floor(west / cell), cell * np.ceil(north / cell)
    # A city whose edge lies on a line of the grid has its last point in the cell beyond.
    width, height = (int(np.floor(span / cell)) + 1 for span in (east - left, top - south))
    return Grid(frames[0].crs, Affine(cell, 0.0, float(left), 0.0, -cell, float(top)), height=height, width=width)


def _zone_cells(zones: gpd.GeoDataFrame, grid: Grid) -> NDArray[np.int32]:
    """Return the position of the zone of every cell, -1 where there is none."""
    shape = (grid.height, grid.width)
    place = np.full(shape, -1, np.int32)
    areas = zones.geometry.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    numbers = np.arange(len(zones), dtype=np.int32)
    if areas.any():
        shapes = zip(zones.geometry[areas], numbers[areas].tolist(), strict=True)
        rasterize(shapes, out=place, transform=grid.transform)
    lost = np.setdiff1d(numbers, place)
    column, row = grid.to_cells(*representative_points(zones.geometry.iloc[lost]).T)
    place[row.astype(np.intp), column.astype(np.intp)] = lost
    return place


def _worst(assets: gpd.GeoDataFrame, column: str, grid: Grid) -> NDArray[np.float32]:
    """Return the highest value of the assets that touch each cell, NaN where there is none."""
    order = np.argsort(assets[column].to_numpy(), kind="stable")
    drawn = assets.iloc[order]
    image = np.full((grid.height, grid.width), np.nan, np.float32)
    # The last one that is drawn stays: the worst.
    shapes = zip(drawn.geometry, drawn[column].tolist(), strict=True)
    rasterize(shapes, out=image, transform=grid.transform, all_touched=True)
    return image


def _write_raster(
    path: Path,
    grid: Grid,
    bands: Mapping[str, NDArray[np.float32]],
    units: Mapping[str, str],
    tags: Mapping[str, str],
) -> None:
    profile = {
        "driver": "COG", "dtype": "float32", "count": len(bands), "height": grid.height, "width": grid.width,
        "crs": grid.crs.to_wkt(), "transform": grid.transform, "nodata": float("nan"), "compress": "deflate",
        "overview_resampling": "nearest",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.update_tags(**tags)
        for number, (name, band) in enumerate(bands.items(), start=1):
            file.write(band, number)
            file.set_band_description(number, name)
            file.set_band_unit(number, units.get(name, ""))
