"""The city: assets, needs, dependencies, supply and zones as tables, checked; rules that derive them."""

from __future__ import annotations

from resilience.network.checks import check_network
from resilience.network.city import Network, suggest_crs
from resilience.network.tables import TABLES, describe_tables, representative_points, write_tables

__all__ = [
    "TABLES",
    "Network",
    "check_network",
    "describe_tables",
    "representative_points",
    "suggest_crs",
    "write_tables",
]
