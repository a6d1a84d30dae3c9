"""A record for a catalogue of risk data: the Risk Data Library Standard (RDLS), version 0.3."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr

from resilience.choices import choose
from resilience.errors import ConfigurationError, Problems
from resilience.events import yearly_weight
from resilience.export.places import to_degrees
from resilience.export.source import Source
from resilience.labels import loss_unit, texts
from resilience.store import NETWORK, RESULTS, TABLES

SCHEMA = "https://docs.riskdatalibrary.org/en/0__3__0/rdls_schema.json"
PROCESSES = ("fluvial_flood", "pluvial_flood", "groundwater_flood", "coastal_flood", "storm_surge")
"""What a flood may come from; the last two are of coasts."""

_HEAT = ("extreme_temperature", "extreme_heat", "AirTemp:C")


def write_rdls(source: Source, target: Path) -> dict[str, str]:
    """Write the record: what hazards, exposure and losses the run is of, and where its files are.

    Raises
    ------
    ConfigurationError
        With everything that the standard asks for and nobody told.
    """
    check_about(source)
    record = json.dumps({"datasets": [rdls_dataset(source)]}, indent=2, ensure_ascii=False, allow_nan=False)
    target.write_text(f"{record}\n", encoding="utf-8")
    return {target.name: "RDLS 0.3 record"}


def check_about(source: Source) -> None:
    """Raise unless all is told that the standard asks for and a run does not know.

    Raises
    ------
    ConfigurationError
    """
    about, problems = source.about, Problems()
    for name, value, wanted in (
        ("publisher", about.publisher, "the name of who publishes the data"),
        ("contact", about.contact, "a mail or web address of the publisher"),
        ("license", about.license, "the licence of the data, e.g. CC-BY-4.0"),
        ("url", about.url, "where the data are to be had"),
    ):
        if not value:
            problems.add(f"--{name}", wanted=f"{wanted}: RDLS asks for it", got="none")
    floods = _flood_families(source.run.dataset)
    for family in floods:
        if about.processes.get(family) not in PROCESSES:
            wanted = f"{family}=PROCESS, which is one of {', '.join(PROCESSES)}: RDLS asks what a flood comes from"
            problems.add("--process", wanted=wanted, got=repr(about.processes.get(family, "none")))
    for family in about.processes:
        if family not in floods:
            problems.add("--process", wanted=f"families of floods: {', '.join(floods) or 'there is none'}", got=family)
    problems.raise_if_any(ConfigurationError)


def rdls_dataset(source: Source) -> dict[str, Any]:
    """Return the record of a run: metadata alone; figures per year stand in descriptions."""
    about, result = source.about, source.run.result
    contact = about.contact or ""
    entity = {"name": about.publisher, "email" if "@" in contact and "//" not in contact else "url": contact}
    west, south, east, north = _bounds(source)
    synthetic = "SYNTHETIC: no real place. " if result.is_synthetic else ""
    return {
        "id": f"urban-resilience-{source.run.manifest.run_id}",
        "title": result.title,
        "description": f"{synthetic}Risk to the services of a city: people without each service, why and where, per "
        "event and per year.",
        "risk_data_type": ["hazard", "exposure", "loss"],
        "version": source.run.manifest.ended,
        "details": "\n".join(result.notes) or "none",
        "spatial": {"scale": "urban", "bbox": [west, south, east, north]},
        "license": about.license,
        "attributions": [
            {"id": role, "role": role, "entity": entity} for role in ("publisher", "creator", "contact_point")
        ],
        "sources": [
            {"id": f"input-{number}", "name": Path(one.path).name, "description": f"SHA-256 {one.sha256}"}
            for number, one in enumerate(source.run.manifest.inputs, start=1)
        ]
        or [{"id": "model", "name": "urban-resilience", "type": "model"}],
        "resources": list(_resources(source)),
        "hazard": {"event_sets": list(_event_sets(source))},
        "exposure": _exposure(source),
        "loss": {"losses": list(_losses(source))},
        "links": [{"href": SCHEMA, "rel": "describedby"}],
    }


def _flood_families(dataset: xr.Dataset) -> list[str]:
    perils, families = texts(dataset, "peril"), texts(dataset, "family")
    return list(dict.fromkeys(families[perils == "flood"]))


def _hazard(source: Source, family: str, peril: str) -> dict[str, str]:
    if peril == "heat":
        kind, process, measure = _HEAT
    else:
        process = choose(source.about.processes.get(family, ""), PROCESSES, what=f"process of {family}")
        kind = "coastal_flood" if process in PROCESSES[-2:] else "flood"
        measure = "wd:m"
    return {"id": family, "type": kind, "hazard_process": process, "intensity_measure": measure}


def _families(dataset: xr.Dataset) -> dict[str, str]:
    """Return the peril of every family; a sequence, which is of several perils, is none of one hazard."""
    pairs = zip(texts(dataset, "family"), texts(dataset, "peril"), strict=True)
    return {family: peril for family, peril in pairs if "+" not in peril}


def _event_sets(source: Source) -> Iterable[dict[str, Any]]:
    dataset = source.run.dataset
    families, events = texts(dataset, "family"), texts(dataset, "event")
    periods, rates = dataset["return_period"].values, dataset["annual_rate"].values
    for family, peril in _families(dataset).items():
        hazard = _hazard(source, family, peril)
        rows = np.flatnonzero(families == family)
        rated = bool(np.isfinite(rates[rows]).all())
        found: dict[str, Any] = {
            "id": family, "hazards": [hazard], "analysis_type": "probabilistic" if rated else "deterministic"
        }  # fmt: skip
        if not rated:
            yield {**found, "event_count": int(rows.size)}
            continue
        told = [
            {
                "id": str(events[row]),
                "calculation_method": "simulated",
                "hazard": hazard,
                "occurrence": {
                    "probabilistic": {
                        **({"return_period": float(periods[row])} if np.isfinite(periods[row]) else {}),
                        "event_rate": float(rates[row]),
                    }
                },
            }
            for row in rows
        ]
        yield {**found, "calculation_method": "simulated", "events": told}


def _exposure(source: Source) -> list[dict[str, Any]]:
    assets = [{"id": "assets", "dimension": "structure", "quantity_kind": "count"}]
    if source.run.result.tells_money:
        assets.append({"id": "replacement_cost", "dimension": "structure", "quantity_kind": "monetary"})
    people = [{"id": "people", "dimension": "population", "quantity_kind": "count"}]
    return [
        {"category": "infrastructure", "taxonomy": "Custom", "metrics": assets},
        {"category": "population", "taxonomy": "Custom", "metrics": people},
    ]


def _losses(source: Source) -> Iterable[dict[str, Any]]:
    """Yield what each family takes: people without services at the peak and over time, and money."""
    result = source.run.result
    dataset = result.dataset
    families, services = texts(dataset, "family"), texts(dataset, "service")
    weight = yearly_weight(dataset)
    common = {"impact_modelling": "simulated", "loss_approach": "analytical"}
    for family, peril in _families(dataset).items():
        hazard = _hazard(source, family, peril)
        mine = families == family
        rated = bool(np.isfinite(weight[mine]).all())
        kind = "probabilistic" if rated else "deterministic"
        of_hazard = {"hazard_type": hazard["type"], "hazard_process": hazard["hazard_process"]}

        def per_year(name: str, unit: str, *, mine: Any = mine, rated: bool = rated) -> str:
            if not rated:
                return "per event, as if it occurred"
            means = weight[mine] @ dataset[name].isel(event=mine).mean("sample").values
            return (
                ", ".join(f"{service} {mean:.6g}" for service, mean in zip(services, means, strict=True))
                + f" {unit}/year"
            )

        quantities = [
            ("people_without_service", "count", f"{result.unit} without the service at the peak", result.unit)
        ]
        if "person_hours_lost" in dataset:
            quantities.append(("person_hours_lost", "time", f"{result.unit} times hours without the service",
                               loss_unit(result.unit, hours=True)))  # fmt: skip
        for name, quantity, told, unit in quantities:
            yield {
                "id": f"{family}-{name}",
                **of_hazard,
                "asset_category": "population",
                "asset_dimension": "disruption",
                "impact_and_losses": {
                    "impact_type": "total", "impact_metric": "downtime_loss", "quantity_kind": quantity,
                    "loss_type": "count", "loss_frequency_type": kind, **common,
                },
                "description": f"{told}: {per_year(name, unit)}",
            }  # fmt: skip
        if result.tells_money:
            money = dataset["direct_loss"].values[mine]
            mean = f"{float(weight[mine] @ money):.6g} money/year" if rated else "per event, as if it occurred"
            yield {
                "id": f"{family}-direct_loss",
                **of_hazard,
                "asset_category": "infrastructure",
                "asset_dimension": "structure",
                "impact_and_losses": {
                    "impact_type": "direct", "impact_metric": "asset_loss", "quantity_kind": "monetary",
                    "loss_type": "ground_up", "loss_frequency_type": kind, **common,
                },
                "description": f"repair cost of all assets: {mean}",
            }  # fmt: skip


def _resources(source: Source) -> Iterable[dict[str, Any]]:
    crs = source.run.manifest.network.crs
    placed = {"coordinate_system": crs} if crs.startswith(("EPSG:", "ESRI:")) else {}
    url = source.about.url
    yield {
        "id": RESULTS, "title": RESULTS, "description": "everything that the run found, labelled",
        "data_format": "Zarr (zarr)", "access_url": url,
    }  # fmt: skip
    for table in TABLES:
        name = f"{table}.csv"
        if (source.run.path / name).exists():
            told = {"description": f"table of the run: {table.replace('_', ' ')}", "data_format": "CSV (csv)"}
            yield {"id": name, "title": name, **told, "access_url": url}
    for table in ("assets", "zones"):
        name = f"{NETWORK}/{table}.csv"
        told = {"description": f"{table} of the city, geometry as WKT", "data_format": "CSV (csv)"}
        yield {"id": name, "title": name, **told, **placed, "access_url": url}


def _bounds(source: Source) -> tuple[float, float, float, float]:
    """Return the longitudes and latitudes that the city lies between."""
    network = source.run.network
    bounds = np.array([shapely.total_bounds(table.geometry.array) for table in (network.assets, network.zones)])
    west, south = np.nanmin(bounds[:, :2], axis=0)
    east, north = np.nanmax(bounds[:, 2:], axis=0)
    found = to_degrees(network.crs).transform_bounds(west, south, east, north)
    return (round(found[0], 6), round(found[1], 6), round(found[2], 6), round(found[3], 6))
