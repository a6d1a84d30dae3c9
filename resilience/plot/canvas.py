"""What all plots share: axes to draw on, hatches, numbers and texts as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

HATCHES = {"flood": "", "heat": "///"}
"""A hatch tells the peril where a colour tells the sector."""

SIZE = (7.0, 4.2)  # inches


def take_axes(ax: Axes | None, *, size: tuple[float, float] = SIZE) -> Axes:
    """Return the axes to draw on: those given, else new ones in a figure of pyplot, so that a notebook shows it."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout="constrained").add_subplot()


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
