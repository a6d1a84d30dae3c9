"""What no section can know alone: families, services, rules and sectors must fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resilience.errors import suggestion
from resilience.scenario.branches import BranchSection
from resilience.scenario.fields import Finding
from resilience.scenario.hazards import HazardSection
from resilience.scenario.heat import HeatSection, MortalitySection
from resilience.scenario.method import CascadeSection, RiskSection, TimeSection
from resilience.scenario.networks import BUILT_IN_FAMILIES, NetworkSection
from resilience.scenario.options import (
    Buffer,
    MoreCrews,
    MoreRedundancy,
    OptionSection,
    SecondFeeder,
    check_names,
)
from resilience.scenario.redundancy import Redundancy
from resilience.scenario.rules import DependencyRule, IndicatorSection, Rule, ServiceSection, SupplyRule
from resilience.scenario.sequences import JointSection, SequenceSection

MOST_OCCURRENCES = 20_000_000
"""Rows of a catalogue: some gigabytes."""


@dataclass(frozen=True)
class Sections:
    """The sections that must fit each other; one that could not be read is None and is passed over."""

    crs: str | None
    hazards: tuple[HazardSection, ...] | None
    network: NetworkSection | None
    rules: tuple[Rule, ...] | None
    redundancy: tuple[Redundancy, ...] | None
    services: Mapping[str, ServiceSection] | None
    indicators: Mapping[str, IndicatorSection] | None
    cascade: CascadeSection | None
    risk: RiskSection | None
    time: TimeSection | None
    sequences: tuple[SequenceSection, ...] | None
    joint: tuple[JointSection, ...] | None
    branches: tuple[BranchSection, ...] | None
    options: tuple[OptionSection, ...] | None
    values: Mapping[str, float] | None
    heat: HeatSection | None


def check_sections(sections: Sections) -> Iterator[Finding]:
    """Yield what does not fit."""
    yield from _check_families(sections)
    yield from _check_catalogue(sections)
    yield from _check_presence(sections)
    yield from _check_services(sections)
    yield from _check_words(sections)
    yield from _check_indicators(sections)
    yield from _check_sequences(sections)
    yield from _check_joint(sections)
    yield from _check_branches(sections)
    yield from _check_options(sections)
    yield from _check_heat(sections)


def _check_families(sections: Sections) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for i, hazard in enumerate(sections.hazards or ()):
        if hazard.family in seen:
            got = f"{hazard.family!r}, as hazards.{seen[hazard.family]}"
            yield Finding("hazards", i, "family", wanted="an id of its own for every family", got=got)
        seen.setdefault(hazard.family, i)


def _check_catalogue(sections: Sections) -> Iterator[Finding]:
    """Hold what the catalogue of years would list against what fits into memory."""
    years = sections.risk.catalogue_years if sections.risk is not None else 0
    for i, hazard in enumerate(sections.hazards or ()):
        expected = sum(hazard.annual_rates) * years
        if expected > MOST_OCCURRENCES:
            yield Finding("hazards", i, "annual_rates", wanted=_few(years), got=f"{expected:.3g} events")
    for i, sequence in enumerate(sections.sequences or ()):
        expected = (sequence.annual_rate or 0.0) * years
        if expected > MOST_OCCURRENCES:
            yield Finding("sequences", i, "annual_rate", wanted=_few(years), got=f"{expected:.3g} events")


def _few(years: int) -> str:
    return f"at most {MOST_OCCURRENCES:,} events in risk.catalogue_years = {years:,} (fewer years, or 0 for none)"


def _check_sequences(sections: Sections) -> Iterator[Finding]:
    """Hold sequences against the families declared, and against the time section."""
    families = _families(sections)
    for i, sequence in enumerate(sections.sequences or ()):
        for k, part in enumerate(sequence.parts):
            if families and part.family not in families:
                wanted = f"one of the families {', '.join(families)}{suggestion(part.family, families)}"
                yield Finding("sequences", i, "parts", k, "family", wanted=wanted, got=repr(part.family))
            if sections.time is not None and part.after_hours >= sections.time.hours[-1]:
                wanted = f"hours before the end of the time grid, {sections.time.hours[-1]:g}"
                yield Finding("sequences", i, "parts", k, "after_hours", wanted=wanted, got=f"{part.after_hours:g}")


def _check_joint(sections: Sections) -> Iterator[Finding]:
    """Hold pairs of families against the families declared and the time section."""
    families = _families(sections)
    events = {hazard.family for hazard in sections.hazards or () if not hazard.return_periods}
    pair_of: dict[str, int] = {}
    for i, pair in enumerate(sections.joint or ()):
        for k, family in enumerate(pair.families if families else ()):
            if family not in families:
                wanted = f"two of the families {', '.join(families)}{suggestion(family, families)}"
                yield Finding("joint", i, "families", k, wanted=wanted, got=repr(family))
            elif family in events:
                got = f"{family}, a list of events"
                yield Finding("joint", i, "families", k, wanted="families with return periods", got=got)
            elif pair_of.setdefault(family, i) != i:
                got = f"{family!r}, as in joint.{pair_of[family]}"
                yield Finding("joint", i, "families", k, wanted="each family in one pair", got=got)
        if sections.time is not None and pair.after_hours >= sections.time.hours[-1]:
            wanted = f"hours before the end of the time grid, {sections.time.hours[-1]:g}"
            yield Finding("joint", i, "after_hours", wanted=wanted, got=f"{pair.after_hours:g}")


def _check_branches(sections: Sections) -> Iterator[Finding]:
    """Hold biases against the families declared, and names against each other."""
    families = _families(sections)
    names: dict[str, int] = {}
    for i, branch in enumerate(sections.branches or ()):
        if names.setdefault(branch.name, i) != i:
            got = f"{branch.name!r}, as branches.{names[branch.name]}"
            yield Finding("branches", i, "name", wanted="every name once", got=got)
        for family in branch.hazard_bias if families else ():
            if family not in families:
                wanted = f"families {', '.join(families)}{suggestion(family, families)}"
                yield Finding("branches", i, "hazard_bias", family, wanted=wanted, got=repr(family))


def _check_options(sections: Sections) -> Iterator[Finding]:
    """Hold options against each other, against services and crews; and values against what they weigh."""
    services = sections.services or {}
    one_of = f"one of services: {', '.join(services)}"
    yield from check_names(sections.options or ())
    for i, option in enumerate(sections.options or ()):
        for k, change in enumerate(option.changes):
            at = ("options", i, "changes", k)
            if isinstance(change, MoreCrews):
                yield from _check_crews(sections, change, at)
            if isinstance(change, MoreRedundancy):
                for j, part in enumerate(change.redundancy if services else ()):
                    if part.service not in services:
                        wanted = f"{one_of}{suggestion(part.service, services)}"
                        yield Finding(*at, "redundancy", j, "service", wanted=wanted, got=repr(part.service))
            elif isinstance(change, SecondFeeder | Buffer) and services and change.service not in services:
                wanted = f"{one_of}{suggestion(change.service, services)}"
                yield Finding(*at, "service", wanted=wanted, got=repr(change.service))
    if not sections.values:
        return
    if not sections.options and sections.options is not None:
        yield Finding("values", wanted="only with options, whose savings they weigh", got="no options")
    if sections.time is None:
        yield Finding("values", wanted="a time section: they are of hours lost", got="no time")
    for name in sections.values if services else ():
        if name not in services or services[name].by == "internal":
            known = [one for one, service in services.items() if service.by != "internal"]
            wanted = f"services of people: {', '.join(known)}{suggestion(name, known)}"
            yield Finding("values", name, wanted=wanted, got=repr(name))


def _check_crews(sections: Sections, change: MoreCrews, at: tuple[str | int, ...]) -> Iterator[Finding]:
    repair = sections.time.repair if sections.time is not None else None
    limited = repair.crews if repair is not None else {}
    for sector in change.crews:
        if sector not in limited:
            known = ", ".join(limited) or "there are none"
            wanted = f"sectors of time.repair.crews: {known} (any other has a crew for every asset)"
            yield Finding(*at, "crews", sector, wanted=wanted, got=repr(sector))


def _families(sections: Sections) -> list[str]:
    """Return the event families that there are; none where that cannot be known."""
    if sections.hazards is None or sections.network is None:
        return []
    declared = [hazard.family for hazard in sections.hazards]
    return declared or ([] if sections.network.synthetic is None else list(BUILT_IN_FAMILIES))


def _check_presence(sections: Sections) -> Iterator[Finding]:
    """Only the built-in city brings a system, maps, rules and services of its own."""
    if sections.network is None or sections.network.synthetic is not None:
        return
    if sections.crs is None:
        wanted = "the metric coordinate reference system to work in, e.g. EPSG:26986"
        yield Finding("crs", wanted=wanted, got="absent")
    if sections.hazards == ():
        yield Finding("hazards", wanted="at least one event family", got="none")
    if sections.services == {}:
        yield Finding("services", wanted="at least one service", got="none")


def _check_services(sections: Sections) -> Iterator[Finding]:
    services = sections.services
    if not services:
        return
    if not any(service.by != "internal" for service in services.values()):
        yield Finding("services", wanted="at least one service of people (by: assignment or by: road)", got="none")
    assigned = set()
    for i, rule in enumerate(sections.rules or ()):
        if not isinstance(rule, DependencyRule):
            continue
        service = services.get(rule.service)
        if service is None:
            hint = suggestion(rule.service, services)
            wanted = f"one of services: {', '.join(services)}{hint} (a service of assets alone is by: internal)"
            yield Finding("rules", i, "service", wanted=wanted, got=repr(rule.service))
        elif rule.to == "zones":
            assigned.add(rule.service)
            if service.by != "assignment":
                wanted = f"services.{rule.service}.by: assignment where zones are assigned"
                yield Finding("rules", i, "to", wanted=wanted, got=f"by: {service.by}")
    for i, part in enumerate(sections.redundancy or ()):
        if part.service not in services:
            wanted = f"one of services: {', '.join(services)}{suggestion(part.service, services)}"
            yield Finding("redundancy", i, "service", wanted=wanted, got=repr(part.service))
    network = sections.network
    if network is None or sections.rules is None or network.synthetic is not None or network.needs is not None:
        return
    for name, service in services.items():
        if service.by == "assignment" and name not in assigned:
            wanted = f"a rule {{service: {name}, from: ..., to: zones}} (or a table network.needs)"
            yield Finding("services", name, wanted=wanted, got="no zone that is assigned")


def _check_indicators(sections: Sections) -> Iterator[Finding]:
    services = sections.services
    for name, indicator in (sections.indicators or {}).items():
        for service in indicator.without if services else ():
            found = (services or {}).get(service)
            if found is None:
                wanted = f"one of services: {', '.join(services or ())}{suggestion(service, services or ())}"
                yield Finding("indicators", name, "without", wanted=wanted, got=repr(service))
            elif found.limit_minutes is None or found.combine != "any":
                wanted = "services by road with limit_minutes, and combine: any"
                yield Finding("indicators", name, "without", wanted=wanted, got=repr(service))


def _check_heat(sections: Sections) -> Iterator[Finding]:
    services, heat = sections.services, sections.heat
    if not services or heat is None:
        return
    # A city without the usual service has no outage that kills; any other name was meant.
    name = heat.mortality.service
    if name not in services and name != MortalitySection.model_fields["service"].default:
        wanted = f"one of services: {', '.join(services)}{suggestion(name, services)}"
        yield Finding("heat", "mortality", "service", wanted=wanted, got=repr(name))


def _check_words(sections: Sections) -> Iterator[Finding]:
    """Hold kinds and sectors against those of the layers, where every layer names its own."""
    network = sections.network
    if network is None or network.synthetic is not None:
        return
    known = {"sector": _constants(network, "sector"), "kind": _constants(network, "kind")}
    for loc, selector in _selectors(sections):
        for key, words in known.items():
            for word in map(str, selector.get(key, ()) if words else ()):
                if word not in words:
                    yield Finding(*loc, key, wanted=_one_of(word, words, key), got=repr(word))
    sectors = known["sector"]
    if not sectors:
        return
    for name in sections.cascade.levels if sections.cascade is not None else ():
        if name not in sectors:
            yield Finding("cascade", "levels", name, wanted=_one_of(name, sectors, "sector"), got=repr(name))
    for name, service in (sections.services or {}).items():
        if service.by == "road" and service.network not in sectors:
            wanted = _one_of(service.network, sectors, "sector")
            yield Finding("services", name, "network", wanted=wanted, got=repr(service.network))
    for i, rule in enumerate(sections.rules or ()):
        if isinstance(rule, SupplyRule) and rule.sector not in sectors:
            yield Finding("rules", i, "supply", wanted=_one_of(rule.sector, sectors, "sector"), got=repr(rule.sector))


def _selectors(sections: Sections) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for i, rule in enumerate(sections.rules or ()):
        for field in type(rule).model_fields:
            used = field != "over" or getattr(rule, "by", None) == "road"
            if used and isinstance(selector := getattr(rule, field), Mapping):
                yield ("rules", i, type(rule).model_fields[field].alias or field), selector
    for i, part in enumerate(sections.redundancy or ()):
        for field in ("of", "standby", "control"):
            if isinstance(selector := getattr(part, field, None), Mapping):
                yield ("redundancy", i, field), selector
    for name, service in (sections.services or {}).items():
        for i, selector in enumerate(service.providers):
            yield ("services", name, "providers", i), selector
    for i, option in enumerate(sections.options or ()):
        for k, change in enumerate(option.changes):
            for field, told in type(change).model_fields.items():
                # Not `crews`, a mapping of sectors.
                if isinstance(selector := getattr(change, field), Mapping) and not isinstance(change, MoreCrews):
                    yield ("options", i, "changes", k, told.alias or field), selector


def _constants(network: NetworkSection, key: str) -> set[str]:
    """Return the words of all layers, or nothing if a layer takes them from its file."""
    words: set[str] = set()
    for layer in network.assets:
        word = layer.constants().get(key)
        if word is None:
            return set()
        words.add(word)
        if key == "kind" and layer.node_kind is not None:
            words.add(layer.node_kind)
    return words


def _one_of(word: str, words: set[str], key: str) -> str:
    return f"a {key} of network.assets: {', '.join(sorted(words))}{suggestion(word, words)}"
