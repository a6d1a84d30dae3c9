"""What is lost once in so many years, and in the years beyond: value at risk and tail value at risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.kernels.risk import average_tails
from resilience.risk.exceedance import check_losses
from resilience.risk.intervals import (
    check_share,
    percentile_interval,
    quantile_rank,
    quantile_ranks,
    random_generator,
)

Floats = NDArray[np.float64]


def value_at_risk(values: ArrayLike, probability: float) -> float:
    """Return the smallest of `values` that is not exceeded with at least `probability`.

    Parameters
    ----------
    values : (n,) array_like
        E.g. yearly losses; gains may be negative.
    probability : float
        .99 for the loss of 100 years.

    Notes
    -----
    ``VaR_a = inf {x : P(X <= x) >= a}``.

    Examples
    --------
    >>> value_at_risk([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    row = _row(values)
    check_share(probability, "probability")
    kept = row.size - 1 - quantile_rank(row.size, 1.0 - probability)
    return float(np.partition(row, kept)[kept])


def tail_value_at_risk(values: ArrayLike, probability: float) -> float:
    """Return the mean of the worst ``1 - probability`` of `values`.

    Notes
    -----
    ``TVaR_a = 1/(1-a) integral_a^1 VaR_u du``: where n (1 - a) is not whole, the value at risk itself counts with the
    remaining part, so the measure is coherent and never below the value at risk.

    Examples
    --------
    >>> tail_value_at_risk([1.0, 2.0, 3.0, 4.0], 0.5)
    3.5
    >>> tail_value_at_risk([1.0, 2.0, 3.0, 4.0], 0.625)
    3.6666666666666665
    """
    row = _row(values)
    exceedance = 1.0 - check_share(probability, "probability")
    kept = row.size - 1 - quantile_rank(row.size, exceedance)
    parted = np.partition(row, kept)
    return float(_tail_mean(np.sort(parted[kept:])[::-1], row.size, exceedance))


def _row(values: ArrayLike) -> Floats:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or row.size == 0 or np.isnan(row).any():
        problems = Problems()
        problems.add("values", wanted="one row of numbers, none missing", got=f"shape {row.shape} or NaN")
        problems.raise_if_any(DataError)
    return row


def _tail_mean(largest: Floats, n: int, exceedance: float) -> float:
    """Mean of the worst share of n values, of which the `largest` are given in descending order."""
    above = quantile_rank(n, exceedance)
    mass = max(n * exceedance, 1e-300)
    rest = max(mass - above, 0.0)
    return float((largest[:above].sum() + rest * largest[above]) / (above + rest))


class TailRisk(NamedTuple):
    """What is lost at return periods and beyond, with intervals; each field (return_period,) float64.

    Parameters
    ----------
    return_period : years
    value, low, high : the loss exceeded once in so many years on average; its interval from order statistics.
        `high` is infinite, or `low` 0, where the years are too few to bound it.
    tail_value, tail_low, tail_high : mean of the years beyond; percentile bootstrap over years.
    n_years, replicates, confidence : what the intervals rest on.
    """

    return_period: Floats
    value: Floats
    low: Floats
    high: Floats
    tail_value: Floats
    tail_low: Floats
    tail_high: Floats
    n_years: int
    replicates: int
    confidence: float


def tail_risk(
    yearly: ArrayLike,
    return_periods: ArrayLike,
    *,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> TailRisk:
    """Return value at risk and tail value at risk of yearly losses at return periods, with intervals.

    Parameters
    ----------
    yearly : (n_year,) array_like
        Largest (occurrence) or summed (aggregate) loss of each year of a catalogue.
    return_periods : (n,) array_like, year
        Each above 1 and at most the number of years.
    confidence : float
    replicates : int
        Of the bootstrap over years.
    seed : int

    Returns
    -------
    TailRisk

    Raises
    ------
    DataError
        A return period is longer than the catalogue, losses are negative or missing, or there are fewer than two
        replicates.

    Notes
    -----
    The interval of the value needs no bootstrap: how many of n years exceed the true value is Binomial(n, 1/T). The
    bootstrap of the tail mean draws only years that can reach the tail: how many of the n draws fall among the k
    largest is Binomial(n, k/n), and those are uniform among them. O(n log n + replicates n / T). The same seed gives
    the same interval with the same version of NumPy.

    Examples
    --------
    >>> found = tail_risk(np.arange(1000.0), [10.0])
    >>> found.value, found.low, found.high, found.tail_value
    (array([899.]), array([880.]), array([918.]), array([949.5]))
    """
    return _tail_risks(
        [np.asarray(yearly, dtype=np.float64)], return_periods, confidence=confidence, replicates=replicates, seed=seed
    )[0]


def _tail_risks(
    rows: Sequence[Floats], return_periods: ArrayLike, *, confidence: float, replicates: int, seed: int
) -> list[TailRisk]:
    """Return the tail risk of every row of yearly losses, all of the same years.

    The redrawn years depend on the seed and the number of years alone, so they are drawn once for all rows.
    """
    losses = [check_losses(row, subject="yearly losses") for row in rows]
    periods = np.atleast_1d(np.asarray(return_periods, dtype=np.float64))
    n = losses[0].size
    problems = Problems()
    wrong = ~((periods > 1.0) & (periods <= n))
    if wrong.any():
        problems.add(
            "return_periods",
            wanted=f"more than 1 and at most the {n:,} years of the catalogue; draw more years for longer ones",
            got="outside",
            count=int(wrong.sum()),
            total=periods.size,
            first=periods[wrong],
        )
    if replicates < 2:
        problems.add("replicates", wanted="2 or more; 1,000 is usual", got=str(replicates))
    problems.raise_if_any(DataError)
    largest = np.sort(np.stack(losses))[:, ::-1]
    shares = 1.0 / periods
    drawn = _redraw_tails(largest, shares, replicates, random_generator(seed, "bootstrap over years"))
    tail_low, tail_high = percentile_interval(drawn, confidence=confidence)
    ranks = [quantile_rank(n, float(share)) for share in shares]
    bounds = [quantile_ranks(n, float(share), confidence=confidence) for share in shares]
    found = []
    for number, row in enumerate(largest):
        value = np.array([row[rank] for rank in ranks])
        low = np.array([row[rank - 1] if rank <= n else 0.0 for rank, _ in bounds])
        high = np.array([row[rank - 1] if rank >= 1 else np.inf for _, rank in bounds])
        tail = np.array([_tail_mean(row, n, float(share)) for share in shares])
        ends = tail_low[number], tail_high[number]
        found.append(TailRisk(periods, value, low, high, tail, *ends, n, replicates, confidence))
    return found


def _redraw_tails(largest: Floats, exceedance: Floats, replicates: int, generator: np.random.Generator) -> Floats:
    """Return the tail means (replicate, row, return period) of redrawn years; each row in descending order."""
    n = largest.shape[1]
    needed = quantile_rank(n, float(exceedance.max())) + 1
    # With ten standard deviations to spare a replicate practically never lacks years for its tail.
    reach = min(n, int(needed + 10.0 * needed**0.5) + 100)
    above = np.array([quantile_rank(n, float(share)) for share in exceedance], dtype=np.int64)
    rest = np.maximum(n * exceedance - above, 0.0)
    # The years of one rank side by side: every redrawn year is added to all rows at once.
    candidates = np.ascontiguousarray(largest[:, :reach].T)
    count = np.empty(reach, dtype=np.int64)
    out = np.empty((replicates, exceedance.size, largest.shape[0]))
    order = np.argsort(above, kind="stable")
    for replicate in range(replicates):
        among = n if reach == n else max(needed, int(generator.binomial(n, reach / n)))
        average_tails(generator.integers(0, reach, among), candidates, above, rest, order, count, out[replicate])
    return out.transpose(0, 2, 1)


def catalogue_risk(
    years: xr.Dataset,
    return_periods: ArrayLike,
    *,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Return occurrence and aggregate losses of return periods, and the mean year, from a catalogue.

    Parameters
    ----------
    years : xarray.Dataset
        `yearly_maximum` and `yearly_sum` (year, ...), from :func:`resilience.risk.yearly_losses`.
    return_periods : (n,) array_like, year
    confidence, replicates, seed
        See :func:`tail_risk`.

    Returns
    -------
    xarray.Dataset
        `occurrence_value`, `occurrence_tail_value` (..., return_period) from the largest loss of each year, and
        `aggregate_value`, `aggregate_tail_value` from the sum, each with `_low` and `_high`; `yearly_mean`,
        `yearly_standard_deviation` and `yearly_standard_error` (...) of the sum.

    Raises
    ------
    DataError
        See :func:`tail_risk`, or `years` lacks a variable.

    Notes
    -----
    The intervals take years as independent. They are, as far as the hazard goes; but a catalogue much longer than the
    number of samples meets the same samples again, and its intervals then leave out what those few samples miss.

    Examples
    --------
    >>> years = xr.Dataset({name: ("year", np.arange(100.0)) for name in ("yearly_maximum", "yearly_sum")})
    >>> found = catalogue_risk(years, [10.0], replicates=100)
    >>> found.aggregate_value.item(), found.aggregate_tail_value.item()
    (89.0, 94.5)
    """
    problems = Problems()
    for name in ("yearly_maximum", "yearly_sum"):
        if name not in years or "year" not in years[name].dims:
            problems.add(f"years.{name}", wanted="losses with a dimension year", got="absent")
    problems.raise_if_any(DataError)
    periods = np.atleast_1d(np.asarray(return_periods, dtype=np.float64))
    total = years["yearly_sum"].transpose(..., "year")
    rest = total.dims[:-1]
    *shape, n_year = total.shape
    n_row = math.prod(shape)
    unit = {"units": str(total.attrs["units"])} if total.attrs.get("units") else {}
    coords = {name: coord for name, coord in total.coords.items() if coord.dims and "year" not in coord.dims}
    attrs = {"n_years": n_year, "replicates": replicates, "confidence": confidence}
    found: dict[str, Any] = {}
    curves = {"occurrence": "yearly_maximum", "aggregate": "yearly_sum"}
    losses = [
        row
        for name in curves.values()
        for row in np.asarray(years[name].transpose(*rest, "year").values, dtype=np.float64).reshape(-1, n_year)
    ]
    risks = _tail_risks(losses, periods, confidence=confidence, replicates=replicates, seed=seed) if losses else []
    for number, curve in enumerate(curves):
        rows = risks[number * n_row : (number + 1) * n_row]
        for field in ("value", "tail_value"):
            for end, source in (("", field), ("_low", _end(field, "low")), ("_high", _end(field, "high"))):
                stacked = np.array([getattr(one, source) for one in rows]).reshape(*shape, periods.size)
                found[f"{curve}_{field}{end}"] = ((*rest, "return_period"), stacked, unit)
    spread = total.std("year", ddof=1, skipna=False)
    for name, array in (
        ("yearly_mean", total.mean("year", skipna=False)),
        ("yearly_standard_deviation", spread),
        ("yearly_standard_error", spread / np.sqrt(n_year)),
    ):
        found[name] = (rest, array.values, {"units": f"{unit['units']}/year"} if unit else {})
    return xr.Dataset(found, coords={**coords, "return_period": periods}, attrs=attrs)


def _end(field: str, side: str) -> str:
    return side if field == "value" else f"tail_{side}"
