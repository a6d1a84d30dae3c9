"""Whether a finished run is what it says: its files unchanged, and blocks that come out the same when solved again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resilience.disk import told_as_storage_error
from resilience.engine import form_of_sums, list_arrays, solve_block
from resilience.errors import DataError, Problems, ResilienceError
from resilience.inputs import load_inputs
from resilience.labels import PEOPLE
from resilience.ledger import LEDGER, BlockRecord, Ledger
from resilience.manifest import Manifest
from resilience.network.compile import PERSON
from resilience.pipeline import prepare_run
from resilience.provenance import GONE, changed_inputs, hash_outputs
from resilience.reading import read_manifest
from resilience.resume import describe_code
from resilience.sampling import MAIN
from resilience.scenario import Scenario
from resilience.store import FILES, MANIFEST, NETWORK, RESULTS, open_results, raise_if_locked

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
    manifest = read_manifest(run)
    problems = Problems()
    outputs = hash_outputs(run, {*FILES, RESULTS, NETWORK} - {MANIFEST})
    told = {str(run / name): digest for name, digest in manifest.outputs.items()}
    _compare(told, {str(run / name): digest for name, digest in outputs.items()}, "what the manifest tells", problems)
    for name in sorted(outputs.keys() - manifest.outputs.keys()):
        problems.add(str(run / name), wanted="nothing: the manifest does not tell of it", got="content")
    for path, got in changed_inputs(manifest.inputs).items():
        problems.add(path, wanted="the input that the run had", got=got)
    scenario = _read_scenario(run, manifest, problems)
    with told_as_storage_error(run / LEDGER, wanted="a ledger that can be read"):
        records, n_record = _read_ledger(run, manifest, problems)
    if problems:
        # What a run that began meanwhile is about to replace is not wrong.
        raise_if_locked(run)
    problems.raise_if_any(DataError)
    assert scenario is not None  # told above
    chosen = np.random.default_rng(seed).choice(len(records), min(blocks, len(records)), replace=False)
    solved = [records[i] for i in sorted(chosen.tolist())]
    _solve_again(run, scenario, solved)
    return Verified(len(outputs), n_record, tuple((one.event, one.number) for one in solved))


def _read_scenario(run: Path, manifest: Manifest, problems: Problems) -> Scenario | None:
    """Return the scenario of a manifest, if it is what the manifest and the ledger tell."""
    wanted = "the scenario that the run had"
    try:
        scenario = Scenario.from_dict(manifest.scenario)
    except ResilienceError as error:
        problems.add(str(run / MANIFEST), wanted=wanted, got=str(error))
        return None
    about = Ledger(run).about() or {}
    for place, digest in ((MANIFEST, manifest.scenario_sha256), (LEDGER, about.get("scenario_sha256"))):
        if scenario.digest() != digest:
            problems.add(str(run / place), wanted=wanted, got="the hash of another, or none")
    if about and manifest.run_id != about["run_id"]:
        problems.add(str(run / LEDGER), wanted=f"the run {manifest.run_id}", got=f"{about['run_id']}")
    return scenario


def _read_ledger(run: Path, manifest: Manifest, problems: Problems) -> tuple[list[BlockRecord], int]:
    """Return the records of the run itself, and how many there are of all its parts."""
    ledger, figures = Ledger(run), manifest.figures
    parts = {part.folder.name: part for part in ledger.parts()}
    own, n_record = [], 0
    for name, part in {MAIN: ledger.part(MAIN), **parts}.items():
        records = list(part.records())
        n_record += len(records)
        if name == MAIN:
            own, blocks = records, -(-figures.samples // figures.block) * figures.events
        else:
            blocks = part.about()["blocks"]
        if len(records) != blocks:
            problems.add(str(part.folder), wanted=f"{blocks} records of blocks", got=f"{len(records)}")
        for record in records:
            _, wrong = part.look(record)
            if wrong is not None:
                got = f"others for block {record.number} of event {record.event}: {wrong}"
                problems.add(str(part.folder), wanted="sums as recorded", got=got)
    return own, n_record


def _compare(told: Mapping[str, str], found: Mapping[str, str], wanted: str, problems: Problems) -> None:
    for name, digest in told.items():
        if found.get(name) != digest:
            problems.add(name, wanted=wanted, got="other content" if name in found else GONE)


def _solve_again(run: Path, scenario: Scenario, records: list[BlockRecord]) -> None:
    prepared = prepare_run(scenario, load_inputs(scenario))
    city, part, people = prepared.city, Ledger(run).part(MAIN), open_results(run)[PEOPLE]
    about = Ledger(run).about() or {}
    others = sorted(name for name, told in describe_code().items() if about.get("code", {}).get(name) != told)
    wanted = "the same bits when it is solved again" + (f", here by other {', '.join(others)}" if others else "")
    tasks = {task.event: task for task in prepared.tasks}
    problems = Problems()
    for record in records:
        first, n_words = record.first_sample // 64, record.samples // 64
        here = slice(record.first_sample, record.first_sample + record.samples)
        shown = people.values[record.event : record.event + 1, :, here]
        other = [PEOPLE]
        if (task := tasks.get(record.event)) is not None and shown.shape[-1] == record.samples:
            sums = solve_block(city, task, first, n_words)
            kept, _ = part.look(record, form_of_sums(city, task, n_words))
            again = list_arrays(sums)
            other = sorted(name for name in again if name not in kept or not np.array_equal(kept[name], again[name]))
            if not np.array_equal(shown[0], sums.people / PERSON):
                other.append(PEOPLE)
        if other:
            problems.add(
                f"{run}, block {record.number} of event {record.event}", wanted=wanted, got="others", count=len(other),
                first=other,
            )  # fmt: skip
    problems.raise_if_any(DataError)
