"""Which assets are functional: hazard, supply and needs, iterated to the greatest fixed point, 512 samples at a time.

For one event and sample an asset is functional if and only if (a) the hazard has not put it out of function; (b) where
its sector is supplied (level ``connected``), a functional source reaches it through functional assets of the sector,
along directions where links have them; (c) every service it needs comes from at least `required` functional providers,
or its buffer holds. Iterated from all-up this shrinks to the greatest fixed point over functional sets, whatever the
order; loops are normal. From all-down (``start="all_down"``) it grows to the least one: a black start.

Sectors at levels that are not monotone (what lines can carry) are solved in turn, in the order in which they are given,
between such fixed points; what they take away stays away, so that it ends. The result is that of this schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.plan import EventPlan, Indices, Start
from resilience.kernels.dependency import evaluate_needs, propagate_failures
from resilience.kernels.fragility import sample_failures
from resilience.kernels.level_states import find_conducting
from resilience.kernels.rows import ONES, empty_rows
from resilience.kernels.supply import begin_states, cut_unreached, mark_dependents
from resilience.network.compile import CompiledNetwork
from resilience.network.reach import ReachSolver

Words = NDArray[np.uint64]
Flags = NDArray[np.uint8]


class Level(Protocol):
    """A sector that is solved state by state; what it does is told by :class:`resilience.flow.LevelRows`."""

    sector: str
    member: Indices
    conducts: Words
    tripped: Words
    fresh: Words

    def begin(self, step: int) -> None:
        """Set everything in service and fully served, in a step of the time grid."""

    def solve(self) -> None:
        """Solve the fresh samples."""

    def count(self, up: Words, changed: Flags) -> bool:
        """Take from `up` who does not count, mark them in `changed`, return whether any bit went."""


class Cascade:
    """Working memory and fixed point of one event; one per thread.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : EventPlan
        Made with the members of `levels`.
    levels : sequence of Level, optional
        Sectors that are solved state by state, in their order.

    Attributes
    ----------
    failed : (n_failing, 8) uint64
        Where the hazard put the asset out of function.
    buffered : (n_buffer, 8) uint64
        Where the buffer starts.
    up : (n_asset, 8) uint64
        Where the asset is functional and, in a sector of `levels`, served enough to count; valid after :meth:`solve`.
    provider : int32
        Assets that can be down and that others depend on.
    """

    def __init__(self, compiled: CompiledNetwork, plan: EventPlan, levels: Sequence[Level] = ()) -> None:
        self.compiled = compiled
        self.plan = plan
        self.levels = tuple(levels)
        self.failed: Words = empty_rows(plan.failing.size)
        self.buffered: Words = empty_rows(plan.buffer_threshold.size)
        self.up: Words = empty_rows(compiled.n_asset)
        self.up[:] = ONES
        self.changed: Flags = np.zeros(compiled.n_asset, np.uint8)
        self._active: Flags = np.zeros(compiled.n_asset, np.uint8)
        self.provider = plan.affected[np.diff(compiled.dependent_indptr)[plan.affected] > 0]
        has_need = np.diff(compiled.need_indptr) > 0
        self._first = (plan.can_fail & has_need).astype(np.uint8)
        self.solvers = tuple(ReachSolver(supply.reach) for supply in plan.supplies)

    def sample(self, first_word: int) -> None:
        """Draw hazard states and buffer starts of the word group that begins at `first_word`."""
        plan = self.plan
        sample_failures(plan.key, plan.identity, plan.threshold, first_word, self.failed)
        sample_failures(plan.buffer_key, plan.buffer_identity, plan.buffer_threshold, first_word, self.buffered)
        np.invert(self.buffered, out=self.buffered)

    def begin(self) -> None:
        """Set `up` to what the hazard leaves."""
        begin_states(self.plan.affected, self.plan.failed_row, self.failed, self.up)

    def _supply(self, number: int) -> None:
        supply, solver = self.plan.supplies[number], self.solvers[number]
        solver.factorise(self.up)
        reached = solver.solve(self.up, supply.source, supply.source_position)
        cut_unreached(
            supply.node, supply.node_position, supply.link, supply.tail_position, supply.head_position,
            supply.oneway, reached, self.up, self.changed,
        )  # fmt: skip

    def solve_from(self, start: Start, *, step: int = 0) -> None:
        """Find the greatest fixed point (from all-up) or the least (from all-down), in a step of the time grid."""
        if start == "all_up":
            self.solve(step=step)
        else:
            self.solve_from_down()

    def solve(self, *, step: int = 0) -> None:
        """Shrink `up` from what the hazard leaves to the greatest fixed point."""
        self.begin()
        self._active[:] = self._first
        self._settle([True] * len(self.plan.supplies))
        for level in self.levels:
            level.begin(step)
        falls = bool(self.levels)
        while falls:
            falls = False
            for level in self.levels:
                falls |= self._solve_level(level)

    def _solve_level(self, level: Level) -> bool:
        """Solve one sector on what is functional, and whatever follows; return whether anything fell."""
        compiled, plan = self.compiled, self.plan
        find_conducting(
            level.member, plan.failed_row, self.failed, compiled.need_indptr, compiled.provider_indptr,
            compiled.provider, compiled.required, plan.buffer_row, self.buffered, self.up, level.tripped,
            level.conducts, level.fresh,
        )  # fmt: skip
        if not level.fresh.any():
            return False
        level.solve()
        self.changed[:] = 0
        if not level.count(self.up, self.changed):
            return False
        mark_dependents(self.provider, self.changed, compiled.dependent_indptr, compiled.dependent, self._active)
        self._settle([False] * len(plan.supplies))
        return True

    def _settle(self, pending: list[bool]) -> None:
        """Shrink `up` by needs and supply until nothing changes; `pending` tells whose supply must be looked at."""
        compiled, plan = self.compiled, self.plan
        while True:
            self.changed[:] = 0
            propagate_failures(
                compiled.need_indptr, compiled.provider_indptr, compiled.provider, compiled.required,
                plan.buffer_row, self.buffered, compiled.dependent_indptr, compiled.dependent, compiled.order,
                self.up, self._active, self.changed,
            )  # fmt: skip
            if self.changed.any():
                for number, supply in enumerate(plan.supplies):
                    graph = supply.reach.graph
                    pending[number] |= bool(self.changed[graph.node].any() or self.changed[graph.link].any())
            if not any(pending):
                return
            self.changed[:] = 0
            for number in range(len(plan.supplies)):
                if pending[number]:
                    self._supply(number)
                    pending[number] = False
            mark_dependents(self.provider, self.changed, compiled.dependent_indptr, compiled.dependent, self._active)
            if not self._active.any():
                return

    def solve_from_down(self) -> None:
        """Grow `up` from nothing to the least fixed point: what can start by itself."""
        compiled, plan = self.compiled, self.plan
        needs = np.arange(compiled.need_indptr[-1], dtype=np.int32)
        owner = np.repeat(np.arange(compiled.n_asset), np.diff(compiled.need_indptr))
        met = np.empty((needs.size, 8), np.uint64)
        self.begin()
        able = self.up.copy()
        self.up[plan.affected] = 0
        before = np.empty_like(self.up)
        while True:
            before[:] = self.up
            evaluate_needs(
                compiled.provider_indptr, compiled.provider, compiled.required, plan.buffer_row, self.buffered,
                needs, self.up, met,
            )  # fmt: skip
            self.up[:] = able
            np.bitwise_and.at(self.up, owner, met)
            for number in range(len(plan.supplies)):
                self._supply(number)
            if np.array_equal(before, self.up):
                return
