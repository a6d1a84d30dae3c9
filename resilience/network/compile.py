"""The network's tables as plain arrays: what the kernels and the Monte Carlo blocks see.

Compiled once per city. Indices are int32 into the asset table; -1 means none. Persons are counted in thousandths, as
whole numbers, so that sums are exact in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import DataError, Problem, Problems
from resilience.network.city import Network
from resilience.network.refuel import Refuelling, find_refuelling

PERSON = 1000
"""Whole-number units per person (or per unit of whatever the zones count)."""


def identity(names: Sequence[str]) -> NDArray[np.uint64]:
    """Return the 64-bit hash of each name (blake2b), by which its random numbers are found.

    Raises
    ------
    DataError
        Two different names have the same hash.

    Examples
    --------
    >>> identity(["substation-01", "substation-01"]).tolist() == [int(identity(["substation-01"])[0])] * 2
    True
    """
    unique, inverse = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    hashes = np.array(
        [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") for name in unique],
        dtype=np.uint64,
    )
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    if same.size:
        pair = [str(unique[order[same[0]]]), str(unique[order[same[0] + 1]])]
        raise DataError(Problem("ids", wanted="ids with different hashes: rename one", got="same hash", first=pair))
    return hashes[inverse] if hashes.size else np.empty(0, np.uint64)


@dataclass(frozen=True)
class SectorGraph:
    """Nodes and links of one sector.

    Parameters
    ----------
    sector : str
    node : (n_node,) int32
        Assets that are nodes.
    link : (n_link,) int32
        Assets that are links.
    tail, head : (n_link,) int64
        Ends of the links, as positions in `node`.
    oneway : (n_link,) bool
        Passable from tail to head only.
    source : (n_source,) int32
        Assets (nodes) that are sources.
    """

    sector: str
    node: NDArray[np.int32]
    link: NDArray[np.int32]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    oneway: NDArray[np.bool_]
    source: NDArray[np.int32]


@dataclass(frozen=True)
class CompiledNetwork:
    """A city as plain arrays.

    Parameters
    ----------
    asset_id, zone_id : tuple of str
    sector : (n_asset,) int16
        Index into `sectors`.
    sectors, services : tuple of str
        Services in the order in which causes are told.
    asset_identity : (n_asset,) uint64
        Hash of the failure group, or of the id: assets of one group share their random numbers.
    need_indptr : (n_asset + 1,) int64
        Needs of each asset; the needs of zones follow after the last.
    need_service : (n_need,) int16
        Index into `services`.
    required : (n_need,) int32
    provider_indptr : (n_need + 1,) int64
    provider : (n_dependency,) int32
    buffer_hours, start_probability, recharge_hours, buffer_height : (n_need,) float64
    need_identity : (n_need,) uint64
    refuelling : tuple of Refuelling
        Buffers that are refilled by road.
    dependent_indptr : (n_asset + 1,) int64
    dependent : int32
        Assets that need each asset.
    order : int32
        Assets with needs, providers first where there is no loop.
    zone_need : (n_zone_need,) int32
        Needs of zones.
    zone_of_need : (n_zone_need,) int32
        The zone of each.
    persons : (n_zone,) int64
        In units of 1 / :data:`PERSON`.
    asset_access, zone_access : int32
        The road node by which an asset or zone is reached.
    graphs : dict of str to SectorGraph
        Sectors that have links or sources.
    inbound_indptr : (n_asset + 1,) int64
    inbound : int32
        Neighbours from which supply can come: of a node the links that lead to it, of a link its ends.
    outbound_indptr, outbound
        The same the other way: neighbours to which supply can go.
    """

    asset_id: tuple[str, ...]
    zone_id: tuple[str, ...]
    sector: NDArray[np.int16]
    sectors: tuple[str, ...]
    services: tuple[str, ...]
    asset_identity: NDArray[np.uint64]
    need_indptr: NDArray[np.int64]
    need_service: NDArray[np.int16]
    required: NDArray[np.int32]
    provider_indptr: NDArray[np.int64]
    provider: NDArray[np.int32]
    buffer_hours: NDArray[np.float64]
    start_probability: NDArray[np.float64]
    recharge_hours: NDArray[np.float64]
    buffer_height: NDArray[np.float64]
    need_identity: NDArray[np.uint64]
    dependent_indptr: NDArray[np.int64]
    dependent: NDArray[np.int32]
    order: NDArray[np.int32]
    zone_need: NDArray[np.int32]
    zone_of_need: NDArray[np.int32]
    persons: NDArray[np.int64]
    asset_access: NDArray[np.int32]
    zone_access: NDArray[np.int32]
    graphs: dict[str, SectorGraph]
    inbound_indptr: NDArray[np.int64]
    inbound: NDArray[np.int32]
    outbound_indptr: NDArray[np.int64]
    outbound: NDArray[np.int32]
    refuelling: tuple[Refuelling, ...] = ()

    @property
    def n_asset(self) -> int:
        """Number of assets."""
        return len(self.asset_id)

    @property
    def n_zone(self) -> int:
        """Number of zones."""
        return len(self.zone_id)


def _positions(ids: pd.Series, index: pd.Index) -> NDArray[np.int64]:
    """Position of each id in `index`; -1 for the empty id."""
    return np.asarray(index.get_indexer(pd.Index(ids.astype(str))), dtype=np.int64)


def _grouped(key: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return CSR row starts for keys 0..n-1 and the stable order that sorts by key."""
    order = np.argsort(key, kind="stable")
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(key, minlength=n), out=indptr[1:])
    return indptr, order


