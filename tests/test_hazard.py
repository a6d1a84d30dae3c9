"""Hazard datasets: building, checking, reading, repairing and interpolating."""

import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from pyproj import CRS

from resilience.errors import ConfigurationError, DataError
from resilience.grid import Grid
from resilience.hazard import (
    HazardWarning,
    check_hazard,
    check_plausible,
    grid_of,
    interpolate_return_period,
    make_hazard,
    read_window,
    repair_monotone,
)
from resilience.hazard.severity import interpolate_severity


@pytest.fixture
def grid():
    return Grid(CRS.from_epsg(5187), Affine(10, 0, 1000, 0, -10, 2000), height=2, width=3)


@pytest.fixture
def depths():
    rng = np.random.default_rng(1)
    return np.cumsum(rng.uniform(0, 2, (3, 2, 3)), axis=0).astype(np.float32)


def test_severity_axis_is_sorted_with_everything_that_belongs_to_an_event(grid, depths):
    mixed = make_hazard(
        depths[[2, 0, 1]],
        grid=grid,
        family="river",
        peril="flood",
        return_periods=[500, 10, 100],
        duration_hours=[9, 3, 6],
    )
    assert mixed.event.values.tolist() == ["rp10", "rp100", "rp500"]
    assert mixed.return_period.values.tolist() == [10, 100, 500]
    assert mixed.annual_rate.values.tolist() == [1 / 10, 1 / 100, 1 / 500]
    assert mixed.duration_hours.values.tolist() == [3, 6, 9]
    assert mixed.attrs["axis"] == "severity"
    np.testing.assert_array_equal(read_window(mixed, slice(None), slice(None)), depths)
    assert grid_of(mixed) == grid
    np.testing.assert_array_equal(mixed.x, grid.x)
    check_hazard(mixed)


def test_distinct_events_keep_their_order_and_rates(grid, depths):
    storms = make_hazard(
        depths, grid=grid, family="storms", peril="flood", events=["c", "a", "b"], annual_rates=[0.1, 0.2, 0.0]
    )
    assert storms.event.values.tolist() == ["c", "a", "b"]
    assert storms.attrs["axis"] == "events"
    assert np.isnan(storms.return_period).all()
    assert storms.annual_rate.values.tolist() == [0.1, 0.2, 0.0]
    check_hazard(storms)


def test_family_without_rates_is_legal(grid, depths):
    rain = make_hazard(depths, grid=grid, family="rain", peril="flood")
    assert np.isnan(rain.annual_rate).all()
    check_hazard(rain)


@pytest.mark.parametrize(
    ("peril", "unit", "value", "expected"),
    [
        ("flood", "m", 1.5, 1.5),
        ("flood", "cm", 150.0, 1.5),
        ("flood", "mm", 1500.0, 1.5),
        ("flood", "feet", 10.0, 3.048),
        ("heat", "degC", 35.0, 35.0),
        ("heat", "K", 308.15, 35.0),
        ("heat", "degF", 95.0, 35.0),
    ],
)
def test_units_are_converted(grid, peril, unit, value, expected):
    hazard = make_hazard(np.full((2, 3), value), grid=grid, family="f", peril=peril, unit=unit)
    np.testing.assert_allclose(hazard.intensity, expected, rtol=1e-6)
    assert hazard.attrs["unit"] == ("m" if peril == "flood" else "degC")
    assert hazard.intensity.dtype == np.float32


@pytest.mark.parametrize(
    ("peril", "value", "hint"),
    [
        ("flood", -9999.0, "nodata_value: -9999"),
        ("flood", 999.0, "nodata_value: 999"),
        ("flood", -3.4028235e38, "nodata_value: -3.4028234663852886e+38"),
        ("flood", 60.0, "feet called metres"),
        ("flood", 250.0, "centimetres or millimetres called metres"),
        ("flood", -0.5, "ground level or a difference"),
        ("flood", np.inf, "infinite cells"),
        ("heat", 300.0, "kelvin read as degC"),
        ("heat", 98.0, "degrees Fahrenheit read as degC"),
        ("heat", 25_400.0, "digital numbers"),
    ],
)
def test_incredible_values_are_refused_with_a_hint(grid, peril, value, hint):
    values = np.full((2, 3), 10.0)
    values[1, 2] = value
    with pytest.raises(DataError) as caught:
        make_hazard(values, grid=grid, family="f", peril=peril)
    message = str(caught.value)
    assert message.startswith("hazard 'f': 1 of 6 cells are not a credible")
    assert "first: row 1, column 2" in message
    assert hint in message


