"""Assets of one kind as arrays: the pieces of which the synthetic city's tables are put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from resilience.datasets.population import numbered
from resilience.datasets.siting import Sites


@dataclass(frozen=True)
class Nodes:
    """Point assets of one kind.

    Parameters
    ----------
    kind : str
    sites : Sites
    failure_group : str
        Shared by all; empty for none.
    digits : int
        Of the number in the id.
    """

    kind: str
    sites: Sites
    failure_group: str = ""
    digits: int = 2

    @property
    def id(self) -> NDArray[np.str_]:
        """(n,) str, counted from one."""
        return numbered(self.kind.replace("_", "-"), np.arange(1, self.sites.x.size + 1), digits=self.digits)

    def __len__(self) -> int:
        return int(self.sites.x.size)


@dataclass(frozen=True)
class Links:
    """Straight line assets of one sector.

    Parameters
    ----------
    name : str
        Stem of the ids.
    kind : (m,) str
    from_asset, to_asset : (m,) str
    start, end : (m, 2) float64, m
    node : (m,) int64
        Street junction at the start.
    oneway : (m,) bool
    speed : (m,) float64, m/s
    reactance : (m,) float64, per unit
    rating : (m,) float64, MW
    digits : int
    """

    name: str
    kind: NDArray[np.object_]
    from_asset: NDArray[np.str_]
    to_asset: NDArray[np.str_]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    node: NDArray[np.int64]
    oneway: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    reactance: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    rating: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    digits: int = 3

    @property
    def id(self) -> NDArray[np.str_]:
        """(m,) str, counted from one."""
        return numbered(self.name, np.arange(1, len(self) + 1), digits=self.digits)

    @property
    def length(self) -> NDArray[np.float64]:
        """(m,) float64, m, to the centimetre."""
        run = self.end - self.start
        return np.asarray(np.round(np.sqrt(run[:, 0] * run[:, 0] + run[:, 1] * run[:, 1]) * 100.0) / 100.0)

    def __len__(self) -> int:
        return int(self.from_asset.size)


@dataclass(frozen=True)
class Sector:
    """Assets of one sector and what flows between them.

    Parameters
    ----------
    nodes : tuple of Nodes
    links : tuple of Links
    supply : pandas.DataFrame
        As the network's table of that name.
    """

    nodes: tuple[Nodes, ...]
    links: tuple[Links, ...] = ()
    supply: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __len__(self) -> int:
        return sum(len(block) for block in self.nodes) + sum(len(block) for block in self.links)


def how_many(size: int, per: int, *, least: int = 1) -> int:
    """Return the number of facilities of which there is one per `per` assets.

    Examples
    --------
    >>> how_many(5000, 800, least=3), how_many(900, 800, least=3)
    (6, 3)
    """
    return max(least, round(size / per))


def link_places(
    kind: str, ids: NDArray[np.str_], sites: Sites, start: NDArray[np.int64], end: NDArray[np.int64], **more: Any
) -> Links:
    """Return links of one kind between numbered places.

    Parameters
    ----------
    kind : str
    ids : (n,) str
        Of the places.
    sites : Sites
        The places.
    start, end : (m,) int64
        Numbers of the places at the ends.
    **more
        Further fields of :class:`Links`.
    """
    points = np.stack([sites.x, sites.y], axis=1)
    return Links(
        name=kind.replace("_", "-"),
        kind=np.full(start.size, kind, dtype=object),
        from_asset=ids[start],
        to_asset=ids[end],
        start=points[start],
        end=points[end],
        node=sites.node[start],
        **more,
    )


def join_sites(*parts: Sites) -> Sites:
    """Return several lists of places as one."""
    return Sites(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.node for part in parts]),
    )
