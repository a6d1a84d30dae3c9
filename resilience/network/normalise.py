"""What users bring, coerced into the tables of a city: registered columns, their types, text in one form."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion
from resilience.network.shapes import flatten_geometry
from resilience.network.tables import REQUIRED, TABLES, Column

MISSPELT: Final = 0.85
"""How alike, by difflib, a column's name and a registered one that is absent are before one is taken for the other."""

_WHITE = re.compile(r"\s")
_TRUE = frozenset({"true", "yes", "y", "1", "1.0", "t"})
_FALSE = frozenset({"false", "no", "n", "0", "0.0", "f", ""})


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
