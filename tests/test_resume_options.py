"""Whatever a scenario asks for: a run in pieces is byte for byte the run in one, and each block is solved once."""

from __future__ import annotations

import datetime
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resilience import ledger, provenance
from resilience.errors import OutOfTimeError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.status import read_status
from resilience.verify import verify_run
from tests.test_heat_runs import hot
from tests.test_joint_years import summer
from tests.test_resume import files_of, records_of, running, scenario_of, solved, stopping  # noqa: F401 - fixtures
from tests.test_sequences import NEAR, town

COUNTS = {"samples": 1024, "block": 512}


def with_keys(scenario: Scenario, **more: Any) -> Scenario:
    return Scenario.from_dict({**scenario.to_dict(), **more})


def with_error(scenario: Scenario) -> Scenario:
    """Let the maps of a scenario be wrong by 0.2 m or so."""
    return with_keys(scenario, hazards=[{**hazard, "error_sd": 0.2} for hazard in scenario.to_dict()["hazards"]])


OPTIONS: dict[str, Callable[[Any], Scenario]] = {
    "sequences, repair": lambda site: town(
        site, hours=[0.0, 24.0, 48.0, 100.0, 500.0], sequences=[NEAR], monte_carlo=COUNTS
    ),
    "heat, hours, toll": lambda site: hot(site, time={}, monte_carlo=COUNTS),
    "correlation, catalogue": lambda site: scenario_of(
        site, monte_carlo={**COUNTS, "correlation": {"length_m": 500.0}}, risk={"catalogue_years": 500}
    ),
    "joint, catalogue": lambda site: with_keys(
        summer(site, "trapezoid", {"copula": "gumbel", "tau": 0.5}),
        monte_carlo=COUNTS,
        risk={"catalogue_years": 500, "bootstrap": 10},
    ),
    "error of maps, branch": lambda site: with_error(scenario_of(site, monte_carlo=COUNTS)),
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


def test_a_clock_that_is_set_back_between_two_calls_changes_nothing(
    site: Any,
    tmp_path: Path,
    solved: list[Any],  # noqa: F811
    stopping: Callable[[int], None],  # noqa: F811
    running: Callable[[], None],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = scenario_of(site, monte_carlo=COUNTS)
    assess(scenario, out=tmp_path / "whole")
    n_block = len(solved)
    solved.clear()
    stopping(n_block // 2)

    class Ahead(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return datetime.datetime.now(tz) + datetime.timedelta(days=400)

    with monkeypatch.context() as clock:
        for module in (ledger, provenance):
            clock.setattr(module, "datetime", types.SimpleNamespace(datetime=Ahead, UTC=datetime.UTC))
        with pytest.raises(OutOfTimeError):
            assess(scenario, out=tmp_path / "pieces", threads=1)
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    status = read_status(tmp_path / "pieces")
    assert (status.state, status.done, status.begun > later) == ("interrupted", n_block // 2, True)
    running()
    assess(scenario, out=tmp_path / "pieces")
    assert len(solved) == n_block
    assert files_of(tmp_path / "pieces") == files_of(tmp_path / "whole")
    assert verify_run(tmp_path / "pieces", blocks=1).recorded == n_block
    ahead = [json.loads(record)["ended"] > later for record in records_of(tmp_path / "pieces").values()]
    assert sum(ahead) == n_block // 2
    assert read_status(tmp_path / "pieces").state == "finished"
