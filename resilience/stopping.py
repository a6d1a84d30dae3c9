"""When there are samples enough: looked at after fixed numbers of them, so that every machine stops at the same.

A service that no sample lost is not known to be safe: what n samples never showed may still happen in 3.84 / (n + 3.84)
of them (Wilson, 95 %). It is never taken for precise, unless nothing that it rests on can fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resilience.engine import City, EventTask
from resilience.risk.intervals import wilson_interval
from resilience.service import AssignedPart

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
FIRST_LOOK = 4096


def list_looks(samples: int, tolerance: float | None) -> list[int]:
    """Return the numbers of samples after which to look; the last are all.

    Parameters
    ----------
    samples : int
        At most.
    tolerance : float, optional
        Without, there is nothing to look for.

    Examples
    --------
    >>> list_looks(20480, 0.01)
    [4096, 8192, 16384, 20480]
    >>> list_looks(20480, None)
    [20480]
    """
    looks = []
    here = FIRST_LOOK
    while tolerance is not None and here < samples:
        looks.append(here)
        here *= 2
    return [*looks, samples]


def find_relative_error(lost: Floats, weight: Floats, losable: Flags) -> float:
    """Return the largest relative standard error of any service's weighted sum over events.

    Parameters
    ----------
    lost : (n_event, n_service, n_sample) float64
    weight : (n_event,) float64
        1/year; where none is told, every event counts the same.
    losable : (n_service,) bool
        From :func:`find_losable`. Of such a service that no sample lost the error is infinite.

    Notes
    -----
    Of the sums by sample: events of a family share their random numbers.

    Examples
    --------
    >>> lost, weight = np.array([[[1.0, 3.0], [0.0, 0.0]]]), np.array([0.5])
    >>> find_relative_error(lost, weight, np.array([True, False]))
    0.5
    >>> find_relative_error(lost, weight, np.array([True, True]))
    inf
    """
    total = np.tensordot(count_events(weight), lost, axes=1)
    mean = total.mean(axis=-1)
    error = total.std(axis=-1, ddof=1) / np.sqrt(total.shape[-1])
    return float(np.divide(error, mean, out=np.where(losable, np.inf, 0.0), where=mean > 0).max(initial=0.0))


def count_events(weight: Floats) -> Floats:
    """Return how much each event counts, ``(n_event,) float64``: all the same where no rate is known.

    Examples
    --------
    >>> count_events(np.array([0.5, np.nan])).tolist(), count_events(np.array([np.nan, np.nan])).tolist()
    ([0.5, 0.0], [1.0, 1.0])
    """
    return np.nan_to_num(weight) if np.isfinite(weight).any() else np.ones(weight.size)


def find_losable(city: City, tasks: Sequence[EventTask], weight: Floats) -> Flags:
    """Return which services people may lose in an event that counts, ``(n_service,) bool``.

    Parameters
    ----------
    city : City
    tasks : sequence of EventTask
    weight : (n_event,) float64
        As in :func:`find_relative_error`.

    Notes
    -----
    Never false for a service that a sample can lose. True also where what can fail never fails together, and where a
    sector that is solved state by state provides it.
    """
    compiled, found = city.compiled, np.zeros(len(city.layout.names), bool)
    for task, counts in zip(tasks, count_events(weight) > 0, strict=True):
        further = frozenset().union(*task.services.slowed.values())
        if not counts or not (task.plan.failing.size or task.factors or further):
            continue
        steady = ~city.baseline.down
        steady[task.plan.affected] = False
        holding = np.concatenate([[0], np.cumsum(steady[compiled.provider])])[compiled.provider_indptr]
        unsure = np.diff(holding) < compiled.required
        for number, part in enumerate(city.layout.parts):
            served = city.baseline.served[number, part.zone] & (compiled.persons[part.zone] > 0)
            if isinstance(part, AssignedPart):
                needs = unsure[compiled.zone_need[part.row]]
                found[part.service] |= served.size > 0 and (served & np.logical_or.reduceat(needs, part.start)).any()
            elif served.any():
                graph = city.layout.graphs[part.network]
                ways = np.concatenate([graph.node, graph.link, part.facility])
                found[part.service] |= part.network in further or not steady[ways].all()
    return found


def tell_unseen(
    names: Sequence[str], lost: Floats, weight: Floats, losable: Flags, *, tolerance: float | None
) -> list[str]:
    """Return a note on the services that could be lost and never were.

    Parameters
    ----------
    names : sequence of str
        Of the services.
    lost, weight, losable
        As in :func:`find_relative_error`.
    tolerance : float, optional
        That of the run.

    Examples
    --------
    >>> lost = np.zeros((2, 1, 1000))
    >>> tell_unseen(["power"], lost, np.ones(2), np.array([True]), tolerance=None)[0].split("; ")[1]
    'the chance of losing it in an event is at most 0.0038 (95 %, Wilson)'
    """
    most = lost.max(axis=-1)[count_events(weight) > 0].max(axis=0, initial=0.0)
    unseen = [str(name) for name, one, can in zip(names, most, losable, strict=True) if can and one == 0]
    if not unseen:
        return []
    samples = lost.shape[-1]
    chance = float(wilson_interval(0, samples).high)
    judged = "" if tolerance is None else "; `tolerance` cannot be met by what was never seen: all samples were solved"
    return [
        f"never lost in {samples:,} samples, though what it rests on can fail: {', '.join(unseen)}; the chance of "
        f"losing it in an event is at most {chance:.2g} (95 %, Wilson){judged}"
    ]
