"""Hazard maps that are wrong: told before anything is written."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

Change = Callable[[Any], Any]
LOCAL = CRS.from_wkt('LOCAL_CS["grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')
PLACE = Affine(10, 0, 200_000, 0, -10, 300_400)


def hazard(**changes: Any) -> Change:
    """Change keys of the hazard section; None deletes."""

    def change(town: Any) -> None:
        for key, value in changes.items():
            town.hazard.pop(key, None) if value is None else town.hazard.update({key: value})

    return change


def cells(change: Change, **profile: Any) -> Change:
    return lambda town: town.spoil_map(change, **profile)


def put(value: float, *, row: int = 20, column: int = 10) -> Change:
    """Put a value under the hospital H1."""

    def change(values: Any) -> None:
        values[row, column] = value

    return change


def truncate(town: Any, *, keep: float = 0.6) -> None:
    path = town.write_map("depth_rp100.tif", np.zeros((400, 400), np.float32), tiled=True, blockxsize=16, blockysize=16)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def keep_head(size: int) -> Change:
    def change(town: Any) -> None:
        path = town.root / "depth_rp100.tif"
        path.write_bytes(path.read_bytes()[:size])

    return change


def unplaced(town: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        town.spoil_map(lambda values: None, transform=Affine.identity())


def declare_huge(town: Any) -> None:
    """Every map has 400 million times 400 million cells, 640 petabytes."""
    for period in town.PERIODS:
        town.write(f"depth_rp{period}.tif", huge_vrt(Affine(1e-6, 0, 200_000, 0, -1e-6, 300_400)))


def huge_vrt(place: Affine, size: int = 400_000_000) -> str:
    numbers = ", ".join(str(number) for number in place.to_gdal())
    return (
        f'<VRTDataset rasterXSize="{size}" rasterYSize="{size}"><SRS>EPSG:5187</SRS>'
        f"<GeoTransform>{numbers}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"></VRTRasterBand></VRTDataset>'
    )


def write_ascii(text: str) -> Change:
    def change(town: Any) -> None:
        town.write("depth.asc", text)
        hazard(files=["depth.asc"], return_periods=[100], crs="EPSG:5187")(town)

    return change


def two_families(town: Any) -> None:
    second = json.loads(json.dumps(town.hazard))
    second["family"] = "coast"
    second["files"] = ["coast.tif"]
    second["return_periods"] = [100]
    town.write_map("coast.tif", town.depths(100), transform=PLACE @ Affine.translation(5000, 0))
    town.spoil_map(put(99.0))
    town.spoil_map(put(-3.0), period=500)
    town.scenario["hazards"].append(second)


def heat(unit: str | None, offset: float, **more: Any) -> Change:
    def change(town: Any) -> None:
        town.write_map("heat.tif", np.full((40, 40), 36.0 + offset, np.float32), **more.pop("profile", {}))
        section = {"family": "hot", "peril": "heat", "files": ["heat.tif"], "return_periods": [20], "nodata": "error"}
        town.scenario["hazards"].append({**section, **({} if unit is None else {"unit": unit}), **more})

    return change


CASES: list[tuple[str, Change, int, tuple[str, ...]]] = [
    # files
    ("missing file", lambda town: (town.root / "depth_rp100.tif").unlink(), 66, ("depth_rp100.tif", "no such file")),
    ("all files missing", hazard(files="deep_{rp}.tif"), 66, ("deep_10.tif", "deep_100.tif", "deep_500.tif")),
    ("a name that is too long", hazard(files="x" * 300 + "{rp}.tif"), 66, ("xxx10.tif", "too long")),
    ("truncated tiles", truncate, 65, ("depth_rp100.tif", "truncated", "fetch or write it again")),
    ("truncated to the header", keep_head(300), 65, ("depth_rp100.tif", "fetch or write it again")),
    ("truncated within the header", keep_head(20), 66, ("depth_rp100.tif", "whole raster")),
    ("empty file", keep_head(0), 66, ("depth_rp100.tif", "whole raster")),
    ("text called tif", lambda town: town.write("depth_rp100.tif", "depth\n1\n"), 66, ("depth_rp100.tif", "GDAL")),
    ("a folder called tif", hazard(files=["folder.tif"], return_periods=[100]), 66, ("folder.tif",)),
    ("netcdf that is none", hazard(files=["x.nc"], return_periods=[100]), 66, ("x.nc",)),
    ("zarr that is none", hazard(files=["x.zarr"], return_periods=[100]), 66, ("x.zarr",)),
    ("no numbers in a text grid", write_ascii("ncols 2\nnrows 2\nxllcorner 0\n"), 66, ("depth.asc",)),
    # place
    ("another place", cells(lambda values: None, transform=PLACE @ Affine.translation(50_000, 0)), 65,
     ("another grid", "gdalwarp", "depth_rp10.tif")),
    ("assets far outside", lambda town: [town.write_map(
        f"depth_rp{rp}.tif", town.depths(rp), transform=PLACE @ Affine.translation(50_000, 0)) for rp in town.PERIODS],
     65, ("outside", "13 of 13", "outside='dry'", "are both CRS right", "S1")),
    ("another CRS says the file", lambda town: [town.write_map(
        f"depth_rp{rp}.tif", town.depths(rp), crs="EPSG:5186") for rp in town.PERIODS],
     65, ("outside", "are both CRS right")),
    ("one of three in another CRS", cells(lambda values: None, crs="EPSG:5186"), 65, ("another grid", "EPSG:5186")),
    ("CRS in conflict", hazard(crs="EPSG:5186"), 78, ("EPSG:5187", "EPSG:5186", "leave `crs` out")),
    ("no CRS", cells(lambda values: None, crs=None), 78, ("no coordinate reference system", "crs: EPSG:5187")),
    ("unknown CRS", hazard(crs="EPSG:999999"), 78, ("EPSG:999999", "e.g. EPSG:26986")),
    ("local CRS", lambda town: [town.write_map(
        f"depth_rp{rp}.tif", town.depths(rp), crs=LOCAL) for rp in town.PERIODS], 78, ("crs", "no place on Earth")),
    ("rotated", cells(lambda values: None, transform=PLACE @ Affine.rotation(30)), 65, ("rotated", "gdalwarp")),
    ("no transform", unplaced, 65, ("no transform", "world file")),
    ("cells without size", write_ascii("ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 0\n1.0 2.0\n"), 65,
     ("depth.asc", "height and a width")),
    ("other shapes", lambda town: town.write_map("depth_rp100.tif", np.zeros((40, 41), np.float32)), 65,
     ("40 x 41", "gdalwarp")),
    ("other cell size", cells(lambda values: None, transform=PLACE @ Affine.scale(2)), 65, ("another grid",)),
    ("more cells than there is memory for", declare_huge, 65, ("400,000,000 rows", "cut the map to the city")),
    # values
    ("feet called metres", cells(lambda values: values * 20), 65, ("feet called metres", "unit: ft", "depth_rp100")),
    ("centimetres called metres", cells(lambda values: values * 100), 65, ("unit: cm", "rp100")),
    ("-9999 that is not declared", cells(put(-9999)), 65, ("-9999", "nodata_value: -9999", "1 of", "row 20")),
    ("999 that is not declared", cells(put(999)), 65, ("999", "nodata_value: 999")),
    ("the greatest float", cells(put(float(np.finfo(np.float32).min))), 65, ("nodata_value",)),
    ("infinite depth", cells(put(np.inf)), 65, ("credible",)),
    ("negative depth", cells(put(-0.5)), 65, ("-0.5", "ground level or a difference")),
    ("no data is an error", lambda town: (cells(put(np.nan))(town), hazard(nodata="error")(town)), 65,
     ("without data", "H1", "nodata='dry' or 'unknown'")),
    ("declared no data is an error",
     lambda town: (cells(put(-9999), nodata=-9999.0)(town), hazard(nodata="error")(town)), 65, ("without data", "H1")),
    ("no meaning of no data", hazard(nodata=None), 78, ("nodata", "what a cell without data means")),
    ("unknown meaning of no data", hazard(nodata="wet"), 78, ("'wet'", "'dry', 'unknown' or 'error'")),
    ("classes without a unit", lambda town: (
        cells(lambda values: np.clip(values * 3, 0, 5).astype(np.uint8))(town), hazard(unit=None)(town)), 78,
     ("whole numbers", "classes (1 to 5) are not metres")),
    ("no unit", hazard(unit=None), 78, ("no unit", "`unit: m`")),
    ("unit of another peril", hazard(unit="K"), 78, ("one of m, cm, mm, ft for flood",)),
    ("complex numbers", cells(lambda values: values.astype(np.complex64)), 65, ("complex",)),
    # bands and return periods
    ("several bands in one of the files", cells(lambda values: np.stack([values, values + 1])), 65, ("2 maps",)),
    ("band that is not there", hazard(files=None, path="depth_rp100.tif", bands=[1, 2, 3]), 65, ("bands 1 to 1",)),
    ("too few files", hazard(files=["depth_rp10.tif", "depth_rp100.tif"]), 78, ("files: 2", "3, one per entry")),
    ("too few return periods", hazard(files=[f"depth_rp{n}.tif" for n in (10, 100, 500)], return_periods=[10, 100]),
     78, ("files: 3", "2, one per entry")),
    ("return period 0", hazard(return_periods=[0, 100, 500]), 78, ("return_periods", "greater than or equal to 1")),
    ("return period negative", hazard(return_periods=[-10, 100, 500]), 78, ("-10", "greater than or equal to 1")),
    ("return period twice", hazard(files=["depth_rp10.tif"] * 3, return_periods=[10, 10, 500]), 78, ("10", "twice")),
    ("return period infinite", lambda town: town.more.extend(["--set", "hazards.0.return_periods.2=.inf"]),
     78, ("finite",)),
    ("return period as word", hazard(return_periods=["ten", 100, 500]), 78, ("'ten'",)),
    ("return periods not those of the files", hazard(return_periods=[20, 100, 500]), 66, ("depth_rp20.tif",)),
    ("one return period without a tail", lambda town: (
        hazard(return_periods=[100])(town), town.scenario["risk"].update(tail="none")), 78, ("any annual value is 0",)),
    ("unknown token in a pattern", hazard(files="depth_{rq}.tif"), 78, ("{rq}", "wanted: {rp}")),
    # heat
    ("kelvin called degC", heat("degC", 273.15), 65, ("kelvin read as degC", "unit: K")),
    ("fahrenheit called degC", heat("degC", 60), 65, ("unit: degF",)),
    ("heat without unit", heat(None, 0), 78, ("no unit", "degC")),
    ("heat that is dry", heat("degC", 0, nodata="dry"), 78, ("unknown or error for heat",)),
    # more than one thing
    ("two families, two problems", two_families, 65, ("coast", "outside", "99", "-3 m", "rp100", "rp500")),
]  # fmt: skip

NAMES = [case[0] for case in CASES]


def verbs_of(name: str) -> tuple[str, ...]:
    """Return the verbs to try: `check` makes the checks of `run`, so a part of the cases is enough for it."""
    return ("run", "check") if NAMES.index(name) % 8 == 0 else ("run",)


@pytest.mark.parametrize(("name", "change", "code", "words"), CASES, ids=NAMES)
def test_a_wrong_map_is_refused(town: Any, name: str, change: Change, code: int, words: tuple[str, ...]) -> None:
    (town.root / "folder.tif").mkdir()
    town.write("x.nc", "text")
    (town.root / "x.zarr").mkdir()
    change(town)
    told = town.refused(code, *words, verbs=verbs_of(name)).err
    print(f"{name}: {told.replace(str(town.root) + '/', '')}")
