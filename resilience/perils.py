"""Flood and heat: the unit of each peril in memory, the units files use, and what a credible value is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.errors import DataError, Problems


@dataclass(frozen=True)
class PerilRule:
    """What a peril's intensity is measured in.

    Parameters
    ----------
    unit : str
        The unit in memory.
    units : mapping of str to (float, float)
        Accepted units: ``in memory = scale * value + shift``.
    spellings : mapping of str to str
        How files write these units, in lower case.
    plausible : (float, float)
        Lowest and highest credible value, in the unit in memory.
    what : str
        The quantity in words.
    """

    unit: str
    units: Mapping[str, tuple[float, float]]
    spellings: Mapping[str, str]
    plausible: tuple[float, float]
    what: str


def _spellings(**table: str) -> dict[str, str]:
    return {spelling.strip(): unit for unit, row in table.items() for spelling in row.split("|")}


PERILS: dict[str, PerilRule] = {
    "flood": PerilRule(
        unit="m",
        units={"m": (1.0, 0.0), "cm": (0.01, 0.0), "mm": (0.001, 0.0), "ft": (0.3048, 0.0)},
        spellings=_spellings(
            m="m|metre|metres|meter|meters",
            cm="cm|centimetre|centimetres|centimeter|centimeters",
            mm="mm|millimetre|millimetres|millimeter|millimeters",
            ft="ft|foot|feet",
        ),
        plausible=(0.0, 30.0),
        what="water depth above ground",
    ),
    "heat": PerilRule(
        unit="degC",
        units={"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (5.0 / 9.0, -160.0 / 9.0)},
        spellings=_spellings(
            degC="degc|°c|c|celsius|degree_celsius|degrees_celsius|degree celsius|degrees celsius|deg c",
            K="k|kelvin|degk|degree_kelvin|degrees_kelvin",
            degF="degf|°f|f|fahrenheit|degree_fahrenheit|degrees_fahrenheit|degree fahrenheit|degrees fahrenheit|deg f",
        ),
        plausible=(-40.0, 80.0),
        what="temperature",
    ),
}


QUANTITIES: Mapping[str, PerilRule] = {
    **PERILS,
    "humidity": PerilRule(
        unit="%",
        units={"%": (1.0, 0.0), "1": (100.0, 0.0)},
        spellings=_spellings(**{"%": "%|percent|pct", "1": "1|fraction|dimensionless"}),
        plausible=(0.0, 100.0),
        what="relative humidity",
    ),
}
"""Perils, and what else of the weather is read from maps."""


def parse_unit(text: str, *, peril: str) -> str | None:
    """Return the accepted unit that `text` spells for `peril`, or None.

    Examples
    --------
    >>> parse_unit("metres", peril="flood"), parse_unit("kelvin", peril="heat"), parse_unit("K", peril="flood")
    ('m', 'K', None)
    """
    return QUANTITIES[peril].spellings.get(text.strip().lower())


def check_plausible(
    values: NDArray[np.float32],
    *,
    peril: str,
    subject: str,
    plausible: tuple[float, float] | None = None,
    origin: tuple[int, int] = (0, 0),
) -> None:
    """Raise unless every value is a credible intensity; NaN passes.

    Parameters
    ----------
    values : (..., y, x) float32, m or degC
    peril : str
    subject : str
        The file or array, for the message.
    plausible : (float, float), optional
        Lowest and highest credible value; by default that of the peril.
    origin : (int, int)
        Row and column of the first value in the whole raster, for the message.

    Raises
    ------
    DataError
        With the number of cells and the first of them.

    Examples
    --------
    >>> check_plausible(np.array([[0.3, -9999.0]]), peril="flood", subject="depth.tif")
    Traceback (most recent call last):
    ...
    resilience.errors.DataError: depth.tif: 1 of 2 cells are not a credible water depth above ground (first: row 0, \
column 1: -9999 m); wanted: 0 to 30 m; a code for no data that is not declared? (`nodata_value: -9999`)
    """
    rule = QUANTITIES[peril]
    low, high = rule.plausible if plausible is None else plausible
    bad = (values < low) | (values > high)
    if not bad.any():
        return
    places = np.argwhere(bad)
    first = []
    for place in places[:3]:
        event = f"event {place[0]}, " if values.ndim == 3 and values.shape[0] > 1 else ""
        row, column = int(place[-2]) + origin[0], int(place[-1]) + origin[1]
        first.append(f"{event}row {row}, column {column}: {float(values[tuple(place)]):g} {rule.unit}")
    problems = Problems()
    problems.add(
        subject,
        wanted=f"{low:g} to {high:g} {rule.unit}; {_hint(values[bad], peril, low, high)}",
        got=f"cells are not a credible {rule.what}",
        count=len(places),
        total=int(values.size),
        first=first,
    )
    problems.raise_if_any(DataError)


def _hint(bad: NDArray[np.float32], peril: str, low: float, high: float) -> str:
    if np.isinf(bad).any():
        return "infinite cells are neither water nor no data: write them anew as no data"
    values, counts = np.unique(bad, return_counts=True)
    # In a map of wrong units some cell may well be 99: a code is what most of the bad cells hold.
    code = float(values[counts.argmax()])
    if 2 * counts.max() >= bad.size and (abs(code) > 1e30 or (code.is_integer() and set(f"{abs(code):g}") == {"9"})):
        written = f"{code:g}" if float(np.float32(f"{code:g}")) == code else repr(code)
        return f"a code for no data that is not declared? (`nodata_value: {written}`)"
    if peril == "humidity":
        return "another unit, or a code for no data that is not declared?"
    if peril == "heat" and (bad > 200.0).all() and (bad < 360.0).all():
        return "kelvin read as degC? (`unit: K`)"
    if peril == "heat" and (bad > high).all() and (bad < 180.0).all():
        return "degrees Fahrenheit read as degC? (`unit: degF`)"
    if peril == "flood" and (bad < low).any():
        return "ground level or a difference instead of a depth, or a code for no data that is not declared?"
    if peril == "flood" and (bad <= high / 0.3048).all():
        return "feet called metres? (`unit: ft`), or a wider range (`plausible: [0, 50]`)"
    if peril == "flood":
        return "centimetres or millimetres called metres? (`unit: cm`), or a code for no data that is not declared?"
    return "digital numbers instead of temperatures, or a code for no data that is not declared?"
