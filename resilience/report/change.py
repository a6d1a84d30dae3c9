"""What has changed since another run, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resilience.comparison import compare_runs, list_differences
from resilience.labels import PERSON_HOURS
from resilience.reading import FinishedRun
from resilience.report.rounding import tell, tell_interval

_VERDICTS = {"up": "verdict_up", "down": "verdict_down", "chance": "verdict_chance", "same": "verdict_same"}


@dataclass(frozen=True)
class ChangeRow:
    """One service, and one event where there are no rates.

    Parameters
    ----------
    service, event, before, after, change, interval : str
    verdict : {"verdict_up", "verdict_down", "verdict_chance", "verdict_same"}
        Beyond its 95 % interval, within it, or no difference at all.
    """

    service: str
    event: str
    before: str
    after: str
    change: str
    interval: str
    verdict: str


@dataclass(frozen=True)
class Change:
    """What has changed since another run.

    Parameters
    ----------
    name : str
        Of the other run.
    paired : bool
        Whether both have the same random numbers.
    events : bool
        Whether rows are of events, as if each occurred; else they are per year.
    hours : bool
        Whether figures are people times hours, as where both runs have a time grid; else people at the peak.
    rows : tuple of ChangeRow
    notes : tuple of str
    """

    name: str
    paired: bool
    events: bool
    hours: bool
    rows: tuple[ChangeRow, ...]
    notes: tuple[str, ...]


def tell_change(before: FinishedRun, after: FinishedRun) -> Change:
    """Return what has changed from one run to another.

    Raises
    ------
    DataError
        They have no service, or no event, in common.
    """
    found = compare_runs(before.result, after.result)
    by_event, hours = "event" in found.dims, found.attrs["quantity"] == PERSON_HOURS
    errors = [{} if by_event else _errors(run, hours=hours) for run in (before, after)]
    rows = [
        ChangeRow(
            service=one.service,
            event=one.event or "",
            before=tell(one.before, errors[0].get(one.service, np.nan)),
            after=tell(one.after, errors[1].get(one.service, np.nan)),
            change=("+" if one.change > 0 else "") + tell(one.change, one.change_standard_error),
            interval=tell_interval(one.change, one.change_standard_error),
            verdict=_VERDICTS[one.verdict],
        )
        for one in list_differences(found)
    ]
    name = f"{before.manifest.name}, {before.manifest.ended[:16].replace('T', ' ')}"
    notes = tuple(map(str, found.attrs["notes"]))
    return Change(name, bool(found.attrs["paired"]), by_event, hours, tuple(rows), notes)


def _errors(run: FinishedRun, *, hours: bool) -> dict[str, float]:
    """Return the standard error of the annual figure of each service."""
    name = "annual_person_hours_standard_error" if hours else "annual_standard_error"
    return dict(zip(run.dataset["service"].values.tolist(), run.dataset[name].values.tolist(), strict=True))
