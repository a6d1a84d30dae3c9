"""Severities of a year that belong together: weights of pairs, years drawn, and what a run makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.check import check
from resilience.copulas import Copula
from resilience.errors import ConfigurationError
from resilience.events import EventFamily, annual_weights
from resilience.joint import JointFamily, draw_joint, joint_weights
from resilience.pipeline import assess
from resilience.scenario import Scenario


def axis(name: str, *periods: float) -> EventFamily:
    years = np.array(periods)
    events = tuple(f"rp{one:g}" for one in periods)
    return EventFamily(name=name, axis="severity", events=events, return_period=years, annual_rate=1 / years)


RIVER, HOT = axis("river", 5, 20, 100, 500), axis("hot", 2, 10, 50)
COPULAS = [Copula("independent"), Copula("gaussian", 0.3), Copula("gaussian", -0.4), Copula("gumbel", 2.0)]


@pytest.mark.parametrize("tail", ["hold", "none"])
@pytest.mark.parametrize("rule", ["trapezoid", "log_linear"])
@pytest.mark.parametrize("copula", COPULAS, ids=str)
def test_rows_and_columns_add_up_to_each_family_alone(copula: Copula, rule: str, tail: str) -> None:
    weights, beyond = joint_weights(RIVER, HOT, copula, rule=rule, tail=tail)
    assert (weights >= 0).all()
    both = weights + beyond
    assert both.sum() == pytest.approx(1.0, abs=1e-12)
    for family, side in ((RIVER, both.sum(axis=1)), (HOT, both.sum(axis=0))):
        alone = annual_weights(family.return_period, rule=rule, tail=tail)
        np.testing.assert_allclose(side[1:], alone.weights + alone.tail_weights, rtol=1e-10)


def test_independent_pairs_weigh_the_product() -> None:
    weights, beyond = joint_weights(RIVER, HOT, Copula("independent"))
    river, hot = (annual_weights(one.return_period) for one in (RIVER, HOT))
    product = np.outer(river.weights + river.tail_weights, hot.weights + hot.tail_weights)
    np.testing.assert_allclose((weights + beyond)[1:, 1:], product, rtol=1e-10)


@pytest.mark.parametrize("copula", COPULAS[1:], ids=str)
def test_weights_are_the_integral_over_many_years(copula: Copula) -> None:
    """The expected loss of a bilinear D, against the mean over half a million drawn years."""
    loss = np.add.outer(np.arange(5.0) ** 2, 3 * np.arange(4.0)) + np.outer(np.arange(5.0), np.arange(4.0))
    weights, beyond = joint_weights(RIVER, HOT, copula)
    node = np.arange(20).reshape(5, 4)
    n = 500_000
    years = draw_joint(JointFamily("both", RIVER, HOT, copula, node), years=n, seed=3, n_samples=1)
    a, b = (years[f"{name}_weight"].to_numpy() for name in ("first", "second"))
    low = [years[f"{name}_lower"].to_numpy() for name in ("first", "second")]
    high = [years[f"{name}_upper"].to_numpy() for name in ("first", "second")]
    lost = (1 - a) * ((1 - b) * loss[low[0], low[1]] + b * loss[low[0], high[1]])
    lost += a * ((1 - b) * loss[high[0], low[1]] + b * loss[high[0], high[1]])
    error = np.sqrt((lost**2).sum() / n) / np.sqrt(n)
    assert abs(lost.sum() / n - ((weights + beyond) * loss).sum()) < 4 * error


def test_another_copula_leaves_the_first_family_as_it_is() -> None:
    drawn = []
    for copula in COPULAS:
        years = draw_joint(
            JointFamily("both", RIVER, HOT, copula, np.zeros((5, 4), int)), years=3000, seed=3, n_samples=9
        )
        drawn.append(years[years["first_upper"] > 0][["year", "first_lower", "first_weight"]].to_numpy())
    for one in drawn[1:]:
        np.testing.assert_array_equal(one, drawn[0])


def city(site, joint: dict | None, *, samples: int = 512, **more) -> Scenario:
    """Two pumps, each with people of its own; flood and heat put either out."""
    out = {"sector": "water", "heat_fragility_curve": "degree_is_probability"}
    axes = {"duration_hours": 10}
    risk = {"catalogue_years": 20_000, "return_periods": [50, 200], "bootstrap": 10}
    return site.scenario(
        [{"id": "p0", **out}, {"id": "p1", **out}],
        [{"family": "river", "values": [[0.1, 0.2], [0.4, 0.5], [0.9, 0.8]], "return_periods": [5, 20, 100], **axes},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[0.2, 0.1], [0.5, 0.7]], "plausible": [-1, 50],
          "return_periods": [4, 50], **axes}],
        zones=[{"id": "z0"}, {"id": "z1"}], needs=[("z0", "water", ["p0"], 1), ("z1", "water", ["p1"], 1)],
        time={"hours": [float(h) for h in range(0, 200, 2)]}, samples=samples, risk=more.pop("risk", risk),
        joint=[] if joint is None else [{"name": "summer", "families": ["river", "hot"], **joint}], **more,
    )  # fmt: skip


def test_independent_hazards_far_apart_cost_a_year_what_both_families_do(site) -> None:
    """Sample by sample the hours of a pair are those of both events, and the weights those of both families."""
    alone = assess(city(site, None)).dataset
    both = assess(city(site, {"after_hours": 100})).dataset
    assert both.sizes["event"] == alone.sizes["event"] + 6
    np.testing.assert_allclose(both["annual_person_hours"], alone["annual_person_hours"], rtol=1e-9)
    hours = both["person_hours_lost"]
    pair, river, hot = (hours.sel(event=name).values for name in ("summer:rp20+rp50", "river:rp20", "hot:rp50"))
    np.testing.assert_array_equal(pair, river + hot)


def test_dependence_leaves_the_mean_of_hours_far_apart_and_fattens_the_tail(site) -> None:
    found = {kind: assess(city(site, {"after_hours": 100, **keys})) for kind, keys in {
        "independent": {}, "gumbel": {"copula": "gumbel", "tau": 0.5}}.items()}  # fmt: skip
    mean = [one.dataset["annual_person_hours"].item() for one in found.values()]
    assert mean[1] == pytest.approx(mean[0], rel=1e-9)
    tails = []
    for one in found.values():
        curve = one.exceedance.sel(quantity="water_person_hours")
        tails.append(curve["aggregate_tail_value"].sel(return_period=50).item())
        assert abs(curve["yearly_mean"] - mean[0]) < 4 * curve["yearly_standard_error"]
    assert tails[1] > 1.1 * tails[0]


@pytest.mark.parametrize(
    ("keys", "both", "either"),
    [({}, 10_000, 50.25), ({"copula": "gumbel", "parameter": 2.0}, 169.86, 70.86),
     ({"copula": "gumbel", "tau": 0.5}, 169.86, 70.86), ({"copula": "gaussian", "parameter": 0.3}, 1797.5, 51.43)],
    ids=str,
)  # fmt: skip
def test_return_periods_of_both_and_of_either(site, keys: dict, both: float, either: float) -> None:
    """With one map of 100 years each, the weight of the pair is how often both come, all weights how often either."""
    scenario = site.scenario(
        [{"id": "p0", "sector": "water", "heat_fragility_curve": "degree_is_probability"}],
        [{"family": "river", "values": [[0.5]], "return_periods": [100]},
         {"family": "hot", "peril": "heat", "unit": "degC", "values": [[0.5]], "plausible": [-1, 50],
          "return_periods": [100]}],
        needs=[("zone", "water", ["p0"], 1)],
        joint=[{"name": "summer", "families": ["river", "hot"], "after_hours": 0, **keys}],
    )  # fmt: skip
    ds = assess(scenario).dataset
    assert (ds["annual_weight"] == 0).all()
    assert 1 / ds["tail_weight"].sel(event="summer:rp100+rp100").item() == pytest.approx(both, rel=5e-5)
    assert 1 / ds["tail_weight"].sum().item() == pytest.approx(either, rel=1e-4)
    # At once: the pump stands where neither stops it.
    assert ds["failure_probability"].sel(event="summer:rp100+rp100").item() == 0.75
    failed = ds["failed_count"].sel(event="summer:rp100+rp100").item() / 512
    assert abs(failed - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 512)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"families": ["river", "river"]}, "two families"),
        ({"families": ["river", "hott"]}, "did you mean 'hot'"),
        ({"copula": "gumbel"}, "either tau or parameter"),
        ({"copula": "gumbel", "tau": -0.2}, "0 or more"),
        ({"tau": 0.2}, "only with copula"),
        ({"copula": "gaussian", "parameter": 1.5}, "correlation above -1"),
        ({"after_hours": 500}, "before the end of the time grid"),
        ({"name": "river"}, "no family"),
    ],
    ids=str,
)
def test_pairs_that_are_wrong(site, keys: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check(city(site, keys, risk={"catalogue_years": 0}))


def test_a_sequence_and_a_pair_of_families_have_names_of_their_own(site) -> None:
    parts = [{"family": "river", "return_period": 20}, {"family": "hot", "return_period": 4, "after_hours": 20}]
    twice = city(site, {}, risk={"catalogue_years": 0}, sequences=[{"name": "summer", "parts": parts}])
    with pytest.raises(ConfigurationError, match="a name that no family, sequence or other has"):
        check(twice)
