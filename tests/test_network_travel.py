"""Travel times against SciPy's Dijkstra, sample by sample and integer for integer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from resilience.kernels.compiler import INTERPRETED
from resilience.network.compile import SectorGraph
from resilience.network.travel import NO_WAY, Facilities, TravelSolver, plan_travel
from tests.bits import lanes, words

EXAMPLES = 6 if INTERPRETED else 60


class City:
    """Nodes, links and facilities scattered over the assets, with states of all assets in 512 samples."""

    def __init__(
        self, seed: int, *, n_node: int, n_link: int, oneway: float, can_fail: float, failed: float, longest: int = 50
    ) -> None:
        rng = np.random.default_rng(seed)
        n_facility = int(rng.integers(1, 5))
        self.n_asset = n_asset = n_node + n_link + n_facility + 3
        assets = rng.permutation(n_asset).astype(np.int32)
        node, link, facility = np.split(assets[:-3], [n_node, n_node + n_link])
        tail, head = rng.integers(0, n_node, n_link), rng.integers(0, n_node, n_link)
        self.graph = SectorGraph("road", node, link, tail, head, rng.random(n_link) < oneway, np.empty(0, np.int32))
        self.time = rng.integers(0, longest, n_link)
        self.time[rng.random(n_link) < 0.05] = NO_WAY
        self.can_fail = rng.random(n_asset) < can_fail
        self.up = (rng.random((n_asset, 512)) >= failed) | ~self.can_fail[:, np.newaxis]
        # Facilities have an asset of their own or stand as a node of the roads; some stand nowhere.
        stands = rng.integers(-1, n_node, n_facility)
        own = rng.random(n_facility) < 0.5
        self.facility = np.where(own | (stands < 0), facility, node[stands]).astype(np.int32)
        self.stands = stands
        self.target = rng.integers(-1, n_node, int(rng.integers(1, n_node + 3)))

    def services(self) -> list[Facilities]:
        return [Facilities(self.facility, self.stands, self.target, direction) for direction in ("to", "from")]

    def distances(self, sample: int, direction: str) -> np.ndarray:
        """Return the time between every facility (row) and target in one sample."""
        graph, n = self.graph, self.graph.node.size
        up = self.up[:, sample]
        passes = up[graph.link] & up[graph.node[graph.tail]] & up[graph.node[graph.head]] & (self.time < NO_WAY)
        back = passes & ~graph.oneway
        a = np.concatenate([graph.tail[passes], graph.head[back]])
        b = np.concatenate([graph.head[passes], graph.tail[back]])
        weight = np.concatenate([self.time[passes], self.time[back]]).astype(float)
        if direction == "to":
            a, b = b, a
        order = np.lexsort((weight, b, a))
        a, b, weight = a[order], b[order], weight[order]
        first = np.ones(a.size, bool)
        first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        matrix = csr_array((weight[first], (a[first], b[first])), shape=(n, n))
        result = np.full((self.facility.size, self.target.size), np.inf)
        for i, (asset, node) in enumerate(zip(self.facility, self.stands, strict=True)):
            if node >= 0 and up[asset] and up[graph.node[node]]:
                found = dijkstra(matrix, indices=node)
                found[found >= NO_WAY] = np.inf
                result[i] = np.where(self.target >= 0, found[self.target], np.inf)
        return result


def check(city: City, *, reduce: bool, pack: bool, samples: range) -> None:
    services = city.services()
    plan = plan_travel(city.graph, city.time, city.can_fail, services, reduce=reduce)
    solver = TravelSolver(plan, pack=pack)
    state = words(city.up)
    times = solver.times(state)
    limits = [[10, 60, NO_WAY], [25]]
    within = solver.within(state, limits)
    for service, got, (labelled, label), bits, limit in zip(
        services, times, solver.nearest(state), within, limits, strict=True
    ):
        np.testing.assert_array_equal(labelled, got)
        for m, bound in enumerate(limit):
            np.testing.assert_array_equal(lanes(bits[m]), got <= min(bound, NO_WAY - 1))
        for s in samples:
            wanted = city.distances(s, service.direction)
            least = wanted.min(axis=0)
            np.testing.assert_array_equal(got[:, s], np.where(np.isinf(least), NO_WAY, least))
            nearest = np.where(np.isinf(least), -1, wanted.argmin(axis=0))
            np.testing.assert_array_equal(label[:, s], nearest)


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    seed=st.integers(0, 2**32 - 1), n_node=st.integers(1, 40), n_link=st.integers(0, 90),
    oneway=st.sampled_from([0.0, 0.3, 1.0]), can_fail=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    failed=st.sampled_from([0.001, 0.02, 0.3]), longest=st.sampled_from([1, 2, 50, 2**28]), reduce=st.booleans(),
    pack=st.booleans(),
)  # fmt: skip
def test_random_cities(
    seed: int, n_node: int, n_link: int, oneway: float, can_fail: float, failed: float, longest: int, reduce: bool,
    pack: bool,
) -> None:  # fmt: skip
    city = City(seed, n_node=n_node, n_link=n_link, oneway=oneway, can_fail=can_fail, failed=failed, longest=longest)
    check(city, reduce=reduce, pack=pack, samples=range(0, 512, 101))


def solved(city: City, up: np.ndarray, services: list[Facilities], *, can_fail: np.ndarray | None = None) -> list:
    plan = plan_travel(city.graph, city.time, city.can_fail if can_fail is None else can_fail, services)
    return TravelSolver(plan).times(words(up))


@pytest.mark.parametrize("seed", range(3 if INTERPRETED else 10))
def test_laws(seed: int) -> None:
    city = City(seed, n_node=60, n_link=100, oneway=0.2, can_fail=0.5, failed=0.1)
    services = city.services()
    times = solved(city, city.up, services)
    # Closing one more road never shortens a way.
    closed = city.up.copy()
    roads = city.graph.link[city.can_fail[city.graph.link]]
    closed[roads[: roads.size // 3]] = False
    for before, after in zip(times, solved(city, closed, services), strict=True):
        assert (after >= before).all()
    # One more facility never lengthens one.
    extra = np.int32(city.n_asset - 1)
    more = [Facilities(np.append(s.asset, extra), np.append(s.node, 0), s.target, s.direction) for s in services]
    for before, after in zip(times, solved(city, city.up, more), strict=True):
        assert (after <= before).all()
    # Twice the time for every link is twice the time; a day where nothing fails is the same in every sample.
    city.time = np.where(city.time < NO_WAY, 2 * city.time, NO_WAY)
    for before, after in zip(times, solved(city, city.up, services), strict=True):
        np.testing.assert_array_equal(after, np.where(before < NO_WAY, 2 * before, NO_WAY))
    for same in solved(city, np.ones_like(city.up), services):
        assert (same == same[:, :1]).all()


def test_two_way_cities_are_as_far_to_as_from() -> None:
    city = City(3, n_node=60, n_link=100, oneway=0.0, can_fail=0.5, failed=0.1)
    there, back = solved(city, city.up, city.services())
    np.testing.assert_array_equal(there, back)


def test_what_cannot_matter_is_not_solved() -> None:
    """A line 0 - 1 - 2 - 3 with a facility at 0: where only the last link can fail, only the last node varies."""
    graph = SectorGraph(
        "road", np.arange(4, dtype=np.int32), np.arange(4, 7, dtype=np.int32), np.array([0, 1, 2]), np.array([1, 2, 3]),
        np.zeros(3, bool), np.empty(0, np.int32),
    )  # fmt: skip
    can_fail = np.arange(7) == 6
    service = Facilities(np.array([0], np.int32), np.array([0]), np.arange(4))
    plan = plan_travel(graph, np.array([10, 20, 30]), can_fail, [service])
    assert plan.n_position == 1
    assert plan.varying.tolist() == [6]
    up = np.ones((7, 512), bool)
    up[6, 100:110] = False
    times = TravelSolver(plan).times(words(up))[0]
    assert times[:3].tolist() == [[0] * 512, [10] * 512, [30] * 512]
    np.testing.assert_array_equal(times[3], np.where(up[6], 60, NO_WAY))


def test_no_service_no_facility_no_target() -> None:
    city = City(1, n_node=10, n_link=15, oneway=0.0, can_fail=1.0, failed=0.1)
    assert solved(city, city.up, []) == []
    nowhere, none = np.empty(0, np.int64), np.empty(0, np.int32)
    (times,) = solved(city, city.up, [Facilities(none, nowhere, np.arange(10))])
    assert (times == NO_WAY).all()
    (times,) = solved(city, city.up, [Facilities(city.facility, city.stands, nowhere)])
    assert times.shape == (0, 512)


def test_times_are_written_where_told_and_a_solver_forgets_the_group_before() -> None:
    city = City(5, n_node=40, n_link=70, oneway=0.3, can_fail=0.4, failed=0.05)
    plan = plan_travel(city.graph, city.time, city.can_fail, city.services())
    solver = TravelSolver(plan)
    first = [times.copy() for times in solver.times(words(city.up))]
    solver.times(words(np.ones_like(city.up)))
    solver.within(words(~city.can_fail[:, np.newaxis] | np.zeros_like(city.up)), [[5], [5]])
    out = [np.full_like(times, 7) for times in first]
    assert solver.times(words(city.up), out=out)[0] is out[0]
    for times, again in zip(first, out, strict=True):
        np.testing.assert_array_equal(times, again)
