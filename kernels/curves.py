"""Curves on arrays: piecewise linear look-up and lognormal fragility, many curves in one CSR table.

Curve ``k`` owns the points ``indptr[k]`` to ``indptr[k + 1]`` of ``x`` and ``y``, with ``x`` strictly increasing and
``y`` never decreasing. A fragility without points is lognormal: its parameters are ``theta[k]`` and ``beta[k]``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

_SQRT_HALF = math.sqrt(0.5)


@kernel
def interpolate_curve(intensity: float, start: int, stop: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the piecewise linear curve ``x[start:stop], y[start:stop]`` at `intensity`.

    Clamped outside, NaN stays NaN. Assumes at least one point, `x` strictly increasing, no NaN in the curve.
    O(log(stop - start)).
    """
    if math.isnan(intensity):
        return math.nan
    if intensity <= x[start]:
        return y[start]
    if intensity >= x[stop - 1]:
        return y[stop - 1]
    low = start
    high = stop - 1
    while high - low > 1:
        middle = (low + high) // 2
        if x[middle] <= intensity:
            low = middle
        else:
            high = middle
    value = y[low] + (y[high] - y[low]) * ((intensity - x[low]) / (x[high] - x[low]))
    # Rounding may pass the end of the piece by one unit in the last place, which would break monotonicity.
    return min(value, y[high]) if y[high] >= y[low] else max(value, y[high])


@kernel
def lognormal_probability(intensity: float, theta: float, beta: float) -> float:
    """Return Phi(ln(intensity / theta) / beta), 0 for an intensity of zero or less; NaN stays NaN.

    Assumes `theta` and `beta` above zero. O(1).
    """
    if math.isnan(intensity):
        return math.nan
    if intensity <= 0.0:
        return 0.0
    return 0.5 * math.erfc(-_SQRT_HALF * math.log(intensity / theta) / beta)


@kernel
def evaluate_curves(
    intensity: NDArray[np.float64],
    index: NDArray[np.int32],
    indptr: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    theta: NDArray[np.float64],
    beta: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write each asset's curve, of points or lognormal, at each of its intensities.

    `intensity` and `out` are (event, asset), `index` (asset,) names the curve, -1 is none: the result is 0 there,
    also where the intensity is NaN, because nothing is asked of it. A curve without points is the lognormal of its
    `theta` and `beta`.
    O(events x assets x log(points)).
    """
    for e in range(intensity.shape[0]):
        for a in range(intensity.shape[1]):
            k = index[a]
            if k < 0:
                out[e, a] = 0.0
            elif indptr[k] == indptr[k + 1]:
                out[e, a] = lognormal_probability(intensity[e, a], theta[k], beta[k])
            else:
                out[e, a] = interpolate_curve(intensity[e, a], indptr[k], indptr[k + 1], x, y)
