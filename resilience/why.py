"""Why a loss came about, for people: root causes in one line per service, and one row per thing that is down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Row = tuple[Any, ...]
Floats = NDArray[np.float64]

PER_YEAR = "per year"

# A line of more names is not read; their number is.
_MOST_NAMES = 2
_MOST_ROWS = 24
_SMALLEST_SHARE = 0.005


def order_by_kind(dataset: xr.Dataset) -> NDArray[np.intp]:
    """Return positions of the assets, kinds of few assets first: substations and hospitals before pieces of road.

    Parameters
    ----------
    dataset : xarray.Dataset
        With coordinates `sector` and `kind` on dimension asset.

    Examples
    --------
    >>> coords = {"sector": ("asset", ["road", "road", "power"]), "kind": ("asset", ["street", "street", "plant"])}
    >>> order_by_kind(xr.Dataset(coords={"asset": ["a", "b", "c"], **coords})).tolist()
    [2, 0, 1]
    """
    names = [f"{s}\0{k}" for s, k in zip(dataset["sector"].values, dataset["kind"].values, strict=True)]
    _, number, count = np.unique(np.asarray(names, dtype=str), return_inverse=True, return_counts=True)
    return np.lexsort((number, count[number]))


def causes_table(dataset: xr.Dataset) -> tuple[list[str], Iterator[Row]]:
    """Return, per event, every asset that can be down and every zone that can lose a service, with the main reason.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.

    Returns
    -------
    header, rows
        `probability` that it is down, or without the service (expected share, where services combine facilities);
        `cause`, the most frequent proximate cause, and `root`, the most frequent root cause, with the share each has
        of the probability. A zone that has a service by road loses it by ``access``.
    """
    header = ["event", "what", "id", "kind", "service", "intensity", "probability", "cause", "cause_share", "root",
              "root_share"]  # fmt: skip
    n = dataset.sizes["sample"]
    causes, roots = (dataset[name].values.astype(str) for name in ("cause", "root"))
    services, by = (dataset[name].values.astype(str) for name in ("service", "service_by"))
    assets, kinds, zones = (dataset[name].values.astype(str) for name in ("asset", "kind", "zone"))
    order = order_by_kind(dataset)

    def of_assets(i: int, event: str) -> Iterator[Row]:
        one = dataset.isel(event=i)
        down, root, intensity = one["down_count"].values, one["root_share"].values, one["exposed_intensity"].values
        for a in order[down.sum(axis=1)[order] > 0]:
            total = float(down[a].sum())
            yield (
                event, "asset", assets[a], kinds[a], "", float(intensity[a]), total / n,
                *_main(causes, down[a], total), *_main(roots, root[a], total),
            )  # fmt: skip

    def of_zones(i: int, event: str) -> Iterator[Row]:
        one = dataset.isel(event=i)
        lost, root = one["zone_without_service"].values, one["zone_root"].values
        for s, service in enumerate(services):
            cause = f"need:{service}" if by[s] == "assignment" else "access"
            for z in np.flatnonzero(lost[:, s] > 0):
                total = float(lost[z, s])
                yield (
                    event, "zone", zones[z], "", service, float("nan"), total / n, cause, 1.0,
                    *_main(roots, root[z, s], total),
                )  # fmt: skip

    def rows() -> Iterator[Row]:
        for i, event in enumerate(dataset["event"].values):
            yield from of_assets(i, str(event))
            yield from of_zones(i, str(event))

    return header, rows()


def _main(names: NDArray[np.str_], values: NDArray[Any], total: float) -> tuple[str, float]:
    """Return the name of the largest value and its share of the total; none where nothing was traced."""
    if values.size == 0 or not values.max() > 0:
        return "", float("nan")
    first = int(values.argmax())
    return str(names[first]), float(values[first]) / total


def _weighted_roots(dataset: xr.Dataset) -> list[tuple[str, NDArray[np.bool_], Floats, Floats]]:
    """Return name, events, people by root (service, root) and people (service): per year, else per event."""
    n = dataset.sizes["sample"]
    by_root = dataset["root_people"].values / n
    total = dataset["people_without_service"].mean("sample").values
    weight = (dataset["annual_weight"] + dataset["tail_weight"]).values
    rated = np.isfinite(weight)
    parts = []
    if rated.any():
        share = np.where(rated, weight, 0.0)
        parts.append((PER_YEAR, rated, np.tensordot(share, by_root, axes=1), np.tensordot(share, total, axes=1)))
    for i in np.flatnonzero(~rated):
        parts.append((str(dataset["event"].values[i]), np.arange(rated.size) == i, by_root[i], total[i]))
    return parts


def why_table(dataset: xr.Dataset) -> list[list[str]]:
    """Return one row per loss for people, header first: per year where there are rates, else per event.

    Services that are lost for the same reasons share a row. Root causes are told by sector and peril, largest first,
    with the assets of that sector which the hazard can put out of function: their names, or how many they are.
    """
    parts = _weighted_roots(dataset)
    services = dataset["service"].values.astype(str)
    conditional = any(name != PER_YEAR for name, *_ in parts)
    rows: list[list[str]] = []
    for name, events, by_root, total in parts:
        reasons: dict[str, list[str]] = {}
        for s, service in enumerate(services):
            if total[s] > 0:
                reasons.setdefault(_reason(dataset, events, by_root[s], float(total[s])), []).append(service)
        rows += [[name, ", ".join(lost), text] for text, lost in reasons.items()]
    if not rows:
        return []
    if len(rows) > _MOST_ROWS:
        rows = [*rows[:_MOST_ROWS], ["...", f"{len(rows) - _MOST_ROWS} more", "see why.csv"]]
    header = ["event", "lost", "why: root causes, share of the loss"]
    return [header, *rows] if conditional else [row[1:] for row in (header, *rows)]


def _reason(dataset: xr.Dataset, events: NDArray[np.bool_], by_root: Floats, total: float) -> str:
    texts = []
    for r in np.argsort(-by_root, kind="stable"):
        share = float(by_root[r]) / total
        if share >= _SMALLEST_SHARE:
            root = str(dataset["root"].values[r])
            texts.append(f"{100 * share:.0f} % {root} ({_failing(dataset, events, root)})")
    untraced = 1.0 - float(by_root.sum()) / total
    if untraced >= _SMALLEST_SHARE:
        texts.append(f"{100 * untraced:.0f} % not traced")
    return ", ".join(texts)


def _failing(dataset: xr.Dataset, events: NDArray[np.bool_], root: str) -> str:
    """Name the assets of a root's sector that its peril can put out of function in the events, or count them."""
    sector, peril = root.rsplit("/", 1)
    chosen = events & (dataset["peril"].values.astype(str) == peril)
    failed = dataset["failed_count"].values[chosen].sum(axis=0) * (dataset["sector"].values.astype(str) == sector)
    order = np.argsort(-failed, kind="stable")[: np.count_nonzero(failed)]
    names = dataset["asset"].values[order].astype(str)
    return "; ".join(names) if names.size <= _MOST_NAMES else f"{names.size:,} assets"


def roots_table(dataset: xr.Dataset, unit: str) -> tuple[list[str], Iterator[Row]]:
    """Return the loss of every service by root cause: per year where there are rates, else per event.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "service", "root", "value", "share", "unit"]

    def rows() -> Iterator[Row]:
        for name, _, by_root, total in _weighted_roots(dataset):
            told = f"{unit}/year" if name == PER_YEAR else unit
            for s, service in enumerate(dataset["service"].values.astype(str)):
                for r in np.flatnonzero(by_root[s] > 0):
                    value = float(by_root[s, r])
                    yield name, service, str(dataset["root"].values[r]), value, value / float(total[s]), told

    return header, rows()
