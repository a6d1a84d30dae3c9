"""Maps that are not exact: closed forms, a slow twin, and what an error of the maps must leave alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from resilience.check import check
from resilience.draws import stream_key
from resilience.errors import ConfigurationError
from resilience.exposures import expose_and_damage
from resilience.hazard_error import HIGHEST
from resilience.inputs import load_inputs
from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.normals import sample_normals
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.tasks import prepare

SAMPLES = 512 if INTERPRETED else 65_536
STEP = 0.6
STEPS = f"name,role,peril,unit,x,y,source,basis\nstep,fragility,flood,m,{STEP},0,made,default\n" + (
    f"step,fragility,flood,m,{STEP + 1e-9},1,made,default\n"
    "warm,fragility,heat,degC,30,0,made,default\nwarm,fragility,heat,degC,40,1,made,default\n"
    "sure,fragility,flood,m,0,1,made,default\nsure,fragility,flood,m,1,1,made,default\n"
)


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("curves") / "steps.csv"
    path.write_text(STEPS, encoding="utf-8")
    return str(path)


def pumps(
    site, curves: str, depths, sd: float | None, *, samples: int = SAMPLES, block: int | None = None,
    curve: str = "step", order=None, asset=None, hazard=None, correlation=None, **more,
) -> Scenario:  # fmt: skip
    """Pumps with a zone of their own each, `depths` of (event, pump)."""
    table = np.atleast_2d(depths)
    order = list(range(table.shape[1])) if order is None else list(order)
    family = {"family": "river", "values": table[:, order], "return_periods": [10, 100, 500][: len(table)],
              **({} if sd is None else {"error_sd": sd}), **(hazard or {})}  # fmt: skip
    counts = {"samples": samples, **({} if block is None else {"block": block}),
              **({} if correlation is None else {"correlation": correlation})}  # fmt: skip
    files = more.pop("files", [{"path": curves}])
    return site.scenario(
        [{"id": f"p{i}", "sector": "water", "flood_fragility_curve": curve, **(asset or {})} for i in order], [family],
        zones=[{"id": f"z{i}"} for i in order], needs=[(f"z{i}", "water", [f"p{i}"], 1) for i in order],
        curves={"files": [{"path": "curves.csv"}, *files]}, monte_carlo=counts, **more,
    )  # fmt: skip


def down(dataset, samples: int = SAMPLES) -> np.ndarray:
    """Return the share of samples in which each pump is down, (event, pump)."""
    return np.asarray(dataset["zone_without_service"].sel(service="water").sortby("zone").values) / samples


def test_a_step_fails_as_often_as_the_error_passes_it(site, curves: str) -> None:
    depths, sd = np.array([0.3, 0.5, 0.55, 0.6, 0.7, 0.9]), 0.15
    ds = assess(pumps(site, curves, depths, sd)).dataset
    wanted = norm.cdf((depths.astype(np.float32) - STEP) / sd)
    assert (abs(down(ds)[0] - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)).all()
    # A jump is known to half a cell of the error's distribution.
    np.testing.assert_allclose(ds["failure_probability"].values[0], wanted, atol=1 / 1024)


def test_pumps_at_equal_depth_fail_together_and_people_are_nested(site, curves: str) -> None:
    ds = assess(pumps(site, curves, [0.55, 0.55, 0.65], 0.15)).dataset
    people = ds["people_without_service"].values[0, 0]
    assert set(np.unique(people).tolist()) == {0.0, 1000.0, 3000.0}
    wanted = norm.cdf(np.float32(0.55) - STEP, scale=0.15)
    assert abs((people == 3000).mean() - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)


@pytest.mark.parametrize(
    ("asset", "depth"),
    [({}, 0.4), ({}, 0.02), ({"component_height": 0.2}, 0.5), ({"barrier_height": 0.5, "seal_failure": 0.3}, 0.45),
     ({"component_height": -0.5, "barrier_height": 0.4}, 0.3), ({"unavailability": 0.2}, 0.3)],
    ids=str,
)  # fmt: skip
def test_means_are_those_of_numerical_integration(site, curves: str, asset: dict, depth: float) -> None:
    sd = 0.2
    depth = float(np.float32(depth))

    def fails(error: float) -> float:
        water = max(depth + error, 0.0)
        height = asset.get("component_height", 0.0)
        found = min(max(water - height, 0.0), 1.0) if height >= 0 else 1.0
        if "barrier_height" in asset and water <= asset["barrier_height"]:
            found *= asset.get("seal_failure", 0.1)
        found *= water >= 0.05  # the threshold below which an asset is dry
        return 1 - (1 - found) * (1 - asset.get("unavailability", 0.0))

    jumps = [at - depth for at in (0.05, asset.get("barrier_height", 0.05), 1.0)]
    wanted = quad(lambda e: fails(e) * norm.pdf(e, scale=sd), -8 * sd, 8 * sd, points=jumps, limit=400)[0]
    ds = assess(
        pumps(site, curves, [depth], sd, curve="depth_is_probability", asset={"dry_threshold": 0.05, **asset})
    ).dataset
    # A jump is known to half a cell of the error's distribution, times its height.
    assert abs(ds["failure_probability"].values[0, 0] - wanted) < 1 / 1024
    assert abs(down(ds)[0, 0] - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)


def test_heat_moves_everywhere(site, curves: str) -> None:
    family = {"peril": "heat", "unit": "degC", "error_sd": 2.0}
    scenario = pumps(site, curves, [33.0], None, hazard=family, asset={"heat_fragility_curve": "warm"})
    ds = assess(scenario).dataset
    wanted = quad(lambda e: np.clip((3 + e) / 10, 0, 1) * norm.pdf(e, scale=2), -16, 16, points=[-3, 7])[0]
    assert abs(ds["failure_probability"].values[0, 0] - wanted) < 1e-5
    assert abs(down(ds)[0, 0] - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)


def test_dry_land_stays_dry_and_what_is_sure_stays_sure(site, curves: str) -> None:
    ds = assess(pumps(site, curves, [0.0, 30.0, 0.01], 0.5, samples=2048)).dataset
    assert down(ds, 2048)[0, :2].tolist() == [0.0, 1.0]
    assert ds["failure_probability"].values[0, :2].tolist() == [0.0, 1.0]
    assert 0 < down(ds, 2048)[0, 2] < 0.5
    assert 6.2 < HIGHEST < 6.4


def test_no_error_is_the_run_without_the_key(site, curves: str) -> None:
    depths = [[0.2, 0.5, 0.0], [0.4, 0.9, 0.1]]
    plain, zero = (
        assess(pumps(site, curves, depths, sd, curve="depth_is_probability", samples=1024)) for sd in (None, 0.0)
    )
    assert plain.dataset.drop_attrs().identical(zero.dataset.drop_attrs())
    assert plain.notes == zero.notes
    assert zero.importance is not None


def test_errors_near_nothing_give_the_samples_of_none(site, curves: str) -> None:
    """Common random numbers: the failures of a run with an error are drawn with the numbers of that without."""
    depths = [[0.2, 0.5, 0.0], [0.4, 0.9, 0.1]]
    for field in (None, {"length_m": 30.0}):
        plain, near = (
            assess(pumps(site, curves, depths, sd, curve="depth_is_probability", samples=2048, correlation=field))
            for sd in (None, 1e-12)
        )
        np.testing.assert_array_equal(
            plain.dataset["people_without_service"].values, near.dataset["people_without_service"].values
        )
        np.testing.assert_allclose(
            plain.dataset["failure_probability"].values, near.dataset["failure_probability"].values, atol=1e-9
        )


def test_a_rarer_flood_never_spares_what_a_frequent_one_took(site, curves: str) -> None:
    depths = [[0.1, 0.0, 0.3, 0.5], [0.2, 0.1, 0.3, 0.9], [0.6, 0.1, 0.4, 0.9]]
    ds = assess(pumps(site, curves, depths, 0.15, curve="depth_is_probability", samples=4096)).dataset
    people = ds["people_without_service"].values[:, 0]
    assert (np.diff(people, axis=0) >= 0).all()
    assert (np.diff(people, axis=0) > 0).any()
    assert (np.diff(ds["failure_probability"].values, axis=0) >= 0).all()


def test_bits_are_those_of_one_comparison_per_sample(site, curves: str, unpack) -> None:
    """The slow twin: U of asset and sample against the curve at the depth of the sample."""
    depths, sd, word = np.float32([0.0, 0.05, 0.3, 0.6, 0.95, 3.0]).astype(np.float64), 0.15, 16
    scenario = pumps(site, curves, depths, sd, curve="depth_is_probability", samples=512)
    inputs = load_inputs(scenario)
    damaged, hourly = expose_and_damage(inputs)
    _, (task,) = prepare(inputs, damaged, scenario, hourly=hourly)
    plan = task.plan
    bits = np.empty((plan.failing.size, 8), np.uint64)
    plan.sample(word, bits)
    error = np.empty((1, 512))
    key = stream_key(1, "hazard error", "river")
    sample_normals(key, np.array([2**64 - 1], np.uint64), word, error)
    uniform = plan.uniforms(word) / 2.0**32
    wanted = np.array(
        [[uniform[row, s] < min(max(depths[asset] + sd * error[0, s], 0.0), 1.0) for s in range(512)]
         for row, asset in enumerate(plan.failing)]
    )  # fmt: skip
    np.testing.assert_array_equal(unpack(bits), wanted)
    assert plan.failing.tolist() == [1, 2, 3, 4, 5]
    half = np.empty_like(bits)
    plan.sample(word, half, threshold=plan.threshold // 2)
    assert (half & ~bits).max() == 0
    assert 0 < unpack(half)[1:].sum() < unpack(bits)[1:].sum()


@pytest.mark.parametrize("field", [None, {"length_m": 1000.0, "global_share": 0.2, "cell_m": 100.0}], ids=str)
def test_blocks_threads_and_order_change_nothing(site, curves: str, field) -> None:
    depths = np.linspace(0.0, 0.9, 12)
    more = {"curve": "depth_is_probability", "samples": 1024, "correlation": field}
    whole = assess(pumps(site, curves, depths, 0.15, **more), threads=1).dataset
    turned = pumps(site, curves, depths, 0.15, block=512, order=reversed(range(12)), **more)
    cut = assess(turned, threads=2).dataset if field is None else None
    same = assess(pumps(site, curves, depths, 0.15, block=512, **more), threads=2).dataset
    np.testing.assert_array_equal(whole["people_without_service"].values, same["people_without_service"].values)
    if cut is not None:
        np.testing.assert_array_equal(whole["people_without_service"].values, cut["people_without_service"].values)
        np.testing.assert_array_equal(
            whole["failure_probability"].values[0], cut["failure_probability"].values[0, ::-1]
        )


def test_families_are_off_by_errors_of_their_own(site, curves: str) -> None:
    scenario = site.scenario(
        [{"id": "p", "sector": "water", "flood_fragility_curve": "step"}],
        [{"family": name, "values": [[STEP]], "return_periods": [10], "error_sd": 0.1} for name in ("a", "b")],
        needs=[("zone", "water", ["p"], 1)], curves={"files": [{"path": curves}]},
        monte_carlo={"samples": SAMPLES},
    )  # fmt: skip
    one, two = assess(scenario).dataset["people_without_service"].values[:, 0] > 0
    assert abs((one & two).mean() - 0.25) < 4 * np.sqrt(0.1875 / SAMPLES)


def test_correlation_and_error_together(site, curves: str) -> None:
    """One number for both pumps, p of the mean: each fails as often as alone, and they fail in the same samples."""
    field = {"length_m": 5000.0}
    ds = assess(pumps(site, curves, [0.4, 0.4], 0.1, curve="depth_is_probability", correlation=field)).dataset
    people = ds["people_without_service"].values[0, 0]
    assert set(np.unique(people).tolist()) == {0.0, 2000.0}
    p = ds["failure_probability"].values[0, 0]
    assert abs((people > 0).mean() - p) < 4 * np.sqrt(p * (1 - p) / SAMPLES)


def test_damage_moves_with_failure(site, curves: str, tmp_path) -> None:
    """A share of what fails is damaged, 30 h of repair after 12 h of flood; all else is back with the flood's end."""
    table = tmp_path / "times.csv"
    table.write_text("repair_class,state,distribution,value\nline,1,fixed,30\n", encoding="utf-8")
    for share in (1.0, 0.25):
        scenario = pumps(
            site, curves, [0.4, 0.5], 0.15, curve="depth_is_probability", samples=8192,
            asset={"repair_class": "line"}, hazard={"duration_hours": 12},
            time={"hours": [0, 12, 42, 100], "restart_hours": 0,
                  "repair": {"file": str(table), "unit": "h", "damaged": {"flood": share}}},
        )  # fmt: skip
        ds = assess(scenario).dataset
        people, hours = ds["people_without_service"].values[0, 0], ds["person_hours_lost"].values[0, 0]
        damaged = (hours - 12 * people).sum() / 30 / people.sum()
        if share == 1.0:
            assert damaged == 1.0
        else:
            assert abs(damaged - share) < 4 * np.sqrt(share * (1 - share) / (people.sum() / 1000))


