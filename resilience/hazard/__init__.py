"""Hazard maps: labelled data read by window, what makes them sound, and the axis of return periods."""

from __future__ import annotations

from resilience.hazard.checks import HazardWarning, check_hazard, grid_of
from resilience.hazard.dataset import make_hazard
from resilience.hazard.interpolation import interpolate_return_period
from resilience.hazard.severity import repair_monotone
from resilience.hazard.windows import read_window, view_hours
from resilience.perils import check_plausible

__all__ = [
    "HazardWarning",
    "check_hazard",
    "check_plausible",
    "grid_of",
    "interpolate_return_period",
    "make_hazard",
    "read_window",
    "repair_monotone",
    "view_hours",
]
