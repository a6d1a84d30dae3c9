"""Geometry placed on a grid: vertices as fractional columns and rows, with the lengths they have in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from resilience.errors import DataError, Problem, Problems
from resilience.grid import Grid
from resilience.kernels.lines import Lines
from resilience.kernels.polygons import Polygons, measure_polygons

BEND = 0.01
"""Largest distance, in cells, between the image of a segment and the straight line that stands for it."""

POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)
LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING, shapely.GeometryType.LINEARRING)
POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Placement:
    """Assets on a grid, by shape.

    Parameters
    ----------
    x, y : (point,) float64
        Points in the grid's CRS.
    owner : (point,) int64
        Asset of each point, ascending. A line without length is a point.
    lines : Lines
        All assets; those that are no lines have no parts.
    polygons : Polygons
        All assets; those that are no polygons have no rings.
    is_line : (asset,) bool
        Also lines without length.
    total : (asset,) float64
        Number of points, length (m) or area (cells), whether on the grid or not.
    outside : (asset,) bool
        Whether any of it lies outside the grid.
    """

    x: _Floats
    y: _Floats
    owner: _Integers
    lines: Lines
    polygons: Polygons
    is_line: NDArray[np.bool_]
    total: _Floats
    outside: NDArray[np.bool_]

    @property
    def line_assets(self) -> _Integers:
        """Assets that have a length."""
        return np.flatnonzero(np.diff(self.lines.asset))

    @property
    def polygon_assets(self) -> _Integers:
        """Assets that have an area."""
        return np.flatnonzero(np.diff(self.polygons.asset))


def place_assets(geometry: NDArray[np.object_], *, ids: NDArray[np.str_], crs: CRS, grid: Grid) -> Placement:
    """Return geometry placed on a grid.

    Parameters
    ----------
    geometry : (asset,) shapely geometry
        Points, lines and polygons, also with several parts.
    ids : (asset,) str
        Their names, for messages.
    crs : pyproj.CRS
        Metric CRS of `geometry`.
    grid : Grid

    Raises
    ------
    DataError
        Geometry that is absent, empty, of another kind, not finite, a polygon without area or invalid, or that cannot
        be brought to the CRS of the grid.

    Notes
    -----
    A segment is straight in `crs`. Its midpoint is projected too; where that lies more than :data:`BEND` cells off the
    straight line, the segment is divided evenly: the distance falls with the square of the number of parts.

    Examples
    --------
    >>> from affine import Affine
    >>> crs = CRS.from_epsg(5187)
    >>> grid = Grid(crs, Affine(10, 0, 0, 0, -10, 30), height=3, width=4)
    >>> line = np.array([shapely.LineString([(5, 5), (25, 5)])])
    >>> placed = place_assets(line, ids=np.array(["R1"]), crs=crs, grid=grid)
    >>> placed.lines.column.tolist(), placed.lines.row.tolist(), placed.total.tolist()
    ([0.5, 2.5], [2.5, 2.5], [20.0])
    """
    kinds = _check_geometry(geometry, ids)
    n = len(geometry)
    is_line = np.isin(kinds, LINES)
    length = np.zeros(n)
    length[is_line] = shapely.length(geometry[is_line])
    as_point = np.isin(kinds, POINTS) | (is_line & (length == 0.0))
    same = crs.equals(grid.crs, ignore_axis_order=True)
    transformer = None if same else _transformer(crs, grid.crs)

    points = np.flatnonzero(as_point)
    spots, which = shapely.get_coordinates(_as_points(geometry[points]), return_index=True)
    owner = points[which]
    x, y = _project(spots, transformer)
    spot_column, spot_row = grid.to_cells(x, y)

    strings = np.flatnonzero(is_line & ~as_point)
    parts, which = shapely.get_parts(geometry[strings], return_index=True)
    column, row, piece, part_of = _to_grid(parts, transformer, grid)
    lines = Lines(column, row, piece, _indptr(part_of, len(parts)), _indptr(strings[which], n))
    line_of_vertex = strings[which][part_of]

    areas = np.flatnonzero(np.isin(kinds, POLYGONS))
    parts, which = shapely.get_parts(geometry[areas], return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    hole = np.zeros(len(rings), dtype=np.bool_)
    hole[1:] = part_of_ring[1:] == part_of_ring[:-1]
    column, row, _, ring_of = _to_grid(rings, transformer, grid)
    ring_asset = areas[which][part_of_ring]
    polygons = Polygons(column, row, _indptr(ring_of, len(rings)), hole, _indptr(ring_asset, n))

    outside = np.zeros(n, dtype=np.bool_)
    lost = np.zeros(n, dtype=np.bool_)
    for columns, rows, asset in (
        (spot_column, spot_row, owner),
        (lines.column, lines.row, line_of_vertex),
        (polygons.column, polygons.row, ring_asset[ring_of]),
    ):
        lost[asset[~(np.isfinite(columns) & np.isfinite(rows))]] = True
        on_grid = (columns >= 0.0) & (columns <= grid.width) & (rows >= 0.0) & (rows <= grid.height)
        outside[asset[~on_grid]] = True
    problems = Problems()
    _note(problems, lost, ids, wanted=f"coordinates that exist in the hazard's CRS ({grid.crs.name})", got="do not")
    problems.raise_if_any(DataError)

    total = np.bincount(owner, minlength=n).astype(np.float64)
    total[strings] = length[strings]
    area = np.empty(len(areas))
    measure_polygons(polygons, areas, area)
    total[areas] = area
    return Placement(x, y, owner, lines, polygons, is_line, total, outside)


def _check_geometry(geometry: NDArray[np.object_], ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the kind of each geometry; raise with all that cannot be used."""
    kinds = np.asarray(shapely.get_type_id(geometry), dtype=np.int64)
    empty = np.asarray(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    area = np.isin(kinds, POLYGONS) & ~empty
    known = np.isin(kinds, [*POINTS, *LINES, *POLYGONS])
    coordinates, asset = shapely.get_coordinates(geometry, return_index=True)
    infinite = np.zeros(len(geometry), dtype=np.bool_)
    infinite[asset[~np.isfinite(coordinates).all(axis=1)]] = True
    invalid = area & ~infinite
    invalid[invalid] = ~(shapely.is_valid(geometry[invalid]) & (shapely.area(geometry[invalid]) > 0.0))
    problems = Problems()
    _note(problems, empty, ids, wanted="a point, line or polygon each", got="have no geometry")
    _note(problems, ~known & ~empty, ids, wanted="points, lines or polygons", got="have another kind of geometry")
    _note(problems, infinite, ids, wanted="finite coordinates", got="have others")
    _note(
        problems, invalid, ids, wanted="simple polygons with an area (shapely.make_valid)", got="have invalid polygons"
    )
    problems.raise_if_any(DataError)
    return kinds


def _note(problems: Problems, bad: NDArray[np.bool_], ids: NDArray[np.str_], *, wanted: str, got: str) -> None:
    if bad.any():
        names = ids[bad]
        problems.add("assets.geometry", wanted=wanted, got=got, count=len(names), total=len(ids), first=names[:4])


def _as_points(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return points, with the first vertex in the place of lines without length."""
    result = geometry.copy()
    for k in np.flatnonzero(~np.isin(shapely.get_type_id(geometry), POINTS)):
        result[k] = shapely.Point(shapely.get_coordinates(geometry[k])[0])
    return result


def _transformer(crs: CRS, to: CRS) -> Transformer:
    try:
        return Transformer.from_crs(crs, to, always_xy=True)
    except ProjError as error:
        wanted = f"a CRS that can be reached from the working CRS {crs.name}"
        reason = " ".join(str(error).split())
        raise DataError(Problem("CRS of the hazard map", wanted, f"{to.name} ({reason})")) from error


def _project(xy: _Floats, transformer: Transformer | None) -> tuple[_Floats, _Floats]:
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    if transformer is None or len(xy) == 0:
        return x, y
    there = transformer.transform(x, y)
    return np.asarray(there[0], dtype=np.float64), np.asarray(there[1], dtype=np.float64)


def _indptr(group: _Integers, n: int) -> _Integers:
    """Return where each of `n` groups begins in an ascending list of group numbers."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.bincount(group, minlength=n))]).astype(np.int64)


def _to_grid(
    parts: NDArray[np.object_], transformer: Transformer | None, grid: Grid
) -> tuple[_Floats, _Floats, _Floats, _Integers]:
    """Return column, row, length of the segment that starts there (m) and part of each vertex of lines or rings."""
    xy, part = shapely.get_coordinates(parts, return_index=True)
    column, row = grid.to_cells(*_project(xy, transformer))
    inner = np.flatnonzero(part[1:] == part[:-1])
    move = xy[inner + 1] - xy[inner]
    length = np.zeros(len(xy))
    length[inner] = np.hypot(move[:, 0], move[:, 1])
    if transformer is None or not (np.isfinite(column).all() and np.isfinite(row).all()):
        return column, row, length, part
    mid_column, mid_row = grid.to_cells(*_project(xy[inner] + 0.5 * move, transformer))
    bend = np.hypot(
        mid_column - 0.5 * (column[inner] + column[inner + 1]), mid_row - 0.5 * (row[inner] + row[inner + 1])
    )
    division = np.ones(len(xy), dtype=np.int64)
    division[inner] = np.maximum(1, np.ceil(np.sqrt(bend / BEND)))
    if (division == 1).all():
        return column, row, length, part
    start = np.repeat(np.arange(len(xy)), division)
    step = np.arange(len(start)) - np.repeat(np.cumsum(division) - division, division)
    share = step / division[start]
    fine = xy[start] + share[:, np.newaxis] * (xy[np.minimum(start + 1, len(xy) - 1)] - xy[start])
    fine_column, fine_row = grid.to_cells(*_project(fine, transformer))
    return fine_column, fine_row, (length / division)[start], part[start]
