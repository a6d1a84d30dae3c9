"""Sectors that are solved one state at a time: from rows of 512 samples to their distinct states.

A sector's members are its nodes, then its links. A member *conducts* in a sample while neither the hazard, nor an unmet
need, nor what it had to carry has put it out. :mod:`resilience.kernels.level_rows` leads back to the samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.islands import Flags, Integers, Reals, label_islands, share_supply
from resilience.kernels.need_rows import meet_need
from resilience.kernels.overload import spread_overload
from resilience.kernels.power_flow import Elimination, settle_flow
from resilience.kernels.rows import (
    ONES,
    Words,
    and_not_row,
    and_row,
    copy_row,
    fill_row,
    or_row,
)

Indices = NDArray[np.int32]

_ONE = np.uint64(1)
_TABLE = 1024


@kernel
def find_conducting(
    member: Indices,
    failed_row: Indices,
    failed: Words,
    need_indptr: Integers,
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    up: Words,
    tripped: Words,
    conducts: Words,
    fresh: Words,
) -> None:
    """Take from `conducts` what the hazard, an unmet need or a trip puts out.

    Parameters
    ----------
    member : (n,) int32
    failed_row : (n_asset,) int32
        Row of `failed`, or -1 where the hazard cannot fail the asset.
    failed : (n_failed, 8) uint64
    need_indptr, provider_indptr, provider, required, buffer_row, buffered
        The needs.
    up : (n_asset, 8) uint64
        Which assets count.
    tripped, conducts : (n, 8) uint64
        Of the members; `conducts` is changed in place.
    fresh : (1, 8) uint64
        Changed in place: gains the samples in which a member went.
    """
    most = 1
    for i in range(member.size):
        for need in range(need_indptr[member[i]], need_indptr[member[i] + 1]):
            most = max(most, required[need])
    tally = np.empty((most + 1, 8), np.uint64)
    row = np.empty((2, 8), np.uint64)
    for i in range(member.size):
        asset = member[i]
        fill_row(row, 0, ONES)
        and_not_row(row, 0, tripped, i)
        if failed_row[asset] >= 0:
            and_not_row(row, 0, failed, failed_row[asset])
        for need in range(need_indptr[asset], need_indptr[asset + 1]):
            meet_need(need, provider_indptr, provider, required, buffer_row, buffered, up, tally)
            and_row(row, 0, tally, 0)
        copy_row(row, 1, conducts, i)
        and_not_row(row, 1, row, 0)
        or_row(fresh, 0, row, 1)
        and_row(conducts, i, row, 0)


@kernel
def _same_state(conducts: Words, broken: Integers, n_broken: int, one: int, other: int) -> bool:
    for x in range(n_broken):
        a = conducts[broken[x], one >> 6] >> np.uint64(one & 63)
        b = conducts[broken[x], other >> 6] >> np.uint64(other & 63)
        if (a ^ b) & _ONE:
            return False
    return True


@kernel
def number_states(conducts: Words, mark: NDArray[np.uint64], fresh: Words, state_of: Integers, sample: Integers) -> int:
    """Number the distinct states of the fresh samples; return how many there are.

    Parameters
    ----------
    conducts : (n, 8) uint64
    mark : (n,) uint64
        A random number for each member, by which states are looked up; equality is always tested in full.
    fresh : (1, 8) uint64
        The samples to number.
    state_of : (512,) int64
        Output; -1 for the others.
    sample : (512,) int64
        Output; the first sample of each state.

    Notes
    -----
    O(n + 512 n_broken), with n_broken the members that do not conduct in some fresh sample.
    """
    broken = np.empty(conducts.shape[0], np.int64)
    n_broken = 0
    key = np.zeros(512, np.uint64)
    for i in range(conducts.shape[0]):
        found = False
        for w in range(8):
            out = ~conducts[i, w] & fresh[0, w]
            if not out:
                continue
            found = True
            for s in range(64):
                if (out >> np.uint64(s)) & _ONE:
                    key[64 * w + s] ^= mark[i]
        if found:
            broken[n_broken] = i
            n_broken += 1
    slot = np.full(_TABLE, -1, np.int64)
    n_state = 0
    for s in range(512):
        state_of[s] = -1
        if not (fresh[0, s >> 6] >> np.uint64(s & 63)) & _ONE:
            continue
        place = np.int64(key[s] & np.uint64(_TABLE - 1))
        while slot[place] >= 0:
            other = sample[slot[place]]
            if key[other] == key[s] and _same_state(conducts, broken, n_broken, s, other):
                break
            place = (place + 1) % _TABLE
        if slot[place] < 0:
            slot[place] = n_state
            sample[n_state] = s
            n_state += 1
        state_of[s] = slot[place]
    return n_state


@kernel
def unpack_state(conducts: Words, sample: int, node_up: Flags, link_up: Flags) -> None:
    """Write the state of one sample, one byte per node and link."""
    w = sample >> 6
    bit = np.uint64(sample & 63)
    n = node_up.size
    for i in range(n):
        node_up[i] = (conducts[i, w] >> bit) & _ONE
    for i in range(link_up.size):
        link_up[i] = (conducts[n + i, w] >> bit) & _ONE


@kernel
def share_states(
    conducts: Words, sample: Integers, tail: Integers, head: Integers, capacity: Reals, demand: Reals, fraction: Reals
) -> None:
    """Write the share of its demand that each node is served in each state.

    Parameters
    ----------
    conducts : (n_node + n_link, 8) uint64
    sample : (n_state,) int64
        A sample of each state.
    tail, head, capacity, demand
        As in :func:`resilience.kernels.islands.share_supply`.
    fraction : (n_state, n_node) float64
        Output.
    """
    node_up = np.empty(capacity.size, np.uint8)
    link_up = np.empty(tail.size, np.uint8)
    for state in range(sample.size):
        unpack_state(conducts, sample[state], node_up, link_up)
        share_supply(node_up, link_up, tail, head, capacity, demand, fraction[state])


@kernel
def flow_states(
    conducts: Words,
    sample: Integers,
    tail: Integers,
    head: Integers,
    susceptance: Reals,
    rating: Reals,
    capacity: Reals,
    demand: Reals,
    plan: Elimination,
    trip: int,
    fraction: Reals,
    tripped: Flags,
) -> None:
    """Write the share that each node is served in each state once no more lines trip, and the members that tripped.

    Parameters
    ----------
    conducts, sample
        As in :func:`share_states`.
    tail, head, susceptance, rating, capacity, demand, plan, trip
        As in :func:`resilience.kernels.power_flow.settle_flow`.
    fraction : (n_state, n_node) float64
        Output.
    tripped : (n_state, n_node + n_link) uint8
        Output; 1 for links that tripped.
    """
    n = capacity.size
    node_up = np.empty(n, np.uint8)
    link_up = np.empty(tail.size, np.uint8)
    angle = np.empty(n)
    flow = np.empty(tail.size)
    for state in range(sample.size):
        unpack_state(conducts, sample[state], node_up, link_up)
        tripped[state, :n] = 0
        settle_flow(
            node_up, link_up, tail, head, susceptance, rating, capacity, demand, plan, trip, angle, flow,
            fraction[state], tripped[state, n:],
        )  # fmt: skip


@kernel
def overload_states(
    conducts: Words,
    sample: Integers,
    tail: Integers,
    head: Integers,
    edge: Integers,
    n_edge: int,
    indptr: Integers,
    neighbour: Indices,
    neighbour_edge: Indices,
    capacity: Reals,
    endpoints: int,
    source: Flags,
    fraction: Reals,
    tripped: Flags,
) -> None:
    """Write which nodes serve in each state once no more are overloaded, and the members that went.

    Parameters
    ----------
    conducts, sample
        As in :func:`share_states`.
    tail, head : (n_link,) int64
    edge : (n_link,) int64
        Pair of nodes that a link joins; -1 for self loops.
    n_edge : int
    indptr, neighbour, neighbour_edge, capacity, endpoints
        As in :func:`resilience.kernels.overload.spread_overload`.
    source : (n_node,) uint8
        1 for sources. What is left serves in islands with a source, or everywhere if there is none at all.
    fraction : (n_state, n_node) float64
        Output; 0 or 1.
    tripped : (n_state, n_node + n_link) uint8
        Output; 1 for nodes that were overloaded.
    """
    n = capacity.size
    node_up = np.empty(n, np.uint8)
    link_up = np.empty(tail.size, np.uint8)
    before = np.empty(n, np.uint8)
    edge_up = np.empty(n_edge, np.uint8)
    load = np.empty(n)
    label = np.empty(n, np.int64)
    supplied = np.empty(n, np.uint8)
    has_source = source.any()
    for state in range(sample.size):
        unpack_state(conducts, sample[state], node_up, link_up)
        before[:] = node_up
        edge_up[:] = 0
        for link in range(tail.size):
            if edge[link] >= 0 and link_up[link]:
                edge_up[edge[link]] = 1
        spread_overload(node_up, edge_up, indptr, neighbour, neighbour_edge, capacity, endpoints, load)
        label_islands(node_up, link_up, tail, head, label)
        supplied[:] = 0 if has_source else 1
        for node in range(n):
            if source[node] and label[node] >= 0:
                supplied[label[node]] = 1
        tripped[state, :] = 0
        for node in range(n):
            fraction[state, node] = 1.0 if label[node] >= 0 and supplied[label[node]] else 0.0
            tripped[state, node] = before[node] and not node_up[node]
