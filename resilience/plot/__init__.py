"""Plots of a result: pure functions of its datasets, each of which draws on Matplotlib axes and returns them.

Matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from resilience.plot.accessor import ResultPlots
from resilience.plot.causes import draw_causes
from resilience.plot.criticality import draw_criticality
from resilience.plot.exceedance import draw_exceedance
from resilience.plot.maps import draw_map
from resilience.plot.recovery import draw_recovery

__all__ = ["ResultPlots", "draw_causes", "draw_criticality", "draw_exceedance", "draw_map", "draw_recovery"]
