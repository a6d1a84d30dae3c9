"""Catalogues against Poisson moments and against the quadrature they must agree with."""

import numpy as np
import pandas as pd
import pytest

from resilience.catalogue import draw_catalogue
from resilience.errors import ConfigurationError
from resilience.events import EventFamily, annual_weights, family_weights

PERIODS = np.array([10.0, 50.0, 100.0, 500.0])
DAMAGE = np.array([10.0, 50.0, 80.0, 150.0])
YEARS = 100_000


def make_severity(name="river", onset=None, periods=PERIODS):
    names = tuple(f"rp{period:g}" for period in periods)
    return EventFamily(
        name=name, axis="severity", events=names, return_period=periods, annual_rate=1 / periods, onset=onset
    )


def make_events(rates, name="storms", names=None):
    rates = np.asarray(rates, dtype=float)
    names = tuple(names) if names else tuple(f"e{k}" for k in range(rates.size))
    nothing = np.full(rates.size, np.nan)
    return EventFamily(name=name, axis="events", events=names, return_period=nothing, annual_rate=rates)


def occurrence_values(catalogue, totals):
    """Of a catalogue of one family, read from totals (event, sample)."""
    lower, upper, sample = (catalogue[name].to_numpy() for name in ("lower", "upper", "sample"))
    at_lower = np.where(lower >= 0, totals[lower, sample], 0.0)
    return at_lower + (totals[upper, sample] - at_lower) * catalogue["weight"].to_numpy()


def yearly(catalogue, values, years=YEARS):
    return np.bincount(catalogue["year"], weights=values, minlength=years)


@pytest.mark.parametrize("rule", ["trapezoid", "log_linear"])
@pytest.mark.parametrize("onset", [None, 4.0])
def test_average_year_agrees_with_the_quadrature(rule, onset):
    catalogue = draw_catalogue([make_severity(onset=onset)], years=YEARS, seed=5, n_samples=1, rule=rule)
    losses = occurrence_values(catalogue, DAMAGE[:, np.newaxis])
    per_year = yearly(catalogue, losses)
    weights, tail, _ = annual_weights(PERIODS, rule=rule, onset=onset)
    error = per_year.std(ddof=1) / np.sqrt(YEARS)
    assert abs(per_year.mean() - (weights + tail) @ DAMAGE) < 4 * error
    within = yearly(catalogue, np.where(catalogue["beyond"], 0.0, losses))
    assert abs(within.mean() - weights @ DAMAGE) < 4 * error


def test_number_per_year_is_poisson():
    catalogue = draw_catalogue([make_events([0.3, 0.05])], years=YEARS, seed=5, n_samples=8)
    counts = np.bincount(catalogue["year"], minlength=YEARS)
    rate = 0.35
    assert abs(counts.mean() - rate) < 4 * np.sqrt(rate / YEARS)
    # The variance of a sample variance of a Poisson number is (rate + 2 rate^2) / n.
    assert abs(counts.var(ddof=1) - rate) < 4 * np.sqrt((rate + 2 * rate**2) / YEARS)
    for event, event_rate in enumerate([0.3, 0.05]):
        number = int((catalogue["upper"] == event).sum())
        assert abs(number - event_rate * YEARS) < 4 * np.sqrt(event_rate * YEARS)


def test_return_periods_are_exceeded_at_their_rate():
    catalogue = draw_catalogue([make_severity()], years=YEARS, seed=5, n_samples=8)
    for period in (10.0, 30.0, 100.0, 1000.0):
        number = int((catalogue["return_period"] >= period).sum())
        assert abs(number - YEARS / period) < 4 * np.sqrt(YEARS / period)
    assert (catalogue["beyond"] == (catalogue["return_period"] > 500)).all()


def test_interpolation_reproduces_the_rule_between_two_maps():
    catalogue = draw_catalogue([make_severity(onset=5.0)], years=2000, seed=5, n_samples=1, rule="log_linear")
    losses = occurrence_values(catalogue, DAMAGE[:, np.newaxis])
    periods = catalogue["return_period"].clip(upper=500.0)
    expected = np.interp(np.log(periods), np.log([5.0, *PERIODS]), [0.0, *DAMAGE])
    np.testing.assert_allclose(losses, expected, atol=1e-9)
    catalogue = draw_catalogue([make_severity(onset=5.0)], years=2000, seed=5, n_samples=1)
    losses = occurrence_values(catalogue, DAMAGE[:, np.newaxis])
    expected = np.interp(-1 / periods, -1 / np.array([5.0, *PERIODS]), [0.0, *DAMAGE])
    np.testing.assert_allclose(losses, expected, atol=1e-9)


