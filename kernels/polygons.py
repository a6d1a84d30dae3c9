"""Polygons against a raster: the exact share of every cell that they cover.

Each edge adds, to every cell it passes, the signed area between it and the right border of that cell, and its height
to all cells further right; a running sum along the row turns this into coverage. Holes run the other way round, so
they take their area off again. No cell centre is tested and no cell inside is visited twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.tiles import COLUMN_BITS, Raster, Response, Sums, add_runs

STRIP = 65_536
"""Cells of a strip of rows worked on at once: 512 kB, within the second cache."""

BUFFER = 4096
"""Covered cells held before their values are read."""

TRACE = 1e-9
"""Smallest coverage, as a share of the cell or of a smaller polygon; below it is rounding of the running sum."""


class Polygons(NamedTuple):
    """Polygons in cell coordinates.

    Parameters
    ----------
    column, row : (vertex,) float64
        Finite; may lie outside the raster. Rings are closed.
    ring : (ring + 1,) int64
        Vertices of ring r are ``ring[r]:ring[r + 1]``, in either direction.
    hole : (ring,) bool
        Whether the ring bounds a hole.
    asset : (asset + 1,) int64
        Rings of asset a are ``asset[a]:asset[a + 1]``.
    """

    column: NDArray[np.float64]
    row: NDArray[np.float64]
    ring: NDArray[np.int64]
    hole: NDArray[np.bool_]
    asset: NDArray[np.int64]


@kernel
def ring_area(polygons: Polygons, ring: int) -> float:
    """Return the signed area of a ring, in cells."""
    start, stop = polygons.ring[ring], polygons.ring[ring + 1]
    # Relative to the first vertex: products of large coordinates would cancel.
    column, row = polygons.column[start], polygons.row[start]
    area = 0.0
    for k in range(start, stop - 1):
        area += (polygons.column[k] - column) * (polygons.row[k + 1] - row) - (polygons.column[k + 1] - column) * (
            polygons.row[k] - row
        )
    return 0.5 * area


@kernel
def measure_polygons(polygons: Polygons, selection: NDArray[np.int64], area: NDArray[np.float64]) -> None:
    """Write the area of each selected polygon, in cells, also of what lies outside the raster. O(vertices)."""
    for position in range(selection.size):
        total = 0.0
        for ring in range(polygons.asset[selection[position]], polygons.asset[selection[position] + 1]):
            size = abs(ring_area(polygons, ring))
            total += -size if polygons.hole[ring] else size
        area[position] = total


@kernel
def add_piece(
    left_area: NDArray[np.float64], columns: int, start: float, start_row: float, end: float, end_row: float
) -> None:
    """Add a piece of an edge that stays within one row to that row; columns are relative to the window.

    What lies left of the window covers its first column and all further ones; what lies right of it covers none.
    """
    height = end_row - start_row
    low, high = min(start, end), max(start, end)
    if high <= 0.0:
        left_area[0] += height
    elif low < columns:
        # Shares, not slopes: the slope of an edge that is nearly upright or level may overflow.
        across = high - low
        if low < 0.0:
            left_area[0] += height * ((0.0 - low) / across)
            low = 0.0
        if high > columns:
            high = float(columns)
        first, last = int(np.floor(low)), min(int(np.floor(high)), columns - 1)
        if first >= last:
            part = height * ((high - low) / across) if across > 0.0 else height
            inside = 0.5 * (low + high) - first
            left_area[first] += part * (1.0 - inside)
            left_area[first + 1] += part * inside
        else:
            for column in range(first, last + 1):
                from_left = max(low, float(column))
                to_right = min(high, float(column + 1))
                part = height * ((to_right - from_left) / across)
                inside = 0.5 * (from_left + to_right) - column
                left_area[column] += part * (1.0 - inside)
                left_area[column + 1] += part * inside


@kernel
def cover_rows(
    polygons: Polygons, asset: int, first_row: int, first_column: int, columns: int, area: NDArray[np.float64]
) -> None:
    """Write the coverage of a window of the raster by one polygon.

    Parameters
    ----------
    polygons : Polygons
    asset : int
    first_row, first_column, columns : int
        Window; it has as many rows as `area`.
    area : (rows, at least columns + 1) float64
        Output: share of each cell that is covered; the last column is work space.

    Notes
    -----
    O(edges + cells of the window). Rounding is about 1e-16 times the number of edges in a row.
    """
    rows = area.shape[0]
    area[:, : columns + 1] = 0.0
    for ring in range(polygons.asset[asset], polygons.asset[asset + 1]):
        turn = -1.0 if (ring_area(polygons, ring) < 0.0) != polygons.hole[ring] else 1.0
        for k in range(polygons.ring[ring], polygons.ring[ring + 1] - 1):
            column, row = polygons.column[k] - first_column, polygons.row[k] - first_row
            end_column, end_row = polygons.column[k + 1] - first_column, polygons.row[k + 1] - first_row
            top, bottom = max(min(row, end_row), 0.0), min(max(row, end_row), float(rows))
            if not bottom > top:
                continue
            move_column, move_row = end_column - column, end_row - row
            # Downward edges lie on the right of a ring that turns from columns towards rows.
            sign = turn if end_row < row else -turn
            upper, at = top, column + move_column * ((top - row) / move_row)
            for number in range(int(np.floor(top)), rows):
                lower = min(float(number + 1), bottom)
                if not lower > upper:
                    break
                exact_end = lower == max(row, end_row)
                to = (
                    (end_column if end_row > row else column)
                    if exact_end
                    else column + move_column * ((lower - row) / move_row)
                )
                add_piece(area[number], columns, at, sign * upper, to, sign * lower)
                upper, at = lower, to
    for number in range(rows):
        total = 0.0
        for k in range(columns):
            total += area[number, k]
            area[number, k] = total


@kernel
def polygon_window(polygons: Polygons, asset: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return first and end row, first and end column of the cells a polygon may touch on the raster."""
    start, stop = polygons.ring[polygons.asset[asset]], polygons.ring[polygons.asset[asset + 1]]
    column, row = polygons.column[start:stop], polygons.row[start:stop]
    first_row = int(np.floor(min(max(row.min(), 0.0), float(height))))
    end_row = int(np.ceil(min(max(row.max(), 0.0), float(height))))
    first_column = int(np.floor(min(max(column.min(), 0.0), float(width))))
    end_column = int(np.ceil(min(max(column.max(), 0.0), float(width))))
    return first_row, end_row, first_column, end_column


