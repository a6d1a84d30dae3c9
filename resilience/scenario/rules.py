"""The rules and services sections: who depends on whom, and what reaches people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from resilience.scenario.fields import (
    Finding,
    Hours,
    Minutes,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Scalar,
    Section,
    Share,
    Text,
    Whole,
    raise_findings,
)

SELECTOR_KEYS = ("kind", "sector", "district", "id")


def _check_selector(selector: dict[str, tuple[Scalar, ...]]) -> dict[str, tuple[Scalar, ...]]:
    # Any column of the assets may select, so only what looks like a slip of one of the usual four is refused here.
    slips = {key: get_close_matches(key, SELECTOR_KEYS, n=1) for key in selector if key not in SELECTOR_KEYS}
    raise_findings(
        "Selector",
        (
            Finding(
                key, wanted=f"kind, sector, district, id or another column (did you mean '{near[0]}'?)", got=repr(key)
            )
            for key, near in slips.items()
            if near
        ),
    )
    return selector


Selector = Annotated[
    dict[Text, Annotated[tuple[Scalar, ...], Field(min_length=1), *OneOrMany]],
    Field(min_length=1, description="column of the assets: value or values; an asset must fit every column"),
    AfterValidator(_check_selector),
]


def _select_target(value: Any) -> str:
    return "a selector" if isinstance(value, Mapping) else "a word"


def _select_rule(value: Any) -> str:
    if isinstance(value, AccessRule) or (isinstance(value, Mapping) and "access" in value):
        return "an access rule"
    if isinstance(value, SupplyRule) or (isinstance(value, Mapping) and "supply" in value):
        return "a supply rule"
    return "a dependency rule"


Zones = Annotated[
    Annotated[Literal["zones"], Tag("a word")] | Annotated[Selector, Tag("a selector")], Discriminator(_select_target)
]
ZonesOrFacilities = Annotated[
    Annotated[Literal["zones", "facilities"], Tag("a word")] | Annotated[Selector, Tag("a selector")],
    Discriminator(_select_target),
]


OnMissing = Literal["error", "drop"]
_ON_MISSING = "what has too few in reach: an error, or left as it is"


class DependencyRule(Section):
    """Every dependent needs the service from some of the providers."""

    service: Name = Field(description="what the dependents need")
    from_: Selector = Field(alias="from", description="assets that provide the service")
    to: Zones = Field(description="assets that need it, or zones")
    by: Literal["nearest", "polygon", "road"] = Field(
        default="nearest",
        description="nearest: straight line; polygon: the provider's area holds the dependent; road: by road",
    )
    nearest: Annotated[Whole, Field(ge=1)] = Field(default=1, description="number of providers of each dependent")
    required: Annotated[Whole, Field(ge=1)] = Field(default=1, description="number of them that must work")
    within_m: Positive | None = Field(default=None, description="farthest provider, m")
    limit_minutes: Minutes | None = Field(
        default=None, description="provider counts only if reached by road in this time"
    )
    buffer_hours: Hours = Field(default=0.0, description="hours the dependent works without it")
    start_probability: Share = Field(default=1.0, description="probability that the buffer starts")
    recharge_hours: Hours = Field(default=0.0, description="hours until a used buffer is full again")
    buffer_height: NotNegative | None = Field(
        default=None, description="m above ground at which water reaches the buffer"
    )
    refuel_from: Annotated[str, Field(pattern=r"^(\S.*)?$")] = Field(
        default="",
        description="kind of assets that keep the buffer full over time while one that works reaches the dependent "
        "over working roads; empty: what is used is gone until the service is back",
    )

    on_missing: OnMissing = Field(default="error", description=_ON_MISSING)
    over: Selector = Field(default={"sector": ("transport",)}, description="by road: links that are travelled")

    @model_validator(mode="after")
    def _check(self) -> DependencyRule:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.required > self.nearest:
            wanted = f"at most nearest = {self.nearest}"
            yield Finding("required", wanted=wanted, got=f"{self.required}: more than there are providers")
        if self.refuel_from and self.buffer_hours == 0:
            yield Finding("refuel_from", wanted="only with buffer_hours above 0", got="no buffer")
        if self.by != "road" and self.over != {"sector": ("transport",)}:
            yield Finding("over", wanted="only with by: road", got=f"by: {self.by}")


class AccessRule(Section):
    """The road node by which assets or zones are reached is the nearest one."""

    access: Literal[True] = Field(description="true")
    from_: Selector = Field(alias="from", description="road nodes")
    to: ZonesOrFacilities = Field(
        description="what is reached: assets, zones, or facilities (all nodes that are no road nodes)"
    )
    within_m: Positive | None = Field(default=None, description="farthest road node, m")
    on_missing: OnMissing = Field(default="error", description=_ON_MISSING)


class SupplyRule(Section):
    """Assets of a sector work only while one of its sources reaches them."""

    sector: Text = Field(alias="supply", description="sector that is supplied")
    sources: Selector = Field(alias="from", description="assets that are its sources")


Rule = Annotated[
    Annotated[DependencyRule, Tag("a dependency rule")]
    | Annotated[AccessRule, Tag("an access rule")]
    | Annotated[SupplyRule, Tag("a supply rule")],
    Discriminator(_select_rule),
]


class ServiceSection(Section):
    """How a service reaches people; the order of the services is the precedence of causes."""

    by: Literal["assignment", "road", "internal"] = Field(
        description="assignment: zones need it by rules or tables; road: zones reach a facility over working roads; "
        "internal: only assets need it"
    )
    providers: Annotated[tuple[Selector, ...], *OneOrMany] = Field(
        default=(), description="by road: groups of facilities"
    )
    combine: Literal["any", "mean"] = Field(
        default="any", description="by road: any group is enough, or the mean over groups"
    )
    network: Text = Field(default="transport", description="by road: sector whose assets are travelled")
    direction: Literal["to", "from"] = Field(
        default="to", description="by road: from the zone to the facility (patients), or from it (fire engines)"
    )
    limit_minutes: Minutes | None = Field(
        default=None, description="by road: longest travel time over the damaged roads; without, any way will do"
    )
    speed_share: Annotated[Number, Field(ge=0.01, le=2)] = Field(
        default=1.0, description="with a limit: share of the free speed that is driven, e.g. 0.65 for ambulances"
    )
    speed_curve: Literal["fitted", "conservative", "aggressive"] = Field(
        default="fitted", description="with a limit: how water slows (Pregnolato and others 2017, and its bounds)"
    )
    depth_limit_m: Positive | None = Field(
        default=None, description="with a limit: depth from which the vehicle stops; the end of the curve by default"
    )

    @model_validator(mode="after")
    def _check(self) -> ServiceSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.by == "road" and not self.providers:
            yield Finding("providers", wanted="at least one group of facilities that are reached by road", got="none")
        if self.by != "road":
            for key in ("providers", "combine", "network", "direction", "limit_minutes"):
                if getattr(self, key) != type(self).model_fields[key].get_default():
                    yield Finding(key, wanted="only with by: road", got=f"by: {self.by}")
        if self.limit_minutes is None:
            for key in ("speed_share", "speed_curve", "depth_limit_m"):
                if getattr(self, key) != type(self).model_fields[key].get_default():
                    yield Finding(key, wanted="only with limit_minutes", got="no limit")


class IndicatorSection(Section):
    """A share of people without services in time, from which a district counts; told per event as a probability."""

    without: Annotated[tuple[Name, ...], Field(min_length=1), *OneOrMany] = Field(
        description="services with limit_minutes; whoever is without any of them counts"
    )
    share: Annotated[Share, Field(gt=0)] = Field(description="share of a district's people from which it counts")
    tolerance: Annotated[Share, Field(lt=1)] = Field(
        default=0.0, description="by how much less is enough, as a share of `share`: 0.1 makes 0.3 to 0.27"
    )

    @model_validator(mode="after")
    def _check(self) -> IndicatorSection:
        twice = sorted({name for name in self.without if self.without.count(name) > 1})
        raise_findings(
            type(self).__name__,
            (Finding("without", wanted="every service once", got=f"{name!r} twice") for name in twice),
        )
        return self
