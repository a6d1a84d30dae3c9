"""How hard a city is hit: failure probabilities by pattern and severity (0 to 100 %)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.models import Road

SWEEP = (0.1, 1.0, 5.0, 15.0)
"""Severities over which solve times are compared, %."""

INSIDE = 0.2
"""Failure probability inside a footprint."""


def uniform(road: Road, severity: float) -> NDArray[np.float64]:
    """Return `severity` % for every node and link."""
    return np.full(road.n_asset, severity / 100)


def footprint(road: Road, severity: float) -> NDArray[np.float64]:
    """Return 20 % inside a disc around the middle that covers `severity` % of the area, 0 outside."""
    away = np.hypot(road.x - 0.5, road.y - 0.5)
    node = away**2 * np.pi < severity / 100
    link = node[road.tail] | node[road.head]
    return np.where(np.concatenate([node, link]), INSIDE, 0.0)


PATTERNS: dict[str, Callable[[Road, float], NDArray[np.float64]]] = {"uniform": uniform, "footprint": footprint}
