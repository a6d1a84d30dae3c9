"""Shapes in text, which may come from anybody."""

from __future__ import annotations

import re

import numpy as np
import shapely
from numpy.typing import NDArray

MOST_COLLECTIONS = 16

_collections = re.compile("collection", re.IGNORECASE).findall


def shapes_of_wkt(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the shapes that texts tell; None for what is no WKT.

    Parameters
    ----------
    texts : (n,) object
        Text or None.

    Notes
    -----
    GEOS follows nested collections on the stack and ends the process where it is used up: 17 levels are no shape of a
    city.

    Examples
    --------
    >>> shapes_of_wkt(np.array(["POINT (1 2)", "here", None], dtype=object)).tolist()
    [<POINT (1 2)>, None, None]
    """
    kept = [None if text is None or len(_collections(text)) > MOST_COLLECTIONS else text for text in texts.tolist()]
    shapes = shapely.from_wkt(np.array(kept, dtype=object), on_invalid="ignore")
    return np.asarray(shapes, dtype=object).reshape(-1)
