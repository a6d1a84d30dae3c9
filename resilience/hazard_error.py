"""The error of a hazard's maps: in each sample all intensities of a family are off by one and the same number."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from resilience.cascade import MovedFragility
from resilience.draws import HAZARD_ERROR, stream_key
from resilience.errors import ConfigurationError, Problems
from resilience.fragility import failure_at, unavailable
from resilience.heat_limits import find_limits
from resilience.heat_power import followed_assets
from resilience.inputs import Inputs
from resilience.kernels.fragility import quantise_probability
from resilience.kernels.normals import middle_of, normal_quantile, sample_normals
from resilience.kernels.rows import SAMPLES
from resilience.scenario import Scenario

Floats = NDArray[np.float64]

HIGHEST: Final = float(normal_quantile(middle_of(np.uint32(2**32 - 1))))
"""Largest standard normal number that is ever drawn; the smallest is its negative."""
_MAP = np.array([2**64 - 1], np.uint64)
"""Identity of the number that a whole map shares."""
_AT_ONCE = 256
_CELLS = 512
_HALVINGS = 24


def error_sd(hazard: xr.Dataset) -> float:
    """Return the standard deviation of the error of a family's maps, m or K; 0 where they are taken as exact."""
    return float(hazard.attrs.get("error_sd", 0.0))


def check_errors(inputs: Inputs, scenario: Scenario) -> None:
    """Raise ConfigurationError where an error of maps meets what it is not defined with."""
    problems = Problems()
    assets = inputs.network.assets
    repair = None if scenario.time is None else scenario.time.repair
    by_hour = find_limits(assets, scenario.heat) is not None or bool(followed_assets(assets, scenario.heat).any())
    for hazard in inputs.hazards:
        if not error_sd(hazard):
            continue
        subject, peril = f"error_sd of {hazard.attrs['family']}", str(hazard.attrs["peril"])
        if "time" in hazard.dims:
            problems.add(subject, wanted="maps without a time axis", got="maps in time")
        elif peril == "heat" and by_hour:
            wanted = "no rail, data_centres, transformers, lines or demand under `heat`: they take the maps as exact"
            problems.add(subject, wanted=wanted, got="some")
        if repair is not None and repair.states:
            wanted = "`time.repair.damaged`: states of damage by curves of their own do not move with the error"
            problems.add(subject, wanted=wanted, got="time.repair.states")
        both = (unavailable(assets) > 0.0) & (assets[f"{peril}_fragility_curve"].astype(str) != "").to_numpy()
        if repair is not None and both.any():
            wanted = "no repair, or no asset that has both an unavailability and a fragility curve"
            problems.add(
                subject, wanted=wanted, got="assets with both", count=int(both.sum()), total=both.size,
                first=assets["id"].to_numpy()[both][:3].tolist(),
            )  # fmt: skip
    problems.raise_if_any(ConfigurationError)


def move_intensity(intensity: Floats, error: Floats, *, peril: str) -> Floats:
    """Return intensities under errors of the map, ``(n_error, n_asset) float64``.

    Parameters
    ----------
    intensity : (n_asset,) float64, m or degC
    error : (n_error,) float64, m or K
    peril : {"flood", "heat"}

    Notes
    -----
    An error moves water where the map has water, and to nothing at most: what is dry in the map stays dry.

    Examples
    --------
    >>> move_intensity(np.array([0.0, 0.25, 1.0]), np.array([-0.5, 0.5]), peril="flood").tolist()
    [[0.0, 0.0, 0.5], [0.0, 0.75, 1.5]]
    """
    moved = intensity + error[:, np.newaxis]
    if peril == "flood":
        return np.where(intensity > 0.0, np.maximum(moved, 0.0), intensity)
    return moved


def expect_failure(damaged: xr.Dataset, inputs: Inputs, sd: float, *, peril: str) -> xr.Dataset:
    """Return exposure and damage with failure probabilities that are means over the error of the maps.

    Parameters
    ----------
    damaged : xarray.Dataset
        Of one family, from :func:`resilience.damage.damage`.
    inputs : Inputs
    sd : float, m or K
        Above zero.
    peril : {"flood", "heat"}

    Notes
    -----
    Mean over the middles of 512 equally probable cells of the error, of which the first and the last are halved 24
    times more: what depends smoothly on the error is within 1e-5 of numerical integration, a jump within 1/1024.
    """
    depths = damaged["exposed_intensity"].values.astype(np.float64)
    mean = damaged["failure_probability"].values.copy()
    error, weight = _cells(sd)
    for event, depth in enumerate(depths):
        rows = np.flatnonzero(_spread(depth, inputs, sd, peril)[0])
        for at in range(0, rows.size, _AT_ONCE):
            chosen = rows[at : at + _AT_ONCE]
            fails = _failure(depth, inputs.network.assets.iloc[chosen], chosen, error, inputs, peril)
            # One order of the sum, whatever stands beside an asset.
            mean[event, chosen] = np.minimum((np.ascontiguousarray(fails.T) * weight).sum(axis=1), 1.0)
    return damaged.assign(failure_probability=damaged["failure_probability"].copy(data=mean))