@kernel
def cover_polygons(
    raster: Raster, polygons: Polygons, selection: NDArray[np.int64], response: Response, sums: Sums
) -> None:
    """Add what each selected polygon covers to `sums`: highest value, and sums weighted by area, in cells.

    Parameters
    ----------
    raster : Raster
        Cells in tiles that are not loaded, or outside the raster, add nothing.
    polygons : Polygons
        With area; parts do not overlap.
    selection : (n,) int64
        Assets to work on; assets near one another should follow one another.
    response, sums : Response, Sums
        Per asset.

    Notes
    -----
    Works through strips of rows, so a polygon as large as the raster needs no more memory. O(cells of the polygon's
    window x bands + edges x strips).
    """
    area = np.empty(STRIP + raster.width + 1, dtype=np.float64)
    cell = np.empty(BUFFER, dtype=np.int64)
    weight = np.empty(BUFFER, dtype=np.float64)
    owner = np.empty(BUFFER, dtype=np.int64)
    end = np.empty(BUFFER, dtype=np.int64)
    size = np.empty(1, dtype=np.float64)
    n = 0
    n_run = 0
    for position in range(selection.size):
        asset = selection[position]
        if polygons.asset[asset] == polygons.asset[asset + 1]:
            continue
        measure_polygons(polygons, selection[position : position + 1], size)
        least = TRACE * min(1.0, size[0])
        first_row, end_row, first_column, end_column = polygon_window(polygons, asset, raster.height, raster.width)
        columns = end_column - first_column
        if columns <= 0 or end_row <= first_row:
            continue
        # A polygon is divided only if it may not fit alone: its sums must not depend on what else is in the buffer.
        if n_run == BUFFER - 1 or n + columns * (end_row - first_row) > BUFFER:
            add_runs(raster, cell, weight, owner, end, n_run, response, sums)
            n = 0
            n_run = 0
        step = max(1, STRIP // (columns + 1))
        for start in range(first_row, end_row, step):
            rows = min(step, end_row - start)
            strip = area[: rows * (columns + 1)].reshape((rows, columns + 1))
            cover_rows(polygons, asset, start, first_column, columns, strip)
            for number in range(rows):
                for k in range(columns):
                    if strip[number, k] > least:
                        if n == BUFFER:
                            owner[0], end[0] = asset, n
                            add_runs(raster, cell, weight, owner, end, 1, response, sums)
                            n = 0
                        cell[n] = ((start + number) << COLUMN_BITS) | (first_column + k)
                        weight[n] = strip[number, k]
                        n += 1
        owner[n_run], end[n_run] = asset, n
        n_run += 1
    add_runs(raster, cell, weight, owner, end, n_run, response, sums)


@kernel
def list_polygon_tiles(
    polygons: Polygons,
    selection: NDArray[np.int64],
    height: int,
    width: int,
    shift: int,
    indptr: NDArray[np.int64],
    tile: NDArray[np.int64],
) -> int:
    """List the tiles (of ``2**shift`` cells) under each selected polygon's window, row-major; return their number.

    `indptr` (n + 1,) tells where those of each polygon begin; what does not fit into `tile` is counted, not written.
    """
    across = ((width - 1) >> shift) + 1
    count = 0
    indptr[0] = 0
    for position in range(selection.size):
        first_row, end_row, first_column, end_column = polygon_window(polygons, selection[position], height, width)
        if end_row > first_row and end_column > first_column:
            for tile_row in range(first_row >> shift, ((end_row - 1) >> shift) + 1):
                for tile_column in range(first_column >> shift, ((end_column - 1) >> shift) + 1):
                    if count < tile.size:
                        tile[count] = tile_row * across + tile_column
                    count += 1
        indptr[position + 1] = count
    return count
