"""The hazard maps of a run as images in the CRS of its city: the highest value in every pixel, in classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.warp import Resampling, reproject, transform_bounds

from resilience.errors import ResilienceError
from resilience.grid import Grid
from resilience.hazard.windows import read_window
from resilience.hazard_inputs import load_hazards
from resilience.labels import texts
from resilience.reading import FinishedRun
from resilience.report.images import png_address

Floats = NDArray[np.float64]

MOST_PIXELS = 800
"""Along the longer side of a map; fewer where more than :data:`MOST_SHARP` events have one."""

MOST_SHARP = 20

MOST_CELLS = 400_000_000
"""Cells of all maps of a run that are read for its report."""

DEPTHS = (0.05, 0.3, 0.5, 1.0, 2.0)
"""Lower ends of classes of water depth, m: a film of rain is not drawn, above 0.3 m cars stop."""

WATER = ("#c6dbefc8", "#9ecae1c8", "#6baed6c8", "#3182bdc8", "#08519cc8")
WARMTH = ("#fff0d6a0", "#fdd49ea0", "#fdae6ba0", "#f16913a0", "#c03a00a0", "#7f1d00a0")
CLEAR = "#00000000"


@dataclass(frozen=True)
class HazardClass:
    """One class of a legend.

    Parameters
    ----------
    peril : str
    low, high : float
        m or degC; `high` is infinite for the last class.
    colour : str
    """

    peril: str
    low: float
    high: float
    colour: str


@dataclass(frozen=True)
class HazardImages:
    """The hazard maps that could be read.

    Parameters
    ----------
    addresses : tuple of str
        Per event of the run; empty without a map.
    classes : tuple of HazardClass
    missing : bool
        Whether maps of some event could not be shown: their files are gone, have changed, or are too large.
    sequences : bool
        Whether some events are sequences, which have no map of their own.
    """

    addresses: tuple[str, ...]
    classes: tuple[HazardClass, ...]
    missing: bool
    sequences: bool


def draw_hazards(run: FinishedRun, extent: tuple[float, float, float, float]) -> HazardImages:
    """Return an image of the hazard of every event, (x_min, y_min, x_max, y_max) of the city's CRS."""
    families = texts(run.dataset, "family")
    addresses = [""] * families.size
    told: list[HazardClass] = []
    frame = frame_of(extent, families.size)
    highest: list[tuple[int, str, NDArray[np.float32]]] = []
    for hazard in _open(run):
        of_family = np.flatnonzero(families == str(hazard.attrs["family"]))
        if of_family.size != hazard.sizes["event"]:
            continue
        peril = str(hazard.attrs["peril"])
        images = _highest(hazard, run.network.crs, extent, frame)
        highest += [(int(i), peril, image) for i, image in zip(of_family, images, strict=True)]
    for peril in dict.fromkeys(one[1] for one in highest):
        own = [(i, image) for i, name, image in highest if name == peril]
        edges, palette = _classes(peril, [image for _, image in own])
        told += [
            HazardClass(peril, low, high, colour)
            for low, high, colour in zip(edges, (*edges[1:], np.inf), palette, strict=True)
        ]
        for i, image in own:
            above = np.searchsorted(edges, image, side="left" if peril == "flood" else "right")
            numbers: NDArray[np.uint8] = np.where(np.isnan(image), 0, above).astype(np.uint8)
            addresses[i] = png_address(numbers, (CLEAR, *palette))
    mapped = {one.family for one in run.manifest.hazards}
    missing = any(not address for address, family in zip(addresses, families, strict=True) if family in mapped)
    return HazardImages(tuple(addresses), tuple(told), missing, sequences=not mapped.issuperset(families))


def frame_of(extent: tuple[float, float, float, float], n_event: int) -> tuple[int, int]:
    """Return rows and columns of each of the images of an extent: those of many events are not more in all.

    Examples
    --------
    >>> frame_of((0.0, 0.0, 1000.0, 500.0), 7), frame_of((0.0, 0.0, 1000.0, 500.0), 80)
    ((400, 800), (200, 400))
    """
    most = MOST_PIXELS * min(1.0, np.sqrt(MOST_SHARP / n_event))
    width, height = extent[2] - extent[0], extent[3] - extent[1]
    longest = max(width, height)
    return max(1, round(most * height / longest)), max(1, round(most * width / longest))


