"""Reachability over one sector's graph: contract what cannot fail, eliminate, and keep the plan for all samples.

Used for supply (which assets a functional source reaches) and for access (which zones a functional facility reaches
over the roads).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.contraction import contract_sure
from resilience.kernels.elimination import eliminate_nodes
from resilience.kernels.reachability import factorise_reach, seed_sources, solve_reach
from resilience.kernels.rows import ONES, empty_rows
from resilience.kernels.supply import CLOSED, OPEN, load_edges, load_nodes
from resilience.network.compile import SectorGraph

Words = NDArray[np.uint64]

# Measured on street graphs of 100,000 nodes and mean degree 3 at failure probabilities .001 to .15 of every node and
# link: with a limit of 12 a solve takes 14 to 29 ms, with 14 it takes 15 to 29 ms, with 16 it takes 16 to 28 ms, with
# 48 it takes 27 to 37 ms: .15 is near the point where such a graph falls apart, and changes run long ways through the
# core. At mean degree 2.5 all are alike.
MAX_DEGREE = 16
# Row operations allowed per node and edge; graphs with hubs stop here before the degree limit.
MAX_FILL_PER_ELEMENT = 6


class EdgeList(NamedTuple):
    """Which links make the edges of one direction.

    Parameters
    ----------
    asset : (n_slot,) int32
        Link of each slot, or ``OPEN``, or ``CLOSED``.
    parallel : (n,) int32
        Further links of slots that have one already.
    parallel_slot : (n,) int64
    """

    asset: NDArray[np.int32]
    parallel: NDArray[np.int32]
    parallel_slot: NDArray[np.int64]


@dataclass(frozen=True)
class ReachPlan:
    """What can be prepared once per event for solving reachability in any number of samples.

    Parameters
    ----------
    graph : SectorGraph
    position : (n_node,) int64
        New number of each node of the graph; nodes of one supernode share it.
    n_position : int
        Number of supernodes.
    column, row, fill, n_slot, core_indptr, core_middle, core_neighbour, core_slot
        Elimination plan, see :func:`resilience.kernels.elimination.eliminate_nodes`.
    directed : bool
        Whether any remaining link is one-way.
    node, node_position
        Assets that are nodes and can fail by themselves.
    link : (n_link,) int32
        Assets that are links and can fail by themselves.
    outward, inward : EdgeList
        Edges from the lower to the higher new number, and back; the same unless `directed`.
    """

    graph: SectorGraph
    position: NDArray[np.int64]
    n_position: int
    column: NDArray[np.int64]
    row: NDArray[np.int32]
    fill: NDArray[np.int32]
    n_slot: int
    core_indptr: NDArray[np.int64]
    core_middle: NDArray[np.int64]
    core_neighbour: NDArray[np.int32]
    core_slot: NDArray[np.int64]
    directed: bool
    node: NDArray[np.int32]
    node_position: NDArray[np.int64]
    link: NDArray[np.int32]
    outward: EdgeList
    inward: EdgeList


def _list_edges(n_slot: int, slot: NDArray[np.int64], link: NDArray[np.int32], sure: NDArray[np.bool_]) -> EdgeList:
    """Return the edges of one direction from the slot of each link and whether the link cannot fail."""
    asset = np.full(n_slot, CLOSED, np.int32)
    varying_slot, varying = slot[~sure], link[~sure]
    asset[varying_slot] = varying
    asset[slot[sure]] = OPEN
    more = (asset[varying_slot] != varying) & (asset[varying_slot] != OPEN)
    return EdgeList(asset, varying[more], varying_slot[more])


def plan_reach(graph: SectorGraph, can_fail: NDArray[np.bool_]) -> ReachPlan:
    """Return the plan for a graph of which some assets can fail.

    Parameters
    ----------
    graph : SectorGraph
    can_fail : (n_asset,) bool
        Assets that may be out of function by themselves in this event; all others pass in every sample.

    Returns
    -------
    ReachPlan

    Notes
    -----
    Contraction is exact: the same bits come out as without it.
    """
    node_sure = ~can_fail[graph.node]
    link_sure = ~can_fail[graph.link]
    label = np.empty(graph.node.size, np.int64)
    n = contract_sure(graph.tail, graph.head, node_sure, link_sure & ~graph.oneway, label)
    tail, head = label[graph.tail], label[graph.head]
    kept = np.flatnonzero(tail != head)
    tail, head = tail[kept], head[kept]
    max_fill = MAX_FILL_PER_ELEMENT * (n + kept.size)
    position, column, row, fill, n_slot, slot, core_indptr, core_middle, core_neighbour, core_slot = eliminate_nodes(
        n, tail, head, MAX_DEGREE, max_fill
    )
    oneway = graph.oneway[kept]
    ahead = position[tail] < position[head]
    sure, link = link_sure[kept], graph.link[kept]
    outward, inward = (
        _list_edges(int(n_slot), slot[way], link[way], sure[way]) for way in (~oneway | ahead, ~oneway | ~ahead)
    )
    varying = np.flatnonzero(~node_sure)
    return ReachPlan(
        graph=graph,
        position=position[label],
        n_position=n,
        column=column,
        row=row,
        fill=fill,
        n_slot=int(n_slot),
        core_indptr=core_indptr,
        core_middle=core_middle,
        core_neighbour=core_neighbour,
        core_slot=core_slot,
        directed=bool(oneway.any()),
        node=graph.node[varying],
        node_position=position[label[varying]],
        link=link[~sure],
        outward=outward,
        inward=inward,
    )


class ReachSolver:
    """Working memory of one plan; one per thread.

    Parameters
    ----------
    plan : ReachPlan
    """

    def __init__(self, plan: ReachPlan) -> None:
        self.plan = plan
        self._up = empty_rows(plan.n_position)
        self._up[:] = ONES
        self._outward = empty_rows(plan.n_slot)
        self._inward = empty_rows(plan.n_slot) if plan.directed else self._outward
        self._seeded = np.empty(plan.n_position, np.uint8)
        self.reached: Words = empty_rows(plan.n_position)

    def factorise(self, state: Words) -> None:
        """Take the state of every asset, ``(n_asset, 8) uint64``, for the solves that follow."""
        plan = self.plan
        load_nodes(state, plan.node, plan.node_position, self._up)
        load_edges(state, *plan.outward, self._outward)
        if plan.directed:
            load_edges(state, *plan.inward, self._inward)
        factorise_reach(
            plan.column, plan.row, plan.fill, plan.core_indptr, plan.core_middle, plan.core_neighbour, plan.core_slot,
            self._up, plan.directed, self._outward, self._inward,
        )  # fmt: skip

    def solve(
        self, state: Words, source: NDArray[np.int32], position: NDArray[np.int64], *, backward: bool = False
    ) -> Words:
        """Return where each supernode is reached, ``(n_position, 8) uint64``; valid until the next solve.

        Parameters
        ----------
        state : (n_asset, 8) uint64
            A source counts where it is set.
        source : (n,) int32
            Assets.
        position : (n,) int64
            Where each stands; -1 stands nowhere.
        backward : bool
            Against the directions of links: not who is reached, but who reaches.
        """
        plan = self.plan
        outward, inward = (self._inward, self._outward) if backward else (self._outward, self._inward)
        seed_sources(plan.column, plan.row, state, source, position, self._seeded, self.reached)
        solve_reach(
            plan.column, plan.row, plan.core_indptr, plan.core_middle, plan.core_neighbour, plan.core_slot, self._up,
            outward, inward, self._seeded, self.reached,
        )  # fmt: skip
        return self.reached
