"""What all tests share: the real data, how long Hypothesis may search, and small cities on disk.

In a small city every asset stands in a raster cell of its own, so a table of intensities is a hazard map.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from hypothesis import settings
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString, Point

from resilience import assess
from resilience.network import Network
from resilience.result import Result
from resilience.scenario import Scenario
from tests.packed import build

settings.register_profile("search", deadline=None, max_examples=50)
settings.register_profile("fixed", deadline=None, max_examples=50, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "search"))

# A second for every test that runs the command; those of the report ask for one.
os.environ["RESILIENCE_NO_REPORT"] = "1"

UNSET = "RESILIENCE_REAL_DATA is not set"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real inputs; a test that asks for it is skipped without one."""
    folder = os.environ.get("RESILIENCE_REAL_DATA")
    if not folder:
        pytest.skip(UNSET)
    return Path(folder)


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a source distribution of the tracked files, and the wheel that is built from it."""
    base = tmp_path_factory.getbasetemp()
    return build((base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "packaging")


@pytest.fixture(scope="session")
def kept_result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return the result of a small built-in city over time, with paired runs of one asset, kept in a run directory."""
    scenario = Scenario.from_dict(
        {
            "schema_version": 1,
            "name": "small-city",
            "network": {"synthetic": {"size": 600}},
            "monte_carlo": {"samples": 512},
            "time": {"hours": [0, 6, 24, 72]},
            "importance": {"top": 1},
            "risk": {"catalogue_years": 2000, "bootstrap": 100},
        }
    )
    return assess(scenario, out=tmp_path_factory.mktemp("kept") / "run")


@pytest.fixture
def hears_interrupts() -> Iterator[None]:
    """Let processes hear interrupts, even if the shell that began pytest in its background had them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the real data."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real_data")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Fail a skipped comparison with real data where RESILIENCE_REQUIRE_REAL_DATA says that it must run."""
    report = yield
    if report.skipped and item.get_closest_marker("real_data") and os.environ.get("RESILIENCE_REQUIRE_REAL_DATA"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} compares with real data and was skipped: {report.longrepr}"
    return report


CRS = "EPSG:5179"
WEST, NORTH, CELL, WIDTH = 950_000.0, 1_950_000.0, 10.0, 64

CURVES = """name,role,peril,unit,x,y,source,basis
depth_is_probability,fragility,flood,m,0,0,identity,default
depth_is_probability,fragility,flood,m,1,1,identity,default
degree_is_probability,fragility,heat,degC,0,0,identity,default
degree_is_probability,fragility,heat,degC,1,1,identity,default
loss_of_15_m,damage,flood,m,0,0,identity,default
loss_of_15_m,damage,flood,m,15,1,identity,default
"""

Need = tuple[str, str, Sequence[str], int] | tuple[str, str, Sequence[str], int, Mapping[str, Any]]


def cell_of(number: int) -> tuple[float, float]:
    """Return the centre of a numbered cell."""
    row, column = divmod(number, WIDTH)
    return WEST + (column + 0.5) * CELL, NORTH - (row + 0.5) * CELL


def tables_of(
    assets: Sequence[Mapping[str, Any]],
    zones: Sequence[Mapping[str, Any]],
    needs: Sequence[Need],
    sources: Mapping[str, str],
    supply: Sequence[Mapping[str, Any]] = (),
) -> dict[str, pd.DataFrame]:
    """Return the tables of a city; assets and zones are placed in their cells, in the order of `assets`.

    `supply` holds rows of that table beside the bare `sources`.
    """
    rows = []
    for i, asset in enumerate(assets):
        x, y = cell_of(i)
        link = bool(asset.get("from_asset"))
        shape = LineString([(x - 2, y), (x + 2, y)]) if link else Point(x, y)
        rows.append({"sector": "power", "flood_fragility_curve": "depth_is_probability", **asset, "geometry": shape})
    named = [{"id": f"need{i}", "dependent": need[0], "service": need[1], "required": need[3],
              **(need[4] if len(need) > 4 else {})} for i, need in enumerate(needs)]  # fmt: skip
    provided = [{"need": f"need{i}", "provider": provider} for i, need in enumerate(needs) for provider in need[2]]
    return {
        "assets": gpd.GeoDataFrame(rows, crs=CRS),
        "zones": gpd.GeoDataFrame(
            [{"persons": 1000.0, "geometry": Point(*cell_of(0)), **zone} for zone in zones], crs=CRS
        ),
        "needs": pd.DataFrame(named, columns=None if named else ["id", "dependent", "service"]),
        "dependencies": pd.DataFrame(provided, columns=["need", "provider"]),
        "supply": pd.DataFrame(
            [*({"asset": asset, "sector": sector, "is_source": True} for asset, sector in sources.items()), *supply],
            columns=["asset", "sector", "is_source", *(["capacity", "demand"] if supply else [])],
        ),
    }


