"""Vector files and plain tables into the columns of a city.

GeoPackage, GeoJSON, Shapefile, FlatGeobuf and whatever else GDAL opens, MapInfo aside; CSV with coordinates; GeoParquet
where pyarrow is installed. A map of columns (ours -> theirs), constants and a filter say what the file means; nothing
is guessed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from resilience.errors import ConfigurationError, DataError, Problem, Problems, suggestion
from resilience.network import TABLES, select_rows
from resilience.network.normalise import MISSPELT, normalise_text
from resilience.network.shapes import flatten_geometry
from resilience.readers.opening import open_csv, open_layer
from resilience.readers.topology import connect_endpoints
from resilience.readers.wkt import shapes_of_wkt

AUTO = "auto"
_COORDINATES = (("x", "y"), ("lon", "lat"))


def read_layer(
    path: str | Path,
    *,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
    where: Mapping[str, Any] | None = None,
    crs: Any = None,
    id_prefix: str = "",
    end_prefix: str | None = None,
    role: Literal["assets", "zones"] = "assets",
    topology: str | None = None,
    nodes: gpd.GeoDataFrame | None = None,
    node_kind: str = "junction",
    tolerance: float = 1.0,
    encoding: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return one layer of a vector file as assets or zones.

    Parameters
    ----------
    path : path
        File (or folder of an OpenFileGDB). ``.csv`` is read with coordinates from the columns mapped to ``x`` and
        ``y`` (or ``lon`` and ``lat``), or as WKT from the column mapped to ``geometry``; links may have none.
    layer : str, optional
        Needed where the file has several.
    columns : mapping of str to str, optional
        Our name -> the file's name. ``id: auto`` numbers the rows of the file, before any filter. Without a map,
        columns that have our names are taken; with one, only the mapped ones.
    constants : mapping, optional
        Our name -> one value for all rows, e.g. ``{"sector": "power", "kind": "substation"}``.
    where : mapping, optional
        The file's column -> value or values to keep.
    crs : CRS, EPSG code or WKT, optional
        What the coordinates are in; it overrules what the file says.
    id_prefix : str
        Put before each id, to keep layers apart.
    end_prefix : str, optional
        Put before `from_asset` and `to_asset`; `id_prefix` by default.
    role : {"assets", "zones"}
        The table it is for.
    topology : {"endpoints"}, optional
        Make links of lines: see :func:`resilience.readers.topology.connect_endpoints`.
    nodes : geopandas.GeoDataFrame, optional
        With `topology`: assets that line ends may snap to.
    node_kind : str
        With `topology`: kind of the nodes it makes.
    tolerance : float, m
        With `topology`: ends nearer than this are one place.
    encoding : str, optional
        Of the text in a Shapefile or CSV, e.g. ``"cp949"``; what the file says, or UTF-8, by default.

    Returns
    -------
    geopandas.GeoDataFrame
        Registered columns as found, in the file's CRS; ``attrs["source"]`` is the file's name.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        It cannot be read, has no CRS, or lacks wanted columns, layers or values.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "clinics.csv"
    ...     _ = file.write_text("NAME,E,N\nWest,10,20\n")
    ...     frame = read_layer(
    ...         file, columns={"id": "NAME", "x": "E", "y": "N"}, constants={"sector": "medical"}, crs="EPSG:5179"
    ...     )
    >>> frame["id"].item(), str(frame.geometry.item())
    ('West', 'POINT (10 20)')
    """
    source = Path(path)
    raw = open_layer(source, layer, encoding)
    if not len(raw):
        raise DataError(Problem(str(source), wanted="at least one feature (or no such layer)", got="none"))
    problems = Problems()
    wanted = dict(columns) if columns is not None else _own_names(raw, role)
    kept = np.ones(len(raw), dtype=bool)
    if where:
        fields = raw.drop(columns="geometry", errors="ignore")
        kept = select_rows(fields, where, problems, subject=f"{source.name} where")
    table = _map_columns(raw, wanted, source.name, problems)
    shapes = _shapes_of(raw, wanted, source.name, problems)
    problems.raise_if_any(DataError)
    declared = _crs_of(source.name, raw, crs, shapes)
    _name_rows(table, wanted, id_prefix, id_prefix if end_prefix is None else end_prefix)
    for name, value in (constants or {}).items():
        table[name] = value
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs=declared)[kept].reset_index(drop=True)
    if topology is not None:
        if topology != "endpoints":
            hint = suggestion(str(topology), ["endpoints"])
            raise ConfigurationError(Problem(f"{source.name} topology", wanted="endpoints", got=f"{topology!r}{hint}"))
        frame = connect_endpoints(
            frame, nodes=nodes, tolerance=tolerance, node_kind=node_kind, id_prefix=id_prefix, subject=source.name
        )
    frame.attrs["source"] = source.name
    return frame


