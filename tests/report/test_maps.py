"""The maps of a report: where things lie, what a pixel shows, and whose maps they are."""

from __future__ import annotations

import base64
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resilience.pipeline import assess
from resilience.reading import read_run
from resilience.report import places
from resilience.report.images import png_address
from resilience.report.maps import _pool
from resilience.report.page import write_page
from resilience.report.words import Words
from tests.conftest import Site
from tests.report_runs import Page, hostile


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """Open an image that stands in an address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.MemoryFile(base64.b64decode(address.partition(",")[2])) as file, file.open() as image:
            yield image


def classes_of(address: str) -> NDArray[np.uint8]:
    with opened(address) as image:
        return image.read(1)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1.0, 2.5, 7.0, 30.0]), st.booleans())
def test_a_pixel_shows_the_highest_cell_in_it(rows: int, columns: int, cell: float, upward: bool) -> None:
    values = np.random.default_rng(rows * 41 + columns).random((rows, columns)).astype(np.float32)
    step = cell if upward else -cell
    transform = Affine(cell, 0, 0, 0, step, 0 if upward else rows * cell)
    image = np.full((9, 7), np.nan, np.float32)
    pixel = Affine(columns * cell / 7, 0, 0, 0, -rows * cell / 9, rows * cell)
    _pool(values, transform, pixel, image)
    # No value is lost where pixels are larger than cells, none is made up anywhere.
    assert set(image[np.isfinite(image)].tolist()) <= set(values.ravel().tolist())
    assert np.isfinite(image).all()
    if rows >= 9 and columns >= 7:
        assert image.max() == values.max()


def test_a_map_in_other_coordinates_lies_where_the_city_does(site: Site, tmp_path: Path) -> None:
    run = read_run(hostile(site, tmp_path / "run", crs="EPSG:5186"))
    city = places.map_city(run)
    classes = classes_of(city.hazards.addresses[0])
    east, north = city.points[city.point_assets == 0][0]
    row = int((1 - north / city.size[1]) * classes.shape[0])
    # 0.5 m at the first asset: the class from 0.3 m on.
    assert classes[row, int(east / city.size[0] * classes.shape[1])] == 2
    assert run.network.crs.to_epsg() == 5186


def test_an_image_reads_back_as_its_classes() -> None:
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    palette = ["#00000000", "#ff0000ff", "#0000ff80"]
    address = png_address(classes, palette)
    assert (classes_of(address) == classes).all()
    with opened(address) as image:
        assert image.colormap(1)[2] == (0, 0, 255, 128)


def test_a_large_city_is_drawn_in_part(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = read_run(run)
    down = (told.dataset["down_count"].values.sum(axis=2) / told.n_sample).max(axis=0)
    monkeypatch.setattr(places, "MOST_ASSETS", 50)
    monkeypatch.setattr(places, "MOST_ZONES", 5)
    city = places.map_city(told)
    drawn = np.concatenate([city.line_assets, city.point_assets])
    assert (drawn.size, city.n_rest, city.zones.size) == (50, down.size - 50, 5)
    assert (len(city.rest), len(set(city.rest)) > 3) == (told.dataset.sizes["event"], True)
    assert down[drawn].min() >= np.delete(down, drawn).max()
    share = told.dataset["down_count"].values.sum(axis=2)[:, drawn] / told.n_sample
    assert (np.abs(city.chance / 200 - share) < 1 / 200).all()
    assert ((city.chance == 0) == (share == 0)).all()
    assert ((city.chance == 200) == (share == 1)).all()
    text = Page(write_page(told, Words("en"))).text
    assert f"The {down.size - 50:,} assets that are down least often" in text
    assert "for the 5 zones that lose most" in text


def test_an_older_map_of_the_same_size_is_not_taken_for_that_of_the_run(site: Site, tmp_path: Path) -> None:
    scenario = site.scenario(
        [{"id": "p0"}], [{"values": [[1.0]], "return_periods": [10]}], needs=[("zone", "power", ["p0"], 1)]
    )
    (hazard,) = scenario.hazards
    part = hazard.sources()[0].path
    mosaic = part.with_suffix(".vrt")
    rasterio.shutil.copy(part, mosaic, driver="VRT")
    run = tmp_path / "run"
    assess(scenario.model_copy(update={"hazards": (hazard.model_copy(update={"path": mosaic}),)}), out=run)
    assert "not shown" not in Page(write_page(read_run(run), Words())).text
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    os.utime(part, (0, 0))
    told = read_run(run)
    assert told.manifest.hazards[0].files == (str(mosaic), str(part))
    assert told.changed_maps("family0") == {str(part): "other content"}
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text


def test_maps_that_have_changed_are_not_shown(site: Site, tmp_path: Path) -> None:
    run = hostile(site, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    (path,) = manifest["hazards"][0]["files"]
    assert "not shown" not in Page(write_page(read_run(run), Words())).text
    Path(path).write_bytes(Path(path).read_bytes() + b"\0")
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text
    Path(path).unlink()
    assert "hazard maps are not shown" in Page(write_page(read_run(run), Words())).text
