"""Streets of the synthetic city: a warped grid of arterials, collectors and local streets, bridged over the river."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from resilience.datasets.terrain import Terrain, generator, spline_surface

SPACING = 100.0  # m between parallel streets
LOCAL, COLLECTOR, ARTERIAL, BRIDGE = 0, 1, 2, 3
_COLLECTOR_EVERY = 4  # every fourth street is at least a collector,
_ARTERIAL_EVERY = 8  # every eighth an arterial
_FIRST_ARTERIAL = 4
_WARP = 30.0  # m; standard deviation by which whole streets bend
_WARP_KNOTS = 9  # streets between two knots of the bend
_JITTER = 11.0  # m; shift of a single junction
_ONEWAY_SHARE = 0.06  # of the local streets that are not needed for connection


@dataclass(frozen=True)
class StreetPlan:
    """The regular grid behind the streets and the smooth map from it to the ground.

    Parameters
    ----------
    west, south : float, m
        South-western corner.
    side : int
        Streets in either direction.
    east_shift, north_shift : (k, k) float64, m
        Knots of the bend.
    """

    west: float
    south: float
    side: int
    east_shift: NDArray[np.float64]
    north_shift: NDArray[np.float64]

    def locate(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y, (r, c) float64, m, of the crossings of `rows` and `columns` (street numbers, fractional)."""
        row_knot = (rows + 1.0) / _WARP_KNOTS + 1.0
        column_knot = (columns + 1.0) / _WARP_KNOTS + 1.0
        x = self.west + (columns[None, :] + 0.5) * SPACING + spline_surface(self.east_shift, row_knot, column_knot)
        y = self.south + (rows[:, None] + 0.5) * SPACING + spline_surface(self.north_shift, row_knot, column_knot)
        return x, y


@dataclass(frozen=True)
class Streets:
    """Junctions and the streets between them.

    Parameters
    ----------
    plan : StreetPlan
    row, column : (n,) int64
        Place of every junction in the plan.
    x, y : (n,) float64, m
    start, end : (m,) int64
        Junctions at the ends of every street.
    grade : (m,) int8
        LOCAL, COLLECTOR, ARTERIAL or BRIDGE.
    oneway : (m,) bool
        Usable from `start` to `end` only.
    """

    plan: StreetPlan
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    grade: NDArray[np.int8]
    oneway: NDArray[np.bool_]


