"""Choosing rows of a table by the values of its columns: `{kind: [hospital, clinic], district: west}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion
from resilience.network.tables import clean_text, distinct_words

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
    sought: list[Any]
    if pd.api.types.is_bool_dtype(column):
        codes, known = distinct_words(column)
        sought = [word.capitalize() for word in _as_words(wanted)]
    elif pd.api.types.is_numeric_dtype(column):
        codes, known = pd.factorize(column.to_numpy(dtype=np.float64, na_value=np.nan))
        sought = pd.to_numeric(pd.Series(wanted, dtype=object), errors="coerce").astype("float64").tolist()
    else:
        # Text against text: YAML reads `id: 7` as a number, a file may hold it as text.
        codes, known = distinct_words(column)
        sought = _as_words(wanted)
    present, chosen = known.tolist(), set(sought)
    found = chosen.intersection(present)
    absent = [repr(value) for value, one in zip(wanted, sought, strict=True) if one not in found]
    if absent:
        names = sorted(present, key=lambda value: (isinstance(value, str), value))[:_MAX_COMPARED]
        texts = [name if isinstance(name, str) else f"{name:g}" for name in names]
        _tell_absent(problems, subject, absent, wanted, [text for text in texts if text])
    # A gap has the code -1, the last.
    return np.array([*(name in chosen for name in present), False], dtype=bool)[codes]


def _as_words(values: list[Any]) -> list[str]:
    return ["" if pd.isna(value) else clean_text(value) for value in values]


def _tell_absent(problems: Problems, subject: str, absent: list[str], wanted: list[Any], known: list[str]) -> None:
    hint = suggestion(absent[0].strip("'\""), known)
    shown = ", ".join(repr(name) for name in known[:12]) + (", ..." if len(known) > 12 else "")
    problems.add(
        subject,
        wanted=f"values that the column has: {shown or 'it is empty'}",
        got=f"values that no row has{hint}",
        count=len(absent),
        total=len(wanted),
        first=absent,
    )
