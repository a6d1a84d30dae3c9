"""Known answers of power in networks: a published test grid, a triangle by Kirchhoff's laws, a ring by hand.

Many more cases are in the tests of each part.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from resilience.flow import OverloadSector, prepare_dc_flow, prepare_overload
from resilience.flow.overload import Endpoints
from resilience.network import Network
from resilience.network.compile import compile_network

FLOW, OVERLOAD = "Power in networks", "Overload"


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
    without = case9().solve("8-9")
    known(FLOW, "IEEE 9-bus without 8-9, lines above their limits", 0, without.tripped.sum(), 0, by=by)
    flow = dict(zip(CASE9, without.flow, strict=True))
    for name, wanted in WITHOUT_8_9.items():
        known(FLOW, f"IEEE 9-bus without 8-9, MW on {name}", wanted, flow[name], 1e-9, by=by)
    for name in ("4-5", "5-6", "6-7", "7-8", "8-9", "9-4"):
        known(FLOW, f"IEEE 9-bus without {name}, MW served", 315, case9().solve(name).served.sum(), 1e-9, by=by)


@pytest.mark.parametrize(("tolerance", "standing", "largest"), [(1.0, 5, 5), (0.99, 4, 2), (0.5, 4, 2), (0.49, 2, 1)])
def test_ring_of_six(known, tolerance, standing, largest):
    """One node of a ring goes; of the path that is left the middle carries 4 and its neighbours 3, against 2 before."""
    overload, up, load = ring_without_one(tolerance, "excluded")
    by = "Motter and Lai (2002), by hand"
    known(OVERLOAD, f"one removed, tolerance {tolerance:g}: still standing", standing, up.sum(), 0, by=by)
    runs = "".join("x" if one else " " for one in up[1:]).split()
    known(OVERLOAD, f"one removed, tolerance {tolerance:g}: largest part", largest, max(map(len, runs)), 0, by=by)
    if tolerance == 1.0:
        loads_of(known, overload, load, "", 2, (0, 3, 4, 3, 0))


@pytest.mark.parametrize(("tolerance", "standing"), [(0.15, 5), (0.14, 4)])
def test_ring_of_six_with_its_ends(known, tolerance, standing):
    """Where a pair of nodes also loads its own ends the middle carries 8 against 7: all stand from 1/7 on."""
    overload, up, load = ring_without_one(tolerance, "included")
    case = f"one removed, with ends, tolerance {tolerance:g}: still standing"
    known(OVERLOAD, case, standing, up.sum(), 0, by="Motter and Lai (2002), by hand")
    if standing == 5:
        loads_of(known, overload, load, ", with ends", 7, (4, 7, 8, 7, 4))


def ring_without_one(tolerance: float, endpoints: Endpoints):
    links = {f"{i}-{i % 6 + 1}": (np.nan, np.nan) for i in range(1, 7)}
    grid = Grid(6, links, {"2": np.nan}, {})
    overload = prepare_overload(grid.graph, grid.network.assets, tolerance=tolerance, endpoints=endpoints)
    up, load, _ = overload.solve(~grid.network.assets["id"].isin(["1"]).to_numpy())
    return overload, up, load


def loads_of(known, overload: OverloadSector, load: np.ndarray, how: str, before: float, after: tuple[float, ...]):
    by = "Motter and Lai (2002), by hand"
    for node in range(6):
        known(OVERLOAD, f"ring of six{how}, load of {node + 1}", before, overload.intact_load[node], 1e-12, by=by)
    for node, wanted in enumerate(after, start=1):
        known(OVERLOAD, f"one removed{how}, load of {node + 1}", wanted, load[node], 1e-12, by=by)
