"""Three simulated floods around Yeonsan rotary, Busan, through `resilience run`: which roads close, who gets out."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr

from resilience.cli import main
from resilience.store import open_results

pytestmark = pytest.mark.real_data

FOLDER = Path(__file__).parent
EVENTS = ["rr075", "rr100", "rr125"]
UNIT = "persons (area share of gu)"


def call(*arguments):
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = main([str(argument) for argument in arguments])
    return code, told.getvalue()


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip("RESILIENCE_REAL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="module")
def tables(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    runpy.run_path(str(FOLDER / "derive_tables.py"))["write_busan"](data, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESILIENCE_REAL_TABLES", str(out))
        yield out


@pytest.fixture(scope="module")
def run(tables, tmp_path_factory):
    out = tmp_path_factory.mktemp("busan") / "run"
    code, told = call("run", FOLDER / "busan_reach.yaml", "-o", out)
    assert code == 0, told
    return out, told, open_results(out).load()


@pytest.fixture(scope="module")
def edges(data):
    return gpd.read_file(data / "busan_yeonsan" / "road_edges.geojson").to_crs(5187).set_index("edge_id")


def closed(results, event):
    """Return the roads that the run closes in an event, after checking that none is left to chance."""
    p = results["failure_probability"].sel(event=event).to_series()[(results["kind"] == "road").values]
    assert set(p) == {0.0, 1.0}
    return set(p.index[p == 1])


def test_the_exact_number_of_closed_roads(run, edges):
    """Cell by cell, as many roads have more than 0.3 m as samples every 0.25 m find: 86, 117 and 187."""
    _, _, results = run
    found = {event: closed(results, event) for event in EVENTS}
    assert [len(names) for names in found.values()] == [86, 117, 187]
    published = {event: set(edges.index[edges[f"dmax_{event}"] > np.float32(0.3)]) for event in EVENTS}
    assert [len(names) for names in published.values()] == [85, 115, 185]
    # No sample is deeper than the deepest cell; the roads that samples every 2 m miss, by name.
    assert [published[event] - found[event] for event in EVENTS] == [set(), set(), set()]
    assert [found[event] - published[event] for event in EVENTS] == [{"E275"}, {"E155", "E275"}, {"E129", "E155"}]


@pytest.mark.parametrize(
    ("event", "road", "metres"),
    [("rr075", "E275", 0.44), ("rr100", "E155", 1.20), ("rr100", "E275", 1.76), ("rr125", "E129", 0.15),
     ("rr125", "E155", 1.20)],
)  # fmt: skip
def test_what_samples_miss_is_shorter_than_their_step(data, edges, event, road, metres):
    """The stretch in deeper cells, found by intersecting the road with each cell as a polygon."""
    with rasterio.open(data / "busan_yeonsan" / f"flood_depth_{event}.tif") as dataset:
        values, transform = dataset.read(1), dataset.transform
    line = edges.geometry[road]
    rows, columns = np.nonzero(values > np.float32(0.3))
    left, top = transform.c + transform.a * columns, transform.f + transform.e * rows
    cells = shapely.box(left, top + transform.e, left + transform.a, top)
    assert shapely.length(shapely.intersection(line, cells)).sum() == pytest.approx(metres, abs=0.006)


def test_the_default_curve_also_closes_what_stands_in_exactly_thirty_centimetres(data, tmp_path):
    """The map is written in millimetres; two roads have 0.300 m in the weakest rain."""
    out = tmp_path / "run"
    assert call("run", FOLDER / "busan.yaml", "-o", out, "--set", "monte_carlo.samples=512")[0] == 0
    results = open_results(out)
    sure = (results["failure_probability"] == 1) & (results["kind"] == "road")
    assert sure.sum("asset").values.tolist() == [88, 117, 187]
    own = results["exposed_intensity"].sel(event="rr075", asset=["E303", "E304"]).values
    assert own.astype(np.float32).tolist() == [np.float32(0.3)] * 2


@pytest.fixture(scope="module")
def gateways(data, edges):
    """Ends of one road at most 8 m from the border of the map."""
    nodes = gpd.read_file(data / "busan_yeonsan" / "road_nodes.geojson").to_crs(5187).set_index("node_id").geometry
    graph = nx.MultiGraph(list(zip(edges["u"], edges["v"], strict=True)))
    with rasterio.open(data / "busan_yeonsan" / "flood_depth_rr100.tif") as dataset:
        left, bottom, right, top = dataset.bounds
    away = np.minimum.reduce([nodes.x - left, right - nodes.x, nodes.y - bottom, top - nodes.y])
    return {node for node, metres in zip(nodes.index, away, strict=True) if metres <= 8 and graph.degree(node) == 1}


def test_gateways(run, gateways):
    _, _, results = run
    assert set(results["asset"].values[results["kind"].values == "gateway"]) == gateways
    assert len(gateways) == 27


@pytest.mark.parametrize(("event", "reached", "ways_out"), [("rr075", 292, 25), ("rr100", 276, 24), ("rr125", 227, 22)])
def test_networkx_reaches_the_same_nodes_from_the_gateways(data, run, edges, gateways, event, reached, ways_out):
    out, _, results = run
    with rasterio.open(data / "busan_yeonsan" / f"flood_depth_{event}.tif") as dataset:
        nodes = gpd.read_file(data / "busan_yeonsan" / "road_nodes.geojson").to_crs(5187).set_index("node_id").geometry
        depth = np.array([value[0] for value in dataset.sample(zip(nodes.x, nodes.y, strict=True))])
    deep = set(nodes.index[depth > np.float32(0.3)])
    shut = closed(results, event)
    intact = nx.Graph(list(zip(edges["u"], edges["v"], strict=True)))
    passable = nx.Graph(
        [(u, v) for name, u, v in zip(edges.index, edges["u"], edges["v"], strict=True) if name not in shut]
    )
    passable.add_nodes_from(nodes.index)
    passable.remove_nodes_from(deep)

    def reach(graph):
        return set().union(*(nx.node_connected_component(graph, node) for node in gateways if node in graph))

    before, after = reach(intact), reach(passable)
    zones = pd.read_csv(out / "zones.csv").query("event == @event").set_index("zone")
    zones.index = zones.index.str.removeprefix("around:")
    assert set(zones.index) == set(nodes.index)
    assert set(zones.index[zones["intact_way_out"] == 1]) == before
    assert set(zones.index[zones["lost_way_out"] == 1]) == before - after
    assert set(zones["lost_way_out"]) == {0, 1}
    assert len(before - gateways) == 337
    assert (len(after - gateways), len(gateways - deep)) == (reached, ways_out)
    people = results["people_without_service"].sel(event=event).values
    assert (people == people[0, 0]).all()
    assert people[0, 0] == pytest.approx(zones.loc[sorted(before - after), UNIT].sum(), abs=0.2)


def test_people_are_area_shares_and_say_so(data, run):
    out, told, results = run
    gu = gpd.read_file(data / "busan_yeonsan" / "sigungu_population.geojson").to_crs(5187)
    with rasterio.open(data / "busan_yeonsan" / "flood_depth_rr100.tif") as dataset:
        window = shapely.box(*dataset.bounds)
    expected = (gu["pop_total"] * gu.intersection(window).area / gu.area).sum()
    assert float(results["zone_people"].sum()) == pytest.approx(expected, rel=1e-4)
    assert results["people_without_service"].attrs["units"] == UNIT
    for name in ("summary", "events", "zones", "why"):
        assert UNIT in (out / f"{name}.csv").read_text(encoding="utf-8"), name
    assert f"{UNIT} without way_out" in told
    hospitals = gpd.read_file(data / "busan_yeonsan" / "emergency_hospitals.geojson").to_crs(5187)
    assert not hospitals.within(window).any()


def test_nothing_is_told_per_year(run):
    out, told, results = run
    assert "note: no annual figures for oncheoncheon: the events have no rates or return periods" in told
    assert not [name for name in results.variables if "annual" in name and name not in ("annual_rate", "annual_weight")]
    assert np.isnan(results["annual_weight"].values).all()
    assert not (out / "exceedance.csv").exists()
    assert "per year" not in told
    assert "/year" not in (out / "why.csv").read_text(encoding="utf-8")
    assert pd.read_csv(out / "summary.csv")["event"].tolist() == EVENTS


def raw_map(data, *crs):
    folder = data / "busan_yeonsan"
    sets = [f"hazards.0.files={folder / 'raw_no_crs_rr100.asc'}", "hazards.0.events=rr100", *crs]
    return [word for change in sets for word in ("--set", change)]


def test_a_map_without_crs_is_refused_with_the_fix(data, tables, tmp_path):
    out = tmp_path / "run"
    code, told = call("run", FOLDER / "busan_reach.yaml", "-o", out, *raw_map(data))
    assert code == 78
    assert "crs of family 'oncheoncheon'" in told
    assert "crs: EPSG:" in told
    assert not out.exists()


def test_with_its_crs_it_gives_the_same_numbers_as_the_tagged_map(data, run, tmp_path):
    _, _, tagged = run
    out = tmp_path / "run"
    code, told = call("run", FOLDER / "busan_reach.yaml", "-o", out, *raw_map(data, "hazards.0.crs=EPSG:5187"))
    assert code == 0, told
    raw = open_results(out).load()
    names = ["exposed_intensity", "mean_intensity", "wet_length", "failure_probability", "failed_count", "down_count",
             "people_without_service", "zone_without_service", "root_people", "zone_root"]  # fmt: skip
    xr.testing.assert_equal(raw[names].drop_vars("event"), tagged[names].sel(event=["rr100"]).drop_vars("event"))
