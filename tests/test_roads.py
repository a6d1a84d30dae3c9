"""Speed under water: published values, bounds, and times of links."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString

from resilience.errors import ConfigurationError, DataError
from resilience.network.travel import NO_WAY
from resilience.roads import ROAD_CLASS_SPEEDS, SPEED_CURVES, link_times, speed_under_water


def links(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": ["L"], "kind": "primary", "length": 1000.0, "speed": 50 / 3.6} | columns)


def water(*depth: float, **more: object) -> xr.DataArray:
    return xr.DataArray(list(depth), dims="asset", coords={"asset": more.get("asset", ["L"])})


@pytest.mark.parametrize(
    ("mm", "kmh"),
    [(0, 86.9448), (50, 61.5498), (100, 40.6548), (150, 24.2598), (200, 12.3648), (250, 4.9698), (299, 2.0886),
     (300, 0.0), (307.17, 0.0), (1000, 0.0)],
)  # fmt: skip
def test_published_curve(mm: float, kmh: float) -> None:
    assert speed_under_water(mm / 1000) * 3.6 == pytest.approx(kmh, abs=5e-5)


@pytest.mark.parametrize(("depth", "seconds"), [(0.0, 72.00), (0.1, 88.55), (0.15, 148.39), (0.25, 724.38)])
def test_a_kilometre_at_50(depth: float, seconds: float) -> None:
    assert float(link_times(links(), water(depth))[0]) / 1000 == pytest.approx(seconds, abs=0.005)


@pytest.mark.parametrize(("curve", "end"), [("fitted", 0.3), ("conservative", 0.6), ("aggressive", 0.15)])
def test_curves_end_where_they_are_published_to(curve, end) -> None:
    assert speed_under_water(end, curve=curve) == 0
    assert speed_under_water(end * 0.99, curve=curve) > 0


@given(depth=st.lists(st.floats(0, 2), min_size=2, max_size=20))
def test_deeper_is_never_faster_and_the_bounds_hold(depth) -> None:
    depth = np.sort(depth)
    for curve in SPEED_CURVES:
        for limit in (None, 0.2, 0.5):
            assert (np.diff(speed_under_water(depth, curve=curve, depth_limit=limit)) <= 1e-9).all()
    slow, middle, fast = (speed_under_water(depth, curve=name) for name in ("aggressive", "fitted", "conservative"))
    # The three parabolas begin at 86.94 to three more digits or fewer.
    assert (slow <= middle + 0.002).all()
    assert (middle <= fast + 0.002).all()


def test_high_vehicles_crawl_on_to_their_limit() -> None:
    kmh = speed_under_water([0.29, 0.3, 0.49, 0.5], depth_limit=0.5) * 3.6
    assert kmh[0] == pytest.approx(0.0009 * 290**2 - 0.5529 * 290 + 86.9448)
    assert kmh[1] == kmh[2] == pytest.approx(2.0748)
    assert kmh[3] == 0
    assert speed_under_water(0.1, depth_limit=0.1) == 0


def test_free_speed_bounds_the_speed_and_ambulances_drive_a_share_of_it() -> None:
    assert int(link_times(links(), water(0.0), speed_share=0.65)[0]) == round(72000 / 0.65)
    # Under 100 mm water, not traffic, is the bound.
    assert int(link_times(links(speed=100.0), water(0.1))[0]) == int(link_times(links(), water(0.1))[0])


def test_closed_bridges_unknown_and_short_links() -> None:
    table = links(id=["deep", "bridge", "unknown", "short"], length=[1000.0, 1000.0, 1000.0, 0.0])
    depth = water(1.0, 1.0, np.nan, 0.0, asset=["deep", "bridge", "unknown", "short"])
    times = link_times(table, depth, bridge=[False, True, False, False])
    assert times.values.tolist() == [NO_WAY, 72000, 72000, 1]


def test_links_are_found_by_id_and_other_dimensions_stay() -> None:
    depth = xr.DataArray(
        [[0.0, 0.1, 9.0], [0.15, 0.25, 9.0]], dims=("event", "asset"),
        coords={"event": ["a", "b"], "asset": ["x", "y", "node"]},
    )  # fmt: skip
    times = link_times(links(id=["y", "x"]), depth)
    assert times.dims == ("event", "asset")
    assert times["asset"].values.tolist() == ["y", "x"]
    assert (times / 1000).round(2).values.tolist() == [[88.55, 72.0], [724.38, 148.39]]
    assert times.attrs["unit"] == "ms"


def test_empty_speeds_come_from_the_class_and_empty_lengths_from_the_geometry() -> None:
    table = gpd.GeoDataFrame(links(speed=np.nan, length=np.nan), geometry=[LineString([(0, 0), (300, 400)])])
    assert int(link_times(table, water(0.0))[0]) == 30000
    assert {known.basis for known in ROAD_CLASS_SPEEDS.values()} == {"default"}


def test_all_problems_are_told_at_once() -> None:
    table = links(id=["a", "b", "c"], kind=["canal", "primary", "primary"], speed=[np.nan, -1.0, 5.0],
                  length=[1.0, 1.0, np.nan])  # fmt: skip
    with pytest.raises(DataError) as caught:
        link_times(table, water(0.0, 0.0, asset=["a", "b"]))
    told = str(caught.value)
    assert "depth: 1 of 3 links are not there (first: c)" in told
    assert "length: 1 of 3" in told
    assert "speed: 1 of 3 links have neither (first: a)" in told
    assert "speed: 1 of 3 speeds are none (first: b)" in told


def test_parameters_that_cannot_be_meant() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'fitted'"):
        speed_under_water(0.1, curve="fited")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="depth_limit"):
        speed_under_water(0.1, depth_limit=-1)
    with pytest.raises(ConfigurationError, match="speed_share"):
        link_times(links(), water(0.0), speed_share=0)
