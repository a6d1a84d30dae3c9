"""Why an asset is down: its proximate cause at the fixed point, and the root the loss goes back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.fixpoint import Cascade
from resilience.kernels.roots import begin_roots, finish_round, lose_needs, root_needs, share_roots, spread_roots
from resilience.kernels.rows import ONES
from resilience.kernels.shortage import blame_received, blame_shortage, spread_shortage
from resilience.kernels.supply import count_causes, find_unreached, mark_dependents

Words = NDArray[np.uint64]


def cause_names(services: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of proximate causes, in order of precedence.

    Examples
    --------
    >>> cause_names(("power", "telecom"))
    ('hazard', 'supply', 'need:power', 'need:telecom')
    """
    return ("hazard", "supply", *(f"need:{service}" for service in services))


class Reduced(NamedTuple):
    """Providers of zones that serve a part, in the present word group.

    Parameters
    ----------
    row : (n_asset,) int32
        Row of each among them, or -1.
    less : (n, 8) uint64
        Where each is served less than in the intact city.
    level : (n,) int32
        Which of the cascade's levels each belongs to.
    """

    row: NDArray[np.int32]
    less: Words
    level: NDArray[np.int32]


class CauseCounter:
    """Counts causes of one event over word groups; one per thread.

    Parameters
    ----------
    cascade : Cascade
    intact_down : (n_asset,) bool
        Assets that are down in the intact city; they are never counted.
    further_roots : sequence of int, optional
        Roots in sectors that the hazard hinders though it fails none of their assets.
    scaled : mapping of str to int, optional
        Those among them of sectors in which it changes what can be given, drawn or carried.

    Attributes
    ----------
    causes : (n_asset, 2 + n_service) int64
        Samples by proximate cause.
    root_sectors : (n_root,) int64
        Sectors in which the hazard can fail assets, and further ones: the categories of root causes. In a sequence with
        several perils that of peril k has k times the number of sectors added.
    root_shares : (n_asset, n_root) int64
        Samples by root cause, in shares of ``resilience.kernels.roots.SHARES``.
    roots : (n_root, n_asset, 8) uint64
        Roots of the present word group.
    """

    def __init__(
        self,
        cascade: Cascade,
        intact_down: NDArray[np.bool_],
        further_roots: Sequence[int] = (),
        scaled: Mapping[str, int] | None = None,
    ) -> None:
        compiled, plan = cascade.compiled, cascade.plan
        self.cascade = cascade
        self.causes = np.zeros((compiled.n_asset, 2 + len(compiled.services)), np.int64)
        further = np.asarray(further_roots, np.int64)
        self._struck, root = plan.roots(compiled.sector, len(compiled.sectors))
        self.root_sectors = np.unique(np.concatenate([root, further]))
        self.root_shares = np.zeros((compiled.n_asset, self.root_sectors.size), np.int64)
        self.roots: Words = np.zeros((self.root_sectors.size, compiled.n_asset, 8), np.uint64)
        self._looked_at = plan.affected[~intact_down[plan.affected]]
        self._down_from_start = intact_down.astype(np.uint8)
        self._supplied = np.zeros(compiled.n_asset, np.uint8)
        self._source = np.zeros(compiled.n_asset, np.uint8)
        for supply in plan.supplies:
            graph = supply.reach.graph
            self._supplied[graph.node] = 1
            self._supplied[graph.link] = 1
            self._source[graph.source] = 1
        self._category = np.searchsorted(self.root_sectors, root)
        self._up: Words = np.full((compiled.n_asset, 8), ONES)
        self._lost: Words = np.zeros((compiled.n_asset, 8), np.uint64)
        # Only rows of assets that can lose supply are ever written, anew whenever they are read.
        self._unreached: Words = np.zeros((compiled.n_asset, 8), np.uint64)
        self._active = np.zeros(compiled.n_asset, np.uint8)
        # Of sectors solved state by state: where a member is served too little or tripped, and who is to blame then.
        sizes = [level.member.size for level in cascade.levels]
        self._short: Words = np.zeros((sum(sizes), 8), np.uint64)
        self._short_row = np.full(compiled.n_asset, -1, np.int32)
        self._short_of = np.split(self._short, np.cumsum(sizes)[:-1]) if sizes else []
        self._blame: NDArray[np.uint64] = np.zeros((len(sizes), self.root_sectors.size, 8), np.uint64)
        self._own = []
        for level, end in zip(cascade.levels, np.cumsum(sizes), strict=True):
            self._short_row[level.member] = np.arange(end - level.member.size, end)
            own = (scaled or {}).get(level.sector, -1)
            self._own.append(-1 if own < 0 else int(np.searchsorted(self.root_sectors, own)))

    def _find_short(self) -> None:
        """Find which members of sectors solved state by state are down through their sector."""
        for level, short in zip(self.cascade.levels, self._short_of, strict=True):
            np.bitwise_or(level.conducts, level.tripped, out=short)
            short &= ~self.cascade.up[level.member]

    def count(self, into: NDArray[np.int64] | None = None, *, weight: int = 1) -> None:
        """Add the present word group's proximate causes.

        Parameters
        ----------
        into : (n_asset, 2 + n_service) int64, optional
            By default `causes`.
        weight : int
            What a sample counts for.
        """
        cascade, compiled, plan = self.cascade, self.cascade.compiled, self.cascade.plan
        self._find_short()
        count_causes(
            cascade.up, plan.failed_row, cascade.failed, self._looked_at, self._supplied, self._source,
            compiled.inbound_indptr, compiled.inbound, compiled.need_indptr, compiled.need_service,
            compiled.provider_indptr, compiled.provider, compiled.required, plan.buffer_row, cascade.buffered,
            self._short_row, self._short, weight, self.causes if into is None else into,
        )  # fmt: skip

    def trace(self, into: NDArray[np.int64] | None = None, *, weight: int = 1) -> None:
        """Follow the present word group in synchronous rounds and add its root causes.

        Parameters
        ----------
        into : (n_asset, n_root) int64, optional
            By default `root_shares`.
        weight : int
            What a sample counts for.
        """
        cascade, compiled, plan = self.cascade, self.cascade.compiled, self.cascade.plan
        up, lost, active, changed = self._up, self._lost, self._active, cascade.changed
        changed[:] = 0
        # What is down without any hazard falls at no round; where a buffer holds in this event, it stands throughout.
        begin_roots(
            plan.affected, self._down_from_start, self._struck, self._category, cascade.struck, cascade.up, up,
            self.roots, changed,
        )  # fmt: skip
        while True:
            active[:] = 0
            mark_dependents(cascade.provider, changed, compiled.dependent_indptr, compiled.dependent, active)
            # Supply first: what an asset's own need hands down in this round is none of its neighbours' business.
            self._trace_supply(changed)
            lose_needs(
                compiled.order, active, compiled.need_indptr, compiled.provider_indptr, compiled.provider,
                compiled.required, plan.buffer_row, cascade.buffered, up, self.roots, lost,
            )  # fmt: skip
            if not finish_round(plan.affected, lost, up, changed):
                # What can be carried is looked at where nothing else falls any more.
                if not self._trace_shortage():
                    break
                finish_round(plan.affected, lost, up, changed)
        total = self.root_shares if into is None else into
        people = np.zeros(self.root_sectors.size, np.int64)
        shares = np.zeros((self._looked_at.size, self.root_sectors.size), np.int64)
        share_roots(self.roots, self._looked_at, np.zeros(self._looked_at.size, np.int64), shares, people)
        total[self._looked_at] += weight * shares

    def _trace_shortage(self) -> bool:
        """Add to what is lost the members that their sector lets down at last; return whether any fall."""
        fell = False
        for level, short, own in zip(self.cascade.levels, self._short_of, self._own, strict=True):
            fell |= spread_shortage(level.member, short, self._up, self.roots, own, self._lost)
        return fell

    def _trace_supply(self, changed: NDArray[np.uint8]) -> None:
        compiled, unreached = self.cascade.compiled, self._unreached
        for supply, solver in zip(self.cascade.plan.supplies, self.cascade.solvers, strict=True):
            graph = supply.reach.graph
            if not (changed[graph.node].any() or changed[graph.link].any()):
                continue
            solver.factorise(self._up)
            reached = solver.solve(self._up, supply.source, supply.source_position)
            find_unreached(*supply.members, reached, self._up, unreached)
            member = supply.members.asset
            spread_roots(
                member,
                unreached,
                self._up,
                compiled.inbound_indptr,
                compiled.inbound,
                compiled.outbound_indptr,
                compiled.outbound,
                self.roots,
            )
            self._lost[member] |= unreached[member]

    def zone_roots(self, met: Words, reduced: Reduced | None = None) -> Words:
        """Return the roots of unmet zone needs, ``(n_root, n_zone_need, 8) uint64``; after :meth:`trace`.

        Parameters
        ----------
        met : (n_zone_need, 8) uint64
            Where each need receives all that it does in the intact city.
        reduced : Reduced, optional
            Providers that serve a part.
        """
        compiled, up = self.cascade.compiled, self.cascade.up
        found = np.empty((self.root_sectors.size, compiled.zone_need.size, 8), np.uint64)
        unmet = ~met
        root_needs(compiled.zone_need, compiled.provider_indptr, compiled.provider, unmet, up, self.roots, found)
        if reduced is not None:
            for level, own, blame in zip(self.cascade.levels, self._own, self._blame, strict=True):
                blame_shortage(level.member, up, self.roots, own, blame)
            blame_received(
                compiled.zone_need, compiled.provider_indptr, compiled.provider, unmet, up, self.roots, reduced.row,
                reduced.less, reduced.level, self._blame, found,
            )  # fmt: skip
        return found
