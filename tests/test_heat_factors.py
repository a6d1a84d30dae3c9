"""What heat takes from power, step by step: a twin of any grid, and heatwaves that overlap."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from resilience.pipeline import assess

NAN = float("nan")
DEMAND = 90.0


def allowed(air: np.ndarray) -> np.ndarray:
    """Load that keeps the hot spot at 110 degC, by bisection of C57.91: 55 K of oil, 25 K of winding at rated load."""
    low, high = np.zeros(air.shape), np.full(air.shape, 3.0)
    for _ in range(80):
        k = (low + high) / 2
        hot = air + 55 * ((k**2 * 4.87 + 1) / 5.87) ** 0.9 + 25 * k**1.6
        low, high = np.where(hot <= 110, k, low), np.where(hot <= 110, high, k)
    return np.minimum(low, 1.0)


def growth(air: np.ndarray, bounds: np.ndarray, clock: float) -> np.ndarray:
    """Demand of every hour by the mean of its local day, as far as the event lasts."""
    out = np.empty(air.shape)
    day = ((clock + bounds[:-1]) // 24).astype(int)
    for one in set(day.tolist()):
        mean = np.average(air[day == one], weights=np.diff(bounds)[day == one])
        out[day == one] = 1 + 0.0275 * max(0.0, mean - 24)
    return out


def over_step(hourly: np.ndarray, bounds: np.ndarray, begin: float, end: float) -> float:
    """Mean over a step; 1 where there is no event."""
    shared = np.maximum(np.minimum(bounds[1:], end) - np.maximum(bounds[:-1], begin), 0)
    return float((shared @ hourly + (end - begin) - shared.sum()) / (end - begin))


def town(site: Any, air: np.ndarray, hours: list[float], **more: Any) -> Any:
    """A substation of 100 feeds a cabinet that draws 90, for 1000 people."""
    assets = [{"id": "s", "kind": "substation"}, {"id": "c", "kind": "cabinet"},
              {"id": "l", "kind": "line", "from_asset": "s", "to_asset": "c"}]  # fmt: skip
    supply = [{"asset": "s", "sector": "power", "is_source": True, "capacity": 100.0, "demand": NAN},
              {"asset": "c", "sector": "power", "is_source": False, "capacity": NAN, "demand": DEMAND}]  # fmt: skip
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "events": ["july"], "hours": hours,
              "values": np.repeat(np.asarray(air, np.float32)[np.newaxis, :, np.newaxis], 3, axis=2)}  # fmt: skip
    return site.scenario(
        [{**asset, "flood_fragility_curve": ""} for asset in assets], [hazard],
        zones=[{"id": "z", "persons": 1000.0}], needs=[("z", "power", ["c"], 1)], supply=supply,
        levels={"power": "share"}, heat={"transformers": {"kinds": ["substation"]}, "demand": {}}, **more,
    )  # fmt: skip


def lost(capacity: float, demand: float) -> float:
    return 1000 * max(0.0, 1 - 100 * capacity / (DEMAND * demand))


@pytest.mark.parametrize("seed", range(4))
def test_every_step_has_the_mean_of_its_hours_and_the_peak_the_worst_step(site, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clock = int(rng.integers(0, 20))
    hours = clock + np.cumsum([0, *rng.choice([1, 2, 4], 9)])
    # A step of the day must not stand on both sides of midnight for `growth` above.
    hours = np.unique([*hours, *(h for h in (24, 48) if hours[0] < h < hours[-1])])
    air = np.round(rng.uniform(24, 44, hours.size), 1)
    bounds = np.append(hours, 2 * hours[-1] - hours[-2]) - hours[0]
    points = np.unique([0, *np.round(rng.uniform(0, bounds[-1], 7), 1), bounds[-1], bounds[-1] + 5])
    ds = assess(town(site, air, hours.tolist(), time={"hours": points.tolist(), "restart_hours": 0})).dataset
    capacity, demand = allowed(air), growth(air, bounds, clock)
    steps = [
        (over_step(capacity, bounds, a, b), over_step(demand, bounds, a, b))
        for a, b in pairwise([*ds["time"].values, points[-1]])
    ]
    told = [lost(*one) for one in steps]
    assert max(told) > 100
    np.testing.assert_allclose(ds["people_over_time"].values[0, 0], told, atol=2e-3)
    worst = lost(min(one[0] for one in steps), max(one[1] for one in steps))
    assert ds["people_without_service"].values[0, 0] == pytest.approx(worst, abs=2e-3)
    plain = assess(town(site, air, hours.tolist())).dataset
    assert plain["people_without_service"].values[0, 0] == pytest.approx(lost(capacity.min(), demand.max()), abs=2e-3)


def test_of_heatwaves_that_overlap_the_worst_of_each_step_counts(site) -> None:
    """The same day twice, six hours apart: no step has both deratings, one upon the other."""
    air, hours = np.array([38.0, 40.0, 44.0, 30.0]), [0, 6, 12, 18]
    points = [float(h) for h in range(0, 37, 6)]
    parts = [{"family": "wave", "event": "july"}, {"family": "wave", "event": "july", "after_hours": 6}]
    scenario = town(site, air, hours, time={"hours": points, "restart_hours": 0},
                    sequences=[{"name": "twice", "parts": parts}])  # fmt: skip
    ds = assess(scenario).dataset.sel(event="twice")
    one = 1 + 0.0275 * (air.mean() - 24)
    first, second = np.array([*allowed(air), 1.0]), np.array([1.0, *allowed(air)])
    told = [lost(capacity, one) for capacity in np.minimum(first, second)]
    assert len(set(told)) > 3
    np.testing.assert_allclose(ds["people_over_time"].values[0], [*told, 0.0], atol=2e-3)
