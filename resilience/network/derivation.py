"""Applying rules: once, to the base city, leaving plain rows that can be read and edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from resilience.network.shapes import representative_points


def derive(network: Network, rules: Sequence[Rule]) -> Network:
    """Return a network with the access nodes, supply, needs and dependencies that the rules derive added.

    Parameters
    ----------
    network : Network
        Not changed.
    rules : sequence of rules
        Access rules come first, then supply, then dependencies, whatever their order. Each dependency rule adds a need
        of its own: a dependent that two rules give the same service needs both.

    Returns
    -------
    Network
        New needs are called ``need:<service>:<dependent>`` (``:2`` and so on for further ones). The rows are sorted by
        dependent and do not depend on the order of rows in `network`: providers equally near, to the millimetre, are
        taken in the order of their ids, and nothing provides for itself.

    Raises
    ------
    ConfigurationError
        With every problem of every rule: a choice that fits nothing, dependents without enough providers in reach.

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


class _Layer:
    """The assets or the zones as plain arrays, for a rule looks at few rows and columns of many.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
    """

    def __init__(self, frame: gpd.GeoDataFrame) -> None:
        self.ids = frame["id"].to_numpy(dtype=object)
        self.geometry = np.asarray(frame.geometry, dtype=object)
        self.access = frame["access_asset"].to_numpy(dtype=object).copy()
        self._by_id = np.argsort(self.ids, kind="stable")
        self._places = np.full((len(frame), 2), np.nan)
        self._placed = np.zeros(len(frame), dtype=bool)

    def sorted_rows(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the chosen rows in the order of their ids."""
        return self._by_id[chosen[self._by_id]]

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the places of these rows, each found once."""
        new = rows[~self._placed[rows]]
        if new.size:
            self._places[new] = representative_points(self.geometry[new])
            self._placed[new] = True
        return self._places[rows]


class _Derivation:
    """The tables while rules are applied to them, with places and roads computed once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.assets, self.zones = network.assets, network.zones
        self.finder = RowFinder(self.assets)
        self.asset_layer, self.zone_layer = _Layer(network.assets), _Layer(network.zones)
        self.needs: list[dict[str, Any]] = []
        self.dependencies: list[dict[str, Any]] = []
        self.sources: dict[tuple[str, str], None] = {}
        self.taken = set(network.needs["id"])
        self._roads: dict[str, RoadGraph] = {}

    def result(self) -> Network:
        return self.network.replace(
            assets=self.assets,
            zones=self.zones,
            needs=_with_rows(self.network.needs, self.needs),
            dependencies=_with_rows(self.network.dependencies, self.dependencies),
            supply=self._supplied(),
        )

    def _supplied(self) -> pd.DataFrame:
        """Return the supply table with the derived sources: rows that are there become sources, others are added."""
        table = self.network.supply
        present = list(zip(table["asset"], table["sector"], strict=True))
        is_source = table["is_source"] | np.array([pair in self.sources for pair in present], dtype=bool)
        new = [pair for pair in self.sources if pair not in set(present)]
        rows = {
            "asset": np.array([asset for asset, _ in new], dtype=object),
            "sector": np.array([sector for _, sector in new], dtype=object),
            "is_source": np.ones(len(new), dtype=bool),
            "capacity": np.full(len(new), np.nan),
            "demand": np.full(len(new), np.nan),
        }
        return _with_rows(table.assign(is_source=is_source), [rows])

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
        is_node = self.finder.find(rule.from_, problems, subject=f"{subject}.from")
        if len(problems) == before and (self.assets["from_asset"].to_numpy(dtype=object)[is_node] != "").any():
            problems.add(f"{subject}.from", wanted="road nodes", got=f"links among the chosen assets: {rule.from_}")
        is_zone = isinstance(rule.to, str) and rule.to == "zones"
        if isinstance(rule.to, str) and rule.to == "facilities":
            roads = pd.MultiIndex.from_frame(self.assets.loc[is_node, ["sector", "kind"]].drop_duplicates())
            is_road = pd.MultiIndex.from_frame(self.assets[["sector", "kind"]]).isin(roads)
            chosen = (self.assets["from_asset"] == "").to_numpy() & ~is_road
        else:
            chosen = self._choose(rule.to, subject, problems, words=("zones", "facilities"))
        if len(problems) > before:
            return
        layer = self.zone_layer if is_zone else self.asset_layer
        rows = np.flatnonzero(chosen & (layer.access == ""))
        nodes = self.asset_layer.sorted_rows(is_node)
        found, node = nearest_points(
            layer.places(rows), self.asset_layer.places(nodes), k=1, within=_or_infinite(rule.within_m)
        )
        if rule.on_missing == "error" and len(found) < len(rows):
            far = "" if rule.within_m is None else f" within {rule.within_m:g} m"
            lost = np.setdiff1d(layer.ids[rows], layer.ids[rows[found]])
            problems.add(
                subject,
                wanted=f"a road node{far} (raise within_m, or on_missing: drop)",
                got="out of reach of every road node",
                count=len(lost),
                total=len(rows),
                first=lost,
            )
            return
        layer.access[rows[found]] = self.asset_layer.ids[nodes[node]]
        # Later rules may choose by it.
        if is_zone:
            self.zones = self.zones.assign(access_asset=layer.access)
        else:
            self.assets = self.assets.assign(access_asset=layer.access)
            self.finder = RowFinder(self.assets)

    def _apply_supply(self, rule: SupplyRule, subject: str, problems: Problems, before: int) -> None:
        chosen = self.finder.find(rule.sources, problems, subject=f"{subject}.sources")
        if len(problems) > before:
            return
        sources = self.asset_layer.sorted_rows(chosen)
        names = self.asset_layer.ids[sources]
        foreign = names[self.assets["sector"].to_numpy(dtype=object)[sources] != rule.sector]
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
        self.sources.update(dict.fromkeys((name, rule.sector) for name in names))

    def _apply_dependency(self, rule: DependencyRule, subject: str, problems: Problems, before: int) -> None:
        check_rule(rule, subject, problems)
        is_provider = self.finder.find(rule.from_, problems, subject=f"{subject}.from")
        chosen = self._choose(rule.to, subject, problems, words=("zones",))
        if len(problems) > before:
            return
        layer = self.zone_layer if isinstance(rule.to, str) else self.asset_layer
        dependents, providers = layer.sorted_rows(chosen), self.asset_layer.sorted_rows(is_provider)
        names = layer.ids[dependents]
        same = np.full(len(names), -1, dtype=np.int64)
        if layer is self.asset_layer:
            rank = np.full(len(self.assets), -1, dtype=np.int64)
            rank[providers] = np.arange(len(providers))
            same = rank[dependents]
        found, provider = self._search(rule, layer, dependents, providers, same, subject, problems)
        if len(problems) > before:
            return
        count = np.bincount(found, minlength=len(names))
        enough = count >= rule.required
        if rule.on_missing == "error" and not enough.all():
            shown = [f"{names[i]} has {count[i]}" for i in np.flatnonzero(~enough)[:3]]
            far = "" if rule.within_m is None else f" within {rule.within_m:g} m"
            problems.add(
                subject,
                wanted=f"{rule.required} providers for each dependent{far} (raise the limit, add providers, or "
                "on_missing: drop)",
                got="dependents without enough providers in reach",
                count=int((~enough).sum()),
                total=len(names),
                first=shown,
            )
            return
        needs = self._name_needs(rule.service, names[enough])
        position = np.cumsum(enough) - 1
        keep = enough[found]
        every = {
            "service": rule.service,
            "required": rule.required,
            "buffer_hours": float(rule.buffer_hours),
            "start_probability": float(rule.start_probability),
            "recharge_hours": float(rule.recharge_hours),
            "buffer_height": np.nan if rule.buffer_height is None else float(rule.buffer_height),
            "refuel_from": rule.refuel_from,
        }
        self.needs.append({"id": needs, "dependent": names[enough], **_repeated(every, len(needs))})
        limit = np.nan if rule.limit_minutes is None else float(rule.limit_minutes)
        pairs = {
            "need": needs[position[found[keep]]],
            "provider": self.asset_layer.ids[providers[provider[keep]]],
        }
        self.dependencies.append({**pairs, **_repeated({"limit_minutes": limit}, int(keep.sum()))})

    def _name_needs(self, service: str, names: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return names for the needs of these dependents that no need has yet."""
        stem = f"need:{service}:"
        ids = []
        for name in names:
            free, again = f"{stem}{name}", 1
            while free in self.taken:
                again += 1
                free = f"{stem}{name}:{again}"
            ids.append(free)
        self.taken.update(ids)
        return np.array(ids, dtype=object)

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
        layer: _Layer,
        dependents: NDArray[np.int64],
        providers: NDArray[np.int64],
        same: NDArray[np.int64],
        subject: str,
        problems: Problems,
    ) -> Pairs:
        within = _or_infinite(rule.within_m)
        places, provider_places = layer.places(dependents), self.asset_layer.places(providers)
        if rule.by == "nearest":
            return nearest_points(places, provider_places, k=rule.nearest, within=within, same=same)
        if rule.by == "polygon":
            return containing_polygons(
                layer.geometry[dependents],
                self.asset_layer.geometry[providers],
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
            self._enter(roads, part, rows, f"{subject}.{side}", problems)
            for side, part, rows in (("to", layer, dependents), ("from", self.asset_layer, providers))
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
        self, roads: RoadGraph, layer: _Layer, rows: NDArray[np.int64], subject: str, problems: Problems
    ) -> NDArray[np.int64]:
        """Return the road node of each row: itself, its `access_asset`, or the nearest."""
        access, names = layer.access[rows], layer.ids[rows]
        node = roads.nodes.get_indexer(pd.Index(names)).astype(np.int64)
        node = np.where(node >= 0, node, roads.nodes.get_indexer(pd.Index(access)))
        astray = (node < 0) & (access != "")
        if astray.any():
            problems.add(
                subject,
                wanted="an access_asset that is an end of a chosen road",
                got="assets whose access_asset is not on the roads",
                count=int(astray.sum()),
                total=len(rows),
                first=names[astray][:3],
            )
        bare = np.flatnonzero((node < 0) & (access == ""))
        if len(bare):
            ends = pd.Index(self.asset_layer.ids).get_indexer(roads.nodes)
            _, near = nearest_points(layer.places(rows[bare]), self.asset_layer.places(ends), k=1)
            node[bare] = near
        return node


def _or_infinite(within: float | None) -> float:
    return np.inf if within is None else float(within)


def _repeated(values: dict[str, Any], n: int) -> dict[str, NDArray[Any]]:
    """Return columns in which every row has the same."""
    return {name: np.full(n, value, dtype=object if isinstance(value, str) else None) for name, value in values.items()}


def _with_rows(table: pd.DataFrame, parts: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a table with the rows of all parts below its own."""
    parts = [part for part in parts if len(next(iter(part.values())))]
    if not parts:
        return table
    new = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return pd.concat([table, new], ignore_index=True) if len(table) else new
