"""From a scenario to what is worked on: hazards, city, curves, services. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import xarray as xr

from resilience.asked import build_redundancy, build_rules, build_services, find_grid_hours, key_of_rule, level_rules
from resilience.curves import CurveTable
from resilience.datasets import load_curves, synthetic_city
from resilience.errors import (
    Attempts,
    ConfigurationError,
    DataError,
    Problem,
    count_of,
    suggestion,
)
from resilience.hazard_inputs import open_hazards
from resilience.joint import JointFamily
from resilience.network import Network, check_curve_names, derive
from resilience.network.compile import PERSON
from resilience.network.redundancy import SECTOR as DERIVED
from resilience.network.redundancy import add_redundancy
from resilience.readers.graphml import read_graphml
from resilience.readers.vector import read_layer, read_table
from resilience.scenario import Scenario
from resilience.scenario.method import CurveFile
from resilience.sequences import EventSequence, find_joint, find_sequences
from resilience.service_rules import ServiceRule
from resilience.time_inputs import peak_hours, read_repairs

if TYPE_CHECKING:
    from resilience.flow import LevelSector


@dataclass(frozen=True)
class Inputs:
    """All that a scenario names, opened and checked.

    Parameters
    ----------
    hazards : tuple of xarray.Dataset
        One per event family, lazy.
    methods : tuple of {"nearest", "bilinear"}
        How each is read at a point.
    network : Network
        With the needs, dependencies, supply and access that rules derived.
    curves : CurveTable
    services : tuple of ServiceRule
        Services that reach people.
    service_order : tuple of str
        All services, in the order of causes.
    levels : dict of str to str
        Level of every sector.
    notes : tuple of str
        What a reader of the result must know.
    sectors : tuple of ShareSector, FlowSector or OverloadSector
        Sectors that are solved state by state, in their order.
    min_fraction : float
        Share of its demand from which on an asset counts for those that need it.
    min_fraction_judged : bool
        Whether that is the default.
    sequences : tuple of EventSequence
        Those of the scenario, then the pairs of joint families.
    joint : tuple of JointFamily
    grid_hours : tuple of float, h
        Points that the time grid has beside its own: buffers that the city has in one option and not in another, so
        that all are followed on one grid.
    cooling_saved : mapping of str to float
        By id of an asset, the share of the growth of its demand by heat that is saved.
    """

    hazards: tuple[xr.Dataset, ...]
    methods: tuple[Literal["nearest", "bilinear"], ...]
    network: Network
    curves: CurveTable
    services: tuple[ServiceRule, ...]
    service_order: tuple[str, ...]
    levels: dict[str, str]
    notes: tuple[str, ...]
    sectors: tuple[LevelSector, ...] = ()
    min_fraction: float = 0.5
    min_fraction_judged: bool = True
    sequences: tuple[EventSequence, ...] = ()
    joint: tuple[JointFamily, ...] = ()
    grid_hours: tuple[float, ...] = ()
    cooling_saved: Mapping[str, float] = field(default_factory=dict)


def load_curve_table(scenario: Scenario) -> CurveTable:
    """Return the shipped curves and the scenario's own.

    Raises
    ------
    MissingInputError, DataError
        With everything that is wrong in all files.
    """
    table = load_curves() if scenario.curves.library else CurveTable(())
    attempt = Attempts(scenario.place)
    for number, file in enumerate(scenario.curves.files):
        table = attempt(partial(_with_curves, table, file), key=f"curves.files.{number}.path") or table
    attempt.raise_if_any()
    return table


def _with_curves(table: CurveTable, file: CurveFile) -> CurveTable:
    own = CurveTable.from_csv(
        file.path, layout=file.layout, unit=file.unit, role=file.role, peril=file.peril, name=file.name,
        names=file.names or None, metadata=file.metadata, decreasing=file.decreasing,
    )  # fmt: skip
    again = [name for name in own.names() if name in table]
    if again:
        wanted = "other names, or none of the shipped curves (`curves: {library: false}`)"
        raise DataError(Problem(str(file.path), wanted, "names of curves that are there", len(again), first=again))
    return table.merge(own)


def _is_graphml(layer: Any) -> bool:
    return bool(layer.format == "graphml" or (layer.format is None and layer.path.suffix.lower() == ".graphml"))


def _with_constants(frame: gpd.GeoDataFrame, constants: dict[str, Any]) -> gpd.GeoDataFrame:
    """Fill the layer's constants in; what the file itself says of an asset stays."""
    for name, value in constants.items():
        if name in ("sector", "kind"):
            continue
        frame = frame.assign(**{name: frame[name].fillna(value) if name in frame else value})
    return frame


