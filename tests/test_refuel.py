"""Buffers that are refilled by road: a twin that follows one sample, closed forms, laws, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely.geometry import LineString, Point

from resilience.cascade import Timeline, make_grid, plan_event
from resilience.errors import ConfigurationError, DataError, Problems
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network, identity
from resilience.network.rules import DependencyRule, check_rule
from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.naive.buffers import BufferTwin

FOREVER = 2**31 - 1
MANY = 512 if INTERPRETED else 16384
PLAIN = {"buffer_hours": 0.0, "start_probability": 1.0, "recharge_hours": 0.0, "refuel_from": ""}
SIDE = 3
N_POWER = 9
NO_CURVE = {"flood_fragility_curve": ""}
ROAD = {"sector": "transport", "kind": "road", **NO_CURVE}


def random_city(rng: np.random.Generator) -> tuple[Network, CompiledNetwork]:
    """Power assets that need each other, some refilled by road from two depots that need power themselves."""
    corners = [(x, y) for x in range(SIDE) for y in range(SIDE)]
    rows: list[dict[str, Any]] = [
        {"id": f"n{x}{y}", "sector": "transport", "kind": "road_node", "geometry": Point(x, y)} for x, y in corners
    ]
    for x, y in corners:
        for u, v in ((x + 1, y), (x, y + 1)):
            if u < SIDE and v < SIDE:
                rows.append(
                    {"id": f"s{x}{y}{u}{v}", "sector": "transport", "kind": "road", "from_asset": f"n{x}{y}",
                     "to_asset": f"n{u}{v}", "oneway": bool(rng.random() < 0.3),
                     "geometry": LineString([(x, y), (u, v)])}
                )  # fmt: skip
    places = rng.choice([f"n{x}{y}" for x, y in corners], N_POWER + 2)
    rows += [
        {"id": f"a{i}", "sector": "power", "kind": "fuel_depot" if i >= N_POWER else "plant", "access_asset": place,
         "geometry": Point(i, 9)}
        for i, place in enumerate(places)
    ]  # fmt: skip
    assets = gpd.GeoDataFrame(rows, crs=5179)
    needs, dependencies = [], []
    for k in range(14):
        owner = int(rng.integers(N_POWER + 2))
        of = [f"a{p}" for p in rng.choice(N_POWER, int(rng.integers(1, 4)), replace=False) if p != owner]
        buffer = float(rng.choice([0, 0.5, 1, 3, 8]))
        if not of:
            continue
        needs.append(
            {"id": f"need{k}", "dependent": f"a{owner}", "service": "power", "required": int(rng.integers(len(of))) + 1,
             "buffer_hours": buffer, "start_probability": float(rng.choice([1.0, 0.7])),
             "recharge_hours": float(rng.choice([0, 2, 10])),
             "refuel_from": "fuel_depot" if buffer and rng.random() < 0.7 else ""}
        )  # fmt: skip
        dependencies += [{"need": f"need{k}", "provider": p} for p in of]
    network = Network.from_tables(assets=assets, needs=pd.DataFrame(needs), dependencies=pd.DataFrame(dependencies))
    return network, compile_network(network)


@pytest.mark.parametrize("seed", range(2 if INTERPRETED else 30))
def test_states_over_time_equal_those_of_a_twin(seed: int, unpack: Callable) -> None:
    rng = np.random.default_rng(seed)
    network, compiled = random_city(rng)
    grid = make_grid((0, 1, 2, 4, 8, 16, 24, 48), ends=[0.5, 3])
    chance = np.where([name[0] == "a" for name in compiled.asset_id], 0.35, 0.2) * rng.integers(0, 2, compiled.n_asset)
    plan = plan_event(compiled, chance, graphs={}, seed=3, family="flood", horizon_hours=48)
    assert plan.refuels
    line = Timeline(compiled, plan, grid)
    line.sample(8)
    restored = rng.choice([30, 60, 200, 500, 24 * 60, FOREVER], (plan.failing.size, 512)).astype(np.int32)
    up = []
    for _, stands in line.run(restored):
        if stands:
            up.append(unpack(line.cascade.up))
    drawn, started = unpack(line.drawn), unpack(line._started)
    ids = network.needs["id"].tolist()
    named = dict(zip(identity(ids).tolist(), ids, strict=True))
    name_of = {int(plan.buffer_row[i]): named[n] for i, n in enumerate(compiled.need_identity.tolist())}
    twin = BufferTwin(network, grid)
    for s in range(0, 512, 40):
        out = {compiled.asset_id[a]: int(restored[i, s]) for i, a in enumerate(plan.failing) if drawn[i, s]}
        starts = {name_of[row] for row in range(started.shape[0]) if started[row, s]}
        for point, (state, wanted) in enumerate(zip(up, twin.run(out, starts, s), strict=False)):
            assert {compiled.asset_id[i] for i in np.flatnonzero(state[:, s])} == wanted, (s, point)


def hospital(
    site: Any, *, road_wet: float = 1.0, buffer: float = 24.0, refuel: bool = True, hours: tuple = (0, 200),
    restart: float = 0.0, more: list[dict] | None = None, depth: dict | None = None,
    further: tuple = (), samples: int = 512, event: float = 48.0, road: dict | None = None, **need: Any,
) -> xr.Dataset:  # fmt: skip
    """A plant is out for good; a hospital with a diesel tank hangs on it, a road from the depot leads to it.

    The flood lasts for `event` hours and puts a road out with the probability `road_wet`.
    """
    assets = [
        {"id": "plant", "repair_class": "own"},
        {"id": "hospital", "sector": "medical", "kind": "hospital", "access_asset": "n1", **NO_CURVE},
        {"id": "n0", **ROAD, "kind": "road_node"}, {"id": "n1", **ROAD, "kind": "road_node"},
        {"id": "road", **ROAD, "flood_fragility_curve": "depth_is_probability", "from_asset": "n0", "to_asset": "n1",
         **(road or {})},
        {"id": "depot", "sector": "fuel", "kind": "fuel_depot", "access_asset": "n0",
         "flood_fragility_curve": "depth_is_probability"},
        *(more or []),
    ]  # fmt: skip
    wet = {"plant": 1.0, "road": road_wet, **(depth or {})}
    needs = [
        ("hospital", "power", ["plant"], 1,
         {**PLAIN, "buffer_hours": buffer, "refuel_from": "fuel_depot" if refuel else "", **need}),
        ("zone", "medical", ["hospital"], 1, PLAIN),
    ]  # fmt: skip
    needs += [(who, "power", [of], 1, {**PLAIN, "buffer_hours": hours}) for who, of, hours in further]
    scenario = site.scenario(
        assets, [{"values": [[wet.get(one["id"], 0.0) for one in assets]], "events": ["e"], "duration_hours": event}],
        needs=needs, samples=samples, services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
        time={"hours": list(hours), "restart_hours": restart,
              "repair": {"file": str(forever(site)), "unit": "h"}},
    )  # fmt: skip
    return assess(scenario).dataset.isel(event=0).sel(service="medical")


def forever(site: Any) -> Any:
    path = site._folder() / "repair.csv"
    path.write_text("repair_class,state,distribution,value,mean\nown,1,fixed,1000,\nslow,1,exponential,,12\n")
    return path


def lost(found: xr.Dataset) -> np.ndarray:
    """Hours that a person is without, per sample."""
    return found["person_hours_lost"].values / float(found["people_served"])


COARSE = pytest.mark.parametrize("hours", [(0, 200), (0, 10, 70, 200), tuple(range(0, 201, 4))], ids=["1", "3", "50"])


@COARSE
def test_a_hospital_that_is_cut_off_ends_after_its_hours_and_is_back_with_its_road(site: Any, hours: tuple) -> None:
    """48 h of water over the road and 24 h of diesel: without power from 24 to 48 h, not to the end at 200."""
    assert (lost(hospital(site, hours=hours)) == 24).all()
    assert (lost(hospital(site, hours=hours, refuel=False)) == 176).all()
    assert (lost(hospital(site, hours=hours, buffer=60.0)) == 0).all()


@COARSE
def test_with_an_open_road_it_never_ends_however_small_the_tank(site: Any, hours: tuple) -> None:
    for buffer in (0.25, 24.0):
        assert (lost(hospital(site, road_wet=0.0, buffer=buffer, hours=hours)) == 0).all()


def test_a_tank_is_full_on_delivery_and_restart_keeps_the_road_closed(site: Any) -> None:
    assert (lost(hospital(site, recharge_hours=500.0)) == 24).all()
    assert (lost(hospital(site, restart=12.0)) == 36).all()


def test_a_road_that_floods_in_some_samples_counts_in_those(site: Any) -> None:
    hours = lost(hospital(site, road_wet=0.5))
    assert set(hours.tolist()) == {0.0, 24.0}
    assert 0.4 < (hours == 24).mean() < 0.6


def test_a_tank_that_does_not_start_is_no_help_with_any_fuel(site: Any) -> None:
    hours = lost(hospital(site, road_wet=0.0, start_probability=0.5))
    assert set(hours.tolist()) == {0.0, 200.0}


def test_a_depot_that_is_out_or_lost_its_power_delivers_nothing(site: Any) -> None:
    """Flooded for 48 h; or dark from 6 h on, when the last delivery was made: 24 h of diesel last to 30 h."""
    assert (lost(hospital(site, road_wet=0.0, depth={"depot": 1.0})) == 24).all()
    assert (lost(hospital(site, road_wet=0.0, further=(("depot", "plant", 6.0),), hours=(0, 30, 200))) == 170).all()


def test_a_small_tank_ends_within_the_step_in_which_its_depot_does(site: Any) -> None:
    """The relay ends at 3 h, the depot half an hour later, amid a step: half of the samples have fuel until 4 h."""
    relay = [{"id": "relay", **NO_CURVE}]
    further = (("relay", "plant", 3.0), ("depot", "relay", 0.5))
    hours = lost(hospital(site, road_wet=0.0, buffer=0.25, more=relay, further=further, hours=(0, 4, 4.25, 200)))
    assert set(hours.tolist()) == {195.75, 197.0}
    assert hours.mean() == (195.75 + 197.0) / 2


def test_one_way_roads_are_driven_their_way(site: Any) -> None:
    back = [{"id": "back", **ROAD, "from_asset": "n1", "to_asset": "n0", "oneway": True}]
    there = [{**back[0], "from_asset": "n0", "to_asset": "n1"}]
    assert (lost(hospital(site, more=back)) == 24).all()
    assert (lost(hospital(site, more=there)) == 0).all()


@pytest.mark.parametrize("hours", [(0, 200), (0, 3, 9, 30, 200)], ids=str)
def test_a_way_that_opens_between_the_points_counts_from_then_on_average(site: Any, hours: tuple) -> None:
    """Cut off for 2 h + Exp(12 h), with 8 h of diesel: E[(D - 6)+] = 12 exp(-6 / 12) = 7.278 h, on any grid."""
    wait = lost(hospital(site, event=2.0, buffer=8.0, hours=hours, road={"repair_class": "slow"}, samples=MANY))
    assert abs(wait.mean() - 12 * np.exp(-0.5)) < 4 * wait.std() / np.sqrt(wait.size) + 0.01


LAW_SEEDS = range(1 if INTERPRETED else 6)


def random_town(seed: int) -> tuple[list[dict], list[Any], dict[str, float]]:
    rng = np.random.default_rng(seed)
    nodes = [{"id": f"n{i}", **ROAD, "kind": "road_node"} for i in range(6)]
    wet = {"flood_fragility_curve": "depth_is_probability"}
    roads = [
        {"id": f"r{i}", **ROAD, **wet, "from_asset": f"n{i}", "to_asset": f"n{(i + 1) % 6}",
         "oneway": bool(rng.random() < 0.2)} for i in range(6)
    ]  # fmt: skip
    depots = [{"id": f"d{i}", "sector": "fuel", "kind": "fuel_depot", "access_asset": f"n{3 * i}"} for i in range(2)]
    plants = [{"id": f"p{i}", "repair_class": "own" if i % 2 else ""} for i in range(3)]
    users = [{"id": f"h{i}", "sector": "medical", "access_asset": f"n{(2 * i + 1) % 6}", **NO_CURVE} for i in range(4)]
    needs: list[Any] = [
        (f"h{i}", "power", [f"p{i % 3}"], 1,
         {"buffer_hours": float(rng.choice([1.0, 5.0, 24.0])), "start_probability": float(rng.choice([0.8, 1.0])),
          "recharge_hours": float(rng.choice([0.0, 9.0])), "refuel_from": "fuel_depot"}) for i in range(4)
    ]  # fmt: skip
    needs += [("d1", "power", ["p2"], 1, {**PLAIN, "buffer_hours": 3.0})]
    needs += [(f"z{i}", "medical", [f"h{i}"], 1, PLAIN) for i in range(4)]
    assets = [*nodes, *roads, *depots, *plants, *users]
    depth = {one["id"]: float(rng.choice([0.0, 0.3, 0.7])) for one in assets}
    return assets, needs, {**depth, **{f"p{i}": 0.6 for i in range(3)}}


def run_town(site: Any, assets: list[dict], needs: list[Any], depth: dict[str, float], **more: Any) -> xr.Dataset:
    scenario = site.scenario(
        assets, [{"values": [[depth.get(one["id"], 0.0) for one in assets]], "events": ["e"], "duration_hours": 30.0}],
        needs=needs, zones=[{"id": f"z{i}"} for i in range(4)],
        services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
        time={"restart_hours": 3.0, "hours": [0, 1, 2, 3, 5, 6, 10, 20, 24, 48, 60, 120],
              "repair": {"file": str(forever(site)), "unit": "h"}},
    )  # fmt: skip
    return assess(scenario, **more).dataset


def assert_never_worse(better: xr.Dataset, worse: xr.Dataset) -> None:
    for name in ("people_over_time", "person_hours_lost", "zone_hours_lost"):
        assert (better[name].values <= worse[name].values).all(), name


@pytest.mark.parametrize("seed", LAW_SEEDS)
def test_more_roads_depots_and_diesel_never_lower_a_service(site: Any, seed: int) -> None:
    assets, needs, depth = random_town(seed)
    before = run_town(site, assets, needs, depth)
    road = {"id": "extra", **ROAD, "from_asset": "n0", "to_asset": "n3"}
    depot = {"id": "d9", "sector": "fuel", "kind": "fuel_depot", "access_asset": f"n{seed % 6}"}
    longer = [(*n[:4], {**n[4], "buffer_hours": n[4]["buffer_hours"] * 2}) for n in needs]
    dry = [(*n[:4], {**n[4], "refuel_from": ""}) for n in needs]
    assert_never_worse(run_town(site, [*assets, road], needs, depth), before)
    assert_never_worse(run_town(site, [*assets, depot], needs, depth), before)
    assert_never_worse(run_town(site, assets, longer, depth), before)
    without = run_town(site, assets, dry, depth)
    assert_never_worse(before, without)
    assert (before["person_hours_lost"].values < without["person_hours_lost"].values).any()


@pytest.mark.parametrize("seed", LAW_SEEDS)
def test_fuel_that_always_comes_is_a_tank_without_end(site: Any, seed: int) -> None:
    assets, needs, depth = random_town(seed)
    assets = [{**one, "access_asset": "n0"} if one["id"][0] in "dh" else one for one in assets]
    depth = {**depth, "d0": 0.0, "n0": 0.0}
    endless = [
        (*n[:4], {**n[4], "refuel_from": "", "buffer_hours": 1e6 if n[0][0] == "h" else n[4]["buffer_hours"]})
        for n in needs
    ]  # fmt: skip
    one, two = run_town(site, assets, needs, depth), run_town(site, assets, endless, depth)
    for name in ("people_over_time", "person_hours_lost", "zone_hours_lost"):
        np.testing.assert_array_equal(one[name].values, two[name].values, err_msg=name)


def test_order_and_blocks_change_no_bit(site: Any) -> None:
    assets, needs, depth = random_town(3)
    one, two = run_town(site, assets, needs, depth), run_town(site, assets[::-1], needs, depth, threads=2)
    for name in ("people_over_time", "person_hours_lost", "zone_hours_lost"):
        np.testing.assert_array_equal(one[name].values, two[name].values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hospital": {"access_asset": ""}}, "dependents without it.*hospital"),
        ({"depot": {"access_asset": ""}}, "1 of 1 assets without it .first: depot.*of every fuel_depot"),
        ({"depot": {"kind": "fuel_depots"}}, "'fuel_depot' .did you mean 'fuel_depots'"),
        ({"buffer": 0.0}, "needs without a buffer.*need0"),
    ],
    ids=["dependent", "depot", "kind", "buffer"],
)
def test_fuel_that_cannot_come_is_refused(site: Any, change: dict, message: str) -> None:
    assets = [
        {"id": "plant"}, {"id": "hospital", "sector": "medical", "access_asset": "n1"},
        {"id": "n0", **ROAD}, {"id": "n1", **ROAD}, {"id": "road", **ROAD, "from_asset": "n0", "to_asset": "n1"},
        {"id": "depot", "sector": "fuel", "kind": "fuel_depot", "access_asset": "n0"},
    ]  # fmt: skip
    assets = [{**one, **change.get(one["id"], {})} for one in assets]
    buffer = {"buffer_hours": change.get("buffer", 24.0), "refuel_from": "fuel_depot"}
    network = site.network(assets, needs=[("hospital", "power", ["plant"], 1, buffer)])
    with pytest.raises(DataError, match=f"(?s)needs\\.refuel_from.*{message}"):
        compile_network(network)


def test_a_rule_says_where_the_fuel_of_a_buffer_comes_from() -> None:
    rule = {"service": "power", "from": {"kind": "plant"}, "to": {"kind": "hospital"}, "refuel_from": "fuel_depot"}
    data = {"schema_version": 1, "name": "demo", "network": {"synthetic": {"seed": 1, "size": 500}}}
    (read,) = Scenario.from_dict({**data, "rules": [{**rule, "buffer_hours": 24}]}).rules
    assert read.refuel_from == "fuel_depot"
    with pytest.raises(ConfigurationError, match="refuel_from"):
        Scenario.from_dict({**data, "rules": [rule]})
    problems = Problems()
    check_rule(DependencyRule("power", {"kind": "plant"}, "zones", refuel_from="fuel_depot"), "rules.0", problems)
    assert len(problems) == 1
