"""One service of a travel plan: its facilities, where ways begin, which nodes its targets need.

Built by :mod:`resilience.network.travel_plan`, which holds what all services share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from resilience.kernels.constant_times import carry_constant
from resilience.kernels.time_rows import CLOSED
from resilience.kernels.travel import mark_ancestors

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]
Times = NDArray[np.uint32]
Flags = NDArray[np.bool_]

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


class Roads(NamedTuple):
    """Usable links, and the asset that closes each link or node, -1 for none."""

    n: int
    tail: Integers
    head: Integers
    oneway: Flags
    time: Integers
    link_gate: Indices
    node_gate: Indices


class Seeds(NamedTuple):
    """Where ways begin: node, time, label, and the assets that must be up beside the node."""

    node: Integers
    time: Integers
    label: Integers
    gate: NDArray[np.int32]


class Elimination(NamedTuple):
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


def gate_of(asset: Indices, can_fail: Flags) -> Indices:
    """Return the assets that can fail, -1 for the others."""
    return np.where(can_fail[asset], asset, np.int32(-1)).astype(np.int32)


def gates_of(asset: NDArray[np.int32], column: Integers) -> Gates:
    """Return the gates of edges or seeds that have any."""
    gated = np.flatnonzero((asset >= 0).any(axis=1))
    return Gates(np.ascontiguousarray(asset[gated]), column[gated])


def search_nearest(roads: Roads, service: Facilities, failed: Flags) -> Integers:
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


def begin_ways(roads: Roads, service: Facilities, key: Integers, number: Integers, can_fail: Flags) -> Seeds:
    """Return where ways begin: at facilities, and at neighbours of known nodes."""
    n_facility = max(service.asset.size, 1)
    stands = np.flatnonzero(service.node >= 0)
    stands = stands[number[service.node[stands]] >= 0]
    nodes, times, labels = [number[service.node[stands]]], [np.zeros(stands.size, np.int64)], [stands]
    gates = [gate_of(service.asset[stands], can_fail)]
    for origin, end, along in ((roads.tail, roads.head, True), (roads.head, roads.tail, False)):
        known = (number[origin] < 0) & (number[end] >= 0) & (~roads.oneway | ((service.direction == "from") == along))
        time = key[origin] // n_facility + roads.time
        chosen = np.flatnonzero(known & (time < _NO_WAY))
        nodes.append(number[end[chosen]])
        times.append(time[chosen])
        labels.append(key[origin[chosen]] % n_facility)
        gates.append(roads.link_gate[chosen])
    return Seeds(np.concatenate(nodes), np.concatenate(times), np.concatenate(labels), np.concatenate(gates)[:, None])


def plan_service(
    service: Facilities,
    key: Integers,
    seeds: Seeds,
    number: Integers,
    inside: Integers,
    first: Elimination,
    constant: tuple[Times, Times],
    core: Integers,
    second: Elimination,
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
        gates=gates_of(gate, np.arange(seed_node.size)),
        constant_indptr=indptr.astype(np.int64),
        constant_place=constant_place.astype(np.int32),
        constant_weight=inward[entry],
        constant_time=time0[constant_node],
        constant_label=label0[constant_node],
    )
