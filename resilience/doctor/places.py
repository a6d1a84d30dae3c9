"""Where runs go: room, and the state of one directory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from resilience.doctor.finding import OK, WARNING, WRONG, Finding
from resilience.errors import MissingInputError
from resilience.files import names_in
from resilience.status import read_status
from resilience.store import LOCK, lock_holder

# A result of the built-in city is about 10 MB, one of 100,000 assets 300 MB.
_LITTLE_ROOM, _NO_ROOM = 2 << 30, 50 << 20


def examine_disk(run: Path | None = None) -> list[Finding]:
    """Return the room where a run would go and where temporary files go."""
    places = {"disk": (run or Path.cwd()).absolute(), "temporary files": Path(tempfile.gettempdir())}
    return [_examine_room(subject, place) for subject, place in places.items()]


def _examine_room(subject: str, place: Path) -> Finding:
    folder = place
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{_size(free)} free in {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(subject, WRONG, f"{folder} cannot be written", f"choose another place, or chmod u+wx {folder}")
    if free < _LITTLE_ROOM:
        return Finding(subject, WRONG if free < _NO_ROOM else WARNING, found, "make room")
    return Finding(subject, OK, found)


def examine_run(run: Path) -> list[Finding]:
    """Return the state of a run directory; nothing in it is changed."""
    if not os.path.lexists(run):
        return [Finding("run", OK, f"{run} is not there yet")]
    if not run.is_dir():
        return [Finding("run", WRONG, f"{run} is no directory", "choose another place")]
    holder = lock_holder(run)
    if holder is not None:
        fix = "wait for it to end (a run that is started now exits 75), or choose another directory"
        return [Finding("run", WARNING, f"{run} is locked: {holder} is writing to it", fix)]
    try:
        found = read_status(run)
    except MissingInputError:
        if names_in(run) - {LOCK}:
            return [Finding("run", WRONG, f"{run} holds other things and no run", "choose another place")]
        return [Finding("run", OK, f"{run} is empty")]
    if found.state == "finished":
        return [Finding("run", OK, f"{run} holds a finished run")]
    held = f"{run} holds a run that did not end: {found.done:,} of {found.blocks:,} blocks"
    if found.resumable:
        return [Finding("run", WARNING, held, "call `resilience run` on it again: it goes on where it ended")]
    fix = f"`--restart`, or the code that began it (now others: {', '.join(found.changed_code)})"
    return [Finding("run", WARNING, f"{held}, and cannot go on", fix)]


def _size(number: float) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> _size(2_500_000_000), _size(3_000_000)
    ('2.5 GB', '3 MB')
    """
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
