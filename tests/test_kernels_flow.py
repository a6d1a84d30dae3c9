"""Islands, shares, DC power flow and overload: kernels against slow twins and laws."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.elimination import eliminate_nodes
from resilience.kernels.islands import balance_islands, label_islands, share_supply
from resilience.kernels.overload import EXCLUDED, INCLUDED, measure_load, spread_overload
from resilience.kernels.power_flow import TRIP_ALL, TRIP_WORST, Elimination, settle_flow

SEEDS = range(4 if INTERPRETED else 25)


def random_grid(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a grid with self loops, parallel links, isolated nodes and parts that are down."""
    n = int(rng.integers(1, 40))
    m = int(rng.integers(0, 2 * n))
    return {
        "node_up": (rng.random(n) < 0.9).astype(np.uint8),
        "link_up": (rng.random(m) < 0.9).astype(np.uint8),
        "tail": rng.integers(0, n, m),
        "head": rng.integers(0, n, m),
        "susceptance": rng.uniform(50.0, 5000.0, m),
        "rating": np.where(rng.random(m) < 0.2, np.inf, rng.uniform(1.0, 40.0, m)),
        "capacity": np.where(rng.random(n) < 0.3, rng.uniform(0.0, 100.0, n), 0.0),
        "demand": np.where(rng.random(n) < 0.6, rng.uniform(0.0, 30.0, n), 0.0),
    }


def islands_slowly(grid: dict[str, np.ndarray], link_up: np.ndarray) -> list[set[int]]:
    graph = nx.MultiGraph()
    graph.add_nodes_from(np.flatnonzero(grid["node_up"]).tolist())
    for link in np.flatnonzero(link_up):
        ends = int(grid["tail"][link]), int(grid["head"][link])
        if all(grid["node_up"][end] for end in ends):
            graph.add_edge(*ends)
    return list(nx.connected_components(graph))


def settle(grid: dict[str, np.ndarray], trip: int = TRIP_ALL) -> tuple[np.ndarray, ...]:
    n, m = grid["node_up"].size, grid["tail"].size
    position, column, row, fill, _, slot, *_ = eliminate_nodes(n, grid["tail"], grid["head"], n, 10**9)
    angle, flow, fraction, tripped = np.full(n, np.nan), np.full(m, np.nan), np.full(n, np.nan), np.empty(m, np.uint8)
    settle_flow(
        *(grid[name] for name in ("node_up", "link_up", "tail", "head", "susceptance", "rating", "capacity", "demand")),
        Elimination(position, column, row, fill, slot), trip, angle, flow, fraction, tripped,
    )  # fmt: skip
    return angle, flow, fraction, tripped


def settle_slowly(grid: dict[str, np.ndarray], trip: int) -> tuple[np.ndarray, ...]:
    """Solve each island by dense algebra, its first source the reference; trip, and again."""
    n, m = grid["node_up"].size, grid["tail"].size
    up, tripped = grid["link_up"].astype(bool), np.zeros(m, bool)
    while True:
        angle, flow, fraction = np.zeros(n), np.zeros(m), np.zeros(n)
        for island in islands_slowly(grid, up):
            nodes = sorted(island)
            supply, drawn = grid["capacity"][nodes].sum(), grid["demand"][nodes].sum()
            if supply <= 0.0:
                continue
            fraction[nodes] = 1.0 if drawn <= supply else supply / drawn
            used = 1.0 if drawn > supply else drawn / supply
            laplacian = np.zeros((n, n))
            inside = [k for k in np.flatnonzero(up) if grid["tail"][k] in island and grid["head"][k] in island]
            for k in inside:
                i, j, b = grid["tail"][k], grid["head"][k], grid["susceptance"][k]
                laplacian[[i, j], [i, j]] += b if i != j else 0.0
                laplacian[[i, j], [j, i]] -= b if i != j else 0.0
            power = grid["capacity"] * used - grid["demand"] * fraction
            reference = next(node for node in nodes if grid["capacity"][node] > 0.0)
            rest = [node for node in nodes if node != reference]
            angle[rest] = np.linalg.solve(laplacian[np.ix_(rest, rest)], power[rest])
            for k in inside:
                flow[k] = (angle[grid["tail"][k]] - angle[grid["head"][k]]) * grid["susceptance"][k]
        loading = np.abs(flow) / grid["rating"]
        over = loading > 1.0 + 1e-9
        if not over.any():
            return angle, flow, fraction, tripped
        if trip == TRIP_WORST:
            over = np.arange(m) == np.flatnonzero(loading >= loading.max() * (1.0 - 1e-9))[0]
        tripped |= over
        up = up & ~over


@pytest.mark.parametrize("seed", SEEDS)
def test_islands_are_those_of_a_search(seed: int) -> None:
    grid = random_grid(np.random.default_rng(seed))
    label = np.empty(grid["node_up"].size, np.int64)
    label_islands(grid["node_up"], grid["link_up"], grid["tail"], grid["head"], label)
    wanted = np.full(label.size, -1)
    for island in islands_slowly(grid, grid["link_up"]):
        wanted[list(island)] = min(island)
    np.testing.assert_array_equal(label, wanted)


