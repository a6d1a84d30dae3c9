"""How much one asset matters to the expected annual loss, from runs in which it never and always fails."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.risk.expected import check_weights
from resilience.risk.standard_errors import ratio_residual, sample_error

Floats = NDArray[np.float64]


class Measure(NamedTuple):
    """A value and its standard error.

    Parameters
    ----------
    value, standard_error : float
    """

    value: float
    standard_error: float


class Importance(NamedTuple):
    """The measures of one asset for one loss, as :mod:`resilience.risk.importance` defines them.

    Parameters
    ----------
    birnbaum, criticality, fussell_vesely, risk_achievement_worth, risk_reduction_worth : Measure
    """

    birnbaum: Measure
    criticality: Measure
    fussell_vesely: Measure
    risk_achievement_worth: Measure
    risk_reduction_worth: Measure


def paired_importance(
    loss: ArrayLike,
    *,
    loss_up: ArrayLike,
    loss_down: ArrayLike,
    weights: ArrayLike = (1.0,),
    failure_probability: ArrayLike | None = None,
) -> Importance:
    """Return the importance of one asset from runs with the same random numbers.

    Parameters
    ----------
    loss : (event, sample) or (sample,) array_like
        Of the run as it is.
    loss_up, loss_down : like `loss`
        With the asset forced never to fail, and always to fail.
    weights : (event,) array_like, 1/year
    failure_probability : (event,) array_like, optional
        Of the asset; without it `criticality` is NaN.

    Returns
    -------
    Importance

    Raises
    ------
    DataError
        Shapes differ, or weights are negative or missing.

    Notes
    -----
    Right for correlated failures too, and defined for assets that seldom or always fail. With A the weighted sum over
    events of a sample: Birnbaum is mean(A_down - A_up) with the standard error of the paired differences; a ratio
    r = mean(x) / mean(y) has sd(x - r y) / (sqrt(n) mean(y)).

    Examples
    --------
    >>> found = paired_importance([0.0, 1.0, 0.0, 1.0], loss_up=[0.0, 1.0, 0.0, 0.0], loss_down=[1.0] * 4)
    >>> found.birnbaum.value, found.risk_achievement_worth.value
    (0.75, 2.0)
    """
    base, up, down = (np.atleast_2d(np.asarray(array, dtype=np.float64)) for array in (loss, loss_up, loss_down))
    problems = Problems()
    if not (base.shape == up.shape == down.shape) or base.ndim != 2 or base.size == 0:
        problems.add("losses", wanted="three arrays (event, sample) of one shape", got=f"{base.shape}, {up.shape}, "
                     f"{down.shape}")  # fmt: skip
    problems.raise_if_any(DataError)
    rate = check_weights(xr.DataArray(base, dims=("event", "sample")), np.atleast_1d(np.asarray(weights)))
    whole, without, always = rate @ base, rate @ up, rate @ down
    difference = always - without
    critical = np.full_like(whole, np.nan)
    if failure_probability is not None:
        critical = (rate * np.atleast_1d(np.asarray(failure_probability, dtype=np.float64))) @ (down - up)
    return Importance(
        birnbaum=Measure(float(difference.mean()), float(sample_error(difference))),
        criticality=_ratio(critical, whole),
        fussell_vesely=_ratio(whole - without, whole),
        risk_achievement_worth=_ratio(always, whole),
        risk_reduction_worth=_ratio(whole, without),
    )


def _ratio(upper: Floats, lower: Floats) -> Measure:
    mean = float(lower.mean())
    if mean == 0.0:
        return Measure(float("nan"), float("nan"))
    ratio = float(upper.mean()) / mean
    return Measure(ratio, float(sample_error(ratio_residual(upper, np.asarray(ratio), lower))) / abs(mean))
