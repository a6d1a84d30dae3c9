"""Why services are lost: where it began, and by what assets go down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.labels import loss_unit, texts
from resilience.reading import FinishedRun
from resilience.why import roots_table

MOST_PARTS = 5
SMALLEST = 0.01

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A part of a bar.

    Parameters
    ----------
    name : str
        A root (sector and peril) or a cause; `others` and `untraced` for the rest.
    share : float
        Of the bar.
    """

    name: str
    share: float


@dataclass(frozen=True)
class Reason:
    """Why one thing is lost.

    Parameters
    ----------
    subject : str
        A service or a sector.
    event : str
        Empty for a year.
    parts : tuple of Part
        Largest first.
    """

    subject: str
    event: str
    parts: tuple[Part, ...]


OTHERS, UNTRACED = "others", "untraced"


def service_reasons(run: FinishedRun) -> list[Reason]:
    """Return the root causes of what is lost of every service, in a year or, without rates, in every event.

    The shares are those of `why.csv`: of people times hours where the run has a time grid, else of people at the peak.
    """
    unit = run.result.unit
    _, blocks = roots_table(run.dataset, unit)
    wanted = loss_unit(unit, hours=run.over_time)
    found: dict[tuple[str, str], dict[str, float]] = {}
    for columns in blocks:
        for event, service, root, _value, share, told in zip(*columns, strict=True):
            if told in (wanted, f"{wanted}/year"):
                yearly = told.endswith("/year")
                found.setdefault(("" if yearly else str(event), str(service)), {})[str(root)] = float(share)
    return [Reason(service, event, _largest(shares)) for (event, service), shares in found.items()]


def sector_reasons(run: FinishedRun) -> list[Reason]:
    """Return by what assets of every sector are down, weighted by the years; nothing without rates.

    With a time grid the shares are of asset-hours, else of assets at the peak.
    """
    if not run.rated:
        return []
    ds = run.dataset
    name = "down_hours" if "down_hours" in ds else "down_count"
    weight = run.weight
    by_cause = np.zeros((ds.sizes["asset"], ds.sizes["cause"]))
    # An event at a time: in a large city the whole is gigabytes.
    for i in np.flatnonzero(weight):
        by_cause += weight[i] * ds[name].isel(event=int(i)).values
    sectors, causes = texts(ds, "sector"), texts(ds, "cause")
    reasons = []
    for sector in dict.fromkeys(sectors):
        total = by_cause[sectors == sector].sum(axis=0)
        if total.sum() > 0:
            shares = dict(zip(causes.tolist(), (total / total.sum()).tolist(), strict=True))
            reasons.append(Reason(str(sector), "", _largest(shares)))
    return reasons


def _largest(shares: dict[str, float]) -> tuple[Part, ...]:
    ranked = sorted(shares.items(), key=lambda one: -one[1])
    told = [Part(name, share) for name, share in ranked[:MOST_PARTS] if share >= SMALLEST]
    traced, shown = sum(shares.values()), sum(part.share for part in told)
    rest = [Part(OTHERS, traced - shown), Part(UNTRACED, 1.0 - traced)]
    return (*told, *(part for part in rest if part.share >= SMALLEST / 2))


@dataclass(frozen=True)
class Access:
    """What becomes of people who must reach a service by road.

    Parameters
    ----------
    access : str
        The service, and its group.
    limit : str
        Minutes.
    parts : tuple of Part
        What becomes of those who lose it, over the years.
    """

    access: str
    limit: str
    parts: tuple[Part, ...]


def access_outcomes(run: FinishedRun) -> list[Access]:
    """Return who loses a service that is reached by road because the way is lost, or because the facility is.

    Of those who are not undisrupted, over the years; nothing without rates or services with a limit.
    """
    ds = run.dataset
    if "access" not in ds.dims or not run.rated:
        return []
    people = np.tensordot(run.weight, np.nan_to_num(ds["access_people"].values), axes=1)
    outcomes = texts(ds, "outcome")
    lost = outcomes != "undisrupted"
    found = []
    for i, access in enumerate(texts(ds, "access")):
        total = people[i, lost].sum()
        if total > 0:
            parts = tuple(
                Part(str(name), float(value / total))
                for name, value in zip(outcomes[lost], people[i, lost], strict=True)
                if value > 0
            )
            found.append(Access(str(access), f"{float(ds['limit_minutes'].values[i]):g}", parts))
    return found
