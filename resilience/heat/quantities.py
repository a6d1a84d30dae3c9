"""What the heat functions are given: unit, credible range, and whether a value may be missing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import Problems
from resilience.perils import parse_unit

INFINITE = float("inf")
SPELLINGS = {
    "%": ("%", "percent", "pct"),
    "m/s": ("m/s", "m s-1", "m s**-1", "m s^-1", "meter per second", "metre per second"),
    "1": ("1", "", "dimensionless", "fraction"),
}


@dataclass(frozen=True)
class Quantity:
    """A physical quantity as a function wants it.

    Parameters
    ----------
    what : str
        The quantity in words.
    unit : str
        Empty for an amount in any unit.
    low, high : float
        Credible range, both ends included.
    missing : bool
        NaN stands for no data and gives NaN; otherwise it is refused.
    """

    what: str
    unit: str
    low: float = -INFINITE
    high: float = INFINITE
    missing: bool = False

    def of(self, name: str, values: Any) -> Argument:
        """Return `values` as the argument `name` of this quantity."""
        return Argument(name, self, values)

    def check(self, name: str, values: NDArray[Any], problems: Problems, *, array: xr.DataArray | None = None) -> None:
        """Note what is wrong with `values`; with `array`, the first offenders are told by their labels."""
        # Extremes first: they need no memory, and most inputs are right.
        if values.size == 0:
            return
        low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
        absent = not self.missing and bool(np.isnan(np.minimum.reduce(values, axis=None)))
        fraction = self.unit == "%" and 0.0 < high <= 1.0
        if not (low < self.low or high > self.high or fraction or np.isinf(low) or np.isinf(high) or absent):
            return
        bad = (values < self.low) | (values > self.high) | np.isinf(values)
        if fraction:
            bad |= values > 0.0
        wanted = f"{self.what}, {self.low:g} to {self.high:g} {self.unit}"
        if self.high == INFINITE:
            wanted = f"{self.what}, {self.unit}, >= {self.low:g}"
        if bad.any():
            problems.add(
                name,
                wanted=wanted + self._hint(values[bad], fraction=fraction),
                got="values are not credible" if values.ndim else "is not credible",
                count=int(bad.sum()) if values.ndim else None,
                total=values.size if values.ndim else None,
                first=_first(values, bad, self.unit, array),
            )
        missing = np.isnan(values)
        if not self.missing and missing.any():
            problems.add(
                name,
                wanted=f"{wanted}; no value may be missing here",
                got="values are NaN" if values.ndim else "is NaN",
                count=int(missing.sum()) if values.ndim else None,
                total=values.size if values.ndim else None,
                first=_first(values, missing, self.unit, array) if values.ndim else (),
            )

    def _hint(self, bad: NDArray[Any], *, fraction: bool) -> str:
        if fraction:
            return "; a fraction read as percent? (multiply by 100)"
        if self.unit == "degC" and (bad > 200.0).all() and (bad < 400.0).all():
            return "; kelvin read as degC? (subtract 273.15)"
        if self.unit == "degC" and (bad > self.high).all() and (bad < 180.0).all():
            return "; degrees Fahrenheit read as degC? (subtract 32, divide by 1.8)"
        return ""

    def spells(self, text: str) -> bool:
        """Return whether `text` is a spelling of the unit."""
        if not self.unit:
            return True
        if self.unit == "degC":
            return parse_unit(text, peril="heat") == "degC"
        return text.strip().lower() in (self.unit.lower(), *SPELLINGS.get(self.unit, ()))


@dataclass(frozen=True)
class Argument:
    """One argument of a function: its name, what it should be, what was given."""

    name: str
    quantity: Quantity
    values: Any


def _first(values: NDArray[Any], bad: NDArray[np.bool_], unit: str, array: xr.DataArray | None) -> Sequence[str]:
    """Return the first offenders with their place."""
    if not values.ndim:
        return [f"{float(values):g} {unit}"]
    flat = np.flatnonzero(bad)[:3]
    places = zip(*np.unravel_index(flat, values.shape), strict=True)
    return [f"{_place(place, array)}: {float(values[place]):g} {unit}" for place in places]


def _place(place: tuple[np.intp, ...], array: xr.DataArray | None) -> str:
    if array is None:
        return f"position {', '.join(map(str, place))}"
    return ", ".join(f"{dim} {_label(array, dim, int(i))}" for dim, i in zip(array.dims, place, strict=True))


def _label(array: xr.DataArray, dim: Hashable, position: int) -> str:
    if dim not in array.coords:
        return str(position)
    label = array.coords[dim].values[position]
    return f"{label:g}" if isinstance(label, np.floating) else str(label)


# Maps have cells without data: what comes from them may be NaN.
AIR_TEMPERATURE = Quantity("air temperature", "degC", -60.0, 60.0, missing=True)
APPARENT_TEMPERATURE = Quantity("daily maximum of the apparent or air temperature", "degC", -80.0, 80.0, missing=True)
DEW_POINT = Quantity("dew-point temperature", "degC", -90.0, 60.0, missing=True)
RADIANT_TEMPERATURE = Quantity("mean radiant temperature", "degC", -90.0, 120.0, missing=True)
WET_BULB_GLOBE = Quantity("wet-bulb globe temperature", "degC", -60.0, 60.0, missing=True)
RAIL_TEMPERATURE = Quantity("rail temperature", "degC", -60.0, 100.0, missing=True)
HUMIDITY = Quantity("relative humidity", "%", 0.0, 100.0, missing=True)
WIND = Quantity("wind speed", "m/s", 0.0, 120.0, missing=True)
OIL_TEMPERATURE = Quantity("top-oil temperature", "degC", -60.0, 1000.0, missing=True)
HOT_SPOT = Quantity("hot-spot temperature", "degC", -60.0, 1000.0, missing=True)
CONDUCTOR_TEMPERATURE = Quantity("conductor temperature", "degC", -60.0, 400.0)
AGEING_RATE = Quantity("ageing rate relative to normal", "1", 0.0, missing=True)
RELATIVE_RISK = Quantity("relative risk", "1", 0.0, missing=True)
LOAD = Quantity("load over rated load", "1", 0.0, 10.0)
SHARE = Quantity("share", "1", 0.0, 1.0)
ANGLE = Quantity("angle between wind and line", "degree", 0.0, 90.0)
ELEVATION = Quantity("height above sea level", "m", -500.0, 6000.0)
SOLAR_HEATING = Quantity("solar heat gain of the conductor", "W/m", 0.0, 500.0)
POWER = Quantity("power", "W", 0.0)
AIR_FLOW = Quantity("mass flow of cooling air", "kg/s", 1e-9)
PERSONS = Quantity("number of persons or deaths", "", 0.0)
AMOUNT = Quantity("amount at the base temperature", "", 0.0)
ERLANGS = Quantity("offered load", "1", 0.0, missing=True)
LENGTH = Quantity("length", "m", 0.0)
DAYS = Quantity("number of days", "1", 0.0, missing=True)
INLET = Quantity("inlet temperature", "degC", -60.0, 1000.0, missing=True)
