"""The whole result as one netCDF file after the CF conventions."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from resilience.export.places import points_of, to_degrees
from resilience.export.source import Source
from resilience.labels import texts
from resilience.store import open_results

_CONVENTIONS = "CF-1.11"
_LARGE = 1 << 16  # values; below, compression costs more than it gives


def write_netcdf(source: Source, target: Path) -> dict[str, str]:
    """Write the result, as ``results.zarr`` has it, with the places of assets and zones.

    Units are as CF asks: what UDUNITS does not know, people and money, is counted in 1, and the unit of the run is in
    the attribute `counted_in`. The compressed file is held in memory once.
    """
    with open_results(source.run.path) as stored:
        dataset = _with_places(stored, source)
        dataset = dataset.assign_attrs(source.attributes(), Conventions=_CONVENTIONS)
        plain = xr.Dataset(
            {name: _plain(array, source) for name, array in dataset.data_vars.items()},
            {name: _plain(array, source) for name, array in dataset.coords.items()},
            _attributes(dataset.attrs),
        )
        encoding = {
            name: {"zlib": True, "complevel": 4}
            for name, array in plain.data_vars.items()
            if array.size > _LARGE and array.dtype.kind in "if"
        }
        # Not to the file itself: where a disk is full, HDF5 ends the process.
        whole = BytesIO()
        plain.to_netcdf(whole, engine="h5netcdf", format="NETCDF4", encoding=encoding)
    target.write_bytes(whole.getbuffer())
    return {target.name: "the whole result"}


def cf_unit(unit: str, counted_in: str) -> str:
    """Return a unit that UDUNITS knows: without people and money.

    Examples
    --------
    >>> cf_unit("persons h/year", "persons"), cf_unit("persons^2", "persons"), cf_unit("money", "persons")
    ('h/year', '1', '1')
    >>> cf_unit("persons/year", "persons"), cf_unit("%", "persons")
    ('1/year', 'percent')
    """
    rest = re.sub(rf"\b({re.escape(counted_in)}|persons|money)\b(\^2)?", "1", unit)
    rest = re.sub(r"^1 (?=\w)", "", rest).strip()
    return {"%": "percent"}.get(rest, rest)


def _plain(array: xr.DataArray, source: Source) -> xr.Variable:
    """Return an array that netCDF can hold."""
    values = array.values
    attributes = _attributes(array.attrs)
    if values.dtype.kind in "OUT":
        values = np.array(values.tolist(), dtype=object)
    elif values.dtype.kind == "b":
        values = values.astype(np.int8)
        attributes |= {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "no yes"}
    unit = attributes.get("units")
    if not {"asset", "zone"}.isdisjoint(array.dims) and array.name not in array.coords:
        attributes["grid_mapping"] = "crs"
    if unit:
        attributes["units"] = cf_unit(unit, source.run.result.unit)
        if attributes["units"] != unit:
            attributes["counted_in"] = unit
    return xr.Variable(array.dims, values, attributes)


def _attributes(attributes: Any) -> dict[str, Any]:
    """Return attributes as text and numbers: netCDF has no lists of texts, flags or nothing."""
    plain: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            plain[str(name)] = "\n".join(value)
        elif isinstance(value, bool):
            plain[str(name)] = int(value)
        elif isinstance(value, str | int | float | np.generic | np.ndarray):
            plain[str(name)] = value
        elif value is not None:
            plain[str(name)] = json.dumps(value)
    return plain


def _with_places(stored: xr.Dataset, source: Source) -> xr.Dataset:
    """Return the dataset with x, y, longitude and latitude of assets and zones, a point for each."""
    network = source.run.network
    crs = network.crs
    degrees = to_degrees(crs)
    places: dict[str, Any] = {}
    for dim in ("asset", "zone"):
        x, y = points_of(network, dim, texts(stored, dim)).T
        longitude, latitude = degrees.transform(x, y)
        for axis, values in (("x", x), ("y", y)):
            places[f"{dim}_{axis}"] = (dim, values, {"standard_name": f"projection_{axis}_coordinate", "units": "m"})
        for name, values, told in (("longitude", longitude, "degrees_east"), ("latitude", latitude, "degrees_north")):
            places[f"{dim}_{name}"] = (dim, values, {"standard_name": name, "units": told})
    return stored.assign_coords(places).assign(crs=((), np.int32(0), crs.to_cf()))
