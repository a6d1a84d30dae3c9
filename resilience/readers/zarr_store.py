"""Zarr, versions 2 and 3: groups as xarray writes them, and bare arrays in the layout of OS-Climate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from resilience.errors import DataError, MissingInputError, Problem, Problems, suggestion
from resilience.readers.foreign import load_coordinates, told_of_file
from resilience.readers.labelled import MOST_STEPS, LabelledLayer, choose_variable, labelled_layers

MOST_CHUNK_BYTES = 2**32

MARKERS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


def is_zarr(path: str) -> bool:
    """Return whether `path` is a folder with a Zarr group or array."""
    return any((Path(path) / marker).is_file() for marker in MARKERS)


def zarr_layers(path: str, *, variable: str | None = None) -> list[LabelledLayer]:
    """Return one layer per event of a Zarr array. Reads no cells.

    Parameters
    ----------
    path : str
        A group, or an array within one.
    variable : str, optional
        Name (or path) of the array in the group; not needed if there is one.

    Raises
    ------
    MissingInputError
        There is no Zarr store.
    DataError
        It has no such array, or the array is not on a regular grid.
    """
    with told_of_file(MissingInputError, path, "a Zarr store", got="cannot be opened"):
        node = zarr.open(Path(path).absolute(), mode="r")
        is_absent = isinstance(node, zarr.Group) and variable is not None and variable not in node
        if isinstance(node, zarr.Group) and variable is not None and not is_absent:
            inner = node[variable]
            if isinstance(inner, zarr.Array) and "transform_mat3x3" in inner.attrs:
                node = inner
            elif isinstance(inner, zarr.Group):
                return zarr_layers(f"{path}/{variable}")
        # Not listed where nothing has to be: a group may lie in a folder that says nothing of itself.
        names = sorted(node.keys()) if is_absent and isinstance(node, zarr.Group) else []
        arrays = {"": node} if isinstance(node, zarr.Array) else {} if is_absent else dict(node.arrays())
        bare = [name for name, array in arrays.items() if name and "transform_mat3x3" in array.attrs]
    if is_absent:
        got = f"no array {variable!r}{suggestion(str(variable), names)}"
        raise DataError(Problem(path, f"one of {', '.join(names)}", got))
    _check_sizes(arrays.values(), path)
    if isinstance(node, zarr.Array):
        wanted = "an array in the layout of OS-Climate"
        with told_of_file(DataError, path, wanted, got="attributes that tell no grid"):
            array = _bare_array(node, path)
        return labelled_layers(array, subject=path, attributes=dict(node.attrs))
    if variable is None and len(bare) == 1:
        return zarr_layers(f"{path}/{bare[0]}")
    wanted = "arrays with named dimensions, as xarray writes them, or in the layout of OS-Climate"
    with told_of_file(DataError, path, wanted, got="cannot be read"):
        dataset = xr.open_zarr(
            # A path is taken for an address by some versions of Zarr, and ends at `#` or `?`.
            zarr.storage.LocalStore(Path(path).absolute(), read_only=True),
            chunks=None,
            consolidated=False,
            mask_and_scale=False,
            decode_times=False,
            decode_coords="all",
        )
        load_coordinates(dataset)
    return labelled_layers(choose_variable(dataset, variable, subject=path), subject=path, attributes=dataset.attrs)


def _check_sizes(arrays: Iterable[zarr.Array[Any]], path: str) -> None:
    """Raise if arrays claim more than any memory holds; only a coordinate and a chunk are ever read whole."""
    problems = Problems()
    for array in arrays:
        subject = f"size of {path} {array.name or ''}".rstrip()
        if array.size > 0 and (array.ndim == 1 or "transform_mat3x3" in array.attrs) and max(array.shape) > MOST_STEPS:
            wanted = f"at most {MOST_STEPS:,} in a row or column (cut the map to the city)"
            problems.add(subject, wanted=wanted, got=f"{max(array.shape):,}")
        n_byte = math.prod(array.chunks) * array.dtype.itemsize
        if n_byte > MOST_CHUNK_BYTES:
            problems.add(subject, wanted=f"chunks of at most {MOST_CHUNK_BYTES:,} bytes", got=f"{n_byte:,}")
    problems.raise_if_any(DataError)


class _ZarrCells(BackendArray):
    """Cells of a bare Zarr array for xarray."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self.array.oindex[key])


def _bare_array(array: zarr.Array[Any], path: str) -> xr.DataArray:
    """Return an array in the layout of OS-Climate: corner-based `transform_mat3x3`, the index values in attributes."""
    attrs: Mapping[str, Any] = dict(array.attrs)
    matrix = attrs.get("transform_mat3x3")
    if matrix is None or array.ndim != 3:
        wanted = "an array (index, y, x) with the attributes `transform_mat3x3` and `crs` of OS-Climate, or a group"
        raise DataError(Problem(path, wanted, f"a bare array of {array.ndim} dimensions"))
    a, b, c, d, e, f = (float(number) for number in matrix[:6])
    if b != 0.0 or d != 0.0:
        raise DataError(Problem(f"{path} transform_mat3x3", "an axis-aligned grid", f"{list(matrix)}"))
    dims = [str(name) for name in attrs.get("dimensions", ())]
    index = dims[0] if len(dims) == 3 else "index"
    values = attrs.get(f"{index}_values", attrs.get("index_values"))
    units = str(attrs.get(f"{index}_units", "")).lower()
    # Flood maps of this layout are indexed by return period; older ones do not say so.
    by_period = "return" in index.lower() or "return" in units or units.startswith("year") or index == "index"
    coords: dict[str, Any] = {
        "y": f + e * (np.arange(array.shape[1]) + 0.5),
        "x": c + a * (np.arange(array.shape[2]) + 0.5),
    }
    if values is not None and len(values) == array.shape[0]:
        coords["event"] = ("event", [str(value) for value in values])
        if by_period and all(isinstance(value, int | float) for value in values):
            coords["return_period"] = ("event", np.asarray(values, dtype=np.float64))
    stored = {name: attrs[name] for name in ("units", "_FillValue", "crs") if name in attrs}
    if "_FillValue" not in stored and array.dtype.kind == "f" and np.isnan(array.fill_value):
        stored["_FillValue"] = np.nan
    data = indexing.LazilyIndexedArray(_ZarrCells(array))
    return xr.DataArray(xr.Variable(("event", "y", "x"), data, stored), coords=coords)
