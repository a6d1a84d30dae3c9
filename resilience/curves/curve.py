"""One curve: how one kind of asset answers to one peril, with where the figures come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, Problems, suggestion
from resilience.perils import PERILS, parse_unit

Role = Literal["damage", "fragility"]
Basis = Literal["source", "default"]

ROLES: tuple[str, ...] = ("damage", "fragility")
BASES: tuple[str, ...] = ("source", "default")
# Beyond these a figure is in another unit than it says: centimetres as metres, kelvin as degrees.
# Wider than for hazard maps, because a curve may go on beyond what is ever measured.
PLAUSIBLE: dict[str, tuple[float, float]] = {"flood": (-20.0, 100.0), "heat": (-90.0, 150.0)}


def _points(values: ArrayLike) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1)


@dataclass(frozen=True, eq=False)
class Curve:
    """A checked curve in the unit in memory: points, or the two parameters of a lognormal.

    Parameters
    ----------
    name : str
    role : {"damage", "fragility"}
        Damage: share of the replacement cost lost. Fragility: probability of being out of function.
    peril : {"flood", "heat"}
    unit : str
        Unit of `x` and `theta` as given: m, cm, mm, ft; degC, degF, K. Converted here, once; the attribute says the
        unit in memory, m or degC.
    x : (n_point,) float64, `unit`
        Strictly increasing, at least two; none for a lognormal. Between points linear, outside clamped.
    y : (n_point,) float64
        In [0, 1], never decreasing.
    spread : (n_point,) float64, optional
        Standard deviation of `y` between studies: lack of knowledge, one draw per run and curve.
    theta : float, `unit`, optional
        Median of a lognormal fragility.
    beta : float, optional
        Standard deviation of the logarithm.
    source, licence, note : str
        Where the figures come from, under which licence, and what must be known to use them.
    basis : {"source", "default"}
        Figures read in the source, or expert judgement.
    group : str
        Curves of one group are the damage states of one thing; they may not cross.
    state : int
        Rank in the group, 1 is the lightest.

    Raises
    ------
    DataError
        With everything that is wrong with the curve.

    Examples
    --------
    >>> curve = Curve("shop", "damage", "flood", "cm", x=[0, 100, 200], y=[0, 0.4, 1])
    >>> curve(1.5), curve.unit
    (array(0.7), 'm')
    """

    name: str
    role: Role
    peril: str
    unit: str
    x: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    y: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    spread: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    theta: float = math.nan
    beta: float = math.nan
    source: str = ""
    licence: str = ""
    basis: Basis = "source"
    note: str = ""
    group: str = ""
    state: int = 1

    def __post_init__(self) -> None:
        problems = Problems()
        for name in ("x", "y", "spread"):
            self._set(name, _points(getattr(self, name)))
        for name in ("theta", "beta"):
            self._set(name, float(getattr(self, name)))
        _check_words(self, problems)
        _check_points(self, problems)
        _check_lognormal(self, problems)
        _check_plausible(self, problems)
        problems.raise_if_any(DataError)
        factor, offset = _conversion(self)
        self._set("x", self.x * factor + offset)
        self._set("theta", self.theta * factor)
        self._set("unit", PERILS[self.peril].unit)
        for array in (self.x, self.y, self.spread):
            array.flags.writeable = False

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def lognormal(self) -> bool:
        """Whether the curve is given by its parameters."""
        return self.x.size == 0

    def __call__(self, intensity: ArrayLike) -> NDArray[np.float64]:
        """Return the curve at `intensity` (unit in memory); NaN stays NaN."""
        values = np.ascontiguousarray(intensity, dtype=np.float64)
        from resilience.kernels.curves import evaluate_curves

        out = np.empty(values.size)
        table = np.array([0, self.x.size], dtype=np.int64), self.x, self.y
        parameters = np.array([self.theta]), np.array([self.beta])
        evaluate_curves(values.reshape(-1, 1), np.zeros(1, dtype=np.int32), *table, *parameters, out.reshape(-1, 1))
        return out.reshape(np.shape(intensity))


def _conversion(curve: Curve) -> tuple[float, float]:
    """Return factor and offset to the unit in memory; NaN for a unit that the peril has not."""
    unit = parse_unit(curve.unit, peril=curve.peril) if curve.peril in PERILS else None
    return (math.nan, math.nan) if unit is None else PERILS[curve.peril].units[unit]


def _words(curve: Curve) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    yield "role", curve.role, ROLES
    yield "peril", curve.peril, tuple(PERILS)
    yield "basis", curve.basis, BASES
    if curve.peril in PERILS and parse_unit(curve.unit, peril=curve.peril) is None:
        yield "unit", curve.unit, tuple(PERILS[curve.peril].units)


def _check_words(curve: Curve, problems: Problems) -> None:
    if not curve.name.strip():
        problems.add("curve", wanted="a name", got="an empty name")
    for what, got, known in _words(curve):
        if got not in known:
            problems.add(
                f"curve {curve.name!r}.{what}",
                wanted=f"one of {', '.join(known)}" + suggestion(str(got), known),
                got=repr(got),
            )
    if curve.state < 1:
        problems.add(f"curve {curve.name!r}.state", wanted="a rank from 1", got=str(curve.state))


def _check_points(curve: Curve, problems: Problems) -> None:
    subject = f"curve {curve.name!r}"
    x, y, spread = curve.x, curve.y, curve.spread
    if x.size != y.size:
        problems.add(subject, wanted="one y for each x", got=f"{x.size} x and {y.size} y")
        return
    if x.size == 0:
        return
    if x.size < 2:
        problems.add(subject, wanted="at least 2 points", got="1 point")
    for name, values in (("x", x), ("y", y)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            problems.add(
                f"{subject}.{name}", wanted="finite numbers", got="values that are not finite", count=bad.size,
                total=values.size, first=[f"point {i}" for i in bad],
            )  # fmt: skip
    bad = np.flatnonzero(np.diff(x) <= 0.0)
    if bad.size:
        problems.add(
            f"{subject}.x", wanted="strictly increasing, every intensity once", got="steps that do not increase",
            count=bad.size, total=x.size - 1, first=[f"{x[i]:g} then {x[i + 1]:g}" for i in bad],
        )  # fmt: skip
    bad = np.flatnonzero((y < 0.0) | (y > 1.0))
    if bad.size:
        percent = "; percent are divided by 100" if 1.0 < y[bad].max() <= 100.0 and y.min() >= 0.0 else ""
        problems.add(
            f"{subject}.y", wanted=f"fractions in [0, 1]{percent}", got="values outside", count=bad.size,
            total=y.size, first=[f"{y[i]:g}" for i in bad],
        )  # fmt: skip
    bad = np.flatnonzero(np.diff(y) < 0.0)
    if bad.size:
        problems.add(
            f"{subject}.y", wanted="never less at a higher intensity; give the running maximum", got="decreasing steps",
            count=bad.size, total=y.size - 1, first=[f"{y[i]:g} then {y[i + 1]:g} at x = {x[i + 1]:g}" for i in bad],
        )  # fmt: skip
    if spread.size not in (0, y.size) or not np.all(np.isfinite(spread) & (spread >= 0.0)):
        problems.add(
            f"{subject}.spread", wanted="nothing, or a finite number >= 0 for each point",
            got=f"{spread.size} values for {y.size} points"
            + (f", lowest {spread.min():g}" if spread.size else ""),
        )  # fmt: skip


def _check_lognormal(curve: Curve, problems: Problems) -> None:
    subject = f"curve {curve.name!r}"
    given = not (math.isnan(curve.theta) and math.isnan(curve.beta))
    if not given:
        if curve.x.size == 0 and curve.y.size == 0:
            problems.add(subject, wanted="points (x, y), or theta and beta", got="neither")
        return
    if curve.x.size or curve.y.size:
        problems.add(subject, wanted="points (x, y), or theta and beta", got="both")
    if curve.role == "damage":
        problems.add(subject, wanted="points (x, y) for a damage curve", got="a lognormal")
    for name, value in (("theta", curve.theta), ("beta", curve.beta)):
        if not (math.isfinite(value) and value > 0.0):
            problems.add(f"{subject}.{name}", wanted="a finite number above 0", got=f"{value:g}")
    if abs(_conversion(curve)[1]) > 0.0:
        problems.add(
            f"{subject}.unit", wanted="degC for a lognormal: shifting the zero changes its shape", got=repr(curve.unit)
        )


def _check_plausible(curve: Curve, problems: Problems) -> None:
    if curve.peril not in PERILS:
        return
    rule = PERILS[curve.peril]
    low, high = PLAUSIBLE[curve.peril]
    factor, offset = _conversion(curve)
    given = np.append(curve.x, curve.theta) * factor + offset
    wrong = given[(given < low) | (given > high)]
    if wrong.size:
        problems.add(
            f"curve {curve.name!r}",
            wanted=f"intensities from {low:g} to {high:g} {rule.unit}; the unit is one of {', '.join(rule.units)}",
            got=f"intensities beyond with unit {curve.unit!r}",
            count=wrong.size,
            first=[f"{value:g} {rule.unit}" for value in wrong],
        )
