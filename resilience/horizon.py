"""How far and how events are followed: the time grid, when hazards end, how the city repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.cascade import TimeGrid, make_grid
from resilience.datasets import load_repair_times
from resilience.engine import Depots, RepairRules
from resilience.errors import ConfigurationError, DataError, Problem, Problems, suggestion
from resilience.hourly import HourlyEvent
from resilience.inputs import Inputs
from resilience.kernels.repair_times import FIXED
from resilience.network import Network
from resilience.network.selectors import RowFinder
from resilience.readers.vector import read_table
from resilience.repair_times import RepairTimeTable
from resilience.scenario import Scenario
from resilience.scenario.method import RepairSection
from resilience.scenario.networks import TableFile

Floats = NDArray[np.float64]

MOST_RANK = 1e15
"""Sums of ranks stay finite, and those of whole numbers exact."""


@dataclass(frozen=True)
class Horizon:
    """How the events of a scenario are followed over time.

    Parameters
    ----------
    grid : TimeGrid
        The scenario's points and every time at which something ends that is the same for all samples: a buffer, a
        hazard, an outage. All again after every onset of a sequence.
    falls : (n_event,) float64, h
        Until when each event stays at its peak.
    ends : (n_event,) float64, h
        When it is over: no water is left.
    restart_hours : float
        From then on, for outages of assets whose class does not tell a time of its own.
    rules : RepairRules, optional
        How the city repairs; without, all is outage.
    hourly : tuple of HourlyEvent or None
        Of every event, what it does hour by hour where its maps have a time axis.
    """

    grid: TimeGrid
    falls: Floats
    ends: Floats
    restart_hours: float
    rules: RepairRules | None = None
    hourly: tuple[HourlyEvent | None, ...] = ()


def plan_horizon(inputs: Inputs, scenario: Scenario, hourly: Sequence[HourlyEvent | None] = ()) -> Horizon | None:
    """Return how the events of a scenario are followed; None without a time section.

    Parameters
    ----------
    inputs : Inputs
    scenario : Scenario
    hourly : sequence of HourlyEvent or None
        Of every event; empty where no hazard has a time axis.

    Raises
    ------
    ConfigurationError
        Events without a duration, too many points.
    DataError
        Repair classes that no table knows, sectors without assets.
    """
    section = scenario.time
    if section is None:
        return None
    falls = peak_hours(inputs)
    ends = falls + np.concatenate([hazard["recession_hours"].values.astype(np.float64) for hazard in inputs.hazards])
    rules = None if section.repair is None else repair_rules(inputs, section.repair)
    perils = np.concatenate([[str(hazard.attrs["peril"])] * hazard.sizes["event"] for hazard in inputs.hazards])
    # Nothing returns before a minute has passed: a step that short is seen as the peak.
    back = [np.unique(falls), np.unique(ends), np.unique(ends) + section.restart_hours,
            np.array([1 / 60] if falls.min() * 60 < 1 else [])]  # fmt: skip
    if rules is not None:
        for peril in np.unique(perils):
            outage = outage_hours(rules, str(peril))
            back.append(np.add.outer(np.unique(ends[perils == peril]), outage).ravel())
    # The first step is seen at its beginning: it must not reach into the second hour.
    back += [one.minute[1:2] / 60 for one in hourly if one is not None]
    back += [np.array([one.family.slow_until(one.position) / 60]) for one in hourly if one is not None]
    buffers = np.union1d(inputs.network.needs["buffer_hours"].to_numpy(dtype=np.float64), inputs.grid_hours)
    # What follows a later hazard of a sequence is seen as closely as what follows the first.
    after = np.concatenate([*back, buffers, section.hours])
    onsets = np.unique([onset / 60 for sequence in inputs.sequences for onset in sequence.onset if onset])
    grid = make_grid(section.hours, ends=np.concatenate([*back, buffers, np.add.outer(onsets, after).ravel()]))
    return Horizon(grid, falls, ends, section.restart_hours, rules, tuple(hourly) or (None,) * ends.size)


def halve(grid: TimeGrid) -> TimeGrid:
    """Return a grid with a point in the middle of every step of more than a minute.

    Examples
    --------
    >>> halve(TimeGrid(np.array([0, 60, 61]))).minute.tolist()
    [0, 30, 60, 61]
    """
    middle = grid.minute[:-1] + grid.step // 2
    return TimeGrid(np.unique(np.concatenate([grid.minute, middle])))


def peak_hours(inputs: Inputs) -> Floats:
    """Return how long each event stays at its peak, h, ``(n_event,)``.

    Raises
    ------
    ConfigurationError
        Events without a duration.
    """
    hours = np.concatenate([hazard["duration_hours"].values.astype(np.float64) for hazard in inputs.hazards])
    lacking = [
        f"{hazard.attrs['family']}: {event}"
        for hazard in inputs.hazards
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


def repair_rules(inputs: Inputs, section: RepairSection) -> RepairRules:
    """Return how the city repairs.

    Raises
    ------
    DataError
        Repair classes that no table knows, sectors without assets.
    """
    table = load_repair_times()
    if section.file is not None:
        own = RepairTimeTable.from_csv(section.file, unit=section.unit, source=str(section.file))
        # A time for any peril takes the place of what is shipped for one.
        general = {time.repair_class for time in own if not time.peril}
        table = RepairTimeTable(time for time in table if time.repair_class not in general).merge(own)
    assets = inputs.network.assets
    sectors = set(assets["sector"].astype(str).unique())
    problems = Problems()
    for name in section.crews:
        if name not in sectors:
            problems.add(f"time.repair.crews.{name}", wanted=f"sectors of assets: {', '.join(sorted(sectors))}",
                         got=f"no such sector{suggestion(name, sectors)}")  # fmt: skip
    classes = assets["repair_class"].astype(str).to_numpy(dtype=object)
    known = table.classes()
    unknown = sorted(set(classes.tolist()) - set(known) - {""})
    if unknown:
        problems.add(
            "assets.repair_class", wanted=f"classes with repair times: {', '.join(known)}",
            got=f"assets with an unknown class{suggestion(unknown[0], known)}",
            count=int(np.isin(classes, unknown).sum()), total=len(classes), first=unknown[:3],
        )  # fmt: skip
    used = set(classes.tolist())
    drawn = sorted({one.repair_class for one in table if one.state == 0 and one.distribution != "fixed"} & used)
    if drawn:
        problems.add(
            "repair times", wanted="outages (state 0) of the law `fixed`: what is only out is not drawn",
            got="classes with another law", count=len(drawn), first=drawn[:3],
        )  # fmt: skip
    perils = sorted({str(hazard.attrs["peril"]) for hazard in inputs.hazards})
    shares = section.damaged_shares
    states = state_curves(inputs, section, table, problems)
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
    for name, firsts in section.after.items():
        for one in (name, *firsts):
            if one not in sectors:
                problems.add(f"time.repair.after.{name}", wanted=f"sectors of assets: {', '.join(sorted(sectors))}",
                             got=f"no sector {one!r}{suggestion(one, sectors)}")  # fmt: skip
    kinds = assets["kind"].astype(str)
    known_kinds = set(kinds.unique())
    for name in section.priority:
        if name not in known_kinds:
            problems.add(f"time.repair.priority.{name}", wanted="kinds of assets",
                         got=f"no such kind{suggestion(name, known_kinds)}")  # fmt: skip
    depots = find_depots(inputs, section, problems)
    priority = None
    if section.ranks is not None:
        priority = asset_ranks(section.ranks, assets["id"].astype(str), problems)
    elif section.rule == "priority":
        priority = kinds.map(section.priority).fillna(0.0).to_numpy(dtype=np.float64)
    problems.raise_if_any(DataError)
    return RepairRules(
        table, classes, shares, dict(section.crews), section.rule, priority,
        before=repaired_first(inputs.network, section.after), depots=depots, states=states,
    )  # fmt: skip


def asset_ranks(table: TableFile, ids: pd.Series[str], problems: Problems) -> Floats | None:
    """Return the rank of every asset from a table of `asset` and `rank`; note what does not fit."""
    raw = read_table(table.path, columns=table.columns or {"asset": "asset", "rank": "rank"}, encoding=table.encoding)
    lacking = [name for name in ("asset", "rank") if name not in raw]
    if lacking:
        problems.add("time.repair.ranks", wanted="columns for asset and rank", got=f"none for {' and '.join(lacking)}")
        return None
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
    rank = rank.mask(wrong, 0.0)
    return np.asarray(rank.groupby(named).sum().reindex(ids).fillna(0.0), dtype=np.float64)


def state_curves(
    inputs: Inputs, section: RepairSection, table: RepairTimeTable, problems: Problems
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, per peril and repair class, the fragility curve of each state of damage; note what does not fit."""
    groups: dict[str, list[str]] = {}
    for curve in inputs.curves:
        if curve.group:
            groups.setdefault(curve.group, []).append(curve.name)
    known = set(inputs.network.assets["repair_class"].astype(str)) - {""}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, wanted in section.states.items():
        subject = f"time.repair.states.{name}"
        if name not in known:
            problems.add(subject, wanted="a repair class of assets", got=f"none has it{suggestion(name, known)}")
        for group in wanted:
            if group not in groups:
                problems.add(subject, wanted="groups of fragility curves, one curve per state of damage",
                             got=f"no group {group!r}{suggestion(group, groups)}")  # fmt: skip
                continue
            curves = inputs.curves.states(group)
            peril, there = curves[0].peril, table.count_states(name, peril=curves[0].peril)
            if len(curves) > there:
                problems.add(subject, wanted=f"a repair time for each of the {len(curves)} states of {group!r}",
                             got=f"times for {there}")  # fmt: skip
            if name in found.get(peril, {}):
                problems.add(subject, wanted="one group for each peril", got=f"two for {peril}")
            found.setdefault(peril, {})[name] = tuple(curve.name for curve in curves)
    return found


