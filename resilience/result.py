"""The result of a run: one labelled dataset, the figures people read first, the tables they open next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import xarray as xr

from resilience.errors import count_of
from resilience.frames import make_frame
from resilience.labels import SYNTHETIC, loss_unit, people_unit, tells_money, texts
from resilience.network import Network
from resilience.plot import ResultPlots
from resilience.result_html import result_html
from resilience.risk.standard_errors import NORMAL
from resilience.why import origins_table, why_table

SAMPLING = "sampling error, 95 %"


@dataclass(frozen=True, repr=False)
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
    network_source : Network or callable, optional
        The city, or what reads it when it is asked for first.
    """

    dataset: xr.Dataset
    exceedance: xr.Dataset | None
    importance: xr.Dataset | None
    pairs: xr.Dataset | None
    path: Path | None
    notes: tuple[str, ...]
    network_source: Network | Callable[[], Network] | None = None

    @cached_property
    def network(self) -> Network | None:
        """The city that was assessed, with what rules derived; None where nobody told."""
        return self.network_source() if callable(self.network_source) else self.network_source

    @property
    def plot(self) -> ResultPlots:
        """The plots: ``result.plot.exceedance()``, `recovery`, `map`, `causes`, `criticality`; each returns axes."""
        return ResultPlots(self)

    def to_xarray(self) -> xr.Dataset:
        """Return the labelled dataset."""
        return self.dataset

    def to_geodataframe(self, what: str = "assets", *, event: str | None = None) -> gpd.GeoDataFrame:
        """Return assets or zones with geometry and figures, of an event or per year.

        Parameters
        ----------
        what : {"assets", "zones"}
        event : str, optional
            By default per year, over all events with rates.

        Returns
        -------
        geopandas.GeoDataFrame
            See ``resilience.frames.make_frame``.

        Raises
        ------
        ConfigurationError
            No event of that name, or none with a rate; a result that does not know its city.

        Examples
        --------
        >>> from resilience.pipeline import assess, demo_scenario
        >>> zones = assess(demo_scenario(size=600, samples=512)).to_geodataframe("zones", event="flood:rp100")
        >>> list(zones.columns[:4])
        ['district', 'people', 'lost_power', 'lost_water']
        """
        return make_frame(self.dataset, self.network, what=what, event=event)

    @property
    def title(self) -> str:
        """The name of the scenario."""
        return str(self.dataset.attrs.get("title", ""))

    @property
    def is_synthetic(self) -> bool:
        """Whether the city is the built-in one, of no real place."""
        return any(note.startswith(SYNTHETIC) for note in self.notes)

    def _told(self) -> list[str]:
        """Return how large the run was."""
        nouns = ("event", "service", "asset", "zone", "sample")
        return [count_of(self.dataset.sizes[noun], noun) for noun in nouns]

    def __repr__(self) -> str:
        return f"<Result {self.title!r}: {', '.join(self._told())}>"

    def _repr_html_(self) -> str:
        return result_html(self.title, self.summary_table(), self.notes, synthetic=self.is_synthetic, told=self._told())

    @property
    def unit(self) -> str:
        """What people are counted in."""
        return people_unit(self.dataset)

    @property
    def tells_money(self) -> bool:
        """Whether any asset has a replacement cost and a damage curve; without, a direct loss of 0 would mislead."""
        return tells_money(self.dataset)

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
            hours = [f"{loss_unit(unit, hours=True)} lost per year", SAMPLING] if over_time else []
            peak = f"{unit} without it at the peak, per year"
            rows.append(["service", peak, SAMPLING, "of those at the peak, beyond the rarest event", *hours])
            for service in ds["service"].values:
                one = ds.sel(service=service)
                rows.append(
                    [
                        str(service),
                        figure(float(one["annual_value"])),
                        _half_width(one["annual_standard_error"]),
                        figure(float(one["annual_tail"])),
                        *(
                            [figure(float(one["annual_person_hours"])),
                             _half_width(one["annual_person_hours_standard_error"])] if over_time else []
                        ),
                    ]
                )  # fmt: skip
            if self.tells_money:
                rows.append(
                    ["direct loss (money)", figure(float(ds["annual_direct_loss"])), "",
                     figure(float(ds["annual_direct_loss_tail"])), *([""] * len(hours))]
                )  # fmt: skip
            return rows
        money = ["direct loss (money)"] if self.tells_money else []
        rows.append(["event", *(f"{unit} without {name}" for name in ds["service"].values), *money])
        mean = ds["people_without_service"].mean("sample")
        for event in ds["event"].values:
            rows.append(
                [str(event), *(figure(float(v)) for v in mean.sel(event=event).values),
                 *(figure(float(ds["direct_loss"].sel(event=event))) for _ in money)]
            )  # fmt: skip
        return rows

    def branches_table(self) -> list[list[str]]:
        """Return what a year takes in every branch, beside the run itself; empty without branches or rates."""
        ds = self.dataset
        if "branch_annual_value" not in ds:
            return []
        hours = "branch_annual_person_hours" in ds
        name = "annual_person_hours" if hours else "annual_value"
        money = self.tells_money and "branch_annual_direct_loss" in ds
        weight = ds["branch_weight"].values
        lost, loss = ds[f"branch_{name}"].values, ds["branch_annual_direct_loss"].values if money else None
        unit = f"{loss_unit(self.unit, hours=hours)}/year"
        rows = [["branch", "weight", *(f"{service}, {unit}" for service in texts(ds, "service")),
                 *(["direct loss, money/year"] if money else [])]]  # fmt: skip
        ends = [
            ("the run itself", "", ds[name].values, float(ds["annual_direct_loss"]) if money else 0.0),
            *((str(branch), figure(weight[i]), lost[i], float(loss[i]) if loss is not None else 0.0)
              for i, branch in enumerate(texts(ds, "branch"))),
            ("weighted mean", "", weight @ lost, float(weight @ loss) if loss is not None else 0.0),
        ]  # fmt: skip
        for label, share, figures, cost in ends:
            rows.append([label, share, *map(figure, figures.tolist()), *([figure(cost)] if money else [])])
        return rows

    def options_table(self) -> list[list[str]]:
        """Return what each option saves and is worth, header first: per event without rates; empty without options.

        What follows the saving and its error is money, but for quotients and ranks.
        """
        ds = self.dataset
        if "option" not in ds.dims:
            return []
        yearly, weighed = "option_saved" in ds, "option_rank" in ds
        name = "option_saved" if yearly else "option_event_saved"
        avoided = f"{'option' if yearly else 'option_event'}_direct_loss_avoided"
        money = ["direct loss avoided/year" if yearly else "direct loss avoided"] if self.tells_money else []
        worth = ["benefit/year", "cost/year", "net/year", "benefit/cost", "95 %", "rank"] if weighed else []
        unit = ds[name].attrs["units"]
        rows = [["option", *([] if yearly else ["event"]), "cost", "saves most of", unit, SAMPLING, *money, *worth]]
        for option in ds["option"].values:
            whole = ds.sel(option=option)
            for event in [None] if yearly else ds["event"].values.tolist():
                one = whole if event is None else whole.sel(event=event)
                most = int(one[name].values.argmax())
                rows.append(
                    [str(option), *([] if event is None else [str(event)]), figure(float(one["option_cost"])),
                     str(ds["service"].values[most]) if one[name][most] > 0 else "none", figure(float(one[name][most])),
                     _half_width(one[f"{name}_standard_error"][most]), *(figure(float(one[avoided])) for _ in money),
                     *(_worth(one) if weighed else [])]
                )  # fmt: skip
        return rows


def _half_width(standard_error: xr.DataArray) -> str:
    """Return the half-width of the 95 % interval, as :func:`figure` writes it."""
    return figure(NORMAL * float(standard_error))


def _worth(option: xr.Dataset) -> list[str]:
    """Return what an option is worth, and its rank."""
    ratio = [figure(float(option[f"option_benefit_cost_ratio{end}"])) for end in ("", "_low", "_high")]
    names = ("annual_benefit", "annual_cost", "net_annual_benefit")
    yearly = [figure(float(option[f"option_{name}"])) for name in names]
    return [*yearly, ratio[0], f"{ratio[1]} to {ratio[2]}", str(int(option["option_rank"]))]


def figure(value: float) -> str:
    """Return a figure as people write it: three significant digits, thousands set apart."""
    if not np.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}" if digits else f"{float(f'{value:.3g}'):,.0f}"
