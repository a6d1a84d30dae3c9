"""Returns after an event: outages, damage, crews; hand cases, laws and the law of large numbers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience.cascade import make_grid
from resilience.check import check
from resilience.defaults import DEFAULTS
from resilience.engine import (
    LEVELS,
    NEVER,
    BlockSums,
    City,
    RepairRules,
    find_baseline,
    plan_recovery,
    prepare_event,
    solve_block,
)
from resilience.errors import ConfigurationError, DataError, MissingInputError
from resilience.kernels.compiler import INTERPRETED
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.pipeline import assess
from resilience.repair_times import RepairTime, RepairTimeTable
from resilience.scenario import Scenario
from resilience.service import ServiceRule, lay_out_services

GROUPS = 1 if INTERPRETED else 8
END = 24.0


def fixed(hours: float) -> RepairTimeTable:
    return RepairTimeTable([RepairTime("line", 1, "fixed", {"value": hours})])


def lognormal(median: float, beta: float) -> RepairTimeTable:
    return RepairTimeTable([RepairTime("line", 1, "lognormal", {"median": median, "beta": beta})])


def build(n: int, hours: tuple[float, ...]) -> City:
    """Lines of a power grid, each of which alone serves a zone of one person."""
    assets = gpd.GeoDataFrame(
        {"id": [f"l{i}" for i in range(n)], "sector": "power", "geometry": [Point(i, 0) for i in range(n)]}, crs=5179
    )
    zones = gpd.GeoDataFrame(
        {"id": [f"z{i}" for i in range(n)], "persons": 1.0, "geometry": [Point(i, 0) for i in range(n)]}, crs=5179
    )
    needs = pd.DataFrame(
        {"id": [f"n{i}" for i in range(n)], "dependent": zones["id"], "service": "power", "required": 1}
    )
    dependencies = pd.DataFrame({"need": needs["id"], "provider": assets["id"]})
    network = Network.from_tables(assets=assets, zones=zones, needs=needs, dependencies=dependencies)
    compiled = compile_network(network, services=("power",))
    layout = lay_out_services(compiled, [ServiceRule("power")])
    return City(
        compiled, {}, layout, find_baseline(compiled, {}, layout, "all_up"), seed=11, grid=make_grid(hours, ends=[END])
    )


def run(
    city: City, probability: float, rules: RepairRules | None, *, restart: float = 4.0, groups: int = GROUPS
) -> BlockSums:
    recover = partial(
        plan_recovery, city.compiled, end_hours=END, restart_hours=restart, rules=rules, peril="flood", family="river",
        seed=city.seed,
    )  # fmt: skip
    chance = np.full(city.compiled.n_asset, probability)
    return solve_block(city, prepare_event(city, 0, chance, family="river", recover=recover), 0, 8 * groups)


def rules(table: RepairTimeTable, n: int, *, damaged: float = 1.0, **more: object) -> RepairRules:
    return RepairRules(table, np.array(["line"] * n, dtype=object), {"flood": (damaged,)}, **{"crews": {}, **more})


def person_hours(sums: BlockSums) -> np.ndarray:
    return sums.over_time.sample_minutes[0] / 1000 / 60


HOURLY = tuple(float(h) for h in range(201))


def test_what_is_only_out_returns_after_the_restart() -> None:
    assert (person_hours(run(build(3, HOURLY), 1.0, None, groups=1)) == 3 * 28).all()


@pytest.mark.parametrize(("crews", "wanted"), [(5, 5 * 34), (2, 34 + 34 + 44 + 44 + 54), (1, 34 + 44 + 54 + 64 + 74)])
def test_damage_waits_for_crews(crews: int, wanted: float) -> None:
    found = run(build(5, HOURLY), 1.0, rules(fixed(10.0), 5, crews={"power": crews}), groups=1)
    assert (person_hours(found) == wanted).all()


def test_without_crews_nothing_is_repaired_and_without_a_number_each_has_its_own() -> None:
    city = build(3, HOURLY)
    assert (person_hours(run(city, 1.0, rules(fixed(10.0), 3, crews={"power": 0}), groups=1)) == 3 * 200).all()
    assert (person_hours(run(city, 1.0, rules(fixed(10.0), 3), groups=1)) == 3 * 34).all()


def test_an_asset_without_a_class_is_never_damaged() -> None:
    city = build(2, HOURLY)
    some = RepairRules(fixed(50.0), np.array(["line", ""], dtype=object), {"flood": (1.0,)}, {})
    assert (person_hours(run(city, 1.0, some, groups=1)) == 74 + 28).all()
    assert (person_hours(run(city, 1.0, RepairRules(fixed(50.0), some.classes, {}, {}), groups=1)) == 28 + 28).all()


def test_the_class_tells_how_long_an_outage_lasts() -> None:
    table = RepairTimeTable([*fixed(10.0), RepairTime("line", 0, "fixed", {"value": 1.0})])
    assert (person_hours(run(build(1, HOURLY), 1.0, rules(table, 1, damaged=0.0), groups=1)) == 25).all()


def test_what_waits_for_another_repair_begins_after_it() -> None:
    city = build(2, HOURLY)
    waiting = rules(fixed(10.0), 2, before={1: np.array([0], np.int32)})
    assert (person_hours(run(city, 1.0, waiting, groups=1)) == 34 + 44).all()
    # Where the other is not damaged there is nothing to wait for.
    some = RepairRules(fixed(10.0), np.array(["", "line"], dtype=object), {"flood": (1.0,)}, {}, before=waiting.before)
    assert (person_hours(run(city, 1.0, some, groups=1)) == 28 + 34).all()
    circle = rules(fixed(10.0), 2, before={0: np.array([1], np.int32), 1: np.array([0], np.int32)})
    with pytest.raises(DataError, match="loop"):
        run(city, 1.0, circle, groups=1)


def test_a_crew_takes_what_ranks_highest() -> None:
    ranked = rules(fixed(10.0), 3, crews={"power": 1}, rule="priority", priority=np.array([0.0, 5.0, 1.0]))
    over = run(build(3, HOURLY), 1.0, ranked, groups=1).over_time
    assert over is not None
    hours = (over.zone_samples[:, :, 0] > 0).sum(axis=0)
    assert hours.tolist() == [54, 34, 44]


def test_repair_times_have_their_mean() -> None:
    n = 40
    median, beta = 20.0, 0.25
    city = build(n, tuple(np.arange(0.0, 120.0, 0.5).tolist()))
    lost = person_hours(run(city, 1.0, rules(lognormal(median, beta), n)))
    each = lost / n - END
    mean = median * np.exp(beta**2 / 2)
    assert abs(each.mean() - mean) < 4 * each.std() / np.sqrt(each.size) + 0.02


def test_damage_is_the_lower_part_of_the_same_number() -> None:
    """Of what fails, a share is damaged; more damage adds to the same samples."""
    n = 20
    city = build(n, HOURLY)
    lost = [person_hours(run(city, 0.4, rules(fixed(50.0), n, damaged=share))) for share in (0.0, 0.3, 1.0)]
    failed = lost[0] / 28
    assert (lost[0] <= lost[1]).all()
    assert (lost[1] <= lost[2]).all()
    np.testing.assert_allclose(lost[2], failed * 74)
    # Of every failure 46 hours more with probability 0.3.
    damaged = ((lost[1] - lost[0]) / 46).sum() / failed.sum()
    assert abs(damaged - 0.3) < 4 * np.sqrt(0.21 / failed.sum())


@pytest.mark.parametrize("rule", ["fifo", "shortest", "longest"])
def test_more_crews_never_cost_person_hours(rule: str) -> None:
    n = 12
    city = build(n, HOURLY)
    before = None
    for crews in (1, 2, 4, 12):
        lost = person_hours(run(city, 0.6, rules(lognormal(15.0, 0.6), n, crews={"power": crews}, rule=rule)))
        assert before is None or (lost <= before).all()
        before = lost


def test_classes_that_no_table_knows_are_told() -> None:
    city = build(2, (0, 10))
    wrong = RepairRules(fixed(1.0), np.array(["line", "lime"], dtype=object), {"flood": (1.0,)}, {})
    with pytest.raises(DataError, match="'lime' state 1 \\(did you mean 'line'"):
        run(city, 0.5, wrong, groups=1)


BASE = {
    "schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 600}},
    "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0},
}  # fmt: skip


def scenario(**repair: object) -> Scenario:
    return Scenario.from_dict({**BASE, "time": {"hours": [0, 24, 100, 500, 2000], "repair": repair}})


def test_repair_through_the_main_job(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("repair_class,state,distribution,value\nsubstation,1,fixed,3\n", encoding="utf-8")
    lost = {
        name: float(assess(scenario(**keys)).dataset["annual_person_hours"].sum())
        for name, keys in {
            "shipped": {}, "own": {"file": str(table), "unit": "day"}, "one crew": {"crews": {"power": 1}},
            "none damaged": {"damaged": {"flood": 0, "heat": 0}},
        }.items()
    }  # fmt: skip
    assert lost["none damaged"] < lost["shipped"] <= lost["one crew"]
    assert lost["own"] != lost["shipped"]


def test_notes_tell_what_is_judgement() -> None:
    result = assess(scenario(crews={"telecom": 2, "power": 1}))
    notes = "\n".join(result.notes)
    assert "without a class they end 4 h after an event" in notes
    defaults = [note.removeprefix(f"{DEFAULTS}, ") for note in result.notes if note.startswith(DEFAULTS)]
    assert max(map(len, defaults)) + len(DEFAULTS) <= 200
    about = list(dict.fromkeys(line.split(":")[0] for line in defaults))
    assert about == ["curves", "time", "share of failures that are damage", "repair times"]
    curves = [name for line in defaults if line.startswith("curves: ") for name in line[8:].split(", ")]
    assert curves == sorted(set(curves))
    assert {"function_cabinet", "heat_transformer"} <= set(curves)
    assert "time: time.restart_hours = 4" in defaults
    assert "share of failures that are damage: flood 1, heat 0.25" in defaults
    assert "as many crews as assets in care, data, medical" in notes
    assert result.dataset.attrs["notes"] == list(result.notes)
    told = Scenario.from_dict({**BASE, "time": {"restart_hours": 2}})
    notes = "\n".join(assess(told).notes)
    assert "everything is back 2 h after an event: `time.repair` asks" in notes
    plain = "\n".join(assess(Scenario.from_dict(BASE)).notes)
    assert "buffers that start hold there" in plain


@pytest.mark.parametrize(
    ("repair", "error", "message"),
    [
        ({"crews": {"pwoer": 2}}, ConfigurationError, "did you mean 'power'"),
        ({"crews": {"power": -1}}, ConfigurationError, "crews"),
        ({"crews": {"power": 1.5}}, ConfigurationError, "crews"),
        ({"damaged": {"flood": 1.2}}, ConfigurationError, "damaged"),
        ({"damaged": {"wind": 0.2}}, ConfigurationError, "flood or heat"),
        ({"rule": "random"}, ConfigurationError, "rule"),
        ({"file": "/nowhere/times.csv", "unit": "h"}, MissingInputError, "times.csv"),
        ({"unit": "h"}, ConfigurationError, "a file that it is of"),
    ],
    ids=str,
)
def test_repair_that_is_wrong(repair: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        check(scenario(**repair))


COARSE = (0.0, 40.0, 100.0, 200.0)


def test_levels_return_one_after_the_other() -> None:
    """One crew, ten lines of ten hours each: a tenth of the people is back every ten hours, from 34 h on."""
    over = run(build(10, tuple(range(0, 301, 2))), 1.0, rules(fixed(10.0), 10, crews={"power": 1}), groups=1).over_time
    assert over is not None
    assert (over.worst == 10_000).all()
    assert (over.interrupted == 10_000).all()
    assert (over.worst_minute == 0).all()
    hours = dict(zip(LEVELS, (over.restored[:, 0] / 60).mean(axis=1), strict=True))
    assert hours == {50: END + 50, 90: END + 90, 100: END + 100}


def test_the_mean_return_does_not_depend_on_the_grid() -> None:
    """70 h lies between 40 and 100: half of the samples see it at either end."""
    over = run(build(1, COARSE), 1.0, rules(fixed(70.0 - END), 1), groups=1).over_time
    assert over is not None
    hours = over.restored[2, 0] / 60
    assert set(hours.tolist()) == {40.0, 100.0}
    assert hours.mean() == 70


def test_what_does_not_return_within_the_grid_never_does() -> None:
    over = run(build(2, COARSE), 1.0, rules(fixed(10.0), 2, crews={"power": 0}), groups=1).over_time
    assert over is not None
    assert (over.restored == NEVER).all()


def test_what_never_fails_is_always_there() -> None:
    over = run(build(2, COARSE), 0.0, rules(fixed(10.0), 2), groups=1).over_time
    assert over is not None
    assert not over.restored.any()
    assert not over.worst.any()
    assert not over.interrupted.any()


def test_half_of_the_lines_fail_and_interrupt_their_own_people() -> None:
    sums = run(build(40, COARSE), 0.5, rules(fixed(30.0), 40))
    over = sums.over_time
    assert over is not None
    np.testing.assert_array_equal(over.worst, sums.people)
    np.testing.assert_array_equal(over.interrupted, sums.people)
    allowed = np.array([20_000, 4_000, 0])[:, np.newaxis]
    np.testing.assert_array_equal(over.restored[:, 0] > 0, sums.people[0] > allowed)