def read_table(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
    where: Mapping[str, Any] | None = None,
    role: Literal["needs", "dependencies", "supply"] = "needs",
    encoding: str | None = None,
) -> pd.DataFrame:
    r"""Return a CSV file as a table of needs, dependencies or supply.

    Parameters
    ----------
    path : path
    columns : mapping of str to str, optional
        Our name -> the file's name; ``id: auto`` numbers the rows. Without it, columns that have our names are taken.
    constants, where, encoding
        As in :func:`read_layer`.
    role : {"needs", "dependencies", "supply"}
        The table it is for.

    Returns
    -------
    pandas.DataFrame
        Text as read; :meth:`resilience.network.Network.from_tables` turns it into numbers.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        It cannot be read, or lacks wanted columns or values.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "served.csv"
    ...     _ = file.write_text("need,by\nn1,S1\n")
    ...     read_table(file, role="dependencies", columns={"need": "need", "provider": "by"}).to_numpy().tolist()
    [['n1', 'S1']]
    """
    source = Path(path)
    raw = open_csv(source, encoding)
    problems = Problems()
    wanted = dict(columns) if columns is not None else _own_names(raw, role)
    kept = np.ones(len(raw), dtype=bool)
    if where:
        kept = select_rows(raw, where, problems, subject=f"{source.name} where")
    table = _map_columns(raw, wanted, source.name, problems)
    problems.raise_if_any(DataError)
    _name_rows(table, wanted, "", "")
    for name, value in (constants or {}).items():
        table[name] = value
    table = table[kept].reset_index(drop=True)
    table.attrs["source"] = source.name
    return table


def _own_names(raw: pd.DataFrame, role: str) -> dict[str, str]:
    ours = [column.name for column in TABLES[role] if column.name != "geometry"]
    ours += [name for pair in _COORDINATES for name in pair] if not isinstance(raw, gpd.GeoDataFrame) else []
    own = {name: name for name in ours if name in raw.columns}
    # A column that looks like a misspelt one of ours is taken along: the network refuses it by name.
    absent = [name for name in ours if name not in own]
    own |= {
        name: name
        for name in map(str, raw.columns)
        if name not in own and difflib.get_close_matches(name, absent, n=1, cutoff=MISSPELT)
    }
    if "geometry" in raw.columns and not isinstance(raw, gpd.GeoDataFrame) and role in ("assets", "zones"):
        own["geometry"] = "geometry"
    return own


def _map_columns(raw: pd.DataFrame, wanted: Mapping[str, str], name: str, problems: Problems) -> pd.DataFrame:
    """Return the mapped columns under our names; coordinates and WKT stay behind."""
    theirs = [str(column) for column in raw.columns if column != "geometry"]
    places = {part for pair in _COORDINATES for part in pair} | {"geometry"}
    taken: dict[str, Any] = {}
    for our, their in wanted.items():
        if our == "id" and their == AUTO and AUTO not in theirs:
            continue
        if their not in raw.columns:
            problems.add(
                f"{name} column {their!r} (for {our})",
                wanted=f"one of {', '.join(theirs)}",
                got=f"absent{suggestion(str(their), theirs)}",
            )
        elif our not in places:
            taken[our] = raw[their].reset_index(drop=True)
    return pd.DataFrame(taken, index=pd.RangeIndex(len(raw)))


