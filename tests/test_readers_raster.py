"""Opening stacks of raster files: what is read, what must be said, what is refused."""

import pickle
import shutil
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from resilience.errors import ConfigurationError, DataError, MissingInputError, ResilienceError
from resilience.hazard import HazardWarning, check_hazard, grid_of, read_window
from resilience.readers import open_hazard
from resilience.readers.raster import RasterLayer

SAID = {"family": "river", "peril": "flood", "unit": "m", "nodata": "dry"}


def write_map(path, values, *, crs="EPSG:5187", nodata=-9999.0, unit="m", tags=None, corner=(1000, 2000), **profile):
    values = np.asarray(values)
    values = values if values.ndim == 3 else values[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[1],
        width=values.shape[2],
        count=values.shape[0],
        dtype=values.dtype,
        nodata=nodata,
        crs=crs,
        transform=Affine(10, 0, corner[0], 0, -10, corner[1]),
        **profile,
    ) as dataset:
        dataset.write(values)
        if unit:
            dataset.units = [unit] * values.shape[0]
        if tags:
            dataset.update_tags(**tags)
    return str(path)


@pytest.fixture
def depths():
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.uniform(0, 2, (3, 40, 60)), axis=0).astype(np.float32)
    values[:, :5, :7] = -9999.0
    return values


@pytest.fixture
def expected(depths):
    return np.where(depths == -9999.0, np.nan, depths)


@pytest.fixture
def folder(tmp_path, depths):
    for period, values in zip(("00010", "00100", "00500"), depths, strict=True):
        write_map(tmp_path / f"depth_rp{period}.tif", values, tiled=True, blockxsize=16, blockysize=16)
    return tmp_path


def whole(hazard):
    return read_window(hazard, slice(None), slice(None))


# The forms of a source


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


# Windows, laziness, threads, processes


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


# What a cell holds


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


# What must be said


def test_everything_missing_is_asked_for_in_one_message(tmp_path, depths):
    path = tmp_path / "raw.asc"
    rows = "\n".join(" ".join(f"{value:g}" for value in row) for row in depths[0])
    path.write_text(f"ncols 60\nnrows 40\nxllcorner 1000\nyllcorner 1600\ncellsize 10\nNODATA_value -9999\n{rows}\n")
    with pytest.raises(ConfigurationError) as caught:
        open_hazard(path, family="rain", peril="flood")
    assert caught.value.exit_code == 78
    subjects = [problem.subject for problem in caught.value.problems]
    assert subjects == ["crs of family 'rain'", "unit of family 'rain'", "nodata of family 'rain'"]
    for fix in ("`crs: EPSG:5187`", "`unit: m`", "`nodata: dry`", "raw.asc"):
        assert fix in str(caught.value)
    rain = open_hazard(path, crs="EPSG:5187", **SAID)
    assert grid_of(rain).bounds == (1000, 1600, 1600, 2000)
    np.testing.assert_allclose(whole(rain)[0], np.where(depths[0] < 0, np.nan, depths[0]), rtol=1e-5)


def test_crs_of_configuration_and_file(tmp_path, depths):
    path = write_map(tmp_path / "a.tif", depths[0])
    same = open_hazard(path, crs=5187, **SAID)
    assert grid_of(same).crs.to_epsg() == 5187
    with pytest.raises(ConfigurationError) as caught:
        open_hazard(path, crs="EPSG:5186", **SAID)
    assert "EPSG:5187" in str(caught.value)
    assert "EPSG:5186" in str(caught.value)
    with pytest.raises(ConfigurationError, match="'EPSG:99999999'"):
        open_hazard(path, crs="EPSG:99999999", **SAID)


def test_unit_tag_is_used_and_configuration_wins_with_a_warning(tmp_path, depths, expected):
    centimetres = np.where(depths[0] < 0, depths[0], depths[0] * 100)
    path = write_map(tmp_path / "a.tif", centimetres, unit="centimetres")
    np.testing.assert_allclose(whole(open_hazard(path, family="r", peril="flood", nodata="dry"))[0], expected[0], 1e-6)
    with pytest.warns(HazardWarning, match="the file says 'centimetres', the configuration 'mm'"):
        rain = open_hazard(path, family="r", peril="flood", nodata="dry", unit="mm")
    np.testing.assert_allclose(whole(rain)[0], expected[0] / 10, 1e-6)


def test_wrong_units_are_refused(tmp_path, depths):
    path = write_map(tmp_path / "a.tif", depths[0], unit="m/s")
    with pytest.raises(ConfigurationError, match=r"none of water depth above ground .*'m/s'"):
        open_hazard(path, family="r", peril="flood", nodata="dry")
    with pytest.raises(ConfigurationError, match="did you mean 'metres'"):
        open_hazard(path, family="r", peril="flood", nodata="dry", unit="metrs")


