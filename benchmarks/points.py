"""A million points against a map in memory and in a file; and the reading of the file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.models import depth_map, random_points, write_map
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.curves import CurveTable
from resilience.exposure import expose
from resilience.exposure.tile_buffer import TILE_SIZE, TileBuffer
from resilience.grid import Grid
from resilience.hazard import read_window
from resilience.kernels.points import sample_points
from resilience.kernels.tiles import whole_raster
from resilience.network import Network
from resilience.readers import open_hazard

Values = NDArray[np.float32]


def _same(ours: NDArray[np.floating], theirs: Values) -> None:
    np.testing.assert_array_equal(np.ravel(ours)[: theirs.size], np.ravel(theirs))


def xarray_sel(depth: Values, grid: Grid, points: NDArray[np.float64]) -> Callable[[], Values]:
    """``sel(method="nearest")`` with point-wise indexers."""
    import xarray as xr

    array = xr.DataArray(depth, dims=("y", "x"), coords={"y": grid.y, "x": grid.x})

    def run() -> Values:
        x, y = xr.DataArray(points[:, 0], dims="point"), xr.DataArray(points[:, 1], dims="point")
        return np.asarray(array.sel(x=x, y=y, method="nearest").values)

    return run


def numpy_index(depth: Values, grid: Grid, points: NDArray[np.float64]) -> Callable[[], Values]:
    """Rows and columns by arithmetic, then one fancy index."""
    x, y = np.ascontiguousarray(points.T)

    def run() -> Values:
        column = ((x - grid.transform.c) / grid.transform.a).astype(np.int64)
        row = ((y - grid.transform.f) / grid.transform.e).astype(np.int64)
        return np.asarray(depth[row, column])

    return run


def rasterio_sample(path: Path, points: NDArray[np.float64]) -> Callable[[], Values]:
    """``rasterio.sample`` in the order of ``sort_xy``, which reads each block few times."""
    import rasterio
    from rasterio.sample import sample_gen, sort_xy

    def run() -> Values:
        with rasterio.open(path) as dataset:
            return np.array([value[0] for value in sample_gen(dataset, sort_xy(points))], np.float32)

    return run


@case("points", modules=("xarray", "rasterio"))
def points(size: Size) -> Iterator[Contest | Row]:
    """Index computation counts on both sides."""
    side, n = size.of(tiny=64, quick=2048, full=8192), size.of(tiny=200, quick=100_000, full=1_000_000)
    depth, grid = depth_map(side)
    places = random_points(n, grid)
    x, y = np.ascontiguousarray(places.T)
    raster = whole_raster(depth)
    a, _, c, _, e, f = grid.transform[:6]
    values = np.empty((1, n), np.float32)

    def in_memory() -> Values:
        sample_points(raster, (c, a, f, e), x, y, values)
        return values

    yield Contest(
        f"points, {n:,} on {side:,} x {side:,} cells in memory", in_memory, n, "point",
        (
            Peer("xarray sel nearest", lambda: xarray_sel(depth, grid, places), n, Goal(">=", 80.0), "xarray", _same),
            Peer("numpy fancy index", lambda: numpy_index(depth, grid, places), n, Goal(">=", 5.0), agree=_same),
        ),
    )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "depth.tif"
        write_map(path, depth, grid)
        yield from _from_file(path, places, size)


def _from_file(path: Path, places: NDArray[np.float64], size: Size) -> Iterator[Contest]:
    import rasterio
    from rasterio.sample import sort_xy

    hazard = open_hazard(str(path), family="flood", peril="flood", unit="m", nodata="dry", events=["one"])
    # The peer works on a strip that holds a part of the points, with the density of the whole.
    order = np.array(list(sort_xy(places)))
    part = max(1, len(places) // size.of(tiny=1, quick=10, full=20))
    x, y = np.ascontiguousarray(order.T)
    a, _, c, _, e, f = rasterio.open(path).transform[:6]
    values = np.empty((1, len(order)), np.float32)

    def from_tiles() -> Values:
        buffer = TileBuffer(hazard, 1 << 28)
        row, column = ((y - f) / e).astype(np.int64), ((x - c) / a).astype(np.int64)
        across = -(-hazard.sizes["x"] // TILE_SIZE)
        tile = row // TILE_SIZE * across + column // TILE_SIZE
        by_tile = np.argsort(tile, kind="stable")
        wanted, first = np.unique(tile[by_tile], return_index=True)
        ends = np.append(first, len(tile))
        # As many tiles at once as the buffer holds, with the points that lie in them.
        for start in range(0, len(wanted), buffer.n_slot):
            stop = min(start + buffer.n_slot, len(wanted))
            inside = by_tile[ends[start] : ends[stop]]
            raster = buffer.load(wanted[start:stop])
            part = np.empty((1, len(inside)), np.float32)
            sample_points(raster, (c, a, f, e), x[inside], y[inside], part)
            values[:, inside] = part
        return values

    network = Network.from_tables(
        assets=gpd.GeoDataFrame(
            {"id": np.arange(len(order)).astype(str), "sector": "power"}, geometry=shapely.points(order), crs=5186
        )
    )

    def exposed() -> NDArray[np.float64]:
        return np.asarray(expose(hazard, network, curves=CurveTable())["exposed_intensity"].values)

    peer = Peer(
        "rasterio.sample(sort_xy)", lambda: rasterio_sample(path, order[:part]), part, Goal(">=", 15.0), "rasterio",
        _same,
    )  # fmt: skip
    subject = f"points, {len(order):,} from a GeoTIFF"
    yield Contest(f"{subject}, from coordinates to values", from_tiles, len(order), "point", (peer,))
    whole = Peer(peer.name, peer.make, part, None, peer.module, _same, repetitions=2)
    yield Contest(
        f"{subject}, the stage `expose` with its checks and curves", exposed, len(order), "point", (whole,),
    )  # fmt: skip


@case("raster_read", modules=("rasterio",))
def raster_read(size: Size) -> Iterator[Contest | Row]:
    """The whole map through the hazard reader, which also checks every cell and sets no data to NaN."""
    import rasterio

    side = size.of(tiny=64, quick=2048, full=8192)
    depth, grid = depth_map(side)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "depth.tif"
        write_map(path, depth, grid)
        hazard = open_hazard(str(path), family="flood", peril="flood", unit="m", nodata="dry", events=["one"])

        def ours() -> Values:
            return read_window(hazard, slice(None), slice(None))[0]

        def threaded() -> Values:
            with rasterio.open(path, num_threads="ALL_CPUS") as dataset:
                return np.asarray(dataset.read(1))

        peer = Peer(
            "rasterio.open(num_threads='ALL_CPUS').read", lambda: threaded, 1, Goal("<=", 1.15), "rasterio", _same
        )  # fmt: skip
        yield Contest(f"raster read, {side:,} x {side:,} cells, CPU time", ours, 1, "map", (peer,))
        on_the_wall = Peer(peer.name, peer.make, 1, peer.goal, peer.module, _same)
        yield Contest(
            f"raster read, {side:,} x {side:,} cells, wall time", ours, 1, "map", (on_the_wall,), clock="wall"
        )  # fmt: skip
