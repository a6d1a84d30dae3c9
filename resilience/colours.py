"""The colours of services and sectors: the same in every plot and report, told apart by people of every vision."""

from __future__ import annotations

from collections.abc import Iterable

# After Okabe and Ito (2008); their black and yellow, which are lost on dark and on white paper, are grey and brown.
COLOURS = {
    "power": "#E69F00",
    "water": "#0072B2",
    "telecom": "#56B4E9",
    "data": "#CC79A7",
    "transport": "#6B6B6B",
    "medical": "#D55E00",
    "care": "#A65628",
    "safety": "#009E73",
}
FURTHER = ("#9000F0", "#C0A860", "#9060F0", "#C000A8")
"""For what has other names: far from those above, and from one another, in every vision."""


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each service or sector: always the same for known ones, one after the other for others.

    Examples
    --------
    >>> colours_of(["metro", "power"])
    {'metro': '#9000F0', 'power': '#E69F00'}
    """
    found: dict[str, str] = {}
    others = 0
    for name in names:
        found[name] = COLOURS.get(name) or FURTHER[others % len(FURTHER)]
        others += name not in COLOURS
    return found
