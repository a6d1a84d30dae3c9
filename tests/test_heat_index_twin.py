"""An index over zones of several cells, alerts, and crews in moist heat after a flood: a twin of random weather."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.conftest import CELL, NORTH, WEST, write_maps

N, STEP = 4, 3
ENDS = [(0.0, 2.5), (1.25, 4.0)]
ADVISORY, WARNING = 35.0, 36.5
WORK, ONSET = 20, 1  # h


def wet_bulb(t: np.ndarray, rh: np.ndarray) -> np.ndarray:
    return np.asarray(
        t * np.arctan(0.151977 * np.sqrt(rh + 8.313659)) + np.arctan(t + rh) - np.arctan(rh - 1.676331)
        + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh) - 4.686035
    )  # fmt: skip


def felt(t: np.ndarray, rh: np.ndarray) -> np.ndarray:
    wet = wet_bulb(t, rh)
    return -0.2442 + 0.55399 * wet + 0.45535 * t - 0.0022 * wet**2 + 0.00278 * wet * t + 3.0


def in_runs(days: np.ndarray) -> int:
    """Days that stand in runs of two or more."""
    text = "".join("x" if day else " " for day in days)
    return sum(len(run) for run in text.split() if len(run) > 1)


def city(site: Any, folder: Path, air: np.ndarray, moist: np.ndarray, hours: list[int], *, sun: bool) -> Scenario:
    (folder / "times.csv").write_text(f"repair_class,state,distribution,value\nbox,1,fixed,{WORK}\n")
    zones = [{"id": f"z{k}", "persons": 100.0, "geometry": box(WEST + a * CELL, NORTH - CELL, WEST + b * CELL, NORTH)}
             for k, (a, b) in enumerate(ENDS)]  # fmt: skip
    repair = {"file": str(folder / "times.csv"), "unit": "h", "damaged": {"flood": 1.0}}
    scenario = site.scenario(
        [{"id": f"s{k}", "repair_class": "box", "heat_fragility_curve": ""} for k in range(N)],
        [{"family": "river", "values": [[1.0] + [0.0] * (N - 1)], "events": ["e"], "duration_hours": 2}], zones=zones,
        needs=[("z0", "power", ["s0"], 1)],
        heat={"alerts": {"advisory": ADVISORY, "warning": WARNING}, "crews": {"sun": sun}},
        time={"hours": [0, 2, *range(20, 46), 200], "restart_hours": 0, "repair": repair},
    )  # fmt: skip
    data = scenario.to_dict()
    for name, values in (("air", air), ("moist", moist)):
        write_maps(folder / f"{name}.tif", values)
    data["hazards"].append(
        {"family": "wave", "peril": "heat", "nodata": "error", "hours": hours, "events": ["july"],
         "index": "kma_apparent", "temperature": {"files": [str(folder / "air.tif")], "unit": "degC"},
         "humidity": {"files": [str(folder / "moist.tif")], "unit": "%"}}
    )  # fmt: skip
    parts = [{"family": "river", "event": "e"}, {"family": "wave", "event": "july", "after_hours": ONSET}]
    data["sequences"] = [{"name": "both", "parts": parts}]
    return Scenario.from_dict(data)


@pytest.mark.parametrize("seed", range(4))
def test_index_alerts_and_crews_are_those_of_a_twin(site, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, sun = int(rng.integers(0, 24)), bool(seed % 2)
    hours = start + np.arange(0, 24 * 5, STEP)
    air = np.round(rng.uniform(28, 36, (hours.size, N)), 1).astype(np.float32).astype(np.float64)
    moist = np.round(rng.uniform(35, 90, (hours.size, N)))
    ds = assess(city(site, tmp_path, air, moist, hours.tolist(), sun=sun)).dataset

    cell = np.arange(N)
    share = np.array([np.clip(np.minimum(b, cell + 1) - np.maximum(a, cell), 0, None) for a, b in ENDS])
    share /= share.sum(axis=1, keepdims=True)
    # The index of every cell, then its mean: not the index of mean air.
    index = felt(air, moist) @ share.T
    n_day = -(-(int(hours[-1]) + STEP) // 24)
    highest = np.array([index[(hours < 24 * day + 24) & (hours + STEP > 24 * day)].max(axis=0) for day in range(n_day)])
    wave = ds.sel(event="wave:july")
    np.testing.assert_allclose(wave["daily_index"].values.T, highest, rtol=1e-6)
    assert np.abs(felt(air @ share.T, moist @ share.T) - index).max() > 1e-3
    for name, threshold in (("advisory_days", ADVISORY), ("warning_days", WARNING)):
        assert wave[name].values.tolist() == [in_runs(day) for day in (highest >= threshold).T], name

    globe = 0.7 * wet_bulb(air @ share.T, moist @ share.T) + 0.3 * (air @ share.T) + 3 * sun
    pace = np.rint(1000 / (1 + (33.63 / globe.mean(axis=1)) ** -6.33))
    left, second = WORK * 3600 * 1000, 2 * 3600
    while left > 0:
        left -= pace[(second - 3600 * ONSET) // (3600 * STEP)]
        second += 1
    # Back in the next whole minute, which is seen at 512 moments of an hour.
    lost = ds["person_hours_lost"].sel(event="both").values[0].mean() / 100
    assert -(-second // 60) / 60 == pytest.approx(lost, abs=1 / 512)
    assert second > 26 * 3600
