"""What one event can do to the city, prepared once for all samples.

Assets that the hazard cannot fail and whose needs cannot be lost pass in every sample; they are contracted away, and
only the assets that can be down at all are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.refuel import RefuelPlan, plan_refuels
from resilience.cascade.supply import SupplyPlan, lacking_source, plan_supply
from resilience.correlation import CorrelatedDraws
from resilience.draws import BUFFER, CORRELATION, FRAGILITY, stream_key
from resilience.kernels.fields import compare_limits, compare_uniforms
from resilience.kernels.fragility import quantise_probability, sample_failures, sample_uniforms
from resilience.kernels.rows import SAMPLES
from resilience.network.compile import CompiledNetwork, SectorGraph

Indices = NDArray[np.int32]
Start = Literal["all_up", "all_down"]
# A block of assets whose thresholds in 512 samples stay in cache.
_AT_ONCE = 256


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
    refuels : tuple of RefuelPlan
        Buffers that are refilled by road; none without a time grid.
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
    refuels: tuple[RefuelPlan, ...] = ()
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
            node_lacks, link_lacks = lacking_source(graph, grown)
            reached[graph.node[node_lacks]] = True
            reached[graph.link[link_lacks]] = True
        if np.array_equal(grown, can_fail) and np.array_equal(reached, affected):
            break
        can_fail, affected = grown, reached

    supplies = []
    begun = affected.copy()
    for graph in graphs.values():
        supply = plan_supply(compiled, graph, can_fail, failed_row)
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
        refuels=plan_refuels(compiled, buffer_row, affected) if horizon_hours > 0 else (),
        key=stream_key(seed, FRAGILITY, family),
        family=family,
        correlated=correlated,
        moved=moved,
        buffer_key=stream_key(seed, BUFFER, family),
    )
