"""Where a run may be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

from resilience.errors import CannotCreateError, Problem
from resilience.files import names_in
from resilience.ledger import LEDGER, RUN
from resilience.store import FILES, LOCK, MANIFEST, NETWORK, PARTIAL, REPORT, RESULTS

# The manifest is written last: an interrupted run has none, but a ledger, or a lock and nothing that is not of a run.
OF_A_RUN = frozenset({*FILES, LOCK, RESULTS, PARTIAL, NETWORK, LEDGER, REPORT, "logs"})


def check_run_directory(out: Path) -> None:
    """Raise unless a run may be written to `out`; create nothing.

    Parameters
    ----------
    out : pathlib.Path
        A run directory, an empty directory, or a place where a directory can be made.

    Raises
    ------
    CannotCreateError
        It holds other things, or cannot be written.
    """
    wanted = "a run directory, an empty directory, or a new one"
    try:
        if out.is_dir():
            if names_in(out) and not _holds_run(out):
                got = "a directory that holds other things and no run"
                raise CannotCreateError(Problem(str(out), wanted=wanted, got=got))
            parent = out
        else:
            parent = out.absolute()
            while not os.path.lexists(parent):
                parent = parent.parent
            if not parent.is_dir():
                got = "a file" if parent == out.absolute() else f"a place below the file {parent}"
                raise CannotCreateError(Problem(str(out), wanted=wanted, got=got))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotCreateError(Problem(str(out), wanted=wanted, got=reason)) from None
    if not os.access(parent, os.W_OK | os.X_OK):
        raise CannotCreateError(Problem(str(out), wanted="a place that can be written", got=f"{parent} cannot be"))


def _holds_run(out: Path) -> bool:
    """Return whether a run was written to `out`; other programs have files named manifest.json or *.zarr too."""
    if (out / LEDGER / RUN).exists():
        return True
    if (out / MANIFEST).exists():
        try:
            manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            return False
        return isinstance(manifest, dict) and "scenario_sha256" in manifest
    # What a call was removing when it was killed: the lock is what it had from its beginning on.
    names = {name for name in names_in(out) if not name.startswith(".")}
    return (out / LOCK).is_file() and names <= OF_A_RUN
