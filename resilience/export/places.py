"""Where the assets and zones of a city are: a point for each, in its own CRS and in degrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from resilience.network import Network, representative_points

DEGREES = "EPSG:4326"


def points_of(network: Network, dim: str, ids: Sequence[str] | NDArray[Any]) -> NDArray[np.float64]:
    """Return a point for each of some assets or zones, (n, 2), in the CRS of the city.

    Parameters
    ----------
    network : Network
    dim : {"asset", "zone"}
    ids : (n,) sequence of str
    """
    table = network.assets if dim == "asset" else network.zones
    return representative_points(table.set_index("id")["geometry"].reindex(ids))


def to_degrees(crs: Any) -> Transformer:
    """Return what turns coordinates of a CRS into longitude and latitude."""
    return Transformer.from_crs(crs, DEGREES, always_xy=True)
