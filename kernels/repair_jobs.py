"""From damage bits to lists of repair jobs per sample, each with the U that sets its repair time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.philox import philox
from resilience.kernels.rows import Words

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_NEVER_MINUTE = 2**31 - 1


@kernel
def count_jobs(damaged: Words, indptr: NDArray[np.int64]) -> None:
    """Write where the jobs of each sample begin and end.

    Parameters
    ----------
    damaged : (n, 8) uint64
        One word group: bit set where the asset is damaged, in whichever state.
    indptr : (513,) int64
        Output; sample ``s`` has the jobs ``indptr[s]`` to ``indptr[s + 1]``.

    Notes
    -----
    O(n + jobs).
    """
    indptr[:] = 0
    for i in range(damaged.shape[0]):
        for w in range(8):
            left = damaged[i, w]
            s = 64 * w + 1
            while left != _ZERO:
                indptr[s] += np.int64(left & _ONE)
                left >>= _ONE
                s += 1
    for s in range(512):
        indptr[s + 1] += indptr[s]


@kernel
def list_jobs(
    key: np.uint64,
    identity: NDArray[np.uint64],
    first_word: int,
    damaged: NDArray[np.uint64],
    indptr: NDArray[np.int64],
    asset: NDArray[np.int32],
    state: NDArray[np.int32],
    uniform: NDArray[np.uint32],
) -> None:
    """Write the jobs of one word group: by sample, in a sample in the order of the assets.

    Parameters
    ----------
    key : uint64
        From seed, purpose and event family.
    identity : (n,) uint64
        Hash of the asset's id.
    first_word : int
        Number of the group's first word, a multiple of 8 below 2**32.
    damaged : (n_state, n, 8) uint64
        Row ``k - 1``: bit set where the state of damage is k or more severe. So the rows are nested.
    indptr : (513,) int64
        From :func:`count_jobs` of ``damaged[0]``.
    asset, state : (n_job,) int32
        Output; row of the asset and its state of damage, from 1.
    uniform : (n_job,) uint32
        Output; U of asset and sample, the number that :func:`resilience.kernels.fragility.sample_uniforms` writes.

    Notes
    -----
    About 0.2 us for each word with damage and 20 ns per job. The 32 planes of a word are drawn only where one of its
    samples is damaged.
    """
    k0 = np.uint64(key) & _MASK
    k1 = np.uint64(key) >> _SHIFT
    place = indptr[:512].copy()
    planes = np.empty(32, np.uint64)
    for i in range(identity.size):
        low = identity[i] & _MASK
        high = identity[i] >> _SHIFT
        for w in range(8):
            if damaged[0, i, w] == _ZERO:
                continue
            for pair in range(16):
                x0, x1, x2, x3 = philox(low, high, np.uint64(first_word + w), np.uint64(pair), k0, k1)
                planes[2 * pair] = x0 | (x1 << _SHIFT)
                planes[2 * pair + 1] = x2 | (x3 << _SHIFT)
            for s in range(64):
                shift = np.uint64(s)
                if (damaged[0, i, w] >> shift) & _ONE == _ZERO:
                    continue
                u = _ZERO
                for q in range(32):
                    u = (u << _ONE) | ((planes[q] >> shift) & _ONE)
                worst = np.int32(0)
                for k in range(damaged.shape[0]):
                    worst += np.int32((damaged[k, i, w] >> shift) & _ONE)
                job = place[64 * w + s]
                place[64 * w + s] += 1
                asset[job] = i
                state[job] = worst
                uniform[job] = np.uint32(u)


@kernel
def note_repairs(
    indptr: NDArray[np.int64],
    asset: NDArray[np.int32],
    end: NDArray[np.int64],
    order: NDArray[np.int64],
    least: NDArray[np.int32],
    minute: NDArray[np.int32],
) -> None:
    """Write the whole minute at which the work of each job is done, or one before which its asset is not back.

    Parameters
    ----------
    indptr : (513,) int64
        Jobs of each sample.
    asset : (n_job,) int32
    end : (n_job,) int64, s
        The largest number is never.
    order : (n,) int64
        Row of each asset of the jobs in what follows.
    least : (n,) int32, min
        Before which no asset is back.
    minute : (n, 512) int32
        Output, where there are jobs; the largest number is never. Others keep what they have.

    Notes
    -----
    O(jobs).
    """
    for s in range(indptr.size - 1):
        for job in range(indptr[s], indptr[s + 1]):
            row = order[asset[job]]
            # No rounding up by addition: the largest number has no room above it.
            done = end[job] // 60 + np.int64(end[job] % 60 > 0)
            minute[row, s] = np.int32(max(np.int64(least[row]), min(done, np.int64(_NEVER_MINUTE))))
