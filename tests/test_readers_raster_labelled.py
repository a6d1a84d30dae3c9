"""Opening NetCDF files, Zarr stores and labelled arrays in memory."""

import pickle
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr
from pyproj import CRS

from resilience.errors import ConfigurationError, DataError, MissingInputError
from resilience.hazard import HazardWarning, check_hazard, grid_of, read_window
from resilience.readers import open_hazard

SAID = {"family": "river", "peril": "flood", "nodata": "dry"}


@pytest.fixture
def depths():
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.uniform(0, 2, (2, 8, 10)), axis=0).astype(np.float32)
    values[:, 0, :3] = np.nan
    return values


@pytest.fixture
def dataset(depths):
    return xr.Dataset(
        {"depth": (("return_period", "y", "x"), depths, {"units": "m", "grid_mapping": "spatial_ref"})},
        coords={
            "return_period": [10.0, 100.0],
            "y": 2000 - 10 * (np.arange(8) + 0.5),
            "x": 1000 + 10 * (np.arange(10) + 0.5),
            "spatial_ref": ((), 0, CRS.from_epsg(5187).to_cf()),
        },
    )


@pytest.fixture(params=["netcdf", "zarr2", "zarr3", "memory", "classic"])
def source(request, dataset, tmp_path):
    encoding = {"depth": {"_FillValue": -9999.0}}
    if request.param == "memory":
        return dataset
    if request.param.startswith("zarr"):
        path = tmp_path / "depth.zarr"
        dataset.to_zarr(path, zarr_format=int(request.param[-1]), encoding=encoding, consolidated=False)
        return path
    path = tmp_path / "depth.nc"
    if request.param == "netcdf":
        dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    else:
        dataset.to_netcdf(path, engine="scipy", encoding=encoding)
    return str(path)


def whole(hazard):
    return read_window(hazard, slice(None), slice(None))


def test_every_form_gives_the_same_hazard(source, depths):
    river = open_hazard(source, **SAID)
    np.testing.assert_array_equal(whole(river), depths)
    assert river.return_period.values.tolist() == [10, 100]
    assert river.event.values.tolist() == ["rp10", "rp100"]
    grid = grid_of(river)
    assert grid.crs.to_epsg() == 5187
    assert grid.bounds == (1000, 1920, 1100, 2000)
    np.testing.assert_array_equal(read_window(river, slice(2, 4), slice(9, 10)), depths[:, 2:4, 9:])
    np.testing.assert_array_equal(river.intensity.isel(event=[1], y=[0, 5], x=-1), depths[1:, [0, 5], -1])
    np.testing.assert_array_equal(whole(pickle.loads(pickle.dumps(river))), depths)
    check_hazard(river)


def test_what_is_missing_is_asked_for(source):
    with pytest.raises(ConfigurationError, match="`nodata: dry`"):
        open_hazard(source, family="river", peril="flood")


def test_packed_integers_and_units(tmp_path, dataset, depths):
    path = tmp_path / "packed.nc"
    encoding = {"depth": {"dtype": "int16", "scale_factor": 0.01, "add_offset": 1.0, "_FillValue": -9999}}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    np.testing.assert_allclose(whole(open_hazard(path, **SAID)), depths, atol=0.006)
    np.testing.assert_allclose(whole(open_hazard(path, unit="m", **SAID)), depths, atol=0.006)


def test_saved_hazard_opens_as_it_was(tmp_path, source):
    river = open_hazard(source, **SAID)
    river.load().to_netcdf(tmp_path / "river.nc", engine="h5netcdf")
    again = open_hazard(tmp_path / "river.nc", **SAID)
    np.testing.assert_array_equal(whole(again), whole(river))
    assert again.return_period.values.tolist() == [10, 100]
    rain = river.assign_coords(return_period=("event", [np.nan] * 2), annual_rate=("event", [0.3, 0.1]))
    rates = open_hazard(rain, **SAID).annual_rate
    assert rates.values.tolist() == [0.3, 0.1]


def test_other_names_and_south_up_rows(dataset, depths):
    turned = dataset.isel(y=slice(None, None, -1)).rename({"y": "lat", "x": "lon"}).transpose("lon", "lat", ...)
    river = open_hazard(turned["depth"], **SAID)
    np.testing.assert_array_equal(whole(river), depths[:, ::-1])
    assert grid_of(river).transform.e == 10


def test_one_map_and_a_choice_of_variable(dataset, depths):
    one = dataset.isel(return_period=1, drop=True)
    rain = open_hazard(one, **SAID)
    np.testing.assert_array_equal(whole(rain)[0], depths[1])
    assert rain.attrs["axis"] == "events"
    two = dataset.assign(speed=dataset["depth"] * 2)
    with pytest.raises(DataError, match=r"2 variables on a grid \(first: depth, speed\)"):
        open_hazard(two, **SAID)
    with pytest.raises(DataError, match="did you mean 'depth'"):
        open_hazard(two, variable="dept", **SAID)
    np.testing.assert_array_equal(whole(open_hazard(two, variable="depth", **SAID)), depths)


