"""Fewer samples for rare losses: strata, their best sizes, and samples drawn where losses are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.risk.standard_errors import sample_error


class Weighted(NamedTuple):
    """A mean over weighted samples.

    Parameters
    ----------
    mean, standard_error : float
    weight_mean, weight_standard_error : float
        Of the weights themselves: 1 within its error, or samples were drawn from another distribution than was said.
    effective_samples : float
        How many samples of equal weight tell as much of the weights: ``sum(w)^2 / sum(w^2)``.
    """

    mean: float
    standard_error: float
    weight_mean: float
    weight_standard_error: float
    effective_samples: float


class Stratified(NamedTuple):
    """A mean over strata.

    Parameters
    ----------
    mean, standard_error : float
    """

    mean: float
    standard_error: float


def importance_mean(values: ArrayLike, log_ratio: ArrayLike) -> Weighted:
    """Return the mean under one distribution of samples that were drawn from another.

    Parameters
    ----------
    values : (n,) array_like of float
        At the samples drawn.
    log_ratio : (n,) array_like of float
        Logarithm of the density wanted over the density drawn from, at the same samples.

    Raises
    ------
    DataError
        Arrays of other lengths, fewer than two samples, or values that are missing.

    Notes
    -----
    ``mean(w x)`` with ``w = exp(log_ratio)``, without bias; the standard error is that of the products.

    Examples
    --------
    P(Z > 4) = 3.167e-5 from 10,000 numbers about 4: their ratio of densities is exp(8 - 4 z).

    >>> z = np.random.default_rng(1).normal(4.0, 1.0, 10_000)
    >>> found = importance_mean(z > 4.0, 8.0 - 4.0 * z)
    >>> round(found.mean / 3.167124e-5, 1), found.standard_error < 0.03 * found.mean
    (1.0, True)
    """
    x, ratio = np.asarray(values, dtype=np.float64), np.asarray(log_ratio, dtype=np.float64)
    problems = Problems()
    if x.ndim != 1 or x.shape != ratio.shape or x.size < 2:
        problems.add(
            "values, log_ratio",
            wanted="as many of both, two or more in one row",
            got=f"shapes {x.shape} and {ratio.shape}",
        )
    missing = int(np.isnan(x).sum() + np.isnan(ratio).sum() + np.isposinf(ratio).sum())
    if missing:
        problems.add("values, log_ratio", wanted="numbers", got="missing or infinite ones", count=missing)
    problems.raise_if_any(DataError)
    weight = np.exp(ratio)
    drawn = weight * x
    return Weighted(
        float(drawn.mean()), float(sample_error(drawn)), float(weight.mean()), float(sample_error(weight)),
        float(weight.sum() ** 2 / np.square(weight).sum()) if weight.any() else 0.0,
    )  # fmt: skip


def stratified_mean(values: Sequence[ArrayLike], weights: ArrayLike) -> Stratified:
    """Return the weighted mean of samples that were drawn stratum by stratum.

    Parameters
    ----------
    values : sequence of (n_h,) array_like of float
        Of each stratum, e.g. the bands between return periods.
    weights : (n_stratum,) array_like of float
        Probability, or rate, of each.

    Raises
    ------
    DataError
        Other numbers of strata and weights, strata of fewer than two samples, missing values, negative weights.

    Notes
    -----
    ``sum w_h mean_h`` with the standard error ``sqrt(sum w_h^2 s_h^2 / n_h)``.

    Examples
    --------
    >>> stratified_mean([[0.0, 0.0], [1.0, 3.0]], [0.9, 0.1])
    Stratified(mean=0.2, standard_error=0.1)
    """
    weight = np.asarray(weights, dtype=np.float64)
    strata = [np.asarray(one, dtype=np.float64) for one in values]
    problems = Problems()
    if weight.shape != (len(strata),):
        problems.add("weights", wanted=f"one for each of {len(strata)} strata", got=f"shape {weight.shape}")
    if (small := [str(h) for h, one in enumerate(strata) if one.ndim != 1 or one.size < 2]) or not strata:
        problems.add(
            "values", wanted="strata of two samples or more", got="smaller ones", count=len(small), first=small
        )
    if (gaps := sum(int(np.isnan(one).sum()) for one in strata)) or not (weight >= 0.0).all():
        problems.add("values, weights", wanted="numbers, and weights >= 0", got="others", count=max(gaps, 1))
    problems.raise_if_any(DataError)
    means = np.array([one.mean() for one in strata])
    errors = np.array([sample_error(one) for one in strata])
    return Stratified(float((weight * means).sum()), float(np.sqrt(np.square(weight * errors).sum())))


def neyman_allocation(weights: ArrayLike, spreads: ArrayLike, *, samples: int) -> NDArray[np.int64]:
    """Return how many of a number of samples each stratum should have, so that the error of the mean is least.

    Parameters
    ----------
    weights : (n_stratum,) array_like of float
        Probability, or rate, of each.
    spreads : (n_stratum,) array_like of float
        Standard deviation within each, e.g. of a first small run.
    samples : int
        Two at least for each stratum with a weight.

    Returns
    -------
    (n_stratum,) int64
        Adds up to `samples`; 0 where the weight is 0, else two or more, so that every spread can be told.

    Raises
    ------
    DataError
        Weights or spreads that are negative or missing, all weights 0, too few samples.

    Notes
    -----
    ``n_h ~ w_h s_h`` (Neyman 1934), in whole numbers by largest remainder. Equal spreads where none is above 0.

    Examples
    --------
    Common floods that take nothing need no samples beyond the two that show it.

    >>> neyman_allocation([0.9, 0.09, 0.01], [0.0, 100.0, 1000.0], samples=1000).tolist()
    [2, 473, 525]
    """
    weight, spread = np.asarray(weights, dtype=np.float64), np.asarray(spreads, dtype=np.float64)
    problems = Problems()
    if weight.ndim != 1 or weight.shape != spread.shape:
        problems.add(
            "weights, spreads", wanted="one of both for each stratum", got=f"{weight.shape} and {spread.shape}"
        )
        problems.raise_if_any(DataError)
    for name, one in (("weights", weight), ("spreads", spread)):
        wrong = ~(np.isfinite(one) & (one >= 0.0))
        if wrong.any():
            problems.add(name, wanted="finite numbers >= 0", got="others", count=int(wrong.sum()), total=one.size)
    least = np.where(weight > 0.0, 2, 0)
    if not least.any():
        problems.add("weights", wanted="one above 0", got="none")
    if samples < least.sum():
        problems.add("samples", wanted=f"{int(least.sum())} or more, two for each stratum", got=str(samples))
    problems.raise_if_any(DataError)
    share = weight * spread if (weight * spread).any() else weight
    # Who would get fewer than two gets two; the others divide what is left.
    free = weight > 0.0
    while True:
        left = samples - int(least[~free].sum())
        ideal = np.where(free, share, 0.0) * (left / share[free].sum())
        poor = free & (ideal < least)
        if not poor.any():
            break
        free &= ~poor
    count = np.where(free, np.floor(ideal), least).astype(np.int64)
    rest = samples - int(count.sum())
    order = np.argsort(-(ideal - np.floor(ideal)), kind="stable")
    count[order[:rest]] += 1
    return count
