"""Crews on their way: a twin per sample by networkx, closed forms, laws."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely.geometry import LineString, Point, box

from resilience.cascade import make_grid
from resilience.check import check
from resilience.engine import City, Depots, RepairRules, Water, find_baseline, plan_recovery, prepare_event
from resilience.errors import ConfigurationError
from resilience.kernels.fragility import sample_failures
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.pipeline import assess
from resilience.repair_times import RepairTime, RepairTimeTable
from resilience.service import ServiceRule, lay_out_services

SIDE, WORK = 4, 17 * 3600
FALLS, GONE = 360, 360 + 960


def streets(rng: np.random.Generator) -> Network:
    """Streets, some of one direction, two depots, and masts beside the junctions, one of them without access."""
    node = [(x, y) for x in range(SIDE) for y in range(SIDE)]
    rows = [{"id": f"n{x}{y}", "sector": "transport", "kind": "road_node", "geometry": Point(500 * x, 500 * y)}
            for x, y in node]  # fmt: skip
    for x, y in node:
        for end in ((x + 1, y), (x, y + 1)):
            if end in node and rng.random() < 0.9:
                pair = [(x, y), end] if rng.random() < 0.5 else [end, (x, y)]
                (a, b) = (f"n{i}{j}" for i, j in pair)
                rows.append(
                    {"id": f"l{a}{b}", "sector": "transport", "kind": "primary", "from_asset": a, "to_asset": b,
                     "oneway": bool(rng.random() < 0.3),
                     "geometry": LineString([Point(500 * i, 500 * j) for i, j in pair])}
                )  # fmt: skip
    for number, k in enumerate(rng.choice(len(node), 2, replace=False)):
        x, y = node[k]
        rows.append({"id": f"d{number}", "sector": "safety", "kind": "depot", "access_asset": f"n{x}{y}",
                     "geometry": Point(500 * x, 500 * y + 3)})  # fmt: skip
    for x, y in node:
        access = "" if (x, y) == (0, 0) else f"n{x}{y}"
        rows.append({"id": f"m{x}{y}", "sector": "telecom", "kind": "mast", "access_asset": access,
                     "geometry": Point(500 * x, 500 * y + 5)})  # fmt: skip
    assets = pd.DataFrame(rows)
    for name in ("from_asset", "to_asset", "access_asset"):
        assets[name] = assets[name].fillna("")
    assets["oneway"] = assets["oneway"].fillna(value=False).astype(bool)
    zones = gpd.GeoDataFrame({"id": ["z"], "persons": [1.0]}, geometry=[box(0, 0, 9, 9)], crs=5186)
    return Network.from_tables(assets=gpd.GeoDataFrame(assets, crs=5186), zones=zones)


def wet_seconds(length: float, depth: float) -> float:
    mm = 1000 * depth
    if mm >= 300:
        return np.inf
    return round(1000 * length / (min(60.0, 0.0009 * mm**2 - 0.5529 * mm + 86.9448) / 3.6)) / 1000


def nearest(assets: pd.DataFrame, depth: np.ndarray, up: np.ndarray) -> dict[str, float]:
    """Seconds from the nearest depot that works to every junction."""
    works = dict(zip(assets["id"], up, strict=True))
    graph = nx.DiGraph()
    for link, water in zip(assets.itertuples(), depth, strict=True):
        if link.from_asset and works[link.id] and works[link.from_asset] and works[link.to_asset]:
            time = wet_seconds(link.geometry.length, water)
            if np.isfinite(time):
                graph.add_edge(link.from_asset, link.to_asset, time=time)
                if not link.oneway:
                    graph.add_edge(link.to_asset, link.from_asset, time=time)
    found: dict[str, float] = {}
    for depot in assets[assets["kind"] == "depot"].itertuples():
        if works[depot.id] and works[depot.access_asset]:
            graph.add_node(depot.access_asset)
            for node, time in nx.single_source_dijkstra_path_length(graph, depot.access_asset, weight="time").items():
                found[node] = min(found.get(node, np.inf), time)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_crew_arrives_when_a_twin_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = streets(rng)
    assets = network.assets
    compiled = compile_network(network)
    ids = assets["id"].tolist()
    depth = rng.choice([0.0, 0.2, 0.35, 0.9], len(ids), p=[0.4, 0.2, 0.2, 0.2])
    chance = np.where(assets["kind"] == "mast", 0.9, rng.choice([0.0, 0.3], len(ids)))
    classes = np.array(["mast" if kind == "mast" else "street" if name[0] == "l" and seed else ""
                        for kind, name in zip(assets["kind"], ids, strict=True)], dtype=object)  # fmt: skip
    table = RepairTimeTable([RepairTime(name, 1, "fixed", {"value": 17.0}) for name in ("mast", "street")])
    depots = Depots(np.flatnonzero(assets["kind"] == "depot").astype(np.int32), assets)
    rules = RepairRules(table, classes, {"flood": (1.0,)}, {}, depots=depots)
    layout = lay_out_services(compiled, [ServiceRule("power")])
    city = City(compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), seed=5, grid=make_grid([0, 99]))
    water = Water(FALLS, GONE)
    recover = partial(
        plan_recovery, compiled, end_hours=GONE / 60, restart_hours=2.0, rules=rules, peril="flood", family="f", seed=5,
        water=water, depth=depth,
    )  # fmt: skip
    task = prepare_event(city, 0, chance, family="f", depth=depth, recover=recover, water=water)
    failing = task.plan.failing
    minute = task.recovery.restored(task.plan, 0)
    failed = np.empty((failing.size, 8), np.uint64)
    sample_failures(task.plan.key, task.plan.identity, task.plan.threshold, 0, failed)
    out = np.unpackbits(failed.view(np.uint8), axis=1, bitorder="little").astype(bool)
    intact = nearest(assets, np.zeros(len(ids)), np.ones(len(ids), bool))
    last = max(60 * GONE, 60 * (GONE + 120) if np.isin(assets["sector"].iloc[failing], "transport").any() else 0)
    of_street = assets["sector"].to_numpy() == "transport"
    kinds = set()
    for s in range(0, 512, 23):
        up = np.ones(len(ids), bool)
        up[failing] = ~out[:, s]
        stages = [(60 * (GONE - level * 120), level) for level in range(8, -1, -1)]
        ways = [(second, level / 8, nearest(assets, depth * level / 8, up)) for second, level in stages]
        for row, asset in enumerate(failing):
            if not out[row, s]:
                continue
            if classes[asset] == "":
                assert minute[row, s] == GONE + 120
                continue
            ends = [assets["from_asset"].iloc[asset], assets["to_asset"].iloc[asset]] if of_street[asset] else []
            ends = ends or [assets["access_asset"].iloc[asset]]
            begin, travel = None, np.inf
            for second, share, way in ways:
                travel = min(way.get(end, np.inf) for end in ends)
                if np.isfinite(travel) and depth[asset] * share < 0.3:
                    begin = second
                    break
            if begin is None:
                travel = min(intact.get(end, np.inf) for end in ends)
                begin, travel = (last, travel) if np.isfinite(travel) else (60 * GONE, 0.0)
            kinds.add("late" if begin == last else "wet" if begin < 60 * GONE else "dry")
            done = -(-(begin + np.ceil(travel) + WORK) // 60)
            # Damage is no better than an outage, which ends two hours after the water is gone.
            assert minute[row, s] == max(done, GONE + 120), (ids[asset], s)
    assert "wet" in kinds
    assert len(kinds) > 1


STATES = "repair_class,state,distribution,value\nmast,0,fixed,1\nmast,1,fixed,5\n"


def road_city(site: Any, folder: Path, *, depth: float, recession: float = 16, **repair: Any) -> Any:
    """A kilometre of road between a depot and a mast that the water damages."""
    (folder / "times.csv").write_text(STATES)
    assets = [
        {"id": "a", "sector": "transport", "kind": "road_node", "flood_fragility_curve": ""},
        {"id": "b", "sector": "transport", "kind": "road_node", "flood_fragility_curve": ""},
        {"id": "ab", "sector": "transport", "kind": "primary", "from_asset": "a", "to_asset": "b", "length": 1000.0,
         "flood_fragility_curve": ""},
        {"id": "d", "sector": "safety", "kind": "depot", "access_asset": "a", "flood_fragility_curve": ""},
        {"id": "m", "sector": "telecom", "kind": "mast", "access_asset": "b", "repair_class": "mast",
         "flood_fragility_curve": "depth_is_probability"},
    ]  # fmt: skip
    return site.scenario(
        assets, [{"values": [[0, 0, depth, 0, 1.0]], "events": ["e"], "duration_hours": 6,
                  "recession_hours": recession}],
        needs=[("zone", "telecom", ["m"], 1)],
        time={"hours": list(range(41)), "repair": {"file": str(folder / "times.csv"), "unit": "h", **repair}},
    )  # fmt: skip


def lost_hours(dataset: xr.Dataset) -> float:
    return float(dataset["person_hours_lost"].mean()) / 1000


def test_a_crew_sets_off_when_its_way_opens(site: Any, tmp_path: Path) -> None:
    found = lost_hours(assess(road_city(site, tmp_path, depth=0.4, depots={"kind": "depot"})).dataset)
    # The metre at the mast is below 0.3 m at two eighths of its peak, 12 h after the fall began; the road under 0.1 m
    # then lets 40.65 km/h pass: 88.55 s at 50 km/h would be less.
    seconds = 3600 / (0.0009 * 100**2 - 0.5529 * 100 + 86.9448)
    wanted = np.ceil((18 * 3600 + np.ceil(seconds) + 5 * 3600) / 60) / 60
    assert found == pytest.approx(wanted, abs=1 / 500)


def test_without_depots_crews_are_everywhere_when_the_event_is_over(site: Any, tmp_path: Path) -> None:
    result = assess(road_city(site, tmp_path, depth=0.4))
    assert lost_hours(result.dataset) == 6 + 16 + 5
    assert "crews are everywhere as soon as an event is over" in "\n".join(result.notes)


def test_a_longer_recession_never_helps_crews(site: Any, tmp_path: Path) -> None:
    before = 0.0
    for recession in (0, 2, 7, 16):
        one = road_city(site, tmp_path, depth=0.4, recession=recession, depots={"kind": "depot"})
        lost = lost_hours(assess(one).dataset)
        assert lost >= before - 1e-9
        before = lost
    assert before > 11


@pytest.mark.parametrize(
    ("repair", "error", "message"),
    [
        ({"depots": {"kind": "depo"}}, ConfigurationError, "did you mean 'depot'"),
        ({"depots": {"kind": "depot"}, "roads": "transprt"}, ConfigurationError, "did you mean 'transport'"),
        ({"roads": "rail"}, ConfigurationError, "only with depots"),
    ],
    ids=str,
)
def test_depots_that_are_wrong(
    site: Any, tmp_path: Path, repair: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check(road_city(site, tmp_path, depth=0.4, **repair))
