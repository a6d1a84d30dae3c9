"""Power in the heat: transformers and lines that carry less, demand that grows, insulation that ages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import TimeGrid
from resilience.engine import LevelFactors, join_factors
from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.heat import (
    Demand,
    Transformer,
    ageing_rate,
    allowed_load,
    demand,
    hot_spot,
    line_rating,
)
from resilience.heat_limits import find_kinds
from resilience.hourly import HourlyEvent
from resilience.inputs import Inputs
from resilience.network.compile import CompiledNetwork
from resilience.quotients import divide
from resilience.scenario import HeatSection, Scenario
from resilience.variables import VARIABLES
from resilience.zone_heat import ZoneHeat

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_RATING = 1e-3
"""Share of its rating that a line keeps however hot it is: a link is taken down by curves, not by a rating of zero."""


@dataclass(frozen=True)
class HeatPower:
    """What heat does to the sectors that a scenario names.

    Parameters
    ----------
    section : HeatSection
    transformer, line : (n_asset,) bool
    cooling_saved : (n_asset,) float64, optional
        Share of the growth of demand that is saved.
    """

    section: HeatSection
    transformer: Flags
    line: Flags
    cooling_saved: Floats | None = None

    def factors(
        self, compiled: CompiledNetwork, parts: Sequence[tuple[HourlyEvent, int]], grid: TimeGrid | None
    ) -> tuple[LevelFactors, ...]:
        """Return what heat does to each sector, per step of the grid; in one row, of the worst hours, without.

        Parameters
        ----------
        compiled : CompiledNetwork
        parts : sequence of (HourlyEvent, int)
            Heatwaves and the minutes at which they begin.
        grid : TimeGrid, optional

        Notes
        -----
        A step has the mean of its hours. After the event all is as in the intact city. Where heatwaves of a sequence
        overlap, the worst of each step counts.
        """
        each = [
            LevelFactors(sector, **given)
            for event, onset in parts
            for sector, given in self._of_event(compiled, event, onset, grid).items()
        ]
        return join_factors(each)

    def _of_event(
        self, compiled: CompiledNetwork, event: HourlyEvent, onset: int, grid: TimeGrid | None
    ) -> dict[str, dict[str, Floats]]:
        air = np.full((event.family.air.shape[1], compiled.n_asset), np.nan)
        air[:, event.family.kept] = event.family.air[event.position]
        heat = ZoneHeat(event.minute, event.family.clock, air)
        columns: dict[str, dict[str, Floats]] = {}

        def add(sector: str, column: str, hourly: Floats, worst: Floats) -> None:
            rows = worst[np.newaxis] if grid is None else mean_over_steps(hourly, event.minute + onset, grid)
            columns.setdefault(sector, {})[column] = rows

        one, two, three = self.section.transformers, self.section.lines, self.section.demand
        if one is not None:
            node = compiled.graphs[one.sector].node
            share = transformer_capacity(air[:, node], one.hot_spot_limit)
            share[:, ~self.transformer[node]] = 1.0
            add(one.sector, "capacity", share, share.min(axis=0))
        if two is not None:
            link = compiled.graphs[two.sector].link
            share = line_capacity(air[:, link], two.rated_at)
            share[:, ~self.line[link]] = 1.0
            add(two.sector, "rating", share, share.min(axis=0))
        if three is not None:
            node = compiled.graphs[three.sector].node
            growth = demand_growth(heat, three.base_temperature, three.slope)[:, node]
            if self.cooling_saved is not None:
                growth = 1.0 + (growth - 1.0) * (1.0 - self.cooling_saved[node])
            add(three.sector, "demand", growth, growth.max(axis=0))
        return columns

    def ageing(self, event: HourlyEvent, n_asset: int) -> Floats:
        """Return the hours of normal life that the insulation of each transformer loses, ``(n_asset,) float64``.

        NaN for other assets and where the temperature is unknown.
        """
        hours = np.full(n_asset, np.nan)
        section = self.section.transformers
        if section is None:
            return hours
        own = self.transformer[event.family.kept]
        air = event.family.air[event.position][:, own].astype(np.float64)
        rate = np.asarray(ageing_rate(hot_spot(air, np.full(air.shape, section.load))))
        hours[event.family.kept[own]] = (np.diff(event.minute) / 60) @ rate
        return hours


def transformer_capacity(air: Floats, limit: float) -> Floats:
    """Return the load that keeps the hot spot within its limit, as a share of the rated one, at most 1.

    Examples
    --------
    >>> transformer_capacity(np.array([20.0, 30.0, 40.0, np.nan]), 110.0).round(5)
    array([1.     , 1.     , 0.91539, 1.     ])
    """
    share = np.asarray(allowed_load(air, transformer=Transformer(hot_spot_limit=limit)))
    return np.asarray(np.minimum(np.nan_to_num(share, nan=1.0), 1.0))


def line_capacity(air: Floats, rated_at: float) -> Floats:
    """Return the current that a line may carry, as a share of that at the temperature it is rated at, at most 1.

    Examples
    --------
    >>> line_capacity(np.array([25.0, 40.0]), 25.0).round(4)
    array([1.    , 0.8846])
    """
    share = np.asarray(line_rating(air)) / float(line_rating(rated_at))
    return np.clip(np.nan_to_num(share, nan=1.0), LEAST_RATING, 1.0)


def demand_growth(heat: ZoneHeat, base: float, slope: float) -> Floats:
    """Return the demand of each hour over that of a cool day, by the mean temperature of its day, ``(n_time, n)``.

    Examples
    --------
    >>> heat = ZoneHeat(np.array([0, 720, 1440]), 0, np.array([[20.0], [40.0]]))
    >>> demand_growth(heat, 24.0, 0.0275).round(4).tolist()
    [[1.165], [1.165]]
    """
    mean = heat.daily_mean(heat.temperature)
    growth = np.nan_to_num(np.asarray(demand(mean, growth=Demand(base_temperature=base, slope=slope))), nan=1.0)
    minutes = heat.overlap().astype(np.float64)
    return np.asarray((minutes.T @ growth) / minutes.sum(axis=0)[:, np.newaxis])


def mean_over_steps(hourly: Floats, minute: NDArray[np.int64], grid: TimeGrid) -> Floats:
    """Return hourly factors as means over the steps of a grid, 1 after the event, ``(n_step, n)``.

    Parameters
    ----------
    hourly : (n_time, n) float64
    minute : (n_time + 1,) int64
    grid : TimeGrid

    Examples
    --------
    >>> grid = TimeGrid(np.array([0, 60, 180, 300]))
    >>> mean_over_steps(np.array([[0.8], [0.6]]), np.array([0, 120, 240]), grid).round(3).tolist()
    [[0.8], [0.7], [0.8]]
    """
    begin, end = grid.minute[:-1, np.newaxis], grid.minute[1:, np.newaxis]
    shared = np.maximum(np.minimum(end, minute[1:]) - np.maximum(begin, minute[:-1]), 0)
    # Departures from 1 are added up, so that what is 1 all along stays exactly that.
    return np.asarray(1.0 + (shared @ (hourly - 1.0)) / grid.step[:, np.newaxis])


def find_power(
    assets: pd.DataFrame,
    section: HeatSection | None,
    levels: Mapping[str, str],
    cooling_saved: Mapping[str, float] | None = None,
) -> HeatPower | None:
    """Return what heat does to power in a city; None where the scenario names nothing.

    Parameters
    ----------
    assets : pandas.DataFrame
    section : HeatSection, optional
    levels : mapping of str to str
        Level of every sector.
    cooling_saved : mapping of str to float, optional
        By id of an asset, the share of the growth of its demand that is saved.

    Raises
    ------
    ConfigurationError
        Kinds that no asset has, sectors at a level that knows no capacity.
    """
    if section is None or (section.transformers is None and section.lines is None and section.demand is None):
        return None
    problems = Problems()
    fitting = {"transformers": ("share", "dc_flow"), "lines": ("dc_flow",), "demand": ("share", "dc_flow")}
    for name, wanted in fitting.items():
        one = getattr(section, name)
        if one is None:
            continue
        level = levels.get(one.sector)
        if level not in wanted:
            got = f"{one.sector} at level {level}" if level else f"{one.sector!r}{suggestion(one.sector, levels)}"
            problems.add(f"heat.{name}.sector", wanted=f"a sector at level {' or '.join(wanted)}", got=got)
    sector = assets["sector"].astype(str)
    chosen = []
    for name in ("transformers", "lines"):
        one = getattr(section, name)
        kinds = () if one is None else one.kinds
        of_kind = find_kinds(assets, kinds, f"heat.{name}.kinds", problems)
        own = np.zeros(len(assets), bool) if one is None else np.asarray(sector == one.sector)
        chosen.append(own & (of_kind if kinds else True))
    problems.raise_if_any(ConfigurationError)
    saved = None
    if cooling_saved:
        saved = np.array([cooling_saved.get(name, 0.0) for name in assets["id"].astype(str)])
    transformer, line = chosen
    return HeatPower(section, transformer, line, saved)


def label_power(
    labelled: xr.Dataset, inputs: Inputs, scenario: Scenario, hourly: Sequence[HourlyEvent | None]
) -> xr.Dataset:
    """Return the result with the ageing of transformers; as it is where the scenario does not ask for it.

    Parameters
    ----------
    labelled : xarray.Dataset
    inputs : Inputs
    scenario : Scenario
    hourly : sequence of HourlyEvent or None
        Of every event; sequences, which come after them, tell no ageing of their own.
    """
    power = find_power(inputs.network.assets, scenario.heat, inputs.levels)
    if power is None or power.section.transformers is None:
        return labelled
    ageing = np.full((labelled.sizes["event"], labelled.sizes["asset"]), np.nan)
    for row, one in zip(ageing, hourly, strict=False):
        if one is not None and one.peril == "heat":
            row[:] = power.ageing(one, row.size)
    known = ~np.isnan(ageing)
    mean = divide(np.where(known, ageing, 0.0).sum(axis=1), known.sum(axis=1))
    values = {"transformer_ageing": ageing, "event_transformer_ageing": mean}
    return labelled.assign({name: (VARIABLES[name].dims, array) for name, array in values.items()})


def followed_assets(assets: pd.DataFrame, section: HeatSection | None) -> Flags:
    """Return the assets whose temperature is needed hour by hour, ``(n_asset,) bool``."""
    given = () if section is None else (section.transformers, section.lines, section.demand)
    sectors = [one.sector for one in given if one is not None]
    return np.asarray(assets["sector"].astype(str).isin(sectors))
