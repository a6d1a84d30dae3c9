"""Which zone is served how: by what it needs, or by the ways to facilities. What is fixed for all events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.service_rules import Direction, Drive, ServiceRule

Words = NDArray[np.uint64]
Indices = NDArray[np.int32]
Integers = NDArray[np.int64]


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
    name : str
    service : int
    group, n_group : int
        Number of the group, and how many groups share the service.
    network : str
    facility : (n,) int32
    facility_node : (n,) int64
        Node of the graph by which each is reached.
    zone : (n_zone_served,) int32
    zone_node : (n_zone_served,) int64
    direction : {"to", "from"}
    """

    name: str
    service: int
    group: int
    n_group: int
    network: str
    facility: Indices
    facility_node: NDArray[np.int64]
    zone: Indices
    zone_node: NDArray[np.int64]
    direction: Direction


@dataclass(frozen=True)
class TimedPart(RoadPart):
    """One group of facilities that zones reach by road within a limit of time.

    Parameters
    ----------
    drive : Drive
    """

    drive: Drive


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
    links : dict of str to DataFrame
        Rows of the asset table of their links, in their order; of graphs that are driven on with a limit.
    """

    names: tuple[str, ...]
    assigned: tuple[AssignedPart, ...]
    by_road: tuple[RoadPart, ...]
    graphs: Mapping[str, SectorGraph]
    links: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[AssignedPart | RoadPart, ...]:
        """All parts, in the order in which the baseline numbers them."""
        return (*self.assigned, *self.by_road)

    @property
    def timed(self) -> dict[int, TimedPart]:
        """Parts with a limit, by number."""
        return {number: part for number, part in enumerate(self.parts) if isinstance(part, TimedPart)}


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


def lay_out_services(
    compiled: CompiledNetwork, rules: Sequence[ServiceRule], assets: pd.DataFrame | None = None
) -> ServiceLayout:
    """Return which zone is served how.

    Parameters
    ----------
    compiled : CompiledNetwork
    rules : sequence of ServiceRule
    assets : DataFrame, optional
        The asset table; needed where a service has a limit of time.

    Raises
    ------
    ConfigurationError
        A service by road without a road network, or whose facilities have no road access.
    """
    problems = Problems()
    assigned: list[AssignedPart] = []
    by_road: list[RoadPart] = []
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
        for position, (name, group) in enumerate(zip(rule.part_names(), groups, strict=True)):
            # By id, so that of two equally near the same one serves in whatever order the table is.
            facility = np.array(sorted(group.tolist(), key=compiled.asset_id.__getitem__), np.int32)
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
            part = RoadPart(
                name=name, service=number, group=position, n_group=len(groups), network=rule.network,
                facility=facility, facility_node=node, zone=zone, zone_node=zone_node[zone],
                direction=rule.direction,
            )  # fmt: skip
            by_road.append(part if rule.drive is None else TimedPart(**vars(part), drive=rule.drive))
    problems.raise_if_any(ConfigurationError)
    driven = {part.network for part in by_road if isinstance(part, TimedPart)}
    if driven and assets is None:
        raise TypeError("services with a limit of time need the asset table: lengths and speeds of links")
    links = {name: assets.iloc[graphs[name].link] for name in sorted(driven)} if assets is not None else {}
    return ServiceLayout(tuple(rule.name for rule in rules), tuple(assigned), tuple(by_road), graphs, links)
