"""Exposure against published maps: roads of Yeonsan (Busan) and facilities of Cambridge (Massachusetts)."""

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from resilience.curves import CurveTable
from resilience.exposure import expose
from resilience.hazard import grid_of, read_window
from resilience.kernels.points import sample_points
from resilience.kernels.tiles import whole_raster
from resilience.network import Network
from resilience.readers import open_hazard

pytestmark = pytest.mark.real_data

MULTIPLIERS = ("075", "100", "125")
LIMIT = 0.3


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip("RESILIENCE_REAL_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="module")
def rain(data):
    files = {f"x{number}": data / "busan_yeonsan" / f"flood_depth_rr{number}.tif" for number in MULTIPLIERS}
    return open_hazard(files, family="rain", peril="flood", unit="m", nodata="unknown")


@pytest.fixture(scope="module")
def roads(data):
    edges = gpd.read_file(data / "busan_yeonsan" / "road_edges.geojson").to_crs(5187)
    return edges.rename(columns={"edge_id": "id", "u": "from_asset", "v": "to_asset", "length_m": "length"})


@pytest.fixture(scope="module")
def road_network(data, roads):
    nodes = gpd.read_file(data / "busan_yeonsan" / "road_nodes.geojson").rename(columns={"node_id": "id"})
    layers = [nodes.assign(sector="transport"), roads.assign(sector="transport", dry_threshold=LIMIT)]
    return Network.from_tables(assets=layers, crs=5187)


@pytest.fixture(scope="module")
def exposure(rain, road_network, roads):
    return expose(rain, road_network, curves=CurveTable()).sel(asset=roads["id"].to_numpy(dtype=str))


def deepest_of_samples(rain, roads, distances):
    """Deepest of samples along each road, (event, road)."""
    raster = whole_raster(read_window(rain, slice(None), slice(None)))
    a, _, c, _, e, f = grid_of(rain).transform[:6]
    deepest = np.empty((3, len(roads)))
    for k, line in enumerate(roads.geometry):
        x, y = shapely.get_coordinates(shapely.line_interpolate_point(line, distances(line.length))).T
        depth = np.empty((3, len(x)))
        sample_points(raster, (c, a, f, e), x.copy(), y.copy(), depth)
        deepest[:, k] = depth.max(axis=1)
    return deepest


def every_two_metres(length):
    """The samples of the published maxima: as many as whole steps of 2 m, both ends included."""
    return np.linspace(0, length, max(2, int(length / 2)))


def above(depth):
    """Depths are float32: 0.3 stored is 0.30000001."""
    return np.asarray(depth) > np.float32(LIMIT)


def test_sampled_maxima_are_the_published_ones(rain, roads):
    sampled = deepest_of_samples(rain, roads, every_two_metres)
    published = np.stack([roads[f"dmax_rr{number}"] for number in MULTIPLIERS])
    assert above(sampled).sum(axis=1).tolist() == [85, 115, 185]
    # Published to 1 mm; one road differs by that in the last scenario.
    assert (np.abs(sampled - published) < 6e-4).sum(axis=1).tolist() == [523, 523, 522]


def test_exact_traversal_equals_dense_sampling(rain, roads, exposure):
    dense = deepest_of_samples(rain, roads, lambda length: np.append(np.arange(0, length, 0.25), length))
    exact = exposure["exposed_intensity"].values
    assert above(dense).sum(axis=1).tolist() == [86, 117, 187]
    assert above(exact).sum(axis=1).tolist() == [86, 117, 187]
    np.testing.assert_array_equal(above(dense), above(exact))
    # E297 ends on a border between two cells: the sample at its very end reads a cell the road only meets in a point.
    lower = (exact < dense).any(axis=0)
    assert roads["id"][lower].tolist() == ["E297"]
    assert np.abs(exact - dense)[:, lower].max() < 0.0011


def test_roads_that_sampling_every_two_metres_misses(rain, roads, exposure):
    """Each crosses the corner of deeper cells on a stretch shorter than the step."""
    sampled = above(deepest_of_samples(rain, roads, every_two_metres))
    exact = above(exposure["exposed_intensity"].values)
    assert not (sampled & ~exact).any()
    missed = [roads["id"][row].tolist() for row in exact & ~sampled]
    assert missed == [["E275"], ["E155", "E275"], ["E129", "E155"]]
    stretch = [exposure["wet_length"][event].sel(asset=names).values for event, names in enumerate(missed)]
    np.testing.assert_allclose(np.concatenate(stretch), [0.439, 1.202, 1.756, 0.145, 1.202], atol=1e-3)
    # 1.756 m is two stretches in two cells: 1.317 m and 0.439 m.


def test_wet_length_and_mean_are_of_the_same_road(roads, exposure):
    length = roads.geometry.length.to_numpy()
    wet = exposure["wet_length"].values
    assert (wet <= length * (1 + 1e-12)).all()
    np.testing.assert_array_equal(wet > 0, above(exposure["exposed_intensity"].values))
    assert (exposure["mean_intensity"] <= exposure["exposed_intensity"]).all()
    assert (np.diff(wet, axis=0) >= 0).all()


CAMBRIDGE = {
    "INFRA_UtilityFacilities": "SITE_NAME",
    "HEALTH_Hospitals": "SITE_NAME",
    "HEALTH_HealthClinics": "SITE_NAME",
    "LANDMARK_ElderlyFacilities": "SITE_NAME",
    "PUBLICSAFETY_FireStations": "SITE_NAME",
    "PUBLICSAFETY_PoliceStation": "SITE_NAME",
    "PUBLICSAFETY_EmergencyShelters": "Name",
    "TRANS_SubwayStations": "STATION",
}
WET = {
    "NSTAR Electric (Station 509)": 3.0,
    "Alewife Bulk": 1.36,
    "BBN Technology": 0.50,
    "ComGas": 1.01,
    "ALEWIFE": 1.20,
    "Robert C. Weaver Apts": 0.60,
    "Tobin School": 0.60,
}


@pytest.mark.parametrize("crs", [26986, 32619], ids=["CRS of the map", "another CRS"])
def test_cambridge_facilities(data, crs):
    folder = data / "cambridge_ma"
    frames = []
    for layer, name in CAMBRIDGE.items():
        frame = gpd.read_file(folder / f"{layer}.geojson")
        ids = [f"{layer}/{k}/{label}" for k, label in enumerate(frame[name])]
        frames.append(gpd.GeoDataFrame({"id": ids, "sector": layer}, geometry=frame.geometry, crs=frame.crs))
    network = Network.from_tables(assets=pd.concat(frames, ignore_index=True), crs=crs)
    river = open_hazard(
        {rp: folder / f"flood_depth_rp{rp}.tif" for rp in (100, 500)},
        family="river", peril="flood", unit="m", nodata="dry", outside="dry",
    )  # fmt: skip
    result = expose(river, network, curves=CurveTable())
    depth = pd.DataFrame(result["exposed_intensity"].values.T, index=result["asset"].values, columns=[100, 500])
    wet = {name.split("/")[-1]: round(value, 2) for name, value in depth[500].items() if value > 0}
    assert wet == WET
    assert {name.split("/")[-1]: round(value, 2) for name, value in depth[100].items() if value > 0} == {
        "ALEWIFE": 0.27
    }
    assert result.attrs["monotonicity_repairs"] == 0
