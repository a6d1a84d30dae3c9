"""Deaths and illness in the heat, and what a loss of power adds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate, unit_of
from resilience.heat.parameters import Parameters, coefficient_set, judgement, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, PERSONS, RELATIVE_RISK, SHARE

_EAHT = source("doi 10.5620/eht.2011.26.e2011009")
_KIM = source("Kim et al. 2006, two-phase regression (JAKO200628839765814)")
_LOCAL = judgement("no value verified: the slope of Seoul, with a local 90th percentile as threshold")
_DAEGU = source("doi 10.5620/eht.2011.26.e2011009: the local 75th summer percentile, one day of lag")
_NA = source("Na et al. 2013, PMC3567322")
_OUTAGE = judgement("range 1 to 3")


@coefficient_set
class Mortality(Parameters):
    """Deaths in Seoul by daily maximum of the air temperature, without lag."""

    increase: float = parameter(
        default=0.0299,
        unit="1/K",
        meaning="growth of the risk per degree; 95 % interval 0.0243 to 0.0354",
        origin=_EAHT,
        above=-1,
    )
    threshold: float = parameter(
        default=31.0, unit="degC", meaning="temperature above which the risk grows", origin=_KIM
    )
    outage: float = parameter(
        default=1.5,
        unit="1",
        meaning="factor on the risk of people whose cooling lost its power",
        origin=_OUTAGE,
        minimum=1,
    )

    def risk(self, temperature: Floats, share: Floats) -> Floats:
        """Return the relative risk of plain numbers, unchecked; `share` of the people have lost their cooling."""
        excess = temperature - self.threshold
        grown = np.exp(math.log1p(self.increase) * np.maximum(excess, 0.0))
        risk: Floats = grown * np.where(excess > 0.0, 1.0 + share * (self.outage - 1.0), 1.0).astype(temperature.dtype)
        return risk


@coefficient_set
class DaeguMortality(Mortality):
    """Deaths in Daegu by daily *minimum* of the air temperature of the day before; the threshold is to be given."""

    increase: float = parameter(
        default=0.0352,
        unit="1/K",
        meaning="growth of the risk per degree; 95 % interval 0.0223 to 0.0480",
        origin=_EAHT,
        above=-1,
    )
    threshold: float = parameter(unit="degC", meaning="temperature above which the risk grows", origin=_DAEGU)


@coefficient_set
class LocalMortality(Mortality):
    """Deaths in a town without a study of its own, such as Busan; the threshold is to be given."""

    increase: float = parameter(
        default=0.0299, unit="1/K", meaning="growth of the risk per degree", origin=_LOCAL, above=-1
    )
    threshold: float = parameter(unit="degC", meaning="temperature above which the risk grows", origin=_LOCAL)


@coefficient_set
class HeatIllness(Mortality):
    """Heat illness by daily maximum of the air temperature, all ages, whole country."""

    increase: float = parameter(
        default=0.691,
        unit="1/K",
        meaning="growth of the risk per degree; 95 % interval 0.641 to 0.743",
        origin=_NA,
        above=-1,
    )
    threshold: float = parameter(
        default=31.2,
        unit="degC",
        meaning="temperature above which the risk grows; 32.2 in large cities, 30.5 in provinces",
        origin=_NA,
    )


@coefficient_set
class ElderlyHeatIllness(HeatIllness):
    """Heat illness of people of 65 years and more."""

    increase: float = parameter(
        default=0.863, unit="1/K", meaning="growth of the risk per degree", origin=_NA, above=-1
    )


SEOUL = Mortality()


def relative_risk(temperature: Values, without_cooling: Values = 0.0, *, response: Mortality = SEOUL) -> Any:
    """Return the risk of a hot day over that of a day at the threshold.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Daily maximum or minimum, as the response wants it. NaN gives NaN.
    without_cooling : same
        Share of the people whose cooling has no power and no backup.
    response : Mortality
        A :class:`Mortality` or a :class:`HeatIllness`.

    Raises
    ------
    DataError
        A value is not credible or NaN where it must not be, units or labels differ.

    Notes
    -----
    ``RR = (1 + b)^max(0, T - T_thr)``; above the threshold times ``1 + share (outage - 1)``: people without cooling
    have `outage` times the risk.

    Examples
    --------
    >>> round(float(relative_risk(34.0)), 6), round(float(relative_risk(34.0, 0.2)), 6)
    (1.092409, 1.20165)
    """
    return evaluate(
        response.risk,
        AIR_TEMPERATURE.of("temperature", temperature), SHARE.of("without_cooling", without_cooling),
        unit="1", meaning="relative risk",
    )  # fmt: skip


def attributable_fraction(relative_risk: Values) -> Any:
    """Return the share of the deaths (or cases) of a day that the heat caused.

    Parameters
    ----------
    relative_risk : number, array or DataArray
        NaN gives NaN.

    Raises
    ------
    DataError
        A risk is negative.

    Notes
    -----
    ``AF = 1 - 1/RR``, 0 for a risk of 1 or less.

    Examples
    --------
    >>> round(float(attributable_fraction(1.092409)), 6)
    0.084592
    """
    return evaluate(
        lambda rr: 1.0 - 1.0 / np.maximum(rr, 1.0), RELATIVE_RISK.of("relative_risk", relative_risk),
        unit="1", meaning="attributable fraction",
    )  # fmt: skip


def attributable_deaths(
    temperature: Values, deaths: Values, without_cooling: Values = 0.0, *, response: Mortality = SEOUL
) -> Any:
    """Return the deaths (or cases) of hot days that the heat caused.

    Parameters
    ----------
    temperature : number, array or DataArray, degC
        Daily maximum or minimum, as the response wants it. NaN gives NaN.
    deaths : same
        Deaths counted on such days, those by heat among them. Of a day without heat, the heat adds
        ``deaths * (RR - 1)``.
    without_cooling : same
        Share of the people whose cooling has no power and no backup.
    response : Mortality

    Raises
    ------
    DataError
        See :func:`relative_risk`.

    Notes
    -----
    ``deaths * (1 - 1/RR)``.

    Examples
    --------
    >>> round(float(attributable_deaths(34.0, 130.0)), 3)
    10.997
    """

    def formula(t: Floats, count: Floats, share: Floats) -> Floats:
        return count * (1.0 - 1.0 / response.risk(t, share))

    return evaluate(
        formula,
        AIR_TEMPERATURE.of("temperature", temperature), PERSONS.of("deaths", deaths),
        SHARE.of("without_cooling", without_cooling),
        unit=unit_of(deaths), meaning="deaths by heat",
    )  # fmt: skip
