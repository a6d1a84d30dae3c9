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
from resilience.kernels.row_lists import collect_row, push_list, spread_row
from resilience.kernels.rows import Words, and_and_row, and_row, any_row, prefetch_row

Integers = NDArray[np.int64]
_AHEAD = 16


@kernel
def factorise_reach(
    column: Integers,
    row: NDArray[np.int32],
    fill: NDArray[np.int32],
    core_indptr: Integers,
    core_middle: Integers,
    core_neighbour: NDArray[np.int32],
    core_slot: Integers,
    up: Words,
    directed: bool,
    outward: Words,
    inward: Words,
) -> None:
    """Add the paths through eliminated nodes to the edge rows; close the core's edges where an end does not pass.

    Parameters
    ----------
    column, row, fill, core_indptr, core_middle, core_neighbour, core_slot
        The plan.
    up : (n, 8) uint64
        Bit set where the node (by new number) passes.
    directed : bool
        Whether `outward` and `inward` are different arrays.
    outward, inward : (n_slot, 8) uint64
        Edge rows, changed in place.

    Notes
    -----
    One row operation per fill entry (two if directed): sum over eliminated nodes of d (d - 1) / 2.
    """
    p = 0
    for j in range(column.size - 1):
        end = column[j + 1]
        for x in range(column[j], end):
            count = end - x - 1
            spread_row(outward, fill, p, count, inward, x, up, j, outward, x + 1)
            if directed:
                spread_row(inward, fill, p, count, outward, x, up, j, inward, x + 1)
            p += count
    k = column.size - 1
    for c in range(core_middle.size):
        for x in range(core_middle[c], core_indptr[c + 1]):
            slot = core_slot[x]
            other = k + core_neighbour[x]
            and_and_row(outward, slot, up, k + c, up, other)
            if directed:
                and_and_row(inward, slot, up, k + c, up, other)


@kernel
def solve_reach(
    column: Integers,
    row: NDArray[np.int32],
    core_indptr: Integers,
    core_middle: Integers,
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
    column, row, core_indptr, core_middle, core_neighbour, core_slot
        The plan.
    up : (n, 8) uint64
        As given to :func:`factorise_reach`.
    outward, inward : (n_slot, 8) uint64
        From :func:`factorise_reach`.
    reached : (n, 8) uint64
        In: bit set where the node is a source (only those with `up` count). Out: bit set where the node is up and a
        source reaches it through nodes that are up.

    Notes
    -----
    Two row operations per column entry, plus those on the core.
    """
    k = column.size - 1
    n_core = core_indptr.size - 1
    for j in range(k):
        and_row(reached, j, up, j)
        spread_row(reached, row, column[j], column[j + 1] - column[j], reached, j, up, j, outward, column[j])

    # Up and down the core, breadth-first numbers, until nothing is gained: a third less work than first come, first
    # served.
    gained = np.zeros(n_core, np.uint8)
    for c in range(n_core):
        and_row(reached, k + c, up, k + c)
        gained[c] = any_row(reached, k + c)
    upward = True
    found = True
    while found:
        found = False
        for step in range(n_core):
            c = step if upward else n_core - 1 - step
            if gained[c]:
                gained[c] = 0
                found = True
                first, middle, end = core_indptr[c], core_middle[c], core_indptr[c + 1]
                push_list(reached, k, core_neighbour, first, middle - first, reached, inward, core_slot, gained, c)
                push_list(reached, k, core_neighbour, middle, end - middle, reached, outward, core_slot, gained, c)
        upward = not upward

    for j in range(k - 1, -1, -1):
        ahead = column[j] - _AHEAD
        if ahead > 0:
            prefetch_row(reached, row[ahead])
        collect_row(reached, j, reached, row, column[j], column[j + 1] - column[j], inward, column[j], up)
