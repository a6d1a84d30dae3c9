"""The result of a run: one labelled dataset, the figures people read first, the tables they open next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import cause_names
from resilience.engine import BlockSums, City, EventTask, square_step
from resilience.kernels.roots import SHARES
from resilience.network.compile import PERSON
from resilience.variables import VARIABLES
from resilience.why import name_root, origins_table, why_table


def label_sums(city: City, tasks: Sequence[EventTask], sums: Sequence[BlockSums], damaged: xr.Dataset) -> xr.Dataset:
    """Return the sums of all events as a labelled dataset.

    Parameters
    ----------
    city : City
    tasks, sums
        One of each per event.
    damaged : xarray.Dataset
        Exposure and damage, (event, asset).

    Returns
    -------
    xarray.Dataset
        Counts per asset and zone, causes and roots, the running sums that importance is told from.
    """
    compiled = city.compiled
    n_event, n_asset = len(tasks), compiled.n_asset
    services = list(city.layout.names)
    causes = list(cause_names(compiled.services))
    perils = damaged["peril"].values.astype(str)
    pairs = [
        {int(root): name_root(compiled.sectors, perils[i], int(root)) for root in one.root_sectors}
        for i, one in enumerate(sums)
    ]
    roots = sorted({name for pair in pairs for name in pair.values()})
    failed = np.zeros((n_event, n_asset), np.int32)
    down = np.zeros((n_event, n_asset, len(causes)), np.int32)
    root_share = np.zeros((n_event, n_asset, len(roots)), np.float32)
    zone = np.zeros((n_event, compiled.n_zone, len(services)))
    zone_root = np.zeros((n_event, compiled.n_zone, len(services), len(roots)), np.float32)
    root_people = np.zeros((n_event, len(services), len(roots)))
    sum_failed = np.zeros((n_event, n_asset, len(services)))
    square_failed = np.zeros((n_event, n_asset, len(services)))
    square = np.zeros((n_event, len(services)))
    step = square_step(city)
    for i, (task, one, pair) in enumerate(zip(tasks, sums, pairs, strict=True)):
        failing, affected = task.plan.failing, task.plan.affected
        column = np.array([roots.index(pair[int(sector)]) for sector in one.root_sectors], dtype=np.intp)
        failed[i, failing] = one.failed
        down[i, affected] = one.causes
        root_share[i][np.ix_(affected, column)] = one.root_shares / SHARES
        zone[i] = one.zone_samples / SHARES
        zone_root[i][:, :, column] = one.zone_roots / SHARES
        root_people[i][:, column] = one.root_people / PERSON
        sum_failed[i, failing] = one.loss_failed / PERSON
        square_failed[i, failing] = one.loss_square_failed * step
        square[i] = one.loss_square * step
    assigned = {services[part.service] for part in city.layout.assigned}
    # Of type text also where there are none.
    coords = {
        name: np.array(labels, dtype=np.str_)
        for name, labels in (("service", services), ("cause", causes), ("root", roots), ("zone", compiled.zone_id))
    }
    served = np.zeros((compiled.n_zone, len(services)))
    for number, part in enumerate(city.layout.parts):
        share = 1.0 / getattr(part, "n_group", 1)
        served[:, part.service] += share * city.baseline.share(number)
    values: dict[str, NDArray[Any]] = {
        "failed_count": failed,
        "down_count": down,
        "root_share": root_share,
        "zone_without_service": zone,
        "zone_root": zone_root,
        "root_people": root_people,
        "sum_loss_failed": sum_failed,
        "sum_loss2_failed": square_failed,
        "sum_loss2": square,
        "baseline_down": city.baseline.down,
        "baseline_served": served,
        "service_by": np.array(["assignment" if name in assigned else "road" for name in services], dtype=object),
        "zone_people": compiled.persons / PERSON,
        "people_served": city.people / PERSON,
    }
    return damaged.assign_coords(coords).assign({name: (VARIABLES[name].dims, array) for name, array in values.items()})


SAMPLING = "sampling error, 95 %"


@dataclass(frozen=True)
class Result:
    """What a run found.

    Parameters
    ----------
    dataset : xarray.Dataset
        Everything, labelled; see ``resilience.variables``.
    exceedance : xarray.Dataset or None
        Occurrence and aggregate values by return period; None without rates.
    importance : xarray.Dataset or None
        Importance of assets; None without rates.
    pairs : xarray.Dataset or None
        Importance of chosen assets from paired runs; None where none is chosen.
    path : pathlib.Path or None
        The run directory, if the run was kept.
    notes : tuple of str
        What a reader must know.
    """

    dataset: xr.Dataset
    exceedance: xr.Dataset | None
    importance: xr.Dataset | None
    pairs: xr.Dataset | None
    path: Path | None
    notes: tuple[str, ...]

    def to_xarray(self) -> xr.Dataset:
        """Return the labelled dataset."""
        return self.dataset

    @property
    def unit(self) -> str:
        """What people are counted in."""
        return str(self.dataset["people_served"].attrs["units"])

    @property
    def tells_money(self) -> bool:
        """Whether any asset has a replacement cost and a damage curve; without, a direct loss of 0 would mislead."""
        return int(self.dataset.attrs.get("assets_with_costs", 1)) > 0

    def why_table(self) -> list[list[str]]:
        """Return the root causes of every loss in a few rows for people, header first; no rows without a loss."""
        return why_table(self.dataset)

    def origins_table(self) -> list[list[str]]:
        """Return what the root causes stand for, header first; no rows without a loss."""
        return origins_table(self.dataset)

    def summary_table(self) -> list[list[str]]:
        """Return the figures people read first, header first: per year where there are rates, else per event."""
        ds = self.dataset
        unit = self.unit
        rows: list[list[str]] = []
        if "annual_value" in ds:
            over_time = "annual_person_hours" in ds
            hours = [f"{unit} h lost per year", SAMPLING] if over_time else []
            peak = f"{unit} without it at the peak, per year"
            rows.append(["service", peak, SAMPLING, "of it beyond the rarest event", *hours])
            for service in ds["service"].values:
                one = ds.sel(service=service)
                rows.append(
                    [
                        str(service),
                        _figure(float(one["annual_value"])),
                        _figure(1.96 * float(one["annual_standard_error"])),
                        _figure(float(one["annual_tail"])),
                        *(
                            [_figure(float(one["annual_person_hours"])),
                             _figure(1.96 * float(one["annual_person_hours_standard_error"]))] if over_time else []
                        ),
                    ]
                )  # fmt: skip
            if self.tells_money:
                rows.append(
                    ["direct loss (money)", _figure(float(ds["annual_direct_loss"])), "",
                     _figure(float(ds["annual_direct_loss_tail"])), *([""] * len(hours))]
                )  # fmt: skip
            return rows
        money = ["direct loss (money)"] if self.tells_money else []
        rows.append(["event", *(f"{unit} without {name}" for name in ds["service"].values), *money])
        mean = ds["people_without_service"].mean("sample")
        for event in ds["event"].values:
            rows.append(
                [str(event), *(_figure(float(v)) for v in mean.sel(event=event).values),
                 *(_figure(float(ds["direct_loss"].sel(event=event))) for _ in money)]
            )  # fmt: skip
        return rows


def _figure(value: float) -> str:
    """Return a figure as people write it: three significant digits, thousands set apart."""
    if not np.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}" if digits else f"{float(f'{value:.3g}'):,.0f}"
