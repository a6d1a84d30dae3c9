"""How much each asset matters to the expected annual loss.

With F the expected annual loss, F(down) what it is when the asset is always out of function through the hazard, and
F(up) when it never is:

====================================  ==========================================================================
Birnbaum                              F(down) - F(up), in the unit of the loss per year
criticality                           sum over events of weight x probability of failure x Birnbaum, over F
risk achievement worth (RAW)          F(down) / F
risk reduction worth (RRW)            F / F(up)
Fussell-Vesely (FV)                   (F - F(up)) / F, the form that goes with RRW
====================================  ==========================================================================

The *loss* is what the caller accumulated: persons without the service (then F is persons per year), or an indicator
of the service being lost at all (then F is a rate, and one event of weight 1 gives the probabilities of textbooks).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems
from resilience.quotients import divide
from resilience.risk.expected import check_weights
from resilience.risk.ranking import ROUNDING
from resilience.risk.standard_errors import NORMAL, sample_variance
from resilience.variables import MEASURES

Floats = NDArray[np.float64]

SUMS: dict[str, tuple[str, ...]] = {
    "failed_count": ("event", "asset"),
    "sum_loss": ("event", "service"),
    "sum_loss2": ("event", "service"),
    "sum_loss_failed": ("event", "asset", "service"),
    "sum_loss2_failed": ("event", "asset", "service"),
}
"""The running sums over samples that importance is told from."""

FEWEST_SAMPLES = 10
"""Samples that an average needs to be told, a judgement: the interval of 1.96 standard errors of 10 samples holds 92 %
where it says 95 % (Student's t with 9 degrees of freedom), that of 5 holds 88 %, that of 2 holds 70 %."""

COUNTS = ("never_failed_events", "always_failed_events", "seldom_failed_events", "seldom_working_events")

_NOTE = (
    "conditional averages over the samples in which the asset failed and did not: right where failures are independent "
    "within an event; where they are correlated, conditioning mixes in the common cause, use paired re-runs. "
    f"NaN: in some weighted event fewer than {FEWEST_SAMPLES} samples have the asset failed (or working)"
)


class _Moments(NamedTuple):
    """Of one event: weight, shares and the loss of all samples, of those with the asset failed, and without."""

    weight: float
    share: Floats  # (asset, 1) failed samples over samples
    mean: Floats  # (service,)
    mean_failed: Floats  # (asset, service)
    mean_up: Floats
    variance: Floats
    variance_failed: Floats
    variance_up: Floats


def _moments(sums: Mapping[str, NDArray[Any]], event: int, weight: float, n: int) -> _Moments:
    failed, total, squares, total_failed, squares_failed = (
        np.asarray(sums[name][event], dtype=np.float64) for name in SUMS
    )
    failed = failed[:, np.newaxis]
    up = n - failed
    # The average over all samples is no average over few of them.
    tells_failed, tells_up = (failed >= FEWEST_SAMPLES) | (up == 0), (up >= FEWEST_SAMPLES) | (failed == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _Moments(
            weight,
            failed / n,
            total / n,
            np.where(tells_failed, total_failed / failed, np.nan),
            np.where(tells_up, (total - total_failed) / up, np.nan),
            np.asarray(sample_variance(total, squares, n)),
            np.asarray(sample_variance(total_failed, squares_failed, failed)),
            np.asarray(sample_variance(total - total_failed, squares - squares_failed, up)),
        )


def asset_importance(
    sums: xr.Dataset,
    *,
    weights: ArrayLike | xr.DataArray,
    n_samples: int,
    failure_probability: xr.DataArray | None = None,
    most: ArrayLike = np.nan,
    loss: str = "people_without_service",
) -> xr.Dataset:
    """Return the importance of every asset for every service, with standard errors.

    Parameters
    ----------
    sums : xarray.Dataset
        Running sums over samples: `failed_count` (event, asset), samples in which the hazard put the asset out of
        function; `sum_loss` and `sum_loss2` (event, service), of the loss and its square over all samples;
        `sum_loss_failed` and `sum_loss2_failed` (event, asset, service), over the samples where the asset failed.
        A coordinate `family` (event) tells which events share their random numbers; without it all do.
    weights : (event,) array_like, 1/year
        With the tail. Events of weight 0 are left out. For the measures of one event, select it and give weight 1.
    n_samples : int
        Samples per event.
    failure_probability : (event, asset) xarray.DataArray, optional
        The probabilities that were sampled from; without them the sampled shares stand in `criticality`, which then
        equals `fussell_vesely`.
    most : (service,) array_like, optional
        The largest loss that an event can bring.
    loss : str
        What was summed, for the attributes.

    Returns
    -------
    xarray.Dataset
        Each of ``resilience.variables.MEASURES`` and its `_standard_error` (asset, service), and `expected_annual_loss`
        (service). NaN where undefined; `seldom_failed_events` and `seldom_working_events` (asset) count the weighted
        events in which fewer than :data:`FEWEST_SAMPLES` samples have it failed, or working, which makes it so;
        `never_failed_events` and `always_failed_events` count those with none at all. Run those again in pairs, see
        :func:`resilience.risk.paired_importance`. `told_apart` (asset, service) is 1 where `fussell_vesely` is above 0
        by more than 1.96 standard errors: its own, and that of an asset without effect which fails as often. `unseen`
        (asset, service) is how much larger `fussell_vesely` can be at most for events in which the asset could have
        failed and did in no sample; NaN where it can and `most` is not known.

    Raises
    ------
    DataError
        Sums are absent or do not fit together, or see ``resilience.risk.expected.check_weights``.

    Notes
    -----
    Per event, F(down) is the mean loss of the samples in which the asset failed. An asset that never failed leaves
    F(up) as it is, F; F(down), and with it Birnbaum and RAW, is unknown. Where it could have failed with probability p,
    its part of that event in FV, weight x p x (F(down) - F(up)) / F, is told as 0 and lies between 0 and weight x p x
    `most` / F: the sum of these is `unseen`, and no part of the standard error. Standard errors are by the delta
    method: with variances v, v0 of all and of the up samples, share q failed and r = F(up)/F, n F^2 Var(FV) is v0/(1-q)
    + r^2 v - 2 r v0; of an asset without effect it is v q/(1-q), which is larger where the loss is skewed and few
    failed samples are by chance all alike. Events of a family share random numbers, so their errors add (an upper
    bound); families are independent, and theirs add in squares.

    Examples
    --------
    >>> sums = xr.Dataset(
    ...     {"failed_count": (("event", "asset"), [[10]]),
    ...      "sum_loss": (("event", "service"), [[10.0]]), "sum_loss2": (("event", "service"), [[10.0]]),
    ...      "sum_loss_failed": (("event", "asset", "service"), [[[10.0]]]),
    ...      "sum_loss2_failed": (("event", "asset", "service"), [[[10.0]]])})
    >>> found = asset_importance(sums, weights=[1.0], n_samples=100, loss="indicator")
    >>> found.birnbaum.item(), found.risk_achievement_worth.item()
    (1.0, 10.0)
    """
    _check_sums(sums, n_samples, failure_probability)
    rate = check_weights(sums["failed_count"], weights)
    counted = np.flatnonzero(rate > 0.0)
    family = np.asarray(sums.coords["family"].values) if "family" in sums.coords else np.zeros(rate.size, dtype=int)
    n_asset, n_service = sums.sizes["asset"], sums.sizes["service"]
    arrays = {name: sums[name].transpose(*dims).values for name, dims in SUMS.items()}
    sampled = None if failure_probability is None else failure_probability.transpose("event", "asset").values

    annual, down, up, critical = np.zeros(n_service), *(np.zeros((n_asset, n_service)) for _ in range(3))
    # By family: of the loss, and of what an asset without effect seems to take.
    annual_errors: dict[Any, Floats] = {}
    chance_errors: dict[Any, Floats] = {}
    events = {name: np.zeros(n_asset, dtype=np.int64) for name in COUNTS}
    # No sample failed: F(up) is F, exactly so where the asset cannot fail, but unknown where it can.
    unseen = np.zeros(n_asset)
    for event in counted:
        here = _moments(arrays, int(event), float(rate[event]), n_samples)
        annual += here.weight * here.mean
        down += here.weight * here.mean_failed
        up += here.weight * here.mean_up
        critical += here.weight * _times(_probability(sampled, int(event), here), here.mean_failed - here.mean_up)
        failed = arrays["failed_count"][event]
        unseen += np.where(failed == 0, here.weight * _probability(sampled, int(event), here)[:, 0], 0.0)
        events["never_failed_events"] += failed == 0
        events["always_failed_events"] += failed == n_samples
        events["seldom_failed_events"] += failed < FEWEST_SAMPLES
        events["seldom_working_events"] += n_samples - failed < FEWEST_SAMPLES
        error = here.weight * np.sqrt(here.variance / n_samples)
        annual_errors[family[event]] = annual_errors.get(family[event], 0.0) + error
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = here.share / (1.0 - here.share)
            chance_errors[family[event]] = chance_errors.get(family[event], 0.0) + error * np.sqrt(odds)

    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "birnbaum": down - up,
            "criticality": critical / annual,
            "fussell_vesely": 1.0 - up / annual,
            "risk_achievement_worth": down / annual,
            "risk_reduction_worth": annual / up,
        }
        if sampled is None:
            values["criticality"] = values["fussell_vesely"]
        errors = _errors(arrays, rate, counted, family, n_samples, annual, values, sampled)
        by_chance = _join_families(chance_errors, up.shape) / annual
        largest = np.maximum(errors["fussell_vesely"], by_chance)
        apart = values["fussell_vesely"] - NORMAL * largest > ROUNDING

    coords = {name: sums.coords[name] for name in ("asset", "service") if name in sums.coords}
    attrs = {"loss": loss, "n_samples": n_samples, "method": _NOTE}
    found: dict[str, Any] = {
        "expected_annual_loss": ("service", annual),
        "expected_annual_loss_standard_error": ("service", _join_families(annual_errors, annual.shape)),
    }
    for name in MEASURES:
        found[name] = (("asset", "service"), values[name])
        known = ~np.isnan(values[name])
        found[f"{name}_standard_error"] = (("asset", "service"), np.where(known, errors[name], np.nan))
    bound = _times(unseen[:, np.newaxis], divide(np.broadcast_to(most, n_service), annual)[np.newaxis])
    found["unseen"] = (("asset", "service"), np.where(np.isnan(values["fussell_vesely"]), np.nan, bound))
    found["told_apart"] = (("asset", "service"), apart.astype(np.int64))
    found |= {name: ("asset", count) for name, count in events.items()}
    return xr.Dataset(found, coords=coords, attrs=attrs)


def _join_families(errors: Mapping[Any, Floats], shape: tuple[int, ...]) -> Floats:
    """Return the error of the sum over independent families."""
    return np.sqrt(sum((error**2 for error in errors.values()), np.zeros(shape)))


def _times(probability: Floats, difference: Floats) -> Floats:
    """Return the product, 0 where the asset cannot fail whatever the unknown difference."""
    return np.where(probability == 0.0, 0.0, probability * difference)


def _probability(failure_probability: NDArray[Any] | None, event: int, here: _Moments) -> Floats:
    if failure_probability is None:
        return here.share
    return np.asarray(failure_probability[event], dtype=np.float64)[:, np.newaxis]


def _errors(
    sums: Mapping[str, NDArray[Any]],
    rate: Floats,
    counted: NDArray[np.intp],
    family: NDArray[Any],
    n: int,
    annual: Floats,
    values: dict[str, Floats],
    failure_probability: NDArray[Any] | None,
) -> dict[str, Floats]:
    """Return the standard errors; a second pass, for the ratios must be known."""
    share_up, achievement = 1.0 - values["fussell_vesely"], values["risk_achievement_worth"]
    critical = values["criticality"]
    squared = {name: np.zeros(share_up.shape) for name in MEASURES}
    for name in dict.fromkeys(family[counted].tolist()):
        linear = {measure: np.zeros(share_up.shape) for measure in MEASURES}
        for event in counted[family[counted] == name]:
            here = _moments(sums, int(event), float(rate[event]), n)
            q, probability = here.share, _probability(failure_probability, int(event), here)
            v, v_up, v_failed = here.variance, here.variance_up, here.variance_failed
            of_difference = v_up / (1.0 - q) + v_failed / q
            variances = {
                "birnbaum": of_difference,
                "criticality": _times(probability, probability * of_difference - 2.0 * critical * (v_failed - v_up))
                + critical**2 * v,
                "fussell_vesely": v_up / (1.0 - q) + share_up**2 * v - 2.0 * share_up * v_up,
                "risk_achievement_worth": v_failed / q + achievement**2 * v - 2.0 * achievement * v_failed,
            }
            for measure, variance in variances.items():
                linear[measure] += here.weight * np.sqrt(np.maximum(variance, 0.0) / n)
        for measure in MEASURES:
            squared[measure] += linear[measure] ** 2
    errors = {measure: np.sqrt(squared[measure]) / annual for measure in MEASURES}
    errors["birnbaum"] = np.sqrt(squared["birnbaum"])
    # Below 1e-8 of what it is an error of it is the rounding of sums, see ``standard_error``.
    errors = {name: np.where(error <= 1e-8 * (annual if name == "birnbaum" else 1.0), 0.0, error)
              for name, error in errors.items()}  # fmt: skip
    errors["risk_reduction_worth"] = errors["fussell_vesely"] / share_up**2
    if failure_probability is None:
        errors["criticality"] = errors["fussell_vesely"]
    return errors


def _check_sums(sums: xr.Dataset, n_samples: int, failure_probability: xr.DataArray | None) -> None:
    problems = Problems()
    for name, dims in SUMS.items():
        if name not in sums:
            problems.add(f"sums.{name}", wanted=f"dims ({', '.join(dims)})", got="absent")
        elif set(sums[name].dims) != set(dims):
            got = f"dims ({', '.join(map(str, sums[name].dims))})"
            problems.add(f"sums.{name}", wanted=f"dims ({', '.join(dims)})", got=got)
    problems.raise_if_any(DataError)
    if n_samples < 1:
        problems.add("n_samples", wanted="1 or more", got=str(n_samples))
    count = np.asarray(sums["failed_count"].values)
    wrong = (count < 0) | (count > n_samples)
    if wrong.any():
        problems.add(
            "sums.failed_count",
            wanted=f"0 .. {n_samples} samples",
            got="outside",
            count=int(wrong.sum()),
            total=wrong.size,
            first=count[wrong][:3],
        )
    if failure_probability is not None:
        sizes = {dim: sums.sizes[dim] for dim in ("event", "asset")}
        if dict(failure_probability.sizes) != sizes:
            problems.add("failure_probability", wanted=f"sizes {sizes}", got=f"{dict(failure_probability.sizes)}")
    problems.raise_if_any(DataError)
