"""The function of Ishigami and Homma (1990), whose shares of variance are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import uniform

A, B = 7.0, 0.1
ANGLES = {name: uniform(-np.pi, 2 * np.pi) for name in ("x1", "x2", "x3")}

# Closed forms of the parts of the variance; the rest is 0.
V1, V2, V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, 8 * B**2 * np.pi**8 / 225
V = V1 + V2 + V13


def ishigami(x: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.sin(x["x1"]) + A * np.sin(x["x2"]) ** 2 + B * x["x3"] ** 4 * np.sin(x["x1"])