def _graphs(network: Network, index: pd.Index, sectors: tuple[str, ...]) -> dict[str, SectorGraph]:
    assets = network.assets
    tail = _positions(assets["from_asset"], index)
    head = _positions(assets["to_asset"], index)
    sector = assets["sector"].astype(str).to_numpy()
    oneway = assets["oneway"].to_numpy(dtype=bool)
    is_link = tail >= 0
    supply = network.supply
    graphs: dict[str, SectorGraph] = {}
    for name in sectors:
        inside = sector == name
        link = np.flatnonzero(inside & is_link)
        node = np.flatnonzero(inside & ~is_link)
        rows = supply[(supply["sector"].astype(str) == name) & supply["is_source"].to_numpy(dtype=bool)]
        source = _positions(rows["asset"], index)
        if link.size == 0 and source.size == 0:
            continue
        place = np.full(len(assets), -1, np.int64)
        place[node] = np.arange(node.size)
        graphs[name] = SectorGraph(
            sector=name,
            node=node.astype(np.int32),
            link=link.astype(np.int32),
            tail=place[tail[link]],
            head=place[head[link]],
            oneway=oneway[link],
            source=np.unique(source).astype(np.int32),
        )
    return graphs


def sector_graphs(network: Network) -> dict[str, SectorGraph]:
    """Return the graphs of all sectors of a checked network that have links or sources."""
    sectors = tuple(sorted(set(network.assets["sector"].astype(str))))
    return _graphs(network, pd.Index(network.assets["id"].astype(str)), sectors)


Rows = tuple[NDArray[np.int64], NDArray[np.int32]]


def _neighbours(graphs: dict[str, SectorGraph], n_asset: int) -> tuple[Rows, Rows]:
    """Return, per asset, the neighbours from which supply can come and those to which it can go."""
    to: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    origin: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    for graph in graphs.values():
        tail, head = graph.node[graph.tail], graph.node[graph.head]
        two_way = ~graph.oneway
        to += [graph.link, head, graph.link[two_way], tail[two_way]]
        origin += [tail, graph.link, head[two_way], graph.link[two_way]]
    ends, starts = np.concatenate(to), np.concatenate(origin)
    inbound_indptr, order = _grouped(ends.astype(np.int64), n_asset)
    outbound_indptr, back = _grouped(starts.astype(np.int64), n_asset)
    return (inbound_indptr, starts[order]), (outbound_indptr, ends[back])


