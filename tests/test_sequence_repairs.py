"""Repairs while hazards come one after the other: hand cases, and a twin that repairs one sample at a time."""

from __future__ import annotations

from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience.cascade import make_grid
from resilience.engine import (
    City,
    EventTask,
    RepairRules,
    SequenceRecovery,
    find_baseline,
    plan_recovery,
    prepare_event,
    prepare_sequence,
    solve_block,
)
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.repair_times import RepairTime, RepairTimeTable
from resilience.service import ServiceRule, lay_out_services


def build(sectors: str, hours: tuple[float, ...], ends: tuple[float, ...] = ()) -> City:
    """Return assets, each of which alone serves a zone of one person; a letter is a sector."""
    n = len(sectors)
    place = [Point(i, 0) for i in range(n)]
    assets = gpd.GeoDataFrame({"id": [f"l{i}" for i in range(n)], "sector": list(sectors), "geometry": place}, crs=5179)
    zones = gpd.GeoDataFrame({"id": [f"z{i}" for i in range(n)], "persons": 1.0, "geometry": place}, crs=5179)
    needs = pd.DataFrame(
        {"id": [f"n{i}" for i in range(n)], "dependent": zones["id"], "service": "power", "required": 1}
    )
    dependencies = pd.DataFrame({"need": needs["id"], "provider": assets["id"]})
    network = Network.from_tables(assets=assets, zones=zones, needs=needs, dependencies=dependencies)
    compiled = compile_network(network, services=("power",))
    layout = lay_out_services(compiled, [ServiceRule("power")])
    baseline = find_baseline(compiled, {}, layout, "all_up")
    return City(compiled, {}, layout, baseline, seed=11, grid=make_grid(hours, ends=ends))


def sequence(
    city: City, parts: list[tuple[str, list[float], float, float]], rules: RepairRules | None, *, restart: float = 4.0
) -> EventTask:
    """Return a sequence; a part is its peril (and family), probabilities, hours it lasts and hour of its onset."""
    tasks = []
    for peril, chance, end, after in parts:
        recover = partial(
            plan_recovery, city.compiled, end_hours=end, restart_hours=restart, rules=rules, peril=peril, family=peril,
            seed=city.seed,
        )  # fmt: skip
        tasks.append((prepare_event(city, 0, np.array(chance), family=peril, recover=recover), round(60 * after)))
    return prepare_sequence(city, 0, tasks, perils=[part[0] for part in parts], depths=[None] * len(parts), rules=rules)


def rules(n: int, hours: dict[str, float], **more: object) -> RepairRules:
    table = RepairTimeTable([RepairTime("line", 1, "fixed", {"value": h}, peril=peril) for peril, h in hours.items()])
    return RepairRules(
        table, np.array(["line"] * n, dtype=object), {"flood": (1.0,), "heat": (1.0,)}, **{"crews": {}, **more}
    )


def hours_out(city: City, task: EventTask) -> list[float]:
    """Return for how many hours each zone is without service, the same in all samples."""
    over = solve_block(city, task, 0, 8).over_time
    assert over is not None
    share = over.zone_samples[:, :, 0] / 720_720 / 512
    assert set(np.unique(share).tolist()) <= {0.0, 1.0}
    assert city.grid is not None
    return ((city.grid.step / 60) @ share).tolist()


HOURLY = tuple(float(h) for h in range(201))


def test_outages_of_both_hazards_add_up_where_they_overlap() -> None:
    city = build("aaa", HOURLY)
    task = sequence(city, [("flood", [1, 1, 0], 10, 0), ("heat", [0, 1, 1], 20, 5)], None)
    assert hours_out(city, task) == [14, 29, 24]
    apart = sequence(city, [("flood", [1, 1, 0], 10, 0), ("heat", [0, 1, 1], 20, 50)], None)
    assert hours_out(city, apart) == [14, 14 + 24, 24]


def test_a_crew_at_work_goes_on_and_the_new_damage_waits() -> None:
    """One crew: l0 from 10 to 40; the heat of hour 20 to 22 breaks l1; l2, broken by the flood, is before it."""
    city = build("aaa", HOURLY)
    one = rules(3, {"flood": 30, "heat": 8}, crews={"a": 1})
    task = sequence(city, [("flood", [1, 0, 1], 10, 0), ("heat", [0, 1, 0], 2, 20)], one)
    assert hours_out(city, task) == [40, 78 - 20, 70]


def test_what_waits_is_chosen_anew_by_the_rule() -> None:
    """As before, but the shortest first: at 40 h the crew takes the new job of 8 h before the old one of 30 h."""
    city = build("aaa", HOURLY)
    one = rules(3, {"flood": 30, "heat": 8}, crews={"a": 1}, rule="shortest")
    task = sequence(city, [("flood", [1, 0, 1], 10, 0), ("heat", [0, 1, 0], 2, 20)], one)
    assert hours_out(city, task) == [40, 48 - 20, 78]


