"""Hazard maps from files or arrays, opened lazily as one hazard dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from resilience.errors import ConfigurationError, DataError, Problem, Problems, count_of, suggestion
from resilience.grid import Grid
from resilience.hazard import make_hazard
from resilience.hazard.severity import check_return_periods
from resilience.perils import PERILS, QUANTITIES
from resilience.readers.declarations import Declared, crs_name, declare, same_crs
from resilience.readers.hazard_layers import find_hours, find_layers
from resilience.readers.identical import warn_identical_layers
from resilience.readers.layers import HourlyStack, Layer, LayerStack
from resilience.readers.raster import RasterLayer

# A map of the whole Earth at half an arc second; what is known of a map, tile by tile, takes a gigabyte then.
MOST_CELLS = 2**42
MOST_ROWS = 2**24

Numbers = Sequence[float] | Mapping[str, float]


def open_hazard(
    source: Any,
    *,
    family: str,
    peril: str,
    unit: str | None = None,
    crs: Any = None,
    nodata: str | None = None,
    nodata_value: float | None = None,
    outside: str = "error",
    return_periods: Numbers | None = None,
    annual_rates: Numbers | None = None,
    events: Sequence[str] | None = None,
    variable: str | None = None,
    bands: int | Sequence[int] | None = None,
    duration_hours: float | Numbers | None = None,
    hours: Sequence[float] | None = None,
    clock_offset: float = 0.0,
    recession_hours: float | Numbers | None = None,
    plausible: tuple[float, float] | None = None,
    num_threads: int | str = "ALL_CPUS",
) -> xr.Dataset:
    """Return the hazard maps of `source` as one lazy hazard dataset. Reads no cells of files.

    CRS, unit and the meaning of no data are taken from the arguments, else from the file, else (the unit) from what is
    known of a published data set; what is still missing is asked for in one message.

    Parameters
    ----------
    source : str, path, sequence, mapping, xarray.DataArray or xarray.Dataset
        One file (GeoTIFF, ESRI ASCII, ..., NetCDF, Zarr); a list with one file per event (or, with `hours`, one list of
        files per event); a mapping of return period (number) or event name (text) to file; a pattern with ``{rp}`` or
        ``{event}``; or an array in memory. A NetCDF file, Zarr group or array may have a dimension of time.
    family : str
        Name of the event family.
    peril : {"flood", "heat"}
    unit : str, optional
        m, cm, mm, ft; degC, K, degF. Converted on reading.
    crs : str, int or pyproj.CRS, optional
        For files that do not tell; must agree with those that do.
    nodata : {"dry", "unknown", "error"}, optional
        What a cell without data means; needed if there can be such cells.
    nodata_value : float, optional
        Stored value that stands for no data, for files that do not declare one.
    outside : {"error", "dry"}
        What an asset outside the grid means.
    return_periods, annual_rates : sequence or mapping of float, optional
        Per event in the order of `source`, or by event name: a severity axis (years), or distinct events (1/year).
    events : sequence of str, optional
        Names of the events, in the order of `source`.
    variable : str, optional
        Of a NetCDF file, Zarr group or dataset.
    bands : int or sequence of int, optional
        Of a raster file, from 1.
    duration_hours, recession_hours : float, sequence or mapping of float, optional
        h at the peak, and h in which a flood falls after them, of maps without time.
    hours : sequence of float, optional
        h from the midnight before an event, ascending: the maps of each event in time, which are the bands of its file
        or the files of its list.
    clock_offset : float, h
        What is added to the times that files tell, to be local.
    plausible : (float, float), optional
        Credible range, m or degC; by default 0 to 30 m, -40 to 80 degC. Checked in every window that is read.
    num_threads : int or "ALL_CPUS"
        Threads that decode one window of a GeoTIFF.

    Returns
    -------
    xarray.Dataset
        As of :func:`resilience.hazard.make_hazard`; ``intensity`` is read when and where it is indexed. Where files
        tell dates, the attribute `days` has that of the first hour of each event.

    Raises
    ------
    ConfigurationError
        Something is not said, or contradicts the file.
    DataError
        The content of a file is wrong.
    MissingInputError
        A file is not there or cannot be opened.

    Warns
    -----
    HazardWarning
        Two return periods have the same map; the unit contradicts the file's; cells may be classes.

    Examples
    --------
    >>> depth = xr.DataArray([[[0.4, 0.0]], [[1.0, 0.2]]], dims=("event", "y", "x"), attrs={"units": "cm"})
    >>> depth = depth.assign_coords(y=[5.0], x=[5.0, 15.0])
    >>> depth = xr.concat([depth, depth.assign_coords(y=[15.0])], "y")
    >>> river = open_hazard(depth, family="river", peril="flood", crs=5187, return_periods=[10, 100])
    >>> river.intensity.sel(event="rp100", y=5, x=5).item()
    0.009999999776482582
    """
    if peril not in QUANTITIES:
        raise ConfigurationError(Problem("peril", " or ".join(PERILS), f"{peril!r}{suggestion(peril, PERILS)}"))
    layers, keyed = find_layers(source, variable=variable, bands=bands, hours=hours, num_threads=str(num_threads))
    n_time, times = find_hours(layers, family)
    flat, layers = layers, layers[::n_time]
    labelled = bool(keyed) or any(item is not None for item in (return_periods, annual_rates, events))
    layers = _label(layers, family, keyed, events, return_periods, annual_rates)
    names = [layer.event for layer in layers]

    problems, mismatches = Problems(), Problems()
    if times is not None and duration_hours is not None:
        wanted = "none where the maps have a time axis, which tells it"
        problems.add(f"duration_hours of family {family!r}", wanted=wanted, got="one")
    if clock_offset and (times is None or hours is not None):
        wanted = "0 where no file tells hours of its own (a dimension of time)"
        problems.add(f"clock_offset of family {family!r}", wanted=wanted, got=f"{clock_offset:g}")
    if bands is None and not labelled and _are_bands(layers):
        wanted = "what they are: `bands: [1, 2]`, or `return_periods`, `annual_rates` or `events` for all of them"
        problems.add(str(source), wanted=wanted, got=f"{len(layers)} bands")
    given = Declared(unit=unit, crs=crs, nodata=nodata, nodata_value=nodata_value)
    settled = declare(flat, given, family=family, peril=peril, problems=problems)
    _check_shared_grid(flat, family, mismatches)
    _check_size(layers, mismatches)
    if problems:
        problems.extend(mismatches)
        problems.raise_if_any(ConfigurationError)
    mismatches.raise_if_any(DataError)

    if nodata_value is not None:
        flat = [replace(layer, nodata=nodata_value) for layer in flat]
    periods = np.array([layer.return_period for layer in layers])
    rates = np.array([layer.annual_rate for layer in layers])
    severity = bool(np.isfinite(periods).all())
    order = np.argsort(periods, kind="stable") if severity else np.arange(len(layers))
    lasting, recession = (
        given if given is None or np.ndim(given) == 0 else np.asarray(given)[order]
        for given in (
            _by_event(duration_hours, names, "duration_hours", family),
            _by_event(recession_hours, names, "recession_hours", family),
        )
    )
    if severity and times is None:
        warn_identical_layers([layers[k] for k in order], family=family)
    in_order = [int(k) * n_time + j for k in order for j in range(n_time)]
    ordered = [flat[i] for i in in_order]
    stack = LayerStack(
        tuple(ordered),
        conversions=tuple(settled.conversions[i] for i in in_order),
        peril=peril,
        plausible=plausible,
    )
    opened = make_hazard(
        LazilyIndexedArray(stack if times is None else HourlyStack(stack, n_time)),
        grid=Grid(settled.crs, ordered[0].transform, ordered[0].height, ordered[0].width),
        family=family,
        peril=peril,
        events=[names[k] for k in order] if events is not None or keyed == "event" or not severity else None,
        return_periods=periods[order] if severity else None,
        annual_rates=rates[order] if not severity and np.isfinite(rates).any() else None,
        nodata=settled.nodata,
        outside=outside,
        duration_hours=lasting,
        recession_hours=recession,
        hours=None if times is None else times + (clock_offset if hours is None else 0.0),
        plausible=plausible,
        source=[layer.subject for layer in ordered[::n_time]],
    )
    days = tuple(layer.day for layer in ordered[::n_time])
    return opened.assign_attrs(days=days) if any(days) else opened


def _are_bands(layers: Sequence[Layer]) -> bool:
    """Return whether these are bands of one raster file of which the file says no return period."""
    rasters = [layer for layer in layers if isinstance(layer, RasterLayer) and np.isnan(layer.return_period)]
    return len(layers) > 1 and len(rasters) == len(layers) and len({layer.path for layer in rasters}) == 1


def _label(
    layers: Sequence[Layer],
    family: str,
    keyed: str,
    events: Sequence[str] | None,
    return_periods: Numbers | None,
    annual_rates: Numbers | None,
) -> list[Layer]:
    """Give each layer its event name, and a return period or an annual rate or neither."""
    problems = Problems()
    if return_periods is not None and annual_rates is not None:
        wanted = "return_periods (one severity axis) or annual_rates (distinct events)"
        problems.add(f"family {family!r}", wanted=wanted, got="both")
    if keyed == "rp" and (return_periods is not None or annual_rates is not None):
        wanted = "return periods in one place: the keys or file names of `source`, or `return_periods`"
        problems.add(f"family {family!r}", wanted=wanted, got="two places")
    if events is not None and len(events) != len(layers):
        problems.add(
            f"events of family {family!r}", wanted=count_of(len(layers), "name"), got=count_of(len(events), "name")
        )
    problems.raise_if_any(ConfigurationError)
    names = [str(name) for name in events] if events is not None else [layer.event for layer in layers]
    if len(set(names)) < len(names) and events is None:
        names = [f"{name} {k}" for k, name in enumerate(names)]
    missing = [float("nan")] * len(layers)
    periods = [layer.return_period for layer in layers]
    rates = [layer.annual_rate for layer in layers]
    if return_periods is not None:
        periods, rates = list(_by_event(return_periods, names, "return_periods", family)), missing
    elif annual_rates is not None:
        periods, rates = missing, list(_by_event(annual_rates, names, "annual_rates", family))
    elif keyed == "rp" or np.isfinite(periods).all():
        rates = missing
    else:
        periods = missing
    bad = check_return_periods(np.asarray(periods, dtype=np.float64)) if np.isfinite(periods).any() else []
    problems.extend(replace(problem, subject=f"{problem.subject} of family {family!r}") for problem in bad)
    problems.raise_if_any(ConfigurationError)
    return [
        replace(layer, event=name, return_period=float(period), annual_rate=float(rate))
        for layer, name, period, rate in zip(layers, names, periods, rates, strict=True)
    ]


def _by_event(values: Any, names: Sequence[str], subject: str, family: str) -> Any:
    """Return `values` in the order of the events; a single number and None stay what they are."""
    if values is None or (np.ndim(values) == 0 and not isinstance(values, Mapping)):
        return values
    if isinstance(values, Mapping):
        absent = [name for name in names if name not in values]
        strange = [str(name) for name in values if name not in names]
        got = "events without a number" if absent else "names that are no event"
        count, first = (len(absent), absent) if absent else (len(strange), strange)
        numbers = [values.get(name, float("nan")) for name in names]
    else:
        numbers = list(values)
        count, first = abs(len(numbers) - len(names)), []
        got = f"{count_of(len(numbers), 'number')} for {count_of(len(names), 'event')}"
    if count:
        wanted = f"one number for each of {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        raise ConfigurationError(Problem(f"{subject} of family {family!r}", wanted, got, first=first))
    return numbers


def _check_shared_grid(layers: Sequence[Layer], family: str, problems: Problems) -> None:
    first = layers[0]
    tolerance = 1e-3 * min(abs(first.transform.a), abs(first.transform.e))
    others = []
    for layer in layers[1:]:
        if (layer.height, layer.width) != (first.height, first.width):
            others.append(f"{layer.subject}: {layer.height} x {layer.width} cells")
        elif not np.allclose(_corners(layer), _corners(first), rtol=0.0, atol=tolerance):
            others.append(f"{layer.subject}: corner {layer.transform.c:g}, {layer.transform.f:g}")
        elif layer.crs is not None and first.crs is not None and not same_crs(layer.crs, first.crs):
            others.append(f"{layer.subject}: {crs_name(layer.crs)}")
    if others:
        place = f"{first.height} x {first.width} cells, corner {first.transform.c:g}, {first.transform.f:g}"
        problems.add(
            f"family {family!r}",
            wanted=f"all maps on the grid of {first.subject} ({place}); warp the others onto it, e.g. with gdalwarp",
            got="maps are on another grid",
            count=len(others),
            total=len(layers),
            first=others,
        )


def _check_size(layers: Sequence[Layer], problems: Problems) -> None:
    large = [
        layer
        for layer in layers
        if max(layer.height, layer.width) > MOST_ROWS or layer.height * layer.width > MOST_CELLS
    ]
    if large:
        problems.add(
            f"size of {large[0].subject}",
            wanted=f"at most {MOST_CELLS:,} cells, {MOST_ROWS:,} in a row or column (cut the map to the city)",
            got=f"{large[0].height:,} rows x {large[0].width:,} columns",
        )


def _corners(layer: Layer) -> list[float]:
    a, b, c, d, e, f = layer.transform[:6]
    return [c, f, c + a * layer.width, f + e * layer.height, b, d]
