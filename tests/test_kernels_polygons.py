"""Polygons against a raster: an intersection twin, worked shapes, laws."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from resilience.kernels.polygons import (
    BUFFER,
    Polygons,
    cover_polygons,
    cover_rows,
    list_polygon_tiles,
    measure_polygons,
)
from resilience.kernels.tiles import Raster, empty_sums, no_response, whole_raster

SIZE = 8


def make_polygons(*assets):
    parts, asset_of_part = shapely.get_parts(np.array(assets, dtype=object), return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    hole = np.concatenate([[False], part_of_ring[1:] == part_of_ring[:-1]])
    return Polygons(
        xy[:, 0].copy(),
        xy[:, 1].copy(),
        np.concatenate([[0], np.cumsum(np.bincount(ring_of, minlength=len(rings)))]),
        hole,
        np.concatenate([[0], np.cumsum(np.bincount(asset_of_part[part_of_ring], minlength=len(assets)))]),
    )


def coverage(shape, height=SIZE, width=SIZE):
    area = np.empty((height, width + 1))
    cover_rows(make_polygons(shape), 0, 0, 0, width, area)
    return area[:, :width]


def coverage_by_intersection(shape, height=SIZE, width=SIZE):
    """The slow twin: area of the shape within every cell."""
    cells = np.array([[shapely.box(j, i, j + 1, i + 1) for j in range(width)] for i in range(height)])
    return shapely.area(shapely.intersection(cells, shape))


def cover(values, polygons, selection=None):
    n = len(polygons.asset) - 1
    sums = empty_sums(1 if values.ndim == 2 else len(values), n)
    selection = np.arange(n) if selection is None else np.asarray(selection)
    cover_polygons(whole_raster(values), polygons, selection, no_response(n), sums)
    return sums


coordinate = st.one_of(
    st.floats(-2, SIZE + 2), st.integers(-1, SIZE + 1).map(float), st.integers(0, 4 * SIZE).map(lambda q: q / 4)
)
points = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=7)


@st.composite
def shapes(draw):
    """Polygons, also concave, with holes and in several parts."""
    shape = shapely.convex_hull(shapely.multipoints(draw(points)))
    other = shapely.convex_hull(shapely.multipoints(draw(points)))
    shape = draw(st.sampled_from([shapely.difference, shapely.union, shapely.symmetric_difference]))(shape, other)
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 1e-3]
    assume(parts)
    shape = shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]
    assume(shape.is_valid)
    return draw(st.sampled_from([shapely.normalize, shapely.reverse, shapely.orient_polygons]))(shape)


@settings(max_examples=150, deadline=None)
@given(shapes())
def test_coverage_equals_the_intersection_twin(shape):
    np.testing.assert_allclose(coverage(shape), coverage_by_intersection(shape), atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(shapes(), st.integers(0, 1000))
def test_sums_equal_the_twin(shape, seed):
    values = np.random.default_rng(seed).random((SIZE, SIZE), dtype=np.float32)
    twin = coverage_by_intersection(shape)
    polygons = make_polygons(shape)
    sums = cover(values, polygons)
    assert sums.weighted[0, 0] == pytest.approx((twin * values).sum(), abs=1e-8)
    assert sums.weight[0] == pytest.approx(shape.intersection(shapely.box(0, 0, SIZE, SIZE)).area, abs=1e-8)
    area = np.empty(1)
    measure_polygons(polygons, np.array([0]), area)
    assert area[0] == pytest.approx(shape.area)
    if (twin > 1e-6).any() and not ((twin > 0) & (twin < 1e-6)).any():
        assert sums.maximum[0, 0] == values[twin > 0].max()


def test_worked_shapes():
    square = shapely.box(0.5, 0.5, 2.5, 2.5)
    expected = [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    np.testing.assert_array_equal(coverage(square, 3, 3), expected)
    ring = square.difference(shapely.box(1, 1, 2, 2))
    expected[1][1] = 0.0
    np.testing.assert_array_equal(coverage(ring, 3, 3), expected)
    triangle = shapely.Polygon([(0, 0), (2, 0), (0, 2)])
    np.testing.assert_array_equal(coverage(triangle, 3, 3), [[1, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])
    both = shapely.MultiPolygon([shapely.box(0, 0, 1, 0.5), shapely.box(2, 2, 3, 3)])
    np.testing.assert_array_equal(coverage(both, 3, 3), [[0.5, 0, 0], [0, 0, 0], [0, 0, 1]])


def test_only_cells_with_area_are_touched():
    """A polygon that ends on cell borders does not touch the cells beyond them; nor do holes count."""
    values = np.array([[9, 9, 9, 9], [9, 1, 2, 9], [9, 9, 9, 9]], dtype=np.float32)
    sums = cover(values, make_polygons(shapely.box(1, 1, 3, 2), shapely.box(1, 1, 2.000001, 2)))
    assert sums.maximum[0].tolist() == [2.0, 2.0]
    assert sums.weighted[0, 0] / sums.weight[0] == 1.5
    frame = shapely.box(0, 0, 4, 3).difference(shapely.box(1, 1, 3, 2))
    inverse = np.where(values == 9, 0, values).astype(np.float32)
    assert cover(inverse, make_polygons(frame)).maximum[0, 0] == 0.0


def test_a_polygon_much_smaller_than_a_cell():
    tiny = shapely.box(1.5, 0.5, 1.5 + 1e-6, 0.5 + 1e-6)
    sums = cover(np.array([[1.0, 2.0, 3.0]], dtype=np.float32), make_polygons(tiny))
    assert sums.maximum[0, 0] == 2.0
    assert sums.weighted[0, 0] / sums.weight[0] == pytest.approx(2.0)


def test_mean_of_a_plane_is_its_value_at_the_centroid():
    """Whole cells only: the plane's mean over each is its value at the centre."""
    i, j = np.mgrid[:SIZE, :SIZE]
    plane = (1.0 + 0.5 * i + 0.25 * j).astype(np.float32)
    shape = shapely.union_all([shapely.box(1, 1, 3, 6), shapely.box(3, 4, 7, 6)])
    sums = cover(plane, make_polygons(shape))
    centre = shape.centroid
    assert sums.weighted[0, 0] / sums.weight[0] == pytest.approx(1 + 0.5 * (centre.y - 0.5) + 0.25 * (centre.x - 0.5))


