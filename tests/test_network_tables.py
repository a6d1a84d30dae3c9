"""The tables coerce what users bring, once, and tell what they cannot."""

from __future__ import annotations

import unicodedata

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from resilience.errors import CannotCreateError, DataError, Problems
from resilience.network import TABLES, Network, describe_tables, representative_points, suggest_crs, write_tables
from resilience.network.normalise import empty_table, normalise_table


def points(n, crs=5179, **columns):
    return gpd.GeoDataFrame(
        {"id": [f"a{i}" for i in range(n)], "sector": "power", **columns},
        geometry=gpd.points_from_xy(np.arange(n) * 10.0, np.zeros(n)),
        crs=crs,
    )


def test_absent_columns_take_their_defaults_and_types():
    network = Network.from_tables(assets=points(2))
    for column in TABLES["assets"]:
        values = network.assets[column.name]
        if column.dtype in ("float64", "int64", "bool"):
            assert str(values.dtype) == column.dtype
            np.testing.assert_array_equal(values, np.full(2, column.default))
    assert network.assets["from_asset"].tolist() == ["", ""]
    assert len(network.zones) == len(network.needs) == len(network.supply) == 0
    assert network.zones.crs == network.assets.crs == network.crs


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_column_is_described_and_an_empty_table_has_them_all(table):
    described = describe_tables()
    assert described.loc[described["table"] == table, "column"].tolist() == list(empty_table(table).columns)
    assert (described["meaning"].str.len() > 5).all()


def test_numeric_ids_and_references_become_the_same_text_even_with_gaps():
    lines = gpd.GeoDataFrame(
        {"id": ["L"], "sector": ["power"], "from_asset": [1.0], "to_asset": [2]},
        geometry=[shapely.LineString([(0, 0), (10, 0)])],
        crs=5179,
    )
    nodes = points(2).assign(id=[1, 2])
    together = pd.concat([nodes, lines], ignore_index=True)
    assert together["from_asset"].isna().sum() == 2
    for assets in (together, [nodes, lines]):
        network = Network.from_tables(assets=assets)
        assert network.assets["from_asset"].tolist() == ["", "", "1"]
        assert network.assets["to_asset"].tolist() == ["", "", "2"]


def test_ids_are_stripped_and_in_one_unicode_form():
    name = "부산역"
    frame = points(1).assign(id=[unicodedata.normalize("NFD", name) + "  "])
    assert Network.from_tables(assets=frame).assets["id"].tolist() == [name]


@pytest.mark.parametrize(("given", "meant"), [("yes", True), ("False", False), (1, True), (None, False), (0.0, False)])
def test_truth_may_be_written_in_several_ways(given, meant):
    assert Network.from_tables(assets=points(1).assign(oneway=[given])).assets["oneway"].tolist() == [meant]


def test_what_cannot_be_coerced_is_told_with_the_value():
    problems = Problems()
    frame = pd.DataFrame(
        {"id": ["n", "m"], "dependent": "a", "service": "power", "required": [1.5, 2], "buffer_hours": ["8h", 1]}
    )
    table = normalise_table(frame, "needs", problems)
    told = [str(problem) for problem in problems]
    assert len(told) == 2
    assert "needs.required: 1 of 2 gaps or fractions (first: 1.5)" in told[0]
    assert "needs.buffer_hours: 1 of 2 values that are not numbers (first: '8h')" in told[1]
    assert table["required"].tolist() == [1, 2]


def test_a_misspelt_column_is_not_silently_ignored():
    with pytest.raises(DataError, match=r"replacement_costs.*wanted: 'replacement_cost'"):
        Network.from_tables(assets=points(1).assign(replacement_costs=[5.0]))


def test_columns_of_the_users_own_are_kept_after_the_registered_ones():
    network = Network.from_tables(assets=points(2).assign(name=["x", "y"], operator=[1, 2]))
    assert network.assets["name"].tolist() == ["x", "y"]
    assert list(network.assets.columns[: len(TABLES["assets"])]) == [c.name for c in TABLES["assets"]]


def test_the_input_frames_are_left_as_they_were():
    frame = points(2).rename_geometry("where")
    before = frame.copy(deep=True)
    Network.from_tables(assets=frame)
    pd.testing.assert_frame_equal(frame, before)


def test_layers_in_several_crs_meet_in_the_working_crs():
    seoul = gpd.GeoDataFrame({"id": ["w"], "sector": ["power"]}, geometry=[shapely.Point(127.0, 37.5)], crs=4326)
    network = Network.from_tables(assets=[points(1), seoul], zones=None, crs="EPSG:5179")
    expected = seoul.to_crs(5179).geometry.iloc[0]
    assert network.assets.geometry.iloc[1].equals_exact(expected, 1e-6)
    assert network.assets.geometry.iloc[0].equals(shapely.Point(0, 0))


