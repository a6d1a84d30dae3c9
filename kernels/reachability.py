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
from resilience.kernels.row_lists import collect_row, join_rows, push_list, spread_row
from resilience.kernels.rows import ZERO, Words, and_and_row, and_row, any_row, fill_row, or_row, prefetch_row

Integers = NDArray[np.int64]
Flags = NDArray[np.uint8]
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
        first = column[j]
        count = column[j + 1] - first
        join_rows(outward, fill, p, count, inward, outward, first, up, j)
        if directed:
            join_rows(inward, fill, p, count, outward, inward, first, up, j)
        p += count * (count - 1) // 2
    k = column.size - 1
    for c in range(core_middle.size):
        for x in range(core_middle[c], core_indptr[c + 1]):
            slot = core_slot[x]
            other = k + core_neighbour[x]
            and_and_row(outward, slot, up, k + c, up, other)
            if directed:
                and_and_row(inward, slot, up, k + c, up, other)


@kernel
def seed_sources(
    column: Integers,
    row: NDArray[np.int32],
    state: Words,
    source: NDArray[np.int32],
    position: Integers,
    seeded: Flags,
    reached: Words,
) -> None:
    """Write where each source is functional.

    Parameters
    ----------
    column, row
        The plan.
    state : (n_asset, 8) uint64
    source : (n_source,) int32
        Assets.
    position : (n_source,) int64
        New number of the node each source stands at; several may share one; -1 is skipped.
    seeded : (n,) uint8
        Output: 1 for the core, for nodes where sources stand and for all their ancestors in the elimination tree: what
        is carried forward from sources passes only there.
    reached : (n, 8) uint64
        Output: the rows of seeded nodes; all others stay as they are.
    """
    k = column.size - 1
    seeded[:k] = 0
    seeded[k:] = 1
    reached[k:, :] = ZERO
    for i in range(source.size):
        node = position[i]
        while 0 <= node < k and not seeded[node]:
            seeded[node] = 1
            fill_row(reached, node, ZERO)
            node = np.int64(row[column[node]]) if column[node] < column[node + 1] else k
    for i in range(source.size):
        if position[i] >= 0:
            or_row(reached, position[i], state, source[i])


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
    seeded: Flags,
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
    seeded : (n,) uint8
        From :func:`seed_sources`.
    reached : (n, 8) uint64
        In: bit set where the node is a source (only those with `up` count), as :func:`seed_sources` leaves it. Out: bit
        set where the node is up and a source reaches it through nodes that are up.

    Notes
    -----
    One row operation per column entry, plus those on the core and above the sources.
    """
    k = column.size - 1
    n_core = core_indptr.size - 1
    for j in range(k):
        if seeded[j]:
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
        if not seeded[j]:
            fill_row(reached, j, ZERO)
        collect_row(reached, j, reached, row, column[j], column[j + 1] - column[j], inward, column[j], up)
