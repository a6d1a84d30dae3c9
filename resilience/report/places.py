"""Where: what is drawn on the map of a city, and what is too much to be drawn one by one."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from resilience.labels import texts
from resilience.network.shapes import representative_points
from resilience.reading import FinishedRun
from resilience.report.curves import in_digits
from resilience.report.images import png_address
from resilience.report.maps import CLEAR, HazardImages, draw_hazards, frame_of

MOST_ASSETS = 6000
"""Assets that are drawn one by one; of a larger city those that are down most often."""

MOST_ZONES = 1500
"""Zones that are drawn one by one; of a larger city those that lose most."""

MOST_FIGURES = 300_000
"""Figures of zones, over all events and services: with many events fewer zones are drawn."""

MOST_OUTLINES = 3000

CHANCES = (0.0, 0.1, 0.5, 0.9)
"""Above these probabilities to be down begin the classes of colour."""

# On white and on black.
IN_PART = (CLEAR, "#8a8f9866", "#cdb0dab0", "#a877c0d0", "#8e44ade0", "#7b2d8bff")

Floats = NDArray[np.float64]
Extent = tuple[float, float, float, float]


@dataclass(frozen=True)
class CityMap:
    """What the map shows. Coordinates are metres from the south-west corner.

    Parameters
    ----------
    size : (float, float)
        Of the map, m.
    hazards : HazardImages
    lines : (n,) list of (x, y) lists
    points : (n, 2) float64
    line_assets, point_assets : (n,) intp
        Positions of the assets in the result.
    chance : (event, n_line + n_point) uint8
        Two-hundredths of the probability to be down at the peak; 0 and 200 for what never and always is.
    rest : tuple of str
        Image of the assets that are not drawn one by one, per event; empty without.
    n_rest : int
    outlines : list of (x, y) lists
        Of zones.
    zones : (n,) intp
        Positions of those that are drawn.
    zone_points : (n, 2) float64
    people : (event, service, n) nested lists
        People without the service at the peak, mean.
    hours : (event, service, n) nested lists or None
        People times hours.
    """

    size: tuple[float, float]
    hazards: HazardImages
    lines: list[tuple[list[float], list[float]]]
    points: Floats
    line_assets: NDArray[np.intp]
    point_assets: NDArray[np.intp]
    chance: NDArray[np.uint8]
    rest: tuple[str, ...]
    n_rest: int
    outlines: list[tuple[list[float], list[float]]]
    zones: NDArray[np.intp]
    zone_points: Floats
    people: list[Any]
    hours: list[Any] | None


def map_city(run: FinishedRun) -> CityMap:
    """Return what the map of a run shows."""
    assets = np.asarray(run.network.assets.geometry.array, dtype=object)
    zones = np.asarray(run.network.zones.geometry.array, dtype=object)
    extent = _extent(np.concatenate([assets, zones]))
    down = _down(run)
    weight = run.weight if run.weight.any() else np.ones(down.shape[0])
    order = np.lexsort((np.arange(assets.size), -(weight @ down), -down.max(axis=0, initial=0.0)))
    chosen = np.sort(order[:MOST_ASSETS])
    left = order[MOST_ASSETS:]
    kinds = shapely.get_type_id(assets[chosen])
    linear = np.isin(kinds, (1, 5))
    lines, points = chosen[linear], chosen[~linear]
    corner = np.array(extent[:2])
    share = down[:, np.concatenate([lines, points])]
    chance = np.clip(np.round(200 * share), share > 0, np.where(share < 1, 199, 200)).astype(np.uint8)
    tolerance = max(extent[2] - extent[0], extent[3] - extent[1]) / 4000
    lost, hours = _zone_losses(run)
    ranked = np.argsort(-np.einsum("e,esz->z", weight, lost if hours is None else hours), kind="stable")
    most = min(MOST_ZONES, max(1, MOST_FIGURES // (lost.shape[0] * lost.shape[1])))
    drawn = np.sort(ranked[:most])
    areal = zones if zones.size <= MOST_OUTLINES else zones[:0]
    return CityMap(
        size=(extent[2] - extent[0], extent[3] - extent[1]),
        hazards=draw_hazards(run, extent),
        lines=_courses(assets[lines], corner, tolerance),
        points=_places(assets[points], corner),
        line_assets=lines,
        point_assets=points,
        chance=chance,
        rest=_draw_rest(assets[left], down[:, left], extent) if left.size else (),
        n_rest=int(left.size),
        outlines=_outlines(areal, corner, tolerance),
        zones=drawn,
        zone_points=_places(zones[drawn], corner),
        people=in_digits(lost[:, :, drawn]),
        hours=None if hours is None else in_digits(hours[:, :, drawn]),
    )


def packed(chance: NDArray[np.uint8]) -> str:
    """Return bytes as text, base 64, row after row."""
    return base64.b64encode(np.ascontiguousarray(chance).tobytes()).decode("ascii")


def _extent(shapes: NDArray[np.object_]) -> Extent:
    x0, y0, x1, y1 = shapely.total_bounds(shapes)
    margin = 0.03 * max(x1 - x0, y1 - y0, 100.0)
    return float(x0 - margin), float(y0 - margin), float(x1 + margin), float(y1 + margin)


def _down(run: FinishedRun) -> Floats:
    """Return the probability to be down at the peak, (event, asset)."""
    count = run.dataset["down_count"]
    # An event at a time: in a large city the whole is gigabytes.
    events = [count.isel(event=i).values.sum(axis=1) for i in range(count.sizes["event"])]
    return np.stack(events).astype(np.float64) / run.n_sample


def _zone_losses(run: FinishedRun) -> tuple[Floats, Floats | None]:
    """Return people without each service at the peak, and times hours, (event, service, zone)."""
    ds = run.dataset
    people = ds["zone_people"].values
    lost = ds["zone_without_service"].values.transpose(0, 2, 1) / run.n_sample * people
    if "zone_hours_lost" not in ds:
        return lost, None
    return lost, ds["zone_hours_lost"].values.transpose(0, 2, 1) * people


def _places(shapes: NDArray[np.object_], corner: Floats) -> Floats:
    return np.asarray(np.round(representative_points(shapes) - corner, 1), dtype=np.float64)


def _courses(shapes: NDArray[np.object_], corner: Floats, tolerance: float) -> list[tuple[list[float], list[float]]]:
    """Return the corners of lines; parts of one line are set apart by NaN."""
    simple = shapely.simplify(shapes, tolerance)
    return [_course(shape, corner) for shape in simple]


def _course(shape: Any, corner: Floats) -> tuple[list[float], list[float]]:
    parts = [np.round(shapely.get_coordinates(part) - corner, 1) for part in shapely.get_parts(shape)]
    x: list[Any] = []
    y: list[Any] = []
    for number, part in enumerate(parts):
        if number:
            x.append(float("nan"))
            y.append(float("nan"))
        x += part[:, 0].tolist()
        y += part[:, 1].tolist()
    return x, y


def _outlines(zones: NDArray[np.object_], corner: Floats, tolerance: float) -> list[tuple[list[float], list[float]]]:
    rings = shapely.get_exterior_ring(shapely.get_parts(zones[shapely.get_dimensions(zones) == 2]))
    return [_course(ring, corner) for ring in shapely.simplify(rings, tolerance)]


def _draw_rest(shapes: NDArray[np.object_], down: Floats, extent: Extent) -> tuple[str, ...]:
    """Return an image per event of assets that are sorted: where several meet in a pixel, the first is seen."""
    rows, columns = frame_of(extent, down.shape[0])
    pixel = Affine((extent[2] - extent[0]) / columns, 0, extent[0], 0, -(extent[3] - extent[1]) / rows, extent[3])
    seen = rasterize(
        ((shape, number) for number, shape in zip(range(shapes.size, 0, -1), shapes[::-1], strict=True)),
        out_shape=(rows, columns), transform=pixel, fill=0, dtype="int32", all_touched=True,
    )  # fmt: skip
    images = []
    for event in down:
        classes = np.concatenate([[0], 1 + np.searchsorted(CHANCES, event, side="left")])
        images.append(png_address(classes.astype(np.uint8)[seen], IN_PART))
    return tuple(images)


def drawn_assets(run: FinishedRun, city: CityMap) -> dict[str, list[str]]:
    """Return name, sector and kind of the assets that are drawn, lines first."""
    order = np.concatenate([city.line_assets, city.point_assets])
    return {name: texts(run.dataset, name)[order].tolist() for name in ("asset", "sector", "kind")}
