"""Which nodes a source reaches, for 512 samples at once: partial elimination in the Boolean semiring.

Eliminating node v adds ``edge[a, b] |= edge[a, v] & up[v] & edge[v, b]`` for each pair of its later neighbours. Sources
are a right-hand side: carried forward through the eliminated nodes, spread over the core by a worklist, substituted
back. Time is flat in failure probability, and one factorisation serves many sets of sources.

Edge rows are kept per slot of the plan of :func:`resilience.kernels.elimination.eliminate_nodes`: `outward` from the
lower to the higher new number, `inward` back. Undirected graphs pass the same array twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import (
    Words,
    and_row,
    any_row,
    copy_row,
    or_and_and_row,
    or_and_row,
    prefetch_row,
    push_row,
)

Integers = NDArray[np.int64]
_AHEAD = 16


@kernel
def factorise_reach(
    column: Integers,
    row: NDArray[np.int32],
    fill: NDArray[np.int32],
    up: Words,
    directed: bool,
    outward: Words,
    inward: Words,
) -> None:
    """Add the paths through eliminated nodes to the edge rows.

    Parameters
    ----------
    column, row, fill
        The plan.
    up : (n, 8) uint64
        Bit set where the node (by new number) passes; core nodes are not read.
    directed : bool
        Whether `outward` and `inward` are different arrays.
    outward, inward : (n_slot, 8) uint64
        Edge rows, changed in place.

    Notes
    -----
    One row operation per fill entry (two if directed): sum over eliminated nodes of d (d - 1) / 2.
    """
    p = 0
    n_fill = fill.size
    for j in range(column.size - 1):
        end = column[j + 1]
        for x in range(column[j], end):
            for y in range(x + 1, end):
                if p + _AHEAD < n_fill:
                    prefetch_row(outward, fill[p + _AHEAD])
                or_and_and_row(outward, fill[p], inward, x, up, j, outward, y)
                if directed:
                    or_and_and_row(inward, fill[p], inward, y, up, j, outward, x)
                p += 1


@kernel
def solve_reach(
    column: Integers,
    row: NDArray[np.int32],
    core_indptr: Integers,
    core_neighbour: NDArray[np.int32],
    core_slot: Integers,
    up: Words,
    outward: Words,
    inward: Words,
    reached: Words,
) -> None:
    """Spread sources over the factorised graph.

    Parameters
    ----------
    column, row, core_indptr, core_neighbour, core_slot
        The plan.
    up : (n, 8) uint64
        As given to :func:`factorise_reach`; now the core's rows too.
    outward, inward : (n_slot, 8) uint64
        From :func:`factorise_reach`.
    reached : (n, 8) uint64
        In: bit set where the node is a source (only those with `up` count). Out: bit set where the node is up and a
        source reaches it through nodes that are up.

    Notes
    -----
    Two row operations per column entry, plus the worklist on the core.
    """
    k = column.size - 1
    n_core = core_indptr.size - 1
    for j in range(k):
        and_row(reached, j, up, j)
        if any_row(reached, j):
            for x in range(column[j], column[j + 1]):
                or_and_row(reached, row[x], reached, j, outward, x)

    capacity = 1
    while capacity < n_core + 1:
        capacity *= 2
    queue = np.empty(capacity, np.int64)
    waiting = np.zeros(max(n_core, 1), np.uint8)
    head = 0
    tail = 0
    for c in range(n_core):
        and_row(reached, k + c, up, k + c)
        if any_row(reached, k + c):
            queue[tail] = c
            tail += 1
            waiting[c] = 1
    while head != tail:
        c = queue[head & (capacity - 1)]
        head += 1
        waiting[c] = 0
        for x in range(core_indptr[c], core_indptr[c + 1]):
            other = np.int64(core_neighbour[x])
            edges = outward if c < other else inward
            if push_row(reached, k + other, reached, k + c, edges, core_slot[x], up, k + other) and not waiting[other]:
                waiting[other] = 1
                queue[tail & (capacity - 1)] = other
                tail += 1

    gained = np.empty((1, 8), np.uint64)
    for j in range(k - 1, -1, -1):
        ahead = column[j] - _AHEAD
        if ahead > 0:
            prefetch_row(reached, row[ahead])
        copy_row(gained, 0, reached, j)
        for x in range(column[j], column[j + 1]):
            or_and_row(gained, 0, reached, row[x], inward, x)
        and_row(gained, 0, up, j)
        copy_row(reached, j, gained, 0)
