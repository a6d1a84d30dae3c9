"""What helps: the options of a run, what they save and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from resilience.report.rounding import NORMAL, tell, tell_interval
from resilience.report.source import Run
from resilience.why import texts


@dataclass(frozen=True)
class Remedy:
    """One option.

    Parameters
    ----------
    name : str
    rank : int
    saved : tuple of (str, str, str)
        Service, what is saved of it per year, and half-width of the 95 % interval; services without a saving left out.
    bar, low, high : float
        The savings of all services together over the largest of all, and their interval.
    cost, yearly_cost, net, ratio : str
        Money; `ratio` is benefit over cost with its interval. Empty where not known.
    carbon : str
        tCO2e, at once.
    frontier : bool
        Whether no other option saves as much for less money.
    """

    name: str
    rank: int
    saved: tuple[tuple[str, str, str], ...]
    cost: str
    yearly_cost: str
    avoided: str
    net: str
    ratio: str
    carbon: str
    frontier: bool


def remedies(run: Run) -> list[Remedy]:
    """Return the options of a run, best first; none where the scenario has none."""
    ds = run.dataset
    if "option" not in ds.dims or "option_saved" not in ds:
        return []
    saved, error = ds["option_saved"], ds.get("option_saved_standard_error")
    services = texts(ds, "service")
    ranks = _of(ds, "option_rank")
    found = []
    for i, name in enumerate(texts(ds, "option")):
        values = saved.isel(option=i).values
        errors = np.full(values.shape, np.nan) if error is None else error.isel(option=i).values
        found.append(
            Remedy(
                name=str(name),
                rank=int(ranks[i]) if np.isfinite(ranks[i]) else 0,
                saved=tuple(
                    (service, tell(value, one), tell_interval(value, one))
                    for service, value, one in zip(services, values, errors, strict=True)
                    if abs(value) > 0
                ),
                cost=_money(ds, "option_cost", i),
                yearly_cost=_money(ds, "option_yearly_cost", i),
                avoided=_money(ds, "option_direct_loss_avoided", i),
                net=_money(ds, "option_net_present_value", i),
                ratio=_ratio(ds, i),
                carbon=_money(ds, "option_carbon_embodied", i),
                frontier=bool(_of(ds, "option_on_frontier_money")[i] == 1),
            )
        )
    return sorted(found, key=lambda one: one.rank or len(found) + 1)


def _of(ds: xr.Dataset, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    unknown = np.full(ds.sizes["option"], np.nan)
    return ds[name].values.astype(np.float64) if name in ds else unknown


def _money(ds: xr.Dataset, name: str, i: int) -> str:
    value = float(_of(ds, name)[i])
    return tell(value) if np.isfinite(value) else ""


def _ratio(ds: xr.Dataset, i: int) -> str:
    value, low, high = (float(_of(ds, f"option_benefit_cost_ratio{end}")[i]) for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return ""
    error = (high - low) / 2 / NORMAL
    return tell(value, error) + (f" ({tell(low, error)} … {tell(high, error)})" if np.isfinite(error) else "")
