"""The page: what is told, put into the template, written as one file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from resilience.disk import told_as_storage_error, write_whole
from resilience.report.answer import EventLoss, annual_losses, annual_money, event_losses
from resilience.report.change import Change, tell_change
from resilience.report.critical import Critical, critical_assets, foremost, untold_assets
from resilience.report.curves import exceedance_curves, recovery_curves
from resilience.report.drawing import (
    COLOURS,
    DASHES,
    exceedance_figure,
    figure_json,
    library_script,
    map_figure,
    recovery_figure,
)
from resilience.report.failing import MOST_NAMES, aftermaths
from resilience.report.images import png_address
from resilience.report.maps import CLEAR
from resilience.report.origin import input_lines, licences
from resilience.report.places import CityMap, map_city, packed
from resilience.report.reasons import (
    OTHERS,
    UNTRACED,
    Reason,
    access_outcomes,
    origins,
    sector_reasons,
    service_reasons,
)
from resilience.report.remedies import remedies
from resilience.report.rounding import NORMAL, tell, tell_interval
from resilience.report.source import Run, read_run
from resilience.report.words import Words
from resilience.store import REPORT
from resilience.why import texts

MOST_AFTERMATHS = 40
MOST_ROWS = 15
MOST_UNTOLD = 5

# Water is blue, heat orange to red; the same for causes, by what they are.
FLOOD_SHADES = ("#08519c", "#3182bd", "#6baed6", "#2b8cbe", "#9ecae1", "#4a6fa5")
HEAT_SHADES = ("#b33a00", "#e6550d", "#fd8d3c", "#cc4c02", "#fdae6b", "#8c2d04")
OTHER_SHADES = ("#7b3f98", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#a877c0", "#5d6d7e", "#c9a6d3")
GREYS = {OTHERS: "#9aa0a8", UNTRACED: "#c9ccd2", "hazard": "#3d5a80", "supply": "#0f8b8d",
         "lost_road": "#b8860b", "lost_facility": "#7b3f98", "other_facility": "#9aa0a8"}  # fmt: skip


def write_report(run: Path, *, lang: str = "en", against: Path | None = None, out: Path | None = None) -> Path:
    """Write the report of a finished run, one file, and return where it is.

    Parameters
    ----------
    run : pathlib.Path
        Run directory.
    lang : {"en", "ko"}
    against : pathlib.Path, optional
        Run directory of an earlier run: what has changed since is told.
    out : pathlib.Path, optional
        By default `report.html` of the run directory.

    Raises
    ------
    MissingInputError
        There is no run, or it has not ended.
    DataError
        A run directory holds something else, or the runs cannot be compared.
    LockedError
        A run is writing to a directory.
    StorageError
        Reading or writing failed.
    ConfigurationError
        Another language.

    Examples
    --------
    >>> import tempfile
    >>> from resilience.pipeline import assess, demo_scenario
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = assess(demo_scenario(size=600, samples=512), out=folder)
    ...     write_report(result.path).name
    'report.html'
    """
    words = Words(lang)
    told = read_run(run)
    changed = None if against is None else tell_change(read_run(against), told)
    place = run / REPORT if out is None else out
    page = write_page(told, words, changed).encode("utf-8", "replace")
    with told_as_storage_error(place):
        write_whole(place, page)
    return place


def write_page(run: Run, words: Words, change: Change | None = None) -> str:
    """Return the page of a run."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("resilience.report", "."), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )  # fmt: skip
    folder = files("resilience.report")
    style, script = (Markup(folder.joinpath(name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    content = _content(run, words, change)
    return environment.get_template("page.html.j2").render(
        w=words, percent=_percent, style=style, script=script, library=Markup(library_script()),
        **content,
    )  # fmt: skip


def inert_json(content: Any) -> Markup:
    r"""Return JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    Examples
    --------
    >>> inert_json({"a": "</script><!--"})
    Markup('{"a":"\\u003c/script\\u003e\\u003c!--"}')
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


@dataclass(frozen=True)
class Card:
    """One of the first things that a reader sees."""

    about: str
    figure: str
    rest: str


def _content(run: Run, words: Words, change: Change | None) -> dict[str, Any]:
    """Return everything that the template asks for."""
    ds = run.dataset
    unit = words.name("unit", run.result.unit)
    hours = words.name("hours", run.result.unit)
    unit_hours = words("hours_other", unit=unit) if hours == run.result.unit else hours
    services = texts(ds, "service").tolist()
    losses, events, money = annual_losses(run), event_losses(run), annual_money(run)
    reasons, sectors, access = service_reasons(run), sector_reasons(run), access_outcomes(run)
    critical = critical_assets(run)
    recovery, exceedance = recovery_curves(run), exceedance_curves(run)
    untold = untold_assets(run)
    helps = remedies(run)
    city = map_city(run)
    after = _aftermaths(run, foremost(critical, MOST_AFTERMATHS))
    has = {"answer": True, "why": reasons or sectors or access, "where": True, "when": recovery, "often": exceedance,
           "matters": critical, "helps": helps, "limits": True, "method": True}  # fmt: skip
    labels = [_event_label(words, row) for row in events]
    quantities, quantity_units = _quantities(exceedance, words, unit, unit_hours)
    data = {
        "language": words.language,
        "words": {key: words.plain(key) for key in
                  ("largest", "hours_after", "days_after", "never", "unit_hour", "unit_day")},
        "unit": unit, "unit_hours": unit_hours, "events": labels, "worst": _worst(run),
        "map": _map_data(run, city), "recovery": recovery,
        "exceedance": None if exceedance is None else {**exceedance, "units": quantity_units},
        "figures": {
            "map": figure_json(map_figure(run, city, words)),
            **({} if recovery is None else {"recovery": figure_json(recovery_figure(services, words))}),
            **({} if exceedance is None
               else {"exceedance": figure_json(exceedance_figure(exceedance["periods"], words))}),
        },
    }  # fmt: skip
    manifest = run.manifest
    return {
        "title": manifest.name, "synthetic": run.synthetic, "unit": unit, "over_time": run.over_time,
        "headline_unit": unit_hours if run.over_time else unit,
        "facts": {
            "assets": f"{ds.sizes['asset']:,}", "people": f"{float(ds['zone_people'].sum()):,.0f}",
            "events": f"{ds.sizes['event']:,}", "samples": f"{run.n_sample:,}", "rule": ds.attrs["integration_rule"],
            "confidence": f"{100 * run.manifest.scenario['risk']['confidence']:g}",
        },
        "sections": [key for key, content in has.items() if content],
        "cards": _cards(run, words, reasons, {} if untold else critical, unit, unit_hours if run.over_time else unit),
        "untold": words("untold", n=f"{len(untold):,}", names=", ".join(untold[:MOST_UNTOLD])) if untold else "",
        "losses": losses, "money": money, "events": events, "labels": labels, "services": services, "change": change,
        "reasons": reasons, "sectors": sectors, "access": access, "origins": origins(ds),
        "colours": _colours([*reasons, *sectors], access), "outcome": lambda name: words.name("outcome", name),
        "has_hazard": any(city.hazards.addresses), "has_outlines": bool(city.outlines),
        "map_sectors": sorted(set(texts(ds, "sector").tolist())),
        "hazard_classes": _hazard_legend(city), "map_notes": list(_map_notes(words, city, ds.sizes["zone"])),
        "worst_zones": _worst_zones(run),
        "n_step": 0 if recovery is None else len(recovery["hours"]) - 1,
        "levels": [] if recovery is None else recovery["levels"],
        "line_colours": [COLOURS[i % len(COLOURS)] for i in range(len(services))],
        "line_styles": [("solid", "dashed", "double", "dotted")[i // len(COLOURS) % len(DASHES)]
                        for i in range(len(services))],
        "quantities": quantities, "periods": [] if exceedance is None else [f"{p:g}" for p in exceedance["periods"]],
        "critical": {service: list(map(_critical_row, rows)) for service, rows in critical.items()},
        "aftermaths": after, "remedies": helps, "tells_net": any(one.net for one in helps),
        "tells_carbon": any(one.carbon not in ("", "0") for one in helps),
        "notes": list(run.result.notes), "inputs": input_lines(run), "licences": licences(run),
        "provenance": _provenance(run, words), "data": inert_json(data),
    }  # fmt: skip


def _event_label(words: Words, row: EventLoss) -> str:
    """Return an event for people: its name, and how rare it is."""
    return f"{row.event} · {row.period} {words('year')}" if row.period else str(row.event)


def _worst(run: Run) -> int:
    ds = run.dataset
    lost = ds["person_hours_lost" if run.over_time else "people_without_service"].values.mean(axis=-1).sum(axis=-1)
    return int(np.argmax(lost))


def _map_data(run: Run, city: CityMap) -> dict[str, Any]:
    return {
        "size": list(city.size), "images": list(city.hazards.addresses),
        "clear": png_address(np.zeros((1, 1), np.uint8), [CLEAR]), "perils": texts(run.dataset, "peril").tolist(),
        "n_line": int(city.line_assets.size), "n_point": int(city.point_assets.size), "chance": packed(city.chance),
        "people": city.people, "hours": city.hours,
    }  # fmt: skip


def _hazard_legend(city: CityMap) -> list[tuple[str, list[dict[str, str]]]]:
    unit = {"flood": "m", "heat": "°C"}

    def tell_class(low: float, high: float, peril: str) -> str:
        name = unit.get(peril, "")
        return f"> {low:g} {name}" if np.isinf(high) else f"{low:g}–{high:g} {name}"

    return [
        (peril, [{"colour": one.colour, "told": tell_class(one.low, one.high, peril)} for one in classes])
        for peril, classes in groupby(city.hazards.classes, key=lambda one: one.peril)
    ]


def _map_notes(words: Words, city: CityMap, n_zone: int) -> Iterable[str]:
    if city.n_rest:
        shown = city.line_assets.size + city.point_assets.size
        yield words("map_rest", n=f"{city.n_rest:,}", shown=f"{shown:,}")
    if city.zones.size < n_zone:
        yield words("map_zones", n=f"{n_zone:,}", shown=f"{city.zones.size:,}")
    if city.hazards.missing:
        yield words("map_missing")


def _worst_zones(run: Run) -> list[dict[str, Any]]:
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


def _quantities(
    exceedance: dict[str, Any] | None, words: Words, unit: str, unit_hours: str
) -> tuple[list[str], list[str]]:
    """Return what each curve of exceedance is of, and its unit."""
    told, units = [], []
    for one in [] if exceedance is None else exceedance["quantities"]:
        service = words.name("service", one["service"])
        if one["name"] == "direct_loss":
            told.append(service)
            units.append(words("money"))
            continue
        units.append(unit_hours if one["hours"] else unit)
        told.append(words("quantity_hours" if one["hours"] else "quantity_peak", service=service, unit=units[-1]))
    return told, units


def _cards(
    run: Run, words: Words, reasons: list[Reason], critical: dict[str, list[Critical]], unit: str, headline_unit: str
) -> list[Card]:
    """Return the first answers: what is lost most, where that begins, in which event, by which asset, and money."""
    losses, money = annual_losses(run), annual_money(run)
    if not any(row.bar > 0 for row in losses):
        return []
    most = max(range(len(losses)), key=lambda i: losses[i].bar)
    row, service = losses[most], losses[most].service
    told = words("card_loss_rest" if row.interval else "card_loss_exact", value=row.value, interval=row.interval,
                 unit=headline_unit)  # fmt: skip
    cards = [Card(words("card_loss"), words.name("service", service), told)]
    why = next((one for one in reasons if one.subject == service and not one.event), None)
    if why is not None and why.parts and "/" in why.parts[0].name:
        sector, peril = why.parts[0].name.rsplit("/", 1)
        name = words("root", sector=words.name("service", sector), peril=words.name("peril", peril))
        cards.append(Card(words("card_root"), name, words("card_root_rest", share=_percent(why.parts[0].share))))
    worst = max(event_losses(run), key=lambda event: event.shades[most])
    told = words("card_event_rest", value=worst.values[most], unit=headline_unit)
    cards.append(Card(words("card_event"), _event_label(words, worst), told))
    if service in critical:
        first = critical[service][0]
        told = words("card_asset_rest", share=_critical_row(first)["share"], unit=unit)
        cards.append(Card(words("card_asset"), first.name, told))
    if money[0]:
        cards.append(Card(words("card_money"), money[0], words("card_money_rest")))
    return cards


def _critical_row(row: Critical) -> dict[str, Any]:
    error = (row.high - row.share) / NORMAL * 100 if np.isfinite(row.high) else float("nan")
    whisker = None if np.isnan(error) else (100 * row.low, 100 * (min(1.0, row.high) - row.low))
    return {
        **asdict(row), "share": tell(100 * row.share, error), "interval": tell_interval(100 * row.share, error),
        "bar": 100 * min(1.0, row.share), "whisker": whisker,
    }  # fmt: skip


def _aftermaths(run: Run, assets: list[int]) -> list[dict[str, Any]]:
    ds = run.dataset
    names, kinds, sectors = (texts(ds, name) for name in ("asset", "kind", "sector"))
    return [
        {
            "name": names[one.asset], "kind": kinds[one.asset], "sector": sectors[one.asset],
            "steps": [
                {"kinds": step.kinds, "names": step.names, "more": sum(n for *_, n in step.kinds) > MOST_NAMES}
                for step in one.steps
            ],
            "people": [(service, f"{n:,.0f}") for service, n in one.people.items()],
        }
        for one in aftermaths(run.network, run.manifest.scenario, assets)
    ]  # fmt: skip


def _colours(reasons: list[Reason], access: Any) -> dict[str, str]:
    """Return a colour for every part of a bar: by its peril, or by what kind of cause it is."""
    names = dict.fromkeys(part.name for row in [*reasons, *access] for part in row.parts)
    colours = dict(GREYS)
    rules: tuple[tuple[Callable[[str], bool], tuple[str, ...]], ...] = (
        (lambda name: name.endswith("/flood"), FLOOD_SHADES),
        (lambda name: name.endswith("/heat"), HEAT_SHADES),
        (lambda name: True, OTHER_SHADES),
    )
    for rule, shades in rules:
        own = [name for name in names if name not in colours and rule(name)]
        colours |= {name: shades[i % len(shades)] for i, name in enumerate(own)}
    return colours


def _provenance(run: Run, words: Words) -> list[tuple[str, str]]:
    manifest = run.manifest
    return [
        (words("run_name"), f"{manifest.name} ({manifest.run_id})"),
        (words("ended"), manifest.ended),
        (words("version"), f"urban-resilience {manifest.code.get('urban-resilience', '')}"),
        (words("seed"), str(manifest.seed)),
        (words("scenario_hash"), manifest.scenario_sha256),
        (words("crs"), manifest.network.crs),
        (words("machine"), f"{manifest.machine.platform}, Python {manifest.machine.python}"),
    ]
