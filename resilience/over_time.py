"""What a result tells over time: person-hours lost, by sample, zone, asset and cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.engine import BlockSums, City, EventTask
from resilience.errors import count_of
from resilience.horizon import Horizon
from resilience.kernels.roots import SHARES
from resilience.network.compile import PERSON
from resilience.scenario import Scenario
from resilience.variables import VARIABLES
from resilience.why import find_perils, name_root


def time_caveats(labelled: xr.Dataset, scenario: Scenario, horizon: Horizon | None) -> tuple[str, ...]:
    """Return what a reader of figures over time must know: what they count, and what is left out."""
    if scenario.time is None or horizon is None:
        return ("losses are those at the peak of each event: buffers that start hold there, however short they are",)
    widest = float(np.diff(horizon.grid.minute).max()) / 60
    lines = [
        "losses `at the peak` are those before any buffer runs out; hours lost count what follows",
        f"the course of a single sample is as coarse as the time grid (steps of up to {widest:g} h), and so are "
        "exceedance of hours and times until services are back; means are not. `time.hours` with more points is finer",
    ]
    if any(one is not None for one in horizon.hourly):
        families = {str(labelled["family"][i].item()): None for i, one in enumerate(horizon.hourly) if one is not None}
        lines.append(
            f"{', '.join(families)} change over time: hours lost begin with the event and follow its maps; `at the "
            "peak` all is out at once that is out at any time"
        )
    served = labelled["people_served"]
    left = (labelled["people_at_end"] / served.where(served > 0)).max("event").fillna(0.0)
    late = [f"{name} {100 * share:.0f} %" for name, share in zip(left["service"].values, left.values, strict=True)
            if share >= 0.005]  # fmt: skip
    if late:
        lines.append(
            f"the time grid ends after {scenario.time.hours[-1]:g} h with services still lost: {', '.join(late)} "
            "in the worst event; what is lost later is not counted"
        )
    restart = f"{scenario.time.restart_hours:g} h after an event"
    rules = horizon.rules
    if rules is None or scenario.time.repair is None:
        lines.append(f"everything is back {restart}: `time.repair` asks for damage, repair times and crews")
        return tuple(lines)
    lines.append(f"outages last as repair classes tell; without a class they end {restart}")
    given = scenario.time.repair.damaged
    graded = [f"{peril} {', '.join(f'{share:g}' for share in given[peril])}" for peril in find_perils(labelled)
              if len(given.get(peril, ())) > 1]  # fmt: skip
    if graded:
        lines.append(f"shares of failures in each state of damage or a worse one (the scenario's judgement): "
                     f"{'; '.join(graded)}")  # fmt: skip
    sectors = labelled["sector"].values.astype(str)
    idle = sorted(set(rules.crews) - set(sectors[rules.classes != ""].tolist()))
    crews = []
    if idle:
        crews.append(f"crews with nothing to do: no asset of {', '.join(idle)} has a repair class")
    free = sorted(set(sectors[rules.classes != ""].tolist()) - set(rules.crews))
    if free:
        crews.append(f"as many crews as assets in {', '.join(free)}: `crews` does not name them")
    if rules.depots is None:
        crews.append("crews are everywhere as soon as an event is over: `time.repair.depots` asks for their ways")
    if crews:
        lines.append("; ".join(crews))
    bare = int((rules.classes == "").sum())
    if bare:
        lines.append(f"without a repair class, so never damaged, only out: {count_of(bare, 'asset')}")
    return tuple(lines)


def label_times(labelled: xr.Dataset, city: City, tasks: Sequence[EventTask], sums: Sequence[BlockSums]) -> xr.Dataset:
    """Return the result with what was summed over a time grid.

    Parameters
    ----------
    labelled : xarray.Dataset
        With the roots that occur.
    city : City
    tasks, sums
        One of each per event.
    """
    grid = city.grid
    if grid is None:
        return labelled
    n_event, n_service, n_sample = (labelled.sizes[name] for name in ("event", "service", "sample"))
    roots = labelled["root"].values.astype(str).tolist()
    perils = labelled["peril"].values.astype(str)
    n_asset, n_zone = city.compiled.n_asset, city.compiled.n_zone
    people = np.zeros((n_event, n_service, grid.step.size))
    at_end = np.zeros((n_event, n_service))
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
            [roots.index(name_root(city.compiled.sectors, perils[i], int(root))) for root in one.root_sectors],
            dtype=np.intp,
        )
        affected = task.plan.affected
        people[i] = over.people.T / PERSON / n_sample
        at_end[i] = over.at_end / PERSON / n_sample
        zone[i] = np.tensordot(hours, over.zone_samples / SHARES, axes=1) / n_sample
        root_people[i][:, column] = np.tensordot(hours, over.root_people / PERSON, axes=1) / n_sample
        down[i, affected] = over.cause_minutes / 60 / n_sample
        root[i][np.ix_(affected, column)] = over.root_minutes / SHARES / 60 / n_sample
    values: dict[str, NDArray[Any]] = {
        "people_over_time": people,
        "people_at_end": at_end,
        "zone_hours_lost": zone,
        "root_person_hours": root_people,
        "down_hours": down,
        "root_hours": root,
    }
    return labelled.assign_coords(time=grid.minute[:-1] / 60).assign(
        {name: (VARIABLES[name].dims, array) for name, array in values.items()}
    )
