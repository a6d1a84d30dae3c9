"""Who leaves the map around Yeonsan rotary, Busan, in time: by three curves of speed under water, against networkx."""

from __future__ import annotations

import contextlib
import io
import runpy
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from resilience.cli import main
from resilience.store import open_results

FOLDER = Path(__file__).parent
EVENTS = ["rr075", "rr100", "rr125"]
# km/h over mm, and from where on nobody drives.
CURVES = {
    "bold": (0.0002415, -0.2898, 86.94, 600),
    "usual": (0.0009, -0.5529, 86.9448, 300),
    "careful": (0.003864, -1.1592, 86.94, 150),
}
LIMIT, WET_HOURS = 2.0, 5.5
# No speed is given, and 50 km/h is the default of the class `road`.
FREE_KMH = 0.65 * 50


@pytest.fixture(scope="module")
def tables(real_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    runpy.run_path(str(FOLDER / "derive_tables.py"))["write_busan"](real_data, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESILIENCE_REAL_TABLES", str(out))
        yield out


@pytest.fixture(scope="module")
def run(tables, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("busan") / "run", io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        assert main(["run", str(FOLDER / "busan_access.yaml"), "-o", str(out)]) == 0
    return SimpleNamespace(folder=out, told=told.getvalue(), results=open_results(out).load())


@pytest.fixture(scope="module")
def roads(real_data):
    """Roads with their length and the deepest cell that they pass through in each event."""
    folder = real_data / "busan_yeonsan"
    table = gpd.read_file(folder / "road_edges.geojson").to_crs(5187).set_index("edge_id")
    for event in EVENTS:
        with rasterio.open(folder / f"flood_depth_{event}.tif") as dataset:
            values, at = dataset.read(1, masked=True).filled(0).astype(float), dataset.transform
        # The film of water on dry ground slows nobody below 80 km/h.
        row, column = np.nonzero(values > 0.05)
        left, top = at.c + at.a * column, at.f + at.e * row
        cells = shapely.box(left, top + at.e, left + at.a, top)
        road, cell = shapely.STRtree(cells).query(table.geometry.array, predicate="intersects")
        inside = shapely.length(shapely.intersection(np.asarray(table.geometry.array)[road], cells[cell])) > 1e-6
        depth = np.zeros(len(table))
        np.maximum.at(depth, road[inside], values[row, column][cell[inside]])
        table[event] = depth
    return table


@pytest.fixture(scope="module")
def zones(tables):
    table = gpd.read_file(tables / "busan_zones.gpkg").set_index("id")
    return table[["persons", "access_asset"]]


@pytest.fixture(scope="module")
def minutes(roads, zones, tables):
    """Return how long each zone takes to each gateway, by event and curve; infinite without a way."""
    nodes = gpd.read_file(tables / "busan_nodes.gpkg")
    gateways = nodes.loc[nodes["kind"] == "gateway", "node_id"].tolist()

    def find(curve, depth):
        a, b, c, end = CURVES[curve]
        graph = nx.Graph()
        graph.add_nodes_from(nodes["node_id"])
        for (u, v, metres), water in zip(roads[["u", "v", "length_m"]].itertuples(index=False), depth, strict=True):
            w = 1000 * water
            if w >= end or u == v:
                continue
            time = round(3600 * metres / min(FREE_KMH, a * w**2 + b * w + c))
            if time < graph.get_edge_data(u, v, {"time": np.inf})["time"]:
                graph.add_edge(u, v, time=time)
        found = pd.DataFrame(np.inf, index=zones.index, columns=gateways)
        for gateway in gateways:
            reached = nx.single_source_dijkstra_path_length(graph, gateway, weight="time")
            found[gateway] = zones["access_asset"].map(reached).fillna(np.inf) / 60_000
        return found

    dry = find("usual", np.zeros(len(roads)))
    return {None: dry} | {(event, curve): find(curve, roads[event]) for event in EVENTS for curve in CURVES}


def test_minutes_on_dry_roads_are_the_same_for_all(run, minutes):
    expected = minutes[None].min(axis=1)
    for curve in CURVES:
        found = run.results["zone_access_minutes"].sel(access=curve).to_series()[expected.index]
        np.testing.assert_allclose(found, expected, atol=1e-9)
    assert "speeds by kind: 523 of the 523 links of transport" in run.told
    assert expected.max() == pytest.approx(1.56, abs=0.005)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("event", EVENTS)
def test_who_gets_out_in_time_and_how_much_later(run, zones, minutes, event, curve):
    dry, wet = minutes[None], minutes[event, curve]
    usual, now = dry.min(axis=1), wet.min(axis=1)
    same = dry.idxmin(axis=1) == wet.idxmin(axis=1)
    served, late = usual <= LIMIT, now > LIMIT
    outcomes = {"undisrupted": ~late & same, "other_facility": ~late & ~same, "lost_road": late}
    found = run.results.sel(event=event, access=curve)
    for name, chosen in outcomes.items():
        told = found["zone_access"].sel(outcome=name).to_series()[zones.index]
        np.testing.assert_array_equal(told, served & chosen, err_msg=name)
        people = found["access_people"].sel(outcome=name).item()
        assert people == pytest.approx(zones["persons"][served & chosen].sum(), abs=0.3)
    assert found["access_people"].sel(outcome="lost_facility") == 0
    added = (now - usual).where(served & np.isfinite(now))
    np.testing.assert_allclose(found["zone_added_minutes"].to_series()[zones.index], added, atol=1e-9)
    assert found["access_isolated"].item() == pytest.approx(zones["persons"][served & np.isinf(now)].sum(), abs=0.3)


def test_curves_bound_one_another(run):
    lost = run.results["access_people"].sel(outcome="lost_road")
    assert (lost.sel(access="bold") < lost.sel(access="usual")).all()
    assert (lost.sel(access="usual") < lost.sel(access="careful")).all()
    assert (lost.diff("event") > 0).all()
    assert {name: lost.sel(access=name).round(-1).values.tolist() for name in CURVES} == {
        "bold": [2980, 3820, 7990], "usual": [7110, 12420, 13660], "careful": [14760, 16860, 21080],
    }  # fmt: skip


def test_nothing_fails_and_the_water_alone_is_to_blame_as_long_as_it_stands(run):
    """5.5 hours lie within a step of the grid that the scenario asks for."""
    results = run.results
    assert int(results["failed_count"].sum()) == 0
    lost = results["access_people"].sel(outcome="lost_road").rename(access="service").drop_vars("outcome")
    people = results["people_without_service"]
    np.testing.assert_allclose(people.mean("sample"), lost, rtol=1e-9)
    np.testing.assert_allclose(results["person_hours_lost"], WET_HOURS * people, rtol=1e-9)
    np.testing.assert_allclose(results["root_person_hours"].sum("root"), WET_HOURS * lost, rtol=1e-6)
    assert (results["restore_hours"].sel(level=100) == WET_HOURS).all()
    assert "nothing: the water on it slows" in run.told
