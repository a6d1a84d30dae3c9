"""Percolation through the public cascade: theorems and mean-field equations that no code of ours computed.

Supply is reachability *from sources*, percolation is about the *largest cluster*. With K sources drawn at random among
n nodes both agree up to what is said at each test: a cluster of share S holds no source with probability (1 - S)^K, and
each source keeps its own small cluster alive, a share of about K / n times the mean size of small clusters.
"""

from __future__ import annotations

from itertools import pairwise, product

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from resilience.cascade import Cascade, plan_event, supplied_graphs
from resilience.network import Network
from resilience.network.compile import CompiledNetwork, compile_network


def sector_table(sector: str, n: int, edges: np.ndarray) -> pd.DataFrame:
    names = np.array([f"{sector}{i}" for i in range(n)], dtype=object)
    nodes = pd.DataFrame({"id": names, "sector": sector, "from_asset": "", "to_asset": ""})
    ends = {"from_asset": names[edges[:, 0]], "to_asset": names[edges[:, 1]]}
    links = pd.DataFrame({"id": [f"{sector}-link{j}" for j in range(len(edges))], "sector": sector, **ends})
    return pd.concat([nodes, links], ignore_index=True)


def network_of(tables: list[pd.DataFrame], sources: dict[str, list[int]], needs: pd.DataFrame | None = None) -> Network:
    """Return the network; where things stand does not matter, so all nodes and all links stand at one place each."""
    assets = pd.concat(tables, ignore_index=True)
    shape = np.where(assets["from_asset"] == "", Point(0, 0), LineString([(0, 0), (1, 0)]))
    supply = pd.DataFrame(
        [(f"{sector}{i}", sector, True) for sector, rows in sources.items() for i in rows],
        columns=["asset", "sector", "is_source"],
    )
    provided = None if needs is None else needs[["id", "provider"]].rename(columns={"id": "need"})
    return Network.from_tables(
        assets=gpd.GeoDataFrame(assets, geometry=shape, crs=5179), supply=supply,
        needs=None if needs is None else needs.drop(columns="provider"), dependencies=provided,
    )  # fmt: skip


def solved(compiled: CompiledNetwork, probability: np.ndarray, sectors: tuple[str, ...]) -> Cascade:
    graphs = supplied_graphs(compiled, dict.fromkeys(sectors, "connected"))
    return Cascade(compiled, plan_event(compiled, probability, graphs=graphs, seed=1, family="percolation"))


