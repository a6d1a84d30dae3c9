"""Names are whatever somebody wrote into a file: everywhere they go they are text, in every program that opens it."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from resilience.cells import safe, unsafe, write_cells
from resilience.store import open_results

pytestmark = pytest.mark.faults

SIGNS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
NAMES = [
    "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=2", "\r=3", "\uff1d1+1", "a;=1+1", "a\n=1+1", "a\t@x",
    "a;b;-1",
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "&lt;b&gt;", "\"><svg/onload=alert(1)>",
    "javascript:alert(1)", "first\nsecond", "nul\x01l", "\x1b[31mred", "\u202eright to left", "\u200bzero",
    "\u2028line", "{{7*7}}", "${HOME}", "%s%n", "../../etc/passwd", "'; DROP TABLE a; --", "e\u0301", "a" * 2000, "nan",
    "None",
]  # fmt: skip
ALPHABET = st.sampled_from([*SIGNS, ";", ",", '"', "'", "\n", " ", "1", "a", "|", "\u202e"])


@given(st.lists(st.text(ALPHABET, max_size=12), min_size=1, max_size=4))
def test_no_cell_begins_a_formula_whatever_separates_cells(texts: list[str]) -> None:
    file = io.StringIO()
    write_cells(file, ["id", "name"], [(["row"] * len(texts), texts)])
    written = file.getvalue()
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not [cell for cell in row if cell[:1] in SIGNS and cell], (separator, row)
    # Nor where quotes are not understood.
    begun = re.split("[;\t\n\r]", written.replace('"', ""))
    assert not [cell for cell in begun if cell and cell[0] in SIGNS]


@given(st.text(ALPHABET, max_size=12))
def test_the_text_is_still_there(text: str) -> None:
    (row,) = csv.reader(io.StringIO(safe(text) + "\n", newline="")) if text else [[""]]
    assert row[0].replace("'", "") == text.replace("'", "")
    assert unsafe(row[0]) == text


@pytest.fixture
def renamed(town: Any) -> Any:
    """Return the town with assets, kinds, zones, districts, events and units of hostile names."""

    def sites(features: list[dict[str, Any]]) -> None:
        for number, name in enumerate(NAMES):
            properties = {**features[0]["properties"], "id": name}
            kind = name if number % 2 else "substation"
            features.append({**features[0], "properties": {**properties, "kind": kind, "sector": "power"}})

    def zones(features: list[dict[str, Any]]) -> None:
        for number, feature in enumerate(features):
            feature["properties"].update(id=f"={number}", district=f"@{number}\n<b>")

    town.spoil_layer("sites.geojson", sites)
    town.spoil_layer("zones.geojson", zones)
    town.scenario["network"]["zones"]["columns"]["district"] = "district"
    town.hazard["files"] = [f"depth_rp{period}.tif" for period in town.PERIODS]
    town.hazard.pop("return_periods")
    town.hazard["events"] = ["=1+1", "a\nb\x1b[31m", "<img src=x>"]
    town.hazard["duration_hours"] = 6
    town.scenario["network"]["persons_unit"] = "=people<b>"
    town.scenario["time"] = {"hours": [0, 4]}
    return town


def test_a_run_of_hostile_names_is_inert(renamed: Any) -> None:
    outcome = renamed.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    # On the terminal: no control characters, marks or ends of lines but its own.
    shown = outcome.out + outcome.err
    assert {unicodedata.category(sign) for sign in shown if sign != "\n"} <= {
        "Ll", "Lu", "Lo", "Lm", "Mn", "Nd", "No", "Po", "Ps", "Pe", "Pd", "Pc", "Sm", "Sc", "Sk", "So", "Zs",
    }  # fmt: skip
    tables = [*renamed.out.glob("*.csv"), *(renamed.out / "network").glob("*.csv")]
    assert len(tables) >= 10
    for path in tables:
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(row) for row in rows}) == 1, path
        for cell in (cell for row in rows for cell in row):
            number = re.fullmatch(r"-[\d.]+(e[+-]?\d+)?", cell)
            assert number or cell[:1] not in SIGNS or not cell, (path, cell)
    # The notes have a line each.
    notes = (renamed.out / "notes.txt").read_text(encoding="utf-8")
    assert all(sign.isprintable() or sign == "\n" for sign in notes), notes
    assert notes.count("\n") == len([line for line in outcome.err.splitlines() if line.startswith("note: ")])
    # What programs read is as it was, letter by letter.
    stored = open_results(renamed.out)
    kept = {unicodedata.normalize("NFC", name.strip()) for name in NAMES}
    assert kept <= set(stored["asset"].values.tolist())
    assert stored["event"].values.tolist() == renamed.hazard["events"]
    manifest = json.loads((renamed.out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["hazards"][0]["events"] == renamed.hazard["events"]
    again = YAML(typ="safe").load((renamed.out / "scenario.yaml").read_text(encoding="utf-8"))
    assert again["hazards"][0]["events"] == renamed.hazard["events"]


def test_a_check_of_hostile_names_is_inert(renamed: Any) -> None:
    outcome = renamed.check()
    assert outcome.code == 0, outcome.err + outcome.logs
    assert all(sign.isprintable() or sign == "\n" for sign in outcome.out + outcome.err), outcome.out


def test_an_answer_in_json_holds_hostile_names_in_one_line(renamed: Any) -> None:
    outcome = renamed.call("run", str(renamed.save()), "-o", str(renamed.out), "--json")
    assert outcome.code == 0, outcome.err + outcome.logs
    assert isinstance(json.loads(outcome.out), dict)
    assert "\x1b" not in outcome.out
