"""What options save and are worth, against closed forms; and the tutorial whose arms they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resilience.appraisal import on_frontier
from resilience.pipeline import assess
from resilience.scenario import Scenario

ARMS = Path(__file__).parents[1] / "docs" / "storm-then-heat"
RATE, PEOPLE, HOURS = 0.25, 1000.0, 12.0
BEFORE, AFTER = 0.75, 0.5  # depth is probability; half a metre in float32 is exact


def one_asset(site, *, samples: int = 4096, services: int = 1, **more: Any) -> Scenario:
    """Assets that fail with probability .75 in an event of rate .25, each for 12 hours; raised by .25 m with .5."""
    names = [f"s{i}" for i in range(services)]
    hazard = {"family": "river", "values": [[BEFORE] * services], "events": ["flood"], "annual_rates": [RATE],
              "duration_hours": HOURS}  # fmt: skip
    raised = {"raise": {"sector": "power"}, "by_m": BEFORE - AFTER}
    given = {"options": [{"name": "raise", "cost": 20_000.0, "life_years": 30, "changes": [raised]}],
             "values": {"s0": 2.0}, **more}  # fmt: skip
    return site.scenario(
        [{"id": f"p{i}"} for i in range(services)], [hazard],
        needs=[("zone", name, [f"p{i}"], 1) for i, name in enumerate(names)],
        time={"hours": [0, 12, 48], "restart_hours": 0}, services={name: {"by": "assignment"} for name in names},
        samples=samples, **given,
    )  # fmt: skip


EXACT = RATE * PEOPLE * HOURS * (BEFORE - AFTER)
"""Person-hours saved per year."""
ANNUITY = 16.288889  # 4.5 %, 30 years


@pytest.fixture(scope="module")
def found(site):
    return assess(one_asset(site)).dataset.sel(option="raise", service="s0")


def test_a_bernoulli_asset_saves_what_its_probabilities_say(found) -> None:
    """Saving = rate * people * hours * (p - q); its error is that of a Bernoulli variable of p - q."""
    saved, error = found["option_saved"].item(), found["option_saved_standard_error"].item()
    step = RATE * PEOPLE * HOURS
    assert saved == pytest.approx(EXACT, abs=4 * error)
    assert (saved / step * 4096) % 1 == pytest.approx(0, abs=1e-6)  # a whole number of samples
    share = saved / step
    assert error == pytest.approx(step * np.sqrt(share * (1 - share) / 4095), rel=1e-9)
    # Not the error of two independent runs: p (1 - p) + q (1 - q) of it.
    assert error < 0.7 * step * np.sqrt((BEFORE * (1 - BEFORE) + AFTER * (1 - AFTER)) / 4096)


def test_worth_is_annuity_times_saving_times_value(found) -> None:
    saved = found["option_saved"].item()
    worth = {name: found[f"option_{name}"].item() for name in (
        "annual_benefit", "present_value", "net_present_value", "benefit_cost_ratio", "benefit_cost_ratio_low",
        "benefit_cost_ratio_high", "annual_benefit_standard_error")}  # fmt: skip
    assert worth["annual_benefit"] == pytest.approx(2.0 * saved)
    assert worth["present_value"] == pytest.approx(ANNUITY * 2.0 * saved, rel=1e-7)
    assert worth["net_present_value"] == pytest.approx(ANNUITY * 2.0 * saved - 20_000, rel=1e-6)
    assert worth["benefit_cost_ratio"] == pytest.approx(ANNUITY * 2.0 * saved / 20_000, rel=1e-7)
    half = 1.959964 * ANNUITY * worth["annual_benefit_standard_error"] / 20_000
    assert worth["benefit_cost_ratio_high"] - worth["benefit_cost_ratio"] == pytest.approx(half, rel=1e-6)
    exact = ANNUITY * 2.0 * EXACT / 20_000
    assert worth["benefit_cost_ratio_low"] < exact < worth["benefit_cost_ratio_high"]


def test_intervals_of_the_ratio_cover_it_as_often_as_they_say(site) -> None:
    """300 assets that fail independently, each with a service and a value of its own: 95 % of intervals hold it."""
    services = 300
    scenario = one_asset(site, samples=1024, services=services)
    found = assess(scenario).dataset.sel(option="raise")
    saved, error = found["option_saved"].values, found["option_saved_standard_error"].values
    ratio = np.stack([saved - 1.959964 * error, saved + 1.959964 * error]) * 2.0 * ANNUITY / 20_000
    exact = ANNUITY * 2.0 * EXACT / 20_000
    assert found["option_benefit_cost_ratio_low"].item() == pytest.approx(ratio[0, 0], rel=1e-6)
    covered = ((ratio[0] < exact) & (exact < ratio[1])).mean()
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / services))


def test_a_yearly_cost_is_paid_every_year(site) -> None:
    """Science: 2 saved a year for 20 at 4.5 % over 30 years is worth 32.577777, net 12.577777, ratio 1.628889."""
    raised = {"raise": {"sector": "power"}, "by_m": BEFORE - AFTER}
    options = [{"name": "at_once", "cost": 20.0, "life_years": 30, "changes": [raised]},
               {"name": "by_and_by", "cost": 0, "yearly_cost": 20.0 / ANNUITY, "life_years": 30, "changes": [raised]},
               {"name": "free", "cost": 0, "life_years": 30, "changes": [raised]}]  # fmt: skip
    scenario = one_asset(site, options=options)
    per_hour = 2.0 / assess(scenario).dataset["option_saved"].values[0, 0]
    found = assess(one_asset(site, options=options, values={"s0": float(per_hour)})).dataset
    np.testing.assert_allclose(found["option_present_value"], 32.577777, rtol=1e-7)
    np.testing.assert_allclose(found["option_net_present_value"][:2], 12.577777, rtol=1e-6)
    np.testing.assert_allclose(found["option_benefit_cost_ratio"][:2], 1.628889, rtol=1e-6)
    assert np.isnan(found["option_benefit_cost_ratio"][2])
    assert found["option_rank"].values.tolist()[2] == 1
    assert found["option_on_frontier_money"].values.tolist() == [False, False, True]
    per_saved = 20.0 / ANNUITY / found["option_saved"].values[0, 0]
    np.testing.assert_allclose(found["option_cost_per_saved"].values[:, 0], [per_saved, per_saved, 0.0], rtol=1e-6)


def test_options_of_different_lives_are_ranked_by_the_year(site) -> None:
    """Twice as dear and twice as long lived: more net present value in 60 years than in 30, and less in each."""
    raised = {"raise": {"sector": "power"}, "by_m": BEFORE - AFTER}
    options = [{"name": "short", "cost": 20_000.0, "life_years": 30, "changes": [raised]},
               {"name": "long", "cost": 26_000.0, "life_years": 60, "changes": [raised]},
               {"name": "dear", "cost": 20_000.0, "yearly_cost": 3_000.0, "life_years": 30,
                "changes": [raised]}]  # fmt: skip
    result = assess(one_asset(site, options=options, discount_rate=0.045))
    found = result.dataset
    benefit = 2.0 * found["option_saved"].values[0, 0]
    # Capital recovery factors of 4.5 %: 30 years .0613915, 60 years .0484543.
    cost = np.array([20_000 * 0.0613915, 26_000 * 0.0484543, 20_000 * 0.0613915 + 3_000])
    np.testing.assert_allclose(found["option_annual_cost"], cost, rtol=1e-6)
    np.testing.assert_allclose(found["option_net_annual_benefit"], benefit - cost, rtol=1e-5)
    net_present = found["option_net_present_value"].values
    assert net_present[1] > net_present[0] > 0 > net_present[2]
    assert found["option_rank"].values.tolist() == [1, 2, 3]
    assert found["option_on_frontier_money"].values.tolist() == [True, False, False]
    assert not any("none brings more" in note for note in result.notes)


def test_options_that_all_cost_more_than_they_bring_are_said_to(site) -> None:
    result = assess(one_asset(site, values={"s0": 0.01}))
    assert result.dataset["option_rank"].item() == 1
    assert result.dataset["option_net_annual_benefit"].item() < 0
    assert sum("none brings more than it costs" in note for note in result.notes) == 1


def test_no_discount_is_a_sum_of_years(site) -> None:
    found = assess(one_asset(site, discount_rate=0)).dataset.sel(option="raise")
    assert found["option_present_value"].item() == pytest.approx(30 * found["option_annual_benefit"].item())


def test_without_values_only_direct_loss_is_worth_something(site) -> None:
    bare = assess(one_asset(site, values=None))
    assert "option_rank" not in bare.dataset
    assert any("neither `values` nor a direct loss" in note for note in bare.notes)
    money = [{"id": "p0", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 600.0}]
    hazard = {"family": "river", "values": [[BEFORE]], "events": ["flood"], "annual_rates": [RATE]}
    raised = {"raise": {"id": "p0"}, "by_m": BEFORE - AFTER}
    option = {"name": "raise", "cost": 5.0, "life_years": 30, "changes": [raised]}
    found = assess(site.scenario(money, [hazard], needs=[("zone", "power", ["p0"], 1)], options=[option]))
    # A fifteenth of the cost per metre.
    benefit = RATE * 600 * (BEFORE - AFTER) / 15
    assert found.dataset["option_direct_loss_avoided"].item() == pytest.approx(benefit)
    assert found.dataset["option_annual_benefit"].item() == pytest.approx(benefit)
    assert found.dataset["option_annual_benefit_standard_error"].item() == 0.0
    assert found.dataset["option_net_present_value"].item() == pytest.approx(ANNUITY * benefit - 5, rel=1e-6)
    assert any("direct loss avoided alone" in note for note in found.notes)


def test_a_direct_loss_that_is_unknown_is_weighed_by_nobody(site) -> None:
    assets = [{"id": f"p{i}", "flood_damage_curve": "loss_of_15_m", "replacement_cost": 600.0} for i in range(2)]
    hazard = {"family": "river", "values": [[BEFORE, -1.0]], "events": ["flood"], "annual_rates": [RATE], "mark": -1.0,
              "nodata": "unknown"}  # fmt: skip
    raised = {"raise": {"id": "p0"}, "by_m": BEFORE - AFTER}
    option = {"name": "raise", "cost": 5.0, "life_years": 30, "changes": [raised]}
    result = assess(site.scenario(assets, [hazard], needs=[("zone", "power", ["p0"], 1)], options=[option]))
    found = result.dataset.sel(option="raise")
    for name in ("direct_loss_avoided", "annual_benefit", "net_present_value", "benefit_cost_ratio"):
        assert np.isnan(found[f"option_{name}"])
    assert not found["option_on_frontier_money"]
    assert found["option_saved"].item() > 0
    told = dict(zip(*result.options_table(), strict=True))
    assert {told[name] for name in ("direct loss avoided/year", "benefit/year", "net/year")} == {"unknown"}


def test_carbon_of_a_combination_is_that_of_its_options(site) -> None:
    raised = {"raise": {"sector": "power"}, "by_m": 0.125}
    one = {"cost": 10, "life_years": 20, "changes": [raised]}
    options = [{"name": "a", **one, "carbon": {"embodied": 100, "yearly": -1}}, {"name": "b", **one, "yearly_cost": 1},
               {"name": "c", "combine": ["a", "b"], "cost": 15}]  # fmt: skip
    found = assess(one_asset(site, options=options)).dataset
    assert found["option_carbon_embodied"].values.tolist() == [100, 0, 100]
    assert found["option_carbon_yearly"].values.tolist() == [-1, 0, -1]
    assert found["option_cost"].values.tolist() == [10, 10, 15]
    assert found["option_yearly_cost"].values.tolist() == [0, 1, 1]
    # The same saving for no carbon beats it for 80 t; both together save more, for as much.
    assert found["option_on_frontier_carbon"].values.tolist() == [False, True, True]
    assert found["option_on_frontier_money"].values.tolist() == [True, False, True]


def test_the_frontier_is_what_nothing_beats() -> None:
    rng = np.random.default_rng(1)
    cost, value = rng.integers(0, 12, size=(2, 60)).astype(float)
    value -= 3
    for i, on in enumerate(on_frontier(cost, value)):
        rivals = [(c, v) for k, (c, v) in enumerate(zip(cost, value, strict=True)) if k != i] + [(0.0, 0.0)]
        beaten = any(c <= cost[i] and v >= value[i] and (c, v) != (cost[i], value[i]) for c, v in rivals)
        assert on == (not beaten)
    assert on_frontier(np.array([1.0, np.nan]), np.array([np.nan, 1.0])).tolist() == [False, False]


def test_arms_of_the_tutorial_are_options_of_one_run() -> None:
    small = ["network.synthetic.size=600", "monte_carlo.samples=512", "time.hours=[0, 24, 144, 720]"]
    together = assess(Scenario.from_yaml(ARMS / "options.yaml", changes=small)).dataset
    base = together["person_hours_lost"].mean("sample")
    for name in ("standby", "active_active"):
        path = ARMS / f"{name.replace('_', '-')}.yaml"
        own = assess(Scenario.from_yaml(path, changes=small)).dataset
        one = together.sel(option=name)
        np.testing.assert_array_equal(one["option_annual_person_hours"], own["annual_person_hours"])
        np.testing.assert_allclose(
            base - one["option_event_saved"], own["person_hours_lost"].mean("sample"), rtol=1e-12, atol=1e-6
        )  # fmt: skip
        assert one["option_event_saved"].sel(service="data").values[-1] > 0
