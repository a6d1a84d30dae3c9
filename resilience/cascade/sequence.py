"""A sequence of hazards as one event: what any of them puts out of function, each from its own onset on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.plan import EventPlan, Indices, Start, Strike, plan_event
from resilience.network.compile import CompiledNetwork, SectorGraph


@dataclass(frozen=True)
class SequencePart:
    """One hazard of a sequence, as it is alone, and when it comes.

    Parameters
    ----------
    plan : EventPlan
        Of one hazard.
    onset : int
        Minute of its peak after that of the first.
    peril : int
        Number of its peril among those of the sequence.
    depth : (n_asset,) float64, optional, m
        Water at each asset.
    """

    plan: EventPlan
    onset: int
    peril: int = 0
    depth: NDArray[np.float64] | None = None


def plan_sequence(
    compiled: CompiledNetwork,
    parts: Sequence[SequencePart],
    *,
    graphs: Mapping[str, SectorGraph],
    start: Start = "all_up",
    horizon_hours: float = 0.0,
    level_members: Sequence[Indices] = (),
) -> EventPlan:
    """Return the plan of a sequence.

    Parameters
    ----------
    compiled : CompiledNetwork
    parts : sequence of SequencePart
        By onset, the first at 0.
    graphs : dict of str to SectorGraph
    start : {"all_up", "all_down"}
    horizon_hours : float
        End of the time grid, h.
    level_members : sequence of int32, optional
        As of :func:`resilience.cascade.plan_event`.

    Notes
    -----
    Buffers start once per sequence, by the random numbers of its first hazard. Those that stand in the water of a
    hazard do not hold from its onset on.
    """
    threshold = np.zeros(compiled.n_asset, np.uint32)
    lost = np.zeros(compiled.required.size, bool)
    depth = None
    for part in parts:
        np.maximum.at(threshold, part.plan.failing, part.plan.threshold)
        lost |= part.plan.buffer_row < 0
        if part.onset == 0 and part.depth is not None:
            depth = part.depth if depth is None else np.fmax(depth, part.depth)
    whole = plan_event(
        compiled, threshold / 2.0**32, graphs=graphs, seed=0, family="", depth=depth, start=start,
        horizon_hours=horizon_hours, drowning=lost, level_members=level_members,
    )  # fmt: skip
    strikes = tuple(
        Strike(part.onset, part.plan, whole.failed_row[part.plan.failing], part.peril, _drowned(whole, part.plan))
        for part in parts
    )
    first = parts[0].plan
    return replace(whole, key=first.key, buffer_key=first.buffer_key, strikes=strikes)


def _drowned(whole: EventPlan, alone: EventPlan) -> NDArray[np.int32]:
    """Return the buffers of a sequence that one of its hazards leaves no time to hold."""
    return whole.buffer_row[(whole.buffer_row >= 0) & (alone.buffer_row < 0)]
