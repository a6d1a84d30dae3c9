"""Exposure of a network to a hazard: every shape, policy and CRS; memory and reading by tiles."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr
from affine import Affine
from xarray.backends import BackendArray
from xarray.core import indexing

from resilience.curves import Curve, CurveTable
from resilience.errors import ConfigurationError, DataError
from resilience.exposure import expose, tile_buffer
from resilience.exposure.placement import BEND, place_assets
from resilience.grid import Grid
from resilience.hazard import make_hazard
from resilience.labels import check_dataset
from resilience.network import Network
from resilience.variables import VARIABLES

CRS = pyproj.CRS.from_epsg(5187)
DEPTH = np.array([[0.0, 0.2, 0.4, 0.6], [1.0, 0.0, 0.5, 0.0], [0.0, 2.0, 0.0, 0.3]], dtype=np.float32)


def make_grid(height=3, width=4, step=10.0, south_up=False, crs=CRS, x=200_000.0, y=500_000.0):
    """Row 0 is at the top of the array; its cells are the most northern unless south_up."""
    return Grid(crs, Affine(step, 0, x, 0, step if south_up else -step, y), height=height, width=width)


def at(*cells, grid=None):
    """Coordinates of (column, row) positions."""
    a, _, c, _, e, f = (grid or make_grid()).transform[:6]
    return [(c + a * column, f + e * row) for column, row in cells]


def make_network(geometry, **columns):
    """A network whose geometry is put in afterwards: the tables refuse several points and lines without length."""
    n = len(geometry)
    frame = gpd.GeoDataFrame(
        {"id": [f"A{k}" for k in range(n)], "sector": "power", **columns},
        geometry=shapely.points(np.arange(n), np.zeros(n)), crs=CRS,
    )  # fmt: skip
    network = Network.from_tables(assets=frame)
    return replace(network, assets=network.assets.set_geometry(gpd.GeoSeries(list(geometry), crs=CRS)))


def make_flood(values=DEPTH, grid=None, **options):
    return make_hazard(values, grid=grid or make_grid(), family="rain", peril="flood", **options)


def shapes(grid=None):
    return [
        shapely.Point(at((2.5, 0.5), grid=grid)[0]),
        shapely.LineString(at((0.5, 1.5), (3.5, 1.5), grid=grid)),
        shapely.Polygon(at((0.5, 0.0), (3.0, 0.0), (3.0, 1.0), (0.5, 1.0), grid=grid)),
        shapely.MultiPoint(at((0.5, 0.5), (1.5, 2.5), grid=grid)),
        shapely.MultiLineString(
            [at((0.5, 0.5), (1.0, 0.5), grid=grid), at((3.0, 0.5), (3.5, 0.5), grid=grid)]
        ),
        shapely.MultiPolygon(
            [shapely.Polygon(at(*ring, grid=grid)) for ring in (
                [(0, 1), (1, 1), (1, 2), (0, 2)], [(2, 2), (2.5, 2), (2.5, 3), (2, 3)])]
        ),
        shapely.LineString(at((1.5, 2.5), (1.5, 2.5), grid=grid)),
    ]  # fmt: skip


class Lazy(BackendArray):
    """An array that is read by window and remembers what was asked for."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.windows = values, values.shape, values.dtype, []

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key):
        self.windows.append(key)
        return self.values[key]


def make_lazy(hazard):
    """The same hazard, read by window; and the record of reads."""
    source = Lazy(hazard["intensity"].values)
    variable = xr.Variable(("event", "y", "x"), indexing.LazilyIndexedArray(source))
    lazy = hazard.assign(intensity=variable)
    assert not lazy["intensity"].variable._in_memory
    return lazy, source


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch):
    """Tiles of 4 x 4 cells, so that small rasters have several."""
    monkeypatch.setattr(tile_buffer, "TILE_SHIFT", 2)
    monkeypatch.setattr(tile_buffer, "TILE_SIZE", 4)
    monkeypatch.setattr("resilience.exposure.stage.TILE_SHIFT", 2)


