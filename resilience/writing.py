"""A run on disk: what stands beside the blocks, from the labelled result to the manifest."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pyogrio
import xarray as xr
from pyproj import CRS

from resilience.appraisal import options_table
from resilience.branches import branches_table
from resilience.hazard_inputs import map_paths
from resilience.heat_toll import heat_table
from resilience.inputs import Inputs
from resilience.labels import label_dataset
from resilience.manifest import City, Figures, HazardMap, InputFile, LayerFile, Manifest
from resilience.network.writing import write_tables
from resilience.provenance import describe_machine, hash_outputs, library_versions, now
from resilience.result import Result
from resilience.risk.ranking import join_pairs
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
from resilience.store import FILES, MANIFEST, NETWORK, RESULTS, RunStore
from resilience.unserved import unserved_table
from resilience.ways import access_table, indicators_table, zone_ways_table
from resilience.why import causes_table, roots_table


def input_paths(scenario: Scenario) -> Iterator[Path]:
    """Yield every file that the scenario names, and those that belong to them."""
    for section in scenario.hazards:
        yield from map_paths(section)
    for layer in (*scenario.network.assets, *scenario.network.zones):
        yield layer.path
        if layer.path.suffix.lower() == ".shp":
            yield from layer.path.parent.glob(f"{glob.escape(layer.path.stem)}.*")
    for table in (scenario.network.needs, scenario.network.dependencies, scenario.network.supply):
        if table is not None:
            yield table.path
    for file in scenario.curves.files:
        yield from (path for path in (file.path, file.metadata) if path)
    repair = None if scenario.time is None else scenario.time.repair
    if repair is not None:
        yield from (path for path in (repair.file, None if repair.ranks is None else repair.ranks.path) if path)


def write_run(
    store: RunStore, result: Result, scenario: Scenario, inputs: Inputs, *, job: Mapping[str, Any], started: str
) -> None:
    """Write everything beside the blocks: the rest of the result, tables, the resolved scenario, the manifest.

    Parameters
    ----------
    store : RunStore
        With all blocks.
    result : Result
    scenario : Scenario
    inputs : Inputs
    job : mapping
        From :func:`resilience.resume.describe_job`.
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
    importance = join_pairs(result.importance, result.pairs)
    if importance is not None:
        store.write_table("importance.csv", *importance_table(importance, dataset))
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
    if "option" in dataset.dims:
        store.write_table("options.csv", *options_table(dataset, unit=result.unit, tells_money=result.tells_money))
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
    store.keep_on_disk()
    store.write_json(MANIFEST, describe_run(store, dataset, scenario, inputs, job=job, started=started))


def describe_run(
    store: RunStore, dataset: xr.Dataset, scenario: Scenario, inputs: Inputs, *, job: Mapping[str, Any], started: str
) -> dict[str, Any]:
    """Return the content of the manifest of a run whose other files are written."""
    manifest = Manifest(
        run_id=job["run_id"],
        name=scenario.name,
        scenario_sha256=scenario.digest(),
        seed=scenario.seed,
        begun=job["begun"],
        started=started,
        ended=now(),
        figures=Figures(
            samples=dataset.sizes["sample"], block=job["block"], events=dataset.sizes["event"], results=RESULTS
        ),
        inputs=tuple(InputFile(**one) for one in job["inputs"]),
        hazards=tuple(_describe_maps(hazard, scenario) for hazard in inputs.hazards),
        network=City(
            crs=_name_crs(inputs.network.crs),
            layers=tuple(_describe_layers(scenario)),
            assets=dataset.sizes["asset"],
            zones=len(inputs.network.zones),
            counted_in=inputs.network.persons_unit,
        ),
        code=job["code"],
        versions=library_versions(),
        machine=describe_machine(),
        outputs=hash_outputs(store.path, {*FILES, RESULTS, NETWORK} - {MANIFEST}),
        scenario=scenario.to_dict(),
    )
    return manifest.model_dump(mode="json")


def _describe_layers(scenario: Scenario) -> Iterator[LayerFile]:
    kinds: tuple[tuple[Literal["assets", "zones"], Any], ...] = (
        ("assets", scenario.network.assets), ("zones", scenario.network.zones),
    )  # fmt: skip
    for what, layers in kinds:
        for layer in layers:
            declared = layer.crs
            if declared is None:
                # What is read by other readers than GDAL's is in the CRS that it must have.
                with contextlib.suppress(pyogrio.errors.DataSourceError):
                    declared = pyogrio.read_info(layer.path, layer=layer.layer)["crs"]
            yield LayerFile(path=str(layer.path), what=what, crs="" if declared is None else _name_crs(declared))


def _describe_maps(hazard: xr.Dataset, scenario: Scenario) -> HazardMap:
    own = (section for section in scenario.hazards if section.family == hazard.attrs["family"])
    files = dict.fromkeys(str(path) for section in own for path in map_paths(section))
    told = {name: str(hazard.attrs[name]) for name in ("family", "peril", "unit", "nodata", "outside")}
    sizes = hazard.sizes
    return HazardMap(
        **told,
        crs=_name_crs(hazard.attrs["crs_wkt"]),
        files=tuple(files),
        events=sizes["event"],
        rows=sizes["y"],
        columns=sizes["x"],
    )


def _name_crs(crs: Any) -> str:
    """Return an authority's code of a CRS where it has one, else its WKT."""
    found = CRS.from_user_input(crs)
    authority = found.to_authority()
    return ":".join(authority) if authority else str(found.to_wkt())
