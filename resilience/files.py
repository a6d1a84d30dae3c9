"""Files and folders: which may be opened as an input, and which files of a folder count."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from resilience.errors import DataError, MissingInputError, Problem

MOST_COLUMNS = 10_000
_HEADING_BYTES = 64 << 20

DESKTOP_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Left by file browsers in the folders that they show: no part of what anybody keeps there."""


def files_below(folder: Path) -> list[Path]:
    """Return all files of a folder and of those in it, by name, without :data:`DESKTOP_FILES`."""
    found, seen = [], set()
    # Folders that a link leads to count: what reads a store follows links. None is gone through twice.
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [Path(place, name) for name in names if name not in DESKTOP_FILES]
    return sorted(file for file in found if file.is_file())


def names_in(folder: Path) -> set[str]:
    """Return the names of what is in a folder, without :data:`DESKTOP_FILES`."""
    return {item.name for item in folder.iterdir() if item.name not in DESKTOP_FILES or not item.is_file()}


def is_there(path: str | Path) -> bool:
    """Return whether a file or folder is there.

    Raises
    ------
    MissingInputError
        It may not be read, its name cannot be that of a file, or it is a pipe or a device, which may never end.

    Examples
    --------
    >>> is_there("no_such_file")
    False
    """
    place = Path(path)
    try:
        there = place.exists()
        if there and not (place.is_file() or place.is_dir()):
            raise MissingInputError(Problem(str(path), "a file or a folder", "a pipe, a device or a socket"))
        if there and not os.access(place, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        got = f"cannot be opened ({error.strerror or error})"
        raise MissingInputError(Problem(str(path), "a file that can be read", got)) from error
    return there


def check_columns(path: str | Path, columns: int) -> None:
    """Raise DataError if a table has more columns than anyone means: names are compared with one another.

    Examples
    --------
    >>> check_columns("wide.csv", 300_000)
    Traceback (most recent call last):
    ...
    resilience.errors.DataError: wide.csv: 300,000 columns; wanted: a table of at most 10,000 columns (a row for each \
asset, zone or need)
    """
    if columns > MOST_COLUMNS:
        wanted = f"a table of at most {MOST_COLUMNS:,} columns (a row for each asset, zone or need)"
        raise DataError(Problem(str(path), wanted, f"{columns:,} columns"))


def check_width(path: Path, separator: str = ",") -> None:
    """Raise DataError if the first line of a CSV file has too many columns, before it is taken apart.

    Parameters
    ----------
    path : pathlib.Path
        A file that can be opened; one that cannot is told by who reads it.
    separator : str
    """
    try:
        with path.open("rb") as file:
            heading = file.readline(_HEADING_BYTES).split(b"\r", 1)[0]
    except OSError:
        return
    check_columns(path, heading.count(separator.encode()) + 1)
