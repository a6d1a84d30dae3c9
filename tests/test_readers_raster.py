"""Opening stacks of raster files: the forms of a source, and what is read."""

import pickle
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
import xarray as xr

from resilience.errors import ConfigurationError, DataError
from resilience.hazard import check_hazard, read_window
from resilience.readers import open_hazard, raster
from resilience.readers.raster import RasterLayer
from tests.raster_files import NODATA, SAID, some_depths, whole, write_map, write_periods


@pytest.fixture
def depths():
    return some_depths()


@pytest.fixture
def expected(depths):
    return np.where(depths == NODATA, np.nan, depths)


@pytest.fixture
def folder(tmp_path, depths):
    return write_periods(tmp_path, depths)


def test_pattern_of_return_periods(folder, expected):
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", family="river", peril="flood", nodata="dry")
    assert river.event.values.tolist() == ["rp10", "rp100", "rp500"]
    assert river.attrs["axis"] == "severity"
    assert river.attrs["nodata"] == "dry"
    np.testing.assert_array_equal(whole(river), expected)
    check_hazard(river)


def test_underscore_is_a_decimal_point_and_padding_is_none(tmp_path, depths):
    for text, values in zip(("0001_5", "0002", "0010"), depths, strict=True):
        write_map(tmp_path / f"inuncoast_historical_nosub_hist_rp{text}.tif", values, unit=None)
    write_map(tmp_path / "inuncoast_historical_nosub_hist_rp0002_perc_05.tif", depths[0], unit=None)
    pattern = f"{tmp_path}/inuncoast_historical_nosub_hist_rp{{rp}}.tif"
    coast = open_hazard(pattern, family="coast", peril="flood", nodata="dry")
    assert coast.return_period.values.tolist() == [1.5, 2.0, 10.0]


def test_return_period_in_a_folder_name(tmp_path, depths, expected):
    for period, values in zip((100, 10, 500), depths[[1, 0, 2]] * np.where(depths == -9999, 1, 100), strict=True):
        write_map(tmp_path / f"1in{period}-FLUVIAL-DEFENDED-DEPTH-2020-v3.1" / "n49w124.tif", values, unit=None)
    pattern = f"{tmp_path}/1in{{rp}}-FLUVIAL-DEFENDED-DEPTH-2020-v3.1/n49w124.tif"
    river = open_hazard(pattern, family="river", peril="flood", nodata="dry")
    np.testing.assert_allclose(whole(river), expected, rtol=1e-6)


def test_pattern_of_events(tmp_path, depths, expected):
    for name, values in zip(("ada", "bea"), depths[:2], strict=True):
        write_map(tmp_path / f"storm_{name}_depth.tif", values)
    pattern = f"{tmp_path}/storm_{{event}}_depth.tif"
    storms = open_hazard(pattern, annual_rates={"bea": 0.01, "ada": 0.1}, **SAID)
    assert storms.event.values.tolist() == ["ada", "bea"]
    assert storms.annual_rate.values.tolist() == [0.1, 0.01]
    np.testing.assert_array_equal(whole(storms), expected[:2])


def test_list_in_any_order(folder, expected):
    paths = [folder / f"depth_rp{text}.tif" for text in ("00500", "00010", "00100")]
    river = open_hazard(paths, return_periods=[500, 10, 100], **SAID)
    np.testing.assert_array_equal(whole(river), expected)
    assert [path.rsplit("/")[-1] for path in river.attrs["source"]] == [
        "depth_rp00010.tif",
        "depth_rp00100.tif",
        "depth_rp00500.tif",
    ]


def test_list_without_rates_is_conditional(folder):
    storms = open_hazard([folder / "depth_rp00500.tif", folder / "depth_rp00010.tif"], **SAID)
    assert storms.event.values.tolist() == ["depth_rp00500", "depth_rp00010"]
    assert storms.attrs["axis"] == "events"
    assert np.isnan(storms.annual_rate).all()


def test_mappings_of_numbers_and_of_names(folder, expected):
    first, last = str(folder / "depth_rp00010.tif"), str(folder / "depth_rp00500.tif")
    river = open_hazard({500: last, 10: first}, **SAID)
    assert river.return_period.values.tolist() == [10, 500]
    np.testing.assert_array_equal(whole(river), expected[[0, 2]])
    storms = open_hazard({"b": last, "a": first}, duration_hours={"a": 3, "b": 5}, **SAID)
    assert storms.event.values.tolist() == ["b", "a"]
    assert storms.duration_hours.values.tolist() == [5, 3]


