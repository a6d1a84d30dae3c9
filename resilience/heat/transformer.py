"""Oil-immersed transformers in a steady state: temperatures, the load that a limit allows, and what trips."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.quantities import AIR_TEMPERATURE, HOT_SPOT, LOAD, OIL_TEMPERATURE
from resilience.heat.transformer_types import Transformer

C57_91 = Transformer()


def top_oil(ambient: Values, load: Values = 1.0, *, transformer: Transformer = C57_91) -> Any:
    """Return the steady top-oil temperature in degC.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        Outdoor air. NaN gives NaN.
    load : same, share of rated load
    transformer : Transformer

    Raises
    ------
    DataError
        A value is not credible or NaN where it must not be, has another unit, or labels differ.

    Notes
    -----
    ``theta_O = theta_A + dTO_R ((K^2 R + 1) / (R + 1))^n``, IEEE C57.91; IEC 60076-7 has the same form.

    Examples
    --------
    >>> round(float(top_oil(40.0, 0.8)), 3)
    79.966
    """
    return evaluate(
        lambda a, k: a + transformer.surcharge + transformer.oil(k),
        AIR_TEMPERATURE.of("ambient", ambient), LOAD.of("load", load),
        unit="degC", meaning="top-oil temperature",
    )  # fmt: skip


def hot_spot(ambient: Values, load: Values = 1.0, *, transformer: Transformer = C57_91) -> Any:
    """Return the steady temperature of the winding's hottest spot in degC.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        Outdoor air. NaN gives NaN.
    load : same, share of rated load
    transformer : Transformer

    Raises
    ------
    DataError
        See :func:`top_oil`.

    Notes
    -----
    ``theta_H = theta_O + dH_R K^(2m)``.

    Examples
    --------
    >>> round(float(hot_spot(40.0, 0.8)), 3)
    97.46
    """
    return evaluate(
        lambda a, k: a + transformer.surcharge + transformer.oil(k) + transformer.winding(k),
        AIR_TEMPERATURE.of("ambient", ambient), LOAD.of("load", load),
        unit="degC", meaning="hot-spot temperature",
    )  # fmt: skip


def allowed_load(ambient: Values, *, transformer: Transformer = C57_91) -> Any:
    """Return the largest steady load, as a share of rated load, that keeps the hot spot within its limit.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        Outdoor air. NaN gives NaN.
    transformer : Transformer
        `hot_spot_limit` is the limit.

    Returns
    -------
    same as `ambient`
        0 where even the no-load losses exceed the limit.

    Raises
    ------
    DataError
        See :func:`top_oil`.

    Notes
    -----
    Root K of ``theta_H(K) = limit`` by bisection, to the last digit.

    Examples
    --------
    >>> allowed_load([30.0, 35.0, 40.0, 45.0]).round(5)
    array([1.     , 0.9584 , 0.91539, 0.87078])
    """

    def formula(ambient: Floats) -> Floats:
        margin = np.maximum(transformer.hot_spot_limit - transformer.surcharge - ambient, 0.0)
        low = np.zeros_like(margin)
        # Here the winding alone takes all of the margin, so the root lies below. Newton would need exponents for
        # which the rise is convex; halving needs none, and 60 halvings leave nothing of the bracket.
        high = (margin / transformer.hot_spot_rise) ** (1.0 / transformer.winding_exponent)
        for _ in range(60):
            middle = 0.5 * (low + high)
            above = transformer.oil(middle) + transformer.winding(middle) > margin
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(np.isnan(ambient), np.nan, low).astype(ambient.dtype)

    return evaluate(
        formula, AIR_TEMPERATURE.of("ambient", ambient), unit="1", meaning="allowed share of the rated load"
    )


def approximate_allowed_load(ambient: Values, *, transformer: Transformer = C57_91) -> Any:
    """Return the allowed share of the rated load by a rule of thumb: 0.85 % less per degree above 30 degC.

    Parameters
    ----------
    ambient : number, array or DataArray, degC
        Outdoor air. NaN gives NaN.
    transformer : Transformer
        Of which `rule_slope` and `rule_ambient` are used.

    Raises
    ------
    DataError
        See :func:`top_oil`.

    Notes
    -----
    A check of :func:`allowed_load`: for the default transformer within 0.002 between 30 and 45 degC.

    Examples
    --------
    >>> round(float(approximate_allowed_load(40.0)), 3)
    0.915
    """
    return evaluate(
        lambda a: np.maximum(1.0 - transformer.rule_slope * (a - transformer.rule_ambient), 0.0),
        AIR_TEMPERATURE.of("ambient", ambient),
        unit="1", meaning="allowed share of the rated load, rule of thumb",
    )  # fmt: skip


def trips(hot_spot: Values, top_oil: Values, *, transformer: Transformer = C57_91) -> Any:
    """Return 1 where a transformer trips and 0 where it does not.

    Parameters
    ----------
    hot_spot, top_oil : number, array or DataArray, degC
        NaN gives NaN, unless the other one is enough to trip.
    transformer : Transformer
        Of which `hot_spot_trip` and `oil_trip` are used.

    Raises
    ------
    DataError
        See :func:`top_oil`.

    Notes
    -----
    ``theta_H > 140`` or ``theta_O > 110`` degC.

    Examples
    --------
    >>> trips([139.0, 141.0], [105.0, 105.0])
    array([0., 1.])
    """

    def formula(hot: Floats, oil: Floats) -> Floats:
        off = (hot > transformer.hot_spot_trip) | (oil > transformer.oil_trip)
        unknown = np.isnan(hot) | np.isnan(oil)
        return np.where(off, 1.0, np.where(unknown, np.nan, 0.0)).astype(hot.dtype)

    return evaluate(
        formula, HOT_SPOT.of("hot_spot", hot_spot), OIL_TEMPERATURE.of("top_oil", top_oil),
        unit="1", meaning="1 where the transformer trips",
    )  # fmt: skip
