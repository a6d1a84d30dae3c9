"""From failure probability to failure bits, 512 samples at a time, without forming a single random number.

U(family, asset, sample) is *defined* as the 32-bit number whose bit planes are read here, most significant first:
bit `s` of word `w` of plane `q` is bit ``31 - q`` of U for sample ``64 w + s``. Planes ``2j`` and ``2j + 1`` of a word
are the four outputs of one Philox call with counter (asset hash low, asset hash high, word, j). The comparison U < p
reads planes only until every sample is decided (10.8 planes for 512 samples on average), so the bits are exactly the
indicator [U < p] for one fixed U: nested thresholds give nested failures, and scenarios share random numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.comparison import PAIRS, decide_eight
from resilience.kernels.compiler import kernel
from resilience.kernels.philox import philox
from resilience.kernels.rows import ONES, ZERO, Words, fill_row

CERTAIN = np.uint32(0xFFFFFFFF)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
_WORD = np.uint64(7)
_WORD_BITS = np.uint64(3)
_FIRST_BITS = np.uint64(32 - 2 * PAIRS)
_PLANES = 32
# After eight planes 2 of 512 samples are undecided on average, in 1.8 of 8 words. Only these words go on, collected
# over a chunk of assets so that the vector units stay full.
_CHUNK = 256
# For each byte the places of its set bits, first those that are set, and how many there are.
_FIRST_SET = np.array([sorted(range(8), key=lambda bit: not byte >> bit & 1) for byte in range(256)], np.uint8)
_N_SET = np.array([byte.bit_count() for byte in range(256)], np.uint8)


@kernel
def quantise_probability(probability: NDArray[np.float64], threshold: NDArray[np.uint32]) -> None:
    """Write the uint32 threshold t of each probability: U < t fails; 0 never, 2**32 - 1 always.

    Parameters
    ----------
    probability : (n,) float64
        In [0, 1], no NaN.
    threshold : (n,) uint32
        Output; round(p 2**32), at most 2**32 - 2 where p < 1. So what is less likely than 2**-33 never fails: smooth
        fragility curves would else let every asset fail, at 1e-60, and leave nothing that is sure.
    """
    for i in range(probability.size):
        p = probability[i]
        if p <= 0.0:
            threshold[i] = np.uint32(0)
        elif p >= 1.0:
            threshold[i] = np.uint32(0xFFFFFFFF)
        else:
            t = np.floor(p * 4294967296.0 + 0.5)
            threshold[i] = np.uint32(min(t, 4294967294.0))


class Undecided(NamedTuple):
    """Words with undecided samples, of a chunk of assets; arrays as long as the chunk has words.

    Parameters
    ----------
    place : uint64
        Threshold in the high half; asset of the chunk times 8 plus word in the low half.
    identity : uint64
    undecided, lower : uint64
        Samples that are undecided, samples just found below the threshold.
    """

    place: Words
    identity: Words
    undecided: Words
    lower: Words


@kernel
def _draw_pair(
    words: Undecided, n: np.uint64, first_word: np.uint64, pair: np.uint64, k0: np.uint64, k1: np.uint64
) -> None:
    """Compare two more planes of the first `n` words."""
    shift = np.uint64(2 * _PLANES) - np.uint64(2) * (pair + _ONE)
    place, identity, undecided, lower = words
    for x in range(n):
        word = first_word + (place[x] & _WORD)
        x0, x1, x2, x3 = philox(identity[x] & _MASK, identity[x] >> _SHIFT, word, pair, k0, k1)
        left = undecided[x]
        plane = x0 | (x1 << _SHIFT)
        bit = ONES if (place[x] >> (shift + _ONE)) & _ONE != ZERO else ZERO
        found = bit & left & ~plane
        left &= ~(plane ^ bit)
        plane = x2 | (x3 << _SHIFT)
        bit = ONES if (place[x] >> shift) & _ONE != ZERO else ZERO
        lower[x] = found | (bit & left & ~plane)
        undecided[x] = left & ~(plane ^ bit)


@kernel
def _decide_rest(
    identity: NDArray[np.uint64],
    threshold: NDArray[np.uint32],
    start: int,
    first_word: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
    undecided: Words,
    words: Undecided,
    kept: np.uint64,
    failed: Words,
) -> None:
    """Go on with the `kept` words of a chunk that hold undecided samples, from the planes not drawn together."""
    # Unsigned throughout: a signed index costs a test for its sign.
    flat = undecided.reshape(-1)
    first = np.uint64(start)
    for x in range(kept):
        place = words.place[x]
        asset = first + (place >> _WORD_BITS)
        words.undecided[x] = flat[place]
        words.identity[x] = identity[asset]
        words.place[x] = place | (np.uint64(threshold[asset]) << _SHIFT)
    for pair in range(PAIRS, _PLANES // 2):
        if kept == ZERO:
            break
        _draw_pair(words, kept, first_word, np.uint64(pair), k0, k1)
        left = ZERO
        for x in range(kept):
            place = words.place[x]
            failed[first + ((place & _MASK) >> _WORD_BITS), place & _WORD] |= words.lower[x]
            words.place[left] = place
            words.identity[left] = words.identity[x]
            words.undecided[left] = words.undecided[x]
            left += np.uint64(words.undecided[left] != ZERO)
        kept = left


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
    About 55 ns per asset. Assets of threshold 0 or 2**32 - 1 cost a row write.
    """
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _SHIFT
    undecided = np.empty((_CHUNK, 8), np.uint64)
    words = Undecided(
        np.empty(8 * _CHUNK + 8, np.uint64),
        np.empty(8 * _CHUNK, np.uint64),
        np.empty(8 * _CHUNK, np.uint64),
        np.empty(8 * _CHUNK, np.uint64),
    )
    word = np.uint64(first_word)
    for start in range(0, identity.size, _CHUNK):
        n = min(_CHUNK, identity.size - start)
        kept = ZERO
        for row in range(n):
            i = start + row
            t = np.uint64(threshold[i])
            if t in (ZERO, _MASK):
                fill_row(failed, i, ONES if t == _MASK else ZERO)
                continue
            low = identity[i] & _MASK
            high = identity[i] >> _SHIFT
            still = decide_eight(failed, i, undecided, row, low, high, word, t >> _FIRST_BITS, k0, k1)
            # All eight are written, those that count first: no branch, and one store.
            for x in range(8):
                words.place[kept + np.uint64(x)] = np.uint64(8 * row) + np.uint64(_FIRST_SET[still, x])
            kept += np.uint64(_N_SET[still])
        _decide_rest(identity, threshold, start, word, k0, k1, undecided, words, kept, failed)


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
