"""From what a user names as a source to the maps in it, each with what its place says: return period, event, hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from resilience.errors import ConfigurationError, DataError, MissingInputError, Problem, Problems
from resilience.files import is_there
from resilience.readers.labelled import choose_variable, labelled_layers
from resilience.readers.layers import Layer
from resilience.readers.netcdf import SUFFIXES as NETCDF_SUFFIXES
from resilience.readers.netcdf import netcdf_layers
from resilience.readers.raster import is_remote, raster_layers
from resilience.readers.sources import match_pattern, parse_return_period
from resilience.readers.zarr_store import is_zarr, zarr_layers


def find_layers(
    source: Any,
    *,
    variable: str | None,
    bands: int | Sequence[int] | None,
    hours: Sequence[float] | None,
    num_threads: str,
) -> tuple[list[Layer], str]:
    """Return the layers of a source and what its keys are: ``"rp"``, ``"event"`` or nothing."""
    if isinstance(source, xr.DataArray):
        subject = f"array {source.name!r}" if source.name is not None else "array"
        return list(labelled_layers(source, subject=subject, attributes=source.attrs)), ""
    if isinstance(source, xr.Dataset):
        array = choose_variable(source, variable, subject="dataset")
        return list(labelled_layers(array, subject="dataset", attributes=source.attrs)), ""
    band_list = [bands] if isinstance(bands, int) else bands
    keyed = ""
    if isinstance(source, str | Path):
        if "{" not in str(source):
            of_file = _file_layers(str(source), variable, band_list, num_threads)
            return of_file if hours is None else _timed(of_file, hours, str(source)), ""
        keyed = "rp" if "{rp}" in str(source) else "event"
        found = match_pattern(str(source))
        paths: dict[Any, str] = {parse_return_period(key): path for key, path in found.items()} if keyed == "rp" else {}
        paths = paths or dict(found)
    elif isinstance(source, Mapping):
        numeric = [isinstance(key, int | float) for key in source]
        keyed = "rp" if numeric and all(numeric) else "event"
        paths = {key if keyed == "rp" else str(key): path for key, path in source.items()}
    elif isinstance(source, Sequence):
        paths = dict(enumerate(source))
    else:
        wanted = "a file, list, mapping or pattern of files, or an xarray array (arrays of numpy: `make_hazard`)"
        raise ConfigurationError(Problem("source", wanted, type(source).__name__))
    if not paths:
        raise ConfigurationError(Problem("source", "at least one file", "none"))
    layers: list[Layer] = []
    missing, wrong = Problems(), Problems()
    for key, given in paths.items():
        # One file, or the files of its hours.
        files = [str(given)] if isinstance(given, str | Path) else [str(path) for path in given]
        path = files[0]
        try:
            of_file = [layer for file in files for layer in _file_layers(file, variable, band_list, num_threads)]
            if hours is not None:
                of_file = _timed(of_file, hours, path)
        except MissingInputError as error:
            missing.extend(error.problems)
            continue
        except DataError as error:
            wrong.extend(error.problems)
            continue
        if len(of_file) != 1 and np.isnan([layer.hour for layer in of_file]).any():
            wrong.add(
                path, wanted="one map in each of several files (choose with `bands: 1`)", got=f"{len(of_file)} maps"
            )
        label = {"rp": {"return_period": key}, "event": {"event": key}}.get(keyed, {"event": Path(path).stem})
        layers += [replace(layer, **label) for layer in of_file]
    missing.extend(wrong) if missing else None
    missing.raise_if_any(MissingInputError)
    wrong.raise_if_any(DataError)
    return layers, keyed


def _file_layers(path: str, variable: str | None, bands: Sequence[int] | None, num_threads: str) -> list[Layer]:
    if not is_remote(path):
        is_there(path)  # what may not be read is told here; what is missing, by each reader in its own words
    if is_zarr(path):
        return list(zarr_layers(path, variable=variable))
    if path.lower().endswith(NETCDF_SUFFIXES):
        return list(netcdf_layers(path, variable=variable))
    return list(raster_layers(path, bands=bands, num_threads=num_threads))


def _timed(layers: Sequence[Layer], hours: Sequence[float], subject: str) -> list[Layer]:
    """Return the maps of one event, each with its hour."""
    if any(np.isfinite(layer.hour) for layer in layers):
        raise ConfigurationError(Problem(subject, "no `hours` for a file with a time axis, which tells them", "both"))
    if len(layers) != len(hours):
        raise DataError(
            Problem(subject, f"{len(hours)} maps (bands or files), one per entry of hours", f"{len(layers)}")
        )
    return [replace(layer, hour=float(hour)) for layer, hour in zip(layers, hours, strict=True)]


def find_hours(layers: Sequence[Layer], family: str) -> tuple[int, np.ndarray[Any, np.dtype[np.float64]] | None]:
    """Return how many maps each event has, and their hours; 1 and None without a time axis."""
    hour = np.array([layer.hour for layer in layers])
    if np.isnan(hour).all():
        return 1, None
    # Within an event they ascend.
    starts = np.flatnonzero(~(np.diff(hour, prepend=np.inf) > 0))
    n_time = int(starts[1]) if len(starts) > 1 else len(layers)
    if hour.size % n_time or not (hour.reshape(-1, n_time) == hour[:n_time]).all():
        wanted = "the same hours in all events (put events of other lengths into families of their own)"
        raise DataError(Problem(f"hours of family {family!r}", wanted, "other hours in some events"))
    return n_time, hour[:n_time]
