"""What a plan says against what a run takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resilience import assess, sampling
from resilience.cli import main
from resilience.engine import simulate
from resilience.inputs import load_inputs
from resilience.pipeline import demo_scenario, prepare_run
from resilience.plan import Plan, Stopwatch, make_plan
from resilience.scenario import Scenario

PAGE = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")
WHOLE = {
    "time": {"hours": [0, 24, 72]}, "importance": {"top": 2}, "branches": [{"name": "dear", "cost_factor": 2.0}],
    "options": [{"name": "high", "cost": 1, "life_years": 30, "changes": {"raise": {"kind": "substation"}, "by_m": 1}}],
    "monte_carlo": {"samples": 1536, "block": 1024},
}  # fmt: skip


def town(size: int = 500, **more: Any) -> Scenario:
    told = demo_scenario(size=size, samples=512).model_dump(exclude_none=True, exclude_unset=True)
    return Scenario.from_dict({**told, **more})


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(town(1000, monte_carlo={"samples": 8192}).to_yaml(), encoding="utf-8")
    return path


def measured(*arguments: str) -> tuple[str, int]:
    """Return what a verb writes, and the most memory that its process ever held."""
    program = (
        "import sys\nfrom resilience.cli import main\ncode = main(sys.argv[1:])\n"
        "status = open('/proc/self/status').read()\nprint(status, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=300
    )
    (most,) = re.findall(r"^VmHWM:\s+(\d+) kB$", done.stderr, flags=re.MULTILINE)
    return done.stdout, 1024 * int(most)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have all kernels compiled: the run after a plan does not compile them again."""
    path = tmp_path_factory.mktemp("compiled") / "town.yaml"
    path.write_text(town(time={}).to_yaml(), encoding="utf-8")
    assert main(["plan", str(path)]) == 0


@pytest.mark.usefixtures("compiled")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no way to see the memory of a process here")
@pytest.mark.parametrize("grid", ["", "time: {}\n"])
def test_a_run_takes_the_memory_that_was_told(scenario: Path, grid: str) -> None:
    scenario.write_text(scenario.read_text(encoding="utf-8") + grid, encoding="utf-8")
    told, _ = measured("plan", str(scenario), "--json")
    _, most = measured("run", str(scenario), "-o", str(scenario.parent / "run"))
    plan = json.loads(told)["answer"]
    assert plan["memory"] == pytest.approx(most, rel=0.2)
    # Folders take room too.
    disk = sum(path.stat().st_size for path in (scenario.parent / "run").rglob("*"))
    assert plan["disk"] == pytest.approx(disk, rel=0.5)


@pytest.mark.parametrize("more", [{}, WHOLE], ids=["plain", "whole"])
def test_blocks_are_those_of_the_run(tmp_path: Path, more: dict[str, Any]) -> None:
    plan = make_plan(town(**more))
    assess(town(**more), out=tmp_path / "run")
    assert plan.blocks == len(list((tmp_path / "run" / "ledger").glob("*/*-*.json")))


def test_nothing_is_written(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(scenario.parent)
    assert main(["plan", "town.yaml", "--threads", "3"]) == 0
    assert [path.name for path in scenario.parent.iterdir()] == ["town.yaml"]
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    assert lines[0] == "synthetic-city: 1,000 assets, 13 events, 8,192 samples each"
    assert lines[1] == "blocks: 26 of 4,096 samples, on 3 threads"
    assert [line.partition(":")[0] for line in lines[2:5]] == ["memory", "disk", "time"]
    assert {line.partition(":")[0] for line in lines[5:]} == {"assumed"}


def test_as_a_verb_for_programs(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(scenario), "--workers", "4", "--set", "network.synthetic.size=500", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    (row,) = re.findall(r"^\| `plan` \|(.*)\|$", PAGE, flags=re.MULTILINE)
    assert set(answer) == set(re.findall(r"`(\w+)`", row))
    assert (answer["processes"], answer["workers"], answer["assets"]) == (True, 4, 500)
    # A process needs at least what Python and its packages need.
    assert answer["memory"] > answer["worker_memory"] > 100e6


def test_mistakes_are_those_of_the_run(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "/nowhere/town.yaml"]) == 66
    assert main(["plan", str(scenario), "--set", "monte_carlo.samples=500"]) == 78
    assert main(["plan", str(scenario), "--threads", "2", "--workers", "2"]) == 2
    assert main(["plan", str(scenario), "--threads", "0"]) == 2
    assert "not both" in capsys.readouterr().err


def test_what_grows_with_what() -> None:
    def told(samples: int, **more: Any) -> Plan:
        return make_plan(town(monte_carlo={"samples": samples}), **more)

    few, many = told(4096, threads=1), told(65536, threads=1)
    assert many.blocks == 16 * few.blocks
    # People without each of 8 services in 13 events, a float64 per sample, are there at least once.
    assert many.memory - few.memory > 8 * 13 * 8 * (65536 - 4096)
    assert many.seconds > few.seconds
    assert many.disk > few.disk
    assert told(4096, threads=4).memory > few.memory
    assert few.worker_memory is None
    assert any("tolerance" in line for line in make_plan(town(monte_carlo={"samples": 8192, "tolerance": 0.1})).assumed)


def test_a_block_for_processes_is_as_large_as_the_run_will_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def choose(_city: Any, tasks: Any, **more: Any) -> int:
        asked.append({"tasks": len(tasks), **more})
        return 2 * int(more["least"])

    monkeypatch.setattr(sampling, "choose_block_samples", choose)
    many = {"samples": 32768}
    plan = make_plan(town(monte_carlo=many), workers=3)
    assert asked[-1] == {"tasks": 13, "n_samples": 32768, "least": 4096, "workers": 3}
    assert (plan.block, plan.blocks) == (8192, 13 * 4)
    assert any("a run times it anew" in line for line in plan.assumed)
    asked.clear()
    for more, how, block in (({}, {"threads": 3}, 4096), ({"block": 1024}, {"workers": 3}, 1024),
                             ({"tolerance": 0.1}, {"workers": 3}, 4096)):  # fmt: skip
        plan = make_plan(town(monte_carlo={**many, **more}), **how)
        assert plan.block == block
        assert not any("a run times it anew" in line for line in plan.assumed)
    assert asked == []


def test_the_stopwatch_notes_every_block_and_not_the_loading_of_kernels() -> None:
    ticks = iter(range(10_000))
    watch = Stopwatch(clock=lambda: float(next(ticks)))
    scenario = town()
    prepared = prepare_run(scenario, load_inputs(scenario))
    taken: list[int] = []
    simulate(
        prepared.city, prepared.tasks, n_samples=1024, block_samples=512, pool=watch,
        on_block=lambda block, _: taken.append(block.task.event),
    )  # fmt: skip
    assert taken == [event for event in range(13) for _ in range(2)]
    assert watch.seconds == [1.0] * 26
    assert watch.task is prepared.tasks[watch.task.event]  # type: ignore[union-attr]


def test_lines_for_people() -> None:
    plan = make_plan(town(), threads=1)
    lines = replace(plan, seconds=9000.0, memory=2.5e9, worker_memory=3e8, processes=True, workers=8).lines()
    assert "time: about 2.5 h" in lines
    assert "memory: 2.5 GB, and 300 MB in each process" in lines
