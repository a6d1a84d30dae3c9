"""Random fields: mixing independent normal numbers into correlated ones, and reading failures off them.

A sample is a column of 512, a word group. Every sum has one order, whatever stands beside it, so a sample's values do
not depend on how samples are cut into blocks; a BLAS product does not promise that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.fragility import CERTAIN
from resilience.kernels.normals import middle_of, normal_probability, normal_quantile
from resilience.kernels.philox import philox
from resilience.kernels.rows import Words

Reals = NDArray[np.float64]
FIELD_PLANE = 16
"""Last counter word of grid noise; the bit planes of the uniform numbers stop below it."""
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_LANES = 64


@kernel
def mix_normals(factor: Reals, noise: Reals, mixed: Reals) -> None:
    """Write ``factor @ noise`` for a lower triangular factor.

    Parameters
    ----------
    factor : (n, n) float64
        C contiguous; only the lower triangle is read.
    noise, mixed : (n, 512) float64
        C contiguous; `mixed` is the output.

    Notes
    -----
    O(512 n**2): 0.05 s for n = 1,000 and 1 s for n = 5,000.
    """
    n = factor.shape[0]
    # 64 samples at a time stay in cache; four rows of noise per pass save most loads and stores of the sums.
    tile = np.empty((n, _LANES))
    total = np.empty(_LANES)
    for start in range(0, noise.shape[1], _LANES):
        tile[:, :] = noise[:, start : start + _LANES]
        for i in range(n):
            total[:] = 0.0
            j = 0
            while j + 4 <= i + 1:
                fa, fb, fc, fd = factor[i, j], factor[i, j + 1], factor[i, j + 2], factor[i, j + 3]
                a, b, c, d = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
                for s in range(_LANES):
                    total[s] = (((total[s] + fa * a[s]) + fb * b[s]) + fc * c[s]) + fd * d[s]
                j += 4
            while j <= i:
                fa, a = factor[i, j], tile[j]
                for s in range(_LANES):
                    total[s] += fa * a[s]
                j += 1
            mixed[i, start : start + _LANES] = total


@kernel
def sample_plane(key: np.uint64, pair: int, plane: Reals) -> None:
    """Write the noise of a grid for two samples.

    Parameters
    ----------
    key : uint64
    pair : int
        Samples ``2 pair`` and ``2 pair + 1``, below 2**32.
    plane : (2 n, 2) float64
        Output: standard normal numbers, row by cell, column by sample. One Philox call serves two cells.
    """
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _SHIFT
    for call in range(plane.shape[0] // 2):
        number = np.uint64(call)
        x0, x1, x2, x3 = philox(number & _MASK, number >> _SHIFT, np.uint64(pair), np.uint64(FIELD_PLANE), k0, k1)
        plane[2 * call, 0] = normal_quantile(middle_of(np.uint32(x0)))
        plane[2 * call, 1] = normal_quantile(middle_of(np.uint32(x1)))
        plane[2 * call + 1, 0] = normal_quantile(middle_of(np.uint32(x2)))
        plane[2 * call + 1, 1] = normal_quantile(middle_of(np.uint32(x3)))


@kernel
def combine_fields(
    common: Reals, local: Reals, point: NDArray[np.int64], share: float, uniform: NDArray[np.uint32]
) -> None:
    """Write ``Phi(sqrt(share) common + sqrt(1 - share) local)`` as 32-bit numbers.

    Parameters
    ----------
    common : (512,) float64
    local : (n_point, 512) float64
    point : (n,) int64
        Row of `local` of each asset.
    share : float
        In [0, 1].
    uniform : (n, 512) uint32
        Output; floor of Phi times 2**32.
    """
    of_common = np.sqrt(share)
    of_local = np.sqrt(1.0 - share)
    for i in range(point.size):
        for s in range(common.size):
            p = normal_probability(of_common * common[s] + of_local * local[point[i], s])
            uniform[i, s] = np.uint32(min(np.floor(p * 4294967296.0), 4294967295.0))


@kernel
def compare_limits(uniform: NDArray[np.uint32], limit: NDArray[np.uint32], failed: Words) -> None:
    """Write where U is below a threshold of its own in every sample.

    Parameters
    ----------
    uniform, limit : (n, 512) uint32
        2**32 - 1 always fails.
    failed : (n, 8) uint64
        Output.
    """
    for i in range(limit.shape[0]):
        for w in range(8):
            word = np.uint64(0)
            for s in range(64):
                at = limit[i, 64 * w + s]
                bit = uniform[i, 64 * w + s] < at or at == CERTAIN
                word |= np.uint64(bit) << np.uint64(s)
            failed[i, w] = word


@kernel
def compare_uniforms(uniform: NDArray[np.uint32], threshold: NDArray[np.uint32], failed: Words) -> None:
    """Write where U < threshold, as :func:`resilience.kernels.fragility.sample_failures` does from planes.

    Parameters
    ----------
    uniform : (n, 512) uint32
    threshold : (n,) uint32
        2**32 - 1 always fails.
    failed : (n, 8) uint64
        Output.
    """
    for i in range(threshold.size):
        for w in range(8):
            word = np.uint64(0)
            for s in range(64):
                bit = uniform[i, 64 * w + s] < threshold[i] or threshold[i] == CERTAIN
                word |= np.uint64(bit) << np.uint64(s)
            failed[i, w] = word
