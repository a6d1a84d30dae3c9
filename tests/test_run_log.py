"""The log of a run: every line one JSON object, nothing of it on the terminal, nothing lost, nothing foreign."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from resilience import assess
from resilience.cli import main
from resilience.errors import DataError, Problem
from resilience.pipeline import demo_scenario
from resilience.run_log import STEPS, RunLog

PAGE = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")


def read(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a log, each of which must be whole and have what every line has."""
    lines = [json.loads(line) for line in (run / "logs" / "run.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        assert list(line)[:6] == ["time", "level", "run", "event", "message", "logger"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("info", "warning", "error", "critical")
    return lines


def events(run: Path) -> list[str]:
    return [line["event"] for line in read(run)]


def test_lines_before_the_directory_is_there_are_kept(tmp_path: Path) -> None:
    with RunLog() as log:
        log.tell("one", "first", a=1)
        log.keep_in(tmp_path, run="a1")
        log.tell("two", "second")
    assert [(line["event"], line["message"], line["run"], line.get("a")) for line in read(tmp_path)] == [
        ("one", "first", "a1", 1), ("two", "second", "a1", None),
    ]  # fmt: skip


def test_without_a_directory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunLog() as log:
        log.tell("one", "first")
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_goes_on_below(tmp_path: Path) -> None:
    for word in ("one", "two"):
        with RunLog() as log:
            log.keep_in(tmp_path, run="a1")
            log.tell(word, word)
    assert events(tmp_path) == ["one", "two"]


def test_a_line_that_a_kill_cut_stays_apart(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "run.jsonl"
    path.write_text('{"time": "2026-', encoding="utf-8")
    with RunLog() as log:
        log.keep_in(tmp_path, run="a1")
        log.tell("one", "first")
    cut, whole = path.read_text(encoding="utf-8").splitlines()
    assert cut == '{"time": "2026-'
    assert json.loads(whole)["event"] == "one"


def test_a_kill_loses_no_line(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom resilience.run_log import RunLog\n"
        "with RunLog() as log:\n    log.keep_in(Path(sys.argv[1]), run='a1')\n"
        "    for number in range(100):\n        log.tell('step', str(number))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    assert [line["message"] for line in read(tmp_path)] == [str(number) for number in range(100)]


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    with RunLog() as log:
        log.keep_in(tmp_path, run="a1")
        threads = [threading.Thread(target=lambda: [log.tell("step", "x" * 500) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read(tmp_path)) == 800


@pytest.mark.parametrize("name", ["dask", "distributed.client", "distributed.worker.memory", "resilience.engine.x"])
def test_words_of_others_are_heard_once(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with RunLog() as log:
        log.keep_in(tmp_path, run="a1")
        logging.getLogger(name).warning("worker %s is gone", 3)
    (line,) = read(tmp_path)
    assert (line["event"], line["level"], line["message"], line["logger"]) == (
        "message", "warning", "worker 3 is gone", name,
    )  # fmt: skip
    assert capsys.readouterr() == ("", "")


def test_warnings_and_tracebacks_are_in_it(tmp_path: Path) -> None:
    def work() -> None:
        with RunLog() as log:
            log.keep_in(tmp_path, run="a1")
            warnings.warn("two maps are identical", stacklevel=1)
            try:
                raise ZeroDivisionError("a")
            except ZeroDivisionError:
                logging.getLogger("resilience").exception("odd")

    with pytest.warns(UserWarning, match="two maps are identical"):
        work()
    heard, odd = read(tmp_path)
    assert (heard["event"], heard["level"], heard["kind"]) == ("warning", "warning", "UserWarning")
    assert "Traceback" in odd["exception"]


def test_how_a_call_ended(tmp_path: Path) -> None:
    def work(error: BaseException) -> None:
        with RunLog() as log:
            log.keep_in(tmp_path, run="a1")
            raise error

    def end_with(error: BaseException) -> dict[str, Any]:
        with pytest.raises(type(error)):
            work(error)
        return read(tmp_path)[-1]

    told = end_with(DataError(Problem("depths", wanted=">= 0", got="negative", count=3, total=9)))
    assert (told["event"], told["level"], told["exit_code"]) == ("run_failed", "error", 65)
    assert told["problems"][0]["subject"] == "depths"
    told = end_with(KeyError("stray"))
    assert (told["event"], told["kind"], "Traceback" in told["exception"]) == ("run_failed", "KeyError", True)
    told = end_with(KeyboardInterrupt())
    assert (told["event"], told["level"], told["kind"]) == ("run_interrupted", "warning", "KeyboardInterrupt")


def test_loggers_are_left_as_they_were() -> None:
    names = ["", "resilience", STEPS, "dask", "distributed", "asyncio"]

    def state() -> list[tuple[int, bool, list[logging.Handler]]]:
        return [(one.level, one.propagate, list(one.handlers)) for one in map(logging.getLogger, names)]

    before, show = state(), warnings.showwarning
    with RunLog() as log:
        assert logging.getLogger().handlers == before[0][2]
        log.tell("a", "a")
    assert state() == before
    assert warnings.showwarning is show


def test_whoever_listens_to_the_package_gets_its_steps(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with RunLog() as log:
        log.tell("quiet", "not asked for")
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "resilience"), RunLog() as log:
        log.keep_in(tmp_path, run="a1")
        log.tell("loud", "asked for")
    assert [record.getMessage() for record in caplog.records] == ["asked for"]
    assert events(tmp_path) == ["loud"]


def test_runs_side_by_side_keep_their_lines_apart(tmp_path: Path) -> None:
    with RunLog() as one, RunLog() as two:
        one.keep_in(tmp_path / "1", run="a")
        two.keep_in(tmp_path / "2", run="b")
        one.tell("mine", "1")
        two.tell("mine", "2")
    assert [line["message"] for line in read(tmp_path / "1")] == ["1"]
    assert [line["message"] for line in read(tmp_path / "2")] == ["2"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_not_told_by_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run.jsonl").symlink_to("/dev/full")
    with RunLog() as log:
        log.keep_in(tmp_path, run="a1")
        log.tell("a", "a")
    assert capsys.readouterr() == ("", "")


RUN = ["run_started", "inputs_read", "part_started", "block_finished", "result_written", "run_finished"]


def test_a_run_has_its_log_and_the_terminal_has_nothing_of_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assess(demo_scenario(size=500, samples=512), out=tmp_path / "run")
    assert capfd.readouterr() == ("", "")
    lines = read(tmp_path / "run")
    assert list(dict.fromkeys(line["event"] for line in lines if line["level"] == "info")) == RUN
    about = json.loads((tmp_path / "run" / "ledger" / "run.json").read_text(encoding="utf-8"))
    assert {line["run"] for line in lines} == {about["run_id"]}
    blocks = [
        (line["part"], line["hazard_event"], line["block"]) for line in lines if line["event"] == "block_finished"
    ]
    kept = sorted(path.stem for path in (tmp_path / "run" / "ledger" / "run").glob("*-*.json"))
    assert sorted(f"{event:05d}-{block:06d}" for _, event, block in blocks) == kept
    assert lines[0]["process"].startswith(f"process {os.getpid()} on ")


def test_every_event_and_key_is_told_of(tmp_path: Path) -> None:
    assess(demo_scenario(size=500, samples=512), out=tmp_path / "run")
    page = PAGE.partition("## The log of a run")[2]
    events_told = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, flags=re.MULTILINE))
    for line in read(tmp_path / "run"):
        more = list(line)[6:]
        assert set(more) <= set(re.findall(r"`(\w+)`", events_told[line["event"]])), line["event"]
    assert {"run_failed", "run_interrupted", "warning", "message"} <= events_told.keys()


def test_a_resumed_run_goes_on_below(tmp_path: Path) -> None:
    scenario = demo_scenario(size=500, samples=1024)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assess(scenario, out=tmp_path / "run", progress=stop, threads=1)
    assert events(tmp_path / "run")[-1] == "run_interrupted"
    first = len(read(tmp_path / "run"))
    assess(scenario, out=tmp_path / "run", threads=1)
    lines = read(tmp_path / "run")
    assert lines[first]["event"] == "run_started"
    assert len({line["run"] for line in lines}) == 1
    blocks = [(line["hazard_event"], line["block"]) for line in lines if line["event"] == "block_finished"]
    assert len(set(blocks)) == len(blocks) == len(list((tmp_path / "run" / "ledger" / "run").glob("*-*.json")))


def test_wrong_inputs_leave_no_log(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text("schema_version: 1\nname: a\nnetwork: {zones: z.csv}\nhazards: []\n", encoding="utf-8")
    assert main(["run", str(path), "-o", str(tmp_path / "run")]) == 78
    assert not (tmp_path / "run").exists()


def test_a_failure_on_the_way_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DataError(Problem("depths", wanted=">= 0", got="negative"))

    monkeypatch.setattr("resilience.pipeline.rank_assets", fail)
    with pytest.raises(DataError):
        assess(demo_scenario(size=500, samples=512), out=tmp_path / "run")
    last = read(tmp_path / "run")[-1]
    assert (last["event"], last["exit_code"], last["problems"][0]["got"]) == ("run_failed", 65, "negative")


@pytest.mark.parametrize(("flag", "wanted"), [("-q", "nothing"), ("", "progress"), ("-v", "steps")])
def test_how_much_is_said(flag: str, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--size", "500", *([flag] if flag else [])]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("service  ")
    assert ("blocks (" in told.err) == (wanted != "nothing")
    assert ("note: " in told.err) == (wanted != "nothing")
    assert ("inputs read: " in told.err) == (wanted == "steps")
    if wanted == "nothing":
        assert told.err == ""


def test_quiet_and_verbose_are_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-q", "-v"]) == 2
    assert "not both" in capsys.readouterr().err


def test_warnings_are_said_even_where_it_is_to_be_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(*_: object, **__: object) -> None:
        logging.getLogger("resilience.engine.cluster").warning("worker 3 is gone")
        raise DataError(Problem("depths", wanted=">= 0", got="negative"))

    monkeypatch.setattr("resilience.pipeline.load_inputs", warn)
    assert main(["demo", "-q"]) == 65
    assert capsys.readouterr().err.splitlines() == ["worker 3 is gone", "error: depths: negative; wanted: >= 0"]
