"""Row operations on times: one row is 16 samples of uint32, one cache line; sums and minima, exact.

Times are whole milliseconds below :data:`CLOSED`, which stands for "no way". Two times add up to at most 2**31, so no
sum overflows, and a minimum with a row that never exceeds CLOSED is again at most CLOSED: a way that takes CLOSED
(twelve days) or longer is no way, and all others are exact.

As in :mod:`resilience.kernels.rows`, every operation has a plain body and a vector body of one meaning. Operations on a
list keep the row that stays the same in a register. :mod:`resilience.kernels.time_labels` has those with labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.llvm import I32, I64, ask_ahead, place_at, prefetch_at, require_contiguous, splat

Times = NDArray[np.uint32]
Indices = NDArray[np.int32]

LANES = 16
CLOSED = np.uint32(1 << 30)

_I16 = ir.IntType(16)
_ROW = ir.VectorType(I32, LANES)
_BITS = ir.VectorType(ir.IntType(1), LANES)


def plain_fill(target: Times, i: int, value: np.uint32) -> None:
    """target[i] = value in every lane."""
    for s in range(16):
        target[i, s] = value


def plain_copy(target: Times, i: int, source: Times, j: int) -> None:
    """target[i] = source[j]."""
    for s in range(16):
        target[i, s] = source[j, s]


def plain_select(target: Times, i: int, bits: np.uint16, value: np.uint32) -> None:
    """target[i] = value where the lane's bit is set, else CLOSED."""
    for s in range(16):
        target[i, s] = value if (np.int64(bits) >> s) & 1 else CLOSED


def plain_lower(target: Times, i: int, bits: np.uint16, value: np.uint32) -> None:
    """target[i] = min(target[i], value) where the lane's bit is set."""
    for s in range(16):
        if (np.int64(bits) >> s) & 1:
            target[i, s] = min(target[i, s], value)


def plain_within(source: Times, i: int, limit: np.uint32) -> int:
    """Return the bits of the lanes whose time is at most `limit`, which is below CLOSED."""
    bits = 0
    for s in range(16):
        if source[i, s] <= limit:
            bits |= 1 << s
    return bits


def plain_any(source: Times, i: int) -> bool:
    """Return whether any lane of source[i] is below CLOSED."""
    found = False
    for s in range(16):
        found = found or source[i, s] < CLOSED
    return bool(found)


def plain_ask(source: Times, i: int) -> None:
    """Hint that source[i] is read soon; no effect on the result."""


def plain_spread(target: Times, place: Indices, first: int, count: int, a: Times, i: int, edge: Times, k: int) -> None:
    """target[place[first + t]] = min(itself, a[i] + edge[k + t]) for t below `count`; no target is a[i]."""
    for t in range(count):
        for s in range(16):
            target[place[first + t], s] = min(target[place[first + t], s], a[i, s] + edge[k + t, s])


def plain_collect(
    target: Times, i: int, source: Times, place: Indices, first: int, count: int, edge: Times, k: int
) -> None:
    """target[i] = min(itself, every source[place[first + t]] + edge[k + t]) for t below `count`."""
    for t in range(count):
        for s in range(16):
            target[i, s] = min(target[i, s], source[place[first + t], s] + edge[k + t, s])


def plain_collect_same(
    target: Times, i: int, source: Times, place: Indices, first: int, count: int, edge: Times
) -> None:
    """As :func:`plain_collect`; `edge` is (n,) uint32: edge[first + t] in every lane."""
    for t in range(count):
        for s in range(16):
            target[i, s] = min(target[i, s], source[place[first + t], s] + edge[first + t])


def plain_push(
    target: Times,
    base: int,
    place: Indices,
    first: int,
    count: int,
    edge: Times,
    slot: NDArray[np.int64],
    gained: NDArray[np.uint8],
    i: int,
) -> None:
    """target[base + place[x]] = min(itself, target[base + i] + edge[slot[x]]) for `count` x from `first` on.

    ``gained[place[x]]`` becomes 1 where a lane gets shorter. No place is `i`.
    """
    for x in range(first, first + count):
        for s in range(16):
            time = target[base + i, s] + edge[slot[x], s]
            if time < target[base + place[x], s]:
                target[base + place[x], s] = time
                gained[place[x]] = 1


