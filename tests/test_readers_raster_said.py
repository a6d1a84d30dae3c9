"""Opening stacks of raster files: what must be said, and what is refused."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from resilience.errors import ConfigurationError, DataError, MissingInputError, ResilienceError
from resilience.hazard import HazardWarning, grid_of
from resilience.readers import open_hazard
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
    with pytest.raises(DataError, match=r"same one: .*depth_rp00010.tif and .*depth_rp10.tif"):
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
        ({"events": ["a"]}, "1 name"),
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