def test_return_period_tag_of_the_file(tmp_path, depths):
    paths = [write_map(tmp_path / f"{k}.tif", depths[k], tags={"return_period": t}) for k, t in ((1, "100"), (0, "20"))]
    assert open_hazard(paths, **SAID).return_period.values.tolist() == [20, 100]


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_bands_of_one_file(tmp_path, depths, expected, interleave):
    path = write_map(tmp_path / "stack.tif", depths, interleave=interleave)
    river = open_hazard(path, return_periods=[10, 100, 500], **SAID)
    np.testing.assert_array_equal(whole(river), expected)
    river = open_hazard(path, bands=[3, 1], return_periods=[500, 10], **SAID)
    np.testing.assert_array_equal(whole(river), expected[[0, 2]])
    assert open_hazard(path, bands=2, **SAID).sizes["event"] == 1
    with pytest.raises(ConfigurationError, match=r"3 bands; wanted: what they are"):
        open_hazard(path, **SAID)
    with pytest.raises(DataError, match="bands that are not there"):
        open_hazard(path, bands=[4], **SAID)


def test_what_is_told_of_all_bands_is_asked_once_whatever_a_broken_file_claims(tmp_path, depths):
    path = write_map(tmp_path / "stack.tif", np.repeat(depths, 10, axis=0))
    asked = Counter()
    told = ("mask_flag_enums", "nodatavals", "dtypes", "units", "scales", "offsets", "descriptions", "block_shapes")

    class Asked:
        def __init__(self, dataset):
            self.dataset = dataset

        def __getattr__(self, name):
            asked[name] += 1
            return getattr(self.dataset, name)

    with rasterio.open(path) as dataset:
        layers = list(raster._layers(Asked(dataset), str(path), range(1, 31), "1"))
    assert [layer.band for layer in layers] == list(range(1, 31))
    assert {name: asked[name] for name in told} == dict.fromkeys(told, 1)


def test_opening_reads_no_cells_and_a_window_reads_a_window(folder, expected, monkeypatch):
    cells = []
    read = RasterLayer.read

    def counted(self, rows, columns, out):
        cells.append(out.size)
        read(self, rows, columns, out)

    monkeypatch.setattr(RasterLayer, "read", counted)
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)
    assert river.sizes == {"event": 3, "y": 40, "x": 60}
    assert cells == []
    window = read_window(river, slice(4, 9), slice(5, 25))
    np.testing.assert_array_equal(window, expected[:, 4:9, 5:25])
    assert sum(cells) == 3 * 5 * 20
    np.testing.assert_array_equal(river.intensity.isel(event=1, y=30, x=slice(8, 4, -1)), expected[1, 30, 8:4:-1])
    assert sum(cells) == 3 * 5 * 20 + 4


@pytest.mark.parametrize(
    "key",
    [
        (0, slice(None), slice(None)),
        ([2, 0], slice(3, 30, 4), slice(None, None, -2)),
        (slice(1, 3), [5, 1, 39], [59, 0]),
        (slice(None), -1, slice(-5, None)),
        (slice(0, 0), slice(None), slice(None)),
        (slice(None), [], slice(None)),
        (slice(None), slice(7, 3), slice(None)),
    ],
)
def test_indexing_is_that_of_an_array(folder, expected, key):
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)
    indexers = dict(zip(("event", "y", "x"), key, strict=True))
    whole_map = river.intensity.copy(data=expected)
    np.testing.assert_array_equal(river.intensity.isel(indexers).values, whole_map.isel(indexers).values)


def test_selection_by_points_and_twice(folder, expected):
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)
    rows, columns = xr.DataArray([0, 39, 20], dims="asset"), xr.DataArray([59, 0, 30], dims="asset")
    np.testing.assert_array_equal(river.intensity.isel(y=rows, x=columns), expected[:, [0, 39, 20], [59, 0, 30]])
    part = river.isel(event=[0, 2]).isel(y=slice(10, 20))
    np.testing.assert_array_equal(part.intensity[1, 2:4], expected[2, 12:14])


def test_large_window_is_read_in_parts(folder, expected, monkeypatch):
    monkeypatch.setattr(RasterLayer, "row_step", lambda self, n_columns: 16)
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)
    np.testing.assert_array_equal(read_window(river, slice(3, 39), slice(2, 50)), expected[:, 3:39, 2:50])


def test_dataset_can_be_sent_to_another_process_and_read_by_threads(folder, expected):
    river = open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)
    sent = pickle.loads(pickle.dumps(river))
    np.testing.assert_array_equal(whole(sent), expected)
    barrier = threading.Barrier(4)

    def read(k):
        barrier.wait()
        return [read_window(river, slice(i, i + 8), slice(k, k + 20)) for i in range(0, 32, 4)]

    with ThreadPoolExecutor(4) as pool:
        for k, windows in enumerate(pool.map(read, range(4))):
            for i, window in zip(range(0, 32, 4), windows, strict=True):
                np.testing.assert_array_equal(window, expected[:, i : i + 8, k : k + 20])


