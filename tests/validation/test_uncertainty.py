"""Known answers of how sure a figure is, and of the losses in the tail of a law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resilience.risk import tail_value_at_risk, value_at_risk
from resilience.risk.intervals import exceedance_interval, samples_needed, wilson_interval

INTERVALS, TAILS = "How sure a figure is", "Value at risk"


def test_shares_of_a_thousand(known):
    for hits, low, high in ((10, 0.005441, 0.018309), (0, 0.0, 0.003827)):
        found = wilson_interval(hits, 1000)
        for end, wanted, got in (("from", low, found.low), ("to", high, found.high)):
            known(INTERVALS, f"{hits} of 1,000, 95 %, {end}", wanted, got, 5e-7, by="Wilson (1927)")


def test_return_period_of_the_hundredth_largest_of_ten_thousand(known):
    low, high = exceedance_interval(100, 10_000)
    by = "Beta(k, n - k + 1)"
    known(INTERVALS, "100th largest of 10,000 years, 95 %, from year", 83.1, 1 / high, 0.05, by=by)
    known(INTERVALS, "100th largest of 10,000 years, 95 %, to year", 122.8, 1 / low, 0.05, by=by)


@pytest.mark.parametrize(("error", "wanted"), [(0.05, 4_000), (0.01, 100_000)])
def test_samples_of_a_compound_poisson_year(known, error, wanted):
    """Mean 20 and standard deviation sqrt(4,000): a variation of the root of 10."""
    got = samples_needed(20.0, np.sqrt(4000.0), relative_error=error)
    known(INTERVALS, f"years for {100 * error:g} % of Poisson .2 x Exp(100)", wanted, got, 0, by="(cv / error)^2")


@pytest.mark.parametrize(
    ("law", "name", "probability", "value", "tail"),
    [
        (stats.expon(scale=10), "Exp(10)", 0.95, 29.95732, 39.95732),
        (stats.expon(scale=10), "Exp(10)", 0.99, 46.05170, 56.05170),
        (stats.norm(), "N(0, 1)", 0.95, 1.644854, 2.062713),
        (stats.norm(), "N(0, 1)", 0.99, 2.326348, 2.665214),
    ],
)
def test_value_at_risk(known, law, name, probability, value, tail):
    """The law in 400,000 equal parts, each at its middle: a step is 1 / (400,000 times the density)."""
    n = 400_000
    even = law.ppf((np.arange(n) + 0.5) / n)
    step = 1.0 / (n * law.pdf(value))
    case = f"of {name}, {probability:g}"
    known(TAILS, f"value {case}", value, value_at_risk(even, probability), step, by="closed form")
    known(TAILS, f"mean beyond {case}", tail, tail_value_at_risk(even, probability), step, by="closed form")