def test_a_sequence_has_the_errors_of_its_families(site, curves: str) -> None:
    scenario = pumps(
        site, curves, [[0.5], [0.65]], 0.15, samples=4096, hazard={"duration_hours": 6},
        time={"hours": [0, 24, 100]},
        sequences=[{"name": "twice", "parts": [{"family": "river", "return_period": 10},
                                               {"family": "river", "return_period": 100, "after_hours": 24}]}],
    )  # fmt: skip
    hours = assess(scenario).dataset["person_hours_lost"].values[:, 0]
    np.testing.assert_array_equal(hours[2], hours[0] + hours[1])
    assert 0 < hours[0].mean() < hours[1].mean()


def test_importance_is_told_from_pairs_alone(site, curves: str) -> None:
    scenario = pumps(site, curves, [0.5, 0.7], 0.15, samples=2048, importance={"top": 1, "assets": ["p0"]})
    result = assess(scenario)
    assert result.importance is None
    assert result.pairs is not None
    # A pump has one zone: 1,000 people more are without water when it is down, in whatever sample.
    np.testing.assert_allclose(result.pairs["birnbaum"].values.max(), 1000.0 * result.pairs.attrs.get("rate", 0.1))
    assert any("error of the maps" in note and "river 0.15 m" in note for note in result.notes)


