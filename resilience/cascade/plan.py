"""What one event can do to the city, prepared once for all samples.

Assets that the hazard cannot fail and whose needs cannot be lost pass in every sample; they are contracted away, and
only the assets that can be down at all are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.correlation import CorrelatedDraws
from resilience.draws import BUFFER, CORRELATION, FRAGILITY, stream_key
from resilience.errors import ConfigurationError, Problem
from resilience.kernels.contraction import contract_sure
from resilience.kernels.fields import compare_limits, compare_uniforms
from resilience.kernels.fragility import quantise_probability, sample_failures, sample_uniforms
from resilience.kernels.rows import SAMPLES
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.network.reach import DrawnStates, ReachPlan, plan_draws, plan_reach

Indices = NDArray[np.int32]
Start = Literal["all_up", "all_down"]
# A block of assets whose thresholds in 512 samples stay in cache.
_AT_ONCE = 256


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


@dataclass(frozen=True)
class CorrelatedFragility:
    """Random numbers of assets that fail together.

    Parameters
    ----------
    draws : CorrelatedDraws
        Of all assets.
    together : (n_asset,) bool
        Assets whose numbers are those of `draws`; all others have their own.
    seed : int
    """

    draws: CorrelatedDraws
    together: NDArray[np.bool_]
    seed: int

    def key(self, family: str) -> np.uint64:
        """Return the key of the field of an event family."""
        return stream_key(self.seed, CORRELATION, family)


@dataclass(frozen=True)
class MovedFragility:
    """Thresholds of failure that an error of the hazard moves from sample to sample.

    Parameters
    ----------
    moves : (n_asset,) bool
        Assets that the error matters to; all others fail by the threshold of their plan.
    thresholds : callable
        Of a word group's first word and of assets, (n,) int32: their thresholds, (n, 512) uint32; nowhere above that of
        the plan.
    """

    moves: NDArray[np.bool_]
    thresholds: Callable[[int, Indices], NDArray[np.uint32]]


@dataclass(frozen=True)
class Strike:
    """One hazard of a sequence.

    Parameters
    ----------
    onset : int
        Minute of its peak, after that of the first.
    plan : EventPlan
        Of this hazard alone: what it puts out of function, by its own random numbers.
    row : (n,) int32
        Rows of its failing assets among those of the sequence.
    peril : int
        Number of its peril among those of the sequence.
    drowned : int32
        Rows of buffers of the sequence that stand in its water.
    """

    onset: int
    plan: EventPlan
    row: Indices
    peril: int = 0
    drowned: Indices = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True)
class EventPlan:
    """What is prepared once per event and shared by all its blocks.

    Parameters
    ----------
    failing : (n_failing,) int32
        Assets that the hazard can put out of function.
    threshold : (n_failing,) uint32
        With `moved`, the highest of any sample.
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
    begun : (n,) int32
        Those of them whose state is known before the cascade: all but the passive members of supplies.
    supplies : tuple of SupplyPlan
    key, buffer_key : uint64
    strikes : tuple of Strike
        The hazards of a sequence, by onset; none where the event is one hazard.
    family : str
    correlated : CorrelatedFragility, optional
        Without, the random numbers of assets are independent.
    moved : MovedFragility, optional
        Without, thresholds are the same in all samples.
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
    begun: Indices
    supplies: tuple[SupplyPlan, ...]
    key: np.uint64
    buffer_key: np.uint64
    strikes: tuple[Strike, ...] = ()
    family: str = ""
    correlated: CorrelatedFragility | None = None
    moved: MovedFragility | None = None

    def sample(
        self,
        first_word: int,
        failed: NDArray[np.uint64],
        *,
        threshold: NDArray[np.uint32] | None = None,
        order: NDArray[np.int64] | None = None,
    ) -> None:
        """Write where the U of each failing asset is below a threshold, (n_failing, 8) uint64, of one word group.

        Parameters
        ----------
        first_word : int
        failed : (n_failing, 8) uint64
        threshold : (n_failing,) uint32, optional
            By default that of failure. Where an error moves the latter, this one moves in proportion.
        order : (n_failing,) int64, optional
            Of the assets in `failed` and `threshold`.
        """
        limit = self.threshold if threshold is None else threshold
        if self.moved is not None and self.failing.size:
            rows = np.arange(self.failing.size) if order is None else order
            for at in range(0, rows.size, _AT_ONCE):
                part = slice(at, at + _AT_ONCE)
                self._sample_moved(self.moved, first_word, rows[part], limit[part], failed[part])
        elif self.correlated is not None:
            compare_uniforms(self.uniforms(first_word, order=order), limit, failed)
        else:
            identity = self.identity if order is None else self.identity[order]
            sample_failures(self.key, identity, limit, first_word, failed)

    def _sample_moved(
        self,
        moved: MovedFragility,
        first_word: int,
        rows: NDArray[np.int64],
        threshold: NDArray[np.uint32],
        failed: NDArray[np.uint64],
    ) -> None:
        """Write where U is below thresholds that stand to those of the sample as `threshold` does to the highest."""
        failing = self.failing[rows]
        limit = np.repeat(threshold[:, np.newaxis], SAMPLES, axis=1)
        moves = moved.moves[failing]
        share = threshold[moves] / self.threshold[rows][moves]
        own = moved.thresholds(first_word, failing[moves])
        limit[moves] = np.where(share[:, np.newaxis] == 1.0, own, np.floor(own * share[:, np.newaxis]))
        compare_limits(self.uniforms(first_word, order=rows), limit, failed)

    def uniforms(self, first_word: int, *, order: NDArray[np.int64] | None = None) -> NDArray[np.uint32]:
        """Return the U of each failing asset, (n_failing, 512) uint32, of one word group."""
        failing = self.failing if order is None else self.failing[order]
        identity = self.identity if order is None else self.identity[order]
        uniform = np.empty((failing.size, SAMPLES), np.uint32)
        if self.correlated is None:
            sample_uniforms(self.key, identity, first_word, uniform)
            return uniform
        together = self.correlated.together[failing]
        uniform[together] = self.correlated.draws.uniforms(
            self.correlated.key(self.family), first_word=first_word, chosen=failing[together]
        )
        alone = np.empty((int((~together).sum()), SAMPLES), np.uint32)
        sample_uniforms(self.key, identity[~together], first_word, alone)
        uniform[~together] = alone
        return uniform

    @property
    def n_struck(self) -> int:
        """Number of assets that each hazard can put out of function, summed over the hazards."""
        return sum(strike.row.size for strike in self.strikes) if self.strikes else self.failing.size

    def roots(self, sector: NDArray[np.int16], n_sector: int) -> tuple[Indices, NDArray[np.int64]]:
        """Return the asset of every struck row and its root: its sector, plus `n_sector` per number of the peril."""
        if not self.strikes:
            return self.failing, sector[self.failing].astype(np.int64)
        asset = np.concatenate([strike.plan.failing for strike in self.strikes])
        peril = np.repeat([strike.peril for strike in self.strikes], [strike.row.size for strike in self.strikes])
        return asset, sector[asset] + peril.astype(np.int64) * n_sector


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


