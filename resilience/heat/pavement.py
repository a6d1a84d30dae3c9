"""Roads in a long heat: less capacity, and a small chance of a blow-up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resilience.heat.alerts import in_runs
from resilience.heat.evaluate import Floats, Values, evaluate, evaluate_along
from resilience.heat.parameters import Parameters, coefficient_set, judgement, parameter
from resilience.heat.quantities import APPARENT_TEMPERATURE, DAYS, LENGTH

_ROADS = judgement("no observed rate found; low priority")


@coefficient_set
class Pavement(Parameters):
    """When a road surface is in distress, and what that does."""

    threshold: float = parameter(
        default=36.0, unit="degC", meaning="daily maximum of the air temperature; 35 to 38", origin=_ROADS
    )
    days: float = parameter(default=3.0, unit="days", meaning="days in a row that it takes", origin=_ROADS, minimum=1)
    capacity_factor: float = parameter(
        default=0.9, unit="1", meaning="capacity that is left", origin=_ROADS, minimum=0, maximum=1
    )
    closure: float = parameter(
        default=1e-4,
        unit="1/(km day)",
        meaning="probability of closure per kilometre and day",
        origin=_ROADS,
        minimum=0,
        maximum=1,
    )


ASPHALT = Pavement()


def pavement_capacity(daily_maximum: Values, *, pavement: Pavement = ASPHALT, dim: str = "time", axis: int = -1) -> Any:
    """Return the share of a road's capacity that is left on each day.

    Parameters
    ----------
    daily_maximum : array or DataArray, degC
        Air temperature, one value per day. NaN stands for an unknown day.
    pavement : Pavement
    dim : str
        Dimension of days of a DataArray.
    axis : int
        Axis of days of a plain array.

    Returns
    -------
    same as `daily_maximum`
        `capacity_factor` from the day on which the heat has lasted `days` days until it ends, 1 on other days; NaN
        where an unknown day decides.

    Raises
    ------
    DataError
        A value is not credible, has another unit, or there are no days.

    Examples
    --------
    >>> pavement_capacity([37.0, 37.0, 37.0, 37.0, 30.0])
    array([1. , 1. , 0.9, 0.9, 1. ])
    """

    def formula(daily: Floats) -> Floats:
        days = int(np.ceil(pavement.days))
        least = _after_days(daily >= pavement.threshold, days)
        most = _after_days((daily >= pavement.threshold) | np.isnan(daily), days)
        factor = np.where(least, pavement.capacity_factor, 1.0)
        return np.where(least == most, factor, np.nan).astype(daily.dtype)

    return evaluate_along(
        formula, APPARENT_TEMPERATURE.of("daily_maximum", daily_maximum),
        dim=dim, axis=axis, units=("1",), meanings=("share of the road capacity that is left",),
    )  # fmt: skip


def _after_days(hot: Any, days: int) -> Any:
    """Return the days of a run from its day number `days` on."""
    late = in_runs(hot, days)
    for _ in range(days - 1):
        late[..., 1:] &= late[..., :-1].copy()
        late[..., 0] = False
    return late


def pavement_closure(length: Values, days: Values, *, pavement: Pavement = ASPHALT) -> Any:
    """Return the probability that heat closes a road.

    Parameters
    ----------
    length : number, array or DataArray, m
    days : same
        Days of distress: those on which :func:`pavement_capacity` is below 1. NaN gives NaN.
    pavement : Pavement
        Of which `closure` is used.

    Raises
    ------
    DataError
        A value is negative, a length is NaN, units or labels differ.

    Notes
    -----
    ``1 - (1 - p)^(km days)``.

    Examples
    --------
    >>> round(float(pavement_closure(50_000.0, 2.0)), 6)
    0.009951
    """
    spared = math.log1p(-min(pavement.closure, 1.0 - 1e-16))  # log of the chance to stay open
    return evaluate(
        lambda metres, n: -np.expm1(spared * (metres / 1000.0) * n),
        LENGTH.of("length", length), DAYS.of("days", days),
        unit="1", meaning="probability that heat closes the road",
    )  # fmt: skip
