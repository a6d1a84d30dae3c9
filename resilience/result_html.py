"""A result as a notebook shows it: the figures people read first, no scripts, on light and on dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from resilience.errors import count_of

# Inherited colours and half-transparent greys: the notebook's theme decides.
_CELL = "padding:0.15em 0.8em;border-bottom:1px solid rgba(128,128,128,0.3)"
_MARK = "border:1px solid currentColor;border-radius:0.2em;padding:0 0.4em;margin-left:0.6em;font-weight:bold"
_MOST_ROWS = 24


def result_html(
    title: str, table: Sequence[Sequence[str]], notes: Sequence[str], *, synthetic: bool, told: Sequence[str]
) -> str:
    """Return a result as HTML; all that it is given is text, and is shown as such.

    Parameters
    ----------
    title : str
    table : sequence of rows
        Header first; the first column is of labels, the others of figures.
    notes : sequence of str
        Folded away.
    synthetic : bool
        Whether the city is made up.
    told : sequence of str
        What the figures rest on, in a line beneath.

    Examples
    --------
    >>> page = result_html("<town>", [["service", "people"], ["power", "12"]], [], synthetic=True, told=["512 samples"])
    >>> "&lt;town&gt;" in page, "SYNTHETIC" in page
    (True, True)
    """
    mark = f'<span style="{_MARK}">SYNTHETIC</span>' if synthetic else ""
    header, *rows = table
    more = len(rows) - _MOST_ROWS
    head = _row("th", header)
    body = "".join(_row("td", row) for row in rows[:_MOST_ROWS])
    rest = f"<div>... and {more:,} more rows</div>" if more > 0 else ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    folded = f"<details><summary>{count_of(len(notes), 'note')}</summary><ul>{items}</ul></details>" if notes else ""
    return (
        f'<div><div style="font-size:1.1em"><strong>{escape(title)}</strong>{mark}</div>'
        f'<table style="border-collapse:collapse;margin:0.4em 0"><thead>{head}</thead><tbody>{body}</tbody></table>'
        f"{rest}<div>{escape(', '.join(told))}</div>{folded}</div>"
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    aligned = ["left", *(["right"] * (len(cells) - 1))]
    return "<tr>" + "".join(
        f'<{tag} style="{_CELL};text-align:{side}">{escape(cell)}</{tag}>'
        for cell, side in zip(cells, aligned, strict=True)
    ) + "</tr>"  # fmt: skip