def assert_same(one, other, exact=True):
    for name in ("exposed_intensity", "mean_intensity", "wet_length", "damage_fraction"):
        if exact:
            np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=name)
        else:
            np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("south_up", [False, True])
def test_every_shape(south_up):
    grid = make_grid(south_up=south_up)
    network = make_network(shapes(grid), dry_threshold=0.2)
    exposure = expose(make_flood(grid=grid), network, curves=CurveTable())
    check_dataset(exposure, ["exposed_intensity", "mean_intensity", "wet_length", "damage_fraction"], subject="e")
    np.testing.assert_allclose(exposure.exposed_intensity[0], [0.4, 1.0, 0.4, 2.0, 0.6, 1.0, 2.0])
    np.testing.assert_allclose(exposure.mean_intensity[0], [0.4, 1.0 / 3, 0.6 / 2.5, 1.0, 0.3, 2 / 3, 2.0], rtol=1e-6)
    np.testing.assert_allclose(exposure.wet_length[0], [np.nan, 15.0, np.nan, np.nan, 5.0, np.nan, 0.0], atol=1e-9)
    assert (exposure.damage_fraction == 0).all()
    assert exposure.asset.values.tolist() == network.assets["id"].tolist()
    assert exposure.attrs["peril"] == "flood"
    assert exposure.exposed_intensity.attrs["units"] == "m"
    assert exposure.exposed_intensity.attrs["long_name"] == VARIABLES["exposed_intensity"].meaning


def test_rectangular_cells():
    grid = Grid(CRS, Affine(10, 0, 0, 0, -2, 6), height=3, width=2)
    flood = make_flood(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), grid=grid)
    network = make_network([shapely.LineString([(5, 5), (5, 1)]), shapely.box(5, 0, 15, 4)])
    exposure = expose(flood, network, curves=CurveTable())
    np.testing.assert_allclose(exposure.mean_intensity[0], [(1 + 2 * 3 + 5) / 4, 4.5])
    np.testing.assert_allclose(exposure.wet_length[0, 0], 4.0)


def test_bilinear_is_for_points_only():
    geometry = [shapely.Point(at((1.0, 0.5))[0]), shapely.LineString(at((0.5, 0.5), (1.5, 0.5)))]
    network = make_network(geometry)
    nearest = expose(make_flood(), network, curves=CurveTable())
    bilinear = expose(make_flood(), network, curves=CurveTable(), method="bilinear")
    np.testing.assert_allclose(nearest.exposed_intensity[0], [0.2, 0.2])
    np.testing.assert_allclose(bilinear.exposed_intensity[0], [0.1, 0.2])
    with pytest.raises(ConfigurationError, match="did you mean 'nearest'"):
        expose(make_flood(), network, curves=CurveTable(), method="nearst")


CURVES = CurveTable(
    [
        Curve(name="road", role="damage", peril="flood", unit="m", x=[0, 1, 2], y=[0, 0.5, 0.6], source="test"),
        Curve(name="hot", role="damage", peril="heat", unit="degC", x=[-10, 40], y=[0, 1.0], source="test"),
    ]
)


def test_damage_is_of_each_cell_and_only_of_assets_with_a_curve():
    line = shapely.LineString(at((0, 1.5), (4, 1.5)))
    network = make_network(
        [line, line, line, line, shapely.Point(at((1.5, 2.5))[0])],
        flood_damage_curve=["road", "", "road", "road", "road"],
        component_height=[0.0, 0.0, 0.75, 0.0, 1.5],
        dry_threshold=[0.0, 0.0, 0.0, 0.7, 0.0],
    )
    exposure = expose(make_flood(), network, curves=CURVES)
    np.testing.assert_allclose(
        exposure.damage_fraction[0], [(0.5 + 0.25) / 4, 0.0, 0.125 / 4, 0.5 / 4, 0.25], rtol=1e-6
    )
    # The mean depth, 0.375 m, would give the same curve value only if the curve were straight.
    with pytest.raises(DataError, match="unknown"):
        expose(make_flood(), make_network([line], flood_damage_curve=["rood"]), curves=CURVES)


