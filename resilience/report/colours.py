"""The colours of a report, each with a meaning: water is blue, heat orange to red, loss purple."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from resilience.report.reasons import OTHERS, UNTRACED

# Okabe and Ito, told apart by people who see few colours; the pattern of a line tells it apart without any.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7b4fa3", "#767676")
DASHES = ("solid", "dashed", "dotdash", "dotted")
LOSS, LOSS_EDGE, LOSS_LINE, OTHER_LINE = "#7b2d8b", "#5b1a6b", "#9b59b6", "#b8860b"

FLOOD = ("#08519c", "#3182bd", "#6baed6", "#2b8cbe", "#9ecae1", "#4a6fa5")
HEAT = ("#b33a00", "#e6550d", "#fd8d3c", "#cc4c02", "#fdae6b", "#8c2d04")
NEEDS = ("#7b3f98", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#a877c0", "#5d6d7e", "#c9a6d3")
CAUSES = {
    OTHERS: "#9aa0a8", UNTRACED: "#c9ccd2", "hazard": "#3d5a80", "supply": "#0f8b8d", "lost_road": "#b8860b",
    "lost_facility": "#7b3f98", "other_facility": "#9aa0a8",
}  # fmt: skip


def part_colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for every part of a bar: by its peril, or by what kind of cause it is.

    Examples
    --------
    >>> part_colours(["power/flood", "power/heat", "supply"])["power/heat"]
    '#b33a00'
    """
    colours = dict(CAUSES)
    rules: tuple[tuple[Callable[[str], bool], tuple[str, ...]], ...] = (
        (lambda name: name.endswith("/flood"), FLOOD),
        (lambda name: name.endswith("/heat"), HEAT),
        (lambda name: True, NEEDS),
    )
    known = list(dict.fromkeys(names))
    for rule, shades in rules:
        own = [name for name in known if name not in colours and rule(name)]
        colours |= {name: shades[i % len(shades)] for i, name in enumerate(own)}
    return colours


def line_styles(n: int) -> list[tuple[str, str]]:
    """Return colour and pattern, as style sheets call it, of each of some lines."""
    patterns = dict(zip(DASHES, ("solid", "dashed", "double", "dotted"), strict=True))
    return [(LINES[i % len(LINES)], patterns[dash_of(i)]) for i in range(n)]


def dash_of(i: int) -> str:
    """Return the pattern of a line by its number: lines of one colour differ in it."""
    return DASHES[i // len(LINES) % len(DASHES)]
