"""The sections that say how to reckon: curves, cascade, samples, risk, importance, outputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from resilience.scenario.fields import (
    Finding,
    Hours,
    InputPath,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Section,
    Share,
    Switch,
    Text,
    Texts,
    Whole,
    raise_findings,
)
from resilience.scenario.networks import Table
from resilience.scenario.rules import Selector

_GROUP = 512  # samples in a word group
_FIRST_LOOK = 4096  # samples after which a tolerance is looked at first
_DAMAGED = {"flood": (1.0,), "heat": (0.25,)}


class CurveFile(Section):
    """A table of the user's own curves."""

    path: InputPath = Field(description="CSV file")
    layout: Literal["plain", "open_gira", "snail"] = Field(
        default="plain", description="plain: name, x, y per row; or as open-gira or snail write curves"
    )
    unit: Literal["m", "cm", "mm", "ft", "in", "degC", "K", "degF"] | None = Field(
        default=None, description="unit of the intensities; needed where the file does not tell"
    )
    role: Literal["damage", "fragility"] | None = Field(default=None, description="where the file does not tell")
    peril: Literal["flood", "heat"] | None = Field(default=None, description="where the file does not tell")
    name: Text | None = Field(default=None, description="name of the only curve; by default that of the file")
    names: Texts = Field(default=(), description="curves that are read; by default all")
    metadata: InputPath | None = Field(default=None, description="snail: table of units and perils")
    decreasing: Literal["error", "running_maximum"] = Field(
        default="error", description="what a curve that decreases is: an error, or flattened to its running maximum"
    )


class CurvesSection(Section):
    """Where curves come from."""

    library: Switch = Field(default=True, description="whether the curves that are shipped are there")
    files: Annotated[tuple[CurveFile, ...], *OneOrMany] = Field(default=(), description="tables of own curves")


LevelName = Literal["function", "connected", "share", "dc_flow", "overload"]
_PARAMETERS = {"dc_flow": ("trip", "base_power"), "overload": ("tolerance", "endpoints")}


class LevelSection(Section):
    """How finely one sector is modelled: the name of a level, or a mapping with its parameters."""

    level: LevelName = Field(
        description="function: its needs are met; connected: and a source reaches it; share: and how much of the "
        "demand its sources cover; dc_flow: and whether lines carry it; overload: whether nodes stand the detours"
    )
    trip: Literal["all", "worst"] | None = Field(
        default=None, description="dc_flow: every overloaded link trips at once (all, the default), or only the worst"
    )
    base_power: Annotated[Number, Field(ge=1e-3, le=1e9)] | None = Field(
        default=None, description="dc_flow: MVA of one per unit of `reactance`; 100 where absent"
    )
    tolerance: NotNegative | None = Field(
        default=None,
        description="overload: a node stands 1 + tolerance times its intact load; there is no default",
    )
    endpoints: Literal["excluded", "included"] | None = Field(
        default=None, description="overload: whether a pair of nodes also loads its own two ends; excluded where absent"
    )

    @property
    def partial(self) -> bool:
        """Whether the sector is solved state by state, and can serve a part."""
        return self.level not in ("function", "connected")

    @model_serializer
    def _shortest(self) -> Any:
        given = {name: value for name, value in self.__dict__.items() if value is not None}
        return given if len(given) > 1 else self.level

    @model_validator(mode="after")
    def _check(self) -> LevelSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        for level, names in _PARAMETERS.items():
            for name in names:
                if getattr(self, name) is not None and self.level != level:
                    yield Finding(name, wanted=f"only with level: {level}", got=f"level: {self.level}")
        if self.level == "overload" and self.tolerance is None:
            wanted = "what nodes stand above their intact load, e.g. {level: overload, tolerance: 0.5}"
            yield Finding("tolerance", wanted=wanted, got="absent")