def _open(run: FinishedRun) -> Iterator[xr.Dataset]:
    """Yield the hazards whose files are those of the run, as long as there is time to read them."""
    try:
        hazards = load_hazards(run.scenario)
    except (ResilienceError, OSError):
        return
    left = MOST_CELLS
    for hazard in hazards:
        left -= int(hazard["intensity"].size)
        if left >= 0 and not run.changed_maps(str(hazard.attrs["family"])):
            yield hazard


def _highest(
    hazard: xr.Dataset, crs: CRS, extent: tuple[float, float, float, float], frame: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """Yield the highest value of each pixel, NaN where there is none, event by event."""
    crs_wkt, transform = hazard.attrs["crs_wkt"], Affine(*hazard.attrs["transform"])
    grid = Grid(CRS.from_wkt(crs_wkt), transform, hazard.sizes["y"], hazard.sizes["x"])
    rows, columns = frame
    pixel = Affine((extent[2] - extent[0]) / columns, 0, extent[0], 0, -(extent[3] - extent[1]) / rows, extent[3])
    same = grid.crs == crs
    around = extent if same else transform_bounds(crs, grid.crs, *extent)
    window = _window(grid, around)
    transform = grid.transform @ Affine.translation(window[1].start, window[0].start)
    for event in range(hazard.sizes["event"]):
        image = np.full(frame, np.nan, np.float32)
        if window[0].stop > window[0].start and window[1].stop > window[1].start:
            values = read_window(hazard.isel(event=[event]), *window)[0]
            if values.ndim == 3:
                values = np.fmax.reduce(values, axis=0)
            if same:
                _pool(values, transform, pixel, image)
            else:
                reproject(
                    np.ascontiguousarray(values), image, src_transform=transform, src_crs=grid.crs.to_wkt(),
                    src_nodata=np.nan, dst_transform=pixel, dst_crs=crs.to_wkt(), dst_nodata=np.nan,
                    resampling=Resampling.max,
                )  # fmt: skip
        yield image


def _window(grid: Grid, bounds: Sequence[float]) -> tuple[slice, slice]:
    column, row = grid.to_cells(np.array([bounds[0], bounds[2]]), np.array([bounds[1], bounds[3]]))
    rows, columns = (
        slice(int(np.clip(np.floor(ends.min()), 0, size)), int(np.clip(np.ceil(ends.max()), 0, size)))
        for ends, size in ((row, grid.height), (column, grid.width))
    )
    return rows, columns


def _pool(values: NDArray[np.float32], transform: Affine, pixel: Affine, image: NDArray[np.float32]) -> None:
    """Write the highest value of the cells that begin in each pixel, or else of the cell the pixel begins in."""
    pooled = values
    into: list[NDArray[np.intp]] = []
    for axis, (start, step, first, size) in enumerate(
        ((pixel.f, pixel.e, transform.f, transform.e), (pixel.c, pixel.a, transform.c, transform.a))
    ):
        centre = np.floor((start + step * (np.arange(image.shape[axis]) + 0.5) - first) / size)
        inside = np.flatnonzero((centre >= 0) & (centre < values.shape[axis]))
        edge = np.floor((start + step * inside - first) / size + 1e-9)
        begin = np.clip(edge, 0, values.shape[axis] - 1).astype(np.intp)
        if begin.size and begin[0] > begin[-1]:
            # Rows of the map run south to north.
            begin = np.clip(np.floor((start + step * (inside + 1) - first) / size + 1e-9), 0, None).astype(np.intp)
            pooled = np.fmax.reduceat(pooled, begin[::-1], axis=axis)
            inside = inside[::-1]
        elif begin.size:
            pooled = np.fmax.reduceat(pooled, begin, axis=axis)
        into.append(inside)
    image[np.ix_(*into)] = pooled


def _classes(peril: str, images: Sequence[NDArray[np.float32]]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the lower ends of the classes and their colours."""
    if peril == "flood":
        return DEPTHS, WATER
    finite = [image[np.isfinite(image)] for image in images]
    known = [one for one in finite if one.size]
    if not known:
        return (0.0,), WARMTH[:1]
    low, high = min(float(one.min()) for one in known), max(float(one.max()) for one in known)
    step = next((one for one in (0.5, 1.0, 2.0, 5.0, 10.0) if (high - low) / one <= len(WARMTH) - 1), 20.0)
    first = step * np.floor(low / step)
    edges = tuple(float(first + step * i) for i in range(len(WARMTH)) if first + step * i <= high)
    return edges, WARMTH[: len(edges)]
