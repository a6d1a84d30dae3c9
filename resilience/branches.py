"""Branches: the run again under what is not known, with the same random numbers; results side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from resilience.cells import Column, Table, broadcast_columns
from resilience.curves import CurveTable
from resilience.curves.quantile import at_quantile
from resilience.errors import ConfigurationError, Problem
from resilience.inputs import Inputs
from resilience.labels import PEOPLE, PERSON_HOURS, loss_unit, texts
from resilience.scenario import Scenario
from resilience.scenario.branches import BranchSection
from resilience.scenario.method import ImportanceSection

_KEPT = {
    PEOPLE: "branch_people",
    PERSON_HOURS: "branch_person_hours",
    "direct_loss": "branch_direct_loss",
    "annual_value": "branch_annual_value",
    "annual_person_hours": "branch_annual_person_hours",
    "annual_direct_loss": "branch_annual_direct_loss",
}


def check_branches(branches: Sequence[BranchSection], inputs: Inputs) -> None:
    """Raise ConfigurationError for quantiles of curves where no curve tells a spread."""
    spread = [curve.name for curve in inputs.curves if curve.spread.size]
    asked = [branch.name for branch in branches if branch.curve_quantile is not None]
    if asked and not spread:
        wanted = "curves that tell a spread"
        raise ConfigurationError(Problem("branches.curve_quantile", wanted, "none", first=tuple(asked)))


def without_extras(scenario: Scenario, *, samples: int) -> Scenario:
    """Return the scenario of the run again, with a number of samples: without catalogue and importance.

    Parameters
    ----------
    scenario : Scenario
    samples : int
    """
    risk = scenario.risk.model_copy(update={"catalogue_years": 0})
    counts = scenario.monte_carlo.model_copy(update={"samples": samples, "tolerance": None})
    return scenario.model_copy(update={"risk": risk, "importance": ImportanceSection(), "monte_carlo": counts})


def take_branch(inputs: Inputs, branch: BranchSection) -> Inputs:
    """Return the inputs as they are in a branch.

    Parameters
    ----------
    inputs : Inputs
    branch : BranchSection
    """
    bias = branch.hazard_bias
    hazards = tuple(
        hazard.assign_attrs(bias=bias[family]) if (family := str(hazard.attrs["family"])) in bias else hazard
        for hazard in inputs.hazards
    )
    curves, network = inputs.curves, inputs.network
    if branch.curve_quantile is not None:
        curves = CurveTable(at_quantile(curve, branch.curve_quantile) for curve in curves)
    if branch.cost_factor != 1.0:
        costs = network.assets["replacement_cost"] * branch.cost_factor
        network = replace(network, assets=network.assets.assign(replacement_cost=costs))
    return replace(inputs, hazards=hazards, curves=curves, network=network)


def join_branches(branches: Sequence[BranchSection], found: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return what the branches came to, side by side.

    Parameters
    ----------
    branches : sequence of BranchSection
    found : sequence of xarray.Dataset
        Of the result of each.
    """
    parts = []
    for one in found:
        kept = one[[name for name in _KEPT if name in one]]
        if "sample" in kept.dims:
            kept = kept.mean("sample")
        parts.append(kept.rename({name: _KEPT[str(name)] for name in kept.data_vars}).reset_coords(drop=True))
    together = xr.concat(parts, dim="branch", combine_attrs="drop")
    weight = np.array([branch.weight for branch in branches])
    return together.assign_coords(branch=np.array([branch.name for branch in branches], dtype=object)).assign(
        branch_weight=("branch", weight / weight.sum())
    )


def branches_table(dataset: xr.Dataset, *, unit: str, tells_money: bool) -> Table:
    """Return the annual figures of every branch, and their weighted mean: per event where no family has rates.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with branches.
    unit : str
        What people are counted in.
    tells_money : bool
        Whether a direct loss of 0 is known to be one.
    """
    header = ["branch", "weight", "event", "service", "quantity", "value", "unit"]
    names = np.array([*dataset["branch"].values.tolist(), "weighted mean"], dtype=object)
    weight = dataset["branch_weight"].values
    annual = "branch_annual_value" in dataset
    kinds = [
        ("at_peak", "annual_value" if annual else "people", unit),
        ("over_time", "annual_person_hours" if annual else "person_hours", loss_unit(unit, hours=True)),
    ]
    if tells_money:
        kinds.append(("direct_loss", "annual_direct_loss" if annual else "direct_loss", "money"))
    events = np.array([""] if annual else dataset["event"].values.tolist(), dtype=object)
    services = dataset["service"].values.tolist()

    def blocks() -> Iterator[Sequence[Column]]:
        for quantity, name, told in kinds:
            if f"branch_{name}" not in dataset:
                continue
            array = dataset[f"branch_{name}"]
            values = np.concatenate([array.values, np.tensordot(weight, array.values, axes=1)[np.newaxis]])
            of = services if "service" in array.dims else [""]
            yield broadcast_columns(
                names[:, np.newaxis, np.newaxis], np.append(weight, 1.0)[:, np.newaxis, np.newaxis],
                events[:, np.newaxis], of, quantity, values.reshape(names.size, events.size, len(of)),
                f"{told}/year" if annual else told,
            )  # fmt: skip

    return header, blocks()


def branch_notes(dataset: xr.Dataset, branches: Sequence[BranchSection]) -> list[str]:
    """Return what a reader must know of branches: where a quantile of curves changes no service."""
    known = [(name, told) for name, told in _KEPT.items() if told in dataset and "service" in dataset[told].dims]
    same = np.array([branch.curve_quantile is not None and not branch.hazard_bias for branch in branches])
    for name, told in known:
        run = dataset[name]
        run = run.mean("sample") if "sample" in run.dims else run
        alike = dataset[told] == run
        same &= alike.all([dim for dim in alike.dims if dim != "branch"]).values
    if not same.any():
        return []
    names = ", ".join(texts(dataset, "branch")[same])
    return [
        f"branches: `curve_quantile` of {names} changes nothing of any service: no curve of what fails has a spread"
    ]
