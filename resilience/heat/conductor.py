"""Current that an overhead line may carry in its weather: IEEE 738, steady."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter, source
from resilience.heat.quantities import (
    AIR_TEMPERATURE,
    ANGLE,
    CONDUCTOR_TEMPERATURE,
    ELEVATION,
    SOLAR_HEATING,
    WIND,
)

_DRAKE = source("gist.github.com/c1b3rh4ck/3bd5d087e8e0a2a8aae3, conductor Drake 795 kcmil ACSR")
_EXAMPLE = memory("IEEE 738, example of Drake at 40 degC")
_EQUATIONS = source("statnett linerate, equations of IEEE 738")
_REFERENCE = judgement("summer rating conditions of the shortcut")


@coefficient_set
class Conductor(Parameters):
    """A bare conductor (Drake 795 kcmil ACSR) and the hottest it may get."""

    ascending: ClassVar = ("low_temperature", "high_temperature")

    diameter: float = parameter(default=0.02814, unit="m", meaning="outer diameter", origin=_DRAKE, above=0)
    low_temperature: float = parameter(
        default=25.0, unit="degC", meaning="temperature of the lower resistance", origin=_DRAKE
    )
    low_resistance: float = parameter(
        default=7.283e-5, unit="ohm/m", meaning="resistance there", origin=_DRAKE, above=0
    )
    high_temperature: float = parameter(
        default=75.0, unit="degC", meaning="temperature of the higher resistance", origin=_DRAKE
    )
    high_resistance: float = parameter(
        default=8.688e-5, unit="ohm/m", meaning="resistance there", origin=_DRAKE, above=0
    )
    emissivity: float = parameter(default=0.8, unit="1", meaning="emissivity", origin=_EXAMPLE, minimum=0, maximum=1)
    limit: float = parameter(default=100.0, unit="degC", meaning="hottest that it may get", origin=_EXAMPLE)
    forced_offset: float = parameter(
        default=1.01, unit="1", meaning="constant of the low-wind equation", origin=_EQUATIONS
    )
    forced_low: float = parameter(
        default=1.35, unit="1", meaning="factor of Re^0.52 in the low-wind equation", origin=_EQUATIONS
    )
    forced_high: float = parameter(
        default=0.754, unit="1", meaning="factor of Re^0.6 in the high-wind equation", origin=_EQUATIONS
    )
    natural: float = parameter(
        default=3.645, unit="W m^-3/4 kg^-1/2", meaning="factor of natural convection", origin=_EQUATIONS
    )
    radiation: float = parameter(
        default=17.8, unit="W/m^2", meaning="factor of radiation, per (100 K)^4", origin=_EQUATIONS
    )
    shortcut_ambient: float = parameter(
        default=25.0, unit="degC", meaning="ambient of the known rating in the shortcut", origin=_REFERENCE
    )

    def resistance(self, temperature: Floats) -> Floats:
        """Return the resistance in ohm/m of plain temperatures in degC, unchecked: linear."""
        slope = (self.high_resistance - self.low_resistance) / (self.high_temperature - self.low_temperature)
        resistance: Floats = self.low_resistance + slope * (temperature - self.low_temperature)
        return resistance

    def convection(self, air: Floats, own: Floats, wind: Floats, angle: Floats, elevation: Floats) -> Floats:
        """Return the heat in W/m that wind or its own draught takes from the conductor, of plain numbers, unchecked."""
        film = (own + air) / 2.0
        viscosity = 1.458e-6 * (film + 273.0) ** 1.5 / (film + 383.4)
        density = (1.293 - 1.525e-4 * elevation + 6.379e-9 * elevation**2) / (1.0 + 0.00367 * film)
        conductivity = 2.424e-2 + 7.477e-5 * film - 4.407e-9 * film**2
        reynolds = self.diameter * density * wind / viscosity
        phi = np.deg2rad(angle)
        direction = 1.194 - np.cos(phi) + 0.194 * np.cos(2.0 * phi) + 0.368 * np.sin(2.0 * phi)
        warmer = np.maximum(own - air, 0.0)
        low = direction * (self.forced_offset + self.forced_low * reynolds**0.52) * conductivity * warmer
        high = direction * self.forced_high * reynolds**0.6 * conductivity * warmer
        still = self.natural * np.sqrt(density) * self.diameter**0.75 * warmer**1.25
        heat: Floats = np.maximum(np.maximum(low, high), still)
        return heat

    def radiated(self, air: Floats, own: Floats) -> Floats:
        """Return the heat in W/m that the conductor radiates, of plain temperatures in degC, unchecked."""
        heat: Floats = (
            self.radiation * self.diameter * self.emissivity
            * (((own + 273.0) / 100.0) ** 4 - ((air + 273.0) / 100.0) ** 4)
        )  # fmt: skip
        return heat


@coefficient_set
class LineWeather(Parameters):
    """Weather of a line rating when nothing better is known: light wind across the line, full sun."""

    wind: float = parameter(default=0.61, unit="m/s", meaning="wind speed", origin=_EXAMPLE, minimum=0)
    angle: float = parameter(
        default=90.0, unit="degree", meaning="angle between wind and line", origin=_EXAMPLE, minimum=0, maximum=90
    )
    elevation: float = parameter(default=0.0, unit="m", meaning="height above sea level", origin=_EXAMPLE, minimum=0)
    solar_heating: float = parameter(
        default=22.44,
        unit="W/m",
        meaning="heat that the sun gives to the conductor, absorptivity 0.8",
        origin=_EXAMPLE,
        minimum=0,
    )


DRAKE = Conductor()
CALM_SUMMER = LineWeather()


def convective_cooling(
    ambient: Values,
    conductor_temperature: Values,
    wind: Values = CALM_SUMMER.wind,
    angle: Values = CALM_SUMMER.angle,
    elevation: Values = CALM_SUMMER.elevation,
    *,
    conductor: Conductor = DRAKE,
) -> Any:
    """Return the heat in W/m that air takes from a conductor.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        NaN gives NaN.
    conductor_temperature : same, degC
    wind : same, m/s
        NaN gives NaN.
    angle : same, degree
        Between wind and line.
    elevation : same, m
    conductor : Conductor

    Raises
    ------
    DataError
        A value is not credible or NaN where it must not be, has another unit, or labels differ.

    Notes
    -----
    The largest of the two equations for wind and the one for still air, IEEE 738. 0 for a conductor that is not warmer
    than the air.

    Examples
    --------
    >>> round(float(convective_cooling(40.0, 100.0)), 2)
    82.08
    """
    return evaluate(
        conductor.convection,
        AIR_TEMPERATURE.of("ambient", ambient),
        CONDUCTOR_TEMPERATURE.of("conductor_temperature", conductor_temperature),
        WIND.of("wind", wind), ANGLE.of("angle", angle), ELEVATION.of("elevation", elevation),
        unit="W/m", meaning="convective cooling",
    )  # fmt: skip


def radiative_cooling(ambient: Values, conductor_temperature: Values, *, conductor: Conductor = DRAKE) -> Any:
    """Return the heat in W/m that a conductor radiates to surroundings at air temperature.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        NaN gives NaN.
    conductor_temperature : same, degC
    conductor : Conductor

    Raises
    ------
    DataError
        See :func:`convective_cooling`.

    Notes
    -----
    ``q_r = 17.8 D eps [((Ts + 273)/100)^4 - ((Ta + 273)/100)^4]``.

    Examples
    --------
    >>> round(float(radiative_cooling(40.0, 100.0)), 3)
    39.105
    """
    return evaluate(
        conductor.radiated,
        AIR_TEMPERATURE.of("ambient", ambient),
        CONDUCTOR_TEMPERATURE.of("conductor_temperature", conductor_temperature),
        unit="W/m", meaning="radiative cooling",
    )  # fmt: skip


def line_rating(
    ambient: Values,
    wind: Values = CALM_SUMMER.wind,
    angle: Values = CALM_SUMMER.angle,
    elevation: Values = CALM_SUMMER.elevation,
    solar_heating: Values = CALM_SUMMER.solar_heating,
    *,
    conductor: Conductor = DRAKE,
) -> Any:
    """Return the current in A that brings a line to its limit.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        NaN gives NaN.
    wind : same, m/s
        NaN gives NaN.
    angle : same, degree
        Between wind and line.
    elevation : same, m
    solar_heating : same, W/m
        Heat that the conductor takes from the sun.
    conductor : Conductor

    Returns
    -------
    same as the arguments
        0 where sun and air alone bring it to the limit.

    Raises
    ------
    DataError
        See :func:`convective_cooling`.

    Notes
    -----
    ``I = sqrt((q_c + q_r - q_s) / R(Ts))`` with the conductor at its limit Ts, IEEE 738.

    Examples
    --------
    >>> round(float(line_rating(40.0)), 1)
    1025.5
    """

    def formula(air: Floats, v: Floats, phi: Floats, height: Floats, sun: Floats) -> Floats:
        own = np.asarray(conductor.limit, air.dtype)
        net = conductor.convection(air, own, v, phi, height) + conductor.radiated(air, own) - sun
        current: Floats = np.sqrt(np.maximum(net, 0.0) / conductor.resistance(own))
        return current

    return evaluate(
        formula,
        AIR_TEMPERATURE.of("ambient", ambient), WIND.of("wind", wind), ANGLE.of("angle", angle),
        ELEVATION.of("elevation", elevation), SOLAR_HEATING.of("solar_heating", solar_heating),
        unit="A", meaning="allowed current",
    )  # fmt: skip


def approximate_line_rating(ambient: Values, *, conductor: Conductor = DRAKE) -> Any:
    """Return the allowed current as a share of that at 25 degC, by a shortcut.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        NaN gives NaN.
    conductor : Conductor
        Of which `limit` and `shortcut_ambient` are used.

    Raises
    ------
    DataError
        See :func:`convective_cooling`.

    Notes
    -----
    ``sqrt((Ts - Ta) / (Ts - T0))``; 5 to 8 % off, 0 beyond the limit.

    Examples
    --------
    >>> round(float(approximate_line_rating(40.0)), 4)
    0.8944
    """
    c = conductor
    return evaluate(
        lambda air: np.sqrt(np.maximum(c.limit - air, 0.0) / (c.limit - c.shortcut_ambient)),
        AIR_TEMPERATURE.of("ambient", ambient),
        unit="1", meaning="allowed current relative to the reference ambient",
    )  # fmt: skip
