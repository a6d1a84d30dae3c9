"""Coefficient sets that say of every number what it is, where it is from and how sure it is.

A set is a frozen dataclass. What is known of a field is data: the docstring, the printed description and the table in
the manual are all made from it. The basis of a number is one of

* ``source``: read in the source named,
* ``memory``: remembered from a standard or paper, not read again: check it before you rely on it,
* ``default``: a judgement: calibrate it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, TypeVar, dataclass_transform

from resilience.errors import ConfigurationError, Problems

T = TypeVar("T", bound="Parameters")


class Origin(NamedTuple):
    """Where a number is from: its basis, and the source in words."""

    basis: str
    text: str


def source(text: str) -> Origin:
    """Return the origin of a number that was read in the source named."""
    return Origin("source", text)


def memory(text: str) -> Origin:
    """Return the origin of a number that was remembered, not read again."""
    return Origin("memory", text)


def judgement(text: str) -> Origin:
    """Return the origin of a number that is a judgement."""
    return Origin("default", text)


def parameter(
    *,
    default: Any = dataclasses.MISSING,
    unit: str,
    meaning: str,
    origin: Origin,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Return one field of a coefficient set; without a default it must be given."""
    known = {
        "unit": unit,
        "meaning": meaning,
        "origin": origin,
        "above": above,
        "minimum": minimum,
        "maximum": maximum,
    }
    return dataclasses.field(default=default, metadata=known)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Base of all coefficient sets."""

    ascending: ClassVar[tuple[str, ...]] = ()
    """Fields of which each must be above the one before."""

    def __post_init__(self) -> None:
        problems = Problems()
        for field in dataclasses.fields(self):
            value, known = getattr(self, field.name), field.metadata
            bounds = [f"{sign} {known[key]:g}" for key, sign in _SIGNS.items() if known[key] is not None]
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
                fits = False
            else:
                fits = (
                    (known["above"] is None or value > known["above"])
                    and (known["minimum"] is None or value >= known["minimum"])
                    and (known["maximum"] is None or value <= known["maximum"])
                )
            if not fits:
                wanted = " and ".join(bounds) or "a finite number"
                problems.add(
                    f"{type(self).__name__}.{field.name}",
                    wanted=f"{known['meaning']}, {known['unit']}, {wanted}",
                    got=repr(value),
                )
        problems.raise_if_any(ConfigurationError)
        values = [getattr(self, name) for name in self.ascending]
        if any(later <= earlier for earlier, later in pairwise(values)):
            wanted = " < ".join(self.ascending)
            problems.add(type(self).__name__, wanted=wanted, got=" and ".join(f"{value:g}" for value in values))
        problems.raise_if_any(ConfigurationError)

    def describe(self) -> str:
        """Return the values in use, one line each, with unit, basis and source; a changed one has the basis ``user``.

        Examples
        --------
        >>> from resilience.heat import Demand
        >>> print(Demand(slope=0.03).describe())
        Demand
          base_temperature = 24 degC (default: calibrate on load records)
          slope = 0.03 1/K (user)
        """
        lines = [type(self).__name__]
        for field in dataclasses.fields(self):
            value, known = getattr(self, field.name), field.metadata
            origin = ": ".join(known["origin"]) if value == field.default else "user"
            lines.append(f"  {field.name} = {value:g} {known['unit']} ({origin})")
        return "\n".join(lines)


_SIGNS = {"above": ">", "minimum": ">=", "maximum": "<="}


def parameter_rows(kind: type[Parameters]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield (name, default, unit, meaning, basis, source) of each field of a coefficient set.

    Examples
    --------
    >>> from resilience.heat import Demand
    >>> [name for name, *_ in parameter_rows(Demand)]
    ['base_temperature', 'slope']
    """
    for field in dataclasses.fields(kind):
        known = field.metadata
        shown = "required" if field.default is dataclasses.MISSING else f"{field.default:.10g}"
        yield field.name, shown, known["unit"], known["meaning"], *known["origin"]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(parameter,))
def coefficient_set(kind: type[T]) -> type[T]:
    """Make `kind` a frozen dataclass whose docstring tells unit, basis and source of every field."""
    made = dataclasses.dataclass(frozen=True, kw_only=True)(kind)
    entries = [
        f"{name} : float, {unit}\n    {meaning[0].upper()}{meaning[1:]}. Default {default} ({basis}: {text})."
        for name, default, unit, meaning, basis, text in parameter_rows(made)
    ]
    made.__doc__ = "\n".join([f"{(kind.__doc__ or '').strip()}\n\nParameters\n----------", *entries])
    return made
