"""What stands beside a map is part of it: files that GDAL reads with it, links in a store, a database that is open."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from resilience import assess
from resilience.errors import DataError
from resilience.provenance import describe_inputs, hash_file, hash_input
from resilience.readers.opening import open_layer
from resilience.side_files import side_files

SCALED = '<PAMDataset><PAMRasterBand band="1"><Offset>0</Offset><Scale>0.5</Scale></PAMRasterBand></PAMDataset>'
STATISTICS = """<?xml version="1.0"?>
<PAMDataset>
  <PAMRasterBand band="1">
    <Histograms><HistItem><HistMin>0</HistMin></HistItem></Histograms>
    <Metadata><MDI key="STATISTICS_MEAN">1</MDI></Metadata>
  </PAMRasterBand>
</PAMDataset>
"""


def test_a_file_alone_has_its_own_hash(tmp_path: Path) -> None:
    path = tmp_path / "depth.tif"
    path.write_bytes(b"map")
    (tmp_path / "depth.txt").write_text("notes")
    (tmp_path / "depth.tif.aux.xml").write_text(STATISTICS)
    assert side_files(path) == {}
    assert hash_input(path) == hash_file(path)


@pytest.mark.parametrize(
    "name", ["depth.tif.aux.xml", "depth.tif.msk", "depth.prj", "depth.tfw", "depth.tifw", "depth.hdr"]
)
def test_what_is_said_beside_a_file_changes_its_hash(tmp_path: Path, name: str) -> None:
    path, beside = tmp_path / "depth.tif", tmp_path / name
    path.write_bytes(b"map")
    beside.write_text(SCALED)
    one = hash_input(path)
    beside.write_text(SCALED.replace("0.5", "0.6"))
    assert len({hash_file(path), one, hash_input(path)}) == 3


def test_a_run_does_not_go_on_with_a_map_that_another_file_scales(site, tmp_path: Path) -> None:
    scenario = site.scenario([{"id": "p0"}], [{"values": [[0.4]], "return_periods": [10]}],
                             needs=[("zone", "power", ["p0"], 1)])  # fmt: skip
    run = tmp_path / "run"
    before = assess(scenario, out=run).dataset["failure_probability"].item()
    Path(f"{scenario.hazards[0].path}.aux.xml").write_text(SCALED)
    with pytest.raises(DataError, match="inputs that have changed since it was begun"):
        assess(scenario, out=run)
    assert assess(scenario, out=run, restart=True).dataset["failure_probability"].item() < before


def test_links_in_a_store_are_followed_and_end(tmp_path: Path) -> None:
    store, elsewhere = tmp_path / "maps.zarr", tmp_path / "elsewhere"
    for folder in (store, elsewhere):
        folder.mkdir()
    (elsewhere / "c0").write_bytes(b"one")
    (store / "depth").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(store)
    (before,) = describe_inputs([store])
    (elsewhere / "c0").write_bytes(b"two")
    (after,) = describe_inputs([store])
    assert before["bytes"] == after["bytes"] == 3
    assert before["sha256"] != after["sha256"]


def test_a_database_with_changes_beside_it_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "zones.gpkg"
    gpd.GeoDataFrame({"persons": np.array([1])}, geometry=[Point(0, 0)], crs="EPSG:5187").to_file(path, layer="zones")
    assert len(open_layer(path, None, None)) == 1
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("UPDATE gpkg_contents SET description = 'new'")
    other.commit()
    # As a program that ended without closing leaves it.
    for name in ("zones.gpkg", "zones.gpkg-wal", "zones.gpkg-shm"):
        shutil.copy(tmp_path / name, tmp_path / name.replace("zones", "left"))
    left = {file.name: file.read_bytes() for file in tmp_path.glob("left*")}
    for name in ("zones.gpkg", "left.gpkg"):
        with pytest.raises(
            DataError, match=r"changes beside it, in \w+\.gpkg-wal; wanted: a file that no other program"
        ):
            open_layer(tmp_path / name, None, None)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("left*")} == left
    other.close()
    assert open_layer(path, None, None)["persons"].tolist() == [1]
