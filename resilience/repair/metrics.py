"""How much, how deep and how long: measures of a loss of function and its recovery over time.

A course is given by its values at the times t_j, in hours from the event. As in the whole model, by default the value
at t_j holds on [t_j, t_j+1), the last until the `horizon`; all integrals of that step function are exact on any grid.
Observed courses, of which only points are known, are read with ``between="linear"``.

Quality is the share of function or of a service, in [0, 1]. Leading dimensions (sample, service, zone, ...) are kept;
with `weights`, the last dimension before time (zones, by persons) is averaged first. For a mean over samples take the
measure of each sample, then ``mean -+ z s / sqrt(n)`` (:func:`resilience.risk.intervals.mean_interval`).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems

Floats = NDArray[np.float64]
Between = Literal["step", "linear"]


class CustomerIndices(NamedTuple):
    """Interruptions as utilities report them (IEEE 1366).

    Parameters
    ----------
    saifi : float64 array
        Interruptions per customer.
    saidi : float64 array, h
        Time without supply per customer.
    caidi : float64 array, h
        Time per interruption; NaN where there is none.
    """

    saifi: Any
    saidi: Any
    caidi: Any


def integrate_course(
    time: ArrayLike, values: ArrayLike, *, horizon: float | None = None, between: Between = "step"
) -> Floats:
    """Return the integral over time of a course, up to the horizon.

    Parameters
    ----------
    time : (n_time,) array_like of float, h
        Strictly increasing.
    values : (..., n_time) array_like of float
    horizon : float, h, optional
        Where the last value ends to hold; the last time by default, so that the last value does not count.
    between : {"step", "linear"}

    Returns
    -------
    (...) float64
        Unit of the values times hours.

    Raises
    ------
    DataError
        Times that do not increase, a horizon before the last time, values that are no numbers, shapes that do not fit.

    Examples
    --------
    >>> integrate_course([0.0, 1.0, 5.0], [1.0, 0.5, 0.0], horizon=9.0)
    array(3.)
    """
    t, q, end = _course(time, values, horizon)
    if between == "step":
        return np.asarray(q @ np.diff(np.append(t, end)))
    inner = 0.5 * (q[..., 1:] + q[..., :-1]) @ np.diff(t)
    return np.asarray(inner + q[..., -1] * (end - t[-1]))


def resilience_loss(
    time: ArrayLike,
    quality: ArrayLike,
    *,
    horizon: float | None = None,
    intact: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    between: Between = "step",
) -> Floats:
    """Return the area between the intact and the actual quality, hours: ``integral max(0, Q_intact - Q) dt``.

    Parameters
    ----------
    time, horizon, between
        As in :func:`integrate_course`.
    quality : (..., n_time) array_like of float
    intact : array_like of float
        Quality without the event; broadcasts against `quality`.
    weights : (n,) array_like of float, optional
        Of the last dimension before time, which is averaged first.

    Returns
    -------
    (...) float64, h

    Notes
    -----
    Bruneau et al. (2003), doi:10.1193/1.1623497.

    Examples
    --------
    >>> print(resilience_loss([0.0, 10.0], [0.4, 1.0], horizon=20.0))
    6.0
    """
    return integrate_course(time, _lost(quality, intact, weights), horizon=horizon, between=between)


def resilience_index(
    time: ArrayLike,
    quality: ArrayLike,
    *,
    horizon: float | None = None,
    intact: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    between: Between = "step",
) -> Floats:
    """Return ``1 - resilience_loss / (horizon - time[0])``, in [0, 1].

    Parameters
    ----------
    time, horizon, between
        As in :func:`integrate_course`.
    quality : (..., n_time) array_like of float
    intact : array_like of float
        Quality without the event; broadcasts against `quality`.
    weights : (n,) array_like of float, optional
        Of the last dimension before time, which is averaged first.

    Returns
    -------
    (...) float64

    Examples
    --------
    >>> print(resilience_index([0.0, 10.0], [0.4, 1.0], horizon=20.0))
    0.7
    """
    t, _, end = _course(time, quality, horizon)
    loss = resilience_loss(time, quality, horizon=horizon, intact=intact, weights=weights, between=between)
    return np.asarray(1.0 - loss / (end - t[0]))


def robustness(quality: ArrayLike, *, weights: ArrayLike | None = None) -> Floats:
    """Return the least quality over time.

    Parameters
    ----------
    quality, weights
        As in :func:`resilience_loss`.

    Examples
    --------
    >>> print(robustness([0.9, 0.4, 1.0]))
    0.4
    """
    return np.asarray(_averaged(quality, weights).min(axis=-1))


def recovery_time(
    time: ArrayLike, quality: ArrayLike, *, level: float = 0.9, weights: ArrayLike | None = None
) -> Floats:
    """Return the time, hours after the first, from which quality is `level` or more for good.

    Parameters
    ----------
    time, quality, weights
        As in :func:`resilience_loss`.
    level : float

    Notes
    -----
    Of the step function: the first t_j from which on no value lies below. 0 where none ever does, infinite where the
    last one does. An early recovery that is lost again does not count.

    Examples
    --------
    >>> print(recovery_time([0.0, 6.0, 30.0], [0.2, 0.5, 1.0], level=0.5))
    6.0
    """
    q = _averaged(quality, weights)
    t, _, _ = _course(time, q, None)
    # 0.1 + 0.2 + 0.7 of a weighted mean must count as 1
    below = q < level - 1e-12
    last = q.shape[-1] - np.argmax(below[..., ::-1], axis=-1)
    after = np.append(t, np.inf) - t[0]
    return np.asarray(np.where(below.any(axis=-1), after[last], 0.0))


def rapidity(time: ArrayLike, quality: ArrayLike, *, level: float = 1.0, weights: ArrayLike | None = None) -> Floats:
    """Return the mean rate of recovery, 1/h: from the first time of least quality until `level` is reached for good.

    Parameters
    ----------
    time, quality, weights
        As in :func:`resilience_loss`.
    level : float

    Notes
    -----
    ``(Q(t_level) - min Q) / (t_level - t_min)``; 0 where the level is not reached, NaN where quality never was below.

    Examples
    --------
    >>> print(rapidity([0.0, 6.0, 30.0], [0.2, 0.5, 1.0], level=0.5).round(3))
    0.05
    """
    q = _averaged(quality, weights)
    t, _, _ = _course(time, q, None)
    reached = recovery_time(time, q, level=level)
    least = q.min(axis=-1)
    waited = reached - (t[np.argmin(q, axis=-1)] - t[0])
    place = np.minimum(np.searchsorted(t - t[0], reached), t.size - 1)
    there = np.take_along_axis(q, np.asarray(place)[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(np.isinf(reached), 0.0, (there - least) / waited)
    return np.asarray(np.where(reached == 0.0, np.nan, rate))


def person_hours_lost(
    time: ArrayLike,
    quality: ArrayLike,
    persons: ArrayLike,
    *,
    horizon: float | None = None,
    intact: ArrayLike = 1.0,
) -> Floats:
    """Return the person-hours without a service: ``sum_i N_i integral max(0, Q_intact - Q_i) dt``.

    Parameters
    ----------
    time, horizon, intact
        As in :func:`resilience_loss`.
    quality : (..., n_zone, n_time) array_like of float
    persons : (n_zone,) array_like of float

    Examples
    --------
    >>> print(person_hours_lost([0.0, 2.0], [[0.0, 1.0], [0.5, 1.0]], [100, 10], horizon=24.0))
    210.0
    """
    lost = _lost(quality, intact, None)
    return np.asarray(integrate_course(time, lost, horizon=horizon) @ _weights(persons, lost, "persons"))


def energy_not_served(time: ArrayLike, unserved: ArrayLike, *, horizon: float | None = None) -> Floats:
    """Return the energy not served, MWh, from unserved power in MW over time.

    Examples
    --------
    >>> print(energy_not_served([0.0, 1.5], [20.0, 0.0], horizon=24.0))
    30.0
    """
    return integrate_course(time, unserved, horizon=horizon)


def customer_indices(customers: ArrayLike, hours: ArrayLike, *, total: float) -> CustomerIndices:
    """Return SAIFI, SAIDI and CAIDI of a list of interruptions.

    Parameters
    ----------
    customers, hours : (n,) array_like of float
        Customers hit by each interruption and for how long.
    total : float
        Customers served.

    Raises
    ------
    DataError
        Negative numbers, or no customers at all.

    Examples
    --------
    >>> saifi, saidi, caidi = customer_indices([200, 50], [1.5, 4.0], total=1000)
    >>> print(saifi, saidi * 60, caidi * 60)
    0.25 30.0 120.0
    """
    hit, lasted = np.asarray(customers, dtype=np.float64), np.asarray(hours, dtype=np.float64)
    problems = Problems()
    if not (np.isfinite(total) and total > 0.0):
        problems.add("total", wanted="a number of customers above 0", got=f"{total:g}")
    for name, values in (("customers", hit), ("hours", lasted)):
        if not np.all(values >= 0.0):
            problems.add(
                name, wanted="numbers >= 0", got="others", count=int((~(values >= 0.0)).sum()), total=values.size
            )
    problems.raise_if_any(DataError)
    return _indices(hit.sum() / total, (hit * lasted).sum() / total)


def customer_indices_over_time(
    time: ArrayLike, quality: ArrayLike, customers: ArrayLike, *, horizon: float | None = None
) -> CustomerIndices:
    """Return SAIFI, SAIDI and CAIDI of the courses of zones.

    Parameters
    ----------
    time, horizon
        As in :func:`integrate_course`.
    quality : (..., n_zone, n_time) array_like of float
        Share of the zone's customers that are supplied.
    customers : (n_zone,) array_like of float

    Notes
    -----
    Each fall of the share interrupts so many customers; before the first time all are supplied. That customers take
    turns in the dark cannot be seen in a share.

    Examples
    --------
    >>> one = customer_indices_over_time([0.0, 2.0], [[0.5, 1.0], [1.0, 1.0]], [100.0, 100.0], horizon=4.0)
    >>> print(one.saifi, one.saidi, one.caidi)
    0.25 0.5 2.0
    """
    lost = _lost(quality, 1.0, None)
    weight = _weights(customers, lost, "customers")
    weight = weight / weight.sum()
    falls = np.maximum(np.diff(lost, axis=-1, prepend=0.0), 0.0).sum(axis=-1)
    return _indices(falls @ weight, integrate_course(time, lost, horizon=horizon) @ weight)


def _indices(saifi: Any, saidi: Any) -> CustomerIndices:
    with np.errstate(invalid="ignore", divide="ignore"):
        return CustomerIndices(np.asarray(saifi)[()], np.asarray(saidi)[()], (np.asarray(saidi) / saifi)[()])


def _lost(quality: ArrayLike, intact: ArrayLike, weights: ArrayLike | None) -> Floats:
    q = _checked(quality)
    return _averaged_raw(np.maximum(np.asarray(intact, dtype=np.float64) - q, 0.0), weights)


def _averaged(quality: ArrayLike, weights: ArrayLike | None) -> Floats:
    return _averaged_raw(_checked(quality), weights)


def _averaged_raw(values: Floats, weights: ArrayLike | None) -> Floats:
    if weights is None:
        return values
    weight = _weights(weights, values, "weights")
    return np.asarray(np.einsum("...it,i->...t", values, weight / weight.sum()))


def _weights(weights: ArrayLike, values: Floats, subject: str) -> Floats:
    weight = np.asarray(weights, dtype=np.float64)
    zones = values.shape[-2] if values.ndim > 1 else 0
    if weight.shape != (zones,) or not np.all((weight >= 0.0) & np.isfinite(weight)) or not weight.sum() > 0.0:
        problems = Problems()
        problems.add(subject, wanted=f"{zones} finite numbers >= 0, as the dimension before time, not all 0",
                     got=f"shape {weight.shape}, sum {weight.sum():g}")  # fmt: skip
        problems.raise_if_any(DataError)
    return weight


def _checked(quality: ArrayLike) -> Floats:
    q = np.asarray(quality, dtype=np.float64)
    # A weighted mean may leave [0, 1] by a rounding.
    wrong = ~((q >= -1e-12) & (q <= 1.0 + 1e-12))
    if wrong.any() or q.ndim == 0 or q.shape[-1] == 0:
        problems = Problems()
        problems.add("quality", wanted="shares in [0, 1] with time as last dimension", got="others",
                     count=int(wrong.sum()), total=q.size, first=[f"{value:g}" for value in q[wrong][:3]])  # fmt: skip
        problems.raise_if_any(DataError)
    return q


def _course(time: ArrayLike, values: ArrayLike, horizon: float | None) -> tuple[Floats, Floats, float]:
    t, q = np.asarray(time, dtype=np.float64), np.asarray(values, dtype=np.float64)
    problems = Problems()
    if t.ndim != 1 or t.size == 0 or not np.all(np.isfinite(t)) or np.any(np.diff(t) <= 0.0):
        problems.add("time", wanted="hours, finite and strictly increasing, one dimension", got=f"shape {t.shape}")
        problems.raise_if_any(DataError)
    end = float(t[-1]) if horizon is None else float(horizon)
    if not (np.isfinite(end) and end >= t[-1]):
        problems.add("horizon", wanted=f"hours, at least the last time {t[-1]:g}", got=f"{end:g}")
    if q.ndim == 0 or q.shape[-1] != t.size:
        problems.add("values", wanted=f"{t.size} values along the last dimension", got=f"shape {q.shape}")
    elif np.isnan(q).any():
        problems.add("values", wanted="numbers", got="NaN", count=int(np.isnan(q).sum()), total=q.size)
    problems.raise_if_any(DataError)
    return t, q, end
