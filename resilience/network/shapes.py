"""Geometries of assets and zones: in two dimensions, and one place for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray


def flatten_geometry(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the geometries in two dimensions, a multi-geometry of one part as that part.

    Parameters
    ----------
    geometry : (n,) object
        Shapely geometries or None.

    Examples
    --------
    >>> str(flatten_geometry(np.array([shapely.from_wkt("MULTILINESTRING Z ((0 0 5, 1 0 5))")]))[0])
    'LINESTRING (0 0, 1 0)'
    """
    flat = np.array(geometry, dtype=object)
    # Rewriting a shape costs far more than asking for its dimensions, and most have two.
    deep = shapely.get_coordinate_dimension(flat) > 2
    flat[deep] = shapely.force_2d(flat[deep])
    single = (shapely.get_type_id(flat) >= shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(flat) == 1)
    while single.any():
        flat[single] = shapely.get_geometry(flat[single], 0)
        single = (shapely.get_type_id(flat) >= shapely.GeometryType.MULTIPOINT) & (
            shapely.get_num_geometries(flat) == 1
        )
    return flat


def representative_points(geometry: Any) -> NDArray[np.float64]:
    """Return one place per geometry: the point itself, the middle of a line, a point surely inside a polygon.

    Parameters
    ----------
    geometry : (n,) geometries
        In a metric CRS.

    Returns
    -------
    (n, 2) float64, m
        NaN for empty geometries.

    Examples
    --------
    >>> representative_points([shapely.LineString([(0, 0), (4, 0)]), shapely.Point(1, 2)]).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    shapes = np.array(geometry, dtype=object)
    kinds = shapely.get_type_id(shapes)
    line = kinds == shapely.GeometryType.LINESTRING
    area = ~line & (kinds != shapely.GeometryType.POINT)
    shapes[line] = shapely.line_interpolate_point(shapes[line], 0.5, normalized=True)
    shapes[area] = shapely.point_on_surface(shapes[area])
    return np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)
