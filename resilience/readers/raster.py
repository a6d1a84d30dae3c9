"""GeoTIFF, COG, ESRI ASCII and whatever else GDAL reads: one layer per band, read by window."""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import MaskFlags
from rasterio.env import get_gdal_config, set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from resilience.errors import DataError, MissingInputError, Problem, Problems
from resilience.files import is_there
from resilience.readers.elsewhere import raster_sources
from resilience.readers.layers import Layer

# GDAL's own limit is 5 % of the memory, for each process. Windows are read once: a few tiles are enough.
CACHE_BYTES = 128 * 2**20
# Handles are kept per thread, because GDAL's are not safe to share; a stack of 24 maps stays open.
OPEN_FILES_PER_THREAD = 24

_handles = threading.local()


@dataclass(frozen=True, kw_only=True)
class RasterLayer(Layer):
    """One band of a raster file.

    Parameters
    ----------
    path : str
    band : int
        From 1.
    driver : str
        GDAL's name of the format.
    masked : bool
        The file marks cells without data by a mask or alpha band.
    block_rows : int
        Height of a tile or strip.
    num_threads : str
        Threads to decode with, as GDAL wants it.
    """

    path: str
    band: int
    driver: str
    masked: bool = False
    block_rows: int = 1
    num_threads: str = "ALL_CPUS"

    def row_step(self, n_columns: int) -> int:
        """Return whole rows of tiles that fit GDAL's cache together; smaller reads keep fewer threads busy."""
        across = max(1, n_columns) * self.block_rows
        return max(1, CACHE_BYTES // (2 * 4 * across)) * self.block_rows

    def read(self, rows: slice, columns: slice, out: NDArray[np.float32]) -> None:
        """Read the stored cells of a window into `out`."""
        window = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        try:
            dataset = _dataset(self.path, self.driver, self.num_threads)
            if self.dtype in ("float32", "uint8", "int8", "int16", "uint16"):
                dataset.read(self.band, window=window, out=out)
            else:
                # float32 cannot hold every such number: compare with the nodata value before rounding.
                stored = dataset.read(self.band, window=window)
                with np.errstate(over="ignore"):
                    out[...] = stored
                if self.nodata is not None:
                    out[stored == np.asarray(self.nodata).astype(stored.dtype)] = np.nan
            if self.masked:
                out[dataset.read_masks(self.band, window=window) == 0] = np.nan
        except (RasterioError, OSError) as error:
            wanted = "a whole, readable file; fetch or write it again"
            raise DataError(Problem(self.subject, wanted, f"cannot be read: {_reason(error)}")) from error


def _reason(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())


def is_remote(path: str) -> bool:
    """Return whether `path` is an address or one of GDAL's virtual files."""
    return "://" in path or path.startswith("/vsi")


def _open(path: str, *, driver: str, num_threads: str) -> Any:
    # Other formats complain about an option they do not know.
    options = {"num_threads": num_threads} if driver in ("GTiff", "COG") else {}
    if "GDAL_CACHEMAX" not in os.environ and get_gdal_config("GDAL_CACHEMAX") > CACHE_BYTES:
        set_gdal_config("GDAL_CACHEMAX", CACHE_BYTES)
    return rasterio.open(path, **options)


def _dataset(path: str, driver: str, num_threads: str) -> Any:
    """Return this thread's open handle of `path`; a file that was replaced is opened anew."""
    key: tuple[Any, ...] = (path, os.getpid())
    if not is_remote(path):
        status = Path(path).stat()
        key = (*key, status.st_mtime_ns, status.st_size)
    cache: OrderedDict[Any, Any] | None = getattr(_handles, "cache", None)
    if cache is None:
        cache = _handles.cache = OrderedDict()
    if key in cache:
        cache.move_to_end(key)
        return cache[key]
    dataset = _open(path, driver=driver, num_threads=num_threads)
    cache[key] = dataset
    if len(cache) > OPEN_FILES_PER_THREAD:
        cache.popitem(last=False)[1].close()
    return dataset


def raster_layers(path: str, *, bands: Sequence[int] | None = None, num_threads: str = "ALL_CPUS") -> list[RasterLayer]:
    """Return one layer per band wanted, or per band of the file. Reads no cells.

    Parameters
    ----------
    path : str
    bands : sequence of int, optional
        From 1.
    num_threads : str
        Threads to decode a window with: a number or ``"ALL_CPUS"``.

    Raises
    ------
    MissingInputError
        The file is not there or is not a raster.
    DataError
        It is truncated, not georeferenced, has no such band, or only describes a map that is elsewhere.
    """
    if not is_remote(path) and not is_there(path):
        raise MissingInputError(Problem(path, "a raster file", "no such file"))
    if not is_remote(path):
        raster_sources(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = _open(path, driver="", num_threads=num_threads)
    except RasterioError as error:
        problem = Problem(path, "a whole raster that GDAL reads (GeoTIFF, ESRI ASCII, ...)", _reason(error))
        raise MissingInputError(problem) from error
    with dataset:
        problems = Problems()
        if dataset.transform.is_identity:
            problems.add(path, wanted="a raster with a place on Earth (world file or GeoTIFF tags)", got="no transform")
        elif not (np.isfinite(dataset.transform[:6]).all() and dataset.transform.determinant):
            problems.add(path, wanted="cells with a height and a width", got=f"transform {dataset.transform[:6]}")
        elif dataset.transform.b != 0.0 or dataset.transform.d != 0.0:
            problems.add(path, wanted="an axis-aligned grid (warp it first, e.g. with gdalwarp)", got="a rotated grid")
        wanted = list(range(1, dataset.count + 1)) if bands is None else [int(band) for band in bands]
        absent = [band for band in wanted if not 1 <= band <= dataset.count]
        if absent:
            problems.add(path, wanted=f"bands 1 to {dataset.count}", got="bands that are not there", first=absent)
        types = dataset.dtypes
        complex_bands = [band for band in wanted if 1 <= band <= len(types) and "complex" in types[band - 1]]
        if complex_bands:
            problems.add(path, wanted="real numbers", got="bands of complex numbers", first=complex_bands)
        short = "" if problems else _blocks_beyond_end(dataset, path)
        if short:
            problems.add(path, wanted="a whole file; fetch or write it again", got="truncated", first=[short])
        problems.raise_if_any(DataError)
        return list(_layers(dataset, path, wanted, num_threads))


def _layers(dataset: Any, path: str, bands: Sequence[int], num_threads: str) -> Iterator[RasterLayer]:
    # Each of these is made anew for all bands whenever it is asked for, and a broken file can claim 65,535 of them.
    count, transform, driver = dataset.count, dataset.transform, dataset.driver
    crs = CRS.from_wkt(dataset.crs.to_wkt()) if dataset.crs else None
    place = path if is_remote(path) else str(Path(path).absolute())
    common = dataset.tags()
    flags, nodatas, types, units = dataset.mask_flag_enums, dataset.nodatavals, dataset.dtypes, dataset.units
    scales, offsets, names, blocks = dataset.scales, dataset.offsets, dataset.descriptions, dataset.block_shapes
    for band in bands:
        k = band - 1
        tags = {name.lower(): value for name, value in {**common, **dataset.tags(band)}.items()}
        masked = MaskFlags.per_dataset in flags[k]
        yield RasterLayer(
            subject=path if count == 1 else f"{path} band {band}",
            crs=crs,
            transform=transform,
            height=dataset.height,
            width=dataset.width,
            dtype=types[k],
            unit=units[k] or tags.get("units") or tags.get("unit") or None,
            nodata=None if nodatas[k] is None else float(nodatas[k]),
            may_miss=masked or nodatas[k] is not None,
            scale=float(scales[k]),
            shift=float(offsets[k]),
            event=Path(path).stem if count == 1 else names[k] or f"band {band}",
            return_period=_number(tags.get("return_period")),
            path=place,
            band=band,
            driver=driver,
            masked=masked,
            block_rows=int(blocks[k][0]),
            num_threads=num_threads,
        )


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else float("nan")
    except ValueError:
        return float("nan")


def _blocks_beyond_end(dataset: Any, path: str) -> str:
    """Return which tile of a GeoTIFF lies beyond the end of its file, or ""; looks at no more than 4,096 of them."""
    if dataset.driver not in ("GTiff", "COG") or is_remote(path):
        return ""
    size = Path(path).stat().st_size
    height, width = dataset.block_shapes[0]
    rows, columns = -(-dataset.height // height), -(-dataset.width // width)
    for number in np.unique(np.linspace(0, rows * columns - 1, min(rows * columns, 4096)).astype(int)).tolist():
        row, column = divmod(number, columns)
        offset = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
        length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
        if offset and length and int(offset) + int(length) > size:
            end = int(offset) + int(length)
            return f"tile at row {row * height}, column {column * width} ends at byte {end:,} of {size:,}"
    return ""
