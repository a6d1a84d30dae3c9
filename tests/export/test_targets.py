"""Where exports go: nothing is replaced that is not one, and what is told when one cannot be written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resilience.cli import main
from resilience.cli.arguments import ExportFormat
from resilience.errors import CannotCreateError, ConfigurationError, LockedError, MissingInputError, StorageError
from resilience.export import FORMATS, export_run
from resilience.export import run as export_module
from resilience.provenance import hash_file
from resilience.result import Result
from resilience.store import RunStore
from tests.export.conftest import ENDINGS, Export


def test_nothing_is_replaced_that_is_not_an_export(kept_result: Result, tmp_path: Path) -> None:
    run = kept_result.path
    assert run is not None
    before = hash_file(run)
    for out in (run, run / "results.zarr", run / "new", run.parent):
        with pytest.raises(CannotCreateError, match="wanted: a place apart from the run directory"):
            export_run(run, "csv", out=out, overwrite=True)
    with pytest.raises(CannotCreateError, match="no such folder"):
        export_run(run, "csv", out=tmp_path / "none" / "out")
    mine = tmp_path / "mine.nc"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    for to in ("csv", "netcdf"):
        with pytest.raises(CannotCreateError, match="something is there; wanted: a new name, or --overwrite"):
            export_run(run, to, out=mine)
        with pytest.raises(CannotCreateError, match=r"another folder; wanted: .* anything else is not replaced"):
            export_run(run, to, out=mine, overwrite=True)
    export_run(run, "csv", out=tmp_path / "tables")
    (tmp_path / "tables" / "thesis.tex").write_text("years of work")
    with pytest.raises(CannotCreateError, match="another folder"):
        export_run(run, "csv", out=tmp_path / "tables", overwrite=True)
    (tmp_path / "link.nc").symlink_to(mine / "thesis.tex")
    with pytest.raises(CannotCreateError, match="something else"):
        export_run(run, "netcdf", out=tmp_path / "link.nc", overwrite=True)
    assert (mine / "thesis.tex").read_text() == "years of work"
    assert hash_file(run) == before


def test_an_export_takes_the_place_of_an_earlier_one_whole(
    kept_result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept_result.path
    assert run is not None
    for to in ("csv", "gpkg"):
        place = tmp_path / f"out{ENDINGS[to]}"
        found = export_run(run, to, out=place)
        first = hash_file(found.path)
        assert export_run(run, to, out=place, overwrite=True).files == found.files

        def fail(source: object, target: Path) -> dict[str, str]:
            (target / "melt.csv" if target.is_dir() else target).write_text("half of it")
            raise OSError(28, "No space left on device")

        monkeypatch.setitem(FORMATS, to, export_module.Format(fail, FORMATS[to].ending))
        kept = hash_file(place)
        with pytest.raises(StorageError, match="No space left on device"):
            export_run(run, to, out=place, overwrite=True)
        assert hash_file(place) == kept
        assert to == "gpkg" or kept == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.gpkg"]


def test_what_could_not_be_given_its_name_leaves_the_earlier_export(
    rated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = export_run(rated, "csv", out=tmp_path / "out").path
    kept, real = hash_file(place), Path.replace

    def fail(self: Path, target: Path) -> Path:
        if "-new-" in self.name and target == place:
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        export_run(rated, "csv", out=place, overwrite=True)
    assert hash_file(place) == kept
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_no_run_and_no_event_is_told(kept_result: Result, export: Export, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="resilience status"):
        export_run(tmp_path, "csv")
    with pytest.raises(ConfigurationError, match=r"event: 'flood:rp1000' \(did you mean 'flood:rp100'\?\)"):
        export("gpkg", events=["flood:rp1000"])
    with pytest.raises(ConfigurationError, match="format: 'shp'; wanted: one of netcdf, cog"):
        export("shp")
    with pytest.raises(ConfigurationError, match=r"out\.geo: another name; wanted: a name that ends in \.gpkg"):
        export_run(str(kept_result.path), "gpkg", out=tmp_path / "out.geo")


def test_an_export_names_the_version_that_the_run_is_of(rated: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(rated, run)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    manifest["code"]["urban-resilience"] = "0.0.9"
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    listing = json.loads((export_run(run, "csv").path / "export.json").read_text(encoding="utf-8"))
    assert listing["source"] == "urban-resilience 0.0.9"


def test_a_run_that_is_being_written_is_left_alone(rated: Path, tmp_path: Path) -> None:
    store = RunStore(rated)
    try:
        with pytest.raises(LockedError, match="held by"):
            export_run(rated, "csv", out=tmp_path / "out")
    finally:
        store.close()


def test_the_verb_answers_and_needs_no_compiler(
    rated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one.value for one in ExportFormat] == list(FORMATS)
    code = (
        "import sys; from resilience.cli import main; "
        "codes = [main([*sys.argv[1:], '--to', to]) for to in ('csv', 'netcdf', 'gpkg', 'cog')]; "
        "print(codes, [m for m in ('numba', 'matplotlib', 'bokeh') if m in sys.modules], file=sys.stderr)"
    )
    words = [sys.executable, "-c", code, "export", str(rated), "--overwrite"]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert told.stderr == "[0, 0, 0, 0] []\n"
    assert main(["export", str(rated), "--to", "climada", "-o", str(tmp_path / "out"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answer"]
    assert answer["path"] == str(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*answer["files"], "export.json"}


def test_the_verb_says_what_was_asked_wrongly(
    kept_result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(kept_result.path)
    assert main(["export", run, "--to", "shp"]) == 2
    assert main(["export", run]) == 2
    assert main(["export", run, "--to", "rdls", "--process", "flood"]) == 2
    assert main(["export", str(tmp_path / "none"), "--to", "csv"]) == 66
    assert main(["export", run, "--to", "rdls", "-o", str(tmp_path / "record.json")]) == 78
    told = capsys.readouterr().err
    assert "--publisher: none" in told
    assert "--process: is FAMILY=PROCESS" in told or "FAMILY=PROCESS, e.g." in told


def test_an_input_of_the_run_is_not_replaced(rated: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(rated, tmp_path / "run"))
    precious = tmp_path / "city.gpkg"
    precious.write_text("precious")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["inputs"].append({"path": str(precious), "bytes": 8, "sha256": ""})
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CannotCreateError, match=r"city\.gpkg: an input; wanted: a place apart from the inputs"):
        export_run(run, "gpkg", out=precious, overwrite=True)
    assert precious.read_text() == "precious"


def test_a_full_disk_is_told(rated: Path, tmp_path: Path) -> None:
    program = """if True:
    import resource, signal, sys
    from resilience.cli import main
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    run, out = sys.argv[1:]
    for to, end in (("netcdf", ".nc"), ("cog", ""), ("gpkg", ".gpkg")):
        print(main(["export", run, "--to", to, "-o", out + end]))
    """
    command = [sys.executable, "-c", program, str(rated), str(tmp_path / "out")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["74"] * 3, told.stderr
    assert list(tmp_path.iterdir()) == []
