"""Level `share`: what the functional sources of an island can give over what is drawn there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.flow.sector import Served, answer, check_two_way, flags, loads_of, scaled
from resilience.kernels.islands import share_supply
from resilience.kernels.level_states import share_states
from resilience.network.compile import SectorGraph


@dataclass(frozen=True)
class ShareSector:
    """A sector whose islands share their supply in proportion to demand; from :func:`prepare_share`.

    Parameters
    ----------
    graph : SectorGraph
    capacity, demand : (n_node,) float64, the sector's own unit
    """

    level: ClassVar[str] = "share"
    graph: SectorGraph
    capacity: NDArray[np.float64]
    demand: NDArray[np.float64]

    def with_factors(self, *, capacity: ArrayLike = 1.0, demand: ArrayLike = 1.0) -> ShareSector:
        """Return the sector with scaled columns, for heat or growth; one factor for all or one per node.

        Raises
        ------
        ConfigurationError
            A factor that is negative or not finite, or that does not fit.
        """
        return replace(
            self,
            capacity=scaled(self.capacity, capacity, "capacity"),
            demand=scaled(self.demand, demand, "demand"),
        )

    def serve(self, up: NDArray[np.bool_]) -> Served:
        """Return what is served while the assets are in state `up`, (n_asset,) bool over the whole asset table."""
        graph = self.graph
        node_up, link_up = flags(up, graph.node), flags(up, graph.link)
        fraction = np.empty(graph.node.size)
        share_supply(node_up, link_up, graph.tail, graph.head, self.capacity, self.demand, fraction)
        return answer(graph, fraction, link_up.astype(bool), np.empty(0, np.int32))

    def serve_states(
        self, conducts: NDArray[np.uint64], sample: NDArray[np.int64], fraction: NDArray[np.float64]
    ) -> NDArray[np.uint8] | None:
        """Write the fractions of the states of some samples; nothing trips. See :class:`resilience.flow.LevelRows`."""
        graph = self.graph
        share_states(conducts, sample, graph.tail, graph.head, self.capacity, self.demand, fraction)
        return None


def prepare_share(graph: SectorGraph, assets: pd.DataFrame, supply: pd.DataFrame) -> ShareSector:
    """Return a sector at level `share`, its columns checked.

    Parameters
    ----------
    graph : SectorGraph
    assets : pandas.DataFrame
        The city's asset table; `graph` holds rows of it.
    supply : pandas.DataFrame
        The city's supply table: `capacity` of sources and `demand`, both in the sector's own unit.

    Raises
    ------
    DataError
        With everything that does not fit: a source without capacity, a row without demand, no demand or no supply at
        all, assets of other sectors, one-way links.

    Notes
    -----
    An island is a connected part of the functional nodes and links. With S the capacity of its functional sources and D
    the demand of its functional nodes, all of its nodes are served min(1, S / D) of their demand; 1 if D = 0 < S, and 0
    if S = 0. Demand is that of the intact city: a node draws what its table says, whichever dependents still work.

    Examples
    --------
    >>> ids, none = ["plant", "town", "line"], ["", ""]
    >>> assets = pd.DataFrame({"id": ids, "from_asset": [*none, "plant"], "to_asset": [*none, "town"]})
    >>> supply = pd.DataFrame({"asset": ids[:2], "sector": "gas", "is_source": [True, False],
    ...     "capacity": [60.0, np.nan], "demand": [np.nan, 80.0]})
    >>> graph = SectorGraph("gas", np.array([0, 1], np.int32), np.array([2], np.int32), np.array([0]), np.array([1]),
    ...     np.array([False]), np.array([0], np.int32))
    >>> sector = prepare_share(graph, assets, supply)
    >>> sector.serve(np.array([True, True, True])).fraction.tolist()
    [0.75, 0.75, 0.75]
    >>> sector.serve(np.array([True, True, False])).fraction.tolist()
    [1.0, 0.0, 0.0]
    """
    problems = Problems()
    ids = assets["id"].astype(str).to_numpy(dtype=object)
    check_two_way(problems, graph, ids, "share")
    loads = loads_of(problems, graph, ids, supply)
    problems.raise_if_any(DataError)
    return ShareSector(graph, loads.capacity, loads.demand)