def find_depots(inputs: Inputs, section: RepairSection, problems: Problems) -> Depots | None:
    """Return where crews set off, None where they are everywhere at once; note what does not fit."""
    if not section.depots:
        return None
    assets = inputs.network.assets
    sector = assets["sector"].astype(str).to_numpy()
    if section.roads not in set(sector):
        problems.add("time.repair.roads", wanted="a sector of assets",
                     got=f"no sector {section.roads!r}{suggestion(section.roads, set(sector))}")  # fmt: skip
        return None
    linked = (sector == section.roads) & (assets["from_asset"].astype(str).to_numpy() != "")
    if not linked.any():
        problems.add("time.repair.roads", wanted="a sector with links, over which crews travel",
                     got=f"no link in {section.roads!r}")  # fmt: skip
        return None
    finder = RowFinder(assets)
    chosen = np.zeros(len(assets), bool)
    for number, selector in enumerate(section.depots):
        chosen |= finder.find(selector, problems, subject=f"time.repair.depots.{number}")
    access = assets["access_asset"].astype(str).to_numpy()
    node = (sector == section.roads) & (assets["from_asset"].astype(str).to_numpy() == "")
    lost = chosen & (access == "") & ~node
    if lost.any():
        problems.add(
            "time.repair.depots", wanted="depots with an access_asset in the road network, as of an access rule",
            got="depots without", count=int(lost.sum()), total=int(chosen.sum()),
            first=assets["id"].to_numpy()[lost][:3].tolist(),
        )  # fmt: skip
    return Depots(np.flatnonzero(chosen).astype(np.int32), assets, section.roads)


