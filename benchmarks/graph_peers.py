"""Who else tells how many people a source reaches, one sample at a time, each in its fastest fair form.

Every peer draws its own random numbers on the clock (PCG64, float32, one comparison for all assets), as this package
does, and then judges the states that this package drew, so that the answers must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.models import Road

Run = Callable[[], NDArray[np.int64]]


@dataclass(frozen=True)
class Samples:
    """Failure states of some samples.

    Parameters
    ----------
    road : Road
    probability : (n_asset,) float64
    up : (n_sample, n_asset) bool
    """

    road: Road
    probability: NDArray[np.float64]
    up: NDArray[np.bool_]

    def each(self, reached: Callable[[NDArray[np.bool_]], NDArray[Any]]) -> Run:
        """Return a run over all samples: draw, find who is reached (mask or list of nodes), add up their people."""
        rng = np.random.default_rng(3)
        threshold = self.probability.astype(np.float32)
        varying = np.flatnonzero(threshold)
        threshold = threshold[varying]
        everybody = int(self.road.persons.sum())

        def run() -> NDArray[np.int64]:
            without = np.empty(len(self.up), np.int64)
            for sample, state in enumerate(self.up):
                _ = rng.random(varying.size, dtype=np.float32) >= threshold
                without[sample] = everybody - int(self.road.persons[reached(state)].sum())
            return without

        return run


def from_labels(label: NDArray[Any], road: Road, state: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the nodes whose component holds a source that is up."""
    fed = np.zeros(int(label.max()) + 1, bool)
    fed[label[road.source[state[road.source]]]] = True
    return fed[label] & state[: road.n]


def networkx_search(samples: Samples) -> Run:
    """Breadth-first search over a networkx graph with sets of what failed: faster than a copy or a filtered view."""
    import networkx as nx

    road = samples.road
    graph = nx.Graph()
    graph.add_nodes_from(range(road.n))
    graph.add_edges_from(zip(road.tail.tolist(), road.head.tolist(), strict=True))
    neighbours = graph._adj
    source = road.source.tolist()

    def reached(state: NDArray[np.bool_]) -> NDArray[np.int64]:
        bad = np.flatnonzero(~state[road.n :])
        closed = set(zip(road.tail[bad].tolist(), road.head[bad].tolist(), strict=True))
        failed = set(np.flatnonzero(~state[: road.n]).tolist())
        seen = {node for node in source if node not in failed}
        front = list(seen)
        while front:
            node = front.pop()
            for other in neighbours[node]:
                if other not in seen and other not in failed:
                    pair = (node, other) if node < other else (other, node)
                    if pair not in closed:
                        seen.add(other)
                        front.append(other)
        return np.fromiter(seen, np.int64, len(seen))

    return samples.each(reached)


def igraph_delete(samples: Samples) -> Run:
    """Copy, delete the links that cannot be passed, components: faster than building anew."""
    import igraph

    road = samples.road
    graph = igraph.Graph(n=road.n, edges=np.stack([road.tail, road.head], axis=1))

    def reached(state: NDArray[np.bool_]) -> NDArray[np.bool_]:
        copy = graph.copy()
        copy.delete_edges(np.flatnonzero(~road.passes(state)).tolist())
        return from_labels(np.array(copy.connected_components().membership), road, state)

    return samples.each(reached)


def networkit_rebuild(samples: Samples) -> Run:
    """A graph of the links that can be passed, from arrays, and its components; one thread."""
    import networkit

    networkit.setNumberOfThreads(1)
    road = samples.road
    tail, head = road.tail.astype(np.uint64), road.head.astype(np.uint64)

    def reached(state: NDArray[np.bool_]) -> NDArray[np.bool_]:
        kept = road.passes(state)
        graph = networkit.GraphFromCoo((tail[kept], head[kept]), n=road.n, directed=False, weighted=False)
        components = networkit.components.ConnectedComponents(graph)
        components.run()
        return from_labels(np.array(components.getPartition().getVector()), road, state)

    return samples.each(reached)


def scipy_components(samples: Samples) -> Run:
    """``csgraph.connected_components`` of the links that can be passed."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    road = samples.road
    order = np.argsort(road.tail, kind="stable")
    tail, head = road.tail[order], road.head[order].astype(np.int32)
    start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=road.n))])
    ones = np.ones(tail.size, np.float64)

    def reached(state: NDArray[np.bool_]) -> NDArray[np.bool_]:
        # Rows of the matrix are cut out of a matrix made once: no sorting per sample.
        kept = road.passes(state)[order]
        indptr = np.concatenate([[0], np.cumsum(kept)])[start].astype(np.int32)
        matrix = csr_array((ones[: indptr[-1]], head[kept], indptr), shape=(road.n, road.n))
        return from_labels(connected_components(matrix, directed=False)[1], road, state)

    return samples.each(reached)


@numba.njit(nogil=True, error_model="numpy")
def _find(parent, node):
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@numba.njit(nogil=True, error_model="numpy")
def unite_reached(tail, head, up, source, persons, parent):
    """Return the people whom no source reaches in one sample: union-find with path halving, then one pass."""
    n = persons.size
    for node in range(n):
        parent[node] = node
    for link in range(tail.size):
        a = tail[link]
        b = head[link]
        if up[n + link] and up[a] and up[b]:
            a = _find(parent, a)
            b = _find(parent, b)
            if a < b:
                parent[b] = a
            else:
                parent[a] = b
    fed = np.zeros(n, np.bool_)
    for i in range(source.size):
        if up[source[i]]:
            fed[_find(parent, source[i])] = True
    without = 0
    for node in range(n):
        if not (up[node] and fed[_find(parent, node)]):
            without += persons[node]
    return without


def numba_union_find(samples: Samples) -> Run:
    """Scalar union-find, compiled."""
    road = samples.road
    tail, head = road.tail.astype(np.int32), road.head.astype(np.int32)
    parent = np.empty(road.n, np.int32)
    rng = np.random.default_rng(3)
    threshold = samples.probability.astype(np.float32)
    varying = np.flatnonzero(threshold)
    threshold = threshold[varying]

    def run() -> NDArray[np.int64]:
        without = np.empty(len(samples.up), np.int64)
        for sample, state in enumerate(samples.up):
            _ = rng.random(varying.size, dtype=np.float32) >= threshold
            without[sample] = unite_reached(tail, head, state, road.source, road.persons, parent)
        return without

    return run
