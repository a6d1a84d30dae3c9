"""Importance against the bridge network, enumerated exactly and simulated, and against small systems by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from resilience.errors import DataError
from resilience.risk.importance import FEWEST_SAMPLES, asset_importance
from resilience.risk.paired import paired_importance
from resilience.risk.ranking import is_told_apart, is_untold, join_pairs
from resilience.risk.standard_errors import NORMAL
from resilience.variables import MEASURES, VARIABLES

# Source 0, sink 3, five edges; the last is the bridge.
EDGES = ((0, 1), (0, 2), (1, 3), (2, 3), (1, 2))
KNOWN = {  # p = .9: outer edges, bridge
    "birnbaum": (0.1062, 0.0162),
    "fussell_vesely": (0.493494, 0.075279),
    "criticality": (0.493494, 0.075279),
    "risk_achievement_worth": (5.44145, 1.67751),
    "risk_reduction_worth": (1.97431, 1.08141),
}
LOSS = 0.02152


def is_cut(failed):
    reached = {0}
    for _ in EDGES:
        for (a, b), down in zip(EDGES, failed, strict=True):
            if not down and (a in reached or b in reached):
                reached |= {a, b}
    return 3 not in reached


CUT = np.array([is_cut(state) for state in itertools.product((False, True), repeat=5)])
STATES = np.array(list(itertools.product((0, 1), repeat=5)))


def bridge_loss(failed):
    """Indicator of no connection for (..., 5) failures."""
    return CUT[failed @ np.array([16, 8, 4, 2, 1])].astype(float)


def sums_of(events, *, repeat=None, families=None):
    """Running sums of [(failed (sample, asset), loss (sample, service))], each sample `repeat` times."""
    rows = {name: [] for name in ("failed_count", "sum_loss", "sum_loss2", "sum_loss_failed", "sum_loss2_failed")}
    for failed, loss in events:
        times = np.ones(len(failed), dtype=np.int64) if repeat is None else repeat
        rows["failed_count"].append(times @ failed)
        rows["sum_loss"].append(times @ loss)
        rows["sum_loss2"].append(times @ loss**2)
        rows["sum_loss_failed"].append((failed * times[:, None]).T @ loss)
        rows["sum_loss2_failed"].append((failed * times[:, None]).T @ loss**2)
    dims = {
        "failed_count": ("event", "asset"), "sum_loss": ("event", "service"), "sum_loss2": ("event", "service"),
        "sum_loss_failed": ("event", "asset", "service"), "sum_loss2_failed": ("event", "asset", "service"),
    }  # fmt: skip
    coords = {} if families is None else {"family": ("event", families)}
    return xr.Dataset({name: (dims[name], np.array(rows[name])) for name in rows}, coords=coords)


def bridge_samples(random, n, p=0.9):
    failed = (random.random((n, 5)) >= p).astype(int)
    return failed, bridge_loss(failed)[:, None]


def test_bridge_enumerated():
    # .9 and .1 in tenths: each state stands for 9^up of 100,000 samples, so the averages are exact
    sums = sums_of([(STATES, bridge_loss(STATES)[:, None])], repeat=9 ** (5 - STATES.sum(axis=1)))
    found = asset_importance(sums, weights=[1.0], n_samples=100_000, loss="indicator")
    assert found.expected_annual_loss.item() == pytest.approx(LOSS, abs=1e-12)
    for name, (outer, bridge) in KNOWN.items():
        np.testing.assert_allclose(found[name][:, 0], [outer] * 4 + [bridge], rtol=5e-6, err_msg=name)
    np.testing.assert_allclose(found.criticality, found.fussell_vesely, rtol=1e-10)
    assert found.attrs["loss"] == "indicator"


def test_bridge_by_other_probability_of_being_up():
    for p, reliability in ((0.5, 0.5), (0.9, 0.97848)):
        chance = np.prod(np.where(STATES == 0, p, 1 - p), axis=1)
        assert 1 - chance @ bridge_loss(STATES) == pytest.approx(reliability, abs=1e-12)


def test_bridge_simulated():
    failed, loss = bridge_samples(np.random.default_rng(30), 200_000)
    probability = xr.DataArray(np.full((1, 5), 0.1), dims=("event", "asset"))
    found = asset_importance(
        sums_of([(failed, loss)]), weights=[1.0], n_samples=200_000, failure_probability=probability
    )
    for name, (outer, bridge) in KNOWN.items():
        error = found[f"{name}_standard_error"][:, 0].values
        assert (error > 0).all()
        assert (np.abs(found[name][:, 0] - np.array([outer] * 4 + [bridge])) < 4 * error).all(), name
        assert (error < 0.1 * np.abs(found[name][:, 0])).all(), name


@pytest.mark.parametrize("given_probability", [False, True])
def test_standard_errors_are_the_spread_over_repetitions(given_probability):
    random = np.random.default_rng(31)
    probability = xr.DataArray(np.full((1, 5), 0.3), dims=("event", "asset")) if given_probability else None
    drawn = {name: [] for name in MEASURES}
    told = {name: [] for name in MEASURES}
    for _ in range(150):
        failed, loss = bridge_samples(random, 2000, p=0.7)
        loss = loss * (1 + failed[:, :1])  # not only an indicator
        sums = sums_of([(failed, loss)])
        found = asset_importance(sums, weights=[2.0], n_samples=2000, failure_probability=probability)
        for name in MEASURES:
            drawn[name].append(found[name][[0, 4], 0].values)
            told[name].append(found[f"{name}_standard_error"][[0, 4], 0].values)
    for name in MEASURES:
        np.testing.assert_allclose(np.mean(told[name], axis=0), np.std(drawn[name], axis=0, ddof=1), rtol=0.2)


def test_error_over_events_is_a_bound_within_a_family_and_exact_across():
    random = np.random.default_rng(32)
    spread = {"shared": [], "apart": []}
    told = {"shared": [], "apart": []}
    for _ in range(120):
        u, v = random.random((1000, 5)), random.random((1000, 5))
        for how, second in (("shared", u), ("apart", v)):
            events = [((uniform < q).astype(int),) for uniform, q in ((u, 0.2), (second, 0.4))]
            sums = sums_of(
                [(failed, bridge_loss(failed)[:, None]) for (failed,) in events],
                families=["a", "a" if how == "shared" else "b"],
            )
            found = asset_importance(sums, weights=[0.1, 0.05], n_samples=1000)
            spread[how].append(found.birnbaum[0, 0].item())
            told[how].append(found.birnbaum_standard_error[0, 0].item())
    assert np.mean(told["apart"]) == pytest.approx(np.std(spread["apart"], ddof=1), rel=0.25)
    assert np.mean(told["shared"]) > 0.85 * np.std(spread["shared"], ddof=1)
    assert np.mean(told["shared"]) < 2.0 * np.std(spread["shared"], ddof=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3))
def test_slow_twin_over_events_and_services(seed, n_event, n_service):
    random = np.random.default_rng(seed)
    n, weights = 100, random.random(n_event)
    events = [
        ((random.random((n, 2)) < 0.5).astype(int), random.integers(0, 9, (n, n_service)).astype(float))
        for _ in range(n_event)
    ]
    found = asset_importance(sums_of(events), weights=weights, n_samples=n, failure_probability=None)
    for asset, service in itertools.product(range(2), range(n_service)):
        whole = down = up = critical = 0.0
        for weight, (failed, loss) in zip(weights, events, strict=True):
            is_down = failed[:, asset] == 1
            mean_down, mean_up = loss[is_down, service].mean(), loss[~is_down, service].mean()
            whole += weight * loss[:, service].mean()
            down += weight * mean_down
            up += weight * mean_up
            critical += weight * is_down.mean() * (mean_down - mean_up)
        wanted = [down - up, critical / whole, (whole - up) / whole, down / whole, whole / up]
        got = [found[name][asset, service].item() for name in MEASURES]
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_series_parallel_and_two_of_three():
    states = np.array(list(itertools.product((0, 1), repeat=3)))
    times = 9 ** (3 - states.sum(axis=1))
    for loss, failure, raw in (
        (states[:, :2].any(axis=1), 1 - 0.81, 1 / 0.19),
        (states[:, :2].all(axis=1), 1 - 0.99, 10.0),
        (states.sum(axis=1) >= 2, 1 - 0.972, 0.19 / 0.028),
    ):
        found = asset_importance(
            sums_of([(states, loss[:, None].astype(float))], repeat=times), weights=[1.0], n_samples=1000
        )
        assert found.expected_annual_loss.item() == pytest.approx(failure)
        assert found.risk_achievement_worth[0, 0].item() == pytest.approx(raw)


def test_assets_that_never_or_always_fail():
    random = np.random.default_rng(33)
    failed = (random.random((100, 4)) < 0.5).astype(int)
    failed[:, 0], failed[:, 1], failed[:, 2] = 0, 1, 0
    failed[5, 2] = 1
    sums = sums_of([(failed, random.random((100, 1)))])
    whole = asset_importance(sums, weights=[1.0], n_samples=100)
    found = whole.isel(service=0)
    assert np.isnan(found.birnbaum[[0, 1]]).all()
    assert np.isnan(found.risk_achievement_worth[0])
    assert found.risk_achievement_worth[1].item() == pytest.approx(1.0)
    assert found.fussell_vesely[0].item() == found.criticality[0].item() == 0.0
    assert found.fussell_vesely_standard_error[0].item() == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found.fussell_vesely[1])
    assert np.isnan(found.birnbaum[2])  # seen once
    assert np.isnan(found.birnbaum_standard_error[2])
    assert np.isfinite(found.fussell_vesely_standard_error[2])
    assert is_untold(whole)[:, 0].tolist() == [False, True, False, False]
    assert found.never_failed_events.values.tolist() == [1, 0, 0, 0]
    assert found.always_failed_events.values.tolist() == [0, 1, 0, 0]
    # could have failed but did not: what that may add to the share of the risk is bounded by the largest loss
    possible = xr.DataArray([[0.001, 1.0, 0.01, 0.5]], dims=("event", "asset"))
    told = asset_importance(sums, weights=[1.0], n_samples=100, failure_probability=possible).isel(service=0)
    assert told.fussell_vesely_standard_error[0].item() == 0.0
    assert np.isnan(told.unseen[0])
    assert np.isnan(told.criticality[0])
    known = asset_importance(sums, weights=[0.2], n_samples=100, failure_probability=possible, most=[3.0])
    annual = 0.2 * sums.sum_loss.item() / 100
    assert known.unseen[:, 0].values == pytest.approx([0.2 * 0.001 * 3.0 / annual, np.nan, 0.0, 0.0], nan_ok=True)


def test_what_was_not_seen_is_bounded():
    """One asset of two fails once in a thousand and takes 2 of at most 3, and did not in a hundred samples."""
    failed = np.array([[0, i % 2] for i in range(100)])
    sums = sums_of([(failed, failed[:, 1:].astype(float))])
    possible = xr.DataArray([[0.001, 0.5]], dims=("event", "asset"))
    found = asset_importance(sums, weights=[1.0], n_samples=100, failure_probability=possible, most=[3.0])
    share = 0.001 * 2.0 / (0.5 + 0.001 * 2.0)
    assert found.fussell_vesely[0].item() == 0.0
    assert share < found.unseen[0].item() == pytest.approx(0.001 * 3.0 / 0.5)
    assert found.unseen[1].item() == 0.0


def test_events_without_weight_do_not_spoil_the_rest():
    random = np.random.default_rng(34)
    good = ((random.random((50, 2)) < 0.5).astype(int), random.random((50, 1)))
    dry = (np.zeros((50, 2), dtype=int), np.zeros((50, 1)))
    both = asset_importance(sums_of([dry, good]), weights=[0.0, 0.1], n_samples=50)
    alone = asset_importance(sums_of([good]), weights=[0.1], n_samples=50)
    xr.testing.assert_allclose(both, alone)


def test_no_loss_at_all_gives_no_ratio():
    failed = np.array([[0], [1]] * 20)
    found = asset_importance(sums_of([(failed, np.zeros((40, 1)))]), weights=[1.0], n_samples=40)
    assert found.birnbaum.item() == 0.0
    assert np.isnan(found.fussell_vesely.item())
    assert not is_told_apart(found).any()
    assert not is_untold(found).any()


def test_an_average_over_few_samples_is_not_told():
    random = np.random.default_rng(37)
    n, fails = 100, [9, 10, 90, 91]
    failed = np.array([np.arange(n) < count for count in fails], dtype=int).T
    found = asset_importance(sums_of([(failed, random.random((n, 1)))]), weights=[1.0], n_samples=n).isel(service=0)
    assert found.seldom_failed_events.values.tolist() == [1, 0, 0, 0]
    assert found.seldom_working_events.values.tolist() == [0, 0, 0, 1]
    assert not found.never_failed_events.any()
    assert not found.always_failed_events.any()
    for end in ("", "_standard_error"):
        # failed in few: what is saved if it never fails is told by the many in which it works
        for name in ("fussell_vesely", "risk_reduction_worth", "criticality"):
            assert np.isnan(found[f"{name}{end}"]).values.tolist() == [False, False, False, True], name + end
        assert np.isnan(found[f"birnbaum{end}"]).values.tolist() == [True, False, False, True]
        assert np.isnan(found[f"risk_achievement_worth{end}"]).values.tolist() == [True, False, False, False]


def test_the_bound_of_samples_is_that_of_the_interval():
    """With ten samples 1.96 standard errors hold 92 % where they say 95 %, as the constant tells."""
    for n, held in ((FEWEST_SAMPLES, 0.92), (5, 0.88), (2, 0.70)):
        assert 1 - 2 * student.sf(NORMAL, n - 1) == pytest.approx(held, abs=0.005)
    for count in ("seldom_failed_events", "seldom_working_events"):
        assert f"fewer than {FEWEST_SAMPLES} samples" in VARIABLES[f"importance_{count}"].meaning


def test_chance_is_not_ranked():
    """Of 600 assets without effect few are told apart; one with an effect is, and so are others seldom seen."""
    random = np.random.default_rng(38)
    n, chance = 512, np.concatenate([[0.3], random.choice([0.002, 0.01, 0.05, 0.3, 0.7], 600)])
    weights, events = [0.1, 0.02], []
    for factor in (0.5, 1.0):
        failed = (random.random((n, 601)) < factor * chance).astype(int)
        events.append((failed, random.exponential(1000.0, (n, 1)) + 3000.0 * failed[:, :1]))
    probability = xr.DataArray(np.array([0.5 * chance, chance]), dims=("event", "asset"))
    found = asset_importance(sums_of(events), weights=weights, n_samples=n, failure_probability=probability)
    apart = is_told_apart(found)[:, 0]
    assert apart[0]
    assert (found.fussell_vesely.values[1:, 0] > 0).sum() > 200
    assert apart[1:].mean() < 0.04
    # where nearly all samples lose everything, the few in which an asset fails are by chance all alike
    failed = (random.random((n, 601)) < 0.04).astype(int)
    loss = np.where(random.random((n, 1)) < 0.97, 18_000.0, 16_654.0)
    skewed = asset_importance(sums_of([(failed, loss)]), weights=[1.0], n_samples=n)
    alike = skewed.fussell_vesely > 1.96 * skewed.fussell_vesely_standard_error
    assert alike.mean() > 0.3
    assert is_told_apart(skewed).mean() < 0.05
    # in one event it never failed, in the other it was all that mattered
    failed = np.zeros((2, n, 1), dtype=int)
    failed[1, :100] = 1
    rare = sums_of([(one, 1.0 + 9.0 * one) for one in failed.astype(float)])
    share = xr.DataArray([[0.001], [0.2]], dims=("event", "asset"))
    seen = asset_importance(rare, weights=[1.0, 1.0], n_samples=n, failure_probability=share)
    assert is_told_apart(seen).item()
    assert is_told_apart(seen, "risk_reduction_worth").item()
    assert not is_told_apart(seen, "birnbaum").item()


def test_wrong_sums_are_told():
    failed = np.array([[0], [1]])
    sums = sums_of([(failed, np.ones((2, 1)))])
    with pytest.raises(DataError, match=r"(?s)sum_loss: absent.*sum_loss2_failed: dims"):
        asset_importance(sums.drop_vars("sum_loss").assign(sum_loss2_failed=sums.sum_loss2), weights=[1.0], n_samples=2)
    with pytest.raises(DataError, match=r"0 \.\. 0 samples"):
        asset_importance(sums, weights=[1.0], n_samples=0)
    with pytest.raises(DataError, match="failure_probability"):
        asset_importance(sums, weights=[1.0], n_samples=2, failure_probability=xr.DataArray([0.1], dims="asset"))
    with pytest.raises(DataError, match="no annual rate"):
        asset_importance(sums, weights=[np.nan], n_samples=2)
    with pytest.raises(DataError, match="one shape"):
        paired_importance([1.0, 2.0], loss_up=[1.0], loss_down=[1.0, 2.0])


@pytest.mark.parametrize(("edge", "column"), [(0, 0), (4, 1)])
def test_bridge_in_pairs_enumerated_and_simulated(edge, column):
    def runs(failed):
        up, down = failed.copy(), failed.copy()
        up[:, edge], down[:, edge] = 0, 1
        return bridge_loss(failed), bridge_loss(up), bridge_loss(down)

    every = np.repeat(STATES, 9 ** (5 - STATES.sum(axis=1)), axis=0)
    whole, up, down = runs(every)
    exact = paired_importance(whole, loss_up=up, loss_down=down, failure_probability=[0.1])
    for name in MEASURES:
        assert getattr(exact, name).value == pytest.approx(KNOWN[name][column], rel=5e-6)

    random = np.random.default_rng(35)
    values = {name: [] for name in MEASURES}
    errors = {name: [] for name in MEASURES}
    for _ in range(200):
        whole, up, down = runs((random.random((4000, 5)) >= 0.9).astype(int))
        found = paired_importance(whole, loss_up=up, loss_down=down, failure_probability=[0.1])
        for name in MEASURES:
            values[name].append(getattr(found, name).value)
            errors[name].append(getattr(found, name).standard_error)
    for name in MEASURES:
        spread = np.std(values[name], ddof=1)
        assert np.mean(errors[name]) == pytest.approx(spread, rel=0.15), name
        assert np.mean(values[name]) == pytest.approx(KNOWN[name][column], abs=4 * spread / 200**0.5 + 0.02 * spread)


def test_pairs_are_sharper_than_conditional_averages():
    random = np.random.default_rng(36)
    failed, loss = bridge_samples(random, 5000)
    up, down = failed.copy(), failed.copy()
    up[:, 4], down[:, 4] = 0, 1
    paired = paired_importance(loss[:, 0], loss_up=bridge_loss(up), loss_down=bridge_loss(down))
    conditional = asset_importance(sums_of([(failed, loss)]), weights=[1.0], n_samples=5000)
    assert paired.birnbaum.standard_error < 0.5 * conditional.birnbaum_standard_error[4, 0].item()
    assert np.isnan(paired.criticality.value)


def test_pairs_see_through_a_common_cause_that_misleads_averages():
    # two assets fail together; the second has no effect at all
    failed = np.repeat((np.random.default_rng(37).random((2000, 1)) < 0.2).astype(int), 2, axis=1)
    loss = failed[:, :1].astype(float)
    misled = asset_importance(sums_of([(failed, loss)]), weights=[1.0], n_samples=2000)
    assert misled.birnbaum[1, 0].item() == pytest.approx(1.0)
    right = paired_importance(loss[:, 0], loss_up=loss[:, 0], loss_down=loss[:, 0], failure_probability=[0.2])
    assert right.birnbaum.value == right.fussell_vesely.value == right.criticality.value == 0.0


def test_pairs_without_any_loss_have_no_ratio():
    found = paired_importance(np.zeros(5), loss_up=np.zeros(5), loss_down=np.ones(5))
    assert found.birnbaum.value == 1.0
    assert np.isnan(found.risk_achievement_worth.value)


def test_what_was_run_in_pairs_is_told_by_the_pairs():
    dims = ("asset", "service")
    names = [f"{measure}{end}" for measure in MEASURES for end in ("", "_standard_error")]
    coords = {"asset": ["a", "b", "c"], "service": ["power"]}
    own = xr.Dataset({name: (dims, [[0.5], [np.nan], [0.1]]) for name in names}, coords=coords).assign(
        told_apart=(dims, [[1], [0], [0]]),
        unseen=(dims, [[0.1], [np.nan], [0.2]]),
        expected_annual_loss=("service", [1.0]),
    )
    pairs = xr.Dataset({name: (dims, [[0.3], [0.2]]) for name in names}, coords={**coords, "asset": ["nowhere", "b"]})
    pairs = pairs.assign(fussell_vesely_standard_error=(dims, [[0.01], [0.01]]))
    found = join_pairs(own, pairs)
    assert found["asset"].values.tolist() == ["a", "b", "c"]
    assert found["fussell_vesely"][:, 0].values.tolist() == [0.5, 0.2, 0.1]
    assert found["unseen"][:, 0].values.tolist() == [0.1, 0.0, 0.2]
    assert found["told_apart"][:, 0].values.tolist() == [1, 1, 0]
    assert found["paired"].values.tolist() == [False, True, False]
    assert not is_untold(found).any()
    assert is_untold(own)[:, 0].tolist() == [False, True, False]
    assert not join_pairs(own, None)["paired"].any()
    alone = join_pairs(None, pairs)
    assert alone["paired"].all()
    assert not is_untold(alone).any()
    assert join_pairs(None, None) is None
