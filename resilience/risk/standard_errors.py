"""Standard errors of means and of ratios of means, from samples or from their running sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

NORMAL = 1.96
"""Half-width of a 95 % interval in standard errors."""


def sample_error(values: ArrayLike) -> Any:
    """Return the standard error of the mean of samples along the last axis.

    Parameters
    ----------
    values : (..., n_sample) array_like of float

    Returns
    -------
    (...) float64
        ``s / sqrt(n)`` with s from n - 1; exactly 0 where all samples are equal, NaN for one sample.

    Examples
    --------
    >>> sample_error([[1.0, 2.0, 3.0], [0.1, 0.1, 0.1]]).round(9).tolist()
    [0.577350269, 0.0]
    """
    each = np.asarray(values, dtype=np.float64)
    return sample_spread(each) / np.sqrt(each.shape[-1])


def sample_spread(values: ArrayLike) -> Any:
    """Return the standard deviation of samples along the last axis, from n - 1, as :func:`sample_error` takes it."""
    each = np.asarray(values, dtype=np.float64)
    if each.shape[-1] < 2:
        return np.full(each.shape[:-1], np.nan)[()]
    # The rounded mean of equal samples is not their value: their spread would be one of rounding.
    equal = each.min(axis=-1) == each.max(axis=-1)
    return np.where(equal, 0.0, each.std(axis=-1, ddof=1))[()]


def ratio_residual(numerator: Floats, ratio: Floats, denominator: Floats) -> Floats:
    """Return what a ratio of means leaves of each sample, whose spread over the mean denominator is its error.

    Parameters
    ----------
    numerator, denominator : (..., n_sample) float64
    ratio : (...) float64
        NaN counts as 0.

    Notes
    -----
    Samples that all have the ratio leave nothing; rounding is not taken for a spread.

    Examples
    --------
    >>> ratio_residual(np.array([0.3, 0.6]), np.array(0.1), np.array([3.0, 6.0])).tolist()
    [0.0, 0.0]
    """
    expected = np.nan_to_num(ratio)[..., np.newaxis] * denominator
    return np.where(np.isclose(numerator, expected, rtol=1e-12, atol=0.0), 0.0, numerator - expected)


def standard_error(total: ArrayLike, total_of_squares: ArrayLike, n: ArrayLike) -> Any:
    """Return the standard error of a mean from running sums.

    Parameters
    ----------
    total, total_of_squares : array_like of float
        Sum of the values and of their squares.
    n : array_like of int
        Number of values.

    Returns
    -------
    float64 array
        ``s / sqrt(n)`` with s from n - 1; NaN where n < 2.

    Notes
    -----
    The difference of sums loses digits where the spread is far below the mean: below about 1e-8 of it the result is
    rounding. It is never negative.

    Examples
    --------
    >>> round(float(standard_error(6.0, 14.0, 3)), 9)  # 1, 2, 3
    0.577350269
    """
    number = np.asarray(n, dtype=np.float64)
    spread = sample_variance(total, total_of_squares, number)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(spread / number)


def sample_variance(total: ArrayLike, total_of_squares: ArrayLike, n: ArrayLike) -> Any:
    """Return the unbiased variance from running sums; NaN where n < 2."""
    first = np.asarray(total, dtype=np.float64)
    second = np.asarray(total_of_squares, dtype=np.float64)
    number = np.asarray(n, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.maximum(second - first * (first / number), 0.0) / (number - 1.0)
    return np.where(number >= 2.0, spread, np.nan)[()]