@pytest.mark.parametrize(("n", "words"), [(1, 2048), (2, 2048), (5, 2048), (12, 2048), (30, 1024)])
def test_crossing_a_rectangle_of_n_plus_1_by_n_has_probability_one_half(unpack, known, n, words):
    """Exact at every size by self-duality (Kesten): bonds open with 1/2, from the left column to the right one."""
    node = {place: i for i, place in enumerate(product(range(n + 1), range(n)))}
    edges = [(node[x, y], node[x + 1, y]) for x, y in product(range(n), range(n))]
    edges += [(node[x, y], node[x, y + 1]) for x, y in product(range(n + 1), range(n - 1))]
    table = sector_table("power", len(node), np.array(edges))
    compiled = compile_network(network_of([table], {"power": [node[0, y] for y in range(n)]}))
    probability = np.zeros(compiled.n_asset)
    probability[len(node) :] = 0.5
    cascade = solved(compiled, probability, ("power",))
    right = [node[n, y] for y in range(n)]
    crossed = 0
    for group in range(words // 8):
        cascade.sample(8 * group)
        cascade.solve()
        crossed += int(unpack(np.bitwise_or.reduce(cascade.up[right], axis=0)).sum())
    samples = 64 * words
    case = f"bond crossing of {n + 1} x {n} at 1/2; {samples:,} samples"
    known("Percolation", case, 0.5, crossed / samples, 4 * 0.5 / np.sqrt(samples), by="theorem (self-duality)")


def random_graph(n: int, degree: float, rng: np.random.Generator) -> np.ndarray:
    """Return the edges of an Erdos-Renyi graph G(n, M), M = degree n / 2."""
    wanted = round(degree * n / 2)
    ends = np.sort(rng.integers(0, n, (wanted + wanted // 20 + 100, 2)), axis=1)
    edges = rng.permutation(np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0))
    return edges[:wanted]


class TestGiantComponent:
    """S = 1 - exp(-c S) of an Erdos-Renyi graph of mean degree c.

    The graph has mean degree 4 and its links fail with 1 - c / 4, which leaves mean degree c. With K = 8 sources the
    giant holds none with probability (1 - S)^8 < 3e-6, and the sources' own small clusters add less than
    8 x 1.7 / 20,000 = .0007. The giant's share in one sample has sd sqrt(S (1 - S)) / (1 - c (1 - S)) / sqrt(n) = .0048
    (c = 2) or .0020 (c = 3); the graph is one draw, so the mean over samples is held to 3 of these, not to standard
    errors.
    """

    n = 20_000

    @pytest.fixture(scope="class")
    @classmethod
    def compiled(cls) -> CompiledNetwork:
        rng = np.random.default_rng(1)
        table = sector_table("power", cls.n, random_graph(cls.n, 4.0, rng))
        sources = rng.choice(cls.n, 8, replace=False).tolist()
        return compile_network(network_of([table], {"power": sources}))

    @pytest.mark.parametrize(("degree", "wanted"), [(2.0, 0.796812), (3.0, 0.940480)])
    def test_share_reached(self, compiled, unpack, known, degree, wanted):
        probability = np.zeros(compiled.n_asset)
        probability[self.n :] = 1.0 - degree / 4.0
        cascade = solved(compiled, probability, ("power",))
        cascade.sample(0)
        cascade.solve()
        share = unpack(cascade.up[: self.n]).mean(axis=0)
        spread = np.sqrt(wanted * (1 - wanted) / self.n) / (1 - degree * (1 - wanted))
        case = f"giant component, mean degree {degree:g}, {self.n:,} nodes"
        known("Percolation", case, wanted, share.mean(), 3 * spread, by="S = 1 - exp(-c S)")
        assert share.std() == pytest.approx(spread, rel=0.35)


class TestMutualPercolation:
    """P = p (1 - exp(-k P))^2 of two Erdos-Renyi networks that depend on each other node by node (Buldyrev et al.).

    Mean degree k = 4 each, power and telecom nodes with the same number need each other, power nodes fail with 1 - p,
    both sectors are `connected` from the same 16 numbers as sources. The mutual giant component is part of the greatest
    fixed point as soon as it holds a source (never: 1 - P to the 16th < 3e-6); the fixed point has beside it only the
    small mutual clusters around sources, about 16 / n = .0008. So the share of functional nodes is P_inf within .005
    for p >= .65; finite n smears the jump at p_c = .613852 by more than sqrt(p (1 - p) / n) = .0035.
    """

    n = 20_000

    @pytest.fixture(scope="class")
    @classmethod
    def compiled(cls) -> CompiledNetwork:
        rng = np.random.default_rng(2)
        tables = [sector_table(sector, cls.n, random_graph(cls.n, 4.0, rng)) for sector in ("power", "telecom")]
        sources = rng.choice(cls.n, 16, replace=False).tolist()
        numbers = range(cls.n)
        pairs = [("power", "telecom"), ("telecom", "power")]
        needs = pd.DataFrame(
            [(f"{a}-needs{i}", f"{a}{i}", b, f"{b}{i}") for a, b in pairs for i in numbers],
            columns=["id", "dependent", "service", "provider"],
        )
        return compile_network(network_of(tables, {"power": sources, "telecom": sources}, needs))

    @pytest.fixture(scope="class")
    @classmethod
    def states(cls, compiled, unpack) -> dict[float, tuple[np.ndarray, np.ndarray]]:
        """Return by p, for each sample, the share of power nodes that did not fail and of those that are functional."""
        found = {}
        first = compiled.asset_id.index("telecom0")
        for survival in (0.600, 0.606, 0.612, 0.618, 0.630, 0.700, 0.800):
            probability = np.zeros(compiled.n_asset)
            probability[: cls.n] = 1.0 - survival
            cascade = solved(compiled, probability, ("power", "telecom"))
            cascade.sample(0)
            failed = unpack(cascade.failed[cascade.plan.failed_row[: cls.n]]).mean(axis=0)
            cascade.solve()
            power, telecom = cascade.up[: cls.n], cascade.up[first : first + cls.n]
            np.testing.assert_array_equal(power, telecom)
            found[survival] = (1.0 - failed, unpack(power).mean(axis=0))
        return found

    @pytest.mark.parametrize(("survival", "wanted"), [(0.70, 0.557616), (0.80, 0.708841)])
    def test_share_functional_above_the_jump(self, states, known, survival, wanted):
        case = f"two interdependent networks, k = 4, p = {survival:g}, {self.n:,} nodes each"
        got = states[survival][1].mean()
        known("Percolation", case, wanted, got, 0.005, by="P = p (1 - exp(-k P))^2, Buldyrev et al. 2010")

    def test_nothing_is_left_below_the_jump(self, states, known):
        """.014 below p_c: one sample in some thirty still lies above its own jump; all others keep only the sources."""
        share = states[0.60][1]
        alive = share > 0.05
        assert alive.mean() < 0.1
        case = f"the same, p = 0.6, samples below their jump ({(~alive).mean():.1%})"
        known("Percolation", case, 0.0, share[~alive].mean(), 0.001, by="the same equation")

    def test_the_jump_is_where_the_curves_touch(self, states, known):
        """Half of all samples have a giant component at p_c, to within what one draw of 20,000 nodes smears: .0035.

        n y = exp(y) - 1 with y = k P gives k p_c = 2.455407 at k P = 1.256431.
        """
        grid = np.array([0.600, 0.606, 0.612, 0.618, 0.630])
        share = np.array([states[p][1] for p in grid])
        alive = share > 0.05
        assert (np.diff(alive.astype(int), axis=0) >= 0).all()
        assert alive[0].mean() < 0.1
        assert alive[-1].mean() > 0.9
        half = np.interp(0.5, alive.mean(axis=1), grid)
        case = "the same, k times the p of which half of the samples jump"
        known("Percolation", case, 2.455407, 4 * half, 4 * 0.0035, by="n y = exp(y) - 1, Buldyrev et al. 2010")
        # From the sources alone to no less than the touching point, but for the smear: nothing lies between.
        assert 4 * share[alive].min() > 0.8 * 1.256431
        assert 4 * share[~alive].max() < 0.05

    def test_how_far_it_jumps(self, states, known):
        """Above p_c the share rises with the root of the distance; where that is 0 stands what is left at the jump.

        Root and distance leave .0013 of the equation's own curve at these p; a graph that jumps .0025 earlier or later
        than an endless one moves the end of the curve by .05.
        """
        survived, share = (np.concatenate([states[p][i] for p in (0.630, 0.700, 0.800)]) for i in (0, 1))
        beyond = survived > 0.62
        end, *_ = np.polynomial.polynomial.polyfit(np.sqrt(survived[beyond] - 0.613852), 4 * share[beyond], 2)
        case = "the same, k times the share at the jump, from p = 0.63, 0.7 and 0.8"
        known("Percolation", case, 1.256431, end, 0.05, by="n y = exp(y) - 1, Buldyrev et al. 2010")

    def test_one_network_alone_would_survive(self, compiled, unpack):
        """n = 1, p = .60: P = p (1 - exp(-k P)) is ordinary percolation, far above its threshold 1 / k."""
        probability = np.zeros(compiled.n_asset)
        probability[: self.n] = 0.4
        graphs = supplied_graphs(compiled, {"power": "connected"})
        plan = plan_event(compiled, probability, graphs=graphs, seed=1, family="percolation")
        cascade = Cascade(compiled, plan)
        cascade.sample(0)
        cascade.solve()
        wanted = 0.5
        for _ in range(200):
            wanted = 0.6 * (1.0 - np.exp(-4.0 * wanted))
        assert unpack(cascade.up[: self.n]).mean() == pytest.approx(wanted, abs=0.005)


def test_a_path_of_links_is_a_product(unpack):
    """n links in a row, each up with q: the end is reached with q^n (the exact one-dimensional answer)."""
    n, q = 10, 0.95
    table = sector_table("power", n + 1, np.array(list(pairwise(range(n + 1)))))
    compiled = compile_network(network_of([table], {"power": [0]}))
    probability = np.zeros(compiled.n_asset)
    probability[n + 1 :] = 1 - q
    cascade = solved(compiled, probability, ("power",))
    reached = np.zeros(n + 1)
    for group in range(64):
        cascade.sample(8 * group)
        cascade.solve()
        reached += unpack(cascade.up[: n + 1]).sum(axis=1)
    wanted = q ** np.arange(n + 1)
    error = np.sqrt(wanted * (1 - wanted) / (512 * 64))
    assert (np.abs(reached / (512 * 64) - wanted) <= 4 * error).all()
