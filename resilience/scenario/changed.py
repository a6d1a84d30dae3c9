"""Which keys differ between two scenarios that runs have kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience.errors import ResilienceError
from resilience.scenario.model import Scenario


def changed_keys(before: Any, after: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys whose values differ; one line for people where a scenario cannot be read.

    Parameters
    ----------
    before, after : mapping
        Resolved scenarios as data; of an earlier version, or not of this program at all, they may be anything.

    Examples
    --------
    >>> data = {"schema_version": 1, "name": "a", "network": {"synthetic": {}}}
    >>> changed_keys(data, {**data, "seed": 7}), changed_keys(None, data)
    (['seed'], ['a scenario that this version does not read'])
    """
    try:
        return list(Scenario.from_dict(before).changed_keys(Scenario.from_dict(dict(after))))
    except (ResilienceError, TypeError):
        return ["a scenario that this version does not read"]
