"""Lines against a raster: worked numbers, an intersection twin, laws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.lines import Lines, list_line_tiles, split_lines, traverse_lines
from resilience.kernels.tiles import Raster, Response, empty_sums, no_response, whole_raster

SIZE = 8


def make_lines(*assets):
    """Lines of assets, each a list of parts, each a list of (column, row)."""
    parts = [np.asarray(part, dtype=np.float64) for asset in assets for part in asset]
    xy = np.concatenate(parts)
    ends = np.cumsum([len(part) for part in parts])
    length = np.zeros(len(xy))
    length[:-1] = np.hypot(*np.diff(xy, axis=0).T)
    return Lines(
        xy[:, 0].copy(),
        xy[:, 1].copy(),
        length,
        np.concatenate([[0], ends]).astype(np.int64),
        np.concatenate([[0], np.cumsum([len(asset) for asset in assets])]).astype(np.int64),
    )


def split(lines, height=SIZE, width=SIZE):
    indptr = np.zeros(len(lines.asset), dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    n = split_lines(lines, height, width, indptr, none, none.copy(), np.empty(0))
    row, column, length = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n)
    assert split_lines(lines, height, width, indptr, row, column, length) == n
    return indptr, row, column, length


def traverse(values, lines, response=None, selection=None):
    n = len(lines.asset) - 1
    sums = empty_sums(1 if values.ndim == 2 else len(values), n)
    traverse_lines(
        whole_raster(values),
        lines,
        np.arange(n) if selection is None else np.asarray(selection),
        no_response(n) if response is None else response,
        sums,
    )
    return sums


def tiled(values, shift, loaded=None):
    """The raster cut into tiles, put into a buffer in reverse order."""
    size = 1 << shift
    stack = whole_raster(values).values
    bands, height, width = stack.shape
    rows, across = -(-height // size), -(-width // size)
    offset = np.full((rows, across), -1, dtype=np.int64)
    buffer = np.full((bands, rows * across * size, size), np.nan, dtype=np.float32)
    for slot, number in enumerate(reversed(range(rows * across))):
        if loaded is not None and number not in loaded:
            continue
        i, j = divmod(number, across)
        block = stack[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
        buffer[:, slot * size : slot * size + block.shape[1], : block.shape[2]] = block
        offset[i, j] = slot * size * size
    return Raster(buffer, offset, height, width)


def lengths_by_intersection(line):
    """The slow twin: length of the line within every cell, borders shared between the cells beside them."""
    cells = [[shapely.box(j, i, j + 1, i + 1) for j in range(SIZE)] for i in range(SIZE)]
    return shapely.length(shapely.intersection(np.array(cells), line))


@pytest.mark.parametrize(
    ("line", "cells", "cuts"),
    [
        ([(0.5, 0.5), (0.75, 0.5), (1.5, 1.5)], [(0, 0), (0, 1), (1, 1)], [(1, 0.833333), (1.125, 1)]),
        ([(0.5, 0.5), (1.5, 1.5)], [(0, 0), (1, 1)], [(1, 1)]),
        ([(0.5, 1.1), (1.5, 0.9), (2.5, 1.1)], [(1, 0), (0, 1), (1, 2)], [(1, 1), (2, 1)]),
        ([(0, 0), (1, 1), (2, 0)], [(0, 0), (0, 1)], [(1, 1)]),
        ([(2.9, 2.2), (2, 1.5), (0.9, 1.5)], [(2, 2), (1, 2), (1, 1), (1, 0)], [(2.642857, 2), (2, 1.5), (1, 1.5)]),
    ],
)
def test_worked_cuts(line, cells, cuts):
    _, row, column, length = split(make_lines([line]))
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == cells
    whole = shapely.LineString(line)
    at = shapely.line_interpolate_point(whole, np.cumsum(length)[:-1])
    np.testing.assert_allclose(shapely.get_coordinates(at), cuts, atol=2e-6)
    assert length.min() > 0.1


def test_worked_number_on_a_national_grid():
    """5 m grid, origin (54675, 1217320), north up: 8 pieces, first cut at (415805.23004, 430045)."""
    line = np.array([(415805.57, 430046.95), (415800.0, 430015.0)])
    cells = np.column_stack([(line[:, 0] - 54675) / 5, (line[:, 1] - 1217320) / -5])
    _, _, _, length = split(make_lines([cells]), height=200_000, width=100_000)
    assert len(length) == 8
    cut = cells[0] + (cells[1] - cells[0]) * length[0] / length.sum()
    np.testing.assert_allclose([54675 + 5 * cut[0], 1217320 - 5 * cut[1]], [415805.23004, 430045], atol=1e-5)


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ([(2.0, 0.5), (2.0, 1.5)], [(0, 2), (1, 2)]),
        ([(2.0, 1.5), (2.0, 0.5)], [(1, 2), (0, 2)]),
        ([(0.5, 3.0), (1.5, 3.0)], [(3, 0), (3, 1)]),
        ([(SIZE, 0.5), (SIZE, 1.5)], [(0, SIZE - 1), (1, SIZE - 1)]),
        ([(0.5, SIZE), (1.5, SIZE)], [(SIZE - 1, 0), (SIZE - 1, 1)]),
        ([(0.0, 0.0), (0.0, 1.0)], [(0, 0)]),
        ([(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)], [(1, 1), (1, 2)]),
        ([(3.0, 1.0), (1.0, 3.0)], [(1, 2), (2, 1)]),
        ([(1.0, 3.0), (3.0, 1.0)], [(2, 1), (1, 2)]),
        ([(1.5, 1.5), (1.5, 1.5), (2.5, 1.5)], [(1, 1), (1, 2)]),
    ],
    ids=[
        "border down", "border up", "border right", "outer column", "outer row", "outer corner", "corner turn",
        "diagonal back", "diagonal forth", "repeated vertex",
    ],
)  # fmt: skip
def test_borders_and_corners(line, cells):
    _, row, column, length = split(make_lines([line]))
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == cells
    assert (length > 0.4).all()


def test_no_sliver_at_corners_that_rounding_misses():
    """Lines through many corners, with coordinates that float64 does not hold exactly."""
    for slope in (1, 3, 7):
        for shift in (0.1, 0.3, 1e-12):
            start = np.array([shift * slope, shift])
            line = [start, start + np.array([7 * slope, 7])]
            _, _, _, length = split(make_lines([line]), height=20, width=100)
            assert length.min() > 1e-6
            assert len(length) <= 7 * slope + 2


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ([(2 - 1e-10, 0.5), (2.5, 0.5)], [(0, 2)]),
        ([(1.5, 0.5), (2 + 1e-10, 0.5)], [(0, 1)]),
        ([(2 - 1e-10, 0.5), (2 + 1e-10, 0.5)], [(0, 1)]),
    ],
    ids=["starts", "ends", "is"],
)
def test_a_sliver_joins_its_neighbour(line, cells):
    _, row, column, length = split(make_lines([line]))
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == cells
    assert length.sum() == pytest.approx(line[1][0] - line[0][0])


def test_a_line_too_short_for_the_grid_keeps_its_length():
    """Metres that vanish in the cell coordinates of a coarse grid: the ends are one number, the length is not."""
    lines = make_lines([[(3.0, 8.0), (3.0, 8.0)]])._replace(length=np.array([1e-9, 0.0]))
    _, row, column, length = split(lines)
    assert (row.tolist(), column.tolist(), length.tolist()) == ([7], [3], [1e-9])


def test_more_lines_than_the_buffer_counts():
    values = np.arange(4, dtype=np.float32).reshape(2, 2)
    sums = traverse(values, make_lines(*[[[(0.5, 0.5), (0.6, 0.5)]]] * 4500, [[(1.5, 1.5), (1.6, 1.5)]]))
    assert sums.maximum[0, :-1].max() == 0
    assert sums.maximum[0, -1] == 3


coordinate = st.one_of(
    st.floats(0, SIZE), st.integers(0, SIZE).map(float), st.integers(0, 4 * SIZE).map(lambda quarter: quarter / 4)
)
vertices = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=6)
micro = st.integers(-SIZE * 10**6, 2 * SIZE * 10**6).map(lambda millionth: millionth / 1e6)
anywhere = st.lists(st.tuples(micro, micro), min_size=2, max_size=5)


def strictly_inside(line):
    """Length per cell, and where it is certain: a line along a border is shared by the twin, owned by the kernel."""
    twin = lengths_by_intersection(line)
    return twin, np.isclose(twin.sum(), line.length, rtol=1e-9, atol=1e-9)


@settings(max_examples=150, deadline=None)
@given(vertices)
def test_pieces_equal_the_intersection_twin(line):
    indptr, row, column, length = split(make_lines([line]))
    dense = np.zeros((SIZE, SIZE))
    np.add.at(dense, (row, column), length)
    # Segment by segment: a line that crosses itself in a point would lose nothing, one that returns would.
    for start, end in pairwise(line):
        twin, certain = strictly_inside(shapely.LineString([start, end]))
        _, i, j, piece = split(make_lines([[start, end]]))
        own = np.zeros((SIZE, SIZE))
        np.add.at(own, (i, j), piece)
        if certain:
            np.testing.assert_allclose(own, twin, atol=1e-8)
        else:
            assert (own <= twin + 1e-8).all()
        dense -= own
    np.testing.assert_allclose(dense, 0, atol=1e-12)
    assert indptr[-1] == len(length)
    assert (length > 0).all()


@settings(max_examples=150, deadline=None)
@given(vertices)
def test_lengths_add_up_and_direction_does_not_matter(line):
    _, row, column, length = split(make_lines([line]))
    assert length.sum() == pytest.approx(shapely.LineString(line).length, rel=1e-12)
    _, back_row, back_column, back = split(make_lines([line[::-1]]))
    there, again = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    np.add.at(there, (row, column), length)
    np.add.at(again, (back_row, back_column), back)
    np.testing.assert_allclose(there, again, atol=1e-8)


@settings(max_examples=150, deadline=None)
@given(anywhere)
def test_outside_is_left_out(line):
    _, row, column, length = split(make_lines([line]))
    window = shapely.box(0, 0, SIZE, SIZE)
    inside = sum(shapely.LineString(pair).intersection(window).length for pair in pairwise(line))
    # A segment along the outer border is inside.
    assert length.sum() == pytest.approx(inside, abs=1e-6)
    if len(row):
        assert 0 <= row.min() <= row.max() < SIZE
        assert 0 <= column.min() <= column.max() < SIZE


def test_far_outside_costs_nothing():
    _, row, column, length = split(make_lines([[(-1e12, 2.5), (1e12, 2.5)], [(0.5, 1e15), (0.5, 1e14)]]))
    assert row.tolist() == [2] * SIZE
    assert column.tolist() == list(range(SIZE))
    np.testing.assert_allclose(length, 1.0, rtol=1e-3)


def test_mean_of_a_plane_along_a_line_of_cell_centres():
    """Where the pieces are symmetric about cell centres, the mean of a linear field is its value at the middle."""
    i, j = np.mgrid[:SIZE, :SIZE]
    plane = (2.0 + 0.25 * i + 0.5 * j).astype(np.float32)
    sums = traverse(plane, make_lines([[(0, 2.5), (8, 2.5)]], [[(3.5, 0), (3.5, 8)]], [[(0, 0), (8, 8)]]))
    np.testing.assert_allclose(sums.weighted[0] / sums.weight, [2 + 0.5 + 1.75, 2 + 0.875 + 1.5, 2 + 0.75 * 3.5])


def test_sums_of_a_worked_line():
    values = np.array([[0.0, 0.2, 1.0], [0.5, 0.3, 0.0]], dtype=np.float32)
    lines = make_lines([[(0.5, 0.5), (2.5, 0.5)]], [[(0.5, 0.5), (1, 0.5)], [(0.5, 1.5), (1.5, 1.5)]])
    sums = traverse(values, lines, no_response(2, threshold=0.3))
    np.testing.assert_allclose(sums.maximum[0], [1.0, 0.5])
    np.testing.assert_allclose(sums.weighted[0], [0.7, 0.4], rtol=1e-6)
    # The cell of exactly 0.3 m, stored as 0.30000001, is not above the threshold of 0.3 m.
    np.testing.assert_allclose(sums.wet[0], [0.5, 0.5])
    np.testing.assert_allclose(sums.weight, [2.0, 1.5])


def response_of(x, y, *, missing=0.0, threshold=0.0, height=0.0, lowest=0.0):
    return Response(
        missing, lowest, np.array([threshold]), np.array([height]), np.zeros(1, dtype=np.int32),
        np.array([0, len(x)]), np.array(x, dtype=np.float64), np.array(y, dtype=np.float64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("depths", "wet_share"), [([2.5, 5.0, 10.0], 1.0), ([0.0, 2.5, 5.0, 10.0], 0.75)], ids=["all wet", "one dry"]
)
def test_height_is_taken_off_each_cell_before_averaging(depths, wet_share):
    """Depths [2.5, 5, 10] at floor height 1: mean 4.8333 over the wet cells."""
    values = np.array([depths], dtype=np.float32)
    n = len(depths)
    response = response_of([0, 10], [0, 1], height=1.0)
    sums = traverse(values, make_lines([[(0, 0.5), (n, 0.5)]]), response)
    assert sums.wet[0, 0] / n == pytest.approx(wet_share)
    assert 10 * sums.damage[0, 0] / sums.wet[0, 0] == pytest.approx(4.8333333)


def test_curve_before_averaging():
    """Concave curve: damage of the mean depth would be 0.5, the mean damage is 0.35."""
    values = np.array([[0.0, 2.0]], dtype=np.float32)
    sums = traverse(values, make_lines([[(0, 0.5), (2, 0.5)]]), response_of([0, 1, 2], [0, 0.5, 0.7]))
    assert sums.damage[0, 0] / sums.weight[0] == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [0.0, 0.3, 0.6]),
        ({"threshold": 0.5}, [0.0, 0.0, 0.6]),
        ({"threshold": 0.25}, [0.0, 0.3, 0.6]),
        ({"height": 0.25}, [0.0, 0.2, 0.45]),
        ({"height": -1.0}, [0.0, 0.65, 0.8]),
        ({"lowest": -np.inf, "threshold": -np.inf}, [0.2, 0.3, 0.6]),
    ],
    ids=["plain", "below threshold", "at threshold", "height", "below ground", "no dry value"],
)
def test_damage_rule(rule, expected):
    """A curve that starts above zero: only what is wet, not below the threshold and reaches the component counts."""
    x, y = [0.0, 0.25, 1.0, 2.0], [0.2, 0.3, 0.6, 0.8]
    for value, want in zip([0.0, 0.25, 1.0], expected, strict=True):
        if rule.get("height") == 0.25 and value == 0.25:
            want = 0.0
        elif rule.get("height") == 0.25 and value == 1.0:
            want = 0.3 + 0.3 * (0.5 / 0.75)
        elif rule.get("height") == -1.0 and value == 0.25:
            want = 0.65
        sums = traverse(
            np.array([[value]], dtype=np.float32), make_lines([[(0.25, 0.5), (0.75, 0.5)]]), response_of(x, y, **rule)
        )
        assert sums.damage[0, 0] / sums.weight[0] == pytest.approx(want)


@pytest.mark.parametrize("missing", [0.0, np.nan])
def test_missing_cells(missing):
    values = np.array([[1.0, np.nan, 3.0]], dtype=np.float32)
    sums = traverse(values, make_lines([[(0, 0.5), (3, 0.5)]]), response_of([0, 10], [0, 1], missing=missing))
    expected = [3.0, 4.0, 2.0, 0.4] if missing == 0.0 else [np.nan] * 3 + [0.4]
    if missing == 0.0:
        np.testing.assert_allclose(
            [sums.maximum[0, 0], sums.weighted[0, 0], sums.wet[0, 0], sums.damage[0, 0]], expected
        )
    else:
        assert np.isnan([sums.maximum[0, 0], sums.weighted[0, 0], sums.damage[0, 0]]).all()


def some_lines(n, size, seed=0):
    rng = np.random.default_rng(seed)
    assets = []
    for _ in range(n):
        start = rng.uniform(-1, size + 1, 2)
        assets.append([np.cumsum(np.vstack([start, rng.normal(0, size / 8, (3, 2))]), axis=0)])
    return make_lines(*assets)


def test_order_and_subset_do_not_change_a_bit():
    rng = np.random.default_rng(5)
    values = rng.random((2, 40, 40), dtype=np.float32)
    lines = some_lines(60, 40)
    whole = traverse(values, lines)
    for selection in (rng.permutation(60), rng.permutation(60)[:7]):
        part = traverse(values, lines, selection=selection)
        for name in ("maximum", "weighted", "wet"):
            np.testing.assert_array_equal(getattr(part, name)[:, selection], getattr(whole, name)[:, selection])


@pytest.mark.parametrize("shift", [2, 3, 6])
def test_tiles_equal_the_whole_bit_for_bit(shift):
    rng = np.random.default_rng(1)
    values = rng.random((2, 37, 53), dtype=np.float32)
    lines = some_lines(30, 37)
    whole = traverse(values, lines)
    sums = empty_sums(2, 30)
    traverse_lines(tiled(values, shift), lines, np.arange(30), no_response(30), sums)
    for one, other in zip(sums, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tiles_in_two_passes_add_up():
    rng = np.random.default_rng(2)
    values = rng.random((2, 30, 30), dtype=np.float32)
    lines = some_lines(12, 30)
    whole = traverse(values, lines)
    sums = empty_sums(2, 12)
    for loaded in ({0, 3, 5, 9, 12, 14}, {1, 2, 4, 6, 7, 8, 10, 11, 13, 15}):
        traverse_lines(tiled(values, 3, loaded), lines, np.arange(12), no_response(12), sums)
    np.testing.assert_array_equal(sums.maximum, whole.maximum)
    np.testing.assert_allclose(sums.weighted, whole.weighted, rtol=1e-12)


def test_listed_tiles_are_those_of_the_pieces():
    lines = some_lines(25, 40, seed=3)
    indptr = np.zeros(26, dtype=np.int64)
    count = list_line_tiles(lines, np.arange(25), 40, 40, 2, indptr, np.empty(0, dtype=np.int64))
    tile = np.empty(count, dtype=np.int64)
    assert list_line_tiles(lines, np.arange(25), 40, 40, 2, indptr, tile) == count
    ends, row, column, _ = split(lines, 40, 40)
    for asset in range(25):
        own = slice(ends[asset], ends[asset + 1])
        expected = set(((row[own] >> 2) * 10 + (column[own] >> 2)).tolist())
        listed = tile[indptr[asset] : indptr[asset + 1]].tolist()
        assert set(listed) == expected
        assert len(listed) == len(expected)


def test_a_line_longer_than_the_buffer():
    """A zigzag of more pieces than are held at once."""
    n = 6000
    column = np.tile([0.5, 3.5], n // 2)
    line = np.column_stack([column, np.linspace(0.25, 3.75, n)])
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    lines = make_lines([line], [[(0.5, 0.5), (1.5, 0.5)]])
    _, row, column, length = split(lines, 4, 4)
    sums = traverse(values, lines)
    assert sums.maximum.tolist() == [[15.0, 1.0]]
    assert sums.weighted.sum() == pytest.approx((values[row, column] * length).sum())
    assert sums.weight[0] == pytest.approx(shapely.LineString(line).length)
