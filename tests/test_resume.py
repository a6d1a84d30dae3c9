"""A run directory: what is done stays done, what changed is found, and two jobs never share one."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from resilience import resume
from resilience.cli import main
from resilience.engine import Threads
from resilience.errors import DataError, LockedError, MissingInputError, OutOfTimeError, StorageError
from resilience.ledger import Ledger, pack, unpack
from resilience.pipeline import assess
from resilience.sampling import Deadline
from resilience.scenario import Scenario
from resilience.stopping import find_relative_error
from resilience.store import MANIFEST, RunStore, open_results

# Of three events, four each: of the run, of a branch, and of the paired runs of one asset.
BLOCKS = 3 * 4 * 4
OWN = ("ledger", "logs", MANIFEST, ".lock")


def files_of(run: Path) -> dict[str, bytes]:
    """Everything that a run wrote but what tells of times and processes."""
    found = {str(path.relative_to(run)): path for path in sorted(run.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(OWN)}


def records_of(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob("ledger/*/[0-9]*.json"))}


def scenario_of(site: Any, **more: Any) -> Scenario:
    """Two assets, three events, four blocks each, with branches and a paired run."""
    values = [[0.2, 0.0], [0.6, 0.3], [0.9, 0.5]]
    hazard = {"values": values, "return_periods": [10, 100, 500]}
    counts = {"samples": 2048, "block": 512, **more.pop("monte_carlo", {})}
    return site.scenario(
        [{"id": "A"}, {"id": "B"}], [hazard], needs=[("zone", "power", ["A", "B"], 1)], monte_carlo=counts,
        importance={"assets": ["A"]}, branches=[{"name": "wet", "hazard_bias": {"family0": 0.1}}], **more,
    )  # fmt: skip


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Event and number of every block that is solved."""
    found: list[tuple[int, int]] = []
    run = Threads.run

    def noted(self: Threads, city: Any, blocks: Any, take: Any, **more: Any) -> None:
        def note(block: Any, sums: Any) -> None:
            found.append((block.task.event, block.number))
            take(block, sums)

        run(self, city, blocks, note, **more)

    monkeypatch.setattr(Threads, "run", noted)
    return found


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have runs end after so many blocks, as if their time were over."""

    def stop_after(blocks: int) -> None:
        left = iter([True] * blocks)
        monkeypatch.setattr(Deadline, "leaves_time", lambda _: next(left, False))

    return stop_after


@pytest.fixture
def running(stopping: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(Deadline, "leaves_time", lambda _: True)


class TestGoingOn:
    def test_a_run_in_pieces_is_byte_for_byte_the_run_in_one(self, site, tmp_path, solved, stopping, running):
        scenario = scenario_of(site)
        whole = assess(scenario, out=tmp_path / "whole").dataset
        n_block = len(solved)
        assert n_block == BLOCKS
        solved.clear()
        done: dict[str, bytes] = {}
        for _ in range(7):
            stopping(6)
            with pytest.raises(OutOfTimeError, match="blocks done; wanted: a later call, which goes on from here"):
                assess(scenario, out=tmp_path / "pieces", threads=1)
            assert done.items() <= records_of(tmp_path / "pieces").items()
            done = records_of(tmp_path / "pieces")
            assert not (tmp_path / "pieces" / MANIFEST).exists()
            with pytest.raises(StorageError, match="none there"):
                open_results(tmp_path / "pieces")
        running()
        pieces = assess(scenario, out=tmp_path / "pieces").dataset
        assert len(solved) == n_block
        assert done.items() <= records_of(tmp_path / "pieces").items()
        assert files_of(tmp_path / "pieces") == files_of(tmp_path / "whole")
        assert pieces.identical(whole)

    def test_a_finished_run_is_told_again_and_not_solved_again(self, site, tmp_path, solved):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        before, records = files_of(tmp_path / "run"), records_of(tmp_path / "run")
        solved.clear()
        shutil.rmtree(tmp_path / "run" / "results.zarr")
        (tmp_path / "run" / "summary.csv").unlink()
        assess(scenario, out=tmp_path / "run")
        assert solved == []
        assert files_of(tmp_path / "run") == before
        assert records_of(tmp_path / "run") == records

    def test_a_run_that_was_copied_elsewhere_goes_on_there(self, site, tmp_path, solved, stopping, running):
        scenario = scenario_of(site)
        stopping(7)
        with pytest.raises(OutOfTimeError):
            assess(scenario, out=tmp_path / "first", threads=1)
        shutil.copytree(tmp_path / "first", tmp_path / "한 곳" / "second")
        running()
        assess(scenario, out=tmp_path / "한 곳" / "second")
        assert len(solved) == BLOCKS

    def test_what_a_killed_process_had_begun_to_write_is_removed(self, site, tmp_path):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        before = files_of(tmp_path / "run")
        for place in ("", "ledger/run/"):
            (tmp_path / "run" / f"{place}.writing-99-manifest.json").write_bytes(b"{")
        assess(scenario, out=tmp_path / "run")
        assert files_of(tmp_path / "run") == before
        assert not list((tmp_path / "run").rglob(".writing-*"))


class TestDamage:
    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda sums, _: sums.write_bytes(sums.read_bytes()[:-1]), "bytes of sums, .* recorded"),
            (lambda sums, _: sums.write_bytes(flipped(sums.read_bytes())), "its sums are not those that were recorded"),
            (lambda sums, _: sums.unlink(), "its sums are gone"),
            (lambda _, record: record.write_bytes(record.read_bytes()[:40]), "its record cannot be read"),
        ],
    )  # fmt: skip
    def test_a_block_that_is_not_as_recorded_is_found_and_solved_again(self, site, tmp_path, solved, spoil, told):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        before = files_of(tmp_path / "run")
        solved.clear()
        block = tmp_path / "run" / "ledger" / "run" / "00001-000002"
        spoil(block.with_suffix(".sums"), block.with_suffix(".json"))
        with pytest.warns(RuntimeWarning, match=rf"ledger/run/00001-000002.json: .*{told}: the block is solved again"):
            assess(scenario, out=tmp_path / "run")
        assert solved == [(1, 2)]
        assert files_of(tmp_path / "run") == before

    def test_a_ledger_that_cannot_be_read_is_not_gone_on_with(self, site, tmp_path):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        (tmp_path / "run" / "ledger" / "run.json").write_text("{")
        with pytest.raises(DataError, match="a ledger that cannot be read; wanted: the same job, or --restart"):
            assess(scenario, out=tmp_path / "run")
        assess(scenario, out=tmp_path / "run", restart=True)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


class TestAnotherJob:
    def test_of_a_changed_scenario_is_refused_and_its_keys_told(self, site, tmp_path):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
        other = Scenario.from_dict({**scenario.to_dict(), "seed": 99, "name": "other"})
        with pytest.raises(DataError, match=r"2 changed keys of the scenario that it holds \(first: name, seed\)"):
            assess(other, out=tmp_path / "run")
        assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}

    def test_on_changed_inputs_is_refused_though_their_names_are_the_same(self, site, tmp_path):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        [source] = scenario.hazards[0].parts().values()
        path = source.sources()[0].path
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(DataError, match=f"inputs that have changed since it was begun: {path}"):
            assess(scenario, out=tmp_path / "run")
        assess(scenario, out=tmp_path / "run", restart=True)

    def test_without_an_input_that_it_had_is_a_missing_input(self, site, tmp_path, stopping, running):
        scenario = scenario_of(site)
        stopping(5)
        with pytest.raises(OutOfTimeError):
            assess(scenario, out=tmp_path / "run", threads=1)
        running()
        path = scenario.hazards[0].sources()[0].path
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(MissingInputError, match=path.name):
            assess(scenario, out=tmp_path / "run")
        path.write_bytes(content)
        assess(scenario, out=tmp_path / "run")

    def test_on_an_input_that_changes_meanwhile_is_not_finished(self, site, tmp_path, monkeypatch):
        scenario = scenario_of(site)
        path = scenario.hazards[0].sources()[0].path
        run = Threads.run

        def changing(self: Threads, *arguments: Any, **more: Any) -> None:
            run(self, *arguments, **more)
            os.utime(path, ns=(1, 1))

        monkeypatch.setattr(Threads, "run", changing)
        with pytest.raises(DataError, match=f"inputs changed meanwhile: {path}"):
            assess(scenario, out=tmp_path / "run")
        assert not (tmp_path / "run" / MANIFEST).exists()

    def test_of_other_code_is_refused(self, site, tmp_path, monkeypatch):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        now = {**resume.describe_code(), "numpy": "0.1"}
        monkeypatch.setattr(resume, "describe_code", lambda: now)
        told = f"parts of the code that are others now: numpy {np.__version__}, now 0.1"
        with pytest.raises(DataError, match=told):
            assess(scenario, out=tmp_path / "run")

    def test_replaces_all_of_the_earlier_where_told_to_restart(self, site, tmp_path, solved):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "run")
        (tmp_path / "run" / "kept.txt").write_text("mine")
        other = Scenario.from_dict({**scenario.to_dict(), "seed": 99})
        solved.clear()
        assess(other, out=tmp_path / "run", restart=True)
        assert len(solved) == BLOCKS
        fresh = assess(other, out=tmp_path / "fresh")
        assert files_of(tmp_path / "run") == {**files_of(fresh.path), "kept.txt": b"mine"}


class TestOneDirectory:
    def test_a_second_job_is_told_who_holds_it_and_writes_nothing(self, site, tmp_path):
        held = RunStore(tmp_path / "run")
        for restart in (False, True):
            with pytest.raises(LockedError, match=f"held by process {os.getpid()} on "):
                assess(scenario_of(site), out=tmp_path / "run", restart=restart)
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
        held.close()
        assess(scenario_of(site), out=tmp_path / "run")

    @pytest.mark.parametrize("room", ["for nothing", "for all blocks"])
    def test_a_full_disk_ends_the_run_and_the_next_goes_on(self, site, tmp_path, solved, room):
        scenario = scenario_of(site)
        assess(scenario, out=tmp_path / "whole")
        largest = max(path.stat().st_size for path in (tmp_path / "whole" / "ledger").rglob("*.*"))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        solved.clear()
        try:
            # A limit for every file stands for a full disk: the manifest is larger than any of the ledger.
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest if room == "for all blocks" else 256, before[1]))
            with pytest.raises(StorageError, match="File too large") as told:
                assess(scenario, out=tmp_path / "run")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert told.value.exit_code == 74
        assert len(solved) == (BLOCKS if room == "for all blocks" else 0)
        assert not (tmp_path / "run" / MANIFEST).exists()
        assess(scenario, out=tmp_path / "run")
        assert len(solved) == BLOCKS
        assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


class TestTolerance:
    def values(self, site: Any, tolerance: float | None, **counts: Any) -> Any:
        monte_carlo = {"samples": 32768, "block": 2048, **counts}
        if tolerance is not None:
            monte_carlo["tolerance"] = tolerance
        return scenario_of(site, monte_carlo=monte_carlo)

    def test_stops_at_the_first_look_that_is_precise_enough_and_keeps_what_it_saw(self, site, tmp_path):
        whole = assess(self.values(site, None)).dataset["people_without_service"]
        weight = assess(self.values(site, None)).dataset["annual_weight"].values
        looks = {n: find_relative_error(whole.values[..., :n], weight, np.array([True])) for n in (4096, 8192, 16384)}
        tolerance = looks[8192] * 1.0001
        assert looks[4096] > tolerance
        result = assess(self.values(site, tolerance), out=tmp_path / "run")
        assert result.dataset.sizes["sample"] == result.dataset.attrs["samples"] == 8192
        np.testing.assert_array_equal(result.dataset["people_without_service"], whole[..., :8192])
        assert open_results(tmp_path / "run")["people_without_service"].shape == (3, 1, 8192)
        assert json.loads((tmp_path / "run" / MANIFEST).read_text())["figures"]["samples"] == 8192
        alone = assess(self.values(site, None, samples=8192)).dataset
        for name in ("expected_annual_people", "failure_probability", "zone_down_probability"):
            if name in alone:
                np.testing.assert_array_equal(result.dataset[name], alone[name])

    def test_takes_all_samples_where_none_is(self, site):
        assert assess(self.values(site, 1e-6, samples=6144)).dataset.sizes["sample"] == 6144

    def test_goes_on_to_the_same_end(self, site, tmp_path, stopping, running):
        scenario = self.values(site, 0.02)
        whole = assess(scenario, out=tmp_path / "whole")
        assert 4096 < whole.dataset.sizes["sample"] < 32768
        stopping(7)
        with pytest.raises(OutOfTimeError):
            assess(scenario, out=tmp_path / "pieces", threads=2)
        running()
        assess(scenario, out=tmp_path / "pieces")
        assert files_of(tmp_path / "pieces") == files_of(tmp_path / "whole")

    def test_wants_blocks_that_fit_between_looks(self, site):
        with pytest.raises(Exception, match=r"block: 1536; wanted: with a tolerance, a divisor of 4,096"):
            self.values(site, 0.01, samples=6144, block=1536)


def test_sums_are_packed_without_loss() -> None:
    arrays: dict[str, NDArray[Any]] = {
        "none": np.empty((0, 3), np.int64), "one": np.array(5), "access.many": np.arange(6.0).reshape(2, 3)
    }  # fmt: skip
    back = unpack(pack(arrays), {name: (array.dtype, array.shape) for name, array in arrays.items()})
    assert back is not None
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)
    assert pack(arrays) == pack(back)


def test_the_ledger_tells_its_parts(site, tmp_path) -> None:
    scenario = scenario_of(site)
    assess(scenario, out=tmp_path / "run")
    ledger = Ledger(tmp_path / "run")
    about = ledger.about()
    assert about is not None
    assert about["scenario_sha256"] == scenario.digest()
    assert [one["path"] for one in about["inputs"]] == sorted(one["path"] for one in about["inputs"])
    parts = {part.folder.name: part for part in ledger.parts()}
    assert list(parts) == ["branch-000", "pair-000-down", "pair-000-up", "run"]
    assert parts["run"].about() == {"title": "run", "blocks": 12}
    records = list(parts["run"].records())
    assert [(one.event, one.number, one.first_sample) for one in records] == [
        (event, number, 512 * number) for event in range(3) for number in range(4)
    ]


def test_the_command_line_goes_on_restarts_and_stops_in_time(site, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("RESILIENCE_ALLOW_OUTSIDE", str(tmp_path.parent))
    path = tmp_path / "town.yaml"
    path.write_text(scenario_of(site).to_yaml(), encoding="utf-8")
    out = str(tmp_path / "run")
    assert main(["run", str(path), "-o", out, "--max-wall", "0s"]) == 75
    assert "time for the run: 0 of 12 blocks done" in capsys.readouterr().err
    assert main(["run", str(path), "-o", out, "--max-wall", "1h"]) == 0
    assert main(["run", str(path), "-o", out, "--set", "seed=4"]) == 65
    assert "changed keys" in capsys.readouterr().err
    assert main(["run", str(path), "-o", out, "--set", "seed=4", "--restart"]) == 0
    assert main(["run", str(path), "-o", out, "--max-wall", "soon"]) == 2
