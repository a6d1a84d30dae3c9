"""What heat functions accept, keep and refuse: numbers, arrays, labelled arrays in memory, on disk and in chunks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from resilience import heat
from resilience.errors import DataError

# Function and one credible value per argument.
FUNCTIONS = {
    heat.wet_bulb: (30.0, 60.0),
    heat.vapour_pressure: (30.0, 60.0),
    heat.relative_humidity: (30.0, 20.0),
    heat.apparent_temperature: (30.0, 60.0),
    heat.steadman_temperature: (30.0, 60.0, 2.0),
    heat.humidex: (30.0, 60.0),
    heat.heat_index: (33.0, 60.0),
    heat.rothfusz_regression: (33.0, 60.0),
    heat.simplified_wbgt: (30.0, 60.0),
    heat.shade_wbgt: (30.0, 60.0),
    heat.sun_wbgt: (30.0, 60.0),
    heat.globe_temperature: (30.0, 50.0, 2.0),
    heat.wbgt: (30.0, 60.0, 50.0, 2.0),
    heat.top_oil: (35.0, 0.9),
    heat.hot_spot: (35.0, 0.9),
    heat.allowed_load: (35.0,),
    heat.approximate_allowed_load: (35.0,),
    heat.trips: (150.0, 100.0),
    heat.ageing_rate: (115.0,),
    heat.paper_ageing_rate: (105.0,),
    heat.failure_rate: (2.0,),
    heat.convective_cooling: (35.0, 90.0, 1.0, 45.0, 100.0),
    heat.radiative_cooling: (35.0, 90.0),
    heat.line_rating: (35.0, 1.0, 45.0, 100.0, 15.0),
    heat.approximate_line_rating: (35.0,),
    heat.demand: (30.0, 80.0),
    heat.rail_temperature: (35.0,),
    heat.rail_speed: (58.0,),
    heat.pavement_closure: (1000.0, 2.0),
    heat.cooling_capacity: (40.0,),
    heat.inlet_temperature: (40.0, 1e6, 1.2e6, 80.0),
    heat.time_to_shutdown: (1e6, 5e5),
    heat.servers_shut_down: (33.0,),
    heat.relative_risk: (34.0, 0.3),
    heat.attributable_fraction: (1.2,),
    heat.attributable_deaths: (34.0, 100.0, 0.3),
    heat.heat_patients: (35.0, 1e6),
    heat.offered_load: (40.0,),
    heat.work_capacity: (30.0,),
}
WEATHER = [one for one, values in FUNCTIONS.items() if one not in (
    heat.time_to_shutdown, heat.offered_load, heat.pavement_closure)]  # fmt: skip

ids = {"ids": lambda function: function.__name__}


def fields(function, shape=(2, 3)):
    """Arrays around the credible values, every element another one."""
    steps = np.linspace(0.97, 1.0, math.prod(shape)).reshape(shape)
    return [value * steps for value in FUNCTIONS[function]]


def labelled(arrays, dims=("event", "asset")):
    coords = {"event": ["e0", "e1"], "asset": ["a", "b", "c"], "height": ("asset", [1.0, 2.0, 3.0])}
    return [xr.DataArray(array, dims=dims, coords=coords) for array in arrays]


@pytest.mark.parametrize("function", FUNCTIONS, **ids)
def test_arrays_equal_one_number_at_a_time(function):
    arrays = fields(function)
    got = function(*arrays)
    one_by_one = [float(function(*numbers)) for numbers in zip(*(array.flat for array in arrays), strict=True)]
    np.testing.assert_allclose(got.ravel(), one_by_one, rtol=1e-14, atol=0)
    assert np.ndim(function(*FUNCTIONS[function])) == 0


@pytest.mark.parametrize("function", FUNCTIONS, **ids)
def test_labels_change_nothing_and_are_kept(function):
    arrays = fields(function)
    before = [array.copy() for array in arrays]
    got = function(*labelled(arrays))
    assert got.dims == ("event", "asset")
    assert set(got.coords) == {"event", "asset", "height"}
    assert got.attrs["units"]
    assert got.attrs["long_name"]
    np.testing.assert_array_equal(got.values, function(*arrays))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("function", FUNCTIONS, **ids)
def test_chunks_stay_chunks_until_they_are_computed(function):
    arrays = labelled(fields(function))
    got = function(*(array.chunk(asset=2) for array in arrays))
    assert got.chunks is not None
    np.testing.assert_allclose(got.values, function(*arrays).values, rtol=1e-14, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS, **ids)
def test_single_precision_stays_single(function):
    values = [np.array([value], np.float32) for value in FUNCTIONS[function]]
    got = function(*values)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, function(*FUNCTIONS[function]), rtol=2e-4)
    _, *rest = FUNCTIONS[function]
    assert function(values[0], *rest).dtype == np.float32


@pytest.mark.parametrize("function", WEATHER, **ids)
def test_an_unknown_temperature_gives_nothing(function):
    arrays = fields(function)
    arrays[0][1, 2] = math.nan
    got = function(*arrays) if function is not heat.trips else function(arrays[0] - 20.0, arrays[1])
    assert np.isnan(got[1, 2])
    assert np.isfinite(np.delete(got.ravel(), 5)).all()


def test_a_stack_on_disk_is_read_in_parts(tmp_path):
    hours = xr.DataArray(
        np.random.default_rng(0).uniform(20, 40, (6, 4, 5)).astype(np.float32),
        dims=("time", "y", "x"),
        attrs={"units": "degC"},
    )
    hours.to_dataset(name="t").to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "t.nc", engine="h5netcdf", cache=False) as opened:
        part = heat.heat_index(opened["t"].isel(time=slice(2, 4)), 60.0)
        assert not opened["t"].variable._in_memory
        np.testing.assert_array_equal(part, heat.heat_index(hours, 60.0).isel(time=slice(2, 4)))


def test_dimensions_are_matched_by_name():
    t = xr.DataArray([[30.0, 32.0]], dims=("event", "asset"))
    rh = xr.DataArray([50.0, 70.0], dims="asset")
    got = heat.apparent_temperature(t, rh)
    np.testing.assert_array_equal(got.values[0], heat.apparent_temperature(t.values[0], rh.values))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((300.0, 50.0), "temperature: is not credible (first: 300 degC); wanted: air temperature, -60 to 60 degC; "
                        "kelvin read as degC? (subtract 273.15)"),
        ((30.0, 101.0), "humidity: is not credible (first: 101 %); wanted: relative humidity, 0 to 100 %"),
        ((30.0, -1.0), "humidity: is not credible (first: -1 %); wanted: relative humidity, 0 to 100 %"),
        (([30.0, 31.0], [0.4, 0.6]), "humidity: 2 of 2 values are not credible (first: position 0: 0.4 %, position 1: "
                                     "0.6 %); wanted: relative humidity, 0 to 100 %; a fraction read as percent? "
                                     "(multiply by 100)"),
        ((math.inf, 50.0), "temperature: is not credible (first: inf degC); wanted: air temperature, -60 to 60 degC"),
        (("warm", 50.0), "temperature: str of no numbers; wanted: air temperature in degC: numbers"),
        (([[30.0], [31.0, 32.0]], 50.0), "temperature: list of no numbers; wanted: air temperature in degC: numbers"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_meant_are_refused(arguments, message):
    with pytest.raises(DataError) as told:
        heat.apparent_temperature(*arguments)
    assert str(told.value) == message


def test_all_problems_are_told_at_once_with_their_places():
    t, rh = labelled([np.full((2, 3), 303.15), np.full((2, 3), 120.0)])
    with pytest.raises(DataError) as told:
        heat.wet_bulb(t, rh)
    first, second = str(told.value).splitlines()
    assert first.startswith("temperature: 6 of 6 values are not credible (first: event e0, asset a: 303.15 degC, event")
    assert "event e0, asset c: 303.15 degC, ...)" in first
    assert second.startswith("humidity: 6 of 6 values")


def test_a_unit_that_is_told_is_believed():
    t = xr.DataArray([30.0], dims="asset", attrs={"units": "K"})
    with pytest.raises(DataError, match="temperature: unit 'K'; wanted: air temperature in degC: convert it"):
        heat.wet_bulb(t, 50.0)
    rh = xr.DataArray([0.5], dims="asset", attrs={"units": "1"})
    with pytest.raises(DataError, match="humidity: unit '1'; wanted: relative humidity in %"):
        heat.wet_bulb(30.0, rh)
    fine = xr.DataArray([30.0], dims="asset", attrs={"unit": "celsius"})
    assert heat.wet_bulb(fine, 50.0).attrs["units"] == "degC"


def test_chunks_are_checked_when_they_are_computed():
    t = xr.DataArray(np.full((2, 3), 300.0), dims=("y", "x")).chunk(y=1)
    got = heat.wet_bulb(t, 50.0)
    with pytest.raises(DataError, match="kelvin read as degC"):
        got.compute()


def test_labels_must_agree_and_plain_arrays_must_not_mix_with_them():
    a = xr.DataArray([30.0, 31.0], dims="asset", coords={"asset": ["a", "b"]})
    b = xr.DataArray([50.0, 60.0], dims="asset", coords={"asset": ["b", "c"]})
    with pytest.raises(DataError, match=r"temperature, humidity: .*; wanted: the same labels"):
        heat.wet_bulb(a, b)
    with pytest.raises(DataError, match=r"humidity: an array of shape \(2,\); wanted: a number or a labelled array"):
        heat.wet_bulb(a, np.array([50.0, 60.0]))


def test_a_model_may_not_leave_a_load_unknown():
    with pytest.raises(
        DataError, match=r"load: 1 of 2 values are NaN \(first: position 1: nan 1\).*no value may be missing"
    ):
        heat.hot_spot([30.0, 30.0], [1.0, math.nan])
    with pytest.raises(DataError, match="without_cooling: is NaN"):
        heat.relative_risk(34.0, math.nan)
    with pytest.raises(DataError, match="load: is not credible"):
        heat.hot_spot(30.0, 80.0)


def test_nothing_gives_nothing():
    assert heat.wet_bulb(np.empty((0, 3)), 50.0).shape == (0, 3)
    assert heat.alert_days(np.empty((2, 0))).shape == (2, 0)
    assert np.isnan(heat.wet_bulb(np.full(3, math.nan), 50.0)).all()
