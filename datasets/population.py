"""People of the synthetic city: housing blocks as zones, dongs as districts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from resilience.datasets.streets import Streets
from resilience.datasets.terrain import generator

PERSONS_PER_ASSET = 30
_BLOCK = 3  # streets per housing block, in either direction
_DONG = 12  # streets per dong, in either direction


@dataclass(frozen=True)
class Population:
    """Zones with people.

    Parameters
    ----------
    footprint : (z,) array of shapely polygons
    x, y : (z,) float64, m
        Middle of the block.
    persons : (z,) float64, persons
        Whole numbers.
    district : (z,) str
    node_zone : (n,) int64
        Zone of every street junction; -1 outside all.
    node_district : (n,) str
        District of every street junction.
    """

    footprint: NDArray[np.object_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    persons: NDArray[np.float64]
    district: NDArray[np.str_]
    node_zone: NDArray[np.int64]
    node_district: NDArray[np.str_]


def numbered(name: str, number: NDArray[np.int64], *, digits: int = 2) -> NDArray[np.str_]:
    """Return readable ids.

    Examples
    --------
    >>> numbered("substation", np.array([3, 12])).tolist()
    ['substation-03', 'substation-12']
    """
    width = max(digits, len(str(int(number.max(initial=0)))))
    text = np.strings.zfill(number.astype(f"U{width}"), width)
    return np.asarray(np.strings.add(f"{name}-", text))


def zone_ids(n: int) -> NDArray[np.str_]:
    """Return the ids of the housing blocks.

    Examples
    --------
    >>> zone_ids(2).tolist()
    ['block-0001', 'block-0002']
    """
    return numbered("block", np.arange(1, n + 1), digits=4)


def make_population(seed: int, *, streets: Streets, n_zone: int, n_person: int) -> Population:
    """Return `n_zone` housing blocks with `n_person` people, densest around the centre of the city.

    Parameters
    ----------
    seed : int
    streets : Streets
    n_zone : int
        The blocks with most street junctions are built up.
    n_person : int

    Returns
    -------
    population : Population
    """
    side = -(-streets.plan.side // _BLOCK)
    block = (streets.row // _BLOCK) * side + streets.column // _BLOCK
    junctions = np.bincount(block, minlength=side * side)
    built = np.sort(np.argsort(-junctions, kind="stable")[:n_zone])
    built = built[junctions[built] > 0]
    zone_of = np.full(side * side, -1, dtype=np.int64)
    zone_of[built] = np.arange(built.size)

    edge = np.arange(side + 1, dtype=np.float64) * _BLOCK - 0.5
    corner_x, corner_y = (np.round(array * 100.0) / 100.0 for array in streets.plan.locate(edge, edge))
    i, j = np.divmod(built, side)
    ring = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j), (i, j)]
    corners = np.stack([np.stack([corner_x[a, b], corner_y[a, b]], axis=-1) for a, b in ring], axis=1)
    x, y = corners[:, :4, 0].mean(axis=1), corners[:, :4, 1].mean(axis=1)

    dong_side = -(-streets.plan.side // _DONG)
    dong = (i * _BLOCK // _DONG) * dong_side + j * _BLOCK // _DONG
    node_dong = (streets.row // _DONG) * dong_side + streets.column // _DONG
    present = np.zeros(dong_side * dong_side, dtype=np.int64)
    present[node_dong] = 1
    number = np.cumsum(present)

    weight = junctions[built] * _density(x, y, streets) * (0.6 + 0.8 * generator(seed, "people").random(built.size))
    share = np.cumsum(weight)
    total = np.round(share * (n_person / share[-1]))
    return Population(
        footprint=shapely.polygons(corners),
        x=np.round(x * 100.0) / 100.0,
        y=np.round(y * 100.0) / 100.0,
        persons=np.diff(total, prepend=0.0),
        district=numbered("dong", number[dong]),
        node_zone=zone_of[block],
        node_district=numbered("dong", number[node_dong]),
    )


def _density(x: NDArray[np.float64], y: NDArray[np.float64], streets: Streets) -> NDArray[np.float64]:
    """Return relative density: falling from a centre north of the river and a smaller one south of it."""
    extent = streets.plan.side * 100.0
    east, north = (x - streets.plan.west) / extent, (y - streets.plan.south) / extent
    density = np.full(x.size, 0.45)
    for weight, place_east, place_north in ((1.6, 0.52, 0.66), (0.8, 0.30, 0.22)):
        square = (east - place_east) * (east - place_east) + (north - place_north) * (north - place_north)
        density += weight / (1.0 + square / 0.02)
    return density
