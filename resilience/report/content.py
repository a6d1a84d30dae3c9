"""All that the template of a report asks for, section by section."""

from __future__ import annotations

from typing import Any

import numpy as np

from resilience.appraisal import discount_rate
from resilience.labels import PEOPLE, PERSON_HOURS, texts
from resilience.reading import FinishedRun
from resilience.report.answer import annual_losses, annual_money, event_losses
from resilience.report.cards import event_label, first_cards
from resilience.report.change import Change
from resilience.report.colours import LOSS_LINE, OTHER_LINE, line_styles, part_colours
from resilience.report.critical import Critical, critical_assets, foremost, untold_assets
from resilience.report.curves import exceedance_curves, recovery_curves
from resilience.report.drawing import exceedance_figure, figure_json, map_figure, recovery_figure
from resilience.report.failing import MOST_NAMES, aftermaths
from resilience.report.heat import tell_heat
from resilience.report.map_section import hazard_legend, map_data, map_notes, worst_zones
from resilience.report.notes import group_notes
from resilience.report.options import option_rows
from resilience.report.origin import input_lines, licences
from resilience.report.places import map_city
from resilience.report.reasons import access_outcomes, sector_reasons, service_reasons
from resilience.report.words import Units, Words, find_units
from resilience.why import find_origins

MOST_AFTERMATHS = 40
MOST_UNTOLD = 5

Content = dict[str, Any]


def tell_run(run: FinishedRun, words: Words, change: Change | None = None) -> tuple[Content, Content]:
    """Return what the template of a report asks for, and what its script does.

    Parameters
    ----------
    run : FinishedRun
    words : Words
    change : Change, optional
        Since another run.
    """
    units = find_units(words, run.result.unit, over_time=run.over_time)
    reasons, critical = _reasons(run), critical_assets(run)
    untold = untold_assets(run)
    city = map_city(run)
    recovery, exceedance = recovery_curves(run), exceedance_curves(run)
    quantities, in_units = _quantities(exceedance, words, units)
    events = event_losses(run)
    labels = [event_label(words, row) for row in events]
    services = texts(run.dataset, "service").tolist()
    figures = {"map": map_figure(run, city, words)}
    if recovery is not None:
        figures["recovery"] = recovery_figure(services, words)
    if exceedance is not None:
        figures["exceedance"] = exceedance_figure(exceedance["periods"], words)
        exceedance["units"] = in_units
    cards = first_cards(
        run, words, units, reasons=reasons["reasons"],
        # An asset of which nothing is told could matter more.
        critical={service: rows for service, rows in critical.items() if service not in untold},
        change=change,
    )  # fmt: skip
    content = {
        **_facts(run, words, units), "cards": cards, "losses": annual_losses(run), "money": annual_money(run),
        "heat": tell_heat(run, words),
        "events": events, "labels": labels, "services": services, "change": change, **reasons,
        "outcome": lambda name: words.name("outcome", name),
        "has_hazard": any(city.hazards.addresses), "has_outlines": bool(city.outlines),
        "map_sectors": sorted(set(texts(run.dataset, "sector").tolist())), "hazard_classes": hazard_legend(city),
        "map_notes": list(map_notes(words, city, run.dataset.sizes["zone"])), "worst_zones": worst_zones(run),
        "recovery": recovery, "line_styles": line_styles(services), "exceedance": exceedance,
        "quantities": quantities, "curve_colours": (LOSS_LINE, OTHER_LINE),
        **_critical(run, words, critical, untold), **_options(run, words, units, services),
        "notes": group_notes(run.result.notes), "inputs": input_lines(run), "licences": licences(run),
        "provenance": _provenance(run, words),
    }  # fmt: skip
    has = {
        "answer": True, "why": any(reasons[name] for name in ("reasons", "sectors", "access")), "where": True,
        "when": recovery, "often": exceedance, "matters": critical or untold, "helps": content["options"],
        "limits": True, "method": True,
    }  # fmt: skip
    content["sections"] = [name for name, told in has.items() if told]
    data = {
        "language": words.language,
        "words": {key: words.plain(key) for key in
                  ("largest", "hours_after", "days_after", "never", "unit_hour", "unit_day")},
        "unit": units.people, "unit_hours": units.hours, "events": labels, "worst": _worst(run),
        "map": map_data(run, city), "recovery": recovery, "exceedance": exceedance,
        "figures": {name: figure_json(one) for name, one in figures.items()},
    }  # fmt: skip
    return content, data


