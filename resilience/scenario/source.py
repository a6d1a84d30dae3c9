"""YAML text with its places: every value knows the file, line and column it came from.

Only plain data is read. The meaning of unquoted words is that of the YAML 1.2 core schema, whatever the file declares:
``1e-3`` is a number, ``no`` is a word and ``010`` is ten. Tags, merge keys, second documents and duplicate keys are
refused; aliases are limited by what they expand to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from resilience.errors import ConfigurationError, MissingInputError, Problem, Problems

MAX_BYTES = 262_144
MAX_DEPTH = 24
MAX_VALUES = 20_000
MAX_DIGITS = 40

_NULL = re.compile(r"(null|Null|NULL|~|)\Z")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z")
_NAN = re.compile(r"\.(nan|NaN|NAN)\Z")


@dataclass(frozen=True)
class Place:
    """A place in a text; line and column count from one.

    Examples
    --------
    >>> str(Place("city.yaml", 4, 5))
    'city.yaml:4:5'
    """

    name: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Node:
    """A value and where it stands.

    Parameters
    ----------
    value : scalar, list of Node or dict of Node
    place : Place, optional
        None for data that never was text.
    keys : dict of Place
        Where each key of a mapping stands.
    size : int
        Number of values in it, aliases expanded.
    """

    value: Any
    place: Place | None = None
    keys: Mapping[Any, Place] = field(default_factory=dict)
    size: int = 1

    @classmethod
    def of(cls, data: Any) -> Node:
        """Return plain data (mappings, lists, scalars) as nodes without places."""
        if isinstance(data, Mapping):
            return cls({key: cls.of(value) for key, value in data.items()})
        if isinstance(data, list | tuple):
            return cls([cls.of(value) for value in data])
        return cls(str(data) if isinstance(data, Path) else data)

    def texts(self) -> Iterator[str]:
        """Yield every text in it, keys aside."""
        inner = self.value.values() if isinstance(self.value, dict) else self.value
        if isinstance(self.value, str):
            yield self.value
        elif isinstance(self.value, dict | list):
            for node in inner:
                yield from node.texts()

    def data(self) -> Any:
        """Return the plain data."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value


