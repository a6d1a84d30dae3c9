"""Reachability over one sector's graph: contract what cannot fail, eliminate, and keep the plan for all samples.

Used for supply (which assets a functional source reaches) and for access (which zones a functional facility reaches
over the roads).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.contraction import contract_sure
from resilience.kernels.elimination import eliminate_nodes
from resilience.kernels.reachability import factorise_reach, solve_reach
from resilience.kernels.rows import ONES
from resilience.kernels.supply import INWARD, OUTWARD, load_links, seed_sources
from resilience.network.compile import SectorGraph

Words = NDArray[np.uint64]

# Measured on street graphs of 100,000 nodes and mean degree 3 at failure probabilities .001 to .15 of every node and
# link: with a limit of 48 the slowest solve takes 1.8 times the fastest; with 24 it takes 3 times, because .15 is near
# the point where such a graph falls apart and changes run long ways through the core. At probabilities up to .01 the
# higher limit is up to a tenth slower; at mean degree 2.5 both take the same time.
MAX_DEGREE = 48
# Row operations allowed per node and edge; graphs with hubs stop here long before the degree limit (there 6 would be
# 1.4 times faster than 14, which degree 3 needs).
MAX_FILL_PER_ELEMENT = 14


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
    column, row, fill, n_slot, core_indptr, core_neighbour, core_slot
        Elimination plan, see :func:`resilience.kernels.elimination.eliminate_nodes`.
    directed : bool
        Whether any remaining link is one-way.
    node, node_position
        Assets that are nodes and can fail by themselves.
    link, link_slot, link_way
        Assets that are links and can fail by themselves.
    open_slot, open_way
        Slots of links that cannot.
    """

    graph: SectorGraph
    position: NDArray[np.int64]
    n_position: int
    column: NDArray[np.int64]
    row: NDArray[np.int32]
    fill: NDArray[np.int32]
    n_slot: int
    core_indptr: NDArray[np.int64]
    core_neighbour: NDArray[np.int32]
    core_slot: NDArray[np.int64]
    directed: bool
    node: NDArray[np.int32]
    node_position: NDArray[np.int64]
    link: NDArray[np.int32]
    link_slot: NDArray[np.int64]
    link_way: NDArray[np.uint8]
    open_slot: NDArray[np.int64]
    open_way: NDArray[np.uint8]


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
    position, column, row, fill, n_slot, slot, core_indptr, core_neighbour, core_slot = eliminate_nodes(
        n, tail, head, MAX_DEGREE, max_fill
    )
    oneway = graph.oneway[kept]
    ahead = position[tail] < position[head]
    way = np.where(oneway, np.where(ahead, OUTWARD, INWARD), OUTWARD | INWARD).astype(np.uint8)
    sure = link_sure[kept]
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
        core_neighbour=core_neighbour,
        core_slot=core_slot,
        directed=bool(oneway.any()),
        node=graph.node[varying],
        node_position=position[label[varying]],
        link=graph.link[kept][~sure],
        link_slot=slot[~sure],
        link_way=way[~sure],
        open_slot=slot[sure],
        open_way=way[sure],
    )


class ReachSolver:
    """Working memory of one plan; one per thread.

    Parameters
    ----------
    plan : ReachPlan
    """

    def __init__(self, plan: ReachPlan) -> None:
        self.plan = plan
        self._up = np.full((plan.n_position, 8), ONES)
        self._outward = np.empty((plan.n_slot, 8), np.uint64)
        self._inward = np.empty((plan.n_slot, 8), np.uint64) if plan.directed else self._outward
        self.reached: Words = np.empty((plan.n_position, 8), np.uint64)

    def factorise(self, state: Words) -> None:
        """Take the state of every asset, ``(n_asset, 8) uint64``, for the solves that follow."""
        plan = self.plan
        load_links(
            state, plan.node, plan.node_position, plan.link, plan.link_slot, plan.link_way, plan.open_slot,
            plan.open_way, self._up, self._outward, self._inward,
        )  # fmt: skip
        factorise_reach(plan.column, plan.row, plan.fill, self._up, plan.directed, self._outward, self._inward)

    def solve(self, state: Words, source: NDArray[np.int32], position: NDArray[np.int64]) -> Words:
        """Return where each supernode is reached, ``(n_position, 8) uint64``; valid until the next solve.

        Parameters
        ----------
        state : (n_asset, 8) uint64
            A source counts where it is set.
        source : (n,) int32
            Assets.
        position : (n,) int64
            Where each stands; -1 stands nowhere.
        """
        plan = self.plan
        seed_sources(state, source, position, self.reached)
        solve_reach(
            plan.column, plan.row, plan.core_indptr, plan.core_neighbour, plan.core_slot, self._up, self._outward,
            self._inward, self.reached,
        )  # fmt: skip
        return self.reached
