"""The random field of a city's fragility: assets near one another fail together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from resilience.cascade import CorrelatedFragility
from resilience.correlation import correlate_cells
from resilience.errors import ConfigurationError, Problem
from resilience.fragility import unavailable
from resilience.grid import Grid

if TYPE_CHECKING:
    from resilience.network import Network
    from resilience.scenario.method import CorrelationSection

_CELLS = 10
"""Cells within the length of correlation."""
MOST_SIDE = 4_000_000
"""Cells along a side; whether all fit is seen by the field itself."""


def correlate_city(
    network: Network, identity: NDArray[np.uint64], section: CorrelationSection, *, seed: int
) -> CorrelatedFragility:
    """Return the correlated random numbers of a city's assets.

    Parameters
    ----------
    network : Network
        In a metric system.
    identity : (n_asset,) uint64
        By which random numbers are found; assets of one identity stand in the middle of their places.
    section : CorrelationSection
    seed : int

    Raises
    ------
    ConfigurationError
        A length or cells for which the grid would be too large.

    Notes
    -----
    The grid begins and ends at multiples of the length, so that assets may come and go within it without changing
    others. One that widens it draws the field anew.
    Assets that can be out whatever the hazard (spare units, switches) are out by themselves: they keep numbers of their
    own.
    """
    middle = network.assets.geometry.centroid
    xy = np.stack([middle.x.to_numpy(), middle.y.to_numpy()], axis=1)
    _, of_asset, members = np.unique(identity, return_inverse=True, return_counts=True)
    # Whole centimetres: a mean of equal places is the place, in any order of its members.
    places = np.rint(xy * 100.0)
    sums = np.stack([np.bincount(of_asset, places[:, k], members.size) for k in range(2)], axis=1)
    places = (sums / members[:, np.newaxis])[of_asset] / 100.0
    length = section.length_m
    cell = length / _CELLS if section.cell_m is None else section.cell_m
    extent = float((places.max(axis=0) - places.min(axis=0)).max()) + 2.0 * length
    if extent / cell > MOST_SIDE:
        wanted = (
            f"cells of {extent / MOST_SIDE:.3g} m or more for a length of {length:g} m (cell_m, or a longer length_m)"
        )
        raise ConfigurationError(Problem("monte_carlo.correlation", wanted, f"cells of {cell:g} m"))
    low = np.floor(places.min(axis=0) / length) * length
    blocks = np.floor((places.max(axis=0) - low) / length) + 1
    width, height = (np.ceil(blocks * length / cell) + 1).astype(np.int64).tolist()
    grid = Grid(network.crs, Affine(cell, 0, low[0], 0, cell, low[1]), height=height, width=width)
    draws = correlate_cells(places, grid, length=length, common_share=section.global_share)
    return CorrelatedFragility(draws, unavailable(network.assets) == 0.0, seed)
