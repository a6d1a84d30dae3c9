"""What stands behind an asset: spare units of its own, and other sites that take over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from resilience.scenario.fields import Finding, Name, Section, Share, Whole, raise_findings
from resilience.scenario.rules import Selector

_MOST = 1000  # units of an asset: each is an asset of its own


class RedundantUnits(Section):
    """Each of some assets works while enough units of its own do: k-of-n, N+1, 2N, 2(N+1)."""

    of: Selector = Field(description="assets that are made of units")
    service: Name = Field(description="service as whose lack a lack of units is told; one of services")
    units: Annotated[Whole, Field(ge=1, le=_MOST)] = Field(description="equal units of a path")
    required: Annotated[Whole, Field(ge=1)] = Field(default=1, description="units of a path that must work")
    paths: Annotated[Whole, Field(ge=1, le=_MOST)] = Field(
        default=1, description="whole paths of which one is enough (2 with one unit each: 2N)"
    )
    unavailability: Share = Field(description="probability that a unit is out in an event, whatever the hazard")
    common_cause: Share = Field(
        default=0.0, description="share of a unit's unavailability that takes all units of the asset (beta factor)"
    )

    @model_validator(mode="after")
    def _check(self) -> RedundantUnits:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.required > self.units:
            yield Finding("required", wanted=f"at most units = {self.units}", got=str(self.required))
        if self.units * self.paths > _MOST:
            yield Finding("paths", wanted=f"at most {_MOST} units in all paths", got=str(self.units * self.paths))


class StandbySites(Section):
    """Each of some assets is backed by the nearest of others, which serve in its place or beside it."""

    of: Selector = Field(description="sites that are backed")
    service: Name = Field(description="service that both sites provide; one of services")
    standby: Selector = Field(description="sites that take over; each site of `of` has the nearest one")
    mode: Literal["active_standby", "active_active"] = Field(
        default="active_standby",
        description="active_standby: the other takes over if fail-over control works; active_active: both always serve",
    )
    switch: Share | None = Field(
        default=None, description="active_standby: probability that fail-over succeeds when it is needed"
    )
    control: (
        Annotated[
            Annotated[Literal["standby", "active"], Tag("a word")] | Annotated[Selector, Tag("a selector")],
            Discriminator(lambda value: "a selector" if isinstance(value, Mapping) else "a word"),
        ]
        | None
    ) = Field(
        default=None,
        description="active_standby: where fail-over control stands: at the standby (the default), at the active site, "
        "or at any of the assets selected, while one of them works",
    )

    @model_validator(mode="after")
    def _check(self) -> StandbySites:
        raise_findings(type(self).__name__, self._findings())
        return self

    def _findings(self) -> Iterator[Finding]:
        if self.mode == "active_standby" and self.switch is None:
            yield Finding("switch", wanted="the probability that fail-over succeeds when it is needed", got="absent")
        if self.mode == "active_active":
            for key in ("switch", "control"):
                if getattr(self, key) is not None:
                    yield Finding(key, wanted="only with mode: active_standby", got="mode: active_active")


def _select(value: Any) -> str:
    if isinstance(value, StandbySites) or (isinstance(value, Mapping) and "standby" in value):
        return "standby sites"
    return "spare units"


Redundancy = Annotated[
    Annotated[RedundantUnits, Tag("spare units")] | Annotated[StandbySites, Tag("standby sites")],
    Discriminator(_select),
]
