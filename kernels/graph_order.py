"""Orders of nodes: the subtrees of a forest one behind the other, and a breadth-first search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

Integers = NDArray[np.int64]

_NONE = np.int64(-1)


@kernel
def order_subtrees(parent: Integers) -> Integers:
    """Return the nodes of a forest, children before parents and each subtree contiguous."""
    n = parent.size
    first = np.full(n, _NONE)
    following = np.full(n, _NONE)
    for node in range(n - 1, -1, -1):
        if parent[node] >= 0:
            following[node] = first[parent[node]]
            first[parent[node]] = node
    order = np.empty(n, np.int64)
    stack = np.empty(n, np.int64)
    done = 0
    for root in range(n):
        if parent[root] >= 0:
            continue
        depth = 1
        stack[0] = root
        while depth > 0:
            node = stack[depth - 1]
            child = first[node]
            if child >= 0:
                first[node] = following[child]
                stack[depth] = child
                depth += 1
            else:
                depth -= 1
                order[done] = node
                done += 1
    return order


@kernel
def search_component(
    first: Integers,
    following: Integers,
    neighbour: Integers,
    seed: int,
    seen: NDArray[np.bool_],
    queue: Integers,
    placed: int,
) -> int:
    """Write a component of a graph into `queue`, breadth-first from `seed`; return where it ends."""
    seen[seed] = True
    queue[placed] = seed
    turn = placed
    placed += 1
    while turn < placed:
        at = first[queue[turn]]
        turn += 1
        while at >= 0:
            if not seen[neighbour[at]]:
                seen[neighbour[at]] = True
                queue[placed] = neighbour[at]
                placed += 1
            at = following[at]
    return placed
