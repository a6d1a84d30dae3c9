"""When what the hazard put out of function is back: outages end with the hazard, damage waits for crews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.cascade import EventPlan, whole_minutes
from resilience.draws import REPAIR, stream_key
from resilience.engine.crew_ways import CrewWays, Depots, plan_crew_ways
from resilience.engine.water import Water
from resilience.kernels.fragility import quantise_probability
from resilience.kernels.repair_jobs import note_repairs
from resilience.kernels.repair_laws import FIXED
from resilience.kernels.rows import SAMPLES, WORDS
from resilience.kernels.schedule import NEVER, Jobs
from resilience.network.compile import CompiledNetwork
from resilience.repair import RepairPlan, WorkCapacity, draw_jobs, plan_repairs, schedule
from resilience.repair_times import PackedRepairTimes, RepairTimeTable

Minutes = NDArray[np.int32]

NEVER_MINUTE = np.int32(2**31 - 1)


@dataclass(frozen=True)
class RepairRules:
    """How a city repairs.

    Parameters
    ----------
    table : RepairTimeTable
    classes : (n_asset,) object
        Repair class of each asset; assets without one are never damaged, only out.
    damaged : mapping of str to tuple of float
        Per peril, the share of what it puts out of function that is in each state of damage or a worse one, from the
        lightest; the rest is an outage. A class with fewer states ends with its worst.
    crews : mapping of str to int
        Crews per sector; sectors not named have one for every asset.
    rule : {"fifo", "shortest", "longest", "persons", "priority"}
    priority : (n_asset,) float64, optional
        The largest first; with rule "priority", and with "persons" once they are counted.
    before : mapping of int to (n,) int32
        Assets that must be repaired, where they are damaged, before a crew sets off for the asset.
    depots : Depots, optional
        Where crews set off; without, they are everywhere at once.
    states : mapping of str to mapping of str to tuple of str
        Per peril and repair class, the fragility curve of each state of damage, in the place of the shares.
    """

    table: RepairTimeTable
    classes: NDArray[np.object_]
    damaged: Mapping[str, tuple[float, ...]]
    crews: Mapping[str, int]
    rule: str = "fifo"
    priority: NDArray[np.float64] | None = None
    before: Mapping[int, NDArray[np.int32]] = field(default_factory=dict)
    depots: Depots | None = None
    states: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def state_curves(self) -> dict[str, list[NDArray[np.object_]]]:
        """Return, per peril, the fragility curve of each asset for state 1, 2, ...; empty where there is none."""
        told = {}
        for peril, by_class in self.states.items():
            longest = max(map(len, by_class.values()), default=0)
            told[peril] = [
                np.array([(*by_class.get(name, ()), *[""] * longest)[state] for name in self.classes], dtype=object)
                for state in range(longest)
            ]
        return told

    def count_states(self, peril: str) -> dict[str, int]:
        """Return how many states of damage each class is told apart in."""
        shares, curves = self.damaged.get(peril, ()), self.states.get(peril, {})
        return {
            name: len(curves[name]) if name in curves
            else max(min(len(shares), self.table.count_states(name, peril=peril)), 1)
            for name in dict.fromkeys(self.classes.tolist())
        }  # fmt: skip


@dataclass(frozen=True)
class Recovery:
    """Returns of one event.

    Parameters
    ----------
    outage : (n_failing,) int32
        Minute at which each asset is back if it was only out.
    restart : (n_failing,) int64, minute
        From the end of the hazard until each asset is back if it was only out.
    begin : int or (n_failing,) int64, s
        When crews can set off; in the order that follows.
    order : (n_failing,) int64, optional
        The failing assets by their ids, so that the order of tables breaks no tie between jobs; what follows is in it.
    threshold : (n_state, n_failing) uint32
        U below it is damage of this state or a worse one. It is at most the threshold of failure, and falls with the
        state: the same U decides on all.
    times : PackedRepairTimes, optional
        None where nothing is repaired.
    crews : RepairPlan, optional
    key : uint64
        Of the repair times.
    ways : CrewWays, optional
        Of crews; without, they are everywhere at once.
    by_hour : bool
        Whether the hours of the hazard tell how long outages last, and `outage` does not.
    """

    outage: Minutes
    restart: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    begin: int | NDArray[np.int64] = 0
    order: NDArray[np.int64] | None = None
    threshold: NDArray[np.uint32] | None = None
    times: PackedRepairTimes | None = None
    crews: RepairPlan | None = None
    key: np.uint64 | None = None
    ways: CrewWays | None = None
    by_hour: bool = False

    @property
    def least(self) -> Minutes:
        """Minute before which no repair brings an asset back, as damage is worse than an outage, ``(n_failing,)``."""
        return np.zeros_like(self.outage) if self.by_hour else self.outage

    def damage(self, n_failing: int) -> NDArray[np.uint32]:
        """Return the threshold of damage of each failing asset, ``(n_failing,) uint32``."""
        damage = np.zeros(n_failing, np.uint32)
        if self.threshold is not None:
            damage[slice(None) if self.order is None else self.order] = self.threshold[0]
        return damage

    def restored(self, plan: EventPlan, first_word: int) -> Minutes:
        """Return the minute from which each failing asset is back, ``(n_failing, 512) int32``.

        Parameters
        ----------
        plan : EventPlan
            Of the same event.
        first_word : int
            Of the word group.
        """
        minute = np.repeat(self.outage[:, np.newaxis], SAMPLES, axis=1)
        damaged = self.damaged(plan, first_word)
        if damaged is None or self.crews is None:
            return minute
        order = np.arange(plan.failing.size) if self.order is None else self.order
        for words in cut_words([self]):
            jobs = self.jobs(plan, first_word, damaged, words)
            _, end = schedule(self.crews, jobs)
            note_repairs(jobs.indptr, jobs.asset, end, order, self.least, minute)
        return minute

    def damaged(self, plan: EventPlan, first_word: int) -> NDArray[np.uint64] | None:
        """Return what is damaged in a word group, by state and position in `order`, (n_state, n_failing, 8) uint64.

        None where nothing is repaired.

        Parameters
        ----------
        plan : EventPlan
            Of the same event.
        first_word : int
            Of the word group.
        """
        if self.times is None or self.threshold is None or self.key is None:
            return None
        damaged = np.empty((*self.threshold.shape, WORDS), np.uint64)
        for threshold, rows in zip(self.threshold, damaged, strict=True):
            plan.sample(first_word, rows, threshold=threshold, order=self.order)
        return damaged

    def jobs(self, plan: EventPlan, first_word: int, damaged: NDArray[np.uint64], words: slice = slice(None)) -> Jobs:
        """Return the jobs of a word group, by position in `order`.

        Parameters
        ----------
        plan : EventPlan
            Of the same event.
        first_word : int
            Of the word group.
        damaged : (n_state, n_failing, 8) uint64
            From :meth:`damaged`.
        words : slice
            Of which samples; the others have no jobs.
        """
        assert self.times is not None
        assert self.key is not None
        identity = plan.identity if self.order is None else plan.identity[self.order]
        none = np.zeros(plan.failing.size, np.int64)
        chosen = np.zeros_like(damaged)
        chosen[:, :, words] = damaged[:, :, words]
        jobs = draw_jobs(
            chosen, times=self.times, identity=identity, key=self.key, first_word=first_word, travel=none,
            earliest=none + self.begin,
        )  # fmt: skip
        return jobs if self.ways is None else self.ways.send(jobs, plan, first_word)


def cut_words(recoveries: Sequence[Recovery]) -> list[slice]:
    """Return the parts in which the samples of a word group are scheduled: word by word.

    A job takes some 100 bytes while it is drawn and scheduled: those of all 512 samples at once would be most of the
    memory of a run. Ways of crews are found for all samples at once, and so are the jobs then.
    """
    if any(one.ways is not None for one in recoveries):
        return [slice(None)]
    return [slice(word, word + 1) for word in range(WORDS)]


def done_minutes(end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the whole minutes at which work that ends at some seconds is done."""
    # The last whole minutes of int32 are four thousand years away.
    return np.where(end == NEVER, np.int64(NEVER_MINUTE), -(-end // 60)).clip(max=np.int64(NEVER_MINUTE))


def plan_recovery(
    compiled: CompiledNetwork,
    plan: EventPlan,
    *,
    end_hours: float,
    restart_hours: float,
    rules: RepairRules | None,
    peril: str,
    family: str,
    seed: int,
    begin: NDArray[np.int64] | None = None,
    by_hazard: NDArray[np.float64] | None = None,
    states: NDArray[np.float64] | None = None,
    work: WorkCapacity | None = None,
    water: Water | None = None,
    depth: NDArray[np.float64] | None = None,
    by_hour: bool = False,
) -> Recovery:
    """Return when what an event puts out of function is back.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : EventPlan
    end_hours : float
        End of the hazard after its peak.
    restart_hours : float
        From then on, for outages of assets whose class does not tell a time of its own.
    rules : RepairRules, optional
        Without, all is outage.
    peril, family : str
    seed : int
    begin : (n_failing,) int64, optional, s
        When crews can set off; by default when the hazard is over.
    by_hazard : (n_asset,) float64, optional
        Share of the failure probability that is the hazard's, the only one that can be damage; all by default.
    states : (n_state, n_asset) float64, optional
        Probability of each state of damage or a worse one, for classes whose states have curves.
    work : WorkCapacity, optional
        What heat leaves of the capacity of crews.
    water : Water, optional
        How the water goes; needed where crews have depots.
    depth : (n_asset,) float64, optional, m
        Of the water at its peak.
    by_hour : bool
        Whether the hazard has a time axis, by which outages end.

    Raises
    ------
    DataError
        Repair classes that the table does not know.
    """
    restart = np.full(plan.failing.size, restart_hours)
    if rules is None:
        return Recovery(return_minutes(end_hours + restart), whole_minutes(restart))
    order = order_by_id(compiled, plan)
    failing = plan.failing[order]
    classes = rules.classes[failing]
    has_class = np.asarray(classes != "", dtype=bool)
    of_class = rules.count_states(peril)
    count = np.array([of_class[name] for name in classes], np.int64)
    times = rules.table.pack(classes.tolist(), peril=peril, states=count, needed=has_class)
    outage = times.index[:, 0]
    told = (outage >= 0) & (times.kind[outage] == FIXED) if times.kind.size else np.zeros(outage.size, bool)
    restart[order[told]] = times.first[outage[told]]
    fails = plan.threshold[order]
    by_curve = np.isin(classes, list(rules.states.get(peril, {})))
    shares = rules.damaged.get(peril, ())
    of_hazard = 1.0 if by_hazard is None else by_hazard[failing]
    threshold = np.zeros((times.index.shape[1] - 1, failing.size), np.uint32)
    for state, row in enumerate(threshold):
        if state < len(shares):
            row[:] = np.floor(fails * shares[state] * of_hazard)
        if states is not None and by_curve.any():
            reached = np.empty(failing.size, np.uint32)
            quantise_probability(states[min(state, len(states) - 1), failing], reached)
            row[by_curve] = np.minimum(reached, fails)[by_curve]
        row[~has_class | (state >= count)] = 0
    outage_ends = return_minutes(end_hours + restart)
    ways = None
    if rules.depots is not None and water is not None:
        ways = plan_crew_ways(
            compiled, plan, rules.depots, failing=failing, water=water, depth=depth, outage=outage_ends
        )
    return Recovery(
        outage=outage_ends,
        restart=whole_minutes(restart),
        begin=int(np.ceil(end_hours * 3600)) if begin is None else begin[order],
        order=order,
        threshold=threshold,
        times=times,
        crews=plan_crews(compiled, plan, rules, order, work=work),
        key=stream_key(seed, REPAIR, family),
        ways=ways,
        by_hour=by_hour,
    )


def order_by_id(compiled: CompiledNetwork, plan: EventPlan) -> NDArray[np.int64]:
    """Return the order of the failing assets by their ids, ``(n_failing,) int64``."""
    return np.argsort(np.array([compiled.asset_id[i] for i in plan.failing], dtype=object), kind="stable")


def plan_crews(
    compiled: CompiledNetwork,
    plan: EventPlan,
    rules: RepairRules,
    order: NDArray[np.int64],
    *,
    work: WorkCapacity | None = None,
) -> RepairPlan:
    """Return how crews repair what can fail in an event, the failing assets in an order that breaks ties."""
    failing = plan.failing[order]
    sectors = [compiled.sectors[number] for number in compiled.sector[failing]]
    return plan_repairs(
        pd.DataFrame({"id": [compiled.asset_id[i] for i in failing], "sector": sectors}),
        crews={name: rules.crews.get(name, max(plan.failing.size, 1)) for name in compiled.sectors},
        rule="priority" if rules.rule == "persons" else rules.rule,
        before=_waits(compiled, plan, rules),
        priority=None if rules.priority is None else rules.priority[failing],
        work=work,
    )


def _waits(compiled: CompiledNetwork, plan: EventPlan, rules: RepairRules) -> dict[str, list[str]]:
    """Return, by id, what each asset that can fail waits for of what can fail too."""
    waits = {}
    for asset in plan.failing.tolist():
        first = rules.before.get(asset)
        if first is not None:
            known = first[plan.failed_row[first] >= 0]
            if known.size:
                waits[compiled.asset_id[asset]] = [compiled.asset_id[i] for i in known.tolist()]
    return waits


def return_minutes(hours: NDArray[np.float64]) -> Minutes:
    """Return the minute of each return: whole, rounded up, never before a minute has passed; infinite is never."""
    return np.maximum(whole_minutes(hours), 1).astype(np.int32)
