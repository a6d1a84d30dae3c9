"""Weights added up per sample, eight rows at a time.

512 lanes of 32 bits and eight weights fit into the vector registers, so that a lane is loaded and stored once for eight
rows: a fifth of the time of adding row by row to 64-bit lanes in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.rows import WORDS, Words, _require_contiguous, _splat

Lanes = NDArray[np.uint32]
TOGETHER = 8

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_AT_ONCE = 64


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
    _require_contiguous(lanes, bits, weight)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        sums, words, weights = (
            context.make_array(kinds[place])(context, builder, value=args[place]).data for place in (0, 1, 3)
        )
        vector = ir.VectorType(_I32, _AT_ONCE)
        zero = ir.Constant(vector, [0] * _AT_ONCE)
        spread = [
            _splat(builder, builder.load(builder.gep(weights, [ir.Constant(_I64, r)])), _I32, _AT_ONCE)
            for r in range(TOGETHER)
        ]
        for word in range(WORDS):
            pointer = builder.bitcast(builder.gep(sums, [ir.Constant(_I64, 64 * word)]), vector.as_pointer())
            total = builder.load(pointer)
            total.align = 4
            for r in range(TOGETHER):
                row = builder.add(args[2], ir.Constant(_I64, r))
                offset = builder.add(builder.mul(row, ir.Constant(_I64, WORDS)), ir.Constant(_I64, word))
                mask = builder.bitcast(builder.load(builder.gep(words, [offset])), ir.VectorType(ir.IntType(1), 64))
                total = builder.add(total, builder.select(mask, spread[r], zero))
            builder.store(total, pointer).align = 4
        return context.get_dummy_value()

    return types.void(lanes, bits, types.int64, weight), generate


add_eight = plain_add_eight if INTERPRETED else vector_add_eight
