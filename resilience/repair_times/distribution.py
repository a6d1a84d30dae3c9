"""One repair time: how long an asset of some class in some state of damage takes, as a checked distribution.

Classes are named freely (``repair_class`` of an asset). State 0 is an *outage*: nothing is broken, function returns so
long after the hazard has gone, without a crew. States 1 and up are states of damage, the lightest first; their time is
the work of one crew at the asset, without waiting and without the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from resilience.errors import DataError, Problem, Problems, suggestion
from resilience.kernels.repair_laws import (
    EXPONENTIAL,
    FIXED,
    LOGNORMAL,
    LONGEST_HOURS,
    NORMAL,
    UNIFORM,
)

Floats = NDArray[np.float64]
Distribution = Literal["fixed", "uniform", "exponential", "lognormal", "normal"]
Basis = Literal["source", "default", "memory"]

HOURS: dict[str, float] = {"h": 1.0, "day": 24.0}
BASES: tuple[str, ...] = ("source", "default", "memory")
PARAMETERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "fixed": (("value",),),
    "uniform": (("low", "high"),),
    "exponential": (("mean",),),
    "lognormal": (("median", "beta"), ("mean", "sd")),
    "normal": (("mean", "sd"),),
}
_KINDS = {"fixed": FIXED, "uniform": UNIFORM, "exponential": EXPONENTIAL, "lognormal": LOGNORMAL, "normal": NORMAL}


@dataclass(frozen=True)
class RepairTime:
    """The distribution of one repair time; hours in memory.

    Parameters
    ----------
    repair_class : str
    state : int
        0 outage, 1 and up damage, the lightest first.
    distribution : {"fixed", "uniform", "exponential", "lognormal", "normal"}
        A normal law is cut at 0 and renormalised.
    parameters : mapping of str to float
        In `unit`. fixed: value; uniform: low, high; exponential: mean; lognormal: median and beta (standard deviation
        of the logarithm, no unit), or mean and sd; normal: mean and sd, before cutting. Converted here, once.
    unit : {"h", "day"}
        As given; the attribute says h.
    peril : str
        The hazard that did the damage; empty for any.
    label : str
        What the source calls the state.
    source, licence, note : str
    basis : {"source", "default", "memory"}
        Figures read in the source, expert judgement, or figures of the source quoted from memory: check before use.

    Raises
    ------
    DataError
        With everything that is wrong.

    Examples
    --------
    >>> time = RepairTime("pump", 1, "lognormal", {"median": 2.0, "beta": 0.5}, unit="day")
    >>> time.parameters["median"], round(float(time.quantile(0.5)), 9)
    (48.0, 48.0)
    """

    repair_class: str
    state: int
    distribution: Distribution
    parameters: Mapping[str, float]
    unit: str = "h"
    peril: str = ""
    label: str = ""
    source: str = ""
    licence: str = ""
    basis: Basis = "source"
    note: str = ""

    def __post_init__(self) -> None:
        problems = Problems()
        given = {name: float(value) for name, value in self.parameters.items()}
        _check(self, given, problems)
        problems.raise_if_any(DataError)
        factor = HOURS[self.unit]
        hours = {name: value if name == "beta" else value * factor for name, value in given.items()}
        if self.distribution == "lognormal" and "median" not in hours:
            hours = _lognormal_with(hours["mean"], hours["sd"])
        longest = max(value for name, value in hours.items() if name != "beta")
        if longest > LONGEST_HOURS:
            raise DataError(Problem(subject_of(self), f"at most {LONGEST_HOURS:,.0f} hours", f"{longest:g} hours"))
        object.__setattr__(self, "parameters", hours)
        object.__setattr__(self, "unit", "h")

    @property
    def arguments(self) -> tuple[int, float, float]:
        """Kind and parameters as the kernels read them."""
        values = [self.parameters[name] for name in PARAMETERS[self.distribution][0]]
        return _KINDS[self.distribution], values[0], values[1] if len(values) > 1 else 0.0

    def quantile(self, p: ArrayLike) -> Floats:
        """Return the time in hours that is not exceeded with probability `p`, in (0, 1)."""
        values = np.asarray(p, dtype=np.float64)
        wrong = ~((values > 0.0) & (values < 1.0))
        if wrong.any():
            raise DataError(
                Problem("p", "probabilities between 0 and 1, both excluded", "others", int(wrong.sum()), values.size)
            )
        from resilience.kernels.repair_times import evaluate_repair_quantiles  # tables are checked without Numba

        hours = np.empty(values.size)
        evaluate_repair_quantiles(*self.arguments, np.ascontiguousarray(values).reshape(-1), hours)
        return hours.reshape(values.shape)

    def median(self) -> float:
        """Return the time in hours that half of all stay below, in closed form.

        Examples
        --------
        >>> round(RepairTime("outage", 0, "exponential", {"mean": 12}).median(), 4)
        8.3178
        """
        kind, first, second = self.arguments
        return float(_MEDIAN[kind](first, second))

    def cdf(self, hours: ArrayLike) -> Floats:
        """Return the probability of being done within `hours`.

        Examples
        --------
        >>> RepairTime("office", 4, "normal", {"mean": 40, "sd": 40}, unit="day").cdf([0.0, 960.0]).round(4)
        array([0.    , 0.4057])
        """
        t = np.asarray(hours, dtype=np.float64)
        kind, first, second = self.arguments
        with np.errstate(divide="ignore", invalid="ignore"):
            done = _DONE[kind](np.maximum(t, 0.0), first, second)
        return np.asarray(np.where(t < 0.0, 0.0, np.clip(done, 0.0, 1.0)))

    def mean(self) -> float:
        """Return the mean in hours; of a normal law that after cutting, which is above its parameter."""
        return float(self.mean_beyond(0.0))

    def mean_beyond(self, buffer_hours: ArrayLike) -> Floats:
        """Return E[(T - b)+], the mean time in hours that an outage of this length outlasts a buffer of b hours.

        Notes
        -----
        Closed forms of ``integral_b^inf P(T > t) dt``; for an exponential law of mean m it is ``m exp(-b / m)``.

        Examples
        --------
        >>> print(f"{RepairTime('outage', 0, 'exponential', {'mean': 12}).mean_beyond(8.0):.6f}")
        6.161005
        """
        b = np.maximum(np.asarray(buffer_hours, dtype=np.float64), 0.0)
        kind, x, y = self.arguments
        return np.asarray(_BEYOND[kind](b, x, y), dtype=np.float64)

    def as_lognormal(self) -> RepairTime:
        """Return the lognormal time with the parameters mean and sd of a normal one; any other as it is.

        Notes
        -----
        Cutting a normal law at 0 raises its mean and lowers its standard deviation; a lognormal law keeps both and is
        never negative. Which of the two is meant is a choice of the model.

        Examples
        --------
        >>> cut = RepairTime("office", 4, "normal", {"mean": 40, "sd": 40}, unit="day")
        >>> round(cut.mean() / 24, 2), round(cut.as_lognormal().mean() / 24, 2)
        (51.5, 40.0)
        """
        if self.distribution != "normal":
            return self
        return replace(self, distribution="lognormal", parameters=dict(self.parameters))


def _lognormal_with(mean: float, sd: float) -> dict[str, float]:
    beta = math.sqrt(math.log1p((sd / mean) ** 2))
    return {"median": mean * math.exp(-0.5 * beta * beta), "beta": beta}


def _uniform_beyond(b: Floats, low: float, high: float) -> Floats:
    above = np.maximum(high - b, 0.0)
    inside = above * above / (2.0 * (high - low)) if high > low else np.zeros(b.shape)
    return np.asarray(np.where(b <= low, 0.5 * (low + high) - b, inside))


def _lognormal_beyond(b: Floats, median: float, beta: float) -> Floats:
    with np.errstate(divide="ignore"):
        z = np.log(median / b) / beta
    return np.asarray(median * math.exp(0.5 * beta * beta) * ndtr(z + beta) - b * ndtr(z))


def _normal_beyond(b: Floats, mean: float, sd: float) -> Floats:
    z = (mean - b) / sd
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return np.asarray(((mean - b) * ndtr(z) + sd * density) / ndtr(mean / sd))


_Law = Callable[[Floats, float, float], Floats]

_DONE: dict[int, _Law] = {
    FIXED: lambda t, value, _: np.asarray(t >= value, dtype=np.float64),
    UNIFORM: lambda t, low, high: np.where(t >= high, 1.0, (t - low) / np.float64(high - low)),
    EXPONENTIAL: lambda t, mean, _: -np.expm1(-t / mean),
    LOGNORMAL: lambda t, median, beta: np.asarray(ndtr(np.log(t / median) / beta)),
    NORMAL: lambda t, mean, sd: np.asarray(1.0 - ndtr((mean - t) / sd) / ndtr(mean / sd)),
}
_MEDIAN: dict[int, Callable[[float, float], float]] = {
    FIXED: lambda value, _: value,
    UNIFORM: lambda low, high: 0.5 * (low + high),
    EXPONENTIAL: lambda mean, _: mean * math.log(2.0),
    LOGNORMAL: lambda median, _: median,
    NORMAL: lambda mean, sd: mean - sd * ndtri(0.5 * ndtr(mean / sd)),
}
_BEYOND: dict[int, _Law] = {
    FIXED: lambda b, value, _: np.maximum(value - b, 0.0),
    UNIFORM: _uniform_beyond,
    EXPONENTIAL: lambda b, mean, _: mean * np.exp(-b / mean),
    LOGNORMAL: _lognormal_beyond,
    NORMAL: _normal_beyond,
}


def subject_of(time: RepairTime) -> str:
    """Return how messages name it."""
    return f"repair time {time.repair_class!r}, state {time.state}"


def _check(time: RepairTime, given: dict[str, float], problems: Problems) -> None:
    subject = subject_of(time)
    if not time.repair_class.strip():
        problems.add("repair time", wanted="a class", got="an empty name")
    if time.state < 0:
        problems.add(f"{subject}.state", wanted="0 for an outage, 1 and up for damage", got=str(time.state))
    for what, got, known in (("unit", time.unit, HOURS), ("basis", time.basis, BASES),
                             ("distribution", time.distribution, PARAMETERS)):  # fmt: skip
        if got not in known:
            wanted = f"one of {', '.join(known)}{suggestion(str(got), known)}"
            problems.add(f"{subject}.{what}", wanted=wanted, got=repr(got))
    if time.distribution not in PARAMETERS:
        return
    sets = PARAMETERS[time.distribution]
    if not any(set(names) == set(given) for names in sets):
        wanted = " or ".join(" and ".join(names) for names in sets)
        problems.add(f"{subject}.{time.distribution}", wanted=wanted, got=", ".join(sorted(given)) or "nothing")
        return
    for name, value in given.items():
        zero = name in ("value", "low", "high")
        if not (math.isfinite(value) and (value >= 0.0 if zero else value > 0.0)):
            wanted = "a finite number >= 0" if zero else "a finite number above 0"
            problems.add(f"{subject}.{name}", wanted=wanted, got=f"{value:g}")
    if time.distribution == "uniform" and given["high"] < given["low"]:
        problems.add(f"{subject}.high", wanted=f"at least low, {given['low']:g}", got=f"{given['high']:g}")
