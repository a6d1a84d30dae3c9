"""Heat indices against the reference results of ECMWF's thermofeel for its own weather.

Their files hold the bare regression of the heat index, its coefficients rounded for degC, above 20 degC and the air
temperature below; and the wet-bulb globe temperature with Stull's wet bulb and a globe in balance with wind scaled to
1.1 m. Their humidity comes from another formula of the saturation pressure than the one that is our default.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from resilience import heat
from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.conftest import CRS, cell_of, write_maps

pytestmark = pytest.mark.real_data

KELVIN = 273.15
TETENS = heat.VapourPressure(reference=6.11, slope=7.5 * math.log(10.0), shift=237.3)


@pytest.fixture(scope="module")
def weather(real_data):
    table = np.genfromtxt(real_data / "heat_indices" / "thermofeel_testcases.csv", delimiter=",", names=True)
    return {
        "temperature": table["t2m"] - KELVIN,
        "dew_point": table["td"] - KELVIN,
        "radiant": table["mrt"] - KELVIN,
        "wind": table["va"],
    }


@pytest.fixture(scope="module")
def reference(real_data):
    return {name: np.loadtxt(real_data / "heat_indices" / f"{name}.csv") - KELVIN for name in ("heatindex", "wbgt")}


def humidity(weather, **options):
    return heat.relative_humidity(weather["temperature"], weather["dew_point"], **options)


def test_wbgt_of_all_weathers_to_rounding(weather, reference):
    got = heat.wbgt(weather["temperature"], humidity(weather, saturation=TETENS), weather["radiant"], weather["wind"])
    assert got.size == 50
    np.testing.assert_allclose(got, reference["wbgt"], rtol=0, atol=1e-9)


def test_wbgt_with_our_saturation_pressure_to_two_hundredths(weather, reference):
    """Two formulas of the saturation pressure differ by 0.05 % of humidity at most here."""
    ours, theirs = humidity(weather), humidity(weather, saturation=TETENS)
    assert np.abs(ours - theirs).max() < 0.06
    got = heat.wbgt(weather["temperature"], ours, weather["radiant"], weather["wind"])
    np.testing.assert_allclose(got, reference["wbgt"], rtol=0, atol=0.02)


def test_heat_index_of_warm_weather_to_the_rounding_of_their_coefficients(weather, reference):
    warm = weather["temperature"] > 20.0
    assert warm.sum() == 26
    got = heat.rothfusz_regression(weather["temperature"], humidity(weather, saturation=TETENS))
    np.testing.assert_allclose(got[warm], reference["heatindex"][warm], rtol=0, atol=1e-5)
    # Below, their file repeats the air temperature: nothing to compare.
    np.testing.assert_allclose(reference["heatindex"][~warm], weather["temperature"][~warm], rtol=0, atol=1e-9)


def test_heat_index_with_adjustments_where_the_weather_service_defines_it(weather, reference):
    """Where the index is 82 degF or more, no adjustment applies to this weather, and the whole index is theirs."""
    got = heat.heat_index(weather["temperature"], humidity(weather, saturation=TETENS))
    hot = got * 1.8 + 32.0 >= 81.0
    assert hot.sum() >= 2
    np.testing.assert_allclose(got[hot], reference["heatindex"][hot], rtol=0, atol=1e-5)
    with_ours = heat.heat_index(weather["temperature"], humidity(weather))
    np.testing.assert_allclose(with_ours[hot], reference["heatindex"][hot], rtol=0, atol=0.01)


def test_heat_index_of_a_run_is_theirs(weather, reference, tmp_path):
    """Every weather in a cell of its own with a zone: what `assess` tells of the hottest day, in single precision."""
    n = weather["temperature"].size
    air = np.stack([weather["temperature"] - 5.0, weather["temperature"]])
    moist = humidity(weather, saturation=TETENS)
    write_maps(tmp_path / "air.tif", air)
    write_maps(tmp_path / "moist.tif", np.stack([moist, moist]))
    points = [Point(*cell_of(i)) for i in range(n)]
    frames = {
        "assets": {"id": [f"a{i}" for i in range(n)], "sector": "power"},
        "zones": {"id": [f"z{i}" for i in range(n)], "persons": 1.0},
    }
    network = {}
    for name, columns in frames.items():
        gpd.GeoDataFrame(columns, geometry=points, crs=CRS).to_file(tmp_path / f"{name}.gpkg")
        network[name] = {"path": f"{name}.gpkg", "columns": {column: column for column in columns}}
    data = {
        "schema_version": 1, "name": "weather", "crs": CRS, "network": network,
        "rules": [{"service": "power", "from": {"sector": "power"}, "to": "zones"}],
        "services": {"power": {"by": "assignment"}}, "monte_carlo": {"samples": 512},
        "hazards": [
            {"family": "wave", "peril": "heat", "nodata": "error", "hours": [3, 15], "events": ["day"],
             "index": "heat_index", "plausible": [-90, 80], "temperature": {"files": ["air.tif"], "unit": "degC"},
             "humidity": {"files": ["moist.tif"], "unit": "%"}}
        ],
    }  # fmt: skip
    told = assess(Scenario.from_dict(data, base=tmp_path)).dataset["daily_index"].values[0, :, 0]
    hot = told * 1.8 + 32.0 >= 81.0
    assert hot.sum() >= 2
    np.testing.assert_allclose(told[hot], reference["heatindex"][hot], rtol=0, atol=2e-4)
