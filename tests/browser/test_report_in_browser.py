"""A report in a browser: nothing is asked for, everything is drawn, it can be used by everybody and everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Opened
from tests.report_runs import HOSTILE, QUOTES

pytestmark = pytest.mark.browser

Look = Callable[..., Opened]


def test_it_asks_for_nothing_and_draws_everything(look: Look, english: Path) -> None:
    opened = look(english)
    for figure in ("map", "recovery", "exceedance"):
        assert opened.drawn(figure)
        assert opened.colours(figure) > 5, figure
    assert (opened.requests, opened.complaints) == ([], [])


def test_the_policy_of_the_page_forbids_what_a_script_might_ask_for(look: Look, english: Path) -> None:
    opened = look(english)
    blocked = opened.page.evaluate(
        """async () => {
          const found = [];
          document.addEventListener("securitypolicyviolation", (one) => found.push(one.effectiveDirective));
          await fetch("https://example.org/").catch(() => null);
          const image = new Image();
          await new Promise((done) => { image.onerror = done; image.src = "https://example.org/a.png"; });
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          await new Promise((done) => { setTimeout(done); });
          if (window.ran) found.push("a script of another ran");
          return found;
        }"""
    )
    assert set(blocked) == {"connect-src", "img-src", "script-src-elem"}
    assert opened.requests == []


def test_sliders_and_choices_change_what_is_drawn(look: Look, english: Path) -> None:
    page = (opened := look(english)).page
    drawn = opened.drawn("map")
    page.locator("#map-event").fill("0")
    assert opened.drawn("map") != drawn
    page.locator("#map-event").press("End")
    heat = opened.drawn("map")
    assert "heatwave" in page.locator("#map-event-told").inner_text()
    assert page.locator(".legend [data-peril=heat]").is_visible()
    assert page.locator(".legend [data-peril=flood]").is_hidden()
    page.locator("[data-layer=hazard]").uncheck()
    assert opened.drawn("map") != heat
    for name, changed in (("map-service", "transport"), ("map-measure", "times hours without it"),
                          ("map-sector", "power")):  # fmt: skip
        before = opened.drawn("map")
        page.locator(f"#{name}").select_option(label=changed)
        assert opened.drawn("map") != before, name
    before = opened.drawn("map")
    page.get_by_role("button", name="Zoom in").click()
    assert opened.drawn("map") != before
    page.get_by_role("button", name="whole city").click()
    assert opened.drawn("map") == before

    drawn, moment = opened.drawn("recovery"), page.locator("#recovery-table td").first.inner_text()
    page.locator("#recovery-moment").press("End")
    assert opened.drawn("recovery") != drawn
    assert (moment, page.locator("#recovery-table td").first.inner_text()) != ("0", "0")
    drawn = opened.drawn("recovery")
    page.locator("#recovery-service").select_option(label="telecom")
    assert opened.drawn("recovery") != drawn
    drawn = opened.drawn("exceedance")
    page.locator("#exceedance-quantity").select_option(index=3)
    assert opened.drawn("exceedance") != drawn
    page.locator("#critical-service").select_option(index=1)
    assert page.locator(".critical:visible").count() == 1
    # The service is named once: by the control.
    assert page.locator(".critical:visible caption").bounding_box()["width"] <= 1
    page.locator("#after-asset").select_option(index=2)
    assert page.locator(".after:visible").count() == 1
    assert opened.complaints == []


def test_pointing_at_a_thing_tells_what_it_is(look: Look, attacked: Path) -> None:
    opened = look(attacked)
    opened.page.locator("#figure-map").scroll_into_view_if_needed()
    frame = opened.page.locator("#figure-map").bounding_box()
    assert frame is not None
    told = ""
    for across in range(4, 97, 3):
        opened.page.mouse.move(frame["x"] + frame["width"] * across / 100, frame["y"] + frame["height"] / 2)
        opened.page.wait_for_timeout(40)
        told += opened.page.evaluate(
            """() => (function all(root) {
              return [...root.querySelectorAll("*")].filter((one) => one.shadowRoot)
                .map((one) => one.shadowRoot.textContent + all(one.shadowRoot)).join(" ");
            })(document)"""
        )
    # The names are shown as they are.
    assert HOSTILE in told or QUOTES in told
    assert (opened.requests, opened.complaints) == ([], [])


def test_names_that_attack_do_nothing(look: Look, attacked: Path) -> None:
    opened = look(attacked)
    assert HOSTILE in opened.page.locator("main").inner_text()
    assert opened.page.locator("script").count() == 3
    assert opened.page.locator("img").count() == 0
    assert (opened.requests, opened.complaints) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_everybody_can_use_it(look: Look, english: Path, korean: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for report in (english, korean):
        opened = look(report, width=width, height=844, scheme=scheme)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        opened.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = Axe().run(opened.page).response
        assert len(found["passes"]) > 20
        serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious] == []
        assert opened.complaints == []


def test_it_is_dark_where_the_reader_likes_it_dark_and_white_on_paper(look: Look, english: Path) -> None:
    opened = look(english, scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert opened.page.evaluate(paper) == "rgb(21, 23, 27)"
    dark = opened.drawn("recovery")
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate(paper) == "rgb(255, 255, 255)"
    assert opened.drawn("recovery") != dark
    assert opened.page.locator(".controls:visible").count() == 0
    # What was chosen is still told.
    assert "flood:rp500" in opened.page.locator("#map-shown").inner_text()
    assert opened.page.locator(".critical:visible caption").bounding_box()["width"] > 20
    assert "flood:rp500" in opened.page.locator("#recovery-shown").inner_text()
    assert len(opened.page.pdf(format="A4")) > 10_000


def test_korean_letters_are_letters(look: Look, korean: Path) -> None:
    opened = look(korean)
    assert opened.page.evaluate("document.documentElement.lang") == "ko"
    widths = opened.page.evaluate(
        """() => ["얼마나", "\\ue000\\ue001\\ue002"].map((text) => {
          const context = document.createElement("canvas").getContext("2d");
          context.font = getComputedStyle(document.body).font;
          context.fillText(text, 0, 20);
          return [context.measureText(text).width, [...context.getImageData(0, 0, 80, 30).data].join("")];
        })"""
    )
    # Letters that no font has are all drawn as the same box.
    assert widths[0][1] != widths[1][1]
    assert 30 < widths[0][0] < 70
    assert "전력" in opened.page.locator("main").inner_text()


def test_without_scripts_the_tables_are_there(browser: Any, english: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(english.as_uri())
    assert page.locator(".losses").is_visible()
    assert page.locator(".critical").first.is_visible()
    assert page.locator("noscript").first.is_visible()
    context.close()
