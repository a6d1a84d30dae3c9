"""Files beside a map or layer that say something of it: GDAL reads them with it, so they are part of the input."""

from __future__ import annotations

import re
from pathlib import Path

WITH_NAME = (".aux.xml", ".msk")
"""After the whole name: CRS, place, scale, unit and missing values of a raster; its mask."""

WITH_STEM = (".aux", ".hdr", ".prj", ".wld", ".gfs", ".xsd")
"""In place of the suffix: headers, CRS and place of rasters; the columns of GML."""

_STATISTICS = re.compile(rb"<(Metadata|Histograms|GDALRasterAttributeTable)\b.*?</\1>", re.DOTALL)
_EMPTY = re.compile(rb"<(PAMRasterBand)\b[^>]*?(/>|>\s*</\1>)|<\?xml.*?\?>|</?PAMDataset\s*/?>", re.DOTALL)


def side_files(path: Path) -> dict[str, bytes]:
    """Return what stands beside a file and says something of it, by name.

    Parameters
    ----------
    path : pathlib.Path
        A file; beside a folder nothing is looked for.

    Notes
    -----
    Statistics and histograms, which a desktop GIS writes when it shows a map, say nothing that is read here; overviews
    are of the map itself.

    Examples
    --------
    >>> side_files(Path("nowhere.tif"))
    {}
    """
    if not path.is_file():
        return {}
    suffix = path.suffix.lower()
    # World files: of depth.tif depth.tfw and depth.tifw.
    worlds = (f".{suffix[1]}{suffix[-1]}w", f"{suffix}w") if len(suffix) > 2 else ()
    names = [*(path.name + end for end in WITH_NAME), *(path.stem + end for end in (*WITH_STEM, *worlds))]
    found = {}
    for name in names:
        file = path.with_name(name)
        if name != path.name and file.is_file():
            said = file.read_bytes()
            if name.endswith(".aux.xml"):
                said = _EMPTY.sub(b"", _STATISTICS.sub(b"", said)).strip()
            if said:
                found[name] = said
    return found
