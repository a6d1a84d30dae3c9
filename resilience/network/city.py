"""The city: assets, needs, dependencies, supply and zones as tables in one metric CRS."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError, ProjError

from resilience.errors import DataError, Problems, count_of
from resilience.network.checks import find_problems
from resilience.network.normalise import empty_table, normalise_table
from resilience.network.shapes import representative_points

Frames = pd.DataFrame | Sequence[pd.DataFrame]

_GEOMETRIC = ("assets", "zones")


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A city as tables. Build it with :meth:`from_tables`; the constructor itself trusts its arguments.

    Parameters
    ----------
    assets : geopandas.GeoDataFrame
        Nodes and links; columns as in ``resilience.network.tables.ASSET_COLUMNS``.
    needs : pandas.DataFrame
        What each dependent must receive.
    dependencies : pandas.DataFrame
        Who can provide it.
    supply : pandas.DataFrame
        Sources and demands of supplied sectors.
    zones : geopandas.GeoDataFrame
        Where people are.
    crs : pyproj.CRS
        Metric working CRS of both geometry columns.
    persons_unit : str
        What `zones.persons` counts.
    """

    assets: gpd.GeoDataFrame
    needs: pd.DataFrame
    dependencies: pd.DataFrame
    supply: pd.DataFrame
    zones: gpd.GeoDataFrame
    crs: CRS
    persons_unit: str = "persons"

    @classmethod
    def from_tables(
        cls,
        *,
        assets: Frames,
        needs: Frames | None = None,
        dependencies: Frames | None = None,
        supply: Frames | None = None,
        zones: Frames | None = None,
        crs: Any = None,
        persons_unit: str = "persons",
        curve_names: Collection[str] | None = None,
    ) -> Network:
        """Return the network of these tables: defaults filled, types coerced, geometry reprojected, all checked.

        Parameters
        ----------
        assets, zones : geopandas.GeoDataFrame or sequence of them
            Several layers are put one below the other, each reprojected from its own CRS. A link without geometry runs
            straight between its ends.
        needs, dependencies, supply : pandas.DataFrame or sequence of them, optional
        crs : CRS, EPSG code or WKT, optional
            Metric working CRS; the CRS of the assets where it is metric.
        persons_unit : str
            What `zones.persons` counts, e.g. ``"persons"`` or ``"zones"``.
        curve_names : collection of str, optional
            Known curves; where given, the curve columns of the assets must name one of them or none.

        Raises
        ------
        DataError
            With every problem found in all tables.

        Examples
        --------
        >>> points = gpd.points_from_xy([0.0, 30.0], [0.0, 40.0])
        >>> assets = gpd.GeoDataFrame({"id": ["S", "H"], "sector": ["power", "medical"]}, geometry=points, crs=5179)
        >>> needs = pd.DataFrame({"id": ["n"], "dependent": ["H"], "service": ["power"]})
        >>> served = pd.DataFrame({"need": ["n"], "provider": ["S"]})
        >>> Network.from_tables(assets=assets, needs=needs, dependencies=served)
        <Network: 2 assets (0 links), 1 need, 1 dependency, 0 supply rows, 0 zones, EPSG:5179>
        """
        problems = Problems()
        given = {
            "assets": assets, "needs": needs, "dependencies": dependencies, "supply": supply, "zones": zones
        }  # fmt: skip
        layers = {name: _as_list(frames) for name, frames in given.items()}
        working = _working_crs(crs, [*layers["assets"], *layers["zones"]], problems)
        tables: dict[str, Any] = {}
        for name, frames in layers.items():
            parts = []
            for i, frame in enumerate(frames):
                subject = name if len(frames) == 1 else f"{name}[{frame.attrs.get('source', i)}]"
                active = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) and _has_geometry(frame) else None
                if isinstance(frame, gpd.GeoDataFrame) and active not in (None, "geometry"):
                    frame = frame.rename_geometry("geometry")
                part = normalise_table(pd.DataFrame(frame), name, problems, subject=subject)
                if name in _GEOMETRIC:
                    _reproject(part, getattr(frame, "crs", None) if active else None, working, problems, subject)
                parts.append(part)
            table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0] if parts else empty_table(name)
            if name in _GEOMETRIC:
                table = gpd.GeoDataFrame(pd.DataFrame(table), geometry=np.asarray(table["geometry"], dtype=object))
            tables[name] = table
        tables["assets"] = _with_straight_links(tables["assets"])
        network = cls(**tables, crs=working, persons_unit=persons_unit)
        if working is not None:
            network = cls(
                **{**tables, **{name: tables[name].set_crs(working) for name in _GEOMETRIC}},
                crs=working,
                persons_unit=persons_unit,
            )
        problems.extend(find_problems(network, curve_names=curve_names))
        problems.raise_if_any(DataError)
        return network

    def replace(self, **changes: Any) -> Network:
        """Return a network with some tables, the CRS or the unit of persons replaced, checked again.

        Parameters
        ----------
        **changes
            Arguments of :meth:`from_tables`.

        Raises
        ------
        DataError
            With every problem found.
        """
        present = {
            "assets": self.assets, "needs": self.needs, "dependencies": self.dependencies, "supply": self.supply,
            "zones": self.zones, "crs": self.crs, "persons_unit": self.persons_unit,
        }  # fmt: skip
        return type(self).from_tables(**{**present, **changes})

    def subset(self, ids: Iterable[str]) -> Network:
        """Return the network of these assets and zones alone.

        A link stays only with both its ends, a dependency only with its provider and dependent; an access node that
        left is forgotten. Sources that left no longer supply.

        Parameters
        ----------
        ids : iterable of str
            Ids of assets and zones.

        Raises
        ------
        DataError
            Unknown ids, or a need left with fewer providers than it requires.
        """
        wanted = pd.Index(list(dict.fromkeys(ids)), dtype="str")
        known = pd.Index(self.assets["id"]).append(pd.Index(self.zones["id"]))
        unknown = wanted[~wanted.isin(known)]
        if len(unknown):
            problems = Problems()
            problems.add(
                "subset", wanted="ids of assets or zones", got="unknown ids", count=len(unknown), total=len(wanted),
                first=unknown[:3],
            )  # fmt: skip
            problems.raise_if_any(DataError)
        assets = self.assets[self.assets["id"].isin(wanted)]
        for end in ("from_asset", "to_asset"):
            assets = assets[assets[end].isin(assets["id"]) | (assets[end] == "")]
        zones = self.zones[self.zones["id"].isin(wanted)]
        kept = pd.Index(assets["id"])
        assets = assets.assign(access_asset=assets["access_asset"].where(assets["access_asset"].isin(kept), ""))
        zones = zones.assign(access_asset=zones["access_asset"].where(zones["access_asset"].isin(kept), ""))
        needs = self.needs[self.needs["dependent"].isin(kept.append(pd.Index(zones["id"])))]
        served = self.dependencies["need"].isin(needs["id"]) & self.dependencies["provider"].isin(kept)
        supply = self.supply[self.supply["asset"].isin(kept)]
        return self.replace(
            assets=assets, zones=zones, needs=needs, dependencies=self.dependencies[served], supply=supply
        )

    def __repr__(self) -> str:
        links = int((self.assets["from_asset"] != "").sum())
        place = self.crs.to_string() if len(self.crs.to_string()) < 20 else self.crs.name
        return (
            f"<Network: {count_of(len(self.assets), 'asset')} ({count_of(links, 'link')}), "
            f"{count_of(len(self.needs), 'need')}, {count_of(len(self.dependencies), 'dependency')}, "
            f"{count_of(len(self.supply), 'supply row')}, {count_of(len(self.zones), 'zone')}, {place}>"
        )


