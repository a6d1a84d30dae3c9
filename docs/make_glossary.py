"""Write docs/glossary.md from the code: ``python docs/make_glossary.py``. A test compares the two."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from resilience.network.tables import REQUIRED, TABLES
from resilience.variables import DIMENSIONS, GLOSSARY, VARIABLES

PAGE = Path(__file__).with_name("glossary.md")


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _shown(default: object) -> str:
    if default is REQUIRED:
        return "required"
    if isinstance(default, float) and default != default:
        return "none"
    return "empty" if default == "" else str(default)


def glossary() -> str:
    """Return the page."""
    words = _table(("word", "meaning"), ((f"**{word}**", meaning) for word, meaning in GLOSSARY.items()))
    variables = _table(
        ("variable", "dimensions", "type", "unit", "meaning"),
        (
            (f"`{one.name}`", ", ".join(one.dims), one.dtype, one.unit, one.meaning)
            for one in VARIABLES.values()
        ),
    )  # fmt: skip
    parts = [
        "# Glossary",
        "Written by `python docs/make_glossary.py`; do not edit.",
        f"## Words\n\n{words}",
        f"## Variables\n\nDimensions, always in this order: {', '.join(DIMENSIONS)}.\n\n{variables}",
    ]
    for name, columns in TABLES.items():
        rows = ((f"`{c.name}`", c.dtype, _shown(c.default), c.unit, c.meaning) for c in columns)
        parts.append(f"## Table {name}\n\n{_table(('column', 'type', 'default', 'unit', 'meaning'), rows)}")
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(glossary(), encoding="utf-8")
