"""Rails and data centres that stop in the heat, trains that are slow, crews that do less: through the main job."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shapely.geometry import LineString, Point

from resilience import heat
from resilience.errors import ConfigurationError
from resilience.heat_limits import is_shut_down, train_speed
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.scenario.heat import CrewSection, DataCentreSection, RailSection
from tests.conftest import cell_of
from tests.test_hourly import uniforms

HOURS = [0, 6, 12, 18, 24, 30, 36, 42]


def city(site, air, *, kinds, section, hours=HOURS, zones=2, assets=None, **more: Any) -> Scenario:
    """Return a city in which each zone is served by the asset of its number; `air` is (time, asset)."""
    rows = assets or [{"id": f"a{i}", "kind": kind, "flood_fragility_curve": ""} for i, kind in enumerate(kinds)]
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": np.asarray(air, np.float32)[np.newaxis],
              "hours": hours, "events": ["july"]}  # fmt: skip
    places = [{"id": f"z{i}", "persons": 100.0, "geometry": Point(*cell_of(i))} for i in range(zones)]
    needs = [(f"z{i}", "power", [f"a{i}"], 1) for i in range(zones)]
    return site.scenario(rows, [hazard], zones=places, needs=needs, heat=section, **more)


@pytest.mark.parametrize(
    ("rail", "kmh"), [(54.99, 300), (55.0, 230), (59.99, 230), (60.0, 70), (63.99, 70), (64.0, 0)]
)  # fmt: skip
def test_both_sides_of_the_steps_of_a_rail(rail, kmh) -> None:
    # As maps hold it: in single precision, of the air.
    air = np.array([np.float32(rail / 1.6)], dtype=np.float64)
    assert train_speed(air, RailSection(kinds=("track",)))[0] * 3.6 == pytest.approx(kmh)


def test_rails_close_while_they_are_too_hot_and_no_longer(site) -> None:
    """64 degC of the rail are 40 of the air: closed from 12 to 18 h on the first day, from 12 to 24 on the second."""
    air = np.array([[25, 25], [38, 30], [40, 39.9], [30, 30], [25, 25], [39.9, 30], [41, 39.9], [40, 30]])
    section = {"rail": {"kinds": ["track"]}}
    time = {"hours": [0, 6, 12, 18, 24, 30, 36, 42, 48, 60]}
    ds = assess(city(site, air, kinds=["track", "track"], section=section, time=time)).dataset
    lost = ds["people_over_time"].values[0, 0].tolist()
    assert ds["time"].values.tolist()[:9] == [0, 6, 12, 18, 24, 30, 36, 42, 48]
    assert lost[:8] == [0, 0, 100, 0, 0, 0, 100, 100]
    assert not any(lost[8:])
    assert ds["zone_hours_lost"].values[0, :, 0].tolist() == [18, 0]
    assert ds["failure_probability"].values[0].tolist() == [1, 0]
    assert ds["failed_count"].values[0].tolist() == [512, 0]
    # Without a time section, what closes at any hour is closed at the peak.
    peak = assess(city(site, air, kinds=["track", "track"], section=section)).dataset
    assert peak["zone_without_service"].values[0, :, 0].tolist() == [512, 0]
    # Other kinds know no rail.
    other = assess(city(site, air, kinds=["track", "road"], section=section)).dataset
    assert other["failure_probability"].values[0].tolist() == [1, 0]


def test_what_stands_still_is_not_damaged_and_chance_adds_to_it(site) -> None:
    """The curve puts half of the tracks out in the closed hours, a quarter of which is damage: 8 h after 18 h."""
    air = np.array([[25], [25], [40], [25], [25], [25], [25], [25]])
    folder = city(site, air, kinds=["track"], section={}, zones=1).hazards[0].files[0].parent
    (folder / "half.csv").write_text(
        "name,role,peril,unit,x,y,source,basis\n"
        + "".join(f"half,fragility,heat,degC,{x},{y},step,default\n" for x, y in ((39, 0), (40, 0.5)))
    )
    (folder / "times.csv").write_text(
        "repair_class,state,distribution,unit,value\nrail,0,fixed,h,1\nrail,1,fixed,h,8\n"
    )
    assets = [{"id": "a0", "kind": "track", "flood_fragility_curve": "", "heat_fragility_curve": "half",
               "repair_class": "rail"}]  # fmt: skip
    more: dict[str, Any] = {"curves": {"files": [{"path": str(folder / "half.csv")}]}, "samples": 1024}
    repair = {"file": str(folder / "times.csv"), "damaged": {"heat": 0.5}}
    time = {"hours": [0, 12, 18, 19, 20, 24, 60], "repair": repair}
    ds = assess(
        city(site, air, kinds=[], assets=assets, zones=1, section={"rail": {"kinds": "track"}}, time=time, **more)
    ).dataset
    u = uniforms(1, "wave", "a0", 1024) / 2.0**32
    # Closed from 12 to 18 h for all; half out until 19 h; a quarter damaged at 12 h and repaired in 8 h, at 20 h.
    wanted = np.where(u < 0.25, 8.0, np.where(u < 0.5, 7.0, 6.0))
    np.testing.assert_allclose(ds["person_hours_lost"].values[0, 0] / 100, wanted, rtol=1e-12)


def test_a_map_without_time_closes_for_the_whole_event(site) -> None:
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": [[40.0, 39.9], [40.0, 40.0]],
              "events": ["one", "two"], "duration_hours": [5, 9]}  # fmt: skip
    rows = [{"id": f"a{i}", "kind": "track", "flood_fragility_curve": ""} for i in range(2)]
    needs = [(f"z{i}", "power", [f"a{i}"], 1) for i in range(2)]
    zones = [{"id": f"z{i}", "persons": 100.0} for i in range(2)]
    ds = assess(
        site.scenario(
            rows, [hazard], zones=zones, needs=needs, heat={"rail": {"kinds": "track"}}, time={"hours": [0, 1, 30]}
        )
    ).dataset
    assert ds["zone_hours_lost"].values[:, :, 0].tolist() == [[5, 0], [9, 9]]


@pytest.mark.parametrize(("limit", "hottest"), [(32.0, 42.9), (35.0, 45.1)])
def test_data_centres_stop_above_the_limit_of_their_class(site, limit, hottest) -> None:
    section = DataCentreSection(kinds=("dc",), inlet_limit=limit)
    # By hand: inlet = 24 + (1 - 1.2 c) 1e6 / (83 * 1005), c = (46 - T) / 11.
    inlet = (
        24 + np.maximum(1 - 1.2 * np.clip((46 - np.array([hottest, hottest + 0.4])) / 11, 0, 1), 0) * 1e6 / 83 / 1005
    )
    assert (inlet > limit).tolist() == is_shut_down(np.array([hottest, hottest + 0.4]), section).tolist()
    assert is_shut_down(np.array([hottest, hottest + 0.4]), section).tolist() == [False, True]
    air = np.full((8, 2), 30.0)
    air[2] = [hottest, hottest + 0.4]
    asked = {"data_centres": {"kinds": ["dc"], "inlet_limit": limit}}
    ds = assess(city(site, air, kinds=["dc", "dc"], section=asked, time={"hours": [0, 12, 18, 60]})).dataset
    assert ds["zone_hours_lost"].values[0, :, 0].tolist() == [0, 6]


def test_kinds_that_nothing_has_are_refused(site) -> None:
    air = np.full((8, 1), 30.0)
    for section, message in (
        ({"rail": {"kinds": "trak"}}, r"heat\.rail\.kinds: no such kind 'trak' \(did you mean 'track'"),
        ({"data_centres": {"kinds": "dc"}}, r"heat\.data_centres\.kinds: no such kind 'dc'"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            assess(city(site, air, kinds=["track"], zones=1, section=section))
    with pytest.raises(ConfigurationError, match="slow_from <= crawl_from <= stop_from"):
        city(site, air, kinds=["track"], zones=1, section={"rail": {"kinds": "track", "slow_from": 61}})


def line(site, air: float, *, limit: float, **more: Any) -> Any:
    """Two stations 10 km apart at 60 km/h: 10 min in cool weather; a zone at the one, a facility at the other."""
    assets = [
        {"id": "s0", "kind": "station", "sector": "metro"}, {"id": "s1", "kind": "station", "sector": "metro"},
        {"id": "depot", "kind": "depot", "sector": "care", "access_asset": "s1"},
        {"id": "t", "kind": "track", "sector": "metro", "from_asset": "s0", "to_asset": "s1", "length": 10_000.0,
         "speed": 60 / 3.6, "geometry": LineString([cell_of(0), cell_of(1)])},
    ]  # fmt: skip
    assets = [{**asset, "flood_fragility_curve": ""} for asset in assets]
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "events": ["july"], "hours": [0, 12, 18],
              "values": np.array([[[20.0] * 4, [air] * 4, [20.0] * 4]])}  # fmt: skip
    services = {"care": {"by": "road", "network": "metro", "providers": [{"kind": "depot"}], "limit_minutes": limit}}
    scenario = site.scenario(
        assets, [hazard], zones=[{"id": "z", "persons": 100.0, "access_asset": "s0"}], services=services,
        heat={"rail": {"kinds": "track"}}, **more,
    )  # fmt: skip
    return assess(scenario).dataset


@pytest.mark.parametrize(
    ("air", "minutes"), [(34.3, 10.0), (34.4, 10 * 300 / 230), (37.5, 10 * 300 / 70), (39.9, 10 * 300 / 70)]
)  # fmt: skip
def test_slow_trains_take_longer(site, air, minutes) -> None:
    """The share of the line's speed that the steps of the rail leave."""
    ds = line(site, air, limit=60.0)
    added = float(ds["access_added_minutes"].values[0, 0])
    assert added == pytest.approx(minutes - 10.0, abs=1e-4)
    assert not ds["people_without_service"].values.any()


