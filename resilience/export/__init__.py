"""A finished run in the formats of other programs."""

from __future__ import annotations

from resilience.export.run import FORMATS, Exported, export_run
from resilience.export.source import About

__all__ = ["FORMATS", "About", "Exported", "export_run"]
