"""Why a loss came about, for people: root causes in one line per service, and one row per thing that is down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, Table, in_columns
from resilience.events import yearly_weight
from resilience.labels import loss_unit, texts

Floats = NDArray[np.float64]

PER_YEAR = "per year"

# A line of more is not read.
_MOST_NAMES = 3
_MOST_ROOTS = 4
_MOST_ROWS = 24
_SMALLEST_SHARE = 0.005


def name_root(sectors: Sequence[str], perils: str, root: int) -> str:
    """Return the name of a root cause: its sector and peril.

    Parameters
    ----------
    sectors : sequence of str
    perils : str
        Of the event; those of a sequence joined by "+".
    root : int
        Number of the sector, plus that of all sectors for every peril before.

    Examples
    --------
    >>> name_root(("power", "water"), "flood", 1), name_root(("power", "water"), "flood+heat", 2)
    ('water/flood', 'power/heat')
    """
    peril, sector = divmod(root, len(sectors))
    return f"{sectors[sector]}/{perils.split('+')[peril]}"


def find_perils(dataset: xr.Dataset) -> list[str]:
    """Return the perils of all events, those of sequences one by one.

    Examples
    --------
    >>> find_perils(xr.Dataset(coords={"peril": ("event", ["flood+heat", "flood"])}))
    ['flood', 'heat']
    """
    return sorted({peril for perils in texts(dataset, "peril") for peril in perils.split("+")})


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


def causes_table(dataset: xr.Dataset) -> Table:
    """Return, per event, every asset that can be down and every zone that can lose a service, with the main reason.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.

    Returns
    -------
    header, blocks of columns
        `probability` that it is down, or without the service (expected share, where services combine facilities);
        `cause`, the most frequent proximate cause, and `root`, the most frequent root cause, with the share each has
        of the probability. A zone that has a service by road loses it by ``access``.
    """
    header = ["event", "what", "id", "kind", "service", "intensity", "probability", "cause", "cause_share", "root",
              "root_share"]  # fmt: skip
    n = dataset.sizes["sample"]
    causes, roots = texts(dataset, "cause"), texts(dataset, "root")
    services, by = texts(dataset, "service"), texts(dataset, "service_by")
    assets, kinds, zones = (texts(dataset, name) for name in ("asset", "kind", "zone"))
    order = order_by_kind(dataset)

    def of_assets(i: int, event: str) -> Sequence[Column]:
        one = dataset.isel(event=i)
        down, root, intensity = one["down_count"].values, one["root_share"].values, one["exposed_intensity"].values
        total = down.sum(axis=1)
        rows = order[total[order] > 0]
        whole = total[rows].astype(np.float64)
        return [
            [event] * rows.size, ["asset"] * rows.size, assets[rows], kinds[rows], [""] * rows.size,
            intensity[rows].astype(np.float64), whole / n, *_main(causes, down[rows], whole),
            *_main(roots, root[rows], whole),
        ]  # fmt: skip

    def of_zones(i: int, event: str) -> Iterator[Sequence[Column]]:
        one = dataset.isel(event=i)
        lost, root = one["zone_without_service"].values, one["zone_root"].values
        for s, service in enumerate(services):
            cause = f"need:{service}" if by[s] == "assignment" else "access"
            rows = np.flatnonzero(lost[:, s] > 0)
            total = lost[rows, s]
            yield [
                [event] * rows.size, ["zone"] * rows.size, zones[rows], [""] * rows.size, [service] * rows.size,
                np.full(rows.size, np.nan), total / n, [cause] * rows.size, np.ones(rows.size),
                *_main(roots, root[rows, s], total),
            ]  # fmt: skip

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            yield of_assets(i, event)
            yield from of_zones(i, event)

    return header, blocks()


def _main(names: NDArray[np.object_], values: NDArray[Any], total: Floats) -> tuple[NDArray[np.object_], Floats]:
    """Return, per row of values, the name of the largest and its share of the total; none where nothing was traced."""
    name, share = np.full(total.size, "", dtype=object), np.full(total.size, np.nan)
    if names.size:
        first = values.argmax(axis=1)
        most = values[np.arange(total.size), first].astype(np.float64)
        traced = most > 0
        name[traced], share[traced] = names[first[traced]], most[traced] / total[traced]
    return name, share


def _weighted_roots(dataset: xr.Dataset, *, hours: bool = False) -> list[tuple[str, Floats, Floats]]:
    """Return name, people by root (service, root) and people (service): per year, and per event without a rate.

    With `hours` the people are those without the service times hours.
    """
    if hours:
        by_root = dataset["root_person_hours"].values
        total = dataset["person_hours_lost"].mean("sample").values
    else:
        by_root = dataset["root_people"].values / dataset.sizes["sample"]
        total = dataset["people_without_service"].mean("sample").values
    weight = yearly_weight(dataset)
    rated = np.isfinite(weight)
    parts = []
    if rated.any():
        share = np.where(rated, weight, 0.0)
        parts.append((PER_YEAR, np.tensordot(share, by_root, axes=1), np.tensordot(share, total, axes=1)))
    parts += [(str(dataset["event"].values[i]), by_root[i], total[i]) for i in np.flatnonzero(~rated)]
    return parts


def why_table(dataset: xr.Dataset) -> list[list[str]]:
    """Return one row per loss for people, header first: per year where there are rates, else per event.

    With a time grid the loss is that of person-hours, else of people at the peak. Services that are lost for the same
    reasons share a row. Root causes are told by sector and peril, largest first;
    :func:`origins_table` tells what they stand for. Without a loss there are no rows.
    """
    over_time = "person_hours_lost" in dataset
    parts = _weighted_roots(dataset, hours=over_time)
    services = texts(dataset, "service")
    conditional = any(name != PER_YEAR for name, *_ in parts)
    rows: list[list[str]] = []
    for name, by_root, total in parts:
        reasons: dict[str, list[str]] = {}
        for s, service in enumerate(services):
            if total[s] > 0:
                reasons.setdefault(_reason(dataset, by_root[s], float(total[s])), []).append(service)
        rows += [[name, ", ".join(lost), text] for text, lost in reasons.items()]
    if not rows:
        return []
    if len(rows) > _MOST_ROWS:
        rows = [*rows[:_MOST_ROWS], ["...", f"{len(rows) - _MOST_ROWS} more", "see why.csv"]]
    header = ["event", "lost", f"why: root causes, share of the {'hours lost' if over_time else 'loss'}"]
    return [header, *rows] if conditional else [row[1:] for row in (header, *rows)]


def _reason(dataset: xr.Dataset, by_root: Floats, total: float) -> str:
    order = np.argsort(-by_root, kind="stable")
    shown = [r for r in order[:_MOST_ROOTS] if by_root[r] >= _SMALLEST_SHARE * total]
    reasons = [f"{100 * by_root[r] / total:.0f} % {dataset['root'].values[r]}" for r in shown]
    traced = float(by_root.sum())
    for rest, word in ((traced - float(by_root[shown].sum()), "others"), (total - traced, "not traced")):
        if rest >= _SMALLEST_SHARE * total:
            reasons.append(f"{100 * rest / total:.0f} % {word}")
    return ", ".join(reasons)


class Origin(NamedTuple):
    """What a root cause stands for: the assets that the hazard can put out of function.

    Parameters
    ----------
    root : str
        Sector and peril.
    names : tuple of str
        Where they are few.
    kinds : tuple of (str, int)
        Where they are more: how many of each kind. Without both the hazard puts nothing out of function there.
    """

    root: str
    names: tuple[str, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()


def origins_table(dataset: xr.Dataset) -> list[list[str]]:
    """Return what each root cause stands for, header first: the assets that the hazard can put out of function.

    A root is a sector and a peril. A few assets are named, more are counted by kind. Without a loss there are no rows.
    """
    rows = []
    for root, names, kinds in find_origins(dataset):
        told = "; ".join(names) or ", ".join(f"{n:,} {kind}" for kind, n in kinds)
        slowed = root.endswith("/flood")
        nothing = "nothing: the water on it slows" if slowed else "nothing: it gives less or more is drawn"
        rows.append([root, told or nothing])
    return [["root", "what the hazard can put out of function there"], *rows] if rows else []


def find_origins(dataset: xr.Dataset) -> list[Origin]:
    """Return what each root cause stands for that some loss began with."""
    blamed = dataset["root_people"].values.sum(axis=(0, 1)) > 0
    if "root_person_hours" in dataset:
        # What a buffer bridges at the peak may be lost once it has run out.
        blamed = blamed | (dataset["root_person_hours"].values.sum(axis=(0, 1)) > 0)
    sectors, perils, kinds, names = (texts(dataset, name) for name in ("sector", "peril", "kind", "asset"))
    origins = []
    for root in texts(dataset, "root")[blamed].tolist():
        sector, peril = root.rsplit("/", 1)
        failed = dataset["failed_count"].values[perils == peril].sum(axis=0) * (sectors == sector)
        order = np.argsort(-failed, kind="stable")[: np.count_nonzero(failed)]
        if order.size <= _MOST_NAMES:
            origins.append(Origin(root, names=tuple(names[order])))
            continue
        found, count = np.unique(kinds[order], return_counts=True)
        by_number = np.argsort(-count, kind="stable")
        origins.append(Origin(root, kinds=tuple(zip(found[by_number], count[by_number].tolist(), strict=True))))
    return origins


def roots_table(dataset: xr.Dataset, unit: str) -> Table:
    """Return the loss of every service by root cause: per year where there are rates, else per event.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "service", "root", "value", "share", "unit"]
    services, roots = texts(dataset, "service"), texts(dataset, "root")

    kinds = [(False, unit), *([(True, loss_unit(unit, hours=True))] if "person_hours_lost" in dataset else [])]

    def rows() -> Iterator[tuple[Any, ...]]:
        for hours, what in kinds:
            for name, by_root, total in _weighted_roots(dataset, hours=hours):
                told = f"{what}/year" if name == PER_YEAR else what
                for s, service in enumerate(services):
                    for r in np.flatnonzero(by_root[s] > 0):
                        value = float(by_root[s, r])
                        yield name, service, roots[r], value, value / float(total[s]), told

    return header, in_columns(rows())
