"""Rows as text: work, ratio measured, goal, met or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Row, Size

MARKER = "<!-- measured: everything below is written by python -m benchmarks -->"


def number(value: float) -> str:
    """Return a ratio with three significant digits.

    >>> number(12345.6), number(0.1234)
    ('12,300', '0.123')
    """
    if value >= 1000:
        return f"{round(value, 2 - len(str(int(value))) + 1):,.0f}"
    return f"{value:.3g}"


def short_time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def verdict(row: Row, *, half: bool) -> str:
    """Return whether the goal is met."""
    if row.goal is None or row.ratio is None:
        return ""
    return "yes" if row.goal.met(row.ratio, half=half) else "NO"


def cells(row: Row, *, half: bool) -> list[str]:
    """Return the fields of a row."""
    times = " / ".join(short_time(t) for t in (row.seconds, row.peer_seconds) if t is not None)
    return [
        row.work,
        row.versus,
        "" if row.ratio is None else f"{number(row.ratio)}x",
        row.goal.text() if row.goal else "",
        verdict(row, half=half),
        times,
        row.note,
    ]


def one_line(row: Row, *, half: bool) -> str:
    """Return a row for the terminal."""
    return " | ".join(cell for cell in cells(row, half=half) if cell)


def as_markdown(rows: Sequence[Row], *, processor: str, wide: bool, size: Size) -> str:
    """Return the table."""
    kind = "with AVX-512" if wide else "without AVX-512: half of each ratio is accepted"
    lines = [
        f"Processor: {processor} ({kind}). Size: {size.name}; {size.repetitions} interleaved repetitions, medians.",
        "",
        "| work | against | ratio | goal | met | ours / theirs, per unit | note |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(cells(row, half=not wide)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def replace_table(path: Path, table: str) -> None:
    """Write the table below the marker of a Markdown file; the text above it stays."""
    before = path.read_text(encoding="utf-8").partition(MARKER)[0] if path.exists() else ""
    path.write_text(f"{before}{MARKER}\n\n{table}", encoding="utf-8")
