"""Two floods on one city under repair, with crews, fuel and people on its roads: every sample has a slow twin.

The twin follows docs/recovery.md, docs/access.md and docs/semantics.md: crews come from a depot by the roads that each
flood alone leaves, as its water falls in eighths; a hospital's tank is kept full by road; people reach the hospital in
time over the water of both floods.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from resilience.cascade import TimeGrid
from resilience.kernels.compiler import INTERPRETED
from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.test_hourly import threshold, uniforms

SAMPLES = 512
SEEDS = range(1 if INTERPRETED else 6)
END = 50  # h
LINKS = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 3)]
IDS = ["r0", "r1", "r2", "r3", "r4", "s0", "s1", "fuel"]
SECTOR = ["transport"] * 5 + ["power"] * 2 + ["energy"]
ACCESS = {5: 2, 6: 4}  # nodes of the substations; the depot is at 0, the fuel at 1, the hospital at 3
DAMAGED = 0.7
FAR = 1 << 30
Times = list[int | None]


class Flood(NamedTuple):
    depth: np.ndarray
    onset: int
    falls: int
    gone: int

    def eighths(self, begin: int, end: int) -> int:
        """Depth halfway through a step, rounded up to eighths of the peak."""
        begin, end = begin - self.onset, end - self.onset
        if begin < 0 or begin >= self.gone:
            return 0
        if begin < self.falls:
            return 8
        left = self.gone - (begin + min(end, self.gone)) / 2
        return int(np.ceil(8 * left / (self.gone - self.falls) - 1e-9))


def milliseconds(length: float, speed: float, depth: float) -> int | None:
    water = 1000 * depth
    if water >= 300 - 1e-9:
        return None
    return max(1, round(1000 * length / (min(3.6 * speed, 0.0009 * water**2 - 0.5529 * water + 86.9448) / 3.6)))


def reach(start: int, times: Times, up: tuple[bool, ...]) -> dict[int, int]:
    """Time from a node to all that are reached, ms."""
    found, todo = {start: 0}, {start}
    while todo:
        node = min(todo, key=found.__getitem__)
        todo.discard(node)
        for (a, b), time, works in zip(LINKS, times, up, strict=True):
            for here, there in ((a, b), (b, a)) if works and time is not None else ():
                if here == node and found[node] + time < found.get(there, FAR):
                    found[there] = found[node] + time
                    todo.add(there)
    return found


class Case:
    """A city and two floods drawn from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)

        def one_of(*values: Any) -> Any:
            return values[int(rng.integers(len(values)))]

        self.lengths = [one_of(500.0, 1200.0, 3000.0, 20000.0) for _ in LINKS]
        self.speed, self.road_work, self.box_work = one_of(10.0, 14.0), one_of(3.1, 9.0), 6.3
        self.hours = [(one_of(2.0, 4.5), one_of(0.0, 4.0, 8.0), 0.0), (3.0, one_of(0.0, 1.6), one_of(3.0, 10.0, 20.5))]
        self.floods = []
        for lasts, falls, onset in self.hours:
            depth = [one_of(0.05, 0.15, 0.28, 0.35, 0.6) for _ in LINKS]
            depth += [one_of(0.1, 0.5, 0.8), one_of(0.1, 0.5, 0.8), one_of(0.0, 0.4)]
            times = [round(60 * hours) for hours in (onset, lasts, lasts + falls)]
            self.floods.append(Flood(np.array(depth), *times))
        self.restart, self.rule = one_of(0.5, 2.0), one_of("fifo", "shortest", "longest")
        self.crews = {"power": 1, "transport": one_of(1, 2)}
        self.tank, self.recharge, self.limit = one_of(1.0, 5.0), one_of(0.0, 3.0), one_of(5.0, 20.0)

    def times(self, depth: np.ndarray) -> Times:
        return [milliseconds(self.lengths[k], self.speed, float(depth[k])) for k in range(len(LINKS))]

    def scenario(self, site: Any, folder: Path) -> Scenario:
        (folder / "times.csv").write_text(
            f"repair_class,state,distribution,value\nroad,1,fixed,{self.road_work}\nbox,1,fixed,{self.box_work}\n"
        )
        none = {"flood_fragility_curve": ""}
        assets = [{"id": f"n{k}", "sector": "transport", "kind": "road_node", **none} for k in range(5)]
        assets += [{"id": f"r{k}", "sector": "transport", "kind": "road", "from_asset": f"n{a}", "to_asset": f"n{b}",
                    "length": self.lengths[k], "speed": self.speed, "repair_class": "road"}
                   for k, (a, b) in enumerate(LINKS)]  # fmt: skip
        assets += [
            {"id": "s0", "repair_class": "box", "access_asset": "n2"},
            {"id": "s1", "repair_class": "box", "access_asset": "n4"},
            {"id": "fuel", "sector": "energy", "kind": "fuel_depot", "access_asset": "n1"},
            {"id": "depot", "sector": "safety", "kind": "fire_station", "access_asset": "n0", **none},
            {"id": "hospital", "sector": "medical", "kind": "hospital", "access_asset": "n3", **none},
        ]
        hazards = [
            {"family": name, "values": [[0.0] * 5 + flood.depth.tolist() + [0.0] * 2], "events": ["e"],
             "duration_hours": lasts, "recession_hours": falls}
            for name, flood, (lasts, falls, _) in zip("ab", self.floods, self.hours, strict=True)
        ]  # fmt: skip
        tank = {"buffer_hours": self.tank, "recharge_hours": self.recharge, "refuel_from": "fuel_depot"}
        hospital = {"by": "road", "providers": [{"kind": "hospital"}]}
        return site.scenario(
            assets, hazards, zones=[{"id": "zA", "persons": 100.0, "access_asset": "n0"},
                                    {"id": "zB", "persons": 10.0, "access_asset": "n4"}],
            needs=[("hospital", "power", ["s0", "s1"], 1, tank),
                   ("zB", "power", ["s1"], 1, {"buffer_hours": 0.0, "recharge_hours": 0.0, "refuel_from": ""})],
            services={"power": {"by": "assignment"}, "medical": hospital,
                      "clinic": {**hospital, "limit_minutes": self.limit}},
            samples=SAMPLES, time={"hours": [k / 2 for k in range(2 * END + 1)], "restart_hours": self.restart,
                  "repair": {"file": str(folder / "times.csv"), "unit": "h", "crews": self.crews, "rule": self.rule,
                             "damaged": {"flood": DAMAGED}, "depots": {"kind": "fire_station"}}},
            sequences=[{"name": "both", "parts": [
                {"family": "a", "event": "e"}, {"family": "b", "event": "e", "after_hours": self.hours[1][2]}]}],
        )  # fmt: skip


