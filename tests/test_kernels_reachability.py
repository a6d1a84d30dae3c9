"""Reachability by elimination against a search, sample by sample."""

from __future__ import annotations

from collections import deque

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.elimination import eliminate_nodes
from resilience.kernels.reachability import factorise_reach, seed_sources, solve_reach
from tests.bits import lanes, words


def search(
    n: int, tail: np.ndarray, head: np.ndarray, up: np.ndarray, ahead: np.ndarray, back: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """Breadth-first search of one sample; `ahead`, `back`: which edges pass from tail to head and from head to tail."""
    ways: list[list[int]] = [[] for _ in range(n)]
    for edge in range(tail.size):
        if ahead[edge]:
            ways[tail[edge]].append(int(head[edge]))
        if back[edge]:
            ways[head[edge]].append(int(tail[edge]))
    found = up & source
    queue = deque(np.flatnonzero(found).tolist())
    while queue:
        for other in ways[queue.popleft()]:
            if up[other] and not found[other]:
                found[other] = True
                queue.append(other)
    return found


def spread(
    tail: np.ndarray, head: np.ndarray, up: np.ndarray, ahead: np.ndarray, back: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """The least fixed point for all samples at once, by repeating every edge until nothing changes."""
    found = up & source
    while True:
        before = int(found.sum())
        for edge in range(tail.size):
            found[head[edge]] |= found[tail[edge]] & ahead[edge] & up[head[edge]]
            found[tail[edge]] |= found[head[edge]] & back[edge] & up[tail[edge]]
        if int(found.sum()) == before:
            return found


class Solved:
    """Random states of a graph, factorised; :meth:`check` solves a set of sources and compares."""

    def __init__(
        self, n: int, tail: np.ndarray, head: np.ndarray, *, directed: bool, max_degree: int, max_fill: int, seed: int
    ) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.n, self.tail, self.head = n, tail, head
        (self.position, self.column, self.row, fill, n_slot, slot, *self.core) = eliminate_nodes(
            n, tail, head, max_degree, max_fill
        )
        # Every sample has its own density, from everything up to nearly nothing.
        density = rng.choice([0.3, 0.6, 0.9, 1.0], (1, 512))
        self.up = rng.random((n, 512)) < density
        self.ahead = rng.random((tail.size, 512)) < density
        self.back = self.ahead.copy()
        if directed:
            way = rng.integers(0, 3, tail.size)
            self.ahead[way == 1] = False
            self.back[way == 2] = False
        self.outward = np.zeros((n_slot, 8), np.uint64)
        self.inward = np.zeros((n_slot, 8), np.uint64) if directed else self.outward
        for edge in np.flatnonzero(slot >= 0):
            rising = self.position[tail[edge]] < self.position[head[edge]]
            low, high = (self.ahead, self.back) if rising else (self.back, self.ahead)
            self.outward[slot[edge]] |= words(low[edge : edge + 1])[0]
            self.inward[slot[edge]] |= words(high[edge : edge + 1])[0]
        self.rows = np.empty((n, 8), np.uint64)
        self.rows[self.position] = words(self.up)
        factorise_reach(self.column, self.row, fill, *self.core, self.rows, directed, self.outward, self.inward)

    def check(self, density: float, n_search: int = 4) -> None:
        source = (self.rng.random((self.n, 512)) < 0.9) & (self.rng.random((self.n, 1)) < density)
        reached = self.rng.integers(0, 2**64, (self.n, 8), dtype=np.uint64)
        seeded = np.empty(self.n, np.uint8)
        stands = np.flatnonzero(source.any(axis=1)).astype(np.int32)
        seed_sources(self.column, self.row, words(source), stands, self.position[stands], seeded, reached)
        solve_reach(self.column, self.row, *self.core, self.rows, self.outward, self.inward, seeded, reached)
        got = lanes(reached)[self.position]
        wanted = spread(self.tail, self.head, self.up, self.ahead, self.back, source)
        np.testing.assert_array_equal(got, wanted)
        for s in self.rng.integers(0, 512, n_search):
            one = search(self.n, self.tail, self.head, self.up[:, s], self.ahead[:, s], self.back[:, s], source[:, s])
            np.testing.assert_array_equal(got[:, s], one)


def edges_of(graph: nx.Graph) -> tuple[int, np.ndarray, np.ndarray]:
    pairs = np.array(list(graph.edges()), dtype=np.int64).reshape(-1, 2)
    return graph.number_of_nodes(), pairs[:, 0].copy(), pairs[:, 1].copy()


NONE = np.empty(0, np.int64)
SIDE = 4 if INTERPRETED else 8
GRAPHS = {
    "one node": (1, NONE, NONE),
    "no edges": (5, NONE, NONE),
    "self loops": (2, np.array([0, 1, 0]), np.array([0, 1, 1])),
    "parallel": (3, np.array([0, 1, 0, 1, 2]), np.array([1, 0, 1, 2, 1])),
    "path": edges_of(nx.path_graph(15)),
    "star": edges_of(nx.star_graph(30)),
    "tree": edges_of(nx.balanced_tree(3, 3)),
    "grid": edges_of(nx.convert_node_labels_to_integers(nx.grid_2d_graph(SIDE, SIDE))),
    "complete": edges_of(nx.complete_graph(8)),
    "hubs": edges_of(nx.complete_bipartite_graph(2, 12)),
    "fragments": edges_of(nx.disjoint_union_all([nx.cycle_graph(5), nx.path_graph(4), nx.complete_graph(5)])),
    "scale free": edges_of(nx.barabasi_albert_graph(25, 2, seed=1)),
}


@pytest.mark.parametrize("directed", [False, True], ids=["both ways", "one-way"])
@pytest.mark.parametrize("name", GRAPHS)
def test_every_limit_of_degree_finds_what_a_search_finds(name: str, directed: bool) -> None:
    for max_degree in (0, 2, 24) if INTERPRETED else range(25):
        solved = Solved(*GRAPHS[name], directed=directed, max_degree=max_degree, max_fill=10**9, seed=max_degree)
        # Several sets of sources after one factorisation.
        for density in (0.0, 0.1) if INTERPRETED else (0.0, 0.1, 1.0):
            solved.check(density, n_search=1)


@settings(deadline=None, max_examples=8 if INTERPRETED else 50)
@given(
    n=st.integers(1, 25), m=st.integers(0, 60), directed=st.booleans(), max_degree=st.integers(0, 24),
    max_fill=st.sampled_from([0, 2, 15, 100, 10**9]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_random_multigraphs(n: int, m: int, directed: bool, max_degree: int, max_fill: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    solved = Solved(
        n, rng.integers(0, n, m), rng.integers(0, n, m), directed=directed, max_degree=max_degree, max_fill=max_fill,
        seed=seed,
    )  # fmt: skip
    for density in (0.05, 0.5):
        solved.check(density)


def test_an_empty_graph_is_solved() -> None:
    Solved(0, NONE, NONE, directed=False, max_degree=24, max_fill=10, seed=0).check(0.5, n_search=0)


def test_sources_that_share_a_node_add_and_those_without_one_are_skipped() -> None:
    state = np.random.default_rng(0).random((5, 512)) < 0.5
    # A path 0 - 1 - 2, eliminated from its end: 1 is the parent of 0, 2 that of 1.
    column, row = np.array([0, 1, 2, 2]), np.array([1, 2], np.int32)
    seeded, reached = np.full(3, 7, np.uint8), np.full((3, 8), 9, np.uint64)
    sources, position = np.array([4, 0, 2], np.int32), np.array([1, 1, -1])
    seed_sources(column, row, words(state), sources, position, seeded, reached)
    assert seeded.tolist() == [0, 1, 1]
    assert (reached[0] == 9).all()
    np.testing.assert_array_equal(lanes(reached[1:]), np.stack([state[4] | state[0], np.zeros(512, bool)]))


def test_duality_makes_the_crossing_of_a_rectangle_exactly_even() -> None:
    """Bond percolation on an (n + 1) x n rectangle at p = 1/2 crosses with probability exactly 1/2, at every size."""
    n = 4 if INTERPRETED else 8
    groups = 4 if INTERPRETED else 40
    width = n + 1
    index = np.arange(width * n).reshape(n, width)
    tail = np.concatenate([index[:, :-1].ravel(), index[:-1, 1:-1].ravel()])
    head = np.concatenate([index[:, 1:].ravel(), index[1:, 1:-1].ravel()])
    position, column, row, fill, n_slot, slot, *core = eliminate_nodes(width * n, tail, head, 24, 10**9)
    up = np.full((width * n, 8), 2**64 - 1, np.uint64)
    rng = np.random.default_rng(1)
    crossed = 0
    seeded, reached = np.empty(width * n, np.uint8), np.empty((width * n, 8), np.uint64)
    for _ in range(groups):
        edges = np.zeros((n_slot, 8), np.uint64)
        edges[slot] = rng.integers(0, 2**64, (tail.size, 8), dtype=np.uint64)
        factorise_reach(column, row, fill, *core, up, False, edges, edges)
        seed_sources(column, row, up, index[:, 0].astype(np.int32), position[index[:, 0]], seeded, reached)
        solve_reach(column, row, *core, up, edges, edges, seeded, reached)
        right = np.bitwise_or.reduce(reached[position[index[:, -1]]], axis=0)
        crossed += int(np.bitwise_count(right).sum())
    trials = groups * 512
    assert abs(crossed - trials / 2) < 4 * np.sqrt(trials) / 2
