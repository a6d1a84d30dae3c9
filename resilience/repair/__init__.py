"""Repair and recovery: jobs from damage, crews that do them, and measures of what is lost until then.

Repairs follow damage, roads and priorities known before the event, never what fails in turn: so a schedule is made once
per sample, before the cascade over time.
"""

from resilience.repair.calibration import RecoveryFit, fit_recovery
from resilience.repair.jobs import draw_jobs
from resilience.repair.metrics import (
    CustomerIndices,
    customer_indices,
    customer_indices_over_time,
    energy_not_served,
    integrate_course,
    person_hours_lost,
    rapidity,
    recovery_time,
    resilience_index,
    resilience_loss,
    robustness,
)
from resilience.repair.schedule import RepairPlan, plan_repairs, resume, schedule, schedule_table
from resilience.repair.work import WorkCapacity

__all__ = [
    "CustomerIndices",
    "RecoveryFit",
    "RepairPlan",
    "WorkCapacity",
    "customer_indices",
    "customer_indices_over_time",
    "draw_jobs",
    "energy_not_served",
    "fit_recovery",
    "integrate_course",
    "person_hours_lost",
    "plan_repairs",
    "rapidity",
    "recovery_time",
    "resilience_index",
    "resilience_loss",
    "resume",
    "robustness",
    "schedule",
    "schedule_table",
]
