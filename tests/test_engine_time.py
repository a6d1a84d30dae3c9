"""Sums over a time grid: exact integrals, laws, and the state at the peak unchanged."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from resilience.cascade import make_grid, supplied_graphs
from resilience.engine import BlockSums, City, EventTask, Threads, find_baseline, prepare_event, simulate, solve_block
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.roots import SHARES
from resilience.network import Network
from resilience.network.compile import PERSON, compile_network
from resilience.service import ServiceRule, lay_out_services

GROUPS = 1 if INTERPRETED else 4
HOURS = (0, 1, 2, 4, 8, 12, 24, 48, 72)
PEAK = (
    "people", "failed", "causes", "root_shares", "zone_samples", "zone_roots", "root_people", "loss_failed",
    "loss_square_failed", "loss_square",
)  # fmt: skip


def town(*, battery: float = 4.0, tower: float = 12.0, recharge: float = 0.0) -> Network:
    """Two substations on a line, a pump and a clinic with a battery, streets, three zones; the pump has a tower."""
    point = {"p0": (0, 0), "p1": (1, 0), "w0": (0, 1), "t0": (0, 2), "t1": (1, 2), "t2": (2, 2), "clinic": (2, 3)}
    sector = {"p": "power", "w": "water", "t": "transport", "c": "medical"}
    rows = [
        {"id": name, "sector": sector[name[0]], "geometry": Point(at), "from_asset": "", "to_asset": "",
         "access_asset": "t2" if name == "clinic" else ""}
        for name, at in point.items()
    ]  # fmt: skip
    for name, a, b in (("p0-p1", "p0", "p1"), ("t0-t1", "t0", "t1"), ("t1-t2", "t1", "t2")):
        rows.append(
            {"id": name, "sector": sector[name[0]], "geometry": LineString([point[a], point[b]]), "from_asset": a,
             "to_asset": b, "access_asset": ""}
        )  # fmt: skip
    needs = [
        ("w0", "power", ["p1"], battery), ("clinic", "power", ["p1"], battery), ("z0", "power", ["p0"], 0.0),
        ("z1", "power", ["p1"], 0.0), ("z0", "water", ["w0"], tower), ("z1", "water", ["w0"], tower),
    ]  # fmt: skip
    zones = gpd.GeoDataFrame(
        {"id": ["z0", "z1", "z2"], "persons": [10.0, 20.0, 40.0], "access_asset": ["t0", "t1", "t2"]},
        geometry=[box(i, 0, i + 1, 1) for i in range(3)], crs=5179,
    )  # fmt: skip
    return Network.from_tables(
        assets=gpd.GeoDataFrame(rows, crs=5179),
        zones=zones,
        needs=pd.DataFrame(
            [
                {"id": f"{who}/{service}", "dependent": who, "service": service, "required": 1, "buffer_hours": hours,
                 "recharge_hours": recharge}
                for who, service, _, hours in needs
            ]
        ),
        dependencies=pd.DataFrame(
            [{"need": f"{who}/{service}", "provider": p} for who, service, of, _ in needs for p in of]
        ),
        supply=pd.DataFrame([{"asset": "p0", "sector": "power", "is_source": True}]),
    )  # fmt: skip


def build(network: Network, hours: tuple[float, ...] | None = HOURS, ends: tuple[float, ...] = ()) -> City:
    compiled = compile_network(network, services=("power", "water", "medical"))
    graphs = supplied_graphs(compiled, {"power": "connected"})
    clinic = np.array([compiled.asset_id.index("clinic")], np.int32)
    rules = [ServiceRule("power"), ServiceRule("water"), ServiceRule("medical", "road", (clinic,))]
    layout = lay_out_services(compiled, rules)
    baseline = find_baseline(compiled, graphs, layout, "all_up")
    grid = None if hours is None else make_grid(hours, ends=ends)
    return City(compiled, graphs, layout, baseline, seed=7, grid=grid)


def task_of(city: City, probability: dict[str, float], back: dict[str, float]) -> EventTask:
    ids = city.compiled.asset_id
    return prepare_event(
        city, 0, np.array([probability.get(i, 0.0) for i in ids]), family="river",
        restored_hours=np.array([back.get(i, np.inf) for i in ids]),
    )  # fmt: skip


def person_hours(sums: BlockSums) -> np.ndarray:
    assert sums.over_time is not None
    return sums.over_time.sample_minutes / PERSON / 60


def test_services_are_lost_when_buffers_end_and_come_back_with_the_power() -> None:
    # The line fails and is back after 24 h. p1 is down 0-24 h; battery to 4 h, then tower to 16 h.
    city = build(town(), ends=(16.0,))
    sums = solve_block(city, task_of(city, {"p0-p1": 1.0}, {"p0-p1": 24.0}), 0, 8)
    power, water, medical = person_hours(sums)
    assert (power == 24 * 20).all()
    assert (water == (24 - 16) * 30).all()
    assert (medical == (24 - 4) * 70).all()
    over = sums.over_time
    hours = (city.grid.minute[:-1] // 60).tolist()
    assert hours == [0, 1, 2, 4, 8, 12, 16, 24, 48]
    assert (over.people[:, 1] / PERSON / 512).tolist() == [0, 0, 0, 0, 0, 0, 30, 0, 0]
    # Whom the line takes down: p1 by supply for 24 h, the pump by its need for 20 h.
    place = {city.compiled.asset_id[a]: i for i, a in enumerate(task_of(city, {"p0-p1": 1.0}, {}).plan.affected)}
    assert over.cause_minutes[place["p0-p1"]].tolist() == [24 * 60 * 512, 0, 0, 0, 0]
    assert over.cause_minutes[place["p1"]].tolist() == [0, 24 * 60 * 512, 0, 0, 0]
    assert over.cause_minutes[place["w0"]].tolist() == [0, 0, 20 * 60 * 512, 0, 0]


def random_case(seed: int) -> tuple[dict[str, float], dict[str, float]]:
    rng = np.random.default_rng(seed)
    ids = ("p0", "p1", "w0", "t0", "t1", "t2", "clinic", "p0-p1", "t0-t1", "t1-t2")
    probability = {i: float(rng.choice([0, 0.2, 0.5])) for i in ids}
    return probability, {i: float(rng.choice([0.5, 3, 10, 30, np.inf])) for i in ids}


@pytest.mark.parametrize("seed", range(3))
def test_the_state_at_the_peak_does_not_depend_on_a_grid(seed: int) -> None:
    probability, back = random_case(seed)
    with_grid, without = build(town()), build(town(), None)
    one = solve_block(with_grid, task_of(with_grid, probability, back), 0, 8 * GROUPS)
    two = solve_block(without, task_of(without, probability, {}), 0, 8 * GROUPS)
    assert two.over_time is None
    for name in PEAK:
        if name in ("causes", "root_shares"):
            # A buffer that outlasts the peak may end later: more assets are affected, none of them at the peak.
            assert getattr(one, name).sum() == getattr(two, name).sum()
        else:
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("seed", range(3))
def test_sums_over_time_are_those_of_its_points(seed: int) -> None:
    city = build(town(), ends=(0.5, 3, 10, 30, 16))
    sums = solve_block(city, task_of(city, *random_case(seed)), 0, 8 * GROUPS)
    over, step = sums.over_time, city.grid.step
    np.testing.assert_array_equal(over.sample_minutes.sum(axis=1), (over.people * step[:, np.newaxis]).sum(axis=0))
    np.testing.assert_array_equal(over.people[0], sums.people.sum(axis=1))
    np.testing.assert_array_equal(over.root_people.sum(axis=2), over.people)
    people = (over.zone_samples * city.compiled.persons[:, np.newaxis]).sum(axis=1)
    np.testing.assert_array_equal(people, over.people * SHARES)
    np.testing.assert_array_equal(over.root_minutes.sum(axis=1), over.cause_minutes.sum(axis=1) * SHARES)


def test_sums_do_not_depend_on_blocks() -> None:
    city = build(town())
    task = task_of(city, *random_case(1))
    groups = 4
    seen: list[dict[int, np.ndarray]] = []
    for block in (512, 1024, 2048):
        parts: dict[int, np.ndarray] = {}
        [total] = simulate(
            city, [task], n_samples=512 * groups, block_samples=block, pool=Threads(2),
            on_block=lambda b, sums, parts=parts: parts.update({b.number: sums.over_time.sample_minutes.copy()}),
        )  # fmt: skip
        seen.append(parts)
        joined = np.concatenate([parts[i] for i in sorted(parts)], axis=1)
        whole = solve_block(city, task, 0, 8 * groups)
        np.testing.assert_array_equal(joined, whole.over_time.sample_minutes)
        for name in ("people", "zone_samples", "root_people", "cause_minutes", "root_minutes"):
            np.testing.assert_array_equal(getattr(total.over_time, name), getattr(whole.over_time, name))


@pytest.mark.parametrize("seed", range(4))
def test_longer_buffers_and_quicker_repair_never_cost_person_hours(seed: int) -> None:
    probability, back = random_case(seed)
    ends = (0.5, 1.5, 3, 5, 10, 15, 16, 22, 30, 36)
    base = build(town(), ends=ends)
    lost = person_hours(solve_block(base, task_of(base, probability, back), 0, 8 * GROUPS))
    for network in (town(battery=10.0), town(tower=36.0), town(battery=22.0, tower=15.0)):
        city = build(network, ends=ends)
        assert (person_hours(solve_block(city, task_of(city, probability, back), 0, 8 * GROUPS)) <= lost).all()
    quicker = {name: hours / 2 for name, hours in back.items()}
    assert (person_hours(solve_block(base, task_of(base, probability, quicker), 0, 8 * GROUPS)) <= lost).all()
    slower = build(town(recharge=50.0), ends=ends)
    assert (person_hours(solve_block(slower, task_of(slower, probability, back), 0, 8 * GROUPS)) >= lost).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_finer_grid_changes_nothing_where_all_ends_are_on_it(seed: int) -> None:
    probability, back = random_case(seed)
    network = town(battery=0.0, tower=0.0)
    coarse, fine = build(network, ends=(0.5, 3, 10, 30)), build(network, tuple(np.arange(0, 72.5, 0.5)))
    one, two = (person_hours(solve_block(c, task_of(c, probability, back), 0, 8 * GROUPS)) for c in (coarse, fine))
    np.testing.assert_array_equal(one, two)


def test_no_hazard_costs_no_person_hour() -> None:
    network = town()
    # A zone that no road leads to misses the limit in the intact city: a gap, not a loss.
    network = network.replace(zones=network.zones.assign(access_asset=["t0", "", "t2"]))
    city = build(network)
    sums = solve_block(city, task_of(city, {}, {}), 0, 8)
    assert not sums.over_time.sample_minutes.any()
    assert not sums.over_time.zone_samples.any()


def test_without_roots_the_rest_is_the_same() -> None:
    city = build(town())
    probability, back = random_case(2)
    whole = solve_block(city, task_of(city, probability, back), 0, 8).over_time
    plain = replace(city, with_roots=False)
    other = solve_block(plain, task_of(plain, probability, back), 0, 8).over_time
    np.testing.assert_array_equal(whole.sample_minutes, other.sample_minutes)
    np.testing.assert_array_equal(whole.cause_minutes, other.cause_minutes)
    assert not other.root_minutes.any()
