"""The normal distribution and its inverse, where SciPy is not at hand."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.fragility import sample_uniforms

_SQRT_HALF = math.sqrt(0.5)
_SCALE = 1.0 / 4294967296.0


@kernel
def normal_probability(z: float) -> float:
    """Return Phi(z)."""
    return 0.5 * math.erfc(-_SQRT_HALF * z)


@kernel
def _ratio(
    r: float,
    a: tuple[float, float, float, float, float, float, float, float],
    b: tuple[float, float, float, float, float, float, float],
) -> float:
    """Return the quotient of two polynomials in r, the lower one with constant term 1."""
    above = ((((((a[7] * r + a[6]) * r + a[5]) * r + a[4]) * r + a[3]) * r + a[2]) * r + a[1]) * r + a[0]
    below = ((((((b[6] * r + b[5]) * r + b[4]) * r + b[3]) * r + b[2]) * r + b[1]) * r + b[0]) * r + 1.0
    return above / below


_MIDDLE_ABOVE = (
    3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
    45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
)  # fmt: skip
_MIDDLE_BELOW = (
    42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061,
    28729.085735721942674, 5226.495278852854561,
)  # fmt: skip
_NEAR_ABOVE = (
    1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
    1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 7.7454501427834140764e-4,
)  # fmt: skip
_NEAR_BELOW = (
    2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
    0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9,
)  # fmt: skip
_FAR_ABOVE = (
    6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
    0.026532189526576123093, 0.0012426609473880784386, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_FAR_BELOW = (
    0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 7.868691311456132591e-4,
    1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
)  # fmt: skip


@kernel
def normal_quantile(p: float) -> float:
    """Return z with Phi(z) = p.

    Assumes 0 < p < 1. Wichura (1988), algorithm AS 241, doi 10.2307/2347330: relative error about 1e-16.
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(0.180625 - q * q, _MIDDLE_ABOVE, _MIDDLE_BELOW)
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    z = _ratio(r - 1.6, _NEAR_ABOVE, _NEAR_BELOW) if r <= 5.0 else _ratio(r - 5.0, _FAR_ABOVE, _FAR_BELOW)
    return -z if q < 0.0 else z


@kernel
def middle_of(u: np.uint32) -> float:
    """Return the middle of the 2**-32 wide step of the unit interval that a 32-bit number stands for; never 0 or 1."""
    return (np.float64(u) + 0.5) * _SCALE


@kernel
def sample_normals(key: np.uint64, identity: NDArray[np.uint64], first_word: int, normal: NDArray[np.float64]) -> None:
    """Write standard normal numbers, one per identity and sample of a word group.

    Parameters
    ----------
    key, identity, first_word
        As in :func:`resilience.kernels.fragility.sample_uniforms`.
    normal : (n, 512) float64
        Output; the quantiles of the numbers drawn there, within +-6.34.

    Notes
    -----
    About 10 us per identity.
    """
    uniform = np.empty((1, 512), np.uint32)
    for i in range(identity.size):
        sample_uniforms(key, identity[i : i + 1], first_word, uniform)
        for s in range(512):
            normal[i, s] = normal_quantile(middle_of(uniform[0, s]))
