"""What is summed of the people without a service, and for how many a zone counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.network.compile import CompiledNetwork
from resilience.service.layout import AssignedPart, Integers, RoadPart


def weigh_zones(compiled: CompiledNetwork, part: AssignedPart | RoadPart, served: NDArray[np.bool_]) -> Integers:
    """Return the people of each zone of a part who can lose it, in units of 1 / PERSON, ``(n_zone_served,) int64``.

    Parameters
    ----------
    compiled : CompiledNetwork
    part : AssignedPart or RoadPart
        A group of a `mean` counts for its share of the people.
    served : (n_zone,) bool
        Zones that the part reaches in the intact city; in the others there is nothing to lose.
    """
    persons = np.where(served[part.zone], compiled.persons[part.zone], 0)
    if isinstance(part, AssignedPart) or part.n_group == 1:
        return persons
    # What whole numbers leave over goes to the first group, so that the groups add up to the people.
    share = persons // part.n_group
    return persons - share * (part.n_group - 1) if part.group == 0 else share


@dataclass
class ServiceSums:
    """What is summed over samples.

    Parameters
    ----------
    zone_samples : (n_zone, n_service) int64
        Samples without the service, a group of a `mean` counting for its share of 720,720 parts.
    root_people : (n_service, n_root) int64
        People without, by root cause.
    zone_roots : (n_zone, n_service, n_root) int64
        `zone_samples` by root cause; a remainder of the division among groups is dropped.
    """

    zone_samples: Integers
    root_people: Integers
    zone_roots: Integers

    @classmethod
    def zeros(cls, n_zone: int, n_service: int, n_root: int) -> ServiceSums:
        """Return sums of nothing."""
        return cls(
            np.zeros((n_zone, n_service), np.int64),
            np.zeros((n_service, n_root), np.int64),
            np.zeros((n_zone, n_service, n_root), np.int64),
        )
