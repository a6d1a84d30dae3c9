"""A sector at level `share`, `dc_flow` or `overload` for 512 samples at once: distinct states are solved once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resilience.flow.overload import OverloadSector
from resilience.flow.power import FlowSector
from resilience.flow.share import ShareSector
from resilience.kernels.level_rows import add_unserved, count_served, lower_fractions, member_fractions, take_trips
from resilience.kernels.level_states import number_states
from resilience.kernels.rows import ONES, SAMPLES, Words

LevelSector = ShareSector | FlowSector | OverloadSector
Floats = NDArray[np.float64]

TOLERANCE = 1e-9
"""A fraction below the least that counts by less than this counts: it may be rounding."""


class LevelRows:
    """States, fractions and trips of one sector in a word group; one per thread.

    Parameters
    ----------
    steps : sequence of ShareSector, FlowSector or OverloadSector
        The sector, as it is in each step of a time grid; one for all steps where nothing scales it.
    min_fraction : float
        Share from which on a member counts for who needs it.
    worst : ShareSector, FlowSector or OverloadSector, optional
        The sector at its worst, in the place of a step below zero; by default as in the first one.

    Attributes
    ----------
    sector : str
    member : (n_member,) int32
        Nodes, then links, as rows of the asset table.
    conducts : (n_member, 8) uint64
        Where each is in service: neither the hazard, nor an unmet need, nor a trip has put it out.
    tripped : (n_member, 8) uint64
        Where what it had to carry put it out.
    fresh : (1, 8) uint64
        Samples whose state changed since it was last solved.
    fraction : (n_node, 512) float64
        Share of its demand that each node is served; it only falls.
    """

    def __init__(self, steps: Sequence[LevelSector], min_fraction: float, worst: LevelSector | None = None) -> None:
        self._steps = steps
        self._worst = steps[0] if worst is None else worst
        self._now = steps[0]
        graph = steps[0].graph
        self.sector = graph.sector
        self.member = np.concatenate([graph.node, graph.link])
        self.conducts: Words = np.empty((self.member.size, 8), np.uint64)
        self.tripped: Words = np.empty((self.member.size, 8), np.uint64)
        self.fresh: Words = np.empty((1, 8), np.uint64)
        self.fraction: Floats = np.empty((graph.node.size, SAMPLES))
        self._least = min_fraction - TOLERANCE
        self._mark = np.random.Generator(np.random.Philox(1)).integers(2**64, size=self.member.size, dtype=np.uint64)
        self._state_of = np.empty(SAMPLES, np.int64)
        self._sample = np.empty(SAMPLES, np.int64)

    def begin(self, step: int) -> None:
        """Set everything in service and fully served, in a step of the time grid; below zero, at the worst."""
        self._now = self._worst if step < 0 else self._steps[min(step, len(self._steps) - 1)]
        self.conducts[:] = ONES
        self.tripped[:] = 0
        self.fresh[:] = ONES
        self.fraction[:] = 1.0

    def solve(self) -> None:
        """Solve the distinct states of the fresh samples; fractions fall to theirs, what trips is out."""
        n_state = number_states(self.conducts, self._mark, self.fresh, self._state_of, self._sample)
        self.fresh[:] = 0
        if n_state == 0:
            return
        solved = np.empty((n_state, self.fraction.shape[0]))
        gone = self._now.serve_states(self.conducts, self._sample[:n_state], solved)
        lower_fractions(self._state_of, solved, self.fraction)
        if gone is not None:
            take_trips(self._state_of, gone, self.tripped, self.conducts)

    def count(self, up: Words, changed: NDArray[np.uint8]) -> bool:
        """Take from `up`, (n_asset, 8), who does not count; mark them in `changed`; return whether any bit went."""
        graph = self._now.graph
        return count_served(
            self.member, graph.tail, graph.head, self.conducts, self.fraction, self._least, up, changed
        )  # fmt: skip

    def fractions(self, members: NDArray[np.int64]) -> Floats:
        """Return the fractions of some members, by their positions, ``(n, 512) float64``."""
        graph = self._now.graph
        received = np.empty((members.size, SAMPLES))
        member_fractions(members, graph.tail, graph.head, self.conducts, self.fraction, received)
        return received

    def unserved(self, gap: Floats) -> Floats:
        """Return the demand that is not served beyond that of the intact city, ``(512,) float64``, the sector's unit.

        Parameters
        ----------
        gap : (n_node,) float64
            What the intact city does not serve; from :meth:`gap`.
        """
        total = np.zeros(SAMPLES)
        if not isinstance(self._now, OverloadSector):
            add_unserved(self.fraction, self._now.demand, gap, total)
        return total

    def gap(self) -> Floats:
        """Return the demand that is not served at each node in the first sample, ``(n_node,) float64``."""
        if isinstance(self._now, OverloadSector):
            return np.zeros(self.fraction.shape[0])
        return np.asarray(self._now.demand * (1.0 - self.fraction[:, 0]))
