"""Derating and demand in the heat through whole runs: what a hot substation cannot give is lost to people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.conftest import write_maps

NAN = float("nan")
HOURS = [0, 6, 12, 18]
AIR = [20.0, 40.0, 30.0, 20.0]


def town(site: Any, section: dict[str, Any], *, level: Any = "share", air: Any = AIR, capacity: float = 95.0,
         rating: float = 200.0, hours: Any = HOURS, **more: Any) -> Scenario:  # fmt: skip
    """A substation of some capacity feeds a cabinet that draws 95 for 1000 people."""
    assets = [
        {"id": "s", "kind": "substation"}, {"id": "c", "kind": "cabinet"},
        {"id": "l", "kind": "line", "from_asset": "s", "to_asset": "c", "reactance": 0.1, "rating": rating},
    ]  # fmt: skip
    assets = [{**asset, "flood_fragility_curve": ""} for asset in assets]
    supply = [{"asset": "s", "sector": "power", "is_source": True, "capacity": capacity, "demand": NAN},
              {"asset": "c", "sector": "power", "is_source": False, "capacity": NAN, "demand": 95.0}]  # fmt: skip
    values = np.repeat(np.asarray(air, np.float32)[np.newaxis, :, np.newaxis], 3, axis=2)
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "events": ["july"], "hours": hours, "values": values}
    return site.scenario(
        assets, [hazard], zones=[{"id": "z", "persons": 1000.0}], needs=[("z", "power", ["c"], 1)], supply=supply,
        cascade={"levels": {"power": level}}, heat=section, **more,
    )  # fmt: skip


GRID = {"hours": [0, 6, 12, 18, 24, 30]}


def test_a_substation_at_forty_degrees_gives_915_of_a_thousand(site) -> None:
    """Allowed K = .91539 of C57.91: of 95 drawn 86.96 are given for the six hours of 40 degC."""
    ds = assess(town(site, {"transformers": {"kinds": ["substation"]}}, time=GRID)).dataset
    lost = ds["people_over_time"].values[0, 0]
    np.testing.assert_allclose(lost[:5], [0, 1000 * (1 - 0.91539), 0, 0, 0], atol=0.01)
    assert ds["person_hours_lost"].values[0, 0] == pytest.approx(6 * 1000 * (1 - 0.91539), abs=0.1)
    # At the peak that of the worst hour, with a grid and without.
    assert ds["people_without_service"].values[0, 0] == pytest.approx(1000 * (1 - 0.91539), abs=0.01)
    peak = assess(town(site, {"transformers": {"kinds": ["substation"]}})).dataset
    np.testing.assert_array_equal(peak["people_without_service"], ds["people_without_service"])
    assert ds["transformer_ageing"].values[0, 0] > 0
    assert np.isnan(ds["transformer_ageing"].values[0, 1:]).all()


def test_demand_beyond_what_is_given(site) -> None:
    """A day of 34 degC in the mean draws 1.275 as much: 95 of 121.125 are given."""
    ds = assess(town(site, {"demand": {}}, air=[34.0] * 4, time=GRID)).dataset
    np.testing.assert_allclose(ds["people_over_time"].values[0, 0][:4], 1000 * (1 - 1 / 1.275), atol=0.01)
    assert ds["people_over_time"].values[0, 0][4] == 0


def test_spare_capacity_is_not_missed(site) -> None:
    ds = assess(town(site, {"transformers": {}, "demand": {}}, capacity=200.0, time=GRID)).dataset
    assert not ds["person_hours_lost"].values.any()


def test_no_heat_is_exactly_nothing(site) -> None:
    section = {"transformers": {}, "lines": {}, "demand": {}}
    ds = assess(town(site, section, level="dc_flow", air=[20.0] * 4, time=GRID)).dataset
    assert not ds["person_hours_lost"].values.any()
    assert not ds["people_without_service"].values.any()


def test_a_hot_line_carries_less_than_is_drawn(site) -> None:
    """A line rated for just what is drawn at 25 degC trips at 40 degC, where it may carry 0.8846 of it."""
    section = {"lines": {"kinds": "line"}}
    ds = assess(town(site, section, level="dc_flow", rating=100.0, time=GRID)).dataset
    assert ds["people_over_time"].values[0, 0][1] == 1000
    assert ds["people_over_time"].values[0, 0][0] == 0
    wide = assess(town(site, section, level="dc_flow", rating=110.0, time=GRID)).dataset
    assert not wide["person_hours_lost"].values.any()


def test_a_map_without_time_derates_for_the_whole_event(site) -> None:
    scenario = town(site, {"transformers": {}}, air=[40.0] * 4, time=GRID)
    hourly = assess(scenario).dataset
    data = scenario.to_dict()
    [hazard] = data["hazards"]
    path = hazard.pop("files")[0]
    del hazard["hours"]
    hazard |= {"path": path, "bands": [1], "duration_hours": [24.0]}
    plain = assess(Scenario.from_dict(data)).dataset
    np.testing.assert_allclose(plain["person_hours_lost"].values, hourly["person_hours_lost"].values, rtol=1e-12)
    assert plain["person_hours_lost"].values[0, 0] == pytest.approx(24 * 1000 * (1 - 0.91539), abs=0.3)


def test_heat_after_a_flood_derates_from_its_onset_on(site) -> None:
    """A flood that takes nothing, then the heatwave 30 h later: what is lost is the same, 30 h later, by the heat."""
    alone = town(site, {"transformers": {"kinds": ["substation"]}, "demand": {}}, time=GRID)
    data = alone.to_dict()
    data["time"]["hours"] = [0, 30, 36, 42, 48, 54, 60]
    folder = alone.hazards[0].files[0].parent
    write_maps(folder / "dry.tif", [[0.0] * 3])
    data["hazards"].append(
        {"family": "storm", "peril": "flood", "unit": "m", "nodata": "error", "path": str(folder / "dry.tif"),
         "events": ["august"], "duration_hours": 2}
    )  # fmt: skip
    parts = [{"family": "storm", "event": "august"}, {"family": "wave", "event": "july", "after_hours": 30}]
    data["sequences"] = [{"name": "both", "parts": parts}]
    ds = assess(Scenario.from_dict(data)).dataset.sel(event="both")
    one = assess(alone).dataset
    later = ds["people_over_time"].values[0]
    times = ds["time"].values.tolist()
    assert later[: times.index(30)].sum() == 0
    np.testing.assert_allclose(
        [later[times.index(30 + t)] for t in (0, 6, 12, 18)],
        [one["people_over_time"].values[0, 0][one["time"].values.tolist().index(t)] for t in (0, 6, 12, 18)], rtol=1e-9,
    )  # fmt: skip
    assert later.max() > 80
    assert ds["person_hours_lost"].values[0] == pytest.approx(one["person_hours_lost"].values[0, 0], rel=1e-9)
    by_root = dict(zip(ds["root"].values.tolist(), ds["root_person_hours"].values[0].tolist(), strict=True))
    assert by_root["power/heat"] == pytest.approx(float(ds["person_hours_lost"].values[0].mean()), rel=1e-6)
