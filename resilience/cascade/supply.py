"""Supply of a sector in one event, prepared once: who can lose it, and whose state anything depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problem
from resilience.kernels.contraction import contract_sure
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.network.reach import DrawnStates, ReachPlan, plan_draws, plan_reach

Indices = NDArray[np.int32]


class Members(NamedTuple):
    """Nodes and links of a sector that can lose supply.

    Parameters
    ----------
    node : (n_node,) int32
    node_position : (n_node,) int64
        New number in the reach plan.
    link : (n_link,) int32
    tail_position, head_position : (n_link,) int64
    oneway : (n_link,) bool
    """

    node: Indices
    node_position: NDArray[np.int64]
    link: Indices
    tail_position: NDArray[np.int64]
    head_position: NDArray[np.int64]
    oneway: NDArray[np.bool_]

    @property
    def asset(self) -> Indices:
        """All of them."""
        return np.concatenate([self.node, self.link])

    def where(self, marked: NDArray[np.bool_]) -> Members:
        """Return those that are marked; `marked` is (n_asset,)."""
        node, link = marked[self.node], marked[self.link]
        return Members(
            self.node[node], self.node_position[node], self.link[link],
            self.tail_position[link], self.head_position[link], self.oneway[link],
        )  # fmt: skip


@dataclass(frozen=True)
class SupplyPlan:
    """Supply of one sector in one event.

    Parameters
    ----------
    reach : ReachPlan
    source, source_position
        Sources and the supernodes they stand in.
    members : Members
        All that can lose supply.
    live : Members
        Those of them whose state something in the cascade depends on.
    passive : Members
        The others. They have no needs, and nobody needs them: what becomes of them is told by the solution.
    passive_row : (n_link,) int32
        Row of `failed` of each passive link.
    needing : int32
        Nodes and links of the sector that have needs and can lose them.
    draws : DrawnStates
        How the reach plan reads what the hazard put out of function.
    """

    reach: ReachPlan
    source: Indices
    source_position: NDArray[np.int64]
    members: Members
    live: Members
    passive: Members
    passive_row: Indices
    needing: Indices
    draws: DrawnStates


def supplied_graphs(compiled: CompiledNetwork, levels: Mapping[str, str]) -> dict[str, SectorGraph]:
    """Return the graphs of the sectors whose level is ``connected``.

    Parameters
    ----------
    compiled : CompiledNetwork
    levels : mapping
        Level by sector.

    Raises
    ------
    ConfigurationError
        A sector at that level has no source, or does not exist.
    """
    graphs, problems = {}, []
    for sector, level in levels.items():
        if level != "connected":
            continue
        graph = compiled.graphs.get(sector)
        if graph is None or graph.source.size == 0:
            problems.append(
                Problem(
                    f"cascade.levels.{sector}",
                    wanted="'function', or supply rows that mark the sector's sources",
                    got="level 'connected' for a sector without sources",
                )
            )
        else:
            graphs[sector] = graph
    if problems:
        raise ConfigurationError(problems)
    return graphs


def lacking_source(graph: SectorGraph, can_fail: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which nodes and links of a graph may lose supply: those not tied to a sure source by sure assets."""
    label = np.empty(graph.node.size, np.int64)
    n = contract_sure(graph.tail, graph.head, ~can_fail[graph.node], ~can_fail[graph.link] & ~graph.oneway, label)
    place = np.full(can_fail.size, -1, np.int64)
    place[graph.node] = np.arange(graph.node.size)
    sure_source = graph.source[~can_fail[graph.source]]
    safe = np.zeros(n, bool)
    safe[label[place[sure_source]]] = True
    node_lacks = ~safe[label]
    link_lacks = node_lacks[graph.tail] & (graph.oneway | node_lacks[graph.head])
    return node_lacks, link_lacks


def plan_supply(
    compiled: CompiledNetwork, graph: SectorGraph, can_fail: NDArray[np.bool_], failed_row: Indices
) -> SupplyPlan:
    """Return the supply of one sector in one event.

    Parameters
    ----------
    compiled : CompiledNetwork
    graph : SectorGraph
    can_fail : (n_asset,) bool
        Assets that can be out of function through hazard or needs.
    failed_row : (n_asset,) int32
        Row of each asset among the failing, or -1.
    """
    reach = plan_reach(graph, can_fail)
    node_lacks, link_lacks = lacking_source(graph, can_fail)
    place = np.full(compiled.n_asset, -1, np.int64)
    place[graph.node] = np.arange(graph.node.size)
    members = Members(
        node=graph.node[node_lacks],
        node_position=reach.position[node_lacks],
        link=graph.link[link_lacks],
        tail_position=reach.position[graph.tail[link_lacks]],
        head_position=reach.position[graph.head[link_lacks]],
        oneway=graph.oneway[link_lacks],
    )
    has_need = np.diff(compiled.need_indptr) > 0
    is_read = has_need | (np.diff(compiled.dependent_indptr) > 0)
    is_read[graph.source] = True
    passive = members.where(~is_read)
    never = int(failed_row.max(initial=-1)) + 1
    passive_row = failed_row[passive.link]
    assets = np.concatenate([graph.node, graph.link])
    return SupplyPlan(
        reach=reach,
        source=graph.source,
        source_position=reach.position[place[graph.source]],
        members=members,
        live=members.where(is_read),
        passive=passive,
        passive_row=np.where(passive_row >= 0, passive_row, never).astype(np.int32),
        needing=assets[has_need[assets] & can_fail[assets]],
        draws=plan_draws(reach, failed_row, has_need, never=never, always=never + 1),
    )
