"""Which assets matter: those whose worth is told apart from none, and those of which the samples tell nothing."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

NORMAL = 1.96
"""Half-width of a 95 % interval in standard errors."""

ROUNDING = 1e-12
"""Shares up to this are 0 but for the rounding of sums."""

UNSEEN = ("fussell_vesely", "risk_reduction_worth")
"""Measures that are told, without an error, of what could have failed in some event and never did."""


def is_told_apart(importance: xr.Dataset, measure: str = "fussell_vesely") -> Bools:
    """Return whose worth is told apart from that of an asset without any effect, ``(asset, service) bool``.

    Parameters
    ----------
    importance : xarray.Dataset
        From :func:`resilience.risk.importance.asset_importance`, or the same measures from paired runs.
    measure : str
        One of ``resilience.variables.MEASURES``.

    Notes
    -----
    Its 95 % interval lies above what an asset without effect has: 0, or 1 of the two that are ratios of losses. About
    one in forty of those that have no effect at all is taken for one that has.

    Examples
    --------
    >>> dims = ("asset", "service")
    >>> one = xr.Dataset({"birnbaum": (dims, [[8.0], [0.8]]), "birnbaum_standard_error": (dims, [[0.9], [0.9]])})
    >>> is_told_apart(one, "birnbaum").tolist()
    [[True], [False]]
    """
    if "told_apart" in importance and measure in UNSEEN:
        return np.asarray(importance["told_apart"].transpose("asset", "service").values > 0)
    worth, error = (
        importance[f"{measure}{end}"].transpose("asset", "service").values for end in ("", "_standard_error")
    )
    none = 1.0 if measure.endswith("_worth") else 0.0
    rounding = ROUNDING * max(1.0, float(np.abs(worth[np.isfinite(worth)]).max(initial=0.0)))
    return np.asarray(worth - none - NORMAL * error > rounding)


def is_untold(importance: xr.Dataset) -> Bools:
    """Return which assets may be worth something of which the samples tell nothing, ``(asset, service) bool``.

    Parameters
    ----------
    importance : xarray.Dataset
        From :func:`resilience.risk.importance.asset_importance`.

    Notes
    -----
    They work in too few samples of some event. Paired runs tell their worth.
    """
    lost = importance["expected_annual_loss"].values > 0
    return np.asarray(lost & np.isnan(importance["fussell_vesely"].transpose("asset", "service").values))