def test_credible_range_can_be_widened_and_is_remembered(grid):
    values = np.full((2, 3), 45.0)
    wide = make_hazard(values, grid=grid, family="gorge", peril="flood", plausible=(0, 50))
    check_hazard(wide)
    with pytest.raises(DataError, match="0 to 30 m"):
        check_hazard(wide.assign_attrs(plausible=(0.0, 30.0)))


def test_land_surface_temperature_of_sixty_degrees_is_credible():
    check_plausible(np.array([[60.0, -39.0]], dtype=np.float32), peril="heat", subject="surface")


def test_plausibility_names_event_and_place_in_the_whole_raster():
    values = np.zeros((2, 3, 4), dtype=np.float32)
    values[1, 2, 3] = 99.0
    with pytest.raises(DataError, match="event 1, row 102, column 53: 99 m"):
        check_plausible(values, peril="flood", subject="stack", origin=(100, 50))


def test_everything_wrong_is_told_at_once(grid):
    with pytest.raises(ConfigurationError) as caught:
        make_hazard(
            np.zeros((2, 3)),
            grid=grid,
            family="f",
            peril="flood",
            unit="degC",
            nodata="unknwon",
            outside="wet",
            return_periods=[1],
            annual_rates=[1],
        )
    assert {problem.subject for problem in caught.value.problems} == {
        "nodata",
        "outside",
        "unit of flood",
        "family 'f'",
    }
    assert "did you mean 'unknown'?" in str(caught.value)
    with pytest.raises(ConfigurationError, match="did you mean 'flood'"):
        make_hazard(np.zeros((2, 3)), grid=grid, family="f", peril="flod")
    with pytest.raises(DataError) as caught:
        make_hazard(
            np.zeros((2, 2, 3)),
            grid=grid,
            family="f",
            peril="flood",
            return_periods=[0.5, np.nan],
            events=["a", "a"],
            duration_hours=[1, -1],
        )
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("shape", [(2, 3, 3), (3,), (0, 2, 3), (1, 1, 2, 3)])
def test_wrong_shape_is_refused(grid, shape):
    with pytest.raises(DataError, match=r"wanted: \(event, 2, 3\)"):
        make_hazard(np.zeros(shape), grid=grid, family="f", peril="flood")


def test_identical_maps_of_a_severity_axis_are_warned_of(grid, depths):
    with pytest.warns(HazardWarning, match="'rp10' and 'rp100' have the same map"):
        make_hazard(depths[[0, 0, 1]], grid=grid, family="river", peril="flood", return_periods=[10, 100, 500])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_hazard(depths[[0, 0, 1]], grid=grid, family="storms", peril="flood")
        dry = np.zeros((2, 2, 3))
        make_hazard(dry, grid=grid, family="river", peril="flood", return_periods=[10, 100])


def test_windows_are_those_of_the_array(grid, depths):
    hazard = make_hazard(depths, grid=grid, family="river", peril="flood")
    window = read_window(hazard, slice(1, 2), slice(0, 2))
    np.testing.assert_array_equal(window, depths[:, 1:2, 0:2])
    assert window.dtype == np.float32


def test_dataset_survives_pickling_and_selection(grid, depths):
    hazard = make_hazard(depths, grid=grid, family="river", peril="flood", return_periods=[10, 100, 500])
    xr.testing.assert_identical(pickle.loads(pickle.dumps(hazard)), hazard)
    check_hazard(hazard.isel(event=[0, 2]))


def test_part_of_a_hazard_lies_where_it_lay(grid, depths):
    hazard = make_hazard(depths, grid=grid, family="river", peril="flood")
    part = hazard.isel(y=slice(1, 2), x=slice(1, 3))
    assert grid_of(part).bounds == (1010, 1980, 1030, 1990)
    check_hazard(part)
    with pytest.raises(DataError, match="coordinate x"):
        grid_of(hazard.isel(x=[0, 2]))
    with pytest.raises(DataError, match="coordinate y"):
        grid_of(hazard.isel(y=slice(None, None, -1)))


