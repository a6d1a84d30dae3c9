"""How the water of an event goes: it stands at its peak, then falls evenly until none is left."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from resilience.cascade import TimeGrid
from resilience.service import PEAK


@dataclass(frozen=True)
class Water:
    """When the water of an event falls.

    Parameters
    ----------
    falls : int
        Minute after the peak until which it stands as deep as at the peak.
    gone : int
        Minute from which none stands.

    Examples
    --------
    >>> water = Water(60, 120)
    >>> [water.level(0, 60), water.level(60, 60), water.level(60, 120), water.level(105, 120), water.level(120, 180)]
    [8, 8, 4, 1, 0]
    """

    falls: int
    gone: int

    def level(self, begin: int, end: int) -> int:
        """Return how deep the water stands from one minute to another, in eighths of its peak: halfway, rounded up.

        Parameters
        ----------
        begin, end : int
            Of a step of a time grid that has the minutes at which the water falls and is gone.
        """
        if begin >= self.gone:
            return 0
        if begin < self.falls:
            return PEAK
        twice, fall = 2 * self.gone - begin - min(end, self.gone), 2 * (self.gone - self.falls)
        return -(-PEAK * twice // fall)

    def falls_to(self, level: int) -> int:
        """Return the first minute at which the water stands no deeper than so many eighths of its peak.

        Examples
        --------
        >>> [Water(60, 120).falls_to(level) for level in (8, 4, 1, 0)]
        [60, 90, 113, 120]
        """
        return self.gone - level * (self.gone - self.falls) // PEAK

    def levels(self, grid: TimeGrid) -> set[int]:
        """Return the levels of all steps of a grid, and of their beginnings."""
        minute = grid.minute.tolist()
        steps = {self.level(begin, end) for begin, end in pairwise(minute)}
        return steps | {self.level(point, point) for point in minute}