def test_branches_have_the_error_too(site, curves: str) -> None:
    branches = [{"name": "as_it_is"}, {"name": "deeper", "hazard_bias": {"river": 0.1}}]
    ds = assess(pumps(site, curves, [0.5], 0.15, branches=branches)).dataset
    wanted = norm.cdf((np.array([0.5, 0.6]) - STEP) / 0.15)
    found = ds["branch_people"].values[:, 0, 0] / 1000
    assert (abs(found - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)).all()


@pytest.mark.parametrize("sd", [-0.1, float("nan"), float("inf"), "0.1"], ids=str)
def test_errors_that_are_wrong(site, curves: str, sd) -> None:
    with pytest.raises(ConfigurationError, match="error_sd"):
        pumps(site, curves, [0.5], sd)


def test_what_an_error_is_not_defined_with(site, curves: str, tmp_path: Path) -> None:
    hours = pumps(site, curves, [0.5], 0.1, samples=512)
    states = tmp_path / "states.csv"
    row = "line_1,fragility,flood,m,{x},{x},own,default,line_flood,1\n"
    heading = "name,role,peril,unit,x,y,source,basis,group,state\n"
    states.write_text(heading + row.format(x=0) + row.format(x=1), encoding="utf-8")
    timed = site.scenario(
        [{"id": "p", "sector": "water", "flood_fragility_curve": "step", "unavailability": 0.1,
          "repair_class": "line"}],
        [{"family": "river", "values": [[[0.1], [0.5]]], "events": ["e"], "hours": [0, 1], "error_sd": 0.1}],
        needs=[("zone", "water", ["p"], 1)], curves={"files": [{"path": curves}, {"path": str(states)}]},
        time={"hours": [0, 24], "repair": {"states": {"line": "line_flood"}}},
    )  # fmt: skip
    with pytest.raises(ConfigurationError) as caught:
        check(timed)
    text = str(caught.value)
    assert "without a time axis" in text
    assert "time.repair.states" in text
    assert "both an unavailability and a fragility curve" in text
    assert check(hours).inputs.hazards[0].attrs["error_sd"] == 0.1
    hot = pumps(
        site, curves, [33.0], None, hazard={"peril": "heat", "unit": "degC", "error_sd": 1.0},
        heat={"rail": {"kinds": "track"}}, asset={"kind": "track"}, samples=512,
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="take the maps as exact"):
        assess(hot)
