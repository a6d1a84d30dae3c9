"""Functional dependencies: an asset that needs a service falls with its providers, for 512 samples at once.

A *need* is met in a sample where at least `required` of its providers are up, or where its buffer holds. Needs are
stored per dependent (`need_indptr`), providers per need (`provider_indptr`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.need_rows import meet_need
from resilience.kernels.rows import Words, copy_row, shrink_row

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]


@kernel
def evaluate_needs(
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    needs: Indices,
    up: Words,
    met: Words,
) -> None:
    """Write where each of `needs` is met, given who is up.

    Parameters
    ----------
    provider_indptr : (n_need + 1,) int64
    provider : (n_dependency,) int32
    required : (n_need,) int32
    buffer_row : (n_need,) int32
        Row of `buffered`, or -1 without a buffer.
    buffered : (n_buffer, 8) uint64
        Bit set where the buffer holds.
    needs : (n,) int32
        The needs to evaluate.
    up : (n_asset, 8) uint64
    met : (n, 8) uint64
        Output.
    """
    most = 1
    for i in range(needs.size):
        most = max(most, required[needs[i]])
    tally = np.empty((most + 1, 8), np.uint64)
    for i in range(needs.size):
        meet_need(needs[i], provider_indptr, provider, required, buffer_row, buffered, up, tally)
        copy_row(met, i, tally, 0)


@kernel
def order_dependents(need_indptr: Integers, provider_indptr: Integers, provider: Indices, order: Indices) -> None:
    """Write the dependents in an order in which providers come first wherever dependencies have no loop.

    Parameters
    ----------
    need_indptr : (n_asset + 1,) int64
    provider_indptr, provider
        As in :func:`evaluate_needs`.
    order : (n_dependent,) int32
        Output: the assets that have needs.

    Notes
    -----
    Depth-first postorder, iterative; cost n + number of dependencies.
    """
    n = need_indptr.size - 1
    seen = np.zeros(n, np.uint8)
    stack = np.empty(n, np.int64)
    turn = np.empty(n, np.int64)
    placed = 0
    for start in range(n):
        if seen[start] or need_indptr[start] == need_indptr[start + 1]:
            continue
        depth = 1
        stack[0] = start
        turn[0] = provider_indptr[need_indptr[start]]
        seen[start] = 1
        while depth > 0:
            node = stack[depth - 1]
            if turn[depth - 1] < provider_indptr[need_indptr[node + 1]]:
                other = provider[turn[depth - 1]]
                turn[depth - 1] += 1
                if not seen[other] and need_indptr[other] < need_indptr[other + 1]:
                    seen[other] = 1
                    stack[depth] = other
                    turn[depth] = provider_indptr[need_indptr[other]]
                    depth += 1
            else:
                depth -= 1
                order[placed] = node
                placed += 1


@kernel
def propagate_failures(
    need_indptr: Integers,
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    dependent_indptr: Integers,
    dependent: Indices,
    order: Indices,
    up: Words,
    active: NDArray[np.uint8],
    changed: NDArray[np.uint8],
) -> None:
    """Shrink `up` to the greatest fixed point in which every need of what is up is met.

    Parameters
    ----------
    need_indptr : (n_asset + 1,) int64
        Needs of each asset.
    provider_indptr, provider, required, buffer_row, buffered
        As in :func:`evaluate_needs`.
    dependent_indptr : (n_asset + 1,) int64
    dependent : int32
        Assets that depend on each asset.
    order : int32
        From :func:`order_dependents`.
    up : (n_asset, 8) uint64
        In: what may be up. Out: the fixed point.
    active : (n_asset,) uint8
        In: 1 where a provider may have changed since the last call, so that the needs must be looked at.
        Out: all zero.
    changed : (n_asset,) uint8
        Set to 1 where a bit of `up` went; never cleared here.

    Notes
    -----
    One pass in order, then a worklist for feedback. The operator is monotone, so the result does not depend on order.
    """
    n = need_indptr.size - 1
    most = 1
    for i in range(required.size):
        most = max(most, required[i])
    tally = np.empty((most + 1, 8), np.uint64)
    rank = np.full(n, -1, np.int32)
    for i in range(order.size):
        rank[order[i]] = i
    capacity = 1
    while capacity < order.size + 1:
        capacity *= 2
    queue = np.empty(capacity, np.int32)
    head = 0
    tail = 0
    for i in range(order.size):
        asset = order[i]
        if not active[asset]:
            continue
        active[asset] = 0
        lost = False
        for need in range(need_indptr[asset], need_indptr[asset + 1]):
            meet_need(need, provider_indptr, provider, required, buffer_row, buffered, up, tally)
            lost |= shrink_row(up, asset, tally, 0)
        if lost:
            changed[asset] = 1
            for x in range(dependent_indptr[asset], dependent_indptr[asset + 1]):
                other = dependent[x]
                if active[other]:
                    continue
                active[other] = 1
                if rank[other] <= i:
                    queue[tail & (capacity - 1)] = other
                    tail += 1
    while head != tail:
        asset = queue[head & (capacity - 1)]
        head += 1
        active[asset] = 0
        lost = False
        for need in range(need_indptr[asset], need_indptr[asset + 1]):
            meet_need(need, provider_indptr, provider, required, buffer_row, buffered, up, tally)
            lost |= shrink_row(up, asset, tally, 0)
        if lost:
            changed[asset] = 1
            for x in range(dependent_indptr[asset], dependent_indptr[asset + 1]):
                other = dependent[x]
                if not active[other]:
                    active[other] = 1
                    queue[tail & (capacity - 1)] = other
                    tail += 1
