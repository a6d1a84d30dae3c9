"""One file per format: the only openers of foreign files."""

from resilience.readers.hazards import open_hazard

__all__ = ["open_hazard"]
