"""A flood, then a heatwave while the city is under repair: people without power, crews that are slow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resilience import heat
from resilience.pipeline import assess
from resilience.scenario.heat import CrewSection

HOURS = list(range(0, 72, 3))
AIR = np.array([34.0 if hour % 24 in (12, 15) else 24.0 for hour in HOURS])
AFTER = 24.0


def days_after_a_flood(site: Any, repair_hours: float, *, section: Any, tmp_path: Any, **more: Any) -> Any:
    """A substation is damaged for certain by a flood of two hours; three hot days begin a day after."""
    table = f"repair_class,state,distribution,unit,value\nbox,1,fixed,h,{repair_hours}\n"
    (tmp_path / "times.csv").write_text(table)
    hazards = [
        {"family": "storm", "values": [[1.0]], "events": ["august"], "duration_hours": 2},
        {"family": "wave", "peril": "heat", "unit": "degC", "events": ["august"], "hours": HOURS,
         "values": AIR[np.newaxis, :, np.newaxis]},
    ]  # fmt: skip
    parts = [{"family": "storm", "event": "august"}, {"family": "wave", "event": "august", "after_hours": AFTER}]
    return assess(
        site.scenario(
            [{"id": "s", "repair_class": "box"}], hazards, zones=[{"id": "z", "persons": 100_000.0}],
            needs=[("z", "power", ["s"], 1)], heat=section, sequences=[{"name": "both", "parts": parts}],
            time={"hours": [0, 1, 2, *range(3, 100, 3), 200], "restart_hours": 0,
                  "repair": {"file": str(tmp_path / "times.csv"), "damaged": {"flood": 1.0}}}, **more,
        )
    ).dataset  # fmt: skip


def test_people_without_power_after_the_flood_die_of_the_heat_that_follows(site, tmp_path) -> None:
    """Repair takes 46 h from 2 h on: the power is back at 48 h, after the first of three hot days."""
    section = {"mortality": {"deaths_per_100000": 2.0}}
    ds = days_after_a_flood(site, 46, section=section, tmp_path=tmp_path)
    storm, wave, both = (ds.sel(event=name) for name in ("storm:august", "wave:august", "both"))
    risk = 1.0299**3
    each = 2.0 * (1 - 1 / risk)
    assert float(storm["event_heat_deaths"]) == 0
    assert float(wave["event_heat_deaths"]) == pytest.approx(3 * each)
    assert float(both["event_heat_deaths"]) == pytest.approx(3 * each)
    # Neither hazard alone takes anybody's cooling in the heat; together they do on one day of three.
    assert float(storm["event_outage_deaths"]) == 0
    assert float(wave["event_outage_deaths"]) == 0
    further = 2.0 * ((1 - 1 / (1.5 * risk)) - (1 - 1 / risk))
    assert float(both["event_outage_deaths"]) == pytest.approx(further, rel=1e-6)
    assert both["outage_deaths"].values == pytest.approx([further], rel=1e-6)
    assert both["daily_maximum"].values[0].tolist() == [34, 34, 34]


def test_heat_slows_the_repair_of_what_the_flood_damaged(site, tmp_path) -> None:
    cool = days_after_a_flood(site, 46, section={}, tmp_path=tmp_path).sel(event="both")
    assert float(cool["zone_hours_lost"].values[0, 0]) == 48
    hot = days_after_a_flood(site, 46, section={"crews": {}}, tmp_path=tmp_path).sel(event="both")
    # By the minute: full pace for the first day, then that of the hours of the heatwave.
    section = CrewSection()
    pace = {t: round(float(heat.work_capacity(heat.sun_wbgt(t, section.humidity))), 3) for t in (24.0, 34.0)}
    left, minute = 46.0 * 60, 120
    while left > 0:
        hour = (minute / 60 - AFTER) % 24
        at = 1.0 if minute < AFTER * 60 else pace[34.0] if 12 <= hour < 18 else pace[24.0]
        left, minute = left - at, minute + 1
    lost = hot["person_hours_lost"].values[0] / 100_000
    assert minute / 60 > 52
    # A return within a step of three hours is seen at 512 moments of it.
    assert lost.mean() == pytest.approx(minute / 60, abs=0.02)
