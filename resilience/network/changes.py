"""What an option changes in the tables of a city: heights, barriers, curves, providers, buffers.

Each function returns a changed network, or notes what is wrong in `problems` and returns the network as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.errors import Problems, suggestion
from resilience.network.city import Network
from resilience.network.nearest import DECIMALS
from resilience.network.redundancy import SECTOR as DERIVED
from resilience.network.selectors import RowFinder, Selector
from resilience.network.shapes import representative_points

Flags = NDArray[np.bool_]

ZONES: Final = "zones"


def raise_components(network: Network, of: Selector, *, by: float, problems: Problems, subject: str) -> Network:
    """Return the network with the component height of some assets raised by `by` metres.

    Parameters
    ----------
    network : Network
    of : Selector
    by : float, m
    problems : Problems
        Receives selectors that fit no asset, and assets that water does nothing to at any height.
    subject : str
        What asks for it, for messages.

    Examples
    --------
    >>> import geopandas as gpd
    >>> points = gpd.points_from_xy([0.0], [0.0])
    >>> pump = {"id": ["P"], "sector": ["water"], "flood_fragility_curve": ["f"]}
    >>> network = Network.from_tables(assets=gpd.GeoDataFrame(pump, geometry=points, crs=5179))
    >>> raised = raise_components(network, {"id": "P"}, by=0.5, problems=Problems(), subject="raise")
    >>> raised.assets["component_height"].tolist()
    [0.5]
    """
    chosen = _choose(network, of, problems, subject)
    assets = network.assets
    told = (assets["flood_fragility_curve"] != "") | (assets["flood_damage_curve"] != "")
    if not _can_change(chosen, told.to_numpy(), problems, subject, "assets with a flood curve: water changes nothing"):
        return network
    height = assets["component_height"].to_numpy(dtype=np.float64) + np.where(chosen, by, 0.0)
    return replace(network, assets=assets.assign(component_height=height))


def add_flood_boards(
    network: Network, of: Selector, *, height: float, seal_failure: float | None, problems: Problems, subject: str
) -> Network:
    """Return the network with a barrier at some assets that keeps water out up to `height` metres.

    Parameters
    ----------
    network : Network
    of : Selector
    height : float, m above ground
        A barrier that is as high already stays as it is.
    seal_failure : float, optional
        Probability that the seal fails; by default that of the asset.
    problems : Problems
        Receives selectors that fit no asset, assets that no board changes, and equipment below ground without a barrier
        of its own: behind one it would be lost whole once the board is overtopped, not by its curve as without.
    subject : str

    Examples
    --------
    >>> import geopandas as gpd
    >>> points = gpd.points_from_xy([0.0], [0.0])
    >>> pump = {"id": ["P"], "sector": ["water"], "flood_fragility_curve": ["f"]}
    >>> network = Network.from_tables(assets=gpd.GeoDataFrame(pump, geometry=points, crs=5179))
    >>> behind = add_flood_boards(network, {"id": "P"}, height=0.6, seal_failure=0.2, problems=Problems(), subject="x")
    >>> behind.assets[["barrier_height", "seal_failure"]].to_numpy().tolist()
    [[0.6, 0.2]]
    """
    chosen = _choose(network, of, problems, subject)
    assets = network.assets
    barrier, below = assets["barrier_height"].to_numpy(dtype=np.float64), (assets["component_height"] < 0).to_numpy()
    open_basement = chosen & below & np.isnan(barrier)
    if open_basement.any():
        problems.add(
            subject, wanted="equipment above ground, or with a barrier_height in the table of assets (0: a basement "
            "that any water enters)", got="assets with component_height below 0 and no barrier_height",
            count=int(open_basement.sum()), total=int(chosen.sum()), first=assets["id"].to_numpy()[open_basement][:3],
        )  # fmt: skip
        return network
    stops = (assets["flood_fragility_curve"] != "").to_numpy() | (below & ~np.isnan(barrier))
    lower = ~(barrier >= height)
    wanted = "assets that water stops, without a barrier that is as high"
    if not _can_change(chosen, stops & lower, problems, subject, wanted):
        return network
    gets = chosen & lower
    changed = {"barrier_height": np.where(gets, height, barrier)}
    if seal_failure is not None:
        changed["seal_failure"] = np.where(gets, seal_failure, assets["seal_failure"].to_numpy(dtype=np.float64))
    return replace(network, assets=assets.assign(**changed))


def change_curves(
    network: Network, of: Selector, *, curves: Mapping[str, str], problems: Problems, subject: str
) -> Network:
    """Return the network with other curves at some assets.

    Parameters
    ----------
    network : Network
    of : Selector
    curves : mapping of str to str
        Name of a curve by what it is: `flood_fragility`, `flood_damage`, `heat_fragility`, `heat_damage`.
    problems : Problems
        Receives selectors that fit no asset.
    subject : str
    """
    chosen = _choose(network, of, problems, subject)
    columns = {
        f"{role}_curve": network.assets[f"{role}_curve"].mask(chosen, curve) for role, curve in curves.items()
    }  # fmt: skip
    return replace(network, assets=network.assets.assign(**columns))


def change_buffers(
    network: Network,
    of: Selector | str,
    *,
    service: str,
    changed: Mapping[str, float],
    problems: Problems,
    subject: str,
) -> Network:
    """Return the network with other buffers for the needs that some assets, or all zones, have of a service.

    Parameters
    ----------
    network : Network
    of : Selector or "zones"
    service : str
    changed : mapping of str to float
        New values by column of the needs: `buffer_hours`, `start_probability`, `recharge_hours`, `buffer_height`.
    problems : Problems
        Receives selectors that fit no asset, and dependents without such a need.
    subject : str
    """
    rows = _find_needs(network, of, service, problems, subject)
    if not rows.any():
        return network
    needs = network.needs
    return replace(network, needs=needs.assign(**{name: needs[name].mask(rows, one) for name, one in changed.items()}))


def add_providers(
    network: Network, of: Selector | str, *, service: str, provider: Selector | None, problems: Problems, subject: str
) -> Network:
    """Return the network with one more provider for every need that some assets, or all zones, have of a service.

    Parameters
    ----------
    network : Network
    of : Selector or "zones"
    service : str
    provider : Selector, optional
        Assets of which the nearest in a straight line is taken that does not provide for the need; by default those of
        the sector and kind of its first provider by id. Ties go to the first by id, and nothing provides for itself.
    problems : Problems
        Receives selectors that fit no asset, dependents without such a need, and needs without a further provider.
    subject : str

    Notes
    -----
    How many providers a need requires stays: a need of one is then met by one of two. A limit of minutes by road that
    the need's first provider has holds for the new one too.
    """
    rows = _find_needs(network, of, service, problems, subject)
    if not rows.any():
        return network
    assets = network.assets.sort_values("id", kind="stable")
    position = pd.Index(assets["id"])
    derived = (assets["sector"].astype(str) == DERIVED).to_numpy()
    pools = _Pools(assets)
    if provider is not None:
        before = len(problems)
        eligible = RowFinder(assets).find(provider, problems, subject=f"{subject}.provider")
        if len(problems) > before:
            return network
        pools.offer(eligible)
    needs = network.needs[rows]
    own = position.get_indexer(needs["dependent"])
    everyone = pd.concat([network.assets[["id", "geometry"]], network.zones[["id", "geometry"]]]).set_index("id")
    where = representative_points(everyone["geometry"].loc[needs["dependent"]])
    ordered = network.dependencies[network.dependencies["need"].isin(needs["id"])].sort_values(
        "provider", kind="stable"
    )
    provided = dict(iter(ordered.groupby("need", sort=False)))
    added: list[dict[str, Any]] = []
    lacking: list[str] = []
    for need, itself, place in zip(needs["id"], own, where, strict=True):
        there = provided[need]
        taken = position.get_indexer(there["provider"])
        # Not a switch or a standby that stands for another site: one of those sites.
        like = taken[np.argmin(derived[taken])]
        nearest = pools.nearest(place, like=like, without=np.append(taken, itself))
        if nearest is None:
            lacking.append(str(need))
            continue
        limit = there["limit_minutes"].iloc[0]
        added.append({"need": need, "provider": position[nearest], "limit_minutes": limit})
    if lacking:
        problems.add(
            f"{subject}.provider", wanted="an asset that does not provide for the need yet", got="needs without one",
            count=len(lacking), total=int(rows.sum()), first=lacking[:3],
        )  # fmt: skip
        return network
    return network.replace(dependencies=[network.dependencies, pd.DataFrame(added)])


class _Pools:
    """Assets that could be a further provider, each pool with its places found once.

    Parameters
    ----------
    assets : geopandas.GeoDataFrame
        In the order of their ids, in which ties are settled.
    """

    def __init__(self, assets: pd.DataFrame) -> None:
        self._geometry = np.asarray(assets["geometry"], dtype=object)
        self._kind = pd.factorize(assets["sector"].astype(str) + "\t" + assets["kind"].astype(str))[0]
        self._known: dict[int, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
        self._offered: tuple[NDArray[np.intp], NDArray[np.float64]] | None = None

    def offer(self, eligible: Flags) -> None:
        """Take providers from these assets, whatever there is already."""
        self._offered = self._placed(eligible)

    def nearest(self, place: NDArray[np.float64], *, like: int, without: NDArray[np.intp]) -> int | None:
        """Return the nearest asset, by default of the kind of `like`; None where there is no other."""
        if self._offered is None and self._kind[like] not in self._known:
            self._known[self._kind[like]] = self._placed(self._kind == self._kind[like])
        rows, places = self._offered or self._known[self._kind[like]]
        apart = np.hypot(*(places - place).T).round(DECIMALS)
        apart[np.isin(rows, without)] = np.inf
        best = int(np.argmin(apart))
        return int(rows[best]) if np.isfinite(apart[best]) else None

    def _placed(self, eligible: Flags) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        rows = np.flatnonzero(eligible)
        return rows, representative_points(self._geometry[rows])


def _choose(network: Network, of: Selector, problems: Problems, subject: str) -> Flags:
    """Return the assets that fit; none where something is wrong, which is noted."""
    before = len(problems)
    chosen = RowFinder(network.assets).find(of, problems, subject=subject)
    return chosen if len(problems) == before else np.zeros(chosen.size, bool)


def _can_change(chosen: Flags, able: Flags, problems: Problems, subject: str, wanted: str) -> bool:
    """Return whether any chosen asset can change; note where assets are chosen and none can."""
    if chosen.any() and not (chosen & able).any():
        problems.add(subject, wanted=wanted, got=f"none among {int(chosen.sum()):,} selected")
    return bool((chosen & able).any())


def _find_needs(network: Network, of: Selector | str, service: str, problems: Problems, subject: str) -> Flags:
    """Return which needs are of the service and of the dependents; note where there are none.

    What an asset needs of its own spare units is not among them.
    """
    needs, served, assets = network.needs, network.dependencies, network.assets
    units = assets["id"][assets["sector"].astype(str) == DERIVED]
    given = needs["id"].isin(served["need"][~served["provider"].isin(units)])
    if of == ZONES:
        dependents = network.zones["id"]
    else:
        assert not isinstance(of, str)
        dependents = network.assets["id"][_choose(network, of, problems, subject)]
        if dependents.empty:
            return np.zeros(len(needs), bool)
    own = needs["dependent"].isin(dependents) & given
    rows = (own & (needs["service"].astype(str) == service)).to_numpy()
    if not rows.any():
        known = sorted(set(needs["service"][own].astype(str)))
        problems.add(
            f"{subject}.service", wanted=f"a service that they need: {', '.join(known) or 'they need none'}",
            got=f"{service!r}{suggestion(service, known)}",
        )  # fmt: skip
    return np.asarray(rows, dtype=bool)