def test_file_replaced_after_opening_is_not_read_from_a_stale_handle(tmp_path, depths, expected):
    path = write_map(tmp_path / "a.tif", depths[0])
    river = open_hazard(path, **SAID)
    np.testing.assert_array_equal(whole(river)[0], expected[0])
    write_map(tmp_path / "new.tif", depths[1], compress="deflate")
    shutil.move(tmp_path / "new.tif", path)
    np.testing.assert_array_equal(whole(river)[0], expected[1])


def test_relative_paths_survive_a_change_of_folder(folder, expected, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(folder)
    river = open_hazard("depth_rp{rp}.tif", **SAID)
    assert river.attrs["source"][0] == "depth_rp00010.tif"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    np.testing.assert_array_equal(whole(river), expected)


def test_many_files_close_behind(tmp_path, depths, monkeypatch):
    monkeypatch.setattr("resilience.readers.raster.OPEN_FILES_PER_THREAD", 2)
    paths = [write_map(tmp_path / f"{k}.tif", np.minimum(depths[0] + k, 29)) for k in range(5)]
    storms = open_hazard(paths, plausible=(-9999, 30), nodata_value=None, **SAID)
    np.testing.assert_array_equal(whole(storms), whole(storms))


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint16", "float64", "float32"])
def test_stored_types_and_nodata(tmp_path, dtype):
    nodata = {"int32": -2147483648, "float64": -1.7976931348623157e308, "uint16": 65535}.get(dtype, -9999)
    values = np.array([[0, 150], [nodata, 299]], dtype=dtype)
    path = write_map(tmp_path / "cm.tif", values, nodata=nodata, unit="cm")
    rain = open_hazard(path, family="rain", peril="flood", nodata="unknown")
    np.testing.assert_allclose(whole(rain)[0], [[0, 1.5], [np.nan, 2.99]], rtol=1e-6)


def test_scale_and_offset_of_the_band(tmp_path):
    path = write_map(tmp_path / "lst.tif", np.array([[12000, 0]], dtype="uint16"), nodata=0, unit="K")
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.02,), (70.0,)
    heat = open_hazard(path, family="heat", peril="heat", nodata="unknown")
    np.testing.assert_allclose(whole(heat)[0], [[12000 * 0.02 + 70 - 273.15, np.nan]], rtol=1e-6)


def test_mask_band_is_no_data(tmp_path):
    values = np.array([[0.5, 1.0], [1.5, 2.0]], dtype=np.float32)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = write_map(tmp_path / "masked.tif", values, nodata=None)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(np.array([[True, False], [True, True]]))
    with pytest.raises(ConfigurationError, match="without data"):
        open_hazard(path, family="rain", peril="flood")
    rain = open_hazard(path, family="rain", peril="flood", nodata="unknown")
    np.testing.assert_array_equal(whole(rain)[0], [[0.5, np.nan], [1.5, 2.0]])


def test_nodata_value_for_a_file_without_one(tmp_path, depths, expected):
    path = write_map(tmp_path / "a.tif", depths[0], nodata=None)
    rain = open_hazard(path, family="rain", peril="flood")
    with pytest.raises(DataError) as caught:
        whole(rain)
    assert "a.tif: 35 of 2400 cells" in str(caught.value).replace(",", "")
    assert "first: row 0, column 0: -9999 m" in str(caught.value)
    assert "`nodata_value: -9999`" in str(caught.value)
    # A window beside the bad cells is good.
    np.testing.assert_array_equal(read_window(rain, slice(6, 40), slice(0, 60))[0], expected[0, 6:])
    rain = open_hazard(path, nodata_value=-9999, **SAID)
    np.testing.assert_array_equal(whole(rain)[0], expected[0])
    with pytest.raises(ConfigurationError, match="what a cell without data means"):
        open_hazard(path, family="rain", peril="flood", nodata_value=-9999)


def test_place_of_a_bad_value_is_that_in_the_file(tmp_path, depths):
    depths[0, 33, 44] = 31.0
    rain = open_hazard(write_map(tmp_path / "a.tif", depths[0]), **SAID)
    with pytest.raises(DataError, match="row 33, column 44: 31 m"):
        read_window(rain, slice(30, 40), slice(40, 60))
    assert whole(open_hazard(tmp_path / "a.tif", plausible=(0, 40), **SAID))[0, 33, 44] == 31.0
