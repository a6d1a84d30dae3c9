"""Rules find the providers that a slow, plain search finds, whatever the order of the rows."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError
from resilience.network import AccessRule, DependencyRule, Network, SupplyRule, derive

CRS = "EPSG:5179"
TABLES = ("assets", "needs", "dependencies", "supply", "zones")


def layer(rows, columns="id sector kind geometry from_asset to_asset length oneway"):
    names = columns.split()
    return gpd.GeoDataFrame([row + ("", "", np.nan, False)[len(row) - 4 :] for row in rows], columns=names, crs=CRS)


@pytest.fixture
def city():
    """Two substations, two hospitals, three road nodes in a row, two zones."""
    assets = layer(
        [
            ("S1", "power", "substation", shapely.Point(0, 0)),
            ("S2", "power", "substation", shapely.Point(100, 0)),
            ("H1", "medical", "hospital", shapely.Point(10, 0)),
            ("H2", "medical", "clinic", shapely.Point(90, 5)),
            ("N1", "transport", "road_node", shapely.Point(0, 10)),
            ("N2", "transport", "road_node", shapely.Point(50, 10)),
            ("N3", "transport", "road_node", shapely.Point(100, 10)),
            ("R1", "transport", "road", shapely.LineString([(0, 10), (50, 10)]), "N1", "N2"),
            ("R2", "transport", "road", shapely.LineString([(50, 10), (100, 10)]), "N2", "N3", 500.0, True),
        ]
    )
    zones = gpd.GeoDataFrame(
        {"id": ["west", "east"], "persons": [10, 20]},
        geometry=[shapely.box(-20, -20, 50, 30), shapely.box(50, -20, 120, 30)],
        crs=CRS,
    )
    return Network.from_tables(assets=assets, zones=zones)


def links_of(network, service=None):
    """need rows as {dependent: [providers in order]}."""
    rows = network.needs if service is None else network.needs[network.needs["service"] == service]
    served = network.dependencies.groupby("need", sort=False)["provider"].apply(list)
    return {dependent: served[need] for need, dependent in zip(rows["id"], rows["dependent"], strict=True)}


POWER = {"service": "power", "from_": {"kind": "substation"}}


def test_nearest_provider_and_the_columns_of_the_need(city):
    rule = DependencyRule(
        **POWER, to={"sector": "medical"}, buffer_hours=24, start_probability=0.9, recharge_hours=8, buffer_height=1.5,
        limit_minutes=30,
    )  # fmt: skip
    derived = derive(city, [rule])
    assert links_of(derived) == {"H1": ["S1"], "H2": ["S2"]}
    row = derived.needs.iloc[0]
    assert row.to_dict() == {
        "id": "need:power:H1", "dependent": "H1", "service": "power", "required": 1, "buffer_hours": 24.0,
        "start_probability": 0.9, "recharge_hours": 8.0, "buffer_height": 1.5, "refuel_from": "",
    }  # fmt: skip
    assert derived.dependencies["limit_minutes"].tolist() == [30, 30]
    assert len(city.needs) == 0


def test_two_providers_from_near_to_far_for_zones(city):
    derived = derive(city, [DependencyRule(**POWER, to="zones", nearest=2, required=2)])
    assert links_of(derived) == {"east": ["S2", "S1"], "west": ["S1", "S2"]}


def test_nothing_provides_for_itself(city):
    derived = derive(city, [DependencyRule(service="backup", from_={"sector": "power"}, to={"sector": "power"})])
    assert links_of(derived) == {"S1": ["S2"], "S2": ["S1"]}


def test_out_of_reach_is_an_error_listing_them_or_no_need(city):
    rule = DependencyRule(**POWER, to={"sector": "medical"}, within_m=10)
    with pytest.raises(ConfigurationError, match=r"rule 1 \(power\): 1 of 2 dependents .*first: H2 has 0.*within 10 m"):
        derive(city, [rule])
    dropped = DependencyRule(**POWER, to={"sector": "medical"}, within_m=10, on_missing="drop")
    assert links_of(derive(city, [dropped])) == {"H1": ["S1"]}


def test_providers_within_the_zone_and_zones_of_service(city):
    inside = derive(city, [DependencyRule(**POWER, to="zones", by="polygon")])
    assert links_of(inside) == {"east": ["S2"], "west": ["S1"]}
    areas = city.assets.copy()
    areas.loc[areas["id"] == "S1", "geometry"] = shapely.box(-50, -50, 200, 50)
    areas.loc[areas["id"] == "S2", "geometry"] = shapely.box(300, 300, 400, 400)
    served = derive(city.replace(assets=areas), [DependencyRule(**POWER, to={"sector": "medical"}, by="polygon")])
    assert links_of(served) == {"H1": ["S1"], "H2": ["S1"]}


def test_by_road_honours_one_way_and_given_lengths(city):
    care = {"service": "ambulance", "from_": {"sector": "medical"}, "by": "road"}
    nearest = derive(city, [DependencyRule(**care, to="zones", nearest=2, on_missing="drop")])
    # N3 leads nowhere: H2 reaches only what is at N3; H1 reaches all.
    assert links_of(nearest) == {"east": ["H2", "H1"], "west": ["H1"]}
    within = derive(city, [DependencyRule(**care, to="zones", nearest=2, within_m=549, on_missing="drop")])
    assert links_of(within) == {"east": ["H2"], "west": ["H1"]}


def test_by_road_enters_at_the_access_node(city):
    moved = city.replace(assets=city.assets.assign(access_asset=np.where(city.assets["id"] == "H2", "N1", "")))
    derived = derive(
        moved, [DependencyRule(service="care", from_={"id": "H2"}, to={"id": "S1"}, by="road", within_m=1)]
    )
    assert links_of(derived) == {"S1": ["H2"]}
    lost = city.replace(assets=city.assets.assign(access_asset=np.where(city.assets["id"] == "H2", "S1", "")))
    with pytest.raises(ConfigurationError, match=r"not on the roads \(first: H2\)"):
        derive(lost, [DependencyRule(service="care", from_={"id": "H2"}, to="zones", by="road")])


def test_access_is_the_nearest_road_node_and_given_access_stays(city):
    kept = city.replace(assets=city.assets.assign(access_asset=np.where(city.assets["id"] == "S1", "N3", "")))
    rules = [AccessRule(from_={"kind": "road_node"}, to=to) for to in ("facilities", "zones")]
    derived = derive(kept, rules)
    access = dict(zip(derived.assets["id"], derived.assets["access_asset"], strict=True))
    assert access == {
        "S1": "N3", "S2": "N3", "H1": "N1", "H2": "N3", "N1": "", "N2": "", "N3": "", "R1": "", "R2": "",
    }  # fmt: skip
    assert derived.zones["access_asset"].tolist() == ["N1", "N3"]
    with pytest.raises(ConfigurationError, match=r"rule 1 \(access\): 1 of 2 out of reach"):
        derive(city, [AccessRule(from_={"id": "N1"}, to="zones", within_m=30)])
    near = derive(city, [AccessRule(from_={"id": "N1"}, to="zones", within_m=30, on_missing="drop")])
    assert near.zones["access_asset"].tolist() == ["N1", ""]


def test_sources_are_marked_once(city):
    rule = SupplyRule(sector="power", sources={"id": "S1"})
    derived = derive(derive(city, [rule]), [rule])
    assert derived.supply[["asset", "sector", "is_source"]].to_numpy().tolist() == [["S1", "power", True]]
    with pytest.raises(ConfigurationError, match=r"assets of another sector .*did you mean 'power'"):
        derive(city, [SupplyRule(sector="powr", sources={"id": "S1"})])


def test_further_needs_for_the_same_service_get_their_own_name(city):
    rules = [DependencyRule(**POWER, to={"id": "H1"}), DependencyRule(**POWER, to={"sector": "medical"})]
    assert derive(city, rules).needs["id"].tolist() == ["need:power:H1", "need:power:H1:2", "need:power:H2"]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (DependencyRule("p", {"kind": "substaton"}, "zones"), r"rule 1 \(p\)\.from\.kind.*substation"),
        (DependencyRule(service="p", from_={"kynd": "x"}, to="zones"), r"from\.kynd: no such column.*'kind'"),
        (DependencyRule(**POWER, to={"kind": ["hospital", "clinc"]}), r"to\.kind: 1 of 2 .*did you mean 'clinic'"),
        (DependencyRule(**POWER, to={"sector": "power", "kind": "hospital"}), r"\.to: .* fits no row"),
        (DependencyRule(**POWER, to="zone"), r"\.to: 'zone' \(did you mean 'zones'"),
        (DependencyRule(**POWER, to="zones", by="rode"), r"\.by: 'rode' \(did you mean 'road'"),
        (DependencyRule(**POWER, to="zones", required=2), r"required 2, nearest 1"),
        (DependencyRule(**POWER, to="zones", start_probability=1.5), r"start_probability: 1\.5"),
        (DependencyRule(**POWER, to="zones", buffer_hours=-1), r"buffer_hours: -1"),
        (DependencyRule(**POWER, to="zones", within_m=-1), r"within_m: -1"),
        (DependencyRule(**POWER, to="zones", on_missing="ignore"), r"on_missing: 'ignore'"),
        (DependencyRule(**POWER, to="zones", by="road", over={"sector": "power"}), r"over: .* fits no link"),
        (AccessRule(from_={"kind": "road"}, to="zones"), r"\(access\)\.from: links among"),
        (DependencyRule(service=" ", from_={"kind": "substation"}, to="zones"), r"service: an empty name"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_told(city, rule, told):
    with pytest.raises(ConfigurationError, match=told):
        derive(city, [rule])


def test_all_rules_are_told_at_once(city):
    wrong = [DependencyRule(service="p", from_={"kind": "x"}, to={"kind": "y"}), SupplyRule("power", {"id": "no"})]
    with pytest.raises(ConfigurationError) as caught:
        derive(city, wrong)
    assert len(caught.value.problems) == 3


def test_a_city_without_zones_is_told():
    bare = Network.from_tables(assets=layer([("S1", "power", "substation", shapely.Point(0, 0))]))
    with pytest.raises(ConfigurationError, match="a city without zones"):
        derive(bare, [DependencyRule(**POWER, to="zones")])


@st.composite
def cities(draw):
    """Points and roads on a coarse grid, so that ties are the rule and not the exception."""
    place = st.tuples(st.integers(0, 4), st.integers(0, 4))
    providers = draw(st.lists(place, min_size=1, max_size=12))
    dependents = draw(st.lists(place, min_size=1, max_size=8))
    nodes = draw(st.lists(place, min_size=2, max_size=8, unique=True))
    end = st.integers(0, len(nodes) - 1)
    links = draw(st.lists(st.tuples(end, end, st.integers(0, 3), st.booleans()), min_size=1, max_size=20))
    names = draw(st.permutations([f"p{i:02}" for i in range(len(providers))]))
    rows = [(name, "power", "source", shapely.Point(xy)) for name, xy in zip(names, providers, strict=True)]
    rows += [(f"d{i}", "medical", "hospital", shapely.Point(xy)) for i, xy in enumerate(dependents)]
    rows += [(f"n{i}", "transport", "road_node", shapely.Point(xy)) for i, xy in enumerate(nodes)]
    rows += [
        (f"r{i}", "transport", "road", shapely.LineString([nodes[a], nodes[b]]), f"n{a}", f"n{b}", float(m), oneway)
        for i, (a, b, m, oneway) in enumerate(links)
        if a != b
    ]
    if not any(row[2] == "road" for row in rows):
        rows.append(("r", "transport", "road", shapely.LineString(nodes[:2]), "n0", "n1", 1.0, False))
    k = draw(st.integers(1, 4))
    within = draw(st.sampled_from([None, 1.0, 2.0, 3.5]))
    return layer(rows), k, within, draw(st.permutations(range(len(rows)))), draw(st.booleans())


def straight(assets, provider, dependent):
    return assets.geometry[provider].distance(assets.geometry[dependent])


def by_roads(assets, sources):
    """Bellman-Ford between the nearest road nodes (ties by id), the way a person would write it."""
    roads = assets[assets["kind"] == "road"]
    ends = sorted({*roads["from_asset"], *roads["to_asset"]})
    links = []
    for row in roads.itertuples():
        links.append((row.from_asset, row.to_asset, max(row.length, 0.001)))
        if not row.oneway:
            links.append((row.to_asset, row.from_asset, max(row.length, 0.001)))

    def enter(asset):
        return min(ends, key=lambda node: (round(straight(assets, node, asset), 3), node))

    metres = {}
    for source in sources:
        metres[source] = {enter(source): 0.0}
        for _ in ends:
            for tail, head, length in links:
                if tail in metres[source]:
                    metres[source][head] = min(metres[source].get(head, np.inf), metres[source][tail] + length)
    return lambda assets, provider, dependent: metres[provider].get(enter(dependent), np.inf)


@settings(max_examples=25, deadline=None)
@given(drawn=cities())
def test_search_finds_what_a_plain_search_finds_in_any_row_order(drawn):
    assets, k, within, order, everyone = drawn
    by_id = assets.set_index("id")
    sources = {"sector": ["power", "medical"] if everyone else ["power"]}
    providers = sorted(by_id.index[by_id["sector"].isin(sources["sector"])])
    reach = np.inf if within is None else within
    dependents = sorted(by_id.index[by_id["sector"] == "medical"])
    for by, metres in (("nearest", straight), ("road", by_roads(by_id, providers))):
        rule = DependencyRule(
            service="s", from_=sources, to={"sector": "medical"}, by=by, nearest=k, within_m=within, on_missing="drop"
        )
        expected = {}
        for dependent in dependents:
            others = [provider for provider in providers if provider != dependent]
            ranked = sorted((round(metres(by_id, provider, dependent), 3), provider) for provider in others)
            chosen = [name for far, name in ranked if far <= reach and far < np.inf][:k]
            if chosen:
                expected[dependent] = chosen
        first = derive(Network.from_tables(assets=assets), [rule])
        assert links_of(first) == expected
        again = derive(Network.from_tables(assets=assets.iloc[list(order)]), [rule])
        pd.testing.assert_frame_equal(first.needs, again.needs)
        pd.testing.assert_frame_equal(first.dependencies, again.dependencies)


@settings(max_examples=15, deadline=None)
@given(drawn=cities())
def test_more_reach_or_more_providers_never_take_one_away(drawn):
    assets, k, within, _, _ = drawn
    network = Network.from_tables(assets=assets)

    def pairs(nearest, within_m):
        rule = DependencyRule(
            service="s", from_={"sector": "power"}, to={"sector": "medical"}, nearest=nearest, within_m=within_m,
            on_missing="drop",
        )  # fmt: skip
        return set(derive(network, [rule]).dependencies[["need", "provider"]].itertuples(index=False, name=None))

    assert pairs(k, within) <= pairs(k + 1, within)
    assert len(pairs(k, within)) <= len(pairs(k, None))


def test_the_order_of_rules_matters_only_for_the_order_of_rows(city):
    rules = [
        DependencyRule(service="care", from_={"sector": "medical"}, to="zones", by="road"),
        DependencyRule(**POWER, to={"sector": "medical"}),
        SupplyRule("power", {"kind": "substation"}),
        AccessRule({"kind": "road_node"}, "facilities"),
        AccessRule({"kind": "road_node"}, "zones"),
    ]
    first, second = derive(city, rules), derive(city, rules[::-1])
    for name in TABLES:
        left, right = (
            pd.DataFrame(getattr(n, name)).drop(columns="geometry", errors="ignore") for n in (first, second)
        )
        by = list(left.columns[:2])
        pd.testing.assert_frame_equal(left.sort_values(by, ignore_index=True), right.sort_values(by, ignore_index=True))


def test_many_providers_at_one_place_and_a_large_city_stay_quick():
    rng = np.random.default_rng(1)
    n, m = 100_000, 3_000
    places = rng.uniform(0, 1e4, (n + m, 2))
    places[n : n + m // 2] = 5000.0
    names = [f"d{i}" for i in range(n)] + [f"p{i}" for i in range(m)]
    assets = gpd.GeoDataFrame(
        {"id": names, "sector": ["medical"] * n + ["power"] * m}, geometry=gpd.points_from_xy(*places.T), crs=CRS
    )
    rule = DependencyRule(service="power", from_={"sector": "power"}, to={"sector": "medical"}, nearest=2, required=2)
    derived = derive(Network.from_tables(assets=assets), [rule])
    assert len(derived.dependencies) == 2 * n
