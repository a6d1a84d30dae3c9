"""Event families: what each event weighs in a year, and catalogues of years.

A severity axis is one continuum of ever rarer maps, not a set of independent events: its expected annual value is the
integral of D over the annual exceedance probability p = 1 / T, written as fixed weights of the maps. Distinct events
weigh their annual rate. A family without rates has no annual value: its results are conditional on the event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
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
    _check_rule(rule, tail)
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
    _check_rates([family])
    if family.axis == "severity":
        return annual_weights(family.return_period, rule=rule, tail=tail, onset=family.onset)
    _check_rule(rule, tail)
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


def _check_rule(rule: str, tail: str) -> None:
    problems = Problems()
    for subject, word, known in (("rule", rule, RULES), ("tail", tail, TAILS)):
        if word not in known:
            problems.add(subject, wanted=" or ".join(known), got=f"{word!r}{suggestion(str(word), known)}")
    problems.raise_if_any(ConfigurationError)


def _check_rates(families: Sequence[EventFamily]) -> None:
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


def draw_catalogue(
    families: Sequence[EventFamily], *, years: int, seed: int, n_samples: int, rule: Rule = "trapezoid"
) -> pd.DataFrame:
    """Return what happens in `years` simulated years.

    Parameters
    ----------
    families : sequence of EventFamily
        All with rates, each name once.
    years : int
    seed : int
    n_samples : int
        Monte Carlo samples to choose from.
    rule : {"trapezoid", "log_linear"}
        Interpolation between two return periods; the rule of :func:`annual_weights`.

    Returns
    -------
    pandas.DataFrame
        One row per occurrence, by year and day: ``year`` and ``occurrence`` (from 0), ``day`` (1 to 365), ``family``,
        ``return_period`` (year, NaN for distinct events), ``lower`` and ``upper`` (position of the event in its
        family; -1 is the onset, where nothing is lost), ``weight`` of `upper` (1 minus it for `lower`), ``beyond``
        (rarer than the rarest event), ``sample``.

    Raises
    ------
    ConfigurationError
        A family has no rates or comes twice, or a number is not positive.

    Notes
    -----
    Arrivals are Poisson. A severity axis arrives at rate 1 / T_1 (or 1 / onset) with T = T_1 / U, so that T or rarer
    comes at rate 1 / T; above T_n the rarest event is held. Every family draws from Philox streams of its own, keyed by
    seed and name: its rows do not depend on the other families, and a longer catalogue begins with the shorter one.

    Examples
    --------
    >>> periods = np.array([10.0, 100.0])
    >>> river = EventFamily(
    ...     name="river", axis="severity", events=("rp10", "rp100"), return_period=periods, annual_rate=1 / periods
    ... )
    >>> catalogue = draw_catalogue([river], years=1000, seed=1, n_samples=64)
    >>> bool(abs(len(catalogue) - 100) < 40), bool((catalogue.return_period >= 10).all())
    (True, True)
    """
    _check_rule(rule, "hold")
    problems = Problems()
    for subject, number in (("years", years), ("n_samples", n_samples)):
        if number < 1:
            problems.add(subject, wanted="1 or more", got=str(number))
    names = [family.name for family in families]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.add("families", wanted="every name once", got="repeated names", count=len(repeated), first=repeated)
    problems.raise_if_any(ConfigurationError)
    _check_rates(families)
    tables = [
        _draw_family(family, years=years, seed=seed, n_samples=n_samples, rule=rule)
        for family in sorted(families, key=lambda family: family.name)
    ]
    catalogue = pd.concat(tables, ignore_index=True)
    catalogue = catalogue.sort_values(["year", "day"], kind="stable", ignore_index=True)
    catalogue.insert(1, "occurrence", catalogue.groupby("year").cumcount())
    return catalogue


def _generator(seed: int, purpose: str, family: str) -> np.random.Generator:
    text = f"{seed}\0catalogue {purpose}\0{family}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def _draw_family(family: EventFamily, *, years: int, seed: int, n_samples: int, rule: Rule) -> pd.DataFrame:
    severity = family.axis == "severity"
    if severity:
        first = float(family.return_period.min()) if family.onset is None else family.onset
        rate = 1.0 / first
    else:
        first, rate = np.nan, float(family.annual_rate.sum())
    counts = _generator(seed, "count", family.name).poisson(rate, years)
    n = int(counts.sum())
    # 1 - U lies in (0, 1]: a return period is never infinite.
    uniform = 1.0 - _generator(seed, "severity", family.name).random(n)
    if severity:
        period = first / uniform
        lower, upper, weight, beyond = locate_periods(family, period, rule)
    else:
        period, weight, beyond = np.full(n, np.nan), np.ones(n), np.zeros(n, dtype=bool)
        # Sorted by name, so that the order in which events are listed changes nothing.
        order = np.argsort(np.asarray(family.events, dtype=str), kind="stable")
        cumulative = np.cumsum(family.annual_rate[order])
        chosen = np.searchsorted(cumulative, (1.0 - uniform) * cumulative[-1], side="right")
        lower = upper = order[np.minimum(chosen, len(order) - 1)]
    return pd.DataFrame(
        {
            "year": np.repeat(np.arange(years), counts),
            "day": _generator(seed, "day", family.name).integers(1, 366, n),
            "family": np.full(n, family.name),
            "return_period": period,
            "lower": lower.astype(np.int64),
            "upper": upper.astype(np.int64),
            "weight": weight,
            "beyond": beyond,
            "sample": draw_samples(seed, family.name, n, n_samples),
        }
    )


def draw_samples(seed: int, family: str, n: int, n_samples: int) -> NDArray[np.int64]:
    """Return which of the samples tells what fails in each of `n` occurrences of a family."""
    return _generator(seed, "sample", family).integers(0, n_samples, n)


def locate_periods(
    family: EventFamily, period: NDArray[np.float64], rule: Rule
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Return between which two events of a severity axis return periods lie.

    Parameters
    ----------
    family : EventFamily
    period : (n,) float64, year
        From the first return period, or the onset, on.
    rule : {"trapezoid", "log_linear"}

    Returns
    -------
    lower, upper : (n,) intp
        Positions in the family; -1 for the onset, without loss.
    weight : (n,) float64
        Of `upper`; 1 minus it for `lower`.
    beyond : (n,) bool
        Rarer than the rarest event, which is held.
    """
    order = np.argsort(family.return_period)
    points = family.return_period[order]
    position = order.astype(np.intp)
    if family.onset is not None:
        points = np.concatenate(([family.onset], points))
        position = np.concatenate((np.array([-1], dtype=np.intp), position))
    last = len(points) - 1
    below = np.searchsorted(points, period, side="right") - 1
    beyond = period > points[last]
    held = below >= last
    below = np.clip(below, 0, max(0, last - 1))
    above = np.minimum(below + 1, last)
    with np.errstate(invalid="ignore", divide="ignore"):
        if rule == "trapezoid":
            weight = (1.0 / points[below] - 1.0 / period) / (1.0 / points[below] - 1.0 / points[above])
        else:
            weight = np.log(period / points[below]) / np.log(points[above] / points[below])
    lower = np.where(held, position[last], position[below])
    upper = np.where(held, position[last], position[above])
    return lower, upper, np.where(held, 1.0, weight), beyond
