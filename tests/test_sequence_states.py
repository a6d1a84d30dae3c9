"""A flood, a heatwave by the hour and another flood on one city under repair: every sample has a slow twin.

The twin follows docs/recovery.md, docs/compound.md and docs/semantics.md: states of damage by curves or by shares, one
queue of repairs that the heat slows, outages hour by hour, buffers that run out, recharge and stand in water.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from resilience.cascade import TimeGrid
from resilience.kernels.compiler import INTERPRETED
from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.test_hourly import threshold, uniforms

SAMPLES = 512
SEEDS = range(1 if INTERPRETED else 5)
END = 60  # h
IDS = ["s0", "s1", "s2", "s3", "w0", "w1"]
SECTOR = ["power"] * 4 + ["water"] * 2
CLASS = ["box"] * 4 + ["press"] * 2
PEOPLE = {"z0": 100.0, "z1": 101.0, "z2": 102.0, "z3": 103.0}
WORK = {("box", "flood", 1): 4.25, ("box", "flood", 2): 11.1, ("box", "heat", 1): 6.4, ("press", "flood", 1): 7.3,
        ("press", "heat", 1): 2.2}  # fmt: skip
SHARE = {"flood": 0.6, "heat": 0.3}  # damaged of what fails, where no curve tells
HOURS = [3, 6, 9, 12, 13, 20, 30]
BOUNDS = np.array([*HOURS, 40]) - HOURS[0]
DRY_ABOVE = 0.5  # m, the clinic's buffer

CURVES = """name,role,peril,unit,x,y,source,basis,group,state
depth,fragility,flood,m,0,0,s,default,,
depth,fragility,flood,m,1,1,s,default,,
hot,fragility,heat,degC,30,0,s,default,,
hot,fragility,heat,degC,40,0.9,s,default,,
box_1,fragility,flood,m,0,0,s,default,box_flood,1
box_1,fragility,flood,m,1,0.7,s,default,box_flood,1
box_2,fragility,flood,m,0,0,s,default,box_flood,2
box_2,fragility,flood,m,1,0.35,s,default,box_flood,2
box_hot,fragility,heat,degC,30,0,s,default,box_heat,1
box_hot,fragility,heat,degC,40,0.5,s,default,box_heat,1
"""


class Flood(NamedTuple):
    family: str
    depth: np.ndarray
    lasts: float
    falls: float
    onset: float


class Need(NamedTuple):
    dependent: int
    providers: list[int]
    required: int
    buffer: float
    recharge: float
    can_flood: bool = False


class Case:
    """A city and a sequence drawn from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)

        def one_of(*values: Any) -> Any:
            return values[int(rng.integers(len(values)))]

        first, second = np.round(rng.uniform(0.1, 0.9, (2, 7)), 2)
        other = "river" if seed % 3 == 2 else "coast"
        self.floods = [
            Flood("river", first, 4.0, one_of(0.0, 2.5), 0.0),
            Flood(other, second, 2.0, 1.0, one_of(20.3, 12.0, 30.0)),
        ]
        self.air = np.round(rng.uniform(28, 39, (len(HOURS), 7)), 1).astype(np.float32)
        self.heat_onset = one_of(6.5, 3.0)
        self.restart, self.outage = one_of(0.5, 2.0), one_of(1.5, 3.0)
        # Whether a pump waits for the repair of the power that it needs.
        self.first: dict[int, list[int]] = {4: [0, 3], 5: [2]} if seed % 2 else {}
        self.rule, self.crews = one_of("fifo", "shortest", "longest"), {"power": one_of(1, 2), "water": 1}
        pump, clinic = (one_of(0.0, 3.5), one_of(0.0, 2.0)), (one_of(2.0, 6.25), one_of(0.0, 5.0))
        self.needs = [Need(4, [0, 3], one_of(1, 2), *pump), Need(5, [2], 1, *pump), Need(6, [4], 1, *clinic, True),
                      Need(6, [1], 1, *clinic)]  # fmt: skip

    def scenario(self, site: Any, folder: Path) -> Scenario:
        (folder / "curves.csv").write_text(CURVES)
        (folder / "times.csv").write_text(
            f"repair_class,state,peril,distribution,value\nbox,0,,fixed,{self.outage}\n"
            + "".join(f"{name},{state},{peril},fixed,{hours}\n" for (name, peril, state), hours in WORK.items())
        )
        curves = {"flood_fragility_curve": "depth", "heat_fragility_curve": "hot"}
        assets = [
            {"id": name, "sector": sector, "repair_class": kind, **curves}
            for name, sector, kind in zip(IDS, SECTOR, CLASS, strict=True)
        ]
        assets.append({"id": "clinic", "sector": "medical", "flood_fragility_curve": "", "heat_fragility_curve": ""})
        names = [*IDS, "clinic"]
        first, second = self.floods
        hazards: list[dict[str, Any]] = [
            {"family": "river", "values": [first.depth, second.depth], "events": ["a", "b"],
             "duration_hours": [first.lasts, second.lasts], "recession_hours": [first.falls, second.falls]},
            {"family": "coast", "values": [second.depth], "events": ["b"], "duration_hours": second.lasts,
             "recession_hours": second.falls},
            {"family": "wave", "peril": "heat", "unit": "degC", "values": self.air[np.newaxis], "hours": HOURS,
             "events": ["e"]},
        ]  # fmt: skip
        none = {"buffer_hours": 0.0, "recharge_hours": 0.0}
        services = {6: {True: "water", False: "power"}}
        needs = [("z0", "power", ["s0", "s1", "s2"], 2, none), ("z1", "water", ["w0"], 1, none),
                 ("z2", "water", ["w1"], 1, none), ("z3", "medical", ["clinic"], 1, none)]  # fmt: skip
        for one in self.needs:
            told = {"buffer_hours": one.buffer, "recharge_hours": one.recharge}
            if one.can_flood:
                told["buffer_height"] = DRY_ABOVE
            service = services.get(one.dependent, {}).get(one.can_flood, "power")
            needs.append((names[one.dependent], service, [names[k] for k in one.providers], one.required, told))
        parts = [{"family": "river", "event": "a"},
                 {"family": "wave", "event": "e", "after_hours": self.heat_onset},
                 {"family": second.family, "event": "b", "after_hours": second.onset}]  # fmt: skip
        repair = {"file": str(folder / "times.csv"), "unit": "h", "crews": self.crews, "rule": self.rule,
                  "damaged": SHARE, "states": {"box": ["box_flood", "box_heat"]}}  # fmt: skip
        if self.first:
            repair["after"] = {"water": "power"}
        return site.scenario(
            assets, hazards, zones=[{"id": name, "persons": persons} for name, persons in PEOPLE.items()], needs=needs,
            services={name: {"by": "assignment"} for name in ("power", "water", "medical")}, samples=SAMPLES,
            curves={"files": [{"path": str(folder / "curves.csv")}]}, heat={"crews": {}},
            time={"hours": [k / 2 for k in range(2 * END + 1)], "restart_hours": self.restart, "repair": repair},
            sequences=[{"name": "all", "parts": parts}],
        )  # fmt: skip


