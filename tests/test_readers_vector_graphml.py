"""Road graphs: directions, parallel edges, speeds, and files that must be refused."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import DataError, MissingInputError
from resilience.network import Network
from resilience.readers.graphml import read_graphml


def write(path, edges, *, directed=True, nodes=4, **attributes):
    graph = nx.MultiDiGraph(**attributes) if directed else nx.MultiGraph(**attributes)
    for i in range(nodes):
        graph.add_node(str(i), x=127.0 + i * 0.001, y=37.5)
    for tail, head, data in edges:
        graph.add_edge(str(tail), str(head), **data)
    nx.write_graphml(graph, path)
    return path


def links_of(frame):
    links = frame[frame["kind"] == "road"]
    return sorted(zip(links["id"], links["from_asset"], links["to_asset"], links["oneway"], strict=True))


def test_an_edge_and_its_reverse_are_one_link_and_a_lone_one_is_one_way(tmp_path):
    edges = [(1, 0, {"length": 90.0}), (0, 1, {"length": 90.0004}), (1, 2, {"length": 80.0}), (2, 1, {"length": 70.0})]
    frame = read_graphml(write(tmp_path / "g.graphml", edges), id_prefix="r")
    assert links_of(frame) == [
        ("r0-1", "r0", "r1", False), ("r1-2", "r1", "r2", True), ("r2-1", "r2", "r1", True),
    ]  # fmt: skip
    assert frame["kind"].tolist()[:4] == ["road_node"] * 4
    Network.from_tables(assets=frame, crs="EPSG:5186")


def test_parallel_edges_stay_and_are_numbered_from_the_shortest(tmp_path):
    edges = [(0, 1, {"length": 90.0}), (0, 1, {"length": 50.0}), (0, 1, {"length": 50.0}), (1, 0, {"length": 50.0})]
    frame = read_graphml(write(tmp_path / "g.graphml", edges))
    found = dict(zip(frame["id"], zip(frame["length"], frame["oneway"], strict=True), strict=True))
    assert found["0-1"] == (50.0, False)
    assert found["0-1/2"] == (50.0, True)
    assert found["0-1/3"] == (90.0, True)


def test_an_undirected_graph_has_two_way_links(tmp_path):
    frame = read_graphml(write(tmp_path / "g.graphml", [(2, 1, {}), (0, 1, {})], directed=False))
    assert [row[3] for row in links_of(frame)] == [False, False]


def test_loops_connect_nothing(tmp_path):
    loop = "LINESTRING (127 37.5, 127.001 37.501, 127.001 37.5, 127 37.5)"
    twice = [(0, 0, {"length": 300.0, "geometry": loop})] * 2
    frame = read_graphml(write(tmp_path / "g.graphml", [*twice, (1, 1, {"length": 5.0}), (0, 1, {"length": 1.0})]))
    assert links_of(frame) == [("0-0", "", "", False), ("0-1", "0", "1", True)]
    Network.from_tables(assets=frame, crs="EPSG:5186")


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("50", 50 / 3.6), ("30 mph", 13.4112), ("['50', '30']", 30 / 3.6), ("60;40", 40 / 3.6), ("walk", np.nan),
        ("10 knots", 5.144444), ("", np.nan), ("80 km/h", 80 / 3.6), ("50.5", 50.5 / 3.6), ("0", np.nan),
    ],
)  # fmt: skip
def test_speeds_are_metres_per_second(tmp_path, text, speed):
    frame = read_graphml(write(tmp_path / "g.graphml", [(0, 1, {"maxspeed": text})]))
    np.testing.assert_allclose(frame["speed"].iloc[-1], speed, rtol=1e-6)


def test_geometry_and_further_attributes_are_kept(tmp_path):
    wkt = "LINESTRING Z (127 37.5 3, 127.0005 37.51 3, 127.001 37.5 3)"
    path = write(tmp_path / "g.graphml", [(0, 1, {"geometry": wkt, "highway": "primary"})], crs="epsg:4326")
    frame = read_graphml(path, columns={"road_class": "highway"})
    assert frame.geometry.iloc[-1].equals(shapely.from_wkt("LINESTRING (127 37.5, 127.0005 37.51, 127.001 37.5)"))
    assert frame["road_class"].iloc[-1] == "primary"
    assert np.isnan(frame["length"].iloc[-1])
    assert frame.crs.to_epsg() == 4326
    with pytest.raises(DataError, match="did you mean 'highway'"):
        read_graphml(path, columns={"road_class": "higway"})


def test_the_crs_is_the_callers_then_the_graphs(tmp_path):
    assert read_graphml(write(tmp_path / "g.graphml", [], crs="epsg:5186")).crs.to_epsg() == 5186
    assert read_graphml(tmp_path / "g.graphml", crs="EPSG:5179").crs.to_epsg() == 5179
    assert read_graphml(write(tmp_path / "h.graphml", [])).crs.to_epsg() == 4326


def test_a_default_holds_where_an_edge_says_nothing(tmp_path):
    path = write(tmp_path / "g.graphml", [(0, 1, {"maxspeed": "50"}), (1, 2, {})])
    key = 'attr.name="maxspeed" attr.type="string" />'
    assert key in path.read_text()
    path.write_text(path.read_text().replace(key, key.replace(" />", "><default>36</default></key>")))
    found = read_graphml(path).set_index("id")["speed"]
    assert found[["0-1", "1-2"]].tolist() == pytest.approx([50 / 3.6, 10])


BOMB = """<?xml version="1.0"?><!DOCTYPE graphml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>
<graphml><graph edgedefault="directed"><node id="&b;"/></graph></graphml>"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "document type or entity"),
        ('<!DOCTYPE graphml SYSTEM "file:///etc/passwd"><graphml/>', "document type or entity"),
        ("<html></html>", "root is <html>"),
        ('<?xml version="1.0" encoding="utv-8"?><graphml/>', "unknown encoding"),
        ("<graphml><graph>", "no element found"),
        ("", "no element found"),
        ("<graphml><graph><node/></graph></graphml>", "no attribute 'id'"),
        ('<graphml><graph><node id="1"/></graph></graphml>', "1 of 1 nodes without a place"),
        ('<graphml><graph><edge source="1" target="2"/></graph></graphml>', "edges to absent nodes"),
    ],
)
def test_what_is_no_road_graph_is_refused(tmp_path, text, told):
    path = tmp_path / "g.graphml"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_graphml(path)


