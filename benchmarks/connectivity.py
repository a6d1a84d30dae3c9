"""Which people a source still reaches over a road graph: sampling, connectivity and the sum of people, per sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import graph_peers
from benchmarks.graph_peers import Run, Samples
from benchmarks.measuring import slowest_over_fastest
from benchmarks.models import Road, road
from benchmarks.patterns import PATTERNS, SWEEP
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.cascade import Cascade, plan_event
from resilience.kernels.reduction import add_people
from resilience.kernels.rows import ONES
from resilience.kernels.supply import begin_states
from resilience.network.compile import CompiledNetwork
from resilience.network.reach import ReachSolver, plan_reach

MODULES = ("networkx", "igraph", "networkit", "scipy")
GROUP = 512
GOALS = {
    "uniform": {"networkx": 1000.0, "igraph": 200.0, "networkit": 400.0, "scipy": 80.0, "numba": 15.0},
    "footprint": {"networkx": 8000.0, "igraph": 1500.0, "scipy": 500.0},
}
MAKERS: dict[str, tuple[str, Callable[[Samples], Run], int]] = {
    "networkx": ("networkx, search per sample", graph_peers.networkx_search, 2),
    "igraph": ("igraph, copy + delete", graph_peers.igraph_delete, 3),
    "networkit": ("networkit", graph_peers.networkit_rebuild, 3),
    "scipy": ("scipy csgraph", graph_peers.scipy_components, 5),
    "numba": ("scalar Numba union-find", graph_peers.numba_union_find, 20),
}


class Blocks:
    """This package's work: people without a source, by sample, in groups of 512 samples."""

    def __init__(self, road: Road, probability: NDArray[np.float64], compiled: CompiledNetwork | None = None) -> None:
        self.road = road
        compiled = compiled or road.compiled()
        self.plan = plan_event(compiled, probability, graphs=compiled.graphs, seed=1, family="flood")
        self.cascade = Cascade(compiled, self.plan)
        # Only nodes that can be without supply are looked at, as in the service stage.
        node = self.plan.affected[self.plan.affected < road.n]
        self.node = slice(road.n) if node.size == road.n else node
        self.persons = road.persons[self.node]

    def people(self, first_word: int) -> NDArray[np.int64]:
        """Return the people without supply in 512 samples."""
        self.cascade.sample(first_word)
        self.cascade.solve(links=False)
        supplied = np.zeros(GROUP, np.int64)
        add_people(self.cascade.up[self.node], self.persons, supplied)
        return self.persons.sum() - supplied

    def run(self, n_group: int) -> NDArray[np.int64]:
        """Return the people without supply in `n_group` groups."""
        return np.concatenate([self.people(8 * group) for group in range(n_group)])

    def states(self, n_sample: int) -> NDArray[np.bool_]:
        """Return the states of all assets in the first samples, (n_sample, n_asset)."""
        self.cascade.sample(0)
        failed = np.unpackbits(self.cascade.failed.view(np.uint8), axis=1, bitorder="little", count=n_sample)
        up = np.ones((n_sample, self.road.n_asset), bool)
        up[:, self.plan.failing] = failed.T == 0
        return up


def same_people(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> None:
    """Fail unless the peer's samples have the same people without supply."""
    np.testing.assert_array_equal(ours[: theirs.size], theirs)


def _peer(name: str, blocks: Blocks, probability: NDArray[np.float64], size: Size, goal: float | None) -> Peer:
    title, make, most = MAKERS[name]
    n_sample = size.of(tiny=2, quick=min(most, 3), full=most)

    def prepare() -> Run:
        return make(Samples(blocks.road, probability, blocks.states(n_sample)))

    module = "numba" if name == "numba" else name
    return Peer(title, prepare, n_sample, Goal(">=", goal) if goal else None, module, same_people)


@case("connectivity", modules=MODULES)
def connectivity(size: Size) -> Iterator[Contest | Row]:
    """Severity patterns on road graphs, against other graph packages."""
    n = size.of(tiny=400, quick=20_000, full=100_000)
    for degree in (2.5, 3.0):
        graph = road(n, degree=degree)
        for pattern, severity in (("uniform", 2.0), ("footprint", 10.0)):
            probability = PATTERNS[pattern](graph, severity)
            blocks = Blocks(graph, probability)
            groups = size.of(tiny=1, quick=2, full=2 if pattern == "uniform" else 8)
            goals = GOALS[pattern]
            peers = tuple(_peer(name, blocks, probability, size, goals.get(name)) for name in MAKERS)
            subject = f"connectivity, {graph.n:,} nodes of degree {degree:g}, {pattern} {severity:g} %"
            yield Contest(subject, partial(blocks.run, groups), groups * GROUP, "sample", peers)
            if pattern == "footprint":
                yield _contracted(graph, probability, subject)


def _reached(graph: Road, probability: NDArray[np.float64], can_fail: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return where each node is reached, contracting what cannot fail."""
    blocks = Blocks(graph, probability)
    blocks.cascade.sample(0)
    up = np.full((graph.n_asset, 8), ONES)
    begin_states(blocks.plan.affected, blocks.plan.failed_row, blocks.cascade.failed, up)
    plan = plan_reach(graph.graph(), can_fail)
    solver = ReachSolver(plan)
    solver.factorise(up)
    reached = solver.solve(up, graph.source, plan.position[graph.source])[plan.position[: graph.n]]
    return reached & up[: graph.n]


def _contracted(graph: Road, probability: NDArray[np.float64], subject: str) -> Row:
    small = _reached(graph, probability, probability > 0)
    whole = _reached(graph, probability, np.ones(graph.n_asset, bool))
    np.testing.assert_array_equal(small, whole)
    return Row(subject, "the same without contraction", note="bit for bit equal")


@case("severity")
def severity_sweep(size: Size) -> Iterator[Contest | Row]:
    """Time of a solve over failure probability: flat, where a worklist over the whole graph is not."""
    n = size.of(tiny=400, quick=20_000, full=100_000)
    for degree in (2.5, 3.0):
        graph = road(n, degree=degree)
        compiled = graph.compiled()
        cascades = []
        for severity in SWEEP:
            blocks = Blocks(graph, PATTERNS["uniform"](graph, severity), compiled)
            blocks.cascade.sample(0)
            cascades.append(blocks.cascade)
        ratio, fastest, all_times = slowest_over_fastest([c.solve for c in cascades], size.repetitions)
        times = ", ".join(f"{1e3 * seconds:.1f}" for seconds in all_times)
        yield Row(
            f"solve, {graph.n:,} nodes of degree {degree:g}, p = .001, .01, .05, .15", "slowest / fastest", ratio,
            Goal("<=", 2.0), f"{times} ms per 512 samples", fastest,
        )  # fmt: skip


@case("growth")
def growth(size: Size) -> Iterator[Contest | Row]:
    """A block of a city ten times as large."""
    n = size.of(tiny=200, quick=20_000, full=100_000)
    small, large = (Blocks(g, PATTERNS["uniform"](g, 2.0)) for g in (road(n, degree=2.5), road(10 * n, degree=2.5)))
    factor = (small.road.n * 10) / large.road.n
    ratio, fastest, _ = slowest_over_fastest([partial(small.people, 0), partial(large.people, 0)], size.repetitions)
    yield Row(
        f"block of {large.road.n:,} nodes against one of {small.road.n:,}", "time of the larger / the smaller",
        ratio * factor, Goal("<=", 12.0), seconds=fastest,
    )  # fmt: skip
