"""The city, compiled, and its events as tasks of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

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
    RepairRules,
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
from resilience.network.compile import PERSON, compile_network
from resilience.repair import WorkCapacity
from resilience.scenario import Scenario
from resilience.sequences import EventSequence
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
    planner = TaskPlanner(city, inputs, damaged, scenario, horizon, zone_heat, hourly, forced)
    tasks = [planner.single(event) for event in range(planner.n_single)]
    for sequence in inputs.sequences:
        tasks.append(planner.sequence(len(tasks), sequence, tasks))
    return tasks


class TaskPlanner:
    """Plans single events and sequences on a compiled city; parameters as of :func:`prepare_tasks`."""

    def __init__(
        self,
        city: City,
        inputs: Inputs,
        damaged: xr.Dataset,
        scenario: Scenario,
        horizon: Horizon | None,
        zone_heat: Sequence[HeatParts] | None,
        hourly: Sequence[HourlyEvent | None],
        forced: int | None,
    ) -> None:
        self._city, self._inputs, self._damaged, self._scenario = city, inputs, damaged, scenario
        self._horizon, self._zone_heat, self._forced = horizon, zone_heat, forced
        self.n_single = damaged.sizes["event"] - len(inputs.sequences)
        self._hourly = horizon.hourly if horizon is not None else tuple(hourly) or (None,) * self.n_single
        self._rules = None if horizon is None else rank_by_persons(city, horizon.rules)
        self._power = find_power(inputs.network.assets, scenario.heat, inputs.levels, inputs.cooling_saved)
        self._states = find_severity(inputs, damaged.isel(event=slice(0, self.n_single)), horizon)
        self._anyway = unavailable(inputs.network.assets)
        self._probability = damaged["failure_probability"].values
        self._intensity = damaged["exposed_intensity"].values
        self._perils = damaged["peril"].values.astype(str).tolist()
        self._families = [hazard for hazard in inputs.hazards for _ in range(hazard.sizes["event"])]

    def single(self, event: int) -> EventTask:
        """Return an event of a family as a task."""
        city, horizon, hours = self._city, self._horizon, self._hourly[event]
        water = recover = slow = None
        if horizon is not None:
            falls, gone = return_minutes(np.array([horizon.falls[event], horizon.ends[event]])).tolist()
            water = Water(falls, gone)
            recover = partial(self._recover, event, horizon, water)
        if hours is not None and (until := hours.family.slow_until(hours.position)):
            slow = hours.family.slowest(hours.position, city.compiled.n_asset)
            water = None if horizon is None else Water(until, until)
        moves = move_fragility(
            self._inputs, self._damaged, self._families[event], event, seed=self._scenario.seed, forced=self._forced
        )
        highest, moved = (self._probability[event], None) if moves is None else moves
        return prepare_event(
            city, event, highest, moved=moved, family=self._family(event), depth=self._depth(event), recover=recover,
            water=water, follow=None if horizon is None or hours is None else hours.follow, toll=self._toll(event),
            slow=slow, factors=self._factors([(event, 0)]),
        )  # fmt: skip

    def sequence(self, event: int, sequence: EventSequence, singles: Sequence[EventTask]) -> EventTask:
        """Return a sequence of single events, which are tasks already, as the task of a further event."""
        parts = list(zip(sequence.event, sequence.onset, strict=True))
        return prepare_sequence(
            self._city, event, [(singles[part], onset) for part, onset in parts],
            perils=[self._perils[part] for part in sequence.event],
            depths=[self._depth(part) for part in sequence.event], rules=self._rules, toll=self._toll(event),
            factors=self._factors(parts) or None, work=self._work(event),
        )  # fmt: skip

    def _family(self, event: int) -> str:
        return str(self._damaged["family"][event].item())

    def _depth(self, event: int) -> Floats | None:
        return self._intensity[event] if self._perils[event] == "flood" else None

    def _toll(self, event: int) -> Toll | None:
        if self._zone_heat is None or self._horizon is None:
            return None
        persons = self._city.compiled.persons / PERSON
        return plan_toll(
            self._zone_heat[event], self._scenario.heat, self._city.layout.names, persons, self._horizon
        )  # fmt: skip

    def _work(self, event: int) -> WorkCapacity | None:
        if self._zone_heat is None or self._scenario.heat is None:
            return None
        return crew_capacity(self._zone_heat[event], self._scenario.heat.crews)

    def _factors(self, parts: Sequence[tuple[int, int]]) -> tuple[LevelFactors, ...]:
        """Return what the heatwaves among some events, each with its onset, do to sectors that serve a part."""
        if self._power is None:
            return ()
        timed = [(self._hourly[event], onset) for event, onset in parts]
        hot = [(hours, onset) for hours, onset in timed if hours is not None and hours.peril == "heat"]
        return self._power.factors(self._city.compiled, hot, self._city.grid)

    def _recover(self, event: int, horizon: Horizon, water: Water, plan: EventPlan) -> Recovery:
        """Return how an event's failures come back, once its plan tells them."""
        compiled, hours = self._city.compiled, self._hourly[event]
        share = share_of_hazard(self._probability[event], self._anyway) if self._anyway.any() else None
        begin = None
        if hours is not None:
            begin = hours.begin(plan)
            by_chance = hours.family.by_chance(hours.position, compiled.n_asset)
            if (by_chance < 1.0).any():
                share = by_chance if share is None else by_chance * share
        return plan_recovery(
            compiled, plan, begin=begin, by_hour=hours is not None, work=self._work(event),
            end_hours=float(horizon.ends[event]), restart_hours=horizon.restart_hours, rules=self._rules,
            peril=self._perils[event], family=self._family(event), seed=self._scenario.seed, water=water,
            depth=self._depth(event), states=None if self._states is None else self._states[:, event],
            by_hazard=share,
        )  # fmt: skip


def rank_by_persons(city: City, rules: RepairRules | None) -> RepairRules | None:
    """Return the rules with the people behind each asset where those decide the order of repair."""
    if rules is None or rules.rule != "persons":
        return rules
    repaired = np.flatnonzero(rules.classes != "").astype(np.int32)
    priority = np.zeros(city.compiled.n_asset)
    priority[repaired] = people_behind(city, repaired)
    return replace(rules, priority=priority)


def find_severity(inputs: Inputs, damaged: xr.Dataset, horizon: Horizon | None) -> Floats | None:
    """Return the probability of each state of damage or a worse one, (state, event, asset); None without curves."""
    if horizon is None or horizon.rules is None or not horizon.rules.states:
        return None
    told = horizon.rules.state_curves()
    return damage_states(damaged, inputs.network, curves=inputs.curves, states=told)
