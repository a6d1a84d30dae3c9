"""What may be opened as an input: files and folders that are there and may be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from resilience.errors import MissingInputError, Problem


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
