"""What `check` tells of inputs: as they are read, or after every check that a run makes before it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from resilience.branches import check_branches
from resilience.errors import count_of
from resilience.inputs import Inputs, describe_sources, load_inputs
from resilience.options import check_options
from resilience.scenario import Scenario

TRIED = 512
"""Samples with which time grids are compared."""


@dataclass(frozen=True)
class CheckReport:
    """What `check` found in sound inputs.

    Parameters
    ----------
    inputs : Inputs
    halving : dict of str to float, optional
        Per service, how much more or less is lost over a time grid twice as fine, as a share of the person-hours; NaN
        where nothing is lost. None without a grid, and where the finer one has too many points.
    quick : bool
        Whether the maps were not read where assets stand.
    options : tuple of str
        Names of the options that can be done.
    """

    inputs: Inputs
    halving: dict[str, float] | None = None
    quick: bool = False
    options: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return lines for people."""
        network = self.inputs.network
        assets = network.assets
        lines = [f"network: {network!r}"]
        for sector, group in assets.groupby(assets["sector"].astype(str)):
            lines.append(f"  {sector}: {count_of(len(group), 'asset')}, level {self.inputs.levels[str(sector)]}")
        lines += describe_sources(self.inputs.hazards)
        lines += [f"service {rule.name}: by {rule.by}" for rule in self.inputs.services]
        if self.options:
            lines.append(f"options: {', '.join(self.options)}")
        if self.halving is not None:
            told = [f"{name} {100 * one:+.1f} %" for name, one in self.halving.items() if not np.isnan(one)]
            lines.append(
                f"a time grid twice as fine changes the hours lost ({TRIED} samples): "
                f"{', '.join(told) or 'nothing is lost'}"
            )
        so_far = " so far; with --full maps are read where assets stand" if self.quick else ""
        return [*lines, f"nothing wrong was found{so_far}"]

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
            "options": list(self.options),
            "finer_grid_changes": self.halving,
            "quick": self.quick,
        }


def check(scenario: Scenario, *, quick: bool = False) -> CheckReport:
    """Return what the inputs hold.

    Parameters
    ----------
    scenario : Scenario
    quick : bool
        Whether to stop once all inputs are read and joined, before the maps are read where assets stand: nothing is
        compiled then, and Numba not even imported.

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong.
    """
    inputs = load_inputs(scenario)
    check_branches(scenario.branches, inputs)
    check_options(scenario, inputs)
    names = tuple(option.name for option in scenario.options)
    if quick:
        return CheckReport(inputs, quick=True, options=names)
    from resilience.rehearsal import rehearse

    return CheckReport(inputs, halving=rehearse(scenario, inputs), options=names)
