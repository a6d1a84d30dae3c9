"""A raster's place on Earth: coordinate reference system, transform, shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from resilience.errors import DataError, Problem


@dataclass(frozen=True)
class Grid:
    """An axis-aligned raster grid.

    Parameters
    ----------
    crs : pyproj.CRS
        Coordinate reference system of x and y.
    transform : affine.Affine
        From (column, row) of cell *corners* to (x, y); no rotation. Rows may run north to south or south to north.
    height, width : int
        Number of rows and columns.

    Raises
    ------
    DataError
        The transform is rotated or has no extent.

    Examples
    --------
    >>> grid = Grid(CRS.from_epsg(32652), Affine(10, 0, 500_000, 0, -10, 4_000_000), height=3, width=4)
    >>> grid.bounds
    (500000.0, 3999970.0, 500040.0, 4000000.0)
    """

    crs: CRS
    transform: Affine
    height: int
    width: int

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform[:6]
        if b != 0 or d != 0 or a == 0 or e == 0 or not np.all(np.isfinite(self.transform[:6])):
            raise DataError(
                Problem(
                    "grid transform",
                    wanted="an axis-aligned grid (warp rotated rasters first, e.g. gdalwarp)",
                    got=f"transform {tuple(self.transform[:6])}",
                )
            )
        if self.height < 1 or self.width < 1:
            raise DataError(
                Problem("grid shape", wanted="at least one cell", got=f"{self.height} rows x {self.width} columns")
            )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) of the outer cell borders, in units of the CRS."""
        a, _, c, _, e, f = self.transform[:6]
        xs, ys = sorted((c, c + a * self.width)), sorted((f, f + e * self.height))
        return float(xs[0]), float(ys[0]), float(xs[1]), float(ys[1])

    @property
    def x(self) -> NDArray[np.float64]:
        """Cell centres along x."""
        return np.asarray(self.transform.c + self.transform.a * (np.arange(self.width) + 0.5), dtype=np.float64)

    @property
    def y(self) -> NDArray[np.float64]:
        """Cell centres along y, in row order."""
        return np.asarray(self.transform.f + self.transform.e * (np.arange(self.height) + 0.5), dtype=np.float64)

    def to_cells(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return fractional (column, row); cell (i, j) covers [j, j+1) x [i, i+1).

        Parameters
        ----------
        x, y : (n,) float64
            Coordinates in the grid's CRS.

        Returns
        -------
        column, row : (n,) float64

        Examples
        --------
        >>> grid = Grid(CRS.from_epsg(32652), Affine(10, 0, 500_000, 0, -10, 4_000_000), height=3, width=4)
        >>> column, row = grid.to_cells(np.array([500_015.0]), np.array([3_999_975.0]))
        >>> float(column[0]), float(row[0])
        (1.5, 2.5)
        """
        column = (np.asarray(x, dtype=np.float64) - self.transform.c) / self.transform.a
        row = (np.asarray(y, dtype=np.float64) - self.transform.f) / self.transform.e
        return column, row
