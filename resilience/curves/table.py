"""Tables of named curves, and the arrays the kernels read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.curves.curve import Curve
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
        Intensity in the canonical unit and value.
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
        problems.raise_if_any(DataError)

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
