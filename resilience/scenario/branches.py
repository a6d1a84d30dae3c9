"""The branches section: what is not known and is the same in all samples of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resilience.scenario.fields import Name, Number, Section


class BranchSection(Section):
    """One way in which what is assessed may be: the whole run again, with the same random numbers."""

    name: Name = Field(description="unique name of the branch")
    weight: Annotated[Number, Field(gt=0, le=1e9)] = Field(default=1.0, description="weight in the mean over branches")
    hazard_bias: dict[Name, Annotated[Number, Field(ge=-100, le=100)]] = Field(
        default_factory=dict,
        description="per event family, what is added to its maps: m where they are wet (never below 0), or degC",
    )
    cost_factor: Annotated[Number, Field(gt=0, le=1e6)] = Field(
        default=1.0, description="factor on all replacement costs"
    )
    curve_quantile: Annotated[Number, Field(gt=0, lt=1)] | None = Field(
        default=None, description="quantile of all curves that tell a spread between studies; their mean where absent"
    )
