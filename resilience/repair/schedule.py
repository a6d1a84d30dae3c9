"""Which crew repairs what when: the labelled face of the scheduling kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems, suggestion
from resilience.kernels.repair_laws import LONGEST_HOURS
from resilience.kernels.schedule import FIFO, LONGEST, NEVER, PRIORITY, SHORTEST, Jobs, Plan, resume_jobs, schedule_jobs
from resilience.repair.work import WorkCapacity

RULES: dict[str, int] = {"fifo": FIFO, "shortest": SHORTEST, "longest": LONGEST, "priority": PRIORITY}
SECONDS = 3600.0


@dataclass(frozen=True, eq=False)
class RepairPlan:
    """Crews, rule, priorities and precedence, checked once and used for every sample.

    Parameters
    ----------
    sectors : tuple of str
        In the order of ``plan.crews``.
    rule : int
    plan : Plan
        Arrays of the kernel.
    """

    sectors: tuple[str, ...]
    rule: int
    plan: Plan


def plan_repairs(
    assets: pd.DataFrame,
    *,
    crews: Mapping[str, int],
    rule: str = "fifo",
    priority: ArrayLike | None = None,
    before: Mapping[str, Sequence[str]] | None = None,
    work: WorkCapacity | None = None,
) -> RepairPlan:
    """Return the plan by which the crews of each sector work.

    Parameters
    ----------
    assets : DataFrame
        Columns ``id`` and ``sector``. Their order breaks ties.
    crews : mapping of str to int
        Crews of each sector; 0 repairs nothing.
    rule : {"fifo", "shortest", "longest", "priority"}
        Which job a free crew takes: the one that can be reached first, the one that binds it for the shortest or
        longest time (way and work), or the one of highest `priority`.
    priority : (n_asset,) array_like of float, optional
        Known before the event (importance, persons served); the largest first.
    before : mapping of str to sequence of str, optional
        Assets that must be repaired, where they are damaged, before a crew sets off for the asset: power before water.
    work : WorkCapacity, optional
        What heat leaves of the capacity for work; full without.

    Raises
    ------
    DataError
        Everything that does not fit: rule, crews, priorities, unknown assets, and assets that wait for one another.

    Examples
    --------
    >>> assets = pd.DataFrame({"id": ["S1", "P1"], "sector": ["power", "water"]})
    >>> plan_repairs(assets, crews={"power": 2, "water": 1}, before={"P1": ["S1"]}).plan.before
    array([0], dtype=int32)
    """
    problems = Problems()
    ids = assets["id"].astype(str).to_numpy()
    index = pd.Index(ids)
    if index.has_duplicates:
        twice = index[index.duplicated()].unique()
        problems.add("assets.id", wanted="every id once", got="ids more than once", count=len(twice), first=twice[:3])
    if rule not in RULES:
        problems.add("repair.rule", wanted=f"one of {', '.join(RULES)}{suggestion(rule, RULES)}", got=repr(rule))
    codes, unique = pd.factorize(assets["sector"].astype(str).to_numpy(), sort=True)
    sectors = tuple(str(name) for name in unique)
    number = _crews(crews, sectors, len(ids), problems)
    rank = _ranks(priority, rule, len(ids), problems)
    indptr, indices = _before(before or {}, index, problems) if index.is_unique else _nothing(len(ids))
    problems.raise_if_any(DataError)
    waiting = _cycle(indptr, indices)
    if waiting.size:
        problems.add("repair.before", wanted="an order in which all can be repaired", got="assets in or behind a loop",
                     count=waiting.size, total=len(ids), first=ids[waiting[:3]])  # fmt: skip
        problems.raise_if_any(DataError)
    capacity = work or WorkCapacity()
    arrays = Plan(
        codes.astype(np.int32), number, rank, indptr, indices, capacity.step, capacity.capacity, capacity.done
    )  # fmt: skip
    return RepairPlan(sectors, RULES[rule], arrays)


def schedule(plan: RepairPlan, jobs: Jobs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when the work of each job begins and ends.

    Parameters
    ----------
    plan : RepairPlan
    jobs : Jobs
        Of any number of samples, e.g. from :func:`resilience.repair.draw_jobs`; trusted.

    Returns
    -------
    start, end : (n_job,) int64, s
        From the beginning of the event; ``resilience.kernels.schedule.NEVER`` where it never happens.
    """
    start = np.empty(jobs.asset.size, dtype=np.int64)
    end = np.empty(jobs.asset.size, dtype=np.int64)
    schedule_jobs(jobs, plan.plan, plan.rule, start, end)
    return start, end


