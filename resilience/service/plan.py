"""What is prepared once per event for following people to facilities: ways without a limit, and ways in time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.network.reach import ReachPlan, plan_reach
from resilience.network.travel import NO_WAY, Facilities, TravelPlan, plan_travel
from resilience.roads import link_times
from resilience.service.layout import Indices, Integers, RoadPart, ServiceLayout, TimedPart
from resilience.service_rules import Drive

Times = NDArray[np.uint32]
Labels = NDArray[np.int32]

PEAK = 8
"""Standing water is told in so many parts of its depth at the peak."""


@dataclass(frozen=True)
class DrivePlan:
    """Travel times of one vehicle on one network.

    Parameters
    ----------
    parts : dict of int to TimedPart
        By their numbers in the layout. The k-th is services 2k and 2k + 1 of the travel plans: its functional
        facilities, and all of them.
    plans : dict of int to TravelPlan
        By level of the water, from 0 (dry) to :data:`PEAK`; the same object where the times are the same.
    """

    parts: Mapping[int, TimedPart]
    plans: Mapping[int, TravelPlan]


@dataclass(frozen=True)
class ServicePlan:
    """What is prepared once per event.

    Parameters
    ----------
    layout : ServiceLayout
    reach : dict of str to ReachPlan
        Of each network on which a service asks for any way at all.
    travelled : dict of str to int32
        Assets of each network, nodes and links, that can be down.
    drives : tuple of DrivePlan
    slowed : dict of int to frozenset of str
        By level of the water: networks with links on which it slows someone who has a limit.
    """

    layout: ServiceLayout
    reach: Mapping[str, ReachPlan]
    travelled: Mapping[str, Indices]
    drives: tuple[DrivePlan, ...] = ()
    slowed: Mapping[int, frozenset[str]] = field(default_factory=dict)


def drive_times(
    layout: ServiceLayout, network: str, drive: Drive, depth: NDArray[np.float64] | None = None
) -> Integers:
    """Return how long each link of a network takes, ``(n_link,) int64``, ms.

    Parameters
    ----------
    layout : ServiceLayout
    network : str
    drive : Drive
    depth : (n_asset,) float64, optional, m
        Standing water at each asset; a bridge's is that of the ground below.

    Raises
    ------
    DataError
        Links without a length or a speed.
    """
    return time_links(layout.links[network], None if depth is None else depth[layout.graphs[network].link], drive)


def time_links(links: pd.DataFrame, depth: NDArray[np.float64] | None, drive: Drive) -> Integers:
    """Return how long each of some links takes, ``(n_link,) int64``, ms; see :func:`drive_times`.

    Parameters
    ----------
    links : DataFrame
        Rows of the asset table.
    depth : (n_link,) float64, m
        None where all is dry.
    drive : Drive
    """
    water = np.zeros(len(links)) if depth is None else depth
    times = link_times(
        links, xr.DataArray(water, dims="asset", coords={"asset": links["id"].astype(str).to_numpy()}),
        speed_share=drive.speed_share, curve=drive.speed_curve, depth_limit=drive.depth_limit_m,
        bridge=(links["kind"].astype(str) == "bridge").to_numpy(),
    )  # fmt: skip
    return np.asarray(times.values, dtype=np.int64)


def plan_services(
    layout: ServiceLayout,
    can_be_down: NDArray[np.bool_],
    depth: NDArray[np.float64] | Callable[[int], NDArray[np.float64]] | None = None,
    *,
    levels: Collection[int] = (PEAK,),
    out: NDArray[np.bool_] | None = None,
    slow: NDArray[np.float64] | None = None,
) -> ServicePlan:
    """Return the plan of one event.

    Parameters
    ----------
    layout : ServiceLayout
    can_be_down : (n_asset,) bool
        Assets that can be down at all in this event, for whatever cause.
    depth : (n_asset,) float64, optional, m
        Standing water at each asset at the peak; none by default. A function gives that of any level.
    levels : collection of int, optional
        Levels of the water for which ways are asked; without a function in parts of :data:`PEAK`.
    out : (n_asset,) bool, optional
        Assets that are down in the intact city: not even the question what all facilities would do counts them.
    slow : (n_asset,) float64, optional
        Speed on each link as a share of what it is else, at all levels but 0: rails in the heat.
    """
    reach: dict[str, ReachPlan] = {}
    shared: dict[tuple[str, Drive], dict[int, TimedPart]] = {}
    for number, part in enumerate(layout.parts):
        if isinstance(part, TimedPart):
            shared.setdefault((part.network, part.drive.vehicle), {})[number] = part
        elif isinstance(part, RoadPart) and part.network not in reach:
            reach[part.network] = plan_reach(layout.graphs[part.network], can_be_down)
    # A facility that cannot fail, for the question what all of them would do.
    sure = np.int32(can_be_down.size)
    can_fail = np.append(can_be_down, False)
    closed = np.zeros_like(can_be_down) if out is None else out
    drives: list[DrivePlan] = []
    slowed: dict[int, set[str]] = {}
    for (network, vehicle), parts in shared.items():
        asked = [
            Facilities(asset, part.facility_node, part.zone_node, part.direction)
            for part in parts.values()
            for asset in (part.facility, np.where(closed[part.facility], part.facility, sure))
        ]
        dry = drive_times(layout, network, vehicle)
        known = {dry.tobytes(): plan_travel(layout.graphs[network], dry, can_fail, asked)}
        plans = {0: known[dry.tobytes()]}
        for level in sorted(set(levels) - {0}, reverse=True):
            water = depth(level) if callable(depth) else None if depth is None else depth * (level / PEAK)
            times = dry if water is None else drive_times(layout, network, vehicle, water)
            if slow is not None:
                longer = np.ceil(times / slow[layout.graphs[network].link])
                times = np.minimum(longer, NO_WAY).astype(np.int64)
            if times.tobytes() not in known:
                known[times.tobytes()] = plan_travel(layout.graphs[network], times, can_fail, asked)
            plans[level] = known[times.tobytes()]
            if plans[level] is not plans[0]:
                slowed.setdefault(level, set()).add(network)
        drives.append(DrivePlan(parts, plans))
    travelled = {}
    for name, graph in layout.graphs.items():
        assets = np.concatenate([graph.node, graph.link])
        travelled[name] = assets[can_be_down[assets]]
    by_level = {level: frozenset(networks) for level, networks in slowed.items()}
    return ServicePlan(layout, reach, travelled, tuple(drives), by_level)


@dataclass(frozen=True)
class Baseline:
    """What the intact city serves.

    Parameters
    ----------
    down : (n_asset,) bool
        Assets that are down without any hazard.
    served : (n_part, n_zone) bool
        Per part of the layout (assigned first, then by road), zones that it reaches.
    time : (n_part, n_zone) uint32, ms
        Of parts with a limit: how long it takes to the nearest facility; :data:`~resilience.network.travel.NO_WAY`
        elsewhere.
    label : (n_part, n_zone) int32
        Which facility that is, a position among the part's; -1 elsewhere.
    partial : dict of int to (n_zone,) float64
        Of parts whose providers can serve a part: how much each zone receives, in [0, 1].
    need_share : (n_zone_need,) float64
        The same of each need of a zone; read where the part is among `partial`.
    provider_fraction : (n,) float64
        Share of its demand that each provider is served which can serve a part.
    gap : tuple of (n_node,) float64
        Per sector that is solved state by state, the demand that is not served at each node.
    """

    down: NDArray[np.bool_]
    served: NDArray[np.bool_]
    time: Times
    label: Labels
    partial: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    need_share: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    provider_fraction: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    gap: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def begin(
        cls,
        down: NDArray[np.bool_],
        n_part: int,
        n_zone: int,
        *,
        n_zone_need: int = 0,
        provider_fraction: NDArray[np.float64] | None = None,
        gap: tuple[NDArray[np.float64], ...] = (),
    ) -> Baseline:
        """Return a baseline that serves nobody yet, to be filled."""
        shape = (n_part, n_zone)
        return cls(
            down, np.zeros(shape, np.bool_), np.full(shape, NO_WAY, np.uint32), np.full(shape, -1, np.int32),
            need_share=np.zeros(n_zone_need),
            provider_fraction=np.empty(0) if provider_fraction is None else provider_fraction, gap=gap,
        )  # fmt: skip

    def share(self, number: int) -> NDArray[np.float64]:
        """Return how much of a part each zone receives, ``(n_zone,) float64``, in [0, 1]."""
        found = self.partial.get(number)
        return self.served[number].astype(np.float64) if found is None else found
