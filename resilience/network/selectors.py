"""Choosing rows of a table by the values of its columns: `{kind: [hospital, clinic], district: west}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion
from resilience.network.normalise import distinct_text, normalise_text

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
    return RowFinder(frame).find(selector, problems, subject=subject)


class RowFinder:
    """Finds rows of one table by many selectors; which values a column holds is found once.

    Parameters
    ----------
    frame : pandas.DataFrame
        Not to be changed while it is looked at.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._names = [str(name) for name in frame.columns]
        self._held: dict[str, _Held] = {}

    def find(self, selector: Selector, problems: Problems, *, subject: str) -> NDArray[np.bool_]:
        """Return which rows fit the selector; see :func:`select_rows`."""
        chosen = np.ones(len(self._frame), dtype=bool)
        before = len(problems)
        for name, wanted in selector.items():
            if name not in self._names:
                problems.add(
                    f"{subject}.{name}",
                    wanted=f"one of the columns {', '.join(self._names[:40])}",
                    got=f"no such column{suggestion(str(name), self._names)}",
                )
                continue
            if name not in self._held:
                self._held[name] = _Held.of(self._frame[name])
            chosen &= self._held[name].rows(_as_values(wanted), problems, f"{subject}.{name}")
        if len(problems) == before and not chosen.any():
            problems.add(subject, wanted="a choice that at least one row fits", got=f"{dict(selector)} fits no row")
        return chosen


def _as_values(wanted: Any) -> list[Any]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence | set | frozenset | np.ndarray):
        return [wanted]
    return list(wanted)


@dataclass(frozen=True)
class _Held:
    """The distinct values of a column and where they are.

    Parameters
    ----------
    kind : {"bool", "number", "text"}
    code : (n,) int
        Position of each row's value; -1 for a number that is missing.
    value : (k,) str or float64
        A value may be there twice.
    """

    kind: str
    code: NDArray[np.intp]
    value: NDArray[Any]

    @classmethod
    def of(cls, column: pd.Series[Any]) -> _Held:
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            code, value = pd.factorize(column.to_numpy(dtype=np.float64, na_value=np.nan))
            return cls("number", code, np.asarray(value))
        code, words = distinct_text(column)
        gap = code == -1
        if gap.any():
            code = np.where(gap, words.size - 1, code)
        else:
            words = words[:-1]
        return cls("bool" if pd.api.types.is_bool_dtype(column) else "text", code, words)

    def rows(self, wanted: list[Any], problems: Problems, subject: str) -> NDArray[np.bool_]:
        given = pd.Series(wanted, dtype=object)
        sought: pd.Series[Any]
        if self.kind == "number":
            sought = pd.to_numeric(given, errors="coerce").astype("float64")
        else:
            # Text against text: YAML reads `id: 7` as a number, a file may hold it as text.
            sought = normalise_text(given)
            if self.kind == "bool":
                sought = sought.str.capitalize()
        absent = [repr(value) for value, there in zip(wanted, sought.isin(self.value), strict=True) if not there]
        if absent:
            known = sorted(set(self.value.tolist()), key=lambda value: (isinstance(value, str), value))
            texts = [name if isinstance(name, str) else f"{name:g}" for name in known[:_MAX_COMPARED]]
            _tell_absent(problems, subject, absent, wanted, [text for text in texts if text])
        fits = np.append(pd.Index(self.value).isin(sought.dropna()), False)
        return np.asarray(fits[self.code])


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
