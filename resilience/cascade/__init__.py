"""Failures spread through interdependent networks: plan an event, solve its samples, tell causes."""

from __future__ import annotations

from resilience.cascade.causes import CauseCounter, Reduced, cause_names
from resilience.cascade.fixpoint import Cascade, Level
from resilience.cascade.plan import CorrelatedFragility, EventPlan, MovedFragility, Start, plan_event
from resilience.cascade.sequence import SequencePart, plan_sequence
from resilience.cascade.supply import supplied_graphs
from resilience.cascade.timeline import MOST_POINTS, TimeGrid, Timeline, make_grid, whole_minutes

__all__ = [
    "MOST_POINTS", "Cascade", "CauseCounter", "CorrelatedFragility", "EventPlan", "Level", "MovedFragility", "Reduced",
    "SequencePart", "Start", "TimeGrid", "Timeline", "cause_names", "make_grid", "plan_event",
    "plan_sequence", "supplied_graphs", "whole_minutes",
]  # fmt: skip
