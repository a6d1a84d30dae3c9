"""Where a shortage began: roots of members of a sector that are served too little, for 512 samples at once.

A shortage has no single place: its roots are those of all members of the sector that are down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel
from resilience.kernels.rows import Words

Indices = NDArray[np.int32]


@kernel
def blame_shortage(member: Indices, up: Words, roots: NDArray[np.uint64], own: int, blame: Words) -> None:
    """Write the roots of a sector's shortage: those of all its members that are down.

    Parameters
    ----------
    member : (n,) int32
    up : (n_asset, 8) uint64
    roots : (n_category, n_asset, 8) uint64
    own : int
        Category of what the event does to the sector itself without failing any asset, which is blamed where nothing
        else is down; -1 where it does nothing.
    blame : (n_category, 8) uint64
        Output.
    """
    n_category = roots.shape[0]
    for category in range(n_category):
        for w in range(8):
            blame[category, w] = np.uint64(0)
    for i in range(member.size):
        for category in range(n_category):
            for w in range(8):
                blame[category, w] |= roots[category, member[i], w] & ~up[member[i], w]
    if own >= 0:
        for w in range(8):
            traced = np.uint64(0)
            for category in range(n_category):
                traced |= blame[category, w]
            blame[own, w] |= ~traced


@kernel
def spread_shortage(member: Indices, short: Words, up: Words, roots: NDArray[np.uint64], own: int, lost: Words) -> bool:
    """Hand the roots of what is down of a sector to its members that are served too little; return whether any fell.

    Parameters
    ----------
    member : (n,) int32
    short : (n, 8) uint64
        Where each is served too little, or tripped, though neither the hazard nor a need stops it.
    up : (n_asset, 8) uint64
        State after the last round; not changed.
    roots : (n_category, n_asset, 8) uint64
        Changed in place.
    own : int
        As in :func:`blame_shortage`.
    lost : (n_asset, 8) uint64
        Changed in place. Samples in which nothing can be blamed yet are left for a later round.
    """
    n_category = roots.shape[0]
    blame = np.empty((n_category, 8), np.uint64)
    blame_shortage(member, up, roots, own, blame)
    traced = np.zeros(8, np.uint64)
    for category in range(n_category):
        for w in range(8):
            traced[w] |= blame[category, w]
    fell = False
    for i in range(member.size):
        for w in range(8):
            falls = up[member[i], w] & short[i, w] & traced[w]
            if falls:
                fell = True
                lost[member[i], w] |= falls
                for category in range(n_category):
                    roots[category, member[i], w] |= falls & blame[category, w]
    return fell


@kernel
def blame_received(
    needs: Indices,
    provider_indptr: NDArray[np.int64],
    provider: Indices,
    unmet: Words,
    up: Words,
    roots: NDArray[np.uint64],
    fraction_row: Indices,
    reduced: Words,
    sector: Indices,
    blame: NDArray[np.uint64],
    need_roots: NDArray[np.uint64],
) -> None:
    """Add the roots of needs (of zones) that receive less because a provider is served less that did not fall.

    One still counts, or did not count in the intact city either, where it served something all the same.

    Parameters
    ----------
    needs : (n,) int32
    provider_indptr, provider
    unmet : (n, 8) uint64
        Where the need receives less than in the intact city.
    up : (n_asset, 8) uint64
    roots : (n_category, n_asset, 8) uint64
        Of the assets.
    fraction_row : (n_asset,) int32
        Row of `reduced`, or -1.
    reduced : (m, 8) uint64
        Where a provider is served less than in the intact city.
    sector : (m,) int32
        Row of `blame` of each.
    blame : (n_sector, n_category, 8) uint64
        Roots of each sector's shortage.
    need_roots : (n_category, n, 8) uint64
        Changed in place.
    """
    for i in range(needs.size):
        for x in range(provider_indptr[needs[i]], provider_indptr[needs[i] + 1]):
            row = fraction_row[provider[x]]
            if row < 0:
                continue
            for w in range(8):
                fell = np.uint64(0)
                for category in range(roots.shape[0]):
                    fell |= roots[category, provider[x], w]
                part = unmet[i, w] & reduced[row, w] & (up[provider[x], w] | ~fell)
                if part:
                    for category in range(need_roots.shape[0]):
                        need_roots[category, i, w] |= part & blame[sector[row], category, w]
