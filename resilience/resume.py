"""Whether a run directory holds the same job, so that what it has done need not be done again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from resilience.errors import DataError, Problem, Problems
from resilience.kernels.rows import SAMPLES
from resilience.ledger import VERSION, Ledger
from resilience.provenance import describe_inputs, now, read_stamps
from resilience.run_log import RunLog
from resilience.scenario import Scenario
from resilience.scenario.changed import changed_keys
from resilience.store import RunStore, check_inputs_apart, raise_if_locked

AGAIN = "the same job, or --restart (restart=True), which removes what the directory has"
UNREADABLE = "a ledger that cannot be read"
KEPT = ("run_id", "begun", "block")
# What numbers can depend on beside the scenario, its inputs and this package.
_ARITHMETIC = ("numpy", "scipy", "numba", "shapely", "pyproj", "rasterio")


def describe_job(scenario: Scenario, inputs: Iterable[Path], *, block_samples: int) -> dict[str, Any]:
    """Return what a job is: all on which its numbers depend, and by which block its results are cut.

    Parameters
    ----------
    scenario : Scenario
    inputs : iterable of pathlib.Path
        Files that it reads; each is read once for its hash.
    block_samples : int
    """
    return {
        "schema_version": VERSION,
        "run_id": secrets.token_hex(8),
        "name": scenario.name,
        "begun": now(),
        "scenario_sha256": scenario.digest(),
        "block": block_samples,
        "code": describe_code(),
        "inputs": describe_inputs(inputs),
        "scenario": scenario.to_dict(),
    }


def describe_code() -> dict[str, str]:
    """Return the version of this package, a hash of its sources, and the versions of what computes with it."""
    sources = {}
    # In a checkout the last two stand beside the package, and links to folders are not followed.
    for name in ("resilience", "resilience.kernels", "resilience.datasets"):
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations if spec is not None else None) or ():
            for path in Path(folder).rglob("*.py"):
                sources[f"{name.replace('.', '/')}/{path.relative_to(folder).as_posix()}"] = path
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(name.encode())
        digest.update(sources[name].read_bytes())
    versions = {name: metadata.version(name) for name in _ARITHMETIC}
    return {"urban-resilience": metadata.version("urban-resilience"), "sources": digest.hexdigest(), **versions}


class RunPlace:
    """The directory where a job is, or will be, kept: a context, after which another may have it.

    Parameters
    ----------
    path : pathlib.Path
    describe : callable
        Returns the job, see :func:`describe_job`; what changes from then on is noticed.
    inputs : iterable of pathlib.Path
        Files that must not be replaced.
    restart : bool
        Whether what an earlier job left is removed.
    log : RunLog, optional
        Is kept there too, once it is open.

    Raises
    ------
    CannotCreateError
        Inputs stand where results go.
    LockedError
        Another run is writing to it.
    DataError
        It holds another job: changed keys, inputs and code are told. Nothing is written.
    """

    def __init__(
        self,
        path: Path,
        describe: Callable[[], Mapping[str, Any]],
        *,
        inputs: Iterable[Path],
        restart: bool,
        log: RunLog | None = None,
    ) -> None:
        self.path = path
        self._inputs = tuple(inputs)
        self._restart = restart
        self._log = log
        self._store: RunStore | None = None
        # Before the hashes: what is written while they are made would be told as if the run had read it.
        self._stamps = read_stamps(self._inputs)
        self.job = job = describe()
        check_inputs_apart(path, self._inputs)
        raise_if_locked(path)
        if not restart:
            _compare(path, Ledger(path), job)

    def __enter__(self) -> RunPlace:
        return self

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()

    def check_inputs(self) -> None:
        """Raise DataError where an input is not what it was when the job was described."""
        now = read_stamps(self._inputs)
        changed = sorted(path for path in self._stamps.keys() | now.keys() if self._stamps.get(path) != now.get(path))
        if changed:
            raise DataError(
                Problem(
                    str(self.path),
                    wanted="inputs that stay as they are while a run reads them; run again with --restart",
                    got="inputs changed meanwhile", count=len(changed), first=changed,
                )
            )  # fmt: skip

    def open(self, *, block_samples: int | None = None) -> RunStore:
        """Return the directory, held, with the ledger of the job: a new one, or that of an earlier call.

        Parameters
        ----------
        block_samples : int, optional
            By which a new job is cut, if not as it says; an earlier one goes on as it was begun.

        Raises
        ------
        CannotCreateError
            As :class:`RunStore`.
        """
        if block_samples is not None:
            self.job = {**self.job, "block": block_samples}
        store = self._store = RunStore(self.path, inputs=self._inputs)
        if self._restart or not _compare(self.path, store.ledger, self.job):
            store.clear()
            store.ledger.begin(self.job)
        else:
            about = store.ledger.about() or {}
            self.job = {**self.job, **{name: about[name] for name in KEPT}}
        if self._log is not None:
            self._log.keep_in(self.path, run=self.job["run_id"])
        return store


def _compare(run: Path, ledger: Ledger, job: Mapping[str, Any]) -> bool:
    """Return whether the ledger is of this job; False where there is none."""
    about = ledger.about()
    if about is None and not ledger.was_begun():
        return False
    if about is None:
        raise DataError(Problem(str(ledger.folder), wanted=AGAIN, got=UNREADABLE))
    problems = Problems()
    if about.get("scenario_sha256") != job["scenario_sha256"]:
        keys = changed_keys(about.get("scenario"), job["scenario"])
        problems.add(
            str(run), wanted=AGAIN, got="changed keys of the scenario that it holds", count=len(keys), first=keys
        )
    before = {one["path"]: one["sha256"] for one in about.get("inputs", ())}
    after = {one["path"]: one["sha256"] for one in job["inputs"]}
    # Other keys name other files: that is told already.
    changed = [path for path in sorted(before.keys() & after.keys()) if before[path] != after[path]]
    if changed:
        problems.add(
            str(run), wanted=AGAIN, got="inputs that have changed since it was begun", count=len(changed), first=changed
        )
    code = about.get("code", {})
    names = [name for name, told in job["code"].items() if code.get(name) != told]
    if names:
        versions = [f"{name} {str(code.get(name))[:12]}, now {job['code'][name][:12]}" for name in names]
        problems.add(
            str(run), wanted=AGAIN, got="parts of the code that are others now", first=versions, count=len(names)
        )
    problems.raise_if_any(DataError)
    if not _can_be_cut(about["block"], job):
        raise DataError(Problem(str(ledger.folder), wanted=AGAIN, got=UNREADABLE))
    return True


def _can_be_cut(block: int, job: Mapping[str, Any]) -> bool:
    """Return whether a job may be cut so: as it says, or into whole word groups where it leaves that to the run."""
    counts = job["scenario"]["monte_carlo"]
    if counts.get("block") is None and counts.get("tolerance") is None:
        return block > 0 and block % SAMPLES == 0
    return bool(block == job["block"])
