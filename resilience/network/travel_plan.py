"""Travel times over one sector's graph: what is the same in all samples of an event is found once and kept.

Three steps, all exact. Nodes whose time is the same whether everything that can fail is up or down are *known* and
leave the graph; ways from them begin at their neighbours. Nodes that nothing varying touches are eliminated with plain
numbers. What remains is eliminated per batch of samples by :mod:`resilience.kernels.travel`, along the plan made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from resilience.kernels.constant_times import carry_constant, factorise_constant
from resilience.kernels.elimination import eliminate_some
from resilience.kernels.time_rows import CLOSED
from resilience.kernels.travel import mark_ancestors
from resilience.network.compile import SectorGraph

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
class Facilities:
    """Facilities of one service, and who asks for the way to the nearest.

    Parameters
    ----------
    asset : (n,) int32
        A facility counts where its asset is functional.
    node : (n,) int64
        Where each stands, as positions in the graph's nodes; -1 stands nowhere.
    target : (n_target,) int64
        Nodes whose times are asked for, as positions; -1 has no way.
    direction : {"to", "from"}
        Times count from the target to the facility (patients) or from the facility to the target (fire engines).
    """

    asset: Indices
    node: Integers
    target: Integers
    direction: Literal["to", "from"] = "to"


class Gates(NamedTuple):
    """Assets that must be up for a way to be open.

    Parameters
    ----------
    asset : (n, 3) int32
        -1 stands for none.
    column : (n,) int64
        The edge or seed that each belongs to.
    """

    asset: NDArray[np.int32]
    column: Integers


@dataclass(frozen=True)
class ServicePlan:
    """One service on a plan; see :func:`resilience.kernels.travel.solve_times` for what is not told here.

    Parameters
    ----------
    to : bool
        Whether times count to the facility.
    solved : (n,) int64
        Targets whose times are not the intact ones in all samples, in the order of their rows.
    place : (n,) int64
        The row of each.
    intact_time, intact_label : (n_target,) uint32
        With everything up.
    n_row : int
        Rows of a solution: positions, then constant nodes.
    core_order, forward, backward, seeded, seed_node, seed_time, seed_label
        For the kernel.
    gates : Gates
        Of the seeds.
    constant_indptr, constant_place, constant_weight, constant_time, constant_label
        Constant nodes, see :func:`resilience.kernels.constant_times.collect_constant`.
    """

    to: bool
    solved: Integers
    place: Integers
    intact_time: Times
    intact_label: Times
    n_row: int
    core_order: Indices
    forward: Integers
    backward: Integers
    seeded: Flags
    seed_node: Integers
    seed_time: Times
    seed_label: Times
    gates: Gates
    constant_indptr: Integers
    constant_place: Indices
    constant_weight: Times
    constant_time: Times
    constant_label: Times


@dataclass(frozen=True)
class TravelPlan:
    """What can be prepared once per event for travel times in any number of samples.

    Parameters
    ----------
    n_position : int
        Nodes that are solved per sample.
    column, row, fill, n_slot, core_indptr, core_middle, core_neighbour, core_slot
        Elimination plan, see :func:`resilience.kernels.elimination.eliminate_some`.
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


class _Roads(NamedTuple):
    """Usable links, and the asset that closes each link or node, -1 for none."""

    n: int
    tail: Integers
    head: Integers
    oneway: Flags
    time: Integers
    link_gate: Indices
    node_gate: Indices


class _Seeds(NamedTuple):
    """Where ways begin: node, time, label, and the assets that must be up beside the node."""

    node: Integers
    time: Integers
    label: Integers
    gate: NDArray[np.int32]


class _Edges(NamedTuple):
    """Edges with the time of either direction and the assets that must be up."""

    tail: Integers
    head: Integers
    ahead: Integers
    back: Integers
    gate: NDArray[np.int32]


