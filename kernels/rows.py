"""Row operations: one row is 512 samples, eight 64-bit words, one cache line.

Every operation has two bodies of one meaning: plain loops (interpreted, and the reference) and an LLVM vector
instruction sequence (compiled). A constant loop of eight words is unrolled before the vectoriser sees it and runs six
times slower, hence the second body. The choice is made once, at the end of this file.

Arrays are C-contiguous ``(n, 8) uint64``; an operand is an array and a row number; the first operand is the target.
Any other layout is refused when a caller is compiled: the vector bodies would read between the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED, inlined

Words = NDArray[np.uint64]

WORDS = 8
SAMPLES = 512
ZERO = np.uint64(0)
ONE = np.uint64(1)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)
_ROW = ir.VectorType(_I64, WORDS)


def empty_rows(n: int) -> Words:
    """Return `n` rows, ``(n, 8) uint64``, uninitialised, each of them one cache line.

    Memory of NumPy begins 16 or 32 bytes into a line, so that every row would lie across two.
    """
    raw = np.empty(8 * n + 8, np.uint64)
    skipped = (-raw.ctypes.data // 8) % 8
    return raw[skipped : skipped + 8 * n].reshape(n, 8)


def pack_rows(bits: NDArray[np.bool_]) -> Words:
    """Return truth values, ``(n, 512)``, as rows."""
    return empty_rows(0) if not len(bits) else np.packbits(bits, axis=1, bitorder="little").view(np.uint64)


def unpack_rows(words: Words) -> NDArray[np.bool_]:
    """Return the samples of rows, ``(n, 512) bool``: the inverse of :func:`pack_rows`."""
    return np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little").astype(bool)


def plain_copy(target: Words, i: int, source: Words, j: int) -> None:
    """target[i] = source[j]."""
    for w in range(8):
        target[i, w] = source[j, w]


def plain_copy_not(target: Words, i: int, source: Words, j: int) -> None:
    """target[i] = ~source[j]."""
    for w in range(8):
        target[i, w] = ~source[j, w]


def plain_or(target: Words, i: int, source: Words, j: int) -> None:
    """target[i] |= source[j]."""
    for w in range(8):
        target[i, w] |= source[j, w]


def plain_and(target: Words, i: int, source: Words, j: int) -> None:
    """target[i] &= source[j]."""
    for w in range(8):
        target[i, w] &= source[j, w]


def plain_and_not(target: Words, i: int, source: Words, j: int) -> None:
    """target[i] &= ~source[j]."""
    for w in range(8):
        target[i, w] &= ~source[j, w]


def plain_and_and(target: Words, i: int, a: Words, j: int, b: Words, k: int) -> None:
    """target[i] &= a[j] & b[k]."""
    for w in range(8):
        target[i, w] &= a[j, w] & b[k, w]


def plain_and_either(target: Words, i: int, a: Words, j: int, b: Words, k: int) -> None:
    """target[i] &= a[j] | b[k]."""
    for w in range(8):
        target[i, w] &= a[j, w] | b[k, w]


def plain_or_and(target: Words, i: int, a: Words, j: int, b: Words, k: int) -> None:
    """target[i] |= a[j] & b[k]."""
    for w in range(8):
        target[i, w] |= a[j, w] & b[k, w]


def plain_or_and_and(target: Words, i: int, a: Words, j: int, b: Words, k: int, c: Words, m: int) -> None:
    """target[i] |= a[j] & b[k] & c[m]."""
    for w in range(8):
        target[i, w] |= a[j, w] & b[k, w] & c[m, w]


def plain_push(target: Words, i: int, a: Words, j: int, b: Words, k: int, c: Words, m: int) -> bool:
    """target[i] |= a[j] & b[k] & c[m]; return whether any bit is new."""
    new = ZERO
    for w in range(8):
        gain = a[j, w] & b[k, w] & c[m, w] & ~target[i, w]
        target[i, w] |= gain
        new |= gain
    return bool(new != ZERO)


def plain_shrink(target: Words, i: int, source: Words, j: int) -> bool:
    """target[i] &= source[j]; return whether any bit went."""
    gone = ZERO
    for w in range(8):
        gone |= target[i, w] & ~source[j, w]
        target[i, w] &= source[j, w]
    return bool(gone != ZERO)


def plain_shrink_or(target: Words, i: int, a: Words, j: int, b: Words, k: int) -> bool:
    """target[i] &= a[j] | b[k]; return whether any bit went."""
    gone = ZERO
    for w in range(8):
        keep = a[j, w] | b[k, w]
        gone |= target[i, w] & ~keep
        target[i, w] &= keep
    return bool(gone != ZERO)


def plain_any(source: Words, i: int) -> bool:
    """Return whether any bit of source[i] is set."""
    found = ZERO
    for w in range(8):
        found |= source[i, w]
    return bool(found != ZERO)


def plain_decide(result: Words, i: int, undecided: Words, j: int, plane: Words, k: int, bit: np.uint64) -> None:
    """One bit plane of the comparison U < p: lanes where U's bit differs from p's bit are decided.

    `bit` is all ones where the plane's bit of p is set, else zero. Compiled, four planes are compared at once, see
    :mod:`resilience.kernels.comparison`.
    """
    for w in range(8):
        open_lanes = undecided[j, w]
        result[i, w] |= bit & open_lanes & ~plane[k, w]
        undecided[j, w] = open_lanes & ~(plane[k, w] ^ bit)


def plain_count(source: Words, i: int) -> int:
    """Return the number of set bits of source[i]."""
    total = 0
    for w in range(8):
        x = source[i, w]
        while x != ZERO:
            x &= x - ONE
            total += 1
    return total


def plain_add(lanes: NDArray[np.int64], source: Words, i: int, weight: int) -> None:
    """lanes[s] += weight where bit s of source[i] is set; lanes: (512,) int64."""
    for w in range(8):
        x = source[i, w]
        for s in range(64):
            if (x >> np.uint64(s)) & ONE:
                lanes[w * 64 + s] += weight


def plain_dot(lanes: NDArray[np.int64], source: Words, i: int) -> int:
    """Return the sum of lanes[s] over the set bits s of source[i]; lanes: (512,) int64."""
    total = 0
    for w in range(8):
        x = source[i, w]
        for s in range(64):
            if (x >> np.uint64(s)) & ONE:
                total += lanes[w * 64 + s]
    return total


def plain_prefetch(source: Words, i: int) -> None:
    """Hint that source[i] is read soon; no effect on the result."""


def _require_contiguous(*arrays: Any) -> None:
    for array in arrays:
        if getattr(array, "layout", "C") != "C":
            raise TypingError(f"rows must lie one behind the other (layout C), not {array}")


def _row(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [builder.mul(index, ir.Constant(_I64, WORDS))]), _ROW.as_pointer())


def _load(builder: Any, pointer: Any) -> Any:
    value = builder.load(pointer)
    value.align = 8
    return value


def _store(builder: Any, value: Any, pointer: Any) -> None:
    builder.store(value, pointer).align = 8


def _any(builder: Any, value: Any) -> Any:
    reduce_or = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_I64, [_ROW]), "llvm.vector.reduce.or.v8i64"
    )
    return builder.icmp_unsigned("!=", builder.call(reduce_or, [value]), ir.Constant(_I64, 0))


def _inverse(builder: Any, value: Any) -> Any:
    return builder.xor(value, ir.Constant(_ROW, [-1] * WORDS))


def _operands(context: Any, builder: Any, signature: Any, args: Any, n: int) -> tuple[Any, list[Any]]:
    pointers = [
        _row(context, builder, signature.args[2 * position], args[2 * position], args[2 * position + 1])
        for position in range(n)
    ]
    return pointers[0], [_load(builder, pointer) for pointer in pointers]


def _two(new_value: Callable[..., Any]) -> Any:
    @intrinsic
    def operation(typing: Any, target: Any, i: Any, source: Any, j: Any) -> Any:
        _require_contiguous(target, source)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, values = _operands(context, builder, signature, args, 2)
            _store(builder, new_value(builder, *values), pointer)
            return context.get_dummy_value()

        return types.void(target, types.int64, source, types.int64), generate

    return operation


def _three(new_value: Callable[..., Any]) -> Any:
    @intrinsic
    def operation(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any) -> Any:
        _require_contiguous(target, a, b)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, values = _operands(context, builder, signature, args, 3)
            _store(builder, new_value(builder, *values), pointer)
            return context.get_dummy_value()

        return types.void(target, types.int64, a, types.int64, b, types.int64), generate

    return operation


def _four(new_value: Callable[..., Any]) -> Any:
    @intrinsic
    def operation(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any, c: Any, m: Any) -> Any:
        _require_contiguous(target, a, b, c)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, values = _operands(context, builder, signature, args, 4)
            _store(builder, new_value(builder, *values), pointer)
            return context.get_dummy_value()

        return types.void(target, types.int64, a, types.int64, b, types.int64, c, types.int64), generate

    return operation


vector_copy = _two(lambda b, t, s: s)
vector_copy_not = _two(lambda b, t, s: _inverse(b, s))
vector_or = _two(lambda b, t, s: b.or_(t, s))
vector_and = _two(lambda b, t, s: b.and_(t, s))
vector_and_not = _two(lambda b, t, s: b.and_(t, _inverse(b, s)))
vector_and_and = _three(lambda b, t, x, y: b.and_(t, b.and_(x, y)))
vector_and_either = _three(lambda b, t, x, y: b.and_(t, b.or_(x, y)))
vector_or_and = _three(lambda b, t, x, y: b.or_(t, b.and_(x, y)))
vector_or_and_and = _four(lambda b, t, x, y, z: b.or_(t, b.and_(b.and_(x, y), z)))


@intrinsic
def vector_push(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any, c: Any, m: Any) -> Any:
    """Vector body of :func:`plain_push`."""
    _require_contiguous(target, a, b, c)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, x, y, z) = _operands(context, builder, signature, args, 4)
        gain = builder.and_(builder.and_(builder.and_(x, y), z), _inverse(builder, old))
        _store(builder, builder.or_(old, gain), pointer)
        return _any(builder, gain)

    return types.boolean(target, types.int64, a, types.int64, b, types.int64, c, types.int64), generate


@intrinsic
def vector_shrink(typing: Any, target: Any, i: Any, source: Any, j: Any) -> Any:
    """Vector body of :func:`plain_shrink`."""
    _require_contiguous(target, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, keep) = _operands(context, builder, signature, args, 2)
        new = builder.and_(old, keep)
        _store(builder, new, pointer)
        return _any(builder, builder.xor(old, new))

    return types.boolean(target, types.int64, source, types.int64), generate


@intrinsic
def vector_shrink_or(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any) -> Any:
    """Vector body of :func:`plain_shrink_or`."""
    _require_contiguous(target, a, b)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, x, y) = _operands(context, builder, signature, args, 3)
        new = builder.and_(old, builder.or_(x, y))
        _store(builder, new, pointer)
        return _any(builder, builder.xor(old, new))

    return types.boolean(target, types.int64, a, types.int64, b, types.int64), generate


@intrinsic
def vector_any(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_any`."""
    _require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _any(builder, _load(builder, _row(context, builder, signature.args[0], args[0], args[1])))

    return types.boolean(source, types.int64), generate


