"""The result of a run: one labelled dataset, the figures people read first, the tables they open next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from resilience.network import Network
from resilience.why import origins_table, why_table

SAMPLING = "sampling error, 95 %"


@dataclass(frozen=True)
class Result:
    """What a run found.

    Parameters
    ----------
    dataset : xarray.Dataset
        Everything, labelled; see :mod:`resilience.variables`.
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
    network_source : Network or callable, optional
        The city, or what reads it when it is asked for first.
    """

    dataset: xr.Dataset
    exceedance: xr.Dataset | None
    importance: xr.Dataset | None
    pairs: xr.Dataset | None
    path: Path | None
    notes: tuple[str, ...]
    network_source: Network | Callable[[], Network] | None = field(default=None, repr=False)

    @cached_property
    def network(self) -> Network | None:
        """The city that was assessed, with what rules derived; None where nobody told."""
        return self.network_source() if callable(self.network_source) else self.network_source

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
