"""Runs as processes that are killed, terminated and interrupted: what is recorded is never done again, nothing is lost.

RESILIENCE_KILLS says how often one run is killed; `make soak` asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resilience.pipeline import demo_scenario
from resilience.scenario import Scenario
from tests.test_resume import files_of, records_of

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("RESILIENCE_KILLS", "5"))
BLOCKS = 13 * 8  # of the events of the scenario below
PATIENCE = 300.0  # s, for whatever a busy machine is at


def begin(scenario: Path, run: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "resilience.cli", "run", str(scenario), "-o", str(run), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop_when(process: subprocess.Popen[str], ready: Callable[[], bool], number: int) -> tuple[int, str]:
    """Send a signal once something is so; return the exit code and what was said."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and not ready():
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def finish(scenario: Path, run: Path) -> None:
    process = begin(scenario, run)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = demo_scenario(size=600).to_dict()
    more = {"time": {"repair": {}}, "monte_carlo": {"samples": 4096, "block": 512}, "risk": {"catalogue_years": 0}}
    path = tmp_path_factory.mktemp("scenario") / "town.yaml"
    path.write_text(Scenario.from_dict({**data, **more}).to_yaml(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run leaves that nobody disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    finish(scenario, run)
    return files_of(run)


def test_a_run_that_is_killed_again_and_again_ends_as_the_one_that_was_not(
    scenario: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    run, moments, done, kills = tmp_path / "run", random.Random(KILLS), {}, 0
    for kill in range(KILLS):
        # So many more blocks, or while what is made of all of them is written.
        wanted = len(done) + moments.randrange(1, max(2, 2 * BLOCKS // KILLS))
        late = wanted > BLOCKS or kill == KILLS - 1
        code, _ = stop_when(
            begin(scenario, run),
            lambda wanted=wanted, late=late: (
                (run / "results.zarr.partial" / "asset").exists() if late else len(records_of(run)) >= wanted
            ),
            signal.SIGKILL,
        )  # fmt: skip
        if code == 0:  # it was done before it was seen to be late
            break
        kills += 1
        assert code == -signal.SIGKILL
        now = records_of(run)
        assert done.items() <= now.items()
        done = now
        assert not (run / "manifest.json").exists()
    assert kills > KILLS // 2
    finish(scenario, run)
    assert done.items() <= records_of(run).items()
    assert len(records_of(run)) == BLOCKS
    assert files_of(run) == whole
    assert not list(run.rglob(".writing-*"))


@pytest.mark.usefixtures("hears_interrupts")
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_run_that_is_asked_to_stop_says_so_and_can_be_gone_on_with(
    scenario: Path, whole: dict[str, bytes], tmp_path: Path, number: int, code: int, word: str
) -> None:
    run = tmp_path / "run"
    found, said = stop_when(begin(scenario, run), lambda: len(records_of(run)) >= 3, number)
    assert found == code
    assert said.splitlines()[-1] == word
    assert "Traceback" not in said
    done = records_of(run)
    finish(scenario, run)
    assert done.items() <= records_of(run).items()
    assert files_of(run) == whole


def test_a_second_job_on_the_directory_of_a_running_one_is_sent_away(scenario: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = begin(scenario, run)
    end = time.monotonic() + PATIENCE
    while not records_of(run):
        assert first.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    second = begin(scenario, run, "--restart")
    _, said = second.communicate(timeout=PATIENCE)
    assert second.returncode == 75
    assert f"held by process {first.pid} on" in said
    _, said = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, said
