"""What is installed: Python, packages, native libraries, compiled kernels."""

from __future__ import annotations

import os
import re
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

from resilience.doctor.finding import OK, WARNING, WRONG, Finding
from resilience.errors import count_of
from resilience.provenance import library_versions

DISTRIBUTION = "urban-resilience"


def examine_python() -> list[Finding]:
    """Return which Python this is."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    floor = _numbers(wanted.removeprefix(">="))
    if sys.version_info[: len(floor)] < floor:
        return [Finding("Python", WRONG, found, f"use Python {wanted}")]
    return [Finding("Python", OK, found)]


def examine_packages() -> list[Finding]:
    """Return the versions of what is needed, and what is missing or too old."""
    missing, old, there = [], [], [f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}"]
    for text in metadata.requires(DISTRIBUTION) or []:
        asked = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)$", text)
        if asked is None:  # what an extra asks for
            continue
        name, floor = asked.groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        there.append(f"{name} {version}")
        if _numbers(version) < _numbers(floor):
            old.append(f"{name} {version} (wanted {floor})")
    if missing or old:
        found = "; ".join(
            f"{what}: {', '.join(names)}" for what, names in (("missing", missing), ("too old", old)) if names
        )
        return [Finding("packages", WRONG, found, f"pip install --upgrade {DISTRIBUTION}")]
    return [Finding("packages", OK, ", ".join(there))]


def examine_native() -> list[Finding]:
    """Return the versions of the native libraries; each package carries its own."""
    versions = library_versions()
    return [
        Finding("native libraries", OK, ", ".join(f"{name} {one}" for name, one in versions.items() if "(" in name))
    ]


def examine_kernels() -> list[Finding]:
    """Return whether kernels are compiled, and where what was compiled is kept; runs a small one."""
    from resilience.kernels.compiler import CACHE_FOLDER, INTERPRETED
    from resilience.kernels.curves import interpolate_curve

    if INTERPRETED:
        return [Finding("kernels", WARNING, "interpreted (NUMBA_DISABLE_JIT): a hundred times slower",
                        "unset NUMBA_DISABLE_JIT")]  # fmt: skip
    line = np.array([0.0, 2.0])
    if interpolate_curve(1.0, 0, 2, line, line) != 1.0:
        return [Finding("kernels", WRONG, "a compiled kernel gives a wrong number", "reinstall numba and llvmlite")]
    if CACHE_FOLDER is None:
        return [
            Finding(
                "kernels", WARNING, "compiled, but no folder can be written to keep them: every call compiles anew",
                "set RESILIENCE_CACHE_DIR to a folder that this user can write",
            )
        ]  # fmt: skip
    found = f"compiled, kept in {CACHE_FOLDER} ({_kept(CACHE_FOLDER)})"
    # Type checkers see the function that is compiled, not what Numba makes of it.
    stats = interpolate_curve.stats  # type: ignore[attr-defined]
    if stats.cache_hits:
        return [Finding("kernels", OK, f"{found}; used")]
    # It has just been compiled: where that leaves nothing in the folder, the next call compiles again.
    if any(CACHE_FOLDER.rglob("*.nbi")):
        return [Finding("kernels", OK, f"{found}; compiled now, from now on used")]
    fix = "make room, or set RESILIENCE_CACHE_DIR to a folder that this user can write"
    return [Finding("kernels", WARNING, f"compiled, but nothing is kept in {CACHE_FOLDER}", fix)]


def _kept(folder: Path) -> str:
    sizes = [entry.stat().st_size for entry in folder.rglob("*") if entry.is_file()]
    told = " as RESILIENCE_CACHE_DIR says" if os.environ.get("RESILIENCE_CACHE_DIR") else ""
    return f"{count_of(len(sizes), 'file')}, {sum(sizes) / 1e6:.0f} MB{told}"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    Examples
    --------
    >>> _numbers("2026.9.0"), _numbers("1.5.0rc1")
    ((2026, 9, 0), (1, 5, 0))
    """
    leading = re.split(r"[^\d.]", version, maxsplit=1)[0]
    return tuple(int(part) for part in re.findall(r"\d+", leading))
