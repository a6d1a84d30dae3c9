"""From functional assets to people: who is without which service, 512 samples at a time.

A zone has a service by *assignment* where each of its needs for it is met, or by *road* where it has a way to (or from)
a functional facility over functional road assets, along one-way roads in their direction, within a limit of time if the
service has one. What the intact city does not serve is a baseline gap: listed, never counted as lost.

Where providers can serve a part, so do assigned services: a need receives the k-th largest fraction of its providers,
a zone the least of its needs, and what it loses is what it receives less than in the intact city.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.dependency import evaluate_needs
from resilience.kernels.received import add_lost_samples, add_share_people, receive_shares, share_lost_roots
from resilience.kernels.reduction import add_people, count_samples
from resilience.kernels.roots import SHARES, share_roots
from resilience.kernels.rows import ONES, pack_rows
from resilience.network.compile import CompiledNetwork
from resilience.network.reach import ReachSolver
from resilience.service.access import AccessSums, Drives, Ways, add_ways, trace_ways
from resilience.service.indicators import Districts, count_districts
from resilience.service.layout import AssignedPart, Indices, Integers, RoadPart, ServiceLayout, TimedPart, Words
from resilience.service.plan import PEAK, Baseline, ServicePlan
from resilience.service.sums import ServiceSums, weigh_zones

ROUNDING = 1e-9
"""Shares that differ by less are equal: sums over other islands differ in their last digits."""


class ServiceCounter:
    """Counts people without service over the word groups of one event; one per thread.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : ServicePlan
    baseline : Baseline
    n_root : int, optional
        Number of categories of root causes.
    slowed_root : mapping of str to int, optional
        For each network that water slows: the category of root causes that this is.
    districts : Districts, optional
        With indicators that are counted together with access.
    fraction_row : (n_asset,) int32, optional
        Of providers that can serve a part, the row of `fraction` as :meth:`meet` is told it; -1 of others.

    Attributes
    ----------
    people : (n_service, 512) int64
        People without each service, by sample of the present word group, in thousandths.
    sums : ServiceSums
        Of all word groups.
    access : AccessSums
        Of the word groups for which it was asked.
    parts : tuple
        Of the layout.
    weights : list of (n_zone_served,) int64
        Per part, the people of its zones who can lose it.
    present : list of (n_zone_served, 8) uint64
        Per part, where its zones are without it, or without some of it, in the word group that was counted last.
    lost_shares : dict of int to (n_zone_served, 512) float64
        Of parts that can be served in part, by number: how much its zones lost, in [0, 1].
    partial : dict of int to AssignedPart
        Parts that can be served in part, by number.
    reduced : (n_fraction, 8) uint64
        Where providers that can serve a part are served less than in the intact city.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        plan: ServicePlan,
        baseline: Baseline,
        n_root: int = 0,
        slowed_root: Mapping[str, int] | None = None,
        districts: Districts | None = None,
        fraction_row: Indices | None = None,
    ) -> None:
        self.compiled = compiled
        self.plan = plan
        self.baseline = baseline
        self._slowed_root = slowed_root or {}
        layout = plan.layout
        n_service = len(layout.names)
        self.people = np.zeros((n_service, 512), np.int64)
        self.sums = ServiceSums.zeros(compiled.n_zone, n_service, n_root)
        self.met: Words = np.empty((compiled.zone_need.size, 8), np.uint64)
        self._districts = districts or Districts()
        self.access = AccessSums.zeros(
            len(layout.timed), compiled.n_zone, len(self._districts.indicators), len(self._districts.names)
        )
        self._solvers = {name: ReachSolver(reach) for name, reach in plan.reach.items()}
        self._drives = [Drives(drive) for drive in plan.drives]
        self._ways: dict[int, Ways] = {}
        self._water = PEAK
        self.present: list[Words] = []
        self.parts = layout.parts
        self._road_blame: dict[tuple[str, bool], Words] = {}
        self._fraction_row = np.full(compiled.n_asset, -1, np.int32) if fraction_row is None else fraction_row
        self.partial = _partial_parts(compiled, layout, self._fraction_row)
        self.lost_shares: dict[int, NDArray[np.float64]] = {}
        self.reduced: Words = np.empty((0, 8), np.uint64)
        served = baseline.served
        self.weights = [weigh_zones(compiled, part, served[number]) for number, part in enumerate(self.parts)]

    def look(self, up: Words) -> None:
        """Find who is without what in the present word group, of which :meth:`meet` was told, and add nothing."""
        self.people[:] = 0
        self._road_blame.clear()
        self.present = [self.lost(number, up) for number in range(len(self.parts))]
        for number, part in enumerate(self.parts):
            self.add_lost(number, self.weights[number], self.people[part.service])

    def add_lost(self, number: int, weight: Integers, lanes: Integers) -> None:
        """Add, per sample, the weight of the zones of a part that are without it, times the share that they lost.

        Parameters
        ----------
        number : int
            Of the part; :meth:`look` or :meth:`count` has looked at the present word group.
        weight : (n_zone_served,) int64
        lanes : (512,) int64
            Changed in place.
        """
        if number in self.lost_shares:
            add_share_people(self.lost_shares[number], weight, lanes)
        else:
            add_people(self.present[number], weight, lanes)

    def count(
        self,
        up: Words,
        roots: Words | None = None,
        need_roots: Words | None = None,
        *,
        into: ServiceSums | None = None,
    ) -> None:
        """Add the present word group, of which :meth:`meet` was told.

        Parameters
        ----------
        up : (n_asset, 8) uint64
            The fixed point.
        roots : (n_root, n_asset, 8) uint64, optional
            Root causes of the assets.
        need_roots : (n_root, n_zone_need, 8) uint64, optional
            Root causes of unmet zone needs.
        into : ServiceSums, optional
            By default `sums`.
        """
        sums = self.sums if into is None else into
        self.look(up)
        for number, (part, lost) in enumerate(zip(self.parts, self.present, strict=True)):
            weight = self.weights[number]
            if not lost.any():
                continue
            if isinstance(part, AssignedPart):
                found = None if need_roots is None else _merged(need_roots, part)
            else:
                found = None if roots is None else self._road_roots(number, part, up, roots, lost)
            if number in self.lost_shares:
                self._count_partial(number, part, lost, found, sums)
                continue
            share = SHARES if isinstance(part, AssignedPart) else SHARES // part.n_group
            samples = np.zeros(part.zone.size, np.int64)
            count_samples(lost, samples)
            sums.zone_samples[part.zone, part.service] += samples * share * self.baseline.served[number, part.zone]
            if found is not None:
                # Most zones have lost nothing, late in an event nearly all.
                rows = np.flatnonzero(lost.any(axis=1))
                blamed = np.ascontiguousarray(found[:, rows] & lost[rows])
                shares = np.zeros((part.zone.size, found.shape[0]), np.int64)
                of_rows = np.zeros((rows.size, found.shape[0]), np.int64)
                share_roots(
                    blamed, np.arange(rows.size, dtype=np.int32), weight[rows], of_rows, sums.root_people[part.service]
                )
                shares[rows] = of_rows
                n_group = 1 if isinstance(part, AssignedPart) else part.n_group
                served = self.baseline.served[number, part.zone][:, np.newaxis]
                sums.zone_roots[part.zone, part.service] += shares // n_group * served

    def _count_partial(
        self, number: int, part: AssignedPart | RoadPart, lost: Words, found: Words | None, sums: ServiceSums
    ) -> None:
        shares = self.lost_shares[number]
        samples = np.zeros(part.zone.size, np.int64)
        add_lost_samples(shares, samples)
        sums.zone_samples[part.zone, part.service] += samples
        if found is None:
            return
        rows = np.flatnonzero(lost.any(axis=1))
        of_rows = np.zeros((rows.size, found.shape[0]), np.int64)
        share_lost_roots(
            np.ascontiguousarray(found[:, rows]), shares[rows], self.weights[number][rows], of_rows,
            sums.root_people[part.service],
        )  # fmt: skip
        sums.zone_roots[part.zone[rows], part.service] += of_rows

    def meet(
        self,
        up: Words,
        buffer_row: Indices,
        buffered: Words,
        *,
        water: int = PEAK,
        fraction: NDArray[np.float64] | None = None,
    ) -> None:
        """Take the state of the assets for the calls that follow.

        Parameters
        ----------
        up : (n_asset, 8) uint64
        buffer_row : (n_need,) int32
        buffered : (n_buffer, 8) uint64
        water : int
            Level of the water on the roads, of ``resilience.service.plan.PEAK`` parts.
        fraction : (n_fraction, 512) float64, optional
            What providers serve that can serve a part.
        """
        compiled = self.compiled
        evaluate_needs(
            compiled.provider_indptr, compiled.provider, compiled.required, buffer_row, buffered,
            compiled.zone_need, up, self.met,
        )  # fmt: skip
        if fraction is not None:
            intact = self.baseline.provider_fraction
            if intact.size:
                self.reduced = pack_rows(fraction < intact[:, np.newaxis] - ROUNDING)
            for number, part in self.partial.items():
                self._receive(number, part, self.receive(part, up, buffer_row, buffered, fraction))
        for solver in self._solvers.values():
            solver.factorise(up)
        self._water = water
        for drives in self._drives:
            self._ways.update(drives.follow(up, self.baseline, water=water))

    def receive(
        self, part: AssignedPart, up: Words, buffer_row: Indices, buffered: Words, fraction: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how much each need of a part receives, ``(n_need, 512) float64``; arguments as of :meth:`meet`."""
        compiled = self.compiled
        received = np.empty((part.row.size, 512))
        receive_shares(
            compiled.zone_need[part.row], compiled.provider_indptr, compiled.provider, compiled.required, buffer_row,
            buffered, up, self._fraction_row, fraction, received,
        )  # fmt: skip
        return received

    def _receive(self, number: int, part: AssignedPart, received: NDArray[np.float64]) -> None:
        """Find what the zones of a part lost; a need that receives less than in the intact city is not met."""
        baseline = self.baseline
        if number not in baseline.partial:
            return
        self.met[part.row] = ~pack_rows(received < baseline.need_share[part.row][:, np.newaxis] - ROUNDING)
        lost = baseline.partial[number][part.zone][:, np.newaxis] - np.minimum.reduceat(received, part.start, axis=0)
        lost[lost < ROUNDING] = 0.0
        self.lost_shares[number] = lost

    def count_access(self) -> None:
        """Add the ways of the present word group to `access`."""
        for row, (number, part) in enumerate(self.plan.layout.timed.items()):
            add_ways(self.access, row, part, self._ways[number], self.baseline.served[number])
        if self._districts.indicators:
            late = {number: ways.late for number, ways in self._ways.items()}
            count_districts(
                self._districts, self.plan.layout.timed, late, self.compiled.persons, self.access.above,
                self.access.without,
            )  # fmt: skip

    def lost(self, number: int, up: Words) -> Words:
        """Return where each zone of a part is without it, ``(n_zone_served, 8) uint64``."""
        part = self.parts[number]
        if number in self._ways:
            return self._ways[number].late
        if number in self.lost_shares:
            return pack_rows(self.lost_shares[number] > 0.0)
        if isinstance(part, AssignedPart):
            if part.row.size == 0:
                return np.empty((0, 8), np.uint64)
            return np.bitwise_or.reduceat(~self.met[part.row], part.start, axis=0)
        solver = self._solvers[part.network]
        position = solver.plan.position
        reached = solver.solve(up, part.facility, position[part.facility_node], backward=part.direction == "to")
        return ~reached[position[part.zone_node]]

    def _road_roots(self, number: int, part: RoadPart, up: Words, roots: Words, lost: Words) -> Words:
        """Return the roots of zones that are cut off.

        Where the roads still lead to some facility of the group, working or not, the roots are those of the down
        facilities in reach; elsewhere those of the road network itself.
        """
        if isinstance(part, TimedPart):
            return trace_ways(part, self._ways[number], up, roots, self._blame_roads(part, up, roots))
        solver = self._solvers[part.network]
        position = solver.plan.position
        found = np.zeros((roots.shape[0], part.zone.size, 8), np.uint64)
        # Kernels read rows of contiguous arrays; an indexed middle axis is not left in that order.
        blamed = np.ascontiguousarray(roots[:, part.facility] & ~up[part.facility])
        facility = np.arange(part.facility.size, dtype=np.int32)
        for category in np.flatnonzero(blamed.any(axis=(1, 2))):
            reached = solver.solve(
                blamed[category], facility, position[part.facility_node], backward=part.direction == "to"
            )
            found[category] = reached[position[part.zone_node]]
        by_road = lost & ~np.bitwise_or.reduce(found, axis=0)
        if by_road.any():
            found |= by_road & self._blame_roads(part, up, roots)[:, np.newaxis]
        return found

    def _blame_roads(self, part: RoadPart, up: Words, roots: Words) -> Words:
        """Return the roots of all that is down of the network of a part, and of the water that slows its ways."""
        key = part.network, isinstance(part, TimedPart)
        if key not in self._road_blame:
            travelled = self.plan.travelled[part.network]
            down = ~up[travelled]
            blame = np.zeros((roots.shape[0], 8), np.uint64)
            # One category at a time: all at once would be a copy of the roots of every street.
            for row, of_asset in zip(blame, roots, strict=True):
                np.bitwise_or.reduce(of_asset[travelled] & down, axis=0, out=row)
            if isinstance(part, TimedPart) and part.network in self.plan.slowed.get(self._water, ()):
                blame[self._slowed_root[part.network]] = ONES
            self._road_blame[key] = blame
        return self._road_blame[key]


def _partial_parts(compiled: CompiledNetwork, layout: ServiceLayout, fraction_row: Indices) -> dict[int, AssignedPart]:
    """Return the assigned parts, by number, some provider of which can serve a part."""
    if not (fraction_row >= 0).any():
        return {}
    before = np.concatenate([[0], np.cumsum(fraction_row[compiled.provider] >= 0)])
    of_need = before[compiled.provider_indptr[1:]] > before[compiled.provider_indptr[:-1]]
    parts = enumerate(layout.assigned)
    return {number: part for number, part in parts if of_need[compiled.zone_need[part.row]].any()}


def _merged(need_roots: Words, part: AssignedPart) -> Words:
    if part.row.size == 0:
        return np.empty((need_roots.shape[0], 0, 8), np.uint64)
    return np.bitwise_or.reduceat(need_roots[:, part.row], part.start, axis=1)