def test_heat_knows_no_height_and_no_dry_threshold():
    heat = make_hazard(
        np.array([[-10.0, 15.0, 40.0]]), grid=make_grid(1, 3), family="hot", peril="heat", nodata="unknown"
    )
    network = make_network(
        [shapely.LineString(at((0, 0.5), (3, 0.5)))], heat_damage_curve="hot", component_height=2.0, dry_threshold=20.0
    )
    exposure = expose(heat, network, curves=CURVES)
    assert exposure.damage_fraction.item() == pytest.approx(0.5)
    assert exposure.mean_intensity.item() == pytest.approx(15.0)
    assert np.isnan(exposure.wet_length.item())
    assert exposure.exposed_intensity.attrs["units"] == "degC"


def test_a_component_at_the_depth_of_the_map_is_dry():
    step = CurveTable([Curve(name="step", role="damage", peril="flood", unit="m", x=[0, 1], y=[0.5, 1], source="test")])
    network = make_network([shapely.Point(at((0.5, 0.5))[0])], flood_damage_curve="step", component_height=0.3)
    flood = make_hazard(np.array([[[0.3]], [[0.4]]]), grid=make_grid(1, 1), family="r", peril="flood")
    np.testing.assert_allclose(expose(flood, network, curves=step).damage_fraction[:, 0], [0.0, 0.55], rtol=1e-6)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_cells_without_data(lazy, method):
    values = np.stack([DEPTH, DEPTH])
    values[1, 1, :2] = np.nan
    network = make_network(shapes(), flood_damage_curve="road")

    def run(nodata):
        flood = make_flood(values, nodata=nodata)
        return expose(make_lazy(flood)[0] if lazy else flood, network, curves=CURVES, method=method)

    dry = run("dry")
    np.testing.assert_allclose(dry.exposed_intensity[1, [1, 5]], [0.5, 0.0])
    np.testing.assert_allclose(dry.mean_intensity[1, [1, 5]], [0.5 / 3, 0.0])
    unknown = run("unknown")
    touched = [False, True, False, False, False, True, False]
    for name in ("exposed_intensity", "mean_intensity", "damage_fraction"):
        assert not np.isnan(unknown[name][0]).any()
        np.testing.assert_array_equal(np.isnan(unknown[name][1]), touched)
    assert np.isnan(unknown.wet_length[1, 1])
    assert unknown.attrs["unknown_values"] == 2
    with pytest.raises(DataError, match=r"2 of 7 assets touch cells without data \(first: A1, A5\).*nodata='dry'"):
        run("error")


@pytest.mark.parametrize("lazy", [False, True])
def test_outside(lazy):
    geometry = [
        shapely.Point(at((9, 9))[0]),
        shapely.LineString(at((3.5, 1.5), (5.5, 1.5))),
        shapely.LineString(at((-3.0, 1.5), (1.0, 1.5))),
        shapely.Polygon(at((-1, 1), (1, 1), (1, 2), (-1, 2))),
        shapely.box(0, 0, 10, 10),
        shapely.LineString(at((4, 0), (4, 3))),
        shapely.MultiPoint(at((0.5, 1.5), (-5, 0))),
    ]
    network = make_network(geometry, flood_damage_curve="road")
    flood = make_flood(outside="dry")
    exposure = expose(make_lazy(flood)[0] if lazy else flood, network, curves=CURVES)
    np.testing.assert_allclose(exposure.exposed_intensity[0], [0, 0, 1, 1, 0, 0.6, 1], rtol=1e-6)
    np.testing.assert_allclose(exposure.mean_intensity[0], [0, 0, 0.25, 0.5, 0, 0.3, 0.5], rtol=1e-6)
    np.testing.assert_allclose(exposure.damage_fraction[0], [0, 0, 0.125, 0.25, 0, 0.15, 0.25], rtol=1e-6)
    np.testing.assert_allclose(exposure.wet_length[0, [1, 2, 5]], [0, 10, 20])
    assert exposure.attrs["assets_outside"] == 6
    refused = make_flood()
    with pytest.raises(DataError, match=r"6 of 7 assets are outside or partly outside \(first: A0, A1, A2, \.\.\.\)"):
        expose(make_lazy(refused)[0] if lazy else refused, network, curves=CURVES)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
