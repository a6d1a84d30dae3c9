"""One file used for several return periods: noticed before anything is computed, at a small cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resilience.hazard.checks import identical_events, warn_identical
from resilience.readers.labelled import LabelledLayer
from resilience.readers.layers import Layer
from resilience.readers.raster import RasterLayer, is_remote

CHUNK_BYTES = 1 << 20
LOOK_BYTES = 1 << 12
N_LOOKS = 256
WINDOW = 64
# Windows per side: small maps are compared whole, large ones in 64 places.
N_PLACES = 8
# A lazy labelled array decodes whole chunks, which may be whole maps: larger ones are not touched at opening.
MOST_CELLS = 4_000_000


def warn_identical_layers(layers: Sequence[Layer], *, family: str) -> None:
    """Warn of neighbouring return periods with the same map.

    Parameters
    ----------
    layers : sequence of Layer
        By ascending return period.
    family : str

    Notes
    -----
    Separate files are compared byte by byte up to the first difference, and no cell is decoded. Bands of one file are
    compared in up to 64 small windows.
    """
    names = [f"rp{layer.return_period:.12g}" for layer in layers]
    pairs = [(k, k + 1) for k in range(len(layers) - 1) if _same_map(layers[k], layers[k + 1])]
    warn_identical(pairs, names=names, subject=family, stacklevel=4)


def _same_map(first: Layer, second: Layer) -> bool:
    if isinstance(first, RasterLayer) and isinstance(second, RasterLayer):
        if is_remote(first.path) or is_remote(second.path):
            return first.path == second.path and first.band == second.band
        if first.path != second.path:
            return first.band == second.band and _same_bytes(Path(first.path), Path(second.path))
    lazy = isinstance(first, LabelledLayer) and not first.variable._in_memory
    if lazy and first.height * first.width > MOST_CELLS:
        return False
    told = False
    for rows, columns in _windows(first.height, first.width):
        pair = _read_pair(first, second, rows, columns)
        if not np.array_equal(pair[0], pair[1], equal_nan=True):
            return False
        told = told or bool(identical_events(pair))
    return told


def _same_bytes(first: Path, second: Path) -> bool:
    size = first.stat().st_size
    if size != second.stat().st_size:
        return False
    with first.open("rb") as one, second.open("rb") as other:
        # Maps that are not compressed may begin with gigabytes of the same dry cells: look around first.
        for start in range(0, size, max(CHUNK_BYTES, size // N_LOOKS)):
            one.seek(start)
            other.seek(start)
            if one.read(LOOK_BYTES) != other.read(LOOK_BYTES):
                return False
        one.seek(0)
        other.seek(0)
        while True:
            chunk = one.read(CHUNK_BYTES)
            if chunk != other.read(CHUNK_BYTES):
                return False
            if not chunk:
                return True


def _windows(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    for top in _starts(height):
        for left in _starts(width):
            yield slice(top, min(height, top + WINDOW)), slice(left, min(width, left + WINDOW))


def _starts(size: int) -> list[int]:
    if size <= N_PLACES * WINDOW:
        return list(range(0, size, WINDOW))
    return [int(start) for start in np.linspace(0, size - WINDOW, N_PLACES)]


def _read_pair(first: Layer, second: Layer, rows: slice, columns: slice) -> NDArray[np.float32]:
    pair = np.empty((2, rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
    first.read(rows, columns, pair[0])
    second.read(rows, columns, pair[1])
    return pair
