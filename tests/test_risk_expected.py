"""Annual values against quadrature by hand, laws, and repeated simulation."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import DataError
from resilience.risk import expected
from resilience.risk.expected import annual_total, conditional_statistics, expected_annual
from resilience.variables import VARIABLES

PERIODS = np.array([2.0, 10.0, 50.0, 100.0, 500.0])
DAMAGE = np.array([0.0, 10.0, 50.0, 80.0, 150.0])


def trapezoid_weights(periods):
    p = 1.0 / periods
    return (np.append(p[0], p[:-1]) - np.append(p[1:], p[-1])) / 2


def log_linear_weights(periods):
    """Weights of D(p) = a + b ln p between neighbours, the integral (1.6) solved for each end."""
    p, weights = 1.0 / periods, np.zeros(periods.size)
    for k in range(periods.size - 1):
        upper, lower = p[k], p[k + 1]
        integral = (upper * np.log(upper) - upper) - (lower * np.log(lower) - lower)
        share = (integral - np.log(upper) * (upper - lower)) / (np.log(lower) - np.log(upper))
        weights[k + 1] += share
        weights[k] += upper - lower - share
    return weights


def tail(periods):
    weights = np.zeros(periods.size)
    weights[-1] = 1.0 / periods[-1]
    return weights


def damage(values=DAMAGE):
    return VARIABLES["direct_loss"].array(values)


def test_known_expected_annual_damage():
    off = np.zeros(5)
    trapezoid = expected_annual(damage(), weights=trapezoid_weights(PERIODS), tail_weights=off)
    assert trapezoid.annual_value.item() == pytest.approx(5.970, abs=1e-12)
    assert trapezoid.annual_tail.item() == 0.0
    assert trapezoid.annual_standard_error.item() == 0.0
    assert trapezoid.annual_value.attrs["units"] == "money/year"
    with_tail = expected_annual(damage(), weights=trapezoid_weights(PERIODS), tail_weights=tail(PERIODS))
    assert with_tail.annual_value.item() == pytest.approx(6.270, abs=1e-12)
    assert with_tail.annual_tail.item() == pytest.approx(0.300, abs=1e-12)
    log_linear = expected_annual(damage(), weights=log_linear_weights(PERIODS), tail_weights=off)
    assert log_linear.annual_value.item() == pytest.approx(4.954368, abs=5e-7)


@pytest.mark.parametrize(("rule", "wanted"), [("trapezoid", 5.970), ("log_linear", 4.954368)])
def test_weights_of_the_event_family_give_the_known_value(rule, wanted):
    events = pytest.importorskip("resilience.events")
    weights, tail_weights, beyond = events.annual_weights(PERIODS, rule=rule)
    found = expected_annual(damage(), weights=weights, tail_weights=tail_weights)
    assert (found.annual_value - found.annual_tail).item() == pytest.approx(wanted, abs=5e-7)
    assert found.annual_tail.item() == pytest.approx(0.300)
    assert beyond == 0.002


def test_protection_to_fifty_years_leaves_the_rarer_bands():
    # no loss up to 50 years: the integral starts at p = 1/50 with the loss just beyond
    part = PERIODS[2:]
    loss = damage(DAMAGE[2:])
    found = expected_annual(loss, weights=trapezoid_weights(part), tail_weights=np.zeros(3))
    assert found.annual_value.item() == pytest.approx(1.570, abs=1e-12)


def test_analytic_damage_growing_with_the_logarithm():
    a, first = 7.0, 5.0
    periods = np.geomspace(first, 1e7, 60)
    loss = damage(a * np.log(periods / first))
    value = expected_annual(loss, weights=log_linear_weights(periods), tail_weights=tail(periods)).annual_value.item()
    assert value == pytest.approx(a / first, rel=1e-5)


def test_order_of_the_events_does_not_matter():
    weights, order = trapezoid_weights(PERIODS), np.array([3, 0, 4, 1, 2])
    value = expected_annual(damage(DAMAGE[order]), weights=weights[order], tail_weights=np.zeros(5)).annual_value
    assert value.item() == pytest.approx(5.970, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 20), st.integers(0, 2**32 - 1))
def test_slow_twin(n_event, n_service, n_sample, seed):
    random = np.random.default_rng(seed)
    loss, weights, rare = random.random((n_event, n_service, n_sample)), random.random(n_event), random.random(n_event)
    totals = VARIABLES["people_without_service"].array(loss, {"service": [f"s{i}" for i in range(n_service)]})
    found = expected_annual(totals, weights=weights, tail_weights=rare)
    for service in range(n_service):
        years = [sum((weights[e] + rare[e]) * loss[e, service, s] for e in range(n_event)) for s in range(n_sample)]
        assert found.annual_value[service].item() == pytest.approx(np.mean(years))
        assert found.annual_standard_error[service].item() == pytest.approx(np.std(years, ddof=1) / n_sample**0.5)
        beyond = sum(rare[e] * loss[e, service].mean() for e in range(n_event))
        assert found.annual_tail[service].item() == pytest.approx(beyond)
    assert found.annual_value.attrs["units"] == "persons/year"
    assert found.attrs["n_samples"] == n_sample
    for name in found:
        assert found[name].dims == VARIABLES[name].dims


@pytest.mark.parametrize("dims", [("event", "service", "sample"), ("sample", "event", "service")])
def test_reading_in_pieces_and_other_orders_change_no_bit(monkeypatch, dims):
    random = np.random.default_rng(1)
    totals = xr.DataArray(random.random((6, 3, 500)), dims=("event", "service", "sample"))
    weights = random.random(6)
    wanted = annual_total(totals, weights=weights)
    monkeypatch.setattr(expected, "_AT_ONCE", 2 * 3 * 500 * 8)
    found = annual_total(totals.transpose(*dims), weights=weights)
    np.testing.assert_array_equal(found.values, wanted.values)


def test_standard_error_holds_for_bands_that_share_their_random_numbers():
    random = np.random.default_rng(2)
    chance, size, weights = np.array([0.05, 0.2, 0.5]), np.array([10.0, 20.0, 40.0]), np.array([0.1, 0.02, 0.01])
    values, errors = [], []
    for _ in range(400):
        u = random.random(256)
        loss = xr.DataArray((u < chance[:, None]) * size[:, None], dims=("event", "sample"))
        found = expected_annual(loss, weights=weights, tail_weights=np.zeros(3))
        values.append(found.annual_value.item())
        errors.append(found.annual_standard_error.item())
    spread = np.std(values, ddof=1)
    assert np.mean(errors) == pytest.approx(spread, rel=0.15)
    assert np.mean(values) == pytest.approx(weights @ (chance * size), abs=4 * spread / 20)
    independent = np.sqrt(np.sum((weights * size) ** 2 * chance * (1 - chance)) / 256)
    assert spread > 1.15 * independent  # as if bands were independent: too small


def test_samples_that_are_all_equal_have_no_error():
    loss = xr.DataArray(np.full((1, 2048), 1234.567), dims=("event", "sample"))
    found = expected_annual(loss, weights=[0.013], tail_weights=[0.0])
    assert found.annual_standard_error.item() == 0.0


def test_two_families_add_their_variances():
    random = np.random.default_rng(3)
    totals = xr.DataArray(random.random((2, 20_000)), dims=("event", "sample"))
    both = expected_annual(totals, weights=[0.1, 0.3], tail_weights=[0.0, 0.0]).annual_standard_error.item()
    single = [
        expected_annual(totals[[e]], weights=[w], tail_weights=[0.0]).annual_standard_error.item()
        for e, w in ((0, 0.1), (1, 0.3))
    ]
    assert both == pytest.approx(np.hypot(*single), rel=0.02)


def test_one_sample_has_no_known_error_and_missing_values_stay_missing():
    part = xr.DataArray([[1.0, np.nan, 3.0]], dims=("event", "sample"))
    assert expected_annual(part, weights=[1.0], tail_weights=[1.0]).isnull().all().to_array().all()
    totals = xr.DataArray([[[1.0], [np.nan]]], dims=("event", "asset", "sample"))
    found = expected_annual(totals, weights=[1.0], tail_weights=[0.0])
    np.testing.assert_array_equal(found.annual_value, [1.0, np.nan])
    assert np.isnan(found.annual_standard_error).all()
    without = expected_annual(totals.isel(sample=0), weights=[1.0], tail_weights=[0.0])
    np.testing.assert_array_equal(without.annual_standard_error, [0.0, np.nan])


def test_a_family_without_rates_has_no_annual_value_and_the_message_says_why():
    totals = xr.DataArray(
        np.ones((3, 2)), dims=("event", "sample"), coords={"family": ("event", ["river", "forecast", "forecast"])}
    )
    with pytest.raises(DataError, match=r"annual_weight: 2 of 3 events have no annual rate \(first: forecast.*if it"):
        expected_annual(totals, weights=[0.1, np.nan, np.nan], tail_weights=[0, 0, 0])
    assert conditional_statistics(totals).conditional_mean.values.tolist() == [1.0, 1.0, 1.0]


def test_wrong_weights_are_told():
    totals = xr.DataArray(np.ones((2, 2)), dims=("event", "sample"), coords={"event": ["a", "b"]})
    with pytest.raises(DataError, match="negative weights"):
        annual_total(totals, weights=[1.0, -1.0])
    with pytest.raises(DataError, match="2 weights"):
        annual_total(totals, weights=[1.0])
    with pytest.raises(DataError, match="another order"):
        annual_total(totals, weights=xr.DataArray([1.0, 2.0], dims="event", coords={"event": ["b", "a"]}))
    with pytest.raises(DataError, match=r"1 of 2 other events \(first: b"):
        annual_total(totals, weights=xr.DataArray([1.0, 2.0], dims="event", coords={"event": ["a", "c"]}))
    unnamed = xr.DataArray(np.ones((2, 2)), dims=("event", "sample"))
    with pytest.raises(DataError, match=r"no annual rate \(first: 1\)"):
        annual_total(unnamed, weights=[1.0, np.nan])
    with pytest.raises(DataError, match="dimension event"):
        annual_total(xr.DataArray(1.0), weights=[1.0])


def test_inputs_are_not_changed():
    totals = xr.DataArray(np.ones((2, 3)), dims=("event", "sample"))
    before = totals.copy(deep=True)
    expected_annual(totals, weights=[1.0, 2.0], tail_weights=[0.0, 0.1])
    conditional_statistics(totals)
    xr.testing.assert_identical(totals, before)


def test_conditional_statistics_of_known_samples():
    row = np.arange(100.0)
    totals = xr.DataArray(np.stack([row, 0 * row]), dims=("event", "sample"), coords={"event": ["a", "dry"]})
    found = conditional_statistics(totals, probabilities=[0.0, 0.5, 0.95, 1.0], persons=1000.0)
    np.testing.assert_allclose(found.conditional_mean, [49.5, 0.0])
    np.testing.assert_allclose(found.conditional_standard_deviation, [row.std(ddof=1), 0.0])
    np.testing.assert_allclose(found.conditional_standard_error, [row.std(ddof=1) / 10, 0.0])
    np.testing.assert_array_equal(found.conditional_quantile[0], [0.0, 49.0, 94.0, 99.0])
    np.testing.assert_allclose(found.share_without, [0.0495, 0.0])
    np.testing.assert_allclose(found.loss_probability, [0.99, 0.0])
    assert found.loss_probability_low[1] == 0.0
    assert found.loss_probability_high[1].item() == pytest.approx(0.036994, abs=1e-6)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 63))
def test_conditional_quantile_is_numpys_inverted_cdf(values, part):
    probability = part / 64  # n p without rounding
    totals = xr.DataArray([np.array(values, dtype=float)], dims=("event", "sample"))
    found = conditional_statistics(totals, probabilities=[probability]).conditional_quantile.item()
    assert found == np.quantile(values, probability, method="inverted_cdf")


def test_conditional_statistics_of_several_services_and_missing_values():
    random = np.random.default_rng(4)
    loss = random.random((2, 3, 50))
    loss[1, 2, 7] = np.nan
    totals = xr.DataArray(loss, dims=("event", "service", "sample"), coords={"service": ["a", "b", "c"]})
    found = conditional_statistics(totals.transpose("sample", "service", "event"), probabilities=[0.3, 0.9])
    ordered = found.transpose("event", "service", "quantile")
    wanted = np.quantile(loss, [0.3, 0.9], axis=-1, method="inverted_cdf")
    np.testing.assert_array_equal(ordered.conditional_quantile[..., 0], wanted[0])
    assert np.isnan(ordered.conditional_mean[1, 2])
    assert np.isnan(ordered.loss_probability_high[1, 2])
    assert list(found.service.values) == ["a", "b", "c"]


def test_conditional_statistics_tell_what_is_wrong():
    with pytest.raises(DataError, match=r"(?s)dimension sample.*probabilities.*persons"):
        conditional_statistics(xr.DataArray([1.0], dims="event"), probabilities=[2.0], persons=0.0)
