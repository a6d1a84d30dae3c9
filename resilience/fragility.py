"""The probability that an asset is out of function at an intensity: its curve, height and barrier, and what is its own.

The equations are those of :func:`resilience.damage.damage`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.curves import CurveTable

# Default, expert judgement: the share of flood boards and seals that do not hold.
SEAL_FAILURE = 0.1


def failure_at(
    intensity: NDArray[np.float64],
    assets: pd.DataFrame,
    curves: CurveTable,
    *,
    peril: str,
    seal_failure: float = SEAL_FAILURE,
) -> NDArray[np.float64]:
    """Return the probability that assets are out of function at some intensities, the hazard's and its own.

    Parameters
    ----------
    intensity : (n, n_asset) float64, m or degC
    assets : DataFrame
        As of a network; sound.
    curves : CurveTable
    peril : {"flood", "heat"}
    seal_failure : float

    Returns
    -------
    (n, n_asset) float64
        What else puts an asset out is counted in; NaN where the intensity is and the asset has a curve.

    Examples
    --------
    >>> from resilience.datasets import load_curves
    >>> assets = pd.DataFrame({"flood_fragility_curve": ["function_substation"], "component_height": [0.0],
    ...     "barrier_height": [np.nan], "seal_failure": [np.nan], "dry_threshold": [0.05]})
    >>> failure_at(np.array([[0.0], [1.2]]), assets, load_curves(), peril="flood").tolist()
    [[0.0], [0.5]]
    """
    probability = FAILURE[peril](intensity, assets, curves, seal_failure)
    anyway = unavailable(assets)
    # The product would round what no other cause changes.
    return np.where(anyway > 0.0, 1.0 - (1.0 - probability) * (1.0 - anyway), probability)


def unavailable(assets: pd.DataFrame) -> NDArray[np.float64]:
    """Return the probability of each asset to be out in an event whatever the hazard, ``(n_asset,) float64``."""
    if "unavailability" not in assets:
        return np.zeros(len(assets))
    return assets["unavailability"].to_numpy(dtype=np.float64)


def share_of_hazard(failure_probability: ArrayLike, anyway: ArrayLike) -> NDArray[np.float64]:
    """Return the share of a failure probability that is the hazard's own: only that can be damage.

    Parameters
    ----------
    failure_probability, anyway : float64 array
        Of both causes together, and of the asset whatever the hazard.

    Notes
    -----
    With p of both and u whatever the hazard, ``1 - (1 - p) / (1 - u)`` is the hazard's; divided by p.

    Examples
    --------
    >>> share_of_hazard([0.28, 0.1, 0.0, 1.0], [0.1, 0.1, 0.0, 1.0]).round(4)
    array([0.7143, 0.    , 1.    , 0.    ])
    """
    both, alone = np.nan_to_num(np.asarray(failure_probability)), np.asarray(anyway, dtype=np.float64)
    out = np.ones(both.shape)
    given = (alone > 0.0) & (both > 0.0)
    left = np.where(alone < 1.0, (1.0 - both) / np.where(alone < 1.0, 1.0 - alone, 1.0), 1.0)
    out[given] = np.clip((1.0 - left)[given] / both[given], 0.0, 1.0)
    return out


def _fragility(
    intensity: NDArray[np.float64], assets: pd.DataFrame, curves: CurveTable, peril: str
) -> NDArray[np.float64]:
    from resilience.kernels.curves import evaluate_curves

    packed = curves.pack(assets[f"{peril}_fragility_curve"].to_list(), role="fragility", peril=peril)
    out = np.empty(intensity.shape)
    evaluate_curves(intensity, packed.index, packed.indptr, packed.x, packed.y, packed.theta, packed.beta, out)
    return out


def _heat_failure(
    temperature: NDArray[np.float64], assets: pd.DataFrame, curves: CurveTable, seal_failure: float
) -> NDArray[np.float64]:
    return _fragility(temperature, assets, curves, "heat")


def _flood_failure(
    depth: NDArray[np.float64], assets: pd.DataFrame, curves: CurveTable, seal_failure: float
) -> NDArray[np.float64]:
    height, barrier, seal, threshold = (
        assets[column].to_numpy(dtype=np.float64)
        for column in ("component_height", "barrier_height", "seal_failure", "dry_threshold")
    )
    probability = _fragility(np.maximum(depth - height, 0.0), assets, curves, "flood")
    # Maps hold float32: 0.3 m is stored as 0.30000001, which a limit of 0.3 in float64 would call above it.
    stored = depth.astype(np.float32)
    # A curve may start above zero: no water at the equipment, no failure.
    probability[stored <= height.astype(np.float32)] = 0.0
    behind = np.isfinite(barrier)
    basement = behind & (height < 0.0)
    probability[:, basement] = np.where(np.isnan(depth[:, basement]), np.nan, 1.0)
    leak = np.where(np.isnan(seal), seal_failure, seal)
    probability = np.where(behind & (stored <= barrier.astype(np.float32)), leak * probability, probability)
    probability[(depth <= 0.0) | (stored < threshold.astype(np.float32))] = 0.0
    return probability


FAILURE = {"flood": _flood_failure, "heat": _heat_failure}
"""Per peril, the probability to fail by the hazard alone."""
