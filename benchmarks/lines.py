"""Lines of about 66 cells: mean and highest depth along each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.models import depth_map, random_lines
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.exposure.placement import place_assets
from resilience.grid import Grid
from resilience.kernels.lines import Lines, traverse_lines
from resilience.kernels.tiles import empty_sums, no_response, whole_raster

Answer = tuple[NDArray[np.float64], NDArray[np.float64]]


def snail_pipeline(frame: gpd.GeoDataFrame, grid: Grid, depth: NDArray[np.float32]) -> Callable[[], Answer]:
    """snail's own steps: split, cell indices, values, then a group-by."""
    from snail import intersection

    intersection.tqdm = lambda items, **_: items
    raster = intersection.GridDefinition(frame.crs, grid.width, grid.height, tuple(grid.transform)[:6])

    def run() -> Answer:
        splits = intersection.split_linestrings(frame, raster)
        splits = intersection.apply_indices(splits, raster)
        splits["value"] = intersection.get_raster_values_for_splits(splits, depth).astype(np.float64)
        splits["length"] = splits.geometry.length
        splits["product"] = splits["value"] * splits["length"]
        groups = splits.groupby("id")
        mean = groups["product"].sum() / groups["length"].sum()
        return mean.to_numpy(), groups["value"].max().to_numpy()

    return run


def snail_splits(frame: gpd.GeoDataFrame, grid: Grid) -> Callable[[], list[Any]]:
    """Only the compiled splitting, without looking anything up."""
    from snail.intersection import split_linestring

    transform = tuple(grid.transform)[:6]
    geometry = list(frame.geometry)
    return lambda: [split_linestring(line, grid.width, grid.height, transform) for line in geometry]


def exactextract_lines(frame: gpd.GeoDataFrame, grid: Grid, depth: NDArray[np.float32]) -> Callable[[], Answer]:
    """exactextract on an array in memory."""
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    raster = NumPyRasterSource(depth, *grid.bounds, srs_wkt=frame.crs.to_wkt())

    def run() -> Answer:
        table = exact_extract(raster, frame, ["mean", "max"], output="pandas")
        return table["mean"].to_numpy(), table["max"].to_numpy()

    return run


def same_lines(ours: Answer, theirs: Answer) -> None:
    """Fail unless the highest values are identical and the means equal to 1e-9."""
    n = theirs[0].size
    np.testing.assert_array_equal(ours[1][:n], theirs[1])
    np.testing.assert_allclose(ours[0][:n], theirs[0], rtol=1e-9, atol=1e-9)


def nearly_same_lines(ours: Answer, theirs: Answer) -> None:
    """Fail unless the highest values are identical and the means equal as far as coverage in float32 allows."""
    n = theirs[0].size
    np.testing.assert_array_equal(ours[1][:n], theirs[1])
    np.testing.assert_allclose(ours[0][:n], theirs[0], rtol=1e-6, atol=1e-6)


def same_pieces(ours: Answer, theirs: list[Any]) -> None:
    """Fail unless something was split."""
    assert len(theirs) <= ours[0].size


@case("lines", modules=("snail", "exactextract"))
def lines(size: Size) -> Iterator[Contest | Row]:
    """From coordinates, as the kernels see them, and from geometries with all checks."""
    side, n = size.of(tiny=64, quick=2048, full=8192), size.of(tiny=20, quick=20_000, full=100_000)
    depth, grid = depth_map(side)
    vertices, start = random_lines(n, grid)
    frame = gpd.GeoDataFrame(
        {"id": np.arange(n)},
        geometry=shapely.linestrings(vertices, indices=np.repeat(np.arange(n), np.diff(start))),
        crs=grid.crs,
    )
    raster = whole_raster(depth)
    every, response = np.arange(n), no_response(n)
    ids, geometry = np.arange(n).astype(str), frame.geometry.to_numpy()

    def gather(placed: Lines) -> Answer:
        sums = empty_sums(1, n)
        traverse_lines(raster, placed, every, response, sums)
        return sums.weighted[0] / sums.weight, sums.maximum[0]

    def from_coordinates() -> Answer:
        column, row = grid.to_cells(vertices[:, 0], vertices[:, 1])
        length = np.zeros(len(vertices))
        move = vertices[1:] - vertices[:-1]
        np.sqrt(move[:, 0] ** 2 + move[:, 1] ** 2, out=length[:-1])
        return gather(Lines(column, row, length, start, np.arange(n + 1)))

    def from_geometries() -> Answer:
        return gather(place_assets(geometry, ids=ids, crs=grid.crs, grid=grid).lines)

    few, some = size.of(tiny=20, quick=20, full=60), size.of(tiny=20, quick=500, full=1000)
    small, middle = frame.iloc[:few], frame.iloc[:some]
    contestants: list[tuple[str, Callable[[], Any], int, float, str, Any]] = [
        ("snail, split_linestrings and on", lambda: snail_pipeline(small, grid, depth), few, 20_000.0, "snail",
         same_lines),
        ("snail, C++ split only", lambda: snail_splits(middle, grid), some, 300.0, "snail", same_pieces),
        ("exactextract", lambda: exactextract_lines(middle, grid, depth), some, 60.0, "exactextract",
         nearly_same_lines),
    ]  # fmt: skip
    peers = tuple(
        Peer(name, make, units, Goal(">=", goal), module, agree)
        for name, make, units, goal, module, agree in contestants
    )
    informal = tuple(
        Peer(name, make, units, None, module, agree, repetitions=2)
        for name, make, units, _, module, agree in contestants
    )
    inner = np.delete(np.abs(np.diff(vertices, axis=0)), start[1:-1] - 1, axis=0)
    cells = inner.sum() / grid.transform.a / n + 1
    yield Contest(f"lines, {n:,} of {cells:.0f} cells, from coordinates", from_coordinates, n, "line", peers)
    yield Contest(f"lines, {n:,} of {cells:.0f} cells, from geometries", from_geometries, n, "line", informal)
