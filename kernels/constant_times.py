"""What is the same in all samples of an event, once per event with plain numbers, and what it adds to each batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import ONES, ZERO, Words
from resilience.kernels.time_labels import collect_same_label
from resilience.kernels.time_rows import Indices, Times, collect_same, copy_times, fill_times, within_limit

Integers = NDArray[np.int64]


@kernel
def factorise_constant(
    column: Integers, row: Indices, fill: Indices, directed: bool, outward: Times, inward: Times
) -> None:
    """Add the ways through eliminated nodes to edges whose time is the same in all samples.

    Parameters
    ----------
    column, row, fill
        The plan.
    directed : bool
        Whether `outward` and `inward` are different arrays.
    outward, inward : (n_slot,) uint32
        Changed in place.
    """
    p = 0
    for j in range(column.size - 1):
        for x in range(column[j], column[j + 1]):
            for y in range(x + 1, column[j + 1]):
                slot = fill[p]
                outward[slot] = min(outward[slot], inward[x] + outward[y])
                if directed:
                    inward[slot] = min(inward[slot], outward[x] + inward[y])
                p += 1


@kernel
def carry_constant(column: Integers, row: Indices, outward: Times, time: Times, label: Times) -> None:
    """Carry seeds that are the same in all samples through the eliminated nodes.

    Parameters
    ----------
    column, row
        The plan.
    outward : (n_slot,) uint32
        From :func:`factorise_constant`.
    time, label : (n,) uint32
        Seeds by new number, CLOSED and 0 for none; changed in place: of equal times the smaller label.
    """
    for j in range(column.size - 1):
        for x in range(column[j], column[j + 1]):
            found = time[j] + outward[x]
            other = row[x]
            if found < time[other] or (found == time[other] and label[j] < label[other]):
                time[other] = found
                label[other] = label[j]


@kernel
def collect_constant(
    indptr: Integers,
    place: Indices,
    weight: Times,
    seed_time: Times,
    seed_label: Times,
    first: int,
    labelled: bool,
    time: Times,
    label: Times,
) -> None:
    """Substitute back through nodes whose edges are the same in all samples.

    Parameters
    ----------
    indptr : (n + 1,) int64
    place : int32
        Rows of `time` that each node's times come from.
    weight : uint32
        The time from there.
    seed_time, seed_label : (n,) uint32
        Where a way begins at the node itself.
    first : int
        Row of `time` of the first node.
    labelled : bool
    time, label : (n_row, 16) uint32
        Changed in place.
    """
    for i in range(indptr.size - 1):
        fill_times(time, first + i, seed_time[i])
        if labelled:
            fill_times(label, first + i, seed_label[i])
            collect_same_label(time, label, first + i, place, indptr[i], indptr[i + 1] - indptr[i], weight)
        else:
            collect_same(time, first + i, time, place, indptr[i], indptr[i + 1] - indptr[i], weight)


@kernel
def keep_within(time: Times, place: Integers, limit: Times, batch: int, bits: NDArray[np.uint16]) -> None:
    """Keep where the times of one batch keep each limit.

    Parameters
    ----------
    time : (n_row, 16) uint32
    place : (n,) int64
        Row of each target that is solved; ascending is fastest.
    limit : (n_limit,) uint32
        Below CLOSED.
    batch : int
    bits : (n_limit, 32, n) uint16
        Output: that of the batch. Kept in the order of rows and turned
        into words at the end: about a third of the time of writing words batch by batch.
    """
    for m in range(limit.size):
        for i in range(place.size):
            bits[m, batch, i] = within_limit(time, place[i], limit[m])


@kernel
def write_within(
    bits: NDArray[np.uint16],
    target: Integers,
    intact: Times,
    limit: Times,
    live: Words,
    lane: NDArray[np.int16],
    packed: bool,
    within: NDArray[np.uint64],
) -> None:
    """Write where the times of a group keep each limit.

    Parameters
    ----------
    bits : (n_limit, 32, n) uint16
        From :func:`keep_within`.
    target : (n,) int64
        Targets that are solved.
    intact : (n_target,) uint32
        The times of all others, and of those that are solved in the other samples.
    limit : (n_limit,) uint32
        Below CLOSED.
    live : (1, 8) uint64
        Samples that are solved.
    lane : (n_live,) int16
        The same, in their order.
    packed : bool
        Whether samples have moved.
    within : (n_limit, n_target, 8) uint64
        Output.
    """
    for m in range(limit.size):
        for i in range(intact.size):
            for w in range(8):
                within[m, i, w] = ONES if intact[i] <= limit[m] else ZERO
        for i in range(target.size):
            at = target[i]
            if not packed:
                for w in range(8):
                    word = ZERO
                    for quarter in range(4):
                        word |= np.uint64(bits[m, 4 * w + quarter, i]) << np.uint64(16 * quarter)
                    within[m, at, w] = word
                continue
            for w in range(8):
                within[m, at, w] &= ~live[0, w]
            for s in range(lane.size):
                to = np.int64(lane[s])
                bit = (np.int64(bits[m, s >> 4, i]) >> (s & 15)) & 1
                within[m, at, to >> 6] |= np.uint64(bit) << np.uint64(to & 63)


@kernel
def begin_times(intact: Times, solved: NDArray[np.bool_], times: Times) -> None:
    """Write the intact times (or labels).

    Parameters
    ----------
    intact : (n_target,) uint32
    solved : (n_target,) bool
        Targets that :func:`write_times` overwrites in all samples.
    times : (n_target, 512) uint32
        Output: the rows of all others.
    """
    for i in range(intact.size):
        if not solved[i]:
            times[i, :] = intact[i]


@kernel
def write_times(
    time: Times,
    place: Integers,
    target: Integers,
    lane: NDArray[np.int16],
    batch: int,
    packed: bool,
    times: Times,
    batches: Times,
) -> None:
    """Write the times (or labels) of one batch.

    Parameters
    ----------
    time : (n_row, 16) uint32
    place, target : (n,) int64
        Row of `time` of each target that is solved.
    lane : (n_live,) int16
        Samples that are solved.
    batch : int
    packed : bool
        Whether samples have moved.
    times : (n_target, 512) uint32
        Output: all others stay as they are.
    batches : (n_target * 32, 16) uint32
        The same memory.
    """
    first = 16 * batch
    last = min(first + 16, lane.size)
    for i in range(place.size):
        if not packed:
            copy_times(batches, 32 * target[i] + batch, time, place[i])
            continue
        for s in range(first, last):
            times[target[i], lane[s]] = time[place[i], s - first]