class _Elimination(NamedTuple):
    """What :func:`eliminate_some` returns."""

    position: Integers
    column: Integers
    row: Indices
    fill: Indices
    n_slot: int
    slot: Integers
    core_indptr: Integers
    core_middle: Integers
    core_neighbour: Indices
    core_slot: Integers

    @property
    def k(self) -> int:
        """Number of eliminated nodes."""
        return int(self.column.size) - 1


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
    roads = _Roads(
        graph.node.size, graph.tail[usable], graph.head[usable], graph.oneway[usable], time[usable],
        _gate_of(graph.link[usable], can_fail), _gate_of(graph.node, can_fail),
    )  # fmt: skip
    intact = [_search(roads, service, np.zeros_like(can_fail)) for service in services]
    known = np.zeros(roads.n, bool)
    if reduce:
        worst = [_search(roads, service, can_fail) for service in services]
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
    seeds = [_begin_ways(roads, service, key, number, can_fail) for service, key in zip(services, intact, strict=True)]

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
        _plan_service(service, key, begun, number, inside, first, (outward, inward), core, second, node_gate)
        for service, key, begun in zip(services, intact, seeds, strict=True)
    )
    gates = _gates(edges.gate[chosen], slot)
    extra_gates = _gates(edges.gate[more], np.arange(more.size))
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


def _gate_of(asset: Indices, can_fail: Flags) -> Indices:
    return np.where(can_fail[asset], asset, np.int32(-1)).astype(np.int32)


def _gates(asset: NDArray[np.int32], column: Integers) -> Gates:
    gated = np.flatnonzero((asset >= 0).any(axis=1))
    return Gates(np.ascontiguousarray(asset[gated]), column[gated])


def _by_slot(n_slot: int, slot: Integers, time: Integers) -> Times:
    weight = np.full(n_slot, CLOSED, np.uint32)
    weight[slot] = time
    return weight


def _eliminate(n: int, tail: Integers, head: Integers, kept: Flags) -> _Elimination:
    max_fill = MAX_FILL_PER_ELEMENT * (n + tail.size)
    return _Elimination(*eliminate_some(n, tail, head, kept, MAX_DEGREE, max_fill, False))


