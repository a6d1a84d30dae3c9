"""Laws that need no oracle: what must not change, and what may only change in one direction, whatever the city."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.cascade import Cascade, supplied_graphs
from resilience.engine import City, find_baseline, prepare_event, solve_block
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.service import ServiceRule, lay_out_services

SECTORS = ("power", "telecom", "water")
FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None)
SEEDS = st.integers(0, 10**6)


@dataclass(frozen=True)
class Town:
    """A random town as rows, and the probability with which its assets fail."""

    assets: list[dict[str, Any]]
    zones: list[dict[str, Any]]
    needs: list[Any]
    sources: dict[str, str]
    probability: dict[str, float]
    levels: dict[str, str] = field(default_factory=dict)

    def network(self, site: Any) -> Network:
        return site.network(self.assets, zones=self.zones, needs=self.needs, sources=self.sources)


def random_town(seed: int, prefix: str = "", *, buffers: bool = True) -> Town:
    """Loops between sectors, one-way links, k-of-n needs, buffers, sources, and zones that need all three services."""
    rng = np.random.default_rng(seed)
    nodes = [{"id": f"{prefix}n{i:02d}", "sector": SECTORS[i % 3], "oneway": False} for i in range(15)]
    links = []
    for j in range(15):
        a, b = rng.choice(np.arange(j % 3, 15, 3), 2, replace=False)
        links.append({"id": f"{prefix}l{j:02d}", "sector": SECTORS[j % 3], "oneway": bool(rng.random() < 0.2),
                      "from_asset": f"{prefix}n{a:02d}", "to_asset": f"{prefix}n{b:02d}"})  # fmt: skip
    assets = [{"from_asset": "", "to_asset": "", **asset} for asset in [*nodes, *links]]

    def need(dependent: str, sector: int, most: int) -> Any:
        able = [f"{prefix}n{i:02d}" for i in range(sector, 15, 3) if f"{prefix}n{i:02d}" != dependent]
        providers = rng.choice(able, int(rng.integers(1, most + 1)), replace=False).tolist()
        hours = float(rng.choice([0, 0, 4])) if buffers else 0.0
        more = {"buffer_hours": hours, "start_probability": float(rng.choice([0.5, 1.0]))}
        return dependent, SECTORS[sector], providers, int(rng.integers(1, len(providers) + 1)), more

    needs = [need(str(rng.choice(nodes)["id"]), int(rng.integers(0, 3)), 3) for _ in range(8)]
    zones = [{"id": f"{prefix}z{i}", "persons": float(rng.integers(1, 9999)) / 10} for i in range(4)]
    needs += [need(zone["id"], sector, 3) for zone in zones for sector in range(3) if rng.random() < 0.8]
    needs += [need(zones[0]["id"], sector, 2) for sector in range(3)]
    sources = {f"{prefix}n{i:02d}": SECTORS[i % 3] for i in (0, 1, 2, 6, 7)}
    chance = np.where(rng.random(30) < 0.5, rng.random(30), 0.0)
    probability = {asset["id"]: float(p) for asset, p in zip(assets, chance, strict=True)}
    levels = {sector: "connected" for sector in SECTORS if rng.random() < 0.7}
    return Town(assets, zones, needs, sources, probability, levels)


@dataclass(frozen=True)
class Solved:
    """People without each service by sample, and samples down by asset and zone."""

    people: np.ndarray
    failed: dict[str, int]
    down: dict[str, int]
    zone: dict[str, list[int]]
    roots: np.ndarray


def city_of(network: Network, levels: dict[str, str], seed: int = 1) -> City:
    compiled = compile_network(network, services=SECTORS)
    graphs = supplied_graphs(compiled, levels)
    layout = lay_out_services(compiled, [ServiceRule(name) for name in SECTORS])
    return City(compiled, graphs, layout, find_baseline(compiled, graphs, layout, "all_up"), seed=seed)


def solve(network: Network, probability: dict[str, float], levels: dict[str, str], **more: Any) -> Solved:
    """Solve 1,024 samples of one event through the engine."""
    city = city_of(network, levels, seed=more.pop("seed", 1))
    ids = city.compiled.asset_id
    task = prepare_event(city, 0, np.array([probability.get(name, 0.0) for name in ids]), family="storm")
    sums = solve_block(city, task, more.pop("first_word", 0), more.pop("n_words", 16))
    return Solved(
        sums.people,
        {ids[a]: int(n) for a, n in zip(task.plan.failing, sums.failed, strict=True)},
        {ids[a]: int(n) for a, n in zip(task.plan.affected, sums.causes.sum(axis=1), strict=True)},
        dict(zip(city.compiled.zone_id, sums.zone_samples.tolist(), strict=True)),
        sums.root_people,
    )


def town_solved(site: Any, town: Town, **more: Any) -> Solved:
    return solve(town.network(site), town.probability, town.levels, **more)


def assert_no_worse(better: Solved, worse: Solved) -> None:
    assert (better.people <= worse.people).all()
    assert all(count <= worse.down.get(asset, 0) for asset, count in better.down.items())


@given(seed=SEEDS)
@FEW
def test_without_hazard_nothing_is_lost(site, seed):
    town = random_town(seed)
    found = town_solved(site, replace(town, probability={}))
    assert not found.people.any()
    assert not any(found.down.values())
    assert not any(sum(row) for row in found.zone.values())


@given(seed=SEEDS, rise=st.floats(0.01, 1.0), share=st.floats(0.0, 1.0))
@FEW
def test_a_worse_hazard_serves_nobody_better(site, seed, rise, share):
    town = random_town(seed)
    draw = np.random.default_rng(seed + 1).random(len(town.assets)) < share
    worse = {
        name: min(1.0, p + rise * bool(hit))
        for (name, p), hit in zip(town.probability.items(), draw, strict=True)
    }  # fmt: skip
    assert_no_worse(town_solved(site, town), town_solved(site, replace(town, probability=worse)))


@given(seed=SEEDS)
@FEW
def test_another_provider_serves_nobody_worse(site, seed):
    """Every need gets one more provider of its sector, and asks for as many as before."""
    town = random_town(seed)
    rng = np.random.default_rng(seed + 1)
    more = []
    for dependent, service, providers, required, *rest in town.needs:
        spare = [a["id"] for a in town.assets if a["sector"] == service and a["id"] not in (*providers, dependent)]
        more.append((dependent, service, [*providers, str(rng.choice(spare))], required, *rest))
    # What was down in the intact town already is not told: compare towns that are whole.
    before, after = town_solved(site, town), town_solved(site, replace(town, needs=more))
    if whole(site, town):
        assert_no_worse(after, before)


def whole(site: Any, town: Town) -> bool:
    city = city_of(town.network(site), town.levels)
    return not city.baseline.down.any()


@given(seed=SEEDS)
@FEW
def test_another_link_serves_nobody_worse(site, seed):
    town = random_town(seed)
    rng = np.random.default_rng(seed + 1)
    extra = []
    for number, sector in enumerate(SECTORS):
        a, b = rng.choice(
            [x["id"] for x in town.assets if x["sector"] == sector and not x["from_asset"]], 2, replace=False
        )
        extra.append({"id": f"extra{number}", "sector": sector, "oneway": False, "from_asset": a, "to_asset": b})
    sure = {**town.probability, **{link["id"]: 0.3 for link in extra}}
    if whole(site, town):
        after = town_solved(site, replace(town, assets=[*town.assets, *extra], probability=sure))
        before = town_solved(site, town)
        assert (after.people <= before.people).all()
        assert all(after.down.get(asset, 0) <= count for asset, count in before.down.items())


@given(seed=SEEDS)
@FEW
def test_the_order_of_rows_changes_no_bit(site, seed):
    town = random_town(seed)
    rng = np.random.default_rng(seed + 1)
    network = town.network(site)

    def shuffled(table: pd.DataFrame) -> pd.DataFrame:
        return table.iloc[rng.permutation(len(table))].reset_index(drop=True)

    tables = {name: shuffled(getattr(network, name)) for name in ("assets", "zones", "needs", "dependencies", "supply")}
    one = solve(network, town.probability, town.levels)
    two = solve(network.replace(**tables), town.probability, town.levels)
    np.testing.assert_array_equal(one.people, two.people)
    np.testing.assert_array_equal(one.roots, two.roots)
    assert (one.failed, one.down, one.zone) == (two.failed, two.down, two.zone)


@given(seed=SEEDS)
@FEW
def test_samples_do_not_depend_on_how_they_are_cut(site, seed):
    town = random_town(seed)
    whole_run = town_solved(site, town)
    first, second = (town_solved(site, town, first_word=word, n_words=8) for word in (0, 8))
    np.testing.assert_array_equal(whole_run.people, np.concatenate([first.people, second.people], axis=1))
    for name in whole_run.down:
        assert whole_run.down[name] == first.down[name] + second.down[name]


@given(seed=SEEDS)
@FEW
def test_a_part_of_the_city_keeps_its_draws(site, seed):
    """Assets that nothing depends on leave: all others fail in the same samples as before."""
    town = random_town(seed)
    lonely = [{"id": f"far{i}", "sector": "care", "oneway": False, "from_asset": "", "to_asset": ""} for i in range(5)]
    larger = replace(
        town, assets=[*lonely, *town.assets], probability={**{asset["id"]: 0.4 for asset in lonely}, **town.probability}
    )
    network = larger.network(site)
    part = network.subset([asset["id"] for asset in town.assets] + [zone["id"] for zone in town.zones])
    one, two = solve(network, larger.probability, town.levels), solve(part, larger.probability, town.levels)
    np.testing.assert_array_equal(one.people, two.people)
    assert {name: n for name, n in one.failed.items() if not name.startswith("far")} == two.failed
    assert {name: n for name, n in one.down.items() if not name.startswith("far")} == two.down


def test_a_second_city_far_away_doubles_what_is_expected(site):
    """The copy has other ids, so other draws: expected values are twice those, within 4 standard errors."""
    one, two = random_town(11, "a-"), random_town(11, "b-")
    both = Town(
        [*one.assets, *two.assets], [*one.zones, *two.zones], [*one.needs, *two.needs], {**one.sources, **two.sources},
        {**one.probability, **two.probability}, one.levels,
    )  # fmt: skip
    words = 8 * 64
    single = town_solved(site, one, n_words=words).people / 1000
    double = town_solved(site, both, n_words=words).people / 1000
    assert single.mean(axis=1).min() > 0
    error = np.sqrt(4 * single.var(axis=1) + double.var(axis=1)) / np.sqrt(single.shape[1])
    assert (np.abs(double.mean(axis=1) - 2 * single.mean(axis=1)) < 4 * error).all()
    # Independent halves: the variance doubles, it does not quadruple.
    np.testing.assert_allclose(double.var(axis=1), 2 * single.var(axis=1), rtol=0.1)


@given(seed=SEEDS)
@FEW
def test_a_link_in_two_halves_of_one_failure_group_is_the_link(site, seed):
    """The whole link is in the same group, so that it has the same draws: no bit changes."""
    town = random_town(seed)
    town = replace(town, assets=[{**x, "failure_group": x["id"] if x["from_asset"] else ""} for x in town.assets])
    assets, probability = [], dict(town.probability)
    for asset in town.assets:
        if not asset["from_asset"]:
            assets.append(asset)
            continue
        name = asset["id"]
        middle = {"id": f"{name}-middle", "sector": asset["sector"], "oneway": False, "from_asset": "", "to_asset": ""}
        assets.append({**middle, "failure_group": ""})
        for half, ends in ((1, (asset["from_asset"], middle["id"])), (2, (middle["id"], asset["to_asset"]))):
            part = {**asset, "id": f"{name}-{half}", "from_asset": ends[0], "to_asset": ends[1]}
            assets.append(part)
            probability[part["id"]] = town.probability[name]
    split = town_solved(site, replace(town, assets=assets, probability=probability))
    np.testing.assert_array_equal(split.people, town_solved(site, town).people)


@given(seed=SEEDS, factor=st.sampled_from([0.0, 2.0, 3.0, 10.0]))
@FEW
def test_people_scale(site, seed, factor):
    town = random_town(seed)
    zones = [{**zone, "persons": zone["persons"] * factor} for zone in town.zones]
    one, two = town_solved(site, town), town_solved(site, replace(town, zones=zones))
    np.testing.assert_array_equal(two.people, factor * one.people)
    assert one.down == two.down


@given(seed=SEEDS)
@FEW
def test_infinite_buffers_leave_only_what_the_hazard_hit(site, seed):
    town = random_town(seed)
    held = [(*need[:4], {"buffer_hours": 1e9, "start_probability": 1.0}) for need in town.needs]
    found = town_solved(site, replace(town, needs=held, levels={}))
    assert not found.people.any()
    assert found.down == found.failed


@given(seed=SEEDS)
@FEW
def test_options_share_their_random_numbers(site, seed):
    """Protecting one asset: all others fail in the same samples, and in no sample is anybody worse off."""
    town = random_town(seed)
    hit = [name for name, p in town.probability.items() if p > 0]
    protected = {**town.probability, hit[seed % len(hit)]: 0.0}
    base, option = town_solved(site, town), town_solved(site, replace(town, probability=protected))
    assert {name: n for name, n in base.failed.items() if protected[name] > 0} == option.failed
    assert_no_worse(option, base)


@given(seed=SEEDS)
@FEW
def test_the_fixed_point_applied_twice_is_unchanged(site, seed):
    town = random_town(seed)
    city = city_of(town.network(site), town.levels)
    p = np.array([town.probability[name] for name in city.compiled.asset_id])
    task = prepare_event(city, 0, p, family="storm")
    cascade = Cascade(city.compiled, task.plan)
    cascade.sample(0)
    cascade.solve()
    up = cascade.up.copy()
    # What is down at the fixed point is taken as failed by the hazard: nothing more falls.
    again = prepare_event(city, 0, np.full(city.compiled.n_asset, 0.5), family="storm")
    second = Cascade(city.compiled, again.plan)
    second.sample(0)
    second.buffered[:] = 0
    for row, kept in zip(again.plan.buffer_row, task.plan.buffer_row, strict=True):
        if row >= 0:
            second.buffered[row] = cascade.buffered[kept]
    second.failed[:] = ~up[again.plan.failing]
    second.solve()
    np.testing.assert_array_equal(second.up, up)


def test_another_seed_draws_other_samples(site):
    town = random_town(3)
    one, two = town_solved(site, town), town_solved(site, town, seed=2)
    assert (one.people != two.people).any()
    error = np.sqrt((one.people.var(axis=1) + two.people.var(axis=1)) / one.people.shape[1])
    assert (np.abs(one.people.mean(axis=1) - two.people.mean(axis=1)) <= 4 * error).all()


def test_levels_are_refused_for_sectors_that_have_no_source(site):
    from resilience.errors import ConfigurationError

    town = replace(random_town(1), sources={})
    with pytest.raises(ConfigurationError, match="without sources"):
        city_of(town.network(site), {"power": "connected"})
