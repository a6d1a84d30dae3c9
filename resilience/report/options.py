"""What helps: the options of a run, what they save and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from resilience.labels import texts
from resilience.quotients import divide
from resilience.reading import FinishedRun
from resilience.report.rounding import tell, tell_difference, tell_interval
from resilience.risk.standard_errors import NORMAL


@dataclass(frozen=True)
class OptionRow:
    """One option, in a year or, without rates, in one event.

    Parameters
    ----------
    name : str
        With the options that it combines.
    event : str
        Empty for a year.
    rank : int
        0 without one.
    saved : dict of str to (str, str)
        What is saved of each service, and half-width of the 95 % interval; services without a saving left out.
    life : str
        Years.
    cost, yearly_cost, avoided, benefit, annual_cost, net, net_interval, present, ratio, ratio_interval : str
        Money; `avoided` is direct loss, `benefit` of a year less `annual_cost` is `net`, with half of its 95 %
        interval, `present` the net present value, `ratio` is benefit over cost. Empty where not
        known.
    pays : bool
        Whether it brings more than it costs.
    carbon, yearly_carbon : str
        tCO2e, at once and per year.
    frontier, carbon_frontier : bool
        Whether nothing else brings as much a year for as little annual cost, or carbon.
    """

    name: str
    event: str
    rank: int
    saved: dict[str, tuple[str, str]]
    life: str
    cost: str
    yearly_cost: str
    avoided: str
    benefit: str
    annual_cost: str
    net: str
    net_interval: str
    present: str
    ratio: str
    ratio_interval: str
    carbon: str
    yearly_carbon: str
    pays: bool
    frontier: bool
    carbon_frontier: bool


def option_rows(run: FinishedRun) -> list[OptionRow]:
    """Return the options of a run, best first; none where the scenario has none."""
    ds = run.dataset
    if "option" not in ds.dims:
        return []
    if "option_saved" in ds:
        found = _told(ds, "")
        return sorted(found, key=lambda one: one.rank or len(found) + 1)
    return [
        one
        for event in texts(ds, "event")
        for one in _told(ds.sel(event=event), str(event))
    ]  # fmt: skip


def _told(ds: xr.Dataset, event: str) -> list[OptionRow]:
    """Return the options of a year, or of the one event that the dataset holds."""
    prefix = "option_event_" if event else "option_"
    saved, error = ds[f"{prefix}saved"], ds[f"{prefix}saved_standard_error"]
    services, combined = texts(ds, "service"), texts(ds, "option_combines")
    ranks = _of(ds, "option_rank")
    frontier, of_carbon = (_of(ds, f"option_on_frontier_{name}") for name in ("money", "carbon"))
    # Costs are certain, so what is uncertain of a net benefit is the benefit.
    net, net_error, present, worth, benefit, annual_cost = (
        _of(ds, f"option_{name}")
        for name in ("net_annual_benefit", "annual_benefit_standard_error", "net_present_value", "present_value",
                     "annual_benefit", "annual_cost")
    )  # fmt: skip
    annuity = divide(np.abs(worth), np.abs(benefit))
    # A benefit, a cost and the net of both.
    yearly = [
        tell_difference(*one) if np.isfinite(one[0]) else ("", "", "")
        for one in zip(benefit.tolist(), annual_cost.tolist(), net_error.tolist(), strict=True)
    ]
    return [
        OptionRow(
            name=f"{name} ({combined[i]})" if combined[i] else str(name),
            event=event,
            rank=int(ranks[i]) if np.isfinite(ranks[i]) else 0,
            saved={
                service: (tell(value, one), tell_interval(value, one))
                for service, value, one in zip(
                    services, saved.isel(option=i).values, error.isel(option=i).values, strict=True
                )
                if value != 0
            },
            life=f"{float(ds['option_life_years'].values[i]):g}",
            cost=_money(ds, "option_cost", i),
            yearly_cost=_money(ds, "option_yearly_cost", i),
            avoided=_money(ds, f"{prefix}direct_loss_avoided", i),
            benefit=yearly[i][0],
            annual_cost=yearly[i][1],
            net=yearly[i][2],
            net_interval=tell_interval(net[i], net_error[i]),
            present=tell(present[i], net_error[i] * annuity[i]) if np.isfinite(present[i]) else "",
            ratio=_ratio(ds, i)[0],
            ratio_interval=_ratio(ds, i)[1],
            carbon=_money(ds, "option_carbon_embodied", i),
            yearly_carbon=_money(ds, "option_carbon_yearly", i),
            pays=bool(net[i] > 0),
            frontier=bool(frontier[i] == 1),
            carbon_frontier=bool(of_carbon[i] == 1),
        )
        for i, name in enumerate(texts(ds, "option"))
    ]


def _of(ds: xr.Dataset, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    unknown = np.full(ds.sizes["option"], np.nan)
    return ds[name].values.astype(np.float64) if name in ds else unknown


def _money(ds: xr.Dataset, name: str, i: int) -> str:
    value = float(_of(ds, name)[i])
    return tell(value) if np.isfinite(value) else ""


def _ratio(ds: xr.Dataset, i: int) -> tuple[str, str]:
    """Return benefit over cost, and the ends of its interval."""
    value, low, high = (float(_of(ds, f"option_benefit_cost_ratio{end}")[i]) for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return "", ""
    error = (high - low) / 2 / NORMAL
    return tell(value, error), f"{tell(low, error)} … {tell(high, error)}" if np.isfinite(error) else ""
