"""The command `resilience`: thin verbs over the library, and an exit code for every outcome."""

from __future__ import annotations

from resilience.cli.app import main

__all__ = ["main"]
