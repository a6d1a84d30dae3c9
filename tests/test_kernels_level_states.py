"""From rows of samples to distinct states and back, and what zones receive, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.kernels.level_rows import lower_fractions, take_trips
from resilience.kernels.level_states import number_states, unpack_state
from resilience.kernels.received import add_lost_samples, add_share_people, receive_shares, share_lost_roots
from resilience.kernels.roots import SHARES
from resilience.kernels.rows import pack_rows

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mark", ["random", "all alike"])
def test_states_are_numbered_once_each_whatever_the_marks(seed: int, mark: str) -> None:
    """Marks that are all alike make different states meet in the table: only full comparison tells them apart."""
    rng = np.random.default_rng(seed)
    n = 12
    conducts = rng.random((n, 512)) < rng.choice([0.5, 0.9, 1.0], (n, 1))
    fresh = rng.random(512) < 0.8
    marks = rng.integers(2**64, size=n, dtype=np.uint64) if mark == "random" else np.full(n, 7, np.uint64)
    state_of, sample = np.empty(512, np.int64), np.empty(512, np.int64)
    n_state = number_states(pack_rows(conducts), marks, pack_rows(fresh[np.newaxis]), state_of, sample)
    assert n_state == len(np.unique(conducts[:, fresh], axis=1).T)
    assert (state_of[~fresh] == -1).all()
    np.testing.assert_array_equal(conducts[:, fresh], conducts[:, sample[state_of[fresh]]])
    node, link = np.empty(5, np.uint8), np.empty(n - 5, np.uint8)
    for state in range(n_state):
        unpack_state(pack_rows(conducts), sample[state], node, link)
        np.testing.assert_array_equal(np.concatenate([node, link]).astype(bool), conducts[:, sample[state]])


def test_fractions_only_fall_and_trips_are_taken_once() -> None:
    rng = np.random.default_rng(1)
    state_of = rng.integers(-1, 4, 512)
    solved, fraction = rng.random((4, 6)), rng.random((6, 512))
    wanted = np.where(state_of >= 0, np.minimum(fraction, solved[state_of].T), fraction)
    lower_fractions(state_of, solved, fraction)
    np.testing.assert_array_equal(fraction, wanted)
    gone = (rng.random((4, 9)) < 0.3).astype(np.uint8)
    conducts, tripped = rng.random((9, 512)) < 0.5, rng.random((9, 512)) < 0.1
    now = np.where(state_of >= 0, gone[state_of].T, 0).astype(bool)
    rows = pack_rows(tripped), pack_rows(conducts)
    take_trips(state_of, gone, *rows)
    np.testing.assert_array_equal(rows[0], pack_rows(tripped | now))
    np.testing.assert_array_equal(rows[1], pack_rows(conducts & ~now))


@pytest.mark.parametrize("seed", SEEDS)
def test_needs_receive_the_kth_largest_fraction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_asset, n_need = 9, 6
    up, buffered = rng.random((n_asset, 512)) < 0.6, rng.random((2, 512)) < 0.3
    row = np.array([0, 1, 2, 3, 4, -1, -1, -1, -1], np.int32)
    fraction = np.round(rng.random((5, 512)), 1)
    providers = [rng.choice(n_asset, int(rng.integers(1, 6)), replace=False) for _ in range(n_need)]
    indptr = np.concatenate([[0], np.cumsum([len(p) for p in providers])])
    required = np.array([int(rng.integers(1, len(p) + 2)) for p in providers], np.int32)
    buffer_row = np.array([-1, 0, -1, 1, -1, -1], np.int32)
    needs = rng.permutation(n_need)[:4].astype(np.int32)
    received = np.empty((4, 512))
    receive_shares(
        needs, indptr, np.concatenate(providers).astype(np.int32), required, buffer_row, pack_rows(buffered),
        pack_rows(up), row, fraction, received,
    )  # fmt: skip
    given = np.where(row[:, np.newaxis] >= 0, fraction[np.maximum(row, 0)], up)
    for i, need in enumerate(needs):
        k = required[need]
        largest = np.sort(given[providers[need]], axis=0)[::-1]
        wanted = largest[k - 1] if k <= len(largest) else np.zeros(512)
        if buffer_row[need] >= 0:
            wanted = np.where(buffered[buffer_row[need]], 1.0, wanted)
        np.testing.assert_array_equal(received[i], wanted)


@pytest.mark.parametrize("seed", SEEDS)
def test_lost_shares_add_up_over_people_samples_and_roots(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lost = np.where(rng.random((7, 512)) < 0.5, rng.random((7, 512)), 0.0)
    weight = rng.integers(0, 10**9, 7)
    lanes, samples = np.zeros(512, np.int64), np.zeros(7, np.int64)
    add_share_people(lost, weight, lanes)
    add_lost_samples(lost, samples)
    np.testing.assert_array_equal(lanes, np.rint(weight[:, np.newaxis] * lost).astype(np.int64).sum(axis=0))
    np.testing.assert_array_equal(samples, np.rint(lost * SHARES).astype(np.int64).sum(axis=1))
    roots = rng.random((3, 7, 512)) < 0.5
    rows = np.stack([pack_rows(one) for one in roots])
    shares, people = np.zeros((7, 3), np.int64), np.zeros(3, np.int64)
    share_lost_roots(rows, lost, weight, shares, people)
    traced = roots.any(axis=0)
    np.testing.assert_array_equal(shares.sum(axis=1), np.rint(lost * traced * SHARES).astype(np.int64).sum(axis=1))
    assert people.sum() == np.rint(weight[:, np.newaxis] * lost * traced).astype(np.int64).sum()
    count = np.maximum(roots.sum(axis=0), 1)
    np.testing.assert_allclose(shares, (roots * lost / count).sum(axis=2).T * SHARES, rtol=1e-4, atol=512 * 3)
