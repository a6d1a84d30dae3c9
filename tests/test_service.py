"""People without service against a slow twin, one sample at a time."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from resilience.engine import City
from resilience.errors import ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.roots import SHARES
from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network, identity
from resilience.service import (
    Baseline,
    ServiceCounter,
    ServiceLayout,
    ServiceRule,
    find_served,
    lay_out_services,
    plan_services,
)
from tests.bits import lanes, words

SEEDS = range(2 if INTERPRETED else 10)
SAMPLES = range(0, 512, 128) if INTERPRETED else range(0, 512, 16)
RULES = ("power", "water", "care", "safety")


def random_city(rng: np.random.Generator, n_road: int = 10, n_facility: int = 6, n_zone: int = 7) -> Network:
    """Streets with one-way links and a dead end, facilities beside and on them, zones with and without access."""
    rows = [{"id": f"r{i}", "sector": "transport", "geometry": Point(i, i % 3)} for i in range(n_road)]
    for j in range(n_road + 3):
        a, b = (int(v) for v in rng.choice(n_road, 2, replace=False))
        rows.append(
            {"id": f"s{j}", "sector": "transport", "geometry": LineString([(a, a % 3), (b, b % 3 + 0.5)]),
             "from_asset": f"r{a}", "to_asset": f"r{b}", "oneway": bool(rng.random() < 0.3)}
        )  # fmt: skip
    rows += [
        {"id": f"f{i}", "sector": "care", "geometry": Point(i, 5), "access_asset": f"r{rng.integers(n_road)}"}
        for i in range(n_facility)
    ]
    # A depot belongs to the travelled sector and is a node without links; one more stands on its own street.
    rows.append({"id": "depot", "sector": "transport", "geometry": Point(0, 6), "access_asset": "r0"})
    rows += [{"id": f"u{i}", "sector": "power", "geometry": Point(i, 7)} for i in range(4)]
    assets = gpd.GeoDataFrame(pd.DataFrame(rows), crs=5179)
    assets["oneway"] = assets["oneway"].eq(True)
    assets = assets.fillna({"from_asset": "", "to_asset": "", "access_asset": ""})
    zones = gpd.GeoDataFrame(
        {"id": [f"z{i}" for i in range(n_zone)], "persons": [0.0, 0.001, *rng.integers(1, 99, n_zone - 2)],
         "access_asset": ["r0", "r1", "", *(f"r{i}" for i in rng.integers(0, n_road, n_zone - 3))]},
        geometry=[box(i, 0, i + 1, 1) for i in range(n_zone)], crs=5179,
    )  # fmt: skip
    needs, dependencies = [], []
    for k in range(10):
        providers = rng.choice([f"u{i}" for i in range(4)], int(rng.integers(1, 5)), replace=False)
        needs.append(
            {"id": f"need{k}", "dependent": f"z{rng.integers(n_zone)}", "service": str(rng.choice(["power", "water"])),
             "required": int(rng.integers(1, len(providers) + 1)), "buffer_hours": float(rng.choice([0.0, 1.0]))}
        )  # fmt: skip
        dependencies += [{"need": f"need{k}", "provider": p} for p in providers]
    return Network.from_tables(
        assets=assets, zones=zones, needs=pd.DataFrame(needs), dependencies=pd.DataFrame(dependencies)
    )


def serving(served: np.ndarray, n_asset: int) -> Baseline:
    """A baseline in which nothing is down."""
    baseline = Baseline.begin(np.zeros(n_asset, bool), *served.shape)
    baseline.served[:] = served
    return baseline


GROUPS = {"care": [["f0", "f1"], ["f2", "depot"]], "safety": [["f3"], ["f4", "f5"], ["r2"]]}
COMBINE = {"care": "any", "safety": "mean"}
DIRECTION = {"care": "to", "safety": "from"}


def layout_of(compiled: CompiledNetwork) -> ServiceLayout:
    rules = [ServiceRule("power"), ServiceRule("water")]
    for name, groups in GROUPS.items():
        members = tuple(np.array([compiled.asset_id.index(i) for i in g], np.int32) for g in groups)
        rules.append(ServiceRule(name, "road", members, COMBINE[name], direction=DIRECTION[name]))
    return lay_out_services(compiled, rules)


class Twin:
    """Who is without what in one sample, from the tables."""

    def __init__(self, network: Network) -> None:
        self.assets = network.assets.set_index("id")
        self.zones = network.zones.set_index("id")
        self.needs = network.needs.to_dict("records")
        self.providers = network.dependencies.groupby("need")["provider"].apply(list).to_dict()
        roads = self.assets[self.assets["sector"] == "transport"]
        self.links = [(i, r["from_asset"], r["to_asset"], r["oneway"]) for i, r in roads.iterrows() if r["from_asset"]]

    def lacks_assigned(self, zone: str, service: str, up: set[str], buffers: set[str]) -> bool | None:
        """None where the zone has no need for the service."""
        mine = [n for n in self.needs if n["dependent"] == zone and n["service"] == service]
        if not mine:
            return None
        return any(
            n["id"] not in buffers and sum(p in up for p in self.providers[n["id"]]) < n["required"] for n in mine
        )

    def reached(self, facilities: list[str], up: set[str], direction: str) -> set[str]:
        entrance = {f: self.assets.loc[f, "access_asset"] or f for f in facilities}
        found = {entrance[f] for f in facilities if f in up} & up
        while True:
            ways = [(a, b) for link, a, b, _ in self.links if link in up]
            ways += [(b, a) for link, a, b, oneway in self.links if link in up and not oneway]
            ends = {b if direction == "from" else a for a, b in ways if (a if direction == "from" else b) in found}
            grown = found | (ends & up)
            if grown == found:
                return found
            found = grown

    def lacks_by_road(self, zone: str, facilities: list[str], up: set[str], direction: str) -> bool | None:
        access = self.zones.loc[zone, "access_asset"]
        return None if not access else access not in self.reached(facilities, up, direction)

    def parts(self, up: set[str], buffers: set[str]) -> dict[tuple[str, int, str], bool | None]:
        """Whether each zone lacks each part: (service, group, zone)."""
        found: dict[tuple[str, int, str], bool | None] = {}
        for zone in self.zones.index:
            for service in ("power", "water"):
                found[service, 0, zone] = self.lacks_assigned(zone, service, up, buffers)
            for service, groups in GROUPS.items():
                whole = groups if COMBINE[service] == "mean" else [[f for g in groups for f in g]]
                for number, group in enumerate(whole):
                    found[service, number, zone] = self.lacks_by_road(zone, group, up, DIRECTION[service])
        return found


def weights(service: str, persons: int) -> list[int]:
    """Thousandths of people per group: equal whole shares, the remainder to the first."""
    if COMBINE.get(service) != "mean":
        return [persons]
    share = persons // 3
    return [persons - 2 * share, share, share]


@pytest.mark.parametrize("seed", SEEDS)
def test_people_and_samples_without_service(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_city(rng)
    compiled = compile_network(network, services=RULES)
    layout = layout_of(compiled)
    twin = Twin(network)
    ids = np.array(compiled.asset_id)

    intact = rng.random(len(ids)) < 0.9
    baseline = find_served(compiled, layout, words(np.repeat(intact[:, np.newaxis], 512, axis=1)), ~intact)
    served = baseline.served
    at_baseline = twin.parts(set(ids[intact]), set())
    flags = {key: state is False for key, state in at_baseline.items()}
    number_of = {}
    for number, part in enumerate(layout.parts):
        group = getattr(part, "group", 0)
        number_of[layout.names[part.service], group] = number
    for (service, group, zone), wanted in flags.items():
        assert served[number_of[service, group], compiled.zone_id.index(zone)] == wanted

    can_fail = rng.random(len(ids)) < 0.7
    up = (rng.random((len(ids), 512)) < rng.choice([0.5, 0.95], (1, 512))) | ~can_fail[:, np.newaxis]
    has_buffer = compiled.buffer_hours > 0
    buffer_row = np.where(has_buffer, np.cumsum(has_buffer) - 1, -1).astype(np.int32)
    buffered = rng.random((int(has_buffer.sum()), 512)) < 0.3
    counter = ServiceCounter(compiled, plan_services(layout, can_fail), baseline)
    counter.meet(words(up), buffer_row, words(buffered))
    counter.count(words(up))
    need_of_row = [next(n for n in network.needs["id"] if h == int(identity([n])[0])) for h in compiled.need_identity]
    persons = dict(zip(compiled.zone_id, compiled.persons.tolist(), strict=True))
    for s in SAMPLES:
        holding = {need_of_row[r] for r in np.flatnonzero(has_buffer) if buffered[buffer_row[r], s]}
        lacks = twin.parts(set(ids[up[:, s]]), holding)
        wanted = dict.fromkeys(RULES, 0)
        for (service, group, zone), state in lacks.items():
            if state and flags[service, group, zone]:
                wanted[service] += weights(service, persons[zone])[group]
        assert dict(zip(layout.names, counter.people[:, s].tolist(), strict=True)) == wanted

    shares = np.zeros_like(counter.sums.zone_samples)
    for number, part in enumerate(layout.parts):
        lost = lanes(counter.lost(number, words(up))).sum(axis=1) * served[number, part.zone]
        shares[part.zone, part.service] += lost * (SHARES // getattr(part, "n_group", 1))
    np.testing.assert_array_equal(counter.sums.zone_samples, shares)
    # A zone without people still tells how often it is without.
    assert compiled.persons[0] == 0


def test_where_everything_is_down_all_people_served_before_are_without() -> None:
    network = random_city(np.random.default_rng(3))
    compiled = compile_network(network, services=RULES)
    layout = layout_of(compiled)
    served = np.ones((len(layout.parts), compiled.n_zone), bool)
    counter = ServiceCounter(
        compiled, plan_services(layout, np.ones(compiled.n_asset, bool)), serving(served, compiled.n_asset)
    )
    down = np.zeros((compiled.n_asset, 8), np.uint64)
    no_buffer = np.full(compiled.required.size, -1, np.int32)
    counter.meet(down, no_buffer, np.empty((0, 8), np.uint64))
    counter.count(down)
    for service, name in enumerate(layout.names):
        if name in GROUPS:
            concerned = compiled.zone_access >= 0
        else:
            concerned = np.isin(compiled.zone_id, network.needs["dependent"][network.needs["service"] == name])
        # Odd thousandths are not lost in dividing by three groups.
        assert (counter.people[service] == compiled.persons[concerned].sum()).all()
        assert (counter.sums.zone_samples[concerned, service] == 512 * SHARES).all()
        assert not counter.sums.zone_samples[~concerned, service].any()


@pytest.mark.parametrize("seed", range(3))
def test_the_most_an_event_can_take_are_the_people_served(seed: int) -> None:
    """Also where zones are reached by some groups of a mean only."""
    rng = np.random.default_rng(seed)
    compiled = compile_network(random_city(rng), services=RULES)
    layout = layout_of(compiled)
    served = rng.random((len(layout.parts), compiled.n_zone)) < 0.6
    counter = ServiceCounter(
        compiled, plan_services(layout, np.ones(compiled.n_asset, bool)), serving(served, compiled.n_asset)
    )
    down = np.zeros((compiled.n_asset, 8), np.uint64)
    counter.meet(down, np.full(compiled.required.size, -1, np.int32), np.empty((0, 8), np.uint64))
    counter.count(down)
    city = City(compiled, {}, layout, serving(served, compiled.n_asset), seed=1)
    np.testing.assert_array_equal(counter.people, np.repeat(city.people[:, np.newaxis], 512, axis=1))


def test_what_the_intact_city_does_not_serve_is_never_counted() -> None:
    network = random_city(np.random.default_rng(4))
    compiled = compile_network(network, services=RULES)
    layout = layout_of(compiled)
    served = np.zeros((len(layout.parts), compiled.n_zone), bool)
    counter = ServiceCounter(
        compiled, plan_services(layout, np.ones(compiled.n_asset, bool)), serving(served, compiled.n_asset), n_root=2
    )
    down = np.zeros((compiled.n_asset, 8), np.uint64)
    counter.meet(down, np.full(compiled.required.size, -1, np.int32), np.empty((0, 8), np.uint64))
    everywhere = np.full((2, compiled.n_asset, 8), 2**64 - 1, np.uint64)
    counter.count(down, everywhere, np.full((2, compiled.zone_need.size, 8), 2**64 - 1, np.uint64))
    assert not counter.people.any()
    assert not counter.sums.zone_samples.any()
    assert not counter.sums.root_people.any()


def test_roots_of_a_cut_zone_are_those_of_facilities_in_reach_else_those_of_the_roads() -> None:
    roads = {"id": ["a", "b"], "sector": "transport", "geometry": [Point(0, 0), Point(1, 0)]}
    link = {"id": ["ab"], "sector": ["transport"], "geometry": [LineString([(0, 0), (1, 0)])], "from_asset": ["a"],
            "to_asset": ["b"]}  # fmt: skip
    clinic = {"id": ["clinic"], "sector": ["care"], "geometry": [Point(0, 1)], "access_asset": ["a"]}
    assets = gpd.GeoDataFrame(pd.concat([pd.DataFrame(t) for t in (roads, link, clinic)]).fillna(""), crs=5179)
    zones = gpd.GeoDataFrame({"id": ["z"], "persons": [5.0], "access_asset": ["b"]}, geometry=[box(0, 0, 1, 1)],
                             crs=5179)  # fmt: skip
    compiled = compile_network(Network.from_tables(assets=assets, zones=zones))
    at = {name: i for i, name in enumerate(compiled.asset_id)}
    layout = lay_out_services(compiled, [ServiceRule("care", "road", (np.array([at["clinic"]], np.int32),))])
    # Three samples: the clinic is down; the street is down; both are.
    up = np.ones((4, 512), bool)
    up[at["clinic"], [0, 2]] = False
    up[at["ab"], [1, 2]] = False
    roots = np.zeros((2, 4, 512), bool)
    roots[0, at["clinic"]] = ~up[at["clinic"]]
    roots[1, at["ab"]] = ~up[at["ab"]]
    counter = ServiceCounter(
        compiled, plan_services(layout, np.ones(4, bool)), serving(np.ones((1, 1), bool), 4), n_root=2
    )
    state = words(up)
    counter.meet(state, np.empty(0, np.int32), np.empty((0, 8), np.uint64))
    counter.count(state, np.stack([words(r) for r in roots]), np.empty((2, 0, 8), np.uint64))
    assert counter.people[0, :4].tolist() == [5000, 5000, 5000, 0]
    assert counter.sums.root_people[0].tolist() == [5000, 10000]


def test_services_by_road_ask_for_a_road_network_and_for_access() -> None:
    network = random_city(np.random.default_rng(0))
    bare = network.assets.assign(access_asset="")
    compiled = compile_network(network.replace(assets=bare))
    facility = np.array([compiled.asset_id.index("f1"), compiled.asset_id.index("r3")], np.int32)
    rules = [ServiceRule("care", "road", (facility,)), ServiceRule("safety", "road", (facility,), network="rail")]
    with pytest.raises(ConfigurationError) as caught:
        lay_out_services(compiled, rules)
    text = str(caught.value)
    assert "1 of 2" in text
    assert "f1" in text
    assert "'rail' has none" in text


def test_a_service_that_no_zone_needs_reaches_nobody() -> None:
    compiled = compile_network(random_city(np.random.default_rng(0)))
    layout = lay_out_services(compiled, [ServiceRule("telecom")])
    up = np.full((compiled.n_asset, 8), 2**64 - 1, np.uint64)
    assert not find_served(compiled, layout, up, np.zeros(compiled.n_asset, bool)).served.any()
    counter = ServiceCounter(
        compiled,
        plan_services(layout, np.zeros(compiled.n_asset, bool)),
        serving(np.ones((1, 7), bool), compiled.n_asset),
    )
    counter.meet(up, np.full(compiled.required.size, -1, np.int32), np.empty((0, 8), np.uint64))
    counter.count(
        up, np.empty((0, compiled.n_asset, 8), np.uint64), np.empty((0, compiled.zone_need.size, 8), np.uint64)
    )
    assert not counter.people.any()