def times_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return a pointer to a row of times."""
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [builder.mul(index, ir.Constant(I64, LANES))]), _ROW.as_pointer())


def read_times(builder: Any, pointer: Any) -> Any:
    """Return the times at a pointer."""
    value = builder.load(pointer)
    value.align = 4
    return value


def write_times(builder: Any, value: Any, pointer: Any) -> None:
    """Write times at a pointer."""
    builder.store(value, pointer).align = 4


def _least(builder: Any, a: Any, b: Any) -> Any:
    least = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_ROW, [_ROW, _ROW]), "llvm.umin.v16i32")
    return builder.call(least, [a, b])


def _closed() -> Any:
    return ir.Constant(_ROW, [int(CLOSED)] * LANES)


def lane_mask(builder: Any, bits: Any) -> Any:
    """Return 16 bits as a mask of lanes."""
    return builder.bitcast(bits, _BITS)


def _is_any(builder: Any, mask: Any) -> Any:
    return builder.icmp_unsigned("!=", builder.bitcast(mask, _I16), ir.Constant(_I16, 0))


def set_flag(builder: Any, pointer: Any, mask: Any) -> None:
    """Set a flag where any lane of a mask is set. A branch is foreseen too seldom: half as much again."""
    found = builder.zext(_is_any(builder, mask), ir.IntType(8))
    builder.store(builder.or_(builder.load(pointer), found), pointer)


@intrinsic
def vector_fill(typing: Any, target: Any, i: Any, value: Any) -> Any:
    """Vector body of :func:`plain_fill`."""
    require_contiguous(target)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = times_at(context, builder, signature.args[0], args[0], args[1])
        write_times(builder, splat(builder, args[2], I32, LANES), pointer)
        return context.get_dummy_value()

    return types.void(target, types.int64, types.uint32), generate


@intrinsic
def vector_copy(typing: Any, target: Any, i: Any, source: Any, j: Any) -> Any:
    """Vector body of :func:`plain_copy`."""
    require_contiguous(target, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = read_times(builder, times_at(context, builder, signature.args[2], args[2], args[3]))
        write_times(builder, row, times_at(context, builder, signature.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64), generate


@intrinsic
def vector_select(typing: Any, target: Any, i: Any, bits: Any, value: Any) -> Any:
    """Vector body of :func:`plain_select`."""
    require_contiguous(target)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = times_at(context, builder, signature.args[0], args[0], args[1])
        spread = splat(builder, args[3], I32, LANES)
        write_times(builder, builder.select(lane_mask(builder, args[2]), spread, _closed()), pointer)
        return context.get_dummy_value()

    return types.void(target, types.int64, types.uint16, types.uint32), generate


@intrinsic
def vector_lower(typing: Any, target: Any, i: Any, bits: Any, value: Any) -> Any:
    """Vector body of :func:`plain_lower`."""
    require_contiguous(target)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = times_at(context, builder, signature.args[0], args[0], args[1])
        spread = splat(builder, args[3], I32, LANES)
        new = builder.select(lane_mask(builder, args[2]), spread, _closed())
        write_times(builder, _least(builder, read_times(builder, pointer), new), pointer)
        return context.get_dummy_value()

    return types.void(target, types.int64, types.uint16, types.uint32), generate


@intrinsic
def vector_within(typing: Any, source: Any, i: Any, limit: Any) -> Any:
    """Vector body of :func:`plain_within`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = read_times(builder, times_at(context, builder, signature.args[0], args[0], args[1]))
        mask = builder.icmp_unsigned("<=", row, splat(builder, args[2], I32, LANES))
        return builder.zext(builder.bitcast(mask, _I16), I64)

    return types.int64(source, types.int64, types.uint32), generate


