"""One JSON object on standard output whatever happens, in the shape that docs/command.md tells."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resilience import check as check_module
from resilience import errors
from resilience.cli import main
from resilience.cli.answer import Answer
from resilience.errors import DataError, Problem, ResilienceError

PAGE = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")
SCENARIO = "schema_version: 1\nname: demo\nnetwork: {synthetic: {size: 500}}\nmonte_carlo: {samples: 512}\n"
ENVELOPE = ["schema_version", "verb", "exit_code", "answer", "error"]
ERROR = ["kind", "message", "problems", "log"]
PROBLEM = ["subject", "wanted", "got", "where", "count", "total", "first"]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what a verb answers, after the checks that hold for every answer."""
    code = main([*arguments, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert list(answer) == ENVELOPE
    assert (answer["exit_code"], answer["schema_version"]) == (code, 1)
    assert (answer["answer"] is None) != (answer["error"] is None)
    if answer["error"] is not None:
        assert list(answer["error"]) == ERROR
        assert all(list(one) == PROBLEM for one in answer["error"]["problems"])
        assert code != 0
    return answer


def keys_of(data: Any, *, free: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every key but those that are names of the scenario."""
    if isinstance(data, list):
        for one in data:
            yield from keys_of(one, free=free)
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from keys_of(list(value.values()) if key in free else value, free=free)


def told_of(verb: str) -> set[str]:
    """Return the words that the page has for the answer of a verb."""
    rows = PAGE.partition("keys of `answer`")[2].partition("##")[0]
    (row,) = re.findall(rf"^\| (?:`\w+`, )?`{verb}`(?:, `\w+`)? \|(.*)\|$", rows, re.M)
    return set(re.findall(r"\w+", row))


def test_a_run(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = scenario.parent / "run"
    answer = told(capsys, "run", str(scenario), "-o", str(out))["answer"]
    assert answer["run_directory"] == str(out)
    assert (answer["name"], answer["samples"], answer["persons_unit"]) == ("demo", 512, "persons")
    power = next(one for one in answer["summary"] if one["service"] == "power")
    assert power["value"] > power["standard_error"] > 0
    header = (out / "summary.csv").read_text(encoding="utf-8").partition("\n")[0].split(",")
    assert list(power) == header
    loss = next(one for one in answer["summary"] if one["quantity"] == "direct_loss")
    assert loss["standard_error"] is None
    assert answer["notes"] == (out / "notes.txt").read_text(encoding="utf-8").splitlines()
    verified = told(capsys, "run", "--verify", str(out))["answer"]
    assert verified["files"] > 10
    assert set(keys_of(verified)) <= told_of("run --verify")
    own = {key: value for key, value in answer.items() if key not in ("summary", "why")}
    assert set(keys_of(own)) <= told_of("run")


def test_the_demo_is_told_as_a_run_that_is_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, "demo", "--size", "500")["answer"]
    assert answer["run_directory"] is None
    assert answer["summary"]


def test_a_check(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, "check", str(scenario))["answer"]
    assert answer["network"]["sectors"]["power"]["level"] == "connected"
    assert sum(one["assets"] for one in answer["network"]["sectors"].values()) == answer["network"]["assets"]
    assert [one["family"] for one in answer["hazards"]] == ["flood", "heatwave"]
    assert answer["services"]["medical"] == "road"
    scenario.write_text(SCENARIO + "time: {hours: [0, 24]}\n", encoding="utf-8")
    full = told(capsys, "check", str(scenario), "--full")["answer"]
    assert full["finer_grid_changes"].keys() == answer["services"].keys()
    assert (answer["quick"], full["quick"]) == (True, False)
    assert set(keys_of(answer, free=("sectors", "services"))) - set(answer["services"]) <= told_of("check")


def test_the_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, "doctor")["answer"]
    assert set(keys_of(answer)) <= told_of("doctor")


def test_a_wrong_scenario_tells_all_that_is_wrong(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario.write_text(SCENARIO.replace("name: demo", "name: 3") + "seeed: 1\n", encoding="utf-8")
    answer = told(capsys, "check", str(scenario))
    assert (answer["exit_code"], answer["error"]["kind"]) == (78, "ConfigurationError")
    assert {one["where"] for one in answer["error"]["problems"]} == {f"{scenario}:2:7", f"{scenario}:5:1"}


@pytest.mark.parametrize(
    ("arguments", "verb", "code", "kind"),
    [
        (["check", "/nowhere/town.yaml"], "check", 66, "MissingInputError"),
        (["run", "/nowhere/town.yaml", "-o", "/dev/null"], "run", 66, "MissingInputError"),
        (["demo", "--out", "/dev/null"], "demo", 73, "CannotCreateError"),
        (["check"], "check", 2, "UsageError"),
        (["fly"], "fly", 2, "UsageError"),
        (["demo", "--size", "x"], "demo", 2, "UsageError"),
        ([], None, 2, "UsageError"),
    ],
)
def test_other_failures(
    arguments: list[str], verb: str | None, code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = told(capsys, *arguments)
    assert (answer["verb"], answer["exit_code"], answer["error"]["kind"]) == (verb, code, kind)
    assert kind in PAGE


def test_what_happens_on_the_way(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(error: BaseException) -> dict[str, Any]:
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(check_module, "check", fail)
        return told(capsys, "check", str(scenario))

    problem = Problem("depths", wanted=">= 0", got="negative", count=3, total=9, first=("a", "b"))
    assert raising(DataError(problem))["error"]["problems"] == [
        {"subject": "depths", "wanted": ">= 0", "got": "negative", "where": None, "count": 3, "total": 9,
         "first": ["a", "b"]}
    ]  # fmt: skip
    defect = raising(KeyError("stray"))
    assert (defect["exit_code"], defect["error"]["kind"]) == (70, "InternalError")
    assert "Traceback" in Path(defect["error"]["log"]).read_text(encoding="utf-8")
    Path(defect["error"]["log"]).unlink()
    assert raising(OSError(28, "No space left", "/runs/a"))["error"]["message"] == "/runs/a: No space left"
    assert raising(KeyboardInterrupt())["exit_code"] == 130

    def terminate(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(check_module, "check", terminate)
    assert told(capsys, "check", str(scenario))["error"]["kind"] == "Terminated"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_letters_survive_every_terminal(encoding: str) -> None:
    name = "의료 é 🏥"
    program = f"from resilience.cli.answer import Answer\nAnswer({{'name': {name!r}}}).tell(verb='run', as_json=True)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert json.loads(done.stdout.decode(encoding))["answer"]["name"] == name


def test_every_kind_of_error_is_told_of() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ResilienceError)]
    assert [kind.__name__ for kind in kinds if kind is not ResilienceError and kind.__name__ not in PAGE] == []


def test_numbers_that_do_not_exist_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    Answer({"a": float("nan"), "b": [float("inf"), 1.5], 3: ("x",)}, exit_code=78).tell(verb="doctor", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["exit_code"], told["answer"]) == (78, {"a": None, "b": [None, 1.5], "3": ["x"]})


def test_messages_stay_on_standard_error(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/nowhere/town.yaml", "--json"]) == 66
    assert capsys.readouterr().err.startswith("error: scenario file /nowhere/town.yaml: no such file")
    assert main(["demo", "--size", "500", "--json"]) == 0
    told = capsys.readouterr()
    assert "blocks" in told.err
    assert "note: " in told.err
