"""Who is nearest: straight, within a polygon, or along the roads. Ties go to the provider first in the given order.

All three searches return `(dependent, provider)` pairs of positions, a dependent's pairs from near to far. They do not
depend on the order of the dependents, and on that of the providers only through ties; callers sort providers by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

# Distances that differ by less than a millimetre are a tie: no map is that good, and equal spacings
# on a grid differ in the last bit.
DECIMALS = 3
# Sums of the same lengths in another order differ by less than this; small, for it adds up along a way.
_SAME_WAY = 1e-6
_CHUNK_ELEMENTS = 4_000_000


def nearest_points(
    dependents: NDArray[np.float64],
    providers: NDArray[np.float64],
    *,
    k: int,
    within: float = np.inf,
    same: NDArray[np.int64] | None = None,
) -> Pairs:
    """Return the `k` nearest providers of each dependent in a straight line.

    Parameters
    ----------
    dependents : (n, 2) float64, m
    providers : (m, 2) float64, m
    k : int
        At most this many.
    within : float, m
        None farther than this.
    same : (n,) int64, optional
        Position among the providers of the dependent itself, which never provides for itself; -1 none.

    Returns
    -------
    dependent, provider : (p,) int64

    Notes
    -----
    The k-d tree returns any of several equally near points, so more than `k` are asked for until the farthest one is
    beyond the last place taken; then distance rounded to the millimetre and provider order decide.
    Cost: O((n + m) log m) for `k` small against `m`.

    Examples
    --------
    >>> nearest_points(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [4.0, 3.0], [9.0, 9.0]]), k=1)
    (array([0]), array([0]))
    """
    n, m = len(dependents), len(providers)
    own = np.full(n, -1, dtype=np.int64) if same is None else same
    if n == 0 or m == 0:
        return _no_pairs()
    candidates = _first_at_each_place(providers, k + 1)
    tree = cKDTree(providers[candidates])
    reach = within if np.isinf(within) else within + 10.0**-DECIMALS
    found: list[Pairs] = []
    todo, asked = np.arange(n), min(len(candidates), k + 4)
    while len(todo):
        unsettled = []
        step = max(1, _CHUNK_ELEMENTS // asked)
        for start in range(0, len(todo), step):
            rows = todo[start : start + step]
            distance, nearest = tree.query(dependents[rows], k=asked, distance_upper_bound=reach)
            distance = np.round(np.reshape(distance, (len(rows), asked)), DECIMALS)
            # The tree marks absent neighbours by the position behind the last.
            provider = np.append(candidates, m)[np.reshape(nearest, (len(rows), asked))]
            farthest = distance[:, -1].copy()
            distance[(distance > within) | (provider == own[rows, None])] = np.inf
            order = np.lexsort((provider, distance), axis=1)[:, :k]
            distance = np.take_along_axis(distance, order, axis=1)
            provider = np.take_along_axis(provider, order, axis=1)
            last = distance[:, -1] if distance.shape[1] == k else np.full(len(rows), np.inf)
            settled = (farthest > last) | np.isinf(farthest) | (farthest > within) | (asked == len(candidates))
            row, column = np.nonzero(np.isfinite(distance) & settled[:, None])
            found.append((rows[row], provider[row, column]))
            unsettled.append(rows[~settled])
        todo, asked = np.concatenate(unsettled), min(len(candidates), asked * 2)
    return _in_order(found)


def containing_polygons(
    dependents: Any, providers: Any, *, places: NDArray[np.float64], provider_places: NDArray[np.float64], k: int,
    within: float = np.inf, same: NDArray[np.int64] | None = None,
) -> Pairs:  # fmt: skip
    """Return the providers whose polygon holds the dependent's place, or that lie in the dependent's polygon.

    A provider that is a polygon is an area of service and must hold the dependent's place. Any other provider must
    lie within the dependent's own polygon (a substation within its zone). Where more than `k` fit, the nearest places
    are taken.

    Parameters
    ----------
    dependents : (n,) geometries
    providers : (m,) geometries
    places : (n, 2) float64, m
        Representative points of the dependents.
    provider_places : (m, 2) float64, m
    k, within, same
        As in :func:`nearest_points`.

    Returns
    -------
    dependent, provider : (p,) int64

    Examples
    --------
    >>> area, house = shapely.box(0, 0, 9, 9), shapely.Point(2, 2)
    >>> places = np.array([[2.0, 2.0]])
    >>> containing_polygons([house], [area], places=places, provider_places=np.array([[4.5, 4.5]]), k=1)
    (array([0]), array([0]))
    """
    shapes, areas = np.asarray(dependents, dtype=object), np.asarray(providers, dtype=object)
    if len(shapes) == 0 or len(areas) == 0:
        return _no_pairs()
    is_area = _is_area(areas)
    serving, located = np.flatnonzero(is_area), np.flatnonzero(~is_area)
    hit, area = shapely.STRtree(areas[serving]).query(shapely.points(places), predicate="intersects")
    pairs = [(hit, serving[area])]
    wide = np.flatnonzero(_is_area(shapes))
    inner, outer = shapely.STRtree(shapes[wide]).query(shapely.points(provider_places[located]), predicate="intersects")
    pairs.append((wide[outer], located[inner]))
    dependent = np.concatenate([d for d, _ in pairs]).astype(np.int64)
    provider = np.concatenate([p for _, p in pairs]).astype(np.int64)
    distance = np.round(np.linalg.norm(places[dependent] - provider_places[provider], axis=1), DECIMALS)
    keep = distance <= within
    if same is not None:
        keep &= same[dependent] != provider
    return _first_k(dependent[keep], provider[keep], distance[keep], k)


@dataclass(frozen=True)
class RoadGraph:
    """Directed roads in compressed rows; nodes are sorted by id, so that row order of the tables does not matter.

    Parameters
    ----------
    nodes : pandas.Index
        Ids of the road nodes.
    lengths : scipy.sparse.csr_array, (n, n), m
        Shortest link from row to column.
    """

    nodes: pd.Index[Any]
    lengths: csr_array


def build_roads(
    start: NDArray[np.object_], end: NDArray[np.object_], length: NDArray[np.float64], oneway: NDArray[np.bool_]
) -> RoadGraph:
    """Return the graph of these links; of parallel links the shortest counts.

    Parameters
    ----------
    start, end : (n,) str
        Node ids.
    length : (n,) float64, m
    oneway : (n,) bool

    Examples
    --------
    >>> ends = np.array(["a"], dtype=object), np.array(["b"], dtype=object)
    >>> build_roads(*ends, np.array([5.0]), np.array([True])).lengths.toarray().tolist()
    [[0.0, 5.0], [0.0, 0.0]]
    """
    both = ~oneway
    tail = np.concatenate([start, end[both]])
    head = np.concatenate([end, start[both]])
    # Every link has a length: a stored zero may be read as no link, and ties are settled along growing distances.
    weight = np.maximum(np.concatenate([length, length[both]]), 10.0**-DECIMALS)
    nodes = pd.Index(np.unique(np.concatenate([tail, head])), dtype="str")
    i, j = nodes.get_indexer(pd.Index(tail)), nodes.get_indexer(pd.Index(head))
    order = np.lexsort((weight, j, i))
    i, j, weight = i[order], j[order], weight[order]
    first = np.ones(len(i), dtype=bool)
    first[1:] = (i[1:] != i[:-1]) | (j[1:] != j[:-1])
    shape = (len(nodes), len(nodes))
    return RoadGraph(nodes, csr_array((weight[first], (i[first], j[first])), shape=shape))


def nearest_by_road(
    roads: RoadGraph,
    dependents: NDArray[np.int64],
    providers: NDArray[np.int64],
    *,
    k: int,
    within: float = np.inf,
    same: NDArray[np.int64] | None = None,
) -> Pairs:
    """Return the `k` providers with the shortest way by road to each dependent.

    Parameters
    ----------
    roads : RoadGraph
    dependents, providers : (n,), (m,) int64
        Positions of their road nodes; the way between an asset and its node is not counted.
    k, within, same
        As in :func:`nearest_points`, along the roads, from provider to dependent.

    Returns
    -------
    dependent, provider : (p,) int64

    Notes
    -----
    For k = 1, one search from all providers at once; a tie is settled by passing the first provider along links on
    shortest ways (equal to the micrometre) until nothing changes. For k > 1, one search per provider node, bounded by
    `within`.

    Examples
    --------
    >>> ends = np.array(["a", "b"], dtype=object), np.array(["b", "c"], dtype=object)
    >>> roads = build_roads(*ends, np.array([5.0, 1.0]), np.array([False, False]))
    >>> nearest_by_road(roads, np.array([1]), np.array([0, 2]), k=1)
    (array([0]), array([1]))
    """
    if len(dependents) == 0 or len(providers) == 0:
        return _no_pairs()
    selfish = same is not None and bool((same >= 0).any())
    if k == 1 and not selfish:
        return _first_by_road(roads, dependents, providers, within)
    own = np.full(len(dependents), -1, dtype=np.int64) if same is None else same
    gates, gate_of = np.unique(providers, return_inverse=True)
    targets, target_of = np.unique(dependents, return_inverse=True)
    # Per gate, its providers in order; at most k + 1 of them can matter (one may be the dependent itself).
    order = np.argsort(gate_of, kind="stable")
    rank = np.arange(len(order)) - np.searchsorted(gate_of[order], gate_of[order])
    order = order[rank <= k]
    step = max(1, _CHUNK_ELEMENTS // max(len(roads.nodes), len(dependents) * (k + 1)))
    best: Pairs | None = None
    best_distance = np.zeros(0)
    for begin in range(0, len(gates), step):
        reached = dijkstra(roads.lengths, indices=gates[begin : begin + step], limit=_reach(within))[:, targets]
        chunk = order[(gate_of[order] >= begin) & (gate_of[order] < begin + step)]
        metres = np.round(reached[gate_of[chunk] - begin][:, target_of], DECIMALS)
        at, dependent = np.nonzero(np.isfinite(metres) & (metres <= within))
        provider, distance = chunk[at], metres[at, dependent]
        keep = own[dependent] != provider
        dependent, provider, distance = dependent[keep], provider[keep], distance[keep]
        if best is not None:
            dependent = np.concatenate([best[0], dependent])
            provider = np.concatenate([best[1], provider])
            distance = np.concatenate([best_distance, distance])
        kept = _rank_within(dependent, provider, distance, k)
        best, best_distance = (dependent[kept], provider[kept]), distance[kept]
    return best if best is not None else _no_pairs()


def _first_by_road(
    roads: RoadGraph, dependents: NDArray[np.int64], providers: NDArray[np.int64], within: float
) -> Pairs:
    gates, first = np.unique(providers, return_index=True)
    metres, _, source = dijkstra(
        roads.lengths, indices=gates, min_only=True, return_predecessors=True, limit=_reach(within)
    )
    label = np.full(len(roads.nodes), len(providers), dtype=np.int64)
    reached = np.isfinite(metres)
    provider_at = np.full(len(roads.nodes), len(providers), dtype=np.int64)
    provider_at[gates] = first
    label[reached] = provider_at[source[reached]]
    graph = roads.lengths.tocoo()
    tail, head = graph.coords
    linked = reached[tail] & reached[head]
    tail, head, length = tail[linked], head[linked], graph.data[linked]
    tight = np.abs(metres[tail] + length - metres[head]) < _SAME_WAY
    tail, head = tail[tight], head[tight]
    while True:
        better = label[tail] < label[head]
        if not better.any():
            break
        np.minimum.at(label, head[better], label[tail[better]])
    keep = np.flatnonzero(reached[dependents] & (np.round(metres[dependents], DECIMALS) <= within))
    return keep.astype(np.int64), label[dependents[keep]]


def _reach(within: float) -> float:
    return within if np.isinf(within) else within + 10.0**-DECIMALS


def _is_area(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.asarray(shapely.get_dimensions(shapes) == 2)


def _first_at_each_place(places: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return the first `n` positions at each place: many co-located providers must not blow up the search."""
    _, place = np.unique(places, axis=0, return_inverse=True)
    order = np.argsort(place.ravel(), kind="stable")
    sorted_place = place.ravel()[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_place, sorted_place)
    kept: NDArray[np.int64] = np.sort(order[rank < n])
    return kept


def _no_pairs() -> Pairs:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _in_order(found: list[Pairs]) -> Pairs:
    dependent = np.concatenate([d for d, _ in found])
    provider = np.concatenate([p for _, p in found])
    order = np.argsort(dependent, kind="stable")
    return dependent[order], provider[order]


def _rank_within(
    dependent: NDArray[np.int64], provider: NDArray[np.int64], distance: NDArray[np.float64], k: int
) -> NDArray[np.int64]:
    order = np.lexsort((provider, distance, dependent))
    sorted_dependent = dependent[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_dependent, sorted_dependent)
    kept: NDArray[np.int64] = order[rank < k]
    return kept


def _first_k(dependent: NDArray[np.int64], provider: NDArray[np.int64], distance: NDArray[np.float64], k: int) -> Pairs:
    kept = _rank_within(dependent, provider, distance, k)
    return dependent[kept], provider[kept]