def test_labelled_intensity_is_taken_as_numbers(grid, depths):
    labelled = xr.DataArray(depths, dims=("event", "y", "x"))
    xr.testing.assert_identical(
        make_hazard(labelled, grid=grid, family="river", peril="flood"),
        make_hazard(depths, grid=grid, family="river", peril="flood"),
    )


def test_check_tells_all_that_is_wrong(grid, depths):
    with pytest.raises(DataError) as caught:
        check_hazard(xr.Dataset({"intensity": (("y", "x"), depths[0])}, attrs={"peril": "flod", "nodata": "dry"}))
    message = str(caught.value)
    for part in ("dims (y, x)", "attribute family", "did you mean 'flood'?", "attribute axis", "return_period"):
        assert part in message
    good = make_hazard(depths, grid=grid, family="river", peril="flood", return_periods=[10, 100, 500])
    with pytest.raises(DataError, match="ascending"):
        check_hazard(good.isel(event=[2, 1, 0]))
    with pytest.raises(DataError, match="coordinate x"):
        check_hazard(good.assign_coords(x=good.x + 5))
    with pytest.raises(DataError, match="crs_wkt"):
        check_hazard(good.assign_attrs(crs_wkt="nowhere"))
    with pytest.raises(DataError, match="not a credible"):
        check_hazard(good.assign(intensity=good.intensity * 100))
    with pytest.raises(DataError, match="annual_rates"):
        check_hazard(
            make_hazard(depths, grid=grid, family="f", peril="flood").assign_coords(
                annual_rate=("event", [0.1, np.nan, 0.2])
            )
        )
    with pytest.raises(DataError, match="attribute transform: absent"):
        grid_of(xr.Dataset(attrs={"crs_wkt": "x"}))


# Repair


def repair_by_hand(values):
    """Every cell on its own, one event after another."""
    repaired = values.copy()
    n = 0
    for place in np.ndindex(values.shape[1:]):
        highest, fallen = -np.inf, False
        for event in range(len(values)):
            value = values[(event, *place)]
            if np.isnan(value):
                continue
            fallen = fallen or value < highest
            highest = max(highest, value)
            repaired[(event, *place)] = highest
        n += fallen
    return repaired, n


@settings(max_examples=100, deadline=None)
@given(
    st_numpy.arrays(
        np.float32,
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)),
        elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, float("nan")]),
    )
)
def test_repair_is_the_running_maximum_of_every_cell(values):
    before = values.copy()
    repaired, n = repair_monotone(values)
    expected, expected_n = repair_by_hand(values)
    np.testing.assert_array_equal(repaired, expected)
    assert n == expected_n
    assert repaired.dtype == np.float32
    np.testing.assert_array_equal(values, before)
    again, none = repair_monotone(repaired)
    assert none == 0
    assert again is repaired


# Interpolation


def test_interpolation_between_two_return_periods():
    first = interpolate_return_period(np.array([0.4, 1.0]), 50.0, return_periods=[10, 100])
    assert first == pytest.approx(0.8193820, abs=1e-7)
    second = interpolate_return_period(np.array([1.0, 1.6]), 200.0, return_periods=[100, 500])
    assert second == pytest.approx(1.2584058, abs=2e-7)


def test_interpolation_at_and_beyond_the_ends():
    values, periods = np.array([[0.0, 0.4, np.nan], [0.9, 1.0, 1.0]]), np.array([10.0, 100.0])
    np.testing.assert_array_equal(interpolate_severity(values, periods, 10.0), values[0])
    np.testing.assert_array_equal(interpolate_severity(values, periods, 100.0), values[1])
    np.testing.assert_array_equal(interpolate_severity(values, periods, 5000.0), values[1])
    np.testing.assert_array_equal(interpolate_severity(values, periods, 2.0), [0.0, 0.0, np.nan])
    # Dry at 10 years and wet at 100: rises from 0 at 10 years.
    np.testing.assert_allclose(interpolate_severity(values, periods, np.sqrt(1000.0)), [0.45, 0.7, np.nan])


