"""A run on disk: what stands beside the blocks, from the labelled result to the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resilience.branches import branches_table
from resilience.heat_toll import heat_table
from resilience.inputs import Inputs
from resilience.network.writing import write_tables
from resilience.provenance import describe_run
from resilience.result import Result
from resilience.run_tables import (
    assets_table,
    events_table,
    exceedance_table,
    importance_table,
    indices_table,
    recovery_table,
    resilience_table,
    summary_table,
    zones_table,
)
from resilience.scenario import Scenario
from resilience.store import MANIFEST, NETWORK, RESULTS, RunStore
from resilience.unserved import unserved_table
from resilience.variables import label_dataset
from resilience.ways import access_table, indicators_table, zone_ways_table
from resilience.why import causes_table, roots_table


def input_paths(scenario: Scenario) -> Iterator[Path]:
    """Yield every file that the scenario names."""
    for section in scenario.hazards:
        for part in section.parts().values():
            for source in part.sources():
                yield from source.hour_paths or (source.path,)
    for layer in (*scenario.network.assets, *scenario.network.zones):
        yield layer.path
    for table in (scenario.network.needs, scenario.network.dependencies, scenario.network.supply):
        if table is not None:
            yield table.path
    for file in scenario.curves.files:
        yield file.path
    repair = None if scenario.time is None else scenario.time.repair
    if repair is not None:
        yield from (path for path in (repair.file, None if repair.ranks is None else repair.ranks.path) if path)


def write_run(
    store: RunStore, result: Result, scenario: Scenario, inputs: Inputs, *, block_samples: int, started: str
) -> None:
    """Write everything beside the blocks: the rest of the result, tables, the resolved scenario, the manifest.

    Parameters
    ----------
    store : RunStore
        With all blocks.
    result : Result
    scenario : Scenario
    inputs : Inputs
    block_samples : int
        What a block has.
    started : str
        When the run began.
    """
    dataset = result.dataset
    if result.importance is not None:
        important = result.importance.reindex(asset=dataset["asset"])
        dataset = dataset.assign({f"importance_{name}": array for name, array in important.data_vars.items()})
    if result.pairs is not None:
        paired = result.pairs.reindex(asset=dataset["asset"])
        dataset = dataset.assign({f"paired_{name}": array for name, array in paired.data_vars.items()})
    if result.exceedance is not None:
        curves = result.exceedance.rename(return_period="period")
        dataset = dataset.assign({f"catalogue_{name}": array for name, array in curves.data_vars.items()})
    store.finish(label_dataset(dataset, subject="result", persons_unit=inputs.network.persons_unit))
    store.write_text("scenario.yaml", scenario.to_yaml())
    wanted = scenario.outputs.tables
    if "summary" in wanted:
        store.write_table("summary.csv", *summary_table(dataset, unit=result.unit, tells_money=result.tells_money))
    if result.importance is not None:
        store.write_table("importance.csv", *importance_table(result.importance, dataset))
    store.write_table("events.csv", *events_table(dataset, unit=result.unit))
    store.write_table("causes.csv", *causes_table(dataset))
    store.write_table("why.csv", *roots_table(dataset, result.unit))
    if "assets" in wanted:
        store.write_table("assets.csv", *assets_table(dataset, tells_money=result.tells_money))
    if "zones" in wanted:
        store.write_table("zones.csv", *zones_table(dataset, unit=result.unit))
    if "access" in dataset.dims:
        store.write_table("access.csv", *access_table(dataset, unit=result.unit))
        store.write_table("zone_access.csv", *zone_ways_table(dataset, unit=result.unit))
    if "indicator" in dataset.dims:
        store.write_table("indicators.csv", *indicators_table(dataset, unit=result.unit))
    if "supplied" in dataset.dims:
        store.write_table("unserved.csv", *unserved_table(dataset))
    if "branch" in dataset.dims:
        store.write_table("branches.csv", *branches_table(dataset, unit=result.unit, tells_money=result.tells_money))
    if "time" in dataset.dims:
        store.write_table("recovery.csv", *recovery_table(dataset, unit=result.unit))
        store.write_table("resilience.csv", *resilience_table(dataset, unit=result.unit))
        if "saidi" in dataset:
            store.write_table("indices.csv", *indices_table(dataset))
    if "daily_maximum" in dataset:
        store.write_table("heat.csv", *heat_table(dataset, unit=result.unit))
    if "exceedance" in wanted and result.exceedance is not None:
        store.write_table("exceedance.csv", *exceedance_table(result.exceedance, tells_money=result.tells_money))
    write_tables(inputs.network, store.path / NETWORK)
    store.write_text("notes.txt", "".join(f"{note}\n" for note in result.notes))
    figures = {
        "samples": dataset.sizes["sample"],
        "block": block_samples,
        "events": dataset.sizes["event"],
        "results": RESULTS,
    }
    store.write_json(
        MANIFEST,
        describe_run(
            scenario=scenario.to_dict(), digest=scenario.digest(), inputs=input_paths(scenario), started=started,
            figures=figures,
        ),
    )  # fmt: skip
