"""A scenario to begin with."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from resilience.errors import CannotCreateError, Problem, Problems
from resilience.scenario.fields import Name
from resilience.scenario.model import Scenario
from resilience.scenario.source import plain_value

SCENARIO_FILE = "scenario.yaml"
SCHEMA_FILE = "schema.json"
_NAME = "first-look"
"""Of the scenario in the template."""


def template() -> str:
    """Return the text of a scenario that runs as it is and explains itself.

    Examples
    --------
    >>> template().splitlines()[0]
    '# yaml-language-server: $schema=./schema.json'
    """
    return (files("resilience.scenario") / "template.yaml").read_text(encoding="utf-8")


def begin_scenario(folder: Path) -> tuple[Path, Path]:
    """Write a scenario, named as the folder, and its schema into a folder, and return both paths.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there; other files in it stay.

    Raises
    ------
    CannotCreateError
        One of the two is there already, or cannot be written.
    """
    texts = {
        folder / SCENARIO_FILE: template().replace(f"\nname: {_NAME}\n", f"\nname: {name_of(folder)}\n"),
        folder / SCHEMA_FILE: json.dumps(Scenario.json_schema(), indent=2) + "\n",
    }
    problems = Problems()
    try:
        for path in texts:
            if path.is_symlink() or path.exists():
                problems.add(str(path), wanted="a folder without such a file", got="a file that is there")
        problems.raise_if_any(CannotCreateError)
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            # Never over a file that another process made meanwhile.
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotCreateError(Problem(str(folder), wanted="a folder that can be written", got=reason)) from None
    scenario, schema = texts
    return scenario, schema


def name_of(folder: Path) -> str:
    """Return the name of a folder, or that of the template where a scenario cannot have it."""
    name = folder.absolute().name
    try:
        named: str = TypeAdapter(Name).validate_python(name)
    except ValidationError:
        return _NAME
    return named if plain_value(name) == name else _NAME
