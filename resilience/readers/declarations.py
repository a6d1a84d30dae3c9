"""What a map must say about itself: CRS, unit, meaning of no data. Argument, else file, else published source."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from resilience.errors import Problems, suggestion
from resilience.hazard import HazardWarning
from resilience.hazard.checks import NODATA_MEANINGS
from resilience.perils import QUANTITIES, parse_unit
from resilience.readers.layers import Layer
from resilience.readers.sources import known_unit


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the configuration says; None where it says nothing.

    Parameters
    ----------
    unit : str or None
    crs : str, int, pyproj.CRS or None
    nodata : str or None
    nodata_value : float or None
    """

    unit: str | None
    crs: Any
    nodata: str | None
    nodata_value: float | None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What holds for all layers of a family.

    Parameters
    ----------
    crs : pyproj.CRS or None
        None only if a problem was noted.
    conversions : tuple of (float, float)
        Per layer: ``intensity = scale * stored + shift``.
    nodata : str
    nodata_value : float or None
        For layers that declare none.
    """

    crs: CRS | None
    conversions: tuple[tuple[float, float], ...]
    nodata: str
    nodata_value: float | None


def declare(layers: Sequence[Layer], given: Declared, *, family: str, peril: str, problems: Problems) -> Settled:
    """Settle CRS, unit and nodata of `layers`, noting in `problems` all that is missing or contradictory."""
    return Settled(
        crs=_settle_crs(layers, given.crs, family, problems),
        conversions=_settle_units(layers, given.unit, family, peril, problems),
        nodata=_settle_nodata(layers, given, family, problems),
        nodata_value=given.nodata_value,
    )


def same_crs(first: CRS, second: CRS) -> bool:
    """Return whether two coordinate reference systems are the same, whatever the wording.

    Examples
    --------
    >>> same_crs(CRS.from_epsg(5187), CRS.from_wkt(CRS.from_epsg(5187).to_wkt("WKT1_GDAL")))
    True
    """
    if first.equals(second, ignore_axis_order=True):
        return True
    codes = [crs.to_epsg() for crs in (first, second)]
    if None not in codes:
        return bool(codes[0] == codes[1])
    # Wordings without a code (.prj files, old WKT) differ in names and axes: see whether they put points in one place.
    area = first.area_of_use or second.area_of_use
    if area is None or first.is_geographic != second.is_geographic:
        return False
    longitude, latitude = np.linspace(area.west, area.east, 5)[1:-1], np.linspace(area.south, area.north, 5)[1:-1]
    places = []
    for crs in (first, second):
        to_crs = Transformer.from_crs(4326, crs, always_xy=True)
        places.append(np.asarray(to_crs.transform(longitude, latitude)))
    return bool(np.allclose(places[0], places[1], rtol=1e-9, atol=1e-9))


def crs_name(crs: CRS) -> str:
    """Return ``EPSG:5187`` or, without a code, the name."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else str(crs.name)


def _settle_crs(layers: Sequence[Layer], given: Any, family: str, problems: Problems) -> CRS | None:
    subject = f"crs of family {family!r}"
    if given is not None:
        try:
            crs = CRS.from_user_input(given)
        except CRSError:
            problems.add(subject, wanted="a coordinate reference system, e.g. `crs: EPSG:5187`", got=repr(given))
            return None
        others = [layer for layer in layers if layer.crs is not None and not same_crs(crs, layer.crs)]
        if others:
            declared = ", ".join(sorted({crs_name(layer.crs) for layer in others if layer.crs is not None}))
            problems.add(
                subject,
                wanted="the CRS the file declares (leave `crs` out), or reproject or re-tag the file",
                got=f"files declare {declared} and the configuration says {crs_name(crs)}",
                count=len(others),
                total=len(layers),
                first=[layer.subject for layer in others],
            )
            return None
        return _earthly(crs, subject, problems)
    without = [layer.subject for layer in layers if layer.crs is None]
    if without:
        problems.add(
            subject,
            wanted="where the map lies: `crs: EPSG:<code>`, e.g. `crs: EPSG:5187`",
            got="maps declare no coordinate reference system",
            count=len(without),
            total=len(layers),
            first=without,
        )
        return None
    return _earthly(layers[0].crs, subject, problems)


