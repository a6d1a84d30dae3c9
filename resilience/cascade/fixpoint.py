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
from resilience.kernels.rows import ONES, ZERO, empty_rows
from resilience.kernels.supply import begin_states, cut_unreached, finish_links, finish_nodes, mark_dependents
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
    struck : (n_struck, 8) uint64
        The same by hazard: in a sequence the rows of one hazard after the other, else `failed` itself.
    buffered : (n_buffer, 8) uint64
        Where the buffer starts.
    rows : list of slice
        Of `struck`, per hazard of a sequence.
    up : (n_asset, 8) uint64
        Where the asset is functional and, in a sector of `levels`, served enough to count; valid after :meth:`solve`.
    provider : int32
        Assets that can be down and that others depend on.
    """

    def __init__(self, compiled: CompiledNetwork, plan: EventPlan, levels: Sequence[Level] = ()) -> None:
        self.compiled = compiled
        self.plan = plan
        self.levels = tuple(levels)
        # Behind the draws a row of what never fails and one of what always does, see `plan_draws`.
        self._drawn: Words = empty_rows(plan.failing.size + 2)
        self._drawn[-2:] = [[ZERO], [ONES]]
        self.failed: Words = self._drawn[:-2]
        self.struck: Words = empty_rows(plan.n_struck) if plan.strikes else self.failed
        ends = np.cumsum([strike.row.size for strike in plan.strikes]).tolist()
        self.rows = [slice(end - strike.row.size, end) for strike, end in zip(plan.strikes, ends, strict=True)]
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
        """Draw hazard states at time zero and buffer starts of the word group that begins at `first_word`."""
        self.draw(first_word)
        self.merge(0)

    def draw(self, first_word: int) -> None:
        """Write where each hazard, whenever it comes, puts its assets out of function to `struck`; draw buffers."""
        plan = self.plan
        if not plan.strikes:
            plan.sample(first_word, self.failed)
        for strike, rows in zip(plan.strikes, self.rows, strict=True):
            strike.plan.sample(first_word, self.struck[rows])
        sample_failures(plan.buffer_key, plan.buffer_identity, plan.buffer_threshold, first_word, self.buffered)
        np.invert(self.buffered, out=self.buffered)

    def merge(self, minute: int) -> None:
        """Set `failed` of a sequence: out of function is what any hazard keeps out whose onset is not after `minute`.

        The rows of later hazards in `struck` are emptied.
        """
        if not self.plan.strikes:
            return
        self.failed[:] = 0
        for strike, rows in zip(self.plan.strikes, self.rows, strict=True):
            if strike.onset > minute:
                self.struck[rows] = 0
            self.failed[strike.row] |= self.struck[rows]

    def _begin(self) -> None:
        begin_states(self.plan.begun, self.plan.failed_row, self.failed, self.up)

    def _supply(self, number: int) -> None:
        supply, solver = self.plan.supplies[number], self.solvers[number]
        solver.factorise_draws(supply.draws, self._drawn, self.up)
        reached = solver.solve(self.up, supply.source, supply.source_position)
        cut_unreached(*supply.live, reached, self.up, self.changed)

    def _finish(self, links: bool) -> None:
        """Write the states that nothing in the cascade depends on, from the last solution of each supply."""
        for supply, solver in zip(self.plan.supplies, self.solvers, strict=True):
            passive = supply.passive
            finish_nodes(passive.node, passive.node_position, solver.reached, self.up)
            if links:
                finish_links(
                    passive.link, supply.passive_row, passive.tail_position, passive.head_position, passive.oneway,
                    self._drawn, solver.reached, self.up,
                )  # fmt: skip

    def solve_from(self, start: Start, *, links: bool = True, step: int = 0) -> None:
        """Find the greatest fixed point (from all-up) or the least (from all-down).

        Parameters
        ----------
        start : {"all_up", "all_down"}
        links : bool
            Whether the states of supplied links are wanted that nothing in the cascade depends on; their rows of `up`
            are void without.
        step : int
            Of the time grid, for what an event scales there.
        """
        if start == "all_up":
            self.solve(links=links, step=step)
        else:
            self.solve_from_down(links=links)

    def solve(self, *, links: bool = True, step: int = 0) -> None:
        """Shrink `up` from what the hazard leaves to the greatest fixed point; arguments as in :meth:`solve_from`."""
        self._begin()
        self._active[:] = self._first
        self._shrink([True] * len(self.plan.supplies))
        for level in self.levels:
            level.begin(step)
        falls = bool(self.levels)
        while falls:
            falls = False
            for level in self.levels:
                falls |= self._solve_level(level)
        self._finish(links)

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
        self._shrink([False] * len(plan.supplies))
        return True

    def _shrink(self, pending: list[bool]) -> None:
        """Shrink `up` by needs and supply until nothing changes; `pending` tells whose supply must be looked at."""
        compiled, plan = self.compiled, self.plan
        while True:
            self.changed[:] = 0
            propagate_failures(
                compiled.need_indptr, compiled.provider_indptr, compiled.provider, compiled.required,
                plan.buffer_row, self.buffered, compiled.dependent_indptr, compiled.dependent, compiled.order,
                self.up, self._active, self.changed,
            )  # fmt: skip
            for number, supply in enumerate(plan.supplies):
                pending[number] = pending[number] or bool(self.changed[supply.needing].any())
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

    def solve_from_down(self, *, links: bool = True) -> None:
        """Grow `up` from nothing to the least fixed point, what can start by itself; `links` as in `solve_from`."""
        self._begin()
        self._grow()
        self._finish(links)

    def _grow(self) -> None:
        compiled, plan = self.compiled, self.plan
        needs = np.arange(compiled.need_indptr[-1], dtype=np.int32)
        owner = np.repeat(np.arange(compiled.n_asset), np.diff(compiled.need_indptr))
        met = np.empty((needs.size, 8), np.uint64)
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
