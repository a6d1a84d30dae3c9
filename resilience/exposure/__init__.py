"""From hazard maps to what reaches each asset: geometry placed on the grid, tiles of the map, the stage itself."""

from __future__ import annotations

from resilience.exposure.stage import expose

__all__ = ["expose"]
