"""Services reach people: by what zones need, and by ways to facilities, within a limit of time where one is set."""

from __future__ import annotations

from resilience.service.access import OUTCOMES, AccessSums
from resilience.service.counter import ROUNDING, ServiceCounter
from resilience.service.indicators import Districts, IndicatorRule, lay_out_districts
from resilience.service.intact import find_served
from resilience.service.layout import AssignedPart, RoadPart, ServiceLayout, lay_out_services
from resilience.service.plan import PEAK, Baseline, ServicePlan, drive_times, plan_services, time_links
from resilience.service.sums import ServiceSums, weigh_zones
from resilience.service.support import find_support
from resilience.service_rules import Drive, ServiceRule

__all__ = [
    "OUTCOMES", "PEAK", "ROUNDING", "AccessSums", "AssignedPart", "Baseline", "Districts", "Drive", "IndicatorRule",
    "RoadPart", "ServiceCounter", "ServiceLayout", "ServicePlan", "ServiceRule", "ServiceSums", "drive_times",
    "find_served", "find_support", "lay_out_districts", "lay_out_services", "plan_services", "time_links",
    "weigh_zones",
]  # fmt: skip
