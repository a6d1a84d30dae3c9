"""Where a need is met: at least `required` of its providers are up, or its buffer holds.

As in :mod:`resilience.kernels.rows`, a plain body and a vector body of one meaning. The vector body is one instruction
sequence from the need's number to the answer: in a compiled function of its own, the compiler counts references to
every array at every need, which takes longer than the need.
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
from resilience.kernels.llvm import (
    I64,
    ROW,
    ask_ahead,
    inverse,
    load,
    place_at,
    require_contiguous,
    row_at,
    splat,
    store,
)
from resilience.kernels.rows import ONES, WORDS, ZERO, Words

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]
# Providers up to which those that are up are counted without loops.
FEW = 4


def plain_meet(
    need: int,
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    up: Words,
    tally: Words,
) -> None:
    """Write into tally[0] where `need` is met.

    Bit-sliced count of providers, saturating at `required`: tally[j] is where j of them are up. `tally` has at least
    ``required + 1`` rows, all void afterwards but the first. k = 1 is OR, k = n is AND, and k > n is never met.
    """
    k = required[need]
    for w in range(8):
        tally[0, w] = ONES
        for j in range(1, k + 1):
            tally[j, w] = ZERO
        for x in range(provider_indptr[need], provider_indptr[need + 1]):
            for j in range(k, 0, -1):
                tally[j, w] |= tally[j - 1, w] & up[provider[x], w]
        tally[0, w] = tally[k, w]
        if buffer_row[need] >= 0:
            tally[0, w] |= buffered[buffer_row[need], w]


class _Providers:
    """What the vector bodies share: the providers of one need, and how many of them are required."""

    def __init__(self, context: Any, builder: Any, kinds: Any, args: Any) -> None:
        self.context, self.builder = context, builder
        self.kinds, self.args = kinds, args
        self.first = self.value(1, args[0])
        self.count = builder.sub(self.value(1, builder.add(args[0], self.number(1))), self.first)
        self.required = self.value(3, args[0])

    def number(self, value: int) -> Any:
        return ir.Constant(I64, value)

    def value(self, operand: int, index: Any) -> Any:
        return place_at(self.context, self.builder, self.kinds[operand], self.args[operand], index)

    def row(self, operand: int, index: Any) -> Any:
        return row_at(self.context, self.builder, self.kinds[operand], self.args[operand], index)

    def up(self, index: Any) -> Any:
        return load(self.builder, self.row(6, self.value(2, index)))

    def ask_ahead(self, index: Any) -> None:
        ask_ahead(self.context, self.builder, self.kinds[6], self.args[6], self.kinds[2], self.args[2], index)

    def mask(self, condition: Any) -> Any:
        return splat(self.builder, self.builder.sext(condition, I64), I64, WORDS)

    def sorted_few(self) -> Any:
        """Return where enough of at most four are up: rows sorted bit by bit, whatever the two numbers are.

        Nothing is guessed by the processor: its wrong guesses about short lists cost more than a row too many.
        """
        builder = self.builder

        def entry(t: int) -> Any:
            there = builder.icmp_signed("<", self.number(t), self.count)
            index = builder.select(there, builder.add(self.first, self.number(t)), self.first)
            return builder.and_(self.up(index), self.mask(there))

        a, b, c, d = (entry(t) for t in range(FEW))
        self.ask_ahead(self.first)
        a, b = builder.or_(a, b), builder.and_(a, b)
        c, d = builder.or_(c, d), builder.and_(c, d)
        a, c = builder.or_(a, c), builder.and_(a, c)
        b, d = builder.or_(b, d), builder.and_(b, d)
        b, c = builder.or_(b, c), builder.and_(b, c)
        chosen = d
        for place, row in ((3, c), (2, b), (1, a)):
            taken = self.mask(builder.icmp_signed("<=", self.required, self.number(place)))
            chosen = builder.or_(builder.and_(row, taken), builder.and_(chosen, inverse(builder, taken)))
        return chosen

    def fold(self, join: str, start: int) -> Any:
        """Return all providers' rows joined."""
        builder = self.builder
        total = cgutils.alloca_once_value(builder, ir.Constant(ROW, [start] * WORDS))
        with cgutils.for_range(builder, self.count, intp=I64) as loop:
            index = builder.add(self.first, loop.index)
            self.ask_ahead(index)
            builder.store(getattr(builder, join)(builder.load(total), self.up(index)), total)
        return builder.load(total)

    def counted(self) -> Any:
        """Return where enough of many are up."""
        builder = self.builder
        store(builder, ir.Constant(ROW, [-1] * WORDS), self.row(7, self.number(0)))
        with cgutils.for_range(builder, self.required, intp=I64) as loop:
            row = self.row(7, builder.add(loop.index, self.number(1)))
            store(builder, ir.Constant(ROW, [0] * WORDS), row)
        with cgutils.for_range(builder, self.count, intp=I64) as outer:
            index = builder.add(self.first, outer.index)
            self.ask_ahead(index)
            up = self.up(index)
            with cgutils.for_range(builder, self.required, intp=I64) as inner:
                j = builder.sub(self.required, inner.index)
                more, fewer = self.row(7, j), self.row(7, builder.sub(j, self.number(1)))
                store(builder, builder.or_(load(builder, more), builder.and_(load(builder, fewer), up)), more)
        return load(builder, self.row(7, self.required))


@intrinsic
def vector_meet(
    typing: Any,
    need: Any,
    provider_indptr: Any,
    provider: Any,
    required: Any,
    buffer_row: Any,
    buffered: Any,
    up: Any,
    tally: Any,
) -> Any:
    """Vector body of :func:`plain_meet`."""
    require_contiguous(provider_indptr, provider, required, buffer_row, buffered, up, tally)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        of = _Providers(context, builder, signature.args, args)
        met = cgutils.alloca_once(builder, ROW)
        possible = builder.icmp_signed("<=", of.required, of.count)
        positive = builder.icmp_signed(">", of.required, of.number(0))
        few = builder.icmp_signed("<=", of.count, of.number(FEW))
        with builder.if_else(builder.and_(builder.and_(possible, positive), few)) as (short, long):
            with short:
                builder.store(of.sorted_few(), met)
            with long, builder.if_else(builder.icmp_signed("==", of.required, of.number(1))) as (one, more):
                with one:
                    builder.store(of.fold("or_", 0), met)
                with more, builder.if_else(builder.icmp_signed("==", of.required, of.count)) as (every, some):
                    with every:
                        builder.store(of.fold("and_", -1), met)
                    with some:
                        builder.store(of.counted(), met)
        held = of.value(4, args[0])
        with builder.if_then(builder.icmp_signed(">=", held, of.number(0))):
            builder.store(builder.or_(builder.load(met), load(builder, of.row(5, held))), met)
        store(builder, builder.load(met), of.row(7, of.number(0)))
        return context.get_dummy_value()

    signature = types.void(
        types.int64, provider_indptr, provider, required, buffer_row, buffered, up, tally
    )  # fmt: skip
    return signature, generate


meet_need = plain_meet if INTERPRETED else vector_meet
