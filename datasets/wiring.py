"""Who depends on whom in the synthetic city, and how each service reaches people.

The rules are written as in a scenario file, so that a user can copy them. Buffers are defaults (expert judgement):
battery of a tower 4 h, of an exchange 8 h; hospital 24 h, started with probability 0.85 and standing in the cellar;
data centre 48 h; water tank 8 h.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from resilience.labels import SYNTHETIC
from resilience.network import AccessRule, DependencyRule, Rule, SupplyRule

_RULES: Final[tuple[Mapping[str, Any], ...]] = (
    {"access": True, "from": {"kind": ["road_node"]}, "to": "zones"},
    {"access": True, "from": {"kind": ["road_node"]}, "to": "facilities"},
    {"supply": "power", "from": {"kind": ["grid_supply_point"]}},
    {"supply": "telecom", "from": {"kind": ["backbone_gateway"]}},
    {"supply": "water", "from": {"kind": ["water_treatment_plant"]}},
    {"supply": "metro", "from": {"kind": ["train_depot"]}},
    # People. Nothing but a tank stands between them and an outage.
    {"service": "power", "from": {"kind": ["transformer"]}, "to": "zones"},
    {"service": "water", "from": {"kind": ["tank"]}, "to": "zones", "buffer_hours": 8.0},
    {"service": "telecom", "from": {"kind": ["tower"]}, "to": "zones", "nearest": 3},
    {"service": "data", "from": {"kind": ["data_centre", "standby_data_centre"]}, "to": "zones", "nearest": 2},
    # Power and telecom need one another: remote control of substations against mains of exchanges and towers.
    {
        "service": "telecom", "from": {"kind": ["exchange"]}, "to": {"kind": ["substation", "grid_supply_point"]},
        "nearest": 2, "buffer_hours": 12.0,
    },
    {
        "service": "power", "from": {"kind": ["substation"]}, "to": {"kind": ["exchange", "backbone_gateway"]},
        "nearest": 2, "buffer_hours": 8.0, "start_probability": 0.95,
    },
    {
        "service": "power", "from": {"kind": ["transformer"]}, "to": {"kind": ["tower"]},
        "buffer_hours": 4.0, "start_probability": 0.95, "buffer_height": 0.5,
    },
    # Data centres: the standby works only while fail-over control does.
    {
        "service": "power", "from": {"kind": ["substation"]},
        "to": {"kind": ["data_centre", "standby_data_centre", "failover_control"]},
        "nearest": 2, "buffer_hours": 48.0, "start_probability": 0.95,
    },
    {
        "service": "telecom", "from": {"kind": ["exchange"]},
        "to": {"kind": ["data_centre", "standby_data_centre", "failover_control"]}, "nearest": 2,
    },
    {"service": "data", "from": {"kind": ["failover_control"]}, "to": {"kind": ["standby_data_centre"]}},
    {
        "service": "water", "from": {"kind": ["pump_station"]}, "to": {"kind": ["data_centre", "standby_data_centre"]},
        "buffer_hours": 24.0,
    },
    # Water: pumps stop with the mains.
    {"service": "power", "from": {"kind": ["transformer"]}, "to": {"kind": ["pump_station"]}},
    {
        "service": "power", "from": {"kind": ["substation"]}, "to": {"kind": ["water_treatment_plant"]},
        "nearest": 2, "buffer_hours": 24.0, "start_probability": 0.9,
    },
    {
        "service": "telecom", "from": {"kind": ["exchange"]}, "to": {"kind": ["pump_station", "water_treatment_plant"]},
        "buffer_hours": 24.0,
    },
    # Medical and care.
    {
        "service": "power", "from": {"kind": ["substation"]}, "to": {"kind": ["hospital"]},
        "nearest": 2, "buffer_hours": 24.0, "start_probability": 0.85, "recharge_hours": 24.0, "buffer_height": 0.3,
    },
    {"service": "water", "from": {"kind": ["tank"]}, "to": {"kind": ["hospital"]}, "buffer_hours": 24.0},
    {"service": "telecom", "from": {"kind": ["exchange"]}, "to": {"kind": ["hospital"]}, "buffer_hours": 8.0},
    {
        "service": "data", "from": {"kind": ["data_centre", "standby_data_centre"]}, "to": {"kind": ["clinic"]},
        "nearest": 2, "buffer_hours": 8.0,
    },
    {"service": "medical", "from": {"kind": ["hospital"]}, "to": {"kind": ["emergency_room"]}},
    {"service": "power", "from": {"kind": ["transformer"]}, "to": {"kind": ["emergency_room"]}, "buffer_hours": 24.0},
    {
        "service": "power", "from": {"kind": ["transformer"]},
        "to": {"kind": ["clinic", "care_home", "childcare", "shelter"]},
    },
    {
        "service": "water", "from": {"kind": ["tank"]}, "to": {"kind": ["clinic", "care_home", "childcare", "shelter"]},
        "buffer_hours": 8.0,
    },
    # Fire and police drive out on the word of a dispatch centre.
    {
        "service": "power", "from": {"kind": ["transformer"]},
        "to": {"kind": ["fire_station", "police_station", "dispatch_centre"]},
        "buffer_hours": 12.0, "start_probability": 0.9,
    },
    {"service": "telecom", "from": {"kind": ["tower"]}, "to": {"kind": ["fire_station", "police_station"]},
     "nearest": 2},
    {"service": "telecom", "from": {"kind": ["exchange"]}, "to": {"kind": ["dispatch_centre"]}, "nearest": 2},
    {
        "service": "data", "from": {"kind": ["data_centre", "standby_data_centre"]},
        "to": {"kind": ["police_station"]}, "nearest": 2, "buffer_hours": 2.0,
    },
    {
        "service": "safety", "from": {"kind": ["dispatch_centre"]}, "to": {"kind": ["fire_station", "police_station"]},
        "buffer_hours": 1.0,
    },
    # Transport: control centres and electric buses live on telecom, data and power.
    {
        "service": "power", "from": {"kind": ["substation"]},
        "to": {"kind": ["traffic_control_centre", "metro_control_centre"]},
        "nearest": 2, "buffer_hours": 8.0, "start_probability": 0.9,
    },
    {
        "service": "power", "from": {"kind": ["transformer"]}, "to": {"kind": ["bus_depot"]},
    },
    {
        "service": "power", "from": {"kind": ["substation"]}, "to": {"kind": ["metro_station", "train_depot"]},
        "nearest": 2,
    },
    {
        "service": "telecom", "from": {"kind": ["exchange"]},
        "to": {"kind": ["traffic_control_centre", "metro_control_centre", "bus_depot"]},
    },
    {
        "service": "data", "from": {"kind": ["data_centre", "standby_data_centre"]},
        "to": {"kind": ["traffic_control_centre", "metro_control_centre", "bus_depot"]}, "nearest": 2,
    },
    {"service": "transport", "from": {"kind": ["traffic_control_centre"]}, "to": {"kind": ["bus_depot"]}},
    {"service": "transport", "from": {"kind": ["metro_control_centre"]}, "to": {"kind": ["metro_station"]}},
)  # fmt: skip

# In the order in which causes take precedence.
_SERVICES: Final[Mapping[str, Mapping[str, Any]]] = {
    "power": {"by": "assignment"},
    "water": {"by": "assignment"},
    "telecom": {"by": "assignment"},
    "data": {"by": "assignment"},
    "transport": {
        "by": "road",
        "providers": [{"kind": ["metro_station"]}, {"kind": ["bus_depot"]}, {"kind": ["gateway"]}],
        "combine": "mean",
    },
    "medical": {"by": "road", "providers": [{"kind": ["emergency_room"]}]},
    "care": {"by": "road", "providers": [{"kind": ["care_home"]}]},
    "safety": {
        "by": "road",
        "providers": [{"kind": ["fire_station"]}, {"kind": ["police_station"]}],
        "combine": "mean",
        "direction": "from",
    },
}

NOTES: Final[tuple[str, ...]] = (
    f"{SYNTHETIC}: no street, person, building or flood of a real place.",
    "Levees hold to their standard (100 years north of the river, 50 years south) and are as if absent beyond it.",
    "Costs, buffers, heights and barriers are defaults (expert judgement), to be replaced by a city's own.",
    "Fail-over control of the data centres stands in the basement of the first one: a weakness left in on purpose.",
)
NOTE_ALONE: Final = "Nobody has the standby data centre but by what the scenario says of redundancy."


def written_rules(kinds: Collection[str], *, standby: bool = True) -> list[dict[str, Any]]:
    """Return the rules of a city as a scenario file has them.

    Parameters
    ----------
    kinds : collection of str
        Kinds of assets in the city; selectors name no others, and a rule that would choose nothing is left out.
    standby : bool
        Whether people and facilities have the standby data centre too.

    Examples
    --------
    >>> written_rules(["transformer", "clinic"])[0]
    {'service': 'power', 'from': {'kind': ['transformer']}, 'to': 'zones'}
    """
    written = []
    for rule in _RULES:
        if not standby and rule.get("service") == "data":
            if "failover_control" in rule["from"]["kind"]:
                continue
            rule = {**rule, "from": {"kind": ["data_centre"]}, "nearest": 1}
        ends = {end: _present(rule[end], kinds) for end in ("from", "to") if end in rule}
        if all(end == "zones" or end == "facilities" or end["kind"] for end in ends.values()):
            written.append({**rule, **ends})
    return written


def read_rules(written: Collection[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return rules written as in a scenario file as rules to derive needs with.

    Examples
    --------
    >>> read_rules([{"supply": "power", "from": {"kind": ["grid_supply_point"]}}])
    (SupplyRule(sector='power', sources={'kind': ['grid_supply_point']}),)
    """
    rules: list[Rule] = []
    for rule in written:
        if "access" in rule:
            rules.append(AccessRule(from_=rule["from"], to=rule["to"]))
        elif "supply" in rule:
            rules.append(SupplyRule(sector=rule["supply"], sources=rule["from"]))
        else:
            rules.append(DependencyRule(**{"from_" if key == "from" else key: value for key, value in rule.items()}))
    return tuple(rules)


def written_services(kinds: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return how each service reaches people, as a scenario file has it; groups of absent facilities are left out.

    Examples
    --------
    >>> written_services(["gateway"])["transport"]["providers"]
    [{'kind': ['gateway']}]
    """
    services = {}
    for name, service in _SERVICES.items():
        groups = [_present(group, kinds) for group in service.get("providers", ())]
        services[name] = {**service, **({"providers": [group for group in groups if group["kind"]]} if groups else {})}
    return services


def _present(selector: Any, kinds: Collection[str]) -> Any:
    return selector if isinstance(selector, str) else {"kind": [kind for kind in selector["kind"] if kind in kinds]}
