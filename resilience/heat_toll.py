"""What a heatwave does to people: alert days, deaths, deaths without power, patients, full emergency rooms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, Table, broadcast_columns
from resilience.engine import BlockSums, Toll
from resilience.errors import count_of
from resilience.events import yearly_weight
from resilience.heat import (
    Alert,
    EmergencyLoad,
    Mortality,
    alert_days,
    attributable_deaths,
    erlang_loss,
    heat_patients,
    offered_load,
)
from resilience.horizon import Horizon
from resilience.inputs import Inputs
from resilience.kernels.roots import SHARES
from resilience.labels import texts
from resilience.risk.standard_errors import sample_error
from resilience.scenario import HeatSection, Scenario
from resilience.variables import VARIABLES
from resilience.zone_heat import DAY, HeatParts, ZoneHeat, pad_days, read_zone_heat

Floats = NDArray[np.float64]

# Tolls are summed as whole numbers of billionths of a death, so that any order of samples gives the same sum.
DEATH = 1_000_000_000


def read_heat(inputs: Inputs, scenario: Scenario) -> list[HeatParts] | None:
    """Return the heat of every event where people live; None where nothing asks for it."""
    asked = scenario.heat is not None or any("index" in hazard for hazard in inputs.hazards)
    return read_zone_heat(inputs) if asked else None


def response(section: HeatSection) -> Mortality:
    """Return the section's relative risk of death."""
    one = section.mortality
    return Mortality(increase=one.increase, threshold=one.threshold, outage=one.outage)


def daily_deaths(heat: ZoneHeat, section: HeatSection, persons: Floats) -> tuple[Floats, Floats]:
    """Return deaths by heat of each day and zone, ``(n_day, n_zone)``: with power, and further ones without any.

    Parameters
    ----------
    heat : ZoneHeat
    section : HeatSection
    persons : (n_zone,) float64

    Notes
    -----
    ``deaths per day * AF`` with ``AF = 1 - 1/RR`` at the highest air temperature of the day; without power the risk is
    `outage` times as high, for people whose cooling stops. Both are per person, so a share of people without power adds
    that share of the difference.
    """
    highest = heat.daily(heat.temperature)
    usual = np.broadcast_to(persons * section.mortality.deaths_per_100000 / 1e5, highest.shape)
    risk = response(section)
    cool = np.asarray(attributable_deaths(highest, usual, response=risk))
    return cool, np.asarray(attributable_deaths(highest, usual, 1.0, response=risk)) - cool


def outage_weights(heat: ZoneHeat, section: HeatSection, persons: Floats, minute: NDArray[np.int64]) -> Floats:
    """Return the further deaths of a zone that is without power in a step of a time grid, ``(n_step, n_zone)``.

    Parameters
    ----------
    heat : ZoneHeat
    section : HeatSection
    persons : (n_zone,) float64
    minute : (n_step + 1,) int64
        The time grid.

    Notes
    -----
    The further deaths of a day are spread evenly over its hot hours, those above the threshold. A step has its share
    of them, whenever within the step the power is out.
    """
    _, further = daily_deaths(heat, section, persons)
    overlap = heat.overlap()
    hot = np.nan_to_num(heat.temperature) > section.mortality.threshold
    hours = overlap @ hot  # minutes of each day and zone
    rate = np.divide(np.nan_to_num(further), hours, out=np.zeros(hours.shape), where=hours > 0)
    weight = np.zeros((minute.size - 1, persons.size))
    for day, time in zip(*np.nonzero(overlap), strict=True):
        start = max(int(heat.minute[time]), day * DAY - heat.clock) + heat.onset
        end = start + int(overlap[day, time])
        shared = np.maximum(np.minimum(minute[1:], end) - np.maximum(minute[:-1], start), 0)
        weight += shared[:, np.newaxis] * (rate[day] * hot[time])
    return weight


def plan_toll(
    heat: HeatParts, section: HeatSection | None, services: Sequence[str], persons: Floats, horizon: Horizon
) -> Toll | None:
    """Return what is summed for every sample of an event; None where no heat, or no such service, is followed."""
    if not heat or section is None or section.mortality.service not in services:
        return None
    weight = np.sum([outage_weights(one, section, persons, horizon.grid.minute) for one in heat], axis=0)
    whole = np.rint(weight * DEATH).astype(np.int64)
    return Toll(services.index(section.mortality.service), whole) if whole.any() else None


