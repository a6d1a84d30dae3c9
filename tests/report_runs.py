"""Runs that reports are written of, and what stands on a page."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.conftest import Site

HOSTILE = "</script><script>alert(1)</script>"
QUOTES = "a\"b'c\\d<img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}"


def built_in(out: Path, *, seed: int = 1, **more: Any) -> Path:
    """Run a small built-in city over time and keep it."""
    data = {
        "schema_version": 1, "name": "built-in-town", "seed": seed, "network": {"synthetic": {"size": 600}},
        "monte_carlo": {"samples": 512}, "time": {}, "importance": {"top": 1}, **more,
    }  # fmt: skip
    assess(Scenario.from_dict(data), out=out)
    return out


def hostile(site: Site, out: Path, **more: Any) -> Path:
    """Run a city whose names are attacks; it has neither rates nor a time grid."""
    assess(
        site.scenario(
            assets=[
                {"id": HOSTILE, "kind": QUOTES, "sector": QUOTES}, {"id": QUOTES, "kind": HOSTILE, "sector": QUOTES},
                {"id": "line", "sector": QUOTES, "kind": "cable", "from_asset": QUOTES, "to_asset": HOSTILE},
            ],
            hazards=[{"values": [[0.5, 0.5, 0.0]], "events": [HOSTILE]}],
            zones=[{"id": f"zone {QUOTES}"}],
            needs=[(f"zone {QUOTES}", "power", [HOSTILE], 1)],
            name="town",
            **more,
        ),
        out=out,
    )  # fmt: skip
    return out


def table(run: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a table of a run."""
    with (run / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Page(HTMLParser):
    """A page as its elements and texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.texts.append(data)
        if self.rows and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        """All that a reader reads."""
        return " ".join(" ".join(self.texts).split())

    @property
    def ids(self) -> set[str]:
        """Ids of elements."""
        return {str(attributes["id"]) for _, attributes in self.elements if attributes.get("id")}
