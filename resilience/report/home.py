"""Bokeh without a home: it looks there for settings as it is imported, and ends where a user has none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def told_home() -> Iterator[None]:
    """Have a home be told while the block runs: the user's, or the root of the file system, where no settings are."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"
        try:
            yield
        finally:
            del os.environ["HOME"]
    else:
        yield
