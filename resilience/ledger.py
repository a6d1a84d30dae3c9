"""What a run has done: one record per finished block, and the block's sums beside it.

``ledger/run.json`` tells what the run is: the resolved scenario, the inputs with their hashes, the code. A run is cut
into parts (the run itself, branches, options, paired runs), each a folder with ``part.json``, and per finished block
``EVENT-NUMBER.json`` with size and hash of ``EVENT-NUMBER.sums``. A record is written after its sums are on the disk:
where there is one, the block need not be done again, and a byte of it that changed since is found. The hash is of what
the block is too: of which run and part, event and samples, so that sums in the place of others are found.
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import io
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs.zstd import Zstd
from numpy.typing import NDArray

from resilience.disk import make_folder, remove, remove_unfinished, told_as_storage_error, write_whole

LEDGER = "ledger"
RUN = "run.json"
PART = "part.json"
VERSION = 1

Arrays = Mapping[str, NDArray[Any]]
Form = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Type and shape of every array of a block's sums."""

# What a file of arrays takes beside them, per array; NumPy writes less.
_HEADERS = 1024
_WANTED = {
    "schema_version": int, "run_id": str, "name": str, "begun": str, "scenario_sha256": str, "block": int,
    "code": dict, "inputs": list, "scenario": dict,
}  # fmt: skip
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
# A block on a bad place of the disk is solved again; what cannot be read for another reason may be read later.
_GONE = _NOT_THERE | {errno.EIO}
_READABLE = "a place that can be read"


def _anyone() -> None:
    """Let everybody write."""


@dataclass(frozen=True)
class BlockRecord:
    """One finished block.

    Parameters
    ----------
    event, number : int
        Position of the event, and of the block within it.
    first_sample, samples : int
    bytes : int
        Of the file of its sums.
    sha256 : str
        Of what the block is, and of that file.
    ended : str
        UTC.
    process : str
        Which wrote it.
    """

    event: int
    number: int
    first_sample: int
    samples: int
    bytes: int
    sha256: str
    ended: str
    process: str


