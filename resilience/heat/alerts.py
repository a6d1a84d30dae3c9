"""Heat alerts: days on which a daily maximum stays high for some days in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resilience.heat.evaluate import Floats, Values, evaluate_along
from resilience.heat.parameters import Parameters, coefficient_set, parameter, source
from resilience.heat.quantities import APPARENT_TEMPERATURE

_KMA = source("KMA press text, in force 2023-05-15 (hankyung.com 202305154910Y)")


@coefficient_set
class Alert(Parameters):
    """Heat advisory of the Korea Meteorological Administration, by daily maximum of the apparent temperature."""

    threshold: float = parameter(default=33.0, unit="degC", meaning="lowest daily maximum that counts", origin=_KMA)
    days: float = parameter(default=2.0, unit="days", meaning="days in a row that it takes", origin=_KMA, minimum=1)


@coefficient_set
class WarningAlert(Alert):
    """Heat warning, the higher level."""

    threshold: float = parameter(default=35.0, unit="degC", meaning="lowest daily maximum that counts", origin=_KMA)


ADVISORY = Alert()
WARNING = WarningAlert()


def in_runs(hot: NDArray[np.bool_], days: int) -> NDArray[np.bool_]:
    """Return which days belong to `days` or more hot ones in a row; days are the last axis."""
    n_day = hot.shape[-1]
    n_start = n_day - days + 1
    found = np.zeros_like(hot)
    if n_start < 1:
        return found
    whole = np.ones((*hot.shape[:-1], n_start), bool)
    for shift in range(days):
        whole &= hot[..., shift : shift + n_start]
    for shift in range(days):
        found[..., shift : shift + n_start] |= whole
    return found


def alert_days(daily_maximum: Values, *, alert: Alert = ADVISORY, dim: str = "time", axis: int = -1) -> Any:
    """Return 1 on days of an alert and 0 on others.

    Parameters
    ----------
    daily_maximum : array or DataArray, degC
        Apparent temperature (or air temperature, with a threshold for it), one value per day. NaN stands for an
        unknown day.
    alert : Alert
        :data:`ADVISORY` (33 degC) or :data:`WARNING` (35 degC), or your own.
    dim : str
        Dimension of days of a DataArray.
    axis : int
        Axis of days of a plain array.

    Returns
    -------
    same as `daily_maximum`
        1 on each day that belongs to a run of at least `alert.days` days at the threshold or above, 0 on other days,
        NaN where an unknown day decides. Its sum over the days is the number of alert days.

    Raises
    ------
    DataError
        A value is not credible, has another unit, or there are no days.

    Examples
    --------
    >>> alert_days([33.0, 34.2, 32.9, 36.0, 31.0])
    array([1., 1., 0., 0., 0.])
    """

    def formula(daily: Floats) -> Floats:
        days = int(np.ceil(alert.days))
        least = in_runs(daily >= alert.threshold, days)
        most = in_runs((daily >= alert.threshold) | np.isnan(daily), days)
        return np.where(least == most, least, np.nan).astype(daily.dtype)

    return evaluate_along(
        formula, APPARENT_TEMPERATURE.of("daily_maximum", daily_maximum),
        dim=dim, axis=axis, units=("1",), meanings=("1 on days of a heat alert",),
    )  # fmt: skip
