"""Tables that the real data lacks and the scenarios of Busan and Muenster need; none is kept in the project.

    python tests/real/derive_tables.py FOLDER

reads the data named by RESILIENCE_REAL_DATA and writes to FOLDER; RESILIENCE_REAL_TABLES=FOLDER then names them for
`busan_reach.yaml` and `muenster.yaml`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.transform
import shapely

# A skeleton of a 4 m road mask ends one or two cells short of the map.
GATEWAY_WITHIN_M = 8.0


def write_busan(source: Path, out: Path) -> None:
    """Write road nodes with their kind, and one zone per node with its share of the people of the gu.

    A node is a gateway if one road only ends there and the border of the map is at most 8 m away. Its zone is the part
    of the map nearest to it; a gu gives the zone the share of its people that it gives of its area.
    """
    folder = source / "busan_yeonsan"
    with rasterio.open(folder / "flood_depth_rr100.tif") as dataset:
        crs, window = dataset.crs, shapely.box(*dataset.bounds)
    nodes = gpd.read_file(folder / "road_nodes.geojson").to_crs(crs)
    edges = gpd.read_file(folder / "road_edges.geojson")
    degree = pd.concat([edges["u"], edges["v"]]).value_counts().reindex(nodes["node_id"], fill_value=0).to_numpy()
    gateway = (degree == 1) & (nodes.distance(window.exterior).to_numpy() <= GATEWAY_WITHIN_M)
    nodes["kind"] = np.where(gateway, "gateway", "road_node")
    nodes.to_file(out / "busan_nodes.gpkg")

    cells = gpd.GeoSeries(shapely.get_parts(shapely.voronoi_polygons(nodes.union_all(), extend_to=window)), crs=crs)
    cells = gpd.GeoDataFrame(geometry=cells.intersection(window)).sjoin(nodes[["node_id", "geometry"]])
    gu = gpd.read_file(folder / "sigungu_population.geojson").to_crs(crs)
    gu["density"] = gu["pop_total"] / gu.area
    parts = gpd.overlay(cells[["node_id", "geometry"]], gu[["code", "density", "geometry"]])
    parts["persons"] = parts["density"] * parts.area
    persons = parts.groupby("node_id")["persons"].sum()
    largest = parts.sort_values("persons").groupby("node_id")["code"].last()
    cells["persons"] = cells["node_id"].map(persons)
    cells["district"] = cells["node_id"].map(largest)
    cells["access_asset"] = cells["node_id"]
    cells["id"] = "around:" + cells["node_id"]
    cells[["id", "persons", "district", "access_asset", "geometry"]].to_file(out / "busan_zones.gpkg")


def write_muenster(source: Path, out: Path) -> None:
    """Write an imagined city on a grid of 10 by 20 squares over the map, where both maps have data.

    Per square a transformer, a telecom tower, a railway point in the hottest cell of summer, and one zone; ten
    substations.
    """
    folder = source / "heat_muenster"
    with rasterio.open(folder / "landsat-Summer_mean_ST_B10.tif") as dataset:
        crs, (left, bottom, right, top) = dataset.crs, dataset.bounds
        summer, transform = dataset.read(1, masked=True).filled(-np.inf), dataset.transform
    cells_up, cells_across = summer.shape[0] // 10, summer.shape[1] / 20
    width, height = (right - left) / 20, (top - bottom) / 10
    rows, squares = [], []
    for row in range(10):
        for column in range(20):
            number, x, y = 20 * row + column, left + width * column, bottom + height * row
            squares.append({"id": f"square:{number}", "geometry": shapely.box(x, y, x + width, y + height)})
            first_row, first_column = cells_up * (9 - row), int(np.ceil(cells_across * column))
            part = summer[first_row : first_row + cells_up, first_column : int(cells_across * (column + 1))]
            hot_row, hot_column = np.unravel_index(part.argmax(), part.shape)
            hottest = rasterio.transform.xy(transform, first_row + hot_row, first_column + hot_column)
            for kind, sector, place in (
                ("transformer", "power", (x + 0.50 * width, y + 0.50 * height)),
                ("tower", "telecom", (x + 0.45 * width, y + 0.55 * height)),
                ("railway_point", "rail", hottest),
            ):
                rows.append(
                    {"id": f"{kind}:{number}", "sector": sector, "kind": kind, "geometry": shapely.Point(place)}
                )
        place = shapely.Point(left + width * (2 * row + 1), bottom + height * (row + 0.6))
        rows.append({"id": f"substation:{row}", "sector": "power", "kind": "substation", "geometry": place})
    gpd.GeoDataFrame(rows, crs=crs).to_file(out / "muenster_assets.gpkg")
    gpd.GeoDataFrame(squares, crs=crs).to_file(out / "muenster_zones.gpkg")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for write in (write_busan, write_muenster):
        write(Path(os.environ["RESILIENCE_REAL_DATA"]), target)
