"""Deaths and patients of random heatwaves in random cities: a twin that counts them hour by hour, sample by sample.

Heatwaves begin at any hour of the day and have steps of any length; zones lie over several cells; power comes from some
of several substations that the heat itself takes out.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from resilience.kernels.compiler import INTERPRETED
from resilience.pipeline import assess
from tests.conftest import CELL, NORTH, WEST
from tests.test_hourly import threshold, uniforms

N, ZONES, SAMPLES = 5, 4, 1024
USUAL = 2.0  # deaths per day and 100,000
BEDS, FROM = 12.0, 31.0  # beds per 100,000; degC from which patients come
CURVE = """name,role,peril,unit,x,y,source,basis
hot,fragility,heat,degC,30,0,s,default
hot,fragility,heat,degC,38,0.6,s,default
"""


class Case:
    """A heatwave and a city drawn from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.clock = int(rng.integers(0, 24))
        self.hours = self.clock + np.cumsum([0, *rng.choice([1, 2, 3, 5, 6], int(rng.integers(6, 13)))])
        self.bounds = np.append(self.hours, 2 * self.hours[-1] - self.hours[-2]) - self.clock
        self.air = np.round(rng.uniform(26, 38, (self.hours.size, N)), 1).astype(np.float32)
        ends = np.sort(rng.uniform(0, N, (ZONES, 2)), axis=1) + np.array([0, 0.05])
        self.shapes = [box(WEST + a * CELL, NORTH - CELL, WEST + min(b, N) * CELL, NORTH) for a, b in ends]
        cell = np.arange(N)
        share = np.clip(np.minimum(ends[:, 1:], cell + 1) - np.maximum(ends[:, :1], cell), 0, None)
        self.felt = self.air.astype(np.float64) @ (share / share.sum(axis=1, keepdims=True)).T
        self.persons = rng.integers(100, 900_000, ZONES).astype(float)
        self.supply = [
            (rng.choice(N, k, replace=False), int(rng.integers(1, k + 1))) for k in rng.integers(1, 4, ZONES)
        ]
        self.restart = float(rng.choice([0, 1, 2.5]))
        self.mortality = {"increase": float(rng.choice([0.0299, 0.05])), "threshold": float(rng.choice([29, 31.05])),
                          "outage": float(rng.choice([1.5, 2.2])), "deaths_per_100000": USUAL}  # fmt: skip
        self.emergency = {"usual_per_100000": float(rng.uniform(0, 60)), "beds_per_100000": BEDS, "threshold": FROM,
                          "stay_hours": float(rng.uniform(1, 30))}  # fmt: skip
        self.points = np.unique([0, *self.bounds, *(self.bounds[1:] + self.restart), self.bounds[-1] + 10])

    def day(self, hour: float) -> int:
        return int((self.clock + hour) // 24)

    def assess(self, site: Any, folder: Path) -> Any:
        (folder / "curve.csv").write_text(CURVE)
        hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": self.air[np.newaxis],
                  "hours": self.hours.tolist(), "events": ["e"], "annual_rates": [0.3]}  # fmt: skip
        assets = [{"id": f"s{i}", "flood_fragility_curve": "", "heat_fragility_curve": "hot"} for i in range(N)]
        zones = [{"id": f"z{i}", "persons": self.persons[i], "geometry": self.shapes[i]} for i in range(ZONES)]
        needs = [(f"z{i}", "power", [f"s{k}" for k in who], required) for i, (who, required) in enumerate(self.supply)]
        scenario = site.scenario(
            assets, [hazard], zones=zones, needs=needs, samples=SAMPLES,
            heat={"mortality": self.mortality, "emergency": self.emergency},
            time={"hours": self.points.tolist(), "restart_hours": self.restart},
            curves={"files": [{"path": str(folder / "curve.csv")}]},
        )  # fmt: skip
        return assess(scenario).dataset


def erlang_b(beds: int, load: float) -> float:
    loss = 1.0
    for k in range(1, beds + 1):
        loss = load * loss / (k + load * loss)
    return loss