def _earthly(crs: CRS | None, subject: str, problems: Problems) -> CRS | None:
    """Return a CRS that coordinates can be brought to; a drawing's or a satellite's own has none that leads there."""
    if crs is None or crs.is_geographic or crs.is_projected:
        return crs
    wanted = "a projected or geographic system, e.g. `crs: EPSG:5187` (re-tag the file if it tells another)"
    problems.add(subject, wanted=wanted, got=f"{crs_name(crs)}, which has no place on Earth")
    return None


def _settle_units(
    layers: Sequence[Layer], given: str | None, family: str, peril: str, problems: Problems
) -> tuple[tuple[float, float], ...]:
    rule = QUANTITIES[peril]
    subject = f"unit of family {family!r}"
    choices = ", ".join(rule.units)
    unit = None if given is None else parse_unit(given, peril=peril)
    if given is not None and unit is None:
        got = f"{given!r}{suggestion(given, rule.spellings)}"
        problems.add(subject, wanted=f"a unit of {rule.what}: {choices}", got=got)
        return ()
    conversions = []
    silent, unknown, classes = [], [], []
    for layer in layers:
        tagged = parse_unit(layer.unit, peril=peril) if layer.unit else None
        integers = np.dtype(layer.dtype).kind in "iub" and (layer.scale, layer.shift) == (1.0, 0.0)
        if unit is not None:
            name = unit
            if tagged is not None and tagged != unit:
                _warn(f"{layer.subject}: the file says {layer.unit!r}, the configuration {given!r}; taken as {unit}")
            if peril == "flood" and unit == "m" and integers:
                _warn(f"{layer.subject}: whole numbers ({layer.dtype}) taken as metres; are they classes?")
        else:
            name = tagged or (known_unit(layer.subject, peril=peril) if not layer.unit else None) or ""
        if not name and layer.unit:
            unknown.append(f"{layer.subject}: {layer.unit!r}")
        elif not name and not (peril == "flood" and integers):
            silent.append(layer.subject)
        elif peril == "flood" and integers and unit is None and name in ("", "m"):
            classes.append(f"{layer.subject}: {layer.dtype}")
        scale, shift = rule.units.get(name, (1.0, 0.0))
        conversions.append((scale * layer.scale, scale * layer.shift + shift))
    write = f"`unit: {rule.unit}` (or {', '.join(name for name in rule.units if name != rule.unit)})"
    for first, got in (
        (silent, "maps declare no unit"),
        (unknown, f"maps declare a unit that is none of {rule.what}"),
        (classes, "maps hold whole numbers without a stated unit: classes (1 to 5) are not metres"),
    ):
        if first:
            problems.add(subject, wanted=write, got=got, count=len(first), total=len(layers), first=first)
    return tuple(conversions)


def _settle_nodata(layers: Sequence[Layer], given: Declared, family: str, problems: Problems) -> str:
    subject = f"nodata of family {family!r}"
    value = given.nodata_value
    if value is not None:
        others = [layer for layer in layers if layer.nodata is not None and layer.nodata != value]
        if others:
            problems.add(
                f"nodata_value of family {family!r}",
                wanted="the value the file declares (leave `nodata_value` out), or rewrite the file with one value",
                got=f"files declare {others[0].nodata:g} and the configuration says {value:g}",
                count=len(others),
                total=len(layers),
                first=[layer.subject for layer in others],
            )
    if given.nodata is not None:
        if given.nodata not in NODATA_MEANINGS:
            got = f"{given.nodata!r}{suggestion(given.nodata, NODATA_MEANINGS)}"
            problems.add(subject, wanted=" or ".join(NODATA_MEANINGS), got=got)
        return given.nodata
    gaps = [layer for layer in layers if layer.may_miss or value is not None]
    if gaps:
        problems.add(
            subject,
            wanted="what a cell without data means: `nodata: dry`, `nodata: unknown` or `nodata: error`",
            got="maps can hold cells without data",
            count=len(gaps),
            total=len(layers),
            first=[layer.subject + (f" ({layer.nodata:g})" if layer.nodata is not None else "") for layer in gaps],
        )
    return "error"


def _warn(message: str) -> None:
    warnings.warn(message, HazardWarning, stacklevel=5)
