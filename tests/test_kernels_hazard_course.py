"""Who a hazard that changes keeps out at a moment, against the definition sample by sample."""

from __future__ import annotations

import numpy as np

from resilience.kernels.fragility import CERTAIN
from resilience.kernels.hazard_course import follow_hazard


def test_out_is_what_the_definition_says(unpack) -> None:
    rng = np.random.default_rng(8)
    n, n_step = 6, 4
    uniform = rng.integers(0, 2**32, (n, 512), dtype=np.uint32)
    uniform[:, :3] = [0, 2**32 - 2, 2**32 - 1]
    threshold = rng.integers(0, 2**32, (n, n_step), dtype=np.uint32)
    threshold[0] = [0, CERTAIN, CERTAIN - np.uint32(1), 1]
    step = rng.integers(-1, n_step, 512).astype(np.int32)
    damage = np.array([0, CERTAIN, 2**31, 2**30, 1, 2**32 - 2], np.uint32)
    damaged_at = rng.integers(0, 100, n).astype(np.int32)
    restored = rng.integers(50, 200, (n, 512)).astype(np.int32)
    minute = rng.integers(0, 250, 512).astype(np.int32)
    failed = np.empty((n, 8), np.uint64)
    follow_hazard(uniform, threshold, step, damage, damaged_at, restored, minute, failed)

    def below(u: int, t: int) -> bool:
        return t == 2**32 - 1 or u < t

    for i in range(n):
        wanted = [
            (step[s] >= 0 and below(int(uniform[i, s]), int(threshold[i, step[s]])))
            or (below(int(uniform[i, s]), int(damage[i])) and damaged_at[i] <= minute[s] < restored[i, s])
            for s in range(512)
        ]
        assert unpack(failed)[i].tolist() == wanted, i
