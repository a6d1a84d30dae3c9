"""Four bit planes of the comparison U < p at once, with all 512 lanes held in registers.

Plane after plane through memory waits for the store of the plane before: 98 ns per asset, where four at once take 89.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.rows import ONE, ONES, _any, _inverse, _load, _row, _splat, _store, plain_any, plain_decide

Words = NDArray[np.uint64]

PLANE_ORDER = (0, 2, 1, 3)
"""Rows in which two Philox calls per word leave planes one to four: each call gives an even and an odd plane."""

_I64 = ir.IntType(64)


def plain_decide_four(result: Words, i: int, undecided: Words, j: int, planes: Words, bits: np.uint64) -> bool:
    """Compare four planes of U with four bits of p; return whether any lane is still undecided.

    `bits` holds the four bits of p, the most significant one first; lanes where U's bit is below p's are set in
    ``result[i]``, lanes where they differ leave ``undecided[j]``.
    """
    for plane, row in enumerate(PLANE_ORDER):
        bit = ONES * ((bits >> np.uint64(3 - plane)) & ONE)
        plain_decide(result, i, undecided, j, planes, row, bit)
    return plain_any(undecided, j)


@intrinsic
def vector_decide_four(typing: Any, result: Any, i: Any, undecided: Any, j: Any, planes: Any, bits: Any) -> Any:
    """Vector body of :func:`plain_decide_four`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        to_result = _row(context, builder, kinds[0], args[0], args[1])
        to_open = _row(context, builder, kinds[2], args[2], args[3])
        lower, open_lanes = _load(builder, to_result), _load(builder, to_open)
        for plane, row in enumerate(PLANE_ORDER):
            values = _load(builder, _row(context, builder, kinds[4], args[4], ir.Constant(_I64, row)))
            one = builder.and_(builder.lshr(args[5], ir.Constant(_I64, 3 - plane)), ir.Constant(_I64, 1))
            bit = _splat(builder, builder.neg(one), _I64, 8)
            lower = builder.or_(lower, builder.and_(builder.and_(bit, open_lanes), _inverse(builder, values)))
            open_lanes = builder.and_(open_lanes, _inverse(builder, builder.xor(values, bit)))
        _store(builder, lower, to_result)
        _store(builder, open_lanes, to_open)
        return _any(builder, open_lanes)

    return types.boolean(result, types.int64, undecided, types.int64, planes, types.uint64), generate


decide_four = plain_decide_four if INTERPRETED else vector_decide_four
