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
import random
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import xarray as xr
from affine import Affine

from resilience import pipeline
from resilience.cli import main
from resilience.store import open_results
from tests.bad_input.conftest import CELL, CELLS, CRS, NORTH, PERIODS, SCENARIO, WEST, depths, write_town

CODES = {0, 65, 66, 78}
SECONDS = 60
EVERY_FILE = 8  # of so many cases one writes all files of its run, and they are read

Random = random.Random
Mutation = Callable[[Random, Path, dict[str, Any]], None]

ODD = [
    None, True, -1, 0, 1, 1e308, -1e308, 5e-324, 10**30, 1.5, "", " ", "nan", "inf", "-inf", "1e400", "-9999", "12,000",
    "0,5", "x", "S1", "Z1", "H1", "L1", "R9", "=1+1", "\u200b", "\u202e", "\ub3c4\uc2dc", "a" * 300, "<b>", "a\nb",
    "\x00", [], {}, [1, "a"], {"a": 1}, "2020-01-01", "true", "null", "POINT (1 1)", "EPSG:4326", "../x", "/dev/null",
    [[[]]], {"": None}, -0.0, 2**31, 2**63, 2**64, "\ud55c" * 50, ".", "..", "~", "${X}", "{rp}", "{event}",
]  # fmt: skip
PIECES = [
    b"", b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b'"', b",", b"\n",
    b"'", b"{", b"}", b"[", b"]", b":", b"- ", b"&a ", b"*a", b"!!x ", b"nan", b"inf", b"1e999", b"-1", b"<", b">",
    b"null", b"\r\n",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"<!DOCTYPE x>", b"99999999999999999999", b"0" * 64,
]  # fmt: skip
CURVES = """name,role,peril,unit,x,y,source,basis
own,fragility,flood,m,0,0,made up,default
own,fragility,flood,m,2,0.7,made up,default
loss,damage,flood,m,0,0,made up,default
loss,damage,flood,m,3,1,made up,default
"""
REPAIR = """repair_class,state,distribution,unit,value,median,beta,source
own,0,fixed,h,2,,,made up
own,1,lognormal,h,,20,0.7,made up
"""
GRAPHML = (
    '<?xml version="1.0" encoding="utf-8"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    '<key id="a" for="node" attr.name="x"/><key id="b" for="node" attr.name="y"/>'
    '<key id="c" for="edge" attr.name="length"/><key id="d" for="edge" attr.name="geometry"/>'
    '<key id="e" for="graph" attr.name="crs"/><graph edgedefault="directed"><data key="e">EPSG:5187</data>'
    '<node id="1"><data key="a">200085</data><data key="b">300315</data></node>'
    '<node id="2"><data key="a">200325</data><data key="b">300315</data></node>'
    '<edge source="1" target="2"><data key="c">240</data>'
    '<data key="d">LINESTRING (200085 300315, 200200 300300, 200325 300315)</data></edge>'
    '<edge source="2" target="1"><data key="c">240</data></edge></graph></graphml>'
)


def spoil_bytes(chance: Random, path: Path, *, head: int = 400) -> None:
    """Change a few pieces of a file, more often near its beginning; sometimes cut it."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        start = chance.randrange(min(head, len(content)) if chance.random() < 0.6 and content else len(content) + 1)
        action = chance.random()
        if action < 0.35 and start < len(content):
            content[start] ^= 1 << chance.randrange(8)
        elif action < 0.7:
            piece = chance.choice(PIECES) or chance.randbytes(chance.randint(1, 8))
            length = len(piece) if chance.random() < 0.7 else chance.choice([0, 1, 5, 40])
            content[start : start + length] = piece
        elif action < 0.85:
            del content[start : start + chance.choice([1, 4, 64, 1000])]
        else:
            other = chance.randrange(len(content) + 1)
            content[start:start] = content[other : other + chance.choice([1, 8, 100])]
    if chance.random() < 0.15:
        del content[chance.randrange(len(content) + 1) :]
    path.write_bytes(bytes(content))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


def spoil_data(chance: Random, data: Any) -> None:
    """Replace, remove, double or exchange a few values of plain data."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        *lead, last = chance.choice([place for place in places(data) if place])
        part: Any = data
        for key in lead:
            part = part[key]
        action = chance.random()
        if action < 0.6:
            part[last] = copy.deepcopy(chance.choice(ODD))
        elif action < 0.8:
            del part[last]
        elif isinstance(part, list):
            part.append(copy.deepcopy(part[last]))
        else:
            part[str(chance.choice(ODD))] = part.pop(last)
        if not any(places(data)):
            return