def test_wrong_lengths_geometries_and_degrees_are_told(tmp_path):
    path = write(tmp_path / "g.graphml", [(0, 1, {"length": "long"}), (1, 2, {"geometry": "POINT (0 0)"})])
    with pytest.raises(DataError) as caught:
        read_graphml(path)
    assert len(caught.value.problems) == 2
    text = (
        (tmp_path / "g.graphml").read_text().replace("long", "5").replace("POINT (0 0)", "").replace("127.", "200127.")
    )
    path.write_text(text)
    with pytest.raises(DataError, match="not degrees"):
        read_graphml(path)
    with pytest.raises(MissingInputError, match=r"did you mean 'g\.graphml'"):
        read_graphml(tmp_path / "gg.graphml")


@settings(max_examples=30, deadline=None)
@given(
    edges=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([10.0, 20.0])), max_size=14),
    seed=st.randoms(use_true_random=False),
)
def test_links_carry_exactly_the_edges_whatever_their_order(tmp_path_factory, edges, seed):
    folder = tmp_path_factory.mktemp("graphs")
    edges = [edge for edge in edges if edge[0] != edge[1]]
    frame = read_graphml(write(folder / "g.graphml", [(a, b, {"length": m}) for a, b, m in edges]))
    links = frame[frame["kind"] == "road"]
    back = []
    for row in links.itertuples():
        back.append((int(row.from_asset), int(row.to_asset), row.length))
        if not row.oneway:
            back.append((int(row.to_asset), int(row.from_asset), row.length))
    assert sorted(back) == sorted(edges)
    assert links["id"].is_unique
    seed.shuffle(edges)
    again = read_graphml(write(folder / "h.graphml", [(a, b, {"length": m}) for a, b, m in edges]))
    assert links_of(frame) == links_of(again)
