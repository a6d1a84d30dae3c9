"""Apparent temperatures: of the Korea Meteorological Administration, of the Bureau of Meteorology, and humidex."""

from __future__ import annotations

from typing import Any

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.humidity import SATURATION, STULL, VapourPressure, WetBulb
from resilience.heat.parameters import Parameters, coefficient_set, memory, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, HUMIDITY, WIND

_KMA = memory("KMA summer formula; agrees with two of three values of the KMA press text of 2023-05-15")
_BOM = source("Bureau of Meteorology, thermal stress, as quoted")
_HUMIDEX = source("Blazejczyk et al. 2012, as coded in ECMWF thermofeel")


@coefficient_set
class ApparentTemperature(Parameters):
    """Summer apparent temperature of the Korea Meteorological Administration (KMA)."""

    constant: float = parameter(default=-0.2442, unit="degC", meaning="constant of the regression", origin=_KMA)
    wet_bulb: float = parameter(default=0.55399, unit="1", meaning="factor of the wet bulb", origin=_KMA)
    temperature: float = parameter(default=0.45535, unit="1", meaning="factor of the air temperature", origin=_KMA)
    wet_bulb_squared: float = parameter(
        default=-0.0022, unit="1/K", meaning="factor of the squared wet bulb", origin=_KMA
    )
    product: float = parameter(
        default=0.00278, unit="1/K", meaning="factor of wet bulb times air temperature", origin=_KMA
    )
    offset: float = parameter(default=3.0, unit="degC", meaning="added to the regression", origin=_KMA)


@coefficient_set
class SteadmanTemperature(Parameters):
    """Apparent temperature of the Bureau of Meteorology, in shade."""

    vapour: float = parameter(default=0.33, unit="K/hPa", meaning="factor of the vapour pressure", origin=_BOM)
    wind: float = parameter(default=0.70, unit="K s/m", meaning="what wind takes away", origin=_BOM, minimum=0)
    constant: float = parameter(default=4.0, unit="K", meaning="constant that is subtracted", origin=_BOM)


@coefficient_set
class Humidex(Parameters):
    """Humidex."""

    vapour: float = parameter(
        default=0.5555, unit="K/hPa", meaning="factor of the vapour pressure in excess", origin=_HUMIDEX
    )
    base: float = parameter(default=10.0, unit="hPa", meaning="vapour pressure without effect", origin=_HUMIDEX)


KMA = ApparentTemperature()
BOM = SteadmanTemperature()
HUMIDEX = Humidex()


def apparent_temperature(
    temperature: Values, humidity: Values, *, regression: ApparentTemperature = KMA, fit: WetBulb = STULL
) -> Any:
    """Return the summer apparent temperature in degC on which Korean heat alerts rest.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    regression : ApparentTemperature
    fit : WetBulb

    Raises
    ------
    DataError
        A value is not credible, has another unit, or labels differ.

    Notes
    -----
    ``AT = -0.2442 + 0.55399 Tw + 0.45535 T - 0.0022 Tw^2 + 0.00278 Tw T + 3.0`` with Stull's wet bulb Tw; for May to
    September. It equals the air temperature at about 55 %.

    Examples
    --------
    >>> round(float(apparent_temperature(35.0, 30.0)), 2)
    32.04
    """

    def formula(t: Floats, rh: Floats) -> Floats:
        wet = fit.of(t, rh)
        c = regression
        return (
            c.constant + c.wet_bulb * wet + c.temperature * t
            + c.wet_bulb_squared * wet**2 + c.product * wet * t + c.offset
        )  # fmt: skip

    return evaluate(
        formula,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="apparent temperature (KMA, summer)",
    )  # fmt: skip


def steadman_temperature(
    temperature: Values,
    humidity: Values,
    wind: Values = 0.0,
    *,
    regression: SteadmanTemperature = BOM,
    saturation: VapourPressure = SATURATION,
) -> Any:
    """Return the apparent temperature in degC that the Bureau of Meteorology publishes.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    wind : same, m/s
        At 10 m. NaN gives NaN.
    regression : SteadmanTemperature
    saturation : VapourPressure

    Raises
    ------
    DataError
        See :func:`apparent_temperature`.

    Notes
    -----
    ``AT = T + 0.33 e - 0.70 v - 4.00`` with the vapour pressure e in hPa.

    Examples
    --------
    >>> round(float(steadman_temperature(30.0, 60.0, 2.0)), 3)
    32.973
    """
    c = regression
    return evaluate(
        lambda t, rh, v: t + c.vapour * (rh / 100.0 * saturation.of(t)) - c.wind * v - c.constant,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity), WIND.of("wind", wind),
        unit="degC", meaning="apparent temperature (Bureau of Meteorology)",
    )  # fmt: skip


def humidex(
    temperature: Values, humidity: Values, *, index: Humidex = HUMIDEX, saturation: VapourPressure = SATURATION
) -> Any:
    """Return the humidex in degC.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : Humidex
    saturation : VapourPressure

    Raises
    ------
    DataError
        See :func:`apparent_temperature`.

    Notes
    -----
    ``T + 0.5555 (e - 10)`` with the vapour pressure e in hPa.

    Examples
    --------
    >>> round(float(humidex(30.0, 60.0)), 3)
    38.539
    """
    return evaluate(
        lambda t, rh: t + index.vapour * (rh / 100.0 * saturation.of(t) - index.base),
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="humidex",
    )  # fmt: skip
