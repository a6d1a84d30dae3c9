"""How far a run is, in finished blocks: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol

LINE_SHARE = 0.1
LINE_SECONDS = 60.0


class Progress(Protocol):
    """What the engine calls after every finished block."""

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` blocks are finished."""


class LineProgress:
    """A line at every tenth of the way, or every minute.

    Parameters
    ----------
    say : callable
        Takes a line.
    clock : callable
        Returns seconds.

    Examples
    --------
    >>> progress = LineProgress(print, clock=lambda: 0.0)
    >>> for done in range(0, 41):
    ...     progress(done, 40) if done in (0, 1, 20, 40) else None
    0 of 40 blocks (0 %) after 0 s
    20 of 40 blocks (50 %) after 0 s
    40 of 40 blocks (100 %) after 0 s
    """

    def __init__(self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._start = clock()
        self._last: tuple[float, float] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell that `done` of `total` blocks are finished."""
        share, now = done / total if total else 1.0, self._clock()
        if self._last is not None:
            last_share, last_time = self._last
            far = share - last_share >= LINE_SHARE - 1e-9 or (done == total and share > last_share)
            if not far and now - last_time < LINE_SECONDS:
                return
        self._last = (share, now)
        self._say(f"{done:,} of {total:,} blocks ({100 * share:.0f} %) after {now - self._start:.0f} s")


@contextlib.contextmanager
def show_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Give what shows progress on standard error, as fits what standard error is; nothing where it is to be quiet."""
    if quiet:
        yield lambda done, total: None
        return
    from rich.console import Console

    from resilience.cli.terminal import say

    console = Console(file=sys.stderr)
    if not console.is_terminal or console.is_dumb_terminal:
        yield LineProgress(say)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("blocks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("blocks", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show