def resume(
    plan: RepairPlan, jobs: Jobs, onset: int, start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when the work of each job begins and ends, decided anew at a time at which more is broken.

    Parameters
    ----------
    plan : RepairPlan
    jobs : Jobs
        What is unfinished or broken then; trusted.
    onset : int, s
    start, end : (n_job,) int64, s
        Of work under way, which goes on; ``resilience.kernels.schedule.NEVER`` for all else.

    Returns
    -------
    start, end : (n_job,) int64, s
    """
    start, end = start.copy(), end.copy()
    resume_jobs(jobs, plan.plan, plan.rule, onset, start, end)
    return start, end


def schedule_table(
    jobs: pd.DataFrame,
    *,
    crews: Mapping[str, int],
    rule: str = "fifo",
    before: Mapping[str, Sequence[str]] | None = None,
    work: WorkCapacity | None = None,
) -> pd.DataFrame:
    """Return one table of jobs with ``start_hours`` and ``end_hours`` added; infinite where they never happen.

    Parameters
    ----------
    jobs : DataFrame
        Columns ``id``, ``sector``, ``repair_hours``; where needed ``travel_minutes`` (0), ``earliest_hours`` (0; when
        the crew can set off; infinite where the asset is never reached) and ``priority`` (0).
    crews, rule, before, work
        As in :func:`plan_repairs`.

    Raises
    ------
    DataError
        Everything that does not fit.

    Examples
    --------
    >>> jobs = pd.DataFrame({"id": list("abcd"), "sector": "power", "repair_hours": [3, 5, 2, 4]})
    >>> schedule_table(jobs, crews={"power": 2}, rule="longest")["end_hours"].tolist()
    [7.0, 5.0, 7.0, 4.0]
    """
    problems = Problems()
    absent = [name for name in ("id", "sector", "repair_hours") if name not in jobs]
    if absent:
        problems.add("jobs", wanted="columns id, sector, repair_hours", got="columns that are not there", first=absent)
        problems.raise_if_any(DataError)
    duration = _seconds(jobs, "repair_hours", SECONDS, problems)
    travel = _seconds(jobs, "travel_minutes", 60.0, problems)
    earliest = _seconds(jobs, "earliest_hours", SECONDS, problems)
    problems.raise_if_any(DataError)
    priority = jobs["priority"] if "priority" in jobs else np.zeros(len(jobs))
    plan = plan_repairs(jobs, crews=crews, rule=rule, priority=priority, before=before, work=work)
    n = len(jobs)
    listed = Jobs(np.array([0, n], dtype=np.int64), np.arange(n, dtype=np.int32), duration, travel, earliest)
    start, end = (np.where(at == NEVER, np.inf, at / SECONDS) for at in schedule(plan, listed))
    return jobs.assign(start_hours=start, end_hours=end)


def _seconds(jobs: pd.DataFrame, column: str, factor: float, problems: Problems) -> NDArray[np.int64]:
    """Return a column in whole seconds; infinite is NEVER, for the earliest start only."""
    values = jobs[column].to_numpy(dtype=np.float64) if column in jobs else np.zeros(len(jobs))
    never = np.isposinf(values) & (column == "earliest_hours")
    wrong = ~((values >= 0.0) & (values * factor <= LONGEST_HOURS * SECONDS) | never)
    if wrong.any():
        problems.add(
            f"jobs.{column}", wanted=f"numbers from 0 to {LONGEST_HOURS * SECONDS / factor:,.0f}", got="others",
            count=int(wrong.sum()), total=len(jobs), first=[f"{value:g}" for value in values[wrong][:3]],
        )  # fmt: skip
        return np.zeros(len(jobs), dtype=np.int64)
    return np.where(never, NEVER, np.rint(np.where(never, 0.0, values) * factor).astype(np.int64))


def _crews(crews: Mapping[str, int], sectors: tuple[str, ...], n: int, problems: Problems) -> NDArray[np.int64]:
    missing = [sector for sector in sectors if sector not in crews]
    if missing:
        problems.add("repair.crews", wanted="a number for every sector; 0 repairs nothing", got="sectors without one",
                     count=len(missing), total=len(sectors), first=missing[:3])  # fmt: skip
    wrong = [f"{name}: {count!r}" for name, count in crews.items() if not (count >= 0 and float(count).is_integer())]
    if wrong:
        problems.add("repair.crews", wanted="whole numbers >= 0", got="others", count=len(wrong), first=wrong[:3])
        return np.zeros(len(sectors), dtype=np.int64)
    # More crews than assets change nothing, and the kernel's heaps stay small.
    return np.array([min(int(crews.get(sector, 0)), n) for sector in sectors], dtype=np.int64)


def _ranks(priority: ArrayLike | None, rule: str, n: int, problems: Problems) -> NDArray[np.int64]:
    """Return 0 for the highest priority, equal ones equal."""
    if priority is None:
        if rule == "priority":
            problems.add("repair.priority", wanted="a number for every asset, for the rule 'priority'", got="none")
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(priority, dtype=np.float64)
    if values.shape != (n,) or np.isnan(values).any():
        problems.add("repair.priority", wanted=f"{n} numbers", got=f"shape {values.shape}, "
                     f"{int(np.isnan(values).sum())} not a number")  # fmt: skip
        return np.zeros(n, dtype=np.int64)
    return np.asarray(np.unique(-values, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def _nothing(n: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return np.zeros(n + 1, dtype=np.int64), np.empty(0, dtype=np.int32)


def _before(
    before: Mapping[str, Sequence[str]], index: pd.Index, problems: Problems
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    pairs = [(asset, first) for asset, firsts in before.items() for first in dict.fromkeys(firsts)]
    if not pairs:
        return _nothing(len(index))
    rows = index.get_indexer(pd.Index([asset for asset, _ in pairs]))
    firsts = index.get_indexer(pd.Index([first for _, first in pairs]))
    named = sorted({name for pair in pairs for name in pair} - set(index))
    if named:
        problems.add("repair.before", wanted="ids of assets", got="unknown ids", count=len(named), first=named[:3])
        return _nothing(len(index))
    order = np.argsort(rows, kind="stable")
    indptr = np.zeros(len(index) + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=len(index)), out=indptr[1:])
    return indptr, firsts[order].astype(np.int32)


def _cycle(indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the assets that cannot be put in an order: those in a cycle and those behind one."""
    n = indptr.size - 1
    rows = np.repeat(np.arange(n), np.diff(indptr))
    left = np.diff(indptr).astype(np.int64)
    done = np.zeros(n, dtype=bool)
    # One round per step of the longest chain, and chains of precedence are short.
    while True:
        free = ~done & (left == 0)
        if not free.any():
            return np.flatnonzero(~done)
        done |= free
        left -= np.bincount(rows[free[indices]], minlength=n)
