"""Files that are there as a whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resilience.errors import Problem, StorageError

TEMPORARY = ".writing-"


@contextmanager
def told_as_storage_error(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into one that names the place."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            Problem(str(error.filename or path), wanted="a place that can be written", got=error.strerror or str(error))
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name stands for all of `content` or for what it stood for before.

    Parameters
    ----------
    path : pathlib.Path
        Its folder is made.
    content : bytes

    Raises
    ------
    OSError
        Nothing has changed.

    Notes
    -----
    The content is on the disk before the name is, and the name before this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _keep_names(path.parent)


def _keep_names(folder: Path) -> None:
    """Have the names in a folder on the disk; where a folder cannot be opened, the system sees to it itself."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed had begun to write in a folder."""
    for left in folder.glob(f"{TEMPORARY}*"):
        left.unlink(missing_ok=True)
