"""Exports, opened by the readers of their formats: what is in them is what the run found."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import xarray as xr
from pyproj import Transformer
from scipy import sparse

from resilience import assess, open_run
from resilience.errors import ConfigurationError, DataError, MissingInputError
from resilience.export import About, export_run
from resilience.result import Result
from resilience.store import open_results
from tests.conftest import Site
from tests.export.conftest import ENDINGS, Export

needs_parquet = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="make parquet installs pyarrow")

ABOUT = About("City of <X>", "gis@city.example", "CC-BY-4.0", "https://city.example/risk", {"flood": "fluvial_flood"})
HOSTILE = ["=1+1", "../../up", 'a/b: "c"; \'; DROP TABLE x; --', "한강 100년"]


@pytest.fixture(scope="module")
def hostile(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run without rates whose events, assets and zones have names that want to be something else."""
    scenario = site.scenario(
        [{"id": name} for name in HOSTILE],
        [{"values": [[0.5] * 4, [1.0] * 4, [0.0] * 4, [0.2] * 4], "events": HOSTILE}],
        zones=[{"id": f"zone {name}"} for name in HOSTILE],
        needs=[(f"zone {name}", "power", [name], 1) for name in HOSTILE],
    )
    run = tmp_path_factory.mktemp("hostile") / "run"
    assess(scenario, out=run)
    return run


def test_netcdf_has_everything_and_keeps_to_cf(kept_result: Result, export: Export) -> None:
    assert kept_result.path is not None
    stored = open_results(kept_result.path).load()
    with xr.open_dataset(export("netcdf")) as found:
        for name, array in stored.variables.items():
            if array.dtype.kind in "iufb":
                np.testing.assert_array_equal(found[name].values, array.values, err_msg=str(name))
            else:
                assert found[name].values.tolist() == array.values.tolist()
            assert found[name].dims == array.dims
        assert found.attrs["Conventions"] == "CF-1.11"
        assert "synthetic" in found.attrs["source"]
        units = {str(array.attrs["units"]) for array in found.variables.values() if "units" in array.attrs}
        assert not {unit for unit in units if "person" in unit or "money" in unit}
        assert found["annual_person_hours"].attrs["units"] == "h/year"
        assert found["annual_person_hours"].attrs["counted_in"] == "persons h/year"
        assert found["asset_direct_loss"].attrs["grid_mapping"] == "crs"
        assert "KGD2002" in found["crs"].attrs["crs_wkt"]
        points = kept_result.to_geodataframe().representative_point()
        nodes = (kept_result.to_geodataframe().geom_type == "Point").to_numpy()
        np.testing.assert_allclose(found["asset_x"].values[nodes], points.x[nodes], atol=1e-3)
        degrees = Transformer.from_crs(points.crs, "EPSG:4326", always_xy=True)
        longitude, latitude = degrees.transform(found["zone_x"].values, found["zone_y"].values)
        np.testing.assert_allclose(found["zone_longitude"], longitude, rtol=1e-12)
        np.testing.assert_allclose(found["zone_latitude"], latitude, rtol=1e-12)


