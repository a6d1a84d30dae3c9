"""What a verb answers: lines for people, or the same as one JSON object for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resilience.cli.terminal import printable, say, write
from resilience.errors import Problem, describe_problem

SHAPE_VERSION = 1


@dataclass(frozen=True)
class Answer:
    """What a verb found.

    Parameters
    ----------
    content : mapping
        For programs; what JSON can hold, and numbers that are not finite, which become null.
    lines : iterable of str
        For people, on standard output.
    asides : iterable of str
        For people, on standard error, with either form.
    exit_code : int
        An answer may be that something is wrong.
    """

    content: Mapping[str, Any]
    lines: Iterable[str] = ()
    asides: Iterable[str] = ()
    exit_code: int = 0

    def tell(self, *, verb: str, as_json: bool) -> None:
        """Write the answer on standard output."""
        if as_json:
            write(_object(verb, self.exit_code, answer=self.content))
        else:
            for line in self.lines:
                write(printable(line))
        for line in self.asides:
            say(line)


@dataclass(frozen=True)
class Failure:
    """Why a verb has no answer.

    Parameters
    ----------
    exit_code : int
    kind : str
        The name of the error: `DataError`, `UsageError`, `Interrupted`, ...
    message : str
    problems : tuple of Problem
        Each thing that is wrong with what was given; none where the message says all.
    log : str, optional
        Where a traceback was written.
    """

    exit_code: int
    kind: str
    message: str
    problems: tuple[Problem, ...] = field(default_factory=tuple)
    log: str | None = None

    def tell(self, *, verb: str | None) -> None:
        """Write the failure as JSON on standard output."""
        error = {
            "kind": self.kind,
            "message": self.message,
            "problems": [describe_problem(problem) for problem in self.problems],
            "log": self.log,
        }
        write(_object(verb, self.exit_code, error=error))


def _object(verb: str | None, exit_code: int, *, answer: Any = None, error: Any = None) -> str:
    whole = {"schema_version": SHAPE_VERSION, "verb": verb, "exit_code": exit_code, "answer": answer, "error": error}
    # What a terminal of few letters cannot show would be escaped in a way that is no JSON.
    universal = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return json.dumps(_finite(whole), indent=2, ensure_ascii=not universal, allow_nan=False)


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
