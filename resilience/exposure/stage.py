"""From hazard maps to what reaches each asset: highest and mean intensity, wet length, damage fraction.

The geometry goes to the grid, never the grid to the geometry: no value is resampled. Points take the cell they lie in
(or the bilinear mean), lines and polygons every cell they touch, weighted by length or area. Cells are found once for
all events, and only tiles of the map that hold assets are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.curves import CurveTable
from resilience.errors import MAX_SHOWN, ConfigurationError, DataError, Problem, suggestion
from resilience.exposure.placement import Placement, place_assets
from resilience.exposure.tile_buffer import TILE_SHIFT, TileBuffer
from resilience.grid import Grid
from resilience.hazard import grid_of, read_window
from resilience.kernels.lines import list_line_tiles, traverse_lines
from resilience.kernels.points import interpolate_points, sample_points
from resilience.kernels.polygons import cover_polygons, list_polygon_tiles
from resilience.kernels.tiles import Raster, Response, Sums, empty_sums, evaluate_damage, plan_runs, whole_raster
from resilience.variables import VARIABLES

if TYPE_CHECKING:
    from resilience.network import Network

METHODS = ("nearest", "bilinear")
TILE_BUDGET = 256 * 2**20
"""Bytes of map held at once, and a quarter of it while reading; nothing else grows with the size of the map."""

LEAST_TILES = 64
"""Tiles that should fit into the budget; with more events than that allows, the events are worked on in turns."""


def expose(
    hazard: xr.Dataset,
    network: Network,
    *,
    curves: CurveTable,
    method: Literal["nearest", "bilinear"] = "nearest",
    tile_budget: int = TILE_BUDGET,
) -> xr.Dataset:
    """Return what each event brings to each asset.

    Parameters
    ----------
    hazard : xarray.Dataset
        From :func:`resilience.hazard.make_hazard` or a reader; m for floods, degC for heat.
    network : Network
        Its assets name the damage curve of the peril (``flood_damage_curve``, ``heat_damage_curve``), the component
        height and the dry threshold (m, floods only).
    curves : CurveTable
        The damage curves by name.
    method : {"nearest", "bilinear"}
        How points read the map. Lines and polygons always read the cells they touch.
    tile_budget : int, bytes
        Size of the part of a map that is held at once.

    Returns
    -------
    xarray.Dataset
        Dims (event, asset), float64: ``exposed_intensity`` (value at a point, highest along a line or under a polygon,
        over every part of a multi-part asset), ``mean_intensity`` (weighted by length or area), ``wet_length`` (m of a
        line in cells above its dry threshold; NaN for other assets and perils), ``damage_fraction`` (curve of each
        cell, then the weighted mean; 0 without a curve). Attributes: peril, unit, family, axis, method,
        `monotonicity_repairs`, `assets_outside`, `unknown_values`.

    Raises
    ------
    DataError
        Assets outside the grid where the hazard says ``outside="error"``; assets on cells without data where it says
        ``nodata="error"``; geometry that cannot be used; unknown curves.
    ConfigurationError
        An unknown method.

    Notes
    -----
    * Vertices are brought to the CRS of the grid. A segment is straight in the network's CRS; where its image bends by
      more than 1/100 of a cell, vertices are added. Lengths are those in the network's metric CRS, areas those in the
      plane of the grid.
    * Cell (i, j) owns [j, j+1) x [i, i+1) in rows and columns, so a line on a border between two cells takes the one
      with the higher number; the last row and column also own the outer border. Meeting a corner or a border from
      outside is not touching.
    * ``nodata="dry"``: a cell without data counts as 0; ``"unknown"``: it makes the asset NaN in that event.
      ``outside="dry"``: what lies outside the grid counts as 0, with its length or area.
    * Floods: the curve is read at depth - component height; a cell that is dry, below the dry threshold or not above
      the component loses nothing. Depths equal to the threshold are not wet length.
    * On a severity axis the running maximum over return periods is taken first; `monotonicity_repairs` counts the
      cells it changed in the tiles (256 x 256 cells) that hold assets.
    * No value depends on the order, number or neighbourhood of assets, nor on `tile_budget` unless a single asset
      touches more tiles than fit (then its sums are added in another order, within rounding).

    Examples
    --------
    >>> import geopandas as gpd, pyproj
    >>> from affine import Affine
    >>> from shapely import LineString
    >>> from resilience.grid import Grid
    >>> from resilience.hazard import make_hazard
    >>> from resilience.network import Network
    >>> grid = Grid(pyproj.CRS.from_epsg(5187), Affine(10, 0, 0, 0, -10, 10), height=1, width=3)
    >>> flood = make_hazard(np.array([[[0.0, 1.0, 0.5]]]), grid=grid, family="rain", peril="flood")
    >>> roads = gpd.GeoDataFrame(
    ...     {"id": ["R1"], "sector": ["transport"]}, geometry=[LineString([(5, 5), (25, 5)])], crs=5187)
    >>> exposure = expose(flood, Network.from_tables(assets=roads), curves=CurveTable())
    >>> float(exposure.exposed_intensity[0, 0]), float(exposure.mean_intensity[0, 0]), float(exposure.wet_length[0, 0])
    (1.0, 0.625, 15.0)
    """
    if method not in METHODS:
        raise ConfigurationError(
            Problem("method", " or ".join(METHODS), f"{method!r}{suggestion(str(method), METHODS)}")
        )
    peril, nodata = hazard.attrs["peril"], hazard.attrs["nodata"]
    grid = grid_of(hazard)
    assets = network.assets
    ids = assets["id"].to_numpy(dtype=str)
    placed = place_assets(assets.geometry.to_numpy(), ids=ids, crs=network.crs, grid=grid)
    if hazard.attrs["outside"] == "error" and placed.outside.any():
        raise DataError(_outside_problem(hazard, ids, placed.outside))
    response = _response(peril, nodata, assets, curves)

    sums = empty_sums(hazard.sizes["event"], len(ids))
    repairs = 0
    for events, batch in _batches(hazard, tile_budget):
        part = Sums(
            sums.maximum[events], sums.weighted[events], sums.wet[events], sums.damage[events], np.zeros(len(ids))
        )
        repairs += _gather(batch, placed, response, part, method=method, tile_budget=tile_budget)
        sums.weight[:] = part.weight
    exposure = _finish(placed, sums)
    if peril != "flood":
        exposure["wet_length"][:] = np.nan
    unknown = np.isnan(exposure["exposed_intensity"])
    if nodata == "error" and unknown.any():
        raise DataError(_missing_problem(hazard, ids, unknown))
    coords = {
        "event": hazard["event"].values,
        "asset": ids,
        **{name: hazard[name].variable for name in ("return_period", "annual_rate", "duration_hours")},
    }
    units = {"exposed_intensity": hazard.attrs["unit"], "mean_intensity": hazard.attrs["unit"]}
    result = xr.Dataset(
        {name: VARIABLES[name].array(values) for name, values in exposure.items()},
        coords=coords,
        attrs={
            **{name: hazard.attrs[name] for name in ("family", "peril", "unit", "axis", "nodata", "outside")},
            "method": method,
            "monotonicity_repairs": repairs,
            "assets_outside": int(placed.outside.sum()),
            "unknown_values": int(unknown.sum()),
        },
    )
    for name, unit in units.items():
        result[name].attrs["units"] = unit
    return result


def _outside_problem(hazard: xr.Dataset, ids: NDArray[np.str_], outside: NDArray[np.bool_]) -> Problem:
    bounds = ", ".join(f"{number:.10g}" for number in grid_of(hazard).bounds)
    return Problem(
        subject=f"hazard {hazard.attrs['family']!r}",
        wanted=f"every asset within the map ({bounds} in its CRS; are both CRS right?), or outside='dry' where the map "
        "ends because it is dry",
        got="assets are outside or partly outside",
        count=int(outside.sum()),
        total=len(ids),
        first=tuple(ids[outside][:MAX_SHOWN].tolist()),
    )


def _missing_problem(hazard: xr.Dataset, ids: NDArray[np.str_], unknown: NDArray[np.bool_]) -> Problem:
    bad = unknown.any(axis=0)
    return Problem(
        subject=f"hazard {hazard.attrs['family']!r}",
        wanted="a value in every cell that assets touch, or nodata='dry' or 'unknown', whichever it means in this map",
        got="assets touch cells without data",
        count=int(bad.sum()),
        total=len(ids),
        first=tuple(ids[bad][:MAX_SHOWN].tolist()),
    )


def _response(peril: str, nodata: str, assets: pd.DataFrame, curves: CurveTable) -> Response:
    """Return how assets answer; height and dry threshold are about water."""
    names = assets[f"{peril}_damage_curve"].tolist()
    packed = curves.pack(names, role="damage", peril=peril)
    flood = peril == "flood"

    def column(name: str, otherwise: float) -> NDArray[np.float64]:
        # Its own copy: pandas hands out read-only columns, and kernels would be compiled, and loaded, for both kinds.
        return np.array(assets[name], dtype=np.float64) if flood else np.full(len(assets), otherwise)

    return Response(
        missing=0.0 if nodata == "dry" else np.nan,
        lowest=0.0 if flood else -np.inf,
        threshold=column("dry_threshold", -np.inf),
        height=column("component_height", 0.0),
        curve=np.ascontiguousarray(packed.index, dtype=np.int32),
        indptr=np.ascontiguousarray(packed.indptr, dtype=np.int64),
        x=np.ascontiguousarray(packed.x, dtype=np.float64),
        y=np.ascontiguousarray(packed.y, dtype=np.float64),
    )


def _batches(hazard: xr.Dataset, tile_budget: int) -> Iterator[tuple[slice, xr.Dataset]]:
    """Yield runs of events of which enough tiles fit into the budget; a severity axis stays in one piece."""
    n_event = hazard.sizes["event"]
    fitting = max(1, tile_budget // (LEAST_TILES * 4 << 2 * TILE_SHIFT))
    step = n_event if hazard.attrs["axis"] == "severity" or _in_memory(hazard) else fitting
    for start in range(0, n_event, step):
        events = slice(start, min(start + step, n_event))
        yield events, hazard if step >= n_event else hazard.isel(event=events)


def _in_memory(hazard: xr.Dataset) -> bool:
    return bool(hazard["intensity"].variable._in_memory)


def _gather(
    hazard: xr.Dataset, placed: Placement, response: Response, sums: Sums, *, method: str, tile_budget: int
) -> int:
    """Add all assets to `sums`; return the number of cells repaired."""
    grid = grid_of(hazard)
    a, _, c, _, e, f = grid.transform[:6]
    transform = (float(c), float(a), float(f), float(e))
    # What lies outside is dry; where that is not meant, it has been refused.
    sampled = np.zeros((hazard.sizes["event"], len(placed.owner)))

    def add(raster: Raster, shape: str, selection: NDArray[np.int64]) -> None:
        if shape == "line":
            traverse_lines(raster, placed.lines, selection, response, sums)
        elif shape == "polygon":
            cover_polygons(raster, placed.polygons, selection, response, sums)
        elif len(selection):
            x, y = placed.x[selection], placed.y[selection]
            values = np.empty((len(sampled), len(selection)))
            if method == "bilinear":
                interpolate_points(raster, transform, x, y, response.missing, values)
            else:
                sample_points(raster, transform, x, y, values)
                values[np.isnan(values)] = response.missing
            sampled[:, selection] = values

    column, row = grid.to_cells(placed.x, placed.y)
    on_grid = (column >= 0.0) & (column <= grid.width) & (row >= 0.0) & (row <= grid.height)
    selections = {
        "point": np.flatnonzero(on_grid),
        "line": placed.line_assets,
        "polygon": placed.polygon_assets,
    }
    repairs = 0
    if _in_memory(hazard) and not (hazard.attrs["axis"] == "severity" and hazard.sizes["event"] > 1):
        raster = whole_raster(read_window(hazard, slice(None), slice(None)))
        for shape, selection in selections.items():
            add(raster, shape, selection)
    else:
        buffer = TileBuffer(hazard, tile_budget)
        for shape, selection in selections.items():
            if shape == "point":
                indptr, tile = _point_tiles(column[selection], row[selection], grid, method)
            else:
                indptr, tile = _shape_tiles(placed, shape, selection, grid)
            for run, tiles in _runs(indptr, tile, buffer):
                for start in range(0, len(tiles), buffer.n_slot):
                    add(buffer.load(tiles[start : start + buffer.n_slot]), shape, selection[run])
        repairs = buffer.repairs
    _add_points(sampled, placed, response, sums)
    return repairs


def _point_tiles(
    column: NDArray[np.float64], row: NDArray[np.float64], grid: Grid, method: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tiles of each point, ascending and each once, as indptr and numbers."""
    across = ((grid.width - 1) >> TILE_SHIFT) + 1

    def tile(shift_row: float, shift_column: float) -> NDArray[np.int64]:
        at_row = np.clip(np.floor(row + shift_row), 0, grid.height - 1).astype(np.int64) >> TILE_SHIFT
        at_column = np.clip(np.floor(column + shift_column), 0, grid.width - 1).astype(np.int64) >> TILE_SHIFT
        return at_row * across + at_column

    if method == "nearest":
        return np.arange(len(row) + 1), tile(0.0, 0.0)
    corners = np.stack([tile(below - 0.5, beside - 0.5) for below in (0, 1) for beside in (0, 1)], axis=1)
    once = np.ones(corners.shape, dtype=np.bool_)
    once[:, 1:] = corners[:, 1:] > np.maximum.accumulate(corners, axis=1)[:, :-1]
    return np.concatenate([[0], np.cumsum(once.sum(axis=1))]), corners[once]