def test_onset_starts_the_rise_below_the_first_map():
    values, periods = np.array([0.4, 1.0]), np.array([10.0, 100.0])
    half = np.sqrt(5.0 * 10.0)
    assert interpolate_severity(values, periods, half, onset=5.0) == pytest.approx(0.2)
    assert interpolate_severity(values, periods, 5.0, onset=5.0) == 0.0
    assert interpolate_severity(values, periods, 4.0, onset=5.0) == 0.0
    with pytest.raises(ConfigurationError, match="onset"):
        interpolate_severity(values, periods, 4.0, onset=10.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1.0, 1000.0), min_size=2, max_size=2), st.permutations([0, 1, 2]))
def test_interpolated_depth_never_falls_and_input_order_does_not_matter(at, order):
    values, periods = np.array([0.2, 0.5, 1.7]), np.array([5.0, 30.0, 400.0])
    order = np.array(order)
    low, high = sorted(at)
    at_low = interpolate_severity(values[order], periods[order], low)
    assert at_low == interpolate_severity(values, periods, low)
    assert at_low <= interpolate_severity(values, periods, high) + 1e-12


def test_interpolated_dataset_is_a_hazard_of_one_event(grid, depths):
    river = make_hazard(
        depths[:2], grid=grid, family="river", peril="flood", return_periods=[10, 100], nodata="dry", source=["a.tif"]
    )
    middle = interpolate_return_period(river, 50.0)
    check_hazard(middle)
    share = np.log(5) / np.log(10)
    np.testing.assert_allclose(middle.intensity[0], depths[0] + (depths[1] - depths[0]) * share, rtol=1e-6)
    assert middle.event.values.tolist() == ["rp50"]
    assert middle.attrs["truncated_probability"] == 0.0
    assert np.isnan(middle.annual_rate).all()
    assert grid_of(middle) == grid
    assert interpolate_return_period(river, 1000.0).attrs["truncated_probability"] == 1 / 100


def test_interpolated_dataset_takes_no_data_as_declared(grid):
    values = np.array([[[np.nan, 0.2, 0.1]] * 2, [[1.0, 0.4, 0.2]] * 2])
    half = float(np.sqrt(1000.0))
    for nodata, expected in (("dry", 0.5), ("unknown", np.nan)):
        river = make_hazard(values, grid=grid, family="river", peril="flood", return_periods=[10, 100], nodata=nodata)
        middle = interpolate_return_period(river, half)
        np.testing.assert_allclose(middle.intensity[0, 0], [expected, 0.3, 0.15], rtol=1e-6)


def test_interpolation_repairs_and_warns(grid, depths):
    river = make_hazard(depths[[1, 0]], grid=grid, family="river", peril="flood", return_periods=[10, 100])
    with pytest.warns(HazardWarning, match="6 cells fell with the return period"):
        middle = interpolate_return_period(river, 50.0)
    np.testing.assert_allclose(middle.intensity[0], depths[1])


def test_temperature_below_the_first_map_is_not_zero_degrees(grid):
    values = np.array([[[30.0, 31.0, 32.0]] * 2, [[35.0, 36.0, 37.0]] * 2])
    heat = make_hazard(values, grid=grid, family="heat", peril="heat", return_periods=[10, 100])
    assert np.isnan(interpolate_return_period(heat, 5.0).intensity).all()
    with pytest.raises(ConfigurationError, match="for floods only"):
        interpolate_return_period(heat, 5.0, onset=2.0)


def test_interpolation_wants_a_severity_axis(grid, depths):
    with pytest.raises(ConfigurationError, match="distinct events"):
        interpolate_return_period(make_hazard(depths, grid=grid, family="f", peril="flood"), 50.0)
    with pytest.raises(ConfigurationError, match="1 or more"):
        interpolate_severity(np.array([1.0]), np.array([10.0]), 0.5)
    with pytest.raises(DataError, match="one per event"):
        interpolate_severity(np.array([1.0, 2.0]), np.array([10.0]), 20.0)
