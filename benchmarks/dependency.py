"""Who is still functional in a system of k-of-n needs with feedback, per sample; the states are given to all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.models import Dependencies, dependency_system
from benchmarks.registry import Contest, Goal, Peer, Row, Size, case
from resilience.cascade import Cascade, plan_event

Run = Callable[[], NDArray[np.int64]]
States = NDArray[np.bool_]
GOALS = {0.2: {"networkx": 120.0, "scipy": 400.0, "numba": 6.0}, 2.0: {"networkx": 500.0, "scipy": 400.0, "numba": 6.0}}


def unpack(rows: NDArray[np.uint64], n_sample: int) -> States:
    """Return the first samples of asset rows, (n_sample, n_asset)."""
    bits = np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=1, bitorder="little", count=n_sample)
    return np.ascontiguousarray(bits.T.astype(bool))


def networkx_events(system: Dependencies, states: States) -> Run:
    """Failures pushed along a networkx digraph, counting what each need has lost: work only where something fails."""
    import networkx as nx

    need_of = np.repeat(np.arange(system.required.size), np.diff(system.indptr))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(system.n))
    for a, need in zip(system.provider.tolist(), need_of.tolist(), strict=True):
        b = int(system.owner[need])
        if graph.has_edge(a, b):
            graph[a][b]["needs"].append(need)
        else:
            graph.add_edge(a, b, needs=[need])
    following = graph._adj
    spare = (np.diff(system.indptr) - system.required).tolist()

    def run() -> NDArray[np.int64]:
        up = np.empty(len(states), np.int64)
        for sample, state in enumerate(states):
            down = set(np.flatnonzero(~state).tolist())
            lost: dict[int, int] = {}
            queue = deque(down)
            while queue:
                for other, link in following[queue.popleft()].items():
                    if other in down:
                        continue
                    for need in link["needs"]:
                        count = lost.get(need, 0) + 1
                        lost[need] = count
                        if count > spare[need]:
                            down.add(other)
                            queue.append(other)
                            break
            up[sample] = system.n - len(down)
        return up

    return run


def scipy_products(system: Dependencies, states: States) -> Run:
    """Sparse matrix times states, repeated to the fixed point."""
    from scipy.sparse import csr_array

    ones = np.ones(system.provider.size, np.float32)
    matrix = csr_array((ones, system.provider, system.indptr), shape=(system.required.size, system.n))
    first = np.flatnonzero(np.diff(system.owner, prepend=-1))
    owners = system.owner[first]

    def run() -> NDArray[np.int64]:
        up = np.empty(len(states), np.int64)
        for sample, state in enumerate(states):
            now = state.astype(np.float32)
            while True:
                met = np.logical_and.reduceat(matrix @ now >= system.required, first)
                new = now.copy()
                new[owners] *= met
                if np.array_equal(new, now):
                    break
                now = new
            up[sample] = int(np.count_nonzero(now))
        return up

    return run


@numba.njit(nogil=True, error_model="numpy")
def push_failures(start, need_of, owner, spare, up, left, queue):
    """Return how many stay up in one sample: failures pushed to the needs they serve."""
    n = up.size
    left[:] = spare
    tail = 0
    for asset in range(n):
        if not up[asset]:
            queue[tail] = asset
            tail += 1
    head = 0
    while head < tail:
        asset = queue[head]
        head += 1
        for x in range(start[asset], start[asset + 1]):
            need = need_of[x]
            left[need] -= 1
            if left[need] == -1:
                other = owner[need]
                if up[other]:
                    up[other] = False
                    queue[tail] = other
                    tail += 1
    return n - tail


def numba_events(system: Dependencies, states: States) -> Run:
    """The same, compiled."""
    order = np.argsort(system.provider, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(system.provider, minlength=system.n))]).astype(np.int32)
    need_of = np.repeat(np.arange(system.required.size), np.diff(system.indptr))[order].astype(np.int32)
    spare = (np.diff(system.indptr) - system.required).astype(np.int32)
    owner = system.owner.astype(np.int32)
    left, queue = np.empty_like(spare), np.empty(system.n, np.int32)

    def run() -> NDArray[np.int64]:
        return np.array([push_failures(start, need_of, owner, spare, s.copy(), left, queue) for s in states], np.int64)

    return run


MAKERS: dict[str, tuple[str, Callable[[Dependencies, States], Run], int]] = {
    "networkx": ("networkx, events", networkx_events, 8),
    "scipy": ("scipy sparse", scipy_products, 4),
    "numba": ("event-driven Numba", numba_events, 32),
}


@case("dependency", modules=("networkx", "scipy"))
def dependency(size: Size) -> Iterator[Contest | Row]:
    """Severities on one system."""
    system = dependency_system(size.of(tiny=300, quick=20_000, full=100_000))
    compiled = system.compiled()
    for severity in (0.2, 2.0):
        plan = plan_event(compiled, np.full(system.n, severity / 100), graphs={}, seed=1, family="flood")
        cascade = Cascade(compiled, plan)
        cascade.sample(0)

        def run(cascade: Cascade = cascade) -> NDArray[np.uint64]:
            cascade.solve()
            return cascade.up

        def agree(ours: NDArray[np.uint64], theirs: NDArray[np.int64]) -> None:
            np.testing.assert_array_equal(unpack(ours, theirs.size).sum(axis=1), theirs)

        peers = []
        for name, (title, make, most) in MAKERS.items():
            n_sample = size.of(tiny=2, quick=most, full=most)
            states = np.ones((n_sample, system.n), bool)
            states[:, plan.failing] = ~unpack(cascade.failed, n_sample)

            def prepare(make: Callable[[Dependencies, States], Run] = make, states: States = states) -> Run:
                return make(system, states)

            peers.append(Peer(title, prepare, n_sample, Goal(">=", GOALS[severity][name]), name, agree))
        subject = f"dependency cascade, {system.n:,} assets, {system.provider.size:,} dependencies, p = {severity:g} %"
        yield Contest(subject, run, 512, "sample", tuple(peers))
