"""Files for schedulers: their command lines are ours, and they try again what is worth it and nothing else."""

from __future__ import annotations

import configparser
import datetime
import importlib.util
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from resilience import errors
from resilience.cli.app import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "scheduled"
AGAIN = (69, 74, 75)
NEVER = (2, 65, 66, 70, 73, 78)


def parse(words: list[str]) -> None:
    """Parse a command line as the program does, without doing anything; raise if it does not understand it."""
    group = typer.main.get_command(app)
    context = group.make_context("resilience", list(words))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]
    command.make_context(name, rest, parent=context)


def lines_of(path: Path) -> Iterator[list[str]]:
    """Yield the command lines of a file as words, after `resilience`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for found in re.findall(r"command = \[(.*?)\]", text, flags=re.DOTALL):
            words = re.findall(r'f?"([^"]*)"|(\w+)', found)
            yield [quoted or name for quoted, name in words][1:]
        return
    text = re.sub(r"\$\$?\(date[^)]*\)", "2026-12-01", text)
    for line in text.splitlines():
        found = re.search(r"(?<![-\w/])(?:/opt/resilience/bin/)?resilience ((?:run|check|doctor) [^>|'`]+)", line)
        if found and not line.lstrip().startswith("#"):
            yield shlex.split(found[1])


@pytest.mark.parametrize("name", ["resilience-nightly.service", "nightly.sh", "airflow_dag.py", "prefect_flow.py"])
def test_command_lines_are_understood(name: str) -> None:
    lines = list(lines_of(FOLDER / name))
    assert len(lines) == 1
    for words in lines:
        parse(words)
        with pytest.raises(Exception, match="No such option"):
            parse([*words, "--no-such-option"])


def test_command_lines_of_the_pages_are_understood() -> None:
    lines = [words for name in ("scheduled.md", "command.md") for words in lines_of(ROOT / "docs" / name)]
    assert len(lines) >= 4
    for words in lines:
        parse([word for word in words if word != "2"])  # of `2> log.txt`


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / name, encoding="utf-8")
    return parser


def test_the_service_tries_again_what_is_worth_it() -> None:
    service = unit("resilience-nightly.service")["Service"]
    assert [int(code) for code in service["RestartPreventExitStatus"].split()] == list(NEVER)
    assert service["Restart"] == "on-failure"
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert codes <= {*AGAIN, *NEVER}
    timer = unit("resilience-nightly.timer")["Timer"]
    assert timer["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for name in ("resilience-nightly.service", "resilience-nightly.timer"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/resilience/bin/resilience", sys.executable), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def stub(tmp_path: Path) -> Callable[[list[int]], Path]:
    """Return what puts a stand-in for the command in a folder: it notes its call and ends with the next code."""

    def make(codes: list[int]) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
        command = folder / "resilience"
        command.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncode=$(head -1 {tmp_path}/codes)\n'
            f"sed -i 1d {tmp_path}/codes\necho '{{}}'\nexit $code\n"
        )
        command.chmod(0o755)
        return folder

    return make


@pytest.mark.parametrize(
    ("codes", "tries"), [([0], 1), ([75, 74, 69, 0], 4), *(([code], 1) for code in (*NEVER, 130, 143)), ([75] * 5, 5)]
)
def test_the_script_of_cron(tmp_path: Path, stub: Callable[[list[int]], Path], codes: list[int], tries: int) -> None:
    place = stub(codes)
    done = subprocess.run(
        [FOLDER / "nightly.sh", "/etc/town.yaml", tmp_path], check=False, capture_output=True, text=True,
        env={"PATH": f"{place}:{os.environ['PATH']}", "WAIT_SECONDS": "0"},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (codes[-1], "", "")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == tries
    day = datetime.datetime.now(datetime.UTC).date()
    days = (day, day - datetime.timedelta(days=1))
    assert calls[0] in [f"run /etc/town.yaml --out {tmp_path}/{one} --json --quiet" for one in days]


def test_the_service_calls_what_it_means(tmp_path: Path, stub: Callable[[list[int]], Path]) -> None:
    told = unit("resilience-nightly.service")["Service"]["ExecStart"]
    place = stub([0])
    # As systemd reads it.
    words = shlex.split(told.replace("%%", "%").replace("$$", "$").replace("/opt/resilience/bin", str(place)))
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0
    assert re.fullmatch(
        r"run /etc/resilience/town\.yaml --out runs/\d{4}-\d\d-\d\d --json --quiet\n", (tmp_path / "calls").read_text()
    )


def test_the_line_of_cron() -> None:
    lines = (FOLDER / "resilience.cron").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if re.match(r"[\d*]", line)]
    *when, user, script, scenario, folder = line.split()
    assert (len(when), user, "%" in line) == (5, "resilience", False)
    assert Path(script).name in {path.name for path in FOLDER.iterdir()}
    assert scenario.endswith(".yaml")
    assert folder.startswith("/")


def load(name: str, monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> types.ModuleType:
    """Return a module of the folder, loaded with stand-ins for what it imports."""
    for dotted, content in modules.items():
        stand_in = types.ModuleType(dotted.replace("__", "."))
        vars(stand_in).update(content)
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_it_is(*plain: Any, **_: Any) -> Any:
    """Stand in for a decorator with arguments or without."""
    return plain[0] if plain else lambda function: function


def answering(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    failed = {"answer": None, "error": {"message": "why"}}
    told = failed if code else {"answer": {"run_directory": "/runs/a"}, "error": None}
    done = subprocess.CompletedProcess([], code, stdout=json.dumps(told))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


@pytest.mark.parametrize("code", [0, *AGAIN, *NEVER, 143])
def test_the_dag_of_airflow(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    class AgainError(Exception): ...

    class NeverError(AgainError): ...

    calls: list[Any] = []

    def task(**options: Any) -> Any:
        calls.append(options)
        return lambda function: lambda *given, **named: function(*given, **named) if given or named else None

    module = load(
        "airflow_dag", monkeypatch, airflow={}, airflow__sdk={"dag": as_it_is, "task": task},
        airflow__exceptions={"AirflowException": AgainError, "AirflowFailException": NeverError},
    )  # fmt: skip
    assert calls[0]["retries"] == 5
    answering(monkeypatch, code)
    if code == 0:
        assert module.assess_city(ds="2026-12-01") == "/runs/a"
        return
    with pytest.raises(AgainError, match="why") as raised:
        module.assess_city(ds="2026-12-01")
    assert isinstance(raised.value, NeverError) == (code not in AGAIN)


@pytest.mark.parametrize("code", [0, *AGAIN, *NEVER, 143])
def test_the_flow_of_prefect(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    module = load("prefect_flow", monkeypatch, prefect={"flow": as_it_is, "task": as_it_is})
    answering(monkeypatch, code)
    if code == 0:
        assert module.resilience_nightly() == "/runs/a"
        return
    with pytest.raises(module.RunFailedError) as raised:
        module.resilience_nightly()

    class State:
        def result(self) -> None:
            raise raised.value

    assert module.try_again(None, None, State()) == (code in AGAIN)


def test_the_package_needs_no_scheduler() -> None:
    sources = itertools.chain((ROOT / "resilience").rglob("*.py"), (ROOT / "kernels").rglob("*.py"))
    named = [path for path in sources if re.search(r"^\s*(import|from) (airflow|prefect)", path.read_text(), re.M)]
    assert named == []
