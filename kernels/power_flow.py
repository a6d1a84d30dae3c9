"""DC power flow with limits and trips on whatever is functional; one sample per call.

The flow on a link is ``f = (angle[tail] - angle[head]) * susceptance`` with susceptance = base power / reactance; the
angles solve B angle = P (Stott, Jardim, Alsac 2009, doi 10.1109/TPWRS.2009.2021235). B of all islands together is
factorised as L D L^T: the order of elimination and the places that fill in are found once on the intact grid
(:mod:`resilience.kernels.elimination`); a link out of service leaves zeros in them. With one node of each island as
reference B is a symmetric M-matrix, so no pivoting is needed whatever is out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.islands import Flags, Integers, Reals, balance_islands, label_islands

TRIP_ALL = 0
"""Every overloaded link trips at once."""
TRIP_WORST = 1
"""Only the link of the highest loading trips; among equals the first."""
TOLERANCE = 1e-9
"""A link trips above ``rating * (1 + TOLERANCE)``: a flow equal to the rating may be rounded up."""


class Elimination(NamedTuple):
    """A complete elimination plan: what :func:`resilience.kernels.elimination.eliminate_nodes` returns without a core.

    Parameters
    ----------
    position : (n_node,) int64
    column : (n_node + 1,) int64
    row, fill : int32
    slot : (n_link,) int64
    """

    position: Integers
    column: Integers
    row: NDArray[np.int32]
    fill: NDArray[np.int32]
    slot: Integers


@kernel
def _factorise(plan: Elimination, entry: Reals, pivot: Reals) -> None:
    """Turn the matrix (`pivot` its diagonal, `entry` what is below it) into its factors D and L, in place."""
    at = 0
    for j in range(pivot.size):
        first = plan.column[j]
        last = plan.column[j + 1]
        for x in range(first, last):
            if entry[x] == 0.0:
                at += last - x - 1
                continue
            factor = entry[x] / pivot[j]
            pivot[plan.row[x]] -= factor * entry[x]
            for y in range(x + 1, last):
                entry[plan.fill[at]] -= factor * entry[y]
                at += 1
        for x in range(first, last):
            entry[x] /= pivot[j]


@kernel
def _substitute(plan: Elimination, entry: Reals, pivot: Reals, value: Reals) -> None:
    """Solve L D L^T x = value, in place."""
    for j in range(pivot.size):
        for x in range(plan.column[j], plan.column[j + 1]):
            value[plan.row[x]] -= entry[x] * value[j]
    for j in range(pivot.size - 1, -1, -1):
        value[j] /= pivot[j]
        for x in range(plan.column[j], plan.column[j + 1]):
            value[j] -= entry[x] * value[plan.row[x]]


@kernel
def _choose_references(label: Integers, capacity: Reals, reference: Integers) -> None:
    """Write, at the first node of each island, its first source; the node itself where there is none."""
    for node in range(label.size):
        if label[node] == node:
            reference[node] = -1
    for node in range(label.size):
        if label[node] >= 0 and reference[label[node]] < 0 and capacity[node] > 0.0:
            reference[label[node]] = node
    for node in range(label.size):
        if label[node] == node and reference[node] < 0:
            reference[node] = node


@kernel
def _solve_angles(
    in_service: Flags,
    tail: Integers,
    head: Integers,
    susceptance: Reals,
    label: Integers,
    capacity: Reals,
    injection: Reals,
    plan: Elimination,
    angle: Reals,
) -> None:
    """Write the angles of all islands; 0 at the references and at nodes that are down."""
    n = label.size
    reference = np.empty(n, np.int64)
    _choose_references(label, capacity, reference)
    entry = np.zeros(plan.row.size)
    pivot = np.zeros(n)
    value = np.zeros(n)
    for node in range(n):
        if label[node] < 0 or reference[label[node]] == node:
            pivot[plan.position[node]] = 1.0
        else:
            value[plan.position[node]] = injection[node]
    for link in range(tail.size):
        a = tail[link]
        b = head[link]
        if not in_service[link] or a == b:
            continue
        a_free = reference[label[a]] != a
        b_free = reference[label[b]] != b
        if a_free:
            pivot[plan.position[a]] += susceptance[link]
        if b_free:
            pivot[plan.position[b]] += susceptance[link]
        if a_free and b_free:
            entry[plan.slot[link]] -= susceptance[link]
    _factorise(plan, entry, pivot)
    _substitute(plan, entry, pivot, value)
    for node in range(n):
        angle[node] = value[plan.position[node]]


@kernel
def _trip_overloaded(flow: Reals, rating: Reals, trip: int, in_service: Flags, tripped: Flags) -> bool:
    """Take links above their rating out of service; return whether there were any."""
    found = False
    worst = 0.0
    for link in range(flow.size):
        if abs(flow[link]) > rating[link] * (1.0 + TOLERANCE):
            found = True
            worst = max(worst, abs(flow[link]) / rating[link])
    for link in range(flow.size):
        if abs(flow[link]) > rating[link] * (1.0 + TOLERANCE) and (
            trip == TRIP_ALL or abs(flow[link]) / rating[link] >= worst * (1.0 - TOLERANCE)
        ):
            in_service[link] = 0
            tripped[link] = 1
            if trip == TRIP_WORST:
                break
    return found


@kernel
def settle_flow(
    node_up: Flags,
    link_up: Flags,
    tail: Integers,
    head: Integers,
    susceptance: Reals,
    rating: Reals,
    capacity: Reals,
    demand: Reals,
    plan: Elimination,
    trip: int,
    angle: Reals,
    flow: Reals,
    fraction: Reals,
    tripped: Flags,
) -> int:
    """Solve, trip what is overloaded, and repeat until nothing is; return the number of rounds.

    Parameters
    ----------
    node_up : (n_node,) uint8
    link_up, tail, head : (n_link,)
        Self loops and parallel links are allowed; a self loop carries nothing.
    susceptance : (n_link,) float64, MW/rad
        Finite, above zero.
    rating : (n_link,) float64, MW
        Above zero; infinite where there is no limit.
    capacity, demand : (n_node,) float64, MW
        As in :func:`resilience.kernels.islands.balance_islands`.
    plan : Elimination
        Of the intact grid.
    trip : int
        :data:`TRIP_ALL` or :data:`TRIP_WORST`.
    angle : (n_node,) float64, rad
        Output; 0 at the first source of each island, and at nodes that are down or without supply.
    flow : (n_link,) float64, MW
        Output; positive from tail to head, 0 on links out of service.
    fraction : (n_node,) float64
        Output; share of its demand that a node is served.
    tripped : (n_link,) uint8
        Output; 1 for links that were overloaded in some round.

    Notes
    -----
    In each round every island is balanced anew from the given capacity and demand (the sources' outputs or the loads
    are scaled down by one factor, whichever are in surplus): the state of a round depends on which links are in service
    and on nothing else. At most one round per link and one. A round costs a pass over `fill`: 0.8 ms for 4,900 nodes
    and 7,200 links of a thinned square grid, whose fill is far above that of power grids. Nothing is NaN.
    """
    n_link = tail.size
    label = np.empty(node_up.size, np.int64)
    output = np.empty(node_up.size)
    in_service = np.empty(n_link, np.uint8)
    for link in range(n_link):
        in_service[link] = link_up[link] and node_up[tail[link]] and node_up[head[link]]
        tripped[link] = 0
    rounds = 0
    while True:
        rounds += 1
        label_islands(node_up, in_service, tail, head, label)
        balance_islands(label, capacity, demand, fraction, output)
        injection = capacity * output - demand * fraction
        _solve_angles(in_service, tail, head, susceptance, label, capacity, injection, plan, angle)
        for link in range(n_link):
            flow[link] = 0.0
            if in_service[link]:
                flow[link] = (angle[tail[link]] - angle[head[link]]) * susceptance[link]
        if not _trip_overloaded(flow, rating, trip, in_service, tripped):
            return rounds
