"""From bits to sums: people per sample, samples per asset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import Words, add_lanes, any_row, count_row, dot_lanes

Integers = NDArray[np.int64]


@kernel
def add_people(bits: Words, weight: Integers, lanes: Integers) -> None:
    """Add the weight of each row to the samples where its bit is set.

    Parameters
    ----------
    bits : (n, 8) uint64
    weight : (n,) int64
    lanes : (512,) int64
        Changed in place; the caller sees to it that no sum exceeds 2**63.
    """
    for i in range(weight.size):
        if weight[i] != 0 and any_row(bits, i):
            add_lanes(lanes, bits, i, weight[i])


@kernel
def count_samples(bits: Words, count: Integers) -> None:
    """Add the number of set bits of each row to `count`.

    Parameters
    ----------
    bits : (n, 8) uint64
    count : (n,) int64
        Changed in place.
    """
    for i in range(count.size):
        count[i] += count_row(bits, i)


@kernel
def sum_over_failures(bits: Words, lanes: Integers, total: Integers) -> None:
    """Add, for each row, the sum of `lanes` over the samples where its bit is set.

    Parameters
    ----------
    bits : (n, 8) uint64
    lanes : (512,) int64
    total : (n,) int64
        Changed in place.
    """
    for i in range(total.size):
        if any_row(bits, i):
            total[i] += dot_lanes(lanes, bits, i)
