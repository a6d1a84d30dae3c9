"""The counter-based random number generator: Philox4x32-10.

Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC'11, doi 10.1145/2063384.2063405.
"""

from __future__ import annotations

import numpy as np

from resilience.kernels.compiler import inlined

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_M0, _M1 = map(np.uint64, MULTIPLIERS)
_W0, _W1 = map(np.uint64, KEY_STEPS)


@inlined
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the four 32-bit numbers of counter (c0..c3) under key (k0, k1), each in the low half of a uint64."""
    for _ in range(ROUNDS):
        # Masked where they are multiplied and nowhere else: a vector unit multiplies low halves in one instruction.
        a = _M0 * (c0 & _MASK)
        b = _M1 * (c2 & _MASK)
        c0 = (b >> _SHIFT) ^ c1 ^ k0
        c1 = b
        c2 = (a >> _SHIFT) ^ c3 ^ k1
        c3 = a
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0 & _MASK, c1 & _MASK, c2 & _MASK, c3 & _MASK
