"""Quotients of arrays: unknown, not infinite, where there is nothing to divide by."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def divide(value: ArrayLike, by: ArrayLike) -> NDArray[np.float64]:
    """Return a quotient, NaN where it is divided by nothing.

    Examples
    --------
    >>> divide([1.0, 1.0], [4, 0]).tolist()
    [0.25, nan]
    """
    above, below = np.broadcast_arrays(np.asarray(value), np.asarray(by))
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0))
