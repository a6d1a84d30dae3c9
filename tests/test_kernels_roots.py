"""Root causes: rounds of needs and supply against sets of lanes, and shares against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import pytest

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.roots import SHARES, finish_round, lose_needs, root_needs, share_roots, spread_roots
from tests.bits import lanes, words

SEEDS = range(4 if INTERPRETED else 15)


def some(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    return rng.choice(n, size, replace=False).astype(np.int32)


def random_roots(rng: np.random.Generator, up: np.ndarray, n_category: int = 3) -> np.ndarray:
    """Down assets have one or several roots, assets that are up have none."""
    roots = rng.random((n_category, *up.shape)) < 0.4
    roots[0] |= ~roots.any(axis=0)
    return roots & ~up


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unmet_need_hands_down_the_roots_of_its_down_providers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_need = 10, 14
    up = rng.random((n, 512)) < rng.choice([0.6, 1.0], (n, 1), p=[0.7, 0.3])
    roots = random_roots(rng, up)
    owner = np.sort(rng.integers(0, n, n_need))
    need_indptr = np.searchsorted(owner, np.arange(n + 1))
    providers = [some(rng, n, int(rng.integers(1, 4))) for _ in range(n_need)]
    provider_indptr = np.concatenate([[0], np.cumsum([p.size for p in providers])])
    required = np.array([rng.integers(1, p.size + 1) for p in providers], np.int32)
    buffer_row = np.where(rng.random(n_need) < 0.3, 0, -1).astype(np.int32)
    buffered = rng.random((1, 512)) < 0.5
    active = (rng.random(n) < 0.8).astype(np.uint8)
    order = np.unique(owner).astype(np.int32)
    before = rng.random((n, 512)) < 0.05
    wanted_lost, wanted = before.copy(), roots.copy()
    for need in range(n_need):
        asset = owner[need]
        if not active[asset]:
            continue
        unmet = up[asset] & (up[providers[need]].sum(axis=0) < required[need])
        if buffer_row[need] >= 0:
            unmet &= ~buffered[0]
        wanted_lost[asset] |= unmet
        for p in providers[need]:
            # An asset that is up has no roots to hand down, nor has one that lost in this very round.
            wanted[:, asset] |= unmet & ~up[p] & roots[:, p]
    rows, lost = words(roots), words(before)
    lose_needs(
        order, active, need_indptr, provider_indptr, np.concatenate(providers), required, buffer_row, words(buffered),
        words(up), rows, lost,
    )  # fmt: skip
    np.testing.assert_array_equal(lanes(lost), wanted_lost)
    np.testing.assert_array_equal(lanes(rows), wanted)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_island_has_the_roots_of_its_whole_border(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 14
    edges = [(a, b) for a in range(n) for b in range(n) if a != b and rng.random() < 0.15]
    inbound = [[a for a, b in edges if b == i] for i in range(n)]
    outbound = [[b for a, b in edges if a == i] for i in range(n)]
    up = rng.random((n, 512)) < 0.7
    member = some(rng, n, 11)
    # Lost is closed: what only lost or down assets feed is lost, as reachability finds it.
    fed = np.zeros((n, 512), bool)
    fed[rng.random(n) < 0.2] = True
    fed[np.setdiff1d(np.arange(n), member)] = True
    fed &= up
    for _ in range(n):
        for a, b in edges:
            fed[b] |= fed[a] & up[b]
    lost = up & ~fed
    roots = random_roots(rng, up)
    wanted = roots.copy()
    for i in member:
        for other in inbound[i]:
            wanted[:, i] |= lost[i] & ~up[other] & roots[:, other]
    for _ in range(n):
        for a, b in edges:
            wanted[:, b] |= lost[a] & lost[b] & wanted[:, a]
    rows = words(roots)
    spread_roots(
        member, words(lost), words(up),
        np.cumsum([0, *map(len, inbound)]), np.array([x for row in inbound for x in row], np.int32),
        np.cumsum([0, *map(len, outbound)]), np.array([x for row in outbound for x in row], np.int32), rows,
    )  # fmt: skip
    np.testing.assert_array_equal(lanes(rows), wanted)


def test_a_round_takes_what_was_lost_and_tells_whether_anything_was() -> None:
    rng = np.random.default_rng(0)
    up, lost = rng.random((6, 512)) < 0.5, rng.random((6, 512)) < 0.5
    lost[[1, 4]] = False
    rows, gone = words(up), words(lost)
    changed = np.array([0, 1, 1, 1, 1, 1], np.uint8)
    asset = np.array([0, 1, 2, 4], np.int32)
    assert finish_round(asset, gone, rows, changed)
    wanted = up.copy()
    wanted[[0, 2]] &= ~lost[[0, 2]]
    np.testing.assert_array_equal(lanes(rows), wanted)
    assert changed.tolist() == [1, 0, 1, 1, 0, 1]
    assert not gone[asset].any()
    assert gone[[3, 5]].any()
    assert not finish_round(asset, gone, rows, changed)
    assert not changed[asset].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_zone_has_the_roots_of_its_down_providers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    up = rng.random((8, 512)) < rng.choice([0.6, 1.0], (8, 1))
    roots = random_roots(rng, up)
    providers = [some(rng, 8, int(rng.integers(1, 4))) for _ in range(6)]
    indptr = np.concatenate([[0], np.cumsum([p.size for p in providers])])
    needs = some(rng, 6, 4)
    unmet = rng.random((4, 512)) < 0.5
    unmet[1] = False
    wanted = np.stack(
        [np.logical_or.reduce(~up[providers[need]] & roots[:, providers[need]], axis=1) & unmet[i]
         for i, need in enumerate(needs)], axis=1,
    )  # fmt: skip
    found = rng.integers(0, 2**64, (3, 4, 8), dtype=np.uint64)
    root_needs(needs, indptr, np.concatenate(providers), words(unmet), words(up), words(roots), found)
    np.testing.assert_array_equal(lanes(found), wanted)


def test_one_sample_divides_among_one_to_sixteen_without_a_remainder() -> None:
    assert lcm(*range(1, 17)) == SHARES


@pytest.mark.parametrize("n_category", [0, 1, 2, 5, 16, 19])
def test_ties_are_shared_exactly(n_category: int) -> None:
    rng = np.random.default_rng(n_category)
    n = 4
    density = np.array([0.0, 0.1, 0.5, 1.0])[:, np.newaxis]
    bits = rng.random((n_category, n, 512)) < density
    weight = np.array([7, 1, 1001, 123457])
    before = rng.integers(0, 100, (n, n_category))
    shares, people = before.copy(), np.zeros(n_category, np.int64)
    share_roots(words(bits)[:, ::-1].copy(), np.arange(n, dtype=np.int32)[::-1].copy(), weight, shares, people)
    exact = np.zeros((n, n_category), object)
    wanted_people = np.zeros(n_category, np.int64)
    for i in range(n):
        for s in range(512):
            mine = np.flatnonzero(bits[:, i, s])
            for position, c in enumerate(mine):
                exact[i, c] += Fraction(SHARES, mine.size)
                wanted_people[c] += weight[i] // mine.size + (weight[i] % mine.size if position == 0 else 0)
    got = shares - before
    if n_category <= 16:
        assert (got == exact).all()
    else:
        # Ties of more do not divide; what is left over goes to the first, so that samples still add up.
        assert all(abs(a - b) < 512 * n_category for a, b in zip(got.ravel(), exact.ravel(), strict=True))
    assert got.sum(axis=1).tolist() == (bits.any(axis=0).sum(axis=1) * SHARES).tolist()
    np.testing.assert_array_equal(people, wanted_people)
    assert int(people.sum()) == int((bits.any(axis=0).sum(axis=1) * weight).sum())