@pytest.mark.parametrize(("flood", "heat", "wanted"), [(30, 8, 22 + 30), (8, 30, 22 + 30), (30, 30, 52)])
def test_a_second_hit_restarts_the_longer_repair(flood: float, heat: float, wanted: float) -> None:
    """l0 is under repair from 10 h on, and hit again at 15 h by a heat that lasts 7 h."""
    city = build("a", HOURLY)
    task = sequence(city, [("flood", [1], 10, 0), ("heat", [1], 7, 15)], rules(1, {"flood": flood, "heat": heat}))
    assert hours_out(city, task) == [wanted]


@pytest.mark.parametrize("after", [0, 10])
def test_a_short_hazard_within_a_long_one_brings_no_crew_before_both_are_over(after: float) -> None:
    """l0 is broken by a heat of 72 h, and by a flood that has gone long before: the crew sets off at 72 h."""
    city = build("a", HOURLY)
    task = sequence(
        city, [("heat", [1], 72, 0), ("flood", [1], 5, after)], rules(1, {"flood": 30, "heat": 8}), restart=0.0
    )
    assert hours_out(city, task) == [72 + 30]


def test_a_second_hit_of_what_is_repaired_is_a_new_one() -> None:
    city = build("a", HOURLY)
    task = sequence(city, [("flood", [1], 10, 0), ("heat", [1], 7, 60)], rules(1, {"flood": 20, "heat": 5}))
    assert hours_out(city, task) == [30 + 12]


def test_a_second_hit_frees_the_crew() -> None:
    """The only crew leaves l0 at 15 h, when heat breaks it again, for l1; it is back for l0 at 45 h."""
    city = build("aa", HOURLY)
    one = rules(2, {"flood": 30, "heat": 8}, crews={"a": 1})
    task = sequence(city, [("flood", [1, 1], 10, 0), ("heat", [1, 0], 7, 15)], one)
    assert hours_out(city, task) == [75, 45]


def test_nothing_waits_for_damage_that_is_yet_to_come() -> None:
    """l1 waits for l0, which only the heat of hour 100 breaks: the repair of l1 begins at once, at 10 h."""
    city = build("ab", HOURLY)
    waiting = rules(2, {"flood": 20, "heat": 8}, before={1: np.array([0], np.int32)})
    task = sequence(city, [("flood", [0, 1], 10, 0), ("heat", [1, 0], 2, 100)], waiting)
    assert hours_out(city, task) == [10, 30]
    # Broken while l1 still waits for its only crew, it is waited for.
    held = rules(3, {"flood": 20, "heat": 8}, before={1: np.array([0], np.int32)}, crews={"b": 1})
    city = build("abb", HOURLY)
    held = rules(3, {"flood": 20, "heat": 8}, before={2: np.array([0], np.int32)}, crews={"b": 1})
    task = sequence(city, [("flood", [0, 1, 1], 10, 0), ("heat", [1, 0, 0], 2, 25)], held)
    assert hours_out(city, task) == [10, 30, 35 + 20]


def test_two_hazards_at_once_are_one_queue() -> None:
    city = build("aa", HOURLY)
    one = rules(2, {"flood": 30, "heat": 8}, crews={"a": 1}, rule="shortest")
    task = sequence(city, [("flood", [1, 1], 10, 0), ("heat", [0, 1], 10, 0)], one)
    # l1, hit by both, needs the longer work; of equals the first named goes first.
    assert hours_out(city, task) == [40, 70]


class Twin:
    """Repairs of one sample, minute by minute, by the words of docs/recovery.md."""

    def __init__(self, sectors: str, crews: dict[str, int], rule: str, before: dict[int, list[int]]) -> None:
        self.sectors, self.crews, self.rule, self.before = sectors, crews, rule, before

    def rank(self, asset: int, job: dict) -> tuple:
        key = {"fifo": job["earliest"], "shortest": job["work"], "longest": -job["work"]}[self.rule]
        return key, asset

    def run(self, hits: list[tuple[int, int, dict[int, int]]]) -> dict[tuple[int, int], int]:
        """Return when each (hazard, asset) is done; a hit is its onset, when it is over, and work by asset; seconds."""
        jobs: dict[int, dict] = {}
        done: dict[tuple[int, int], int] = {}
        times = {onset for onset, _, _ in hits} | {over for _, over, _ in hits}
        while times:
            now = min(times)
            times.discard(now)
            for asset, job in list(jobs.items()):
                if job.get("end") == now:
                    for k in job["hazards"]:
                        done[k, asset] = now
                    del jobs[asset]
            for k, (onset, over, work) in enumerate(hits):
                if onset == now:
                    for asset, seconds in work.items():
                        old = jobs.pop(asset, None)
                        jobs[asset] = {
                            "work": max(seconds, old["work"] if old else 0),
                            "earliest": max(over, old["earliest"] if old else 0),
                            "hazards": [*(old["hazards"] if old else []), k],
                        }  # fmt: skip
            for sector in sorted(set(self.sectors)):
                mine = [a for a in jobs if self.sectors[a] == sector]
                free = self.crews.get(sector, len(self.sectors)) - sum("end" in jobs[a] for a in mine)
                ready = [
                    a for a in mine
                    if "end" not in jobs[a] and jobs[a]["earliest"] <= now
                    and not any(other in jobs for other in self.before.get(a, []))
                ]  # fmt: skip
                for asset in sorted(ready, key=lambda a: self.rank(a, jobs[a]))[: max(free, 0)]:
                    jobs[asset]["end"] = now + jobs[asset]["work"]
                    times.add(jobs[asset]["end"])
        return done


