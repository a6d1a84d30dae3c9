"""A browser without a network, and reports to open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from resilience.report import write_report
from tests.conftest import Site
from tests.report_runs import built_in, hostile

SLOW = 30_000  # ms, on a machine with much else to do


@dataclass
class Opened:
    """A report in a browser, and what went wrong there."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def drawn(self, figure: str) -> bytes:
        """Return the picture of a figure once it has been drawn."""
        self.page.wait_for_timeout(250)
        picture: bytes = self.page.locator(f"#figure-{figure}").screenshot()
        return picture

    def colours(self, figure: str) -> int:
        """Return how many colours the canvas of a figure has."""
        count: int = self.page.evaluate(
            """(id) => {
              const canvas = (function find(root) {
                for (const one of root.querySelectorAll("*")) {
                  if (one.tagName === "CANVAS" && one.width > 100) return one;
                  const inner = one.shadowRoot && find(one.shadowRoot);
                  if (inner) return inner;
                }
              })(document.getElementById(id));
              const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              return new Set(new Uint32Array(pixels.buffer)).size;
            }""",
            f"figure-{figure}",
        )
        return count


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    place = shutil.which("chromium")
    if place is None or find_spec("playwright") is None:
        told = "no Chromium (Debian: apt-get install chromium) or no playwright: make browser"
        (pytest.fail if os.environ.get("RESILIENCE_REQUIRE_BROWSER") else pytest.skip)(told)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Return what opens a report from its file: offline, every request recorded and aborted."""
    with ExitStack() as held:

        def open_report(path: Path, *, width: int = 1200, height: int = 900, scheme: str = "light") -> Opened:
            context = browser.new_context(
                offline=True, viewport={"width": width, "height": height}, color_scheme=scheme
            )
            held.callback(context.close)
            opened = Opened(context.new_page())

            def answer(route: Any) -> None:
                if route.request.url == path.as_uri():
                    route.continue_()
                else:
                    opened.requests.append(route.request.url)
                    route.abort()

            def hear(message: Any) -> None:
                if message.type in ("error", "warning"):
                    opened.complaints.append(message.text)

            context.route("**/*", answer)
            opened.page.on("console", hear)
            opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
            opened.page.on("dialog", lambda dialog: (opened.complaints.append(dialog.message), dialog.dismiss()))
            opened.page.goto(path.as_uri())
            opened.page.wait_for_selector("html[data-ready=yes]", timeout=SLOW)
            return opened

        yield open_report


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_in(tmp_path_factory.mktemp("browser") / "run")


@pytest.fixture(scope="session")
def english(run: Path) -> Path:
    return write_report(run)


@pytest.fixture(scope="session")
def korean(run: Path) -> Path:
    return write_report(run, lang="ko", out=run.parent / "ko.html")


@pytest.fixture(scope="session")
def attacked(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(hostile(site, tmp_path_factory.mktemp("attacked") / "run"))
