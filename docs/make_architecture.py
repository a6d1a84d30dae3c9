"""Write docs/pictures/house.svg and the table of rooms in docs/architecture.md: ``python docs/make_architecture.py``.

A test compares. Rooms and their order are those that import-linter holds (pyproject.toml); what a room is for is the
first line of its module.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("architecture.md")
PICTURE = Path(__file__).with_name("pictures") / "house.svg"
TITLE = "## Every room\n"
INTRODUCTION = """
Written by `python docs/make_architecture.py` from the rules of imports and the first line of each module; do not edit.
"""

# Title, first line of the explanation, second line, colour; each floor reaches from its first room to the next floor's.
FLOORS = {
    "cli": ("The door", "verbs of the command,", "what is wrong, what it takes", "#4e79a7"),
    "pipeline": ("The job", "from a scenario to a run", "on disk, and back", "#5b8c5a"),
    "result": ("What people are told", "figures with their errors,", "causes, notes", "#8c6bb1"),
    "hourly": ("The work", "samples as blocks;", "the only floor that knows Dask", "#b3622d"),
    "exposure": ("The stages", "pure functions that", "do not know one another", "#2b7a9b"),
    "datasets": ("What is asked", "shipped curves, readers,", "the scenario, the city", "#a05a7b"),
    "joint": ("Drawn and kept", "chance, curves, events;", "stores and ledgers", "#7a6a3a"),
    "hazard": ("Maps and words", "hazard maps; units, variables,", "messages", "#55707a"),
    "kernels": ("Kernels", "plain arrays in and out;", "NumPy and Numba only", "#333f48"),
}
WIDTH, LEFT, BOX, GAP, PAD = 960, 240, 26, 8, 14


class Floor(NamedTuple):
    """A floor of the house: its rooms by rows, upper rows may import lower ones."""

    first: str
    rows: list[list[str]]


def layers() -> list[list[str]]:
    """Return the rooms by layer, the uppermost first, as the rules of imports have them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (house,) = [
        one for one in project["tool"]["importlinter"]["contracts"] if one.get("containers") == ["resilience"]
    ]  # fmt: skip
    return [[room.strip() for room in layer.split("|")] for layer in house["layers"]]


def floors() -> list[Floor]:
    """Return the floors; every room is on one of them."""
    found: list[Floor] = []
    for layer in layers():
        begins = [room for room in layer if room in FLOORS]
        if begins or not found:
            found.append(Floor(begins[0], []))
        found[-1].rows.append(layer)
    missing = set(FLOORS) - {floor.first for floor in found}
    if missing:
        raise ValueError(f"rooms with which a floor begins are not in pyproject.toml: {sorted(missing)}")
    return found


def purpose(room: str) -> str:
    """Return the first line of a room's docstring."""
    module = ROOT / "resilience" / f"{room}.py"
    source = module if module.exists() else ROOT / "resilience" / room / "__init__.py"
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{source.relative_to(ROOT)} has no docstring")
    return re.sub(r":\w+:(?=`)", "", text.partition("\n")[0]).replace("``", "`")


def _lines(floor: Floor) -> list[list[str]]:
    """Return the rooms of a floor in lines that fit the width, in the order of the layers."""
    lines: list[list[str]] = [[]]
    right = WIDTH - 2 * PAD
    x = LEFT
    for room in (room for row in floor.rows for room in row):
        if x + _width(room) > right:
            lines.append([])
            x = LEFT
        lines[-1].append(room)
        x += _width(room) + GAP
    return lines


def _width(room: str) -> int:
    return round(len(room) * 7.3) + 18


def picture() -> str:
    """Return the house as SVG."""
    body: list[str] = []
    y = PAD
    for floor in floors():
        title, *told, colour = FLOORS[floor.first]
        lines = _lines(floor)
        height = max(len(lines) * (BOX + GAP) - GAP + 2 * 12, 70)
        body.append(
            f'<rect x="{PAD + 20}" y="{y}" width="{WIDTH - 2 * PAD - 20}" height="{height}" rx="8" fill="{colour}" '
            f'fill-opacity="0.12"/>'
        )
        body.append(f'<text x="{PAD + 32}" y="{y + 24}" font-weight="600" fill="{colour}">{escape(title)}</text>')
        body += [
            f'<text x="{PAD + 32}" y="{y + 42 + 15 * row}" font-size="11.5" fill="#4a5560">{escape(text)}</text>'
            for row, text in enumerate(told)
        ]
        for row, line in enumerate(lines):
            x, top = LEFT, y + 12 + row * (BOX + GAP)
            for room in line:
                width = _width(room)
                body.append(
                    f'<g><title>{escape(purpose(room))}</title><rect x="{x}" y="{top}" width="{width}" '
                    f'height="{BOX}" rx="5" fill="#fff" stroke="{colour}"/><text x="{x + width / 2:g}" y="{top + 17}" '
                    f'text-anchor="middle" font-family="ui-monospace, monospace" font-size="12" '
                    f'fill="#1f2933">{escape(room)}</text></g>'
                )
                x += width + GAP
        y += height + GAP
    end = y - GAP
    arrow = (
        f'<path d="M{PAD + 4} {PAD} V{end - 8} m-5 -8 l5 9 l5 -9" fill="none" stroke="#4a5560" stroke-width="1.5"/>'
        f'<text transform="translate({PAD - 2} {(PAD + end) // 2}) rotate(-90)" text-anchor="middle" font-size="11.5" '
        'fill="#4a5560">imports lead downwards only</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end + PAD}" width="{WIDTH}" '
        f'height="{end + PAD}" font-family="system-ui, sans-serif" font-size="14" role="img" '
        'aria-label="The rooms of the package by floor; imports lead downwards only">\n'
        f'<rect width="{WIDTH}" height="{end + PAD}" rx="10" fill="#fbfcfd"/>\n'
        + "\n".join([*body, arrow])
        + "\n</svg>\n"
    )


def rooms() -> str:
    """Return the last section of the page."""
    parts = [TITLE + INTRODUCTION]
    for floor in floors():
        rows = [f"| `{room}` | {purpose(room)} |" for row in floor.rows for room in row]
        parts.append("\n".join([f"### {FLOORS[floor.first][0]}", "", "| room | what it is for |", "|---|---|", *rows]))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def page() -> str:
    """Return the whole page, with this section written anew."""
    written = PAGE.read_text(encoding="utf-8")
    return written.partition(TITLE)[0].rstrip() + "\n\n" + rooms()


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
