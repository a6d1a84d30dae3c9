"""Raw raster cells to intensities, in one pass over memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel


@kernel
def clean_cells(nodata: float, scale: float, shift: float, low: float, high: float, values: NDArray[np.float32]) -> int:
    """Convert cells in place and return how many are not credible.

    Parameters
    ----------
    nodata : float
        Value, after rounding to float32, that stands for no data; NaN for none.
    scale, shift : float
        ``intensity = scale * value + shift``, computed in float64.
    low, high : float
        Lowest and highest credible intensity; NaN cells are never counted.
    values : (n,) float32
        Contiguous; becomes the intensity, NaN where there is no data.

    Returns
    -------
    int

    Notes
    -----
    O(n), one read and one write per cell. numpy needs three passes and three times as long, which is 15 % of the time
    to decode a deflated raster on two threads. The float32 comparison and the separate loop for maps that are already
    in the right unit save another third.
    """
    code, lowest, highest = np.float32(nodata), np.float32(low), np.float32(high)
    missing = np.float32(np.nan)
    n_bad = 0
    if scale == 1.0 and shift == 0.0:
        for i in range(values.size):
            value = values[i]
            intensity = missing if value == code else value
            n_bad += int((intensity < lowest) | (intensity > highest))
            values[i] = intensity
    else:
        for i in range(values.size):
            value = values[i]
            intensity = missing if value == code else np.float32(np.float64(value) * scale + shift)
            n_bad += int((intensity < lowest) | (intensity > highest))
            values[i] = intensity
    return n_bad