def write_maps(path: Path, values: ArrayLike, *, nodata: float | None = None, shift: float = 0.0) -> None:
    """Write (event, asset) values as a raster of one band per event."""
    table = np.atleast_2d(np.asarray(values, dtype=np.float32))
    height = -(-table.shape[1] // WIDTH)
    maps = np.repeat(table[:, :1], height * WIDTH, axis=1)
    maps[:, : table.shape[1]] = table
    profile = {
        "driver": "GTiff", "count": table.shape[0], "height": height, "width": WIDTH, "dtype": "float32",
        "crs": CRS, "transform": Affine(CELL, 0, WEST + shift, 0, -CELL, NORTH), "nodata": nodata,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(maps.reshape(-1, height, WIDTH))


class Site:
    """Writes the files of a small city and returns its scenario."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def scenario(
        self,
        assets: Sequence[Mapping[str, Any]],
        hazards: Sequence[Mapping[str, Any]],
        *,
        zones: Sequence[Mapping[str, Any]] = ({"id": "zone"},),
        needs: Sequence[Need] = (),
        sources: Mapping[str, str] | None = None,
        supply: Sequence[Mapping[str, Any]] = (),
        services: Mapping[str, Any] | None = None,
        levels: Mapping[str, Any] | None = None,
        samples: int = 512,
        **more: Any,
    ) -> Scenario:
        """Return the scenario; `hazards` hold `values` (event, asset) beside the keys of a hazard section."""
        folder = self._folder()
        tables = tables_of(assets, zones, needs, sources or {}, supply)
        network: dict[str, Any] = {}
        for name, table in tables.items():
            if not len(table):
                continue
            frame = pd.DataFrame(table)
            if name in ("assets", "zones"):
                frame = frame.assign(geometry=table.geometry.to_wkt())
            frame.to_csv(folder / f"{name}.csv", index=False)
            network[name] = {"path": f"{name}.csv", "columns": {column: column for column in frame}}
            if name in ("assets", "zones"):
                network[name]["crs"] = CRS
        sections = []
        for number, hazard in enumerate(hazards):
            section = {"family": f"family{number}", "peril": "flood", "unit": "m", "nodata": "error", **hazard}
            values = section.pop("values")
            if np.ndim(values) == 3:  # (event, time, asset): a file per event, a band per hour
                paths = [f"map{number}-{event}.tif" for event in range(len(values))]
                for path, table in zip(paths, values, strict=True):
                    write_maps(folder / path, table)
                sections.append({**section, "files": paths})
                continue
            write_maps(
                folder / f"map{number}.tif", values, nodata=section.pop("mark", None),
                shift=section.pop("shift", 0.0),
            )  # fmt: skip
            sections.append({**section, "path": f"map{number}.tif"})
        (folder / "curves.csv").write_text(CURVES)
        named = services or {need[1]: {"by": "assignment"} for need in needs} or {"power": {"by": "assignment"}}
        data = {
            "schema_version": 1, "name": "site", "seed": 1, "crs": CRS, "hazards": sections, "network": network,
            "services": named, "curves": {"files": [{"path": "curves.csv"}]}, "cascade": {"levels": dict(levels or {})},
            "monte_carlo": {"samples": samples}, "risk": {"catalogue_years": 0},
            "importance": {"top": 0},
        }  # fmt: skip
        data.update(more)
        return Scenario.from_dict(data, base=folder)

    def network(
        self,
        assets: Sequence[Mapping[str, Any]],
        *,
        zones: Sequence[Mapping[str, Any]] = ({"id": "zone"},),
        needs: Sequence[Need] = (),
        sources: Mapping[str, str] | None = None,
    ) -> Network:
        """Return the same city in memory."""
        tables = tables_of(assets, zones, needs, sources or {})
        return Network.from_tables(**{name: table for name, table in tables.items() if len(table)}, crs=CRS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(lambda: tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def unpack() -> Callable[[NDArray[np.uint64]], NDArray[np.bool_]]:
    """Return the function that turns rows of words into one truth value per sample."""
    return lambda rows: np.unpackbits(rows.view(np.uint8), axis=-1, bitorder="little").astype(bool)
