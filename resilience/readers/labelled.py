"""Layers of a labelled array: what NetCDF, Zarr and arrays in memory have in common."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from resilience.errors import DataError, Problem, Problems, suggestion
from resilience.readers.foreign import told_of_file
from resilience.readers.layers import Layer

Y_NAMES = ("y", "lat", "latitude", "northing", "row", "rows")
X_NAMES = ("x", "lon", "longitude", "easting", "column", "columns", "col")
TIME_NAMES = ("time", "valid_time", "hour", "hours")
HOURS_PER = {"h": 1.0, "hr": 1.0, "hour": 1.0, "min": 1 / 60, "minute": 1 / 60, "s": 1 / 3600, "second": 1 / 3600,
             "d": 24.0, "day": 24.0}  # fmt: skip
# A coordinate is read whole, and every map is an entry of a list.
MOST_STEPS = 2**24
MOST_MAPS = 100_000
PERIOD_NAMES = ("return_period", "return_periods", "rp")


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledLayer(Layer):
    """One map of a labelled array, which may itself be lazy.

    Parameters
    ----------
    variable : xarray.Variable
        ``(event, y, x)``, or ``(time, y, x)`` of one event, stored values.
    position : int
        Event or time.
    """

    variable: xr.Variable
    position: int

    def read(self, rows: slice, columns: slice, out: NDArray[np.float32]) -> None:
        """Read the stored cells of a window into `out`."""
        self._read(self.position, rows, columns, out)

    def read_together(self, layers: Sequence[Layer], rows: slice, columns: slice, out: NDArray[np.float32]) -> bool:
        """Read all events, or all hours of one, at once: a chunk usually holds several."""
        positions = []
        for layer in layers:
            if not isinstance(layer, LabelledLayer) or layer.variable is not self.variable:
                return False
            positions.append(layer.position)
        self._read(np.asarray(positions), rows, columns, out)
        return True

    def _read(self, events: Any, rows: slice, columns: slice, out: NDArray[np.float32]) -> None:
        wanted = "a whole, readable file; fetch or write it again"
        with told_of_file(DataError, self.subject, wanted, got="cannot be read"):
            stored = self.variable[events, rows, columns].values
        with np.errstate(over="ignore"):
            out[...] = stored
        if self.nodata is not None and stored.dtype != np.float32:
            # float32 cannot hold every number: compare before rounding.
            out[stored == np.asarray(self.nodata).astype(stored.dtype)] = np.nan


def labelled_layers(array: xr.DataArray, *, subject: str, attributes: Mapping[Hashable, Any]) -> list[LabelledLayer]:
    """Return one layer per event of `array`, or per hour of each event. Reads no cells of an array not in memory.

    Parameters
    ----------
    array : xarray.DataArray
        Dims y and x (or latitude, longitude, ...), time and at most one more that is longer than 1.
    subject : str
        For messages.
    attributes : mapping
        Those of the dataset it is in.

    Raises
    ------
    DataError
        The dims or the coordinates are not those of a grid.
    """
    y_name, x_name = _dimension(array, "y", Y_NAMES), _dimension(array, "x", X_NAMES)
    problems = Problems()
    for name, found in (("y", y_name), ("x", x_name)):
        if found is None:
            dims = ", ".join(map(str, array.dims))
            problems.add(
                subject, wanted=f"a dimension {name} (or {', '.join(Y_NAMES[1:3])}, ...)", got=f"dims ({dims})"
            )
    problems.raise_if_any(DataError)
    others = [name for name in array.dims if name not in (y_name, x_name)]
    long = [name for name in others if array.sizes[name] > 1]
    time_name = next((name for name in long if str(name).lower() in TIME_NAMES), None)
    if time_name is not None:
        others.remove(time_name)
        long.remove(time_name)
    if len(long) > 1:
        wanted = "one dimension beside time, y and x, of events; choose with `.isel`"
        problems.add(subject, wanted=wanted, got="dims " + ", ".join(f"{name} ({array.sizes[name]})" for name in long))
    n_map = math.prod(array.sizes[name] for name in (*long, time_name) if name is not None)
    if n_map > MOST_MAPS:
        problems.add(f"size of {subject}", wanted=f"at most {MOST_MAPS:,} maps in a file", got=f"{n_map:,}")
    if array.dtype.kind not in "fiu":
        problems.add(subject, wanted="numbers", got=f"type {array.dtype}")
    problems.raise_if_any(DataError)
    event_name = long[0] if long else (others[0] if others else None)
    array = array.isel({name: 0 for name in others if name != event_name})
    if event_name is None:
        array = array.expand_dims("event")
        event_name = "event"
    hours, day = ([float("nan")], "") if time_name is None else _hours(array, time_name, subject)
    array = array.transpose(event_name, *([] if time_name is None else [time_name]), y_name, x_name)
    names, periods, rates = _events(array, event_name)
    encoded = {**array.encoding, **array.attrs}
    nodata = encoded.get("_FillValue", encoded.get("missing_value"))
    # A decoded array holds NaN already, and its encoding says how the file had it.
    decoded = "_FillValue" not in array.attrs and "missing_value" not in array.attrs
    value = None if decoded or nodata is None else float(np.asarray(nodata).reshape(-1)[0])
    variable = array.variable
    # One lazy array per event, of its hours, or one of all events.
    hourly = None if time_name is None else [variable[k] for k in range(len(names))]
    holds_nan = variable._in_memory and array.dtype.kind == "f" and bool(np.isnan(variable.values).any())
    unit = array.attrs.get("units", array.attrs.get("unit"))
    return [
        LabelledLayer(
            subject=(subject if len(names) == 1 else f"{subject} event {names[k]}")
            + ("" if hourly is None else f" hour {hour:g}"),
            crs=_declared_crs(array, attributes),
            transform=_transform(array, str(y_name), str(x_name), subject),
            height=array.sizes[y_name],
            width=array.sizes[x_name],
            dtype=str(array.dtype),
            unit=None if unit in (None, "", "1") else str(unit),
            nodata=None if value is None or np.isnan(value) else value,
            may_miss=nodata is not None or holds_nan,
            scale=float(array.attrs.get("scale_factor", 1.0)),
            shift=float(array.attrs.get("add_offset", 0.0)),
            event=names[k],
            return_period=periods[k],
            annual_rate=rates[k],
            hour=hour,
            day=day,
            variable=variable if hourly is None else hourly[k],
            position=k if hourly is None else j,
        )
        for k in range(array.sizes[event_name])
        for j, hour in enumerate(hours)
    ]


def _hours(array: xr.DataArray, name: Hashable, subject: str) -> tuple[list[float], str]:
    """Return the hours of a time coordinate from the midnight before the first of them, and its date if it has one."""
    problems = Problems()
    wanted = "ascending dates (`hours since 2018-07-20`), or hours from midnight"
    if name not in array.coords:
        raise DataError(Problem(f"{subject} coordinate {name}", wanted, "absent"))
    coordinate = array.coords[name]
    unit = str(coordinate.attrs.get("units", "h"))
    if " since " in unit:
        try:
            times = xr.Dataset(coords={"time": ("time", coordinate.values, coordinate.attrs)})
            coordinate = xr.decode_cf(times)["time"]
        except (ValueError, TypeError, OverflowError) as error:
            calendar = coordinate.attrs.get("calendar", "standard")
            problem = Problem(
                f"{subject} coordinate {name}", f"{wanted}, in the standard calendar",
                f"no dates in unit {unit!r}, calendar {str(calendar)!r}", first=[str(v) for v in coordinate.values[:3]],
            )  # fmt: skip
            raise DataError(problem) from error
    values = coordinate.values
    hours, day = np.full(values.shape, np.nan), ""
    if values.dtype.kind == "M":
        day = str(values[0].astype("datetime64[D]"))
        hours = (values - values[0].astype("datetime64[D]")) / np.timedelta64(1, "h")
    elif values.dtype.kind == "m":
        hours = values / np.timedelta64(1, "h")
    elif values.dtype.kind in "fiu":
        length = HOURS_PER.get(unit.strip().lower(), HOURS_PER.get(unit.strip().lower().removesuffix("s")))
        if length is None:
            problems.add(f"{subject} coordinate {name}", wanted=wanted, got=f"unit {unit!r}")
        else:
            hours = values.astype(np.float64) * length
    if not problems and not (np.isfinite(hours).all() and (np.diff(np.round(hours * 60)) > 0).all()):
        problems.add(
            f"{subject} coordinate {name}",
            wanted=f"{wanted}, a minute or more apart",
            got="others",
            first=[str(v) for v in values[:3]],
        )
    problems.raise_if_any(DataError)
    return [float(hour) for hour in hours], day


def choose_variable(dataset: xr.Dataset, variable: str | None, *, subject: str) -> xr.DataArray:
    """Return the map variable of a dataset: the one named, or the only one on a grid.

    Raises
    ------
    DataError
        There is no such variable, or more than one.
    """
    gridded = [
        str(name)
        for name, array in dataset.data_vars.items()
        if _dimension(array, "y", Y_NAMES) is not None and _dimension(array, "x", X_NAMES) is not None
    ]
    if variable is not None and variable in dataset.data_vars:
        return dataset[variable]
    if variable is not None:
        got = f"no variable {variable!r}{suggestion(variable, gridded)}"
        raise DataError(Problem(subject, f"one of {', '.join(gridded)}", got))
    if len(gridded) != 1:
        wanted = "one variable on a grid, or its name (`variable: depth`)"
        raise DataError(Problem(subject, wanted, f"{len(gridded)} variables on a grid", first=gridded))
    return dataset[gridded[0]]


def _dimension(array: xr.DataArray, axis: str, names: tuple[str, ...]) -> Hashable | None:
    for name in array.dims:
        attrs = array.coords[name].attrs if name in array.coords else {}
        if str(name).lower() in names or str(attrs.get("axis", "")).lower() == axis:
            return name
    return None


def _events(array: xr.DataArray, event_name: Hashable) -> tuple[list[str], list[float], list[float]]:
    n_event = array.sizes[event_name]
    missing = [float("nan")] * n_event
    periods, rates = missing, missing
    for name, coordinate in array.coords.items():
        if coordinate.dims in ((event_name,), ()) and coordinate.dtype.kind in "fiu":
            numbers = np.broadcast_to(coordinate.values.astype(np.float64), n_event).tolist()
            if str(name).lower() in PERIOD_NAMES:
                periods = numbers
            elif str(name).lower() == "annual_rate":
                rates = numbers
    labels = array.coords[event_name].values if event_name in array.coords else np.arange(n_event)
    return [str(label) for label in labels.tolist()], periods, rates


def _declared_crs(array: xr.DataArray, attributes: Mapping[Hashable, Any]) -> CRS | None:
    mappings: list[Mapping[Hashable, Any]] = []
    for name in (array.attrs.get("grid_mapping", array.encoding.get("grid_mapping")), "spatial_ref", "crs"):
        if name in array.coords:
            mappings.append(array.coords[name].attrs)
    for attrs in (*mappings, array.attrs, attributes):
        for key in ("crs_wkt", "spatial_ref", "epsg_code", "crs"):
            if attrs.get(key):
                try:
                    return CRS.from_user_input(attrs[key])
                except CRSError:
                    continue
        if "grid_mapping_name" in attrs:
            try:
                return CRS.from_cf({str(key): value for key, value in attrs.items()})
            except (CRSError, KeyError):
                continue
    return None


def _transform(array: xr.DataArray, y_name: str, x_name: str, subject: str) -> Affine:
    problems = Problems()
    corner: dict[str, tuple[float, float]] = {}
    for name in (x_name, y_name):
        size = array.sizes[name]
        if name not in array.coords or size < 2:
            problems.add(f"{subject} coordinate {name}", wanted="at least two cell centres", got="absent or one")
            continue
        stored = array.coords[name].values
        centres = stored.astype(np.float64)
        step = (centres[-1] - centres[0]) / (size - 1)
        # Degrees in float32 are rounded by up to a few hundredths of a small cell.
        rounding = 4.0 * np.finfo(np.float32).eps * np.abs(centres).max() if stored.dtype == np.float32 else 0.0
        error = np.abs(centres - (centres[0] + step * np.arange(size)))
        if step == 0 or not np.isfinite(centres).all() or error.max() > 1e-3 * abs(step) + rounding:
            wanted = "evenly spaced cell centres (regrid curvilinear or irregular maps first)"
            problems.add(f"{subject} coordinate {name}", wanted=wanted, got="uneven steps")
            continue
        corner[name] = (float(step), float(centres[0] - step / 2.0))
    problems.raise_if_any(DataError)
    return Affine(corner[x_name][0], 0.0, corner[x_name][1], 0.0, corner[y_name][0], corner[y_name][1])
