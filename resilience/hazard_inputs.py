"""The hazard maps that a scenario names, opened and checked; no cell is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from resilience.datasets import synthetic_city
from resilience.errors import Attempts, DataError, MissingInputError
from resilience.heat.indices import add_index
from resilience.readers import open_hazard
from resilience.readers.elsewhere import raster_sources
from resilience.scenario import Scenario
from resilience.scenario.hazards import HazardSection


def map_paths(section: HazardSection) -> Iterator[Path]:
    """Yield every file of the maps of an event family, and those that a mosaic is made of."""
    for part in section.parts().values():
        for source in part.sources():
            for path in source.hour_paths or (source.path,):
                yield path
                # A mosaic that is none is told by its reader.
                with contextlib.suppress(DataError, MissingInputError, OSError):
                    yield from raster_sources(path)


def open_hazards(scenario: Scenario, attempt: Attempts) -> list[xr.Dataset | None]:
    """Return the maps of every event family that the scenario names; None for one that is wrong, told to `attempt`."""
    return [_open_family(scenario, f"hazards.{i}", section, attempt) for i, section in enumerate(scenario.hazards)]


def _open_family(scenario: Scenario, key: str, section: HazardSection, attempt: Attempts) -> xr.Dataset | None:
    index = section.index
    if index is None:
        return _attempt_maps(scenario, key, section, attempt)
    parts = section.parts()
    air = _attempt_maps(scenario, f"{key}.temperature", parts["temperature"], attempt)
    moist = _attempt_maps(scenario, f"{key}.humidity", parts["humidity"], attempt, peril="humidity")
    if air is None or moist is None:
        return None
    return attempt(lambda: add_index(air, moist, index), key=f"{key}.index")


def _attempt_maps(
    scenario: Scenario, key: str, section: HazardSection, attempt: Attempts, *, peril: str | None = None
) -> xr.Dataset | None:
    """Return the maps of a section at a key; what is wrong with one of its files is told where that stands."""
    files = [str(file) for file in section.files]

    def place(subject: str) -> str:
        return scenario.place_of_entry(f"{key}.files", files.index(subject)) if subject in files else ""

    own = f"{key}.{'files' if section.path is None else 'path'}"
    return attempt(lambda: _open_maps(section, peril), key=own, place=place)


def _open_maps(section: HazardSection, peril: str | None) -> xr.Dataset:
    common: dict[str, Any] = {
        "family": section.family, "peril": peril or section.peril, "unit": section.unit, "crs": section.crs,
        "nodata": section.nodata, "nodata_value": section.nodata_value, "outside": section.outside,
        "variable": section.variable, "plausible": section.plausible if peril is None else None,
    }  # fmt: skip
    # Spelled out per event: `sources` fills patterns and orders return periods, files and bands alike.
    events: tuple[Any, ...] = section.sources()
    axis = bool(section.return_periods)
    in_bands = section.path is not None and not section.variable and not section.hours
    opened = open_hazard(
        section.path or [event.hour_paths or event.path for event in events],
        bands=[event.band for event in events] if in_bands else None,
        return_periods=[event.return_period for event in events] if axis else None,
        annual_rates=[event.annual_rate for event in events] if section.annual_rates else None,
        events=None if axis else [event.event for event in events],
        duration_hours=[event.duration_hours for event in events] if section.duration_hours else None,
        hours=section.hours or None,
        clock_offset=section.clock_offset,
        recession_hours=[event.recession_hours for event in events],
        **common,
    )
    return opened.assign_attrs(error_sd=section.error_sd) if section.error_sd else opened


def load_hazards(scenario: Scenario) -> tuple[xr.Dataset, ...]:
    """Return the maps of all event families of a scenario, those of the built-in city where it names none.

    Raises
    ------
    MissingInputError, DataError, ConfigurationError
        With everything that is wrong in them.
    """
    section = scenario.network.synthetic
    if section is not None and not scenario.hazards:
        return synthetic_city(
            seed=section.seed, size=section.size, standby=section.standby, hourly_heat=section.hourly_heat
        ).hazards
    attempt = Attempts(scenario.place)
    hazards = open_hazards(scenario, attempt)
    attempt.raise_if_any()
    return tuple(hazard for hazard in hazards if hazard is not None)
