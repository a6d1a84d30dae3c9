"""Hazard maps that nobody in this project made."""

import numpy as np
import pytest
import rasterio

from resilience.errors import ConfigurationError
from resilience.hazard import check_hazard, grid_of, read_window, repair_monotone
from resilience.readers import open_hazard

pytestmark = pytest.mark.real_data


def whole(hazard):
    return read_window(hazard, slice(None), slice(None))


def sample(hazard, x, y):
    column, row = grid_of(hazard).to_cells(np.array([x]), np.array([y]))
    i, j = int(row[0]), int(column[0])
    return read_window(hazard, slice(i, i + 1), slice(j, j + 1))[:, 0, 0]


def test_busan_grid_without_a_crs_is_refused_and_equal_with_one(real_data):
    folder = real_data / "busan_yeonsan"
    raw = folder / "raw_no_crs_rr100.asc"
    with pytest.raises(ConfigurationError) as caught:
        open_hazard(raw, family="rain", peril="flood", unit="m", nodata="unknown")
    assert [problem.subject for problem in caught.value.problems] == ["crs of family 'rain'"]
    assert "crs: EPSG:" in str(caught.value)
    published = open_hazard(raw, family="rain", peril="flood", unit="m", nodata="unknown", crs="EPSG:5187")
    tagged = open_hazard(folder / "flood_depth_rr100.tif", family="rain", peril="flood", nodata="unknown")
    np.testing.assert_array_equal(whole(published), whole(tagged))
    np.testing.assert_allclose(grid_of(published).transform[:6], grid_of(tagged).transform[:6])
    with pytest.raises(ConfigurationError, match="EPSG:5187 and the configuration says EPSG:5186"):
        open_hazard(folder / "flood_depth_rr100.tif", family="rain", peril="flood", nodata="unknown", crs=5186)


def test_busan_rain_multipliers_are_events_without_rates(real_data):
    rain = open_hazard(
        f"{real_data}/busan_yeonsan/flood_depth_rr{{event}}.tif", family="rain", peril="flood", nodata="unknown"
    )
    assert rain.event.values.tolist() == ["075", "100", "125"]
    assert np.isnan(rain.annual_rate).all()
    assert np.isnan(rain.return_period).all()
    assert whole(rain).max(axis=(1, 2)) == pytest.approx([3.004, 3.26, 3.395])
    check_hazard(rain)


def test_cambridge_return_periods(real_data):
    folder = real_data / "cambridge_ma"
    river = open_hazard(f"{folder}/flood_depth_rp{{rp}}.tif", family="river", peril="flood", nodata="unknown")
    assert river.return_period.values.tolist() == [100, 500]
    values = whole(river)
    with rasterio.open(folder / "flood_depth_rp500.tif") as dataset:
        expected = dataset.read(1, masked=True).filled(np.nan)
        station = dataset.xy(*np.argwhere(expected == np.nanmax(expected))[0])
    np.testing.assert_array_equal(values[1], expected)
    assert sample(river, *station)[1] == np.nanmax(expected)
    _, n_violations = repair_monotone(values)
    assert n_violations < 0.01 * values[0].size
    with pytest.raises(ConfigurationError, match="`nodata: dry`"):
        open_hazard(f"{folder}/flood_depth_rp{{rp}}.tif", family="river", peril="flood")


def test_muenster_surface_temperature(real_data):
    path = real_data / "heat_muenster" / "landsat-Summer_mean_ST_B10.tif"
    with pytest.raises(ConfigurationError, match="no unit"):
        open_hazard(path, family="summer", peril="heat", nodata="unknown")
    heat = open_hazard(path, family="summer", peril="heat", unit="degC", nodata="unknown")
    values = whole(heat)
    assert heat.attrs["unit"] == "degC"
    assert np.nanmin(values) == pytest.approx(25.013687)
    assert np.nanmax(values) == pytest.approx(47.671745)
    assert int(np.isnan(values).sum()) == 252


def test_categories_of_a_surge_are_not_metres(real_data):
    path = real_data / "epanet" / "coastal_ky4_storm_surge.tif"
    with pytest.raises(ConfigurationError, match="classes"):
        open_hazard(path, family="surge", peril="flood", nodata="dry")
