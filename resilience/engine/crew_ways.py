"""How crews get from their depots to what is damaged, over roads as the hazard leaves them.

The roads are those of the hazard itself: water that falls, and what it put out of function. What the schedule repairs
meanwhile opens no way; so a way that damaged roads close is taken in the end as if they were whole: when no water is
left and all roads that were merely out work again, crews get over what waits for repair.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.cascade import EventPlan
from resilience.engine.water import Water
from resilience.kernels.rows import ONES, SAMPLES
from resilience.kernels.schedule import Jobs
from resilience.network.compile import CompiledNetwork
from resilience.network.travel import NO_WAY, Facilities, TravelPlan, TravelSolver, plan_travel
from resilience.service import PEAK, Drive, time_links

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Depots:
    """Where crews set off.

    Parameters
    ----------
    asset : (n,) int32
    assets : DataFrame
        The asset table, for lengths and speeds of links.
    network : str
        Sector that is travelled.
    drive : Drive
        How crews drive; its limit of time does not count.
    """

    asset: NDArray[np.int32]
    assets: pd.DataFrame
    network: str = "transport"
    drive: Drive = field(default_factory=lambda: Drive(0.0))


@dataclass(frozen=True)
class CrewStage:
    """Roads from some second on.

    Parameters
    ----------
    second : int
    plan : TravelPlan
    shallow : (n_failing,) bool
        Whether the water at each asset itself lets a crew stand there.
    """

    second: int
    plan: TravelPlan
    shallow: NDArray[np.bool_]


@dataclass(frozen=True)
class CrewWays:
    """Ways of crews in one event.

    Parameters
    ----------
    site : (n_failing, 2) int64
        Targets by which each asset is reached, either will do; -1 where none is known: crews are there at once.
    stages : tuple of CrewStage
        As the water falls; the last one is dry.
    last : int, s
        From then on all ways of the intact city are open to crews.
    falls : bool
        Whether there is water that falls: crews set off on their way as it opens. Without, they set off when the jobs
        say, if the way is open then.
    """

    site: Integers
    stages: tuple[CrewStage, ...]
    last: int
    falls: bool

    def send(self, jobs: Jobs, plan: EventPlan, first_word: int) -> Jobs:
        """Return the jobs of one word group with the way to each, and with when it is open.

        Parameters
        ----------
        jobs : Jobs
            With when crews can set off where no way is known.
        plan : EventPlan
        first_word : int
        """
        failed = np.empty((plan.failing.size, 8), np.uint64)
        plan.sample(first_word, failed)
        up = np.full((plan.failed_row.size + 1, 8), ONES)
        up[plan.failing] = ~failed
        sample = np.repeat(np.arange(SAMPLES), np.diff(jobs.indptr))
        travel, earliest = jobs.travel.copy(), jobs.earliest.copy()
        floor = np.zeros_like(earliest) if self.falls else jobs.earliest
        waits = self.site[jobs.asset, 0] >= 0
        for stage in self.stages:
            chosen = np.flatnonzero(waits & stage.shallow[jobs.asset])
            if not chosen.size:
                continue
            (times,) = TravelSolver(stage.plan).times(up)
            taken = self._least(times, jobs.asset[chosen], sample[chosen])
            reached = chosen[taken < NO_WAY]
            travel[reached] = -(-taken[taken < NO_WAY] // 1000)
            earliest[reached] = np.maximum(floor[reached], stage.second)
            waits[reached] = False
        left = np.flatnonzero(waits)
        intact = self.stages[-1].plan.parts[0].intact_time[:, np.newaxis]
        taken = self._least(intact, jobs.asset[left], np.zeros(left.size, np.intp))
        reached = left[taken < NO_WAY]
        travel[reached] = -(-taken[taken < NO_WAY] // 1000)
        earliest[reached] = np.maximum(floor[reached], self.last)
        return jobs._replace(travel=travel, earliest=earliest)

    def _least(self, times: NDArray[np.uint32], asset: NDArray[np.int32], sample: NDArray[np.intp]) -> Integers:
        least: Integers = np.minimum(*(times[self.site[asset, end], sample].astype(np.int64) for end in (0, 1)))
        return least


def plan_crew_ways(
    compiled: CompiledNetwork,
    plan: EventPlan,
    depots: Depots,
    *,
    failing: NDArray[np.int32],
    water: Water,
    depth: NDArray[np.float64] | None,
    outage: NDArray[np.int32],
) -> CrewWays:
    """Return the ways of crews in one event.

    Parameters
    ----------
    compiled : CompiledNetwork
    plan : EventPlan
    depots : Depots
    failing : (n_failing,) int32
        Assets that can fail, in the order of the jobs.
    water : Water
    depth : (n_asset,) float64, optional, m
        At the peak.
    outage : (n_failing,) int32
        Minute at which each is back if it was only out, in the order of the plan.
    """
    graph = compiled.graphs[depots.network]
    place = np.full(compiled.n_asset + 1, -1, np.int64)
    place[graph.node] = np.arange(graph.node.size)

    def entrance(asset: NDArray[np.int32]) -> Integers:
        found = place[compiled.asset_access[asset]]
        return np.where(found >= 0, found, place[asset])

    ends = np.repeat(entrance(failing)[:, np.newaxis], 2, axis=1)
    link = np.full(compiled.n_asset, -1, np.int64)
    link[graph.link] = np.arange(graph.link.size)
    street = np.flatnonzero(link[failing] >= 0)
    ends[street, 0], ends[street, 1] = graph.tail[link[failing[street]]], graph.head[link[failing[street]]]
    node, site = np.unique(ends, return_inverse=True)
    site = site.reshape(ends.shape)
    if node.size and node[0] < 0:
        node, site = node[1:], site - 1
    can_fail = np.zeros(compiled.n_asset, bool)
    can_fail[plan.failing] = True
    asked = [Facilities(depots.asset, entrance(depots.asset), node, "from")]
    links = depots.assets.iloc[graph.link]
    known: dict[bytes, TravelPlan] = {}
    stages = []
    falls = depth is not None
    standing = np.zeros(failing.size) if depth is None else np.nan_to_num(depth[failing], nan=0.0)
    for level in range(PEAK if falls and water.gone > water.falls else 0, -1, -1):
        share = level / PEAK
        times = time_links(links, None if depth is None else depth[graph.link] * share, depots.drive)
        if times.tobytes() not in known:
            known[times.tobytes()] = plan_travel(graph, times, can_fail, asked)
        second = 60 * water.falls_to(level) if falls else 0
        stages.append(CrewStage(second, known[times.tobytes()], standing * share < depots.drive.stops_at))
    of_roads = np.isin(plan.failing, np.concatenate([graph.node, graph.link]))
    last = max(water.gone if falls else 0, int(outage[of_roads].max(initial=0)))
    # Where not even the intact city has a way, crews are there at once, as where none is known.
    intact = np.append(stages[-1].plan.parts[0].intact_time, np.uint32(NO_WAY))
    site[(intact[site] >= NO_WAY).all(axis=1)] = -1
    return CrewWays(site, tuple(stages), 60 * last, falls)
