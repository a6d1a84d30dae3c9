"""Scenarios that are wrong: each mistake is told with its line, what was wanted and what was found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resilience.check import check
from resilience.cli import main
from resilience.errors import ConfigurationError, MissingInputError
from resilience.inputs import load_inputs
from resilience.scenario import Scenario

GOOD = """\
schema_version: 1
name: town
seed: 7
crs: EPSG:26986
hazards:
  - family: river
    peril: flood
    files: maps/depth_rp{rp}.tif
    return_periods: [100, 500]
    unit: m
    nodata: dry
    outside: error
    plausible: [0, 20]
    duration_hours: 12
  - family: heatwave
    peril: heat
    path: maps/heat.nc
    variable: t2m
    bands: [1, 2]
    events: [june, july]
    annual_rates: [0.1, 0.2]
    unit: K
    nodata: unknown
network:
  persons_unit: persons
  assets:
    - path: substations.geojson
      sector: power
      kind: substation
      columns: {id: code}
      curves: {flood_fragility: function_substation}
      barrier_height: 1
      seal_failure: 0.1
    - path: hospitals.geojson
      sector: medical
      kind: hospital
    - path: roads.graphml
      sector: transport
      kind: road
      node_kind: road_node
  zones:
    path: zones.geojson
    columns: {persons: pop}
rules:
  - service: power
    from: {kind: substation}
    to: zones
    nearest: 2
    required: 1
  - {access: true, from: {kind: road_node}, to: facilities}
  - {supply: power, from: {kind: substation}}
services:
  power: {by: assignment}
  medical:
    by: road
    providers: [{kind: hospital}]
curves:
  files: [{path: own.csv, unit: m}]
cascade:
  levels: {power: connected}
monte_carlo:
  samples: 1024
  block: 512
risk:
  rule: trapezoid
  confidence: 0.9
