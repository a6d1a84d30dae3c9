"""What options save against the city as it is, and whether that is worth their cost.

The run of an option shares all random numbers with the run itself, so savings are differences of samples: what luck
does to both cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, Table
from resilience.events import yearly_weight
from resilience.fragility import SEAL_FAILURE
from resilience.labels import PEOPLE, PERSON_HOURS, loss_unit, texts
from resilience.quotients import divide
from resilience.risk.compare import annuity, weigh_benefit
from resilience.risk.standard_errors import sample_error
from resilience.scenario import Scenario
from resilience.scenario.options import DISCOUNT_RATE, CarbonSection, FloodBoard, OptionSection, settle_options

Floats = NDArray[np.float64]

NOT_SERVED: Final = "energy_not_served"
CONFIDENCE: Final = 0.95
"""Of the interval of benefit-cost ratios."""


def find_saving(base: xr.Dataset, run: xr.Dataset, *, values: Mapping[str, float], unit: str) -> xr.Dataset:
    """Return what an option saves: per event, and per year where events have rates.

    Parameters
    ----------
    base, run : xarray.Dataset
        Results of the city as it is and with the option, of one scenario.
    values : mapping of str to float, money
        What a person-hour without a service is worth; others count nothing.
    unit : str
        What people are counted in.

    Returns
    -------
    xarray.Dataset
        Variables of one option, see :mod:`resilience.variables`.

    Notes
    -----
    Standard errors are those of differences of samples, summed over events with their annual weights first.
    """
    quantity = PERSON_HOURS if PERSON_HOURS in base else PEOPLE
    counted = loss_unit(unit, hours=quantity == PERSON_HOURS)
    saved = base[quantity].values - run[quantity].values
    money = _losses(base, run)
    found: dict[str, Any] = {
        "option_event_saved": (("event", "service"), saved.mean(axis=-1), {"units": counted}),
        "option_event_saved_standard_error": (("event", "service"), sample_error(saved), {"units": counted}),
        "option_event_direct_loss_avoided": ("event", money),
    }
    coords = {"event": base["event"].values, "service": base["service"].values}
    weight = yearly_weight(base)
    rated = np.isfinite(weight)
    if not rated.any():
        return xr.Dataset(found, coords=coords)
    yearly = np.einsum("e,esn->sn", weight[rated], saved[rated])
    avoided = float(weight[rated] @ money[rated])
    per_year = {"units": f"{counted}/year"}
    found |= {
        "option_saved": ("service", yearly.mean(axis=-1), per_year),
        "option_saved_standard_error": ("service", sample_error(yearly), per_year),
        "option_annual_value": ("service", run["annual_value"].values),
        "option_direct_loss_avoided": ((), avoided),
    }
    if quantity == PERSON_HOURS:
        found["option_annual_person_hours"] = ("service", run["annual_person_hours"].values)
    if NOT_SERVED in base:
        unserved = np.einsum("e,esn->sn", weight[rated], (base[NOT_SERVED].values - run[NOT_SERVED].values)[rated])
        coords["supplied"] = base["supplied"].values
        found["option_energy_not_served_avoided"] = ("supplied", unserved.mean(axis=-1))
        found["option_energy_not_served_avoided_standard_error"] = ("supplied", sample_error(unserved))
    price = np.array([values.get(name, 0.0) for name in base["service"].values.tolist()])
    worth = price @ yearly
    found["option_annual_benefit"] = ((), float(worth.mean()) + avoided)
    found["option_annual_benefit_standard_error"] = ((), float(sample_error(worth)))
    return xr.Dataset(found, coords=coords)


def _losses(base: xr.Dataset, run: xr.Dataset) -> Floats:
    """Return the direct loss that is avoided in each event: of each asset first, so that no change is exactly none."""
    name = "asset_direct_loss"
    same = run[name].sel(asset=base["asset"])
    new = run[name].isel(asset=~np.isin(run["asset"].values, base["asset"].values))
    return np.asarray((base[name].values - same.values).sum(axis=1) - new.values.sum(axis=1))


def appraise(savings: Sequence[xr.Dataset], scenario: Scenario, *, tells_money: bool) -> xr.Dataset:
    """Return the options side by side: costs, savings, what they are worth, rank and frontier.

    Parameters
    ----------
    savings : sequence of xarray.Dataset
        From :func:`find_saving`, one for each option of the scenario.
    scenario : Scenario
    tells_money : bool
        Whether any asset has a replacement cost and a damage curve.

    Returns
    -------
    xarray.Dataset
        Along ``option``. Without rates, and where neither `values` nor direct loss tells a benefit, nothing is weighed.

    Notes
    -----
    With annuity a of the life, present value = a times the annual benefit; its cost = cost at once + a times the yearly
    cost; ratio = present value / cost, with an interval from the paired standard error. Present values of different
    lives are of different spans of time, so ranks and frontiers go by the year: annual cost = cost / a, as if an option
    were renewed for the same money at the end of its life (equivalent annual annuity). An option is on a frontier if no
    other one, and not doing nothing, has as much annual benefit for as little annual cost (or carbon per year, what is
    embodied spread over the life), one of the two better.
    """
    options = settle_options(scenario.options)
    together = xr.concat(savings, dim="option", combine_attrs="override", join="exact")
    names = np.array([option.name for option in options], dtype=object)
    told = {
        "option_combines": np.array([" + ".join(option.combine) for option in options], dtype=object),
        "option_cost": np.array([option.cost for option in options], dtype=np.float64),
        "option_yearly_cost": np.array([option.yearly_cost or 0.0 for option in options]),
        "option_life_years": np.array([option.life_years for option in options], dtype=np.float64),
        "option_carbon_embodied": np.array([_carbon(option).embodied for option in options]),
        "option_carbon_yearly": np.array([_carbon(option).yearly for option in options]),
    }
    together = together.assign_coords(option=names).assign({name: ("option", one) for name, one in told.items()})
    if "option_saved" not in together:
        return together
    rate = discount_rate(scenario)
    factor = np.array([annuity(rate, int(life)) for life in told["option_life_years"]])
    cost = told["option_cost"] + factor * told["option_yearly_cost"]
    annual_cost = told["option_cost"] / factor + told["option_yearly_cost"]
    together["option_cost_present_value"] = ("option", cost)
    together["option_annual_cost"] = ("option", annual_cost)
    saved = together["option_saved"]
    per_saved = np.where(saved.values > 0.0, divide(annual_cost[:, np.newaxis], saved.values), np.nan)
    unit = {"units": f"money/({str(saved.attrs['units']).removesuffix('/year')})"}
    together["option_cost_per_saved"] = (("option", "service"), per_saved, unit)
    if not (scenario.values or tells_money):
        return together.drop_vars(["option_annual_benefit", "option_annual_benefit_standard_error"])
    return together.assign({name: ("option", one) for name, one in _weigh(together, rate=rate).items()})


def discount_rate(scenario: Scenario) -> float:
    """Return the discount rate per year, of the scenario or the default."""
    return DISCOUNT_RATE if scenario.discount_rate is None else scenario.discount_rate


def _carbon(option: OptionSection) -> CarbonSection:
    return option.carbon or CarbonSection()


def _weigh(together: xr.Dataset, *, rate: float) -> dict[str, NDArray[Any]]:
    """Return present values, ratios, ranks and frontiers."""
    names = ("option_annual_benefit", "option_annual_benefit_standard_error", "option_cost_present_value",
             "option_annual_cost", "option_life_years", "option_carbon_embodied", "option_carbon_yearly")  # fmt: skip
    benefit, error, cost, annual_cost, life, embodied, yearly = (together[name].values for name in names)
    present, ratio, low, high = np.full((4, benefit.size), np.nan)
    for i in range(benefit.size):
        present[i] = benefit[i] * annuity(rate, int(life[i]))
        if cost[i] > 0.0 and np.isfinite(benefit[i]):
            weighed = weigh_benefit(
                float(benefit[i]), cost=float(cost[i]), rate=rate, years=int(life[i]), standard_error=float(error[i]),
                confidence=CONFIDENCE,
            )  # fmt: skip
            ratio[i], (low[i], high[i]) = weighed.ratio, weighed.ratio_interval
    net = benefit - annual_cost
    # An option whose benefit is not known comes last.
    order = np.where(np.isfinite(net), net, -np.inf)
    return {
        "option_present_value": present,
        "option_net_present_value": present - cost,
        "option_net_annual_benefit": net,
        "option_benefit_cost_ratio": ratio,
        "option_benefit_cost_ratio_low": low,
        "option_benefit_cost_ratio_high": high,
        "option_rank": 1 + (order > order[:, np.newaxis]).sum(axis=1),
        "option_on_frontier_money": on_frontier(annual_cost, benefit),
        "option_on_frontier_carbon": on_frontier(embodied / life + yearly, benefit),
    }


def on_frontier(cost: Floats, value: Floats) -> NDArray[np.bool_]:
    """Return which options no other one beats, nor doing nothing: as much value for as little cost, one of them better.

    Parameters
    ----------
    cost, value : (n,) float64
        NaN is never on it.

    Examples
    --------
    >>> on_frontier(np.array([1.0, 2.0, 2.0, 1.0]), np.array([5.0, 9.0, 4.0, -1.0])).tolist()
    [True, True, False, False]
    """
    costs, values = np.append(cost, 0.0), np.append(value, 0.0)
    as_good = (costs <= cost[:, np.newaxis]) & (values >= value[:, np.newaxis])
    better = (costs < cost[:, np.newaxis]) | (values > value[:, np.newaxis])
    return np.asarray(np.isfinite(cost) & np.isfinite(value) & ~(as_good & better).any(axis=1))


def option_notes(scenario: Scenario, together: xr.Dataset, *, tells_money: bool) -> list[str]:
    """Return what a reader must know of the options."""
    lines = [
        "options: each is the run again on the changed city with the same random numbers; savings of options do not "
        "add, so ranks and frontiers are of single options and of combinations that the scenario names"
    ]
    boards = [change for one in scenario.options for change in one.changes if isinstance(change, FloodBoard)]
    if any(board.seal_failure is None for board in boards):
        lines.append(
            f"options: a flood board without `seal_failure` leaks with probability {SEAL_FAILURE:g} where the asset "
            "has none of its own: a default by judgement; the direct loss is as without a board"
        )
    if "option_saved" not in together:
        return [*lines, "options are not weighed: no events have rates, so savings are per event, as if it occurred"]
    if "option_rank" not in together:
        return [*lines, "options are not weighed: neither `values` nor a direct loss tells what a saving is worth"]
    if not scenario.values:
        lines.append(
            "options: no `values` are given, so the benefit is the direct loss avoided alone; what people are spared "
            "counts nothing in present values, ratios, ranks and frontiers"
        )
    else:
        unvalued = [name for name in texts(together, "service").tolist() if name not in scenario.values]
        without = f"; {', '.join(unvalued)} count nothing" if unvalued else ""
        money = " and of direct loss avoided" if tells_money else ""
        lines.append(
            f"options: the benefit is of person-hours saved at the values given (the user's judgement){money}{without}"
        )
    if not (together["option_net_annual_benefit"] > 0.0).any():
        lines.append(
            "options: none brings more than it costs, by the benefit that is counted: rank 1 is the least bad of them"
        )
    if scenario.discount_rate is None:
        lines.append(f"options: discount_rate = {DISCOUNT_RATE:g} per year is a default by judgement, from memory")
    return lines


def options_table(dataset: xr.Dataset, *, unit: str, tells_money: bool) -> Table:
    """Return a row for every option, per event where nothing is told per year.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with options.
    unit : str
        What people are counted in.
    tells_money : bool
        Whether a direct loss of 0 is known to be one.
    """
    services, names = texts(dataset, "service"), texts(dataset, "option")
    annual = "option_saved" in dataset
    prefix = "option" if annual else "option_event"
    columns: dict[str, str] = {
        name: f"option_{name}" for name in ("cost", "yearly_cost", "life_years", "carbon_embodied", "carbon_yearly")
    }  # fmt: skip
    weighed = {name: f"option_{name}" for name in _WEIGHED if f"option_{name}" in dataset}
    supplied = texts(dataset, "supplied").tolist() if "option_energy_not_served_avoided" in dataset else []
    header = [
        "option", "combines", "event", *columns, *(f"saved_{name}" for name in services),
        *(f"saved_error_{name}" for name in services), *(f"cost_per_saved_{name}" for name in services if annual),
        *(f"not_served_avoided_{name}" for name in supplied), *(f"not_served_error_{name}" for name in supplied),
        "direct_loss_avoided", *weighed, "unit",
    ]  # fmt: skip
    counted = str(dataset[f"{prefix}_saved"].attrs.get("units", unit))
    events = [""] if annual else texts(dataset, "event").tolist()
    costs = [dataset[name].values for name in columns.values()]

    def blocks() -> Iterator[Sequence[Column]]:
        for k, event in enumerate(events):
            figures = [dataset[f"{prefix}_{name}"].values for name in ("saved", "saved_standard_error")]
            loss = dataset[f"{prefix}_direct_loss_avoided"].values
            if not annual:
                figures, loss = [one[:, k] for one in figures], loss[:, k]
            else:
                figures.append(dataset["option_cost_per_saved"].values)
            ends = ("", "_standard_error") if supplied else ()
            energy = [dataset[f"option_energy_not_served_avoided{end}"].values for end in ends]
            yield [
                names, texts(dataset, "option_combines"), [event] * names.size, *costs,
                *(column.astype(np.float64) for one in (*figures, *energy) for column in one.T),
                loss if tells_money else np.full(names.size, np.nan),
                *(_cells(dataset[name].values) for name in weighed.values()), [counted] * names.size,
            ]  # fmt: skip

    return header, blocks()


_WEIGHED = ("annual_benefit", "annual_benefit_standard_error", "annual_cost", "net_annual_benefit",
            "cost_present_value", "present_value", "net_present_value", "benefit_cost_ratio", "benefit_cost_ratio_low",
            "benefit_cost_ratio_high", "rank", "on_frontier_money", "on_frontier_carbon")  # fmt: skip


def _cells(values: NDArray[Any]) -> Column:
    if values.dtype == bool:
        return ["yes" if one else "no" for one in values.tolist()]
    return values.tolist() if values.dtype.kind == "i" else values.astype(np.float64)
