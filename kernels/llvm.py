"""Pieces of LLVM of which the vector bodies of row operations are made.

A row is eight 64-bit words. Each piece takes Numba's code generation context and LLVM builder, and runs only while a
kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.errors import TypingError

I32 = ir.IntType(32)
I64 = ir.IntType(64)
ROW = ir.VectorType(I64, 8)
_BYTE = ir.IntType(8).as_pointer()

AHEAD = 16
"""Entries of a list that are asked for before they are needed."""


def require_contiguous(*arrays: Any) -> None:
    """Refuse arrays whose rows do not lie one behind the other."""
    for array in arrays:
        if getattr(array, "layout", "C") != "C":
            raise TypingError(f"rows must lie one behind the other (layout C), not {array}")


def row_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return a pointer to a row of an array."""
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [builder.mul(index, ir.Constant(I64, ROW.count))]), ROW.as_pointer())


def load(builder: Any, pointer: Any) -> Any:
    """Return the value at a pointer, of which only the alignment of a word is known."""
    value = builder.load(pointer)
    value.align = 8
    return value


def store(builder: Any, value: Any, pointer: Any) -> None:
    """Write a value at a pointer, of which only the alignment of a word is known."""
    builder.store(value, pointer).align = 8


def any_bit(builder: Any, value: Any) -> Any:
    """Return whether any bit of a row is set."""
    reduce_or = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(I64, [ROW]), "llvm.vector.reduce.or.v8i64"
    )
    return builder.icmp_unsigned("!=", builder.call(reduce_or, [value]), ir.Constant(I64, 0))


def inverse(builder: Any, value: Any) -> Any:
    """Return a row with every bit turned."""
    return builder.xor(value, ir.Constant(ROW, [-1] * ROW.count))


def splat(builder: Any, value: Any, kind: Any, lanes: int) -> Any:
    """Return a vector that has one value in every lane."""
    vector = ir.VectorType(kind, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I32, 0))
    zeros = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def place_at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return the row number at `index` of a list."""
    data = context.make_array(kind)(context, builder, value=array).data
    value = builder.load(builder.gep(data, [index]))
    return value if value.type == I64 else builder.sext(value, I64)


def prefetch_at(builder: Any, pointer: Any) -> None:
    """Hint that what a pointer points at is read soon."""
    hint = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [_BYTE, I32, I32, I32]), "llvm.prefetch.p0"
    )
    arguments = [builder.bitcast(pointer, _BYTE), ir.Constant(I32, 0), ir.Constant(I32, 3), ir.Constant(I32, 1)]
    builder.call(hint, arguments)


def ask_ahead(
    context: Any, builder: Any, rows: Any, array: Any, places: Any, list_of: Any, index: Any,
    at: Callable[..., Any] = row_at,
) -> None:  # fmt: skip
    """Prefetch the row that is `AHEAD` entries further in a list, or its last."""
    size = context.make_array(places)(context, builder, value=list_of).nitems
    last = builder.sub(size, ir.Constant(I64, 1))
    ahead = builder.add(index, ir.Constant(I64, AHEAD))
    ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
    place = place_at(context, builder, places, list_of, ahead)
    prefetch_at(builder, at(context, builder, rows, array, place))
