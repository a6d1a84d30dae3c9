"""Write docs/scenario-keys.md from the schema: ``python docs/make_scenario_keys.py``. A test compares the two."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resilience import Scenario

PAGE = Path(__file__).with_name("scenario-keys.md")
INTRODUCTION = """# Keys of a scenario

Written by `python docs/make_scenario_keys.py`; do not edit. [Scenario files](scenario.md) shows them at work. A key
without a default is required; `none` means that the key is left out. Defaults that are judgement and have no source say
so.
"""
_LIMITS = {"minimum": ">=", "ge": ">=", "exclusiveMinimum": ">", "maximum": "<=", "le": "<=", "exclusiveMaximum": "<"}
_NUMBERS = ("integer", "number")


def _unique(words: Iterator[str]) -> str:
    return " or ".join(dict.fromkeys(words))


def value(schema: dict[str, Any]) -> str:
    """Return what a value may be, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return _unique(value(one) for one in schema[union] if one.get("type") != "null")
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return _unique(f"`{one}`" for one in schema["enum"])
    kind = schema.get("type", "anything")
    limits = [f"{sign} {schema[name]:g}" for name, sign in _LIMITS.items() if name in schema]
    if kind in _NUMBERS:
        return " ".join([kind, ", ".join(limits)]).strip()
    if kind == "array":
        return f"list of {value(schema['items'])}" if "items" in schema else "list"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"mapping to {value(inner)}" if isinstance(inner, dict) else "mapping"
    return {"string": "path" if schema.get("format") == "path" else "text", "boolean": "true or false"}.get(kind, kind)


def _default(name: str, schema: dict[str, Any], required: list[str]) -> str:
    if name in required:
        return "required"
    default = schema.get("default")
    return "none" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for one in schema.values():
            yield from _references(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)


def _section(title: str, schema: dict[str, Any]) -> str:
    lines = [f"## {title}", "", schema["description"], "", "| key | value | default | meaning |", "|---|---|---|---|"]
    required = schema.get("required", [])
    for name, one in schema["properties"].items():
        cells = (f"`{name}`", value(one), _default(name, one, required), one.get("description", ""))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page: the scenario itself, then every section in the order in which it is first named."""
    schema = Scenario.json_schema()
    parts, names = [INTRODUCTION, _section("Scenario", schema)], list(dict.fromkeys(_references(schema["properties"])))
    for name in names:
        one = schema["$defs"][name]
        parts.append(_section(name, one))
        names += [other for other in dict.fromkeys(_references(one["properties"])) if other not in names]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
