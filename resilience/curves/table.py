"""Tables of named curves, and the arrays the kernels read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.curves.curve import Curve
from resilience.curves.layouts import Decreasing, Layout, Telling, read_curves
from resilience.errors import MAX_SHOWN, DataError, Problem, Problems, suggestion


@dataclass(frozen=True, eq=False)
class PackedCurves:
    """Curves of many assets as arrays, in CSR form.

    Parameters
    ----------
    names : tuple of str
        Names of the `n_curve` curves in use, in alphabetical order.
    index : (n_asset,) int32
        Curve of each asset; -1 none.
    indptr : (n_curve + 1,) int64
        Curve ``k`` owns the points ``indptr[k]`` to ``indptr[k + 1]``; a lognormal owns none.
    x, y : (n_point,) float64
        Intensity in the unit in memory and value.
    theta, beta : (n_curve,) float64
        Parameters of the lognormals; NaN for the others.
    """

    names: tuple[str, ...]
    index: NDArray[np.int32]
    indptr: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    theta: NDArray[np.float64]
    beta: NDArray[np.float64]

    @property
    def lognormal(self) -> NDArray[np.bool_]:
        """Which of the curves are lognormals, (n_curve,) bool."""
        return np.asarray(np.diff(self.indptr) == 0)


class CurveTable:
    """Named curves; never changed after construction.

    Parameters
    ----------
    curves : iterable of Curve

    Raises
    ------
    DataError
        A name twice, or damage states of one group that cross.

    Examples
    --------
    >>> shop = Curve("shop", "damage", "flood", "m", x=[0, 1, 2], y=[0, 0.4, 1])
    >>> table = CurveTable([shop])
    >>> table.pack(["shop", "", "shop"]).index
    array([ 0, -1,  0], dtype=int32)
    """

    def __init__(self, curves: Iterable[Curve] = ()) -> None:
        given = list(curves)
        self._curves: dict[str, Curve] = {curve.name: curve for curve in given}
        problems = Problems()
        if len(self._curves) < len(given):
            names = pd.Series([curve.name for curve in given])
            twice = names[names.duplicated()].unique()
            problems.add("curves", wanted="every name once", got="names more than once", count=len(twice), first=twice)
        _check_states(given, problems)
        problems.raise_if_any(DataError)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        layout: Layout = "plain",
        unit: str | None = None,
        role: str | None = None,
        peril: str | None = None,
        name: str | None = None,
        names: Sequence[str] | None = None,
        metadata: str | PathLike[str] | None = None,
        decreasing: Decreasing = "error",
        source: str = "",
        licence: str = "",
        basis: str = "source",
        note: str = "",
    ) -> CurveTable:
        """Return the curves of a CSV file.

        Parameters
        ----------
        path : path-like
        layout : {"plain", "open_gira", "snail"}
            ``plain``: one row per point with columns ``name, x, y`` and, where needed, ``spread, role, peril, unit,
            theta, beta, source, licence, basis, note, group, state``; these last need be filled in one row of a curve
            only; a lognormal is one row with theta and beta.
            ``open_gira``: lines with ``#``, then ``inundation_depth_(m),damage_fraction``; further columns are further
            curves ``<name>_<column>``.
            ``snail``: ``curve_id, point_index, intensity, damage``, with units and perils in a `metadata` file.
        unit : str, optional
            Unit of the intensities (m, cm, mm, ft, degC, degF, K) where the file does not say it. It is never
            assumed. For ``open_gira`` and ``snail`` it comes before what the file says.
        role, peril : str, optional
            Where the file does not say it.
        name : str, optional
            Name of the curve of an ``open_gira`` file; the file's own name otherwise.
        names : sequence of str, optional
            Read these curves only.
        metadata : path-like, optional
            ``snail``: table with ``curve_id, hazard_name, intensity_unit``; curves of perils other than flood and heat
            are left out.
        decreasing : {"error", "running_maximum"}
            What to do with a curve that decreases.
        source, licence, basis : str
            Where the file does not say it.
        note : str
            Added to the note of every curve.

        Raises
        ------
        MissingInputError
            The file is not there.
        ConfigurationError
            An unknown layout.
        DataError
            Everything that is wrong with the file and its curves.
        """
        telling = Telling(
            unit, role, peril, name, names, None if metadata is None else Path(metadata), decreasing, source, licence,
            basis, note,
        )  # fmt: skip
        return cls(read_curves(Path(path), layout, telling))

    def merge(self, other: CurveTable, *, replace: bool = False) -> CurveTable:
        """Return a table with the curves of both.

        Parameters
        ----------
        other : CurveTable
        replace : bool
            Whether a curve of `other` takes the place of one of the same name.

        Raises
        ------
        DataError
            Names in both, unless `replace`.
        """
        both = [name for name in other.names() if name in self]
        if both and not replace:
            raise DataError(
                Problem("curves", "new names, or replace=True", "names that are there already", len(both), None, both)
            )
        return CurveTable({**self._curves, **other._curves}.values())

    def states(self, group: str) -> tuple[Curve, ...]:
        """Return the damage states of a group, the lightest first.

        Raises
        ------
        DataError
            No curve is of that group.
        """
        found = sorted((c for c in self._curves.values() if group and c.group == group), key=lambda c: c.state)
        if not found:
            raise DataError(_unknown("curves.group", [group], {c.group for c in self._curves.values() if c.group}))
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per curve: what it is and where it comes from."""
        words = (
            "name",
            "role",
            "peril",
            "unit",
            "theta",
            "beta",
            "basis",
            "group",
            "state",
            "source",
            "licence",
            "note",
        )
        rows = [{**{word: getattr(curve, word) for word in words}, "points": curve.x.size} for curve in self]
        return pd.DataFrame(rows, columns=[*words[:4], "points", *words[4:]])

    def names(self, *, role: str | None = None, peril: str | None = None) -> tuple[str, ...]:
        """Return the names of all curves, or of one role or peril, in alphabetical order."""
        return tuple(
            sorted(
                name
                for name, curve in self._curves.items()
                if role in (None, curve.role) and peril in (None, curve.peril)
            )
        )

    def __len__(self) -> int:
        return len(self._curves)

    def __iter__(self) -> Iterator[Curve]:
        return (self._curves[name] for name in self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._curves

    def __getitem__(self, name: str) -> Curve:
        if name not in self._curves:
            raise DataError(_unknown("curves", [name], self._curves))
        return self._curves[name]

    def pack(self, names: Sequence[str], *, role: str | None = None, peril: str | None = None) -> PackedCurves:
        """Return the curves of many assets as arrays.

        Parameters
        ----------
        names : (n_asset,) sequence of str
            Curve of each asset; empty for none.
        role, peril : str, optional
            What the curves must be.

        Raises
        ------
        DataError
            Names that are not in the table, or curves of another role or peril.
        """
        codes, unique = pd.factorize(np.asarray(names, dtype=object))
        wanted = [str(name) for name in unique]
        used = sorted({name for name in wanted if name})
        problems = Problems()
        unknown = [name for name in used if name not in self._curves]
        if unknown:
            problems.extend([_unknown("curves", unknown, self._curves)])
        for what, must in (("role", role), ("peril", peril)):
            if must is None:
                continue
            other = [n for n in used if n in self._curves and getattr(self._curves[n], what) != must]
            if other:
                problems.add(
                    f"curves.{what}",
                    wanted=f"{must} curves here",
                    got="curves that are something else",
                    count=len(other),
                    first=[f"{n} is {getattr(self._curves[n], what)}" for n in other],
                )
        problems.raise_if_any(DataError)
        rank = {name: k for k, name in enumerate(used)}
        lookup = np.array([rank.get(name, -1) for name in wanted] + [-1], dtype=np.int32)
        curves = [self._curves[name] for name in used]
        sizes = np.array([curve.x.size for curve in curves], dtype=np.int64)
        none = [np.empty(0)]
        return PackedCurves(
            names=tuple(used),
            index=lookup[codes],
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)]),
            x=np.concatenate([curve.x for curve in curves] or none),
            y=np.concatenate([curve.y for curve in curves] or none),
            theta=np.array([curve.theta for curve in curves], dtype=np.float64),
            beta=np.array([curve.beta for curve in curves], dtype=np.float64),
        )


