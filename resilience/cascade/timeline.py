"""The cascade over time: the hazard's states end one by one, buffers run out, services fail late and come back.

The state found at a grid point holds until the next. At each point the whole cascade is solved from all-up, with what
is still out of function and with the buffers that still hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.cascade.fixpoint import Cascade
from resilience.cascade.plan import EventPlan, Start
from resilience.errors import ConfigurationError, Problems
from resilience.kernels.buffers import NEVER, draw_on_buffers, hold_buffers, keep_failed
from resilience.kernels.dependency import evaluate_needs
from resilience.network.compile import CompiledNetwork

MOST_POINTS = 254
DEFAULT_HOURS = (0.0, 1.0, 4.0, 8.0, 12.0, 24.0, 48.0, 72.0, 168.0, 336.0, 720.0, 1440.0, 2160.0)


@dataclass(frozen=True)
class TimeGrid:
    """Points in time after the peak of the hazard, whole minutes.

    Parameters
    ----------
    minute : (n_time,) int64
        Ascending from 0. The state at a point holds until the next; the last one ends the grid and holds nowhere.
    """

    minute: NDArray[np.int64]

    @property
    def step(self) -> NDArray[np.int64]:
        """Minutes for which the state of each point but the last holds, ``(n_time - 1,) int64``."""
        return np.diff(self.minute)


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
    minute = np.round(given * 60).astype(np.int64)
    further = np.round(np.asarray(ends, dtype=np.float64) * 60)
    further = further[(further > 0) & (further < minute[-1])].astype(np.int64)
    minute = np.unique(np.concatenate([minute, further]))
    if minute.size > MOST_POINTS:
        problems.add(
            "time.hours", wanted=f"at most {MOST_POINTS} points together with the ends of buffers and hazards",
            got=f"{minute.size}",
        )  # fmt: skip
        problems.raise_if_any(ConfigurationError)
    return TimeGrid(minute)


class Timeline:
    """The states of one event over a time grid, 512 samples at a time; one per thread.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : EventPlan
        Made with the grid's end as its horizon.
    grid : TimeGrid
    start : {"all_up", "all_down"}

    Attributes
    ----------
    cascade : Cascade
        Its `up`, `failed` and `buffered` are those of the present point.
    drawn : (n_failing, 8) uint64
        Where the hazard put the asset out of function.
    """

    def __init__(self, compiled: CompiledNetwork, plan: EventPlan, grid: TimeGrid, *, start: Start = "all_up") -> None:
        self.grid = grid
        self._start = start
        self.cascade = Cascade(compiled, plan)
        self.drawn = np.empty_like(self.cascade.failed)
        self._started = np.empty_like(self.cascade.buffered)
        n_buffer = self._started.shape[0]
        self._since = np.empty((n_buffer, 512), np.uint8)
        self._back = np.empty((n_buffer, 512), np.uint8)
        self._need = np.flatnonzero(plan.buffer_row >= 0).astype(np.int32)
        self._met = np.empty((n_buffer, 8), np.uint64)
        self._no_buffer = np.full_like(plan.buffer_row, -1)
        hours = compiled.buffer_hours[self._need]
        self._lasts = np.where(np.isfinite(hours), np.round(hours * 60), 2.0**62).astype(np.int64)
        self._recharge = np.round(compiled.recharge_hours[self._need] * 60).astype(np.int64)

    def sample(self, first_word: int) -> None:
        """Draw hazard states and buffer starts of the word group that begins at `first_word`."""
        self.cascade.sample(first_word)
        self.drawn[:] = self.cascade.failed
        self._started[:] = self.cascade.buffered

    def run(self, restored: NDArray[np.int32]) -> Iterator[int]:
        """Solve point after point but the last of the grid, yielding its number while its state is in `cascade`.

        Parameters
        ----------
        restored : (n_failing, 512) int32
            Minute from which each failed asset is back in function.
        """
        self._since[:] = NEVER
        self._back[:] = NEVER
        minute = self.grid.minute
        for point, now in enumerate(minute[:-1].tolist()):
            keep_failed(self.drawn, restored, now, self.cascade.failed)
            # Drawn on for as long as it lasts or longer: empty.
            full_from = np.searchsorted(minute, now - self._lasts, side="right")
            hold_buffers(self._started, self._since, full_from, self.cascade.buffered)
            self.cascade.solve_from(self._start)
            yield point
            self._draw_on(point, now)

    def _draw_on(self, point: int, now: int) -> None:
        compiled, cascade = self.cascade.compiled, self.cascade
        evaluate_needs(
            compiled.provider_indptr, compiled.provider, compiled.required, self._no_buffer, cascade.buffered,
            self._need, cascade.up, self._met,
        )  # fmt: skip
        full_before = np.searchsorted(self.grid.minute, now - self._recharge, side="right")
        draw_on_buffers(self._met, point, full_before, self._since, self._back)
