"""The command line: what goes to which stream, which exit code an outcome has, what is never written."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import resilience
from resilience.cli import main
from resilience.cli.answer import Answer
from resilience.errors import (
    CannotCreateError,
    ConfigurationError,
    DataError,
    LockedError,
    MissingInputError,
    Problem,
    ResilienceError,
    StorageError,
)
from resilience.scenario import Scenario
from resilience.store import FILES, MANIFEST, NETWORK, RESULTS

SCENARIO = "schema_version: 1\nname: demo\nnetwork: {synthetic: {size: 500}}\n"


@dataclass
class FakeResult:
    path: Path | None
    notes: tuple[str, ...] = ("pipes are not in the data",)

    def summary_table(self) -> list[tuple[object, ...]]:
        return [("service", "persons per year"), ("power", 12.5), ("의료", 3)]

    def why_table(self) -> list[list[str]]:
        return [["lost", "why"], ["power", "100 % power/flood"]]

    def origins_table(self) -> list[list[str]]:
        return []

    def branches_table(self) -> list[list[str]]:
        return []

    def options_table(self) -> list[list[str]]:
        return []


class FakeReport:
    def lines(self) -> list[str]:
        return ["hazards: 2 families", "network: 500 assets"]

    def to_dict(self) -> dict[str, Any]:
        return {"hazards": 2}


class FakePipeline(types.ModuleType):
    """Stands in for the pipeline and the check, and remembers how it was called."""

    def __init__(self) -> None:
        super().__init__("resilience.pipeline")
        self.calls: list[tuple[str, Any]] = []
        self.during: Callable[[], None] = lambda: None

    def demo_scenario(self, size: int = 2_000, seed: int = 0, *, over_time: bool = False) -> Scenario:
        assert over_time
        self.calls.append(("demo_scenario", (size, seed)))
        return Scenario.from_dict({"schema_version": 1, "name": "demo", "network": {"synthetic": {"size": size}}})

    def check(self, scenario: Scenario, *, quick: bool = False) -> FakeReport:
        self.calls.append(("check", scenario))
        self.during()
        return FakeReport()

    def assess(
        self, scenario: Scenario, *, out: Path | None = None, progress: Any = None, restart: bool = False,
        max_wall: float | None = None,
    ) -> FakeResult:  # fmt: skip
        self.calls.append(("assess", (scenario, out)))
        self.during()
        for done in range(3):
            progress(done, 2)
        return FakeResult(out)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    fake = FakePipeline()
    for name in ("pipeline", "check"):
        monkeypatch.setitem(sys.modules, f"resilience.{name}", fake)
        monkeypatch.setattr(resilience, name, fake, raising=False)
    return fake


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return str(path)


def test_run_writes_results_out_and_messages_aside(
    pipeline: FakePipeline, scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "a"
    assert main(["run", scenario, "-o", str(out), "--set", "seed=9", "--set", "monte_carlo.samples=512"]) == 0
    ((_, (read, place)),) = pipeline.calls
    assert (read.seed, read.monte_carlo.samples, place) == (9, 512, out)
    told = capsys.readouterr()
    assert told.out.splitlines() == ["service  persons per year", "power    12.5", "의료     3", "", "lost   why",
                                       "power  100 % power/flood"]  # fmt: skip
    assert told.err.splitlines() == [
        "0 of 2 blocks (0 %) after 0 s",
        "1 of 2 blocks (50 %) after 0 s",
        "2 of 2 blocks (100 %) after 0 s",
        "note: pipes are not in the data",
        f"run directory: {out}",
    ]
    assert not out.parent.exists()


def test_check_writes_its_lines(pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", scenario]) == 0
    assert capsys.readouterr() == ("hazards: 2 families\nnetwork: 500 assets\n", "")
    assert [name for name, _ in pipeline.calls] == ["check"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [([], (2_000, 0)), (["--size", "700"], (700, 0)), (["--seed", "3", "--size", "800"], (800, 3))],
)
def test_demo_asks_for_the_built_in_city(pipeline: FakePipeline, arguments: list[str], given: tuple[int, int]) -> None:
    assert main(["demo", *arguments]) == 0
    assert pipeline.calls[0] == ("demo_scenario", given)
    assert pipeline.calls[1][1][1] is None


def test_demo_keeps_its_run_where_it_is_told(pipeline: FakePipeline, tmp_path: Path) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    assert pipeline.calls[1][1][1] == tmp_path / "demo"


def test_schema_is_json_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == Scenario.json_schema()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"resilience {resilience.__version__}\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    verbs = ("demo", "init", "check", "run", "plan", "status", "doctor", "schema")
    assert all(verb in text for verb in (*verbs, "78 wrong scenario"))


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run"], ["run", "a.yaml"], ["check"], ["check", "a", "b"], ["demo", "--size", "x"], ["--fast"]],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Usage: resilience" in told.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (DataError, 65), (MissingInputError, 66), (CannotCreateError, 73), (StorageError, 74), (LockedError, 75),
        (ConfigurationError, 78),
    ],
)  # fmt: skip
def test_every_mistake_has_its_code_and_no_traceback(
    pipeline: FakePipeline, scenario: str, kind: type[ResilienceError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise kind([Problem("depths", wanted=">= 0", got="negative", count=3, total=9), Problem("crs", "one", "none")])

    pipeline.during = fail
    assert main(["check", scenario]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: depths: 3 of 9 negative; wanted: >= 0\nerror: crs: none; wanted: one\n"


def test_a_missing_scenario_is_66(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "/nowhere/town.yaml"]) == 66
    assert capsys.readouterr().err == (
        "error: scenario file /nowhere/town.yaml: no such file; wanted: a readable YAML file\n"
    )


def test_an_input_output_failure_is_74(
    pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device", "/runs/a/results.zarr")

    pipeline.during = fail
    assert main(["check", scenario]) == 74
    assert capsys.readouterr().err == "error: /runs/a/results.zarr: No space left on device\n"


def test_a_defect_is_one_line_and_a_log(
    pipeline: FakePipeline,
    scenario: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise KeyError("stray\nkey")

    pipeline.during = fail
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["check", scenario]) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: internal error, a defect of the program: KeyError: 'stray\\nkey'; the log is ")
    log = Path(line.rpartition(" ")[2])
    assert log.parent == tmp_path
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "Traceback" in log.read_text(encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert main(["check", scenario]) == 70
    assert "no log could be written (No such file or directory)" in capsys.readouterr().err


def test_an_interrupt_is_130(pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    pipeline.during = fail
    assert main(["check", scenario]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_termination_is_143_and_leaves_the_handler_as_it_was(
    pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    pipeline.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert main(["check", scenario]) == 143
    assert capsys.readouterr().err == "terminated\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_warnings_are_one_line(pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    def warn() -> None:
        warnings.simplefilter("always")
        warnings.warn("rp100 and rp500 are identical", stacklevel=1)

    pipeline.during = warn
    assert main(["check", scenario]) == 0
    assert capsys.readouterr().err == "warning: rp100 and rp500 are identical\n"


def test_what_nobody_can_catch_is_not_shown(
    pipeline: FakePipeline, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Noisy:
        def __del__(self) -> None:
            raise UnicodeDecodeError("utf-8", b"\xcc", 0, 1, "invalid continuation byte")

    def rasterio_in_trouble() -> None:
        Noisy()
        sys.excepthook(UnicodeDecodeError, UnicodeDecodeError("utf-8", b"\xcc", 0, 1, "invalid byte"), None)

    before = sys.unraisablehook, sys.excepthook
    pipeline.during = rasterio_in_trouble
    assert main(["check", scenario]) == 0
    assert capsys.readouterr().err == ""
    assert (sys.unraisablehook, sys.excepthook) == before


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO + '"\\e[31mred": 1\n', encoding="utf-8")
    assert main(["check", str(path)]) == 78
    assert "\x1b" not in capsys.readouterr().err
    # Names of events may come from a file of maps, and stand in answers.
    Answer({}, lines=["storm \x1b[2J\r\n서울"]).tell(verb="check", as_json=False)
    assert capsys.readouterr().out == "storm \\x1b[2J\\r\\n서울\n"


def test_a_directory_with_other_things_is_refused(
    pipeline: FakePipeline, scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", scenario, "-o", str(tmp_path)]) == 73
    assert "holds other things and no run; wanted: a run directory, an empty directory" in capsys.readouterr().err
    assert main(["run", scenario, "-o", scenario]) == 73
    assert "town.yaml: a file; wanted: a run directory" in capsys.readouterr().err
    assert main(["run", scenario, "-o", f"{scenario}/run/a"]) == 73
    assert "a place below the file" in capsys.readouterr().err
    assert main(["demo", "--out", str(tmp_path)]) == 73
    assert [name for name, _ in pipeline.calls] == ["demo_scenario"]
    assert [path.name for path in tmp_path.iterdir()] == ["town.yaml"]


def test_an_empty_directory_and_a_run_are_taken(pipeline: FakePipeline, scenario: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    assert main(["run", scenario, "-o", str(out)]) == 0
    # Left by a file browser.
    (out / "Thumbs.db").touch()
    assert main(["run", scenario, "-o", str(out)]) == 0
    # A store of another program's; with the lock it is what a call was removing when it was killed.
    (out / "results.zarr").mkdir()
    assert main(["run", scenario, "-o", str(out)]) == 73
    (out / ".lock").touch()
    assert main(["run", scenario, "-o", str(out)]) == 0
    (out / "manifest.json").write_text('{"scenario_sha256": ""}', encoding="utf-8")
    assert main(["run", scenario, "-o", str(out)]) == 0


def test_a_run_that_ended_while_it_wrote_its_tables_is_taken(
    pipeline: FakePipeline, scenario: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    (out / RESULTS).mkdir(parents=True)
    (out / NETWORK).mkdir()
    (out / ".lock").touch()
    for name in FILES:
        if name != MANIFEST:
            (out / name).touch()
    assert main(["run", scenario, "-o", str(out)]) == 0


def test_a_place_that_cannot_be_written_is_refused(
    pipeline: FakePipeline, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["run", scenario, "-o", str(tmp_path / "run")]) == 73


def test_nothing_is_written_for_a_wrong_scenario(tmp_path: Path, pipeline: FakePipeline) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO + "seeed: 3\n", encoding="utf-8")
    assert main(["run", str(path), "-o", str(tmp_path / "run")]) == 78
    assert [entry.name for entry in tmp_path.iterdir()] == ["town.yaml"]
    assert pipeline.calls == []


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "resilience.cli", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["check", "--help"], ["run", "--help"], ["doctor", "--help"], ["fly"]]
)
def test_help_does_not_wait_for_the_geospatial_stack(arguments: list[str]) -> None:
    heavy = ("numba", "xarray", "geopandas", "pandas", "rasterio", "scipy", "pyproj", "pydantic", "dask")
    program = (
        "import sys\nfrom resilience.cli import main\n"
        f"code = main({arguments!r})\n"
        f"print(code, [name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    code, _, loaded = done.stderr.splitlines()[-1].partition(" ")
    assert code == ("2" if arguments == ["fly"] else "0")
    assert set(json.loads(loaded.replace("'", '"'))) <= {"pydantic"}


def test_a_wrong_scenario_as_a_process(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO.replace("name: demo", "name: 3"), encoding="utf-8")
    done = call("check", str(path))
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == f"error: {path}:2:7: name: 3; wanted: a name: a letter, then letters, digits, '_' or '-'\n"


def test_colour_where_it_is_wanted() -> None:
    assert call("check", "/nowhere.yaml", FORCE_COLOR="1", TERM="xterm").stderr.startswith("\x1b[31merror: \x1b[0m")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"FORCE_COLOR": "1", "NO_COLOR": "1"}])
def test_no_colour_where_none_is_wanted(environment: dict[str, str]) -> None:
    assert "\x1b" not in call("check", "/nowhere.yaml", **environment).stderr


def test_a_reader_that_left_is_no_defect(tmp_path: Path) -> None:
    program = f"{sys.executable} -m resilience.cli schema | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "141"
    assert done.stderr == ""


def test_a_terminal_of_few_letters_gets_the_rest_escaped(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(SCENARIO.replace("name: demo", "name: 도시 !"), encoding="utf-8")
    done = call("check", str(path), PYTHONIOENCODING="ascii")
    assert done.returncode == 78
    assert "\\ub3c4" in done.stderr
