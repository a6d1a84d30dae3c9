"""A run directory in bad hands: foreign records, places that change, disks that fail. No lie, no traceback, no loss."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numcodecs.zstd import Zstd

from resilience import resume, verify
from resilience.cli.places import check_run_directory
from resilience.engine import Threads
from resilience.errors import CannotCreateError, DataError, StorageError
from resilience.ledger import Ledger, pack
from resilience.pipeline import assess
from resilience.provenance import hash_file
from resilience.scenario import Scenario
from resilience.status import read_status
from resilience.store import LOCK, MANIFEST, RunStore
from resilience.verify import verify_run
from tests.test_resume import files_of, flipped, records_of, scenario_of, solved  # noqa: F401 - a fixture

pytestmark = pytest.mark.faults


def small(site: Any) -> Scenario:
    """Three events of two blocks each, without branches and pairs."""
    scenario = scenario_of(site).to_dict()
    counts = {**scenario["monte_carlo"], "samples": 1024}
    return Scenario.from_dict({**scenario, "branches": [], "importance": {"top": 0}, "monte_carlo": counts})


@pytest.fixture(scope="module")
def scenario(site: Any) -> Scenario:
    return small(site)


@pytest.fixture(scope="module")
def finished(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to copy."""
    path = tmp_path_factory.mktemp("finished") / "run"
    assess(scenario, out=path)
    return path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


BLOCK = "00001-000001"


def record_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "ledger" / "run" / f"{BLOCK}.json").read_text())
    return found


def write_record(run: Path, **changes: Any) -> None:
    (run / "ledger" / "run" / f"{BLOCK}.json").write_text(json.dumps({**record_of(run), **changes}))


def keep(run: Path, content: bytes) -> None:
    """Put sums in the place of a block's, with the record that they would have."""
    part = Ledger(run).part("run")
    digest = part._hash(1, 1, 512, 512, content)
    (run / "ledger" / "run" / f"{BLOCK}.sums").write_bytes(content)
    write_record(run, bytes=len(content), sha256=digest)


def kept(run: Path) -> dict[str, Any]:
    content = (run / "ledger" / "run" / f"{BLOCK}.sums").read_bytes()
    with np.load(io.BytesIO(Zstd().decode(content))) as file:
        return {name: file[name] for name in file.files}


def check_one_block_is_solved_again(scenario: Scenario, run: Path, solved: list[Any], wanted: dict[str, bytes]) -> None:  # noqa: F811
    with pytest.raises(DataError):
        verify_run(run)
    read_status(run)
    solved.clear()
    with pytest.warns(RuntimeWarning, match=f"ledger/run/{BLOCK}.json: .*: the block is solved again"):
        assess(scenario, out=run)
    assert solved == [(1, 1)]
    assert files_of(run) == wanted


RECORDS: list[dict[str, Any]] = [
    {"event": "1"}, {"event": 1.0}, {"event": 0}, {"number": 10**30}, {"samples": True},
    {"samples": 0}, {"bytes": float("nan")}, {"bytes": "many"}, {"bytes": -1}, {"sha256": None}, {"ended": "soon"},
    {"ended": "2026-01-01T00:00:00"}, {"ended": 7}, {"process": ["x"]}, {"more": 1}, {"event": "../../x"},
]  # fmt: skip


@pytest.mark.parametrize("changes", RECORDS, ids=str)
def test_a_record_of_other_kinds_is_no_record(run: Path, changes: dict[str, Any]) -> None:
    write_record(run, **changes)
    own = Ledger(run).part("run")
    assert len(list(own.records())) == read_status(run).done == 5
    with pytest.raises(DataError, match="5; wanted: 6 records of blocks"):
        verify_run(run)
    assert own.read(1, 1, first_sample=512, samples=512, form=dict) is None
    assert own.damaged == [f"ledger/run/{BLOCK}.json: its record cannot be read"]
    assert not (run / "ledger" / "run" / f"{BLOCK}.json").exists()


@pytest.mark.parametrize("content", [b"[" * 100_000, b"9" * 10_000])
def test_a_record_that_is_no_json_is_no_record(scenario, run, solved, content) -> None:  # noqa: F811
    before = files_of(run)
    (run / "ledger" / "run" / f"{BLOCK}.json").write_bytes(content)
    check_one_block_is_solved_again(scenario, run, solved, before)


