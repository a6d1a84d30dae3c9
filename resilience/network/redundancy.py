"""Spare units and standby sites of assets, written out as assets, needs and dependencies.

What is derived are ordinary rows: a unit is an asset that no hazard reaches and that has an unavailability of its own;
a k-of-n rule is a need; fail-over control is an asset that the standby needs and that has needs of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems
from resilience.network.city import Network
from resilience.network.selectors import RowFinder, Selector
from resilience.network.shapes import representative_points

SECTOR: Final = "redundancy"
"""Sector of derived assets: no source must reach them, and what their random outages cost has a root of its own."""


@dataclass(frozen=True)
class Units:
    """Units of which each of some assets is made.

    Parameters
    ----------
    of : Selector
    service : str
        Of the needs.
    units, required : int
        Of a path.
    unavailability : float
        Of a unit.
    paths : int
        Of which one is enough.
    common_cause : float
        Share of the unavailability of a unit that takes all units.
    """

    of: Selector
    service: str
    units: int
    required: int
    unavailability: float
    paths: int = 1
    common_cause: float = 0.0


@dataclass(frozen=True)
class Standby:
    """Sites that take over from others.

    Parameters
    ----------
    of, standby : Selector
        Each site of `of` is backed by the nearest of `standby`.
    service : str
        Whose needs, where `of` provides them, the standby provides too.
    switch : float, optional
        Probability that fail-over succeeds; None where both sites always serve.
    control : {"standby", "active"} or Selector
        Where fail-over control stands.
    """

    of: Selector
    standby: Selector
    service: str
    switch: float | None = None
    control: str | Selector = "standby"


@dataclass
class _Rows:
    """Rows that are added."""

    assets: list[dict[str, Any]] = field(default_factory=list)
    needs: list[dict[str, Any]] = field(default_factory=list)
    dependencies: list[dict[str, Any]] = field(default_factory=list)

    def asset(self, name: str, kind: str, at: pd.Series[Any], unavailability: float) -> str:
        """Add an asset where another one stands."""
        place = gpd.points_from_xy(*representative_points([at["geometry"]]).T)[0]
        self.assets.append(
            {"id": name, "sector": SECTOR, "kind": kind, "geometry": place, "district": at["district"],
             "unavailability": unavailability}
        )  # fmt: skip
        return name

    def need(self, dependent: str, service: str, providers: Sequence[str], required: int = 1) -> None:
        """Add a need of `required` of the providers."""
        name = f"redundancy:{service}:{dependent}:{len(self.needs)}"
        self.needs.append({"id": name, "dependent": dependent, "service": service, "required": required})
        self.dependencies += [{"need": name, "provider": provider} for provider in providers]


def add_redundancy(network: Network, parts: Sequence[Units | Standby]) -> Network:
    """Return the network with the assets, needs and dependencies of spare units and standby sites.

    Parameters
    ----------
    network : Network
    parts : sequence of Units or Standby

    Raises
    ------
    ConfigurationError
        Selectors that fit no asset, sites that nobody needs, a site that is to stand by itself.
    DataError
        Ids that are taken.

    Examples
    --------
    >>> points = gpd.points_from_xy([0.0], [0.0])
    >>> network = Network.from_tables(
    ...     assets=gpd.GeoDataFrame({"id": ["D"], "sector": ["data"]}, geometry=points, crs=5179))
    >>> units = Units(of={"id": "D"}, service="data", units=3, required=2, unavailability=0.02, common_cause=0.1)
    >>> larger = add_redundancy(network, [units])
    >>> larger.assets.set_index("id")["unavailability"].round(4).to_dict()
    {'D': 0.0, 'D-unit-1': 0.018, 'D-unit-2': 0.018, 'D-unit-3': 0.018, 'D-common-cause': 0.002}
    >>> larger.needs[["dependent", "required"]].to_numpy().tolist()
    [['D', 2], ['D', 1]]
    """
    problems = Problems()
    finder, rows = RowFinder(network.assets), _Rows()
    for number, part in enumerate(parts):
        subject = f"redundancy.{number}"
        of = _select(network, finder, part.of, problems, f"{subject}.of")
        if isinstance(part, Units):
            for _, asset in of.iterrows():
                _add_units(rows, asset, part)
        else:
            _add_standby(rows, network, finder, of, part, problems, subject)
    problems.raise_if_any(ConfigurationError)
    more = {name: getattr(rows, name) for name in ("assets", "needs", "dependencies")}
    changes: dict[str, Any] = {}
    for name, added in more.items():
        if added:
            frame = gpd.GeoDataFrame(added, crs=network.crs) if name == "assets" else pd.DataFrame(added)
            changes[name] = [getattr(network, name), frame]
    return network.replace(**changes)


def _select(
    network: Network, finder: RowFinder, selector: Selector, problems: Problems, subject: str
) -> gpd.GeoDataFrame:
    """Return the assets that fit, by id: the order of the table derives nothing else."""
    before = len(problems)
    chosen = finder.find(selector, problems, subject=subject)
    found = network.assets[chosen if len(problems) == before else np.zeros(len(network.assets), bool)]
    return found.sort_values("id", kind="stable")


def _add_units(rows: _Rows, asset: pd.Series[Any], part: Units) -> None:
    name = str(asset["id"])
    alone = (1.0 - part.common_cause) * part.unavailability
    kind = f"{asset['kind'] or asset['sector']}_unit"
    paths = []
    for path in range(1, part.paths + 1):
        prefix = name if part.paths == 1 else f"{name}-path-{path}"
        units = [rows.asset(f"{prefix}-unit-{unit}", kind, asset, alone) for unit in range(1, part.units + 1)]
        if part.paths == 1:
            rows.need(name, part.service, units, part.required)
            break
        rows.need(rows.asset(prefix, "path", asset, 0.0), part.service, units, part.required)
        paths.append(prefix)
    if paths:
        rows.need(name, part.service, paths)
    if part.common_cause > 0.0:
        shared = rows.asset(f"{name}-common-cause", "common_cause", asset, part.common_cause * part.unavailability)
        rows.need(name, part.service, [shared])


def _add_standby(
    rows: _Rows,
    network: Network,
    finder: RowFinder,
    of: gpd.GeoDataFrame,
    part: Standby,
    problems: Problems,
    subject: str,
) -> None:
    standby = _select(network, finder, part.standby, problems, f"{subject}.standby")
    control = None
    if isinstance(part.control, Mapping):
        control = _select(network, finder, part.control, problems, f"{subject}.control")["id"].astype(str).tolist()
    if of.empty or standby.empty:
        return
    itself = sorted(set(of["id"]) & set(standby["id"]))
    if itself:
        problems.add(f"{subject}.standby", wanted="other assets than `of`", got="the same", first=itself[:3])
        return
    service_of = network.needs.set_index("id")["service"]
    dependent_of = network.needs.set_index("id")["dependent"]
    served = network.dependencies[network.dependencies["need"].map(service_of) == part.service]
    provided = pd.Series(served["need"].to_numpy(), index=served["provider"].to_numpy())
    taken = set(zip(served["need"], served["provider"], strict=True))
    places, others = (representative_points(frame.geometry) for frame in (of, standby))
    idle, doubled = [], []
    for (_, active), place in zip(of.iterrows(), places, strict=True):
        spare = standby.iloc[_nearest(place, others)]
        site, other = str(active["id"]), str(spare["id"])
        needs = [need for need in provided[provided.index == site] if dependent_of[need] != other]
        if not needs:
            idle.append(site)
            continue
        provider = other
        if part.switch is not None:
            doubled += [need for need in needs if (need, other) in taken]
            # Not the other site takes over but its use in this one's place: the other may have people of its own.
            provider = rows.asset(f"{site}-standby", "standby", spare, 0.0)
            failover = rows.asset(
                f"{site}-failover", "failover_control", active if part.control == "active" else spare, 1.0 - part.switch
            )
            rows.need(provider, part.service, [other])
            rows.need(provider, part.service, [failover])
            if part.control == "active":
                rows.need(failover, part.service, [site])
            elif control is not None:
                rows.need(failover, part.service, control)
        rows.dependencies += [{"need": need, "provider": provider} for need in needs if (need, provider) not in taken]
        taken |= {(need, provider) for need in needs}
    if idle:
        problems.add(
            f"{subject}.of", wanted=f"assets that provide {part.service!r}", got="assets that nobody needs for it",
            count=len(idle), total=len(of), first=idle[:3],
        )  # fmt: skip
    if doubled:
        problems.add(
            f"{subject}.standby", wanted="sites that serve in the place of `of` only (mode: active_active if they do "
            "so always)", got="sites that provide the same needs already", count=len(doubled), first=doubled[:3],
        )  # fmt: skip


def _nearest(place: NDArray[np.float64], others: NDArray[np.float64]) -> int:
    return int(np.argmin(((others - place) ** 2).sum(axis=1)))
