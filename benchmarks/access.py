"""Travel time from every node of a road graph to the nearest functional facility, per sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks import access_peers
from benchmarks.access_peers import Search
from benchmarks.models import Road, road
from benchmarks.patterns import PATTERNS
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.kernels.reduction import add_people
from resilience.network.travel import NO_WAY, Facilities, TravelSolver, plan_travel

MODULES = ("scipy", "igraph", "networkx")
GROUP = 512
FACILITIES = 20
LIMIT = 300_000  # ms
GOALS = {
    2.5: {"scipy": 35.0, "igraph": 60.0, "networkx": 250.0},
    3.0: {"scipy": 20.0, "igraph": 60.0, "networkx": 250.0},
}
MAKERS: dict[str, tuple[str, Callable[[Road, NDArray[np.int64]], Search], int]] = {
    "scipy": ("scipy dijkstra, min_only", access_peers.scipy_dijkstra, 4),
    "igraph": ("igraph distances", access_peers.igraph_distances, 2),
    "networkx": ("networkx multi-source Dijkstra", access_peers.networkx_dijkstra, 1),
}


class Groups:
    """This package's work: people within the limit in groups of 512 samples, states given."""

    def __init__(self, graph: Road, probability: NDArray[np.float64], *, reduce: bool = True) -> None:
        rng = np.random.default_rng(5)
        self.road = graph
        # 100 m blocks at 12 to 70 km/h.
        self.time = rng.integers(5_000, 30_000, graph.tail.size)
        self.up = rng.random((graph.n_asset, GROUP), dtype=np.float32) >= probability[:, np.newaxis]
        # A sample without any facility is no work for some peers and an error for others.
        self.up[graph.source[0]] = True
        self.state = np.packbits(self.up, axis=1, bitorder="little").view(np.uint64)
        node = np.arange(graph.n)
        service = Facilities(graph.source, graph.source.astype(np.int64), node, "to")
        self.solver = TravelSolver(plan_travel(graph.graph(), self.time, probability > 0, [service], reduce=reduce))

    def run(self) -> NDArray[np.int64]:
        """Return the people within the limit in each sample of a group."""
        within = self.solver.within(self.state, [LIMIT])[0][0]
        lanes = np.zeros(GROUP, np.int64)
        add_people(within, self.road.persons, lanes)
        return lanes


def same_people(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> None:
    """Fail unless the peer's samples have the same people within the limit."""
    np.testing.assert_array_equal(ours[: theirs.size], theirs)


def _peer(name: str, groups: Groups, size: Size, goal: float | None) -> Peer:
    title, make, most = MAKERS[name]
    n_sample = size.of(tiny=2, quick=1, full=most)

    def prepare() -> Callable[[], NDArray[np.int64]]:
        search = make(groups.road, groups.time)
        states = groups.up[:, :n_sample].T.copy()
        times = groups.solver.times(groups.state)[0]
        for sample, state in enumerate(states):
            np.testing.assert_array_equal(np.minimum(search(state), NO_WAY), times[:, sample])
        return lambda: np.array([groups.road.persons[search(state) <= LIMIT].sum() for state in states])

    repetitions = 3 if name == "networkx" else None
    return Peer(title, prepare, n_sample, Goal(">=", goal) if goal else None, name, same_people, repetitions)


@case("access", modules=MODULES)
def access(size: Size) -> Iterator[Contest | Row]:
    """20 facilities; uniform failures and a footprint, against other graph packages."""
    n = size.of(tiny=400, quick=20_000, full=100_000)
    for degree in (2.5, 3.0):
        graph = road(n, degree=degree, n_source=FACILITIES)
        for pattern, severity in (("uniform", 2.0), ("footprint", 10.0)):
            probability = PATTERNS[pattern](graph, severity)
            groups = Groups(graph, probability)
            peers = tuple(_peer(name, groups, size, GOALS[degree][name]) for name in MAKERS)
            subject = f"access, {graph.n:,} nodes of degree {degree:g}, {pattern} {severity:g} %"
            yield Contest(subject, groups.run, GROUP, "sample", peers)
            if pattern == "footprint":
                whole = Groups(graph, probability, reduce=False)
                np.testing.assert_array_equal(groups.solver.times(groups.state), whole.solver.times(groups.state))
                yield Row(subject, "the same solved whole", note="equal times")
