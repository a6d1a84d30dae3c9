"""Cambridge, Massachusetts, from its scenario through `resilience run`: every figure is found again by other means."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from pyproj import Transformer
from scipy.stats import norm

from resilience.cli import main
from resilience.store import open_results

pytestmark = pytest.mark.real_data

SCENARIO = Path(__file__).parent / "cambridge.yaml"
SAMPLES = 4096

WET_500 = {
    "substation:NSTAR Electric (Station 509)": 3.00,
    "substation:Alewife Bulk": 1.36,
    "data:BBN Technology": 0.50,
    "gas:ComGas": 1.01,
    "subway:ALEWIFE": 1.20,
    "elderly:Robert C. Weaver Apts": 0.60,
    "shelter:Tobin School": 0.60,
}
# Dry at RP 500, nearest to a substation that is not.
LOSE_POWER = {
    "substation:NSTAR Electric (Station 509)": {
        "clinic:Cambridge Family Health North - Porter Square",
        "elderly:45 Linnaean Street",
        "elderly:Cadbury Commons",
        "elderly:Daniel F Burns Apts",
        "elderly:Leonard J.Russell Apts",
        "elderly:North Cambridge Senior Center",
        "shelter:Gately Youth Center",
        "shelter:Graham & Parks School",
        "shelter:Peabody School",
        "subway:PORTER",
    },
    "substation:Alewife Bulk": {
        "elderly:Neville Center at Fresh Pond",
        "elderly:Neville Place at Fresh Pond",
        "elderly:Sancta Maria Nursing Facility",
        "elderly:The Cambridge Homes",
        "hospital:Mount Auburn Hospital",
        "shelter:Haggerty School",
        "shelter:Russell / West Cambridge Youth Ctr",
    },
}
ROADS = ("road", "road_node", "subway_line")


@dataclass(frozen=True)
class Run:
    folder: Path
    told: str
    results: xr.Dataset

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / name, dtype={"zone": str, "id": str, "asset": str})


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip("RESILIENCE_REAL_DATA is not set")
    return Path(folder) / "cambridge_ma"


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("cambridge") / "run", io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        assert main(["run", str(SCENARIO), "-o", str(out)]) == 0
    return Run(out, told.getvalue(), open_results(out).load())


@pytest.fixture(scope="module")
def places(run):
    """Points of the facilities and of the zones, as the run wrote them."""
    frames = []
    for name in ("assets", "zones"):
        table = pd.read_csv(run.folder / "network" / f"{name}.csv", dtype={"id": str}, low_memory=False)
        table["kind"] = table["kind"] if name == "assets" else "zone"
        shapes = shapely.from_wkt(table["geometry"].to_numpy())
        shapes = np.where(table["kind"] == "zone", shapely.point_on_surface(shapes), shapes)
        frames.append(gpd.GeoDataFrame(table[["id", "kind"]], geometry=shapes, crs="EPSG:26986"))
    return pd.concat(frames, ignore_index=True)


def nearest(places, dependents, providers):
    """Return the nearest provider of each dependent, by name."""
    left, right = places[places["kind"].isin(dependents)], places[places["kind"].isin(providers)]
    joined = left.sjoin_nearest(right.rename(columns={"id": "provider"})[["provider", "geometry"]])
    assert len(joined) == len(left)
    return joined.set_index("id")["provider"]


def fails(depth, theta, beta):
    """Lognormal fragility."""
    return norm.cdf(np.log(depth / theta) / beta)


def near(found, p):
    """Within four standard errors of a share of the samples."""
    return abs(found - p) <= 4 * np.sqrt(p * (1 - p) / SAMPLES)


def test_exactly_the_facilities_of_the_sources_are_wet(run):
    assets = run.table("assets.csv")
    wet = assets[(assets["intensity"] > 0) & ~assets["kind"].isin(ROADS)].set_index(["event", "asset"])["intensity"]
    assert wet["rp500"].round(2).to_dict() == WET_500
    assert wet["rp100"].round(2).to_dict() == {"subway:ALEWIFE": 0.27}


def test_all_that_the_city_has_is_in_the_run(run):
    kinds = run.results["kind"].to_series().value_counts()
    assert kinds.to_dict() == {
        "road": 2580, "road_node": 1850, "elderly_home": 23, "shelter": 15, "clinic": 12, "fire_station": 8,
        "subway_station": 6, "substation": 4, "power_plant": 4, "hospital": 3, "telephone_switch": 3,
        "subway_line": 3, "police_station": 2, "gas_station": 2, "data_hub": 1,
    }  # fmt: skip
    assert run.results.sizes["zone"] == 87
    assert float(run.results["zone_people"].sum()) == 87


def test_lines_that_cannot_fail_are_told(run):
    lines = run.table("assets.csv").query("kind == 'subway_line'")
    assert len(lines) == 6
    assert (lines["wet_length"] > 0).all()
    assert (lines["failure_probability"] == 0).all()
    assert "without a fragility curve, so the water cannot stop them: 3 subway_line" in run.told


def test_the_list_of_the_dry_who_lose_power_is_exact(run, places):
    causes = run.table("causes.csv")
    chosen = causes[(causes["event"] == "rp500") & (causes["what"] == "asset") & (causes["intensity"] == 0)]
    chosen = chosen[~chosen["kind"].isin(ROADS)].set_index("id")
    assert set(chosen.index) == set.union(*LOSE_POWER.values())
    assert (chosen["cause"] == "need:power").all()
    assert (chosen["root"] == "power/flood").all()
    assert (chosen[["cause_share", "root_share"]] == 1).all(axis=None)
    # The list itself is what geopandas finds, without those whose battery or engine certainly starts.
    power = nearest(places, ["hospital", "clinic", "elderly_home", "shelter", "subway_station"], ["substation"])
    for substation, names in LOSE_POWER.items():
        assert set(power.index[power == substation]) - set(WET_500) == names


@pytest.mark.parametrize("substation", LOSE_POWER)
def test_their_probability_is_that_of_their_substation(run, substation):
    depth = run.results["exposed_intensity"].sel(event="rp500", asset=substation).item()
    p = fails(depth, theta=1.2, beta=0.3)
    told = run.results["failure_probability"].sel(event="rp500", asset=substation).item()
    assert told == pytest.approx(p, abs=1e-9)
    failed = run.results["failed_count"].sel(event="rp500", asset=substation).item() / SAMPLES
    assert near(failed, p)
    causes = run.table("causes.csv").query("event == 'rp500' and what == 'asset'").set_index("id")["probability"]
    for name in LOSE_POWER[substation]:
        if name.startswith("hospital:"):  # its engine starts in 85 of 100 cases
            assert near(causes[name], p * 0.15)
        else:
            assert causes[name] == pytest.approx(failed, abs=1e-9)


def test_buffers_that_surely_start_hold_at_the_peak(run, places):
    power = nearest(places, ["telephone_switch", "data_hub", "fire_station", "police_station"], ["substation"])
    behind = power[power.isin(list(LOSE_POWER))]
    assert len(behind) >= 3
    down = run.results["down_count"].sel(event="rp500", cause="need:power", asset=behind.index.to_numpy())
    assert int(down.sum()) == 0


def test_zones_lose_power_with_their_substation(run, places):
    causes = run.table("causes.csv").query("event == 'rp500' and what == 'zone' and service == 'power'").set_index("id")
    power = nearest(places, ["zone"], ["substation"])
    behind = power[power.isin(list(LOSE_POWER))]
    assert set(causes.index) == set(behind.index)
    assert behind.value_counts().to_dict() == {
        "substation:NSTAR Electric (Station 509)": 17, "substation:Alewife Bulk": 13,
    }  # fmt: skip
    assert (causes["cause"] == "need:power").all()
    assert (causes["root"] == "power/flood").all()
    failed = run.results["failed_count"].sel(event="rp500") / SAMPLES
    expected = failed.sel(asset=behind.to_numpy()).values
    assert causes.loc[behind.index, "probability"].to_numpy() == pytest.approx(expected, abs=1e-9)


def test_gas_and_data_fail_by_themselves_or_for_want_of_power(run, places):
    depth = run.results["exposed_intensity"].sel(event="rp500")
    substation = nearest(places, ["gas_station"], ["substation"])["gas:ComGas"]
    own = fails(depth.sel(asset="gas:ComGas").item(), theta=0.5, beta=0.4)
    power = fails(depth.sel(asset=substation).item(), theta=1.2, beta=0.3)
    data = fails(depth.sel(asset="data:BBN Technology").item(), theta=0.9, beta=0.4)
    causes = run.table("causes.csv").query("event == 'rp500' and what == 'zone'").set_index("id")
    gas = nearest(places, ["zone"], ["gas_station"])
    found = causes[causes["service"] == "gas"]
    assert set(found.index) == set(gas.index[gas == "gas:ComGas"])
    assert len(found) == 37
    assert near(found["probability"].iloc[0], 1 - (1 - own) * (1 - power))
    assert set(found["root"]) == {"gas/flood"}
    assert near(found["root_share"].iloc[0] * found["probability"].iloc[0], own)
    found = causes[causes["service"] == "data"]
    assert len(found) == 87
    assert (found["probability"] == found["probability"].iloc[0]).all()
    assert near(found["probability"].iloc[0], data)
    assert (causes["service"] != "telecom").all()


def test_only_one_station_and_roads_fail_at_rp_100(run):
    causes = run.table("causes.csv").query("event == 'rp100'")
    facilities = causes[(causes["what"] == "asset") & ~causes["kind"].isin(ROADS)]
    assert facilities["id"].tolist() == ["subway:ALEWIFE"]
    assert near(facilities["probability"].item(), fails(facilities["intensity"].item(), theta=0.2, beta=0.3))
    assert set(causes[causes["what"] == "zone"]["cause"]) == {"access"}


def deepest(values, transform, line):
    """Return the deepest cell that a line passes through: it is cut at every border, and read between the cuts."""
    vertices = np.array([~transform @ vertex for vertex in np.asarray(line.coords)])
    depth = 0.0
    for start, end in itertools.pairwise(vertices):
        cuts = [0.0, 1.0]
        for a, b in zip(start, end, strict=True):
            if a != b:
                cuts += ((np.arange(np.ceil(min(a, b)), np.floor(max(a, b)) + 1) - a) / (b - a)).tolist()
        cuts = np.unique(np.clip(cuts, 0, 1))
        column, row = np.floor(start[:, None] + (end - start)[:, None] * (cuts[1:] + cuts[:-1]) / 2).astype(int)
        inside = (row >= 0) & (column >= 0) & (row < values.shape[0]) & (column < values.shape[1])
        depth = max([depth, *values[row[inside], column[inside]]])
    return depth


@pytest.fixture(scope="module")
def streets(data):
    """The published graph, with the probability that water closes each node and street at RP 500."""
    with rasterio.open(data / "flood_depth_rp500.tif") as dataset:
        values, transform = dataset.read(1, masked=True).filled(0).astype(float), dataset.transform
    graph = nx.read_graphml(data / "roads.graphml")
    to_map = Transformer.from_crs(4326, 26986, always_xy=True)
    place = {name: to_map.transform(float(node["x"]), float(node["y"])) for name, node in graph.nodes(data=True)}

    def closed(depth):
        return float(np.interp(depth, [0.29, 0.3], [0, 1]))

    for name, (x, y) in place.items():
        graph.nodes[name]["point"] = shapely.Point(x, y)
        graph.nodes[name]["p"] = closed(deepest(values, transform, shapely.LineString([(x, y), (x + 1e-7, y)])))
    for start, end, street in graph.edges(data=True):
        street["p"] = closed(deepest(values, transform, shapely.LineString([place[start], place[end]])))
    return graph


SERVICES = {
    "transport": [["subway_station"]], "medical": [["hospital"]], "clinic": [["clinic"]], "care": [["elderly_home"]],
    "safety": [["fire_station"], ["police_station"]], "shelter": [["shelter"]],
}  # fmt: skip


def test_roads_are_closed_where_the_published_graph_is_wet(run, streets):
    found = run.results["failure_probability"].sel(event="rp500").to_series()
    found = found[run.results["kind"].isin(["road", "road_node"]).values]
    nodes = {f"road:{name}": node["p"] for name, node in streets.nodes(data=True)}
    assert found[list(nodes)].to_numpy() == pytest.approx(list(nodes.values()), abs=1e-6)
    assert sum(node["p"] == 1 for _, node in streets.nodes(data=True)) == 51
    assert sum(street["p"] == 1 for _, _, street in streets.edges(data=True)) == 170
    unsure = {frozenset((a, b)): s["p"] for a, b, s in streets.edges(data=True) if 0 < s["p"] < 1}
    assert unsure == {
        frozenset(("101", "104")): pytest.approx(found["road:101-104"], abs=1e-6),
        frozenset(("83", "104")): pytest.approx(found["road:83-104"], abs=1e-6),
    }


@pytest.mark.parametrize("service", SERVICES)
def test_networkx_finds_the_same_zones_cut_off(run, places, streets, service):
    """All ways in which the four pieces of road that may be closed are closed, with their probabilities."""
    points = places[~places["kind"].isin(ROADS)]
    nodes = gpd.GeoDataFrame(
        {"node": list(streets)}, geometry=[streets.nodes[n]["point"] for n in streets], crs=places.crs
    )
    entrance = points.sjoin_nearest(nodes)[["id", "kind", "node"]].drop_duplicates("id").set_index("id")
    zones = entrance["node"][entrance["kind"] == "zone"]
    # Facilities that might be down do not matter if the others serve as well.
    might_be_down = set(WET_500) | set.union(*LOSE_POWER.values())
    unsure = [{node} for node, attrs in streets.nodes(data=True) if 0 < attrs["p"] < 1]
    unsure += [set(pair) for pair in {frozenset((a, b)) for a, b, s in streets.edges(data=True) if 0 < s["p"] < 1}]

    def probability(piece):
        if len(piece) == 1:
            return streets.nodes[next(iter(piece))]["p"]
        return max(s["p"] for a, b, s in streets.edges(data=True) if {a, b} == piece)

    groups = [entrance[entrance["kind"].isin(kinds)] for kinds in SERVICES[service]]
    lost = pd.Series(0.0, index=zones.index)
    for closed in itertools.product([True, False], repeat=len(unsure)):
        state = list(zip(unsure, closed, strict=True))
        weight = np.prod([probability(piece) if shut else 1 - probability(piece) for piece, shut in state])
        shut = [piece for piece, shut in state if shut]
        open_roads = nx.DiGraph()
        open_roads.add_nodes_from(n for n, a in streets.nodes(data=True) if a["p"] < 1 and {n} not in shut)
        open_roads.add_edges_from(
            (a, b)
            for a, b, s in streets.edges(data=True)
            if s["p"] < 1 and {a, b} not in shut and a in open_roads and b in open_roads
        )
        for facilities in groups:
            served = []
            for chosen in (facilities, facilities[~facilities.index.isin(might_be_down)]):
                # Roads are travelled from the facilities to the zones.
                open_roads.add_edges_from(("start", node) for node in chosen["node"] if node in open_roads)
                served.append(zones.isin(nx.descendants(open_roads, "start")))
                open_roads.remove_node("start")
            assert served[0].equals(served[1])
            lost += weight * ~served[0] / len(groups)
    assert (lost > 0).any()
    intact = run.results["intact_served"].sel(service=service)
    assert (intact == 1).all()
    found = run.table("zones.csv").query("event == 'rp500'").set_index("zone")[f"lost_{service}"].reindex(lost.index)
    sure = np.isclose(lost, 0, atol=1e-12) | np.isclose(lost, 1, atol=1e-12)
    pd.testing.assert_series_equal(found[sure], lost[sure].round(12), check_names=False)
    assert 0 < (~sure).sum() <= 3
    assert all(near(found[zone], lost[zone]) for zone in lost.index[~sure])


def test_annual_figures_are_the_events_weighted(run):
    events = run.table("events.csv").set_index(["event", "service"])["mean"]
    for service in ("power", "medical"):
        # Trapezoid between 1/100 and 1/500 a year, and the rarest event's loss held beyond.
        expected = 0.004 * events["rp100", service] + (0.004 + 0.002) * events["rp500", service]
        assert float(run.results["annual_value"].sel(service=service)) == pytest.approx(expected, rel=1e-9)
        assert float(run.results["annual_tail"].sel(service=service)) == pytest.approx(
            0.002 * events["rp500", service], rel=1e-9
        )


def test_the_printed_reasons_name_the_two_substations(run):
    lines = run.told.splitlines()
    (power,) = (line for line in lines if line.startswith("power ") and "%" in line)
    assert power.split(maxsplit=1)[1] == "100 % power/flood"
    (gas,) = (line for line in lines if line.startswith("gas ") and "%" in line)
    assert gas.split(maxsplit=1)[1] == "96 % gas/flood, 4 % power/flood"
    (origin,) = (line for line in lines if line.startswith("power/flood"))
    assert origin.split(maxsplit=1)[1] == "substation:NSTAR Electric (Station 509); substation:Alewife Bulk"
    (roads,) = (line for line in lines if line.startswith("transport, medical, clinic, care, safety, shelter"))
    assert "100 % transport/flood" in roads
    why = run.table("why.csv")
    annual = run.results["annual_value"].to_series()
    found = why.groupby("service")["value"].sum()
    assert found.to_numpy() == pytest.approx(annual[found.index].to_numpy(), rel=1e-6)
    assert set(why["unit"]) == {"zones/year"}


def test_what_is_not_known_is_not_told_as_zero(run):
    assert "note: no direct loss: no asset has both a replacement cost and a damage curve" in run.told
    assert "direct loss (money)" not in run.told
    assert run.table("assets.csv")["direct_loss"].isna().all()
    assert "direct_loss" not in set(run.table("exceedance.csv")["quantity"])


def test_facilities_stand_before_roads(run):
    kinds = run.table("assets.csv").query("event == 'rp500'")["kind"].tolist()
    assert kinds[0] == "data_hub"
    first_road = min(i for i, kind in enumerate(kinds) if kind in ("road", "road_node"))
    assert all(kind in ("road", "road_node") for kind in kinds[first_road:])


def test_nothing_says_persons_where_zones_are_counted(run):
    """The scenario's own keys `persons` and `persons_unit` are the only place of the word."""

    def words(value, found):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in ("persons", "persons_unit"):
                    found.append(str(key))
                words(inner, found)
        elif isinstance(value, list):
            for inner in value:
                words(inner, found)
        else:
            found.append(str(value))
        return found

    def told_of_people(text):
        return "person" in text.lower() or "people" in text.lower()

    assert not told_of_people(run.told)
    for path in run.folder.rglob("*.csv"):
        assert not told_of_people(path.read_text(encoding="utf-8")), path
    assert not told_of_people((run.folder / "notes.txt").read_text(encoding="utf-8"))
    manifest = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))
    assert not [text for text in words(manifest, []) if told_of_people(text)]
    results = run.results
    for attributes in (results.attrs, *(variable.attrs for variable in results.variables.values())):
        assert not [text for text in words(dict(attributes), []) if told_of_people(text)]
    assert results.attrs["counted_in"] == "zones"
    assert results["people_without_service"].attrs["units"] == "zones"
