"""What is done to the inputs of a good town: a mutation for each kind of file."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from tests.bad_input.conftest import CELL, CELLS, CRS, NORTH, PERIODS, WEST, depths

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
