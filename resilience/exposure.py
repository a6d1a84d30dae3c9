"""From hazard maps to what reaches each asset: highest and mean intensity, wet length, damage fraction.

The geometry goes to the grid, never the grid to the geometry: no value is resampled. Points take the cell they lie in
(or the bilinear mean), lines and polygons every cell they touch, weighted by length or area. Cells are found once for
all events, and only tiles of the map that hold assets are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.curves import CurveTable
from resilience.errors import ConfigurationError, DataError, Problem, Problems, suggestion
from resilience.exposure_shapes import Shapes, place_shapes
from resilience.exposure_tiles import TILE_SHIFT, TileBuffer
from resilience.hazard import grid_of, read_window
from resilience.kernels.lines import list_line_tiles, traverse_lines
from resilience.kernels.points import interpolate_points, sample_points
from resilience.kernels.polygons import cover_polygons, list_polygon_tiles
from resilience.kernels.tiles import Raster, Response, Sums, empty_sums, evaluate_damage, plan_chunks, whole_raster
from resilience.variables import VARIABLES

if TYPE_CHECKING:
    from resilience.network import Network

METHODS = ("nearest", "bilinear")
TILE_BUDGET = 256 * 2**20
"""Bytes of map held at once; the only part of the memory that would grow with the map."""

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
        line in cells above its dry threshold; NaN for other assets), ``damage_fraction`` (curve of each cell, then the
        weighted mean; 0 without a curve). Attributes: peril, unit, family, axis, method, `monotonicity_repairs`,
        `assets_outside`, `missing_values`.

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
    shapes = place_shapes(assets.geometry.to_numpy(), ids=ids, crs=network.crs, grid=grid)
    outside = shapes.outside
    if hazard.attrs["outside"] == "error" and outside.any():
        raise DataError(_outside_problem(hazard, ids[outside], len(ids)))
    response = _response(peril, nodata, assets, curves)

    sums = empty_sums(hazard.sizes["event"], len(ids))
    repairs = 0
    for events, batch in _batches(hazard, tile_budget):
        part = Sums(*(array[events] for array in sums[:4]), weight=np.zeros(len(ids)))
        repairs += _gather(batch, shapes, response, part, method=method, tile_budget=tile_budget)
        sums.weight[:] = part.weight
    weight = np.where(outside, shapes.total, sums.weight)
    return _label(hazard, shapes, response, sums, weight, ids=ids, method=method, repairs=repairs)


def _outside_problem(hazard: xr.Dataset, names: NDArray[np.str_], total: int) -> Problem:
    bounds = ", ".join(f"{number:.10g}" for number in grid_of(hazard).bounds)
    return Problem(
        subject=f"hazard {hazard.attrs['family']!r}",
        wanted=f"every asset within the map ({bounds} in its CRS; is the CRS right?), or outside='dry' where the map "
        "ends because it is dry",
        got="assets are outside or partly outside",
        count=len(names),
        total=total,
        first=tuple(names[:3].tolist()),
    )


def _response(peril: str, nodata: str, assets: object, curves: CurveTable) -> Response:
    """Return how assets answer; height and dry threshold are about water."""
    names = assets[f"{peril}_damage_curve"].tolist()  # type: ignore[index]
    packed = curves.pack(names, role="damage", peril=peril)
    flood = peril == "flood"

    def column(name: str) -> NDArray[np.float64]:
        values = assets[name].to_numpy(dtype=np.float64)  # type: ignore[index]
        return np.ascontiguousarray(values if flood else np.full(len(values), 0.0 if name != "dry_threshold" else -np.inf))

    return Response(
        missing=0.0 if nodata == "dry" else np.nan,
        lowest=0.0 if flood else -np.inf,
        threshold=column("dry_threshold"),
        height=column("component_height"),
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
    hazard: xr.Dataset, shapes: Shapes, response: Response, sums: Sums, *, method: str, tile_budget: int
) -> int:
    """Add all assets to `sums`; return the number of cells repaired."""
    severity = hazard.attrs["axis"] == "severity" and hazard.sizes["event"] > 1
    if _in_memory(hazard) and not severity:
        raster = whole_raster(read_window(hazard, slice(None), slice(None)))
        for selection in (shapes.point_assets, shapes.line_assets, shapes.polygon_assets):
            _add(raster, shapes, selection, response, sums, method=method)
        return 0
    height, width = hazard.sizes["y"], hazard.sizes["x"]
    buffer = TileBuffer(hazard, tile_budget)
    for selection, indptr, tile in _tile_lists(shapes, height, width, method):
        first = tile[np.minimum(indptr[:-1], max(len(tile) - 1, 0))] if len(tile) else np.zeros(0, dtype=np.int64)
        touching = np.flatnonzero(np.diff(indptr) > 0)
        order = touching[np.argsort(first[touching], kind="stable")]
        ends = np.empty(len(order), dtype=np.int64)
        n_run = plan_chunks(order, indptr, tile, buffer.n_slot, buffer.n_tile, ends)
        start = 0
        for end in ends[:n_run]:
            run = order[start:end]
            start = end
            wanted = np.unique(np.concatenate([tile[indptr[k] : indptr[k + 1]] for k in run]))
            for turn in range(0, len(wanted), buffer.n_slot):
                raster = buffer.load(wanted[turn : turn + buffer.n_slot])
                _add(raster, shapes, selection[run], response, sums, method=method)
    return buffer.repairs