def _plan_supply(
    compiled: CompiledNetwork, graph: SectorGraph, can_fail: NDArray[np.bool_], failed_row: Indices
) -> SupplyPlan:
    reach = plan_reach(graph, can_fail)
    node_lacks, link_lacks = _lacking_source(graph, can_fail)
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
    drowning: NDArray[np.bool_] | None = None,
    correlated: CorrelatedFragility | None = None,
    level_members: Sequence[Indices] = (),
    moved: MovedFragility | None = None,
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
    drowning : (n_need,) bool, optional
        Needs whose buffers a later hazard can drown: they can be lost however long the buffer lasts.
    correlated : CorrelatedFragility, optional
        Without, fragility is independent.
    level_members : sequence of int32, optional
        Assets of sectors that are solved state by state: any of them can be served too little.
    moved : MovedFragility, optional
        `failure_probability` is then the highest of any sample.

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
    if drowning is not None:
        always &= ~drowning

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
    begun = affected.copy()
    for graph in graphs.values():
        supply = _plan_supply(compiled, graph, can_fail, failed_row)
        begun[supply.passive.asset] = False
        supplies.append(supply)
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
        begun=np.flatnonzero(begun).astype(np.int32),
        supplies=tuple(supplies),
        key=stream_key(seed, FRAGILITY, family),
        family=family,
        correlated=correlated,
        moved=moved,
        buffer_key=stream_key(seed, BUFFER, family),
    )
