"""Contraction against the connected components of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from resilience.kernels.contraction import contract_sure


def components(n: int, tail: np.ndarray, head: np.ndarray, kept: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(int(kept.sum())), (tail[kept], head[kept])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    # Numbered in order of the first node.
    _, first, again = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[again]


@pytest.mark.parametrize("seed", range(30))
def test_supernodes_are_connected_components_of_what_is_sure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 60)), int(rng.integers(0, 90))
    tail, head = rng.integers(0, n, m), rng.integers(0, n, m)
    node_sure, link_sure = rng.random(n) < 0.8, rng.random(m) < 0.8
    label = np.full(n, -7)
    count = contract_sure(tail, head, node_sure, link_sure, label)
    wanted = components(n, tail, head, link_sure & node_sure[tail] & node_sure[head])
    np.testing.assert_array_equal(label, wanted)
    assert count == wanted.max() + 1


def test_a_long_path_in_any_order_is_one_supernode() -> None:
    n = 300
    order = np.random.default_rng(0).permutation(n - 1)
    label = np.empty(n, np.int64)
    assert contract_sure(order + 1, order, np.ones(n, bool), np.ones(n - 1, bool), label) == 1
    assert not label.any()


def test_an_empty_graph_has_no_supernodes() -> None:
    none = np.empty(0, np.int64)
    assert contract_sure(none, none, np.empty(0, bool), np.empty(0, bool), none.copy()) == 0
