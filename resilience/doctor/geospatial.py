"""GDAL and PROJ: whether coordinates are understood, and what in the environment keeps them from it."""

from __future__ import annotations

import os

from resilience.doctor.finding import OK, WARNING, WRONG, Finding

# Each wheel brings data of its own; one of these leads it to data of another version.
_STRAY = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH")
_LONGITUDE, _LATITUDE, _CODE = 127.0, 37.5, 5179
_METRES_APART = 0.01

# What readers ask for: rasters by rasterio, features by pyogrio.
_RASTER_DRIVERS = ("GTiff", "COG", "AAIGrid")
_FEATURE_DRIVERS = ("GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf")


def examine_variables() -> list[Finding]:
    """Return what the environment says of the data of GDAL and PROJ."""
    stray = {name: os.environ[name] for name in _STRAY if os.environ.get(name)}
    if not stray:
        return [Finding("GDAL and PROJ variables", OK, f"none of {', '.join(_STRAY)} is set")]
    found = ", ".join(f"{name}={value}" for name, value in stray.items())
    fix = (
        f"unset {' '.join(stray)}: installed packages carry data of their own, and data of another version breaks them "
        "(conda, QGIS and PostGIS set such variables)"
    )
    return [Finding("GDAL and PROJ variables", WARNING, found, fix)]


def examine_coordinates() -> list[Finding]:
    """Look a coordinate system up with both libraries, and bring one point into it with both."""
    placed: dict[str, tuple[float, float]] = {}
    findings = []
    for name, place in (("rasterio", _place_with_rasterio), ("pyproj", _place_with_pyproj)):
        try:
            placed[name] = place()
        except Exception as error:
            what = " ".join(str(error).split()) or type(error).__name__
            stray = [variable for variable in _STRAY if os.environ.get(variable)]
            fix = (
                f"unset {' '.join(stray)}" if stray else f"reinstall {name}: its data of coordinate systems is missing"
            )
            findings.append(Finding(f"coordinates with {name}", WRONG, f"EPSG:{_CODE} is not understood: {what}", fix))
    if len(placed) < 2:
        return findings
    (x0, y0), (x1, y1) = placed.values()
    apart = max(abs(x0 - x1), abs(y0 - y1))
    if not apart <= _METRES_APART:
        return [
            Finding(
                "coordinates", WRONG, f"rasterio and pyproj place one point in EPSG:{_CODE} {apart:.3g} m apart",
                "reinstall rasterio and pyproj from one source",
            )
        ]  # fmt: skip
    return [Finding("coordinates", OK, f"rasterio and pyproj place a point in EPSG:{_CODE} alike")]


def _place_with_rasterio() -> tuple[float, float]:
    from rasterio.crs import CRS
    from rasterio.warp import transform

    (x,), (y,) = transform(CRS.from_epsg(4326), CRS.from_epsg(_CODE), [_LONGITUDE], [_LATITUDE])[:2]
    return float(x), float(y)


def _place_with_pyproj() -> tuple[float, float]:
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, _CODE, always_xy=True).transform(_LONGITUDE, _LATITUDE)
    return float(x), float(y)


def examine_drivers() -> list[Finding]:
    """Return whether the formats that are read most can be read."""
    import pyogrio
    import rasterio

    with rasterio.Env() as environment:
        there = set(environment.drivers())
    missing = [name for name in _RASTER_DRIVERS if name not in there]
    missing += [name for name in _FEATURE_DRIVERS if name not in pyogrio.list_drivers()]
    if missing:
        fix = "install the wheels of rasterio and pyogrio: they have these formats"
        return [Finding("formats", WARNING, f"cannot be read: {', '.join(missing)}", fix)]
    return [Finding("formats", OK, ", ".join((*_RASTER_DRIVERS, *_FEATURE_DRIVERS)))]
