"""One row against a list of rows: the one stays in a register while the list passes by.

As in :mod:`resilience.kernels.rows`, every operation has a plain body and a vector body of one meaning.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.llvm import (
    AHEAD,
    I64,
    any_bit,
    ask_ahead,
    load,
    place_at,
    prefetch_at,
    require_contiguous,
    row_at,
    store,
)
from resilience.kernels.rows import ZERO, Words

# Columns up to this many rows are joined without loops.
_SHORT = 6


def plain_join(
    target: Words,
    place: NDArray[np.int32],
    first: int,
    count: int,
    a: Words,
    b: Words,
    k: int,
    up: Words,
    j: int,
) -> None:
    """target[place[..]] |= a[k + x] & up[j] & b[k + y] for each pair x < y below `count`, in order, from `first` on.

    No target is one of these rows.
    """
    at = first
    for x in range(count):
        for y in range(x + 1, count):
            for w in range(8):
                target[place[at], w] |= a[k + x, w] & up[j, w] & b[k + y, w]
            at += 1


def plain_spread(
    target: Words,
    place: NDArray[np.int32],
    first: int,
    count: int,
    a: Words,
    i: int,
    b: Words,
    j: int,
    c: Words,
    k: int,
) -> None:
    """target[place[first + t]] |= a[i] & b[j] & c[k + t] for t below `count`; no target is a[i] or b[j]."""
    for t in range(count):
        for w in range(8):
            target[place[first + t], w] |= a[i, w] & b[j, w] & c[k + t, w]


def plain_collect(
    target: Words,
    i: int,
    source: Words,
    place: NDArray[np.int32],
    first: int,
    count: int,
    edge: Words,
    k: int,
    up: Words,
) -> None:
    """target[i] |= any of source[place[first + t]] & edge[k + t] for t below `count`; then target[i] &= up[i]."""
    for w in range(8):
        total = target[i, w]
        for t in range(count):
            total |= source[place[first + t], w] & edge[k + t, w]
        target[i, w] = total & up[i, w]


def plain_push(
    target: Words,
    base: int,
    place: NDArray[np.int32],
    first: int,
    count: int,
    a: Words,
    edge: Words,
    slot: NDArray[np.int64],
    gained: NDArray[np.uint8],
    i: int,
) -> None:
    """target[base + place[x]] |= a[base + i] & edge[slot[x]] for `count` x from `first` on.

    ``gained[place[x]]`` becomes 1 where a bit is new. No place is `i`.
    """
    for x in range(first, first + count):
        new = ZERO
        for w in range(8):
            gain = a[base + i, w] & edge[slot[x], w] & ~target[base + place[x], w]
            target[base + place[x], w] |= gain
            new |= gain
        if new != ZERO:
            gained[place[x]] = 1


@intrinsic
def vector_join(
    typing: Any, target: Any, place: Any, first: Any, count: Any, a: Any, b: Any, k: Any, up: Any, j: Any
) -> Any:
    """Vector body of :func:`plain_join`."""
    require_contiguous(target, place, a, b, up)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        into, places, first, count, k = args[0], args[1], args[2], args[3], args[6]
        passes = load(builder, row_at(context, builder, kinds[7], args[7], args[8]))
        size = context.make_array(kinds[1])(context, builder, value=places).nitems

        def number(value: int) -> Any:
            return ir.Constant(I64, value)

        def row(operand: int, offset: Any) -> Any:
            return load(builder, row_at(context, builder, kinds[operand], args[operand], builder.add(k, offset)))

        def join(index: Any, kept: Any, other: Any) -> None:
            pointer = row_at(context, builder, kinds[0], into, place_at(context, builder, kinds[1], places, index))
            store(builder, builder.or_(load(builder, pointer), builder.and_(kept, other)), pointer)

        def ask(index: Any) -> None:
            pointer = row_at(context, builder, kinds[0], into, place_at(context, builder, kinds[1], places, index))
            prefetch_at(builder, pointer)

        many, done = builder.append_basic_block("many"), builder.append_basic_block("joined")
        choice = builder.switch(count, many)
        for n in range(2):
            choice.add_case(number(n), done)
        # Most columns are short: rows stay in registers, and one jump is guessed wrong, not one per row.
        for n in range(2, _SHORT + 1):
            block = builder.append_basic_block(f"join{n}")
            choice.add_case(number(n), block)
            builder.position_at_end(block)
            last = builder.sub(size, number(n * (n - 1) // 2))
            ahead = builder.add(first, number(AHEAD))
            ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
            kept = [builder.and_(row(4, number(x)), passes) for x in range(n - 1)]
            other = [row(5, number(y)) for y in range(1, n)]
            for at, (x, y) in enumerate(combinations(range(n), 2)):
                ask(builder.add(ahead, number(at)))
                join(builder.add(first, number(at)), kept[x], other[y - 1])
            builder.branch(done)
        builder.position_at_end(many)
        at = cgutils.alloca_once_value(builder, first)
        with cgutils.for_range(builder, count, intp=I64) as outer:
            kept_row = builder.and_(row(4, outer.index), passes)
            rest = builder.sub(builder.sub(count, outer.index), number(1))
            start = builder.load(at)
            with cgutils.for_range(builder, rest, intp=I64) as inner:
                index = builder.add(start, inner.index)
                ask_ahead(context, builder, kinds[0], into, kinds[1], places, index)
                join(index, kept_row, row(5, builder.add(builder.add(outer.index, inner.index), number(1))))
            builder.store(builder.add(start, rest), at)
        builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, place, number, number, a, b, number, up, number), generate


@intrinsic
def vector_spread(
    typing: Any, target: Any, place: Any, first: Any, count: Any, a: Any, i: Any, b: Any, j: Any, c: Any, k: Any
) -> Any:
    """Vector body of :func:`plain_spread`."""
    require_contiguous(target, place, a, b, c)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        into, places, first, count, k = args[0], args[1], args[2], args[3], args[9]
        kept = builder.and_(
            load(builder, row_at(context, builder, kinds[4], args[4], args[5])),
            load(builder, row_at(context, builder, kinds[6], args[6], args[7])),
        )
        with builder.if_then(any_bit(builder, kept)), cgutils.for_range(builder, count, intp=I64) as loop:
            index = builder.add(first, loop.index)
            ask_ahead(context, builder, kinds[0], into, kinds[1], places, index)
            pointer = row_at(context, builder, kinds[0], into, place_at(context, builder, kinds[1], places, index))
            other = load(builder, row_at(context, builder, kinds[8], args[8], builder.add(k, loop.index)))
            store(builder, builder.or_(load(builder, pointer), builder.and_(kept, other)), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, place, number, number, a, number, b, number, c, number), generate


@intrinsic
def vector_collect(
    typing: Any, target: Any, i: Any, source: Any, place: Any, first: Any, count: Any, edge: Any, k: Any, up: Any
) -> Any:
    """Vector body of :func:`plain_collect`."""
    require_contiguous(target, source, place, edge, up)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        pointer = row_at(context, builder, kinds[0], args[0], args[1])
        total = cgutils.alloca_once_value(builder, load(builder, pointer))
        with cgutils.for_range(builder, args[5], intp=I64) as loop:
            index = builder.add(args[4], loop.index)
            source = row_at(context, builder, kinds[2], args[2], place_at(context, builder, kinds[3], args[3], index))
            edge = row_at(context, builder, kinds[6], args[6], builder.add(args[7], loop.index))
            found = builder.and_(load(builder, source), load(builder, edge))
            builder.store(builder.or_(builder.load(total), found), total)
        passes = load(builder, row_at(context, builder, kinds[8], args[8], args[1]))
        store(builder, builder.and_(builder.load(total), passes), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, source, place, number, number, edge, number, up), generate


@intrinsic
def vector_push(
    typing: Any,
    target: Any,
    base: Any,
    place: Any,
    first: Any,
    count: Any,
    a: Any,
    edge: Any,
    slot: Any,
    gained: Any,
    i: Any,
) -> Any:
    """Vector body of :func:`plain_push`."""
    require_contiguous(target, place, a, edge, slot, gained)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        base = args[1]
        kept = load(builder, row_at(context, builder, kinds[5], args[5], builder.add(base, args[9])))
        flags = context.make_array(kinds[8])(context, builder, value=args[8]).data
        with cgutils.for_range(builder, args[4], intp=I64) as loop:
            index = builder.add(args[3], loop.index)
            ask_ahead(context, builder, kinds[6], args[6], kinds[7], args[7], index)
            other = place_at(context, builder, kinds[2], args[2], index)
            pointer = row_at(context, builder, kinds[0], args[0], builder.add(base, other))
            edge = load(
                builder,
                row_at(context, builder, kinds[6], args[6], place_at(context, builder, kinds[7], args[7], index)),
            )
            old = load(builder, pointer)
            new = builder.or_(old, builder.and_(kept, edge))
            store(builder, new, pointer)
            flag = builder.gep(flags, [other])
            changed = builder.zext(any_bit(builder, builder.xor(old, new)), ir.IntType(8))
            builder.store(builder.or_(builder.load(flag), changed), flag)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, place, number, number, a, edge, slot, gained, number), generate


join_rows = plain_join if INTERPRETED else vector_join
spread_row = plain_spread if INTERPRETED else vector_spread
collect_row = plain_collect if INTERPRETED else vector_collect
push_list = plain_push if INTERPRETED else vector_push