def test_list_of_files(tmp_path, dataset, depths):
    paths = {}
    for k, period in ((1, 100), (0, 10)):
        paths[period] = tmp_path / f"{period}.nc"
        dataset.isel(return_period=k, drop=True).to_netcdf(paths[period], engine="h5netcdf")
    np.testing.assert_array_equal(whole(open_hazard(paths, **SAID)), depths)


def test_float32_degrees_are_even_and_uneven_ones_are_not(dataset):
    step = 1 / 3600
    lonlat = dataset.drop_vars("spatial_ref").assign_coords(
        x=(127 + step * np.arange(10)).astype(np.float32), y=(35 - step * np.arange(8)).astype(np.float32)
    )
    with pytest.raises(ConfigurationError, match="`crs: EPSG:<code>`"):
        open_hazard(lonlat, **SAID)
    river = open_hazard(lonlat, crs="EPSG:4326", **SAID)
    assert grid_of(river).transform.a == pytest.approx(step, rel=0.01)
    check_hazard(river)
    uneven = lonlat.assign_coords(x=np.geomspace(1, 2, 10))
    with pytest.raises(DataError, match="coordinate x: uneven steps"):
        open_hazard(uneven, crs="EPSG:4326", **SAID)
    with pytest.raises(DataError, match="coordinate x: absent or one"):
        open_hazard(lonlat.drop_vars("x"), crs="EPSG:4326", **SAID)


def test_dims_that_are_not_those_of_a_map(dataset):
    with pytest.raises(DataError, match=r"dims \(return_period, a, b\)"):
        open_hazard(dataset["depth"].rename({"y": "a", "x": "b"}), **SAID)
    members = dataset["depth"].expand_dims(member=2)
    with pytest.raises(DataError, match=r"dims member \(2\), return_period \(2\); wanted: one dimension beside time"):
        open_hazard(members, **SAID)
    with pytest.raises(DataError, match="type bool"):
        open_hazard(dataset["depth"] > 1, **SAID)


def test_files_that_are_not_what_they_are_called(tmp_path):
    path = tmp_path / "a.nc"
    with pytest.raises(MissingInputError, match="no such file"):
        open_hazard(path, **SAID)
    path.write_text("text")
    with pytest.raises(MissingInputError, match=r"a.nc: cannot be opened"):
        open_hazard(path, **SAID)
    store = tmp_path / "a.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{")
    with pytest.raises(MissingInputError, match=r"a.zarr: cannot be opened"):
        open_hazard(store, **SAID)


def test_incredible_values_are_refused_where_they_are_read(source, dataset, tmp_path):
    bad = dataset.copy(deep=True)
    bad["depth"][1, 3, 4] = 99.0
    bad.to_netcdf(tmp_path / "bad.nc", engine="h5netcdf")
    river = open_hazard(tmp_path / "bad.nc", **SAID)
    with pytest.raises(DataError, match=r"bad.nc event 100.0: 1 of 80 cells .*row 3, column 4: 99 m"):
        whole(river)
    assert read_window(river, slice(4, 8), slice(0, 10)).shape == (2, 4, 10)


def test_identical_events_are_warned_of(dataset, tmp_path):
    same = dataset.copy(deep=True)
    same["depth"][1] = same["depth"][0]
    same.to_netcdf(tmp_path / "same.nc", engine="h5netcdf")
    with pytest.warns(HazardWarning, match="'rp10' and 'rp100' have the same map"):
        open_hazard(tmp_path / "same.nc", **SAID)


def test_events_of_one_chunk_are_decoded_together(tmp_path, dataset, monkeypatch):
    dataset.to_zarr(tmp_path / "depth.zarr", encoding={"depth": {"chunks": (2, 4, 5)}}, consolidated=False)
    river = open_hazard(tmp_path / "depth.zarr", **SAID)
    reads = []
    monkeypatch.setattr("resilience.readers.labelled.LabelledLayer.read", lambda *arguments: reads.append(arguments))
    assert whole(river).shape == (2, 8, 10)
    assert reads == []


