"""Points against a raster: a twin in exact fractions, bilinear against scipy, laws."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from resilience.kernels.points import BLOCK, interpolate_points, sample_points
from resilience.kernels.tiles import Raster, evaluate_damage, no_response, whole_raster

NORTH_UP = (500_000.0, 2.0, 4_000_000.0, -5.0)
SOUTH_UP = (500_000.0, 2.0, 4_000_000.0, 5.0)


def sample(values, transform, x, y):
    stack = values if values.ndim == 3 else values[np.newaxis]
    out = np.empty((len(stack), len(x)))
    sample_points(whole_raster(values), transform, np.asarray(x, float), np.asarray(y, float), out)
    return out


def interpolate(values, transform, x, y, missing=0.0):
    out = np.empty((1, len(x)))
    interpolate_points(whole_raster(values), transform, np.asarray(x, float), np.asarray(y, float), missing, out)
    return out[0]


def cell_by_fractions(coordinate, origin, step, size):
    position = (Fraction(float(coordinate)) - Fraction(origin)) / Fraction(step)
    if not 0 <= position <= size:
        return None
    return min(int(position // 1), size - 1)


grid_step = st.integers(-2, 26)


@pytest.mark.parametrize("transform", [NORTH_UP, SOUTH_UP], ids=["north up", "south up"])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_nearest_equals_the_twin_in_fractions(transform, data):
    """Also exactly on borders, on quarters of cells and one unit in the last place beside a border."""
    height, width = 5, 6
    values = np.arange(height * width, dtype=np.float32).reshape(height, width)
    quarter = data.draw(st.lists(st.tuples(grid_step, grid_step), min_size=1, max_size=20))
    x = np.array([transform[0] + transform[1] * column / 4 for column, _ in quarter])
    y = np.array([transform[2] + transform[3] * row / 4 for _, row in quarter])
    if data.draw(st.booleans()):
        x = np.nextafter(x, data.draw(st.sampled_from([-np.inf, np.inf])))
    got = sample(values, transform, x, y)[0]
    for k in range(len(x)):
        column = cell_by_fractions(x[k], transform[0], transform[1], width)
        row = cell_by_fractions(y[k], transform[2], transform[3], height)
        if column is None or row is None:
            assert np.isnan(got[k])
        else:
            assert got[k] == values[row, column]


def test_cell_size_that_floats_do_not_hold():
    """With cells of 0.1 the border of cell 3 is 0.30000000000000004; division decides, the same in every block."""
    values = np.arange(10, dtype=np.float32)[np.newaxis]
    x = np.array([0.1 * k for k in range(10)])
    expected = np.floor(x / 0.1)
    np.testing.assert_array_equal(sample(values, (0.0, 0.1, 0.0, 1.0), x, np.full(10, 0.5))[0], expected)
    many = np.concatenate([x, np.full(1000, 0.55)])
    np.testing.assert_array_equal(sample(values, (0.0, 0.1, 0.0, 1.0), many, np.full(1010, 0.5))[0, :10], expected)


def test_bands_blocks_and_order():
    rng = np.random.default_rng(0)
    values = rng.random((3, 20, 30), dtype=np.float32)
    x, y = rng.uniform(-1, 31, 700), rng.uniform(-1, 21, 700)
    got = sample(values, (0.0, 1.0, 0.0, 1.0), x, y)
    inside = (x >= 0) & (x <= 30) & (y >= 0) & (y <= 20)
    expected = values[:, np.floor(y[inside]).astype(int), np.floor(x[inside]).astype(int)]
    np.testing.assert_array_equal(got[:, inside], expected)
    assert np.isnan(got[:, ~inside]).all()
    order = rng.permutation(700)[:450]
    np.testing.assert_array_equal(sample(values, (0.0, 1.0, 0.0, 1.0), x[order], y[order]), got[:, order])


@pytest.mark.parametrize("n", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 7])
@pytest.mark.parametrize("step", [0.1, -0.3, 1 / 3])
def test_any_number_of_points_equals_division_also_on_borders(n, step):
    """Each point is read a block later than it is asked for; a third lies on a border that floats do not hold."""
    rng = np.random.default_rng(n)
    values = rng.random((3, 40, 50), dtype=np.float32)
    transform = (1e6, step, 5e6, -step)
    column, row = rng.uniform(-2, 52, n), rng.uniform(-2, 42, n)
    column[::3], row[1::3] = np.round(column[::3]), np.round(row[1::3])
    x, y = 1e6 + step * column, 5e6 - step * row
    got = sample(values, transform, x, y)
    assert got.shape == (3, n)
    for k in range(n):
        across, along = (x[k] - 1e6) / step, (y[k] - 5e6) / -step
        if 0 <= across <= 50 and 0 <= along <= 40:
            cell = min(int(along), 39), min(int(across), 49)
            np.testing.assert_array_equal(got[:, k], values[:, cell[0], cell[1]])
        else:
            assert np.isnan(got[:, k]).all()


@pytest.mark.parametrize("bilinear", [False, True])
def test_tiles_equal_the_whole(bilinear):
    rng = np.random.default_rng(1)
    values = rng.random((2, 10, 11), dtype=np.float32)
    offset = np.array([[2, 0, 4], [1, 3, 5], [8, 7, 6]]) * 16
    buffer = np.zeros((2, 9 * 4, 4), dtype=np.float32)
    for i in range(3):
        for j in range(3):
            block = values[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
            first = offset[i, j] // 4
            buffer[:, first : first + block.shape[1], : block.shape[2]] = block
    tiled = Raster(buffer, offset, 10, 11)
    x, y = rng.uniform(0, 11, 500), rng.uniform(0, 10, 500)
    one, other = np.empty((2, 500)), np.empty((2, 500))
    for raster, out in ((whole_raster(values), one), (tiled, other)):
        if bilinear:
            interpolate_points(raster, (0.0, 1.0, 0.0, 1.0), x, y, 0.0, out)
        else:
            sample_points(raster, (0.0, 1.0, 0.0, 1.0), x, y, out)
    np.testing.assert_array_equal(one, other)


def test_a_tile_that_is_not_loaded_gives_nothing():
    raster = Raster(np.ones((1, 4, 4), dtype=np.float32), np.array([[0, -1]]), 4, 8)
    out = np.empty((1, 3))
    sample_points(raster, (0.0, 1.0, 0.0, 1.0), np.array([1.5, 5.5, 8.5]), np.full(3, 1.5), out)
    np.testing.assert_array_equal(out, [[1.0, np.nan, np.nan]])


def test_bilinear_equals_scipy_between_centres():
    rng = np.random.default_rng(2)
    values = rng.random((7, 9), dtype=np.float32)
    x, y = rng.uniform(0.5, 8.5, 200), rng.uniform(0.5, 6.5, 200)
    scipy = RegularGridInterpolator((np.arange(7) + 0.5, np.arange(9) + 0.5), values.astype(np.float64))
    np.testing.assert_allclose(interpolate(values, (0.0, 1.0, 0.0, 1.0), x, y), scipy((y, x)), rtol=1e-12)


@pytest.mark.parametrize("transform", [NORTH_UP, SOUTH_UP], ids=["north up", "south up"])
def test_bilinear_reproduces_a_plane(transform):
    origin_x, step_x, origin_y, step_y = transform
    centre_x = origin_x + step_x * (np.arange(8) + 0.5)
    centre_y = origin_y + step_y * (np.arange(6) + 0.5)
    plane = (0.5 * (centre_x - origin_x) + 0.25 * (centre_y[:, np.newaxis] - origin_y)).astype(np.float32)
    rng = np.random.default_rng(3)
    x = rng.uniform(centre_x.min(), centre_x.max(), 50)
    y = rng.uniform(centre_y.min(), centre_y.max(), 50)
    expected = 0.5 * (x - origin_x) + 0.25 * (y - origin_y)
    np.testing.assert_allclose(interpolate(plane, transform, x, y), expected, rtol=1e-9, atol=1e-9)


def test_bilinear_at_the_rim_and_outside():
    values = np.array([[1.0, 3.0]], dtype=np.float32)
    got = interpolate(values, (0.0, 1.0, 0.0, 1.0), [0.0, 0.25, 1.0, 2.0, 2.1, -0.1], np.full(6, 0.9))
    np.testing.assert_array_equal(got, [1.0, 1.0, 2.0, 3.0, np.nan, np.nan])


@pytest.mark.parametrize(("missing", "expected"), [(0.0, [0.5, 1.0]), (np.nan, [np.nan, 1.0])])
def test_bilinear_with_missing_cells(missing, expected):
    """Half way to a cell without data; and at a centre, where its weight is zero."""
    values = np.array([[1.0, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(interpolate(values, (0.0, 1.0, 0.0, 1.0), [1.0, 0.5], [0.5, 0.5], missing), expected)


def test_damage_of_values():
    response = no_response(2)._replace(
        curve=np.array([0, -1], dtype=np.int32), indptr=np.array([0, 4]),
        x=np.array([0.0, 10.0, 20.0, 30.0]), y=np.array([0.0, 0.1, 0.2, 1.0]),
    )  # fmt: skip
    values = np.array([[5.0, 15.0, 25.0, 40.0, 0.0, np.nan, 5.0]])
    damage = np.empty_like(values)
    evaluate_damage(values, np.array([0, 0, 0, 0, 0, 0, 1]), response, damage)
    np.testing.assert_allclose(damage[0], [0.05, 0.15, 0.6, 1.0, 0.0, np.nan, 0.0])