def _shape_tiles(
    placed: Placement, shape: str, selection: NDArray[np.int64], grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tiles of each selected line or polygon, each once, as indptr and numbers."""
    indptr = np.zeros(len(selection) + 1, dtype=np.int64)
    tile = np.empty(2 * len(selection), dtype=np.int64)
    while True:
        if shape == "line":
            count = list_line_tiles(placed.lines, selection, grid.height, grid.width, TILE_SHIFT, indptr, tile)
        else:
            count = list_polygon_tiles(placed.polygons, selection, grid.height, grid.width, TILE_SHIFT, indptr, tile)
        if count <= len(tile):
            return indptr, tile[:count]
        tile = np.empty(count, dtype=np.int64)


def _runs(
    indptr: NDArray[np.int64], tile: NDArray[np.int64], buffer: TileBuffer
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield assets, in the order of their first tile, in runs whose tiles fit into the buffer, and those tiles."""
    counts = np.diff(indptr)
    touching = np.flatnonzero(counts)
    if len(touching) == 0:
        return
    first = np.minimum.reduceat(tile, indptr[touching])
    # Sixteen bits are sorted by radix, several times faster than by comparison.
    small = first.astype(np.uint16) if buffer.n_tile <= 2**16 else first
    order = touching[np.argsort(small, kind="stable")]
    counts = counts[order]
    places = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    if len(tile) == len(order):
        tile = tile[indptr[order]]
    else:
        tile = tile[np.repeat(indptr[order] - places[:-1], counts) + np.arange(places[-1])]
    ends = np.empty(len(order), dtype=np.int64)
    n_run = plan_runs(places, tile, buffer.n_slot, buffer.n_tile, ends)
    for start, end in pairwise([0, *ends[:n_run].tolist()]):
        yield order[start:end], np.flatnonzero(np.bincount(tile[places[start] : places[end]]))


def _add_points(sampled: NDArray[np.float64], placed: Placement, response: Response, sums: Sums) -> None:
    """Add the values of points to their assets: one each, or several of equal weight."""
    if len(placed.owner) == 0:
        return
    damage = np.empty_like(sampled)
    evaluate_damage(sampled, placed.owner, response, damage)
    starts = np.flatnonzero(np.diff(placed.owner, prepend=-1))
    asset = placed.owner[starts]
    sums.weight[asset] = np.diff(starts, append=len(placed.owner))
    if len(starts) == len(placed.owner):
        sums.maximum[:, asset], sums.weighted[:, asset], sums.damage[:, asset] = sampled, sampled, damage
    else:
        sums.maximum[:, asset] = np.maximum.reduceat(sampled, starts, axis=1)
        sums.weighted[:, asset] = np.add.reduceat(sampled, starts, axis=1)
        sums.damage[:, asset] = np.add.reduceat(damage, starts, axis=1)


def _finish(placed: Placement, sums: Sums) -> dict[str, NDArray[np.float64]]:
    """Return the registered variables; `sums` is used up."""
    outside = placed.outside
    highest = sums.maximum
    highest[:, outside] = np.maximum(highest[:, outside], 0.0)
    weight = np.where(outside, placed.total, sums.weight)
    mean = np.divide(sums.weighted, weight, out=sums.weighted)
    # Rounding may lift the mean of equal values above them.
    np.minimum(mean, highest, out=mean)
    fraction = np.divide(sums.damage, weight, out=sums.damage)
    np.minimum(fraction, 1.0, out=fraction)
    fraction[np.isnan(highest)] = np.nan
    wet = sums.wet
    wet[np.isnan(highest)] = np.nan
    wet[:, ~placed.is_line] = np.nan
    return {"exposed_intensity": highest, "mean_intensity": mean, "wet_length": wet, "damage_fraction": fraction}