def read_source(path: str | Path) -> Node:
    """Return the nodes of a YAML file.

    Parameters
    ----------
    path : str or pathlib.Path

    Raises
    ------
    MissingInputError
        The file is not there or cannot be opened.
    ConfigurationError
        The file is not plain YAML 1.2 data.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        got = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be opened ({reason})"
        raise MissingInputError(Problem(f"scenario file {path}", wanted="a readable YAML file", got=got)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(
            Problem(str(path), wanted=f"a scenario of at most {MAX_BYTES:,} bytes", got="a larger file")
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise ConfigurationError(
            Problem(
                "text",
                wanted="UTF-8 (save the file with this encoding)",
                got=f"byte 0x{raw[error.start]:02x}, which is no UTF-8",
                where=f"{path}:{line}:{column}",
            )
        ) from None
    return parse_source(text, name=str(path))


def parse_source(text: str, *, name: str) -> Node:
    """Return the nodes of a YAML text.

    Parameters
    ----------
    text : str
    name : str
        What messages call the text.

    Raises
    ------
    ConfigurationError
        The text is not plain YAML 1.2 data.

    Examples
    --------
    >>> parse_source("a: [1e-3, no, 010, 0x10, ~]", name="text").data()
    {'a': [0.001, 'no', 10, 16, None]}
    """
    builder = _Builder(name)
    try:
        # One at a time: a hostile text is refused at its first bad event, not after it was read to the end.
        node = builder.document(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        what = " ".join(part for part in (error.context, error.problem) if part)
        builder.problems.add("text", wanted="well-formed YAML 1.2", got=what or "malformed", where=where)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        got = f"the sign U+{ord(text[error.position]):04X}, which cannot stand in YAML"
        where = f"{name}:{line}:{column}"
        builder.problems.add("text", wanted="well-formed YAML 1.2", got=got, where=where)
    except YAMLError as error:
        builder.problems.add("text", wanted="well-formed YAML 1.2", got=" ".join(str(error).split()), where=name)
    builder.problems.raise_if_any(ConfigurationError)
    return node


def set_value(root: Node, assignment: str) -> Node:
    """Return `root` with one value replaced, as ``--set monte_carlo.samples=1024`` says.

    The value is YAML; numbers in the key count the entries of a list from zero.

    Raises
    ------
    ConfigurationError
        The assignment has no ``=``, or its key leads through something that has no keys.

    Examples
    --------
    >>> set_value(Node.of({"risk": {"tail": "hold"}}), "risk.tail=none").data()
    {'risk': {'tail': 'none'}}
    """
    name = f"--set {assignment}"
    key, equals, text = assignment.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigurationError(Problem(name, wanted="KEY=VALUE, e.g. monte_carlo.samples=1024", got="no such pair"))
    return _replaced(root, parts, parse_source(text, name=name), name)


def _replaced(node: Node, parts: list[str], value: Node, name: str) -> Node:
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if isinstance(node.value, dict):
        # A number names the entry of a list or a numeric key, whichever is there.
        found = next((key for key in node.value if str(key) == head), head)
        child = node.value.get(found, Node({}, value.place))
        place = node.keys.get(found, value.place)
        keys = {**node.keys, found: place} if place is not None else dict(node.keys)
        return Node({**node.value, found: _replaced(child, rest, value, name)}, node.place, keys)
    if isinstance(node.value, list) and head.isdecimal() and int(head) < len(node.value):
        items = list(node.value)
        items[int(head)] = _replaced(items[int(head)], rest, value, name)
        return Node(items, node.place)
    length = len(node.value) if isinstance(node.value, list) else 0
    wanted = f"a number below {length}" if length else "a key that leads through mappings and lists"
    raise ConfigurationError(Problem(name, wanted=wanted, got=f"{head!r}, which is not there"))


class _Builder:
    """Turns parser events into nodes and collects what is not plain data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems = Problems()
        self.anchors: dict[str, Node] = {}
        self.total = 0

    def document(self, events: Iterator[Event]) -> Node:
        node = Node(None, Place(self.name, 1, 1))
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if event.version is not None and tuple(event.version) != (1, 2):
                    self._stop(event, wanted="YAML 1.2 (delete the %YAML line)", got="another version of YAML")
                if documents > 1:
                    self._stop(event, wanted="one document", got="a second document after '---'")
            elif isinstance(event, AliasEvent | ScalarEvent | SequenceStartEvent | MappingStartEvent):
                node = self._node(event, events, 0)
        return node

    def _place(self, event: Event) -> Place:
        return Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _add(self, event: Event, *, wanted: str, got: str) -> None:
        self.problems.add("text", wanted=wanted, got=got, where=str(self._place(event)))

    def _stop(self, event: Event, *, wanted: str, got: str) -> None:
        self._add(event, wanted=wanted, got=got)
        self.problems.raise_if_any(ConfigurationError)

    def _node(self, event: Any, events: Iterator[Event], depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._stop(event, wanted=f"at most {MAX_DEPTH} levels", got="deeper nesting")
        if isinstance(event, AliasEvent):
            node = self.anchors.get(event.anchor)
            if node is None:
                self._add(event, wanted="an alias of an anchor above it", got=f"*{event.anchor}")
                node = Node(None, self._place(event))
            self._count(event, node.size)
            return node
        if event.tag is not None and not (isinstance(event, ScalarEvent) and str(event.tag) == "!"):
            self._add(event, wanted="plain values without tags", got=f"tag {event.tag}")
        if isinstance(event, ScalarEvent):
            self._count(event, 1)
            node = Node(self._scalar(event), self._place(event))
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, events, depth)
        else:
            node = self._mapping(event, events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _count(self, event: Event, size: int) -> None:
        self.total += size
        if self.total > MAX_VALUES:
            self._stop(event, wanted=f"at most {MAX_VALUES:,} values, aliases expanded", got="more")

    def _sequence(self, start: Event, events: Iterator[Event], depth: int) -> Node:
        self._count(start, 1)
        items: list[Node] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, events, depth + 1))
        return Node(items, self._place(start), size=1 + sum(item.size for item in items))

    def _mapping(self, start: Event, events: Iterator[Event], depth: int) -> Node:
        self._count(start, 1)
        values: dict[Any, Node] = {}
        keys: dict[Any, Place] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key_node = self._node(event, events, depth + 1)
            key = key_node.value
            value = self._node(given := next(events), events, depth + 1)
            if isinstance(given, ScalarEvent) and value.value is None and not given.value:
                value = replace(value, place=self._place(event))  # the parser tells where the next thing stands
            if isinstance(key, list | dict) or key is None:
                self._add(event, wanted="a key that is a word or a number", got="another kind of key")
            elif key == "<<" and isinstance(event, ScalarEvent) and event.style is None:
                self._add(event, wanted="the keys themselves (YAML 1.2 has no merge key)", got="<<")
            elif key in values:
                self._add(event, wanted="every key once", got=f"{key!r} again (first at line {keys[key].line})")
            else:
                values[key] = value
                keys[key] = self._place(event)
        return Node(values, self._place(start), keys, 1 + sum(value.size for value in values.values()))

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.style is not None or event.tag is not None:
            return text
        if len(text) > MAX_DIGITS and (_INTEGER.match(text) or _OCTAL.match(text) or _HEXADECIMAL.match(text)):
            self._add(event, wanted=f"a number of at most {MAX_DIGITS} digits", got=f"{len(text)} digits")
            return 0
        return plain_value(text)


def plain_value(text: str) -> str | int | float | bool | None:
    """Return what an unquoted word means in the YAML 1.2 core schema.

    Examples
    --------
    >>> [plain_value(text) for text in ("1e-3", "no", "010", "true", "1:30", "")]
    [0.001, 'no', 10, True, '1:30', None]
    """
    if _NULL.match(text):
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INTEGER.match(text):
        return int(text)
    if _OCTAL.match(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.match(text):
        return int(text[2:], 16)
    if _FLOAT.match(text):
        return float(text)
    if infinite := _INFINITE.match(text):
        return float(f"{infinite.group(1)}inf")
    return float("nan") if _NAN.match(text) else text
