"""Which assets matter: those whose worth is told apart from none, and those of which the samples tell nothing."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.risk.standard_errors import NORMAL
from resilience.variables import MEASURES

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Shares up to this are 0 but for the rounding of sums."""


def null_value(measure: str) -> float:
    """Return what a measure is of an asset without any effect: 1 of a ratio of two losses, else 0.

    Examples
    --------
    >>> null_value("birnbaum"), null_value("risk_achievement_worth")
    (0.0, 1.0)
    """
    return 1.0 if measure.endswith("_worth") else 0.0


def take_measure(importance: xr.Dataset, measure: str = "fussell_vesely") -> tuple[Floats, Floats]:
    """Return a measure and its standard error, each ``(asset, service) float64``."""
    worth, error = (
        importance[f"{measure}{end}"].transpose("asset", "service").values for end in ("", "_standard_error")
    )
    return worth, error


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
    Its 95 % interval lies above what an asset without effect has: 0, or 1 of the two that are ratios of losses; and,
    told from the samples of a run, so does its value above what chance gives to an asset without effect. About one in
    forty of those that have no effect at all is taken for one that has.

    Examples
    --------
    >>> dims = ("asset", "service")
    >>> one = xr.Dataset({"birnbaum": (dims, [[8.0], [0.8]]), "birnbaum_standard_error": (dims, [[0.9], [0.9]])})
    >>> is_told_apart(one, "birnbaum").tolist()
    [[True], [False]]
    """
    if "told_apart" in importance and measure in ("fussell_vesely", "risk_reduction_worth"):
        return np.asarray(importance["told_apart"].transpose("asset", "service").values > 0)
    worth, error = take_measure(importance, measure)
    rounding = ROUNDING * max(1.0, float(np.abs(worth[np.isfinite(worth)]).max(initial=0.0)))
    return np.asarray(worth - null_value(measure) - NORMAL * error > rounding)


def apply_support(importance: xr.Dataset, support: NDArray[np.bool_]) -> xr.Dataset:
    """Return the importance where only some assets can be anything to a service: all others are worth nothing, exactly.

    Parameters
    ----------
    importance : xarray.Dataset
        From :func:`resilience.risk.importance.asset_importance`.
    support : (asset, service) bool
        Whether the service rests on the asset.

    Notes
    -----
    What samples tell of the others is chance. Ratios to a loss that is 0 stay NaN.
    """
    kept = xr.DataArray(support, dims=("asset", "service"))
    told = {"told_apart": importance["told_apart"].where(kept, 0), "unseen": importance["unseen"].where(kept, 0.0)}
    for measure in MEASURES:
        known = kept if measure == "birnbaum" else kept | ~(importance["expected_annual_loss"] > 0)
        for name, null in ((measure, null_value(measure)), (f"{measure}_standard_error", 0.0)):
            told[name] = importance[name].where(known, null)
    return importance.assign(told)


def join_pairs(importance: xr.Dataset | None, pairs: xr.Dataset | None) -> xr.Dataset | None:
    """Return the importance of assets, of those that were run in pairs as these runs tell it: they know more of it.

    Parameters
    ----------
    importance : xarray.Dataset or None
        From :func:`resilience.risk.importance.asset_importance`; None where the samples of a run do not tell it.
    pairs : xarray.Dataset or None
        The same measures from paired runs, to which nothing is unseen.

    Returns
    -------
    xarray.Dataset or None
        With `paired` (asset), whether paired runs tell it.
    """
    own = None if importance is None else importance.assign(paired=_same_for_all(importance, value=False))
    if pairs is None:
        return own
    measures = [f"{measure}{end}" for measure in MEASURES for end in ("", "_standard_error")]
    told = pairs[measures].assign(
        told_apart=(("asset", "service"), is_told_apart(pairs).astype(np.int64)),
        unseen=xr.zeros_like(pairs["fussell_vesely"]),
        paired=_same_for_all(pairs, value=True),
    )
    if own is None:
        return told
    paired = own["asset"].isin(told["asset"])
    # What fails in no sample of the run has no importance of its own, in whose place that of its pair could stand.
    there = told.reset_coords(drop=True).reindex(asset=own["asset"])
    return own.assign({name: own[name].where(~paired, there[name]).astype(own[name].dtype) for name in told})


def _same_for_all(importance: xr.Dataset, *, value: bool) -> xr.DataArray:
    return xr.DataArray(np.full(importance.sizes["asset"], value), dims="asset", coords={"asset": importance["asset"]})


def is_untold(importance: xr.Dataset) -> Bools:
    """Return which assets may be worth something of which the samples tell nothing, ``(asset, service) bool``.

    Parameters
    ----------
    importance : xarray.Dataset
        From :func:`join_pairs`, or of the samples of a run alone.

    Notes
    -----
    They work in too few samples of some event. Paired runs tell their worth.
    """
    untold = np.isnan(take_measure(importance)[0])
    # Nothing of a service that nobody loses is untold; of paired runs alone nothing is.
    lost = importance["expected_annual_loss"].values > 0 if "expected_annual_loss" in importance else False
    return np.asarray(lost & untold)
