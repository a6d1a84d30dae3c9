"""Districts of which too many people reach no facility in time: a rule on shares of people, declared as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, DataError, Problems
from resilience.kernels.reduction import add_people
from resilience.kernels.rows import ONES
from resilience.service.layout import Integers, ServiceLayout, TimedPart, Words


@dataclass(frozen=True)
class IndicatorRule:
    """When a district counts as one in which too many are without.

    Parameters
    ----------
    name : str
    without : tuple of str
        Services with a limit of time; whoever is without any of them counts.
    share : float
        Of the people of the district, from which it counts.
    tolerance : float
        By how much less is enough, as a share of `share`.
    """

    name: str
    without: tuple[str, ...]
    share: float
    tolerance: float = 0.0

    @property
    def threshold(self) -> float:
        """The share of people from which a district counts."""
        return self.share * (1.0 - self.tolerance)


@dataclass(frozen=True)
class Indicator:
    """An indicator, laid out.

    Parameters
    ----------
    rule : IndicatorRule
    parts : tuple of int
        Numbers of the parts of the layout whose lack counts.
    bound : (n_district,) int64
        People without, in units of 1 / PERSON, from which each district counts.
    """

    rule: IndicatorRule
    parts: tuple[int, ...]
    bound: Integers


@dataclass(frozen=True)
class Districts:
    """Districts and their indicators.

    Parameters
    ----------
    names : tuple of str
        In alphabetical order.
    zones : tuple of (n,) intp
        Of each.
    indicators : tuple of Indicator
    """

    names: tuple[str, ...] = ()
    zones: tuple[NDArray[np.intp], ...] = ()
    indicators: tuple[Indicator, ...] = ()


def lay_out_districts(
    layout: ServiceLayout, rules: Sequence[IndicatorRule], district: Sequence[str], persons: Integers
) -> Districts:
    """Return the districts of a city and their indicators; nothing without rules.

    Parameters
    ----------
    layout : ServiceLayout
    rules : sequence of IndicatorRule
    district : (n_zone,) sequence of str
    persons : (n_zone,) int64
        In units of 1 / PERSON.

    Raises
    ------
    ConfigurationError
        Services without a limit of time, or of several groups that count each for its share.
    DataError
        Zones without a district.
    """
    if not rules:
        return Districts()
    problems = Problems()
    of_service: dict[str, list[int]] = {}
    for number, part in layout.timed.items():
        of_service.setdefault(layout.names[part.service], []).append(number)
    for rule in rules:
        wrong = [name for name in rule.without if len(of_service.get(name, ())) != 1]
        if wrong:
            problems.add(
                f"indicators.{rule.name}.without", wanted="services by road with limit_minutes, their groups combined "
                "by any", got="other services", count=len(wrong), total=len(rule.without), first=wrong,
            )  # fmt: skip
    problems.raise_if_any(ConfigurationError)
    named = np.array([str(name) for name in district], dtype=object)
    bare = int((named == "").sum())
    if bare:
        problems.add("zones.district", wanted="a district for every zone, as indicators are told by district",
                     got="zones without", count=bare, total=named.size)  # fmt: skip
    problems.raise_if_any(DataError)
    names, code = np.unique(named.astype(str), return_inverse=True)
    zones = tuple(np.flatnonzero(code == k) for k in range(names.size))
    people = np.array([persons[rows].sum() for rows in zones], np.int64)
    found = []
    for rule in rules:
        # Nobody is never too many; what floating point adds to a share is no person.
        bound = np.maximum(np.ceil(np.round(people * rule.threshold, 6)), 1).astype(np.int64)
        found.append(Indicator(rule, tuple(of_service[name][0] for name in rule.without), bound))
    return Districts(tuple(names.tolist()), zones, tuple(found))


def count_districts(
    districts: Districts,
    parts: Mapping[int, TimedPart],
    late: Mapping[int, Words],
    persons: Integers,
    above: Integers,
    without: Integers,
) -> None:
    """Add the present word group.

    Parameters
    ----------
    districts : Districts
    parts : mapping of int to TimedPart
    late : mapping of int to (n_zone_served, 8) uint64
        Per part, where its zones reach no facility in time, whether they did in the intact city or not.
    persons : (n_zone,) int64
    above : (n_indicator, n_district) int64
        Changed: samples in which the district counts.
    without : (n_indicator, n_district) int64
        Changed: people without, summed over samples.
    """
    for row, indicator in enumerate(districts.indicators):
        lost = np.zeros((persons.size, 8), np.uint64)
        for number in indicator.parts:
            # Zones without any way to the roads reach nothing.
            lacks = np.full_like(lost, ONES)
            lacks[parts[number].zone] = late[number]
            lost |= lacks
        for k, zones in enumerate(districts.zones):
            lanes = np.zeros(512, np.int64)
            add_people(lost[zones], persons[zones], lanes)
            above[row, k] += int((lanes >= indicator.bound[k]).sum())
            without[row, k] += int(lanes.sum())
