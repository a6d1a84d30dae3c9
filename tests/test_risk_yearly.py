"""Losses of the years of a catalogue: by hand, and against the annual value under the same rule."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, DataError
from resilience.risk.yearly import neighbours_in_severity, occurrence_losses, yearly_losses

PERIODS = np.array([2.0, 10.0, 50.0, 100.0, 500.0])
DAMAGE = np.array([0.0, 10.0, 50.0, 80.0, 150.0])


def loss_at(periods, at, rule, onset=None):
    lower, a, upper, b = neighbours_in_severity(periods, at, rule=rule, onset=onset)
    damage = DAMAGE[: periods.size]
    return a * damage[lower] + b * damage[upper]


@pytest.mark.parametrize("rule", ["trapezoid", "log-linear"])
def test_at_the_maps_below_and_beyond(rule):
    np.testing.assert_allclose(loss_at(PERIODS, PERIODS, rule), DAMAGE)
    np.testing.assert_allclose(loss_at(PERIODS, np.array([1.0, 1.999, 1e6]), rule), [0.0, 0.0, 150.0])


def test_between_maps_by_rule():
    assert loss_at(PERIODS, np.array([200.0]), "log-linear")[0] == pytest.approx(80 + 70 * np.log(2) / np.log(5))
    assert loss_at(PERIODS, np.array([200.0]), "trapezoid")[0] == pytest.approx(80 + 70 * (0.01 - 0.005) / 0.008)


@pytest.mark.parametrize("rule", ["trapezoid", "log-linear"])
def test_the_onset_is_where_the_loss_begins(rule):
    periods = np.array([10.0, 50.0])  # losses 0 and 10 in DAMAGE
    weights = [neighbours_in_severity(periods, np.array([at]), rule=rule, onset=2.0) for at in (1.5, 2.0, 5.0, 10.0)]
    counted = np.array([a[0] * (lower[0] == 0) + b[0] * (upper[0] == 0) for lower, a, upper, b in weights])
    assert counted[0] == counted[1] == 0.0
    wanted = np.log(2.5) / np.log(5) if rule == "log-linear" else (0.5 - 0.2) / 0.4
    assert counted[2] == pytest.approx(wanted)
    assert counted[3] == 1.0
    beyond = neighbours_in_severity(periods, np.array([20.0, 900.0]), rule=rule, onset=2.0)
    plain = neighbours_in_severity(periods, np.array([20.0, 900.0]), rule=rule)
    for a, b in zip(beyond, plain, strict=True):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize(("rule", "wanted"), [("trapezoid", 6.270), ("log-linear", 4.954368 + 0.3)])
def test_mean_over_a_catalogue_is_the_annual_value_of_the_same_rule(rule, wanted):
    n = 2_000_000
    at = n / (np.arange(n) + 0.5)  # 1/T even in (0, 1): one event per year
    assert loss_at(PERIODS, at, rule).mean() == pytest.approx(wanted, rel=1e-4)


def make_totals(seed=0, n_sample=7):
    loss = np.random.default_rng(seed).random((4, 2, n_sample))
    return xr.DataArray(
        loss,
        dims=("event", "service", "sample"),
        coords={
            "event": ["r100", "r10", "h1", "h2"],
            "service": ["power", "water"],
            "family": ("event", ["river", "river", "heat", "heat"]),
            "return_period": ("event", [100.0, 10.0, np.nan, np.nan]),
        },
        attrs={"units": "persons"},
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 25))
def test_occurrences_against_a_slow_twin(seed, n):
    random = np.random.default_rng(seed)
    totals = make_totals(seed)
    river = random.random(n) < 0.5
    catalogue = {
        "family": np.where(river, "river", "heat"),
        "return_period": np.where(river, 1 / random.uniform(0.002, 1, n), np.nan),
        "event": np.where(river, "", random.choice(["h1", "h2"], n)),
        "sample": random.integers(0, 7, n),
    }
    found = occurrence_losses(totals.transpose("sample", "event", "service"), catalogue, rule="log-linear")
    assert found.dims == ("occurrence", "service")
    assert found.attrs == {"units": "persons"}
    for i in range(n):
        here = totals.isel(sample=catalogue["sample"][i])
        period = catalogue["return_period"][i]
        if not river[i]:
            wanted = here.sel(event=catalogue["event"][i])
        elif period < 10:
            wanted = 0 * here.sel(event="r10")
        else:
            share = min(np.log(period / 10) / np.log(10), 1.0)
            wanted = (1 - share) * here.sel(event="r10") + share * here.sel(event="r100")
        np.testing.assert_allclose(found[i].values, wanted.values, rtol=1e-12, atol=1e-14)


def test_everything_wrong_with_a_catalogue_is_told_at_once():
    catalogue = {
        "family": ["river", "wind", "heat", "heat"],
        "return_period": [0.5, np.nan, np.nan, 10.0],
        "event": ["", "", "h9", ""],
        "sample": [0, 0, 0, 99],
    }
    with pytest.raises(DataError) as caught:
        occurrence_losses(make_totals(), catalogue, rule="trapezoid")
    message = str(caught.value)
    for part in ("first: wind", "first: h9", "first: 0.5", "first: 99", "totals.return_period: 2 of 4"):
        assert part in message
    with pytest.raises(DataError, match=r"catalogue\.sample: absent"):
        occurrence_losses(make_totals(), {"family": [], "return_period": [], "event": []}, rule="trapezoid")
    with pytest.raises(DataError, match="each column"):
        occurrence_losses(
            make_totals(), {"family": ["river"], "return_period": [], "event": [], "sample": []}, rule="trapezoid"
        )
    with pytest.raises(DataError, match=r"(?s)totals.family.*dimension sample"):
        occurrence_losses(xr.DataArray([1.0], dims="event"), catalogue, rule="trapezoid")
    with pytest.raises(ConfigurationError, match="did you mean 'log-linear'"):
        neighbours_in_severity(PERIODS, PERIODS, rule="loglinear")


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1e6), st.floats(0, 1e6)), max_size=30))
def test_yearly_losses_against_a_slow_twin_and_sum_never_below_maximum(rows):
    losses = xr.DataArray(
        np.array([row[1:] for row in rows]).reshape(-1, 2),
        dims=("occurrence", "service"),
        coords={"service": ["a", "b"]},
        attrs={"units": "persons"},
    )
    years = yearly_losses(losses, year=[row[0] for row in rows], n_years=5)
    assert (years.yearly_sum >= years.yearly_maximum).all()
    assert years.attrs["n_years"] == 5
    for year in range(5):
        for column in (0, 1):
            mine = [row[1 + column] for row in rows if row[0] == year]
            assert years.yearly_maximum[year, column] == max(mine, default=0.0)
            assert years.yearly_sum[year, column].item() == pytest.approx(sum(mine))


def test_wrong_years_are_told():
    losses = xr.DataArray([1.0, np.nan], dims="occurrence")
    with pytest.raises(DataError, match=r"(?s)year: 1 of 2 outside.*losses: 1 of 2 negative or missing"):
        yearly_losses(losses, year=[0, 7], n_years=3)
    with pytest.raises(DataError, match="one year per occurrence"):
        yearly_losses(losses, year=[0], n_years=3)