def _facts(run: FinishedRun, words: Words, units: Units) -> Content:
    ds = run.dataset
    n_asset, n_event = ds.sizes["asset"], ds.sizes["event"]
    rated, of_period = (np.isfinite(ds[name].values) for name in ("annual_rate", "return_period"))
    return {
        "title": run.manifest.name, "synthetic": run.result.is_synthetic, "units": units, "over_time": run.over_time,
        "facts": {
            "assets": words("one_asset") if n_asset == 1 else words("many_assets", n=f"{n_asset:,}"),
            "events": words("one_event") if n_event == 1 else words("many_events", n=f"{n_event:,}"),
            "people": f"{float(ds['zone_people'].sum()):,.0f}", "samples": f"{run.n_sample:,}",
            "rule": ds.attrs["integration_rule"],
            "periods": bool(of_period.any()), "rates": bool((rated & ~of_period).any()),
            "confidence": f"{100 * run.manifest.scenario['risk']['confidence']:g}",
            "rarest": f"{np.nanmax(ds['return_period'].values):g}" if of_period.any() else "",
        },
    }  # fmt: skip


def _reasons(run: FinishedRun) -> Content:
    reasons, sectors, access = service_reasons(run), sector_reasons(run), access_outcomes(run)
    bars = [row.parts for row in [*reasons, *sectors]] + [row.parts for row in access]
    # In the order of the run, in which plots of it colour them too.
    names = [*texts(run.dataset, "root"), *(part.name for parts in bars for part in parts)]
    return {"reasons": reasons, "sectors": sectors, "access": access, "origins": find_origins(run.dataset),
            "colours": part_colours(names)}  # fmt: skip


def _critical(
    run: FinishedRun, words: Words, critical: dict[str, list[Critical]], untold: dict[str, list[str]]
) -> Content:
    place = {name: i for i, name in enumerate(texts(run.dataset, "asset"))}
    first = dict.fromkeys(name for names in untold.values() for name in names[:MOST_UNTOLD])
    chosen = [*foremost(critical, MOST_AFTERMATHS), *(place[name] for name in [*first][:MOST_UNTOLD])]
    top = run.scenario.importance.top
    advice = words("untold_larger", top=top) if top else words("untold_advice")
    services = texts(run.dataset, "service").tolist()
    return {
        "ranked": [(name, critical.get(name, ()), _tell_untold(words, untold.get(name, [])))
                   for name in services if name in critical or name in untold],
        "aftermaths": _aftermaths(run, list(dict.fromkeys(chosen))), "untold_advice": advice if untold else "",
    }  # fmt: skip


def _tell_untold(words: Words, names: list[str]) -> str:
    """Return which assets of a service are not ranked, and that they may matter most; nothing without any."""
    if not names:
        return ""
    told = ", ".join(names[:MOST_UNTOLD])
    if len(names) > MOST_UNTOLD:
        told = words("and_more", names=told, n=f"{len(names) - MOST_UNTOLD:,}")
    return words("untold", names=told)


def _options(run: FinishedRun, words: Words, units: Units, services: list[str]) -> Content:
    found = option_rows(run)
    tells_net = any(one.net for one in found)
    # Where nothing is saved of any service, each is told to be 0.
    saved = [name for name in services if any(name in one.saved for one in found)] or services
    return {
        "options": found, "saved_services": saved,
        "tells_net": tells_net, "weighed": _weighed(run, words, units) if tells_net else "",
        "tells_avoided": run.result.tells_money and any(one.avoided for one in found),
        "tells_carbon": any({one.carbon, one.yearly_carbon} - {"", "0"} for one in found),
    }  # fmt: skip


def _weighed(run: FinishedRun, words: Words, units: Units) -> str:
    """Return at what values and what discount rate options are weighed."""
    scenario = run.scenario
    values = ", ".join(f"{words.name('service', name)} {value:g}" for name, value in (scenario.values or {}).items())
    valued = words("valued", unit=units.headline, values=values) if values else words("not_valued")
    rate = f"{100 * discount_rate(scenario):g}"
    own = scenario.discount_rate is not None
    return f"{valued} {words('discounted' if own else 'discounted_default', rate=rate)}"


def _worst(run: FinishedRun) -> int:
    """Return the event that takes most, over all services."""
    lost = run.dataset[PERSON_HOURS if run.over_time else PEOPLE].values
    return int(np.argmax(lost.mean(axis=-1).sum(axis=-1)))


def _quantities(exceedance: dict[str, Any] | None, words: Words, units: Units) -> tuple[list[str], list[str]]:
    """Return what each curve of exceedance is of, and its unit."""
    told, in_units = [], []
    for one in [] if exceedance is None else exceedance["quantities"]:
        service = words.name("service", one["service"])
        if one["name"] == "direct_loss":
            told.append(service)
            in_units.append(words("money"))
            continue
        in_units.append(units.hours if one["hours"] else units.people)
        told.append(words("quantity_hours" if one["hours"] else "quantity_peak", service=service, unit=in_units[-1]))
    return told, in_units


def _aftermaths(run: FinishedRun, assets: list[int]) -> list[dict[str, Any]]:
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


def _provenance(run: FinishedRun, words: Words) -> list[tuple[str, str]]:
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