def compile_network(network: Network, *, services: Sequence[str] = ()) -> CompiledNetwork:
    """Return the network as plain arrays.

    Parameters
    ----------
    network : Network
        A checked network.
    services : sequence of str, optional
        Order of the services; others that needs name follow in order of appearance.

    Returns
    -------
    CompiledNetwork

    Raises
    ------
    DataError
        Ids whose hashes collide; a source that is a link; a road limit on a dependency, which needs travel times;
        zones of more than one period; buffers that are refilled by road where none leads.
    """
    assets, zones, needs, dependencies = network.assets, network.zones, network.needs, network.dependencies
    problems = Problems()
    limited = dependencies["limit_minutes"].notna()
    if limited.any():
        problems.add(
            "dependencies.limit_minutes",
            wanted="empty: travel times between assets are not computed by this version",
            got="rows with a limit",
            count=int(limited.sum()),
            total=len(dependencies),
            first=dependencies["need"][limited].head(4).tolist(),
        )
    links = assets["id"][assets["from_asset"] != ""]
    sources = network.supply["asset"][network.supply["is_source"].to_numpy(dtype=bool)]
    of_link = sources[sources.isin(links)]
    if len(of_link):
        problems.add(
            "supply.asset",
            wanted="nodes as sources (mark a link's end instead)",
            got="sources that are links",
            count=len(of_link),
            total=len(sources),
            first=of_link.head(4).tolist(),
        )
    periods = sorted(set(zones["period"].astype(str)))
    if len(periods) > 1:
        problems.add(
            "zones.period",
            wanted="one period for all zones (choose it with `where`): people of several would be added up",
            got="periods",
            count=len(periods),
            first=periods,
        )
    problems.raise_if_any(DataError)
    ids = assets["id"].astype(str)
    asset_index, zone_index = pd.Index(ids), pd.Index(zones["id"].astype(str))
    sectors = tuple(sorted(set(assets["sector"].astype(str))))
    known = list(dict.fromkeys([*services, *needs["service"].astype(str)]))

    # Needs of assets first, grouped by asset; needs of zones after them, grouped by zone.
    of_asset = _positions(needs["dependent"], asset_index)
    of_zone = _positions(needs["dependent"], zone_index)
    n_asset, n_zone = len(assets), len(zones)
    owner = np.where(of_asset >= 0, of_asset, n_asset + of_zone)
    service_rank = np.array([known.index(name) for name in needs["service"].astype(str)], dtype=np.int64)
    # Within an owner in order of services: the order in which causes are told.
    by_owner = np.lexsort((service_rank, owner))
    indptr = np.zeros(n_asset + n_zone + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=n_asset + n_zone), out=indptr[1:])
    sorted_needs = needs.iloc[by_owner]
    need_index = pd.Index(sorted_needs["id"].astype(str))
    provider_indptr, by_need = _grouped(_positions(dependencies["need"], need_index), len(needs))
    provider = _positions(dependencies["provider"], asset_index)[by_need]
    need_of_provider = np.repeat(np.arange(len(needs)), np.diff(provider_indptr))
    n_asset_need = int(indptr[n_asset])
    by_asset = need_of_provider < n_asset_need
    owner_sorted = owner[by_owner]
    pairs = np.unique(
        np.stack([provider[by_asset], owner_sorted[need_of_provider[by_asset]]], axis=1).reshape(-1, 2), axis=0
    )
    dependent_indptr, _ = _grouped(pairs[:, 0], n_asset)

    from resilience.kernels.dependency import order_dependents

    need_indptr = np.ascontiguousarray(indptr[: n_asset + 1])
    order = np.empty(int(np.count_nonzero(np.diff(need_indptr))), np.int32)
    order_dependents(need_indptr, provider_indptr, provider.astype(np.int32), order)

    group = assets["failure_group"].astype(str)
    # A group's hash must not meet an id's: the prefix keeps the two name spaces apart.
    graphs = _graphs(network, asset_index, sectors)
    (inbound_indptr, inbound), (outbound_indptr, outbound) = _neighbours(graphs, n_asset)
    asset_access, zone_access = (_positions(table["access_asset"], asset_index) for table in (assets, zones))
    names = np.where(group != "", "failure_group:" + group, ids)
    return CompiledNetwork(
        asset_id=tuple(ids),
        zone_id=tuple(zones["id"].astype(str)),
        sector=np.array([sectors.index(name) for name in assets["sector"].astype(str)], dtype=np.int16),
        sectors=sectors,
        services=tuple(known),
        asset_identity=identity(list(names)),
        need_indptr=need_indptr,
        need_service=service_rank[by_owner].astype(np.int16),
        required=sorted_needs["required"].to_numpy(dtype=np.int32),
        provider_indptr=provider_indptr,
        provider=provider.astype(np.int32),
        buffer_hours=sorted_needs["buffer_hours"].to_numpy(dtype=np.float64),
        start_probability=sorted_needs["start_probability"].to_numpy(dtype=np.float64),
        recharge_hours=sorted_needs["recharge_hours"].to_numpy(dtype=np.float64),
        buffer_height=sorted_needs["buffer_height"].to_numpy(dtype=np.float64),
        need_identity=identity(sorted_needs["id"].astype(str).tolist()),
        dependent_indptr=dependent_indptr,
        dependent=pairs[:, 1].astype(np.int32),
        order=order,
        zone_need=np.arange(n_asset_need, len(needs), dtype=np.int32),
        zone_of_need=(owner_sorted[n_asset_need:] - n_asset).astype(np.int32),
        persons=np.rint(zones["persons"].to_numpy(dtype=np.float64) * PERSON).astype(np.int64),
        asset_access=asset_access.astype(np.int32),
        zone_access=zone_access.astype(np.int32),
        graphs=graphs,
        inbound_indptr=inbound_indptr,
        inbound=inbound,
        outbound_indptr=outbound_indptr,
        outbound=outbound,
        refuelling=find_refuelling(
            sorted_needs, owner_sorted, assets, np.concatenate([asset_access, zone_access]), graphs
        ),
    )  # fmt: skip
