"""The first eight bit planes of the comparison U < p, drawn and compared in registers.

Random numbers never reach memory: the four Philox calls of each word leave eight planes of 512 lanes, which are
compared with the eight most significant bits of p, the least significant plane first: where a plane differs from p, p
decides, and else the planes after it. Most of the first two rounds of Philox does not depend on the word, or not on the
plane, and is computed once. The whole sampler takes 0.75 times as long as with planes written out and compared four at
a time.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.llvm import I32, I64, inverse, require_contiguous, row_at, splat, store
from resilience.kernels.philox import KEY_STEPS, MULTIPLIERS, ROUNDS, philox
from resilience.kernels.rows import ONE, ONES, WORDS, ZERO, Words, plain_decide

PAIRS = 4
"""Philox calls per word: each gives an even and an odd plane."""

_SHIFT = np.uint64(32)


def plain_decide_eight(
    result: Words,
    i: int,
    undecided: Words,
    j: int,
    low: np.uint64,
    high: np.uint64,
    word: np.uint64,
    bits: np.uint64,
    k0: np.uint64,
    k1: np.uint64,
) -> int:
    """Write the lanes of eight words where U is below p by its first eight bits; return which words leave any open.

    Counters are (low, high, word + 0 .. 7, pair) under key (k0, k1). `bits` holds the first eight bits of p. Lanes
    where U's bits are below p's are set in ``result[i]``, those where they are equal in ``undecided[j]``; all others
    are cleared. Bit w of what is returned is set where ``undecided[j, w]`` is not 0.
    """
    planes = np.empty((2, 8), np.uint64)
    result[i, :] = ZERO
    undecided[j, :] = ONES
    for pair in range(PAIRS):
        for w in range(8):
            x0, x1, x2, x3 = philox(low, high, word + np.uint64(w), np.uint64(pair), k0, k1)
            planes[0, w] = x0 | (x1 << _SHIFT)
            planes[1, w] = x2 | (x3 << _SHIFT)
        for plane in range(2):
            bit = ONES * ((bits >> np.uint64(7 - 2 * pair - plane)) & ONE)
            plain_decide(result, i, undecided, j, planes, plane, bit)
    open_words = 0
    for w in range(8):
        open_words |= int(undecided[j, w] != ZERO) << w
    return open_words


class _Lanes:
    """Instructions on values that are one 64-bit number for all words, or eight numbers; mixed, they become eight."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def constant(self, value: int, like: Any) -> Any:
        kind = like.type
        return ir.Constant(kind, [value] * WORDS if isinstance(kind, ir.VectorType) else value)

    def wide(self, value: Any) -> Any:
        return value if isinstance(value.type, ir.VectorType) else splat(self.builder, value, I64, WORDS)

    def xor(self, *values: Any) -> Any:
        """Numbers that are the same for all words are joined first."""
        total = None
        for value in sorted(values, key=lambda value: isinstance(value.type, ir.VectorType)):
            if total is None:
                total = value
            elif total.type == value.type:
                total = self.builder.xor(total, value)
            else:
                total = self.builder.xor(self.wide(total), value)
        return total

    def low_half(self, value: Any) -> Any:
        return self.builder.and_(value, self.constant(0xFFFFFFFF, value))

    def high_half(self, value: Any) -> Any:
        return self.builder.lshr(value, self.constant(32, value))

    def multiply(self, factor: int, value: Any) -> Any:
        return self.builder.mul(self.low_half(value), self.constant(factor, value))

    def plane(self, low: Any, high: Any) -> Any:
        """The words whose halves are the low halves of these; a shift would be made another multiplication."""
        halves = ir.VectorType(I32, 2 * WORDS)
        order = [x for word in range(WORDS) for x in (2 * word, 2 * (WORDS + word))]
        low, high = (self.builder.bitcast(value, halves) for value in (low, high))
        both = self.builder.shuffle_vector(low, high, ir.Constant(ir.VectorType(I32, 2 * WORDS), order))
        return self.builder.bitcast(both, ir.VectorType(I64, WORDS))

    def philox(self, counters: list[tuple[Any, Any, Any, Any]], keys: list[tuple[Any, Any]]) -> list[Any]:
        """As :func:`resilience.kernels.philox.philox` for several counters, with rubbish in the high halves.

        Round by round, not counter by counter: each round waits for the one before, and only other counters can fill
        the gap.
        """
        for k0, k1 in keys:
            for number, (c0, c1, c2, c3) in enumerate(counters):
                a = self.multiply(MULTIPLIERS[0], c0)
                b = self.multiply(MULTIPLIERS[1], c2)
                counters[number] = self.xor(self.high_half(b), c1, k0), b, self.xor(self.high_half(a), c3, k1), a
        return counters


@intrinsic
def vector_decide_eight(
    typing: Any,
    result: Any,
    i: Any,
    undecided: Any,
    j: Any,
    low: Any,
    high: Any,
    word: Any,
    bits: Any,
    k0: Any,
    k1: Any,
) -> Any:
    """Vector body of :func:`plain_decide_eight`."""
    require_contiguous(result, undecided)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        low, high, word, bits, k0, k1 = args[4:]
        lanes = _Lanes(builder)
        keys = []
        for _ in range(ROUNDS):
            keys.append((k0, k1))
            k0, k1 = (
                lanes.low_half(builder.add(k, ir.Constant(I64, s))) for k, s in zip((k0, k1), KEY_STEPS, strict=True)
            )
        words = builder.add(lanes.wide(word), ir.Constant(ir.VectorType(I64, WORDS), list(range(WORDS))))
        lower = ir.Constant(words.type, [0] * WORDS)
        differs = []
        drawn = lanes.philox([(low, high, words, ir.Constant(I64, pair)) for pair in range(PAIRS)], keys)
        for pair, (x0, x1, x2, x3) in reversed(list(enumerate(drawn))):
            for number, plane in ((2 * pair + 1, lanes.plane(x2, x3)), (2 * pair, lanes.plane(x0, x1))):
                one = builder.and_(builder.lshr(bits, ir.Constant(I64, 7 - number)), ir.Constant(I64, 1))
                bit = lanes.wide(builder.neg(one))
                differ = builder.xor(plane, bit)
                lower = builder.or_(builder.and_(differ, bit), builder.and_(inverse(builder, differ), lower))
                differs.append(differ)
        still = inverse(builder, reduce(builder.or_, differs))
        store(builder, lower, row_at(context, builder, kinds[0], args[0], args[1]))
        store(builder, still, row_at(context, builder, kinds[2], args[2], args[3]))
        open_words = builder.icmp_unsigned("!=", still, ir.Constant(still.type, [0] * WORDS))
        return builder.zext(builder.bitcast(open_words, ir.IntType(WORDS)), I64)

    number = types.uint64
    return (
        types.int64(result, types.int64, undecided, types.int64, number, number, number, number, number, number),
        generate,
    )


decide_eight = plain_decide_eight if INTERPRETED else vector_decide_eight
