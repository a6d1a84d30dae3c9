"""From damage bits to repair jobs with their times: what the scheduling needs of one word group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.repair_jobs import count_jobs, list_jobs
from resilience.kernels.repair_times import draw_repair_times
from resilience.kernels.schedule import Jobs
from resilience.repair_times import PackedRepairTimes


def draw_jobs(
    damaged: NDArray[np.uint64],
    *,
    times: PackedRepairTimes,
    identity: NDArray[np.uint64],
    key: np.uint64,
    first_word: int,
    travel: NDArray[np.int64],
    earliest: NDArray[np.int64],
) -> Jobs:
    """Return the jobs of one word group, 512 samples.

    Parameters
    ----------
    damaged : (n_state, n_asset, 8) uint64
        Row ``k - 1``: bit set where the state of damage is k or more severe.
    times : PackedRepairTimes
        Of the assets, with at least ``n_state`` states; assets that are damaged have a time.
    identity : (n_asset,) uint64
        Hash of each asset's id.
    key : uint64
        ``draws.stream_key(seed, draws.REPAIR, family)``.
    first_word : int
        Number of the group's first word.
    travel : (n_asset,) int64, s
    earliest : (n_asset,) or (n_asset, 512) int64, s
        When a crew can set off: the end of the hazard, or when the roads open; NEVER where they do not.

    Returns
    -------
    Jobs
        By sample, in a sample in the order of the assets.

    Notes
    -----
    The U of a repair belongs to (seed, purpose, family, asset, sample): it is the same whatever the event, the state of
    damage or the option, so a worse state never is repaired in less time where its distribution lies above.

    Examples
    --------
    >>> from resilience.datasets import load_repair_times
    >>> times = load_repair_times().pack(["pump"], peril="flood")
    >>> none, one = np.zeros(1, np.int64), np.uint64(1)
    >>> jobs = draw_jobs(np.full((1, 1, 8), 1, np.uint64), times=times, identity=np.array([7], np.uint64), key=one,
    ...     first_word=0, travel=none, earliest=none)
    >>> jobs.indptr[[0, 1, 64, 65]], bool((jobs.duration > 0).all())
    (array([0, 1, 1, 2]), True)
    """
    indptr = np.empty(513, dtype=np.int64)
    count_jobs(damaged[0], indptr)
    n = int(indptr[-1])
    asset, state = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    uniform, duration = np.empty(n, dtype=np.uint32), np.empty(n, dtype=np.int64)
    list_jobs(key, identity, first_word, damaged, indptr, asset, state, uniform)
    draw_repair_times(times.index[asset, state], times.kind, times.first, times.second, uniform, duration)
    sample = np.repeat(np.arange(512), np.diff(indptr))
    begin = earliest[asset, sample] if earliest.ndim == 2 else earliest[asset]
    return Jobs(indptr, asset, duration, travel[asset], begin)
