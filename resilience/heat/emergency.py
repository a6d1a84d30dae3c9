"""Emergency rooms in the heat: patients that come, and the chance to find every bay taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.errors import DataError, Problems
from resilience.heat.evaluate import Floats, Values, evaluate
from resilience.heat.parameters import Parameters, coefficient_set, judgement, memory, parameter, source
from resilience.heat.quantities import AIR_TEMPERATURE, ERLANGS, PERSONS

_KDCA = source("KDCA 2025, via Yonhap")
_CENSUS = memory("Republic of Korea, about 2025")
_STAY = judgement("hours in a bay; take those of the hospital")


@coefficient_set
class EmergencyLoad(Parameters):
    """Heat patients in emergency rooms, nationwide per degree, and how long they stay."""

    patients: float = parameter(
        default=51.0,
        unit="persons/(day K)",
        meaning="further patients per day and degree in the whole country",
        origin=_KDCA,
        minimum=0,
    )
    threshold: float = parameter(default=33.3, unit="degC", meaning="daily maximum above which they grow", origin=_KDCA)
    population: float = parameter(
        default=51.7e6, unit="persons", meaning="population of that country", origin=_CENSUS, above=0
    )
    stay: float = parameter(default=4.0, unit="h", meaning="stay of a patient in a bay", origin=_STAY, above=0)


KOREA = EmergencyLoad()


def heat_patients(daily_maximum: Values, persons: Values, *, load: EmergencyLoad = KOREA) -> Any:
    """Return the further patients per day that heat sends to emergency rooms.

    Parameters
    ----------
    daily_maximum : number, array or DataArray, degC
        Air temperature. NaN gives NaN.
    persons : same
        People who live there.
    load : EmergencyLoad

    Raises
    ------
    DataError
        A value is not credible or NaN where it must not be, units or labels differ.

    Notes
    -----
    ``51 max(0, T - 33.3)`` per day in the whole country, shared out by population.

    Examples
    --------
    >>> round(float(heat_patients(36.3, 51.7e6)), 6)
    153.0
    """
    return evaluate(
        lambda t, n: load.patients * np.maximum(t - load.threshold, 0.0) * (n / load.population),
        AIR_TEMPERATURE.of("daily_maximum", daily_maximum), PERSONS.of("persons", persons),
        unit="persons/day", meaning="further emergency patients by heat",
    )  # fmt: skip


def offered_load(patients_per_day: Values, *, load: EmergencyLoad = KOREA) -> Any:
    """Return the bays that patients would take if there were enough, in erlangs: arrivals times stay.

    Parameters
    ----------
    patients_per_day : number, array or DataArray
        All of them, not those by heat alone.
    load : EmergencyLoad
        Of which `stay` is used.

    Raises
    ------
    DataError
        A value is negative or NaN.

    Examples
    --------
    >>> float(offered_load(48.0))
    8.0
    """
    return evaluate(
        lambda n: n * (load.stay / 24.0), PERSONS.of("patients_per_day", patients_per_day),
        unit="1", meaning="offered load",
    )  # fmt: skip


def erlang_loss(servers: int, offered: Values) -> Any:
    """Return the probability that a patient finds every bay taken (Erlang B).

    Parameters
    ----------
    servers : int
        Bays.
    offered : number, array or DataArray
        Offered load in erlangs. NaN gives NaN.

    Raises
    ------
    DataError
        `servers` is no whole number or negative, a load is negative.

    Notes
    -----
    ``B(0) = 1``, ``B(c) = a B(c-1) / (c + a B(c-1))``: `servers` passes over the loads.

    Examples
    --------
    >>> round(float(erlang_loss(10, 8.0)), 6)
    0.121661
    """
    problems = Problems()
    if isinstance(servers, bool) or not isinstance(servers, int | np.integer) or servers < 0:
        problems.add("servers", wanted="a whole number, >= 0", got=repr(servers))
    problems.raise_if_any(DataError)

    def formula(a: Floats) -> Floats:
        blocked = np.where(np.isnan(a), np.nan, 1.0).astype(a.dtype)
        for c in range(1, int(servers) + 1):
            blocked = a * blocked / (c + a * blocked)
        return blocked

    return evaluate(formula, ERLANGS.of("offered", offered), unit="1", meaning="probability that every bay is taken")
