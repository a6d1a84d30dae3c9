"""The result on disk: a Zarr group that opens with xarray, written block by block, and CSV tables."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from resilience.cells import Column, write_cells
from resilience.disk import (
    keep_names,
    keep_on_disk,
    make_folder,
    remove,
    remove_unfinished,
    told_as_storage_error,
    write_whole,
)
from resilience.errors import CannotCreateError, LockedError, Problem, StorageError
from resilience.files import DESKTOP_FILES
from resilience.labels import PEOPLE
from resilience.ledger import LEDGER, Ledger, this_process

RESULTS = "results.zarr"
# What is being written: under its own name a result is whole.
PARTIAL = "results.zarr.partial"
NETWORK = "network"
MANIFEST = "manifest.json"
REPORT = "report.html"
LOCK = ".lock"
TABLES = (
    "summary",
    "events",
    "causes",
    "why",
    "assets",
    "zones",
    "recovery",
    "unserved",
    "exceedance",
    "heat",
    "importance",
    "access",
    "zone_access",
    "indicators",
    "resilience",
    "indices",
    "branches",
    "options",
)
# The manifest goes first when a run is replaced: where there is one, all it tells of is there.
FILES = (MANIFEST, "scenario.yaml", "notes.txt", *(f"{table}.csv" for table in TABLES))

_LARGE = 1 << 24  # bytes
LOOKS = 5


def _take_lock(path: Path) -> IO[str]:
    """Return the open lock file; whoever holds it writes its name into it."""
    # Not through a link: who holds it is written in the place of what was there.
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    lock = os.fdopen(number, "a+", encoding="utf-8", errors="replace")
    for patience in range(LOOKS, -1, -1):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if not patience:
                with lock:
                    lock.seek(0)
                    raise _locked(path.parent, lock.read().strip() or "another process") from error
        # Who only looks whether there is a lock has it for an instant.
        time.sleep(0.02)
    lock.truncate(0)
    lock.write(f"{this_process()}\n")
    lock.flush()
    return lock


def lock_holder(path: Path) -> str | None:
    """Return who holds the lock of a run directory; None where nobody does.

    Nothing is changed: a process that asks for the lock meanwhile may find it taken for an instant.
    """
    try:
        lock = (path / LOCK).open("r", encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with lock:
        try:
            # Shared, so that two who look do not take one another for a run.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return lock.read().strip() or "another process"
    return None


class RunStore:
    """The directory of one run.

    Parameters
    ----------
    path : pathlib.Path
        Made if it is not there, and held until :meth:`close`.
    inputs : iterable of pathlib.Path
        Files that must not be replaced.

    Raises
    ------
    CannotCreateError
        It cannot be made, or inputs stand where results go.
    LockedError
        Another run is writing to it.

    Attributes
    ----------
    ledger : Ledger
    """

    def __init__(self, path: Path, *, inputs: Iterable[Path] = ()) -> None:
        self.path = path
        check_inputs_apart(path, inputs)
        try:
            make_folder(path)
            self._lock = _take_lock(path / LOCK)
            remove_unfinished(path)
        except OSError as error:
            raise CannotCreateError(
                Problem(str(path), wanted="a directory that can be written", got=error.strerror or str(error))
            ) from error
        self.ledger = Ledger(path, check=self.check_held)
        self._totals: Any = None

    def check_held(self) -> None:
        """Raise unless the directory is still the one that is held.

        Raises
        ------
        StorageError
            It was moved, removed or replaced, or :meth:`close` was called.
        """
        mine = False
        with told_as_storage_error(self.path / LOCK), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            mine = not self._lock.closed and _same(self._lock.fileno(), self.path / LOCK)
        if not mine:
            wanted = "the directory that the run began to write to; call it again where that is now"
            raise StorageError(Problem(str(self.path), wanted=wanted, got="moved, removed or replaced meanwhile"))

    def clear(self) -> None:
        """Remove an earlier run; what is not of a run stays."""
        with told_as_storage_error(self.path):
            remove(self.path / MANIFEST)
            keep_names(self.path)
            # The ledger next: a process that is killed here must not leave one of a job that is to be forgotten.
            for name in (LEDGER, *FILES, RESULTS, PARTIAL, NETWORK, REPORT):
                remove(self.path / name)

    def close(self) -> None:
        """Let another run have the directory; the system does so too when the process ends, however it ends."""
        self._lock.close()

    def begin(self, *, n_event: int, n_service: int, n_sample: int, block_samples: int) -> None:
        """Make the array of people per event, service and sample; one chunk per block, one writer per chunk."""
        with told_as_storage_error(self.path):
            remove(self.path / PARTIAL)
            group = zarr.open_group(_local(self.path / PARTIAL), mode="w", zarr_format=3)
            self._totals = group.create_array(
                PEOPLE,
                shape=(n_event, n_service, n_sample),
                chunks=(1, n_service, block_samples),
                dtype="float64",
                fill_value=np.nan,
                dimension_names=("event", "service", "sample"),
            )

    def write_block(self, event: int, first_sample: int, people: NDArray[np.float64]) -> None:
        """Write one block: people, ``(n_service, n) float64``."""
        self.check_held()
        with told_as_storage_error(self.path):
            self._totals[event, :, first_sample : first_sample + people.shape[1]] = people

    def finish(self, dataset: xr.Dataset) -> None:
        """Write the rest of the result beside the totals, and give the whole its name.

        Parameters
        ----------
        dataset : xarray.Dataset
            Without the totals, whose attributes are given by ``dataset.attrs`` alone.

        Notes
        -----
        All other files of an earlier result are removed: those that this one has not would be taken for its own.
        """
        self.check_held()
        with told_as_storage_error(self.path), warnings.catch_warnings():
            # Zarr 3 has no final specification for text yet; xarray and zarr-python agree on how to store it.
            warnings.filterwarnings("ignore", category=UserWarning, module="zarr")
            warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification.*")
            warnings.filterwarnings("ignore", message=".*Consolidated metadata.*")
            if self._totals.shape[-1] != dataset.sizes["sample"]:
                self._totals.resize((*self._totals.shape[:-1], dataset.sizes["sample"]))
            attrs = self._totals.attrs
            attrs.update(dataset[PEOPLE].attrs)
            rest = dataset.drop_vars(PEOPLE)
            rest.to_zarr(
                _local(self.path / PARTIAL),
                mode="a",
                consolidated=False,
                zarr_format=3,
                encoding=_chunks_of_large(rest),
            )
            self.check_held()
            for name in (*FILES, RESULTS, NETWORK, REPORT):
                remove(self.path / name)
            (self.path / PARTIAL).replace(self.path / RESULTS)

    def keep_on_disk(self) -> None:
        """Have all files of the result on the disk, so that a manifest never tells of what a power cut took."""
        with told_as_storage_error(self.path):
            keep_on_disk(self.path / name for name in (*FILES, RESULTS, NETWORK))
            keep_names(self.path)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file in one step: a reader sees all of it or none."""
        text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file in one step."""
        self.check_held()
        with told_as_storage_error(self.path):
            write_whole(self.path / name, text.encode("utf-8", "surrogateescape"))

    def write_table(self, name: str, header: Sequence[str], blocks: Iterable[Sequence[Column]]) -> None:
        """Write a CSV table of blocks of columns; text that a spreadsheet would take for a formula is made harmless.

        Raises
        ------
        ValueError
            A name that is not among :data:`FILES`: a later run into the directory would leave the table behind.
        """
        if name not in FILES:
            raise ValueError(f"{name} is none of the files of a run")
        self.check_held()
        with told_as_storage_error(self.path), (self.path / name).open("w", newline="", encoding="utf-8") as file:
            write_cells(file, header, blocks)


def _same(number: int, path: Path) -> bool:
    return os.path.samestat(os.fstat(number), path.stat())


def raise_if_locked(path: Path) -> None:
    """Raise LockedError if a run is writing to a directory; write nothing.

    Raises
    ------
    LockedError
    """
    if (holder := lock_holder(path)) is not None:
        raise _locked(path, holder)


def _locked(run: Path, holder: str) -> LockedError:
    return LockedError(Problem(str(run), wanted="a directory no other run is writing to", got=f"held by {holder}"))


def _local(path: Path, *, read_only: bool = False) -> Any:
    """Return a folder as Zarr's own: a path is taken for an address by some of its versions, and ends at `#` or `?`."""
    return zarr.storage.LocalStore(path, read_only=read_only)


