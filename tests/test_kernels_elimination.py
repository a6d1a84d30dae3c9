"""The elimination plan: its invariants on trees, grids, hubs, multigraphs and fragments."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.elimination import eliminate_nodes, eliminate_some

Edges = tuple[int, np.ndarray, np.ndarray]


def edges_of(graph: nx.Graph) -> Edges:
    pairs = np.array(list(graph.edges()), dtype=np.int64).reshape(-1, 2)
    return graph.number_of_nodes(), pairs[:, 0].copy(), pairs[:, 1].copy()


def graphs() -> dict[str, Edges]:
    rng = np.random.default_rng(0)
    tail, head = rng.integers(0, 25, 60), rng.integers(0, 25, 60)
    side = 5 if INTERPRETED else 9
    none = np.empty(0, np.int64)
    return {
        "empty": (0, none, none),
        "one node": (1, none, none),
        "no edges": (6, none, none),
        "self loop": (2, np.array([0, 1]), np.array([0, 1])),
        "parallel": (3, np.array([0, 1, 0, 1, 2]), np.array([1, 0, 1, 2, 1])),
        "path": edges_of(nx.path_graph(20)),
        "cycle": edges_of(nx.cycle_graph(17)),
        "star": edges_of(nx.star_graph(40)),
        "tree": edges_of(nx.balanced_tree(2, 4)),
        "grid": edges_of(nx.convert_node_labels_to_integers(nx.grid_2d_graph(side, side))),
        "complete": edges_of(nx.complete_graph(9)),
        "hubs": edges_of(nx.complete_bipartite_graph(3, 15)),
        "fragments": edges_of(nx.disjoint_union_all([nx.cycle_graph(5), nx.path_graph(4), nx.complete_graph(6)])),
        "multigraph": (25, tail, head),
        "scale free": edges_of(nx.barabasi_albert_graph(30, 3, seed=1)),
    }


GRAPHS = graphs()


def check_plan(
    n: int, tail: np.ndarray, head: np.ndarray, max_degree: int, max_fill: int, *, newest: bool = False, chunk: int = 1
) -> int:
    """Check every promise of the docstring and return how many nodes went."""
    position, column, row, fill, n_slot, slot, core_indptr, core_middle, core_neighbour, core_slot = eliminate_some(
        n, tail, head, np.zeros(n, bool), max_degree, max_fill, True, newest, chunk
    )
    k = column.size - 1
    assert sorted(position.tolist()) == list(range(n))
    assert column[0] == 0
    assert column[-1] == row.size
    degree = np.diff(column)
    assert (degree <= max_degree).all()
    assert int((degree * (degree - 1) // 2).sum()) == fill.size <= max_fill
    assert core_indptr.size == n - k + 1
    # Which pair of new numbers each slot stands for, told by the columns and the core.
    pair_of: dict[int, tuple[int, int]] = {}
    for j in range(k):
        later = row[column[j] : column[j + 1]].tolist()
        assert later == sorted(set(later))
        assert all(j < other < n for other in later)
        for x, other in enumerate(later, start=int(column[j])):
            pair_of[x] = (j, other)
    both_ways: dict[int, list[tuple[int, int]]] = {}
    for c in range(n - k):
        assert (core_neighbour[core_indptr[c] : core_middle[c]] < c).all()
        assert (core_neighbour[core_middle[c] : core_indptr[c + 1]] > c).all()
        for x in range(core_indptr[c], core_indptr[c + 1]):
            both_ways.setdefault(int(core_slot[x]), []).append((k + c, k + int(core_neighbour[x])))
    for number, found in both_ways.items():
        (a, b), back = sorted(found)
        assert back == (b, a)
        assert number not in pair_of
        pair_of[number] = (a, b)
    assert sorted(pair_of) == list(range(n_slot))
    assert len(set(pair_of.values())) == n_slot
    # Every edge lies in the slot of its ends; self loops lie nowhere.
    for edge in range(tail.size):
        if tail[edge] == head[edge]:
            assert slot[edge] == -1
        else:
            ends = sorted((int(position[tail[edge]]), int(position[head[edge]])))
            assert pair_of[int(slot[edge])] == tuple(ends)
    # Fill entries are the slots of all pairs of a column's rows.
    entry = 0
    for j in range(k):
        later = row[column[j] : column[j + 1]].tolist()
        for x, a in enumerate(later):
            for b in later[x + 1 :]:
                assert pair_of[int(fill[entry])] == (a, b)
                entry += 1
    # Eliminating by the book leaves the same pairs.
    adjacency = nx.Graph()
    adjacency.add_nodes_from(range(n))
    for a, b in zip(position[tail].tolist(), position[head].tolist(), strict=True):
        if a != b:
            adjacency.add_edge(a, b)
    for j in range(k):
        later = sorted(adjacency.neighbors(j))
        assert later == row[column[j] : column[j + 1]].tolist()
        adjacency.remove_node(j)
        adjacency.add_edges_from((a, b) for x, a in enumerate(later) for b in later[x + 1 :])
    assert {tuple(sorted(e)) for e in adjacency.edges()} == {p for p in pair_of.values() if p[0] >= k}
    return k


@pytest.mark.parametrize("name", GRAPHS)
def test_plan_of_every_limit_of_degree(name: str) -> None:
    n, tail, head = GRAPHS[name]
    for max_degree in (0, 1, 2, 3, 5, 24) if INTERPRETED else range(25):
        check_plan(n, tail, head, max_degree, 10**9)


@pytest.mark.parametrize("name", ["grid", "complete", "hubs", "multigraph", "scale free", "star"])
@pytest.mark.parametrize("max_fill", [0, 1, 7, 40])
def test_plan_stops_at_the_limit_of_fill(name: str, max_fill: int) -> None:
    check_plan(*GRAPHS[name], 24, max_fill)


@settings(deadline=None, max_examples=10 if INTERPRETED else 40)
@given(st.integers(1, 30), st.integers(0, 80), st.integers(0, 24), st.sampled_from([0, 3, 20, 10**9]), st.randoms())
def test_plan_of_random_multigraphs(n: int, m: int, max_degree: int, max_fill: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    newest, chunk = bool(random.getrandbits(1)), 1 + random.getrandbits(3)
    check_plan(n, rng.integers(0, n, m), rng.integers(0, n, m), max_degree, max_fill, newest=newest, chunk=chunk)


@pytest.mark.parametrize("max_degree", [0, 2])
def test_the_core_is_numbered_by_distance_across_the_graph(max_degree: int) -> None:
    n, tail, head = GRAPHS["grid"]
    plan = eliminate_some(n, tail, head, np.zeros(n, bool), max_degree, 10**9, True, True, 1)
    position, n_core = plan[0], n - (plan[1].size - 1)
    assert n_core > 10
    graph = nx.Graph(zip(tail.tolist(), head.tolist(), strict=True))
    in_order = np.argsort(position)[-n_core:].tolist()
    distance = max(
        (
            [hops[node] for node in in_order]
            for hops in (nx.single_source_shortest_path_length(graph, s) for s in graph)
        ),
        key=lambda d: (d == sorted(d), max(d)),
    )
    assert distance == sorted(distance)
    assert max(distance) > 0.8 * nx.diameter(graph)


def test_trees_go_whole_and_without_fill() -> None:
    n, tail, head = GRAPHS["tree"]
    assert check_plan(n, tail, head, 1, 0) == n


def test_dense_graphs_outgrow_their_first_tables() -> None:
    # A random graph of mean degree six fills in so far that its list of neighbours and its table of pairs, which
    # begin with room for 504 and 512 of its 252 edges, grow.
    rng = np.random.default_rng(5)
    n = 84
    assert check_plan(n, rng.integers(0, n, 3 * n), rng.integers(0, n, 3 * n), n, 10**9) == n


def test_the_plan_does_not_depend_on_the_order_or_direction_of_edges() -> None:
    n, tail, head = GRAPHS["grid"]
    forward = eliminate_nodes(n, tail, head, 24, 10**9)
    turned = eliminate_nodes(n, head, tail, 24, 10**9)
    for a, b in zip(forward, turned, strict=True):
        np.testing.assert_array_equal(a, b)