def pace_of_crews(air: np.ndarray) -> list[int]:
    """Thousandths of their usual work, in the sun at 60 % of humidity: Stull, WBGT, Foster."""
    t, rh = air.astype(np.float64), 60.0
    wet = (t * np.arctan(0.151977 * np.sqrt(rh + 8.313659)) + np.arctan(t + rh) - np.arctan(rh - 1.676331)
           + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh) - 4.686035)  # fmt: skip
    return [round(1000 / (1 + (33.63 / (0.7 * w + 0.3 * x + 3)) ** -6.33)) for w, x in zip(wet, t, strict=True)]


def finish(start: int, work: int, knots: list[int], pace: list[int]) -> int:
    """First second by which work (s at full pace) that begins at `start` is done."""
    left, now = work * 1000, start
    for k in range(int(np.searchsorted(knots, start, side="right")) - 1, len(knots)):
        until = knots[k + 1] if k + 1 < len(knots) else None
        if until is None or left <= (until - now) * pace[k]:
            return now + -(-left // pace[k])
        left, now = left - (until - now) * pace[k], until
    raise AssertionError


def repairs(
    case: Case, hits: list[tuple[int, dict[int, tuple[int, int]]]], knots: list[int], pace: list[int]
) -> dict[tuple[int, int], int]:  # fmt: skip
    """When each (part, asset) is done, s; a hit is the onset of a part, and work and earliest begin by asset."""
    jobs: dict[int, dict[str, Any]] = {}
    done: dict[tuple[int, int], int] = {}
    times = {onset for onset, _ in hits} | {earliest for _, struck in hits for _, earliest in struck.values()}
    while times:
        now = min(times)
        times.discard(now)
        for asset in [asset for asset, job in jobs.items() if job.get("end") == now]:
            done |= dict.fromkeys(((k, asset) for k in jobs.pop(asset)["parts"]), now)
        for k, (onset, struck) in enumerate(hits):
            for asset, (work, earliest) in struck.items() if onset == now else ():
                old = jobs.pop(asset, {"work": 0, "earliest": 0, "parts": []})
                jobs[asset] = {"work": max(work, old["work"]), "earliest": max(earliest, old["earliest"]),
                               "parts": [*old["parts"], k]}  # fmt: skip
        key = {"fifo": lambda a: jobs[a]["earliest"], "shortest": lambda a: jobs[a]["work"],
               "longest": lambda a: -jobs[a]["work"]}[case.rule]  # fmt: skip
        for sector in case.crews:
            mine = [asset for asset in jobs if SECTOR[asset] == sector]
            free = case.crews[sector] - sum("end" in jobs[asset] for asset in mine)
            waiting = [asset for asset in mine if "end" not in jobs[asset] and jobs[asset]["earliest"] <= now]
            ready = [asset for asset in waiting if not any(other in jobs for other in case.first.get(asset, []))]
            for asset in sorted(ready, key=lambda a: (key(a), a))[:free]:
                jobs[asset]["end"] = finish(now, jobs[asset]["work"], knots, pace)
                times.add(jobs[asset]["end"])
    return done


def minutes(hours: float) -> int:
    return round(60 * hours)


def find_outages(case: Case) -> tuple[np.ndarray, int]:
    """Return which asset is out in which sample and minute, and how often something was hit again under repair."""
    out = np.zeros((len(IDS), SAMPLES, 60 * END), bool)
    onsets = [0, minutes(case.heat_onset), minutes(case.floods[1].onset)]
    struck: list[list[dict[int, tuple[int, int]]]] = [[{} for _ in range(SAMPLES)] for _ in range(3)]
    begins = np.zeros((3, len(IDS)), np.int64)
    for a, (name, kind) in enumerate(zip(IDS, CLASS, strict=True)):
        back = minutes(case.outage if kind == "box" else case.restart)
        for part, flood in ((0, case.floods[0]), (2, case.floods[1])):
            u, p, onset = uniforms(1, flood.family, name, SAMPLES), float(np.float32(flood.depth[a])), onsets[part]
            over = onset + minutes(flood.lasts) + minutes(flood.falls)
            out[a, u < threshold(p), onset : over + back] = True
            bounds = (
                [threshold(0.7 * p), threshold(0.35 * p)] if kind == "box" else [int(threshold(p) * SHARE["flood"])]
            )
            state = sum((u < bound).astype(int) for bound in bounds)
            begins[part, a] = onset
            for s in np.flatnonzero(state):
                struck[part][s][a] = (round(3600 * WORK[kind, "flood", int(state[s])]), 60 * over)
        u, air = uniforms(1, "wave", name, SAMPLES), case.air[:, a].astype(np.float64)
        hourly = [threshold(p) for p in np.interp(air, [30, 40], [0, 0.9])]
        for k, bound in enumerate(hourly):
            out[a, u < bound, onsets[1] + 60 * BOUNDS[k] : onsets[1] + 60 * BOUNDS[k + 1] + back] = True
        worst = int(np.argmax(hourly))
        begins[1, a] = onsets[1] + 60 * BOUNDS[worst]
        by_curve = threshold(float(np.interp(air[worst], [30, 40], [0, 0.5])))
        for s in np.flatnonzero(u < (by_curve if kind == "box" else int(hourly[worst] * SHARE["heat"]))):
            struck[1][s][a] = (round(3600 * WORK[kind, "heat", 1]), int(60 * begins[1, a]))
    knots = [0, *(60 * (onsets[1] + 60 * BOUNDS)).tolist()]
    # All zones stand in the first cell.
    pace = [1000, *pace_of_crews(case.air[:, 0]), 1000]
    again = 0
    for s in range(SAMPLES):
        done = repairs(case, [(60 * onsets[k], struck[k][s]) for k in range(3)], knots, pace)
        for k in range(3):
            for a in struck[k][s]:
                out[a, s, begins[k, a] : -(-done[k, a] // 60) if (k, a) in done else 60 * END] = True
        again += len(done) - len({(a, end) for (_, a), end in done.items()})
    return out, again


def hours_lost(case: Case, out: np.ndarray, grid: TimeGrid) -> dict[str, np.ndarray]:
    """Person-hours of every sample."""
    sample = np.arange(SAMPLES)
    drawn, met_since = np.full((2, len(case.needs), SAMPLES), -1)
    lost = {name: np.zeros(SAMPLES) for name in ("power", "water", "medical")}
    moments = grid.moments().astype(np.int64)
    wet_from = [minutes(flood.onset) for flood in case.floods if flood.depth[6] > DRY_ABOVE]
    for k, begin in enumerate(grid.minute[:-1].tolist()):
        now = moments[k, sample % 512]
        up = np.ones((7, SAMPLES), bool)
        up[:6] = ~out[np.arange(6)[:, np.newaxis], sample, now]
        for j, need in enumerate(case.needs):
            met = up[need.providers].sum(axis=0) >= need.required
            full = ~met & (met_since[j] >= 0) & (begin - met_since[j] >= minutes(need.recharge))
            drawn[j][full] = -1
            drawn[j][~met & (drawn[j] < 0)] = begin
            met_since[j] = np.where(met & (drawn[j] >= 0), np.where(met_since[j] < 0, begin, met_since[j]), -1)
            holds = now - drawn[j] < minutes(need.buffer)
            if need.can_flood and wet_from:
                holds &= now < min(wet_from)
            up[need.dependent] &= met | holds
        hours = grid.step[k] / 60
        lost["power"] += PEOPLE["z0"] * hours * (up[:3].sum(axis=0) < 2)
        lost["water"] += hours * (PEOPLE["z1"] * ~up[4] + PEOPLE["z2"] * ~up[5])
        lost["medical"] += PEOPLE["z3"] * hours * ~up[6]
    return lost


@pytest.mark.parametrize("seed", SEEDS)
def test_every_sample_of_a_sequence_is_that_of_a_twin(site: Any, tmp_path: Path, seed: int) -> None:
    case = Case(seed)
    ds = assess(case.scenario(site, tmp_path)).dataset.sel(event="all")
    grid = TimeGrid(np.append(np.round(60 * ds["time"].values), 60 * END).astype(np.int64))
    out, again = find_outages(case)
    assert again > 20
    for service, hours in hours_lost(case, out, grid).items():
        assert len(np.unique(hours)) > 10, service
        found = ds["person_hours_lost"].sel(service=service).values
        np.testing.assert_allclose(found, hours, rtol=1e-9, atol=1e-6, err_msg=service)


@pytest.mark.parametrize(
    ("how", "family", "event"),
    [("correlation", "river", "a"), ("correlation", "wave", "e"), ("error_sd", "river", "a"),
     ("unavailability", "river", "a"), ("unavailability", "wave", "e")],
)  # fmt: skip
def test_a_sequence_of_one_part_is_its_event_whatever_else_is_asked_for(
    site: Any, tmp_path: Path, how: str, family: str, event: str
) -> None:
    data = Case(1).scenario(site, tmp_path).to_dict()
    data["sequences"] = [{"name": "one", "parts": [{"family": family, "event": event}]}]
    if how == "correlation":
        data["monte_carlo"]["correlation"] = {"length_m": 40.0, "global_share": 0.3, "cell_m": 10.0}
    elif how == "unavailability":
        layer = data["network"]["assets"][0]
        pd.read_csv(layer["path"]).assign(unavailability=0.1).to_csv(layer["path"], index=False)
        layer["columns"]["unavailability"] = "unavailability"
    else:
        data["hazards"] = [{**one, "error_sd": 0.1} for one in data["hazards"] if "hours" not in one]
        del data["heat"], data["time"]["repair"]["states"]
        data["time"]["repair"]["damaged"] = {"flood": [0.6, 0.3]}
    ds = assess(Scenario.from_dict(data)).dataset
    alone, one = (ds.sel(event=name) for name in (f"{family}:{event}", "one"))
    assert alone["person_hours_lost"].values.any()
    compared = [name for name, values in ds.data_vars.items() if "event" in values.dims and values.dtype.kind != "O"]
    for name in sorted({*map(str, compared)} - {"annual_weight", "tail_weight"}):
        np.testing.assert_array_equal(alone[name].values, one[name].values, err_msg=name)
