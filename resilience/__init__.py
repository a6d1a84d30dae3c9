"""Flood and heat maps of a city go in; the risk to its people's services comes out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience.network import Network as Network
    from resilience.pipeline import assess as assess
    from resilience.readers import open_hazard as open_hazard
    from resilience.reading import open_run as open_run
    from resilience.scenario import Scenario as Scenario

__version__ = "0.1.0"
__all__ = ["Network", "Scenario", "__version__", "assess", "open_hazard", "open_run"]

# Loaded on first use: `resilience --help` must not wait for the geospatial stack.
_HOMES = {
    "Network": "resilience.network",
    "Scenario": "resilience.scenario",
    "assess": "resilience.pipeline",
    "open_hazard": "resilience.readers",
    "open_run": "resilience.reading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
