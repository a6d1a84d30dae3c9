"""Buffers over time: from when on a need is unmet, whether its buffer still holds, and when it is full again.

Times are numbers of a time grid of at most 254 points. Per need and sample two numbers are kept: `since`, the grid
point from which the buffer has been drawn on, and `back`, the one from which the need is met again while the buffer
recharges; :data:`NEVER` where there is none. A buffer that is recharging counts as drawn on until it is full.

As in :mod:`resilience.kernels.rows`, every row operation has a plain body and a vector body of one meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED, kernel
from resilience.kernels.llvm import I32, I64, require_contiguous, splat
from resilience.kernels.rows import WORDS, Words

Points = NDArray[np.uint8]
Minutes = NDArray[np.int32]

NEVER = 254

_I8 = ir.IntType(8)
_LANES = 64


def plain_hold(buffered: Words, i: int, started: Words, since: Points, full_from: Points, k: int) -> None:
    """buffered[i] = started[i] where since[i] is not before the sample's grid point `full_from[k]`."""
    for w in range(8):
        holds = np.uint64(0)
        for s in range(64):
            if since[i, 64 * w + s] >= full_from[k, 64 * w + s]:
                holds |= np.uint64(1) << np.uint64(s)
        buffered[i, w] = started[i, w] & holds


def plain_note(
    since: Points, back: Points, i: int, met: Words, j: int, point: int, full_before: Points, k: int
) -> None:
    """Bring row i up to grid point `point`, at which met[j] tells where providers suffice.

    A buffer that was drawn on is full again where the need has been met since before the sample's grid point
    `full_before[k]`.
    """
    for w in range(8):
        for s in range(64):
            lane = 64 * w + s
            if (met[j, w] >> np.uint64(s)) & np.uint64(1):
                if since[i, lane] != NEVER:
                    if back[i, lane] == NEVER:
                        back[i, lane] = point
                    if back[i, lane] < full_before[k, lane]:
                        since[i, lane] = NEVER
                        back[i, lane] = NEVER
            else:
                back[i, lane] = NEVER
                if since[i, lane] == NEVER:
                    since[i, lane] = point


def plain_remain(failed: Words, i: int, drawn: Words, restored: Minutes, minute: Minutes) -> None:
    """failed[i] = drawn[i] where restored[i] is after the sample's `minute`."""
    for w in range(8):
        out = np.uint64(0)
        for s in range(64):
            if restored[i, 64 * w + s] > minute[64 * w + s]:
                out |= np.uint64(1) << np.uint64(s)
        failed[i, w] = drawn[i, w] & out


class _Row:
    """Sixty-four samples of a row at a time: lanes, and the bits of one word as a mask."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.context, self.builder = context, builder
        self.kinds, self.args = signature.args, args

    def lanes(self, place: int, row: Any, word: int, kind: Any) -> Any:
        data = self.context.make_array(self.kinds[place])(self.context, self.builder, value=self.args[place]).data
        offset = self.builder.add(self.builder.mul(row, ir.Constant(I64, 512)), ir.Constant(I64, 64 * word))
        return self.builder.bitcast(self.builder.gep(data, [offset]), ir.VectorType(kind, _LANES).as_pointer())

    def word(self, place: int, row: Any, word: int) -> Any:
        data = self.context.make_array(self.kinds[place])(self.context, self.builder, value=self.args[place]).data
        offset = self.builder.add(self.builder.mul(row, ir.Constant(I64, WORDS)), ir.Constant(I64, word))
        return self.builder.gep(data, [offset])

    def load(self, pointer: Any, align: int) -> Any:
        value = self.builder.load(pointer)
        value.align = align
        return value

    def splat(self, value: Any, kind: Any) -> Any:
        return splat(self.builder, self.builder.trunc(value, kind), kind, _LANES)

    def mask(self, word: Any) -> Any:
        return self.builder.bitcast(word, ir.VectorType(ir.IntType(1), _LANES))


@intrinsic
def vector_hold(typing: Any, buffered: Any, i: Any, started: Any, since: Any, full_from: Any, k: Any) -> Any:
    """Vector body of :func:`plain_hold`."""
    require_contiguous(buffered, started, since, full_from)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = _Row(context, builder, signature, args)
        for word in range(WORDS):
            least = row.load(row.lanes(4, args[5], word, _I8), 1)
            holds = builder.icmp_unsigned(">=", row.load(row.lanes(3, args[1], word, _I8), 1), least)
            bits = builder.and_(builder.load(row.word(2, args[1], word)), builder.bitcast(holds, I64))
            builder.store(bits, row.word(0, args[1], word))
        return context.get_dummy_value()

    return types.void(buffered, types.int64, started, since, full_from, types.int64), generate


@intrinsic
def vector_note(
    typing: Any, since: Any, back: Any, i: Any, met: Any, j: Any, point: Any, full_before: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_note`."""
    require_contiguous(since, back, met, full_before)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = _Row(context, builder, signature, args)
        never = ir.Constant(ir.VectorType(_I8, _LANES), [NEVER] * _LANES)
        now = row.splat(args[5], _I8)
        for word in range(WORDS):
            before = row.load(row.lanes(6, args[7], word, _I8), 1)
            is_met = row.mask(builder.load(row.word(3, args[4], word)))
            to_since, to_back = row.lanes(0, args[2], word, _I8), row.lanes(1, args[2], word, _I8)
            drawn_on, again = row.load(to_since, 1), row.load(to_back, 1)
            idle = builder.icmp_unsigned("==", drawn_on, never)
            again = builder.select(builder.icmp_unsigned("==", again, never), now, again)
            full = builder.icmp_unsigned("<", again, before)
            quiet = builder.or_(idle, full)
            when_met = builder.select(quiet, never, drawn_on)
            when_not = builder.select(idle, now, drawn_on)
            builder.store(builder.select(is_met, when_met, when_not), to_since).align = 1
            again = builder.select(quiet, never, again)
            builder.store(builder.select(is_met, again, never), to_back).align = 1
        return context.get_dummy_value()

    number = types.int64
    return types.void(since, back, number, met, number, number, full_before, number), generate


