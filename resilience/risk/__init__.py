"""Risk: what a year takes, how often how much, which asset matters, and how sure each figure is.

Pure functions on labelled totals per event and sample; they neither draw hazards nor solve networks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from resilience.risk.importance import asset_importance
    from resilience.risk.paired import paired_importance
    from resilience.risk.rare import Stratified, Weighted, importance_mean, neyman_allocation, stratified_mean
    from resilience.risk.sensitivity import shapley_values, sobol_indices
    from resilience.risk.tail import catalogue_risk, tail_risk, tail_value_at_risk, value_at_risk
    from resilience.risk.yearly import occurrence_losses, yearly_losses

__all__ = [
    "Benefit",
    "Saving",
    "Stratified",
    "Weighted",
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
    "importance_mean",
    "neyman_allocation",
    "occurrence_losses",
    "occurrence_probability",
    "paired_importance",
    "paired_saving",
    "shapley_values",
    "sobol_indices",
    "stratified_mean",
    "tail_risk",
    "tail_value_at_risk",
    "value_at_risk",
    "weigh_benefit",
    "yearly_losses",
]

# Loaded on first use: who compares two runs must not wait for Numba, which expected values need.
_HOMES = {
    "Benefit": "resilience.risk.compare",
    "Saving": "resilience.risk.compare",
    "Stratified": "resilience.risk.rare",
    "Weighted": "resilience.risk.rare",
    "annual_total": "resilience.risk.expected",
    "annuity": "resilience.risk.compare",
    "asset_importance": "resilience.risk.importance",
    "catalogue_risk": "resilience.risk.tail",
    "conditional_statistics": "resilience.risk.expected",
    "encounter_probability": "resilience.risk.exceedance",
    "encountered_return_period": "resilience.risk.exceedance",
    "exceedance_curve": "resilience.risk.exceedance",
    "exceedance_frequency": "resilience.risk.exceedance",
    "exceedance_probability": "resilience.risk.exceedance",
    "expected_annual": "resilience.risk.expected",
    "importance_mean": "resilience.risk.rare",
    "neyman_allocation": "resilience.risk.rare",
    "occurrence_losses": "resilience.risk.yearly",
    "occurrence_probability": "resilience.risk.exceedance",
    "paired_importance": "resilience.risk.paired",
    "paired_saving": "resilience.risk.compare",
    "shapley_values": "resilience.risk.sensitivity",
    "sobol_indices": "resilience.risk.sensitivity",
    "stratified_mean": "resilience.risk.rare",
    "tail_risk": "resilience.risk.tail",
    "tail_value_at_risk": "resilience.risk.tail",
    "value_at_risk": "resilience.risk.tail",
    "weigh_benefit": "resilience.risk.compare",
    "yearly_losses": "resilience.risk.yearly",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'resilience.risk' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
