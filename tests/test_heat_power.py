"""Factors that heat puts on what power gives, carries and draws, and the ageing of transformers."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from resilience import heat
from resilience.cascade import make_grid
from resilience.errors import ConfigurationError
from resilience.heat_power import find_power, followed_assets, mean_over_steps
from resilience.hourly import HourlyEvent, HourlyFamily
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.scenario import HeatSection

AIR = np.array([[30.0, 25.0], [40.0, 35.0], [45.0, 40.0], [25.0, 20.0]])
HOURS = [0, 6, 12, 18, 24]


def city() -> Network:
    """A substation, a cabinet, a line between them; what is drawn at the cabinet."""
    assets = gpd.GeoDataFrame(
        {"id": ["s", "c", "l"], "sector": "power", "kind": ["substation", "cabinet", "line"],
         "from_asset": ["", "", "s"], "to_asset": ["", "", "c"]},
        geometry=[Point(0, 0), Point(1, 0), LineString([(0, 0), (1, 0)])], crs=5179,
    )  # fmt: skip
    supply = pd.DataFrame({"asset": ["s", "c"], "sector": "power", "is_source": [True, False],
                           "capacity": [100.0, np.nan], "demand": [np.nan, 95.0]})  # fmt: skip
    return Network.from_tables(assets=assets, supply=supply)


def event(air: np.ndarray, kept: list[int]) -> HourlyEvent:
    n = len(air)
    none = np.zeros(0, np.intp)
    family = HourlyFamily(
        minute=np.array([HOURS]) * 60, asset=none, probability=np.zeros((1, n, 0)), stopped=np.zeros((1, n, 0), bool),
        slowness=np.ones((1, n, 0)), slow=none, air=air[np.newaxis].astype(np.float32), kept=np.array(kept), clock=0,
    )  # fmt: skip
    return HourlyEvent(family, 0, "heat")


def factors(section: dict[str, Any], hours: list[float] | None, level: str = "dc_flow") -> dict[str, np.ndarray]:
    network = city()
    power = find_power(network.assets, HeatSection.model_validate(section), {"power": level})
    assert power is not None
    air = np.column_stack([AIR, AIR[:, 1]])
    grid = None if hours is None else make_grid(hours)
    [one] = power.factors(compile_network(network), [(event(air, [0, 1, 2]), 0)], grid)
    return one.given


def test_a_substation_gives_what_keeps_its_hot_spot_at_110_degrees() -> None:
    """Allowed K of C57.91: 1 at 30, .91539 at 40, .87078 at 45 degC; never more than rated."""
    asked = {"transformers": {"kinds": ["substation"]}}
    capacity = factors(asked, [*HOURS, 30])["capacity"]
    np.testing.assert_allclose(capacity[:, 0], [1, 0.91539, 0.87078, 1, 1], atol=5e-6)
    assert (capacity[:, 1] == 1).all()
    # All nodes where no kinds are named; without a grid that of the worst hour.
    everywhere = factors({"transformers": {}}, None)["capacity"]
    np.testing.assert_allclose(everywhere, [[0.87078, 0.91539]], atol=5e-6)


def test_a_line_carries_what_the_standard_says_of_its_air() -> None:
    """0.8846 from 25 to 40 degC, full IEEE 738."""
    rating = factors({"lines": {"kinds": "line"}}, [*HOURS, 30])["rating"]
    assert rating.shape == (5, 1)
    assert rating[2, 0] == pytest.approx(0.8846, abs=5e-5)
    assert rating[[0, 3, 4], 0].tolist() == [1, 1, 1]


def test_demand_grows_with_the_mean_of_the_day() -> None:
    demand = factors({"demand": {}}, [*HOURS, 30])["demand"]
    wanted = 1 + 0.0275 * (AIR.mean(axis=0) - 24)
    np.testing.assert_allclose(demand[:4], np.tile(wanted, (4, 1)), rtol=1e-6)
    assert demand[4].tolist() == [1, 1]


def test_cool_air_changes_exactly_nothing() -> None:
    network = city()
    section = HeatSection.model_validate({"transformers": {}, "lines": {}, "demand": {}})
    power = find_power(network.assets, section, {"power": "dc_flow"})
    assert power is not None
    cool = event(np.full((4, 3), 20.0), [0, 1, 2])
    [one] = power.factors(compile_network(network), [(cool, 0)], make_grid([0, 5, 13, 24, 40]))
    assert not one.changed.any()


def test_steps_have_the_mean_of_their_hours() -> None:
    rng = np.random.default_rng(4)
    hourly, minute = rng.uniform(0.5, 1, (5, 3)), np.array([0, 60, 90, 200, 333, 500])
    grid = make_grid([0, 0.5, 1, 4, 10])
    found = mean_over_steps(hourly, minute, grid)
    fine = np.ones((600, 3))
    for k in range(5):
        fine[minute[k] : minute[k + 1]] = hourly[k]
    wanted = [fine[a:b].mean(axis=0) for a, b in zip(grid.minute[:-1], grid.minute[1:], strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_hot_transformers_age() -> None:
    """At 80 % of the rated load and 40 degC a transformer ages at 0.2656 of the normal rate."""
    network = city()
    section = HeatSection.model_validate({"transformers": {"kinds": ["substation"], "load": 0.8}})
    power = find_power(network.assets, section, {"power": "share"})
    assert power is not None
    at_forty = power.ageing(event(np.full((4, 3), 40.0), [0, 1, 2]), 3)
    assert at_forty[0] == pytest.approx(24 * 0.2656, abs=24 * 5e-5)
    assert np.isnan(at_forty[1:]).all()
    hourly = power.ageing(event(np.column_stack([AIR, AIR[:, 1]]), [0, 1, 2]), 3)[0]
    twin = sum(6 * float(heat.ageing_rate(heat.hot_spot(float(t), 0.8))) for t in AIR[:, 0])
    assert hourly == pytest.approx(twin, rel=1e-9)


def test_what_cannot_be_derated_is_refused() -> None:
    assets = city().assets
    for section, levels, message in (
        ({"transformers": {}}, {"power": "connected"}, r"heat\.transformers\.sector: power at level connected"),
        ({"lines": {}}, {"power": "share"}, r"a sector at level dc_flow"),
        ({"demand": {"sector": "powr"}}, {"power": "share"}, r"'powr' \(did you mean 'power'"),
        ({"transformers": {"kinds": "substaton"}}, {"power": "share"}, r"no such kind 'substaton'"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            find_power(assets, HeatSection.model_validate(section), levels)
    assert find_power(assets, HeatSection(), {}) is None
    assert find_power(assets, None, {}) is None
    assert followed_assets(assets, HeatSection.model_validate({"demand": {}})).all()
    assert not followed_assets(assets, None).any()
