"""How fast one drives on a flooded road, and how long each link takes.

Pregnolato, Ford, Wilkinson and Dawson (2017, doi 10.1016/j.trd.2017.06.020) fit the greatest safe speed to the depth of
standing water. Speeds are m/s and depths m here; the published curves, in km/h over mm, are :data:`SPEED_CURVES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from resilience.errors import ConfigurationError, DataError, Problem, Problems, suggestion

_KMH = 1 / 3.6
_MM = 1000.0

CurveName = Literal["fitted", "conservative", "aggressive"]


class SpeedCurve(NamedTuple):
    """A parabola a w^2 + b w + c in km/h over w in mm, valid below `end` mm; from there on nobody drives.

    The fitted parabola rises again beyond its minimum at 307 mm, so it must not be used past its end.
    """

    a: float
    b: float
    c: float
    end: float


SPEED_CURVES: Mapping[str, SpeedCurve] = MappingProxyType(
    {
        "fitted": SpeedCurve(0.0009, -0.5529, 86.9448, 300.0),
        "conservative": SpeedCurve(0.0002415, -0.2898, 86.94, 600.0),
        "aggressive": SpeedCurve(0.003864, -1.1592, 86.94, 150.0),
    }
)
"""The published fit, and curves that bound it: roads that stay open to 600 mm, and that close at 150 mm."""


class ClassSpeed(NamedTuple):
    """Free speed of a class of roads, m/s, and where it comes from ("default": expert judgement)."""

    speed: float
    basis: str


def _default(kmh: float) -> ClassSpeed:
    return ClassSpeed(kmh * _KMH, "default")


ROAD_CLASS_SPEEDS: Mapping[str, ClassSpeed] = MappingProxyType(
    {
        "motorway": _default(100),
        "motorway_link": _default(60),
        "trunk": _default(80),
        "trunk_link": _default(50),
        "primary": _default(60),
        "primary_link": _default(50),
        "secondary": _default(50),
        "secondary_link": _default(40),
        "tertiary": _default(50),
        "tertiary_link": _default(40),
        "unclassified": _default(40),
        "residential": _default(30),
        "living_street": _default(20),
        "service": _default(20),
        "road": _default(50),
        "arterial": _default(60),
        "collector": _default(50),
        "local_street": _default(30),
        "bridge": _default(50),
    }
)
"""Free speeds where a link has none of its own: classes of OpenStreetMap, and those of the demo city."""


def speed_under_water(
    depth: ArrayLike, *, curve: CurveName = "fitted", depth_limit: float | None = None
) -> NDArray[np.float64]:
    """Return the greatest safe speed in standing water, m/s.

    Parameters
    ----------
    depth : array_like, m
        Unknown (NaN) counts as dry.
    curve : {"fitted", "conservative", "aggressive"}
    depth_limit : float, optional, m
        Depth from which the vehicle stops; the end of the curve by default. A larger one, such as 0.5 m for fire
        engines (expert judgement), keeps the speed at the end of the curve up to there.

    Returns
    -------
    ndarray of float64
        0 where nobody drives.

    Raises
    ------
    ConfigurationError
        An unknown curve or a negative limit.

    Notes
    -----
    Fitted: v = 0.0009 w^2 - 0.5529 w + 86.9448 km/h for w < 300 mm, else 0.

    Examples
    --------
    >>> (speed_under_water([0.0, 0.1, 0.3]) * 3.6).round(4).tolist()
    [86.9448, 40.6548, 0.0]
    >>> (speed_under_water([0.4, 0.5], depth_limit=0.5) * 3.6).round(4).tolist()
    [2.0748, 0.0]
    """
    problems = Problems()
    if curve not in SPEED_CURVES:
        problems.add(
            "speed curve", wanted=f"one of {', '.join(SPEED_CURVES)}{suggestion(curve, SPEED_CURVES)}", got=repr(curve)
        )
    if depth_limit is not None and not depth_limit >= 0:
        problems.add("depth_limit", wanted="a depth in metres, >= 0", got=str(depth_limit))
    problems.raise_if_any(ConfigurationError)
    a, b, c, end = SPEED_CURVES[curve]
    metres = np.nan_to_num(np.asarray(depth, dtype=np.float64), nan=0.0)
    limit = end / _MM if depth_limit is None else depth_limit
    # Held at the end of the curve: the bounding curves touch zero there, up to rounding.
    w = np.clip(metres * _MM, 0.0, end)
    speed = np.maximum((a * w + b) * w + c, 0.0)
    return np.where(metres < limit, speed * _KMH, 0.0)


def free_speeds(links: pd.DataFrame, class_speeds: Mapping[str, ClassSpeed] = ROAD_CLASS_SPEEDS) -> NDArray[np.float64]:
    """Return the free speed of each link, m/s: its own, else that of its class; NaN where neither is known.

    Parameters
    ----------
    links : DataFrame
    class_speeds : mapping of str to ClassSpeed
    """
    of_class = links["kind"].astype(str).map({name: known.speed for name, known in class_speeds.items()})
    speed = links["speed"].to_numpy(dtype=np.float64)
    return np.where(np.isnan(speed), of_class.to_numpy(dtype=np.float64), speed)


def link_times(
    links: pd.DataFrame,
    depth: xr.DataArray,
    *,
    speed_share: float = 1.0,
    curve: CurveName = "fitted",
    depth_limit: float | None = None,
    bridge: ArrayLike | None = None,
    class_speeds: Mapping[str, ClassSpeed] = ROAD_CLASS_SPEEDS,
) -> xr.DataArray:
    """Return how long each link takes, whole milliseconds.

    Parameters
    ----------
    links : DataFrame
        Rows of the asset table: `id`, `kind`, `length` (m; that of the geometry where empty), `speed` (m/s; that of the
        class `kind` where empty).
    depth : DataArray, m
        With the dimension `asset`, which holds every link, and any others, such as `event`: standing water. Unknown
        (NaN) counts as dry.
    speed_share : float
        Share of the free speed that is driven, e.g. 0.65 for ambulances (Korean designation of medically vulnerable
        areas).
    curve, depth_limit
        See :func:`speed_under_water`.
    bridge : (n_link,) bool, optional
        Links whose depth is that of the ground under their deck: they are dry.
    class_speeds : mapping of str to ClassSpeed

    Returns
    -------
    DataArray of int64, ms
        The dimensions of `depth`, `asset` in the order of `links`; at least 1; where nobody drives
        :data:`~resilience.network.travel.NO_WAY`.

    Raises
    ------
    DataError
        Links without a depth, without a speed and a known class, or with a length or speed that is none.
    ConfigurationError
        Parameters that cannot be meant.

    Notes
    -----
    time = length / min(share * free speed, speed under water).

    Examples
    --------
    >>> links = pd.DataFrame({"id": ["a", "b"], "kind": "primary", "length": 1000.0, "speed": [50 / 3.6, np.nan]})
    >>> depth = xr.DataArray([0.1, 0.0], dims="asset", coords={"asset": ["a", "b"]})
    >>> link_times(links, depth).values.tolist()
    [88550, 60000]
    """
    if not speed_share > 0:
        raise ConfigurationError(Problem("speed_share", wanted="a share of the free speed, > 0", got=str(speed_share)))
    ids = links["id"].astype(str).to_numpy()
    length = links["length"].to_numpy(dtype=np.float64)
    if "geometry" in links:
        length = np.where(np.isnan(length), shapely.length(links["geometry"].to_numpy()), length)
    speed = free_speeds(links, class_speeds)
    place = pd.Index(depth["asset"].astype(str).to_numpy()).get_indexer(pd.Index(ids))

    problems = Problems()

    def check(subject: str, wanted: str, got: str, wrong: NDArray[np.bool_]) -> None:
        if wrong.any():
            first = ids[wrong][:4].tolist()
            problems.add(subject, wanted=wanted, got=got, count=int(wrong.sum()), total=ids.size, first=first)

    check("depth", "a depth for every link", "links are not there", place < 0)
    check("length", "metres, >= 0", "lengths are none", ~(np.isfinite(length) & (length >= 0)))
    known = ", ".join(sorted(class_speeds))
    check("speed", f"a speed (m/s), or as kind one of {known}", "links have neither", np.isnan(speed))
    check("speed", "m/s, > 0", "speeds are none", ~(np.isnan(speed) | (np.isfinite(speed) & (speed > 0))))
    problems.raise_if_any(DataError)

    water = depth.isel(asset=place).transpose(..., "asset")
    metres = water.values if bridge is None else np.where(np.asarray(bridge, dtype=bool), 0.0, water.values)
    driven = np.minimum(speed_under_water(metres, curve=curve, depth_limit=depth_limit), speed_share * speed)
    passed = driven > 0
    # A link that takes no time would make ties of all ways over it.
    from resilience.network.travel import NO_WAY

    milliseconds = np.clip(np.rint(1000 * length / np.where(passed, driven, 1.0)), 1, NO_WAY)
    times = water.copy(data=np.where(passed, milliseconds, NO_WAY).astype(np.int64))
    times.name = "link_time"
    times.attrs = {"unit": "ms", "long_name": "time to pass a link; 2**30 where nobody drives"}
    return times.assign_coords(asset=ids).transpose(*depth.dims)
