"""Scenario files: what is assessed, with which inputs, and how."""

from __future__ import annotations

from resilience.scenario.hazards import HazardSection, HazardSource
from resilience.scenario.heat import HeatSection
from resilience.scenario.method import (
    CascadeSection,
    CurveFile,
    CurvesSection,
    ImportanceSection,
    MonteCarloSection,
    OutputsSection,
    RiskSection,
)
from resilience.scenario.model import Scenario
from resilience.scenario.networks import AssetLayer, NetworkSection, SyntheticCity, TableFile, ZoneLayer
from resilience.scenario.rules import AccessRule, DependencyRule, Rule, ServiceSection, SupplyRule

__all__ = [
    "AccessRule", "AssetLayer", "CascadeSection", "CurveFile", "CurvesSection", "DependencyRule", "HazardSection",
    "HazardSource", "HeatSection", "ImportanceSection", "MonteCarloSection", "NetworkSection", "OutputsSection",
    "RiskSection", "Rule", "Scenario", "ServiceSection", "SupplyRule", "SyntheticCity", "TableFile", "ZoneLayer",
]  # fmt: skip