def test_one_map_is_held_for_everything_rarer():
    catalogue = draw_catalogue([make_severity(periods=np.array([20.0]))], years=2000, seed=1, n_samples=4)
    assert (catalogue[["lower", "upper"]] == 0).all().all()
    assert (catalogue["weight"] == 1.0).all()


def test_unsorted_return_periods_point_to_the_same_maps():
    order = np.array([2, 0, 3, 1])
    straight = draw_catalogue([make_severity(onset=5.0)], years=2000, seed=5, n_samples=4)
    mixed = draw_catalogue([make_severity(onset=5.0, periods=PERIODS[order])], years=2000, seed=5, n_samples=4)
    totals = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(occurrence_values(straight, totals), occurrence_values(mixed, totals[order]))


def test_draws_depend_on_seed_and_own_name_only():
    river, storms = make_severity(), make_events([0.3, 0.05])
    both = draw_catalogue([river, storms], years=500, seed=7, n_samples=64)
    swapped = draw_catalogue([storms, river], years=500, seed=7, n_samples=64)
    pd.testing.assert_frame_equal(both, swapped)
    columns = [name for name in both.columns if name != "occurrence"]
    alone = draw_catalogue([storms], years=500, seed=7, n_samples=64)[columns]
    pd.testing.assert_frame_equal(both.loc[both["family"] == "storms", columns].reset_index(drop=True), alone)
    other = draw_catalogue([storms], years=500, seed=8, n_samples=64)
    assert not other[columns].equals(alone)
    renamed = draw_catalogue([make_events([0.3, 0.05], name="gales")], years=500, seed=7, n_samples=64)
    assert not np.array_equal(renamed["day"].to_numpy()[:20], alone["day"].to_numpy()[:20])


def test_a_longer_catalogue_begins_with_the_shorter_one():
    families = [make_severity(), make_events([0.3, 0.05])]
    short = draw_catalogue(families, years=300, seed=7, n_samples=64)
    long = draw_catalogue(families, years=900, seed=7, n_samples=64)
    pd.testing.assert_frame_equal(long[long["year"] < 300], short)


def test_order_of_listed_events_changes_nothing():
    straight = draw_catalogue([make_events([0.3, 0.05], names=["a", "b"])], years=500, seed=7, n_samples=64)
    mixed = draw_catalogue([make_events([0.05, 0.3], names=["b", "a"])], years=500, seed=7, n_samples=64)
    np.testing.assert_array_equal(straight["upper"], 1 - mixed["upper"])


def test_rows_are_ordered_and_in_range():
    catalogue = draw_catalogue([make_severity(onset=1.0), make_events([2.0])], years=50, seed=7, n_samples=16)
    assert catalogue.sort_values(["year", "occurrence"]).index.equals(catalogue.index)
    assert (catalogue.groupby("year")["day"].diff().dropna() >= 0).all()
    assert catalogue["day"].between(1, 365).all()
    assert catalogue["sample"].between(0, 15).all()
    assert (catalogue.groupby("year")["occurrence"].max() + 1 == catalogue.groupby("year").size()).all()


def test_family_without_rates_cannot_be_drawn():
    with pytest.raises(ConfigurationError, match="no annual rate"):
        draw_catalogue([make_severity(), make_events([np.nan], name="forecast")], years=10, seed=1, n_samples=4)


def test_wrong_numbers_are_told_together():
    with pytest.raises(ConfigurationError) as caught:
        draw_catalogue([make_severity(), make_severity()], years=0, seed=1, n_samples=0)
    assert {problem.subject for problem in caught.value.problems} == {"years", "n_samples", "families"}


def test_nothing_happens_at_rate_zero():
    family = make_events([0.0, 0.0])
    assert len(draw_catalogue([family], years=100, seed=1, n_samples=4)) == 0
    assert family_weights(family).weights.tolist() == [0.0, 0.0]