def test_rasters_have_the_figures_where_zones_and_assets_are(kept_result: Result, export: Export) -> None:
    folder = export("cog", events=["flood:rp500"])
    assert {path.name for path in folder.iterdir()} == {
        "flood-rp500-zones.tif", "flood-rp500-assets.tif", "export.json"
    }  # fmt: skip
    zones = kept_result.to_geodataframe("zones", event="flood:rp500")
    with rasterio.open(folder / "flood-rp500-zones.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.crs == zones.crs
        assert np.isnan(file.nodata)
        assert file.tags()["event"] == "flood:rp500"
        bands = dict(zip(file.descriptions, file.read(), strict=True))
        units = dict(zip(file.descriptions, file.units, strict=True))
        inside = zones.representative_point()
        places = [file.index(x, y) for x, y in zip(inside.x, inside.y, strict=True)]
    assert set(bands) == set(zones.columns) - {"district", "people", "geometry"}
    assert (units["lost_power"], units["hours_power"]) == ("1", "h")
    for name, band in bands.items():
        drawn = [band[place] for place in places]
        np.testing.assert_array_equal(drawn, zones[name].to_numpy(np.float32), err_msg=str(name))
        cells = band[~np.isnan(band)]
        area = cells.size * abs(rasterio.open(folder / "flood-rp500-zones.tif").transform.determinant)
        assert area == pytest.approx(zones.area.sum(), rel=0.01)
    assets = kept_result.to_geodataframe(event="flood:rp500")
    with rasterio.open(folder / "flood-rp500-assets.tif") as file:
        (band,) = file.read()
        nodes = assets[assets.geom_type == "Point"]
        drawn = np.array([band[file.index(p.x, p.y)] for p in nodes.geometry])
    # A cell has the worst of what is in it: at a node that is more than the node's own only through another asset.
    own = nodes["down_probability"].to_numpy(np.float32)
    assert (drawn >= own).all()
    assert (drawn == own).mean() > 0.5
    assert set(np.unique(band[~np.isnan(band)])) <= set(assets["down_probability"].to_numpy(np.float32))


def test_rasters_are_of_all_events_and_of_a_year(rated: Path, tmp_path: Path) -> None:
    folder = export_run(rated, "cog", out=tmp_path / "out").path
    listing = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == {*listing["files"], "export.json"}
    assert set(listing["files"]) == {
        f"{when}-{what}.tif" for when in ("per-year", "rp10", "rp100") for what in ("assets", "zones")
    }
    with rasterio.open(folder / "per-year-assets.tif") as file:
        assert (file.descriptions, file.units) == (("annual_down_rate",), ("1/year",))
        highest = np.nanmax(file.read())
    assert highest == np.float32(open_run(rated).to_geodataframe()["annual_down_rate"].max())


@pytest.mark.parametrize("event", [None, "heatwave:rp100"])
def test_geopackage_has_assets_and_zones(kept_result: Result, export: Export, event: str | None) -> None:
    path = export("gpkg", events=[] if event is None else [event])
    end = "" if event is None else f" {event}"
    for what in ("assets", "zones"):
        found = gpd.read_file(path, layer=f"{what}{end}").set_index(what[:-1])
        wanted = kept_result.to_geodataframe(what, event=event)
        assert found.crs == wanted.crs
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.drop(columns="geometry")), pd.DataFrame(wanted.drop(columns="geometry")),
            check_dtype=False,
        )  # fmt: skip
        assert found.geometry.geom_equals_exact(wanted.geometry, 1e-3).all()


@needs_parquet
def test_geoparquet_has_assets_and_zones(kept_result: Result, export: Export) -> None:
    folder = export("geoparquet", events=["flood:rp500"])
    for name, what, event in (("assets", "assets", None), ("zones-flood-rp500", "zones", "flood:rp500")):
        found = gpd.read_parquet(folder / f"{name}.parquet")
        wanted = kept_result.to_geodataframe(what, event=event)
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.drop(columns="geometry")), pd.DataFrame(wanted.drop(columns="geometry")),
            check_dtype=False,
        )  # fmt: skip
        assert found.crs == wanted.crs


def test_geoparquet_names_what_it_needs(export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"wanted: pyarrow: pip install 'urban-resilience\[parquet\]'"):
        export("geoparquet")
    assert list(tmp_path.iterdir()) == []


def test_event_losses_add_up_to_the_annual_figures(kept_result: Result, export: Export) -> None:
    folder = export("csv")
    melt, palt, ept, events, summaries = (
        pd.read_csv(folder / f"{name}.csv") for name in ("melt", "palt", "ept", "events", "summaries")
    )
    ds, number = kept_result.dataset, dict(zip(summaries["quantity"], summaries["SummaryId"], strict=True))
    assert events["event"].tolist() == ds["event"].values.tolist()
    for quantity, name in (("power", "annual_value"), ("power_person_hours", "annual_person_hours")):
        rows = melt[melt["SummaryId"] == number[quantity]]
        annual = float(ds[name].sel(service="power"))
        assert (rows["EventRate"] * rows["MeanLoss"]).sum() == pytest.approx(annual, rel=1e-7)
        assert palt.set_index("SummaryId").loc[number[quantity], "MeanLoss"] == pytest.approx(annual, rel=1e-7)
    money = melt[melt["SummaryId"] == number["direct_loss"]]
    assert (money["EventRate"] * money["MeanLoss"]).sum() == pytest.approx(float(ds["annual_direct_loss"]), rel=1e-7)
    assert set(money["SampleType"]) == {1}
    people = ds["people_without_service"].sel(service="power").values
    rows = melt[melt["SummaryId"] == number["power"]]
    np.testing.assert_allclose(rows["SDLoss"], people.std(axis=1, ddof=1), rtol=1e-8)
    np.testing.assert_allclose(rows["ChanceOfLoss"], (people > 0).mean(axis=1))
    np.testing.assert_allclose(rows["MaxLoss"], people.max(axis=1))
    curves = kept_result.exceedance
    assert curves is not None
    for kind, name in ((1, "occurrence_value"), (2, "occurrence_tail_value"), (3, "aggregate_value"),
                       (4, "aggregate_tail_value")):  # fmt: skip
        rows = ept[(ept["SummaryId"] == number["data"]) & (ept["EPType"] == kind)]
        np.testing.assert_allclose(rows["Loss"], curves[name].sel(quantity="data"), rtol=1e-8)
        np.testing.assert_allclose(rows["ReturnPeriod"], curves["return_period"])


