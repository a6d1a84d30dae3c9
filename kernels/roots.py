"""Where a loss began: root causes, followed through synchronous rounds, for 512 samples at once.

In round 0 an asset is down through the hazard; its root is its own category (sector and peril). In each later round an
asset goes down because a need is unmet or no source reaches it any more; its roots are those of the assets that were
down before and stood in the way: the down providers of the unmet need, the down assets at the border of the cut-off
island. Roots are one row per category and asset; several may be set, and ties are shared equally when counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.need_rows import meet_need
from resilience.kernels.rows import (
    ONES,
    ZERO,
    Words,
    and_not_row,
    and_row,
    any_row,
    copy_row,
    count_row,
    fill_row,
    or_and_row,
    or_row,
    push_row,
)

Integers = NDArray[np.int64]
Indices = NDArray[np.int32]
Flags = NDArray[np.uint8]

SHARES = 720720
"""Least common multiple of 1 to 16: a sample counts as this many shares, so that ties of up to 16 divide exactly."""


@kernel
def lose_needs(
    order: Indices,
    active: Flags,
    need_indptr: Integers,
    provider_indptr: Integers,
    provider: Indices,
    required: Indices,
    buffer_row: Indices,
    buffered: Words,
    up: Words,
    roots: NDArray[np.uint64],
    lost: Words,
) -> None:
    """Add to `lost` where a need of an asset is unmet given who is up, and hand down the roots of its down providers.

    Parameters
    ----------
    order : int32
        Assets with needs.
    active : (n_asset,) uint8
        1 where a provider changed in the last round.
    need_indptr, provider_indptr, provider, required, buffer_row, buffered
        The needs.
    up : (n_asset, 8) uint64
        State after the last round; not changed.
    roots : (n_category, n_asset, 8) uint64
        Changed in place.
    lost : (n_asset, 8) uint64
        Changed in place.
    """
    most = 1
    for i in range(required.size):
        most = max(most, required[i])
    tally = np.empty((most + 1, 8), np.uint64)
    lanes = np.empty((1, 8), np.uint64)
    down = np.empty((1, 8), np.uint64)
    for i in range(order.size):
        asset = order[i]
        if not active[asset]:
            continue
        for need in range(need_indptr[asset], need_indptr[asset + 1]):
            meet_need(need, provider_indptr, provider, required, buffer_row, buffered, up, tally)
            copy_row(lanes, 0, up, asset)
            and_not_row(lanes, 0, tally, 0)
            if not any_row(lanes, 0):
                continue
            or_row(lost, asset, lanes, 0)
            for x in range(provider_indptr[need], provider_indptr[need + 1]):
                copy_row(down, 0, lanes, 0)
                and_not_row(down, 0, up, provider[x])
                if any_row(down, 0):
                    for category in range(roots.shape[0]):
                        or_and_row(roots[category], asset, down, 0, roots[category], provider[x])


@kernel
def spread_roots(
    member: Indices,
    lost: Words,
    up: Words,
    inbound_indptr: Integers,
    inbound: Indices,
    outbound_indptr: Integers,
    outbound: Indices,
    roots: NDArray[np.uint64],
) -> None:
    """Hand the roots of the down assets at an island's border to all of the island.

    Parameters
    ----------
    member : int32
        Assets of the sector that can lose supply.
    lost : (n_asset, 8) uint64
        Where each of them loses supply in this round.
    up : (n_asset, 8) uint64
        State after the last round.
    inbound_indptr, inbound
        Neighbours from which supply can come.
    outbound_indptr, outbound
        Neighbours to which supply can go.
    roots : (n_category, n_asset, 8) uint64
        Changed in place.
    """
    n = up.shape[0]
    capacity = 1
    while capacity < member.size + 1:
        capacity *= 2
    queue = np.empty(capacity, np.int64)
    waiting = np.zeros(n, np.uint8)
    head = 0
    tail = 0
    border = np.empty((1, 8), np.uint64)
    for i in range(member.size):
        asset = member[i]
        if not any_row(lost, asset):
            continue
        for x in range(inbound_indptr[asset], inbound_indptr[asset + 1]):
            copy_row(border, 0, lost, asset)
            and_not_row(border, 0, up, inbound[x])
            if any_row(border, 0):
                for category in range(roots.shape[0]):
                    or_and_row(roots[category], asset, border, 0, roots[category], inbound[x])
        waiting[asset] = 1
        queue[tail] = asset
        tail += 1
    while head != tail:
        asset = queue[head & (capacity - 1)]
        head += 1
        waiting[asset] = 0
        for x in range(outbound_indptr[asset], outbound_indptr[asset + 1]):
            other = outbound[x]
            gained = False
            for category in range(roots.shape[0]):
                gained |= push_row(roots[category], other, lost, asset, lost, other, roots[category], asset)
            if gained and not waiting[other]:
                waiting[other] = 1
                queue[tail & (capacity - 1)] = other
                tail += 1


@kernel
def finish_round(asset: Indices, lost: Words, up: Words, changed: Flags) -> bool:
    """Take `lost` from `up`, clear it, mark who changed; return whether anyone did."""
    any_change = False
    for i in range(asset.size):
        changed[asset[i]] = 0
        if any_row(lost, asset[i]):
            and_not_row(up, asset[i], lost, asset[i])
            fill_row(lost, asset[i], ZERO)
            changed[asset[i]] = 1
            any_change = True
    return any_change


@kernel
def begin_roots(
    affected: Indices,
    stands: Flags,
    failing: Indices,
    category: NDArray[np.int64],
    failed: Words,
    now: Words,
    up: Words,
    roots: NDArray[np.uint64],
    changed: Flags,
) -> None:
    """Set the state of round 0: who is up, and the roots of those that the hazard put out of function.

    Parameters
    ----------
    affected : int32
        Assets that can be down at all; all other rows stay as they are.
    stands : (n_asset,) uint8
        1 where the asset keeps the state `now` from the start: what is down without any hazard.
    failing : (n,) int32
        An asset that several hazards put out of function is there once for each.
    category : (n,) int64
        Category of each.
    failed : (n, 8) uint64
    now, up : (n_asset, 8) uint64
        The fixed point; the state to set.
    roots : (n_category, n_asset, 8) uint64
    changed : (n_asset,) uint8
    """
    for i in range(affected.size):
        asset = affected[i]
        if stands[asset]:
            copy_row(up, asset, now, asset)
        else:
            fill_row(up, asset, ONES)
        for c in range(roots.shape[0]):
            fill_row(roots[c], asset, ZERO)
        changed[asset] = 1
    for i in range(failing.size):
        and_not_row(up, failing[i], failed, i)
        or_row(roots[category[i]], failing[i], failed, i)


@kernel
def root_needs(
    needs: Indices,
    provider_indptr: Integers,
    provider: Indices,
    unmet: Words,
    up: Words,
    roots: NDArray[np.uint64],
    need_roots: NDArray[np.uint64],
) -> None:
    """Write the roots of unmet needs (of zones): those of their down providers.

    Parameters
    ----------
    needs : (n,) int32
    provider_indptr, provider
    unmet : (n, 8) uint64
    up : (n_asset, 8) uint64
    roots : (n_category, n_asset, 8) uint64
    need_roots : (n_category, n, 8) uint64
        Output.
    """
    down = np.empty((1, 8), np.uint64)
    need_roots[:, :, :] = ZERO
    for i in range(needs.size):
        if not any_row(unmet, i):
            continue
        for x in range(provider_indptr[needs[i]], provider_indptr[needs[i] + 1]):
            copy_row(down, 0, unmet, i)
            and_not_row(down, 0, up, provider[x])
            if any_row(down, 0):
                for category in range(roots.shape[0]):
                    or_and_row(need_roots[category], i, down, 0, roots[category], provider[x])


@kernel
def share_roots(roots: NDArray[np.uint64], row: Indices, weight: Integers, shares: Integers, people: Integers) -> None:
    """Count samples by root, ties shared equally.

    Parameters
    ----------
    roots : (n_category, m, 8) uint64
    row : (n,) int32
        The rows to look at.
    weight : (n,) int64
        People of each.
    shares : (n, n_category) int64
        Changed in place: :data:`SHARES` per sample, divided among its roots.
    people : (n_category,) int64
        Changed in place: weight per sample, divided among its roots.

    Notes
    -----
    What whole numbers leave over goes to the first root, so that samples and people add up.
    """
    n_category = roots.shape[0]
    at_least = np.empty((n_category + 2, 8), np.uint64)
    exact = np.empty((1, 8), np.uint64)
    part = np.empty((1, 8), np.uint64)
    taken = np.empty((1, 8), np.uint64)
    for i in range(weight.size):
        fill_row(at_least, 1, ZERO)
        for category in range(n_category):
            or_row(at_least, 1, roots[category], row[i])
        if not any_row(at_least, 1):
            continue
        fill_row(at_least, 0, ONES)
        for m in range(1, n_category + 2):
            fill_row(at_least, m, ZERO)
        for category in range(n_category):
            for m in range(category + 1, 0, -1):
                or_and_row(at_least, m, at_least, m - 1, roots[category], row[i])
        for m in range(1, n_category + 1):
            if not any_row(at_least, m):
                break
            copy_row(exact, 0, at_least, m)
            and_not_row(exact, 0, at_least, m + 1)
            if not any_row(exact, 0):
                continue
            each = weight[i] // m
            left_over = weight[i] - each * m
            share = SHARES // m
            share_left_over = SHARES - share * m
            fill_row(taken, 0, ZERO)
            for category in range(n_category):
                copy_row(part, 0, exact, 0)
                and_row(part, 0, roots[category], row[i])
                count = count_row(part, 0)
                shares[i, category] += count * share
                people[category] += count * each
                if left_over or share_left_over:
                    and_not_row(part, 0, taken, 0)
                    first = count_row(part, 0)
                    shares[i, category] += first * share_left_over
                    people[category] += first * left_over
                    or_row(taken, 0, part, 0)
