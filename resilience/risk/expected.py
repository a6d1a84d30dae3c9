"""Expected values: what one event takes, and what a year takes.

A figure per year is a weighted sum over events. For a family of return periods the weights are those of a quadrature
of the loss over the annual exceedance probability, for distinct events their annual rates. All events of a family
share their random numbers, so the standard error comes from the weighted sum *of each sample*.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.kernels.risk import add_weighted_events
from resilience.risk.intervals import quantile_rank, wilson_interval
from resilience.risk.standard_errors import sample_spread
from resilience.variables import VARIABLES

Floats = NDArray[np.float64]

_AT_ONCE = 2**28  # bytes of totals held at one time; larger totals are read event by event


def _event_first(totals: xr.DataArray) -> xr.DataArray:
    """Return `totals` with event first and sample last, as it usually is already."""
    order: list[Hashable] = ["event", *(dim for dim in totals.dims if dim not in ("event", "sample"))]
    if "sample" in totals.dims:
        order.append("sample")
    return totals.transpose(*order)


def _pieces(totals: xr.DataArray) -> Iterator[tuple[slice, Floats]]:
    """Yield (events, values) so that no more than one piece is in memory."""
    n_event = totals.sizes["event"]
    per_event = totals.size // max(n_event, 1) * 8
    step = max(1, min(n_event, _AT_ONCE // max(per_event, 1)))
    for start in range(0, n_event, step):
        events = slice(start, min(start + step, n_event))
        yield events, np.ascontiguousarray(totals.isel(event=events).values, dtype=np.float64)


def _families(totals: xr.DataArray, events: NDArray[np.bool_]) -> list[str]:
    """Names for the message: the families of `events`, or the events where no family is known."""
    names = totals.coords["family"] if "family" in totals.coords else totals.coords.get("event")
    if names is None:
        return [str(number) for number in np.flatnonzero(events)]
    return list(dict.fromkeys(str(name) for name in np.asarray(names.values)[events]))


def check_weights(totals: xr.DataArray, weights: ArrayLike | xr.DataArray, *, subject: str = "annual_weight") -> Floats:
    """Return `weights` as one number per event of `totals`.

    Parameters
    ----------
    totals : xarray.DataArray
        With dimension event.
    weights : (event,) array_like, 1/year
    subject : str

    Raises
    ------
    DataError
        There is no dimension event, the number of weights differs, a weight is negative, or a family has no rates
        and so no figure per year.
    """
    problems = Problems()
    if "event" not in totals.dims:
        problems.add("totals", wanted="a dimension event", got=f"dims ({', '.join(map(str, totals.dims))})")
        problems.raise_if_any(DataError)
    n_event = totals.sizes["event"]
    if isinstance(weights, xr.DataArray) and "event" in weights.coords and "event" in totals.coords:
        wanted, got = list(totals.coords["event"].values), list(weights.coords["event"].values)
        if wanted != got:
            missing = [event for event in wanted if event not in set(got)]
            problems.add(
                subject,
                wanted="the events of the totals in the same order",
                got="other events" if missing else "another order",
                count=len(missing) or None,
                total=n_event if missing else None,
                first=missing,
            )
            problems.raise_if_any(DataError)
    values = np.ascontiguousarray(weights, dtype=np.float64)
    if values.shape != (n_event,):
        problems.add(subject, wanted=f"{n_event} weights, one per event", got=f"shape {values.shape}")
        problems.raise_if_any(DataError)
    without = ~np.isfinite(values)
    if without.any():
        problems.add(
            subject,
            wanted="a rate for every event: a family without return periods or annual rates tells what happens if it "
            "occurs, never how much per year; give it rates, or read its results per event (conditional_statistics)",
            got="events have no annual rate",
            count=int(without.sum()),
            total=n_event,
            first=_families(totals, without),
        )
    negative = values < 0.0
    if negative.any():
        first = values[negative][:3]
        problems.add(
            subject, wanted=">= 0", got="negative weights", count=int(negative.sum()), total=n_event, first=first
        )
    problems.raise_if_any(DataError)
    return values


def annual_total(totals: xr.DataArray, *, weights: ArrayLike | xr.DataArray) -> xr.DataArray:
    """Return the weighted sum of `totals` over events, per sample where there are samples.

    Parameters
    ----------
    totals : (event, ..., [sample]) xarray.DataArray, float
        A loss per event: persons without service, money, or one per asset. NaN stays NaN.
    weights : (event,) array_like, 1/year
        From :func:`resilience.events.annual_weights`, with or without the tail.

    Returns
    -------
    xarray.DataArray
        `totals` without event; the unit per year.

    Raises
    ------
    DataError
        See :func:`check_weights`.

    Notes
    -----
    ``A_s = sum_e w_e L_es``. Differences between two options are best taken here, sample by sample: they share their
    random numbers. Every number is summed in the order of the events, so it does not depend on its neighbours.

    Examples
    --------
    >>> loss = xr.DataArray([[0.0, 10.0], [4.0, 20.0]], dims=("event", "asset"))
    >>> annual_total(loss, weights=[0.1, 0.05]).values
    array([0.2, 2. ])
    """
    rate = check_weights(totals, weights)
    ordered = _event_first(totals)
    rest = ordered.dims[1:]
    out = np.zeros([ordered.sizes[dim] for dim in rest])
    flat = out.reshape(-1)
    for events, values in _pieces(ordered):
        add_weighted_events(values.reshape(values.shape[0], flat.shape[0]), rate[events], flat)
    # As coordinates, not one by one: that would compare the index of the assets with itself for each of theirs.
    labels = ordered.coords.to_dataset().drop_dims("event", errors="ignore")
    labels = labels.drop_vars([name for name, coord in labels.coords.items() if not coord.dims])
    attrs = {"units": _per_year(totals)} if totals.attrs.get("units") else {}
    return xr.DataArray(out, dims=rest, coords=labels.coords, name="annual_total", attrs=attrs)


def expected_annual(
    totals: xr.DataArray, *, weights: ArrayLike | xr.DataArray, tail_weights: ArrayLike | xr.DataArray
) -> xr.Dataset:
    """Return the expected annual loss, its standard error and how much of it lies beyond the rarest event.

    Parameters
    ----------
    totals : (event, ..., [sample]) xarray.DataArray, float
        E.g. `people_without_service` (event, service, sample), `direct_loss` (event), `asset_direct_loss`
        (event, asset).
    weights : (event,) array_like, 1/year
        Without the tail.
    tail_weights : (event,) array_like, 1/year
        What stands for all that is rarer than the rarest event of each family; 0 leaves it out. Both come from
        :func:`resilience.events.annual_weights`.

    Returns
    -------
    xarray.Dataset
        `annual_value`, `annual_standard_error` (0 for losses without samples, NaN for a single sample),
        `annual_tail`; the number of samples in the attribute `n_samples`.

    Raises
    ------
    DataError
        See :func:`check_weights`; a family without rates has conditional results only.

    Notes
    -----
    ``EAD = integral D(p) dp = sum_e (w_e + t_e) L_e`` with tail weights t. Events of a family share their random
    numbers, so their losses are correlated and the standard error is that of the per-sample sum,
    ``sd_s(sum_e (w_e + t_e) L_es) / sqrt(n)``; families are independent, and the variance of that sum is then the sum
    of theirs. It tells the Monte Carlo error only, not that of the quadrature or of the tail.

    Examples
    --------
    >>> from resilience.variables import VARIABLES
    >>> loss = VARIABLES["direct_loss"].array([0.0, 10.0, 50.0, 80.0, 150.0])
    >>> p = 1.0 / np.array([2.0, 10.0, 50.0, 100.0, 500.0])
    >>> weights = (np.append(p[0], p[:-1]) - np.append(p[1:], p[-1])) / 2  # trapezoid, no tail
    >>> annual = expected_annual(loss, weights=weights, tail_weights=np.zeros(5))
    >>> round(float(annual.annual_value), 9)
    5.97
    """
    rate = check_weights(totals, weights)
    tail_rate = check_weights(totals, tail_weights, subject="tail_weight")
    total = annual_total(totals, weights=rate + tail_rate)
    beyond = np.flatnonzero(tail_rate)
    tail = annual_total(totals.isel(event=beyond), weights=tail_rate[beyond])
    n_samples = totals.sizes.get("sample", 0)
    if n_samples:
        # A missing sample is not a sample without loss: it leaves the mean missing.
        value, tail = total.mean("sample", skipna=False), tail.mean("sample", skipna=False)
        error = xr.apply_ufunc(_standard_error, total, input_core_dims=[["sample"]])
    else:
        value, error = total, total.where(total.isnull(), 0.0)
    found = {
        name: (value.dims, array.values, {"long_name": VARIABLES[name].meaning, **total.attrs})
        for name, array in (("annual_value", value), ("annual_standard_error", error), ("annual_tail", tail))
    }
    return xr.Dataset(found, coords=value.coords, attrs={"n_samples": n_samples})


def _per_year(totals: xr.DataArray) -> str:
    unit = str(totals.attrs["units"])
    return "1/year" if unit == "1" else f"{unit}/year"


def _standard_error(values: Floats) -> Floats:
    """Return the standard error along the last axis, row by row: one row's copy at a time."""
    rows = values.reshape(-1, values.shape[-1])
    n = rows.shape[1]
    out = np.full(rows.shape[0], np.nan)
    if n > 1:
        for position, row in enumerate(rows):
            # From the first value: samples that are all equal then have an error of 0, not one of rounding.
            out[position] = np.sqrt((row - row[0]).var(ddof=1) / n)
    return out.reshape(values.shape[:-1])


