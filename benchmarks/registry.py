"""What a benchmark is: a case registered by name, which yields contests and rows for a size.

A new benchmark is a new function under :func:`case` in a module of its own, named in ``CASE_MODULES``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

CASE_MODULES = (
    "connectivity",
    "access",
    "dependency",
    "fragility",
    "risk",
    "points",
    "lines",
    "startup",
    "chain",
    "cluster",
)

SizeName = Literal["tiny", "quick", "full"]


@dataclass(frozen=True)
class Size:
    """How large the work is.

    Parameters
    ----------
    name : {"tiny", "quick", "full"}
        Smoke test; a minute or two with smaller work, whose goals need not hold; what the goals are about.
    repetitions : int
    """

    name: SizeName
    repetitions: int

    def of(self, *, tiny: Any, quick: Any, full: Any) -> Any:
        """Return the value that belongs to this size."""
        return {"tiny": tiny, "quick": quick, "full": full}[self.name]


SIZES = {"tiny": Size("tiny", 1), "quick": Size("quick", 5), "full": Size("full", 5)}


@dataclass(frozen=True)
class Goal:
    """A bound on a ratio.

    Parameters
    ----------
    sense : {">=", "<="}
        At least: times faster than the peer. At most: times the time of the peer.
    value : float
    """

    sense: Literal[">=", "<="]
    value: float

    def text(self) -> str:
        """Return the goal as it is printed."""
        return f"{self.sense} {self.value:,g}x"

    def met(self, ratio: float, *, half: bool) -> bool:
        """Return whether a ratio reaches the goal; `half` accepts half of an "at least" goal."""
        if self.sense == ">=":
            return ratio >= self.value * (0.5 if half else 1.0)
        return ratio <= self.value * (2.0 if half else 1.0)


@dataclass(frozen=True)
class Peer:
    """Another way to do the work of a contest.

    Parameters
    ----------
    name : str
    make : callable
        Prepares what the peer may prepare once, outside the clock, and returns what is timed.
    units : float
        Units of work that one timed run does.
    goal : Goal, optional
        Of the ratio; without one the row is for information.
    module : str
        Package it needs; a row without a ratio results where that is absent.
    agree : callable, optional
        Raises AssertionError unless the answers (ours, the peer's) are the same.
    repetitions : int, optional
        At most so many, for slow peers.
    """

    name: str
    make: Callable[[], Callable[[], Any]]
    units: float
    goal: Goal | None = None
    module: str = "numpy"
    agree: Callable[[Any, Any], None] | None = None
    repetitions: int | None = None


@dataclass(frozen=True)
class Contest:
    """Work done by this package and by its peers, timed in turns.

    Parameters
    ----------
    subject : str
    run : callable
        Does the work once and returns the answer.
    units : float
        Units of work of one run.
    unit : str
        What a unit is.
    peers : tuple of Peer
    note : str
    clock : {"cpu", "wall"}
    """

    subject: str
    run: Callable[[], Any]
    units: float
    unit: str
    peers: tuple[Peer, ...]
    note: str = ""
    clock: Literal["cpu", "wall"] = "cpu"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    work, versus : str
    ratio : float or None
        None: not measured.
    goal : Goal or None
    note : str
    seconds : float or None
        Of one unit of this package's work: for orientation only.
    peer_seconds : float or None
    """

    work: str
    versus: str
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""
    seconds: float | None = None
    peer_seconds: float | None = None
    case: str = ""


Cases = Callable[[Size], Iterator[Contest | Row]]


@dataclass(frozen=True)
class Case:
    """A registered benchmark.

    Parameters
    ----------
    name : str
    build : callable
        Size to contests and rows.
    modules : tuple of str
        Packages its peers need beside those of this package.
    """

    name: str
    build: Cases
    modules: tuple[str, ...] = field(default=())


_CASES: dict[str, Case] = {}


def case(name: str, *, modules: tuple[str, ...] = ()) -> Callable[[Cases], Cases]:
    """Register the decorated function under a name."""

    def register(build: Cases) -> Cases:
        _CASES[name] = Case(name, build, modules)
        return build

    return register


def all_cases() -> dict[str, Case]:
    """Return every registered benchmark by name."""
    for module in CASE_MODULES:
        importlib.import_module(f"{__package__}.{module}")
    return dict(_CASES)


def is_installed(module: str) -> bool:
    """Return whether a package can be imported."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None
