"""Curve files of three layouts, read into checked curves: our own plain table, open-gira's and snail's."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.curves.curve import Curve
from resilience.errors import ConfigurationError, DataError, MissingInputError, Problem, Problems, suggestion
from resilience.files import check_columns, is_there
from resilience.perils import PERILS

Layout = Literal["plain", "open_gira", "snail"]
Decreasing = Literal["error", "running_maximum"]

WORDS = ("role", "peril", "unit", "source", "licence", "basis", "note", "group", "state", "theta", "beta")
PLAIN_COLUMNS = ("name", "x", "y", "spread", *WORDS)
_HEADER = re.compile(r"^(?P<what>.+?)_\((?P<unit>[^()]+)\)$")
_PERIL_OF_HEADER = {"inundation_depth": "flood", "flood_depth": "flood", "temperature": "heat"}


@dataclass(frozen=True)
class Telling:
    """What the caller says about a file; what the file itself says about a curve comes first, except the unit."""

    unit: str | None = None
    role: str | None = None
    peril: str | None = None
    name: str | None = None
    names: Sequence[str] | None = None
    metadata: Path | None = None
    decreasing: Decreasing = "error"
    source: str = ""
    licence: str = ""
    basis: str = "source"
    note: str = ""


def read_curves(path: Path, layout: str, telling: Telling) -> list[Curve]:
    """Return the curves of one file.

    Raises
    ------
    ConfigurationError
        An unknown layout.
    MissingInputError
        The file is not there.
    DataError
        Everything that is wrong with its content.
    """
    if layout not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise ConfigurationError(
            Problem("curves.layout", f"one of {known}{suggestion(layout, _READERS)}", repr(layout))
        )
    return _READERS[layout](path, telling)


class _Rows:
    """The columns of a CSV file as stripped text, with line numbers; lines that begin with ``#`` are kept apart.

    Plain lists: on the few rows of a curve file, text methods of pandas cost fifty times what they do.
    """

    def __init__(self, path: Path, *, wanted: Iterable[str] = ()) -> None:
        is_there(path)  # what may not be read is told here; what is missing, below
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise MissingInputError(Problem(str(path), "a file that can be read", error.strerror or "no")) from None
        except UnicodeDecodeError:
            raise DataError(Problem(str(path), "CSV in UTF-8", "bytes that are not UTF-8")) from None
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        self.path = path
        self.comments = [line.lstrip("# ").rstrip() for _, line in lines if line.startswith("#")]
        kept = [(number, line) for number, line in lines if not line.startswith("#")]
        self.numbers = [number for number, _ in kept[1:]]
        check_columns(path, kept[0][1].count(",") + 1 if kept else 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(
                    io.StringIO("\n".join(line for _, line in kept)), dtype=str, keep_default_na=False, index_col=False
                )
        except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, ValueError) as error:
            raise DataError(Problem(str(path), "a CSV table with a header", str(error).strip())) from None
        self.n = len(table)
        self.texts = {
            str(column).strip(): [str(value).strip() for value in table[column].to_numpy(dtype=object)]
            for column in table.columns
        }
        if len(self.texts) < len(table.columns):
            raise DataError(Problem(str(path), "every column once", f"columns {', '.join(map(str, table.columns))}"))
        missing = [column for column in wanted if column not in self.texts]
        if missing:
            raise DataError(Problem(str(path), f"columns {', '.join(wanted)}", f"columns {', '.join(self.texts)}"))

    def rows_of(self, column: str) -> dict[str, NDArray[np.int64]]:
        """Return the rows of every value of a column, in the order in which the values first come."""
        found: dict[str, list[int]] = {}
        for row, value in enumerate(self.texts[column]):
            found.setdefault(value, []).append(row)
        return {value: np.array(rows, dtype=np.int64) for value, rows in found.items()}

    def numbers_in(self, column: str, problems: Problems) -> NDArray[np.float64]:
        """Return a column as numbers; NaN where it is empty."""
        text = self.texts.get(column, [])
        values = np.full(self.n, np.nan)
        given = [row for row, value in enumerate(text) if value]
        values[given] = pd.to_numeric(np.array([text[row] for row in given], dtype=object), errors="coerce")
        wrong = [row for row in given if np.isnan(values[row])]
        if wrong:
            problems.add(
                f"{self.path}: {column}",
                wanted="numbers",
                got="values that are not",
                count=len(wrong),
                total=self.n,
                first=[f"{text[row]!r} in line {self._line(row)}" for row in wrong],
            )
        return values

    def _line(self, row: int) -> int | str:
        return self.numbers[row] if len(self.numbers) == self.n else "?"


def _build(problems: Problems, telling: Telling, **parts: Any) -> list[Curve]:
    """Return the curve, or nothing and its problems noted."""
    if telling.decreasing == "running_maximum" and len(parts["y"]):
        highest = np.maximum.accumulate(parts["y"])
        if not np.array_equal(highest, parts["y"], equal_nan=True):
            parts["y"] = highest
            parts["note"] = f"{parts.get('note', '')} Running maximum taken where it decreased.".strip()
    try:
        return [Curve(**parts)]
    except DataError as error:
        problems.extend(error.problems)
        return []


def _untold(subject: str, what: str, problems: Problems) -> None:
    fix = {"unit": "unit='m' or 'degC' or another", "role": "role='damage' or 'fragility'"}
    told = fix.get(what, "peril='flood' or 'heat'")
    problems.add(subject, wanted=f"the {what} in a column or as {told}; never assumed", got=f"no {what}")


def _select(names: Sequence[str] | None, known: Sequence[str], path: Path, problems: Problems) -> list[str]:
    if names is None:
        return list(known)
    absent = [name for name in names if name not in known]
    if absent:
        hint = suggestion(absent[0], known)
        problems.add(f"{path}: names", wanted=f"names in the file{hint}", got="absent", count=len(absent), first=absent)
    return [name for name in names if name in known]


def _read_plain(path: Path, telling: Telling) -> list[Curve]:
    rows = _Rows(path, wanted=["name"])
    problems = Problems()
    for column in rows.texts:
        if column not in PLAIN_COLUMNS:
            hint = suggestion(column, PLAIN_COLUMNS)
            problems.add(f"{path}: {column}", wanted=f"columns among {', '.join(PLAIN_COLUMNS)}{hint}", got="unknown")
    x, y, spread = (rows.numbers_in(column, problems) for column in ("x", "y", "spread"))
    for column in ("theta", "beta", "state"):
        rows.numbers_in(column, problems)
    problems.raise_if_any(DataError)
    curves: list[Curve] = []
    groups = rows.rows_of("name")
    for name in _select(telling.names, list(groups), path, problems):
        rank = groups[name]
        before = len(problems)
        words: dict[str, str] = {}
        for word in WORDS:
            given = rows.texts.get(word)
            values = list(dict.fromkeys(given[row] for row in rank if given[row])) if given else []
            if len(values) > 1:
                problems.add(f"{path}: curve {name!r}.{word}", wanted="one value", got=" and ".join(map(repr, values)))
            words[word] = values[0] if values else str(getattr(telling, word, None) or "")
        for word in ("role", "peril", "unit"):
            if not words[word]:
                _untold(f"{path}: curve {name!r}", word, problems)
        if len(problems) > before:
            continue
        if telling.note and telling.note != words["note"]:
            words["note"] = f"{words['note']} {telling.note}"
        points = rank[~(np.isnan(x[rank]) & np.isnan(y[rank]))]
        parts: dict[str, Any] = {**words, "name": name, "x": x[points], "y": y[points]}
        parts["spread"] = spread[points] if not np.isnan(spread[points]).all() else np.empty(0)
        parts["theta"] = float(words["theta"] or math.nan)
        parts["beta"] = float(words["beta"] or math.nan)
        parts["state"] = int(float(words["state"] or 1))
        curves += _build(problems, telling, **parts)
    problems.raise_if_any(DataError)
    return curves


def _read_open_gira(path: Path, telling: Telling) -> list[Curve]:
    rows = _Rows(path)
    problems = Problems()
    first, *others = list(rows.texts)
    header = _HEADER.match(first)
    what, told = (header["what"], header["unit"]) if header else (first, "")
    unit = telling.unit or told
    peril = telling.peril or _PERIL_OF_HEADER.get(what, "")
    for word, value in (("unit", unit), ("peril", peril)):
        if not value:
            _untold(f"{path}: column {first!r}", word, problems)
    if "damage_fraction" not in others:
        problems.add(str(path), wanted="a column damage_fraction", got=f"columns {', '.join(rows.texts)}")
    x = rows.numbers_in(first, problems)
    values = {column: rows.numbers_in(column, problems) for column in others}
    problems.raise_if_any(DataError)
    stem = telling.name or path.stem
    curves: list[Curve] = []
    for column, y in values.items():
        curves += _build(
            problems, telling, name=stem if column == "damage_fraction" else f"{stem}_{column}",
            role=telling.role or "damage", peril=peril, unit=unit, x=x, y=y,
            source=telling.source or " ".join(rows.comments), licence=telling.licence, basis=telling.basis,
            note=telling.note,
        )  # fmt: skip
    problems.raise_if_any(DataError)
    return curves


def _read_snail(path: Path, telling: Telling) -> list[Curve]:
    rows = _Rows(path, wanted=["curve_id", "point_index", "intensity", "damage"])
    problems = Problems()
    order, x, y = (rows.numbers_in(column, problems) for column in ("point_index", "intensity", "damage"))
    about: dict[str, dict[str, str]] = {}
    if telling.metadata is not None:
        texts = _Rows(telling.metadata, wanted=["curve_id", "hazard_name", "intensity_unit"]).texts
        about = {name: {word: texts[word][row] for word in texts} for row, name in enumerate(texts["curve_id"])}
    problems.raise_if_any(DataError)
    groups = rows.rows_of("curve_id")
    known = list(groups)
    if about and telling.names is None:
        # The published collection also holds earthquake, wind and landslide.
        known = [name for name in known if about.get(name, {}).get("hazard_name", "flood") in PERILS]
    curves: list[Curve] = []
    for name in _select(telling.names, known, path, problems):
        told = about.get(name, {})
        unit = telling.unit or told.get("intensity_unit", "")
        peril = told.get("hazard_name", "") or telling.peril or ""
        for word, value in (("unit", unit), ("peril", peril)):
            if not value:
                _untold(f"{path}: curve {name!r}", f"{word}", problems)
        if not (unit and peril):
            continue
        rank = groups[name][np.argsort(order[groups[name]], kind="stable")]
        curves += _build(
            problems, telling, name=name, role=telling.role or "damage", peril=peril, unit=unit, x=x[rank], y=y[rank],
            source=telling.source or told.get("source", ""), licence=telling.licence, basis=telling.basis,
            note=telling.note or told.get("exposed_element", ""),
        )  # fmt: skip
    problems.raise_if_any(DataError)
    return curves


_READERS: dict[str, Callable[[Path, Telling], list[Curve]]] = {
    "plain": _read_plain,
    "open_gira": _read_open_gira,
    "snail": _read_snail,
}
