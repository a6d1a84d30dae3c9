"""What blocks are solved on: the city, what its intact state serves, and one event as a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import Cascade, CorrelatedFragility, EventPlan, MovedFragility, Start, TimeGrid, plan_event
from resilience.engine.factors import LevelFactors
from resilience.engine.hazard_course import HazardCourse
from resilience.engine.levels import Levels, LevelStates, scale_steps
from resilience.engine.recovery import Recovery, return_minutes
from resilience.engine.sequence_course import SequenceCourse
from resilience.engine.sequence_recovery import SequenceRecovery
from resilience.engine.water import SequenceWater, Water
from resilience.errors import ConfigurationError, Problems
from resilience.kernels.rows import ONES
from resilience.network.compile import CompiledNetwork, SectorGraph
from resilience.service import (
    PEAK,
    Baseline,
    Districts,
    ServiceLayout,
    ServicePlan,
    find_served,
    plan_services,
    weigh_zones,
)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class City:
    """What is the same for all events.

    Parameters
    ----------
    compiled : CompiledNetwork
    graphs : dict of str to SectorGraph
        Sectors that are supplied from sources.
    layout : ServiceLayout
    baseline : Baseline
    seed : int
    start : {"all_up", "all_down"}
    with_roots : bool
        Whether root causes are traced.
    grid : TimeGrid, optional
        Without one, the state at the peak of the hazard is all that is found.
    districts : Districts, optional
        With indicators of access.
    correlated : CorrelatedFragility, optional
        Random numbers of assets that fail together; without, fragility is independent.
    levels : Levels, optional
        Sectors that are solved state by state.
    """

    compiled: CompiledNetwork
    graphs: dict[str, SectorGraph]
    layout: ServiceLayout
    baseline: Baseline
    seed: int
    start: Start = "all_up"
    with_roots: bool = True
    grid: TimeGrid | None = None
    districts: Districts | None = None
    correlated: CorrelatedFragility | None = None
    levels: Levels | None = None

    @property
    def n_step(self) -> int:
        """Steps of the time grid; 1 without one."""
        return 1 if self.grid is None else int(self.grid.step.size)

    @property
    def supplied(self) -> tuple[str, ...]:
        """Sectors whose demand can be served in part."""
        levels = self.levels
        return () if levels is None else tuple(levels.sectors[i].graph.sector for i in levels.supplied)

    @property
    def level_members(self) -> tuple[NDArray[np.int32], ...]:
        """Assets of the sectors that are solved state by state, per sector."""
        return () if self.levels is None else self.levels.members

    @property
    def people(self) -> Integers:
        """People whom each service reaches in the intact city, in units of 1 / PERSON, ``(n_service,) int64``.

        The most that an event can take: whom only some groups of a `mean` reach counts for their share.
        """
        total = np.zeros(len(self.layout.names), np.int64)
        for number, part in enumerate(self.layout.parts):
            weight = weigh_zones(self.compiled, part, self.baseline.served[number])
            share = self.baseline.share(number)[part.zone]
            total[part.service] += np.rint(weight * share).astype(np.int64).sum()
        return total


@dataclass(frozen=True)
class Toll:
    """What a zone without a service adds to a sum over time that is told for every sample.

    Parameters
    ----------
    service : int
        One that zones have by assignment.
    weight : (n_step, n_zone) int64
        Per step of the time grid, for all of the zone.
    """

    service: int
    weight: Integers


@dataclass(frozen=True)
class EventTask:
    """One event, prepared.

    Parameters
    ----------
    event : int
        Position of the event.
    plan : EventPlan
    services : ServicePlan
    recovery : Recovery or SequenceRecovery
        When what the hazard put out of function is back; used with a grid only.
    water : Water or SequenceWater, optional
        How the water on the roads goes; without, it stays.
    course : HazardCourse or SequenceCourse, optional
        When the hazard keeps what out of function; without, all that it puts out is so from the first moment until it
        recovers. Used with a grid only, which then begins with the event and not at its peak.
    factors : tuple of LevelFactors
        What the event does to what sectors can give, draw and carry, one per sector that it scales.
    factor_root : int
        What is added to the number of a sector for the root cause that the event scales it.
    water_root : int
        What is added to the number of a sector for the root cause that water slows it.
    toll : Toll, optional
        What is summed for every sample beside people; used with a grid only.
    """

    event: int
    plan: EventPlan
    services: ServicePlan
    recovery: Recovery | SequenceRecovery
    water: Water | SequenceWater | None = None
    course: HazardCourse | SequenceCourse | None = None
    factors: tuple[LevelFactors, ...] = ()
    factor_root: int = 0
    water_root: int = 0
    toll: Toll | None = None

    @property
    def followed_until(self) -> int:
        """Minute up to which states can differ though nothing is out now: water slows, or a hazard is yet to come."""
        onset = max((strike.onset for strike in self.plan.strikes), default=0)
        wet = self.water.gone if self.water is not None and self.services.slowed else 0
        return max(onset, wet, 0 if self.course is None else self.course.end)

    def scaled_until(self, grid: TimeGrid) -> int:
        """Return the minute up to which the event changes what can be given, drawn or carried; 0 where it does not."""
        last = 0
        for factors in self.factors:
            changed = np.flatnonzero(np.broadcast_to(factors.changed, grid.step.size))
            last = max(last, int(changed[-1]) + 1 if changed.size else 0)
        return int(grid.minute[last])

    @property
    def begins_before_peak(self) -> bool:
        """Whether the grid begins with the event and not at its peak, which is then looked at by itself."""
        return self.course is not None and self.course.begins_before_peak


def find_baseline(
    compiled: CompiledNetwork,
    graphs: dict[str, SectorGraph],
    layout: ServiceLayout,
    start: Start,
    levels: Levels | None = None,
) -> Baseline:
    """Return what the intact city serves, found with the same code and no hazard.

    Parameters
    ----------
    compiled : CompiledNetwork
    graphs : dict of str to SectorGraph
    layout : ServiceLayout
    start : {"all_up", "all_down"}
    levels : Levels, optional

    Notes
    -----
    Buffers do not count: what only a buffer keeps alive is a gap of the intact city.
    """
    plan = plan_event(
        compiled, np.zeros(compiled.n_asset), graphs=graphs, seed=0, family="", start=start, buffers=False,
        level_members=() if levels is None else levels.members,
    )  # fmt: skip
    states = LevelStates(levels)
    cascade = Cascade(compiled, plan, states.rows)
    cascade.sample(0)
    cascade.solve_from(start)
    down = ~(cascade.up == ONES).all(axis=1)
    return find_served(
        compiled, layout, cascade.up, np.asarray(down), fraction=states.fraction(), gap=states.gap(),
        fraction_row=None if levels is None else levels.provider_row,
    )  # fmt: skip


def prepare_event(
    city: City,
    event: int,
    failure_probability: NDArray[np.float64],
    *,
    family: str,
    depth: NDArray[np.float64] | None = None,
    restored_hours: NDArray[np.float64] | None = None,
    recover: Callable[[EventPlan], Recovery] | None = None,
    water: Water | None = None,
    follow: Callable[[EventPlan, Recovery], HazardCourse] | None = None,
    factors: tuple[LevelFactors, ...] = (),
    toll: Toll | None = None,
    slow: NDArray[np.float64] | None = None,
    moved: MovedFragility | None = None,
) -> EventTask:
    """Return the event as a task.

    Parameters
    ----------
    city : City
    event : int
    failure_probability : (n_asset,) float64
    family : str
        Event family; its events share their random numbers.
    depth : (n_asset,) float64, optional, m
        Water at each asset.
    restored_hours : (n_asset,) float64, optional, h
        After the peak, from when on an asset is back in function that the hazard put out; infinite without.
    recover : callable, optional
        Makes the returns from the event's plan, see :func:`resilience.engine.plan_recovery`; instead of
        `restored_hours`.
    water : Water, optional
        How the water on the roads goes; needs a grid.
    follow : callable, optional
        Makes the course of the hazard from the event's plan and its recovery.
    factors : tuple of LevelFactors
    toll : Toll, optional
    slow : (n_asset,) float64, optional
        Speed on each link as a share of what it is else, as long as `water` says.
    moved : MovedFragility, optional
        Where an error moves thresholds; `failure_probability` is then the highest of any sample.

    Raises
    ------
    ConfigurationError
        Factors for sectors that are not solved state by state, or that do not fit theirs.
    """
    check_factors(city, factors)
    plan = plan_event(
        city.compiled, failure_probability, graphs=city.graphs, seed=city.seed, family=family, depth=depth,
        start=city.start, horizon_hours=0.0 if city.grid is None else float(city.grid.minute[-1]) / 60,
        correlated=city.correlated,
        moved=moved,
        level_members=city.level_members,
    )  # fmt: skip
    if recover is not None:
        recovery = recover(plan)
    else:
        hours = np.full(city.compiled.n_asset, np.inf) if restored_hours is None else restored_hours
        recovery = Recovery(return_minutes(hours[plan.failing]))
    can_be_down = np.zeros(city.compiled.n_asset, bool)
    can_be_down[plan.affected] = True
    can_be_down |= city.baseline.down
    levels = {PEAK} if water is None or city.grid is None else water.levels(city.grid)
    services = plan_services(city.layout, can_be_down, depth, levels=levels, out=city.baseline.down, slow=slow)
    course = None if follow is None else follow(plan, recovery)
    return EventTask(event, plan, services, recovery, water, course, tuple(factors), toll=toll)


def check_factors(city: City, factors: tuple[LevelFactors, ...]) -> None:
    """Raise ConfigurationError unless an event's factors fit the city's sectors."""
    problems = Problems()
    known = {} if city.levels is None else {sector.graph.sector: sector for sector in city.levels.sectors}
    for one in factors:
        if one.sector in known:
            scale_steps(known[one.sector], one, city.n_step)
        else:
            wanted = f"sectors at level 'share' or 'dc_flow': {', '.join(city.supplied) or 'there is none'}"
            problems.add(f"factors of {one.sector}", wanted=wanted, got="another sector")
    problems.raise_if_any(ConfigurationError)
