"""Losses of the years of a catalogue: by hand, and against the annual value under the same rule."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.catalogue import draw_catalogue
from resilience.errors import DataError
from resilience.events import EventFamily, annual_weights
from resilience.risk.expected import expected_annual
from resilience.risk.yearly import occurrence_losses, yearly_losses

PERIODS = np.array([2.0, 10.0, 50.0, 100.0, 500.0])
DAMAGE = np.array([0.0, 10.0, 50.0, 80.0, 150.0])


def make_totals(seed=0, n_sample=7):
    loss = np.random.default_rng(seed).random((4, 2, n_sample))
    return xr.DataArray(
        loss,
        dims=("event", "service", "sample"),
        coords={
            "event": ["r100", "r10", "h1", "h2"],
            "service": ["power", "water"],
            "family": ("event", ["river", "river", "heat", "heat"]),
        },
        attrs={"units": "persons"},
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 25))
def test_occurrences_against_a_slow_twin(seed, n):
    random = np.random.default_rng(seed)
    totals = make_totals(seed)
    river = random.random(n) < 0.5
    upper = random.integers(0, 2, n)
    catalogue = {
        "family": np.where(river, "river", "heat"),
        "lower": np.where(river, random.integers(-1, 2, n), upper),
        "upper": upper,
        "weight": np.where(river, random.random(n), 1.0),
        "sample": random.integers(0, 7, n),
    }
    found = occurrence_losses(totals.transpose("sample", "event", "service"), catalogue)
    assert found.dims == ("occurrence", "service")
    assert found.attrs == {"units": "persons"}
    events = {"river": ("r100", "r10"), "heat": ("h1", "h2")}
    for i in range(n):
        here = totals.isel(sample=catalogue["sample"][i])
        own = events[catalogue["family"][i]]
        below = catalogue["lower"][i]
        low = 0 * here[0].values if below < 0 else here.sel(event=own[below]).values
        high = here.sel(event=own[upper[i]]).values
        wanted = low + catalogue["weight"][i] * (high - low)
        np.testing.assert_array_equal(found[i].values, wanted)


@pytest.mark.parametrize(("rule", "wanted"), [("trapezoid", 6.270), ("log_linear", 4.954368 + 0.3)])
def test_mean_over_a_catalogue_is_the_annual_value_of_the_same_rule(rule, wanted):
    totals = xr.DataArray(
        np.repeat(DAMAGE[:, np.newaxis], 3, axis=1),
        dims=("event", "sample"),
        coords={"family": ("event", ["river"] * 5), "event": [f"rp{period:g}" for period in PERIODS]},
    )
    river = EventFamily(
        name="river",
        axis="severity",
        events=tuple(totals.event.values),
        return_period=PERIODS,
        annual_rate=1 / PERIODS,
    )
    n = 200_000
    catalogue = draw_catalogue([river], years=n, seed=5, n_samples=3, rule=rule)
    losses = occurrence_losses(totals, catalogue)
    total = yearly_losses(losses, year=catalogue["year"], n_years=n).yearly_sum
    assert total.mean().item() == pytest.approx(wanted, abs=4 * total.std().item() / n**0.5)
    weights, tail, _ = annual_weights(PERIODS, rule=rule)
    annual = expected_annual(totals, weights=weights, tail_weights=tail)
    assert annual.annual_value.item() == pytest.approx(wanted, abs=5e-7)
    assert annual.annual_tail.item() == pytest.approx(0.3)


def test_everything_wrong_with_a_catalogue_is_told_at_once():
    catalogue = {
        "family": ["river", "wind", "heat", "heat"],
        "lower": [-2, 0, 0, 0],
        "upper": [0, 0, 5, 0],
        "weight": [0.0, 0.0, 0.0, np.nan],
        "sample": [0, 0, 0, 99],
    }
    with pytest.raises(DataError) as caught:
        occurrence_losses(make_totals(), catalogue)
    message = str(caught.value)
    for part in ("first: wind", "first: -2", "first: 5", "first: nan", "first: 99"):
        assert part in message
    empty = {"family": [], "lower": [], "upper": [], "weight": []}
    with pytest.raises(DataError, match=r"catalogue\.sample: absent"):
        occurrence_losses(make_totals(), empty)
    with pytest.raises(DataError, match="each column"):
        occurrence_losses(make_totals(), {**empty, "sample": [1]})
    with pytest.raises(DataError, match=r"(?s)totals.family.*dimension sample"):
        occurrence_losses(xr.DataArray([1.0], dims="event"), {**empty, "sample": []})


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