def read_as_climada(path: Path) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray, xr.Dataset]:
    """Return intensity by event and centroid, latitude and longitude, found as `Hazard.from_xarray_raster` does."""
    with xr.open_dataset(path, chunks=None) as opened:
        stacked = opened.load().stack(  # noqa: PD013 - of xarray
            event=opened["time"].dims, lat_lon=opened["latitude"].dims
        )
    intensity = stacked["intensity"].where(stacked["intensity"].notnull(), 0)  # noqa: PD004 - of xarray
    intensity = intensity.transpose("event", "lat_lon")
    return sparse.csr_matrix(intensity.values), stacked["latitude"].values, stacked["longitude"].values, stacked


def test_climada_finds_the_maps(kept_result: Result, export: Export) -> None:
    folder = export("climada")
    intensity, latitude, longitude, told = read_as_climada(folder / "hazard-flood.nc")
    ds = kept_result.dataset
    mine = ds["family"].values == "flood"
    assert told["event_name"].values.tolist() == ds["event"].values[mine].tolist()
    assert told["event_id"].dtype.kind == "i"
    assert (told["event_id"].values > 0).all()
    np.testing.assert_allclose(told["frequency"], (ds["annual_weight"] + ds["tail_weight"]).values[mine])
    # The depth at an asset that is a point is that of the cell it stands in.
    points = kept_result.to_geodataframe(event="flood:rp500")
    points = points[(points.geom_type == "Point") & (points["sector"] != "transport")].to_crs("EPSG:4326")
    nearest = [int(np.hypot(longitude - p.x, latitude - p.y).argmin()) for p in points.geometry]
    depth = intensity[-1].toarray().ravel()[nearest]
    np.testing.assert_allclose(depth, points["intensity"], atol=1e-6)
    assert (points["intensity"] > 0).sum() > 10


def test_climada_finds_the_losses(kept_result: Result, export: Export) -> None:
    folder, ds = export("climada"), kept_result.dataset
    with h5py.File(folder / "impact-power.hdf5") as file:
        group = file["imp_mat"]
        impact = sparse.csr_matrix((group["data"], group["indices"], group["indptr"]), shape=group.attrs["shape"])
        people = ds["people_without_service"].sel(service="power").mean("sample").values
        np.testing.assert_allclose(file["at_event"][:], people, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(impact.sum(axis=1)).ravel(), people, rtol=1e-6)
        np.testing.assert_allclose(file["eai_exp"][:], file["frequency"][:] @ impact.toarray())
        assert file.attrs["aai_agg"] == pytest.approx(float(ds["annual_value"].sel(service="power")), rel=1e-6)
        assert list(file["event_name"].asstr()[:]) == ds["event"].values.tolist()
        inside = kept_result.to_geodataframe("zones").representative_point().to_crs("EPSG:4326")
        np.testing.assert_allclose(file["coord_exp"][:], np.column_stack([inside.y, inside.x]), atol=1e-4)
        assert (file.attrs["unit"], file.attrs["crs"]) == ("persons", "EPSG:4326")


