"""What a result tells over time: person-hours lost, by sample, zone, asset and cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import TimeGrid, make_grid
from resilience.engine import BlockSums, City, EventTask
from resilience.errors import ConfigurationError, Problem
from resilience.inputs import Inputs
from resilience.kernels.roots import SHARES
from resilience.network.compile import PERSON
from resilience.scenario import Scenario
from resilience.variables import VARIABLES


def event_ends(inputs: Inputs, scenario: Scenario) -> NDArray[np.float64] | None:
    """Return when what each event put out works again, h after its peak, ``(n_event,)``; None without a time section.

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
    return hours + scenario.time.restart_hours


def time_grid(inputs: Inputs, scenario: Scenario) -> TimeGrid | None:
    """Return the scenario's points in time with every end of a buffer and of an event; None without a time section."""
    ends = event_ends(inputs, scenario)
    if ends is None or scenario.time is None:
        return None
    buffers = inputs.network.needs["buffer_hours"].to_numpy(dtype=np.float64)
    return make_grid(scenario.time.hours, ends=np.concatenate([np.unique(ends), np.unique(buffers)]))


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
