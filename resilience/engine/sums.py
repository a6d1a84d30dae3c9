"""What blocks add up to. All are whole numbers, so that the order in which blocks end does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resilience.engine.city import City
from resilience.network.compile import PERSON
from resilience.service import AccessSums

Integers = NDArray[np.int64]

# Squares of losses are summed as whole numbers of (people / 2**19) squared, so that any order gives the same sum;
# with one more bit, 2**24 samples in which everybody is without would not fit into 63.
SQUARE_STEPS = 1 << 19


@dataclass
class TimeSums:
    """What a block adds over the time grid.

    Parameters
    ----------
    sample_minutes : (n_service, n_sample) int64
        People without each service times minutes, by sample, in units of 1 / PERSON.
    people : (n_time, n_service) int64
        People without each service at each grid point, summed over samples.
    zone_samples : (n_time, n_zone, n_service) int64
        Samples without the service, in shares.
    root_people : (n_time, n_service, n_root) int64
    cause_minutes : (n_affected, n_cause) int64
        Minutes for which each affected asset was down, by proximate cause, summed over samples.
    root_minutes : (n_affected, n_root) int64
        The same by root cause, in shares.
    at_end : (n_service,) int64
        People without each service at the end of the grid, summed over samples.
    unserved_minutes : (n_supplied, n_sample) float64
        Demand not served beyond that of the intact city times minutes, by sample, in the sectors' own units.
    toll : (n_sample,) int64
        Weights of zones without a service, by sample; empty where none are asked for.
    worst, worst_minute, interrupted, restored
        Of each sample, see ``resilience.engine.course.CourseCounter``.
    """

    sample_minutes: Integers
    people: Integers
    zone_samples: Integers
    root_people: Integers
    cause_minutes: Integers
    root_minutes: Integers
    at_end: Integers
    toll: Integers
    worst: Integers
    worst_minute: NDArray[np.int32]
    interrupted: Integers
    restored: NDArray[np.int32]
    unserved_minutes: NDArray[np.float64]

    def add(self, other: TimeSums) -> None:
        """Add another block's sums; samples are not joined."""
        for name in ("people", "zone_samples", "root_people", "cause_minutes", "root_minutes", "at_end"):
            getattr(self, name).__iadd__(getattr(other, name))


@dataclass
class BlockSums:
    """What a block adds to the result.

    Parameters
    ----------
    people : (n_service, n_sample) int64
        People without each service, by sample, in units of 1 / PERSON.
    failed : (n_failing,) int64
        Samples in which the hazard put each failing asset out of function.
    causes : (n_affected, n_cause) int64
        Samples in which each affected asset was down, by proximate cause.
    root_shares : (n_affected, n_root) int64
        The same by root cause, in shares.
    zone_samples : (n_zone, n_service) int64
        Samples without the service, in shares.
    zone_roots : (n_zone, n_service, n_root) int64
        The same by root cause.
    root_people : (n_service, n_root) int64
    loss_failed, loss_square_failed : (n_failing, n_service) int64
        Sum of people without, and of its square in steps, over the samples in which the asset failed.
    loss_square : (n_service,) int64
    root_sectors : (n_root,) int64
    access : AccessSums
        Of services with a limit of time, at the peak.
    unserved : (n_supplied, n_sample) float64
        Demand not served beyond that of the intact city, by sample, at the peak, in the sectors' own units.
    over_time : TimeSums or None
        With a time grid.
    """

    people: Integers
    failed: Integers
    causes: Integers
    root_shares: Integers
    zone_samples: Integers
    zone_roots: Integers
    root_people: Integers
    loss_failed: Integers
    loss_square_failed: Integers
    loss_square: Integers
    root_sectors: Integers
    access: AccessSums
    unserved: NDArray[np.float64]
    over_time: TimeSums | None = None

    def add(self, other: BlockSums) -> None:
        """Add another block's sums; samples are not joined."""
        if self.over_time is not None and other.over_time is not None:
            self.over_time.add(other.over_time)
        self.access.add(other.access)
        for name in (
            "failed", "causes", "root_shares", "zone_samples", "zone_roots", "root_people", "loss_failed",
            "loss_square_failed", "loss_square",
        ):  # fmt: skip
            getattr(self, name).__iadd__(getattr(other, name))


PER_SAMPLE = frozenset(
    {
        "people", "unserved", "over_time.sample_minutes", "over_time.toll", "over_time.worst", "over_time.worst_minute",
        "over_time.interrupted", "over_time.restored", "over_time.unserved_minutes",
    }
)  # fmt: skip
"""Arrays, by their names in :func:`list_arrays`, whose last axis is that of samples."""


def square_step(city: City) -> NDArray[np.float64]:
    """Return what one step of a sum of squares is worth, in people squared, ``(n_service,) float64``."""
    return (np.maximum(city.people, 1) / PERSON / SQUARE_STEPS) ** 2


def list_arrays(sums: BlockSums) -> dict[str, NDArray[Any]]:
    """Return every array of a block's sums by its name, those of parts as ``part.name``."""
    found: dict[str, NDArray[Any]] = {}
    for part, group in (("", sums), ("access.", sums.access), ("over_time.", sums.over_time)):
        if group is not None:
            values = {field.name: getattr(group, field.name) for field in fields(group)}
            found |= {part + name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return found


def sums_of(arrays: Mapping[str, NDArray[Any]]) -> BlockSums:
    """Return the sums whose arrays :func:`list_arrays` gave."""

    def group(kind: str) -> dict[str, NDArray[Any]]:
        start = f"{kind}."
        return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}

    own = {name: array for name, array in arrays.items() if "." not in name}
    over_time = group("over_time")
    return BlockSums(
        **own, access=AccessSums(**group("access")), over_time=TimeSums(**over_time) if over_time else None
    )
