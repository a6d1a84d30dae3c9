"""The city as plain arrays against its own tables."""

from __future__ import annotations

import hashlib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from resilience.errors import DataError
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network import compile as compile_module
from resilience.network.compile import PERSON, compile_network, identity

SECTORS = ("power", "road", "water")
SERVICES = ("power", "water", "care")
SEEDS = range(3 if INTERPRETED else 8)


def random_network(rng: np.random.Generator, n_node: int = 18, n_link: int = 15, n_zone: int = 5) -> Network:
    rows = [
        {"id": f"n{i}", "sector": SECTORS[i % 3], "geometry": Point(i, i % 5), "from_asset": "", "to_asset": "",
         "oneway": False, "failure_group": str(rng.choice(["", "", "g", "n0"]))}
        for i in range(n_node)
    ]  # fmt: skip
    for j in range(n_link):
        a, b = (int(v) for v in rng.choice(np.arange(int(rng.integers(3)), n_node, 3), 2, replace=False))
        rows.append(
            {"id": f"l{j}", "sector": SECTORS[a % 3], "geometry": LineString([(a, a % 5), (b, b % 5 + 0.5)]),
             "from_asset": f"n{a}", "to_asset": f"n{b}", "oneway": bool(rng.random() < 0.3), "failure_group": ""}
        )  # fmt: skip
    assets = gpd.GeoDataFrame(rows, crs=5179).sample(frac=1, random_state=1).reset_index(drop=True)
    roads = [f"n{i}" for i in range(n_node) if i % 3 == 1]
    assets["access_asset"] = rng.choice(["", *roads], len(assets))
    zones = gpd.GeoDataFrame(
        {"id": [f"z{i}" for i in range(n_zone)], "persons": np.round(rng.random(n_zone) * 1000, 2),
         "access_asset": rng.choice(["", *roads], n_zone)},
        geometry=[box(i, 0, i + 1, 1) for i in range(n_zone)], crs=5179,
    )  # fmt: skip
    needs, dependencies = [], []
    for k in range(30):
        owner = str(rng.choice([*assets["id"], *zones["id"]]))
        providers = [p for p in rng.choice(assets["id"], int(rng.integers(2, 5)), replace=False) if p != owner]
        needs.append(
            {"id": f"need{k}", "dependent": owner, "service": str(rng.choice(SERVICES)),
             "required": int(rng.integers(1, len(providers) + 1)), "buffer_hours": float(rng.integers(0, 5)),
             "start_probability": float(rng.random()), "buffer_height": float(rng.choice([np.nan, 0.5]))}
        )  # fmt: skip
        dependencies += [{"need": f"need{k}", "provider": p} for p in providers]
    supply = pd.DataFrame([{"asset": f"n{i}", "sector": SECTORS[i % 3], "is_source": bool(i < 5)} for i in range(8)])
    dependencies = pd.DataFrame(dependencies).sample(frac=1, random_state=2).reset_index(drop=True)
    return Network.from_tables(
        assets=assets, needs=pd.DataFrame(needs), dependencies=dependencies, supply=supply, zones=zones
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_hold_the_needs_of_each_asset_and_zone(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    compiled = compile_network(network, services=SERVICES)
    needs = network.needs.set_index("id")
    providers = network.dependencies.groupby("need")["provider"].apply(set).to_dict()
    name_of = {int(identity([name])[0]): name for name in needs.index}
    ids = [name_of[int(h)] for h in compiled.need_identity]
    assert sorted(ids) == sorted(needs.index)
    assert compiled.services == SERVICES
    owner = np.repeat(np.arange(compiled.n_asset), np.diff(compiled.need_indptr))
    owners = [compiled.asset_id[i] for i in owner] + [compiled.zone_id[i] for i in compiled.zone_of_need]
    assert compiled.zone_need.tolist() == list(range(owner.size, len(ids)))
    assert (np.diff(compiled.zone_of_need) >= 0).all()
    for row, need in enumerate(ids):
        told = needs.loc[need]
        assert owners[row] == told["dependent"]
        assert SERVICES[compiled.need_service[row]] == told["service"]
        assert compiled.required[row] == told["required"]
        np.testing.assert_equal(
            (compiled.buffer_hours[row], compiled.start_probability[row], compiled.buffer_height[row]),
            (told["buffer_hours"], told["start_probability"], told["buffer_height"]),
        )
        found = compiled.provider[compiled.provider_indptr[row] : compiled.provider_indptr[row + 1]]
        assert len(found) == len(providers[need])
        assert {compiled.asset_id[p] for p in found} == providers[need]
    # Within an asset or zone in the order in which causes are told.
    for a, b, who, other in zip(
        compiled.need_service[:-1], compiled.need_service[1:], owners[:-1], owners[1:], strict=True
    ):
        assert who != other or a <= b


@pytest.mark.parametrize("seed", SEEDS)
def test_dependents_are_the_assets_that_need_an_asset(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    compiled = compile_network(network)
    joined = network.dependencies.merge(network.needs, left_on="need", right_on="id")
    for position, asset in enumerate(compiled.asset_id):
        rows = compiled.dependent[compiled.dependent_indptr[position] : compiled.dependent_indptr[position + 1]]
        wanted = set(joined["dependent"][joined["provider"] == asset]) - set(compiled.zone_id)
        assert len(rows) == len(wanted)
        assert {compiled.asset_id[i] for i in rows} == wanted
    assert sorted(compiled.order.tolist()) == np.flatnonzero(np.diff(compiled.need_indptr)).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_graphs_hold_nodes_links_and_sources_of_each_sector(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    compiled = compile_network(network)
    table = network.assets.set_index("id")
    assert compiled.sectors == SECTORS
    assert [SECTORS[i] for i in compiled.sector] == network.assets["sector"].tolist()
    inbound: dict[str, list[str]] = {i: [] for i in table.index}
    outbound: dict[str, list[str]] = {i: [] for i in table.index}
    for name, graph in compiled.graphs.items():
        part = table[table["sector"] == name]
        nodes, links = ([compiled.asset_id[i] for i in rows] for rows in (graph.node, graph.link))
        assert set(nodes) == set(part.index[part["from_asset"] == ""])
        assert set(links) == set(part.index[part["from_asset"] != ""])
        for link, a, b, oneway in zip(links, graph.tail, graph.head, graph.oneway, strict=True):
            tail, head = part.loc[link, "from_asset"], part.loc[link, "to_asset"]
            assert (nodes[a], nodes[b], bool(oneway)) == (tail, head, part.loc[link, "oneway"])
            ways = [(tail, link), (link, head)] + ([] if oneway else [(head, link), (link, tail)])
            for start, end in ways:
                outbound[start].append(end)
                inbound[end].append(start)
        rows = network.supply[(network.supply["sector"] == name) & network.supply["is_source"]]
        assert {compiled.asset_id[i] for i in graph.source} == set(rows["asset"])
    for rows, indptr, wanted in (
        (compiled.inbound, compiled.inbound_indptr, inbound), (compiled.outbound, compiled.outbound_indptr, outbound),
    ):  # fmt: skip
        for position, asset in enumerate(compiled.asset_id):
            found = [compiled.asset_id[i] for i in rows[indptr[position] : indptr[position + 1]]]
            assert sorted(found) == sorted(wanted[asset])


@pytest.mark.parametrize("seed", SEEDS)
def test_people_and_access(seed: int) -> None:
    network = random_network(np.random.default_rng(seed))
    compiled = compile_network(network)
    assert compiled.persons.dtype == np.int64
    np.testing.assert_array_equal(compiled.persons / PERSON, network.zones["persons"])
    for rows, names in (
        (compiled.asset_access, network.assets["access_asset"]), (compiled.zone_access, network.zones["access_asset"]),
    ):  # fmt: skip
        assert [compiled.asset_id[i] if i >= 0 else "" for i in rows] == names.tolist()


def test_an_identity_is_the_first_64_bits_of_blake2b() -> None:
    names = ["b", "a", "b", "변전소"]
    wanted = [int.from_bytes(hashlib.blake2b(n.encode(), digest_size=8).digest(), "little") for n in names]
    assert identity(names).tolist() == wanted
    assert identity([]).size == 0


def test_members_of_a_failure_group_share_an_identity_that_no_id_has() -> None:
    network = random_network(np.random.default_rng(0))
    compiled = compile_network(network)
    group = network.assets["failure_group"].to_numpy()
    ids = identity(list(compiled.asset_id))
    plain = group == ""
    np.testing.assert_array_equal(compiled.asset_identity[plain], ids[plain])
    for name in ("g", "n0"):
        assert np.unique(compiled.asset_identity[group == name]).size == 1
    # "n0" names a group and an asset.
    assert not np.isin(compiled.asset_identity[~plain], ids).any()


def test_ids_of_equal_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashlib.blake2b

    def short(data: bytes, *, digest_size: int) -> object:
        return real(b"same" if data in (b"n3", b"n7") else data, digest_size=digest_size)

    monkeypatch.setattr(compile_module.hashlib, "blake2b", short)
    with pytest.raises(DataError, match=r"n3.*n7") as caught:
        compile_network(random_network(np.random.default_rng(0)).replace())
    assert "rename one" in str(caught.value)


def points(ids: list[str], sector: str = "water") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": ids, "sector": sector}, geometry=[Point(i, 0) for i in range(len(ids))], crs=5179)


def test_a_city_without_needs_zones_or_links() -> None:
    compiled = compile_network(Network.from_tables(assets=points(["a", "b"])))
    assert compiled.graphs == {}
    assert compiled.n_zone == compiled.order.size == compiled.provider.size == compiled.zone_need.size == 0
    assert compiled.need_indptr.tolist() == compiled.inbound_indptr.tolist() == [0, 0, 0]


def test_services_follow_the_declared_order_then_that_of_the_needs() -> None:
    needs = pd.DataFrame({"id": ["1", "2"], "dependent": ["a", "a"], "service": ["zeal", "care"]})
    dependencies = pd.DataFrame({"need": ["1", "2"], "provider": ["b", "b"]})
    network = Network.from_tables(assets=points(["a", "b"]), needs=needs, dependencies=dependencies)
    assert compile_network(network, services=["power"]).services == ("power", "zeal", "care")


def test_links_cannot_be_sources() -> None:
    assets = gpd.GeoDataFrame(
        {"id": ["a", "b", "pipe"], "sector": "water", "from_asset": ["", "", "a"], "to_asset": ["", "", "b"]},
        geometry=[Point(0, 0), Point(1, 0), LineString([(0, 0), (1, 0)])], crs=5179,
    )  # fmt: skip
    supply = pd.DataFrame({"asset": ["pipe"], "sector": ["water"], "is_source": [True]})
    with pytest.raises(DataError, match=r"pipe"):
        compile_network(Network.from_tables(assets=assets, supply=supply))
