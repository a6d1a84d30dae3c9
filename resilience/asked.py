"""What a scenario asks of the city, in the network's own terms: rules, spare units, services, levels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from resilience.errors import ConfigurationError, Problems
from resilience.network import Network
from resilience.network.redundancy import Standby, Units
from resilience.network.rules import AccessRule, DependencyRule, Rule, SupplyRule
from resilience.network.selectors import RowFinder
from resilience.scenario import Scenario
from resilience.scenario import rules as written
from resilience.scenario.options import Buffer
from resilience.scenario.redundancy import Redundancy, RedundantUnits
from resilience.service_rules import Drive, ServiceRule

if TYPE_CHECKING:
    from resilience.flow import LevelRule


def _plain(selector: Any) -> Any:
    return selector if isinstance(selector, str) else {key: list(values) for key, values in selector.items()}


def build_rules(scenario: Scenario) -> tuple[Rule, ...]:
    """Return the scenario's rules as the network knows them."""
    rules: list[Rule] = []
    for section in scenario.rules:
        if isinstance(section, written.AccessRule):
            rules.append(
                AccessRule(
                    from_=_plain(section.from_),
                    to=_plain(section.to),
                    within_m=section.within_m,
                    on_missing=section.on_missing,
                )
            )
        elif isinstance(section, written.SupplyRule):
            rules.append(SupplyRule(sector=section.sector, sources=_plain(section.sources)))
        else:
            fields = {
                key: getattr(section, key)
                for key in (
                    "service", "by", "nearest", "required", "within_m", "buffer_hours", "start_probability",
                    "recharge_hours", "buffer_height", "refuel_from", "limit_minutes", "on_missing",
                )
            }  # fmt: skip
            rules.append(
                DependencyRule(from_=_plain(section.from_), to=_plain(section.to), over=_plain(section.over), **fields)
            )
    return tuple(rules)


def key_of_rule(subject: str) -> str:
    """Return the dotted key in a scenario of what a message about a derivation is about; empty for anything else.

    Examples
    --------
    >>> key_of_rule("rule 1 (power).from.id"), key_of_rule("rule 2 (access)"), key_of_rule("assets.id")
    ('rules.0.from.id', 'rules.1', '')
    """
    found = re.fullmatch(r"rule (\d+) \([^()]*\)(.*)", subject)
    return "" if found is None else f"rules.{int(found[1]) - 1}{found[2]}"


def build_redundancy(sections: Iterable[Redundancy]) -> tuple[Units | Standby, ...]:
    """Return spare units and standby sites of a scenario as the network knows them."""
    parts: list[Units | Standby] = []
    for section in sections:
        if isinstance(section, RedundantUnits):
            fields = {key: getattr(section, key) for key in type(section).model_fields if key != "of"}
            parts.append(Units(of=_plain(section.of), **fields))
        else:
            parts.append(
                Standby(
                    of=_plain(section.of),
                    standby=_plain(section.standby),
                    service=section.service,
                    switch=section.switch,
                    control=_plain(section.control or "standby"),
                )
            )
    return tuple(parts)


def _name_group(selector: Any) -> str:
    """Return what a group of facilities is called: its kinds, or whatever it was chosen by."""
    return selector if isinstance(selector, str) else ", ".join(str(v) for values in selector.values() for v in values)


def build_services(services: Any, network: Network) -> tuple[ServiceRule, ...]:
    """Return how services reach people, facilities found.

    Parameters
    ----------
    services : mapping of str to section
        Sections of a scenario.
    network : Network

    Raises
    ------
    ConfigurationError
        A group of facilities that fits no asset.
    """
    problems = Problems()
    rules = []
    finder = RowFinder(network.assets)
    for name, section in services.items():
        if section.by == "internal":
            continue
        groups = []
        for i, selector in enumerate(section.providers):
            chosen = finder.find(_plain(selector), problems, subject=f"services.{name}.providers.{i}")
            groups.append(np.flatnonzero(chosen).astype(np.int32))
        drive = None
        if section.limit_minutes is not None:
            drive = Drive(section.limit_minutes, section.speed_share, section.speed_curve, section.depth_limit_m)
        names = tuple(_name_group(selector) for selector in section.providers)
        rules.append(
            ServiceRule(
                name, section.by, tuple(groups), section.combine, section.network, section.direction, drive, names
            )
        )
    problems.raise_if_any(ConfigurationError)
    return tuple(rules)


def level_rules(scenario: Scenario) -> tuple[LevelRule, ...]:
    """Return how the sectors are modelled that are solved state by state, in the order of the scenario."""
    rules = []
    for sector, section in scenario.cascade.levels.items():
        if section.level in ("share", "dc_flow", "overload"):
            names = ("trip", "base_power", "tolerance", "endpoints")
            given = {name: getattr(section, name) for name in names if getattr(section, name) is not None}
            from resilience.flow import LevelRule

            rules.append(LevelRule(sector, section.level, **given))
    return tuple(rules)


def find_grid_hours(scenario: Scenario, network: Network) -> tuple[float, ...]:
    """Return every time at which a buffer ends, of the city as it is and of all options; none where no option has one.

    Parameters
    ----------
    scenario : Scenario
    network : Network
    """
    changes = [change for option in scenario.options for change in option.changes if isinstance(change, Buffer)]
    further = {change.hours for change in changes if change.hours is not None}
    if not further:
        return ()
    return tuple(sorted(further | set(network.needs["buffer_hours"].astype(float).tolist())))
