"""Travel times over one sector's graph: what is the same in all samples of an event is found once and kept.

Three steps, all exact. Nodes whose time is the same whether everything that can fail is up or down are *known* and
leave the graph; ways from them begin at their neighbours. Nodes that nothing varying touches are eliminated with plain
numbers. What remains is eliminated per batch of samples by ``resilience.kernels.travel``, along the plan made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.constant_times import factorise_constant
from resilience.kernels.elimination import eliminate_some
from resilience.kernels.time_rows import CLOSED
from resilience.network.compile import SectorGraph
from resilience.network.travel_service import (
    Elimination,
    Facilities,
    Gates,
    Roads,
    ServicePlan,
    begin_ways,
    gate_of,
    gates_of,
    plan_service,
    search_nearest,
)

__all__ = ["Facilities", "TravelPlan", "plan_travel"]

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]
Times = NDArray[np.uint32]
Flags = NDArray[np.bool_]

# Measured on street graphs of 100,000 nodes and mean degrees 2.5 and 3 with 2 % of all nodes and links failed, every
# node a target: 330 and 657 us per sample; with a limit of 6: 344 and 688, of 12: 354 and 780, of 16: 372 and 888.
MAX_DEGREE = 8
# Row operations allowed per node and edge; graphs with hubs stop here before the degree limit.
MAX_FILL_PER_ELEMENT = 6
_NO_WAY = int(CLOSED)


@dataclass(frozen=True)
class TravelPlan:
    """What can be prepared once per event for travel times in any number of samples.

    Parameters
    ----------
    n_position : int
        Nodes that are solved per sample.
    column, row, fill, n_slot, core_indptr, core_middle, core_neighbour, core_slot
        Elimination plan, see ``resilience.kernels.elimination.eliminate_some``.
    directed : bool
        Whether times differ by direction.
    outward, inward : (n_slot,) uint32, ms
        Time of each slot where its gates are open.
    gates : Gates
        Of the slots.
    extra_slot, extra_outward, extra_inward, extra_gates
        Further edges of slots that have one already.
    varying : int32
        Assets that the times depend on.
    parts : tuple of ServicePlan
    """

    n_position: int
    column: Integers
    row: Indices
    fill: Indices
    n_slot: int
    core_indptr: Integers
    core_middle: Integers
    core_neighbour: Indices
    core_slot: Integers
    directed: bool
    outward: Times
    inward: Times
    gates: Gates
    extra_slot: Integers
    extra_outward: Times
    extra_inward: Times
    extra_gates: Gates
    varying: Indices
    parts: tuple[ServicePlan, ...]


class _Edges(NamedTuple):
    """Edges with the time of either direction and the assets that must be up."""

    tail: Integers
    head: Integers
    ahead: Integers
    back: Integers
    gate: NDArray[np.int32]


def plan_travel(
    graph: SectorGraph,
    link_time: NDArray[np.integer],
    can_fail: Flags,
    services: Sequence[Facilities],
    *,
    reduce: bool = True,
) -> TravelPlan:
    """Return the plan for a graph of which some assets can fail.

    Parameters
    ----------
    graph : SectorGraph
    link_time : (n_link,) int, ms
        Time to pass each link in this event, >= 0; `NO_WAY` or more: closed.
    can_fail : (n_asset,) bool
        Assets that may be out of function in this event for any reason, facilities included; all others are functional
        in every sample.
    services : sequence of Facilities
        They share one factorisation.
    reduce : bool, optional
        Whether what is the same in all samples is solved beforehand; the answers are equal.

    Returns
    -------
    TravelPlan
    """
    time = np.minimum(np.asarray(link_time, np.int64), _NO_WAY)
    usable = np.flatnonzero((time < _NO_WAY) & (graph.tail != graph.head))
    roads = Roads(
        graph.node.size, graph.tail[usable], graph.head[usable], graph.oneway[usable], time[usable],
        gate_of(graph.link[usable], can_fail), gate_of(graph.node, can_fail),
    )  # fmt: skip
    intact = [search_nearest(roads, service, np.zeros_like(can_fail)) for service in services]
    known = np.zeros(roads.n, bool)
    if reduce:
        worst = [search_nearest(roads, service, can_fail) for service in services]
        pairs = zip(intact, worst, strict=True)
        known = np.all([best == least for best, least in pairs], axis=0) if services else ~known
    # Numbered by how near they are: neighbours in the core's sweep lie side by side, and most need one sweep.
    inside = np.flatnonzero(~known)
    if services:
        inside = inside[np.argsort(intact[0][inside], kind="stable")]
    number = np.full(roads.n, -1, np.int64)
    number[inside] = np.arange(inside.size)
    tail, head = number[roads.tail], number[roads.head]
    inner = (tail >= 0) & (head >= 0)
    node_gate = roads.node_gate[inside]
    seeds = [begin_ways(roads, service, key, number, can_fail) for service, key in zip(services, intact, strict=True)]

    # Once with plain numbers: nodes that nothing varying touches.
    varying = roads.link_gate >= 0
    constant = (node_gate < 0) & reduce
    for ends in (tail, head):
        constant[ends[inner & varying]] = False
    for part in seeds:
        constant[part.node[(part.gate >= 0).any(axis=1)]] = False
    sure = inner & ~varying
    first = _eliminate(inside.size, tail[sure], head[sure], ~constant)
    ahead, back = roads.time[sure], np.where(roads.oneway[sure], _NO_WAY, roads.time[sure])
    outward, inward = _constant_edges(first, tail[sure], head[sure], ahead, back)
    k = first.k
    core = np.empty(inside.size - k, np.int64)
    core[first.position[first.position >= k] - k] = np.flatnonzero(first.position >= k)

    # The rest, once per batch of samples.
    a = np.repeat(np.arange(core.size), np.diff(first.core_indptr))
    once = np.flatnonzero(a < first.core_neighbour)
    slots = first.core_slot[once]
    a, b = a[once], first.core_neighbour[once].astype(np.int64)
    free = inner & varying
    c, d = first.position[tail[free]] - k, first.position[head[free]] - k
    gate_of_core = node_gate[core]
    none = np.full(a.size, -1, np.int32)
    edges = _Edges(
        np.concatenate([a, c]),
        np.concatenate([b, d]),
        np.concatenate([outward[slots].astype(np.int64), roads.time[free]]),
        np.concatenate([inward[slots].astype(np.int64), np.where(roads.oneway[free], _NO_WAY, roads.time[free])]),
        np.concatenate(
            [
                np.stack([none, gate_of_core[a], gate_of_core[b]], axis=1),
                np.stack([roads.link_gate[free], gate_of_core[c], gate_of_core[d]], axis=1),
            ]
        ),
    )
    second = _eliminate(core.size, edges.tail, edges.head, np.zeros(core.size, bool))
    rising = second.position[edges.tail] < second.position[edges.head]
    up, down = np.where(rising, edges.ahead, edges.back), np.where(rising, edges.back, edges.ahead)
    slot, chosen = np.unique(second.slot, return_index=True)
    more = np.setdiff1d(np.arange(edges.tail.size), chosen)
    parts = tuple(
        plan_service(service, key, begun, number, inside, first, (outward, inward), core, second, node_gate)
        for service, key, begun in zip(services, intact, seeds, strict=True)
    )
    gates = gates_of(edges.gate[chosen], slot)
    extra_gates = gates_of(edges.gate[more], np.arange(more.size))
    assets = np.concatenate([item.asset.ravel() for item in (gates, extra_gates, *(part.gates for part in parts))])
    return TravelPlan(
        n_position=int(core.size),
        column=second.column,
        row=second.row,
        fill=second.fill,
        n_slot=second.n_slot,
        core_indptr=second.core_indptr,
        core_middle=second.core_middle,
        core_neighbour=second.core_neighbour,
        core_slot=second.core_slot,
        directed=bool((up != down).any()),
        outward=_by_slot(second.n_slot, slot, up[chosen]),
        inward=_by_slot(second.n_slot, slot, down[chosen]),
        gates=gates,
        extra_slot=second.slot[more],
        extra_outward=up[more].astype(np.uint32),
        extra_inward=down[more].astype(np.uint32),
        extra_gates=extra_gates,
        varying=np.unique(assets[assets >= 0]),
        parts=parts,
    )


def _by_slot(n_slot: int, slot: Integers, time: Integers) -> Times:
    weight = np.full(n_slot, CLOSED, np.uint32)
    weight[slot] = time
    return weight


def _eliminate(n: int, tail: Integers, head: Integers, kept: Flags) -> Elimination:
    max_fill = MAX_FILL_PER_ELEMENT * (n + tail.size)
    return Elimination(*eliminate_some(n, tail, head, kept, MAX_DEGREE, max_fill, False, False, 1))


def _constant_edges(
    plan: Elimination, tail: Integers, head: Integers, ahead: Integers, back: Integers
) -> tuple[Times, Times]:
    """Return the factorised times of both directions; one array where they are equal."""
    rising = plan.position[tail] < plan.position[head]
    outward = np.full(plan.n_slot, CLOSED, np.uint32)
    np.minimum.at(outward, plan.slot, np.where(rising, ahead, back).astype(np.uint32))
    inward = outward
    directed = bool((ahead != back).any())
    if directed:
        inward = np.full(plan.n_slot, CLOSED, np.uint32)
        np.minimum.at(inward, plan.slot, np.where(rising, back, ahead).astype(np.uint32))
    factorise_constant(plan.column, plan.row, plan.fill, directed, outward, inward)
    return outward, inward
