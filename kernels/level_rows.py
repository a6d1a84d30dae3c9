"""From the distinct states of a sector back to rows of 512 samples: who counts, what is served, what trips.

A member that conducts *counts* for who needs it while enough is served there. Fractions are kept per node and sample,
``(n_node, 512) float64``, and only ever fall.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.islands import Flags, Integers, Reals
from resilience.kernels.rows import Words, shrink_row

Indices = NDArray[np.int32]

_ONE = np.uint64(1)


@kernel
def lower_fractions(state_of: Integers, solved: Reals, fraction: Reals) -> None:
    """Lower the fraction of each node to that of its sample's state, where that is less.

    Parameters
    ----------
    state_of : (512,) int64
        -1 for samples that stay as they are.
    solved : (n_state, n_node) float64
    fraction : (n_node, 512) float64
        Changed in place.
    """
    for node in range(fraction.shape[0]):
        for s in range(512):
            state = state_of[s]
            if state >= 0 and solved[state, node] < fraction[node, s]:
                fraction[node, s] = solved[state, node]


@kernel
def take_trips(state_of: Integers, gone: Flags, tripped: Words, conducts: Words) -> None:
    """Note what tripped in each sample's state, and take it from what conducts.

    Parameters
    ----------
    state_of : (512,) int64
    gone : (n_state, n_member) uint8
    tripped, conducts : (n_member, 8) uint64
        Changed in place.
    """
    n_state = gone.shape[0]
    for i in range(conducts.shape[0]):
        found = False
        for state in range(n_state):
            if gone[state, i]:
                found = True
        if not found:
            continue
        for s in range(512):
            if state_of[s] >= 0 and gone[state_of[s], i]:
                tripped[i, s >> 6] |= _ONE << np.uint64(s & 63)
                conducts[i, s >> 6] &= ~(_ONE << np.uint64(s & 63))


@kernel
def member_fraction(
    member: int, tail: Integers, head: Integers, conducts: Words, fraction: Reals, received: Reals, row: int
) -> None:
    """Write the fraction of one member in each sample: of a link in service, the larger of its ends'.

    Parameters
    ----------
    member : int
        Position among the members.
    tail, head : (n_link,) int64
    conducts : (n_member, 8) uint64
    fraction : (n_node, 512) float64
    received : (n, 512) float64
        Changed in place: row `row`.
    """
    n = fraction.shape[0]
    if member < n:
        received[row, :] = fraction[member, :]
        return
    a = tail[member - n]
    b = head[member - n]
    for s in range(512):
        if (conducts[member, s >> 6] >> np.uint64(s & 63)) & _ONE:
            received[row, s] = max(fraction[a, s], fraction[b, s])
        else:
            received[row, s] = 0.0


@kernel
def member_fractions(
    members: Integers, tail: Integers, head: Integers, conducts: Words, fraction: Reals, received: Reals
) -> None:
    """Write the fractions of some members, ``(n, 512) float64``; parameters as in :func:`member_fraction`."""
    for i in range(members.size):
        member_fraction(members[i], tail, head, conducts, fraction, received, i)


@kernel
def count_served(
    member: Indices,
    tail: Integers,
    head: Integers,
    conducts: Words,
    fraction: Reals,
    least: float,
    up: Words,
    changed: Flags,
) -> bool:
    """Take from `up` the members that do not conduct or serve too little; return whether any bit went.

    Parameters
    ----------
    member : (n_node + n_link,) int32
    tail, head : (n_link,) int64
    conducts : (n_node + n_link, 8) uint64
    fraction : (n_node, 512) float64
    least : float
        Fraction from which on a member counts.
    up : (n_asset, 8) uint64
        Changed in place.
    changed : (n_asset,) uint8
        Set to 1 where a bit went.
    """
    n = fraction.shape[0]
    row = np.empty((1, 8), np.uint64)
    lost = False
    for i in range(member.size):
        a = i if i < n else tail[i - n]
        b = i if i < n else head[i - n]
        for w in range(8):
            bits = np.uint64(0)
            for s in range(64):
                if fraction[a, 64 * w + s] >= least or fraction[b, 64 * w + s] >= least:
                    bits |= _ONE << np.uint64(s)
            row[0, w] = bits & conducts[i, w]
        if shrink_row(up, member[i], row, 0):
            changed[member[i]] = 1
            lost = True
    return lost


@kernel
def add_unserved(fraction: Reals, demand: Reals, gap: Reals, unserved: Reals) -> None:
    """Add, per sample, the demand that is not served, beyond that of the intact city.

    Parameters
    ----------
    fraction : (n_node, 512) float64
    demand : (n_node,) float64
    gap : (n_node,) float64
        Demand that is not served at each node in the intact city.
    unserved : (512,) float64
        Changed in place. Nodes are added in ascending order.
    """
    for node in range(demand.size):
        if demand[node] > 0.0:
            for s in range(512):
                unserved[s] += max(0.0, demand[node] * (1.0 - fraction[node, s]) - gap[node])
