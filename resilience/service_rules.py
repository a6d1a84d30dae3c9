"""How a service reaches people: by what zones need, or by road, within a limit of time where one is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resilience.roads import SPEED_CURVES, CurveName

Indices = NDArray[np.int32]
Direction = Literal["to", "from"]


@dataclass(frozen=True)
class Drive:
    """How a service is driven to, and for how long at most.

    Parameters
    ----------
    limit_minutes : float
    speed_share : float
        Share of the free speed that is driven.
    speed_curve : {"fitted", "conservative", "aggressive"}
        Speed under water, see ``resilience.roads.speed_under_water``.
    depth_limit_m : float, optional, m
        Depth from which the vehicle stops.
    """

    limit_minutes: float
    speed_share: float = 1.0
    speed_curve: CurveName = "fitted"
    depth_limit_m: float | None = None

    @property
    def limit(self) -> int:
        """The limit, whole milliseconds."""
        return round(self.limit_minutes * 60_000)

    @property
    def stops_at(self) -> float:
        """Depth from which the vehicle stops, m."""
        return SPEED_CURVES[self.speed_curve].end / 1000 if self.depth_limit_m is None else self.depth_limit_m

    @property
    def vehicle(self) -> Drive:
        """The same without its limit: drives of one vehicle share their travel times."""
        return Drive(0.0, self.speed_share, self.speed_curve, self.depth_limit_m)


@dataclass(frozen=True)
class ServiceRule:
    """How a service reaches zones.

    Parameters
    ----------
    name : str
    by : {"assignment", "road"}
    groups : tuple of (n,) int32
        By road: facilities of each group.
    combine : {"any", "mean"}
        By road: a facility of any group will do, or each group counts for its share.
    network : str
        By road: the sector that is travelled.
    direction : {"to", "from"}
        By road: from the zone to the facility (patients), or from the facility to the zone (fire engines).
    drive : Drive, optional
        By road: within which time; without one any way will do.
    group_names : tuple of str
        By road: what each group is called; numbers where none are given.
    """

    name: str
    by: Literal["assignment", "road"] = "assignment"
    groups: tuple[Indices, ...] = ()
    combine: Literal["any", "mean"] = "any"
    network: str = "transport"
    direction: Direction = "to"
    drive: Drive | None = None
    group_names: tuple[str, ...] = ()

    def part_names(self) -> list[str]:
        """Return the name of each part: of the service, or of its groups where each counts for itself."""
        if self.combine == "any":
            return [self.name]
        names = self.group_names or tuple(str(number + 1) for number in range(len(self.groups)))
        return [f"{self.name}: {name}" for name in names]
