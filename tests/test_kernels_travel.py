"""Travel times by elimination against repeating every edge until nothing changes; gates, packing and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.constant_times import (
    begin_times,
    carry_constant,
    collect_constant,
    factorise_constant,
    keep_within,
    write_times,
    write_within,
)
from resilience.kernels.elimination import eliminate_nodes, eliminate_some
from resilience.kernels.time_rows import CLOSED
from resilience.kernels.travel import (
    factorise_times,
    find_live,
    load_times,
    mark_ancestors,
    open_gates,
    solve_times,
)

WAY = 2**30


def relax(
    tail: np.ndarray, head: np.ndarray, ahead: np.ndarray, back: np.ndarray, time: np.ndarray, name: np.ndarray
) -> None:
    """The least fixed point in lexical order of (time, name), ways of WAY or more being none."""
    key = time.astype(np.int64) * 64 + name
    while True:
        before = key.copy()
        for edge in range(tail.size):
            for a, b, cost in ((tail[edge], head[edge], ahead[edge]), (head[edge], tail[edge], back[edge])):
                found = key[a] + cost.astype(np.int64) * 64
                key[b] = np.where(found < WAY * 64, np.minimum(key[b], found), key[b])
        if (key == before).all():
            time[:], name[:] = key // 64, key % 64
            return


@settings(deadline=None, max_examples=10 if INTERPRETED else 60)
@given(
    n=st.integers(1, 25), m=st.integers(0, 60), directed=st.booleans(), max_degree=st.integers(0, 12),
    max_fill=st.sampled_from([0, 15, 10**9]), search=st.booleans(), newest=st.booleans(), chunk=st.integers(1, 9),
    high=st.sampled_from([2, 40, 2**28]), labelled=st.booleans(), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_random_multigraphs(
    n: int,
    m: int,
    directed: bool,
    max_degree: int,
    max_fill: int,
    search: bool,
    newest: bool,
    chunk: int,
    high: int,
    labelled: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    tail, head = rng.integers(0, n, m), rng.integers(0, n, m)
    kept = rng.random(n) < 0.2
    position, column, row, fill, n_slot, slot, *core = eliminate_some(
        n, tail, head, kept, max_degree, max_fill, search, newest, chunk
    )
    k = column.size - 1
    assert not kept[np.argsort(position)[:k]].any()
    ahead = rng.integers(0, high, (m, 16))
    ahead[rng.random((m, 16)) < 0.2] = WAY
    back = rng.integers(0, high, (m, 16)) if directed else ahead
    outward = np.full((n_slot, 16), CLOSED, np.uint32)
    inward = np.full((n_slot, 16), CLOSED, np.uint32) if directed else outward
    for edge in np.flatnonzero(slot >= 0):
        low, high_ = (ahead, back) if position[tail[edge]] < position[head[edge]] else (back, ahead)
        outward[slot[edge]] = np.minimum(outward[slot[edge]], low[edge])
        inward[slot[edge]] = np.minimum(inward[slot[edge]], high_[edge])
    factorise_times(column, row, fill, directed, outward, inward)

    n_seed = int(rng.integers(0, 5))
    node, begin = rng.integers(0, n, n_seed), rng.integers(0, 5, n_seed).astype(np.uint32)
    names = rng.integers(0, 4, n_seed).astype(np.uint32)
    opened = rng.integers(0, 2**16, (2, n_seed)).astype(np.uint16)
    target = np.flatnonzero(rng.random(n) < 0.5)
    seeded, asked = np.zeros(n, bool), np.zeros(n, bool)
    mark_ancestors(column, row, position[node], seeded)
    mark_ancestors(column, row, position[target], asked)
    time, label = (rng.integers(0, 2**32, (n, 16)).astype(np.uint32) for _ in range(2))
    solve_times(
        column, row, *core, rng.permutation(n - k).astype(np.int32), np.flatnonzero(seeded[:k]),
        np.flatnonzero(asked[:k])[::-1].copy(), seeded, position[node], begin, names, opened, 1, outward, inward,
        labelled, time, label,
    )  # fmt: skip

    wanted, name = np.full((n, 16), WAY), np.zeros((n, 16), np.int64)
    for i in range(n_seed):
        free = (int(opened[1, i]) >> np.arange(16)) & 1 == 1
        better = free & (int(begin[i]) * 64 + int(names[i]) < wanted[node[i]] * 64 + name[node[i]])
        wanted[node[i]], name[node[i]] = (
            np.where(better, begin[i], wanted[node[i]]),
            np.where(better, names[i], name[node[i]]),
        )
    relax(tail, head, ahead, back, wanted, name)
    np.testing.assert_array_equal(time[position[target]], wanted[target])
    if labelled:
        np.testing.assert_array_equal(label[position[target]], name[target])


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 20))
@pytest.mark.parametrize("directed", [False, True])
def test_constants_are_what_equal_samples_are(seed: int, directed: bool) -> None:
    rng = np.random.default_rng(seed)
    n, m = 20, 30
    tail, head = rng.integers(0, n, m), rng.integers(0, n, m)
    _, column, row, fill, n_slot, *_ = eliminate_nodes(n, tail, head, 8, 10**9)
    outward = np.where(rng.random(n_slot) < 0.2, CLOSED, rng.integers(0, 9, n_slot)).astype(np.uint32)
    inward = rng.integers(0, 9, n_slot).astype(np.uint32) if directed else outward
    wide = [np.repeat(way[:, np.newaxis], 16, axis=1) for way in ((outward, inward) if directed else (outward,))]
    factorise_constant(column, row, fill, directed, outward, inward)
    factorise_times(column, row, fill, directed, wide[0], wide[-1])
    np.testing.assert_array_equal(wide[0], np.repeat(outward[:, np.newaxis], 16, axis=1))
    np.testing.assert_array_equal(wide[-1], np.repeat(inward[:, np.newaxis], 16, axis=1))

    k = column.size - 1
    seeds = np.where(rng.random(n) < 0.2, 1, CLOSED).astype(np.uint32)
    names = np.where(seeds < CLOSED, rng.integers(0, 4, n), 0).astype(np.uint32)
    time, name = seeds.copy(), names.copy()
    carry_constant(column, row, outward, time, name)
    # Back through all eliminated nodes, the core's times being what was carried there.
    rows, labels = np.empty((n, 16), np.uint32), np.empty((n, 16), np.uint32)
    place_of = np.concatenate([n - 1 - np.arange(k), np.arange(n - k)]).astype(np.int32)
    rows[: n - k], labels[: n - k] = time[k:, np.newaxis], name[k:, np.newaxis]
    order = np.arange(k)[::-1]
    count = np.diff(column)[order]
    indptr = np.concatenate([[0], np.cumsum(count)])
    entry = np.concatenate([np.arange(column[j], column[j + 1]) for j in order] or [np.empty(0, np.int64)]).astype(int)
    for labelled in (False, True):
        collect_constant(
            indptr, place_of[row[entry]], inward[entry], time[order], name[order], n - k, labelled, rows, labels
        )
        for j in order:
            best = min([(int(time[j]), int(name[j]))]
                       + [(int(rows[place_of[row[x]], 0]) + int(inward[x]), int(labels[place_of[row[x]], 0]))
                          for x in range(column[j], column[j + 1])])  # fmt: skip
            got = rows[place_of[j]]
            assert (got == min(best[0], WAY)).all()
            if labelled and best[0] < WAY:
                assert (labels[place_of[j]] == best[1]).all()


def gates_case(rng: np.random.Generator, failed: float) -> tuple:
    state_bits = rng.random((8, 512)) >= failed
    state = np.packbits(state_bits, axis=1, bitorder="little").view(np.uint64)
    gate = rng.integers(-1, 8, (10, 3)).astype(np.int32)
    passes = np.ones((10, 512), bool)
    for i, assets in enumerate(gate):
        for asset in assets[assets >= 0]:
            passes[i] &= state_bits[asset]
    return state_bits, state, gate, passes


@pytest.mark.parametrize("packed", [False, True])
def test_gates_are_open_where_all_their_assets_are_up(packed: bool) -> None:
    rng = np.random.default_rng(1)
    for failed in (0.0, 0.01, 0.5):
        state_bits, state, gate, passes = gates_case(rng, failed)
        live = np.empty((1, 8), np.uint64)
        find_live(state, np.array([1, 4], np.int32), live)
        lane = np.flatnonzero(~(state_bits[1] & state_bits[4]))
        np.testing.assert_array_equal(np.flatnonzero(np.unpackbits(live.view(np.uint8), bitorder="little")), lane)
        if not packed:
            live[:] = np.uint64(2**64 - 1)
            lane = np.arange(512)
        rank = np.zeros(512, np.int16)
        rank[lane] = np.arange(lane.size)
        opened = rng.integers(0, 2**16, (32, 11)).astype(np.uint16)
        column = rng.permutation(11)[:10]
        open_gates(state, gate, column, live, rank, packed, opened)
        got = (opened[:, np.newaxis, :] >> np.arange(16)[:, np.newaxis]) & 1 == 1
        np.testing.assert_array_equal(got.reshape(512, 11)[: lane.size, column].T, passes[:, lane])


def test_edges_are_as_long_as_their_gates_let_them() -> None:
    rng = np.random.default_rng(2)
    weight, extra = rng.integers(0, 9, 6).astype(np.uint32), rng.integers(0, 9, 3).astype(np.uint32)
    opened, extra_opened = (rng.integers(0, 2**16, (32, size)).astype(np.uint16) for size in (6, 3))
    slot = np.array([1, 1, 4])
    out = np.empty((6, 16), np.uint32)
    load_times(weight, opened, slot, extra, extra_opened, 5, out)
    free = (opened[5][:, np.newaxis] >> np.arange(16)) & 1 == 1
    wanted = np.where(free, weight[:, np.newaxis], WAY)
    for i in range(3):
        free = (int(extra_opened[5, i]) >> np.arange(16)) & 1 == 1
        wanted[slot[i]] = np.where(free, np.minimum(wanted[slot[i]], extra[i]), wanted[slot[i]])
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("packed", [False, True])
def test_times_and_limits_are_written_for_the_samples_that_are_solved(packed: bool) -> None:
    rng = np.random.default_rng(3)
    lane = np.sort(rng.permutation(512)[:100]).astype(np.int16) if packed else np.arange(512, dtype=np.int16)
    n_batch = -(-lane.size // 16)
    rows = rng.integers(0, 50, (n_batch, 9, 16)).astype(np.uint32)
    intact, limit = np.array([5, 20, 30, 49], np.uint32), np.array([20, 3], np.uint32)
    place, target = np.array([2, 7]), np.array([3, 0])
    wanted = np.repeat(intact[:, np.newaxis], 512, axis=1)
    for i in range(2):
        wanted[target[i], lane] = rows[:, place[i]].ravel()[: lane.size]
    times = np.empty((4, 512), np.uint32)
    solved = np.zeros(4, bool)
    solved[target] = not packed
    begin_times(intact, solved, times)
    bits = np.empty((2, 32, 2), np.uint16)
    for batch in range(n_batch):
        write_times(rows[batch], place, target, lane, batch, packed, times, times.reshape(-1, 16))
        keep_within(rows[batch], place, limit, batch, bits)
    np.testing.assert_array_equal(times, wanted)
    live = np.zeros(512, np.uint8)
    live[lane] = 1
    within = np.empty((2, 4, 8), np.uint64)
    live_words = np.packbits(live, bitorder="little").view(np.uint64)[np.newaxis]
    write_within(bits, target, intact, limit, live_words, lane, packed, within)
    got = np.unpackbits(within.view(np.uint8), axis=-1, bitorder="little").astype(bool)
    np.testing.assert_array_equal(got, wanted <= limit[:, np.newaxis, np.newaxis])
