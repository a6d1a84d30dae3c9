"""Every defect of a city's tables is told, with its name and its fix; legal oddities pass."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import DataError
from resilience.network import Network, check_network, write_tables

CRS = "EPSG:5179"
SQUARE = shapely.box(0, 0, 100, 100)


def frame(rows, columns="id sector kind geometry from_asset to_asset"):
    return gpd.GeoDataFrame(rows, columns=columns.split(), crs=CRS)


def sound_city():
    """A small sound city: two substations, a hospital, a road of two nodes, a zone."""
    return {
        "assets": frame(
            [
                ("S1", "power", "substation", shapely.Point(0, 0), "", ""),
                ("S2", "power", "substation", shapely.Point(50, 0), "", ""),
                ("L", "power", "line", shapely.LineString([(0, 0), (50, 0)]), "S1", "S2"),
                ("H", "medical", "hospital", shapely.Point(10, 10), "", ""),
                ("N1", "transport", "road_node", shapely.Point(0, 20), "", ""),
                ("N2", "transport", "road_node", shapely.Point(90, 20), "", ""),
                ("R", "transport", "road", shapely.LineString([(0, 20), (90, 20)]), "N1", "N2"),
            ]
        ),
        "needs": pd.DataFrame({"id": ["n1", "n2"], "dependent": ["H", "Z"], "service": ["power", "power"]}),
        "dependencies": pd.DataFrame({"need": ["n1", "n1", "n2"], "provider": ["S1", "S2", "S2"]}),
        "supply": pd.DataFrame({"asset": ["S1"], "sector": ["power"], "is_source": [True]}),
        "zones": gpd.GeoDataFrame({"id": ["Z"], "persons": [120.0]}, geometry=[SQUARE], crs=CRS),
    }


@pytest.fixture
def tables():
    return sound_city()


def problems_of(tables, **options):
    with pytest.raises(DataError) as caught:
        Network.from_tables(**tables, **options)
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_city_passes_and_a_cycle_of_needs_is_legal(tables):
    tables["needs"] = pd.concat(
        [tables["needs"], pd.DataFrame({"id": ["back"], "dependent": ["S1"], "service": ["medical"]})]
    )
    tables["dependencies"] = pd.concat([tables["dependencies"], pd.DataFrame({"need": ["back"], "provider": ["H"]})])
    network = Network.from_tables(**tables)
    check_network(network)
    assert repr(network).startswith("<Network: 7 assets (2 links), 3 needs, 4 dependencies, 1 supply row, 1 zone")


def with_value(table, column, row, value):
    def change(tables):
        changed = tables[table].copy()
        if column not in changed:
            changed[column] = np.nan if not isinstance(value, str) else ""
        changed[column] = changed[column].astype(object)
        changed.loc[changed.index[row], column] = value
        tables[table] = changed

    return change


def repeat(table, row=0):
    def change(tables):
        tables[table] = pd.concat([tables[table], tables[table].iloc[[row]]], ignore_index=True)

    return change


LINE, POINTS = shapely.LineString([(0, 0), (1, 1)]), shapely.MultiPoint([(0, 0), (1, 1)])
FAR, COST = shapely.Point(np.inf, 0), "replacement_cost"
DEFECTS = {
    "repeated asset": (repeat("assets", 3), "assets.id", "repeated ids"),
    "repeated need": (repeat("needs"), "needs.id", "repeated ids"),
    "id shared with a zone": (with_value("zones", "id", 0, "H"), "zones.id", "also used by assets"),
    "empty id": (with_value("assets", "id", 3, None), "assets.id", "empty ids"),
    "dangling start": (with_value("assets", "from_asset", 2, "Hh"), "assets.from_asset", "(did you mean 'H'?)"),
    "dangling end": (with_value("assets", "to_asset", 2, "gone"), "assets.to_asset", "do not exist"),
    "half a link": (with_value("assets", "to_asset", 2, ""), "assets.from_asset, to_asset", "links with one end"),
    "loop": (with_value("assets", "to_asset", 2, "S1"), "assets.from_asset, to_asset", "to itself"),
    "another sector": (with_value("assets", "to_asset", 2, "H"), "assets.from_asset, to_asset", "another sector"),
    "link to a link": (with_value("assets", "to_asset", 6, "R"), "assets.from_asset, to_asset", "links that end at"),
    "access": (with_value("zones", "access_asset", 0, "N9"), "zones.access_asset", "do not exist"),
    "dependent": (with_value("needs", "dependent", 0, "nobody"), "needs.dependent", "do not exist"),
    "no dependent": (with_value("needs", "dependent", 0, ""), "needs.dependent", "empty ids"),
    "need": (with_value("dependencies", "need", 0, "n7"), "dependencies.need", "do not exist"),
    "provider": (with_value("dependencies", "provider", 0, "S7"), "dependencies.provider", "do not exist"),
    "zone as provider": (with_value("dependencies", "provider", 0, "Z"), "dependencies.provider", "do not exist"),
    "own provider": (with_value("dependencies", "provider", 0, "H"), "dependencies.provider", "for themselves"),
    "repeated provider": (repeat("dependencies"), "dependencies", "repeated rows"),
    "required 0": (with_value("needs", "required", slice(None), 0), "needs.required", "outside the limits"),
    "required 3": (with_value("needs", "required", slice(None), 3), "needs.required", "n1 requires 3 of 2"),
    "no service": (with_value("needs", "service", 0, " "), "needs.service", "empty values"),
    "negative cost": (with_value("assets", COST, slice(None), -1), "assets.replacement_cost", "S1 has -1"),
    "gap in cost": (with_value("assets", "replacement_cost", 0, 5.0), "assets.replacement_cost", "missing values"),
    "infinite height": (with_value("assets", "barrier_height", 0, np.inf), "assets.barrier_height", "S1 has inf"),
    "seal": (with_value("assets", "seal_failure", 0, 1.5), "assets.seal_failure", "outside the limits"),
    "speed 0": (with_value("assets", "speed", 6, 0.0), "assets.speed", "R has 0"),
    "persons": (with_value("zones", "persons", 0, np.nan), "zones.persons", "missing values"),
    "start": (with_value("needs", "start_probability", slice(None), 1.01), "needs.start_probability", "outside"),
    "buffer": (with_value("needs", "buffer_hours", slice(None), -8), "needs.buffer_hours", "n1 has -8"),
    "limit": (with_value("dependencies", "limit_minutes", 0, 0), "dependencies.limit_minutes", "outside"),
    "supply asset": (with_value("supply", "asset", 0, "S8"), "supply.asset", "do not exist"),
    "supply sector": (with_value("supply", "sector", 0, "powr"), "supply.sector", "(did you mean 'power'"),
    "other supply": (with_value("supply", "sector", 0, "medical"), "supply.sector", "assets of another sector"),
    "repeated supply": (repeat("supply"), "supply", "repeated rows"),
    "no source": (with_value("supply", "is_source", 0, False), "supply.is_source", "without a source"),
    "capacity": (with_value("supply", "capacity", 0, -3), "supply.capacity", "outside"),
    "no geometry": (with_value("assets", "geometry", 3, None), "assets.geometry", "missing or empty"),
    "empty geometry": (with_value("assets", "geometry", 3, shapely.Point()), "assets.geometry", "missing or empty"),
    "zone as line": (with_value("zones", "geometry", 0, LINE), "zones.geometry", "(LineString)"),
    "several points": (with_value("assets", "geometry", 3, POINTS), "assets.geometry", "wrong"),
    "point as link": (with_value("assets", "geometry", 2, shapely.Point(1, 1)), "assets.geometry", "links that"),
    "bow tie": (
        with_value("zones", "geometry", 0, shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])), "zones.geometry",
        "Self-intersection",
    ),
    "no length": (
        with_value("assets", "geometry", 2, shapely.LineString([(0, 0), (0, 0)])), "assets.geometry", "invalid",
    ),
    "no place": (with_value("assets", "geometry", 3, FAR), "assets.geometry", "cannot be placed"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_told(tables, defect):
    change, subject, words = DEFECTS[defect]
    change(tables)
    told = problems_of(tables)
    assert any(line.startswith(f"{subject}: ") and words in line for line in told), told


INDEPENDENT = (
    "negative cost", "seal", "speed 0", "infinite height", "start", "buffer", "limit", "capacity", "access", "bow tie",
)  # fmt: skip


def test_ten_defects_are_ten_problems(tables):
    for defect in INDEPENDENT:
        DEFECTS[defect][0](tables)
    told = problems_of(tables)
    assert len(told) == 10, told


@settings(max_examples=25, deadline=None)
@given(chosen=st.lists(st.sampled_from(INDEPENDENT), min_size=1, unique=True))
def test_each_of_several_defects_is_told_once(chosen):
    tables = sound_city()
    for defect in chosen:
        DEFECTS[defect][0](tables)
    assert len(problems_of(tables)) == len(chosen)


def test_a_city_without_assets_is_refused():
    empty = gpd.GeoDataFrame({"id": [], "sector": []}, geometry=[], crs=CRS)
    with pytest.raises(DataError, match="at least one asset"):
        Network.from_tables(assets=empty)


def test_absent_columns_are_named_with_the_likely_one(tables):
    tables["assets"] = tables["assets"].rename(columns={"sector": "sectors"})
    assert any("assets.sector: absent (did you mean 'sectors'?)" in line for line in problems_of(tables))


def test_curves_are_checked_where_the_names_are_known(tables):
    tables["assets"]["flood_fragility_curve"] = ["substaton", "", "", "", "", "", ""]
    Network.from_tables(**tables)
    told = problems_of(tables, curve_names=["substation", "road"])
    assert told == [
        "assets.flood_fragility_curve: 1 of 7 unknown curves (did you mean 'substation'?) (first: substaton of S1); "
        "wanted: names of known curves (or empty for none)"
    ]


def test_subset_of_everything_changes_nothing_and_subsets_compose(tables):
    network = Network.from_tables(**tables)
    everything = [*network.assets["id"], *network.zones["id"]]
    first, second = ["S1", "S2", "L", "H", "Z", "N1"], ["Z", "S2", "S1", "H"]
    for left, right in (
        (network.subset(everything), network),
        (network.subset(first).subset(second), network.subset([name for name in first if name in second])),
    ):
        for name in ("assets", "needs", "dependencies", "supply", "zones"):
            pd.testing.assert_frame_equal(pd.DataFrame(getattr(left, name)), pd.DataFrame(getattr(right, name)))
    assert "R" not in network.subset(["N1", "R", "S1"]).assets["id"].tolist()


def test_subset_that_starves_a_need_or_names_a_stranger_is_refused(tables):
    network = Network.from_tables(**tables)
    with pytest.raises(DataError, match="n2 requires 1 of 0"):
        network.subset(["Z", "S1"])
    with pytest.raises(DataError, match=r"unknown ids.*X9"):
        network.subset(["X9"])


def test_replace_is_pure_and_checks_again(tables):
    network = Network.from_tables(**tables)
    raised = network.assets.assign(component_height=1.5)
    assert (network.replace(assets=raised).assets["component_height"] == 1.5).all()
    assert (network.assets["component_height"] == 0).all()
    with pytest.raises(DataError, match="replacement_cost"):
        network.replace(assets=network.assets.assign(replacement_cost=-1.0))


def test_a_large_city_is_checked_in_seconds():
    n = 100_000
    nodes = gpd.GeoDataFrame(
        {"id": np.char.add("n", np.arange(n).astype("U")), "sector": "water"},
        geometry=gpd.points_from_xy(np.arange(n) % 1000, np.arange(n) // 1000),
        crs=CRS,
    )
    links = pd.DataFrame(
        {"id": np.char.add("l", np.arange(n - 1).astype("U")), "sector": "water", "from_asset": nodes["id"].iloc[:-1],
         "to_asset": nodes["id"].iloc[1:].to_numpy(), "geometry": None}
    )  # fmt: skip
    network = Network.from_tables(assets=[nodes, links])
    assert len(network.assets) == 2 * n - 1


def test_written_tables_are_plain_and_no_cell_is_a_formula(tables, tmp_path):
    tables["assets"]["name"] = ["=cmd()", "+1", "-1", "@x", "fine", None, "\tx"]
    network = Network.from_tables(**tables)
    paths = write_tables(network, tmp_path / "deep" / "tables")
    assert sorted(path.name for path in paths.values()) == [
        "assets.csv", "dependencies.csv", "needs.csv", "supply.csv", "zones.csv",
    ]  # fmt: skip
    back = pd.read_csv(paths["assets"], dtype="str", keep_default_na=False)
    assert back["name"].tolist() == ["'=cmd()", "'+1", "'-1", "'@x", "fine", "", "'\tx"]
    assert back["id"].tolist() == network.assets["id"].tolist()
    assert shapely.from_wkt(back["geometry"].iloc[2]).equals(network.assets.geometry.iloc[2])
    again = Network.from_tables(
        **{name: pd.read_csv(path) for name, path in paths.items() if name not in ("assets", "zones")},
        assets=network.assets,
        zones=network.zones,
    )
    pd.testing.assert_frame_equal(again.needs, network.needs)
