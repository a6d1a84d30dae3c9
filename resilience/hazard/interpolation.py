"""A severity axis at any return period."""

from __future__ import annotations

import warnings
from typing import overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, Problems, count_of
from resilience.hazard.checks import HazardWarning, grid_of
from resilience.hazard.dataset import make_hazard
from resilience.hazard.severity import interpolate_severity, repair_monotone
from resilience.hazard.windows import read_window


@overload
def interpolate_return_period(
    hazard: xr.Dataset, at: float, *, onset: float | None = None, return_periods: None = None
) -> xr.Dataset: ...


@overload
def interpolate_return_period(
    hazard: NDArray[np.floating], at: float, *, onset: float | None = None, return_periods: ArrayLike
) -> NDArray[np.float64]: ...


def interpolate_return_period(
    hazard: xr.Dataset | NDArray[np.floating],
    at: float,
    *,
    onset: float | None = None,
    return_periods: ArrayLike | None = None,
) -> xr.Dataset | NDArray[np.float64]:
    """Return the hazard at any return period, interpolated in its logarithm.

    Parameters
    ----------
    hazard : xarray.Dataset or (event, ...) floating
        A severity axis, or its plain intensities.
    at : float, year
    onset : float, year, optional
        Return period at which it begins to flood, below the first map; for floods only.
    return_periods : (event,) float64, year
        Of plain intensities.

    Returns
    -------
    xarray.Dataset or (...) float64
        A hazard dataset, in memory, of one event without a rate. Its attribute `truncated_probability` is 1 / T_n if
        `at` is rarer than the rarest map, else 0. More often than the first map a flood is dry and a temperature NaN.

    Raises
    ------
    ConfigurationError
        The dataset is not a severity axis, or `at` or `onset` cannot be meant.

    Warns
    -----
    HazardWarning
        Cells were deeper at a smaller return period; the running maximum was taken.

    Notes
    -----
    See ``resilience.hazard.severity.interpolate_severity`` for the equation.

    Examples
    --------
    >>> depth = np.array([1.0, 1.6])
    >>> interpolate_return_period(depth, 200.0, return_periods=[100, 500]).round(7)
    np.float64(1.2584059)
    """
    if not isinstance(hazard, xr.Dataset):
        return interpolate_severity(hazard, np.asarray(return_periods, dtype=np.float64), at, onset=onset)
    family, peril = hazard.attrs["family"], hazard.attrs["peril"]
    problems = Problems()
    if hazard.attrs["axis"] != "severity":
        problems.add(f"family {family!r}", wanted="a severity axis (`return_periods`)", got="distinct events")
    if onset is not None and peril != "flood":
        problems.add("onset", wanted="for floods only", got=f"a family of {peril}")
    problems.raise_if_any(ConfigurationError)
    values = read_window(hazard, slice(None), slice(None))
    if hazard.attrs["nodata"] == "dry":
        values = np.nan_to_num(values, nan=0.0)
    values, n_violations = repair_monotone(values)
    if n_violations:
        message = (
            f"{family}: {count_of(n_violations, 'cell')} fell with the return period; the running maximum was taken"
        )
        warnings.warn(message, HazardWarning, stacklevel=2)
    periods = hazard["return_period"].values
    below = 0.0 if peril == "flood" else np.nan
    one = interpolate_severity(values, periods, at, onset=onset, below=below).astype(np.float32)
    interpolated = make_hazard(
        one,
        grid=grid_of(hazard),
        family=family,
        peril=peril,
        events=[f"rp{at:.12g}"],
        nodata=hazard.attrs["nodata"],
        outside=hazard.attrs["outside"],
        hours=hazard["time"].values + hazard.attrs["clock"] if "time" in hazard.dims else None,
        plausible=hazard.attrs.get("plausible"),
        source=hazard.attrs.get("source", ()),
    )
    last = float(periods.max())
    return interpolated.assign_attrs(truncated_probability=1.0 / last if at > last else 0.0)
