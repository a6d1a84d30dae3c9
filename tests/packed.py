"""The package as it is given away: built from the files under version control, in a folder of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def tracked() -> list[Path]:
    """Return the files under version control; outside a checkout there is nothing to compare."""
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.split("\0") if name and os.path.lexists(ROOT / name)]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Return what `command` wrote, in an environment that knows nothing of this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "NUMBA_"))}
    call = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert call.returncode == 0, f"{command}\n{call.stdout[-4000:]}\n{call.stderr[-4000:]}"
    return call.stdout


def build(folder: Path) -> tuple[Path, Path]:
    """Return a source distribution of the tracked files, and the wheel that is built from it; built once a session."""
    try:
        if int(version("setuptools").split(".")[0]) < 77 or not version("build"):
            pytest.skip("setuptools is older than 77")
    except PackageNotFoundError as absent:
        pytest.skip(f"{absent.name} is not installed")
    folder.mkdir(exist_ok=True)
    out = folder / "dist"
    # Several workers of one session share the folder.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.is_dir():
            # A copy: a build leaves folders behind, and an old one revives deleted modules.
            for path in tracked():
                copy = folder / "source" / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                if path.is_symlink():
                    copy.symlink_to(path.readlink())
                else:
                    copy.write_bytes(path.read_bytes())
            run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, folder / "source", cwd=folder)
    (source,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return source, wheel
