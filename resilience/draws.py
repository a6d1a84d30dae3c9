"""Keys of the random number streams: one per seed, purpose and event family."""

from __future__ import annotations

import hashlib

import numpy as np

FRAGILITY = "fragility"
BUFFER = "buffer start"
REPAIR = "repair time"
CORRELATION = "correlation"
SEVERITY = "severity"
HAZARD_ERROR = "hazard error"


def stream_key(seed: int, purpose: str, family: str) -> np.uint64:
    """Return the 64-bit key of a stream: blake2b over seed, purpose and the 64-bit hash of the family's id.

    Parameters
    ----------
    seed : int
    purpose : str
        What the numbers are for; streams of different purposes are independent.
    family : str
        Id of the event family; all bands of a family share their numbers.

    Examples
    --------
    >>> keys = {int(stream_key(1, purpose, "river")) for purpose in (FRAGILITY, BUFFER, FRAGILITY)}
    >>> len(keys)
    2
    """
    of_family = hashlib.blake2b(family.encode(), digest_size=8).digest()
    text = b"\0".join([str(int(seed)).encode(), purpose.encode(), of_family])
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))
