"""Where a cell's value lies in memory, and what an asset takes from the cells it touches.

Rasters larger than memory are held as a compact buffer of square tiles. A table with one entry per tile tells where
the tile begins in the buffer, so that the exposure kernels read a buffer and a whole array alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.curves import interpolate_curve
from resilience.kernels.prefetch import prefetch

WHOLE_SHIFT = 62
"""One tile of 2**62 rows and columns: the array is its own tile."""

COLUMN_BITS = 32
"""A cell is held as ``row << COLUMN_BITS | column``."""

COLUMN_MASK = (1 << COLUMN_BITS) - 1


class Raster(NamedTuple):
    """Values of a raster, complete or as loaded tiles.

    Parameters
    ----------
    values : (band, y, x) float32
        C-contiguous. Complete: the raster. Tiled: ``(band, slot * size, size)``, size a power of two.
    tiles : (tile_row, tile_column) int64
        Offset of each tile's first cell in a band of `values`, -1 if not loaded; ``[[0]]`` for a complete raster.
    height, width : int
        Rows and columns of the raster itself.
    """

    values: NDArray[np.float32]
    tiles: NDArray[np.int64]
    height: int
    width: int


class Response(NamedTuple):
    """How each asset answers to the value of a cell.

    Parameters
    ----------
    missing : float
        Value of cells that are NaN: a number, or NaN to make the asset NaN.
    lowest : float
        Only values above it act: 0 for water depth, -inf where every value means something.
    threshold, height : (asset,) float64
        Dry threshold; height of the component above ground.
    curve : (asset,) int32
        Number of the damage curve, -1 none.
    indptr : (curve + 1,) int64
        Points of curve k are ``indptr[k]:indptr[k + 1]``.
    x, y : (point,) float64
        Intensity, ascending within a curve, and fraction of the value lost.
    """

    missing: float
    lowest: float
    threshold: NDArray[np.float64]
    height: NDArray[np.float64]
    curve: NDArray[np.int32]
    indptr: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Sums(NamedTuple):
    """What has been gathered per asset; the weight is a length or an area.

    Parameters
    ----------
    maximum : (band, asset) float64
        Highest value, from -inf.
    weighted, wet, damage : (band, asset) float64
        Sum of weight x value, of the weight above the threshold, of weight x damage fraction; from 0.
    weight : (asset,) float64
        Sum of the weight, from 0.
    """

    maximum: NDArray[np.float64]
    weighted: NDArray[np.float64]
    wet: NDArray[np.float64]
    damage: NDArray[np.float64]
    weight: NDArray[np.float64]


def whole_raster(values: NDArray[np.float32]) -> Raster:
    """Return an array (band, y, x) or (y, x) as a complete raster."""
    stack = np.ascontiguousarray(values, dtype=np.float32)
    if stack.ndim == 2:
        stack = stack[np.newaxis]
    return Raster(stack, np.zeros((1, 1), dtype=np.int64), int(stack.shape[1]), int(stack.shape[2]))


def no_response(n_asset: int, *, threshold: float = 0.0) -> Response:
    """Return a response without damage curves; missing cells count as 0."""
    return Response(
        missing=0.0,
        lowest=0.0,
        threshold=np.full(n_asset, threshold),
        height=np.zeros(n_asset),
        curve=np.full(n_asset, -1, dtype=np.int32),
        indptr=np.zeros(1, dtype=np.int64),
        x=np.zeros(0),
        y=np.zeros(0),
    )


def empty_sums(n_band: int, n_asset: int) -> Sums:
    """Return sums before the first cell."""
    shape = (n_band, n_asset)
    return Sums(np.full(shape, -np.inf), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(n_asset))


@kernel
def tile_shift(raster: Raster) -> int:
    """Return the power of two of the tile size: 62 for a complete raster."""
    if raster.tiles.size == 1:
        return WHOLE_SHIFT
    shift = 0
    while (1 << shift) < raster.values.shape[2]:
        shift += 1
    return shift


@kernel
def cell_offset(tiles: NDArray[np.int64], shift: int, stride: int, row: int, column: int) -> int:
    """Return the position of a cell within a band, -1 if its tile is not loaded; the cell must lie on the raster."""
    base = tiles[row >> shift, column >> shift]
    mask = (1 << shift) - 1
    return base + (row & mask) * stride + (column & mask) if base >= 0 else -1


@kernel
def find_cells(raster: Raster, cell: NDArray[np.int64], n: int, offset: NDArray[np.int64]) -> None:
    """Write the position within a band of the first `n` cells ``row << 32 | column``; -1 for -1 and where not loaded.

    `offset` may be `cell` itself. O(n).
    """
    stride = raster.values.shape[2]
    if raster.tiles.size == 1:
        for k in range(n):
            offset[k] = (cell[k] >> COLUMN_BITS) * stride + (cell[k] & COLUMN_MASK) if cell[k] >= 0 else -1
    else:
        shift = tile_shift(raster)
        for k in range(n):
            if cell[k] >= 0:
                offset[k] = cell_offset(raster.tiles, shift, stride, cell[k] >> COLUMN_BITS, cell[k] & COLUMN_MASK)
            else:
                offset[k] = -1


@kernel
def damage_at(
    value: float,
    lowest: float,
    threshold: float,
    height: float,
    start: int,
    stop: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> float:
    """Return the damage fraction of a cell: 0 for a dry cell, below the threshold, or below the component.

    The intensity at the component is value - height; the curve ``start:stop`` is read there. A component below ground
    (height < 0) in a dry cell stays dry. NaN stays NaN. The parameters are those of :class:`Response`: handed over as a
    whole, its arrays are counted as references at every cell, which takes ten times as long as the curve.
    """
    # Depths are float32: 0.3 stored is 0.30000001, which a float64 threshold of 0.3 would call wet.
    dry = value <= lowest or value - np.float32(height) <= lowest
    if dry or value < np.float32(threshold):
        return 0.0
    return interpolate_curve(value - height, start, stop, x, y)


@kernel
def drop_absent(offset: NDArray[np.int64], weight: NDArray[np.float64], end: NDArray[np.int64], n_run: int) -> None:
    """Take the pieces whose tile is not loaded (offset -1) out of every run. They come in another pass. O(pieces)."""
    kept = 0
    k = 0
    for run in range(n_run):
        while k < end[run]:
            if offset[k] >= 0:
                offset[kept] = offset[k]
                weight[kept] = weight[k]
                kept += 1
            k += 1
        end[run] = kept


@kernel
def add_runs(
    raster: Raster,
    cell: NDArray[np.int64],
    weight: NDArray[np.float64],
    asset: NDArray[np.int64],
    end: NDArray[np.int64],
    n_run: int,
    response: Response,
    sums: Sums,
) -> None:
    """Add pieces, each with its cell and weight, to the sums of their assets, over all bands.

    Parameters
    ----------
    raster : Raster
    cell : (any,) int64
        Cells ``row << 32 | column``; used up.
    weight : (any,) float64
        Length or area of the piece; used up.
    asset, end : (any,) int64
        The pieces of ``asset[i]`` end before ``end[i]``, where those of the next begin; `end` is used up.
    n_run : int
        Number of assets.
    response, sums : Response, Sums

    Notes
    -----
    A few thousand pieces at a time: their values are asked for first, so that memory answers many at once, and all
    bands read the same positions from the second cache. O(pieces x bands).
    """
    if n_run == 0:
        return
    find_cells(raster, cell, end[n_run - 1], cell)
    if raster.tiles.size > 1:
        drop_absent(cell, weight, end, n_run)
    n = end[n_run - 1]
    missing = np.float32(response.missing)
    thresholds, heights, curves, indptr = response.threshold, response.height, response.curve, response.indptr
    x, y = response.x, response.y
    lowest = response.lowest
    maximum, weighted_sum, wet_sum, damage_sum = sums.maximum, sums.weighted, sums.wet, sums.damage
    for band in range(raster.values.shape[0]):
        flat = raster.values[band].reshape(-1)
        for k in range(n):
            prefetch(flat, cell[k])
        start = 0
        for run in range(n_run):
            a = asset[run]
            threshold = np.float32(thresholds[a])
            highest = np.float32(-np.inf)
            total = 0.0
            weighted = 0.0
            wet = 0.0
            for k in range(start, end[run]):
                value = flat[cell[k]]
                value = value if value == value else missing
                highest = value if value > highest else highest
                total += weight[k]
                weighted += weight[k] * value
                wet += weight[k] if value > threshold else 0.0
            if weighted != weighted:
                maximum[band, a] = np.nan
            elif highest > maximum[band, a]:
                maximum[band, a] = highest
            weighted_sum[band, a] += weighted
            wet_sum[band, a] += wet
            if band == 0:
                sums.weight[a] += total
            if curves[a] >= 0 and highest > lowest:
                first, last = indptr[curves[a]], indptr[curves[a] + 1]
                damage = 0.0
                for k in range(start, end[run]):
                    value = flat[cell[k]]
                    known = float(value if value == value else missing)
                    damage += weight[k] * damage_at(known, lowest, thresholds[a], heights[a], first, last, x, y)
                damage_sum[band, a] += damage
            start = end[run]


@kernel
def evaluate_damage(
    values: NDArray[np.float64], asset: NDArray[np.int64], response: Response, damage: NDArray[np.float64]
) -> None:
    """Write the damage fraction of each value (band, n); column k belongs to ``asset[k]``. No curve: 0. O(values)."""
    thresholds, heights, curves, indptr = response.threshold, response.height, response.curve, response.indptr
    x, y = response.x, response.y
    for band in range(values.shape[0]):
        for k in range(asset.size):
            a = asset[k]
            damage[band, k] = 0.0
            if curves[a] >= 0:
                first, last = indptr[curves[a]], indptr[curves[a] + 1]
                damage[band, k] = damage_at(
                    values[band, k], response.lowest, thresholds[a], heights[a], first, last, x, y
                )


@kernel
def plan_runs(
    indptr: NDArray[np.int64], tile: NDArray[np.int64], n_slot: int, n_tile: int, ends: NDArray[np.int64]
) -> int:
    """Cut assets, in the order of work, into runs whose tiles fit into `n_slot` places; return the number of runs.

    Parameters
    ----------
    indptr, tile : (n + 1,), (any,) int64
        The tiles of each asset, each once.
    n_slot, n_tile : int
        Places in the buffer; tiles of the raster.
    ends : (n,) int64
        Output: end of each run. An asset with more than `n_slot` tiles is a run of its own.

    Notes
    -----
    O(tiles of all assets).
    """
    stamp = np.full(n_tile, -1, dtype=np.int64)
    n = indptr.size - 1
    runs = 0
    used = 0
    for asset in range(n):
        fresh = 0
        for k in range(indptr[asset], indptr[asset + 1]):
            fresh += stamp[tile[k]] != runs
        if used > 0 and used + fresh > n_slot:
            ends[runs] = asset
            runs += 1
            used = 0
            fresh = indptr[asset + 1] - indptr[asset]
        for k in range(indptr[asset], indptr[asset + 1]):
            stamp[tile[k]] = runs
        used += fresh
    if n > 0:
        ends[runs] = n
        runs += 1
    return runs