def _splat(builder: Any, value: Any, kind: Any, lanes: int) -> Any:
    vector = ir.VectorType(kind, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_I32, 0))
    zeros = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def vector_count(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_count`."""
    _require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = _load(builder, _row(context, builder, signature.args[0], args[0], args[1]))
        ones = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_ROW, [_ROW]), "llvm.ctpop.v8i64")
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_I64, [_ROW]), "llvm.vector.reduce.add.v8i64"
        )
        return builder.call(add, [builder.call(ones, [row])])

    return types.int64(source, types.int64), generate


def _lane_pointers(context: Any, builder: Any, kinds: Any, args: Any, word: int) -> tuple[Any, Any]:
    """Return the pointer to 64 int64 lanes and the 64 bits of one word as a mask."""
    lanes = context.make_array(kinds[0])(context, builder, value=args[0]).data
    words = context.make_array(kinds[1])(context, builder, value=args[1]).data
    offset = builder.add(builder.mul(args[2], ir.Constant(_I64, WORDS)), ir.Constant(_I64, word))
    mask = builder.bitcast(builder.load(builder.gep(words, [offset])), ir.VectorType(ir.IntType(1), 64))
    pointer = builder.bitcast(builder.gep(lanes, [ir.Constant(_I64, 64 * word)]), ir.VectorType(_I64, 64).as_pointer())
    return pointer, mask


@intrinsic
def vector_add(typing: Any, lanes: Any, source: Any, i: Any, weight: Any) -> Any:
    """Vector body of :func:`plain_add`."""
    _require_contiguous(lanes, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        weights = _splat(builder, args[3], _I64, 64)
        zero = ir.Constant(ir.VectorType(_I64, 64), [0] * 64)
        for word in range(WORDS):
            pointer, mask = _lane_pointers(context, builder, signature.args, args, word)
            _store(builder, builder.add(_load(builder, pointer), builder.select(mask, weights, zero)), pointer)
        return context.get_dummy_value()

    return types.void(lanes, source, types.int64, types.int64), generate


@intrinsic
def vector_dot(typing: Any, lanes: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_dot`."""
    _require_contiguous(lanes, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_I64, 64)
        zero = ir.Constant(vector, [0] * 64)
        total = zero
        for word in range(WORDS):
            pointer, mask = _lane_pointers(context, builder, signature.args, args, word)
            total = builder.add(total, builder.select(mask, _load(builder, pointer), zero))
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_I64, [vector]), "llvm.vector.reduce.add.v64i64"
        )
        return builder.call(add, [total])

    return types.int64(lanes, source, types.int64), generate


@intrinsic
def vector_prefetch(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_prefetch`."""
    _require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        pointer = builder.bitcast(_row(context, builder, signature.args[0], args[0], args[1]), byte)
        prefetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32]), "llvm.prefetch.p0"
        )
        builder.call(prefetch, [pointer, ir.Constant(_I32, 0), ir.Constant(_I32, 3), ir.Constant(_I32, 1)])
        return context.get_dummy_value()

    return types.void(source, types.int64), generate