def scenario_data(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    use_own_tables(folder, scenario)
    spoil_data(chance, scenario)


def scenario_text(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    path = folder / "town.yaml"
    path.write_text(json.dumps(scenario, indent=1), encoding="utf-8")
    spoil_bytes(chance, path, head=10**6)


def use_own_tables(folder: Path, scenario: dict[str, Any]) -> None:
    """Let the town have curves, repair times and a time grid of its own."""
    (folder / "curves.csv").write_text(CURVES, encoding="utf-8")
    (folder / "repair.csv").write_text(REPAIR, encoding="utf-8")
    scenario["curves"] = {"files": [{"path": "curves.csv"}]}
    scenario["network"]["assets"][1]["curves"] = {"flood_fragility": "own", "flood_damage": "loss"}
    scenario["network"]["assets"][1]["repair_class"] = "own"
    scenario["hazards"][0].update(duration_hours=6, recession_hours=3)
    scenario["time"] = {"hours": [0, 4, 24], "repair": {"crews": {"transport": 2}, "file": "repair.csv"}}


def table(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    use_own_tables(folder, scenario)
    path = folder / chance.choice(["needs.csv", "dependencies.csv", "curves.csv", "repair.csv"])
    if chance.random() < 0.5:
        spoil_bytes(chance, path, head=10**6)
        return
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    row = chance.choice(rows)
    row[chance.randrange(len(row))] = str(chance.choice(ODD))
    if chance.random() < 0.2:
        rows.append(chance.choice(rows))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def geojson(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    path = folder / chance.choice(["sites.geojson", "roads.geojson", "zones.geojson"])
    if chance.random() < 0.4:
        spoil_bytes(chance, path, head=10**6)
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    spoil_data(chance, content)
    path.write_text(json.dumps(content), encoding="utf-8")


def vector(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    """Spoil a GeoPackage, FlatGeobuf or Shapefile."""
    suffix = chance.choice(["gpkg", "fgb", "shp"])
    number = chance.randrange(2)
    name = ("sites", "roads")[number]
    layer = scenario["network"]["assets"][number]
    files = sorted((folder / "layers").glob(f"{name}_{suffix}.*"))
    for file in files:
        shutil.copy(file, folder)
    layer["path"] = f"{name}_{suffix}.{suffix}"
    if suffix == "shp":  # names of ten letters at most
        layer["columns"] = {ours: theirs[:10] for ours, theirs in layer["columns"].items()}
    spoil_bytes(chance, folder / chance.choice(files).name, head=2000)


def graphml(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    path = folder / "streets.graphml"
    path.write_text(GRAPHML, encoding="utf-8")
    spoil_bytes(chance, path, head=10**6)
    scenario["network"]["assets"].append(
        {"path": path.name, "sector": "transport", "kind": "road", "node_kind": "road_node", "id_prefix": "g"}
    )


def geotiff(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    """Spoil the bytes of a map, plain or packed."""
    path = folder / "depth_rp100.tif"
    if chance.random() < 0.6:
        options = {"compress": chance.choice(["deflate", "lzw", "zstd", "lerc", "packbits"])}
        if chance.random() < 0.5:
            options |= {"tiled": True, "blockxsize": 16, "blockysize": 16}  # type: ignore[dict-item]
        write_map(path, depths(100), **options)
    spoil_bytes(chance, path)


def write_map(path: Path, values: Any, **profile: Any) -> None:
    options = {
        "driver": "GTiff", "dtype": values.dtype, "count": 1, "height": values.shape[0], "width": values.shape[1],
        "crs": CRS, "transform": Affine(CELL, 0, WEST, 0, -CELL, NORTH), **profile,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **options) as file:
            file.write(values, 1)


def odd_map(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    """Write a sound file with odd cells, types, sizes, places or marks."""
    values = depths(100).astype(np.float64)
    for _ in range(chance.choice([0, 1, 3])):
        odd = chance.choice([np.nan, np.inf, -np.inf, -1e-9, -1.0, 1e6, 3.4e38, 1e300, -9999.0, 0.0, 30.0, 65535.0])
        row, column = chance.randrange(CELLS), chance.randrange(CELLS)
        values[row, column : column + chance.choice([1, 40])] = odd
    kind = chance.choice(["float32", "float64", "int16", "uint8", "uint16", "int32", "uint32", "int8", "complex64"])
    height, width = chance.choice([(CELLS, CELLS)] * 3 + [(1, CELLS), (CELLS, 1), (1, 1), (CELLS + 1, CELLS), (20, 90)])
    values = np.resize(values, (height, width))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells = values.astype(kind)
    profile: dict[str, Any] = {}
    if chance.random() < 0.4:
        profile["nodata"] = chance.choice([0, -9999, 255, np.nan, 3.4e38, 1e-30])
    if chance.random() < 0.3:
        profile["transform"] = chance.choice(
            [
                Affine(CELL, 0, WEST, 0, CELL, NORTH - 400), Affine(1e-300, 0, WEST, 0, -1e-300, NORTH),
                Affine(1e300, 0, WEST, 0, -1e300, NORTH), Affine(CELL, 1, WEST, 1, -CELL, NORTH), Affine.identity(),
                Affine(-CELL, 0, WEST + 400, 0, -CELL, NORTH), Affine(np.nan, 0, WEST, 0, -CELL, NORTH),
                Affine(CELL, 0, 1e12, 0, -CELL, NORTH), Affine(0, 0, WEST, 0, 0, NORTH),
            ]
        )  # fmt: skip
    if chance.random() < 0.2:
        profile["crs"] = chance.choice([None, "EPSG:4326", "EPSG:3857", "EPSG:5179"])
    periods = PERIODS if chance.random() < 0.7 else (100,)
    try:
        for period in periods:
            write_map(folder / f"depth_rp{period}.tif", cells, **profile)
    except (ValueError, TypeError, rasterio.errors.RasterioError):
        return  # GDAL does not write such a file; what it left behind is a case of its own
    if chance.random() < 0.3:
        scenario["hazards"][0]["nodata"] = chance.choice(["dry", "unknown", "error"])
    if chance.random() < 0.2:
        scenario["hazards"][0]["sampling"] = "bilinear"
    if chance.random() < 0.2:
        scenario["hazards"][0]["outside"] = "dry"


def netcdf(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    name = chance.choice(["new.nc", "old.nc"])
    shutil.copy(folder / "layers" / name, folder)
    scenario["hazards"][0].pop("files")
    scenario["hazards"][0].update(path=name, variable="depth")
    spoil_bytes(chance, folder / name, head=3000)


def zarr_store(chance: Random, folder: Path, scenario: dict[str, Any]) -> None:
    shutil.copytree(folder / "layers" / "depth.zarr", folder / "depth.zarr")
    scenario["hazards"][0].pop("files")
    scenario["hazards"][0].update(path="depth.zarr", variable="depth")
    files = sorted(path for path in (folder / "depth.zarr").rglob("*") if path.is_file())
    path = chance.choice([path for path in files if path.name == "zarr.json"] if chance.random() < 0.7 else files)
    if path.name == "zarr.json" and chance.random() < 0.6:
        content = json.loads(path.read_text(encoding="utf-8"))
        spoil_data(chance, content)
        path.write_text(json.dumps(content), encoding="utf-8")
    elif chance.random() < 0.1:
        path.unlink()
    else:
        spoil_bytes(chance, path, head=2000)


KINDS: dict[str, Mutation] = {
    "scenario_data": scenario_data, "scenario_text": scenario_text, "table": table, "geojson": geojson,
    "vector": vector, "graphml": graphml, "geotiff": geotiff, "odd_map": odd_map, "netcdf": netcdf,
    "zarr_store": zarr_store,
}  # fmt: skip


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
