"""Files that claim more than any memory holds, are far too wide or deep, or never end: told in a message, at once."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from resilience.errors import MAX_CHARACTERS
from resilience.readers import elsewhere
from resilience.readers.wkt import MOST_COLLECTIONS, shapes_of_wkt

pytestmark = pytest.mark.faults

CRS = "EPSG:5187"


def coordinates(file: Any, **sizes: int) -> None:
    for name, size in sizes.items():
        scale = file.create_dataset(name, (size,), dtype="f8", chunks=(min(size, 1024),))
        scale.make_scale(name)
        if size == 40:
            scale[:] = {"x": 200_000 + 10.0 * np.arange(40), "y": 300_400 - 10.0 * np.arange(40)}[name]


def depths(file: Any, dims: str, **options: Any) -> None:
    names = dims.split()
    array = file.create_dataset("depth", tuple(file[name].size for name in names), **{"dtype": "f4", **options})
    for number, name in enumerate(names):
        array.dims[number].attach_scale(file[name])
    array.attrs["units"] = "m"


def netcdf(town: Any, write: Callable[[Any], Any]) -> None:
    with h5py.File(town.root / "x.nc", "w") as file:
        write(file)
    town.hazard.update(files="x.nc", return_periods=[100], crs=CRS)


def wide_netcdf(town: Any) -> None:
    def write(file: Any) -> None:
        coordinates(file, y=10**10, x=10**10)
        depths(file, "y x", chunks=(100, 100))

    netcdf(town, write)


def many_events(town: Any) -> None:
    def write(file: Any) -> None:
        coordinates(file, y=40, x=40, event=10**6)
        depths(file, "event y x", chunks=(1, 40, 40))

    netcdf(town, write)
    town.hazard.pop("files")
    town.hazard.update(path="x.nc", variable="depth")


def stored_elsewhere(town: Any) -> None:
    def write(file: Any) -> None:
        coordinates(file, y=40, x=40)
        depths(file, "y x", dtype="u1", external=[("/etc/passwd", 0, 1600)])

    netcdf(town, write)


def linked_elsewhere(town: Any) -> None:
    def write(file: Any) -> None:
        coordinates(file, y=40, x=40)
        file["depth"] = h5py.ExternalLink("/etc/passwd", "/depth")

    netcdf(town, write)


def virtual(town: Any) -> None:
    def write(file: Any) -> None:
        coordinates(file, y=40, x=40)
        layout = h5py.VirtualLayout(shape=(40, 40), dtype="f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "depth", shape=(40, 40))
        file.create_virtual_dataset("depth", layout)

    netcdf(town, write)


def zarr_group(town: Any, size: int, chunk: int, **sizes: int) -> None:
    group = zarr.open_group(town.root / "x.zarr", mode="w")
    for name, length in sizes.items():
        group.create_array(name, shape=(length,), chunks=(min(length, 1024),), dtype="f8", dimension_names=(name,))
    group.create_array(
        "depth",
        shape=(size, size),
        chunks=(chunk, chunk),
        dtype="f4",
        dimension_names=("y", "x"),
        attributes={"units": "m"},
    )
    town.hazard.update(files="x.zarr", return_periods=[100], crs=CRS)


def bare_zarr(town: Any) -> None:
    attributes = {"units": "m", "crs": CRS, "transform_mat3x3": [10, 0, 200_000, 0, -10, 300_400, 0, 0, 1]}
    zarr.create_array(
        town.root / "x.zarr", shape=(1, 10**10, 10**10), chunks=(1, 100, 100), dtype="f4", attributes=attributes
    )
    town.hazard.update(files="x.zarr", return_periods=[100], crs=CRS)


def pipe(name: str) -> Callable[[Any], Any]:
    def change(town: Any) -> None:
        (town.root / name).unlink(missing_ok=True)
        os.mkfifo(town.root / name)

    return change


def pipe_of_curves(town: Any) -> None:
    pipe("curves.csv")(town)
    town.scenario["curves"] = {"files": [{"path": "curves.csv"}]}


def pipe_of_repair(town: Any) -> None:
    pipe("repair.csv")(town)
    town.hazard["duration_hours"] = 24
    town.scenario["time"] = {"hours": [0, 4], "repair": {"crews": {"power": 2}, "file": "repair.csv"}}


def bomb(town: Any) -> None:
    with zipfile.ZipFile(town.root / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s.geojson", b" " * 10_000_000)
    town.scenario["network"]["assets"][0]["path"] = "s.zip"


def packed_repair(town: Any) -> None:
    with zipfile.ZipFile(town.root / "repair.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("repair.csv", "repair_class,state,distribution\n" + "a,1,x\n" * 100_000)
    town.hazard["duration_hours"] = 24
    town.scenario["time"] = {"hours": [0, 4], "repair": {"crews": {"power": 2}, "file": "repair.csv.zip"}}


def nested(levels: int) -> str:
    return "GEOMETRYCOLLECTION(" * levels + "POINT(1 1)" + ")" * levels


def nested_shapes(town: Any) -> None:
    town.write("sites.csv", f'id,geometry\nS1,"{nested(100_000)}"\n')
    town.scenario["network"]["assets"].append(
        {"path": "sites.csv", "crs": CRS, "sector": "power", "kind": "substation", "columns": {
            "id": "id", "geometry": "geometry"}}
    )  # fmt: skip


def nested_json(town: Any) -> None:
    town.write("sites.geojson", '{"type":"FeatureCollection","features":' + "[" * 200_000 + "]" * 200_000 + "}")


def long_id(town: Any) -> None:
    town.write("needs.csv", "id,dependent,service,required\n" + "n" * 1_000_000 + ",nobody,power,1\n")


def wide_table(town: Any) -> None:
    town.write("needs.csv", ",".join(f"c{i}" for i in range(300_000)) + "\n" + "1," * 299_999 + "1\n")


def wide_curves(town: Any) -> None:
    town.write("curves.csv", "# mine\n" + "c," * 300_000 + "\n")
    town.scenario["curves"] = {"files": [{"path": "curves.csv"}]}


def wide_repair(town: Any) -> None:
    pipe_of_repair(town)
    (town.root / "repair.csv").unlink()
    town.write("repair.csv", "c," * 300_000 + "\n")


def wide_layer(town: Any) -> None:
    columns = {f"c{i}": 1 for i in range(10_000)}
    town.spoil_layer("sites.geojson", lambda features: features[0]["properties"].update(columns))


LIMITS: list[tuple[str, Callable[[Any], Any], int, tuple[str, ...]]] = [
    ("NetCDF of 10^10 rows", wide_netcdf, 65, ("x.nc y", "10,000,000,000", "at most 16,777,216")),
    ("NetCDF of a million events", many_events, 65, ("x.nc", "at most 100,000 maps")),
    ("NetCDF kept in another file", stored_elsewhere, 65, ("x.nc depth", "in the file itself")),
    ("NetCDF with a link to another file", linked_elsewhere, 65, ("x.nc depth", "in the file itself")),
    ("NetCDF made of other files", virtual, 65, ("x.nc depth", "in the file itself")),
    (
        "Zarr of 10^10 rows",
        lambda town: zarr_group(town, 10**10, 9, y=10**10, x=10**10),
        65,
        ("x.zarr /y",),
    ),
    ("Zarr in one piece", lambda town: zarr_group(town, 40_000, 40_000, y=9, x=9), 65, ("chunks of",)),
    ("bare Zarr of 10^10 rows", bare_zarr, 65, ("x.zarr", "10,000,000,000")),
    ("a pipe as map", pipe("depth_rp100.tif"), 66, ("depth_rp100.tif", "a pipe")),
    ("a pipe as table", pipe("needs.csv"), 66, ("needs.csv", "a pipe")),
    ("a pipe as layer", pipe("zones.geojson"), 66, ("zones.geojson", "a pipe")),
    ("a pipe as curves", pipe_of_curves, 66, ("curves.csv", "a pipe")),
    ("a pipe as repair times", pipe_of_repair, 66, ("repair.csv", "a pipe")),
    ("a packed table that is none", packed_repair, 65, ("repair.csv.zip", "CSV table")),
    ("shapes nested 100,000 deep", nested_shapes, 65, ("sites.csv", "WKT")),
    ("JSON nested 200,000 deep", nested_json, 65, ("sites.geojson", "nested")),
    ("a table of 300,000 columns", wide_table, 65, ("needs.csv", "300,000 columns", "at most 10,000 columns")),
    ("curves of 300,000 columns", wide_curves, 65, ("curves.csv", "300,001 columns", "at most 10,000 columns")),
    ("repair times of 300,000 columns", wide_repair, 65, ("repair.csv", "300,001 columns", "at most 10,000 columns")),
    ("a layer of 10,000 columns too many", wide_layer, 65, ("sites.geojson", "at most 10,000 columns")),
    ("an id of a million letters", long_id, 65, ("needs", "nnn ... nnn")),
]


@pytest.mark.parametrize(("name", "change", "code", "words"), LIMITS, ids=[case[0] for case in LIMITS])
def test_what_is_too_much_is_told_at_once(
    town: Any, name: str, change: Callable[[Any], Any], code: int, words: tuple[str, ...]
) -> None:
    change(town)
    outcome = town.refused(code, *words, verbs=("check",))
    assert max(map(len, outcome.err.splitlines())) < 6 * MAX_CHARACTERS
    assert "root:" not in outcome.err


def test_an_archive_has_a_largest_size(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "MOST_UNPACKED", 1_000_000)
    bomb(town)
    town.refused(65, "s.zip", "10,000,000 bytes when unpacked", verbs=("check",))


def test_a_broken_archive_is_told(town: Any) -> None:
    bomb(town)
    path = town.root / "s.zip"
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start : start + 4] = b"PK\x09\x09"
    path.write_bytes(content)
    town.refused(65, "s.zip", "an archive that can be read", verbs=("check",))


def test_a_device_is_no_input(town: Any) -> None:
    town.scenario["network"]["needs"] = "/dev/zero"
    town.more = ["--allow-outside", "/dev"]
    town.refused(66, "/dev/zero", "a device", verbs=("check",))


def test_shapes_of_a_city_are_read_and_deeper_ones_are_not() -> None:
    texts = np.array([nested(MOST_COLLECTIONS), nested(MOST_COLLECTIONS + 1)], dtype=object)
    read = shapes_of_wkt(texts)
    assert read[0] is not None
    assert read[1] is None
