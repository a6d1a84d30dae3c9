"""Data centres, hospitals, care, safety, transport and the metro of the synthetic city."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.datasets.blocks import Links, Nodes, Sector, how_many, join_sites, link_places
from resilience.datasets.siting import Ground, Sites
from resilience.datasets.streets import ARTERIAL, Streets, street_grade

STREET_KINDS = np.array(["local_street", "collector", "arterial", "bridge"], dtype=object)
_STREET_SPEEDS = np.array([30.0, 50.0, 60.0, 60.0]) / 3.6  # m/s
_METRO_EVERY = 8  # streets between two stations
_METRO_SPACING = 50  # streets between two lines


def make_data(ground: Ground, size: int) -> Sector:
    """Return pairs of data centres: one in the flood plain with its power room in the basement, one on high ground.

    The control that switches from the first to the second stands in the basement of the first: a real weakness (Kakao,
    Pangyo, 15 October 2022), left in on purpose.
    """
    n = how_many(size, 50_000)
    miss = np.abs(ground.depth[5] - 1.0) + 10.0 * (ground.depth[0] > 0.0)
    first = ground.spread("data centre", n, score=miss, choices=8)
    first = ground.move_nearest(first, ground.flood_prone("data centre", event=4, depth=0.9))
    second = ground.spread("standby data centre", n, score=ground.depth[-1] * 100.0 - ground.height, choices=8)
    group = "data-centre-01-basement" if n == 1 else ""
    return Sector(
        (
            Nodes("data_centre", ground.beside("data centre", first), failure_group=group),
            Nodes("standby_data_centre", ground.beside("standby data centre", second)),
            Nodes("failover_control", ground.beside("data centre", first), failure_group=group),
        )
    )


def make_medical(ground: Ground, size: int) -> Sector:
    """Return hospitals, an emergency room beside each of them, and clinics."""
    hospitals = ground.spread("hospital", how_many(size, 1250, least=2), score=ground.depth[4])
    clinics = ground.spread("clinic", how_many(size, 250, least=2))
    return Sector(
        (
            Nodes("hospital", ground.beside("hospital", hospitals)),
            Nodes("emergency_room", ground.beside("emergency room", hospitals)),
            Nodes("clinic", ground.beside("clinic", clinics), digits=3),
        )
    )


def make_care(ground: Ground, size: int) -> Sector:
    """Return homes for the elderly, child care and emergency shelters."""
    return Sector(
        tuple(
            Nodes(kind, ground.beside(kind, ground.spread(kind, how_many(size, per, least=2))), digits=3)
            for kind, per in (("care_home", 125), ("childcare", 200), ("shelter", 250))
        )
    )


def make_safety(ground: Ground, size: int) -> Sector:
    """Return fire and police stations and the centres that send them out."""
    return Sector(
        tuple(
            Nodes(kind, ground.beside(kind, ground.spread(kind, how_many(size, per, least=least))))
            for kind, per, least in (
                ("fire_station", 1000, 2), ("police_station", 1000, 2), ("dispatch_centre", 20_000, 1)
            )
        )
    )  # fmt: skip


def make_transport_facilities(ground: Ground, size: int) -> Sector:
    """Return traffic and metro control, depots of electric buses, and gateways where arterials leave the city."""
    streets = ground.streets
    last = streets.plan.side - 1
    on_row = (street_grade(streets.row) == ARTERIAL) & np.isin(streets.column, (0, last))
    on_column = (street_grade(streets.column) == ARTERIAL) & np.isin(streets.row, (0, last))
    edge = np.flatnonzero(on_row | on_column)
    if edge.size == 0:
        edge = np.array([int(np.argmax(streets.x))])
    control = ground.spread("traffic control centre", how_many(size, 20_000), score=ground.depth[4])
    metro_control = ground.spread("metro control centre", how_many(size, 50_000), score=ground.depth[4])
    depots = ground.spread("bus depot", how_many(size, 1250, least=2), score=ground.depth[4])
    return Sector(
        (
            Nodes("traffic_control_centre", ground.beside("traffic control centre", control)),
            Nodes("metro_control_centre", ground.beside("metro control centre", metro_control)),
            Nodes("bus_depot", ground.beside("bus depot", depots)),
            Nodes("gateway", ground.beside("gateway", edge[::3])),
        )
    )


def make_metro(ground: Ground) -> Sector:
    """Return metro lines along arterials with a train depot at one end of each.

    The depots are the sources of the sector: a station that no train reaches does not work.
    """
    streets = ground.streets
    stations: list[NDArray[np.int64]] = []
    for line, place in ((streets.row, streets.column), (streets.column, streets.row)):
        stop = (street_grade(line) == ARTERIAL) & ((place - 4) % _METRO_EVERY == 0)
        for number in _metro_streets(streets.plan.side, first=0.6 if line is streets.row else 0.45):
            on_line = np.flatnonzero(stop & (line == number))
            if on_line.size >= 2:
                stations.append(on_line[np.argsort(place[on_line], kind="stable")])
    if not stations:
        return Sector(())
    node = np.concatenate(stations)
    platform = Nodes("metro_station", ground.beside("metro station", node))
    first = np.cumsum([0, *(line.size for line in stations[:-1])])
    depots = Nodes("train_depot", ground.beside("train depot", node[first]))

    ids = np.concatenate([platform.id, depots.id])
    sites = join_sites(platform.sites, depots.sites)
    within = np.setdiff1d(np.arange(1, node.size), first)
    order = np.argsort(node, kind="stable")
    twin = np.flatnonzero(np.diff(node[order]) == 0)
    start = np.concatenate([within - 1, np.arange(first.size) + node.size, order[twin]])
    end = np.concatenate([within, first, order[twin + 1]])
    supply = pd.DataFrame({"asset": depots.id.astype(object), "sector": "metro", "is_source": True})
    tracks = link_places("metro_track", ids, sites, start, end)
    return Sector((platform, depots), (tracks,), supply)


def _metro_streets(side: int, *, first: float) -> NDArray[np.int64]:
    """Return the numbers of the arterials under which metro lines run."""
    n = max(1, round(side / _METRO_SPACING))
    share = np.array([first]) if n == 1 else (np.arange(n) + 0.5) / n
    return np.unique(np.round((share * side - 4.0) / _METRO_EVERY).astype(np.int64) * _METRO_EVERY + 4)


def make_streets_sector(streets: Streets) -> Sector:
    """Return junctions and streets as assets."""
    nodes = Nodes(
        "road_node", Sites(streets.x, streets.y, np.arange(streets.x.size, dtype=np.int64)), digits=6
    )  # fmt: skip
    points = np.stack([streets.x, streets.y], axis=1)
    ids = nodes.id
    return Sector(
        (nodes,),
        (
            Links(
                name="road",
                kind=STREET_KINDS[streets.grade],
                from_asset=ids[streets.start],
                to_asset=ids[streets.end],
                start=points[streets.start],
                end=points[streets.end],
                node=streets.start,
                oneway=streets.oneway,
                speed=_STREET_SPEEDS[streets.grade],
                digits=6,
            ),
        ),
    )