def move_fragility(
    inputs: Inputs, damaged: xr.Dataset, hazard: xr.Dataset, event: int, *, seed: int, forced: int | None = None
) -> tuple[Floats, MovedFragility] | None:
    """Return the highest failure probabilities of an event under the error of its map, and how they move.

    Parameters
    ----------
    inputs : Inputs
    damaged : xarray.Dataset
        Of the events of all families.
    hazard : xarray.Dataset
        Family of the event.
    event : int
        Position in `damaged`.
    seed : int
    forced : int, optional
        Asset whose failure probability stays as it is.

    Returns
    -------
    (n_asset,) float64 and MovedFragility
        None where the maps are exact.
    """
    sd = error_sd(hazard)
    if not sd:
        return None
    peril, family = str(hazard.attrs["peril"]), str(hazard.attrs["family"])
    depth = damaged["exposed_intensity"].values[event].astype(np.float64)
    moves, highest = _spread(depth, inputs, sd, peril)
    if forced is not None:
        moves[forced] = False
    probability = np.where(moves, highest, damaged["failure_probability"].values[event])
    key = stream_key(seed, HAZARD_ERROR, family)
    return probability, MovedFragility(moves, partial(_thresholds, depth, inputs, sd, peril, key))


def draw_error(key: np.uint64, first_word: int, sd: float) -> Floats:
    """Return the errors of a word group's samples, ``(512,) float64``, m or K.

    Parameters
    ----------
    key : uint64
        Of seed, purpose and family: all maps of a family are off by the same.
    first_word : int
    sd : float

    Examples
    --------
    >>> draw_error(stream_key(1, HAZARD_ERROR, "river"), 0, 0.15).shape
    (512,)
    """
    normal = np.empty((1, SAMPLES))
    sample_normals(key, _MAP, first_word, normal)
    return np.asarray(normal[0] * sd)


def _thresholds(
    depth: Floats, inputs: Inputs, sd: float, peril: str, key: np.uint64, first_word: int, chosen: NDArray[np.int32]
) -> NDArray[np.uint32]:
    """Return the thresholds of failure of assets in every sample of a word group, (n, 512)."""
    error = draw_error(key, first_word, sd)
    return _quantised(_failure(depth, inputs.network.assets.iloc[chosen], chosen, error, inputs, peril).T)


def _spread(depth: Floats, inputs: Inputs, sd: float, peril: str) -> tuple[NDArray[np.bool_], Floats]:
    """Return which assets an error matters to, and their failure probability at the highest of all errors."""
    every = np.arange(depth.size, dtype=np.int32)
    ends = np.array([-HIGHEST, HIGHEST]) * sd
    fails = _failure(depth, inputs.network.assets, every, ends, inputs, peril)
    low, high = _quantised(fails)
    return np.asarray(low != high), fails[1]


def _failure(
    depth: Floats, assets: pd.DataFrame, chosen: NDArray[np.integer], error: Floats, inputs: Inputs, peril: str
) -> Floats:
    """Return the failure probabilities of the chosen assets, which are `assets`, under errors, (n_error, n)."""
    moved = move_intensity(depth[chosen], error, peril=peril)
    return np.nan_to_num(failure_at(moved, assets, inputs.curves, peril=peril), nan=0.0)


def _quantised(probability: Floats) -> NDArray[np.uint32]:
    threshold = np.empty(probability.shape, np.uint32)
    quantise_probability(np.ascontiguousarray(probability).reshape(-1), threshold.reshape(-1))
    return threshold


def _cells(sd: float) -> tuple[Floats, Floats]:
    """Return errors in the middles of cells of their distribution, and the probability of each cell."""
    tail = 0.5 ** np.arange(_HALVINGS, 0, -1) / _CELLS
    edges = np.concatenate([[0.0], tail, np.arange(1, _CELLS) / _CELLS, 1.0 - tail[::-1], [1.0]])
    middle = (edges[1:] + edges[:-1]) / 2
    return np.asarray(ndtri(middle) * sd), np.diff(edges)
