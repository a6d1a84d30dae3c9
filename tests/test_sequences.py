"""Hazards one after the other as one event: identities, hand cases, a twin that repairs one sample at a time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience.cascade import make_grid
from resilience.check import check
from resilience.draws import FRAGILITY, stream_key
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
from resilience.errors import ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.fragility import sample_uniforms
from resilience.network import Network
from resilience.network.compile import compile_network, identity
from resilience.pipeline import assess
from resilience.repair_times import RepairTime, RepairTimeTable
from resilience.scenario import Scenario
from resilience.service import ServiceRule, lay_out_services

NONE = {"buffer_hours": 0.0}
SAMPLES = 512 if INTERPRETED else 2048


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


def town(site, *, hours: list[float], samples: int = SAMPLES, sequences: object = (), **more: object) -> Scenario:
    """A pump and a clinic hang on substations, with batteries; flood and heat each reach some of them."""
    table = site._folder() / "times.csv"
    table.write_text(
        "repair_class,state,peril,distribution,value\nline,1,flood,fixed,30\nline,1,heat,fixed,6\n", encoding="utf-8"
    )
    classes = {"repair_class": "line", "heat_fragility_curve": "degree_is_probability"}
    return site.scenario(
        [{"id": "s0", **classes}, {"id": "s1", **classes}, {"id": "pump", "sector": "water", **classes},
         {"id": "clinic", "sector": "medical", **classes}],
        [{"family": "river", "peril": "flood", "values": [[0.3, 0.4, 0.1, 0.2], [0.6, 0.7, 0.5, 0.4]],
          "return_periods": [10, 100], "duration_hours": 12},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[0.2, 0.3, 0.5, 0.3]],
          "events": ["july"], "annual_rates": [0.2], "duration_hours": 24, "plausible": [-1, 50]}],
        needs=[("pump", "power", ["s0", "s1"], 1, {"buffer_hours": 8.0}),
               ("clinic", "power", ["s1"], 1, {"buffer_hours": 24.0}),
               ("zone", "water", ["pump"], 1, NONE), ("zone", "medical", ["clinic"], 1, NONE)],
        services={"power": {"by": "internal"}, "water": {"by": "assignment"}, "medical": {"by": "assignment"}},
        samples=samples, time={"hours": hours, "repair": {"file": str(table), "unit": "h", "crews": {"power": 1}}},
        sequences=list(sequences), **more,
    )  # fmt: skip


ONE = {"name": "one", "parts": [{"family": "river", "event": "100"}]}
APART = {"name": "apart", "parts": [{"family": "river", "return_period": 100},
                                    {"family": "hot", "event": "july", "after_hours": 200}]}  # fmt: skip
NEAR = {"name": "near", "parts": [{"family": "river", "event": "rp100"},
                                  {"family": "hot", "event": "july", "after_hours": 30}]}  # fmt: skip
GRID = [float(h) for h in range(0, 420, 2)]


@pytest.fixture(scope="module")
def three(site):
    return assess(town(site, hours=GRID, sequences=[ONE, APART, NEAR])).dataset


def test_a_sequence_of_one_is_that_event(three) -> None:
    names = three["event"].values.tolist()
    one, event = names.index("one"), names.index("river:rp100")
    compared = 0
    for name, array in three.variables.items():
        if array.dims[:1] == ("event",) and name not in ("event", "family", "return_period", "annual_rate",
                                                         "annual_weight", "tail_weight"):  # fmt: skip
            np.testing.assert_array_equal(array.values[one], array.values[event], err_msg=str(name))
            compared += 1
    assert compared > 30
    assert three["person_hours_lost"].values[one].any()


def test_other_events_do_not_change(site, three) -> None:
    """The state at the peak bit for bit; hours over the larger grid exactly, as all returns are at its points."""
    plain = assess(town(site, hours=GRID)).dataset
    for name in ("people_without_service", "root_people", "person_hours_lost", "zone_hours_lost", "failed_count"):
        np.testing.assert_allclose(plain[name].values, three[name].values[: plain.sizes["event"]], rtol=1e-12)


def test_far_apart_hazards_cost_the_sum_of_both(three) -> None:
    """Exactly, sample by sample, as all that is lost returns at points of the grid before the heat comes."""
    hours = three["person_hours_lost"].sel(event=["river:rp100", "hot:july", "apart", "near"]).values
    np.testing.assert_array_equal(hours[2], hours[0] + hours[1])
    assert (hours[0] > 0).any()
    assert (hours[1] > 0).any()
    assert (hours[3] != hours[2]).any()


def test_roots_tell_which_hazard_took_what(three) -> None:
    by_root = three["root_person_hours"].sel(event=["river:rp100", "hot:july", "apart"]).values
    np.testing.assert_allclose(by_root[2], by_root[0] + by_root[1])
    roots = three["root"].values.astype(str)
    near = three["root_person_hours"].sel(event="near").values.sum(axis=0)
    for peril in ("flood", "heat"):
        assert near[[name.endswith(peril) for name in roots]].sum() > 0
    assert three["peril"].sel(event="near").item() == "flood+heat"


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


def test_buffers_drown_with_the_flood_that_reaches_them(site) -> None:
    """A battery that the flood of hour 48 drowns holds until then, and not from then on."""

    def hours(after: float) -> list[float]:
        scenario = site.scenario(
            [{"id": "s0", "heat_fragility_curve": "degree_is_probability", "flood_fragility_curve": ""},
             {"id": "clinic", "sector": "medical", "flood_fragility_curve": ""}],
            [{"family": "river", "values": [[0.0, 1.0]], "events": ["a"], "duration_hours": 12},
             {"family": "hot", "peril": "heat", "unit": "degC", "values": [[1.0, 0.0]], "events": ["b"],
              "duration_hours": 96, "plausible": [-1, 50]}],
            needs=[("clinic", "power", ["s0"], 1, {"buffer_hours": 200.0, "buffer_height": 0.5}),
                   ("zone", "medical", ["clinic"], 1, {**NONE, "buffer_height": None})],
            services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
            time={"hours": [0, 100, 400], "restart_hours": 4},
            sequences=[{"name": "both", "parts": [
                {"family": "hot", "event": "b"}, {"family": "river", "event": "a", "after_hours": after}]}],
        )  # fmt: skip
        lost = assess(scenario).dataset["person_hours_lost"].sel(event="both", service="medical").values
        return np.unique(lost / 1000).tolist()

    assert hours(48) == [52]
    assert hours(0) == [100]
    assert hours(100) == [0]


@pytest.mark.parametrize("after", [3, 40])
def test_a_heatwave_hour_by_hour_after_a_flood_sample_by_sample(site, after: int) -> None:
    """Who is out when: by the hours of the heat, by damage of either, and by the longer repair of what both damaged."""
    table = site._folder() / "times.csv"
    table.write_text(
        "repair_class,state,peril,distribution,value\nline,1,flood,fixed,20\nline,1,heat,fixed,15\n", encoding="utf-8"
    )
    flood = np.array([0.6, 0.3, 0.8], np.float32)
    heat = np.outer(np.abs(np.sin(np.arange(24) / 7)), [0.9, 0.5, 0.7]).astype(np.float32)
    asset = {"repair_class": "line", "heat_fragility_curve": "degree_is_probability"}
    scenario = site.scenario(
        [{"id": f"s{i}", **asset} for i in range(3)],
        [{"family": "river", "values": [flood], "events": ["a"], "duration_hours": 6},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": heat[np.newaxis], "events": ["b"],
          "hours": list(range(24)), "plausible": [-1, 50]}],
        zones=[{"id": f"z{i}", "persons": 10.0**i} for i in range(3)],
        needs=[(f"z{i}", "power", [f"s{i}"], 1) for i in range(3)],
        time={"hours": list(range(101)), "restart_hours": 2,
              "repair": {"file": str(table), "unit": "h", "damaged": {"flood": 0.7, "heat": 0.4}}},
        sequences=[{"name": "both", "parts": [
            {"family": "river", "event": "a"}, {"family": "hot", "event": "b", "after_hours": after}]}],
    )  # fmt: skip
    hashes = identity([f"s{i}" for i in range(3)])
    drawn = {}
    for family in ("river", "hot"):
        drawn[family] = np.empty((3, 512), np.uint32)
        sample_uniforms(stream_key(1, FRAGILITY, family), hashes, 0, drawn[family])
    moment = np.arange(100)[:, np.newaxis]
    wanted = np.zeros(512)
    for i in range(3):
        by_flood, by_heat = drawn["river"][i] / 2.0**32, drawn["hot"][i] / 2.0**32
        worst = after + int(heat[:, i].argmax())
        broken = by_flood < 0.7 * flood[i]
        again = by_heat < 0.4 * heat[:, i].max()
        both = broken & again & (after < 6 + 20)
        repaired = np.where(both, max(6, worst) + 20, 6 + 20)
        out = (by_flood < flood[i]) & (moment < np.where(broken, repaired, 6 + 2))
        out |= again & (moment >= worst) & (moment < np.where(both, repaired, worst + 15))
        for hour, p in enumerate(heat[:, i]):
            out |= (by_heat < p) & (moment >= after + hour) & (moment < after + hour + 3)
        wanted += 10.0**i * out.sum(axis=0)
    lost = assess(scenario).dataset["person_hours_lost"].sel(event="both").values[0]
    np.testing.assert_allclose(lost, wanted)
    assert np.unique(wanted).size > 50


@pytest.mark.parametrize("hours", [[0, 720], [0, 72, 168, 720]], ids=str)
def test_a_buffer_is_full_again_when_the_next_hazard_comes_however_coarse_the_grid(site, hours: list[float]) -> None:
    """Out from 0 to 30 h and from 300 to 340 h; a battery of 20 h recharges in 48 h: 10 and 20 h are lost."""
    scenario = site.scenario(
        [{"id": "s0", "heat_fragility_curve": "degree_is_probability"},
         {"id": "clinic", "sector": "medical", "flood_fragility_curve": ""}],
        [{"family": "river", "values": [[1.0, 0.0]], "events": ["a"], "duration_hours": 26},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[1.0, 0.0]], "events": ["b"],
          "duration_hours": 36, "plausible": [-1, 50]}],
        needs=[("clinic", "power", ["s0"], 1, {"buffer_hours": 20.0, "recharge_hours": 48.0}),
               ("zone", "medical", ["clinic"], 1, {**NONE, "recharge_hours": 0.0})],
        services={"power": {"by": "internal"}, "medical": {"by": "assignment"}},
        time={"hours": hours, "restart_hours": 4},
        sequences=[{"name": "both", "parts": [
            {"family": "river", "event": "a"}, {"family": "hot", "event": "b", "after_hours": 300}]}],
    )  # fmt: skip
    lost = assess(scenario).dataset["person_hours_lost"].sel(event="both", service="medical").values
    assert np.unique(lost / 1000).tolist() == [30]


@pytest.mark.parametrize(("after", "wanted"), [(30, [6 + 12, 12]), (4, [4 + 12, 12]), (0, [12, 12])])
def test_each_flood_slows_the_roads_in_its_own_time(site, after: float, wanted: list[float]) -> None:
    """A way of 1 km for each zone: the first flood, 6 h at its peak, stops one; the second, 8 h and falling, both."""
    assets = [{"id": name, "sector": "transport", "kind": "road_node"} for name in ("a", "b", "d")]
    assets += [
        {"id": f"{name}b", "sector": "transport", "kind": "primary", "from_asset": name, "to_asset": "b",
         "length": 1000.0} for name in ("a", "d")
    ]  # fmt: skip
    assets.append({"id": "c", "sector": "medical", "kind": "clinic", "access_asset": "b"})
    family = {"peril": "flood", "events": ["e"]}
    scenario = site.scenario(
        [{"flood_fragility_curve": "", **asset} for asset in assets],
        [{"family": "pluvial", "values": [[0, 0, 0, 1.0, 0, 0]], "duration_hours": 6, **family},
         # Falling from 0.4 m, five eighths (0.25 m, 724 s) are the last that is too slow: four hours more.
         {"family": "river", "values": [[0, 0, 0, 0.4, 0.4, 0]], "duration_hours": 8, "recession_hours": 8, **family}],
        zones=[{"id": "za", "access_asset": "a"}, {"id": "zd", "access_asset": "d"}],
        services={"medical": {"by": "road", "providers": {"kind": "clinic"}, "limit_minutes": 9}},
        time={"hours": list(range(60))},
        sequences=[{"name": "both", "parts": [{"family": "pluvial", "event": "e"},
                                              {"family": "river", "event": "e", "after_hours": after}]}],
    )  # fmt: skip
    found = assess(scenario).dataset.sel(event="both")
    assert found["zone_hours_lost"].sel(service="medical").values.tolist() == wanted
    assert found["root_person_hours"].sel(root="transport/flood").item() == pytest.approx(1000 * sum(wanted))


def test_a_sequence_has_annual_figures_with_a_rate(site) -> None:
    rated = {**NEAR, "annual_rate": 0.05}
    risk = {"catalogue_years": 2000, "return_periods": [10, 100]}
    result = assess(town(site, hours=GRID, sequences=[rated], samples=512, risk=risk))
    ds = result.dataset
    weights = (ds["annual_weight"] + ds["tail_weight"]).values
    mean = ds["person_hours_lost"].mean("sample").values
    np.testing.assert_allclose(ds["annual_person_hours"].values, weights @ mean)
    assert weights[-1] == 0.05
    assert result.exceedance is not None
    assert "water_person_hours" in result.exceedance["quantity"].values
    assert any("count twice" in note for note in result.notes)


def test_pairs_count_the_first_peak_of_a_sequence(site) -> None:
    rated = {**NEAR, "annual_rate": 0.05}
    result = assess(town(site, hours=[0, 100, 500], sequences=[rated], samples=512, importance={"assets": ["s1"]}))
    assert result.pairs is not None
    assert np.isfinite(result.pairs["birnbaum"].sel(asset="s1").values).all()


def test_results_do_not_depend_on_blocks(site, three) -> None:
    if SAMPLES == 512:
        pytest.skip("one block")
    cut = town(site, hours=GRID, sequences=[ONE, APART, NEAR], monte_carlo={"samples": SAMPLES, "block": 512})
    other = assess(cut, threads=2).dataset
    for name in ("person_hours_lost", "root_person_hours", "down_hours", "people_over_time"):
        np.testing.assert_array_equal(three[name].values, other[name].values)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([{"name": "x", "parts": [{"family": "rivr", "event": "10"}]}], "did you mean 'river'"),
        ([{"name": "x", "parts": [{"family": "river", "event": "rp20"}]}], "one of rp10, rp100"),
        ([{"name": "x", "parts": [{"family": "river", "return_period": 20}]}], "one of rp10, rp100"),
        ([{"name": "x", "parts": [{"family": "river"}]}], "either event or return_period"),
        ([{"name": "x", "parts": []}], "parts"),
        ([{"name": "river", "parts": [{"family": "river", "event": "10"}]}], "no family, event or sequence has"),
        ([{"name": "x", "parts": [{"family": "river", "event": "10", "after_hours": 3}]}], "after_hours from 0 on"),
        ([{"name": "x", "parts": [{"family": "river", "event": "10"},
                                  {"family": "hot", "event": "july", "after_hours": 600}]}], "end of the time grid"),
    ],
    ids=str,
)  # fmt: skip
def test_sequences_that_are_wrong(site, sequences: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check(town(site, hours=GRID, sequences=sequences))


def test_a_sequence_needs_a_time_section(site) -> None:
    scenario = town(site, hours=GRID, sequences=[ONE])
    data = {key: value for key, value in scenario.to_dict().items() if key != "time"}
    with pytest.raises(ConfigurationError, match=r"sequences: .*a time section"):
        check(Scenario.from_dict(data))


def test_a_run_on_disk_holds_the_sequence(site, tmp_path: Path) -> None:
    assess(town(site, hours=[0, 100, 500], sequences=[NEAR], samples=512), out=tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "resilience.csv")
    assert "near" in set(table["event"])
