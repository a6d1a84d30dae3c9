"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resilience import disk
from resilience.errors import StorageError


def test_a_file_is_what_it_was_where_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made" / "a.json"
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
