"""The losses of the years of a catalogue, read from the totals per event and sample.

A catalogue says which events come in which year: of a family of return periods a return period, of a family of
distinct events one of them, and for each the sample that tells what fails. Nothing is solved again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_COLUMNS = ("family", "lower", "upper", "weight", "sample")


def occurrence_losses(totals: xr.DataArray, catalogue: Mapping[str, Any] | pd.DataFrame) -> xr.DataArray:
    """Return the loss of each occurrence of a catalogue.

    Parameters
    ----------
    totals : (event, ..., sample) xarray.DataArray, float
        With the coordinate `family` (event); the events of a family in its own order.
    catalogue : mapping of (occurrence,) arrays
        From :func:`resilience.catalogue.draw_catalogue`: `family`, `sample`, and between which two events of the family
        the occurrence lies: `lower` and `upper` (position in the family; a `lower` of -1 is the onset, without
        loss) and the `weight` of `upper`.

    Returns
    -------
    (occurrence, ...) xarray.DataArray
        In the unit of `totals`.

    Raises
    ------
    DataError
        The catalogue names a family, event or sample that the totals do not have.

    Notes
    -----
    ``lower + weight (upper - lower)``. Reads one event of `totals` at a time. O(occurrences) beside that.

    Examples
    --------
    >>> totals = xr.DataArray(
    ...     [[1.0, 2.0], [3.0, 6.0]], dims=("event", "sample"), coords={"family": ("event", ["river", "river"])})
    >>> catalogue = {"family": ["river"], "lower": [0], "upper": [1], "weight": [0.25], "sample": [1]}
    >>> occurrence_losses(totals, catalogue).values
    array([3.])
    """
    family, lower, upper, weight, sample = _columns(totals, catalogue)
    event_family = np.asarray(totals.coords["family"].values).astype(str)
    # Positions in a family become positions in the totals.
    first, second = np.full(family.size, -1), np.full(family.size, -1)
    for name in dict.fromkeys(event_family):
        mine, own = family == name, np.flatnonzero(event_family == name)
        first[mine] = np.where(lower[mine] >= 0, own[np.maximum(lower[mine], 0)], -1)
        second[mine] = own[upper[mine]]

    rest: list[Hashable] = [dim for dim in totals.dims if dim not in ("event", "sample")]
    ordered = totals.transpose("event", *rest, "sample")
    at_lower, at_upper = (np.zeros((family.size, *(totals.sizes[dim] for dim in rest))) for _ in range(2))
    for number in range(totals.sizes["event"]):
        uses = [(np.flatnonzero(places == number), out) for places, out in ((first, at_lower), (second, at_upper))]
        if any(rows.size for rows, _ in uses):
            values = np.asarray(ordered.isel(event=number).values, dtype=np.float64)
            for rows, out in uses:
                out[rows] = np.moveaxis(values[..., sample[rows]], -1, 0)
    at_upper -= at_lower
    at_upper *= weight.reshape(-1, *[1] * len(rest))
    at_lower += at_upper
    coords = {name: c for name, c in totals.coords.items() if not {"event", "sample"} & set(c.dims) and c.dims}
    attrs = {"units": totals.attrs["units"]} if totals.attrs.get("units") else {}
    return xr.DataArray(at_lower, dims=("occurrence", *rest), coords=coords, name="occurrence_loss", attrs=attrs)


def _columns(
    totals: xr.DataArray, catalogue: Mapping[str, Any] | pd.DataFrame
) -> tuple[NDArray[np.str_], Whole, Whole, Floats, Whole]:
    """Return the columns of a catalogue that fits the totals."""
    problems = Problems()
    if "family" not in totals.coords:
        problems.add("totals.family", wanted="a coordinate of dimension event", got="absent")
    for dim in ("event", "sample"):
        if dim not in totals.dims:
            problems.add("totals", wanted=f"a dimension {dim}", got=f"dims ({', '.join(map(str, totals.dims))})")
    for name in _COLUMNS:
        if name not in catalogue:
            problems.add(f"catalogue.{name}", wanted="one value per occurrence", got="absent")
    problems.raise_if_any(DataError)

    shapes = {name: np.shape(catalogue[name]) for name in _COLUMNS}
    if len(set(shapes.values())) > 1 or len(shapes["family"]) != 1:
        problems.add("catalogue", wanted="one value per occurrence in each column", got=f"shapes {shapes}")
        problems.raise_if_any(DataError)
    family = np.asarray(catalogue["family"]).astype(str)
    lower, upper = (np.asarray(catalogue[name], dtype=np.int64) for name in ("lower", "upper"))
    weight = np.asarray(catalogue["weight"], dtype=np.float64)
    sample = np.asarray(catalogue["sample"], dtype=np.int64)

    names, counts = np.unique(np.asarray(totals.coords["family"].values).astype(str), return_counts=True)
    place = np.minimum(np.searchsorted(names, family), names.size - 1)
    known = names[place] == family
    n_event, n_sample = np.where(known, counts[place], 0), totals.sizes["sample"]
    for subject, wanted, wrong, shown in (
        ("family", "families of the totals", ~known, family),
        ("lower", "-1 or the position of an event of the family", known & ((lower < -1) | (lower >= n_event)), lower),
        ("upper", "the position of an event of the family", known & ((upper < 0) | (upper >= n_event)), upper),
        ("weight", "0 .. 1", ~((weight >= 0.0) & (weight <= 1.0)), weight),
        ("sample", f"0 .. {n_sample - 1}", (sample < 0) | (sample >= n_sample), sample),
    ):
        if wrong.any():
            problems.add(
                f"catalogue.{subject}",
                wanted=wanted,
                got="others",
                count=int(wrong.sum()),
                total=wrong.size,
                first=list(dict.fromkeys(shown[wrong].tolist())),
            )
    problems.raise_if_any(DataError)
    return family, lower, upper, weight, sample


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
