"""The town that the other tests spoil is a good one."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.store import open_results


def test_the_good_town_runs(town: Any) -> None:
    checked = town.check()
    assert (checked.code, checked.created) == (0, []), checked.err + checked.logs
    outcome = town.run()
    assert outcome.code == 0, outcome.err + outcome.logs
    print(outcome.out, outcome.err)
    assert "power" in outcome.out
    people = open_results(town.out)["people_without_service"].values
    assert np.isfinite(people).all()
    assert (people >= 0).all()
    assert people.max() > 0
