"""Row operations on times that also carry a label: which facility a time leads to.

Of equal times the smaller label wins. Rows without a way carry label 0, so that nothing ever wins there. Labels are a
second array of the shape of the times; bodies as in :mod:`resilience.kernels.time_rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.llvm import I32, I64, place_at, require_contiguous, splat
from resilience.kernels.time_rows import LANES, Indices, Times, lane_mask, read_times, set_flag, times_at, write_times


def plain_lower_label(target: Times, label: Times, i: int, bits: np.uint16, value: np.uint32, name: np.uint32) -> None:
    """As :func:`plain_lower`, with the label of the value."""
    for s in range(16):
        if (np.int64(bits) >> s) & 1 and (value < target[i, s] or (value == target[i, s] and name < label[i, s])):
            target[i, s] = value
            label[i, s] = name


def plain_spread_label(
    target: Times, label: Times, place: Indices, first: int, count: int, i: int, edge: Times, k: int
) -> None:
    """As :func:`plain_spread` from target[i] itself, with labels."""
    for t in range(count):
        other = place[first + t]
        for s in range(16):
            time = target[i, s] + edge[k + t, s]
            if time < target[other, s] or (time == target[other, s] and label[i, s] < label[other, s]):
                target[other, s] = time
                label[other, s] = label[i, s]


def plain_collect_label(
    target: Times, label: Times, i: int, place: Indices, first: int, count: int, edge: Times, k: int
) -> None:
    """As :func:`plain_collect` from rows of `target` itself, with labels."""
    for t in range(count):
        other = place[first + t]
        for s in range(16):
            time = target[other, s] + edge[k + t, s]
            if time < target[i, s] or (time == target[i, s] and label[other, s] < label[i, s]):
                target[i, s] = time
                label[i, s] = label[other, s]


def plain_collect_same_label(
    target: Times, label: Times, i: int, place: Indices, first: int, count: int, edge: Times
) -> None:
    """As :func:`plain_collect_same` from rows of `target` itself, with labels."""
    for t in range(count):
        other = place[first + t]
        for s in range(16):
            time = target[other, s] + edge[first + t]
            if time < target[i, s] or (time == target[i, s] and label[other, s] < label[i, s]):
                target[i, s] = time
                label[i, s] = label[other, s]


def plain_push_label(
    target: Times,
    label: Times,
    base: int,
    place: Indices,
    first: int,
    count: int,
    edge: Times,
    slot: NDArray[np.int64],
    gained: NDArray[np.uint8],
    i: int,
) -> None:
    """As :func:`plain_push`, with labels; a smaller label is a gain too."""
    for x in range(first, first + count):
        other = base + place[x]
        for s in range(16):
            time = target[base + i, s] + edge[slot[x], s]
            if time < target[other, s] or (time == target[other, s] and label[base + i, s] < label[other, s]):
                target[other, s] = time
                label[other, s] = label[base + i, s]
                gained[place[x]] = 1


def _wins(builder: Any, time: Any, name: Any, old: Any, old_name: Any) -> Any:
    """Lanes in which (time, name) comes before (old, old_name)."""
    tie = builder.and_(builder.icmp_unsigned("==", time, old), builder.icmp_unsigned("<", name, old_name))
    return builder.or_(builder.icmp_unsigned("<", time, old), tie)


@intrinsic
def vector_lower_label(typing: Any, target: Any, label: Any, i: Any, bits: Any, value: Any, name: Any) -> Any:
    """Vector body of :func:`plain_lower_label`."""
    require_contiguous(target, label)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        pointer = times_at(context, builder, kinds[0], args[0], args[2])
        names = times_at(context, builder, kinds[1], args[1], args[2])
        time, name = splat(builder, args[4], I32, LANES), splat(builder, args[5], I32, LANES)
        old, old_name = read_times(builder, pointer), read_times(builder, names)
        wins = builder.and_(lane_mask(builder, args[3]), _wins(builder, time, name, old, old_name))
        write_times(builder, builder.select(wins, time, old), pointer)
        write_times(builder, builder.select(wins, name, old_name), names)
        return context.get_dummy_value()

    number = types.uint32
    return types.void(target, label, types.int64, types.uint16, number, number), generate


@intrinsic
def vector_spread_label(
    typing: Any, target: Any, label: Any, place: Any, first: Any, count: Any, i: Any, edge: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_spread_label`."""
    require_contiguous(target, label, place, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        kept = read_times(builder, times_at(context, builder, kinds[0], args[0], args[5]))
        name = read_times(builder, times_at(context, builder, kinds[1], args[1], args[5]))
        with cgutils.for_range(builder, args[4], intp=I64) as loop:
            place = place_at(context, builder, kinds[2], args[2], builder.add(args[3], loop.index))
            pointer = times_at(context, builder, kinds[0], args[0], place)
            names = times_at(context, builder, kinds[1], args[1], place)
            edge = read_times(builder, times_at(context, builder, kinds[6], args[6], builder.add(args[7], loop.index)))
            old, old_name, time = read_times(builder, pointer), read_times(builder, names), builder.add(kept, edge)
            wins = _wins(builder, time, name, old, old_name)
            write_times(builder, builder.select(wins, time, old), pointer)
            write_times(builder, builder.select(wins, name, old_name), names)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, label, place, number, number, number, edge, number), generate