def test_known_source_gives_the_unit(tmp_path, depths, expected):
    path = write_map(tmp_path / "inunriver_historical_000000000WATCH_1980_rp00100.tif", depths[0], unit=None)
    np.testing.assert_array_equal(whole(open_hazard(path, family="r", peril="flood", nodata="dry"))[0], expected[0])


def test_classes_are_not_metres(tmp_path):
    classes = np.array([[1, 2], [5, 255]], dtype=np.uint8)
    path = write_map(tmp_path / "surge.tif", classes, nodata=255, unit=None)
    with pytest.raises(ConfigurationError, match=r"classes .1 to 5. are not metres .*uint8"):
        open_hazard(path, family="surge", peril="flood", nodata="dry")
    tagged = write_map(tmp_path / "tagged.tif", classes, nodata=255, unit="m")
    with pytest.raises(ConfigurationError, match="classes"):
        open_hazard(tagged, family="surge", peril="flood", nodata="dry")
    with pytest.warns(HazardWarning, match="are they classes"):
        open_hazard(path, **SAID)


def test_file_without_gaps_needs_no_meaning_of_no_data(tmp_path):
    path = write_map(tmp_path / "a.tif", np.ones((2, 3), dtype=np.float32), nodata=None)
    assert open_hazard(path, family="r", peril="flood").attrs["nodata"] == "error"


def test_nodata_values_that_disagree(tmp_path, depths):
    path = write_map(tmp_path / "a.tif", depths[0])
    with pytest.raises(ConfigurationError, match="files declare -9999 and the configuration says 255"):
        open_hazard(path, nodata_value=255, **SAID)
    with pytest.raises(ConfigurationError, match="did you mean 'unknown'"):
        open_hazard(path, family="r", peril="flood", nodata="unknow")


# What is refused


def test_grids_that_differ_are_named(tmp_path, depths):
    good = write_map(tmp_path / "good.tif", depths[0])
    moved = write_map(tmp_path / "moved.tif", depths[1], corner=(1010, 2000))
    small = write_map(tmp_path / "small.tif", depths[1, :30])
    other = write_map(tmp_path / "other.tif", depths[1], crs="EPSG:5186")
    with pytest.raises(DataError) as caught:
        open_hazard([good, moved, small, other], **SAID)
    message = str(caught.value)
    assert "3 of 4 maps are on another grid" in message
    for part in ("moved.tif: corner 1010, 2000", "small.tif: 30 x 60 cells", "other.tif: EPSG:5186", "good.tif"):
        assert part in message


def test_raster_without_a_place_is_refused(tmp_path):
    path = tmp_path / "flat.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="PNG", height=2, width=2, count=1, dtype="uint8") as dataset:
            dataset.write(np.ones((1, 2, 2), dtype=np.uint8))
    with pytest.raises(DataError, match=r"flat.png: no transform"):
        open_hazard(path, crs="EPSG:5187", **SAID)


def test_rotated_raster_is_refused(tmp_path):
    path = tmp_path / "rotated.tif"
    shape = {"height": 2, "width": 2, "count": 1, "dtype": "float32", "crs": "EPSG:5187"}
    with rasterio.open(path, "w", driver="GTiff", transform=Affine(10, 2, 0, 2, -10, 0), **shape) as dataset:
        dataset.write(np.ones((1, 2, 2), dtype=np.float32))
    with pytest.raises(DataError, match=r"rotated.tif: a rotated grid; wanted: .*gdalwarp"):
        open_hazard(path, **SAID)


