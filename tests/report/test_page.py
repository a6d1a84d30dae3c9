"""The page of a report: nothing in it does anything, its words are all there, and it takes the place of nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from resilience.cli import main
from resilience.cli.app import Language
from resilience.datasets.asset_classes import ASSET_CLASSES
from resilience.errors import CannotCreateError
from resilience.events import Rule
from resilience.network.redundancy import SECTOR as DERIVED
from resilience.pipeline import assess
from resilience.reading import read_run
from resilience.report import write_report
from resilience.report.page import write_page
from resilience.report.words import LANGUAGES, Words, load_words
from tests.conftest import Site
from tests.report_runs import HOSTILE, QUOTES, Page
from tests.test_cli_json import told_of

SOURCES = Path(write_report.__code__.co_filename).parent


def test_nothing_can_be_loaded_and_it_is_small(run: Path) -> None:
    text = write_page(read_run(run), Words("en"))
    assert len(text.encode()) < 6_000_000
    whole = Page(text)
    (policy,) = [a["content"] for tag, a in whole.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    # These two scripts may run, and no other that stands in the page.
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert f"script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}';" in policy
    assert not any({"src", "srcset", "action"} & set(attributes) for _, attributes in whole.elements)
    assert {str(a["href"])[:1] for _, a in whole.elements if "href" in a} == {"#"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_text_and_nothing_else(hostile_run: Path, language: str) -> None:
    text = write_page(read_run(hostile_run), Words(language))
    whole = Page(text)
    assert [attributes.get("type") for tag, attributes in whole.elements if tag == "script"] == [
        "application/json", None, None,
    ]  # fmt: skip
    assert not any(tag == "img" or any(name.startswith("on") for name in a) for tag, a in whole.elements)
    assert HOSTILE in whole.text
    assert QUOTES in whole.text
    data = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[0])
    assert data["events"] == [HOSTILE]
    assert HOSTILE in data["figures"]["map"].replace('\\"', '"')


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_within_a_sentence_is_escaped_once(site: Site, tmp_path: Path, language: str) -> None:
    sector, kind = "<b>s</b>", "<i>k</i>"
    many = [{"id": f"a{i}", "sector": sector, "kind": kind} for i in range(5)]
    needs = [("zone", "power", ["p"], 1), ("p", "power", [one["id"] for one in many], 5)]
    assess(
        site.scenario(
            [*many, {"id": "p"}], [{"values": [[0.5]], "return_periods": [50]}], needs=needs,
        ),
        out=tmp_path / "run",
    )  # fmt: skip
    words = Words(language)
    told = Page(write_page(read_run(tmp_path / "run"), words))
    assert words("root", sector=sector, peril=words.name("peril", "flood")) in told.text
    assert words("number_of_kind", n="5", kind=kind) in told.text
    assert words("one_event") in told.text
    assert not re.search("&(lt|gt|amp|quot|#)", told.text)


def test_every_word_is_there_in_all_languages_and_is_used() -> None:
    words = load_words()
    gaps = re.compile(r"\{(\w+)\}")
    for key, told in words.items():
        assert set(told) == set(LANGUAGES), key
        assert all(told.values()), key
        assert len({tuple(sorted(gaps.findall(text))) for text in told.values()}) == 1, key
    code = "".join((SOURCES / name).read_text(encoding="utf-8") for name in
                   (*(path.name for path in SOURCES.glob("*.py")), "page.html.j2", "page.js"))  # fmt: skip
    begun = set(re.findall(r"""name\(["'](\w+)["'],""", code)) | {"section"}
    used = set(re.findall(r"""["'](\w+)["']""", code)) | set(re.findall(r"words\.(\w+)", code))
    unused = {key for key in words if key not in used and not key.startswith(tuple(f"{name}_" for name in begun))}
    assert unused == set()
    asked = set(re.findall(r"""\bw(?:ords)?\(["'](\w+)["'][,)]""", code))
    assert asked <= set(words)


def test_the_built_in_vocabulary_has_names_and_another_stays_as_it_is() -> None:
    korean, told = Words("ko"), load_words()
    for kind, one in ASSET_CLASSES.items():
        assert korean.name("kind", kind) != kind
        assert korean.name("service", one.sector) != one.sector
    assert korean.name("kind", "tram_stop") == "tram_stop"
    # What begins so is nothing but such a name: a kind of the user's could have any.
    assert {key for key in told if key.startswith("kind_")} == {f"kind_{kind}" for kind in ASSET_CLASSES}
    assert {key for key in told if key.startswith("rule_")} == {f"rule_{rule}" for rule in get_args(Rule)}
    sectors = {one.sector for one in ASSET_CLASSES.values()} | {DERIVED, "direct_loss"}
    assert {key for key in told if key.startswith("service_")} == {f"service_{sector}" for sector in sectors}


def test_languages_of_the_command_are_those_of_the_words() -> None:
    assert {str(one) for one in Language} == set(LANGUAGES)


def test_korean_is_korean(run: Path) -> None:
    text = write_page(read_run(run), Words("ko"))
    assert '<html lang="ko">' in text
    told = Page(text)
    assert "얼마나 잃는가" in told.text
    assert {"전력", "통신"} <= {row[0] for row in told.rows if row}
    assert not re.search(r"\{\w+\}", told.text)
    assert "변전소" in told.text
    # Before the notes, which are English, no English word of the table is left.
    first = told.text.rpartition(Words("ko")("section_limits"))[0]
    assert [kind for kind in ASSET_CLASSES if "_" in kind and kind in first] == []
    words = {key: text for key, text in load_words().items() if text["en"] != text["ko"]}
    assert [key for key, text in words.items() if f" {text['en']} " in first and "{" not in text["en"]] == []


def test_the_command_writes_it_and_the_run_stays_what_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESILIENCE_NO_REPORT")
    run = tmp_path / "run"
    assert main(["demo", "--size", "600", "--out", str(run), "--lang", "ko", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"]["report"] == str(run / "report.html")
    assert 'lang="ko"' in (run / "report.html").read_text(encoding="utf-8")[:200]
    assert "report.html" not in json.loads((run / "manifest.json").read_text())["outputs"]
    assert main(["report", str(run), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert set(answer) <= told_of("report")
    assert answer == {
        "report": str(run / "report.html"), "bytes": (run / "report.html").stat().st_size, "lang": "en",
    }  # fmt: skip
    assert main(["demo", "--size", "600", "--out", str(run), "--no-report"]) == 0
    assert not (run / "report.html").exists(), "it would be taken for that of the new result"


def test_without_a_finished_run_nothing_is_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 66
    assert "resilience status" in capsys.readouterr().err
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "manifest.json").unlink()
    assert main(["report", str(broken)]) == 66
    shutil.copy(run / "manifest.json", broken)
    zones = (broken / "network" / "zones.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (broken / "network" / "zones.csv").write_text("".join(zones[:-1]), encoding="utf-8")
    assert main(["report", str(broken)]) == 65
    assert not (broken / "report.html").exists()
    assert main(["report", str(run), "--lang", "fr"]) == 2
    assert main(["report", str(run), "-o", str(tmp_path / "no" / "folder" / "a.html")]) == 73


@pytest.mark.parametrize(
    "name", ["manifest.json", "scenario.yaml", "network/new.html", "results.zarr", "ledger/x", ".lock"]
)
def test_a_report_takes_no_place_in_a_run(run: Path, tmp_path: Path, name: str) -> None:
    place = run / name
    before = place.read_bytes() if place.is_file() else place.exists()
    with pytest.raises(CannotCreateError, match="apart from the files of the run"):
        write_report(run, out=place)
    assert (place.read_bytes() if place.is_file() else place.exists()) == before


def test_a_report_replaces_reports_alone(run: Path, tmp_path: Path) -> None:
    notes, link = tmp_path / "notes.txt", tmp_path / "link.html"
    notes.write_text("precious")
    link.symlink_to(notes)
    for place in (notes, link, tmp_path, Path(), Path(os.devnull)):
        with pytest.raises(CannotCreateError, match="a report to replace"):
            write_report(run, out=place)
    assert notes.read_text() == "precious"
    page = tmp_path / "page.html"
    first, again = (write_report(run, out=page, lang=language).read_bytes() for language in ("ko", "en"))
    assert first != again


def test_a_report_goes_into_a_folder_that_is_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "x" / "y", tmp_path / "file"):
        with pytest.raises(CannotCreateError, match="a folder that is there") as raised:
            write_report(run, out=folder / "z.html")
        assert f"{folder}, which is no folder" in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_it_needs_no_compiler(run: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom resilience.cli import main\ncode = main(sys.argv[1:])\n"
        "print(code, 'numba' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "report", str(run), "-o", str(tmp_path / "a.html")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 False False"
