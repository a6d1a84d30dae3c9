"""The losses of the years of a catalogue, read from the totals per event and sample.

A catalogue says which events come in which year: of a family of return periods a return period, of a family of
distinct events one of them, and for each the sample that tells what fails. Nothing is solved again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, DataError, Problems, suggestion

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

RULES: tuple[str, ...] = ("trapezoid", "log-linear")


def neighbours_in_severity(
    return_period: Floats, at: Floats, *, rule: str, onset: float | None = None
) -> tuple[Whole, Floats, Whole, Floats]:
    """Return the two maps of a severity axis around each return period, and how much each counts.

    Parameters
    ----------
    return_period : (n,) float64, year
        Of the maps, ascending.
    at : (m,) float64, year
    rule : {"trapezoid", "log-linear"}
        Loss linear in the annual exceedance probability 1/T, or in ln T: the same as for the annual value, so that
        the mean over a catalogue is that value.
    onset : float, optional
        Return period below the first map from which the loss rises from 0.

    Returns
    -------
    lower, lower_weight, upper, upper_weight : (m,) int64 and float64
        More often than the first map (or the onset) both weights are 0; rarer than the last, the last map counts in
        full.

    Raises
    ------
    ConfigurationError
        Another word for `rule`.

    Examples
    --------
    >>> lower, a, upper, b = neighbours_in_severity(
    ...     np.array([10.0, 100.0]), np.array([50.0]), rule="log-linear")
    >>> round(float(b[0]), 7)  # ln 5 / ln 10
    0.69897
    """
    if rule not in RULES:
        problems = Problems()
        problems.add("rule", wanted=f"{' or '.join(RULES)}{suggestion(rule, RULES)}", got=repr(rule))
        problems.raise_if_any(ConfigurationError)
    # With an onset, knot 0 is that: it has no map, and what falls on it counts as no loss.
    first_map = 0 if onset is None else 1
    knots = return_period if onset is None else np.append(np.float64(onset), return_period)
    if rule == "log-linear":
        axis, place = np.log(knots), np.log(at)
    else:
        axis, place = -1.0 / knots, -1.0 / at
    last = knots.size - 1
    below = np.searchsorted(knots, at, side="right") - 1
    lower = np.maximum(below, 0)
    upper = np.minimum(lower + 1, last)
    width = axis[upper] - axis[lower]
    share = np.where(width > 0.0, (place - axis[lower]) / np.where(width > 0.0, width, 1.0), 0.0)
    lower_weight = np.where((below >= 0) & (lower >= first_map), 1.0 - share, 0.0)
    upper_weight = np.where((below >= 0) & (upper >= first_map), share, 0.0)
    return np.maximum(lower - first_map, 0), lower_weight, np.maximum(upper - first_map, 0), upper_weight


def occurrence_losses(
    totals: xr.DataArray,
    catalogue: Mapping[str, Any] | xr.Dataset,
    *,
    rule: str,
    onset: Mapping[str, float] | None = None,
) -> xr.DataArray:
    """Return the loss of each occurrence of a catalogue.

    Parameters
    ----------
    totals : (event, ..., sample) xarray.DataArray, float
        With coordinates `event`, `family` (event) and `return_period` (event).
    catalogue : mapping of (occurrence,) arrays
        `family`; `sample`; `return_period`, NaN for a family of distinct events; `event`, the id, for those.
    rule : {"trapezoid", "log-linear"}
        See :func:`neighbours_in_severity`.
    onset : mapping of family to return period, optional

    Returns
    -------
    (occurrence, ...) xarray.DataArray
        In the unit of `totals`.

    Raises
    ------
    DataError
        The catalogue names a family, event or sample that the totals do not have.
    ConfigurationError
        Another word for `rule`.

    Notes
    -----
    Reads one event of `totals` at a time. O(occurrences) beside that.

    Examples
    --------
    >>> totals = xr.DataArray(
    ...     [[1.0, 2.0], [3.0, 6.0]], dims=("event", "sample"),
    ...     coords={"event": ["a", "b"], "family": ("event", ["river", "river"]),
    ...             "return_period": ("event", [10.0, 100.0])})
    >>> catalogue = {"family": ["river"], "return_period": [1000.0], "event": [""], "sample": [1]}
    >>> occurrence_losses(totals, catalogue, rule="trapezoid").values
    array([6.])
    """
    _check_catalogue(totals, catalogue)
    family = np.asarray(catalogue["family"]).astype(str)
    period = np.asarray(catalogue["return_period"], dtype=np.float64)
    sample = np.asarray(catalogue["sample"], dtype=np.int64)
    event = np.asarray(catalogue["event"]).astype(str)
    event_family = np.asarray(totals.coords["family"].values).astype(str)
    event_period = np.asarray(totals.coords["return_period"].values, dtype=np.float64)
    event_id = np.asarray(totals.coords["event"].values).astype(str)

    n = family.size
    lower, upper = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    lower_weight, upper_weight = np.zeros(n), np.zeros(n)
    for name in dict.fromkeys(event_family):
        mine = family == name
        drawn = np.flatnonzero(mine & np.isfinite(period))
        own = np.flatnonzero(event_family == name)
        if drawn.size:
            ordered = own[np.argsort(event_period[own], kind="stable")]
            start = None if onset is None else onset.get(name)
            a, a_weight, b, b_weight = neighbours_in_severity(
                event_period[ordered], period[drawn], rule=rule, onset=start
            )
            lower[drawn], lower_weight[drawn] = ordered[a], a_weight
            upper[drawn], upper_weight[drawn] = ordered[b], b_weight
        for one in own:
            whole = mine & ~np.isfinite(period) & (event == event_id[one])
            lower[whole], lower_weight[whole] = one, 1.0

    rest: list[Hashable] = [dim for dim in totals.dims if dim not in ("event", "sample")]
    ordered_totals = totals.transpose("event", *rest, "sample")
    out = np.zeros((n, *(totals.sizes[dim] for dim in rest)))
    for number in range(totals.sizes["event"]):
        uses = [
            (np.flatnonzero((lower == number) & (lower_weight > 0.0)), lower_weight),
            (np.flatnonzero((upper == number) & (upper_weight > 0.0)), upper_weight),
        ]
        if not any(places.size for places, _ in uses):
            continue
        values = np.asarray(ordered_totals.isel(event=number).values, dtype=np.float64)
        for places, weight in uses:
            # (..., m) -> (m, ...)
            taken = np.moveaxis(values[..., sample[places]], -1, 0)
            out[places] += taken * weight[places].reshape(-1, *[1] * len(rest))
    coords = {name: c for name, c in totals.coords.items() if not {"event", "sample"} & set(c.dims) and c.dims}
    attrs = {"units": totals.attrs["units"]} if totals.attrs.get("units") else {}
    return xr.DataArray(out, dims=("occurrence", *rest), coords=coords, name="occurrence_loss", attrs=attrs)


def _check_catalogue(totals: xr.DataArray, catalogue: Mapping[str, Any] | xr.Dataset) -> None:
    problems = Problems()
    for name in ("event", "family", "return_period"):
        if name not in totals.coords:
            problems.add(f"totals.{name}", wanted="a coordinate of dimension event", got="absent")
    if "sample" not in totals.dims:
        problems.add("totals", wanted="a dimension sample", got=f"dims ({', '.join(map(str, totals.dims))})")
    for name in ("family", "return_period", "event", "sample"):
        if name not in catalogue:
            problems.add(f"catalogue.{name}", wanted="one value per occurrence", got="absent")
    problems.raise_if_any(DataError)

    family = np.asarray(catalogue["family"]).astype(str)
    period = np.asarray(catalogue["return_period"], dtype=np.float64)
    event = np.asarray(catalogue["event"]).astype(str)
    sample = np.asarray(catalogue["sample"])
    sizes = {name: np.asarray(catalogue[name]).shape for name in ("family", "return_period", "event", "sample")}
    if len(set(sizes.values())) > 1 or family.ndim != 1:
        problems.add("catalogue", wanted="one value per occurrence in each column", got=f"shapes {sizes}")
        problems.raise_if_any(DataError)
    event_family = np.asarray(totals.coords["family"].values).astype(str)
    unrated = np.isin(event_family, family[np.isfinite(period)]) & ~np.isfinite(totals.coords["return_period"].values)
    distinct = ~np.isfinite(period)
    pairs = {*zip(event_family, np.asarray(totals.coords["event"].values).astype(str), strict=True)}
    known = np.array([pair in pairs for pair in zip(family, event, strict=True)], dtype=bool)
    n_sample = totals.sizes["sample"]
    for subject, wanted, wrong, shown in (
        ("catalogue.family", "families of the totals", ~np.isin(family, event_family), family),
        ("catalogue.event", "events of their family", distinct & ~known & np.isin(family, event_family), event),
        ("catalogue.return_period", "1 year or more", np.isfinite(period) & ~(period >= 1.0), period),
        ("catalogue.sample", f"0 .. {n_sample - 1}", (sample < 0) | (sample >= n_sample), sample),
        (
            "totals.return_period",
            "a return period for every event of a family drawn by return period",
            unrated,
            event_family,
        ),
    ):
        if wrong.any():
            problems.add(
                subject,
                wanted=wanted,
                got="others",
                count=int(wrong.sum()),
                total=wrong.size,
                first=list(dict.fromkeys(shown[wrong].tolist())),
            )
    problems.raise_if_any(DataError)


def yearly_losses(losses: xr.DataArray, *, year: ArrayLike, n_years: int) -> xr.Dataset:
    """Return the largest and the summed loss of each year.

    Parameters
    ----------
    losses : (occurrence, ...) xarray.DataArray
        From :func:`occurrence_losses`; >= 0.
    year : (occurrence,) array_like of int
        0 .. n_years - 1, in any order.
    n_years : int
        Years without an event count, with loss 0.

    Returns
    -------
    xarray.Dataset
        `yearly_maximum` (year, ...) for the occurrence curve, `yearly_sum` for the aggregate one, which is never
        below it.

    Raises
    ------
    DataError
        A year is outside the catalogue, or a loss is negative or missing.

    Notes
    -----
    A person struck by two events of a year counts twice in the sum.

    Examples
    --------
    >>> loss = xr.DataArray([2.0, 3.0, 4.0], dims="occurrence")
    >>> years = yearly_losses(loss, year=[0, 0, 2], n_years=3)
    >>> years.yearly_sum.values, years.yearly_maximum.values
    (array([5., 0., 4.]), array([3., 0., 4.]))
    """
    numbers = np.asarray(year, dtype=np.int64)
    values = np.asarray(losses.transpose("occurrence", ...).values, dtype=np.float64)
    problems = Problems()
    outside = (numbers < 0) | (numbers >= n_years)
    if n_years < 1 or numbers.shape != values.shape[:1]:
        problems.add("year", wanted=f"one year per occurrence ({values.shape[0]})", got=f"{numbers.size} of {n_years}")
    elif outside.any():
        problems.add(
            "year",
            wanted=f"0 .. {n_years - 1}",
            got="outside",
            count=int(outside.sum()),
            total=numbers.size,
            first=numbers[outside],
        )
    wrong = ~(values >= 0.0)
    if wrong.any():
        problems.add("losses", wanted=">= 0", got="negative or missing", count=int(wrong.sum()), total=wrong.size)
    problems.raise_if_any(DataError)
    rest = values.shape[1:]
    highest, total = np.zeros((n_years, *rest)), np.zeros((n_years, *rest))
    np.maximum.at(highest, numbers, values)
    np.add.at(total, numbers, values)
    dims = ("year", *(dim for dim in losses.dims if dim != "occurrence"))
    coords = {name: coord for name, coord in losses.coords.items() if coord.dims and "occurrence" not in coord.dims}
    unit = {"units": losses.attrs["units"]} if losses.attrs.get("units") else {}
    result = xr.Dataset(coords=coords, attrs={"n_years": n_years})
    result["yearly_maximum"] = (dims, highest, unit)
    result["yearly_sum"] = (dims, total, unit)
    return result