def _unknown(subject: str, names: Sequence[str], known: Iterable[str]) -> Problem:
    names_known = sorted(known)
    hint = suggestion(names[0], names_known)
    some = ", ".join(names_known[:MAX_SHOWN])
    have = (
        f"one of the {len(names_known)} curves of the table ({some}, ...)" if names_known else "a curve; there are none"
    )
    return Problem(subject, have + hint, "unknown names", len(names), None, tuple(repr(name) for name in names))


def _check_states(curves: Sequence[Curve], problems: Problems) -> None:
    """Note damage states of one group that cross: P(state >= k) may not exceed P(state >= k - 1) anywhere."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        if curve.group:
            groups.setdefault(curve.group, []).append(curve)
    for group, members in groups.items():
        subject = f"curves of group {group!r}"
        members.sort(key=lambda curve: curve.state)
        if len({(c.role, c.peril, c.lognormal) for c in members}) > 1 or members[0].role != "fragility":
            problems.add(subject, wanted="fragilities of one peril, all points or all lognormal", got="a mixture")
            continue
        if [c.state for c in members] != list(range(1, len(members) + 1)):
            problems.add(subject, wanted="states 1, 2, ...", got=", ".join(str(c.state) for c in members))
            continue
        crossing = [f"{low.name} and {high.name}" for low, high in pairwise(members) if _cross(low, high)]
        if crossing:
            fix = (
                "medians (theta) ascending with the state and one common beta"
                if members[0].lognormal
                else ("each state nowhere above the lighter one")
            )
            problems.add(subject, wanted=fix, got="fragilities that cross", count=len(crossing), first=crossing)


def _cross(low: Curve, high: Curve) -> bool:
    if low.lognormal:
        return not (low.theta < high.theta and low.beta == high.beta)
    knots = np.union1d(low.x, high.x)
    return bool(np.any(high(knots) > low(knots)))
