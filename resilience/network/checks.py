"""What must hold in a city's tables. Every problem is told, not only the first."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from resilience.errors import DataError, Problems, suggestion
from resilience.network.tables import CURVE_COLUMNS, REQUIRED, TABLES, Column

if TYPE_CHECKING:
    from resilience.network.city import Network

# Nearest names are sought among this many at most: difflib compares one by one.
_MAX_COMPARED = 5_000
# No CRS of the Earth has places so far from its origin, in m; squares of distances stay finite below it.
FARTHEST = 1e8

_ASSET_TYPES = {"Point", "LineString", "Polygon", "MultiLineString", "MultiPolygon"}
_LINE_TYPES = {"LineString", "MultiLineString"}
_ZONE_TYPES = {"Point", "Polygon", "MultiPolygon"}


def check_network(network: Network, *, curve_names: Collection[str] | None = None) -> None:
    """Raise unless the tables of `network` fit together.

    A cycle of dependencies is legal, and so is an asset without any role.

    Parameters
    ----------
    network : Network
    curve_names : collection of str, optional
        Known curves; where given, curve columns must name one of them or none.

    Raises
    ------
    DataError
        With every problem found.

    Examples
    --------
    >>> from resilience.datasets import synthetic_city
    >>> check_network(synthetic_city(size=600).network)
    """
    find_problems(network, curve_names=curve_names).raise_if_any(DataError)


def check_curve_names(network: Network, curve_names: Collection[str]) -> None:
    """Raise unless every curve that an asset of a checked network names is known.

    Parameters
    ----------
    network : Network
    curve_names : collection of str

    Raises
    ------
    DataError
        With every problem found.

    Examples
    --------
    >>> from resilience.datasets import load_curves, synthetic_city
    >>> check_curve_names(synthetic_city(size=600).network, {curve.name for curve in load_curves()})
    """
    problems = Problems()
    _check_curves(problems, network.assets, curve_names)
    problems.raise_if_any(DataError)


def find_problems(network: Network, *, curve_names: Collection[str] | None = None) -> Problems:
    """Return every problem in the tables of `network`; see :func:`check_network`."""
    problems = Problems()
    tables = {name: getattr(network, name) for name in TABLES}
    if not len(network.assets):
        problems.add("assets", wanted="at least one asset", got="an empty table")
    ids = {name: pd.Index(tables[name]["id"]) for name in ("assets", "zones", "needs")}
    for name, index in ids.items():
        _check_ids(problems, f"{name}.id", index)
    both = ids["zones"].isin(ids["assets"]) & (ids["zones"] != "")
    _add(problems, "zones.id", "ids that no asset has", "ids also used by assets", both, ids["zones"])
    for name, table in tables.items():
        for column in TABLES[name]:
            subject = f"{name}.{column.name}"
            if column.refers:
                known = [ids[target] for target in column.refers]
                _check_references(problems, subject, table[column.name], column, known)
            elif column.dtype in ("float64", "int64"):
                _check_numbers(problems, subject, table, column)
            elif column.dtype == "str" and column.default == REQUIRED and column.name != "id":
                empty = (table[column.name] == "").to_numpy()
                _add(problems, subject, f"the {column.meaning}", "empty values", empty, table)
    _check_links(problems, network.assets, ids["assets"])
    _check_shapes(problems, "assets", network.assets, _ASSET_TYPES)
    _check_shapes(problems, "zones", network.zones, _ZONE_TYPES)
    _check_needs(problems, network, ids["needs"])
    _check_supply(problems, network, ids["assets"])
    if curve_names is not None:
        _check_curves(problems, network.assets, curve_names)
    return problems


def _add(problems: Problems, subject: str, wanted: str, got: str, wrong: Any, labels: Any, *, hint: str = "") -> None:
    """Note what is wrong; `labels` of the rows, or a function that makes them where some are."""
    wrong = np.asarray(wrong, dtype=bool)
    if wrong.any():
        if isinstance(labels, pd.DataFrame):
            labels = _labels(labels)
        first = np.asarray(labels() if callable(labels) else labels, dtype=object)[wrong][:3]
        problems.add(subject, wanted=wanted, got=got + hint, count=int(wrong.sum()), total=len(wrong), first=first)


def _labels(table: pd.DataFrame) -> NDArray[np.object_]:
    """Return what a row is called in messages: its id, or its number where it has none."""
    for name in ("id", "asset", "need"):
        if name in table:
            names = table[name].to_numpy(dtype=object)
            rows = np.array([f"row {i}" for i in range(len(table))], dtype=object) if (names == "").any() else names
            return np.where(names == "", rows, names)
    return np.arange(len(table)).astype(object)


def _check_ids(problems: Problems, subject: str, ids: pd.Index[Any]) -> None:
    empty = np.asarray(ids == "")
    rows = np.char.add("row ", np.arange(len(ids)).astype("U")) if empty.any() else ids
    _add(problems, subject, "a name in every row (`id: auto` numbers them on reading)", "empty ids", empty, rows)
    again = ids.duplicated() & ~empty
    _add(problems, subject, "every id once (an `id_prefix` keeps layers apart)", "repeated ids", again, ids)


def _check_references(
    problems: Problems, subject: str, values: pd.Series[Any], column: Column, known: list[pd.Index[Any]]
) -> None:
    text = values.to_numpy(dtype=object)
    empty = np.asarray(text == "", dtype=bool)
    found = empty.copy()
    named = pd.Index(values[~empty])
    for index in known:
        # An index keeps its hash table from one column to the next, if its names are unique.
        found[~empty] |= index.get_indexer(named) >= 0 if index.is_unique else named.isin(index)
    where = " or ".join(column.refers)
    hint = ""
    if not found.all():
        names = [name for index in known for name in index[:_MAX_COMPARED]]
        hint = suggestion(str(text[~found][0]), names)
    _add(problems, subject, f"ids in {where}", "ids that do not exist", ~found, text, hint=hint)
    if column.default == REQUIRED:
        rows = np.arange(len(text)).astype(object)
        _add(problems, subject, f"an id in {where} in every row", "empty ids in rows", empty, rows)


def _check_numbers(problems: Problems, subject: str, table: pd.DataFrame, column: Column) -> None:
    values = table[column.name].to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    if not column.gaps and missing.any():
        fill = "" if column.default == REQUIRED else f" (drop the column to use {column.default:g} for all)"
        _add(problems, subject, column.limits() + fill, "missing values", missing, table)
    wrong = np.isinf(values)
    if column.minimum is not None:
        wrong |= values < column.minimum
    if column.maximum is not None:
        wrong |= values > column.maximum
    if column.above is not None:
        wrong |= values <= column.above
    if wrong.any():
        shown = [
            f"{label} has {value:g}" for label, value in zip(_labels(table)[wrong][:3], values[wrong], strict=False)
        ]
        unit = f" in {column.unit}" if column.unit not in ("", "1") else ""
        problems.add(
            subject, wanted=column.limits() + unit, got="values outside the limits", count=int(wrong.sum()),
            total=len(values), first=shown,
        )  # fmt: skip


def _check_links(problems: Problems, assets: pd.DataFrame, ids: pd.Index[Any]) -> None:
    start, end = (assets[name].to_numpy(dtype=object) for name in ("from_asset", "to_asset"))
    half = (start == "") != (end == "")
    _add(problems, "assets.from_asset, to_asset", "both ends of a link, or none", "links with one end", half, assets)
    loop = (start == end) & (start != "")
    fix = "two different ends (split the link, or leave both ends empty)"
    _add(problems, "assets.from_asset, to_asset", fix, "links from an asset to itself", loop, assets)
    if ids.has_duplicates:
        return
    sector = assets["sector"].to_numpy(dtype=object)
    is_link = (start != "") | (end != "")
    other = np.zeros(len(assets), dtype=bool)
    link_end = np.zeros(len(assets), dtype=bool)
    for ends in (start, end):
        position = ids.get_indexer(pd.Index(ends))
        known = position >= 0
        other |= known & (sector[position] != sector)
        link_end |= known & is_link[position]
    fix = "ends in the link's own sector (a tie between sectors is a need)"
    _add(problems, "assets.from_asset, to_asset", fix, "links to another sector", other, assets)
    _add(problems, "assets.from_asset, to_asset", "nodes at both ends", "links that end at a link", link_end, assets)


def _check_shapes(problems: Problems, name: str, table: Any, allowed: set[str]) -> None:
    if not len(table):
        return
    subject = f"{name}.geometry"
    shapes = np.asarray(table["geometry"], dtype=object)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    _add(problems, subject, "a geometry in every row", "missing or empty geometries", absent, table)
    kinds = np.asarray(pd.Series(table.geom_type).fillna("").to_numpy(dtype=object))
    wrong = ~absent & ~np.isin(kinds, list(allowed))
    if wrong.any():
        hint = f" ({', '.join(sorted(set(kinds[wrong])))})"
        _add(problems, subject, ", ".join(sorted(allowed)), "wrong geometries", wrong, table, hint=hint)
    if "from_asset" in table:
        link = (table["from_asset"] != "").to_numpy() & (table["to_asset"] != "").to_numpy()
        bent = link & ~absent & ~wrong & ~np.isin(kinds, list(_LINE_TYPES))
        _add(problems, subject, "lines for links", "links that are not lines", bent, table)
    infinite = ~absent & ~(np.abs(shapely.bounds(shapes)) < FARTHEST).all(axis=1)
    fix = "finite coordinates within the area of the working CRS"
    _add(problems, subject, fix, "coordinates that cannot be placed", infinite, table)
    broken = ~absent & ~infinite & ~wrong & ~shapely.is_valid(shapes)
    if broken.any():
        hint = f" ({shapely.is_valid_reason(shapes[broken][0])})"
        _add(problems, subject, "valid shapes (try make_valid)", "invalid geometries", broken, table, hint=hint)


def _check_needs(problems: Problems, network: Network, ids: pd.Index[Any]) -> None:
    needs, served = network.needs, network.dependencies
    again = served.duplicated(subset=["need", "provider"]).to_numpy()

    def labels() -> NDArray[np.object_]:
        return (served["need"] + " <- " + served["provider"]).to_numpy(dtype=object)

    _add(problems, "dependencies", "each provider of a need once", "repeated rows", again, labels)
    if ids.has_duplicates:
        return
    position = ids.get_indexer(pd.Index(served["need"]))
    known = position >= 0
    own = np.zeros(len(served), dtype=bool)
    own[known] = (
        needs["dependent"].to_numpy(dtype=object)[position[known]] == served["provider"].to_numpy(dtype=object)[known]
    )
    _add(problems, "dependencies.provider", "another asset", "assets that provide for themselves", own, labels)
    providers = np.bincount(position[known & ~again], minlength=len(needs))
    few = (needs["required"].to_numpy() > providers) & (ids != "")
    if few.any():
        shown = [f"{ids[i]} requires {needs['required'].iloc[i]} of {providers[i]}" for i in np.flatnonzero(few)[:3]]
        problems.add(
            "needs.required", wanted="at most as many as the need has rows in dependencies",
            got="needs with fewer providers than required", count=int(few.sum()), total=len(needs), first=shown,
        )  # fmt: skip


def _check_supply(problems: Problems, network: Network, ids: pd.Index[Any]) -> None:
    supply, assets = network.supply, network.assets
    if not len(supply):
        return
    names = supply["sector"].to_numpy(dtype=object)

    def labels() -> NDArray[np.object_]:
        return (supply["asset"] + " in " + supply["sector"]).to_numpy(dtype=object)

    sectors = sorted(set(assets["sector"].unique()) - {""})
    unknown = ~pd.Index(names).isin(sectors) & (names != "")
    hint = suggestion(str(names[unknown][0]), sectors) if unknown.any() else ""
    _add(problems, "supply.sector", f"sectors of assets: {', '.join(sectors[:8])}", "unknown sectors", unknown, names,
         hint=hint)  # fmt: skip
    again = supply.duplicated(subset=["asset", "sector"]).to_numpy()
    _add(problems, "supply", "each asset once per sector", "repeated rows", again, labels)
    if not ids.has_duplicates:
        position = ids.get_indexer(pd.Index(supply["asset"]))
        differs = (position >= 0) & ~unknown & (assets["sector"].to_numpy(dtype=object)[position] != names)
        _add(problems, "supply.sector", "the asset's own sector", "assets of another sector", differs, labels)
    supplied = sorted(set(names))
    lit = set(names[supply["is_source"].to_numpy(dtype=bool)])
    dark = [name for name in supplied if name not in lit and name in sectors]
    if dark:
        problems.add(
            "supply.is_source", wanted="at least one source in a supplied sector", got="sectors without a source",
            count=len(dark), total=len(supplied), first=dark,
        )  # fmt: skip


def _check_curves(problems: Problems, assets: pd.DataFrame, curve_names: Collection[str]) -> None:
    for name in CURVE_COLUMNS:
        values = assets[name].to_numpy(dtype=object)
        unknown = (values != "") & ~pd.Index(values).isin(list(curve_names))
        if unknown.any():
            hint = suggestion(str(values[unknown][0]), curve_names)
            shown = [
                f"{name} of {label}" for label, name in zip(_labels(assets)[unknown][:3], values[unknown], strict=False)
            ]
            problems.add(
                f"assets.{name}", wanted="names of known curves (or empty for none)", got=f"unknown curves{hint}",
                count=int(unknown.sum()), total=len(values), first=shown,
            )  # fmt: skip
