"""Surface temperatures of Muenster through `resilience run`, against rasterio, the curves' formula and probability."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from scipy.stats import norm

from resilience.cli import main
from resilience.store import open_results

pytestmark = pytest.mark.real_data

FOLDER = Path(__file__).parent
SAMPLES = 8192
CURVES = {
    "substation": (72, 0.083), "railway_point": (52, 0.046), "transformer": (42, 0.05), "tower": (44, 0.05),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip("RESILIENCE_REAL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="module")
def tables(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    runpy.run_path(str(FOLDER / "derive_tables.py"))["write_muenster"](data, out)
    return out


@pytest.fixture(scope="module")
def run(tables, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("muenster") / "run", io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        patch.setenv("RESILIENCE_REAL_TABLES", str(tables))
        assert main(["run", str(FOLDER / "muenster.yaml"), "-o", str(out)]) == 0
    return out, told.getvalue(), open_results(out).load()


@pytest.fixture(scope="module")
def expected(data, tables):
    """Temperature and probability of failure of every asset, per event, by rasterio and the formula."""
    assets = gpd.read_file(tables / "muenster_assets.gpkg").set_index("id")
    theta, beta = (assets["kind"].map({kind: pair[i] for kind, pair in CURVES.items()}) for i in (0, 1))
    found = {}
    for event in ("Spring", "Summer"):
        with rasterio.open(data / "heat_muenster" / f"landsat-{event}_mean_ST_B10.tif") as dataset:
            places = zip(assets.geometry.x, assets.geometry.y, strict=True)
            heat = pd.Series([float(value[0]) for value in dataset.sample(places)], index=assets.index)
        assert (heat != dataset.nodata).all()
        p = pd.Series(norm.cdf(np.log(heat / theta) / beta), index=assets.index)
        found[event] = pd.DataFrame({"kind": assets["kind"], "heat": heat, "p": p})
    return found


def near(found, p):
    """Within four standard errors of a share of the samples; one sample more where next to none is expected."""
    return np.abs(found - p) <= 4 * np.sqrt(p * (1 - p) / SAMPLES) + 1 / SAMPLES


def test_temperatures_and_probabilities(run, expected):
    _, _, results = run
    for event, table in expected.items():
        one = results.sel(event=event, asset=table.index.to_numpy())
        np.testing.assert_array_equal(one["exposed_intensity"].values, table["heat"].to_numpy())
        np.testing.assert_allclose(one["failure_probability"].values, table["p"].to_numpy(), rtol=1e-6, atol=1e-12)
        assert near(one["failed_count"].values / SAMPLES, table["p"].to_numpy()).all()
    assert expected["Summer"]["heat"].max() == pytest.approx(47.671745)
    assert set(results["peril"].values.tolist()) == {"heat"}


def test_the_shipped_curve_stops_the_hottest_railway_points(run, expected, tables):
    _, _, results = run
    rail = expected["Summer"].query("kind == 'railway_point'")["p"]
    assert len(rail) == 200
    assert rail.max() == pytest.approx(norm.cdf(np.log(47.671745 / 52) / 0.046), rel=1e-6)
    assert (rail > 1e-3).sum() >= 5
    # Squares have trains by their nearest point, which is not always their own.
    points = gpd.read_file(tables / "muenster_assets.gpkg").query("kind == 'railway_point'")
    zones = gpd.read_file(tables / "muenster_zones.gpkg")
    zones["geometry"] = zones.centroid
    served = zones.sjoin_nearest(points.rename(columns={"id": "point"})).set_index("id")["point"]
    p = rail[served].to_numpy()
    lost = results["zone_without_service"].sel(event="Summer", service="rail", zone=served.index.to_numpy()) / SAMPLES
    assert near(lost.values, p).all()
    people = results["people_without_service"].sel(event="Summer", service="rail").values
    assert abs(people.mean() - p.sum()) <= 4 * people.std() / np.sqrt(SAMPLES)
    substations = expected["Summer"].query("kind == 'substation'")["p"]
    assert substations.max() < 1e-6


def test_hotter_never_means_fewer_failures(run, expected):
    """Events of a family share their random numbers: this holds sample by sample, so for every asset."""
    _, _, results = run
    names = expected["Spring"].index.to_numpy()
    change = (expected["Summer"]["heat"] - expected["Spring"]["heat"]).to_numpy()
    failed = results["failed_count"].sel(asset=names)
    more = (failed.sel(event="Summer") - failed.sel(event="Spring")).values
    assert (change > 0).sum() > 600
    assert (more[change > 0] >= 0).all()
    assert (more[change < 0] <= 0).all()
    assert more.max() > SAMPLES / 4


def test_the_cascade_gives_what_independence_gives(run, expected):
    """Zone <- tower <- transformer <- substation, one of each: 1 - prod(1 - p) at every step."""
    out, _, results = run
    table = expected["Summer"]
    needs = pd.read_csv(out / "network" / "needs.csv").set_index("id")
    providers = pd.read_csv(out / "network" / "dependencies.csv").set_index("need")["provider"]
    substation = {
        needs.loc[need, "dependent"]: provider
        for need, provider in providers.items()
        if needs.loc[need, "dependent"].startswith("transformer:")
    }
    numbers = [name.removeprefix("transformer:") for name in table.index if name.startswith("transformer:")]
    assert len(numbers) == 200
    feed = table.loc[[substation[f"transformer:{n}"] for n in numbers], "p"].to_numpy()
    transformer = table.loc[[f"transformer:{n}" for n in numbers], "p"].to_numpy()
    tower = table.loc[[f"tower:{n}" for n in numbers], "p"].to_numpy()
    power = 1 - (1 - transformer) * (1 - feed)
    telecom = 1 - (1 - tower) * (1 - power)
    lost = results["zone_without_service"].sel(event="Summer", zone=[f"square:{n}" for n in numbers]) / SAMPLES
    assert near(lost.sel(service="power").values, power).all()
    assert near(lost.sel(service="telecom").values, telecom).all()
    people = results["people_without_service"].sel(event="Summer")
    for service, p in (("power", power), ("telecom", telecom)):
        values = people.sel(service=service).values
        assert abs(values.mean() - p.sum()) <= 4 * values.std() / np.sqrt(SAMPLES)
        # Squares fail independently of one another: so does the variance add up.
        assert values.var() == pytest.approx((p * (1 - p)).sum(), rel=0.1)
    # What a tower loses for want of power, though it stands cool itself.
    causes = pd.read_csv(out / "causes.csv").query("event == 'Summer' and what == 'asset' and kind == 'tower'")
    cool = causes[causes["cause"] == "need:power"].set_index("id")
    assert (cool["root"] == "power/heat").all()
    assert len(cool) >= 10


def test_it_says_what_it_is(run):
    out, told, results = run
    assert "no annual figures for landsat" in told
    assert "squares without power" in told
    assert "heat_surface_rail" in told
    assert results["people_without_service"].attrs["units"] == "squares"
    shown = pd.read_csv(out / "assets.csv")
    # Every asset is warm; only those that can fail or be down are listed.
    assert (shown["failure_probability"] + shown["down_probability"] >= 2**-32).all()
