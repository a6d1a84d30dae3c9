"""The notes of a result that name every default in use: figures that decide it and are nobody's measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import xarray as xr

from resilience.errors import count_of
from resilience.horizon import Horizon
from resilience.inputs import Inputs
from resilience.network.tables import CURVE_COLUMNS
from resilience.scenario import Scenario
from resilience.why import find_perils

DEFAULTS = "defaults in use (judgement, unless said otherwise)"
LINE = 200  # characters

Default = tuple[str, str]
"""What a default is about, and which it is."""


def defaults_notes(labelled: xr.Dataset, inputs: Inputs, scenario: Scenario, horizon: Horizon | None) -> list[str]:
    """Return a note for each kind of default, more where one line is not enough; none for figures of a scenario's own.

    Parameters
    ----------
    labelled : xarray.Dataset
    inputs : Inputs
    scenario : Scenario
    horizon : Horizon, optional
        Without a time grid there is none.
    """
    told: dict[str, list[str]] = {}
    for about, default in (*_of_inputs(labelled, inputs), *_of_repair(labelled, scenario, horizon)):
        told.setdefault(about, []).append(default)
    if scenario.heat is not None:
        told["heat"] = [f"heat.{one}" for one in scenario.heat.defaults()]
    return [line for about, defaults in told.items() for line in fill_lines(f"{DEFAULTS}, {about}", defaults)]


def fill_lines(head: str, items: Iterable[str]) -> list[str]:
    """Return lines of at most 200 characters that name all items, each line with the head.

    Examples
    --------
    >>> fill_lines("curves", ["a", "b"])
    ['curves: a, b']
    >>> [len(line) for line in fill_lines("curves", ["long name"] * 30)]
    [193, 149]
    """
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= LINE:
            lines[-1] += f", {item}"
        else:
            lines.append(f"{head}: {item}")
    return lines


def _of_inputs(labelled: xr.Dataset, inputs: Inputs) -> Iterator[Default]:
    """Yield curves, the share that is enough for assets, and speeds."""
    assets = inputs.network.assets
    used = {name for column in CURVE_COLUMNS for name in set(assets[column].astype(str)) if name}
    yield from (("curves", name) for name in sorted(used) if inputs.curves[name].basis == "default")
    if "supplied" in labelled.dims and inputs.min_fraction_judged:
        yield "cascade", f"cascade.min_fraction = {inputs.min_fraction:g}"
    for network in sorted({rule.network for rule in inputs.services if rule.drive is not None}):
        links = (assets["sector"].astype(str) == network) & (assets["from_asset"].astype(str) != "")
        unknown = int(assets.loc[links, "speed"].isna().sum())
        if unknown:
            yield "speeds by kind", f"{unknown:,} of the {count_of(int(links.sum()), 'link')} of {network}"


def _of_repair(labelled: xr.Dataset, scenario: Scenario, horizon: Horizon | None) -> Iterator[Default]:
    """Yield how outages end, what is damaged, and repair times."""
    if scenario.time is None or horizon is None:
        return
    if "restart_hours" not in scenario.time.model_fields_set:
        yield "time", f"time.restart_hours = {scenario.time.restart_hours:g}"
    rules, repair = horizon.rules, scenario.time.repair
    if rules is None or repair is None:
        return
    unsaid = [peril for peril in find_perils(labelled) if peril not in repair.damaged]
    yield from (("share of failures that are damage", f"{peril} {rules.damaged[peril][0]:g}") for peril in unsaid)
    used = set(rules.classes.tolist())
    for basis, word in (("default", ""), ("memory", " (from memory, to be checked)")):
        names = used & {time.repair_class for time in rules.table if time.basis == basis}
        yield from ((f"repair times{word}", name) for name in sorted(names))
