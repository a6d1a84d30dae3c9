"""Known answers: asserted, and on request written as a table.

``VALIDATION_TABLE=docs/validation.md python -m pytest tests/validation`` writes the table anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

HEADER = """# Validation

Known answers that come out of the public functions: from tables and maps to figures. Every row is a test in
`tests/validation`; this page is written by

    VALIDATION_TABLE=docs/validation.md python -m pytest tests/validation

*By* tells who computed the expected value. A tolerance of a sampled value is four standard errors of the number of
samples stated by the test; runs are seeded, so the values repeat to the last digit.
"""
COLUMNS = ("case", "by", "expected", "got", "tolerance")


class Case(NamedTuple):
    section: str
    case: str
    by: str
    expected: float
    got: float
    within: float


CASES: list[Case] = []


@pytest.fixture(scope="session")
def known() -> Callable[..., None]:
    """Return the function that holds a value to a known one and remembers both."""

    def check(section: str, case: str, expected: float, got: float, within: float, *, by: str) -> None:
        CASES.append(Case(section, case, by, float(expected), float(got), float(within)))
        assert abs(got - expected) <= within, f"{case}: expected {expected:.9g} +- {within:.2g}, got {got:.9g}"

    return check


def pytest_sessionfinish() -> None:
    target = os.environ.get("VALIDATION_TABLE")
    if not target or not CASES:
        return
    lines = [HEADER]
    for section in dict.fromkeys(case.section for case in CASES):
        lines += [f"\n## {section}\n", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        for one in CASES:
            if one.section == section:
                numbers = f"{one.expected:.10g} | {one.got:.10g} | {one.within:.2g}"
                lines.append(f"| {one.case} | {one.by} | {numbers} |")
    Path(target).write_text("\n".join(lines) + "\n", encoding="utf-8")
