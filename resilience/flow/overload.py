"""Level `overload`: nodes that carry the shortest ways of others fail above what they were built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, DataError, Problems
from resilience.flow.sector import Served, answer, check_two_way, flags
from resilience.kernels.islands import label_islands
from resilience.kernels.level_states import overload_states
from resilience.kernels.overload import EXCLUDED, INCLUDED, measure_load, spread_overload
from resilience.network.compile import SectorGraph

Endpoints = Literal["excluded", "included"]
ENDPOINTS: Final[dict[str, int]] = {"excluded": EXCLUDED, "included": INCLUDED}


@dataclass(frozen=True)
class OverloadSector:
    """A sector whose nodes carry one another's shortest ways; from :func:`prepare_overload`.

    Parameters
    ----------
    graph : SectorGraph
    edge : (n_link,) int64
        Pair of nodes that a link joins; -1 for self loops. Parallel links are one edge.
    n_edge : int
    indptr : (n_node + 1,) int64
    neighbour, neighbour_edge : int32
    intact_load, capacity : (n_node,) float64
        Pairs of nodes.
    endpoints : int
    """

    level: ClassVar[str] = "overload"
    graph: SectorGraph
    edge: NDArray[np.int64]
    n_edge: int
    indptr: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    neighbour_edge: NDArray[np.int32]
    intact_load: NDArray[np.float64]
    capacity: NDArray[np.float64]
    endpoints: int

    def solve(self, up: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.float64], int]:
        """Return which nodes are left, their loads, and the number of rounds; `up` as in :meth:`serve`."""
        node_up, load = flags(up, self.graph.node), np.empty(self.graph.node.size)
        edge_up = np.zeros(self.n_edge, np.uint8)
        joins = self.edge >= 0
        edge_up[self.edge[joins & np.asarray(up)[self.graph.link]]] = 1
        rounds = spread_overload(
            node_up, edge_up, self.indptr, self.neighbour, self.neighbour_edge, self.capacity, self.endpoints, load
        )
        return node_up.astype(bool), load, rounds

    def serve(self, up: NDArray[np.bool_]) -> Served:
        """Return what is served while the assets are in state `up`, (n_asset,) bool over the whole asset table."""
        graph = self.graph
        left, _, _ = self.solve(up)
        link_up = np.asarray(up)[graph.link].astype(bool)
        fraction = left.astype(np.float64)
        if graph.source.size:
            label = np.empty(graph.node.size, np.int64)
            label_islands(left.astype(np.uint8), link_up.astype(np.uint8), graph.tail, graph.head, label)
            supplied = label[np.isin(graph.node, graph.source) & left]
            fraction[~np.isin(label, supplied)] = 0.0
        return answer(graph, fraction, link_up, graph.node[~left & np.asarray(up)[graph.node]])

    def serve_states(
        self, conducts: NDArray[np.uint64], sample: NDArray[np.int64], fraction: NDArray[np.float64]
    ) -> NDArray[np.uint8] | None:
        """Write the fractions of the states of some samples, and return what is overloaded in them.

        See :class:`resilience.flow.LevelRows`.
        """
        graph = self.graph
        tripped = np.empty((sample.size, graph.node.size + graph.link.size), np.uint8)
        overload_states(
            conducts, sample, graph.tail, graph.head, self.edge, self.n_edge, self.indptr, self.neighbour,
            self.neighbour_edge, self.capacity, self.endpoints, np.isin(graph.node, graph.source).astype(np.uint8),
            fraction, tripped,
        )  # fmt: skip
        return tripped


def prepare_overload(
    graph: SectorGraph,
    assets: pd.DataFrame,
    *,
    tolerance: float,
    endpoints: Endpoints = "excluded",
) -> OverloadSector:
    """Return a sector at level `overload`, its intact loads measured.

    Parameters
    ----------
    graph : SectorGraph
    assets : pandas.DataFrame
        The city's asset table; `graph` holds rows of it.
    tolerance : float
        Motter and Lai's alpha, >= 0: a node stands (1 + alpha) times its load in the intact sector.
    endpoints : {"excluded", "included"}
        Whether a pair of nodes also loads its own two ends.

    Raises
    ------
    ConfigurationError
        A tolerance below zero or not finite; unknown `endpoints`.
    DataError
        One-way links.

    Notes
    -----
    The load of a node is the number of unordered pairs of other nodes whose shortest way, counted in links, leads
    through it; several shortest ways of a pair share it equally. All nodes with load > (1 + alpha) intact load go down
    at once, loads are measured again on what is left, until none does. Links carry without limit. What is left serves 1
    if it is joined to a functional source, or if the sector has no sources at all, and else 0.

    Examples
    --------
    >>> ids = [*"abcdef"] + [f"link{i}" for i in range(6)]
    >>> graph = SectorGraph("telecom", np.arange(6, dtype=np.int32), np.arange(6, 12, dtype=np.int32), np.arange(6),
    ...     np.roll(np.arange(6), -1), np.zeros(6, bool), np.empty(0, np.int32))
    >>> ring = prepare_overload(graph, pd.DataFrame({"id": ids}), tolerance=0.5)
    >>> ring.intact_load.tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    >>> up = np.array([False] + [True] * 11)
    >>> ring.solve(up)[0].tolist()
    [False, True, True, False, True, True]
    """
    wrong = Problems()
    if endpoints not in ENDPOINTS:
        wrong.add("endpoints", wanted=" or ".join(ENDPOINTS), got=repr(endpoints))
    if not (np.isfinite(tolerance) and tolerance >= 0.0):
        wrong.add("tolerance", wanted="a finite number >= 0", got=f"{tolerance:g}")
    wrong.raise_if_any(ConfigurationError)
    problems = Problems()
    check_two_way(problems, graph, assets["id"].astype(str).to_numpy(dtype=object), "overload")
    problems.raise_if_any(DataError)
    n = graph.node.size
    joins = graph.tail != graph.head
    ends = np.stack([np.minimum(graph.tail, graph.head), np.maximum(graph.tail, graph.head)], axis=1)[joins]
    pairs, of_link = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    edge = np.full(graph.link.size, -1, np.int64)
    edge[joins] = of_link.reshape(-1)
    n_edge = len(pairs)
    both = np.concatenate([pairs[:, 0], pairs[:, 1]])
    order = np.argsort(both, kind="stable")
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(both, minlength=n), out=indptr[1:])
    neighbour = np.concatenate([pairs[:, 1], pairs[:, 0]])[order].astype(np.int32)
    neighbour_edge = np.tile(np.arange(n_edge), 2)[order].astype(np.int32)
    load = np.empty(n)
    everything = np.ones(n, np.uint8), np.ones(n_edge, np.uint8)
    measure_load(*everything, indptr, neighbour, neighbour_edge, ENDPOINTS[endpoints], load)
    return OverloadSector(
        graph, edge, n_edge, indptr, neighbour, neighbour_edge, load, (1.0 + tolerance) * load, ENDPOINTS[endpoints]
    )
