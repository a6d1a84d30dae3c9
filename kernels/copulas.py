"""Second margins given the first: conditional inversion of copulas (Nelsen 2006, section 2.9)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.normals import normal_probability, normal_quantile

Reals = NDArray[np.float64]
_BELOW_ONE = 1.0 - 2.0**-53


@kernel
def invert_gaussian(u: Reals, w: Reals, rho: float, v: Reals) -> None:
    """Write v with P(V <= v | U = u) = w for the Gaussian copula.

    Parameters
    ----------
    u, w : (n,) float64
        In (0, 1), independent.
    rho : float
        In (-1, 1).
    v : (n,) float64
        Output, in (0, 1); increasing in w.
    """
    rest = math.sqrt((1.0 - rho) * (1.0 + rho))
    for i in range(u.size):
        v[i] = min(normal_probability(rho * normal_quantile(u[i]) + rest * normal_quantile(w[i])), _BELOW_ONE)


@kernel
def invert_gumbel(u: Reals, w: Reals, theta: float, v: Reals) -> None:
    """Write v with P(V <= v | U = u) = w for the Gumbel copula.

    Parameters
    ----------
    u, w : (n,) float64
        In (0, 1), independent.
    theta : float
        At least 1.
    v : (n,) float64
        Output, in (0, 1); increasing in w.

    Notes
    -----
    With x = -ln u, y = -ln v and s = (x**theta + y**theta)**(1 / theta) = x exp(t) the condition reads
    ``x (exp(t) - 1) + (theta - 1) t = -ln w``. The left side is increasing and convex in t, so Newton's steps from a
    point to the right of the root never pass it; each of its two terms alone gives such a point. Seven steps at
    most were seen, for theta from 1 to 10,000.
    """
    for i in range(u.size):
        x = -math.log(u[i])
        wanted = -math.log(w[i])
        t = math.log1p(wanted / x)
        if theta > 1.0:
            t = min(t, wanted / (theta - 1.0))
        for _ in range(50):
            step = (x * math.expm1(t) + (theta - 1.0) * t - wanted) / (x * math.exp(t) + theta - 1.0)
            t -= step
            if step <= 1e-15 * t:
                break
        s = x * math.exp(max(t, 0.0))
        v[i] = min(math.exp(-s * (-math.expm1(-theta * max(t, 0.0))) ** (1.0 / theta)), _BELOW_ONE)
