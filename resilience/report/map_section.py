"""What stands around the map of a report: its data for the page, legend, notes, and the worst zones as a table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from resilience.labels import texts
from resilience.reading import FinishedRun
from resilience.report.images import png_address
from resilience.report.maps import CLEAR
from resilience.report.places import CityMap, packed
from resilience.report.rounding import tell
from resilience.report.words import Words

MOST_ROWS = 15


def map_data(run: FinishedRun, city: CityMap) -> dict[str, Any]:
    """Return what the page draws of the event that its reader chooses."""
    return {
        "size": list(city.size), "images": list(city.hazards.addresses), "rest": list(city.rest),
        "clear": png_address(np.zeros((1, 1), np.uint8), [CLEAR]), "perils": texts(run.dataset, "peril").tolist(),
        "n_line": int(city.line_assets.size), "n_point": int(city.point_assets.size), "chance": packed(city.chance),
        "people": city.people, "hours": city.hours,
    }  # fmt: skip


def hazard_legend(city: CityMap) -> list[tuple[str, list[dict[str, str]]]]:
    """Return the classes of every peril, with their colours."""
    unit = {"flood": "m", "heat": "°C"}

    def tell_class(low: float, high: float, peril: str) -> str:
        name = unit.get(peril, "")
        return f"> {low:g} {name}" if np.isinf(high) else f"{low:g}–{high:g} {name}"

    return [
        (peril, [{"colour": one.colour, "told": tell_class(one.low, one.high, peril)} for one in classes])
        for peril, classes in groupby(city.hazards.classes, key=lambda one: one.peril)
    ]


def map_notes(words: Words, city: CityMap, n_zone: int) -> Iterator[str]:
    """Yield what the map leaves out."""
    if city.n_rest:
        shown = city.line_assets.size + city.point_assets.size
        yield words("map_rest", n=f"{city.n_rest:,}", shown=f"{shown:,}")
    if city.zones.size < n_zone:
        yield words("map_zones", n=f"{n_zone:,}", shown=f"{city.zones.size:,}")
    if city.hazards.missing:
        yield words("map_missing")
    if city.hazards.sequences:
        yield words("map_sequences")


def worst_zones(run: FinishedRun) -> list[dict[str, Any]]:
    """Return the zones that lose most, with what they lose."""
    ds = run.dataset
    people = ds["zone_people"].values
    weight = run.weight if run.rated else np.ones(ds.sizes["event"])
    per_event = ds["zone_hours_lost"].values if run.over_time else ds["zone_without_service"].values / run.n_sample
    lost = np.tensordot(weight, per_event, axes=1) * people[:, np.newaxis]
    order = np.argsort(-lost.sum(axis=1), kind="stable")[:MOST_ROWS]
    names = texts(ds, "zone")
    return [
        {"zone": names[i], "people": f"{people[i]:,.0f}", "lost": [tell(value) for value in lost[i]]}
        for i in order
        if lost[i].sum() > 0
    ]
