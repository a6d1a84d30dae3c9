"""Scenarios that are right: what they mean, and that they come back the same from their own resolved form."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from resilience.errors import ConfigurationError
from resilience.network import TABLES, rules
from resilience.scenario import AccessRule, DependencyRule, Scenario, SupplyRule, networks
from resilience.scenario.source import parse_source

EXAMPLE: dict[str, Any] = {
    "schema_version": 1,
    "name": "harbour",
    "seed": 7,
    "crs": "EPSG:5186",
    "hazards": [
        {
            "family": "river",
            "peril": "flood",
            "files": "maps/depth_rp{rp:03d}.tif",
            "return_periods": [100, 20, 500],
            "unit": "cm",
            "crs": "EPSG:5186",
            "nodata": "dry",
            "nodata_value": -9999,
            "outside": "dry",
            "duration_hours": 12,
            "plausible": [0, 10],
        },
        {
            "family": "storms",
            "peril": "flood",
            "path": "maps/storms.nc",
            "variable": "depth",
            "bands": {"maemi": 2, "chaba": 1},
            "annual_rates": [0.01, 0.02],
            "nodata": "unknown",
        },
        {
            "family": "forecast",
            "peril": "heat",
            "files": {"tomorrow": "heat/a.tif", "the day after": "heat/b.tif"},
            "unit": "K",
            "nodata": "error",
            "sampling": "bilinear",
            "duration_hours": [72, 48],
        },
    ],
    "network": {
        "persons_unit": "residents",
        "assets": [
            {
                "path": "assets.gpkg",
                "layer": "substations",
                "columns": {"id": "code", "replacement_cost": "cost"},
                "where": {"state": ["open", 1], "owner": "city"},
                "id_prefix": "S",
                "sector": "power",
                "kind": "substation",
                "curves": {"flood_fragility": "function_substation", "heat_fragility": "heat_substation"},
                "component_height": 0.5,
                "barrier_height": 1,
                "seal_failure": 0.1,
            },
            {"path": "hospitals.csv", "format": "table", "crs": "EPSG:4326", "sector": "medical", "kind": "hospital"},
            {
                "path": "roads.graphml",
                "sector": "transport",
                "kind": "road",
                "node_kind": "road_node",
                "speed_kmh": 36,
            },
        ],
        "zones": {"path": "zones.geojson", "columns": {"persons": "pop", "id": "zone"}, "district": "west"},
        "needs": "needs.csv",
        "dependencies": {"path": "dependencies.csv", "columns": {"provider": "from"}},
    },
    "rules": [
        {
            "service": "power", "from": {"kind": "substation"}, "to": {"kind": ["hospital"]},
            "nearest": 2, "required": 1, "within_m": 5000, "buffer_hours": 24,
        },
        {"service": "power", "from": {"kind": "substation"}, "to": "zones", "by": "polygon"},
        {
            "service": "cooling", "from": {"kind": "substation", "voltage": 154}, "to": {"sector": "medical"},
            "by": "road",
        },
        {"access": True, "from": {"kind": "road_node"}, "to": "facilities", "within_m": 500},
        {"supply": "power", "from": {"id": ["S1", "S2"]}},
    ],
    "services": {
        "power": {"by": "assignment"},
        "cooling": {"by": "internal"},
        "medical": {"by": "road", "providers": [{"kind": "hospital"}], "combine": "mean", "limit_minutes": 30},
    },
    "curves": {"library": True, "files": [{"path": "own.csv", "layout": "snail", "unit": "ft"}]},
    "cascade": {"levels": {"power": "connected"}, "start": "all_down"},
    "monte_carlo": {"samples": 1024, "block": 512},
    "risk": {"rule": "log_linear", "tail": "none", "catalogue_years": 500, "return_periods": [10, 100]},
    "importance": {"top": 3, "assets": ["S1"]},
    "outputs": {"tables": ["summary", "zones"]},
}  # fmt: skip


def changed(**sections: Any) -> dict[str, Any]:
    return {**copy.deepcopy(EXAMPLE), **sections}


@pytest.fixture
def scenario() -> Scenario:
    return Scenario.from_dict(EXAMPLE, base="/city")


def test_return_periods_fill_the_pattern_in_ascending_order(scenario: Scenario) -> None:
    sources = scenario.hazards[0].sources()
    assert [source.event for source in sources] == ["rp20", "rp100", "rp500"]
    assert [str(source.path) for source in sources] == [f"/city/maps/depth_rp{t}.tif" for t in ("020", "100", "500")]
    assert [source.annual_rate for source in sources] == [0.05, 0.01, 0.002]
    assert {source.duration_hours for source in sources} == {12.0}


def test_bands_may_be_named_by_event(scenario: Scenario) -> None:
    sources = scenario.hazards[1].sources()
    assert [(source.event, source.band, source.annual_rate) for source in sources] == [
        ("maemi", 2, 0.01),
        ("chaba", 1, 0.02),
    ]
    assert {source.return_period for source in sources} == {None}


def test_a_family_without_rates_is_conditional(scenario: Scenario) -> None:
    assert [family.conditional for family in scenario.hazards] == [False, False, True]
    sources = scenario.hazards[2].sources()
    assert [(source.event, source.duration_hours) for source in sources] == [
        ("tomorrow", 72.0),
        ("the day after", 48.0),
    ]
    assert {source.annual_rate for source in sources} == {None}


def test_files_named_by_number_are_a_severity_axis() -> None:
    data = changed()
    data["hazards"] = [{"family": "f", "peril": "flood", "nodata": "dry", "files": {100: "b.tif", 1.5: "a.tif"}}]
    family = Scenario.from_dict(data, base="/city").hazards[0]
    assert family.return_periods == (100.0, 1.5)
    assert [(source.event, source.path.name) for source in family.sources()] == [("rp1.5", "a.tif"), ("rp100", "b.tif")]


def test_a_file_with_all_events_counts_its_bands_from_one() -> None:
    data = changed()
    data["hazards"] = [
        {"family": "f", "peril": "flood", "nodata": "dry", "path": "all.tif", "return_periods": [10, 100]}
    ]
    sources = Scenario.from_dict(data, base="/city").hazards[0].sources()
    assert [(source.event, source.band) for source in sources] == [("rp10", 1), ("rp100", 2)]


def test_constants_of_a_layer_are_in_si(scenario: Scenario) -> None:
    power, medical, roads = scenario.network.assets
    assert power.constants() == {
        "sector": "power",
        "kind": "substation",
        "component_height": 0.5,
        "barrier_height": 1.0,
        "seal_failure": 0.1,
        "flood_fragility_curve": "function_substation",
        "heat_fragility_curve": "heat_substation",
    }
    assert medical.constants() == {"sector": "medical", "kind": "hospital"}
    assert roads.constants()["speed"] == pytest.approx(10.0)
    assert "speed_kmh" not in roads.constants()
    assert scenario.network.zones[0].constants() == {"district": "west"}


def test_a_single_entry_needs_no_list(scenario: Scenario) -> None:
    assert len(scenario.network.zones) == 1
    assert scenario.network.needs is not None
    assert scenario.network.needs.path == Path("/city/needs.csv")
    assert scenario.network.assets[0].where == {"state": ("open", 1), "owner": ("city",)}


def test_rules_have_the_fields_of_the_network_rules(scenario: Scenario) -> None:
    first, _, third, access, supply = scenario.rules
    assert isinstance(first, DependencyRule)
    assert (first.from_, first.to) == ({"kind": ("substation",)}, {"kind": ("hospital",)})
    assert (first.nearest, first.required, first.within_m, first.buffer_hours) == (2, 1, 5000.0, 24.0)
    assert isinstance(third, DependencyRule)
    assert third.from_ == {"kind": ("substation",), "voltage": (154,)}
    assert isinstance(access, AccessRule)
    assert (access.to, access.within_m) == ("facilities", 500.0)
    assert isinstance(supply, SupplyRule)
    assert (supply.sector, supply.sources) == ("power", {"id": ("S1", "S2")})


def test_columns_are_those_of_the_network_tables() -> None:
    ours = {
        "assets": networks.ASSET_COLUMNS, "zones": networks.ZONE_COLUMNS, "needs": networks.NEED_COLUMNS,
        "dependencies": networks.DEPENDENCY_COLUMNS, "supply": networks.SUPPLY_COLUMNS,
    }  # fmt: skip
    places = {"x", "y", "lon", "lat"}
    for table, columns in TABLES.items():
        assert {column.name for column in columns} == set(ours[table]) - places, table


def test_rules_are_those_of_the_network() -> None:
    pairs = ((DependencyRule, rules.DependencyRule), (AccessRule, rules.AccessRule), (SupplyRule, rules.SupplyRule))
    for written, derived in pairs:
        assert set(written.model_fields) - {"access"} == set(derived.__dataclass_fields__)


def test_a_column_to_select_by_may_have_any_name() -> None:
    data = changed()
    data["network"]["assets"][0]["columns"]["voltage"] = "kV"
    assert Scenario.from_dict(data).network.assets[0].columns["voltage"] == "kV"


def test_the_built_in_city_needs_nothing_else() -> None:
    scenario = Scenario.from_dict({"schema_version": 1, "name": "demo", "network": {"synthetic": {}}})
    assert scenario.network.synthetic is not None
    assert (scenario.network.synthetic.size, scenario.monte_carlo.samples) == (5_000, 4096)


def test_the_resolved_form_gives_an_equal_scenario(scenario: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "resolved.yaml"
    path.write_text(scenario.to_yaml(), encoding="utf-8")
    again = Scenario.from_yaml(path, allow_outside=["/city"])
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert Scenario.from_dict(json.loads(json.dumps(scenario.to_dict()))) == scenario
    assert list(again.services) == ["power", "cooling", "medical"]
    assert again.changed_keys(scenario) == ()


def test_reading_does_not_change_the_data() -> None:
    data = copy.deepcopy(EXAMPLE)
    Scenario.from_dict(data)
    assert data == EXAMPLE


def test_nothing_changes_after_reading(scenario: Scenario) -> None:
    with pytest.raises(Exception, match="frozen"):
        scenario.name = "other"  # type: ignore[misc]


def test_the_digest_sees_meaning_and_not_writing(scenario: Scenario) -> None:
    written_otherwise = changed(seed=7.0, importance={"assets": "S1", "top": 3})
    written_otherwise["network"]["zones"] = [written_otherwise["network"]["zones"]]
    assert Scenario.from_dict(written_otherwise, base="/city").digest() == scenario.digest()
    reordered = changed(services=dict(reversed(EXAMPLE["services"].items())))
    other = Scenario.from_dict(reordered, base="/city")
    assert other.digest() != scenario.digest()
    assert scenario.changed_keys(other) == ("services",)
    assert Scenario.from_dict(changed(seed=8), base="/city").digest() != scenario.digest()


def test_changed_keys_are_named(scenario: Scenario) -> None:
    data = changed(seed=8, risk={"rule": "trapezoid"})
    data["hazards"] = data["hazards"][:2]
    keys = scenario.changed_keys(Scenario.from_dict(data, base="/city"))
    assert {"seed", "risk.rule", "risk.tail", "hazards.2.family"} <= set(keys)
    assert "name" not in keys


def test_paths_count_from_the_file_and_may_name_the_environment(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    path = folder / "city.yaml"
    data = changed()
    data["network"]["needs"] = "${TABLES}/needs.csv"
    data["curves"] = {"files": [{"path": "../curves/own.csv"}, {"path": "/shared/own.csv"}]}
    path.write_text(json.dumps(data), encoding="utf-8")
    scenario = Scenario.from_yaml(path, environment={"TABLES": "/tables"}, allow_outside=[tmp_path, "/shared"])
    assert scenario.hazards[0].sources()[0].path == folder / "maps/depth_rp020.tif"
    assert scenario.network.needs is not None
    assert scenario.network.needs.path == Path("/tables/needs.csv")
    assert [file.path for file in scenario.curves.files] == [folder / "../curves/own.csv", Path("/shared/own.csv")]


def test_the_environment_is_read_in_paths_only() -> None:
    data = changed()
    data["network"]["persons_unit"] = "${HOME}"
    assert Scenario.from_dict(data).network.persons_unit == "${HOME}"


def test_changes_replace_values(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(json.dumps(EXAMPLE), encoding="utf-8")
    changes = ["monte_carlo.samples=2048", "hazards.0.nodata=unknown", "risk.return_periods=[5, 50]", "name=other"]
    scenario = Scenario.from_yaml(path, changes=[*changes, "services.power.by=assignment", "outputs.tables=summary"])
    assert (scenario.monte_carlo.samples, scenario.hazards[0].nodata, scenario.name) == (2048, "unknown", "other")
    assert (scenario.risk.return_periods, scenario.outputs.tables) == ((5.0, 50.0), ("summary",))


def test_every_rule_of_the_example_city_is_taken() -> None:
    buffers = {"buffer_hours": 4.0, "start_probability": 0.95, "buffer_height": 0.5, "recharge_hours": 24.0}
    rule = {"service": "power", "from": {"kind": ["transformer"]}, "to": {"kind": ["tower"]}, "nearest": 2, **buffers}
    data = {"schema_version": 1, "name": "demo", "network": {"synthetic": {"seed": 1, "size": 500}}, "rules": [rule]}
    (read,) = Scenario.from_dict(data).rules
    assert {name: getattr(read, name) for name in buffers} == buffers


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        found = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
        return found.union(*(references(value) for value in schema.values()))
    return set().union(*(references(value) for value in schema)) if isinstance(schema, list) else set()


def fits(value: Any, schema: Any, root: dict[str, Any]) -> bool:
    """Judge a value by the part of JSON Schema that our schema uses."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    types = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
        "null": type(None),
    }  # fmt: skip
    if "type" in schema and not (
        isinstance(value, types[schema["type"]]) and (schema["type"] == "boolean" or not isinstance(value, bool))
    ):
        return False
    for word in ("anyOf", "oneOf"):
        if word in schema and not any(fits(value, branch, root) for branch in schema[word]):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        if not set(schema.get("required", [])) <= set(value):
            return False
        for key, entry in value.items():
            sub = known.get(key, other)
            if sub is False or (isinstance(sub, dict) and not fits(entry, sub, root)):
                return False
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        return all(fits(entry, schema["items"], root) for entry in value) if "items" in schema else True
    return True


