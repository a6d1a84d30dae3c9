"""Pairs of nodes to numbers: a table with open addressing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

Integers = NDArray[np.int64]

EMPTY = np.int64(-1)


@kernel
def find_pair(keys: Integers, a: int, b: int) -> int:
    """Return the place of pair (a, b), or the free place where it belongs.

    Parameters
    ----------
    keys : (power of two,) int64
        EMPTY where nothing stands; never full.
    a, b : int
        Nodes, below 2**31, in either order.
    """
    low = min(a, b)
    high = max(a, b)
    key = (low << 32) | high
    mask = keys.size - 1
    # Both products stay below 2**63: interpreted, an overflow is an error.
    place = (((low * 0x9E3779B1) ^ (high * 0x85EBCA77)) >> 15) & mask
    while keys[place] not in (EMPTY, key):
        place = (place + 1) & mask
    return place


@kernel
def grow_table(keys: Integers, values: Integers) -> tuple[Integers, Integers]:
    """Return keys and values in a table twice as large."""
    new_keys = np.full(keys.size * 2, EMPTY)
    new_values = np.empty(keys.size * 2, np.int64)
    for old in range(keys.size):
        if keys[old] != EMPTY:
            place = find_pair(new_keys, keys[old] >> 32, keys[old] & 0xFFFFFFFF)
            new_keys[place] = keys[old]
            new_values[place] = values[old]
    return new_keys, new_values
