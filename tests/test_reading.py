"""A run that is opened again is the result that was returned."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import resilience
from resilience.cli import main
from resilience.errors import DataError, MissingInputError, StorageError
from resilience.pipeline import Result
from resilience.provenance import hash_outputs
from resilience.reading import open_run


@pytest.fixture
def told(kept_result: Result) -> tuple[Result, Path]:
    assert kept_result.path is not None
    return kept_result, kept_result.path


def test_the_dataset_and_its_parts_are_as_they_were(told: tuple[Result, Path]) -> None:
    result, run = told
    again = open_run(run)
    xr.testing.assert_equal(again.dataset.load(), result.dataset)
    assert again.dataset.attrs == result.dataset.attrs
    assert result.exceedance is not None
    assert result.importance is not None
    assert result.pairs is not None
    xr.testing.assert_equal(again.exceedance, result.exceedance)
    assert again.exceedance is not None
    assert again.exceedance.attrs == result.exceedance.attrs
    xr.testing.assert_equal(again.importance, result.importance)
    assert again.pairs is not None
    pairs = again.pairs.sel(asset=result.pairs["asset"])
    xr.testing.assert_equal(pairs.drop_vars(set(pairs.coords) - set(pairs.dims)), result.pairs)
    assert (again.notes, again.path, again.unit) == (result.notes, run, result.unit)


def test_the_tables_people_read_are_the_same(told: tuple[Result, Path]) -> None:
    result, run = told
    again = resilience.open_run(run)
    assert again.summary_table() == result.summary_table()
    assert again.why_table() == result.why_table()
    assert again.origins_table() == result.origins_table()


def test_the_city_is_that_of_the_run(told: tuple[Result, Path]) -> None:
    result, run = told
    again = open_run(run).network
    assert again is not None
    assert result.network is not None
    assert again.crs == result.network.crs
    for name in ("assets", "needs", "dependencies", "supply", "zones"):
        assert len(getattr(again, name)) == len(getattr(result.network, name))
    assert again.assets["id"].tolist() == result.dataset["asset"].values.tolist()


def test_reading_needs_no_compiler() -> None:
    code = "import sys, resilience.reading; print([m for m in ('numba', 'matplotlib', 'bokeh') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_what_is_no_finished_run_is_told(told: tuple[Result, Path], tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="`resilience status` tells"):
        open_run(tmp_path)
    with pytest.raises(MissingInputError, match="none there"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text('{"run_id": 1}')
    with pytest.raises(DataError, match="another content"):
        open_run(tmp_path)


@pytest.fixture
def copied(told: tuple[Result, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(told[1], tmp_path / "copied"))


def edit(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(schema_version=99),
        lambda told: told.update(begun="yesterday"),
        lambda told: told["scenario"].pop("risk"),
        lambda told: told["scenario"]["risk"].update(bootstrap="many"),
        lambda told: told["scenario"].update(network=None),
    ],
)
def test_a_manifest_that_was_changed_into_none_is_told(copied: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    edit(copied, change)
    with pytest.raises(DataError, match="wanted: a manifest of this version"):
        open_run(copied)


def test_a_manifest_of_nothing_but_brackets_is_told(copied: Path) -> None:
    (copied / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="wanted: a manifest of this version"):
        open_run(copied)


def test_a_coordinate_system_that_is_none_is_told(copied: Path) -> None:
    edit(copied, lambda told: told["network"].update(crs="nonsense"))
    with pytest.raises(DataError, match="Invalid projection: nonsense"):
        _ = open_run(copied).network


@pytest.mark.parametrize("content", ["{", "null", "[1]"])
@pytest.mark.parametrize("place", ["zarr.json", "people_without_service/zarr.json"])
def test_a_store_that_is_none_is_told(copied: Path, place: str, content: str) -> None:
    (copied / "results.zarr" / place).write_text(content)
    with pytest.raises(StorageError, match="wanted: the result of a run"):
        open_run(copied)


def show_in_a_file_browser(folder: Path) -> None:
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            (place / name).write_bytes(b"\0\0\0\1Bud1")


def test_what_a_file_browser_left_is_passed_over(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = hash_outputs(copied, ("network", "results.zarr"))
    show_in_a_file_browser(copied)
    assert hash_outputs(copied, ("network", "results.zarr")) == before
    verbs: list[list[Any]] = [["report", copied, "-o", copied.parent / "page.html"], ["compare", copied, copied]]
    for to in ("csv", "netcdf"):
        verbs.append(["export", copied, "--to", to])
    for verb in verbs:
        assert main([str(word) for word in verb]) == 0, capsys.readouterr().err
    exported = copied.parent / "copied-csv"
    show_in_a_file_browser(exported)
    assert main(["export", str(copied), "--to", "csv", "--overwrite"]) == 0
    assert {path.name for path in exported.iterdir()}.isdisjoint({".DS_Store", "Thumbs.db", "desktop.ini"})


@pytest.mark.parametrize("name", ["thesis.tex", ".DS_Store/c", "._zarr.json"])
def test_any_other_file_in_a_result_is_told(copied: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    strange = copied / "results.zarr" / name
    strange.parent.mkdir(exist_ok=True)
    strange.write_text("years of work")
    assert main(["compare", str(copied), str(copied)]) == 65
    assert "results.zarr: other content; wanted: what the run wrote" in capsys.readouterr().err


def cut(run: Path) -> None:
    chunk = next(path for path in (run / "results.zarr" / "people_without_service").rglob("c/*/*/*") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-10])


def lose(run: Path) -> None:
    chunk = next(path for path in (run / "results.zarr" / "people_without_service").rglob("c/*/*/*") if path.is_file())
    chunk.unlink()


def retype(run: Path) -> None:
    zones = run / "network" / "zones.csv"
    zones.write_text(zones.read_text().replace("1", "2"))


@pytest.mark.parametrize("damage", [cut, lose, retype])
def test_no_verb_tells_anything_of_a_result_that_was_changed(
    told: tuple[Result, Path], copied: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    _, whole = told
    damage(copied)
    for verb in (
        ["report", copied], ["report", whole, "--against", copied, "-o", copied.parent / "page.html"],
        ["compare", whole, copied], ["export", copied, "--to", "csv"],
    ):  # fmt: skip
        assert main([str(word) for word in verb]) == 65
        assert "other content; wanted: what the run wrote" in capsys.readouterr().err
    assert [path.name for path in copied.parent.iterdir()] == ["copied"]