def test_missing_unreadable_and_truncated_files(tmp_path, depths):
    with pytest.raises(MissingInputError) as caught:
        open_hazard([tmp_path / "a.tif", tmp_path / "b.tif"], **SAID)
    assert len(caught.value.problems) == 2
    assert caught.value.exit_code == 66
    stack = write_map(tmp_path / "stack.tif", np.ones((2, 3, 4), dtype=np.float32))
    with pytest.raises(MissingInputError) as caught:
        open_hazard([tmp_path / "a.tif", stack], **SAID)
    assert [problem.got for problem in caught.value.problems] == ["no such file", "2 maps"]
    with pytest.raises(DataError, match="choose with `bands: 1`"):
        open_hazard([stack, stack], **SAID)
    with pytest.raises(DataError, match="bands that are not there"):
        open_hazard([stack, stack], bands=3, **SAID)
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    with pytest.raises(MissingInputError, match=r"text.tif: .*a whole raster that GDAL reads"):
        open_hazard(text, **SAID)
    (tmp_path / "empty.tif").touch()
    with pytest.raises(MissingInputError, match=r"empty.tif"):
        open_hazard(tmp_path / "empty.tif", **SAID)
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 2, (200, 200)).astype("f4")
    content = Path(write_map(tmp_path / "whole.tif", values, unit=None, compress="deflate")).read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut.tif: truncated \(first: tile at row \d+, column 0 ends at byte"):
        open_hazard(cut, **SAID)
    # A description at the end of the file is cut off with it: then nothing can be opened.
    content = Path(write_map(tmp_path / "whole.tif", values, compress="deflate")).read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(MissingInputError, match=r"cut.tif: .*a whole raster"):
        open_hazard(cut, **SAID)


def test_damaged_tile_is_told_when_it_is_read(tmp_path):
    rng = np.random.default_rng(1)
    path = write_map(tmp_path / "a.tif", rng.uniform(0, 2, (200, 200)).astype("f4"), compress="deflate")
    rain = open_hazard(path, **SAID)
    with Path(path).open("r+b") as stream:
        stream.seek(60_000)
        stream.write(b"\0" * 20_000)
    with pytest.raises(DataError, match=r"a.tif: cannot be read"):
        whole(rain)
    (tmp_path / "a.tif").unlink()
    with pytest.raises(ResilienceError, match=r"a.tif: cannot be read"):
        whole(rain)


def test_truncated_ascii_grid(tmp_path):
    path = tmp_path / "a.asc"
    path.write_text("ncols 3\nnrows 3\nxllcorner 0\nyllcorner 0\ncellsize 10\nNODATA_value -9999\n1.5 2 3\n1 2\n")
    with pytest.raises(DataError, match=r"a.asc: cannot be read"):
        whole(open_hazard(path, crs=5187, **SAID))


def test_patterns_that_fit_nothing_or_twice(folder, depths):
    with pytest.raises(MissingInputError, match=r"no file fits the pattern \(first: depth_rp00010.tif"):
        open_hazard(f"{folder}/dpth_rp{{rp}}.tif", **SAID)
    with pytest.raises(ConfigurationError, match="one field"):
        open_hazard(f"{folder}/depth_{{period}}.tif", **SAID)
    write_map(folder / "depth_rp10.tif", depths[0])
    with pytest.raises(DataError, match=r"same one \(first: .*depth_rp00010.tif and .*depth_rp10.tif"):
        open_hazard(f"{folder}/depth_rp{{rp}}.tif", **SAID)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"return_periods": [10, 100]}, "2 numbers for 3 events"),
        ({"return_periods": [10, 10, 100]}, "repeated values"),
        ({"return_periods": [0, 10, 100]}, "at least 1 year"),
        ({"return_periods": [10, 20, 30], "annual_rates": [1, 1, 1]}, "both"),
        ({"annual_rates": {"depth_rp00010": 1}}, "events without a number"),
        ({"duration_hours": {f"depth_rp{t}": 1 for t in ("00010", "00100", "00500", "1")}}, "names that are no event"),
        ({"events": ["a"]}, "1 names"),
        ({"peril": "fludd"}, "did you mean 'flood'"),
    ],
)
def test_labels_that_do_not_fit(folder, more, message):
    paths = sorted(folder.glob("*.tif"))
    with pytest.raises(ConfigurationError, match=message):
        open_hazard(paths, **{**SAID, **more})


def test_return_periods_in_two_places(folder):
    with pytest.raises(ConfigurationError, match="two places"):
        open_hazard(f"{folder}/depth_rp{{rp}}.tif", return_periods=[1, 2, 3], **SAID)
    with pytest.raises(ConfigurationError, match="make_hazard"):
        open_hazard(np.zeros((2, 2)), **SAID)
    with pytest.raises(ConfigurationError, match="at least one file"):
        open_hazard([], **SAID)


# What is warned of


def test_one_file_used_for_several_return_periods(tmp_path, depths):
    first = write_map(tmp_path / "rp10.tif", depths[0])
    shutil.copy(first, tmp_path / "rp100.tif")
    write_map(tmp_path / "rp500.tif", depths[2])
    with pytest.warns(HazardWarning, match="river: events 'rp10' and 'rp100' have the same map"):
        open_hazard(f"{tmp_path}/rp{{rp}}.tif", **SAID)
    with pytest.warns(HazardWarning, match="same map"):
        open_hazard({10: first, 100: first}, **SAID)


def test_one_band_used_for_several_return_periods(tmp_path, depths):
    path = write_map(tmp_path / "stack.tif", depths[[0, 0, 1]])
    with pytest.warns(HazardWarning, match="'rp10' and 'rp100' have the same map"):
        open_hazard(path, return_periods=[10, 100, 500], **SAID)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_hazard(path, events=["a", "b", "c"], **SAID)
        dry = write_map(tmp_path / "dry.tif", np.zeros((2, 40, 60), dtype=np.float32))
        open_hazard(dry, return_periods=[10, 100], **SAID)
