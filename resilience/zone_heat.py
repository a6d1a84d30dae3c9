"""What the heat of an event is where people live: temperature and index of every zone over time, by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.curves import CurveTable
from resilience.errors import DataError
from resilience.exposure import expose
from resilience.hazard import view_hours
from resilience.inputs import Inputs

Floats = NDArray[np.float64]
DAY = 1440


@dataclass(frozen=True)
class ZoneHeat:
    """The heat of one event.

    Parameters
    ----------
    minute : (n_time + 1,) int64
        From the beginning of the event, when each step begins; the last ends it.
    clock : int
        Minute of the local day at which the event begins.
    temperature : (n_time, n_zone) float64, degC
        Of the air, mean over the zone; NaN where unknown.
    index : (n_time, n_zone) float64, degC, or None
        Of what people feel.
    humidity : (n_time, n_zone) float64, %, or None
    onset : int
        Minute of a sequence at which the event begins.
    """

    minute: NDArray[np.int64]
    clock: int
    temperature: Floats
    index: Floats | None = None
    humidity: Floats | None = None
    onset: int = 0

    @property
    def n_day(self) -> int:
        """Days on which the event lasts."""
        return int(-(-(self.clock + self.minute[-1]) // DAY))

    def overlap(self) -> NDArray[np.int64]:
        """Return for how many minutes each step holds on each day, ``(n_day, n_time) int64``.

        Examples
        --------
        >>> heat = ZoneHeat(np.array([0, 60, 240]), 23 * 60, np.zeros((2, 1)))
        >>> heat.overlap().tolist()
        [[60, 0], [0, 180]]
        """
        start = np.arange(self.n_day)[:, np.newaxis] * DAY - self.clock
        begin = np.maximum(self.minute[:-1], start)
        return np.asarray(np.maximum(np.minimum(self.minute[1:], start + DAY) - begin, 0))

    def daily(self, values: Floats) -> Floats:
        """Return the highest value of each day, ``(n_day, n_zone)``; NaN where one is unknown.

        Parameters
        ----------
        values : (n_time, n_zone) float64
            As `temperature`.
        """
        holds = self.overlap() > 0
        return np.stack([values[day].max(axis=0) for day in holds])

    def daily_mean(self, values: Floats) -> Floats:
        """Return the mean over each day, as far as the event lasts, ``(n_day, n_zone)``."""
        minutes = self.overlap().astype(np.float64)
        return np.asarray(minutes @ values / minutes.sum(axis=1, keepdims=True))


HeatParts = tuple[ZoneHeat, ...]
"""The heat of one event: none for a flood, one for a heatwave, more than one for some sequences."""


def read_zone_heat(inputs: Inputs) -> list[HeatParts]:
    """Return the heat of every event of every family, then of every sequence.

    Parameters
    ----------
    inputs : Inputs

    Raises
    ------
    DataError
        Zones outside a map, or on cells without data where the scenario says that there are none.

    Notes
    -----
    Maps without time are highest values of a day: they hold for as many whole days as the event lasts, at least one.
    """
    zones = inputs.network.zones
    frame = zones[["id", "geometry"]].assign(heat_damage_curve="", dry_threshold=0.0, component_height=0.0)
    people: Any = SimpleNamespace(assets=frame, crs=inputs.network.crs)
    found: list[HeatParts] = []
    for hazard in inputs.hazards:
        if hazard.attrs["peril"] != "heat":
            found += [()] * hazard.sizes["event"]
            continue
        try:
            found += [(_of_event(hazard, k, people),) for k in range(hazard.sizes["event"])]
        except DataError as error:
            raise DataError([_about_zones(problem) for problem in error.problems]) from None
    for sequence in inputs.sequences:
        parts = zip(sequence.event, sequence.onset, strict=True)
        found.append(tuple(replace(heat, onset=int(onset)) for event, onset in parts for heat in found[event]))
    return found


def _about_zones(problem: Any) -> Any:
    return replace(problem, subject=f"{problem.subject} (zones)", got=str(problem.got).replace("assets", "zones"))


def _of_event(hazard: xr.Dataset, event: int, people: Any) -> ZoneHeat:
    def read(name: Literal["intensity", "index", "humidity"]) -> Floats | None:
        if name not in hazard:
            return None
        view = view_hours(hazard, event, slice(None), name)
        return np.asarray(expose(view, people, curves=CurveTable())["mean_intensity"].values)

    temperature = read("intensity")
    assert temperature is not None  # every hazard has it
    if "time" in hazard.dims:
        minute = np.round(np.append(hazard["time"].values, hazard["duration_hours"].values[event]) * 60)
        clock = round(float(hazard.attrs["clock"]) * 60)
        return ZoneHeat(minute.astype(np.int64), clock, temperature, read("index"), read("humidity"))
    hours = float(hazard["duration_hours"].values[event])
    days = 1 if np.isnan(hours) else max(1, round(hours / 24))
    return ZoneHeat(np.array([0, days * DAY]), 0, temperature, read("index"), read("humidity"))


def pad_days(events: Sequence[Sequence[Floats]], n_zone: int) -> Floats:
    """Return the days of events, ``(n_event, n_day, n_zone)``, NaN where an event has fewer.

    Parameters
    ----------
    events : sequence of sequence of (n_day, n_zone) float64
        Of each event its parts, whose days follow one another.
    n_zone : int
    """
    joined = [np.concatenate([np.zeros((0, n_zone)), *parts]) for parts in events]
    padded = np.full((len(events), max((len(one) for one in joined), default=0), n_zone), np.nan)
    for row, one in zip(padded, joined, strict=True):
        row[: len(one)] = one
    return padded
