"""Loading states into a plan, cutting what no source reaches, and proximate causes."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.supply import (
    CLOSED,
    OPEN,
    begin_states,
    count_causes,
    cut_unreached,
    find_unreached,
    finish_links,
    finish_nodes,
    load_drawn_edges,
    load_drawn_nodes,
    load_edges,
    load_nodes,
    mark_dependents,
)
from tests.bits import lanes, words

SEEDS = range(4 if INTERPRETED else 15)


def some(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    return rng.choice(n, size, replace=False).astype(np.int32)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_of_a_plan_are_the_states_of_its_assets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = rng.random((30, 512)) < 0.5
    node, position = some(rng, 30, 6), rng.permutation(9)[:6]
    before = rng.random((9, 512)) < 0.5
    up = words(before)
    load_nodes(words(state), node, position, up)
    before[position] = state[node]
    np.testing.assert_array_equal(lanes(up), before)

    asset = np.concatenate([some(rng, 30, 50 % 30), [OPEN, CLOSED, CLOSED, OPEN]]).astype(np.int32)
    asset = np.concatenate([asset, asset])[rng.permutation(2 * asset.size)]
    parallel, parallel_slot = some(rng, 30, 4), rng.integers(0, asset.size, 4)
    edges = rng.integers(0, 2**64, (asset.size, 8), dtype=np.uint64)
    load_edges(words(state), asset, parallel, parallel_slot, edges)
    passes = np.where((asset >= 0)[:, np.newaxis], state[asset], (asset == OPEN)[:, np.newaxis])
    np.logical_or.at(passes, parallel_slot, state[parallel])
    np.testing.assert_array_equal(lanes(edges), passes)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_of_a_plan_are_what_the_hazard_leaves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    failed, state = rng.random((20, 512)) < 0.5, rng.random((30, 512)) < 0.5
    before = rng.random((9, 512)) < 0.5
    up, row, position = words(before), some(rng, 20, 6), rng.permutation(9)[:6]
    load_drawn_nodes(words(failed), row, position, up)
    before[position] = ~failed[row]
    np.testing.assert_array_equal(lanes(up), before)

    row = rng.integers(0, 20, 60).astype(np.int32)
    parallel, parallel_slot = some(rng, 20, 4), rng.integers(0, 60, 4)
    needing, needing_slot = some(rng, 30, 5), rng.integers(0, 60, 5)
    edges = rng.integers(0, 2**64, (60, 8), dtype=np.uint64)
    load_drawn_edges(words(failed), row, parallel, parallel_slot, words(state), needing, needing_slot, edges)
    passes = ~failed[row]
    np.logical_or.at(passes, parallel_slot, ~failed[parallel])
    np.logical_or.at(passes, needing_slot, state[needing])
    np.testing.assert_array_equal(lanes(edges), passes)


def test_what_the_hazard_leaves() -> None:
    rng = np.random.default_rng(0)
    failed, before = rng.random((3, 512)) < 0.5, rng.random((9, 512)) < 0.5
    up = words(before)
    failed_row = np.array([-1, 2, -1, 0, -1, -1, 1, -1, -1], np.int32)
    begin_states(np.array([1, 2, 3, 6, 8], np.int32), failed_row, words(failed), up)
    before[[2, 8]] = True
    before[[1, 3, 6]] = ~failed[[2, 0, 1]]
    np.testing.assert_array_equal(lanes(up), before)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_no_source_reaches_is_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Some rows lose nothing, so that both values of `changed` occur.
    up = rng.random((20, 512)) < rng.choice([0.0, 0.5], (20, 1))
    reached = rng.random((10, 512)) < rng.choice([0.5, 1.0], (10, 1))
    assets = some(rng, 20, 14)
    node, link = assets[:6], assets[6:]
    node_position, tail, head = rng.integers(0, 10, 6), rng.integers(0, 10, 8), rng.integers(0, 10, 8)
    oneway = rng.random(8) < 0.5
    can = np.ones((20, 512), bool)
    can[node] = reached[node_position]
    can[link] = reached[tail] | (reached[head] & ~oneway[:, np.newaxis])
    rows, changed = words(up), np.zeros(20, np.uint8)
    plan = (node, node_position, link, tail, head, oneway, words(reached))
    lost = np.zeros((20, 8), np.uint64)
    find_unreached(*plan, rows, lost)
    np.testing.assert_array_equal(lanes(lost), up & ~can)
    np.testing.assert_array_equal(lanes(rows), up)
    cut_unreached(*plan, rows, changed)
    np.testing.assert_array_equal(lanes(rows), up & can)
    np.testing.assert_array_equal(changed.astype(bool), (up & ~can).any(axis=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_passive_states_follow_from_the_solution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    up, reached, failed = (rng.random((n, 512)) < 0.5 for n in (20, 10, 6))
    assets = some(rng, 20, 14)
    node, link = assets[:6], assets[6:]
    position, tail, head = rng.integers(0, 10, 6), rng.integers(0, 10, 8), rng.integers(0, 10, 8)
    row, oneway = rng.integers(0, 6, 8).astype(np.int32), rng.random(8) < 0.5
    rows = words(up)
    finish_nodes(node, position, words(reached), rows)
    finish_links(link, row, tail, head, oneway, words(failed), words(reached), rows)
    up[node] = reached[position]
    up[link] = ~failed[row] & (reached[tail] | (reached[head] & ~oneway[:, np.newaxis]))
    np.testing.assert_array_equal(lanes(rows), up)


def test_dependents_of_what_changed_are_marked_and_others_keep_their_mark() -> None:
    active = np.array([0, 0, 1, 0, 0], np.uint8)
    changed = np.array([1, 0, 0, 1, 0], np.uint8)
    provider = np.array([0, 1, 3], np.int32)
    mark_dependents(provider, changed, np.array([0, 2, 3, 3, 4, 4]), np.array([1, 3, 4, 0], np.int32), active)
    assert active.tolist() == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_causes_follow_their_precedence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_need, n_service = 12, 15, 3
    up = rng.random((n, 512)) < rng.choice([0.4, 1.0], (n, 1), p=[0.8, 0.2])
    failing = some(rng, n, 6)
    failed_row = np.full(n, -1, np.int32)
    failed_row[failing] = np.arange(6)
    failed = (rng.random((6, 512)) < 0.5) & ~up[failing]
    affected = some(rng, n, 9)
    supplied, source = (rng.random(n) < 0.6).astype(np.uint8), (rng.random(n) < 0.3).astype(np.uint8)
    size = rng.integers(0, 4, n)
    inbound_indptr = np.concatenate([[0], np.cumsum(size)])
    inbound = rng.integers(0, n, int(size.sum())).astype(np.int32)
    owner = np.sort(rng.integers(0, n, n_need))
    need_indptr = np.searchsorted(owner, np.arange(n + 1))
    service = rng.integers(0, n_service, n_need).astype(np.int16)
    providers = [rng.choice(n, int(rng.integers(1, 4)), replace=False) for _ in range(n_need)]
    provider_indptr = np.concatenate([[0], np.cumsum([p.size for p in providers])])
    required = np.array([rng.integers(1, p.size + 1) for p in providers], np.int32)
    buffer_row = np.where(rng.random(n_need) < 0.3, rng.integers(0, 2, n_need), -1).astype(np.int32)
    buffered = rng.random((2, 512)) < 0.5
    count = rng.integers(0, 10, (n, 2 + n_service))
    wanted = count.copy()
    for asset in affected:
        rest = ~up[asset]
        if failed_row[asset] >= 0:
            wanted[asset, 0] += (rest & failed[failed_row[asset]]).sum()
            rest = rest & ~failed[failed_row[asset]]
        if supplied[asset] and not source[asset]:
            dark = rest & ~up[inbound[inbound_indptr[asset] : inbound_indptr[asset + 1]]].any(axis=0)
            wanted[asset, 1] += dark.sum()
            rest = rest & ~dark
        for need in range(need_indptr[asset], need_indptr[asset + 1]):
            met = up[providers[need]].sum(axis=0) >= required[need]
            if buffer_row[need] >= 0:
                met |= buffered[buffer_row[need]]
            wanted[asset, 2 + service[need]] += (rest & ~met).sum()
            rest = rest & met
    count_causes(
        words(up), failed_row, words(failed), affected, supplied, source, inbound_indptr, inbound, need_indptr,
        service, provider_indptr, np.concatenate(providers).astype(np.int32), required, buffer_row, words(buffered),
        np.full(len(up), -1, np.int32), np.empty((0, 8), np.uint64), 1, count,
    )  # fmt: skip
    np.testing.assert_array_equal(count, wanted)