def _chunks_of_large(dataset: xr.Dataset) -> dict[Any, dict[str, Any]]:
    """Return the encoding that cuts large arrays by event: threads compress chunks at once, readers want one event."""
    return {
        name: {"chunks": (1, *array.shape[1:])}
        for name, array in dataset.variables.items()
        if array.dims[:1] == ("event",) and array.nbytes > _LARGE
    }


def _real(path: Path) -> Path:
    # Path.resolve raises where links go round; whoever reads the file tells that.
    return Path(os.path.realpath(path))


def check_inputs_apart(path: Path, inputs: Iterable[Path]) -> None:
    """Raise CannotCreateError where inputs stand in the place of results."""
    own = {_real(path / name) for name in (RESULTS, PARTIAL, NETWORK, LEDGER, *FILES)}
    lost = sorted({str(one) for one in inputs if own & {_real(one), *_real(one).parents}})
    if lost:
        raise CannotCreateError(
            Problem(
                str(path),
                wanted="a run directory apart from the inputs",
                got="inputs that the run would replace",
                count=len(lost),
                first=lost,
            )
        )


def open_results(path: str | Path) -> xr.Dataset:
    """Return the result of a run directory, lazily.

    Parameters
    ----------
    path : path
        The run directory.

    Raises
    ------
    StorageError
        There is no result in it, or it cannot be read.
    """
    place = Path(path) / RESULTS
    if not place.is_dir():
        raise StorageError(Problem(str(path), wanted=f"a run directory with {RESULTS}", got="none there"))
    passed_over = "|".join(map(re.escape, DESKTOP_FILES))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", rf"Object at .*({passed_over}) is not recognized")
            dataset: xr.Dataset = xr.open_zarr(_local(place, read_only=True), consolidated=False, chunks=None)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        got = (isinstance(error, OSError) and error.strerror) or "a store that cannot be read"
        raise StorageError(Problem(str(place), wanted="the result of a run", got=got)) from error
    return dataset