def test_the_schema_is_json_and_complete() -> None:
    schema = Scenario.json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["schema_version", "name", "network"]
    assert references(schema) == {f"#/$defs/{name}" for name in schema["$defs"]}
    assert all(definition["additionalProperties"] is False for definition in schema["$defs"].values())
    assert {"from", "to", "access", "supply"} <= {
        key for definition in schema["$defs"].values() for key in definition["properties"]
    }


def test_the_schema_is_valid_by_its_meta_schema() -> None:
    validators = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validators.Draft202012Validator.check_schema(Scenario.json_schema())


def test_the_schema_takes_what_the_scenario_takes(scenario: Scenario) -> None:
    schema = Scenario.json_schema()
    assert fits(EXAMPLE, schema, schema)
    assert fits(scenario.to_dict(), schema, schema)
    assert not fits(changed(nam="x"), schema, schema)
    assert not fits(changed(risk={"rule": "trapezium"}), schema, schema)
    assert not fits({key: value for key, value in EXAMPLE.items() if key != "name"}, schema, schema)


def test_from_dict_tells_keys_without_places() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Scenario.from_dict(changed(name=3, seed=-1))
    assert [problem.subject for problem in caught.value.problems] == ["name", "seed"]
    assert [problem.where for problem in caught.value.problems] == ["", ""]


def test_the_scenarios_of_the_manual_are_right() -> None:
    manual = (Path(__file__).parents[1] / "docs" / "scenario.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    data = [parse_source(block, name="manual").data() for block in blocks]
    assert [Scenario.from_dict(one, environment={"CITY_DATA": "/d"}).name for one in data] == ["town", "demo"]
