"""Rules that derive who depends on whom from where things are.

A rule says which assets provide a service, who needs it and how the providers of each dependent are found.
:func:`resilience.network.derivation.derive` applies rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from resilience.errors import Problems, suggestion
from resilience.network.selectors import Selector

OnMissing = Literal["error", "drop"]


@dataclass(frozen=True)
class DependencyRule:
    """Every chosen asset or zone needs a service from the chosen providers near it.

    Parameters
    ----------
    service : str
        What is needed.
    from_ : mapping
        Selector of the providers, e.g. ``{"kind": "substation"}``.
    to : mapping or "zones"
        Selector of the dependent assets, or all zones.
    by : {"nearest", "polygon", "road"}
        Straight distance; containing polygon (an area of service that holds the dependent, or a provider within the
        dependent's own polygon); or shortest way by road from provider to dependent.
    nearest : int
        At most this many providers.
    required : int
        How many of them must work.
    within_m : float, optional, m
        None farther than this.
    buffer_hours, start_probability, recharge_hours, buffer_height : float, optional
        The dependent's battery or tank, as in the table of needs.
    refuel_from : str
        Kind of the assets from which the tank is refilled by road; empty where it is not.
    limit_minutes : float, optional
        A provider counts only while it reaches the dependent by road within this time.
    on_missing : {"error", "drop"}
        What to do with a dependent that has fewer than `required` providers in reach: refuse, or give it no need.
    over : mapping
        Selector of the links that ``by="road"`` uses.

    Examples
    --------
    >>> DependencyRule(service="power", from_={"kind": "substation"}, to="zones", within_m=5000).nearest
    1
    """

    service: str
    from_: Selector
    to: Selector | str
    by: Literal["nearest", "polygon", "road"] = "nearest"
    nearest: int = 1
    required: int = 1
    within_m: float | None = None
    buffer_hours: float = 0.0
    start_probability: float = 1.0
    recharge_hours: float = 0.0
    buffer_height: float | None = None
    refuel_from: str = ""
    limit_minutes: float | None = None
    on_missing: OnMissing = "error"
    over: Selector = field(default_factory=lambda: {"sector": "transport"})


@dataclass(frozen=True)
class AccessRule:
    """Every chosen asset or zone without an `access_asset` is reached through the nearest chosen road node.

    Parameters
    ----------
    from_ : mapping
        Selector of the road nodes.
    to : mapping, "zones" or "facilities"
        Selector of assets; all zones; or every asset that is neither a link nor of the kind and sector of a chosen
        road node.
    within_m : float, optional, m
        None farther than this.
    on_missing : {"error", "drop"}
        What to do where no road node is in reach: refuse, or leave it without access.
    """

    from_: Selector
    to: Selector | str
    within_m: float | None = None
    on_missing: OnMissing = "error"


@dataclass(frozen=True)
class SupplyRule:
    """The chosen assets are where the supply of a sector starts; all others of the sector must be reached by one.

    Parameters
    ----------
    sector : str
    sources : mapping
        Selector of assets of that sector.
    """

    sector: str
    sources: Selector


Rule = DependencyRule | AccessRule | SupplyRule


def check_rule(rule: DependencyRule, subject: str, problems: Problems) -> None:
    """Note what a dependency rule says that cannot be meant."""
    if not rule.service.strip():
        problems.add(f"{subject}.service", wanted="the name of a service", got="an empty name")
    if rule.by not in ("nearest", "polygon", "road"):
        hint = suggestion(str(rule.by), ("nearest", "polygon", "road"))
        problems.add(f"{subject}.by", wanted="nearest, polygon or road", got=f"{rule.by!r}{hint}")
    if rule.required < 1 or rule.nearest < rule.required:
        problems.add(
            f"{subject}.required",
            wanted="1 <= required <= nearest (nearest is how many providers are linked)",
            got=f"required {rule.required}, nearest {rule.nearest}",
        )
    check_on_missing(rule.on_missing, subject, problems)
    check_within(rule.within_m, subject, problems)
    if rule.refuel_from and rule.buffer_hours == 0:
        problems.add(f"{subject}.refuel_from", wanted="only with buffer_hours above 0", got="no buffer")
    limits = (
        ("buffer_hours", 0.0, np.inf), ("start_probability", 0.0, 1.0), ("recharge_hours", 0.0, np.inf),
        ("buffer_height", 0.0, np.inf), ("limit_minutes", 0.0, np.inf),
    )  # fmt: skip
    for name, low, high in limits:
        value = getattr(rule, name)
        if value is not None and not (low <= value <= high and np.isfinite(value)):
            words = "a finite number >= 0" if np.isinf(high) else f"a number from {low:g} to {high:g}"
            problems.add(f"{subject}.{name}", wanted=words, got=f"{value!r}")


def check_on_missing(on_missing: str, subject: str, problems: Problems) -> None:
    """Note an unknown way with dependents out of reach."""
    if on_missing not in ("error", "drop"):
        hint = suggestion(str(on_missing), ("error", "drop"))
        problems.add(f"{subject}.on_missing", wanted="error or drop", got=f"{on_missing!r}{hint}")


def check_within(within: float | None, subject: str, problems: Problems) -> None:
    """Note a reach that is not a distance."""
    if within is not None and not within >= 0:
        problems.add(f"{subject}.within_m", wanted="metres >= 0", got=f"{within!r}")
