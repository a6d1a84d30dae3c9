"""Known answers: asserted, held to their row of docs/validation.md, and on request written as that page.

``python docs/make_validation.py`` writes the page anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

HEADER = """# Validation

Known answers that come out of the public functions: from tables and maps to figures. Every row is a test in
`tests/validation`, which asserts it and compares it with this page; written by `python docs/make_validation.py`, do not
edit.

Elsewhere: answers of other packages on the same inputs, asserted equal before anything is timed, in
[performance](performance.md); real data reckoned anew with other tools in [three real cities](real-cities.md).

*By* tells who computed the expected value. A tolerance of a sampled value is four standard errors of the number of
samples stated by the test; runs are seeded, so the values repeat to the last digit.
"""
PAGE = Path(__file__).parents[2] / "docs" / "validation.md"
COLUMNS = ("case", "by", "expected", "got", "tolerance")


class Case(NamedTuple):
    section: str
    case: str
    by: str
    expected: float
    got: float
    within: float

    def row(self) -> str:
        """Return the case as a row of the page."""
        return f"| {self.case} | {self.by} | {self.expected:.10g} | {self.got:.10g} | {self.within:.2g} |"


CASES: list[Case] = []


@pytest.fixture(scope="session")
def known() -> Callable[..., None]:
    """Return the function that holds a value to a known one and to the page, and remembers both."""
    page = None if "VALIDATION_TABLE" in os.environ else read_page()

    def check(section: str, case: str, expected: float, got: float, within: float, *, by: str) -> None:
        CASES.append(Case(section, case, by, float(expected), float(got), float(within)))
        assert abs(got - expected) <= within, f"{case}: expected {expected:.9g} +- {within:.2g}, got {got:.9g}"
        assert page is None or told(CASES[-1], page), "not in docs/validation.md: python docs/make_validation.py"

    return check


def read_page() -> dict[str, list[str]]:
    """Return the lines of the page by section."""
    _, *parts = PAGE.read_text(encoding="utf-8").split("\n## ")
    return {title: lines for title, *lines in (part.splitlines() for part in parts)}


def told(case: Case, page: dict[str, list[str]]) -> bool:
    """Return whether the page has the case; the last digits of what came out are the processor's."""
    rows = [row.split(" | ") for row in page.get(case.section, ()) if row.startswith("| ")]
    *same, got, within = case.row().split(" | ")
    return any(
        row[:3] == same
        and row[4] == within
        and abs(float(row[3]) - float(got)) <= case.within / 100 + 1e-9 * abs(case.got)
        for row in rows[1:]
    )


def pytest_sessionfinish() -> None:
    target = os.environ.get("VALIDATION_TABLE")
    if not target or not CASES:
        return
    lines = [HEADER]
    for section in dict.fromkeys(case.section for case in CASES):
        lines += [f"\n## {section}\n", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        for one in CASES:
            if one.section == section:
                lines.append(one.row())
    Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")
