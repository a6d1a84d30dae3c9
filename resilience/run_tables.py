"""The tables of a run that people open next: events, assets, zones, return periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from resilience.cells import Column, Table, broadcast_columns, in_columns
from resilience.labels import loss_unit, texts
from resilience.quotients import divide
from resilience.risk.ranking import is_told_apart, is_untold, take_measure
from resilience.risk.standard_errors import sample_error
from resilience.variables import MEASURES
from resilience.why import order_by_kind

CAN_FAIL = 2.0**-32
"""Least probability that the draws resolve."""


def summary_table(dataset: xr.Dataset, *, unit: str, tells_money: bool) -> Table:
    """Return the figures of a result as numbers: per year where there are rates, else per event.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    tells_money : bool
        Whether a direct loss of 0 is known to be one.
    """
    services = texts(dataset, "service")
    if "annual_value" not in dataset:
        mean = dataset["people_without_service"].values.mean(axis=2)
        loss = [dataset["direct_loss"].values] if tells_money else []
        header = ["event", *(f"{unit} without {name}" for name in services), *(["direct_loss"] if tells_money else [])]
        return header, iter([[texts(dataset, "event"), *mean.T, *loss]])
    header = ["service", "quantity", "value", "standard_error", "beyond_rarest_event", "unit"]
    kinds = {"at_peak": ("annual_value", "annual_standard_error", "annual_tail", loss_unit(unit, yearly=True))}
    if "annual_person_hours" in dataset:
        name = "annual_person_hours"
        kinds["over_time"] = name, f"{name}_standard_error", f"{name}_tail", loss_unit(unit, hours=True, yearly=True)
    *names, told = zip(*kinds.values(), strict=True)
    figures = [np.stack([dataset[name].values for name in of_kinds], axis=-1) for of_kinds in names]
    blocks = [broadcast_columns(services[:, np.newaxis], list(kinds), *figures, told)]
    if tells_money:
        money, beyond = (float(dataset[name]) for name in ("annual_direct_loss", "annual_direct_loss_tail"))
        blocks.append(broadcast_columns("", "direct_loss", money, float("nan"), beyond, "money/year"))
    return header, iter(blocks)


def importance_table(importance: xr.Dataset, dataset: xr.Dataset, *, most: int = 100) -> Table:
    """Return, per service, the assets that matter most to the annual number of people without it.

    First those whose worth is told apart from none, which have a rank; then those of which the samples tell nothing;
    then those that may be worth nothing.

    Parameters
    ----------
    importance : xarray.Dataset
        From :func:`resilience.risk.ranking.join_pairs`.
    dataset : xarray.Dataset
        Of the same result.
    most : int
        Assets per service.
    """
    names = [f"{measure}{end}" for measure in MEASURES for end in ("", "_standard_error")]
    counts = ["seldom_failed_events", "seldom_working_events"]
    header = ["service", "rank", "asset", "sector", "kind", "paired", *names, "unseen", *counts]
    known = {name: i for i, name in enumerate(texts(dataset, "asset"))}
    assets, sectors, kinds = texts(importance, "asset"), texts(dataset, "sector"), texts(dataset, "kind")
    worth, _ = take_measure(importance)
    apart, untold = is_told_apart(importance), is_untold(importance)
    values = [importance[name].transpose("asset", "service").values for name in (*names, "unseen")]
    paired = importance["paired"].values
    # Paired runs alone count no samples.
    events = [importance[name].values.astype(int).tolist() if name in importance else [""] * len(assets)
              for name in counts]  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for s, service in enumerate(texts(importance, "service")):
            able = np.flatnonzero((worth[:, s] > 0) | untold[:, s])
            order = np.lexsort((-worth[able, s], np.where(apart[able, s], 0, np.where(untold[able, s], 1, 2))))
            for rank, i in enumerate(able[order][:most].tolist(), start=1):
                place = known[assets[i]]
                yield (
                    service, rank if apart[i, s] else "", assets[i], sectors[place], kinds[place],
                    "yes" if paired[i] else "no", *(float(v[i, s]) for v in values), *(one[i] for one in events),
                )  # fmt: skip

    return header, in_columns(rows())


def events_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return people without each service per event: mean, standard error and quantiles; weights lead to annual values.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "family", "peril", "return_period", "annual_rate", "annual_weight", "tail_weight", "service",
              "mean", "standard_error", "p05", "p50", "p95", "share_of_served", "unit"]  # fmt: skip
    events, families, perils, services = (texts(dataset, name) for name in ("event", "family", "peril", "service"))
    frequency = [dataset[name].values for name in ("return_period", "annual_rate", "annual_weight", "tail_weight")]
    people, served = dataset["people_without_service"].values, dataset["people_served"].values

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(events):
            mean = people[i].mean(axis=-1)
            yield broadcast_columns(
                event, families[i], perils[i], *(of_events[i] for of_events in frequency), services, mean,
                sample_error(people[i]), *np.quantile(people[i], [0.05, 0.5, 0.95], axis=-1, method="inverted_cdf"),
                divide(mean, served), unit,
            )  # fmt: skip

    return header, blocks()


def assets_table(dataset: xr.Dataset, *, tells_money: bool) -> Table:
    """Return, per event, every asset that stands in water, can fail or be down; kinds of few assets first.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    tells_money : bool
        Whether a direct loss of 0 is known to be one.
    """
    n = dataset.sizes["sample"]
    causes, roots = texts(dataset, "cause"), texts(dataset, "root")
    header = ["event", "asset", "sector", "kind", "intensity", "wet_length", "failure_probability",
              "down_probability", *(f"down_by_{name}" for name in causes),
              *(f"root_{name}" for name in roots), "direct_loss"]  # fmt: skip
    over_time = dataset["down_hours"].values.sum(axis=2) if "down_hours" in dataset else None
    if over_time is not None:
        header.append("down_hours")
    down, root = dataset["down_count"].values, dataset["root_share"].values
    intensity, probability = dataset["exposed_intensity"].values, dataset["failure_probability"].values
    loss, length = dataset["asset_direct_loss"].values, dataset["wet_length"].values
    threshold, perils = dataset["dry_threshold"].values, texts(dataset, "peril")
    order = order_by_kind(dataset)
    names = [texts(dataset, name) for name in ("asset", "sector", "kind")]

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            total = down[i].sum(axis=1)
            shown = (total > 0) | (probability[i] >= CAN_FAIL) | (loss[i] > 0)
            if perils[i] == "flood":
                shown |= intensity[i] > threshold
            if over_time is not None:
                shown |= over_time[i] > 0
            rows = order[shown[order]]
            numbers = [
                intensity[i, rows], length[i, rows], probability[i, rows], total[rows] / n, *(down[i, rows] / n).T,
                *(root[i, rows] / n).T, loss[i, rows] if tells_money else np.full(rows.size, np.nan),
                *([] if over_time is None else [over_time[i, rows]]),
            ]  # fmt: skip
            yield [[event] * rows.size, *(text[rows] for text in names), *(v.astype(np.float64) for v in numbers)]

    return header, blocks()


def zones_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per event and zone, the expected share of each service lost and the share that the intact city gives.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    n = dataset.sizes["sample"]
    services, zones = texts(dataset, "service"), texts(dataset, "zone")
    header = ["event", "zone", unit, *(f"lost_{name}" for name in services),
              *(f"intact_{name}" for name in services)]  # fmt: skip
    hours = dataset["zone_hours_lost"].values if "zone_hours_lost" in dataset else None
    if hours is not None:
        header += [f"hours_{name}" for name in services]
    lost, served = dataset["zone_without_service"].values, dataset["intact_served"].values
    people = dataset["zone_people"].values

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            over_time = [] if hours is None else [*hours[i].T]
            yield [[event] * zones.size, zones, people, *(lost[i] / n).T, *served.T, *over_time]

    return header, blocks()


def resilience_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per event and service, what is lost over time and how it comes back, with standard errors.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with a time grid.
    unit : str
        What people are counted in.
    """
    levels = dataset["level"].values.tolist()
    told = ["restore_hours", "restore_hours_standard_error", "restore_hours_p05", "restore_hours_p50",
            "restore_hours_p95", "unrestored_share"]  # fmt: skip
    header = ["event", "service", "hours_lost", "hours_lost_standard_error", "resilience_loss_hours",
              "worst", "worst_standard_error", "robustness", "rapidity_per_hour",
              "rapidity_standard_error", *(f"{name.replace('restore_hours', f'hours_to_{level}')}"
              if name.startswith("restore") else f"unrestored_{level}" for level in levels for name in told),
              "unit"]  # fmt: skip
    events, services = texts(dataset, "event"), texts(dataset, "service")
    served, lost, worst = (dataset[name].values for name in ("people_served", "person_hours_lost", "worst_people"))
    rapidity, error = dataset["rapidity"].values, dataset["rapidity_standard_error"].values
    back = np.stack([dataset[name].values for name in told], axis=-1)
    share = divide(1.0, served)

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(events):
            hours, most = lost[i].mean(axis=-1), worst[i].mean(axis=-1)
            yield broadcast_columns(
                event, services, hours, sample_error(lost[i]), hours * share, most, sample_error(worst[i]),
                1 - most * share, rapidity[i], error[i], *back[i].reshape(services.size, -1).T, unit,
            )  # fmt: skip

    return header, blocks()


