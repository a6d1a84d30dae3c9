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
from resilience.kernels.rows import ZERO, Words, _any, _load, _require_contiguous, _row, _store

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)
_BYTE = ir.IntType(8).as_pointer()
# Rows of the list are asked for this many entries before they are needed.
AHEAD = 16
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


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The row number at `index` of a list."""
    data = context.make_array(kind)(context, builder, value=array).data
    value = builder.load(builder.gep(data, [index]))
    return value if value.type == _I64 else builder.sext(value, _I64)


def _ask_ahead(context: Any, builder: Any, rows: Any, array: Any, places: Any, list_of: Any, index: Any) -> None:
    """Prefetch the row that is `AHEAD` entries further in the list, or its last."""
    size = context.make_array(places)(context, builder, value=list_of).nitems
    last = builder.sub(size, ir.Constant(_I64, 1))
    ahead = builder.add(index, ir.Constant(_I64, AHEAD))
    ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
    pointer = builder.bitcast(
        _row(context, builder, rows, array, _place(context, builder, places, list_of, ahead)), _BYTE
    )
    prefetch = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [_BYTE, _I32, _I32, _I32]), "llvm.prefetch.p0"
    )
    builder.call(prefetch, [pointer, ir.Constant(_I32, 0), ir.Constant(_I32, 3), ir.Constant(_I32, 1)])


@intrinsic
def vector_join(
    typing: Any, target: Any, place: Any, first: Any, count: Any, a: Any, b: Any, k: Any, up: Any, j: Any
) -> Any:
    """Vector body of :func:`plain_join`."""
    _require_contiguous(target, place, a, b, up)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        into, places, first, count, k = args[0], args[1], args[2], args[3], args[6]
        passes = _load(builder, _row(context, builder, kinds[7], args[7], args[8]))
        size = context.make_array(kinds[1])(context, builder, value=places).nitems

        def number(value: int) -> Any:
            return ir.Constant(_I64, value)

        def row(operand: int, offset: Any) -> Any:
            return _load(builder, _row(context, builder, kinds[operand], args[operand], builder.add(k, offset)))

        def join(index: Any, kept: Any, other: Any) -> None:
            pointer = _row(context, builder, kinds[0], into, _place(context, builder, kinds[1], places, index))
            _store(builder, builder.or_(_load(builder, pointer), builder.and_(kept, other)), pointer)

        def ask(index: Any) -> None:
            pointer = _row(context, builder, kinds[0], into, _place(context, builder, kinds[1], places, index))
            prefetch = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [_BYTE, _I32, _I32, _I32]), "llvm.prefetch.p0"
            )
            builder.call(
                prefetch,
                [builder.bitcast(pointer, _BYTE), ir.Constant(_I32, 0), ir.Constant(_I32, 3), ir.Constant(_I32, 1)],
            )

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
        with cgutils.for_range(builder, count, intp=_I64) as outer:
            kept_row = builder.and_(row(4, outer.index), passes)
            rest = builder.sub(builder.sub(count, outer.index), number(1))
            start = builder.load(at)
            with cgutils.for_range(builder, rest, intp=_I64) as inner:
                index = builder.add(start, inner.index)
                _ask_ahead(context, builder, kinds[0], into, kinds[1], places, index)
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
    _require_contiguous(target, place, a, b, c)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        into, places, first, count, k = args[0], args[1], args[2], args[3], args[9]
        kept = builder.and_(
            _load(builder, _row(context, builder, kinds[4], args[4], args[5])),
            _load(builder, _row(context, builder, kinds[6], args[6], args[7])),
        )
        with builder.if_then(_any(builder, kept)), cgutils.for_range(builder, count, intp=_I64) as loop:
            index = builder.add(first, loop.index)
            _ask_ahead(context, builder, kinds[0], into, kinds[1], places, index)
            pointer = _row(context, builder, kinds[0], into, _place(context, builder, kinds[1], places, index))
            other = _load(builder, _row(context, builder, kinds[8], args[8], builder.add(k, loop.index)))
            _store(builder, builder.or_(_load(builder, pointer), builder.and_(kept, other)), pointer)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, place, number, number, a, number, b, number, c, number), generate


@intrinsic
def vector_collect(
    typing: Any, target: Any, i: Any, source: Any, place: Any, first: Any, count: Any, edge: Any, k: Any, up: Any
) -> Any:
    """Vector body of :func:`plain_collect`."""
    _require_contiguous(target, source, place, edge, up)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        pointer = _row(context, builder, kinds[0], args[0], args[1])
        total = cgutils.alloca_once_value(builder, _load(builder, pointer))
        with cgutils.for_range(builder, args[5], intp=_I64) as loop:
            index = builder.add(args[4], loop.index)
            source = _row(context, builder, kinds[2], args[2], _place(context, builder, kinds[3], args[3], index))
            edge = _row(context, builder, kinds[6], args[6], builder.add(args[7], loop.index))
            found = builder.and_(_load(builder, source), _load(builder, edge))
            builder.store(builder.or_(builder.load(total), found), total)
        passes = _load(builder, _row(context, builder, kinds[8], args[8], args[1]))
        _store(builder, builder.and_(builder.load(total), passes), pointer)
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
    _require_contiguous(target, place, a, edge, slot, gained)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        base = args[1]
        kept = _load(builder, _row(context, builder, kinds[5], args[5], builder.add(base, args[9])))
        flags = context.make_array(kinds[8])(context, builder, value=args[8]).data
        with cgutils.for_range(builder, args[4], intp=_I64) as loop:
            index = builder.add(args[3], loop.index)
            _ask_ahead(context, builder, kinds[6], args[6], kinds[7], args[7], index)
            other = _place(context, builder, kinds[2], args[2], index)
            pointer = _row(context, builder, kinds[0], args[0], builder.add(base, other))
            edge = _load(
                builder, _row(context, builder, kinds[6], args[6], _place(context, builder, kinds[7], args[7], index))
            )
            old = _load(builder, pointer)
            new = builder.or_(old, builder.and_(kept, edge))
            _store(builder, new, pointer)
            flag = builder.gep(flags, [other])
            changed = builder.zext(_any(builder, builder.xor(old, new)), ir.IntType(8))
            builder.store(builder.or_(builder.load(flag), changed), flag)
        return context.get_dummy_value()

    number = types.int64
    return types.void(target, number, place, number, number, a, edge, slot, gained, number), generate


join_rows = plain_join if INTERPRETED else vector_join
spread_row = plain_spread if INTERPRETED else vector_spread
collect_row = plain_collect if INTERPRETED else vector_collect
push_list = plain_push if INTERPRETED else vector_push