@intrinsic
def vector_remain(typing: Any, failed: Any, i: Any, drawn: Any, restored: Any, minute: Any) -> Any:
    """Vector body of :func:`plain_remain`."""
    require_contiguous(failed, drawn, restored, minute)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = _Row(context, builder, signature, args)
        only = ir.Constant(I64, 0)
        for word in range(WORDS):
            now = row.load(row.lanes(4, only, word, I32), 4)
            out = builder.icmp_signed(">", row.load(row.lanes(3, args[1], word, I32), 4), now)
            bits = builder.and_(builder.load(row.word(2, args[1], word)), builder.bitcast(out, I64))
            builder.store(bits, row.word(0, args[1], word))
        return context.get_dummy_value()

    return types.void(failed, types.int64, drawn, restored, minute), generate


hold_row = plain_hold if INTERPRETED else vector_hold
note_row = plain_note if INTERPRETED else vector_note
remain_row = plain_remain if INTERPRETED else vector_remain


@kernel
def hold_buffers(started: Words, since: Points, kind: NDArray[np.int32], full_from: Points, buffered: Words) -> None:
    """Write where each buffer holds in a step of the grid, should its need be unmet there.

    Parameters
    ----------
    started : (n, 8) uint64
        Where the buffer starts at all.
    since : (n, 512) uint8
        From when on each has been drawn on.
    kind : (n,) int32
        Row of `full_from`: buffers that last equally long share one.
    full_from : (n_kind, 512) uint8
        First grid point from which a buffer drawn on still holds now: the first less than its hours ago; NEVER + 1
        where even one that is first drawn on in this step does not.
    buffered : (n, 8) uint64
        Output.
    """
    for i in range(kind.size):
        hold_row(buffered, i, started, since, full_from, kind[i])


@kernel
def draw_on_buffers(
    met: Words, point: int, kind: NDArray[np.int32], full_before: Points, since: Points, back: Points
) -> None:
    """Bring buffers up to a grid point whose state is known.

    Parameters
    ----------
    met : (n, 8) uint64
        Where providers meet the need.
    point : int
        Number of the grid point, below 255.
    kind : (n,) int32
        Row of `full_before`.
    full_before : (n_kind, 512) uint8
        A need met since before this grid point has recharged its buffer by now; 0 to 254.
    since, back : (n, 512) uint8
        Changed in place.
    """
    for i in range(kind.size):
        note_row(since, back, i, met, i, point, full_before, kind[i])


@kernel
def keep_failed(drawn: Words, restored: Minutes, minute: Minutes, failed: Words) -> None:
    """Write who is still out of function, each sample at a minute of its own.

    Parameters
    ----------
    drawn : (n, 8) uint64
        Where the hazard put the asset out of function.
    restored : (n, 512) int32
        Minute from which it is back; read where it was put out of function.
    minute : (512,) int32
    failed : (n, 8) uint64
        Output.
    """
    for i in range(drawn.shape[0]):
        remain_row(failed, i, drawn, restored, minute)
