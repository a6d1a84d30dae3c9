"""The hazard section: which maps there are and what their numbers mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from resilience.errors import suggestion
from resilience.scenario.fields import (
    CrsText,
    Finding,
    Hours,
    InputPath,
    Name,
    NotNegative,
    Number,
    OneOrMany,
    OneOrManyOrMapping,
    Positive,
    Section,
    Text,
    Whole,
    raise_findings,
    shown,
    wrong,
)

UNITS: dict[str, tuple[str, ...]] = {
    "flood": ("m", "cm", "mm", "ft"),
    "heat": ("degC", "K", "degF"),
}
_TOKEN = re.compile(r"\{(rp(?::0?[0-9]{1,2}d)?|event|hour(?::0?[0-9]{1,2}d)?)\}")
_BRACES = re.compile(r"\{([^{}]*)\}")


_MAPS = ("files", "path", "variable", "unit", "nodata_value")


class HazardSource(NamedTuple):
    """Where one event's map is.

    Parameters
    ----------
    event : str
        ``rp100`` on a severity axis, else the event's own id.
    path : pathlib.Path
    band : int
        Counts from one.
    return_period, annual_rate : float or None
        Years and 1/year; both None in a family without rates.
    duration_hours : float or None
        Time at peak.
    recession_hours : float
        Time in which the water then falls.
    hour_paths : tuple of pathlib.Path
        One file per entry of `hours`, where each has its own; the first is `path`.
    """

    event: str
    path: Path
    band: int
    return_period: float | None
    annual_rate: float | None
    duration_hours: float | None
    recession_hours: float = 0.0
    hour_paths: tuple[Path, ...] = ()


class TemperatureMaps(Section):
    """Maps of the air temperature of an index."""

    files: Annotated[tuple[InputPath, ...], *OneOrMany] = Field(default=(), description="as `files` of the hazard")
    path: InputPath | None = Field(default=None, description="one file that holds all events")
    variable: Text | None = Field(default=None, description="variable of a netCDF file")
    unit: Literal["degC", "K", "degF"] | None = Field(
        default=None, description="unit of the values; needed where the file does not tell"
    )
    nodata_value: Number | None = Field(default=None, description="value that marks no data")


class HumidityMaps(TemperatureMaps):
    """Maps of the relative humidity of an index, on the grid and at the hours of the temperature."""

    # Other units than those of the temperature, whose keys are otherwise the same.
    unit: Literal["%", "1"] | None = Field(  # type: ignore[assignment]
        default=None, description="unit of the values: percent, or shares; needed where the file does not tell"
    )


class HazardSection(Section):
    """One event family: a stack of return periods, or a list of distinct events.

    The maps are given by `files` (one per event) or by `path` with `bands`. A family of events without `annual_rates`
    is conditional: it tells what an event does, never what is lost per year.
    """

    family: Name = Field(description="unique id of the event family")
    peril: Literal["flood", "heat"] = Field(description="flood or heat")
    files: Annotated[tuple[InputPath, ...], *OneOrManyOrMapping] = Field(
        default=(),
        description="one raster per event: a pattern with {rp} (or {rp:05d}) or {event}, a list, or a mapping from "
        "return period or event to file; with `hours`, {hour} (or {hour:02d}) stands for each of them",
    )
    path: InputPath | None = Field(default=None, description="one file that holds all events, see bands")
    bands: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], *OneOrManyOrMapping] = Field(
        default=(),
        description="band of each event in `path`, counted from 1: a list, or a mapping from return period or event",
    )
    variable: Text | None = Field(default=None, description="variable of a netCDF file")
    index: (
        Literal["kma_apparent", "heat_index", "humidex", "steadman", "swbgt", "wbgt_shade", "wbgt_sun", "wet_bulb"]
        | None
    ) = Field(
        default=None,
        description="heat: what people feel, worked out of `temperature` and `humidity` and told per zone; curves of "
        "assets are of the air temperature, and read that",
    )
    temperature: TemperatureMaps | None = Field(default=None, description="with `index`: maps of the air temperature")
    humidity: HumidityMaps | None = Field(default=None, description="with `index`: maps of the relative humidity")
    unit: Literal["m", "cm", "mm", "ft", "degC", "K", "degF"] | None = Field(
        default=None, description="unit of the values; needed where the file does not tell"
    )
    crs: CrsText | None = Field(
        default=None, description="coordinate reference system; needed where the file does not tell"
    )
    nodata: Literal["dry", "unknown", "error"] = Field(description="what a cell without data means")
    nodata_value: Number | None = Field(
        default=None, description="value that marks no data; needed where the file does not tell"
    )
    outside: Literal["error", "dry"] = Field(default="error", description="what lies outside the map")
    return_periods: Annotated[tuple[Annotated[Number, Field(ge=1)], ...], *OneOrMany] = Field(
        default=(), description="years, one per map: the family is a severity axis"
    )
    events: Annotated[tuple[Text, ...], *OneOrMany] = Field(
        default=(), description="ids of distinct events, one per map"
    )
    annual_rates: Annotated[tuple[Positive, ...], *OneOrMany] = Field(
        default=(), description="mean number per year of each of `events`; without it the family is conditional"
    )
    duration_hours: Annotated[tuple[Hours, ...], *OneOrMany] = Field(
        default=(), description="hours at peak: one number, or one per map"
    )
    recession_hours: Annotated[tuple[Hours, ...], *OneOrMany] = Field(
        default=(),
        description="flood: hours in which the water falls after them, evenly from its peak to dry; one number, or one "
        "per map; 0 where absent",
    )
    hours: Annotated[tuple[Hours, ...], *OneOrMany] = Field(
        default=(),
        description="maps in time: h from the midnight before the event at which each begins to hold, ascending; they "
        "are what {hour} stands for in `files`, else the bands of each file. A netCDF or Zarr file with a dimension of "
        "time tells them itself",
    )
    clock_offset: Annotated[Number, Field(ge=-24, le=24)] = Field(
        default=0.0,
        description="h that are added to the times a file tells to be local time, e.g. 9 for UTC in Seoul: days are "
        "counted from local midnight",
    )
    plausible: tuple[Number, Number] | None = Field(
        default=None, description="[low, high] in m or degC: values outside are an error, not data"
    )
    error_sd: NotNegative = Field(
        default=0.0,
        description="m or K, whatever `unit` is: standard deviation of the error of the maps, one normal number per "
        "sample for all maps of the family; it moves water where there is some and leaves dry land dry; 0 takes the "
        "maps as exact",
    )
    sampling: Literal["nearest", "bilinear"] = Field(default="nearest", description="how a map is read at a point")

    @model_validator(mode="before")
    @classmethod
    def _spread_mappings(cls, data: Any) -> Any:
        """Turn ``{10: a.tif, 100: b.tif}`` into files and return periods (or events, if the keys are words)."""
        if not isinstance(data, dict):
            return data
        result = dict(data)
        findings: list[Finding] = []
        for key in ("files", "bands"):
            mapping = data.get(key)
            if not isinstance(mapping, Mapping):
                continue
            numeric = [isinstance(label, int | float) and not isinstance(label, bool) for label in mapping]
            axis = "return_periods" if numeric and all(numeric) else "events"
            if any(numeric) and not all(numeric):
                findings.append(Finding(key, wanted="either return periods or event ids as keys", got="both"))
            elif axis in data or ("events" if axis == "return_periods" else "return_periods") in data:
                findings.append(Finding(key, wanted=f"{axis} in one place: as keys here or as a list", got="both"))
            result[key] = list(mapping.values())
            result.setdefault(axis, list(mapping))
        raise_findings(cls.__name__, findings)
        return result

    @field_validator("files")
    @classmethod
    def _check_tokens(cls, files: tuple[Path, ...]) -> tuple[Path, ...]:
        for file in files:
            for token in _BRACES.findall(file.name):
                if not _TOKEN.fullmatch(f"{{{token}}}"):
                    hint = suggestion(token, ["rp", "event", "hour"])
                    raise wrong(f"{{rp}}, {{rp:05d}} or {{event}} (and {{hour}}) in a pattern{hint}", f"{{{token}}}")
        return files

    @model_validator(mode="after")
    def _check(self) -> HazardSection:
        raise_findings(type(self).__name__, self._findings())
        return self

    @property
    def conditional(self) -> bool:
        """Whether the family has no rates, so that nothing per year can be said."""
        return not self.return_periods and not self.annual_rates

    def parts(self) -> dict[str, HazardSection]:
        """Return the sections of the maps it is worked out of: itself, or temperature and humidity of an index."""
        if self.temperature is None or self.humidity is None:
            return {"intensity": self}
        none = {"index": None, "temperature": None, "humidity": None}
        return {
            name: self.model_copy(update={**none, **{key: getattr(maps, key) for key in _MAPS}})
            for name, maps in (("temperature", self.temperature), ("humidity", self.humidity))
        }

    @property
    def pattern(self) -> str | None:
        """The token of the file pattern, ``rp`` or ``event``, if `files` is one."""
        tokens = _TOKEN.findall(str(self.files[0])) if len(self.files) == 1 else []
        names = [name for name in (token.split(":")[0] for token in tokens) if name != "hour"]
        return names[0] if names else None

    @property
    def by_hour(self) -> bool:
        """Whether each hour has a file of its own."""
        return any(token.startswith("hour") for file in self.files for token in _TOKEN.findall(str(file)))

    def sources(self) -> tuple[HazardSource, ...]:
        """Return where each event's map is, return periods ascending.

        Examples
        --------
        >>> family = HazardSection(family="river", peril="flood", files="/maps/d_{rp:03d}.tif", nodata="dry",
        ...                        return_periods=[100, 20])
        >>> [(source.event, source.path.name) for source in family.sources()]
        [('rp20', 'd_020.tif'), ('rp100', 'd_100.tif')]
        """
        if self.temperature is not None:
            return self.parts()["temperature"].sources()
        labels = [format_return_period(period) for period in self.return_periods] or list(self.events)
        periods: list[float | None] = list(self.return_periods) or [None] * len(labels)
        rates: list[float | None] = list(self.annual_rates)
        rates = rates or [None if period is None else 1 / period for period in periods]
        durations: list[float | None] = list(self.duration_hours) or [None]
        durations = durations * len(labels) if len(durations) == 1 else durations
        recessions = list(self.recession_hours) or [0.0]
        recessions = recessions * len(labels) if len(recessions) == 1 else recessions
        bands = list(self.bands) or (list(range(1, len(labels) + 1)) if self.path else [1] * len(labels))
        rows = []
        for i, label in enumerate(labels):
            event = f"rp{label}" if self.return_periods else label
            paths = tuple(self._file(i, label, hour) for hour in self.hours) if self.by_hour else ()
            path = paths[0] if paths else self._file(i, label)
            times = durations[i], recessions[i]
            rows.append(HazardSource(event, path, bands[i], periods[i], rates[i], *times, paths))
        return tuple(sorted(rows, key=lambda row: row.return_period or 0.0))

    def _file(self, i: int, label: str, hour: float = 0.0) -> Path:
        if self.path is not None:
            return self.path
        if self.pattern is None and not self.by_hour:
            return self.files[i]

        def fill(match: re.Match[str]) -> str:
            name, _, width = match.group(1).partition(":")
            text = format_return_period(hour) if name == "hour" else label
            return format(int(text), width) if name != "event" and width and text.isdecimal() else text

        return Path(_TOKEN.sub(fill, str(self.files[i if self.pattern is None else 0])))

    def _findings(self) -> Iterator[Finding]:
        given = [self.index, self.temperature, self.humidity]
        if any(one is not None for one in given):
            yield from self._index_findings()
            if all(one is not None for one in given):
                for name, part in self.parts().items():
                    for finding in part._map_findings():
                        own = finding.loc[0] in _MAPS
                        if own or name == "temperature":
                            loc = (name, *finding.loc) if own else finding.loc
                            yield Finding(*loc, wanted=finding.wanted, got=finding.got)
        else:
            yield from self._map_findings()
        yield from self._word_findings()

    def _index_findings(self) -> Iterator[Finding]:
        for key in ("index", "temperature", "humidity"):
            if getattr(self, key) is None:
                yield Finding(key, wanted="index, temperature and humidity together", got="absent")
        if self.peril != "heat":
            yield Finding("index", wanted="an index for heat only", got=f"peril: {self.peril}")
        if self.error_sd:
            yield Finding("error_sd", wanted="none with an index: what people feel takes its maps as exact", got="both")
        for key in (*_MAPS, "bands"):
            if getattr(self, key):
                yield Finding(key, wanted="maps under temperature and humidity, with an index", got="both")

    def _map_findings(self) -> Iterator[Finding]:
        if bool(self.files) == (self.path is not None):
            yield Finding("files", wanted="either files or path", got="both" if self.files else "neither")
        if self.return_periods and self.events:
            yield Finding("events", wanted="either return_periods or events in one family", got="both")
        yield from self._axis_findings()
        yield from self._count_findings()
        yield from self._hour_findings()

    def _word_findings(self) -> Iterator[Finding]:
        if self.unit is not None and self.unit not in UNITS[self.peril]:
            yield Finding(
                "unit", wanted=f"one of {', '.join(UNITS[self.peril])} for {self.peril}", got=shown(self.unit)
            )
        if self.peril == "heat" and self.nodata == "dry":
            yield Finding("nodata", wanted="unknown or error for heat", got="'dry'")
        if self.peril == "heat" and self.outside == "dry":
            yield Finding("outside", wanted="error for heat", got="'dry'")
        if self.peril == "heat" and self.recession_hours:
            yield Finding("recession_hours", wanted="only for flood", got="heat")
        if self.plausible is not None and self.plausible[0] >= self.plausible[1]:
            yield Finding("plausible", wanted="[low, high] with low < high", got=str(list(self.plausible)))

    def _axis_findings(self) -> Iterator[Finding]:
        if not self.return_periods and not self.events:
            if self.pattern == "rp":
                wanted = "return_periods, the years that {rp} stands for"
            elif self.pattern == "event":
                wanted = "events, the ids that {event} stands for"
            else:
                wanted = "return_periods (years) or events (ids), one per map"
            yield Finding("files" if self.files else "path", wanted=wanted, got="neither")
        elif self.pattern == "rp" and not self.return_periods:
            yield Finding("files", wanted="{event} in the pattern of a family of events", got="{rp}")
        elif self.pattern == "event" and not self.events:
            yield Finding("files", wanted="{rp} in the pattern of a stack of return periods", got="{event}")
        for key in ("return_periods", "events"):
            values = getattr(self, key)
            twice = sorted({value for value in values if values.count(value) > 1}, key=str)
            if twice:
                yield Finding(key, wanted="every entry once", got=f"{twice[0]!r} twice")
        if self.annual_rates and not self.events:
            got = "return_periods, whose rates are 1/T" if self.return_periods else "annual_rates alone"
            yield Finding("annual_rates", wanted="events to which the rates belong", got=got)

    def _hour_findings(self) -> Iterator[Finding]:
        hours = self.hours
        if self.by_hour and not hours:
            yield Finding("files", wanted="hours, for which {hour} stands", got="{hour} alone")
        if not hours:
            return
        if len(hours) < 2 or any(a >= b for a, b in pairwise(hours)):
            yield Finding("hours", wanted="two or more ascending numbers", got=", ".join(f"{h:g}" for h in hours[:5]))
        for key in ("duration_hours", "recession_hours"):
            if getattr(self, key):
                yield Finding(key, wanted="none beside hours, which tell how long it lasts", got="both")
        if self.clock_offset:
            yield Finding("clock_offset", wanted="only for files that tell their times themselves", got="hours")
        n = len(self.return_periods) or len(self.events)
        if self.path is not None and n > 1:
            wanted = "files, one per event, whose bands are the hours (or {hour} in a pattern)"
            yield Finding("path", wanted=wanted, got=f"one file for {n} events")
        if self.bands:
            yield Finding("bands", wanted="none beside hours: each band of a file is an hour", got="both")

    def _count_findings(self) -> Iterator[Finding]:
        n = len(self.return_periods) or len(self.events)
        if not n:
            return
        axis = "return_periods" if self.return_periods else "events"
        each = f"{n}, one per entry of {axis}"
        if self.pattern is None and self.files and len(self.files) != n:
            hint = " (or a pattern with {rp} or {event})" if len(self.files) == 1 else ""
            yield Finding("files", wanted=f"{each}{hint}", got=str(len(self.files)))
        if self.bands and len(self.bands) != n:
            yield Finding("bands", wanted=each, got=str(len(self.bands)))
        if self.bands and self.files:
            yield Finding("bands", wanted="bands only together with path", got="files")
        if self.events and self.annual_rates and len(self.annual_rates) != n:
            yield Finding("annual_rates", wanted=each, got=str(len(self.annual_rates)))
        for key in ("duration_hours", "recession_hours"):
            if len(getattr(self, key)) > 1 and len(getattr(self, key)) != n:
                yield Finding(key, wanted=f"one number, or {each}", got=str(len(getattr(self, key))))


def format_return_period(years: float) -> str:
    """Return years as file names have them.

    Examples
    --------
    >>> format_return_period(100.0), format_return_period(1.5)
    ('100', '1.5')
    """
    return str(int(years)) if float(years).is_integer() else str(years)