def test_climada_refuses_inputs_that_changed(site: Site, tmp_path: Path) -> None:
    scenario = site.scenario(
        [{"id": "p0"}], [{"values": [[1.0]], "return_periods": [10]}], needs=[("zone", "power", ["p0"], 1)]
    )
    assess(scenario, out=tmp_path / "run")
    found = export_run(tmp_path / "run", "climada")
    with xr.open_dataset(found.path / "hazard-family0.nc") as opened:
        assert float(opened["intensity"].max()) == 1.0
    maps = scenario.hazards[0].sources()[0].path
    with rasterio.open(maps, "r+") as file:
        file.write(np.full((1, *file.shape), 2.0, np.float32))
    with pytest.raises(DataError, match=r"map0\.tif: other content; wanted: the input that the run had"):
        export_run(tmp_path / "run", "climada", overwrite=True)
    maps.unlink()
    with pytest.raises(MissingInputError, match=r"map0\.tif: gone; wanted: the input that the run had"):
        export_run(tmp_path / "run", "climada", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-climada"]


def test_record_has_what_the_standard_asks_for(kept_result: Result, export: Export) -> None:
    (record,) = json.loads(export("rdls", about=ABOUT).read_text(encoding="utf-8"))["datasets"]
    assert {"id", "title", "risk_data_type", "attributions", "spatial", "license", "resources"} <= set(record)
    assert record["links"] == [
        {"href": "https://docs.riskdatalibrary.org/en/0__3__0/rdls_schema.json", "rel": "describedby"}
    ]
    assert {one["role"] for one in record["attributions"]} == {"publisher", "creator", "contact_point"}
    assert record["attributions"][0]["entity"] == {"name": "City of <X>", "email": "gis@city.example"}
    west, south, east, north = record["spatial"]["bbox"]
    inside = kept_result.to_geodataframe("zones").to_crs("EPSG:4326").representative_point()
    assert ((inside.x > west) & (inside.x < east) & (inside.y > south) & (inside.y < north)).all()
    for one in record["resources"]:
        assert {"id", "title", "description", "data_format", "access_url"} <= set(one)
        assert kept_result.path is not None
        assert (kept_result.path / one["id"]).exists()
    flood, heat = record["hazard"]["event_sets"]
    assert flood["hazards"] == [
        {"id": "flood", "type": "flood", "hazard_process": "fluvial_flood", "intensity_measure": "wd:m"}
    ]
    assert heat["hazards"][0]["type"] == "extreme_temperature"
    assert [one["occurrence"]["probabilistic"]["return_period"] for one in flood["events"]] == [
        5, 10, 20, 50, 100, 200, 500
    ]  # fmt: skip
    losses = record["loss"]["losses"]
    assert len({one["id"] for one in losses}) == len(losses) == 6
    wanted = {"impact_type", "impact_modelling", "impact_metric", "quantity_kind", "loss_type", "loss_approach",
              "loss_frequency_type"}  # fmt: skip
    assert all(set(one["impact_and_losses"]) == wanted for one in losses)
    assert "SYNTHETIC" in record["description"]


def test_all_that_a_record_lacks_is_told_at_once(export: Export, tmp_path: Path) -> None:
    about = About(license="CC0-1.0", processes={"flod": "fluvial_flood"})
    with pytest.raises(ConfigurationError) as raised:
        export("rdls", about=about)
    assert [problem.subject for problem in raised.value.problems] == [
        "--publisher", "--contact", "--url", "--process", "--process"
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "to", ["cog", "gpkg", pytest.param("geoparquet", marks=needs_parquet), "csv", "climada", "netcdf"]
)
def test_hostile_names_stay_names(hostile: Path, tmp_path: Path, to: str) -> None:
    found = export_run(hostile, to, out=tmp_path / f"out{ENDINGS[to]}")
    assert list(tmp_path.iterdir()) == [found.path]
    if to == "gpkg":
        layers = {name for name, _ in pyogrio.list_layers(found.path)}
        assert layers == {f"{what} {event}" for what in ("assets", "zones") for event in HOSTILE}
        assert set(gpd.read_file(found.path, layer=f"zones {HOSTILE[2]}")["zone"]) == {f"zone {n}" for n in HOSTILE}
    elif to == "csv":
        text = (found.path / "events.csv").read_text(encoding="utf-8")
        assert "\n1,'=1+1," in text
        assert set(found.files) == {"events.csv", "summaries.csv", "melt.csv"}
    elif to == "netcdf":
        with xr.open_dataset(found.path) as opened:
            assert opened["event"].values.tolist() == HOSTILE
    elif to == "cog":
        assert {path.parent for path in found.path.rglob("*")} == {found.path}
        assert "up-zones.tif" in found.files
        assert "한강-100년-zones.tif" in found.files
