"""What the tutorial shows of its scenarios is what they are; its cells and figures are held by tests/test_pages.py."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from resilience.scenario import Scenario

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial-storm-then-heat.md"
ARMS = ("no-standby", "standby", "active-active")


def test_the_arms_differ_in_redundancy_alone_and_the_page_shows_them_as_they_are() -> None:
    scenarios = {arm: Scenario.from_yaml(ROOT / "docs" / "storm-then-heat" / f"{arm}.yaml") for arm in ARMS}
    keys = {key.split(".")[0] for arm in ARMS[1:] for key in scenarios[ARMS[0]].changed_keys(scenarios[arm])}
    assert keys == {"name", "redundancy"}
    shown = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    plain = scenarios["standby"].to_dict()
    for block in shown:
        data = {**plain, **yaml.safe_load(block)}
        assert Scenario.from_dict(data) == scenarios["standby"]
