"""Layers are read as the map of columns says, and whatever is amiss is told with its fix."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, DataError, MissingInputError
from resilience.network import Network
from resilience.readers.topology import connect_endpoints
from resilience.readers.vector import read_layer, read_table

CRS = "EPSG:5179"


@pytest.fixture
def clinics():
    return gpd.GeoDataFrame(
        {"NAME": ["West", "East", "East"], "CODE": [1, 2, 3], "TYPE": ["clinic", "hospital", "clinic"]},
        geometry=gpd.points_from_xy([0.0, 10.0, 20.0], [5.0, 5.0, 5.0]),
        crs=CRS,
    )


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "fgb", "geojson"])
def test_every_common_format_gives_the_same_assets(clinics, tmp_path, suffix):
    path = tmp_path / f"clinics.{suffix}"
    (clinics.to_crs(4326) if suffix == "geojson" else clinics).to_file(path)
    frame = read_layer(
        path, columns={"id": "CODE", "kind": "TYPE", "name": "NAME"}, constants={"sector": "medical"}, id_prefix="c:"
    )
    network = Network.from_tables(assets=frame, crs=CRS)
    expected = pd.DataFrame({"id": ["c:1", "c:2", "c:3"], "kind": ["clinic", "hospital", "clinic"]})
    got = network.assets.sort_values("id", ignore_index=True)
    assert got[["id", "kind"]].to_numpy().tolist() == expected.to_numpy().tolist()
    np.testing.assert_allclose(got.geometry.x, [0, 10, 20], atol=0.05)
    assert frame.attrs["source"] == f"clinics.{suffix}"


def test_rows_are_numbered_by_their_place_in_the_file_so_that_a_filter_keeps_names(clinics, tmp_path):
    path = tmp_path / "c.gpkg"
    clinics.to_file(path)
    mapped = {"columns": {"id": "auto", "kind": "TYPE"}, "id_prefix": "clinic-"}
    assert read_layer(path, **mapped)["id"].tolist() == ["clinic-0", "clinic-1", "clinic-2"]
    assert read_layer(path, **mapped, where={"TYPE": "clinic"})["id"].tolist() == ["clinic-0", "clinic-2"]
    assert read_layer(path, **mapped, where={"TYPE": ["clinic"], "CODE": 3})["id"].tolist() == ["clinic-2"]


def test_without_a_map_our_own_names_are_taken(clinics, tmp_path):
    path = tmp_path / "c.gpkg"
    clinics.rename(columns={"CODE": "id", "TYPE": "kind"}).to_file(path)
    assert sorted(read_layer(path).columns) == ["geometry", "id", "kind"]


def test_csv_keeps_leading_zeros_and_empty_cells(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("\ufeffcode,lon,lat,cost\n0012,127.0,37.5,5\n0013,127.1,37.6,\n", encoding="utf-8")
    columns = {"id": "code", "lon": "lon", "lat": "lat", "replacement_cost": "cost"}
    frame = read_layer(path, columns=columns, constants={"sector": "power"}, crs="EPSG:4326")
    assert frame["id"].tolist() == ["0012", "0013"]
    with pytest.raises(DataError, match=r"replacement_cost: 1 of 2 missing values \(first: 0013\)"):
        Network.from_tables(assets=frame, crs=CRS)


def test_csv_may_hold_wkt_or_links_without_places(tmp_path):
    nodes, links = tmp_path / "n.csv", tmp_path / "l.csv"
    nodes.write_text('id,sector,geometry\n1,power,POINT (0 0)\n2,power,"POLYGON ((5 0, 6 0, 6 1, 5 0))"\n3,power,\n')
    links.write_text("a,b\n1,2\n")
    frames = [
        read_layer(nodes, crs=CRS),
        read_layer(
            links, columns={"id": "auto", "from_asset": "a", "to_asset": "b"}, constants={"sector": "power"},
            id_prefix="l", end_prefix="",
        ),
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"missing or empty geometries \(first: 3\)"):
        Network.from_tables(assets=frames)
    network = Network.from_tables(assets=[frames[0].iloc[:2], frames[1]])
    assert network.assets["id"].tolist() == ["1", "2", "l0"]
    assert network.assets.geom_type.tolist() == ["Point", "Polygon", "LineString"]


def test_ends_take_the_prefix_of_the_nodes(tmp_path):
    links = tmp_path / "l.csv"
    links.write_text("a,b\n1,2\n")
    columns = {"id": "auto", "from_asset": "a", "to_asset": "b"}
    assert read_layer(links, columns=columns, id_prefix="m:")["from_asset"].tolist() == ["m:1"]
    frame = read_layer(links, columns=columns, id_prefix="m:", end_prefix="s:")
    assert frame[["id", "from_asset", "to_asset"]].iloc[0].tolist() == ["m:0", "s:1", "s:2"]


def test_korean_text_in_its_own_encoding(tmp_path):
    path = tmp_path / "k.csv"
    path.write_bytes("이름,x,y\n부산역,1,2\n".encode("cp949"))
    columns = {"id": "이름", "x": "x", "y": "y"}
    assert read_layer(path, columns=columns, crs=CRS, encoding="cp949")["id"].tolist() == ["부산역"]
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_layer(path, columns=columns, crs=CRS)


def test_missing_files_layers_columns_and_values_are_told_with_the_likely_one(clinics, tmp_path):
    path = tmp_path / "clinics.gpkg"
    clinics.to_file(path, layer="clinics")
    clinics.to_file(path, layer="other")
    with pytest.raises(MissingInputError, match=r"did you mean 'clinics\.gpkg'"):
        read_layer(tmp_path / "clinic.gpkg")
    with pytest.raises(DataError, match="2 layers, none chosen; wanted: layer: one of clinics, other"):
        read_layer(path)
    with pytest.raises(DataError, match=r"no layer 'clinic' .*did you mean 'clinics'"):
        read_layer(path, layer="clinic")
    with pytest.raises(DataError) as caught:
        read_layer(path, layer="clinics", columns={"id": "CODES", "kind": "TYPE"}, where={"TYPE": ["clinik"], "NAM": 1})
    told = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "did you mean 'CODE'" in told
    assert "did you mean 'clinic'" in told
    assert "did you mean 'NAME'" in told


@pytest.mark.parametrize("name", ["x.gpkg", "x.geojson", "x.shp", "x.csv"])
def test_a_file_that_is_something_else_is_bad_data(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(DataError, match=f"{name}.*wanted: a (GeoPackage|CSV file)"):
        read_layer(path)


def test_a_crs_that_gdal_cannot_write_out_is_bad_data(clinics, tmp_path, monkeypatch):
    path = tmp_path / "clinics.gpkg"
    clinics.to_file(path)

    def read(*_, **__):
        # As pyogrio does; which bytes of a definition make it do so is different in each version of GDAL.
        raise UnboundLocalError("local variable 'wkt' referenced before assignment")

    monkeypatch.setattr("pyogrio.read_dataframe", read)
    with pytest.raises(DataError, match="a CRS that makes no sense"):
        read_layer(path)


def test_no_crs_wrong_crs_and_degrees_that_are_none(clinics, tmp_path):
    path = tmp_path / "c.shp"
    clinics.to_file(path)
    (tmp_path / "c.prj").unlink()
    mapped = {"columns": {"id": "CODE"}}
    with pytest.raises(DataError, match=r"no CRS; wanted: .*add `crs:`"):
        read_layer(path, **mapped)
    assert read_layer(path, **mapped, crs=5187).crs.to_epsg() == 5187
    with pytest.raises(DataError, match="unknown to PROJ"):
        read_layer(path, **mapped, crs="EPSG:1")
    metres = tmp_path / "m.geojson"
    clinics.set_geometry(gpd.points_from_xy([2e5], [5e5]).repeat(3), crs=4326).to_file(metres)
    with pytest.raises(DataError, match=r"m\.geojson: coordinates from"):
        read_layer(metres, **mapped)
    assert read_layer(metres, **mapped, crs=CRS).crs.to_epsg() == 5179


def test_csv_without_places_or_with_words_for_numbers(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("id,x,y,w\n1,a,2,POINTY\n")
    with pytest.raises(DataError, match="a table without places"):
        read_layer(path, columns={"id": "id"}, crs=CRS)
    with pytest.raises(DataError, match="column 'x': 1 of 1 values that are not numbers"):
        read_layer(path, crs=CRS)
    with pytest.raises(DataError, match="column 'w': 1 of 1 other text"):
        read_layer(path, columns={"geometry": "w"}, crs=CRS)


def test_geoparquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("resilience.readers.opening.find_spec", lambda _: None)
    path = tmp_path / "c.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="pip install pyarrow"):
        read_layer(path)


def test_plain_tables_become_needs(tmp_path):
    path = tmp_path / "needs.csv"
    path.write_text("who,what,hours\nH,power,24\nC,power,8\n")
    columns = {"id": "auto", "dependent": "who", "service": "what", "buffer_hours": "hours"}
    table = read_table(path, columns=columns, constants={"required": 1}, where={"who": "C"})
    assert table.to_dict("records") == [
        {"id": "1", "dependent": "C", "service": "power", "buffer_hours": "8", "required": 1}
    ]
    with pytest.raises(DataError, match=r"'whom' .*did you mean 'who'"):
        read_table(path, columns={"dependent": "whom"})


def lines(*shapes, **columns):
    ids = [f"l{i}" for i in range(len(shapes))]
    return gpd.GeoDataFrame({"id": ids, "sector": "rail", **columns}, geometry=list(shapes), crs=CRS)


def test_line_ends_meet_existing_nodes_and_each_other():
    frame = lines(
        shapely.LineString([(0, 0), (10, 0)]),
        shapely.LineString([(10.4, 0), (20, 0)]),
        shapely.MultiLineString([[(20, 0), (25, 0)], [(26, 0), (30, 0)]]),
        shapely.LineString([(50, 0), (60, 5), (50.2, 0)]),
    )
    stations = gpd.GeoDataFrame(
        {"id": ["S", "other"], "sector": ["rail", "road"]}, geometry=gpd.points_from_xy([0.3, 20], [0, 0]), crs=CRS
    )
    made = connect_endpoints(frame, nodes=stations, id_prefix="r:", node_kind="stop")
    links, nodes = made.iloc[:4], made.iloc[4:]
    assert links["from_asset"].tolist() == ["S", "r:10.0_0.0", "r:20.0_0.0", ""]
    assert links["to_asset"].tolist() == ["r:10.0_0.0", "r:20.0_0.0", "r:30.0_0.0", ""]
    assert nodes["id"].tolist() == ["r:10.0_0.0", "r:20.0_0.0", "r:30.0_0.0", "r:50.0_0.0"]
    assert set(nodes["kind"]) == {"stop"}
    Network.from_tables(assets=[stations, made])


def test_line_ends_in_degrees_meet_within_metres(tmp_path):
    path = tmp_path / "rail.gpkg"
    east = 127.0 + 1e-5  # about 0.9 m
    shapes = [shapely.LineString([(126.99, 37.5), (127.0, 37.5)]), shapely.LineString([(east, 37.5), (127.01, 37.5)])]
    lines(*shapes).set_crs(4326, allow_override=True).to_file(path)
    joined = read_layer(path, topology="endpoints")
    assert joined["to_asset"].iloc[0] == joined["from_asset"].iloc[1] == "127.000000_37.500000"
    apart = read_layer(path, topology="endpoints", tolerance=0.5)
    assert apart["to_asset"].iloc[0] != apart["from_asset"].iloc[1]
    with pytest.raises(ConfigurationError, match="did you mean 'endpoints'"):
        read_layer(path, topology="endpoint")


def test_topology_needs_lines_a_sector_and_a_tolerance():
    with pytest.raises(DataError) as caught:
        connect_endpoints(lines(shapely.Point(0, 0)).drop(columns="sector"), tolerance=0)
    assert len(caught.value.problems) == 3


@settings(max_examples=25, deadline=None)
@given(
    ends=st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=8),
    seed=st.randoms(use_true_random=False),
)
def test_links_do_not_depend_on_the_order_of_lines(ends, seed):
    ends = [end for end in ends if end[:2] != end[2:]] or [(0, 0, 1, 1)]
    frame = lines(*[shapely.LineString([end[:2], end[2:]]) for end in ends])
    order = list(range(len(frame)))
    seed.shuffle(order)
    first = connect_endpoints(frame, tolerance=0.5)
    second = connect_endpoints(frame.iloc[order], tolerance=0.5)
    by_id = {name: table.sort_values("id", ignore_index=True) for name, table in (("a", first), ("b", second))}
    pd.testing.assert_frame_equal(pd.DataFrame(by_id["a"]), pd.DataFrame(by_id["b"]))
    assert set(first["from_asset"]) | set(first["to_asset"]) <= {*first["id"], ""}


GML = (
    '<?xml version="1.0" encoding="utf-8"?><a:all xmlns:a="http://a" xmlns:gml="http://www.opengis.net/gml">{}</a:all>'
)
PUMP = (
    '<gml:featureMember><a:pump fid="{0}"><a:geometryProperty><gml:Point srsName="EPSG:5179"><gml:coordinates>{0},2'
    "</gml:coordinates></gml:Point></a:geometryProperty><a:name>00{0}</a:name></a:pump></gml:featureMember>"
)


def test_nothing_is_written_beside_a_gml_file(tmp_path) -> None:
    path = tmp_path / "pumps, old.gml"
    path.write_text(GML.format("".join(PUMP.format(i) for i in (1, 2))), encoding="utf-8")
    for layer in (None, "pump"):
        frame = read_layer(path, layer=layer, columns={"id": "name"}, constants={"sector": "water"})
        assert frame["id"].tolist() == ["001", "002"]
        assert [point.x for point in frame.geometry] == [1.0, 2.0]
        assert frame.crs == "EPSG:5179"
    with pytest.raises(DataError, match="wanted: one of pump"):
        read_layer(path, layer="pumps", columns={"id": "name"})
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["tab", "mif"])
def test_mapinfo_is_not_read(tmp_path, ending: str) -> None:
    path = tmp_path / f"pumps.{ending}"
    pumps = gpd.GeoDataFrame({"name": ["a"]}, geometry=gpd.points_from_xy([1], [2]), crs=5179)
    pumps.to_file(path, driver="MapInfo File", engine="pyogrio")
    with pytest.raises(DataError, match="a MapInfo file; wanted: a GeoPackage, GeoJSON, Shapefile, FlatGeobuf or CSV"):
        read_layer(path, columns={"id": "name"})
