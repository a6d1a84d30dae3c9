"""Random cities of power, water and care, as the engine takes them, and what a block of them comes to."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, Point, box

from resilience.cascade import Cascade, supplied_graphs
from resilience.engine import (
    BlockSums,
    City,
    EventTask,
    find_baseline,
    prepare_event,
    solve_block,
)
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.service import ServiceRule, lay_out_services

GROUPS = 1 if INTERPRETED else 8
SERVICES = ("power", "water", "care")
LEVELS = {"power": "connected", "water": "connected"}
COUNTS = (
    "failed", "causes", "root_shares", "zone_samples", "zone_roots", "root_people", "loss_failed",
    "loss_square_failed", "loss_square", "people",
)  # fmt: skip


def random_network(rng: np.random.Generator, prefix: str = "", n_zone: int = 6) -> Network:
    """Power and water grids that need each other, streets with clinics, zones that need all of them."""
    nodes, links = [], []
    for sector, n in (("power", 8), ("water", 7), ("transport", 9)):
        for i in range(n):
            nodes.append({"id": f"{prefix}{sector[0]}{i}", "sector": sector, "geometry": Point(*rng.random(2) * 1000)})
        at = {row["id"]: row["geometry"] for row in nodes}
        ends = [(i, i + 1) for i in range(n - 1)] + [tuple(rng.choice(n, 2, replace=False)) for _ in range(4)]
        for j, (a, b) in enumerate(ends):
            a, b = f"{prefix}{sector[0]}{a}", f"{prefix}{sector[0]}{b}"
            links.append(
                {"id": f"{prefix}{sector[0]}-{j}", "sector": sector, "geometry": LineString([at[a], at[b]]),
                 "from_asset": a, "to_asset": b, "oneway": bool(sector == "water" and rng.random() < 0.3)}
            )  # fmt: skip
    for i in range(2):
        nodes.append(
            {"id": f"{prefix}clinic{i}", "sector": "care", "geometry": Point(*rng.random(2)),
             "access_asset": f"{prefix}t{rng.integers(9)}"}
        )  # fmt: skip
    assets = gpd.GeoDataFrame(pd.DataFrame(nodes + links), crs=5179)
    assets["oneway"] = assets["oneway"].eq(True)
    assets = assets.fillna({"from_asset": "", "to_asset": "", "access_asset": ""})
    zones = gpd.GeoDataFrame(
        {"id": [f"{prefix}z{i}" for i in range(n_zone)], "persons": rng.integers(1, 100, n_zone).astype(float),
         "access_asset": [f"{prefix}t{i}" for i in rng.integers(0, 9, n_zone)]},
        geometry=[box(i, 0, i + 1, 1) for i in range(n_zone)], crs=5179,
    )  # fmt: skip
    needs, dependencies = [], []

    def need(owner: str, service: str, providers: list[str], required: int, buffer: float = 0.0) -> None:
        name = f"{owner}/{service}"
        needs.append({"id": name, "dependent": owner, "service": service, "required": required,
                      "buffer_hours": buffer, "start_probability": 0.7})  # fmt: skip
        dependencies.extend({"need": name, "provider": p} for p in providers)

    power = [f"{prefix}p{i}" for i in range(8)]
    for i in range(0, 7, 2):
        need(f"{prefix}w{i}", "power", list(rng.choice(power, 2, replace=False)), 1, float(rng.choice([0, 4])))
    need(f"{prefix}p1", "water", [f"{prefix}w1", f"{prefix}w3"], 1)
    for i in range(2):
        need(f"{prefix}clinic{i}", "power", list(rng.choice(power, 3, replace=False)), 2, 2.0)
    for zone in zones["id"]:
        need(zone, "power", list(rng.choice(power, 3, replace=False)), int(rng.integers(1, 4)))
        need(zone, "water", [f"{prefix}w{rng.integers(7)}"], 1)
    supply = [{"asset": f"{prefix}{a}", "sector": s, "is_source": True}
              for a, s in (("p0", "power"), ("p5", "power"), ("w0", "water"))]  # fmt: skip
    return Network.from_tables(
        assets=assets, zones=zones, needs=pd.DataFrame(needs), dependencies=pd.DataFrame(dependencies),
        supply=pd.DataFrame(supply),
    )  # fmt: skip


def build(network: Network, *, start: str = "all_up", count_gaps: bool = False, seed: int = 5) -> City:
    """Return the city; with `count_gaps` all who are without a service count, whether or not it ever reached them."""
    compiled = compile_network(network, services=SERVICES)
    graphs = supplied_graphs(compiled, LEVELS)
    clinics = np.flatnonzero([i.split("-")[-1].startswith("clinic") for i in compiled.asset_id]).astype(np.int32)
    rules = [ServiceRule("power"), ServiceRule("water"), ServiceRule("care", "road", (clinics,))]
    layout = lay_out_services(compiled, rules)
    baseline = find_baseline(compiled, graphs, layout, start)
    if count_gaps:
        baseline = replace(baseline, served=np.ones_like(baseline.served))
    return City(compiled, graphs, layout, baseline, seed, start)


def random_probability(rng: np.random.Generator, network: Network) -> dict[str, float]:
    return {i: float(rng.random() * 0.4) if rng.random() < 0.5 else 0.0 for i in network.assets["id"]}


def task_of(city: City, probability: dict[str, float], event: int = 0) -> EventTask:
    return prepare_event(
        city, event, np.array([probability.get(i, 0.0) for i in city.compiled.asset_id]), family="river"
    )


def solved(city: City, probability: dict[str, float], groups: int = GROUPS) -> BlockSums:
    return solve_block(city, task_of(city, probability), 0, 8 * groups)


def by_asset(city: City, task: EventTask, sums: BlockSums) -> dict[str, tuple]:
    """Counts of every asset that can be down, by its id."""
    ids = city.compiled.asset_id
    failed = dict(zip((ids[i] for i in task.plan.failing), sums.failed.tolist(), strict=True))
    return {
        ids[i]: (failed.get(ids[i], 0), causes.tolist(), shares.tolist())
        for i, causes, shares in zip(task.plan.affected, sums.causes, sums.root_shares, strict=True)
        if causes.any()
    }


def failures(city: City, probability: dict[str, float]) -> dict[str, bytes]:
    """The failure bits of the first word group, by asset id."""
    task = task_of(city, probability)
    cascade = Cascade(city.compiled, task.plan)
    cascade.sample(0)
    return {city.compiled.asset_id[i]: cascade.failed[row].tobytes() for row, i in enumerate(task.plan.failing)}
