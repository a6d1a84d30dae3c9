"""The tutorial says what the program says, in its examples and in its prose."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
import yaml

from resilience.scenario import Scenario

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial-storm-then-heat.md"
ARMS = ("no-standby", "standby", "active-active")
# What is said of the world, not of a run: years, and the systems lost in Daejeon.
TOLD = {"2022", "2025", "709"}


def test_examples_of_the_tutorial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 15) == (0, True)


def test_every_figure_of_the_prose_is_in_an_example() -> None:
    """Numbers of three digits and more, and all with a point or a comma, stand in a block that runs or is read."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```.*?```", page, flags=re.S)
    prose = re.sub(r"```.*?```|\]\([^)]*\)", "", page, flags=re.S)
    number = r"(?<![\w.,])\d[\d.,]*\d{2,}|(?<![\w.,])\d+[.,]\d+"
    figures = set(re.findall(number, prose)) - TOLD
    assert len(figures) >= 6
    shown = "\n".join(blocks)
    assert {one for one in figures if not re.search(rf"(?<![\d.,]){re.escape(one)}(?![\d])", shown)} == set()


def test_the_arms_differ_in_redundancy_alone_and_the_page_shows_them_as_they_are() -> None:
    scenarios = {arm: Scenario.from_yaml(ROOT / "docs" / "storm-then-heat" / f"{arm}.yaml") for arm in ARMS}
    keys = {key.split(".")[0] for arm in ARMS[1:] for key in scenarios[ARMS[0]].changed_keys(scenarios[arm])}
    assert keys == {"name", "redundancy"}
    shown = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    plain = scenarios["standby"].to_dict()
    for block in shown:
        data = {**plain, **yaml.safe_load(block)}
        assert Scenario.from_dict(data) == scenarios["standby"]