def repaired_first(network: Network, after: Mapping[str, Sequence[str]]) -> dict[int, NDArray[np.int32]]:
    """Return, by position, the providers in other sectors for whose repair each asset waits.

    Parameters
    ----------
    network : Network
    after : mapping of str to sequence of str
        For each sector that waits, the sectors that are repaired first.
    """
    if not after:
        return {}
    assets = network.assets
    index = pd.Index(assets["id"].astype(str))
    sector = assets["sector"].astype(str).to_numpy()
    dependent = network.needs.set_index("id")["dependent"]
    owner = index.get_indexer(network.dependencies["need"].map(dependent).astype(str))
    provider = index.get_indexer(network.dependencies["provider"].astype(str))
    first: dict[int, set[int]] = {}
    for asset, other in zip(owner.tolist(), provider.tolist(), strict=True):
        # Zones need services too, and are not repaired.
        if asset >= 0 and other != asset and sector[other] in after.get(sector[asset], ()):
            first.setdefault(asset, set()).add(other)
    return {asset: np.array(sorted(others), np.int32) for asset, others in first.items()}


def outage_hours(rules: RepairRules, peril: str) -> Floats:
    """Return the fixed times, h after the end of a hazard, at which outages of the city's classes end."""
    classes = np.unique(rules.classes[rules.classes != ""].astype(str))
    packed = rules.table.pack(classes.tolist(), peril=peril, states=1, needed=np.zeros(classes.size, bool))
    outage = packed.index[:, 0]
    outage = outage[outage >= 0]
    return np.unique(packed.first[outage[packed.kind[outage] == FIXED]])
