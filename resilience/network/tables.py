"""The tables of a city: every column once, with its type, default, unit, meaning and limits.

:data:`TABLES` documents the tables, coerces what users bring (:func:`normalise_table`) and is what
:mod:`resilience.network.checks` checks against. Columns that are not registered are kept as they are, so that rules
can select by them.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion

REQUIRED: Final = "required"
NAN: Final = float("nan")
MISSPELT: Final = 0.85
"""How alike, by difflib, a column's name and a registered one that is absent are before one is taken for the other."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    dtype : {"str", "float64", "int64", "bool", "geometry"}
    default : object
        What an absent column is filled with; :data:`REQUIRED` where there is no default. A number column whose default
        is NaN may have gaps, any other number column may not.
    unit : str
        ``""`` where a unit makes no sense.
    meaning : str
        One sentence.
    minimum, maximum : float, optional
        Limits, inclusive.
    above : float, optional
        Limit, exclusive.
    refers : tuple of str, optional
        Tables one of which must hold the value as an id; an empty value refers to nothing.
    """

    name: str
    dtype: str
    default: Any
    unit: str
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    refers: tuple[str, ...] = ()

    @property
    def gaps(self) -> bool:
        """Whether a number may be missing."""
        return isinstance(self.default, float) and np.isnan(self.default)

    def limits(self) -> str:
        """Return the limits as words."""
        if self.minimum is not None and self.maximum is not None:
            words = f"numbers from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            words = f"finite numbers >= {self.minimum:g}"
        elif self.above is not None:
            words = f"finite numbers > {self.above:g}"
        else:
            words = "finite numbers"
        return words + (" (empty where there is none)" if self.gaps else "")


ASSET_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name over assets and zones; draws of chance hang on it"),
    Column(
        "sector", "str", REQUIRED, "", "network it belongs to: power, telecom, data, water, transport, medical, ..."
    ),
    Column("kind", "str", "", "", "what it is: substation, hospital, road, ..."),
    Column("geometry", "geometry", REQUIRED, "", "point, line or polygon; a link without one runs straight"),
    Column("from_asset", "str", "", "", "node a link starts at; empty for nodes", refers=("assets",)),
    Column("to_asset", "str", "", "", "node a link ends at; empty for nodes", refers=("assets",)),
    Column("oneway", "bool", False, "", "whether a link carries from its start to its end only"),
    Column("flood_damage_curve", "str", "", "", "curve of the value lost to flood; empty for none"),
    Column("flood_fragility_curve", "str", "", "", "curve of the probability to fail in a flood; empty for none"),
    Column("heat_damage_curve", "str", "", "", "curve of the value lost to heat; empty for none"),
    Column("heat_fragility_curve", "str", "", "", "curve of the probability to fail in heat; empty for none"),
    Column("component_height", "float64", 0.0, "m", "height of the vulnerable part above ground, negative below"),
    Column("barrier_height", "float64", NAN, "m", "water depth that a barrier around it keeps out", minimum=0),
    Column("seal_failure", "float64", NAN, "1", "probability that the barrier leaks", minimum=0, maximum=1),
    Column("dry_threshold", "float64", 0.0, "m", "water depth up to which it counts as dry", minimum=0),
    Column("replacement_cost", "float64", 0.0, "money", "cost of building it anew", minimum=0),
    Column("repair_class", "str", "", "", "class of repair times and crews"),
    Column("failure_group", "str", "", "", "assets of one group share one draw of chance; empty for a draw of its own"),
    Column(
        "unavailability",
        "float64",
        0.0,
        "1",
        "probability that it is out in an event, whatever the hazard",
        minimum=0,
        maximum=1,
    ),
    Column("district", "str", "", "", "part of the city, for summaries"),
    Column("access_asset", "str", "", "", "road node by which it is reached", refers=("assets",)),
    Column("length", "float64", NAN, "m", "length of a link; that of its geometry where empty", minimum=0),
    Column("speed", "float64", NAN, "m/s", "free speed on a link", above=0),
    Column("reactance", "float64", NAN, "per unit", "series reactance of a power line; 1e-6 to 1e4"),
    Column("rating", "float64", NAN, "MW", "most a link can carry", minimum=0),
)
NEED_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name of the need"),
    Column("dependent", "str", REQUIRED, "", "who needs it", refers=("assets", "zones")),
    Column("service", "str", REQUIRED, "", "what is needed"),
    Column("required", "int64", 1, "1", "how many of the providers must work", minimum=1),
    Column("buffer_hours", "float64", 0.0, "hour", "time it can do without (battery, tank)", minimum=0),
    Column("start_probability", "float64", 1.0, "1", "probability that the buffer starts", minimum=0, maximum=1),
    Column("recharge_hours", "float64", 0.0, "hour", "time to refill the buffer", minimum=0),
    Column("buffer_height", "float64", NAN, "m", "height of the buffer above ground; empty: not floodable", minimum=0),
    Column("refuel_from", "str", "", "", "kind of assets from which the buffer is refilled by road; empty: it is not"),
)
DEPENDENCY_COLUMNS: Final = (
    Column("need", "str", REQUIRED, "", "the need that is served", refers=("needs",)),
    Column("provider", "str", REQUIRED, "", "asset that can serve it", refers=("assets",)),
    Column("limit_minutes", "float64", NAN, "minute", "longest way by road from provider to dependent", above=0),
)
SUPPLY_COLUMNS: Final = (
    Column("asset", "str", REQUIRED, "", "asset of the supplied sector", refers=("assets",)),
    Column("sector", "str", REQUIRED, "", "sector that is supplied"),
    Column("is_source", "bool", False, "", "whether the supply starts here"),
    Column("capacity", "float64", NAN, "sector's own", "most a source can give", minimum=0),
    Column("demand", "float64", NAN, "sector's own", "what is drawn here", minimum=0),
)
ZONE_COLUMNS: Final = (
    Column("id", "str", REQUIRED, "", "unique name over assets and zones"),
    Column("geometry", "geometry", REQUIRED, "", "polygon, or a point for a population cell"),
    Column("persons", "float64", REQUIRED, "persons", "people (or what `persons_unit` says) in it", minimum=0),
    Column("district", "str", "", "", "part of the city, for summaries"),
    Column("group", "str", "all", "", "group of people counted"),
    Column("period", "str", "all", "", "time of day or week counted"),
    Column("access_asset", "str", "", "", "road node by which it is reached", refers=("assets",)),
)
TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "assets": ASSET_COLUMNS,
    "needs": NEED_COLUMNS,
    "dependencies": DEPENDENCY_COLUMNS,
    "supply": SUPPLY_COLUMNS,
    "zones": ZONE_COLUMNS,
}
CURVE_COLUMNS: Final = tuple(column.name for column in ASSET_COLUMNS if column.name.endswith("_curve"))

_WHITE = re.compile(r"\s")
_TRUE = frozenset({"true", "yes", "y", "1", "1.0", "t"})
_FALSE = frozenset({"false", "no", "n", "0", "0.0", "f", ""})


def describe_tables() -> pd.DataFrame:
    """Return the registered columns as a table to read.

    Returns
    -------
    pandas.DataFrame
        Columns table, column, dtype, default, unit, meaning.

    Examples
    --------
    >>> described = describe_tables()
    >>> described.loc[described["column"] == "buffer_hours", "unit"].item()
    'hour'
    """
    rows = [
        (table, column.name, column.dtype, column.default, column.unit, column.meaning)
        for table, columns in TABLES.items()
        for column in columns
    ]
    return pd.DataFrame(rows, columns=["table", "column", "dtype", "default", "unit", "meaning"])


def empty_table(table: str) -> pd.DataFrame:
    """Return the table without rows, with its types.

    Examples
    --------
    >>> len(empty_table("needs")), str(empty_table("needs")["required"].dtype)
    (0, 'int64')
    """
    return normalise_table(pd.DataFrame({c.name: [] for c in TABLES[table]}), table, Problems())


def normalise_table(frame: pd.DataFrame, table: str, problems: Problems, *, subject: str = "") -> pd.DataFrame:
    """Return a copy of `frame` with the registered columns first, coerced, and absent ones at their defaults.

    Parameters
    ----------
    frame : pandas.DataFrame
        As the user brought it; not changed.
    table : {"assets", "needs", "dependencies", "supply", "zones"}
    problems : Problems
        Receives what cannot be coerced; a stand-in takes its place so that further checks can go on.
    subject : str, optional
        Name for the messages; the table's name by default.

    Returns
    -------
    pandas.DataFrame
        With a fresh range index. Text is stripped and in Unicode normal form C; its gaps are ``""``.

    Examples
    --------
    >>> problems = Problems()
    >>> frame = pd.DataFrame({"need": ["n"], "provider": [7.0]})
    >>> normalise_table(frame, "dependencies", problems)["provider"].tolist(), len(problems)
    (['7'], 0)
    """
    subject = subject or table
    registered = {column.name for column in TABLES[table]}
    extras = [name for name in frame.columns if name not in registered]
    columns: dict[str, Any] = {}
    for column in TABLES[table]:
        name = f"{subject}.{column.name}"
        if column.name in frame.columns:
            columns[column.name] = _COERCE[column.dtype](frame[column.name], column, problems, name)
            continue
        if column.default == REQUIRED:
            hint = suggestion(column.name, [str(extra) for extra in extras])
            problems.add(name, wanted=f"a column with the {column.meaning}", got=f"absent{hint}")
        columns[column.name] = _filled(column, len(frame))
    absent = [name for name in registered if name not in frame.columns]
    for extra in extras:
        columns[str(extra)] = frame[extra].array
        close = difflib.get_close_matches(str(extra), absent, n=1, cutoff=MISSPELT)
        if close and _default_of(table, close[0]) != REQUIRED:
            problems.add(
                f"{subject}.{extra}",
                wanted=f"'{close[0]}', which is absent (rename the column, or drop it if it means something else)",
                got="a column that looks misspelt",
            )
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _default_of(table: str, name: str) -> Any:
    return next(column.default for column in TABLES[table] if column.name == name)


def _filled(column: Column, n: int) -> Any:
    if column.dtype == "geometry":
        return gpd.array.from_shapely(np.full(n, None, dtype=object))
    if column.default == REQUIRED:
        # Stand-ins that break no other rule: the absence itself is told already.
        text = [f"row {i}" for i in range(n)] if column.name == "id" else [""] * n
        return pd.Series(text, dtype="str").array if column.dtype == "str" else np.zeros(n)
    if column.dtype == "str":
        return pd.Series([column.default] * n, dtype="str").array
    return np.full(n, column.default, dtype=column.dtype)


def normalise_text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the values as text: stripped, in Unicode normal form C, whole numbers without a point, gaps empty.

    Examples
    --------
    >>> normalise_text(pd.Series([7.0, None])).tolist()
    ['7', '']
    """
    plain = _plain_text(values)
    if plain is None:
        codes, words = distinct_text(values)
        plain = words[codes]
    return pd.Series(plain, dtype="str")


