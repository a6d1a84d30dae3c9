"""The part of a hazard map that is held in memory: square tiles of all events, loaded as assets need them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.hazard import read_window, repair_monotone
from resilience.kernels.tiles import Raster

TILE_SHIFT = 8
TILE_SIZE = 1 << TILE_SHIFT
"""Rows and columns of a tile: those of a usual block of a tiled GeoTIFF or a multiple of it."""

LEAST_SLOTS = 4
"""A bilinear point needs four tiles at once."""

MOST_SLOTS, USEFUL_ROWS = 256, 4
"""Assets come in the order of their tiles: beyond a few rows of tiles, more of them would only be more fresh memory."""


class TileBuffer:
    """Tiles of one hazard map.

    Parameters
    ----------
    hazard : xarray.Dataset
        Read by window.
    budget : int, bytes
        Room for tiles; at least four are held whatever it says.

    Attributes
    ----------
    n_tile, n_slot : int
        Tiles of the map; tiles that can be held at once.
    repairs : int
        Cells in the tiles read so far whose intensity fell with the return period.
    """

    def __init__(self, hazard: xr.Dataset, budget: int) -> None:
        self._hazard = hazard
        self._height, self._width = hazard.sizes["y"], hazard.sizes["x"]
        n_event = hazard.sizes["event"]
        rows, self._across = (-(-size // TILE_SIZE) for size in (self._height, self._width))
        self.n_tile = rows * self._across
        per_tile = 4 * n_event << (2 * TILE_SHIFT)
        useful = max(MOST_SLOTS, USEFUL_ROWS * self._across)
        self.n_slot = min(self.n_tile, useful, max(LEAST_SLOTS, budget // per_tile))
        # What is being read is held beside the buffer: a quarter of it at most.
        self._at_once = max(1, self.n_slot // 4)
        self.repairs = 0
        self._severity = hazard.attrs["axis"] == "severity" and n_event > 1
        self._dry = hazard.attrs["nodata"] == "dry"
        self._values = np.empty((n_event, self.n_slot << TILE_SHIFT, TILE_SIZE), dtype=np.float32)
        self._offset = np.full((rows, self._across), -1, dtype=np.int64)
        self._held = np.full(self.n_slot, -1, dtype=np.int64)
        self._seen = np.zeros(self.n_tile, dtype=np.bool_)

    def load(self, tiles: NDArray[np.int64]) -> Raster:
        """Return a raster that holds these tiles (row-major numbers, ascending, at most `n_slot`) and no others.

        Tiles that are held already are not read again.
        """
        wanted = np.isin(self._held, tiles)
        self._held[~wanted] = -1
        fresh = np.setdiff1d(tiles, self._held)
        free = np.flatnonzero(self._held < 0)[: len(fresh)]
        self._held[free] = fresh
        # Neighbours in a row are read as one window: a file in strips decodes each of them once.
        cuts = np.flatnonzero((np.diff(fresh) != 1) | (fresh[1:] % self._across == 0)) + 1
        for start, stop in pairwise([0, *cuts.tolist(), len(fresh)]):
            for first in range(start, stop, self._at_once):
                last = min(first + self._at_once, stop)
                self._read(fresh[first:last], free[first:last])
        flat = self._offset.reshape(-1)
        flat[:] = -1
        slots = np.flatnonzero(self._held >= 0)
        flat[self._held[slots]] = slots << (2 * TILE_SHIFT)
        return Raster(self._values, self._offset, self._height, self._width)

    def _read(self, tiles: NDArray[np.int64], slots: NDArray[np.int64]) -> None:
        """Read tiles that lie side by side."""
        top, left = (int(number) << TILE_SHIFT for number in divmod(tiles[0], self._across))
        bottom = min(top + TILE_SIZE, self._height)
        right = min(left + (len(tiles) << TILE_SHIFT), self._width)
        window = read_window(self._hazard, slice(top, bottom), slice(left, right))
        for k, (tile, slot) in enumerate(zip(tiles, slots, strict=True)):
            values = window[:, :, k << TILE_SHIFT : (k + 1) << TILE_SHIFT]
            if self._severity:
                if self._dry:
                    values = np.nan_to_num(values, nan=0.0)
                values, repairs = repair_monotone(values)
                self.repairs += 0 if self._seen[tile] else repairs
            self._seen[tile] = True
            first = slot << TILE_SHIFT
            self._values[:, first : first + values.shape[1], : values.shape[2]] = values
