"""What is asked of a result: a name that must be one of its labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problem, suggestion
from resilience.events import yearly_weight
from resilience.labels import texts

_MOST_NAMES = 12


def choose(name: str, known: Sequence[str], *, what: str) -> str:
    """Return `name` if it is known.

    Parameters
    ----------
    name : str
    known : sequence of str
    what : str
        What it is the name of, for the message.

    Raises
    ------
    ConfigurationError
        It is not known.

    Examples
    --------
    >>> choose("powr", ["power", "water"], what="service")
    Traceback (most recent call last):
    ...
    resilience.errors.ConfigurationError: service: 'powr' (did you mean 'power'?); wanted: one of power, water
    """
    if name in known:
        return name
    rest = f" and {len(known) - _MOST_NAMES:,} more" if len(known) > _MOST_NAMES else ""
    wanted = f"one of {', '.join(known[:_MOST_NAMES])}{rest}" if known else "nothing: there is none"
    raise ConfigurationError(Problem(what, wanted=wanted, got=f"{name!r}{suggestion(str(name), known)}"))


def choose_some(names: str | Sequence[str] | None, known: Sequence[str], *, what: str) -> list[str]:
    """Return the names that are asked for, one or several; all that are known where none is.

    Raises
    ------
    ConfigurationError
        One is not known.

    Examples
    --------
    >>> choose_some("water", ["power", "water"], what="service"), choose_some(None, ["power"], what="service")
    (['water'], ['power'])
    """
    if not names:
        return list(known)
    asked = names if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    return [choose(name, known, what=what) for name in asked]


def event_at(dataset: xr.Dataset, event: str) -> int:
    """Return the position of an event.

    Raises
    ------
    ConfigurationError
        The result has no such event.
    """
    names: list[str] = texts(dataset, "event").tolist()
    return names.index(choose(event, names, what="event"))


def demand_rates(dataset: xr.Dataset) -> NDArray[np.float64]:
    """Return what each event weighs in figures per year, (event,) 1/year; NaN without a rate.

    Raises
    ------
    ConfigurationError
        No event has a rate, so one must be named.
    """
    weight = yearly_weight(dataset)
    if not np.isfinite(weight).any():
        names = ", ".join(texts(dataset, "event"))
        raise ConfigurationError(Problem("event", wanted=f"one of {names}: none has a rate", got="none"))
    return weight