def test_a_polygon_of_several_strips_and_buffers():
    size = 300
    shape = shapely.Point(150, 150).buffer(140, quad_segs=64).difference(shapely.Point(140, 160).buffer(30))
    values = np.random.default_rng(0).random((size, size), dtype=np.float32)
    sums = cover(values, make_polygons(shape))
    assert sums.weight[0] == pytest.approx(shape.area, rel=1e-12)
    assert shape.area > 2 * BUFFER
    area = np.empty((size, size + 1))
    cover_rows(make_polygons(shape), 0, 0, 0, size, area)
    assert sums.weighted[0, 0] == pytest.approx((area[:, :size] * values).sum(), rel=1e-9)


def test_order_subset_and_tiles_do_not_change_a_bit():
    rng = np.random.default_rng(4)
    values = rng.random((2, 40, 40), dtype=np.float32)
    polygons = make_polygons(*(shapely.Point(*rng.uniform(0, 40, 2)).buffer(rng.uniform(0.2, 12)) for _ in range(30)))
    whole = cover(values, polygons)
    selection = rng.permutation(30)[:11]
    part = cover(values, polygons, selection)
    for name in ("maximum", "weighted", "wet"):
        np.testing.assert_array_equal(getattr(part, name)[:, selection], getattr(whole, name)[:, selection])
    indptr = np.zeros(31, dtype=np.int64)
    count = list_polygon_tiles(polygons, np.arange(30), 40, 40, 3, indptr, np.empty(0, dtype=np.int64))
    tile = np.empty(count, dtype=np.int64)
    list_polygon_tiles(polygons, np.arange(30), 40, 40, 3, indptr, tile)
    for asset in range(30):
        needed = tile[indptr[asset] : indptr[asset + 1]]
        offset = np.full((5, 5), -1)
        buffer = np.full((2, 25 * 8, 8), np.nan, dtype=np.float32)
        for slot, number in enumerate(needed):
            i, j = divmod(int(number), 5)
            buffer[:, slot * 8 : slot * 8 + 8] = values[:, 8 * i : 8 * i + 8, 8 * j : 8 * j + 8]
            offset[i, j] = slot * 64
        sums = empty_sums(2, 30)
        cover_polygons(Raster(buffer, offset, 40, 40), polygons, np.array([asset]), no_response(30), sums)
        np.testing.assert_array_equal(sums.weighted[:, asset], whole.weighted[:, asset])
        np.testing.assert_array_equal(sums.maximum[:, asset], whole.maximum[:, asset])


def test_polygons_beside_the_raster_add_nothing():
    polygons = make_polygons(shapely.box(-3, 1, -1, 2), shapely.box(1, 9, 2, 12), shapely.box(8, 8, 9, 9))
    sums = cover(np.ones((SIZE, SIZE), dtype=np.float32), polygons)
    assert sums.weight.tolist() == [0, 0, 0]
    assert np.isneginf(sums.maximum).all()
