"""The sequences section: hazards that come one after the other, as one event."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from resilience.scenario.fields import Finding, Hours, Name, Number, Positive, Section, Text, raise_findings


class SequencePart(Section):
    """One hazard of a sequence: an event of a declared family, and when its peak comes."""

    family: Name = Field(description="event family, one of `hazards`")
    event: Text | None = Field(default=None, description="event of the family: its id, or the return period as text")
    return_period: Positive | None = Field(default=None, description="years, instead of `event`")
    after_hours: Hours = Field(default=0.0, description="h from the peak of the first part to that of this one")

    @model_validator(mode="after")
    def _check(self) -> SequencePart:
        if (self.event is None) == (self.return_period is None):
            got = "neither" if self.event is None else "both"
            raise_findings(type(self).__name__, [Finding("event", wanted="either event or return_period", got=got)])
        return self


class JointSection(Section):
    """Two severity axes whose severities of a year belong together."""

    name: Name = Field(description="unique id; pairs of events are named after it")
    families: tuple[Name, Name] = Field(description="two event families with return periods, in the order they come")
    copula: Literal["independent", "gaussian", "gumbel"] = Field(
        default="independent",
        description="how the annual severities go together (independent by judgement; tau 0.2 and 0.4 tell what hangs "
        "on it)",
    )
    tau: Number | None = Field(default=None, description="Kendall's rank correlation, for gaussian and gumbel")
    parameter: Number | None = Field(default=None, description="rho or theta, instead of `tau`")
    after_hours: Hours = Field(
        default=120.0,
        description="h from the peak of the first to that of the second where a year has both (5 days by judgement, no "
        "source); 0 for both at once",
    )

    @model_validator(mode="after")
    def _check(self) -> JointSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.families[0] == self.families[1]:
            yield Finding("families", wanted="two families", got=f"{self.families[0]} twice")
        given = [name for name in ("tau", "parameter") if getattr(self, name) is not None]
        if self.copula == "independent" and given:
            yield Finding(given[0], wanted="only with copula: gaussian or gumbel", got="copula: independent")
        if self.copula != "independent" and len(given) != 1:
            got = "both" if given else "neither"
            yield Finding("tau", wanted=f"either tau or parameter of the {self.copula} copula", got=got)


class SequenceSection(Section):
    """Hazards that come one after the other and meet the city as the earlier ones left it."""

    name: Name = Field(description="unique id of the sequence, and of its event")
    parts: Annotated[tuple[SequencePart, ...], Field(min_length=1)] = Field(
        description="the hazards in the order in which they come; the first at 0 h"
    )
    annual_rate: Positive | None = Field(
        default=None,
        description="mean number per year; it is added to what the families of the parts count themselves. Without it "
        "the sequence is conditional",
    )

    @model_validator(mode="after")
    def _check(self) -> SequenceSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        hours = [part.after_hours for part in self.parts]
        if hours[0] != 0 or any(a > b for a, b in pairwise(hours)):
            got = ", ".join(f"{hour:g}" for hour in hours[:5])
            yield Finding("parts", wanted="after_hours from 0 on, none before the one before it", got=got)
        seen: set[tuple[object, ...]] = set()
        for k, part in enumerate(self.parts):
            told = (part.family, part.event, part.return_period, part.after_hours)
            if told in seen:
                yield Finding("parts", k, wanted="every event once at an hour", got="the same as a part before")
            seen.add(told)
