"""How far a run is, from its ledger and its log: also while it runs, and after it ended in whatever way."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from resilience.errors import MissingInputError, Problem
from resilience.ledger import BlockRecord, Ledger
from resilience.resume import describe_code
from resilience.run_log import LOG_FILE, LOGS
from resilience.store import MANIFEST, lock_holder

State = Literal["running", "finished", "interrupted"]

# What a block takes is told from so many of the last ones: what runs beside it changes.
_LATEST = 200
_TAIL = 1 << 16  # bytes
_OF_OTHERS = ("message", "warning")
_BEGINS, _ENDS_WELL, _ENDS = "run_started", "run_finished", ("run_failed", "run_interrupted")


@dataclass(frozen=True)
class PartStatus:
    """How far one part of a run is.

    Parameters
    ----------
    name, title : str
    done, blocks : int
        Finished blocks, and all.
    """

    name: str
    title: str
    done: int
    blocks: int


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Parameters
    ----------
    run : str
        Run directory.
    run_id, name : str
    state : {"running", "finished", "interrupted"}
    locked_by : str or None
        The process that is writing to it.
    begun : str
        UTC.
    last_block : str or None
        When the last block was finished, UTC.
    parts : tuple of PartStatus
        Those that were begun: the run itself, then its branches, options and paired runs.
    blocks_per_minute : float or None
        Of the last blocks of the last call; None where there are too few.
    seconds_left : float or None
        For the parts that were begun; None unless it is running.
    last_error : str or None
        What ended the last call, or the one before one that is running; None where it ended well.
    changed_code : tuple of str
        Parts of the code that are others than those that began the run: it cannot go on with them.
    """

    run: str
    run_id: str
    name: str
    state: State
    locked_by: str | None
    begun: str
    last_block: str | None
    parts: tuple[PartStatus, ...]
    blocks_per_minute: float | None
    seconds_left: float | None
    last_error: str | None
    changed_code: tuple[str, ...] = ()

    @property
    def resumable(self) -> bool:
        """Whether a later call with the same scenario and inputs goes on where this one ended."""
        return self.state == "interrupted" and not self.changed_code

    @property
    def done(self) -> int:
        """Finished blocks."""
        return sum(part.done for part in self.parts)

    @property
    def blocks(self) -> int:
        """All blocks of the parts that were begun."""
        return sum(part.blocks for part in self.parts)

    def lines(self) -> list[str]:
        """Return lines for people."""
        lines = [f"{self.run}: {self.name}, {self.state}", f"begun {self.begun}"]
        if self.locked_by is not None:
            lines.append(f"locked by {self.locked_by}")
        share = 100 * self.done / self.blocks if self.blocks else 0.0
        last = "" if self.last_block is None else f", the last at {self.last_block}"
        lines.append(f"{self.done:,} of {self.blocks:,} blocks ({share:.0f} %){last}")
        lines += [f"  {part.title}: {part.done:,} of {part.blocks:,}" for part in self.parts if len(self.parts) > 1]
        if self.blocks_per_minute is not None:
            rate = self.blocks_per_minute
            lines.append(f"{rate:,.0f} blocks a minute" if rate >= 10 else f"{rate:.2g} blocks a minute")
        if self.seconds_left is not None:
            lines.append(f"about {tell_seconds(self.seconds_left)} left for what was begun")
        if self.last_error is not None:
            lines.append(f"the call before ended so: {self.last_error}")
        if self.resumable:
            lines.append("`resilience run` with the same scenario and directory goes on where it ended")
        elif self.state == "interrupted":
            lines.append(f"it cannot go on: other code now ({', '.join(self.changed_code)}); `--restart` begins anew")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the same as data."""
        return {
            "run_directory": self.run,
            "run_id": self.run_id,
            "name": self.name,
            "state": self.state,
            "resumable": self.resumable,
            "locked_by": self.locked_by,
            "begun": self.begun,
            "last_block": self.last_block,
            "blocks_done": self.done,
            "blocks": self.blocks,
            "parts": [
                {"name": part.name, "title": part.title, "blocks_done": part.done, "blocks": part.blocks}
                for part in self.parts
            ],
            "blocks_per_minute": self.blocks_per_minute,
            "seconds_left": self.seconds_left,
            "last_error": self.last_error,
            "changed_code": list(self.changed_code),
        }


def read_status(run: Path) -> RunStatus:
    """Return how far a run is; nothing in its directory is changed.

    Parameters
    ----------
    run : pathlib.Path

    Raises
    ------
    MissingInputError
        There is no run.
    """
    ledger = Ledger(run)
    about = ledger.about()
    if about is None:
        got = "none there" if run.is_dir() else "no such directory"
        raise MissingInputError(Problem(str(run), wanted="a run directory with a ledger", got=got))
    holder = lock_holder(run)
    parts, records = [], []
    for part in ledger.parts():
        told, own = part.about(), list(part.records())
        # A part that stopped at its tolerance has fewer blocks than it might have had.
        parts.append(PartStatus(part.folder.name, str(told["title"]), len(own), max(int(told["blocks"]), len(own))))
        records += own
    parts.sort(key=lambda part: (part.name != "run", part.name))
    records.sort(key=lambda record: record.ended)
    state: State = "running" if holder is not None else "finished" if (run / MANIFEST).exists() else "interrupted"
    rate = find_rate(records)
    left = sum(part.blocks - part.done for part in parts)
    return RunStatus(
        run=str(run),
        run_id=str(about.get("run_id", "")),
        name=str(about.get("name", "")),
        state=state,
        locked_by=holder,
        begun=str(about.get("begun", "")),
        last_block=records[-1].ended if records else None,
        parts=tuple(parts),
        blocks_per_minute=rate,
        seconds_left=None if state != "running" or rate is None else 60 * left / rate,
        last_error=_last_error(run / LOGS / LOG_FILE, running=state == "running"),
        changed_code=tuple(name for name, told in describe_code().items() if about.get("code", {}).get(name) != told),
    )


def find_rate(records: Sequence[BlockRecord]) -> float | None:
    """Return blocks per minute of the last call; None where fewer than two tell.

    Parameters
    ----------
    records : sequence of BlockRecord
        In the order in which they ended.
    """
    latest = list(records[-_LATEST:])
    own = [datetime.datetime.fromisoformat(one.ended) for one in latest if one.process == latest[-1].process]
    if len(own) < 2 or own[-1] <= own[0]:
        return None
    return 60 * (len(own) - 1) / (own[-1] - own[0]).total_seconds()


def tell_seconds(seconds: float) -> str:
    """Return a span of time for people.

    Examples
    --------
    >>> tell_seconds(42.3), tell_seconds(600), tell_seconds(9_000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _last_error(log: Path, *, running: bool) -> str | None:
    """Return what the last call ended with, or the one before a call that is running; None where it ended well."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    present = running
    for line in reversed(lines):
        try:
            told = json.loads(line)
            event, message = told["event"], told["message"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if event in _OF_OTHERS:
            continue
        if present:
            # Up to its beginning these are lines of the call that is running.
            present = event != _BEGINS
        elif event in _ENDS:
            return str(message)
        elif event == _ENDS_WELL:
            return None
        else:
            return "it told no end: it was killed, or the machine stopped"
    return None
