"""The one note of a result that names every default in use: figures that decide it and are nobody's measurement."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from resilience.horizon import Horizon
from resilience.inputs import Inputs
from resilience.network.tables import CURVE_COLUMNS
from resilience.scenario import Scenario
from resilience.why import find_perils


def defaults_note(labelled: xr.Dataset, inputs: Inputs, scenario: Scenario, horizon: Horizon | None) -> tuple[str, ...]:
    """Return the note; none where figures are the scenario's own or published.

    Parameters
    ----------
    labelled : xarray.Dataset
    inputs : Inputs
    scenario : Scenario
    horizon : Horizon, optional
        Without a time grid there is none.
    """
    told = [*_of_inputs(labelled, inputs), *_of_repair(labelled, scenario, horizon)]
    if scenario.heat is not None:
        told += [f"heat.{one}" for one in scenario.heat.defaults()]
    return (f"defaults in use (expert judgement, unless said otherwise): {'; '.join(told)}",) if told else ()


def _of_inputs(labelled: xr.Dataset, inputs: Inputs) -> Iterator[str]:
    """Yield curves, the share that is enough for assets, and speeds."""
    assets = inputs.network.assets
    used = {name for column in CURVE_COLUMNS for name in set(assets[column].astype(str)) if name}
    judged = sorted(name for name in used if inputs.curves[name].basis == "default")
    if judged:
        yield f"curves {', '.join(judged)}"
    if "supplied" in labelled.dims and inputs.min_fraction_judged:
        yield f"cascade.min_fraction = {inputs.min_fraction:g}"
    for network in sorted({rule.network for rule in inputs.services if rule.drive is not None}):
        links = (assets["sector"].astype(str) == network) & (assets["from_asset"].astype(str) != "")
        unknown = int(assets.loc[links, "speed"].isna().sum())
        if unknown:
            yield f"speeds by kind, of {unknown:,} of the {int(links.sum()):,} links of {network}"


def _of_repair(labelled: xr.Dataset, scenario: Scenario, horizon: Horizon | None) -> Iterator[str]:
    """Yield how outages end, what is damaged, and repair times."""
    if scenario.time is None or horizon is None:
        return
    if "restart_hours" not in scenario.time.model_fields_set:
        yield f"time.restart_hours = {scenario.time.restart_hours:g}"
    rules, repair = horizon.rules, scenario.time.repair
    if rules is None or repair is None:
        return
    unsaid = [peril for peril in find_perils(labelled) if peril not in repair.damaged]
    shares = ", ".join(f"{peril} {rules.damaged[peril][0]:g}" for peril in unsaid)
    if shares:
        yield f"share of failures that are damage: {shares}"
    used = set(rules.classes.tolist())
    for basis, word in (("default", ""), ("memory", " (from memory, to be checked)")):
        names = sorted(used & {time.repair_class for time in rules.table if time.basis == basis})
        if names:
            yield f"repair times of {', '.join(names)}{word}"