@pytest.mark.parametrize("budget", [1, 4 * 2 * 16 * 7, 2**20])
def test_reading_by_tiles_equals_memory(budget, method):
    rng = np.random.default_rng(0)
    grid = make_grid(41, 50)
    values = np.maximum(0, rng.normal(0, 1, (2, 41, 50))).astype(np.float32)
    values[:, 5:8, 9:12] = np.nan
    corner = np.array([rng.uniform(0, 50, 60), rng.uniform(0, 41, 60)]).T
    geometry = [shapely.Point(at(tuple(c))[0]) for c in corner[:20]]
    geometry += [shapely.LineString(at(*np.clip(c + rng.normal(0, 5, (4, 2)), 0, 41))) for c in corner[20:40]]
    geometry += [shapely.convex_hull(shapely.MultiPoint(at(*np.clip(c + rng.normal(0, 4, (5, 2)), 0, 41))))
                 for c in corner[40:]]  # fmt: skip
    geometry += shapes()
    network = make_network(geometry, flood_damage_curve="road", dry_threshold=0.1)
    flood = make_flood(values, grid=grid, nodata="dry")
    lazy, source = make_lazy(flood)
    whole = expose(flood, network, curves=CURVES, method=method)
    tiled = expose(lazy, network, curves=CURVES, method=method, tile_budget=budget)
    assert_same(tiled, whole, exact=budget == 2**20)
    np.testing.assert_array_equal(tiled.exposed_intensity, whole.exposed_intensity)
    assert source.windows
    if budget == 2**20:
        cells = [(key[1].stop - key[1].start) * (key[2].stop - key[2].start) for key in source.windows]
        assert sum(cells) <= 41 * 50 * 3


def test_only_tiles_with_assets_are_read_and_each_once():
    grid = make_grid(400, 400, step=1.0)
    flood = make_flood(np.zeros((3, 400, 400), dtype=np.float32), grid=grid)
    lazy, source = make_lazy(flood)
    network = make_network([
        shapely.Point(at((2, 2), grid=grid)[0]), shapely.Point(at((3, 1), grid=grid)[0]),
        shapely.LineString(at((9, 201), (14, 201), grid=grid)), shapely.Point(at((399.5, 399.5), grid=grid)[0]),
    ])  # fmt: skip
    expose(lazy, network, curves=CurveTable())
    read = sorted((key[1].start, key[1].stop, key[2].start, key[2].stop) for key in source.windows)
    assert read == [(0, 4, 0, 4), (200, 204, 8, 16), (396, 400, 396, 400)]


def test_many_distinct_events_are_worked_on_in_turns(monkeypatch):
    monkeypatch.setattr("resilience.exposure.stage.LEAST_TILES", 1)
    rng = np.random.default_rng(1)
    flood = make_flood(rng.random((7, 3, 4)))
    lazy, source = make_lazy(flood)
    network = make_network(shapes(), flood_damage_curve="road")
    tiled = expose(lazy, network, curves=CURVES, tile_budget=4 * 16 * 3)
    assert {key[0].stop - key[0].start if isinstance(key[0], slice) else len(key[0]) for key in source.windows} == {
        1,
        3,
    }
    assert_same(tiled, expose(flood, network, curves=CURVES))


