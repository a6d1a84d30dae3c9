"""Repair models fitted to an observed recovery: a calibration, not a validation."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from resilience.errors import DataError, Problem
from resilience.repair_times import RepairTime


class RecoveryFit(NamedTuple):
    """A fitted model.

    Parameters
    ----------
    repair_time : RepairTime
        Its distribution function is the share restored over time; its mean is the area lost.
    squared_error : float
        Sum over the points.
    """

    repair_time: RepairTime
    squared_error: float


def fit_recovery(
    time: ArrayLike, share: ArrayLike, *, distribution: Literal["lognormal", "exponential"] = "lognormal"
) -> RecoveryFit:
    """Return the distribution of repair times whose distribution function is nearest to an observed recovery.

    Parameters
    ----------
    time : (n,) array_like of float, h
        After the event, increasing; a point at 0 says nothing and is left out.
    share : (n,) array_like of float
        Restored, in [0, 1], never decreasing.
    distribution : {"lognormal", "exponential"}

    Raises
    ------
    DataError
        Points that do not fit, or fewer than parameters and one.

    Notes
    -----
    Least squares in the share, every point counts the same. What is found describes this recovery, with the crews and
    orders it had. It is a start for `duration` in a model with enough crews, and no test of one.

    Examples
    --------
    >>> from resilience.datasets import load_recovery
    >>> seen = load_recovery("nirs_2025")
    >>> fit = fit_recovery(seen["time"], seen["share"])
    >>> {name: round(value, 2) for name, value in fit.repair_time.parameters.items()}
    {'median': 457.45, 'beta': 0.68}
    """
    t, s = np.asarray(time, dtype=np.float64), np.asarray(share, dtype=np.float64)
    wanted = "increasing hours from 0 and shares in [0, 1] that never decrease, one for each"
    if t.ndim != 1 or t.shape != s.shape:
        raise DataError(Problem("recovery", wanted, f"shapes {t.shape} and {s.shape}"))
    ordered = np.all(np.diff(t) > 0.0) and np.all(np.diff(s) >= 0.0)
    if not (ordered and np.all((t >= 0.0) & np.isfinite(t)) and np.all((s >= 0.0) & (s <= 1.0))):
        raise DataError(Problem("recovery", wanted, "others"))
    t, s = t[t > 0.0], s[t > 0.0]
    if t.size < 3:
        raise DataError(Problem("recovery", "at least 3 points after 0", f"{t.size}"))

    def model(logs: np.ndarray) -> RepairTime:
        values = np.exp(np.clip(logs, -16.0, 16.0))
        if distribution == "exponential":
            return RepairTime("fitted", 1, "exponential", {"mean": values[0]})
        return RepairTime("fitted", 1, "lognormal", {"median": values[0], "beta": values[1]})

    start = [math.log(float(np.interp(0.5, s, t))), math.log(0.7)]
    found = least_squares(
        lambda logs: model(logs).cdf(t) - s, start[: 1 if distribution == "exponential" else 2], xtol=1e-12, ftol=1e-12
    )
    return RecoveryFit(model(found.x), float(2.0 * found.cost))
