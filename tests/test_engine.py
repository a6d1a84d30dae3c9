"""Laws of whole blocks: what must not change a result, what may only raise it, what must double it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from resilience.cascade import Cascade
from resilience.engine import (
    Block,
    BlockSums,
    City,
    Threads,
    find_baseline,
    prepare_event,
    simulate,
    solve_block,
    square_step,
)
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.roots import SHARES
from resilience.network import Network
from resilience.network.compile import PERSON, compile_network
from resilience.service import ServiceRule, lay_out_services
from tests.engine_cities import (
    COUNTS,
    GROUPS,
    SERVICES,
    build,
    by_asset,
    failures,
    random_network,
    random_probability,
    solved,
    task_of,
)

SEEDS = range(2 if INTERPRETED else 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_of_any_size_on_any_number_of_workers_give_the_same_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    city = build(network)
    tasks = [task_of(city, random_probability(rng, network), event) for event in range(2)]
    n_samples = 1024 if INTERPRETED else 4608
    seen = []
    for size, workers in ((512, 1), (1024, 2), (4096, 2)):
        people: dict[int, dict[int, np.ndarray]] = {0: {}, 1: {}}
        done: list[tuple[int, int]] = []

        def note(block: Block, sums: BlockSums, to: dict[int, dict[int, np.ndarray]] = people) -> None:
            to[block.task.event][block.number] = sums.people.copy()

        totals = simulate(
            city, tasks, n_samples=n_samples, block_samples=size, pool=Threads(workers), on_block=note,
            progress=lambda i, n, to=done: to.append((i, n)),
        )  # fmt: skip
        n_block = 2 * -(-n_samples // size)
        assert done == [(i, n_block) for i in range(1, n_block + 1)]
        in_order = [[part for _, part in sorted(people[event].items())] for event in range(2)]
        seen.append((totals, [np.concatenate(parts, axis=1) for parts in in_order]))
    first_totals, first_people = seen[0]
    assert any(p.any() for p in first_people)
    for totals, people in seen[1:]:
        for a, b in zip(first_people, people, strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(first_totals, totals, strict=True):
            for name in COUNTS[:-1]:
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_tables_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    probability = random_probability(rng, network)
    shuffled = network.replace(
        **{
            name: getattr(network, name).sample(frac=1, random_state=seed).reset_index(drop=True)
            for name in ("assets", "zones", "needs", "dependencies", "supply")
        }
    )
    city, other = build(network), build(shuffled)
    task, moved = task_of(city, probability), task_of(other, probability)
    first, second = solve_block(city, task, 0, 8 * GROUPS), solve_block(other, moved, 0, 8 * GROUPS)
    np.testing.assert_array_equal(first.people, second.people)
    np.testing.assert_array_equal(first.root_people, second.root_people)
    assert by_asset(city, task, first) == by_asset(other, moved, second)
    place = [other.compiled.zone_id.index(zone) for zone in city.compiled.zone_id]
    np.testing.assert_array_equal(first.zone_samples, second.zone_samples[place])
    np.testing.assert_array_equal(first.zone_roots, second.zone_roots[place])
    assert failures(city, probability) == failures(other, probability)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_has_no_part_in_it_changes_nothing(seed: int) -> None:
    """Assets that nobody needs, and that join nothing, are added: every other bit and all people stay."""
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    probability = random_probability(rng, network)
    extra = gpd.GeoDataFrame(
        {"id": ["aaa", "mmm", "zzz"], "sector": "care"}, geometry=[Point(i, i) for i in range(3)], crs=5179
    )
    larger = Network.from_tables(
        assets=[network.assets, extra], needs=network.needs, dependencies=network.dependencies, supply=network.supply,
        zones=network.zones,
    )  # fmt: skip
    city, other = build(network), build(larger)
    more = {**probability, "aaa": 0.5, "mmm": 0.2, "zzz": 1.0}
    np.testing.assert_array_equal(solved(city, probability).people, solved(other, more).people)
    here, there = failures(city, probability), failures(other, more)
    assert {i: there[i] for i in here} == here
    assert set(there) - set(here) == {"aaa", "mmm", "zzz"}


@pytest.mark.parametrize("seed", SEEDS)
def test_scenarios_share_their_random_numbers(seed: int) -> None:
    """One asset is protected, one exposed more, one removed: the failures of all others do not move."""
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    probability = dict.fromkeys(network.assets["id"], 0.3)
    lone = "clinic1"
    smaller = Network.from_tables(
        assets=network.assets[network.assets["id"] != lone],
        needs=network.needs[network.needs["dependent"] != lone],
        dependencies=network.dependencies[~network.dependencies["need"].str.startswith(f"{lone}/")],
        supply=network.supply, zones=network.zones,
    )  # fmt: skip
    changed = {**probability, "p3": 0.0, "t4": 0.6}
    before, after = failures(build(network), probability), failures(build(smaller), changed)
    same = set(before) - {lone, "p3", "t4"}
    assert {i: before[i] for i in same} == {i: after[i] for i in same}
    mild, severe = (np.frombuffer(bits["t4"], np.uint64) for bits in (before, after))
    assert not (mild & ~severe).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper_water_takes_no_one_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    city = build(network)
    probability = random_probability(rng, network)
    ladder = [{i: min(1.0, p * factor) for i, p in probability.items()} for factor in (0.3, 1.0, 2.0, 10.0)]
    people = [solved(city, rung).people for rung in ladder]
    assert all((low <= high).all() for low, high in pairwise(people))
    assert people[0].sum() < people[-1].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_another_provider_or_street_serves_no_one_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    probability = random_probability(rng, network)
    base = solved(build(network, count_gaps=True), probability).people
    # One more provider for every need that has not all, the number required as before.
    known = set(zip(network.dependencies["need"], network.dependencies["provider"], strict=True))
    owner = dict(zip(network.needs["id"], network.needs["dependent"], strict=True))
    extra = [
        {"need": need, "provider": p}
        for need in network.needs["id"]
        for p in [f"p{rng.integers(8)}" if need.endswith("power") else f"w{rng.integers(7)}"]
        if (need, p) not in known and owner[need] != p
    ]
    backed = network.replace(dependencies=pd.concat([network.dependencies, pd.DataFrame(extra)], ignore_index=True))
    assert (solved(build(backed, count_gaps=True), probability).people <= base).all()
    # Streets, cables and pipes that can fail themselves.
    at = dict(zip(network.assets["id"], network.assets.geometry, strict=True))
    pairs = [(s, *(f"{s[0]}{i}" for i in rng.choice(7, 2, replace=False))) for s in ("power", "water", "transport")]
    links = gpd.GeoDataFrame(
        [{"id": f"new-{s}", "sector": s, "from_asset": a, "to_asset": b, "geometry": LineString([at[a], at[b]])}
         for s, a, b in pairs], crs=5179,
    )  # fmt: skip
    tied = Network.from_tables(
        assets=[network.assets, links], needs=network.needs, dependencies=network.dependencies, supply=network.supply,
        zones=network.zones,
    )  # fmt: skip
    more = {**probability, **{f"new-{s}": 0.3 for s, *_ in pairs}}
    assert (solved(build(tied, count_gaps=True), more).people <= base).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_black_start_is_never_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    probability = random_probability(rng, network)
    up = solved(build(network, count_gaps=True), probability).people
    down = solved(build(network, count_gaps=True, start="all_down"), probability).people
    assert (down >= up).all()


def test_three_times_the_people_lose_three_times_as_much() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng)
    probability = random_probability(rng, network)
    more = network.replace(zones=network.zones.assign(persons=network.zones["persons"] * 3))
    one, three = solved(build(network), probability), solved(build(more), probability)
    np.testing.assert_array_equal(3 * one.people, three.people)
    np.testing.assert_array_equal(3 * one.loss_failed, three.loss_failed)
    np.testing.assert_array_equal(one.zone_samples, three.zone_samples)
    assert (3 * build(network).people == build(more).people).all()


def test_two_cities_far_apart_lose_twice_as_much() -> None:
    network = random_network(np.random.default_rng(2), "A-")
    twin = random_network(np.random.default_rng(2), "B-")
    both = Network.from_tables(
        **{name: [getattr(n, name) for n in (network, twin)] for name in
           ("assets", "zones", "needs", "dependencies", "supply")}
    )  # fmt: skip
    probability = random_probability(np.random.default_rng(3), network)
    probability |= {i.replace("A-", "B-"): p for i, p in probability.items()}
    groups = 3 if INTERPRETED else 16
    one, two = solved(build(network), probability, groups).people, solved(build(both), probability, groups).people
    other = solved(build(twin), probability, groups).people
    # Exactly the sum of its parts in every sample, and twice the one within the error of sampling.
    np.testing.assert_array_equal(two, one + other)
    n = one.shape[1]
    error = np.sqrt((4 * one.var(axis=1) + two.var(axis=1)) / n)
    assert (one.sum(axis=1) > 0).all()
    assert (np.abs(two.mean(axis=1) - 2 * one.mean(axis=1)) < 4 * error).all()


def test_no_hazard_is_exactly_no_loss() -> None:
    network = random_network(np.random.default_rng(4))
    for start in ("all_up", "all_down"):
        sums = solved(build(network, start=start), {})
        for name in COUNTS:
            assert not getattr(sums, name).any(), name
    unknown = solved(build(network), dict.fromkeys(network.assets["id"], np.nan))
    assert not unknown.people.any()


def test_endless_buffers_leave_direct_failures_only() -> None:
    network = random_network(np.random.default_rng(5))
    endless = network.replace(needs=network.needs.assign(buffer_hours=1e9, start_probability=1.0))
    compiled = compile_network(endless, services=SERVICES)
    layout = lay_out_services(compiled, [ServiceRule("power"), ServiceRule("water")])
    city = City(compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), 1)
    task = task_of(city, dict.fromkeys(compiled.asset_id, 0.3))
    sums = solve_block(city, task, 0, 16)
    np.testing.assert_array_equal(sums.causes[:, 0], sums.failed)
    assert sums.failed.all()
    assert not sums.causes[:, 1:].any()
    assert not sums.people.any()


def test_a_link_in_two_halves_of_one_failure_group_is_one_link() -> None:
    rng = np.random.default_rng(6)
    network = random_network(rng)
    probability = random_probability(rng, network) | {"t-3": 0.4, "p-2": 0.5, "w-1": 0.3}
    assets = network.assets.copy()
    cut = assets["id"].isin(["t-3", "p-2", "w-1"])
    assets.loc[cut, "failure_group"] = assets.loc[cut, "id"]
    whole = network.replace(assets=assets)
    rows = []
    for row in assets[cut].to_dict("records"):
        middle = {**row, "id": f"mid{row['id']}", "geometry": row["geometry"].interpolate(0.5, normalized=True),
                  "from_asset": "", "to_asset": "", "oneway": False, "failure_group": ""}  # fmt: skip
        start, end = (Point(row["geometry"].coords[i]) for i in (0, -1))
        rows += [
            middle,
            {**row, "id": f"{row['id']}a", "to_asset": middle["id"],
             "geometry": LineString([start, middle["geometry"]])},
            {**row, "id": f"{row['id']}b", "from_asset": middle["id"],
             "geometry": LineString([middle["geometry"], end])},
        ]  # fmt: skip
        probability |= {f"{row['id']}{half}": probability[row["id"]] for half in "ab"}
    halves = Network.from_tables(
        assets=[assets[~cut], gpd.GeoDataFrame(rows, crs=assets.crs)], needs=network.needs,
        dependencies=network.dependencies, supply=network.supply, zones=network.zones,
    )  # fmt: skip
    np.testing.assert_array_equal(solved(build(whole), probability).people, solved(build(halves), probability).people)


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_of_a_block_are_those_of_its_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    city = build(network)
    task = task_of(city, random_probability(rng, network))
    sums = solve_block(city, task, 16, 8)
    cascade = Cascade(city.compiled, task.plan)
    cascade.sample(16)
    cascade.solve()
    bits = np.unpackbits(cascade.failed.view(np.uint8), axis=1, bitorder="little").astype(np.int64)
    steps = (sums.people * 2**19 // np.maximum(city.people, 1)[:, np.newaxis]) ** 2
    np.testing.assert_array_equal(sums.failed, bits.sum(axis=1))
    np.testing.assert_array_equal(sums.loss_failed, bits @ sums.people.T)
    np.testing.assert_array_equal(sums.loss_square, steps.sum(axis=1))
    np.testing.assert_array_equal(sums.loss_square_failed, bits @ steps.T)
    exact = ((sums.people / PERSON) ** 2).sum(axis=1)
    np.testing.assert_allclose(sums.loss_square * square_step(city), exact, rtol=1e-4)
    # Every asset that is down has one proximate cause, and every root is shared out.
    down = 512 - np.bitwise_count(cascade.up[task.plan.affected]).sum(axis=1)
    counted = ~city.baseline.down[task.plan.affected]
    np.testing.assert_array_equal(sums.causes.sum(axis=1)[counted], down[counted])
    np.testing.assert_array_equal(sums.root_shares.sum(axis=1)[counted], down[counted] * SHARES)
    # From all-up every loss goes back to an asset that the hazard took, so roots account for all people.
    np.testing.assert_array_equal(sums.root_people.sum(axis=1), sums.people.sum(axis=1))
    np.testing.assert_array_equal(sums.zone_roots.sum(axis=2), sums.zone_samples)


def test_roots_are_left_out_where_not_asked_for() -> None:
    rng = np.random.default_rng(7)
    network = random_network(rng)
    city, probability = build(network), random_probability(rng, network)
    with_roots = solved(city, probability)
    without = solved(replace(city, with_roots=False), probability)
    np.testing.assert_array_equal(with_roots.people, without.people)
    np.testing.assert_array_equal(with_roots.causes, without.causes)
    assert with_roots.root_people.any()
    assert not without.root_people.any()
    assert not without.root_shares.any()


def test_more_than_sixteen_sectors_can_be_roots() -> None:
    n = 19
    names = [f"s{i:02d}" for i in range(n)]
    assets = gpd.GeoDataFrame({"id": names, "sector": names}, geometry=[Point(i, 0) for i in range(n)], crs=5179)
    zones = gpd.GeoDataFrame({"id": ["z"], "persons": [1.0]}, geometry=[box(0, 0, 1, 1)], crs=5179)
    needs = pd.DataFrame({"id": ["n"], "dependent": ["z"], "service": ["care"], "required": [n]})
    network = Network.from_tables(
        assets=assets, zones=zones, needs=needs, dependencies=pd.DataFrame({"need": "n", "provider": names})
    )
    compiled = compile_network(network)
    layout = lay_out_services(compiled, [ServiceRule("care")])
    city = City(compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), 1)
    sums = solve_block(city, task_of(city, dict.fromkeys(names, 0.9)), 0, 8)
    assert sums.root_people.shape == (1, n)
    assert sums.root_people.sum() == sums.people.sum() == 512 * PERSON


@pytest.mark.parametrize("height", [0.3, 0.5])
def test_buffers_under_water_do_not_start(height: float) -> None:
    assets = gpd.GeoDataFrame({"id": ["grid", "pump"], "sector": ["power", "water"]},
                              geometry=[Point(0, 0), Point(1, 0)], crs=5179)  # fmt: skip
    needs = pd.DataFrame({"id": ["n"], "dependent": ["pump"], "service": ["power"], "buffer_hours": [8.0],
                          "start_probability": [1.0], "buffer_height": [height]})  # fmt: skip
    network = Network.from_tables(
        assets=assets, needs=needs, dependencies=pd.DataFrame({"need": ["n"], "provider": ["grid"]})
    )
    compiled = compile_network(network)
    layout = lay_out_services(compiled, [])
    city = City(compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), 1)
    for depth, down in ((0.0, 0), (height, 0), (np.float32(height), 0), (height + 0.01, 512), (np.nan, 0)):
        task = prepare_event(city, 0, np.array([1.0, 0.0]), family="river", depth=np.array([0.0, depth]))
        sums = solve_block(city, task, 0, 8)
        at = np.flatnonzero(task.plan.affected == 1)
        assert int(sums.causes[at].sum()) == down


def test_people_served_by_a_mean_are_those_who_can_lose_it() -> None:
    """Two streets apart: each group of the mean reaches one zone, so half of the people of each can lose it."""
    rows = [{"id": f"r{i}", "sector": "transport", "geometry": Point(i, 0)} for i in range(4)]
    rows += [{"id": f"s{i}", "sector": "transport", "geometry": LineString([(i, 0), (i + 1, 0)]),
              "from_asset": f"r{i}", "to_asset": f"r{i + 1}"} for i in (0, 2)]  # fmt: skip
    rows += [{"id": f"f{i}", "sector": "safety", "geometry": Point(i, 1), "access_asset": f"r{i}"} for i in (0, 2)]
    assets = gpd.GeoDataFrame(pd.DataFrame(rows), crs=5179)
    text = ["from_asset", "to_asset", "access_asset"]
    zones = gpd.GeoDataFrame({"id": ["a", "b"], "persons": [10.0, 6.0], "access_asset": ["r1", "r3"]},
                             geometry=[Point(1, 0).buffer(1), Point(3, 0).buffer(1)], crs=5179)  # fmt: skip
    compiled = compile_network(Network.from_tables(assets=assets.fillna(dict.fromkeys(text, "")), zones=zones))
    facilities = [np.array([compiled.asset_id.index(name)], np.int32) for name in ("f0", "f2")]
    layout = lay_out_services(compiled, [ServiceRule("safety", "road", tuple(facilities), "mean")])
    city = City(compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), 1)
    assert city.people.tolist() == [8 * PERSON]
    task = prepare_event(city, 0, np.ones(compiled.n_asset), family="river")
    assert (solve_block(city, task, 0, 8).people == 8 * PERSON).all()
