"""The main job, from a scenario to a result: read this as the table of contents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience import __version__
from resilience.annual import add_annual, exceed, rank_assets, weigh_events
from resilience.appraisal import appraise, find_saving, option_notes
from resilience.branches import branch_notes, check_branches, join_branches, take_branch, without_extras
from resilience.caveats import caveats, correlation_caveats, error_caveats, with_costs
from resilience.defaults import defaults_notes
from resilience.engine import (
    Block,
    BlockSums,
    City,
    EventTask,
    open_pool,
)
from resilience.events import rated_events
from resilience.exposures import expose_and_damage
from resilience.hazard_error import check_errors, error_sd
from resilience.heat_power import label_power
from resilience.heat_toll import heat_notes, label_heat, read_heat
from resilience.horizon import Horizon, plan_horizon
from resilience.hourly import HourlyEvent
from resilience.inputs import Inputs, load_inputs
from resilience.labelled_sums import label_sums
from resilience.labels import PEOPLE, label_dataset
from resilience.ledger import this_process
from resilience.network.compile import PERSON
from resilience.options import check_options, take_option, told_of
from resilience.over_time import label_times, time_caveats
from resilience.pairs import choose_assets, run_in_pairs
from resilience.provenance import now
from resilience.result import Result
from resilience.resume import RunPlace, describe_job
from resilience.run_log import RunLog
from resilience.sample_totals import SampleTotals
from resilience.sampling import MAIN, Deadline, Progress, Sampler, block_samples, fit_blocks
from resilience.scenario import Scenario
from resilience.scenario.options import settle_options
from resilience.stopping import find_losable, find_relative_error, list_looks, tell_unseen
from resilience.store import RunStore
from resilience.tasks import prepare, prepare_tasks
from resilience.ways import label_ways
from resilience.writing import input_paths, write_run
from resilience.zone_heat import HeatParts

Floats = NDArray[np.float64]


def assess(
    scenario: Scenario,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    dashboard: str | None = None,
    restart: bool = False,
    max_wall: float | None = None,
) -> Result:
    """Return the risk to people's services of a scenario.

    Parameters
    ----------
    scenario : Scenario
    out : path, optional
        Run directory to keep the result in; nothing is written if the inputs are wrong. Blocks of samples that an
        earlier call finished there are not solved again.
    progress : callable, optional
        Called with the number of finished blocks and of all blocks.
    threads, workers, scheduler, dashboard
        What solves the blocks, see :func:`resilience.engine.open_pool`; the result is the same.
    restart : bool
        Whether what `out` has of an earlier run is removed.
    max_wall : float, optional, s
        No block is begun that would end later than this after the call; the run ends with an error then, and a later
        call goes on.

    Returns
    -------
    Result

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong in the inputs.
    DataError
        Also where `out` holds a run of another scenario, of inputs that have changed, or of other code.
    CannotCreateError, StorageError
        The run directory cannot be written.
    LockedError
        Another run is writing to it.
    OutOfTimeError
        After `max_wall`.
    ClusterError
        The cluster cannot be used, or no longer; what is done is kept in `out`.

    Examples
    --------
    >>> result = assess(demo_scenario(size=600, samples=512))
    >>> sorted(result.dataset["service"].values.tolist())
    ['care', 'data', 'medical', 'power', 'safety', 'telecom', 'transport', 'water']
    """
    started = now()
    with ExitStack() as held:
        log = held.enter_context(RunLog())
        pool = held.enter_context(open_pool(threads=threads, workers=workers, scheduler=scheduler, dashboard=dashboard))
        deadline = Deadline(max_wall, workers=pool.workers)
        sampler = Sampler(
            pool, block_samples=block_samples(scenario), deadline=deadline, progress=progress, log=log
        )  # fmt: skip
        tell_start(log, scenario, sampler)
        place = None
        if out is not None:
            paths = list(input_paths(scenario))
            describe = partial(describe_job, scenario, paths, block_samples=sampler.block_samples)
            place = held.enter_context(RunPlace(Path(out), describe, inputs=paths, restart=restart, log=log))
        inputs = load_inputs(scenario)
        log.tell("inputs_read", f"inputs read: {inputs.network!r}")
        check_branches(scenario.branches, inputs)
        check_options(scenario, inputs)
        check_errors(inputs, scenario)
        result, store = solve(scenario, inputs, sampler, place=place)
        if scenario.branches:
            further = solve_branches(scenario, inputs, sampler, samples=result.dataset.sizes["sample"])
            both = label_dataset(
                result.dataset.merge(further, combine_attrs="override"), subject="result",
                persons_unit=inputs.network.persons_unit,
            )  # fmt: skip
            result = replace(result, dataset=both, notes=(*result.notes, *branch_notes(both, scenario.branches)))
        if scenario.options:
            result = solve_options(scenario, inputs, sampler, result)
        if store is not None and place is not None:
            place.check_inputs()
            write_run(store, result, scenario, inputs, job=place.job, started=started)
            log.tell("result_written", f"result written to {store.path}")
        log.tell("run_finished", "run finished", samples=result.dataset.sizes["sample"])
    return result


def tell_start(log: RunLog, scenario: Scenario, sampler: Sampler) -> None:
    """Write what is run, by what, into the log."""
    log.tell(
        "run_started", f"assessing {scenario.name}", version=__version__, process=this_process(),
        scenario_sha256=scenario.digest(), samples=scenario.monte_carlo.samples, block=sampler.block_samples,
        workers=sampler.pool.workers,
    )  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A scenario on its inputs, up to the samples.

    Parameters
    ----------
    city : City
    tasks : list of EventTask
    damaged : xarray.Dataset
    hourly : sequence of HourlyEvent or None
    horizon : Horizon or None
    zone_heat : sequence of HeatParts or None
    """

    city: City
    tasks: list[EventTask]
    damaged: xr.Dataset
    hourly: Sequence[HourlyEvent | None]
    horizon: Horizon | None
    zone_heat: Sequence[HeatParts] | None


