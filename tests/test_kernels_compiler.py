"""The kernel cache: any edit of any kernel starts a fresh one, and it works wherever the package lies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resilience.kernels import compiler
from resilience.kernels.compiler import INTERPRETED, inlined, kernel

KERNELS = Path(compiler.__file__).parent
in_processes = pytest.mark.skipif(INTERPRETED, reason="compiles in processes of its own: once is enough")

CALLEE = """
from resilience.kernels.compiler import kernel

@kernel
def answer() -> int:
    return {answer}
"""
CALLER = """
from resilience.kernels.compiler import kernel
from resilience.kernels.callee import answer

@kernel
def double_answer() -> int:
    return 2 * answer()
"""
RUN = """
import json
from resilience.kernels import compiler
from resilience.kernels.caller import double_answer
answer = double_answer()
hits = 0 if compiler.INTERPRETED else sum(double_answer.stats.cache_hits.values())
print(json.dumps([answer, hits, str(compiler.CACHE_FOLDER)]))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of its own with our decorator and two small kernels in two files."""
    folder = tmp_path / "install" / "resilience" / "kernels"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").touch()
    shutil.copy(KERNELS / "compiler.py", folder)
    (folder / "callee.py").write_text(CALLEE.format(answer=21))
    (folder / "caller.py").write_text(CALLER)
    return folder


def run(package: Path, **changed: str | None) -> tuple[int, int, str]:
    """Run the calling kernel in a process of its own; a variable set to None is removed."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent.parent), "NUMBA_DISABLE_JIT": "0"}
    for name in ("RESILIENCE_CACHE_DIR", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    for name, value in changed.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", RUN], env=environment, capture_output=True, text=True, check=False,
        cwd=package,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer, hits, folder = json.loads(done.stdout)
    return answer, hits, folder


@in_processes
def test_an_edited_callee_is_seen_by_a_cached_caller(package: Path, tmp_path: Path) -> None:
    cache = {"RESILIENCE_CACHE_DIR": str(tmp_path / "cache")}
    answer, hits, first = run(package, **cache)
    assert (answer, hits) == (42, 0)
    assert Path(first).is_relative_to(tmp_path / "cache")
    answer, hits, again = run(package, **cache)
    assert (answer, hits, again) == (42, 1, first)
    # Of the same length and the same time of change: only the content tells.
    callee = package / "callee.py"
    before = callee.stat()
    callee.write_text(CALLEE.format(answer=33))
    os.utime(callee, ns=(before.st_atime_ns, before.st_mtime_ns))
    answer, hits, second = run(package, **cache)
    assert (answer, hits) == (66, 0)
    assert second != first


@in_processes
def test_a_read_only_install_without_a_home_caches_in_a_private_temporary_folder(package: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    install = package.parent.parent
    folders = [install, *(p for p in install.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        answer, _, folder = run(package, HOME=None, TMPDIR=str(temporary))
        assert answer == 42
        assert Path(folder).is_relative_to(temporary)
        place = next(temporary.iterdir())
        assert place.stat().st_mode & 0o077 == 0
        assert run(package, HOME="/nowhere/at/all" if os.getuid() else None, TMPDIR=str(temporary))[1] == 1
        assert not [p for p in install.rglob("*") if p.suffix in (".nbi", ".nbc", ".pyc")]
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_places_are_tried_from_the_best_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESILIENCE_CACHE_DIR", str(tmp_path / "told"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    told, xdg, home, temporary = compiler._candidates()
    assert told == tmp_path / "told"
    assert xdg == tmp_path / "xdg" / "urban-resilience"
    assert home == tmp_path / "home" / ".cache" / "urban-resilience"
    assert temporary.name.startswith("urban-resilience-")
    for name in ("RESILIENCE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name)
    assert compiler._candidates() == [temporary]
    # What cannot be written is passed over: here a folder below a file.
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiler, "_candidates", lambda: [tmp_path / "file" / "below", tmp_path / "good"])
    folder = compiler._cache_folder()
    assert folder is not None
    assert folder.is_relative_to(tmp_path / "good")


def test_nothing_is_cached_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiler, "_candidates", lambda: [tmp_path / "file"])
    assert compiler._cache_folder() is None
    monkeypatch.setattr(compiler, "CACHE_FOLDER", None)

    def three() -> int:
        return 3

    assert kernel(three)() == 3
    assert inlined(three)() == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_a_folder_of_somebody_else_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compiler, "_candidates", lambda: [tmp_path / "theirs"])
    assert compiler._cache_folder() is not None
    us = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: us + 1)
    assert compiler._cache_folder() is None


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make somebody else's folder")
def test_ours_in_a_temporary_folder_of_somebody_else_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever owns the upper folder can put another in the place of ours."""
    monkeypatch.setattr(compiler.tempfile, "gettempdir", lambda: str(tmp_path))
    place = tmp_path / "urban-resilience-0"
    monkeypatch.setattr(compiler, "_candidates", lambda: [place])
    place.mkdir()
    os.chown(place, 12345, 12345)
    assert compiler._cache_folder() is None
    os.chown(place, 0, 0)
    assert compiler._cache_folder() is not None


def test_the_digest_follows_names_and_contents_of_all_sources(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    seen = {compiler.source_digest(tmp_path)}
    (tmp_path / "a.py").write_text("x = 2\n")
    seen.add(compiler.source_digest(tmp_path))
    (tmp_path / "b.py").touch()
    seen.add(compiler.source_digest(tmp_path))
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    seen.add(compiler.source_digest(tmp_path))
    assert len(seen) == 4
    before = compiler.source_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("not a kernel")
    assert compiler.source_digest(tmp_path) == before


def test_kernels_have_a_cache_here_or_are_plain_functions() -> None:
    def total(values: np.ndarray) -> float:
        return values.sum()

    compiled = kernel(total)
    assert compiled(np.ones(3)) == 3
    assert (compiled is total) == INTERPRETED
    assert (compiler.CACHE_FOLDER is None) or compiler.CACHE_FOLDER.is_dir()
