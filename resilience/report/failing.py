"""What fails after one asset: its dependents, and theirs, by the tables of the city alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from resilience.network import Network

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

MOST_NAMES = 6


@dataclass(frozen=True)
class Step:
    """What goes down in one step.

    Parameters
    ----------
    kinds : tuple of (str, str, int)
        Sector, kind and how many.
    names : tuple of str
        The first few.
    """

    kinds: tuple[tuple[str, str, int], ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Aftermath:
    """What follows if one asset fails, nothing else does, and every buffer is empty.

    Parameters
    ----------
    asset : int
    steps : tuple of Step
        Those that need what the step before took, or are supplied through it.
    people : dict of str to float
        People of zones whose need of an assigned service is no longer met.
    """

    asset: int
    steps: tuple[Step, ...]
    people: dict[str, float]


@dataclass(frozen=True)
class _Sector:
    """A supplied sector: arcs between nodes, each through a link."""

    members: Places
    sources: Places
    tail: Places
    head: Places
    link: Places


class Dependents:
    """Who depends on whom in a city.

    An asset is down if it fails, if for one of its needs fewer providers than required are up, or if its sector is
    supplied and no source of it is reached through assets that are up. It is the greatest state of which this is true.

    Parameters
    ----------
    network : Network
    supplied : collection of str
        Sectors that are supplied by their sources.
    """

    def __init__(self, network: Network, supplied: frozenset[str]) -> None:
        assets, zones, needs = network.assets, network.zones, network.needs
        self._sector, self._kind, self._name = (_texts(assets, column) for column in ("sector", "kind", "id"))
        self._n = len(assets)
        place = pd.Index(np.concatenate([self._name, _texts(zones, "id")]))
        self._dependent = _positions(place, _texts(needs, "dependent"))
        self._required = needs["required"].to_numpy(dtype=np.int64)
        self._service = _texts(needs, "service")
        rows = _positions(pd.Index(_texts(needs, "id")), _texts(network.dependencies, "need"))
        self._need = rows
        self._provider = _positions(place, _texts(network.dependencies, "provider"))
        self._persons = zones["persons"].to_numpy(dtype=np.float64)
        self._sectors = [one for name in sorted(supplied) if (one := _prepare(network, name)) is not None]
        self._intact = self._settle(None)[-1]

    def follow(self, asset: int) -> Aftermath:
        """Return what follows if an asset fails, step by step."""
        states = self._settle(asset)
        steps, before = [], self._intact.copy()
        before[asset] = False
        for state in states:
            lost = np.flatnonzero(before[: self._n] & ~state[: self._n])
            before &= state
            if lost.size:
                steps.append(self._tell(lost))
        unmet = self._intact[self._dependent] & ~self._met(states[-1]) & self._met(self._intact)
        people: dict[str, float] = {}
        of_zones = self._dependent >= self._n
        for service in dict.fromkeys(self._service[of_zones & unmet]):
            zones = np.unique(self._dependent[of_zones & unmet & (self._service == service)]) - self._n
            people[str(service)] = float(self._persons[zones].sum())
        return Aftermath(asset, tuple(steps), people)

    def _met(self, up: Bools) -> Bools:
        """Return which needs are met."""
        count = np.bincount(self._need, weights=up[self._provider], minlength=self._required.size)
        return np.asarray(count >= self._required)

    def _settle(self, failing: int | None) -> list[Bools]:
        """Return the states of assets and zones, step by step, down to the one that stays."""
        fails = np.zeros(self._n + self._persons.size, bool)
        if failing is not None:
            fails[failing] = True
        up = ~fails
        states: list[Bools] = []
        while True:
            now = up.copy()
            unmet = self._dependent[~self._met(up)]
            now[unmet[unmet < self._n]] = False
            for sector in self._sectors:
                now[sector.members] &= _reach(sector, up, self._n)[sector.members]
            if (now == up).all():
                return states or [up]
            up = now
            states.append(up)

    def _tell(self, lost: Places) -> Step:
        counted = Counter(zip(self._sector[lost], self._kind[lost], strict=True))
        kinds = tuple((str(sector), str(kind), n) for (sector, kind), n in counted.most_common())
        return Step(kinds, tuple(map(str, self._name[lost[:MOST_NAMES]])))


def _texts(table: pd.DataFrame, column: str) -> NDArray[np.object_]:
    return table[column].astype(str).to_numpy(dtype=object)


def _positions(index: pd.Index[Any], names: NDArray[np.object_]) -> Places:
    return np.asarray(index.get_indexer(pd.Index(names)), dtype=np.intp)


def _prepare(network: Network, name: str) -> _Sector | None:
    assets, supply = network.assets, network.supply
    members = np.flatnonzero(_texts(assets, "sector") == name)
    place = pd.Index(_texts(assets, "id"))
    own = (_texts(supply, "sector") == name) & supply["is_source"].to_numpy(dtype=bool)
    sources = _positions(place, _texts(supply, "asset")[own])
    if not sources.size:
        return None
    start, end = (_positions(place, _texts(assets, column)[members]) for column in ("from_asset", "to_asset"))
    link = (start >= 0) & (end >= 0)
    both = link & ~assets["oneway"].to_numpy(dtype=bool)[members]
    tail = np.concatenate([start[link], end[both]])
    head = np.concatenate([end[link], start[both]])
    return _Sector(members, sources, tail, head, np.concatenate([members[link], members[both]]))


def _reach(sector: _Sector, up: Bools, n: int) -> Bools:
    """Return which nodes and links a source reaches through assets that are up."""
    reached = np.zeros(n, bool)
    sources = sector.sources[up[sector.sources]]
    if not sources.size:
        return reached
    open_arc = up[sector.tail] & up[sector.head] & up[sector.link]
    nodes, number = np.unique(
        np.concatenate([sector.tail[open_arc], sector.head[open_arc], sources]), return_inverse=True
    )
    m = int(open_arc.sum())
    # One more node, from which all sources are one step away.
    tail = np.concatenate([number[:m], np.full(sources.size, nodes.size)])
    head = np.concatenate([number[m : 2 * m], number[2 * m :]])
    graph = csr_array((np.ones(tail.size, np.int8), (tail, head)), shape=(nodes.size + 1,) * 2)
    found = breadth_first_order(graph, nodes.size, return_predecessors=False)
    reached[nodes[found[found < nodes.size]]] = True
    reached[sector.link[up[sector.link] & reached[sector.tail]]] = True
    return reached


def supplied_sectors(scenario: Mapping[str, Any], network: Network) -> frozenset[str]:
    """Return the sectors that are supplied by their sources in a run.

    Parameters
    ----------
    scenario : mapping
        Resolved.
    network : Network
    """
    cascade = scenario.get("cascade", {})
    levels = cascade.get("levels", {}).items()
    named = {name: level if isinstance(level, str) else level["level"] for name, level in levels}
    sourced = network.supply["sector"][network.supply["is_source"].to_numpy(dtype=bool)].astype(str)
    built_in = scenario.get("network", {}).get("synthetic") is not None
    default = "connected" if built_in else cascade.get("default", "function")
    return frozenset(name for name in set(sourced) if named.get(name, default) != "function")


def aftermaths(network: Network, scenario: Mapping[str, Any], assets: list[int]) -> Iterator[Aftermath]:
    """Yield what follows each of the assets."""
    dependents = Dependents(network, supplied_sectors(scenario, network))
    return map(dependents.follow, assets)
