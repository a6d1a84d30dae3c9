"""The main job, from a scenario to a result: read this as the table of contents."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.annual import add_annual, exceed, rank_assets, rated_events, weigh_events
from resilience.branches import check_branches, join_branches, take_branch
from resilience.cascade import EventPlan, supplied_graphs
from resilience.caveats import caveats, correlation_caveats, error_caveats, with_costs
from resilience.damage import damage, damage_states, share_of_hazard, unavailable
from resilience.engine import (
    Block,
    BlockSums,
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
    simulate,
)
from resilience.errors import Attempts
from resilience.exposure import expose
from resilience.fields import correlate_city
from resilience.hazard_error import check_errors, error_sd, expect_failure, move_fragility
from resilience.heat_limits import find_limits
from resilience.heat_power import find_power, followed_assets, label_power
from resilience.heat_toll import heat_notes, label_heat, plan_toll, read_heat
from resilience.heat_work import crew_capacity
from resilience.horizon import Horizon, plan_horizon
from resilience.hourly import HourlyEvent, follow_hazard
from resilience.inputs import Inputs, load_inputs
from resilience.network.compile import PERSON, CompiledNetwork, compile_network
from resilience.over_time import label_times, time_caveats
from resilience.pairs import choose_assets, run_in_pairs
from resilience.provenance import now
from resilience.repair import WorkCapacity
from resilience.result import Result, label_sums
from resilience.sample_totals import SampleTotals
from resilience.scenario import HeatSection, Scenario
from resilience.scenario.options import ImportanceSection
from resilience.sequences import add_sequences
from resilience.service import Districts, IndicatorRule, ServiceLayout, lay_out_districts, lay_out_services
from resilience.store import TOTALS, RunStore
from resilience.variables import label_dataset
from resilience.ways import label_ways
from resilience.writing import input_paths, write_run
from resilience.zone_heat import HeatParts

Progress = Callable[[int, int], None]
Floats = NDArray[np.float64]

# A task of a second or more on a city of 100,000 assets; a small city gets the same, its tasks are short anyway.
BLOCK_SAMPLES = 4096


def assess(
    scenario: Scenario, *, out: str | Path | None = None, progress: Progress | None = None, workers: int | None = None
) -> Result:
    """Return the risk to people's services of a scenario.

    Parameters
    ----------
    scenario : Scenario
    out : path, optional
        Run directory to keep the result in; nothing is written if the inputs are wrong.
    progress : callable, optional
        Called with the number of finished blocks and of all blocks.
    workers : int, optional
        Threads; by default the number of cores.

    Returns
    -------
    Result

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong in the inputs.
    CannotCreateError, StorageError
        The run directory cannot be written.

    Examples
    --------
    >>> result = assess(demo_scenario(size=600, samples=512))
    >>> sorted(result.dataset["service"].values.tolist())
    ['care', 'data', 'medical', 'power', 'safety', 'telecom', 'transport', 'water']
    """
    started = now()
    inputs = load_inputs(scenario)
    check_branches(scenario.branches, inputs)
    check_errors(inputs, scenario)
    result, store = solve(scenario, inputs, out=out, progress=progress, workers=workers)
    if scenario.branches:
        further = solve_branches(scenario, inputs, workers=workers)
        both = label_dataset(
            result.dataset.merge(further, combine_attrs="override"), subject="result",
            persons_unit=inputs.network.persons_unit,
        )  # fmt: skip
        result = replace(result, dataset=both)
    if store is not None:
        write_run(store, result, scenario, inputs, block_samples=block_samples(scenario), started=started)
        store.close()
    return result


def solve(
    scenario: Scenario,
    inputs: Inputs,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> tuple[Result, RunStore | None]:
    """Return the result of a scenario on its inputs, and the run directory, made once inputs are right."""
    damaged, hourly = expose_and_damage(inputs, scenario.heat)
    weights = weigh_events(inputs, scenario)
    horizon = plan_horizon(inputs, scenario, hourly)
    zone_heat = read_heat(inputs, scenario)
    city, tasks = prepare(inputs, damaged, scenario, horizon, zone_heat, hourly)
    store = RunStore(Path(out), inputs=input_paths(scenario)) if out is not None else None
    sums, totals = run_samples(city, tasks, scenario, store=store, progress=progress, workers=workers)
    labelled = totals.label(label_sums(city, tasks, sums, damaged).assign(weights))
    labelled = label_times(labelled, city, tasks, sums)
    labelled = label_ways(labelled, city, sums, scenario.monte_carlo.samples)
    labelled = label_heat(labelled, inputs, scenario, zone_heat, [task.toll for task in tasks], sums, totals.toll)
    labelled = label_power(labelled, inputs, scenario, hourly)
    labelled = label_dataset(add_annual(labelled), subject="result", persons_unit=inputs.network.persons_unit)
    ranked = rank_assets(labelled)
    pairs = rerun(city, inputs, damaged, hourly, labelled, ranked, scenario, workers)
    # Where failures go together, an average over the samples in which an asset fails is of its neighbours too.
    alone = scenario.monte_carlo.correlation is None and not any(map(error_sd, inputs.hazards))
    importance = ranked if alone else None
    notes = (
        *inputs.notes, *caveats(labelled, inputs), *time_caveats(labelled, scenario, horizon),
        *heat_notes(labelled, scenario), *correlation_caveats(scenario), *error_caveats(inputs),
    )  # fmt: skip
    result = Result(
        dataset=labelled.assign_attrs({**describe(scenario, inputs, damaged), "notes": list(notes)}),
        exceedance=exceed(labelled, inputs, scenario),
        importance=importance,
        pairs=pairs,
        path=store.path if store is not None else None,
        notes=notes,
    )
    return result, store


def solve_branches(scenario: Scenario, inputs: Inputs, *, workers: int | None) -> xr.Dataset:
    """Return what the branches of a scenario come to, side by side; all have the random numbers of the run itself."""
    risk = scenario.risk.model_copy(update={"catalogue_years": 0})
    plain = scenario.model_copy(update={"risk": risk, "importance": ImportanceSection()})
    found = [solve(plain, take_branch(inputs, branch), workers=workers)[0].dataset for branch in scenario.branches]
    return join_branches(scenario.branches, found)


def expose_and_damage(inputs: Inputs, heat: HeatSection | None = None) -> tuple[xr.Dataset, list[HourlyEvent | None]]:
    """Return intensities, losses and failure probabilities of all events of all families, (event, asset).

    With them comes, for every event, what it does hour by hour; None where its maps have no time axis and heat stops
    nothing for certain.
    """
    limits = find_limits(inputs.network.assets, heat)
    followed = followed_assets(inputs.network.assets, heat)
    parts = []
    hours: list[HourlyEvent | None] = []
    attempt = Attempts()
    for hazard, method in zip(inputs.hazards, inputs.methods, strict=True):
        family, peril = str(hazard.attrs["family"]), str(hazard.attrs["peril"])
        n = hazard.sizes["event"]
        limited, keep = (limits, followed if followed.any() else None) if peril == "heat" else (None, None)
        if "time" in hazard.dims or limited is not None or keep is not None:
            found = attempt(
                partial(
                    follow_hazard, hazard, inputs.network, curves=inputs.curves, method=method, limits=limited,
                    keep=keep,
                )
            )  # fmt: skip
            if found is None:
                continue
            one, hourly = found
            hours += [HourlyEvent(hourly, k, peril) for k in range(n)]
        else:
            exposure = attempt(partial(expose, hazard, inputs.network, curves=inputs.curves, method=method))
            if exposure is None:
                continue
            one = damage(exposure, inputs.network, curves=inputs.curves)
            if sd := error_sd(hazard):
                one = expect_failure(one, inputs, sd, peril=peril)
            hours += [None] * n
        names = [f"{family}:{name}" if len(inputs.hazards) > 1 else str(name) for name in one["event"].values]
        kept = one[
            ["exposed_intensity", "mean_intensity", "wet_length", "damage_fraction", "asset_direct_loss",
             "direct_loss", "failure_probability"]
        ]  # fmt: skip
        kept = kept.drop_vars([name for name in kept.coords if name not in ("event", "asset")])
        kept = kept.assign_coords(
            event=np.array(names, dtype=object),
            family=("event", np.array([family] * n, dtype=object)),
            peril=("event", np.array([peril] * n, dtype=object)),
            return_period=("event", hazard["return_period"].values.astype(np.float64)),
            annual_rate=("event", hazard["annual_rate"].values.astype(np.float64)),
        )
        for name in ("monotonicity_repairs", "hourly_repairs"):
            if name in one.attrs:
                kept = kept.assign_attrs({f"{name}_{family}": int(one.attrs[name])})
        parts.append(kept)
    attempt.raise_if_any()
    assets = inputs.network.assets
    together = xr.concat(parts, dim="event", combine_attrs="drop_conflicts", join="exact")
    cost = assets["replacement_cost"].to_numpy(dtype=np.float64)
    together = add_sequences(together, inputs.sequences, cost)
    labelled = together.transpose("event", "asset").assign_coords(
        sector=("asset", assets["sector"].astype(str).to_numpy(dtype=object)),
        kind=("asset", assets["kind"].astype(str).to_numpy(dtype=object)),
        dry_threshold=("asset", assets["dry_threshold"].to_numpy(dtype=np.float64)),
    )
    return labelled, hours


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


def run_samples(
    city: City,
    tasks: list[EventTask],
    scenario: Scenario,
    *,
    store: RunStore | None,
    progress: Progress | None,
    workers: int | None,
) -> tuple[list[BlockSums], SampleTotals]:
    """Return the sums of every event, and what is kept of every sample; blocks go to the store as they end."""
    n_samples = scenario.monte_carlo.samples
    size = block_samples(scenario)
    totals = SampleTotals(city, len(tasks), n_samples)
    if store is not None:
        store.begin(n_event=len(tasks), n_service=len(city.layout.names), n_sample=n_samples, block_samples=size)

    def keep(block: Block, sums: BlockSums) -> None:
        totals.take(block, sums)
        if store is not None:
            store.write_block(block.task.event, block.first_word * 64, sums.people / PERSON)

    sums = simulate(
        city, tasks, n_samples=n_samples, block_samples=size, workers=workers or os.cpu_count() or 1,
        on_block=keep, progress=progress,
    )  # fmt: skip
    return sums, totals


def rerun(
    city: City,
    inputs: Inputs,
    damaged: xr.Dataset,
    hourly: Sequence[HourlyEvent | None],
    labelled: xr.Dataset,
    importance: xr.Dataset | None,
    scenario: Scenario,
    workers: int | None,
) -> xr.Dataset | None:
    """Return the importance of the scenario's chosen assets from paired runs; None where none is chosen."""
    section = scenario.importance
    if importance is None or not (section.top or section.assets):
        return None
    chosen = choose_assets(importance, top=section.top, named=section.assets)
    rated = rated_events(labelled)
    quick = replace(city, with_roots=False, grid=None)

    def force(asset: int, probability: float) -> list[EventTask]:
        forced = damaged["failure_probability"].copy()
        forced[:, asset] = probability
        changed = damaged.assign(failure_probability=forced)
        tasks = prepare_tasks(quick, inputs, changed, scenario, hourly=hourly, forced=asset)
        return [replace(tasks[event], event=row) for row, event in enumerate(np.flatnonzero(rated).tolist())]

    return run_in_pairs(
        quick, chosen, force=force, people=labelled[TOTALS].isel(event=rated),
        weights=(labelled["annual_weight"] + labelled["tail_weight"]).isel(event=rated),
        failure_probability=damaged["failure_probability"].isel(event=rated),
        block_samples=block_samples(scenario), workers=workers or os.cpu_count() or 1,
    )  # fmt: skip


