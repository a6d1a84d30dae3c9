"""The city: assets, needs, dependencies, supply and zones as tables, checked; rules that derive them."""

from __future__ import annotations

from resilience.network.checks import check_curve_names, check_network
from resilience.network.city import Network, suggest_crs
from resilience.network.derivation import derive
from resilience.network.reading import read_tables
from resilience.network.rules import AccessRule, DependencyRule, Rule, SupplyRule
from resilience.network.selectors import Selector, select_rows
from resilience.network.shapes import representative_points
from resilience.network.tables import TABLES, describe_tables
from resilience.network.writing import write_tables

__all__ = [
    "TABLES",
    "AccessRule",
    "DependencyRule",
    "Network",
    "Rule",
    "Selector",
    "SupplyRule",
    "check_curve_names",
    "check_network",
    "derive",
    "describe_tables",
    "read_tables",
    "representative_points",
    "select_rows",
    "suggest_crs",
    "write_tables",
]