def prepare_run(scenario: Scenario, inputs: Inputs) -> Prepared:
    """Return what the samples of a scenario are solved on."""
    damaged, hourly = expose_and_damage(inputs, scenario.heat)
    horizon = plan_horizon(inputs, scenario, hourly)
    zone_heat = read_heat(inputs, scenario)
    city, tasks = prepare(inputs, damaged, scenario, horizon, zone_heat, hourly)
    return Prepared(city, tasks, damaged, hourly, horizon, zone_heat)


def solve(
    scenario: Scenario, inputs: Inputs, sampler: Sampler, *, place: RunPlace | None = None, part: str = MAIN
) -> tuple[Result, RunStore | None]:
    """Return the result of a scenario on its inputs, and the run directory, made once inputs are right."""
    prepared = prepare_run(scenario, inputs)
    city, tasks, damaged, hourly = prepared.city, prepared.tasks, prepared.damaged, prepared.hourly
    weights = weigh_events(inputs, scenario)
    if part == MAIN:
        processes = sampler.pool.workers if sampler.pool.remote else None
        sampler.block_samples = fit_blocks(scenario, city, tasks, least=sampler.block_samples, processes=processes)
    store = None if place is None else place.open(block_samples=sampler.block_samples)
    if place is not None and store is not None:
        sampler.keep_in(store.ledger, block_samples=place.job["block"])
    weight = weights["annual_weight"][1] + weights["tail_weight"][1]
    losable = find_losable(city, tasks, weight)
    sums, totals = run_samples(
        city, tasks, scenario, sampler, weight=weight, losable=losable, store=store, part=part
    )  # fmt: skip
    labelled = totals.label(label_sums(city, tasks, sums, damaged).assign(weights))
    labelled = label_times(labelled, city, tasks, sums)
    labelled = label_ways(labelled, city, sums, totals.n_sample)
    horizon, zone_heat = prepared.horizon, prepared.zone_heat
    labelled = label_heat(labelled, inputs, scenario, zone_heat, [task.toll for task in tasks], sums, totals.toll)
    # What is told of them stands in the result: they need not stay beside it.
    del sums, tasks, prepared
    labelled = label_power(labelled, inputs, scenario, hourly)
    labelled = label_dataset(add_annual(labelled), subject="result", persons_unit=inputs.network.persons_unit)
    ranked = rank_assets(labelled, city, inputs.sequences)
    pairs = rerun(city, inputs, damaged, hourly, labelled, ranked, scenario, sampler)
    # Where failures go together, an average over the samples in which an asset fails is of its neighbours too.
    alone = scenario.monte_carlo.correlation is None and not any(map(error_sd, inputs.hazards))
    importance = ranked if alone else None
    lost = totals.lost_until(totals.n_sample)
    notes = (
        *inputs.notes, *caveats(labelled, inputs),
        *tell_unseen(city.layout.names, lost, weight, losable, tolerance=scenario.monte_carlo.tolerance),
        *time_caveats(labelled, scenario, horizon),
        *heat_notes(labelled, scenario), *correlation_caveats(scenario), *error_caveats(inputs),
        *defaults_notes(labelled, inputs, scenario, horizon),
    )  # fmt: skip
    result = Result(
        dataset=labelled.assign_attrs(
            {**describe(scenario, inputs, damaged, samples=totals.n_sample), "notes": list(notes)}
        ),
        exceedance=exceed(labelled, inputs, scenario),
        importance=importance,
        pairs=pairs,
        path=store.path if store is not None else None,
        notes=notes,
        network_source=inputs.network,
    )
    return result, store


def solve_options(scenario: Scenario, inputs: Inputs, sampler: Sampler, result: Result) -> Result:
    """Return the result with what the options save; all have the random numbers of the run itself."""
    base = result.dataset
    plain = without_extras(scenario, samples=base.sizes["sample"])
    savings, further = [], []
    for number, option in enumerate(settle_options(scenario.options)):
        with told_of(option):
            run, _ = solve(*take_option(plain, inputs, option, number=number), sampler, part=f"option-{number:03d}")
        savings.append(find_saving(base, run.dataset, values=scenario.values or {}, unit=result.unit))
        further += [f"option {option.name}: {note}" for note in run.notes if note not in result.notes]
    together = appraise(savings, scenario, tells_money=result.tells_money)
    notes = (*result.notes, *option_notes(scenario, together, tells_money=result.tells_money), *further)
    both = base.merge(together, combine_attrs="override").assign_attrs(notes=list(notes))
    return replace(result, dataset=label_dataset(both, subject="result", persons_unit=result.unit), notes=notes)


