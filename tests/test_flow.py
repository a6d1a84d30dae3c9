"""What a sector can carry: worked cases, the IEEE 9-bus grid, rings, hand-made islands, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.errors import ConfigurationError, DataError
from resilience.flow import power, prepare_dc_flow, prepare_overload, prepare_share
from resilience.network.compile import SectorGraph
from tests.cities import CASE9, CASE9_CAPACITY, CASE9_DEMAND, ring_links, triangle_links

NAN = float("nan")


class Sector:
    """Tables and graph of one sector; an asset of another sector stands first, so that rows are not positions."""

    def __init__(
        self,
        nodes: Sequence[str],
        links: Sequence[tuple[str, str, float, float]],
        capacity: Mapping[str, float] | None = None,
        demand: Mapping[str, float] | None = None,
        *,
        oneway: bool = False,
    ) -> None:
        capacity, demand = capacity or {}, demand or {}
        self.names = [f"{a}-{b}" if k == 0 else f"{a}-{b} {k}" for a, b, k in self._numbered(links)]
        self.ids = ["elsewhere", *nodes, *self.names]
        blank = [NAN] * (1 + len(nodes))
        self.assets = pd.DataFrame(
            {
                "id": self.ids,
                "sector": ["water"] + ["power"] * (len(self.ids) - 1),
                "reactance": blank + [link[2] for link in links],
                "rating": blank + [link[3] for link in links],
            }
        )
        named = list(dict.fromkeys([*capacity, *demand]))
        self.supply = pd.DataFrame(
            {
                "asset": named,
                "sector": ["power"] * len(named),
                "is_source": [name in capacity for name in named],
                "capacity": [capacity.get(name, NAN) for name in named],
                "demand": [demand.get(name, NAN) for name in named],
            }
        )
        place = {name: i for i, name in enumerate(nodes)}
        n, m = len(nodes), len(links)
        self.graph = SectorGraph(
            sector="power",
            node=np.arange(1, n + 1, dtype=np.int32),
            link=np.arange(n + 1, n + m + 1, dtype=np.int32),
            tail=np.array([place[link[0]] for link in links], dtype=np.int64),
            head=np.array([place[link[1]] for link in links], dtype=np.int64),
            oneway=np.full(m, oneway),
            source=np.array([place[name] + 1 for name in capacity if name in place], dtype=np.int32),
        )

    @staticmethod
    def _numbered(links: Sequence[tuple[str, str, float, float]]) -> list[tuple[str, str, int]]:
        pairs = [link[:2] for link in links]
        return [(*pair, pairs[:i].count(pair)) for i, pair in enumerate(pairs)]

    def up(self, *down: str) -> np.ndarray:
        return ~np.isin(self.ids, down)

    def dc(self, **options):
        return prepare_dc_flow(self.graph, self.assets, self.supply, **options)

    def share(self):
        return prepare_share(self.graph, self.assets, self.supply)

    def fractions(self, served) -> dict[str, float]:
        return {self.ids[asset]: float(share) for asset, share in zip(served.asset, served.fraction, strict=True)}


def triangle(rating: float = 120.0) -> Sector:
    return Sector(["1", "2", "3"], triangle_links(rating), {"1": 100.0, "2": 50.0}, {"3": 150.0})


def case9(scale: float = 1.0) -> Sector:
    capacity = {name: scale * value for name, value in CASE9_CAPACITY.items()}
    return Sector([str(i) for i in range(1, 10)], CASE9, capacity, CASE9_DEMAND)


def ring(n: int = 6) -> Sector:
    return Sector([str(i) for i in range(n)], ring_links(n))


def test_triangle() -> None:
    sector = triangle()
    state = sector.dc().solve(sector.up())
    assert state.flow == pytest.approx([16.6667, 83.3333, 66.6667], abs=5e-5)
    assert (state.rounds, state.served.sum()) == (1, 150.0)


def test_triangle_that_loses_a_line_loses_all_its_load() -> None:
    sector = triangle()
    without_limits = Sector(["1", "2", "3"], [(*link[:3], NAN) for link in
                            [("1", "2", 0.1), ("1", "3", 0.1), ("2", "3", 0.1)]],
                            {"1": 100.0, "2": 50.0}, {"3": 150.0})  # fmt: skip
    assert without_limits.dc().solve(sector.up("1-3")).flow == pytest.approx([100.0, 0.0, 150.0])
    state = sector.dc().solve(sector.up("1-3"))
    assert state.tripped.tolist() == [False, False, True]
    assert 150.0 - state.served.sum() == 150.0
    served = sector.dc().serve(sector.up("1-3"))
    assert [sector.ids[i] for i in served.tripped] == ["2-3"]
    assert sector.fractions(served) == {"1": 1.0, "2": 1.0, "3": 0.0, "1-2": 1.0, "1-3": 0.0, "2-3": 0.0}


def test_a_flow_equal_to_the_rating_does_not_trip() -> None:
    sector = triangle(rating=250.0 / 3.0)
    assert not sector.dc().solve(sector.up()).tripped.any()


def test_nine_bus_grid() -> None:
    sector = case9()
    state = sector.dc().solve(sector.up())
    assert state.flow == pytest.approx(
        [67.0, 28.967, -61.033, 85.0, 23.967, -76.033, -163.0, 86.967, -38.033], abs=5e-4
    )
    wanted = [0.0, 9.7960, 5.0606, -2.2112, -3.7381, 2.2067, 0.8224, 3.9590, -4.0634]
    assert np.degrees(state.angle) == pytest.approx(wanted, abs=5e-5)
    assert state.served.sum() == pytest.approx(315.0)


def test_nine_bus_grid_without_8_9() -> None:
    sector = case9()
    state = sector.dc().solve(sector.up("8-9"))
    flow = dict(zip(sector.names, state.flow, strict=True))
    wanted = {"4-5": -58.0, "5-6": -148.0, "6-7": -63.0, "7-8": -163.0, "9-4": -125.0, "8-9": 0.0}
    assert {name: flow[name] for name in wanted} == pytest.approx(wanted)
    assert not state.tripped.any()


@pytest.mark.parametrize("line", ["4-5", "5-6", "6-7", "7-8", "8-9", "9-4"])
@pytest.mark.parametrize("trip", ["all", "worst"])
def test_nine_bus_grid_stands_any_outage_that_cuts_nothing_off(line: str, trip: str) -> None:
    sector = case9()
    state = sector.dc(trip=trip).solve(sector.up(line))
    assert (state.tripped.any(), state.served.sum()) == (False, pytest.approx(315.0))


def test_a_little_more_demand_halves_the_supply() -> None:
    sector = case9(scale=1.02)
    hotter = [sector.dc().with_factors(demand=factor) for factor in (1.013, 1.014, 1.02)]
    served = [grid.solve(sector.up("8-9")).served.sum() for grid in hotter]
    # Line 5-6 carries 148 of its 150 MW: above 1.0135 it trips. Left are the 68.34 MW of source 1, and load 7 in full.
    assert served == pytest.approx([1.013 * 315.0, 68.34 + 101.4, 68.34 + 102.0])


def test_radial_outage_takes_its_source_with_it() -> None:
    sector = case9()
    fractions = sector.fractions(sector.dc().serve(sector.up("8-2")))
    assert fractions["2"] == 1.0
    assert fractions["5"] == fractions["7"] == fractions["9"]
    assert fractions["5"] == pytest.approx(152.0 / 315.0)


def test_only_the_worst_trips() -> None:
    """Two lines of equal reactance carry 50 each; both are above their rating, one far above."""
    links = [("a", "b", 0.1, 40.0), ("a", "b", 0.1, 20.0), ("b", "c", 0.1, NAN)]
    sector = Sector(["a", "b", "c"], links, {"a": 100.0}, {"b": 60.0, "c": 40.0})
    everything = sector.dc(trip="all").solve(sector.up())
    worst = sector.dc(trip="worst").solve(sector.up())
    assert (everything.rounds, everything.tripped.tolist()) == (2, [True, True, False])
    assert (worst.rounds, worst.tripped.tolist()) == (3, [True, True, False])
    equal = Sector(["a", "b"], [("a", "b", 0.1, 90.0)] * 2, {"a": 200.0}, {"b": 200.0})
    wide = Sector(["a", "b"], [("a", "b", 0.1, 90.0), ("a", "b", 0.1, 300.0)], {"a": 200.0}, {"b": 200.0})
    assert equal.dc(trip="worst").solve(equal.up()).rounds == 3
    assert wide.dc(trip="worst").solve(wide.up()).tripped.tolist() == [True, False]
    assert wide.dc().solve(wide.up()).served.sum() == 200.0


def test_angles_hang_on_the_base_and_flows_do_not() -> None:
    sector = case9()
    one, ten = sector.dc().solve(sector.up()), sector.dc(base_power=1000.0).solve(sector.up())
    assert one.flow == pytest.approx(ten.flow)
    assert one.angle == pytest.approx(10.0 * ten.angle)


def test_less_rating_in_the_heat() -> None:
    sector = case9()
    grid = sector.dc()
    derated = grid.with_factors(rating=np.where(np.array(sector.names) == "8-2", 0.6, 1.0))
    assert [sector.ids[i] for i in derated.serve(sector.up()).tripped] == ["8-2"]
    assert not grid.solve(sector.up()).tripped.any()


def shared() -> Sector:
    """Return a river town: two plants, three quarters, a junction and a quarter on its own."""
    links = [(*ends, NAN, NAN) for ends in ("Pa", "aJ", "Jb", "bQ", "cc")]
    return Sector(list("PQJabc"), links, {"P": 30.0, "Q": 90.0}, {"a": 60.0, "b": 40.0, "c": 5.0})


@pytest.mark.parametrize(
    ("down", "wanted"),
    [
        ((), {"P": 1.0, "Q": 1.0, "J": 1.0, "a": 1.0, "b": 1.0, "c": 0.0, "P-a": 1.0, "c-c": 0.0}),
        (("Q",), {"P": 0.3, "Q": 0.0, "J": 0.3, "a": 0.3, "b": 0.3, "c": 0.0, "b-Q": 0.3}),
        (("J",), {"P": 0.5, "Q": 1.0, "J": 0.0, "a": 0.5, "b": 1.0, "a-J": 0.5, "J-b": 1.0}),
        (("a-J",), {"P": 0.5, "J": 1.0, "a": 0.5, "b": 1.0, "a-J": 0.0}),
        (("P", "Q"), {"P": 0.0, "J": 0.0, "a": 0.0, "b": 0.0, "P-a": 0.0}),
        (("a", "b"), {"P": 1.0, "Q": 1.0, "J": 0.0}),
    ],
)
def test_shares_by_hand(down: tuple[str, ...], wanted: dict[str, float]) -> None:
    sector = shared()
    fractions = sector.fractions(sector.share().serve(sector.up(*down)))
    assert {name: fractions[name] for name in wanted} == pytest.approx(wanted)


def test_demand_stays_that_of_the_intact_city_and_scales_by_factors() -> None:
    sector = shared()
    hot = sector.share().with_factors(demand=2.0, capacity=np.full(6, 0.5))
    fractions = sector.fractions(hot.serve(sector.up()))
    assert fractions["a"] == pytest.approx(60.0 / 200.0)


@given(st.lists(st.floats(0.0, 100.0), min_size=4, max_size=4), st.integers(0, 2**11 - 1), st.floats(1.0, 3.0))
def test_more_supply_never_lowers_a_share(values: list[float], state: int, factor: float) -> None:
    sector = shared()
    sector.supply["capacity"] = [values[0] + 1.0, values[1], NAN, NAN, NAN]
    sector.supply["demand"] = [NAN, NAN, values[2], values[3], 1.0]
    up = np.concatenate([[True], (state >> np.arange(11)) & 1]).astype(bool)
    before = sector.share().serve(up).fraction
    after = sector.share().with_factors(capacity=[factor, 1.0, 1.0, 1.0, 1.0, 1.0]).serve(up).fraction
    assert np.all(after >= before)


@pytest.mark.parametrize(
    ("tolerance", "endpoints", "left"),
    [
        (0.0, "excluded", "15"), (0.49, "excluded", "15"), (0.5, "excluded", "1245"), (0.99, "excluded", "1245"),
        (1.0, "excluded", "12345"), (3.0, "excluded", "12345"),
        (0.0, "included", "1245"), (0.1, "included", "1245"), (1 / 7, "included", "12345"), (0.5, "included", "12345"),
    ],
)  # fmt: skip
def test_ring_of_six(tolerance: float, endpoints: str, left: str) -> None:
    """Node 0 goes; loads on the path 1-2-3-4-5 are 0, 3, 4, 3, 0, against 2 on the ring: 7, 8 against 7 with ends."""
    sector = ring()
    overload = prepare_overload(sector.graph, sector.assets, tolerance=tolerance, endpoints=endpoints)
    assert overload.intact_load == pytest.approx([2.0 if endpoints == "excluded" else 7.0] * 6)
    standing, load, _ = overload.solve(sector.up("0"))
    assert "".join(np.array(list("012345"))[standing]) == left
    if left == "12345":
        wanted = [0, 0, 3, 4, 3, 0] if endpoints == "excluded" else [0, 4, 7, 8, 7, 4]
        assert load == pytest.approx(wanted)


def test_what_overload_leaves_serves_where_a_source_is() -> None:
    sector = ring()
    with_source = Sector([str(i) for i in range(6)], CASE_RING, {"1": NAN})
    served = prepare_overload(with_source.graph, with_source.assets, tolerance=0.5).serve(with_source.up("0"))
    fractions = with_source.fractions(served)
    assert [fractions[str(i)] for i in range(6)] == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert fractions["2-3"] == 1.0
    assert fractions["4-5"] == 0.0
    assert [with_source.ids[i] for i in served.tripped] == ["3"]
    fractions = sector.fractions(prepare_overload(sector.graph, sector.assets, tolerance=0.5).serve(sector.up("0")))
    assert [fractions[str(i)] for i in range(6)] == [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]


CASE_RING = ring_links(6)


def test_parallel_links_and_loops_are_no_detour() -> None:
    sector = Sector(list("abc"), [(*ends, NAN, NAN) for ends in ("ab", "ba", "bc", "cc")])
    overload = prepare_overload(sector.graph, sector.assets, tolerance=0.0)
    assert overload.intact_load.tolist() == [0.0, 1.0, 0.0]
    assert overload.solve(sector.up("a-b"))[1].tolist() == [0.0, 1.0, 0.0]
    assert overload.solve(sector.up("a-b", "b-a"))[1].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("reactance", "fits"), [(1e-6, True), (1e4, True), (9e-7, False), (1.1e4, False),
                                                 (1e-300, False), (1e300, False), (np.inf, False)])  # fmt: skip
def test_reactances_of_no_line_are_refused(reactance: float, fits: bool) -> None:
    """Between them a link shares the flow exactly as its reactance says."""
    sector = Sector(["a", "b"], [("a", "b", reactance, NAN), ("b", "a", 0.1, NAN)], {"a": 100.0}, {"b": 50.0})
    if fits:
        flow = sector.dc().solve(sector.up()).flow
        wanted = 50.0 * 0.1 / (0.1 + reactance)
        assert flow == pytest.approx([wanted, wanted - 50.0], rel=1e-9)
        return
    with pytest.raises(DataError, match=r"reactance in power: 1 of 2[\s\S]*1e-06 to 10000 per unit"):
        sector.dc()


@pytest.mark.parametrize(("capacity", "demand"), [(1e300, 1.0), (1.0, 1e300), (1e308, 1e308), (2e15, 1.0)])
def test_supply_beyond_sums_is_refused(capacity: float, demand: float) -> None:
    sector = Sector(["a", "b"], [("a", "b", 0.1, NAN)], {"a": capacity}, {"b": demand})
    with pytest.raises(DataError, match=r"supply\.(capacity|demand) in power: 1 of 2[\s\S]*0 to 1e\+15"):
        sector.dc()
    with pytest.raises(ConfigurationError, match=r"base_power: 1e\+300; wanted: 0\.001 to 1e\+09 MVA"):
        sector.dc(base_power=1e300)


def test_nothing_changes_without_failures() -> None:
    sector = case9()
    assert not prepare_overload(sector.graph, sector.assets, tolerance=0.0).serve(sector.up()).tripped.size


def test_all_problems_of_a_power_grid_are_told_at_once() -> None:
    links = [("a", "b", NAN, 100.0), ("b", "c", -0.1, 0.0), ("a", "c", 0.0, -5.0)]
    sector = Sector(["a", "b", "c"], links, {"a": NAN, "nowhere": -3.0}, {"b": float("inf"), "c": NAN}, oneway=True)
    with pytest.raises(DataError) as caught:
        sector.dc()
    told = str(caught.value)
    for part in (
        "assets.oneway in power: 3 of 3 one-way links (first: a-b",
        "assets.reactance in power: 3 of 3 links without one (first: a-b",
        "assets.rating in power: 2 of 3 ratings that are not (first: b-c, a-c)",
        "supply.asset in power: 1 of 4 assets that are not (first: nowhere)",
        "supply.capacity in power: 2 of 4 sources without one (first: a, nowhere)",
        "supply.demand in power: 2 of 4 rows without one (first: b, c)",
        "supply.demand in power: none",
    ):
        assert part in told, part


def test_demand_without_a_source_is_refused() -> None:
    sector = Sector(["a", "b"], [("a", "b", 0.1, NAN)], {"a": 0.0}, {"b": 5.0})
    for prepare in (sector.dc, sector.share):
        with pytest.raises(DataError, match="demand without; wanted: a source with a capacity above zero"):
            prepare()


def test_options_are_checked() -> None:
    sector = triangle()
    with pytest.raises(ConfigurationError, match=r"(?s)trip: 'some'.*base_power: 0"):
        sector.dc(trip="some", base_power=0.0)
    with pytest.raises(ConfigurationError, match=r"(?s)endpoints: 'yes'.*tolerance: -1"):
        prepare_overload(sector.graph, sector.assets, tolerance=-1.0, endpoints="yes")
    directed = Sector(["a", "b"], [("a", "b", NAN, NAN)], oneway=True)
    with pytest.raises(DataError, match="one-way"):
        prepare_overload(directed.graph, directed.assets, tolerance=0.0)
    grid = sector.dc()
    for factors, said in (
        ({"demand": -1.0}, "factor of demand: 1 of 1 others"),
        ({"capacity": [1.0, NAN, 1.0]}, "factor of capacity: 1 of 3 others"),
        ({"demand": [1.0, 2.0]}, r"shape \(2,\)"),
        ({"rating": 0.0}, "factor of rating"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            grid.with_factors(**factors)


def test_a_grid_meshed_through_and_through_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "_MOST_FILL", 10)
    names = [str(i) for i in range(6)]
    links = [(a, b, 0.1, NAN) for a in names for b in names if a < b]
    with pytest.raises(ConfigurationError, match="level of power"):
        Sector(names, links, {"0": 1.0}, {"1": 1.0}).dc()
