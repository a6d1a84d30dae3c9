"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from resilience import disk
from resilience.errors import StorageError


def test_a_file_is_what_it_was_where_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made" / "a.json"
    with pytest.raises(FileNotFoundError):
        disk.write_whole(path, b"one")
    disk.make_folder(path.parent)
    disk.write_whole(path, b"one")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"), disk.told_as_storage_error(path):
        disk.write_whole(path, b"two")
    assert path.read_bytes() == b"one"
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, bool]] = []
    path = tmp_path / "a.json"

    def look(number: int) -> None:
        seen.append((Path(f"/proc/self/fd/{number}").is_dir(), path.exists()))

    monkeypatch.setattr(os, "fsync", look)
    disk.write_whole(path, b"one")
    assert seen == [(False, False), (True, True)]


def test_everything_below_a_folder_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/one", "a/b/two", "three", "four"):
        (tmp_path / name).touch()
    seen: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(str(Path(f"/proc/self/fd/{number}").readlink())))
    disk.keep_on_disk([tmp_path / "a", tmp_path / "three", tmp_path / "gone"])
    assert sorted(seen) == [str(tmp_path / name) for name in ("a", "a/b", "a/b/two", "a/one", "three")]


def test_what_was_begun_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".writing-7-a").touch()
    (tmp_path / "a").touch()
    disk.remove_unfinished(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_the_name_of_a_new_folder_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(str(Path(f"/proc/self/fd/{number}").readlink())))
    disk.make_folder(tmp_path / "a" / "b")
    assert seen == [str(tmp_path), str(tmp_path / "a")]
    disk.make_folder(tmp_path / "a" / "b")
    assert len(seen) == 2


def test_a_folder_whose_names_cannot_be_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        disk.keep_names(tmp_path)
    disk.keep_names(tmp_path / "gone")

    def unable(_number: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", unable)
    disk.keep_names(tmp_path)


def test_what_a_link_leads_to_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").touch()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    disk.remove(tmp_path / "link")
    disk.remove(tmp_path / "gone")
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "mine"]
    disk.remove(tmp_path / "there")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_half_removed_has_lost_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            disk.remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    disk.remove_unfinished(tmp_path)
    assert not list(tmp_path.iterdir())
