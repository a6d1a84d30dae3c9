"""Known answers of power in networks and of heat: worked examples of standards, test grids, hand-checkable rings.

Values are those of the standards' worked examples, redone by formula, and of published test grids; rows of the page say
which. The same cases and many more are in the tests of each part.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience import heat
from resilience.flow import prepare_dc_flow, prepare_overload
from resilience.network import Network
from resilience.network.compile import compile_network

FLOW, OVERLOAD, HEAT = "Power in networks", "Overload", "Heat"


class Grid:
    """A power sector as tables."""

    def __init__(self, n: int, links: dict[str, tuple[float, float]], capacity: dict[str, float],
                 demand: dict[str, float]) -> None:  # fmt: skip
        nodes = [{"id": str(i), "geometry": Point(i, 0)} for i in range(1, n + 1)]
        rows = [{"id": name, "from_asset": name.split("-")[0], "to_asset": name.split("-")[1], "reactance": x,
                 "rating": rating} for name, (x, rating) in links.items()]  # fmt: skip
        assets = pd.DataFrame([*nodes, *rows]).assign(sector="power")
        assets[["from_asset", "to_asset"]] = assets[["from_asset", "to_asset"]].fillna("")
        supply = [{"asset": name, "capacity": value, "is_source": True} for name, value in capacity.items()]
        supply += [{"asset": name, "demand": value, "is_source": False} for name, value in demand.items()]
        self.network = Network.from_tables(
            assets=gpd.GeoDataFrame(assets, geometry="geometry", crs=5179),
            supply=pd.DataFrame(supply).assign(sector="power"),
        )
        self.graph = compile_network(self.network).graphs["power"]
        self.links = list(links)

    def solve(self, *down: str):
        grid = prepare_dc_flow(self.graph, self.network.assets, self.network.supply)
        return grid.solve(~self.network.assets["id"].isin(down).to_numpy())


def triangle(rating: float = np.nan) -> Grid:
    links = dict.fromkeys(("1-2", "1-3", "2-3"), (0.1, rating))
    return Grid(3, links, {"1": 100.0, "2": 50.0}, {"3": 150.0})


CASE9 = {
    "1-4": (0.0576, 250), "4-5": (0.092, 250), "5-6": (0.17, 150), "3-6": (0.0586, 300), "6-7": (0.1008, 150),
    "7-8": (0.072, 250), "8-2": (0.0625, 250), "8-9": (0.161, 250), "9-4": (0.085, 250),
}  # fmt: skip
FLOWS = (67.000, 28.967, -61.033, 85, 23.967, -76.033, -163, 86.967, -38.033)
WITHOUT_8_9 = {"4-5": -58, "5-6": -148, "6-7": -63, "7-8": -163, "9-4": -125}
ANGLES = (0, 9.7960, 5.0606, -2.2112, -3.7381, 2.2067, 0.8224, 3.9590, -4.0634)


def case9() -> Grid:
    return Grid(9, CASE9, {"1": 67.0, "2": 163.0, "3": 85.0}, {"5": 90.0, "7": 100.0, "9": 125.0})


def test_triangle(known):
    by = "Kirchhoff, by hand"
    for name, wanted, got in zip(
        ("1-2", "1-3", "2-3"), (16.6667, 83.3333, 66.6667), triangle().solve().flow, strict=True
    ):
        known(FLOW, f"triangle, MW on {name}", wanted, got, 5e-5, by=by)
    flow = triangle().solve("1-3").flow
    known(FLOW, "triangle without 1-3, MW on 1-2", 100, flow[0], 1e-9, by=by)
    known(FLOW, "triangle without 1-3, MW on 2-3", 150, flow[2], 1e-9, by=by)
    served = triangle(120.0).solve("1-3").served.sum()
    known(FLOW, "the same with limits of 120 MW, unserved MW", 150, 150 - served, 1e-9, by=by)


def test_nine_buses(known):
    by = "MATPOWER case9, DC"
    state = case9().solve()
    for name, wanted, got in zip(CASE9, FLOWS, state.flow, strict=True):
        known(FLOW, f"IEEE 9-bus, MW on {name}", wanted, got, 5e-4, by=by)
    for bus, (wanted, got) in enumerate(zip(ANGLES, np.degrees(state.angle), strict=True), start=1):
        known(FLOW, f"IEEE 9-bus, angle of {bus}, degrees", wanted, got, 5e-5, by=by)
    flow = dict(zip(CASE9, case9().solve("8-9").flow, strict=True))
    for name, wanted in WITHOUT_8_9.items():
        known(FLOW, f"IEEE 9-bus without 8-9, MW on {name}", wanted, flow[name], 1e-9, by=by)
    for name in ("4-5", "5-6", "6-7", "7-8", "8-9", "9-4"):
        known(FLOW, f"IEEE 9-bus without {name}, MW served", 315, case9().solve(name).served.sum(), 1e-9, by=by)


@pytest.mark.parametrize(("tolerance", "standing", "largest"), [(1.0, 5, 5), (0.5, 4, 2), (0.49, 2, 1)])
def test_ring_of_six(known, tolerance, standing, largest):
    """One node of a ring goes; of the path that is left the middle carries 4 and its neighbours 3, against 2 before."""
    links = {f"{i}-{i % 6 + 1}": (np.nan, np.nan) for i in range(1, 7)}
    grid = Grid(6, links, {"2": np.nan}, {})
    overload = prepare_overload(grid.graph, grid.network.assets, tolerance=tolerance)
    up, load, _ = overload.solve(~grid.network.assets["id"].isin(["1"]).to_numpy())
    by = "Motter and Lai (2002), by hand"
    known(OVERLOAD, "ring of six, load of each", 2, np.mean(overload.intact_load), 1e-12, by=by)
    known(OVERLOAD, f"one removed, tolerance {tolerance:g}: still standing", standing, up.sum(), 0, by=by)
    runs = "".join("x" if one else " " for one in up[1:]).split()
    known(OVERLOAD, f"one removed, tolerance {tolerance:g}: largest part", largest, max(map(len, runs)), 0, by=by)
    if tolerance == 1.0:
        assert load[1:].tolist() == [0, 3, 4, 3, 0]


INDICES = [
    ("wet bulb, 20 degC, 50 %", 13.699342, heat.wet_bulb(20.0, 50.0), 5e-7, "Stull (2011), formula"),
    ("apparent temperature, 33 degC, 70 %", 34.34, heat.apparent_temperature(33.0, 70.0), 5e-3, "KMA, formula"),
    ("apparent temperature, 35 degC, 55 %", 34.97, heat.apparent_temperature(35.0, 55.0), 5e-3, "KMA, formula"),
    ("ageing, 98 degC", 0.28174, heat.ageing_rate(98.0), 5e-6, "IEEE C57.91, formula"),
    ("ageing, 120 degC", 2.70893, heat.ageing_rate(120.0), 5e-6, "IEEE C57.91, formula"),
    ("ageing, 140 degC", 17.19946, heat.ageing_rate(140.0), 5e-6, "IEEE C57.91, formula"),
    ("ageing in a day of 98 degC, normal paper, days", 1.0, heat.paper_ageing_rate(98.0), 1e-12, "IEC 60076-7"),
    ("ageing in a day of 100 degC, normal paper, days", 1.259921, heat.paper_ageing_rate(100.0), 5e-7, "IEC 60076-7"),
    ("ageing in a day of 100 degC, upgraded paper, days", 0.349942, heat.ageing_rate(100.0), 1e-6, "IEEE C57.91"),
    ("hot spot at rated load, 30 degC", 110.0, heat.hot_spot(30.0, 1.0), 1e-9, "IEEE C57.91, worked example"),
    ("allowed load at 35 degC", 0.95840, heat.allowed_load(35.0), 5e-6, "IEEE C57.91, worked example"),
    ("allowed load at 45 degC", 0.87078, heat.allowed_load(45.0), 5e-6, "IEEE C57.91, worked example"),
    ("heat lost by convection, W/m", 82.083, heat.convective_cooling(40.0, 100.0), 5e-4, "IEEE 738, worked example"),
    ("heat lost by radiation, W/m", 39.105, heat.radiative_cooling(40.0, 100.0), 5e-4, "IEEE 738, worked example"),
    ("hot spot at 80 % load, 40 degC", 97.460, heat.hot_spot(40.0, 0.8), 5e-4, "IEEE C57.91, worked example"),
    ("allowed load at 40 degC", 0.91539, heat.allowed_load(40.0), 5e-6, "IEEE C57.91, worked example"),
    ("rating of a Drake line at 40 degC, A", 1025.5, heat.line_rating(40.0), 0.05, "IEEE 738, worked example"),
    ("rating at 40 over 25 degC", 0.8846, heat.line_rating(40.0) / heat.line_rating(25.0), 5e-5, "IEEE 738, formula"),
    ("its shortcut", 0.8944, heat.approximate_line_rating(40.0) / heat.approximate_line_rating(25.0), 5e-5, "formula"),
    ("relative risk of Seoul, 3 degrees above", 1.092409, heat.relative_risk(34.0), 5e-7, "1.0299^3"),
    ("attributable fraction of it", 0.084592, heat.attributable_fraction(heat.relative_risk(34.0)), 5e-7, "1 - 1/RR"),
    ("heat illness at 35 degC", 7.361, heat.relative_risk(35.0, response=heat.HeatIllness()), 5e-4, "1.691^3.8"),
    ("Erlang loss, 10 bays, 8 offered", 0.121661, heat.erlang_loss(10, 8.0), 5e-7, "Erlang B"),
]


@pytest.mark.parametrize("case", INDICES, ids=[case[0] for case in INDICES])
def test_heat(known, case):
    name, wanted, got, within, by = case
    known(HEAT, name, wanted, got, within, by=by)
