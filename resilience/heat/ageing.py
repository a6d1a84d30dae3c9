"""Ageing of a transformer's insulation by its hot spot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resilience.errors import ConfigurationError, Problem
from resilience.heat.evaluate import Values, evaluate, evaluate_along
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter, source
from resilience.heat.quantities import AGEING_RATE, HOT_SPOT

_GE = source("GE relay manual (p643) and alliander-opensource transformer-thermal-model, after IEEE C57.91")
_IEC = source("alliander-opensource transformer-thermal-model, after IEC 60076-7")
_LIFE = memory("IEEE C57.91, normal insulation life")
_RATE = judgement("order of magnitude of major failures; calibrate on your own records")


@coefficient_set
class Insulation(Parameters):
    """Thermally upgraded paper (65-degree-rise unit): ageing after Arrhenius, IEEE C57.91."""

    activation: float = parameter(
        default=15000.0, unit="K", meaning="slope over the inverse temperature", origin=_GE, above=0
    )
    reference: float = parameter(default=383.0, unit="K", meaning="hot spot of normal ageing", origin=_GE, above=0)
    zero: float = parameter(default=273.0, unit="K", meaning="what the standard adds to degC", origin=_GE)
    life: float = parameter(default=180_000.0, unit="h", meaning="normal life at normal ageing", origin=_LIFE, above=0)
    base_failure_rate: float = parameter(
        default=0.01, unit="1/year", meaning="failures per year at normal ageing", origin=_RATE, minimum=0
    )


@coefficient_set
class OldInsulation(Insulation):
    """Paper that is not upgraded (55-degree-rise unit), IEEE C57.91."""

    reference: float = parameter(default=368.0, unit="K", meaning="hot spot of normal ageing", origin=_GE, above=0)


@coefficient_set
class PaperDoubling(Parameters):
    """Paper that is not upgraded, by the doubling rule of IEC 60076-7."""

    reference: float = parameter(default=98.0, unit="degC", meaning="hot spot of normal ageing", origin=_IEC)
    doubling: float = parameter(default=6.0, unit="K", meaning="rise that doubles ageing", origin=_IEC, above=0)


UPGRADED = Insulation()
NOT_UPGRADED = OldInsulation()
IEC_PAPER = PaperDoubling()


def ageing_rate(hot_spot: Values, *, insulation: Insulation = UPGRADED) -> Any:
    """Return how many times faster than normal the insulation ages (IEEE C57.91, F_AA).

    Parameters
    ----------
    hot_spot : number, array or DataArray, degC
        NaN gives NaN.
    insulation : Insulation
        :data:`UPGRADED` (normal at 110 degC) or :data:`NOT_UPGRADED` (normal at 95 degC).

    Raises
    ------
    DataError
        A value is not credible or has another unit.

    Notes
    -----
    ``F_AA = exp(15000/383 - 15000/(theta_H + 273))``; IEC 60076-7 has the same for upgraded paper.

    Examples
    --------
    >>> ageing_rate([98.0, 110.0, 120.0, 140.0]).round(5)
    array([ 0.28174,  1.     ,  2.70893, 17.19946])
    """
    c = insulation
    return evaluate(
        lambda hot: np.exp(c.activation / c.reference - c.activation / (hot + c.zero)),
        HOT_SPOT.of("hot_spot", hot_spot),
        unit="1", meaning="ageing rate relative to normal",
    )  # fmt: skip


def paper_ageing_rate(hot_spot: Values, *, paper: PaperDoubling = IEC_PAPER) -> Any:
    """Return how many times faster than normal paper ages that is not upgraded (IEC 60076-7, V).

    Parameters
    ----------
    hot_spot : number, array or DataArray, degC
        NaN gives NaN.
    paper : PaperDoubling

    Raises
    ------
    DataError
        See :func:`ageing_rate`.

    Notes
    -----
    ``V = 2^((theta_H - 98) / 6)``.

    Examples
    --------
    >>> paper_ageing_rate([98.0, 100.0, 104.0]).round(6)
    array([1.      , 1.259921, 2.      ])
    """
    return evaluate(
        lambda hot: np.exp2((hot - paper.reference) / paper.doubling),
        HOT_SPOT.of("hot_spot", hot_spot),
        unit="1", meaning="ageing rate relative to normal",
    )  # fmt: skip


def equivalent_ageing(rate: Values, *, dim: str = "time", axis: int = -1) -> Any:
    """Return the constant ageing rate that would age as much over the whole time (F_EQA).

    Parameters
    ----------
    rate : array or DataArray
        Ageing rate in equal time steps. One NaN gives NaN.
    dim : str
        Dimension of time of a DataArray.
    axis : int
        Axis of time of a plain array.

    Raises
    ------
    DataError
        A rate is negative, or there is no time.

    Examples
    --------
    >>> float(equivalent_ageing([1.0, 3.0]))
    2.0
    """
    return evaluate_along(
        lambda values: values.mean(axis=-1), AGEING_RATE.of("rate", rate),
        dim=dim, axis=axis, units=("1",), meanings=("equivalent ageing rate",), reduce=True,
    )  # fmt: skip


def loss_of_life(
    rate: Values, *, step_hours: float = 1.0, insulation: Insulation = UPGRADED, dim: str = "time", axis: int = -1
) -> Any:
    """Return the share of the normal life that the insulation loses.

    Parameters
    ----------
    rate : array or DataArray
        Ageing rate in equal time steps. One NaN gives NaN.
    step_hours : float
        Length of a step.
    insulation : Insulation
        Of which `life` is used.
    dim : str
        Dimension of time of a DataArray.
    axis : int
        Axis of time of a plain array.

    Raises
    ------
    DataError
        See :func:`equivalent_ageing`.
    ConfigurationError
        `step_hours` is not above 0.

    Notes
    -----
    ``F_EQA t / 180000 h``; times 100 it is the per cent of the standard.

    Examples
    --------
    >>> float(loss_of_life([10.0] * 18))
    0.001
    """
    if not (math.isfinite(step_hours) and step_hours > 0.0):
        raise ConfigurationError(Problem("step_hours", "hours, > 0", repr(step_hours)))
    return evaluate_along(
        lambda values: values.sum(axis=-1) * (step_hours / insulation.life), AGEING_RATE.of("rate", rate),
        dim=dim, axis=axis, units=("1",), meanings=("share of the normal insulation life lost",), reduce=True,
    )  # fmt: skip


def failure_rate(rate: Values, *, insulation: Insulation = UPGRADED) -> Any:
    """Return the failures per year of a transformer that ages at `rate`: proportional to it.

    Parameters
    ----------
    rate : number, array or DataArray
        Ageing rate. NaN gives NaN.
    insulation : Insulation
        Of which `base_failure_rate` is used, a judgement.

    Raises
    ------
    DataError
        A rate is negative.

    Examples
    --------
    >>> float(failure_rate(2.5))
    0.025
    """
    return evaluate(
        lambda values: insulation.base_failure_rate * values, AGEING_RATE.of("rate", rate),
        unit="1/year", meaning="failure rate",
    )  # fmt: skip
