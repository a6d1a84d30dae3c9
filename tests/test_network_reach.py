"""Reach plans: contraction is exact, and what comes out is what a search finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.supply import CLOSED, OPEN
from resilience.network.compile import SectorGraph
from resilience.network.reach import ReachSolver, plan_reach
from tests.bits import lanes, words

SEEDS = range(4 if INTERPRETED else 20)


def random_graph(rng: np.random.Generator, n_asset: int, *, oneway: float) -> SectorGraph:
    """Nodes and links scattered over the assets, some of which belong to other sectors."""
    n_node, n_link = int(rng.integers(1, n_asset // 3)), int(rng.integers(0, n_asset // 2))
    assets = rng.permutation(n_asset).astype(np.int32)
    node, link = assets[:n_node], assets[n_node : n_node + n_link]
    tail, head = rng.integers(0, n_node, n_link), rng.integers(0, n_node, n_link)
    source = np.unique(rng.choice(node, min(3, n_node), replace=False))
    return SectorGraph("road", node, link, tail, head, rng.random(n_link) < oneway, source)


def search(graph: SectorGraph, up: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return which nodes are reached in one sample, by SciPy's breadth-first order from one extra node."""
    n = graph.node.size
    passes = up[graph.link]
    back = passes & ~graph.oneway
    tail = np.concatenate([graph.tail[passes], graph.head[back]])
    head = np.concatenate([graph.head[passes], graph.tail[back]])
    alive = up[graph.node]
    inside = alive[tail] & alive[head]
    starts = np.flatnonzero(alive & np.isin(graph.node, source))
    tail = np.concatenate([tail[inside], np.full(starts.size, n)])
    head = np.concatenate([head[inside], starts])
    matrix = coo_array((np.ones(tail.size), (tail, head)), shape=(n + 1, n + 1)).tocsr()
    found = np.zeros(n + 1, bool)
    found[breadth_first_order(matrix, n, directed=True, return_predecessors=False)] = True
    return found[:n]


def solve(graph: SectorGraph, can_fail: np.ndarray, state: np.ndarray, source: np.ndarray) -> np.ndarray:
    plan = plan_reach(graph, can_fail)
    solver = ReachSolver(plan)
    solver.factorise(words(state))
    place = {int(asset): i for i, asset in enumerate(graph.node)}
    at = plan.position[[place[int(s)] for s in source]]
    return lanes(solver.solve(words(state), source, at)[plan.position])


@pytest.mark.parametrize("oneway", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_contracted_and_whole_plans_find_what_a_search_finds(seed: int, oneway: float) -> None:
    rng = np.random.default_rng(seed)
    n_asset = 60
    graph = random_graph(rng, n_asset, oneway=oneway)
    can_fail = rng.random(n_asset) < rng.choice([0.05, 0.3, 0.8])
    state = (rng.random((n_asset, 512)) < 0.7) | ~can_fail[:, np.newaxis]
    contracted = solve(graph, can_fail, state, graph.source)
    np.testing.assert_array_equal(contracted, solve(graph, np.ones(n_asset, bool), state, graph.source))
    for s in range(0, 512, 50):
        np.testing.assert_array_equal(contracted[:, s], search(graph, state[:, s], graph.source))


@pytest.mark.parametrize("seed", SEEDS)
def test_where_nothing_can_fail_only_one_way_links_remain(seed: int) -> None:
    graph = random_graph(np.random.default_rng(seed), 60, oneway=0.3)
    plan = plan_reach(graph, np.zeros(60, bool))
    assert plan.node.size == plan.link.size == 0
    open_slots = (plan.outward.asset == OPEN) | (plan.inward.asset == OPEN)
    assert open_slots.sum() <= int(graph.oneway.sum())
    assert plan.outward.asset.max(initial=CLOSED) < 0
    state = np.ones((60, 512), bool)
    reached = solve(graph, np.zeros(60, bool), state, graph.source)
    np.testing.assert_array_equal(reached[:, 0], search(graph, state[:, 0], graph.source))
    assert (reached == reached[:, :1]).all()


def test_one_factorisation_serves_many_sets_of_sources() -> None:
    rng = np.random.default_rng(0)
    graph = random_graph(rng, 60, oneway=0.2)
    can_fail = np.ones(60, bool)
    state = rng.random((60, 512)) < 0.8
    plan = plan_reach(graph, can_fail)
    solver = ReachSolver(plan)
    solver.factorise(words(state))
    for node in range(graph.node.size):
        got = lanes(solver.solve(words(state), graph.node[[node]], plan.position[[node]])[plan.position])
        for s in range(0, 512, 170):
            np.testing.assert_array_equal(got[:, s], search(graph, state[:, s], graph.node[[node]]))


def test_a_solver_forgets_the_word_group_before() -> None:
    rng = np.random.default_rng(1)
    graph = random_graph(rng, 60, oneway=0.2)
    can_fail = rng.random(60) < 0.5
    solver = ReachSolver(plan_reach(graph, can_fail))
    position = solver.plan.position[np.isin(graph.node, graph.source)]
    source = graph.node[np.isin(graph.node, graph.source)]
    first = None
    for seed in (1, 2, 1):
        state = words((np.random.default_rng(seed).random((60, 512)) < 0.7) | ~can_fail[:, np.newaxis])
        solver.factorise(state)
        got = solver.solve(state, source, position).copy()
        if seed == 1 and first is not None:
            np.testing.assert_array_equal(got, first)
        first = got if first is None else first


def test_a_source_that_stands_nowhere_reaches_nothing() -> None:
    graph = random_graph(np.random.default_rng(3), 60, oneway=0.0)
    state = np.full((60, 8), 2**64 - 1, np.uint64)
    solver = ReachSolver(plan_reach(graph, np.ones(60, bool)))
    solver.factorise(state)
    assert not solver.solve(state, graph.node[:1], np.array([-1])).any()
