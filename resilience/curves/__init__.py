"""Damage and fragility curves: the shipped tables and users' own, checked once, packed for the kernels."""

from resilience.curves.curve import Curve
from resilience.curves.table import CurveTable, PackedCurves

__all__ = ["Curve", "CurveTable", "PackedCurves"]
