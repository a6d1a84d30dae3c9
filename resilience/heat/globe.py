"""Wet-bulb globe temperatures: simplified, by shade and sun, and with the globe in balance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.humidity import SATURATION, STULL, VapourPressure, WetBulb
from resilience.heat.parameters import Parameters, coefficient_set, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, HUMIDITY, RADIANT_TEMPERATURE, WIND

KELVIN = 273.15
_SIMPLE = source("Sci Data s41597-023-02535-y, table 1 (there 0.0393 times e in Pa)")
_SHADE = source("Hyatt 2010, as cited by published heat-stress code")
_GLOBE = source("Guo et al. 2018, as coded in ECMWF thermofeel")
_ISO = source("weights outdoors in the sun, as coded in ECMWF thermofeel")
_WIND = source("Broede et al. 2012, as coded in ECMWF thermofeel")


@coefficient_set
class SimpleGlobe(Parameters):
    """Simplified wet-bulb globe temperature of temperature and vapour pressure: moderate sun, light wind."""

    temperature: float = parameter(default=0.567, unit="1", meaning="factor of the air temperature", origin=_SIMPLE)
    vapour: float = parameter(default=0.393, unit="K/hPa", meaning="factor of the vapour pressure", origin=_SIMPLE)
    constant: float = parameter(default=3.94, unit="degC", meaning="constant", origin=_SIMPLE)


@coefficient_set
class ShadeGlobe(Parameters):
    """Wet-bulb globe temperature from the wet bulb, in shade or in full sun."""

    wet_bulb: float = parameter(
        default=0.7, unit="1", meaning="share of the wet bulb", origin=_SHADE, minimum=0, maximum=1
    )
    sun: float = parameter(default=3.0, unit="K", meaning="added in full sun", origin=_SHADE, minimum=0)


@coefficient_set
class Globe(Parameters):
    """Black globe in balance of radiation and wind, and its part in the wet-bulb globe temperature."""

    diameter: float = parameter(default=0.15, unit="m", meaning="diameter", origin=_GLOBE, above=0)
    emissivity: float = parameter(default=0.95, unit="1", meaning="emissivity", origin=_GLOBE, above=0, maximum=1)
    convection: float = parameter(
        default=1.1e8,
        unit="K^3 (s/m)^0.6 m^0.4",
        meaning="convection over the radiation constant",
        origin=_GLOBE,
        above=0,
    )
    wet_bulb_share: float = parameter(
        default=0.7, unit="1", meaning="weight of the wet bulb", origin=_ISO, minimum=0, maximum=1
    )
    globe_share: float = parameter(
        default=0.2, unit="1", meaning="weight of the globe; the air has the rest", origin=_ISO, minimum=0, maximum=1
    )
    height: float = parameter(default=1.1, unit="m", meaning="height of the globe", origin=_WIND, above=0)
    roughness: float = parameter(
        default=0.01, unit="m", meaning="roughness length of the wind profile", origin=_WIND, above=0
    )
    profile: float = parameter(default=1 / 3, unit="1", meaning="1 over log10(10 m / roughness)", origin=_WIND, above=0)

    def balance(self, air: Floats, radiant: Floats, wind: Floats) -> Floats:
        """Return the globe temperature in kelvin of plain numbers in kelvin and m/s at 10 m, unchecked."""
        local = wind * (math.log10(self.height / self.roughness) * self.profile)
        d = self.convection * local**0.6 / (self.emissivity * self.diameter**0.4)
        globe = np.maximum(air, radiant)
        # g^4 + d (g - air) - radiant^4 is convex and rises: Newton from above falls to the root and never passes it.
        # Ten steps suffice for any weather; two more cost nothing next to reading the maps.
        for _ in range(12):
            globe = globe - (globe**4 + d * (globe - air) - radiant**4) / (4.0 * globe**3 + d)
        return globe


SIMPLE = SimpleGlobe()
SHADE = ShadeGlobe()
GLOBE = Globe()


def simplified_wbgt(
    temperature: Values, humidity: Values, *, index: SimpleGlobe = SIMPLE, saturation: VapourPressure = SATURATION
) -> Any:
    """Return the simplified wet-bulb globe temperature in degC.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : SimpleGlobe
    saturation : VapourPressure

    Raises
    ------
    DataError
        A value is not credible, has another unit, or labels differ.

    Notes
    -----
    ``0.567 T + 0.393 e + 3.94`` with the vapour pressure e in hPa: as if in moderate sun and light wind, at any hour.

    Examples
    --------
    >>> round(float(simplified_wbgt(30.0, 60.0)), 3)
    30.921
    """
    return evaluate(
        lambda t, rh: index.temperature * t + index.vapour * (rh / 100.0 * saturation.of(t)) + index.constant,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="simplified wet-bulb globe temperature",
    )  # fmt: skip


def shade_wbgt(temperature: Values, humidity: Values, *, index: ShadeGlobe = SHADE, fit: WetBulb = STULL) -> Any:
    """Return the wet-bulb globe temperature in shade in degC: ``0.7 Tw + 0.3 T``.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : ShadeGlobe
    fit : WetBulb

    Raises
    ------
    DataError
        See :func:`simplified_wbgt`.

    Examples
    --------
    >>> round(float(shade_wbgt(20.0, 50.0)), 3)
    15.59
    """
    share = index.wet_bulb
    return evaluate(
        lambda t, rh: share * fit.of(t, rh) + (1.0 - share) * t,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="wet-bulb globe temperature in shade",
    )  # fmt: skip


def sun_wbgt(temperature: Values, humidity: Values, *, index: ShadeGlobe = SHADE, fit: WetBulb = STULL) -> Any:
    """Return the wet-bulb globe temperature in full sun in degC: that in shade and 3 K more.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : ShadeGlobe
    fit : WetBulb

    Raises
    ------
    DataError
        See :func:`simplified_wbgt`.

    Examples
    --------
    >>> round(float(sun_wbgt(20.0, 50.0)), 3)
    18.59
    """
    share, sun = index.wet_bulb, index.sun
    return evaluate(
        lambda t, rh: share * fit.of(t, rh) + (1.0 - share) * t + sun,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="wet-bulb globe temperature in full sun",
    )  # fmt: skip


def globe_temperature(temperature: Values, radiant: Values, wind: Values, *, globe: Globe = GLOBE) -> Any:
    """Return the temperature in degC at which a black globe gains as much by radiation as it loses to the wind.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    radiant : same, degC
        Mean radiant temperature. NaN gives NaN.
    wind : same, m/s
        At 10 m. NaN gives NaN. In still air the globe takes the radiant temperature: the balance knows no free
        convection.
    globe : Globe

    Raises
    ------
    DataError
        See :func:`simplified_wbgt`.

    Notes
    -----
    Root of ``g^4 + d (g - T) = T_r^4`` in kelvin, ``d = 1.1e8 v^0.6 / (emissivity D^0.4)``, v at 1.1 m.

    Examples
    --------
    >>> round(float(globe_temperature(30.0, 60.0, 2.0)), 2)
    39.35
    """
    return evaluate(
        lambda t, r, v: globe.balance(t + KELVIN, r + KELVIN, v) - KELVIN,
        AIR_TEMPERATURE.of("temperature", temperature), RADIANT_TEMPERATURE.of("radiant", radiant),
        WIND.of("wind", wind),
        unit="degC", meaning="globe temperature",
    )  # fmt: skip


def wbgt(
    temperature: Values,
    humidity: Values,
    radiant: Values,
    wind: Values,
    *,
    globe: Globe = GLOBE,
    fit: WetBulb = STULL,
) -> Any:
    """Return the wet-bulb globe temperature in degC of weather with known radiation.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    radiant : same, degC
        Mean radiant temperature. NaN gives NaN.
    wind : same, m/s
        At 10 m. NaN gives NaN.
    globe : Globe
    fit : WetBulb

    Raises
    ------
    DataError
        See :func:`simplified_wbgt`.

    Notes
    -----
    ``0.7 Tw + 0.2 Tg + 0.1 T``; Stull's wet bulb stands for the natural one, which sun makes higher.

    Examples
    --------
    >>> round(float(wbgt(30.0, 60.0, 60.0, 2.0)), 2)
    27.67
    """

    def formula(t: Floats, rh: Floats, r: Floats, v: Floats) -> Floats:
        black = globe.balance(t + KELVIN, r + KELVIN, v) - KELVIN
        rest = 1.0 - globe.wet_bulb_share - globe.globe_share
        return globe.wet_bulb_share * fit.of(t, rh) + globe.globe_share * black + rest * t

    return evaluate(
        formula,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        RADIANT_TEMPERATURE.of("radiant", radiant), WIND.of("wind", wind),
        unit="degC", meaning="wet-bulb globe temperature",
    )  # fmt: skip
