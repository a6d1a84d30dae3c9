"""What is public says what it takes, gives and raises, and how it is used."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from tests.public import public_names

# Their arguments are what others have prepared: a compiled city, a plan, a whole result. Callers have the examples.
WITHIN = (
    "resilience.engine.", "resilience.service.", "resilience.cascade.", "resilience.flow.prepare_levels",
    "resilience.network.travel.", "resilience.network.travel_plan.", "resilience.plot.draw_",
    "resilience.repair.resume", "resilience.repair.schedule",
)  # fmt: skip


def lacks(name: str, function: Callable[..., Any]) -> Iterator[str]:
    """Yield what the docstring of a function does not say."""
    told = inspect.getdoc(function) or ""
    first, words = told.partition("\n")[0], set(re.findall(r"\w+", told))
    sections = {line for line, under in pairwise(told.splitlines()) if under and set(under) == {"-"}}
    signature = inspect.signature(function)
    if len(signature.parameters) > 1:
        yield from set(signature.parameters) - words
    returned = sections & {"Returns", "Yields"} or re.search(r"\b(?:return|yield)\b", first, re.IGNORECASE)
    if signature.return_annotation not in (None, "None") and not returned:
        yield "Returns"
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    if any(isinstance(part, ast.Raise) for part in ast.walk(body)) and "Raises" not in sections:
        yield "Raises"
    if ">>> " not in told and not name.startswith(WITHIN):
        yield "Examples"


def test_what_is_public_says_what_it_takes_gives_and_raises() -> None:
    public = dict(public_names())
    assert [name for name, what in public.items() if not what.__doc__] == []
    functions = {name: inspect.unwrap(what) for name, what in public.items() if inspect.isfunction(what)}
    assert {name: missing for name, what in functions.items() if (missing := list(lacks(name, what)))} == {}
    assert len(functions) > 150


def test_a_docstring_that_is_silent_is_found() -> None:
    def doubled(value: float, times: int) -> float:
        """Give it."""
        if times < 0:
            raise ValueError
        return value * times

    assert set(lacks("doubled", doubled)) == {"value", "times", "Returns", "Raises", "Examples"}
