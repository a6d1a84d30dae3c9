"""Known answers of hazards that come together, of pairs that fail together, and of what an option is worth."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.catalogue import draw_catalogue
from resilience.copulas import Copula
from resilience.correlation import correlate_points
from resilience.draws import CORRELATION, stream_key
from resilience.events import EventFamily
from resilience.repair_times import RepairTime
from resilience.risk import (
    annuity,
    encounter_probability,
    encountered_return_period,
    occurrence_probability,
    weigh_benefit,
)

JOINT, WORTH = "Hazards and failures together", "Worth of an option"


@pytest.mark.parametrize(
    ("copula", "both", "either"),
    [(Copula("independent"), 10_000.0, 50.25), (Copula("gumbel", 2.0), 169.86, 70.86),
     (Copula("gaussian", 0.3), 1797.5, 51.43)],
    ids=["independent", "Gumbel", "Gaussian"],
)  # fmt: skip
def test_two_100_year_severities(known, copula, both, either):
    name = f"{copula.kind} {copula.parameter:g}" if copula.parameter else copula.kind
    found = copula.joint_return_periods(100.0, 100.0)
    for what, wanted, got in (("both", both, found[0]), ("either", either, found[1])):
        known(JOINT, f"two 100-year severities, {name}: years to {what}", wanted, got, max(5e-3, wanted * 3e-5),
              by="closed form of the copula")  # fmt: skip


@pytest.mark.parametrize(("theta", "tail"), [(1.5, 0.4126), (2.0, 0.5858), (3.0, 0.7401)])
def test_upper_tail(known, theta, tail):
    known(JOINT, f"upper tail dependence, Gumbel {theta:g}", tail, Copula("gumbel", theta).upper_tail, 5e-5,
          by="2 - 2^(1/theta)")  # fmt: skip


@pytest.mark.parametrize(
    ("p", "rho", "both"),
    [
        (0.1, 0.0, 0.01),
        (0.1, 0.5, 0.032402),
        *((0.5, rho, 0.25 + np.arcsin(rho) / (2 * np.pi)) for rho in (0.2, 0.5, 0.8)),
    ],
)
def test_chance_that_both_fail(known, p, rho, both):
    by = "bivariate normal" if p < 0.5 else "1/4 + asin(rho) / (2 pi)"
    known(JOINT, f"both below p = {p:g}, correlation {rho:g}", both, Copula("gaussian", rho).cdf(p, p), 5e-7, by=by)


@pytest.mark.parametrize(("p", "both"), [(0.1, 0.032402), (0.5, 1 / 3)])
def test_pairs_that_fail_together(known, p, both):
    """Pairs at the distance at which the field correlates by a half, and no pair near another."""
    n, groups, length = 200, 4, 5000.0
    x = np.arange(n) * 1e7
    places = np.stack([np.concatenate([x, x + length * np.log(2.0)]), np.zeros(2 * n)], axis=1)
    identity = np.random.default_rng(1).integers(1, 2**63, 2 * n).astype(np.uint64)
    draws = correlate_points(places, identity, length=length)
    key = stream_key(3, CORRELATION, "river")
    fails = np.concatenate([draws.uniforms(key, first_word=8 * g) for g in range(groups)], axis=1) < p * 2.0**32
    count = n * 512 * groups
    known(JOINT, f"pairs failing together, correlation .5, p = {p:g}; {count:,} pairs", both,
          (fails[:n] & fails[n:]).mean(), 4 * np.sqrt(both * (1 - both) / count), by="bivariate normal")  # fmt: skip
    first = fails[:n]
    apart = (first & np.roll(first, 1, axis=0)).mean()
    # Each with the next of a circle: two pairs that have an asset in common are no two of their own.
    error = np.sqrt(p * p * (1 - p) * (1 + 3 * p) / count)
    known(JOINT, f"assets far apart failing together, p = {p:g}; {count:,} pairs", p * p, apart, 4 * error, by="p^2")


OVERLAPS = [(0.5, 30, 0.040263), (2.0, 15, 0.078905)]


@pytest.mark.parametrize(("rate", "days", "wanted"), OVERLAPS)
def test_chance_of_an_event_before_recovery(known, rate, days, wanted):
    got = occurrence_probability(rate * days / 365)
    known(JOINT, f"another event within {days} days, {rate:g} a year", wanted, got, 5e-7,
          by="1 - exp(-rate days / 365)")  # fmt: skip


@pytest.mark.parametrize(("rate", "days", "wanted"), OVERLAPS)
def test_events_that_come_before_recovery(known, rate, days, wanted):
    """Of the events of a catalogue, how many are followed by another one within the recovery."""
    family = EventFamily(
        name="storm", axis="events", events=("a",), return_period=np.array([np.nan]), annual_rate=np.array([rate])
    )
    catalogue = draw_catalogue([family], years=int(200_000 / rate), seed=5, n_samples=512)
    at = np.sort(catalogue["year"].to_numpy() * 365 + catalogue["day"].to_numpy())
    gap = np.diff(at)
    # Whole days: an event in the middle of its day counts for the day at which recovery ends by half.
    share = (gap < days).mean() + (gap == days).mean() / 2
    known(JOINT, f"another event within {days} days, {rate:g} a year; {gap.size:,} events", wanted, share,
          4 * np.sqrt(wanted * (1 - wanted) / gap.size), by="Poisson arrivals, 1 - exp(-rate days / 365)")  # fmt: skip


def test_cities_under_repair_by_several_events(known):
    """M/G/inf: arrivals of a catalogue, each under repair for a lognormal time; counted every 73 days."""
    rate, years = 3.0, 100_000
    repair = RepairTime("town", 1, "lognormal", {"median": 24.0 * 20, "beta": 0.9})
    family = EventFamily(
        name="storm", axis="events", events=("a",), return_period=np.array([np.nan]), annual_rate=np.array([rate])
    )
    catalogue = draw_catalogue([family], years=years, seed=8, n_samples=512)
    # Days of the catalogue are whole: what comes on a day comes at any hour of it.
    rng = np.random.default_rng(8)
    begin = catalogue["year"].to_numpy() * 365.0 + catalogue["day"].to_numpy() - rng.uniform(size=len(catalogue))
    lasts = repair.quantile(rng.uniform(size=begin.size)) / 24
    at = np.arange(3650, years * 365, 73)
    order = np.sort(begin), np.sort(begin + lasts)
    under_way = np.searchsorted(order[0], at, side="left") - np.searchsorted(order[1], at, side="left")
    mean = rate * repair.mean() / 24 / 365
    case = f"under repair at once, {rate:g} a year, lognormal of 20 days and .9"
    for what, wanted, values, by in (
        ("mean", mean, under_way, "M/G/inf: rate times mean of repair"),
        ("none", np.exp(-mean), under_way == 0, "M/G/inf: Poisson"),
    ):
        # Counts 73 days apart are not independent; those of a thousand years are.
        batches = np.array([part.mean() for part in np.array_split(values, 100)])
        known(JOINT, f"{case}; {what}", wanted, values.mean(), 0.4 * batches.std(ddof=1), by=by)
    assert under_way.var() == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    ("rate", "years", "wanted"), [(0.045, 30, 16.288889), (0.03, 50, 25.729764), (0.045, 50, 19.762008)]
)
def test_annuities(known, rate, years, wanted):
    known(WORTH, f"annuity, {100 * rate:g} %, {years} years", wanted, annuity(rate, years), 5e-7, by="closed form")


def test_worth_of_two_a_year_for_twenty(known):
    benefit = weigh_benefit(2.0, cost=20.0, rate=0.045, years=30)
    for what, wanted, got in (
        ("present value", 32.577777, benefit.present_value),
        ("net present value", 12.577777, benefit.net_present_value),
        ("benefit by cost", 1.628889, benefit.ratio),
    ):  # fmt: skip
        known(WORTH, f"2 a year for 20, 4.5 %, 30 years: {what}", wanted, got, 1e-6, by="arithmetic")


def test_encounters(known):
    by = "1 - (1 - 1/T)^n"
    known(WORTH, "a 100-year event in 30 years", 0.260300, encounter_probability(100.0, 30), 5e-7, by=by)
    known(WORTH, "a 50-year event in 50 years", 0.635830, encounter_probability(50.0, 50), 5e-7, by=by)
    known(WORTH, "years of what comes with 10 % in 50", 475.06, encountered_return_period(0.1, 50), 5e-3, by=by)
    got = encountered_return_period(0.1, 50, arrivals="poisson")
    known(WORTH, "the same of Poisson arrivals", 474.56, got, 5e-3, by="-n / ln(1 - p)")