@pytest.mark.parametrize("lazy", [False, True])
def test_severity_axis_is_made_monotone(lazy):
    values = np.stack([DEPTH, DEPTH * 0.5, DEPTH * 2])
    values[1, 0, 3] = np.nan
    flood = make_flood(values, return_periods=[10, 50, 100], nodata="dry")
    network = make_network(shapes(), flood_damage_curve="road")
    exposure = expose(make_lazy(flood)[0] if lazy else flood, network, curves=CURVES)
    assert_same(exposure.isel(event=1), exposure.isel(event=0))
    assert exposure.attrs["monotonicity_repairs"] == (DEPTH > 0).sum()
    assert exposure.return_period.values.tolist() == [10, 50, 100]
    np.testing.assert_allclose(exposure.annual_rate, [0.1, 0.02, 0.01])
    distinct = expose(make_flood(values, nodata="dry"), network, curves=CURVES)
    assert distinct.attrs["monotonicity_repairs"] == 0
    assert (distinct.exposed_intensity[1] < distinct.exposed_intensity[0]).all()


def test_order_and_subset_of_assets_do_not_change_a_bit():
    rng = np.random.default_rng(2)
    flood = make_flood(rng.random((2, 3, 4)))
    geometry = shapes() * 3
    network = make_network(geometry, flood_damage_curve="road", dry_threshold=0.3)
    whole = expose(flood, network, curves=CURVES)
    order = rng.permutation(len(geometry))[:15]
    part = replace(network, assets=network.assets.iloc[order])
    for hazard in (flood, make_lazy(flood)[0]):
        assert_same(expose(hazard, part, curves=CURVES), whole.isel(asset=order))


def test_input_is_not_changed():
    flood = make_flood(nodata="dry", return_periods=[10, 100], values=np.stack([DEPTH, DEPTH / 2]))
    network = make_network(shapes(), flood_damage_curve="road")
    before, table = flood.copy(deep=True), network.assets.copy()
    expose(flood, network, curves=CURVES)
    xr.testing.assert_identical(flood, before)
    pd.testing.assert_frame_equal(pd.DataFrame(network.assets), pd.DataFrame(table))


def test_no_assets():
    network = make_network(shapes())
    empty = replace(network, assets=network.assets.iloc[:0])
    exposure = expose(make_flood(), empty, curves=CURVES)
    assert exposure.exposed_intensity.shape == (1, 0)


GEOGRAPHIC = pyproj.CRS.from_epsg(4326)


def geographic_field(n=200):
    """A plane in longitude and latitude around (200 000, 500 000) of EPSG:5187, cells of 1/2000 degree."""
    to = pyproj.Transformer.from_crs(CRS, GEOGRAPHIC, always_xy=True)
    lon, lat = to.transform(200_000.0, 500_000.0)
    step = 1 / 2000
    grid = Grid(GEOGRAPHIC, Affine(step, 0, lon - step * n / 2, 0, -step, lat + step * n / 2), height=n, width=n)
    i, j = np.mgrid[:n, :n]
    return grid, (1.0 + 0.02 * i + 0.01 * j).astype(np.float32), to


def test_geographic_grid_keeps_metres():
    """Wet length is in metres, and the mean is weighted by them: equal to 20,000 samples along the line."""
    grid, values, to = geographic_field()
    line = shapely.LineString([(197_000, 498_500), (199_500, 501_000), (202_500, 500_900)])
    network = make_network([line], dry_threshold=0.0)
    exposure = expose(make_flood(values, grid=grid), network, curves=CurveTable())
    assert exposure.wet_length.item() == pytest.approx(line.length, rel=1e-12)
    points = shapely.get_coordinates(
        shapely.line_interpolate_point(line, (np.arange(20_000) + 0.5) / 20_000, normalized=True)
    )
    column, row = grid.to_cells(*to.transform(points[:, 0], points[:, 1]))
    samples = values[np.floor(row).astype(int), np.floor(column).astype(int)]
    assert exposure.mean_intensity.item() == pytest.approx(samples.mean(), rel=1e-4)
    assert exposure.exposed_intensity.item() == samples.max()


