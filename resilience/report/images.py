"""Class maps as small images: PNG with a palette, written here so that nothing is added to the page but pixels."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def png_address(classes: NDArray[np.uint8], palette: Sequence[str]) -> str:
    """Return an image of numbered classes as a ``data:`` address.

    Parameters
    ----------
    classes : (row, column) uint8
        North first.
    palette : sequence of str
        ``#rrggbb`` or ``#rrggbbaa`` of every class.

    Examples
    --------
    >>> png_address(np.zeros((1, 1), np.uint8), ["#0000ff80"])[:40]
    'data:image/png;base64,iVBORw0KGgoAAAANSU'
    """
    height, width = classes.shape
    colours = [bytes.fromhex(f"{colour.lstrip('#')}ff"[:8]) for colour in palette]
    rows = np.zeros((height, width + 1), np.uint8)  # each begins with its filter: none
    rows[:, 1:] = classes
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", b"".join(colour[:3] for colour in colours)),
            (b"tRNS", bytes(colour[3] for colour in colours)),
            (b"IDAT", zlib.compress(rows.tobytes())),
            (b"IEND", b""),
        )
    )
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
