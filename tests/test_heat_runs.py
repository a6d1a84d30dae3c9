"""What heat does to people, through the main job: published numbers, twins, laws."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience import heat
from resilience.cascade import TimeGrid
from resilience.cli import main
from resilience.errors import ConfigurationError, DataError
from resilience.heat.indices import INDICES
from resilience.inputs import load_inputs
from resilience.pipeline import assess
from resilience.scenario import HeatSection, Scenario
from tests.conftest import cell_of, write_maps
from tests.test_hourly import is_out, uniforms

PEOPLE = [100_000.0, 300_000.0]
ASSETS = [{"id": f"s{i}", "heat_fragility_curve": "degree_is_probability"} for i in range(2)]
ZONES = [{"id": f"z{i}", "persons": n, "geometry": Point(*cell_of(i))} for i, n in enumerate(PEOPLE)]
NEEDS = [(f"z{i}", "power", [f"s{i}"], 1) for i in range(2)]
# Two days of six hours each, degC at the two cells: the first zone has 34 at most, the second 31.
AIR = np.array([[24, 24], [30, 28], [34, 31], [28, 27], [26, 25], [32, 30], [33, 31], [27, 26]], np.float32)
HOURS = [0, 6, 12, 18, 24, 30, 36, 42]
PER_DAY = 2.0  # deaths per day and 100,000


def hot(site, air=AIR, *, hours=HOURS, assets=ASSETS, needs=NEEDS, samples=512, section=None, **more: Any) -> Scenario:
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": np.asarray(air, np.float32)[np.newaxis],
              "hours": list(hours), "events": ["july"]}  # fmt: skip
    found = {"mortality": {"deaths_per_100000": PER_DAY}} if section is None else section
    return site.scenario(assets, [hazard], zones=ZONES, needs=needs, samples=samples, heat=found, **more)


def cool(assets=ASSETS):
    return [{key: value for key, value in asset.items() if key != "heat_fragility_curve"} for asset in assets]


def test_deaths_of_seoul_at_three_degrees_above_its_threshold(site) -> None:
    ds = assess(hot(site, assets=cool())).dataset
    np.testing.assert_allclose(ds["daily_maximum"].values[0], [[34, 33], [31, 31]], rtol=1e-6)
    # RR(34) = 1.092409, AF = 0.084592; RR(33) = 1.0299^2.
    wanted = PER_DAY * (0.084592 + 1 - 1 / 1.0299**2)
    deaths = ds["heat_deaths"].values[0]
    assert deaths[0] == pytest.approx(wanted, abs=2e-6 * PER_DAY)
    assert deaths[1] == 0.0
    assert ds["event_heat_deaths"].values[0] == deaths.sum()
    assert not ds["outage_deaths"].values.any()


def test_the_beds_of_an_emergency_room(site) -> None:
    """48 patients a day who stay 4 h take 8 of 10 beds: Erlang B(10, 8) = 0.121661; heat adds its own."""
    usual = {"usual_per_100000": 12.0, "beds": 10, "threshold": 33.3}
    plain = assess(hot(site, AIR - 5, assets=cool(), section={"emergency": usual})).dataset
    assert plain["emergency_load"].values[0] == pytest.approx(8.0)
    assert plain["emergency_loss"].values[0] == pytest.approx(0.121661, abs=1e-6)
    assert not plain["heat_patients"].values.any()
    ds = assess(hot(site, assets=cool(), section={"emergency": usual})).dataset
    more = 51 * (34 - 33.3) * 100_000 / 51.7e6
    assert ds["heat_patients"].values[0] == pytest.approx([more, 0], rel=1e-5)
    load = (48 + more) * 4 / 24
    assert ds["emergency_load"].values[0] == pytest.approx(load, rel=1e-6)
    assert ds["emergency_loss"].values[0] == pytest.approx(float(heat.erlang_loss(10, load)), rel=1e-9)
    # By default 15 beds for 100,000 of the 400,000.
    many = assess(hot(site, assets=cool(), section={})).dataset
    assert many["emergency_loss"].values[0] == pytest.approx(
        float(heat.erlang_loss(60, float(many["emergency_load"].values[0]))), rel=1e-9
    )


def twin_of_deaths_without_power(out: np.ndarray, grid: TimeGrid) -> float:
    """Further deaths of the first zone in one sample; `out` tells where its power is out in each step."""
    hours = [*HOURS, 48]
    per_day = PER_DAY
    total = 0.0
    for day in range(2):
        steps = [k for k in range(8) if hours[k] // 24 == day]
        highest = max(float(AIR[k, 0]) for k in steps)
        risk = 1.0299 ** max(0.0, highest - 31)
        further = per_day * ((1 - 1 / (1.5 * risk)) - (1 - 1 / risk)) if highest > 31 else 0.0
        minutes = [m for k in steps if AIR[k, 0] > 31 for m in range(hours[k] * 60, hours[k + 1] * 60)]
        without = sum(out[np.searchsorted(grid.minute, m, side="right") - 1] for m in minutes)
        total += further * without / len(minutes) if minutes else 0.0
    return total


def test_people_without_power_in_the_hot_hours(site) -> None:
    """A curve turns 34 degC into 0.4, 33 into 0.3, 32 into 0.2, all below into nothing; every sample has its twin."""
    restart, points = 5.0, [0, 3, 6, 12, 15, 18, 24, 30, 36, 39, 48, 60]
    time = {"hours": points, "restart_hours": restart}
    folder = hot(site).hazards[0].files[0].parent
    (folder / "steps.csv").write_text(
        "name,role,peril,unit,x,y,source,basis\n"
        + "".join(f"steps,fragility,heat,degC,{x},{y},step,default\n" for x, y in ((31.9, 0), (32, 0.2), (34, 0.4)))
    )
    assets = [{**asset, "heat_fragility_curve": "steps", "flood_fragility_curve": ""} for asset in ASSETS]
    own = {"files": [{"path": str(folder / "steps.csv")}]}
    result = assess(hot(site, assets=assets, time=time, samples=1024, curves=own))
    ds = result.dataset
    grid = TimeGrid(np.append(np.round(ds["time"].values * 60), 3600).astype(np.int64))
    moments, u = grid.moments(), uniforms(1, "wave", "s0", 1024)
    course = np.interp(AIR[:, 0], [31.9, 32, 34], [0, 0.2, 0.4])
    each = np.array(
        [
            twin_of_deaths_without_power(
                np.array([is_out(int(u[s]), course, [*HOURS, 48], int(m[s % 512]), restart) for m in moments]), grid
            )
            for s in range(1024)
        ]
    )
    assert each.mean() > 0
    assert len(set(each.tolist())) >= 4
    assert ds["outage_deaths"].values[0] == pytest.approx([each.mean(), 0], rel=1e-6)
    assert ds["event_outage_deaths"].values[0] == pytest.approx(each.mean(), rel=1e-6)
    error = each.std(ddof=1) / np.sqrt(1024)
    assert ds["event_outage_deaths_standard_error"].values[0] == pytest.approx(error, rel=1e-6)
    assert "mortality.outage = 1.5" in " ".join(result.notes)


def test_power_that_is_out_all_along_takes_the_whole_of_it(site) -> None:
    # Degrees above one are certain failures at every hour.
    ds = assess(hot(site, time={"hours": [0, 6, 12, 18, 24, 30, 36, 42, 48, 60]})).dataset
    grid = TimeGrid(np.append(np.round(ds["time"].values * 60), 3600).astype(np.int64))
    whole = twin_of_deaths_without_power(np.ones(grid.step.size), grid)
    assert ds["outage_deaths"].values[0, 0] == pytest.approx(whole, rel=1e-7)
    assert ds["event_outage_deaths_standard_error"].values[0] == 0


def test_no_heat_is_exactly_nothing(site) -> None:
    ds = assess(hot(site, np.full_like(AIR, 20.0), assets=cool(), time={"hours": [0, 12, 60]})).dataset
    for name in ("heat_deaths", "outage_deaths", "heat_patients", "event_heat_deaths", "event_outage_deaths"):
        assert not ds[name].values.any(), name


def test_blocks_and_order_change_nothing(site) -> None:
    time = {"hours": [0, 6, 12, 18, 24, 36, 60]}
    names = ["heat_deaths", "outage_deaths", "event_outage_deaths", "event_outage_deaths_standard_error"]
    low = AIR / 60  # probabilities; no heat
    warm = {"mortality": {"threshold": 0.3, "deaths_per_100000": PER_DAY}}
    one = assess(hot(site, low, samples=1024, time=time, section=warm)).dataset
    assert (one["event_outage_deaths"] > 0).all()
    more = {"monte_carlo": {"samples": 1024, "block": 512}}
    blocks = assess(hot(site, low, time=time, section=warm, **more)).dataset
    turned = assess(hot(site, low, samples=1024, time=time, section=warm, needs=NEEDS[::-1])).dataset
    for name in names:
        np.testing.assert_array_equal(one[name], blocks[name], err_msg=name)
        np.testing.assert_array_equal(one[name], turned[name], err_msg=name)


def test_what_is_not_asked_for_is_not_told_and_changes_nothing(site) -> None:
    time = {"hours": [0, 12, 60]}
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": (AIR / 60)[np.newaxis], "hours": HOURS,
              "events": ["july"]}  # fmt: skip
    plain = assess(site.scenario(ASSETS, [hazard], zones=ZONES, needs=NEEDS, time=time)).dataset
    asked = assess(hot(site, AIR / 60, time=time)).dataset
    assert "heat_deaths" not in plain
    for name in plain.data_vars:
        np.testing.assert_array_equal(plain[name], asked[name], err_msg=str(name))


# Indices worked out of temperature and humidity


def indexed(site, *, index="kma_apparent", moist=None, **more: Any) -> Scenario:
    base = hot(site, section={}, **more)
    folder = base.hazards[0].files[0].parent
    wet = np.full_like(AIR, 60.0) if moist is None else moist
    write_maps(folder / "air.tif", AIR)
    write_maps(folder / "wet.tif", wet)
    data = base.to_dict()
    data["hazards"] = [
        {"family": "wave", "peril": "heat", "nodata": "error", "hours": HOURS, "events": ["july"], "index": index,
         "temperature": {"files": [str(folder / "air.tif")], "unit": "degC"},
         "humidity": {"files": [str(folder / "wet.tif")], "unit": "%"}}
    ]  # fmt: skip
    return Scenario.from_dict(data)


@pytest.mark.parametrize("index", sorted(INDICES))
def test_an_index_is_that_of_its_function(site, index) -> None:
    scenario = indexed(site, index=index)
    [hazard] = load_inputs(scenario).hazards
    assert not hazard["index"].variable._in_memory
    wanted = np.asarray(INDICES[index](AIR[:, 0].astype(np.float64), np.full(8, 60.0)))
    np.testing.assert_allclose(hazard["index"].values[0, :, 0, 0], wanted, rtol=1e-6)
    ds = assess(scenario).dataset
    daily = [wanted[:4].max(), wanted[4:].max()]
    np.testing.assert_allclose(ds["daily_index"].values[0, 0], daily, rtol=1e-6)
    # Assets and the air are as without it.
    assert ds["exposed_intensity"].values[0].tolist() == [34, 31]
    assert ds["heat_index_name"].values.tolist() == [index]


def test_alert_days_of_the_apparent_temperature(site) -> None:
    """At 35 degC and 55 % it is 34.97 (table of the regression): an advisory on both days, no warning."""
    scenario = indexed(site, moist=np.full_like(AIR, 55.0))
    ds = assess(scenario).dataset
    apparent = np.asarray(heat.apparent_temperature(np.array([34.0, 33.0]), 55.0))
    np.testing.assert_allclose(ds["daily_index"].values[0, 0], apparent, rtol=1e-6)
    assert apparent[1] == pytest.approx(32.98, abs=0.005)
    # 33.97 on the first day, 32.98 on the second: one day alone is no advisory.
    assert ds["advisory_days"].values[0].tolist() == [0, 0]
    lower = scenario.to_dict()
    lower["heat"]["alerts"] = {"advisory": 32.9, "warning": 33.9}
    ds = assess(Scenario.from_dict(lower)).dataset
    assert ds["advisory_days"].values[0].tolist() == [2, 0]
    assert ds["warning_days"].values[0].tolist() == [0, 0]
    lower["heat"]["alerts"] = {"advisory": 32.9, "warning": 33.9, "days": 1}
    assert assess(Scenario.from_dict(lower)).dataset["warning_days"].values[0].tolist() == [1, 0]


def test_shares_called_percent_are_refused(site) -> None:
    with pytest.raises(DataError, match=r"humidity of family 'wave' \(zones\): no cell of a window above 1 %"):
        assess(indexed(site, moist=np.full_like(AIR, 0.6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"humidity": None}, "index, temperature and humidity together"),
        ({"peril": "flood"}, "an index for heat only"),
        ({"path": "a.tif"}, "maps under temperature and humidity"),
        ({"index": "kma_aparent"}, "kma_apparent"),
        ({"temperature": {"unit": "degC"}}, r"temperature\.files: neither"),
        ({"humidity": {"files": ["a.tif", "b.tif"], "unit": "%"}}, r"humidity\.files: 2"),
    ],
    ids=str,
)
def test_indices_that_are_wrong(change, message) -> None:
    section = {"family": "wave", "peril": "heat", "nodata": "error", "events": ["july"], "index": "kma_apparent",
               "temperature": {"files": ["t.tif"]}, "humidity": {"files": ["h.tif"]}, **change}  # fmt: skip
    section = {key: value for key, value in section.items() if value is not None}
    data = {"schema_version": 1, "name": "x", "network": {"synthetic": {}}, "hazards": [section]}
    with pytest.raises(ConfigurationError, match=message):
        Scenario.from_dict(data)


def test_the_table_and_the_notes(site, tmp_path, capsys) -> None:
    scenario = indexed(site, time={"hours": [0, 24, 60]})
    path = tmp_path / "city.yaml"
    path.write_text(scenario.to_yaml(), encoding="utf-8")
    assert main(["run", str(path), "-o", str(tmp_path / "run"), "--allow-outside", str(tmp_path.parent)]) == 0
    table = pd.read_csv(tmp_path / "run" / "heat.csv", keep_default_na=False, na_values=["nan"]).set_index("zone")
    assert table.index.tolist() == ["z0", "z1", ""]
    assert float(table.loc["z0", "highest_temperature"]) == 34
    deaths = table["heat_deaths"].astype(float)
    assert deaths[""] == pytest.approx(deaths[["z0", "z1"]].sum(), rel=1e-6)
    notes = (tmp_path / "run" / "notes.txt").read_text(encoding="utf-8")
    assert "mortality.deaths_per_100000 = 1.9" in notes
    assert "mortality.increase" not in notes  # read in its source
    capsys.readouterr()


def test_maps_without_time_are_days_of_that_heat(site) -> None:
    hazard = {"family": "wave", "peril": "heat", "unit": "degC", "values": [[34.0, 31.0]], "events": ["july"],
              "duration_hours": 72}  # fmt: skip
    section = {"mortality": {"deaths_per_100000": PER_DAY}}
    ds = assess(site.scenario(cool(), [hazard], zones=ZONES, needs=NEEDS, heat=section)).dataset
    assert ds.sizes["day"] == 3
    assert ds["heat_deaths"].values[0, 0] == pytest.approx(3 * PER_DAY * 0.084592, abs=1e-5)


def test_the_built_in_city_knows_its_dead() -> None:
    data = {"schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 600}},
            "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0}, "heat": {}, "time": {}}  # fmt: skip
    ds = assess(Scenario.from_dict(data)).dataset
    hot_events = ds["peril"].values == "heat"
    deaths = ds["event_heat_deaths"].values
    assert (deaths[hot_events] > 0).any()
    assert not deaths[~hot_events].any()
    assert np.isnan(ds["daily_maximum"].values[~hot_events]).all()
    weight = (ds["annual_weight"] + ds["tail_weight"]).values
    assert float(ds["annual_heat_deaths"]) == pytest.approx(float(weight @ deaths))
    assert float(ds["annual_outage_deaths"]) >= 0
    assert (ds["outage_deaths"].sum("zone") - ds["event_outage_deaths"] < 1e-6).all()


def test_defaults_of_the_section_are_those_of_the_coefficients() -> None:
    section = HeatSection.model_validate({"rail": {"kinds": "track"}, "data_centres": {"kinds": "dc"}, "crews": {},
                                          "transformers": {}, "demand": {}, "lines": {}})  # fmt: skip
    pairs: list[tuple[Any, Any, dict[str, str]]] = [
        (section.mortality, heat.Mortality(), {}),
        (section.emergency, heat.EmergencyLoad(), {"stay_hours": "stay"}),
        (section.rail, heat.Rail(), {}),
        (section.data_centres, heat.Cooling(), {}),
        (section.crews, heat.Crew(), {}),
        (section.transformers, heat.Transformer(), {}),
        (section.demand, heat.Demand(), {}),
        (section.alerts, heat.Alert(), {"advisory": "threshold"}),
        (section.alerts, heat.WarningAlert(), {"warning": "threshold"}),
    ]
    compared = 0
    for one, known, names in pairs:
        values = {field.name: getattr(known, field.name) for field in fields(known)}
        basis = {field.name: field.metadata["origin"].basis for field in fields(known)}
        for key, field in type(one).model_fields.items():
            name = names.get(key, key)
            if name not in values or (known.__class__ is heat.WarningAlert and key != "warning"):
                continue
            compared += 1
            assert getattr(one, key) == values[name], key
            told = field.description or ""
            words = {"source": "(source", "memory": "from memory", "default": "judgement"}[basis[name]]
            assert words in told, (key, told)
    assert compared >= 20


def test_the_built_in_city_hour_by_hour_has_the_peaks_of_its_days() -> None:
    """The hottest hour is the daily maximum: peaks stay what they are, and the nights are cool."""
    city = {"seed": 2, "size": 600}
    data = {"schema_version": 1, "name": "short", "seed": 3, "monte_carlo": {"samples": 512},
            "risk": {"catalogue_years": 0}, "heat": {"crews": {}}}  # fmt: skip
    daily = assess(Scenario.from_dict({**data, "network": {"synthetic": city}})).dataset
    hourly_city = {**city, "hourly_heat": True}
    hourly = assess(Scenario.from_dict({**data, "network": {"synthetic": hourly_city}})).dataset
    for name in ("exposed_intensity", "failure_probability", "people_without_service", "annual_value", "heat_deaths"):
        np.testing.assert_array_equal(daily[name], hourly[name], err_msg=name)
    [_, wave] = load_inputs(Scenario.from_dict({**data, "network": {"synthetic": hourly_city}})).hazards
    assert not wave["intensity"].variable._in_memory
    [_, days] = load_inputs(Scenario.from_dict({**data, "network": {"synthetic": city}})).hazards
    hottest = wave["intensity"][2, :, 3:5, [7, 2]].values
    np.testing.assert_array_equal(hottest[15], days["intensity"][2, 3:5, [7, 2]].values)
    np.testing.assert_array_equal(hottest[3], (days["intensity"][2, 3:5, [7, 2]].values - 9.0).astype(np.float32))
    np.testing.assert_array_equal(hottest[15::24], np.repeat(hottest[15:16], 3, axis=0))
