"""Figures over time through the main job, against closed forms, on grids of any coarseness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess

MEAN = 5.0
EXPONENTIAL = f"own,1,exponential,,{MEAN}\n"
NO_CURVE = {"flood_fragility_curve": ""}


def repair(folder: Path, rows: str) -> dict[str, Any]:
    path = folder / "repair.csv"
    path.write_text(f"repair_class,state,distribution,value,mean\n{rows}")
    return {"file": str(path), "unit": "h"}


def battery(
    site: Any, folder: Path, hours: list[float], *, buffer: float = 4.0, rows: str = EXPONENTIAL, samples: int = 16384,
    event: float = 2.0, **more: Any,
) -> xr.Dataset:  # fmt: skip
    """A plant is put out for `event` hours and its repair; a mast needs it and has a battery; people need the mast."""
    assets = [{"id": "plant", "repair_class": "own"}, {"id": "mast", "sector": "telecom", **NO_CURVE}]
    needs = [
        ("mast", "power", ["plant"], 1, {"buffer_hours": buffer}),
        ("z", "telecom", ["mast"], 1, {"buffer_hours": 0.0}),
    ]
    time = {"hours": hours, "restart_hours": 0.0, "repair": {**repair(folder, rows), **more}}
    scenario = site.scenario(
        assets, [{"values": [[1, 0]], "events": ["e"], "duration_hours": event}], needs=needs, zones=[{"id": "z"}],
        services={"power": {"by": "internal"}, "telecom": {"by": "assignment"}}, samples=samples, time=time,
    )  # fmt: skip
    return assess(scenario).dataset.isel(event=0).sel(service="telecom")


@pytest.mark.parametrize("hours", [[0, 100], [0, 24, 100], [0, 3, 5, 8, 12, 20, 50, 100]], ids=str)
def test_late_and_short_losses_are_seen_on_any_grid(site: Any, tmp_path: Path, hours: list[float]) -> None:
    """Out for 2 h + Exp(5 h) with a battery of 4 h: lost with probability exp(-.4), then for 5 h on average."""
    found = battery(site, tmp_path, hours)
    chance = np.exp(-2 / MEAN)
    n = found.sizes["sample"]
    persons = float(found["people_served"])
    interrupted = found["people_interrupted"].values / persons
    assert set(interrupted.tolist()) == {0.0, 1.0}
    assert abs(interrupted.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / n)
    lost = found["person_hours_lost"].values / persons
    assert abs(lost.mean() - chance * MEAN) < 4 * lost.std() / np.sqrt(n) + 0.01
    back = float(found["restore_hours"].sel(level=100))
    assert abs(back - chance * (4 + MEAN)) < 4 * float(found["restore_hours_standard_error"].sel(level=100)) + 0.01
    assert not found["unrestored_share"].any()
    assert not found["people_at_end"].any()
    rate, error = float(found["rapidity"]), float(found["rapidity_standard_error"])
    assert abs(rate - 1 / MEAN) < 4 * error


def test_ends_of_less_than_a_minute_last_a_minute(site: Any, tmp_path: Path) -> None:
    found = battery(site, tmp_path, [0, 8, 100], buffer=0.0083, rows="own,1,fixed,0,\n", event=10.0, samples=512)
    persons = float(found["people_served"])
    assert float(found["person_hours_lost"].mean()) / persons == pytest.approx(10 - 1 / 60)


def test_outages_that_would_have_to_be_drawn_are_refused(site: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="what is only out is not drawn"):
        battery(site, tmp_path, [0, 100], rows=f"own,0,exponential,,9\n{EXPONENTIAL}", samples=512)


@pytest.mark.parametrize("hours", [[0, 0.004], [0, 1, 1e8]], ids=str)
def test_grids_of_no_length_and_of_ages_are_refused(site: Any, tmp_path: Path, hours: list[float]) -> None:
    with pytest.raises(ConfigurationError, match=r"time\.hours"):
        battery(site, tmp_path, hours, samples=512)


def hospital(site: Any, *, depth: float = 0.0, limit: float = 5.0, fails: bool = False) -> xr.Dataset:
    """A kilometre of road leads to a hospital; nearer stands one that never works, for want of power."""
    node = {"sector": "transport", "kind": "road_node", **NO_CURVE}
    curve = {} if fails else NO_CURVE
    assets = [
        {"id": "a", **node}, {"id": "b", **node},
        {"id": "road", "sector": "transport", "kind": "primary", "from_asset": "a", "to_asset": "b", "length": 1000.0,
         "speed": 13.9, **NO_CURVE},
        {"id": "works", "sector": "medical", "kind": "hospital", "access_asset": "b", **curve},
        {"id": "never", "sector": "medical", "kind": "hospital", "access_asset": "a", **NO_CURVE},
        {"id": "dark", **NO_CURVE}, {"id": "sun", **NO_CURVE},
    ]  # fmt: skip
    scenario = site.scenario(
        assets, [{"values": [[0, 0, depth, float(fails), 0, 0, 0]], "events": ["e"], "duration_hours": 6.0}],
        zones=[{"id": "z", "access_asset": "a"}], needs=[("never", "power", ["dark"], 1)], sources={"sun": "power"},
        levels={"power": "connected"}, time={"hours": [0, 24], "restart_hours": 0.0},
        services={"power": {"by": "internal"},
                  "medical": {"by": "road", "providers": {"kind": "hospital"}, "limit_minutes": limit}},
    )  # fmt: skip
    return assess(scenario).dataset.isel(event=0).sel(service="medical", access="medical")


def test_a_facility_that_never_works_takes_no_blame(site: Any) -> None:
    found = hospital(site, fails=True)
    assert found["access_people"].sel(outcome="lost_facility") == 1000
    assert (found["person_hours_lost"] == 6000).all()
    assert found["root_person_hours"].sel(root="medical/flood") == 6000


def test_water_that_only_slows_costs_hours_until_the_event_is_over(site: Any) -> None:
    """A kilometre under 250 mm takes 724 s, with nothing out of function anywhere."""
    found = hospital(site, depth=0.25)
    assert found["access_people"].sel(outcome="lost_road") == 1000
    assert (found["person_hours_lost"] == 6000).all()
    assert found["root_person_hours"].sel(root="transport/flood") == 6000
    assert (hospital(site, depth=0.25, limit=13.0)["person_hours_lost"] == 0).all()


def test_no_way_is_not_in_time_however_long_the_limit(site: Any) -> None:
    found = hospital(site, depth=0.5, limit=20_000.0)
    assert found["access_isolated"] == 1000
    assert found["access_people"].sel(outcome="lost_road") == 1000
    assert (found["people_without_service"] == 1000).all()
