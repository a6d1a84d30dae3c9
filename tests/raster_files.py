"""Small raster files of depths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from resilience.hazard import read_window

NODATA = -9999.0
SAID = {"family": "river", "peril": "flood", "unit": "m", "nodata": "dry"}


def write_map(path, values, *, crs="EPSG:5187", nodata=NODATA, unit="m", tags=None, corner=(1000, 2000), **profile):
    values = np.asarray(values)
    values = values if values.ndim == 3 else values[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[1],
        width=values.shape[2],
        count=values.shape[0],
        dtype=values.dtype,
        nodata=nodata,
        crs=crs,
        transform=Affine(10, 0, corner[0], 0, -10, corner[1]),
        **profile,
    ) as dataset:
        dataset.write(values)
        if unit:
            dataset.units = [unit] * values.shape[0]
        if tags:
            dataset.update_tags(**tags)
    return str(path)


def some_depths() -> NDArray[np.float32]:
    """Return depths of three events that rise from one to the next, without data in a corner."""
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.uniform(0, 2, (3, 40, 60)), axis=0).astype(np.float32)
    values[:, :5, :7] = NODATA
    return values


def write_periods(folder: Path, depths: NDArray[np.float32]) -> Path:
    """Write a file per return period."""
    for period, values in zip(("00010", "00100", "00500"), depths, strict=True):
        write_map(folder / f"depth_rp{period}.tif", values, tiled=True, blockxsize=16, blockysize=16)
    return folder


def whole(hazard: Any) -> NDArray[np.float32]:
    """Return all cells of a hazard."""
    return read_window(hazard, slice(None), slice(None))
