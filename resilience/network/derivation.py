"""Applying rules: once, to the base city, leaving plain rows that can be read and edited."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.network.city import Network
from resilience.network.nearest import (
    Pairs,
    RoadGraph,
    build_roads,
    containing_polygons,
    nearest_by_road,
    nearest_points,
)
from resilience.network.rules import (
    AccessRule,
    DependencyRule,
    Rule,
    SupplyRule,
    check_on_missing,
    check_rule,
    check_within,
)
from resilience.network.selectors import RowFinder, Selector
from resilience.network.tables import representative_points


def derive(network: Network, rules: Sequence[Rule]) -> Network:
    """Return a network with the access nodes, supply, needs and dependencies that the rules derive added.

    Parameters
    ----------
    network : Network
        Not changed.
    rules : sequence of rules
        Access rules come first, then supply, then dependencies, whatever their order. Each dependency rule adds a need
        of its own: a dependant that two rules give the same service needs both.

    Returns
    -------
    Network
        New needs are called ``need:<service>:<dependent>`` (``:2`` and so on for further ones). The rows are sorted by
        dependant and do not depend on the order of rows in `network`: providers equally near, to the millimetre, are
        taken in the order of their ids, and nothing provides for itself.

    Raises
    ------
    ConfigurationError
        With every problem of every rule: a choice that fits nothing, dependants without enough providers in reach.

    Examples
    --------
    >>> from resilience.network.rules import DependencyRule
    >>> points = gpd.points_from_xy([0.0, 9.0, 2.0], [0.0, 0.0, 1.0])
    >>> assets = gpd.GeoDataFrame(
    ...     {"id": ["S1", "S2", "H"], "sector": ["power", "power", "medical"]}, geometry=points, crs="EPSG:5179"
    ... )
    >>> rule = DependencyRule(service="power", from_={"sector": "power"}, to={"id": "H"}, buffer_hours=24)
    >>> derived = derive(Network.from_tables(assets=assets), [rule])
    >>> derived.dependencies[["need", "provider"]].to_numpy().tolist()
    [['need:power:H', 'S1']]
    """
    problems = Problems()
    work = _Derivation(network)
    for kind in (AccessRule, SupplyRule, DependencyRule):
        for number, rule in enumerate(rules, start=1):
            if isinstance(rule, kind):
                work.apply(rule, number, problems)
    problems.raise_if_any(ConfigurationError)
    return work.result()


class _Derivation:
    """The tables while rules are applied to them, with places and roads computed once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.assets = network.assets
        self.finder = RowFinder(self.assets)
        self.zones = network.zones
        self.needs = [network.needs]
        self.dependencies = [network.dependencies]
        self.supply = [network.supply]
        self.taken = pd.Index(network.needs["id"])
        self._roads: dict[str, RoadGraph] = {}

    def result(self) -> Network:
        return self.network.replace(
            assets=self.assets,
            zones=self.zones,
            needs=_stack(self.needs),
            dependencies=_stack(self.dependencies),
            supply=_stack(self.supply),
        )

    def apply(self, rule: Rule, number: int, problems: Problems) -> None:
        before = len(problems)
        if isinstance(rule, AccessRule):
            self._apply_access(rule, f"rule {number} (access)", problems, before)
        elif isinstance(rule, SupplyRule):
            self._apply_supply(rule, f"rule {number} (supply of {rule.sector})", problems, before)
        else:
            self._apply_dependency(rule, f"rule {number} ({rule.service})", problems, before)

    def _apply_access(self, rule: AccessRule, subject: str, problems: Problems, before: int) -> None:
        check_on_missing(rule.on_missing, subject, problems)
        check_within(rule.within_m, subject, problems)
        nodes = self.assets[self.finder.find(rule.from_, problems, subject=f"{subject}.from")]
        if len(problems) == before and (nodes["from_asset"] != "").any():
            problems.add(f"{subject}.from", wanted="road nodes", got=f"links among the chosen assets: {rule.from_}")
        is_zone = isinstance(rule.to, str) and rule.to == "zones"
        if isinstance(rule.to, str) and rule.to == "facilities":
            roads = pd.MultiIndex.from_frame(nodes[["sector", "kind"]].drop_duplicates())
            is_road = pd.MultiIndex.from_frame(self.assets[["sector", "kind"]]).isin(roads)
            chosen = (self.assets["from_asset"] == "").to_numpy() & ~is_road
        else:
            chosen = self._choose(rule.to, subject, problems, words=("zones", "facilities"))
        if len(problems) > before:
            return
        table = self.zones if is_zone else self.assets
        rows = np.flatnonzero(chosen & (table["access_asset"] == "").to_numpy())
        nodes = nodes.sort_values("id")
        names = nodes["id"].to_numpy(dtype=object)
        found, node = nearest_points(
            representative_points(table.geometry.iloc[rows]),
            representative_points(nodes.geometry),
            k=1,
            within=_or_infinite(rule.within_m),
        )
        if rule.on_missing == "error" and len(found) < len(rows):
            far = "" if rule.within_m is None else f" within {rule.within_m:g} m"
            lost = np.setdiff1d(
                table["id"].to_numpy(dtype=object)[rows], table["id"].to_numpy(dtype=object)[rows[found]]
            )
            problems.add(
                subject,
                wanted=f"a road node{far} (raise within_m, or on_missing: drop)",
                got="out of reach of every road node",
                count=len(lost),
                total=len(rows),
                first=lost,
            )
            return
        access = table["access_asset"].to_numpy(dtype=object).copy()
        access[rows[found]] = names[node]
        if is_zone:
            self.zones = table.assign(access_asset=access)
        else:
            self.assets = table.assign(access_asset=access)
            self.finder = RowFinder(self.assets)

    def _apply_supply(self, rule: SupplyRule, subject: str, problems: Problems, before: int) -> None:
        chosen = self.finder.find(rule.sources, problems, subject=f"{subject}.sources")
        if len(problems) > before:
            return
        sources = self.assets[chosen].sort_values("id")
        foreign = sources.loc[sources["sector"] != rule.sector, "id"].to_numpy(dtype=object)
        if len(foreign):
            hint = suggestion(rule.sector, set(self.assets["sector"]))
            problems.add(
                f"{subject}.sources",
                wanted=f"assets of sector {rule.sector}",
                got=f"assets of another sector{hint}",
                count=len(foreign),
                total=len(sources),
                first=foreign,
            )
            return
        listed = pd.MultiIndex.from_frame(_stack(self.supply)[["asset", "sector"]])
        new = sources[~pd.MultiIndex.from_frame(sources[["id", "sector"]]).isin(listed)]
        self.supply = [
            table.assign(
                is_source=table["is_source"] | (table["asset"].isin(sources["id"]) & (table["sector"] == rule.sector))
            )
            for table in self.supply
        ]
        rows = {"asset": new["id"], "sector": new["sector"], "is_source": True, "capacity": np.nan, "demand": np.nan}
        self.supply.append(pd.DataFrame(rows))

    def _apply_dependency(self, rule: DependencyRule, subject: str, problems: Problems, before: int) -> None:
        check_rule(rule, subject, problems)
        is_provider = self.finder.find(rule.from_, problems, subject=f"{subject}.from")
        chosen = self._choose(rule.to, subject, problems, words=("zones",))
        if len(problems) > before:
            return
        providers = self.assets[is_provider].sort_values("id")
        is_zone = isinstance(rule.to, str)
        dependents = (self.zones if is_zone else self.assets)[chosen].sort_values("id")
        names = dependents["id"].to_numpy(dtype=object)
        same = np.full(len(names), -1) if is_zone else pd.Index(providers["id"]).get_indexer(pd.Index(names))
        found, provider = self._search(rule, dependents, providers, same.astype(np.int64), subject, problems)
        if len(problems) > before:
            return
        count = np.bincount(found, minlength=len(names))
        enough = count >= rule.required
        if rule.on_missing == "error" and not enough.all():
            shown = [f"{names[i]} has {count[i]}" for i in np.flatnonzero(~enough)[:3]]
            far = "" if rule.within_m is None else f" within {rule.within_m:g} m"
            problems.add(
                subject,
                wanted=f"{rule.required} providers for each dependant{far} (raise the limit, add providers, or "
                "on_missing: drop)",
                got="dependants without enough providers in reach",
                count=int((~enough).sum()),
                total=len(names),
                first=shown,
            )
            return
        needs = self._new_needs(rule, names[enough])
        position = np.cumsum(enough) - 1
        keep = enough[found]
        self.needs.append(needs)
        self.dependencies.append(
            pd.DataFrame(
                {
                    "need": needs["id"].to_numpy(dtype=object)[position[found[keep]]],
                    "provider": providers["id"].to_numpy(dtype=object)[provider[keep]],
                    "limit_minutes": np.nan if rule.limit_minutes is None else float(rule.limit_minutes),
                }
            )
        )

    def _new_needs(self, rule: DependencyRule, names: NDArray[np.object_]) -> pd.DataFrame:
        stem = f"need:{rule.service}:"
        ids = np.array([stem + name for name in names], dtype=object)
        again, taken = 1, np.asarray(pd.Index(ids, dtype=object).isin(self.taken))
        while taken.any():
            again += 1
            ids[taken] = [f"{stem}{name}:{again}" for name in names[taken]]
            taken = np.asarray(pd.Index(ids, dtype=object).isin(self.taken))
        self.taken = self.taken.append(pd.Index(ids, dtype="str"))
        return pd.DataFrame(
            {
                "id": pd.Series(ids, dtype="str"),
                "dependent": pd.Series(names, dtype="str"),
                "service": rule.service,
                "required": rule.required,
                "buffer_hours": float(rule.buffer_hours),
                "start_probability": float(rule.start_probability),
                "recharge_hours": float(rule.recharge_hours),
                "buffer_height": np.nan if rule.buffer_height is None else float(rule.buffer_height),
            }
        )

    def _choose(
        self, to: Selector | str, subject: str, problems: Problems, *, words: tuple[str, ...]
    ) -> NDArray[np.bool_]:
        if not isinstance(to, str):
            return self.finder.find(to, problems, subject=f"{subject}.to")
        if to not in words:
            allowed = " or ".join(repr(word) for word in words)
            problems.add(f"{subject}.to", wanted=f"a selector or {allowed}", got=f"{to!r}{suggestion(to, words)}")
        elif to == "zones" and not len(self.zones):
            problems.add(f"{subject}.to", wanted="at least one zone", got="a city without zones")
        return np.ones(len(self.zones), dtype=bool)

    def _search(
        self,
        rule: DependencyRule,
        dependents: gpd.GeoDataFrame,
        providers: gpd.GeoDataFrame,
        same: NDArray[np.int64],
        subject: str,
        problems: Problems,
    ) -> Pairs:
        within = _or_infinite(rule.within_m)
        places, provider_places = representative_points(dependents.geometry), representative_points(providers.geometry)
        if rule.by == "nearest":
            return nearest_points(places, provider_places, k=rule.nearest, within=within, same=same)
        if rule.by == "polygon":
            return containing_polygons(
                dependents.geometry.to_numpy(),
                providers.geometry.to_numpy(),
                places=places,
                provider_places=provider_places,
                k=rule.nearest,
                within=within,
                same=same,
            )
        before = len(problems)
        roads = self._roads_over(rule.over, subject, problems)
        if len(problems) > before:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        ends = [
            self._enter(roads, frame, where, f"{subject}.{side}", problems)
            for side, frame, where in (("to", dependents, places), ("from", providers, provider_places))
        ]
        if len(problems) > before:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        return nearest_by_road(roads, *ends, k=rule.nearest, within=within, same=same)

    def _roads_over(self, over: Selector, subject: str, problems: Problems) -> RoadGraph:
        key = repr(sorted(over.items(), key=str))
        if key not in self._roads:
            chosen = self.finder.find(over, problems, subject=f"{subject}.over")
            links = self.assets[chosen & (self.assets["from_asset"] != "").to_numpy()]
            if chosen.any() and not len(links):
                problems.add(f"{subject}.over", wanted="links to go by", got=f"{dict(over)} fits no link")
            metres = links["length"].to_numpy(dtype=np.float64)
            metres = np.where(np.isnan(metres), shapely.length(links.geometry.to_numpy()), metres)
            self._roads[key] = build_roads(
                links["from_asset"].to_numpy(dtype=object),
                links["to_asset"].to_numpy(dtype=object),
                metres,
                links["oneway"].to_numpy(dtype=bool),
            )
        return self._roads[key]

    def _enter(
        self, roads: RoadGraph, frame: pd.DataFrame, places: NDArray[np.float64], subject: str, problems: Problems
    ) -> NDArray[np.int64]:
        """Return the road node of each row: itself, its `access_asset`, or the nearest."""
        access = frame["access_asset"].to_numpy(dtype=object)
        node = roads.nodes.get_indexer(pd.Index(frame["id"])).astype(np.int64)
        node = np.where(node >= 0, node, roads.nodes.get_indexer(pd.Index(access)))
        astray = (node < 0) & (access != "")
        if astray.any():
            problems.add(
                subject,
                wanted="an access_asset that is an end of a chosen road",
                got="assets whose access_asset is not on the roads",
                count=int(astray.sum()),
                total=len(frame),
                first=frame["id"].to_numpy(dtype=object)[astray][:3],
            )
        bare = np.flatnonzero((node < 0) & (access == ""))
        if len(bare):
            position = pd.Index(self.assets["id"]).get_indexer(roads.nodes)
            _, near = nearest_points(places[bare], representative_points(self.assets.geometry.iloc[position]), k=1)
            node[bare] = near
        return node


def _or_infinite(within: float | None) -> float:
    return np.inf if within is None else float(within)


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]
