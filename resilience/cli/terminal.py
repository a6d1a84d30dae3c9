"""Results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence


def write(line: str) -> None:
    """Write one line of a result on standard output."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def open_closed_streams() -> None:
    """Open on nothing what the caller closed (``>&-``): the next file to be opened would take its place.

    Without the stream, Python has None there; without the descriptor, native code writes into whatever has its number.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing > number and not _is_open(number):
                os.dup2(nothing, number)
                os.close(nothing)
                nothing = number
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def unless_full() -> Iterator[None]:
    """Let what is said on standard error be lost where it cannot be written: the work and its exit code must not."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        # What waits in the stream would fail again at the end and change the exit code.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say(message: str) -> None:
    """Say something on standard error."""
    with unless_full():
        print(printable(message), file=sys.stderr)


def complain(message: str) -> None:
    """Say on standard error what is wrong; coloured on a terminal unless NO_COLOR is set."""
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(("error: ", "red"), printable(message))
    with unless_full():
        Console(file=sys.stderr, soft_wrap=True, highlight=False).print(text)


def aligned(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    r"""Yield rows as lines of aligned columns; the first row is the heading.

    Examples
    --------
    >>> print("\n".join(aligned([("service", "persons"), ("power", 1200), ("telecom", 7)])))
    service  persons
    power    1200
    telecom  7
    """
    from rich.cells import cell_len

    texts = [[printable(str(value)) for value in row] for row in rows]
    count = max((len(row) for row in texts), default=0)
    widths = [max(cell_len(row[i]) for row in texts if i < len(row)) for i in range(count)]
    for row in texts:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=False))
        yield "  ".join(cells).rstrip()


def printable(message: str) -> str:
    """Escape control characters and ends of lines: a name must neither drive the terminal nor look like a message."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in message)