def solve_branches(scenario: Scenario, inputs: Inputs, sampler: Sampler, *, samples: int) -> xr.Dataset:
    """Return what the branches of a scenario come to, side by side; all have the random numbers of the run itself."""
    plain = without_extras(scenario, samples=samples)
    found = [
        solve(plain, take_branch(inputs, branch), sampler, part=f"branch-{number:03d}")[0].dataset
        for number, branch in enumerate(scenario.branches)
    ]
    return join_branches(scenario.branches, found)


def run_samples(
    city: City,
    tasks: list[EventTask],
    scenario: Scenario,
    sampler: Sampler,
    *,
    weight: Floats,
    losable: NDArray[np.bool_],
    store: RunStore | None = None,
    part: str = MAIN,
) -> tuple[list[BlockSums], SampleTotals]:
    """Return the sums of every event, and what is kept of every sample; blocks go to the store as they end."""
    counts = scenario.monte_carlo
    totals = SampleTotals(city, len(tasks), counts.samples)
    if store is not None:
        store.begin(
            n_event=len(tasks), n_service=len(city.layout.names), n_sample=counts.samples,
            block_samples=sampler.block_samples,
        )  # fmt: skip

    def keep(block: Block, sums: BlockSums) -> None:
        totals.take(block, sums)
        if store is not None:
            store.write_block(block.task.event, block.first_word * 64, sums.people / PERSON)

    sums: list[BlockSums] = []
    seen = 0
    for look in list_looks(counts.samples, counts.tolerance):
        more = sampler.solve(part, city, tasks, n_samples=look, first_sample=seen, on_block=keep)
        for have, new in zip(sums, more, strict=False):
            have.add(new)
        sums, seen = sums or more, look
        if counts.tolerance is None:
            continue
        if find_relative_error(totals.lost_until(look), weight, losable) <= counts.tolerance:
            break
    totals.end_at(seen)
    return sums, totals


def rerun(
    city: City,
    inputs: Inputs,
    damaged: xr.Dataset,
    hourly: Sequence[HourlyEvent | None],
    labelled: xr.Dataset,
    importance: xr.Dataset | None,
    scenario: Scenario,
    sampler: Sampler,
) -> xr.Dataset | None:
    """Return the importance of the scenario's chosen assets from paired runs; None where none is chosen."""
    section = scenario.importance
    if importance is None or not (section.top or section.assets):
        return None
    chosen = choose_assets(city, importance, top=section.top, named=section.assets)
    rated = rated_events(labelled)
    quick = replace(city, with_roots=False, grid=None)

    def force(asset: int, probability: float) -> list[EventTask]:
        forced = damaged["failure_probability"].copy()
        forced[:, asset] = probability
        changed = damaged.assign(failure_probability=forced)
        tasks = prepare_tasks(quick, inputs, changed, scenario, hourly=hourly, forced=asset)
        return [replace(tasks[event], event=row) for row, event in enumerate(np.flatnonzero(rated).tolist())]

    return run_in_pairs(
        quick, chosen, force=force, people=labelled[PEOPLE].isel(event=rated),
        weights=(labelled["annual_weight"] + labelled["tail_weight"]).isel(event=rated),
        failure_probability=damaged["failure_probability"].isel(event=rated),
        solve=sampler.solve,
    )  # fmt: skip


def describe(scenario: Scenario, inputs: Inputs, damaged: xr.Dataset, *, samples: int) -> dict[str, Any]:
    """Return the attributes of the result."""
    return {
        **damaged.attrs,
        "title": scenario.name,
        "scenario_sha256": scenario.digest(),
        "seed": str(scenario.seed),
        "samples": samples,
        "counted_in": inputs.network.persons_unit,
        "assets_with_costs": int(with_costs(inputs).sum()),
        "integration_rule": scenario.risk.rule,
        "tail": scenario.risk.tail,
        "time": "at the peak of the event (time zero); buffers that start hold"
        + ("" if scenario.time is None else "; hours lost over a time grid"),
        **({} if scenario.time is None else {"horizon_hours": scenario.time.hours[-1]}),
    }


def demo_scenario(*, size: int = 5000, seed: int = 1, samples: int = 4096, over_time: bool = False) -> Scenario:
    """Return the scenario of the built-in city, which is synthetic.

    Parameters
    ----------
    size : int
        Number of assets.
    seed : int
        Of the city and of all draws.
    samples : int
    over_time : bool
        Whether what fails is repaired, and hours lost are told beside people at the peak; ``resilience demo`` does so.

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
            **({"time": {"repair": {}}} if over_time else {}),
        }
    )
