"""From exposed intensities to direct loss and to the probability that the hazard itself puts an asset out of function.

Direct loss and loss of function come from two independent curves of an asset: a substation under 1.2 m of water has
lost a few percent of its value and all of its function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.curves import Curve, CurveTable
from resilience.errors import DataError, Problem, Problems
from resilience.fragility import FAILURE, SEAL_FAILURE, failure_at
from resilience.labels import check_dataset
from resilience.perils import PERILS
from resilience.variables import VARIABLES

if TYPE_CHECKING:
    from resilience.network import Network


def damage(
    exposure: xr.Dataset, network: Network, *, curves: CurveTable, seal_failure: float = SEAL_FAILURE
) -> xr.Dataset:
    """Return `exposure` with direct losses and failure probabilities.

    Parameters
    ----------
    exposure : xarray.Dataset
        With ``exposed_intensity`` and ``damage_fraction``, (event, asset) float64; flood depths in m, temperatures in
        degC; the peril is the coordinate ``peril`` on event or the attribute ``peril``. An asset for each of the
        network's, in any order.
    network : Network
        Its assets name the fragility curve per peril, the heights (m) and the replacement cost (money).
    curves : CurveTable
    seal_failure : float
        Probability that a barrier leaks, for assets with a barrier and none of their own. Default by expert judgement.

    Returns
    -------
    xarray.Dataset
        The same and ``asset_direct_loss`` (event, asset), ``direct_loss`` (event), ``failure_probability``
        (event, asset). What is unknown (NaN) stays unknown, and so does the direct loss of an event with an asset of
        unknown loss.

    Raises
    ------
    DataError
        With everything that does not fit: variables, perils, assets, curve names, heights, probabilities.

    Notes
    -----
    An asset with an ``unavailability`` u is out with probability 1 - (1 - P)(1 - u), P as below.

    Direct loss is damage fraction times replacement cost; an asset without a damage curve for the peril loses nothing.

    Heat: the fragility curve at the temperature. Flood, for depth d above ground, e the ``component_height``,
    F the fragility and zero wherever d is zero or below ``dry_threshold``:

    * no barrier: P = F(max(0, d - e)), and 0 where that depth is zero;
    * with a ``barrier_height`` h and probability s that its seal fails: P = s Q for d <= h, P = Q for d > h, where
      Q = F(max(0, d - e)) for equipment above ground (e >= 0). Below ground (e < 0) a basement that takes water is
      lost whole: Q = 1, and the curve, if any, is not used.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from resilience.datasets import load_curves
    >>> assets = pd.DataFrame({"id": ["S1"], "flood_damage_curve": ["hazus_substation"], "heat_damage_curve": [""],
    ...     "flood_fragility_curve": ["function_substation"], "heat_fragility_curve": [""], "component_height": [0.0],
    ...     "barrier_height": [np.nan], "seal_failure": [np.nan], "dry_threshold": [0.05], "replacement_cost": [1e6]})
    >>> dims = ("event", "asset")
    >>> exposure = xr.Dataset({"exposed_intensity": (dims, [[1.2]]), "damage_fraction": (dims, [[0.07]])},
    ...     coords={"event": ["rp100"], "asset": ["S1"]}, attrs={"peril": "flood"})
    >>> result = damage(exposure, SimpleNamespace(assets=assets), curves=load_curves())
    >>> result["failure_probability"].item(), round(result["direct_loss"].item())
    (0.5, 70000)
    """
    check_dataset(exposure, ["exposed_intensity", "damage_fraction"], subject="exposure")
    perils = _perils(exposure)
    assets = _aligned(exposure, network.assets)
    _check_assets(assets, seal_failure)
    intensity = np.ascontiguousarray(exposure["exposed_intensity"].values, dtype=np.float64)
    fraction = exposure["damage_fraction"].values.astype(np.float64)
    _check_fraction(fraction)
    cost = assets["replacement_cost"].to_numpy(dtype=np.float64)
    loss = np.empty(intensity.shape)
    probability = np.empty(intensity.shape)
    for peril in dict.fromkeys(perils.tolist()):
        rows = np.flatnonzero(perils == peril)
        worth = (assets[f"{peril}_damage_curve"] != "").to_numpy() & (cost != 0.0)
        loss[rows] = np.where(worth, fraction[rows] * cost, 0.0)
        probability[rows] = failure_at(intensity[rows], assets, curves, peril=peril, seal_failure=seal_failure)
    coords = {name: exposure.coords[name] for name in ("event", "asset")}
    return exposure.assign(
        asset_direct_loss=VARIABLES["asset_direct_loss"].array(loss, coords),
        direct_loss=VARIABLES["direct_loss"].array(loss.sum(axis=1), {"event": coords["event"]}),
        failure_probability=VARIABLES["failure_probability"].array(probability, coords),
    )


def combine_damage(fractions: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Return the damage fraction after several perils at the same event: 1 - prod(1 - fraction).

    Times the replacement cost it is the direct loss, which can never be above that cost; the sum of the perils' losses
    could.

    Parameters
    ----------
    fractions : sequence of float64 arrays of one shape, one for each peril
        In [0, 1]; NaN stays NaN.

    Raises
    ------
    DataError
        A fraction outside [0, 1].

    Examples
    --------
    >>> combine_damage([[0.5, 0.0], [0.5, 0.2]])
    array([0.75, 0.2 ])
    """
    left = np.ones(np.broadcast_shapes(*(np.shape(fraction) for fraction in fractions)))
    for fraction in fractions:
        values = np.asarray(fraction, dtype=np.float64)
        _check_fraction(values)
        left = left * (1.0 - values)
    return np.asarray(1.0 - left)


