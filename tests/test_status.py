"""How far a run is: while it runs, after it ended well, after it was stopped."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from resilience import assess
from resilience.cli import main
from resilience.ledger import BlockRecord
from resilience.pipeline import demo_scenario
from resilience.scenario import Scenario
from resilience.status import RunStatus, find_rate, read_status

PAGE = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")


def town(**more: Any) -> Scenario:
    told = demo_scenario(size=500, samples=1024).model_dump(exclude_none=True, exclude_unset=True)
    return Scenario.from_dict({**told, "monte_carlo": {"samples": 1024, "block": 512}, **more})


def stop_after(blocks: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done == blocks:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """Return the directory of a run that was interrupted after three blocks."""
    with pytest.raises(KeyboardInterrupt):
        assess(town(), out=tmp_path / "run", progress=stop_after(3), threads=1)
    return tmp_path / "run"


def contents(run: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in run.rglob("*")}


def test_a_run_that_was_stopped(stopped: Path) -> None:
    before = contents(stopped)
    told = read_status(stopped)
    assert (told.state, told.resumable, told.locked_by) == ("interrupted", True, None)
    assert (told.done, told.blocks) == (3, 2 * 13)
    assert told.last_error == "KeyboardInterrupt"
    assert told.seconds_left is None
    assert told.begun < str(told.last_block)
    assert told.lines()[-1].endswith("goes on where it ended")
    assert contents(stopped) == before


def test_a_run_that_ended_well_after_a_second_call(stopped: Path) -> None:
    assess(town(), out=stopped)
    told = read_status(stopped)
    assert (told.state, told.resumable, told.done, told.last_error) == ("finished", False, told.blocks, None)


def test_a_run_on_its_way(stopped: Path) -> None:
    seen: list[RunStatus] = []

    def look(done: int, total: int) -> None:
        seen.append(read_status(stopped))

    assess(town(), out=stopped, progress=look, threads=1)
    assert {one.state for one in seen} == {"running"}
    assert {one.locked_by for one in seen} == {f"process {os.getpid()} on {os.uname().nodename}"}
    # The first three come from the ledger before anything is solved.
    assert [one.done for one in seen] == [3, 3, 3, *range(4, 27)]
    assert {one.last_error for one in seen} == {"KeyboardInterrupt"}
    late = seen[-2]
    assert late.blocks_per_minute is not None
    assert late.seconds_left == pytest.approx(60 / late.blocks_per_minute)
    assert any("left for what was begun" in line for line in late.lines())
    assert seen[-1].seconds_left == 0


def test_a_call_that_was_killed_told_no_end(stopped: Path) -> None:
    log = stopped / "logs" / "run.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:-1]) + lines[-1][:20], encoding="utf-8")
    assert str(read_status(stopped).last_error).startswith("it told no end")
    log.unlink()
    assert read_status(stopped).last_error is None


def test_what_others_say_after_the_end_is_not_the_end(stopped: Path) -> None:
    with (stopped / "logs" / "run.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"event": "message", "message": "closing scheduler"}) + "\n")
    assert read_status(stopped).last_error == "KeyboardInterrupt"


def test_other_code_cannot_go_on(stopped: Path) -> None:
    path = stopped / "ledger" / "run.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["code"]["numpy"] = "1.0"
    path.write_text(json.dumps(about), encoding="utf-8")
    told = read_status(stopped)
    assert (told.state, told.resumable, told.changed_code) == ("interrupted", False, ("numpy",))
    assert "--restart" in told.lines()[-1]


def test_parts_are_told_where_there_are_several(tmp_path: Path) -> None:
    assess(town(branches=[{"name": "dear", "cost_factor": 2.0}]), out=tmp_path / "run")
    told = read_status(tmp_path / "run")
    assert [part.name for part in told.parts] == ["run", "branch-000"]
    assert [part.done for part in told.parts] == [26, 26]
    assert sum(line.startswith("  ") for line in told.lines()) == 2


def test_as_a_verb(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(stopped), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert answer == json.loads(json.dumps(read_status(stopped).to_dict()))
    (row,) = re.findall(r"^\| `status` \|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert {*answer, *answer["parts"][0]} <= set(re.findall(r"`(\w+)`", row))
    assert main(["status", str(stopped)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{stopped}: synthetic-city, interrupted"


@pytest.mark.parametrize("made", [False, True])
def test_where_there_is_no_run(tmp_path: Path, made: bool, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "run"
    if made:
        place.mkdir()
    assert main(["status", str(place)]) == 66
    assert "wanted: a run directory with a ledger" in capsys.readouterr().err
    assert place.exists() == made


def record(second: int, process: str = "process 1 on a") -> BlockRecord:
    return BlockRecord(0, second, 0, 512, 1, "", f"2026-12-01T00:00:{second:02d}.000+00:00", process)


def test_blocks_a_minute_are_those_of_the_last_call() -> None:
    assert find_rate([]) is None
    assert find_rate([record(1)]) is None
    assert find_rate([record(1), record(1)]) is None
    assert find_rate([record(1), record(3), record(5)]) == 30
    # The time between two calls does not count.
    assert find_rate([record(1, "process 0 on a"), record(40), record(42), record(44)]) == 30
    assert find_rate([record(1, "process 0 on a"), record(40)]) is None
