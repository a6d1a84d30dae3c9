"""What `check` tells of inputs, after every check that a run makes before it computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.annual import weigh_events
from resilience.branches import check_branches
from resilience.cascade import MOST_POINTS
from resilience.engine import Block, BlockSums, Threads, simulate
from resilience.errors import count_of
from resilience.exposures import expose_and_damage
from resilience.hazard_error import check_errors
from resilience.heat_toll import read_heat
from resilience.horizon import Horizon, halve, plan_horizon
from resilience.inputs import Inputs, describe_sources, load_inputs
from resilience.kernels.rows import SAMPLES
from resilience.quotients import divide
from resilience.scenario import Scenario
from resilience.service import drive_times
from resilience.tasks import prepare


@dataclass(frozen=True)
class CheckReport:
    """What `check` found in sound inputs.

    Parameters
    ----------
    inputs : Inputs
    halving : dict of str to float, optional
        Per service, how much more or less is lost over a time grid twice as fine, as a share of the person-hours; NaN
        where nothing is lost. None without a grid, and where the finer one has too many points.
    """

    inputs: Inputs
    halving: dict[str, float] | None = None

    def lines(self) -> list[str]:
        """Return lines for people."""
        network = self.inputs.network
        assets = network.assets
        lines = [f"network: {network!r}"]
        for sector, group in assets.groupby(assets["sector"].astype(str)):
            lines.append(f"  {sector}: {count_of(len(group), 'asset')}, level {self.inputs.levels[str(sector)]}")
        lines += describe_sources(self.inputs.hazards)
        lines += [f"service {rule.name}: by {rule.by}" for rule in self.inputs.services]
        if self.halving is not None:
            told = [f"{name} {100 * one:+.1f} %" for name, one in self.halving.items() if not np.isnan(one)]
            lines.append(
                f"a time grid twice as fine changes the hours lost ({SAMPLES} samples): "
                f"{', '.join(told) or 'nothing is lost'}"
            )
        return [*lines, "nothing wrong was found"]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as data."""
        network = self.inputs.network
        sectors = network.assets["sector"].astype(str).value_counts().sort_index()
        return {
            "network": {
                "assets": len(network.assets),
                "zones": len(network.zones),
                "persons": float(network.zones["persons"].sum()),
                "persons_unit": network.persons_unit,
                "sectors": {
                    str(name): {"assets": int(count), "level": self.inputs.levels[str(name)]}
                    for name, count in sectors.items()
                },
            },
            "hazards": [
                {
                    "family": hazard.attrs["family"],
                    "peril": hazard.attrs["peril"],
                    "events": hazard.sizes["event"],
                    "maps_in_time": hazard.sizes.get("time"),
                    "cells": [hazard.sizes["y"], hazard.sizes["x"]],
                    "unit": hazard.attrs["unit"],
                    "nodata": hazard.attrs["nodata"],
                    "outside": hazard.attrs["outside"],
                }
                for hazard in self.inputs.hazards
            ],
            "services": {rule.name: rule.by for rule in self.inputs.services},
            "finer_grid_changes": self.halving,
        }


def check(scenario: Scenario) -> CheckReport:
    """Return what the inputs hold.

    Parameters
    ----------
    scenario : Scenario

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong.
    """
    inputs = load_inputs(scenario)
    check_branches(scenario.branches, inputs)
    check_errors(inputs, scenario)
    damaged, hourly = expose_and_damage(inputs, scenario.heat)
    weights = weigh_events(inputs, scenario)
    horizon = plan_horizon(inputs, scenario, hourly)
    city, _ = prepare(inputs, damaged, scenario, horizon, read_heat(inputs, scenario), hourly)
    for part in city.layout.timed.values():
        drive_times(city.layout, part.network, part.drive)
    if horizon is None or halve(horizon.grid).minute.size > MOST_POINTS:
        return CheckReport(inputs)
    weight = weights["annual_weight"][1] + weights["tail_weight"][1]
    return CheckReport(inputs, halving=compare_halved(inputs, damaged, scenario, horizon, weight))


def compare_halved(
    inputs: Inputs, damaged: xr.Dataset, scenario: Scenario, horizon: Horizon, weights: NDArray[np.float64]
) -> dict[str, float]:
    """Return what halving every step of the time grid changes, per service as a share of the person-hours lost.

    Parameters
    ----------
    inputs : Inputs
    damaged : xarray.Dataset
        Of all events.
    scenario : Scenario
    horizon : Horizon
    weights : (n_event,) float64
        Annual; where no event has one, all count the same.
    """
    weight = np.nan_to_num(weights) if np.isfinite(weights).any() else np.ones(weights.size)
    lost = []
    for one in (horizon, replace(horizon, grid=halve(horizon.grid))):
        city, tasks = prepare(inputs, damaged, scenario, one)
        city = replace(city, with_roots=False)
        minutes = np.zeros((len(tasks), len(city.layout.names)))

        def take(block: Block, sums: BlockSums, minutes: NDArray[np.float64] = minutes) -> None:
            assert sums.over_time is not None  # the city has a grid
            minutes[block.task.event] = sums.over_time.sample_minutes.sum(axis=1)

        simulate(city, tasks, n_samples=SAMPLES, block_samples=SAMPLES, pool=Threads(), on_block=take)
        lost.append(weight @ minutes)
    whole, fine = lost
    change = divide(fine - whole, whole)
    return dict(zip(city.layout.names, change.tolist(), strict=True))