def suggest_crs(longitude: float, latitude: float) -> str:
    """Return the UTM zone of a place as EPSG code.

    Parameters
    ----------
    longitude, latitude : float, degrees

    Examples
    --------
    >>> suggest_crs(129.08, 35.18)
    'EPSG:32652'
    """
    zone = min(max(int((longitude + 180.0) // 6.0) + 1, 1), 60)
    return f"EPSG:{(32700 if latitude < 0 else 32600) + zone}"


def _as_list(frames: Frames | None) -> list[pd.DataFrame]:
    if frames is None:
        return []
    return [frames] if isinstance(frames, pd.DataFrame) else list(frames)


def _has_geometry(frame: gpd.GeoDataFrame) -> bool:
    return frame._geometry_column_name is not None and frame._geometry_column_name in frame.columns


def _working_crs(crs: Any, frames: list[pd.DataFrame], problems: Problems) -> CRS | None:
    wanted = "a metric working CRS: your national grid or a UTM zone, e.g. crs='EPSG:32652'"
    found = [f.crs for f in frames if isinstance(f, gpd.GeoDataFrame) and _has_geometry(f) and f.crs is not None]
    if crs is None:
        metric = [c for c in found if _why_not_metric(c) is None]
        if any(c != metric[0] for c in metric[1:]):
            names = ", ".join(sorted({c.to_string() for c in metric}))
            problems.add("crs", wanted=f"{wanted}; the layers disagree", got=f"none given, layers in {names}")
        if metric:
            return metric[0]
        if not found:
            return None
        working = found[0]
    else:
        try:
            working = CRS.from_user_input(crs)
        except CRSError:
            problems.add("crs", wanted=wanted, got=f"{crs!r}, which PROJ does not know")
            return None
    reason = _why_not_metric(working)
    if reason is None:
        return working
    for frame in frames:
        if isinstance(frame, gpd.GeoDataFrame) and _has_geometry(frame) and frame.crs is not None and len(frame):
            x0, y0, x1, y1 = frame.geometry.total_bounds
            if frame.crs.is_geographic and np.isfinite([x0, y0, x1, y1]).all():
                code = suggest_crs((x0 + x1) / 2, (y0 + y1) / 2)
                wanted = f"a metric working CRS: your national grid, or the UTM zone here: crs='{code}'"
                break
    problems.add("crs", wanted=wanted, got=f"{working.to_string()} ({working.name}), {reason}")
    return None


def _why_not_metric(crs: CRS) -> str | None:
    if crs.is_geographic or crs.is_geocentric:
        return "whose coordinates are not metres on a plane"
    if any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info[:2]):
        return f"whose unit is the {crs.axis_info[0].unit_name}"
    if "Pseudo-Mercator" in crs.name or "Popular Visualisation" in crs.name:
        return "whose metres are stretched away from the equator"
    return None


def _reproject(part: pd.DataFrame, crs: CRS | None, working: CRS | None, problems: Problems, subject: str) -> None:
    shapes = np.asarray(part["geometry"], dtype=object)
    if not (~shapely.is_missing(shapes)).any():
        return
    if crs is None:
        fix = "a CRS: say which one the coordinates are in (frame.set_crs(...), or `crs:` of the layer)"
        problems.add(f"{subject}.geometry", wanted=fix, got="no CRS")
        return
    x0, y0, x1, y1 = shapely.total_bounds(shapes)
    if crs.is_geographic and (x0 < -180.5 or x1 > 360.5 or y0 < -90.5 or y1 > 90.5):
        problems.add(
            f"{subject}.geometry",
            wanted=f"degrees, longitude before latitude, as {crs.to_string()} says (or the true CRS)",
            got=f"coordinates from ({x0:.6g}, {y0:.6g}) to ({x1:.6g}, {y1:.6g})",
        )
    elif working is not None and crs != working:
        try:
            part["geometry"] = np.asarray(gpd.GeoSeries(shapes, crs=crs).to_crs(working), dtype=object)
        except ProjError:
            wanted = f"a CRS from which {working.name} can be reached"
            problems.add(f"{subject}.geometry", wanted=wanted, got=crs.name)


def _with_straight_links(assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = np.array(assets.geometry, dtype=object)
    bare = shapely.is_missing(shapes) & (assets["from_asset"] != "").to_numpy() & (assets["to_asset"] != "").to_numpy()
    if not bare.any():
        return assets
    ids = pd.Index(assets["id"])
    if ids.has_duplicates:
        return assets
    start = ids.get_indexer(pd.Index(assets["from_asset"][bare]))
    end = ids.get_indexer(pd.Index(assets["to_asset"][bare]))
    places = representative_points(shapes)
    ends = np.stack([places[start], places[end]], axis=1)
    known = (start >= 0) & (end >= 0) & np.isfinite(ends).all(axis=(1, 2))
    rows = np.flatnonzero(bare)[known]
    shapes[rows] = shapely.linestrings(ends[known])
    return assets.set_geometry(gpd.array.from_shapely(shapes))