def indices_table(dataset: xr.Dataset) -> Table:
    """Return SAIDI, SAIFI and CAIDI of each service with standard errors.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with a time grid and rates.
    """
    names = [f"{name}{end}" for name in ("saidi", "saifi", "caidi") for end in ("", "_standard_error")]
    figures = [dataset[name].values for name in names]
    return ["service", *names, "unit"], iter(
        [broadcast_columns(texts(dataset, "service"), *figures, "h/year, 1/year, h")]
    )


def recovery_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per event and service, the mean number of people without it from point to point of the time grid.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with a time grid.
    unit : str
        What people are counted in.
    """
    header = ["event", "service", "from_hours", "to_hours", "mean", "share_of_served", "unit"]
    services, hours = texts(dataset, "service"), dataset["time"].values
    ends = np.append(hours[1:], float(dataset.attrs["horizon_hours"]))
    people, served = dataset["people_over_time"].values, dataset["people_served"].values[:, np.newaxis]

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            yield broadcast_columns(
                event, services[:, np.newaxis], hours, ends, people[i], divide(people[i], served), unit
            )

    return header, blocks()


def exceedance_table(exceedance: xr.Dataset, *, tells_money: bool) -> Table:
    """Return occurrence and aggregate values per service and for direct loss, with intervals.

    Parameters
    ----------
    exceedance : xarray.Dataset
        Of a result.
    tells_money : bool
        Whether a direct loss of 0 is known to be one.
    """
    fields = [f"{field}{end}" for field in ("value", "tail_value") for end in ("", "_low", "_high")]
    header = ["quantity", "return_period", "curve", "value", "low", "high", "tail_value", "tail_low", "tail_high",
              "unit"]  # fmt: skip
    told = exceedance.isel(quantity=tells_money | (texts(exceedance, "quantity") != "direct_loss"))
    curves = ("occurrence", "aggregate")
    dims = ("quantity", "return_period")
    figures = [
        np.stack([told[f"{curve}_{field}"].transpose(*dims).values for curve in curves], axis=-1) for field in fields
    ]
    quantities, units = (texts(told, name)[:, np.newaxis, np.newaxis] for name in ("quantity", "quantity_unit"))
    periods = told["return_period"].values[:, np.newaxis]
    return header, iter([broadcast_columns(quantities, periods, list(curves), *figures, units)])
