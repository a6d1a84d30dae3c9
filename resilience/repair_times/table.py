"""Tables of repair times by class, state and peril, and the arrays the kernels read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.errors import DataError, MissingInputError, Problem, Problems, suggestion
from resilience.files import check_width, is_there
from resilience.repair_times.distribution import RepairTime, subject_of

_NAMES = ("value", "low", "high", "mean", "sd", "median", "beta")
_WORDS = ("repair_class", "state", "peril", "distribution", "unit", "label", "source", "licence", "basis", "note")


@dataclass(frozen=True, eq=False)
class PackedRepairTimes:
    """Distributions of many assets as arrays.

    Parameters
    ----------
    index : (n_asset, n_state + 1) int32
        Row of the table below for each asset and state, column 0 the outage; -1 none.
    kind : (n_distribution,) int32
    first, second : (n_distribution,) float64
        As ``resilience.kernels.repair_times.repair_quantile`` reads them.
    """

    index: NDArray[np.int32]
    kind: NDArray[np.int32]
    first: NDArray[np.float64]
    second: NDArray[np.float64]


class RepairTimeTable:
    """Repair times by class, state and peril; never changed after construction.

    Parameters
    ----------
    times : iterable of RepairTime

    Raises
    ------
    DataError
        The same class, state and peril twice; states of damage with a gap, or of which the more severe has the
        smaller median.

    Examples
    --------
    >>> table = RepairTimeTable([RepairTime("pump", 1, "fixed", {"value": 24}, peril="flood")])
    >>> table.find("pump", 1, peril="flood").mean()
    24.0
    """

    def __init__(self, times: Iterable[RepairTime] = ()) -> None:
        self._times: dict[tuple[str, str, int], RepairTime] = {}
        problems = Problems()
        for time in times:
            key = (time.repair_class, time.peril, time.state)
            if key in self._times:
                problems.add(subject_of(time), wanted="every class, peril and state once", got="twice")
            self._times[key] = time
        for repair_class, peril in sorted({key[:2] for key in self._times}):
            _check_states([t for t in self if (t.repair_class, t.peril) == (repair_class, peril)], problems)
        problems.raise_if_any(DataError)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        unit: str | None = None,
        peril: str = "",
        source: str = "",
        licence: str = "",
        basis: str = "source",
        note: str = "",
    ) -> RepairTimeTable:
        """Return the table of a CSV file.

        Parameters
        ----------
        path : path-like
            One row per distribution: columns ``repair_class, state, distribution``, the parameters by name (``value,
            low, high, mean, sd, median, beta``; empty where not used) and, where needed, ``peril, unit, label, source,
            licence, basis, note``.
        unit : {"h", "day"}, optional
            Where the file does not say it; never assumed.
        peril, source, licence, basis : str
            Where the file does not say it.
        note : str
            Added to every note.

        Raises
        ------
        MissingInputError
            The file cannot be read.
        DataError
            Everything that is wrong with it.
        """
        told = {"unit": unit or "", "peril": peril, "source": source, "licence": licence, "basis": basis}
        return cls(_read(Path(path), told, note))

    def merge(self, other: RepairTimeTable) -> RepairTimeTable:
        """Return a table with the times of both; those of `other` take the place of the same class and peril."""
        replaced = {(time.repair_class, time.peril) for time in other}
        kept = [time for time in self if (time.repair_class, time.peril) not in replaced]
        return RepairTimeTable([*kept, *other])

    def as_lognormal(self) -> RepairTimeTable:
        """Return the table with every normal law replaced, see :meth:`RepairTime.as_lognormal`."""
        return RepairTimeTable(time.as_lognormal() for time in self)

    def classes(self) -> tuple[str, ...]:
        """Return the classes, in alphabetical order."""
        return tuple(sorted({key[0] for key in self._times}))

    def count_states(self, repair_class: str, *, peril: str) -> int:
        """Return how many states of damage a class has times for."""
        state = 0
        while self._get(repair_class, state + 1, peril) is not None:
            state += 1
        return state

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[RepairTime]:
        return (self._times[key] for key in sorted(self._times))

    def _get(self, repair_class: str, state: int, peril: str) -> RepairTime | None:
        return self._times.get((repair_class, peril, state), self._times.get((repair_class, "", state)))

    def find(self, repair_class: str, state: int, *, peril: str = "") -> RepairTime:
        """Return the time of a class and state for a peril, or that for any peril.

        Raises
        ------
        DataError
            There is none.
        """
        found = self._get(repair_class, state, peril)
        if found is None:
            raise DataError(_absent(self, [(repair_class, state)], peril))
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row per distribution: what it is, in hours, and where it comes from."""
        rows = [{**{word: getattr(time, word) for word in _WORDS}, **time.parameters, "mean_hours": time.mean()}
                for time in self]  # fmt: skip
        return pd.DataFrame(rows, columns=[*_WORDS[:6], *_NAMES, "mean_hours", *_WORDS[6:]])

    def pack(
        self, classes: Sequence[str], *, peril: str, states: ArrayLike = 1, needed: ArrayLike | None = None
    ) -> PackedRepairTimes:
        """Return the distributions of many assets as arrays.

        Parameters
        ----------
        classes : (n_asset,) sequence of str
            Class of each asset; empty for none.
        peril : str
        states : int or (n_asset,) int
            Number of states of damage, or that of each asset; its class must have a time for each. A class without an
            outage (state 0) is back when the hazard is gone: -1.
        needed : (n_asset,) bool, optional
            Which assets can be damaged and must have a class; all by default.

        Raises
        ------
        DataError
            Assets without a class, classes or states that the table does not know.
        """
        codes, unique = pd.factorize(np.asarray(classes, dtype=object))
        must = np.ones(len(codes), dtype=bool) if needed is None else np.asarray(needed, dtype=bool)
        used = [str(name) for name in unique]
        rows: list[RepairTime] = []
        worst = np.where(must, np.broadcast_to(np.asarray(states, dtype=np.int64), must.shape), 0)
        most = int(np.max(states, initial=1))
        table = np.full((len(used), most + 1), -1, dtype=np.int32)
        absent = []
        for k, repair_class in enumerate(used):
            for state in range(most + 1):
                found = self._get(repair_class, state, peril) if repair_class else None
                if found is not None:
                    table[k, state] = len(rows)
                    rows.append(found)
                elif state and repair_class and state <= worst[codes == k].max():
                    absent.append((repair_class, state))
        problems = Problems()
        empty = must & np.asarray(codes == (used.index("") if "" in used else -1), dtype=bool)
        if empty.any():
            problems.add(
                "assets.repair_class", wanted="a class of the table for every asset that can be damaged", got="empty",
                count=int(empty.sum()), total=len(codes), first=[f"row {i}" for i in np.flatnonzero(empty)[:3]],
            )  # fmt: skip
        if absent:
            problems.extend([_absent(self, absent, peril)])
        problems.raise_if_any(DataError)
        arguments = [time.arguments for time in rows]
        return PackedRepairTimes(
            table[codes] if used else np.empty((0, most + 1), dtype=np.int32),
            np.array([kind for kind, _, _ in arguments], dtype=np.int32),
            np.array([first for _, first, _ in arguments], dtype=np.float64),
            np.array([second for _, _, second in arguments], dtype=np.float64),
        )


