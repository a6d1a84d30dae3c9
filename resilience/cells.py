"""Cells of CSV tables, a column at a time: each distinct number is spelled once, and no text runs as a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Column = Sequence[Any] | NDArray[Any]
"""Cells of one column. Numbers that are many come as an array of float64: those are spelled fast."""

Table = tuple[list[str], Iterator[Sequence[Column]]]
"""Header, and blocks of columns one below the other."""

# A spreadsheet runs a cell that starts with one of these signs, also of full width, as a formula. Where commas are
# decimal it begins a cell after a semicolon, and some begin one after a tab or in a new line, whatever is quoted.
# One that has apostrophes of its own there gets one more, so that what is written can be read back.
_BEFORE, _SIGNS = r"(^|[;\t\n\r])", r"'*\"*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]"
_FORMULA_START = re.compile(f"{_BEFORE}(?={_SIGNS})")
_MADE_SAFE = re.compile(f"{_BEFORE}'(?={_SIGNS})")
# Kinds of arrays whose cells are texts, or numbers that are spelled.
_CELLS: Final[dict[str, Any]] = {"U": object, "f": np.float64}
_is_special = re.compile('[,"\\n\\r]').search


def significant(value: float) -> str:
    """Return a number in nine significant digits, empty for NaN.

    Examples
    --------
    >>> significant(1 / 3), significant(float("nan"))
    ('0.333333333', '')
    """
    return "" if math.isnan(value) else f"{value:.9g}"


def in_full(value: float) -> str:
    """Return a number that reads back as the same, empty for NaN.

    Examples
    --------
    >>> in_full(0.1), in_full(float("nan"))
    ('0.1', '')
    """
    return "" if math.isnan(value) else repr(value)


def safe(text: str) -> str:
    """Return the text as a cell: quoted where it must be, an apostrophe before it where a spreadsheet would run it.

    Examples
    --------
    >>> safe("=1+1"), safe("1+1"), safe("a, b"), safe("a;=1+1")
    ("'=1+1", '1+1', '"a, b"', "a;'=1+1")
    """
    text = _FORMULA_START.sub(r"\1'", text)
    return '"' + text.replace('"', '""') + '"' if _is_special(text) else text


def unsafe(text: str) -> str:
    """Return what the text of a cell, without its quotes, stood for before it was made :func:`safe`.

    Examples
    --------
    >>> unsafe("'=1+1"), unsafe("''=1"), unsafe("it's")
    ('=1+1', "'=1", "it's")
    """
    return _MADE_SAFE.sub(r"\1", text)


def number_cells(values: NDArray[np.float64], spell: Callable[[float], str]) -> list[str]:
    """Return the numbers as text.

    Parameters
    ----------
    values : (n,) float64
    spell : callable
        Called once per distinct number.

    Examples
    --------
    >>> number_cells(np.array([0.0, -0.0, np.nan, 0.5]), significant)
    ['0', '-0', '', '0.5']
    """
    # Told apart by their bits: 0 and -0 are spelled differently.
    codes, bits = pd.factorize(np.ascontiguousarray(values, dtype=np.float64).view(np.int64))
    words = np.array([spell(value) for value in np.asarray(bits).view(np.float64).tolist()], dtype=object)
    cells: list[str] = words[codes].tolist()
    return cells


def in_columns(rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Column]]:
    """Yield a few rows as a block of columns; nothing without rows.

    Examples
    --------
    >>> list(in_columns([("a", 1), ("b", 2)]))
    [[('a', 'b'), (1, 2)]]
    """
    columns = list(zip(*rows, strict=True))
    if columns:
        yield columns


def broadcast_columns(*columns: ArrayLike) -> list[NDArray[Any]]:
    """Return the columns of a block with one row for every entry of the shape to which they broadcast.

    Parameters
    ----------
    *columns : array_like
        Texts and numbers, on axes of their own where they go with one label only.

    Examples
    --------
    >>> services = np.array(["power", "water"])
    >>> [column.tolist() for column in broadcast_columns("rp10", services[:, np.newaxis], [0, 24])]
    [['rp10', 'rp10', 'rp10', 'rp10'], ['power', 'power', 'water', 'water'], [0, 24, 0, 24]]
    """
    arrays = [np.asarray(column, dtype=object if isinstance(column, str) else None) for column in columns]
    cells = [array.astype(_CELLS.get(array.dtype.kind, array.dtype), copy=False) for array in arrays]
    return [column.ravel() for column in np.broadcast_arrays(*cells)]


def _cell(value: Any, spell: Callable[[float], str]) -> str:
    if isinstance(value, str):
        return safe(value)
    return spell(value) if isinstance(value, float) else str(value)


def _cells(column: Column, spell: Callable[[float], str]) -> list[str]:
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        return number_cells(column, spell)
    if set(map(type, column)) != {str}:
        # One by one: among distinct values 1, 1.0 and True are the same.
        return [_cell(value, spell) for value in column]
    codes, distinct = pd.factorize(np.asarray(column, dtype=object))
    cells: list[str] = np.array([safe(text) for text in distinct], dtype=object)[codes].tolist()
    return cells


def write_cells(
    file: IO[str],
    header: Iterable[str],
    blocks: Iterable[Sequence[Column]],
    *,
    spell: Callable[[float], str] = significant,
) -> None:
    """Write a table as CSV.

    Parameters
    ----------
    file
        Open for text, without translation of line ends.
    header : iterable of str
    blocks : iterable of sequences of columns
        Rows of a block are below those of the block before it.
    spell : callable
        How numbers are written.

    Examples
    --------
    >>> import sys
    >>> write_cells(sys.stdout, ["id", "depth"], [(["a", "-b"], np.array([0.25, np.nan]))])
    id,depth
    a,0.25
    '-b,
    """
    file.write(",".join(map(safe, header)) + "\n")
    for columns in blocks:
        rows = zip(*(_cells(column, spell) for column in columns), strict=True)
        file.write("\n".join([*map(",".join, rows), ""]))