def test_slow_trains_are_late_until_the_rail_is_cool(site) -> None:
    time = {"hours": [0, 12, 18, 24, 30]}
    late = line(site, 37.5, limit=30.0, time=time)
    assert (late["people_without_service"].values == 100).all()
    # From the beginning of the event to the end of the last hour of slow trains.
    assert late["zone_hours_lost"].values[0, 0, 0] == 18
    punctual = line(site, 34.4, limit=30.0, time=time)
    assert not punctual["person_hours_lost"].values.any()


def test_crews_do_less_in_the_heat(site, tmp_path) -> None:
    """A repair of six hours that begins at noon, at 35 degC and 60 %, goes at half the pace until the evening."""
    (tmp_path / "times.csv").write_text("repair_class,state,distribution,unit,value\nbox,1,fixed,h,6\n")
    # Only the asset fails: its cell is beyond 39 degC at noon, the zones are as hot as the table says.
    air = np.array([[25.0, 20], [25, 20], [35, 20], [25, 20], [25, 20], [25, 20], [25, 20], [25, 20]])
    assets = [{"id": "a0", "kind": "box", "flood_fragility_curve": "", "heat_fragility_curve": "step",
               "repair_class": "box"}]  # fmt: skip
    (tmp_path / "step.csv").write_text(
        "name,role,peril,unit,x,y,source,basis\nstep,fragility,heat,degC,34,0,step,default\n"
        "step,fragility,heat,degC,35,1,step,default\n"
    )
    repair = {"file": str(tmp_path / "times.csv"), "damaged": {"heat": 1.0}}
    more: dict[str, Any] = {
        "assets": assets, "zones": 1, "kinds": [], "curves": {"files": [{"path": str(tmp_path / "step.csv")}]},
        "time": {"hours": [0, 12, 18, 24, 60], "repair": repair, "restart_hours": 0},
    }  # fmt: skip
    cool = assess(city(site, air[:, :1], section={}, **more)).dataset
    assert cool["zone_hours_lost"].values[0, 0, 0] == pytest.approx(6)
    section = CrewSection()
    pace = [np.round(float(heat.work_capacity(heat.sun_wbgt(t, section.humidity))), 3) for t in (35.0, 25.0)]
    assert pace[0] == pytest.approx(0.509)
    # Six hours at the pace of noon, then the rest at that of the evening.
    wanted = 6 + (6 - 6 * pace[0]) / pace[1]
    slowed = assess(city(site, air[:, :1], section={"crews": {}}, **more)).dataset
    hours = slowed["person_hours_lost"].values[0, 0] / 100
    assert hours.mean() == pytest.approx(wanted, abs=0.02)
    assert hours.mean() > 8
