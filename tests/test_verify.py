"""A finished run is looked at again: whatever was changed since is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from resilience import verify
from resilience.cli import main
from resilience.errors import DataError, MissingInputError
from resilience.pipeline import assess
from resilience.verify import verify_run
from tests.test_resume import BLOCKS, flipped, scenario_of

OF_THE_RUN = BLOCKS // 4


@pytest.fixture
def run(site: Any, tmp_path: Path) -> Path:
    place = tmp_path / "run"
    assess(scenario_of(site), out=place)
    return place


def test_a_run_that_nobody_touched_is_as_it_says(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verified = verify_run(run, blocks=99)
    assert (verified.recorded, len(verified.solved)) == (BLOCKS, OF_THE_RUN)
    assert main(["run", "--verify", str(run)]) == 0
    told = capsys.readouterr().out
    assert f"blocks: {BLOCKS} as recorded" in told
    assert "solved again, the same bits: blocks" in told


@pytest.mark.parametrize("name", ["summary.csv", "network/assets.csv", "ledger/run/00002-000001.sums", "scenario.yaml"])
def test_a_flipped_bit_is_found(run: Path, name: str) -> None:
    path = run / name
    path.write_bytes(flipped(path.read_bytes()))
    with pytest.raises(DataError, match=r"other content|others for block 1 of event 2"):
        verify_run(run)


def test_a_flipped_bit_in_the_store_is_found_and_mended_by_the_next_call(site: Any, tmp_path: Path) -> None:
    scenario, run = scenario_of(site), tmp_path / "run"
    assess(scenario, out=run)
    chunk = max((run / "results.zarr").rglob("c/*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    chunk.write_bytes(flipped(chunk.read_bytes()))
    assert main(["run", "--verify", str(run)]) == 65
    assess(scenario, out=run)
    assert main(["run", "--verify", str(run)]) == 0


def test_what_is_gone_is_told(run: Path) -> None:
    (run / "why.csv").unlink()
    (run / "ledger" / "run" / "00001-000003.json").unlink()
    [source] = json.loads((run / "manifest.json").read_text())["hazards"]
    assert source["crs"] == "EPSG:5179"
    with pytest.raises(DataError) as told:
        verify_run(run)
    said = str(told.value)
    assert "why.csv: gone; wanted: what the manifest tells" in said
    assert f"{OF_THE_RUN - 1}; wanted: {OF_THE_RUN} records of blocks" in said


def test_other_numbers_are_found_though_all_hashes_are_right(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    solve_block = verify.solve_block

    def wrong(*arguments: Any) -> Any:
        sums = solve_block(*arguments)
        sums.failed[0] += 1
        return sums

    monkeypatch.setattr(verify, "solve_block", wrong)
    with pytest.raises(DataError, match=r"others: failed; wanted: the same bits when it is solved again"):
        verify_run(run, blocks=1)


def test_a_run_that_is_not_finished_cannot_be_verified(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "manifest.json").unlink()
    with pytest.raises(MissingInputError, match="wanted: the directory of a finished run"):
        verify_run(run)
    shutil.rmtree(run)
    assert main(["run", "--verify", str(run)]) == 66
    assert main(["run", "--verify", str(run), "-o", "there"]) == 2
    assert main(["run", "-o", "there"]) == 2
    capsys.readouterr()


def test_the_manifest_tells_how_every_file_was_understood(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    [maps] = manifest["hazards"]
    assert {name: maps[name] for name in ("family", "crs", "unit", "nodata", "outside", "events")} == {
        "family": "family0", "crs": "EPSG:5179", "unit": "m", "nodata": "error", "outside": "error", "events": 3,
    }  # fmt: skip
    layers = [(Path(one["path"]).name, one["what"], one["crs"]) for one in manifest["network"]["layers"]]
    assert layers == [("assets.csv", "assets", "EPSG:5179"), ("zones.csv", "zones", "EPSG:5179")]
    told = {*maps["files"], *(one["path"] for one in manifest["network"]["layers"])}
    assert told < {one["path"] for one in manifest["inputs"]}
    assert all(len(one["sha256"]) == 64 and one["bytes"] for one in manifest["inputs"])
