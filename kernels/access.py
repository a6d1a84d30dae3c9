"""From travel times to people: who still reaches a facility in time, which one, and why others do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import ZERO, Words, any_row
from resilience.kernels.time_rows import CLOSED

Times = NDArray[np.uint32]
Labels = NDArray[np.int32]
Integers = NDArray[np.int64]
_ONE = np.uint64(1)


@kernel
def sort_access(
    time: Times,
    label: Labels,
    free_time: Times,
    intact_time: Times,
    intact_label: Labels,
    limit: int,
    late: Words,
    moved: Words,
    by_facility: Words,
    added: Integers,
    detour: Integers,
    isolated: Integers,
) -> None:
    """Tell for each zone and each of 512 samples whether and how it is served within a limit.

    Parameters
    ----------
    time, label : (n, 512)
        Time to the nearest functional facility, ms, and which it is.
    free_time : (n, 512) uint32, ms
        The same if every facility were functional.
    intact_time, intact_label : (n,)
        In the intact city.
    limit : int, ms
    late : (n, 8) uint64
        Output: no functional facility within the limit.
    moved : (n, 8) uint64
        Output: within the limit, but not the facility that is nearest in the intact city.
    by_facility : (n, 8) uint64
        Output: late, and in time if every facility were functional; the rest of `late` is the road's.
    added : (n,) int64
        Added to: ms beyond the intact time, over samples with a way.
    detour : (n,) int64
        Added to: the same over samples in time only.
    isolated : (n,) int64
        Added to: samples without any way.
    """
    # No way is never in time, however long the limit.
    longest = np.int64(limit) if limit < CLOSED else np.int64(CLOSED) - 1
    for i in range(intact_time.size):
        for w in range(8):
            is_late = ZERO
            is_moved = ZERO
            of_facility = ZERO
            for s in range(64):
                lane = 64 * w + s
                bit = _ONE << np.uint64(s)
                taken = np.int64(time[i, lane])
                if taken > longest:
                    is_late |= bit
                    if np.int64(free_time[i, lane]) <= longest:
                        of_facility |= bit
                elif label[i, lane] != intact_label[i]:
                    is_moved |= bit
                if taken >= CLOSED:
                    isolated[i] += 1
                elif taken > intact_time[i]:
                    more = taken - np.int64(intact_time[i])
                    added[i] += more
                    if taken <= longest:
                        detour[i] += more
            late[i, w] = is_late
            moved[i, w] = is_moved
            by_facility[i, w] = of_facility


@kernel
def blame_nearest(
    lost: Words,
    label: Labels,
    facility: NDArray[np.int32],
    roots: NDArray[np.uint64],
    up: Words,
    found: NDArray[np.uint64],
) -> None:
    """Add the roots of the facility that would be the nearest, where it is down.

    Parameters
    ----------
    lost : (n, 8) uint64
        Where to look.
    label : (n, 512) int32
        The nearest facility if all were functional, a position in `facility`.
    facility : int32
        Assets.
    roots : (n_root, n_asset, 8) uint64
    up : (n_asset, 8) uint64
    found : (n_root, n, 8) uint64
        Changed in place.
    """
    for i in range(lost.shape[0]):
        if not any_row(lost, i):
            continue
        for w in range(8):
            for s in range(64):
                bit = _ONE << np.uint64(s)
                if lost[i, w] & bit == ZERO:
                    continue
                asset = facility[label[i, 64 * w + s]]
                if up[asset, w] & bit != ZERO:
                    continue
                for category in range(roots.shape[0]):
                    found[category, i, w] |= roots[category, asset, w] & bit
