"""Philox4x32-10 against the vectors that its authors publish with Random123, and against whole-number arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.philox import philox

ONES = 0xFFFFFFFF


def philox_slowly(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """The definition of Salmon et al. (2011), section 3.3, in whole numbers without a limit."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x0, x1, x2, x3


def drawn(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(x) for x in philox(*(np.uint64(v) for v in (*counter, *key))))


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_published_vectors(counter: tuple[int, ...], key: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    assert drawn(counter, key) == wanted
    assert philox_slowly(counter, key) == wanted


@settings(deadline=None, max_examples=100)
@given(st.tuples(*[st.integers(0, ONES)] * 4), st.tuples(*[st.integers(0, ONES)] * 2))
def test_any_counter_and_key(counter: tuple[int, ...], key: tuple[int, ...]) -> None:
    assert drawn(counter, key) == philox_slowly(counter, key)
