"""Lines against a raster: exact traversal, cell by cell (Amanatides and Woo 1987).

A cell (i, j) owns [j, j+1) x [i, i+1) in cell coordinates (column, row), so a piece on a border belongs to the cell
with the higher number; the last row and column also own the outer border. There are no pieces of zero length: what is
shorter than 1e-9 of a cell is rounding of the coordinates (1e6 m in float64 carry 1e-10 m) and joins its neighbour.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.tiles import COLUMN_BITS, COLUMN_MASK, Raster, Response, Sums, add_runs

SLIVER = 1e-9
"""Shortest piece, in cells."""

LEVEL = 1e-290
"""Smaller moves along an axis are none: the share at which they meet a border would overflow."""

BUFFER = 4096
"""Pieces held before their values are read: 64 kB, and 256 kB of values asked for, within the second cache."""


class Lines(NamedTuple):
    """Lines in cell coordinates.

    Parameters
    ----------
    column, row : (vertex,) float64
        Finite; may lie outside the raster.
    length : (vertex,) float64
        Length of the segment that starts at the vertex; unused at the last vertex of a part.
    part : (part + 1,) int64
        Vertices of part p are ``part[p]:part[p + 1]``.
    asset : (asset + 1,) int64
        Parts of asset a are ``asset[a]:asset[a + 1]``.
    """

    column: NDArray[np.float64]
    row: NDArray[np.float64]
    length: NDArray[np.float64]
    part: NDArray[np.int64]
    asset: NDArray[np.int64]


@kernel
def first_cell(start: float, end: float, size: int) -> int:
    """Return the row or column in which a move from `start` to `end` begins."""
    if end < start:
        return int(np.ceil(start)) - 1
    if end > start:
        return int(np.floor(start))
    return min(int(np.floor(start)), size - 1)


@kernel
def clip_segment(
    column: float, row: float, end_column: float, end_row: float, height: int, width: int
) -> tuple[float, float]:
    """Return the shares of the segment at which it enters and leaves the raster (Liang and Barsky 1984)."""
    enter = 0.0
    leave = 1.0
    for axis in range(2):
        start = column if axis == 0 else row
        move = end_column - column if axis == 0 else end_row - row
        size = width if axis == 0 else height
        if abs(move) < LEVEL:
            if start < 0.0 or start > size:
                return 1.0, 0.0
        else:
            low = (0.0 - start) / move
            high = (size - start) / move
            enter = max(enter, min(low, high))
            leave = min(leave, max(low, high))
    return enter, leave


@kernel
def walk_segment(
    column: float,
    row: float,
    end_column: float,
    end_row: float,
    height: int,
    width: int,
    start: int,
    cell: NDArray[np.int64],
    share: NDArray[np.float64],
) -> int:
    """Append the pieces of a segment on the raster and return the new number of pieces.

    Both ends lie on the raster and differ. `cell` and `share` (of the segment) have room for the rows and columns
    crossed plus one. O(pieces).
    """
    move_column = end_column - column
    move_row = end_row - row
    at_column = first_cell(column, end_column, width)
    at_row = first_cell(row, end_row, height)
    column_steps = abs(first_cell(end_column, column, width) - at_column)
    row_steps = abs(first_cell(end_row, row, height) - at_row)
    steps = column_steps + row_steps
    at = (at_row << COLUMN_BITS) | at_column
    if steps == 0:
        cell[start] = at
        share[start] = 1.0
        return start + 1
    step_column = 1 if move_column > 0.0 else -1
    step_row = (1 if move_row > 0.0 else -1) << COLUMN_BITS
    # Crossings come from the border's number, not from a running sum: no drift, and a corner is met by both at once.
    per_column = 1.0 / move_column if column_steps > 0 else 0.0
    per_row = 1.0 / move_row if row_steps > 0 else 0.0
    border_column = float(at_column + (1 if move_column > 0.0 else 0))
    border_row = float(at_row + (1 if move_row > 0.0 else 0))
    towards_column = 1.0 if move_column > 0.0 else -1.0
    towards_row = 1.0 if move_row > 0.0 else -1.0
    never = 2.0
    cross_column = (border_column - column) * per_column if column_steps > 0 else never
    cross_row = (border_row - row) * per_row if row_steps > 0 else never
    sliver = SLIVER / max(abs(move_column), abs(move_row))
    done = 0.0
    n = start
    first = at
    for _ in range(steps):
        across = cross_column < cross_row
        now = cross_column if across else cross_row
        if now - done > sliver:
            cell[n] = at
            share[n] = now - done
            n += 1
            done = now
        if across:
            at += step_column
            border_column += towards_column
            cross_column = (border_column - column) * per_column
        else:
            at += step_row
            border_row += towards_row
            cross_row = (border_row - row) * per_row
    if n == start:
        cell[n] = at if 1.0 - done > sliver else first
        share[n] = 1.0
        n += 1
    elif 1.0 - done > sliver:
        cell[n] = at
        share[n] = 1.0 - done
        n += 1
    else:
        share[n - 1] += 1.0 - done
    return n


@kernel
def add_segment(
    lines: Lines, vertex: int, height: int, width: int, start: int, cell: NDArray[np.int64], weight: NDArray[np.float64]
) -> int:
    """Append the pieces, with their lengths, of the segment that starts at `vertex`; return their new number."""
    column, row = lines.column[vertex], lines.row[vertex]
    end_column, end_row = lines.column[vertex + 1], lines.row[vertex + 1]
    length = lines.length[vertex]
    inside = (
        min(column, end_column) >= 0.0
        and max(column, end_column) <= width
        and min(row, end_row) >= 0.0
        and max(row, end_row) <= height
    )
    if not inside:
        enter, leave = clip_segment(column, row, end_column, end_row, height, width)
        if not leave > enter:
            return start
        move_column, move_row = end_column - column, end_row - row
        end_column = min(max(column + leave * move_column, 0.0), float(width))
        end_row = min(max(row + leave * move_row, 0.0), float(height))
        column = min(max(column + enter * move_column, 0.0), float(width))
        row = min(max(row + enter * move_row, 0.0), float(height))
        length *= leave - enter
    if column == end_column and row == end_row:
        if length > 0.0:
            at_row, at_column = first_cell(row, row, height), first_cell(column, column, width)
            cell[start] = (at_row << COLUMN_BITS) | at_column
            weight[start] = length
            return start + 1
        return start
    n = walk_segment(column, row, end_column, end_row, height, width, start, cell, weight)
    for k in range(start, n):
        weight[k] *= length
    return n


@kernel
def pieces_bound(lines: Lines, vertex: int, height: int, width: int) -> int:
    """Return an upper bound of the pieces of the segment that starts at `vertex`."""
    across = min(abs(lines.column[vertex + 1] - lines.column[vertex]), float(width))
    along = min(abs(lines.row[vertex + 1] - lines.row[vertex]), float(height))
    return int(across) + int(along) + 5


@kernel
def traverse_lines(raster: Raster, lines: Lines, selection: NDArray[np.int64], response: Response, sums: Sums) -> None:
    """Add what each selected line meets to `sums`: highest value, and sums weighted by length.

    Parameters
    ----------
    raster : Raster
        Pieces in tiles that are not loaded, or outside the raster, add nothing.
    lines : Lines
        A line without length adds nothing.
    selection : (n,) int64
        Assets to work on; assets near one another should follow one another.
    response, sums : Response, Sums
        Per asset.

    Notes
    -----
    One traversal for all bands; O(pieces x bands), about 4 ns per piece and band while the cells are in cache.

    References
    ----------
    Amanatides, J. and Woo, A. (1987). A fast voxel traversal algorithm for ray tracing. Eurographics.
    """
    height, width = raster.height, raster.width
    room = max(BUFFER, height + width + 8)
    cell = np.empty(room, dtype=np.int64)
    weight = np.empty(room, dtype=np.float64)
    owner = np.empty(BUFFER, dtype=np.int64)
    end = np.empty(BUFFER, dtype=np.int64)
    n = 0
    n_run = 0
    for asset in selection:
        bound = 0
        for part in range(lines.asset[asset], lines.asset[asset + 1]):
            for vertex in range(lines.part[part], lines.part[part + 1] - 1):
                bound += pieces_bound(lines, vertex, height, width)
        # A line is divided only if it does not fit alone: its sums must not depend on what else is in the buffer.
        if n_run == BUFFER - 1 or n + bound > BUFFER:
            add_runs(raster, cell, weight, owner, end, n_run, response, sums)
            n = 0
            n_run = 0
        for part in range(lines.asset[asset], lines.asset[asset + 1]):
            for vertex in range(lines.part[part], lines.part[part + 1] - 1):
                if n + pieces_bound(lines, vertex, height, width) > room:
                    owner[0], end[0] = asset, n
                    add_runs(raster, cell, weight, owner, end, 1, response, sums)
                    n = 0
                n = add_segment(lines, vertex, height, width, n, cell, weight)
        owner[n_run], end[n_run] = asset, n
        n_run += 1
    add_runs(raster, cell, weight, owner, end, n_run, response, sums)


@kernel
def split_lines(
    lines: Lines,
    height: int,
    width: int,
    indptr: NDArray[np.int64],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    length: NDArray[np.float64],
) -> int:
    """Write every piece of every line: its cell and its length, in the order of travel; return their number.

    Parameters
    ----------
    lines : Lines
    height, width : int
        Rows and columns of the raster; nothing is written for what lies outside.
    indptr : (asset + 1,) int64
        Output: where the pieces of each asset begin.
    row, column : (any,) int64
    length : (any,) float64
        Output. What does not fit is counted, not written: call again with more room.

    Notes
    -----
    A piece is a run of a part within one cell: it goes on over a vertex. O(pieces).
    """
    room = height + width + 8
    cell = np.empty(room, dtype=np.int64)
    weight = np.empty(room, dtype=np.float64)
    count = 0
    indptr[0] = 0
    for asset in range(lines.asset.size - 1):
        for part in range(lines.asset[asset], lines.asset[asset + 1]):
            last = -1
            for vertex in range(lines.part[part], lines.part[part + 1] - 1):
                n = add_segment(lines, vertex, height, width, 0, cell, weight)
                for k in range(n):
                    if cell[k] != last:
                        last = cell[k]
                        count += 1
                        if count <= length.size:
                            row[count - 1] = last >> COLUMN_BITS
                            column[count - 1] = last & COLUMN_MASK
                            length[count - 1] = 0.0
                    if count <= length.size:
                        length[count - 1] += weight[k]
        indptr[asset + 1] = count
    return count


@kernel
def list_line_tiles(
    lines: Lines,
    selection: NDArray[np.int64],
    height: int,
    width: int,
    shift: int,
    indptr: NDArray[np.int64],
    tile: NDArray[np.int64],
) -> int:
    """List the tiles (of ``2**shift`` cells) that each selected line touches, each once; return their number.

    Parameters
    ----------
    lines, selection, height, width, shift
        Lines, assets to work on, rows and columns of the raster, tile size.
    indptr : (n + 1,) int64
        Output: where the tiles of each selected line begin.
    tile : (any,) int64
        Output: number of the tile, row-major. What does not fit is counted, not written: call again with more room.

    Notes
    -----
    The very walk of :func:`traverse_lines`, so that no piece can fall into a tile that was not listed. O(pieces).
    """
    room = height + width + 8
    cell = np.empty(room, dtype=np.int64)
    weight = np.empty(room, dtype=np.float64)
    across = ((width - 1) >> shift) + 1
    stamp = np.full((((height - 1) >> shift) + 1) * across, -1, dtype=np.int64)
    count = 0
    indptr[0] = 0
    for position in range(selection.size):
        asset = selection[position]
        last = -1
        for part in range(lines.asset[asset], lines.asset[asset + 1]):
            for vertex in range(lines.part[part], lines.part[part + 1] - 1):
                n = add_segment(lines, vertex, height, width, 0, cell, weight)
                for k in range(n):
                    number = ((cell[k] >> COLUMN_BITS) >> shift) * across + ((cell[k] & COLUMN_MASK) >> shift)
                    if number != last and stamp[number] != position:
                        stamp[number] = position
                        if count < tile.size:
                            tile[count] = number
                        count += 1
                    last = number
        indptr[position + 1] = count
    return count
