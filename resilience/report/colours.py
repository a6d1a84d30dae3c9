"""The colours of a report beside those of services: hatches tell heat from flood, loss is purple."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from resilience.colours import colours_of
from resilience.report.reasons import OTHERS, UNTRACED

PATTERNS = (("solid", "solid"), ("dashed", "dashed"), ("double", "dotdash"), ("dotted", "dotted"))
LOSS, LOSS_EDGE, LOSS_LINE, OTHER_LINE = "#7b2d8b", "#5b1a6b", "#9b59b6", "#b8860b"

HATCH = "repeating-linear-gradient(45deg, transparent 0 4px, #ffffffe0 4px 6px)"
"""Of heat, where the colour tells the sector."""

CAUSES = {
    # Grey is that of data to those who see no green.
    OTHERS: "repeating-linear-gradient(0deg, #8a9099 0 2px, transparent 2px 4px)",
    UNTRACED: "#c9ccd2", "hazard": "#3d5a80", "supply": "#0f8b8d", "lost_road": "#b8860b",
    "lost_facility": "#7b3f98", "other_facility": "#9aa0a8",
}  # fmt: skip


def part_colours(names: Iterable[str]) -> dict[str, str]:
    """Return the background of every part of a bar, as style sheets call it.

    Parameters
    ----------
    names : iterable of str
        Roots have the colour of their sector, needs that of the service, other causes one of their own.

    Examples
    --------
    >>> told = part_colours(["power/flood", "power/heat", "supply", "need:power"])
    >>> told["power/flood"], told["need:power"], told["power/heat"].rpartition(", ")[2]
    ('#E69F00', '#E69F00', '#E69F00')
    """
    others = [name for name in dict.fromkeys(names) if name not in CAUSES]
    subjects = {
        name: name.removeprefix("need:") if name.startswith("need:") else name.rpartition("/")[0] for name in others
    }
    colours = colours_of(dict.fromkeys(subjects.values()))
    used: Counter[str] = Counter()
    lines = {}
    for subject, colour in colours.items():
        # Sectors of one colour differ in the distance of lines.
        lines[subject] = _lines(used[colour]) if used[colour] else ""
        used[colour] += 1
    return CAUSES | {
        name: ", ".join(filter(None, (HATCH if name.endswith("/heat") else "", lines[subject], colours[subject])))
        for name, subject in subjects.items()
    }


def _lines(number: int) -> str:
    return f"repeating-linear-gradient(90deg, transparent 0 {1 + 2 * number}px, #000000a0 0 {2 + 2 * number}px)"


def line_styles(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return colour and pattern, as style sheets and as Bokeh call it, of the line of each service.

    Examples
    --------
    >>> line_styles(["power", "a", "b", "c", "d", "e"])[::5]
    [('#E69F00', 'solid', 'solid'), ('#9000F0', 'dashed', 'dashed')]
    """
    used: Counter[str] = Counter()
    found = []
    for colour in colours_of(names).values():
        # Lines of one colour differ in pattern.
        found.append((colour, *PATTERNS[used[colour] % len(PATTERNS)]))
        used[colour] += 1
    return found
