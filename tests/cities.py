"""Small cities and grids that several tests look at, each from its own side."""

from __future__ import annotations

from typing import Any

# MATPOWER case9: branch data (per unit on 100 MVA, MW), and the outputs that serve its 315 MW.
CASE9 = [
    ("1", "4", 0.0576, 250.0), ("4", "5", 0.092, 250.0), ("5", "6", 0.17, 150.0), ("3", "6", 0.0586, 300.0),
    ("6", "7", 0.1008, 150.0), ("7", "8", 0.072, 250.0), ("8", "2", 0.0625, 250.0), ("8", "9", 0.161, 250.0),
    ("9", "4", 0.085, 250.0),
]  # fmt: skip
CASE9_CAPACITY = {"1": 67.0, "2": 163.0, "3": 85.0}
CASE9_DEMAND = {"5": 90.0, "7": 100.0, "9": 125.0}

Links = list[tuple[str, str, float, float]]
"""From, to, reactance, rating."""

# A kilometre of road between a zone at `a` and its clinic; a pump that fails.
ROAD_TO_CLINIC: list[dict[str, Any]] = [
    {"id": "a", "sector": "transport", "kind": "road_node", "flood_fragility_curve": ""},
    {"id": "b", "sector": "transport", "kind": "road_node", "flood_fragility_curve": ""},
    {"id": "ab", "sector": "transport", "kind": "primary", "from_asset": "a", "to_asset": "b", "length": 1000.0,
     "flood_fragility_curve": ""},
    {"id": "c", "sector": "medical", "kind": "clinic", "access_asset": "b", "flood_fragility_curve": ""},
    {"id": "pump", "sector": "water", "kind": "pump"},
]  # fmt: skip


def triangle_links(rating: float) -> Links:
    """Return three lines of one reactance between three nodes."""
    return [("1", "2", 0.1, rating), ("1", "3", 0.1, rating), ("2", "3", 0.1, rating)]


def ring_links(n: int) -> Links:
    """Return a ring without physics."""
    return [(str(i), str((i + 1) % n), float("nan"), float("nan")) for i in range(n)]
