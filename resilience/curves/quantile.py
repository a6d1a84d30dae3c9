"""Quantiles of curves that tell how much studies differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import betaincinv

from resilience.curves.curve import Curve


def at_quantile(curve: Curve, quantile: float) -> Curve:
    """Return the curve at a quantile of its spread; a curve without spread as it is.

    Parameters
    ----------
    curve : Curve
    quantile : float
        Above 0 and below 1; the same at all points, so one number per run says how harmful studies hold things to be.

    Notes
    -----
    At each point a Beta law with the mean and standard deviation of the curve; where no Beta law has so large a
    deviation, the largest that it can have. What would fall is held: a running maximum.

    Examples
    --------
    >>> curve = Curve("shop", "damage", "flood", "m", x=[0, 1, 2], y=[0, 0.4, 1], spread=[0, 0.2, 0])
    >>> [round(float(at_quantile(curve, q)(1.0)), 4) for q in (0.05, 0.5, 0.95)]
    [0.0976, 0.3857, 0.7514]
    """
    if curve.spread.size == 0:
        return curve
    y = curve.y.copy()
    inside = (y > 0.0) & (y < 1.0) & (curve.spread > 0.0)
    mean = y[inside]
    size = np.maximum(mean * (1.0 - mean) / curve.spread[inside] ** 2 - 1.0, 1e-3)
    y[inside] = betaincinv(mean * size, (1.0 - mean) * size, quantile)
    # In memory a curve is in m or degC whatever it was given in.
    return replace(curve, y=np.maximum.accumulate(y), spread=np.empty(0))
