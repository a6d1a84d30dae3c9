"""Real cities, made by nobody in this project, become networks with the counts their sources state."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from resilience.errors import DataError
from resilience.network import AccessRule, DependencyRule, Network, SupplyRule, check_network, derive, write_tables
from resilience.readers.graphml import read_graphml
from resilience.readers.vector import read_layer

pytestmark = pytest.mark.real_data

UTILITIES = {
    ("power", "substation"): ["Major Electric Transformer Station"],
    ("power", "plant"): ["Electric Generating Plant", "Power Generating Plant", "Steam Power Generating Plant"],
    ("telecom", "switch"): ["Telephone office and longline switch"],
    ("data", "data_centre"): ["Major Data Hub"],
    ("gas", "gas_station"): ["Gas Regulating Station"],
}
PLACES = {
    "HEALTH_Hospitals": ("medical", "hospital", "SITE_NAME", 3),
    "HEALTH_HealthClinics": ("medical", "clinic", "SITE_NAME", 12),
    "PUBLICSAFETY_FireStations": ("safety", "fire_station", "SITE_NAME", 8),
    "PUBLICSAFETY_PoliceStation": ("safety", "police_station", "SITE_NAME", 2),
    "PUBLICSAFETY_EmergencyShelters": ("care", "shelter", "Name", 15),
    "LANDMARK_ElderlyFacilities": ("care", "elderly", "SITE_NAME", 23),
    "TRANS_SubwayStations": ("transport", "station", "STATION", 10),
}


@pytest.fixture(scope="module")
def cambridge(real_data):
    folder = real_data / "cambridge_ma"
    layers = [
        read_layer(
            folder / "INFRA_UtilityFacilities.geojson", columns={"id": "SITE_NAME", "name": "SITE_NAME"},
            constants={"sector": sector, "kind": kind}, where={"TYPE": types},
        )
        for (sector, kind), types in UTILITIES.items()
    ]  # fmt: skip
    layers += [
        read_layer(
            folder / f"{file}.geojson", columns={"id": "auto", "name": name},
            constants={"sector": sector, "kind": kind}, id_prefix=f"{kind}:",
        )
        for file, (sector, kind, name, _) in PLACES.items()
    ]  # fmt: skip
    layers.append(
        read_layer(
            folder / "TRANS_SubwayLines.geojson", columns={"id": "auto", "name": "LINE"},
            constants={"sector": "transport", "kind": "subway"}, id_prefix="subway:",
        )
    )  # fmt: skip
    layers.append(read_graphml(folder / "roads.graphml", id_prefix="road:"))
    zones = read_layer(
        folder / "DEMOGRAPHICS_BlockGroups2020.geojson", columns={"id": "GEOID20"}, constants={"persons": 1},
        role="zones",
    )  # fmt: skip
    return Network.from_tables(assets=layers, zones=zones, crs="EPSG:26986", persons_unit="zones")


def test_cambridge_has_what_its_sources_state(cambridge, real_data):
    count = cambridge.assets["kind"].value_counts().to_dict()
    assert {kind: count[kind] for kind in ("substation", "plant", "switch", "data_centre", "gas_station")} == {
        "substation": 4, "plant": 4, "switch": 3, "data_centre": 1, "gas_station": 2,
    }  # fmt: skip
    for _, kind, _, number in PLACES.values():
        assert count[kind] == number
    assert count["subway"] == 3
    assert count["road_node"] == 1850
    roads = cambridge.assets[cambridge.assets["kind"] == "road"]
    assert (~roads["oneway"]).sum() * 2 + roads["oneway"].sum() == 4225
    assert len(cambridge.zones) == cambridge.zones["persons"].sum() == 87
    assert cambridge.persons_unit == "zones"
    check_network(cambridge)


def test_cambridge_lies_in_cambridge(cambridge, real_data):
    city = gpd.read_file(real_data / "cambridge_ma" / "BOUNDARY_CityBoundary.geojson").to_crs(cambridge.crs)
    near = city.geometry.iloc[0].buffer(3000)
    assert cambridge.assets.geometry.within(near).all()
    # City areas in m2: the block groups tile the city up to water and rounding.
    assert cambridge.zones.geometry.area.sum() == pytest.approx(city.geometry.area.sum(), rel=0.02)


def test_the_road_graph_is_the_one_networkx_reads(cambridge, real_data):
    graph = nx.read_graphml(real_data / "cambridge_ma" / "roads.graphml")
    roads = cambridge.assets[cambridge.assets["kind"] == "road"]
    back = nx.MultiDiGraph()
    for row in roads.itertuples():
        ends = row.from_asset.removeprefix("road:"), row.to_asset.removeprefix("road:")
        back.add_edge(*ends, length=row.length)
        if not row.oneway:
            back.add_edge(*ends[::-1], length=row.length)
    wanted = sorted((u, v, d["length"]) for u, v, d in graph.edges(data=True))
    assert sorted((u, v, d["length"]) for u, v, d in back.edges(data=True)) == wanted
    assert max(len(part) for part in nx.strongly_connected_components(back)) == 1812


def test_each_facility_gets_its_nearest_substation(cambridge):
    rules = [
        DependencyRule(service="power", from_={"kind": "substation"}, to={"sector": ["medical", "care", "telecom"]}),
        DependencyRule(service="power", from_={"kind": "substation"}, to="zones", nearest=2),
        SupplyRule(sector="power", sources={"kind": ["plant", "substation"]}),
        AccessRule(from_={"kind": "road_node"}, to="facilities", within_m=1500),
        AccessRule(from_={"kind": "road_node"}, to="zones", within_m=1500),
    ]
    derived = derive(cambridge, rules)
    assert len(derived.needs) == 3 + 12 + 15 + 23 + 3 + 87
    assert len(derived.dependencies) == 3 + 12 + 15 + 23 + 3 + 2 * 87
    place = cambridge.assets.set_index("id").geometry
    substations = place[cambridge.assets.loc[cambridge.assets["kind"] == "substation", "id"]]
    providers = derived.dependencies.set_index("need")["provider"]
    for row in derived.needs[~derived.needs["dependent"].isin(cambridge.zones["id"])].itertuples():
        distance = substations.distance(place[row.dependent])
        assert providers[row.id] == distance.idxmin()
    facilities = derived.assets[~derived.assets["kind"].isin(["road", "road_node"])]
    assert (facilities["access_asset"] != "").all()
    assert (derived.zones["access_asset"] != "").all()


def test_ambulances_come_by_road_as_networkx_finds(cambridge, real_data):
    access = derive(cambridge, [AccessRule(from_={"kind": "road_node"}, to={"kind": ["hospital", "elderly"]})])
    rule = DependencyRule(
        service="ambulance", from_={"kind": "hospital"}, to={"kind": "elderly"}, by="road",
        over={"sector": "transport", "kind": "road"},
    )  # fmt: skip
    derived = derive(access, [rule])
    assert len(derived.needs) == 23
    graph = nx.read_graphml(real_data / "cambridge_ma" / "roads.graphml")
    node = access.assets.set_index("id")["access_asset"].str.removeprefix("road:")
    hospitals = sorted(access.assets.loc[access.assets["kind"] == "hospital", "id"])
    metres = {name: nx.single_source_dijkstra_path_length(graph, node[name], weight="length") for name in hospitals}
    providers = derived.dependencies.set_index("need")["provider"]
    for row in derived.needs.itertuples():
        chosen = providers[row.id]
        assert metres[chosen][node[row.dependent]] == pytest.approx(
            min(metres[name].get(node[row.dependent], np.inf) for name in hospitals), abs=1e-6
        )


def test_seoul_roads_have_speeds_and_shapes(real_data):
    frame = read_graphml(real_data / "seoul_roads" / "seoul.graphml", columns={"road_class": "highway"})
    links = frame[frame["kind"] == "road"]
    assert (frame["kind"] == "road_node").sum() == 3384
    assert (~links["oneway"]).sum() * 2 + links["oneway"].sum() == 8830
    assert links["speed"].between(20 / 3.6, 90 / 3.6).all()
    network = Network.from_tables(assets=frame, crs="EPSG:5186")
    placed = network.assets[network.assets["kind"] == "road"]
    # Great-circle lengths against lengths on the national grid.
    np.testing.assert_allclose(shapely.length(placed.geometry.to_numpy()), placed["length"], rtol=0.006, atol=0.5)


def test_busan_roads_metro_and_people(real_data, tmp_path):
    folder = real_data / "busan_yeonsan"
    transport = {"sector": "transport"}
    ends = {"from_asset": "u", "to_asset": "v"}
    layers = [
        read_layer(folder / "road_nodes.geojson", columns={"id": "node_id"},
                   constants={**transport, "kind": "road_node"}, id_prefix="road:"),
        read_layer(folder / "road_edges.geojson", columns={"id": "edge_id", "length": "length_m", **ends},
                   constants={**transport, "kind": "road"}, id_prefix="road:"),
        read_layer(folder / "metro_stations.geojson", columns={"id": "station_code", "name": "name"},
                   constants={"sector": "metro", "kind": "station"}, id_prefix="metro:"),
        read_layer(folder / "metro_links.geojson", columns={"id": "auto", "kind": "kind", **ends},
                   constants={"sector": "metro"}, id_prefix="metro-link:", end_prefix="metro:"),
        read_layer(folder / "emergency_hospitals.geojson", columns={"id": "hpid", "name": "name"},
                   constants={"sector": "medical", "kind": "hospital"}),
    ]  # fmt: skip
    zones = read_layer(
        folder / "sigungu_population.geojson", columns={"id": "code", "persons": "pop_total", "district": "name"},
        role="zones",
    )  # fmt: skip
    network = Network.from_tables(assets=layers, zones=zones, crs="EPSG:5187")
    count = network.assets["kind"].value_counts()
    assert (count["road_node"], count["road"]) == (364, 523)
    assert (count["station"], count["track"], count["transfer"], count["hospital"]) == (114, 110, 6, 37)
    roads = network.assets[network.assets["kind"] == "road"]
    assert roads["length"].sum() == pytest.approx(39_700, abs=50)
    assert len(network.zones) == 16
    assert network.zones["persons"].sum() == gpd.read_file(folder / "sigungu_population.geojson")["pop_total"].sum()
    located = derive(network, [DependencyRule("care", {"kind": "hospital"}, "zones", by="polygon", on_missing="drop")])
    inside = network.zones.sjoin(network.assets[network.assets["kind"] == "hospital"], predicate="contains")
    assert len(located.needs) == inside.index.nunique()
    assert sorted(path.name for path in write_tables(located, tmp_path).values())[0] == "assets.csv"


def test_a_grid_cut_at_the_map_edge_is_told_and_can_be_filtered(real_data):
    folder = real_data / "busan_yeonsan"
    buses = read_layer(
        folder / "power_buses_kpg.geojson", columns={"id": "bus_id"}, constants={"sector": "power", "kind": "bus"},
        id_prefix="bus:",
    )  # fmt: skip
    branches = {
        "columns": {"id": "auto", "from_asset": "fbus", "to_asset": "tbus", "reactance": "x", "rating": "rate_a"},
        "constants": {"sector": "power", "kind": "line"},
        "id_prefix": "line:",
        "end_prefix": "bus:",
    }
    path = folder / "power_branches_kpg.geojson"
    with pytest.raises(DataError, match=r"assets\.from_asset: .* ids that do not exist"):
        Network.from_tables(assets=[buses, read_layer(path, **branches)], crs="EPSG:5187")
    known = [int(name.removeprefix("bus:")) for name in buses["id"]]
    raw = gpd.read_file(path)
    inside = {"fbus": sorted(set(raw["fbus"]) & set(known)), "tbus": sorted(set(raw["tbus"]) & set(known))}
    network = Network.from_tables(assets=[buses, read_layer(path, **branches, where=inside)], crs="EPSG:5187")
    assert (network.assets["kind"] == "line").sum() == 14
    assert (network.assets.loc[network.assets["kind"] == "line", "rating"] > 0).all()
