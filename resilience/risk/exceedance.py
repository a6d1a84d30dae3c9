"""How often a loss is exceeded: by one event (occurrence) and by a year's events together (aggregate).

Two roads lead here. Losses with annual rates give the rate of exceedance directly. A catalogue of years gives the
largest and the summed loss of each year (:mod:`resilience.risk.yearly`), and from them the occurrence and the
aggregate curve. Years are independent, events of one year are not, so all intervals count years.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.kernels.risk import accumulate_exceedance
from resilience.risk.intervals import (
    Interval,
    wilson_interval,
)

Floats = NDArray[np.float64]


class ExceedanceCurve(NamedTuple):
    """Losses and how often a year brings at least as much.

    Parameters
    ----------
    loss : (n,) float64
        In ascending order.
    frequency : (n,) float64, 1/year
        Rate of losses at least as large.
    """

    loss: Floats
    frequency: Floats


def check_losses(values: ArrayLike, *, subject: str = "losses") -> Floats:
    """Return `values` as one row of numbers.

    Raises
    ------
    DataError
        There are none, they have more than one dimension, or some are negative, infinite or missing.
    """
    problems = Problems()
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or row.size == 0:
        problems.add(subject, wanted="one row of losses, at least one", got=f"shape {row.shape}")
        problems.raise_if_any(DataError)
    # One pass for what is nearly always true: NaN fails both comparisons.
    if not (row.min() >= 0.0 and row.max() < np.inf):
        wrong = ~((row >= 0.0) & (row < np.inf))
        problems.add(
            subject,
            wanted="finite losses, >= 0",
            got="negative, infinite or missing",
            count=int(wrong.sum()),
            total=row.size,
            first=row[wrong][:3],
        )
    problems.raise_if_any(DataError)
    return row


def exceedance_curve(losses: ArrayLike, *, rates: ArrayLike) -> ExceedanceCurve:
    """Return how often each loss is reached or exceeded, from losses with annual rates.

    Parameters
    ----------
    losses : (n,) array_like
        E.g. every (event, sample) total of a family of distinct events.
    rates : (n,) array_like, 1/year, or a number for all
        E.g. the event's rate over its number of samples; 1 / years for yearly losses.

    Returns
    -------
    ExceedanceCurve
        One point per loss; equal losses have equal frequencies.

    Raises
    ------
    DataError
        Losses are negative or missing, or the rates do not fit or are negative.

    Notes
    -----
    O(n log n); rates of equal losses are added in the order given, so the result does not depend on the machine.

    Examples
    --------
    >>> exceedance_curve([5.0, 1.0, 5.0], rates=[0.1, 0.5, 0.1]).frequency
    array([0.7, 0.2, 0.2])
    """
    loss = check_losses(losses)
    rate: Floats = np.asarray(rates, dtype=np.float64)
    problems = Problems()
    if rate.ndim and rate.shape != loss.shape:
        problems.add("rates", wanted=f"one rate for all or {loss.size} of them", got=f"shape {rate.shape}")
    elif not (rate.min() >= 0.0 and rate.max() < np.inf):
        problems.add("rates", wanted="finite numbers per year, >= 0", got="negative, infinite or missing")
    problems.raise_if_any(DataError)
    if rate.ndim == 0:
        ordered = np.sort(loss)
        # equal losses count from the first of their run
        first = np.searchsorted(ordered, ordered) if _has_ties(ordered) else np.arange(loss.size)
        return ExceedanceCurve(ordered, np.asarray((loss.size - first) * float(rate), dtype=np.float64))
    # A stable sort takes six times as long where vector units sort; equal losses are put in order below.
    order = np.argsort(loss)
    ordered = loss[order]
    frequency = np.empty(loss.size)
    accumulate_exceedance(ordered, rate, order, frequency)
    return ExceedanceCurve(ordered, frequency)


def _has_ties(ordered: Floats) -> bool:
    return bool((ordered[1:] == ordered[:-1]).any())


def exceedance_frequency(curve: ExceedanceCurve, thresholds: ArrayLike) -> Floats:
    """Return how often a year brings a loss above each of `thresholds`, 1/year.

    Parameters
    ----------
    curve : ExceedanceCurve
    thresholds : array_like of float
        In the unit of the losses.

    Examples
    --------
    >>> exceedance_frequency(exceedance_curve([1.0, 5.0], rates=[0.5, 0.1]), [0.0, 1.0, 5.0])
    array([0.6, 0.1, 0. ])
    """
    position = np.searchsorted(curve.loss, np.asarray(thresholds, dtype=np.float64), side="right")
    return np.append(curve.frequency, 0.0)[position]


def occurrence_probability(frequency: ArrayLike) -> Floats:
    """Return the probability of at least one event in a year, from the annual rate of such events.

    Notes
    -----
    ``OEP = 1 - exp(-rate)`` for events that come independently (Poisson).

    Examples
    --------
    >>> round(float(occurrence_probability(0.2)), 6)
    0.181269
    """
    return np.asarray(-np.expm1(-np.asarray(frequency, dtype=np.float64)), dtype=np.float64)


def exceedance_probability(yearly: ArrayLike, thresholds: ArrayLike, *, confidence: float = 0.95) -> tuple[
    Floats, Interval
]:  # fmt: skip
    """Return the share of years with a loss above each of `thresholds`, and its interval (Wilson).

    Parameters
    ----------
    yearly : (n_year,) array_like
        Largest loss of each year for the occurrence curve (OEP), summed loss for the aggregate one (AEP).
    thresholds : array_like
    confidence : float

    Raises
    ------
    DataError
        Losses are negative or missing.

    Examples
    --------
    >>> share, interval = exceedance_probability([0.0, 0.0, 3.0, 9.0], [3.0])
    >>> share, interval.low.round(3), interval.high.round(3)
    (array([0.25]), array([0.046]), array([0.699]))
    """
    ordered = np.sort(check_losses(yearly, subject="yearly losses"))
    above = ordered.size - np.searchsorted(ordered, np.asarray(thresholds, dtype=np.float64), side="right")
    return np.asarray(above / ordered.size, dtype=np.float64), wilson_interval(
        above, ordered.size, confidence=confidence
    )


def encounter_probability(return_period: ArrayLike, years: ArrayLike) -> Floats:
    """Return the probability that the event of a return period comes at least once within `years`.

    Parameters
    ----------
    return_period, years : array_like of float, years

    Notes
    -----
    ``1 - (1 - 1/T)^n``: one trial per year, years independent.

    Examples
    --------
    >>> round(float(encounter_probability(100.0, 30.0)), 6)
    0.2603
    """
    chance = 1.0 / np.asarray(return_period, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.asarray(years, dtype=np.float64) * np.log1p(-chance)), dtype=np.float64)


def encountered_return_period(probability: ArrayLike, years: ArrayLike, *, arrivals: str = "yearly") -> Floats:
    """Return the return period met with `probability` at least once within `years`.

    Parameters
    ----------
    probability, years : array_like
    arrivals : {"yearly", "poisson"}
        One trial per year, or events at any time with rate 1/T.

    Raises
    ------
    DataError
        Another word for `arrivals`.

    Examples
    --------
    >>> round(float(encountered_return_period(0.1, 50.0)), 2)
    475.06
    >>> round(float(encountered_return_period(0.1, 50.0, arrivals="poisson")), 2)
    474.56
    """
    rate = -np.log1p(-np.asarray(probability, dtype=np.float64)) / np.asarray(years, dtype=np.float64)
    if arrivals == "yearly":
        return np.asarray(1.0 / -np.expm1(-rate), dtype=np.float64)
    if arrivals != "poisson":
        problems = Problems()
        problems.add("arrivals", wanted="yearly or poisson", got=repr(arrivals))
        problems.raise_if_any(DataError)
    return np.asarray(1.0 / rate, dtype=np.float64)
