"""Failures that go together, in runs: published pairs, unchanged means, redundancy lost, the same numbers anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from resilience.check import check
from resilience.errors import ConfigurationError
from resilience.kernels.compiler import INTERPRETED
from resilience.pipeline import assess
from resilience.scenario import Scenario

SAMPLES = 4096 if INTERPRETED else 65_536


def pumps(site, field: dict | None, *, p: float = 0.1, samples: int = SAMPLES, apart: int = 1, **more) -> Scenario:
    """Two pumps: one zone needs either of them, two others one each; a cell of the map is 10 m."""
    between = [{"id": f"x{i}", "sector": "other", "flood_fragility_curve": ""} for i in range(apart - 1)]
    assets = [{"id": "p0", "sector": "water"}, *between, {"id": "p1", "sector": "water"}]
    counts = {"samples": samples, **({} if field is None else {"correlation": field})}
    return site.scenario(
        assets, [{"values": [[p] * len(assets)], "return_periods": [10], "family": "river"}],
        zones=[{"id": "either"}, {"id": "z0"}, {"id": "z1"}],
        needs=[("either", "water", ["p0", "p1"], 1), ("z0", "water", ["p0"], 1), ("z1", "water", ["p1"], 1)],
        **{"monte_carlo": counts, **more},
    )  # fmt: skip


def lost(scenario: Scenario) -> np.ndarray:
    """Return the share of samples in which each zone is without water."""
    ds = assess(scenario).dataset
    return ds["zone_without_service"].sel(service="water").values[0] / ds.sizes["sample"]


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        (None, 0.01),
        ({"length_m": 1.0, "global_share": 0.5, "cell_m": 10.0}, 0.032402),
        ({"length_m": 1.0, "global_share": 0.0, "cell_m": 10.0}, 0.01),
    ],
    ids=str,
)
def test_two_pumps_fail_together_as_often_as_known(site, field: dict | None, wanted: float) -> None:
    """Far apart for the field: the correlation is what all assets have in common."""
    found = lost(pumps(site, field, apart=5))
    assert abs(found[0] - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)
    assert (abs(found[1:] - 0.1) < 4 * np.sqrt(0.09 / SAMPLES)).all()


def test_near_ones_fail_together_by_their_distance(site) -> None:
    """40 m apart with a length of 40 m / ln 2: a correlation of one half, as cells of 10 m have it exactly."""
    field = {"length_m": 40 / np.log(2), "cell_m": 10.0}
    rho = np.exp(-40 / field["length_m"])
    both = multivariate_normal.cdf([norm.ppf(0.3)] * 2, cov=[[1, rho], [rho, 1]])
    found = lost(pumps(site, field, apart=4, p=0.3))
    # Cells begin at multiples of the length: the distance of their centres may be a cell more or less.
    bounds = [
        multivariate_normal.cdf([norm.ppf(0.3)] * 2, cov=[[1, r], [r, 1]])
        for r in np.exp(-np.array([50, 30]) / field["length_m"])
    ]
    error = 4 * np.sqrt(both / SAMPLES)
    assert bounds[0] - error < found[0] < bounds[1] + error
    assert found[0] > 0.09 + 4 * error / 2


def test_means_stay_spread_grows_and_redundancy_is_worth_less(site) -> None:
    alone = assess(pumps(site, None, p=0.3)).dataset["people_without_service"].values[0, 0]
    together = assess(pumps(site, {"length_m": 5000.0}, p=0.3)).dataset
    people = together["people_without_service"].values[0, 0]
    # Both pumps stand in one cell: they fail in the same samples.
    assert set(np.unique(people).tolist()) == {0.0, 3000.0}
    share = together["zone_without_service"].values[0, :, 0] / SAMPLES
    assert share[0] == share[1] == share[2]
    assert abs(share[0] - 0.3) < 4 * np.sqrt(0.21 / SAMPLES)
    assert people.std() > 1.3 * alone.std()
    of_additive = together["annual_direct_loss"].item()
    assert of_additive == assess(pumps(site, None, p=0.3, samples=512)).dataset["annual_direct_loss"].item()


def test_a_rarer_flood_never_spares_what_a_frequent_one_took(site) -> None:
    scenario = site.scenario(
        [{"id": f"p{i}", "sector": "water"} for i in range(6)],
        [{"values": [[0.1] * 6, [0.3] * 6, [0.3, 0.9] * 3], "return_periods": [10, 100, 500]}],
        needs=[("zone", "water", [f"p{i}" for i in range(6)], k) for k in (6, 3)],
        monte_carlo={"samples": 2048, "correlation": {"length_m": 30.0, "global_share": 0.2}},
    )
    people = assess(scenario).dataset["people_without_service"].values[:, 0]
    assert (np.diff(people, axis=0) >= 0).all()
    assert (np.diff(people, axis=0) > 0).any()


def test_blocks_and_order_change_nothing(site) -> None:
    field = {"length_m": 30.0, "global_share": 0.3}
    whole = assess(pumps(site, field, p=0.4, samples=1024, apart=6)).dataset
    counts = {"samples": 1024, "block": 512, "correlation": field}
    cut = assess(pumps(site, None, p=0.4, apart=6, monte_carlo=counts), threads=2).dataset
    np.testing.assert_array_equal(whole["people_without_service"].values, cut["people_without_service"].values)


def test_damage_is_of_the_same_numbers_as_failure(site, tmp_path) -> None:
    """Whatever fails is damaged, and out for 12 h of flood and 30 h of repair."""
    table = tmp_path / "times.csv"
    table.write_text("repair_class,state,distribution,value\nline,1,fixed,30\n", encoding="utf-8")
    scenario = site.scenario(
        [{"id": f"p{i}", "sector": "water", "repair_class": "line"} for i in range(4)],
        [{"values": [[0.5] * 4], "events": ["e"], "duration_hours": 12}],
        zones=[{"id": f"z{i}"} for i in range(4)], needs=[(f"z{i}", "water", [f"p{i}"], 1) for i in range(4)],
        monte_carlo={"samples": 512, "correlation": {"length_m": 15.0, "global_share": 0.1}},
        time={"hours": [0, 12, 42, 100], "repair": {"file": str(table), "unit": "h"}},
    )  # fmt: skip
    ds = assess(scenario).dataset
    np.testing.assert_allclose(ds["person_hours_lost"].values, ds["people_without_service"].values * 42)
    assert ds["people_without_service"].values.any()


def test_importance_is_told_from_pairs_alone(site) -> None:
    result = assess(pumps(site, {"length_m": 5000.0}, samples=2048, importance={"top": 1, "assets": ["p1"]}))
    assert result.importance is None
    assert result.pairs is not None
    assert set(result.pairs["asset"].values.tolist()) <= {"p0", "p1"}
    # With one pump for ever down, the zone of both is without water whenever the other fails.
    assert np.isfinite(result.pairs["birnbaum"].values).all()
    assert any("failures go together over 5000 m" in note for note in result.notes)


def test_what_is_out_whatever_the_hazard_is_out_by_itself(site) -> None:
    """Spare units at one place share no number: two of two fail as often as independent ones do."""
    scenario = site.scenario(
        [{"id": f"u{i}", "sector": "water", "flood_fragility_curve": "", "unavailability": 0.3} for i in range(2)],
        [{"values": [[0.0, 0.0]], "return_periods": [10]}], needs=[("zone", "water", ["u0", "u1"], 1)],
        monte_carlo={"samples": SAMPLES, "correlation": {"length_m": 5000.0, "global_share": 0.9}},
    )  # fmt: skip
    found = lost(scenario)[0]
    assert abs(found - 0.09) < 4 * np.sqrt(0.09 * 0.91 / SAMPLES)


@pytest.mark.parametrize(
    ("field", "message"),
    [({"length_m": 0}, "greater than 0"), ({}, "length_m"), ({"length_m": 10, "global_share": 2}, "less than or equal"),
     ({"length_m": 640, "cell_m": 0.01}, "torus of at most")],
    ids=str,
)  # fmt: skip
def test_fields_that_are_wrong(site, field: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        assess(pumps(site, field, samples=512, apart=40))


def test_a_scenario_with_a_field_is_checked(site) -> None:
    assert check(pumps(site, {"length_m": 100.0}, samples=512)).inputs.network.assets.shape[0] == 2


@pytest.mark.parametrize(("n", "same"), [(5, True), (8, True), (9, False)])
def test_assets_within_the_rectangle_of_the_field_change_no_others(site, n: int, same: bool) -> None:
    """Cells of 10 m and a length of 80 m, from a multiple of it on: the ninth asset widens the field."""

    def people(count: int) -> np.ndarray:
        assets = [{"id": f"p{i}", "sector": "water"} for i in range(count)]
        scenario = site.scenario(
            assets, [{"family": "river", "values": [[0.4] * count], "return_periods": [10]}],
            zones=[{"id": "z0"}, {"id": "z1"}], needs=[(f"z{i}", "water", [f"p{i}"], 1) for i in range(2)],
            monte_carlo={"samples": 512, "correlation": {"length_m": 80.0, "cell_m": 10.0}},
        )  # fmt: skip
        return np.asarray(assess(scenario).dataset["people_without_service"].values)

    assert np.array_equal(people(2), people(n)) == same
