"""Which files a scenario may name: those below its own folder, and those below folders that who runs it allows.

A scenario is passed from hand to hand. What it names is read, and pieces of it are told in messages: so a scenario from
elsewhere must not lead to other files of this machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

# Every login sets these; they are nobody's word that files below them may be read.
_OF_THE_LOGIN = frozenset({"HOME", "PWD", "OLDPWD", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"})
_LEADING_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Folders:
    """Folders below which a scenario's files may be.

    Parameters
    ----------
    base : pathlib.Path
        Folder of the scenario.
    outside : iterable of path
        Further folders that are allowed.

    Examples
    --------
    >>> folders = Folders(Path("/town"), ["/data"])
    >>> folders.leaves(Path("/town/maps/a.tif")), folders.leaves(Path("/data/a.tif"))
    (None, None)
    >>> str(folders.leaves(Path("/town/../etc/passwd")))
    '/etc/passwd'
    """

    def __init__(self, base: Path, outside: Iterable[str | Path] = ()) -> None:
        self.base = base
        self.roots = tuple(os.path.realpath(root) for root in (base, *outside))

    def leaves(self, path: Path) -> Path | None:
        """Return where a path leads if that is in none of the folders, else None."""
        real = os.path.realpath(path)
        return None if any(os.path.commonpath((root, real)) == root for root in self.roots) else Path(real)

    def told(self, path: Path, real: Path) -> tuple[str, str]:
        """Return what a message says is wanted and found where a path leads to `real`."""
        got = str(path) if path == real else f"{path}, which is {real}"
        return f"a file below {self.base}, or --allow-outside {real.parent} (allow_outside= in Python)", got


def granted(texts: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Return the folders that a ``${NAME}`` at the beginning of a path allows: who sets the variable names the folder.

    Examples
    --------
    >>> granted(["${CITY_DATA}/a.tif", "${HOME}/a.tif"], {"CITY_DATA": "/data", "HOME": "/home/kim"})
    ['/data']
    """
    names = {match[1] for text in texts if (match := _LEADING_VARIABLE.match(text))} - _OF_THE_LOGIN
    return [environment[name] for name in sorted(names) if Path(environment.get(name, "")).is_absolute()]


def named_in(changes: Iterable[str], base: Path) -> list[Path]:
    """Return the folders of paths that were given with the call: who runs it named them.

    Examples
    --------
    >>> named_in(["hazards.0.files=/data/d_{rp}.tif"], Path("/town"))
    [PosixPath('/data')]
    """
    return [(base / change.partition("=")[2].strip(" '\"").partition("{")[0]).parent for change in changes]