def conditional_statistics(
    totals: xr.DataArray,
    *,
    probabilities: Sequence[float] = (0.05, 0.5, 0.95),
    persons: float | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Return what each event takes if it occurs: mean, spread, quantiles and the probability of any loss.

    Parameters
    ----------
    totals : (event, ..., sample) xarray.DataArray, float
    probabilities : sequence of float
        Of the quantiles, each the smallest loss that is not exceeded with that probability.
    persons : float, optional
        All people; adds `share_without`, the mean as a share of them.
    confidence : float
        Of the interval of `loss_probability` (Wilson), which has a width even when no sample had a loss.

    Returns
    -------
    xarray.Dataset
        `conditional_mean`, `conditional_standard_error`, `conditional_standard_deviation`, `conditional_quantile`
        (..., quantile), `loss_probability` with `_low` and `_high`, and `share_without`.

    Raises
    ------
    DataError
        No dimension event or sample, a probability outside 0 .. 1, or no people.

    Notes
    -----
    Reads one event at a time and copies one row of samples, whatever the size of `totals`.

    Examples
    --------
    >>> loss = xr.DataArray([[0.0, 0.0, 2.0, 6.0]], dims=("event", "sample"), coords={"event": ["flood"]})
    >>> found = conditional_statistics(loss, probabilities=[0.5], persons=10.0)
    >>> found.conditional_mean.item(), found.conditional_quantile.item(), found.share_without.item()
    (2.0, 0.0, 0.2)
    """
    problems = Problems()
    for dim in ("event", "sample"):
        if totals.sizes.get(dim, 0) == 0:
            problems.add("totals", wanted=f"a dimension {dim} that is not empty", got=f"sizes {dict(totals.sizes)}")
    outside = [probability for probability in probabilities if not 0.0 <= probability <= 1.0]
    if outside:
        problems.add("probabilities", wanted="0 .. 1", got="outside", count=len(outside), first=outside)
    if persons is not None and not persons > 0.0:
        problems.add("persons", wanted="more than 0", got=str(persons))
    problems.raise_if_any(DataError)

    ordered = _event_first(totals)
    shape = tuple(ordered.sizes[dim] for dim in ordered.dims[:-1])
    n = ordered.sizes["sample"]
    mean, spread, with_loss = np.empty(shape), np.empty(shape), np.empty(shape)
    quantile = np.empty((*shape, len(probabilities)))
    ranks = [n - 1 - quantile_rank(n, 1.0 - probability) for probability in probabilities]
    for number in range(shape[0]):
        values = np.asarray(ordered.isel(event=number).values, dtype=np.float64).reshape(-1, n)
        for row, place in zip(values, np.ndindex(shape[1:]), strict=True):
            here = (number, *place)
            mean[here] = row.mean()
            spread[here] = sample_spread(row)
            with_loss[here] = np.count_nonzero(row > 0.0)
            known = not np.isnan(mean[here])
            quantile[here] = np.partition(row, sorted(set(ranks)))[ranks] if known and ranks else np.nan
    unknown = np.isnan(mean)
    low, high = wilson_interval(with_loss, n, confidence=confidence)
    coords: dict[Any, Any] = {name: c for name, c in ordered.coords.items() if "sample" not in c.dims and c.dims}
    dims = ordered.dims[:-1]
    unit = {"units": str(totals.attrs["units"])} if totals.attrs.get("units") else {}
    share = {"units": "1", "confidence": confidence}
    result = xr.Dataset(coords={**coords, "quantile": list(probabilities)}, attrs={"n_samples": n})
    result["conditional_mean"] = (dims, mean, unit)
    result["conditional_standard_error"] = (dims, spread / np.sqrt(n), unit)
    result["conditional_standard_deviation"] = (dims, spread, unit)
    result["conditional_quantile"] = ((*dims, "quantile"), quantile, unit)
    result["loss_probability"] = (dims, np.where(unknown, np.nan, with_loss / n), share)
    result["loss_probability_low"] = (dims, np.where(unknown, np.nan, low), share)
    result["loss_probability_high"] = (dims, np.where(unknown, np.nan, high), share)
    if persons is not None:
        result["share_without"] = (dims, mean / persons, {"units": "1"})
    return result
