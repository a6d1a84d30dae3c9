"""What all levels share: columns by position in a sector's graph, checked, and answers by asset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, Problem, Problems
from resilience.network.compile import SectorGraph

MOST = 1e15
"""Of any capacity or demand: sums over a city, and their squares over samples, stay finite and tell units apart."""


class Served(NamedTuple):
    """What a sector gives in one state of its assets.

    Parameters
    ----------
    asset : (n,) int32
        The sector's nodes, then its links, as rows of the asset table.
    fraction : (n,) float64
        Share in [0, 1] of what each asset gives when all is well. Of a node: share of the demand there that is served.
        Of a link: the larger share of its two ends while it is in service.
    tripped : int32
        Assets that what they had to carry put out of service, beyond those that were down before.
    """

    asset: NDArray[np.int32]
    fraction: NDArray[np.float64]
    tripped: NDArray[np.int32]


@dataclass(frozen=True)
class Loads:
    """Supply and demand at the nodes of a sector.

    Parameters
    ----------
    capacity, demand : (n_node,) float64, the sector's own unit
        Zero where there is none.
    """

    capacity: NDArray[np.float64]
    demand: NDArray[np.float64]


def flags(up: NDArray[np.bool_], asset: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the states of some assets as bytes."""
    return np.asarray(up)[asset].astype(np.uint8)


def answer(
    graph: SectorGraph,
    node_fraction: NDArray[np.float64],
    in_service: NDArray[np.bool_],
    tripped: NDArray[np.int32],
) -> Served:
    """Return the answer by asset; `in_service` tells it of the links."""
    of_link = np.where(in_service, np.maximum(node_fraction[graph.tail], node_fraction[graph.head]), 0.0)
    return Served(np.concatenate([graph.node, graph.link]), np.concatenate([node_fraction, of_link]), tripped)


def note(
    problems: Problems, subject: str, wanted: str, got: str, wrong: NDArray[np.bool_], names: NDArray[np.object_]
) -> None:
    """Note what is wrong with some rows, if any are."""
    if wrong.any():
        problems.add(
            subject, wanted=wanted, got=got, count=int(wrong.sum()), total=wrong.size, first=names[wrong][:3].tolist()
        )


def check_two_way(problems: Problems, graph: SectorGraph, ids: NDArray[np.object_], level: str) -> None:
    """Note one-way links: these levels know no direction."""
    wanted = f"two-way links at level '{level}', which knows no direction (level 'connected' does)"
    note(problems, f"assets.oneway in {graph.sector}", wanted, "one-way links", graph.oneway, ids[graph.link])


def loads_of(problems: Problems, graph: SectorGraph, ids: NDArray[np.object_], supply: pd.DataFrame) -> Loads:
    """Return supply and demand by node; what is wrong with them goes to `problems`."""
    rows = supply[(supply["sector"].astype(str) == graph.sector).to_numpy()]
    names = rows["asset"].to_numpy(dtype=object)
    is_source = rows["is_source"].to_numpy(dtype=bool)
    capacity = rows["capacity"].to_numpy(dtype=np.float64)
    demand = rows["demand"].to_numpy(dtype=np.float64)
    subject = f"in {graph.sector}"
    place = pd.Index(ids[graph.node]).get_indexer(pd.Index(names))
    note(problems, f"supply.asset {subject}", "nodes of this sector (mark a link's end instead)", "assets that are not",
         place < 0, names)  # fmt: skip
    wrong = is_source & ~((capacity >= 0.0) & (capacity <= MOST))
    note(problems, f"supply.capacity {subject}", f"a number from 0 to {MOST:g} at every source",
         "sources without one", wrong, names)  # fmt: skip
    gap = is_source & np.isnan(demand)
    wrong = ~gap & ~((demand >= 0.0) & (demand <= MOST))
    note(problems, f"supply.demand {subject}", f"a number from 0 to {MOST:g} where there is no source",
         "rows without one", wrong, names)  # fmt: skip
    given = np.where(is_source & np.isfinite(capacity), capacity, 0.0)
    drawn = np.where(np.isfinite(demand), demand, 0.0)
    if not (drawn > 0.0).any():
        problems.add(f"supply.demand {subject}", wanted="a demand above zero at one node or more", got="none")
    elif not (given > 0.0).any():
        problems.add(f"supply.capacity {subject}", wanted="a source with a capacity above zero", got="demand without")
    inside = place >= 0
    n = graph.node.size
    return Loads(
        np.bincount(place[inside], weights=given[inside], minlength=n).astype(np.float64),
        np.bincount(place[inside], weights=drawn[inside], minlength=n).astype(np.float64),
    )


def scaled(values: NDArray[np.float64], factor: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return `values` times a checked factor.

    Raises
    ------
    ConfigurationError
        A factor that is negative or not finite, or that does not fit.
    """
    factors = np.asarray(factor, dtype=np.float64)
    wanted = f"one number or {values.size:,} numbers, finite and >= 0"
    if factors.shape not in ((), values.shape):
        raise ConfigurationError(Problem(f"factor of {name}", wanted, f"shape {factors.shape}"))
    wrong = ~(np.isfinite(factors) & (factors >= 0.0))
    if wrong.any():
        first = tuple(f"{value:g}" for value in np.atleast_1d(factors)[np.atleast_1d(wrong)][:3])
        raise ConfigurationError(Problem(f"factor of {name}", wanted, "others", int(wrong.sum()), factors.size, first))
    return values * factors