def _collect_label(context: Any, builder: Any, signature: Any, args: Any, edge_at: Any) -> Any:
    """target[i], label[i] = the least of themselves and every row of a list plus its edge."""
    kinds = signature.args
    pointer = times_at(context, builder, kinds[0], args[0], args[2])
    names = times_at(context, builder, kinds[1], args[1], args[2])
    least = cgutils.alloca_once_value(builder, read_times(builder, pointer))
    least_name = cgutils.alloca_once_value(builder, read_times(builder, names))
    with cgutils.for_range(builder, args[5], intp=I64) as loop:
        place = place_at(context, builder, kinds[3], args[3], builder.add(args[4], loop.index))
        name = read_times(builder, times_at(context, builder, kinds[1], args[1], place))
        time = builder.add(
            read_times(builder, times_at(context, builder, kinds[0], args[0], place)), edge_at(loop.index)
        )
        old, old_name = builder.load(least), builder.load(least_name)
        wins = _wins(builder, time, name, old, old_name)
        builder.store(builder.select(wins, time, old), least)
        builder.store(builder.select(wins, name, old_name), least_name)
    write_times(builder, builder.load(least), pointer)
    write_times(builder, builder.load(least_name), names)
    return context.get_dummy_value()


@intrinsic
def vector_collect_label(
    typing: Any, target: Any, label: Any, i: Any, place: Any, first: Any, count: Any, edge: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_collect_label`."""
    require_contiguous(target, label, place, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def edge_at(index: Any) -> Any:
            row = times_at(context, builder, signature.args[6], args[6], builder.add(args[7], index))
            return read_times(builder, row)

        return _collect_label(context, builder, signature, args, edge_at)

    number = types.int64
    return types.void(target, label, number, place, number, number, edge, number), generate


@intrinsic
def vector_collect_same_label(
    typing: Any, target: Any, label: Any, i: Any, place: Any, first: Any, count: Any, edge: Any
) -> Any:
    """Vector body of :func:`plain_collect_same_label`."""
    require_contiguous(target, label, place, edge)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        edges = context.make_array(signature.args[6])(context, builder, value=args[6]).data

        def edge_at(index: Any) -> Any:
            value = builder.load(builder.gep(edges, [builder.add(args[4], index)]))
            return splat(builder, value, I32, LANES)

        return _collect_label(context, builder, signature, args, edge_at)

    number = types.int64
    return types.void(target, label, number, place, number, number, edge), generate


@intrinsic
def vector_push_label(
    typing: Any,
    target: Any,
    label: Any,
    base: Any,
    place: Any,
    first: Any,
    count: Any,
    edge: Any,
    slot: Any,
    gained: Any,
    i: Any,
) -> Any:
    """Vector body of :func:`plain_push_label`."""
    require_contiguous(target, label, place, edge, slot, gained)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        here = builder.add(args[2], args[9])
        kept = read_times(builder, times_at(context, builder, kinds[0], args[0], here))
        name = read_times(builder, times_at(context, builder, kinds[1], args[1], here))
        flags = context.make_array(kinds[8])(context, builder, value=args[8]).data
        with cgutils.for_range(builder, args[5], intp=I64) as loop:
            index = builder.add(args[4], loop.index)
            other = place_at(context, builder, kinds[3], args[3], index)
            pointer = times_at(context, builder, kinds[0], args[0], builder.add(args[2], other))
            names = times_at(context, builder, kinds[1], args[1], builder.add(args[2], other))
            slot = place_at(context, builder, kinds[7], args[7], index)
            time = builder.add(kept, read_times(builder, times_at(context, builder, kinds[6], args[6], slot)))
            old, old_name = read_times(builder, pointer), read_times(builder, names)
            wins = _wins(builder, time, name, old, old_name)
            write_times(builder, builder.select(wins, time, old), pointer)
            write_times(builder, builder.select(wins, name, old_name), names)
            set_flag(builder, builder.gep(flags, [other]), wins)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, label, number, place, number, number, edge, slot, gained, number), generate


lower_label = plain_lower_label if INTERPRETED else vector_lower_label
spread_label = plain_spread_label if INTERPRETED else vector_spread_label
collect_label = plain_collect_label if INTERPRETED else vector_collect_label
collect_same_label = plain_collect_same_label if INTERPRETED else vector_collect_same_label
push_label = plain_push_label if INTERPRETED else vector_push_label
