"""Hazard maps as labelled data: one event family of one peril on one grid.

A hazard dataset holds ``intensity (event, [time,] y, x)`` in the unit of its peril, NaN where the map has no data. With
time, each map holds from its hour to the next, and the last as long as the one before. What no data means, what lies
outside the grid, the CRS and the transform are attributes. Its events are either the points of a *severity axis* (a
return-period stack, ascending) or a list of distinct *events*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, DataError, Problems, count_of, suggestion
from resilience.grid import Grid
from resilience.hazard.checks import (
    NODATA_MEANINGS,
    OUTSIDE_MEANINGS,
    check_annual_rates,
    event_names,
    identical_events,
    warn_identical,
)
from resilience.hazard.severity import check_return_periods
from resilience.perils import PERILS, QUANTITIES, check_plausible, parse_unit
from resilience.variables import VARIABLES

MOST_HOURS = 10_000_000
"""Minutes of an event are held in 32 bits."""


def make_hazard(
    intensity: Any,
    *,
    grid: Grid,
    family: str,
    peril: str,
    unit: str | None = None,
    events: Sequence[str] | None = None,
    return_periods: ArrayLike | None = None,
    annual_rates: ArrayLike | None = None,
    nodata: str = "error",
    outside: str = "error",
    duration_hours: ArrayLike | None = None,
    hours: ArrayLike | None = None,
    recession_hours: ArrayLike | None = None,
    plausible: tuple[float, float] | None = None,
    source: Sequence[str] = (),
) -> xr.Dataset:
    """Return the hazard dataset of maps that are in memory (or of a lazy array).

    Parameters
    ----------
    intensity : (event, y, x) or (y, x) float32, or (event, time, y, x) with `hours`
        Rows and columns as in `grid`; NaN is no data. A lazy array must already be in the unit of the peril.
    grid : Grid
    family : str
        Name of the event family.
    peril : {"flood", "heat"}
    unit : str, optional
        Unit of `intensity`; by default that of the peril (m, degC).
    events : sequence of str, optional
        Names of the events, each once.
    return_periods : (event,) float64, year, optional
        Makes the family a severity axis; >= 1, each once. The events are put in ascending order.
    annual_rates : (event,) float64, 1/year, optional
        Mean number per year of each distinct event. Without either the family has no rates.
    nodata : {"error", "dry", "unknown"}
        What a NaN cell means for an asset on it.
    outside : {"error", "dry"}
        What an asset outside the grid means.
    duration_hours : float or (event,) float64, hour, optional
        Of maps without time: at the peak.
    recession_hours : float or (event,) float64, hour, optional
        In which the intensity then falls, evenly to nothing; 0 by default.
    hours : (time,) float64, hour, optional
        Two or more, ascending, from the midnight before the event: when each map begins to hold.
    plausible : (float, float), optional
        Replaces the credible range of the peril.
    source : sequence of str
        The files it came from.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    DataError, ConfigurationError
        With everything that is wrong.

    Warns
    -----
    HazardWarning
        Two return periods have the same map.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> grid = Grid(pyproj.CRS.from_epsg(5187), Affine(10, 0, 0, 0, -10, 0), height=1, width=2)
    >>> depth = np.array([[[0.4, 0.0]], [[1.0, 0.2]]])
    >>> river = make_hazard(depth, grid=grid, family="river", peril="flood", return_periods=[10, 100])
    >>> river.event.values.tolist(), river.annual_rate.values.tolist()
    (['rp10', 'rp100'], [0.1, 0.01])
    """
    problems = Problems()
    if peril not in QUANTITIES:
        problems.add("peril", wanted=" or ".join(PERILS), got=f"{peril!r}{suggestion(str(peril), PERILS)}")
        problems.raise_if_any(ConfigurationError)
    rule = QUANTITIES[peril]
    _check_word("nodata", nodata, NODATA_MEANINGS, problems)
    _check_word("outside", outside, OUTSIDE_MEANINGS, problems)
    name = parse_unit(rule.unit if unit is None else unit, peril=peril) or ""
    if not name:
        problems.add(f"unit of {peril}", wanted=" or ".join(rule.units), got=repr(unit))
    if return_periods is not None and annual_rates is not None:
        problems.add(
            f"family {family!r}",
            wanted="return_periods (one severity axis) or annual_rates (distinct events)",
            got="both",
        )
    problems.raise_if_any(ConfigurationError)

    if isinstance(intensity, xr.DataArray):
        intensity = intensity.values
    axis = None if hours is None else np.asarray(hours, dtype=np.float64).reshape(-1)
    if axis is not None:
        if axis.size < 2 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
            problems.add("hours", wanted="two or more, ascending", got=", ".join(f"{hour:g}" for hour in axis[:5]))
        elif (np.diff(np.round(axis * 60)) <= 0).any() or axis[-1] - axis[0] > MOST_HOURS:
            wanted = f"steps of a minute or more, {MOST_HOURS:,} h at most in all"
            problems.add("hours", wanted=wanted, got=", ".join(f"{hour:.9g}" for hour in axis[:5]))
        if duration_hours is not None:
            problems.add("duration_hours", wanted="none beside `hours`, which tell it", got="one")
        problems.raise_if_any(ConfigurationError)
        duration_hours = 2 * axis[-1] - axis[-2] - axis[0]
    variable = _as_variable(intensity, grid, None if axis is None else axis.size)
    in_memory = isinstance(intensity, np.ndarray | list | tuple)
    if in_memory:
        scale, shift = rule.units[name]
        raw = variable.values
        converted = raw if name == rule.unit else raw.astype(np.float64) * scale + shift
        values = np.ascontiguousarray(converted, dtype=np.float32)
        check_plausible(values, peril=peril, subject=f"hazard {family!r}", plausible=plausible)
        variable = xr.Variable(variable.dims, values)
    n_event = variable.shape[0]
    periods = _per_event(return_periods, n_event, "return_periods", problems)
    rates = _per_event(annual_rates, n_event, "annual_rates", problems)
    lasting = _per_event(duration_hours, n_event, "duration_hours", problems)
    severity = return_periods is not None
    problems.extend(check_return_periods(periods) if severity else check_annual_rates(rates))
    if duration_hours is not None and not (lasting > 0).all():
        problems.add("duration_hours", wanted="hours > 0", got="other values", count=int((~(lasting > 0)).sum()))
    recession = _per_event(0.0 if recession_hours is None else recession_hours, n_event, "recession_hours", problems)
    wrong = ~(np.isfinite(recession) & (recession >= 0))
    if wrong.any():
        problems.add("recession_hours", wanted="hours >= 0", got="other values", count=int(wrong.sum()))
    elif axis is not None and recession.any():
        problems.add("recession_hours", wanted="none where the maps have a time axis, which tells it", got="some")
    names = event_names(events, periods if severity else None, n_event, problems)
    problems.raise_if_any(DataError)

    order = np.argsort(periods, kind="stable") if severity else np.arange(n_event)
    if (order != np.arange(n_event)).any():
        variable = variable[order]
    low, high = rule.plausible if plausible is None else plausible
    if in_memory and severity and axis is None:
        warn_identical(identical_events(variable.values), names=np.asarray(names)[order].tolist(), subject=family)
    variable.attrs = {**VARIABLES["intensity"].attributes(), "units": rule.unit}
    attributes = {
        "family": family,
        "peril": peril,
        "unit": rule.unit,
        "axis": "severity" if severity else "events",
        "nodata": nodata,
        "outside": outside,
        "crs_wkt": grid.crs.to_wkt(),
        "transform": tuple(float(number) for number in grid.transform[:6]),
        "plausible": (float(low), float(high)),
        "source": tuple(str(item) for item in source),
    }
    coords: dict[str, Any] = {}
    if axis is not None:
        attributes["clock"] = float(axis[0] % 24.0)
        coords["time"] = ("time", axis - axis[0], {"units": "hour"})
    return xr.Dataset(
        {"intensity": variable},
        coords={
            "event": ("event", np.asarray(names, dtype=str)[order]),
            "y": ("y", grid.y),
            "x": ("x", grid.x),
            "return_period": ("event", periods[order], {"units": "year"}),
            "annual_rate": ("event", 1.0 / periods[order] if severity else rates[order], {"units": "1/year"}),
            "duration_hours": ("event", lasting[order], {"units": "hour"}),
            "recession_hours": ("event", recession[order], {"units": "hour"}),
            **coords,
        },
        attrs=attributes,
    )


def _check_word(subject: str, word: str, known: Sequence[str], problems: Problems) -> None:
    if word not in known:
        problems.add(subject, wanted=" or ".join(known), got=f"{word!r}{suggestion(str(word), known)}")


def _as_variable(intensity: Any, grid: Grid, n_time: int | None) -> xr.Variable:
    if isinstance(intensity, list | tuple):
        intensity = np.asarray(intensity, dtype=np.float32)
    if isinstance(intensity, np.ndarray) and intensity.ndim == 2:
        intensity = intensity[np.newaxis]
    problems = Problems()
    shape = tuple(intensity.shape)
    cells = (*(() if n_time is None else (n_time,)), grid.height, grid.width)
    if len(shape) != 1 + len(cells) or shape[1:] != cells or shape[0] == 0:
        wanted = f"(event, {', '.join(map(str, cells))}), at least one event"
        problems.add("intensity", wanted=wanted, got=f"{shape}")
    elif intensity.dtype.kind not in "fiu":
        problems.add("intensity", wanted="numbers", got=f"type {intensity.dtype}")
    problems.raise_if_any(DataError)
    return xr.Variable(("event", *(() if n_time is None else ("time",)), "y", "x"), intensity)


def _per_event(values: ArrayLike | None, n_event: int, subject: str, problems: Problems) -> NDArray[np.float64]:
    if values is None:
        return np.full(n_event, np.nan)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 and subject in ("duration_hours", "recession_hours"):
        return np.full(n_event, float(array))
    if array.shape != (n_event,):
        problems.add(subject, wanted=f"one number per event ({n_event:,})", got=count_of(array.size, "number"))
        return np.full(n_event, np.nan)
    return array
