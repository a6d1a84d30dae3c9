"""What the time section asks of inputs: how long events last, repair times, ranks, crews and their depots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.curves import CurveTable
from resilience.datasets import load_repair_times
from resilience.errors import Attempts, ConfigurationError, DataError, Problem, Problems, suggestion
from resilience.network import Network
from resilience.network.selectors import RowFinder
from resilience.readers.vector import read_table
from resilience.repair_times import RepairTimeTable
from resilience.scenario.method import RepairSection
from resilience.scenario.networks import TableFile

Floats = NDArray[np.float64]
StateCurves = dict[str, dict[str, tuple[str, ...]]]

MOST_RANK = 1e15
"""Sums of ranks stay finite, and those of whole numbers exact."""


@dataclass(frozen=True)
class AskedRepairs:
    """What a repair section says of a city.

    Parameters
    ----------
    table : RepairTimeTable
    classes : (n_asset,) object
        Repair class of each asset.
    states : mapping of str to mapping of str to tuple of str
        Per peril and repair class, the fragility curve of each state of damage.
    depots : (n,) int32, optional
        Assets from which crews set off; None where they are everywhere at once.
    priority : (n_asset,) float64, optional
        The largest first.
    """

    table: RepairTimeTable
    classes: NDArray[np.object_]
    states: StateCurves
    depots: NDArray[np.int32] | None = None
    priority: Floats | None = None


def peak_hours(hazards: Sequence[xr.Dataset]) -> Floats:
    """Return how long each event stays at its peak, h, ``(n_event,)``.

    Raises
    ------
    ConfigurationError
        Events without a duration.
    """
    hours = np.concatenate([hazard["duration_hours"].values.astype(np.float64) for hazard in hazards])
    lacking = [
        f"{hazard.attrs['family']}: {event}"
        for hazard in hazards
        for event in hazard["event"].values[np.isnan(hazard["duration_hours"].values)]
    ]
    if lacking:
        raise ConfigurationError(
            Problem(
                "hazards.duration_hours", wanted="how long each event stays at its peak, h, with a time grid",
                got="events without it", count=len(lacking), total=hours.size, first=lacking[:3],
            )
        )  # fmt: skip
    return hours


def read_repairs(
    network: Network, curves: CurveTable, hazards: Sequence[xr.Dataset], section: RepairSection, attempt: Attempts
) -> AskedRepairs | None:
    """Return what a repair section says of a city; None where something is wrong, told to `attempt`.

    Parameters
    ----------
    network : Network
    curves : CurveTable
    hazards : sequence of xarray.Dataset
    section : RepairSection
    attempt : Attempts
        A name that is none is an error of the scenario (ConfigurationError), what a table holds one of the data.
    """
    table = attempt(partial(repair_table, section), key="time.repair.file")
    attempt(partial(check_names, network, section))
    depots: NDArray[np.int32] | None = None
    if section.depots:
        depots = attempt(partial(find_depots, network, section))
    ids, kinds = network.assets["id"].astype(str), network.assets["kind"].astype(str)
    priority: Floats | None = None
    if section.ranks is not None:
        priority = attempt(partial(asset_ranks, section.ranks, ids), key="time.repair.ranks.path")
    elif section.rule == "priority":
        priority = kinds.map(section.priority).fillna(0.0).to_numpy(dtype=np.float64)
    if table is None:
        return None
    states = attempt(partial(state_curves, network, curves, section, table))
    if states is None:
        return None
    perils = sorted({str(hazard.attrs["peril"]) for hazard in hazards})
    attempt(partial(check_classes, network, section, table, states, perils))
    classes = network.assets["repair_class"].astype(str).to_numpy(dtype=object)
    return AskedRepairs(table, classes, states, depots, priority)


def repair_table(section: RepairSection) -> RepairTimeTable:
    """Return the shipped repair times, those of the section's own file in the place of the same class.

    Raises
    ------
    MissingInputError, DataError
        The file cannot be read, or what is wrong with it.
    """
    table = load_repair_times()
    if section.file is None:
        return table
    own = RepairTimeTable.from_csv(section.file, unit=section.unit, source=str(section.file))
    # A time for any peril takes the place of what is shipped for one.
    general = {time.repair_class for time in own if not time.peril}
    return RepairTimeTable(time for time in table if time.repair_class not in general).merge(own)


def check_names(network: Network, section: RepairSection) -> None:
    """Raise if a section names sectors or kinds without assets."""
    sectors = set(network.assets["sector"].astype(str).unique())
    kinds = set(network.assets["kind"].astype(str).unique())
    problems = Problems()
    among = f"sectors of assets: {', '.join(sorted(sectors))}"
    for name in section.crews:
        if name not in sectors:
            problems.add(f"time.repair.crews.{name}", wanted=among,
                         got=f"no such sector{suggestion(name, sectors)}")  # fmt: skip
    for name, firsts in section.after.items():
        for one in (name, *firsts):
            if one not in sectors:
                problems.add(f"time.repair.after.{name}", wanted=among,
                             got=f"no sector {one!r}{suggestion(one, sectors)}")  # fmt: skip
    for name in section.priority:
        if name not in kinds:
            problems.add(f"time.repair.priority.{name}", wanted="kinds of assets",
                         got=f"no such kind{suggestion(name, kinds)}")  # fmt: skip
    problems.raise_if_any(ConfigurationError)


def check_classes(
    network: Network, section: RepairSection, table: RepairTimeTable, states: StateCurves, perils: Sequence[str]
) -> None:
    """Raise if assets have repair classes whose times are not known, drawn for an outage, or of states untold."""
    classes = network.assets["repair_class"].astype(str).to_numpy(dtype=object)
    used, known = set(classes.tolist()), table.classes()
    problems = Problems()
    unknown = sorted(used - set(known) - {""})
    if unknown:
        problems.add(
            "assets.repair_class", wanted=f"classes with repair times: {', '.join(known)}",
            got=f"assets with an unknown class{suggestion(unknown[0], known)}",
            count=int(np.isin(classes, unknown).sum()), total=len(classes), first=unknown[:3],
        )  # fmt: skip
    drawn = sorted({one.repair_class for one in table if one.state == 0 and one.distribution != "fixed"} & used)
    if drawn:
        problems.add(
            "repair times", wanted="outages (state 0) of the law `fixed`: what is only out is not drawn",
            got="classes with another law", count=len(drawn), first=drawn[:3],
        )  # fmt: skip
    shares = section.damaged_shares
    for peril in perils:
        graded = sorted(
            name for name in used
            if table.count_states(name, peril=peril) > 1 and len(shares[peril]) == 1
            and name not in states.get(peril, {})
        )  # fmt: skip
        if graded:
            problems.add(
                "assets.repair_class", got=f"classes with several states, of which nothing tells how likely ({peril})",
                wanted="classes with one state of damage, or `time.repair.damaged` with a share for each state, or "
                "`time.repair.states` with their fragility curves", count=len(graded), first=graded[:3],
            )  # fmt: skip
    problems.raise_if_any(DataError)


def asset_ranks(table: TableFile, ids: pd.Series[str]) -> Floats:
    """Return the rank of every asset from a table of `asset` and `rank`."""
    problems = Problems()
    raw = read_table(table.path, columns=table.columns or {"asset": "asset", "rank": "rank"}, encoding=table.encoding)
    lacking = [name for name in ("asset", "rank") if name not in raw]
    if lacking:
        problems.add("time.repair.ranks", wanted="columns for asset and rank", got=f"none for {' and '.join(lacking)}")
        problems.raise_if_any(DataError)
    # An empty rank is none: importance is not told of assets that never fail.
    named, given = raw["asset"].astype(str), raw["rank"].fillna("0")
    rank = pd.to_numeric(given, errors="coerce").fillna(np.nan).astype(np.float64)
    unknown, wrong = ~named.isin(ids), ~(rank.abs() <= MOST_RANK)
    if not len(raw):
        problems.add("time.repair.ranks", wanted="a row for each asset that comes first", got="no row")
    for strange, wanted, got, first in (
        (unknown, "ids of assets", "others", named),
        (wrong, f"finite numbers as ranks, {MOST_RANK:g} at most", "others", raw["rank"]),
    ):  # fmt: skip
        if strange.any():
            problems.add("time.repair.ranks", wanted=wanted, got=got, count=int(strange.sum()), total=len(raw),
                         first=first[strange].head(3).tolist())  # fmt: skip
    problems.raise_if_any(DataError)
    return np.asarray(rank.groupby(named).sum().reindex(ids).fillna(0.0), dtype=np.float64)


def state_curves(
    network: Network, table_of_curves: CurveTable, section: RepairSection, table: RepairTimeTable
) -> StateCurves:
    """Return, per peril and repair class, the fragility curve of each state of damage.

    Raises
    ------
    ConfigurationError
        Classes or groups of curves that are none.
    DataError
        Groups that do not fit the repair times.
    """
    groups: dict[str, list[str]] = {}
    for curve in table_of_curves:
        if curve.group:
            groups.setdefault(curve.group, []).append(curve.name)
    known = set(network.assets["repair_class"].astype(str)) - {""}
    names, problems = Problems(), Problems()
    found: StateCurves = {}
    for name, wanted in section.states.items():
        subject = f"time.repair.states.{name}"
        if name not in known:
            names.add(subject, wanted="a repair class of assets", got=f"none has it{suggestion(name, known)}")
        for group in wanted:
            if group not in groups:
                names.add(subject, wanted="groups of fragility curves, one curve per state of damage",
                          got=f"no group {group!r}{suggestion(group, groups)}")  # fmt: skip
                continue
            curves = table_of_curves.states(group)
            peril, there = curves[0].peril, table.count_states(name, peril=curves[0].peril)
            if len(curves) > there and name in known:
                problems.add(subject, wanted=f"a repair time for each of the {len(curves)} states of {group!r}",
                             got=f"times for {there}")  # fmt: skip
            if name in found.get(peril, {}):
                problems.add(subject, wanted="one group for each peril", got=f"two for {peril}")
            found.setdefault(peril, {})[name] = tuple(curve.name for curve in curves)
    names.raise_if_any(ConfigurationError)
    problems.raise_if_any(DataError)
    return found


def find_depots(network: Network, section: RepairSection) -> NDArray[np.int32]:
    """Return the assets from which crews set off.

    Raises
    ------
    ConfigurationError
        A sector that is none, a choice of depots that no asset fits.
    DataError
        A sector without links, depots without a way into it.
    """
    assets = network.assets
    sector = assets["sector"].astype(str).to_numpy()
    if section.roads not in set(sector):
        got = f"no sector {section.roads!r}{suggestion(section.roads, set(sector))}"
        raise ConfigurationError(Problem("time.repair.roads", wanted="a sector of assets", got=got))
    linked = (sector == section.roads) & (assets["from_asset"].astype(str).to_numpy() != "")
    if not linked.any():
        wanted = "a sector with links, over which crews travel"
        raise DataError(Problem("time.repair.roads", wanted=wanted, got=f"no link in {section.roads!r}"))
    finder, problems = RowFinder(assets), Problems()
    chosen = np.zeros(len(assets), bool)
    for number, selector in enumerate(section.depots):
        chosen |= finder.find(selector, problems, subject=f"time.repair.depots.{number}")
    problems.raise_if_any(ConfigurationError)
    access = assets["access_asset"].astype(str).to_numpy()
    node = (sector == section.roads) & (assets["from_asset"].astype(str).to_numpy() == "")
    lost = chosen & (access == "") & ~node
    if lost.any():
        raise DataError(
            Problem(
                "time.repair.depots", wanted="depots with an access_asset in the road network, as of an access rule",
                got="depots without", count=int(lost.sum()), total=int(chosen.sum()),
                first=assets["id"].to_numpy()[lost][:3].tolist(),
            )
        )  # fmt: skip
    return np.flatnonzero(chosen).astype(np.int32)
