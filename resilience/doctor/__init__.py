"""Whether a machine and an environment can do the work: each thing looked at, what was found, and the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resilience.doctor.finding import OK, STATES, WARNING, WRONG, Finding
from resilience.doctor.geospatial import examine_coordinates, examine_drivers, examine_variables
from resilience.doctor.installed import examine_kernels, examine_native, examine_packages, examine_python
from resilience.doctor.machine import examine_clock, examine_locale, examine_memory, examine_processors
from resilience.doctor.places import examine_disk, examine_run

__all__ = ["OK", "STATES", "WARNING", "WRONG", "Finding", "examine"]


def examine(run: Path | None = None) -> list[Finding]:
    """Return what was found, in the order in which one would look.

    Parameters
    ----------
    run : pathlib.Path, optional
        A run directory, there or to be made; by default the current folder is looked at as the place of runs.

    Notes
    -----
    A look that fails for a reason that nobody foresaw is a finding itself: the others go on.

    Examples
    --------
    >>> [one.subject for one in examine() if one.state == WRONG]
    []
    """
    looks: list[Callable[[], list[Finding]]] = [
        examine_python, examine_packages, examine_variables, examine_native, examine_coordinates, examine_drivers,
        examine_kernels, examine_processors, examine_memory, lambda: examine_disk(run), examine_clock, examine_locale,
    ]  # fmt: skip
    if run is not None:
        looks.append(lambda: examine_run(run))
    findings: list[Finding] = []
    for look in looks:
        try:
            findings += look()
        except Exception as error:
            name = getattr(look, "__name__", "look").removeprefix("examine_")
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            findings.append(Finding(name, WRONG, what, "repair or reinstall what the message names"))
    return findings
