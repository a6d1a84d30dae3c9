"""Travel times to the nearest source, 16 samples at once: partial elimination in the min-plus semiring.

The twin of :mod:`resilience.kernels.reachability`: eliminating node v makes
``edge[a, b] = min(edge[a, b], edge[a, v] + edge[v, b])`` for each pair of its later neighbours. Nodes that do not pass
close their edges beforehand, so no node rows are needed. Edge rows are kept per slot of the plan of
:func:`resilience.kernels.elimination.eliminate_some`: `outward` from the lower to the higher new number, `inward` back.
Undirected graphs pass the same array twice. Times spread along `outward` and `inward`; where they are to count *to* the
source instead of from it, the two are given in the other order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import ONES, ZERO, Words, and_row, copy_not_row, fill_row, prefetch_row
from resilience.kernels.time_labels import collect_label, lower_label, push_label, spread_label
from resilience.kernels.time_rows import (
    CLOSED,
    Indices,
    Times,
    any_times,
    ask_times,
    collect_times,
    fill_times,
    lower_times,
    push_times,
    select_times,
    spread_times,
)

Integers = NDArray[np.int64]
Flags = NDArray[np.uint8]
Batches = NDArray[np.uint16]

_HALF = np.uint64(0xFFFF)
_AHEAD = 16


@kernel
def find_live(state: Words, asset: Indices, live: Words) -> None:
    """Write the samples in which any of some assets is down.

    Parameters
    ----------
    state : (n_asset, 8) uint64
    asset : int32
    live : (1, 8) uint64
        Output.
    """
    fill_row(live, 0, ONES)
    for i in range(asset.size):
        if i + _AHEAD < asset.size:
            prefetch_row(state, asset[i + _AHEAD])
        and_row(live, 0, state, asset[i])
    copy_not_row(live, 0, live, 0)


@kernel
def open_gates(
    state: Words,
    gate: NDArray[np.int32],
    place: Integers,
    live: Words,
    rank: NDArray[np.int16],
    packed: bool,
    opened: Batches,
) -> None:
    """Write in which samples each gate is open, batch by batch.

    Parameters
    ----------
    state : (n_asset, 8) uint64
    gate : (n, 3) int32
        Assets all of which must be up; -1 stands for none.
    place : (n,) int64
        Column of `opened` of each.
    live : (1, 8) uint64
        Samples that are solved.
    rank : (512,) int16
        Place of each sample among those that are solved.
    packed : bool
        Whether samples move to their rank; else each stays in its place.
    opened : (32, m) uint16
        Output: one bit per sample; samples of a batch beyond those that are solved are open.
    """
    for i in range(place.size):
        if i + _AHEAD < place.size:
            for g in range(3):
                prefetch_row(state, max(gate[i + _AHEAD, g], 0))
        column = place[i]
        if packed:
            for batch in range(opened.shape[0]):
                opened[batch, column] = 0xFFFF
        for w in range(8):
            word = ONES
            for g in range(3):
                if gate[i, g] >= 0:
                    word &= state[gate[i, g], w]
            if not packed:
                for quarter in range(4):
                    opened[4 * w + quarter, column] = (word >> np.uint64(16 * quarter)) & _HALF
                continue
            shut = ~word & live[0, w]
            bit = 0
            # Packing pays where failures are few: then most words are passed over.
            while shut != ZERO:
                if shut & np.uint64(1):
                    to = np.int64(rank[64 * w + bit])
                    opened[to >> 4, column] &= np.uint16(0xFFFF ^ (1 << (to & 15)))
                shut >>= np.uint64(1)
                bit += 1


@kernel
def load_times(
    weight: Times,
    opened: Batches,
    extra_slot: Integers,
    extra_weight: Times,
    extra_opened: Batches,
    batch: int,
    rows: Times,
) -> None:
    """Write the edge rows of one direction.

    Parameters
    ----------
    weight : (n_slot,) uint32
    opened : (32, n_slot) uint16
    extra_slot, extra_weight, extra_opened : (n,) int64, (n,) uint32, (32, n) uint16
        Further edges of slots that have one already.
    batch : int
    rows : (n_slot, 16) uint32
        Output.
    """
    for slot in range(weight.size):
        select_times(rows, slot, opened[batch, slot], weight[slot])
    for i in range(extra_slot.size):
        lower_times(rows, extra_slot[i], extra_opened[batch, i], extra_weight[i])


@kernel
def factorise_times(
    column: Integers, row: Indices, fill: Indices, directed: bool, outward: Times, inward: Times
) -> None:
    """Add the ways through eliminated nodes to the edge rows.

    Parameters
    ----------
    column, row, fill
        The plan.
    directed : bool
        Whether `outward` and `inward` are different arrays.
    outward, inward : (n_slot, 16) uint32
        Edge rows, changed in place.

    Notes
    -----
    One row operation per fill entry (two if directed): sum over eliminated nodes of d (d - 1) / 2.
    """
    p = 0
    for j in range(column.size - 1):
        end = column[j + 1]
        for x in range(column[j], end - 1):
            count = end - x - 1
            spread_times(outward, fill, p, count, inward, x, outward, x + 1)
            if directed:
                spread_times(inward, fill, p, count, outward, x, inward, x + 1)
            p += count


@kernel
def mark_ancestors(column: Integers, row: Indices, node: Integers, marked: NDArray[np.bool_]) -> None:
    """Mark nodes and all their ancestors in the elimination tree, up to the core.

    Parameters
    ----------
    column, row
        The plan.
    node : int64
        New numbers.
    marked : (n,) bool
        Set to True. What is marked already must have its ancestors marked.
    """
    k = column.size - 1
    for i in range(node.size):
        at = node[i]
        while at < k and not marked[at]:
            marked[at] = True
            if column[at] == column[at + 1]:
                break
            # Rows ascend: the first is the parent.
            at = np.int64(row[column[at]])
        if at >= k:
            marked[at] = True


@kernel
def solve_times(
    column: Integers,
    row: Indices,
    core_indptr: Integers,
    core_middle: Integers,
    core_neighbour: Indices,
    core_slot: Integers,
    core_order: Indices,
    forward: Integers,
    backward: Integers,
    seeded: NDArray[np.bool_],
    seed_node: Integers,
    seed_time: Times,
    seed_label: Times,
    seed_opened: Batches,
    batch: int,
    outward: Times,
    inward: Times,
    labelled: bool,
    time: Times,
    label: Times,
) -> None:
    """Spread times from seeds over the factorised graph.

    Parameters
    ----------
    column, row, core_indptr, core_middle, core_neighbour, core_slot
        The plan.
    core_order : (n_core,) int32
        Order in which the core is swept: the nearer to the sources a node is in the intact graph, the earlier.
    forward : int64
        Eliminated nodes with seeds and their ancestors, ascending.
    backward : int64
        Eliminated nodes whose times are asked for and their ancestors, descending.
    seeded : (n,) bool
        True for `forward`.
    seed_node, seed_time, seed_label, seed_opened : (n,) int64, (n,) uint32, (n,) uint32, (32, n) uint16
        Where, from which time on, under which label and in which samples ways begin.
    batch : int
    outward, inward : (n_slot, 16) uint32
        From :func:`factorise_times`.
    labelled : bool
        Whether labels are wanted.
    time : (n_row, 16) uint32
        Output: rows of the core and of `backward` (others are undefined).
    label : (n_row, 16) uint32
        Output: of equal times the smaller label; where there is no way 0. Left alone unless `labelled`.

    Notes
    -----
    One row operation per column entry of `forward` and `backward`. The core is swept in its order until nothing gains:
    on street graphs a node passes on what it has two to three times in the mean, against five to eight times in a queue
    or in sweeps up and down in breadth-first numbers.
    """
    k = column.size - 1
    n_core = core_indptr.size - 1
    for c in range(n_core):
        fill_times(time, k + c, CLOSED)
        if labelled:
            fill_times(label, k + c, np.uint32(0))
    for i in range(forward.size):
        fill_times(time, forward[i], CLOSED)
        if labelled:
            fill_times(label, forward[i], np.uint32(0))
    for i in range(seed_node.size):
        if labelled:
            lower_label(time, label, seed_node[i], seed_opened[batch, i], seed_time[i], seed_label[i])
        else:
            lower_times(time, seed_node[i], seed_opened[batch, i], seed_time[i])
    for i in range(forward.size):
        j = forward[i]
        if labelled:
            spread_label(time, label, row, column[j], column[j + 1] - column[j], j, outward, column[j])
        else:
            spread_times(time, row, column[j], column[j + 1] - column[j], time, j, outward, column[j])
    gained = np.zeros(n_core, np.uint8)
    for c in range(n_core):
        gained[c] = any_times(time, k + c)
    found = True
    while found:
        found = False
        for step in range(n_core):
            c = core_order[step]
            if gained[c]:
                gained[c] = 0
                found = True
                first, middle, end = core_indptr[c], core_middle[c], core_indptr[c + 1]
                below, above = middle - first, end - middle
                if labelled:
                    push_label(time, label, k, core_neighbour, first, below, inward, core_slot, gained, c)
                    push_label(time, label, k, core_neighbour, middle, above, outward, core_slot, gained, c)
                else:
                    push_times(time, k, core_neighbour, first, below, inward, core_slot, gained, c)
                    push_times(time, k, core_neighbour, middle, above, outward, core_slot, gained, c)
    for i in range(backward.size):
        j = backward[i]
        # Both the edges, which descend, and the rows they lead to: a tenth to a third of the time.
        ahead = column[j] - 4 * _AHEAD
        if ahead > 0:
            for x in range(3):
                ask_times(inward, ahead + x)
                ask_times(time, row[ahead + 3 * _AHEAD + x])
        if not seeded[j]:
            fill_times(time, j, CLOSED)
            if labelled:
                fill_times(label, j, np.uint32(0))
        if labelled:
            collect_label(time, label, j, row, column[j], column[j + 1] - column[j], inward, column[j])
        else:
            collect_times(time, j, time, row, column[j], column[j + 1] - column[j], inward, column[j])
