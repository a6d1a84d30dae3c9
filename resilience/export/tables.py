"""Event losses and exceedance as CSV, with the columns of the Open Results Data standard (ORD) of Oasis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, broadcast_columns, write_cells
from resilience.events import yearly_weight
from resilience.export.source import Source
from resilience.labels import loss_unit, texts

Floats = NDArray[np.float64]
Losses = dict[str, tuple[Floats, str]]

ANALYTICAL, SAMPLED = 1, 2
"""Sample types: a mean from curves alone, and one over samples."""

FULL_UNCERTAINTY = 2
"""How exceedance is found: every occurrence has a sample of its own."""

CURVES = {
    1: "occurrence_value",
    2: "occurrence_tail_value",
    3: "aggregate_value",
    4: "aggregate_tail_value",
}
"""Kinds of curve: OEP, OEP TVaR, AEP, AEP TVaR."""


def write_ord(source: Source, folder: Path) -> dict[str, str]:
    """Write the event loss table, annual losses and exceedance, and what their numbers stand for.

    A summary is a quantity: people without a service at the peak, people times hours, and the direct loss. `EventRate`
    is the weight in annual figures, so that the sum of ``EventRate x MeanLoss`` is the annual mean.
    """
    dataset = source.run.dataset
    losses = _losses(dataset, source)
    names = list(losses)
    events = texts(dataset, "event")
    number = np.arange(1, events.size + 1)
    files: dict[str, str] = {}

    def write(name: str, header: Sequence[str], blocks: Iterable[Sequence[Column]], told: str) -> None:
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            write_cells(file, header, blocks)
        files[name] = told

    labels = ["event", "family", "peril", "return_period", "annual_rate"]
    known = [texts(dataset, name) for name in labels[:3]]
    frequency = [dataset[name].values.astype(np.float64) for name in labels[3:]]
    write("events.csv", ["EventId", *labels], [[number, *known, *frequency]], "what the numbers of events stand for")
    summaries = [names, [losses[name][1] for name in names]]
    ids = np.arange(1, len(names) + 1)
    write("summaries.csv", ["SummaryId", "quantity", "unit"], [[ids, *summaries]], "what the summaries are of")
    weight = yearly_weight(dataset)
    header = ["EventId", "SummaryId", "SampleType", "EventRate", "ChanceOfLoss", "MeanLoss", "SDLoss", "MaxLoss"]
    write("melt.csv", header, _moments(losses, number, weight), "moment event loss table")
    if source.run.rated:
        header = ["SummaryId", "SampleType", "MeanLoss", "SDLoss"]
        write("palt.csv", header, _annual(losses, source, weight), "average annual losses")
    if source.run.result.exceedance is not None:
        header = ["SummaryId", "EPCalc", "EPType", "ReturnPeriod", "Loss"]
        write("ept.csv", header, _exceedance(source.run.result.exceedance, names), "exceedance probability table")
    return files


def _losses(dataset: xr.Dataset, source: Source) -> Losses:
    """Return values, (event, sample) or (event,), and unit by quantity, named as in the exceedance table."""
    unit = source.run.result.unit
    services = texts(dataset, "service")
    people = dataset["people_without_service"].values
    losses: Losses = {str(name): (people[:, s], unit) for s, name in enumerate(services)}
    if "person_hours_lost" in dataset:
        hours, counted = dataset["person_hours_lost"].values, loss_unit(unit, hours=True)
        losses |= {f"{name}_person_hours": (hours[:, s], counted) for s, name in enumerate(services)}
    if source.run.result.tells_money:
        losses["direct_loss"] = (dataset["direct_loss"].values, "money")
    return losses


def _moments(losses: Losses, number: NDArray[np.int64], weight: Floats) -> Iterator[Sequence[Column]]:
    for summary, (values, _) in enumerate(losses.values(), start=1):
        if values.ndim == 1:
            unknown = np.full(values.size, np.nan)
            yield broadcast_columns(number, summary, ANALYTICAL, weight, unknown, values, unknown, unknown)
            continue
        yield broadcast_columns(
            number, summary, SAMPLED, weight, (values > 0).mean(axis=1), values.mean(axis=1),
            values.std(axis=1, ddof=1), values.max(axis=1),
        )  # fmt: skip


def _annual(losses: Losses, source: Source, weight: Floats) -> Iterator[Sequence[Column]]:
    curves = source.run.result.exceedance
    spread: dict[str, float] = {}
    if curves is not None:
        spread = dict(zip(texts(curves, "quantity"), curves["yearly_standard_deviation"].values.tolist(), strict=True))
    rated = np.isfinite(weight)
    for summary, (name, (values, _)) in enumerate(losses.items(), start=1):
        mean = values.mean(axis=1) if values.ndim == 2 else values
        kind = SAMPLED if values.ndim == 2 else ANALYTICAL
        yield [[summary], [kind], [float(weight[rated] @ mean[rated])], [spread.get(name, float("nan"))]]


def _exceedance(curves: xr.Dataset, names: Sequence[str]) -> Iterator[Sequence[Column]]:
    known = texts(curves, "quantity").tolist()
    periods = curves["return_period"].values.astype(np.float64)
    for summary, name in enumerate(names, start=1):
        for kind, curve in CURVES.items():
            values = curves[curve].transpose("quantity", "return_period").values[known.index(name)]
            yield broadcast_columns(summary, FULL_UNCERTAINTY, kind, periods, values)
