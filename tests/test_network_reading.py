"""The tables of a run read back as the network they were written from."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from resilience.datasets import synthetic_city
from resilience.errors import DataError, StorageError
from resilience.network import TABLES, Network, read_tables, write_tables


def assert_same(again: Network, city: Network) -> None:
    assert again.crs == city.crs
    assert again.persons_unit == city.persons_unit
    for name, columns in TABLES.items():
        was, now = getattr(city, name), getattr(again, name)
        assert list(now.columns) == list(was.columns)
        plain = [column.name for column in columns if column.dtype != "geometry"]
        pd.testing.assert_frame_equal(pd.DataFrame(now[plain]), pd.DataFrame(was[plain]))
        if "geometry" in now:
            apart = shapely.hausdorff_distance(now.geometry.to_numpy(), was.geometry.to_numpy())
            assert np.nanmax(apart) <= 0.001


def test_the_built_in_city(tmp_path: Path) -> None:
    city = synthetic_city(size=600).network
    write_tables(city, tmp_path)
    assert_same(read_tables(tmp_path, crs=city.crs), city)


def test_names_that_spreadsheets_would_run_and_quote(tmp_path: Path) -> None:
    names = ["=1+1", "'=1+1", "''-2", "a;=b", 'say "hi", <b>', "a\nb", "NA", "null", "007", "한강"]
    points = gpd.points_from_xy(np.arange(10.0), np.zeros(10))
    assets = gpd.GeoDataFrame({"id": names, "sector": "power", "kind": names, "note": names}, geometry=points, crs=5179)
    zones = gpd.GeoDataFrame({"id": ["z"], "persons": [0.1]}, geometry=points[:1].buffer(3.0), crs=5179)
    city = Network.from_tables(assets=assets, zones=zones, persons_unit="=people")
    write_tables(city, tmp_path)
    again = read_tables(tmp_path, crs=5179, persons_unit="=people")
    assert_same(again, city)
    assert again.assets["note"].tolist() == city.assets["note"].tolist()


def test_a_table_that_is_gone_or_spoilt_is_told(tmp_path: Path) -> None:
    city = synthetic_city(size=600).network
    paths = write_tables(city, tmp_path)
    paths["zones"].write_text("id,persons,geometry\nz,1,POLYGON\n")
    with pytest.raises(DataError, match=r"zones\.csv"):
        read_tables(tmp_path, crs=city.crs)
    paths["zones"].write_text("")
    with pytest.raises(DataError, match=r"zones\.csv"):
        read_tables(tmp_path, crs=city.crs)
    paths["zones"].unlink()
    with pytest.raises(StorageError, match=r"zones\.csv"):
        read_tables(tmp_path, crs=city.crs)
