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
from resilience.kernels.elimination import eliminate_some
from resilience.kernels.reachability import factorise_reach, seed_sources, solve_reach
from resilience.kernels.rows import ONES, empty_rows
from resilience.kernels.supply import CLOSED, OPEN, load_drawn_edges, load_drawn_nodes, load_edges, load_nodes
from resilience.network.compile import SectorGraph

Words = NDArray[np.uint64]

# Measured on street graphs of 100,000 nodes and mean degree 3 at failure probabilities .001 to .15 of every node and
# link: with a limit of 8 a solve takes 6.3 to 15.9 ms, with 10 it takes 7.8 to 15.4 ms, with 12 it takes 8.4 to
# 15.0 ms, with 16 it takes 9.4 to 15.2 ms: .15 is near the point where such a graph falls apart, and changes run long
# ways through the core. At mean degree 2.5 all are alike.
MAX_DEGREE = 12
# Nodes whose columns are put into the order of their lengths, see `eliminate_some`: a solve takes 0.93 times as long.
CHUNK = 1024
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
        Elimination plan, see ``resilience.kernels.elimination.eliminate_some``.
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
    position, column, row, fill, n_slot, slot, core_indptr, core_middle, core_neighbour, core_slot = eliminate_some(
        n, tail, head, np.zeros(n, bool), MAX_DEGREE, max_fill, True, True, CHUNK
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


class DrawnEdges(NamedTuple):
    """Which draws and which links make the edges of one direction; see :func:`load_drawn_edges`.

    Parameters
    ----------
    row : (n_slot,) int32
    parallel_row, parallel_slot : (n,)
    needing, needing_slot : (n,)
    """

    row: NDArray[np.int32]
    parallel_row: NDArray[np.int32]
    parallel_slot: NDArray[np.int64]
    needing: NDArray[np.int32]
    needing_slot: NDArray[np.int64]


class DrawnStates(NamedTuple):
    """What of a plan is read from the draws of the hazard itself: whatever nothing else puts out of function.

    Parameters
    ----------
    node_row, node_position : (n,)
        Row among the draws of each node, with its new number.
    needing_node, needing_position : (n,)
        Nodes whose state is not the hazard's alone.
    outward, inward : DrawnEdges
    """

    node_row: NDArray[np.int32]
    node_position: NDArray[np.int64]
    needing_node: NDArray[np.int32]
    needing_position: NDArray[np.int64]
    outward: DrawnEdges
    inward: DrawnEdges


def _draw_edges(edges: EdgeList, row: NDArray[np.int32], *, never: int, always: int) -> DrawnEdges:
    """Return the edges of one direction by the row of each link, negative where its state is not the hazard's alone."""
    varies = edges.asset >= 0
    drawn = np.where(varies, row[np.maximum(edges.asset, 0)], -1)
    needing_slot = np.flatnonzero(varies & (drawn < 0))
    slot_row = np.where(edges.asset == OPEN, never, np.where(drawn >= 0, drawn, always)).astype(np.int32)
    more = row[edges.parallel]
    return DrawnEdges(
        row=slot_row,
        parallel_row=more[more >= 0],
        parallel_slot=edges.parallel_slot[more >= 0],
        needing=np.concatenate([edges.asset[needing_slot], edges.parallel[more < 0]]),
        needing_slot=np.concatenate([needing_slot, edges.parallel_slot[more < 0]]),
    )


def plan_draws(
    plan: ReachPlan, failed_row: NDArray[np.int32], has_need: NDArray[np.bool_], *, never: int, always: int
) -> DrawnStates:
    """Return how the states of a plan are read from the draws of the hazard.

    Parameters
    ----------
    plan : ReachPlan
        All that can fail in it has a draw or a need.
    failed_row : (n_asset,) int32
        Row of each asset among the draws, or -1.
    has_need : (n_asset,) bool
        Their state is read as it is.
    never, always : int
        Rows among the draws of what never and of what always is out of function.
    """
    row = np.where(has_need, -1, failed_row).astype(np.int32)
    # Written from end to end.
    by_position = np.argsort(plan.node_position, kind="stable")
    node, position = plan.node[by_position], plan.node_position[by_position]
    drawn = row[node] >= 0
    outward, inward = (_draw_edges(edges, row, never=never, always=always) for edges in (plan.outward, plan.inward))
    return DrawnStates(row[node[drawn]], position[drawn], node[~drawn], position[~drawn], outward, inward)


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
        self._factorise()

    def factorise_draws(self, draws: DrawnStates, failed: Words, state: Words) -> None:
        """Take what the hazard put out of function and, of assets with needs alone, the state; then as `factorise`.

        Parameters
        ----------
        draws : DrawnStates
        failed : (n, 8) uint64
            Rows as in :func:`plan_draws`.
        state : (n_asset, 8) uint64
        """
        load_drawn_nodes(failed, draws.node_row, draws.node_position, self._up)
        load_nodes(state, draws.needing_node, draws.needing_position, self._up)
        load_drawn_edges(failed, *draws.outward[:3], state, *draws.outward[3:], self._outward)
        if self.plan.directed:
            load_drawn_edges(failed, *draws.inward[:3], state, *draws.inward[3:], self._inward)
        self._factorise()

    def _factorise(self) -> None:
        plan = self.plan
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
