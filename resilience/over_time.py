"""What a result tells over time: person-hours lost, by sample, zone, asset and cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import TimeGrid, make_grid
from resilience.datasets import load_repair_times
from resilience.engine import BlockSums, City, EventTask, RepairRules
from resilience.errors import ConfigurationError, DataError, Problem, Problems, suggestion
from resilience.inputs import Inputs
from resilience.kernels.roots import SHARES
from resilience.network.compile import PERSON
from resilience.repair_times import RepairTimeTable
from resilience.scenario import Scenario
from resilience.variables import VARIABLES


def event_ends(inputs: Inputs, scenario: Scenario) -> NDArray[np.float64] | None:
    """Return when each event is over, h after its peak, ``(n_event,)``; None without a time section.

    Raises
    ------
    ConfigurationError
        Events without a duration.
    """
    if scenario.time is None:
        return None
    hours = np.concatenate([hazard["duration_hours"].values.astype(np.float64) for hazard in inputs.hazards])
    lacking = [
        f"{hazard.attrs['family']}: {event}"
        for hazard in inputs.hazards
        for event in hazard["event"].values[np.isnan(hazard["duration_hours"].values)]
    ]
    if lacking:
        raise ConfigurationError(
            Problem(
                "hazards.duration_hours", wanted="how long each event stays at its peak, h, with a time grid",
                got="events without it", count=len(lacking), total=hours.size, first=lacking[:3],
            )
        )  # fmt: skip
    return hours


def time_grid(inputs: Inputs, scenario: Scenario) -> TimeGrid | None:
    """Return the scenario's points in time with every end of a buffer and of an event; None without a time section."""
    ends = event_ends(inputs, scenario)
    if ends is None or scenario.time is None:
        return None
    ends = ends + scenario.time.restart_hours
    buffers = inputs.network.needs["buffer_hours"].to_numpy(dtype=np.float64)
    return make_grid(scenario.time.hours, ends=np.concatenate([np.unique(ends), np.unique(buffers)]))


def repair_rules(inputs: Inputs, scenario: Scenario) -> RepairRules | None:
    """Return how the city repairs; None where the scenario does not ask for it.

    Raises
    ------
    DataError
        Repair classes that no table knows, sectors without assets.
    """
    section = None if scenario.time is None else scenario.time.repair
    if section is None:
        return None
    table = load_repair_times()
    if section.file is not None:
        own = RepairTimeTable.from_csv(section.file, unit=section.unit, source=str(section.file))
        # A time for any peril takes the place of what is shipped for one.
        general = {time.repair_class for time in own if not time.peril}
        table = RepairTimeTable(time for time in table if time.repair_class not in general).merge(own)
    assets = inputs.network.assets
    sectors = set(assets["sector"].astype(str).unique())
    problems = Problems()
    for name in section.crews:
        if name not in sectors:
            problems.add(f"time.repair.crews.{name}", wanted=f"sectors of assets: {', '.join(sorted(sectors))}",
                         got=f"no such sector{suggestion(name, sectors)}")  # fmt: skip
    classes = assets["repair_class"].astype(str).to_numpy(dtype=object)
    known = table.classes()
    unknown = sorted(set(classes.tolist()) - set(known) - {""})
    if unknown:
        problems.add(
            "assets.repair_class", wanted=f"classes with repair times: {', '.join(known)}",
            got=f"assets with an unknown class{suggestion(unknown[0], known)}",
            count=int(np.isin(classes, unknown).sum()), total=len(classes), first=unknown[:3],
        )  # fmt: skip
    graded = sorted({time.repair_class for time in table if time.state > 1} & set(classes.tolist()))
    if graded:
        problems.add(
            "assets.repair_class", wanted="classes with one state of damage: a run does not tell how severe damage is",
            got="classes with several", count=len(graded), first=graded[:3],
        )  # fmt: skip
    problems.raise_if_any(DataError)
    return RepairRules(table, classes, dict(section.damaged), dict(section.crews), section.rule)


