"""Buffers over time, one sample after the other."""

from __future__ import annotations

import math
from itertools import pairwise

from resilience.cascade import TimeGrid
from resilience.network import Network


class BufferTwin:
    """One sample, by the words of docs/semantics.md."""

    def __init__(self, network: Network, grid: TimeGrid) -> None:
        self.needs = network.needs.to_dict("records")
        self.providers = network.dependencies.groupby("need")["provider"].apply(list).to_dict()
        self.assets = network.assets.set_index("id").to_dict("index")
        self.minute = grid.minute.tolist()

    def unmet(self, need: dict, up: set[str]) -> bool:
        return sum(p in up for p in self.providers[need["id"]]) < need["required"]

    def states(self, up: set[str], holds: set[str]) -> set[str]:
        up = set(up)
        while True:
            lost = {n["dependent"] for n in self.needs if n["id"] not in holds and self.unmet(n, up)} & up
            if not lost:
                return up
            up -= lost

    def fuelled(self, up: set[str]) -> set[str]:
        depots = [name for name, row in self.assets.items() if row["kind"] == "fuel_depot" and name in up]
        reached = {self.assets[name]["access_asset"] for name in depots} & up
        while True:
            further = set()
            for name in up:
                row = self.assets[name]
                if row["from_asset"]:
                    further |= {row["to_asset"]} if row["from_asset"] in reached else set()
                    further |= {row["from_asset"]} if row["to_asset"] in reached and not row["oneway"] else set()
            if further & up <= reached:
                break
            reached |= further & up
        return {
            n["id"] for n in self.needs if n["refuel_from"] and self.assets[n["dependent"]]["access_asset"] in reached
        }

    def run(self, out: dict[str, int], starts: set[str], sample: int) -> list[set[str]]:
        since: dict[str, int] = {}
        back: dict[str, int] = {}
        fuelled: set[str] = set()
        states = []
        share = sum((sample >> bit & 1) << (8 - bit) for bit in range(9)) / 512
        looks = []
        for number, (now, until) in enumerate(pairwise(self.minute)):
            if number:
                looks.append((now, now, now, False))
            moment = now if number == 0 else now + math.floor((until - now) * (share + 1 / 1024))
            looks.append((now, moment, until, True))
        for now, moment, until, stands in looks:
            by_hours = {
                n["id"] for n in self.needs
                if n["id"] in starts and moment - since.get(n["id"], now) < n["buffer_hours"] * 60
            }  # fmt: skip
            able = {name for name in self.assets if out.get(name, 0) <= moment}
            holds = by_hours | (fuelled & starts)
            for grows in (False, True):
                while True:
                    up = self.states(able, holds)
                    fuelled = self.fuelled(up)
                    found = by_hours | (fuelled & starts)
                    found = holds | found if grows else holds & found
                    if found == holds:
                        break
                    holds = found
            if stands:
                states.append(up)
            for n in self.needs:
                name = n["id"]
                if name in fuelled:
                    since.pop(name, None)
                    back.pop(name, None)
                elif self.unmet(n, up):
                    back.pop(name, None)
                    since.setdefault(name, now)
                elif name in since:
                    back.setdefault(name, now)
                    if until - back[name] >= n["recharge_hours"] * 60:
                        del since[name], back[name]
        return states