@pytest.mark.parametrize("seed", range(2 if INTERPRETED else 8))
def test_deaths_and_patients_are_those_of_a_twin(site: Any, tmp_path: Path, seed: int) -> None:
    case = Case(seed)
    ds = case.assess(site, tmp_path)
    limit, outage = case.mortality["threshold"], case.mortality["outage"]
    n_day = case.day(case.bounds[-1] - 1e-9) + 1
    midnights = [24 * day - case.clock for day in range(n_day + 1)]
    pieces = np.unique([*case.points, *case.bounds, *(hour for hour in midnights if hour > 0)])
    highest, hot_hours = np.full((n_day, ZONES), -np.inf), np.zeros((n_day, ZONES))
    at_work = []
    for begin, end in pairwise(pieces):
        step = int(np.searchsorted(case.bounds, (begin + end) / 2, side="right")) - 1
        at_work.append((begin, end, step if step < case.hours.size else None, case.day((begin + end) / 2)))
        if step < case.hours.size:
            day = at_work[-1][-1]
            highest[day] = np.maximum(highest[day], case.felt[step])
            hot_hours[day] += (end - begin) * (case.felt[step] > limit)
    risk = (1 + case.mortality["increase"]) ** np.maximum(0, highest - limit)
    usual = case.persons * USUAL / 1e5
    deaths = usual * (1 - 1 / risk)
    further = np.where(highest > limit, usual * (1 - 1 / (outage * risk)) - deaths, 0.0)
    np.testing.assert_allclose(ds["daily_maximum"].values[0].T, highest, rtol=1e-6)
    np.testing.assert_allclose(ds["heat_deaths"].values[0], deaths.sum(axis=0), rtol=1e-5)
    assert ds["annual_heat_deaths"].item() == pytest.approx(0.3 * deaths.sum(), rel=1e-5)

    patients = 51 * np.maximum(0, highest - FROM) * case.persons / 51.7e6
    every = case.emergency["usual_per_100000"] * case.persons.sum() / 1e5 + patients.sum(axis=1)
    load = every.max() * case.emergency["stay_hours"] / 24
    np.testing.assert_allclose(ds["heat_patients"].values[0], patients.sum(axis=0), rtol=1e-4, atol=1e-6)
    assert ds["emergency_load"].values[0] == pytest.approx(load, rel=1e-5)
    loss = erlang_b(int(np.ceil(BEDS * case.persons.sum() / 1e5)), load)
    assert ds["emergency_loss"].values[0] == pytest.approx(loss, rel=1e-3, abs=1e-12)

    u = np.array([uniforms(1, "wave", f"s{i}", SAMPLES) for i in range(N)])
    fails = [u < [[threshold(p)] for p in np.interp(row, [30, 38], [0, 0.6])] for row in case.air.astype(np.float64)]
    toll, lost = np.zeros((ZONES, SAMPLES)), np.zeros(SAMPLES)
    for begin, end, step, day in at_work:
        out = np.zeros((N, SAMPLES), bool)
        for k, failing in enumerate(fails):
            if case.bounds[k] < end and begin < case.bounds[k + 1] + case.restart:
                out |= failing
        without = np.array([(~out[who]).sum(axis=0) < required for who, required in case.supply])
        lost += (end - begin) * (case.persons @ without)
        if step is not None:
            hot = (case.felt[step] > limit) & (hot_hours[day] > 0)
            rate = np.divide(further[day], hot_hours[day], out=np.zeros(ZONES), where=hot)
            toll += (end - begin) * rate[:, np.newaxis] * without
    np.testing.assert_allclose(ds["person_hours_lost"].values[0, 0], lost, rtol=1e-9)
    np.testing.assert_allclose(ds["outage_deaths"].values[0], toll.mean(axis=1), rtol=1e-5, atol=1e-8)
    each = toll.sum(axis=0)
    assert each.mean() > 0
    assert ds["event_outage_deaths"].values[0] == pytest.approx(each.mean(), rel=1e-5)
    error = each.std(ddof=1) / np.sqrt(SAMPLES)
    assert ds["event_outage_deaths_standard_error"].values[0] == pytest.approx(error, rel=1e-5)
