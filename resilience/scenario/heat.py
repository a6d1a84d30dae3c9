"""The heat section: what a heatwave does to people, rails, data centres, crews and power, with every coefficient.

Defaults are those of the coefficient sets of `resilience.heat`; each description names the source, or says that the
number is from memory or a judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from resilience.scenario.fields import (
    Finding,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    Positive,
    Section,
    Switch,
    Whole,
    raise_findings,
)

Kinds = Annotated[tuple[Name, ...], *OneOrMany]
Per100000 = Annotated[Number, Field(ge=0, le=100_000)]


class AlertSection(Section):
    """Days of heat alerts, by daily maximum of the index."""

    advisory: Number = Field(default=33.0, description="degC, lowest daily maximum of an advisory (source: KMA, 2023)")
    warning: Number = Field(default=35.0, description="degC, lowest daily maximum of a warning (source: KMA, 2023)")
    days: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        default=2, description="days in a row that it takes (source: KMA, 2023)"
    )

    @model_validator(mode="after")
    def _check(self) -> AlertSection:
        found = []
        if self.advisory > self.warning:
            found.append(Finding("advisory", wanted=f"at most warning = {self.warning:g}", got=f"{self.advisory:g}"))
        raise_findings(type(self).__name__, found)
        return self


class MortalitySection(Section):
    """Deaths by daily maximum of the air temperature."""

    increase: Annotated[Number, Field(gt=-1, le=10)] = Field(
        default=0.0299, description="growth of the risk per degree (source: Seoul, doi 10.5620/eht.2011.26.e2011009)"
    )
    threshold: Number = Field(
        default=31.0,
        description="degC above which the risk grows (source: Seoul, Kim et al. 2006; elsewhere the local 90th "
        "percentile)",
    )
    outage: Annotated[Number, Field(ge=1, le=1000)] = Field(
        default=1.5,
        description="factor on the risk of people whose cooling has no power (default by judgement, 1 to 3)",
    )
    service: Name = Field(default="power", description="service without which cooling stops")
    deaths_per_100000: Per100000 = Field(
        default=1.9,
        description="deaths per day and 100,000 people, whatever the cause (from memory: Republic of Korea, 2023, mean "
        "of the year)",
    )


class EmergencySection(Section):
    """Heat patients in emergency rooms, and the chance to find every bed taken."""

    patients: Annotated[Number, Field(ge=0, le=1e9)] = Field(
        default=51.0, description="further patients per day and degree in a whole country (source: KDCA 2025)"
    )
    threshold: Number = Field(default=33.3, description="degC, daily maximum above which they grow (source: KDCA 2025)")
    population: Annotated[Number, Field(ge=1, le=1e11)] = Field(
        default=51.7e6, description="people of that country (from memory: Republic of Korea, about 2025)"
    )
    stay_hours: Annotated[Number, Field(gt=0, le=10_000)] = Field(
        default=4.0, description="h of a patient in a bed (default by judgement)"
    )
    usual_per_100000: Per100000 = Field(
        default=50.0, description="other patients per day and 100,000 people (default by judgement)"
    )
    beds: Annotated[Whole, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="emergency beds of the city; by default `beds_per_100000` of its people, rounded up"
    )
    beds_per_100000: Per100000 = Field(
        default=15.0, description="emergency beds per 100,000 people (default by judgement)"
    )


class RailSection(Section):
    """Rails too hot for trains: closed while they are, whatever chance says."""

    kinds: Kinds = Field(description="kinds of assets that are rails")
    sun_ratio: Annotated[Number, Field(ge=1)] = Field(
        default=1.6,
        description="rail over air temperature, both in degC, in the sun (default by judgement, 1.5 to 1.66)",
    )
    slow_from: Number = Field(default=55.0, description="degC of the rail from which trains are slow (source: KORAIL)")
    crawl_from: Number = Field(default=60.0, description="degC of the rail of the second step (source: KORAIL)")
    stop_from: Number = Field(default=64.0, description="degC of the rail from which trains stop (source: KORAIL)")
    line_speed: Positive = Field(default=300.0, description="km/h below the first step (from memory)")
    slow_speed: Positive = Field(default=230.0, description="km/h from the first step on (source: KORAIL)")
    crawl_speed: Positive = Field(default=70.0, description="km/h from the second step on (source: KORAIL)")

    @model_validator(mode="after")
    def _check(self) -> RailSection:
        steps = [self.slow_from, self.crawl_from, self.stop_from]
        found = []
        if any(a > b for a, b in pairwise(steps)):
            found.append(Finding("slow_from", wanted="slow_from <= crawl_from <= stop_from", got=f"{steps}"))
        speeds = [self.line_speed, self.slow_speed, self.crawl_speed]
        if any(a < b for a, b in pairwise(speeds)):
            found.append(Finding("line_speed", wanted="line_speed >= slow_speed >= crawl_speed", got=f"{speeds}"))
        raise_findings(type(self).__name__, found)
        return self


class DataCentreSection(Section):
    """Data centres whose cooling does not keep up: off while their inlet is above the limit."""

    kinds: Kinds = Field(description="kinds of assets that are data centres")
    design: Number = Field(
        default=35.0, description="degC outdoors up to which cooling gives its full power (default by judgement)"
    )
    maximum: Number = Field(
        default=46.0, description="degC outdoors at which cooling gives nothing (default by judgement)"
    )
    cooling_ratio: NotNegative = Field(
        default=1.2, description="cooling power at design over IT power (default by judgement)"
    )
    set_point: Number = Field(
        default=24.0, description="degC at the inlet while cooling suffices (default by judgement)"
    )
    inlet_limit: Number = Field(
        default=32.0,
        description="degC at the inlet above which servers shut down: 32, 35, 40, 45 for classes A1 to A4 (from "
        "memory: ASHRAE TC9.9)",
    )
    air_flow: Positive = Field(
        default=83.0, description="kg/s of cooling air per MW of IT power: 12 K over the servers (default by judgement)"
    )

    @model_validator(mode="after")
    def _check(self) -> DataCentreSection:
        found = []
        if self.design >= self.maximum:
            found.append(Finding("maximum", wanted=f"above design = {self.design:g}", got=f"{self.maximum:g}"))
        if self.set_point >= self.inlet_limit:
            wanted = f"above set_point = {self.set_point:g}"
            found.append(Finding("inlet_limit", wanted=wanted, got=f"{self.inlet_limit:g}"))
        raise_findings(type(self).__name__, found)
        return self


class CrewSection(Section):
    """Repair crews at work in the heat: what they get done by wet-bulb globe temperature."""

    sun: Switch = Field(default=True, description="whether they work in the sun rather than in shade")
    humidity: Annotated[Number, Field(ge=0, le=100)] = Field(
        default=60.0, description="% where a hazard has no maps of humidity (default by judgement)"
    )
    half: Positive = Field(default=33.63, description="degC that halve the work (source: Foster et al. 2021)")
    exponent: Positive = Field(default=6.33, description="steepness (source: Foster et al. 2021)")


class TransformerSection(Section):
    """Transformers that carry less in the heat: the load that keeps the hot spot within its limit."""

    sector: Name = Field(default="power", description="sector at level share or dc_flow")
    kinds: Kinds = Field(default=(), description="kinds of assets that are transformers or are fed through them")
    load: Annotated[Number, Field(ge=0, le=10)] = Field(
        default=0.8, description="share of the rated load, for ageing (default by judgement)"
    )
    hot_spot_limit: Number = Field(default=110.0, description="degC of the allowed load (from memory: IEEE C57.91)")


class LineSection(Section):
    """Overhead lines that carry less in the heat: IEEE 738 with conductor Drake, light wind and full sun."""

    sector: Name = Field(default="power", description="sector at level dc_flow")
    kinds: Kinds = Field(default=(), description="kinds of links that are overhead lines")
    rated_at: Number = Field(default=25.0, description="degC of the air at which ratings hold (default by judgement)")


class DemandSection(Section):
    """Power demand that grows with the daily mean of the air temperature."""

    sector: Name = Field(default="power", description="sector at level share or dc_flow")
    base_temperature: Number = Field(
        default=24.0, description="degC, daily mean above which demand grows (default by judgement)"
    )
    slope: NotNegative = Field(
        default=0.0275, description="growth per degree (default by judgement: 0.025 to 0.03; calibrate)"
    )


class HeatSection(Section):
    """What heat does to people and to work, and to rails, data centres and power where they are named."""

    alerts: AlertSection = Field(default_factory=AlertSection, description="heat advisories and warnings")
    mortality: MortalitySection = Field(default_factory=MortalitySection, description="deaths by heat")
    emergency: EmergencySection = Field(default_factory=EmergencySection, description="patients in emergency rooms")
    rail: RailSection | None = Field(default=None, description="rails that close while they are too hot")
    data_centres: DataCentreSection | None = Field(default=None, description="data centres that stop while too warm")
    crews: CrewSection | None = Field(default=None, description="heat that slows repair; without, it does not")
    transformers: TransformerSection | None = Field(default=None, description="derating and ageing of transformers")
    lines: LineSection | None = Field(default=None, description="derating of overhead lines")
    demand: DemandSection | None = Field(default=None, description="growth of power demand")

    def defaults(self) -> Iterator[str]:
        """Yield each coefficient that is a default by judgement, or from memory and then says so: ``a.b = 1.6``."""
        for name in type(self).model_fields:
            section = getattr(self, name)
            if section is None:
                continue
            for key, field in type(section).model_fields.items():
                told = field.description or ""
                unsure = "judgement" in told or "from memory" in told
                value = getattr(section, key)
                # A resolved scenario names them all: what is as the default is one.
                if unsure and value == field.default and isinstance(value, float):
                    yield f"{name}.{key} = {value:g}" + (" (from memory)" if "from memory" in told else "")