def _load_assets(scenario: Scenario, attempt: Attempts) -> list[gpd.GeoDataFrame]:
    frames: list[gpd.GeoDataFrame] = []
    for i, layer in enumerate(scenario.network.assets):

        def read(layer: Any = layer) -> gpd.GeoDataFrame:
            if _is_graphml(layer):
                frame = read_graphml(
                    layer.path, sector=layer.sector or "transport", node_kind=layer.node_kind or "road_node",
                    link_kind=layer.kind or "road", id_prefix=layer.id_prefix, crs=layer.crs,
                    columns=layer.columns or None,
                )  # fmt: skip
                return _with_constants(frame, layer.constants())
            return read_layer(
                layer.path, layer=layer.layer, columns=layer.columns or None, constants=layer.constants(),
                where=layer.where or None, crs=layer.crs, id_prefix=layer.id_prefix, end_prefix=layer.end_prefix,
                topology=layer.topology, node_kind=layer.node_kind or "junction",
                tolerance=1.0 if layer.tolerance_m is None else layer.tolerance_m, encoding=layer.encoding,
                role="assets",
            )  # fmt: skip

        frame = attempt(read, key=f"network.assets.{i}.path")
        if frame is not None:
            frames.append(frame)
    return frames


def _load_zones(scenario: Scenario, attempt: Attempts) -> list[gpd.GeoDataFrame]:
    frames: list[gpd.GeoDataFrame] = []
    for i, layer in enumerate(scenario.network.zones):

        def read(layer: Any = layer) -> gpd.GeoDataFrame:
            return read_layer(
                layer.path, layer=layer.layer, columns=layer.columns or None, constants=layer.constants(),
                where=layer.where or None, crs=layer.crs, id_prefix=layer.id_prefix, encoding=layer.encoding,
                role="zones",
            )  # fmt: skip

        frame = attempt(read, key=f"network.zones.{i}.path")
        if frame is not None:
            frames.append(frame)
    return frames


def load_inputs(scenario: Scenario) -> Inputs:
    """Return everything the scenario names.

    Parameters
    ----------
    scenario : Scenario

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong in all inputs, as far as it can be told.
    """
    attempt = Attempts(scenario.place)
    curves = attempt(lambda: load_curve_table(scenario))
    hazards = open_hazards(scenario, attempt)
    notes: list[str] = []
    section = scenario.network.synthetic
    services: Any = scenario.services
    methods = [one.sampling for one in scenario.hazards]
    reached: tuple[ServiceRule, ...] | None = None
    levels: dict[str, str] | None = None
    sectors: tuple[LevelSector, ...] | None = None
    if section is not None:
        city = synthetic_city(
            seed=section.seed, size=section.size, standby=section.standby, hourly_heat=section.hourly_heat
        )
        network: Network | None = city.network
        notes += city.notes
        if not scenario.hazards:
            hazards = list(city.hazards)
            methods = ["nearest"] * len(hazards)
        if not services:
            services = Scenario.from_dict({**_MINIMAL, **city.scenario_dict()}).services
    else:
        network = _build_network(scenario, attempt)
    if network is not None:
        base = network
        network = base
        if scenario.rules:
            network = attempt(
                lambda: derive(base, build_rules(scenario)), place=lambda subject: scenario.place(key_of_rule(subject))
            )
        if network is not None and scenario.redundancy:
            ruled = network
            network = attempt(lambda: add_redundancy(ruled, build_redundancy(scenario.redundancy)))
        # Where a rule is wrong, the city without rules is still looked at.
        known = base if network is None else network
        if curves is not None:
            attempt(partial(check_curve_names, known, curves.names()))
        if not services:
            named = dict.fromkeys(known.needs["service"].astype(str))
            services = Scenario.from_dict(
                {**_MINIMAL, "services": {name: {"by": "assignment"} for name in named}}
            ).services
        attempt(partial(_check_services, known, services))
        attempt(partial(_check_people, known, scenario.monte_carlo.samples))
        attempt(partial(_check_importance, known, scenario.importance.assets))
        reached = attempt(partial(build_services, services, known))
        levels = attempt(partial(settle_levels, scenario, known))
        if levels is not None:
            sectors = attempt(partial(prepare_sectors, known, scenario))
        if curves is not None and scenario.time is not None and scenario.time.repair is not None:
            there = [hazard for hazard in hazards if hazard is not None]
            read_repairs(known, curves, there, scenario.time.repair, attempt)
    attempt.raise_if_any()
    # What is not there has raised.
    assert network is not None
    assert curves is not None
    assert reached is not None
    assert levels is not None
    assert sectors is not None
    opened = tuple(hazard for hazard in hazards if hazard is not None)
    if scenario.time is None and (scenario.sequences or any(one.after_hours for one in scenario.joint)):
        wanted = "a time section: what comes later meets what is not yet repaired"
        subject = "sequences" if scenario.sequences else "joint.after_hours"
        raise ConfigurationError(Problem(subject, wanted=wanted, got="no `time`"))
    if not opened:
        raise ConfigurationError(Problem("hazards", wanted="at least one event family", got="none"))
    if scenario.time is not None:
        attempt(partial(peak_hours, opened))
    found = attempt(partial(find_sequences, scenario.sequences, opened))
    n_event = sum(hazard.sizes["event"] for hazard in opened) + len(scenario.sequences)
    taken = [one.name for one in scenario.sequences]
    tied = attempt(partial(find_joint, scenario.joint, opened, n_event, taken=taken))
    attempt.raise_if_any()
    assert found is not None  # all that could go wrong was raised
    assert tied is not None
    sequences, (joint, pairs) = found, tied
    return Inputs(
        hazards=opened,
        methods=tuple(methods),
        network=network,
        curves=curves,
        services=reached,
        service_order=tuple(services),
        levels=levels,
        notes=tuple(notes),
        sectors=sectors,
        min_fraction=scenario.cascade.min_fraction,
        min_fraction_judged="min_fraction" not in scenario.cascade.model_fields_set,
        sequences=(*sequences, *pairs),
        joint=joint,
        grid_hours=find_grid_hours(scenario, network),
    )


