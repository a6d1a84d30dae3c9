"""A mistake is told at the line of the scenario in which it stands, and all of them at once."""

from __future__ import annotations

from typing import Any

import pytest


def refused_at(town: Any, code: int, *words: str) -> None:
    """Assert that a message tells each of the words and the line of the scenario that has it."""
    told = town.refused(code).err.splitlines()
    lines = town.save().read_text(encoding="utf-8").splitlines()
    for word in words:
        (number,) = [number for number, line in enumerate(lines, start=1) if word in line]
        assert any(f"town.yaml:{number}:" in message and word in message for message in told), told


def test_one_file_of_all_events(town: Any) -> None:
    town.hazard.pop("files")
    town.hazard.update(path="gone.tif", bands=[1, 2, 3])
    refused_at(town, 66, "gone.tif")


def test_entries_of_a_list_of_maps(town: Any) -> None:
    town.hazard["files"] = ["lost.tif", "depth_rp100.tif", "gone.tif"]
    refused_at(town, 66, "lost.tif", "gone.tif")


def test_entries_of_a_mapping_of_maps(town: Any) -> None:
    town.hazard.pop("return_periods")
    town.hazard["files"] = {"june": "depth_rp10.tif", "july": "lost.tif", "v1.5": "gone.tif"}
    refused_at(town, 66, "lost.tif", "gone.tif")


def test_return_periods_that_look_like_positions(town: Any) -> None:
    town.hazard.pop("return_periods")
    town.hazard["files"] = "MAPS"
    town.text = town.save().read_text(encoding="utf-8").replace(
        '"MAPS"', "{1: depth_rp10.tif,\n   2: lost.tif,\n   100: depth_rp500.tif}"
    )  # fmt: skip
    refused_at(town, 66, "lost.tif")


def test_maps_of_an_index(town: Any) -> None:
    wave = {
        "family": "wave", "peril": "heat", "nodata": "unknown", "events": ["july"], "hours": [0, 12],
        "index": "kma_apparent", "temperature": {"files": ["air.tif"], "unit": "degC"},
        "humidity": {"files": ["moist.tif"], "unit": "%"},
    }  # fmt: skip
    town.scenario["hazards"] = [wave]
    town.scenario["time"] = {"hours": [0, 24]}
    refused_at(town, 66, "air.tif", "moist.tif")


def test_every_file_of_curves(town: Any) -> None:
    town.write("strange.csv", "a,b\n1,2\n")
    town.scenario["curves"] = {"files": [{"path": "lost.csv"}, {"path": "strange.csv"}, {"path": "gone.csv"}]}
    refused_at(town, 66, "lost.csv", "strange.csv", "gone.csv")


def test_what_a_rule_names(town: Any) -> None:
    town.scenario["rules"][0]["from"] = {"id": "S99"}
    town.scenario["rules"][1]["to"] = {"kind": "hosptal"}
    refused_at(town, 78, "S99", "hosptal")


@pytest.mark.parametrize("key", ["hazards", "services"])
def test_a_key_without_a_value(town: Any, key: str) -> None:
    town.scenario[key] = "EMPTY"
    town.text = town.save().read_text(encoding="utf-8").replace('"EMPTY"', "")
    town.text = town.text.replace(f'"{key}": ,', f'"{key}":\n ,')
    refused_at(town, 78, key)


def test_an_asset_of_importance_twice(town: Any) -> None:
    town.scenario["importance"] = {"assets": ["H1", "S2", "H1"]}
    (line,) = town.refused(78, "importance.assets.2", "'H1', as importance.assets.0").err.splitlines()
    lines = town.save().read_text(encoding="utf-8").splitlines()
    last = max(number for number, text in enumerate(lines, start=1) if '"H1"' in text)
    assert f"town.yaml:{last}:" in line


@pytest.mark.parametrize("key", ["cost", "yearly_cost"])
def test_a_cost_of_next_to_nothing(town: Any, key: str) -> None:
    change = {"raise": {"kind": "substation"}, "by_m": 1}
    town.scenario["options"] = [{"name": "high", "cost": 1, "life_years": 40, "changes": [change], key: 1e-300}]
    town.refused(78, "town.yaml", f"options.0.{key}", "1e-300", "0.01 or more")
