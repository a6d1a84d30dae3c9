"""What heat does to people: deaths per year and of the worst event."""

from __future__ import annotations

import numpy as np

from resilience.labels import texts
from resilience.reading import FinishedRun
from resilience.report.rounding import tell, tell_interval
from resilience.report.words import Words


def tell_heat(run: FinishedRun, words: Words) -> str:
    """Return deaths by heat, and those of people whose cooling has no power; empty where the scenario asks for none.

    The second are told where they are known: with a time grid, of a service by assignment.
    """
    ds, section = run.dataset, run.scenario.heat
    if section is None or "event_heat_deaths" not in ds:
        return ""
    deaths, further = ds["event_heat_deaths"].values, ds["event_outage_deaths"].values
    error = ds["event_outage_deaths_standard_error"].values
    service = section.mortality.service
    by = dict(zip(texts(ds, "service"), texts(ds, "service_by"), strict=True))
    known = run.over_time and by.get(service) == "assignment"
    told, name = [], words.name("service", service)
    if "annual_heat_deaths" in ds:
        told.append(words("heat_year", deaths=tell(float(ds["annual_heat_deaths"]))))
        if known:
            told.append(words("heat_year_without", service=name, deaths=tell(float(ds["annual_outage_deaths"]))))
    worst = int(np.argmax(deaths + further)) if known else int(np.argmax(deaths))
    if deaths[worst] > 0:
        patients = float(np.nansum(ds["heat_patients"].values[worst]))
        event = texts(ds, "event")[worst]
        told.append(words("heat_event", event=event, deaths=tell(float(deaths[worst])), patients=tell(patients)))
        if known:
            half = tell_interval(float(further[worst]), float(error[worst]))
            more = tell(float(further[worst]), float(error[worst])) + (f" ± {half}" if half else "")
            told.append(words("heat_event_without", service=name, deaths=more))
    return " ".join(told)
