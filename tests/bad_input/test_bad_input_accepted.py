"""What looks wrong and is legal: it runs, says what a reader must know, and gives sound numbers only."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine

from resilience.store import open_results

Change = Callable[[Any], Any]
PLACE = Affine(10, 0, 200_000, 0, -10, 300_400)
S1 = (5, 5)
LEAST = float(np.finfo(np.float32).min)


def sound_results(run: Path) -> Any:
    """Assert that what people lose is known and not negative, and return the result."""
    result = open_results(run)
    people = result["people_without_service"].values
    assert np.isfinite(people).all()
    assert (people >= 0).all()
    assert (people <= result["people_served"].values[None, :, None] + 1e-9).all()
    for name in ("failed_count", "down_count", "zone_without_service", "root_people"):
        assert (result[name].values >= 0).all()
    for name in ("annual_value", "annual_standard_error", "annual_tail"):
        if name in result:
            assert (result[name].values >= 0).all()
    return result


def cells(change: Change, **profile: Any) -> Change:
    return lambda town: [town.write_map(f"depth_rp{period}.tif", change(town.depths(period)), **profile)
                         for period in town.PERIODS]  # fmt: skip


def put(value: float) -> Change:
    def change(values: Any) -> Any:
        values[S1] = value
        return values

    return change


def identical(town: Any) -> None:
    (town.root / "depth_rp500.tif").write_bytes((town.root / "depth_rp100.tif").read_bytes())


def move(name: str, x: float, y: float) -> Change:
    def change(town: Any) -> None:
        def shift(features: list[dict[str, Any]]) -> None:
            for one in features:
                if one["properties"]["id"] == name:
                    one["geometry"]["coordinates"] = [x, y]

        town.spoil_layer("sites.geojson", shift)

    return change


def no_length(town: Any) -> None:
    town.spoil_layer("roads.geojson", lambda features: features[0]["properties"].update(length=0))
    town.scenario["network"]["assets"][1]["columns"]["length"] = "length"


def other_system(town: Any) -> None:
    """The zones come in degrees, the rest in metres."""
    zones = gpd.read_file(town.root / "zones.geojson").to_crs("EPSG:4326")
    zones.to_file(town.root / "zones.gpkg", driver="GPKG", layer="zones")
    town.scenario["network"]["zones"]["path"] = "zones.gpkg"


def zone_over_the_edge(town: Any) -> None:
    shape = {"type": "Polygon", "coordinates": town.square(-30, -30, 20, 20)}
    town.spoil_layer("zones.geojson", lambda features: features[0].update(geometry=shape))


def nobody(town: Any) -> None:
    town.spoil_layer("zones.geojson", lambda features: [one["properties"].update(persons=0) for one in features])


def conditional(town: Any) -> None:
    town.hazard.pop("return_periods")
    town.hazard.update(files=[f"depth_rp{n}.tif" for n in town.PERIODS], events=["a", "b", "c"])
    town.scenario["risk"].update(return_periods=[10, 100])


def periods(*years: float) -> Change:
    return lambda town: town.hazard.update(files=[f"depth_rp{n}.tif" for n in town.PERIODS], return_periods=list(years))


def without_rules_and_tables(town: Any) -> None:
    town.scenario["network"].pop("needs")
    town.scenario["network"].pop("dependencies")


CASES: list[tuple[str, Change, tuple[str, ...]]] = [
    ("cycle of dependencies", lambda town: None, ()),
    ("cycle from all down", lambda town: town.scenario.update(cascade={"start": "all_down"}), ()),
    ("two maps that are one", identical, ("warning", "'rp100' and 'rp500' have the same map")),
    ("whole numbers that are metres", cells(lambda values: np.ceil(values).astype(np.uint8)),
     ("warning", "whole numbers", "classes?")),
    ("no data is dry", cells(put(-9999), nodata=-9999.0), ()),
    ("no data is unknown", lambda town: (
        cells(put(-9999), nodata=-9999.0)(town), town.hazard.update(nodata="unknown")),
     ("unknown hazard: 1 asset;",)),
    ("no data that only the scenario declares", lambda town: (
        cells(put(-9999))(town), town.hazard.update(nodata_value=-9999)), ()),
    ("the greatest float, declared", lambda town: (
        cells(put(LEAST))(town), town.hazard.update(nodata_value=LEAST)), ()),
    ("not a number is dry", cells(put(np.nan)), ()),
    ("all dry", cells(np.zeros_like), ()),
    ("all without data", cells(lambda values: np.full_like(values, -9999), nodata=-9999.0), ()),
    ("deeper than usual, declared", lambda town: (cells(lambda values: values * 15)(town),
                                                   town.hazard.update(plausible=[0, 100])), ()),
    ("falling with the return period", lambda town: periods(500, 100, 10)(town), ("fell with rarer events",)),
    ("return period of one year", periods(1, 100, 500), ()),
    ("one return period", lambda town: town.hazard.update(return_periods=[100]), ()),
    ("events without rates", conditional, ("no annual figures for river", "conditional on each event")),
    ("outside is dry", lambda town: (town.hazard.update(outside="dry"), move("S2", 150_000.0, 300_100.0)(town)), ()),
    ("on the corner of the map", move("S2", 200_000.0, 300_400.0), ()),
    ("on the other corner of the map", move("S2", 200_400.0, 300_000.0), ()),
    ("on a border between cells", move("S2", 200_100.0, 300_100.0), ()),
    ("south up", lambda town: [town.write_map(
        f"depth_rp{n}.tif", town.depths(n)[::-1], transform=Affine(10, 0, 200_000, 0, 10, 300_000))
        for n in town.PERIODS], ()),
    ("link without length", no_length, ()),
    ("layers in several systems", other_system, ()),
    ("zone over the edge of the map", zone_over_the_edge, ()),
    ("nobody lives there", nobody, ()),
    ("no tables", without_rules_and_tables, ()),
    ("extra columns", lambda town: town.spoil_layer(
        "sites.geojson", lambda features: [one["properties"].update({"=cmd": "=1+1"}) for one in features]), ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "words"), CASES, ids=[case[0] for case in CASES])
def test_what_is_legal_runs(town: Any, name: str, change: Change, words: tuple[str, ...]) -> None:
    change(town)
    outcome = town.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    assert all(word in outcome.err for word in words), outcome.err
    assert "nan" not in outcome.out.lower()
    assert all(entry.startswith("run") for entry in outcome.created)
    result = sound_results(town.out)
    print(name, outcome.out, outcome.err)
    if change is conditional:
        assert "per year" not in outcome.out
        assert "annual_value" not in result
        assert not (town.out / "exceedance.csv").exists()


def test_unknown_hazard_is_never_a_zero(town: Any) -> None:
    cells(put(-9999), nodata=-9999.0)(town)
    town.hazard.update(nodata="unknown")
    town.scenario["network"]["assets"][0]["curves"] = {"flood_damage": "hazus_substation"}
    outcome = town.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    result = open_results(town.out)
    lost = result["asset_direct_loss"].sel(asset="S1").values
    assert np.isnan(lost).all()
    assert "unknown" in outcome.out


@pytest.mark.parametrize("policy", ["dry", "unknown"])
def test_dry_and_unknown_differ_where_they_should(town: Any, policy: str) -> None:
    cells(put(np.nan))(town)
    town.hazard.update(nodata=policy)
    assert town.run().code == 0
    depth = open_results(town.out)["exposed_intensity"].sel(asset="S1").values
    assert (depth == 0).all() if policy == "dry" else np.isnan(depth).all()


NAMES = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "<script>alert(1)</script>", "first\nsecond", "서울 병원",
         "  a b  ", "quote\"d, and comma", "\u202eright to left", "\u0007bell", "=HYPERLINK(\"http://x\")"]  # fmt: skip


def test_odd_names_are_kept_and_inert(town: Any) -> None:
    """Ids go into tables as text that no spreadsheet runs; nothing of them reaches the terminal as control."""

    def add(features: list[dict[str, Any]]) -> None:
        for number, name in enumerate(NAMES):
            properties = {**features[0]["properties"], "id": name}
            features.append({**features[0], "properties": {**properties, "kind": name if number % 2 else "substation"}})

    town.spoil_layer("sites.geojson", add)
    town.hazard["files"] = [f"depth_rp{period}.tif" for period in town.PERIODS]
    town.hazard.pop("return_periods")
    town.hazard["events"] = ["=1+1", "a\nb\u001b[31m", "\ub0b4\uc77c"]
    town.scenario["network"]["persons_unit"] = "=persons"
    outcome = town.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    kept = open_results(town.out)
    assert {name.strip() for name in NAMES} <= set(kept["asset"].values.tolist())
    assert kept["event"].values.tolist() == town.hazard["events"]
    assert all(character.isprintable() or character == "\n" for character in outcome.out + outcome.err)
    tables = [*town.out.glob("*.csv"), *(town.out / "network").glob("*.csv")]
    assert len(tables) >= 8
    for path in tables:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert len({len(row) for row in rows}) == 1, path
        for cell in (cell for row in rows for cell in row):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (path, cell)


def test_a_name_cannot_look_like_a_message(town: Any) -> None:
    def rename(features: list[dict[str, Any]]) -> None:
        features[3]["properties"].update(id="x\nerror: all is lost", flood_fragility_curve="none\x1b[31m")

    town.spoil_layer("sites.geojson", rename)
    outcome = town.check()
    assert outcome.code == 65
    assert "\x1b" not in outcome.err
    assert "error: all is lost" not in outcome.err.splitlines()
    assert "x\\nerror: all is lost" in outcome.err


def test_odd_paths(town: Any) -> None:
    inside = town.root / "it's 50 % of #1 [x] {y}" / "\uc2dc\ub098\ub9ac\uc624 \ud3f4\ub354"
    (inside / ".temporary").mkdir(parents=True)
    for path in town.root.iterdir():
        if path.is_file():
            path.rename(inside / path.name)
    town.root = inside
    outcome = town.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    sound_results(town.out)
