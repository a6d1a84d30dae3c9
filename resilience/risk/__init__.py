"""Risk: what a year takes, how often how much, which asset matters, and how sure each figure is.

Pure functions on labelled totals per event and sample; they neither draw hazards nor solve networks.
"""

from resilience.risk.compare import Benefit, Saving, annuity, paired_saving, weigh_benefit
from resilience.risk.exceedance import (
    encounter_probability,
    encountered_return_period,
    exceedance_curve,
    exceedance_frequency,
    exceedance_probability,
    occurrence_probability,
)
from resilience.risk.expected import annual_total, conditional_statistics, expected_annual
from resilience.risk.importance import asset_importance, paired_importance
from resilience.risk.tail import catalogue_risk, tail_risk, tail_value_at_risk, value_at_risk
from resilience.risk.yearly import occurrence_losses, yearly_losses

__all__ = [
    "Benefit",
    "Saving",
    "annual_total",
    "annuity",
    "asset_importance",
    "catalogue_risk",
    "conditional_statistics",
    "encounter_probability",
    "encountered_return_period",
    "exceedance_curve",
    "exceedance_frequency",
    "exceedance_probability",
    "expected_annual",
    "occurrence_losses",
    "occurrence_probability",
    "paired_importance",
    "paired_saving",
    "tail_risk",
    "tail_value_at_risk",
    "value_at_risk",
    "weigh_benefit",
    "yearly_losses",
]
