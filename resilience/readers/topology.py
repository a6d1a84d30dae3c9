"""Links out of lines that only touch: line ends that meet become nodes."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from resilience.errors import DataError, Problem, Problems
from resilience.network import suggest_crs

_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


def connect_endpoints(
    lines: gpd.GeoDataFrame,
    *,
    nodes: gpd.GeoDataFrame | None = None,
    tolerance: float = 1.0,
    node_kind: str = "junction",
    id_prefix: str = "",
    subject: str = "lines",
) -> gpd.GeoDataFrame:
    """Return the lines as links from end to end, followed by the nodes that were made for them.

    Parameters
    ----------
    lines : geopandas.GeoDataFrame
        Assets with `id`, `sector` and line geometry.
    nodes : geopandas.GeoDataFrame, optional
        Existing assets; an end within `tolerance` of one of the line's sector takes the nearest.
    tolerance : float, m
        Ends nearer to each other than this are one node (so is a chain of them).
    node_kind : str
        Kind of the new nodes.
    id_prefix : str
        Put before the ids of new nodes, which are their coordinates: they do not change when lines are added elsewhere.
    subject : str
        For messages.

    Returns
    -------
    geopandas.GeoDataFrame
        A line whose ends are one node connects nothing: it stays an asset without ends. The end of a line in several
        parts is that of its last part.

    Raises
    ------
    DataError
        A geometry is not a line, a sector is missing, or the tolerance is not positive.

    Examples
    --------
    >>> shapes = [shapely.LineString([(0, 0), (9, 0)]), shapely.LineString([(9.2, 0), (20, 0)])]
    >>> lines = gpd.GeoDataFrame({"id": ["a", "b"], "sector": "rail"}, geometry=shapes, crs="EPSG:5179")
    >>> connect_endpoints(lines)[["id", "from_asset", "to_asset"]].to_numpy().tolist()[:2]
    [['a', '0.0_0.0', '9.0_0.0'], ['b', '9.0_0.0', '20.0_0.0']]
    """
    problems = Problems()
    shapes = np.array(lines.geometry, dtype=object)
    wrong = ~np.isin(shapely.get_type_id(shapes), _LINES) | shapely.is_empty(shapes)
    if wrong.any():
        problems.add(
            f"{subject} topology", wanted="lines", got="geometries that are not lines", count=int(wrong.sum()),
            total=len(lines), first=lines.get("id", pd.Series(lines.index))[wrong][:3],
        )  # fmt: skip
    if "sector" not in lines:
        problems.add(f"{subject} topology", wanted="a sector (as a constant or a column)", got="none")
    if not (np.isfinite(tolerance) and tolerance > 0):
        problems.add(f"{subject} tolerance", wanted="metres > 0", got=repr(tolerance))
    problems.raise_if_any(DataError)
    metric = _metric_crs(lines, subject)
    first = shapely.get_point(_part(shapes, 0), 0)
    last = shapely.get_point(_part(shapes, -1), -1)
    ends = np.concatenate([first, last])
    places = _places(ends, lines.crs, metric)
    sectors = np.tile(lines["sector"].to_numpy(dtype=object), 2)
    names = np.full(len(ends), "", dtype=object)
    made = []
    for sector in sorted(set(sectors)):
        of_sector = np.flatnonzero(sectors == sector)
        names[of_sector] = _existing(places[of_sector], nodes, sector, metric, tolerance)
        loose = of_sector[names[of_sector] == ""]
        if len(loose):
            group, seat = _group(places[loose], tolerance)
            labels = _coordinate_names(ends[loose[seat]], geographic=lines.crs.is_geographic, prefix=id_prefix)
            names[loose] = labels[group]
            made.append(
                gpd.GeoDataFrame(
                    {"id": labels, "sector": sector, "kind": node_kind, "from_asset": "", "to_asset": ""},
                    geometry=ends[loose[seat]],
                    crs=lines.crs,
                )
            )
    start, end = names[: len(lines)], names[len(lines) :]
    loop = start == end
    links = lines.assign(from_asset=np.where(loop, "", start), to_asset=np.where(loop, "", end))
    frame: gpd.GeoDataFrame = pd.concat([links, *made], ignore_index=True)
    return frame


def _part(shapes: NDArray[np.object_], index: int) -> NDArray[np.object_]:
    parts = shapes.copy()
    several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTILINESTRING
    parts[several] = shapely.get_geometry(shapes[several], index)
    return parts


def _metric_crs(lines: gpd.GeoDataFrame, subject: str) -> Any:
    if lines.crs is None:
        raise DataError(Problem(subject, wanted="the CRS of its coordinates", got="no CRS"))
    if not lines.crs.is_geographic:
        return lines.crs
    x0, y0, x1, y1 = lines.total_bounds
    return suggest_crs((x0 + x1) / 2, (y0 + y1) / 2)


def _places(points: Any, crs: Any, metric: Any) -> NDArray[np.float64]:
    placed = gpd.GeoSeries(points, crs=crs).to_crs(metric)
    return np.column_stack([placed.x, placed.y]).astype(np.float64)


def _existing(
    places: NDArray[np.float64], nodes: gpd.GeoDataFrame | None, sector: str, metric: Any, tolerance: float
) -> NDArray[np.object_]:
    names = np.full(len(places), "", dtype=object)
    if nodes is None or not len(nodes):
        return names
    eligible = nodes[(nodes["sector"] == sector) & (nodes.geom_type == "Point")].sort_values("id")
    if not len(eligible):
        return names
    tree = cKDTree(_places(eligible.geometry, nodes.crs, metric))
    distance, nearest = tree.query(places, distance_upper_bound=tolerance)
    near = np.isfinite(distance)
    names[near] = eligible["id"].to_numpy(dtype=object)[nearest[near]]
    return names


def _group(places: NDArray[np.float64], tolerance: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the group of each place and the place that stands for each group: the lowest x, then y.

    Groups are numbered by that place, whatever the order of the places.
    """
    pairs = cKDTree(places).query_pairs(tolerance, output_type="ndarray")
    touching = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    _, group = connected_components(touching, directed=False)
    order = np.lexsort((places[:, 1], places[:, 0], group))
    _, first = np.unique(group[order], return_index=True)
    seat = order[first]
    rank = np.lexsort((places[seat, 1], places[seat, 0]))
    number = np.empty(len(rank), dtype=np.int64)
    number[rank] = np.arange(len(rank))
    return number[group], seat[rank].astype(np.int64)


def _coordinate_names(points: Any, *, geographic: bool, prefix: str) -> NDArray[np.object_]:
    decimals = 6 if geographic else 1
    x, y = shapely.get_x(points), shapely.get_y(points)
    names = [f"{prefix}{a:.{decimals}f}_{b:.{decimals}f}" for a, b in zip(x, y, strict=True)]
    seen = pd.Series(names, dtype="str")
    again = seen.groupby(seen).cumcount().to_numpy()
    return np.array([name if n == 0 else f"{name}_{n}" for name, n in zip(names, again, strict=True)], dtype=object)
