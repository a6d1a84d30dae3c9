"""From bits to sums: people per sample, samples per asset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.lane_sums import TOGETHER, add_eight, add_lanes, dot_lanes
from resilience.kernels.rows import Words, any_row, count_row

Integers = NDArray[np.int64]
_SHORT = 2**32 - 1


@kernel
def add_people(bits: Words, weight: Integers, lanes: Integers) -> None:
    """Add the weight of each row to the samples where its bit is set.

    Parameters
    ----------
    bits : (n, 8) uint64
    weight : (n,) int64
        None below zero.
    lanes : (512,) int64
        Changed in place; the caller sees to it that no sum exceeds 2**63.

    Notes
    -----
    About 10 ns per row. Sums of 32 bits are kept as long as they cannot overflow.
    """
    short = np.zeros(512, np.uint32)
    eight = np.empty(TOGETHER, np.uint32)
    held = 0
    n_whole = weight.size - weight.size % TOGETHER
    for first in range(0, n_whole, TOGETHER):
        total = 0
        most = 0
        for r in range(TOGETHER):
            most = max(most, weight[first + r])
            total += min(weight[first + r], _SHORT)
        if most > _SHORT or total > _SHORT:
            for r in range(TOGETHER):
                add_lanes(lanes, bits, first + r, weight[first + r])
            continue
        if held + total > _SHORT:
            lanes += short
            short[:] = 0
            held = 0
        held += total
        for r in range(TOGETHER):
            eight[r] = weight[first + r]
        add_eight(short, bits, first, eight)
    lanes += short
    for i in range(n_whole, weight.size):
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