def _plain_text(values: pd.Series[Any]) -> NDArray[np.object_] | None:
    """Return stripped ASCII texts, or None if any is something else: most tables are plain, and large ones pay."""
    texts = values.to_numpy(dtype=object)
    try:
        joined = "\0".join(texts)
    except TypeError:
        return None
    if not joined.isascii():
        return None
    # One search of all texts together is a tenth of the cost of stripping each.
    return np.array([text.strip() for text in texts], dtype=object) if _WHITE.search(joined) else texts


def distinct_text(values: pd.Series[Any]) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Return codes and words of the values as :func:`normalise_text` writes them.

    Parameters
    ----------
    values : (n,) series

    Returns
    -------
    codes : (n,) int
        Position of each value among the words; -1 for a gap.
    words : (k + 1,) str
        The last is the word of gaps. Values that differ in white space alone have the same word twice.

    Examples
    --------
    >>> codes, words = distinct_text(pd.Series(["a ", None, "a "]))
    >>> codes.tolist(), words.tolist()
    ([0, -1, 0], ['a', ''])
    """
    missing = values.isna().to_numpy()
    if pd.api.types.is_float_dtype(values):
        # Whole-number ids become floats as soon as one is missing: 7.0 is meant as 7.
        numbers = np.where(missing, 0.0, values.to_numpy(dtype=np.float64, na_value=0.0))
        if np.all(np.isfinite(numbers)) and np.all(numbers == np.floor(numbers)) and np.all(np.abs(numbers) < 2**53):
            values = pd.Series(numbers.astype(np.int64)).astype(object).mask(missing, None)
    # Each distinct value once: most text columns repeat few of them.
    codes, distinct = pd.factorize(values.array)
    words = pd.Series(distinct, dtype=object).map(_clean).to_numpy(dtype=object)
    return codes, np.append(words, "")


def _to_text(values: pd.Series[Any], column: Column, problems: Problems, subject: str) -> pd.Series[Any]:
    text = normalise_text(values)
    return text if column.default in (REQUIRED, "") else text.mask(text == "", column.default)


def _clean(value: object) -> str:
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _to_number(values: pd.Series[Any], column: Column, problems: Problems, subject: str) -> NDArray[np.float64]:
    missing = values.isna()
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        missing = missing | (values.astype("str").str.strip() == "").fillna(True)
    dated = pd.api.types.is_datetime64_any_dtype(values)
    coerced = pd.Series(np.nan, index=values.index) if dated else pd.to_numeric(values, errors="coerce")
    numbers: NDArray[np.float64] = np.array(coerced.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    wrong = np.isnan(numbers) & ~missing.to_numpy()
    if wrong.any():
        _report(problems, subject, column.limits(), "values that are not numbers", wrong, values)
        default = column.default if isinstance(column.default, float | int) else 0.0
        numbers[wrong] = default
    return numbers


def _to_integer(values: pd.Series[Any], column: Column, problems: Problems, subject: str) -> NDArray[np.int64]:
    numbers = _to_number(values, column, problems, subject)
    wrong = ~np.isfinite(numbers) | (numbers != np.floor(np.where(np.isfinite(numbers), numbers, 0.0)))
    if wrong.any():
        _report(problems, subject, f"whole numbers >= {column.minimum:g}", "gaps or fractions", wrong, values)
    whole: NDArray[np.int64] = np.where(wrong, column.default, numbers).astype(np.int64)
    return whole


def _to_boolean(values: pd.Series[Any], column: Column, problems: Problems, subject: str) -> NDArray[np.bool_]:
    if pd.api.types.is_bool_dtype(values) and not values.isna().any():
        return values.to_numpy(dtype=bool)
    text = values.astype("str").mask(values.isna(), "").fillna("").str.strip().str.lower()
    true = text.isin(_TRUE).to_numpy()
    wrong = ~(true | text.isin(_FALSE).to_numpy())
    if wrong.any():
        _report(problems, subject, "true or false", "values that are neither", wrong, values)
    return true


def _to_geometry(values: pd.Series[Any], column: Column, problems: Problems, subject: str) -> Any:
    objects = np.asarray(values, dtype=object)
    missing = np.asarray(pd.isna(objects))
    wrong = ~missing & ~np.asarray(shapely.is_geometry(objects))
    if wrong.any():
        _report(problems, subject, "shapely geometries", "values that are not geometries", wrong, values)
    shapes = objects.copy()
    shapes[missing | wrong] = None
    return gpd.array.from_shapely(flatten_geometry(shapes))


_COERCE: Final[dict[str, Callable[[pd.Series[Any], Column, Problems, str], Any]]] = {
    "str": _to_text,
    "float64": _to_number,
    "int64": _to_integer,
    "bool": _to_boolean,
    "geometry": _to_geometry,
}


def _report(
    problems: Problems, subject: str, wanted: str, got: str, wrong: NDArray[np.bool_], values: pd.Series[Any]
) -> None:
    first = [f"{value!r}" for value in values.to_numpy()[wrong][:3].tolist()]
    problems.add(subject, wanted=wanted, got=got, count=int(wrong.sum()), total=len(values), first=first)


def flatten_geometry(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the geometries in two dimensions, a multi-geometry of one part as that part.

    Parameters
    ----------
    geometry : (n,) object
        Shapely geometries or None.

    Examples
    --------
    >>> str(flatten_geometry(np.array([shapely.from_wkt("MULTILINESTRING Z ((0 0 5, 1 0 5))")]))[0])
    'LINESTRING (0 0, 1 0)'
    """
    flat = np.array(geometry, dtype=object)
    # Rewriting a shape costs far more than asking for its dimensions, and most have two.
    deep = shapely.get_coordinate_dimension(flat) > 2
    flat[deep] = shapely.force_2d(flat[deep])
    single = (shapely.get_type_id(flat) >= shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(flat) == 1)
    while single.any():
        flat[single] = shapely.get_geometry(flat[single], 0)
        single = (shapely.get_type_id(flat) >= shapely.GeometryType.MULTIPOINT) & (
            shapely.get_num_geometries(flat) == 1
        )
    return flat


def representative_points(geometry: Any) -> NDArray[np.float64]:
    """Return one place per geometry: the point itself, the middle of a line, a point surely inside a polygon.

    Parameters
    ----------
    geometry : (n,) geometries
        In a metric CRS.

    Returns
    -------
    (n, 2) float64, m
        NaN for empty geometries.

    Examples
    --------
    >>> representative_points([shapely.LineString([(0, 0), (4, 0)]), shapely.Point(1, 2)]).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    shapes = np.array(geometry, dtype=object)
    kinds = shapely.get_type_id(shapes)
    line = kinds == shapely.GeometryType.LINESTRING
    area = ~line & (kinds != shapely.GeometryType.POINT)
    shapes[line] = shapely.line_interpolate_point(shapes[line], 0.5, normalized=True)
    shapes[area] = shapely.point_on_surface(shapes[area])
    return np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)