def _shapes_of(raw: pd.DataFrame, wanted: Mapping[str, str], name: str, problems: Problems) -> Any:
    if isinstance(raw, gpd.GeoDataFrame):
        return flatten_geometry(np.array(raw.geometry, dtype=object))
    if "geometry" in wanted and wanted["geometry"] in raw:
        text = raw[wanted["geometry"]]
        words = np.array(text, dtype=object)
        words[text.isna().to_numpy()] = None
        shapes = shapes_of_wkt(words)
        wrong = np.asarray(shapely.is_missing(shapes)) & text.notna().to_numpy()
        if wrong.any():
            subject, count = f"{name} column {wanted['geometry']!r}", int(wrong.sum())
            problems.add(subject, wanted="WKT", got="other text", count=count, total=len(raw), first=text[wrong][:3])
        return flatten_geometry(np.asarray(shapes, dtype=object))
    for pair in _COORDINATES:
        if all(part in wanted and wanted[part] in raw for part in pair):
            x, y = (_to_floats(raw[wanted[part]], f"{name} column {wanted[part]!r}", problems) for part in pair)
            here = np.isfinite(x) & np.isfinite(y)
            shapes = np.full(len(raw), None, dtype=object)
            shapes[here] = shapely.points(x[here], y[here])
            return shapes
    if not {"from_asset", "to_asset"} <= set(wanted):
        problems.add(
            name,
            wanted="columns mapped to x and y (or lon and lat, or geometry as WKT), or from_asset and to_asset",
            got="a table without places",
        )
    return np.full(len(raw), None, dtype=object)


def _to_floats(values: pd.Series[Any], subject: str, problems: Problems) -> Any:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(numbers) & values.notna().to_numpy()
    if wrong.any():
        problems.add(
            subject, wanted="numbers with a decimal point", got="values that are not numbers", count=int(wrong.sum()),
            total=len(values), first=[repr(value) for value in values[wrong][:3]],
        )  # fmt: skip
    return numbers


def _crs_of(name: str, raw: pd.DataFrame, crs: Any, shapes: Any) -> CRS | None:
    if shapely.is_missing(shapes).all():
        return None
    try:
        declared = CRS.from_user_input(crs) if crs is not None else getattr(raw, "crs", None)
    except CRSError as error:
        raise DataError(Problem(f"{name} crs", wanted="e.g. EPSG:5179", got=f"{crs!r}, unknown to PROJ")) from error
    if declared is None:
        raise DataError(
            Problem(name, wanted="the CRS of its coordinates (add `crs:` to the layer, e.g. EPSG:5179)", got="no CRS")
        )
    x0, y0, x1, y1 = shapely.total_bounds(shapes)
    if declared.is_geographic and (x0 < -180.5 or x1 > 360.5 or y0 < -90.5 or y1 > 90.5):
        raise DataError(
            Problem(
                name,
                wanted=f"degrees, longitude before latitude, as {declared.to_string()} says (or the true `crs:`)",
                got=f"coordinates from ({x0:.6g}, {y0:.6g}) to ({x1:.6g}, {y1:.6g})",
            )
        )
    return declared


def _name_rows(table: pd.DataFrame, wanted: Mapping[str, str], id_prefix: str, end_prefix: str) -> None:
    if wanted.get("id") == AUTO and "id" not in table:
        table.insert(0, "id", [f"{id_prefix}{i}" for i in range(len(table))])
    elif "id" in table:
        table["id"] = _prefixed(table["id"], id_prefix)
    for end in ("from_asset", "to_asset"):
        if end in table:
            table[end] = _prefixed(table[end], end_prefix)


def _prefixed(values: pd.Series[Any], prefix: str) -> pd.Series[Any]:
    """Return the values as text with the prefix; gaps stay empty, so that the checks see them."""
    if not prefix:
        return values
    text = normalise_text(values)
    return text.where(text == "", prefix + text)
