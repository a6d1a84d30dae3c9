"""A sequence of events as one task: each part is what it is alone, from its own onset on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import SequencePart, plan_sequence
from resilience.engine.city import City, EventTask, Toll, check_factors
from resilience.engine.factors import LevelFactors, join_factors
from resilience.engine.hazard_course import HazardCourse
from resilience.engine.recovery import NEVER_MINUTE, Recovery, RepairRules, order_by_id, plan_crews
from resilience.engine.sequence_course import SequenceCourse
from resilience.engine.sequence_recovery import SequenceRecovery
from resilience.engine.water import SequenceWater, Water
from resilience.errors import ConfigurationError, Problem
from resilience.repair import WorkCapacity
from resilience.service import plan_services


def prepare_sequence(
    city: City,
    event: int,
    parts: Sequence[tuple[EventTask, int]],
    *,
    perils: Sequence[str],
    depths: Sequence[NDArray[np.float64] | None],
    rules: RepairRules | None = None,
    toll: Toll | None = None,
    factors: tuple[LevelFactors, ...] | None = None,
    work: WorkCapacity | None = None,
) -> EventTask:
    """Return a sequence as a task.

    Parameters
    ----------
    city : City
    event : int
        Position of the sequence.
    parts : sequence of (EventTask, int)
        Events as they are alone, and minutes of their peaks after that of the first; by onset.
    perils : sequence of str
        Of each part.
    depths : sequence of (n_asset,) float64 or None, m
        Water at each asset, of each part that is a flood.
    rules : RepairRules, optional
        How the city repairs; those by which the parts' recoveries were planned.
    toll : Toll, optional
        Of the sequence.
    factors : tuple of LevelFactors, optional
        What the parts do to sectors, over the steps of the sequence; by default those of the parts, each as much later
        as it comes.
    work : WorkCapacity, optional
        What heat leaves of the capacity of crews, over the minutes of the sequence.

    Raises
    ------
    ConfigurationError
        Factors that do not fit a sector. A later part comes when the time grid has ended.
    """
    horizon = 0 if city.grid is None else int(city.grid.minute[-1])
    late = [onset for _, onset in parts if onset >= horizon > 0]
    if late:
        wanted = f"hours before the end of the time grid, {horizon / 60:g}"
        raise ConfigurationError(Problem("after_hours", wanted, f"{late[0] / 60:g}", len(late), len(parts)))
    check_factors(city, factors or ())
    names = list(dict.fromkeys(perils))
    plan = plan_sequence(
        city.compiled,
        [
            SequencePart(task.plan, onset, names.index(peril), depth)
            for (task, onset), peril, depth in zip(parts, perils, depths, strict=True)
        ],
        graphs=city.graphs, start=city.start, horizon_hours=horizon / 60, level_members=city.level_members,
    )  # fmt: skip
    can_be_down = city.baseline.down.copy()
    can_be_down[plan.affected] = True
    floods = [(task, onset, depth) for (task, onset), depth in zip(parts, depths, strict=True) if depth is not None]
    stands = Water(int(NEVER_MINUTE), int(NEVER_MINUTE))
    water = SequenceWater(
        tuple(onset for _, onset, _ in floods),
        tuple(task.water if isinstance(task.water, Water) else stands for task, _, _ in floods),
    )
    deep = partial(water.depth, [depth for *_, depth in floods])
    levels = {water.level(0, 0)} if city.grid is None else water.levels(city.grid)
    recoveries = [task.recovery for task, _ in parts if isinstance(task.recovery, Recovery)]
    courses = tuple(task.course if isinstance(task.course, HazardCourse) else None for task, _ in parts)
    course = SequenceCourse(tuple(onset for _, onset in parts), courses)
    order = order_by_id(city.compiled, plan)
    scaling = [names.index(peril) for (task, _), peril in zip(parts, perils, strict=True) if task.factors]
    if factors is None:
        factors = join_factors(
            [
                one if city.grid is None else one.later(onset, city.grid.minute)
                for task, onset in parts
                for one in task.factors
            ]
        )
    crews = None if rules is None else plan_crews(city.compiled, plan, rules, order, work=work)
    return EventTask(
        event,
        plan,
        plan_services(city.layout, can_be_down, deep, levels=levels, out=city.baseline.down),
        SequenceRecovery(tuple(recoveries), crews, order),
        water,
        course if any(course.courses) else None,
        factors=factors,
        toll=toll,
        factor_root=len(city.compiled.sectors) * (scaling[0] if scaling else 0),
        water_root=len(city.compiled.sectors) * (names.index("flood") if "flood" in names else 0),
    )
