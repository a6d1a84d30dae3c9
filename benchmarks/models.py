"""What is measured on: road graphs, systems of dependencies, maps, lines and points, each at any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from resilience.grid import Grid
from resilience.kernels.dependency import order_dependents
from resilience.network.compile import PERSON, CompiledNetwork, SectorGraph

CELL = 2.0  # m
DROPPED = {2.5: 0.4, 3.0: 0.25}
"""Share of a square grid's links that is left out, by the mean degree that remains."""


@dataclass(frozen=True)
class Road:
    """A road graph.

    Parameters
    ----------
    n : int
        Nodes.
    tail, head : (m,) int64
    x, y : (n,) float64
        In blocks.
    source : (10,) int32
    persons : (n,) int64
        Living at each node, in thousandths.
    """

    n: int
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    source: NDArray[np.int32]
    persons: NDArray[np.int64]

    @property
    def n_asset(self) -> int:
        """Nodes, then links."""
        return self.n + self.tail.size

    def graph(self) -> SectorGraph:
        """Return the graph as the package holds it: assets are the nodes, then the links."""
        return SectorGraph(
            sector="transport",
            node=np.arange(self.n, dtype=np.int32),
            link=np.arange(self.n, self.n_asset, dtype=np.int32),
            tail=self.tail,
            head=self.head,
            oneway=np.zeros(self.tail.size, bool),
            source=self.source,
        )

    def compiled(self) -> CompiledNetwork:
        """Return a city of nothing but this road network."""
        return compile_arrays(self.n_asset, graphs={"transport": self.graph()})

    def passes(self, state: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which links can be passed in a sample: up, and so are both ends; `state` is (n_asset,)."""
        return np.asarray(state[self.n :] & state[self.tail] & state[self.head])


def road(n_node: int, *, degree: float, seed: int = 1, n_source: int = 10) -> Road:
    """Return the largest component of a square grid that lost links at random, with about `n_node` nodes."""
    rng = np.random.default_rng(seed)
    side = round(np.sqrt(n_node * (1.13 if degree < 3 else 1.02)))
    number = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    head = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    kept = rng.random(tail.size) >= DROPPED[degree]
    tail, head = tail[kept], head[kept]
    _, label = connected_components(
        coo_matrix((np.ones(tail.size), (tail, head)), shape=(side * side,) * 2), directed=False
    )
    largest = label == np.bincount(label).argmax()
    place = np.cumsum(largest) - 1
    kept = largest[tail]
    n = int(largest.sum())
    row, column = np.divmod(np.flatnonzero(largest), side)
    return Road(
        n=n,
        tail=place[tail[kept]],
        head=place[head[kept]],
        x=column / side,
        y=row / side,
        source=np.sort(rng.choice(n, min(n_source, n), replace=False)).astype(np.int32),
        persons=rng.integers(0, 50, n) * PERSON,
    )


@dataclass(frozen=True)
class Dependencies:
    """A layered system of k-of-n needs with feedback between its lower layers.

    Parameters
    ----------
    n : int
        Assets.
    owner : (n_need,) int64
    required : (n_need,) int32
    indptr : (n_need + 1,) int64
    provider : (n_dependency,) int32
    """

    n: int
    owner: NDArray[np.int64]
    required: NDArray[np.int32]
    indptr: NDArray[np.int64]
    provider: NDArray[np.int32]

    def compiled(self) -> CompiledNetwork:
        """Return a city of nothing but these needs."""
        return compile_arrays(self.n, dependencies=self)


def dependency_system(n: int, *, seed: int = 1) -> Dependencies:
    """Return `n` assets in six layers, about five dependencies per asset, some needs pointing up: feedback loops."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([[0], np.cumsum((np.array([0.02, 0.08, 0.1, 0.2, 0.3]) * n).astype(int)), [n]])
    width = np.diff(first)
    owners, layers = [], []
    for layer in range(1, 6):
        here = np.repeat(np.arange(first[layer], first[layer + 1]), rng.integers(1, 4, width[layer]))
        owners.append(here)
        layers.append(rng.integers(0, layer, here.size))
    for layer in (0, 1):
        here = np.flatnonzero(rng.random(width[layer]) < 0.3) + first[layer]
        owners.append(here)
        layers.append(np.full(here.size, layer + 1))
    n_feedback = owners[-1].size + owners[-2].size
    owner, layer_of = np.concatenate(owners), np.concatenate(layers)
    count = rng.integers(1, 5, owner.size)
    count[-n_feedback:] = 2
    need = np.repeat(np.arange(owner.size), count)
    # Squared uniform numbers: a few providers serve many.
    provider = first[layer_of[need]] + (width[layer_of[need]] * rng.random(need.size) ** 2).astype(int)
    pairs = np.unique(np.stack([need, provider], axis=1), axis=0)
    count = np.bincount(pairs[:, 0], minlength=owner.size)
    required = np.where(rng.random(owner.size) < 0.6, 1, rng.integers(1, count + 1))
    required[-n_feedback:] = 1
    order = np.argsort(owner, kind="stable")
    new = np.empty(order.size, np.int64)
    new[order] = np.arange(order.size)
    by_need = np.argsort(new[pairs[:, 0]], kind="stable")
    indptr = np.concatenate([[0], np.cumsum(count[order])])
    return Dependencies(n, owner[order], required[order].astype(np.int32), indptr, pairs[by_need, 1].astype(np.int32))


def compile_arrays(
    n: int, *, graphs: dict[str, SectorGraph] | None = None, dependencies: Dependencies | None = None
) -> CompiledNetwork:
    """Return the arrays that the cascade runs on, without the tables that they usually come from."""
    no_rows = np.zeros(n + 1, np.int64)
    none = np.empty(0, np.int32)
    if dependencies is None:
        needs = Dependencies(n, np.empty(0, np.int64), none, np.zeros(1, np.int64), none)
    else:
        needs = dependencies
    n_need = needs.required.size
    need_indptr = np.concatenate([[0], np.cumsum(np.bincount(needs.owner, minlength=n))]).astype(np.int64)
    order = np.empty(int(np.count_nonzero(np.diff(need_indptr))), np.int32)
    order_dependents(need_indptr, needs.indptr, needs.provider, order)
    dependent_of = np.repeat(needs.owner, np.diff(needs.indptr))
    pairs = np.unique(np.stack([needs.provider.astype(np.int64), dependent_of], axis=1), axis=0)
    return CompiledNetwork(
        asset_id=tuple(map(str, range(n))),
        zone_id=(),
        sector=np.zeros(n, np.int16),
        sectors=("transport",),
        services=("power",),
        asset_identity=np.random.default_rng(7).integers(0, 2**64, n, dtype=np.uint64),
        need_indptr=need_indptr,
        need_service=np.zeros(n_need, np.int16),
        required=needs.required,
        provider_indptr=needs.indptr,
        provider=needs.provider,
        buffer_hours=np.zeros(n_need),
        start_probability=np.ones(n_need),
        recharge_hours=np.zeros(n_need),
        buffer_height=np.full(n_need, np.nan),
        need_identity=np.arange(n_need, dtype=np.uint64),
        dependent_indptr=np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=n))]).astype(np.int64),
        dependent=pairs[:, 1].astype(np.int32),
        order=order,
        zone_need=none,
        zone_of_need=none,
        persons=np.empty(0, np.int64),
        asset_access=np.full(n, -1, np.int32),
        zone_access=none,
        graphs=graphs or {},
        inbound_indptr=no_rows,
        inbound=none,
        outbound_indptr=no_rows,
        outbound=none,
    )


