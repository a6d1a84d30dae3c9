"""The doctor: each thing that can be wrong with a machine is made wrong, and must be told with its fix."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

import resilience
from resilience import doctor
from resilience.cli import main
from resilience.doctor import OK, WARNING, WRONG, Finding, examine, geospatial, installed, machine, places
from resilience.kernels import compiler
from resilience.ledger import Ledger
from resilience.pipeline import demo_scenario
from resilience.resume import describe_job
from resilience.store import LOCK, MANIFEST, RunStore, lock_holder


def only(findings: list[Finding]) -> Finding:
    (one,) = findings
    return one


def call(*arguments: str, without: tuple[str, ...] = (), **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit code of the doctor in a process of its own, and its findings by subject."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    done = subprocess.run(
        [sys.executable, "-m", "resilience.cli", "doctor", "--json", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env={**kept, **environment},
    )  # fmt: skip
    return done.returncode, {one["subject"]: one for one in json.loads(done.stdout)["answer"]["findings"]}


def test_a_sound_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    findings = examine(tmp_path / "run")
    assert {one.subject: one.found for one in findings if one.state == WRONG} == {}
    assert all(one.fix for one in findings if one.state != OK)
    assert len({one.subject for one in findings}) == len(findings)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok       Python: ")
    assert {line[:9].strip() for line in lines} <= {"ok", "warning", ""}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["PROJ_DATA", "PROJ_LIB"])
def test_a_stray_variable_that_breaks_coordinates_is_wrong(tmp_path: Path, name: str) -> None:
    code, findings = call(without=("PROJ_DATA", "PROJ_LIB"), **{name: str(tmp_path)})
    assert code == 78
    assert findings["GDAL and PROJ variables"]["found"] == f"{name}={tmp_path}"
    assert findings["coordinates with rasterio"]["state"] == WRONG
    assert findings["coordinates with rasterio"]["fix"] == f"unset {name}"


def test_a_stray_variable_that_breaks_nothing_is_a_warning(tmp_path: Path) -> None:
    code, findings = call(GDAL_DATA=str(tmp_path))
    assert code == 0
    assert findings["GDAL and PROJ variables"]["state"] == WARNING
    assert "unset GDAL_DATA" in findings["GDAL and PROJ variables"]["fix"]
    assert findings["coordinates"]["state"] == OK


def test_libraries_that_disagree_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geospatial, "_place_with_pyproj", lambda: (950_000.0, 1_950_000.0))
    one = only(geospatial.examine_coordinates())
    assert one.state == WRONG
    assert " m apart" in one.found


def test_a_missing_format_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geospatial, "_RASTER_DRIVERS", ("GTiff", "PAPYRUS"))
    one = only(geospatial.examine_drivers())
    assert (one.state, one.found) == (WARNING, "cannot be read: PAPYRUS")


def test_packages_that_are_missing_or_old_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["numpy>=99.0", "no-such-package>=1.0", "scipy>=1.0", 'pytest>=9.0; extra == "test"']
    monkeypatch.setattr(metadata, "requires", lambda _: asked)
    one = only(installed.examine_packages())
    assert one.state == WRONG
    assert "missing: no-such-package; too old: numpy " in one.found
    assert "(wanted 99.0)" in one.found


def test_every_dependency_is_looked_at() -> None:
    found = only(installed.examine_packages()).found
    asked = [text for text in metadata.requires("urban-resilience") or [] if "extra ==" not in text]
    assert len(found.split(", ")) == 1 + len(asked)


def test_an_old_python_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert only(installed.examine_python()).fix == "use Python >=3.11"


def test_compiled_kernels_are_kept_and_used(tmp_path: Path) -> None:
    told = [call(RESILIENCE_CACHE_DIR=str(tmp_path))[1]["kernels"] for _ in range(2)]
    assert [one["state"] for one in told] == [OK, OK]
    assert str(tmp_path) in told[0]["found"]
    assert told[0]["found"].endswith("compiled now, from now on used")
    assert told[1]["found"].endswith("as RESILIENCE_CACHE_DIR says); used")


def test_interpreted_kernels_are_a_warning() -> None:
    kernels = call(NUMBA_DISABLE_JIT="1")[1]["kernels"]
    assert (kernels["state"], kernels["fix"]) == (WARNING, "unset NUMBA_DISABLE_JIT")


@pytest.mark.skipif(compiler.INTERPRETED, reason="nothing is compiled")
def test_kernels_that_cannot_be_kept_are_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from resilience.kernels import curves

    monkeypatch.setattr(compiler, "CACHE_FOLDER", None)
    assert "no folder can be written" in only(installed.examine_kernels()).found
    monkeypatch.setattr(compiler, "CACHE_FOLDER", tmp_path)

    class Compiled:
        class stats:  # noqa: N801 - as Numba names it
            cache_hits = ()

        def __call__(self, *_: object) -> float:
            return 1.0

    monkeypatch.setattr(curves, "interpolate_curve", Compiled())
    one = only(installed.examine_kernels())
    assert (one.state, "nothing is kept" in one.found) == (WARNING, True)


def test_a_kernel_that_gives_a_wrong_number_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    from resilience.kernels import curves

    monkeypatch.setattr(compiler, "INTERPRETED", False)
    monkeypatch.setattr(curves, "interpolate_curve", lambda *_: 0.5)
    assert only(installed.examine_kernels()).state == WRONG


def test_time_that_a_container_does_not_get_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.processor_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.processor_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert machine.processor_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.processor_quota(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    assert machine.processor_quota(tmp_path) == 0.5
    monkeypatch.setattr(machine, "processor_quota", lambda: 0.5)
    one = only(machine.examine_processors())
    assert (one.state, "time for 0.5 only" in one.found) == (WARNING, True)


def test_the_least_memory_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    information = tmp_path / "meminfo"
    information.write_text("MemTotal: 4000000 kB\nMemAvailable: 2000000 kB\n")
    (tmp_path / "memory.max").write_text("900000000\n")
    (tmp_path / "memory.current").write_text("100000000\n")
    limits = machine.memory_limits(tmp_path, information)
    assert limits["available"] == 2_048_000_000
    assert limits["control group"] == 800_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert "control group" not in machine.memory_limits(tmp_path, information)
    monkeypatch.setattr(machine, "memory_limits", lambda: limits)
    one = only(machine.examine_memory())
    assert (one.state, one.found) == (WARNING, "0.8 GB (control group)")


def test_a_clock_that_is_behind_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    later = tmp_path / "__init__.py"
    later.touch()
    os.utime(later, (time.time() + 1e6,) * 2)
    assert only(machine.examine_clock()).state == OK
    monkeypatch.setattr(resilience, "__file__", str(later))
    assert only(machine.examine_clock()).state == WARNING


def test_letters_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(PYTHONIOENCODING="ascii")[1]["locale"]["state"] == WARNING
    code, findings = call(without=("LANG",), LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (code, findings["locale"]["state"]) == (78, WRONG)


def test_little_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def told(free: int) -> Finding:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        return places.examine_disk(tmp_path / "a" / "b")[0]

    assert [told(free).state for free in (10 << 30, 1 << 30, 1 << 20)] == [OK, WARNING, WRONG]
    assert told(3_000_000).found == f"3 MB free in {tmp_path}"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert told(10 << 30).found == f"{tmp_path} cannot be written"


def test_the_lock_of_a_run_is_told_and_left_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert only(places.examine_run(run)).state == OK
    store = RunStore(run)
    before = (run / LOCK).stat()
    one = only(places.examine_run(run))
    assert (one.state, f"process {os.getpid()} on" in one.found) == (WARNING, True)
    assert lock_holder(run) is not None
    after = (run / LOCK).stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    store.close()
    assert lock_holder(run) is None
    assert lock_holder(tmp_path) is None


def test_the_state_of_a_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.touch()
    assert only(places.examine_run(run)).found.endswith("is no directory")
    run.unlink()
    run.mkdir()
    assert only(places.examine_run(run)).found.endswith("is empty")
    ledger = Ledger(run)
    job = describe_job(demo_scenario(size=600), [], block_samples=512)
    ledger.begin(job)
    ledger.part("run").begin(title="run", blocks=4)
    one = only(places.examine_run(run))
    assert one.found.endswith("holds a run that did not end: 0 of 4 blocks")
    assert "goes on where it ended" in one.fix
    ledger.begin({**job, "code": {**job["code"], "numba": "0.1"}})
    one = only(places.examine_run(run))
    assert one.found.endswith("and cannot go on")
    assert "numba" in one.fix
    (run / MANIFEST).touch()
    assert only(places.examine_run(run)).found.endswith("holds a finished run")
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    assert only(places.examine_run(other)).state == WRONG


def test_a_look_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine_native() -> list[Finding]:
        raise ImportError("libgeos.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "examine_native", examine_native)
    findings = examine()
    (one,) = [one for one in findings if one.subject == "native"]
    assert (one.state, one.found) == (WRONG, "ImportError: libgeos.so: cannot open shared object file")
    assert findings[-1].subject == "locale"
