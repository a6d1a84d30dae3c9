"""Travel times over the roads to the nearest functional facility, for every sample of a group: the calls.

What is prepared per event is in :mod:`resilience.network.travel_plan`. Facilities, roads and junctions count where
their asset's state bit is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resilience.kernels.constant_times import begin_times, collect_constant, keep_within, write_times, write_within
from resilience.kernels.rows import ONES, SAMPLES
from resilience.kernels.time_rows import CLOSED, LANES
from resilience.kernels.travel import factorise_times, find_live, load_times, open_gates, solve_times
from resilience.network.travel_plan import TravelPlan, plan_travel
from resilience.network.travel_service import Facilities, Gates

__all__ = ["NO_WAY", "Facilities", "TravelPlan", "TravelSolver", "plan_travel"]

Words = NDArray[np.uint64]
Times = NDArray[np.uint32]
Lanes = NDArray[np.int16]

NO_WAY = int(CLOSED)
"""Instead of a time, ms: no functional facility can be reached (in less than twelve days)."""
# Moving samples together costs a little per failure: only where at least this share of the batches is saved.
_WORTH_PACKING = 0.1


class TravelSolver:
    """Working memory of one plan; one per thread.

    Parameters
    ----------
    plan : TravelPlan
    pack : bool, optional
        Whether samples in which nothing failed that could matter are left out, the others moved together: the same
        answer in less time.

    Examples
    --------
    Three junctions in a row, a fire station at the first; the road between the others is closed in sample 5.

    >>> from resilience.network.compile import SectorGraph
    >>> graph = SectorGraph("transport", node=np.arange(3, dtype=np.int32), link=np.array([3, 4], np.int32),
    ...     tail=np.array([0, 1]), head=np.array([1, 2]), oneway=np.zeros(2, bool), source=np.empty(0, np.int32))
    >>> station = Facilities(asset=np.array([0], np.int32), node=np.array([0]), target=np.array([1, 2]),
    ...     direction="from")
    >>> can_fail = np.arange(5) == 4
    >>> solver = TravelSolver(plan_travel(graph, np.array([60_000, 90_000]), can_fail, [station]))
    >>> state = np.full((5, 8), 2**64 - 1, np.uint64)
    >>> state[4, 0] ^= np.uint64(1 << 5)
    >>> times, = solver.times(state)
    >>> times[:, 4:6].tolist() == [[60000, 60000], [150000, NO_WAY]]
    True
    >>> within, = solver.within(state, [[300_000]])
    >>> np.bitwise_count(within[0]).sum(axis=1).tolist()
    [512, 511]
    """

    def __init__(self, plan: TravelPlan, *, pack: bool = True) -> None:
        self.plan = plan
        self._pack = pack
        self._outward = np.empty((plan.n_slot, LANES), np.uint32)
        self._inward = np.empty((plan.n_slot, LANES), np.uint32) if plan.directed else self._outward
        # Columns that no gate writes are open.
        n_batch = SAMPLES // LANES
        self._opened = np.full((n_batch, plan.n_slot), 0xFFFF, np.uint16)
        self._extra_opened = np.full((n_batch, plan.extra_slot.size), 0xFFFF, np.uint16)
        self._seed_opened = [np.full((n_batch, part.seed_node.size), 0xFFFF, np.uint16) for part in plan.parts]
        n_row = max((part.n_row for part in plan.parts), default=0)
        self._time = np.empty((n_row, LANES), np.uint32)
        self._label = np.empty((n_row, LANES), np.uint32)
        self._live = np.empty((1, 8), np.uint64)
        self._rank = np.zeros(SAMPLES, np.int16)

    def times(self, state: Words, *, out: Sequence[Times] | None = None) -> list[Times]:
        """Return the travel times of one group of 512 samples.

        Parameters
        ----------
        state : (n_asset, 8) uint64
            Bit set where the asset is functional.
        out : sequence of (n_target, 512) uint32, C-contiguous, optional
            Per service: where to write them; new memory costs as much as the times of a large graph.

        Returns
        -------
        list of (n_target, 512) uint32, ms
            Per service; :data:`NO_WAY` where there is none.
        """
        times = self._arrays() if out is None else list(out)
        self._write(state, [(self._time, [part.intact_time for part in self.plan.parts], times)])
        return times

    def nearest(self, state: Words) -> list[tuple[Times, NDArray[np.int32]]]:
        """Return the travel times of one group, and which facility is the nearest.

        Parameters
        ----------
        state : (n_asset, 8) uint64

        Returns
        -------
        list of ((n_target, 512) uint32, (n_target, 512) int32)
            Per service: ms, and the place in its facilities (of equally near ones the first; -1 without a way).
        """
        parts = self.plan.parts
        times, labels = self._arrays(), self._arrays()
        self._write(
            state,
            [
                (self._time, [part.intact_time for part in parts], times),
                (self._label, [part.intact_label for part in parts], labels),
            ],
        )
        return [
            (time, np.where(time < CLOSED, label.astype(np.int32), np.int32(-1)))
            for time, label in zip(times, labels, strict=True)
        ]

    def _arrays(self) -> list[Times]:
        return [np.empty((part.intact_time.size, SAMPLES), np.uint32) for part in self.plan.parts]

    def _write(self, state: Words, results: Sequence[tuple[Times, Sequence[Times], Sequence[Times]]]) -> None:
        """Solve a group and write times and labels: rows of a batch, intact values, where to."""
        parts = self.plan.parts

        def write(number: int, batch: int, lane: Lanes, packed: bool) -> None:
            part = parts[number]
            for rows, _, outs in results:
                out = outs[number]
                batches = out.reshape(-1, LANES)
                write_times(rows, part.place, part.solved, lane, batch, packed, out, batches)

        def begin(packed: bool) -> None:
            for number, part in enumerate(parts):
                solved = np.zeros(part.intact_time.size, bool)
                solved[part.solved] = not packed
                for _, intact, outs in results:
                    begin_times(intact[number], solved, outs[number])

        self._solve(state, begin, write, labelled=len(results) > 1)

    def within(self, state: Words, limits: Sequence[ArrayLike]) -> list[Words]:
        """Return where the travel times of one group keep limits; the times themselves are not stored.

        Parameters
        ----------
        state : (n_asset, 8) uint64
        limits : sequence of (n_limit,) int, ms
            Per service; a limit of :data:`NO_WAY` or more asks for any way at all.

        Returns
        -------
        list of (n_limit, n_target, 8) uint64
            Per service: bit set where time <= limit.
        """
        parts = self.plan.parts
        bounds = [np.minimum(np.atleast_1d(np.asarray(limit, np.int64)), NO_WAY - 1).astype(np.uint32)
                  for limit in limits]  # fmt: skip
        n_batch = SAMPLES // LANES
        bits = [
            np.empty((bound.size, n_batch, part.place.size), np.uint16)
            for part, bound in zip(parts, bounds, strict=True)
        ]

        def keep(number: int, batch: int, lane: Lanes, packed: bool) -> None:
            keep_within(self._time, parts[number].place, bounds[number], batch, bits[number])

        lane, packed = self._solve(state, lambda packed: None, keep, labelled=False)
        results = []
        for part, bound, kept in zip(parts, bounds, bits, strict=True):
            results.append(np.empty((bound.size, part.intact_time.size, 8), np.uint64))
            write_within(kept, part.solved, part.intact_time, bound, self._live, lane, packed, results[-1])
        return results

    def _solve(
        self,
        state: Words,
        begin: Callable[[bool], None],
        write: Callable[[int, int, Lanes, bool], None],
        *,
        labelled: bool,
    ) -> tuple[Lanes, bool]:
        """Solve every batch of a group and hand each service's rows to `write`; return what `_choose_samples` chose."""
        plan = self.plan
        lane, packed = self._choose_samples(state)
        begin(packed)
        if not lane.size:
            return lane, packed

        def gate(gates: Gates, opened: NDArray[np.uint16]) -> None:
            open_gates(state, gates.asset, gates.column, self._live, self._rank, packed, opened)

        gate(plan.gates, self._opened)
        gate(plan.extra_gates, self._extra_opened)
        for part, opened in zip(plan.parts, self._seed_opened, strict=True):
            gate(part.gates, opened)
        ways = ((plan.outward, plan.extra_outward, self._outward), (plan.inward, plan.extra_inward, self._inward))
        for batch in range(-(-lane.size // LANES)):
            for weight, extra, rows in ways if plan.directed else ways[:1]:
                load_times(weight, self._opened, plan.extra_slot, extra, self._extra_opened, batch, rows)
            factorise_times(plan.column, plan.row, plan.fill, plan.directed, self._outward, self._inward)
            for number, part in enumerate(plan.parts):
                outward, inward = (self._inward, self._outward) if part.to else (self._outward, self._inward)
                solve_times(
                    plan.column, plan.row, plan.core_indptr, plan.core_middle, plan.core_neighbour, plan.core_slot,
                    part.core_order, part.forward, part.backward, part.seeded, part.seed_node, part.seed_time,
                    part.seed_label, self._seed_opened[number], batch, outward, inward, labelled, self._time,
                    self._label,
                )  # fmt: skip
                collect_constant(
                    part.constant_indptr, part.constant_place, part.constant_weight, part.constant_time,
                    part.constant_label, plan.n_position, labelled, self._time, self._label,
                )  # fmt: skip
                write(number, batch, lane, packed)
        return lane, packed

    def _choose_samples(self, state: Words) -> tuple[Lanes, bool]:
        """Return which samples must be solved, in the order in which they are, and whether they move."""
        find_live(state, self.plan.varying, self._live)
        bits = np.unpackbits(self._live.astype("<u8").view(np.uint8), bitorder="little")
        lane = np.flatnonzero(bits).astype(np.int16)
        packed = self._pack and -(-lane.size // LANES) <= (1 - _WORTH_PACKING) * (SAMPLES // LANES)
        if not packed:
            self._live[:] = ONES
            lane = np.arange(SAMPLES, dtype=np.int16)
        self._rank[lane] = np.arange(lane.size)
        return lane, packed
