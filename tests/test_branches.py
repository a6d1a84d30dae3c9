"""Branches: the run again under what is not known, judged by runs on inputs changed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from resilience.check import check
from resilience.curves import Curve
from resilience.curves.quantile import at_quantile
from resilience.errors import ConfigurationError
from resilience.pipeline import assess
from resilience.result import figure
from resilience.scenario import Scenario

DEPTHS = np.array([[0.2, 0.0, 0.4], [0.5, 0.3, 0.6]])
LIKE = {"family": "river", "return_periods": [10, 100], "duration_hours": 12}


def town(site, depths: np.ndarray = DEPTHS, *, cost: float = 100.0, **more) -> Scenario:
    own = {"sector": "water", "flood_damage_curve": "loss_of_15_m", "replacement_cost": cost}
    return site.scenario(
        [{"id": f"p{i}", **own} for i in range(3)], [{"values": depths, **LIKE}],
        zones=[{"id": f"z{i}"} for i in range(3)], needs=[(f"z{i}", "water", [f"p{i}"], 1) for i in range(3)],
        time={"hours": [0, 12, 48]}, **more,
    )  # fmt: skip


BRANCHES = [
    {"name": "as_it_is"},
    {"name": "deeper", "hazard_bias": {"river": 0.25}, "weight": 2},
    {"name": "shallower", "hazard_bias": {"river": -0.25}},
    {"name": "dear", "cost_factor": 3},
]


@pytest.fixture(scope="module")
def found(site):
    return assess(town(site, branches=BRANCHES))


def by_hand(site, name: str):
    """Run on maps, or costs, changed by hand."""
    wet = DEPTHS > 0
    changed = {
        "as_it_is": town(site), "deeper": town(site, np.where(wet, DEPTHS + 0.25, 0)),
        "shallower": town(site, np.where(wet, np.maximum(np.float32(DEPTHS) - np.float32(0.25), 0), 0)),
        "dear": town(site, cost=300.0),
    }  # fmt: skip
    return assess(changed[name]).dataset


@pytest.mark.parametrize("name", [branch["name"] for branch in BRANCHES])
def test_a_branch_is_the_run_on_changed_inputs(site, found, name: str) -> None:
    own = by_hand(site, name)
    one = found.dataset.sel(branch=name)
    for kept, of in (("people_without_service", "people"), ("person_hours_lost", "person_hours")):
        np.testing.assert_array_equal(one[f"branch_{of}"].values, own[kept].mean("sample").values)
    for kept in ("direct_loss", "annual_value", "annual_person_hours", "annual_direct_loss"):
        np.testing.assert_allclose(one[f"branch_{kept}"].values, own[kept].values, rtol=1e-6)
    assert own["person_hours_lost"].values.any()


def test_the_run_itself_is_as_without_branches(site, found) -> None:
    plain = assess(town(site)).dataset
    for name in plain.data_vars:
        np.testing.assert_array_equal(plain[name].values, found.dataset[name].values, err_msg=str(name))
    assert found.dataset["branch_weight"].values.tolist() == [0.2, 0.4, 0.2, 0.2]


def test_deeper_water_never_takes_less(found) -> None:
    order = found.dataset["branch_person_hours"].sel(branch=["shallower", "as_it_is", "deeper"]).values
    assert (np.diff(order, axis=0) >= 0).all()


def test_branches_on_disk(site, tmp_path) -> None:
    assess(town(site, branches=BRANCHES), out=tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "branches.csv").set_index(["quantity", "branch"])["value"]
    for quantity in ("at_peak", "over_time", "direct_loss"):
        one = table[quantity]
        weighted = 0.2 * (one["as_it_is"] + one["shallower"] + one["dear"]) + 0.4 * one["deeper"]
        assert one["weighted mean"] == pytest.approx(weighted)


def test_branches_are_printed_beside_the_run(found) -> None:
    heading, run, *rows, mean = found.branches_table()
    assert heading[:3] == ["branch", "weight", "water, persons h/year"]
    assert [row[0] for row in rows] == found.dataset["branch"].values.tolist()
    assert (run[0], mean[0]) == ("the run itself", "weighted mean")
    same = rows[[row[0] for row in rows].index("as_it_is")]
    assert same[2:] == run[2:]
    dataset = found.dataset
    lost = dataset["branch_weight"].values @ dataset["branch_annual_person_hours"].sel(service="water").values
    assert mean[2] == figure(lost)


def test_a_quantile_that_changes_no_service_says_so(site) -> None:
    branches = [{"name": "harmful", "weight": 1, "curve_quantile": 0.9}]
    notes = assess(town(site, branches=branches)).notes
    assert sum("`curve_quantile` of harmful changes nothing of any service" in note for note in notes) == 1


def test_quantiles_have_the_mean_and_spread_that_curves_tell() -> None:
    curve = Curve("c", "damage", "flood", "m", x=[0, 1, 2, 3], y=[0, 0.3, 0.7, 1], spread=[0, 0.15, 0.2, 0])
    at = (np.arange(2000) + 0.5) / 2000
    drawn = np.stack([at_quantile(curve, q).y for q in at])
    np.testing.assert_allclose(drawn.mean(axis=0), curve.y, atol=2e-4)
    np.testing.assert_allclose(drawn.std(axis=0), curve.spread, atol=2e-3)
    assert (np.diff(drawn, axis=1) >= 0).all()
    size = 0.3 * 0.7 / 0.15**2 - 1
    assert at_quantile(curve, 0.9).y[1] == pytest.approx(beta.ppf(0.9, 0.3 * size, 0.7 * size))
    plain = Curve("c", "damage", "flood", "m", x=[0, 1], y=[0, 1])
    assert at_quantile(plain, 0.9) is plain


def test_a_quantile_of_shipped_curves_moves_the_loss(site) -> None:
    own = {"sector": "water", "replacement_cost": 100.0}
    scenario = site.scenario(
        [{"id": "p0", **own, "flood_damage_curve": "jrc_asia_residential"}],
        [{"values": [[1.0]], **LIKE, "return_periods": [10]}],
        needs=[("zone", "water", ["p0"], 1)],
        branches=[{"name": f"q{int(100 * q)}", "curve_quantile": q} for q in (0.1, 0.5, 0.9)],
    )  # fmt: skip
    loss = assess(scenario).dataset["branch_direct_loss"].values[:, 0]
    assert loss[0] < loss[1] < loss[2]


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        ([{"name": "a"}, {"name": "a"}], "as branches.0"),
        ([{"name": "a", "hazard_bias": {"rivr": 1}}], "did you mean 'river'"),
        ([{"name": "a", "cost_factor": 0}], "greater than 0"),
        ([{"name": "a", "curve_quantile": 1}], "less than 1"),
        ([{"name": "a", "weight": -1}], "greater than 0"),
    ],
    ids=str,
)
def test_branches_that_are_wrong(site, branches: list, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check(town(site, branches=branches))