def write_os_climate(path, depths, **attributes):
    array = zarr.create_array(
        str(path), shape=depths.shape, chunks=(2, 4, 4), dtype="f4", fill_value=np.nan, zarr_format=2
    )
    array[:] = depths
    array.attrs.update(
        {
            "crs": "EPSG:5187",
            "transform_mat3x3": [10.0, 0.0, 1000.0, 0.0, -10.0, 2000.0, 0.0, 0.0, 1.0],
            "units": "metres",
            **attributes,
        }
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"index_values": [10, 100]},
        {
            "dimensions": ["return_period", "y", "x"],
            "return_period_values": [10.0, 100.0],
            "return_period_units": "years",
        },
    ],
)
def test_layout_of_os_climate(tmp_path, depths, attributes):
    root = tmp_path / "hazard.zarr"
    zarr.open_group(str(root), mode="w", zarr_format=2)
    inner = "inundation/wri/v2/inunriver_rcp8p5"
    write_os_climate(root / inner, depths, **attributes)
    river = open_hazard(root / inner, **SAID)
    np.testing.assert_array_equal(whole(river), depths)
    assert river.return_period.values.tolist() == [10, 100]
    assert grid_of(river).bounds == (1000, 1920, 1100, 2000)
    np.testing.assert_array_equal(whole(pickle.loads(pickle.dumps(river))), depths)
    np.testing.assert_array_equal(whole(open_hazard(root, variable=inner, **SAID)), depths)


def test_group_of_one_array_in_the_layout_of_os_climate(tmp_path, depths):
    root = tmp_path / "hazard.zarr"
    zarr.open_group(str(root), mode="w", zarr_format=2)
    write_os_climate(root / "depth", depths, index_values=["low", "high"])
    storms = open_hazard(root, **SAID)
    assert storms.event.values.tolist() == ["low", "high"]
    assert storms.attrs["axis"] == "events"
    with pytest.raises(DataError, match=r"no array 'deep' .did you mean 'depth'"):
        open_hazard(root, variable="deep", **SAID)


def test_group_within_a_group(tmp_path, dataset, depths):
    dataset.to_zarr(tmp_path / "all.zarr", group="river/v2", consolidated=False)
    np.testing.assert_array_equal(whole(open_hazard(tmp_path / "all.zarr", variable="river/v2", **SAID)), depths)
    np.testing.assert_array_equal(whole(open_hazard(tmp_path / "all.zarr" / "river" / "v2", **SAID)), depths)


def test_crs_from_the_parameters_of_the_grid_mapping(dataset):
    parameters = {key: value for key, value in CRS.from_epsg(5187).to_cf().items() if key != "crs_wkt"}
    plain = dataset.assign_coords(spatial_ref=((), 0, parameters))
    crs = grid_of(open_hazard(plain, **SAID)).crs
    assert "Transverse Mercator" in crs.coordinate_operation.method_name
    with pytest.raises(ConfigurationError, match="`crs: EPSG:<code>`"):
        open_hazard(dataset.assign_coords(spatial_ref=((), 0, {"crs_wkt": "nowhere"})), **SAID)
    same = open_hazard(plain, crs=5187, **SAID)
    assert grid_of(same).crs.to_epsg() == 5187


def test_damaged_file_is_told_when_it_is_read(tmp_path, dataset):
    path = tmp_path / "a.nc"
    rng = np.random.default_rng(1)
    noise = dataset.isel(x=[0] * 10).assign_coords(x=dataset.x)
    noise["depth"] = noise["depth"].copy(data=rng.uniform(0, 1, noise["depth"].shape))
    noise.to_netcdf(path, engine="h5netcdf", encoding={"depth": {"zlib": True, "_FillValue": -9999.0}})
    content = path.read_bytes()
    river = open_hazard(path, **SAID)
    position = content.index(b"\x78\x5e") if b"\x78\x5e" in content else len(content) // 2
    with path.open("r+b") as stream:
        stream.seek(position + 20)
        stream.write(b"\0" * 200)
    with pytest.raises(DataError, match=r"a.nc event 10.0: cannot be read"):
        whole(river)


def test_bare_array_without_a_place_is_refused(tmp_path, depths):
    array = zarr.create_array(str(tmp_path / "bare.zarr"), shape=depths.shape, dtype="f4")
    array[:] = depths
    with pytest.raises(DataError, match="transform_mat3x3"):
        open_hazard(tmp_path / "bare.zarr", crs=5187, unit="m", **SAID)
    turned = [10.0, 1.0, 0.0, 0.0, -10.0, 0.0, 0.0, 0.0, 1.0]
    write_os_climate(tmp_path / "turned.zarr", depths, index_values=[10, 100], transform_mat3x3=turned)
    with pytest.raises(DataError, match="axis-aligned"):
        open_hazard(tmp_path / "turned.zarr", **SAID)


def test_arrays_in_memory_say_whether_they_have_gaps(depths):
    full = xr.DataArray(np.ones((2, 3)), dims=("y", "x"), coords={"y": [1.0, 0.0], "x": [0.0, 1.0, 2.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rain = open_hazard(full, family="rain", peril="flood", unit="m", crs=5187)
    assert rain.attrs["nodata"] == "error"
    with pytest.raises(ConfigurationError, match="`nodata: dry`"):
        open_hazard(full.where(full.x > 0), family="rain", peril="flood", unit="m", crs=5187)
