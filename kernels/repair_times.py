"""Repair times from the 32-bit number U of an asset and sample, by inverting the distribution function.

One U gives one time whatever else is drawn, and a larger U never a shorter one: options, damage states and whole
cities compared under the same U stay comparable. Times are whole seconds, see :mod:`resilience.kernels.schedule`.

The quantile of the normal law is algorithm AS 241, PPND16: Wichura (1988), "The percentage points of the normal
distribution", Applied Statistics 37, 477-484, doi 10.2307/2347330; relative error about 1e-16.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.repair_laws import (
    EXPONENTIAL,
    LOGNORMAL,
    LONGEST_HOURS,
    NORMAL,
    SECONDS_PER_HOUR,
    UNIFORM,
)

_A = (
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_B = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
)  # fmt: skip
_C = (
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_D = (
    1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_E = (
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_F = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
)  # fmt: skip


@kernel
def _ratio(upper: tuple[float, ...], lower: tuple[float, ...], x: float) -> float:
    above, below = upper[7], lower[7]
    for k in range(6, -1, -1):
        above = above * x + upper[k]
        below = below * x + lower[k]
    return above / below


@kernel
def normal_quantile(p: float) -> float:
    """Return z with Phi(z) = p, for p in (0, 1)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_A, _B, 0.180625 - q * q)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    z = _ratio(_C, _D, r - 1.6) if r <= 5.0 else _ratio(_E, _F, r - 5.0)
    return -z if q < 0.0 else z


@kernel
def repair_quantile(kind: int, first: float, second: float, p: float) -> float:
    """Return the time in hours that is not exceeded with probability p, for p in (0, 1).

    Notes
    -----
    A normal law gives negative times; it is cut at 0 and renormalised: ``P(T > t) = Phi((m - t)/s) / Phi(m/s)``. The
    probability above is inverted rather than the one below: it does not cancel where the mean is far above zero.
    """
    if kind == UNIFORM:
        return first + (second - first) * p
    if kind == EXPONENTIAL:
        return -first * math.log1p(-p)
    if kind == LOGNORMAL:
        return first * math.exp(second * normal_quantile(p))
    if kind == NORMAL:
        kept = 0.5 * math.erfc(-first / (second * math.sqrt(2.0)))
        return max(0.0, first - second * normal_quantile((1.0 - p) * kept))
    return first


@kernel
def evaluate_repair_quantiles(
    kind: int, first: float, second: float, p: NDArray[np.float64], hours: NDArray[np.float64]
) -> None:
    """Write the quantiles of one distribution at `p`, (n,) float64 in (0, 1), to `hours`, (n,) float64."""
    for i in range(p.size):
        hours[i] = repair_quantile(kind, first, second, p[i])


@kernel
def draw_repair_times(
    index: NDArray[np.int32],
    kind: NDArray[np.int32],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    uniform: NDArray[np.uint32],
    duration: NDArray[np.int64],
) -> None:
    """Write the repair time of each job.

    Parameters
    ----------
    index : (n,) int32
        Distribution of each job, a row of the table.
    kind : (n_distribution,) int32
    first, second : (n_distribution,) float64
        Parameters, see the top of this file.
    uniform : (n,) uint32
        U of each job; the distribution is inverted at (U + 1/2) / 2**32.
    duration : (n,) int64, s
        Output; rounded to whole seconds, at most `LONGEST_HOURS`.

    Notes
    -----
    O(n), 20 to 60 ns each. Rounding keeps the order in U, and hides the last bits, in which the exponential functions
    of two machines may differ.
    """
    for i in range(index.size):
        k = index[i]
        p = (float(uniform[i]) + 0.5) / 4294967296.0
        hours = min(repair_quantile(kind[k], first[k], second[k], p), LONGEST_HOURS)
        duration[i] = np.int64(hours * SECONDS_PER_HOUR + 0.5)