class Part:
    """The finished blocks of one part of a run.

    Parameters
    ----------
    folder : pathlib.Path
    run : str
        Id of the run.
    check : callable
        Called before a block is written; raises where the folder is another's by now.

    Attributes
    ----------
    damaged : list of str
        What :meth:`read` found that is not as recorded, one line each.
    """

    def __init__(self, folder: Path, *, run: str = "", check: Callable[[], None] = _anyone) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        self._run = run
        self._check = check

    def begin(self, *, title: str, blocks: int) -> None:
        """Write what the part is and how many blocks it has."""
        self._check()
        with told_as_storage_error(self.folder):
            make_folder(self.folder)
            remove_unfinished(self.folder)
            write_whole(self.folder / PART, _json({"title": title, "blocks": blocks}))

    def about(self) -> dict[str, Any]:
        """Return what :meth:`begin` wrote; a part of no blocks where it cannot be read."""
        found = _read_json(self.folder / PART)
        if found is None or not _fits(found, {"title": str, "blocks": int}):
            return {"title": self.folder.name, "blocks": 0}
        return found

    def records(self) -> Iterator[BlockRecord]:
        """Yield the records of finished blocks that can be read."""
        for path in sorted(self.folder.glob("[0-9]*.json")):
            if (record := _read_record(path)) is not None:
                yield record

    def keep(self, event: int, number: int, *, first_sample: int, samples: int, arrays: Arrays) -> None:
        """Write a finished block: its sums, then its record.

        Raises
        ------
        StorageError
            There is no record then.
        """
        self._check()
        content = pack(arrays)
        record = BlockRecord(
            event, number, first_sample, samples, len(content),
            self._hash(event, number, first_sample, samples, content),
            datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), this_process(),
        )  # fmt: skip
        with told_as_storage_error(self.folder):
            write_whole(self._file(event, number, "sums"), content)
            write_whole(self._file(event, number, "json"), _json(asdict(record)))

    def read(
        self, event: int, number: int, *, first_sample: int, samples: int, form: Callable[[], Form]
    ) -> dict[str, NDArray[Any]] | None:
        """Return the sums of a block, or None where it is not recorded.

        What is not as recorded, or not of the form that `form` returns, is noted in `damaged`, and its record removed.

        Raises
        ------
        StorageError
            It cannot be read now, though it may be later.
        """
        path = self._file(event, number, "json")
        with told_as_storage_error(path, wanted=_READABLE):
            try:
                path.lstat()
            except FileNotFoundError:
                return None
            record = _read_record(path)
            arrays = None
            if record is None or (record.first_sample, record.samples) != (first_sample, samples):
                wrong: str | None = "its record cannot be read"
            else:
                arrays, wrong = self.look(record, form())
        if wrong is None:
            return arrays
        with told_as_storage_error(path):
            remove(path)
            remove(self._file(event, number, "sums"))
        self.damaged.append(f"{path.relative_to(self.folder.parent.parent)}: {wrong}")
        return None

    def look(self, record: BlockRecord, form: Form | None = None) -> tuple[dict[str, NDArray[Any]], str | None]:
        """Return the sums of a record where their form is told, and what is wrong with them; nothing changes.

        Raises
        ------
        OSError
        """
        content = _content(self._file(record.event, record.number, "sums"))
        if content is None:
            return {}, "its sums are gone"
        if len(content) != record.bytes:
            return {}, f"{len(content):,} bytes of sums, {record.bytes:,} recorded"
        if self._hash(record.event, record.number, record.first_sample, record.samples, content) != record.sha256:
            return {}, "its sums are not those that were recorded"
        if form is None:
            return {}, None
        arrays = unpack(content, form)
        return arrays or {}, None if arrays is not None else "its sums are not of this city"

    def _hash(self, event: int, number: int, first_sample: int, samples: int, content: bytes) -> str:
        block = json.dumps([self._run, self.folder.name, event, number, first_sample, samples])
        return hashlib.sha256(block.encode() + content).hexdigest()

    def _file(self, event: int, number: int, kind: str) -> Path:
        return self.folder / f"{_name(event, number)}.{kind}"


class Ledger:
    """The records of a run.

    Parameters
    ----------
    run : pathlib.Path
        Run directory.
    check : callable
        Called before a block is written; raises where the directory is another's by now.
    """

    def __init__(self, run: Path, *, check: Callable[[], None] = _anyone) -> None:
        self.folder = run / LEDGER
        self._check = check

    def about(self) -> dict[str, Any] | None:
        """Return what the run is; None where none was begun, or its first file is none that this version wrote.

        Raises
        ------
        StorageError
            It cannot be read now, though it may be later.
        """
        with told_as_storage_error(self.folder / RUN, wanted=_READABLE):
            found = _read_json(self.folder / RUN, gone=_NOT_THERE)
        if found is None or not _fits(found, _WANTED) or found["schema_version"] != VERSION:
            return None
        inputs = found["inputs"]
        if not all(isinstance(one, dict) and _fits(one, {"path": str, "sha256": str}) for one in inputs):
            return None
        return found

    def was_begun(self) -> bool:
        """Return whether there is anything of a run; what a full disk stopped at the first file is nothing."""
        with told_as_storage_error(self.folder, wanted=_READABLE):
            return (self.folder / RUN).exists() or any(self.folder.glob(f"*/{PART}"))

    def begin(self, about: Mapping[str, Any]) -> None:
        """Write what the run is, in the place of whatever is there."""
        with told_as_storage_error(self.folder):
            remove(self.folder)
            make_folder(self.folder)
            write_whole(self.folder / RUN, _json(about))

    def part(self, name: str) -> Part:
        """Return a part by the name of its folder."""
        return Part(self.folder / name, run=(self.about() or {}).get("run_id", ""), check=self._check)

    def parts(self) -> list[Part]:
        """Return the parts that were begun, by name."""
        return [self.part(path.parent.name) for path in sorted(self.folder.glob(f"*/{PART}"))]


