"""The ground of the synthetic city: smooth noise, a river valley with a flood plain, and hills.

Only additions, multiplications, divisions and square roots are used, which every IEEE 754 machine rounds alike, and
heights are rounded to millimetres: the same seed gives the same ground everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from resilience.grid import Grid

# Standard deviation of a cubic B-spline surface over independent U(-1, 1) knots: sqrt(1/3) * 151/315.
_SPLINE_DEVIATION = 0.276763
_BANK_HEIGHT = 2.2  # m above the normal water level
_RIVERSIDE = 60.0  # m between the water's edge and the levee or the first street


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the random generator of one purpose, independent of all others of the same seed.

    Parameters
    ----------
    seed : int
        Any non-negative integer below 2**64.
    purpose : str
        What is drawn: adding a purpose changes no other.

    Examples
    --------
    >>> float(generator(1, "hills").random()) == float(generator(1, "hills").random())
    True
    """
    word = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, word], dtype=np.uint64)))


def _spline_weights(position: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the first of four knots and the four uniform cubic B-spline weights, (4, n), at `position` (knots)."""
    first = np.floor(position)
    t = position - first
    u = 1.0 - t
    weights = np.stack(
        [
            u * u * u / 6.0,
            (4.0 + 3.0 * t * t * (t - 2.0)) / 6.0,
            (4.0 + 3.0 * u * u * (u - 2.0)) / 6.0,
            t * t * t / 6.0,
        ]
    )
    return first.astype(np.intp), weights


def spline_surface(
    knots: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the uniform cubic B-spline surface over `knots`.

    Parameters
    ----------
    knots : (n_row, n_column) float64
        Control values at integer positions; the first and last are outside the surface.
    rows : (h,) float64
        Positions in [1, n_row - 2).
    columns : (w,) float64
        Positions in [1, n_column - 2).

    Returns
    -------
    surface : (h, w) float64

    Examples
    --------
    >>> spline_surface(np.ones((5, 5)), np.array([1.5]), np.array([2.25])).round(12).tolist()
    [[1.0]]
    """
    first, weights = _spline_weights(rows - 1.0)
    bands = sum((weights[k][:, None] * knots[first + k] for k in range(4)), np.zeros((rows.size, knots.shape[1])))
    first, weights = _spline_weights(columns - 1.0)
    surface = np.zeros((rows.size, columns.size))
    for k in range(4):
        surface += weights[k] * bands[:, first + k]
    return surface


def smooth_noise(
    rng: np.random.Generator, x: NDArray[np.float64], y: NDArray[np.float64], *, wavelength: float
) -> NDArray[np.float64]:
    """Return smooth noise of mean 0 and standard deviation near 1 on the raster of `x` and `y`.

    Parameters
    ----------
    rng : numpy.random.Generator
    x, y : (w,), (h,) float64, m
        Cell centres, from 0 upwards.
    wavelength : float, m
        Distance between random knots.

    Returns
    -------
    noise : (h, w) float64
    """
    shape = (int(y.max() / wavelength) + 5, int(x.max() / wavelength) + 5)
    knots = (2.0 * rng.random(shape) - 1.0) / _SPLINE_DEVIATION
    return spline_surface(knots, y / wavelength + 1.0, x / wavelength + 1.0)


def smooth_step(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0 below 0, 1 above 1 and the smooth cubic between."""
    t = np.clip(value, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclass(frozen=True)
class Terrain:
    """The ground on a raster.

    Parameters
    ----------
    grid : Grid
        Raster of all arrays, rows from north to south.
    elevation : (h, w) float32, m
        Ground level, to the millimetre.
    water_level : (w,) float64, m
        Normal level of the river along x.
    relief : (h, w) float32, m
        Local unevenness contained in the elevation: negative in the low spots where rain collects.
    from_water : (h, w) float32, m
        Distance to the water's edge: negative in the river, positive on both sides of it.
    north : (h, w) bool
        True north of the river.
    flatness : (h, w) float32
        1 on the flood plain, 0 in the hills.
    """

    grid: Grid
    elevation: NDArray[np.float32]
    water_level: NDArray[np.float64]
    relief: NDArray[np.float32]
    from_water: NDArray[np.float32]
    north: NDArray[np.bool_]
    flatness: NDArray[np.float32]

    @property
    def above_river(self) -> NDArray[np.float32]:
        """Height above the normal level of the river beside it, (h, w) float32, m."""
        return np.asarray(self.elevation - self.water_level, dtype=np.float32)

    @property
    def buildable(self) -> NDArray[np.bool_]:
        """True where a street may lie: neither river nor the strip between the river and its levees."""
        return self.from_water > _RIVERSIDE

    def at(self, layer: NDArray[np.generic], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.generic]:
        """Return the cells of `layer`, (..., h, w), in which the points (x, y) lie, (..., n)."""
        column, row = self.grid.to_cells(x, y)
        rows = np.clip(np.floor(row).astype(np.intp), 0, self.grid.height - 1)
        columns = np.clip(np.floor(column).astype(np.intp), 0, self.grid.width - 1)
        return layer[..., rows, columns]


def make_terrain(seed: int, *, crs: CRS, west: float, south: float, extent: float, margin: float) -> Terrain:
    """Return the ground of a square city: a river from west to east, a flood plain, hills beyond.

    River, flood plain and hills grow with `extent`; local unevenness does not. Cells measure 10 m, and 20, 40, ... m
    where more than 8 million would be needed.

    Parameters
    ----------
    seed : int
    crs : pyproj.CRS
        Metric.
    west, south : float, m
        South-western corner of the city; multiples of the cell size keep the raster on round coordinates.
    extent : float, m
        Side of the city.
    margin : float, m
        Ground shown around it.

    Returns
    -------
    terrain : Terrain
    """
    cell = 10.0
    while ((extent + 2.0 * margin) / cell) ** 2 > 8e6:
        cell *= 2.0
    n = int(np.ceil((extent + 2.0 * margin) / cell))
    grid = Grid(crs, Affine(cell, 0.0, west - margin, 0.0, -cell, south - margin + n * cell), height=n, width=n)
    # Distances from the raster's own corner: the noise must not depend on where the city lies.
    x = (np.arange(n, dtype=np.float64) + 0.5) * cell
    y = (np.arange(n, dtype=np.float64)[::-1] + 0.5) * cell
    across = n * cell

    bends = smooth_noise(generator(seed, "river"), x, np.zeros(1), wavelength=0.3 * across)[0]
    centre = across * (0.42 + 0.035 * bends)
    lean = np.gradient(centre, cell)
    distance = np.abs(y[:, None] - centre) / np.sqrt(1.0 + lean * lean)
    half_width = 35.0 + 0.011 * across
    plain = 0.15 * across
    from_water = distance - half_width
    inland = np.maximum(from_water, 0.0)

    share = inland / plain
    valley = _BANK_HEIGHT * smooth_step(inland / 25.0) + 2.3 * np.minimum(share * np.sqrt(share), 1.0)
    valley = np.where(from_water < 0.0, -3.0 * smooth_step(-from_water / (0.5 * half_width)), valley)
    hilliness = smooth_step((share - 0.75) / 1.6)
    hills = smooth_noise(generator(seed, "hills"), x, y, wavelength=0.17 * across)
    hills += 0.35 * smooth_noise(generator(seed, "ridges"), x, y, wavelength=0.06 * across)
    hills = np.maximum(hills + 0.45, 0.0)
    height = hilliness * (6.0 + 22.0 * hills * hills)

    relief = 0.46 * smooth_noise(generator(seed, "hollows"), x, y, wavelength=360.0)
    relief += 0.22 * smooth_noise(generator(seed, "dips"), x, y, wavelength=150.0)
    relief *= smooth_step(inland / 50.0)
    # 0.5 m fall per km, less on long rivers.
    fall = 0.0005 * min(1.0, 20_000.0 / across)
    water_level = np.round((12.0 + fall * (across - x)) * 1000.0) / 1000.0
    elevation = water_level + valley + height + relief
    return Terrain(
        grid=grid,
        elevation=np.asarray(np.round(elevation * 1000.0) / 1000.0, dtype=np.float32),
        water_level=water_level,
        relief=np.asarray(relief, dtype=np.float32),
        from_water=np.asarray(from_water, dtype=np.float32),
        north=np.asarray(y[:, None] > centre),
        flatness=np.asarray(1.0 - hilliness, dtype=np.float32),
    )
