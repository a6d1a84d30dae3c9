"""What a hazard source string names: files by pattern, and what is known of published data by their file names."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

from resilience.errors import ConfigurationError, DataError, MissingInputError, Problem


@dataclass(frozen=True)
class KnownSource:
    """A published data set that says its unit in its documentation and not in its files.

    Parameters
    ----------
    name : str
    file_name : re.Pattern
        Of the path.
    peril, unit : str
    """

    name: str
    file_name: re.Pattern[str]
    peril: str
    unit: str


KNOWN_SOURCES: tuple[KnownSource, ...] = tuple(
    KnownSource(name, re.compile(pattern, re.IGNORECASE), "flood", unit)
    for name, pattern, unit in (
        ("WRI Aqueduct", r"inun(river|coast)_[^/]*_rp\d+(_\d)?[^/]*\.tif$", "m"),
        ("JRC global flood maps", r"floodMapGL_rp\d+y[^/]*\.tif$", "m"),
        ("JRC European flood maps", r"(floodmap_EFAS_RP\d+|Europe_RP\d+_filled_depth)[^/]*\.tif$", "m"),
        ("CEMS-GloFAS flood hazard", r"ID\d+_[NS]\d+_[EW]\d+_RP\d+_depth[^/]*\.tif$", "m"),
        ("Fathom", r"1in\d+-(FLUVIAL|PLUVIAL|COASTAL)-(UN)?DEFENDED-DEPTH.*\.tif$", "cm"),
    )
)


def known_unit(path: str, *, peril: str) -> str | None:
    """Return the unit of a published data set that is recognised by its file name.

    Examples
    --------
    >>> known_unit("FLOOD_MAP-1ARCSEC-NW_OFFSET-1in100-FLUVIAL-DEFENDED-DEPTH-2020-v3.1/n49w124.tif", peril="flood")
    'cm'
    >>> known_unit("inuncoast_rcp4p5_wtsub_2030_rp0001_5.tif", peril="flood")
    'm'
    """
    for source in KNOWN_SOURCES:
        if source.peril == peril and source.file_name.search(path):
            return source.unit
    return None


def parse_return_period(text: str) -> float:
    """Return the years in a file name; an underscore before one digit is a decimal point.

    Examples
    --------
    >>> parse_return_period("00100"), parse_return_period("0001_5"), parse_return_period("2.5")
    (100.0, 1.5, 2.5)
    """
    return float(text.replace("_", "."))


_FIELDS = {"rp": r"(?P<rp>\d+(?:_\d|\.\d+)?)", "event": r"(?P<event>[^/]+?)"}


def match_pattern(pattern: str) -> dict[str, str]:
    """Return the files that a pattern with ``{rp}`` or ``{event}`` names: what stands in the field -> path.

    Parameters
    ----------
    pattern : str
        A path; the field may stand in a folder's name. ``*`` and ``?`` match anything else.

    Raises
    ------
    ConfigurationError
        The pattern does not hold exactly one field, once.
    MissingInputError
        No file fits.
    DataError
        Two files have the same return period or event name.

    Examples
    --------
    >>> match_pattern("no_such_folder/depth_rp{rp}.tif")
    Traceback (most recent call last):
    ...
    resilience.errors.MissingInputError: no_such_folder/depth_rp{rp}.tif: no file fits the pattern; wanted: files such \
as no_such_folder/depth_rp100.tif
    """
    used = re.findall(r"\{([^{}]*)\}", pattern)
    if len(used) != 1 or used[0] not in _FIELDS:
        problem = Problem(pattern, "one field, {rp} (return period) or {event}, once", f"fields {', '.join(used)}")
        raise ConfigurationError(problem)
    field = used[0]
    before, after = pattern.split("{" + field + "}")
    expression = re.compile(_as_expression(before) + _FIELDS[field] + _as_expression(after))
    paths = sorted(glob.glob(f"{_as_glob(before)}*{_as_glob(after)}"))
    found: dict[str, str] = {}
    repeated = []
    for path in paths:
        match = expression.fullmatch(path)
        if match is None:
            continue
        key = match.group(field)
        same = [other for other in found if other == key or (field == "rp" and _equal(other, key))]
        if same:
            repeated.append(f"{found[same[0]]} and {path}")
        found[key] = path
    if repeated:
        wanted = f"each {'return period' if field == 'rp' else 'event'} once"
        raise DataError(Problem(pattern, wanted, "files with the same one", len(repeated), first=repeated))
    if not found:
        example = pattern.replace("{rp}", "100").replace("{event}", "storm")
        there = sorted(path.name for path in Path(before).parent.glob("*") if path.is_file())
        problem = Problem(pattern, f"files such as {example}", "no file fits the pattern", first=there)
        raise MissingInputError(problem)
    return found


def _equal(first: str, second: str) -> bool:
    return parse_return_period(first) == parse_return_period(second)


def _as_expression(text: str) -> str:
    return re.escape(text).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def _as_glob(text: str) -> str:
    return text.replace("[", "[[]")
