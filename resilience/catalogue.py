"""Catalogues: what happens in each of many simulated years."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems
from resilience.events import EventFamily, Rule, check_rates, check_rule


def draw_catalogue(
    families: Sequence[EventFamily], *, years: int, seed: int, n_samples: int, rule: Rule = "trapezoid"
) -> pd.DataFrame:
    """Return what happens in `years` simulated years.

    Parameters
    ----------
    families : sequence of EventFamily
        All with rates, each name once.
    years : int
    seed : int
    n_samples : int
        Monte Carlo samples to choose from.
    rule : {"trapezoid", "log_linear"}
        Interpolation between two return periods; the rule of :func:`resilience.events.annual_weights`.

    Returns
    -------
    pandas.DataFrame
        One row per occurrence, by year and day: ``year`` and ``occurrence`` (from 0), ``day`` (1 to 365), ``family``,
        ``return_period`` (year, NaN for distinct events), ``lower`` and ``upper`` (position of the event in its
        family; -1 is the onset, where nothing is lost), ``weight`` of `upper` (1 minus it for `lower`), ``beyond``
        (rarer than the rarest event), ``sample``.

    Raises
    ------
    ConfigurationError
        A family has no rates or comes twice, or a number is not positive.

    Notes
    -----
    Arrivals are Poisson. A severity axis arrives at rate 1 / T_1 (or 1 / onset) with T = T_1 / U, so that T or rarer
    comes at rate 1 / T; above T_n the rarest event is held. Every family draws from Philox streams of its own, keyed by
    seed and name: its rows do not depend on the other families, and a longer catalogue begins with the shorter one.

    Examples
    --------
    >>> periods = np.array([10.0, 100.0])
    >>> river = EventFamily(
    ...     name="river", axis="severity", events=("rp10", "rp100"), return_period=periods, annual_rate=1 / periods
    ... )
    >>> catalogue = draw_catalogue([river], years=1000, seed=1, n_samples=64)
    >>> bool(abs(len(catalogue) - 100) < 40), bool((catalogue.return_period >= 10).all())
    (True, True)
    """
    check_rule(rule, "hold")
    problems = Problems()
    for subject, number in (("years", years), ("n_samples", n_samples)):
        if number < 1:
            problems.add(subject, wanted="1 or more", got=str(number))
    names = [family.name for family in families]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.add("families", wanted="every name once", got="repeated names", count=len(repeated), first=repeated)
    problems.raise_if_any(ConfigurationError)
    check_rates(families)
    tables = [
        _draw_family(family, years=years, seed=seed, n_samples=n_samples, rule=rule)
        for family in sorted(families, key=lambda family: family.name)
    ]
    catalogue = pd.concat(tables, ignore_index=True)
    catalogue = catalogue.sort_values(["year", "day"], kind="stable", ignore_index=True)
    catalogue.insert(1, "occurrence", catalogue.groupby("year").cumcount())
    return catalogue


def _generator(seed: int, purpose: str, family: str) -> np.random.Generator:
    text = f"{seed}\0catalogue {purpose}\0{family}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def _draw_family(family: EventFamily, *, years: int, seed: int, n_samples: int, rule: Rule) -> pd.DataFrame:
    severity = family.axis == "severity"
    if severity:
        first = float(family.return_period.min()) if family.onset is None else family.onset
        rate = 1.0 / first
    else:
        first, rate = np.nan, float(family.annual_rate.sum())
    counts = _generator(seed, "count", family.name).poisson(rate, years)
    n = int(counts.sum())
    # 1 - U lies in (0, 1]: a return period is never infinite.
    uniform = 1.0 - _generator(seed, "severity", family.name).random(n)
    if severity:
        period = first / uniform
        lower, upper, weight, beyond = locate_periods(family, period, rule)
    else:
        period, weight, beyond = np.full(n, np.nan), np.ones(n), np.zeros(n, dtype=bool)
        # Sorted by name, so that the order in which events are listed changes nothing.
        order = np.argsort(np.asarray(family.events, dtype=str), kind="stable")
        cumulative = np.cumsum(family.annual_rate[order])
        chosen = np.searchsorted(cumulative, (1.0 - uniform) * cumulative[-1], side="right")
        lower = upper = order[np.minimum(chosen, len(order) - 1)]
    return pd.DataFrame(
        {
            "year": np.repeat(np.arange(years), counts),
            "day": _generator(seed, "day", family.name).integers(1, 366, n),
            "family": np.full(n, family.name),
            "return_period": period,
            "lower": lower.astype(np.int64),
            "upper": upper.astype(np.int64),
            "weight": weight,
            "beyond": beyond,
            "sample": draw_samples(seed, family.name, n, n_samples),
        }
    )


def draw_samples(seed: int, family: str, n: int, n_samples: int) -> NDArray[np.int64]:
    """Return which of the samples tells what fails in each of `n` occurrences of a family."""
    return _generator(seed, "sample", family).integers(0, n_samples, n)


def locate_periods(
    family: EventFamily, period: NDArray[np.float64], rule: Rule
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Return between which two events of a severity axis return periods lie.

    Parameters
    ----------
    family : EventFamily
    period : (n,) float64, year
        From the first return period, or the onset, on.
    rule : {"trapezoid", "log_linear"}

    Returns
    -------
    lower, upper : (n,) intp
        Positions in the family; -1 for the onset, without loss.
    weight : (n,) float64
        Of `upper`; 1 minus it for `lower`.
    beyond : (n,) bool
        Rarer than the rarest event, which is held.
    """
    order = np.argsort(family.return_period)
    points = family.return_period[order]
    position = order.astype(np.intp)
    if family.onset is not None:
        points = np.concatenate(([family.onset], points))
        position = np.concatenate((np.array([-1], dtype=np.intp), position))
    last = len(points) - 1
    below = np.searchsorted(points, period, side="right") - 1
    beyond = period > points[last]
    held = below >= last
    below = np.clip(below, 0, max(0, last - 1))
    above = np.minimum(below + 1, last)
    with np.errstate(invalid="ignore", divide="ignore"):
        if rule == "trapezoid":
            weight = (1.0 / points[below] - 1.0 / period) / (1.0 / points[below] - 1.0 / points[above])
        else:
            weight = np.log(period / points[below]) / np.log(points[above] / points[below])
    lower = np.where(held, position[last], position[below])
    upper = np.where(held, position[last], position[above])
    return lower, upper, np.where(held, 1.0, weight), beyond
