"""Write the table of coefficients in docs/heat.md from the code: ``python docs/make_heat.py``. A test compares them."""

from __future__ import annotations

from pathlib import Path

from resilience import heat

PAGE = Path(__file__).with_name("heat.md")
TITLE = "## Coefficients\n"
INTRODUCTION = """
Written by `python docs/make_heat.py`; do not edit. Each set is a frozen dataclass: `heat.Rail(sun_ratio=1.5)` changes
one field, and a function takes the set by keyword. *source* was read where it is said; *memory* was remembered and not
read again; *default* is a judgement. Do not present the last two as checked.
"""


def coefficient_sets() -> list[type[heat.Parameters]]:
    """Return every public coefficient set, by name."""
    public = [getattr(heat, name) for name in heat.__all__]
    return [
        one
        for one in public
        if isinstance(one, type) and issubclass(one, heat.Parameters) and one is not heat.Parameters
    ]


def coefficients() -> str:
    """Return the last section of the page."""
    parts = [TITLE + INTRODUCTION]
    for kind in coefficient_sets():
        title = (kind.__doc__ or "").partition("\n")[0]
        lines = [
            f"### `{kind.__name__}`",
            "",
            title,
            "",
            "| field | default | unit | meaning | basis | source |",
            "|---|---|---|---|---|---|",
        ]
        lines += [f"| `{name}` | {' | '.join(rest)} |" for name, *rest in heat.parameter_rows(kind)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def page() -> str:
    """Return the whole page, with this section written anew."""
    written = PAGE.read_text(encoding="utf-8")
    return written.partition(TITLE)[0].rstrip() + "\n\n" + coefficients()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