def state_probabilities(states: Sequence[Curve], intensity: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of each damage state at `intensity`.

    Parameters
    ----------
    states : sequence of Curve
        Fragilities P(state >= k) of one group, k = 1 (lightest) to m, as from :meth:`CurveTable.states`.
    intensity : float64 array
        In the unit in memory; NaN stays NaN.

    Returns
    -------
    (m + 1, ...) float64 array
        Row 0 is no damage, row k is P(state >= k) - P(state >= k + 1); they add up to 1.

    Raises
    ------
    DataError
        States that cross at one of the intensities.

    Examples
    --------
    >>> slight = Curve("slight", "fragility", "flood", "m", x=[0, 1], y=[0, 1])
    >>> severe = Curve("severe", "fragility", "flood", "m", x=[0, 2], y=[0, 1])
    >>> state_probabilities([slight, severe], 0.5)
    array([0.5 , 0.25, 0.25])
    """
    values = np.asarray(intensity, dtype=np.float64)
    reached = [np.where(np.isnan(values), np.nan, 1.0), *(curve(values) for curve in states)]
    reached.append(np.zeros(values.shape))
    shares = -np.diff(np.stack(reached), axis=0)
    wrong = [states[k].name for k in range(1, len(states)) if np.any(shares[k] < 0.0)]
    if wrong:
        raise DataError(
            Problem(
                "damage states", "each nowhere above the lighter one", "fragilities that cross", len(wrong), None, wrong
            )
        )
    return np.asarray(shares)


def damage_states(
    exposure: xr.Dataset,
    network: Network,
    *,
    curves: CurveTable,
    states: Mapping[str, Sequence[NDArray[np.object_]]],
    seal_failure: float = SEAL_FAILURE,
) -> NDArray[np.float64]:
    """Return the probability of each state of damage or a worse one, where fragility curves tell it.

    Parameters
    ----------
    exposure : xarray.Dataset
        With ``exposed_intensity`` and ``failure_probability``, see :func:`damage`.
    network : Network
    curves : CurveTable
    states : mapping of str to sequence of (n_asset,) object
        Per peril, the fragility curve of each asset for state 1, 2, ...; empty where there is none. The lighter state
        of an asset is nowhere less probable, as those of one group are.
    seal_failure : float

    Returns
    -------
    (n_state, n_event, n_asset) float64
        Found as the failure probability is, heights and barriers included; 0 without a curve.

    Raises
    ------
    DataError
        Curves that are not there, and assets at which damage is more probable than failure: states are ordered, and
        what is damaged is out of function.
    """
    perils = _perils(exposure)
    assets = _aligned(exposure, network.assets)
    intensity = np.ascontiguousarray(exposure["exposed_intensity"].values, dtype=np.float64)
    reached = np.zeros((max(map(len, states.values()), default=0), *intensity.shape))
    for peril, of_states in states.items():
        rows = np.flatnonzero(perils == peril)
        for number, names in enumerate(of_states):
            told = assets.assign(**{f"{peril}_fragility_curve": names})
            found = FAILURE[peril](intensity[rows], told, curves, seal_failure)
            reached[number, rows] = np.where(names != "", np.nan_to_num(found, nan=0.0), 0.0)
    if reached.size:
        failure = np.nan_to_num(exposure["failure_probability"].values, nan=0.0)
        over = (reached[0] > failure + 1e-9).any(axis=0)
        if over.any():
            raise DataError(
                Problem("time.repair.states", "damage nowhere more probable than failure, as what is damaged is out",
                        "assets whose curve of the first state lies above their fragility curve", int(over.sum()),
                        over.size, tuple(assets["id"].to_numpy()[over][:3].tolist()))
            )  # fmt: skip
    return reached


def _perils(exposure: xr.Dataset) -> NDArray[np.str_]:
    """Return the peril of each event."""
    count = exposure.sizes["event"]
    if "peril" in exposure.coords:
        perils = np.broadcast_to(exposure["peril"].values.astype(str), (count,))
    elif "peril" in exposure.attrs:
        perils = np.full(count, str(exposure.attrs["peril"]))
    else:
        raise DataError(Problem("exposure.peril", "a coordinate on event or an attribute: flood or heat", "absent"))
    unknown = sorted(set(perils.tolist()) - set(PERILS))
    if unknown:
        raise DataError(Problem("exposure.peril", "flood or heat", "other perils", len(unknown), None, unknown))
    return perils


def _aligned(exposure: xr.Dataset, assets: pd.DataFrame) -> pd.DataFrame:
    """Return the assets in the order of the exposure."""
    if "asset" not in exposure.coords:
        raise DataError(Problem("exposure.asset", "a coordinate with asset ids", "absent"))
    ids = pd.Index(exposure["asset"].values.astype(str))
    known = pd.Index(assets["id"].astype(str))
    problems = Problems()
    for subject, given, wanted in (("exposure.asset", ids, known), ("network.assets", known, ids)):
        strange = given.difference(wanted)
        if len(strange):
            problems.add(
                subject, wanted="the same assets in exposure and network", got="assets that the other has not",
                count=len(strange), total=len(given), first=strange[:3],
            )  # fmt: skip
        if given.has_duplicates:
            problems.add(subject, wanted="every id once", got="ids more than once", first=given[given.duplicated()][:3])
    problems.raise_if_any(DataError)
    return pd.DataFrame(assets).iloc[known.get_indexer(ids)]


def _check_assets(assets: pd.DataFrame, seal_failure: float) -> None:
    problems = Problems()
    if not 0.0 <= seal_failure <= 1.0:
        problems.add("seal_failure", wanted="a probability", got=f"{seal_failure:g}")
    seal = assets["seal_failure"].to_numpy(dtype=np.float64)
    cost = assets["replacement_cost"].to_numpy(dtype=np.float64)
    wrongs = {
        "seal_failure": ("a probability in [0, 1], or nothing", (seal < 0.0) | (seal > 1.0)),
        "barrier_height": ("metres >= 0, or nothing", assets["barrier_height"].to_numpy(dtype=np.float64) < 0.0),
        "dry_threshold": ("metres >= 0", ~(assets["dry_threshold"].to_numpy(dtype=np.float64) >= 0.0)),
        "component_height": ("metres", ~np.isfinite(assets["component_height"].to_numpy(dtype=np.float64))),
        "replacement_cost": ("money >= 0", ~(np.isfinite(cost) & (cost >= 0.0))),
    }
    for column, (wanted, wrong) in wrongs.items():
        if wrong.any():
            problems.add(
                f"network.assets.{column}", wanted=wanted, got="values that are not", count=int(wrong.sum()),
                total=len(assets), first=assets["id"].to_numpy()[wrong][:3],
            )  # fmt: skip
    problems.raise_if_any(DataError)


def _check_fraction(fraction: NDArray[np.float64]) -> None:
    wrong = (fraction < 0.0) | (fraction > 1.0)
    if wrong.any():
        raise DataError(
            Problem("damage_fraction", "fractions in [0, 1]", "values outside", int(wrong.sum()), fraction.size,
                    tuple(f"{value:g}" for value in fraction[wrong][:3]))
        )  # fmt: skip