@pytest.mark.parametrize("rule", ["fifo", "shortest", "longest"])
@pytest.mark.parametrize("crews", [{"a": 1, "b": 1}, {"a": 2}], ids=str)
def test_repairs_are_those_of_the_twin(rule: str, crews: dict[str, int]) -> None:
    sectors = "aaabbba"
    city = build(sectors, HOURLY)
    before = {3: [0], 4: [1, 2], 5: [6]}
    times = [
        RepairTime("line", 1, "lognormal", {"median": 20.0, "beta": 0.6}, peril="flood"),
        RepairTime("line", 1, "lognormal", {"median": 8.0, "beta": 0.9}, peril="heat"),
    ]
    repair = RepairRules(
        RepairTimeTable(times), np.array(["line"] * 7, dtype=object), {"flood": (0.9,), "heat": (0.8,)}, crews, rule,
        before={asset: np.array(first, np.int32) for asset, first in before.items()},
    )  # fmt: skip
    parts = [
        ("flood", [0.7, 0.5, 0.6, 0.7, 0.8, 0.0, 0.9], 6.0, 0.0), ("heat", [0.5] * 7, 3.0, 14.0),
        ("flood", [0.2, 0.9, 0.1, 0.4, 0.5, 0.6, 0.3], 2.0, 30.0), ("heat", [0.6, 0, 0, 0.6, 0.2, 0.9, 0.1], 0.0, 30.0),
    ]  # fmt: skip
    task = sequence(city, parts, repair)
    assert isinstance(task.recovery, SequenceRecovery)
    restored = task.recovery.restored(task.plan, 8)
    drawn = []
    for one, strike in zip(task.recovery.recoveries, task.plan.strikes, strict=True):
        damaged = one.damaged(strike.plan, 8)
        assert damaged is not None
        drawn.append(one.jobs(strike.plan, 8, damaged))
    orders = [one.order for one in task.recovery.recoveries]
    first = np.cumsum([0, *(strike.row.size for strike in task.plan.strikes)])
    checked = again = 0
    for sample in range(64 if INTERPRETED else 512):
        hits, row = [], {}
        for k, (strike, jobs) in enumerate(zip(task.plan.strikes, drawn, strict=True)):
            here = slice(jobs.indptr[sample], jobs.indptr[sample + 1])
            struck = strike.plan.failing[orders[k][jobs.asset[here]]]
            work = dict(zip(struck.tolist(), jobs.duration[here].tolist(), strict=True))
            row |= {(k, int(asset)): int(first[k]) + i for i, asset in enumerate(strike.plan.failing)}
            hits.append((60 * strike.onset, 60 * strike.onset + round(3600 * parts[k][2]), work))
        done = Twin(sectors, crews, rule, before).run(hits)
        for key, end in done.items():
            # A short repair brings nothing back before an outage of that part would have ended.
            outage = task.plan.strikes[key[0]].onset + 60 * (parts[key[0]][2] + 4)
            assert restored[row[key], sample] == max(-(-end // 60), outage), (sample, key)
        checked += len(done)
        again += len(done) - len({(asset, end) for (_, asset), end in done.items()})
        for k, strike in enumerate(task.plan.strikes):
            for asset in strike.plan.failing.tolist():
                if (k, asset) not in done:
                    assert restored[row[k, asset], sample] == strike.onset + round(60 * (parts[k][2] + 4))
    assert checked > 500
    assert again > 50


def test_random_repairs_far_apart_cost_the_sum_within_the_sampling_of_the_grid() -> None:
    hours = tuple(float(h) for h in range(0, 1000, 5))
    city = build("aaaa", hours, ends=(300.0, 310.0))
    table = RepairTimeTable([RepairTime("line", 1, "lognormal", {"median": 20.0, "beta": 0.3})])
    repair = RepairRules(table, np.array(["line"] * 4, dtype=object), {"flood": (1.0,), "heat": (1.0,)}, {"a": 2})
    parts = [("flood", [0.5] * 4, 10.0, 0.0), ("heat", [0.3, 0.9, 0.2, 0.6], 10.0, 0.0)]
    alone = []
    for part in parts:
        over = solve_block(city, sequence(city, [part], repair), 0, 8).over_time
        assert over is not None
        alone.append(over.sample_minutes.sum())
    later = [parts[0], (*parts[1][:3], 300.0)]
    over = solve_block(city, sequence(city, later, repair), 0, 8).over_time
    assert over is not None
    assert abs(over.sample_minutes.sum() / sum(alone) - 1) < 0.003
