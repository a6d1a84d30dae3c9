"""Who else tells the travel time to the nearest facility, one sample at a time, each in its fastest fair form.

Every peer judges the states that this package drew; drawing is on no clock. The answer is how many people have a
facility within a limit; the times themselves, whole milliseconds, are compared node by node beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.models import Road

Search = Callable[[NDArray[np.bool_]], NDArray[Any]]
"""From the states of all assets in a sample to the time of every node, infinite where there is no way."""


def scipy_dijkstra(road: Road, time: NDArray[np.int64]) -> Search:
    """``csgraph.dijkstra(min_only=True)`` on rows cut out of a matrix made once: no sorting per sample."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    # Both directions are stored: no slower than directed=False, which transposes the matrix in every call.
    tail, head = np.concatenate([road.tail, road.head]), np.concatenate([road.head, road.tail])
    order = np.argsort(tail, kind="stable")
    link = np.tile(np.arange(road.tail.size), 2)[order]
    head, weight = head[order].astype(np.int32), time[link].astype(np.float64)
    start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=road.n))])

    def search(state: NDArray[np.bool_]) -> NDArray[Any]:
        kept = road.passes(state)[link]
        indptr = np.concatenate([[0], np.cumsum(kept)])[start].astype(np.int32)
        matrix = csr_array((weight[kept], head[kept], indptr), shape=(road.n, road.n))
        return np.asarray(dijkstra(matrix, indices=road.source[state[road.source]], min_only=True))

    return search


def igraph_distances(road: Road, time: NDArray[np.int64]) -> Search:
    """Distances from one more node tied to the facilities; infinite for a failed link, a little faster than a copy."""
    import igraph

    pairs = np.stack([road.tail, road.head], axis=1).tolist() + [(road.n, node) for node in road.source.tolist()]
    graph = igraph.Graph(n=road.n + 1, edges=pairs)
    weight = np.append(time, np.zeros(road.source.size))

    def search(state: NDArray[np.bool_]) -> NDArray[Any]:
        closed = np.concatenate([~road.passes(state), ~state[road.source]])
        weights = np.where(closed, np.inf, weight).tolist()
        return np.array(graph.distances(source=road.n, weights=weights)[0][: road.n])

    return search


def networkx_dijkstra(road: Road, time: NDArray[np.int64]) -> Search:
    """``multi_source_dijkstra_path_length``; a weight of None hides a failed link: faster than a copy or a view."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(road.n))
    pairs = list(zip(road.tail.tolist(), road.head.tolist(), strict=True))
    graph.add_edges_from((a, b, {"time": t}) for (a, b), t in zip(pairs, time.tolist(), strict=True))
    data = [graph.edges[pair] for pair in pairs]

    def search(state: NDArray[np.bool_]) -> NDArray[Any]:
        closed = np.flatnonzero(~road.passes(state)).tolist()
        for link in closed:
            data[link]["time"] = None
        found = nx.multi_source_dijkstra_path_length(graph, road.source[state[road.source]].tolist(), weight="time")
        for link in closed:
            data[link]["time"] = int(time[link])
        times = np.full(road.n, np.inf)
        times[list(found)] = list(found.values())
        return times

    return search
