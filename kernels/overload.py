"""Topological overload (Motter, Lai 2002, doi 10.1103/PhysRevE.66.065102); one sample per call.

The load of a node is its betweenness: the number of pairs of other nodes whose shortest way leads through it, ways
counted in hops, several shortest ways of a pair sharing it equally (Brandes 2001, doi 10.1080/0022250X.2001.9990249).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.islands import Flags, Integers, Reals

EXCLUDED = 0
"""A pair does not load its own two nodes."""
INCLUDED = 1
"""It does."""
TOLERANCE = 1e-9
"""A node fails above ``capacity + TOLERANCE * max(1, capacity)``: shares of pairs are sums of rounded fractions."""


@kernel
def measure_load(
    node_up: Flags,
    edge_up: Flags,
    indptr: Integers,
    neighbour: NDArray[np.int32],
    edge: NDArray[np.int32],
    endpoints: int,
    load: Reals,
) -> None:
    """Write the load of each functional node over unordered pairs of functional nodes; 0 for the others.

    Parameters
    ----------
    node_up : (n_node,) uint8
    edge_up : (n_edge,) uint8
    indptr : (n_node + 1,) int64
    neighbour, edge : int32
        The other end and the number of each edge at a node. No self loops, and one edge per pair of nodes.
    endpoints : int
        :data:`EXCLUDED` or :data:`INCLUDED`.
    load : (n_node,) float64
        Output.

    Notes
    -----
    O(n_node n_edge): 0.7 s for 4,900 nodes and 7,200 edges. Numbers of shortest ways must stay below 1e308: a
    square grid of 500 by 500 has pairs beyond.
    """
    n = node_up.size
    load[:] = 0.0
    # What is open, packed once: it is walked twice for every node.
    first = np.zeros(n + 1, np.int64)
    open_neighbour = np.empty(neighbour.size, np.int32)
    n_open = 0
    for node in range(n):
        if node_up[node]:
            for x in range(indptr[node], indptr[node + 1]):
                if edge_up[edge[x]] and node_up[neighbour[x]]:
                    open_neighbour[n_open] = neighbour[x]
                    n_open += 1
        first[node + 1] = n_open
    distance = np.full(n, -1, np.int64)
    ways = np.zeros(n)
    share = np.zeros(n)
    order = np.empty(n, np.int64)
    for start in range(n):
        if not node_up[start]:
            continue
        distance[start] = 0
        ways[start] = 1.0
        order[0] = start
        n_found = 1
        turn = 0
        while turn < n_found:
            node = order[turn]
            turn += 1
            for x in range(first[node], first[node + 1]):
                other = open_neighbour[x]
                if distance[other] < 0:
                    distance[other] = distance[node] + 1
                    order[n_found] = other
                    n_found += 1
                if distance[other] == distance[node] + 1:
                    ways[other] += ways[node]
        if endpoints == INCLUDED:
            load[start] += n_found - 1
        for turn in range(n_found - 1, 0, -1):
            node = order[turn]
            part = (1.0 + share[node]) / ways[node]
            for x in range(first[node], first[node + 1]):
                other = open_neighbour[x]
                if distance[other] == distance[node] - 1:
                    share[other] += ways[other] * part
            load[node] += share[node]
            if endpoints == INCLUDED:
                load[node] += 1.0
        for turn in range(n_found):
            node = order[turn]
            distance[node] = -1
            ways[node] = 0.0
            share[node] = 0.0
    # Each pair was seen from both of its ends.
    for node in range(n):
        load[node] *= 0.5


@kernel
def spread_overload(
    node_up: Flags,
    edge_up: Flags,
    indptr: Integers,
    neighbour: NDArray[np.int32],
    edge: NDArray[np.int32],
    capacity: Reals,
    endpoints: int,
    load: Reals,
) -> int:
    """Take down all overloaded nodes at once, measure again, until none is; return the number of rounds.

    Parameters
    ----------
    node_up : (n_node,) uint8
        Changed in place.
    edge_up, indptr, neighbour, edge, endpoints
        As in :func:`measure_load`.
    capacity : (n_node,) float64
        Most load that a node stands; (1 + alpha) times its load in the intact network.
    load : (n_node,) float64
        Output; the load at the end.
    """
    rounds = 0
    while True:
        rounds += 1
        measure_load(node_up, edge_up, indptr, neighbour, edge, endpoints, load)
        found = False
        for node in range(node_up.size):
            if load[node] > capacity[node] + TOLERANCE * max(1.0, capacity[node]):
                node_up[node] = 0
                found = True
        if not found:
            return rounds