def _check_states(times: Sequence[RepairTime], problems: Problems) -> None:
    """Note states of damage with a gap between them, or of which the lighter takes longer."""
    damaged = [time for time in times if time.state > 0]
    if [time.state for time in damaged] != list(range(1, len(damaged) + 1)):
        got = ", ".join(str(time.state) for time in damaged)
        problems.add(
            f"repair time {times[0].repair_class!r}", wanted="states of damage 1, 2, ... without a gap", got=got
        )
    for lighter, heavier in pairwise(damaged):
        low, high = lighter.median(), heavier.median()
        if high < low:
            problems.add(subject_of(heavier), wanted=f"a median of at least {low:g} h, as state {lighter.state}",
                         got=f"{high:g} h")  # fmt: skip


def _absent(table: RepairTimeTable, keys: Sequence[tuple[str, int]], peril: str) -> Problem:
    names = table.classes()
    shown = [f"{name!r} state {state}{suggestion(name, names) if name not in names else ''}" for name, state in keys]
    known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "the table is empty"
    return Problem(
        "repair times", f"a row for class, state and peril {peril or '(any)'}; classes: {known}", "no row", len(keys),
        None, shown,
    )  # fmt: skip


def _read(path: Path, told: Mapping[str, str], note: str) -> list[RepairTime]:
    is_there(path)  # what may not be read is told here; what is missing, below
    check_width(path)
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig", compression=None
        )
    except OSError as error:
        raise MissingInputError(Problem(str(path), "a file that can be read", error.strerror or "no")) from None
    except ValueError as error:
        raise DataError(Problem(str(path), "a CSV table in UTF-8 with a header", str(error).strip())) from None
    columns = [str(column).strip() for column in table.columns]
    table.columns = pd.Index(columns)
    problems = Problems()
    missing = [name for name in ("repair_class", "state", "distribution") if name not in columns]
    unknown = [name for name in columns if name not in (*_WORDS, *_NAMES)]
    for got, names in (("columns that are not there", missing), ("unknown columns", unknown)):
        if names:
            problems.add(str(path), wanted=f"columns {', '.join((*_WORDS, *_NAMES))}", got=got, count=len(names),
                         first=names)  # fmt: skip
    problems.raise_if_any(DataError)
    times = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        try:
            times.append(_read_row({str(k): str(v).strip() for k, v in row.items()}, told, note))
        except DataError as error:
            problems.extend(replace(one, where=f"{path}:{number}") for one in error.problems)
    problems.raise_if_any(DataError)
    return times


def _read_row(row: Mapping[str, str], told: Mapping[str, str], note: str) -> RepairTime:
    words: dict[str, Any] = {name: row.get(name) or told.get(name, "") for name in _WORDS}
    problems = Problems()
    values: dict[str, float] = {}
    for name in ("state", *_NAMES):
        if row.get(name):
            try:
                values[name] = float(row[name])
            except ValueError:
                problems.add(name, wanted="a number", got=repr(row[name]))
    state = values.pop("state", math.nan)
    if not state.is_integer():
        problems.add("state", wanted="0 for an outage, 1 and up for damage", got=repr(row["state"]))
    if not words["unit"]:
        problems.add("unit", wanted="h or day, in a column or as unit=; never assumed", got="no unit")
    problems.raise_if_any(DataError)
    words["note"] = " ".join(text for text in (row.get("note", ""), note) if text)
    return RepairTime(**{**words, "state": int(state)}, parameters=values)
