"""When there are samples enough: looked at after fixed numbers of them, so that every machine stops at the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FIRST_LOOK = 4096


def list_looks(samples: int, tolerance: float | None) -> list[int]:
    """Return the numbers of samples after which to look; the last are all.

    Parameters
    ----------
    samples : int
        At most.
    tolerance : float, optional
        Without, there is nothing to look for.

    Examples
    --------
    >>> list_looks(20480, 0.01)
    [4096, 8192, 16384, 20480]
    >>> list_looks(20480, None)
    [20480]
    """
    looks = []
    here = FIRST_LOOK
    while tolerance is not None and here < samples:
        looks.append(here)
        here *= 2
    return [*looks, samples]


def find_relative_error(lost: Floats, weight: Floats) -> float:
    """Return the largest relative standard error of any service's weighted sum over events.

    Parameters
    ----------
    lost : (n_event, n_service, n_sample) float64
    weight : (n_event,) float64
        1/year; where none is told, every event counts the same.

    Notes
    -----
    Of the sums by sample: events of a family share their random numbers. Services that nothing takes do not count.

    Examples
    --------
    >>> find_relative_error(np.array([[[1.0, 3.0]], [[0.0, 0.0]]]), np.array([0.5, 0.1]))
    0.5
    """
    told = np.nan_to_num(weight) if np.isfinite(weight).any() else np.ones(weight.size)
    total = np.tensordot(told, lost, axes=1)
    mean = total.mean(axis=-1)
    error = total.std(axis=-1, ddof=1) / np.sqrt(total.shape[-1])
    return float(np.divide(error, mean, out=np.zeros_like(mean), where=mean > 0).max(initial=0.0))
