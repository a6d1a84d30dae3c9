"""What reaches zones where providers serve a part: shares of 512 samples, people without, and their roots.

What is summed over samples is rounded to whole numbers per row and sample first, so that sums are exact in any order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.roots import SHARES
from resilience.kernels.rows import Words

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]
Reals = NDArray[np.float64]

_ONE = np.uint64(1)


@kernel
def receive_shares(
    needs: Indices,
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    up: Words,
    fraction_row: Indices,
    fraction: Reals,
    received: Reals,
) -> None:
    """Write how much of each need is received: the k-th largest fraction of its providers, all where a buffer holds.

    Parameters
    ----------
    needs : (n,) int32
    provider_indptr : (n_need + 1,) int64
    provider : (n_dependency,) int32
    required : (n_need,) int32
        k; more than there are providers is never met.
    buffer_row : (n_need,) int32
        Row of `buffered`, or -1 without a buffer.
    buffered : (n_buffer, 8) uint64
    up : (n_asset, 8) uint64
        Providers without a fraction give all where they are up, else nothing.
    fraction_row : (n_asset,) int32
        Row of `fraction`, or -1.
    fraction : (m, 512) float64
        In [0, 1].
    received : (n, 512) float64
        Output, in [0, 1].

    Notes
    -----
    O(512 p k) for a need of p providers.
    """
    most = 1
    for i in range(needs.size):
        most = max(most, required[needs[i]])
    largest = np.empty(most)
    for i in range(needs.size):
        need = needs[i]
        k = required[need]
        for s in range(512):
            w = s >> 6
            bit = np.uint64(s & 63)
            if buffer_row[need] >= 0 and (buffered[buffer_row[need], w] >> bit) & _ONE:
                received[i, s] = 1.0
                continue
            largest[:k] = 0.0
            for x in range(provider_indptr[need], provider_indptr[need + 1]):
                row = fraction_row[provider[x]]
                value = 1.0 if (up[provider[x], w] >> bit) & _ONE else 0.0
                if row >= 0:
                    value = fraction[row, s]
                place = k - 1
                if value <= largest[place]:
                    continue
                while place > 0 and largest[place - 1] < value:
                    largest[place] = largest[place - 1]
                    place -= 1
                largest[place] = value
            received[i, s] = largest[k - 1]


@kernel
def add_share_people(lost: Reals, weight: Integers, lanes: Integers) -> None:
    """Add to each sample the weight of each row times the share that it lost, rounded to whole units per row.

    Parameters
    ----------
    lost : (n, 512) float64
        In [0, 1].
    weight : (n,) int64
        Below 2**53.
    lanes : (512,) int64
        Changed in place.
    """
    for i in range(weight.size):
        for s in range(512):
            if lost[i, s] > 0.0:
                lanes[s] += np.int64(np.rint(weight[i] * lost[i, s]))


@kernel
def add_lost_samples(lost: Reals, count: Integers) -> None:
    """Add the shares that each row lost to `count`, (n,) int64, a whole sample counting for SHARES."""
    for i in range(count.size):
        for s in range(512):
            if lost[i, s] > 0.0:
                count[i] += np.int64(np.rint(lost[i, s] * SHARES))


@kernel
def share_lost_roots(
    roots: NDArray[np.uint64], lost: Reals, weight: Integers, shares: Integers, people: Integers
) -> None:
    """Divide what each row lost among its roots, ties shared equally.

    Parameters
    ----------
    roots : (n_category, n, 8) uint64
    lost : (n, 512) float64
        In [0, 1].
    weight : (n,) int64
        People of each row, below 2**53.
    shares : (n, n_category) int64
        Changed in place.
    people : (n_category,) int64
        Changed in place. What whole numbers leave over goes to the first root.
    """
    n_category = roots.shape[0]
    for i in range(weight.size):
        for s in range(512):
            if lost[i, s] <= 0.0:
                continue
            w = s >> 6
            bit = np.uint64(s & 63)
            n_root = 0
            for category in range(n_category):
                if (roots[category, i, w] >> bit) & _ONE:
                    n_root += 1
            if n_root == 0:
                continue
            gone = np.int64(np.rint(lost[i, s] * SHARES))
            here = np.int64(np.rint(weight[i] * lost[i, s]))
            first = True
            for category in range(n_category):
                if (roots[category, i, w] >> bit) & _ONE:
                    shares[i, category] += gone // n_root
                    people[category] += here // n_root
                    if first:
                        shares[i, category] += gone % n_root
                        people[category] += here % n_root
                        first = False
