"""What people can do in the heat, as a step function of time that slows repairs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems, count_of
from resilience.kernels.schedule import FULL, accumulate_capacity


@dataclass(frozen=True, eq=False)
class WorkCapacity:
    """Capacity for work over time: ``share[k]`` from ``time_hours[k]`` until the next, the last goes on.

    Parameters
    ----------
    time_hours : (n,) float64, h
        Strictly increasing from 0, the beginning of the event; kept in whole seconds.
    share : (n,) float64
        In [0, 1]; kept in whole thousandths.

    Raises
    ------
    DataError
        With everything that does not fit.

    Examples
    --------
    >>> hot_noon = WorkCapacity([0, 10, 16], [1.0, 0.5, 1.0])
    >>> hot_noon.capacity
    array([1000,  500, 1000])
    """

    time_hours: ArrayLike = (0.0,)
    share: ArrayLike = (1.0,)
    step: NDArray[np.int64] = field(init=False, repr=False)
    capacity: NDArray[np.int64] = field(init=False, repr=False)
    done: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        hours = np.asarray(self.time_hours, dtype=np.float64).reshape(-1)
        share = np.asarray(self.share, dtype=np.float64).reshape(-1)
        problems = Problems()
        if hours.size != share.size or hours.size == 0:
            got = f"{count_of(hours.size, 'time')} and {count_of(share.size, 'share')}"
            problems.add("work capacity", wanted="one share for each time, at least one", got=got)
        bad = ~((share >= 0.0) & (share <= 1.0))
        if bad.any():
            problems.add("work capacity", wanted="shares in [0, 1]", got="others", count=int(bad.sum()),
                         total=share.size, first=[f"{value:g}" for value in share[bad][:3]])  # fmt: skip
        step = np.rint(np.where(np.isfinite(hours), hours, -1.0) * 3600.0).astype(np.int64)
        if hours.size and (step[0] != 0 or np.any(np.diff(step) <= 0)):
            problems.add("work capacity", wanted="hours that increase from 0, by a second or more", got="others",
                         first=[f"{value:g}" for value in hours[:3]])  # fmt: skip
        problems.raise_if_any(DataError)
        capacity = np.rint(share * FULL).astype(np.int64)
        done = np.empty_like(step)
        accumulate_capacity(step, capacity, done)
        for name, value in (("time_hours", hours), ("share", share), ("step", step), ("capacity", capacity),
                            ("done", done)):  # fmt: skip
            object.__setattr__(self, name, value)
