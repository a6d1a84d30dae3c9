"""The colours of a report beside those of services: water is blue, heat orange to red, loss purple."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from resilience.colours import colours_of
from resilience.report.reasons import OTHERS, UNTRACED

PATTERNS = (("solid", "solid"), ("dashed", "dashed"), ("double", "dotdash"), ("dotted", "dotted"))
LOSS, LOSS_EDGE, LOSS_LINE, OTHER_LINE = "#7b2d8b", "#5b1a6b", "#9b59b6", "#b8860b"

FLOOD = ("#08519c", "#3182bd", "#6baed6", "#2b8cbe", "#9ecae1", "#4a6fa5")
HEAT = ("#b33a00", "#e6550d", "#fd8d3c", "#cc4c02", "#fdae6b", "#8c2d04")
CAUSES = {
    OTHERS: "#9aa0a8", UNTRACED: "#c9ccd2", "hazard": "#3d5a80", "supply": "#0f8b8d", "lost_road": "#b8860b",
    "lost_facility": "#7b3f98", "other_facility": "#9aa0a8",
}  # fmt: skip


def part_colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for every part of a bar: by its peril, by what kind of cause it is, or of the service needed.

    Examples
    --------
    >>> part_colours(["power/flood", "power/heat", "supply", "need:power"])["power/heat"]
    '#b33a00'
    """
    colours, known = dict(CAUSES), list(dict.fromkeys(names))
    for peril, shades in (("flood", FLOOD), ("heat", HEAT)):
        own = [name for name in known if name.endswith(f"/{peril}")]
        colours |= {name: shades[i % len(shades)] for i, name in enumerate(own)}
    services = {name: name.removeprefix("need:") for name in known if name not in colours}
    of_services = colours_of(services.values())
    return colours | {name: of_services[service] for name, service in services.items()}


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
