"""What all plots share: axes to draw on, and colours that keep their meaning from plot to plot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# After Okabe and Ito (2008), told apart by people of every colour vision; the yellow, pale on white, and further ones
# are Tol's (2021).
COLOURS = {
    "power": "#E69F00",
    "water": "#0072B2",
    "telecom": "#56B4E9",
    "data": "#CC79A7",
    "transport": "#777777",
    "medical": "#D55E00",
    "care": "#882255",
    "safety": "#009E73",
}
_FURTHER = ("#332288", "#44AA99", "#999933", "#661100")
HATCHES = {"flood": "", "heat": "///"}
"""A hatch tells the peril where a colour tells the sector."""

SIZE = (7.0, 4.2)  # inches


def take_axes(ax: Axes | None, *, size: tuple[float, float] = SIZE) -> Axes:
    """Return the axes to draw on: those given, else new ones in a figure of pyplot, so that a notebook shows it."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout="constrained").add_subplot()


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each service or sector: always the same for known ones, one after the other for others.

    Examples
    --------
    >>> colours_of(["metro", "power"])
    {'metro': '#332288', 'power': '#E69F00'}
    """
    found: dict[str, str] = {}
    others = 0
    for name in names:
        found[name] = COLOURS.get(name) or _FURTHER[others % len(_FURTHER)]
        others += name not in COLOURS
    return found


def write_in_full(axis: Axis) -> None:
    """Have the numbers of an axis written in full, thousands set apart."""
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def plain(text: str) -> str:
    r"""Return a text that Matplotlib shows as it is, between dollar signs and after an underscore too.

    Examples
    --------
    >>> plain("a$b$"), plain("_power")
    ('a\\$b\\$', ' _power')
    """
    # What is between dollar signs would be mathematics; a label that begins with an underscore is in no legend.
    shown = text.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