def _constant_edges(
    plan: _Elimination, tail: Integers, head: Integers, ahead: Integers, back: Integers
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


def _search(roads: _Roads, service: Facilities, failed: Flags) -> Integers:
    """Return time * n_facility + facility of the nearest facility, by node, where some assets are down.

    Such a key orders by time and then by facility, and is exact in SciPy's floats: below 2**53 for any million
    facilities. Where there is no way it is that of the first facility at NO_WAY.
    """
    n_facility = max(service.asset.size, 1)
    down = np.append(failed, False)
    up = ~down[roads.node_gate]
    passes = up[roads.tail] & up[roads.head] & ~down[roads.link_gate]
    ways = [(roads.tail, roads.head, passes), (roads.head, roads.tail, passes & ~roads.oneway)]
    if service.direction == "to":
        ways = [(b, a, which) for a, b, which in ways]
    stands = np.flatnonzero((service.node >= 0) & ~failed[service.asset])
    stands = stands[up[service.node[stands]]]
    # Ways begin at an extra node. Edges of no time are stored, and SciPy takes what is stored for an edge.
    origin = np.concatenate([*(a[which] for a, _, which in ways), np.full(stands.size, roads.n)])
    end = np.concatenate([*(b[which] for _, b, which in ways), service.node[stands]])
    weight = np.concatenate([*(roads.time[which] * n_facility for _, _, which in ways), stands])
    order = np.lexsort((weight, end, origin))
    origin, end, weight = origin[order], end[order], weight[order]
    least = np.ones(origin.size, bool)
    least[1:] = (origin[1:] != origin[:-1]) | (end[1:] != end[:-1])
    indptr = np.zeros(roads.n + 2, np.int64)
    np.cumsum(np.bincount(origin[least], minlength=roads.n + 1), out=indptr[1:])
    matrix = csr_array((weight[least].astype(np.float64), end[least], indptr), shape=(roads.n + 1, roads.n + 1))
    found: NDArray[np.float64] = dijkstra(matrix, directed=True, indices=roads.n)[: roads.n]
    return np.minimum(found, float(_NO_WAY * n_facility)).astype(np.int64)


def _begin_ways(roads: _Roads, service: Facilities, key: Integers, number: Integers, can_fail: Flags) -> _Seeds:
    """Return where ways begin: at facilities, and at neighbours of known nodes."""
    n_facility = max(service.asset.size, 1)
    stands = np.flatnonzero(service.node >= 0)
    stands = stands[number[service.node[stands]] >= 0]
    nodes, times, labels = [number[service.node[stands]]], [np.zeros(stands.size, np.int64)], [stands]
    gates = [_gate_of(service.asset[stands], can_fail)]
    for origin, end, along in ((roads.tail, roads.head, True), (roads.head, roads.tail, False)):
        known = (number[origin] < 0) & (number[end] >= 0) & (~roads.oneway | ((service.direction == "from") == along))
        time = key[origin] // n_facility + roads.time
        chosen = np.flatnonzero(known & (time < _NO_WAY))
        nodes.append(number[end[chosen]])
        times.append(time[chosen])
        labels.append(key[origin[chosen]] % n_facility)
        gates.append(roads.link_gate[chosen])
    return _Seeds(np.concatenate(nodes), np.concatenate(times), np.concatenate(labels), np.concatenate(gates)[:, None])


def _plan_service(
    service: Facilities,
    key: Integers,
    seeds: _Seeds,
    number: Integers,
    inside: Integers,
    first: _Elimination,
    constant: tuple[Times, Times],
    core: Integers,
    second: _Elimination,
    node_gate: Indices,
) -> ServicePlan:
    """Return what one service adds to a plan."""
    to = service.direction == "to"
    outward, inward = constant[::-1] if to else constant
    n_facility = max(service.asset.size, 1)
    n, k = inside.size, first.k

    # Seeds that no asset of their own closes are carried through the constant nodes.
    free = (seeds.gate < 0).all(axis=1)
    time0, label0 = np.full(n, CLOSED, np.uint32), np.zeros(n, np.uint32)
    order = np.lexsort((seeds.label[free], seeds.time[free]))[::-1]
    at = first.position[seeds.node[free][order]]
    time0[at], label0[at] = seeds.time[free][order], seeds.label[free][order]
    carry_constant(first.column, first.row, outward, time0, label0)
    carried = np.flatnonzero(time0[k:] < CLOSED)
    bound = first.position[seeds.node[~free]] - k
    seed_node = second.position[np.concatenate([carried, bound])]
    gate = np.full((seed_node.size, 3), -1, np.int32)
    gate[carried.size :, 0] = seeds.gate[~free, 0]
    gate[:, 1] = node_gate[core[np.concatenate([carried, bound])]]
    seeded = np.zeros(core.size, bool)
    mark_ancestors(second.column, second.row, seed_node, seeded)

    # Only targets and what their times come from are substituted back.
    node = service.target
    asked = np.where(node >= 0, number[node], -1)
    position = first.position[asked[asked >= 0]]
    wanted = np.zeros(n, bool)
    mark_ancestors(first.column, first.row, position, wanted)
    constant_node = np.flatnonzero(wanted[:k])[::-1]
    row_of = np.full(n, -1, np.int64)
    row_of[k:] = second.position
    row_of[constant_node] = core.size + np.arange(constant_node.size)
    count = np.diff(first.column)[constant_node]
    indptr = np.concatenate([[0], np.cumsum(count)])
    entry = np.arange(indptr[-1]) + np.repeat(first.column[constant_node] - indptr[:-1], count)
    solved = np.flatnonzero(asked >= 0)
    by_row = np.argsort(row_of[position], kind="stable")
    solved, place = solved[by_row], row_of[position][by_row]
    constant_place = row_of[first.row[entry]]
    needed = np.zeros(core.size, bool)
    roots = np.concatenate([place, constant_place])
    mark_ancestors(second.column, second.row, roots[roots < core.size], needed)
    key_of_core = np.empty(core.size, np.int64)
    key_of_core[second.position] = key[inside[core]]
    return ServicePlan(
        to=to,
        solved=solved,
        place=place,
        intact_time=np.where(node >= 0, key[node] // n_facility, _NO_WAY).astype(np.uint32),
        intact_label=np.where(node >= 0, key[node] % n_facility, 0).astype(np.uint32),
        n_row=int(core.size + constant_node.size),
        core_order=np.argsort(key_of_core[second.k :], kind="stable").astype(np.int32),
        forward=np.flatnonzero(seeded[: second.k]),
        backward=np.flatnonzero(needed[: second.k])[::-1].copy(),
        seeded=seeded,
        seed_node=seed_node,
        seed_time=np.concatenate([time0[k:][carried], seeds.time[~free]]).astype(np.uint32),
        seed_label=np.concatenate([label0[k:][carried], seeds.label[~free]]).astype(np.uint32),
        gates=_gates(gate, np.arange(seed_node.size)),
        constant_indptr=indptr.astype(np.int64),
        constant_place=constant_place.astype(np.int32),
        constant_weight=inward[entry],
        constant_time=time0[constant_node],
        constant_label=label0[constant_node],
    )
