"""A made-up city of any size: a Korean-style new town on a river, with its flood and heat maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS
from xarray.core.indexing import LazilyIndexedArray

from resilience.datasets import flood, heat
from resilience.datasets.asset_classes import class_column
from resilience.datasets.blocks import Links, Nodes, Sector
from resilience.datasets.facilities import (
    make_care,
    make_data,
    make_medical,
    make_metro,
    make_safety,
    make_streets_sector,
    make_transport_facilities,
)
from resilience.datasets.population import PERSONS_PER_ASSET, Population, make_population, zone_ids
from resilience.datasets.siting import Ground
from resilience.datasets.streets import SPACING, lay_streets, make_plan, thin_streets
from resilience.datasets.terrain import Terrain, make_terrain
from resilience.datasets.utilities import make_power, make_telecom, make_water
from resilience.datasets.wiring import NOTE_ALONE, NOTES, read_rules, written_rules, written_services
from resilience.errors import ConfigurationError, Problems
from resilience.hazard import make_hazard
from resilience.network import Network, Rule, derive

NAME = "Synthetic City (synthetic)"
SMALLEST = 500
EPSG = 5186  # Korea 2000 / Central Belt 2010
_WEST, _SOUTH = 230_000.0, 520_000.0
_MARGIN = 200.0  # m of map around the streets
_ASSETS_PER_ZONE = 30
_FLOOD_HOURS, _HEAT_HOURS = 12.0, 72.0
_STREET_SHARE = 0.81  # of all assets, before the exact count is known
_ASSETS_PER_JUNCTION = 2.58  # a junction and its share of the streets
_FREE_SHARE = 0.78  # of the street plan that is neither river nor hill


@dataclass(frozen=True, eq=False)
class SyntheticCity:
    """A made-up city: two hazards, a network, and the rules and services it was wired by.

    Parameters
    ----------
    hazards : tuple of xarray.Dataset
        River and rain flood (seven return periods, m); heatwave (six return periods, degC).
    network : Network
        Assets, needs, dependencies, supply and zones.
    rules : tuple of Rule
        The rules that made access, needs and dependencies.
    services : mapping of str to mapping
        How each of the eight services reaches people, in the words of a scenario file.
    notes : tuple of str
        What to know before a result is believed.
    seed, size : int
        What it was made from.
    standby : bool
        Whether the rules give people the standby data centre.
    """

    hazards: tuple[xr.Dataset, ...]
    network: Network
    rules: tuple[Rule, ...]
    services: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]
    seed: int
    size: int
    standby: bool = True

    def scenario_dict(self) -> dict[str, Any]:
        """Return the rules and services sections of a scenario of this city, free to edit."""
        kinds = set(self.network.assets["kind"])
        return {"rules": written_rules(kinds, standby=self.standby), "services": written_services(kinds)}

    def __repr__(self) -> str:
        persons = float(self.network.zones["persons"].sum())
        return f"<{NAME}: seed {self.seed}, {len(self.network.assets):,} assets, {persons:,.0f} persons>"


def synthetic_city(
    seed: int = 1, size: int = 5000, *, standby: bool = True, hourly_heat: bool = False
) -> SyntheticCity:
    """Return a synthetic city of about `size` assets and 30 persons per asset.

    Parameters
    ----------
    seed : int
        From 0; every seed is another city, and always the same one.
    size : int
        Assets (nodes and links) wanted, from 500; met to within a few per cent. The area grows with it.
    standby : bool
        Whether people and facilities have the standby data centre, by the fail-over control in the basement of the
        first. Without, it stands there and nobody has it. Nothing else changes.
    hourly_heat : bool
        Whether heatwaves are told hour by hour, three days each, rather than by the highest temperature of their days.

    Returns
    -------
    city : SyntheticCity

    Raises
    ------
    ConfigurationError
        A negative seed or too small a size.

    Notes
    -----
    Every draw comes from Philox keyed by (seed, purpose) and every map is rounded to millimetres, so that the city does
    not depend on the machine. The plan follows no real place. Services: power, water, telecom and data are assigned;
    transport, medical, care and safety are reached by road.

    Examples
    --------
    >>> city = synthetic_city(seed=1, size=600)
    >>> [hazard.attrs["peril"] for hazard in city.hazards], city.network.persons_unit
    (['flood', 'heat'], 'persons')
    """
    problems = Problems()
    if not 0 <= seed < 2**63:
        problems.add("seed", wanted="a whole number from 0", got=str(seed))
    if size < SMALLEST:
        problems.add("size", wanted=f"at least {SMALLEST} assets", got=str(size))
    problems.raise_if_any(ConfigurationError)

    crs = CRS.from_epsg(EPSG)
    n_junction = int(size * _STREET_SHARE / _ASSETS_PER_JUNCTION)
    side = int(np.ceil(np.sqrt(n_junction / _FREE_SHARE)))
    terrain = make_terrain(seed, crs=crs, west=_WEST, south=_SOUTH, extent=side * SPACING, margin=_MARGIN)
    depth = flood.flood_depths(terrain)
    plan = make_plan(seed, west=_WEST, south=_SOUTH, side=side)
    streets = lay_streets(seed, plan=plan, terrain=terrain, n_node=n_junction)
    population = make_population(
        seed, streets=streets, n_zone=size // _ASSETS_PER_ZONE, n_person=size * PERSONS_PER_ASSET
    )
    ground = Ground(
        seed,
        streets=streets,
        population=population,
        height=terrain.at(terrain.above_river, streets.x, streets.y).astype(np.float64),
        depth=terrain.at(depth, streets.x, streets.y).astype(np.float64),
    )
    sectors = [
        make_power(ground, size),
        make_telecom(ground, size),
        make_data(ground, size),
        make_water(ground, size),
        make_medical(ground, size),
        make_care(ground, size),
        make_safety(ground, size),
        make_transport_facilities(ground, size),
        make_metro(ground),
    ]
    left = size - sum(map(len, sectors))
    sectors.append(make_streets_sector(thin_streets(seed, streets, n_asset=left)))
    temperature = heat.heat_maxima(seed, terrain=terrain, population=population)
    tables = _tables(sectors, population, crs)
    kinds = set(tables.assets["kind"])
    rules = read_rules(written_rules(kinds, standby=standby))
    network = derive(tables, rules)
    for table in (network.assets, network.needs, network.dependencies, network.supply, network.zones):
        table.attrs.update(title=NAME, synthetic=True)
    return SyntheticCity(
        hazards=_hazards(depth, temperature, terrain, hourly_heat=hourly_heat),
        network=network,
        rules=rules,
        services=written_services(kinds),
        notes=NOTES if standby else (*NOTES[:-1], NOTE_ALONE),
        seed=seed,
        size=size,
        standby=standby,
    )


def _hazards(
    depth: NDArray[np.float32], temperature: NDArray[np.float32], terrain: Terrain, *, hourly_heat: bool
) -> tuple[xr.Dataset, xr.Dataset]:
    river = make_hazard(
        depth,
        grid=terrain.grid,
        family="flood",
        peril="flood",
        return_periods=flood.RETURN_PERIODS,
        nodata="dry",
        duration_hours=_FLOOD_HOURS,
        source=(NAME,),
    )
    hours = np.arange(_HEAT_HOURS, dtype=np.int64)
    when: dict[str, Any] = {"hours": hours} if hourly_heat else {"duration_hours": _HEAT_HOURS}
    wave = make_hazard(
        LazilyIndexedArray(heat.HourlyHeat(temperature, hours)) if hourly_heat else temperature,
        grid=heat.heat_grid(terrain),
        family="heatwave",
        peril="heat",
        return_periods=heat.RETURN_PERIODS,
        nodata="error",
        **when,
        source=(NAME,),
    )
    return river.assign_attrs(title=NAME, synthetic=True), wave.assign_attrs(title=NAME, synthetic=True)


def _tables(sectors: list[Sector], population: Population, crs: CRS) -> Network:
    blocks: list[Nodes | Links] = []
    for sector in sectors:
        blocks += [*sector.nodes, *sector.links]
    supply = pd.concat([sector.supply for sector in sectors if len(sector.supply)], ignore_index=True)
    zones = gpd.GeoDataFrame(
        {
            "id": zone_ids(population.x.size).astype(object),
            "persons": population.persons,
            "district": population.district.astype(object),
        },
        geometry=population.footprint,
        crs=crs,
    )
    return Network.from_tables(assets=_asset_table(blocks, population, crs), supply=supply, zones=zones, crs=crs)


def _asset_table(blocks: list[Nodes | Links], population: Population, crs: CRS) -> gpd.GeoDataFrame:
    blocks = [block for block in blocks if len(block)]
    sizes = [len(block) for block in blocks]
    kind = np.concatenate(
        [np.full(len(block), block.kind, dtype=object) if isinstance(block, Nodes) else block.kind for block in blocks]
    )
    node = np.concatenate([block.sites.node if isinstance(block, Nodes) else block.node for block in blocks])
    shape = np.concatenate(
        [
            shapely.points(block.sites.x, block.sites.y)
            if isinstance(block, Nodes)
            else shapely.linestrings(np.stack([block.start, block.end], axis=1))
            for block in blocks
        ]
    )

    def of_links(name: str, default: Any) -> NDArray[Any]:
        parts = []
        for block, n in zip(blocks, sizes, strict=True):
            given = getattr(block, name, None)
            parts.append(np.full(n, default) if given is None or len(given) == 0 else given)
        values = np.concatenate(parts)
        return values.astype(object) if values.dtype.kind == "U" else values

    code, kinds = pd.factorize(kind)
    length = of_links("length", np.nan)
    cost = class_column("cost", kinds)[code] * np.where(np.isnan(length), 1.0, length)
    columns = {
        "id": np.concatenate([block.id.astype(object) for block in blocks]),
        "sector": class_column("sector", kinds)[code],
        "kind": kind,
        "from_asset": of_links("from_asset", ""),
        "to_asset": of_links("to_asset", ""),
        "oneway": of_links("oneway", False),
        **{
            f"{role}_curve": class_column(role, kinds)[code]
            for role in ("flood_damage", "flood_fragility", "heat_damage", "heat_fragility")
        },
        **{
            name: class_column(name, kinds)[code]
            for name in ("component_height", "barrier_height", "seal_failure", "dry_threshold", "repair_class")
        },
        "replacement_cost": np.round(cost),
        "failure_group": np.repeat(
            np.array([block.failure_group if isinstance(block, Nodes) else "" for block in blocks], dtype=object), sizes
        ),
        "district": population.node_district[node].astype(object),
        "length": length,
        "speed": of_links("speed", np.nan),
        "reactance": of_links("reactance", np.nan),
        "rating": of_links("rating", np.nan),
    }
    return gpd.GeoDataFrame(columns, geometry=shape, crs=crs)