@intrinsic
def vector_any(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_any`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = read_times(builder, times_at(context, builder, signature.args[0], args[0], args[1]))
        return _is_any(builder, builder.icmp_unsigned("<", row, _closed()))

    return types.boolean(source, types.int64), generate


@intrinsic
def vector_ask(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_ask`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        prefetch_at(builder, times_at(context, builder, signature.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(source, types.int64), generate


@intrinsic
def vector_spread(
    typing: Any, target: Any, place: Any, first: Any, count: Any, a: Any, i: Any, edge: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_spread`."""
    require_contiguous(target, place, a, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        kept = read_times(builder, times_at(context, builder, kinds[4], args[4], args[5]))
        with cgutils.for_range(builder, args[3], intp=I64) as loop:
            index = builder.add(args[2], loop.index)
            ask_ahead(context, builder, kinds[0], args[0], kinds[1], args[1], index, times_at)
            place = place_at(context, builder, kinds[1], args[1], index)
            pointer = times_at(context, builder, kinds[0], args[0], place)
            edge = read_times(builder, times_at(context, builder, kinds[6], args[6], builder.add(args[7], loop.index)))
            write_times(builder, _least(builder, read_times(builder, pointer), builder.add(kept, edge)), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, place, number, number, a, number, edge, number), generate


@intrinsic
def vector_collect(
    typing: Any, target: Any, i: Any, source: Any, place: Any, first: Any, count: Any, edge: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_collect`."""
    require_contiguous(target, source, place, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        pointer = times_at(context, builder, kinds[0], args[0], args[1])
        least = cgutils.alloca_once_value(builder, read_times(builder, pointer))
        with cgutils.for_range(builder, args[5], intp=I64) as loop:
            place = place_at(context, builder, kinds[3], args[3], builder.add(args[4], loop.index))
            source = read_times(builder, times_at(context, builder, kinds[2], args[2], place))
            edge = read_times(builder, times_at(context, builder, kinds[6], args[6], builder.add(args[7], loop.index)))
            builder.store(_least(builder, builder.load(least), builder.add(source, edge)), least)
        write_times(builder, builder.load(least), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, source, place, number, number, edge, number), generate


@intrinsic
def vector_collect_same(
    typing: Any, target: Any, i: Any, source: Any, place: Any, first: Any, count: Any, edge: Any
) -> Any:
    """Vector body of :func:`plain_collect_same`."""
    require_contiguous(target, source, place, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        pointer = times_at(context, builder, kinds[0], args[0], args[1])
        edges = context.make_array(kinds[6])(context, builder, value=args[6]).data
        least = cgutils.alloca_once_value(builder, read_times(builder, pointer))
        with cgutils.for_range(builder, args[5], intp=I64) as loop:
            index = builder.add(args[4], loop.index)
            place = place_at(context, builder, kinds[3], args[3], index)
            source = read_times(builder, times_at(context, builder, kinds[2], args[2], place))
            edge = splat(builder, builder.load(builder.gep(edges, [index])), I32, LANES)
            builder.store(_least(builder, builder.load(least), builder.add(source, edge)), least)
        write_times(builder, builder.load(least), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, source, place, number, number, edge), generate


@intrinsic
def vector_push(
    typing: Any,
    target: Any,
    base: Any,
    place: Any,
    first: Any,
    count: Any,
    edge: Any,
    slot: Any,
    gained: Any,
    i: Any,
) -> Any:
    """Vector body of :func:`plain_push`."""
    require_contiguous(target, place, edge, slot, gained)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        kept = read_times(builder, times_at(context, builder, kinds[0], args[0], builder.add(args[1], args[8])))
        flags = context.make_array(kinds[7])(context, builder, value=args[7]).data
        with cgutils.for_range(builder, args[4], intp=I64) as loop:
            index = builder.add(args[3], loop.index)
            other = place_at(context, builder, kinds[2], args[2], index)
            pointer = times_at(context, builder, kinds[0], args[0], builder.add(args[1], other))
            slot = place_at(context, builder, kinds[6], args[6], index)
            time = builder.add(kept, read_times(builder, times_at(context, builder, kinds[5], args[5], slot)))
            old = read_times(builder, pointer)
            wins = builder.icmp_unsigned("<", time, old)
            write_times(builder, _least(builder, old, time), pointer)
            set_flag(builder, builder.gep(flags, [other]), wins)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, place, number, number, edge, slot, gained, number), generate


fill_times = plain_fill if INTERPRETED else vector_fill
copy_times = plain_copy if INTERPRETED else vector_copy
select_times = plain_select if INTERPRETED else vector_select
lower_times = plain_lower if INTERPRETED else vector_lower
within_limit = plain_within if INTERPRETED else vector_within
any_times = plain_any if INTERPRETED else vector_any
ask_times = plain_ask if INTERPRETED else vector_ask
spread_times = plain_spread if INTERPRETED else vector_spread
collect_times = plain_collect if INTERPRETED else vector_collect
collect_same = plain_collect_same if INTERPRETED else vector_collect_same
push_times = plain_push if INTERPRETED else vector_push
