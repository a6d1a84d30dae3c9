"""The pages that `make docs` has written: whole, without a request, and true to what their cells printed."""

from __future__ import annotations

import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.public import public_names

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("RESILIENCE_PAGES", ROOT / "docs" / "_build" / "html"))

pytestmark = [
    pytest.mark.pages,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no pages here: make docs"),
]
# What is loaded with a page, as opposed to what a reader may follow.
LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("embed", "src"),
          ("object", "data"), ("link", "href"), ("image", "href"), ("use", "href"), ("form", "action")}  # fmt: skip
# Years, systems lost in Daejeon, norms, exit codes: what no cell computes.
OF_THE_WORLD = {"2022", "2025", "709", "738", "130"}


class Tags(HTMLParser):
    """Gathers what a page loads, where its links lead, and the names it can be linked at."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (tag, name) in LOADED and dict(attrs).get("rel") not in ("canonical", "next", "prev"):
                self.loaded.append(value)
            if value and (tag, name) == ("a", "href"):
                self.links.append(value)
            if value and name == "id":
                self.ids.add(value)


def read(path: Path) -> Tags:
    tags = Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    return tags


@pytest.fixture(scope="module")
def site() -> dict[Path, Tags]:
    return {path: read(path) for path in SITE.rglob("*.html") if "_static" not in path.parts}


def test_pages_request_nothing(site: dict[Path, Tags]) -> None:
    away = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
    asked = {(page.name, one) for page, tags in site.items() for one in tags.loaded if away.match(one)}
    styles = list(SITE.rglob("*.css"))
    asked |= {
        (style.name, one)
        for style in styles
        for one in re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^)\"']+)", style.read_text(encoding="utf-8"))
    }
    assert asked == set()
    assert len(site) > 30
    assert len(styles) > 3


def test_what_pages_load_and_link_is_there(site: dict[Path, Tags]) -> None:
    missing = []
    for page, tags in site.items():
        for one in {*tags.loaded, *tags.links}:
            target, _, anchor = unquote(one).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / target.partition("?")[0]).resolve() if target else page
            anchors = site[path].ids if path in site else {anchor}
            if not path.exists() or (anchor and anchor not in anchors):
                missing.append((page.name, one))
    assert missing == []


def test_every_public_class_and_function_has_its_place_in_the_reference(site: dict[Path, Tags]) -> None:
    told = {one for page, tags in site.items() if page.parent.name == "reference" for one in tags.ids}
    public = list(public_names())
    # A name that two packages offer is told in one of them.
    places: dict[int, set[str]] = {}
    for name, what in public:
        places.setdefault(id(what), set()).add(name)
    lost = [name for name, what in public if told.isdisjoint(places[id(what)])]
    assert lost == []
    assert len(public) > 200


TUTORIALS = sorted((ROOT / "docs").glob("tutorial-*.md"))


@pytest.mark.parametrize("source", TUTORIALS, ids=[path.stem for path in TUTORIALS])
def test_every_figure_of_the_prose_is_in_a_cell_or_in_what_it_printed(source: Path) -> None:
    """Numbers of three digits and more, and all with a point or a comma."""
    page = (SITE / f"{source.stem}.html").read_text(encoding="utf-8")
    printed = re.findall(r"<pre>.*?</pre>|<table[^>]*\bdataframe\b.*?</table>", page, flags=re.S)
    shown = html.unescape(re.sub(r"<[^>]+>", "", "\n".join(printed)))
    prose = re.sub(
        r"\A---\n.*?\n---\n|```.*?```|\]\([^)]*\)|https?:\S+", "", source.read_text(encoding="utf-8"), flags=re.S
    )
    number = r"(?<![\w.,])\d[\d.,]*\d{2,}|(?<![\w.,])\d+[.,]\d+"
    figures = set(re.findall(number, prose)) - OF_THE_WORLD
    assert {one for one in figures if not re.search(rf"(?<![\d.,]){re.escape(one)}(?![\d])", shown)} == set()


@pytest.mark.parametrize("source", TUTORIALS, ids=[path.stem for path in TUTORIALS])
def test_every_cell_of_a_tutorial_ran(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert not re.search(r"skip-execution|raises-exception|allow_errors|execution_mode", text)
    cells = re.findall(r"^```\{code-cell\}", text, flags=re.M)
    assert len(cells) >= 5
    page = (SITE / f"{source.stem}.html").read_text(encoding="utf-8")
    hidden = len(re.findall(r"remove-cell", text))
    assert len(re.findall(r'class="[^"]*\bcell_input\b', page)) == len(cells) - hidden
    assert page.count("cell_output") > 0
