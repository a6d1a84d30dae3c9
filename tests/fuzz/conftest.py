"""The good town of the bad inputs is the one that is attacked here."""

from __future__ import annotations

from tests.bad_input.conftest import good_files, town

__all__ = ["good_files", "town"]