def label_heat(
    labelled: xr.Dataset,
    inputs: Inputs,
    scenario: Scenario,
    zone_heat: Sequence[HeatParts] | None,
    tolls: Sequence[Toll | None],
    sums: Sequence[BlockSums],
    sample_toll: NDArray[np.int64],
) -> xr.Dataset:
    """Return the result with what the heat does to people; as it is where nothing asks for it.

    Parameters
    ----------
    labelled : xarray.Dataset
        With the weights of events.
    inputs : Inputs
    scenario : Scenario
    zone_heat : sequence of tuple of ZoneHeat
        Of every event.
    tolls, sums
        One of each per event.
    sample_toll : (n_event, n_sample) int64
        What :class:`resilience.engine.Toll` summed; empty without a time grid.
    """
    if zone_heat is None:
        return labelled
    persons = labelled["zone_people"].values.astype(np.float64)
    n_event, n_zone = len(zone_heat), persons.size
    section = scenario.heat or HeatSection()
    daily = pad_days([[one.daily(one.temperature) for one in parts] for parts in zone_heat], n_zone)
    felt = pad_days([[_felt(one) for one in parts] for parts in zone_heat], n_zone)
    days = np.full((2, n_event, n_zone), np.nan)
    for i, parts in enumerate(zone_heat):
        indexed = [_felt(one) for one in parts if one.index is not None]
        for level, threshold in enumerate((section.alerts.advisory, section.alerts.warning)):
            alert = Alert(threshold=threshold, days=float(section.alerts.days))
            if indexed:
                each = [np.asarray(alert_days(one, alert=alert, axis=0)).sum(axis=0) for one in indexed]
                days[level, i] = np.sum(each, axis=0)
    names = [str(hazard.attrs.get("index", "")) for hazard in inputs.hazards for _ in range(hazard.sizes["event"])]
    for sequence in inputs.sequences:
        names.append("; ".join(dict.fromkeys(names[event] for event in sequence.event if names[event])))
    values: dict[str, Any] = {
        "daily_maximum": daily.transpose(0, 2, 1),
        "daily_index": felt.transpose(0, 2, 1),
        "heat_index_name": np.array(names, dtype=object),
        "advisory_days": days[0],
        "warning_days": days[1],
    }
    if scenario.heat is not None:
        values |= _people(zone_heat, section, persons, tolls, sums, sample_toll, labelled)
    labelled = labelled.assign_coords(day=np.arange(daily.shape[1]))
    return labelled.assign({name: (VARIABLES[name].dims, array) for name, array in values.items()})


def _felt(heat: ZoneHeat) -> Floats:
    """Return the highest index of each day, NaN without one."""
    return heat.daily(np.full_like(heat.temperature, np.nan) if heat.index is None else heat.index)


def _people(
    zone_heat: Sequence[HeatParts],
    section: HeatSection,
    persons: Floats,
    tolls: Sequence[Toll | None],
    sums: Sequence[BlockSums],
    sample_toll: NDArray[np.int64],
    labelled: xr.Dataset,
) -> dict[str, Any]:
    n_event, n_zone, n_sample = len(zone_heat), persons.size, labelled.sizes["sample"]
    deaths, further, patients = np.zeros((3, n_event, n_zone))
    load, loss = np.full(n_event, np.nan), np.full(n_event, np.nan)
    emergency = section.emergency
    rooms = EmergencyLoad(
        patients=emergency.patients, threshold=emergency.threshold, population=emergency.population,
        stay=emergency.stay_hours,
    )  # fmt: skip
    usual = emergency.usual_per_100000 * persons.sum() / 1e5
    beds = emergency.beds
    if beds is None:
        beds = int(np.ceil(np.round(emergency.beds_per_100000 * persons.sum() / 1e5, 9)))
    for i, (parts, toll, sum_) in enumerate(zip(zone_heat, tolls, sums, strict=True)):
        if not parts:
            continue
        deaths[i] = sum(daily_deaths(one, section, persons)[0].sum(axis=0) for one in parts)
        highest = np.concatenate([one.daily(one.temperature) for one in parts])
        more = np.asarray(heat_patients(highest, np.broadcast_to(persons, highest.shape), load=rooms))
        patients[i] = more.sum(axis=0)
        load[i] = offered_load(usual + np.nansum(more, axis=1), load=rooms).max()
        loss[i] = float(erlang_loss(beds, load[i]))
        if toll is not None and sum_.over_time is not None:
            lost = sum_.over_time.zone_samples[:, :, toll.service] / SHARES / n_sample
            further[i] = (lost * toll.weight).sum(axis=0) / DEATH
    total, error = further.sum(axis=1), np.zeros(n_event)
    if sample_toll.size:
        each = sample_toll / DEATH
        total, error = each.mean(axis=1), sample_error(each)
    values: dict[str, Any] = {
        "heat_deaths": deaths,
        "outage_deaths": further,
        "heat_patients": patients,
        "event_heat_deaths": np.nansum(deaths, axis=1),
        "event_outage_deaths": total,
        "event_outage_deaths_standard_error": error,
        "emergency_load": load,
        "emergency_loss": loss,
    }
    weight = yearly_weight(labelled)
    if np.isfinite(weight).any():
        values["annual_heat_deaths"] = float(np.nan_to_num(weight) @ values["event_heat_deaths"])
        values["annual_outage_deaths"] = float(np.nan_to_num(weight) @ total)
    return values


