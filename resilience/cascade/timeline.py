"""The cascade over time: the hazard's states end one by one, buffers run out, services fail late and come back.

One state stands for each step of the grid: in each sample, that of one moment of the step. The moments of 512 samples
are spread evenly over the step, so the mean over samples is the mean over the step, however coarse the grid (systematic
sampling in time). A need that goes unmet does so at the grid point before. In each step the whole cascade is solved
from all-up, with what is out of function and with the buffers that still hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.fixpoint import Cascade, Level
from resilience.cascade.plan import EventPlan, Start
from resilience.cascade.refuel import Deliveries
from resilience.errors import ConfigurationError, Problems
from resilience.kernels.buffers import NEVER, draw_on_buffers, hold_buffers, keep_failed
from resilience.kernels.dependency import evaluate_needs
from resilience.kernels.rows import SAMPLES, Words, unpack_rows
from resilience.network.compile import CompiledNetwork

Keep = Callable[[NDArray[np.int32], Words], None]
"""Writes, for the minute of each of 512 samples, which of the failing assets the hazard keeps out of function."""

MOST_POINTS = 254
MOST_HOURS = 10_000_000
_NEVER = 2**31 - 1


@dataclass(frozen=True)
class TimeGrid:
    """Points in time after the peak of the hazard, whole minutes.

    Parameters
    ----------
    minute : (n_time,) int64
        Ascending from 0. One state stands for the step from a point to the next; the last one ends the grid.
    """

    minute: NDArray[np.int64]

    @property
    def step(self) -> NDArray[np.int64]:
        """Minutes for which the state of each point but the last stands, ``(n_time - 1,) int64``."""
        return np.diff(self.minute)

    def moments(self) -> NDArray[np.int32]:
        """Return the minute of each step at which each sample of a word group is seen, ``(n_time - 1, 512) int32``.

        The first step is seen at its beginning, the peak.

        Examples
        --------
        >>> moments = TimeGrid(np.array([0, 60, 60 + 512])).moments()
        >>> moments[0].max(), moments[1, :4].tolist(), sorted(moments[1].tolist()) == list(range(60, 60 + 512))
        (np.int32(0), [60, 316, 188, 444], True)
        """
        share = np.array([int(f"{sample:09b}"[::-1], 2) for sample in range(SAMPLES)])
        moment = np.empty((self.step.size, SAMPLES), np.int32)
        moment[:] = self.minute[:-1, np.newaxis] + self.step[:, np.newaxis] * (2 * share + 1) // (2 * SAMPLES)
        moment[0] = self.minute[0]
        return moment


def whole_minutes(hours: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole minutes, rounded up but for errors of floating point; 2**31 - 1 for what is never.

    Examples
    --------
    >>> whole_minutes(np.array([16.1, 0.001, 0.0, np.inf])).tolist()
    [966, 1, 0, 2147483647]
    """
    minute = np.ceil(np.round(np.asarray(hours, dtype=np.float64) * 60, 6))
    return np.where(minute < _NEVER, minute, _NEVER).astype(np.int64)


def make_grid(hours: Sequence[float], *, ends: Sequence[float] | NDArray[np.float64] = ()) -> TimeGrid:
    """Return the grid of some hours and of every end of a buffer or of a hazard that lies between them.

    Parameters
    ----------
    hours : sequence of float
        h, from 0; the last ends the grid.
    ends : sequence of float, optional
        h; beyond the last of `hours` they are left out.

    Raises
    ------
    ConfigurationError
        No zero, not ascending, not finite, or more than 254 points.

    Examples
    --------
    >>> make_grid([0, 1, 24], ends=[8, 0.25, 48]).minute.tolist()
    [0, 15, 60, 480, 1440]
    """
    problems = Problems()
    given = np.asarray(hours, dtype=np.float64)
    if given.size < 2 or given[0] != 0 or not np.isfinite(given).all() or (np.diff(given) <= 0).any():
        problems.add("time.hours", wanted="two or more ascending numbers, the first 0", got=f"{list(hours)}")
        problems.raise_if_any(ConfigurationError)
    if given[-1] > MOST_HOURS or round(given[-1] * 60) < 1:
        problems.add("time.hours", wanted=f"a last point of a minute to {MOST_HOURS:,} h", got=f"{given[-1]:g}")
        problems.raise_if_any(ConfigurationError)
    minute = np.round(given * 60).astype(np.int64)
    further = whole_minutes(np.asarray(ends, dtype=np.float64))
    further = further[(further > 0) & (further < minute[-1])]
    minute = np.unique(np.concatenate([minute, further]))
    if minute.size > MOST_POINTS:
        problems.add(
            "time.hours", wanted=f"at most {MOST_POINTS} points together with the ends of buffers and hazards",
            got=f"{minute.size}",
        )  # fmt: skip
        problems.raise_if_any(ConfigurationError)
    return TimeGrid(minute)


