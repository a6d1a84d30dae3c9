"""The city, compiled, and its events as tasks of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import EventPlan, supplied_graphs
from resilience.damage import damage_states
from resilience.engine import (
    City,
    EventTask,
    LevelFactors,
    Recovery,
    Toll,
    Water,
    find_baseline,
    lay_out_levels,
    people_behind,
    plan_recovery,
    prepare_event,
    prepare_sequence,
    return_minutes,
)
from resilience.fields import correlate_city
from resilience.fragility import share_of_hazard, unavailable
from resilience.hazard_error import move_fragility
from resilience.heat_power import find_power
from resilience.heat_toll import plan_toll
from resilience.heat_work import crew_capacity
from resilience.horizon import Horizon
from resilience.hourly import HourlyEvent
from resilience.inputs import Inputs
from resilience.network.compile import PERSON, CompiledNetwork, compile_network
from resilience.repair import WorkCapacity
from resilience.scenario import Scenario
from resilience.service import Districts, IndicatorRule, ServiceLayout, lay_out_districts, lay_out_services
from resilience.zone_heat import HeatParts

Floats = NDArray[np.float64]


def prepare(
    inputs: Inputs,
    damaged: xr.Dataset,
    scenario: Scenario,
    horizon: Horizon | None = None,
    zone_heat: Sequence[HeatParts] | None = None,
    hourly: Sequence[HourlyEvent | None] = (),
) -> tuple[City, list[EventTask]]:
    """Return the compiled city and its events as tasks; without a horizon they are solved at their peak only."""
    compiled = compile_network(inputs.network, services=inputs.service_order)
    graphs = supplied_graphs(compiled, inputs.levels)
    layout = lay_out_services(compiled, inputs.services, inputs.network.assets)
    field = scenario.monte_carlo.correlation
    levels = lay_out_levels(compiled, inputs.sectors, min_fraction=inputs.min_fraction)
    city = City(
        compiled=compiled,
        graphs=graphs,
        layout=layout,
        baseline=find_baseline(compiled, graphs, layout, scenario.cascade.start, levels),
        seed=scenario.seed,
        start=scenario.cascade.start,
        grid=None if horizon is None else horizon.grid,
        districts=find_districts(layout, inputs, scenario, compiled.persons),
        correlated=None
        if field is None
        else correlate_city(inputs.network, compiled.asset_identity, field, seed=scenario.seed),
        levels=levels,
    )
    return city, prepare_tasks(city, inputs, damaged, scenario, horizon, zone_heat, hourly)


def find_districts(layout: ServiceLayout, inputs: Inputs, scenario: Scenario, persons: NDArray[np.int64]) -> Districts:
    """Return the districts and indicators that the scenario asks for."""
    rules = [IndicatorRule(name, one.without, one.share, one.tolerance) for name, one in scenario.indicators.items()]
    return lay_out_districts(layout, rules, inputs.network.zones["district"].astype(str).tolist(), persons)


def prepare_tasks(
    city: City,
    inputs: Inputs,
    damaged: xr.Dataset,
    scenario: Scenario,
    horizon: Horizon | None = None,
    zone_heat: Sequence[HeatParts] | None = None,
    hourly: Sequence[HourlyEvent | None] = (),
    forced: int | None = None,
) -> list[EventTask]:
    """Return the events of all families, then the sequences, as tasks on a compiled city.

    No error of a map moves the failure probability of the asset that is `forced`.
    """
    compiled = city.compiled
    rules = None if horizon is None else horizon.rules
    if rules is not None and rules.rule == "persons":
        repaired = np.flatnonzero(rules.classes != "").astype(np.int32)
        priority = np.zeros(compiled.n_asset)
        priority[repaired] = people_behind(city, repaired)
        rules = replace(rules, priority=priority)

    def toll(event: int) -> Toll | None:
        if zone_heat is None or horizon is None:
            return None
        return plan_toll(zone_heat[event], scenario.heat, city.layout.names, compiled.persons / PERSON, horizon)

    power = find_power(inputs.network.assets, scenario.heat, inputs.levels)

    def factors(*parts: tuple[HourlyEvent | None, int]) -> tuple[LevelFactors, ...]:
        hot = [(hours, onset) for hours, onset in parts if hours is not None and hours.peril == "heat"]
        return () if power is None else power.factors(compiled, hot, city.grid)

    def work(event: int) -> WorkCapacity | None:
        if zone_heat is None or scenario.heat is None:
            return None
        return crew_capacity(zone_heat[event], scenario.heat.crews)

    probability = damaged["failure_probability"].values
    intensity = damaged["exposed_intensity"].values
    perils = damaged["peril"].values.astype(str)
    n_single = damaged.sizes["event"] - len(inputs.sequences)
    states = find_severity(inputs, damaged.isel(event=slice(0, n_single)), horizon)
    anyway = unavailable(inputs.network.assets)
    tasks: list[EventTask] = []
    family_of = [hazard for hazard in inputs.hazards for _ in range(hazard.sizes["event"])]
    followed = horizon.hourly if horizon is not None else tuple(hourly) or (None,) * n_single
    for i in range(n_single):
        family, peril = str(damaged["family"][i].item()), perils[i]
        depth = intensity[i] if peril == "flood" else None
        hours, recover, follow, water = followed[i], None, None, None
        if horizon is not None:
            falls, gone = return_minutes(np.array([horizon.falls[i], horizon.ends[i]])).tolist()
            water = Water(falls, gone)
            recover = partial(
                _recover, compiled, hourly=hours, work=work(i), end_hours=float(horizon.ends[i]),
                restart_hours=horizon.restart_hours, rules=rules, peril=peril, family=family,
                seed=scenario.seed, water=water, depth=depth, states=None if states is None else states[:, i],
                by_hazard=share_of_hazard(probability[i], anyway) if anyway.any() else None,
            )  # fmt: skip
            follow = None if hours is None else hours.follow
        slow = None
        if hours is not None and (until := hours.family.slow_until(hours.position)):
            slow = hours.family.slowest(hours.position, compiled.n_asset)
            water = None if horizon is None else Water(until, until)
        moves = move_fragility(inputs, damaged, family_of[i], i, seed=scenario.seed, forced=forced)
        highest, moved = (probability[i], None) if moves is None else moves
        tasks.append(
            prepare_event(
                city, i, highest, moved=moved, family=family, depth=depth, recover=recover, water=water, follow=follow,
                toll=toll(i), slow=slow, factors=factors((hours, 0)),
            )
        )  # fmt: skip
    for sequence in inputs.sequences:
        own = [(tasks[event], onset) for event, onset in zip(sequence.event, sequence.onset, strict=True)]
        depths = [intensity[event] if perils[event] == "flood" else None for event in sequence.event]
        tasks.append(
            prepare_sequence(
                city, len(tasks), own, perils=[perils[event] for event in sequence.event], depths=depths,
                rules=rules, toll=toll(len(tasks)),
                factors=factors(
                    *((followed[event], onset) for event, onset in zip(sequence.event, sequence.onset, strict=True))
                ) or None,
                work=work(len(tasks)),
            )
        )  # fmt: skip
    return tasks


def find_severity(inputs: Inputs, damaged: xr.Dataset, horizon: Horizon | None) -> Floats | None:
    """Return the probability of each state of damage or a worse one, (state, event, asset); None without curves."""
    if horizon is None or horizon.rules is None or not horizon.rules.states:
        return None
    told = horizon.rules.state_curves()
    return damage_states(damaged, inputs.network, curves=inputs.curves, states=told)


def _recover(compiled: CompiledNetwork, plan: EventPlan, *, hourly: HourlyEvent | None, **how: Any) -> Recovery:
    begin = None
    if hourly is not None:
        begin = hourly.begin(plan)
        share = hourly.family.by_chance(hourly.position, compiled.n_asset)
        if (share < 1.0).any():
            how["by_hazard"] = share if how["by_hazard"] is None else share * how["by_hazard"]
    return plan_recovery(compiled, plan, begin=begin, by_hour=hourly is not None, **how)
