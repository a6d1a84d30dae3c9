"""The one decorator of all kernels, and the cache that follows their imports.

Numba's own cache is keyed by the file of the decorated function only: a kernel that calls another file's kernel
keeps its old result after that file changes. Here the cache lives in a folder named by a hash of *all* kernel
sources and of the Numba and NumPy versions, so any edit starts a fresh one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import config

P = ParamSpec("P")
R = TypeVar("R")

INTERPRETED: bool = bool(config.DISABLE_JIT)


def source_digest(folder: Path) -> str:
    """Return a hash of every kernel source in `folder` and of the compiler's version."""
    digest = hashlib.blake2b(f"numba {numba.__version__} numpy {np.__version__}".encode(), digest_size=12)
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _candidates() -> list[Path]:
    """Places for the cache, best first: as told, the user's cache, a private temporary folder."""
    places = []
    if os.environ.get("RESILIENCE_CACHE_DIR"):
        places.append(Path(os.environ["RESILIENCE_CACHE_DIR"]))
    if os.environ.get("XDG_CACHE_HOME"):
        places.append(Path(os.environ["XDG_CACHE_HOME"]) / "urban-resilience")
    home = os.environ.get("HOME")
    if home and Path(home).is_absolute():
        places.append(Path(home) / ".cache" / "urban-resilience")
    with contextlib.suppress(OSError):  # no folder at all can be written
        temporary = Path(tempfile.gettempdir())
        places.append(temporary / f"urban-resilience-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
    return places


def _cache_folder() -> Path | None:
    """Return the first folder that can be written, or None: then nothing is cached."""
    name = source_digest(Path(__file__).parent)
    for place in _candidates():
        folder = place / "kernels" / name
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            # A folder in a shared temporary directory that somebody else made could carry somebody else's code.
            shared = place.parent == Path(tempfile.gettempdir())
            owned = (place, folder) if shared else (folder,)
            if hasattr(os, "getuid") and any(part.stat().st_uid != os.getuid() for part in owned):
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


CACHE_FOLDER: Path | None = None if INTERPRETED else _cache_folder()


def _compile(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    if INTERPRETED:
        return function
    dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
    if CACHE_FOLDER is not None:
        before = config.CACHE_DIR
        config.CACHE_DIR = str(CACHE_FOLDER)
        try:
            # Numba cannot keep what lies in a folder whose name the locale cannot spell: it is compiled each time.
            with contextlib.suppress(UnicodeEncodeError):
                dispatcher.enable_caching()
        finally:
            config.CACHE_DIR = before
    return cast("Callable[..., Any]", dispatcher)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function`: serial, without the interpreter lock, cached on disk, its signature kept for type checkers.

    With ``NUMBA_DISABLE_JIT=1`` the function stays as it is.
    """
    return cast("Callable[P, R]", _compile(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` into each of its callers; for the innermost row operations."""
    return cast("Callable[P, R]", _compile(function, inline="always"))
