"""A mixed city at all levels, one sample after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
from shapely.geometry import LineString, Point

from resilience.network import Network

SECTORS = ("power", "water", "telecom", "gas", "data")
MIN_FRACTION = 0.5


def mixed_city(rng: np.random.Generator, n_node: int = 30, n_link: int = 40, *, buffers: bool = True) -> Network:
    """Five sectors that need one another in loops, zones with several needs, buffers, capacity that just suffices."""
    place = rng.random((n_node, 2)) * 1000
    rows: list[dict[str, Any]] = [
        {"id": f"n{i:02d}", "sector": SECTORS[i % 5], "geometry": Point(*place[i])} for i in range(n_node)
    ]
    for j in range(n_link):
        sector = j % 4
        a, b = (int(v) for v in rng.choice(np.arange(sector, n_node, 5), 2, replace=False))
        rows.append(
            {
                "id": f"l{j:02d}", "sector": SECTORS[sector], "geometry": LineString([place[a], place[b]]),
                "from_asset": f"n{a:02d}", "to_asset": f"n{b:02d}", "oneway": bool(sector == 3 and rng.random() < 0.3),
                "reactance": float(rng.uniform(0.05, 0.3)), "rating": float(rng.choice([np.nan, rng.uniform(6, 25)])),
            }
        )  # fmt: skip
    assets = gpd.GeoDataFrame(rows, crs=5179).fillna({"oneway": False, "from_asset": "", "to_asset": ""})
    supply = []
    for i in range(n_node):
        sector = SECTORS[i % 5]
        if sector in ("data", "telecom"):
            continue
        is_source = i < 10
        supply.append(
            {"asset": f"n{i:02d}", "sector": sector, "is_source": is_source,
             "capacity": float(rng.uniform(5, 40)) if is_source else np.nan, "demand": float(rng.uniform(2, 12))}
        )  # fmt: skip
    needs: list[dict[str, Any]] = []
    dependencies: list[dict[str, Any]] = []

    def need(owner: str, service: str, names: list[str]) -> None:
        providers = rng.choice(names, min(len(names), int(rng.integers(1, 4))), replace=False)
        providers = [p for p in providers if p != owner] or [names[0] if names[0] != owner else names[1]]
        number = len(needs)
        needs.append(
            {"id": f"need{number:02d}", "dependent": owner, "service": service,
             "required": int(rng.integers(1, len(providers) + 1)),
             "buffer_hours": buffers * float(rng.choice([0, 0, 4])),
             "start_probability": float(rng.choice([1.0, 0.5]))}
        )  # fmt: skip
        dependencies.extend({"need": f"need{number:02d}", "provider": p} for p in providers)

    of_sector = {name: [row["id"] for row in rows if row["sector"] == name] for name in SECTORS}
    for _ in range(11):
        need(str(rng.choice([row["id"] for row in rows])), *_pick(rng, of_sector))
    zones = gpd.GeoDataFrame(
        [{"id": f"z{i}", "persons": float(rng.integers(1, 5000)), "geometry": Point(0, 0)} for i in range(8)], crs=5179
    )
    for i in range(8):
        for _ in range(2):
            need(f"z{i}", *_pick(rng, of_sector))
    return Network.from_tables(
        assets=assets, needs=pd.DataFrame(needs), dependencies=pd.DataFrame(dependencies), supply=pd.DataFrame(supply),
        zones=zones,
    )  # fmt: skip


def _pick(rng: np.random.Generator, of_sector: Mapping[str, list[str]]) -> tuple[str, list[str]]:
    service = str(rng.choice(list(of_sector), p=[0.35, 0.25, 0.2, 0.1, 0.1]))
    return service, of_sector[service]


class LevelTwin:
    """The definition, with sets of ids, networkx and dense algebra."""

    def __init__(self, network: Network, factors: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self.sector = dict(zip(network.assets["id"], network.assets["sector"], strict=True))
        table = network.assets.set_index("id")
        self.links = {i: (r["from_asset"], r["to_asset"]) for i, r in table.iterrows() if r["from_asset"]}
        self.oneway, self.reactance = table["oneway"].to_dict(), table["reactance"].to_dict()
        rating = table["rating"].fillna(np.inf).to_dict()
        self.needs = network.needs.to_dict("records")
        self.providers = network.dependencies.groupby("need")["provider"].apply(list).to_dict()
        supply = network.supply.set_index("asset")
        self.sources = set(supply.index[supply["is_source"]])
        factors = factors or {}

        def column(name: str) -> dict[str, float]:
            values = supply[name].fillna(0.0).to_dict()
            return {i: v * factors.get(self.sector[i], {}).get(name, 1.0) for i, v in values.items()}

        self.capacity = {i: v for i, v in column("capacity").items() if i in self.sources}
        self.demand = column("demand")
        self.rating = {i: rating[i] * factors.get("power", {}).get("rating", 1.0) for i in self.links}
        self.intact_load = self.load({i for i, s in self.sector.items() if s == "telecom"})

    def graph(self, sector: str, conducts: set[str]) -> nx.Graph:
        graph = nx.Graph()
        graph.add_nodes_from(sorted(i for i in conducts if self.sector[i] == sector and i not in self.links))
        for i, (a, b) in self.links.items():
            if i in conducts and a in graph and b in graph:
                graph.add_edge(a, b)
        return graph

    def load(self, conducts: set[str]) -> dict[str, float]:
        found = nx.betweenness_centrality(self.graph("telecom", conducts), normalized=False)
        return {str(node): value for node, value in found.items()}

    def balance(self, island: set[str]) -> tuple[float, float]:
        given = sum(self.capacity.get(i, 0.0) for i in island)
        drawn = sum(self.demand.get(i, 0.0) for i in island)
        if given <= 0.0:
            return 0.0, 0.0
        return (1.0, drawn / given) if drawn <= given else (given / drawn, 1.0)

    def solve(self, sector: str, conducts: set[str]) -> tuple[dict[str, float], set[str]]:
        if sector == "water":
            islands = nx.connected_components(self.graph(sector, conducts))
            return {i: self.balance(island)[0] for island in islands for i in island}, set()
        return self.flow(conducts) if sector == "power" else self.overload(conducts)

    def flow(self, conducts: set[str]) -> tuple[dict[str, float], set[str]]:
        tripped: set[str] = set()
        while True:
            now = conducts - tripped
            fraction: dict[str, float] = {}
            over = set()
            for island in nx.connected_components(self.graph("power", now)):
                share, output = self.balance(island)
                fraction.update(dict.fromkeys(island, share))
                nodes = sorted(island)
                inside = [i for i in self.links if i in now and self.sector[i] == "power" and self.links[i][0] in island
                          and self.links[i][1] in island]  # fmt: skip
                b = np.zeros((len(nodes), len(nodes)))
                y = {i: 100.0 / self.reactance[i] for i in inside}
                for i in inside:
                    p, q = (nodes.index(end) for end in self.links[i])
                    b[[p, q], [p, q]] += y[i]
                    b[[p, q], [q, p]] -= y[i]
                injection = [output * self.capacity.get(i, 0.0) - share * self.demand.get(i, 0.0) for i in nodes]
                angle = np.linalg.lstsq(b, np.array(injection), rcond=None)[0]
                for i in inside:
                    p, q = (nodes.index(end) for end in self.links[i])
                    if abs(angle[p] - angle[q]) * y[i] > self.rating[i] * (1 + 1e-9):
                        over.add(i)
            if not over:
                return fraction, tripped
            tripped |= over

    def overload(self, conducts: set[str]) -> tuple[dict[str, float], set[str]]:
        tripped: set[str] = set()
        while True:
            load = self.load(conducts - tripped)
            most = {i: 1.6 * self.intact_load[i] for i in load}
            over = {i for i, v in load.items() if v > most[i] + 1e-9 * max(1, most[i])}
            if not over:
                return dict.fromkeys(load, 1.0), tripped
            tripped |= over

    def met(self, need: Mapping[str, Any], up: set[str], buffers: set[str]) -> bool:
        return need["id"] in buffers or sum(p in up for p in self.providers[need["id"]]) >= need["required"]

    def boolean(self, up: set[str], buffers: set[str]) -> set[str]:
        while True:
            reached = {i for i in up if self.sector[i] != "gas"} | (self.sources & up)
            while True:
                more = set()
                for i, (a, b) in self.links.items():
                    if self.sector[i] != "gas" or i not in up:
                        continue
                    oneway = self.oneway[i]
                    if a in reached or (not oneway and b in reached):
                        more |= {i} | ({b} & up) | (set() if oneway else {a} & up)
                if more <= reached:
                    break
                reached |= more
            new = {
                i for i in up & reached
                if all(self.met(n, up, buffers) for n in self.needs if n["dependent"] == i)
            }  # fmt: skip
            if new == up:
                return up
            up = new

    def settle(self, failed: set[str], buffers: set[str]) -> tuple[set[str], dict[str, float], set[str]]:
        """Return who counts, the fraction of every member of a level, and what tripped."""
        up = self.boolean(set(self.sector) - failed, buffers)
        fraction = {i: 1.0 for i, s in self.sector.items() if s in ("water", "power", "telecom")}
        tripped: set[str] = set()
        solved: dict[str, set[str]] = {}
        falls = True
        while falls:
            falls = False
            for sector in ("water", "power", "telecom"):
                members = {i for i, s in self.sector.items() if s == sector}
                conducts = {
                    i for i in members - failed - tripped
                    if all(self.met(n, up, buffers) for n in self.needs if n["dependent"] == i)
                }  # fmt: skip
                if conducts == solved.get(sector):
                    continue
                found, trips = self.solve(sector, conducts)
                tripped |= trips
                solved[sector] = conducts - trips
                for i in members - set(self.links):
                    fraction[i] = min(fraction[i], found.get(i, 0.0))
                for i in members & set(self.links):
                    ends = max(fraction[end] for end in self.links[i])
                    fraction[i] = ends if i in solved[sector] else 0.0
                counts = {i for i in solved[sector] if fraction[i] >= MIN_FRACTION - 1e-9}
                new = up - (members - counts)
                if new != up:
                    up = self.boolean(new, buffers)
                    falls = True
        return up, fraction, tripped

    def received(
        self, zone: str, service: str, up: set[str], fraction: Mapping[str, float], buffers: set[str]
    ) -> float:
        shares = []
        for need in self.needs:
            if need["dependent"] == zone and need["service"] == service:
                given = sorted((fraction.get(p, float(p in up)) for p in self.providers[need["id"]]), reverse=True)
                shares.append(1.0 if need["id"] in buffers else given[need["required"] - 1])
        return min(shares)