def pack(arrays: Arrays) -> bytes:
    """Return named arrays as bytes: NumPy's own file of arrays, compressed.

    Examples
    --------
    >>> arrays = {"people": np.arange(3)}
    >>> unpack(pack(arrays), {"people": (np.dtype("int64"), (3,))})["people"].tolist()
    [0, 1, 2]
    """
    whole = io.BytesIO()
    np.savez(whole, allow_pickle=False, **dict(arrays))
    return bytes(Zstd(level=1).encode(whole.getvalue()))


def unpack(content: bytes, form: Form) -> dict[str, NDArray[Any]] | None:
    """Return what :func:`pack` was given; None unless it is arrays of that form, and no more.

    Parameters
    ----------
    content : bytes
        May be anything; no more memory is taken than the form needs.
    form : mapping of str to (dtype, shape)
    """
    most = sum(kind.itemsize * int(np.prod(shape)) for kind, shape in form.values()) + _HEADERS * (len(form) + 1)
    told = _told_size(content)
    if told is None or told > most:
        return None
    # Whatever a foreign file brings its readers to raise, it is not what was kept.
    try:
        with np.load(io.BytesIO(Zstd().decode(content)), allow_pickle=False) as file:
            if sorted(file.files) != sorted(form) or sum(one.file_size for one in file.zip.infolist()) > most:
                return None
            found = {name: file[name] for name in file.files}
    except Exception:
        return None
    return found if {name: (array.dtype, array.shape) for name, array in found.items()} == dict(form) else None


def _told_size(content: bytes) -> int | None:
    """Return how many bytes a Zstandard frame says that it holds (RFC 8878, 3.1.1.1); None where it does not."""
    if len(content) < 5 or content[:4] != b"\x28\xb5\x2f\xfd":
        return None
    flag, single, dictionary = content[4] >> 6, content[4] >> 5 & 1, content[4] & 3
    start = 5 + (not single) + (0, 1, 2, 4)[dictionary]
    size = (single, 2, 4, 8)[flag]
    if not size:
        return None
    return int.from_bytes(content[start : start + size], "little") + (256 if size == 2 else 0)


def this_process() -> str:
    """Return the number of this process and its machine.

    Examples
    --------
    >>> str(os.getpid()) in this_process()
    True
    """
    return f"process {os.getpid()} on {socket.gethostname()}"


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _content(path: Path, gone: frozenset[int] = _GONE) -> bytes | None:
    """Return what a file holds; None where there is none, or its place on the disk cannot be read any more."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno in gone:
            return None
        raise


def _read_json(path: Path, gone: frozenset[int] = _GONE) -> dict[str, Any] | None:
    content = _content(path, gone)
    try:
        found = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _fits(found: Mapping[str, Any], wanted: Mapping[str, type]) -> bool:
    """Return whether all keys that are wanted are there, with values of just that kind."""
    return all(type(found.get(name)) is kind for name, kind in wanted.items())


def _name(event: int, number: int) -> str:
    return f"{event:05d}-{number:06d}"


def _read_record(path: Path) -> BlockRecord | None:
    """Return a record; None unless all is of the right kind, and of the block that the file is named after."""
    kinds = {"int": int, "str": str}
    wanted = {field.name: kinds[str(field.type)] for field in fields(BlockRecord)}
    found = _read_json(path)
    if found is None or found.keys() != wanted.keys() or not _fits(found, wanted):
        return None
    record = BlockRecord(**found)
    try:
        ended = datetime.datetime.fromisoformat(record.ended)
    except ValueError:
        return None
    whole = min(record.event, record.number, record.first_sample, record.bytes) >= 0 < record.samples
    named = path.stem == _name(record.event, record.number)
    return record if whole and named and ended.tzinfo is not None else None