class _NamedLevel:
    """JSON schema of a level that may be written as its name alone."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        section = handler(schema)
        name = handler.resolve_ref_schema(section)["properties"]["level"]
        return {"anyOf": [{key: value for key, value in name.items() if key != "title"}, section]}


def _as_level(value: Any) -> Any:
    return {"level": value} if isinstance(value, str) else value


class CascadeSection(Section):
    """How failures spread."""

    levels: dict[Name, Annotated[LevelSection, BeforeValidator(_as_level), _NamedLevel()]] = Field(
        default_factory=dict,
        description="level of each sector: its name, or a mapping with parameters; levels share, dc_flow and overload "
        "are solved in the order in which they stand here",
    )
    min_fraction: Annotated[Share, Field(gt=0)] = Field(
        default=0.5,
        description="share of its demand from which on an asset at level share or dc_flow counts for the assets that "
        "need it; zones receive the share itself (default by judgement, no source)",
    )
    default: Literal["function", "connected"] = Field(default="function", description="level of the sectors not named")
    start: Literal["all_up", "all_down"] = Field(
        default="all_up",
        description="all_up: the greatest fixed point; all_down: the least, with levels function and connected only",
    )

    @model_validator(mode="after")
    def _check(self) -> CascadeSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        partial = [f"{name}: {section.level}" for name, section in self.levels.items() if section.partial]
        if self.start == "all_down" and partial:
            wanted = "all_up with levels that are not monotone: what starts by itself is not defined for them"
            yield Finding("start", wanted=wanted, got=f"all_down with {', '.join(partial)}")


class CorrelationSection(Section):
    """Fragility that goes together: assets near one another fail in the same samples."""

    length_m: Positive = Field(
        description="m over which the correlation of near assets falls to 1/e; 2,000 to 20,000 by judgement, no source"
    )
    global_share: Share = Field(default=0.0, description="share of the variance that all assets have in common")
    cell_m: Positive | None = Field(
        default=None, description="m, cells of the random field; assets in one share their number; a tenth of length_m"
    )


class MonteCarloSection(Section):
    """How many samples, and how they are cut into tasks."""

    samples: Annotated[Whole, Field(ge=_GROUP, le=2**24)] = Field(
        default=4096, description="samples, a multiple of 512"
    )
    block: Annotated[Whole, Field(ge=_GROUP, le=2**24)] | None = Field(
        default=None, description="samples per task and chunk, a multiple of 512; chosen by size where absent"
    )
    tolerance: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="relative standard error, of the service where it is largest, at which there are samples enough; "
        "looked at after 4,096, 8,192, 16,384 ... samples, `samples` at most. Of person-hours over time, else of "
        "people at the peak. A service that could be lost and was not yet is never precise enough",
    )
    correlation: CorrelationSection | None = Field(
        default=None, description="how failures go together; without, every asset fails by itself"
    )

    @model_validator(mode="after")
    def _check(self) -> MonteCarloSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        for key in ("samples", "block"):
            value = getattr(self, key)
            if value is not None and value % _GROUP:
                low = value // _GROUP * _GROUP
                wanted = f"a multiple of {_GROUP}, e.g. {low} or {low + _GROUP}"
                yield Finding(key, wanted=wanted, got=str(value))
        if self.tolerance is not None and self.block is not None and _FIRST_LOOK % self.block:
            yield Finding("block", wanted=f"with a tolerance, a divisor of {_FIRST_LOOK:,}", got=str(self.block))
        if self.block is not None and self.block > self.samples:
            yield Finding("block", wanted=f"at most samples = {self.samples}", got=str(self.block))


class RepairSection(Section):
    """Repair of what a hazard damaged; without the section, everything is back when the hazard is over."""

    file: InputPath | None = Field(
        default=None, description="CSV table of own repair times, in the place of the shipped ones of the same class"
    )
    unit: Literal["h", "day"] | None = Field(default=None, description="unit of `file`, where it does not tell")
    damaged: dict[Name, Annotated[tuple[Share, ...], Field(min_length=1), *OneOrMany]] = Field(
        default_factory=dict,
        description="share of what a peril puts out of function that needs repair; the rest returns with the hazard's "
        "end (defaults by judgement, no source: flood 1, heat 0.25). A list tells the share in each state of damage or "
        "a worse one, the lightest first: [0.8, 0.3, 0.1]",
    )
    states: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1), *OneOrMany]] = Field(
        default_factory=dict,
        description="per repair class, the group of fragility curves (one per peril) that tells each state of damage, "
        "in the place of `damaged`",
    )
    crews: dict[Name, Annotated[Whole, Field(ge=0)]] = Field(
        default_factory=dict, description="crews per sector; sectors not named have one for every asset"
    )
    rule: Literal["fifo", "shortest", "longest", "persons", "priority"] = Field(
        default="fifo",
        description="which job a free crew takes: the first that can begin, the shortest or longest, that of the asset "
        "with most people behind it, or by `priority` or `ranks`",
    )
    priority: dict[Name, NotNegative] = Field(
        default_factory=dict, description="with rule: priority: rank by kind of asset, the largest first; others have 0"
    )
    ranks: Table | None = Field(
        default=None,
        description="with rule: priority: CSV table of `asset` and `rank`, the largest first, the sum where an asset "
        "is named several times, others 0; importance.csv of an earlier run with columns: {asset: asset, rank: "
        "fussell_vesely}",
    )
    depots: Annotated[tuple[Selector, ...], *OneOrMany] = Field(
        default=(),
        description="assets from which crews set off, by road: once the peak is over, over what the water leaves open; "
        "without, crews are everywhere as soon as the event is over",
    )
    roads: Text = Field(default="transport", description="with depots: sector whose assets crews travel")
    after: dict[Name, Annotated[tuple[Name, ...], *OneOrMany]] = Field(
        default_factory=dict,
        description="sectors whose assets wait, where damaged, for the repair of what they need in other sectors, e.g. "
        "{water: power}",
    )

    @property
    def damaged_shares(self) -> dict[str, tuple[float, ...]]:
        """The share of each peril in each state or a worse one: as given, else its default."""
        return {**_DAMAGED, **self.damaged}

    @model_validator(mode="after")
    def _check(self) -> RepairSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        for peril in self.damaged:
            if peril not in _DAMAGED:
                yield Finding("damaged", peril, wanted="flood or heat", got=repr(peril))
        for peril, shares in self.damaged.items():
            if any(a < b for a, b in pairwise(shares)):
                got = ", ".join(f"{share:g}" for share in shares)
                yield Finding("damaged", peril, wanted="shares that do not grow with the state", got=got)
        if self.unit is not None and self.file is None:
            yield Finding("unit", wanted="a file that it is of", got="no file")
        if self.roads != "transport" and not self.depots:
            yield Finding("roads", wanted="only with depots", got="no depots")
        for name in ("priority", "ranks"):
            if getattr(self, name) and self.rule != "priority":
                yield Finding(name, wanted="only with rule: priority", got=f"rule: {self.rule}")
        if self.rule == "priority" and not (self.priority or self.ranks):
            yield Finding("priority", wanted="ranks of the kinds that come first, or `ranks` of assets", got="none")
        if self.priority and self.ranks:
            yield Finding("ranks", wanted="ranks of kinds or of assets", got="both")


class TimeSection(Section):
    """How services are followed over time; without the section, the state at the peak of each event is all."""

    hours: tuple[Hours, ...] = Field(
        default=(0.0, 1.0, 4.0, 8.0, 12.0, 24.0, 48.0, 72.0, 168.0, 336.0, 720.0, 1440.0, 2160.0),
        description="points of the time grid, h after the peak, ascending from 0; the last ends it; ends of buffers "
        "and hazards are added",
    )
    restart_hours: Hours = Field(
        default=4.0,
        description="h from the end of a hazard until what it put out works again (default by judgement, no source)",
    )
    repair: RepairSection | None = Field(default=None, description="repair times and crews")

    @model_validator(mode="after")
    def _check(self) -> TimeSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        hours = self.hours
        if len(hours) < 2 or hours[0] != 0 or any(a >= b for a, b in pairwise(hours)):
            got = ", ".join(f"{hour:g}" for hour in hours[:5]) or "none"
            yield Finding("hours", wanted="two or more ascending numbers, the first 0", got=got)
        elif round(hours[-1] * 60) < 1:
            yield Finding("hours", wanted="a last point of a minute or more", got=f"{hours[-1]:g}")


class RiskSection(Section):
    """How events become expected values and exceedance curves."""

    rule: Literal["trapezoid", "log_linear"] = Field(
        default="trapezoid", description="how losses between two return periods are interpolated over 1/T"
    )
    tail: Literal["hold", "none"] = Field(
        default="hold", description="beyond the rarest event: hold its loss, or count nothing; always reported"
    )
    catalogue_years: Annotated[Whole, Field(ge=0, le=10_000_000)] = Field(
        default=10_000, description="simulated years of the exceedance curves; 0 for none"
    )
    return_periods: Annotated[tuple[Positive, ...], *OneOrMany] = Field(
        default=(2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0),
        description="years at which exceedance curves are reported: above 1, at most catalogue_years",
    )
    confidence: Annotated[Share, Field(gt=0, lt=1)] = Field(default=0.9, description="level of the intervals")
    bootstrap: Annotated[Whole, Field(ge=2, le=1_000_000)] = Field(default=1_000, description="resamples of the years")

    @model_validator(mode="after")
    def _check(self) -> RiskSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        years = self.catalogue_years
        outside = [period for period in self.return_periods if not 1 < period <= years]
        if years and outside:
            wanted = f"years above 1 and at most catalogue_years = {years} (or catalogue_years: 0 for no curves)"
            yield Finding("return_periods", wanted=wanted, got=", ".join(f"{period:g}" for period in outside[:3]))


class ImportanceSection(Section):
    """Whose failure matters."""

    top: Annotated[Whole, Field(ge=0)] = Field(
        default=0,
        description="at most so many assets that are run again in pairs (never and always failing): in turn the one "
        "that matters most and, of those that work in too few samples of some event to be told, the one with most "
        "people behind it",
    )
    assets: Texts = Field(default=(), description="assets that are run again in pairs whatever their rank, each once")

    @model_validator(mode="after")
    def _check(self) -> ImportanceSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        first: dict[str, int] = {}
        for i, name in enumerate(self.assets):
            if first.setdefault(name, i) != i:
                got = f"{name!r}, as importance.assets.{first[name]}"
                yield Finding("assets", i, wanted="every asset once", got=got)


class OutputsSection(Section):
    """What is written beside the result store."""

    tables: Annotated[tuple[Literal["summary", "assets", "zones", "exceedance"], ...], *OneOrMany] = Field(
        default=("summary", "assets", "zones", "exceedance"), description="CSV tables"
    )