def street_grade(number: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the grade of the streets with these numbers in the plan.

    Examples
    --------
    >>> street_grade(np.array([3, 4, 8, 12])).tolist()
    [0, 2, 1, 2]
    """
    grade = np.where((number - _FIRST_ARTERIAL) % _COLLECTOR_EVERY == 0, COLLECTOR, LOCAL)
    return np.where((number - _FIRST_ARTERIAL) % _ARTERIAL_EVERY == 0, ARTERIAL, grade).astype(np.int8)


def make_plan(seed: int, *, west: float, south: float, side: int) -> StreetPlan:
    """Return a street plan of `side` by `side` streets."""
    knots = int((side + 1) / _WARP_KNOTS) + 5
    shift = 2.0 * generator(seed, "street bends").random((2, knots, knots)) - 1.0
    return StreetPlan(west, south, side, _WARP / 0.2768 * shift[0], _WARP / 0.2768 * shift[1])


def lay_streets(seed: int, *, plan: StreetPlan, terrain: Terrain, n_node: int) -> Streets:
    """Return all streets the ground allows, connected.

    Parameters
    ----------
    seed : int
    plan : StreetPlan
    terrain : Terrain
    n_node : int
        Junctions wanted: the lowest places of the plan outside river and riverside. Those cut off by hills go again.

    Returns
    -------
    streets : Streets
        Two-way, every junction connected to every other.
    """
    number = np.arange(plan.side)
    x, y = (array.ravel() for array in plan.locate(number.astype(np.float64), number.astype(np.float64)))
    row, column = (array.ravel() for array in np.meshgrid(number, number, indexing="ij"))
    jitter = _JITTER * (2.0 * generator(seed, "junctions").random((2, x.size)) - 1.0)
    straight = np.maximum(street_grade(row), street_grade(column)) == ARTERIAL
    jitter[:, straight] *= 0.2
    x, y = np.round((x + jitter[0]) * 100.0) / 100.0, np.round((y + jitter[1]) * 100.0) / 100.0

    height = np.where(terrain.at(terrain.buildable, x, y), terrain.at(terrain.above_river, x, y), np.inf)
    lowest = np.argsort(height, kind="stable")[:n_node]
    kept = np.sort(lowest[np.isfinite(height[lowest])])
    row, column, x, y = row[kept], column[kept], x[kept], y[kept]

    start, end, grade = _candidates(row, column, terrain.at(terrain.north, x, y).astype(bool))
    main = _largest_component(start, end, row.size)
    number_of = np.cumsum(main) - 1
    inside = main[start]
    row, column, x, y = row[main], column[main], x[main], y[main]
    start, end, grade = number_of[start[inside]], number_of[end[inside]], grade[inside]

    return Streets(plan, row, column, x, y, start, end, grade, np.zeros(start.size, dtype=bool))


def thin_streets(seed: int, streets: Streets, *, n_asset: int) -> Streets:
    """Return the streets without some local ones, and with a few one-way.

    Parameters
    ----------
    seed : int
    streets : Streets
        From :func:`lay_streets`.
    n_asset : int
        Junctions and streets wanted; reached by leaving out local streets that are not needed for connection.

    Returns
    -------
    streets : Streets
        Every junction reaches every other, one-way streets honoured.
    """
    draw = generator(seed, "streets").random((2, streets.start.size))
    tree = _spanning_tree(streets.start, streets.end, streets.x.size, key=draw[0] - streets.grade)
    spare = np.flatnonzero(~tree & (streets.grade == LOCAL))
    surplus = max(0, min(spare.size, streets.x.size + streets.start.size - n_asset))
    keep = np.ones(streets.start.size, dtype=bool)
    keep[spare[np.argsort(draw[0][spare], kind="stable")[:surplus]]] = False
    oneway = ~tree & (streets.grade == LOCAL) & (draw[1] < _ONEWAY_SHARE)
    return replace(
        streets, start=streets.start[keep], end=streets.end[keep], grade=streets.grade[keep], oneway=oneway[keep]
    )


def _candidates(
    row: NDArray[np.int64], column: NDArray[np.int64], north: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Return the streets between neighbouring junctions of one row or column; only arterials bridge a gap."""
    starts, ends, grades = [], [], []
    for line, place in ((row, column), (column, row)):
        order = np.lexsort((place, line))
        start, end = order[:-1], order[1:]
        gap = np.where(line[start] == line[end], place[end] - place[start], np.iinfo(np.int64).max)
        grade = street_grade(line[start])
        crossing = north[start] != north[end]
        # The river runs from west to east: bridges stand in columns only.
        bridge = crossing & (grade == ARTERIAL) & (gap < np.iinfo(np.int64).max) & (line is column)
        street = ~crossing & ((gap == 1) | ((grade == ARTERIAL) & (gap <= 3)))
        grade[bridge] = BRIDGE
        chosen = bridge | street
        starts.append(start[chosen])
        ends.append(end[chosen])
        grades.append(grade[chosen])
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(grades)


def _largest_component(start: NDArray[np.int64], end: NDArray[np.int64], n_node: int) -> NDArray[np.bool_]:
    """Return True for the junctions of the largest connected part, (n_node,) bool."""
    links = coo_array((np.ones(start.size), (start, end)), shape=(n_node, n_node))
    _, label = connected_components(links, directed=False)
    return np.asarray(label == np.argmax(np.bincount(label)))


def _spanning_tree(
    start: NDArray[np.int64], end: NDArray[np.int64], n_node: int, *, key: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return True for the links of the spanning tree of smallest `key`, (m,) bool."""
    rank = np.empty(start.size)
    rank[np.argsort(key, kind="stable")] = np.arange(1.0, start.size + 1.0)
    tree = minimum_spanning_tree(coo_array((rank, (start, end)), shape=(n_node, n_node)).tocsr())
    chosen = np.zeros(start.size + 1, dtype=bool)
    chosen[tree.data.astype(np.int64)] = True
    return np.asarray(chosen[rank.astype(np.int64)])
