"""Event families: what each event weighs in a year.

A severity axis is one continuum of ever rarer maps, not a set of independent events: its expected annual value is the
integral of D over the annual exceedance probability p = 1 / T, written as fixed weights of the maps. Distinct events
weigh their annual rate. A family without rates has no annual value: its results are conditional on the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, DataError, Problems, suggestion
from resilience.hazard.severity import check_onset, check_return_periods

Rule = Literal["trapezoid", "log_linear"]
Tail = Literal["hold", "none"]
RULES: tuple[Rule, ...] = ("trapezoid", "log_linear")
TAILS: tuple[Tail, ...] = ("hold", "none")


class AnnualWeights(NamedTuple):
    """Weights of events in annual expected values: ``sum(weights * D) + sum(tail_weights * D)``.

    Parameters
    ----------
    weights : (event,) float64, 1/year
        In the order of the events given.
    tail_weights : (event,) float64, 1/year
        The part beyond the rarest event, told apart because nothing is known there; zero with ``tail="none"``.
    truncated_probability : float, 1/year
        Annual probability of something rarer than the rarest event: 1 / T_n.
    """

    weights: NDArray[np.float64]
    tail_weights: NDArray[np.float64]
    truncated_probability: float


@dataclass(frozen=True, kw_only=True)
class EventFamily:
    """What an event family tells about time.

    Parameters
    ----------
    name : str
    axis : {"severity", "events"}
    events : tuple of str
    return_period : (event,) float64, year
        NaN for distinct events.
    annual_rate : (event,) float64, 1/year
        NaN where the family has no rates.
    onset : float, optional
        Return period, below the first one, at which loss begins (severity axis only).
    """

    name: str
    axis: str
    events: tuple[str, ...]
    return_period: NDArray[np.float64]
    annual_rate: NDArray[np.float64]
    onset: float | None = None

    @property
    def has_rates(self) -> bool:
        """Whether annual values exist; without, results are conditional on the event."""
        return self.axis == "severity" or bool(np.isfinite(self.annual_rate).all())


def family_of(hazard: xr.Dataset, *, onset: float | None = None) -> EventFamily:
    """Return the event family of a hazard dataset.

    Examples
    --------
    >>> periods = ("event", [10.0, 100.0])
    >>> hazard = xr.Dataset(
    ...     coords={"event": ["rp10", "rp100"], "return_period": periods, "annual_rate": ("event", [0.1, 0.01])},
    ...     attrs={"family": "river", "axis": "severity"},
    ... )
    >>> family_of(hazard).has_rates
    True
    """
    return EventFamily(
        name=str(hazard.attrs["family"]),
        axis=str(hazard.attrs["axis"]),
        events=tuple(str(name) for name in hazard["event"].values.tolist()),
        return_period=hazard["return_period"].values.astype(np.float64),
        annual_rate=hazard["annual_rate"].values.astype(np.float64),
        onset=onset,
    )


def annual_weights(
    return_period: ArrayLike, *, rule: Rule = "trapezoid", tail: Tail = "hold", onset: float | None = None
) -> AnnualWeights:
    """Return the weights of a severity axis.

    Parameters
    ----------
    return_period : (event,) float64, year
        In any order, each once; the weights come in the same order.
    rule : {"trapezoid", "log_linear"}
        D linear in p, or in ln p as depth is, between two return periods.
    tail : {"hold", "none"}
        Beyond the rarest event: D stays what it is there, or counts nothing.
    onset : float, optional
        Return period below the first one at which D begins to rise from 0. Without it D is 0 up to the first one.

    Returns
    -------
    AnnualWeights

    Raises
    ------
    DataError
        The return periods are not distinct years >= 1.
    ConfigurationError
        The rule, tail or onset cannot be meant; or nothing is left that counts (one return period and no tail).

    Notes
    -----
    ``EAD = integral of D(p) dp``. On an interval of probabilities p > q the trapezoid gives both ends (p - q) / 2. With
    ``D = a + b ln p`` the integral ``[a p + b (p ln p - p)]`` is ``D(p) (p - m) + D(q) (m - q)``,
    ``m = (p - q) / ln(p / q)``: linear in D too, so that risk stays a weighted sum under either rule. Where defences
    hold up to a return period of the axis, leave out the maps that are more frequent.

    Examples
    --------
    >>> damage = np.array([0.0, 10.0, 50.0, 80.0, 150.0])
    >>> weights, tail, beyond = annual_weights([2, 10, 50, 100, 500])
    >>> round(float(weights @ damage), 3), round(float(tail @ damage), 3), beyond
    (5.97, 0.3, 0.002)
    """
    periods = np.asarray(return_period, dtype=np.float64).reshape(-1)
    check_rule(rule, tail)
    problems = Problems()
    if periods.size == 0:
        problems.add("return_periods", wanted="at least one", got="none")
    problems.extend(check_return_periods(periods))
    problems.raise_if_any(DataError)
    problems.extend(check_onset(onset, float(periods.min())))
    if periods.size == 1 and tail == "none" and onset is None:
        wanted = "`tail: hold`, an `onset`, or a second return period"
        problems.add("return_periods", wanted=wanted, got="one return period and no tail: any annual value is 0")
    problems.raise_if_any(ConfigurationError)

    order = np.argsort(periods)
    ascending = periods[order]
    points = ascending if onset is None else np.concatenate(([float(onset)], ascending))
    weights = np.zeros(points.size)
    often, rare = 1.0 / points[:-1], 1.0 / points[1:]
    if rule == "trapezoid":
        weights[:-1] += (often - rare) / 2.0
        weights[1:] += (often - rare) / 2.0
    else:
        # m / q - 1 and p / q - m / q from the exact relative step: p - m cancels when return periods are close.
        step = (points[1:] - points[:-1]) / points[:-1]
        middle = step / np.log1p(step)
        weights[:-1] += rare * (1.0 + step - middle)
        weights[1:] += rare * (middle - 1.0)
    result, tail_weights = np.zeros(periods.size), np.zeros(periods.size)
    result[order] = weights if onset is None else weights[1:]
    truncated = float(1.0 / ascending[-1])
    if tail == "hold":
        tail_weights[order[-1]] = truncated
    return AnnualWeights(result, tail_weights, truncated)


def family_weights(family: EventFamily, *, rule: Rule = "trapezoid", tail: Tail = "hold") -> AnnualWeights:
    """Return the weights of any family with rates: quadrature of a severity axis, the rates of distinct events.

    Raises
    ------
    ConfigurationError
        The family has no rates.

    Examples
    --------
    >>> rates = np.array([0.1, 0.02])
    >>> storms = EventFamily(
    ...     name="storms", axis="events", events=("a", "b"), return_period=np.full(2, np.nan), annual_rate=rates
    ... )
    >>> family_weights(storms).weights.tolist()
    [0.1, 0.02]
    """
    check_rates([family])
    if family.axis == "severity":
        return annual_weights(family.return_period, rule=rule, tail=tail, onset=family.onset)
    check_rule(rule, tail)
    return AnnualWeights(family.annual_rate.copy(), np.zeros(len(family.events)), 0.0)


def rated_events(labelled: xr.Dataset) -> NDArray[np.bool_]:
    """Return which events of a result have rates, hence a part in annual values.

    Parameters
    ----------
    labelled : xarray.Dataset
        With ``annual_weight`` (event).

    Examples
    --------
    >>> rated_events(xr.Dataset({"annual_weight": ("event", [0.1, np.nan])})).tolist()
    [True, False]
    """
    return np.asarray(np.isfinite(labelled["annual_weight"].values))


def yearly_weight(labelled: xr.Dataset) -> NDArray[np.float64]:
    """Return what each event weighs in annual figures, what is rarer included, (event,) 1/year; NaN without rates.

    Examples
    --------
    >>> weights = {"annual_weight": ("event", [0.01]), "tail_weight": ("event", [0.002])}
    >>> yearly_weight(xr.Dataset(weights)).tolist()
    [0.012]
    """
    return np.asarray((labelled["annual_weight"] + labelled["tail_weight"]).values, dtype=np.float64)


def check_rule(rule: str, tail: str) -> None:
    """Raise ConfigurationError unless both are words of :data:`RULES` and :data:`TAILS`."""
    problems = Problems()
    for subject, word, known in (("rule", rule, RULES), ("tail", tail, TAILS)):
        if word not in known:
            problems.add(subject, wanted=" or ".join(known), got=f"{word!r}{suggestion(str(word), known)}")
    problems.raise_if_any(ConfigurationError)


def check_rates(families: Sequence[EventFamily]) -> None:
    """Raise ConfigurationError, with all that is wrong, unless every family tells how often its events are."""
    problems = Problems()
    for family in families:
        if not family.has_rates:
            problems.add(
                f"family {family.name!r}",
                wanted="`return_periods` or `annual_rates` for an annual value; without, results per event only",
                got="events have no annual rate (a forecast or a what-if)",
                count=len(family.events),
                first=family.events,
            )
        if family.onset is not None and family.axis != "severity":
            problems.add(f"family {family.name!r}", wanted="an onset for return periods only", got="distinct events")
        if family.axis == "severity":
            problems.extend(check_return_periods(family.return_period))
            problems.extend(check_onset(family.onset, float(np.min(family.return_period))))
    problems.raise_if_any(ConfigurationError)
