"""Services with a limit of time: against a twin that follows one sample, and laws."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely.geometry import LineString, Point, box

from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.service import (
    OUTCOMES,
    PEAK,
    Baseline,
    Drive,
    ServiceCounter,
    ServiceLayout,
    ServiceRule,
    find_served,
    lay_out_services,
    plan_services,
)
from tests.bits import lanes, words
from tests.cities import ROAD_TO_CLINIC

SIDE = 5
LIMIT = 3.0


def street_grid(rng: np.random.Generator) -> Network:
    """Streets with ways of one direction, three clinics, a zone at every junction."""
    rows = [
        {"id": f"n{x}{y}", "sector": "transport", "kind": "road_node", "geometry": Point(500 * x, 500 * y)}
        for x in range(SIDE) for y in range(SIDE)
    ]  # fmt: skip
    for x in range(SIDE):
        for y in range(SIDE):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < SIDE and y + dy < SIDE and rng.random() < 0.9:
                    ends = [f"n{x}{y}", f"n{x + dx}{y + dy}"]
                    if rng.random() < 0.5:
                        ends.reverse()
                    at = [Point(500 * int(name[1]), 500 * int(name[2])) for name in ends]
                    rows.append(
                        {"id": f"l{''.join(ends)}", "sector": "transport", "from_asset": ends[0], "to_asset": ends[1],
                         "kind": str(rng.choice(["primary", "bridge"], p=[0.9, 0.1])), "geometry": LineString(at),
                         "oneway": bool(rng.random() < 0.3), "speed": float(rng.choice([np.nan, 8.0]))}
                    )  # fmt: skip
    for number, node in enumerate(rng.choice(SIDE * SIDE, 3, replace=False)):
        name = f"n{node // SIDE}{node % SIDE}"
        rows.append({"id": f"c{number}", "sector": "medical", "kind": "clinic", "access_asset": name,
                     "geometry": Point(500 * int(name[1]), 500 * int(name[2]) + 5)})  # fmt: skip
    zones = [
        {"id": f"z{x}{y}", "persons": float(rng.integers(1, 50)), "access_asset": f"n{x}{y}",
         "geometry": box(500 * x - 250, 500 * y - 250, 500 * x + 250, 500 * y + 250)}
        for x in range(SIDE) for y in range(SIDE)
    ]  # fmt: skip
    assets = pd.DataFrame(rows)
    for name in ("from_asset", "to_asset", "access_asset"):
        assets[name] = assets[name].fillna("")
    assets["oneway"] = assets["oneway"].fillna(value=False).astype(bool)
    return Network.from_tables(
        assets=gpd.GeoDataFrame(assets, crs=5186), zones=gpd.GeoDataFrame(pd.DataFrame(zones), crs=5186)
    )


def lay_out(network: Network, compiled: CompiledNetwork, direction: str, drive: Drive | None) -> ServiceLayout:
    clinics = np.array([i for i, name in enumerate(compiled.asset_id) if name.startswith("c")], np.int32)
    rule = ServiceRule("medical", "road", (clinics,), direction=direction, drive=drive)
    return lay_out_services(compiled, [rule], network.assets)


class Twin:
    """Travel times of one sample, by networkx."""

    def __init__(self, network: Network, direction: str, depth: np.ndarray, share: float) -> None:
        self.assets = network.assets.set_index("id")
        self.clinics = [name for name in self.assets.index if name.startswith("c")]
        self.direction = direction
        self.time = {}
        for (name, link), water in zip(self.assets.iterrows(), depth, strict=True):
            if not link["from_asset"]:
                continue
            free = link["speed"] if not np.isnan(link["speed"]) else {"primary": 60, "bridge": 50}[link["kind"]] / 3.6
            mm = 0.0 if link["kind"] == "bridge" else 1000 * water
            wet = (0.0009 * mm**2 - 0.5529 * mm + 86.9448) / 3.6 if mm < 300 else 0.0
            if wet > 0:
                self.time[name] = round(1000 * link.geometry.length / min(share * free, wet))

    def nearest(self, up: set[str], working: set[str]) -> dict[str, tuple[float, int]]:
        """Time and clinic of every junction that has a way."""
        graph = nx.DiGraph()
        graph.add_nodes_from(name for name in up if name.startswith("n"))
        for name, time in self.time.items():
            link = self.assets.loc[name]
            a, b = link["from_asset"], link["to_asset"]
            if name in up and a in up and b in up:
                ways = [(a, b)] if link["oneway"] else [(a, b), (b, a)]
                for way in ways if self.direction == "from" else [(b, a) for a, b in ways]:
                    graph.add_edge(*way, time=time)
        found: dict[str, tuple[float, int]] = {}
        for number, clinic in enumerate(self.clinics):
            start = self.assets.loc[clinic, "access_asset"]
            if clinic in working and start in up:
                for node, time in nx.single_source_dijkstra_path_length(graph, start, weight="time").items():
                    found[node] = min(found.get(node, (np.inf, -1)), (time, number))
        return found


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("seed", range(4))
def test_outcomes_equal_those_of_a_twin(seed: int, direction: str) -> None:
    rng = np.random.default_rng(seed)
    network = street_grid(rng)
    compiled = compile_network(network)
    ids = np.array(compiled.asset_id)
    assert ids.tolist() == network.assets["id"].tolist()
    layout = lay_out(network, compiled, direction, Drive(LIMIT, speed_share=0.65))
    depth = rng.choice([0.0, 0.05, 0.2, 0.29, 0.5], ids.size, p=[0.5, 0.2, 0.1, 0.1, 0.1])
    can_fail = rng.random(ids.size) < 0.5
    up = (rng.random((ids.size, 512)) < 0.85) | ~can_fail[:, np.newaxis]
    everything = np.ones((ids.size, 512), bool)
    baseline = find_served(compiled, layout, words(everything), np.zeros(ids.size, bool))
    counter = ServiceCounter(compiled, plan_services(layout, can_fail, depth), baseline)
    counter.meet(words(up), np.empty(0, np.int32), np.empty((0, 8), np.uint64))
    counter.count(words(up))
    counter.count_access()
    lost = lanes(counter.lost(0, words(up)))
    dry, wet = (Twin(network, direction, d, 0.65) for d in (np.zeros(ids.size), depth))
    intact = dry.nearest(set(ids), set(ids))
    zone_node = [f"n{name[1:]}" for name in compiled.zone_id]
    limit = LIMIT * 60_000
    outcomes = np.zeros((compiled.n_zone, 4), int)
    added, isolated = np.zeros(compiled.n_zone), np.zeros(compiled.n_zone, int)
    detour = np.zeros(compiled.n_zone)
    assert baseline.served[0].any()
    for s in range(512):
        alive = set(ids[up[:, s]])
        now, free = wet.nearest(alive, alive), wet.nearest(alive, set(ids))
        for z, node in enumerate(zone_node):
            time, label = now.get(node, (np.inf, -1))
            assert lost[z, s] == (time > limit), (s, node)
            if intact.get(node, (np.inf, -1))[0] > limit:
                assert not baseline.served[0, z]
                continue
            assert baseline.served[0, z]
            if time > limit:
                outcomes[z, 3 if free.get(node, (np.inf, -1))[0] <= limit else 2] += 1
            else:
                outcomes[z, int(label != intact[node][1])] += 1
                detour[z] += time - intact[node][0]
            if np.isfinite(time):
                added[z] += time - intact[node][0]
            else:
                isolated[z] += 1
    np.testing.assert_array_equal(counter.access.outcome[0], outcomes)
    np.testing.assert_array_equal(counter.access.added[0], added)
    np.testing.assert_array_equal(counter.access.detour[0], detour)
    np.testing.assert_array_equal(counter.access.isolated[0], isolated)
    assert (outcomes.sum(axis=0)[[0, 2]] > 0).all()
    assert seed != 1 or (outcomes.sum(axis=0) > 0).all()


@pytest.mark.parametrize("seed", range(2))
def test_falling_water_equals_a_twin_at_every_level(seed: int) -> None:
    rng = np.random.default_rng(10 + seed)
    network = street_grid(rng)
    compiled = compile_network(network)
    ids = np.array(compiled.asset_id)
    layout = lay_out(network, compiled, "to", Drive(LIMIT, speed_share=0.65))
    depth = rng.choice([0.0, 0.2, 0.5, 2.0], ids.size, p=[0.6, 0.2, 0.1, 0.1])
    can_fail = rng.random(ids.size) < 0.3
    up = (rng.random((ids.size, 512)) < 0.85) | ~can_fail[:, np.newaxis]
    baseline = find_served(compiled, layout, words(np.ones((ids.size, 512), bool)), np.zeros(ids.size, bool))
    counter = ServiceCounter(compiled, plan_services(layout, can_fail, depth, levels=range(PEAK + 1)), baseline)
    before = None
    for level in range(PEAK + 1):
        counter.meet(words(up), np.empty(0, np.int32), np.empty((0, 8), np.uint64), water=level)
        lost = lanes(counter.lost(0, words(up)))
        twin = Twin(network, "to", depth * level / PEAK, 0.65)
        for s in range(0, 512, 37):
            alive = set(ids[up[:, s]])
            now = twin.nearest(alive, alive)
            wanted = [now.get(f"n{name[1:]}", (np.inf, -1))[0] > LIMIT * 60_000 for name in compiled.zone_id]
            assert lost[:, s].tolist() == wanted
        # Lower water never lowers the service.
        assert before is None or not (before & ~lost).any()
        before = lost
    counter.meet(words(up), np.empty(0, np.int32), np.empty((0, 8), np.uint64), water=0)
    assert (lanes(counter.lost(0, words(up))) != before).any()


def people_without(network: Network, up: np.ndarray, depth: np.ndarray, drive: Drive | None) -> np.ndarray:
    compiled = compile_network(network)
    layout = lay_out(network, compiled, "to", drive)
    n = compiled.n_asset
    baseline = Baseline.begin(np.zeros(n, bool), 1, compiled.n_zone)
    baseline.served[:] = True
    counter = ServiceCounter(compiled, plan_services(layout, np.ones(n, bool), depth), baseline)
    counter.meet(words(up), np.empty(0, np.int32), np.empty((0, 8), np.uint64))
    counter.count(words(up))
    return counter.people[0].copy()


def test_laws_of_ways_in_time() -> None:
    rng = np.random.default_rng(5)
    network = street_grid(rng)
    n = len(network.assets)
    up = rng.random((n, 512)) < 0.8
    depth = rng.choice([0.0, 0.1, 0.2], n)
    dry = np.zeros(n)
    usual = people_without(network, up, depth, Drive(LIMIT))
    # Less water, a longer limit, a faster vehicle, one that wades, and more that works: nobody loses.
    for better in (
        people_without(network, up, depth / 2, Drive(LIMIT)),
        people_without(network, up, depth, Drive(LIMIT * 1.5)),
        people_without(network, up, depth, Drive(LIMIT, speed_share=1.5)),
        people_without(network, up | (rng.random(up.shape) < 0.2), depth, Drive(LIMIT)),
    ):
        assert (better <= usual).all()
        assert (better < usual).any()
    deep = people_without(network, up, depth * 3, Drive(LIMIT))
    assert (people_without(network, up, depth * 3, Drive(LIMIT, depth_limit_m=0.7)) <= deep).all()
    # With all the time in the world, any way will do; on dry roads that is reachability.
    np.testing.assert_array_equal(people_without(network, up, dry, Drive(1e4)), people_without(network, up, dry, None))


def test_a_slow_road_alone_is_told_as_the_root_of_what_it_costs() -> None:
    """Nothing fails: the water only slows, and the loss goes back to the roads under it."""
    rows = [{"id": name, "sector": "transport", "kind": "road_node", "geometry": Point(x, 0)}
            for name, x in (("a", 0), ("b", 1000))]  # fmt: skip
    rows.append({"id": "ab", "sector": "transport", "kind": "primary", "from_asset": "a", "to_asset": "b",
                 "geometry": LineString([(0, 0), (1000, 0)])})  # fmt: skip
    rows.append({"id": "c", "sector": "medical", "kind": "clinic", "access_asset": "b", "geometry": Point(1000, 9)})
    assets = pd.DataFrame(rows).fillna({"from_asset": "", "to_asset": "", "access_asset": ""})
    zones = gpd.GeoDataFrame({"id": ["z"], "persons": [7.0], "access_asset": ["a"]}, geometry=[box(-9, -9, 9, 9)],
                             crs=5186)  # fmt: skip
    network = Network.from_tables(assets=gpd.GeoDataFrame(assets, crs=5186), zones=zones)
    compiled = compile_network(network)
    # A kilometre at 60 km/h takes a minute; under 250 mm it takes 724 s.
    layout = lay_out(network, compiled, "to", Drive(5.0))
    everything = np.full((4, 8), 2**64 - 1, np.uint64)
    baseline = find_served(compiled, layout, everything, np.zeros(4, bool))
    assert baseline.time[0].tolist() == [60_000]
    plan = plan_services(layout, np.zeros(4, bool), np.array([0.0, 0.0, 0.25, 0.0]))
    assert plan.slowed == {PEAK: {"transport"}}
    counter = ServiceCounter(compiled, plan, baseline, n_root=1, slowed_root={"transport": 0})
    for water, lost in ((PEAK, 7000), (0, 0)):
        counter.meet(everything, np.empty(0, np.int32), np.empty((0, 8), np.uint64), water=water)
        counter.sums.root_people[:] = 0
        counter.count(everything, np.zeros((1, 4, 8), np.uint64), np.empty((1, 0, 8), np.uint64))
        assert (counter.people[0] == lost).all()
        assert counter.sums.root_people[0, 0] == 512 * lost


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    services = {
        "power": {"by": "assignment"}, "water": {"by": "assignment"}, "telecom": {"by": "assignment"},
        "data": {"by": "assignment"}, "transport": {"by": "road", "providers": {"kind": "gateway"}},
        "medical": {"by": "road", "providers": {"kind": "emergency_room"}, "limit_minutes": 3, "speed_share": 0.65},
        "care": {"by": "road", "providers": {"kind": "care_home"}},
        "safety": {"by": "road", "providers": [{"kind": "fire_station"}, {"kind": "police_station"}],
                   "combine": "mean", "direction": "from", "limit_minutes": 3, "depth_limit_m": 0.5},
    }  # fmt: skip
    return assess(
        Scenario.from_dict(
            {
                "schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 900}},
                "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0}, "services": services,
                "time": {"hours": [0, 6, 24, 100], "repair": {}},
            }
        )
    ).dataset  # fmt: skip


def test_outcomes_add_up_to_the_people_served_in_time(dataset: xr.Dataset) -> None:
    people = dataset["access_people"]
    assert people["outcome"].values.tolist() == list(OUTCOMES)
    served = people.sum("outcome")
    np.testing.assert_allclose(served, np.broadcast_to(served.isel(event=0), served.shape), rtol=1e-12)
    lost = people.sel(outcome=["lost_road", "lost_facility"]).sum("outcome")
    without = dataset["people_without_service"].mean("sample")
    np.testing.assert_allclose(lost.sel(access="medical"), without.sel(service="medical"), rtol=1e-9, atol=1e-9)
    of_safety = [str(name) for name in dataset["access"].values if str(name).startswith("safety: ")]
    assert len(of_safety) == 2
    np.testing.assert_allclose(
        lost.sel(access=of_safety).mean("access"), without.sel(service="safety"), rtol=1e-6, atol=1
    )
    assert (people.sel(outcome="lost_road").sum("event") > 0).any()
    assert (dataset["access_isolated"] <= lost + 1e-9).all()
    assert (dataset["zone_added_minutes"].fillna(0) >= 0).all()


def test_every_hour_lost_has_a_root(dataset: xr.Dataset) -> None:
    np.testing.assert_allclose(
        dataset["root_person_hours"].sum("root"), dataset["person_hours_lost"].mean("sample"), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("duration", [5.5, 5.508])
def test_water_that_only_slows_does_so_until_it_is_gone(site: Any, *, duration: float, closed: bool) -> None:
    """Whether or not anything else fails, and wherever in the time grid the water ends."""
    scenario = site.scenario(
        ROAD_TO_CLINIC, [{"values": [[0, 0, 0.25, 0, float(closed)]], "events": ["e"], "duration_hours": duration}],
        zones=[{"id": "zone", "access_asset": "a"}],
        services={"medical": {"by": "road", "providers": {"kind": "clinic"}, "limit_minutes": 5}},
        time={"hours": [0, 4, 8, 24], "restart_hours": 1},
    )  # fmt: skip
    result = assess(scenario).dataset.isel(event=0).sel(service="medical")
    # Events end in whole minutes, rounded up.
    gone = np.ceil(duration * 60) / 60
    np.testing.assert_allclose(result["person_hours_lost"], 1000 * gone)
    np.testing.assert_allclose(result["restore_hours"], gone)
    assert result["zone_hours_lost"].item() == pytest.approx(gone)
    assert result["root_person_hours"].sum() == pytest.approx(1000 * gone)


def test_no_hazard_takes_nothing_even_where_the_intact_city_is_late() -> None:
    network = street_grid(np.random.default_rng(0))
    compiled = compile_network(network)
    layout = lay_out(network, compiled, "to", Drive(1.0))
    everything = np.full((compiled.n_asset, 8), 2**64 - 1, np.uint64)
    baseline = find_served(compiled, layout, everything, np.zeros(compiled.n_asset, bool))
    assert 0 < baseline.served[0].sum() < compiled.n_zone
    plan = plan_services(layout, np.ones(compiled.n_asset, bool), np.zeros(compiled.n_asset))
    counter = ServiceCounter(compiled, plan, baseline)
    counter.meet(everything, np.empty(0, np.int32), np.empty((0, 8), np.uint64))
    counter.count(everything)
    counter.count_access()
    assert not counter.people.any()
    assert not counter.access.added.any()
    assert counter.access.outcome[0, :, 0].tolist() == (512 * baseline.served[0]).tolist()
    assert not counter.access.outcome[0, :, 1:].any()
