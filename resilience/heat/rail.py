"""Rails in the sun, and the speed that is allowed on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, RAIL_TEMPERATURE

_KORAIL = source("KORAIL rule by rail temperature (nocutnews.co.kr 5004860, dgmbc.com 480341)")
_LINE = memory("line speed of Korean high-speed lines")
_SUN = judgement("between 1.5 (UK rule) and 1.66 (61.4 degC rail at 37 degC air, Korea, 2018-07-23)")
_CONVENTIONAL = source("Yonhap TV and press of 2025-07-28: slow from 60 degC")
_SLOW = judgement("the low step of the high-speed rule")


@coefficient_set
class Rail(Parameters):
    """Speed steps of a high-speed line by rail temperature, and how hot a rail gets."""

    sun_ratio: float = parameter(
        default=1.6, unit="1", meaning="rail over air temperature, both in degC, in the sun", origin=_SUN, minimum=1
    )
    line_speed: float = parameter(
        default=300.0, unit="km/h", meaning="speed below the first step", origin=_LINE, above=0
    )
    slow_from: float = parameter(
        default=55.0, unit="degC", meaning="rail temperature of the first step", origin=_KORAIL
    )
    slow_speed: float = parameter(
        default=230.0, unit="km/h", meaning="speed from the first step on", origin=_KORAIL, minimum=0
    )
    crawl_from: float = parameter(
        default=60.0, unit="degC", meaning="rail temperature of the second step", origin=_KORAIL
    )
    crawl_speed: float = parameter(
        default=70.0, unit="km/h", meaning="speed from the second step on", origin=_KORAIL, minimum=0
    )
    stop_from: float = parameter(
        default=64.0, unit="degC", meaning="rail temperature from which trains stop", origin=_KORAIL
    )


@coefficient_set
class ConventionalRail(Rail):
    """Speed steps of a conventional line."""

    line_speed: float = parameter(
        default=150.0, unit="km/h", meaning="speed below the first step", origin=_LINE, above=0
    )
    slow_from: float = parameter(
        default=60.0, unit="degC", meaning="rail temperature of the first step", origin=_CONVENTIONAL
    )
    slow_speed: float = parameter(
        default=70.0, unit="km/h", meaning="speed from the first step on", origin=_SLOW, minimum=0
    )


HIGH_SPEED = Rail()


def rail_temperature(air: Values, *, rail: Rail = HIGH_SPEED) -> Any:
    """Return the temperature in degC of a rail in the sun on a hot day.

    Parameters
    ----------
    air : number, array or DataArray, degC
        NaN gives NaN. Below 0 degC the rail is as cold as the air.
    rail : Rail
        Of which `sun_ratio` is used.

    Raises
    ------
    DataError
        A value is not credible or has another unit.

    Notes
    -----
    ``T_rail = 1.6 T_air``: a rule for hot days, with temperatures in degC.

    Examples
    --------
    >>> float(rail_temperature(37.5))
    60.0
    """
    return evaluate(
        lambda t: np.where(t > 0.0, rail.sun_ratio * t, t).astype(t.dtype), AIR_TEMPERATURE.of("air", air),
        unit="degC", meaning="rail temperature in the sun",
    )  # fmt: skip


def rail_speed(rail_temperature: Values, *, rail: Rail = HIGH_SPEED) -> Any:
    """Return the speed in m/s allowed at a rail temperature; 0 stops the trains.

    Parameters
    ----------
    rail_temperature : number, array or DataArray, degC
        Of the rail, not of the air. NaN gives NaN.
    rail : Rail

    Raises
    ------
    DataError
        See :func:`rail_temperature`.

    Notes
    -----
    Steps of the KORAIL rule; a step holds from its temperature on: 230 km/h from 55, 70 from 60, stop from 64 degC.

    Examples
    --------
    >>> (rail_speed([54.9, 55.0, 60.0, 64.0]) * 3.6).round(6)
    array([300., 230.,  70.,   0.])
    """

    def formula(t: Floats) -> Floats:
        slow = np.where(t >= rail.slow_from, rail.slow_speed, rail.line_speed)
        crawl = np.where(t >= rail.crawl_from, np.minimum(slow, rail.crawl_speed), slow)
        speed = np.where(t >= rail.stop_from, 0.0, crawl) / 3.6
        return np.where(np.isnan(t), np.nan, speed).astype(t.dtype)

    return evaluate(
        formula, RAIL_TEMPERATURE.of("rail_temperature", rail_temperature), unit="m/s", meaning="allowed speed"
    )