def test_single_part_multi_geometries_and_heights_are_flattened():
    frame = gpd.GeoDataFrame(
        {"id": ["l", "m"], "sector": "transport"},
        geometry=[
            shapely.from_wkt("MULTILINESTRING Z ((0 0 1, 10 0 1))"),
            shapely.from_wkt("MULTILINESTRING ((0 0, 1 0), (2 0, 3 0))"),
        ],
        crs=5179,
    )
    network = Network.from_tables(assets=frame)
    assert network.assets.geom_type.tolist() == ["LineString", "MultiLineString"]
    assert not network.assets.geometry.has_z.any()


def test_a_link_without_geometry_runs_straight():
    nodes = points(2)
    links = pd.DataFrame(
        {"id": ["l"], "sector": ["power"], "from_asset": ["a0"], "to_asset": ["a1"], "geometry": [None]}
    )
    network = Network.from_tables(assets=[nodes, links])
    assert network.assets.geometry.iloc[2].equals(shapely.LineString([(0, 0), (10, 0)]))


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        (None, "EPSG:4326.*not metres"),
        ("EPSG:3857", "stretched"),
        ("EPSG:3547", "US survey foot"),
        ("EPSG:99999", "PROJ does not know"),
    ],
)
def test_a_working_crs_that_is_not_metric_is_refused_with_the_one_to_use(crs, told):
    busan = gpd.GeoDataFrame({"id": ["a"], "sector": ["power"]}, geometry=[shapely.Point(129.08, 35.18)], crs=4326)
    with pytest.raises(DataError, match=told) as caught:
        Network.from_tables(assets=busan, crs=crs)
    assert "EPSG:32652" in str(caught.value)


def test_layers_that_disagree_need_a_working_crs():
    with pytest.raises(DataError, match="the layers disagree"):
        Network.from_tables(assets=[points(1), points(1, crs=5187).assign(id="b")])


def test_missing_crs_and_swapped_degrees_are_told():
    lost = points(1, crs=None).assign(id="lost")
    swapped = gpd.GeoDataFrame({"id": ["s"], "sector": ["power"]}, geometry=[shapely.Point(35.18, 129.08)], crs=4326)
    with pytest.raises(DataError) as caught:
        Network.from_tables(assets=[points(1), lost, swapped], crs=5179)
    assert len(caught.value.problems) == 2
    assert "no CRS" in str(caught.value)
    assert "longitude before latitude" in str(caught.value)


def test_places_of_lines_and_areas_lie_on_them():
    shapes = [
        shapely.Point(3, 4),
        shapely.LineString([(0, 0), (10, 0)]),
        shapely.from_wkt("POLYGON ((0 0, 10 0, 10 10, 9 10, 9 1, 0 1, 0 0))"),
        shapely.from_wkt("MULTILINESTRING ((0 0, 1 0), (5 5, 9 5))"),
    ]
    places = representative_points(shapes)
    assert places.shape == (4, 2)
    for place, shape in zip(places, shapes, strict=True):
        assert shape.distance(shapely.Point(place)) < 1e-9
    assert places[1].tolist() == [5, 0]


@pytest.mark.parametrize(
    ("place", "code"), [((-71.1, 42.4), "EPSG:32619"), ((18.4, -33.9), "EPSG:32734"), ((180, 0), "EPSG:32660")]
)
def test_the_suggested_crs_is_the_utm_zone(place, code):
    assert suggest_crs(*place) == code


def test_numbers_written_as_text_are_told_only_once():
    problems = Problems()
    table = normalise_table(pd.DataFrame({"id": [1.0, "a"], "persons": ["1,209", " 7 "]}), "zones", problems)
    assert table["id"].tolist() == ["1", "a"]
    assert [problem.subject for problem in problems] == ["zones.geometry", "zones.persons"]
    assert table["persons"].tolist() == [0, 7]


def test_dates_and_words_are_no_numbers_and_words_no_shapes():
    problems = Problems()
    frame = points(1).assign(length=pd.Timestamp("2024-01-01"), oneway="maybe")
    normalise_table(pd.DataFrame(frame).assign(geometry="here"), "assets", problems)
    assert [problem.subject for problem in problems] == ["assets.geometry", "assets.oneway", "assets.length"]


def test_tables_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(CannotCreateError, match="a folder that can be written"):
        write_tables(Network.from_tables(assets=points(1)), tmp_path / "taken")
