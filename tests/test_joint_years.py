"""Years of two families that belong together, against years drawn by other means, and three assets of one field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from resilience.kernels.compiler import INTERPRETED
from resilience.pipeline import assess

YEARS, DRAWN = (10_000 if INTERPRETED else 60_000), 1_000_000
PERIODS = ([5, 20, 100], [2, 10, 50])
# Assets that each map takes; rarer ones take more.
FLOOD = [[1, 0, 0, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0, 1, 0], [1, 1, 1, 1, 0, 0, 1, 0]]
HEAT = [[0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1, 1, 0], [0, 1, 0, 0, 1, 1, 1, 1]]
PEOPLE = np.array([100.0, 230, 55, 900, 410, 77, 1200, 3000])
# People without power after each pair of maps, none being the first.
LOST = np.array([[PEOPLE @ np.maximum(a, b) for b in [[0] * 8, *HEAT]] for a in [[0] * 8, *FLOOD]])


def summer(site: Any, rule: str, copula: dict[str, Any]) -> Any:
    assets = [{"id": f"s{i}", "heat_fragility_curve": "degree_is_probability"} for i in range(8)]
    hazards = [
        {"family": "a", "values": FLOOD, "return_periods": PERIODS[0]},
        {"family": "b", "peril": "heat", "unit": "degC", "values": HEAT, "return_periods": PERIODS[1],
         "plausible": [-1, 60]},
    ]  # fmt: skip
    return site.scenario(
        assets, hazards, zones=[{"id": f"z{i}", "persons": PEOPLE[i]} for i in range(8)],
        needs=[(f"z{i}", "power", [f"s{i}"], 1) for i in range(8)],
        joint=[{"name": "summer", "families": ["a", "b"], "after_hours": 0, **copula}],
        risk={"catalogue_years": YEARS, "rule": rule, "return_periods": [10, 50, 200], "bootstrap": 10},
    )  # fmt: skip


def severities(copula: dict[str, Any]) -> np.ndarray:
    """Annual non-exceedance probabilities, by mixing (Gaussian) and by frailty (Gumbel; Marshall and Olkin, 1988)."""
    rng = np.random.default_rng(11)
    if copula["copula"] == "gaussian":
        rho = copula["parameter"]
        z = rng.standard_normal((2, DRAWN))
        return ndtr(np.array([z[0], rho * z[0] + np.sqrt(1 - rho**2) * z[1]]))
    alpha = 1.0 - copula["tau"]
    angle, weight = rng.uniform(0, np.pi, DRAWN), rng.exponential(1, DRAWN)
    stable = np.sin(alpha * angle) / np.sin(angle) ** (1 / alpha)
    stable *= (np.sin((1 - alpha) * angle) / weight) ** ((1 - alpha) / alpha)
    return np.exp(-((rng.exponential(1, (2, DRAWN)) / stable) ** alpha))


def between(p: np.ndarray, periods: list[int], rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map below and above an annual exceedance probability, 0 for none, and how far it is from one to the other."""
    q = 1 / np.array(periods, float)
    below = np.searchsorted(-q, -p, side="right")
    above = np.where((below > 0) & (below < q.size), below + 1, below)
    high, low = q[below - 1], q[above - 1]
    spread = high > low
    if rule == "trapezoid":
        share = np.divide(high - p, high - low, out=np.zeros(p.size), where=spread)
    else:
        share = np.divide(np.log(high / p), np.log(high / low), out=np.zeros(p.size), where=spread)
    return below, above, share


@pytest.mark.parametrize("rule", ["trapezoid", "log_linear"])
@pytest.mark.parametrize(
    "copula",
    [{"copula": "gaussian", "parameter": 0.6}, {"copula": "gumbel", "tau": 0.5}],
    ids=lambda one: one["copula"],
)
def test_years_are_those_drawn_by_other_means(site, rule: str, copula: dict[str, Any]) -> None:
    u = severities(copula)
    (a, b, s), (c, d, t) = (between(1 - u[k], PERIODS[k], rule) for k in range(2))
    year = (1 - s) * ((1 - t) * LOST[a, c] + t * LOST[a, d]) + s * ((1 - t) * LOST[b, c] + t * LOST[b, d])
    result = assess(summer(site, rule, copula))
    error = year.std() / np.sqrt(DRAWN)
    assert result.dataset["annual_value"].item() == pytest.approx(year.mean(), abs=4 * error)
    told = result.exceedance.sel(quantity="power")
    assert told["yearly_mean"].item() == pytest.approx(year.mean(), abs=4 * year.std() / np.sqrt(YEARS))
    year = np.sort(year)
    for k, period in enumerate((10, 50, 200)):
        # The share of years above a value of the run: 1 / period, as far as its own years tell.
        p = 1 / period
        spread = 4.5 * np.sqrt(p * (1 - p) * (1 / YEARS + 1 / DRAWN))
        for name in ("occurrence_value", "aggregate_value"):
            value = told[name].values[k]
            reached, passed = (1 - np.searchsorted(year, value * (1 + e)) / DRAWN for e in (-1e-9, 1e-9))
            assert passed - spread <= p <= reached + spread, (name, period)
        beyond = year[int((1 - p) * DRAWN) :]
        tail = told["aggregate_tail_value"].values[k]
        both = np.sqrt(beyond.var() + (beyond.mean() - beyond[0]) ** 2) * np.sqrt(period / YEARS)
        assert tail == pytest.approx(beyond.mean(), abs=4.5 * both + 1e-9), period


@pytest.mark.parametrize(("needed", "share"), [(1, 0.0), (2, 0.0), (2, 0.3), (3, 0.3)])
def test_three_pumps_of_one_field_fail_together_as_three_normals_do(site, needed: int, share: float) -> None:
    """Pumps in cells of 10 m of the map, 20 and 60 m apart; cells of the field are those of the map."""
    p, samples = 0.3, 4096 if INTERPRETED else 65_536
    length = 40.0
    at = {0: 0.0, 2: 20.0, 8: 80.0}
    assets = [
        {"id": f"p{i}", "sector": "water", **({} if i in at else {"flood_fragility_curve": ""})} for i in range(9)
    ]
    scenario = site.scenario(
        assets, [{"family": "river", "values": [[p] * 9], "return_periods": [10]}],
        needs=[("zone", "water", ["p0", "p2", "p8"], needed)],
        monte_carlo={"samples": samples, "correlation": {"length_m": length, "global_share": share, "cell_m": 10.0}},
    )  # fmt: skip
    without = assess(scenario).dataset["zone_without_service"].values[0, 0, 0] / samples
    place = np.array(list(at.values()))
    rho = share + (1 - share) * np.exp(-np.abs(place[:, np.newaxis] - place) / length)

    def all_fail(which: list[int]) -> float:
        z = [norm.ppf(p)] * len(which)
        return float(multivariate_normal.cdf(z, cov=rho[np.ix_(which, which)]))

    three = all_fail([0, 1, 2])
    pairs = sum(all_fail(which) for which in ([0, 1], [0, 2], [1, 2]))
    # Fewer than `needed` of three stand: all three, at least two, or at least one have failed.
    wanted = {1: three, 2: pairs - 2 * three, 3: 3 * p - pairs + three}[needed]
    assert without == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / samples) + 1e-4)
