"""How far and how events are followed: the time grid, when hazards end, how the city repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.cascade import TimeGrid, make_grid
from resilience.engine import Depots, RepairRules
from resilience.errors import Attempts
from resilience.hourly import HourlyEvent
from resilience.inputs import Inputs
from resilience.kernels.repair_laws import FIXED
from resilience.network import Network
from resilience.scenario import Scenario
from resilience.scenario.method import RepairSection
from resilience.time_inputs import peak_hours, read_repairs

Floats = NDArray[np.float64]


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
    MissingInputError, DataError, ConfigurationError
        Tables that cannot be read, repair classes that no table knows, sectors without assets.
    """
    section = scenario.time
    if section is None:
        return None
    falls = peak_hours(inputs.hazards)
    ends = falls + np.concatenate([hazard["recession_hours"].values.astype(np.float64) for hazard in inputs.hazards])
    rules = None if section.repair is None else repair_rules(inputs, scenario, section.repair)
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


def repair_rules(inputs: Inputs, scenario: Scenario, section: RepairSection) -> RepairRules:
    """Return how the city repairs.

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        Tables that cannot be read, repair classes that no table knows, sectors without assets.
    """
    attempt = Attempts(scenario.place)
    asked = read_repairs(inputs.network, inputs.curves, inputs.hazards, section, attempt)
    attempt.raise_if_any()
    assert asked is not None  # all that could go wrong was raised
    assets = inputs.network.assets
    return RepairRules(
        asked.table, asked.classes, section.damaged_shares, dict(section.crews), section.rule, asked.priority,
        before=repaired_first(inputs.network, section.after),
        depots=None if asked.depots is None else Depots(asked.depots, assets, section.roads), states=asked.states,
    )  # fmt: skip


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
