"""Plain data as YAML that reads back as the same data, whatever its words look like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from resilience.scenario.source import plain_value

_SAFE = re.compile(r"[^\W\d][\w./-]*\Z|/[\w./-]*\Z")


def dump_yaml(data: dict[str, Any]) -> str:
    """Return mappings, lists and scalars as block-style YAML 1.2.

    Examples
    --------
    >>> print(dump_yaml({"a": [{"b": 1e-3, "c": "no"}, "010"], "d": {}}), end="")
    a:
      - b: 0.001
        c: no
      - "010"
    d: {}
    """
    return "".join(f"{line}\n" for line in _lines(data))


def _lines(data: Any) -> Iterator[str]:
    items = [(f"{_scalar(key)}:", value) for key, value in data.items()] if isinstance(data, dict) else []
    for key, value in items:
        if isinstance(value, dict | list) and value:
            yield key
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{key} {_scalar(value)}"
    for value in data if isinstance(data, list) else ():
        if isinstance(value, dict | list) and value:
            for i, line in enumerate(_lines(value)):
                yield f"  {line}" if i else f"- {line}"
        else:
            yield f"- {_scalar(value)}"


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _SAFE.match(value) and plain_value(value) == value:
        return value
    return f'"{"".join(_escaped(character) for character in value)}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"