class _Looks(NamedTuple):
    """When the samples are looked at, per step, and what buffers are held against then.

    Parameters
    ----------
    moment : (n, 512) int32
    full_from : (n, n_kind, 512) uint8
        First grid point less than the hours of each kind of buffer before.
    """

    moment: NDArray[np.int32]
    full_from: NDArray[np.uint8]


def _points_before(grid: TimeGrid, moment: NDArray[np.int32], hours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the first grid point less than some hours before each moment, ``(n, n_kind, 512) uint8``."""
    before = moment[:, np.newaxis, :].astype(np.int64) - whole_minutes(hours)[:, np.newaxis]
    return np.searchsorted(grid.minute, before, side="right").astype(np.uint8)


class Timeline:
    """The states of one event over a time grid, 512 samples at a time; one per thread.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : EventPlan
        Made with the grid's end as its horizon.
    grid : TimeGrid
    start : {"all_up", "all_down"}
    levels : sequence of Level, optional
        As of the cascade.
    lessen : callable, optional
        Takes away, from rows where needs are met, where a zone receives less than in the intact city: called with
        numbers of needs, (n,), and rows, (n, 8).

    Attributes
    ----------
    cascade : Cascade
        Its `up`, `failed` and `buffered` are those of the present point.
    drawn : (n_struck, 8) uint64
        Where the hazard put the asset out of function; in a sequence the rows of one hazard after the other.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        plan: EventPlan,
        grid: TimeGrid,
        *,
        start: Start = "all_up",
        levels: Sequence[Level] = (),
        lessen: Callable[[NDArray[np.int32], NDArray[np.uint64]], None] | None = None,
    ) -> None:
        self.grid = grid
        self._start = start
        self._lessen = lessen
        self.cascade = Cascade(compiled, plan, levels)
        self.drawn = np.empty_like(self.cascade.struck)
        self._started = np.empty_like(self.cascade.buffered)
        n_buffer = self._started.shape[0]
        self._since = np.empty((n_buffer, 512), np.uint8)
        self._back = np.empty((n_buffer, 512), np.uint8)
        self._need = np.flatnonzero(plan.buffer_row >= 0).astype(np.int32)
        self._met = np.empty((n_buffer, 8), np.uint64)
        self._no_buffer = np.full_like(plan.buffer_row, -1)
        hours, lasts = np.unique(compiled.buffer_hours[self._need], return_inverse=True)
        recharge, recharges = np.unique(compiled.recharge_hours[self._need], return_inverse=True)
        self._deliveries = Deliveries(plan.refuels) if plan.refuels else None
        # Where fuel reached in the state solved last.
        self._fuelled = np.zeros((0 if self._deliveries is None else self._deliveries.row.size, 8), np.uint64)
        self._lasts, self._recharges = lasts.astype(np.int32), recharges.astype(np.int32)
        moment = grid.moments()
        starts = np.repeat(grid.minute.astype(np.int32)[:, np.newaxis], SAMPLES, axis=1)
        self._seen, self._begun = (_Looks(times, _points_before(grid, times, hours)) for times in (moment, starts))
        # Per grid point, the first one less than the hours in which each kind of buffer recharges before.
        self._full_before = _points_before(grid, starts, recharge)
        # What runs empty within the step in which it is first drawn on; at the peak none does.
        full_from = self._seen.full_from
        full_from[full_from > np.arange(grid.step.size)[:, np.newaxis, np.newaxis]] = NEVER + 1
        full_from[0] = 0

    def sample(self, first_word: int) -> None:
        """Draw hazard states and buffer starts of the word group that begins at `first_word`."""
        self.cascade.draw(first_word)
        self.drawn[:] = self.cascade.struck
        self._started[:] = self.cascade.buffered

    def run(
        self, restored: NDArray[np.int32], *, until: int = 0, keep: Keep | None = None
    ) -> Iterator[tuple[int, bool]]:
        """Solve step after step, yielding its number and whether the state in `cascade` stands for it.

        Before the state that stands for a step, that at its beginning is solved: what is lost and regained within a
        step is lost at its beginning, as buffers end at grid points. Last comes the state at the end of the grid, with
        the number of steps. All end with the first step in which the hazard keeps nothing out of function.

        Parameters
        ----------
        restored : (n_struck, 512) int32
            Minute from which each failed asset is back in function, as far as the row's hazard goes.
        until : int
            Minute up to which states are wanted though nothing is out of function.
        keep : callable, optional
            Tells who is out at each moment, in the place of what was drawn and `restored`.
        """
        told = partial(keep_failed, self.drawn, restored) if keep is None else keep
        self._since[:] = NEVER
        self._back[:] = NEVER
        self._fuelled[:] = 0
        n_step = self.grid.step.size
        for point in range(n_step + 1):
            # The peak is the beginning of the first step, and stands for it.
            for stands in (False, True) if point else (True,):
                looks = self._seen if stands else self._begun
                self._solve_at(point, looks, told)
                yield point, stands
                if point == n_step or not (self.cascade.failed.any() or self.grid.minute[point] < until):
                    return
                # What is met where the state stands for the step is met until the step ends.
                self._draw_on(point, self._full_before[point + 1 if stands else point])

    def _solve_at(self, point: int, looks: _Looks, keep: Keep) -> None:
        """Solve the state of a moment of the step that begins at a point; hazards of a sequence come at points."""
        begin = int(self.grid.minute[point])
        keep(looks.moment[point], self.cascade.struck)
        self.cascade.merge(begin)
        for strike in self.cascade.plan.strikes:
            if strike.onset <= begin:
                self._started[strike.drowned] = 0
        # Drawn on for as long as it lasts or longer: empty.
        hold_buffers(self._started, self._since, self._lasts, looks.full_from[point], self.cascade.buffered)
        # The end of the grid belongs to its last step.
        step = min(point, self.grid.step.size - 1)
        if self._deliveries is None:
            self.cascade.solve_from(self._start, step=step)
        else:
            self._solve_fuelled(self._deliveries, step)

    def _solve_fuelled(self, deliveries: Deliveries, step: int) -> None:
        """Solve a state in which a buffer holds by its hours or where fuel reaches it in that very state.

        Who is reached depends on who is up, and more fuel never puts anyone down. So what holds at first, by hours or
        as fuel reached it in the state before, shrinks to where it does so by itself; from there it grows by those who
        ran empty and are reached.
        """
        cascade, row = self.cascade, deliveries.row
        by_hours, started = cascade.buffered[row], self._started[row]
        cascade.buffered[row] |= started & self._fuelled
        cascade.solve_from(self._start, step=step)
        self._fuelled = deliveries.find(cascade.up)
        for grows in (False, True):
            while True:
                before, holds = cascade.buffered[row], by_hours | (started & self._fuelled)
                now = before | holds if grows else before & holds
                if np.array_equal(now, before):
                    break
                cascade.buffered[row] = now
                cascade.solve_from(self._start, step=step)
                self._fuelled = deliveries.find(cascade.up)

    def _draw_on(self, point: int, full_before: NDArray[np.uint8]) -> None:
        compiled, cascade = self.cascade.compiled, self.cascade
        evaluate_needs(
            compiled.provider_indptr, compiled.provider, compiled.required, self._no_buffer, cascade.buffered,
            self._need, cascade.up, self._met,
        )  # fmt: skip
        if self._lessen is not None:
            self._lessen(self._need, self._met)
        draw_on_buffers(self._met, point, self._recharges, full_before, self._since, self._back)
        if self._deliveries is not None:
            # What is delivered fills the tank at once, however long the service takes to recharge it.
            row, reached = self._deliveries.row, unpack_rows(self._fuelled)
            self._since[row] = np.where(reached, np.uint8(NEVER), self._since[row])
            self._back[row] = np.where(reached, np.uint8(NEVER), self._back[row])
