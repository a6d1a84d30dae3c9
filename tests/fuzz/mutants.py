"""Broken inputs by the thousand: each case has a kind and a number, and is the same wherever it is made.

``python -m tests.fuzz.mutants 0 100 geotiff netcdf`` runs a hundred of two kinds; ``17 1 geotiff`` runs one again. The
process is one that may be lost: what crashes or hangs in native code ends it, and its last line says in which case.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import faulthandler
import gc
import io
import json
import os
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import xarray as xr

from resilience import pipeline
from resilience.cli import main
from resilience.store import open_results
from tests.bad_input.conftest import CELL, CELLS, CRS, NORTH, PERIODS, SCENARIO, WEST, depths, write_town
from tests.fuzz.mutations import KINDS, Random, use_own_tables

CODES = {0, 65, 66, 78}
SECONDS = 60
EVERY_FILE = 8  # of so many cases one writes all files of its run, and they are read


def write_good_files(folder: Path) -> None:
    """Write the good town, and its layers and maps in other formats."""
    write_town(folder)
    layers = folder / "layers"
    layers.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that a Shapefile shortens, text in Zarr
        for name in ("sites", "roads"):
            frame = gpd.read_file(folder / f"{name}.geojson")
            for suffix, driver in (("gpkg", "GPKG"), ("fgb", "FlatGeobuf"), ("shp", "ESRI Shapefile")):
                frame.to_file(layers / f"{name}_{suffix}.{suffix}", driver=driver)
        maps = xr.DataArray(
            np.stack([depths(period) for period in PERIODS]),
            dims=("return_period", "y", "x"),
            coords={
                "return_period": np.array(PERIODS, dtype=np.float64),
                "y": NORTH - (np.arange(CELLS) + 0.5) * CELL,
                "x": WEST + (np.arange(CELLS) + 0.5) * CELL,
            },
            attrs={"units": "m", "crs": CRS},
            name="depth",
        ).to_dataset()
        packed = {"depth": {"zlib": True, "chunksizes": (1, 20, 20)}}
        maps.to_netcdf(layers / "new.nc", engine="h5netcdf", encoding=packed)
        maps.to_netcdf(layers / "old.nc", engine="scipy")
        maps.to_zarr(layers / "depth.zarr", consolidated=False, zarr_format=3)


def tree(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() or path.is_dir()
    }


def wrong_with(result: Any, out: str) -> str:
    """Return what is wrong with the figures of a run, or nothing."""
    dataset = result.dataset
    people, served = dataset["people_without_service"].values, dataset["people_served"].values
    if not np.isfinite(people).all() or (people < 0).any() or (people > served[None, :, None] + 1e-6).any():
        return "people without a service who are not among those served"
    for name in ("annual_value", "annual_standard_error", "annual_tail", "asset_direct_loss", "failed_count"):
        if name in dataset and ((dataset[name].values < 0).any() or np.isinf(dataset[name].values).any()):
            return f"{name} below zero or without bound"
    if "failure_probability" in dataset:
        probability = dataset["failure_probability"].values
        if ((probability < 0) | (probability > 1)).any():
            return "probabilities outside 0 to 1"
    return "nan in what is told" if "nan" in out.lower().split() else ""


def wrong_on_disk(run: Path) -> str:
    """Return what is wrong with the files of a run, or nothing."""
    stored = open_results(run)["people_without_service"].values
    if not np.isfinite(stored).all():
        return "results.zarr holds no numbers"
    for path in (*run.glob("*.csv"), *(run / "network").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        if len({len(row) for row in rows}) != 1:
            return f"{path.name} has rows of several lengths"
        if any(cell[:1] in ("=", "+", "@", "\t", "\r") or cell[:2] == "-=" for row in rows for cell in row):
            return f"{path.name} has a formula"
        # An interval may have no upper end, and without the asset there may be no risk; other cells are empty.
        numberless = ("nan",) if path.name in ("exceedance.csv", "importance.csv") else ("nan", "inf", "-inf")
        if path.parent == run and any(cell.lower() in numberless for row in rows[1:] for cell in row):
            return f"{path.name} has something that is no number"
    return ""


def run_case(kind: str, number: int, good: Path, work: Path) -> tuple[int, str]:
    """Run one case, or the good town; return its exit code and what is wrong with what came of it, or nothing."""
    chance = Random(f"{kind} {number}")
    root = work / "town"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(good, root)
    scenario = copy.deepcopy(SCENARIO)
    if kind == "own_tables":
        use_own_tables(root, scenario)
    elif kind:
        KINDS[kind](chance, root, scenario)
    path = root / "town.yaml"
    if not path.exists():
        path.write_text(json.dumps(scenario, indent=1), encoding="utf-8")
    os.chdir(root)
    before = tree(root)
    out, err, results = io.StringIO(), io.StringIO(), []
    every_file = number % EVERY_FILE == 0
    write_run = pipeline.write_run

    def keep(store: Any, result: Any, *rest: Any, **more: Any) -> None:
        results.append(result)
        if every_file:
            write_run(store, result, *rest, **more)

    pipeline.write_run = keep
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["run", str(path), "-o", str(work / "run")])
    finally:
        pipeline.write_run = write_run
    changed = tree(root) != before
    try:
        wrong = wrong_with_outcome(code, out.getvalue(), err.getvalue(), work / "run")
        if not (code or wrong):
            wrong = wrong_with(results[-1], out.getvalue()) or (wrong_on_disk(work / "run") if every_file else "")
    finally:
        shutil.rmtree(work / "run", ignore_errors=True)
    return code, "inputs were changed or added to" if changed else wrong


def wrong_with_outcome(code: int, out: str, err: str, run: Path) -> str:
    """Return what is wrong with the exit code of a call and what it said, or nothing."""
    if code not in CODES:
        log = Path(err.rpartition("the log is ")[2].strip() or "none")
        return f"exit code {code}: {err[-500:]}{log.read_text(encoding='utf-8')[-3000:] if log.is_file() else ''}"
    if code:
        lines = [line for line in err.splitlines() if not line.startswith(("warning: ", "note: "))]
        if not lines or not all(line.startswith("error: ") and "; wanted: " in line for line in lines):
            return f"no clear message: {err[-500:]}"
        if out or run.exists():
            return f"figures or files in spite of code {code}"
    return ""


INTERRUPTED, TERMINATED = 130, 143  # whoever runs this wants it to end


def run_cases(first: int, count: int, kinds: Sequence[str]) -> int:
    """Run cases one after the other, telling each before it runs, and after it its exit code or what is wrong."""
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        good, work = Path(place) / "good", Path(place) / "work"
        good.mkdir()
        work.mkdir()
        tempfile.tempdir = str(work)
        write_good_files(good)
        # What is spoilt is good before; and kernels are compiled before anything has to be done in time.
        for name in ("", "own_tables"):
            code, wrong = run_case(name, 0, good, work)
            if code or wrong:
                print(f"FAILED the good town {name}: {code} {wrong}", flush=True)
                return 1
        for number in range(first, first + count):
            for kind in kinds:
                print(f"case {kind} {number}", flush=True)
                faulthandler.dump_traceback_later(SECONDS, exit=True, file=sys.__stderr__)
                code, wrong = run_case(kind, number, good, work)
                faulthandler.cancel_dump_traceback_later()
                if code in (INTERRUPTED, TERMINATED):
                    sys.exit(code)
                failed += bool(wrong)
                print(f"FAILED {kind} {number}: {wrong}" if wrong else f"code {kind} {code}", flush=True)
            gc.collect()
        os.chdir(place)
    return failed


if __name__ == "__main__":
    # What needs more is told as a defect, and does not take the machine along.
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, 16 * 2**30))
    faulthandler.enable()
    warnings.simplefilter("default")
    warnings.filterwarnings("ignore", message="Cannot close a netcdf_file")
    sys.exit(1 if run_cases(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS)) else 0)
