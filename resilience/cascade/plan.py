"""What one event can do to the city, prepared once for all samples.

Assets that the hazard cannot fail and whose needs cannot be lost pass in every sample; they are contracted away, and
only the assets that can be down at all are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resilience.draws import BUFFER, FRAGILITY, stream_key
from resilience.errors import ConfigurationError, Problem
from resilience.kernels.contraction import contract_sure
from resilience.kernels.fragility import quantise_probability
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.network.reach import ReachPlan, plan_reach

Indices = NDArray[np.int32]
Start = Literal["all_up", "all_down"]


@dataclass(frozen=True)
class SupplyPlan:
    """Supply of one sector in one event.

    Parameters
    ----------
    reach : ReachPlan
    source, source_position
        Sources and the supernodes they stand in.
    node, node_position, link, tail_position, head_position, oneway
        Assets of the sector that can lose supply.
    """

    reach: ReachPlan
    source: Indices
    source_position: NDArray[np.int64]
    node: Indices
    node_position: NDArray[np.int64]
    link: Indices
    tail_position: NDArray[np.int64]
    head_position: NDArray[np.int64]
    oneway: NDArray[np.bool_]

    @property
    def member(self) -> Indices:
        """Assets that can lose supply."""
        return np.concatenate([self.node, self.link])


@dataclass(frozen=True)
class EventPlan:
    """What is prepared once per event and shared by all its blocks.

    Parameters
    ----------
    failing : (n_failing,) int32
        Assets that the hazard can put out of function.
    threshold : (n_failing,) uint32
    identity : (n_failing,) uint64
    failed_row : (n_asset,) int32
        Row of each asset among the failing, or -1.
    buffer_row : (n_need,) int32
        Row of each need among the buffers, -1 without.
    buffer_threshold : (n_buffer,) uint32
        Probability that the buffer does *not* start.
    buffer_identity : (n_buffer,) uint64
    can_fail : (n_asset,) bool
        Assets that can be out of function through hazard or needs.
    affected : (n,) int32
        Assets that can be down at all.
    supplies : tuple of SupplyPlan
    key, buffer_key : uint64
    """

    failing: Indices
    threshold: NDArray[np.uint32]
    identity: NDArray[np.uint64]
    failed_row: Indices
    buffer_row: Indices
    buffer_threshold: NDArray[np.uint32]
    buffer_identity: NDArray[np.uint64]
    can_fail: NDArray[np.bool_]
    affected: Indices
    supplies: tuple[SupplyPlan, ...]
    key: np.uint64
    buffer_key: np.uint64


def supplied_graphs(compiled: CompiledNetwork, levels: Mapping[str, str]) -> dict[str, SectorGraph]:
    """Return the graphs of the sectors whose level is ``connected``.

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


def _buffers(compiled: CompiledNetwork, depth: NDArray[np.float64] | None) -> tuple[Indices, NDArray[np.float64]]:
    """Return the row of each need's buffer (-1 none) and the probability of each row that it does not start."""
    starts = np.where(compiled.buffer_hours > 0, compiled.start_probability, 0.0)
    if depth is not None:
        owner = np.full(starts.size, -1)
        n_asset_need = int(compiled.need_indptr[-1])
        owner[:n_asset_need] = np.repeat(np.arange(compiled.n_asset), np.diff(compiled.need_indptr))
        at = np.where(owner >= 0, depth[owner], 0.0)
        # As maps store depths: 0.3 m in float32 is above 0.3 in float64.
        over = at.astype(np.float32) > compiled.buffer_height.astype(np.float32)
        flooded = np.isfinite(compiled.buffer_height) & (at > 0) & over
        starts = np.where(flooded, 0.0, starts)
    has = starts > 0
    row = np.where(has, np.cumsum(has) - 1, -1).astype(np.int32)
    return row, 1.0 - starts[has]


