"""What repair crews get done in the heat of an event, over its minutes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.heat import Crew, shade_wbgt, sun_wbgt, work_capacity
from resilience.quotients import divide
from resilience.repair import WorkCapacity
from resilience.scenario.heat import CrewSection
from resilience.zone_heat import HeatParts, ZoneHeat

Floats = NDArray[np.float64]


def crew_capacity(heat: HeatParts, section: CrewSection | None) -> WorkCapacity | None:
    """Return the capacity for work over time; None where heat does not slow it.

    Parameters
    ----------
    heat : tuple of ZoneHeat
        Of an event, or of the heatwaves of a sequence, which begin at their onsets.
    section : CrewSection, optional

    Notes
    -----
    Of the wet-bulb globe temperature in the sun or in shade, mean over the zones where it is known; where heatwaves
    overlap, the least. Maps without time tell no hours of work, and slow nothing.

    Examples
    --------
    >>> heat = ZoneHeat(np.array([0, 60, 120]), 0, np.array([[35.0], [20.0]]), onset=30)
    >>> work = crew_capacity((heat,), CrewSection())
    >>> work.step.tolist(), work.capacity.tolist()
    ([0, 1800, 5400, 9000], [1000, 509, 969, 1000])
    """
    timed = [one for one in heat if len(one.temperature) > 1]
    if section is None or not timed:
        return None
    minute = np.unique(np.concatenate([[0], *(one.onset + one.minute for one in timed)]))
    share = np.ones(minute.size)
    for one in timed:
        place = np.searchsorted(one.onset + one.minute, minute, side="right") - 1
        during = (place >= 0) & (place < len(one.temperature))
        share[during] = np.minimum(share[during], hourly_capacity(one, section)[place[during]])
    return WorkCapacity(minute / 60, share)


def hourly_capacity(heat: ZoneHeat, section: CrewSection) -> Floats:
    """Return the share of its usual work that a crew can do in each hour, ``(n_time,) float64``; 1 where unknown."""
    moist = np.full_like(heat.temperature, section.humidity) if heat.humidity is None else heat.humidity
    globe = np.asarray((sun_wbgt if section.sun else shade_wbgt)(heat.temperature, moist))
    known = ~np.isnan(globe)
    mean = divide(np.where(known, globe, 0.0).sum(axis=1), known.sum(axis=1))
    share = np.asarray(work_capacity(mean, crew=Crew(half=section.half, exponent=section.exponent)))
    return np.where(np.isnan(share), 1.0, share)
