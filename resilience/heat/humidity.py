"""Water in the air: vapour pressure, relative humidity, wet bulb."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, DEW_POINT, HUMIDITY

_BOM = source("Bureau of Meteorology, thermal stress, as quoted")
_STULL = source("Stull 2011, as in published heat-stress codes")


@coefficient_set
class VapourPressure(Parameters):
    """Saturation vapour pressure over water, ``reference * exp(slope T / (shift + T))``."""

    reference: float = parameter(default=6.105, unit="hPa", meaning="value at 0 degC", origin=_BOM, above=0)
    slope: float = parameter(default=17.27, unit="1", meaning="slope in the exponent", origin=_BOM, above=0)
    shift: float = parameter(default=237.7, unit="degC", meaning="shift in the exponent", origin=_BOM, minimum=100)

    def of(self, temperature: Floats) -> Floats:
        """Return the saturation vapour pressure in hPa of plain numbers in degC, unchecked."""
        pressure: Floats = self.reference * np.exp(self.slope * temperature / (self.shift + temperature))
        return pressure


@coefficient_set
class WetBulb(Parameters):
    """Regression of the wet-bulb temperature on temperature and humidity."""

    humidity_factor: float = parameter(default=0.151977, unit="1", meaning="factor of the root", origin=_STULL)
    humidity_shift: float = parameter(default=8.313659, unit="%", meaning="shift under the root", origin=_STULL)
    subtracted_shift: float = parameter(
        default=1.676331, unit="%", meaning="shift in the subtracted arc tangent", origin=_STULL
    )
    power_factor: float = parameter(default=0.00391838, unit="1", meaning="factor of RH^1.5", origin=_STULL)
    power_slope: float = parameter(
        default=0.023101,
        unit="1/%",
        meaning="factor inside the last arc tangent; a table in Sci Data s41597-023-02535-y misprints it as 0.02301",
        origin=_STULL,
    )
    constant: float = parameter(default=4.686035, unit="degC", meaning="constant that is subtracted", origin=_STULL)

    def of(self, t: Floats, rh: Floats) -> Floats:
        """Return the wet bulb in degC of plain numbers in degC and percent, unchecked."""
        wet: Floats = (
            t * np.arctan(self.humidity_factor * np.sqrt(rh + self.humidity_shift))
            + np.arctan(t + rh)
            - np.arctan(rh - self.subtracted_shift)
            + self.power_factor * rh**1.5 * np.arctan(self.power_slope * rh)
            - self.constant
        )
        return wet


SATURATION = VapourPressure()
STULL = WetBulb()


def vapour_pressure(temperature: Values, humidity: Values, *, saturation: VapourPressure = SATURATION) -> Any:
    """Return the vapour pressure in hPa.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    saturation : VapourPressure

    Raises
    ------
    DataError
        A value is not credible, has another unit, or labels differ.

    Notes
    -----
    ``e = RH/100 * 6.105 exp(17.27 T / (237.7 + T))``, Bureau of Meteorology.

    Examples
    --------
    >>> round(float(vapour_pressure(30.0, 60.0)), 3)
    25.372
    """
    return evaluate(
        lambda t, rh: rh / 100.0 * saturation.of(t),
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="hPa", meaning="vapour pressure",
    )  # fmt: skip


def relative_humidity(temperature: Values, dew_point: Values, *, saturation: VapourPressure = SATURATION) -> Any:
    """Return the relative humidity in percent.

    Parameters
    ----------
    temperature, dew_point : number, array or DataArray, degC
        NaN gives NaN. A dew point above the temperature gives 100 %.
    saturation : VapourPressure

    Raises
    ------
    DataError
        See :func:`vapour_pressure`.

    Notes
    -----
    ``RH = 100 e_s(T_d) / e_s(T)``.

    Examples
    --------
    >>> round(float(relative_humidity(30.0, 21.4)), 1)
    60.1
    """
    return evaluate(
        lambda t, dew: np.minimum(100.0 * saturation.of(dew) / saturation.of(t), 100.0),
        AIR_TEMPERATURE.of("temperature", temperature), DEW_POINT.of("dew_point", dew_point),
        unit="%", meaning="relative humidity",
    )  # fmt: skip


def wet_bulb(temperature: Values, humidity: Values, *, fit: WetBulb = STULL) -> Any:
    """Return the wet-bulb temperature in degC.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    fit : WetBulb

    Raises
    ------
    DataError
        See :func:`vapour_pressure`.

    Notes
    -----
    Stull (2011), fitted at sea-level pressure to -20..50 degC and 5..99 %.

    Examples
    --------
    >>> round(float(wet_bulb(20.0, 50.0)), 6)
    13.699342
    """
    return evaluate(
        fit.of,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="wet-bulb temperature",
    )  # fmt: skip
