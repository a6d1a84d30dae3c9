"""Flood depths of the synthetic city: the river above its levees, and rain in the low spots.

The maps are made up. They are shaped like the maps a city gets from its modellers: seven return periods on one raster,
depth in metres above ground, nothing where it stays dry, deeper for rarer floods in every cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.datasets.terrain import Terrain

RETURN_PERIODS: tuple[float, ...] = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
# m above the normal water level, and m of water at the bottom of a hollow as deep as `_HOLLOW`; one per return period.
RIVER_STAGE: tuple[float, ...] = (1.2, 1.6, 2.1, 2.9, 3.5, 4.1, 4.8)
POND_LEVEL: tuple[float, ...] = (0.05, 0.17, 0.32, 0.50, 0.62, 0.72, 0.84)
# Design standard of the levees, years: at rarer floods the water stands behind them as if they were not there.
LEVEE_STANDARD_NORTH = 100.0
LEVEE_STANDARD_SOUTH = 50.0
_HOLLOW = 1.3  # m below the ground around; shallower ones fill later
_WET = 0.02  # m; a thinner film counts as dry


def flood_depths(terrain: Terrain) -> NDArray[np.float32]:
    """Return the depth of water per return period.

    Parameters
    ----------
    terrain : Terrain

    Returns
    -------
    depth : (7, h, w) float32, m
        In the order of :data:`RETURN_PERIODS`, to the millimetre, never falling with the return period.

    Notes
    -----
    River: level surface across the valley, ``stage(T) - height above the river``, kept out by the levee of either bank
    up to its standard. Rain: every hollow fills to a level that rises with T; none in the hills. The deeper one counts.
    No breach, no flow: a map to try the method on, not a flood model.
    """
    above_river = terrain.above_river
    behind_levee = terrain.buildable
    standard = np.where(terrain.north, LEVEE_STANDARD_NORTH, LEVEE_STANDARD_SOUTH).astype(np.float32)
    depth = np.zeros((len(RETURN_PERIODS), terrain.grid.height, terrain.grid.width), dtype=np.float32)
    hollow = -_HOLLOW - terrain.relief
    for k, (period, stage, level) in enumerate(zip(RETURN_PERIODS, RIVER_STAGE, POND_LEVEL, strict=True)):
        river = np.float32(stage) - above_river
        river[behind_levee & (standard >= period)] = 0.0
        rain = (hollow + np.float32(level)) * terrain.flatness
        rain[~behind_levee] = 0.0
        water = np.maximum(river, rain)
        water[water < _WET] = 0.0
        depth[k] = np.round(water.astype(np.float64) * 1000.0) / 1000.0
    return depth
