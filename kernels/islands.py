"""Islands of one sector's graph and the share of its demand that each can serve; one sample per call.

States are one byte per node and link, 1 for functional. A link joins its ends if it and both of them are functional.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

Flags = NDArray[np.uint8]
Integers = NDArray[np.int64]
Reals = NDArray[np.float64]


@kernel
def _root(parent: Integers, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def label_islands(node_up: Flags, link_up: Flags, tail: Integers, head: Integers, label: Integers) -> None:
    """Write the island of each node: the lowest position of a node in it, -1 for nodes that are down.

    Parameters
    ----------
    node_up : (n_node,) uint8
    link_up, tail, head : (n_link,)
        Self loops and parallel links are allowed; directions do not count.
    label : (n_node,) int64
        Output.

    Notes
    -----
    Union-find with path halving, the lower position on top: O(n log n) at worst, about linear on grids.
    """
    for node in range(node_up.size):
        label[node] = node
    for link in range(tail.size):
        if link_up[link] and node_up[tail[link]] and node_up[head[link]]:
            a = _root(label, tail[link])
            b = _root(label, head[link])
            label[max(a, b)] = min(a, b)
    # Parents stand before their children: each finds its parent's root written already.
    for node in range(node_up.size):
        label[node] = label[label[node]]
    for node in range(node_up.size):
        if not node_up[node]:
            label[node] = -1


@kernel
def balance_islands(label: Integers, capacity: Reals, demand: Reals, fraction: Reals, output: Reals) -> None:
    """Write, per node, the share of its demand that is served and the share of its capacity that is used.

    Parameters
    ----------
    label : (n_node,) int64
        From :func:`label_islands`.
    capacity, demand : (n_node,) float64, the sector's own unit (MW for power)
        Finite and >= 0; zero where there is none.
    fraction, output : (n_node,) float64
        Output. With S the capacity and D the demand of the nodes of an island, fraction = min(1, S / D) and
        output = min(1, D / S): all sources of an island run at one share, all its consumers are served by one share.
        Fraction is 0 for down nodes and in islands with S = 0, and 1 in islands with S > 0 and D = 0.

    Notes
    -----
    O(n_node). Sums run over nodes in ascending order, so an island's figures do not depend on the others.
    """
    n = label.size
    supply = np.zeros(n)
    drawn = np.zeros(n)
    for node in range(n):
        if label[node] >= 0:
            supply[label[node]] += capacity[node]
            drawn[label[node]] += demand[node]
    for node in range(n):
        fraction[node] = 0.0
        output[node] = 0.0
        if label[node] < 0 or supply[label[node]] <= 0.0:
            continue
        s = supply[label[node]]
        d = drawn[label[node]]
        if d <= s:
            fraction[node] = 1.0
            output[node] = d / s
        else:
            fraction[node] = s / d
            output[node] = 1.0


@kernel
def share_supply(
    node_up: Flags, link_up: Flags, tail: Integers, head: Integers, capacity: Reals, demand: Reals, fraction: Reals
) -> None:
    """Write the share of its demand that each node is served; parameters as in the two functions above."""
    label = np.empty(node_up.size, np.int64)
    output = np.empty(node_up.size)
    label_islands(node_up, link_up, tail, head, label)
    balance_islands(label, capacity, demand, fraction, output)
