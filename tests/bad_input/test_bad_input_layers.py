"""Layers, tables, rules and curves that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Change = Callable[[Any], Any]
FAR = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]
SITES, ROADS = 0, 1


def feature(number: int, key: str, value: Any, *, layer: str = "sites.geojson") -> Change:
    """Set a property of a feature; None deletes it."""

    def change(features: list[dict[str, Any]]) -> None:
        properties = features[number]["properties"]
        properties.pop(key, None) if value is None else properties.update({key: value})

    return lambda town: town.spoil_layer(layer, change)


def column(key: str, values: list[Any], *, layer: str = "sites.geojson") -> Change:
    """Give the first features of a layer values of a column that the scenario then names."""

    def change(town: Any) -> None:
        def give(features: list[dict[str, Any]]) -> None:
            for number, one in enumerate(features):
                one["properties"][key] = values[number] if number < len(values) else None

        town.spoil_layer(layer, give)
        sections = town.scenario["network"]
        section = sections["zones"] if layer == "zones.geojson" else sections["assets"][layer == "roads.geojson"]
        section["columns"][key] = key

    return change


def shape(number: int, geometry: Any, *, layer: str = "sites.geojson") -> Change:
    def change(features: list[dict[str, Any]]) -> None:
        features[number]["geometry"] = geometry

    return lambda town: town.spoil_layer(layer, change)


def csv(name: str, text: str | bytes) -> Change:
    return lambda town: town.write(name, text)


def sites_as_csv(text: str | bytes, **changes: Any) -> Change:
    def change(town: Any) -> None:
        town.write("sites.csv", text)
        names = ("id", "sector", "kind", "x", "y")
        section = {"path": "sites.csv", "crs": "EPSG:5187", "columns": {name: name for name in names}}
        town.scenario["network"]["assets"][SITES] = {**section, **changes}

    return change


def sites_text() -> str:
    rows = ["id,sector,kind,x,y"]
    for i, kind in enumerate(["substation", "substation", "tower", "hospital", "hospital"] + ["road_node"] * 4):
        sector = {"substation": "power", "tower": "telecom", "hospital": "medical"}.get(kind, "transport")
        name = ["S1", "S2", "T1", "H1", "H2", "R1", "R2", "R3", "R4"][i]
        rows.append(f"{name},{sector},{kind},{200_105 + 10 * i},{300_105 + 10 * i}")
    return "\n".join(rows) + "\n"


def assets(**changes: Any) -> Change:
    return lambda town: town.scenario["network"]["assets"][SITES].update(changes)


def rule(number: int, **changes: Any) -> Change:
    def change(town: Any) -> None:
        given = {"from" if key == "from_" else key: value for key, value in changes.items()}
        town.scenario["rules"][number].update(given)

    return change


def together(*changes: Change) -> Change:
    return lambda town: [change(town) for change in changes]


def layer_text(name: str, text: str | bytes) -> Change:
    return lambda town: town.write(name, text)


def no_crs_far_away(town: Any) -> None:
    town.write_layer("sites.geojson", town.layer("sites.geojson")["features"], crs=None)


def own_curve(text: str, **changes: Any) -> Change:
    def change(town: Any) -> None:
        town.write("own.csv", text)
        file = {"path": "own.csv", "unit": "m", **changes}
        town.scenario["curves"] = {"files": [{key: value for key, value in file.items() if value is not None}]}

    return change


CURVE = "name,x,y,role,peril\nown,0,0,fragility,flood\nown,1,{y},fragility,flood\n"
NODE_RULE = {"access": True, "from": {"kind": "road_node"}, "to": "zones"}
CASES: list[tuple[str, Change, int, tuple[str, ...]]] = [
    # files
    ("missing layer", lambda town: (town.root / "sites.geojson").rename(town.root / "site.geojson"), 66,
     ("sites.geojson", "no such file", "did you mean 'site.geojson'")),
    ("missing table", lambda town: (town.root / "needs.csv").unlink(), 66, ("needs.csv", "no such file")),
    ("a name that is too long", assets(path="x" * 300 + ".geojson"), 66, ("xxx.geojson", "too long")),
    ("a table whose name is too long", lambda town: town.scenario["network"].update(needs="x" * 300 + ".csv"), 66,
     ("xxx.csv", "too long")),
    ("two missing files", lambda town: [(town.root / name).unlink() for name in ("needs.csv", "zones.geojson")], 66,
     ("needs.csv", "zones.geojson")),
    ("not JSON", layer_text("sites.geojson", '{"type": "FeatureCollection", "features": ['), 65, ("sites.geojson",)),
    ("JSON, not Geo", layer_text("sites.geojson", '{"a": 1}'), 65, ("sites.geojson",)),
    ("empty file", layer_text("sites.geojson", ""), 65, ("sites.geojson",)),
    ("no features", lambda town: town.write_layer("sites.geojson", []), 65, ("sites.geojson", "at least one feature")),
    ("no zones", lambda town: town.write_layer("zones.geojson", []), 65, ("zones.geojson", "at least one feature")),
    ("a folder", assets(path="folder"), 65, ("folder",)),
    ("where chooses nothing", assets(where={"kind": ["none"]}), 65, ("where.kind", "'none'", "hospital")),
    ("where leaves nothing together", assets(where={"kind": ["hospital"], "sector": ["power"]}), 65,
     ("sites.geojson where", "no row")),
    ("where names no column", assets(where={"kimd": ["hospital"]}), 65, ("kimd", "did you mean 'kind'")),
    ("column that is not there", assets(columns={"id": "idd", "sector": "sector"}), 65, ("'idd'", "did you mean 'id'")),
    ("layer that is not there", assets(layer="site"), 65, ("no layer 'site'", "did you mean 'sites'")),
    # coordinates
    ("degrees called metres", no_crs_far_away, 65, ("sites.geojson", "degrees", "200055")),
    ("unknown CRS of a layer", assets(crs="EPSG:999999"), 78, ("EPSG:999999",)),
    ("CRS without a place", assets(crs='LOCAL_CS["grid",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'), 65,
     ("grid",)),
    ("geographic working CRS", lambda town: town.scenario.update(crs="EPSG:4326"), 78,
     ("EPSG:4326 in degree", "projected system in metres")),
    ("working CRS in feet", lambda town: town.scenario.update(crs="EPSG:2249"), 78, ("projected system in metres",)),
    ("Mercator of the web", lambda town: town.scenario.update(crs="EPSG:3857"), 65, ("stretched",)),
    ("one layer in another CRS than it says", assets(crs="EPSG:5186"), 65, ("outside", "9 of 13", "are both CRS")),
    ("coordinates beyond the projection", shape(0, {"type": "Point", "coordinates": [1e30, 1e30]}), 65,
     ("coordinates that cannot be placed", "S1")),
    # ids and references
    ("duplicate ids", feature(1, "id", "S1"), 65, ("assets.id", "repeated ids", "S1", "1 of 13")),
    ("id of an asset for a zone", feature(0, "id", "H1", layer="zones.geojson"), 65, ("also used by assets", "H1")),
    ("empty id", feature(0, "id", ""), 65, ("assets.id", "empty ids", "row 0")),
    ("ids that differ in blanks", feature(1, "id", " S1 "), 65, ("repeated ids",)),
    ("ids that differ in composition", together(feature(0, "id", "caf\u00e9"), feature(1, "id", "cafe\u0301")), 65,
     ("repeated ids",)),
    ("link to nowhere", feature(0, "to", "R9", layer="roads.geojson"), 65, ("assets.to_asset", "R9")),
    ("link with one end", feature(0, "to", None, layer="roads.geojson"), 65, ("one end", "L1")),
    ("self loop", feature(0, "to", "R1", layer="roads.geojson"), 65, ("from an asset to itself", "L1")),
    ("link to another sector", feature(0, "to", "H1", layer="roads.geojson"), 65, ("another sector", "L1")),
    ("link to a link", feature(0, "to", "L2", layer="roads.geojson"), 65, ("end at a link", "L1")),
    ("need of nobody", csv("needs.csv", "id,dependent,service,required\nn1,T9,power,1\nn2,S1,telecom,1\n"), 65,
     ("needs.dependent", "T9")),
    ("provider that is not there", csv("dependencies.csv", "need,provider\nn1,S9\nn2,T1\n"), 65,
     ("dependencies.provider", "S9")),
    ("provider that is a zone", csv("dependencies.csv", "need,provider\nn1,Z1\nn2,T1\n"), 65,
     ("dependencies.provider", "Z1", "ids in assets")),
    ("need that is not there", csv("dependencies.csv", "need,provider\nn1,S1\nn2,T1\nn7,T1\n"), 65,
     ("dependencies.need", "n7")),
    ("provider twice", csv("dependencies.csv", "need,provider\nn1,S1\nn1,S1\nn2,T1\n"), 65, ("repeated rows",)),
    ("provides for itself", csv("dependencies.csv", "need,provider\nn1,T1\nn2,T1\n"), 65, ("for themselves", "n1")),
    ("more required than there are",
     csv("needs.csv", "id,dependent,service,required\nn1,T1,power,3\nn2,S1,telecom,1\n"), 65, ("n1 requires 3 of 2",)),
    ("need without provider", csv("dependencies.csv", "need,provider\nn1,S1\n"), 65, ("n2 requires 1 of 0",)),
    ("required 0", csv("needs.csv", "id,dependent,service,required\nn1,T1,power,0\nn2,S1,telecom,1\n"), 65,
     ("needs.required", "n1 has 0")),
    ("required one and a half", csv("needs.csv", "id,dependent,service,required\nn1,T1,power,1.5\nn2,S1,telecom,1\n"),
     65, ("needs.required", "whole numbers", "'1.5'")),
    ("service nobody registered", csv("needs.csv", "id,dependent,service,required\nn1,T1,powr,1\nn2,S1,telecom,1\n"),
     65, ("needs.service", "powr", "did you mean 'power'")),
    ("needs alone", lambda town: town.scenario["network"].pop("dependencies"), 78, ("needs alone",)),
    ("misspelt column", csv("needs.csv", "id,dependent,service,requird\nn1,T1,power,1\nn2,S1,telecom,1\n"), 65,
     ("requird", "'required'")),
    ("supply without a source", lambda town: [
        town.write("supply.csv", "asset,sector,is_source\nS1,power,no\n"),
        town.scenario["network"].update(supply="supply.csv")], 65, ("without a source", "power")),
    ("neither true nor false", lambda town: [
        town.write("supply.csv", "asset,sector,is_source\nS1,power,perhaps\n"),
        town.scenario["network"].update(supply="supply.csv")], 65, ("true or false", "'perhaps'")),
    # shapes
    ("polygon as link", shape(0, {"type": "Polygon", "coordinates": FAR}, layer="roads.geojson"), 65,
     ("links that are not lines", "L1")),
    ("empty geometry", shape(0, {"type": "Point", "coordinates": []}), 65, ("missing or empty geometries", "S1")),
    ("no geometry", shape(0, None), 65, ("missing or empty geometries", "S1")),
    ("collection of shapes", shape(3, {"type": "GeometryCollection", "geometries": [
        {"type": "Point", "coordinates": [200_105.0, 300_195.0]},
        {"type": "LineString", "coordinates": [[200_105.0, 300_195.0], [200_106.0, 300_195.0]]}]}), 65,
     ("wrong geometries", "GeometryCollection", "H1")),
    ("bow tie", shape(0, {"type": "Polygon", "coordinates": [[
        [200_010.0, 300_010.0], [200_100.0, 300_100.0], [200_100.0, 300_010.0], [200_010.0, 300_100.0],
        [200_010.0, 300_010.0]]]}, layer="zones.geojson"), 65, ("invalid geometries", "Self-intersection", "Z1")),
    ("zone that is a line", shape(0, {"type": "LineString", "coordinates": [[200_010.0, 300_010.0], [
        200_100.0, 300_100.0]]}, layer="zones.geojson"), 65, ("zones.geometry", "LineString", "Z1")),
    ("link without length", shape(0, {"type": "LineString", "coordinates": [[200_085.0, 300_315.0]] * 2},
                                  layer="roads.geojson"), 65, ("invalid geometries", "Too few points", "L1")),
    ("ring that is open", shape(0, {"type": "Polygon", "coordinates": [[
        [200_010.0, 300_010.0], [200_100.0, 300_010.0], [200_100.0, 300_100.0], [200_010.0, 300_020.0]]]},
        layer="zones.geojson"), 65, ("zones.geojson", "closed", "makevalid")),
    ("asset over the edge of the map", shape(3, {"type": "Polygon", "coordinates": [[
        [199_900.0, 300_010.0], [200_100.0, 300_010.0], [200_100.0, 300_100.0], [199_900.0, 300_010.0]]]}), 65,
     ("partly outside", "H1", "outside='dry'")),
    # numbers
    ("persons missing", feature(0, "persons", None, layer="zones.geojson"), 65, ("zones.persons", "missing", "Z1")),
    ("persons negative", feature(0, "persons", -3, layer="zones.geojson"), 65, ("zones.persons", "Z1 has -3")),
    ("persons infinite", feature(0, "persons", "inf", layer="zones.geojson"), 65, ("zones.persons", "Z1 has inf")),
    ("persons in words", feature(0, "persons", "many", layer="zones.geojson"), 65, ("zones.persons", "'many'")),
    ("persons beyond counting", feature(0, "persons", 1e300, layer="zones.geojson"), 65,
     ("zones.persons", "1e+300", "count in thousands")),
    ("probability above 1", column("seal_failure", [1.5]), 65, ("assets.seal_failure", "S1 has 1.5", "from 0 to 1")),
    ("cost with a thousands separator", column("replacement_cost", ["12,000"]), 65,
     ("assets.replacement_cost", "'12,000'", "not numbers")),
    ("decimal comma", column("component_height", ["0,5"]), 65, ("assets.component_height", "'0,5'")),
    ("cost negative", column("replacement_cost", [-1.0] * 9), 65, ("replacement_cost", "S1 has -1", "9 of 13")),
    ("infinite cost", column("replacement_cost", ["Infinity"] + ["1"] * 8), 65, ("replacement_cost", "S1 has inf")),
    ("negative length", column("length", [-5], layer="roads.geojson"), 65, ("assets.length", "L1 has -5")),
    ("speed 0", column("speed", [0], layer="roads.geojson"), 65, ("assets.speed", "L1 has 0")),
    ("probability in the scenario", assets(barrier_height=1, seal_failure=1.5), 78, ("seal_failure", "1.5")),
    # text
    ("another encoding", sites_as_csv("id,sector,kind,x,y\n병원,medical,hospital,1,2\n".encode("cp949")), 65,
     ("sites.csv", "not UTF-8", "cp949")),
    ("unknown encoding", sites_as_csv(sites_text(), encoding="klingon"), 65, ("klingon",)),
    ("too many fields", sites_as_csv(sites_text() + "a,b,c,1,2,3,4\n"), 65, ("sites.csv", "line 11")),
    ("decimal comma in a place", sites_as_csv(sites_text().replace("200105", '"200105,5"')), 65,
     ("column 'x'", "decimal point", "'200105,5'")),
    ("semicolons", sites_as_csv(sites_text().replace(",", ";")), 65, ("sites.csv", "column 'id'")),
    ("heading without rows", sites_as_csv("id,sector,kind,x,y\n"), 65, ("sites.csv", "at least one feature")),
    ("bytes of another kind", sites_as_csv(bytes(range(256)) * 8), 65, ("sites.csv",)),
    ("empty table", csv("needs.csv", ""), 65, ("needs.csv",)),
    # curves
    ("unknown curve", feature(0, "flood_fragility_curve", "function_substatoin"), 65,
     ("assets.flood_fragility_curve", "function_substatoin of S1", "did you mean 'function_substation'")),
    ("unknown curve in the scenario", assets(curves={"flood_damage": "hazus_substatio"}), 65,
     ("flood_damage_curve", "did you mean 'hazus_substation'")),
    ("curve of the other role", assets(curves={"flood_damage": "function_substation"}), 65, ("function_substation",)),
    ("curve of the other peril", feature(0, "flood_fragility_curve", "heat_substation"), 65, ("heat_substation",)),
    ("curve above 1", own_curve(CURVE.format(y=1.5)), 65, ("own", "1.5")),
    ("curve that decreases", own_curve(CURVE.format(y=1) + "own,2,0.5,fragility,flood\n"), 65, ("own", "decreas")),
    ("curve without a unit", own_curve(CURVE.format(y=1), unit=None), 65, ("own", "unit")),
    ("curve of the library again", own_curve(CURVE.format(y=1).replace("own", "function_substation")), 65,
     ("own.csv", "function_substation", "library: false")),
    ("curve file that is missing", lambda town: town.scenario.update(curves={"files": [{"path": "no.csv"}]}), 66,
     ("no.csv",)),
    ("curve with infinite depth", own_curve(CURVE.format(y=1).replace("1,1", "inf,1")), 65, ("own",)),
    # rules and services
    ("rule from nothing", rule(0, from_={"kind": "substatoin"}), 78, ("substatoin", "did you mean 'substation'")),
    ("rule to nothing", rule(1, to={"kind": "hospitl"}), 78, ("hospitl", "did you mean 'hospital'")),
    ("rule by another column", rule(0, from_={"knd": "substation"}), 78, ("knd", "did you mean 'kind'")),
    ("rule out of reach", rule(1, within_m=1), 78, ("without enough providers", "H1 has 0", "1 m", "on_missing: drop")),
    ("more required than nearest", rule(1, required=3), 78, ("required", "more than there are providers")),
    ("more nearest than there are", rule(0, nearest=5, required=5), 78, ("Z1 has 2", "5 providers")),
    ("unknown service in a rule", rule(1, service="powr"), 78, ("'powr'", "did you mean 'power'")),
    ("service by road without facilities", lambda town: town.scenario["services"]["medical"].update(
        providers=[{"kind": "hospitals"}]), 78, ("services.medical.providers", "did you mean 'hospital'")),
    ("service over no network", lambda town: town.scenario["services"]["medical"].update(network="transprt"), 78,
     ("transprt", "did you mean 'transport'")),
    ("limit of no time", lambda town: town.scenario["services"]["medical"].update(limit_minutes=0), 78,
     ("services.medical.limit_minutes",)),
    ("vehicle without a limit", lambda town: town.scenario["services"]["medical"].update(speed_share=0.65), 78,
     ("services.medical.speed_share", "only with limit_minutes")),
    ("direction of what is assigned", lambda town: town.scenario["services"]["power"].update(direction="from"), 78,
     ("services.power.direction", "by: road")),
    ("level of no sector", lambda town: town.scenario.update(cascade={"levels": {"powr": "connected"}}), 78, ("powr",)),
    ("level without a source", lambda town: town.scenario.update(cascade={"levels": {"power": "connected"}}), 78,
     ("power", "source")),
    # many things
    ("problems of three files at once",
     lambda town: [feature(0, "persons", -3, layer="zones.geojson")(town), town.write("needs.csv", "id\nn1\n"),
                   town.spoil_map(lambda values: None, crs=None)], 65,
     ("zones.persons", "needs.dependent", "no coordinate reference system")),
    ("a file that is missing and another that is wrong",
     lambda town: [(town.root / "needs.csv").unlink(), layer_text("sites.geojson", "{")(town)], 66,
     ("needs.csv", "sites.geojson")),
    ("curve, service and level at once",
     together(feature(0, "flood_fragility_curve", "x"), rule(0, from_={"kind": "x"}),
              lambda town: town.scenario["services"]["medical"].update(providers=[{"kind": "hospitals"}])), 65,
     ("assets.flood_fragility_curve", "rule 1 (power).from.kind", "services.medical.providers")),
]  # fmt: skip

NAMES = [case[0] for case in CASES]


def verbs_of(name: str) -> tuple[str, ...]:
    """Return the verbs to try: `check` makes the checks of `run`, so a part of the cases is enough for it."""
    return ("run", "check") if NAMES.index(name) % 8 == 0 else ("run",)


@pytest.mark.parametrize(("name", "change", "code", "words"), CASES, ids=NAMES)
def test_a_wrong_layer_is_refused(town: Any, name: str, change: Change, code: int, words: tuple[str, ...]) -> None:
    (town.root / "folder").mkdir()
    change(town)
    told = town.refused(code, *words, verbs=verbs_of(name)).err
    print(f"{name}: {told.replace(str(town.root) + '/', '')}")
