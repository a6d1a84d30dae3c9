"""The heat index of the US National Weather Service: degC outside, degF inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, HUMIDITY

_NWS = source("NWS Weather Prediction Center, heat index equation")


@coefficient_set
class HeatIndex(Parameters):
    """Regression of Rothfusz on temperature T in degF and relative humidity R in percent, with its adjustments."""

    constant: float = parameter(default=-42.379, unit="degF", meaning="constant", origin=_NWS)
    t: float = parameter(default=2.04901523, unit="degF/degF", meaning="factor of T", origin=_NWS)
    r: float = parameter(default=10.14333127, unit="degF/%", meaning="factor of R", origin=_NWS)
    tr: float = parameter(default=-0.22475541, unit="1/%", meaning="factor of T R", origin=_NWS)
    tt: float = parameter(default=-0.00683783, unit="1/degF", meaning="factor of T^2", origin=_NWS)
    rr: float = parameter(default=-0.05481717, unit="degF/%^2", meaning="factor of R^2", origin=_NWS)
    ttr: float = parameter(default=0.00122874, unit="1/(degF %)", meaning="factor of T^2 R", origin=_NWS)
    trr: float = parameter(default=0.00085282, unit="1/%^2", meaning="factor of T R^2", origin=_NWS)
    ttrr: float = parameter(default=-0.00000199, unit="1/(degF %^2)", meaning="factor of T^2 R^2", origin=_NWS)
    dry_below: float = parameter(
        default=13.0, unit="%", meaning="humidity below which the dry adjustment applies", origin=_NWS
    )
    dry_from: float = parameter(
        default=80.0, unit="degF", meaning="lowest temperature of the dry adjustment", origin=_NWS
    )
    dry_to: float = parameter(
        default=112.0, unit="degF", meaning="highest temperature of the dry adjustment", origin=_NWS
    )
    wet_above: float = parameter(
        default=85.0, unit="%", meaning="humidity above which the wet adjustment applies", origin=_NWS
    )
    wet_from: float = parameter(
        default=80.0, unit="degF", meaning="lowest temperature of the wet adjustment", origin=_NWS
    )
    wet_to: float = parameter(
        default=87.0, unit="degF", meaning="highest temperature of the wet adjustment", origin=_NWS
    )
    simple_below: float = parameter(
        default=80.0, unit="degF", meaning="value below which the simple formula holds", origin=_NWS
    )

    def regression(self, t: Floats, r: Floats) -> Floats:
        """Return the bare regression in degF of plain numbers in degF and percent, unchecked."""
        # Horner in T: each power of T once, no array of a square.
        return (
            self.constant + self.r * r + self.rr * r * r
            + t * (self.t + self.tr * r + self.trr * r * r + t * (self.tt + self.ttr * r + self.ttrr * r * r))
        )  # fmt: skip


NWS = HeatIndex()


def _fahrenheit(celsius: Floats) -> Floats:
    return celsius * 1.8 + 32.0


def _celsius(fahrenheit: Floats) -> Floats:
    return (fahrenheit - 32.0) / 1.8


def heat_index(temperature: Values, humidity: Values, *, index: HeatIndex = NWS) -> Any:
    """Return the heat index in degC.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature; converted inside. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : HeatIndex

    Raises
    ------
    DataError
        A value is not credible, has another unit, or labels differ.

    Notes
    -----
    Regression of Rothfusz; ``(13 - R)/4 sqrt((17 - |T - 95|)/17)`` less where R < 13 and 80 <= T <= 112;
    ``(R - 85)/10 (87 - T)/5`` more where R > 85 and 80 <= T <= 87. Where the simple value
    ``0.5 (T + 61 + 1.2 (T - 68) + 0.094 R)``, averaged with T, is below 80 degF, the simple value. Programs differ in
    that last averaging: compare them where the index is 82 degF (27.8 degC) or more.

    Examples
    --------
    >>> celsius = heat_index((95.0 - 32.0) / 1.8, 50.0)
    >>> round(float(celsius * 1.8 + 32.0), 3)
    105.216
    """

    def formula(celsius: Floats, r: Floats) -> Floats:
        # A chart's 80 or 112 degF must not miss its range by the rounding of the way to degC and back.
        t = np.round(_fahrenheit(celsius), 9) if celsius.dtype == np.float64 else _fahrenheit(celsius)
        dry = (r < index.dry_below) & (t >= index.dry_from) & (t <= index.dry_to)
        wet = (r > index.wet_above) & (t >= index.wet_from) & (t <= index.wet_to)
        less = (index.dry_below - r) / 4.0 * np.sqrt(np.maximum(17.0 - np.abs(t - 95.0), 0.0) / 17.0)
        more = (r - index.wet_above) / 10.0 * ((index.wet_to - t) / 5.0)
        full = index.regression(t, r) - np.where(dry, less, 0.0) + np.where(wet, more, 0.0)
        simple = 0.5 * (t + 61.0 + 1.2 * (t - 68.0) + 0.094 * r)
        return _celsius(np.where((simple + t) / 2.0 < index.simple_below, simple, full))

    return evaluate(
        formula,
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="heat index (NWS)",
    )  # fmt: skip


def rothfusz_regression(temperature: Values, humidity: Values, *, index: HeatIndex = NWS) -> Any:
    """Return the bare regression of the heat index in degC: no adjustment, no simple formula for mild weather.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Air temperature; converted inside. NaN gives NaN.
    humidity : same, %
        Relative humidity. NaN gives NaN.
    index : HeatIndex

    Raises
    ------
    DataError
        See :func:`heat_index`.

    Notes
    -----
    For comparison with programs that know only this part. Below about 27 degC it is no heat index.

    Examples
    --------
    >>> round(float(rothfusz_regression(35.0, 50.0)), 3)
    40.675
    """
    return evaluate(
        lambda celsius, r: _celsius(index.regression(_fahrenheit(celsius), r)),
        AIR_TEMPERATURE.of("temperature", temperature), HUMIDITY.of("humidity", humidity),
        unit="degC", meaning="heat index (NWS), bare regression",
    )  # fmt: skip
