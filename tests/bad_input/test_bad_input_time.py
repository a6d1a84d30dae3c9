"""Maps in time, sequences, repair, heat, correlation and branches that are wrong: told by check as by a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.datasets import synthetic_city
from resilience.errors import ConfigurationError, ResilienceError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.scenario.networks import BUILT_IN_FAMILIES

Change = Callable[[Any], Any]
GRID = {"hours": [0, 4, 24, 72]}
FIRST = {"family": "river", "return_period": 100}
SECOND = {"family": "river", "event": "rp10", "after_hours": 12}


def both(*changes: Change) -> Change:
    return lambda town: [change(town) for change in changes]


def section(**sections: Any) -> Change:
    return lambda town: town.scenario.update(sections)


def hazard(**changes: Any) -> Change:
    return lambda town: town.hazard.update(changes)


def in_time(times: Any, *, unit: str = "hours since 2020-08-01", calendar: str = "standard", **changes: Any) -> Change:
    """One flood in a NetCDF file with a dimension of time."""

    def change(town: Any) -> None:
        depth = np.stack([town.depths(100)] * len(times))
        x = [town.place(column, 0)[0] for column in range(town.CELLS)]
        y = [town.place(0, row)[1] for row in range(town.CELLS)]
        xr.Dataset(
            {"depth": (("time", "y", "x"), depth, {"units": "m"})},
            coords={"time": ("time", np.asarray(times), {"units": unit, "calendar": calendar}), "y": y, "x": x},
            attrs={"crs": "EPSG:5187"},
        ).to_netcdf(town.root / "depth.nc", engine="h5netcdf")
        for key in ("files", "return_periods"):
            town.hazard.pop(key)
        town.hazard.update({"path": "depth.nc", "variable": "depth", "events": ["june"], **changes})
        town.scenario["time"] = GRID

    return change


timed = both(hazard(duration_hours=24), section(time=GRID))


def sequences(*parts: dict[str, Any], **more: Any) -> Change:
    return both(timed, section(sequences=[{"name": "twice", "parts": list(parts), **more}]))


def joint(**more: Any) -> Change:
    pair = {"name": "pair", "families": ["river", "coast"], "after_hours": 12, **more}
    return both(
        timed, lambda town: town.scenario["hazards"].append({**town.hazard, "family": "coast"}), section(joint=[pair])
    )


def repair(**keys: Any) -> Change:
    return both(timed, section(time={**GRID, "repair": keys}))


def ranks(text: str) -> Change:
    table = {"path": "ranks.csv", "columns": {"asset": "asset", "rank": "rank"}}
    return both(repair(rule="priority", ranks=table), lambda town: town.write("ranks.csv", text))


def correlation(**keys: Any) -> Change:
    return section(monte_carlo={"samples": 512, "correlation": keys})


def branch(**keys: Any) -> Change:
    return section(branches=[{"name": "other", **keys}])


def clinic(**keys: Any) -> Change:
    return lambda town: town.scenario["services"].update(
        clinic={"by": "road", "providers": [{"kind": "hospital"}], "limit_minutes": 30, **keys}
    )


def heat(humidity: float = 60.0, **keys: Any) -> Change:
    """A day of heat with an index."""

    def change(town: Any) -> None:
        shape = (town.CELLS, town.CELLS)
        for hour in range(24):
            town.write_map(f"air_{hour}.tif", np.full(shape, 34.0, np.float32))
            town.write_map(f"moist_{hour}.tif", np.full(shape, humidity, np.float32))
        wave = {
            "family": "wave", "peril": "heat", "nodata": "unknown", "events": ["july"], "hours": list(range(24)),
            "index": "kma_apparent", "temperature": {"files": "air_{hour}.tif", "unit": "degC"},
            "humidity": {"files": "moist_{hour}.tif", "unit": "%"},
        }  # fmt: skip
        town.scenario.update(hazards=[wave], time=GRID, heat=keys)

    return change


CASES: list[tuple[str, Change, int, tuple[str, ...]]] = [
    ("times since no date", in_time([0, 1, 2], unit="hours since yesterday"), 65,
     ("depth.nc", "coordinate time", "hours since yesterday", "hours since 2018-07-20")),
    ("times in months", in_time([0, 1, 2], unit="months since 2020-08-01"), 65, ("coordinate time", "months")),
    ("a calendar of 360 days", in_time([0, 1, 2], calendar="360_day"), 65, ("coordinate time", "360_day")),
    ("times beyond all dates", in_time([0, 1, 10**9], unit="days since 2020-08-01"), 65, ("coordinate time",)),
    ("times that are words", in_time(["2020-08-01T00", "2020-08-01T01"]), 65, ("coordinate time", "2020-08-01T00")),
    ("times within a minute", in_time([0, 0.001, 0.002]), 65, ("coordinate time", "a minute or more")),
    ("times for ever", in_time([0, 1, 1e12], unit="h"), 78, ("hours", "10,000,000 h")),
    ("hours beside a time axis", in_time([0, 1, 2], hours=[0, 1, 2]), 78, ("depth.nc", "no `hours`")),
    ("clock beyond a day", in_time([0, 1, 2], clock_offset=900), 78, ("hazards.0.clock_offset", "24")),
    ("clock without times", hazard(clock_offset=9), 78, ("clock_offset of family 'river'", "time")),
    ("a duration without end", both(timed, hazard(duration_hours=1e308)), 78, ("duration_hours", "10000000")),
    ("a recession without end", both(timed, hazard(recession_hours=1e308)), 78, ("recession_hours", "10000000")),
    ("a restart without end", both(timed, section(time={**GRID, "restart_hours": 1e300})), 78, ("restart_hours",)),
    ("an event twice at once", sequences(FIRST, FIRST), 78, ("sequences.0.parts.1", "every event once")),
    ("an event by two names", sequences({"family": "river", "event": "rp100"}, FIRST), 78,
     ("sequences.0.parts.1", "sequences.0.parts.0", "another name")),
    ("an event by its period", sequences({"family": "river", "event": "100"}, {**FIRST, "after_hours": 0.001}), 78,
     ("sequences.0.parts.1", "same minute")),
    ("a sequence too often", sequences(FIRST, SECOND, annual_rate=1e9), 78, ("sequences.0.annual_rate", "20,000,000")),
    ("a pair with the name of a sequence", both(joint(name="twice"), section(
        sequences=[{"name": "twice", "parts": [FIRST, SECOND]}])), 78, ("joint.0.name", "no family, sequence")),
    ("a pair of no family", joint(families=["river", "cost"]), 78,
     ("town.yaml", "joint.0.families", "did you mean 'coast'")),
    ("a pair in two pairs", both(joint(), lambda town: town.scenario["joint"].append(
        {**town.scenario["joint"][0], "name": "other"})), 78, ("town.yaml", "joint.1.families.0", "as in joint.0")),
    ("a pair beyond the grid", joint(after_hours=120), 78, ("town.yaml", "joint.0.after_hours", "72")),
    ("crews where nothing is linked", repair(depots={"kind": "hospital"}, roads="telecom"), 65,
     ("time.repair.roads", "no link in 'telecom'")),
    ("crews of no sector", repair(crews={"powr": 1}), 78,
     ("town.yaml", "time.repair.crews.powr", "did you mean 'power'")),
    ("no repair times", repair(file="own.csv"), 66, ("town.yaml", "own.csv")),
    ("repair times that are none", both(repair(file="own.csv"), lambda town: town.write("own.csv", "a,b\n")), 65,
     ("own.csv", "repair_class, state, distribution")),
    ("no ranks", repair(rule="priority", ranks="ranks.csv"), 66, ("town.yaml", "ranks.csv")),
    ("classes without times", both(repair(), lambda town: town.scenario["network"]["assets"][0].update(
        repair_class="subztation")), 65, ("assets.repair_class", "subztation")),
    ("no time at the peak", section(time=GRID), 78, ("hazards.duration_hours", "river: rp10")),
    ("a grid of no minute", both(timed, section(time={"hours": [0, 1e-9]})), 78,
     ("town.yaml", "time.hours", "a minute or more")),
    ("ranks in a folder", both(ranks(""), lambda town: ((town.root / "ranks.csv").unlink(),
                                                        (town.root / "ranks.csv").mkdir())), 66,
     ("ranks.csv", "a folder")),
    ("ranks without rows", ranks("asset,rank\n"), 65, ("time.repair.ranks", "no row")),
    ("ranks beyond sums", ranks("asset,rank\nS1,1e308\nS1,1e308\n"), 65, ("time.repair.ranks", "1e+15")),
    ("ranks of formulas", ranks("\ufeffasset,rank\r\nS1,=1+2\r\n"), 65, ("time.repair.ranks", "=1+2")),
    ("ranks of zones", ranks("asset,rank\nZ1,3\n"), 65, ("time.repair.ranks", "Z1", "ids of assets")),
    ("correlation in cells too small", correlation(length_m=2000, cell_m=1e-300), 78, ("cells of 1e-300 m",)),
    ("correlation in many cells", correlation(length_m=1e6, cell_m=1), 78, ("correlated grid", "larger cells")),
    ("correlation over nothing", correlation(length_m=1e-300), 78, ("correlation", "length_m")),
    ("bias beyond all maps", branch(hazard_bias={"river": 1e9}), 78, ("branches.0.hazard_bias.river", "100")),
    ("bias of no family", both(branch(hazard_bias={"rivr": 1}), section(joint=[
        {"name": "pair", "families": ["river", "cost"], "after_hours": 0}])), 78,
     ("town.yaml", "branches.0.hazard_bias.rivr", "did you mean 'river'", "joint.0.families.1", "'cost'")),
    ("a branch twice", section(branches=[{"name": "a"}, {"name": "a"}]), 78, ("town.yaml", "branches.1.name")),
    ("costs without end", branch(cost_factor=1e308), 78, ("branches.0.cost_factor", "1000000")),
    ("a weight without end", branch(weight=1e308), 78, ("branches.0.weight",)),
    ("a limit without end", clinic(limit_minutes=1e300), 78, ("services.clinic.limit_minutes", "30000")),
    ("no speed", clinic(speed_share=1e-300), 78, ("services.clinic.speed_share", "0.01")),
    ("a speed in words", clinic(speed_share="0.65"), 78, ("services.clinic.speed_share", "a number")),
    ("an indicator that counts twice", both(clinic(), section(
        indicators={"late": {"without": ["clinic", "clinic"], "share": 0.3}})), 78, ("late.without", "once")),
    ("a level of no sector", section(cascade={"levels": {"powr": "share"}}), 78, ("powr", "did you mean 'power'")),
    ("humidity as shares", heat(humidity=0.6), 65, ("humidity", "`unit: 1`")),
    ("humidity above 100", heat(humidity=120.0), 65, ("relative humidity", "120 %")),
    ("deaths by no service", heat(mortality={"service": "powr"}), 78,
     ("heat.mortality.service", "did you mean 'power'")),
    ("beds without end", heat(emergency={"beds": 10**15}), 78, ("heat.emergency.beds", "1000000")),
    ("deaths without end", heat(mortality={"deaths_per_100000": 1e300}), 78, ("deaths_per_100000", "100000")),
    ("an advisory above the warning", heat(alerts={"advisory": 40, "warning": 35}), 78, ("heat.alerts.advisory", "35")),
    ("trains that speed up", heat(rail={"kinds": "road", "slow_speed": 400}), 78, ("line_speed", "slow_speed")),
    ("inlets too warm from the start", heat(data_centres={"kinds": "tower", "set_point": 50}), 78,
     ("heat.data_centres.inlet_limit", "above set_point = 50")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "code", "words"), CASES, ids=[case[0] for case in CASES])
def test_wrong_courses_are_refused(town: Any, name: str, change: Change, code: int, words: tuple[str, ...]) -> None:
    change(town)
    town.refused(code, *words)
    with pytest.raises(ResilienceError) as raised:
        assess(Scenario.from_yaml(town.save()))
    assert raised.value.exit_code == code, f"{name}: {raised.value}"


GOOD: list[tuple[str, Change]] = [
    ("in time", in_time([0, 1, 2])),
    ("times of another zone", in_time([0, 1, 2], unit="hours since 2020-08-01 00:00:00 +09:00", clock_offset=9)),
    ("a sequence", sequences(FIRST, SECOND)),
    ("a pair", joint()),
    ("ranks of a spreadsheet", ranks("\ufeffasset,rank\r\nS1,3\r\nS2,\r\n")),
    ("correlation", correlation(length_m=200)),
    ("a branch", branch(hazard_bias={"river": 0.3})),
    ("an index", heat()),
]


@pytest.mark.parametrize(("name", "change"), GOOD, ids=[case[0] for case in GOOD])
def test_what_these_spoil_is_good(town: Any, name: str, change: Change) -> None:
    change(town)
    for outcome in (town.check(), town.run()):
        assert outcome.code == 0, f"{name}: {outcome.err}{outcome.logs}"


def test_families_of_the_built_in_city_are_known_to_the_scenario() -> None:
    data = {"schema_version": 1, "name": "demo", "network": {"synthetic": {"size": 600}}}
    assert tuple(str(one.attrs["family"]) for one in synthetic_city(size=600).hazards) == BUILT_IN_FAMILIES
    with pytest.raises(ConfigurationError, match=r"branches\.0\.hazard_bias\.river[\s\S]*families flood, heatwave"):
        Scenario.from_dict({**data, "branches": [{"name": "a", "hazard_bias": {"river": 1}}]})


@pytest.mark.parametrize("others", ["2018-08-01", "2018-07-22"])
def test_temperature_and_humidity_of_other_days_are_refused(town: Any, others: str) -> None:
    """The same hours of the day, of other dates."""

    def write(day: str) -> None:
        x = [town.place(column, 0)[0] for column in range(town.CELLS)]
        y = [town.place(0, row)[1] for row in range(town.CELLS)]
        for name, value, unit, since in (("t", 34.0, "degC", "2018-07-21"), ("h", 60.0, "%", day)):
            cells = np.full((24, town.CELLS, town.CELLS), value, np.float32)
            coords = {"time": ("time", np.arange(24), {"units": f"hours since {since}"}), "y": y, "x": x}
            one = xr.Dataset({name: (("time", "y", "x"), cells, {"units": unit})}, coords, {"crs": "EPSG:5187"})
            one.to_netcdf(town.root / f"{name}.nc", engine="h5netcdf")

    wave = {
        "family": "wave", "peril": "heat", "nodata": "unknown", "events": ["july"], "index": "kma_apparent",
        "temperature": {"path": "t.nc", "variable": "t"}, "humidity": {"path": "h.nc", "variable": "h"},
    }  # fmt: skip
    town.scenario.update(hazards=[wave])
    write("2018-07-21")
    town.save()
    assert town.check().code == 0
    write(others)
    town.refused(65, "humidity of family 'wave'", "the dates of the temperature, from 2018-07-21", others)


def test_mistakes_of_all_sections_are_told_at_once(town: Any) -> None:
    both(joint(families=["river", "cost"], copula="gumbel"), correlation(length_m=0), branch(weight=0))(town)
    with pytest.raises(ConfigurationError) as raised:
        Scenario.from_yaml(town.save())
    told = str(raised.value)
    assert all(word in told for word in ("tau", "length_m", "branches.0.weight")), told
