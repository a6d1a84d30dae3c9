"""Which buffers are refilled by road, and from where: a need names the kind of depot that fuel comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import DataError, Problems, suggestion

Indices = NDArray[np.int32]
Integers = NDArray[np.int64]


class Roads(Protocol):
    """Nodes and links of one sector, as of :class:`resilience.network.compile.SectorGraph`."""

    @property
    def node(self) -> Indices:
        """Assets that are nodes."""

    @property
    def link(self) -> Indices:
        """Assets that are links."""


@dataclass(frozen=True)
class Refuelling:
    """Buffers that depots of one kind refill over the links of one sector.

    Parameters
    ----------
    sector : str
        Whose links are travelled.
    need : (n,) int32
        Needs whose buffers are refilled.
    place : (n,) int64
        Node at which each dependent is reached, as a position in the sector's nodes.
    depot : (n_depot,) int32
        Assets.
    depot_place : (n_depot,) int64
    """

    sector: str
    need: Indices
    place: Integers
    depot: Indices
    depot_place: Integers


def find_refuelling(
    needs: pd.DataFrame, owner: Integers, assets: pd.DataFrame, access: Integers, roads: Mapping[str, Roads]
) -> tuple[Refuelling, ...]:
    """Return what is refilled from where.

    Parameters
    ----------
    needs : DataFrame
        In the order in which they are compiled.
    owner : (n_need,) int64
        Asset of each, or the number of assets plus its zone.
    assets : DataFrame
    access : (n_asset + n_zone,) int64
        Road node by which each is reached, -1 for none; an asset that is a road node is its own.
    roads : dict of str to SectorGraph

    Raises
    ------
    DataError
        A kind that no asset has, needs without a buffer, depots and dependents that no road reaches.
    """
    source = needs["refuel_from"].astype(str).to_numpy(dtype=object)
    wanted = np.flatnonzero(source != "")
    if not wanted.size:
        return ()
    problems = Problems()
    ids, kind = (assets[name].astype(str).to_numpy(dtype=object) for name in ("id", "kind"))
    sectors = [name for name, graph in roads.items() if graph.link.size]
    of_sector, place = np.full(access.size + 1, -1), np.full(access.size + 1, -1)
    for number, name in enumerate(sectors):
        of_sector[roads[name].node], place[roads[name].node] = number, np.arange(roads[name].node.size)
    entrance = np.where(of_sector[access] >= 0, access, np.arange(access.size))
    of_sector, place = of_sector[entrance], place[entrance]
    dependent, names = needs["dependent"].to_numpy(dtype=object), needs["id"].to_numpy(dtype=object)

    bare = wanted[needs["buffer_hours"].to_numpy(dtype=np.float64)[wanted] == 0]
    if bare.size:
        problems.add(
            "needs.refuel_from", wanted="buffer_hours above 0: there is a tank to refill", got="needs without a buffer",
            count=bare.size, total=wanted.size, first=names[bare[:3]],
        )  # fmt: skip
    found = []
    for name in sorted(set(source[wanted])):
        depot = np.flatnonzero(kind == name)
        if not depot.size:
            hint = suggestion(name, sorted(set(kind) - {""}))
            problems.add("needs.refuel_from", wanted="a kind that assets have", got=f"{name!r}{hint}")
            continue
        chosen = wanted[source[wanted] == name]
        reach = of_sector[depot]
        cut = chosen[(of_sector[owner[chosen]] < 0) | ~np.isin(of_sector[owner[chosen]], reach)]
        if cut.size and (reach >= 0).any():
            problems.add(
                "needs.refuel_from", wanted=f"road access (access_asset) on links on which a {name} has it too",
                got="dependents without it", count=cut.size, total=chosen.size, first=dependent[cut[:3]],
            )  # fmt: skip
        if (reach < 0).any():
            problems.add(
                "needs.refuel_from", wanted=f"road access (access_asset) of every {name}", got="assets without it",
                count=int((reach < 0).sum()), total=depot.size, first=ids[depot[reach < 0][:3]],
            )  # fmt: skip
        for number, sector in enumerate(sectors):
            need = chosen[of_sector[owner[chosen]] == number]
            if need.size:
                able = depot[reach == number]
                found.append(
                    Refuelling(
                        sector, need.astype(np.int32), place[owner[need]], able.astype(np.int32), place[able]
                    )
                )  # fmt: skip
    problems.raise_if_any(DataError)
    return tuple(found)
