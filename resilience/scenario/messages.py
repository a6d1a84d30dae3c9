"""From pydantic's validation errors to messages with a file, a line and a column."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from resilience.errors import Problem, suggestion
from resilience.scenario.fields import shown
from resilience.scenario.source import Node, Place

_WORD = re.compile(r"'([^']*)'")


def problems_of(errors: Iterable[ValidationError], root: Node, model: type[BaseModel]) -> list[Problem]:
    """Return one problem per thing that is wrong, each with its place, in the order of the text.

    Parameters
    ----------
    errors : iterable of pydantic.ValidationError
        What a later error says of a key that an earlier one named is left out.
    root : Node
        What was validated.
    model : type of pydantic.BaseModel
        What it was validated as.
    """
    found: dict[tuple[str, str], tuple[tuple[int, int], Problem]] = {}
    for error in errors:
        named = {subject for subject, _ in found}
        details = error.errors(include_url=False)
        for detail in details:
            loc = detail["loc"]
            others = (other["loc"][: len(loc)] for other in details if other is not detail)
            if detail["type"] == "too_short" and loc in others:
                continue  # entries are missing only because they are wrong themselves
            subject, place = locate(root, loc, at_key=detail["type"] == "extra_forbidden")
            wanted, got = _wanted_and_got(detail, model)
            if subject not in named:
                order = (place.line, place.column) if place is not None else (0, 0)
                problem = Problem(subject, wanted=wanted, got=got, where=str(place or ""))
                found.setdefault((subject, wanted), (order, problem))
    return [problem for _, problem in sorted(found.values(), key=lambda pair: pair[0])]


def _wanted_and_got(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    loc, kind, value, context = detail["loc"], detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = known_keys(model, loc[:-1])
        return f"one of {', '.join(known)}{suggestion(str(loc[-1]), known)}", "unknown key"
    if kind == "missing":
        return meaning(model, loc), "absent"
    if kind == "scenario":
        return str(context["wanted"]), str(context["got"])
    if kind in ("too_short", "too_long"):
        which, n = ("least", context["min_length"]) if kind == "too_short" else ("most", context["max_length"])
        return f"at {which} {_entries(n)}", _entries(len(value))
    wanted = _plain(detail["msg"])
    if kind == "literal_error":
        wanted += suggestion(str(value), _WORD.findall(str(context.get("expected", ""))))
    return wanted, shown(value)


def _entries(n: int) -> str:
    return "1 entry" if n == 1 else f"{n} entries"


def locate(root: Node, loc: Sequence[str | int], *, at_key: bool = False) -> tuple[str, Place | None]:
    """Return the dotted key of `loc` and the place of its value (or of the nearest thing around it).

    Parts of `loc` that stand in no key of the text (the branch of a choice) are left out.

    Examples
    --------
    >>> locate(Node.of({"rules": [{"from": 3}]}), ("rules", 0, "a dependency rule", "from"))
    ('rules.0.from', None)
    """
    node, place, names = root, root.place, []
    for i, part in enumerate(loc):
        last = i == len(loc) - 1
        if isinstance(node.value, dict):
            if part in node.value:
                key: Any = part
            elif isinstance(part, int) and last and part < len(node.value):
                key = list(node.value)[part]  # the mapping was read as a list of its values; else as the only entry
            else:
                if last and " " not in str(part):
                    names.append(str(part))
                continue
            names.append(str(key))
            child = node.value[key]
            place = node.keys.get(key, place) if at_key and last else (child.place or place)
            node = child
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            names.append(str(part))
            node = node.value[part]
            place = node.place or place
    return ".".join(names) or "scenario", place


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the keys of a scenario stand in its text. All are equal: scenarios that mean the same are.

    Parameters
    ----------
    root : Node, optional
        The text; none for what never was text.
    """

    root: Node | None = dataclasses.field(default=None, compare=False)

    def find(self, key: str) -> str:
        r"""Return file, line and column of a dotted key, or of the nearest thing around it; empty where there is none.

        Examples
        --------
        >>> from resilience.scenario.source import parse_source
        >>> places = Places(parse_source("network:\n  zones: [{path: a.gpkg}]", name="city.yaml"))
        >>> places.find("network.zones.0.path"), places.find("zones.persons")
        ('city.yaml:2:18', '')
        """
        parts = [int(part) if part.isdecimal() else part for part in key.split(".")]
        if self.root is None or not isinstance(self.root.value, dict) or parts[0] not in self.root.value:
            return ""
        return str(locate(self.root, parts)[1] or "")

    def find_entry(self, key: str, number: int) -> str:
        r"""Return file, line and column of an entry of the list, or of the mapping, at a dotted key, counted from 0.

        Examples
        --------
        >>> from resilience.scenario.source import parse_source
        >>> places = Places(parse_source("maps: {10: a.tif,\n  100: b.tif}", name="city.yaml"))
        >>> places.find_entry("maps", 1)
        'city.yaml:2:8'
        """
        node = self.root
        for part in (int(part) if part.isdecimal() else part for part in key.split(".")):
            if node is not None and isinstance(node.value, dict) and part in node.value:
                node = node.value[part]
            elif node is not None and isinstance(node.value, list) and isinstance(part, int):
                node = node.value[part] if part < len(node.value) else None
            elif not isinstance(part, int):  # else the only entry of a list that was not written as one
                return ""
        entries = list(node.value.values()) if node is not None and isinstance(node.value, dict) else None
        entries = node.value if node is not None and isinstance(node.value, list) else entries
        return str(entries[number].place or "") if entries is not None and number < len(entries) else ""


