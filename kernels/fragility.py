"""From failure probability to failure bits, 512 samples at a time, without forming a single random number.

U(family, asset, sample) is *defined* as the 32-bit number whose bit planes are read here, most significant first:
bit `s` of word `w` of plane `q` is bit ``31 - q`` of U for sample ``64 w + s``. Planes ``2j`` and ``2j + 1`` of a word
are the four outputs of one Philox call with counter (asset hash low, asset hash high, word, j). The comparison U < p
reads planes only until every sample is decided (10.8 planes for 512 samples on average), so the bits are exactly the
indicator [U < p] for one fixed U: nested thresholds give nested failures, and scenarios share random numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.comparison import decide_four
from resilience.kernels.compiler import kernel
from resilience.kernels.philox import philox
from resilience.kernels.rows import ONES, ZERO, Words, fill_row

CERTAIN = np.uint32(0xFFFFFFFF)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
_FOUR_BITS = np.uint64(15)
_PLANES = 32
# Planes are drawn two pairs at a time: a loop of 16 calls becomes straight vector code, where one of 32 or
# 64 stays a loop, twice as slow, and also draws more planes than are needed. Going on with only the words that are
# still undecided after eight planes, one by one, is a third slower: the branches cannot be foretold.
_PAIRS = 2


@kernel
def quantise_probability(probability: NDArray[np.float64], threshold: NDArray[np.uint32]) -> None:
    """Write the uint32 threshold t of each probability: U < t fails; 0 never, 2**32 - 1 always.

    Parameters
    ----------
    probability : (n,) float64
        In [0, 1], no NaN.
    threshold : (n,) uint32
        Output; round(p 2**32), at least 1 where p > 0 and at most 2**32 - 2 where p < 1.
    """
    for i in range(probability.size):
        p = probability[i]
        if p <= 0.0:
            threshold[i] = np.uint32(0)
        elif p >= 1.0:
            threshold[i] = np.uint32(0xFFFFFFFF)
        else:
            t = np.floor(p * 4294967296.0 + 0.5)
            threshold[i] = np.uint32(min(max(t, 1.0), 4294967294.0))


@kernel
def sample_failures(
    key: np.uint64,
    identity: NDArray[np.uint64],
    threshold: NDArray[np.uint32],
    first_word: int,
    failed: Words,
) -> None:
    """Write the failure bits of one word group (512 samples) of every asset.

    Parameters
    ----------
    key : uint64
        From seed, purpose and event family.
    identity : (n,) uint64
        Hash of the asset's id, or of its failure group.
    threshold : (n,) uint32
        From :func:`quantise_probability`.
    first_word : int
        Number of the group's first word, a multiple of 8 below 2**32.
    failed : (n, 8) uint64
        Output: bit set where U < threshold.

    Notes
    -----
    About 90 ns per asset. Assets of threshold 0 or 2**32 - 1 cost a row write.
    """
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _SHIFT
    planes = np.empty((2 * _PAIRS, 8), np.uint64)
    flat = planes.reshape(2 * _PAIRS * 8)
    undecided = np.empty((1, 8), np.uint64)
    word = np.uint64(first_word)
    for i in range(identity.size):
        t = np.uint64(threshold[i])
        if t in (ZERO, _MASK):
            fill_row(failed, i, ONES if t == _MASK else ZERO)
            continue
        low = identity[i] & _MASK
        high = identity[i] >> _SHIFT
        fill_row(undecided, 0, ONES)
        fill_row(failed, i, ZERO)
        for first in range(0, _PLANES // 2, _PAIRS):
            pair = np.uint64(first)
            for q in range(_PAIRS * 8):
                x0, x1, x2, x3 = philox(low, high, word + np.uint64(q & 7), pair + np.uint64(q >> 3), k0, k1)
                flat[q] = x0 | (x1 << _SHIFT)
                flat[_PAIRS * 8 + q] = x2 | (x3 << _SHIFT)
            rest = np.uint64(_PLANES - 2 * (first + _PAIRS))
            more = decide_four(failed, i, undecided, 0, planes, (t >> rest) & _FOUR_BITS)
            # Where the rest of the threshold is zero, U cannot be below it any more.
            if not more or t & ((_ONE << rest) - _ONE) == ZERO:
                break


@kernel
def sample_uniforms(key: np.uint64, identity: NDArray[np.uint64], first_word: int, uniform: NDArray[np.uint32]) -> None:
    """Write U itself: the planes of :func:`sample_failures`, transposed.

    Parameters
    ----------
    key, identity, first_word
        As in :func:`sample_failures`.
    uniform : (n, 512) uint32
        Output; U / 2**32 is uniform on [0, 1).
    """
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _SHIFT
    for i in range(identity.size):
        low = identity[i] & _MASK
        high = identity[i] >> _SHIFT
        uniform[i, :] = np.uint32(0)
        for w in range(8):
            for j in range(_PLANES // 2):
                x0, x1, x2, x3 = philox(low, high, np.uint64(first_word + w), np.uint64(j), k0, k1)
                even = x0 | (x1 << _SHIFT)
                odd = x2 | (x3 << _SHIFT)
                for s in range(64):
                    shift = np.uint64(s)
                    two = (((even >> shift) & np.uint64(1)) << np.uint64(1)) | ((odd >> shift) & np.uint64(1))
                    uniform[i, w * 64 + s] |= np.uint32(two << np.uint64(30 - 2 * j))
