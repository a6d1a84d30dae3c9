"""From functional assets to people: who is without which service, 512 samples at a time.

A zone has a service by *assignment* where each of its needs for it is met, or by *road* where a functional facility
reaches it over functional road assets, along one-way roads in their direction. Reachability stands in for a limit in
minutes until travel times are computed. What the intact city does not serve is a baseline gap: listed, never counted
as lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.kernels.dependency import evaluate_needs
from resilience.kernels.reduction import add_people, count_samples
from resilience.kernels.roots import SHARES, share_roots
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.network.reach import ReachPlan, ReachSolver, plan_reach

Words = NDArray[np.uint64]
Indices = NDArray[np.int32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ServiceRule:
    """How a service reaches zones.

    Parameters
    ----------
    name : str
    by : {"assignment", "road"}
    groups : tuple of (n,) int32
        By road: facilities of each group.
    combine : {"any", "mean"}
        By road: a facility of any group will do, or each group counts for its share.
    network : str
        By road: the sector that is travelled.
    """

    name: str
    by: Literal["assignment", "road"] = "assignment"
    groups: tuple[Indices, ...] = ()
    combine: Literal["any", "mean"] = "any"
    network: str = "transport"


@dataclass(frozen=True)
class AssignedPart:
    """Zone needs of one service: a zone loses the service where any of them is unmet.

    Parameters
    ----------
    service : int
    row : (n,) int64
        Positions among the compiled zone needs, grouped by zone.
    start : (n_zone_served,) int64
        First of each zone's needs, as a position in `row`.
    zone : (n_zone_served,) int32
    """

    service: int
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    zone: Indices


@dataclass(frozen=True)
class RoadPart:
    """One group of facilities that zones reach by road.

    Parameters
    ----------
    service : int
    group, n_group : int
        Number of the group, and how many groups share the service.
    network : str
    facility : (n,) int32
    facility_node : (n,) int64
        Node of the graph by which each is reached.
    zone : (n_zone_served,) int32
    zone_node : (n_zone_served,) int64
    """

    service: int
    group: int
    n_group: int
    network: str
    facility: Indices
    facility_node: NDArray[np.int64]
    zone: Indices
    zone_node: NDArray[np.int64]


@dataclass(frozen=True)
class ServiceLayout:
    """What is fixed for all events: which zone is served how.

    Parameters
    ----------
    names : tuple of str
        Services that reach people.
    assigned : tuple of AssignedPart
    by_road : tuple of RoadPart
    graphs : dict of str to SectorGraph
        Graphs that are travelled.
    """

    names: tuple[str, ...]
    assigned: tuple[AssignedPart, ...]
    by_road: tuple[RoadPart, ...]
    graphs: Mapping[str, SectorGraph]

    @property
    def parts(self) -> tuple[AssignedPart | RoadPart, ...]:
        """All parts, in the order in which the baseline numbers them."""
        return (*self.assigned, *self.by_road)


def _assigned(compiled: CompiledNetwork, service: int, name: str) -> AssignedPart:
    if name not in compiled.services:
        return AssignedPart(service, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))
    code = compiled.services.index(name)
    row = np.flatnonzero(compiled.need_service[compiled.zone_need] == code)
    zone, start = np.unique(compiled.zone_of_need[row], return_index=True)
    return AssignedPart(service, row, start, zone.astype(np.int32))


def _entrances(graph: SectorGraph, access: Indices, n_asset: int, asset: Indices | None = None) -> NDArray[np.int64]:
    """Return the node of the graph by which each is entered: its access, else itself if it is a node; -1 none."""
    place = np.full(n_asset + 1, -1, np.int64)
    place[graph.node] = np.arange(graph.node.size)
    entrance = place[access]
    # A bus depot may belong to the travelled sector and still be entered from the street it stands at.
    return entrance if asset is None else np.where(entrance >= 0, entrance, place[asset])


def lay_out_services(compiled: CompiledNetwork, rules: Sequence[ServiceRule]) -> ServiceLayout:
    """Return which zone is served how.

    Parameters
    ----------
    compiled : CompiledNetwork
    rules : sequence of ServiceRule

    Raises
    ------
    ConfigurationError
        A service by road without a road network, or whose facilities have no road access.
    """
    problems = Problems()
    assigned, by_road = [], []
    graphs: dict[str, SectorGraph] = {}
    for number, rule in enumerate(rules):
        if rule.by == "assignment":
            assigned.append(_assigned(compiled, number, rule.name))
            continue
        subject = f"services.{rule.name}"
        graph = compiled.graphs.get(rule.network)
        if graph is None or graph.node.size == 0:
            problems.add(
                subject,
                wanted="a sector with nodes and links",
                got=f"network: {rule.network!r} has none{suggestion(rule.network, compiled.graphs)}",
            )
            continue
        graphs[rule.network] = graph
        zone_node = _entrances(graph, compiled.zone_access, compiled.n_asset)
        zone = np.flatnonzero(zone_node >= 0).astype(np.int32)
        groups = rule.groups if rule.combine == "mean" else (np.unique(np.concatenate(rule.groups)),)
        for position, facility in enumerate(groups):
            node = _entrances(graph, compiled.asset_access[facility], compiled.n_asset, facility)
            if (node < 0).any():
                problems.add(
                    subject,
                    wanted="facilities with an access_asset in the road network (an access rule gives them one)",
                    got="facilities without",
                    count=int((node < 0).sum()),
                    total=facility.size,
                    first=[compiled.asset_id[i] for i in facility[node < 0][:4]],
                )
            by_road.append(
                RoadPart(
                    service=number, group=position, n_group=len(groups), network=rule.network, facility=facility,
                    facility_node=node, zone=zone, zone_node=zone_node[zone],
                )
            )  # fmt: skip
    problems.raise_if_any(ConfigurationError)
    return ServiceLayout(tuple(rule.name for rule in rules), tuple(assigned), tuple(by_road), graphs)


@dataclass(frozen=True)
class ServicePlan:
    """What is prepared once per event: one reach plan per travelled network.

    Parameters
    ----------
    layout : ServiceLayout
    reach : dict of str to ReachPlan
    """

    layout: ServiceLayout
    reach: Mapping[str, ReachPlan]


def plan_services(layout: ServiceLayout, can_be_down: NDArray[np.bool_]) -> ServicePlan:
    """Return the plan of one event.

    Parameters
    ----------
    layout : ServiceLayout
    can_be_down : (n_asset,) bool
        Assets that can be down at all in this event, for whatever cause.
    """
    return ServicePlan(layout, {name: plan_reach(graph, can_be_down) for name, graph in layout.graphs.items()})


@dataclass(frozen=True)
class Baseline:
    """What the intact city serves.

    Parameters
    ----------
    down : (n_asset,) bool
        Assets that are down without any hazard.
    served : (n_part, n_zone) bool
        Per part of the layout (assigned first, then by road), zones that it reaches.
    """

    down: NDArray[np.bool_]
    served: NDArray[np.bool_]


def weigh_zones(compiled: CompiledNetwork, part: AssignedPart | RoadPart, served: NDArray[np.bool_]) -> Integers:
    """Return the people of each zone of a part who can lose it, in units of 1 / PERSON, ``(n_zone_served,) int64``.

    Parameters
    ----------
    compiled : CompiledNetwork
    part : AssignedPart or RoadPart
        A group of a `mean` counts for its share of the people.
    served : (n_zone,) bool
        Zones that the part reaches in the intact city; in the others there is nothing to lose.
    """
    persons = np.where(served[part.zone], compiled.persons[part.zone], 0)
    if isinstance(part, AssignedPart) or part.n_group == 1:
        return persons
    # What whole numbers leave over goes to the first group, so that the groups add up to the people.
    share = persons // part.n_group
    return persons - share * (part.n_group - 1) if part.group == 0 else share


@dataclass
class ServiceSums:
    """What is summed over samples.

    Parameters
    ----------
    zone_samples : (n_zone, n_service) int64
        Samples without the service, a group of a `mean` counting for its share of 720,720 parts.
    root_people : (n_service, n_root) int64
        People without, by root cause.
    zone_roots : (n_zone, n_service, n_root) int64
        `zone_samples` by root cause; a remainder of the division among groups is dropped.
    """

    zone_samples: Integers
    root_people: Integers
    zone_roots: Integers

    @classmethod
    def zeros(cls, n_zone: int, n_service: int, n_root: int) -> ServiceSums:
        """Return sums of nothing."""
        return cls(
            np.zeros((n_zone, n_service), np.int64),
            np.zeros((n_service, n_root), np.int64),
            np.zeros((n_zone, n_service, n_root), np.int64),
        )


class ServiceCounter:
    """Counts people without service over the word groups of one event; one per thread.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : ServicePlan
    served : (n_part, n_zone) bool
        From the baseline; all true to find the baseline itself.

    Attributes
    ----------
    people : (n_service, 512) int64
        People without each service, by sample of the present word group, in thousandths.
    sums : ServiceSums
        Of all word groups.
    """

    def __init__(
        self, compiled: CompiledNetwork, plan: ServicePlan, served: NDArray[np.bool_], n_root: int = 0
    ) -> None:
        self.compiled = compiled
        self.plan = plan
        self.served = served
        layout = plan.layout
        n_service = len(layout.names)
        self.people = np.zeros((n_service, 512), np.int64)
        self.sums = ServiceSums.zeros(compiled.n_zone, n_service, n_root)
        self.met: Words = np.empty((compiled.zone_need.size, 8), np.uint64)
        self._solvers = {name: ReachSolver(reach) for name, reach in plan.reach.items()}
        self.parts = layout.parts
        self._road_blame: dict[str, Words] = {}
        self._weights = [weigh_zones(compiled, part, served[number]) for number, part in enumerate(self.parts)]

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
        self.people[:] = 0
        self._road_blame.clear()
        for number, part in enumerate(self.parts):
            weight = self._weights[number]
            lost = self.lost(part, up)
            if isinstance(part, AssignedPart):
                found = None if need_roots is None else _merged(need_roots, part)
            else:
                found = None if roots is None else self._road_roots(part, up, roots, lost)
            share = SHARES if isinstance(part, AssignedPart) else SHARES // part.n_group
            add_people(lost, weight, self.people[part.service])
            samples = np.zeros(part.zone.size, np.int64)
            count_samples(lost, samples)
            sums.zone_samples[part.zone, part.service] += samples * share * self.served[number, part.zone]
            if found is not None:
                found &= lost
                shares = np.zeros((part.zone.size, found.shape[0]), np.int64)
                share_roots(np.ascontiguousarray(found), weight, shares, sums.root_people[part.service])
                n_group = 1 if isinstance(part, AssignedPart) else part.n_group
                served = self.served[number, part.zone][:, np.newaxis]
                sums.zone_roots[part.zone, part.service] += shares // n_group * served

    def meet(self, up: Words, buffer_row: Indices, buffered: Words) -> None:
        """Take the state of the assets for the calls that follow."""
        compiled = self.compiled
        evaluate_needs(
            compiled.provider_indptr, compiled.provider, compiled.required, buffer_row, buffered,
            compiled.zone_need, up, self.met,
        )  # fmt: skip
        for solver in self._solvers.values():
            solver.factorise(up)

    def lost(self, part: AssignedPart | RoadPart, up: Words) -> Words:
        """Return where each zone of a part is without it, ``(n_zone_served, 8) uint64``."""
        if isinstance(part, AssignedPart):
            if part.row.size == 0:
                return np.empty((0, 8), np.uint64)
            return np.bitwise_or.reduceat(~self.met[part.row], part.start, axis=0)
        solver = self._solvers[part.network]
        position = solver.plan.position
        return ~solver.solve(up, part.facility, position[part.facility_node])[position[part.zone_node]]

    def _road_roots(self, part: RoadPart, up: Words, roots: Words, lost: Words) -> Words:
        """Return the roots of zones that are cut off.

        Where the roads still lead to some facility of the group, working or not, the roots are those of the down
        facilities in reach; elsewhere those of the road network itself.
        """
        solver = self._solvers[part.network]
        position = solver.plan.position
        found = np.zeros((roots.shape[0], part.zone.size, 8), np.uint64)
        # Kernels read rows of contiguous arrays; an indexed middle axis is not left in that order.
        blamed = np.ascontiguousarray(roots[:, part.facility] & ~up[part.facility])
        facility = np.arange(part.facility.size, dtype=np.int32)
        for category in np.flatnonzero(blamed.any(axis=(1, 2))):
            reached = solver.solve(blamed[category], facility, position[part.facility_node])
            found[category] = reached[position[part.zone_node]]
        by_road = lost & ~np.bitwise_or.reduce(found, axis=0)
        if by_road.any():
            if part.network not in self._road_blame:
                travelled = np.concatenate([solver.plan.node, solver.plan.link])
                down = ~up[travelled]
                blame = np.empty((roots.shape[0], 8), np.uint64)
                # One category at a time: all at once would be a copy of the roots of every street.
                for row, of_asset in zip(blame, roots, strict=True):
                    np.bitwise_or.reduce(of_asset[travelled] & down, axis=0, out=row)
                self._road_blame[part.network] = blame
            found |= by_road & self._road_blame[part.network][:, np.newaxis]
        return found


def _merged(need_roots: Words, part: AssignedPart) -> Words:
    if part.row.size == 0:
        return np.empty((need_roots.shape[0], 0, 8), np.uint64)
    return np.bitwise_or.reduceat(need_roots[:, part.row], part.start, axis=1)


def find_served(compiled: CompiledNetwork, layout: ServiceLayout, up: Words) -> NDArray[np.bool_]:
    """Return which zones each part of the layout reaches in the first sample of `up`.

    Parameters
    ----------
    compiled : CompiledNetwork
    layout : ServiceLayout
    up : (n_asset, 8) uint64

    Returns
    -------
    (n_part, n_zone) bool
    """
    served = np.zeros((len(layout.parts), compiled.n_zone), np.bool_)
    plan = plan_services(layout, np.asarray(~up.all(axis=1)))
    counter = ServiceCounter(compiled, plan, served)
    no_buffer = np.full(compiled.required.size, -1, np.int32)
    counter.meet(up, no_buffer, np.empty((0, 8), np.uint64))
    for number, part in enumerate(counter.parts):
        served[number, part.zone] = (counter.lost(part, up)[:, 0] & np.uint64(1)) == 0
    return served
