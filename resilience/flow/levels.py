"""The sectors of a city that are modelled beyond reachability, prepared with all problems told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resilience.errors import Attempts, ConfigurationError, Problem
from resilience.flow.overload import Endpoints, prepare_overload
from resilience.flow.power import BASE_POWER, Trip, prepare_dc_flow
from resilience.flow.rows import LevelSector
from resilience.flow.share import prepare_share
from resilience.network import Network
from resilience.network.compile import SectorGraph, sector_graphs


@dataclass(frozen=True)
class LevelRule:
    """How one sector is modelled.

    Parameters
    ----------
    sector : str
    level : {"share", "dc_flow", "overload"}
    trip, base_power
        Of `dc_flow`, see :func:`resilience.flow.prepare_dc_flow`.
    tolerance, endpoints
        Of `overload`, see :func:`resilience.flow.prepare_overload`.
    """

    sector: str
    level: Literal["share", "dc_flow", "overload"]
    trip: Trip = "all"
    base_power: float = BASE_POWER
    tolerance: float = np.nan
    endpoints: Endpoints = "excluded"


def order_by_id(graph: SectorGraph, ids: NDArray[np.object_]) -> SectorGraph:
    """Return the graph with its nodes and links in the order of their ids.

    Sums of floating point, the reference node of an island and the first of equals then do not depend on the order of
    the asset table.

    Examples
    --------
    >>> graph = SectorGraph("gas", np.array([0, 1], np.int32), np.array([2], np.int32), np.array([0]), np.array([1]),
    ...     np.array([False]), np.array([1], np.int32))
    >>> ordered = order_by_id(graph, np.array(["town", "plant", "pipe"], dtype=object))
    >>> ordered.node.tolist(), ordered.tail.tolist(), ordered.head.tolist()
    ([1, 0], [1], [0])
    """
    node = np.argsort(ids[graph.node].astype(str), kind="stable")
    link = np.argsort(ids[graph.link].astype(str), kind="stable")
    rank = np.argsort(node, kind="stable")
    return replace(
        graph, node=graph.node[node], link=graph.link[link], tail=rank[graph.tail[link]], head=rank[graph.head[link]],
        oneway=graph.oneway[link],
    )  # fmt: skip


def prepare_levels(network: Network, rules: Sequence[LevelRule]) -> tuple[LevelSector, ...]:
    """Return the sectors that `rules` name, in their order, nodes and links in the order of their ids.

    Parameters
    ----------
    network : Network
    rules : sequence of LevelRule

    Raises
    ------
    DataError, ConfigurationError
        With everything that does not fit, of all sectors.
    """
    if not rules:
        return ()
    graphs = sector_graphs(network)
    ids = network.assets["id"].astype(str).to_numpy(dtype=object)
    attempt = Attempts()

    def prepare(rule: LevelRule) -> LevelSector:
        found = graphs.get(rule.sector)
        if found is None or (rule.level == "overload" and found.link.size == 0):
            wanted = f"a sector with {'links' if rule.level == 'overload' else 'links or sources'}"
            got = f"level '{rule.level}' for a sector without"
            raise ConfigurationError(Problem(f"cascade.levels.{rule.sector}", wanted=wanted, got=got))
        graph = order_by_id(found, ids)
        if rule.level == "share":
            return prepare_share(graph, network.assets, network.supply)
        if rule.level == "dc_flow":
            return prepare_dc_flow(
                graph, network.assets, network.supply, trip=rule.trip, base_power=rule.base_power
            )  # fmt: skip
        return prepare_overload(graph, network.assets, tolerance=rule.tolerance, endpoints=rule.endpoints)

    prepared = [attempt(partial(prepare, rule)) for rule in rules]
    attempt.raise_if_any()
    return tuple(sector for sector in prepared if sector is not None)
