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
    About a nanosecond per asset and sample.
    """
    for i in range(uniform.shape[0]):
        for w in range(8):
            out = np.uint64(0)
            for s in range(64):
                lane = 64 * w + s
                u = uniform[i, lane]
                t = np.uint32(0)
                if step[lane] >= 0:
                    t = threshold[i, step[lane]]
                is_out = u < t or t == CERTAIN
                is_out |= (u < damage[i] or damage[i] == CERTAIN) and (
                    damaged_at[i] <= minute[lane] < restored[i, lane]
                )
                if is_out:
                    out |= np.uint64(1) << np.uint64(s)
            failed[i, w] = out
