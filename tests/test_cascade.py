"""The fixed point, its causes and roots against a slow twin that follows the definition, one sample at a time."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from resilience.cascade import Cascade, CauseCounter, EventPlan, Start, plan_event, supplied_graphs
from resilience.engine import find_baseline
from resilience.errors import ConfigurationError, DataError
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.roots import SHARES
from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network, identity
from resilience.service import lay_out_services
from tests.bits import lanes
from tests.naive.cascade import CascadeTwin

SECTORS = ("power", "telecom", "water")


def random_network(rng: np.random.Generator, n_node: int = 24, n_link: int = 30, n_need: int = 20) -> Network:
    """A small interdependent network with loops, one-way links, k-of-n needs and islands without a source."""
    place = rng.random((n_node, 2)) * 1000
    rows = [
        {"id": f"n{i:02d}", "sector": SECTORS[i % 3], "geometry": Point(*place[i]), "from_asset": "", "to_asset": ""}
        for i in range(n_node)
    ]
    for j in range(n_link):
        a, b = (int(v) for v in rng.choice(np.arange(int(rng.integers(0, 3)), n_node, 3), 2, replace=False))
        rows.append(
            {
                "id": f"l{j:02d}", "sector": SECTORS[a % 3], "geometry": LineString([place[a], place[b]]),
                "from_asset": f"n{a:02d}", "to_asset": f"n{b:02d}", "oneway": bool(rng.random() < 0.2),
            }
        )  # fmt: skip
    assets = gpd.GeoDataFrame(rows, crs=5179).fillna({"oneway": False})
    needs, dependencies = [], []
    for k in range(n_need):
        owner = assets["id"][int(rng.integers(len(assets)))]
        providers = rng.choice(assets["id"].to_numpy(), int(rng.integers(1, 5)), replace=False)
        providers = [p for p in providers if p != owner] or ["n00" if owner != "n00" else "n01"]
        needs.append(
            {
                "id": f"need{k}", "dependent": owner, "service": str(rng.choice(SECTORS)),
                "required": int(rng.integers(1, len(providers) + 1)),
                "buffer_hours": float(rng.choice([0, 0, 0, 4])), "start_probability": float(rng.choice([1.0, 0.5])),
            }
        )  # fmt: skip
        dependencies += [{"need": f"need{k}", "provider": p} for p in providers]
    supply = [
        {"asset": f"n{i:02d}", "sector": SECTORS[i % 3], "is_source": True}
        for i in rng.choice(n_node, 5, replace=False)
    ]
    return Network.from_tables(
        assets=assets, needs=pd.DataFrame(needs), dependencies=pd.DataFrame(dependencies), supply=pd.DataFrame(supply)
    )


def solved(network: Network, probability: np.ndarray, levels: dict[str, str], seed: int = 1, **options: str):
    compiled = compile_network(network, services=SECTORS)
    plan = plan_event(compiled, probability, graphs=supplied_graphs(compiled, levels), seed=seed, family="f", **options)
    cascade = Cascade(compiled, plan)
    cascade.sample(0)
    return compiled, plan, cascade


class Drawn:
    """What hazard and buffers do in each sample, as sets of ids."""

    def __init__(self, network: Network, compiled: CompiledNetwork, plan: EventPlan, cascade: Cascade) -> None:
        self.ids = np.array(compiled.asset_id)
        self._failing = self.ids[plan.failing]
        self._failed = lanes(cascade.failed)
        name = {int(identity([need])[0]): need for need in network.needs["id"]}
        self._held = lanes(cascade.buffered)
        self._buffered = np.array([name[int(h)] for h in compiled.need_identity[plan.buffer_row >= 0]], dtype=object)

    def able(self, s: int) -> set[str]:
        return set(self.ids) - set(self._failing[self._failed[:, s]])

    def buffers(self, s: int) -> set[str]:
        return set(self._buffered[self._held[:, s]])


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 12))
@pytest.mark.parametrize("levels", [{}, {"power": "connected", "water": "connected"}])
def test_greatest_fixed_point_causes_and_roots_follow_the_definition(seed: int, levels: dict[str, str]) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    levels = {k: v for k, v in levels.items() if k in set(network.supply["sector"])}
    probability = np.where(rng.random(len(network.assets)) < 0.4, rng.random(len(network.assets)), 0.0)
    compiled, plan, cascade = solved(network, probability, levels)
    cascade.solve()
    up = lanes(cascade.up)
    twin = CascadeTwin(network, set(levels))
    intact = twin.greatest(set(compiled.asset_id), {n["id"] for n in twin.needs if n["buffer_hours"] > 0})
    down_at_start = np.array([i not in intact for i in compiled.asset_id])
    counter = CauseCounter(cascade, down_at_start)
    counter.count()
    counter.trace()
    roots = np.stack([lanes(np.ascontiguousarray(rows)) for rows in counter.roots])
    names = ["hazard", "supply", *(f"need:{s}" for s in compiled.services)]
    drawn = Drawn(network, compiled, plan, cascade)
    for s in range(0, 512, 97):
        able, buffers = drawn.able(s), drawn.buffers(s)
        expected = twin.greatest(able, buffers)
        assert {i for i, bit in zip(compiled.asset_id, up[:, s], strict=True) if bit} == expected
        found = twin.roots(able, intact, buffers)
        for position, asset in enumerate(compiled.asset_id):
            if asset in expected or asset not in intact:
                continue
            here = {
                compiled.sectors[int(c)]
                for c, bit in zip(counter.root_sectors, roots[:, position, s], strict=True)
                if bit
            }
            assert here == found[asset], asset
    # Counts over all 512 samples of a few assets.
    looked_at = [i for i in range(0, compiled.n_asset, 7) if compiled.asset_id[i] in intact]
    causes = {i: dict.fromkeys(names, 0) for i in looked_at}
    shares = {i: {int(c): Fraction(0) for c in counter.root_sectors} for i in looked_at}
    for s in np.flatnonzero(~up[looked_at].all(axis=0)):
        able, buffers, alive = drawn.able(s), drawn.buffers(s), set(drawn.ids[up[:, s]])
        for position in looked_at:
            if not up[position, s]:
                cause = twin.cause(compiled.asset_id[position], able, alive, buffers, list(compiled.services))
                causes[position][cause] += 1
                mine = counter.root_sectors[roots[:, position, s]]
                for c in mine:
                    shares[position][int(c)] += Fraction(1, mine.size)
    for position in looked_at:
        assert list(causes[position].values()) == counter.causes[position].tolist()
        assert [int(v * SHARES) for v in shares[position].values()] == counter.root_shares[position].tolist()


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 8))
def test_least_fixed_point_is_the_black_start(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    network = random_network(rng)
    levels = {"power": "connected"} if "power" in set(network.supply["sector"]) else {}
    probability = np.where(rng.random(len(network.assets)) < 0.2, 0.3, 0.0)
    compiled, plan, cascade = solved(network, probability, levels, start="all_down")
    cascade.solve_from_down()
    up = lanes(cascade.up)
    twin = CascadeTwin(network, set(levels))
    drawn = Drawn(network, compiled, plan, cascade)
    for s in range(0, 512, 97):
        able, buffers = drawn.able(s), drawn.buffers(s)
        expected = twin.least(able, buffers)
        assert {i for i, bit in zip(compiled.asset_id, up[:, s], strict=True) if bit} == expected
        assert expected <= twin.greatest(able, buffers)


@pytest.mark.parametrize("start", ["all_up", "all_down"])
@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 8))
def test_only_rows_of_passive_links_are_void_where_they_are_not_wanted(seed: int, start: Start) -> None:
    rng = np.random.default_rng(300 + seed)
    network = random_network(rng)
    probability = np.where(rng.random(len(network.assets)) < 0.5, 0.5 * rng.random(len(network.assets)), 0.0)
    levels = dict.fromkeys(set(network.supply["sector"]), "connected")
    compiled, plan, cascade = solved(network, probability, levels, start=start)
    cascade.solve_from(start)
    whole = cascade.up.copy()
    passive = np.zeros(compiled.n_asset, bool)
    for supply in plan.supplies:
        passive[supply.passive.link] = True
        assert sorted([*supply.live.asset, *supply.passive.asset]) == sorted(supply.members.asset)
    assert not np.diff(compiled.need_indptr)[passive].any()
    assert not np.diff(compiled.dependent_indptr)[passive].any()
    _, _, again = solved(network, probability, levels, start=start)
    again.up[passive] = 0
    again.solve_from(start, links=False)
    np.testing.assert_array_equal(again.up[~passive], whole[~passive])
    assert not again.up[passive].any()


def mutual_pair() -> Network:
    assets = gpd.GeoDataFrame(
        {"id": ["P", "T"], "sector": ["power", "telecom"]}, geometry=[Point(0, 0), Point(1, 0)], crs=5179
    )
    needs = pd.DataFrame({"id": ["a", "b"], "dependent": ["P", "T"], "service": ["telecom", "power"]})
    return Network.from_tables(
        assets=assets, needs=needs, dependencies=pd.DataFrame({"need": ["a", "b"], "provider": ["T", "P"]})
    )


def test_mutual_dependency_has_two_fixed_points() -> None:
    network = mutual_pair()
    _, _, cascade = solved(network, np.zeros(2), {})
    cascade.solve()
    assert lanes(cascade.up).all()
    _, _, cascade = solved(network, np.zeros(2), {}, start="all_down")
    cascade.solve_from_down()
    assert not lanes(cascade.up).any()


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 6))
def test_solving_twice_changes_nothing_and_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    network = random_network(rng)
    n = len(network.assets)
    probability = np.where(rng.random(n) < 0.5, rng.random(n), 0.0)
    levels = dict.fromkeys(set(network.supply["sector"]), "connected")
    compiled, _, cascade = solved(network, probability, levels)
    cascade.solve()
    first = cascade.up.copy()
    cascade.solve()
    np.testing.assert_array_equal(cascade.up, first)
    shuffled = rng.permutation(n)
    other = network.replace(assets=network.assets.iloc[shuffled].reset_index(drop=True))
    moved, _, again = solved(other, probability[shuffled], levels)
    again.solve()
    back = [moved.asset_id.index(i) for i in compiled.asset_id]
    np.testing.assert_array_equal(again.up[back], first)


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 6))
def test_worse_hazard_never_brings_anything_back(seed: int) -> None:
    rng = np.random.default_rng(300 + seed)
    network = random_network(rng)
    n = len(network.assets)
    low = np.where(rng.random(n) < 0.5, rng.random(n), 0.0)
    high = np.minimum(1.0, low + rng.random(n) * (rng.random(n) < 0.5))
    levels = dict.fromkeys(set(network.supply["sector"]), "connected")
    _, _, mild = solved(network, low, levels)
    mild.solve()
    _, _, severe = solved(network, high, levels)
    severe.solve()
    assert not (severe.up & ~mild.up).any()


def test_what_a_buffer_keeps_alive_is_no_reason_to_fall() -> None:
    """H is a gap of the intact city, where buffers do not count; in the event its buffer holds, and D never falls."""
    assets = gpd.GeoDataFrame(
        {"id": ["source", "island", "H", "spare", "D"], "sector": ["power", "power", "medical", "medical", "care"]},
        geometry=[Point(i, 0) for i in range(5)], crs=5179,
    )  # fmt: skip
    needs = pd.DataFrame(
        {"id": ["h", "d"], "dependent": ["H", "D"], "service": ["power", "medical"], "buffer_hours": [24.0, 0.0],
         "start_probability": [0.7, 1.0]}
    )  # fmt: skip
    served = pd.DataFrame({"need": ["h", "d", "d"], "provider": ["island", "H", "spare"]})
    supply = pd.DataFrame({"asset": ["source"], "sector": ["power"], "is_source": [True]})
    network = Network.from_tables(assets=assets, needs=needs, dependencies=served, supply=supply)
    levels = {"power": "connected"}
    compiled = compile_network(network)
    layout = lay_out_services(compiled, [])
    baseline = find_baseline(compiled, supplied_graphs(compiled, levels), layout, "all_up")
    assert dict(zip(compiled.asset_id, baseline.down.tolist(), strict=True)) == {
        "source": False, "island": True, "H": True, "spare": False, "D": False
    }  # fmt: skip
    probability = np.where(network.assets["id"] == "spare", 0.5, 0.0)
    compiled, _, cascade = solved(network, probability, levels)
    cascade.solve()
    counter = CauseCounter(cascade, baseline.down)
    counter.count()
    counter.trace()
    d = compiled.asset_id.index("D")
    down = ~lanes(cascade.up)[d]
    assert 0 < down.sum() < 256
    assert counter.causes[d].sum() == down.sum()
    assert counter.root_shares[d].sum() == down.sum() * SHARES


def test_failure_group_shares_its_random_numbers() -> None:
    assets = gpd.GeoDataFrame(
        {"id": ["a", "b", "c"], "sector": "power", "failure_group": ["pair", "pair", ""]},
        geometry=[Point(i, 0) for i in range(3)],
        crs=5179,
    )
    _, _, cascade = solved(Network.from_tables(assets=assets), np.full(3, 0.4), {})
    cascade.solve()
    a, b, c = lanes(cascade.up)
    assert (a == b).all()
    assert (a != c).any()


def test_level_connected_without_a_source_is_refused() -> None:
    network = mutual_pair()
    with pytest.raises(ConfigurationError, match="without sources"):
        supplied_graphs(compile_network(network), {"power": "connected"})


def test_limits_in_minutes_are_refused_until_travel_times_exist() -> None:
    network = mutual_pair()
    dependencies = network.dependencies.assign(limit_minutes=[5.0, np.nan])
    with pytest.raises(DataError, match="travel times"):
        compile_network(network.replace(dependencies=dependencies))


def test_a_chain_of_links_falls_with_its_first() -> None:
    points = [Point(i, 0) for i in range(4)]
    nodes = {"id": list("abcd"), "sector": "water", "geometry": points, "from_asset": "", "to_asset": ""}
    links = {
        "id": ["ab", "bc", "cd"], "sector": "water", "from_asset": list("abc"), "to_asset": list("bcd"),
        "geometry": [LineString(pair) for pair in pairwise(points)],
    }  # fmt: skip
    assets = gpd.GeoDataFrame(pd.concat([pd.DataFrame(nodes), pd.DataFrame(links)]), crs=5179)
    supply = pd.DataFrame({"asset": ["a"], "sector": ["water"], "is_source": [True]})
    network = Network.from_tables(assets=assets, supply=supply)
    probability = np.where(network.assets["id"] == "ab", 1.0, 0.0)
    compiled, _, cascade = solved(network, probability, {"water": "connected"})
    cascade.solve()
    state = dict(zip(compiled.asset_id, lanes(cascade.up)[:, 0].tolist(), strict=True))
    assert state == {"a": True, "b": False, "c": False, "d": False, "ab": False, "bc": False, "cd": False}
    counter = CauseCounter(cascade, np.zeros(7, bool))
    counter.count()
    assert counter.causes[:, 0].tolist() == [0, 0, 0, 0, 512, 0, 0]
    assert counter.causes[:, 1].tolist() == [0, 512, 512, 512, 0, 512, 512]


def test_a_one_way_link_supplies_in_its_direction_only() -> None:
    """Water runs from the source to `down`; from `up` it only runs away, hazard or not."""
    nodes = pd.DataFrame(
        {"id": ["source", "down", "up"], "sector": "water", "from_asset": "", "to_asset": "",
         "geometry": [Point(0, 0), Point(1, 0), Point(2, 0)]}
    )  # fmt: skip
    links = pd.DataFrame(
        {"id": ["out", "in"], "sector": "water", "from_asset": ["source", "up"], "to_asset": ["down", "source"],
         "geometry": [LineString([(0, 0), (1, 0)]), LineString([(2, 0), (0, 0)])]}
    )  # fmt: skip
    assets = gpd.GeoDataFrame(pd.concat([nodes.assign(oneway=False), links.assign(oneway=True)]), crs=5179)
    supply = pd.DataFrame({"asset": ["source"], "sector": ["water"], "is_source": [True]})
    network = Network.from_tables(assets=assets, supply=supply)
    for probability in (0.0, 0.4):
        risky = np.where(network.assets["id"] == "out", probability, 0.0)
        compiled, _, cascade = solved(network, risky, {"water": "connected"})
        cascade.solve()
        state = dict(zip(compiled.asset_id, lanes(cascade.up), strict=True))
        assert state["source"].all()
        assert not state["up"].any()
        assert not state["in"].any()
        np.testing.assert_array_equal(state["down"], state["out"])
        assert state["down"].all() == (probability == 0.0)


def traced(network: Network, failing: set[str], *, levels: dict[str, str], down_at_start: set[str]) -> CauseCounter:
    """Return the causes where the named assets fail in every sample."""
    compiled, _, cascade = solved(network, network.assets["id"].isin(failing).to_numpy(dtype=float), levels)
    cascade.solve()
    counter = CauseCounter(cascade, np.isin(compiled.asset_id, list(down_at_start)))
    counter.count()
    counter.trace()
    return counter


def test_a_need_lost_on_a_cut_off_island_is_no_root_of_its_neighbours() -> None:
    """Exchange and transformer fail: the tower lacks line and power, its line lacks the exchange alone."""
    nodes = {
        "id": ["exchange", "tower", "transformer"], "sector": ["telecom", "telecom", "power"], "from_asset": "",
        "to_asset": "", "geometry": [Point(0, 0), Point(1, 0), Point(2, 0)],
    }  # fmt: skip
    line = {"id": ["line"], "sector": "telecom", "from_asset": "exchange", "to_asset": "tower",
            "geometry": [LineString([(0, 0), (1, 0)])]}  # fmt: skip
    network = Network.from_tables(
        assets=gpd.GeoDataFrame(pd.concat([pd.DataFrame(nodes), pd.DataFrame(line)]), crs=5179),
        needs=pd.DataFrame({"id": ["n"], "dependent": ["tower"], "service": ["power"]}),
        dependencies=pd.DataFrame({"need": ["n"], "provider": ["transformer"]}),
        supply=pd.DataFrame({"asset": ["exchange"], "sector": ["telecom"], "is_source": [True]}),
    )
    counter = traced(network, {"exchange", "transformer"}, levels={"telecom": "connected"}, down_at_start=set())
    found = dict(zip(network.assets["id"], (counter.root_shares / SHARES).tolist(), strict=True))
    assert [counter.cascade.compiled.sectors[c] for c in counter.root_sectors] == ["power", "telecom"]
    assert found == {"exchange": [0, 512], "line": [0, 512], "tower": [256, 256], "transformer": [512, 0]}


def test_what_only_a_buffer_keeps_up_is_no_way_for_roots() -> None:
    """A clinic without power in the intact city runs on its battery; a ward it keeps up has no root."""
    assets = gpd.GeoDataFrame(
        {"id": ["island", "clinic", "other", "ward"], "sector": ["power", "medical", "water", "care"]},
        geometry=[Point(i, 0) for i in range(4)],
        crs=5179,
    )
    supply = pd.DataFrame({"asset": ["far"], "sector": ["power"], "is_source": [True]})
    assets = gpd.GeoDataFrame(
        pd.concat([assets, gpd.GeoDataFrame({"id": ["far"], "sector": "power"}, geometry=[Point(9, 0)], crs=5179)])
    )
    network = Network.from_tables(
        assets=assets,
        needs=pd.DataFrame(
            {"id": ["a", "b"], "dependent": ["clinic", "ward"], "service": ["power", "medical"],
             "buffer_hours": [8.0, 0.0], "start_probability": [0.5, 1.0]}
        ),
        dependencies=pd.DataFrame({"need": ["a", "b", "b"], "provider": ["island", "clinic", "other"]}),
        supply=supply,
    )  # fmt: skip
    counter = traced(network, {"other"}, levels={"power": "connected"}, down_at_start={"island", "clinic"})
    ward = list(network.assets["id"]).index("ward")
    down = int(counter.causes[ward].sum())
    assert 150 < down < 360
    assert counter.root_shares[ward].sum() == down * SHARES