"""

# What is replaced, by what, line and column of the mistake, its key, and words of the message.
MISTAKES = [
    # shape of the file
    ("schema_version: 1", "schema_version: 2", "1:17", "schema_version", "wanted: 1"),
    ("schema_version: 1", "schema_version: true", "1:17", "schema_version", "wanted: a whole number"),
    ("schema_version: 1\n", "", "1:1", "schema_version", "absent"),
    ("name: town\n", "", "1:1", "name", "absent; wanted: name of the scenario"),
    ("name: town", "name: my town!", "2:7", "name", "a name: a letter"),
    ("name: town", "name: [town]", "2:7", "name", "a list; wanted: a name"),
    ("name: town", "nam: town", "2:1", "nam", "unknown key"),
    ("name: town", "nam: town", "2:1", "nam", "did you mean 'name'?"),
    ("seed: 7", "seed: -7", "3:7", "seed", "greater than or equal to 0"),
    ("seed: 7", "seed: 7.5", "3:7", "seed", "7.5; wanted: a whole number"),
    ("seed: 7", "seed: seven", "3:7", "seed", "'seven'; wanted: a whole number"),
    ("seed: 7", "seed: true", "3:7", "seed", "true; wanted: a whole number"),
    ("seed: 7", "seed: 99999999999999999999", "3:7", "seed", "less than"),
    ("seed: 7", "name: again", "3:1", "text", "'name' again (first at line 2)"),
    # coordinate reference systems
    ("crs: EPSG:26986", "crs: EPSG:4326", "4:6", "crs", "EPSG:4326 in degree; wanted: a projected system in metres"),
    ("crs: EPSG:26986", "crs: EPSG:2249", "4:6", "crs", "projected system in metres"),
    ("crs: EPSG:26986", "crs: EPSG:999999", "4:6", "crs", "e.g. EPSG:26986"),
    ("crs: EPSG:26986", "crs: 26986", "4:6", "crs", "26986; wanted: a coordinate reference system"),
    ("crs: EPSG:26986\n", "", "1:1", "crs", "absent; wanted: the metric coordinate reference system"),
    ("    unit: m\n", "    unit: m\n    crs: nowhere\n", "11:10", "hazards.0.crs", "'nowhere'"),
    # hazards
    ("peril: flood", "peril: flod", "7:12",
     "hazards.0.peril", "'flod'; wanted: 'flood' or 'heat' (did you mean 'flood'?)"),
    ("nodata: dry", "nodata: 0", "11:13", "hazards.0.nodata", "0; wanted: 'dry', 'unknown' or 'error'"),
    ("    nodata: dry\n", "", "6:5", "hazards.0.nodata", "what a cell without data means"),
    ("nodata: unknown", "nodata: dry", "23:13", "hazards.1.nodata", "unknown or error for heat"),
    ("outside: error", "outside: unknown", "12:14", "hazards.0.outside", "'error' or 'dry'"),
    ("unit: m\n", "unit: metres\n", "10:11", "hazards.0.unit", "'metres'"),
    ("unit: m\n", "unit: K\n", "10:11", "hazards.0.unit", "one of m, cm, mm, ft for flood"),
    ("unit: K", "unit: m", "22:11", "hazards.1.unit", "one of degC, K, degF for heat"),
    ("plausible: [0, 20]", "plausible: [20, 0]", "13:16", "hazards.0.plausible", "low < high"),
    ("plausible: [0, 20]", "plausible: [20]", "13:16", "hazards.0.plausible", "absent; wanted: [low, high]"),
    ("plausible: [0, 20]", "plausible: [0, .inf]", "13:20", "hazards.0.plausible.1", "finite number"),
    ("duration_hours: 12", "duration_hours: -1", "14:21", "hazards.0.duration_hours", "greater than or equal to 0"),
    ("duration_hours: 12", "duration_hours: [1, 2, 3]", "14:21", "hazards.0.duration_hours", "one number, or 2"),
    ("duration_hours: 12", "duration_hours: '12'", "14:21", "hazards.0.duration_hours", "'12'; wanted: a number"),
    ("duration_hours: 12", "duration: 12", "14:5", "hazards.0.duration", "did you mean 'duration_hours'?"),
    ("[100, 500]", "[100, 100]", "9:21", "hazards.0.return_periods", "100.0 twice; wanted: every entry once"),
    ("[100, 500]", "[0, 500]", "9:22", "hazards.0.return_periods.0", "greater than or equal to 1"),
    ("[100, 500]", "[100, five]", "9:27", "hazards.0.return_periods.1", "'five'; wanted: a number"),
    ("    return_periods: [100, 500]\n", "", "8:12",
     "hazards.0.files", "return_periods, the years that {rp} stands for"),
    ("depth_rp{rp}.tif", "depth_{event}.tif", "8:12", "hazards.0.files", "{rp} in the pattern"),
    ("depth_rp{rp}.tif", "depth_rp{pr}.tif", "8:12", "hazards.0.files", "{pr}; wanted: {rp}, {rp:05d} or {event}"),
    ("depth_rp{rp}.tif", "depth.tif", "8:12", "hazards.0.files", "1; wanted: 2, one per entry of return_periods"),
    ("maps/depth_rp{rp}.tif", "[a.tif, 3]", "8:20", "hazards.0.files.1", "the path of a file"),
    ("maps/depth_rp{rp}.tif", "{100: a.tif, x: b.tif}", "8:12",
     "hazards.0.files", "either return periods or event ids"),
    ("maps/depth_rp{rp}.tif\n    return_periods: [100, 500]", "{100: a.tif, 500: 3}", "8:30",
     "hazards.0.files.500", "the path of a file"),
    ("maps/depth_rp{rp}.tif", "{100: a.tif, 500: b.tif}", "8:12", "hazards.0.files", "return_periods in one place"),
    ("maps/depth_rp{rp}.tif", "${NOT_SET_HERE}/a.tif", "8:12", "hazards.0.files", "environment variable NOT_SET_HERE"),
    ("maps/depth_rp{rp}.tif", "https://host/a.tif", "8:12", "hazards.0.files", "a file on this machine"),
    ("maps/depth_rp{rp}.tif", "/vsicurl/https://host/a.tif", "8:12", "hazards.0.files", "a file on this machine"),
    ("maps/depth_rp{rp}.tif", "~/a.tif", "8:12", "hazards.0.files", "write ${HOME}/"),
    ("maps/depth_rp{rp}.tif", "''", "8:12", "hazards.0.files", "the path of a file"),
    ("family: heatwave", "family: river", "15:13", "hazards.1.family", "'river', as hazards.0"),
    ("path: maps/heat.nc", "files: [a.nc, b.nc]", "19:12", "hazards.1.bands", "bands only together with path"),
    ("path: maps/heat.nc", "pth: maps/heat.nc", "17:5", "hazards.1.pth", "did you mean 'path'?"),
    ("bands: [1, 2]", "bands: [0, 1]", "19:13", "hazards.1.bands.0", "greater than or equal to 1"),
    ("bands: [1, 2]", "bands: [1]", "19:12", "hazards.1.bands", "1; wanted: 2, one per entry of events"),
    ("annual_rates: [0.1, 0.2]", "annual_rates: [0.1]", "21:19", "hazards.1.annual_rates", "1; wanted: 2"),
    ("annual_rates: [0.1, 0.2]", "annual_rates: [0.1, 0]", "21:25", "hazards.1.annual_rates.1", "greater than 0"),
    ("events: [june, july]", "return_periods: [2, 5]", "21:19",
     "hazards.1.annual_rates", "events to which the rates belong"),
    ("events: [june, july]", "events: [6, 7]", "20:14", "hazards.1.events.0", "6; wanted: a word"),
    ("events: [june, july]", "events: [june, june]", "20:13", "hazards.1.events", "'june' twice"),
    # network
    ("sector: power\n", "sectr: power\n", "28:7", "network.assets.0.sectr", "did you mean 'sector'?"),
    ("      sector: power\n", "", "27:7", "network.assets.0.sector", "one word for the layer"),
    ("columns: {id: code}", "columns: {idd: code}", "30:22", "network.assets.0.columns.idd", "did you mean 'id'?"),
    ("columns: {id: code}", "columns: {kind: code}", "30:23",
     "network.assets.0.columns.kind", "a column or as a constant"),
    ("columns: {id: code}", "columns: code", "30:16", "network.assets.0.columns", "a mapping"),
    ("columns: {id: code}", "where: {state: []}", "30:22", "network.assets.0.where.state", "at least 1 entry"),
    ("columns: {id: code}", "where: {state: ~}", "30:22", "network.assets.0.where.state", "a word or a number"),
    ("flood_fragility:", "flood_fragilty:", "31:16", "network.assets.0.curves.flood_fragilty", "did you mean"),
    ("      barrier_height: 1\n", "", "32:21", "network.assets.0.seal_failure", "no barrier_height"),
    ("seal_failure: 0.1", "seal_failure: 1.1", "33:21", "network.assets.0.seal_failure", "less than or equal to 1"),
    ("barrier_height: 1", "barrier_height: high", "32:23", "network.assets.0.barrier_height", "a number"),
    ("barrier_height: 1", "node_kind: x", "32:18", "network.assets.0.node_kind", "GraphML file or with topology"),
    ("node_kind: road_node", "where: {a: 1}", "40:14", "network.assets.2.where", "no where for a GraphML file"),
    ("node_kind: road_node", "oneway: false", "40:15", "network.assets.2.oneway", "no oneway for a GraphML file"),
    ("barrier_height: 1", "tolerance_m: 2", "32:20", "network.assets.0.tolerance_m", "topology: endpoints"),
    ("columns: {persons: pop}", "columns: {id: pop}", "42:5", "network.zones.persons", "persons: one number"),
    ("columns: {persons: pop}", "persons: -1", "43:14", "network.zones.persons", "greater than or equal to 0"),
    ("columns: {persons: pop}", "columns: {person: pop}", "43:23", "network.zones.columns.person", "did you mean"),
    ("persons_unit: persons", "needs: needs.csv", "25:10", "network.needs", "needs and dependencies together"),
    ("persons_unit: persons", "synthetic: {}", "27:5", "network.assets", "either files or the synthetic city"),
    ("persons_unit: persons", "synthetic: {size: 3}", "25:21",
     "network.synthetic.size", "greater than or equal to 500"),
    # rules
    ("service: power", "service: pwoer", "45:14", "rules.0.service", "did you mean 'power'?"),
    ("service: power", "service: medical", "47:9", "rules.0.to", "services.medical.by: assignment"),
    ("from: {kind: substation}\n", "from: {kind: substatoin}\n", "46:18",
     "rules.0.from.kind", "did you mean 'substation'?"),
    ("from: {kind: substation}\n", "from: {sector: gas}\n", "46:20",
     "rules.0.from.sector", "a sector of network.assets"),
    ("from: {kind: substation}\n", "from: {knd: x}\n", "46:17", "rules.0.from.knd", "did you mean 'kind'?"),
    ("from: {kind: substation}\n", "from: {}\n", "46:11", "rules.0.from", "at least 1"),
    ("from: {kind: substation}\n", "from: substation\n", "46:11", "rules.0.from", "a mapping"),
    ("    from: {kind: substation}\n", "", "45:5", "rules.0.from", "absent; wanted: assets that provide"),
    ("to: zones", "to: zone", "47:9", "rules.0.to", "did you mean 'zones'?"),
    ("to: zones", "too: zones", "47:5", "rules.0.too", "did you mean 'to'?"),
    ("nearest: 2", "nearest: 0", "48:14", "rules.0.nearest", "greater than or equal to 1"),
    ("required: 1", "required: 3", "49:15", "rules.0.required", "at most nearest = 2"),
    ("required: 1", "over: {sector: medical}", "49:11", "rules.0.over", "only with by: road"),
    ("required: 1", "start_probability: 2", "49:24", "rules.0.start_probability", "less than or equal to 1"),
    ("required: 1", "by: walking", "49:9", "rules.0.by", "'nearest', 'polygon' or 'road'"),
    ("access: true", "access: 1.5", "50:14", "rules.1.access", "wanted: true"),
    ("to: facilities", "to: facility", "50:49", "rules.1.to", "did you mean 'facilities'?"),
    ("{supply: power,", "{supply: pwer,", "51:14", "rules.2.supply", "did you mean 'power'?"),
    ("  - {supply: power, from: {kind: substation}}", "  - supply", "51:5", "rules.2", "a mapping"),
    # services
    ("power: {by: assignment}", "power: {by: asignment}", "53:15", "services.power.by", "did you mean 'assignment'?"),
    ("power: {by: assignment}", "power: {}", "53:10", "services.power.by", "absent; wanted: assignment: zones"),
    ("power: {by: assignment}", "power: {by: assignment, combine: mean}", "53:36",
     "services.power.combine", "only with by: road"),
    ("  power: {by: assignment}", "  power: {by: assignment}\n  gas: {by: assignment}", "54:8",
     "services.gas", "to: zones"),
    ("    providers: [{kind: hospital}]\n", "", "55:5", "services.medical.providers", "at least one group"),
    ("providers: [{kind: hospital}]", "providers: [{kind: hosptal}]", "56:24",
     "services.medical.providers.0.kind", "did you mean"),
    ("by: road", "by: road\n    network: rail", "56:14", "services.medical.network", "a sector of network.assets"),
    # how to reckon
    ("unit: m}", "unit: yards}", "58:33", "curves.files.0.unit", "'yards'"),
    ("unit: m}", "layout: wide}", "58:35", "curves.files.0.layout", "'plain', 'open_gira' or 'snail'"),
    ("levels: {power: connected}", "levels: {powr: connected}", "60:18",
     "cascade.levels.powr", "did you mean 'power'?"),
    ("levels: {power: connected}", "levels: {power: shared}", "60:19",
     "cascade.levels.power", "did you mean 'share'?"),
    ("levels: {power: connected}", "start: all_dwn", "60:10", "cascade.start", "did you mean 'all_down'?"),
    ("samples: 1024", "samples: 1000", "62:12", "monte_carlo.samples", "a multiple of 512, e.g. 512 or 1024"),
    ("samples: 1024", "samples: 0", "62:12", "monte_carlo.samples", "greater than or equal to 512"),
    ("samples: 1024", "sample: 1024", "62:3", "monte_carlo.sample", "did you mean 'samples'?"),
    ("block: 512", "block: 2048", "63:10", "monte_carlo.block", "at most samples = 1024"),
    ("rule: trapezoid", "rule: simpson", "65:9", "risk.rule", "'trapezoid' or 'log_linear'"),
    ("confidence: 0.9", "confidence: 1", "66:15", "risk.confidence", "less than 1"),
    ("confidence: 0.9", "confidence: .nan", "66:15", "risk.confidence", "finite number"),
]  # fmt: skip


def test_the_good_scenario_is_good(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert Scenario.from_yaml(path).name == "town"


@pytest.mark.parametrize(("old", "new", "place", "subject", "words"), MISTAKES)
def test_a_mistake_is_told_with_its_place(
    old: str, new: str, place: str, subject: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in GOOD
    path = tmp_path / "town.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    assert main(["check", str(path)]) == 78
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if f"town.yaml:{place}: {subject}: " in line]
    assert any(words in line for line in lines), told.err
    assert all(re.match(r"error: \S+town\.yaml:\d+:\d+: .+; wanted: .+", line) for line in told.err.splitlines()), (
        told.err
    )


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD
    for old, new in (
        ("seed: 7", "seed: x"), ("peril: heat", "peril: heet"), ("family: river", "family: heatwave"),
        ("    from: {kind: substation}", "    from: {kind: substatoin}"), ("by: assignment", "by: assigment"),
        ("samples: 1024", "samples: 1000"), ("rule: trapezoid", "ruel: trapezoid"),
    ):  # fmt: skip
        text = text.replace(old, new, 1)
    path = tmp_path / "town.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Scenario.from_yaml(path)
    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == [
        "seed", "hazards.1.peril", "rules.0.from.kind", "services.power.by", "monte_carlo.samples", "risk.ruel",
    ]  # fmt: skip


def test_a_mistake_in_set_is_told_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"--set risk\.rule=simpson:1:1: risk\.rule: 'simpson'"):
        Scenario.from_yaml(path, changes=["risk.rule=simpson"])


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "town\n", "3\n"])
def test_a_file_without_keys_is_no_scenario(text: str, tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"town\.yaml:1:1: scenario: .*wanted: keys: schema_version"):
        Scenario.from_yaml(path)


def test_what_is_not_synthetic_needs_maps_and_services(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(GOOD.split("hazards:")[0] + "network:" + GOOD.split("network:")[1].split("rules:")[0], "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Scenario.from_yaml(path)
    assert [problem.subject for problem in caught.value.problems] == ["hazards", "services"]


def test_what_is_wrong_with_a_file_is_told_with_the_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(
        """schema_version: 1
