"""Where fuel reaches those whose buffers are refilled by road, 512 samples at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.network.compile import CompiledNetwork
from resilience.network.reach import ReachPlan, ReachSolver, plan_reach

Words = NDArray[np.uint64]
Indices = NDArray[np.int32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RefuelPlan:
    """Buffers of one event that one kind of depot refills over one sector's links.

    Parameters
    ----------
    reach : ReachPlan
    row : (n,) int32
        Rows of the buffers.
    position : (n,) int64
        Where each dependent is reached.
    depot : (n_depot,) int32
    depot_position : (n_depot,) int64
    """

    reach: ReachPlan
    row: Indices
    position: Integers
    depot: Indices
    depot_position: Integers


def plan_refuels(
    compiled: CompiledNetwork, buffer_row: Indices, can_be_down: NDArray[np.bool_]
) -> tuple[RefuelPlan, ...]:
    """Return what is refilled in an event.

    Parameters
    ----------
    compiled : CompiledNetwork
    buffer_row : (n_need,) int32
        Row of each need among the buffers of the event, -1 without.
    can_be_down : (n_asset,) bool
    """
    reaches: dict[str, ReachPlan] = {}
    plans = []
    for refuelling in compiled.refuelling:
        row = buffer_row[refuelling.need]
        if not (row >= 0).any():
            continue
        if refuelling.sector not in reaches:
            reaches[refuelling.sector] = plan_reach(compiled.graphs[refuelling.sector], can_be_down)
        reach = reaches[refuelling.sector]
        plans.append(
            RefuelPlan(
                reach=reach,
                row=row[row >= 0],
                position=reach.position[refuelling.place[row >= 0]],
                depot=refuelling.depot,
                depot_position=reach.position[refuelling.depot_place],
            )
        )
    return tuple(plans)


class Deliveries:
    """Working memory of the refilling of one event; one per thread.

    Parameters
    ----------
    plans : sequence of RefuelPlan

    Attributes
    ----------
    row : (n,) int32
        Rows of the buffers that can be refilled.
    """

    def __init__(self, plans: Sequence[RefuelPlan]) -> None:
        self._plans = plans
        self._solvers = {id(plan.reach): ReachSolver(plan.reach) for plan in plans}
        self.row = np.concatenate([np.empty(0, np.int32), *(plan.row for plan in plans)])

    def find(self, up: Words) -> Words:
        """Return where a functional depot reaches each dependent over functional links, ``(n, 8) uint64``.

        Parameters
        ----------
        up : (n_asset, 8) uint64
        """
        for solver in self._solvers.values():
            solver.factorise(up)
        reached = [np.empty((0, 8), np.uint64)]
        for plan in self._plans:
            solution = self._solvers[id(plan.reach)].solve(up, plan.depot, plan.depot_position)
            reached.append(solution[plan.position])
        return np.concatenate(reached)