copy_row = plain_copy if INTERPRETED else vector_copy
copy_not_row = plain_copy_not if INTERPRETED else vector_copy_not
or_row = plain_or if INTERPRETED else vector_or
and_row = plain_and if INTERPRETED else vector_and
and_not_row = plain_and_not if INTERPRETED else vector_and_not
and_and_row = plain_and_and if INTERPRETED else vector_and_and
and_either_row = plain_and_either if INTERPRETED else vector_and_either
or_and_row = plain_or_and if INTERPRETED else vector_or_and
or_and_and_row = plain_or_and_and if INTERPRETED else vector_or_and_and
push_row = plain_push if INTERPRETED else vector_push
shrink_row = plain_shrink if INTERPRETED else vector_shrink
shrink_or_row = plain_shrink_or if INTERPRETED else vector_shrink_or
any_row = plain_any if INTERPRETED else vector_any
count_row = plain_count if INTERPRETED else vector_count
add_lanes = plain_add if INTERPRETED else vector_add
dot_lanes = plain_dot if INTERPRETED else vector_dot
prefetch_row = plain_prefetch if INTERPRETED else vector_prefetch


@inlined
def fill_row(target: Words, i: int, value: np.uint64) -> None:
    """target[i] = value in every word."""
    for w in range(8):
        target[i, w] = value
