"""Whatever a scenario asks for: a run in pieces is byte for byte the run in one, and each block is solved once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resilience.errors import OutOfTimeError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.verify import verify_run
from tests.test_heat_runs import hot
from tests.test_resume import files_of, running, scenario_of, solved, stopping  # noqa: F401 - fixtures
from tests.test_sequences import NEAR, town

COUNTS = {"samples": 1024, "block": 512}
OPTIONS: dict[str, Callable[[Any], Scenario]] = {
    "sequences, repair": lambda site: town(
        site, hours=[0.0, 24.0, 48.0, 100.0, 500.0], sequences=[NEAR], monte_carlo=COUNTS
    ),
    "heat, hours, toll": lambda site: hot(site, time={}, monte_carlo=COUNTS),
    "correlation, catalogue": lambda site: scenario_of(
        site, monte_carlo={**COUNTS, "correlation": {"length_m": 500.0}}, risk={"catalogue_years": 500}
    ),
    "branch, option, pair": lambda site: scenario_of(
        site,
        monte_carlo=COUNTS,
        options=[{"name": "high", "cost": 1, "life_years": 9, "changes": [{"raise": {"id": "A"}, "by_m": 0.1}]}],
    ),
    "tolerance, branch, pair": lambda site: scenario_of(
        site, monte_carlo={"samples": 16384, "block": 4096, "tolerance": 0.05}
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_pieces_are_the_whole(
    site: Any,
    tmp_path: Path,
    option: str,
    solved: list[Any],  # noqa: F811
    stopping: Callable[[int], None],  # noqa: F811
    running: Callable[[], None],  # noqa: F811
) -> None:
    scenario = OPTIONS[option](site)
    assess(scenario, out=tmp_path / "whole")
    n_block = len(solved)
    solved.clear()
    stopping(n_block // 2)
    with pytest.raises(OutOfTimeError):
        assess(scenario, out=tmp_path / "pieces", threads=1)
    running()
    # A block that was not of the form that its city tells would be a warning, which is an error here.
    assess(scenario, out=tmp_path / "pieces")
    assert len(solved) == n_block
    assert files_of(tmp_path / "pieces") == files_of(tmp_path / "whole")
    assert verify_run(tmp_path / "pieces", blocks=1).recorded == n_block