def depth_map(side: int, *, seed: int = 1) -> tuple[NDArray[np.float32], Grid]:
    """Return a made-up flood of `side` x `side` cells of 2 m: smooth ponds on dry land, depths in cm steps."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(0, 2 * np.pi, side, dtype=np.float32)
    depth = np.zeros((side, side), np.float32)
    for _ in range(6):
        kx, ky = rng.integers(1, 24, 2)
        depth += np.sin(kx * axis + rng.random())[:, np.newaxis] * np.sin(ky * axis + rng.random())
    depth = np.where(depth > 0.3, np.round(depth * 100) / 100, np.float32(0)).astype(np.float32)
    grid = Grid(CRS.from_epsg(5186), Affine(CELL, 0, 200_000.0, 0, -CELL, 600_000.0), height=side, width=side)
    return depth, grid


def write_map(path: Any, depth: NDArray[np.float32], grid: Grid) -> None:
    """Write a tiled, compressed GeoTIFF."""
    import rasterio

    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=grid.height, width=grid.width,
        crs=grid.crs.to_wkt(), transform=grid.transform, tiled=True, blockxsize=512, blockysize=512,
        compress="deflate", predictor=3, nodata=-9999.0,
    ) as target:  # fmt: skip
        target.write(depth, 1)


def random_points(n: int, grid: Grid, *, seed: int = 1) -> NDArray[np.float64]:
    """Return `n` points on the grid, (n, 2)."""
    left, bottom, right, top = grid.bounds
    return np.random.default_rng(seed).uniform((left + 1, bottom + 1), (right - 1, top - 1), (n, 2))


def random_lines(n: int, grid: Grid, *, seed: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return vertices (v, 2) and the first vertex of each line (n + 1,): 2 to 5 vertices, about 66 cells each."""
    rng = np.random.default_rng(seed)
    left, bottom, right, top = grid.bounds
    mean = min(41.0, 0.02 * (right - left))
    count = rng.integers(2, 6, n)
    start = np.concatenate([[0], np.cumsum(count)])
    angle = rng.random(start[-1]) * 2 * np.pi
    length = rng.exponential(mean, start[-1])
    step = np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=1)
    step[start[:-1]] = rng.uniform((left, bottom), (right, top), (n, 2)) * 0.0
    path = np.cumsum(step, axis=0)
    path -= np.repeat(path[start[:-1]], count, axis=0)
    margin = 0.1 * (right - left)
    origin = rng.uniform((left + margin, bottom + margin), (right - margin, top - margin), (n, 2))
    path += np.repeat(origin, count, axis=0)
    return np.clip(path, (left + 1, bottom + 1), (right - 1, top - 1)), start
