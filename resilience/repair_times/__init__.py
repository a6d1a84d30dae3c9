"""How long repairs take: distributions by class, state of damage and peril, checked once, packed for the kernels."""

from resilience.repair_times.distribution import RepairTime
from resilience.repair_times.table import PackedRepairTimes, RepairTimeTable

__all__ = ["PackedRepairTimes", "RepairTime", "RepairTimeTable"]
