"""The options section: what could be done, what it costs, and what it changes in the city."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from resilience.scenario.fields import (
    Finding,
    Hours,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Section,
    Share,
    Text,
    Whole,
    raise_findings,
)
from resilience.scenario.redundancy import Redundancy
from resilience.scenario.rules import Selector, Zones

DISCOUNT_RATE: Final = 0.045
"""Per year; the social rate of the Republic of Korea as it is remembered: a default by judgement."""

_MOST_YEARS = 1000
_MOST = 1e15

_LEAST = 0.01

Amount = Annotated[NotNegative, Field(le=_MOST)]


class Raise(Section):
    """What water stops or spoils stands higher."""

    raise_: Selector = Field(alias="raise", description="assets whose component_height grows")
    by_m: Annotated[Positive, Field(le=100)] = Field(description="m by which it grows")


class FloodBoard(Section):
    """Water is kept out up to a height; deeper water finds the asset as it is without the board."""

    flood_board: Selector = Field(description="assets that get one; a lower barrier that they have is replaced")
    height_m: Annotated[Positive, Field(le=100)] = Field(description="m above ground up to which it keeps water out")
    seal_failure: Share | None = Field(
        default=None,
        description="probability that the seal fails; where absent as of the asset, else 0.1 (default by judgement)",
    )


class SecondFeeder(Section):
    """What needs a service can have it from one more provider; how many of them must work stays as it is."""

    second_feeder: Zones = Field(description="assets, or zones, that get one more provider of each such need")
    service: Name = Field(description="service that it provides")
    provider: Selector | None = Field(
        default=None,
        description="assets of which the nearest one is taken that does not provide yet; where absent those of the "
        "same sector and kind as the provider that is there",
    )


class Buffer(Section):
    """What needs a service can do without it for longer, or more surely; what is not named stays as it is."""

    buffer: Zones = Field(description="assets, or zones, whose needs of the service are buffered so")
    service: Name = Field(description="service that it stands in for")
    hours: Hours | None = Field(default=None, description="hours the dependent works without the service")
    start_probability: Share | None = Field(default=None, description="probability that the buffer starts")
    recharge_hours: Hours | None = Field(default=None, description="hours until a used buffer is full again")
    height_m: NotNegative | None = Field(default=None, description="m above ground at which water reaches the buffer")

    @model_validator(mode="after")
    def _check(self) -> Buffer:
        given = (self.hours, self.start_probability, self.recharge_hours, self.height_m)
        wanted = "hours, start_probability, recharge_hours or height_m"
        found = [Finding("buffer", wanted=wanted, got="none of them")] if given == (None,) * 4 else []
        raise_findings(type(self).__name__, found)
        return self


class MoreCrews(Section):
    """More repair crews."""

    crews: dict[Name, Annotated[Whole, Field(ge=1, le=1_000_000)]] = Field(
        min_length=1, description="further crews per sector; a sector of time.repair.crews"
    )


class MoreRedundancy(Section):
    """Spare units and standby sites beside those that the scenario has."""

    redundancy: Annotated[tuple[Redundancy, ...], Field(min_length=1), *OneOrMany] = Field(
        description="as the scenario's own `redundancy`"
    )


class CoolRoof(Section):
    """Cool roofs: power demand grows less in the heat. Needs `heat.demand`."""

    cool_roof: Selector = Field(description="assets of the sector of heat.demand whose demand grows less")
    cooling_saved: Annotated[Share, Field(gt=0)] = Field(
        description="share of the growth by heat that is saved; no default: it hangs on roofs, buildings and climate"
    )


class OtherCurves(Section):
    """Assets that answer otherwise to water or heat: another class of curves."""

    curves: Selector = Field(description="assets that get other curves")
    flood_fragility: Text | None = Field(default=None, description="name of a fragility curve")
    flood_damage: Text | None = Field(default=None, description="name of a damage curve")
    heat_fragility: Text | None = Field(default=None, description="name of a fragility curve")
    heat_damage: Text | None = Field(default=None, description="name of a damage curve")

    def named(self) -> dict[str, str]:
        """Return the curves by what they are: `flood_fragility`, ..."""
        names = ("flood_fragility", "flood_damage", "heat_fragility", "heat_damage")
        return {name: curve for name in names if (curve := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _check(self) -> OtherCurves:
        wanted = "flood_fragility, flood_damage, heat_fragility or heat_damage"
        found = [] if self.named() else [Finding("curves", wanted=wanted, got="none of them")]
        raise_findings(type(self).__name__, found)
        return self


AnyChange = (
    Annotated[Raise, Tag("a raise")]
    | Annotated[FloodBoard, Tag("a flood board")]
    | Annotated[SecondFeeder, Tag("a second feeder")]
    | Annotated[Buffer, Tag("a buffer")]
    | Annotated[MoreCrews, Tag("more crews")]
    | Annotated[MoreRedundancy, Tag("more redundancy")]
    | Annotated[CoolRoof, Tag("a cool roof")]
    | Annotated[OtherCurves, Tag("other curves")]
)


def _key_of(kind: type[Section]) -> str:
    """Return the key by which a change is known: its first."""
    name, field = next(iter(kind.model_fields.items()))
    return field.alias or name


_KINDS: Final = {_key_of(kind): (kind, mark.tag) for kind, mark in map(get_args, get_args(AnyChange))}


def _select_change(value: Any) -> str | None:
    for key, (kind, tag) in _KINDS.items():
        if isinstance(value, kind) or (isinstance(value, Mapping) and key in value):
            return str(tag)
    return None


Change = Annotated[
    AnyChange,
    Discriminator(
        _select_change,
        custom_error_type="scenario",
        custom_error_message="{wanted} (got {got})",
        custom_error_context={"wanted": f"a change: one of {', '.join(_KINDS)}", "got": "none of them"},
    ),
]


class CarbonSection(Section):
    """Greenhouse gases of an option."""

    embodied: Amount = Field(default=0.0, description="t of CO2 equivalent, at once")
    yearly: Annotated[Number, Field(ge=-_MOST, le=_MOST)] = Field(
        default=0.0, description="t of CO2 equivalent per year; below 0 where it saves them"
    )


class OptionSection(Section):
    """One option: the whole run again on the changed city, with the same random numbers."""

    name: Name = Field(description="unique name of the option")
    cost: Amount | None = Field(
        default=None,
        description="money, at once: 0, or 0.01 or more; required, but with `combine`: the sum of its options where "
        "absent",
    )
    life_years: Annotated[Whole, Field(ge=1, le=_MOST_YEARS)] | None = Field(
        default=None,
        description="years for which it works; required, but with `combine`: that of its options where they share one",
    )
    yearly_cost: Amount | None = Field(
        default=None, description="money per year, as `cost`; where absent 0, with `combine` the sum of its options"
    )
    carbon: CarbonSection | None = Field(
        default=None, description="greenhouse gases; where absent 0, with `combine` the sum of its options"
    )
    changes: Annotated[tuple[Change, ...], *OneOrMany] = Field(
        default=(), description="what it changes, one after the other"
    )
    combine: Annotated[tuple[Name, ...], *OneOrMany] = Field(
        default=(), description="names of options that are done together, in this order, in the place of `changes`"
    )

    @model_validator(mode="after")
    def _check(self) -> OptionSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if bool(self.changes) == bool(self.combine):
            got = "both" if self.changes else "neither"
            yield Finding("changes", wanted="changes, or combine with the names of other options", got=got)
        if not self.combine:
            for key, meaning in (("cost", "money, at once"), ("life_years", "years for which it works")):
                if getattr(self, key) is None:
                    yield Finding(key, wanted=meaning, got="absent")
        for key in ("cost", "yearly_cost"):
            given = getattr(self, key)
            if given is not None and 0.0 < given < _LEAST:
                yield Finding(key, wanted=f"0, or {_LEAST:g} or more", got=f"{given:g}")
        if self.combine and (len(self.combine) < 2 or len(set(self.combine)) < len(self.combine)):
            yield Finding("combine", wanted="two or more different options", got=", ".join(self.combine))


def check_names(options: tuple[OptionSection, ...]) -> Iterator[Finding]:
    """Yield what is wrong with options beside each other: names, and what they combine."""
    places: dict[str, int] = {}
    for i, option in enumerate(options):
        if places.setdefault(option.name, i) != i:
            got = f"{option.name!r}, as options.{places[option.name]}"
            yield Finding("options", i, "name", wanted="every name once", got=got)
    plain = {option.name: option for option in options if not option.combine}
    for i, option in enumerate(options):
        for k, name in enumerate(option.combine):
            if name not in plain:
                got = f"{name!r}, which combines others itself" if name in places else repr(name)
                wanted = f"options with changes: {', '.join(plain) or 'there are none'}"
                yield Finding("options", i, "combine", k, wanted=wanted, got=got)
        lives = {plain[name].life_years for name in option.combine if name in plain}
        if len(lives) > 1 and option.life_years is None:
            told = ", ".join(f"{life:g}" for life in sorted(filter(None, lives)))
            wanted = "years for which it works, as its options differ"
            yield Finding("options", i, "life_years", wanted=wanted, got=f"absent ({told})")


def settle_options(options: tuple[OptionSection, ...]) -> tuple[OptionSection, ...]:
    """Return the options with changes and figures of their own, those of a combination filled in from its options."""
    plain = {option.name: option for option in options if not option.combine}
    return tuple(_settle(option, [plain[name] for name in option.combine] or [option]) for option in options)


def _settle(option: OptionSection, parts: list[OptionSection]) -> OptionSection:
    carbon = [part.carbon or CarbonSection() for part in parts]
    summed = {
        "cost": sum(part.cost or 0.0 for part in parts),
        "yearly_cost": sum(part.yearly_cost or 0.0 for part in parts),
        "life_years": parts[0].life_years,
        "carbon": CarbonSection(
            embodied=sum(one.embodied for one in carbon), yearly=sum(one.yearly for one in carbon)
        ),
    }  # fmt: skip
    filled = {name: value for name, value in summed.items() if getattr(option, name) is None}
    return option.model_copy(update={**filled, "changes": tuple(change for part in parts for change in part.changes)})
