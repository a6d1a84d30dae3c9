"""What is lost in one run and in another, and whether the difference is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from resilience.errors import Attempts, DataError, Problems
from resilience.events import yearly_weight
from resilience.labels import PEOPLE, PERSON_HOURS, loss_unit
from resilience.manifest import InputFile
from resilience.reading import read_run
from resilience.result import Result, figure
from resilience.risk.compare import paired_saving
from resilience.risk.intervals import mean_interval
from resilience.risk.standard_errors import sample_error
from resilience.scenario.changed import changed_keys


def compare_runs(a: Result, b: Result, *, confidence: float = 0.95) -> xr.Dataset:
    """Return what is lost per service in run `a` and in run `b`, and how far they differ.

    Parameters
    ----------
    a, b : Result
        Before and after.
    confidence : float
        Of the interval of the change.

    Returns
    -------
    xarray.Dataset
        ``before``, ``after``, ``change`` (after - before), ``change_standard_error``, ``change_low`` and
        ``change_high``, per service that both have: per year where both runs have events with rates, else per event
        that both have. Of person-hours where both have a time grid, else of people at the peak. Where both tell money,
        ``direct_loss_before``, ``direct_loss_after`` and ``direct_loss_change`` too: expected values, in which chance
        has no part. Attributes: ``unit``, ``quantity``, ``paired`` (1 where both have the same seed and number of
        samples), ``confidence`` and ``notes`` (list of str).

    Raises
    ------
    DataError
        No service, or no event, that both have; people counted in different units.

    Notes
    -----
    Two runs with one seed share the random numbers of all events and assets that have the same names: the standard
    error is that of the differences of samples. Else it is that of a difference of independent means.

    Examples
    --------
    >>> from resilience.pipeline import assess, demo_scenario
    >>> result = assess(demo_scenario(size=600, samples=512))
    >>> compared = compare_runs(result, result)
    >>> compared.attrs["unit"], compared.attrs["paired"], float(abs(compared["change"]).max())
    ('persons/year', 1, 0.0)
    """
    one, two = a.dataset, b.dataset
    services = [name for name in one["service"].values.tolist() if name in set(two["service"].values.tolist())]
    yearly = "annual_value" in one and "annual_value" in two
    events = [name for name in one["event"].values.tolist() if name in set(two["event"].values.tolist())]
    problems = Problems()
    if a.unit != b.unit:
        problems.add("runs", wanted="people counted in one unit", got=f"{a.unit} and {b.unit}")
    for what, common in (("a service", services), ("an event", events or yearly)):
        if not common:
            problems.add("runs", wanted=f"{what} that both have", got="none")
    problems.raise_if_any(DataError)
    quantity = PERSON_HOURS if PERSON_HOURS in one and PERSON_HOURS in two else PEOPLE
    before, after = (
        _per_year(run, quantity, services) if yearly else run[quantity].sel(service=services, event=events)
        for run in (one, two)
    )
    paired = one.attrs["seed"] == two.attrs["seed"] and before.sizes["sample"] == after.sizes["sample"]
    means = [lost.mean("sample") for lost in (before, after)]
    if paired:
        saving = paired_saving(before, after)
        change, error = 0.0 - saving.mean, saving.standard_error
    else:
        change = means[1] - means[0]
        error = np.hypot(
            *(xr.apply_ufunc(sample_error, lost, input_core_dims=[["sample"]]) for lost in (before, after))
        )
    ends = mean_interval(change, error, confidence=confidence)
    found = {"before": means[0], "after": means[1], "change": change, "change_standard_error": error,
             "change_low": change.copy(data=ends.low), "change_high": change.copy(data=ends.high)}  # fmt: skip
    unit = loss_unit(a.unit, hours=quantity == PERSON_HOURS, yearly=yearly)
    compared = xr.Dataset({name: array.reset_coords(drop=True) for name, array in found.items()}, attrs={
        "unit": unit, "quantity": quantity, "paired": int(paired), "confidence": confidence,
        "notes": _notes(a, b, paired=paired, yearly=yearly, quantity=quantity),
    })  # fmt: skip
    for array in compared.data_vars.values():
        array.attrs = {"units": unit}
    money = "annual_direct_loss" if yearly else "direct_loss"
    if a.tells_money and b.tells_money:
        losses = [run[money] if yearly else run[money].sel(event=events) for run in (one, two)]
        money_of = {"before": losses[0], "after": losses[1], "change": losses[1] - losses[0]}
        for name, array in money_of.items():
            attrs = {"units": "money/year" if yearly else "money"}
            compared[f"direct_loss_{name}"] = array.reset_coords(drop=True).drop_attrs().assign_attrs(attrs)
    return compared


def _per_year(run: xr.Dataset, quantity: str, services: list[str]) -> xr.DataArray:
    """Return what every sample loses per year, (service, sample)."""
    weight = yearly_weight(run)
    rated = np.isfinite(weight)
    lost = run[quantity].sel(service=services).isel(event=rated)
    totals = np.einsum("e,esn->sn", weight[rated], lost.transpose("event", "service", "sample").values)
    return xr.DataArray(totals, dims=("service", "sample"), coords={"service": services})


def _notes(a: Result, b: Result, *, paired: bool, yearly: bool, quantity: str) -> list[str]:
    """Return what a reader of the differences must know."""
    one, two = a.dataset, b.dataset
    notes = []
    if not paired:
        notes.append("the runs have other random numbers or numbers of samples: differences are of independent means")
    if not yearly:
        notes.append("not both runs have events with rates: differences are per event, as if it occurred")
    for dim in ("service", "event"):
        lacking = set(one[dim].values.tolist()) ^ set(two[dim].values.tolist())
        if lacking:
            notes.append(f"only one of the runs has {dim} {', '.join(sorted(lacking))}")
    if (PERSON_HOURS in one) != (PERSON_HOURS in two):
        notes.append("only one of the runs has a time grid: differences are of people at the peak")
    ends = [run.attrs.get("horizon_hours") for run in (one, two)]
    if quantity == PERSON_HOURS and ends[0] != ends[1]:
        notes.append(f"hours lost are of {ends[0]:g} h after the peak in one run, of {ends[1]:g} h in the other")
    rules = [(run.attrs.get("integration_rule"), run.attrs.get("tail")) for run in (one, two)]
    if yearly and rules[0] != rules[1]:
        notes.append("the runs integrate over return periods by different rules: compare `risk` of the scenarios")
    return notes


@dataclass(frozen=True)
class Difference:
    """What is lost of one service in both runs.

    Parameters
    ----------
    event : str or None
        None for a year.
    service : str
    before, after, change, change_standard_error, change_low, change_high : float
        As in :func:`compare_runs`.
    """

    event: str | None
    service: str
    before: float
    after: float
    change: float
    change_standard_error: float
    change_low: float
    change_high: float

    @property
    def verdict(self) -> Literal["same", "chance", "up", "down"]:
        """No difference at all; one that may be chance: its interval holds 0, or is not known; more, or less, lost.

        Examples
        --------
        >>> Difference(None, "power", 9.0, 6.0, -3.0, 1.0, -4.96, -1.04).verdict
        'down'
        """
        if self.change == 0.0:
            return "same"
        if not (self.change_low > 0.0 or self.change_high < 0.0):
            return "chance"
        return "up" if self.change > 0.0 else "down"


def list_differences(compared: xr.Dataset) -> list[Difference]:
    """Return what differs by event, where there are no rates, and service.

    Parameters
    ----------
    compared : xarray.Dataset
        From :func:`compare_runs`.
    """
    names = [field.name for field in fields(Difference)][2:]
    return [
        Difference(event, str(service), **{name: float(part[name].sel(service=service)) for name in names})
        for event, part in _by_event(compared)
        for service in part["service"].values.tolist()
    ]


def list_losses(compared: xr.Dataset) -> list[tuple[str | None, dict[str, float]]]:
    """Return direct losses by event, where there are no rates: before, after and their change; none without money."""
    if "direct_loss_change" not in compared:
        return []
    return [
        (event, {name: float(part[f"direct_loss_{name}"]) for name in ("before", "after", "change")})
        for event, part in _by_event(compared)
    ]


def _by_event(compared: xr.Dataset) -> list[tuple[str | None, xr.Dataset]]:
    if "event" not in compared.dims:
        return [(None, compared)]
    return [(str(event), compared.sel(event=event)) for event in compared["event"].values.tolist()]


_TOLD = {"same": "", "chance": "may be chance", "up": "more than chance", "down": "more than chance"}


@dataclass(frozen=True)
class Comparison:
    """Two finished runs side by side.

    Parameters
    ----------
    a, b : pathlib.Path
        Run directories, before and after.
    differences : xarray.Dataset
        From :func:`compare_runs`.
    changed_keys : tuple of str
        Keys of the scenario whose values differ.
    changed_inputs : tuple of str
        Files that both read, with another content.
    inputs_of_one : tuple of str
        Files of a content that only one of them read.
    changed_code : tuple of str
        Parts of the code that are others, each with both versions.
    """

    a: Path
    b: Path
    differences: xr.Dataset
    changed_keys: tuple[str, ...]
    changed_inputs: tuple[str, ...]
    inputs_of_one: tuple[str, ...]
    changed_code: tuple[str, ...]

    def table(self) -> list[list[str]]:
        """Return what is lost in both runs, for people, header first."""
        found = self.differences
        unit, level = found.attrs["unit"], 100 * found.attrs["confidence"]
        by_event, losses = "event" in found.dims, dict(list_losses(found))
        rows = [[*(["event"] if by_event else []), "service", f"{unit} in A", "in B", "B - A", f"{level:g} %", ""]]
        for event, of_event in groupby(list_differences(found), key=lambda one: one.event):
            first = [] if event is None else [event]
            for one in of_event:
                rows.append([*first, one.service, *map(figure, (one.before, one.after, one.change)),
                             f"{figure(one.change_low)} to {figure(one.change_high)}", _TOLD[one.verdict]])  # fmt: skip
            if event in losses:
                rows.append([*first, "direct loss (money)", *map(figure, losses[event].values()), "", ""])
        return rows

    def lines(self) -> list[str]:
        """Return how the runs were compared and in what they differ, in lines for people."""
        pairs = "sample by sample, with the same random numbers" if self.differences.attrs["paired"] else "unpaired"
        lines = [f"compared: {pairs}", *self.differences.attrs["notes"]]
        told = {"changed keys of the scenario": self.changed_keys, "changed inputs": self.changed_inputs,
                "inputs of one run alone": self.inputs_of_one, "other code": self.changed_code}  # fmt: skip
        return [*lines, *(f"{what}: {', '.join(found) or 'none'}" for what, found in told.items())]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as data."""
        found = self.differences
        rows = [asdict(one) for one in list_differences(found)]
        losses = [{"event": event, **money} for event, money in list_losses(found)]
        return {
            "a": str(self.a), "b": str(self.b), "unit": found.attrs["unit"], "quantity": found.attrs["quantity"],
            "paired": bool(found.attrs["paired"]), "confidence": found.attrs["confidence"], "services": rows,
            "direct_loss": losses, "notes": list(found.attrs["notes"]), "changed_keys": list(self.changed_keys),
            "changed_inputs": list(self.changed_inputs), "inputs_of_one": list(self.inputs_of_one),
            "changed_code": list(self.changed_code),
        }  # fmt: skip


