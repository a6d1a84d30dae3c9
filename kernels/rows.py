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
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED, inlined
from resilience.kernels.llvm import (
    I64,
    ROW,
    any_bit,
    inverse,
    load,
    prefetch_at,
    require_contiguous,
    row_at,
    store,
)

Words = NDArray[np.uint64]

WORDS = 8
SAMPLES = 512
ZERO = np.uint64(0)
ONE = np.uint64(1)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


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


def plain_prefetch(source: Words, i: int) -> None:
    """Hint that source[i] is read soon; no effect on the result."""


def _operands(context: Any, builder: Any, signature: Any, args: Any, n: int) -> tuple[Any, list[Any]]:
    pointers = [
        row_at(context, builder, signature.args[2 * position], args[2 * position], args[2 * position + 1])
        for position in range(n)
    ]
    return pointers[0], [load(builder, pointer) for pointer in pointers]


def _two(new_value: Callable[..., Any]) -> Any:
    @intrinsic
    def operation(typing: Any, target: Any, i: Any, source: Any, j: Any) -> Any:
        require_contiguous(target, source)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, values = _operands(context, builder, signature, args, 2)
            store(builder, new_value(builder, *values), pointer)
            return context.get_dummy_value()

        return types.void(target, types.int64, source, types.int64), generate

    return operation


def _three(new_value: Callable[..., Any]) -> Any:
    @intrinsic
    def operation(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any) -> Any:
        require_contiguous(target, a, b)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, values = _operands(context, builder, signature, args, 3)
            store(builder, new_value(builder, *values), pointer)
            return context.get_dummy_value()

        return types.void(target, types.int64, a, types.int64, b, types.int64), generate

    return operation


vector_copy = _two(lambda b, t, s: s)
vector_copy_not = _two(lambda b, t, s: inverse(b, s))
vector_or = _two(lambda b, t, s: b.or_(t, s))
vector_and = _two(lambda b, t, s: b.and_(t, s))
vector_and_not = _two(lambda b, t, s: b.and_(t, inverse(b, s)))
vector_and_and = _three(lambda b, t, x, y: b.and_(t, b.and_(x, y)))
vector_and_either = _three(lambda b, t, x, y: b.and_(t, b.or_(x, y)))
vector_or_and = _three(lambda b, t, x, y: b.or_(t, b.and_(x, y)))


@intrinsic
def vector_push(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any, c: Any, m: Any) -> Any:
    """Vector body of :func:`plain_push`."""
    require_contiguous(target, a, b, c)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, x, y, z) = _operands(context, builder, signature, args, 4)
        gain = builder.and_(builder.and_(builder.and_(x, y), z), inverse(builder, old))
        store(builder, builder.or_(old, gain), pointer)
        return any_bit(builder, gain)

    return types.boolean(target, types.int64, a, types.int64, b, types.int64, c, types.int64), generate


@intrinsic
def vector_shrink(typing: Any, target: Any, i: Any, source: Any, j: Any) -> Any:
    """Vector body of :func:`plain_shrink`."""
    require_contiguous(target, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, keep) = _operands(context, builder, signature, args, 2)
        new = builder.and_(old, keep)
        store(builder, new, pointer)
        return any_bit(builder, builder.xor(old, new))

    return types.boolean(target, types.int64, source, types.int64), generate


@intrinsic
def vector_shrink_or(typing: Any, target: Any, i: Any, a: Any, j: Any, b: Any, k: Any) -> Any:
    """Vector body of :func:`plain_shrink_or`."""
    require_contiguous(target, a, b)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, (old, x, y) = _operands(context, builder, signature, args, 3)
        new = builder.and_(old, builder.or_(x, y))
        store(builder, new, pointer)
        return any_bit(builder, builder.xor(old, new))

    return types.boolean(target, types.int64, a, types.int64, b, types.int64), generate


@intrinsic
def vector_any(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_any`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return any_bit(builder, load(builder, row_at(context, builder, signature.args[0], args[0], args[1])))

    return types.boolean(source, types.int64), generate


@intrinsic
def vector_count(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_count`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = load(builder, row_at(context, builder, signature.args[0], args[0], args[1]))
        ones = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ROW, [ROW]), "llvm.ctpop.v8i64")
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(I64, [ROW]), "llvm.vector.reduce.add.v8i64"
        )
        return builder.call(add, [builder.call(ones, [row])])

    return types.int64(source, types.int64), generate


@intrinsic
def vector_prefetch(typing: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_prefetch`."""
    require_contiguous(source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        prefetch_at(builder, row_at(context, builder, signature.args[0], args[0], args[1]))
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
push_row = plain_push if INTERPRETED else vector_push
shrink_row = plain_shrink if INTERPRETED else vector_shrink
shrink_or_row = plain_shrink_or if INTERPRETED else vector_shrink_or
any_row = plain_any if INTERPRETED else vector_any
count_row = plain_count if INTERPRETED else vector_count
prefetch_row = plain_prefetch if INTERPRETED else vector_prefetch


@inlined
def fill_row(target: Words, i: int, value: np.uint64) -> None:
    """target[i] = value in every word."""
    for w in range(8):
        target[i, w] = value
