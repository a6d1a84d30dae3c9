"""Road graphs in GraphML, as OSMnx and NetworkX write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from resilience.errors import DataError, MissingInputError, Problem, Problems, suggestion
from resilience.files import is_there
from resilience.readers.wkt import shapes_of_wkt

_KMH = 1 / 3.6
_METRES_PER_SECOND = {"": _KMH, "km/h": _KMH, "kmh": _KMH, "kph": _KMH, "mph": 0.44704, "knots": 1852 / 3600}
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?")


def read_graphml(
    path: str | Path,
    *,
    sector: str = "transport",
    node_kind: str = "road_node",
    link_kind: str = "road",
    id_prefix: str = "",
    crs: Any = None,
    columns: Mapping[str, str] | None = None,
) -> gpd.GeoDataFrame:
    """Return the nodes and links of a GraphML road graph as assets.

    Parameters
    ----------
    path : path
    sector, node_kind, link_kind : str
        What the assets are.
    id_prefix : str
        Put before each id. Nodes keep the graph's ids; a link is called ``from-to``, further ones ``from-to/2`` and
        so on, the shortest first.
    crs : CRS, EPSG code or WKT, optional
        Of x and y; the graph's own `crs`, or EPSG:4326 (longitude, latitude), by default.
    columns : mapping of str to str, optional
        Further edge attributes to keep: our name -> the graph's, e.g. ``{"name": "name", "kind": "highway"}``.

    Returns
    -------
    geopandas.GeoDataFrame
        Nodes (attributes x, y), then links. In a directed graph, an edge and its reverse of the same length (to the
        millimetre) are one two-way link; an edge without its reverse is one-way; parallel edges stay. An edge back to
        its own node connects nothing: with a geometry it is an asset without ends, else it is left out.
        `geometry` is the edge's WKT, else a straight line; `length` (m) the edge's, else empty; `speed` (m/s) comes
        from `maxspeed` ("50", "30 mph"; the lowest of several), else empty.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        It is not GraphML, declares a document type or entities, or nodes lack places.

    Examples
    --------
    >>> import tempfile
    >>> text = (
    ...     '<graphml><key id="a" for="node" attr.name="x"/><key id="b" for="node" attr.name="y"/>'
    ...     '<graph edgedefault="directed"><node id="1"><data key="a">127.0</data><data key="b">37.5</data></node>'
    ...     '<node id="2"><data key="a">127.1</data><data key="b">37.5</data></node>'
    ...     '<edge source="1" target="2"/><edge source="2" target="1"/></graph></graphml>'
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "roads.graphml"
    ...     _ = file.write_text(text)
    ...     frame = read_graphml(file)
    >>> frame[["id", "kind", "oneway"]].to_numpy().tolist()
    [['1', 'road_node', False], ['2', 'road_node', False], ['1-2', 'road', False]]
    """
    source = Path(path)
    graph = _parse(source)
    problems = Problems()
    names = pd.Index([str(node) for node in graph.nodes], dtype="str")
    xy = np.array(
        [[_number(data.get("x")), _number(data.get("y"))] for data in graph.nodes.values()], dtype=np.float64
    ).reshape(-1, 2)
    lost = np.asarray(~np.isfinite(xy).all(axis=1))
    if lost.any():
        problems.add(
            f"{source.name} nodes", wanted="numbers x and y in every node", got="nodes without a place",
            count=int(lost.sum()), total=len(names), first=names.to_numpy(dtype=object)[lost][:3],
        )  # fmt: skip
    tail = names.get_indexer(pd.Index([edge[0] for edge in graph.edges], dtype="str"))
    head = names.get_indexer(pd.Index([edge[1] for edge in graph.edges], dtype="str"))
    astray = (tail < 0) | (head < 0)
    if astray.any():
        problems.add(
            f"{source.name} edges", wanted="edges between nodes of the graph", got="edges to absent nodes",
            count=int(astray.sum()), total=len(graph.edges),
            first=[f"{graph.edges[i][0]} -> {graph.edges[i][1]}" for i in np.flatnonzero(astray)[:3]],
        )  # fmt: skip
    length = _lengths(graph, source.name, problems)
    shapes = _shapes(graph, source.name, problems)
    attributes = _attributes(graph, columns or {}, source.name, problems)
    problems.raise_if_any(DataError)
    declared = _crs_of(graph, crs, xy, source.name)

    bare = np.asarray(shapely.is_missing(shapes))
    straight = bare & (tail != head)
    shapes[straight] = shapely.linestrings(np.stack([xy[tail[straight]], xy[head[straight]]], axis=1))
    table = pd.DataFrame({"tail": tail, "head": head, "length": length})
    table["key"] = np.round(np.where(np.isnan(length), shapely.length(shapes), length) * 1000.0)
    table = table[~shapely.is_missing(shapes)]
    links = _pair(table, np.asarray(graph.oriented, dtype=bool), names)
    edge = links["edge"].to_numpy()
    loop = (links["tail"] == links["head"]).to_numpy()
    start = names.to_numpy(dtype=object)[links["tail"]]
    end = names.to_numpy(dtype=object)[links["head"]]
    link_table = {
        "id": id_prefix + links["name"].to_numpy(dtype=object),
        "sector": sector,
        "kind": link_kind,
        "from_asset": np.where(loop, "", id_prefix + start),
        "to_asset": np.where(loop, "", id_prefix + end),
        "oneway": links["oneway"].to_numpy(dtype=bool),
        "length": length[edge],
        "speed": _speeds(graph)[edge],
        **{name: values[edge] for name, values in attributes.items()},
    }
    node_table = {"id": id_prefix + names.to_numpy(dtype=object), "sector": sector, "kind": node_kind,
                  "from_asset": "", "to_asset": "", "oneway": False}  # fmt: skip
    nodes = gpd.GeoDataFrame(node_table, geometry=shapely.points(xy), crs=declared)
    roads = gpd.GeoDataFrame(link_table, geometry=shapes[edge], crs=declared)
    frame: gpd.GeoDataFrame = pd.concat([nodes, roads], ignore_index=True)
    for name in ("id", "sector", "kind", "from_asset", "to_asset"):
        frame[name] = frame[name].fillna("").astype("str")
    frame.attrs["source"] = source.name
    return frame


def _pair(table: pd.DataFrame, oriented: NDArray[np.bool_], names: pd.Index[Any]) -> pd.DataFrame:
    """Return one row per link: an edge and its reverse of the same length become one.

    The lower node (by name) comes first in a two-way link, so that the order of edges in the file does not matter.
    """
    rank = np.argsort(np.argsort(names.to_numpy(dtype=object), kind="stable"), kind="stable")
    tail, head = table["tail"].to_numpy(), table["head"].to_numpy()
    forward = rank[tail] <= rank[head]
    edges = pd.DataFrame(
        {
            "low": np.where(forward, tail, head),
            "high": np.where(forward, head, tail),
            "key": table["key"].to_numpy(),
            "forward": forward,
            "edge": table.index.to_numpy(),
            "oriented": oriented[table.index.to_numpy()],
        }
    )
    edges = edges.sort_values(["low", "high", "key", "edge"], ignore_index=True)
    loop = edges["low"] == edges["high"]
    # A loop is listed once per direction, both of them "forward": every second one is a reverse.
    nth = edges.groupby(["low", "high", "key", "forward"]).cumcount()
    turn = edges.groupby(["low", "high", "key"]).cumcount()
    edges["forward"] = np.where(loop, turn % 2 == 0, edges["forward"])
    edges["n"] = np.where(loop, turn // 2, nth)
    both = edges.groupby(["low", "high", "key", "n", "oriented"])["forward"].transform("nunique") == 2
    keep = ~(both & edges["oriented"] & ~edges["forward"])
    links = edges[keep].copy()
    links["oneway"] = (links["oriented"] & ~both[keep]).to_numpy()
    links["tail"] = np.where(links["forward"], links["low"], links["high"])
    links["head"] = np.where(links["forward"], links["high"], links["low"])
    text = names.to_numpy(dtype=object)
    stem = pd.Series(text[links["tail"]] + "-" + text[links["head"]], index=links.index)
    again = stem.groupby(stem).cumcount() + 1
    links["name"] = stem.where(again == 1, stem + "/" + again.astype("str"))
    return links.reset_index(drop=True)


class _Graph:
    """What a GraphML file holds, as text."""

    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.oriented: list[bool] = []


class _Handler:
    """Receives the elements of the file in order; keeps no tree."""

    def __init__(self) -> None:
        self.graph = _Graph()
        self.keys: dict[str, str] = {}
        self.defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}, "graph": {}}
        self.directed = True
        self.target: list[dict[str, str]] = []
        self.key: str | None = None
        self.key_for = ""
        self.text: list[str] = []
        self.rooted = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self.rooted:
            if name != "graphml":
                raise ValueError(f"a file whose root is <{name}>")
            self.rooted = True
        if name == "key":
            self.key = attributes.get("id", "")
            self.keys[self.key] = attributes.get("attr.name", self.key)
            self.key_for = attributes.get("for", "all")
        elif name == "graph":
            self.directed = attributes.get("edgedefault", "directed") == "directed"
            self.target.append(self.graph.attributes)
        elif name == "node":
            data = dict(self.defaults["node"])
            self.graph.nodes[attributes["id"]] = data
            self.target.append(data)
        elif name == "edge":
            data = dict(self.defaults["edge"])
            self.graph.edges.append((attributes["source"], attributes["target"], data))
            told = attributes.get("directed")
            self.graph.oriented.append(self.directed if told is None else told == "true")
            self.target.append(data)
        elif name in ("data", "default"):
            self.key = attributes.get("key", self.key)
            self.text = []

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("graph", "node", "edge"):
            self.target.pop()
        elif name == "data" and self.target and self.key is not None:
            self.target[-1][self.keys.get(self.key, self.key)] = "".join(self.text).strip()
        elif name == "default" and self.key is not None:
            kinds = ("node", "edge", "graph") if self.key_for == "all" else (self.key_for,)
            for kind in kinds:
                self.defaults.setdefault(kind, {})[self.keys[self.key]] = "".join(self.text).strip()

    def characters(self, text: str) -> None:
        self.text.append(text)


def _parse(source: Path) -> _Graph:
    if not is_there(source) or not source.is_file():
        beside = [entry.name for entry in source.parent.iterdir()] if source.parent.is_dir() else []
        hint = suggestion(source.name, beside)
        raise MissingInputError(Problem(str(source), wanted="a file that is there", got=f"no such file{hint}"))
    handler = _Handler()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.characters

    def refuse(*_: Any) -> None:
        # Entities can name other files or grow without bound, and no road graph needs them.
        raise ValueError("a document type or entity declaration")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        with source.open("rb") as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, ValueError, LookupError, OSError) as error:
        # An encoding that Python does not know is a LookupError, an attribute that is not there a KeyError.
        reason = f"no attribute {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(Problem(str(source), wanted="plain GraphML, as OSMnx writes it", got=reason)) from error
    return handler.graph


def _number(text: str | None) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan


def _lengths(graph: _Graph, name: str, problems: Problems) -> NDArray[np.float64]:
    texts = [data.get("length", "") for _, _, data in graph.edges]
    metres = np.array([_number(text) for text in texts], dtype=np.float64)
    wrong = np.array([bool(text) for text in texts], dtype=bool) & ~((metres >= 0) & np.isfinite(metres))
    if wrong.any():
        problems.add(
            f"{name} length", wanted="metres >= 0", got="other values", count=int(wrong.sum()), total=len(texts),
            first=[repr(texts[i]) for i in np.flatnonzero(wrong)[:3]],
        )  # fmt: skip
    return metres


def _shapes(graph: _Graph, name: str, problems: Problems) -> NDArray[np.object_]:
    texts = np.array([data.get("geometry") or None for _, _, data in graph.edges], dtype=object)
    shapes = shapes_of_wkt(texts)
    line = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    wrong = ~line & np.array([text is not None for text in texts], dtype=bool)
    if wrong.any():
        problems.add(
            f"{name} geometry", wanted="lines as WKT", got="other values", count=int(wrong.sum()), total=len(texts),
            first=[repr(text[:40]) for text in texts[wrong][:3]],
        )  # fmt: skip
    return np.array(shapely.force_2d(shapes), dtype=object)


def _speeds(graph: _Graph) -> NDArray[np.float64]:
    texts = pd.Series([data.get("maxspeed", "") for _, _, data in graph.edges], dtype=object)
    known = {text: _slowest(text) for text in texts.unique()}
    return texts.map(known).to_numpy(dtype=np.float64)


def _slowest(text: str) -> float:
    """Return the lowest speed named in the text in m/s, NaN where it names none ("walk", "signals")."""
    speeds = [float(value) * _METRES_PER_SECOND[unit] for value, unit in _SPEED.findall(text.lower())]
    positive = [speed for speed in speeds if speed > 0]
    return min(positive) if positive else np.nan


def _attributes(
    graph: _Graph, columns: Mapping[str, str], name: str, problems: Problems
) -> dict[str, NDArray[np.object_]]:
    present = sorted({key for _, _, data in graph.edges for key in data})
    found = {}
    for our, their in columns.items():
        if their not in present:
            hint = suggestion(their, present)
            problems.add(f"{name} edge attribute {their!r} (for {our})", wanted=f"one of {', '.join(present)}",
                         got=f"absent{hint}")  # fmt: skip
        found[our] = np.array([data.get(their, "") for _, _, data in graph.edges], dtype=object)
    return found


def _crs_of(graph: _Graph, crs: Any, xy: NDArray[np.float64], name: str) -> CRS:
    told = crs if crs is not None else graph.attributes.get("crs") or "EPSG:4326"
    try:
        declared = CRS.from_user_input(told)
    except CRSError as error:
        raise DataError(Problem(f"{name} crs", wanted="e.g. EPSG:4326", got=f"{told!r}, unknown to PROJ")) from error
    if declared.is_geographic and len(xy) and (np.abs(xy[:, 0]).max() > 360.5 or np.abs(xy[:, 1]).max() > 90.5):
        raise DataError(
            Problem(name, wanted="the CRS of x and y (`crs:` of the layer)", got="x and y that are not degrees")
        )
    return declared
