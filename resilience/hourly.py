"""Hazards with a time axis: what they bring to assets hour by hour, and the course of outages that follows.

An asset fails at its worst hour with the probability of that hour, and is out in each hour in which its random number U
is below the probability of that hour: the same U all along, so it is out in no hour without failing at the peak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import EventPlan
from resilience.curves import CurveTable
from resilience.damage import damage
from resilience.engine import HazardCourse, Recovery
from resilience.exposure import expose
from resilience.hazard import view_hours
from resilience.heat_limits import HeatLimits
from resilience.kernels.fragility import CERTAIN, quantise_probability

if TYPE_CHECKING:
    from resilience.network import Network

Floats = NDArray[np.float64]
Minutes = NDArray[np.int64]

# Values of one variable that are held at once: some hundred megabytes with all variables.
MOST_VALUES = 1 << 22
PEAKS = (
    "exposed_intensity", "mean_intensity", "wet_length", "damage_fraction", "asset_direct_loss", "failure_probability",
)  # fmt: skip


@dataclass(frozen=True)
class HourlyFamily:
    """What one family with a time axis brings to the assets that it can put out of function.

    Parameters
    ----------
    minute : (n_event, n_time + 1) int64
        From the beginning of each event, when each map begins to hold; the last ends the event.
    asset : (n,) intp
        Positions of assets that can fail in any event.
    probability : (n_event, n_time, n) float64
        Of being out of function in each hour.
    stopped : (n_event, n_time, n) bool
        Out in that hour whatever chance says, and no longer.
    slowness : (n_event, n_time, n_slow) float64
        Speed of trains as a share of that of the line, for `slow`.
    slow : (n_slow,) intp
        Positions of assets on which trains are slow at some hour of some event.
    air : (n_event, n_time, n_kept) float32, degC
        Highest temperature of the air at `kept`; NaN where unknown.
    kept : (n_kept,) intp
        Positions of assets of which that was asked.
    clock : int
        Minute of the local day at which events begin.
    """

    minute: Minutes
    asset: NDArray[np.intp]
    probability: Floats
    stopped: NDArray[np.bool_]
    slowness: Floats
    slow: NDArray[np.intp]
    air: NDArray[np.float32]
    kept: NDArray[np.intp]
    clock: int

    def course(
        self, event: int, plan: EventPlan, *, restart_minutes: Minutes, damage: NDArray[np.uint32]
    ) -> HazardCourse:
        """Return when an event keeps assets out.

        Parameters
        ----------
        event : int
            Position in the family.
        plan : EventPlan
        restart_minutes : (n_failing,) int64
            For how long an outage goes on after the hour that it is due to.
        damage : (n_failing,) uint32
            U below it is damage, done at the worst hour.
        """
        threshold = self._thresholds(event, plan)
        bounds = self.minute[event]
        minute, held = hold(bounds, threshold, restart_minutes)
        stopped = self.stopped[event][:, self._rows(plan)]
        for k in np.flatnonzero(stopped.any(axis=1)):
            now = (minute >= bounds[k]) & (minute < bounds[k + 1])
            held[np.ix_(stopped[k], now)] = CERTAIN
        return HazardCourse(minute, held, damage, self.worst_minutes(event, plan).astype(np.int32))

    def worst_minutes(self, event: int, plan: EventPlan) -> Minutes:
        """Return the first minute of the worst hour of each failing asset, ``(n_failing,) int64``."""
        threshold = self._thresholds(event, plan)
        return self.minute[event][threshold.argmax(axis=1)] if threshold.size else np.zeros(0, np.int64)

    def by_chance(self, event: int, n_asset: int) -> Floats:
        """Return the share of the failure probability that is not for certain, ``(n_asset,) float64``.

        What only stands still while it is too hot is not damaged.
        """
        share = np.ones(n_asset)
        certain = self.stopped[event].any(axis=0)
        share[self.asset[certain]] = self.probability[event][:, certain].max(axis=0)
        return share

    def slowest(self, event: int, n_asset: int) -> Floats:
        """Return the least share of its speed that each asset has in an event, ``(n_asset,) float64``."""
        share = np.ones(n_asset)
        share[self.slow] = self.slowness[event].min(axis=0, initial=1.0)
        return share

    def slow_until(self, event: int) -> int:
        """Return the minute of an event from which no train is slow any more; 0 where none is."""
        hours = np.flatnonzero((self.slowness[event] < 1.0).any(axis=1))
        return int(self.minute[event, hours[-1] + 1]) if hours.size else 0

    def _rows(self, plan: EventPlan) -> NDArray[np.intp]:
        place = np.full(plan.failed_row.size, -1, np.intp)
        place[self.asset] = np.arange(self.asset.size)
        # What fails in any hour of any event is here, and nothing else fails.
        return place[plan.failing]

    def _thresholds(self, event: int, plan: EventPlan) -> NDArray[np.uint32]:
        chosen = np.ascontiguousarray(self.probability[event].T[self._rows(plan)])
        threshold = np.empty(chosen.size, np.uint32)
        quantise_probability(chosen.reshape(-1), threshold)
        return threshold.reshape(chosen.shape)


@dataclass(frozen=True)
class HourlyEvent:
    """One event of a family with a time axis.

    Parameters
    ----------
    family : HourlyFamily
    position : int
        Of the event in its family.
    peril : str
    """

    family: HourlyFamily
    position: int
    peril: str

    @property
    def minute(self) -> Minutes:
        """Bounds of the hours, ``(n_time + 1,) int64``."""
        return np.asarray(self.family.minute[self.position])

    def begin(self, plan: EventPlan) -> NDArray[np.int64] | None:
        """Return when crews can set off for each failing asset, s; None for when the event is over.

        What heat damages can be reached at once.
        """
        return self.family.worst_minutes(self.position, plan) * 60 if self.peril == "heat" else None

    def follow(self, plan: EventPlan, recovery: Recovery) -> HazardCourse:
        """Return when the event keeps assets out."""
        damage = recovery.damage(plan.failing.size)
        return self.family.course(self.position, plan, restart_minutes=recovery.restart, damage=damage)


def hold(
    minute: Minutes, threshold: NDArray[np.uint32], restart_minutes: Minutes
) -> tuple[Minutes, NDArray[np.uint32]]:
    """Return thresholds that also count the hours before from which an outage still goes on.

    Parameters
    ----------
    minute : (n_time + 1,) int64
        Bounds of the hours.
    threshold : (n, n_time) uint32
    restart_minutes : (n,) int64
        For how long an outage goes on after its hour.

    Returns
    -------
    minute : (n_step,) int64
        Beginnings of steps; nothing is out from the last one on.
    held : (n, n_step) uint32
        The highest threshold of the hours that begin by then and end less than the restart before.

    Examples
    --------
    >>> minute, held = hold(np.array([0, 60, 120, 180]), np.array([[5, 9, 0]], np.uint32), np.array([90]))
    >>> minute.tolist(), held.tolist()
    ([0, 60, 120, 150, 180, 210, 270], [[5, 9, 9, 9, 9, 0, 0]])
    """
    lengths = np.unique(np.append(restart_minutes, 0))
    steps = np.unique(np.concatenate([minute[:-1], *(minute[1:] + one for one in lengths)]))
    held = np.zeros((len(threshold), steps.size), np.uint32)
    for one in np.unique(restart_minutes):
        rows = np.flatnonzero(restart_minutes == one)
        for k in range(threshold.shape[1]):
            lasts = (steps >= minute[k]) & (steps < minute[k + 1] + one)
            part = held[np.ix_(rows, lasts)]
            held[np.ix_(rows, lasts)] = np.maximum(part, threshold[rows, k][:, np.newaxis])
    return steps, held


def follow_hazard(
    hazard: xr.Dataset,
    network: Network,
    *,
    curves: CurveTable,
    method: Literal["nearest", "bilinear"],
    limits: HeatLimits | None = None,
    keep: NDArray[np.bool_] | None = None,
) -> tuple[xr.Dataset, HourlyFamily]:
    """Return the peaks of a hazard with a time axis at the assets, as of one without, and its hours.

    Parameters
    ----------
    hazard : xarray.Dataset
        ``intensity (event, time, y, x)``; read by window, some hours at a time. Without time, one map holds for the
        whole event.
    network : Network
    curves : CurveTable
    method : {"nearest", "bilinear"}
    limits : HeatLimits, optional
        What heat stops and slows beside what chance decides.
    keep : (n_asset,) bool, optional
        Assets whose temperature is kept hour by hour.

    Returns
    -------
    damaged : xarray.Dataset
        Dims (event, asset), as from :func:`resilience.damage.damage`: the highest value of each variable over time;
        unknown (NaN) where it is so in any hour.
    hourly : HourlyFamily

    Notes
    -----
    On a severity axis the running maximum over return periods is taken hour by hour, asset by asset; the attribute
    `hourly_repairs` counts the values that it changed.
    """
    n_event, n_time = hazard.sizes["event"], hazard.sizes.get("time", 1)
    n_asset = len(network.assets)
    size = max(1, MOST_VALUES // max(n_asset, 1))
    peaks: list[dict[str, Floats]] = []
    # Of most assets no hour of an event can put them out: they are not kept.
    hours: list[tuple[NDArray[np.intp], Floats]] = []
    slow = np.zeros(0, np.intp) if limits is None else np.flatnonzero(limits.rail)
    slows = np.ones((n_event, n_time, slow.size))
    stops = np.zeros((n_event, n_time, 0 if limits is None else n_asset), bool)
    kept_asset = np.zeros(0, np.intp) if keep is None else np.flatnonzero(keep)
    air_kept = np.empty((n_event, n_time, kept_asset.size), np.float32)
    repairs, before, template = 0, None, None
    for k in range(n_event):
        peak: dict[str, Floats] = {}
        probability = np.empty((n_time, n_asset), np.float64)
        for start in range(0, n_time, size):
            now = slice(start, min(start + size, n_time))
            exposure = expose(view_hours(hazard, k, now), network, curves=curves, method=method)
            one = damage(exposure, network, curves=curves)
            template = one if template is None else template
            for name in PEAKS:
                highest = one[name].values.max(axis=0)
                peak[name] = np.maximum(peak[name], highest) if name in peak else highest
            probability[now] = one["failure_probability"].values
            air = one["exposed_intensity"].values
            air_kept[k, now] = air[:, kept_asset]
            if limits is not None:
                stops[k, now], slows[k, now] = limits.stopped(air), limits.slowness(air)[:, slow]
        if hazard.attrs["axis"] == "severity" and k:
            stops[k] |= stops[k - 1]
            slows[k] = np.minimum(slows[k], slows[k - 1])
            air_kept[k] = np.fmax(air_kept[k], air_kept[k - 1])
        if hazard.attrs["axis"] == "severity" and before is not None:
            repairs += int((probability < before).sum())
            probability = np.fmax(probability, before)
            peak = {
                name: np.where(np.isnan(values), values, np.fmax(values, peaks[-1][name]))
                for name, values in peak.items()
            }
        before = probability
        peaks.append(peak)
        able = np.flatnonzero((np.nan_to_num(probability) > 0).any(axis=0))
        hours.append((able, probability[:, able]))
    assert template is not None  # there is an event
    begins = hazard["time"].values if "time" in hazard.dims else np.zeros(1)
    # Without a duration nothing is followed over time.
    lasts = np.nan_to_num(hazard["duration_hours"].values, nan=24.0)
    hour = np.concatenate([np.tile(begins, (n_event, 1)), lasts[:, np.newaxis]], axis=1)
    minute = np.round(hour * 60).astype(np.int64)
    # What is unknown in an hour is unknown, and does not fail.
    worst = np.stack([peak["failure_probability"] for peak in peaks])
    certain = np.zeros(worst.shape, bool) if limits is None else np.asarray(stops.any(axis=1))
    asset = np.flatnonzero(((np.nan_to_num(worst) > 0) | certain).any(axis=0))
    kept = np.zeros((n_event, n_time, asset.size))
    for row, (able, values) in zip(kept, hours, strict=True):
        of_event = np.isin(able, asset)
        row[:, np.searchsorted(asset, able[of_event])] = values[:, of_event]
    kept[np.broadcast_to(np.isnan(worst[:, np.newaxis, asset]), kept.shape)] = 0.0
    for peak, one in zip(peaks, certain, strict=True):
        peak["failure_probability"] = np.where(one, 1.0, peak["failure_probability"])
    moving = (slows < 1.0).any(axis=(0, 1))
    coords: Mapping[str, object] = {
        "event": hazard["event"].values,
        "asset": template["asset"].values,
        **{name: hazard[name].variable for name in ("return_period", "annual_rate", "duration_hours")},
    }
    damaged = xr.Dataset(
        {name: (("event", "asset"), np.stack([peak[name] for peak in peaks]), template[name].attrs) for name in PEAKS},
        coords=coords,
        attrs={**template.attrs, "axis": hazard.attrs["axis"], "hourly_repairs": repairs},
    )
    damaged["direct_loss"] = ("event", damaged["asset_direct_loss"].values.sum(axis=1), template["direct_loss"].attrs)
    still = np.zeros(kept.shape, bool) if limits is None else stops[:, :, asset]
    clock = round(float(hazard.attrs.get("clock", 0.0)) * 60)
    return damaged, HourlyFamily(
        minute, asset, kept, still, slows[:, :, moving], slow[moving], air_kept, kept_asset, clock
    )
