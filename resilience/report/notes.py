"""The notes of a run as they are read: those that begin alike stand together."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What comes before the first ": " or ", " that stands in no brackets, and what comes after.
_BEGINNING = re.compile(r"((?:\([^)]*\)|[^(])*?)[:,] (.+)", re.DOTALL)


def group_notes(notes: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return notes in their order; of those that begin alike the beginning, and how they go on.

    Parameters
    ----------
    notes : iterable of str

    Returns
    -------
    list of (str, tuple of str)
        A note by itself goes on with nothing. What goes on alike is one line, as it was before it was broken.

    Examples
    --------
    >>> group_notes(["in use (a, b), curves: x", "no cost", "in use (a, b), time: 4 h", "in use (a, b), curves: y"])
    [('in use (a, b)', ('curves: x, y', 'time: 4 h')), ('no cost', ())]
    """
    groups: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        begun = _BEGINNING.fullmatch(note)
        groups.setdefault(begun[1] if begun else note, []).append(note)
    found: list[tuple[str, tuple[str, ...]]] = []
    for beginning, alike in groups.items():
        if len(alike) == 1:
            found.append((alike[0], ()))
            continue
        lines: dict[str, str] = {}
        for rest in (note[len(beginning) + 2 :] for note in alike if note != beginning):
            begun = _BEGINNING.fullmatch(rest)
            about = begun[1] if begun and rest[len(begun[1])] == ":" else rest
            lines[about] = f"{lines[about]}, {rest[len(about) + 2 :]}" if about in lines else rest
        found.append((beginning, tuple(lines.values())))
    return found
