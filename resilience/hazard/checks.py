"""What makes a dataset a hazard dataset, and what a person should be warned of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from resilience.errors import DataError, Problem, Problems, count_of, suggestion
from resilience.grid import Grid
from resilience.hazard.severity import check_return_periods
from resilience.perils import PERILS, check_plausible

NODATA_MEANINGS: tuple[str, ...] = ("dry", "unknown", "error")
OUTSIDE_MEANINGS: tuple[str, ...] = ("error", "dry")


class HazardWarning(UserWarning):
    """Something about a hazard map that a person should look at; the numbers stand."""


def grid_of(hazard: xr.Dataset) -> Grid:
    """Return the grid of a hazard dataset, or of a part cut out of one.

    Raises
    ------
    DataError
        The attributes `crs_wkt` and `transform` are not those of a hazard dataset, or the coordinates `x` and `y` are
        no run of the cells of `transform`.

    Examples
    --------
    >>> grid = Grid(CRS.from_epsg(5187), Affine(10, 0, 0, 0, -10, 0), height=2, width=3)
    >>> attributes = {"crs_wkt": grid.crs.to_wkt(), "transform": grid.transform[:6]}
    >>> grid_of(xr.Dataset({"intensity": (("y", "x"), np.zeros((2, 3)))}, attrs=attributes)) == grid
    True
    """
    problems = Problems()
    for name in ("crs_wkt", "transform"):
        if name not in hazard.attrs:
            problems.add(f"hazard attribute {name}", wanted="a dataset of `make_hazard` or `open_hazard`", got="absent")
    problems.raise_if_any(DataError)
    a, b, c, d, e, f = (float(number) for number in hazard.attrs["transform"][:6])
    corner = {"x": c, "y": f}
    for name, step in (("x", a), ("y", e)):
        if name not in hazard.coords or hazard.sizes[name] == 0:
            continue
        centres = hazard[name].values
        skipped = round((float(centres[0]) - corner[name]) / step - 0.5)
        corner[name] += skipped * step
        expected = corner[name] + step * (np.arange(centres.size) + 0.5)
        if not np.allclose(centres, expected, rtol=0.0, atol=1e-3 * abs(step)):
            wanted = "a run of the cell centres of `transform`"
            problems.add(f"hazard coordinate {name}", wanted=wanted, got="other numbers")
    problems.raise_if_any(DataError)
    transform = Affine(a, b, corner["x"], d, e, corner["y"])
    return Grid(CRS.from_wkt(hazard.attrs["crs_wkt"]), transform, hazard.sizes["y"], hazard.sizes["x"])


def check_hazard(hazard: xr.Dataset) -> None:
    """Raise unless `hazard` is a hazard dataset; values are looked at where they are in memory.

    Raises
    ------
    DataError
        With everything that is wrong.

    Examples
    --------
    >>> check_hazard(xr.Dataset(attrs={"peril": "flod"}))
    Traceback (most recent call last):
    ...
    resilience.errors.DataError: hazard.intensity: absent; wanted: dims (event, y, x)
    hazard attribute family: absent; wanted: the name of the event family
    ...
    """
    problems = Problems()
    attrs = hazard.attrs
    if "intensity" not in hazard:
        problems.add("hazard.intensity", wanted="dims (event, y, x)", got="absent")
    elif hazard["intensity"].dims not in (("event", "y", "x"), ("event", "time", "y", "x")):
        got = ", ".join(map(str, hazard["intensity"].dims))
        problems.add("hazard.intensity", wanted="dims (event, y, x)", got=f"dims ({got})")
    if not isinstance(attrs.get("family"), str) or not attrs.get("family"):
        problems.add("hazard attribute family", wanted="the name of the event family", got=_got(attrs, "family"))
    words = {
        "peril": tuple(PERILS),
        "axis": ("severity", "events"),
        "nodata": NODATA_MEANINGS,
        "outside": OUTSIDE_MEANINGS,
        "unit": (PERILS[attrs["peril"]].unit,) if attrs.get("peril") in PERILS else ("m", "degC"),
    }
    for name, known in words.items():
        if attrs.get(name) not in known:
            close = suggestion(str(attrs[name]), known) if name in attrs else ""
            problems.add(f"hazard attribute {name}", wanted=" or ".join(known), got=_got(attrs, name) + close)
    for name in ("event", "return_period", "annual_rate", "duration_hours", "recession_hours"):
        if name not in hazard.coords or hazard[name].dims != ("event",):
            got = "absent" if name not in hazard.coords else "other dims"
            problems.add(f"hazard coordinate {name}", wanted="one value per event (NaN for none)", got=got)
    if not problems:
        problems.extend(_check_axis(hazard))
        problems.extend(_check_place(hazard))
    problems.raise_if_any(DataError)


def _got(attrs: dict[Any, Any], name: str) -> str:
    return repr(attrs[name]) if name in attrs else "absent"


def _check_axis(hazard: xr.Dataset) -> Iterable[Problem]:
    problems = Problems()
    names = hazard["event"].values.astype(str).tolist()
    event_names(names, None, len(names), problems)
    periods = hazard["return_period"].values.astype(np.float64)
    if hazard.attrs["axis"] == "severity":
        problems.extend(check_return_periods(periods))
        if (np.diff(periods) < 0).any():
            problems.add("return_periods", wanted="ascending", got=", ".join(f"{value:g}" for value in periods))
    else:
        problems.extend(check_annual_rates(hazard["annual_rate"].values.astype(np.float64)))
    return problems


def _check_place(hazard: xr.Dataset) -> Iterable[Problem]:
    problems = Problems()
    try:
        grid_of(hazard)
        values = hazard["intensity"].variable
        if values._in_memory:
            rule = hazard.attrs.get("plausible")
            subject = f"hazard {hazard.attrs['family']!r}"
            check_plausible(values.values, peril=hazard.attrs["peril"], subject=subject, plausible=rule)
    except DataError as error:
        problems.extend(error.problems)
    except CRSError as error:
        problems.add("hazard attribute crs_wkt", wanted="a coordinate reference system", got=str(error))
    return problems


def event_names(
    events: Sequence[str] | None, periods: NDArray[np.float64] | None, n_event: int, problems: Problems
) -> list[str]:
    """Return one name per event: those given, or ``rp100`` after the return period, or a number."""
    if events is None:
        return [f"rp{period:.12g}" for period in periods] if periods is not None else [str(k) for k in range(n_event)]
    names = [str(name) for name in events]
    if len(names) != n_event:
        problems.add("events", wanted=f"one name per event ({n_event:,})", got=count_of(len(names), "name"))
        return [str(k) for k in range(n_event)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.add("events", wanted="every name once", got="repeated names", count=len(repeated), first=repeated)
    return names


def check_annual_rates(rates: NDArray[np.float64]) -> list[Problem]:
    """Return what is wrong with the annual rates (event,) of distinct events; all NaN is a family without rates."""
    bad = ~(np.isfinite(rates) & (rates >= 0.0))
    if not bad.any() or np.isnan(rates).all():
        return []
    got = "values are not rates" if np.isfinite(rates[bad]).any() else "events have no rate"
    wanted = "for every event its mean number per year, >= 0; or no rates at all"
    return [
        Problem("annual_rates", wanted, got, int(bad.sum()), rates.size, [f"event {k}" for k in np.flatnonzero(bad)])
    ]


def identical_events(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return the pairs (k, k + 1) of events with the same values in every cell, where these tell anything.

    Parameters
    ----------
    values : (event, y, x) float32

    Returns
    -------
    list of (int, int)
        A map that is the same everywhere (all dry, all NaN) is not compared.

    Examples
    --------
    >>> identical_events(np.array([[[0.0, 1.0]], [[0.0, 1.0]], [[0.5, 1.0]]], dtype=np.float32))
    [(0, 1)]
    """
    pairs = []
    for k in range(len(values) - 1):
        valid = values[k][np.isfinite(values[k])]
        told = valid.size > 0 and bool((valid != valid[0]).any())
        if told and np.array_equal(values[k], values[k + 1], equal_nan=True):
            pairs.append((k, k + 1))
    return pairs


def warn_identical(
    pairs: Iterable[tuple[int, int]], *, names: Sequence[str], subject: str, stacklevel: int = 3
) -> None:
    """Warn of events of a severity axis that have the same map; `stacklevel` is that of :func:`warnings.warn`."""
    for lower, upper in pairs:
        message = f"{subject}: events {names[lower]!r} and {names[upper]!r} have the same map; one file used twice?"
        warnings.warn(message, HazardWarning, stacklevel=stacklevel)
