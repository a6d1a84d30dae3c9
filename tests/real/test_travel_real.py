"""Travel times on the roads of Seoul, with its one-way streets, against SciPy's Dijkstra in hundreds of samples."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.network.travel import NO_WAY, Facilities, TravelSolver, plan_travel
from resilience.readers.graphml import read_graphml
from resilience.roads import link_times

LIMIT = 300_000


@pytest.fixture(scope="module")
def seoul(real_data):
    """The graph, and the time of each link for a fire engine where every tenth road stands in water."""
    network = Network.from_tables(assets=read_graphml(real_data / "seoul_roads" / "seoul.graphml"), crs="EPSG:5186")
    graph = compile_network(network).graphs["transport"]
    links = network.assets.iloc[graph.link]
    rng = np.random.default_rng(1)
    depth = np.where(rng.random(len(links)) < 0.1, rng.random(len(links)) * 0.6, 0.0)
    water = xr.DataArray(depth, dims="asset", coords={"asset": links["id"].to_numpy()})
    times = link_times(links, water, depth_limit=0.5).values
    assert (times == NO_WAY).sum() == (depth >= 0.5).sum() > 0
    return graph, times


@pytest.mark.parametrize("pattern", ["uniform", "quarter"])
def test_seoul_is_what_dijkstra_says(seoul, pattern):
    graph, times = seoul
    n, n_asset = graph.node.size, graph.node.size + graph.link.size
    rng = np.random.default_rng(2)
    stands = rng.choice(n, 12, replace=False)
    can_fail = np.zeros(n_asset, bool)
    can_fail[graph.link[: graph.link.size if pattern == "uniform" else graph.link.size // 4]] = True
    can_fail[graph.node[: n // 3]] = True
    can_fail[graph.node[stands[:6]]] = True
    up = (rng.random((n_asset, 512)) >= 0.03) | ~can_fail[:, np.newaxis]
    target = np.arange(n)
    services = [Facilities(graph.node[stands], stands, target, way) for way in ("to", "from")]
    solver = TravelSolver(plan_travel(graph, times, can_fail, services))
    state = np.packbits(up, axis=1, bitorder="little").view(np.uint64)
    nearest, within = solver.nearest(state), solver.within(state, [[LIMIT]] * 2)
    assert (nearest[0][0] != nearest[1][0]).any()
    for number, service in enumerate(services):
        found, label = nearest[number]
        bits = np.unpackbits(within[number][0].view(np.uint8), axis=1, bitorder="little").astype(bool)
        np.testing.assert_array_equal(bits, found <= LIMIT)
        for s in range(0, 512, 4):
            alive = up[:, s]
            passes = alive[graph.link] & alive[graph.node[graph.tail]] & alive[graph.node[graph.head]]
            passes &= times < NO_WAY
            back = passes & ~graph.oneway
            a = np.concatenate([graph.tail[passes], graph.head[back]])
            b = np.concatenate([graph.head[passes], graph.tail[back]])
            weight = np.concatenate([times[passes], times[back]]).astype(float)
            if service.direction == "to":
                a, b = b, a
            order = np.lexsort((-weight, b, a))
            # The last of parallel links, the shortest, stays.
            lengths = dict(zip(zip(a[order].tolist(), b[order].tolist(), strict=True), weight[order], strict=True))
            pairs = np.array(list(lengths))
            matrix = csr_array((list(lengths.values()), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
            sources = np.flatnonzero(alive[graph.node[stands]])
            wanted = dijkstra(matrix, indices=stands[sources])
            least = wanted.min(axis=0)
            np.testing.assert_array_equal(found[:, s], np.where(np.isinf(least), NO_WAY, least))
            first = np.where(np.isinf(least), -1, sources[wanted.argmin(axis=0)])
            np.testing.assert_array_equal(label[:, s], first)
