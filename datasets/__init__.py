"""What the project ships: curves and repair times with their sources, and a synthetic city."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.datasets.city import SyntheticCity as SyntheticCity
    from resilience.datasets.city import synthetic_city as synthetic_city
    from resilience.datasets.curve_library import load_curves as load_curves
    from resilience.datasets.repair_library import load_recovery as load_recovery
    from resilience.datasets.repair_library import load_repair_times as load_repair_times

__all__ = ["SyntheticCity", "load_curves", "load_recovery", "load_repair_times", "synthetic_city"]

# Loaded on first use: curves must not wait for the geospatial stack of the city.
_HOMES = {
    "SyntheticCity": "resilience.datasets.city",
    "load_curves": "resilience.datasets.curve_library",
    "load_recovery": "resilience.datasets.repair_library",
    "load_repair_times": "resilience.datasets.repair_library",
    "synthetic_city": "resilience.datasets.city",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.datasets' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
