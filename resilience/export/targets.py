"""Where an export goes: a file or a folder that is there as a whole or not at all, and never in the place of a run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from pyogrio.errors import DataSourceError, FeatureError
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from resilience.disk import TEMPORARY, keep_names, keep_on_disk, remove, told_as_storage_error
from resilience.errors import CannotCreateError, Problem, StorageError
from resilience.files import names_in

LISTING = "export.json"
"""In a folder that was exported: what it is and what files it has. A folder without one is nobody's to replace."""


def check_target(target: Path, run: Path, *, folder: bool, overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Raise CannotCreateError unless `target` may be written.

    Parameters
    ----------
    target : pathlib.Path
    run : pathlib.Path
        The run directory, of which nothing may be replaced.
    folder : bool
        Whether a folder is written.
    overwrite : bool
        Whether an earlier export may be replaced.
    inputs : iterable of path
        What the run read, of which nothing may be replaced either.
    """
    real, kept = (Path(os.path.realpath(path)) for path in (target, run))
    if real == kept or kept in real.parents or real in kept.parents:
        wanted = "a place apart from the run directory"
        raise CannotCreateError(Problem(str(target), wanted=wanted, got="a part of it, or what it is in"))
    if not target.parent.is_dir():
        raise CannotCreateError(Problem(str(target), wanted="a place in a folder that is there", got="no such folder"))
    if not os.path.lexists(target):
        return
    if any(real in (path, *path.parents) for path in (Path(os.path.realpath(one)) for one in inputs)):
        raise CannotCreateError(Problem(str(target), wanted="a place apart from the inputs of the run", got="an input"))
    if not overwrite:
        raise CannotCreateError(Problem(str(target), wanted="a new name, or --overwrite", got="something is there"))
    is_folder = target.is_dir() and not target.is_symlink()
    is_file = target.is_file() and not target.is_symlink()
    if not (is_folder and _is_export(target) if folder else is_file):
        wanted = f"a {'folder that was exported' if folder else 'file'}; anything else is not replaced"
        raise CannotCreateError(
            Problem(str(target), wanted=wanted, got="another folder" if is_folder else "something else")
        )


def _is_export(folder: Path) -> bool:
    """Return whether a folder has what its listing tells and nothing more."""
    try:
        told = set(json.loads((folder / LISTING).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return names_in(folder) <= {*told, LISTING}


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a place to write to, which gets the name of the target when all is written.

    Parameters
    ----------
    target : pathlib.Path
        Replaced, if it is there; checked by :func:`check_target`.

    Raises
    ------
    StorageError
        It cannot be written; what was there still is.
    """
    temporary, former = (target.with_name(f"{TEMPORARY}{os.getpid()}-{what}-{target.name}") for what in ("new", "old"))
    try:
        with told_as_storage_error(target):
            yield temporary
            keep_on_disk([temporary])
            if target.is_dir():
                target.replace(former)
            temporary.replace(target)
            keep_names(target.parent)
            remove(former)
    except (DataSourceError, FeatureError, RasterioError, CPLE_BaseError) as error:
        raise StorageError(Problem(str(target), wanted="a place that can be written", got=str(error))) from error
    finally:
        if former.exists() and not os.path.lexists(target):
            former.replace(target)
        with suppress(OSError):
            remove(temporary)


def file_names(names: Iterable[str]) -> list[str]:
    """Return a name for a file for each of the names, safe on every system, each once.

    Examples
    --------
    >>> file_names(["flood:rp100", "../x", "a b", "a/b", ""])
    ['flood-rp100', 'x', 'a-b', 'a-b-2', '5']
    """
    found: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        plain = re.sub(r"[^\w.]+", "-", name).strip("-.")[:80] or str(number)
        again = (plain if n == 1 else f"{plain}-{n}" for n in count(1))
        unique = next(one for one in again if one.casefold() not in found)
        found[unique.casefold()] = unique
    return list(found.values())