def time_caveats(labelled: xr.Dataset, scenario: Scenario, rules: RepairRules | None) -> tuple[str, ...]:
    """Return what a reader of figures over time must know: what is a default by judgement, and what is left out."""
    if scenario.time is None:
        return ("losses are those at the peak of each event: buffers that start hold there, however short they are",)
    lines = ["losses `at the peak` are those before any buffer runs out; hours lost count what follows"]
    served = labelled["people_served"]
    left = (labelled["people_over_time"].isel(time=-1) / served.where(served > 0)).max("event").fillna(0.0)
    late = [f"{name} {100 * share:.0f} %" for name, share in zip(left["service"].values, left.values, strict=True)
            if share >= 0.005]  # fmt: skip
    if late:
        lines.append(
            f"the time grid ends after {scenario.time.hours[-1]:g} h with services still lost: {', '.join(late)} "
            "in the worst event; what is lost later is not counted"
        )
    restart = f"{scenario.time.restart_hours:g} h after an event"
    judged = " (a default, expert judgement)" if "restart_hours" not in scenario.time.model_fields_set else ""
    if rules is None or scenario.time.repair is None:
        lines.append(f"everything is back {restart}{judged}: `time.repair` asks for damage, repair times and crews")
        return tuple(lines)
    lines.append(f"outages last as repair classes tell; without a class they end {restart}{judged}")
    if "damaged" not in scenario.time.repair.model_fields_set:
        told = ", ".join(f"{peril} {share:g}" for peril, share in rules.damaged.items())
        lines.append(f"share of failures that are damage: {told} (a default, expert judgement)")
    used = set(rules.classes.tolist())
    for basis, word in (("default", "defaults (expert judgement)"), ("memory", "from memory, to be checked")):
        names = sorted(used & {time.repair_class for time in rules.table if time.basis == basis})
        if names:
            lines.append(f"repair times that are {word}: {', '.join(names)}")
    sectors = labelled["sector"].values.astype(str)
    idle = sorted(set(rules.crews) - set(sectors[rules.classes != ""].tolist()))
    if idle:
        lines.append(f"crews with nothing to do: no asset of {', '.join(idle)} has a repair class")
    free = sorted(set(sectors[rules.classes != ""].tolist()) - set(rules.crews))
    if free:
        lines.append(f"as many crews as assets in {', '.join(free)}: `crews` does not name them")
    bare = int((rules.classes == "").sum())
    if bare:
        lines.append(f"{bare:,} assets have no repair class: they are never damaged, only out")
    return tuple(lines)


def label_times(
    labelled: xr.Dataset, city: City, tasks: Sequence[EventTask], sums: Sequence[BlockSums], lost: NDArray[np.float64]
) -> xr.Dataset:
    """Return the result with what was summed over a time grid.

    Parameters
    ----------
    labelled : xarray.Dataset
        With the roots that occur.
    city : City
    tasks, sums
        One of each per event.
    lost : (n_event, n_service, n_sample) float64
        Person-hours.
    """
    grid = city.grid
    if grid is None:
        return labelled
    n_sample = lost.shape[2]
    roots = labelled["root"].values.astype(str).tolist()
    perils = labelled["peril"].values.astype(str)
    n_event, n_service = lost.shape[:2]
    n_asset, n_zone = city.compiled.n_asset, city.compiled.n_zone
    people = np.zeros((n_event, n_service, grid.step.size))
    zone = np.zeros((n_event, n_zone, n_service))
    root_people = np.zeros((n_event, n_service, len(roots)))
    down = np.zeros((n_event, n_asset, labelled.sizes["cause"]), np.float32)
    root = np.zeros((n_event, n_asset, len(roots)), np.float32)
    hours = grid.step / 60
    for i, (task, one) in enumerate(zip(tasks, sums, strict=True)):
        over = one.over_time
        if over is None:
            continue
        column = np.array(
            [roots.index(f"{city.compiled.sectors[int(sector)]}/{perils[i]}") for sector in one.root_sectors],
            dtype=np.intp,
        )
        affected = task.plan.affected
        people[i] = over.people.T / PERSON / n_sample
        zone[i] = np.tensordot(hours, over.zone_samples / SHARES, axes=1) / n_sample
        root_people[i][:, column] = np.tensordot(hours, over.root_people / PERSON, axes=1) / n_sample
        down[i, affected] = over.cause_minutes / 60 / n_sample
        root[i][np.ix_(affected, column)] = over.root_minutes / SHARES / 60 / n_sample
    values: dict[str, NDArray[Any]] = {
        "person_hours_lost": lost,
        "people_over_time": people,
        "zone_hours_lost": zone,
        "root_person_hours": root_people,
        "down_hours": down,
        "root_hours": root,
    }
    return labelled.assign_coords(time=grid.minute[:-1] / 60).assign(
        {name: (VARIABLES[name].dims, array) for name, array in values.items()}
    )
