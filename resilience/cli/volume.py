"""How much is said on standard error."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from resilience.cli.terminal import say

PACKAGE = "resilience"


@dataclass(frozen=True, kw_only=True)
class Voice:
    """In which form a verb answers, and how much it says on the way.

    Parameters
    ----------
    as_json, verbose, quiet : bool
    """

    as_json: bool = False
    verbose: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.verbose and self.quiet:
            raise typer.BadParameter("not both", param_hint="--verbose, --quiet")


class _Sayer(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # What Python warns of is said as a warning already.
        if getattr(record, "event", None) != "warning":
            say(record.getMessage())


@contextlib.contextmanager
def told_aloud(*, verbose: bool, quiet: bool) -> Iterator[None]:
    """Say what the package logs: its warnings, and the steps of a run where they are asked for."""
    logger, handler = logging.getLogger(PACKAGE), _Sayer(logging.WARNING if quiet else logging.NOTSET)
    before = logger.level
    logger.addHandler(handler)
    if verbose:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
