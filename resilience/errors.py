"""Messages a user can act on: what was looked at, what was wanted, what was found, how many, the first few.

Every labelled layer collects its problems in a :class:`Problems` list and raises them all at once.
Each error carries the exit code that the command line returns for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

MAX_SHOWN = 3
MAX_CHARACTERS = 1000

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input.

    Parameters
    ----------
    subject : str
        The thing itself: a file, a table column, a configuration key.
    wanted : str
        What would have been right, with the fix where there is one.
    got : str
        What was found; with `count`, in the plural.
    count, total : int, optional
        How many of how many are wrong.
    first : sequence of str, optional
        The first few offenders.
    where : str, optional
        File, line and column.

    Examples
    --------
    >>> print(Problem("events", wanted="every name once", got="repeated names", count=2, first=["a", "b"]))
    events: 2 repeated names (first: a, b); wanted: every name once
    >>> print(Problem("events", wanted="every name once", got="repeated names", count=1, first=["a"]))
    events: repeated names: a; wanted: every name once
    """

    subject: str
    wanted: str
    got: str
    count: int | None = None
    total: int | None = None
    first: Sequence[str] = field(default_factory=tuple)
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        shown = ", ".join(_in_short(str(item)) for item in self.first[:MAX_SHOWN])
        subject, got, wanted = map(_in_short, (self.subject, self.got, self.wanted))
        # What was found is told in the plural: of one, the thing itself stands in the place of a number.
        if self.count == 1 and self.total is None:
            return f"{place}{subject}: {got}{f': {shown}' if shown else ' (1)'}; wanted: {wanted}"
        number = ""
        if self.count is not None:
            number = f"{self.count:,} of {self.total:,} " if self.total is not None else f"{self.count:,} "
        rest = len(self.first) > MAX_SHOWN or (self.count is not None and self.count > len(self.first) > 0)
        first = f" (first: {shown}{', ...' if rest else ''})" if shown else ""
        return f"{place}{subject}: {number}{got}{first}; wanted: {wanted}"


def _in_short(text: str) -> str:
    """Return a text that a message can hold: an id or a name from a broken file may be a whole file long."""
    half = MAX_CHARACTERS // 2
    return text if len(text) <= MAX_CHARACTERS else f"{text[:half]} ... {text[-half:]}"


def describe_problem(problem: Problem) -> dict[str, Any]:
    """Return a problem as data.

    Examples
    --------
    >>> describe_problem(Problem("depths", wanted=">= 0", got="negative", count=3, total=9))["count"]
    3
    """
    return {
        "subject": problem.subject,
        "wanted": problem.wanted,
        "got": problem.got,
        "where": problem.where or None,
        "count": problem.count,
        "total": problem.total,
        "first": [str(one) for one in problem.first],
    }


class ResilienceError(Exception):
    """A mistake in what the user gave or asked for; never a defect of the program.

    Parameters
    ----------
    problems : Problem or iterable of Problem
        Everything that was found wrong.
    """

    exit_code = 70

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def __reduce__(self) -> tuple[type[ResilienceError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class DataError(ResilienceError):
    """The content of an input is wrong (exit code 65)."""

    exit_code = 65


class MissingInputError(ResilienceError):
    """An input is not there or cannot be opened (exit code 66)."""

    exit_code = 66


class ClusterError(ResilienceError):
    """The cluster cannot be used, or no longer (exit code 69)."""

    exit_code = 69


class CannotCreateError(ResilienceError):
    """The result cannot be created (exit code 73)."""

    exit_code = 73


class StorageError(ResilienceError):
    """Reading or writing failed on the way (exit code 74)."""

    exit_code = 74


class LockedError(ResilienceError):
    """Another run holds the directory; try later (exit code 75)."""

    exit_code = 75


class OutOfTimeError(ResilienceError):
    """The time that the run was given is over; what is done is kept (exit code 75)."""

    exit_code = 75


class ConfigurationError(ResilienceError):
    """The scenario says something that cannot be meant (exit code 78)."""

    exit_code = 78


class Problems:
    """Collects problems so that all of them are told at once.

    Examples
    --------
    >>> problems = Problems()
    >>> problems.add("assets.id", wanted="every id once", got="duplicate ids", count=1, total=4, first=["H1"])
    >>> try:
    ...     problems.raise_if_any(DataError)
    ... except DataError as error:
    ...     print(error)
    assets.id: 1 of 4 duplicate ids (first: H1); wanted: every id once
    """

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(
        self,
        subject: str,
        *,
        wanted: str,
        got: str,
        count: int | None = None,
        total: int | None = None,
        first: Iterable[object] = (),
        where: str = "",
    ) -> None:
        """Note one problem."""
        shown = tuple(str(item) for item in first)
        self._problems.append(Problem(subject, wanted, got, count, total, shown, where))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note the problems of another check."""
        self._problems.extend(problems)

    def __len__(self) -> int:
        return len(self._problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems)

    def raise_if_any(self, kind: type[ResilienceError]) -> None:
        """Raise `kind` with all that was noted, if anything was."""
        if self._problems:
            raise kind(self._problems)


class Attempts:
    """Runs steps and keeps their problems, so that a user sees all of them at once.

    Parameters
    ----------
    place : callable, optional
        Where a dotted key stands in the file that was asked for; empty for a key that stands in none.
    """

    def __init__(self, place: Callable[[str], str] = lambda key: "") -> None:
        self._place = place
        self._errors: list[ResilienceError] = []

    def __call__(
        self, step: Callable[[], T], *, key: str = "", place: Callable[[str], str] = lambda subject: ""
    ) -> T | None:
        """Return what the step gives, or None if it found something wrong.

        A problem without a place gets that which `place` tells of its subject, else that of `key`, or of its subject
        where that is a key itself.
        """
        try:
            return step()
        except (DataError, MissingInputError, ConfigurationError) as error:
            self._errors.append(
                type(error)(
                    replace(
                        problem,
                        where=problem.where
                        or place(problem.subject)
                        or self._place(key)
                        or self._place(problem.subject),
                    )
                    for problem in error.problems
                )
            )
            return None

    def raise_if_any(self) -> None:
        """Raise all that was found wrong as one error."""
        if self._errors:
            # One kind of error must be raised for all: what is missing first, then what is wrong.
            order = (MissingInputError, DataError, ConfigurationError)
            kind = min((type(error) for error in self._errors), key=lambda kind: order.index(kind))
            raise kind([problem for error in self._errors for problem in error.problems])


def count_of(n: int, noun: str) -> str:
    """Return how many there are of something, in words.

    Examples
    --------
    >>> count_of(1, "asset"), count_of(2_000, "zone"), count_of(2, "dependency")
    ('1 asset', '2,000 zones', '2 dependencies')
    """
    many = f"{noun}es" if noun.endswith(("ss", "ch")) else f"{noun}s"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        many = f"{noun[:-1]}ies"
    return f"{n:,} {noun if n == 1 else many}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the known name nearest to `name`, or nothing.

    Examples
    --------
    >>> suggestion("hosptal", ["hospital", "substation"])
    " (did you mean 'hospital'?)"
    """
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
