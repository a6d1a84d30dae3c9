"""Heatwaves of the synthetic city: daily maximum air temperature with an urban heat island."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from resilience.datasets.population import Population
from resilience.datasets.terrain import Terrain, generator, smooth_noise, spline_surface
from resilience.grid import Grid

RETURN_PERIODS: tuple[float, ...] = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
# degC outside the built-up area at the height of the river, one per return period. A hot city: the records of
# 1 August 2018 are 39.6 degC in Seoul and 41.0 degC in Hongcheon.
RURAL_MAXIMUM: tuple[float, ...] = (35.0, 36.0, 37.0, 38.3, 39.3, 40.3)
HEAT_ISLAND = 3.0  # degC in the densest housing blocks
RIVER_BREEZE = 0.8  # degC less on the water
LAPSE_RATE = 0.0065  # degC per m
DAILY_RANGE = 9.0  # K between the coolest and the hottest hour of a day
HOTTEST_HOUR = 15
_COARSER = 5  # cells of the ground per cell of the heat map, in either direction
_SMOOTHING = 400.0  # m; distance over which the heat of the blocks mixes


def heat_grid(terrain: Terrain) -> Grid:
    """Return the raster of the heat maps: the ground's, five times coarser, at least as large."""
    ground = terrain.grid
    cell = ground.transform.a * _COARSER
    rows, columns = -(-ground.height // _COARSER), -(-ground.width // _COARSER)
    return Grid(
        ground.crs,
        Affine(cell, 0.0, ground.transform.c, 0.0, -cell, ground.transform.f),
        height=rows,
        width=columns,
    )


def heat_maxima(seed: int, *, terrain: Terrain, population: Population) -> NDArray[np.float32]:
    """Return the highest air temperature of the day per return period.

    Parameters
    ----------
    seed : int
    terrain : Terrain
    population : Population
        Its density makes the heat island.

    Returns
    -------
    temperature : (6, h, w) float32, degC
        On :func:`heat_grid`, in the order of :data:`RETURN_PERIODS`, to a thousandth of a degree.
    """
    grid = heat_grid(terrain)
    west, south, east, north = grid.bounds
    x, y = grid.x - west, grid.y - south

    shape = (int((north - south) / _SMOOTHING) + 5, int((east - west) / _SMOOTHING) + 5)
    # Knot (i, j) of the surface stands for the square around (i - 1, j - 1) * _SMOOTHING.
    i = np.floor((population.y - south) / _SMOOTHING + 1.5).astype(np.intp)
    j = np.floor((population.x - west) / _SMOOTHING + 1.5).astype(np.intp)
    crowd = np.bincount(i * shape[1] + j, weights=population.persons, minlength=shape[0] * shape[1]).reshape(shape)
    built = np.sqrt(crowd / max(float(crowd.max()), 1.0))
    island = HEAT_ISLAND * spline_surface(built, y / _SMOOTHING + 1.0, x / _SMOOTHING + 1.0)

    rows = np.minimum(np.arange(grid.height) * _COARSER + _COARSER // 2, terrain.grid.height - 1)
    columns = np.minimum(np.arange(grid.width) * _COARSER + _COARSER // 2, terrain.grid.width - 1)
    cells = np.ix_(rows, columns)
    height = terrain.elevation[cells].astype(np.float64) - float(terrain.water_level.min())
    breeze = RIVER_BREEZE / (1.0 + np.maximum(terrain.from_water[cells].astype(np.float64), 0.0) / 150.0)
    local = island - LAPSE_RATE * height - breeze
    local += 0.15 * smooth_noise(generator(seed, "heat"), x, y, wavelength=700.0)
    maxima = np.array(RURAL_MAXIMUM)[:, None, None] + local
    return np.asarray(np.round(maxima * 1000.0) / 1000.0, dtype=np.float32)


class HourlyHeat(BackendArray):
    """Lazy ``(event, time, y, x)`` float32 temperatures of days that all have the same maximum, hour by hour.

    Parameters
    ----------
    maxima : (event, y, x) float32, degC
        Reached at :data:`HOTTEST_HOUR`.
    hours : (time,) int64
        From midnight.
    """

    def __init__(self, maxima: NDArray[np.float32], hours: NDArray[np.int64]) -> None:
        self._maxima = maxima
        # To a thousandth of a degree, so that no machine's cosine shows.
        swing = (1.0 - np.cos(2.0 * np.pi * (hours - HOTTEST_HOUR) / 24.0)) / 2.0
        self._below = np.round(DAILY_RANGE * swing, 3)
        self.shape = (maxima.shape[0], hours.size, *maxima.shape[1:])
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the temperatures of `key`."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        event, time, rows, columns = key
        highest = self._maxima[event][..., rows, :][..., columns].astype(np.float64)
        below = np.asarray(self._below[time])
        if np.ndim(below):
            highest, below = highest[..., np.newaxis, :, :], below[:, np.newaxis, np.newaxis]
        return np.asarray(highest - below, dtype=np.float32)