def _check_services(network: Network, services: Any) -> None:
    """Raise if a table names a service that the scenario does not: it would reach nobody and be told by nothing."""
    named = network.needs["service"].astype(str).to_numpy(dtype=object)
    unknown = ~np.isin(named, list(services))
    if unknown.any():
        hint = suggestion(str(named[unknown][0]), services)
        wanted = f"one of services: {', '.join(services)}{hint} (a service of assets alone is by: internal)"
        first = list(dict.fromkeys(named[unknown]))
        raise DataError(
            Problem("needs.service", wanted, "needs of other services", int(unknown.sum()), len(named), first)
        )


def _check_importance(network: Network, names: Sequence[str]) -> None:
    """Raise if an asset that is to be run in pairs is none."""
    if not names:
        return
    present = set(network.assets["id"].astype(str))
    strange = [name for name in names if name not in present]
    if strange:
        hint = suggestion(strange[0], present)
        raise ConfigurationError(
            Problem("importance.assets", f"ids of assets{hint}", "others", len(strange), len(names), strange)
        )


def _check_people(network: Network, samples: int) -> None:
    """Raise if there are more people than can be counted: sums over samples are whole thousandths in 64 bits."""
    most = min(2**63 // (PERSON * samples), 2**43 // PERSON)
    people = float(network.zones["persons"].sum())
    if people > most:
        wanted = f"at most {most:,} {network.persons_unit} in all with {samples:,} samples (count in thousands)"
        raise DataError(Problem("zones.persons", wanted, f"{people:.9g}"))


def prepare_sectors(network: Network, scenario: Scenario) -> tuple[LevelSector, ...]:
    """Return the sectors that are solved state by state; most cities have none, and need nothing of it."""
    rules = level_rules(scenario)
    if not rules:
        return ()
    from resilience.flow import prepare_levels

    return prepare_levels(network, rules)


def settle_levels(scenario: Scenario, network: Network) -> dict[str, str]:
    """Return the level of every sector of the city."""
    sectors = sorted(network.assets["sector"].astype(str).unique())
    named = {sector: section.level for sector, section in scenario.cascade.levels.items()}
    levels: dict[str, str] = {
        sector: named.get(sector, "function" if sector == DERIVED else scenario.cascade.default) for sector in sectors
    }
    unknown = [sector for sector in scenario.cascade.levels if sector not in sectors]
    if unknown:
        raise ConfigurationError(
            Problem(
                "cascade.levels",
                got="others",
                count=len(unknown),
                total=len(scenario.cascade.levels),
                first=unknown,
                wanted=f"sectors of the city: {', '.join(sectors)}{suggestion(unknown[0], sectors)}",
            )
        )
    if scenario.network.synthetic is not None:
        sourced = set(network.supply["sector"][network.supply["is_source"].to_numpy(dtype=bool)].astype(str))
        own = sourced - set(named)
        levels = {sector: "connected" if sector in own else level for sector, level in levels.items()}
    return levels


_MINIMAL: dict[str, Any] = {"schema_version": 1, "name": "built-in", "network": {"synthetic": {}}}


def _build_network(scenario: Scenario, attempt: Attempts) -> Network | None:
    section = scenario.network
    assets, zones = _load_assets(scenario, attempt), _load_zones(scenario, attempt)
    tables: dict[str, Any] = {}
    for role in ("needs", "dependencies", "supply"):
        table = getattr(section, role)
        if table is not None:
            tables[role] = attempt(
                partial(read_table, table.path, columns=table.columns or None, role=role, encoding=table.encoding),
                key=f"network.{role}",
            )
    lost = any(table is None for table in tables.values())
    if lost or len(assets) < len(section.assets) or len(zones) < len(section.zones):
        return None

    def build() -> Network:
        return Network.from_tables(
            assets=assets, zones=zones or None, crs=scenario.crs, persons_unit=section.persons_unit, **tables
        )

    return attempt(build)


def describe_sources(hazards: Sequence[xr.Dataset]) -> list[str]:
    """Return one line per event family, for people."""
    lines = []
    for hazard in hazards:
        events = hazard.sizes["event"]
        in_time = f" of {hazard.sizes['time']} maps in time each" if "time" in hazard.dims else ""
        lines.append(
            f"hazard {hazard.attrs['family']}: {hazard.attrs['peril']}, {count_of(events, 'event')}{in_time}, "
            f"{hazard.sizes['y']:,} x {hazard.sizes['x']:,} cells, {hazard.attrs['unit']}, no data means "
            f"{hazard.attrs['nodata']}, outside the map {hazard.attrs['outside']}"
        )
    return lines
