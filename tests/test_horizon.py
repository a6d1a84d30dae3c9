"""The time grid of a scenario, and what a finer one would change."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.check import check
from resilience.errors import ConfigurationError
from resilience.horizon import plan_horizon
from resilience.inputs import load_inputs
from resilience.pipeline import assess
from resilience.scenario import Scenario

HOURS = [0, 6, 24, 100, 400]
BASE = {
    "schema_version": 1, "name": "short", "seed": 3, "network": {"synthetic": {"seed": 2, "size": 600}},
    "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0},
}  # fmt: skip


def scenario(**time: object) -> Scenario:
    return Scenario.from_dict({**BASE, "time": {"hours": HOURS, **time}})


def test_the_grid_has_every_end_that_all_samples_share() -> None:
    inputs = load_inputs(scenario(repair={}))
    horizon = plan_horizon(inputs, scenario(repair={}))
    assert horizon is not None
    minutes = set(horizon.grid.minute.tolist())
    assert {60 * hour for hour in HOURS} <= minutes
    flooded = next(hazard for hazard in inputs.hazards if hazard.attrs["peril"] == "flood")
    over = float(flooded["duration_hours"][0])
    # Outages after a flood, as the table of defaults has them: 1, 2, 4, 6 and 8 h.
    assert {60 * (over + hour) for hour in (1, 2, 4, 6, 8)} <= minutes
    without = plan_horizon(inputs, scenario())
    assert without is not None
    assert set(without.grid.minute.tolist()) < minutes
    assert plan_horizon(inputs, Scenario.from_dict(BASE)) is None


def test_a_share_given_for_one_peril_leaves_the_default_of_the_other() -> None:
    one = scenario(repair={"damaged": {"flood": 0.5}})
    horizon = plan_horizon(load_inputs(one), one)
    assert horizon is not None
    assert horizon.rules is not None
    assert horizon.rules.damaged == {"flood": (0.5,), "heat": (0.25,)}


def test_assets_wait_for_what_they_need_in_the_sectors_named() -> None:
    one = scenario(repair={"after": {"water": "power"}, "rule": "priority", "priority": {"substation": 2}})
    inputs = load_inputs(one)
    horizon = plan_horizon(inputs, one)
    assert horizon is not None
    assert horizon.rules is not None
    assets = inputs.network.assets
    sector, ids = assets["sector"].astype(str).to_numpy(), assets["id"].astype(str).to_numpy()
    found = {(ids[asset], ids[other]) for asset, firsts in horizon.rules.before.items() for other in firsts}
    pairs = inputs.network.dependencies.merge(inputs.network.needs, left_on="need", right_on="id")
    kind = dict(zip(ids, sector, strict=True))
    wanted = {
        (row.dependent, row.provider)
        for row in pairs.itertuples()
        if kind.get(row.dependent) == "water" and kind[row.provider] == "power"
    }
    assert found == wanted
    assert wanted
    assert set(ids[horizon.rules.priority == 2]) == set(ids[(assets["kind"] == "substation").to_numpy()])


@pytest.mark.parametrize(
    ("repair", "told"),
    [
        ({"crews": {"powr": 1}}, "did you mean 'power'"),
        ({"depots": {"kind": "hospital"}, "roads": "transprt"}, "did you mean 'transport'"),
        ({"after": {"watr": "power"}}, "did you mean 'water'"),
        ({"after": {"water": ["powr"]}}, "no sector 'powr'"),
        ({"rule": "priority", "priority": {"substaton": 1}}, "did you mean 'substation'"),
    ],
)
def test_sectors_and_kinds_that_are_none_are_told(repair: dict, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check(scenario(repair=repair), quick=True)


@pytest.mark.parametrize("repair", [{"rule": "priority"}, {"priority": {"substation": 1}}])
def test_priorities_and_their_rule_belong_together(repair: dict) -> None:
    with pytest.raises(ConfigurationError, match="priority"):
        scenario(repair=repair)


def test_a_grid_that_ends_within_a_minute_is_told_by_the_scenario() -> None:
    with pytest.raises(ConfigurationError, match=r"time\.hours: 1e-09; wanted: a last point of a minute"):
        scenario(hours=[0, 1e-9])


def test_check_tells_what_halving_the_grid_changes() -> None:
    coarse = scenario(repair={})
    report = check(coarse)
    assert report.halving is not None
    horizon = plan_horizon(load_inputs(coarse), coarse)
    assert horizon is not None
    points = horizon.grid.minute / 60
    finer = np.unique(np.concatenate([points, np.floor((points[1:] + points[:-1]) * 30) / 60]))
    lost = [
        assess(one).dataset["annual_person_hours"]
        for one in (coarse, scenario(hours=finer.tolist(), repair={}))
    ]  # fmt: skip
    for service, change in report.halving.items():
        before, after = (float(one.sel(service=service)) for one in lost)
        assert change == pytest.approx(after / before - 1, abs=1e-12)
        # Seen at moments spread over each step: chance is left, and buffers that begin to be drawn on between points.
        assert 0 < abs(change) < 0.15
    assert any("a time grid twice as fine changes" in line for line in report.lines())


def test_without_a_time_grid_check_tells_nothing_of_it() -> None:
    assert check(Scenario.from_dict(BASE)).halving is None