SPOILT: list[Callable[[dict[str, Any]], bytes]] = [
    lambda arrays: pack({**arrays, "people": arrays["people"].astype(np.float64)}),
    lambda arrays: pack({name: array for name, array in arrays.items() if name != "causes"}),
    lambda arrays: pack({**arrays, "more": np.zeros(1)}),
    lambda arrays: pack({**arrays, "people": np.zeros((1, 1024), np.int64)}),
    lambda arrays: pack({**arrays, "people": np.zeros((1, 1 << 22), np.int64)}),
    lambda arrays: pack(arrays)[:-9],
    lambda _: b"",
    lambda _: b"not Zstandard at all",
    lambda _: bytes(Zstd().encode(b"no arrays")),
    lambda _: bytes(Zstd().encode(bytes(1 << 26))),
    lambda _: b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8,
    lambda _: b"\x28\xb5\x2f\xfd\x00\x00",
]


class TestForeignSums:
    def test_of_another_block_are_found_though_their_own_hash_is_right(self, scenario, run, solved):  # noqa: F811
        before = files_of(run)
        other = run / "ledger" / "run" / "00000-000001"
        content = other.with_suffix(".sums").read_bytes()
        (run / "ledger" / "run" / f"{BLOCK}.sums").write_bytes(content)
        told = json.loads(other.with_suffix(".json").read_text())
        write_record(run, bytes=told["bytes"], sha256=told["sha256"])
        check_one_block_is_solved_again(scenario, run, solved, before)
        (run / "ledger" / "run" / f"{BLOCK}.sums").write_bytes(content)
        write_record(run, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        check_one_block_is_solved_again(scenario, run, solved, before)

    def test_of_another_run_are_found(self, site, scenario, run, tmp_path, solved):  # noqa: F811
        before = files_of(run)
        other = Scenario.from_dict({**scenario.to_dict(), "seed": 5})
        assess(other, out=tmp_path / "other")
        for kind in ("json", "sums"):
            shutil.copy(tmp_path / "other" / "ledger" / "run" / f"{BLOCK}.{kind}", run / "ledger" / "run")
        check_one_block_is_solved_again(scenario, run, solved, before)

    @pytest.mark.parametrize("spoil", range(len(SPOILT)))
    def test_of_another_form_are_none(self, run, spoil):
        arrays = kept(run)
        form = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        part = Ledger(run).part("run")
        keep(run, SPOILT[spoil](arrays))
        assert part.read(1, 1, first_sample=512, samples=512, form=lambda: form) is None
        assert part.damaged == [f"ledger/run/{BLOCK}.json: its sums are not of this city"]

    def test_of_another_city_are_never_added(self, scenario, run, solved):  # noqa: F811
        before, arrays = files_of(run), kept(run)
        keep(run, pack({**arrays, "failed": arrays["failed"][:1]}))
        solved.clear()
        with pytest.warns(RuntimeWarning, match=f"ledger/run/{BLOCK}.json: its sums are not of this city: the block"):
            assess(scenario, out=run)
        assert solved == [(1, 1)]
        assert files_of(run) == before

    def test_that_are_a_folder_are_replaced(self, scenario, run, solved):  # noqa: F811
        before = files_of(run)
        for kind in ("json", "sums"):
            (run / "ledger" / "run" / f"{BLOCK}.{kind}").unlink()
            (run / "ledger" / "run" / f"{BLOCK}.{kind}").mkdir()
        check_one_block_is_solved_again(scenario, run, solved, before)


@pytest.mark.parametrize(
    "changes",
    [{"schema_version": 2}, {"block": "512"}, {"block": 0}, {"block": 1024}, {"inputs": [7]}, {"inputs": {}},
     {"code": ["x"]}, {"run_id": None}, {"scenario": "x"}, {"scenario_sha256": 1}],
    ids=str,
)  # fmt: skip
def test_a_ledger_of_another_version_is_not_gone_on_with(scenario, run, changes) -> None:
    place = run / "ledger" / "run.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **changes}))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match="wanted: the same job, or --restart"):
        assess(scenario, out=run)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


class TestPlaces:
    @pytest.mark.parametrize("what", ["moved", "removed", "replaced", "unlocked"])
    def test_a_directory_that_goes_away_ends_the_run(self, scenario, tmp_path, monkeypatch, what):
        run, away = tmp_path / "run", tmp_path / "away"
        solve = Threads.run

        def changing(self: Threads, city: Any, blocks: Any, take: Any, **more: Any) -> None:
            def then(block: Any, sums: Any) -> None:
                take(block, sums)
                if what == "unlocked":
                    (run / LOCK).unlink(missing_ok=True)
                elif not away.exists():
                    run.rename(away)
                    if what == "replaced":
                        RunStore(run).close()
                    elif what == "removed":
                        shutil.rmtree(away)
                        away.mkdir()

            solve(self, city, blocks, then, **more)

        monkeypatch.setattr(Threads, "run", changing)
        with pytest.raises(StorageError, match="moved, removed or replaced meanwhile; wanted: the directory that"):
            assess(scenario, out=run, threads=1)
        assert not (run / MANIFEST).exists()
        assert len(records_of(away if what == "moved" else run)) == {"moved": 1, "unlocked": 1}.get(what, 0)
        monkeypatch.setattr(Threads, "run", solve)
        if what == "moved":
            before = records_of(away)
            assert len(before) == 1
            assess(scenario, out=away)
            assert before.items() <= records_of(away).items()

    def test_a_run_that_lost_the_lock_writes_nothing_more(self, tmp_path):
        store = RunStore(tmp_path / "run")
        store.ledger.begin({})
        part = store.ledger.part("run")
        part.begin(title="run", blocks=1)
        store.close()
        with pytest.raises(StorageError):
            part.keep(0, 0, first_sample=0, samples=512, arrays={})
        with pytest.raises(StorageError):
            part.begin(title="other", blocks=2)
        assert part.about() == {"title": "run", "blocks": 1}

    def test_links_are_replaced_and_what_they_lead_to_stays(self, scenario, run, tmp_path):
        before = files_of(run)
        there = tmp_path / "there"
        there.mkdir()
        (there / "mine.txt").write_text("mine")
        for name in ("results.zarr", "network", "summary.csv", "results.zarr.partial"):
            shutil.rmtree(run / name, ignore_errors=True)
            (run / name).unlink(missing_ok=True)
            (run / name).symlink_to(there / "mine.txt" if name == "summary.csv" else there)
        assess(scenario, out=run)
        assert files_of(run) == before
        shutil.rmtree(run / "ledger")
        (run / "ledger").symlink_to(there)
        assess(scenario, out=run, restart=True)
        assert files_of(run) == before
        assert [path.read_text() for path in there.iterdir()] == ["mine"]

    def test_a_lock_is_not_taken_through_a_link(self, scenario, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "mine.txt").write_text("mine")
        (tmp_path / "run" / LOCK).symlink_to(tmp_path / "mine.txt")
        with pytest.raises(CannotCreateError, match="wanted: a directory that can be written"):
            assess(scenario, out=tmp_path / "run")
        assert (tmp_path / "mine.txt").read_text() == "mine"

    def test_a_copy_by_links_does_not_change_with_its_original(self, scenario, run, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(run, copy, copy_function=os.link)
        before = files_of(copy)
        assess(Scenario.from_dict({**scenario.to_dict(), "seed": 5}), out=run, restart=True)
        assert files_of(run) != before
        assert files_of(copy) == before

    def test_a_table_that_the_run_has_not_is_found_and_removed(self, scenario, run):
        (run / "heat.csv").write_text("event\n")
        with pytest.raises(DataError, match=r"heat.csv: content; wanted: nothing"):
            verify_run(run)
        assess(scenario, out=run)
        assert not (run / "heat.csv").exists()
        verify_run(run, blocks=1)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Have files of a name fail when they are read."""

    def fail(end: str, number: int) -> None:
        read = Path.read_bytes

        def broken(self: Path) -> bytes:
            if self.name.endswith(end):
                raise OSError(number, os.strerror(number), str(self))
            return read(self)

        monkeypatch.setattr(Path, "read_bytes", broken)
        monkeypatch.setattr(Path, "read_text", lambda self, **_: broken(self).decode())

    return fail


def test_a_restart_that_is_killed_while_it_clears_has_forgotten_the_earlier_job(scenario, run, monkeypatch) -> None:
    other = Scenario.from_dict({**scenario.to_dict(), "seed": 5})

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            assess(other, out=run, restart=True)
    assert not (run / MANIFEST).exists()
    assert assess(other, out=run).dataset.attrs["seed"] == "5"
    assert not list(run.glob(".writing-*"))


def test_a_log_and_a_manifest_that_are_nested_without_end_are_none(run) -> None:
    (run / "logs" / "run.jsonl").write_bytes(b"[" * 60_000)
    (run / MANIFEST).write_bytes(b"[" * 60_000)
    assert read_status(run).last_error is None
    with pytest.raises(DataError, match="wanted: a manifest of this version"):
        verify_run(run)
    (run / "ledger" / "run.json").unlink()
    with pytest.raises(CannotCreateError, match="a directory that holds other things and no run"):
        check_run_directory(run)


class TestDisks:
    @pytest.mark.parametrize("end", ["run.json", f"{BLOCK}.json", f"{BLOCK}.sums"])
    @pytest.mark.parametrize("number", [errno.ESTALE, errno.EACCES])
    def test_what_cannot_be_read_now_is_not_taken_for_lost(self, scenario, run, failing, monkeypatch, end, number):
        before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "logs" not in path.parts}
        failing(end, number)
        with pytest.raises(StorageError, match=rf"{os.strerror(number)}; wanted: a place that can be read"):
            assess(scenario, out=run)
        monkeypatch.undo()
        assert before.items() <= {path: path.read_bytes() for path in before if path.exists()}.items() | {
            (run / LOCK, before[run / LOCK])
        }

    def test_a_bad_place_of_the_disk_costs_one_block(self, scenario, run, failing, solved):  # noqa: F811
        before = files_of(run)
        solved.clear()
        failing(f"{BLOCK}.sums", errno.EIO)
        with pytest.warns(RuntimeWarning, match="its sums are gone: the block is solved again"):
            assess(scenario, out=run)
        assert solved == [(1, 1)]
        assert files_of(run) == before

    def test_every_name_that_cannot_be_given_is_told_and_gone_on_from(self, scenario, finished, tmp_path, monkeypatch):
        run, replace, told = tmp_path / "run", Path.replace, []
        reasons = itertools.cycle([errno.EIO, errno.ESTALE, errno.EDQUOT, errno.EROFS])
        for more in range(12):
            left, number = iter([True] * (2**more - 1)), next(reasons)

            def broken(self: Path, target: Path, left: Any = left, number: int = number) -> Path:
                if next(left, False):
                    return replace(self, target)
                raise OSError(number, os.strerror(number), str(self))

            monkeypatch.setattr(Path, "replace", broken)
            try:
                assess(scenario, out=run, threads=1)
                break
            except StorageError as error:
                told.append((os.strerror(number) in str(error), (run / MANIFEST).exists()))
        assert len(told) > 4
        assert set(told) == {(True, False)}
        assert files_of(run) == files_of(finished)


def test_what_is_written_while_its_hash_is_made_is_noticed(site, tmp_path, monkeypatch) -> None:
    scenario = small(site)
    path = scenario.hazards[0].sources()[0].path
    describe = resume.describe_inputs

    def changing(paths: Any) -> Any:
        found = describe(paths)
        path.write_bytes(path.read_bytes() + b"\0")
        return found

    monkeypatch.setattr(resume, "describe_inputs", changing)
    with pytest.raises(DataError, match="inputs changed meanwhile"):
        assess(scenario, out=tmp_path / "run")


class TestVerify:
    @pytest.mark.parametrize("part", ["branch-000", "pair-000-up"])
    def test_looks_at_all_parts(self, site, tmp_path, part):
        run = tmp_path / "run"
        assess(scenario_of(site), out=run)
        path = run / "ledger" / part / f"{BLOCK}.sums"
        path.write_bytes(flipped(path.read_bytes()))
        with pytest.raises(DataError, match=rf"ledger/{part}: others for block 1 of event 1"):
            verify_run(run)

    def test_of_a_run_without_a_ledger_is_no_proof(self, run):
        shutil.rmtree(run / "ledger")
        with pytest.raises(DataError, match="wanted: 6 records of blocks"):
            verify_run(run)

    def test_of_a_part_less_is_no_proof(self, run):
        (run / "ledger" / "run" / "part.json").write_text('{"title": "run", "blocks": 5}')
        (run / "ledger" / "run" / f"{BLOCK}.json").unlink()
        with pytest.raises(DataError, match="wanted: 6 records of blocks"):
            verify_run(run)

    @pytest.mark.parametrize(
        ("section", "changes"),
        [("figures", {"samples": 512}), ("figures", {"events": 2}), ("figures", {"block": 1024}), ("", {"run_id": "x"}),
         ("", {"scenario_sha256": "x"}), ("scenario", {"seed": 7}), ("scenario", {"seed": "many"}),
         ("outputs", {"events.csv": "x"}), ("outputs", {"more.csv": "x"})],
        ids=str,
    )  # fmt: skip
    def test_finds_a_manifest_that_tells_otherwise(self, run, section, changes):
        manifest = json.loads((run / MANIFEST).read_text())
        (manifest[section] if section else manifest).update(changes)
        (run / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(DataError):
            verify_run(run)

    def test_of_a_run_by_other_code_says_so_where_bits_differ(self, run, monkeypatch):
        now = {**resume.describe_code(), "numpy": "0.1"}
        monkeypatch.setattr(verify, "describe_code", lambda: now)
        verify_run(run, blocks=1)
        monkeypatch.setattr(verify, "PERSON", 7)
        with pytest.raises(DataError, match="solved again, here by other numpy"):
            verify_run(run, blocks=6)


def test_a_hash_of_a_folder_tells_where_a_name_ends(tmp_path) -> None:
    for folder, name, content in (("a", "x", b"yz"), ("b", "xy", b"z")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(content)
    assert hash_file(tmp_path / "a") != hash_file(tmp_path / "b")