def test_points_and_polygons_on_a_geographic_grid():
    grid, values, to = geographic_field()
    x, y = np.array([198_000.0, 201_234.0]), np.array([499_000.0, 500_777.0])
    column, row = grid.to_cells(*to.transform(x, y))
    expected = values[np.floor(row).astype(int), np.floor(column).astype(int)]
    network = make_network([*shapely.points(x, y), shapely.box(199_000, 499_000, 200_500, 501_000)])
    exposure = expose(make_flood(values, grid=grid), network, curves=CurveTable())
    np.testing.assert_array_equal(exposure.exposed_intensity[0, :2], expected)
    centre_column, centre_row = grid.to_cells(*map(np.atleast_1d, to.transform(199_750.0, 500_000.0)))
    plane = 1.0 + 0.02 * (centre_row - 0.5) + 0.01 * (centre_column - 0.5)
    assert exposure.mean_intensity[0, 2].item() == pytest.approx(plane.item(), rel=1e-3)


def test_a_wrong_crs_does_not_go_unnoticed():
    """The same numbers called another CRS lie elsewhere: everything is outside, and the message asks about the CRS."""
    grid = make_grid(400, 400, crs=pyproj.CRS.from_epsg(5186))
    network = make_network([shapely.Point(201_000, 499_000)])
    with pytest.raises(DataError, match="CRS"):
        expose(make_flood(np.zeros((400, 400)), grid=grid), network, curves=CurveTable())


def test_long_segments_follow_the_projection():
    """A 300 km segment is bent on a geographic grid; added vertices lie on it, and lengths stay those in metres."""
    to = pyproj.Transformer.from_crs(CRS, GEOGRAPHIC, always_xy=True)
    line = shapely.LineString([(50_000, 500_000), (350_000, 620_000)])
    lon, lat = to.transform(50_000, 650_000)
    grid = Grid(GEOGRAPHIC, Affine(0.001, 0, lon - 0.5, 0, -0.001, lat), height=4000, width=5000)
    placed = place_assets(np.array([line]), ids=np.array(["L"]), crs=CRS, grid=grid).lines
    assert len(placed.column) > 10
    assert placed.length.sum() == pytest.approx(line.length, rel=1e-12)
    own = shapely.linestrings(np.column_stack([placed.column, placed.row]))
    dense = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(0, 1, 1001), normalized=True))
    column, row = grid.to_cells(*to.transform(dense[:, 0], dense[:, 1]))
    assert shapely.distance(own, shapely.points(column, row)).max() < 2 * BEND


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (None, "have no geometry"),
        (shapely.Point(), "have no geometry"),
        (shapely.GeometryCollection([shapely.Point(0, 0)]), "another kind"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "invalid polygons"),
        (shapely.LineString([(0, 0), (np.inf, 1)]), "finite coordinates"),
    ],
    ids=["none", "empty", "collection", "bow tie", "infinite"],
)
def test_geometry_that_cannot_be_used(geometry, message):
    good = shapely.Point(200_005, 499_995)
    with pytest.raises(DataError, match=message):
        place_assets(np.array([good, geometry], dtype=object), ids=np.array(["a", "b"]), crs=CRS, grid=make_grid())


def test_coordinates_beyond_the_projection():
    grid = make_grid(crs=pyproj.CRS.from_epsg(5179))
    far = np.array([shapely.Point(1e9, 1e9)], dtype=object)
    with pytest.raises(DataError, match="coordinates that exist in the hazard's CRS"):
        place_assets(far, ids=np.array(["far"]), crs=CRS, grid=grid)
