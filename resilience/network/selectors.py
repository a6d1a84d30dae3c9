"""Choosing rows of a table by the values of its columns: `{kind: [hospital, clinic], district: west}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion

Selector = Mapping[str, Any]
_MAX_COMPARED = 5_000


def select_rows(frame: pd.DataFrame, selector: Selector, problems: Problems, *, subject: str) -> NDArray[np.bool_]:
    """Return which rows have one of the wanted values in every named column.

    Parameters
    ----------
    frame : pandas.DataFrame
    selector : mapping of str to value or list of values
        Column -> value(s); all columns must fit. An empty selector chooses every row.
    problems : Problems
        Receives unknown columns, values that no row has, and a combination that no row has.
    subject : str
        What the selector is, for messages.

    Returns
    -------
    (n,) bool

    Examples
    --------
    >>> frame = pd.DataFrame({"kind": ["hospital", "clinic", "road"], "lanes": [0, 0, 2]})
    >>> select_rows(frame, {"kind": ["hospital", "clinic"], "lanes": 0}, Problems(), subject="from").tolist()
    [True, True, False]
    """
    chosen = np.ones(len(frame), dtype=bool)
    before = len(problems)
    names = [str(name) for name in frame.columns]
    for name, wanted in selector.items():
        if name not in names:
            problems.add(
                f"{subject}.{name}",
                wanted=f"one of the columns {', '.join(names[:40])}",
                got=f"no such column{suggestion(str(name), names)}",
            )
            continue
        chosen &= _has_value(frame[name], _as_values(wanted), problems, f"{subject}.{name}")
    if len(problems) == before and not chosen.any():
        problems.add(subject, wanted="a choice that at least one row fits", got=f"{dict(selector)} fits no row")
    return chosen


def _as_values(wanted: Any) -> list[Any]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence | set | frozenset | np.ndarray):
        return [wanted]
    return list(wanted)


def _has_value(column: pd.Series[Any], wanted: list[Any], problems: Problems, subject: str) -> NDArray[np.bool_]:
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        # Text against text: YAML reads `id: 7` as a number, a GeoPackage may hold it as text.
        texts = [_as_text(value) for value in wanted]
        values = column.map(_as_text) if column.dtype == object else column.astype("str").str.strip()
        if pd.api.types.is_bool_dtype(column):
            texts = [text.capitalize() for text in texts]
        missing = [text for text in texts if not (values == text).any()]
        if missing:
            known = sorted(set(values.dropna().unique()[:_MAX_COMPARED].tolist()) - {""})
            _tell_absent(problems, subject, missing, texts, known)
        return values.isin(texts).to_numpy(dtype=bool)
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    chosen = np.zeros(len(column), dtype=bool)
    absent = []
    for value in wanted:
        try:
            equal = numbers == float(value)
        except (TypeError, ValueError):
            equal = np.zeros(len(column), dtype=bool)
        if not equal.any():
            absent.append(str(value))
        chosen |= equal
    if absent:
        known = [f"{number:g}" for number in np.unique(numbers[~np.isnan(numbers)])[:_MAX_COMPARED]]
        _tell_absent(problems, subject, absent, [str(value) for value in wanted], known)
    return chosen


def _as_text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _tell_absent(problems: Problems, subject: str, absent: list[str], wanted: list[str], known: list[str]) -> None:
    hint = suggestion(absent[0], known)
    shown = ", ".join(repr(name) for name in known[:12]) + (", ..." if len(known) > 12 else "")
    problems.add(
        subject,
        wanted=f"values that the column has: {shown or 'it is empty'}",
        got=f"values that no row has{hint}",
        count=len(absent),
        total=len(wanted),
        first=[repr(name) for name in absent],
    )
