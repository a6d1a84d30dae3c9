"""A severity axis: maps of one peril by return period, of which the rarer is nowhere the milder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, DataError, Problem, Problems


def check_return_periods(periods: NDArray[np.float64]) -> list[Problem]:
    """Return what is wrong with the return periods (event,) of a severity axis, in years.

    Examples
    --------
    >>> [str(problem) for problem in check_return_periods(np.array([10.0, 0.5, 10.0]))]
    ['return_periods: 1 of 3 values are not at least 1 year (first: 0.5); wanted: years, 1 or more', \
'return_periods: 1 of 3 repeated values (first: 10); wanted: every return period once']
    """
    problems = Problems()
    bad = ~(np.isfinite(periods) & (periods >= 1.0))
    if bad.any():
        problems.add(
            "return_periods",
            wanted="years, 1 or more",
            got="values are not at least 1 year",
            count=int(bad.sum()),
            total=periods.size,
            first=[f"{value:g}" for value in periods[bad]],
        )
    values, counts = np.unique(periods[~bad], return_counts=True)
    if (counts > 1).any():
        problems.add(
            "return_periods",
            wanted="every return period once",
            got="repeated values",
            count=int((counts - 1).sum()),
            total=periods.size,
            first=[f"{value:g}" for value in values[counts > 1]],
        )
    return list(problems)


def repair_monotone(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return intensities that never fall with the return period, and how many places violated it.

    Parameters
    ----------
    values : (event, ...) float32
        Events by ascending return period. NaN stays NaN and does not break the running maximum; where no data means
        dry, put 0 before.

    Returns
    -------
    values : (event, ...) float32
        Running maximum over the events. The input itself if nothing was wrong with it.
    n_violations : int
        Places (cells, assets) with at least one fall.

    Examples
    --------
    >>> values, n = repair_monotone(np.array([[0.5, 0.0], [0.3, np.nan], [0.9, 0.1]], dtype=np.float32))
    >>> values.tolist(), n
    ([[0.5, 0.0], [0.5, nan], [0.8999999761581421, 0.10000000149011612]], 1)
    """
    highest = np.fmax.accumulate(values, axis=0)
    fallen = values < highest
    if not fallen.any():
        return values, 0
    repaired = np.where(np.isnan(values), values, highest)
    return repaired, int(np.count_nonzero(fallen.any(axis=0)))


def interpolate_severity(
    values: NDArray[np.floating],
    return_periods: NDArray[np.float64],
    at: float,
    *,
    onset: float | None = None,
    below: float = 0.0,
) -> NDArray[np.float64]:
    """Return the intensity at return period `at`.

    Parameters
    ----------
    values : (event, ...) floating
        Intensity at each return period; NaN (no data) at a neighbour of `at` gives NaN.
    return_periods : (event,) float64, year
        In any order, each once.
    at : float, year
    onset : float, year, optional
        Return period, below the first one, at which the intensity begins to rise from `below`.
    below : float
        Intensity at the onset and more often: dry for a flood.

    Returns
    -------
    (...) float64

    Raises
    ------
    ConfigurationError
        `at` or `onset` is not a return period of the kind wanted.
    DataError
        The return periods are not distinct years >= 1.

    Notes
    -----
    ``d(T) = d_k + (d_k+1 - d_k) ln(T / T_k) / ln(T_k+1 / T_k)`` between two return periods: dry at T_k and wet at T_k+1
    rises from 0 at T_k, which is on the safe side. More often than the first: `below`, or from `below` at the onset.
    Rarer than the last: the last is held, and the probability 1 / T_n is truncated.

    Examples
    --------
    >>> interpolate_severity(np.array([0.4, 1.0]), np.array([10.0, 100.0]), 50.0).round(7)
    np.float64(0.819382)
    """
    problems = Problems()
    problems.extend(check_return_periods(return_periods))
    if len(values) != len(return_periods):
        problems.add("return_periods", wanted=f"one per event ({len(values):,})", got=f"{len(return_periods)}")
    problems.raise_if_any(DataError)
    if not (np.isfinite(at) and at >= 1.0):
        problems.add("return period", wanted="years, 1 or more", got=f"{at:g}")
    first = float(np.min(return_periods))
    problems.extend(check_onset(onset, first))
    problems.raise_if_any(ConfigurationError)

    order = np.argsort(return_periods)
    periods = return_periods[order]
    upper = int(np.searchsorted(periods, at, side="left"))
    if upper == len(periods):
        return np.asarray(values[order[-1]], dtype=np.float64)
    at_upper = np.asarray(values[order[upper]], dtype=np.float64)
    if periods[upper] == at:
        return at_upper
    if upper == 0:
        start = np.nan if onset is None else float(onset)
        if onset is None or at <= start:
            return np.where(np.isnan(at_upper), np.nan, below)
        at_lower = np.full_like(at_upper, below)
    else:
        start = float(periods[upper - 1])
        at_lower = np.asarray(values[order[upper - 1]], dtype=np.float64)
    share = np.log(at / start) / np.log(periods[upper] / start)
    return np.asarray(at_lower + (at_upper - at_lower) * share, dtype=np.float64)


def check_onset(onset: float | None, first: float) -> list[Problem]:
    """Return what is wrong with the onset of a severity axis whose most frequent return period is `first`, in years."""
    if onset is None or (np.isfinite(onset) and 1.0 <= onset < first):
        return []
    wanted = f"years from 1 to below the most frequent return period, {first:g}"
    return [Problem("onset", wanted, f"{onset:g}")]