@pytest.mark.parametrize("trip", [TRIP_ALL, TRIP_WORST])
@pytest.mark.parametrize("seed", SEEDS)
def test_flow_is_that_of_dense_algebra(seed: int, trip: int) -> None:
    grid = random_grid(np.random.default_rng(seed))
    for got, wanted in zip(settle(grid, trip), settle_slowly(grid, trip), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_node_is_in_balance_and_no_link_above_its_rating(seed: int) -> None:
    grid = random_grid(np.random.default_rng(seed))
    _, flow, fraction, tripped = settle(grid)
    out = np.zeros(fraction.size)
    np.add.at(out, grid["tail"], flow)
    np.add.at(out, grid["head"], -flow)
    label, used, again = np.empty(out.size, np.int64), np.empty(out.size), np.empty(out.size)
    left = grid["link_up"] & (1 - tripped)
    label_islands(grid["node_up"], left, grid["tail"], grid["head"], label)
    balance_islands(label, grid["capacity"], grid["demand"], again, used)
    np.testing.assert_array_equal(again, fraction)
    np.testing.assert_allclose(out, grid["capacity"] * used - grid["demand"] * fraction, atol=1e-9)
    assert np.all(np.abs(flow) <= grid["rating"] * (1.0 + 1e-9))
    assert not flow[left == 0].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_without_limits_flow_serves_what_share_does(seed: int) -> None:
    grid = random_grid(np.random.default_rng(seed))
    grid["rating"][:] = np.inf
    fraction = np.empty(grid["node_up"].size)
    names = ("node_up", "link_up", "tail", "head", "capacity", "demand")
    share_supply(*(grid[name] for name in names), fraction)
    np.testing.assert_array_equal(settle(grid)[2], fraction)


@pytest.mark.parametrize("seed", SEEDS)
def test_more_supply_or_less_demand_never_lowers_a_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = random_grid(rng)
    before, after = np.empty(grid["node_up"].size), np.empty(grid["node_up"].size)
    shape = [grid[name] for name in ("node_up", "link_up", "tail", "head")]
    share_supply(*shape, grid["capacity"], grid["demand"], before)
    more = grid["capacity"] + np.where(rng.random(before.size) < 0.3, rng.uniform(0.0, 50.0, before.size), 0.0)
    share_supply(*shape, more, grid["demand"] * rng.choice([0.5, 1.0], before.size), after)
    assert np.all(after >= before)
    assert np.all((before >= 0.0) & (before <= 1.0))


def test_nothing_at_all() -> None:
    nothing = {
        "node_up": np.empty(0, np.uint8), "link_up": np.empty(0, np.uint8), "tail": np.empty(0, np.int64),
        "head": np.empty(0, np.int64),
        **{name: np.empty(0) for name in ("susceptance", "rating", "capacity", "demand")},
    }  # fmt: skip
    assert [part.size for part in settle(nothing)] == [0, 0, 0, 0]


@pytest.mark.parametrize("endpoints", [EXCLUDED, INCLUDED])
@pytest.mark.parametrize("seed", SEEDS)
def test_loads_are_betweenness(seed: int, endpoints: int) -> None:
    rng = np.random.default_rng(seed)
    graph = nx.gnm_random_graph(int(rng.integers(1, 40)), int(rng.integers(0, 90)), seed=seed)
    n, m = len(graph), graph.number_of_edges()
    ends = np.array(graph.edges, dtype=np.int64).reshape(-1, 2)
    node_up, edge_up = (rng.random(n) < 0.9).astype(np.uint8), (rng.random(m) < 0.9).astype(np.uint8)
    both = np.concatenate([ends[:, 0], ends[:, 1]])
    order = np.argsort(both, kind="stable")
    indptr = np.searchsorted(both[order], np.arange(n + 1))
    neighbour = np.concatenate([ends[:, 1], ends[:, 0]])[order].astype(np.int32)
    load = np.full(n, np.nan)
    measure_load(node_up, edge_up, indptr, neighbour, np.tile(np.arange(m), 2)[order].astype(np.int32), endpoints, load)
    left = nx.Graph(graph)
    left.remove_edges_from([tuple(pair) for pair in ends[edge_up == 0].tolist()])
    left.remove_nodes_from(np.flatnonzero(node_up == 0).tolist())
    wanted = nx.betweenness_centrality(left, normalized=False, endpoints=endpoints == INCLUDED)
    np.testing.assert_allclose(load, [wanted.get(node, 0.0) for node in range(n)], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_overload_spreads_until_all_stand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = nx.gnm_random_graph(25, 40, seed=seed)
    ends = np.array(graph.edges, dtype=np.int64)
    both = np.concatenate([ends[:, 0], ends[:, 1]])
    order = np.argsort(both, kind="stable")
    shape = (
        np.searchsorted(both[order], np.arange(26)),
        np.concatenate([ends[:, 1], ends[:, 0]])[order].astype(np.int32),
        np.tile(np.arange(40), 2)[order].astype(np.int32),
    )
    node_up, edge_up, load = np.ones(25, np.uint8), np.ones(40, np.uint8), np.empty(25)
    measure_load(node_up, edge_up, *shape, EXCLUDED, load)
    capacity = 1.3 * load
    node_up[rng.choice(25, 2, replace=False)] = 0
    left = nx.Graph(graph.subgraph(np.flatnonzero(node_up).tolist()))
    rounds = 0
    while True:
        rounds += 1
        wanted = nx.betweenness_centrality(left, normalized=False)
        over = [node for node, value in wanted.items() if value > capacity[node] + 1e-9 * max(1.0, capacity[node])]
        if not over:
            break
        left.remove_nodes_from(over)
    assert spread_overload(node_up, edge_up, *shape, capacity, EXCLUDED, load) == rounds
    assert np.flatnonzero(node_up).tolist() == sorted(left)
    np.testing.assert_allclose(load, [wanted.get(node, 0.0) for node in range(25)], rtol=1e-12, atol=1e-12)
