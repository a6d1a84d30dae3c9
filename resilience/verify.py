"""Whether a finished run is what it says: its files unchanged, and blocks that come out the same when solved again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from resilience.engine import Block, list_arrays, solve_block
from resilience.errors import DataError, MissingInputError, Problem, Problems
from resilience.inputs import load_inputs
from resilience.ledger import BlockRecord, Ledger
from resilience.manifest import Manifest
from resilience.network.compile import PERSON
from resilience.pipeline import prepare_run
from resilience.provenance import describe_inputs, hash_outputs
from resilience.sampling import MAIN
from resilience.scenario import Scenario
from resilience.store import MANIFEST, TOTALS, open_results, raise_if_locked

BLOCKS = 3


@dataclass(frozen=True)
class Verified:
    """What was looked at, and found to be as told.

    Parameters
    ----------
    files : int
        Files and folders of the result.
    recorded : int
        Blocks whose sums are those that were recorded.
    solved : tuple of (int, int)
        Event and number of the blocks that were solved again.
    """

    files: int
    recorded: int
    solved: tuple[tuple[int, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the same for programs."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return what was looked at, for people."""
        again = ", ".join(f"{number} of event {event}" for event, number in self.solved)
        return [
            f"files: {self.files} as the manifest tells",
            f"blocks: {self.recorded} as recorded",
            f"solved again, the same bits: blocks {again}",
        ]


def verify_run(run: Path, *, blocks: int = BLOCKS, seed: int | None = None) -> Verified:
    """Return what was verified of a finished run.

    Parameters
    ----------
    run : pathlib.Path
    blocks : int
        How many to solve again, chosen by chance.
    seed : int, optional
        Of that choice; without, another one at every call.

    Raises
    ------
    MissingInputError
        There is no finished run, or an input is gone.
    DataError
        Anything is not as told: an output, an input, a recorded block, a block that was solved again.
    LockedError
        A run is writing to it.
    """
    raise_if_locked(run)
    manifest = _read_manifest(run)
    problems = Problems()
    outputs = hash_outputs(run, manifest.outputs)
    told = {str(run / name): digest for name, digest in manifest.outputs.items()}
    _compare(told, {str(run / name): digest for name, digest in outputs.items()}, "what the manifest tells", problems)
    told = {one.path: one.sha256 for one in manifest.inputs}
    found = {one["path"]: one["sha256"] for one in describe_inputs(map(Path, told))}
    _compare(told, found, "the input that the run had", problems)
    part = Ledger(run).part(MAIN)
    records = list(part.records())
    if len(records) != part.about()["blocks"]:
        problems.add(str(part.folder), wanted=f"{part.about()['blocks']} records of blocks", got=f"{len(records)}")
    for record in records:
        if part.look(record) is None:
            got = f"others for block {record.number} of event {record.event}"
            problems.add(str(part.folder), wanted="sums as recorded", got=got)
    problems.raise_if_any(DataError)
    chosen = np.random.default_rng(seed).choice(len(records), min(blocks, len(records)), replace=False)
    solved = [records[i] for i in sorted(chosen.tolist())]
    _solve_again(run, Scenario.from_dict(manifest.scenario), solved)
    return Verified(len(outputs), len(records), tuple((one.event, one.number) for one in solved))


def _compare(told: Mapping[str, str], found: Mapping[str, str], wanted: str, problems: Problems) -> None:
    for name, digest in told.items():
        if found.get(name) != digest:
            problems.add(name, wanted=wanted, got="other content" if name in found else "gone")


def _read_manifest(run: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((run / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise MissingInputError(Problem(str(run), wanted="a finished run", got=f"no {MANIFEST} there")) from None
    except ValidationError as error:
        got = f"{error.error_count()} things that are none of it"
        raise DataError(Problem(str(run / MANIFEST), wanted="a manifest of this version", got=got)) from None


def _solve_again(run: Path, scenario: Scenario, records: list[BlockRecord]) -> None:
    prepared = prepare_run(scenario, load_inputs(scenario))
    part, people = Ledger(run).part(MAIN), open_results(run)[TOTALS]
    problems = Problems()
    for record in records:
        task = prepared.tasks[record.event]
        block = Block(task, record.number, record.first_sample // 64, record.samples // 64)
        sums = solve_block(prepared.city, block.task, block.first_word, block.n_words)
        kept, again = part.look(record), list_arrays(sums)
        other = sorted(name for name in again if kept is None or not np.array_equal(kept[name], again[name]))
        here = slice(record.first_sample, record.first_sample + record.samples)
        if not np.array_equal(people[record.event, :, here], sums.people / PERSON):
            other.append(TOTALS)
        if other:
            problems.add(
                f"{run}, block {record.number} of event {record.event}", wanted="the same bits when it is solved again",
                got="others", count=len(other), first=other,
            )  # fmt: skip
    problems.raise_if_any(DataError)