name: city
crs: EPSG:26986
hazards:
  - family: river
    peril: flood
    files: rp{rp}.tif
    return_periods: [10, 100]
    unit: m
    nodata: dry
network:
  assets:
    - {path: sites.gpkg, sector: power, kind: substation}
    - path: roads.gpkg
      sector: transport
      kind: road
  zones:
    path: zones.gpkg
    persons: 10
  needs: needs.csv
  dependencies: {path: dependencies.csv}
services:
  power: {by: assignment}
""",
        encoding="utf-8",
    )
    scenario = Scenario.from_yaml(path)
    with pytest.raises(MissingInputError) as caught:
        load_inputs(scenario)
    told = {str(problem).removeprefix(f"{path}:").partition(f": {tmp_path}/") for problem in caught.value.problems}
    places = {rest.partition(":")[0]: place for place, _, rest in told}
    assert places == {"rp10.tif": "7:12", "rp100.tif": "7:12", "sites.gpkg": "13:14", "roads.gpkg": "14:13",
                      "zones.gpkg": "18:11", "needs.csv": "20:10",
                      "dependencies.csv": "21:17"}  # fmt: skip
    assert scenario.place("network.zones.0.path") == f"{path}:18:11"
    # A scenario from plain data says the same without places.
    plain = Scenario.from_dict(scenario.to_dict())
    assert plain == scenario
    assert plain.place("network.zones.0.path") == ""


def test_a_key_that_is_wrong_in_this_city_alone_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(
        """schema_version: 1
name: city
network: {synthetic: {size: 500}}
importance:
  assets: [nobody]
options:
  - name: high
    cost: 1
    life_years: 2
    changes:
      - raise: {kind: nothing}
        by_m: 1
""",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError) as caught:
        check(Scenario.from_yaml(path), quick=True)
    assert str(caught.value).startswith(f"{path}:5:11: importance.assets: ")
    scenario = Scenario.from_yaml(path, changes=["importance.assets=[]"])
    with pytest.raises(ConfigurationError) as caught:
        check(scenario, quick=True)
    assert str(caught.value).startswith(f"{path}:11:23: options.0.changes.0.raise.kind: ")
