"""Rows of words and the truth values of their samples, by NumPy alone."""

from __future__ import annotations

import numpy as np


def lanes(rows: np.ndarray) -> np.ndarray:
    """Return one truth value per sample, ``(..., 512) bool``."""
    return np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=-1, bitorder="little").astype(bool)


def words(bits: np.ndarray) -> np.ndarray:
    """Return the rows of truth values, ``(..., 8) uint64``."""
    return np.packbits(np.ascontiguousarray(bits), axis=-1, bitorder="little").view(np.uint64)
