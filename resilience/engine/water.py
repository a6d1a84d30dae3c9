"""How the water of an event goes: it stands at its peak, then falls evenly until none is left; that of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class SequenceWater:
    """The water of the floods of a sequence, each from its own onset on.

    Parameters
    ----------
    onset : tuple of int
        Minute of the peak of each flood after the first peak of the sequence.
    water : tuple of Water

    Notes
    -----
    A level is a number whose digits to the base of `PEAK` + 1 are those of the floods, the first the smallest.

    Examples
    --------
    >>> water = SequenceWater((0, 90), (Water(60, 120), Water(60, 60)))
    >>> [water.level(0, 60), water.level(60, 90), water.level(90, 120), water.level(120, 150), water.level(150, 180)]
    [8, 6, 74, 72, 0]
    """

    onset: tuple[int, ...]
    water: tuple[Water, ...]

    @property
    def gone(self) -> int:
        """Minute from which no water stands."""
        return max((onset + water.gone for onset, water in zip(self.onset, self.water, strict=True)), default=0)

    def level(self, begin: int, end: int) -> int:
        """Return the level from one minute to another; the steps of the grid begin anew at every onset."""
        levels = [
            water.level(begin - onset, end - onset) if begin >= onset else 0
            for onset, water in zip(self.onset, self.water, strict=True)
        ]
        return sum(level * (PEAK + 1) ** k for k, level in enumerate(levels))

    def levels(self, grid: TimeGrid) -> set[int]:
        """Return the levels of all steps of a grid, and of their beginnings."""
        minute = grid.minute.tolist()
        return {self.level(*step) for step in pairwise(minute)} | {self.level(point, point) for point in minute}

    def depth(self, depths: list[NDArray[np.float64]], level: int) -> NDArray[np.float64]:
        """Return the deepest water of all floods at a level, given that of each at its peak, ``(n_asset,) float64``."""
        digits = [level // (PEAK + 1) ** k % (PEAK + 1) for k in range(len(depths))]
        deepest: NDArray[np.float64] = np.fmax.reduce(
            [depth * (digit / PEAK) for depth, digit in zip(depths, digits, strict=True)]
        )
        return deepest
