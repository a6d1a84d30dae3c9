"""What an option saves against the city as it is, and whether that is worth its cost.

Two runs with one seed share all random numbers, so the difference is taken sample by sample: what luck does to both
cancels, and the error of the difference is far below that of either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from resilience.errors import ConfigurationError, DataError, Problems
from resilience.risk.intervals import Interval, mean_interval
from resilience.risk.standard_errors import sample_error


class Saving(NamedTuple):
    """What an option saves.

    Parameters
    ----------
    mean, standard_error : xarray.DataArray
        Per service, and per event where no weights were given.
    """

    mean: xr.DataArray
    standard_error: xr.DataArray


class Benefit(NamedTuple):
    """What a yearly saving is worth against a cost that is paid at once.

    Parameters
    ----------
    present_value, net_present_value, ratio : float
        Of the savings, less the cost, and by the cost.
    ratio_interval : Interval
        Of the ratio, from the standard error of the saving.
    """

    present_value: float
    net_present_value: float
    ratio: float
    ratio_interval: Interval


def paired_saving(base: xr.DataArray, option: xr.DataArray, *, weights: xr.DataArray | None = None) -> Saving:
    """Return the mean of what is lost less with an option, with its standard error from differences of samples.

    Parameters
    ----------
    base, option : (event, service, sample) xarray.DataArray
        Totals per sample of two runs with one seed, e.g. ``person_hours_lost``.
    weights : (event,) xarray.DataArray, 1/year, optional
        Of the events in a year, e.g. ``annual_weight + tail_weight`` of events with rates: the saving is then per year.

    Raises
    ------
    DataError
        Runs of other events, services or numbers of samples, values or weights that are missing.

    Notes
    -----
    ``mean(d)`` and ``sd(d) / sqrt(n)`` of d = base - option, with weights of d summed over events first.

    Examples
    --------
    >>> dims, coords = ("event", "service", "sample"), {"event": ["a"], "service": ["power"]}
    >>> base = xr.DataArray([[[10.0, 0.0, 40.0, 30.0]]], dims=dims, coords=coords)
    >>> saving = paired_saving(base, 0.5 * base)
    >>> saving.mean.item(), round(saving.standard_error.item(), 3)
    (10.0, 4.564)
    """
    problems = Problems()
    for dim in ("event", "service"):
        if dim in base.dims and not base[dim].equals(option[dim]):
            problems.add(f"option.{dim}", wanted="those of base", got="others")
    if base.sizes["sample"] != option.sizes["sample"]:
        problems.add(
            "option.sample", wanted=f"{base.sizes['sample']:,} samples as base", got=f"{option.sizes['sample']:,}"
        )
    given = {"base": base, "option": option, **({} if weights is None else {"weights": weights})}
    for name, values in given.items():
        missing = int(np.isnan(values.values).sum())
        if missing:
            problems.add(name, wanted="numbers", got="missing values", count=missing, total=values.size)
    problems.raise_if_any(DataError)
    saved = base - option
    if weights is not None:
        saved = (saved * weights).sum("event")
    return Saving(saved.mean("sample"), xr.apply_ufunc(sample_error, saved, input_core_dims=[["sample"]]))


def annuity(rate: float, years: int) -> float:
    """Return the present value of 1 a year, paid at the end of each of `years`.

    Parameters
    ----------
    rate : float, 1/year
        Of discount; 0 for none.
    years : int

    Raises
    ------
    ConfigurationError

    Notes
    -----
    ``(1 - (1 + r)^-n) / r``.

    Examples
    --------
    >>> round(annuity(0.045, 30), 6), annuity(0.0, 30)
    (16.288889, 30.0)
    """
    problems = Problems()
    if not (np.isfinite(rate) and rate >= 0.0):
        problems.add("rate", wanted="a finite number >= 0, e.g. 0.045", got=f"{rate:g}")
    if isinstance(years, bool) or not isinstance(years, int | np.integer) or years < 1:
        problems.add("years", wanted="a whole number >= 1", got=repr(years))
    problems.raise_if_any(ConfigurationError)
    # log1p and expm1: a small rate would lose its digits in the difference to 1.
    return float(-np.expm1(-years * np.log1p(rate)) / rate) if rate > 0.0 else float(years)


def weigh_benefit(
    saved: float, *, cost: float, rate: float, years: int, standard_error: float = 0.0, confidence: float = 0.95
) -> Benefit:
    """Return what a saving each year is worth against a cost at the beginning.

    Parameters
    ----------
    saved, standard_error : float, money/year
        Services have no price here: multiply person-hours by a value of your own first.
    cost : float, money
    rate : float, 1/year
    years : int
    confidence : float
        Of the interval.

    Raises
    ------
    ConfigurationError
        A cost that is not positive, and as for :func:`annuity`.

    Examples
    --------
    >>> benefit = weigh_benefit(2.0, cost=20.0, rate=0.045, years=30, standard_error=0.1)
    >>> round(benefit.net_present_value, 6), round(benefit.ratio, 6), [round(end, 2) for end in benefit.ratio_interval]
    (12.577777, 1.628889, [1.47, 1.79])
    """
    if not (np.isfinite(cost) and cost > 0.0):
        problems = Problems()
        problems.add("cost", wanted="a finite number > 0", got=f"{cost:g}")
        problems.raise_if_any(ConfigurationError)
    factor = annuity(rate, years)
    value = saved * factor
    interval = mean_interval(value / cost, standard_error * factor / cost, confidence=confidence)
    return Benefit(value, value - cost, value / cost, interval)
