"""Where the facilities of the synthetic city stand: spread over the people, nudged to low or high ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from resilience.datasets.population import Population
from resilience.datasets.streets import Streets
from resilience.datasets.terrain import generator

_HILBERT_BITS = 16


def hilbert_index(column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of grid cells along Hilbert's curve: neighbours on the curve are neighbours on the ground.

    Parameters
    ----------
    column, row : (n,) int64
        From 0 to 65535.

    Notes
    -----
    D. Hilbert (1891), doi:10.1007/BF01199431.

    Examples
    --------
    >>> column, row = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    >>> np.diff(hilbert_index(column, row)).tolist()
    [1, 1, 1]
    """
    x, y = column.copy(), row.copy()
    index = np.zeros(x.shape, dtype=np.int64)
    for bit in range(_HILBERT_BITS - 1, -1, -1):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        index += ((3 * right) ^ upper) << (2 * bit)
        x, y = x & ((1 << bit) - 1), y & ((1 << bit) - 1)
        flip = (upper == 0) & (right == 1)
        last = (1 << bit) - 1
        x, y = np.where(flip, last - x, x), np.where(flip, last - y, y)
        turn = upper == 0
        x, y = np.where(turn, y, x), np.where(turn, x, y)
    return index


@dataclass(frozen=True)
class Sites:
    """Places of one kind of facility, each beside a street junction.

    Parameters
    ----------
    x, y : (n,) float64, m
    node : (n,) int64
        The junction.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    node: NDArray[np.int64]


class Ground:
    """What siting looks at: junctions, people, height and flood depth at every junction.

    Parameters
    ----------
    seed : int
    streets : Streets
    population : Population
    height : (n,) float64, m
        Height of every junction above the river.
    depth : (k, n) float64, m
        Flood depth at every junction per return period.
    """

    def __init__(
        self,
        seed: int,
        *,
        streets: Streets,
        population: Population,
        height: NDArray[np.float64],
        depth: NDArray[np.float64],
    ) -> None:
        self.seed = seed
        self.streets = streets
        self.population = population
        self.height = height
        self.depth = depth
        west, south = streets.plan.west, streets.plan.south
        cell = max(1.0, streets.plan.side * 100.0 / 2**15)
        self.order = np.argsort(
            hilbert_index(
                np.floor((population.x - west) / cell).astype(np.int64).clip(0),
                np.floor((population.y - south) / cell).astype(np.int64).clip(0),
            ),
            kind="stable",
        )
        self._reached = np.cumsum(population.persons[self.order])
        self._by_zone = np.argsort(population.node_zone, kind="stable")
        zones = np.arange(population.x.size)
        self._first = np.searchsorted(population.node_zone[self._by_zone], zones)
        self._count = np.bincount(population.node_zone[population.node_zone >= 0], minlength=zones.size)

    def spread(
        self, purpose: str, n: int, *, score: NDArray[np.float64] | None = None, choices: int = 4
    ) -> NDArray[np.int64]:
        """Return `n` junctions that divide the people evenly, (n,) int64.

        Parameters
        ----------
        purpose : str
            Names the random numbers.
        n : int
        score : (n_node,) float64, optional
            Of `choices` junctions in the same part of the city the one with the lowest score is taken.
        choices : int
        """
        draw = generator(self.seed, f"site {purpose}").random((2, n, choices if score is not None else 1))
        target = (np.arange(n)[:, None] + draw[0]) / n * self._reached[-1]
        zone = self.order[np.minimum(np.searchsorted(self._reached, target, side="right"), self.order.size - 1)]
        node = self._by_zone[self._first[zone] + np.floor(draw[1] * self._count[zone]).astype(np.int64)]
        best = np.zeros(n, dtype=np.int64) if score is None else np.argmin(score[node], axis=1)
        return np.asarray(node[np.arange(n), best])

    def one_per_zone(self, purpose: str) -> NDArray[np.int64]:
        """Return a junction in every zone, (z,) int64."""
        draw = generator(self.seed, f"site {purpose}").random(self._first.size)
        return np.asarray(self._by_zone[self._first + np.floor(draw * self._count).astype(np.int64)])

    def flood_prone(self, purpose: str, *, event: int, depth: float) -> int:
        """Return an inhabited junction about `depth` m under water in `event` and dry in the most frequent one."""
        miss = np.abs(self.depth[event] - depth)
        miss += 100.0 * (self.depth[0] > 0.0) + 100.0 * (self.population.node_zone < 0)
        draw = generator(self.seed, f"site {purpose}").random(miss.size)
        near = np.flatnonzero(miss <= max(float(miss.min()), 0.15))
        return int(near[np.argmin(draw[near])])

    def move_nearest(self, nodes: NDArray[np.int64], to: int) -> NDArray[np.int64]:
        """Return `nodes` with the one nearest to junction `to` replaced by it."""
        x, y = self.streets.x, self.streets.y
        away = (x[nodes] - x[to]) * (x[nodes] - x[to]) + (y[nodes] - y[to]) * (y[nodes] - y[to])
        moved = nodes.copy()
        moved[np.argmin(away)] = to
        return moved

    def beside(self, purpose: str, nodes: NDArray[np.int64]) -> Sites:
        """Return places 15 to 30 m from the junctions `nodes` in either direction."""
        draw = 2.0 * generator(self.seed, f"offset {purpose}").random((2, nodes.size)) - 1.0
        shift = np.where(draw < 0.0, -15.0, 15.0) + 15.0 * draw
        x = np.round((self.streets.x[nodes] + shift[0]) * 100.0) / 100.0
        y = np.round((self.streets.y[nodes] + shift[1]) * 100.0) / 100.0
        return Sites(x, y, nodes)


def nearest(sites: Sites, *, to: Sites) -> NDArray[np.int64]:
    """Return for every place of `to` the number of the nearest place of `sites`, (n,) int64."""
    tree = cKDTree(np.stack([sites.x, sites.y], axis=1))
    return np.asarray(tree.query(np.stack([to.x, to.y], axis=1))[1], dtype=np.int64)


def ring_with_chords(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return links that leave no place cut off by the loss of one: a ring along Hilbert's curve, and short chords.

    Parameters
    ----------
    x, y : (n,) float64, m
        At least three places.

    Returns
    -------
    start, end : (m,) int64
        Numbers of the places; every pair once, start < end.
    """
    n = x.size
    cell = max(1.0, float(max(np.ptp(x), np.ptp(y))) / 2**15)
    along = hilbert_index(
        np.floor((x - x.min()) / cell).astype(np.int64), np.floor((y - y.min()) / cell).astype(np.int64)
    )
    order = np.argsort(along, kind="stable")
    start, end = order, np.roll(order, -1)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    if n > 3:
        points = np.stack([x, y], axis=1)
        near = np.asarray(cKDTree(points).query(points, k=4)[1], dtype=np.int64)[:, 1:]
        apart = np.abs(place[near] - place[:, None])
        off_ring = (apart > 1) & (apart < n - 1)
        chord = near[np.arange(n), np.argmax(off_ring, axis=1)]
        chosen = off_ring.any(axis=1)
        start = np.concatenate([start, np.flatnonzero(chosen)])
        end = np.concatenate([end, chord[chosen]])
    pair = np.unique(np.minimum(start, end) * n + np.maximum(start, end))
    return pair // n, pair % n