def known_keys(model: type[BaseModel], loc: Iterable[str | int]) -> list[str]:
    """Return the keys that the section at `loc` may have.

    Examples
    --------
    >>> from resilience.scenario.method import CurvesSection
    >>> known_keys(CurvesSection, [])
    ['library', 'files']
    """
    found = _follow(model, list(loc))
    return [_key(name, field) for name, field in found.model_fields.items()] if found is not None else []


def meaning(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """Return what the key at `loc` is for."""
    if isinstance(loc[-1], int):
        return meaning(model, loc[:-1])
    found = _follow(model, list(loc[:-1]))
    for name, field in (found.model_fields if found is not None else {}).items():
        if _key(name, field) == loc[-1]:
            return field.description or _key(name, field)
    return str(loc[-1])


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _follow(kind: Any, loc: list[str | int]) -> type[BaseModel] | None:
    """Return the model at `loc` below a type, or None."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _follow(get_args(kind)[0], loc)
    if origin in (Union, types.UnionType):
        branches = get_args(kind)
        for branch in branches:
            if loc and any(isinstance(mark, Tag) and mark.tag == loc[0] for mark in get_args(branch)[1:]):
                return _follow(branch, loc[1:])
        return next((found for branch in branches if (found := _follow(branch, loc)) is not None), None)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not loc:
            return kind
        for name, field in kind.model_fields.items():
            if _key(name, field) == loc[0]:
                return _follow(field.annotation, loc[1:])
        return None
    if origin in (tuple, list) and loc:
        return _follow(get_args(kind)[0], loc[1:])
    if origin is dict and loc:
        return _follow(get_args(kind)[1], loc[1:])
    return None


def _plain(message: str) -> str:
    text = re.sub(r"a valid dictionary or (object to extract fields from|instance of \w+)", "a mapping", message)
    text = text.removeprefix("Input should be ").removeprefix("Value should ").rstrip(".")
    for theirs, ours in (
        ("a valid dictionary", "a mapping"),
        ("a valid tuple", "a list"),
        ("a valid list", "a list"),
        ("a valid string", "a word"),
        ("a valid number", "a number"),
        ("a valid boolean", "true or false"),
    ):
        text = text.replace(theirs, ours)
    return text[:1].lower() + text[1:] if not text.startswith("'") else text
