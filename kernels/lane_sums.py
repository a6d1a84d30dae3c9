"""Weights added up per sample and over samples, of one row or of eight at a time.

512 lanes of 32 bits and eight weights fit into the vector registers, so that a lane is loaded and stored once for eight
rows: a fifth of the time of adding row by row to 64-bit lanes in memory.
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
from resilience.kernels.llvm import I32, I64, load, require_contiguous, splat, store
from resilience.kernels.rows import ONE, WORDS, Words

Lanes = NDArray[np.uint32]
TOGETHER = 8

_AT_ONCE = 64


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


def plain_add_eight(lanes: Lanes, bits: Words, first: int, weight: Lanes) -> None:
    """lanes[s] += the sum of weight[r] over r below 8 with bit s of bits[first + r] set; lanes: (512,) uint32."""
    for r in range(8):
        for w in range(8):
            for s in range(64):
                if (bits[first + r, w] >> np.uint64(s)) & np.uint64(1):
                    lanes[w * 64 + s] += weight[r]


@intrinsic
def vector_add_eight(typing: Any, lanes: Any, bits: Any, first: Any, weight: Any) -> Any:
    """Vector body of :func:`plain_add_eight`."""
    require_contiguous(lanes, bits, weight)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        sums, words, weights = (
            context.make_array(kinds[place])(context, builder, value=args[place]).data for place in (0, 1, 3)
        )
        vector = ir.VectorType(I32, _AT_ONCE)
        zero = ir.Constant(vector, [0] * _AT_ONCE)
        spread = [
            splat(builder, builder.load(builder.gep(weights, [ir.Constant(I64, r)])), I32, _AT_ONCE)
            for r in range(TOGETHER)
        ]
        for word in range(WORDS):
            pointer = builder.bitcast(builder.gep(sums, [ir.Constant(I64, 64 * word)]), vector.as_pointer())
            total = builder.load(pointer)
            total.align = 4
            for r in range(TOGETHER):
                row = builder.add(args[2], ir.Constant(I64, r))
                offset = builder.add(builder.mul(row, ir.Constant(I64, WORDS)), ir.Constant(I64, word))
                mask = builder.bitcast(builder.load(builder.gep(words, [offset])), ir.VectorType(ir.IntType(1), 64))
                total = builder.add(total, builder.select(mask, spread[r], zero))
            builder.store(total, pointer).align = 4
        return context.get_dummy_value()

    return types.void(lanes, bits, types.int64, weight), generate


def _lane_pointers(context: Any, builder: Any, kinds: Any, args: Any, word: int) -> tuple[Any, Any]:
    """Return the pointer to 64 int64 lanes and the 64 bits of one word as a mask."""
    lanes = context.make_array(kinds[0])(context, builder, value=args[0]).data
    words = context.make_array(kinds[1])(context, builder, value=args[1]).data
    offset = builder.add(builder.mul(args[2], ir.Constant(I64, WORDS)), ir.Constant(I64, word))
    mask = builder.bitcast(builder.load(builder.gep(words, [offset])), ir.VectorType(ir.IntType(1), 64))
    pointer = builder.bitcast(builder.gep(lanes, [ir.Constant(I64, 64 * word)]), ir.VectorType(I64, 64).as_pointer())
    return pointer, mask


@intrinsic
def vector_add(typing: Any, lanes: Any, source: Any, i: Any, weight: Any) -> Any:
    """Vector body of :func:`plain_add`."""
    require_contiguous(lanes, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        weights = splat(builder, args[3], I64, 64)
        zero = ir.Constant(ir.VectorType(I64, 64), [0] * 64)
        for word in range(WORDS):
            pointer, mask = _lane_pointers(context, builder, signature.args, args, word)
            store(builder, builder.add(load(builder, pointer), builder.select(mask, weights, zero)), pointer)
        return context.get_dummy_value()

    return types.void(lanes, source, types.int64, types.int64), generate


@intrinsic
def vector_dot(typing: Any, lanes: Any, source: Any, i: Any) -> Any:
    """Vector body of :func:`plain_dot`."""
    require_contiguous(lanes, source)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(I64, 64)
        zero = ir.Constant(vector, [0] * 64)
        total = zero
        for word in range(WORDS):
            pointer, mask = _lane_pointers(context, builder, signature.args, args, word)
            total = builder.add(total, builder.select(mask, load(builder, pointer), zero))
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(I64, [vector]), "llvm.vector.reduce.add.v64i64"
        )
        return builder.call(add, [total])

    return types.int64(lanes, source, types.int64), generate


add_lanes = plain_add if INTERPRETED else vector_add
dot_lanes = plain_dot if INTERPRETED else vector_dot
add_eight = plain_add_eight if INTERPRETED else vector_add_eight
