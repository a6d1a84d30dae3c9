"""The answer first: what is lost, per service, and what has changed since another run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resilience.labels import PEOPLE, PERSON_HOURS, texts
from resilience.quotients import divide
from resilience.reading import FinishedRun
from resilience.report.rounding import tell, tell_interval, tell_share
from resilience.risk.standard_errors import NORMAL, sample_error


@dataclass(frozen=True)
class Loss:
    """What is lost of one service in a year.

    Parameters
    ----------
    service : str
    value, interval : str
        The figure and the half-width of its 95 % interval.
    peak, peak_interval : str
        People without it at the peak, per year.
    beyond : str
        Share of the figure that stands for events rarer than the rarest map; empty where nothing is lost.
    hours : str
        Hours per year without it of one who has it, on average; empty without a time grid.
    bar, low, high : float
        The figure and the ends of its interval as shares of the longest bar.
    """

    service: str
    value: str
    interval: str
    peak: str
    peak_interval: str
    beyond: str
    hours: str
    bar: float
    low: float
    high: float


def annual_losses(run: FinishedRun) -> list[Loss]:
    """Return what is lost per year and service; nothing without rates.

    The figure is people times hours where the run has a time grid, else people at the peak.
    """
    if not run.rated:
        return []
    ds = run.dataset
    name = "annual_person_hours" if run.over_time else "annual_value"
    error_name = f"{name}_standard_error" if run.over_time else "annual_standard_error"
    value, error = ds[name].values, ds[error_name].values
    tail = ds["annual_person_hours_tail" if run.over_time else "annual_tail"].values
    peak, peak_error = ds["annual_value"].values, ds["annual_standard_error"].values
    half = NORMAL * np.nan_to_num(error)
    longest = float((value + half).max(initial=0.0)) or 1.0
    share = divide(tail, value)
    return [
        Loss(
            service=service,
            value=tell(value[i], error[i]),
            interval=tell_interval(value[i], error[i]),
            peak=tell(peak[i], peak_error[i]),
            peak_interval=tell_interval(peak[i], peak_error[i]),
            beyond=tell_share(float(share[i])) if np.isfinite(share[i]) else "",
            hours=tell(float(ds["saidi"].values[i]), float(ds["saidi_standard_error"].values[i]))
            if "saidi" in ds else "",
            bar=float(value[i] / longest),
            low=max(0.0, float((value[i] - half[i]) / longest)),
            high=float((value[i] + half[i]) / longest),
        )
        for i, service in enumerate(texts(ds, "service"))
    ]  # fmt: skip


@dataclass(frozen=True)
class EventLoss:
    """What one event takes.

    Parameters
    ----------
    event, peril : str
    period : str
        Years; empty without a return period.
    values : tuple of str
        People without each service at the peak; with a time grid, people times hours.
    shades : tuple of float
        The same over the largest of all.
    money : str
        Direct loss; empty where no asset has a cost.
    """

    event: str
    peril: str
    period: str
    values: tuple[str, ...]
    shades: tuple[float, ...]
    money: str


def event_losses(run: FinishedRun) -> list[EventLoss]:
    """Return what every event takes, by service."""
    ds = run.dataset
    per_sample = ds[PERSON_HOURS if run.over_time else PEOPLE].values
    mean = per_sample.mean(axis=-1)
    error = sample_error(per_sample)
    most = float(mean.max(initial=0.0)) or 1.0
    perils, periods, money = texts(ds, "peril"), ds["return_period"].values, ds["direct_loss"].values
    return [
        EventLoss(
            event=event,
            peril=perils[i],
            period=f"{periods[i]:g}" if np.isfinite(periods[i]) else "",
            values=tuple(tell(v, e) for v, e in zip(mean[i], error[i], strict=True)),
            shades=tuple((mean[i] / most).tolist()),
            money=tell(float(money[i])) if run.result.tells_money else "",
        )
        for i, event in enumerate(texts(ds, "event"))
    ]


def annual_money(run: FinishedRun) -> tuple[str, str]:
    """Return the direct loss per year and the share beyond the rarest event; empty where none is known."""
    if not (run.rated and run.result.tells_money):
        return "", ""
    value, tail = (float(run.dataset[name]) for name in ("annual_direct_loss", "annual_direct_loss_tail"))
    return tell(value), tell_share(tail / value) if value > 0 else ""
