"""Sequences of events: from the scenario's words to positions on the event axis, and what is known before any draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from resilience.copulas import Copula
from resilience.damage import combine_damage
from resilience.errors import ConfigurationError, Problems, suggestion
from resilience.events import EventFamily, family_of
from resilience.joint import JointFamily
from resilience.scenario.sequences import JointSection, SequencePart, SequenceSection

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EventSequence:
    """Events that come one after the other.

    Parameters
    ----------
    name : str
    event : tuple of int
        Position of each part among the events of all families.
    onset : tuple of int
        Minute of its peak after that of the first.
    annual_rate : float
        1/year; NaN without.
    of : str
        Joint family whose pair it is; empty for a sequence of its own.
    """

    name: str
    event: tuple[int, ...]
    onset: tuple[int, ...]
    annual_rate: float = np.nan
    of: str = ""

    @property
    def family(self) -> EventFamily:
        """The sequence as a family of one event."""
        rate = np.array([self.annual_rate])
        return EventFamily(
            name=self.name, axis="events", events=(self.name,), return_period=np.array([np.nan]), annual_rate=rate
        )


def find_sequences(sections: Sequence[SequenceSection], hazards: Sequence[xr.Dataset]) -> tuple[EventSequence, ...]:
    """Return the sequences of a scenario.

    Parameters
    ----------
    sections : sequence of SequenceSection
    hazards : sequence of xarray.Dataset
        One per event family, in the order of the event axis.

    Raises
    ------
    ConfigurationError
        Families or events that are not there, names that are taken.

    Examples
    --------
    >>> hazard = xr.Dataset(coords={"event": ["rp10", "rp100"], "return_period": ("event", [10.0, 100.0])},
    ...     attrs={"family": "river"})
    >>> parts = [{"family": "river", "return_period": 100}, {"family": "river", "event": "10", "after_hours": 48}]
    >>> find_sequences([SequenceSection(name="twice", parts=parts)], [hazard])
    (EventSequence(name='twice', event=(1, 0), onset=(0, 2880), annual_rate=nan, of=''),)
    """
    problems = Problems()
    first = 0
    known: dict[str, tuple[int, xr.Dataset]] = {}
    for hazard in hazards:
        known[str(hazard.attrs["family"])] = (first, hazard)
        first += hazard.sizes["event"]
    taken = {*known, *(str(event) for _, hazard in known.values() for event in hazard["event"].values)}
    found = []
    for i, section in enumerate(sections):
        if section.name in taken:
            problems.add(f"sequences.{i}.name", wanted="a name that no family, event or sequence has", got=section.name)
        taken.add(section.name)
        events = []
        for k, part in enumerate(section.parts):
            subject = f"sequences.{i}.parts.{k}"
            if part.family not in known:
                hint = suggestion(part.family, known)
                problems.add(f"{subject}.family", wanted=f"one of {', '.join(known)}{hint}", got=part.family)
                continue
            begin, hazard = known[part.family]
            place = _position(part, hazard)
            if place is None:
                wanted = f"one of {', '.join(map(str, hazard['event'].values))}"
                key = "event" if part.event is not None else "return_period"
                problems.add(f"{subject}.{key}", wanted=wanted, got=str(part.event or part.return_period))
            else:
                events.append(begin + place)
        onset = tuple(round(60 * part.after_hours) for part in section.parts)
        if len(events) == len(onset):
            seen: dict[tuple[int, int], int] = {}
            for k, both in enumerate(zip(events, onset, strict=True)):
                if seen.setdefault(both, k) != k:
                    got = f"that of sequences.{i}.parts.{seen[both]} by another name, or within the same minute"
                    problems.add(f"sequences.{i}.parts.{k}", wanted="every event once at an hour", got=got)
        rate = np.nan if section.annual_rate is None else section.annual_rate
        found.append(EventSequence(section.name, tuple(events), onset, rate))
    problems.raise_if_any(ConfigurationError)
    return tuple(found)


def find_joint(
    sections: Sequence[JointSection], hazards: Sequence[xr.Dataset], first_event: int, *, taken: Sequence[str] = ()
) -> tuple[tuple[JointFamily, ...], tuple[EventSequence, ...]]:
    """Return the joint families of a scenario, and every pair of their events as a sequence.

    Parameters
    ----------
    sections : sequence of JointSection
    hazards : sequence of xarray.Dataset
        One per event family, in the order of the event axis.
    first_event : int
        Position on the event axis of the first pair.
    taken : sequence of str, optional
        Names of sequences: the random numbers of years hang on a name.

    Raises
    ------
    ConfigurationError
        Families that are not there, have no return periods, or belong to two; names that are taken.
    """
    problems = Problems()
    first, known = 0, {}
    for hazard in hazards:
        known[str(hazard.attrs["family"])] = (first, hazard)
        first += hazard.sizes["event"]
    names = {*known, *taken}
    used: set[str] = set()
    found: list[JointFamily] = []
    pairs: list[EventSequence] = []
    for i, section in enumerate(sections):
        if section.name in names:
            problems.add(f"joint.{i}.name", wanted="a name that no family, sequence or other has", got=section.name)
        names.add(section.name)
        axes = []
        for name in section.families:
            subject = f"joint.{i}.families"
            if name not in known:
                problems.add(subject, wanted=f"two of {', '.join(known)}{suggestion(name, known)}", got=name)
            elif known[name][1].attrs["axis"] != "severity":
                problems.add(subject, wanted="families with return periods", got=f"{name}, a list of events")
            elif name in used:
                problems.add(subject, wanted="each family in one pair", got=f"{name} in two")
            else:
                used.add(name)
                axes.append(known[name])
        try:
            copula = _copula(section)
        except ConfigurationError as error:
            problems.extend(error.problems)
            continue
        if len(axes) < 2:
            continue
        begins, maps = zip(*axes, strict=True)
        node = np.full([one.sizes["event"] + 1 for one in maps], -1)
        node[1:, 0] = begins[0] + np.arange(maps[0].sizes["event"])
        node[0, 1:] = begins[1] + np.arange(maps[1].sizes["event"])
        onset = (0, round(60 * section.after_hours))
        for a, one in enumerate(maps[0]["event"].values.astype(str), start=1):
            for b, two in enumerate(maps[1]["event"].values.astype(str), start=1):
                node[a, b] = first_event + len(pairs)
                event = (int(node[a, 0]), int(node[0, b]))
                pairs.append(EventSequence(f"{section.name}:{one}+{two}", event, onset, of=section.name))
        found.append(JointFamily(section.name, family_of(maps[0]), family_of(maps[1]), copula, node))
    problems.raise_if_any(ConfigurationError)
    return tuple(found), tuple(pairs)


def _copula(section: JointSection) -> Copula:
    if section.tau is not None:
        return Copula.from_tau(section.copula, section.tau)
    return Copula(section.copula, section.parameter or 0.0)


def _position(part: SequencePart, hazard: xr.Dataset) -> int | None:
    """Return which event of a family is meant; None where there is none."""
    if part.return_period is not None:
        same = np.flatnonzero(hazard["return_period"].values == part.return_period)
    else:
        names = hazard["event"].values.astype(str)
        same = np.flatnonzero((names == part.event) | (names == f"rp{part.event}"))
    return int(same[0]) if same.size else None


def add_sequences(damaged: xr.Dataset, sequences: Sequence[EventSequence], replacement_cost: Floats) -> xr.Dataset:
    """Return exposure and damage with the sequences as further events.

    Parameters
    ----------
    damaged : xarray.Dataset
        Of the events of all families, (event, asset).
    sequences : sequence of EventSequence
    replacement_cost : (n_asset,) float64

    Returns
    -------
    xarray.Dataset
        Of a sequence `failure_probability` is that of what comes at time zero, as all that is told at the peak;
        direct losses combine as in :func:`resilience.damage.combine_damage`. Intensities of several parts are theirs
        alone: NaN.

    Notes
    -----
    Maps of one family share their random numbers, so the larger probability counts; those of several are independent.
    """
    if not sequences:
        return damaged
    fraction, probability, losses = (
        damaged[name].values for name in ("damage_fraction", "failure_probability", "asset_direct_loss")
    )
    families, perils = damaged["family"].values.astype(str), damaged["peril"].values.astype(str)
    rows: dict[str, list[Floats]] = {"damage_fraction": [], "failure_probability": [], "asset_direct_loss": []}
    for one in sequences:
        events = np.array(one.event)
        damage = combine_damage(list(fraction[events]))
        lost = [np.divide(part, replacement_cost, out=np.zeros_like(part), where=replacement_cost > 0)
                for part in losses[events]]  # fmt: skip
        alone = len(one.event) == 1
        loss = losses[events[0]] if alone else combine_damage(lost) * replacement_cost
        at_zero = events[np.array(one.onset) == 0]
        stands = np.ones(probability.shape[1])
        for family in dict.fromkeys(families[at_zero]):
            worst = probability[at_zero[families[at_zero] == family]].max(axis=0)
            stands = stands * (1.0 - worst)
        rows["damage_fraction"].append(fraction[events[0]] if alone else damage)
        rows["asset_direct_loss"].append(loss)
        rows["failure_probability"].append(probability[events[0]] if alone else 1.0 - stands)
    further: dict[str, Floats] = {name: np.stack(values) for name, values in rows.items()}
    names = np.array([one.name for one in sequences], dtype=object)
    families_ = np.array([one.of or one.name for one in sequences], dtype=object)
    rates = np.array([one.annual_rate for one in sequences])
    told = np.array(["+".join(dict.fromkeys(perils[list(one.event)].tolist())) for one in sequences], dtype=object)
    values = {
        str(name): (("event", "asset"), further.get(str(name), _of_single(damaged[name].values, sequences)))
        for name in damaged.data_vars
        if damaged[name].dims == ("event", "asset")
    }
    loss = further["asset_direct_loss"]
    extra = xr.Dataset(
        {**values, "direct_loss": ("event", loss.sum(axis=1))},
        coords={
            "event": names, "family": ("event", families_), "peril": ("event", told), "asset": damaged["asset"],
            "return_period": ("event", np.full(names.size, np.nan)), "annual_rate": ("event", rates),
        },
    )  # fmt: skip
    return xr.concat([damaged, extra], dim="event", combine_attrs="override", join="exact")


def share_numbers(families: NDArray[Any], sequences: Sequence[EventSequence]) -> NDArray[np.int32]:
    """Return groups of events that share random numbers, numbered from 0, ``(n_event,) int32``.

    Parameters
    ----------
    families : (n_event,) array of str
        Of each event; sequences come last, in their order.
    sequences : sequence of EventSequence

    Notes
    -----
    Events of a family share their numbers, and a sequence draws those of its parts: events are together that a chain of
    these connects.

    Examples
    --------
    >>> storm = EventSequence("storm", (0, 2), (0, 60))
    >>> share_numbers(np.array(["river", "river", "heat", "sea", "storm"]), [storm]).tolist()
    [0, 0, 0, 1, 0]
    """
    first = families.size - len(sequences)
    _, number = np.unique(families.astype(str), return_inverse=True)
    # A point for each event, then one for each family.
    tail = [np.arange(families.size), *(np.full(len(one.event), first + k) for k, one in enumerate(sequences))]
    head = [families.size + number, *(np.array(one.event) for one in sequences)]
    start, end = np.concatenate(tail), np.concatenate(head)
    size = families.size + int(number.max(initial=-1)) + 1
    _, group = connected_components(csr_array((np.ones(start.size, np.int8), (start, end)), shape=(size, size)))
    return np.asarray(group[: families.size], dtype=np.int32)


def _of_single(values: Floats, sequences: Sequence[EventSequence]) -> Floats:
    """Return what the event of each sequence of one part has, ``(n_sequence, n_asset) float64``; NaN for others."""
    none = np.full(values.shape[1], np.nan)
    return np.stack([values[one.event[0]] if len(one.event) == 1 else none for one in sequences])