def block_samples(scenario: Scenario) -> int:
    """Return how many samples a block has."""
    return min(scenario.monte_carlo.block or BLOCK_SAMPLES, scenario.monte_carlo.samples)


def describe(scenario: Scenario, inputs: Inputs, damaged: xr.Dataset) -> dict[str, Any]:
    """Return the attributes of the result."""
    return {
        **damaged.attrs,
        "title": scenario.name,
        "scenario_sha256": scenario.digest(),
        "seed": str(scenario.seed),
        "samples": scenario.monte_carlo.samples,
        "counted_in": inputs.network.persons_unit,
        "assets_with_costs": int(with_costs(inputs).sum()),
        "integration_rule": scenario.risk.rule,
        "tail": scenario.risk.tail,
        "time": "at the peak of the event (time zero); buffers that start hold"
        + ("" if scenario.time is None else "; hours lost over a time grid"),
        **({} if scenario.time is None else {"horizon_hours": scenario.time.hours[-1]}),
    }


def demo_scenario(*, size: int = 5000, seed: int = 1, samples: int = 4096) -> Scenario:
    """Return the scenario of the built-in city, which is synthetic.

    Parameters
    ----------
    size : int
        Number of assets.
    seed : int
        Of the city and of all draws.
    samples : int

    Examples
    --------
    >>> demo_scenario(size=600).name
    'synthetic-city'
    """
    return Scenario.from_dict(
        {
            "schema_version": 1,
            "name": "synthetic-city",
            "seed": seed,
            "network": {"synthetic": {"seed": seed, "size": size}},
            "monte_carlo": {"samples": samples},
        }
    )