def _lacking_source(graph: SectorGraph, can_fail: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
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


def plan_event(
    compiled: CompiledNetwork,
    failure_probability: NDArray[np.float64],
    *,
    graphs: Mapping[str, SectorGraph],
    seed: int,
    family: str,
    depth: NDArray[np.float64] | None = None,
    start: Start = "all_up",
    buffers: bool = True,
    horizon_hours: float = 0.0,
    level_members: Sequence[Indices] = (),
) -> EventPlan:
    """Return the plan of one event.

    Parameters
    ----------
    compiled : CompiledNetwork
    failure_probability : (n_asset,) float64
        Probability that the hazard puts the asset out of function; NaN (unknown hazard) counts as 0.
    graphs : dict of str to SectorGraph
        From :func:`supplied_graphs`.
    seed : int
    family : str
        Id of the event family.
    depth : (n_asset,) float64, optional
        Water depth in m at each asset, for buffers that drown.
    start : {"all_up", "all_down"}
        From all-down whatever has a need can stay down, hazard or not.
    buffers : bool
        Whether buffers count.
    horizon_hours : float
        End of the time grid, h; 0 for a state at the peak of the hazard alone.
    level_members : sequence of int32, optional
        Assets of sectors that are solved state by state: any of them can be served too little.

    Returns
    -------
    EventPlan
    """
    probability = np.nan_to_num(np.ascontiguousarray(failure_probability, dtype=np.float64), nan=0.0)
    all_thresholds = np.empty(compiled.n_asset, np.uint32)
    quantise_probability(probability, all_thresholds)
    failing = np.flatnonzero(all_thresholds).astype(np.int32)
    failed_row = np.full(compiled.n_asset, -1, np.int32)
    failed_row[failing] = np.arange(failing.size)
    buffer_row, no_start = _buffers(compiled, depth)
    if not buffers:
        buffer_row, no_start = np.full_like(buffer_row, -1), no_start[:0]
    buffer_threshold = np.empty(no_start.size, np.uint32)
    quantise_probability(no_start, buffer_threshold)
    # A buffer that always starts and outlasts the time grid holds whatever happens: its need cannot be lost.
    always = np.zeros(compiled.required.size, bool)
    always[buffer_row >= 0] = buffer_threshold[buffer_row[buffer_row >= 0]] == 0
    always &= compiled.buffer_hours > horizon_hours

    can_fail = all_thresholds > 0
    if start == "all_down":
        can_fail |= np.diff(compiled.need_indptr) > 0
    affected = can_fail.copy()
    for member in level_members:
        affected[member] = True
    need_owner = np.repeat(np.arange(compiled.n_asset), np.diff(compiled.need_indptr))
    dependency_need = np.repeat(np.arange(compiled.required.size), np.diff(compiled.provider_indptr))
    n_asset_need = need_owner.size
    while True:
        shaky = np.zeros(compiled.required.size, bool)
        shaky[dependency_need[affected[compiled.provider]]] = True
        # A need without enough providers is unmet from the start.
        shaky |= np.diff(compiled.provider_indptr) < compiled.required
        shaky &= ~always
        grown = can_fail.copy()
        grown[need_owner[shaky[:n_asset_need]]] = True
        reached = affected | grown
        for graph in graphs.values():
            node_lacks, link_lacks = _lacking_source(graph, grown)
            reached[graph.node[node_lacks]] = True
            reached[graph.link[link_lacks]] = True
        if np.array_equal(grown, can_fail) and np.array_equal(reached, affected):
            break
        can_fail, affected = grown, reached

    supplies = []
    for graph in graphs.values():
        reach = plan_reach(graph, can_fail)
        node_lacks, link_lacks = _lacking_source(graph, can_fail)
        place = np.full(compiled.n_asset, -1, np.int64)
        place[graph.node] = np.arange(graph.node.size)
        supplies.append(
            SupplyPlan(
                reach=reach,
                source=graph.source,
                source_position=reach.position[place[graph.source]],
                node=graph.node[node_lacks],
                node_position=reach.position[node_lacks],
                link=graph.link[link_lacks],
                tail_position=reach.position[graph.tail[link_lacks]],
                head_position=reach.position[graph.head[link_lacks]],
                oneway=graph.oneway[link_lacks],
            )
        )
    return EventPlan(
        failing=failing,
        threshold=all_thresholds[failing],
        identity=compiled.asset_identity[failing],
        failed_row=failed_row,
        buffer_row=buffer_row,
        buffer_threshold=buffer_threshold,
        buffer_identity=compiled.need_identity[buffer_row >= 0],
        can_fail=can_fail,
        affected=np.flatnonzero(affected).astype(np.int32),
        supplies=tuple(supplies),
        key=stream_key(seed, FRAGILITY, family),
        buffer_key=stream_key(seed, BUFFER, family),
    )
