"""What a run has done: one record per finished block, and the block's sums beside it.

``ledger/run.json`` tells what the run is: the resolved scenario, the inputs with their hashes, the code. A run is cut
into parts (the run itself, its branches, paired runs), each a folder with ``part.json``, and per finished block
``EVENT-NUMBER.json`` with size and hash of ``EVENT-NUMBER.sums``. A record is written after its sums are on the disk:
where there is one, the block need not be done again, and a byte of it that changed since is found.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs.zstd import Zstd
from numpy.typing import NDArray

from resilience.disk import remove_unfinished, told_as_storage_error, write_whole

LEDGER = "ledger"
RUN = "run.json"
PART = "part.json"

Arrays = Mapping[str, NDArray[Any]]


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
        Of that file.
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

    Attributes
    ----------
    damaged : list of str
        What :meth:`read` found that is not as recorded, one line each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[str] = []

    def begin(self, *, title: str, blocks: int) -> None:
        """Write what the part is and how many blocks it has."""
        with told_as_storage_error(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_unfinished(self.folder)
            write_whole(self.folder / PART, _json({"title": title, "blocks": blocks}))

    def about(self) -> dict[str, Any]:
        """Return what :meth:`begin` wrote."""
        return _read_json(self.folder / PART) or {"title": self.folder.name, "blocks": 0}

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
        content = pack(arrays)
        record = BlockRecord(
            event, number, first_sample, samples, len(content), hashlib.sha256(content).hexdigest(),
            datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), this_process(),
        )  # fmt: skip
        with told_as_storage_error(self.folder):
            write_whole(self._file(event, number, "sums"), content)
            write_whole(self._file(event, number, "json"), _json(asdict(record)))

    def read(self, event: int, number: int, *, first_sample: int, samples: int) -> dict[str, NDArray[Any]] | None:
        """Return the sums of a block, or None where it is not recorded.

        What is not as recorded is noted in `damaged`, and its record removed.
        """
        path = self._file(event, number, "json")
        if not path.exists():
            return None
        record, content = _read_record(path), _content(self._file(event, number, "sums"))
        wrong = None
        if record is None or (record.first_sample, record.samples) != (first_sample, samples):
            wrong = "its record cannot be read"
        elif content is None:
            wrong = "its sums are gone"
        elif len(content) != record.bytes:
            wrong = f"{len(content):,} bytes of sums, {record.bytes:,} recorded"
        elif hashlib.sha256(content).hexdigest() != record.sha256:
            wrong = "its sums are not those that were recorded"
        if wrong is None and content is not None:
            return unpack(content)
        with told_as_storage_error(path):
            path.unlink(missing_ok=True)
        self.damaged.append(f"{path.relative_to(self.folder.parent.parent)}: {wrong}")
        return None

    def look(self, record: BlockRecord) -> dict[str, NDArray[Any]] | None:
        """Return the sums of a record, or None where they are not as recorded; nothing changes."""
        content = _content(self._file(record.event, record.number, "sums"))
        if content is None or hashlib.sha256(content).hexdigest() != record.sha256:
            return None
        return unpack(content)

    def _file(self, event: int, number: int, kind: str) -> Path:
        return self.folder / f"{event:05d}-{number:06d}.{kind}"


class Ledger:
    """The records of a run.

    Parameters
    ----------
    run : pathlib.Path
        Run directory.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / LEDGER

    def about(self) -> dict[str, Any] | None:
        """Return what the run is; None where none was begun, or its first file cannot be read."""
        return _read_json(self.folder / RUN)

    def was_begun(self) -> bool:
        """Return whether there is anything of a run; what a full disk stopped at the first file is nothing."""
        return (self.folder / RUN).exists() or any(self.folder.glob(f"*/{PART}"))

    def begin(self, about: Mapping[str, Any]) -> None:
        """Write what the run is, in the place of whatever is there."""
        with told_as_storage_error(self.folder):
            if self.folder.exists():
                shutil.rmtree(self.folder)
            write_whole(self.folder / RUN, _json(about))

    def part(self, name: str) -> Part:
        """Return a part by the name of its folder."""
        return Part(self.folder / name)

    def parts(self) -> list[Part]:
        """Return the parts that were begun, by name."""
        return [Part(path.parent) for path in sorted(self.folder.glob(f"*/{PART}"))]


def pack(arrays: Arrays) -> bytes:
    """Return named arrays as bytes: NumPy's own file of arrays, compressed.

    Examples
    --------
    >>> unpack(pack({"people": np.arange(3)}))["people"].tolist()
    [0, 1, 2]
    """
    whole = io.BytesIO()
    np.savez(whole, allow_pickle=False, **dict(arrays))
    return bytes(Zstd(level=1).encode(whole.getvalue()))


def unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """Return what :func:`pack` was given."""
    with np.load(io.BytesIO(Zstd().decode(content)), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


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


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _read_record(path: Path) -> BlockRecord | None:
    try:
        return BlockRecord(**(_read_json(path) or {}))
    except TypeError:
        return None