def find_way(case: Case, flood: Flood, asset: int, up: tuple[bool, ...], memo: dict[Any, Any]) -> tuple[int, int]:
    """When a crew can set off for what a flood damaged, and how long it takes, s, over the roads of that flood."""
    targets = [ACCESS[asset]] if asset in ACCESS else list(LINKS[asset])
    for level in range(8 if flood.gone > flood.falls else 0, -1, -1):
        if flood.depth[asset] * level / 8 >= 0.3:
            continue
        if (level, up) not in memo:
            memo[level, up] = reach(0, case.times(flood.depth * level / 8), up)
        taken = min(memo[level, up].get(node, FAR) for node in targets)
        if taken < FAR:
            return 60 * (flood.gone - level * (flood.gone - flood.falls) // 8), -(-taken // 1000)
    roads_back = flood.gone + round(60 * case.restart) if flood.depth[:5].any() else flood.gone
    intact = reach(0, case.times(np.zeros(5)), (True,) * 5)
    return 60 * roads_back, -(-min(intact[node] for node in targets) // 1000)


def repairs(case: Case, hits: list[tuple[int, dict[int, tuple[int, int, int]]]]) -> dict[tuple[int, int], int]:
    """When each (flood, asset) is done, s; a hit is an onset, and work, earliest departure and way by asset."""
    jobs: dict[int, dict[str, Any]] = {}
    done: dict[tuple[int, int], int] = {}
    times = {onset for onset, _ in hits} | {one[1] for _, struck in hits for one in struck.values()}
    while times:
        now = min(times)
        times.discard(now)
        for asset in [asset for asset, job in jobs.items() if job.get("end") == now]:
            done |= dict.fromkeys(((k, asset) for k in jobs.pop(asset)["floods"]), now)
        for k, (onset, struck) in enumerate(hits):
            for asset, (work, earliest, way) in struck.items() if onset == now else ():
                old = jobs.pop(asset, {"work": 0, "earliest": 0, "floods": []})
                jobs[asset] = {"work": max(work, old["work"]), "earliest": max(earliest, old["earliest"]), "way": way,
                               "floods": [*old["floods"], k]}  # fmt: skip
        bound = {asset: job["work"] + job["way"] for asset, job in jobs.items()}
        order = {"fifo": {asset: job["earliest"] for asset, job in jobs.items()}, "shortest": bound,
                 "longest": {asset: -hours for asset, hours in bound.items()}}[case.rule]  # fmt: skip
        for sector in case.crews:
            mine = [asset for asset in jobs if SECTOR[asset] == sector]
            free = case.crews[sector] - sum("end" in jobs[asset] for asset in mine)
            ready = [asset for asset in mine if "end" not in jobs[asset] and jobs[asset]["earliest"] <= now]
            for asset in sorted(sorted(ready), key=order.__getitem__)[:free]:
                jobs[asset]["end"] = now + bound[asset]
                times.add(now + bound[asset])
    return done


def find_outages(case: Case) -> np.ndarray:
    """Return which asset is out in which sample and minute."""
    out = np.zeros((len(IDS), SAMPLES, 60 * END), bool)
    hits: list[list[tuple[int, dict[int, tuple[int, int, int]]]]] = [[] for _ in range(SAMPLES)]
    for family, flood in zip("ab", case.floods, strict=True):
        u = np.array([uniforms(1, family, name, SAMPLES) for name in IDS]).astype(np.int64)
        bound = np.array([threshold(float(np.float32(depth))) for depth in flood.depth])[:, np.newaxis]
        fails, damaged = u < bound, u < np.floor(bound * DAMAGED)
        back = flood.onset + flood.gone + round(60 * case.restart)
        out[:, :, flood.onset : back] |= fails[:, :, np.newaxis]
        memo: dict[Any, Any] = {}
        for s in range(SAMPLES):
            struck = {}
            for a in np.flatnonzero(damaged[:7, s]).tolist():
                sets_off, way = find_way(case, flood, a, tuple((~fails[:5, s]).tolist()), memo)
                work = case.road_work if a < 5 else case.box_work
                struck[a] = (round(3600 * work), 60 * flood.onset + sets_off, way)
            hits[s].append((60 * flood.onset, struck))
    for s in range(SAMPLES):
        done = repairs(case, hits[s])
        for k, (flood, (_, struck)) in enumerate(zip(case.floods, hits[s], strict=True)):
            for a in struck:
                out[a, s, flood.onset : -(-done[k, a] // 60) if (k, a) in done else 60 * END] = True
    return out


def hours_lost(case: Case, out: np.ndarray, grid: TimeGrid) -> dict[str, np.ndarray]:
    """Person-hours of every sample."""
    lost = {name: np.zeros(SAMPLES) for name in ("power", "medical", "clinic")}
    drawn, met_since = [-1] * SAMPLES, [-1] * SAMPLES
    in_time = 60_000 * case.limit
    intact = reach(3, case.times(np.zeros(5)), (True,) * 5)
    counted = [persons * (intact[node] <= in_time) for node, persons in ((0, 100.0), (4, 10.0))]
    moments = grid.moments().astype(np.int64)
    for k, (begin, end) in enumerate(pairwise(grid.minute.tolist())):
        wet = np.max([flood.depth[:5] * flood.eighths(begin, end) / 8 for flood in case.floods], axis=0)
        times, hours = case.times(wet), (end - begin) / 60
        memo: dict[tuple[bool, ...], tuple[dict[int, int], dict[int, int]]] = {}
        for s in range(SAMPLES):
            now = int(moments[k, s % 512])
            down = out[:, s, now]
            up = tuple((~down[:5]).tolist())
            if up not in memo:
                memo[up] = reach(3, [1] * 5, up), reach(3, times, up)
            ways, timed = memo[up]
            works = not (down[5] and down[6])
            if 1 in ways and not down[7]:
                drawn[s] = met_since[s] = -1
                works = True
            elif works:
                met_since[s] = begin if drawn[s] >= 0 and met_since[s] < 0 else met_since[s]
            else:
                if met_since[s] >= 0 and begin - met_since[s] >= round(60 * case.recharge):
                    drawn[s] = -1
                drawn[s], met_since[s] = begin if drawn[s] < 0 else drawn[s], -1
                works = now - drawn[s] < round(60 * case.tank)
            lost["power"][s] += 10 * hours * down[6]
            for (node, persons), in_limit in zip(((0, 100.0), (4, 10.0)), counted, strict=True):
                lost["medical"][s] += persons * hours * (not (works and node in ways))
                lost["clinic"][s] += in_limit * hours * (not (works and timed.get(node, FAR) <= in_time))
    return lost


@pytest.mark.parametrize("seed", SEEDS)
def test_every_sample_of_a_sequence_is_that_of_a_twin(site: Any, tmp_path: Path, seed: int) -> None:
    case = Case(seed)
    ds = assess(case.scenario(site, tmp_path)).dataset.sel(event="both")
    grid = TimeGrid(np.append(np.round(60 * ds["time"].values), 60 * END).astype(np.int64))
    for service, hours in hours_lost(case, find_outages(case), grid).items():
        assert len(np.unique(hours)) > 10 or service == "clinic", service
        found = ds["person_hours_lost"].sel(service=service).values
        np.testing.assert_allclose(found, hours, rtol=1e-9, atol=1e-6, err_msg=service)
