"""Needs: counting providers, propagating to the greatest fixed point, ordering dependents."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import pytest

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.dependency import evaluate_needs, order_dependents, propagate_failures
from tests.bits import lanes, words


def starts(sizes: np.ndarray | list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).astype(np.int64)


@dataclass
class Needs:
    """Random needs in the layout of the kernels, and their slow twin over 512 lanes."""

    n: int
    owner: np.ndarray
    providers: list[np.ndarray]
    required: np.ndarray
    buffer_row: np.ndarray
    buffered: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator, n: int, n_need: int, acyclic: bool = False) -> Needs:
        owner = np.sort(rng.integers(1 if acyclic else 0, n, n_need))
        providers = []
        for who in owner:
            pool = np.arange(who) if acyclic else np.arange(n)
            size = min(int(rng.integers(0, 7)), pool.size)
            providers.append(rng.choice(pool, size, replace=False).astype(np.int32))
        required = np.array([rng.integers(1, p.size + 2) for p in providers], np.int32)
        has_buffer = rng.random(n_need) < 0.3
        buffer_row = np.where(has_buffer, np.cumsum(has_buffer) - 1, -1).astype(np.int32)
        buffered = words(rng.random((int(has_buffer.sum()), 512)) < 0.5)
        return cls(n, owner, providers, required, buffer_row, buffered)

    @property
    def indptr(self) -> np.ndarray:
        return starts(np.bincount(self.owner, minlength=self.n))

    @property
    def provider_indptr(self) -> np.ndarray:
        return starts([p.size for p in self.providers])

    @property
    def provider(self) -> np.ndarray:
        return np.concatenate([*self.providers, np.empty(0, np.int32)]).astype(np.int32)

    def dependents(self) -> tuple[np.ndarray, np.ndarray]:
        who: list[list[int]] = [[] for _ in range(self.n)]
        for owner, providers in zip(self.owner.tolist(), self.providers, strict=True):
            for p in providers:
                if owner not in who[p]:
                    who[p].append(owner)
        return starts([len(w) for w in who]), np.array([o for w in who for o in w], np.int32)

    def order(self) -> np.ndarray:
        order = np.full(int((np.diff(self.indptr) > 0).sum()), -1, np.int32)
        order_dependents(self.indptr, self.provider_indptr, self.provider, order)
        return order

    def met(self, up: np.ndarray) -> np.ndarray:
        found = np.empty((self.owner.size, 512), bool)
        for need, providers in enumerate(self.providers):
            found[need] = up[providers].sum(axis=0) >= self.required[need]
            if self.buffer_row[need] >= 0:
                found[need] |= lanes(self.buffered)[self.buffer_row[need]]
        return found

    def settled(self, up: np.ndarray) -> np.ndarray:
        while True:
            new = up.copy()
            np.logical_and.at(new, self.owner, self.met(up))
            if np.array_equal(new, up):
                return up
            up = new

    def propagate(
        self, up: np.ndarray, active: np.ndarray, order: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, active, changed = words(up), active.astype(np.uint8), np.zeros(self.n, np.uint8)
        propagate_failures(
            self.indptr, self.provider_indptr, self.provider, self.required, self.buffer_row, self.buffered,
            *self.dependents(), self.order() if order is None else order, rows, active, changed,
        )  # fmt: skip
        return lanes(rows), active, changed


SEEDS = range(6 if INTERPRETED else 25)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_need_is_met_by_enough_providers_or_by_its_buffer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs = Needs.random(rng, 12, 25)
    up = rng.random((12, 512)) < 0.6
    chosen = rng.permutation(25)[:15].astype(np.int32)
    met = np.empty((15, 8), np.uint64)
    evaluate_needs(
        needs.provider_indptr, needs.provider, needs.required, needs.buffer_row, needs.buffered, chosen, words(up), met
    )
    np.testing.assert_array_equal(lanes(met), needs.met(up)[chosen])


@pytest.mark.parametrize(("n", "k", "wanted"), [(2, 2, 0.81), (2, 1, 0.99), (3, 2, 0.972)])
def test_textbook_reliabilities(n: int, k: int, wanted: float) -> None:
    """Series, parallel and 2-of-3 of components that work with probability 0.9, from all 2**n states."""
    state = (np.arange(512) % 2**n >> np.arange(n)[:, np.newaxis] & 1).astype(bool)
    met = np.empty((1, 8), np.uint64)
    evaluate_needs(
        starts([n]), np.arange(n, dtype=np.int32), np.array([k], np.int32), np.array([-1], np.int32),
        np.empty((0, 8), np.uint64), np.zeros(1, np.int32), words(state), met,
    )  # fmt: skip
    weight = np.where(state[:, : 2**n], 0.9, 0.1).prod(axis=0)
    assert float(weight @ lanes(met)[0, : 2**n]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_propagation_reaches_the_greatest_fixed_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs = Needs.random(rng, 25, 30)
    before = rng.random((25, 512)) < 0.9
    up, active, changed = needs.propagate(before, np.diff(needs.indptr) > 0)
    np.testing.assert_array_equal(up, needs.settled(before))
    assert not active.any()
    np.testing.assert_array_equal(changed.astype(bool), (up != before).any(axis=1))


@pytest.mark.parametrize("seed", SEEDS)
def test_propagation_goes_on_from_who_is_marked(seed: int) -> None:
    """After a fixed point, more assets fail; only whoever depends on them is marked."""
    rng = np.random.default_rng(seed)
    needs = Needs.random(rng, 25, 30)
    up = needs.settled(rng.random((25, 512)) < 0.95)
    hit = rng.permutation(25)[:3]
    after = up.copy()
    after[hit] &= rng.random((3, 512)) < 0.5
    indptr, dependent = needs.dependents()
    active = np.zeros(25, bool)
    for asset in hit:
        active[dependent[indptr[asset] : indptr[asset + 1]]] = True
    got, still, _ = needs.propagate(after, active)
    np.testing.assert_array_equal(got, needs.settled(after))
    assert not still.any()


@pytest.mark.parametrize("seed", SEEDS)
def test_propagation_does_not_depend_on_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs = Needs.random(rng, 20, 30)
    before = rng.random((20, 512)) < 0.9
    first = needs.propagate(before, np.diff(needs.indptr) > 0)
    again = needs.propagate(before, np.diff(needs.indptr) > 0, rng.permutation(needs.order()))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_marked_is_nothing_done() -> None:
    needs = Needs.random(np.random.default_rng(0), 10, 15)
    before = np.random.default_rng(1).random((10, 512)) < 0.5
    up, _, changed = needs.propagate(before, np.zeros(10, bool))
    np.testing.assert_array_equal(up, before)
    assert not changed.any()


def test_a_loop_stands_until_one_falls() -> None:
    """Two assets that need each other stay up together and fall together."""
    none = np.array([-1, -1], np.int32)
    needs = Needs(
        2, np.array([0, 1]), [np.array([1], np.int32), np.array([0], np.int32)], np.ones(2, np.int32), none,
        np.empty((0, 8), np.uint64),
    )  # fmt: skip
    before = np.ones((2, 512), bool)
    before[1, ::3] = False
    up, _, _ = needs.propagate(before, np.ones(2, bool))
    np.testing.assert_array_equal(up, np.stack([before[1]] * 2))


def test_a_chain_against_the_order_falls_to_its_end() -> None:
    """The worklist carries a failure along a chain whose order is turned round, more often than it has places."""
    n = 40
    needs = Needs(
        n, np.arange(1, n), [np.array([i], np.int32) for i in range(n - 1)], np.ones(n - 1, np.int32),
        np.full(n - 1, -1, np.int32), np.empty((0, 8), np.uint64),
    )  # fmt: skip
    before = np.ones((n, 512), bool)
    before[0] = False
    up, _, _ = needs.propagate(before, np.arange(n) > 0, np.arange(n - 1, 0, -1, dtype=np.int32))
    assert not up.any()


@pytest.mark.parametrize("seed", SEEDS)
def test_providers_come_first_where_there_is_no_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs = Needs.random(rng, 30, 40, acyclic=True)
    shuffle = rng.permutation(30)
    owner = shuffle[needs.owner]
    by_owner = np.argsort(owner, kind="stable")
    needs = Needs(
        30, owner[by_owner], [shuffle[needs.providers[i]].astype(np.int32) for i in by_owner],
        needs.required[by_owner], needs.buffer_row[by_owner], needs.buffered,
    )  # fmt: skip
    order = needs.order().tolist()
    assert sorted(order) == np.flatnonzero(np.diff(needs.indptr)).tolist()
    place = {asset: i for i, asset in enumerate(order)}
    for dependent, providers in zip(needs.owner.tolist(), needs.providers, strict=True):
        assert all(place[p] < place[dependent] for p in providers.tolist() if p in place)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_is_whole_even_with_loops(seed: int) -> None:
    needs = Needs.random(np.random.default_rng(seed), 20, 40)
    graph = nx.DiGraph((int(p), int(o)) for o, ps in zip(needs.owner, needs.providers, strict=True) for p in ps)
    assert not nx.is_directed_acyclic_graph(graph)
    assert sorted(needs.order().tolist()) == np.flatnonzero(np.diff(needs.indptr)).tolist()
