"""What the hazard itself keeps out of function at one moment, where its strength changes over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.fragility import CERTAIN
from resilience.kernels.rows import Words

Minutes = NDArray[np.int32]


@kernel
def follow_hazard(
    uniform: NDArray[np.uint32],
    threshold: NDArray[np.uint32],
    step: Minutes,
    damage: NDArray[np.uint32],
    damaged_at: Minutes,
    restored: Minutes,
    minute: Minutes,
    failed: Words,
) -> None:
    """Write where the hazard keeps each asset out of function, at a moment of each of 512 samples.

    Parameters
    ----------
    uniform : (n, 512) uint32
        U of each asset and sample, see :func:`resilience.kernels.fragility.sample_uniforms`.
    threshold : (n, n_step) uint32
        Outage where U is below it; 0 never, 2**32 - 1 always.
    step : (512,) int32
        In which step of the hazard each sample is; below zero before the first, none out then.
    damage : (n,) uint32
        Damage where U is below it.
    damaged_at : (n,) int32
        Minute at which what is damaged is so.
    restored : (n, 512) int32
        Minute from which on what is damaged is repaired.
    minute : (512,) int32
        The moment of each sample.
    failed : (n, 8) uint64
        Output.

    Notes
    -----
    No branches: which way a sample goes is chance.
    """
    none = np.uint64(0)
    for i in range(uniform.shape[0]):
        # 2**32 - 1 stands for 2**32, which no U reaches.
        broken = np.uint64(damage[i]) + np.uint64(damage[i] == CERTAIN)
        at = damaged_at[i]
        for w in range(8):
            out = none
            for s in range(64):
                lane = 64 * w + s
                u = np.uint64(uniform[i, lane])
                k = step[lane]
                t = threshold[i, max(k, 0)]
                limit = (np.uint64(t) + np.uint64(t == CERTAIN)) * np.uint64(k >= 0)
                is_out = u < limit
                is_out |= (u < broken) & (at <= minute[lane]) & (minute[lane] < restored[i, lane])
                out |= np.uint64(is_out) << np.uint64(s)
            failed[i, w] = out
