"""Rails and data centres that stop while it is too hot, whatever chance says, and trains that are slow before that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.heat import Cooling, Rail, inlet_temperature, rail_speed, rail_temperature, servers_shut_down
from resilience.scenario import HeatSection
from resilience.scenario.heat import DataCentreSection, RailSection

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MEGAWATT = 1e6


@dataclass(frozen=True)
class HeatLimits:
    """What a temperature of the air does to assets of the kinds that a scenario names.

    Parameters
    ----------
    rail, data_centre : (n_asset,) bool
    section : HeatSection
    """

    rail: Flags
    data_centre: Flags
    section: HeatSection

    def stopped(self, air: Floats) -> Flags:
        """Return which assets stand still, ``(..., n_asset) bool``; none where the temperature is unknown.

        Parameters
        ----------
        air : (..., n_asset) float64, degC
        """
        stopped = np.zeros(air.shape, bool)
        if self.section.rail is not None:
            stopped[..., self.rail] = train_speed(air[..., self.rail], self.section.rail) == 0.0
        if self.section.data_centres is not None:
            stopped[..., self.data_centre] = is_shut_down(air[..., self.data_centre], self.section.data_centres)
        return stopped

    def slowness(self, air: Floats) -> Floats:
        """Return the speed of trains as a share of that of the line, ``(..., n_asset) float64``; 1 where they stop.

        Parameters
        ----------
        air : (..., n_asset) float64, degC
        """
        share = np.ones(air.shape)
        if self.section.rail is not None:
            speed = train_speed(air[..., self.rail], self.section.rail) / (self.section.rail.line_speed / 3.6)
            share[..., self.rail] = np.where(np.nan_to_num(speed, nan=1.0) > 0.0, np.nan_to_num(speed, nan=1.0), 1.0)
        return share


def train_speed(air: Floats, section: RailSection) -> Floats:
    """Return the speed allowed on rails, m/s; NaN where the temperature is unknown.

    Examples
    --------
    >>> section = RailSection(kinds=("track",))
    >>> (train_speed(np.array([34.3, 34.4, 37.5, 40.0]), section) * 3.6).round(3).tolist()
    [300.0, 230.0, 70.0, 0.0]
    """
    rail = Rail(
        sun_ratio=section.sun_ratio, line_speed=section.line_speed, slow_from=section.slow_from,
        slow_speed=min(section.slow_speed, section.line_speed), crawl_from=section.crawl_from,
        crawl_speed=section.crawl_speed, stop_from=section.stop_from,
    )  # fmt: skip
    # Maps hold float32, and a step holds from its temperature on: 40 degC times 1.6 must be 64 whatever the rounding.
    hot = np.round(np.asarray(rail_temperature(air, rail=rail), dtype=np.float64), 4)
    return np.asarray(rail_speed(hot, rail=rail))


def is_shut_down(air: Floats, section: DataCentreSection) -> Flags:
    """Return which data centres are off: those whose inlet is above the limit of their class.

    Examples
    --------
    >>> is_shut_down(np.array([42.9, 43.0, np.nan]), DataCentreSection(kinds=("data_centre",))).tolist()
    [False, True, False]
    """
    cooling = Cooling(
        design=section.design, maximum=section.maximum, set_point=section.set_point, inlet_limit=section.inlet_limit
    )
    plant = np.full(air.shape, section.cooling_ratio * MEGAWATT)
    power, flow = np.full(air.shape, MEGAWATT), np.full(air.shape, section.air_flow)
    inlet = inlet_temperature(air, power, plant, flow, cooling=cooling)
    return np.asarray(np.asarray(servers_shut_down(inlet, cooling=cooling)) == 1.0)


def find_limits(assets: pd.DataFrame, section: HeatSection | None) -> HeatLimits | None:
    """Return what heat stops and slows in a city; None where the scenario names nothing.

    Raises
    ------
    ConfigurationError
        Kinds that no asset has.
    """
    if section is None or (section.rail is None and section.data_centres is None):
        return None
    problems = Problems()
    rail = find_kinds(assets, () if section.rail is None else section.rail.kinds, "heat.rail.kinds", problems)
    centres = () if section.data_centres is None else section.data_centres.kinds
    data_centre = find_kinds(assets, centres, "heat.data_centres.kinds", problems)
    problems.raise_if_any(ConfigurationError)
    return HeatLimits(rail, data_centre, section)


def find_kinds(assets: pd.DataFrame, kinds: Sequence[str], subject: str, problems: Problems) -> Flags:
    """Return which assets are of some kinds, ``(n_asset,) bool``, noting kinds that no asset has."""
    of_asset = assets["kind"].astype(str)
    known = set(of_asset.unique())
    for name in kinds:
        if name not in known:
            problems.add(subject, wanted="kinds of assets", got=f"no such kind {name!r}{suggestion(name, known)}")
    return np.asarray(of_asset.isin(list(kinds)))