def compare_directories(a: str | Path, b: str | Path, *, confidence: float = 0.95) -> Comparison:
    """Return two finished runs side by side: what is lost in each, and in what they differ.

    Parameters
    ----------
    a, b : path
        Run directories, before and after.
    confidence : float
        Of the intervals.

    Raises
    ------
    MissingInputError, DataError, StorageError
        As :func:`resilience.open_run` and :func:`compare_runs`; a result that has changed since.
    LockedError
        A run is writing to a directory.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.pipeline import assess, demo_scenario
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for samples in (512, 1024):
    ...         _ = assess(demo_scenario(size=600, samples=samples), out=f"{folder}/{samples}")
    ...     compare_directories(f"{folder}/512", f"{folder}/1024").changed_keys
    ('monte_carlo.samples',)
    """
    paths = Path(a), Path(b)
    attempt = Attempts()
    found = {path: attempt(partial(read_run, path)) for path in dict.fromkeys(paths)}
    attempt.raise_if_any()
    runs = [run for path in paths if (run := found[path]) is not None]
    differences = compare_runs(*(run.result for run in runs), confidence=confidence)
    one, two = (run.manifest for run in runs)
    changed, single = _inputs(one.inputs, two.inputs)
    return Comparison(
        *paths, differences, tuple(changed_keys(one.scenario, two.scenario)), changed, single,
        tuple(_code(one.code, two.code)),
    )  # fmt: skip


def _inputs(one: Sequence[InputFile], two: Sequence[InputFile]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files of one name and two contents, and those of a content that only one run has."""
    hashes = [{file.path: file.sha256 for file in files} for files in (one, two)]
    changed = {path for path in hashes[0].keys() & hashes[1].keys() if hashes[0][path] != hashes[1][path]}
    strange = set(hashes[0].values()) ^ set(hashes[1].values())
    single = {path for files in hashes for path, told in files.items() if told in strange} - changed
    return tuple(sorted(changed)), tuple(sorted(single))


def _code(one: Mapping[str, str], two: Mapping[str, str]) -> list[str]:
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    return [f"{name} {str(one.get(name))[:12]} and {str(two.get(name))[:12]}" for name in names]
