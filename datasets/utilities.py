"""Power, telecom and water of the synthetic city: sources, rings that connect them, and the lines to every block."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.datasets.blocks import Links, Nodes, Sector, how_many, join_sites, link_places
from resilience.datasets.siting import Ground, Sites, nearest, ring_with_chords

KILOWATTS_PER_PERSON = 0.8
LITRES_PER_PERSON_DAY = 300.0
_PER_FEEDER = 8  # transformers in a row behind one another
_TRANSMISSION_RATING = 300.0  # MW, a 154 kV circuit
_SPARE = 1.6  # capacity over demand


def make_power(ground: Ground, size: int) -> Sector:
    """Return grid supply points and substations in a ring, and a transformer for every housing block.

    The transformers hang in rows of eight on radial feeders; there is no way round a dead substation, as normally open
    ties are not closed at once.
    """
    supply_points = Nodes("grid_supply_point", _high(ground, "grid supply point", how_many(size, 2500, least=2)))
    at = ground.spread("substation", how_many(size, 800, least=3), score=ground.height)
    at = ground.move_nearest(at, ground.flood_prone("substation", event=4, depth=1.3))
    substations = Nodes("substation", ground.beside("substation", at))
    transformers = Nodes("transformer", ground.beside("transformer", ground.one_per_zone("transformer")), digits=3)
    demand = np.round(ground.population.persons * KILOWATTS_PER_PERSON) / 1000.0

    trunk_ids = np.concatenate([supply_points.id, substations.id])
    trunk = join_sites(supply_points.sites, substations.sites)
    start, end = ring_with_chords(trunk.x, trunk.y)
    lines = link_places("transmission_line", trunk_ids, trunk, start, end)
    lines = _rated(lines, 0.4, np.full(len(lines), max(_TRANSMISSION_RATING, _SPARE * float(demand.sum()))))

    start, end, load = _feeder_rows(ground, substations.sites, transformers.sites, demand)
    ids = np.concatenate([substations.id, transformers.id])
    feeders = link_places("feeder", ids, join_sites(substations.sites, transformers.sites), start, end)
    feeders = _rated(feeders, 0.35, np.maximum(1.0, np.round(load * _SPARE * 1000.0) / 1000.0))

    share = np.ceil(_SPARE * float(demand.sum()) / len(supply_points))
    return Sector(
        (supply_points, substations, transformers),
        (lines, feeders),
        _supply_table("power", supply_points.id, share, transformers.id, demand),
    )


def make_telecom(ground: Ground, size: int) -> Sector:
    """Return gateways to the backbone and exchanges in a fibre ring, and towers on the nearest exchange."""
    gateways = Nodes("backbone_gateway", _high(ground, "backbone gateway", how_many(size, 5000, least=2)))
    at = ground.spread("exchange", how_many(size, 1250, least=3))
    at = ground.move_nearest(at, ground.flood_prone("exchange", event=5, depth=1.0))
    exchanges = Nodes("exchange", ground.beside("exchange", at))
    towers = Nodes("tower", ground.beside("tower", ground.spread("tower", how_many(size, 50, least=6))), digits=3)

    trunk_ids = np.concatenate([gateways.id, exchanges.id])
    trunk = join_sites(gateways.sites, exchanges.sites)
    fibre = link_places("fibre", trunk_ids, trunk, *ring_with_chords(trunk.x, trunk.y))
    ids = np.concatenate([exchanges.id, towers.id])
    start, end = nearest(exchanges.sites, to=towers.sites), np.arange(len(towers)) + len(exchanges)
    backhaul = link_places("backhaul", ids, join_sites(exchanges.sites, towers.sites), start, end)
    nothing = np.zeros(0)
    return Sector(
        (gateways, exchanges, towers),
        (fibre, backhaul),
        _supply_table("telecom", gateways.id, np.nan, np.zeros(0, dtype="U1"), nothing),
    )


def make_water(ground: Ground, size: int) -> Sector:
    """Return treatment plants and pump stations in a ring main, and a tank on high ground behind every pump station."""
    n_pump = how_many(size, 500, least=3)
    low_but_dry = ground.height + 100.0 * ground.depth[5]
    at = ground.spread("water treatment plant", how_many(size, 2500, least=2), score=low_but_dry, choices=12)
    plants = Nodes("water_treatment_plant", ground.beside("water treatment plant", at))
    at = ground.spread("pump station", n_pump, score=ground.height)
    at = ground.move_nearest(at, ground.flood_prone("pump station", event=4, depth=1.0))
    pumps = Nodes("pump_station", ground.beside("pump station", at))
    tanks = Nodes("tank", _high(ground, "tank", n_pump))
    # Cubic metres per day, shared evenly: every tank stands for about the same number of people.
    demand = np.full(n_pump, np.round(float(ground.population.persons.sum()) * LITRES_PER_PERSON_DAY / 1000.0 / n_pump))

    trunk_ids = np.concatenate([plants.id, pumps.id])
    trunk = join_sites(plants.sites, pumps.sites)
    start, end = ring_with_chords(trunk.x, trunk.y)
    tank_number = np.arange(n_pump) + len(plants) + len(pumps)
    ids = np.concatenate([trunk_ids, tanks.id])
    sites = join_sites(trunk, tanks.sites)
    start = np.concatenate([start, nearest(pumps.sites, to=tanks.sites) + len(plants)])
    mains = link_places("water_main", ids, sites, start, np.concatenate([end, tank_number]))
    share = np.ceil(_SPARE * float(demand.sum()) / len(plants))
    return Sector(
        (plants, pumps, tanks), (mains,), _supply_table("water", plants.id, share, tanks.id, demand)
    )  # fmt: skip


def _high(ground: Ground, purpose: str, n: int) -> Sites:
    return ground.beside(purpose, ground.spread(purpose, n, score=-ground.height, choices=6))


def _feeder_rows(
    ground: Ground, substations: Sites, transformers: Sites, demand: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return start, end (substations first, then transformers) and load, MW, of one feeder section per transformer."""
    home = nearest(substations, to=transformers)
    along = np.empty(home.size, dtype=np.int64)
    along[ground.order] = np.arange(home.size)
    row = np.lexsort((along, home))
    first = np.searchsorted(home[row], np.arange(substations.x.size))
    place = np.arange(home.size) - first[home[row]]
    head = place % _PER_FEEDER == 0
    n_substation = substations.x.size
    start = np.where(head, home[row], np.roll(row, 1) + n_substation)
    # Load of a section: everything from here to the end of its row.
    number = np.cumsum(head) - 1
    total = np.bincount(number, weights=demand[row])
    before = np.cumsum(demand[row]) - demand[row]
    load = total[number] - (before - before[head][number])
    back = np.argsort(row, kind="stable")
    return start[back], row[back] + n_substation, load[back]


def _rated(links: Links, ohm_per_km: float, rating: NDArray[np.float64]) -> Links:
    # Per unit on 100 MVA at 154 kV.
    reactance = np.maximum(np.round(links.length / 1000.0 * ohm_per_km / 237.16 * 1e6) / 1e6, 1e-6)
    return Links(
        links.name, links.kind, links.from_asset, links.to_asset, links.start, links.end, links.node,
        reactance=reactance, rating=rating,
    )  # fmt: skip


def _supply_table(
    sector: str,
    sources: NDArray[np.str_],
    capacity: float,
    consumers: NDArray[np.str_],
    demand: NDArray[np.float64],
) -> pd.DataFrame:
    n, m = sources.size, consumers.size
    return pd.DataFrame(
        {
            "asset": np.concatenate([sources, consumers]).astype(object),
            "sector": sector,
            "is_source": np.arange(n + m) < n,
            "capacity": np.concatenate([np.full(n, capacity), np.full(m, np.nan)]),
            "demand": np.concatenate([np.full(n, np.nan), demand]),
        }
    )