def heat_notes(labelled: xr.Dataset, scenario: Scenario) -> tuple[str, ...]:
    """Return what a reader of figures about heat must know: what is left out, and by which index."""
    if "daily_maximum" not in labelled:
        return ()
    lines = []
    others = sorted(set(labelled["heat_index_name"].values.astype(str)) - {"", "kma_apparent"})
    if others:
        lines.append(f"heat alerts are defined by kma_apparent; here they are days of {', '.join(others)}")
    section = scenario.heat
    if section is None:
        return tuple(lines)
    service = section.mortality.service
    known = texts(labelled, "service")
    assigned = dict(zip(known, labelled["service_by"].values.astype(str), strict=True))
    if scenario.time is None:
        lines.append("deaths without power are not told without a time section")
    elif assigned.get(service) != "assignment":
        lines.append(f"deaths without power are not told: {service} is no service by assignment")
    unknown = np.isnan(labelled["heat_deaths"].values).any(axis=0)
    if unknown.any():
        lines.append(f"unknown heat: {count_of(int(unknown.sum()), 'zone')}; deaths of an event leave them out")
    return tuple(lines)


def heat_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per heat event and zone, the heat and what it does to people; a row without a zone is of all of them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    toll = "heat_deaths" in dataset
    header = ["event", "zone", unit, "highest_temperature", "index", "highest_index", "advisory_days", "warning_days"]
    if toll:
        header += ["heat_deaths", "outage_deaths", "outage_deaths_standard_error", "heat_patients", "emergency_loss"]
    aged = "event_transformer_ageing" in dataset
    if aged:
        header.append("transformer_ageing_hours")
    heat = ~np.isnan(dataset["daily_maximum"].values).all(axis=(1, 2))
    zones, people = texts(dataset, "zone"), dataset["zone_people"].values.astype(np.float64)
    names = texts(dataset, "heat_index_name")
    air, felt = (_highest(dataset[name].values) for name in ("daily_maximum", "daily_index"))
    columns = [dataset[name].values for name in ("advisory_days", "warning_days")]
    total: list[Any] = [np.full(names.size, np.nan)] * 2
    unknown = np.full((names.size, 1), np.nan)
    if toll:
        columns += [dataset["heat_deaths"].values, dataset["outage_deaths"].values, unknown,
                    dataset["heat_patients"].values, unknown]  # fmt: skip
        total += [dataset[f"event_{name}"].values for name in ("heat_deaths", "outage_deaths",
                                                               "outage_deaths_standard_error")]  # fmt: skip
        total += [np.nansum(dataset["heat_patients"].values, axis=1), dataset["emergency_loss"].values]
    if aged:
        columns.append(unknown)
        total.append(dataset["event_transformer_ageing"].values)

    def blocks() -> Iterator[Sequence[Column]]:
        events = texts(dataset, "event")
        for i in np.flatnonzero(heat):
            of_zones, of_all = [one[i] for one in columns], [one[i] for one in total]
            yield broadcast_columns(events[i], zones, people, air[i], names[i], felt[i], *of_zones)
            yield broadcast_columns(events[i], "", people.sum(), _highest(air[i]), names[i], _highest(felt[i]), *of_all)

    return header, blocks()


def _highest(values: Floats) -> Floats:
    """Return the highest known value along the last axis; NaN where none is known."""
    return np.asarray(np.fmax.reduce(values, axis=-1, initial=np.nan))
